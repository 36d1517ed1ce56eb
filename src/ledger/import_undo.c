/* SPDX-License-Identifier: Apache-2.0
 *
 * The change that a batch makes to the roll-ups (import_i.h), and taking a batch back: the change is made from the rows
 * themselves, read in steps without any lock, and then counts with the batch's new state in one short transaction.
 */
#include "ledger/import_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int import_run(struct ledger *l, const char *sql, int64_t a, int64_t b, const char *doing, struct err *e)
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

/* ---- the change of the roll-ups ---- */

static int fold_row(struct import_delta *d, sqlite3_stmt *st, int sign,
		    int (*see)(const struct call *c, int64_t row, bool *fold, void *arg, struct err *e), void *arg, struct err *e)
{
	struct call c;
	int64_t row, label;
	bool fold = true;
	int rc = row_read(d->l, st, true, &c, &row, &label, NULL, e);
	if (!rc && see)
		rc = see(&c, row, &fold, arg, e);
	if (!rc && fold && sums_fold(&d->sums, &c, label, sign))
		rc = err_set(e, RR_NOMEM, "out of memory for roll-ups");
	return rc;
}

int import_delta_rows(struct import_delta *d, const char *where, int64_t from, int64_t to, int sign,
		      int (*see)(const struct call *c, int64_t row, bool *fold, void *arg, struct err *e), void *arg,
		      struct err *e)
{
	struct sb sql;
	sqlite3_stmt *st;
	int rc = 0;
	sb_init(&sql, 8192);
	row_select(d->l, true, where, &sql);
	st = store_query(d->l, e, sql.p);
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, to);
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW)
		rc = fold_row(d, st, sign, see, arg, e);
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(d->l, e, "reading imported rows");
	sqlite3_finalize(st);
	return rc;
}

int import_delta_row(struct import_delta *d, int64_t row, int sign, struct err *e)
{
	struct sb sql;
	sqlite3_stmt *st;
	int rc;
	sb_init(&sql, 8192);
	row_select(d->l, true, "WHERE i.row=?1", &sql);
	st = store_stmt(d->l, ST_IMPORT_ROW, sql.p, e);
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, row);
	rc = sqlite3_step(st) == SQLITE_ROW ? fold_row(d, st, sign, NULL, NULL, e) : store_error(d->l, e, "reading an imported row");
	sqlite3_reset(st);
	return rc;
}

static int store_sums(struct import_delta *d, struct err *e)
{
	d->stored = true;
	return delta_put(d->l, &d->sums, e);
}

int import_delta_bound(struct import_delta *d, struct err *e)
{
	return sums_bytes(&d->sums) > import_sizes.sum_bytes ? store_sums(d, e) : 0;
}

int import_delta_last(struct import_delta *d, struct err *e)
{
	return d->sums.count > (d->stored ? 0 : import_sizes.sums_at_once) ? store_sums(d, e) : 0;
}

int import_delta_count(struct import_delta *d, struct err *e)
{
	return d->stored ? delta_begins_to_count(d->l, e) : delta_flush(d->l, &d->sums, e);
}

/* ---- batches ---- */

#define BATCH_COLUMNS "id,state,source,scope,file,file_hash,parser,started,rows_read,rows_new,rows_duplicate,"           \
		      "rows_revised,rows_rejected"

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

static int two_numbers(struct ledger *l, const char *sql, int64_t batch, int64_t *a, int64_t *b, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, sql);
	int rc;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, batch);
	rc = sqlite3_step(st) == SQLITE_ROW ? 0 : store_error(l, e, "reading a batch");
	*a = sqlite3_column_int64(st, 0);
	*b = sqlite3_column_int64(st, 1);
	sqlite3_finalize(st);
	return rc;
}

/* Folds the rows [first, last] that the condition names, in steps. */
static int fold_steps(struct import_delta *d, const char *where, int64_t first, int64_t last, int sign, struct err *e)
{
	int rc = 0;
	for (int64_t at = first; at <= last && !rc; at += import_sizes.rows_at_once) {
		int64_t to = at + import_sizes.rows_at_once;
		rc = import_delta_rows(d, where, at, to <= last ? to : last + 1, sign, NULL, NULL, e);
		if (!rc)
			rc = import_delta_bound(d, e);
	}
	return rc;
}

static int undo_change(struct import_delta *d, int64_t batch, struct err *e)
{
	char sql[1200];
	int64_t first, last;
	int rc = two_numbers(d->l, "SELECT first_row,last_row FROM batch WHERE id=?1", batch, &first, &last, e);
	/* what counted and will not */
	snprintf(sql, sizeof sql, "WHERE i.row>=?1 AND i.row<?2 AND i.batch=%lld AND %s", (long long)batch, import_current);
	if (!rc)
		rc = fold_steps(d, sql, first, last, -1, e);
	/* what this batch superseded and nothing else does */
	snprintf(sql, sizeof sql,
		 "WHERE i.row IN (SELECT row FROM supersede WHERE row>=?1 AND row<?2 AND batch=%lld) AND i.batch<>%lld AND EXISTS"
		 " (SELECT 1 FROM batch b WHERE b.id=i.batch AND b.state=1) AND NOT EXISTS (SELECT 1 FROM supersede s JOIN batch b"
		 " ON b.id=s.batch WHERE s.row=i.row AND b.state=1 AND b.id<>%lld)",
		 (long long)batch, (long long)batch, (long long)batch);
	if (!rc)
		rc = two_numbers(d->l, "SELECT ifnull(min(row),1),ifnull(max(row),0) FROM supersede WHERE batch=?1", batch, &first, &last, e);
	if (!rc)
		rc = fold_steps(d, sql, first, last, 1, e);
	return rc ? rc : import_delta_last(d, e);
}

int ledger_import_undo(struct ledger *l, int64_t batch, struct err *e)
{
	struct import_delta d = {.l = l};
	int role_fd = store_role_lock(l->path, "-import", "import", e);
	int rc = role_fd < 0 ? -RR_STORE : undo_check(l, batch, e);
	if (!rc)
		rc = delta_settle(l, e);
	if (!rc)
		rc = undo_change(&d, batch, e);
	if (!rc)
		rc = ledger_begin(l, e);
	if (!rc) {
		rc = import_run(l, "UPDATE batch SET state=2 WHERE id=?1", batch, 0, "undoing an import", e);
		if (!rc)
			rc = import_delta_count(&d, e);
		if (rc)
			ledger_rollback(l);
		else
			rc = ledger_commit(l, e);
	}
	if (!rc)
		delta_settle(l, NULL); /* it counts already */
	sums_fini(&d.sums);
	if (role_fd >= 0)
		close(role_fd);
	return rc;
}
