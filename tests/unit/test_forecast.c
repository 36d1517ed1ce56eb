/* SPDX-License-Identifier: Apache-2.0
 *
 * The forecast on series of which the answer is known: a constant, a week that repeats, a line; and on noise, where the
 * band must hold about as often as it says, by days that the forecast never saw.
 */
#include "report/forecast.h"

#include <math.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "ledger_help.h"
#include "t.h"

TEST(known_series_are_carried_on)
{
	double day[120], want = 0;
	for (unsigned i = 0; i < 120; i++)
		day[i] = 10;
	T_NEAR(forecast_sum(day, 60, 2, 30), 300, 1e-9);
	T_NEAR(forecast_sum(day, 7, 0, 7), 70, 1e-9);
	for (unsigned i = 0; i < 120; i++) /* five days of work */
		day[i] = i % 7 < 5 ? 20 : 2;
	for (unsigned i = 84; i < 91; i++)
		want += day[i];
	T_NEAR(forecast_sum(day, 84, 0, 7), want, 0.10);
	for (unsigned i = 0; i < 120; i++)
		day[i] = 100 + i;
	want = 0;
	for (unsigned i = 84; i < 91; i++)
		want += day[i];
	T_NEAR(forecast_sum(day, 84, 3, 7), want, 0.02);
	for (unsigned i = 0; i < 120; i++) /* one day of madness changes little */
		day[i] = i == 80 ? 100000 : 10;
	T_NEAR(forecast_sum(day, 84, 3, 7), 70, 0.05);
	for (unsigned i = 0; i < 120; i++)
		day[i] = 100 - i; /* falls to nothing, never below */
	T_TRUE(forecast_sum(day, 100, 0, 60) >= 0);
}

/* What was launched last week is the level now, and so is what was switched off; three mad days are not, nor is a line's
 * end. */
TEST(a_step_of_four_days_or_more_is_the_level)
{
	for (unsigned seed = 1; seed <= 20; seed++)
		for (unsigned since = 4; since <= 21; since++) {
			double day[80], level;
			struct forecast_range r14;
			struct rng r;
			rng_seed(&r, seed);
			for (unsigned i = 0; i < 80; i++)
				day[i] = (i + since < 80 ? 20 : 100) * (1 + 0.1 * ((double)rng_below(&r, 1000) / 1000 - 0.5));
			T_NEAR(forecast_sum(day, 80, 2, 14), 1400, 0.06);
			for (unsigned i = 0; i < 80; i++)
				day[i] = 120 - day[i];
			T_NEAR(forecast_sum(day, 80, 2, 14), 280, 0.25);
			r14 = forecast_days(day, 80, 2, 14);
			T_TRUE(r14.p10 > 100 && r14.p90 < 500);
			for (unsigned i = 80 - since; i < 77; i++) /* and over again, but for three days */
				day[i] = 100;
			level = forecast_sum(day, 80, 2, 14);
			if (since > 10)
				T_TRUE(level > 1000);
		}
	for (double slope = -0.9; slope < 1; slope += 0.1) {
		double day[80], want = 0;
		for (unsigned i = 0; i < 94; i++)
			i < 80 ? (day[i] = 100 + slope * i) : (want += 100 + slope * i);
		T_NEAR(forecast_sum(day, 80, 2, 14), want, slope < -0.6 ? 0.15 : 0.04);
	}
}

static struct ledger *ledger_of(const double *day, unsigned days, const char *currency)
{
	struct err e = {0};
	struct rng r;
	struct ledger *l = help_ledger();
	rng_seed(&r, 1);
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < days; i++) {
		struct call c;
		help_call(&c, &r, i, 3);
		c.start_us = HELP_T0 + (int64_t)i * US_PER_DAY + 3600 * US_PER_S;
		c.end_us = c.start_us + 5;
		c.currency = intern(str_of(currency));
		c.cost_pico = (int64_t)(day[i] * (double)PICO_PER_UNIT);
		OK(ledger_add_call(l, &c, &e));
	}
	OK(ledger_commit(l, &e));
	return l;
}

TEST(the_month_and_the_day_of_crossing)
{
	double day[50];
	struct err e = {0};
	struct forecast f;
	int64_t budget = 200 * PICO_PER_UNIT;
	struct ledger *l;
	struct sb out;
	struct json top;
	char text[32];
	/* 1 December 2025 to 19 January 2026: 10 a day; now 20 January at 00:00 */
	struct report_query q = {.tz = tz_get("UTC", NULL), .now_us = HELP_T0 + 50 * US_PER_DAY};
	for (unsigned i = 0; i < 50; i++)
		day[i] = 10;
	l = ledger_of(day, 50, "GBP");
	OK(forecast_make(&f, l, &q, 2, &budget, &e));
	T_EQ_I(f.history, 50);
	T_EQ_I(f.months, 2);
	T_NEAR(f.month[0].so_far, 190, 1e-9);
	T_NEAR(f.month[0].total.p50, 310, 1e-9);
	T_NEAR(f.month[0].total.p10, 310, 1e-9); /* it has never erred */
	T_NEAR(f.month[1].total.p50, 280, 1e-9);
	T_TRUE(f.crosses && !f.crossed_already);
	T_EQ_I(f.cross_us, HELP_T0 + 51 * US_PER_DAY); /* the 20th brings 200, not more; the 21st crosses */
	sb_init(&out, 1 << 20);
	forecast_json(&f, &out);
	T_EQ_I(json_parse(sb_str(&out), &top, NULL), 0);
	T_EQ_S(json_string_copy(json_get(top, "p50"), text, sizeof text), "310");
	T_EQ_S(json_string_copy(json_get(top, "crosses_on"), text, sizeof text), "2026-01-21");
	budget = 400 * PICO_PER_UNIT;
	OK(forecast_make(&f, l, &q, 1, &budget, &e));
	T_TRUE(!f.crosses);
	budget = 100 * PICO_PER_UNIT;
	OK(forecast_make(&f, l, &q, 1, &budget, &e));
	T_TRUE(f.crossed_already && f.crosses);
	q.now_us = HELP_T0 + 5 * US_PER_DAY;
	T_EQ_I(forecast_make(&f, l, &q, 1, NULL, &e), -RR_INPUT); /* too short */
	sb_fini(&out);
	help_done(l);
}

/* Noise with weekdays and a slow growth; at 60 days of the last 100 the band for the week ahead is judged by the week
 * that then came. */
TEST(the_band_holds_as_often_as_it_says)
{
	unsigned inside = 0, judged = 0, said_inside = 0, said = 0;
	for (unsigned seed = 1; seed <= 3; seed++) {
		double day[160];
		struct err e = {0};
		struct rng r;
		struct ledger *l;
		rng_seed(&r, seed);
		for (unsigned i = 0; i < 160; i++)
			day[i] = (i % 7 < 5 ? 100 : 40) * (1 + 0.003 * i) * exp(0.25 * rng_normal(&r));
		l = ledger_of(day, 160, "USD");
		for (unsigned at = 70; at + 31 <= 160; at += 3) {
			static struct forecast f;
			struct report_query q = {.tz = tz_get("UTC", NULL),
						 .now_us = HELP_T0 + (int64_t)at * US_PER_DAY};
			double came = 0;
			OK(forecast_make(&f, l, &q, 1, NULL, &e));
			for (unsigned k = 0; k < f.days; k++)
				came += day[at + k];
			came += f.month[0].so_far;
			inside += came >= f.month[0].total.p10 && came <= f.month[0].total.p90;
			judged++;
			said_inside += f.inside;
			said += f.origins;
		}
		help_done(l);
	}
	printf("  rest of the month: %u of %u inside; the forecast's own backtest: %u of %u\n", inside, judged,
	       said_inside, said);
	T_TRUE(inside * 100 >= judged * 65 && inside * 100 <= judged * 98);
	T_TRUE(said_inside * 100 >= said * 65 && said_inside * 100 <= said * 95);
}

/* ---- coverage: many histories, and arrivals that somebody measured ---- */

/* What spending does: noise, noise that stays, a level that wanders, empty days, a step, and bursts on a
 * growing walk. */
static void history(unsigned kind, struct rng *r, double *day, unsigned n)
{
	double stays = 0, level = 1, at = 6.2832 * (double)rng_below(r, 1000) / 1000, turn = 50 + (double)rng_below(r, 90),
	       high = 0.25 + 0.01 * (double)rng_below(r, 35);
	for (unsigned i = 0; i < n; i++) {
		double week = i % 7 < 5 ? 1 : 0.4;
		switch (kind) {
		case 0:
			day[i] = 100 * week * (1 + 0.003 * i) * exp(0.25 * rng_normal(r));
			break;
		case 1:
			stays = 0.6 * stays + 0.2 * rng_normal(r);
			day[i] = 100 * week * exp(0.004 * i + stays);
			break;
		case 2:
			level *= exp(0.04 * rng_normal(r));
			day[i] = 100 * week * level * exp(0.1 * rng_normal(r));
			break;
		case 3:
			day[i] = rng_below(r, 100) < 15 ? 0 : 100 * exp(0.6 * rng_normal(r));
			break;
		case 4:
			day[i] = (i < n / 2 ? 100 : 170) * week * exp(0.15 * rng_normal(r));
			break;
		case 5:
			level *= exp(0.02 * rng_normal(r) + 0.005);
			day[i] = 50 * week * level * exp(0.15 * rng_normal(r)) * (rng_below(r, 100) < 3 ? 4 : 1);
			break;
		case 6:
			day[i] = 100 * week * (1 + high * sin(at + 6.2832 * i / turn)) * exp(0.1 * rng_normal(r));
			break;
		default:
			stays = 0.97 * stays + 0.06 * rng_normal(r);
			day[i] = 100 * week * exp(stays + 0.08 * rng_normal(r));
		}
	}
}

TEST(bands_of_80_percent_cover_about_that_many_of_many_histories)
{
	static const char *const names[] = {"noise", "noise that stays", "a wandering level", "empty days", "a step",
			"bursts", "a slow swing", "a level that returns"};
	unsigned all[FORECAST_TESTS] = {0}, held[FORECAST_TESTS] = {0};
	for (unsigned kind = 0; kind < 8; kind++) {
		struct forecast_backtest sum = {0};
		for (unsigned seed = 1; seed <= 6; seed++) {
			double day[170];
			struct forecast_backtest b;
			struct rng r;
			rng_seed(&r, seed * 7919 + kind);
			history(kind, &r, day, 170);
			forecast_backtest(day, 170, seed % 7, 9, &b);
			for (unsigned t = 0; t < FORECAST_TESTS; t++) {
				sum.test[t].origins += b.test[t].origins;
				sum.test[t].inside += b.test[t].inside;
				sum.test[t].width += b.test[t].width / 6;
			}
		}
		printf("  %-18s", names[kind]);
		for (unsigned t = 0; t < FORECAST_TESTS; t++) {
			unsigned percent = sum.test[t].inside * 100 / sum.test[t].origins;
			printf("  %u of %u (%.2f)", sum.test[t].inside, sum.test[t].origins, sum.test[t].width);
			T_TRUE(percent >= 60 && percent <= 97); /* one kind, some 80 of each: three sigma are 13 % */
			all[t] += sum.test[t].origins;
			held[t] += sum.test[t].inside;
		}
		printf("  (1, 7, 14, 28 days; width)\n");
	}
	for (unsigned t = 0; t < FORECAST_TESTS; t++) {
		printf("  %s%u of %u", t ? "" : "all: ", held[t], all[t]);
		T_TRUE(held[t] * 100 >= all[t] * 70 && held[t] * 100 <= all[t] * 90);
	}
	printf("\n");
}

/* Arrivals of two public traces in steps of some seconds stand for days: no weekday, but levels and bursts that nobody made
 * up. Azure: 2023-11-16T18:17:03 and an hour on; Mooncake: milliseconds. */
static unsigned arrivals(const char *name, double step_s, double *day, unsigned most)
{
	const char *shared = getenv("RUNRATE_SHARED");
	char path[512];
	struct fs_lines *l;
	struct str line;
	struct err e = {0};
	int64_t first = INT64_MIN, us;
	unsigned n = 0;
	snprintf(path, sizeof path, "%s/data/traces/%s", shared ? shared : "../shared", name);
	l = fs_exists(path) ? fs_lines_open(path, 1 << 20, &e) : NULL;
	memset(day, 0, most * sizeof *day);
	while (l && fs_lines_next(l, &line, &e) > 0) {
		struct json v;
		unsigned at;
		if (line.p[0] == '{') {
			if (json_parse(line, &v, NULL))
				continue;
			us = (int64_t)json_u64_or0(json_get(v, "timestamp")) * 1000;
		} else {
			char text[32];
			struct str rest = line;
			str_copy(text, 27, str_cut(&rest, ','));
			if (strlen(text) > 10 && text[10] == ' ')
				text[10] = 'T';
			if (time_parse(str_of(text), &us))
				continue; /* the header */
		}
		first = first == INT64_MIN ? us : first;
		at = (unsigned)((double)(us - first) / (step_s * 1e6));
		if (us >= first && at < most) {
			day[at]++;
			n = at + 1 > n ? at + 1 : n;
		}
	}
	if (l)
		fs_lines_close(l);
	return n ? n - 1 : 0; /* the last step is cut off */
}

TEST(and_of_arrivals_that_somebody_measured)
{
	static const struct {
		const char *name;
		double step_s;
	} traces[] = {{"azure_llm_2023_conv.csv.gz", 20}, {"azure_llm_2023_conv.csv.gz", 10},
			{"mooncake_conversation.jsonl.gz", 20},
		      {"mooncake_conversation.jsonl.gz", 10}};
	unsigned all = 0, held = 0;
	for (unsigned i = 0; i < sizeof traces / sizeof *traces; i++) {
		static double day[FORECAST_HISTORY];
		unsigned n = arrivals(traces[i].name, traces[i].step_s, day, FORECAST_HISTORY);
		struct forecast_backtest b;
		if (!n) {
			printf("  SKIPPED %s: not there (RUNRATE_SHARED, or ../shared)\n", traces[i].name);
			continue;
		}
		forecast_backtest(day, n, 0, 4, &b);
		printf("  %-32s %3u steps:", traces[i].name, n);
		for (unsigned t = 0; t < 3; t++) { /* 28 steps of an hour's trace are few, and overlap */
			printf("  %u of %u", b.test[t].inside, b.test[t].origins);
			all += b.test[t].origins;
			held += b.test[t].inside;
		}
		printf("\n");
	}
	if (all)
		T_TRUE(held * 100 >= all * 70 && held * 100 <= all * 92);
}

int main(int argc, char **argv)
{
	return t_run(argc, argv);
}
