/* SPDX-License-Identifier: Apache-2.0
 *
 * See jobs.h. There are as many rows as there is work under way, so no query needs an index beside the key.
 */
#include "ledger/jobs.h"

#include "base/intern.h"
#include "ledger/store.h"

static const char *const kinds[JOB_KINDS] = {"tuning", "batch", "response", "video"};

const char *job_kind_name(enum job_kind k)
{
	return (unsigned)k < JOB_KINDS ? kinds[k] : "?";
}

static uint32_t job_crc(const struct job_row *j)
{
	const struct cap_scope *w = &j->who;
	return store_crc("%016llx%016llx|%d|%s|%s|%s|%lld|%s|%s|%s|%s|%s|%d|%s|%lld|%llu",
			 (unsigned long long)j->ask.hi, (unsigned long long)j->ask.lo, (int)j->kind, j->provider, j->id,
			 j->match, (long long)j->asked_us, intern_str(w->key).p, intern_str(w->team).p,
			 intern_str(w->feature).p, intern_str(w->model).p, intern_str(w->env).p, j->own_credential,
			 j->currency.code, (long long)j->most_pico, (unsigned long long)j->most_tok);
}

static int run(struct ledger *l, sqlite3_stmt *st, const char *doing, struct err *e)
{
	int rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_error(l, e, doing);
	sqlite3_finalize(st);
	return rc;
}

int ledger_job_put(struct ledger *l, const struct job_row *j, struct err *e)
{
	sqlite3_stmt *st;
	check(l->in_tx);
	st = store_query(l, e,
			 "INSERT OR REPLACE INTO job(ask,kind,provider,id,match,asked,key,team,feature,model,env,own,"
			 "currency,most,most_tok,crc) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)");
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, &j->ask, sizeof j->ask, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (int64_t)j->kind);
	bind_text(st, 3, str_of(j->provider));
	bind_text(st, 4, str_of(j->id));
	bind_text(st, 5, str_of(j->match));
	sqlite3_bind_int64(st, 6, j->asked_us);
	bind_text(st, 7, intern_str(j->who.key));
	bind_text(st, 8, intern_str(j->who.team));
	bind_text(st, 9, intern_str(j->who.feature));
	bind_text(st, 10, intern_str(j->who.model));
	bind_text(st, 11, intern_str(j->who.env));
	sqlite3_bind_int64(st, 12, j->own_credential);
	bind_text(st, 13, str_of(j->currency.code));
	sqlite3_bind_int64(st, 14, j->most_pico);
	sqlite3_bind_int64(st, 15, (int64_t)j->most_tok);
	sqlite3_bind_int64(st, 16, job_crc(j));
	return run(l, st, "noting deferred work", e);
}

int ledger_job_claim(struct ledger *l, const struct job_row *j, struct hash128 key, int64_t now_us, bool *first,
		     struct err *e)
{
	int rc = ledger_once(l, key, now_us, first, e);
	return rc || !*first ? rc : ledger_job_put(l, j, e);
}

int ledger_job_end(struct ledger *l, struct call_id ask, enum job_kind kind, struct str provider, struct str id,
		   struct err *e)
{
	sqlite3_stmt *st;
	check(l->in_tx);
	st = store_query(l, e, "DELETE FROM job WHERE ask=?1 OR (id<>'' AND id=?2 AND provider=?3 AND kind=?4)");
	if (!st)
		return -RR_STORE;
	sqlite3_bind_blob(st, 1, &ask, sizeof ask, SQLITE_STATIC);
	bind_text(st, 2, id);
	bind_text(st, 3, provider);
	sqlite3_bind_int64(st, 4, (int64_t)kind);
	return run(l, st, "closing deferred work", e);
}

int ledger_jobs(struct ledger *l, int (*fn)(const struct job_row *j, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT ask,kind,provider,id,match,asked,key,team,feature,model,env,own,currency,"
					     "most,most_tok,crc FROM job ORDER BY asked");
	int rc = 0;
	if (!st)
		return -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct job_row j = {0};
		struct str ask = column_blob(st, 0);
		int64_t kind = sqlite3_column_int64(st, 1);
		memcpy(&j.ask, ask.p, ask.n < sizeof j.ask ? ask.n : sizeof j.ask);
		j.kind = (enum job_kind)kind;
		str_copy(j.provider, sizeof j.provider, column_text(st, 2));
		str_copy(j.id, sizeof j.id, column_text(st, 3));
		str_copy(j.match, sizeof j.match, column_text(st, 4));
		j.asked_us = sqlite3_column_int64(st, 5);
		j.who = (struct cap_scope){intern(column_text(st, 6)), intern(column_text(st, 7)),
					   intern(column_text(st, 8)), intern(column_text(st, 9)),
					   intern(column_text(st, 10))};
		j.own_credential = sqlite3_column_int64(st, 11) != 0;
		str_copy(j.currency.code, sizeof j.currency.code, column_text(st, 12));
		j.most_pico = sqlite3_column_int64(st, 13);
		j.most_tok = (uint64_t)sqlite3_column_int64(st, 14);
		rc = kind >= 0 && kind < JOB_KINDS && job_crc(&j) == (uint32_t)sqlite3_column_int64(st, 15)
			     ? fn(&j, arg)
			     : store_damaged(l, "the note of deferred work", j.id[0] ? j.id : j.match, e);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading deferred work");
	sqlite3_finalize(st);
	return rc;
}
