/* SPDX-License-Identifier: Apache-2.0
 *
 * See forecast.h.
 */
#include "report/forecast.h"

#include <math.h>
#include <stdlib.h>


enum { STEP_DAYS = 4, STEP_MOST = 21, STEP_BEFORE = 14, DAMP_DAYS = 90, ORIGINS = 60, STEPS = 5, WEEK_STEP = 2 };
static const unsigned step_days[STEPS] = {1, 3, 7, 14, 28};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	if (!n)
		return 0;
	qsort(v, n, sizeof *v, by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct model {
	double level, slope; /* of the day behind the last one; a day's change */
	double factor[7];
};

/* Each day over the mean of the week around it: the weekday's share, without the trend. */
static void weekdays(struct model *m, const double *y, unsigned n, unsigned first)
{
	double ratio[7][FORECAST_FIT], sum = 0;
	unsigned count[7] = {0};
	for (unsigned i = 0; i < n; i++) {
		unsigned from = i < 3 ? 0 : i - 3, to = from + 7 > n ? n : from + 7;
		double mean = 0;
		if (to == n && n >= 7)
			from = n - 7;
		for (unsigned k = from; k < to; k++)
			mean += y[k] / (to - from);
		if (mean > 0)
			ratio[(first + i) % 7][count[(first + i) % 7]++] = y[i] / mean;
	}
	for (unsigned d = 0; d < 7; d++) {
		double weight = (double)count[d] / (count[d] + 1.0);
		m->factor[d] = n < 14 || !count[d] ? 1 : weight * median(ratio[d], count[d]) + (1 - weight);
		sum += m->factor[d];
	}
	for (unsigned d = 0; d < 7; d++)
		m->factor[d] = sum > 0 ? m->factor[d] * 7 / sum : 1;
}

/* Rule 2: the same weekdays, three ways of saying where the days stand and where they go. */
enum { TREND, FORTNIGHT, WEEK, WAYS };
struct fits {
	struct model way[WAYS];
	unsigned since; /* so many days ago the level changed; 0: it did not */
};

/* How many of the last days lie all above, or all below, everything before them: 0 where that may be chance. Of days
 * that are alike, the last four of 18 do so once in 3,060 times for each side (18 over 4). */
static unsigned step(const double *v, unsigned n)
{
	double low, high, room, late_low = v[n - 1], late_high = v[n - 1];
	unsigned found = 0;
	for (unsigned k = 1; k + STEP_BEFORE <= n && k <= STEP_MOST; k++) {
		late_low = v[n - k] < late_low ? v[n - k] : late_low;
		late_high = v[n - k] > late_high ? v[n - k] : late_high;
		low = high = v[0];
		for (unsigned i = 1; i < n - k; i++) {
			low = v[i] < low ? v[i] : low;
			high = v[i] > high ? v[i] : high;
		}
		room = 0.1 * (high - low) + 1e-6 * fabs(high); /* a line's rounding is no step */
		if (k >= STEP_DAYS && (late_low > high + room || late_high < low - room))
			found = k;
	}
	return found;
}

static void fit(struct fits *f, const double *day, unsigned history, unsigned weekday)
{
	static const double least = 0.05;
	unsigned n = history < FORECAST_FIT ? history : FORECAST_FIT, first = (weekday + history - n) % 7, pairs = 0,
		 last, new;
	const double *y = day + history - n;
	double flat[FORECAST_FIT], rest[FORECAST_FIT], sum = 0;
	static _Thread_local double slopes[FORECAST_FIT * FORECAST_FIT / 2];
	struct model *m = &f->way[TREND];
	weekdays(m, y, n, first);
	for (unsigned i = 0; i < n; i++) {
		double factor = m->factor[(first + i) % 7];
		flat[i] = y[i] / (factor > least ? factor : least);
	}
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = i + 1; k < n; k += 3) /* a third of the pairs has the same median, near enough */
			slopes[pairs++] = (flat[k] - flat[i]) / (k - i);
	m->slope = n >= 14 ? median(slopes, pairs) : 0;
	for (unsigned i = 0; i < n; i++)
		rest[i] = flat[i] + m->slope * (n - i);
	f->since = step(rest, n);
	new = n - f->since;
	m->level = median(rest, n);
	if (new < n) { /* what was before the step says nothing of the level now */
		memcpy(rest, flat + new, (n - new) * sizeof *rest);
		m->level = median(rest, n - new);
		m->slope = 0;
	}
	if (m->level < 0)
		m->level = 0;
	f->way[FORTNIGHT] = f->way[WEEK] = *m;
	f->way[FORTNIGHT].slope = f->way[WEEK].slope = 0;
	last = n < 14 ? n : 14;
	last = new < n && n - new < last ? n - new : last;
	memcpy(rest, flat + n - last, last * sizeof *rest);
	f->way[FORTNIGHT].level = median(rest, last);
	last = last < 7 ? last : 7;
	for (unsigned i = n - last; i < n; i++)
		sum += flat[i];
	f->way[WEEK].level = last ? sum / last : 0;
}

/* Day h (0 is the one behind the history). */
static double ahead(const struct model *m, unsigned h, unsigned weekday)
{
	double grown = DAMP_DAYS * (1 - exp(-(double)h / DAMP_DAYS)),
	       v = (m->level + m->slope * grown) * m->factor[weekday % 7];
	return v > 0 ? v : 0;
}

static double sum_ahead(const struct model *m, unsigned weekday, unsigned n)
{
	double sum = 0;
	for (unsigned h = 0; h < n; h++)
		sum += ahead(m, h, weekday + h);
	return sum;
}

/* ---- the band ---- */

struct band {
	double up[STEPS], down[STEPS]; /* relative half-widths at step_days */
};

/* What each way erred by, relative, at origins through the history, oldest first. */
struct errors {
	double of[WAYS][STEPS][ORIGINS];
	unsigned at[STEPS][ORIGINS]; /* the day forecast first */
	unsigned count[STEPS];
};

/* Quantile with the small-sample step of conformal prediction: of n + 1 places, between neighbours. */
static double quantile(double *v, unsigned n, double q)
{
	double at = (n + 1) * q - 1;
	unsigned k = at > 0 ? (unsigned)at : 0;
	qsort(v, n, sizeof *v, by_value);
	return k + 1 >= n ? v[n - 1] : v[k] + (v[k + 1] - v[k]) * (at - k);
}

/* How far above and below the forecast 80 % of what came lay. Sums of many days overlap from origin to origin: there
 * are fewer errors than there seem to be, and the band is wider for it. */
static void widths(const double *error, unsigned n, unsigned days, double *up, double *down)
{
	double v[ORIGINS], wider = 1 + (days - 1.0) / n;
	memcpy(v, error, n * sizeof *v);
	*up = quantile(v, n, 0.9) * wider;
	for (unsigned i = 0; i < n; i++)
		v[i] = -error[i];
	*down = quantile(v, n, 0.9) * wider;
	/* a level that swings erred to one side for weeks, and turns: size counts, not sign */
	if (days >= step_days[WEEK_STEP]) {
		double either;
		for (unsigned i = 0; i < n; i++)
			v[i] = fabs(error[i]);
		either = quantile(v, n, 0.8);
		*up = *up > either ? *up : either;
		*down = *down > either ? *down : either;
	}
	*up = *up > 0 ? *up : 0;
	*down = *down > 0 ? *down : 0;
}

static void walk(struct errors *x, const double *day, unsigned history, unsigned weekday)
{
	unsigned least = 14, first = history > ORIGINS + least ? history - ORIGINS : least;
	memset(x->count, 0, sizeof x->count);
	for (unsigned at = first; at < history; at++) {
		struct fits f;
		fit(&f, day, at, weekday);
		for (unsigned s = 0; s < STEPS && at + step_days[s] <= history; s++) {
			double came = 0, said[WAYS];
			bool some = true;
			for (unsigned k = 0; k < step_days[s]; k++)
				came += day[at + k];
			for (unsigned w = 0; w < WAYS; w++) {
				said[w] = sum_ahead(&f.way[w], weekday + at, step_days[s]);
				some = some && said[w] > 0;
			}
			for (unsigned w = 0; w < WAYS && some; w++)
				x->of[w][s][x->count[s]] = came / said[w] - 1;
			x->at[s][x->count[s]] = at;
			x->count[s] += some;
		}
	}
}

/* The way that erred least by the week, as far as the first n errors tell; the trend unless another is clearly
 * better. */
static unsigned pick(const struct errors *x, unsigned n)
{
	double score[WAYS] = {0};
	unsigned best = TREND;
	for (unsigned w = 0; w < WAYS; w++)
		for (unsigned i = 0; i < n; i++)
			score[w] += fabs(x->of[w][WEEK_STEP][i]);
	for (unsigned w = 0; w < WAYS && n >= 7; w++)
		if (score[w] < score[best] * 0.95)
			best = w;
	return best;
}

/* Once a change of the level was seen, forecasts made before that for days behind it say nothing of the errors to
 * come. */
static void without_step(struct errors *x, unsigned changed)
{
	for (unsigned s = 0; s < STEPS; s++) {
		unsigned n = 0;
		for (unsigned i = 0; i < x->count[s]; i++) {
			if (x->at[s][i] < changed + STEP_DAYS && x->at[s][i] + step_days[s] > changed)
				continue;
			for (unsigned w = 0; w < WAYS; w++)
				x->of[w][s][n] = x->of[w][s][i];
			n++;
		}
		x->count[s] = n;
	}
}

/* since: how many days ago the level changed. Returns the way that counts. */
static unsigned make_band(const double *day, unsigned history, unsigned weekday, unsigned since, struct band *b,
		unsigned *origins, unsigned *inside)
{
	static _Thread_local struct errors x;
	double up = 0.5, down = 0.5;
	unsigned way;
	walk(&x, day, history, weekday);
	*origins = *inside = 0;
	for (unsigned i = 16; i < x.count[WEEK_STEP]; i++) { /* judged by origins before it whose week was over */
		unsigned then = pick(&x, i - 6);
		double above, below, error = x.of[then][WEEK_STEP][i];
		widths(x.of[then][WEEK_STEP], i - 6, 7, &above, &below);
		(*origins)++;
		*inside += error <= above && -error <= below;
	}
	without_step(&x, history - since);
	way = pick(&x, x.count[WEEK_STEP]);
	for (unsigned s = 0; s < STEPS; s++) {
		/* too short a history for that many days: no narrower than the step before, and growing as errors do */
		if (x.count[s] >= 5) {
			widths(x.of[way][s], x.count[s], step_days[s], &up, &down);
		} else if (s) {
			up *= 1.25;
			down *= 1.25;
		}
		if (s > WEEK_STEP) { /* what is further away is not known better */
			up = up > b->up[s - 1] ? up : b->up[s - 1];
			down = down > b->down[s - 1] ? down : b->down[s - 1];
		}
		b->up[s] = up;
		b->down[s] = down;
	}
	return way;
}

static double spread_at(const double *v, unsigned days)
{
	if (days <= step_days[0])
		return v[0];
	for (unsigned s = 1; s < STEPS; s++)
		if (days <= step_days[s])
			return v[s - 1] +
			       (v[s] - v[s - 1]) * (days - step_days[s - 1]) / (step_days[s] - step_days[s - 1]);
	return v[STEPS - 1] * sqrt((double)days / step_days[STEPS - 1]);
}

static struct forecast_range range_of(double sum, const struct band *b, unsigned days)
{
	double up = spread_at(b->up, days), down = spread_at(b->down, days);
	return (struct forecast_range){down < 1 ? sum * (1 - down) : 0, sum, sum * (1 + up)};
}

/* ---- days alone ---- */

struct forecast_range forecast_days(const double *day, unsigned history, unsigned weekday, unsigned n)
{
	unsigned skip = history > FORECAST_HISTORY ? history - FORECAST_HISTORY : 0, way, unused[2];
	struct band b;
	struct fits f;
	day += skip;
	history -= skip;
	weekday += skip;
	fit(&f, day, history, weekday);
	way = make_band(day, history, weekday, f.since, &b, &unused[0], &unused[1]);
	return range_of(sum_ahead(&f.way[way], weekday + history, n), &b, n);
}

double forecast_sum(const double *day, unsigned history, unsigned weekday, unsigned n)
{
	return forecast_days(day, history, weekday, n).p50;
}

void forecast_backtest(const double *day, unsigned history, unsigned weekday, unsigned every,
		struct forecast_backtest *out)
{
	static const unsigned days[FORECAST_TESTS] = {1, 7, 14, 28};
	memset(out, 0, sizeof *out);
	for (unsigned t = 0; t < FORECAST_TESTS; t++)
		out[0].test[t].days = days[t];
	for (unsigned at = FORECAST_TEST_FROM; at < history; at += every)
		for (unsigned t = 0; t < FORECAST_TESTS && at + days[t] <= history; t++) {
			struct forecast_range r = forecast_days(day, at, weekday, days[t]);
			double came = 0, slack;
			for (unsigned k = 0; k < days[t]; k++)
				came += day[at + k];
			/* a constant is forecast without an error, and added up in another order */
			slack = came * 1e-9;
			out->test[t].origins++;
			out->test[t].inside += came >= r.p10 - slack && came <= r.p90 + slack;
			out->test[t].width += r.p50 > 0 ? (r.p90 - r.p10) / r.p50 : 0;
		}
	for (unsigned t = 0; t < FORECAST_TESTS; t++)
		if (out->test[t].origins)
			out->test[t].width /= out->test[t].origins;
}

static unsigned weekday_of(const struct tz *tz, int64_t us)
{
	int64_t local = us + (int64_t)tz_offset_s(tz, us) * US_PER_S;
	return (unsigned)(((local / US_PER_DAY + 3) % 7 + 7) % 7); /* 1 January 1970 was a Thursday */
}

/* ---- ahead ---- */

/* The days ahead, and what is missing of each day from the gap on. */
struct ahead_days {
	double missing[FORECAST_HISTORY + FORECAST_DAYS]; /* from the gap's first day on */
	int64_t from_us[FORECAST_HISTORY + FORECAST_DAYS];
	unsigned count;
};

static void carry_on(struct forecast *f, const struct model *m, int64_t until_us, struct ahead_days *x)
{
	int64_t from, to;
	double left;
	unsigned h = f->gap;
	window_bounds(WINDOW_DAY, f->tz, f->now_us, &from, &to);
	left = (double)(to - f->now_us) / (double)(to - from);
	for (x->from_us[h] = from; h-- > 0;)
		window_bounds(WINDOW_DAY, f->tz, x->from_us[h + 1] - 1, &x->from_us[h], &to);
	for (h = 0; h < f->gap || (h - f->gap < FORECAST_DAYS && from < until_us); h++) {
		double likely = ahead(m, h, f->weekday + f->history + h);
		window_bounds(WINDOW_DAY, f->tz, x->from_us[h], &from, &to);
		x->missing[h] = forecast_missing(f, f->history + h, likely, left);
		if (h + 1 < FORECAST_HISTORY + FORECAST_DAYS)
			x->from_us[h + 1] = to;
		if (h >= f->gap) {
			f->day_us[f->days] = from;
			f->ahead[f->days++].p50 = x->missing[h];
		}
		from = to;
	}
	x->count = h;
}

/* When day k of the history began. */
static int64_t day_before(const struct forecast *f, unsigned k)
{
	int64_t from, to;
	window_bounds(WINDOW_DAY, f->tz, f->now_us, &from, &to);
	for (unsigned i = f->history + f->gap; i > k; i--)
		window_bounds(WINDOW_DAY, f->tz, from - 1, &from, &to);
	return from;
}

static struct forecast_range and_known(struct forecast_range r, double known)
{
	return (struct forecast_range){r.p10 + known, r.p50 + known, r.p90 + known};
}

/* What the ledger has of the month under way, and what was added to its days that are known for the most part. */
static void behind(const struct forecast *f, int64_t from_us, double *so_far, double *added)
{
	int64_t from = f->now_us, to;
	*so_far = f->known[f->history + f->gap];
	*added = 0;
	window_bounds(WINDOW_DAY, f->tz, f->now_us, &from, &to);
	for (unsigned k = f->history + f->gap; k-- > 0 && from > from_us;) {
		window_bounds(WINDOW_DAY, f->tz, from - 1, &from, &to);
		*so_far += f->known[k];
		*added += k < f->history ? f->day[k] - f->known[k] : 0;
	}
}

static void make_months(struct forecast *f, const struct ahead_days *x, const struct band *b, unsigned months)
{
	int64_t at = f->now_us;
	for (unsigned i = 0; i < months; i++) {
		struct forecast_month *m = &f->month[f->months];
		double sum = 0, added = 0;
		unsigned n = 0, through = 0;
		window_bounds(WINDOW_MONTH, f->tz, at, &m->from_us, &m->to_us);
		at = m->to_us;
		for (unsigned h = 0; h < x->count; h++)
			if (x->from_us[h] >= m->from_us && x->from_us[h] < m->to_us) {
				sum += x->missing[h];
				n++;
				through = h + 1;
				m->missing += h < f->gap ? x->missing[h] : 0;
			}
		if (!n)
			continue;
		if (f->months == 0)
			behind(f, m->from_us, &m->so_far, &added);
		m->missing += added;
		/* a month further away is as uncertain as all days up to its end */
		m->total = and_known(range_of(sum, b, through), m->so_far + added);
		f->months++;
	}
}

/* Day by day: the sums of the month under way, on which of them the budget is crossed. */
static void make_sums(struct forecast *f, const struct ahead_days *x, const struct band *b)
{
	double sum = 0, so_far = 0, added = 0;
	int64_t month_from = f->months ? f->month[0].from_us : 0, month_to = f->months ? f->month[0].to_us : 0;
	if (f->months)
		behind(f, month_from, &so_far, &added);
	f->crossed_already = f->has_budget && so_far > f->budget;
	for (unsigned h = 0; h < x->count; h++) {
		struct forecast_range r;
		if (x->from_us[h] < month_from)
			continue;
		sum += x->missing[h];
		r = and_known(range_of(sum, b, h + 1), added);
		if (h >= f->gap)
			f->sum[h - f->gap] = r;
		if (!f->has_budget || f->crossed_already || x->from_us[h] >= month_to)
			continue;
		if (so_far + r.p50 > f->budget && !f->cross_us)
			f->cross_us = x->from_us[h];
		if (so_far + r.p90 > f->budget && !f->cross_early_us)
			f->cross_early_us = x->from_us[h];
		if (so_far + r.p10 > f->budget && !f->cross_late_us)
			f->cross_late_us = x->from_us[h];
	}
	f->crosses = f->crossed_already || f->cross_us;
}

int forecast_make(struct forecast *f, struct ledger *l, const struct report_query *q, unsigned months,
		  const int64_t *budget_pico, struct err *e)
{
	struct fits fits;
	struct model m;
	struct band band;
	struct ahead_days *x;
	int64_t until = q->now_us, from;
	int rc;
	memset(f, 0, sizeof *f);
	f->tz = q->tz;
	f->now_us = q->now_us;
	f->currency = q->currency;
	rc = forecast_gather(f, l, q, e);
	if (rc)
		return rc;
	if (f->history + (f->gap > 0) < FORECAST_LEAST) {
		unsigned n = f->history + (f->gap > 0);
		err_set(e, RR_INPUT, "%u day%s of spending before today: a forecast wants %d at least", n, n == 1 ? "" : "s",
			FORECAST_LEAST);
		return err_hint(e, "import more, or come back in a few days");
	}
	x = calloc(1, sizeof *x);
	if (!x)
		return err_set(e, RR_NOMEM, "out of memory");
	for (unsigned i = 0; i < months && i < FORECAST_MONTHS; i++)
		window_bounds(WINDOW_MONTH, q->tz, until, &from, &until);
	f->weekday = weekday_of(q->tz, f->first_us);
	fit(&fits, f->day, f->history, f->weekday);
	m = fits.way[make_band(f->day, f->history, f->weekday, fits.since, &band,
			        &f->origins, &f->inside)];
	f->changed_us = fits.since ? day_before(f, f->history - fits.since) : 0;
	f->trend_per_week = m.level > 0 ? m.slope * 7 / m.level : 0;
	if (budget_pico) {
		f->has_budget = true;
		f->budget = (double)*budget_pico / (double)PICO_PER_UNIT;
	}
	carry_on(f, &m, until, x);
	make_months(f, x, &band, months < FORECAST_MONTHS ? months : FORECAST_MONTHS);
	make_sums(f, x, &band);
	for (unsigned h = 0; h < f->days; h++)
		f->ahead[h] = range_of(f->ahead[h].p50, &band, 1);
	free(x);
	return 0;
}
