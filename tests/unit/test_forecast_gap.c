/* SPDX-License-Identifier: Apache-2.0
 *
 * What no source covers yet is not zero: the same history, known up to today, yesterday, or some days before, with a last
 * day that had not ended when it was exported, gives forecasts that agree; and each is what the days alone give. A day of
 * nothing inside what is covered stays one.
 */
#include "report/forecast.h"

#include <math.h>

#include "base/json.h"
#include "ledger_help.h"
#include "report/amounts.h"
#include "t.h"

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		int ok_rc = (call);                                                                                    \
		T_EQ_I(ok_rc, 0);                                                                                      \
		if (ok_rc)                                                                                             \
			printf("  %s: %s\n", #call, e.what);                                                           \
	} while (0)

enum { DAYS = 80 }; /* 1 December 2025 to 18 February 2026 */

static const char *usd = "USD";

static struct ledger *open_ledger(void)
{
	struct err e = {0};
	struct ledger *l;
	help_clean();
	l = ledger_open(help_path(), LEDGER_WRITE, &e);
	T_TRUE(l != NULL);
	return l;
}

/* Days [from, to) of one side; the last one as far as `part`. Empty days are no rows. */
static void put(struct ledger *l, const char *provider, const char *surface, bool live, const double *day,
		unsigned from, unsigned to, double part)
{
	struct err e = {0};
	struct rng r;
	rng_seed(&r, from + to + provider[0]);
	OK(ledger_begin(l, &e));
	for (unsigned i = from; i < to; i++) {
		struct call c;
		if (day[i] <= 0)
			continue;
		help_call(&c, &r, i * 100 + (unsigned char)provider[0], 3);
		c.provenance = live ? PROV_MEASURED : PROV_IMPORTED;
		c.book = BOOK_INFERENCE;
		c.outcome = OUTCOME_OK;
		c.price_status = PRICE_PRICED;
		c.env = 0;
		c.provider = intern(str_of(provider));
		c.surface = intern(str_of(surface));
		c.model_asked = c.model_answered = intern(STR("m"));
		c.start_us = HELP_T0 + (int64_t)i * US_PER_DAY;
		c.end_us = c.start_us + US_PER_DAY;
		c.currency = intern(str_of(usd));
		c.billed_pico = BILLED_UNKNOWN;
		c.cost_pico = (int64_t)(day[i] * (i + 1 == to ? part : 1) * (double)PICO_PER_UNIT);
		OK(ledger_add_call(l, &c, &e));
	}
	OK(ledger_commit(l, &e));
}

static void make(struct forecast *f, struct ledger *l, unsigned now_day, const int64_t *budget)
{
	struct err e = {0};
	struct report_query q = {.tz = tz_get("UTC", NULL), .env = "all",
				 .now_us = HELP_T0 + (int64_t)now_day * US_PER_DAY + 12 * 3600 * US_PER_S};
	OK(forecast_make(f, l, &q, 2, budget, &e));
}

static void noisy(double *day, unsigned seed)
{
	struct rng r;
	rng_seed(&r, seed);
	for (unsigned i = 0; i < DAYS; i++)
		day[i] = (i % 7 < 5 ? 100 : 30) * exp(0.08 * rng_normal(&r));
}

static double month_of(const double *day, unsigned to)
{
	double sum = 0;
	for (unsigned i = 62; i < to; i++) /* February began 62 days behind 1 December */
		sum += day[i];
	return sum;
}

TEST(a_lag_changes_little)
{
	for (unsigned seed = 1; seed <= 2; seed++) {
		double day[DAYS], first = 0, came;
		noisy(day, seed);
		came = month_of(day, 76); /* it is noon of the 77th day, 15 February */
		for (unsigned lag = 0; lag <= 3; lag++)
			for (unsigned part = 0; part < 3; part++) {
				static const double parts[] = {1, 0.4, 0.02};
				static struct forecast f;
				struct ledger *l = open_ledger();
				double known, more;
				put(l, "openai", "usage completions", false, day, 0, 76 - lag, parts[part]);
				make(&f, l, 76, NULL);
				known = f.month[0].so_far;
				if (!lag && !part)
					first = f.month[0].total.p50;
				T_NEAR(known, month_of(day, 75 - lag) + day[75 - lag] * parts[part], 1e-6);
				T_NEAR(f.month[0].total.p50, first, 0.05);
				T_EQ_I(f.history, 75 - lag);
				T_EQ_I(f.gap, 1 + lag);
				/* what is missing of the days that are over is what they had, near enough */
				T_NEAR(known + f.month[0].missing, came, 0.08);
				/* and all of it is the whole days carried on; what the last one has more than that, it has */
				more = day[75 - lag] * parts[part] - forecast_sum(day, f.history, 0, 1);
				T_NEAR(f.month[0].total.p50, month_of(day, f.history) + forecast_sum(day, f.history, 0, 90 - f.history) +
				       (more > 0 ? more : 0), 1e-6);
				T_TRUE(f.month[0].total.p10 <= f.month[0].total.p50 && f.month[0].total.p90 >= f.month[0].total.p50);
				T_TRUE(f.month[0].total.p10 >= known);
				ledger_close(l);
			}
	}
	help_clean();
}

/* One side is known to now, the other lags: the days that are known for the most part stand in the history. */
TEST(one_of_two_sides_lags)
{
	static struct forecast f;
	double small[DAYS], large[DAYS], all[DAYS];
	struct ledger *l;
	noisy(small, 5);
	noisy(large, 6);
	for (unsigned i = 0; i < DAYS; i++) {
		small[i] *= 0.25;
		all[i] = small[i] + large[i];
	}
	for (unsigned lag = 0; lag <= 3; lag++) {
		l = open_ledger();
		put(l, "mine", "openai-chat", true, large, 0, 76, 1);
		put(l, "openai", "usage completions", false, small, 0, 76 - lag, 0.5);
		make(&f, l, 76, NULL);
		T_EQ_I(f.gap, 0);
		T_EQ_I(f.history, 76);
		T_NEAR(f.month[0].so_far + f.month[0].missing, month_of(all, 76), 0.02);
		T_NEAR(f.month[0].total.p50,
		       month_of(all, 76) + forecast_sum(all, 76, 0, 14) - 0.5 * forecast_sum(all, 76, 0, 1), 0.03);
		ledger_close(l);
		l = open_ledger(); /* and the other way round: what is known is the least of it */
		put(l, "mine", "openai-chat", true, small, 0, 76, 1);
		put(l, "openai", "usage completions", false, large, 0, 76 - lag, 0.5);
		make(&f, l, 76, NULL);
		T_EQ_I(f.gap, 1 + lag);
		T_NEAR(f.month[0].so_far + f.month[0].missing, month_of(all, 76), 0.06);
		T_NEAR(f.month[0].total.p50, month_of(all, 76) + forecast_sum(all, 76, 0, 14), 0.05);
		ledger_close(l);
	}
	help_clean();
}

TEST(a_day_of_nothing_inside_is_one)
{
	static struct forecast f;
	double day[DAYS], off[DAYS];
	unsigned holiday[] = {20, 21, 22, 40, 68, 69, 74};
	struct ledger *l = open_ledger();
	noisy(day, 7);
	for (unsigned i = 0; i < sizeof holiday / sizeof *holiday; i++)
		day[holiday[i]] = 0;
	put(l, "openai", "usage completions", false, day, 0, 76, 1);
	make(&f, l, 76, NULL);
	T_EQ_I(f.history, 75);
	for (unsigned i = 0; i < sizeof holiday / sizeof *holiday; i++)
		T_TRUE(f.day[holiday[i]] == 0 && f.known[holiday[i]] == 0);
	T_NEAR(f.month[0].so_far, month_of(day, 76), 1e-6);
	ledger_close(l);
	/* what the gateway meters is known to now: days without a call are days without spending */
	noisy(off, 8);
	for (unsigned i = 73; i < DAYS; i++)
		off[i] = 0;
	l = open_ledger();
	put(l, "mine", "openai-chat", true, off, 0, 76, 1);
	make(&f, l, 76, NULL);
	T_TRUE(f.history == 76 && f.gap == 0 && f.day[73] == 0 && f.day[75] == 0 && f.month[0].missing == 0);
	ledger_close(l);
	help_clean();
}

/* A vendor that was left weeks ago is no lag; one whose export is as old as everything else is. */
TEST(who_was_left_has_ended)
{
	static struct forecast f;
	double old[DAYS], now[DAYS];
	struct ledger *l = open_ledger();
	noisy(old, 9);
	noisy(now, 10);
	put(l, "openai", "usage completions", false, old, 0, 40, 1);
	put(l, "anthropic", "usage messages", false, now, 40, 75, 1);
	make(&f, l, 76, NULL);
	T_EQ_I(f.sources, 2);
	for (unsigned i = 0; i < f.sources; i++) {
		T_EQ_I(f.source[i].ended, str_eqc(intern_str(f.source[i].provider), "openai"));
		T_NEAR(f.source[i].share, f.source[i].ended ? 0 : 1, 1e-9);
	}
	T_NEAR(f.month[0].total.p50, month_of(now, 76) + forecast_sum(now + 40, 36, 5, 14), 0.06);
	ledger_close(l);
	l = open_ledger();
	put(l, "openai", "usage completions", false, old, 0, 40, 1);
	make(&f, l, 76, NULL);
	T_TRUE(!f.source[0].ended && f.gap == 37 && f.month[0].so_far == 0);
	T_NEAR(f.month[0].total.p50, month_of(old, 62) + forecast_sum(old, 39, 0, 51) - forecast_sum(old, 39, 0, 23), 0.02);
	T_TRUE(f.month[0].total.p90 - f.month[0].total.p10 > 0.1 * f.month[0].total.p50);
	ledger_close(l);
	help_clean();
}

/* The budget is over before the export ends, on a day that nobody has seen yet, or ahead. */
TEST(a_budget_is_crossed_in_days_not_seen_yet)
{
	static struct forecast f;
	double day[DAYS];
	struct sb out;
	struct json top;
	char text[64];
	int64_t budget;
	struct ledger *l = open_ledger();
	for (unsigned i = 0; i < DAYS; i++)
		day[i] = 10;
	put(l, "openai", "usage completions", false, day, 0, 73, 1); /* to 11 February: 110 in the month */
	budget = 100 * PICO_PER_UNIT;
	make(&f, l, 76, &budget);
	T_TRUE(f.crosses && f.crossed_already);
	budget = 125 * PICO_PER_UNIT; /* the 12th brings 120, the 13th 130 */
	make(&f, l, 76, &budget);
	T_TRUE(f.crosses && !f.crossed_already);
	T_EQ_I(f.cross_us, HELP_T0 + 74 * US_PER_DAY);
	sb_init(&out, 1 << 20);
	forecast_text(&f, &out);
	T_TRUE(strstr(out.p, "was likely crossed on 2026-02-13") != NULL);
	T_TRUE(strstr(out.p, "openai usage ends with 2026-02-11, which may still grow") != NULL);
	sb_clear(&out);
	forecast_json(&f, &out);
	T_EQ_I(json_parse(sb_str(&out), &top, NULL), 0);
	T_EQ_S(json_string_copy(json_get(top, "so_far"), text, sizeof text), "110");
	T_EQ_S(json_string_copy(json_get(top, "missing"), text, sizeof text), "30");
	T_EQ_S(json_string_copy(json_get(top, "p50"), text, sizeof text), "280");
	T_EQ_S(json_string_copy(json_get(top, "crosses_on"), text, sizeof text), "2026-02-13");
	T_EQ_S(json_string_copy(json_get(json_path(top, "sources[0]"), "known_through"), text, sizeof text), "2026-02-10");
	sb_fini(&out);
	budget = 205 * PICO_PER_UNIT;
	make(&f, l, 76, &budget);
	T_EQ_I(f.cross_us, HELP_T0 + 82 * US_PER_DAY); /* 210 on the 21st */
	ledger_close(l);
	help_clean();
}

TEST(what_has_no_rate_is_named)
{
	static struct forecast f;
	double day[DAYS];
	struct err e = {0};
	struct report_query q = {.tz = tz_get("UTC", NULL), .env = "all", .now_us = HELP_T0 + 76 * US_PER_DAY,
				 .currency = currency_interned(intern(STR("EUR")))};
	struct ledger *l = open_ledger();
	struct sb out;
	noisy(day, 11);
	put(l, "openai", "usage completions", false, day, 0, 76, 1);
	put(l, "mine", "openai-chat", true, day, 0, 76, 1);
	OK(forecast_make(&f, l, &q, 1, NULL, &e) == -RR_INPUT ? 0 : 1); /* no euro at all */
	q.currency = currency_interned(intern(STR("USD")));
	OK(forecast_make(&f, l, &q, 1, NULL, &e));
	T_EQ_I(f.left_out.count, 0);
	usd = "EUR";
	put(l, "azure", "usage completions", false, day, 30, 76, 1);
	OK(forecast_make(&f, l, &q, 1, NULL, &e));
	T_EQ_I(f.left_out.count, 1);
	sb_init(&out, 1 << 20);
	forecast_text(&f, &out);
	T_TRUE(strstr(out.p, "Left out for want of a rate: amounts in EUR.\n") != NULL);
	sb_fini(&out);
	usd = "USD";
	ledger_close(l);
	help_clean();
}

int main(int argc, char **argv)
{
	return t_run(argc, argv);
}
