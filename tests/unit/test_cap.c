/* SPDX-License-Identifier: Apache-2.0
 *
 * Caps against a simple model of them: a list of every reservation ever made, summed anew at each step. Then the
 * calendar: windows across daylight saving, clocks that step back, money that does not fit.
 */
#include "base/err.h"
#include "base/rng.h"
#include "model/cap.h"
#include "t.h"

enum { HOLDS = 4000 };
#define HOUR_US (3600 * US_PER_S)

struct model_hold {
	struct cap_hold hold;
	int64_t window, pico, used_pico;
	uint64_t tok, used_tok;
	bool open;
};

static struct model_hold holds[HOLDS];

static struct inference_cap cap_of(bool hard, int64_t pico, uint64_t tok, enum window w)
{
	struct inference_cap c;
	memset(&c, 0, sizeof c);
	c.rule.hard = hard;
	c.rule.amount_pico = pico;
	c.rule.tokens = tok;
	c.rule.jobs = UINT64_MAX;
	c.rule.window = w;
	c.rule.currency = USD;
	return c;
}

static const struct tz *utc(void)
{
	return tz_get("UTC", NULL);
}

/* One random life of a cap: reserve, settle, let time pass; the model says what must hold. */
static void live(uint64_t seed, bool hard)
{
	struct rng r;
	struct inference_cap c;
	int64_t now = INT64_C(1790000000) * US_PER_S, limit;
	uint64_t limit_tok;
	unsigned count = 0, refused = 0, rolled = 0;
	rng_seed(&r, seed);
	limit = rng_below(&r, 8) ? (int64_t)rng_below(&r, 5000) : INT64_MAX;
	limit_tok = rng_below(&r, 3) ? rng_below(&r, 4000) : UINT64_MAX;
	c = cap_of(hard, limit, limit_tok, WINDOW_HOUR);
	inference_cap_roll(&c, utc(), now);
	for (unsigned step = 0; step < 3000; step++) {
		int64_t spent = 0, reserved = 0, window = now / HOUR_US * HOUR_US;
		uint64_t spent_tok = 0, reserved_tok = 0;
		uint64_t dice = rng_below(&r, 100);
		if (dice < 45 && count < HOLDS) {
			struct model_hold *h = &holds[count];
			int64_t pico = (int64_t)rng_below(&r, 400);
			uint64_t tok = rng_below(&r, 400);
			bool warn = false, over = false;
			for (unsigned i = 0; i < count; i++)
				if (holds[i].window == window) {
					spent += holds[i].open ? 0 : holds[i].used_pico;
					reserved += holds[i].open ? holds[i].pico : 0;
					spent_tok += holds[i].open ? 0 : holds[i].used_tok;
					reserved_tok += holds[i].open ? holds[i].tok : 0;
				}
			over = (pico && limit != INT64_MAX && spent + reserved + pico > limit) ||
			       (tok && limit_tok != UINT64_MAX && spent_tok + reserved_tok + tok > limit_tok);
			if (inference_cap_reserve(&c, pico, tok, &h->hold, &warn) == 0) {
				T_TRUE(!(over && hard));
				T_EQ_I(warn, over);
				/* invariant 1 */
				if (hard)
					T_TRUE(!pico || limit == INT64_MAX || c.spent_pico + c.reserved_pico <= limit);
				if (hard)
					T_TRUE(!tok || limit_tok == UINT64_MAX ||
					       c.spent_tok + c.reserved_tok <= limit_tok);
				h->window = window;
				h->pico = pico;
				h->tok = tok;
				h->open = true;
				count++;
			} else {
				T_TRUE(over && hard);
				refused++;
			}
		} else if (dice < 95 && count) {
			struct model_hold *h = &holds[rng_below(&r, count)];
			if (h->open) {
				h->used_pico = (int64_t)rng_below(&r, (uint64_t)h->pico + 1);
				h->used_tok = rng_below(&r, h->tok + 1);
				inference_cap_settle(&c, &h->hold, h->used_pico, h->used_tok);
				h->open = false;
			}
		} else {
			now += (int64_t)rng_below(&r, (uint64_t)HOUR_US / 4);
			if (now / HOUR_US * HOUR_US != window) {
				rolled++;
				refused = 0;
			}
			inference_cap_roll(&c, utc(), now);
		}
		/* the counters are the sums over the current window's holds: invariants 2 and 3 */
		spent = reserved = 0;
		spent_tok = reserved_tok = 0;
		window = now / HOUR_US * HOUR_US;
		for (unsigned i = 0; i < count; i++)
			if (holds[i].window == window) {
				spent += holds[i].open ? 0 : holds[i].used_pico;
				reserved += holds[i].open ? holds[i].pico : 0;
				spent_tok += holds[i].open ? 0 : holds[i].used_tok;
				reserved_tok += holds[i].open ? holds[i].tok : 0;
			}
		T_EQ_I(c.from_us, window);
		T_EQ_I(c.spent_pico, spent);
		T_EQ_I(c.reserved_pico, reserved);
		T_EQ_I(c.spent_tok, spent_tok);
		T_EQ_I(c.reserved_tok, reserved_tok);
		T_EQ_I(c.refused, refused);
	}
	for (unsigned i = 0; i < count; i++)
		if (holds[i].open)
			inference_cap_settle(&c, &holds[i].hold, 0, 0);
	T_EQ_I(c.reserved_pico, 0); /* all is quiet */
	T_EQ_I(c.reserved_tok, 0);
	T_TRUE(rolled > 5);
}

TEST(random_lives_agree_with_the_model)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		live(seed, seed % 3 != 0);
}

TEST(c43_a_thousand_at_once_against_a_budget_for_k_admit_k)
{
	for (unsigned k = 0; k <= 7; k++) {
		struct inference_cap c = cap_of(true, 100 * (int64_t)k + 99, UINT64_MAX, WINDOW_DAY);
		unsigned admitted = 0;
		inference_cap_roll(&c, utc(), 0);
		for (unsigned i = 0; i < 1000; i++) {
			struct cap_hold h;
			admitted += inference_cap_reserve(&c, 100, 1, &h, NULL) == 0;
		}
		T_EQ_I(admitted, k);
		T_EQ_I(c.refused, 1000 - k);
	}
}

TEST(c51_what_costs_nothing_is_not_refused_by_a_money_limit)
{
	struct inference_cap c = cap_of(true, 100, UINT64_MAX, WINDOW_DAY);
	struct cap_hold h;
	inference_cap_roll(&c, utc(), 0);
	T_EQ_I(inference_cap_reserve(&c, 100, 5, &h, NULL), 0);
	inference_cap_settle(&c, &h, 250, 5); /* a bound that was wrong: the truth is booked */
	T_EQ_I(c.spent_pico, 250);
	T_EQ_I(inference_cap_reserve(&c, 1, 5, &h, NULL), -RR_BUDGET);
	T_EQ_I(inference_cap_reserve(&c, 0, 5, &h, NULL), 0);
}

TEST(a_refusal_changes_nothing_but_its_count)
{
	struct inference_cap c = cap_of(true, 100, 10, WINDOW_TOTAL), before;
	struct cap_hold h = {77, 77, 77};
	inference_cap_roll(&c, utc(), 5);
	before = c;
	T_EQ_I(inference_cap_reserve(&c, 101, 1, &h, NULL), -RR_BUDGET);
	T_EQ_I(inference_cap_reserve(&c, 1, 11, &h, NULL), -RR_BUDGET);
	T_EQ_I(h.pico, 77);
	before.refused = 2;
	T_TRUE(memcmp(&before, &c, sizeof c) == 0);
}

TEST(c44_a_settle_of_an_earlier_window_leaves_the_new_one_alone)
{
	struct inference_cap c = cap_of(true, 100, UINT64_MAX, WINDOW_HOUR);
	struct cap_hold old, young;
	inference_cap_roll(&c, utc(), 10);
	T_EQ_I(inference_cap_reserve(&c, 60, 0, &old, NULL), 0);
	inference_cap_roll(&c, utc(), HOUR_US + 10);
	T_EQ_I(c.reserved_pico, 0);
	T_EQ_I(inference_cap_reserve(&c, 100, 0, &young, NULL), 0);
	inference_cap_settle(&c, &old, 60, 0);
	T_EQ_I(c.spent_pico, 0);
	T_EQ_I(c.reserved_pico, 100);
	inference_cap_settle(&c, &young, 40, 0);
	T_EQ_I(c.spent_pico, 40);
	T_EQ_I(c.reserved_pico, 0);
}

TEST(a_clock_that_steps_back_does_not_reopen_a_window)
{
	struct inference_cap c = cap_of(true, 100, UINT64_MAX, WINDOW_HOUR);
	struct cap_hold h;
	inference_cap_roll(&c, utc(), 5 * HOUR_US + 3);
	T_EQ_I(inference_cap_reserve(&c, 90, 0, &h, NULL), 0);
	inference_cap_settle(&c, &h, 90, 0);
	inference_cap_roll(&c, utc(), 4 * HOUR_US); /* an hour back */
	T_EQ_I(c.from_us, 5 * HOUR_US);
	T_EQ_I(c.spent_pico, 90);
	inference_cap_roll(&c, utc(), 6 * HOUR_US);
	T_EQ_I(c.spent_pico, 0);
}

TEST(c41_days_of_23_and_25_hours)
{
	struct err e;
	const struct tz *london = tz_get("Europe/London", &e);
	/* London: summer time begins 2026-03-29 01:00 UTC, ends 2026-10-25 01:00 UTC */
	static const struct {
		const char *now, *from, *to;
		enum window w;
	} cases[] = {
		{"2026-03-29T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z", WINDOW_DAY},
		{"2026-10-25T12:00:00Z", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z", WINDOW_DAY},
		{"2026-07-31T22:59:59Z", "2026-06-30T23:00:00Z", "2026-07-31T23:00:00Z", WINDOW_MONTH},
		{"2026-07-31T23:00:00Z", "2026-07-31T23:00:00Z", "2026-08-31T23:00:00Z", WINDOW_MONTH},
		{"2026-11-21T00:00:00Z", "2026-09-30T23:00:00Z", "2027-01-01T00:00:00Z", WINDOW_QUARTER},
	};
	if (!london) {
		printf("  SKIPPED: no zone Europe/London on this machine\n");
		return;
	}
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct inference_cap c = cap_of(true, 100, UINT64_MAX, cases[i].w);
		int64_t now, from, to;
		T_EQ_I(time_parse(str_of(cases[i].now), &now) | time_parse(str_of(cases[i].from), &from) |
			       time_parse(str_of(cases[i].to), &to),
		       0);
		inference_cap_roll(&c, london, now);
		T_EQ_I(c.from_us, from);
		T_EQ_I(c.to_us, to);
		c.spent_pico = 50;
		inference_cap_roll(&c, london, to - 1);
		T_EQ_I(c.spent_pico, 50);
		inference_cap_roll(&c, london, to);
		T_EQ_I(c.spent_pico, 0);
		T_EQ_I(c.from_us, to); /* windows meet: no hole, no overlap */
	}
}

TEST(c42_a_window_and_its_counter_change_in_one_step)
{
	struct inference_cap c = cap_of(true, 100, UINT64_MAX, WINDOW_HOUR);
	struct cap_hold hold, next;
	bool warn;
	inference_cap_roll(&c, utc(), 0);
	T_EQ_I(inference_cap_reserve(&c, 100, 1, &hold, &warn), 0);
	inference_cap_settle(&c, &hold, 100, 1);
	for (int64_t at = 0; at < HOUR_US; at += HOUR_US / 7) { /* as often as anybody looks within the window */
		inference_cap_roll(&c, utc(), at);
		T_EQ_I(c.spent_pico, 100);
		T_EQ_I(inference_cap_reserve(&c, 1, 1, &next, &warn), -RR_BUDGET);
	}
	inference_cap_roll(&c, utc(), HOUR_US);
	T_EQ_I(c.spent_pico, 0);
	T_EQ_I(c.from_us, HOUR_US);
	T_EQ_I(inference_cap_reserve(&c, 100, 1, &hold, &warn), 0);
	inference_cap_roll(&c, utc(), HOUR_US); /* a second look takes nothing back */
	T_EQ_I(inference_cap_reserve(&c, 1, 1, &next, &warn), -RR_BUDGET);
}

TEST(nothing_wraps_at_the_ends_of_the_numbers)
{
	struct inference_cap c = cap_of(true, INT64_MAX - 1, UINT64_MAX - 1, WINDOW_TOTAL);
	struct cap_hold a, b;
	bool warn;
	inference_cap_roll(&c, utc(), 0);
	T_EQ_I(inference_cap_reserve(&c, INT64_MAX - 1, UINT64_MAX - 1, &a, NULL), 0);
	T_EQ_I(inference_cap_reserve(&c, 1, 0, &b, NULL), -RR_BUDGET);
	T_EQ_I(inference_cap_reserve(&c, 0, 1, &b, NULL), -RR_BUDGET);
	inference_cap_settle(&c, &a, INT64_MAX - 1, UINT64_MAX - 1);
	c.rule.hard = false;
	T_EQ_I(inference_cap_reserve(&c, INT64_MAX, UINT64_MAX, &a, &warn), 0);
	T_TRUE(warn);
	T_EQ_I(inference_cap_reserve(&c, INT64_MAX, UINT64_MAX, &b, &warn), 0);
	inference_cap_settle(&c, &a, INT64_MAX, UINT64_MAX);
	inference_cap_settle(&c, &b, -5, 0); /* a negative use is no refund */
	T_EQ_I(c.reserved_pico, 0);
	T_TRUE(c.spent_pico == INT64_MAX);
	T_TRUE(c.spent_tok == UINT64_MAX);
}

TEST(training_caps_count_jobs)
{
	struct training_cap c;
	struct cap_hold a, b, d;
	memset(&c, 0, sizeof c);
	c.rule.hard = true;
	c.rule.amount_pico = INT64_MAX;
	c.rule.tokens = UINT64_MAX;
	c.rule.jobs = 2;
	c.rule.window = WINDOW_QUARTER;
	training_cap_roll(&c, utc(), 0);
	T_EQ_I(training_cap_reserve(&c, 500, 1, &a, NULL), 0);
	T_EQ_I(training_cap_reserve(&c, 500, 1, &b, NULL), 0);
	T_EQ_I(training_cap_reserve(&c, 500, 1, &d, NULL), -RR_BUDGET);
	training_cap_settle(&c, &b, 0, 0); /* that job never ran */
	T_EQ_I(training_cap_reserve(&c, 500, 1, &d, NULL), 0);
	training_cap_settle(&c, &a, 400, 1);
	training_cap_settle(&c, &d, 300, 1);
	T_EQ_I(c.spent_pico, 700);
	T_EQ_I(c.spent_jobs, 2);
	T_EQ_I(c.reserved_jobs, 0);
	T_EQ_I(c.reserved_pico, 0);
	training_cap_roll(&c, utc(), 95 * US_PER_DAY);
	T_EQ_I(c.spent_jobs, 0);
}

TEST(scopes_match_what_they_name)
{
	struct cap_scope any = {0}, team = {.team = 3}, both = {.team = 3, .env = 9};
	T_TRUE(cap_scope_matches(&any, 1, 2, 3, 4, 5));
	T_TRUE(cap_scope_matches(&team, 1, 3, 0, 0, 0));
	T_TRUE(!cap_scope_matches(&team, 3, 2, 3, 3, 3));
	T_TRUE(!cap_scope_matches(&both, 1, 3, 0, 0, 8));
	T_TRUE(cap_scope_matches(&both, 1, 3, 0, 0, 9));
}

T_MAIN
