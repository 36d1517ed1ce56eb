/* SPDX-License-Identifier: Apache-2.0
 *
 * The forecast as text and JSON. Figures of a forecast are rounded to the cent: more would be pretence.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/intern.h"
#include "base/json.h"
#include "base/num.h"
#include "base/table.h"
#include "report/first.h"
#include "report/forecast.h"

static money_wide to_pico(double v)
{
	return v < 1e24 ? (money_wide)llround(v * 100) * (PICO_PER_UNIT / 100) : 0;
}

static void date_at(const struct forecast *f, int64_t us, char out[TIME_TEXT])
{
	time_date(us + (int64_t)tz_offset_s(f->tz, us) * US_PER_S, out);
}

/* ---- what is not known yet ---- */

static const char *const kinds[] = {[FORECAST_LIVE] = "gateway", [FORECAST_LOG] = "log", [FORECAST_USAGE] = "usage",
				    [FORECAST_BILL] = "bill"};

/* The day up to and with which days are known. */
static void known_through(const struct forecast *f, unsigned whole, char out[TIME_TEXT])
{
	int64_t at = f->now_us, to;
	window_bounds(WINDOW_DAY, f->tz, at, &at, &to);
	for (unsigned k = f->history + f->gap; k + 1 > whole; k--)
		window_bounds(WINDOW_DAY, f->tz, at - 1, &at, &to);
	date_at(f, at, out);
}

/* A sentence, wrapped. */
__attribute__((format(printf, 2, 3))) static void say(struct sb *out, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	text_wrap(str_of(text), 0, 0, 80, out);
	sb_addc(out, '\n');
}

void forecast_gaps(const struct forecast *f, struct sb *out)
{
	char a[MONEY_SYMBOL], day[TIME_TEXT], name[80], part[48];
	for (unsigned i = 0; i < f->sources; i++) {
		const struct forecast_source *x = &f->source[i];
		struct str provider = intern_str(x->provider);
		snprintf(name, sizeof name, "%.*s%s%s",
			 STR_ARG(str_sub(provider, 0, provider.n < 60 ? provider.n : 60)), provider.n ? " " : "",
			 kinds[x->kind]);
		snprintf(part, sizeof part, " (%.0f %% of the spending)", x->share * 100);
		known_through(f, x->last_had, day);
		if (x->ended)
			sb_addf(out, "%s: nothing since %s while others went on: taken as ended.\n", name, day);
		else if (x->share > 0 && (x->whole + 1 < f->history + f->gap || f->month[0].missing > 0))
			sb_addf(out, "%s ends with %s, which may still grow%s:\n"
				"what is missing from there on is estimated, not 0.\n", name, day, f->sources > 1 ? part : "");
	}
	if (f->months && f->month[0].missing > 0)
		say(out, "About %s of days that are over is still to come: in the forecast, not in so far.",
			money_symbol(f->currency, to_pico(f->month[0].missing), 2, a));
}

static void budget_text(const struct forecast *f, struct sb *out)
{
	char a[MONEY_SYMBOL], day[TIME_TEXT], early[TIME_TEXT], late[TIME_TEXT];
	money_symbol(f->currency, to_pico(f->budget), 2, a);
	if (f->crossed_already) {
		sb_addf(out, "\nThe budget of %s is spent already.\n", a);
		return;
	}
	sb_addc(out, '\n');
	if (!f->crosses && !f->cross_early_us) {
		say(out, "The budget of %s holds this month.", a);
	} else if (!f->crosses) {
		date_at(f, f->cross_early_us, early);
		say(out, "The budget of %s holds this month more likely than not; it could be crossed on %s at the earliest (p90).", a, early);
	} else {
		const char *verb = f->cross_us < f->day_us[0] ? "was likely crossed" : "is crossed";
		date_at(f, f->cross_us, day);
		date_at(f, f->cross_early_us ? f->cross_early_us : f->cross_us, early);
		if (f->cross_late_us) {
			date_at(f, f->cross_late_us, late);
			say(out, "The budget of %s %s on %s (80 %%: %s to %s).", a, verb, day, early, late);
		} else {
			say(out, "The budget of %s %s on %s (80 %%: from %s; it may also hold).", a, verb, day, early);
		}
	}
}

void forecast_text(const struct forecast *f, struct sb *out)
{
	char a[MONEY_SYMBOL], b[MONEY_SYMBOL], c[MONEY_SYMBOL], d[MONEY_SYMBOL], day[TIME_TEXT], n[32];
	date_at(f, f->first_us, day);
	sb_addf(out, "Inference, from %u whole days since %s; level %+.1f %% a week\n\n", f->history, day,
		f->trend_per_week * 100);
	sb_addf(out, "%-10s%14s%14s%14s%14s\n", "month", "so far", "p10", "p50", "p90");
	for (unsigned i = 0; i < f->months; i++) {
		const struct forecast_month *m = &f->month[i];
		date_at(f, m->from_us, day);
		sb_addf(out, "%-10.7s%14s%14s%14s%14s\n", day,
			m->so_far > 0 ? money_human(to_pico(m->so_far), 2, a) : "-",
			money_human(to_pico(m->total.p10), 2, b), money_human(to_pico(m->total.p50), 2, c),
			money_human(to_pico(m->total.p90), 2, d));
	}
	sb_addf(out, "%s; between p10 and p90 lie 80 %% by the errors of earlier forecasts.\n", f->currency.code);
	if (f->changed_us) {
		date_at(f, f->changed_us, day);
		sb_addf(out, "The level changed on %s: it counts from there on.\n", day);
	}
	forecast_gaps(f, out);
	if (f->has_budget)
		budget_text(f, out);
	if (f->origins)
		say(out, "Backtest: %u of %u weeks fell into a band made from the days before them (%.0f %%).",
			f->inside, f->origins, (double)f->inside * 100 / f->origins);
	else
		sb_adds(out, "The history is too short for a backtest: take the band as a guess.\n");
	left_out_text(&f->left_out, out);
	if (f->unpriced_calls)
		sb_addf(out, "Not priced, in no figure here: %s requests.\n", num_group(f->unpriced_calls, n));
}

static void amount(struct json_out *w, const char *key, double v)
{
	jw_kmoney(w, key, to_pico(v));
}

static void date_key(const struct forecast *f, struct json_out *w, const char *key, int64_t us)
{
	char day[TIME_TEXT];
	if (us)
		date_at(f, us, day);
	jw_kcstr(w, key, us ? day : NULL);
}

void forecast_json(const struct forecast *f, struct sb *out)
{
	struct json_out w;
	char t[TIME_TEXT];
	const struct forecast_month *now = &f->month[0];
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "currency", f->currency.code);
	jw_kcstr(&w, "at", time_text(f->now_us, t));
	amount(&w, "so_far", now->so_far);
	amount(&w, "p10", now->total.p10);
	amount(&w, "p50", now->total.p50);
	amount(&w, "p90", now->total.p90);
	jw_key(&w, "budget");
	if (f->has_budget)
		jw_money(&w, to_pico(f->budget));
	else
		jw_null(&w);
	jw_key(&w, "crosses");
	if (f->has_budget)
		jw_bool(&w, f->crosses);
	else
		jw_null(&w);
	jw_kbool(&w, "crossed_already", f->crossed_already);
	date_key(f, &w, "crosses_on", f->cross_us);
	date_key(f, &w, "crosses_earliest", f->cross_early_us);
	date_key(f, &w, "crosses_latest", f->cross_late_us);
	jw_key(&w, "months");
	jw_array(&w);
	for (unsigned i = 0; i < f->months; i++) {
		const struct forecast_month *m = &f->month[i];
		date_at(f, m->from_us, t);
		t[7] = 0;
		jw_object(&w);
		jw_kcstr(&w, "month", t);
		amount(&w, "so_far", m->so_far);
		amount(&w, "p10", m->total.p10);
		amount(&w, "p50", m->total.p50);
		amount(&w, "p90", m->total.p90);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_key(&w, "days");
	jw_array(&w);
	for (unsigned i = 0; i < f->days; i++) {
		date_at(f, f->day_us[i], t);
		jw_object(&w);
		jw_kcstr(&w, "day", t);
		amount(&w, "p10", f->ahead[i].p10);
		amount(&w, "p50", f->ahead[i].p50);
		amount(&w, "p90", f->ahead[i].p90);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	date_key(f, &w, "known_until", f->known_until_us);
	amount(&w, "missing", now->missing);
	jw_key(&w, "sources");
	jw_array(&w);
	for (unsigned i = 0; i < f->sources; i++) {
		const struct forecast_source *x = &f->source[i];
		jw_object(&w);
		jw_kcstr(&w, "kind", kinds[x->kind]);
		jw_kstr(&w, "provider", intern_str(x->provider));
		known_through(f, x->ended ? x->last_had : x->whole, t);
		jw_kcstr(&w, "known_through", t);
		jw_kdouble(&w, "share", x->share);
		jw_kbool(&w, "ended", x->ended);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_ku64(&w, "history_days", f->history);
	jw_ku64(&w, "estimated_days", f->gap);
	jw_kdouble(&w, "trend_per_week", f->trend_per_week);
	date_key(f, &w, "level_since", f->changed_us);
	jw_key(&w, "backtest");
	jw_object(&w);
	jw_ku64(&w, "weeks", f->origins);
	jw_ku64(&w, "inside", f->inside);
	jw_key(&w, "coverage");
	if (f->origins)
		jw_double(&w, (double)f->inside / f->origins);
	else
		jw_null(&w);
	jw_end_object(&w);
	jw_kcstr(&w, "method",
		 "weekday factors, the best of three levels, slope damped over 90 days, band from the errors of earlier origins");
	jw_ku64(&w, "unpriced_calls", f->unpriced_calls);
	left_out_json(&f->left_out, &w);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

void forecast_backtest_text(const struct forecast *f, const struct forecast_backtest *b, struct sb *out)
{
	char day[TIME_TEXT];
	date_at(f, f->first_us, day);
	sb_addf(out, "%u whole days since %s; each forecast knows the days before it alone\n\n", f->history, day);
	sb_addf(out, "%-14s%12s%12s%12s%16s\n", "days ahead", "forecasts", "inside", "coverage", "band, of p50");
	for (unsigned t = 0; t < FORECAST_TESTS; t++) {
		if (!b->test[t].origins)
			continue;
		sb_addf(out, "%-14u%12u%12u%10.0f %%%14.0f %%\n", b->test[t].days, b->test[t].origins,
			b->test[t].inside, (double)b->test[t].inside * 100 / b->test[t].origins,
			b->test[t].width * 100);
	}
	if (!b->test[0].origins)
		sb_addf(out, "The history is too short: the first forecast that is judged has %d days before it.\n",
				FORECAST_TEST_FROM);
	else
		sb_adds(out, "\nThe band claims 80 %. Well below that something changed within these days\n"
			     "(a new model, a broken cache): runrate diff says what.\n");
}

void forecast_backtest_json(const struct forecast *f, const struct forecast_backtest *b, struct sb *out)
{
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_ku64(&w, "history_days", f->history);
	jw_key(&w, "backtest");
	jw_array(&w);
	for (unsigned t = 0; t < FORECAST_TESTS; t++) {
		jw_object(&w);
		jw_ku64(&w, "days_ahead", b->test[t].days);
		jw_ku64(&w, "forecasts", b->test[t].origins);
		jw_ku64(&w, "inside", b->test[t].inside);
		jw_key(&w, "coverage");
		if (b->test[t].origins)
			jw_double(&w, (double)b->test[t].inside / b->test[t].origins);
		else
			jw_null(&w);
		jw_kdouble(&w, "band_share", b->test[t].width);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	sb_addc(out, '\n');
}
