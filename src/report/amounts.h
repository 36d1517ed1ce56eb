/* SPDX-License-Identifier: Apache-2.0
 *
 * What a roll-up row is worth, and which rows count: the rules that every report shares.
 *
 * 1. A row is worth what our book says, else what the vendor billed; without either its worth is not known, and that
 *    is never zero.
 * 2. The headline counts production, unless another environment, or all of them, was asked for.
 * 3. An amount is converted only at a rate that the user stated, the newest one in force on that day.
 */
#ifndef RR_REPORT_AMOUNTS_H
#define RR_REPORT_AMOUNTS_H

#include "report/report.h"

/* Which environments count. */
struct env_filter {
	uint32_t env; /* interned name; 0 = production by flag, UINT32_MAX = all */
};
struct env_filter env_filter_of(const char *env); /* NULL: production; "all"; or a name */
bool env_counts(struct env_filter f, const struct rollup_key *k);

/* false: not known (no price and no bill). */
bool row_amount(const struct rollup_row *x, money_wide *pico);
/* It should have a price and has none. */
bool row_unpriced(const struct rollup_row *x);
/* Calls that were forwarded: those that we refused are not among them. */
static inline uint64_t row_calls(const struct rollup_row *x)
{
	return x->sum.calls - x->sum.refused;
}

struct currency currency_interned(uint32_t id);
/* The interned name by which a row is grouped; not for times. BY_AUTO is the feature. */
uint32_t row_name(enum report_by by, const struct rollup_key *k);
static inline bool report_by_time(enum report_by b)
{
	return b >= BY_HOUR;
}
/* *pico from one currency into another at the rate in force at that time. false: there is no rate; *pico is kept. */
bool rates_convert(const struct fx_rate *rates, unsigned count, struct currency from, struct currency to,
		   int64_t at_us, money_wide *pico);
/* Currencies whose amounts are in no figure, for want of a rate. */
struct left_out {
	struct currency currency[8];
	unsigned count;
};
void left_out_add(struct left_out *x, struct currency c);
void left_out_text(const struct left_out *x, struct sb *out); /* a sentence; nothing where there are none */
struct json_out;
void left_out_json(const struct left_out *x, struct json_out *w); /* "left_out": ["EUR"] */
/* a * b / d rounded half to even with a product of 256 bits; d > 0, and the result must fit. */
money_wide money_scale(money_wide a, money_wide b, money_wide d);
/* The same rounded down, for a, b >= 0, and what is left over: a * b = result * d + *rest. */
money_wide money_divide(money_wide a, money_wide b, money_wide d, money_wide *rest);
/* The same; false when the result does not fit (d > 0 still holds). */
bool money_scale_fits(money_wide a, money_wide b, money_wide d, money_wide *out);

/* The currency that all amounts of the period share; code[0] == 0 when there are several or none. */
/* *several is set where there is more than one, and left as it is otherwise. */
int report_only_currency(struct ledger *l, int64_t from_us, int64_t to_us, struct env_filter env, struct currency *out,
			 bool *several, struct err *e);

#endif
