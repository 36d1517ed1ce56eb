/* SPDX-License-Identifier: Apache-2.0
 *
 * See fx.h.
 */
#include "model/fx.h"

#include "base/err.h"

const struct fx_rate *fx_find(struct fx fx, struct currency from, struct currency to, int64_t at_us, bool *back)
{
	const struct fx_rate *best = NULL;
	for (unsigned i = 0; i < fx.count; i++) {
		const struct fx_rate *x = &fx.rate[i];
		bool straight = currency_eq(x->from, from) && currency_eq(x->to, to);
		bool reverse = currency_eq(x->to, from) && currency_eq(x->from, to);
		if ((straight || reverse) && x->from_us <= at_us && x->rate_pico > 0 &&
		    (!best || x->from_us >= best->from_us)) {
			best = x;
			*back = reverse;
		}
	}
	return best;
}

int fx_convert(struct fx fx, int64_t pico, struct currency from, struct currency to, bool up, int64_t at_us,
	       int64_t *out)
{
	const struct fx_rate *x;
	money_wide product, whole, divisor;
	bool back = false;
	if (currency_eq(from, to) || pico == 0) {
		*out = pico;
		return 0;
	}
	x = fx_find(fx, from, to, at_us, &back);
	if (!x)
		return -RR_NOTFOUND;
	divisor = back ? x->rate_pico : PICO_PER_UNIT;
	product = (money_wide)pico * (back ? PICO_PER_UNIT : x->rate_pico); /* below 2^126 */
	whole = money_round(product, divisor);
	if (up && whole * divisor < product)
		whole++;
	if (whole > INT64_MAX || whole < INT64_MIN)
		return -RR_RANGE;
	*out = (int64_t)whole;
	return 0;
}
