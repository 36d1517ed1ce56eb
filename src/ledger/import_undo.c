/* SPDX-License-Identifier: Apache-2.0
 *
 * The change that a batch makes to the roll-ups (import_i.h), and taking a batch back (import_store.h, rule 2): the
 * change is made from the rows themselves, read in steps without any lock, and then counts with the batch's new state
 * in one short transaction. What the batch superseded and others supersede too is made theirs before: that changes
 * nothing while it counts.
 */
#include "ledger/import_i.h"
#include "base/array.h"
#include "ledger/import_keys.h"

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

static int fold_row(struct import_delta *d, sqlite3_stmt *st, int sign, import_see *see, void *arg, struct err *e)
{
	struct call c;
	int64_t row, label;
	bool fold = true;
	int rc = row_read(d->l, st, true, &c, &row, &label, NULL, e);
	if (!rc && see)
		rc = see(&c, row, column_blob(st, ROW_OWN + (int)d->l->hot_count + 3), &fold, arg, e);
	if (!rc && fold && sums_fold(&d->sums, &c, label, sign))
		rc = err_set(e, RR_NOMEM, "out of memory for roll-ups");
	return rc;
}

int import_delta_rows(struct import_delta *d, const char *where, int64_t from, int64_t to, int sign,
		      import_see *see, void *arg, struct err *e)
{
	struct sb sql;
	sqlite3_stmt *st;
	int rc = 0;
	sb_init(&sql, 8192);
	row_select(d->l, true, where, &sql);
	st = store_query(d->l, e, sb_whole(&sql));
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
	int rc = row_flush(d->l, e);
	if (rc)
		return rc;
	sb_init(&sql, 8192);
	row_select(d->l, true, "WHERE i.row=?1", &sql);
	st = store_stmt(d->l, ST_IMPORT_ROW, sb_whole(&sql), e);
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, row);
	rc = sqlite3_step(st) == SQLITE_ROW ? fold_row(d, st, sign, NULL, NULL, e)
					    : store_error(d->l, e, "reading an imported row");
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
	if (sums_bytes(&d->sums) > import_sizes.sum_bytes)
		return store_sums(d, e);
	return sums_bound(&d->sums) ? err_set(e, RR_NOMEM, "out of memory for roll-ups") : 0;
}

int import_delta_last(struct import_delta *d, struct err *e)
{
	if (sums_settle(&d->sums))
		return err_set(e, RR_NOMEM, "out of memory for roll-ups");
	return d->sums.count > (d->stored ? 0 : import_sizes.sums_at_once) ? store_sums(d, e) : 0;
}

int import_delta_count(struct import_delta *d, struct err *e)
{
	return d->stored ? delta_begins_to_count(d->l, e) : delta_flush(d->l, &d->sums, e);
}

/* ---- batches ---- */

#define BATCH_COLUMNS                                                                                                  \
	"id,state,source,scope,file,file_hash,parser,started,rows_read,rows_new,rows_duplicate,"                       \
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

int ledger_import_batches(struct ledger *l, int (*fn)(const struct import_batch *b, void *arg), void *arg,
			  struct err *e)
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
		err_hint(e, "the number stands in what the import printed: batch N");
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

/* What counts and will not: rows of this batch, and of undone ones that it alone repeats. */
static int undo_lost(struct import_delta *d, int64_t batch, struct err *e)
{
	char alive[IMPORT_ALIVE_MOST], sql[1600];
	sqlite3_stmt *st = store_query(d->l, e,
				       "SELECT id,first_row,last_row FROM batch WHERE (id=?1 OR state=2 AND EXISTS"
				       " (SELECT 1 FROM repeat WHERE batch=?1)) AND last_row>=first_row");
	int rc;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, batch);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		snprintf(sql, sizeof sql, "WHERE i.row>=?1 AND i.row<?2 AND i.batch=%lld AND %s AND NOT %s",
			 (long long)sqlite3_column_int64(st, 0), import_current, import_alive(batch, alive));
		rc = fold_steps(d, sql, sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), -1, e);
		if (rc)
			break;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : rc < 0 ? rc : store_error(d->l, e, "reading batches");
}

/* The rows that the batch supersedes and no other one does: which come back, which are another's now. */
struct heirs {
	struct ledger *l;
	int64_t batch;
	sqlite3_stmt *newer, *whole;
	struct heir {
		int64_t row, batch;
	} *passed;
	size_t count, room;
};

static int heirs_open(struct heirs *h, struct err *e)
{
	char alive[IMPORT_ALIVE_MOST];
	struct sb sql;
	/* a newer row of the same key, by a batch that gives it life */
	sb_init(&sql, 4096);
	sb_addf(&sql, "SELECT CASE WHEN EXISTS (SELECT 1 FROM batch b WHERE b.id=i.batch AND b.state=1 AND b.id<>?1) THEN i.batch"
		      " ELSE (SELECT max(b.id) FROM repeat p JOIN batch b ON b.id=p.batch WHERE p.block=i.row>>6 AND p.bits>>(i.row&63)&1"
		      " AND b.state=1 AND b.id<>?1) END FROM import_call o JOIN import_key k JOIN import_call i ON i.row=k.row"
		      " WHERE o.row=?2 AND k.key=?3 AND k.row>o.row AND i.nat=o.nat AND %s LIMIT 1",
		import_alive(h->batch, alive));
	h->newer = store_query(h->l, e, sb_whole(&sql));
	sb_fini(&sql);
	/* a batch of the same source and scope, later than all that give the row life, that lacks it in its period */
	h->whole = store_query(h->l, e,
			       "SELECT b.id FROM import_call i JOIN batch o ON o.id=i.batch JOIN batch b JOIN period p ON p.batch=b.id"
			       " WHERE i.row=?2 AND b.state=1 AND b.id<>?1 AND b.source=o.source AND b.scope=o.scope AND p.since<=i.start"
			       " AND p.until>i.start AND b.id>max(CASE WHEN o.state=1 AND o.id<>?1 THEN o.id ELSE 0 END, ifnull((SELECT"
			       " max(a.id) FROM repeat r JOIN batch a ON a.id=r.batch WHERE r.block=i.row>>6 AND r.bits>>(i.row&63)&1 AND"
			       " a.state=1 AND a.id<>?1), 0)) LIMIT 1");
	return h->newer && h->whole ? 0 : -RR_STORE;
}

static void heirs_close(struct heirs *h)
{
	sqlite3_finalize(h->newer);
	sqlite3_finalize(h->whole);
	free(h->passed);
}

static int heir_ask(struct heirs *h, sqlite3_stmt *st, int64_t row, int64_t *heir, struct err *e)
{
	int rc;
	sqlite3_reset(st);
	sqlite3_bind_int64(st, 1, h->batch);
	sqlite3_bind_int64(st, 2, row);
	rc = sqlite3_step(st);
	*heir = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(h->l, e, "looking up a row");
}

static int come_back(const struct call *c, int64_t row, struct str nat, bool *fold, void *arg, struct err *e)
{
	struct heirs *h = arg;
	int64_t heir;
	int rc;
	sqlite3_reset(h->newer);
	sqlite3_bind_int64(h->newer, 3, import_key_of(nat));
	rc = heir_ask(h, h->newer, row, &heir, e);
	if (!rc && !heir)
		rc = heir_ask(h, h->whole, row, &heir, e);
	*fold = !heir;
	if (rc || !heir)
		return rc;
	if (!array_room(h->passed, h->count, h->room, ARRAY_MOST))
		return err_set(e, RR_NOMEM, "out of memory to undo an import");
	h->passed[h->count++] = (struct heir){row, heir};
	return 0;
}

/* Before it is undone, so hidden: these rows are superseded twice for a while. */
static int pass_on(struct heirs *h, struct err *e)
{
	int rc = h->count ? ledger_begin(h->l, e) : 0;
	for (size_t i = 0; i < h->count && !rc; i++)
		rc = import_run(h->l, "INSERT OR IGNORE INTO supersede(row,batch) VALUES(?1,?2)", h->passed[i].row,
				h->passed[i].batch, "undoing an import", e);
	if (!rc && h->count)
		rc = ledger_commit(h->l, e);
	else if (rc)
		ledger_rollback(h->l);
	h->count = 0;
	return rc;
}

static int undo_superseded(struct import_delta *d, int64_t batch, struct err *e)
{
	struct heirs h = {.l = d->l, .batch = batch};
	char alive[IMPORT_ALIVE_MOST], sql[1200];
	int64_t first = 0, last = -1;
	int rc = two_numbers(d->l, "SELECT ifnull(min(row),1),ifnull(max(row),0) FROM supersede WHERE batch=?1", batch,
			     &first, &last, e);
	snprintf(sql, sizeof sql,
		 "WHERE i.row IN (SELECT row FROM supersede WHERE row>=?1 AND row<?2 AND batch=%lld) AND %s AND NOT EXISTS"
		 " (SELECT 1 FROM supersede s JOIN batch b ON b.id=s.batch WHERE s.row=i.row AND b.state=1 AND b.id<>%lld)",
		 (long long)batch, import_alive(batch, alive), (long long)batch);
	if (!rc)
		rc = heirs_open(&h, e);
	for (int64_t at = first; at <= last && !rc; at += import_sizes.rows_at_once) {
		int64_t to = at + import_sizes.rows_at_once;
		rc = import_delta_rows(d, sql, at, to <= last ? to : last + 1, 1, come_back, &h, e);
		if (!rc)
			rc = pass_on(&h, e);
		if (!rc)
			rc = import_delta_bound(d, e);
	}
	heirs_close(&h);
	return rc;
}

static int undo_change(struct import_delta *d, int64_t batch, struct err *e)
{
	int rc = undo_lost(d, batch, e);
	if (!rc)
		rc = undo_superseded(d, batch, e);
	return rc ? rc : import_delta_last(d, e);
}

/* Of its own rows and of those that it repeats. */
static int undo_stay(struct ledger *l, int64_t batch, uint64_t *stay, struct err *e)
{
	struct sb sql;
	int64_t own = 0, repeated = 0;
	int rc;
	sb_init(&sql, 4096);
	sb_addf(&sql,
		"SELECT (SELECT count(*) FROM batch o JOIN import_call i ON i.row>=o.first_row AND i.row<=o.last_row AND"
		" i.batch=o.id AND %s WHERE o.id=?1 AND EXISTS (SELECT 1 FROM repeat r JOIN batch b ON b.id=r.batch WHERE"
		" r.block>=o.first_row>>6 AND r.block<=o.last_row>>6 AND b.state=1)),"
		" (SELECT count(*) FROM repeat m JOIN import_call i ON i.row>=m.block<<6 AND i.row<(m.block+1)<<6 AND"
		" m.bits>>(i.row&63)&1 AND %s WHERE m.batch=?1)",
		import_current, import_current);
	rc = two_numbers(l, sb_whole(&sql), batch, &own, &repeated, e);
	sb_fini(&sql);
	*stay = (uint64_t)(own + repeated);
	return rc;
}

int ledger_import_undo(struct ledger *l, int64_t batch, uint64_t *stay, struct err *e)
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
	if (!rc && stay)
		rc = undo_stay(l, batch, stay, e);
	sums_fini(&d.sums);
	if (role_fd >= 0)
		close(role_fd);
	return rc;
}
