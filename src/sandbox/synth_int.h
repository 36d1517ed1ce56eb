/* SPDX-License-Identifier: Apache-2.0
 *
 * What the made-up exports share: see synth.h.
 */
#ifndef RR_SANDBOX_SYNTH_INT_H
#define RR_SANDBOX_SYNTH_INT_H

#include "base/rng.h"
#include "sandbox/synth.h"

struct synth_rate {
	const char *model, *title;
	uint64_t plain, read, write, out, train; /* 10^-12 USD a token */
};

enum { SYNTH_CLAUDES = 3 };
extern const struct synth_rate synth_claude_rate[SYNTH_CLAUDES];

static inline money_wide synth_worth(const struct synth_rate *r, uint64_t plain, uint64_t read, uint64_t write,
				     uint64_t out)
{
	return (money_wide)plain * r->plain + (money_wide)read * r->read + (money_wide)write * r->write +
	       (money_wide)out * r->out;
}

/* The random numbers of one day of one world. */
void synth_rng(const struct synth *s, uint64_t world, uint32_t day, struct rng *r);
uint64_t synth_busy(const struct synth *s, uint32_t day); /* 100 = a working day at the start */
void synth_log_day(const struct synth *s, uint32_t day, struct sb *out, struct synth_truth *t);
void synth_csv_day(const struct synth *s, uint32_t day, struct sb *out, struct synth_truth *t);

#endif
