/* SPDX-License-Identifier: Apache-2.0
 *
 * Outcomes that become known after a call is recorded: was the answer accepted? The call's row stays as it is; the
 * outcome is a row of its own that names the hour and label under which the acceptance is counted.
 */
#include "ledger/store.h"

uint32_t outcome_crc(const unsigned char id[16], int64_t accepted, int64_t at, int64_t hour, int64_t label)
{
	return store_crc("%016llx%016llx|%lld|%lld|%lld|%lld",
			 (unsigned long long)__builtin_bswap64(*(const uint64_t *)id),
			 (unsigned long long)__builtin_bswap64(*(const uint64_t *)(id + 8)), (long long)accepted,
			 (long long)at, (long long)hour, (long long)label);
}

int ledger_add_outcome(struct ledger *l, struct call_id id, bool accepted, int64_t now_us, struct err *e)
{
	_Alignas(8) unsigned char key[16];
	char text[CALL_ID_TEXT];
	struct rollup delta = {0};
	struct rollup_sum sum = {0};
	struct call c;
	sqlite3_stmt *st;
	int64_t label, hour;
	int rc;
	check(l->in_tx);
	rc = row_find(l, id, &c, &label, e);
	if (rc)
		return rc;
	if (c.accepted != ACCEPTED_UNKNOWN)
		return err_set(e, RR_EXISTS, "the outcome of call %s is known already", call_id_text(id, text));
	hour = hour_of(c.start_us);
	for (unsigned i = 0; i < 8; i++) {
		key[i] = (unsigned char)(id.hi >> (56 - 8 * i));
		key[8 + i] = (unsigned char)(id.lo >> (56 - 8 * i));
	}
	st = store_stmt(l, ST_OUTCOME_ADD,
			"INSERT INTO outcome(id,accepted,at,hour,label,crc) VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, key, 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, accepted);
	sqlite3_bind_int64(st, 3, now_us);
	sqlite3_bind_int64(st, 4, hour);
	sqlite3_bind_int64(st, 5, label);
	sqlite3_bind_int64(st, 6, outcome_crc(key, accepted, now_us, hour, label));
	if (sqlite3_step(st) != SQLITE_DONE)
		return store_error(l, e, "adding an outcome");
	sqlite3_reset(st);
	if (sqlite3_changes(l->db) == 0)
		return err_set(e, RR_EXISTS, "the outcome of call %s is known already", call_id_text(id, text));
	if (!accepted)
		return 0;
	sum.accepted = c.calls;
	rc = rollup_fold_sum(&delta, hour, label, &sum, 1);
	if (!rc)
		rc = rollup_flush(l, &delta, -1, e);
	rollup_fini(&delta);
	return rc;
}
