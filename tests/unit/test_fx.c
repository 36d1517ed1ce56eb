/* SPDX-License-Identifier: Apache-2.0
 *
 * Dated rates against figures by hand (Python's decimal, half to even), and the rate of a day against a plain search.
 */
#include "base/err.h"
#include "base/rng.h"
#include "model/fx.h"
#include "t.h"

#define DAY (INT64_C(86400) * 1000000)
static const struct currency usd = {"USD"}, gbp = {"GBP"}, eur = {"EUR"};

TEST(amounts_at_the_rate_of_their_day)
{
	const struct fx_rate rate[] = {{usd, gbp, INT64_C(769200000000), 10 * DAY}, {usd, gbp, INT64_C(800000000000), 20 * DAY},
				       {usd, gbp, INT64_C(750000000000), 20 * DAY}};
	struct fx fx = {rate, 3};
	int64_t out = 7;
	T_EQ_I(fx_convert(fx, 1, usd, gbp, false, 9 * DAY, &out), -RR_NOTFOUND);
	T_EQ_I(fx_convert(fx, INT64_C(1000000000001), usd, gbp, false, 10 * DAY, &out), 0);
	T_EQ_I(out, INT64_C(769200000001)); /* ...000.7692 */
	T_EQ_I(fx_convert(fx, INT64_C(1000000000001), usd, gbp, true, 10 * DAY, &out), 0);
	T_EQ_I(out, INT64_C(769200000001));
	T_EQ_I(fx_convert(fx, 2, usd, gbp, false, 25 * DAY, &out), 0); /* 1.5: the even one, of the last that was stated */
	T_EQ_I(out, 2);
	T_EQ_I(fx_convert(fx, 1, usd, gbp, true, 25 * DAY, &out), 0);
	T_EQ_I(out, 1);
	T_EQ_I(fx_convert(fx, 3, gbp, usd, false, 25 * DAY, &out), 0); /* the other way round */
	T_EQ_I(out, 4);
	T_EQ_I(fx_convert(fx, 5, usd, usd, false, 0, &out), 0);
	T_EQ_I(out, 5);
	T_EQ_I(fx_convert(fx, 5, usd, eur, false, 25 * DAY, &out), -RR_NOTFOUND);
	T_EQ_I(fx_convert(fx, INT64_MAX, gbp, usd, false, 25 * DAY, &out), -RR_RANGE);
	T_EQ_I(fx_convert(fx, -1, usd, gbp, true, 25 * DAY, &out), 0);
	T_EQ_I(out, 0);
}

TEST(the_newest_rate_in_force_wins)
{
	struct fx_rate rate[40];
	struct rng r;
	rng_seed(&r, 20261129);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned count = (unsigned)rng_below(&r, 41);
		int64_t at = (int64_t)rng_below(&r, 50) * DAY, best_us = INT64_MIN;
		const struct fx_rate *want = NULL;
		bool back = false;
		for (unsigned i = 0; i < count; i++) {
			bool turn = rng_below(&r, 2), other = rng_below(&r, 3) == 0;
			rate[i] = (struct fx_rate){turn ? gbp : usd, other ? eur : turn ? usd : gbp, 1 + (int64_t)i, (int64_t)rng_below(&r, 50) * DAY};
			if (!other && rate[i].from_us <= at && rate[i].from_us >= best_us) {
				want = &rate[i];
				best_us = rate[i].from_us;
			}
		}
		T_TRUE(fx_find((struct fx){rate, count}, usd, gbp, at, &back) == want);
		if (want)
			T_EQ_I(back, currency_eq(want->from, gbp));
	}
}

T_MAIN
