/* SPDX-License-Identifier: Apache-2.0
 *
 * What this month, and the next ones, will cost: daily totals carried on, with a band of 80 %.
 *
 * The model is small on purpose and the same for everyone (no seed, no fit that wanders):
 *   1. the last 56 whole days at most; each divided by its weekday's factor (seven medians of day / trend,
 *      shrunk towards 1 by one week's worth of evidence);
 *   2. three ways to say where they stand: the median of pairwise slopes through what remains (Theil 1950, Sen
 *      1968), damped to nothing over 90 days, so that a steep week does not run away; the median of the last
 *      fourteen; the mean of the last seven. The one that erred least by the week at earlier days counts, the trend
 *      where none is clearly better;
 *      Where the last four days or more all lie beyond everything before them, the level has changed: it is theirs.
 *   3. the band: the errors of the same way at earlier days, walked through the history: at each origin the sum of
 *      the days ahead is forecast and compared with what came. The band for h days lies between the 10 % and the
 *      90 % quantile of the relative errors for about that many days, widened by (h - 1) / origins, since such sums
 *      overlap; from a week on never narrower than for fewer days, and to neither side narrower than the 80 % quantile
 * of
 *      the errors' size, since a slowly swinging level errs to one side for weeks before it turns.
 * Coverage is measured honestly: each origin is judged by a band made from origins before it alone.
 *
 * Only what recurs is forecast: inference. A one-time payment has no trend. Doubles are fine here: a forecast is never
 * billed. Shares of a day not yet over count as far as they went.
 *
 * A day that no source covers yet is not a day without spending (forecast_days.c): what is missing of it is estimated
 * like a day ahead, and the band is as wide as for one.
 */
#ifndef RR_REPORT_FORECAST_H
#define RR_REPORT_FORECAST_H

#include "report/amounts.h"
#include "report/report.h"

enum { FORECAST_HISTORY = 400, FORECAST_DAYS = 400, FORECAST_FIT = 56, FORECAST_LEAST = 7, FORECAST_MONTHS = 13,
	FORECAST_SOURCES = 32 };

struct forecast_range {
	double p10, p50, p90;
};
struct forecast_month {
	int64_t from_us, to_us;
	double so_far;               /* in the ledger already (only in the month under way) */
	double missing;              /* likely to come for the days of it that are over */
	struct forecast_range total; /* with what was spent */
};
/* What stands in the ledger from one side: a vendor's usage, its bills, its calls. */
enum forecast_kind { FORECAST_LIVE, FORECAST_LOG, FORECAST_USAGE, FORECAST_BILL };
struct forecast_source {
	enum forecast_kind kind;
	uint32_t provider;
	unsigned whole;  /* so many of the days are wholly known: the last one that it has may still grow */
	double last;     /* what is known of the one behind them */
	double share;    /* of a day's spending, lately */
	unsigned last_had; /* days up to and with the last that it has anything of */
	bool current;    /* told up to some hour of today */
	bool ended;      /* silent for so long, while others are not, that its days count as days without spending */
};
struct forecast {
	struct currency currency;
	const struct tz *tz;
	int64_t now_us, first_us;     /* the first day of the history */
	unsigned history, weekday;    /* days that are known; the first one's, 0 Monday */
	unsigned gap;                 /* days behind them and before today of which too little is known */
	double day[FORECAST_HISTORY]; /* oldest first; of a day that is known for the most part, the rest is added */
	double known[FORECAST_HISTORY + 1]; /* what the ledger has of the history, the gap and today */
	int64_t known_until_us;       /* from here on something is estimated; today's begin: nothing is */
	struct forecast_source source[FORECAST_SOURCES];
	unsigned sources;
	unsigned days;                /* ahead, today included */
	int64_t day_us[FORECAST_DAYS];
	struct forecast_range ahead[FORECAST_DAYS];
	/* of the days up to and with that one, what is left of today and missing of this month's days before it
	 * included */
	struct forecast_range sum[FORECAST_DAYS];
	struct forecast_month month[FORECAST_MONTHS];
	unsigned months;
	int64_t changed_us;       /* the day from which on the level holds; 0: no step was seen lately */
	double trend_per_week;    /* share by which a day's level changes in a week, at the end of the history */
	unsigned origins, inside; /* backtest: week sums, and how many fell into the band */
	/* a budget for the month under way */
	bool has_budget;
	double budget;
	bool crosses, crossed_already;
	int64_t cross_us, cross_early_us, cross_late_us; /* days: likely; at p90; at p10. 0: not in the days ahead */
	uint64_t unpriced_calls;
	struct left_out left_out;
};

/* q: zone, currency, rates, environment, now. months: how many, the one under way included. -RR_INPUT when there are
 * fewer than FORECAST_LEAST days. */
int forecast_make(struct forecast *f, struct ledger *l, const struct report_query *q, unsigned months,
		  const int64_t *budget_pico, struct err *e);
/* The ledger's side of it: currency, days, what is known of them, sources. */
int forecast_gather(struct forecast *f, struct ledger *l, const struct report_query *q, struct err *e);
/* What is likely to be missing of day k (of known[]) if a day like it costs `likely`; of today, so much is left. */
double forecast_missing(const struct forecast *f, unsigned k, double likely, double left_of_today);
/* Days alone, for tests: forecasts the sum of the next n days from day[0..history), whose first is a `weekday` (0
 * Monday). */
double forecast_sum(const double *day, unsigned history, unsigned weekday, unsigned n);
/* The same with its band. */
struct forecast_range forecast_days(const double *day, unsigned history, unsigned weekday, unsigned n);

/* Forecasts made in the past of that history, each from the days before it alone, and what came. */
enum { FORECAST_TESTS = 4, FORECAST_TEST_FROM = 28 };
struct forecast_backtest {
	struct {
		unsigned days, origins, inside;
		double width; /* of the band, as a share of the forecast, on average */
	} test[FORECAST_TESTS];
};
void forecast_backtest(const double *day, unsigned history, unsigned weekday, unsigned every,
		struct forecast_backtest *out);
void forecast_backtest_json(const struct forecast *f, const struct forecast_backtest *b, struct sb *out);
void forecast_backtest_text(const struct forecast *f, const struct forecast_backtest *b, struct sb *out);

void forecast_json(const struct forecast *f, struct sb *out);
/* Sentences on what is not known yet; nothing where all is. */
void forecast_gaps(const struct forecast *f, struct sb *out);
void forecast_text(const struct forecast *f, struct sb *out);

#endif
