/* SPDX-License-Identifier: Apache-2.0
 *
 * See import_store.h. While a batch is open its rows gather in import_call, unseen, and the change that they make
 * to the roll-ups gathers in memory: plus for each new row, minus for each row that stops counting. Finishing
 * writes both in one transaction. Since only one import or undo runs at a time, what counts cannot change
 * underneath.
 */
#include "ledger/import_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ledger/store.h"

enum { CHUNK_ROWS = 1000, PERIODS_MOST = 400 };

struct import {
	struct ledger *l;
	struct import_batch b;
	struct rollup delta;
	int role_fd;
	bool dry;
	unsigned in_chunk;
	int64_t first_row, next_row;
	struct {
		int64_t from_us, to_us;
	} period[PERIODS_MOST];
	unsigned periods;
};

#define BATCH_COLUMNS "id,state,source,scope,file,file_hash,parser,started,rows_read,rows_new,rows_duplicate,"           \
		      "rows_revised,rows_rejected"

static int run_with(struct ledger *l, const char *sql, int64_t a, int64_t b, const char *doing, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, sql);
	int rc;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, a);
	if (sqlite3_bind_parameter_count(st) > 1)
		sqlite3_bind_int64(st, 2, b);
	do
		rc = sqlite3_step(st);
	while (rc == SQLITE_ROW);
	rc = rc == SQLITE_DONE ? 0 : store_error(l, e, doing);
	sqlite3_finalize(st);
	return rc;
}

/* What killed imports left behind never counted, so it may go. */
static int sweep(struct ledger *l, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM supersede WHERE batch IN (SELECT id FROM batch WHERE state=0)",
		"DELETE FROM import_call WHERE row>=(SELECT min(first_row) FROM batch WHERE state=0)"
		" AND batch IN (SELECT id FROM batch WHERE state=0)",
		"DELETE FROM outlay WHERE batch IN (SELECT id FROM batch WHERE state=0)",
		"UPDATE batch SET state=2 WHERE state=0",
	};
	int rc = 0;
	for (unsigned i = 0; i < sizeof sql / sizeof *sql && !rc; i++)
		rc = store_exec(l, sql[i], e);
	return rc;
}

static int one_number(struct ledger *l, const char *sql, int64_t *out, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, sql);
	int rc;
	if (!st)
		return -RR_STORE;
	rc = sqlite3_step(st) == SQLITE_ROW ? 0 : store_error(l, e, "reading the imports");
	*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc;
}

static int batch_add(struct import *im, struct err *e)
{
	struct ledger *l = im->l;
	sqlite3_stmt *st;
	int rc = one_number(l, "SELECT ifnull(max(row),0)+1 FROM import_call", &im->first_row, e);
	im->next_row = im->first_row;
	st = rc ? NULL : store_query(l, e, "INSERT INTO batch(state,source,scope,file,file_hash,parser,started,first_row,"
					   "last_row,rows_read,rows_new,rows_duplicate,rows_revised,rows_rejected)"
					   " VALUES(0,?1,?2,?3,?4,?5,?6,?7,0,0,0,0,0,0)");
	if (!st)
		return rc ? rc : -RR_STORE;
	bind_text(st, 1, str_of(im->b.source));
	bind_text(st, 2, str_of(im->b.scope));
	bind_text(st, 3, str_of(im->b.file));
	sqlite3_bind_blob(st, 4, im->b.file_hash, sizeof im->b.file_hash, SQLITE_STATIC);
	bind_text(st, 5, str_of(im->b.parser));
	sqlite3_bind_int64(st, 6, im->b.started_us);
	sqlite3_bind_int64(st, 7, im->first_row);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_error(l, e, "beginning an import");
	sqlite3_finalize(st);
	im->b.id = sqlite3_last_insert_rowid(l->db);
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
	im->l = l;
	im->b = *b;
	im->dry = dry;
	im->b.rows_read = im->b.rows_new = im->b.rows_duplicate = im->b.rows_revised = im->b.rows_rejected = 0;
	im->role_fd = store_role_lock(l->path, "-import", "import", e);
	rc = im->role_fd < 0 ? -RR_STORE : ledger_begin(l, e);
	if (!rc) {
		rc = sweep(l, e);
		if (!rc)
			rc = batch_add(im, e);
		if (!rc && !dry) /* a dry run stays within one transaction that is rolled back */
			rc = ledger_commit(l, e);
	}
	if (rc) {
		ledger_import_abort(im);
		return NULL;
	}
	return im;
}

static int chunk_begin(struct import *im, struct err *e)
{
	im->in_chunk++;
	return im->l->in_tx ? 0 : ledger_begin(im->l, e);
}

static int chunk_end(struct import *im, struct err *e)
{
	if (im->dry || im->in_chunk < CHUNK_ROWS)
		return 0;
	im->in_chunk = 0;
	return ledger_commit(im->l, e);
}

/* Folds every imported row that the condition (with one number, ?1) names. */
static int fold_rows(struct import *im, const char *where, int64_t number, int sign, struct err *e)
{
	struct sb sql;
	struct call c;
	struct label *lb;
	int64_t label;
	sqlite3_stmt *st;
	int rc = 0;
	sb_init(&sql, 8192);
	row_select(im->l, true, where, &sql);
	st = store_query(im->l, e, sql.p);
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, number);
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		rc = row_read(im->l, st, true, &c, NULL, &label, NULL, e);
		if (!rc)
			rc = label_by_id(im->l, label, &lb, e);
		if (!rc && rollup_fold(&im->delta, &c, lb, sign))
			rc = err_set(e, RR_NOMEM, "out of memory for roll-ups");
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(im->l, e, "reading imported rows");
	sqlite3_finalize(st);
	return rc;
}

static int supersede(struct import *im, int64_t row, struct err *e)
{
	sqlite3_stmt *st = store_stmt(im->l, ST_SUPERSEDE, "INSERT OR IGNORE INTO supersede(row, batch) VALUES(?1, ?2)", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, row);
	sqlite3_bind_int64(st, 2, im->b.id);
	if (sqlite3_step(st) != SQLITE_DONE)
		return store_error(im->l, e, "superseding a row");
	sqlite3_reset(st);
	return fold_rows(im, "WHERE i.row=?1", row, -1, e);
}

static void natural_bytes(struct hash128 h, unsigned char out[16])
{
	for (unsigned i = 0; i < 8; i++) {
		out[i] = (unsigned char)(h.hi >> (56 - 8 * i));
		out[8 + i] = (unsigned char)(h.lo >> (56 - 8 * i));
	}
}

/* The row of that key that counts now, this batch's own included; 0 when there is none. */
static int current_row(struct import *im, const unsigned char nat[16], int64_t *row, unsigned char body[16],
		       struct err *e)
{
	sqlite3_stmt *st = store_stmt(
		im->l, ST_IMPORT_FIND,
		"SELECT i.row, i.body FROM import_call i WHERE i.nat=?1 AND (i.batch=?2 OR EXISTS (SELECT 1 FROM batch b"
		" WHERE b.id=i.batch AND b.state=1)) AND NOT EXISTS (SELECT 1 FROM supersede s JOIN batch b ON b.id=s.batch"
		" WHERE s.row=i.row AND (b.id=?2 OR b.state=1)) ORDER BY i.row DESC LIMIT 1", e);
	int rc;
	*row = 0;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, nat, 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, im->b.id);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		struct str b = column_blob(st, 1);
		*row = sqlite3_column_int64(st, 0);
		memcpy(body, b.p, b.n < 16 ? b.n : 16);
	} else if (rc != SQLITE_DONE) {
		return store_error(im->l, e, "looking up a row");
	}
	sqlite3_reset(st);
	return 0;
}

/* A repeated row stays where it is; the mark keeps a whole-period replacement from dropping it. */
static int keep(struct import *im, int64_t row, struct err *e)
{
	if (!im->periods)
		return 0;
	return run_with(im->l, "INSERT OR IGNORE INTO temp.keep(row) VALUES(?1)", row, 0, "marking a row", e);
}

int ledger_import_add(struct import *im, const struct call *given, struct hash128 natural, struct hash128 body,
		      int64_t line, struct str claimed, enum import_result *result, struct err *e)
{
	struct row_extra x = {.batch = im->b.id, .line = line, .claimed = claimed};
	struct call c = *given;
	struct label *lb;
	unsigned char old_body[16] = {0};
	int64_t old;
	int rc = chunk_begin(im, e);
	if (rc)
		return rc;
	natural_bytes(natural, x.nat);
	natural_bytes(body, x.body);
	c.provenance = PROV_IMPORTED;
	if (c.id.hi == 0 && c.id.lo == 0)
		c.id = (struct call_id){natural.hi, natural.lo};
	if (c.operation.hi == 0 && c.operation.lo == 0)
		c.operation = c.id;
	rc = current_row(im, x.nat, &old, old_body, e);
	if (rc)
		return rc;
	im->b.rows_read++;
	if (old && memcmp(old_body, x.body, 16) == 0) {
		*result = IMPORT_DUPLICATE;
		im->b.rows_duplicate++;
		rc = keep(im, old, e);
		return rc ? rc : chunk_end(im, e);
	}
	*result = old ? IMPORT_REVISED : IMPORT_NEW;
	rc = old ? supersede(im, old, e) : 0;
	if (!rc)
		rc = row_add(im->l, &c, im->next_row, &x, &lb, e);
	if (rc)
		return rc;
	im->next_row++;
	*(old ? &im->b.rows_revised : &im->b.rows_new) += 1;
	if (rollup_fold(&im->delta, &c, lb, 1))
		return err_set(e, RR_NOMEM, "out of memory for roll-ups");
	return chunk_end(im, e);
}

int ledger_import_outlay(struct import *im, const struct outlay *o, struct err *e)
{
	int rc = chunk_begin(im, e);
	if (rc)
		return rc;
	im->b.rows_read++;
	rc = outlay_add(im->l, o, im->b.id, e);
	if (rc == -RR_EXISTS)
		im->b.rows_duplicate++;
	if (rc)
		return rc;
	im->b.rows_new++;
	return chunk_end(im, e);
}

int ledger_import_replace(struct import *im, int64_t from_us, int64_t to_us, struct err *e)
{
	int rc = 0;
	if (im->periods == PERIODS_MOST)
		return err_set(e, RR_LIMIT, "an import may replace at most %d periods", PERIODS_MOST);
	if (!im->periods)
		rc = store_exec(im->l, "CREATE TEMP TABLE IF NOT EXISTS keep(row INTEGER PRIMARY KEY); DELETE FROM temp.keep", e);
	im->period[im->periods].from_us = from_us;
	im->period[im->periods++].to_us = to_us;
	return rc;
}

void ledger_import_reject(struct import *im)
{
	im->b.rows_read++;
	im->b.rows_rejected++;
}

static int replace_period(struct import *im, int64_t from_us, int64_t to_us, struct err *e)
{
	char text[1024];
	int64_t *rows = NULL;
	size_t count = 0, room = 0;
	sqlite3_stmt *st;
	int rc;
	snprintf(text, sizeof text,
		 "SELECT i.row FROM import_call i JOIN batch o ON o.id=i.batch WHERE i.start>=?1 AND i.start<?2 AND"
		 " o.source=?3 AND o.scope=?4 AND i.batch<>?5 AND i.row NOT IN (SELECT row FROM temp.keep) AND %s"
		 " AND NOT EXISTS (SELECT 1 FROM supersede s WHERE s.row=i.row AND s.batch=?5)", import_current);
	st = store_query(im->l, e, text);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, from_us);
	sqlite3_bind_int64(st, 2, to_us);
	bind_text(st, 3, str_of(im->b.source));
	bind_text(st, 4, str_of(im->b.scope));
	sqlite3_bind_int64(st, 5, im->b.id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (count == room) {
			int64_t *p = realloc(rows, (room ? room * 2 : 256) * sizeof *p);
			if (!p)
				break;
			rows = p;
			room = room ? room * 2 : 256;
		}
		rows[count++] = sqlite3_column_int64(st, 0);
	}
	rc = rc == SQLITE_DONE ? 0 : rc == SQLITE_ROW ? err_set(e, RR_NOMEM, "out of memory") : store_error(im->l, e, "a period");
	sqlite3_finalize(st);
	for (size_t i = 0; i < count && !rc; i++)
		rc = supersede(im, rows[i], e);
	free(rows);
	return rc;
}

static int batch_finish(struct import *im, struct err *e)
{
	struct ledger *l = im->l;
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
	return rc ? rc : rollup_flush(l, &im->delta, -1, e);
}

static void import_free(struct import *im)
{
	rollup_fini(&im->delta);
	if (im->role_fd >= 0)
		close(im->role_fd);
	free(im);
}

int ledger_import_finish(struct import *im, struct import_batch *out, struct err *e)
{
	int rc = chunk_begin(im, e);
	for (unsigned i = 0; i < im->periods && !rc; i++)
		rc = replace_period(im, im->period[i].from_us, im->period[i].to_us, e);
	if (!rc)
		rc = batch_finish(im, e);
	if (rc || im->dry)
		ledger_rollback(im->l);
	else
		rc = ledger_commit(im->l, e);
	im->b.state = im->dry ? BATCH_OPEN : BATCH_LIVE;
	if (im->dry)
		im->b.id = 0;
	if (out)
		*out = im->b;
	import_free(im);
	return rc;
}

void ledger_import_abort(struct import *im)
{
	if (!im)
		return;
	ledger_rollback(im->l);
	if (!im->dry && im->b.id && im->role_fd >= 0 && ledger_begin(im->l, NULL) == 0) {
		if (sweep(im->l, NULL) == 0)
			ledger_commit(im->l, NULL);
		else
			ledger_rollback(im->l);
	}
	import_free(im);
}

/* ---- undo ---- */

static int batch_read(sqlite3_stmt *st, struct import_batch *b)
{
	struct str hash = column_blob(st, 5);
	memset(b, 0, sizeof *b);
	b->id = sqlite3_column_int64(st, 0);
	b->state = (enum batch_state)sqlite3_column_int64(st, 1);
	str_copy(b->source, sizeof b->source, column_text(st, 2));
	str_copy(b->scope, sizeof b->scope, column_text(st, 3));
	str_copy(b->file, sizeof b->file, column_text(st, 4));
	memcpy(b->file_hash, hash.p, hash.n < 32 ? hash.n : 32);
	str_copy(b->parser, sizeof b->parser, column_text(st, 6));
	b->started_us = sqlite3_column_int64(st, 7);
	b->rows_read = (uint64_t)sqlite3_column_int64(st, 8);
	b->rows_new = (uint64_t)sqlite3_column_int64(st, 9);
	b->rows_duplicate = (uint64_t)sqlite3_column_int64(st, 10);
	b->rows_revised = (uint64_t)sqlite3_column_int64(st, 11);
	b->rows_rejected = (uint64_t)sqlite3_column_int64(st, 12);
	return 0;
}

int ledger_live_refs(struct ledger *l, int (*fn)(struct str vendor_ref, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT vendor_ref FROM call WHERE vendor_ref IS NOT NULL");
	int rc = 0;
	if (!st)
		return -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW)
		rc = fn(column_text(st, 0), arg);
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading the gateway's calls");
	sqlite3_finalize(st);
	return rc;
}

int ledger_import_batches(struct ledger *l, int (*fn)(const struct import_batch *b, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT " BATCH_COLUMNS " FROM batch WHERE state<>0 ORDER BY id");
	struct import_batch b;
	int rc = 0;
	if (!st)
		return -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		batch_read(st, &b);
		rc = fn(&b, arg);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading batches");
	sqlite3_finalize(st);
	return rc;
}

static int undo_check(struct ledger *l, int64_t batch, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT state FROM batch WHERE id=?1");
	int rc;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, batch);
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE || (rc == SQLITE_ROW && sqlite3_column_int64(st, 0) == BATCH_OPEN)) {
		err_set(e, RR_NOTFOUND, "there is no import batch %lld", (long long)batch);
		rc = -RR_NOTFOUND;
	} else if (rc == SQLITE_ROW) {
		rc = sqlite3_column_int64(st, 0) == BATCH_LIVE
			     ? 0
			     : err_set(e, RR_EXISTS, "import batch %lld was undone already", (long long)batch);
	} else {
		rc = store_error(l, e, "reading a batch");
	}
	sqlite3_finalize(st);
	return rc;
}

int ledger_import_undo(struct ledger *l, int64_t batch, struct err *e)
{
	struct import im = {.l = l, .role_fd = store_role_lock(l->path, "-import", "import", e)};
	char sql[1024];
	int rc = im.role_fd < 0 ? -RR_STORE : undo_check(l, batch, e);
	if (!rc) { /* what counted and will not */
		snprintf(sql, sizeof sql, "WHERE i.batch=?1 AND i.row BETWEEN (SELECT first_row"
			 " FROM batch WHERE id=?1) AND (SELECT last_row FROM batch WHERE id=?1) AND %s", import_current);
		rc = fold_rows(&im, sql, batch, -1, e);
	}
	if (!rc) /* what this batch superseded and nothing else does */
		rc = fold_rows(&im,
			      "WHERE i.row IN (SELECT row FROM supersede WHERE batch=?1) AND i.batch<>?1 AND EXISTS (SELECT 1 FROM batch b WHERE b.id=i.batch AND b.state=1) AND NOT EXISTS (SELECT 1 FROM"
			      " supersede s JOIN batch b ON b.id=s.batch WHERE s.row=i.row AND b.state=1 AND b.id<>?1)",
			      batch, 1, e);
	if (!rc)
		rc = ledger_begin(l, e);
	if (!rc) {
		rc = run_with(l, "UPDATE batch SET state=2 WHERE id=?1", batch, 0, "undoing an import", e);
		if (!rc)
			rc = rollup_flush(l, &im.delta, -1, e);
		if (rc)
			ledger_rollback(l);
		else
			rc = ledger_commit(l, e);
	}
	rollup_fini(&im.delta);
	if (im.role_fd >= 0)
		close(im.role_fd);
	return rc;
}
