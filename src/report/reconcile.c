/* SPDX-License-Identifier: Apache-2.0
 *
 * See reconcile.h. Cells are found by a hash of (day, provider, model's letters, project).
 */
#include "report/reconcile.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "report/amounts.h"
#include "report/overlap.h"

enum { VENDORS_MOST = 64 };

struct cells {
	struct {
		struct str provider;
		int64_t from_day;
	} gateway[VENDORS_MOST]; /* since when one measures which vendor */
	unsigned gateways;
	struct reconcile *r;
	const struct report_query *q;
	struct arena *a;
	uint32_t *slots;
	unsigned room, slot_count;
	struct reconcile_row *rows;
	unsigned count;
	bool projects_of_usage, usage_without_project;
	int64_t from_day, to_day;
};

static int64_t day_of(int64_t us)
{
	return us / US_PER_DAY - (us % US_PER_DAY < 0);
}

static unsigned slot_of(const struct cells *s, const struct reconcile_row *k)
{
	uint64_t h = (uint64_t)k->day * UINT64_C(0x9E3779B97F4A7C15) ^ k->model_hash ^
		     ((uint64_t)intern(k->provider) << 32) ^ intern(k->project) ^
		     (k->not_usage ? UINT64_C(0xABCDEF) : 0);
	unsigned at = (unsigned)((h * UINT64_C(0xD6E8FEB86659FD93)) >> 34) & (s->slot_count - 1);
	while (s->slots[at]) {
		const struct reconcile_row *x = &s->rows[s->slots[at] - 1];
		if (x->day == k->day && x->model_hash == k->model_hash && x->not_usage == k->not_usage &&
		    str_eq(x->provider, k->provider) && str_eq(x->project, k->project))
			break;
		at = (at + 1) & (s->slot_count - 1);
	}
	return at;
}

static int grow(struct cells *s)
{
	unsigned n = s->room ? s->room * 2 : 256;
	struct reconcile_row *rows = realloc(s->rows, n * sizeof *rows);
	uint32_t *slots = calloc((size_t)n * 2, sizeof *slots);
	if (rows)
		s->rows = rows;
	if (!rows || !slots || n > RECONCILE_ROWS * 2) {
		free(slots);
		return -RR_LIMIT;
	}
	free(s->slots);
	s->slots = slots;
	s->slot_count = n * 2;
	s->room = n;
	for (unsigned i = 0; i < s->count; i++)
		s->slots[slot_of(s, &s->rows[i])] = i + 1;
	return 0;
}

static struct reconcile_row *row_of(struct cells *s, const struct reconcile_row *key)
{
	unsigned at;
	if (s->count == s->room && grow(s))
		return NULL;
	at = slot_of(s, key);
	if (!s->slots[at]) {
		s->rows[s->count] = *key;
		s->slots[at] = ++s->count;
	}
	return &s->rows[s->slots[at] - 1];
}

/* ---- the bill ---- */

static int bill_row(struct cells *s, const struct call *c, struct str claimed, struct err *e)
{
	struct reconcile *r = s->r;
	struct rollup_key k = {.surface = c->surface};
	bool line = row_is_bill(&k);
	uint32_t model = c->model_answered ? c->model_answered : c->model_asked;
	struct reconcile_row key = {.day = day_of(c->start_us),
				    .provider = intern_str(c->provider),
				    .model = intern_str(model),
				    .not_usage = line && !row_is_token_bill(&k)};
	struct reconcile_row *row;
	struct currency cur = currency_interned(c->currency);
	money_wide billed = c->billed_pico, said = 0;
	bool has_billed = c->billed_pico != BILLED_UNKNOWN,
	     has_claimed = claimed.n && money_parse_wide(claimed, &said, NULL) == 0;
	if (!has_billed && !has_claimed)
		return 0; /* usage alone says nothing about money */
	if (!r->currency.code[0])
		r->currency = cur;
	if ((has_billed && !rates_convert(s->q->rates, s->q->rate_count, cur, r->currency, c->start_us, &billed)) ||
	    (has_claimed && !rates_convert(s->q->rates, s->q->rate_count, cur, r->currency, c->start_us, &said))) {
		err_set(e, RR_INPUT, "the bill is in %s and in %s", r->currency.code, cur.code);
		return err_hint(e, "give a dated rate: --rate %s/%s=R@DATE", cur.code, r->currency.code);
	}
	key.project = r->by_project ? intern_str(c->project) : STR("");
	if (key.not_usage) {
		key.model = str_sub(intern_str(c->surface), 5, SIZE_MAX);
		key.model_hash = intern(key.model);
	} else {
		key.model_hash = model_key(key.model);
	}
	row = row_of(s, &key);
	if (!row)
		return -RR_LIMIT;
	row->billed_pico += has_billed ? billed : 0;
	row->claimed_pico += has_claimed ? said : has_billed ? billed : 0;
	row->has_billed = row->has_billed || has_billed;
	row->has_claimed = true;
	r->any_billed = r->any_billed || has_billed;
	if (key.day < s->from_day)
		s->from_day = key.day;
	if (key.day + 1 > s->to_day)
		s->to_day = key.day + 1;
	return 0;
}

/* The file's rows with the amounts as it wrote them. The ledger is private to this file: its rows and its claims come
 * in the same order. */
static int read_bill(struct cells *s, struct ledger *bill, struct err *e)
{
	sqlite3_stmt *st = NULL;
	struct call_cursor *cursor;
	struct call c;
	int rc = sqlite3_prepare_v2(ledger_db(bill),
				    "SELECT claimed FROM import_call i WHERE NOT EXISTS "
				    "(SELECT 1 FROM supersede s WHERE s.row=i.row) ORDER BY row",
				    -1, &st, NULL);
	if (rc != SQLITE_OK)
		return err_set(e, RR_STORE, "cannot read what was claimed: %s", sqlite3_errmsg(ledger_db(bill)));
	cursor = ledger_calls(bill, INT64_MIN, INT64_MAX, e);
	rc = cursor ? 1 : -RR_STORE;
	while (rc == 1 && (rc = call_cursor_next(cursor, &c, e)) == 1) {
		struct str claimed = STR("");
		if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) == SQLITE_TEXT)
			claimed = str_of((const char *)sqlite3_column_text(st, 0));
		rc = bill_row(s, &c, claimed, e);
		rc = rc ? rc : 1;
	}
	if (cursor)
		call_cursor_close(cursor);
	sqlite3_finalize(st);
	if (rc == -RR_LIMIT)
		return err_set(e, RR_LIMIT, "more than %d days, models and projects", RECONCILE_ROWS);
	return rc;
}

/* ---- the ledger's usage ---- */

static int look_usage(const struct rollup_row *x, void *arg)
{
	struct cells *s = arg;
	if (x->key.book == BOOK_INFERENCE && !row_is_bill(&x->key)) {
		s->projects_of_usage = s->projects_of_usage || x->key.project;
		s->usage_without_project = s->usage_without_project || !x->key.project;
	}
	return 0;
}

/* Rule 4: the first day of a vendor's gateway. */
static void measured(struct cells *s, struct str provider, int64_t day)
{
	unsigned i = 0;
	while (i < s->gateways && !str_eq(s->gateway[i].provider, provider))
		i++;
	if (i == VENDORS_MOST)
		return;
	if (i == s->gateways) {
		s->gateway[s->gateways].provider = provider;
		s->gateway[s->gateways++].from_day = day;
	}
	if (day < s->gateway[i].from_day)
		s->gateway[i].from_day = day;
}

/* Rule 4: what is compared in each row. */
static void choose_usage(struct cells *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		struct reconcile_row *x = &s->rows[i];
		bool gateway = false;
		for (unsigned k = 0; k < s->gateways; k++)
			gateway = gateway ||
				  (str_eq(s->gateway[k].provider, x->provider) && x->day >= s->gateway[k].from_day);
		if (gateway || !x->has_reported)
			continue;
		x->has_usage = true;
		x->has_reported = false;
		x->priced_pico = x->reported_pico;
		x->calls = x->reported_calls;
		x->unpriced_calls = x->reported_unpriced;
	}
}

static int usage_row(const struct rollup_row *x, void *arg)
{
	struct cells *s = arg;
	struct reconcile *r = s->r;
	bool reported = row_is_reported(&x->key);
	struct reconcile_row key = {.day = day_of(x->key.hour_us),
				    .provider = intern_str(x->key.provider),
				    .model = intern_str(x->key.model)};
	struct reconcile_row *row;
	money_wide pico = 0;
	bool known;
	if (x->key.book != BOOK_INFERENCE || row_is_bill(&x->key) ||
	    !env_counts(env_filter_of(s->q->env ? s->q->env : "all"), &x->key))
		return 0;
	known = row_amount(x, &pico);
	if (known && pico != 0 &&
	    !rates_convert(s->q->rates, s->q->rate_count, currency_interned(x->key.currency), r->currency,
			   x->key.hour_us, &pico)) {
		r->other_currency += row_calls(x);
		return 0;
	}
	key.project = r->by_project ? intern_str(x->key.project) : STR("");
	key.model_hash = model_key(key.model);
	row = row_of(s, &key);
	if (!row)
		return -RR_LIMIT;
	r->any_usage = true;
	if (reported) {
		row->has_reported = true;
		row->reported_pico += known ? pico : 0;
		row->reported_calls += row_calls(x);
		row->reported_unpriced += row_unpriced(x) ? row_calls(x) : 0;
		return 0;
	}
	if (x->key.provenance != PROV_IMPORTED)
		measured(s, key.provider, key.day);
	row->has_usage = true;
	row->priced_pico += known ? pico : 0;
	row->calls += row_calls(x);
	row->unpriced_calls += row_unpriced(x) ? row_calls(x) : 0;
	row->estimated_calls += x->key.provenance == PROV_ESTIMATED ? row_calls(x) : 0;
	row->estimated_pico += known && x->key.provenance == PROV_ESTIMATED ? pico : 0;
	return 0;
}

/* ---- reasons ---- */

static money_wide size_of(money_wide v)
{
	return v < 0 ? -v : v;
}

static money_wide said_of(const struct reconcile_row *x)
{
	return x->has_billed ? x->billed_pico : x->claimed_pico;
}

static bool same_cell(const struct reconcile_row *a, const struct reconcile_row *b)
{
	return a->model_hash == b->model_hash && str_eq(a->provider, b->provider) && str_eq(a->project, b->project) &&
	       a->not_usage == b->not_usage;
}

/* A model's days in their order: the row beside others of its kind. */
struct series {
	struct reconcile_row **row;
	unsigned count;
};

static int by_series(const void *a, const void *b)
{
	const struct reconcile_row *x = *(struct reconcile_row *const *)a, *y = *(struct reconcile_row *const *)b;
	int c;
	if (x->not_usage != y->not_usage)
		return x->not_usage ? 1 : -1;
	if (x->model_hash != y->model_hash)
		return x->model_hash < y->model_hash ? -1 : 1;
	c = str_cmp(x->provider, y->provider);
	c = c ? c : str_cmp(x->project, y->project);
	return c ? c : (x->day > y->day) - (x->day < y->day);
}

static bool opposite(const struct series *s, unsigned i, unsigned k)
{
	money_wide a = s->row[i]->residual_pico, sum = k < s->count ? a + s->row[k]->residual_pico : a;
	return k < s->count && size_of(s->row[i]->day - s->row[k]->day) == 1 && size_of(sum) * 50 < size_of(a);
}

/* Days that are cut at another hour are off both ways, and together by little: what was carried into the first and
 * out of the last. */
static bool cancels(const struct series *s)
{
	money_wide sum = 0, all = 0;
	unsigned off = 0;
	for (unsigned i = 0; i < s->count; i++) {
		sum += s->row[i]->residual_pico;
		all += size_of(s->row[i]->residual_pico);
		off += !s->row[i]->agrees;
	}
	return off >= 5 && size_of(sum) * 10 < all;
}

/* How the bill stands to what is priced: the same as on row i, within a thousandth. */
struct ratios {
	unsigned same, before, after; /* others before the first of the same, and behind it */
	int64_t since;
};

static void same_ratio(const struct series *s, double ratio, struct ratios *out)
{
	*out = (struct ratios){.since = 0};
	for (unsigned i = 0; i < s->count; i++) {
		const struct reconcile_row *x = s->row[i];
		double v = x->priced_pico > 0 ? (double)said_of(x) / (double)x->priced_pico : 0;
		if (v > ratio * 0.999 && v < ratio * 1.001) {
			if (!out->same++)
				out->since = x->day;
		} else if (x->priced_pico > 0) {
			*(out->same ? &out->after : &out->before) += 1;
		}
	}
}

static const char *factor_words(double f)
{
	static const struct {
		double factor;
		const char *words;
	} known[] = {
		{0.5, "half: batch or flex tier that the usage does not name"},
		{2.0, "double: a priority or fast tier"},
		{1.1, "1.1 times: regional processing"},
		{1.7, "1.7 times: a priority tier"},
		{2.5, "2.5 times: a priority tier"},
		{0.01, "a hundredth: cents taken for units"},
		{100, "a hundred times: units taken for cents"},
		{0.001, "a thousandth: per thousand taken for per million"},
		{1000, "a thousand times: per million taken for per thousand"},
	};
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
		if (f > known[i].factor * 0.999 && f < known[i].factor * 1.001)
			return known[i].words;
	return NULL;
}

static void reason(const struct reconcile *r, const struct series *s, unsigned i, bool shifted)
{
	struct reconcile_row *x = s->row[i];
	char *out = x->reason, day[TIME_TEXT];
	size_t n = sizeof x->reason;
	double ratio = x->priced_pico > 0 ? (double)said_of(x) / (double)x->priced_pico : 0;
	struct ratios like = {0};
	const char *words = ratio > 0 ? factor_words(ratio) : NULL;
	bool changed, explained = x->has_reported && size_of(x->reported_pico - said_of(x)) <= r->tolerance_pico;
	if (ratio > 0)
		same_ratio(s, ratio, &like);
	changed = like.same >= 3 && like.before && !like.after;
	if (x->not_usage)
		snprintf(out, n, "no usage: taken as billed");
	else if (x->agrees)
		snprintf(out, n, "agrees");
	else if (opposite(s, i, i + 1) || opposite(s, i, i - 1)) /* below 0 it wraps: none */
		snprintf(out, n, "cut-off hour: a neighbouring day is off by the same amount the other way");
	else if (!x->has_claimed && !x->has_billed)
		snprintf(out, n, "not on the bill: another account, free credit, or the bill is not complete yet");
	else if (x->has_reported && x->reported_calls > x->calls)
		snprintf(out, n, "bypass traffic: the vendor counts %llu requests, %llu of them came through here",
			 (unsigned long long)x->reported_calls, (unsigned long long)x->calls);
	else if (!x->has_usage && !explained)
		snprintf(out, n, "bypass traffic: billed, and no usage in the ledger");
	else if (x->unpriced_calls)
		snprintf(out, n, "no price: %llu of %llu calls are unpriced in the ledger",
			 (unsigned long long)x->unpriced_calls, (unsigned long long)x->calls);
	else if (x->estimated_calls && (x->residual_pico > 0 || -x->residual_pico <= x->estimated_pico))
		snprintf(out, n, "missing stream usage: %llu calls are estimated in the ledger%s",
			 (unsigned long long)x->estimated_calls, explained ? "; the vendor's own usage explains the bill" : "");
	else if (explained)
		snprintf(out, n, "the vendor's own usage explains the bill: other tokens passed than were metered here");
	else if (changed) /* a tier that is new looks the same */
		snprintf(out, n, "price change%s: since %s the bill is %.4f times what our book says%s%s%s",
			 words ? " or tier" : "", time_date(like.since * US_PER_DAY, day), ratio, words ? " (" : "",
			 words ? words : "", words ? ")" : "");
	else if (words)
		snprintf(out, n, "tier: the bill is %s", words);
	else if (like.same >= 3)
		snprintf(out, n,
			 "price: on %u days the bill is %.4f times what our book says: a discount, or another price",
			 like.same, ratio);
	else if (shifted)
		snprintf(out, n, "cut-off hour: its days are off both ways, and together by less than a tenth of that");
	else if (x->residual_pico > 0)
		snprintf(out, n, "bypass traffic or missing stream usage: the bill has more than the ledger saw");
	else
		snprintf(out, n, "the bill has less than our book says: a discount, free credit, or a tier");
}

static int reasons(struct reconcile *r)
{
	struct reconcile_row **all = calloc(r->count + 1, sizeof(struct reconcile_row *));
	if (!all)
		return -RR_NOMEM;
	for (unsigned i = 0; i < r->count; i++)
		all[i] = &r->rows[i];
	qsort(all, r->count, sizeof(struct reconcile_row *), by_series);
	for (unsigned i = 0; i < r->count;) {
		struct series s = {all + i, 1};
		bool shifted;
		while (i + s.count < r->count && same_cell(all[i], all[i + s.count]))
			s.count++;
		shifted = cancels(&s);
		for (unsigned k = 0; k < s.count; k++)
			reason(r, &s, k, shifted);
		i += s.count;
	}
	free(all);
	return 0;
}

static int by_cell(const void *a, const void *b)
{
	const struct reconcile_row *x = a, *y = b;
	int c;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->not_usage != y->not_usage)
		return x->not_usage ? 1 : -1;
	c = str_cmp(x->provider, y->provider);
	c = c ? c : str_cmp(x->model, y->model);
	return c ? c : str_cmp(x->project, y->project);
}

static int finish(struct reconcile *r, struct err *e)
{
	qsort(r->rows, r->count, sizeof *r->rows, by_cell);
	for (unsigned i = 0; i < r->count; i++) {
		struct reconcile_row *x = &r->rows[i];
		if (x->not_usage) {
			x->agrees = true;
			r->not_usage_pico += said_of(x);
			continue;
		}
		x->residual_pico = said_of(x) - x->priced_pico;
		x->agrees = size_of(x->residual_pico) <= r->tolerance_pico && !x->unpriced_calls;
		r->claimed_pico += x->claimed_pico;
		r->billed_pico += x->billed_pico;
		r->priced_pico += x->priced_pico;
		r->residual_pico += x->residual_pico;
		r->absolute_pico += size_of(x->residual_pico);
		r->off += !x->agrees;
	}
	return reasons(r) ? err_set(e, RR_NOMEM, "out of memory for the reconciliation") : 0;
}

/* Days of a vendor that the bill does not speak of are none of its business. */
static void drop_other_vendors(struct cells *s)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->count; i++) {
		bool spoken = false;
		for (unsigned k = 0; k < s->count && !spoken; k++)
			spoken = s->rows[k].has_claimed && str_eq(s->rows[k].provider, s->rows[i].provider);
		if (spoken)
			s->rows[n++] = s->rows[i];
	}
	s->count = n;
}

int reconcile_make(struct reconcile *r, struct ledger *books, struct ledger *bill, const struct report_query *q,
		   money_wide tolerance_pico, struct arena *a, struct err *e)
{
	struct cells s = {.r = r, .q = q, .a = a, .from_day = INT64_MAX, .to_day = INT64_MIN};
	int rc;
	memset(r, 0, sizeof *r);
	r->currency = q->currency;
	r->tolerance_pico = tolerance_pico;
	rc = ledger_rollup_by(books, GRAIN_DAY, INT64_MIN, INT64_MAX, look_usage, &s, e);
	r->by_project = s.projects_of_usage && !s.usage_without_project;
	if (!rc)
		rc = read_bill(&s, bill, e);
	if (!rc && !s.count) {
		err_set(e, RR_INPUT, "there is no amount in that file: nothing to reconcile");
		rc = err_hint(e, "give a cost export or an invoice; usage alone goes to runrate import");
	}
	if (!rc) {
		r->from_us = s.from_day * US_PER_DAY;
		r->to_us = s.to_day * US_PER_DAY;
		rc = ledger_rollup_by(books, GRAIN_DAY, r->from_us, r->to_us, usage_row, &s, e);
		if (rc == -RR_LIMIT)
			err_set(e, RR_LIMIT, "more than %d days, models and projects", RECONCILE_ROWS);
	}
	if (!rc) {
		drop_other_vendors(&s);
		choose_usage(&s);
		r->rows = arena_array(a, struct reconcile_row, s.count + 1);
		if (!r->rows)
			rc = err_set(e, RR_NOMEM, "out of memory for the reconciliation");
	}
	if (!rc) {
		memcpy(r->rows, s.rows, s.count * sizeof *s.rows);
		r->count = s.count;
		rc = finish(r, e);
	}
	free(s.rows);
	free(s.slots);
	return rc;
}
