/* SPDX-License-Identifier: Apache-2.0
 *
 * What large imports rest on, with sizes so small that every path is taken: sorted runs, keys that share their first
 * half, changes of the roll-ups that go through a delta, dry runs, older ledgers. Imports and undos are killed
 * (SIGKILL) before each single commit that they make; whatever was there must then count wholly or not at all.
 */
#include "ledger/import_store.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/keymap.h"
#include "base/log.h"
#include "ledger/key_sort.h"
#include "ledger/store.h"
#include "ledger/sums.h"
#include "ledger_help.h"
#include "t.h"

static const struct import_sizes small = {.run_keys = 7, .sum_bytes = 600, .sums_at_once = 3, .rows_at_once = 5};

TEST(numbers_of_many_keys)
{
	enum { N = 200000 };
	struct keymap *m = keymap_new();
	unsigned wrong = 0;
	for (uint64_t round = 0; round < 3; round++)
		for (uint64_t i = 0; i < N; i++) {
			/* a third share all but their top bits, a third all but the lowest */
			uint64_t key = i % 3 == 0 ? i << 40 : i % 3 == 1 ? i : hash_xxh3(&i, sizeof i);
			uint32_t *at = i < 300 || i % 3 == 2 ? keymap_at(m, key) : NULL;
			if (!at)
				continue;
			wrong += *at != round;
			++*at;
		}
	T_EQ_I(wrong, 0);
	T_EQ_I(keymap_get(m, UINT64_C(0x123456789ABCDEF)), 0);
	for (uint64_t i = 2; i < N; i += 3)
		wrong += keymap_get(m, hash_xxh3(&i, sizeof i)) != 3;
	T_EQ_I(wrong, 0);
	keymap_free(m);
}

static int by_pair(const void *a, const void *b)
{
	const struct key_pair *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

TEST(pairs_come_out_sorted)
{
	static const unsigned sizes[] = {0, 1, 6, 7, 8, 14, 15, 1000, 5000};
	struct err e = {0};
	struct rng r;
	rng_seed(&r, 5);
	for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		unsigned n = sizes[s], wrong = 0;
		struct key_pair *want = malloc((n + 1) * sizeof *want), got;
		struct key_sort *k = key_sort_new("/tmp/rr-any", 7);
		for (unsigned i = 0; i < n; i++) {
			want[i] = (struct key_pair){(int64_t)rng_u64(&r), i};
			if (rng_below(&r, 2)) /* keys that repeat */
				want[i].key = (int64_t)rng_below(&r, 9) - 4;
			OK(key_sort_add(k, want[i], &e));
		}
		qsort(want, n, sizeof *want, by_pair);
		for (unsigned i = 0; i < n; i++)
			wrong += key_sort_next(k, &got, &e) != 1 || by_pair(&got, &want[i]) != 0;
		T_EQ_I(wrong, 0);
		T_EQ_I(key_sort_next(k, &got, &e), 0);
		key_sort_free(k);
		free(want);
	}
}

TEST(sums_in_cells_are_the_sums)
{
	struct sums s = {0};
	struct rollup want = {0};
	struct rng r;
	struct call c;
	unsigned wrong = 0;
	rng_seed(&r, 6);
	for (unsigned i = 0; i < 20000; i++) {
		int64_t label = (int64_t)rng_below(&r, 50);
		struct rollup_sum one;
		help_call(&c, &r, rng_below(&r, 9000000), 8);
		if (i % 5 == 0) /* near the edge of 64 bits: their sums are beyond it */
			c.billed_pico = i % 2 ? INT64_MAX - 5 : -(INT64_MAX - 7);
		rollup_sum_of(&c, &one);
		T_TRUE(sums_fold(&s, &c, label, i % 3 ? 1 : -1) == 0);
		rollup_fold_sum(&want, hour_of(c.start_us), label, &one, i % 3 ? 1 : -1);
	}
	T_EQ_I(sums_settle(&s), 0);
	T_EQ_I(s.count, want.count);
	sums_sort(&s);
	for (uint32_t i = 0; i < s.count; i++) {
		struct rollup_sum got;
		sums_get(&s, i, &got);
		rollup_fold_sum(&want, s.sum[i].at, s.sum[i].label, &got, -1);
		wrong += i && (s.sum[i].at < s.sum[i - 1].at);
	}
	for (uint32_t i = 0; i < want.count; i++)
		wrong += !rollup_sum_is_zero(&want.items[i].sum);
	T_EQ_I(wrong, 0);
	rollup_fini(&want);
	sums_fini(&s);
}

/* ---- imports ---- */

/* Row n of a version: an hour each, and calls that tell them apart. */
static void row_of(struct call *c, unsigned n, unsigned version)
{
	struct rng r;
	rng_seed(&r, n * 100 + version);
	help_call(c, &r, n, 8);
	memset(&c->id, 0, sizeof c->id);
	memset(&c->operation, 0, sizeof c->operation);
	c->start_us = HELP_T0 + (int64_t)n * 3600 * US_PER_S;
	c->end_us = c->start_us;
	c->calls = 10 + version;
}

/* Half of the keys share their first 64 bits with another key. */
static struct hash128 nat_of(unsigned n)
{
	unsigned pair = n / 2;
	struct hash128 h = hash_xxh3_128(&pair, sizeof pair);
	h.lo += n % 2;
	return h;
}

struct plan {
	unsigned from, to, version;
	bool replace, dry;
};

static int64_t import(struct ledger *l, const struct plan *p, struct import_batch *out)
{
	struct err e = {0};
	struct import_batch what = {.source = "test-usage", .scope = "org-1", .file = "x.csv", .started_us = HELP_T0};
	struct import *im = ledger_import_begin(l, &what, p->dry, &e);
	T_TRUE(im != NULL);
	if (!im) {
		printf("  %s\n", e.what);
		return 0;
	}
	if (p->replace)
		OK(ledger_import_replace(im, HELP_T0, HELP_T0 + INT64_C(100) * 86400 * US_PER_S, &e));
	for (unsigned n = p->from; n < p->to; n++) {
		struct hash128 body = hash_xxh3_128(&p->version, sizeof p->version);
		enum import_result result;
		struct call c;
		row_of(&c, n, p->version);
		OK(ledger_import_add(im, &c, nat_of(n), body, n, STR("1.5"), &result, &e));
		if (n % 7 == 0) { /* the file itself repeats some of its rows */
			OK(ledger_import_add(im, &c, nat_of(n), body, n, STR("1.5"), &result, &e));
			T_EQ_I(result, IMPORT_DUPLICATE);
		}
	}
	OK(ledger_import_finish(im, out, &e));
	return out->id;
}

static int add_calls(const struct rollup_row *r, void *arg)
{
	*(uint64_t *)arg += r->sum.calls;
	return 0;
}

static uint64_t calls_by(struct ledger *l, enum rollup_grain grain)
{
	struct err e = {0};
	uint64_t n = 0;
	OK(ledger_rollup_by(l, grain, INT64_MIN, INT64_MAX, add_calls, &n, &e));
	return n;
}

static void expect(struct ledger *l, uint64_t calls, const char *when)
{
	struct err e = {0};
	struct verify_result *v = malloc(sizeof *v);
	OK(ledger_verify(l, v, &e));
	for (unsigned i = 0; i < v->problems; i++)
		printf("  %s: %s\n", when, v->problem[i]);
	T_TRUE(v->ok);
	T_EQ_I(v->imported, calls);
	T_EQ_I(calls_by(l, GRAIN_HOUR), calls);
	T_EQ_I(calls_by(l, GRAIN_DAY), calls);
	free(v);
}

TEST(keys_that_share_their_first_half_are_told_apart)
{
	struct err e = {0};
	struct import_batch b;
	struct ledger *l = help_ledger();
	import(l, &(struct plan){0, 40, 1}, &b);
	T_EQ_I(b.rows_new, 40);
	T_EQ_I(b.rows_duplicate, 6);
	expect(l, 40 * 11, "new");
	import(l, &(struct plan){0, 40, 1, .dry = true}, &b);
	T_EQ_I(b.rows_duplicate, 46);
	import(l, &(struct plan){0, 41, 1}, &b);
	T_EQ_I(b.rows_new, 1);
	import(l, &(struct plan){0, 50, 2}, &b);
	T_EQ_I(b.rows_revised, 41);
	T_EQ_I(b.rows_new, 9);
	expect(l, 50 * 12, "revised");
	for (unsigned n = 0; n < 50; n++) {
		struct hash128 h = nat_of(n);
		struct call c;
		OK(ledger_find_call(l, (struct call_id){h.hi, h.lo}, &c, &e));
		T_EQ_I(c.start_us, HELP_T0 + (int64_t)n * 3600 * US_PER_S);
	}
	help_done(l);
}

/* A file that comes again backwards, or with holes, is told as well as one in the old order. */
TEST(the_order_does_not_matter)
{
	enum { N = 1200 };
	struct err e = {0};
	struct import_batch what = {.source = "test-usage", .file = "x"}, b;
	struct ledger *l = help_ledger();
	import(l, &(struct plan){0, N, 1}, &b);
	for (unsigned how = 0; how < 4; how++) {
		struct import *im = ledger_import_begin(l, &what, how == 3, &e);
		unsigned wrong = 0, asked = 0;
		for (unsigned i = 0; i < N; i++) {
			static const unsigned step[] = {1, N - 1, 7, 11};
			unsigned n = (i * step[how] + (how == 1 ? N - 1 : 0)) % N, version = 1;
			struct hash128 body = hash_xxh3_128(&version, sizeof version);
			enum import_result result;
			struct call c;
			if (how == 0 && i % 100 > 90)
				continue;
			row_of(&c, n, 1);
			OK(ledger_import_add(im, &c, nat_of(n), body, n, STR(""), &result, &e));
			wrong += result != IMPORT_DUPLICATE;
			asked++;
		}
		OK(ledger_import_finish(im, &b, &e));
		T_EQ_I(wrong, 0);
		T_EQ_I(b.rows_duplicate, asked);
	}
	expect(l, N * 11, "again");
	help_done(l);
}

/* A dry run asks for no lock: another writer may hold it all the while. */
TEST(a_dry_run_keeps_nobody_waiting)
{
	struct err e = {0};
	struct import_batch b;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE), *other = help_open(path, LEDGER_WRITE);
	import(l, &(struct plan){0, 20, 1}, &b);
	OK(ledger_begin(other, &e));
	import(l, &(struct plan){10, 40, 2, .replace = true, .dry = true}, &b);
	T_EQ_I(b.rows_revised, 10);
	T_EQ_I(b.rows_new, 20);
	T_EQ_I(b.rows_duplicate, 4);
	T_EQ_I(b.id, 0);
	ledger_rollback(other);
	expect(l, 20 * 11, "after a dry run");
	ledger_close(other);
	help_done(l);
}

/* ---- killed ---- */

static int commits_left;

static int on_commit(void *arg)
{
	if (commits_left-- == 0)
		raise(SIGKILL);
	return 0;
}

/* In a process of its own, which dies before its commit number `commits`. undo: that batch, else the plan. True when it
 * got through. */
static bool in_child(const char *path, int commits, const struct plan *p, int64_t undo)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = {0};
		struct import_batch b;
		struct ledger *l = help_open(path, LEDGER_WRITE);
		commits_left = commits;
		sqlite3_commit_hook(ledger_db(l), on_commit, NULL);
		if (undo)
			_exit(ledger_import_undo(l, undo, NULL, &e) != 0);
		import(l, p, &b);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	T_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFEXITED(status);
}

/* Before each commit that the step makes, from the same ledger each time. */
static unsigned kill_everywhere(const char *kept, const char *path, const struct plan *p, int64_t undo, uint64_t before, uint64_t after)
{
	unsigned killed = 0, counted = 0;
	for (int commits = 0;; commits++) {
		struct err e = {0};
		char cmd[900];
		bool through;
		struct ledger *l;
		uint64_t now;
		snprintf(cmd, sizeof cmd, "rm -f %s %s-* && cp %s %s", path, path, kept, path);
		if (system(cmd) != 0)
			abort();
		through = in_child(path, commits, p, undo);
		l = help_open(path, LEDGER_WRITE);
		now = calls_by(l, GRAIN_HOUR);
		T_TRUE(now == before || now == after);
		expect(l, now, "killed");
		counted += now == after;
		if (through) {
			T_EQ_I(now, after);
			ledger_close(l);
			return counted > 1 ? killed : 0; /* it counts before its last commit: the rest was merging */
		}
		killed++;
		if (undo && now == before) {
			OK(ledger_import_undo(l, undo, NULL, &e));
		} else if (!undo) { /* the next import sweeps or goes on, and comes to the same */
			struct import_batch b;
			import(l, p, &b);
		}
		expect(l, after, "afterwards");
		ledger_close(l);
	}
}

static void checkpoint(const char *path)
{
	struct ledger *l = help_open(path, LEDGER_WRITE);
	sqlite3_wal_checkpoint_v2(ledger_db(l), NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	ledger_close(l);
}

TEST(a_kill_before_any_commit_leaves_all_or_nothing)
{
	const struct import_sizes usual = import_sizes;
	struct err e = {0};
	struct import_batch b;
	char kept[250], path[300];
	struct ledger *l;
	int64_t batch;
	snprintf(kept, sizeof kept, "%s", help_path());
	snprintf(path, sizeof path, "%s-copy", kept);
	import_sizes = small;
	l = ledger_open(kept, LEDGER_WRITE, &e);
	import(l, &(struct plan){0, 12, 1}, &b);
	ledger_close(l);
	checkpoint(kept);
	/* 4 new, 8 revised, 4 gone with their period */
	T_TRUE(kill_everywhere(kept, path, &(struct plan){4, 16, 2, true}, 0, 12 * 11, 12 * 12) > 10);
	l = ledger_open(kept, LEDGER_WRITE, &e);
	batch = import(l, &(struct plan){4, 16, 2, true}, &b);
	ledger_close(l);
	checkpoint(kept);
	T_TRUE(kill_everywhere(kept, path, NULL, batch, 12 * 12, 12 * 11) > 5);
	import_sizes = usual;
	help_clean();
}

TEST(random_imports_and_undos_in_small_steps)
{
	enum { ROWS = 60, ROUNDS = 60 };
	const struct import_sizes usual = import_sizes;
	struct err e = {0};
	struct rng r;
	struct import_batch b;
	int64_t batch[ROUNDS];
	unsigned n = 0;
	struct ledger *l = help_ledger();
	import_sizes = small;
	rng_seed(&r, 31);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct verify_result v;
		if (rng_below(&r, 3) || !n) {
			unsigned a = (unsigned)rng_below(&r, ROWS);
			batch[n++] = import(l, &(struct plan){a, a + (unsigned)rng_below(&r, ROWS), (unsigned)rng_below(&r, 3), rng_below(&r, 4) == 0}, &b);
		} else {
			int rc = ledger_import_undo(l, batch[rng_below(&r, n)], NULL, &e);
			T_TRUE(rc == 0 || rc == -RR_EXISTS);
		}
		OK(ledger_verify(l, &v, &e)); /* recomputes every sum from the rows */
		T_TRUE(v.ok);
		expect(l, v.imported, "random");
	}
	import_sizes = usual;
	help_done(l);
}

/* Version 5 as it was: an index of natural keys, ids that repeat them. */
TEST(keys_of_an_older_ledger_are_found)
{
	struct err e = {0};
	struct import_batch b;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	import(l, &(struct plan){0, 30, 1}, &b);
	import(l, &(struct plan){20, 40, 2}, &b);
	OK(store_exec(l, "DROP TABLE import_key; DROP TABLE delta_hour; DROP TABLE delta_day; DROP TABLE job; DROP TABLE repeat; DROP TABLE period; DROP TABLE span; CREATE INDEX import_nat ON import_call(nat);"
			 "UPDATE import_call SET id=nat; UPDATE meta SET value=5 WHERE name='schema_version'", &e));
	ledger_close(l);
	l = help_open(path, LEDGER_READ);
	expect(l, 20 * 11 + 20 * 12, "migrated");
	ledger_close(l);
	l = help_open(path, LEDGER_WRITE);
	import(l, &(struct plan){20, 40, 2}, &b);
	T_EQ_I(b.rows_new + b.rows_revised, 0);
	import(l, &(struct plan){0, 45, 1}, &b);
	T_EQ_I(b.rows_revised, 20);
	T_EQ_I(b.rows_new, 5);
	expect(l, 45 * 11, "and goes on");
	help_done(l);
}

static int64_t count(struct ledger *l, const char *sql)
{
	sqlite3_stmt *st = store_query(l, NULL, sql);
	int64_t n = st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	sqlite3_finalize(st);
	return n;
}

/* Version 11 as a kill left it: some hours, and with them their days, are still on their way. */
TEST(a_delta_of_an_older_ledger_goes_on)
{
	struct err e = {0};
	struct import_batch b;
	struct verify_result v;
	const char *path = help_path();
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	import(l, &(struct plan){0, 90, 1}, &b);
	OK(store_exec(l, "INSERT INTO delta_hour SELECT * FROM rollup_hour WHERE at/24=(SELECT max(at)/24 FROM rollup_hour);"
			 "DELETE FROM rollup_hour WHERE at/24=(SELECT max(at) FROM rollup_day);"
			 "DELETE FROM rollup_day WHERE at=(SELECT max(at) FROM rollup_day);"
			 "INSERT OR REPLACE INTO meta VALUES('delta_live',1); DROP TABLE delta_day;"
			 "ALTER TABLE delta_hour RENAME TO rollup_delta; UPDATE meta SET value=11 WHERE name='schema_version'", &e));
	ledger_close(l);
	l = ledger_open(path, LEDGER_WRITE, &e);
	T_TRUE(l != NULL);
	T_TRUE(count(l, "SELECT count(*) FROM delta_hour") > 1);
	T_TRUE(count(l, "SELECT count(*) FROM delta_day") > 0);
	expect(l, 90 * 11, "on its way");
	OK(ledger_verify(l, &v, &e));
	T_TRUE(v.ok);
	import(l, &(struct plan){90, 91, 1}, &b);
	T_EQ_I(count(l, "SELECT (SELECT count(*) FROM delta_hour) + (SELECT count(*) FROM delta_day)"), 0);
	expect(l, 91 * 11, "arrived");
	OK(ledger_verify(l, &v, &e));
	T_TRUE(v.ok);
	ledger_close(l);
	help_clean();
}

/* What is on its way is the smaller table, then the larger one, with what stood there before and without. */
TEST(a_delta_is_merged_whichever_is_larger)
{
	static const struct plan plans[] = {{0, 60, 1}, {60, 66, 1}, {30, 70, 2}, {70, 300, 1}, {0, 300, 3}};
	static const unsigned calls[] = {60 * 11, 66 * 11, 30 * 11 + 40 * 12, 30 * 11 + 40 * 12 + 230 * 11, 300 * 13};
	struct err e = {0};
	struct import_batch b;
	const struct import_sizes usual = import_sizes;
	struct ledger *l;
	import_sizes = small;
	l = ledger_open(help_path(), LEDGER_WRITE, &e);
	for (unsigned i = 0; i < sizeof plans / sizeof *plans; i++) {
		import(l, &plans[i], &b);
		expect(l, calls[i], "merged");
		T_EQ_I(count(l, "SELECT (SELECT count(*) FROM delta_hour) + (SELECT count(*) FROM delta_day)"), 0);
		T_EQ_I(count(l, "SELECT value FROM meta WHERE name='delta_live'"), 0);
	}
	import_sizes = usual;
	ledger_close(l);
	help_clean();
}

int main(int argc, char **argv)
{
	log_init(LOG_OFF, false);
	return t_run(argc, argv);
}
