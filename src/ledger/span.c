/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the rows of an hour lie, for ranges that begin or end inside one.
 *
 * Rows stand in the order in which they came, and no table of calls has an index by time (ledger.h, rule 4). Table
 * span says in which blocks of 16,384 rows an hour has calls: a few blocks for an hour of a gateway, whatever its
 * outliers, and nothing at all for an export in buckets of hours and days, in whatever order it is, since what starts
 * with its hour is in or out with all of it. An entry too many costs some reading; `verify` finds one that is missing.
 *
 * The writer notes the hours of a flush, in its transaction: one or two rows a second. An import notes its rows as they
 * come. What was noted last is remembered, so that nearly every row costs a comparison.
 */
#include "ledger/store.h"

#include <stdio.h>

int span_bits = 14;
enum { SPAN_BLOCKS_MOST = 4 }; /* of a flush; beyond, each row is asked */

#define HOUR_OF "(start/3600000000-(start%%3600000000<0))" /* in a format */

static const char *const tables[] = {"call", "import_call"};

int span_note(struct ledger *l, enum span_of of, int64_t hour, int64_t row, struct err *e)
{
	struct span_noted *n = &l->span_noted[of][(uint64_t)hour % SPAN_NOTED];
	int64_t block = row >> span_bits;
	sqlite3_stmt *st;
	check(l->in_tx);
	if (n->block == block + 1 && n->hour == hour)
		return 0;
	st = store_stmt(l, ST_SPAN_ADD, "INSERT OR IGNORE INTO span(of,hour,block) VALUES(?1,?2,?3)", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, of);
	sqlite3_bind_int64(st, 2, hour);
	sqlite3_bind_int64(st, 3, block);
	if (sqlite3_step(st) != SQLITE_DONE)
		return store_error(l, e, "noting where calls are");
	sqlite3_reset(st);
	*n = (struct span_noted){hour, block + 1};
	return 0;
}

int span_note_rows(struct ledger *l, enum span_of of, int64_t from, int64_t to, struct err *e)
{
	char sql[320];
	snprintf(sql, sizeof sql,
		 "INSERT OR IGNORE INTO span(of,hour,block) SELECT DISTINCT %d," HOUR_OF ",row>>%d FROM %s"
		 " WHERE row>=%lld AND row<=%lld AND start%%3600000000<>0",
		 of, span_bits, tables[of], (long long)from, (long long)to);
	return store_exec(l, sql, e);
}

int span_note_flush(struct ledger *l, const struct rollup *r, int64_t from, int64_t to, struct err *e)
{
	int rc = 0;
	if ((to >> span_bits) - (from >> span_bits) >= SPAN_BLOCKS_MOST)
		return span_note_rows(l, SPAN_CALLS, from, to, e);
	for (int64_t block = from >> span_bits; block <= to >> span_bits && from <= to; block++)
		for (uint32_t i = 0; i < r->count && !rc; i++)
			rc = span_note(l, SPAN_CALLS, r->items[i].hour, block << span_bits, e);
	return rc;
}

int span_each(struct ledger *l, enum span_of of, int64_t hour,
	      int (*fn)(int64_t from, int64_t to, void *arg, struct err *e), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT block FROM span WHERE of=?1 AND hour=?2 ORDER BY block");
	int64_t from = 0, to = 0;
	int rc = SQLITE_ROW, bad = 0;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, of);
	sqlite3_bind_int64(st, 2, hour);
	while (!bad && rc == SQLITE_ROW) { /* blocks beside each other are read as one */
		int64_t block;
		rc = sqlite3_step(st);
		block = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
		if (block == to) {
			to++;
			continue;
		}
		if (from < to)
			bad = fn(from << span_bits, to << span_bits, arg, e);
		from = block;
		to = block + 1;
	}
	if (!bad && rc != SQLITE_DONE)
		bad = store_error(l, e, "looking where calls are");
	sqlite3_finalize(st);
	return bad;
}

int span_missing(struct ledger *l, enum span_of of, int64_t to, int64_t *count, struct err *e)
{
	char sql[320];
	sqlite3_stmt *st;
	int rc;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT DISTINCT " HOUR_OF ",row>>%d FROM %s WHERE row<=?1 AND"
		 " start%%3600000000<>0 EXCEPT SELECT hour,block FROM span WHERE of=%d)", span_bits, tables[of], of);
	st = store_query(l, e, sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, to);
	rc = sqlite3_step(st);
	*count = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	rc = rc == SQLITE_ROW ? 0 : store_error(l, e, "looking where calls are");
	sqlite3_finalize(st);
	return rc;
}
