/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds: what is being held now and costs by the hour (model/hold.h). A row is here while the thing is held; how far
 * it is booked changes in the transaction that adds the slice's call, so a slice stands once, whatever dies in between.
 */
#include "ledger/store.h"

#include "base/intern.h"
#include "model/hold.h"

static uint32_t hold_crc(const struct hold *h)
{
	return store_crc("%016llx%016llx|%s|%016llx%016llx|%s|%s|%s|%s|%s|%s|%s|%llu|%lld|%lld|%lld|%llu",
			 (unsigned long long)h->key.hi, (unsigned long long)h->key.lo, h->name,
			 (unsigned long long)h->operation.hi, (unsigned long long)h->operation.lo,
			 intern_str(h->provider).p, intern_str(h->model).p, intern_str(h->region).p,
			 intern_str(h->caller).p, intern_str(h->team).p, intern_str(h->feature).p, intern_str(h->env).p,
			 (unsigned long long)h->tokens, (long long)h->from_us, (long long)h->until_us,
			 (long long)h->booked_us, (unsigned long long)h->booked_token_hours);
}

int ledger_put_hold(struct ledger *l, const struct hold *h, struct err *e)
{
	const uint32_t names[] = {h->provider, h->model, h->region, h->caller, h->team, h->feature, h->env};
	sqlite3_stmt *st;
	int at = 4, rc;
	check(l->in_tx);
	st = store_query(l, e,
			 "INSERT OR REPLACE INTO hold(key,name,operation,provider,model,region,caller,team,feature,env,"
			 "tokens,begin,until,booked,booked_hours,due,crc)"
			 " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)");
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, &h->key, sizeof h->key, SQLITE_STATIC);
	bind_text(st, 2, str_of(h->name));
	sqlite3_bind_blob(st, 3, &h->operation, sizeof h->operation, SQLITE_STATIC);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		bind_text(st, at++, intern_str(names[i]));
	sqlite3_bind_int64(st, at++, (int64_t)h->tokens);
	sqlite3_bind_int64(st, at++, h->from_us);
	sqlite3_bind_int64(st, at++, h->until_us);
	sqlite3_bind_int64(st, at++, h->booked_us);
	sqlite3_bind_int64(st, at++, (int64_t)h->booked_token_hours);
	sqlite3_bind_int64(st, at++, hold_due_us(h));
	sqlite3_bind_int64(st, at, hold_crc(h));
	rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_error(l, e, "writing what is held");
	sqlite3_finalize(st);
	return rc;
}

static bool read_hold(sqlite3_stmt *st, struct hold *h)
{
	uint32_t *const names[] = {&h->provider, &h->model, &h->region, &h->caller, &h->team, &h->feature, &h->env};
	struct str key = column_blob(st, 0), operation = column_blob(st, 2);
	int at = 3;
	memset(h, 0, sizeof *h);
	if (key.n == sizeof h->key)
		memcpy(&h->key, key.p, sizeof h->key);
	str_copy(h->name, sizeof h->name, column_text(st, 1));
	if (operation.n == sizeof h->operation)
		memcpy(&h->operation, operation.p, sizeof h->operation);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		*names[i] = intern(column_text(st, at++));
	h->tokens = (uint64_t)sqlite3_column_int64(st, at++);
	h->from_us = sqlite3_column_int64(st, at++);
	h->until_us = sqlite3_column_int64(st, at++);
	h->booked_us = sqlite3_column_int64(st, at++);
	h->booked_token_hours = (uint64_t)sqlite3_column_int64(st, at++);
	return (uint32_t)sqlite3_column_int64(st, at) == hold_crc(h);
}

#define HOLD_COLUMNS                                                                                                   \
	"key,name,operation,provider,model,region,caller,team,feature,env,tokens,begin,until,booked,booked_hours,crc"

static int find(struct ledger *l, sqlite3_stmt *st, struct hold *out, struct err *e)
{
	int step, rc = 0;
	bool found = false;
	while (!rc && !found && (step = sqlite3_step(st)) != SQLITE_DONE) {
		found = step == SQLITE_ROW && read_hold(st, out);
		if (!found)
			rc = step == SQLITE_ROW ? store_damaged(l, "the hold", out->name, e)
						: store_error(l, e, "reading what is held");
	}
	if (!rc && !found)
		rc = -RR_NOTFOUND;
	sqlite3_finalize(st);
	return rc;
}

int ledger_find_hold(struct ledger *l, struct hash128 key, struct hold *out, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT " HOLD_COLUMNS " FROM hold WHERE key=?1");
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, &key, sizeof key, SQLITE_STATIC);
	return find(l, st, out, e);
}

int ledger_next_hold(struct ledger *l, struct hold *out, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT " HOLD_COLUMNS " FROM hold ORDER BY due");
	return st ? find(l, st, out, e) : -RR_STORE;
}

int ledger_end_hold(struct ledger *l, struct hash128 key, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "DELETE FROM hold WHERE key=?1");
	int rc;
	check(l->in_tx);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, &key, sizeof key, SQLITE_STATIC);
	rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_error(l, e, "ending what was held");
	sqlite3_finalize(st);
	return rc;
}

int ledger_holds(struct ledger *l, int (*fn)(const struct hold *h, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT " HOLD_COLUMNS " FROM hold ORDER BY begin, key");
	struct hold h;
	int rc = st ? 0 : -RR_STORE, step = SQLITE_DONE;
	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW)
		rc = read_hold(st, &h) ? fn(&h, arg) : store_damaged(l, "the hold", h.name, e);
	if (!rc && step != SQLITE_DONE)
		rc = store_error(l, e, "reading what is held");
	sqlite3_finalize(st);
	return rc;
}
