/* SPDX-License-Identifier: Apache-2.0
 *
 * Up to when a batch tells all: behind its last row a day without a row is either a day without spending, or one that
 * the export did not reach. Who reads it knows (import_store.h); forecasts ask.
 */
#include "ledger/import_store.h"
#include "ledger/store.h"

enum batch_side batch_side(struct str surface)
{
	return str_starts(surface, STR("bill ")) ? SIDE_BILL : str_starts(surface, STR("usage ")) ? SIDE_USAGE : SIDE_LOG;
}

bool is_token_bill(struct str surface)
{
	return str_eq(surface, STR("bill I-tokens"));
}

static int add(struct ledger *l, int64_t batch, const struct batch_cover *c, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "INSERT OR REPLACE INTO cover(batch,provider,side,until,first,last) VALUES(?1,?2,?3,?4,?5,?6)");
	int rc;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, batch);
	bind_text(st, 2, c->provider);
	sqlite3_bind_int64(st, 3, c->side);
	sqlite3_bind_int64(st, 4, c->until_us);
	sqlite3_bind_int64(st, 5, c->first_us);
	sqlite3_bind_int64(st, 6, c->last_us);
	rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_error(l, e, "noting what an import covers");
	sqlite3_finalize(st);
	return rc;
}

int ledger_add_covers(struct ledger *l, int64_t batch, const struct batch_cover *c, unsigned count, struct err *e)
{
	int rc = count ? ledger_begin(l, e) : 0;
	if (rc || !count)
		return rc;
	for (unsigned i = 0; i < count && !rc; i++)
		rc = add(l, batch, &c[i], e);
	if (rc)
		ledger_rollback(l);
	return rc ? rc : ledger_commit(l, e);
}

int ledger_cover_twin(struct ledger *l, int64_t batch, const struct batch_cover *c, char source[48], int64_t *from_us,
		      int64_t *to_us, struct err *e)
{
	sqlite3_stmt *st = store_query(
		l, e,
		"SELECT b.source,max(c.first,?4),min(c.last,?5) FROM cover c JOIN batch b ON b.id=c.batch JOIN batch me ON me.id=?1"
		" WHERE b.state=1 AND b.id<>me.id AND b.source<>me.source AND c.provider=?2 AND c.side=?3 AND c.first>0"
		" AND c.first<=?5 AND c.last>=?4 AND (b.scope='' OR me.scope='' OR b.scope=me.scope) ORDER BY b.id DESC LIMIT 1");
	int rc;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, batch);
	bind_text(st, 2, c->provider);
	sqlite3_bind_int64(st, 3, c->side);
	sqlite3_bind_int64(st, 4, c->first_us);
	sqlite3_bind_int64(st, 5, c->last_us);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		str_copy(source, 48, column_text(st, 0));
		*from_us = sqlite3_column_int64(st, 1);
		*to_us = sqlite3_column_int64(st, 2);
	}
	rc = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : store_error(l, e, "reading what imports cover");
	sqlite3_finalize(st);
	return rc;
}

int ledger_covers(struct ledger *l, int (*fn)(const struct batch_cover *c, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT provider,side,max(until) FROM cover WHERE batch IN"
					     " (SELECT 0 UNION SELECT id FROM batch WHERE state=1) GROUP BY provider,side");
	int rc = st ? 0 : -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct batch_cover c = {.provider = column_text(st, 0),
					.side = (enum batch_side)sqlite3_column_int64(st, 1),
					.until_us = sqlite3_column_int64(st, 2)};
		rc = fn(&c, arg);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading what imports cover");
	sqlite3_finalize(st);
	return rc;
}
