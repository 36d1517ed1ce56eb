/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer's promises: what it calls done is on the disk, exactly once, in order; a full ring refuses; a full
 * disk waits; any other failure stops it without a false acknowledgement; roll-ups are exact at every moment.
 * The failures come from an SQLite VFS that fails the n-th write, sync or truncation.
 */
#include "ledger/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "ledger/store.h"
#include "ledger_help.h"
#include "t.h"

/* ---- a VFS that fails ---- */

static struct {
	_Atomic long count, fail_at; /* operations so far; the first one that fails, 0 = none */
	_Atomic bool forever;
	_Atomic int code;
} fault;

struct faulty {
	sqlite3_file base;
	sqlite3_file *real;
};

static bool fails(void)
{
	long n = atomic_fetch_add(&fault.count, 1) + 1, at = atomic_load(&fault.fail_at);
	return at && (n == at || (n > at && atomic_load(&fault.forever)));
}

#define REAL(f) (((struct faulty *)(f))->real)
#define FORWARD(ret, name, params, args)                                     \
	static ret f_##name params                                           \
	{                                                                    \
		return REAL(f)->pMethods->name args;                         \
	}
FORWARD(int, xRead, (sqlite3_file * f, void *p, int n, sqlite3_int64 at), (REAL(f), p, n, at))
FORWARD(int, xFileSize, (sqlite3_file * f, sqlite3_int64 *n), (REAL(f), n))
FORWARD(int, xLock, (sqlite3_file * f, int level), (REAL(f), level))
FORWARD(int, xUnlock, (sqlite3_file * f, int level), (REAL(f), level))
FORWARD(int, xCheckReservedLock, (sqlite3_file * f, int *out), (REAL(f), out))
FORWARD(int, xFileControl, (sqlite3_file * f, int op, void *arg), (REAL(f), op, arg))
FORWARD(int, xSectorSize, (sqlite3_file * f), (REAL(f)))
FORWARD(int, xDeviceCharacteristics, (sqlite3_file * f), (REAL(f)))
FORWARD(int, xShmMap, (sqlite3_file * f, int page, int size, int extend, void volatile **out), (REAL(f), page, size, extend, out))
FORWARD(int, xShmLock, (sqlite3_file * f, int at, int n, int flags), (REAL(f), at, n, flags))
FORWARD(void, xShmBarrier, (sqlite3_file * f), (REAL(f)))
FORWARD(int, xShmUnmap, (sqlite3_file * f, int drop), (REAL(f), drop))

static int f_xClose(sqlite3_file *f)
{
	int rc = REAL(f)->pMethods->xClose(REAL(f));
	sqlite3_free(REAL(f));
	return rc;
}
static int f_xWrite(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	return fails() ? atomic_load(&fault.code) : REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int f_xTruncate(sqlite3_file *f, sqlite3_int64 n)
{
	return fails() ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), n);
}
static int f_xSync(sqlite3_file *f, int flags)
{
	return fails() ? SQLITE_IOERR_FSYNC : REAL(f)->pMethods->xSync(REAL(f), flags);
}

static const sqlite3_io_methods methods = {
	2, f_xClose, f_xRead, f_xWrite, f_xTruncate, f_xSync, f_xFileSize, f_xLock, f_xUnlock, f_xCheckReservedLock,
	f_xFileControl, f_xSectorSize, f_xDeviceCharacteristics, f_xShmMap, f_xShmLock, f_xShmBarrier, f_xShmUnmap, NULL, NULL};
static sqlite3_vfs *real_vfs, faulty_vfs;

static int v_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct faulty *x = (struct faulty *)f;
	int rc;
	x->base.pMethods = NULL;
	x->real = sqlite3_malloc(real_vfs->szOsFile);
	rc = real_vfs->xOpen(real_vfs, name, x->real, flags, out);
	if (rc == SQLITE_OK)
		x->base.pMethods = &methods;
	else
		sqlite3_free(x->real);
	return rc;
}

static void faults_install(void)
{
	if (real_vfs)
		return;
	real_vfs = sqlite3_vfs_find(NULL);
	faulty_vfs = *real_vfs;
	faulty_vfs.zName = "faulty";
	faulty_vfs.szOsFile = sizeof(struct faulty);
	faulty_vfs.xOpen = v_open;
	sqlite3_vfs_register(&faulty_vfs, 1);
}

static void faults_set(long at, bool forever, int code)
{
	atomic_store(&fault.code, code);
	atomic_store(&fault.forever, forever);
	atomic_store(&fault.count, 0);
	atomic_store(&fault.fail_at, at);
}

/* ---- help ---- */

static struct writer *open_writer(const char *path, unsigned workers, unsigned ring)
{
	struct writer_config c = {.ledger_path = path, .workers = workers, .ring_rows = ring};
	struct err e = {0};
	struct writer *w = writer_open(&c, &e);
	if (!w)
		printf("  cannot open the writer: %s\n", e.what);
	return w;
}

static void expect_sound(const char *path, uint64_t calls)
{
	struct err e = {0};
	struct verify_result v;
	struct ledger *l = ledger_open(path, LEDGER_READ, &e);
	T_TRUE(l != NULL);
	if (!l) {
		printf("  %s\n", e.what);
		return;
	}
	T_EQ_I(ledger_verify(l, &v, &e), 0);
	T_TRUE(v.ok);
	for (unsigned i = 0; i < v.problems; i++)
		printf("  %s\n", v.problem[i]);
	T_EQ_I(v.calls, calls);
	ledger_close(l);
}

struct load {
	struct writer *w;
	unsigned worker;
	unsigned rows;
	uint64_t refused;
};

static void *push_many(void *arg)
{
	struct load *x = arg;
	struct rng r;
	struct call c;
	uint64_t last = 0;
	rng_seed(&r, 100 + x->worker);
	for (unsigned i = 0; i < x->rows; i++) {
		uint64_t seq;
		help_call(&c, &r, x->worker * 1000000u + i, 40);
		while (!(seq = writer_push(x->w, x->worker, &c, i % 100 ? STR("") : STR("{\"usage\":null}")))) {
			x->refused++;
			usleep(50);
		}
		if (seq != last + 1)
			abort(); /* sequence numbers are 1, 2, 3, ... */
		last = seq;
	}
	return NULL;
}

/* ---- tests ---- */

TEST(all_workers_rows_arrive_once_and_sum)
{
	enum { WORKERS = 4, ROWS = 5000 };
	const char *path = help_path();
	struct writer *w = open_writer(path, WORKERS, 256); /* small rings, so that some pushes are refused */
	struct load x[WORKERS];
	pthread_t t[WORKERS];
	struct writer_stats s;
	for (unsigned i = 0; i < WORKERS; i++) {
		x[i] = (struct load){w, i, ROWS, 0};
		pthread_create(&t[i], NULL, push_many, &x[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(t[i], NULL);
	T_EQ_I(writer_flush(w), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		T_EQ_I(writer_done(w, i), ROWS);
	writer_stats(w, &s);
	T_EQ_I(s.rows, WORKERS * ROWS);
	T_EQ_I(s.queued, 0);
	T_TRUE(s.commits > 0 && s.commits < WORKERS * ROWS);
	expect_sound(path, WORKERS * ROWS); /* before the close: roll-ups plus tail */
	writer_close(w);
	expect_sound(path, WORKERS * ROWS);
	help_clean();
}

static int add_cost(const struct rollup_row *r, void *arg)
{
	struct rollup_sum *s = arg;
	rollup_sum_add(s, &r->sum, 1);
	return 0;
}

TEST(reports_see_rows_at_once_and_only_once)
{
	const char *path = help_path();
	struct writer *w = open_writer(path, 1, 8192);
	struct err e = {0};
	struct rng r;
	struct call c;
	money_wide want = 0;
	struct ledger *l;
	rng_seed(&r, 9);
	for (unsigned round = 0; round < 6; round++) {
		struct rollup_sum s = {0};
		for (unsigned i = 0; i < 300; i++) {
			help_call(&c, &r, round * 300 + i, 10);
			want += c.cost_pico;
			T_TRUE(writer_push(w, 0, &c, STR("")) != 0);
		}
		T_EQ_I(writer_flush(w), 0);
		l = ledger_open(path, LEDGER_READ, &e);
		T_EQ_I(ledger_rollup(l, INT64_MIN, INT64_MAX, add_cost, &s, &e), 0);
		T_EQ_I(s.calls, (round + 1) * 300);
		T_TRUE(s.cost_pico == want);
		ledger_close(l);
		if (round % 2)
			usleep(1100000); /* lets a flush by the clock happen */
	}
	writer_close(w);
	expect_sound(path, 1800);
	help_clean();
}

TEST(one_gateway_at_a_time)
{
	const char *path = help_path();
	struct writer *w = open_writer(path, 1, 64);
	struct writer_config c = {.ledger_path = path, .workers = 1, .ring_rows = 64};
	struct err e = {0};
	T_TRUE(writer_open(&c, &e) == NULL);
	T_EQ_I(e.code, RR_STORE);
	T_TRUE(strstr(e.what, "another gateway") != NULL);
	writer_close(w);
	w = writer_open(&c, &e);
	T_TRUE(w != NULL);
	writer_close(w);
	help_clean();
}

TEST(other_processes_write_between_commits)
{
	const char *path = help_path();
	struct writer *w = open_writer(path, 1, 8192);
	struct err e = {0};
	struct load x = {w, 0, 4000, 0};
	pthread_t t;
	struct rng r;
	struct call c;
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	rng_seed(&r, 10);
	pthread_create(&t, NULL, push_many, &x);
	for (unsigned i = 0; i < 200; i++) {
		T_EQ_I(ledger_begin(l, &e), 0);
		help_call(&c, &r, 5000000 + i, 40);
		T_EQ_I(ledger_add_call(l, &c, &e), 0);
		T_EQ_I(ledger_commit(l, &e), 0);
		usleep(300);
	}
	pthread_join(t, NULL);
	ledger_close(l);
	T_EQ_I(writer_flush(w), 0);
	expect_sound(path, 4200);
	writer_close(w);
	expect_sound(path, 4200);
	help_clean();
}

TEST(a_full_ring_refuses)
{
	const char *path = help_path();
	struct err e = {0};
	struct writer *w = open_writer(path, 1, 16);
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	struct rng r;
	struct call c;
	unsigned taken = 0;
	rng_seed(&r, 11);
	T_EQ_I(ledger_begin(l, &e), 0); /* holds the writer up */
	for (unsigned i = 0; i < 100; i++) {
		help_call(&c, &r, i, 3);
		taken += writer_push(w, 0, &c, STR("")) != 0;
	}
	T_EQ_I(taken, 16);
	T_EQ_I(writer_state(w), WRITER_FULL);
	T_EQ_I(writer_done(w, 0), 0);
	ledger_rollback(l);
	T_EQ_I(writer_flush(w), 0);
	T_EQ_I(writer_state(w), WRITER_OK);
	T_EQ_I(writer_done(w, 0), 16);
	ledger_close(l);
	writer_close(w);
	expect_sound(path, 16);
	help_clean();
}

/* How late this machine wakes a sleeper just now: a test on a busy one must not blame the writer for that. */
static uint64_t oversleep_us(void)
{
	uint64_t before = clock_mono(&clock_system), took;
	usleep(2000);
	took = clock_mono(&clock_system) - before;
	return took > 2000 ? took - 2000 : 0;
}

TEST(relaxed_commits_within_ten_milliseconds)
{
	const char *path = help_path();
	struct writer_config config = {.ledger_path = path, .workers = 1, .ring_rows = 1024, .durability = DURABILITY_RELAXED};
	struct err e = {0};
	struct writer *w = writer_open(&config, &e);
	struct writer_stats s;
	struct rng r;
	struct call c;
	uint64_t began = clock_mono(&clock_system);
	unsigned late = 20, rows = 0;
	rng_seed(&r, 12);
	for (unsigned attempt = 0; attempt < 25 && late > 4; attempt++) {
		late = 0;
		for (unsigned i = 0; i < 20; i++) {
			uint64_t before = clock_mono(&clock_system), seq;
			help_call(&c, &r, rows++, 3);
			seq = writer_push(w, 0, &c, STR(""));
			while (writer_done(w, 0) < seq)
				usleep(200);
			before = clock_mono(&clock_system) - before;
			writer_stats(w, &s); /* a slow disk is no fault of the writer's */
			late += before > 10000 + s.last_commit_us + 4 * oversleep_us();
		}
	}
	T_TRUE(late <= 4);
	writer_stats(w, &s);
	T_TRUE(s.commits <= rows + 2 + (clock_mono(&clock_system) - began) / US_PER_S); /* and a flush a second */
	for (unsigned i = 0; i < 500; i++) {
		help_call(&c, &r, 100 + i, 3);
		writer_push(w, 0, &c, STR(""));
		usleep(20);
	}
	writer_flush(w);
	writer_stats(w, &s);
	T_TRUE(s.commits < rows + 300); /* they gather */
	writer_close(w);
	expect_sound(path, rows + 500);
	help_clean();
}

TEST(c66_a_full_disk_waits_and_recovers)
{
	const char *path = help_path();
	struct writer *w;
	struct rng r;
	struct call c;
	faults_install();
	w = open_writer(path, 1, 1024);
	rng_seed(&r, 13);
	help_call(&c, &r, 0, 3);
	T_TRUE(writer_push(w, 0, &c, STR("")) == 1);
	T_EQ_I(writer_flush(w), 0);
	faults_set(1, true, SQLITE_FULL);
	for (unsigned i = 1; i < 50; i++) {
		help_call(&c, &r, i, 3);
		T_TRUE(writer_push(w, 0, &c, STR("{}")) != 0);
	}
	usleep(300000);
	T_EQ_I(writer_state(w), WRITER_DISK_FULL);
	T_EQ_I(writer_done(w, 0), 1);
	faults_set(0, false, 0);
	T_EQ_I(writer_flush(w), 0); /* tries again within a second */
	T_EQ_I(writer_state(w), WRITER_OK);
	T_EQ_I(writer_done(w, 0), 50);
	writer_close(w);
	expect_sound(path, 50);
	help_clean();
}

/* Each write, sync and truncation of a short run fails in turn, once or from then on. */
static void nth_failure(bool forever, int code)
{
	unsigned runs = 0, stopped = 0;
	bool clean = false;
	faults_install();
	/* the first sixty each; without RUNRATE_TEST_ALL every second one, an odd number for the one kind of failure and an even
	 * one for the other */
	long step = getenv("RUNRATE_TEST_ALL") ? 1 : 2;
	for (long n = forever ? 1 : step; !clean && n < 400; n += n < 60 ? step : 7) {
		const char *path = help_path();
		struct writer *w = open_writer(path, 1, 1024);
		struct rng r;
		struct call c;
		struct ledger *l;
		struct err e = {0};
		struct verify_result v;
		uint64_t done;
		rng_seed(&r, 14);
		faults_set(n, forever, code);
		for (unsigned i = 0; i < 120; i++) {
			help_call(&c, &r, i, 5);
			if (!writer_push(w, 0, &c, STR("")))
				break;
			if (i % 10 == 9 && (code == SQLITE_FULL || writer_flush(w)))
				break;
		}
		if (code == SQLITE_FULL && !forever)
			writer_flush(w); /* one failure: it must get over it */
		done = writer_done(w, 0);
		clean = atomic_load(&fault.count) < n;
		stopped += writer_state(w) == WRITER_FAILED;
		if (writer_state(w) == WRITER_FAILED)
			T_TRUE(writer_push(w, 0, &c, STR("")) == 0); /* refused from then on */
		writer_close(w);
		faults_set(0, false, 0);
		l = ledger_open(path, LEDGER_READ, &e);
		T_TRUE(l != NULL);
		if (l) {
			T_EQ_I(ledger_verify(l, &v, &e), 0);
			T_TRUE(v.ok);
			for (unsigned i = 0; i < v.problems; i++)
				printf("  n=%ld: %s\n", n, v.problem[i]);
			if (v.calls < done) { /* a false acknowledgement */
				printf("  n=%ld: %llu acknowledged, %llu there\n", n, (unsigned long long)done,
				       (unsigned long long)v.calls);
				T_TRUE(false);
			}
			ledger_close(l);
		}
		help_clean();
		runs++;
	}
	T_TRUE(runs > 20);
	if (code != SQLITE_FULL)
		T_TRUE(stopped > 0);
	printf("  %u runs, %u stopped the writer\n", runs, stopped);
}

TEST(no_false_acknowledgement_when_io_fails_for_good) { nth_failure(true, SQLITE_IOERR_WRITE); }
TEST(no_false_acknowledgement_when_io_fails_once) { nth_failure(false, SQLITE_IOERR_WRITE); }

static int quiet_main(int argc, char **argv)
{
	log_init(LOG_OFF, false);
	return t_run(argc, argv);
}
int main(int argc, char **argv) { return quiet_main(argc, argv); }
