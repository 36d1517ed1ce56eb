/* SPDX-License-Identifier: Apache-2.0
 *
 * See import_store.h. While a batch is open its rows gather in import_call, unseen, and the change that they make
 * to the roll-ups gathers in memory, and beyond 64 MiB in the delta (rollup_delta.c): plus for each new row, minus for
 * each row that stops counting. Finishing writes the keys and the superseded rows, still unseen, and then makes all of
 * it count in one short transaction. Since only one import or undo runs at a time, what counts cannot change
 * underneath.
 *
 * Nothing needs to be on stable storage before the last transaction, so the others are not synced (SQLite's NORMAL:
 * a power cut may take them, never out of order, and they did not count).
 */
#include "ledger/import_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "ledger/import_keys.h"
#include "ledger/log_sync.h"

enum { PERIODS_MOST = 400, HOLD_US = 10000, LOOK_ROWS = 32, LOG_PAGES = 1000 };

struct import {
	struct import_delta delta;
	struct import_batch b;
	int role_fd;
	bool dry;
	unsigned rows;       /* of the transaction that is open */
	uint64_t begun_us;
	int64_t first_row, next_row;
	struct import_keys *keys;
	uint64_t *repeat; /* a bit for each older row: this batch has it too */
	struct period {
		int64_t from_us, to_us;
		bool report;         /* perhaps a part of one */
		uint64_t own, known; /* of its rows in there; those that stood there */
	} period[PERIODS_MOST];
	unsigned periods, at; /* at: where the last row lay */
};

/* ---- what killed imports left behind ---- */

static int sweep_rows(struct ledger *l, int64_t from, int64_t to, bool keys, struct err *e)
{
	sqlite3_stmt *st;
	int rc = ledger_begin(l, e);
	if (rc)
		return rc;
	rc = keys ? import_keys_drop(l, from, to, e) : 0;
	st = rc ? NULL : store_query(l, e, "DELETE FROM import_call WHERE row>=?1 AND row<?2");
	if (!st)
		rc = rc ? rc : -RR_STORE;
	if (st) {
		sqlite3_bind_int64(st, 1, from);
		sqlite3_bind_int64(st, 2, to);
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = store_error(l, e, "dropping rows of a killed import");
		sqlite3_finalize(st);
	}
	if (!rc)
		return ledger_commit(l, e);
	ledger_rollback(l);
	return rc;
}

/* It never counted, so it may go: from the newest row down, so that a sweep that is killed can go on. One import at a
 * time writes rows: those of open batches are the last ones. */
static int sweep(struct ledger *l, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM supersede WHERE batch IN (SELECT id FROM batch WHERE state=0)",
		"DELETE FROM repeat WHERE batch IN (SELECT id FROM batch WHERE state=0)",
		"DELETE FROM period WHERE batch IN (SELECT id FROM batch WHERE state=0)",
		"DELETE FROM outlay WHERE batch IN (SELECT id FROM batch WHERE state=0)",
		"UPDATE batch SET state=2 WHERE state=0",
	};
	int64_t first, last, keys, step = import_sizes.rows_at_once;
	int rc = store_number(l, "SELECT ifnull(min(first_row),0) FROM batch WHERE state=0", &first, "reading the imports", e);
	if (!rc)
		rc = delta_settle(l, e);
	if (rc || !first)
		return rc;
	rc = store_number(l, "SELECT ifnull(max(row),0) FROM import_call", &last, "reading the imports", e);
	if (!rc) /* a batch that had begun to write keys says so */
		rc = store_number(l, "SELECT EXISTS (SELECT 1 FROM batch WHERE state=0 AND last_row<>0)", &keys,
				  "reading the imports", e);
	for (int64_t to = last + 1; to > first && !rc; to -= step)
		rc = sweep_rows(l, to - step > first ? to - step : first, to, keys != 0, e);
	if (!rc)
		rc = ledger_begin(l, e);
	for (unsigned i = 0; i < sizeof sql / sizeof *sql && !rc; i++)
		rc = store_exec(l, sql[i], e);
	if (!rc)
		return ledger_commit(l, e);
	ledger_rollback(l);
	return rc;
}

/* ---- beginning ---- */

static int batch_add(struct import *im, struct err *e)
{
	struct ledger *l = im->delta.l;
	sqlite3_stmt *st;
	int rc = 0;
	st = store_query(l, e, "INSERT INTO batch(state,source,scope,file,file_hash,parser,started,first_row,"
			       "last_row,rows_read,rows_new,rows_duplicate,rows_revised,rows_rejected,shape)"
			       " VALUES(0,?1,?2,?3,?4,?5,?6,?7,0,0,0,0,0,0,?8)");
	if (!st)
		return -RR_STORE;
	bind_text(st, 1, str_of(im->b.source));
	bind_text(st, 2, str_of(im->b.scope));
	bind_text(st, 3, str_of(im->b.file));
	sqlite3_bind_blob(st, 4, im->b.file_hash, sizeof im->b.file_hash, SQLITE_STATIC);
	bind_text(st, 5, str_of(im->b.parser));
	sqlite3_bind_int64(st, 6, im->b.started_us);
	sqlite3_bind_int64(st, 7, im->first_row);
	sqlite3_bind_int64(st, 8, (int64_t)im->b.shape);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_error(l, e, "beginning an import");
	sqlite3_finalize(st);
	im->b.id = sqlite3_last_insert_rowid(l->db);
	return rc;
}

static int begin(struct import *im, struct err *e)
{
	struct ledger *l = im->delta.l;
	struct key_place place = {.source = im->b.source, .unique = im->b.unique};
	int rc = im->dry ? 0 : sweep(l, e);
	if (!rc)
		rc = store_number(l, "SELECT ifnull(max(row),0)+1 FROM import_call", &im->first_row, "reading the imports", e);
	im->next_row = im->first_row;
	if (!rc && !im->dry) {
		rc = ledger_begin(l, e);
		if (!rc)
			rc = batch_add(im, e);
		if (!rc)
			rc = ledger_commit(l, e);
		if (!rc)
			rc = store_exec(l, "PRAGMA synchronous=NORMAL", e);
		l->checkpoint_pages = LOG_PAGES;
		l->log_sync = log_sync_new(l->path);
	}
	place.batch = im->b.id;
	place.first_row = im->first_row;
	if (!rc && !(im->keys = import_keys_new(l, &place, im->dry, e)))
		rc = -RR_STORE;
	return rc;
}

struct import *ledger_import_begin(struct ledger *l, const struct import_batch *b, bool dry, struct err *e)
{
	struct import *im = calloc(1, sizeof *im);
	int rc;
	if (!im) {
		err_set(e, RR_NOMEM, "out of memory for an import");
		return NULL;
	}
	im->delta.l = l;
	im->b = *b;
	im->dry = dry;
	im->b.id = 0;
	im->b.rows_read = im->b.rows_new = im->b.rows_duplicate = im->b.rows_revised = im->b.rows_rejected = 0;
	im->role_fd = store_role_lock(l->path, "-import", "import", e);
	rc = im->role_fd < 0 ? -RR_STORE : begin(im, e);
	if (rc) {
		ledger_import_abort(im);
		return NULL;
	}
	return im;
}

/* ---- rows ---- */

static int chunk_begin(struct import *im, struct err *e)
{
	if (im->delta.l->in_tx)
		return 0;
	im->rows = 0;
	im->begun_us = clock_mono(&clock_system);
	return ledger_begin(im->delta.l, e);
}

/* What takes longer, between two transactions. */
static int bound(struct import *im, struct err *e)
{
	int rc = import_delta_bound(&im->delta, e);
	return rc ? rc : import_keys_bound(im->keys, e);
}

/* Rule 3: the lock is given back after some milliseconds. */
static int chunk_end(struct import *im, struct err *e)
{
	int rc = 0;
	if (im->dry || ++im->rows % LOOK_ROWS != 0 || clock_mono(&clock_system) - im->begun_us < HOLD_US)
		return 0;
	rc = ledger_commit(im->delta.l, e);
	return rc ? rc : bound(im, e);
}

static int chunk_close(struct import *im, struct err *e)
{
	return im->delta.l->in_tx && !im->dry ? ledger_commit(im->delta.l, e) : 0;
}

static int add_supersede(struct import *im, int64_t row, struct err *e)
{
	sqlite3_stmt *st = store_stmt(im->delta.l, ST_SUPERSEDE, "INSERT OR IGNORE INTO supersede(row, batch) VALUES(?1, ?2)", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, row);
	sqlite3_bind_int64(st, 2, im->b.id);
	if (sqlite3_step(st) != SQLITE_DONE)
		return store_error(im->delta.l, e, "superseding a row");
	sqlite3_reset(st);
	import_keys_superseded(im->keys);
	return 0;
}

static void natural_bytes(struct hash128 h, unsigned char out[16])
{
	uint64_t hi = __builtin_bswap64(h.hi), lo = __builtin_bswap64(h.lo);
	memcpy(out, &hi, 8);
	memcpy(out + 8, &lo, 8);
}

/* A repeated row stays where it is, and this batch has it too. */
static int repeat(struct import *im, int64_t row, struct err *e)
{
	if (row >= im->first_row)
		return 0;
	if (!im->repeat && !(im->repeat = calloc((size_t)im->first_row / 64 + 1, sizeof *im->repeat)))
		return err_set(e, RR_NOMEM, "out of memory for the rows that an import repeats");
	im->repeat[row / 64] |= UINT64_C(1) << row % 64;
	return 0;
}

static bool is_repeated(const struct import *im, int64_t row)
{
	return im->repeat && im->repeat[row / 64] >> row % 64 & 1;
}

static int add_row(struct import *im, const struct call *given, struct hash128 natural, struct row_extra *x,
		   struct err *e)
{
	struct ledger *l = im->delta.l;
	struct call c = *given; /* which also fetches it at once from where another core wrote it */
	struct label *lb;
	int rc;
	c.provenance = PROV_IMPORTED;
	if (c.id.hi == 0 && c.id.lo == 0)
		c.id = (struct call_id){natural.hi, natural.lo};
	if (c.operation.hi == 0 && c.operation.lo == 0)
		c.operation = c.id;
	x->batch = im->b.id;
	natural_bytes(natural, x->nat);
	rc = row_add(l, &c, im->next_row, x, &lb, e);
	if (!rc)
		rc = import_keys_add(im->keys, natural, im->next_row, e);
	if (!rc && c.start_us % (3600 * US_PER_S))
		rc = span_note(l, SPAN_IMPORTS, hour_of(c.start_us), im->next_row, e);
	if (rc)
		return rc;
	im->next_row++;
	return sums_fold(&im->delta.sums, &c, lb->id, 1) ? err_set(e, RR_NOMEM, "out of memory for roll-ups") : 0;
}

static void see_period(struct import *im, int64_t start_us, bool known)
{
	for (unsigned n = 0; n < im->periods; n++, im->at = (im->at + 1) % im->periods) {
		struct period *p = &im->period[im->at];
		if (start_us < p->from_us || start_us >= p->to_us)
			continue;
		p->own++;
		p->known += known;
		return;
	}
}

int ledger_import_add(struct import *im, const struct call *c, struct hash128 natural, struct hash128 body,
		      int64_t line, struct str claimed, enum import_result *result, struct err *e)
{
	struct row_extra x = {.line = line, .claimed = claimed};
	struct hash128 old_body;
	int64_t old;
	int rc = im->dry ? 0 : chunk_begin(im, e);
	if (!rc)
		rc = import_keys_find(im->keys, natural, &old, &old_body, e);
	if (rc)
		return rc;
	im->b.rows_read++;
	if (im->periods)
		see_period(im, c->start_us, old && old < im->first_row);
	if (old && old_body.hi == body.hi && old_body.lo == body.lo) {
		*result = IMPORT_DUPLICATE;
		im->b.rows_duplicate++;
		rc = repeat(im, old, e);
		return rc ? rc : chunk_end(im, e);
	}
	*result = old ? IMPORT_REVISED : IMPORT_NEW;
	*(old ? &im->b.rows_revised : &im->b.rows_new) += 1;
	if (im->dry) /* nothing is written: no lock is taken */
		return import_keys_note(im->keys, natural, body, im->next_row++, e);
	natural_bytes(body, x.body);
	rc = old ? add_supersede(im, old, e) : 0;
	if (!rc && old)
		rc = import_delta_row(&im->delta, old, -1, e);
	if (!rc)
		rc = add_row(im, c, natural, &x, e);
	return rc ? rc : chunk_end(im, e);
}

/* A dry run's outlays do need a transaction, which is rolled back: there are few of them. */
int ledger_import_outlay(struct import *im, const struct outlay *o, struct err *e)
{
	int rc = chunk_begin(im, e), bad;
	if (rc)
		return rc;
	im->b.rows_read++;
	rc = outlay_add(im->delta.l, o, im->b.id, e);
	if (rc && rc != -RR_EXISTS)
		return rc;
	*(rc ? &im->b.rows_duplicate : &im->b.rows_new) += 1;
	bad = chunk_end(im, e);
	return bad ? bad : rc;
}

int ledger_import_replace(struct import *im, int64_t from_us, int64_t to_us, struct err *e)
{
	if (im->periods == PERIODS_MOST)
		return err_set(e, RR_LIMIT, "an import may replace at most %d periods", PERIODS_MOST);
	im->period[im->periods++] = (struct period){.from_us = from_us, .to_us = to_us};
	return 0;
}

int ledger_import_report(struct import *im, int64_t from_us, int64_t to_us, struct err *e)
{
	int rc = ledger_import_replace(im, from_us, to_us, e);
	if (!rc)
		im->period[im->periods - 1].report = true;
	return rc;
}

void ledger_import_reject(struct import *im, uint64_t rows)
{
	im->b.rows_read += rows;
	im->b.rows_rejected += rows;
}

int64_t ledger_import_hold_us(const struct import *im)
{
	uint64_t held_us = clock_mono(&clock_system) - im->begun_us;
	if (!im->delta.l->in_tx || im->dry)
		return -1;
	return held_us < HOLD_US ? (int64_t)(HOLD_US - held_us) : 0;
}

int ledger_import_pause(struct import *im, struct err *e)
{
	int rc = chunk_close(im, e);
	return rc || im->dry ? rc : bound(im, e);
}

/* ---- whole periods ---- */

/* What counts in the period: *rows under this batch's header, *others under another one. */
static int rows_there(struct import *im, const struct period *p, int64_t *rows, int64_t *others, struct err *e)
{
	struct ledger *l = im->delta.l;
	char sql[1600];
	sqlite3_stmt *st;
	int rc;
	snprintf(sql, sizeof sql,
		 "SELECT ifnull(sum(o.shape=?5),0),ifnull(sum(o.shape<>?5),0) FROM batch o CROSS JOIN import_call i ON i.row>=o.first_row"
		 " AND i.row<=o.last_row AND i.batch=o.id WHERE o.state<>0 AND o.source=?1 AND o.scope=?2 AND i.start>=?3 AND i.start<?4 AND %s",
		 import_current);
	st = store_query(l, e, sql);
	if (!st)
		return -RR_STORE;
	bind_text(st, 1, str_of(im->b.source));
	bind_text(st, 2, str_of(im->b.scope));
	sqlite3_bind_int64(st, 3, p->from_us);
	sqlite3_bind_int64(st, 4, p->to_us);
	sqlite3_bind_int64(st, 5, (int64_t)im->b.shape);
	rc = sqlite3_step(st) == SQLITE_ROW ? 0 : store_error(l, e, "looking at a period");
	*rows = sqlite3_column_int64(st, 0);
	*others = sqlite3_column_int64(st, 1);
	sqlite3_finalize(st);
	return rc;
}

/* Is this batch a newer report of the period, or a part of a newer one? It has rows that stand there (of a month whose
 * first hour alone stood there, one in 744), or the most of what stands there, or that has another header, as no two
 * parts have. A row or two that say the same in two parts are no sign. */
static int is_newer(struct import *im, const struct period *p, bool *newer, struct err *e)
{
	int64_t rows, others;
	int rc;
	*newer = !p->report || !im->b.shape || (p->known > 2 && p->known >= p->own / 1000);
	if (*newer)
		return 0;
	rc = rows_there(im, p, &rows, &others, e);
	*newer = !rc && (others || (uint64_t)rows <= 2 * p->known);
	return rc;
}

/* Forgets the periods that a further part does not replace. */
static int drop_parts(struct import *im, struct err *e)
{
	unsigned kept = 0;
	int rc = 0;
	for (unsigned i = 0; i < im->periods && !rc && !im->dry; i++) {
		bool newer = true;
		rc = is_newer(im, &im->period[i], &newer, e);
		if (newer)
			im->period[kept++] = im->period[i];
		else
			im->b.parts++;
	}
	im->periods = kept;
	return rc;
}

struct replacing {
	struct import *im;
	int64_t *row;
	size_t count, room;
};

/* A row of an earlier batch of this source and scope, in the period: gone unless this batch has it. */
static int replace_row(const struct call *c, int64_t row, struct str nat, bool *fold, void *arg, struct err *e)
{
	struct replacing *r = arg;
	bool inside = false;
	for (unsigned i = 0; i < r->im->periods && !inside; i++)
		inside = c->start_us >= r->im->period[i].from_us && c->start_us < r->im->period[i].to_us;
	*fold = inside && !is_repeated(r->im, row);
	if (!*fold)
		return 0;
	if (!array_room(r->row, r->count, r->room, ARRAY_MOST))
		return err_set(e, RR_NOMEM, "out of memory to replace a period");
	r->row[r->count++] = row;
	return 0;
}

static int replace_rows(struct import *im, int64_t batch, int64_t from, int64_t to, struct err *e)
{
	struct replacing r = {.im = im};
	char where[1400];
	int rc;
	/* a revised row is superseded already */
	snprintf(where, sizeof where,
		 "WHERE i.row>=?1 AND i.row<?2 AND i.batch=%lld AND %s AND NOT EXISTS"
		 " (SELECT 1 FROM supersede s WHERE s.row=i.row AND s.batch=%lld)",
		 (long long)batch, import_current, (long long)im->b.id);
	rc = import_delta_rows(&im->delta, where, from, to, -1, replace_row, &r, e);
	im->b.rows_replaced += r.count;
	for (size_t i = 0; i < r.count && !rc; i++) {
		rc = chunk_begin(im, e);
		if (!rc)
			rc = add_supersede(im, r.row[i], e);
		if (!rc)
			rc = chunk_end(im, e);
	}
	free(r.row);
	if (!rc)
		rc = chunk_close(im, e);
	return rc ? rc : import_delta_bound(&im->delta, e);
}

struct span {
	int64_t batch, first, last;
};

static int replace_periods(struct import *im, struct err *e)
{
	struct ledger *l = im->delta.l;
	struct span *span = NULL;
	size_t count = 0;
	sqlite3_stmt *st;
	int rc;
	if (!im->periods || im->dry)
		return 0;
	/* those of undone batches too: another one may repeat their rows */
	st = store_query(l, e, "SELECT id,first_row,last_row FROM batch WHERE state<>0 AND source=?1 AND scope=?2 AND last_row>=first_row");
	if (!st)
		return -RR_STORE;
	bind_text(st, 1, str_of(im->b.source));
	bind_text(st, 2, str_of(im->b.scope));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct span *p = realloc(span, (count + 1) * sizeof *p);
		if (!p)
			break;
		span = p;
		span[count++] = (struct span){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
					      sqlite3_column_int64(st, 2)};
	}
	rc = rc == SQLITE_DONE  ? 0
	     : rc == SQLITE_ROW ? err_set(e, RR_NOMEM, "out of memory")
				: store_error(l, e, "a period");
	sqlite3_finalize(st);
	for (size_t i = 0; i < count && !rc; i++)
		for (int64_t at = span[i].first; at <= span[i].last && !rc; at += import_sizes.rows_at_once) {
			int64_t to = at + import_sizes.rows_at_once;
			rc = replace_rows(im, span[i].batch, at, to <= span[i].last ? to : span[i].last + 1, e);
		}
	free(span);
	return rc;
}

/* ---- the end ---- */

static int write_keys(struct import *im, struct err *e)
{
	struct ledger *l = im->delta.l;
	int rc = im->next_row > im->first_row ? 1 : 0;
	if (rc == 1) { /* the sweep of a killed import must know that there are keys */
		int bad = import_keys_end(im->keys, e);
		if (!bad)
			bad = ledger_begin(l, e);
		if (!bad)
			bad = import_run(l, "UPDATE batch SET last_row=?2 WHERE id=?1", im->b.id, im->next_row - 1, "an import", e);
		if (!bad)
			bad = ledger_commit(l, e);
		if (bad)
			return bad;
	}
	while (rc == 1) {
		rc = ledger_begin(l, e);
		if (!rc)
			rc = import_keys_write(im->keys, import_sizes.rows_at_once, e);
		if (rc >= 0) {
			int bad = ledger_commit(l, e);
			rc = bad ? bad : rc;
		}
	}
	return rc;
}

static int put_repeat(struct import *im, int64_t block, struct err *e)
{
	sqlite3_stmt *st = store_stmt(im->delta.l, ST_REPEAT_ADD, "INSERT INTO repeat(block,batch,bits) VALUES(?1,?2,?3)", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, block);
	sqlite3_bind_int64(st, 2, im->b.id);
	sqlite3_bind_int64(st, 3, (int64_t)im->repeat[block]);
	if (sqlite3_step(st) != SQLITE_DONE)
		return store_error(im->delta.l, e, "noting what an import repeats");
	sqlite3_reset(st);
	return 0;
}

/* What an undo must know of this batch, still unseen. */
static int write_marks(struct import *im, struct err *e)
{
	char sql[160];
	int rc = 0;
	for (int64_t block = 0; im->repeat && block <= im->first_row / 64 && !rc; block++) {
		if (!im->repeat[block])
			continue;
		rc = chunk_begin(im, e);
		if (!rc)
			rc = put_repeat(im, block, e);
		if (!rc)
			rc = chunk_end(im, e);
	}
	for (unsigned i = 0; i < im->periods && !rc; i++) {
		snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO period(batch,since,until) VALUES(%lld,?1,?2)", (long long)im->b.id);
		rc = chunk_begin(im, e);
		if (!rc)
			rc = import_run(im->delta.l, sql, im->period[i].from_us, im->period[i].to_us, "an import", e);
	}
	return rc ? rc : chunk_close(im, e);
}

static int batch_finish(struct import *im, struct err *e)
{
	struct ledger *l = im->delta.l;
	sqlite3_stmt *st = store_query(l, e, "UPDATE batch SET state=1,last_row=?2,rows_read=?3,rows_new=?4,"
					     "rows_duplicate=?5,rows_revised=?6,rows_rejected=?7 WHERE id=?1");
	int rc = 0;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, im->b.id);
	sqlite3_bind_int64(st, 2, im->next_row - 1);
	sqlite3_bind_int64(st, 3, (int64_t)im->b.rows_read);
	sqlite3_bind_int64(st, 4, (int64_t)im->b.rows_new);
	sqlite3_bind_int64(st, 5, (int64_t)im->b.rows_duplicate);
	sqlite3_bind_int64(st, 6, (int64_t)im->b.rows_revised);
	sqlite3_bind_int64(st, 7, (int64_t)im->b.rows_rejected);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_error(l, e, "finishing an import");
	sqlite3_finalize(st);
	return rc ? rc : import_delta_count(&im->delta, e);
}

static void import_free(struct import *im)
{
	struct ledger *l = im->delta.l;
	l->checkpoint_pages = CHECKPOINT_PAGES;
	log_sync_free(l->log_sync);
	l->log_sync = NULL;
	store_exec(l, "PRAGMA synchronous=FULL", NULL);
	import_keys_free(im->keys);
	sums_fini(&im->delta.sums);
	free(im->repeat);
	if (im->role_fd >= 0)
		close(im->role_fd);
	free(im);
}

static int finish(struct import *im, struct err *e)
{
	struct ledger *l = im->delta.l;
	int rc = chunk_close(im, e);
	if (!rc)
		rc = write_keys(im, e);
	if (!rc)
		rc = drop_parts(im, e);
	if (!rc)
		rc = replace_periods(im, e);
	if (!rc)
		rc = write_marks(im, e);
	if (!rc)
		rc = import_delta_last(&im->delta, e);
	if (!rc) /* from here on it must last */
		rc = store_exec(l, "PRAGMA synchronous=FULL", e);
	if (!rc)
		rc = ledger_begin(l, e);
	if (!rc)
		rc = batch_finish(im, e);
	if (!rc)
		rc = ledger_commit(l, e);
	if (!rc) {
		im->b.state = BATCH_LIVE;
		delta_settle(l, NULL); /* it counts already; where this fails, the next import goes on with it */
	}
	return rc;
}

int ledger_import_finish(struct import *im, struct import_batch *out, struct err *e)
{
	int rc = im->dry ? 0 : finish(im, e);
	ledger_rollback(im->delta.l);
	if (im->dry)
		im->b.state = BATCH_OPEN;
	if (out)
		*out = im->b;
	import_free(im);
	return rc;
}

void ledger_import_abort(struct import *im)
{
	if (!im)
		return;
	ledger_rollback(im->delta.l);
	if (!im->dry && im->b.id && im->role_fd >= 0)
		sweep(im->delta.l, NULL);
	import_free(im);
}
