/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens once and is seen many times: the end of a job that every poll shows again, a line of a batch's output
 * that may be read twice. A key is 128 bits of a hash over what makes the thing itself (vendor, object, line), so a
 * thing that is recorded in the same transaction as its key is recorded once, whatever dies in between.
 */
#include "ledger/store.h"

int ledger_once(struct ledger *l, struct hash128 key, int64_t now_us, bool *first, struct err *e)
{
	sqlite3_stmt *st;
	check(l->in_tx);
	st = store_stmt(l, ST_ONCE_ADD, "INSERT INTO once(key,at) VALUES(?1,?2) ON CONFLICT DO NOTHING", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, &key, sizeof key, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, now_us);
	if (sqlite3_step(st) != SQLITE_DONE)
		return store_error(l, e, "marking what was seen");
	sqlite3_reset(st);
	*first = sqlite3_changes(l->db) != 0;
	return 0;
}
