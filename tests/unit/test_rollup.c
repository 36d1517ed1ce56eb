/* SPDX-License-Identifier: Apache-2.0
 *
 * Roll-ups against brute force: for random calls, imports and undos, and random ranges that begin and end anywhere,
 * the sums of roll-ups equal the sums over the rows that a plain loop makes.
 */
#include "ledger/import_store.h"
#include "ledger/store.h"
#include "ledger/writer.h"

#include "base/log.h"
#include "ledger_help.h"
#include "t.h"

/* Folds over teams: enough to notice a row under the wrong label. */
enum { TEAMS = 64 };
struct fold {
	struct rollup_sum all, team[TEAMS];
	uint64_t rows;
};

static unsigned team_of(uint32_t interned)
{
	struct str s = intern_str(interned);
	return s.n ? (unsigned)(hash_xxh3(s.p, s.n) % TEAMS) : 0;
}

static int fold_rollup(const struct rollup_row *r, void *arg)
{
	struct fold *f = arg;
	rollup_sum_add(&f->all, &r->sum, 1);
	rollup_sum_add(&f->team[team_of(r->key.team)], &r->sum, 1);
	f->rows++;
	return 0;
}

static void fold_call(struct fold *f, const struct call *c)
{
	struct rollup_sum s;
	rollup_sum_of(c, &s);
	s.input_tok = usage_input_tok(&c->usage);
	s.output_tok = usage_output_tok(&c->usage);
	if (c->outcome == OUTCOME_REFUSED)
		s.refused = c->calls;
	rollup_sum_add(&f->all, &s, 1);
	rollup_sum_add(&f->team[team_of(c->team)], &s, 1);
}

static bool same(const struct fold *a, const struct fold *b)
{
	return memcmp(&a->all, &b->all, sizeof a->all) == 0 && memcmp(a->team, b->team, sizeof a->team) == 0;
}

static void compare(struct ledger *l, int64_t from, int64_t to, const char *what)
{
	struct err e = {0};
	struct fold *want = calloc(1, sizeof *want), *hours = calloc(1, sizeof *hours), *days = calloc(1, sizeof *days);
	struct call_cursor *cursor = ledger_calls(l, from, to, &e);
	struct call c;
	int rc;
	while ((rc = call_cursor_next(cursor, &c, &e)) == 1)
		fold_call(want, &c);
	T_EQ_I(rc, 0);
	call_cursor_close(cursor);
	OK(ledger_rollup(l, from, to, fold_rollup, hours, &e));
	OK(ledger_rollup_by(l, GRAIN_DAY, from, to, fold_rollup, days, &e));
	if (!same(want, hours) || !same(want, days)) {
		printf("  %s: [%lld, %lld) rows %llu, hours %llu, days %llu calls\n", what, (long long)from, (long long)to,
		       (unsigned long long)want->all.calls, (unsigned long long)hours->all.calls,
		       (unsigned long long)days->all.calls);
		T_TRUE(false);
	}
	T_TRUE(days->rows <= hours->rows);
	free(want);
	free(hours);
	free(days);
}

static void random_ranges(struct ledger *l, struct rng *r, unsigned n, const char *what)
{
	compare(l, INT64_MIN, INT64_MAX, what);
	for (unsigned i = 0; i < n; i++) {
		int64_t span = INT64_C(40) * 86400 * US_PER_S;
		int64_t a = HELP_T0 + (int64_t)rng_below(r, (uint64_t)span), b = HELP_T0 + (int64_t)rng_below(r, (uint64_t)span);
		if (i % 3 == 1)
			a -= a % (3600 * US_PER_S);
		if (i % 4 == 1)
			b -= b % (86400 * US_PER_S);
		if (i % 7 == 0)
			b = a + (int64_t)rng_below(r, 7200 * 1000000ull);
		compare(l, a < b ? a : b, a < b ? b : a, what);
	}
}

static void tame(struct call *c)
{
	for (unsigned k = 0; k < CLASSES; k++)
		c->usage.tok[k] %= 1000000000000u;
	for (unsigned k = 0; k < TOOLS; k++)
		c->usage.tools[k] %= 1000;
	c->outcome %= OUTCOMES;
}

TEST(any_range_equals_its_rows)
{
	struct err e = {0};
	struct rng r;
	struct call c;
	struct ledger *l = help_ledger();
	rng_seed(&r, 21);
	for (unsigned round = 0; round < 4; round++) {
		OK(ledger_begin(l, &e));
		for (unsigned i = 0; i < 400; i++) {
			help_wild(&c, &r);
			tame(&c);
			OK(ledger_add_call(l, &c, &e));
		}
		OK(ledger_commit(l, &e));
		random_ranges(l, &r, 25, "committed");
	}
	/* a tail that nobody has flushed: rows above the mark */
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < 100; i++) {
		help_wild(&c, &r);
		tame(&c);
		OK(ledger_add_call(l, &c, &e));
	}
	OK(store_commit_only(l, &e));
	random_ranges(l, &r, 25, "with a tail");
	help_done(l);
}

static int sum_items(const struct rollup *r, struct rollup_sum *all)
{
	memset(all, 0, sizeof *all);
	for (uint32_t i = 0; i < r->count; i++)
		rollup_sum_add(all, &r->items[i].sum, 1);
	return (int)r->count;
}

/* In one piece and in two halves, any range of rows: the same cells, and the sums of a plain loop. */
TEST(rows_fold_to_the_same_in_halves)
{
	enum { ROWS = 300 };
	static struct call calls[ROWS];
	const int64_t apart = rollup_apart_rows;
	struct err e = {0};
	struct rng r;
	struct ledger *l = help_ledger();
	rng_seed(&r, 22);
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < ROWS; i++) {
		help_wild(&calls[i], &r);
		tame(&calls[i]);
		OK(ledger_add_call(l, &calls[i], &e));
	}
	OK(ledger_commit(l, &e));
	for (unsigned round = 0; round < 40; round++) {
		int64_t from = (int64_t)rng_below(&r, ROWS), to = from + (int64_t)rng_below(&r, (uint64_t)(ROWS - from + 1));
		struct rollup whole = {0}, halves = {0};
		struct rollup_sum want, one, two;
		memset(&want, 0, sizeof want);
		for (int64_t i = from; i < to; i++) {
			struct rollup_sum s;
			rollup_sum_of(&calls[i], &s);
			rollup_sum_add(&want, &s, 1);
		}
		rollup_apart_rows = INT64_MAX;
		OK(rollup_fold_rows(l, &whole, from, to, &e));
		rollup_apart_rows = 2;
		OK(rollup_fold_rows(l, &halves, from, to, &e));
		T_EQ_I(sum_items(&whole, &one), sum_items(&halves, &two));
		T_TRUE(memcmp(&one, &want, sizeof want) == 0);
		T_TRUE(memcmp(&two, &want, sizeof want) == 0);
		for (uint32_t i = 0; i < whole.count; i++) /* taken from each other, cell by cell, nothing is left */
			OK(rollup_fold_sum(&halves, whole.items[i].hour, whole.items[i].label, &whole.items[i].sum, -1));
		for (uint32_t i = 0; i < halves.count; i++)
			T_TRUE(rollup_sum_is_zero(&halves.items[i].sum));
		rollup_fini(&whole);
		rollup_fini(&halves);
	}
	rollup_apart_rows = apart;
	help_done(l);
}

/* Each part by hand: with all of them set to numbers that tell them apart. */
TEST(what_a_call_adds)
{
	struct rollup_sum got, want = {0};
	struct call c;
	call_init(&c);
	c.calls = 3;
	for (unsigned i = 0; i < CLASSES; i++)
		c.usage.tok[i] = want.tok[i] = 1000 + i;
	for (unsigned i = 0; i < TOOLS; i++)
		c.usage.tools[i] = 1;
	c.price_status = PRICE_PRICED;
	c.accepted = ACCEPTED_YES;
	c.cost_pico = 7, c.low_pico = 6, c.high_pico = 9, c.billed_pico = -8, c.saved_pico = 2;
	want.calls = 3, want.accepted = 3, want.tools = TOOLS;
	want.cost_pico = 7, want.low_pico = 6, want.high_pico = 9, want.billed_pico = -8, want.saved_pico = 2;
	rollup_sum_of(&c, &got);
	T_TRUE(memcmp(&got, &want, sizeof got) == 0);
	/* no price: its cost is none; no bill, not accepted */
	c.price_status = PRICE_UNPRICED;
	c.accepted = ACCEPTED_NO;
	c.billed_pico = BILLED_UNKNOWN;
	want.cost_pico = want.billed_pico = 0;
	want.accepted = 0;
	rollup_sum_of(&c, &got);
	T_TRUE(memcmp(&got, &want, sizeof got) == 0);
	T_TRUE(!rollup_sum_is_zero(&got));
}

TEST(sums_beyond_64_bits_are_exact)
{
	struct err e = {0};
	struct rng r;
	struct call c;
	struct fold *f = calloc(1, sizeof *f);
	struct verify_result v;
	struct ledger *l = help_ledger();
	rng_seed(&r, 22);
	for (unsigned i = 0; i < 60; i++) { /* each commit adds to the same roll-up row */
		OK(ledger_begin(l, &e));
		help_call(&c, &r, i, 1);
		c.cost_pico = INT64_MAX;
		c.saved_pico = INT64_MIN + 1;
		OK(ledger_add_call(l, &c, &e));
		OK(ledger_commit(l, &e));
	}
	OK(ledger_rollup(l, INT64_MIN, INT64_MAX, fold_rollup, f, &e));
	T_TRUE(f->all.cost_pico == (money_wide)INT64_MAX * 60);
	T_TRUE(f->all.saved_pico == (money_wide)(INT64_MIN + 1) * 60);
	OK(ledger_verify(l, &v, &e));
	T_TRUE(v.ok && v.sum_calls_pico == (money_wide)INT64_MAX * 60 && v.sum_rollups_pico == v.sum_calls_pico);
	free(f);
	help_done(l);
}

TEST(a_scope_has_spent_what_its_calls_cost)
{
	struct err e = {0};
	struct rng r;
	struct call c;
	struct cap_scope scope = {.team = help_name("team", 3)}, all = {0};
	int64_t want = 0, high = 0, pico;
	uint64_t want_tok = 0, tok;
	struct ledger *l = help_ledger();
	rng_seed(&r, 23);
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < 1000; i++) {
		help_call(&c, &r, i * 3600, 20);
		if (i % 10 == 0) {
			c.provenance = PROV_ESTIMATED; /* counts with its upper end */
			c.low_pico = c.cost_pico / 2;
			c.high_pico = c.cost_pico * 3;
		}
		if (c.team == scope.team && c.start_us >= HELP_T0 + 1000000) {
			want += i % 10 ? c.cost_pico : c.high_pico;
			want_tok += usage_total_tok(&c.usage);
		}
		high += i % 10 ? c.cost_pico : c.high_pico;
		if (i % 50 == 0)
			c.currency = intern(STR("EUR")), want -= c.team == scope.team && c.start_us >= HELP_T0 + 1000000 ? c.high_pico : 0,
			high -= c.high_pico;
		OK(ledger_add_call(l, &c, &e));
	}
	OK(ledger_commit(l, &e));
	OK(ledger_spent(l, &scope, HELP_T0 + 1000000, INT64_MAX, USD, (struct fx){0}, &pico, &tok, &e));
	T_EQ_I(pico, want);
	T_EQ_I(tok, want_tok);
	OK(ledger_spent(l, &all, INT64_MIN, INT64_MAX, USD, (struct fx){0}, &pico, &tok, &e));
	T_EQ_I(pico, high);
	help_done(l);
}

/* ---- imports ---- */

static struct hash128 nat_of(unsigned n)
{
	return hash_xxh3_128(&n, sizeof n);
}

static void import_call_of(struct call *c, unsigned n, unsigned version)
{
	struct rng r;
	rng_seed(&r, n * 100 + version);
	help_call(c, &r, n, 8);
	memset(&c->id, 0, sizeof c->id);
	memset(&c->operation, 0, sizeof c->operation);
	c->start_us = HELP_T0 + (int64_t)n * 3600 * US_PER_S; /* an hour each */
	c->end_us = c->start_us + 3600 * US_PER_S;
	c->calls = 10 + version;
}

/* Adds rows [a, b) of that version; returns the batch. */
static int64_t import(struct ledger *l, unsigned a, unsigned b, unsigned version, bool replace, struct import_batch *out)
{
	struct err e = {0};
	struct import_batch what = {.source = "test-usage", .scope = "org-1", .file = "x.csv", .started_us = HELP_T0};
	struct import *im = ledger_import_begin(l, &what, false, &e);
	struct call c;
	T_TRUE(im != NULL);
	if (replace)
		OK(ledger_import_replace(im, HELP_T0, HELP_T0 + INT64_C(10) * 86400 * US_PER_S, &e));
	for (unsigned n = a; n < b; n++) {
		struct hash128 body = hash_xxh3_128(&version, sizeof version);
		enum import_result result;
		import_call_of(&c, n, version);
		OK(ledger_import_add(im, &c, nat_of(n), body, n, STR("0.123456789012345678901234567890"), &result, &e));
	}
	OK(ledger_import_finish(im, out, &e));
	return out->id;
}

static uint64_t total_calls(struct ledger *l)
{
	struct err e = {0};
	struct fold *f = calloc(1, sizeof *f);
	uint64_t n;
	OK(ledger_rollup(l, INT64_MIN, INT64_MAX, fold_rollup, f, &e));
	n = f->all.calls;
	free(f);
	return n;
}

static void expect_ok(struct ledger *l)
{
	struct err e = {0};
	struct verify_result v;
	OK(ledger_verify(l, &v, &e));
	T_TRUE(v.ok);
	for (unsigned i = 0; i < v.problems; i++)
		printf("  %s\n", v.problem[i]);
}

TEST(imports_count_once_revise_and_come_back)
{
	struct err e = {0};
	struct rng r;
	struct import_batch b;
	struct call out;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	int64_t first, second, third, again;
	uint64_t stay;
	struct hash128 h = nat_of(7);
	rng_seed(&r, 24);
	first = import(l, 0, 50, 1, false, &b);
	T_EQ_I(b.rows_new, 50);
	T_EQ_I(total_calls(l), 50 * 11);
	again = import(l, 0, 50, 1, false, &b); /* the same file again */
	T_EQ_I(b.rows_new, 0);
	T_EQ_I(b.rows_duplicate, 50);
	T_EQ_I(total_calls(l), 50 * 11);
	second = import(l, 40, 60, 2, false, &b); /* growing buckets: other bodies */
	T_EQ_I(b.rows_revised, 10);
	T_EQ_I(b.rows_new, 10);
	T_EQ_I(total_calls(l), 40 * 11 + 20 * 12);
	compare(l, INT64_MIN, INT64_MAX, "revised");
	expect_ok(l);
	OK(ledger_import_undo(l, second, NULL, &e)); /* what it superseded is back */
	T_EQ_I(total_calls(l), 50 * 11);
	T_EQ_I(ledger_import_undo(l, second, NULL, &e), -RR_EXISTS);
	T_EQ_I(ledger_import_undo(l, 999, NULL, &e), -RR_NOTFOUND);
	expect_ok(l);
	third = import(l, 45, 60, 2, false, &b);
	T_EQ_I(b.rows_revised, 5);
	OK(ledger_import_undo(l, first, &stay, &e)); /* undone in another order; the same file is there once more */
	T_EQ_I(stay, 45);
	T_EQ_I(total_calls(l), 45 * 11 + 15 * 12);
	expect_ok(l);
	compare(l, INT64_MIN, INT64_MAX, "one of two undone");
	OK(ledger_import_undo(l, again, &stay, &e));
	T_EQ_I(stay, 0);
	T_EQ_I(total_calls(l), 15 * 12);
	expect_ok(l);
	compare(l, INT64_MIN, INT64_MAX, "first undone");
	OK(ledger_import_undo(l, third, NULL, &e));
	T_EQ_I(total_calls(l), 0);
	import(l, 0, 50, 1, false, &b); /* and again from nothing */
	T_EQ_I(b.rows_new, 50);
	T_EQ_I(ledger_find_call(l, (struct call_id){h.hi, h.lo}, &out, &e), 0);
	T_EQ_I(out.provenance, PROV_IMPORTED);
	random_ranges(l, &r, 20, "imports");
	expect_ok(l);
	help_done(l);
}

TEST(a_whole_period_is_replaced)
{
	struct err e = {0};
	struct import_batch b;
	struct ledger *l = help_ledger();
	int64_t batch;
	import(l, 0, 100, 1, false, &b);
	batch = import(l, 10, 60, 1, true, &b); /* the source's new truth: only these rows, unchanged */
	T_EQ_I(b.rows_duplicate, 50);
	T_EQ_I(total_calls(l), 50 * 11);
	expect_ok(l);
	OK(ledger_import_undo(l, batch, NULL, &e));
	T_EQ_I(total_calls(l), 100 * 11);
	import(l, 10, 60, 2, true, &b); /* the same with other bodies */
	T_EQ_I(b.rows_revised, 50);
	T_EQ_I(total_calls(l), 50 * 12);
	expect_ok(l);
	help_done(l);
}

TEST(an_abandoned_or_dry_import_leaves_nothing_that_counts)
{
	struct err e = {0};
	struct import_batch what = {.source = "test-usage", .scope = "", .file = "x"}, b;
	struct outlay o = {.id = "ftjob-1", .kind = OUTLAY_FINETUNE, .date_us = HELP_T0, .currency = USD, .amount_pico = 5};
	struct import *im;
	struct call c;
	enum import_result result;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	im = ledger_import_begin(l, &what, true, &e);
	import_call_of(&c, 1, 1);
	OK(ledger_import_add(im, &c, nat_of(1), nat_of(2), 1, STR(""), &result, &e));
	OK(ledger_import_outlay(im, &o, &e));
	ledger_import_reject(im, 1);
	OK(ledger_import_finish(im, &b, &e));
	T_EQ_I(b.rows_new, 2);
	T_EQ_I(b.rows_rejected, 1);
	T_EQ_I(total_calls(l), 0);
	im = ledger_import_begin(l, &what, false, &e);
	for (unsigned i = 0; i < 3000; i++) {
		import_call_of(&c, i, 1);
		OK(ledger_import_add(im, &c, nat_of(i), nat_of(2), 1, STR(""), &result, &e));
	}
	T_EQ_I(total_calls(l), 0); /* some chunks are committed, none counts */
	T_TRUE(ledger_import_begin(l, &what, true, &e) == NULL); /* one at a time */
	ledger_import_abort(im);
	T_EQ_I(total_calls(l), 0);
	im = ledger_import_begin(l, &what, false, &e);
	OK(ledger_import_outlay(im, &o, &e));
	T_EQ_I(ledger_import_outlay(im, &o, &e), -RR_EXISTS);
	OK(ledger_import_finish(im, &b, &e));
	T_EQ_I(b.rows_new, 1);
	T_EQ_I(b.rows_duplicate, 1);
	expect_ok(l);
	help_done(l);
}

TEST(random_imports_and_undos_stay_exact)
{
	struct err e = {0};
	struct rng r;
	struct import_batch b;
	int64_t batch[40];
	unsigned n = 0;
	const char *path = help_path();
	struct writer_config config = {.ledger_path = path, .workers = 1, .ring_rows = 1024};
	struct writer *w = writer_open(&config, &e);
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	struct call c;
	rng_seed(&r, 25);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 20; i++) { /* a gateway writes meanwhile */
			help_call(&c, &r, round * 20 + i, 8);
			T_TRUE(writer_push(w, 0, &c, STR("")) != 0);
		}
		if (rng_below(&r, 3) || !n) {
			unsigned a = (unsigned)rng_below(&r, 40);
			batch[n++] = import(l, a, a + (unsigned)rng_below(&r, 40), (unsigned)rng_below(&r, 3), rng_below(&r, 4) == 0, &b);
		} else {
			int rc = ledger_import_undo(l, batch[rng_below(&r, n)], NULL, &e);
			T_TRUE(rc == 0 || rc == -RR_EXISTS);
		}
		if (round % 5 == 4) {
			writer_flush(w);
			compare(l, INT64_MIN, INT64_MAX, "random imports");
			expect_ok(l);
		}
	}
	writer_close(w);
	expect_ok(l);
	help_done(l);
}

/* ---- ranges that begin and end inside an hour ---- */

/* Calls of a gateway with outliers (answers that come days later), an export in no order of time, buckets that begin
 * with their hour; some calls get their outcome later. Brute force is a loop over what was put in. */
TEST(any_part_of_an_hour_equals_its_rows)
{
	enum { CALLS = 600, ROWS = 600, HOURS = 12 };
	static struct call all[CALLS + ROWS];
	const int bits = span_bits;
	struct err e = {0};
	struct rng r;
	struct import_batch what = {.source = "test-usage", .file = "x"}, out;
	struct import *im;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	span_bits = 4; /* many blocks of few rows */
	rng_seed(&r, 77);
	for (unsigned i = 0; i < CALLS; i++) {
		struct call *c = &all[i];
		help_call(c, &r, i, 8);
		c->start_us = HELP_T0 + (int64_t)i * HOURS * 3600 * US_PER_S / CALLS;
		if (rng_below(&r, 10) == 0)
			c->start_us = HELP_T0 + (int64_t)rng_below(&r, HOURS * UINT64_C(3600000000));
		if (rng_below(&r, 10) == 0)
			c->start_us -= c->start_us % (3600 * US_PER_S);
		if (i % 50 == 0)
			OK(ledger_begin(l, &e));
		OK(ledger_add_call(l, c, &e));
		if (i % 50 == 49 && i > 500)
			OK(store_commit_only(l, &e)); /* a tail */
		else if (i % 50 == 49)
			OK(ledger_commit(l, &e));
	}
	im = ledger_import_begin(l, &what, false, &e);
	for (unsigned i = CALLS; i < CALLS + ROWS; i++) {
		struct call *c = &all[i];
		enum import_result result;
		struct hash128 nat = nat_of(i), body = {1, 1};
		help_call(c, &r, i, 8);
		c->provenance = PROV_IMPORTED;
		c->start_us = HELP_T0 + (int64_t)rng_below(&r, HOURS * UINT64_C(3600000000));
		if (i % 3)
			c->start_us -= c->start_us % (3600 * US_PER_S);
		c->id = (struct call_id){nat.hi, nat.lo};
		OK(ledger_import_add(im, c, nat, body, i, STR("1"), &result, &e));
	}
	OK(ledger_import_finish(im, &out, &e));
	for (unsigned i = 0; i < CALLS + ROWS; i += 5) { /* of rows that were flushed */
		bool yes = rng_below(&r, 2);
		if (i >= 500 && i < CALLS)
			continue;
		OK(ledger_begin(l, &e));
		OK(ledger_add_outcome(l, all[i].id, yes, HELP_T0, &e));
		OK(ledger_commit(l, &e));
		all[i].accepted = yes ? ACCEPTED_YES : ACCEPTED_NO;
	}
	for (unsigned i = 0; i < 500; i++) {
		struct fold want = {0}, hours = {0}, days = {0};
		int64_t a = HELP_T0 + (int64_t)rng_below(&r, HOURS * UINT64_C(3600000000)), b = a + (int64_t)rng_below(&r, i % 2 ? 3000000000 : 20000000000);
		if (i % 5 == 0)
			a -= a % (3600 * US_PER_S);
		if (i % 7 == 0)
			b -= b % (1800 * US_PER_S);
		for (unsigned n = 0; n < CALLS + ROWS; n++)
			if (all[n].start_us >= a && all[n].start_us < b)
				fold_call(&want, &all[n]);
		OK(ledger_rollup(l, a, b, fold_rollup, &hours, &e));
		OK(ledger_rollup_by(l, GRAIN_DAY, a, b, fold_rollup, &days, &e));
		T_TRUE(same(&want, &hours) && same(&want, &days));
	}
	expect_ok(l);
	/* what is not named is found: by verify, and by nobody else */
	OK(store_exec(l, "DELETE FROM span WHERE block=(SELECT max(block) FROM span WHERE of=0) AND of=0", &e));
	{
		struct verify_result v;
		OK(ledger_verify(l, &v, &e));
		T_TRUE(!v.ok && strstr(v.problem[0], "not named") != NULL);
	}
	/* made anew from the rows, it is whole */
	OK(store_exec(l, "DROP TABLE span; DROP TABLE delta_day; ALTER TABLE delta_hour RENAME TO rollup_delta;"
			 "UPDATE meta SET value=9 WHERE name='schema_version'", &e));
	ledger_close(l);
	l = ledger_open(path, LEDGER_WRITE, &e);
	expect_ok(l);
	ledger_close(l);
	span_bits = bits;
	help_clean();
}

int main(int argc, char **argv)
{
	log_init(LOG_OFF, false);
	return t_run(argc, argv);
}
