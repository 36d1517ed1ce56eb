/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening, locking, transactions, checkpoints, and the errors of SQLite in words.
 *
 * The lock of rule 2 (ledger.h) is a pair of bytes in LEDGER-lock, held as open-file-description locks: byte 1 is
 * the lock, byte 0 the door. Who wants the lock first takes the door, waits there for the lock, and opens the
 * door again once it has it. So a gateway that commits thousands of times a second cannot starve a command:
 * the command stands in the door, and the gateway's next commit queues behind it.
 */
#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "ledger/log_sync.h"

enum { APPLICATION_ID = 0x72756e72 /* "runr" */, BUSY_MS = 10000, CACHE_KIB = 8192 };
enum { ROLLBACK_TRIES = 200, ROLLBACK_WAIT_US = 10000 };

char *ledger_default_path(const char *flag, char *out, size_t size)
{
	const char *env = getenv("RUNRATE_LEDGER");
	if (flag && *flag)
		return str_copy(out, size, str_of(flag));
	if (env && *env)
		return str_copy(out, size, str_of(env));
	return fs_data_path("ledger.db", out, size);
}

int store_error(struct ledger *l, struct err *e, const char *doing)
{
	int code = sqlite3_extended_errcode(l->db), primary = code & 0xff, os = sqlite3_system_errno(l->db);
	l->again = primary == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM || primary == SQLITE_BUSY;
	l->disk_full = primary == SQLITE_FULL || (primary == SQLITE_IOERR && os == ENOSPC);
	if (l->disk_full) {
		err_set(e, RR_STORE, "the disk is full: %s of %s failed", doing, l->path);
		return err_hint(e, "free some space; nothing that was acknowledged is lost");
	}
	if (primary == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM)
		return err_set(e, RR_NOMEM, "out of memory while %s of %s", doing, l->path);
	if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
		err_set(e, RR_STORE, "%s is damaged: %s failed (%s)", l->path, doing, sqlite3_errmsg(l->db));
		return err_hint(e, "run `runrate verify` to name the damage, and keep a copy of the file");
	}
	if (primary == SQLITE_BUSY) {
		err_set(e, RR_STORE, "%s is locked by another program", l->path);
		return err_hint(e, "close the program that holds a write transaction on it");
	}
	return err_set(e, RR_STORE, "%s of %s failed: %s%s%s", doing, l->path, sqlite3_errmsg(l->db),
		       primary == SQLITE_IOERR && os ? ": " : "", primary == SQLITE_IOERR && os ? strerror(os) : "");
}

void ledger_pass_damage(struct ledger *l)
{
	if (l)
		l->passes_damage = true;
}

int store_damaged(struct ledger *l, const char *kind, const char *name, struct err *e)
{
	uint64_t hash = hash_xxh3_seed(name, strlen(name), hash_xxh3(kind, strlen(kind)));
	if (!l->passes_damage) {
		err_set(e, RR_STORE, "%s %s of %s is damaged: its checksum does not match", kind, name, l->path);
		return err_hint(e, "run `runrate verify` to name all damage, and keep a copy of the file");
	}
	for (unsigned i = 0; i < l->passed_count; i++)
		if (l->passed[i] == hash)
			return 0;
	if (l->passed_count < sizeof l->passed / sizeof *l->passed)
		l->passed[l->passed_count++] = hash;
	LOG(LOG_ERROR, "damaged_row_passed_by", LOG_S("what", str_of(kind)), LOG_S("name", str_of(name)),
	    LOG_S("ledger", str_of(l->path)), LOG_S("see", STR("runrate verify")));
	return 0;
}

int store_damaged_row(struct ledger *l, const char *kind, int64_t row, struct err *e)
{
	char name[24];
	snprintf(name, sizeof name, "%lld", (long long)row);
	return store_damaged(l, kind, name, e);
}

/* A text of SQL that memory did not suffice for. */
static int no_text(struct ledger *l, struct err *e)
{
	l->again = true;
	l->disk_full = false;
	return err_set(e, RR_NOMEM, "out of memory for a statement of %s", l->path);
}

int store_exec(struct ledger *l, const char *sql, struct err *e)
{
	if (!sql)
		return no_text(l, e);
	return sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_error(l, e, "a statement");
}

sqlite3_stmt *store_prepare(struct ledger *l, const char *sql, unsigned flags, struct err *e)
{
	sqlite3_stmt *st = NULL;
	if (!sql)
		no_text(l, e);
	else if (sqlite3_prepare_v3(l->db, sql, -1, flags, &st, NULL) != SQLITE_OK)
		store_error(l, e, "a statement");
	return st;
}

sqlite3_stmt *store_query(struct ledger *l, struct err *e, const char *sql)
{
	return store_prepare(l, sql, 0, e);
}

sqlite3_stmt *store_stmt(struct ledger *l, enum store_stmt which, const char *sql, struct err *e)
{
	sqlite3_stmt *st = l->st[which];
	if (st) {
		sqlite3_reset(st);
		sqlite3_clear_bindings(st);
		return st;
	}
	return l->st[which] = store_prepare(l, sql, SQLITE_PREPARE_PERSISTENT, e);
}

int store_given(struct ledger *l, struct given *g, enum store_stmt which, const char *sql, void *rows,
		const char *doing, struct err *e)
{
	sqlite3_stmt *st;
	int rc;
	if (given_table(l->db, g) != SQLITE_OK)
		return store_error(l, e, doing);
	st = store_stmt(l, which, sql, e);
	if (!st)
		return -RR_STORE;
	g->rows = rows;
	g->rc = 0;
	rc = sqlite3_step(st) == SQLITE_DONE ? 0 : g->rc ? g->rc : store_error(l, e, doing);
	sqlite3_reset(st);
	return rc;
}

int store_number(struct ledger *l, const char *sql, int64_t *out, const char *doing, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, sql);
	int rc;
	if (!st)
		return -RR_STORE;
	rc = sqlite3_step(st) == SQLITE_ROW ? 0 : store_error(l, e, doing);
	*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc;
}

uint32_t store_crc(const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	check(n >= 0);
	return hash_crc32c(0, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

int store_meta_get(struct ledger *l, const char *name, int64_t *value, struct err *e)
{
	sqlite3_stmt *st = store_stmt(l, ST_META_GET, "SELECT value FROM meta WHERE name=?1", e);
	int rc;
	*value = 0;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*value = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(l, e, "reading a setting");
}

int store_meta_set(struct ledger *l, const char *name, int64_t value, struct err *e)
{
	sqlite3_stmt *st = store_stmt(l, ST_META_SET, "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)", e);
	int rc;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, value);
	rc = sqlite3_step(st);
	if (rc != SQLITE_DONE)
		store_error(l, e, "writing a setting");
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -RR_STORE;
}

/* Apart from the store's own names, whatever they will be. */
static const char *mark_text(const char *name, char out[256])
{
	snprintf(out, 256, "mark: %s", name);
	return out;
}

int ledger_get_mark(struct ledger *l, const char *name, int64_t *value, struct err *e)
{
	char text[256];
	return store_meta_get(l, mark_text(name, text), value, e);
}

int ledger_set_mark(struct ledger *l, const char *name, int64_t value, struct err *e)
{
	char text[256];
	return store_meta_set(l, mark_text(name, text), value, e);
}

int store_settings_changed(struct ledger *l, struct err *e)
{
	int64_t v;
	int rc = store_meta_get(l, "settings_version", &v, e);
	return rc ? rc : store_meta_set(l, "settings_version", v + 1, e);
}

int ledger_settings_version(struct ledger *l, uint64_t *version, struct err *e)
{
	int64_t v;
	int rc = store_meta_get(l, "settings_version", &v, e);
	*version = (uint64_t)v;
	return rc;
}

/* ---- locks ---- */

static int byte_lock(int fd, short type, off_t byte)
{
	struct flock f = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	int rc;
	do
		rc = fcntl(fd, F_OFD_SETLKW, &f);
	while (rc && errno == EINTR);
	return rc;
}

static int lock_take(struct ledger *l, struct err *e)
{
	if (byte_lock(l->lock_fd, F_WRLCK, 0) || byte_lock(l->lock_fd, F_WRLCK, 1))
		return err_set(e, RR_STORE, "cannot lock %s-lock: %s", l->path, strerror(errno));
	byte_lock(l->lock_fd, F_UNLCK, 0);
	return 0;
}

static void lock_drop(struct ledger *l)
{
	byte_lock(l->lock_fd, F_UNLCK, 1);
}

int store_role_lock(const char *path, const char *suffix, const char *who, struct err *e)
{
	char name[PATH_MAX];
	int fd;
	snprintf(name, sizeof name, "%s%s", path, suffix);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, RR_STORE, "cannot open %s: %s", name, strerror(errno)), -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (errno == EWOULDBLOCK) {
		err_set(e, RR_STORE, "another %s is using %s", who, path);
		err_hint(e, "stop it first, or give this one its own --ledger");
	} else {
		err_set(e, RR_STORE, "cannot lock %s: %s", name, strerror(errno));
	}
	close(fd);
	return -1;
}

bool store_role_taken(const char *path, const char *suffix)
{
	char name[PATH_MAX];
	bool taken = false;
	int fd;
	snprintf(name, sizeof name, "%s%s", path, suffix);
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		taken = flock(fd, LOCK_EX | LOCK_NB) != 0;
		close(fd);
	}
	return taken;
}

/* ---- opening ---- */

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	((struct ledger *)arg)->wal_pages = pages;
	return SQLITE_OK;
}

static int touch(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* the -wal and -shm files take its mode over */
	if (fd < 0)
		return err_set(e, RR_STORE, "cannot create %s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

static int connect(struct ledger *l, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(l->path, &l->db, flags | SQLITE_OPEN_READWRITE, NULL);
	if (rc != SQLITE_OK && l->mode == LEDGER_READ && (rc & 0xff) == SQLITE_CANTOPEN) {
		sqlite3_close(l->db);
		rc = sqlite3_open_v2(l->path, &l->db, flags | SQLITE_OPEN_READONLY, NULL);
	}
	if (rc != SQLITE_OK)
		return l->db ? store_error(l, e, "opening") : err_set(e, RR_NOMEM, "out of memory");
	sqlite3_busy_timeout(l->db, BUSY_MS);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return store_exec(l, "PRAGMA cell_size_check=ON; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;", e);
}

static int prepare_for_writing(struct ledger *l, struct err *e)
{
	char sql[160];
	int64_t id = 0;
	int rc = lock_take(l, e);
	sqlite3_stmt *st;
	if (rc)
		return rc;
	snprintf(sql, sizeof sql,
		 "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864; "
		 "PRAGMA cache_size=-%d;", CACHE_KIB);
	rc = store_exec(l, sql, e);
	sqlite3_wal_hook(l->db, on_wal, l); /* after wal_autocheckpoint, which would put its own hook there */
	st = rc ? NULL : store_query(l, e, "PRAGMA application_id");
	if (!rc && !st)
		rc = -RR_STORE;
	if (st) {
		id = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
		sqlite3_finalize(st);
	}
	if (!rc)
		rc = store_exec(l, "BEGIN IMMEDIATE", e);
	if (!rc) {
		rc = schema_migrate(l, SCHEMA_VERSION, e);
		snprintf(sql, sizeof sql, "PRAGMA application_id=%d", APPLICATION_ID);
		if (!rc && id == 0)
			rc = store_exec(l, sql, e);
		if (!rc)
			rc = store_exec(l, "COMMIT", e);
		if (rc)
			sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	}
	lock_drop(l);
	return rc;
}

/* A reader that meets an older ledger has it migrated by a short-lived writer. */
static int prepare_for_reading(struct ledger *l, struct err *e)
{
	struct err ignored;
	unsigned version;
	int rc = schema_version(l, &version, e);
	if (rc)
		return rc;
	if (version == 0) /* a file cut to nothing must not pass for a new ledger */
		return err_set(e, RR_NOTFOUND, "%s is empty: there is no ledger in it", l->path);
	if (version < SCHEMA_VERSION || schema_load_codec(l, &ignored)) {
		struct ledger *writer = ledger_open(l->path, LEDGER_WRITE, e);
		if (!writer)
			return -RR_STORE;
		ledger_close(writer);
	}
	return store_exec(l, "PRAGMA query_only=ON", e);
}

struct ledger *ledger_open(const char *path, enum ledger_mode mode, struct err *e)
{
	struct ledger *l = calloc(1, sizeof *l);
	char lock_name[PATH_MAX];
	int rc;
	if (!l || !(l->path = strdup(path))) {
		free(l);
		err_set(e, RR_NOMEM, "out of memory");
		return NULL;
	}
	l->mode = mode;
	l->lock_fd = -1;
	l->checkpoint_pages = CHECKPOINT_PAGES;
	if (mode == LEDGER_READ && !fs_exists(path)) {
		rc = err_set(e, RR_NOTFOUND, "there is no ledger at %s", path);
		err_hint(e, "record calls with `runrate serve`, read exports with `runrate import`, or name one with --ledger");
		goto out;
	}
	if (mode == LEDGER_WRITE) {
		rc = fs_make_parent(path, e);
		if (!rc)
			rc = touch(path, e);
		if (rc)
			goto out;
		snprintf(lock_name, sizeof lock_name, "%s-lock", path);
		l->lock_fd = open(lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (l->lock_fd < 0) {
			rc = err_set(e, RR_STORE, "cannot open %s: %s", lock_name, strerror(errno));
			goto out;
		}
	}
	rc = connect(l, e);
	if (!rc)
		rc = mode == LEDGER_WRITE ? prepare_for_writing(l, e) : prepare_for_reading(l, e);
	if (!rc)
		rc = schema_load_codec(l, e);
	if (!rc && mode == LEDGER_WRITE && !store_stmt(l, ST_ROLLBACK, "ROLLBACK", e))
		rc = -RR_STORE;
out:
	if (rc) {
		ledger_close(l);
		return NULL;
	}
	return l;
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	if (l->in_tx)
		ledger_rollback(l);
	for (unsigned i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(l->st[i]);
	for (unsigned i = 0; i < ROLLUP_TABLES * UPSERTS; i++)
		sqlite3_finalize(l->upsert[i / UPSERTS][i % UPSERTS].st);
	free(l->waiting);
	sqlite3_close(l->db);
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	label_cache_fini(l);
	rollup_fini(&l->tx_rollup);
	free(l->path);
	free(l);
}

const char *ledger_path(const struct ledger *l)
{
	return l->path;
}

struct sqlite3 *ledger_db(struct ledger *l)
{
	return l->db;
}

/* ---- transactions ---- */

static int step_once(struct ledger *l, enum store_stmt which, const char *sql)
{
	sqlite3_stmt *st = store_stmt(l, which, sql, NULL);
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;
	if (st && rc == SQLITE_DONE)
		sqlite3_reset(st);
	return rc;
}

/* Ends what is open without a trace. Its statement was prepared while memory was there; if it still fails for want of
 * memory, it is tried again: an open transaction would lock everybody else out. */
static void end_open(struct ledger *l)
{
	for (unsigned i = 0; !sqlite3_get_autocommit(l->db) && i < ROLLBACK_TRIES; i++) {
		if (step_once(l, ST_ROLLBACK, "ROLLBACK") != SQLITE_DONE && l->st[ST_ROLLBACK])
			sqlite3_reset(l->st[ST_ROLLBACK]);
		if (i && !sqlite3_get_autocommit(l->db))
			usleep(ROLLBACK_WAIT_US);
	}
}

int ledger_begin(struct ledger *l, struct err *e)
{
	int rc;
	check(l->mode == LEDGER_WRITE && !l->in_tx);
	rc = lock_take(l, e);
	if (rc)
		return rc;
	if (step_once(l, ST_BEGIN, "BEGIN IMMEDIATE") != SQLITE_DONE) {
		rc = store_error(l, e, "beginning a transaction");
		if (l->st[ST_BEGIN])
			sqlite3_reset(l->st[ST_BEGIN]);
		end_open(l); /* it may have begun before it failed */
		lock_drop(l);
		return rc;
	}
	l->in_tx = true;
	l->first_added = 0;
	rollup_drop(&l->tx_rollup);
	l->last_row = call_max_row(l, e);
	if (l->last_row < 0) {
		ledger_rollback(l);
		return -RR_STORE;
	}
	return 0;
}

int store_commit_only(struct ledger *l, struct err *e)
{
	int rc;
	check(l->in_tx);
	if (step_once(l, ST_COMMIT, "COMMIT") != SQLITE_DONE) {
		rc = store_error(l, e, "committing");
		if (l->st[ST_COMMIT])
			sqlite3_reset(l->st[ST_COMMIT]);
		ledger_rollback(l);
		return rc;
	}
	l->in_tx = false;
	lock_drop(l);
	return 0;
}

int ledger_commit(struct ledger *l, struct err *e)
{
	int64_t mark;
	int rc = 0;
	check(l->in_tx);
	rc = row_flush(l, e);
	if (rc) {
		ledger_rollback(l);
		return rc;
	}
	/* Rows that were added here go into the roll-ups at once, unless older ones still wait for the writer. */
	if (l->first_added) {
		rc = rollup_mark(l, &mark, e);
		if (!rc && mark == l->first_added - 1)
			rc = rollup_flush(l, &l->tx_rollup, l->last_row, e);
		if (rc) {
			ledger_rollback(l);
			return rc;
		}
	}
	rc = store_commit_only(l, e);
	rollup_drop(&l->tx_rollup);
	return rc ? rc : store_checkpoint(l, e);
}

void ledger_rollback(struct ledger *l)
{
	if (!l->in_tx)
		return;
	for (unsigned i = 0; i < ST_COUNT; i++)
		sqlite3_reset(l->st[i]);
	end_open(l);
	l->in_tx = false;
	l->first_added = 0;
	rollup_drop(&l->tx_rollup);
	row_forget(l);
	label_cache_clear(l);
	memset(l->span_noted, 0, sizeof l->span_noted);
	lock_drop(l);
}

int store_checkpoint(struct ledger *l, struct err *e)
{
	int rc, logged, done;
	if (l->wal_pages < l->checkpoint_pages) {
		if (l->wal_pages - l->asked_pages >= l->checkpoint_pages / 2) {
			log_sync_ask(l->log_sync);
			l->asked_pages = l->wal_pages;
		}
		return 0;
	}
	rc = lock_take(l, e);
	if (rc)
		return rc;
	rc = sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &logged, &done);
	lock_drop(l);
	l->wal_pages = l->asked_pages = 0; /* the next commit's hook says how many there are then */
	return rc == SQLITE_OK || rc == SQLITE_BUSY ? 0 : store_error(l, e, "a checkpoint");
}

int store_read_begin(struct ledger *l, bool *opened, struct err *e)
{
	*opened = sqlite3_get_autocommit(l->db) != 0;
	return *opened ? store_exec(l, "BEGIN", e) : 0;
}

void store_read_end(struct ledger *l, bool opened)
{
	if (opened && !sqlite3_get_autocommit(l->db))
		sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL);
}
