/* SPDX-License-Identifier: Apache-2.0
 *
 * See overlap.h.
 */
#include "report/overlap.h"

#include <stdlib.h>

#include "base/intern.h"
#include "ledger/import_store.h"
#include "report/amounts.h"

enum { CELLS_MOST = 4 * 1024 * 1024 };

struct quantity {
	money_wide pico;
	uint64_t calls, input, output, tok[CLASSES];
};

struct cell {
	uint64_t model; /* 0: the whole day of the vendor */
	int64_t day;
	uint32_t provider, currency;
	bool used;
	struct quantity seen;     /* not yet set against what is reported */
	money_wide seen_pico, reported_pico;
	money_wide billed_pico;   /* of the larger of the two: set against a bill already */
};

struct overlap {
	struct cell *cells;
	size_t room, count;
	bool repeats; /* something reported or billed was met: else there is nothing to compare */
};

struct overlap *overlap_new(void)
{
	return calloc(1, sizeof(struct overlap));
}

void overlap_free(struct overlap *o)
{
	if (o)
		free(o->cells);
	free(o);
}

bool row_is_reported(const struct rollup_key *k)
{
	return batch_side(intern_str(k->surface)) == SIDE_USAGE;
}

bool row_is_bill(const struct rollup_key *k)
{
	return batch_side(intern_str(k->surface)) == SIDE_BILL;
}

bool row_is_token_bill(const struct rollup_key *k)
{
	return is_token_bill(intern_str(k->surface));
}

static bool digits(const char *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* Without "-2025-08-07" or "-20250807" at its end. */
static struct str undated(struct str s)
{
	if (s.n > 11 && s.p[s.n - 11] == '-' && digits(s.p + s.n - 10, 4) && s.p[s.n - 6] == '-' &&
	    digits(s.p + s.n - 5, 2) && s.p[s.n - 3] == '-' && digits(s.p + s.n - 2, 2))
		return str_sub(s, 0, s.n - 11);
	if (s.n > 9 && (s.p[s.n - 9] == '-' || s.p[s.n - 9] == '@') && digits(s.p + s.n - 8, 8))
		return str_sub(s, 0, s.n - 9);
	return s;
}

uint64_t model_key(struct str name)
{
	unsigned char count[36] = {0};
	uint64_t h = UINT64_C(14695981039346656037);
	bool any = false;
	name = undated(name);
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		int at = c >= '0' && c <= '9'   ? c - '0'
			 : c >= 'a' && c <= 'z' ? c - 'a' + 10
			 : c >= 'A' && c <= 'Z' ? c - 'A' + 10
						: -1;
		if (at >= 0) {
			count[at]++;
			any = true;
		}
	}
	for (unsigned i = 0; i < sizeof count; i++)
		h = (h ^ count[i]) * UINT64_C(1099511628211);
	return any ? (h ? h : 1) : 0;
}

static int64_t day_of(int64_t us)
{
	return us / US_PER_DAY - (us % US_PER_DAY < 0);
}

static size_t slot_of(const struct overlap *o, const struct cell *c)
{
	uint64_t h = (c->model ^ (uint64_t)c->day * UINT64_C(0x9E3779B97F4A7C15) ^
		      ((uint64_t)c->provider << 32 | c->currency)) *
		     UINT64_C(0xD6E8FEB86659FD93);
	size_t at = (size_t)(h >> 24) & (o->room - 1);
	while (o->cells[at].used && (o->cells[at].model != c->model || o->cells[at].day != c->day ||
				     o->cells[at].provider != c->provider || o->cells[at].currency != c->currency))
		at = (at + 1) & (o->room - 1);
	return at;
}

static int grow(struct overlap *o)
{
	struct overlap n = {.room = o->room ? o->room * 2 : 1024, .count = o->count, .repeats = o->repeats};
	n.cells = n.room <= CELLS_MOST ? calloc(n.room, sizeof *n.cells) : NULL;
	if (!n.cells)
		return -RR_NOMEM;
	for (size_t i = 0; i < o->room; i++)
		if (o->cells[i].used)
			n.cells[slot_of(&n, &o->cells[i])] = o->cells[i];
	free(o->cells);
	*o = n;
	return 0;
}

static void quantity_of(const struct rollup_row *x, money_wide pico, struct quantity *q)
{
	*q = (struct quantity){.pico = pico > 0 ? pico : 0,
			       .calls = x->sum.calls - x->sum.refused,
			       .input = x->sum.input_tok,
			       .output = x->sum.output_tok};
	memcpy(q->tok, x->sum.tok, sizeof q->tok);
}

static void quantity_add(struct quantity *into, const struct quantity *q)
{
	into->pico += q->pico;
	into->calls += q->calls;
	into->input += q->input;
	into->output += q->output;
	for (unsigned i = 0; i < CLASSES; i++)
		into->tok[i] += q->tok[i];
}

static void less(uint64_t *a, uint64_t *b)
{
	uint64_t both = *a < *b ? *a : *b;
	*a -= both;
	*b -= both;
}

/* What two quantities have in common is taken from both. */
static void quantity_meet(struct quantity *a, struct quantity *b)
{
	money_wide both = a->pico < b->pico ? a->pico : b->pico;
	a->pico -= both;
	b->pico -= both;
	less(&a->calls, &b->calls);
	less(&a->input, &b->input);
	less(&a->output, &b->output);
	for (unsigned i = 0; i < CLASSES; i++)
		less(&a->tok[i], &b->tok[i]);
}

static struct cell *find(struct overlap *o, const struct cell *c)
{
	size_t at = o->count ? slot_of(o, c) : 0;
	return o->count && o->cells[at].used ? &o->cells[at] : NULL;
}

static int add(struct overlap *o, struct cell c, const struct quantity *q, bool reported)
{
	size_t at;
	if (o->count * 2 >= o->room && grow(o))
		return -RR_NOMEM;
	at = slot_of(o, &c);
	if (!o->cells[at].used) {
		o->cells[at] = c;
		o->cells[at].used = true;
		o->count++;
	}
	if (reported) {
		o->cells[at].reported_pico += q->pico;
	} else {
		o->cells[at].seen_pico += q->pico;
		quantity_add(&o->cells[at].seen, q);
	}
	return 0;
}

static struct cell cell_of(const struct rollup_key *k, bool whole_day)
{
	return (struct cell){.model = whole_day ? 0 : model_key(intern_str(k->model)),
			     .day = day_of(k->hour_us),
			     .provider = k->provider,
			     .currency = k->currency};
}

int overlap_note(struct overlap *o, const struct rollup_row *x)
{
	money_wide pico;
	struct quantity q;
	bool reported = row_is_reported(&x->key);
	int rc;
	o->repeats = o->repeats || reported || row_is_token_bill(&x->key);
	if (x->key.book != BOOK_INFERENCE || row_is_bill(&x->key))
		return 0;
	if (!row_amount(x, &pico))
		pico = 0;
	quantity_of(x, pico, &q);
	rc = add(o, cell_of(&x->key, true), &q, reported);
	return rc || !x->key.model ? rc : add(o, cell_of(&x->key, false), &q, reported);
}

static money_wide take(struct overlap *o, struct cell key, money_wide most)
{
	struct cell *c = find(o, &key);
	money_wide v;
	if (!c)
		return 0;
	v = (c->seen_pico > c->reported_pico ? c->seen_pico : c->reported_pico) - c->billed_pico;
	v = v < most ? v : most;
	c->billed_pico += v;
	return v;
}

static money_wide *amount_of(struct rollup_row *x)
{
	return x->key.price_status == PRICE_PRICED || x->key.price_status == PRICE_FREE ? &x->sum.cost_pico
			: &x->sum.billed_pico;
}

static bool rest_of_bill(struct overlap *o, struct rollup_row *rest)
{
	money_wide *pico = amount_of(rest), taken;
	if (*pico <= 0)
		return true;
	taken = take(o, cell_of(&rest->key, false), *pico);
	if (rest->key.model) /* what a model's line has covered, a line without a model cannot cover again */
		take(o, cell_of(&rest->key, true), taken);
	*pico -= taken;
	return *pico != 0;
}

static bool rest_of_reported(struct overlap *o, struct rollup_row *rest)
{
	struct cell model = cell_of(&rest->key, false), day = cell_of(&rest->key, true), *c = find(o, &model);
	money_wide *pico = amount_of(rest);
	struct quantity q, was;
	quantity_of(rest, *pico, &q);
	was = q;
	if (!c)
		return true;
	quantity_meet(&q, &c->seen);
	/* the same is no longer there for a row without a model */
	if (rest->key.model && (c = find(o, &day)) != NULL) {
		struct quantity met = was;
		met.pico -= q.pico;
		met.calls -= q.calls;
		met.input -= q.input;
		met.output -= q.output;
		for (unsigned i = 0; i < CLASSES; i++)
			met.tok[i] -= q.tok[i];
		quantity_meet(&met, &c->seen);
	}
	*pico -= was.pico - q.pico;
	rest->sum.calls = q.calls;
	rest->sum.refused = 0;
	rest->sum.input_tok = q.input;
	rest->sum.output_tok = q.output;
	memcpy(rest->sum.tok, q.tok, sizeof q.tok);
	return *pico != 0 || q.calls || q.input || q.output;
}

/* Jobs are dated by their birth or end, bills by their day: a month holds both. */
static struct cell training_cell(uint32_t provider, uint32_t currency, int64_t at_us)
{
	int64_t year;
	unsigned month, day;
	civil_from_days(day_of(at_us), &year, &month, &day);
	return (struct cell){.model = UINT64_MAX, .day = year * 12 + month, .provider = provider, .currency = currency};
}

int overlap_note_outlay(struct overlap *o, const struct outlay *x)
{
	const struct quantity q = {.pico = x->amount_pico > 0 ? x->amount_pico : 0};
	if (!x->trained_tok || !x->provider[0])
		return 0;
	return add(o, training_cell(intern(str_of(x->provider)), intern(str_of(x->currency.code)), x->date_us), &q,
		   false);
}

static bool rest_of_training(struct overlap *o, struct rollup_row *rest)
{
	money_wide *pico = amount_of(rest);
	if (*pico <= 0)
		return true;
	*pico -= take(o, training_cell(rest->key.provider, rest->key.currency, rest->key.hour_us), *pico);
	return *pico != 0;
}

bool overlap_rest(struct overlap *o, const struct rollup_row *x, struct rollup_row *rest)
{
	*rest = *x;
	if (o->count && x->key.book == BOOK_TRAINING && str_eq(intern_str(x->key.surface), STR("bill T-compute")))
		return rest_of_training(o, rest);
	if (!o->repeats || !o->count)
		return true;
	if (row_is_token_bill(&x->key))
		return rest_of_bill(o, rest);
	return x->key.book != BOOK_INFERENCE || !row_is_reported(&x->key) || rest_of_reported(o, rest);
}

struct reading {
	struct overlap *o;
};

static int note_outlay(const struct outlay *x, void *arg)
{
	return overlap_note_outlay(arg, x);
}

static int note(const struct rollup_row *x, void *arg)
{
	return overlap_note(((struct reading *)arg)->o, x);
}

int overlap_read(struct overlap *o, struct ledger *l, int64_t from_us, int64_t to_us, struct err *e)
{
	struct reading r = {o};
	int rc = ledger_rollup_by(l, GRAIN_DAY, from_us, to_us, note, &r, e);
	if (!rc)
		rc = ledger_outlays(l, note_outlay, o, e);
	return rc == -RR_NOMEM ? err_set(e, RR_NOMEM, "out of memory for comparing bills with usage") : rc;
}
