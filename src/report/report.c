/* SPDX-License-Identifier: Apache-2.0
 *
 * See report.h: the fold. One pass over the roll-ups fills every part of the report; lines are found by a hash of
 * (key, currency). The currency of the headline must be known before amounts are added to it, so amounts gather by
 * currency and hour-dated conversion is done row by row, when --currency asks for one.
 */
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/intern.h"
#include "model/outlay.h"
#include "report/amounts.h"
#include "report/overlap.h"
#include "report/prepaid.h"
#include "report/shares.h"

enum { LINES_MOST = 200000, CAPS_MOST = 1000, KEPT_MOST = 1 << 17 };
#define HOUR_US (3600 * US_PER_S)

static const char *const by_names[BYS] = {
	[BY_AUTO] = "auto",       [BY_PROVIDER] = "provider", [BY_MODEL] = "model", [BY_TEAM] = "team",
	[BY_FEATURE] = "feature", [BY_KEY] = "key",           [BY_ENV] = "env",     [BY_REGION] = "region",
	[BY_PROJECT] = "project", [BY_SURFACE] = "surface",   [BY_TIER] = "tier",   [BY_PROVENANCE] = "provenance",
	[BY_OUTCOME] = "outcome", [BY_HOUR] = "hour",         [BY_DAY] = "day",     [BY_WEEK] = "week",
	[BY_MONTH] = "month"};
const char report_by_all[] = "provider, model, team, feature, key, env, region, project, surface, tier, provenance, "
			     "outcome, hour, day, week, month";

const char *report_by_name(enum report_by b)
{
	return by_names[b];
}

int report_by_parse(struct str s, enum report_by *out)
{
	for (unsigned i = 0; i < BYS; i++)
		if (str_eqc(s, by_names[i])) {
			*out = (enum report_by)i;
			return 0;
		}
	return -RR_NOTFOUND;
}

/* A set of lines, found by name (an intern id or a time) and currency. */
struct lines {
	struct report_line *items;
	int64_t *ids;
	uint32_t *currencies;
	uint32_t *slots;
	unsigned count, room, slot_count;
};

struct fold {
	struct report *r;
	struct lines inference, training, other;
	struct prepaid *prepaid;
	struct share_fold *shares;
	bool several;       /* more than one currency was met */
	int64_t first_us, last_us;
	struct env_filter env;
	bool features;      /* some call names a feature */
	/* rows of the first look, so that most reports read the roll-ups once */
	struct rollup_row *kept;
	size_t kept_count, kept_room;
	bool kept_all;
	struct overlap *overlap; /* bills of usage that stands here too */
};

static unsigned line_slot(const struct lines *s, int64_t id, uint32_t currency)
{
	uint64_t h = ((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) ^ ((uint64_t)currency << 32);
	unsigned at = (unsigned)(h >> 29) & (s->slot_count - 1);
	while (s->slots[at] && (s->ids[s->slots[at] - 1] != id || s->currencies[s->slots[at] - 1] != currency))
		at = (at + 1) & (s->slot_count - 1);
	return at;
}

static int lines_grow(struct lines *s)
{
	unsigned n = s->room ? s->room * 2 : 64;
	struct report_line *items = realloc(s->items, n * sizeof *items);
	int64_t *ids = realloc(s->ids, n * sizeof *ids);
	uint32_t *currencies = realloc(s->currencies, n * sizeof *currencies), *slots = calloc(n * 2, sizeof *slots);
	if (items)
		s->items = items;
	if (ids)
		s->ids = ids;
	if (currencies)
		s->currencies = currencies;
	if (!items || !ids || !currencies || !slots || n > LINES_MOST * 2) {
		free(slots);
		return -RR_NOMEM;
	}
	free(s->slots);
	s->slots = slots;
	s->slot_count = n * 2;
	s->room = n;
	for (unsigned i = 0; i < s->count; i++)
		s->slots[line_slot(s, s->ids[i], s->currencies[i])] = i + 1;
	return 0;
}

static void lines_fini(struct lines *s)
{
	free(s->items);
	free(s->ids);
	free(s->currencies);
	free(s->slots);
}

static struct report_line *line_of(struct lines *s, int64_t id, uint32_t currency)
{
	unsigned at;
	if (s->count == s->room && lines_grow(s))
		return NULL;
	at = line_slot(s, id, currency);
	if (!s->slots[at]) {
		memset(&s->items[s->count], 0, sizeof *s->items);
		s->items[s->count].currency = currency_interned(currency);
		s->ids[s->count] = id;
		s->currencies[s->count] = currency;
		s->slots[at] = ++s->count;
	}
	return &s->items[s->slots[at] - 1];
}

/* ---- time ---- */

static int64_t bucket_of(const struct report *r, enum report_by by, int64_t us)
{
	static const enum window windows[] = {WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH};
	int64_t from, to;
	window_bounds(windows[by - BY_HOUR], r->query.tz, us, &from, &to);
	return from;
}

static struct str bucket_text(struct report *r, int64_t us)
{
	int64_t local = us + (int64_t)tz_offset_s(r->query.tz, us) * US_PER_S;
	char t[TIME_TEXT];
	time_text(local, t);
	if (r->query.by == BY_MONTH)
		t[7] = 0;
	else if (r->query.by != BY_HOUR)
		t[10] = 0;
	else
		t[16] = 0;
	return arena_str(r->arena, str_of(t));
}

static unsigned column_of(const struct report *r, int64_t us)
{
	unsigned c = 0;
	while (c + 1 < r->columns && us >= r->column_us[c + 1])
		c++;
	return c;
}

/* ---- money ---- */

/* Into the headline's currency at the rate in force then. */
static bool to_headline(const struct report *r, struct currency from, int64_t at_us, money_wide *pico)
{
	return rates_convert(r->query.rates, r->query.rate_count, from, r->currency, at_us, pico);
}

static struct report_currency *own_currency(struct fold *f, uint32_t interned)
{
	struct report *r = f->r;
	struct currency c = currency_interned(interned);
	for (unsigned i = 0; i < r->currencies; i++)
		if (currency_eq(r->by_currency[i].currency, c))
			return &r->by_currency[i];
	if (r->currencies == REPORT_CURRENCIES)
		return NULL;
	r->by_currency[r->currencies] = (struct report_currency){.currency = c};
	return &r->by_currency[r->currencies++];
}

/* ---- calls ---- */

static int64_t line_id(const struct report *r, const struct rollup_key *k)
{
	return report_by_time(r->query.by) ? bucket_of(r, r->query.by, k->hour_us) : row_name(r->query.by, k);
}

static void note_unpriced(struct report *r, const struct rollup_row *x)
{
	struct str model = intern_str(x->key.model);
	r->unpriced_calls += x->sum.calls;
	for (unsigned i = 0; i < r->unpriced_models; i++)
		if (str_eq(r->unpriced_model[i], model))
			return;
	if (r->unpriced_models < REPORT_MODELS)
		r->unpriced_model[r->unpriced_models++] = model;
}

static void add_to_line(const struct report *r, struct report_line *line, const struct rollup_row *x, uint64_t calls,
			money_wide own)
{
	struct report_cell *cell = &line->column[column_of(r, x->key.hour_us)];
	line->calls += calls;
	line->input_tok += x->sum.input_tok;
	line->output_tok += x->sum.output_tok;
	line->accepted += x->sum.accepted;
	line->refused += x->sum.refused;
	line->unpriced_calls += row_unpriced(x) ? x->sum.calls : 0;
	line->cost_pico += own;
	cell->cost_pico += own;
	cell->calls += calls;
}

/* The last month's bill of a vendor and its usage, side by side. */
static void note_invoice(struct report *r, const struct rollup_key *k, money_wide pico, bool billed)
{
	unsigned i = 0;
	if (k->hour_us < r->invoice_us)
		return;
	while (i < r->invoices && r->invoice[i].provider != k->provider)
		i++;
	if (i == REPORT_INVOICES)
		return;
	if (i == r->invoices)
		r->invoice[r->invoices++].provider = k->provider;
	*(billed ? &r->invoice[i].billed_pico : &r->invoice[i].usage_pico) += pico;
}

/* A line of what is neither checkbook. */
static int add_other(struct fold *f, int64_t id, uint32_t currency, unsigned column, money_wide pico, bool in,
		bool shared)
{
	struct report *r = f->r;
	struct report_line *line = shared ? NULL : line_of(&f->other, id, currency);
	if (!shared && !line)
		return -RR_LIMIT;
	if (line) {
		line->cost_pico += pico;
		line->column[column].cost_pico += pico;
	}
	r->other_pico += in ? pico : 0;
	r->other.total_pico += in ? pico : 0;
	r->other.column[column].cost_pico += in ? pico : 0;
	return 0;
}

/* "bill O tax" is tax; what says no more is named by what was bought. */
static uint32_t other_name(const struct rollup_key *k)
{
	struct str s = intern_str(k->surface);
	if (str_starts(s, STR("bill O ")))
		return intern(str_sub(s, 7, s.n));
	return k->model ? k->model : k->provider;
}

/* By cash, what a prepaid credit paid for was paid before: it comes off, as a line of its own. */
static int add_drawn(struct fold *f, const struct rollup_key *k, money_wide own)
{
	struct report *r = f->r;
	money_wide drawn = prepaid_take(f->prepaid, k->provider, k->currency, k->hour_us, own), pico = -drawn;
	bool in = to_headline(r, currency_interned(k->currency), k->hour_us, &pico);
	unsigned column = column_of(r, k->hour_us);
	struct report_currency *mine;
	struct report_line *line;
	if (drawn == 0)
		return 0;
	line = line_of(&f->inference,
		       report_by_time(r->query.by) ? line_id(r, k) : intern(STR("drawn from prepaid credit")),
		       in ? intern(str_of(r->currency.code)) : k->currency);
	if (!line)
		return -RR_LIMIT;
	line->cost_pico += in ? pico : -drawn;
	line->column[column].cost_pico += in ? pico : -drawn;
	r->inference.total_pico += in ? pico : 0;
	r->inference.column[column].cost_pico += in ? pico : 0;
	if ((mine = own_currency(f, k->currency)) != NULL)
		mine->inference_pico -= drawn;
	return 0;
}

static int add_row(const struct rollup_row *whole, void *arg)
{
	struct fold *f = arg;
	struct report *r = f->r;
	struct rollup_row rest;
	const struct rollup_row *x = &rest;
	const struct rollup_key *k = &rest.key;
	struct report_line nowhere = {0}; /* a shared cost stands on its teams' lines */
	int pool = -1;
	uint64_t calls;
	money_wide own, pico;
	struct report_currency *mine;
	struct report_line *line;
	uint32_t currency;
	bool known = row_amount(whole, &own), in;
	pico = own;
	if (known && row_is_bill(&whole->key) &&
	    to_headline(r, currency_interned(whole->key.currency), whole->key.hour_us, &pico))
		r->billed_pico += pico;
	if (known && row_is_token_bill(&whole->key))
		note_invoice(r, &whole->key, pico, true);
	if (!overlap_rest(f->overlap, whole, &rest))
		return 0;
	calls = row_calls(x);
	known = row_amount(x, &own);
	pico = own;
	if (known && k->book == BOOK_INFERENCE && !row_is_bill(k) && to_headline(r, currency_interned(k->currency),
			k->hour_us, &pico))
		note_invoice(r, k, pico, false);
	pico = own;
	in = to_headline(r, currency_interned(k->currency), k->hour_us, &pico);
	if (!env_counts(f->env, k)) {
		r->hidden_calls += calls;
		r->hidden_pico += in ? pico : 0;
		return 0;
	}
	if (row_unpriced(x))
		note_unpriced(r, x);
	if (known && own != 0 && (mine = own_currency(f, k->currency)) != NULL) {
		mine->in_headline = mine->in_headline || in;
		*(k->book == BOOK_INFERENCE  ? &mine->inference_pico
		  : k->book == BOOK_TRAINING ? &mine->training_pico
		  : k->book == BOOK_OTHER    ? &mine->other_pico
					     : &mine->unclassified_pico) += own;
	}
	if (k->book == BOOK_UNCLASSIFIED) {
		r->unclassified_pico += in ? pico : 0;
		r->unclassified_column[column_of(r, k->hour_us)].cost_pico += in ? pico : 0;
		return 0;
	}
	/* what has no amount has no currency: it is no line of its own beside the one of its key that has */
	currency = in || (!known && r->currency.code[0]) ? intern(str_of(r->currency.code)) : k->currency;
	if (f->shares && in && (pool = shares_pool_of(r->query.shares, k)) >= 0)
		share_add_cost(f->shares, pool, (enum book_kind)k->book, column_of(r, k->hour_us), pico);
	if (k->book == BOOK_OTHER)
		return add_other(f, report_by_time(r->query.by) ? line_id(r, k) : other_name(k), currency,
				 column_of(r, k->hour_us), in ? pico : own, in, pool >= 0);
	if (k->book == BOOK_INFERENCE && f->shares &&
	    share_add_use(f->shares, x, column_of(r, k->hour_us), in ? pico : 0))
		return -RR_LIMIT;
	line = pool >= 0 ? &nowhere
	       : k->book == BOOK_TRAINING
		       ? line_of(&f->training, report_by_time(r->query.by) ? line_id(r, k) : k->model, currency)
		       : line_of(&f->inference, line_id(r, k), currency);
	if (!line)
		return -RR_LIMIT;
	add_to_line(r, line, x, calls, in ? pico : own);
	if (k->book == BOOK_TRAINING) {
		r->training.total_pico += in ? pico : 0;
		r->training.column[column_of(r, k->hour_us)].cost_pico += in ? pico : 0;
		return 0;
	}
	r->inference.total_pico += in ? pico : 0;
	r->inference.column[column_of(r, k->hour_us)].cost_pico += in ? pico : 0;
	r->inference.column[column_of(r, k->hour_us)].calls += calls;
	r->calls += calls;
	r->refused += x->sum.refused;
	r->accepted += x->sum.accepted;
	r->input_tok += x->sum.input_tok;
	r->output_tok += x->sum.output_tok;
	r->failed += k->outcome_class == OUTCOME_VENDOR_ERROR || k->outcome_class == OUTCOME_UPSTREAM ? calls : 0;
	if (k->provenance == PROV_ESTIMATED) {
		money_wide low = x->sum.low_pico, high = x->sum.high_pico;
		r->estimated_calls += calls;
		r->low_pico += to_headline(r, currency_interned(k->currency), k->hour_us, &low) ? low : 0;
		r->high_pico += to_headline(r, currency_interned(k->currency), k->hour_us, &high) ? high : 0;
	}
	pico = x->sum.saved_pico;
	r->saved_pico += to_headline(r, currency_interned(k->currency), k->hour_us, &pico) ? pico : 0;
	return r->query.basis == BASIS_CASH && known ? add_drawn(f, k, own) : 0;
}

/* ---- outlays ---- */

/* What of an outlay falls into [from, to), and when. */
static money_wide outlay_in(const struct fold *f, const struct outlay *o, int64_t from_us, int64_t to_us,
		int64_t *at_us)
{
	bool cash = f->r->query.basis == BASIS_CASH, on_its_day = o->date_us >= from_us && o->date_us < to_us;
	int64_t end_us;
	money_wide expired;
	*at_us = o->date_us > from_us ? o->date_us : from_us;
	if (cash)
		return on_its_day ? o->amount_pico : 0;
	if (outlay_kind_use(o->kind) != OUTLAY_BY_USAGE)
		return outlay_charge_pico(o, from_us, to_us);
	expired = prepaid_expired(f->prepaid, o, &end_us);
	*at_us = end_us;
	return end_us >= from_us && end_us < to_us ? expired : 0;
}

static int add_outlay_part(struct fold *f, const struct outlay *o, int64_t from_us, int64_t to_us, unsigned column)
{
	struct report *r = f->r;
	enum book_kind book = outlay_kind_book(o->kind);
	bool in, other = book == BOOK_OTHER, prepaid = book == BOOK_INFERENCE;
	int64_t at, id;
	money_wide own = outlay_in(f, o, from_us, to_us, &at), pico = own;
	struct report_currency *mine;
	struct report_line *line;
	struct report_part *part = prepaid ? &r->inference : &r->training;
	uint32_t currency = intern(str_of(o->currency.code));
	int pool;
	if (own == 0)
		return 0;
	in = to_headline(r, o->currency, at, &pico);
	mine = own_currency(f, currency);
	if (mine) {
		*(other ? &mine->other_pico : prepaid ? &mine->inference_pico : &mine->training_pico) += own;
		mine->in_headline = mine->in_headline || in;
	}
	currency = in ? intern(str_of(r->currency.code)) : currency;
	id = report_by_time(r->query.by) ? bucket_of(r, r->query.by, at)
	     : !prepaid			 ? intern(str_of(outlay_kind_name(o->kind)))
	     : r->query.basis == BASIS_CASH ? intern(STR("prepaid credit, bought"))
					    : intern(STR("prepaid credit, expired unused"));
	pool = f->shares && in ? shares_pool_of_outlay(r->query.shares, o) : -1;
	if (pool >= 0)
		share_add_cost(f->shares, pool, book, column, pico);
	if (other)
		return add_other(f, id, currency, column, in ? pico : own, in, pool >= 0);
	part->total_pico += in ? pico : 0;
	part->column[column].cost_pico += in ? pico : 0;
	if (pool >= 0)
		return 0;
	line = line_of(prepaid ? &f->inference : &f->training, id, currency);
	if (!line)
		return -RR_LIMIT;
	line->outlay = true;
	line->cost_pico += in ? pico : own;
	line->column[column].cost_pico += in ? pico : own;
	return 0;
}

/* ---- what teams share ---- */

static int add_share(void *arg, const struct share_pool *p, enum book_kind book, const struct str *team,
		unsigned column, money_wide pico)
{
	struct fold *f = arg;
	struct lines *into = book == BOOK_TRAINING ? &f->training : book == BOOK_OTHER ? &f->other : &f->inference;
	char name[512];
	struct report_line *line;
	struct str key = team ? *team : STR("(idle)");
	snprintf(name, sizeof name, "\x1f%.*s\x1f%.*s", (int)(key.n < 200 ? key.n : 200), key.p, (int)(p->name.n < 200
			? p->name.n : 200), p->name.p);
	line = line_of(into, intern(str_of(name)), intern(str_of(f->r->currency.code)));
	if (!line)
		return -RR_LIMIT;
	line->shared = p->name;
	line->cost_pico += pico;
	line->column[column].cost_pico += pico;
	return 0;
}

static int give_shares(struct fold *f)
{
	const struct report *r = f->r;
	double months[REPORT_COLUMNS];
	unsigned columns = r->columns ? r->columns : 1;
	for (unsigned c = 0; c < columns; c++) {
		int64_t from = c ? r->column_us[c] : r->query.from_us,
			to = c + 1 < columns ? r->column_us[c + 1] : r->query.to_us;
		months[c] = (double)(to - from) / ((double)HOUR_US * 730);
	}
	return f->shares ? share_give(f->shares, columns, months, add_share, f) : 0;
}

static int add_outlay(const struct outlay *o, void *arg)
{
	struct fold *f = arg;
	struct report *r = f->r;
	const struct report_query *q = &r->query;
	int rc = 0;
	/* a part for each bucket of time */
	if (report_by_time(q->by) && q->basis == BASIS_AMORTISED && outlay_kind_use(o->kind) != OUTLAY_BY_USAGE) {
		int64_t at = q->from_us > o->date_us ? q->from_us : o->date_us;
		int64_t end = q->to_us < outlay_end_us(o) ? q->to_us : outlay_end_us(o);
		unsigned buckets = 0;
		if (!o->life_months)
			return add_outlay_part(f, o, q->from_us, q->to_us, column_of(r, o->date_us));
		while (at < end && !rc && buckets++ < LINES_MOST) {
			static const enum window windows[] = {WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH};
			int64_t from, to;
			window_bounds(windows[q->by - BY_HOUR], q->tz, at, &from, &to);
			rc = add_outlay_part(f, o, at, to < q->to_us ? to : q->to_us, column_of(r, at));
			at = to;
		}
		return rc;
	}
	if (r->columns == 0)
		return add_outlay_part(f, o, q->from_us, q->to_us, 0);
	for (unsigned c = 0; c < r->columns && !rc; c++)
		rc = add_outlay_part(f, o, c ? r->column_us[c] : q->from_us,
				     c + 1 < r->columns ? r->column_us[c + 1] : q->to_us, c);
	return rc;
}

/* ---- bounds, currency, columns: found before the fold ---- */

static void meet_currency(struct fold *f, struct currency c)
{
	struct report *r = f->r;
	if (!c.code[0] || f->several || r->query.currency.code[0])
		return;
	if (!r->currency.code[0])
		r->currency = c;
	else if (!currency_eq(r->currency, c))
		f->several = true;
}

static void keep_row(struct fold *f, const struct rollup_row *x)
{
	if (array_room(f->kept, f->kept_count, f->kept_room, KEPT_MOST))
		f->kept[f->kept_count++] = *x;
	else
		f->kept_all = false;
}

static int look_row(const struct rollup_row *x, void *arg)
{
	struct fold *f = arg;
	money_wide pico;
	if (f->kept_all)
		keep_row(f, x);
	if (x->key.hour_us < f->first_us)
		f->first_us = x->key.hour_us;
	if (x->key.hour_us + US_PER_DAY > f->last_us) /* rows are days here, or hours of which the day counts */
		f->last_us = x->key.hour_us - x->key.hour_us % US_PER_DAY + US_PER_DAY;
	if (x->key.feature && f->r->query.by == BY_AUTO && x->key.book == BOOK_INFERENCE)
		f->features = true;
	if (env_counts(f->env, &x->key) && row_amount(x, &pico) && pico != 0)
		meet_currency(f, currency_interned(x->key.currency));
	f->r->empty = false;
	return overlap_note(f->overlap, x);
}

static int look_outlay(const struct outlay *o, void *arg)
{
	struct fold *f = arg;
	int rc = overlap_note_outlay(f->overlap, o);
	const struct report_query *q = &f->r->query;
	int64_t end = q->basis == BASIS_AMORTISED && o->life_months ? outlay_end_us(o) : o->date_us + 1;
	if (o->date_us >= q->to_us || end <= q->from_us)
		return rc;
	if (o->date_us < f->first_us)
		f->first_us = o->date_us;
	if (o->date_us + US_PER_DAY > f->last_us)
		f->last_us = o->date_us + US_PER_DAY;
	meet_currency(f, o->currency);
	f->r->empty = false;
	return rc;
}

static void set_columns(struct report *r)
{
	int64_t at = r->query.from_us, from, to;
	r->columns = 0;
	if (report_by_time(r->query.by) || r->empty)
		return;
	while (at < r->query.to_us) {
		window_bounds(WINDOW_MONTH, r->query.tz, at, &from, &to);
		if (r->columns == REPORT_COLUMNS) {
			r->columns = 0; /* too many to stand side by side */
			return;
		}
		r->column_us[r->columns++] = from;
		at = to;
	}
	if (r->columns == 1)
		r->columns = 0;
}

static int look(struct fold *f, struct ledger *l, struct err *e)
{
	struct report *r = f->r;
	struct report_query *q = &r->query;
	int64_t unused;
	int rc = ledger_rollup_by(l, GRAIN_DAY, q->from_us, q->to_us, look_row, f, e);
	if (!rc)
		rc = ledger_outlays(l, look_outlay, f, e);
	if (rc)
		return rc;
	if (q->currency.code[0])
		r->currency = q->currency;
	else if (f->several)
		memset(&r->currency, 0, sizeof r->currency);
	if (q->by == BY_AUTO)
		q->by = f->features ? BY_FEATURE : BY_MODEL;
	if (q->from_us == INT64_MIN)
		q->from_us = r->empty ? q->now_us : f->first_us;
	if (q->to_us == INT64_MAX) { /* the end of the last day that has anything, or now if that day is today */
		q->to_us = r->empty ? q->now_us : f->last_us;
		if (f->last_us - US_PER_DAY < q->now_us && q->now_us < q->to_us)
			q->to_us = q->now_us;
	}
	if (q->to_us <= q->from_us)
		q->to_us = q->from_us + 1;
	r->months = (double)(q->to_us - q->from_us) / ((double)HOUR_US * 730);
	set_columns(r);
	window_bounds(WINDOW_MONTH, q->tz, q->to_us - 1, &r->invoice_us, &unused);
	return 0;
}

/* ---- the end ---- */

static int dearest_first(const void *a, const void *b)
{
	const struct report_line *x = a, *y = b;
	if (x->cost_pico != y->cost_pico)
		return x->cost_pico < y->cost_pico ? 1 : -1;
	if (x->calls != y->calls)
		return x->calls < y->calls ? 1 : -1;
	return str_cmp(x->key, y->key);
}

static int by_key(const void *a, const void *b)
{
	const struct report_line *x = a, *y = b;
	int c = str_cmp(x->key, y->key);
	return c ? c : memcmp(x->currency.code, y->currency.code, sizeof x->currency.code);
}

static struct str shared_key(struct str name)
{
	struct str rest = str_sub(name, 1, name.n);
	return str_cut(&rest, 0x1f);
}

static int take_lines(struct report *r, struct lines *s, struct report_part *p)
{
	for (unsigned i = 0; i < s->count; i++)
		s->items[i].key = s->items[i].shared.n          ? shared_key(intern_str((uint32_t)s->ids[i]))
				  : report_by_time(r->query.by) ? bucket_text(r, s->ids[i])
								: intern_str((uint32_t)s->ids[i]);
	p->lines = arena_array(r->arena, struct report_line, s->count ? s->count : 1);
	if (!p->lines)
		return -RR_NOMEM;
	if (s->count)
		memcpy(p->lines, s->items, s->count * sizeof *s->items);
	p->count = s->count;
	qsort(p->lines, p->count, sizeof *p->lines, report_by_time(r->query.by) ? by_key : dearest_first);
	return 0;
}

struct caps_in {
	struct report *r;
	struct ledger *l;
	struct err *e;
};

static int add_cap(const struct cap_row *c, void *arg)
{
	struct caps_in *x = arg;
	struct report *r = x->r;
	if (r->cap_count == CAPS_MOST)
		return 0;
	r->caps[r->cap_count] = *c;
	return ledger_cap_state(x->l, c, (struct fx){r->query.rates, r->query.rate_count}, r->query.now_us,
				&r->cap_states[r->cap_count++], x->e);
}

static int count_cap(const struct cap_row *c, void *arg)
{
	(*(unsigned *)arg)++;
	return 0;
}

static int add_caps(struct report *r, struct ledger *l, struct err *e)
{
	struct caps_in x = {r, l, e};
	unsigned n = 0;
	int rc = ledger_caps(l, count_cap, &n, e);
	if (rc || !n)
		return rc;
	if (n > CAPS_MOST)
		n = CAPS_MOST;
	r->caps = arena_array(r->arena, struct cap_row, n);
	r->cap_states = arena_array(r->arena, struct cap_state, n);
	if (!r->caps || !r->cap_states)
		return err_set(e, RR_NOMEM, "out of memory for caps");
	return ledger_caps(l, add_cap, &x, e);
}

int report_make(struct report *r, struct ledger *l, const struct report_query *q, struct arena *a, struct err *e)
{
	struct fold f = {.r = r, .first_us = INT64_MAX, .last_us = INT64_MIN, .kept_all = true};
	bool utc, fine;
	int rc;
	memset(r, 0, sizeof *r);
	r->arena = a;
	r->query = *q;
	r->empty = true;
	f.env = env_filter_of(q->env);
	f.overlap = overlap_new();
	rc = f.overlap ? look(&f, l, e) : -RR_NOMEM;
	if (rc == -RR_NOMEM)
		err_set(e, RR_NOMEM, "out of memory for the report");
	if (!rc)
		rc = prepaid_read(&f.prepaid, l, r->query.to_us, e);
	if (!rc && q->shares && r->query.by == BY_TEAM && !(f.shares = share_fold_new(q->shares)))
		rc = err_set(e, RR_NOMEM, "out of memory for shared costs");
	utc = rc == 0 && tz_offset_s(r->query.tz, r->query.from_us) == 0 &&
	      tz_offset_s(r->query.tz, r->query.to_us) == 0 &&
	      tz_offset_s(r->query.tz, (r->query.from_us / 2 + r->query.to_us / 2)) == 0;
	/* Whole days come as one row unless a bucket could end within one, or a rate could change. */
	fine = r->query.by == BY_HOUR || (!utc && (report_by_time(r->query.by) || r->columns));
	for (size_t i = 0; i < f.kept_count && !rc && !fine && f.kept_all; i++)
		rc = add_row(&f.kept[i], &f);
	if (!rc && (fine || !f.kept_all))
		rc = ledger_rollup_by(l, fine ? GRAIN_HOUR : GRAIN_DAY, q->from_us, q->to_us, add_row, &f, e);
	if (!rc)
		rc = ledger_outlays(l, add_outlay, &f, e);
	if (rc == -RR_LIMIT)
		rc = err_set(e, RR_LIMIT, "more than %d lines: choose another --by or a shorter period", LINES_MOST);
	if (!rc)
		rc = give_shares(&f);
	if (!rc && (take_lines(r, &f.inference, &r->inference) || take_lines(r, &f.training, &r->training) ||
		    take_lines(r, &f.other, &r->other)))
		rc = err_set(e, RR_NOMEM, "out of memory for the report");
	if (!rc)
		rc = add_caps(r, l, e);
	r->total_pico = r->inference.total_pico + r->training.total_pico + r->other_pico + r->unclassified_pico;
	lines_fini(&f.inference);
	lines_fini(&f.training);
	lines_fini(&f.other);
	prepaid_free(f.prepaid);
	share_fold_free(f.shares);
	overlap_free(f.overlap);
	free(f.kept);
	return rc;
}

double report_tokens_million_per_month(const struct report *r)
{
	return r->months > 0 ? (double)(r->input_tok + r->output_tok) * 1e-6 / r->months : 0;
}

bool report_nothing_priced(const struct report *r)
{
	return r->unpriced_calls && !r->inference.total_pico;
}

bool report_per_mtok(const struct report *r, money_wide pico, money_wide *out)
{
	uint64_t tokens = r->input_tok + r->output_tok;
	if (!tokens || !r->currency.code[0] || report_nothing_priced(r))
		return false;
	*out = money_round(pico * 1000000, (money_wide)tokens);
	return true;
}
