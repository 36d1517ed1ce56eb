/* SPDX-License-Identifier: Apache-2.0
 *
 * Outlays: the training checkbook's entries, append-only. An outlay that came with an import counts as long as
 * its batch does; each batch has its own, and an id counts once among those that count: the oldest row.
 */
#include "ledger/store.h"

#include <stdio.h>

#include "ledger/import_store.h"

static uint32_t outlay_crc(const struct outlay *o, int64_t batch)
{
	return store_crc("%s|%s|%lld|%lld|%u|%s|%lld|%llu|%s|%s|%s|%s|%lld", o->id, outlay_kind_name(o->kind),
			 (long long)o->date_us, (long long)o->retires_us, o->life_months, o->currency.code,
			 (long long)o->amount_pico, (unsigned long long)o->trained_tok, o->serves, o->model,
			 o->provider, o->note, (long long)batch);
}

/* *own: this batch has it. */
static int exists(struct ledger *l, const char *id, int64_t batch, bool *there, bool *own, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT batch=?2 FROM outlay WHERE id=?1 AND (batch IN (0, ?2) OR batch IN"
					     " (SELECT id FROM batch WHERE state=1)) ORDER BY batch=?2 DESC");
	int rc;
	if (!st)
		return -RR_STORE;
	bind_text(st, 1, str_of(id));
	sqlite3_bind_int64(st, 2, batch);
	rc = sqlite3_step(st);
	*there = rc == SQLITE_ROW;
	*own = *there && sqlite3_column_int(st, 0);
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(l, e, "looking up an outlay");
	sqlite3_finalize(st);
	return rc;
}

int outlay_add(struct ledger *l, const struct outlay *o, int64_t batch, struct err *e)
{
	sqlite3_stmt *st;
	bool there, own;
	int rc;
	check(l->in_tx);
	rc = exists(l, o->id, batch, &there, &own, e);
	if (rc)
		return rc;
	if (own)
		return err_set(e, RR_EXISTS, "the outlay %s is in the ledger already", o->id);
	st = store_query(l, e, "INSERT INTO outlay(id,kind,date,retires,life_months,currency,amount,trained_tok,serves,"
			       "model,provider,note,batch,crc) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)");
	if (!st)
		return -RR_STORE;
	bind_text(st, 1, str_of(o->id));
	bind_text(st, 2, str_of(outlay_kind_name(o->kind)));
	sqlite3_bind_int64(st, 3, o->date_us);
	sqlite3_bind_int64(st, 4, o->retires_us);
	sqlite3_bind_int64(st, 5, o->life_months);
	bind_text(st, 6, str_of(o->currency.code));
	sqlite3_bind_int64(st, 7, o->amount_pico);
	sqlite3_bind_int64(st, 8, (int64_t)o->trained_tok);
	bind_text(st, 9, str_of(o->serves));
	bind_text(st, 10, str_of(o->model));
	bind_text(st, 11, str_of(o->provider));
	bind_text(st, 12, str_of(o->note));
	sqlite3_bind_int64(st, 13, batch);
	sqlite3_bind_int64(st, 14, outlay_crc(o, batch));
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_error(l, e, "adding an outlay");
	sqlite3_finalize(st);
	if (!rc && there) /* it counts already, and will if the other one is undone */
		rc = err_set(e, RR_EXISTS, "the outlay %s is in the ledger already", o->id);
	return rc;
}

int ledger_add_outlay(struct ledger *l, const struct outlay *o, struct err *e)
{
	bool own = !l->in_tx;
	int rc = own ? ledger_begin(l, e) : 0;
	if (rc)
		return rc;
	rc = outlay_add(l, o, 0, e);
	if (!own)
		return rc;
	if (rc) {
		ledger_rollback(l);
		return rc;
	}
	return ledger_commit(l, e);
}

int ledger_outlays(struct ledger *l, int (*fn)(const struct outlay *o, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e,
				       "SELECT id,kind,date,retires,life_months,currency,amount,trained_tok,serves,"
					     "model,provider,note,batch,crc FROM outlay WHERE row IN (SELECT min(row) FROM"
					     " outlay WHERE batch=0 OR batch IN (SELECT id FROM batch WHERE state=1) GROUP BY id)"
					     " ORDER BY date, row");
	int rc = 0;
	if (!st)
		return -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct outlay o = {0};
		bool sound;
		str_copy(o.id, sizeof o.id, column_text(st, 0));
		sound = outlay_kind_parse(column_text(st, 1), &o.kind) == 0;
		o.date_us = sqlite3_column_int64(st, 2);
		o.retires_us = sqlite3_column_int64(st, 3);
		o.life_months = (uint32_t)sqlite3_column_int64(st, 4);
		str_copy(o.currency.code, sizeof o.currency.code, column_text(st, 5));
		o.amount_pico = sqlite3_column_int64(st, 6);
		o.trained_tok = (uint64_t)sqlite3_column_int64(st, 7);
		str_copy(o.serves, sizeof o.serves, column_text(st, 8));
		str_copy(o.model, sizeof o.model, column_text(st, 9));
		str_copy(o.provider, sizeof o.provider, column_text(st, 10));
		str_copy(o.note, sizeof o.note, column_text(st, 11));
		rc = sound && outlay_crc(&o, sqlite3_column_int64(st, 12)) == (uint32_t)sqlite3_column_int64(st, 13)
			     ? fn(&o, arg)
			     : store_damaged(l, "outlay", o.id, e);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading outlays");
	sqlite3_finalize(st);
	return rc;
}
