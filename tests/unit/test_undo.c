/* SPDX-License-Identifier: Apache-2.0
 *
 * Imports and undos in any order beside a model that knows nothing of how the ledger does it: after each step the model
 * starts from nothing and imports the batches that were not undone, one after the other. The ledger must hold the same
 * rows, the same sums by hour and by day, the same outlays; and `verify` recomputes the rest.
 */
#include <sqlite3.h>

#include "base/log.h"
#include "ledger/import_store.h"
#include "ledger/store.h"
#include "ledger_help.h"
#include "t.h"

enum { SCOPES = 2, KEYS = 40, LINES = 60, STEPS = 60, PERIODS = 3, OUTLAYS = 4, OUTLAY_IDS = 6, VERSIONS = 3 };
#define SLOT_US (20 * 60 * US_PER_S)

struct line {
	unsigned key, version;
};
struct model_batch {
	int64_t id;
	unsigned scope, lines, periods, outlays;
	struct line line[LINES];
	int64_t from_us[PERIODS], to_us[PERIODS];
	unsigned outlay[OUTLAYS];
	bool undone;
};
struct model {
	struct model_batch batch[STEPS];
	unsigned batches;
	uint64_t gateway_calls;
	bool outlay_by_hand[OUTLAY_IDS];
	/* what counts: version + 1 of each key */
	unsigned now[SCOPES][KEYS];
	bool outlay[OUTLAY_IDS];
};

/* A revision may have another time. */
static int64_t start_of(unsigned key, unsigned version)
{
	return HELP_T0 + (int64_t)key * SLOT_US + (version == 2 ? 5 * SLOT_US : 0);
}

static uint64_t calls_of(unsigned scope, unsigned key, unsigned version)
{
	return 1000 + 100 * key + 10 * version + scope;
}

static void model_replay(struct model *m)
{
	memset(m->now, 0, sizeof m->now);
	for (unsigned i = 0; i < OUTLAY_IDS; i++)
		m->outlay[i] = m->outlay_by_hand[i];
	for (unsigned i = 0; i < m->batches; i++) {
		const struct model_batch *b = &m->batch[i];
		bool has[KEYS] = {false};
		if (b->undone)
			continue;
		for (unsigned n = 0; n < b->lines; n++) {
			m->now[b->scope][b->line[n].key] = b->line[n].version + 1;
			has[b->line[n].key] = true;
		}
		for (unsigned k = 0; k < KEYS; k++)
			for (unsigned p = 0; p < b->periods && m->now[b->scope][k]; p++) {
				int64_t start = start_of(k, m->now[b->scope][k] - 1);
				if (!has[k] && start >= b->from_us[p] && start < b->to_us[p])
					m->now[b->scope][k] = 0;
			}
		for (unsigned n = 0; n < b->outlays; n++)
			m->outlay[b->outlay[n]] = true;
	}
}

/* ---- the ledger's side ---- */

/* Pairs of keys share their first 64 bits. */
static struct hash128 nat_of(unsigned scope, unsigned key)
{
	unsigned what[2] = {scope, key / 2};
	struct hash128 h = hash_xxh3_128(what, sizeof what);
	h.lo += key % 2;
	return h;
}

static void outlay_of(struct outlay *o, unsigned id)
{
	memset(o, 0, sizeof *o);
	snprintf(o->id, sizeof o->id, "outlay-%u", id);
	o->kind = OUTLAY_FINETUNE;
	o->date_us = HELP_T0;
	o->amount_pico = (int64_t)id + 1;
	memcpy(o->currency.code, "USD", 3);
}

static void ledger_do(struct ledger *l, struct model_batch *b)
{
	struct err e = {0};
	struct import_batch what = {.source = "test-usage", .started_us = HELP_T0}, out;
	struct import *im;
	snprintf(what.scope, sizeof what.scope, "org-%u", b->scope);
	im = ledger_import_begin(l, &what, false, &e);
	T_TRUE(im != NULL);
	for (unsigned p = 0; p < b->periods; p++)
		OK(ledger_import_replace(im, b->from_us[p], b->to_us[p], &e));
	for (unsigned n = 0; n < b->lines; n++) {
		const struct line *x = &b->line[n];
		struct hash128 body = hash_xxh3_128(&x->version, sizeof x->version);
		enum import_result result;
		struct rng r;
		struct call c;
		rng_seed(&r, x->key * 10 + x->version);
		help_call(&c, &r, x->key, 8);
		memset(&c.id, 0, sizeof c.id);
		memset(&c.operation, 0, sizeof c.operation);
		c.start_us = c.end_us = start_of(x->key, x->version);
		c.calls = (uint32_t)calls_of(b->scope, x->key, x->version);
		OK(ledger_import_add(im, &c, nat_of(b->scope, x->key), body, n, STR("1"), &result, &e));
	}
	for (unsigned n = 0; n < b->outlays; n++) {
		struct outlay o;
		int rc;
		outlay_of(&o, b->outlay[n]);
		rc = ledger_import_outlay(im, &o, &e);
		T_TRUE(rc == 0 || rc == -RR_EXISTS);
	}
	OK(ledger_import_finish(im, &out, &e));
	b->id = out.id;
}

static void gateway_call(struct ledger *l, struct model *m, struct rng *r)
{
	struct err e = {0};
	struct call c;
	help_call(&c, r, m->gateway_calls, 8);
	c.provenance = PROV_MEASURED;
	c.start_us = HELP_T0 + (int64_t)rng_below(r, KEYS) * SLOT_US;
	c.end_us = c.start_us + 1;
	c.calls = 7;
	OK(ledger_begin(l, &e));
	OK(ledger_add_call(l, &c, &e));
	OK(ledger_commit(l, &e));
	m->gateway_calls += 7;
}

struct hours {
	uint64_t hour[KEYS + 8], other;
};

static int add_hour(const struct rollup_row *r, void *arg)
{
	struct hours *h = arg;
	int64_t at = hour_of(r->key.hour_us) - hour_of(HELP_T0);
	if (r->key.provenance == PROV_IMPORTED)
		*(at >= 0 && at < KEYS + 8 ? &h->hour[at] : &h->other) += r->sum.calls;
	else
		h->other += r->sum.calls;
	return 0;
}

static int see_outlay(const struct outlay *o, void *arg)
{
	((unsigned *)arg)[o->amount_pico - 1]++;
	return 0;
}

static void compare(struct ledger *l, struct model *m, const char *when)
{
	struct err e = {0};
	struct hours want = {0}, got = {0}, days = {0};
	unsigned seen[SCOPES][KEYS] = {{0}}, outlays[OUTLAY_IDS] = {0}, wrong = 0;
	uint64_t live = 0, want_sum = 0, days_sum = 0;
	struct call_cursor *cursor;
	struct verify_result *v = malloc(sizeof *v);
	struct call c;
	model_replay(m);
	cursor = ledger_calls(l, INT64_MIN, INT64_MAX, &e);
	while (call_cursor_next(cursor, &c, &e) == 1) {
		bool found = false;
		if (c.provenance != PROV_IMPORTED) {
			live += c.calls;
			continue;
		}
		for (unsigned s = 0; s < SCOPES; s++)
			for (unsigned k = 0; k < KEYS; k++) {
				struct hash128 h = nat_of(s, k);
				if (h.hi != c.id.hi || h.lo != c.id.lo)
					continue;
				found = true;
				seen[s][k]++;
				wrong += !m->now[s][k] || c.calls != calls_of(s, k, m->now[s][k] - 1) ||
					 c.start_us != start_of(k, m->now[s][k] - 1);
			}
		wrong += !found;
	}
	call_cursor_close(cursor);
	for (unsigned s = 0; s < SCOPES; s++)
		for (unsigned k = 0; k < KEYS; k++) {
			unsigned is = m->now[s][k];
			wrong += seen[s][k] != (is != 0);
			if (is)
				want.hour[hour_of(start_of(k, is - 1)) - hour_of(HELP_T0)] += calls_of(s, k, is - 1);
		}
	T_EQ_I(live, m->gateway_calls);
	want.other = live;
	OK(ledger_rollup_by(l, GRAIN_HOUR, INT64_MIN, INT64_MAX, add_hour, &got, &e));
	wrong += memcmp(&want, &got, sizeof want) != 0;
	OK(ledger_rollup_by(l, GRAIN_DAY, INT64_MIN, INT64_MAX, add_hour, &days, &e));
	for (unsigned i = 0; i < KEYS + 8; i++) {
		want_sum += want.hour[i];
		days_sum += days.hour[i];
	}
	T_EQ_I(days_sum + days.other, want_sum + want.other);
	OK(ledger_outlays(l, see_outlay, outlays, &e));
	for (unsigned i = 0; i < OUTLAY_IDS; i++)
		wrong += outlays[i] != m->outlay[i];
	OK(ledger_verify(l, v, &e));
	T_TRUE(v->ok);
	for (unsigned i = 0; i < v->problems; i++)
		printf("  %s: %s\n", when, v->problem[i]);
	free(v);
	T_EQ_I(wrong, 0);
	if (wrong)
		printf("  %s\n", when);
}

static void random_batch(struct model_batch *b, struct rng *r)
{
	unsigned from = (unsigned)rng_below(r, KEYS), count = (unsigned)rng_below(r, LINES);
	unsigned one = (unsigned)rng_below(r, VERSIONS);
	bool mixed = rng_below(r, 2), shuffled = rng_below(r, 4) == 0;
	memset(b, 0, sizeof *b);
	b->scope = (unsigned)rng_below(r, SCOPES);
	for (unsigned n = 0; n < count; n++) /* shuffled: keys come again, with other versions, in the same file */
		b->line[b->lines++] = (struct line){shuffled ? (unsigned)rng_below(r, KEYS) : (from + n) % KEYS,
						    mixed ? (unsigned)rng_below(r, VERSIONS) : one};
	if (rng_below(r, 2)) /* growing buckets */
		for (b->periods = 1 + (unsigned)rng_below(r, PERIODS); b->periods && b->to_us[b->periods - 1] == 0;)
			for (unsigned p = 0; p < b->periods; p++) {
				b->from_us[p] = HELP_T0 + (int64_t)rng_below(r, KEYS) * SLOT_US;
				b->to_us[p] = b->from_us[p] + (int64_t)(1 + rng_below(r, KEYS)) * SLOT_US;
			}
	b->outlays = (unsigned)rng_below(r, OUTLAYS + 1);
	for (unsigned n = 0; n < b->outlays; n++)
		b->outlay[n] = (unsigned)rng_below(r, OUTLAY_IDS);
}

static void one_story(uint64_t seed, unsigned steps)
{
	static struct model m;
	struct err e = {0};
	struct rng r;
	char when[80];
	struct ledger *l = help_ledger();
	memset(&m, 0, sizeof m);
	rng_seed(&r, seed);
	for (unsigned step = 0; step < steps; step++) {
		unsigned what = (unsigned)rng_below(&r, 12);
		if (what < 6 || !m.batches) {
			struct model_batch *b = &m.batch[m.batches++];
			if (m.batches > 1 && rng_below(&r, 4) == 0) { /* a file comes again, undone or not */
				*b = m.batch[rng_below(&r, m.batches - 1)];
				b->undone = false;
			} else {
				random_batch(b, &r);
			}
			ledger_do(l, b);
		} else if (what < 10) {
			struct model_batch *b = &m.batch[rng_below(&r, m.batches)];
			T_EQ_I(ledger_import_undo(l, b->id, NULL, &e), b->undone ? -RR_EXISTS : 0);
			b->undone = true;
		} else if (what == 10) {
			struct outlay o;
			unsigned id = (unsigned)rng_below(&r, OUTLAY_IDS);
			model_replay(&m);
			outlay_of(&o, id);
			T_EQ_I(ledger_add_outlay(l, &o, &e), m.outlay[id] ? -RR_EXISTS : 0);
			m.outlay_by_hand[id] |= !m.outlay[id];
		} else {
			gateway_call(l, &m, &r);
			T_EQ_I(ledger_import_undo(l, (int64_t)m.batches + 1, NULL, &e), -RR_NOTFOUND);
		}
		snprintf(when, sizeof when, "seed %llu, step %u", (unsigned long long)seed, step);
		compare(l, &m, when);
		if (t_bad)
			break;
	}
	help_done(l);
}

TEST(any_order_of_imports_and_undos_is_what_is_left_of_them)
{
	const struct import_sizes usual = import_sizes;
	for (uint64_t seed = 1; seed <= 10 && !t_bad; seed++) {
		if (seed % 2)
			import_sizes = (struct import_sizes){.run_keys = 7, .sum_bytes = 600, .sums_at_once = 3, .rows_at_once = 5};
		one_story(seed, seed % 8 ? 25 : STEPS);
		import_sizes = usual;
	}
}

/* The story that was told: A, revised by B, revised by C; B is undone, and A must not come back beside C. */
TEST(the_middle_of_three_revisions_is_undone)
{
	static struct model m;
	struct err e = {0};
	struct ledger *l = help_ledger();
	static const unsigned order[] = {1, 0, 2};
	memset(&m, 0, sizeof m);
	for (unsigned v = 0; v < 3; v++) {
		struct model_batch *b = &m.batch[m.batches++];
		b->lines = 1;
		b->line[0] = (struct line){7, v};
		ledger_do(l, b);
	}
	for (unsigned i = 0; i < 3; i++) {
		OK(ledger_import_undo(l, m.batch[order[i]].id, NULL, &e));
		m.batch[order[i]].undone = true;
		compare(l, &m, "three revisions");
		T_EQ_I(m.now[0][7], i < 2 ? 3 : 0);
	}
	ledger_do(l, &m.batch[0]);
	m.batch[0].undone = false;
	compare(l, &m, "again");
	help_done(l);
}

int main(int argc, char **argv)
{
	log_init(LOG_OFF, false);
	return t_run(argc, argv);
}
