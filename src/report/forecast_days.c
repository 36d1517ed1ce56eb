/* SPDX-License-Identifier: Apache-2.0
 *
 * What each day cost, and how much of it is known.
 *
 * A vendor's export ends somewhere, and its last bucket was still growing when it was made: behind that, nothing is not
 * zero. So each side that the ledger has (a vendor's usage, its bills, logs) is known up to its last day, and of that
 * one at least so much; further where its batches say that they told all (import_store.h: empty buckets, less the days
 * in which a vendor's still fill; logs that were read where they are written). What the gateway meters is known up to
 * now. A day without spending within what is known is one.
 *
 * 1. A side's share is its part of what was spent in the fourteen days before the first gap.
 * 2. A day of which sides of half the spending or more are known counts in the history, grown by the others' shares.
 * 3. Of later ones, and of today, each side that does not know them is likely to miss its share of such a day.
 * 4. A side that was silent for more than SILENT days up to the newest day of another has ended: its days are zero.
 */
#include <stdlib.h>

#include "base/intern.h"
#include "ledger/import_store.h"
#include "report/amounts.h"
#include "report/forecast.h"
#include "report/overlap.h"

enum { SHARE_DAYS = 14, SILENT = 14, TODAY = FORECAST_HISTORY };

struct side {
	double day[FORECAST_HISTORY + 1];
	unsigned last;  /* that it has anything of */
	unsigned whole; /* days before it are told whole, also those without anything (ledger_covers) */
};

struct gather {
	struct forecast *f;
	const struct report_query *q;
	struct env_filter env;
	struct overlap *overlap;
	int64_t starts[FORECAST_HISTORY + 1];
	struct side *side; /* beside f->source */
};

static enum forecast_kind kind_of(const struct rollup_key *k)
{
	return row_is_bill(k) ? FORECAST_BILL : row_is_reported(k) ? FORECAST_USAGE
			: k->provenance == PROV_IMPORTED ? FORECAST_LOG : FORECAST_LIVE;
}

/* Sides beyond the room for them share the last one of it. */
static unsigned side_of(struct forecast *f, const struct rollup_key *k)
{
	enum forecast_kind kind = kind_of(k);
	uint32_t provider = kind == FORECAST_LIVE ? 0 : k->provider;
	unsigned i = 0;
	while (i < f->sources && (f->source[i].kind != kind || f->source[i].provider != provider))
		i++;
	if (i == FORECAST_SOURCES)
		return i - 1;
	if (i == f->sources)
		f->source[f->sources++] = (struct forecast_source){.kind = kind, .provider = provider};
	return i;
}

static unsigned day_at(const struct gather *g, int64_t us)
{
	unsigned low = 0, high = TODAY + 1;
	while (high - low > 1) {
		unsigned mid = (low + high) / 2;
		if (g->starts[mid] <= us)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static int add_row(const struct rollup_row *whole, void *arg)
{
	struct rollup_row rest;
	const struct rollup_row *x = &rest;
	struct gather *g = arg;
	struct forecast *f = g->f;
	struct side *s;
	money_wide pico;
	unsigned low = day_at(g, whole->key.hour_us);
	bool counts;
	if (whole->key.book != BOOK_INFERENCE)
		return 0;
	counts = overlap_rest(g->overlap, whole, &rest);
	s = &g->side[side_of(f, &whole->key)];
	s->last = s->last > low ? s->last : low;
	if (!counts || !env_counts(g->env, &x->key))
		return 0;
	if (!row_amount(x, &pico)) {
		f->unpriced_calls += row_unpriced(x) ? row_calls(x) : 0;
		return 0;
	}
	if (!rates_convert(g->q->rates, g->q->rate_count, currency_interned(x->key.currency), f->currency,
			   x->key.hour_us, &pico) &&
	    pico != 0) {
		left_out_add(&f->left_out, currency_interned(x->key.currency));
		return 0;
	}
	s->day[low] += (double)pico / (double)PICO_PER_UNIT;
	return 0;
}

static int add_cover(const struct batch_cover *c, void *arg)
{
	struct gather *g = arg;
	struct forecast *f = g->f;
	uint32_t provider = intern(c->provider);
	for (unsigned i = 0; i < f->sources; i++) {
		struct forecast_source *x = &f->source[i];
		if (x->provider == provider && x->kind == (c->side == SIDE_BILL ? FORECAST_BILL : c->side == SIDE_USAGE
				? FORECAST_USAGE : FORECAST_LOG)) {
			g->side[i].whole = day_at(g, c->until_us);
			x->current = c->until_us >= g->starts[TODAY];
		}
	}
	return 0;
}

/* Rules 1 and 4. Days are still those of starts[]. */
static void know(struct gather *g)
{
	struct forecast *f = g->f;
	unsigned newest = 0, first = TODAY;
	double all = 0;
	for (unsigned i = 0; i < f->sources; i++) {
		struct side *s = &g->side[i];
		if (f->source[i].kind == FORECAST_LIVE) {
			s->last = TODAY;
			f->source[i].current = true;
		}
		s->whole = s->whole > s->last ? s->whole : s->last;
		newest = s->whole > newest ? s->whole : newest;
	}
	for (unsigned i = 0; i < f->sources; i++) {
		struct forecast_source *x = &f->source[i];
		x->ended = g->side[i].whole + SILENT < newest;
		x->last_had = (x->ended ? g->side[i].last : g->side[i].whole) + 1;
		x->whole = x->ended ? TODAY : g->side[i].whole;
		x->last = g->side[i].day[x->whole];
		first = x->whole < first ? x->whole : first;
	}
	for (unsigned i = 0; i < f->sources; i++) {
		for (unsigned k = first > SHARE_DAYS ? first - SHARE_DAYS : 0; k < first && !f->source[i].ended; k++)
			f->source[i].share += g->side[i].day[k];
		f->source[i].share = f->source[i].share > 0 ? f->source[i].share : 0;
		all += f->source[i].share;
	}
	for (unsigned i = 0; i < f->sources; i++)
		f->source[i].share = all > 0 ? f->source[i].share / all : 1.0 / f->sources;
}

/* Rule 2. Days before the first that has any are left out. */
static void make_history(struct gather *g)
{
	struct forecast *f = g->f;
	unsigned skip = 0, end = 0;
	for (unsigned k = 0; k <= TODAY; k++) {
		double unknown = 0, known = 0;
		for (unsigned i = 0; i < f->sources; i++) {
			f->known[k] += g->side[i].day[k];
			if (k >= f->source[i].whole)
				unknown += f->source[i].share;
			else
				known += g->side[i].day[k];
		}
		if (k == TODAY || unknown > 0.5)
			continue;
		f->day[k] = unknown > 0 && known / (1 - unknown) > f->known[k] ? known / (1 - unknown) : f->known[k];
		end = k + 1;
	}
	while (skip < end && f->day[skip] == 0)
		skip++;
	f->history = end - skip;
	f->gap = TODAY - end;
	f->first_us = g->starts[skip];
	f->known_until_us = g->starts[TODAY];
	for (unsigned i = 0; i < f->sources; i++) {
		struct forecast_source *x = &f->source[i];
		if (x->share > 0 && g->starts[x->whole] < f->known_until_us)
			f->known_until_us = g->starts[x->whole];
		x->whole = x->whole > skip ? x->whole - skip : 0;
		x->last_had = x->last_had > skip ? x->last_had - skip : 0;
	}
	memmove(f->day, f->day + skip, f->history * sizeof *f->day);
	memmove(f->known, f->known + skip, (TODAY + 1 - skip) * sizeof *f->known);
}

double forecast_missing(const struct forecast *f, unsigned k, double likely, double left_of_today)
{
	unsigned today = f->history + f->gap;
	double sum = 0;
	if (k > today)
		return likely;
	for (unsigned i = 0; i < f->sources; i++) {
		const struct forecast_source *x = &f->source[i];
		double part = likely * x->share, rest = k == x->whole && !x->current ? part - x->last : part;
		if (k < x->whole)
			continue;
		if (k == today && k == x->whole) /* at least what is left of it */
			rest = x->current || rest < part * left_of_today ? part * left_of_today : rest;
		sum += rest > 0 ? rest : 0;
	}
	return sum;
}

int forecast_gather(struct forecast *f, struct ledger *l, const struct report_query *q, struct err *e)
{
	bool several = false;
	const int64_t hour_us = 3600 * US_PER_S;
	struct gather *g = calloc(1, sizeof *g);
	int64_t from, to, until_us;
	int rc = 0;
	if (g)
		*g = (struct gather){.f = f, .q = q, .env = env_filter_of(q->env), .overlap = overlap_new(),
				     .side = calloc(FORECAST_SOURCES, sizeof *g->side)};
	if (!g || !g->overlap || !g->side) {
		rc = err_set(e, RR_NOMEM, "out of memory");
		goto end;
	}
	window_bounds(WINDOW_DAY, q->tz, q->now_us, &g->starts[TODAY], &to);
	for (unsigned i = TODAY; i-- > 0;)
		window_bounds(WINDOW_DAY, q->tz, g->starts[i + 1] - 1, &g->starts[i], &to);
	from = g->starts[0];
	/* to the end of this hour: whole hours come from roll-ups, a part of one would be read call by call */
	until_us = (q->now_us + hour_us - 1) / hour_us * hour_us;
	if (!f->currency.code[0])
		rc = report_only_currency(l, from, until_us, g->env, &f->currency, &several, e);
	if (!rc && !f->currency.code[0] && !several) {
		err_set(e, RR_INPUT, "nothing that recurs was spent before today, or it has no price: there is nothing to carry on");
		rc = err_hint(e, "runrate import reads usage and costs; runrate report shows what the ledger holds");
	} else if (!rc && !f->currency.code[0]) {
		err_set(e, RR_INPUT, "the amounts to carry on are in several currencies");
		rc = err_hint(e, "choose one with --currency, and a dated rate with --rate USD/GBP=0.7692@2026-10-01");
	}
	if (!rc)
		rc = overlap_read(g->overlap, l, from, until_us, e);
	if (!rc)
		rc = ledger_rollup(l, from, until_us, add_row, g, e);
	if (!rc)
		rc = ledger_covers(l, add_cover, g, e);
	if (!rc) {
		know(g);
		make_history(g);
	}
end:
	if (g) {
		overlap_free(g->overlap);
		free(g->side);
	}
	free(g);
	return rc;
}
