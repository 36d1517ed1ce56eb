/* SPDX-License-Identifier: Apache-2.0
 *
 * Exchange rates that the user stated, by day. Nothing is ever converted at a rate that nobody stated: an amount
 * without one stays in its own currency, and whoever asked is told.
 */
#ifndef RR_MODEL_FX_H
#define RR_MODEL_FX_H

#include "base/money.h"

struct fx_rate { /* 1 unit of `from` is rate_pico / 10^12 units of `to`, from that day on */
	struct currency from, to;
	int64_t rate_pico;
	int64_t from_us;
};

struct fx {
	const struct fx_rate *rate; /* in any order; of equal days the last one counts */
	unsigned count;
};

/* The rate in force at that time, either way round (*back: it was stated from `to` to `from`). NULL: there is none. */
const struct fx_rate *fx_find(struct fx fx, struct currency from, struct currency to, int64_t at_us, bool *back);
/* The amount in `to` at the newest rate in force; up: rounded up, else half to even. 0, -RR_NOTFOUND without a rate,
 * -RR_RANGE. */
int fx_convert(struct fx fx, int64_t pico, struct currency from, struct currency to, bool up, int64_t at_us,
	       int64_t *out);

#endif
