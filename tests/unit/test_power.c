/* SPDX-License-Identifier: Apache-2.0
 *
 * Power cuts and failing disks under the writer.
 *
 * A VFS between SQLite and the disk keeps a log of every write, truncation, sync and removal, with what had been
 * acknowledged before it. For an index of that log the disk after a power cut is built: what was synced stays, of the
 * rest each 512-byte sector stays or goes by itself, in any order, and files may be longer, shorter or gone. On that
 * disk the ledger is opened again: it must be whole, and have every acknowledged row.
 *
 * Failing system calls (write, truncate) are put under SQLite's own VFS: interrupted, short, out of space, broken.
 *
 * With RUNRATE_TEST_ALL each index is taken, over a run of 10,000 rows; without, a sample over a shorter one.
 */
#include "ledger/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "ledger/store.h"
#include "ledger_help.h"
#include "t.h"

enum { FILES = 4, SECTOR = 512, FILE_MOST = 64 << 20 };

enum op_kind { OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_DELETE, OP_NOTHING };
struct op {
	enum op_kind kind;
	int file;
	int64_t at;
	size_t n;
	char *bytes;
	uint64_t acked, pushed; /* before it */
};

static struct {
	pthread_mutex_t lock;
	bool on;
	struct op *ops;
	size_t count, room;
	char name[FILES][32]; /* behind the ledger's path: "", "-wal", "-journal" */
	int files;
	struct writer *writer;
	_Atomic uint64_t pushed;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};
static size_t path_n;

static int file_of(const char *name)
{
	for (int i = 0; i < disk.files; i++)
		if (strcmp(disk.name[i], name + path_n) == 0)
			return i;
	if (disk.files == FILES)
		abort();
	snprintf(disk.name[disk.files], sizeof disk.name[0], "%s", name + path_n);
	return disk.files++;
}

static void note(enum op_kind kind, int file, int64_t at, const void *bytes, size_t n)
{
	pthread_mutex_lock(&disk.lock);
	if (disk.on) {
		struct op *o;
		if (disk.count == disk.room) {
			disk.room = disk.room ? disk.room * 2 : 1024;
			disk.ops = realloc(disk.ops, disk.room * sizeof *disk.ops);
		}
		o = &disk.ops[disk.count++];
		*o = (struct op){kind, file, at, n, NULL, disk.writer ? writer_done(disk.writer, 0) : 0, atomic_load(&disk.pushed)};
		if (bytes) {
			o->bytes = malloc(n);
			memcpy(o->bytes, bytes, n);
		}
	}
	pthread_mutex_unlock(&disk.lock);
}

/* ---- the VFS */

struct logged {
	sqlite3_file base;
	sqlite3_file *real;
	int file; /* -1: a temporary one */
};
static sqlite3_vfs *real_vfs, logged_vfs;

#define REAL(f) (((struct logged *)(f))->real)
#define FORWARD(name, params, args)               \
	static int l_##name params                \
	{                                         \
		return REAL(f)->pMethods->name args; \
	}
FORWARD(xRead, (sqlite3_file * f, void *p, int n, sqlite3_int64 at), (REAL(f), p, n, at))
FORWARD(xFileSize, (sqlite3_file * f, sqlite3_int64 *n), (REAL(f), n))
FORWARD(xLock, (sqlite3_file * f, int level), (REAL(f), level))
FORWARD(xUnlock, (sqlite3_file * f, int level), (REAL(f), level))
FORWARD(xCheckReservedLock, (sqlite3_file * f, int *out), (REAL(f), out))
FORWARD(xFileControl, (sqlite3_file * f, int op, void *arg), (REAL(f), op, arg))
FORWARD(xSectorSize, (sqlite3_file * f), (REAL(f)))
FORWARD(xDeviceCharacteristics, (sqlite3_file * f), (REAL(f)))
FORWARD(xShmMap, (sqlite3_file * f, int page, int size, int extend, void volatile **out), (REAL(f), page, size, extend, out))
FORWARD(xShmLock, (sqlite3_file * f, int at, int n, int flags), (REAL(f), at, n, flags))
FORWARD(xShmUnmap, (sqlite3_file * f, int drop), (REAL(f), drop))
static void l_xShmBarrier(sqlite3_file *f)
{
	REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int l_xClose(sqlite3_file *f)
{
	int rc = REAL(f)->pMethods->xClose(REAL(f));
	sqlite3_free(REAL(f));
	return rc;
}
static int l_xWrite(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (((struct logged *)f)->file >= 0)
		note(OP_WRITE, ((struct logged *)f)->file, at, p, (size_t)n);
	return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int l_xTruncate(sqlite3_file *f, sqlite3_int64 n)
{
	if (((struct logged *)f)->file >= 0)
		note(OP_TRUNCATE, ((struct logged *)f)->file, n, NULL, 0);
	return REAL(f)->pMethods->xTruncate(REAL(f), n);
}
static int l_xSync(sqlite3_file *f, int flags)
{
	int rc = REAL(f)->pMethods->xSync(REAL(f), flags);
	if (rc == SQLITE_OK && ((struct logged *)f)->file >= 0)
		note(OP_SYNC, ((struct logged *)f)->file, 0, NULL, 0);
	return rc;
}
static const sqlite3_io_methods methods = {
	2, l_xClose, l_xRead, l_xWrite, l_xTruncate, l_xSync, l_xFileSize, l_xLock, l_xUnlock, l_xCheckReservedLock,
	l_xFileControl, l_xSectorSize, l_xDeviceCharacteristics, l_xShmMap, l_xShmLock, l_xShmBarrier, l_xShmUnmap, NULL, NULL};

static int v_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct logged *x = (struct logged *)f;
	int rc;
	x->base.pMethods = NULL;
	x->file = -1;
	if (disk.on && name && flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL))
		x->file = file_of(name);
	x->real = sqlite3_malloc(real_vfs->szOsFile);
	rc = real_vfs->xOpen(real_vfs, name, x->real, flags, out);
	if (rc == SQLITE_OK)
		x->base.pMethods = &methods;
	else
		sqlite3_free(x->real);
	return rc;
}
static int v_delete(sqlite3_vfs *v, const char *name, int sync)
{
	int rc = real_vfs->xDelete(real_vfs, name, sync);
	if (rc == SQLITE_OK && disk.on)
		note(OP_DELETE, file_of(name), sync, NULL, 0);
	return rc;
}

static void disk_install(void)
{
	if (real_vfs)
		return;
	real_vfs = sqlite3_vfs_find(NULL);
	logged_vfs = *real_vfs;
	logged_vfs.zName = "logged";
	logged_vfs.szOsFile = sizeof(struct logged);
	logged_vfs.xOpen = v_open;
	logged_vfs.xDelete = v_delete;
	sqlite3_vfs_register(&logged_vfs, 1);
}

static void disk_begin(const char *path)
{
	char name[300];
	for (size_t i = 0; i < disk.count; i++)
		free(disk.ops[i].bytes);
	disk.count = 0;
	disk.files = 0;
	disk.writer = NULL;
	atomic_store(&disk.pushed, 0);
	path_n = strlen(path);
	snprintf(name, sizeof name, "%s", path);
	file_of(name); /* the ledger itself is file 0 */
	disk.on = true;
}

/* ---- the disk after the cut */

struct image {
	char *p;
	size_t n;
	bool there;
};

static void put(struct image *m, int64_t at, const char *bytes, size_t n)
{
	if ((size_t)at + n > FILE_MOST)
		abort();
	if ((size_t)at > m->n)
		memset(m->p + m->n, 0, (size_t)at - m->n);
	memcpy(m->p + at, bytes, n);
	if ((size_t)at + n > m->n)
		m->n = (size_t)at + n;
	m->there = true;
}

static void cut_to(struct image *m, int64_t n)
{
	if ((size_t)n > m->n)
		memset(m->p + m->n, 0, (size_t)n - m->n);
	m->n = (size_t)n;
}

/* What is certain: everything before the file's last sync. Of the rest: each sector by itself. SQLite syncs the folder
 * with the first sync of a new journal or WAL (unixSync): what was made or removed before that is certain then. */
static void build(struct image *image, size_t upto, struct rng *r, unsigned keep_percent)
{
	size_t synced[FILES] = {0}, folder = 0;
	bool old[FILES] = {false};
	for (int i = 0; i < FILES; i++) {
		image[i].n = 0;
		image[i].there = i == 0; /* the ledger's own file was made before SQLite saw it */
	}
	for (size_t i = 0; i < upto; i++) {
		const struct op *o = &disk.ops[i];
		if (o->kind == OP_SYNC) {
			if (!old[o->file] && o->file)
				folder = i;
			old[o->file] = true;
			synced[o->file] = i;
		} else if (o->kind == OP_DELETE) {
			old[o->file] = false;
			if (o->at)
				folder = i;
		}
	}
	for (size_t i = 0; i < upto; i++) {
		const struct op *o = &disk.ops[i];
		struct image *m = &image[o->file];
		bool sure = i < synced[o->file];
		if (o->kind == OP_WRITE && sure) {
			put(m, o->at, o->bytes, o->n);
		} else if (o->kind == OP_WRITE) {
			for (size_t from = 0; from < o->n; from += SECTOR)
				if (rng_below(r, 100) < keep_percent)
					put(m, o->at + (int64_t)from, o->bytes + from, o->n - from < SECTOR ? o->n - from : SECTOR);
		} else if (o->kind == OP_TRUNCATE && (sure || rng_below(r, 100) < keep_percent)) {
			cut_to(m, o->at);
		} else if (o->kind == OP_DELETE && (i <= folder || rng_below(r, 100) < keep_percent)) {
			m->n = 0;
			m->there = false;
		}
	}
}

static void write_images(const char *path, struct image *image)
{
	char name[300];
	for (int i = 0; i < FILES; i++) {
		int fd;
		if (i >= disk.files)
			continue;
		snprintf(name, sizeof name, "%s%s", path, disk.name[i]);
		unlink(name);
		if (!image[i].there)
			continue;
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (write(fd, image[i].p, image[i].n) != (ssize_t)image[i].n)
			abort();
		close(fd);
	}
	snprintf(name, sizeof name, "%s-shm", path);
	unlink(name);
}

/* ---- a run, and its cuts */

static struct call_id *ids;

/* Rows as they come: groups of very different sizes, with roll-ups and checkpoints in between. */
static void run_writer(const char *path, enum durability durability, unsigned rows, uint64_t seed)
{
	struct writer_config c = {.ledger_path = path, .workers = 1, .ring_rows = 8192, .durability = durability};
	struct err e = {0};
	struct rng r;
	struct call call;
	struct writer *w = writer_open(&c, &e);
	T_TRUE(w != NULL);
	if (!w)
		return;
	disk.writer = w;
	rng_seed(&r, seed);
	ids = realloc(ids, rows * sizeof *ids);
	for (unsigned i = 0; i < rows;) {
		unsigned group = 1 + (unsigned)rng_below(&r, rng_below(&r, 4) ? 8 : 120);
		for (; group && i < rows; group--, i++) {
			help_call(&call, &r, i, 30);
			ids[i] = call.id;
			atomic_fetch_add(&disk.pushed, 1);
			if (!writer_push(w, 0, &call, i % 50 ? STR("") : STR("{\"total_tokens\":99}")))
				abort();
		}
		if (durability == DURABILITY_GROUP || rng_below(&r, 8) == 0)
			writer_flush(w);
		else
			usleep(100);
	}
	writer_flush(w);
	writer_close(w);
	disk.writer = NULL;
	disk.on = false;
}

/* Rows that must be there after a cut before op `upto`. relaxed: all but those of the group under way and those that
 * came since: what was pushed before the last but one sync of the log had ended is in the last one. */
static uint64_t owed(size_t upto, bool relaxed)
{
	uint64_t before = 0, last = 0;
	if (!relaxed)
		return upto < disk.count ? disk.ops[upto].acked : atomic_load(&disk.pushed);
	for (size_t i = 0; i < upto; i++)
		if (disk.ops[i].kind == OP_SYNC && strcmp(disk.name[disk.ops[i].file], "-wal") == 0) {
			before = last;
			last = disk.ops[i].pushed;
		}
	return before;
}

static bool survives(const char *path, size_t upto, unsigned keep, uint64_t need, uint64_t *lost_answered)
{
	struct err e = {0};
	struct verify_result *v = calloc(1, sizeof *v);
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	struct call c;
	bool ok = false;
	if (!l) {
		printf("  cut before op %zu (keep %u%%): %s\n", upto, keep, e.what);
		free(v);
		return false;
	}
	if (ledger_verify(l, v, &e) == 0 && v->ok && v->calls >= need && v->calls <= atomic_load(&disk.pushed))
		ok = !need || ledger_find_call(l, ids[need - 1], &c, &e) == 0;
	if (!ok)
		printf("  cut before op %zu (keep %u%%): %llu rows, %llu owed: %s\n", upto, keep, (unsigned long long)v->calls,
		       (unsigned long long)need, v->problems ? v->problem[0] : e.what);
	*lost_answered += upto < disk.count && disk.ops[upto].acked > v->calls ? disk.ops[upto].acked - v->calls : 0;
	ledger_close(l);
	free(v);
	return ok;
}

static void cuts(enum durability durability, uint64_t seed)
{
	bool all = getenv("RUNRATE_TEST_ALL") != NULL;
	unsigned rows = all ? 10000 : 1200, bad = 0, done = 0;
	uint64_t lost = 0;
	const char *path = help_path();
	struct image image[FILES];
	struct rng r;
	size_t step;
	disk_install();
	disk_begin(path);
	run_writer(path, durability, rows, seed);
	for (int i = 0; i < FILES; i++)
		image[i].p = malloc(FILE_MOST);
	rng_seed(&r, seed + 1);
	step = all ? 1 : disk.count / 130 + 1;
	for (size_t upto = all ? 0 : rng_below(&r, step); upto <= disk.count && bad < 5; upto += all ? 1 : 1 + rng_below(&r, 2 * step - 1)) {
		static const unsigned keeps[] = {0, 50, 90, 100};
		unsigned keep = keeps[rng_below(&r, 4)];
		build(image, upto, &r, keep);
		write_images(path, image);
		bad += !survives(path, upto, keep, owed(upto, durability == DURABILITY_RELAXED), &lost);
		done++;
	}
	printf("  %u rows, %zu operations, %u cuts: %llu acknowledged rows lost\n", rows, disk.count, done, (unsigned long long)lost);
	T_EQ_I(bad, 0);
	T_TRUE(done > 60);
	if (durability == DURABILITY_GROUP)
		T_EQ_I(lost, 0);
	for (int i = 0; i < FILES; i++)
		free(image[i].p);
	help_clean();
}

TEST(a_power_cut_loses_no_acknowledged_row) { cuts(DURABILITY_GROUP, 41); }
TEST(a_power_cut_in_relaxed_mode_loses_the_last_group_at_most) { cuts(DURABILITY_RELAXED, 42); }

/* The test's own teeth: a disk that forgets what was synced must be noticed. */
TEST(a_lying_disk_is_noticed)
{
	const char *path = help_path();
	struct image image[FILES];
	struct rng r;
	uint64_t lost = 0;
	disk_install();
	disk_begin(path);
	run_writer(path, DURABILITY_GROUP, 300, 43);
	for (int i = 0; i < FILES; i++)
		image[i].p = malloc(FILE_MOST);
	for (size_t i = disk.count / 2; i < disk.count; i++) /* it says yes and does nothing */
		if (disk.ops[i].kind == OP_SYNC)
			disk.ops[i].kind = OP_NOTHING;
	rng_seed(&r, 44);
	build(image, disk.count, &r, 0);
	write_images(path, image);
	printf("  (a loss is expected:)\n");
	T_TRUE(!survives(path, disk.count, 0, 300, &lost));
	for (int i = 0; i < FILES; i++)
		free(image[i].p);
	help_clean();
}

/* ---- system calls that fail under SQLite's own VFS */

static struct {
	_Atomic long count, fail_at;
	_Atomic bool forever;
	_Atomic int error; /* 0: a short write */
	_Atomic int times; /* left of what fails once: an interrupt may come often */
	ssize_t (*write)(int, const void *, size_t);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
	int (*truncate)(int, off_t);
} call;

static bool call_fails(void)
{
	long n = atomic_fetch_add(&call.count, 1) + 1, at = atomic_load(&call.fail_at);
	if (!at || n < at)
		return false;
	return atomic_load(&call.forever) || atomic_fetch_sub(&call.times, 1) > 0;
}

static ssize_t bad_write(int fd, const void *p, size_t n)
{
	int error = atomic_load(&call.error);
	if (!call_fails())
		return call.write(fd, p, n);
	if (!error)
		return call.write(fd, p, n > 1 ? n / 2 : n);
	errno = error;
	return -1;
}
static ssize_t bad_pwrite(int fd, const void *p, size_t n, off_t at)
{
	int error = atomic_load(&call.error);
	if (!call_fails())
		return call.pwrite(fd, p, n, at);
	if (!error)
		return call.pwrite(fd, p, n > 1 ? n / 2 : n, at);
	errno = error;
	return -1;
}
static int bad_truncate(int fd, off_t n)
{
	int error = atomic_load(&call.error);
	if (!error || !call_fails())
		return call.truncate(fd, n);
	errno = error;
	return -1;
}

static void calls_install(void)
{
	static bool done;
	sqlite3_vfs *v = sqlite3_vfs_find("unix");
	if (done)
		return;
	done = true;
	call.write = (ssize_t(*)(int, const void *, size_t))v->xGetSystemCall(v, "write");
	call.pwrite = (ssize_t(*)(int, const void *, size_t, off_t))v->xGetSystemCall(v, "pwrite");
	if (!call.pwrite)
		call.pwrite = (ssize_t(*)(int, const void *, size_t, off_t))v->xGetSystemCall(v, "pwrite64");
	call.truncate = (int (*)(int, off_t))v->xGetSystemCall(v, "ftruncate");
	v->xSetSystemCall(v, "write", (sqlite3_syscall_ptr)bad_write);
	if (call.pwrite) {
		v->xSetSystemCall(v, "pwrite", (sqlite3_syscall_ptr)bad_pwrite);
		v->xSetSystemCall(v, "pwrite64", (sqlite3_syscall_ptr)bad_pwrite);
	}
	v->xSetSystemCall(v, "ftruncate", (sqlite3_syscall_ptr)bad_truncate);
}

/* The n-th call fails, for every n until a run meets no failure. */
static void nth_call(int error, bool forever, int times)
{
	bool all = getenv("RUNRATE_TEST_ALL") != NULL, clean = false;
	unsigned runs = 0, stopped = 0, waited = 0;
	struct rng step;
	rng_seed(&step, 51);
	calls_install();
	for (long n = 1; !clean && n < 20000; n += all ? 1 : 1 + (long)rng_below(&step, 24)) {
		const char *path = help_path();
		struct writer_config c = {.ledger_path = path, .workers = 1, .ring_rows = 1024};
		struct err e = {0};
		struct writer *w = writer_open(&c, &e);
		struct verify_result v;
		struct ledger *l;
		struct rng r;
		struct call row;
		uint64_t done;
		enum writer_state state;
		T_TRUE(w != NULL);
		if (!w)
			break;
		rng_seed(&r, 52);
		atomic_store(&call.error, error);
		atomic_store(&call.forever, forever);
		atomic_store(&call.times, times);
		atomic_store(&call.count, 0);
		atomic_store(&call.fail_at, n);
		for (unsigned i = 0; i < 150; i++) {
			help_call(&row, &r, i, 5);
			if (!writer_push(w, 0, &row, STR("")))
				break;
			if (i % 10 == 9) {
				for (unsigned wait = 0; writer_done(w, 0) <= i && writer_state(w) == WRITER_OK && wait < 20000; wait++)
					usleep(100);
				if (writer_state(w) != WRITER_OK)
					break;
			}
		}
		done = writer_done(w, 0);
		state = writer_state(w);
		stopped += state == WRITER_FAILED;
		waited += state == WRITER_DISK_FULL;
		clean = atomic_load(&call.count) < n;
		if (state == WRITER_FAILED)
			T_TRUE(writer_push(w, 0, &row, STR("")) == 0); /* refused from then on: never again a yes */
		atomic_store(&call.fail_at, 0);
		if (state == WRITER_DISK_FULL && runs % 8 == 0)
			T_EQ_I(writer_flush(w), 0); /* it gets over it by itself */
		writer_close(w);
		l = ledger_open(path, LEDGER_WRITE, &e);
		T_TRUE(l != NULL);
		if (l) {
			T_EQ_I(ledger_verify(l, &v, &e), 0);
			if (!v.ok || v.calls < done) {
				printf("  n=%ld: %llu acknowledged, %llu there; %s\n", n, (unsigned long long)done, (unsigned long long)v.calls,
				       v.problems ? v.problem[0] : "");
				T_TRUE(false);
			}
			ledger_close(l);
		}
		help_clean();
		runs++;
	}
	printf("  %u runs: %u stopped the writer, %u waited for space\n", runs, stopped, waited);
	T_TRUE(clean || !all);
	T_TRUE(runs > 3);
	if (error == 0 || error == EINTR)
		T_EQ_I(stopped + waited, 0); /* nothing that anybody may notice */
	if (error == ENOSPC && forever)
		T_TRUE(waited > 0 && stopped == 0);
	if (error == EIO && forever)
		T_TRUE(stopped > 0 && waited == 0);
}

TEST(short_writes_are_written_on) { nth_call(0, true, 0); }
TEST(interrupts_are_nothing) { nth_call(EINTR, false, 100); }
TEST(no_space_once) { nth_call(ENOSPC, false, 1); }
TEST(no_space_for_good) { nth_call(ENOSPC, true, 0); }
TEST(a_broken_disk_once) { nth_call(EIO, false, 1); }
TEST(a_broken_disk_for_good) { nth_call(EIO, true, 0); }

int main(int argc, char **argv)
{
	log_init(LOG_OFF, false);
	return t_run(argc, argv);
}
