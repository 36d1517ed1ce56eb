/* SPDX-License-Identifier: Apache-2.0
 *
 * Storage by the hour: the slices of any life sum to the whole life rounded once, and the ledger books each slice once
 * whatever dies between two transactions. The oracle sums microseconds.
 */
#include "model/hold.h"

#include "base/intern.h"
#include "ledger/store.h"
#include "ledger_help.h"
#include "t.h"

/* Half to even, by long hand. */
static uint64_t oracle(uint64_t tokens, int64_t us)
{
	unsigned __int128 n = (unsigned __int128)tokens * (uint64_t)(us > 0 ? us : 0), hour = (uint64_t)HOLD_SLICE_US;
	unsigned __int128 whole = n / hour, rest = n % hour;
	return (uint64_t)(whole + (rest * 2 > hour || (rest * 2 == hour && whole % 2)));
}

TEST(token_hours_are_rounded_half_to_even)
{
	T_EQ_I(hold_token_hours(1000, 0, HOLD_SLICE_US), 1000);
	T_EQ_I(hold_token_hours(1, 0, HOLD_SLICE_US / 2), 0);
	T_EQ_I(hold_token_hours(3, 0, HOLD_SLICE_US / 2), 2);
	T_EQ_I(hold_token_hours(5, 0, HOLD_SLICE_US / 2), 2);
	T_EQ_I(hold_token_hours(5, 10, 10), 0);
	T_EQ_I(hold_token_hours(5, 10, 0), 0);
	T_EQ_I(hold_token_hours(UINT64_C(1) << 53, 0, INT64_MAX), INT64_MAX);
}

/* One random life: looked at at odd moments, its end moved, at last over. */
static void live(uint64_t seed)
{
	struct rng r;
	struct hold h = {.from_us = INT64_C(1790000000) * US_PER_S};
	struct hold_slice s;
	uint64_t sum = 0;
	int64_t now = h.from_us, end, covered = h.from_us;
	rng_seed(&r, seed);
	h.tokens = rng_below(&r, 3) ? rng_below(&r, 200000) : rng_below(&r, 5);
	h.booked_us = h.from_us;
	h.until_us = h.from_us + (int64_t)rng_below(&r, 40 * 3600) * US_PER_S + (int64_t)rng_below(&r, US_PER_S);
	for (unsigned looks = (unsigned)rng_below(&r, 30); looks; looks--) {
		now += (int64_t)rng_below(&r, 3 * 3600) * US_PER_S + (int64_t)rng_below(&r, US_PER_S);
		while (hold_next(&h, now, &s)) {
			T_EQ_I(s.from_us, covered);
			T_TRUE(s.to_us > s.from_us && s.to_us <= now && s.to_us - s.from_us <= HOLD_SLICE_US);
			covered = s.to_us;
			sum += s.token_hours;
		}
		T_TRUE(hold_due_us(&h) > now || h.booked_us >= h.until_us);
		if (!rng_below(&r, 6) && h.until_us > now)
			h.until_us = now + (int64_t)rng_below(&r, 10 * 3600) * US_PER_S;
	}
	end = now < h.until_us ? now : h.until_us; /* deleted now, or it was over by itself */
	h.until_us = end;
	while (hold_next(&h, now, &s)) {
		covered = s.to_us;
		sum += s.token_hours;
	}
	T_EQ_I(covered, end > h.from_us ? end : h.from_us);
	T_EQ_I(sum, oracle(h.tokens, end - h.from_us));
	T_TRUE(!hold_next(&h, now, &s) && h.booked_us >= h.until_us);
}

TEST(slices_of_any_life_sum_to_the_whole)
{
	for (uint64_t seed = 0; seed < 2000; seed++)
		live(seed);
}

TEST(clocks_that_disagree_book_nothing_and_never_go_back)
{
	struct hold h = {.tokens = 1000, .from_us = 5000000, .booked_us = 5000000, .until_us = 1000000};
	struct hold_slice s;
	T_TRUE(!hold_next(&h, 9000000, &s)); /* it ended before it began */
	h.until_us = 5000001;
	T_TRUE(!hold_next(&h, 4000000, &s)); /* the vendor's clock is ahead of ours */
	T_TRUE(hold_next(&h, 5000001, &s));
	T_EQ_I(s.token_hours, 0);
	h.until_us = HOLD_FOREVER;
	h.booked_us = HOLD_FOREVER - 1;
	T_EQ_I(hold_due_us(&h), HOLD_FOREVER);
}

TEST(the_ledger_keeps_a_hold_and_shows_the_one_that_is_due_first)
{
	struct err e = {0};
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	struct hold a = {.key = {1, 2}, .name = "cachedContents/a", .tokens = 7, .from_us = 100, .booked_us = 100,
			 .until_us = 900, .operation = {3, 4}, .booked_token_hours = 5},
		    b = a, out;
	struct verify_result v;
	a.model = intern(STR("gemini-2.5-pro"));
	a.team = intern(STR("it's \"x\""));
	b.key.lo = 3;
	b.until_us = 800;
	OK(ledger_begin(l, &e));
	OK(ledger_put_hold(l, &a, &e));
	OK(ledger_put_hold(l, &b, &e));
	OK(ledger_commit(l, &e));
	ledger_close(l);
	l = help_open(path, LEDGER_WRITE);
	OK(ledger_find_hold(l, a.key, &out, &e));
	T_TRUE(memcmp(&a, &out, sizeof a) == 0);
	OK(ledger_next_hold(l, &out, &e));
	T_EQ_I(out.until_us, 800);
	OK(ledger_begin(l, &e));
	b.until_us = 1000;
	OK(ledger_put_hold(l, &b, &e));
	OK(ledger_commit(l, &e));
	OK(ledger_next_hold(l, &out, &e));
	T_EQ_I(out.until_us, 900);
	OK(ledger_verify(l, &v, &e));
	T_TRUE(v.ok);
	OK(store_exec(l, "UPDATE hold SET tokens=70 WHERE until=900", &e));
	OK(ledger_verify(l, &v, &e));
	T_TRUE(!v.ok && strstr(v.problem[0], "cachedContents/a"));
	T_EQ_I(ledger_find_hold(l, a.key, &out, &e), -RR_STORE);
	OK(ledger_begin(l, &e));
	OK(ledger_end_hold(l, a.key, &e));
	OK(ledger_end_hold(l, b.key, &e));
	OK(ledger_commit(l, &e));
	T_EQ_I(ledger_next_hold(l, &out, &e), -RR_NOTFOUND);
	T_EQ_I(ledger_find_hold(l, a.key, &out, &e), -RR_NOTFOUND);
	help_done(l);
}

T_MAIN
