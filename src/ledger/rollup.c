/* SPDX-License-Identifier: Apache-2.0
 *
 * Roll-ups: sums of calls per (hour, label) and per (UTC day, label), from which every report is folded.
 *
 *   rows 1..mark          are in the tables, exactly once
 *   rows mark+1..last     are the tail: a reader adds them itself
 *
 * Deltas gather in memory (struct rollup) and are added to the tables by UPSERT, in the same transaction as the
 * new mark; imports and later outcomes add deltas of their own without touching the mark. So the tables are
 * exact after any crash, and `verify` can recompute them from the rows at any time.
 * Sums of money are kept as high and low parts of 40 bits: no int64 can overflow (rule 7 of ledger.h).
 */
#include "ledger/store.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"

enum { MONEY_LOW_BITS = 40, MONEY_SUMS = 5 };

int64_t rollup_apart_rows = 200000;
#define HOUR_US (3600 * US_PER_S)

#define X(NAME, name, side, text) #name ","
const char rollup_columns[] = "calls,"
#include "model/token_classes.def"
			      "cost_hi,cost_lo,low_hi,low_lo,high_hi,high_lo,billed_hi,billed_lo,saved_hi,saved_lo,"
			      "accepted,tools";
#undef X
const char *const rollup_tables[ROLLUP_TABLES] = {"rollup_hour", "rollup_day", "delta_hour", "delta_day"};
_Static_assert(ROLLUP_COLUMNS == 1 + CLASSES + 2 * MONEY_SUMS + 2, "of rollup_columns");

static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;
	return q - (a % b < 0);
}

int64_t hour_of(int64_t us)
{
	return floor_div(us, HOUR_US);
}

int64_t day_of_hour(int64_t hour)
{
	return floor_div(hour, 24);
}

/* ---- in memory ---- */

void rollup_fini(struct rollup *r)
{
	free(r->items);
	free(r->slots);
	memset(r, 0, sizeof *r);
}

void rollup_drop(struct rollup *r)
{
	if (r->count)
		memset(r->slots, 0, r->slot_count * sizeof *r->slots);
	r->count = 0;
	r->generation++;
}

static uint32_t slot_of(const struct rollup *r, int64_t hour, int64_t label)
{
	uint64_t h = ((uint64_t)hour * UINT64_C(0x9E3779B97F4A7C15)) ^ ((uint64_t)label * UINT64_C(0xC2B2AE3D27D4EB4F));
	uint32_t mask = r->slot_count - 1, s = (uint32_t)(h >> 24) & mask;
	while (r->slots[s] && (r->items[r->slots[s] - 1].hour != hour || r->items[r->slots[s] - 1].label != label))
		s = (s + 1) & mask;
	return s;
}

static int rollup_grow(struct rollup *r)
{
	uint32_t n = r->room ? r->room * 2 : 64;
	struct acc *items = realloc(r->items, n * sizeof *items);
	uint32_t *slots = calloc(n * 2, sizeof *slots);
	if (items)
		r->items = items;
	if (!items || !slots) {
		free(slots);
		return -RR_NOMEM;
	}
	free(r->slots);
	r->slots = slots;
	r->slot_count = n * 2;
	r->room = n;
	for (uint32_t i = 0; i < r->count; i++)
		r->slots[slot_of(r, r->items[i].hour, r->items[i].label)] = i + 1;
	return 0;
}

static int acc_find(struct rollup *r, int64_t hour, int64_t label, uint32_t *index)
{
	uint32_t s;
	int rc = r->count == r->room ? rollup_grow(r) : 0;
	if (rc)
		return rc;
	s = slot_of(r, hour, label);
	if (!r->slots[s]) {
		r->items[r->count] = (struct acc){.hour = hour, .label = label};
		r->slots[s] = ++r->count;
	}
	*index = r->slots[s] - 1;
	return 0;
}

/* Where each part stands in a sum: counts, then amounts. */
#define AT(FIELD) offsetof(struct rollup_sum, FIELD)
#define X(NAME, name, side, text) AT(tok) + sizeof(uint64_t) * CLASS_##NAME,
static const uint16_t place[] = {
#include "model/token_classes.def"
	AT(calls), AT(accepted), AT(tools), AT(cost_pico), AT(low_pico), AT(high_pico), AT(billed_pico), AT(saved_pico),
};
#undef X
enum { P_CALLS = CLASSES, P_ACCEPTED, P_TOOLS, P_COST, P_LOW, P_HIGH, P_BILLED, P_SAVED };
_Static_assert(sizeof place / sizeof *place == ROLLUP_PARTS && P_SAVED + 1 == ROLLUP_PARTS, "a place for each part");

void rollup_part_add(struct rollup_sum *s, unsigned part, int64_t value)
{
	char *at = (char *)s + place[part];
	if (part < P_COST)
		*(uint64_t *)(void *)at += (uint64_t)value;
	else
		*(money_wide *)(void *)at += value;
}

unsigned rollup_parts(const struct call *c, struct rollup_part p[ROLLUP_PARTS])
{
	bool priced = c->price_status == PRICE_PRICED || c->price_status == PRICE_FREE;
	uint64_t tools = 0;
	unsigned n = 0;
#define PART(NUMBER, VALUE)                                                   \
	do {                                                                  \
		p[n] = (struct rollup_part){(int64_t)(VALUE), (NUMBER)};      \
		n += p[n].value != 0;                                         \
	} while (0)
	for (unsigned i = 0; i < CLASSES; i++)
		PART(i, c->usage.tok[i]);
	for (unsigned i = 0; i < TOOLS; i++)
		tools += c->usage.tools[i];
	PART(P_CALLS, c->calls);
	PART(P_ACCEPTED, c->accepted == ACCEPTED_YES ? c->calls : 0);
	PART(P_TOOLS, tools);
	PART(P_COST, priced ? c->cost_pico : 0);
	PART(P_LOW, c->low_pico);
	PART(P_HIGH, c->high_pico);
	PART(P_BILLED, c->billed_pico != BILLED_UNKNOWN ? c->billed_pico : 0);
	PART(P_SAVED, c->saved_pico);
#undef PART
	return n;
}

static void add_call(struct rollup_sum *s, const struct call *c, int sign)
{
	UNSET struct rollup_part p[ROLLUP_PARTS];
	unsigned n = rollup_parts(c, p);
	for (unsigned i = 0; i < n; i++)
		rollup_part_add(s, p[i].part, sign < 0 ? -p[i].value : p[i].value);
}

void rollup_sum_of(const struct call *c, struct rollup_sum *s)
{
	memset(s, 0, sizeof *s);
	add_call(s, c, 1);
}

bool rollup_sum_is_zero(const struct rollup_sum *s)
{
	uint64_t any = s->calls | s->accepted | s->refused | s->tools;
	for (unsigned i = 0; i < CLASSES; i++)
		any |= s->tok[i];
	return !any && s->cost_pico == 0 && s->low_pico == 0 && s->high_pico == 0 && s->billed_pico == 0 &&
	       s->saved_pico == 0;
}

void rollup_sum_add(struct rollup_sum *into, const struct rollup_sum *s, int sign)
{
	uint64_t n = (uint64_t)(int64_t)sign;
	into->calls += n * s->calls;
	for (unsigned i = 0; i < CLASSES; i++)
		into->tok[i] += n * s->tok[i];
	into->input_tok += n * s->input_tok;
	into->output_tok += n * s->output_tok;
	into->cost_pico += sign * s->cost_pico;
	into->low_pico += sign * s->low_pico;
	into->high_pico += sign * s->high_pico;
	into->billed_pico += sign * s->billed_pico;
	into->saved_pico += sign * s->saved_pico;
	into->accepted += n * s->accepted;
	into->refused += n * s->refused;
	into->tools += n * s->tools;
}

int rollup_fold(struct rollup *r, const struct call *c, struct label *lb, int sign)
{
	int64_t hour = hour_of(c->start_us);
	uint32_t at = lb->acc_index;
	/* The label remembers its last place; it is checked, since items may have been dropped since. */
	if (lb->acc_hour != hour || at >= r->count || r->items[at].hour != hour || r->items[at].label != lb->id) {
		int rc = acc_find(r, hour, lb->id, &at);
		if (rc)
			return rc;
		lb->acc_hour = hour;
		lb->acc_index = at;
	}
	add_call(&r->items[at].sum, c, sign);
	return 0;
}

int rollup_fold_sum(struct rollup *r, int64_t hour, int64_t label, const struct rollup_sum *s, int sign)
{
	uint32_t at;
	int rc = acc_find(r, hour, label, &at);
	if (!rc)
		rollup_sum_add(&r->items[at].sum, s, sign);
	return rc;
}

/* ---- in the ledger ---- */

void rollup_some_columns(struct sb *sql, uint64_t mask, const char *text)
{
	struct str names = str_of(rollup_columns);
	const char *comma = "";
	for (; names.p; mask >>= 1) {
		struct str name = str_cut(&names, ',');
		if (!(mask & 1))
			continue;
		sb_adds(sql, comma);
		comma = ",";
		for (const char *p = text; *p; p++)
			sb_add_str(sql, *p == '@' ? name : str_make(p, 1));
	}
}

void rollup_values(const struct rollup_sum *s, int64_t v[ROLLUP_COLUMNS])
{
	const money_wide money[MONEY_SUMS] = {s->cost_pico, s->low_pico, s->high_pico, s->billed_pico, s->saved_pico};
	unsigned n = 0;
	v[n++] = (int64_t)s->calls;
	for (unsigned i = 0; i < CLASSES; i++)
		v[n++] = (int64_t)s->tok[i];
	for (unsigned i = 0; i < MONEY_SUMS; i++) {
		v[n++] = (int64_t)(money[i] >> MONEY_LOW_BITS);
		v[n++] = (int64_t)(money[i] & (((money_wide)1 << MONEY_LOW_BITS) - 1));
	}
	v[n++] = (int64_t)s->accepted;
	v[n++] = (int64_t)s->tools;
	check(n == ROLLUP_COLUMNS);
}

/* Its place: one of four beside each other; where others have them, the first gives way. */
static struct upsert_stmt *upsert_at(struct upsert_stmt u[UPSERTS], uint64_t mask)
{
	unsigned from = (unsigned)(mask * UINT64_C(0x9E3779B97F4A7C15) >> 32) % UPSERTS;
	for (unsigned i = 0; i < 4; i++) {
		struct upsert_stmt *at = &u[(from + i) % UPSERTS];
		if (!at->st || at->mask == mask)
			return at;
	}
	return &u[from];
}

/* The statement for the columns of the mask: a sum has few that are not 0, and each costs as much as the row itself. */
static sqlite3_stmt *upsert(struct ledger *l, enum rollup_table table, uint64_t mask, struct err *e)
{
	struct upsert_stmt *u = upsert_at(l->upsert[table], mask);
	struct sb sql;
	sqlite3_stmt *st;
	if (u->st && u->mask == mask)
		return u->st;
	sb_init(&sql, 16384);
	sb_addf(&sql, "INSERT INTO %s(at,label%s", rollup_tables[table], mask ? "," : "");
	rollup_some_columns(&sql, mask, "@");
	sb_addf(&sql, ") VALUES(?1,?2%s", mask ? "," : "");
	rollup_some_columns(&sql, mask, "?"); /* each has the next number */
	sb_addf(&sql, ") ON CONFLICT(at,label) DO %s", mask ? "UPDATE SET " : "NOTHING");
	rollup_some_columns(&sql, mask, "@=@+excluded.@");
	st = store_prepare(l, sb_whole(&sql), SQLITE_PREPARE_PERSISTENT, e);
	sb_fini(&sql);
	if (!st)
		return NULL;
	sqlite3_finalize(u->st);
	*u = (struct upsert_stmt){mask, st};
	return st;
}

int rollup_upsert(struct ledger *l, enum rollup_table table, int64_t at, int64_t label, const struct rollup_sum *s,
		  struct err *e)
{
	int64_t v[ROLLUP_COLUMNS];
	uint64_t mask = 0;
	sqlite3_stmt *st;
	int p = 3, rc = 0;
	rollup_values(s, v);
	for (unsigned i = 0; i < ROLLUP_COLUMNS; i++)
		mask |= (uint64_t)(v[i] != 0) << i;
	for (unsigned i = 0; i < MONEY_SUMS; i++) /* both parts of an amount or none: fewer statements */
		if (mask >> (1 + CLASSES + 2 * i) & 3)
			mask |= UINT64_C(3) << (1 + CLASSES + 2 * i);
	st = upsert(l, table, mask, e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, at);
	sqlite3_bind_int64(st, 2, label);
	for (unsigned i = 0; i < ROLLUP_COLUMNS; i++)
		if (mask >> i & 1)
			sqlite3_bind_int64(st, p++, v[i]);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_error(l, e, "flushing roll-ups");
	sqlite3_reset(st);
	return rc;
}

int rollup_flush(struct ledger *l, const struct rollup *r, int64_t mark, struct err *e)
{
	int64_t before;
	int rc = 0;
	for (uint32_t i = 0; i < r->count && !rc; i++) {
		const struct acc *a = &r->items[i];
		rc = rollup_upsert(l, ROLLUP_HOUR, a->hour, a->label, &a->sum, e);
		if (!rc)
			rc = rollup_upsert(l, ROLLUP_DAY, day_of_hour(a->hour), a->label, &a->sum, e);
	}
	if (!rc && mark >= 0)
		rc = rollup_mark(l, &before, e);
	if (!rc && mark >= 0)
		rc = span_note_flush(l, r, before + 1, mark, e);
	if (!rc && mark >= 0)
		rc = store_meta_set(l, "rollup_row", mark, e);
	return rc;
}

int rollup_mark(struct ledger *l, int64_t *mark, struct err *e)
{
	return store_meta_get(l, "rollup_row", mark, e);
}

void rollup_read_sum(sqlite3_stmt *st, int p, struct rollup_sum *s)
{
	money_wide money[MONEY_SUMS];
	s->input_tok = s->output_tok = s->refused = 0;
	s->calls = (uint64_t)sqlite3_column_int64(st, p++);
	for (unsigned i = 0; i < CLASSES; i++)
		s->tok[i] = (uint64_t)sqlite3_column_int64(st, p++);
	for (unsigned i = 0; i < MONEY_SUMS; i++, p += 2)
		money[i] =
			((money_wide)sqlite3_column_int64(st, p) << MONEY_LOW_BITS) + sqlite3_column_int64(st, p + 1);
	s->cost_pico = money[0];
	s->low_pico = money[1];
	s->high_pico = money[2];
	s->billed_pico = money[3];
	s->saved_pico = money[4];
	s->accepted = (uint64_t)sqlite3_column_int64(st, p++);
	s->tools = (uint64_t)sqlite3_column_int64(st, p);
}

static int fold_range(struct ledger *l, struct rollup *r, int64_t from, int64_t to, struct err *e)
{
	struct sb sql;
	struct call c, none;
	sqlite3_stmt *st;
	int rc = 0;
	row_no_amounts(l, &none);
	sb_init(&sql, 8192);
	row_select_amounts(l, "WHERE row>?1 AND row<=?2", &sql);
	st = store_query(l, e, sb_whole(&sql));
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, to);
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct label *lb;
		rc = row_read_amounts(l, st, &none, &c, &lb, e);
		if (!rc)
			rc = rollup_fold(r, &c, lb, 1);
		else if (l->label_lost)
			rc = store_damaged_row(l, "label", sqlite3_column_int64(st, 1), e);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading calls");
	sqlite3_finalize(st);
	return rc;
}

/* The second half of many rows, on a thread and a connection of its own. */
struct half {
	const char *path;
	bool passes_damage;
	int64_t from, to;
	struct rollup rollup;
	struct err e;
	int rc;
};

static void *fold_half(void *arg)
{
	struct half *h = arg;
	struct ledger *l = ledger_open(h->path, LEDGER_READ, &h->e);
	if (l && h->passes_damage)
		ledger_pass_damage(l);
	h->rc = l ? fold_range(l, &h->rollup, h->from, h->to, &h->e) : -RR_STORE;
	ledger_close(l);
	return NULL;
}

int rollup_fold_rows(struct ledger *l, struct rollup *r, int64_t from, int64_t to, struct err *e)
{
	struct half h = {.path = l->path, .passes_damage = l->passes_damage, .from = from + (to - from) / 2, .to = to};
	pthread_t thread;
	int rc;
	/* Rows that were committed before: the other connection sees them too, and a row never changes. */
	if (to - from < rollup_apart_rows || pthread_create(&thread, NULL, fold_half, &h))
		return fold_range(l, r, from, to, e);
	rc = fold_range(l, r, from, h.from, e);
	pthread_join(thread, NULL);
	if (!rc && h.rc) {
		rc = h.rc;
		if (e)
			*e = h.e;
	}
	for (uint32_t i = 0; i < h.rollup.count && !rc; i++)
		rc = rollup_fold_sum(r, h.rollup.items[i].hour, h.rollup.items[i].label, &h.rollup.items[i].sum, 1);
	rollup_fini(&h.rollup);
	return rc;
}

/* ---- reading ---- */

struct reading {
	struct ledger *l;
	int (*fn)(const struct rollup_row *r, void *arg);
	void *arg;
	uint32_t production;
	int64_t delta; /* it counts too (rollup_delta.c) */
};

static void fill_key(const struct reading *g, struct label *lb)
{
	struct rollup_key *k = &lb->key;
	struct call c; /* the label's fields land in a call, the shortest way to name them */
	label_to_call(g->l, lb, &c);
	k->book = c.book;
	k->env_production = c.env == 0 || c.env == g->production;
	k->provenance = c.provenance;
	k->price_status = c.price_status;
	k->tier = (uint8_t)c.usage.tier;
	k->outcome_class = c.outcome;
	k->key = c.key;
	k->team = c.team;
	k->feature = c.feature;
	k->env = c.env;
	k->provider = c.provider;
	k->model = c.model_answered ? c.model_answered : c.model_asked;
	k->model_asked = c.model_asked;
	k->region = c.region;
	k->currency = c.currency;
	k->project = c.project;
	k->surface = c.surface;
	k->levers = c.levers;
	lb->key_known = true;
}

/* Takes one sum; what reads the tables does not ask what becomes of it. */
typedef int take_sum(void *arg, int64_t hour, int64_t label, const struct rollup_sum *sum, struct err *e);

static int give(void *arg, int64_t hour, int64_t label, const struct rollup_sum *sum, struct err *e)
{
	struct reading *g = arg;
	struct rollup_row row;
	struct label *lb;
	int rc;
	if (rollup_sum_is_zero(sum))
		return 0; /* taken back by an undone import */
	rc = label_by_id(g->l, label, &lb, e);
	if (rc)
		return g->l->label_lost ? store_damaged_row(g->l, "label", label, e) : rc;
	if (!lb->key_known)
		fill_key(g, lb);
	row.key = lb->key;
	row.key.hour_us = hour * HOUR_US;
	row.sum = *sum;
	for (unsigned i = 0; i < CLASSES; i++)
		*(token_class_is_output(i) ? &row.sum.output_tok : &row.sum.input_tok) += sum->tok[i];
	if (row.key.outcome_class == OUTCOME_REFUSED)
		row.sum.refused = sum->calls;
	return g->fn(&row, g->arg);
}

static int read_query(struct reading *g, enum rollup_table table, int64_t from, int64_t to, take_sum *take, void *arg,
		      struct err *e)
{
	struct rollup_sum sum = {0};
	struct sb sql;
	sqlite3_stmt *st;
	int rc = 0;
	sb_init(&sql, 4096);
	sb_addf(&sql, "SELECT at,label,%s FROM %s WHERE at>=?1 AND at<?2", rollup_columns, rollup_tables[table]);
	st = store_query(g->l, e, sb_whole(&sql));
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, to);
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		rollup_read_sum(st, 2, &sum);
		rc = take(arg, sqlite3_column_int64(st, 0) * (table == ROLLUP_DAY || table == DELTA_DAY ? 24 : 1),
			  sqlite3_column_int64(st, 1), &sum, e);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(g->l, e, "reading roll-ups");
	sqlite3_finalize(st);
	return rc;
}

/* Hours, or days, [from, to). */
static int read_table(struct reading *g, bool day, int64_t from, int64_t to, take_sum *take, void *arg, struct err *e)
{
	int rc = from < to ? read_query(g, day ? ROLLUP_DAY : ROLLUP_HOUR, from, to, take, arg, e) : 0;
	if (!rc && g->delta && from < to)
		rc = read_query(g, day ? DELTA_DAY : DELTA_HOUR, from, to, take, arg, e);
	return rc;
}

static int give_table(struct reading *g, bool day, int64_t from, int64_t to, struct err *e)
{
	return read_table(g, day, from, to, give, g, e);
}

/* ---- calls that no stored roll-up answers for: the tail, and the parts of hours at the edges of the range ---- */

struct edge {
	struct reading *g;
	struct rollup sum;
	bool import, outcomes;
	int64_t mark, from_us, to_us;
	int sign;
};

/* What was said of a call later is in the roll-ups, not in its row. */
static int add_outcome(struct edge *x, struct call *c, struct err *e)
{
	struct ledger *l = x->g->l;
	uint64_t id[2] = {__builtin_bswap64(c->id.hi), __builtin_bswap64(c->id.lo)};
	sqlite3_stmt *st = store_stmt(l, ST_OUTCOME_FIND, "SELECT accepted FROM outcome WHERE id=?1", e);
	int rc;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, id, sizeof id, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && sqlite3_column_int(st, 0))
		c->accepted = ACCEPTED_YES;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(l, e, "reading outcomes");
}

/* Rows [from, to) that start in the edge's time. */
static int edge_rows(int64_t from, int64_t to, void *arg, struct err *e)
{
	struct edge *x = arg;
	struct ledger *l = x->g->l;
	char where[IMPORT_ALIVE_MOST + 400];
	struct call c;
	struct sb sql;
	sqlite3_stmt *st;
	int rc = 0;
	snprintf(where, sizeof where, "WHERE i.row>=?1 AND i.row<?2 AND i.start>=?3 AND i.start<?4%s%s", x->import ? " AND " : "",
		 x->import ? import_current : "");
	sb_init(&sql, 8192);
	row_select(l, x->import, where, &sql);
	st = store_query(l, e, sb_whole(&sql));
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, !x->import && to > x->mark ? x->mark + 1 : to);
	sqlite3_bind_int64(st, 3, x->from_us);
	sqlite3_bind_int64(st, 4, x->to_us);
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t label;
		struct label *lb;
		bool intact;
		rc = row_read(l, st, x->import, &c, NULL, &label, &intact, e);
		if (!intact || (rc && l->label_lost)) {
			rc = store_damaged_row(l, x->import ? "imported row" : "call row", sqlite3_column_int64(st, 0),
					       e);
			continue;
		}
		if (!rc && x->outcomes && c.accepted == ACCEPTED_UNKNOWN)
			rc = add_outcome(x, &c, e);
		if (!rc)
			rc = label_by_id(l, label, &lb, e);
		if (!rc && rollup_fold(&x->sum, &c, lb, x->sign))
			rc = err_set(e, RR_NOMEM, "out of memory for roll-ups");
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading calls");
	sqlite3_finalize(st);
	return rc;
}

static int give_edge_sums(struct edge *x, int rc, struct err *e)
{
	for (uint32_t i = 0; i < x->sum.count && !rc; i++)
		rc = give(x->g, x->sum.items[i].hour, x->sum.items[i].label, &x->sum.items[i].sum, e);
	rollup_fini(&x->sum);
	return rc;
}

static int give_tail(struct reading *g, int64_t mark, int64_t from_us, int64_t to_us, struct err *e)
{
	struct edge x = {.g = g, .mark = INT64_MAX - 1, .from_us = from_us, .to_us = to_us, .sign = 1};
	return give_edge_sums(&x, edge_rows(mark + 1, INT64_MAX, &x, e), e);
}

static int any_outcome(struct ledger *l, bool *any, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT EXISTS (SELECT 1 FROM outcome)");
	int rc = st && sqlite3_step(st) == SQLITE_ROW ? 0 : store_error(l, e, "reading outcomes");
	*any = !rc && sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc;
}

static int add_sum(void *arg, int64_t hour, int64_t label, const struct rollup_sum *sum, struct err *e)
{
	struct edge *x = arg;
	return rollup_fold_sum(&x->sum, hour, label, sum, 1) ? err_set(e, RR_NOMEM, "out of memory for roll-ups") : 0;
}

/* The part [from_us, to_us) of one hour, up to the mark. What begins with the hour is all of it without its rest: so
 * what starts on the hour is never looked for (span.c). */
static int give_edge(struct reading *g, int64_t mark, int64_t from_us, int64_t to_us, struct err *e)
{
	struct edge x = {.g = g, .mark = mark, .from_us = from_us, .to_us = to_us, .sign = 1};
	int64_t hour = hour_of(from_us);
	int rc;
	if (from_us >= to_us)
		return 0;
	rc = any_outcome(g->l, &x.outcomes, e);
	if (!rc && from_us == hour * HOUR_US) {
		x.from_us = to_us;
		x.to_us = (hour + 1) * HOUR_US;
		x.sign = -1;
		rc = read_table(g, false, hour, hour + 1, add_sum, &x, e);
	}
	if (!rc)
		rc = span_each(g->l, SPAN_CALLS, hour, edge_rows, &x, e);
	x.import = true;
	if (!rc)
		rc = span_each(g->l, SPAN_IMPORTS, hour, edge_rows, &x, e);
	return give_edge_sums(&x, rc, e);
}

static int64_t ceil_hour(int64_t us)
{
	return hour_of(us) + (us % HOUR_US != 0);
}

int ledger_rollup_by(struct ledger *l, enum rollup_grain grain, int64_t from_us, int64_t to_us,
		     int (*fn)(const struct rollup_row *r, void *arg), void *arg, struct err *e)
{
	struct reading g = {.l = l, .fn = fn, .arg = arg, .production = intern(STR("production"))};
	bool opened;
	int64_t mark, h1, h2, d1, d2;
	int rc;
	if (from_us >= to_us)
		return 0;
	rc = store_read_begin(l, &opened, e);
	if (rc)
		return rc;
	/* [from | h1 .. d1*24 | d1 .. d2 | d2*24 .. h2 | to): an edge, hours, days, hours, an edge */
	h1 = ceil_hour(from_us);
	h2 = hour_of(to_us);
	rc = rollup_mark(l, &mark, e);
	if (!rc)
		rc = store_meta_get(l, "delta_live", &g.delta, e);
	if (!rc && h1 > h2) { /* all within one hour */
		rc = give_edge(&g, mark, from_us, to_us, e);
	} else if (!rc) {
		d1 = floor_div(h1 + 23, 24);
		d2 = floor_div(h2, 24);
		if (grain == GRAIN_HOUR || d1 >= d2) {
			rc = give_table(&g, false, h1, h2, e);
		} else {
			rc = give_table(&g, false, h1, d1 * 24, e);
			if (!rc)
				rc = give_table(&g, true, d1, d2, e);
			if (!rc)
				rc = give_table(&g, false, d2 * 24, h2, e);
		}
		if (!rc && from_us > INT64_MIN + HOUR_US)
			rc = give_edge(&g, mark, from_us, h1 * HOUR_US, e);
		if (!rc && to_us < INT64_MAX - HOUR_US)
			rc = give_edge(&g, mark, h2 * HOUR_US, to_us, e);
	}
	if (!rc)
		rc = give_tail(&g, mark, from_us, to_us, e);
	store_read_end(l, opened);
	return rc;
}

int ledger_rollup(struct ledger *l, int64_t from_us, int64_t to_us,
		  int (*fn)(const struct rollup_row *r, void *arg), void *arg, struct err *e)
{
	return ledger_rollup_by(l, GRAIN_HOUR, from_us, to_us, fn, arg, e);
}

/* ---- what a scope has spent ---- */

struct spent {
	const struct cap_scope *scope;
	struct currency currency;
	struct fx fx;
	money_wide pico;
	uint64_t tok;
};

static int add_spent(const struct rollup_row *r, void *arg)
{
	struct spent *s = arg;
	const struct cap_scope *c = s->scope;
	const struct rollup_key *k = &r->key;
	struct currency from = {{0}};
	money_wide pico;
	int64_t spent;
	bool in = k->provenance != PROV_IMPORTED && k->book != BOOK_TRAINING && (!c->key || c->key == k->key) &&
		  (!c->team || c->team == k->team) && (!c->feature || c->feature == k->feature) &&
		  (!c->env || c->env == k->env) && (!c->model || c->model == k->model_asked || c->model == k->model);
	if (!in)
		return 0;
	s->tok += r->sum.input_tok + r->sum.output_tok;
	/* an estimate counts in full: a hard cap must not be overspent by a crash */
	pico = r->sum.high_pico > r->sum.cost_pico ? r->sum.high_pico : r->sum.cost_pico;
	str_copy(from.code, sizeof from.code, intern_str(k->currency));
	if (fx_convert(s->fx, pico > INT64_MAX ? INT64_MAX : (int64_t)pico, from, s->currency, false, k->hour_us,
		       &spent) == 0)
		s->pico += spent;
	return 0;
}

int ledger_spent(struct ledger *l, const struct cap_scope *scope, int64_t from_us, int64_t to_us, struct currency cur,
		 struct fx fx, int64_t *pico, uint64_t *tok, struct err *e)
{
	struct spent s = {.scope = scope, .currency = cur, .fx = fx};
	int rc = ledger_rollup_by(l, GRAIN_DAY, from_us, to_us, add_spent, &s, e);
	*pico = s.pico > INT64_MAX ? INT64_MAX : (int64_t)s.pico;
	*tok = s.tok;
	return rc;
}
