/* SPDX-License-Identifier: Apache-2.0
 *
 * A large change of the roll-ups, on its way.
 *
 * An import or an undo of millions of rows changes hundreds of thousands of sums; to write them all in the transaction
 * that makes the batch count would keep a gateway waiting for seconds. So:
 *
 * 1. Sums go to rollup_delta in short transactions, unseen.
 * 2. The batch's last transaction sets meta delta_live: from then on whoever reads roll-ups reads rollup_delta too.
 * 3. Then the sums are merged into rollup_hour and rollup_day in short transactions, each of which takes away from
 *    rollup_delta what it adds. When nothing is left, delta_live is 0 again.
 *
 * So the change counts at once and exactly, and a kill at any point leaves either a delta that never counted, which
 * the next import drops, or one that counts, which it merges. One import or undo runs at a time: there is one delta.
 */
#include "ledger/store.h"
#include "ledger/sums.h"

#include <stdlib.h>

static int put_one(struct ledger *l, const struct sums *s, uint32_t at, struct err *e)
{
	struct rollup_sum sum;
	sums_get(s, at, &sum);
	if (rollup_sum_is_zero(&sum))
		return 0;
	return rollup_upsert(l, ROLLUP_DELTA, s->head[at].hour, s->head[at].label, &sum, e);
}

int delta_put(struct ledger *l, struct sums *s, struct err *e)
{
	int rc = 0;
	sums_sort(s);
	for (uint32_t i = 0; i < s->count && !rc; i++) {
		if (!l->in_tx)
			rc = ledger_begin(l, e);
		if (!rc)
			rc = put_one(l, s, i, e);
		if (!rc && ((i + 1) % import_sizes.sums_at_once == 0 || i + 1 == s->count))
			rc = ledger_commit(l, e);
	}
	sums_drop(s);
	return rc;
}

int delta_flush(struct ledger *l, struct sums *s, struct err *e)
{
	struct rollup_sum sum;
	int rc = 0;
	sums_sort(s);
	for (uint32_t i = 0; i < s->count && !rc; i++) {
		sums_get(s, i, &sum);
		rc = rollup_upsert(l, ROLLUP_HOUR, s->head[i].hour, s->head[i].label, &sum, e);
		if (!rc)
			rc = rollup_upsert(l, ROLLUP_DAY, day_of_hour(s->head[i].hour), s->head[i].label, &sum, e);
	}
	sums_drop(s);
	return rc;
}

int delta_begins_to_count(struct ledger *l, struct err *e)
{
	return store_meta_set(l, "delta_live", 1, e);
}

/* One transaction's worth; *left says whether there was anything. */
static int merge_some(struct ledger *l, bool counts, bool *left, struct err *e)
{
	struct rollup days = {0};
	struct rollup_sum sum = {0};
	sqlite3_stmt *st, *gone;
	struct sb sql;
	int rc = 0, n = 0;
	sb_init(&sql, 4096);
	sb_addf(&sql, "SELECT at,label,%s FROM rollup_delta ORDER BY at,label LIMIT %u", rollup_columns, import_sizes.sums_at_once);
	st = store_query(l, e, sql.p);
	sb_fini(&sql);
	gone = store_query(l, e, "DELETE FROM rollup_delta WHERE (at,label)<=(?1,?2)");
	rc = st && gone ? 0 : -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t at = sqlite3_column_int64(st, 0), label = sqlite3_column_int64(st, 1);
		n++;
		rc = 0;
		rollup_read_sum(st, 2, &sum);
		if (counts)
			rc = rollup_upsert(l, ROLLUP_HOUR, at, label, &sum, e);
		if (!rc && counts && rollup_fold_sum(&days, day_of_hour(at), label, &sum, 1))
			rc = err_set(e, RR_NOMEM, "out of memory for roll-ups");
		sqlite3_bind_int64(gone, 1, at);
		sqlite3_bind_int64(gone, 2, label);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "merging roll-ups");
	sqlite3_reset(st);
	for (uint32_t i = 0; i < days.count && !rc; i++)
		rc = rollup_upsert(l, ROLLUP_DAY, days.items[i].hour, days.items[i].label, &days.items[i].sum, e);
	if (!rc && n && sqlite3_step(gone) != SQLITE_DONE)
		rc = store_error(l, e, "merging roll-ups");
	if (!rc && !n)
		rc = store_meta_set(l, "delta_live", 0, e);
	*left = n != 0;
	sqlite3_finalize(st);
	sqlite3_finalize(gone);
	rollup_fini(&days);
	return rc;
}

int delta_settle(struct ledger *l, struct err *e)
{
	int64_t counts;
	bool left = true;
	int rc = store_meta_get(l, "delta_live", &counts, e);
	while (!rc && left) {
		rc = ledger_begin(l, e);
		if (!rc)
			rc = merge_some(l, counts != 0, &left, e);
		if (rc)
			ledger_rollback(l);
		else
			rc = ledger_commit(l, e);
	}
	return rc;
}
