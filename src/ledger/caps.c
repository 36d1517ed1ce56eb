/* SPDX-License-Identifier: Apache-2.0
 *
 * Caps as commands set them. A cap's id is a hash of what it is for (book, scope, window), so that setting the
 * same one again replaces it and two machines give it the same name. An absent limit is NULL in the table.
 */
#include "ledger/store.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/intern.h"

static void cap_id(struct cap_row *c)
{
	const struct cap_scope *s = &c->rule.scope;
	char text[2048];
	unsigned char sha[32];
	int n = snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s", book_kind_name(c->book),
			 intern_str(s->key).p, intern_str(s->team).p, intern_str(s->feature).p, intern_str(s->model).p,
			 intern_str(s->env).p, window_name(c->rule.window), c->rule.tz);
	check(n > 0);
	hash_sha256(str_make(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1), sha);
	memcpy(c->rule.id, "cap-", 4);
	hash_hex(sha, 5, c->rule.id + 4);
}

static uint32_t cap_crc(const struct cap_row *c)
{
	const struct cap_rule *r = &c->rule;
	return store_crc("%s|%d|%s|%s|%s|%s|%s|%s|%s|%d|%s|%lld|%llu|%llu", r->id, c->book, intern_str(r->scope.key).p,
			 intern_str(r->scope.team).p, intern_str(r->scope.feature).p, intern_str(r->scope.model).p,
			 intern_str(r->scope.env).p, window_name(r->window), r->tz, r->hard, r->currency.code,
			 (long long)r->amount_pico, (unsigned long long)r->tokens, (unsigned long long)r->jobs);
}

static int limits_check(const struct cap_row *c, struct err *e)
{
	const struct cap_rule *r = &c->rule;
	if (c->book != BOOK_INFERENCE && c->book != BOOK_TRAINING)
		return err_set(e, RR_INPUT, "a cap is for inference or for training, not for %s",
			       book_kind_name(c->book));
	if (r->amount_pico < 0)
		return err_set(e, RR_RANGE, "a cap cannot be negative");
	if (r->amount_pico == INT64_MAX && r->tokens == UINT64_MAX && r->jobs == UINT64_MAX)
		return err_set(e, RR_INPUT, "a cap needs an amount, tokens or jobs");
	if (c->book == BOOK_INFERENCE && r->jobs != UINT64_MAX)
		return err_set(e, RR_INPUT, "a limit in jobs is for the training book");
	if (c->book == BOOK_TRAINING && r->tokens != UINT64_MAX)
		return err_set(e, RR_INPUT, "a limit in tokens is for the inference book");
	return 0;
}

static void bind_limit(sqlite3_stmt *st, int at, uint64_t v, uint64_t none)
{
	if (v != none)
		sqlite3_bind_int64(st, at, (int64_t)v);
}

int ledger_set_cap(struct ledger *l, const struct cap_row *given, struct err *e)
{
	struct cap_row c = *given;
	const struct cap_rule *r = &c.rule;
	sqlite3_stmt *st;
	int rc = limits_check(&c, e);
	if (rc)
		return rc;
	cap_id(&c);
	rc = ledger_begin(l, e);
	if (rc)
		return rc;
	st = store_query(l, e,
			 "INSERT OR REPLACE INTO cap(id,book,key,team,feature,model,env,span,tz,hard,currency,amount,"
			 "tokens,jobs,crc) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)");
	rc = st ? 0 : -RR_STORE;
	if (st) {
		bind_text(st, 1, str_of(r->id));
		bind_text(st, 2, str_of(book_kind_name(c.book)));
		bind_text(st, 3, intern_str(r->scope.key));
		bind_text(st, 4, intern_str(r->scope.team));
		bind_text(st, 5, intern_str(r->scope.feature));
		bind_text(st, 6, intern_str(r->scope.model));
		bind_text(st, 7, intern_str(r->scope.env));
		bind_text(st, 8, str_of(window_name(r->window)));
		bind_text(st, 9, str_of(r->tz));
		sqlite3_bind_int64(st, 10, r->hard);
		bind_text(st, 11, str_of(r->currency.code));
		bind_limit(st, 12, (uint64_t)r->amount_pico, INT64_MAX);
		bind_limit(st, 13, r->tokens, UINT64_MAX);
		bind_limit(st, 14, r->jobs, UINT64_MAX);
		sqlite3_bind_int64(st, 15, cap_crc(&c));
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = store_error(l, e, "writing a cap");
		sqlite3_finalize(st);
	}
	if (!rc)
		rc = store_settings_changed(l, e);
	if (rc) {
		ledger_rollback(l);
		return rc;
	}
	return ledger_commit(l, e);
}

static uint64_t limit_of(sqlite3_stmt *st, int at, uint64_t none)
{
	return sqlite3_column_type(st, at) == SQLITE_NULL ? none : (uint64_t)sqlite3_column_int64(st, at);
}

int ledger_caps(struct ledger *l, int (*fn)(const struct cap_row *c, void *arg), void *arg, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e,
				       "SELECT id,book,key,team,feature,model,env,span,tz,hard,currency,amount,tokens,"
				       "jobs,crc FROM cap ORDER BY book, id");
	int rc = 0;
	if (!st)
		return -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct cap_row c = {0};
		struct cap_rule *r = &c.rule;
		bool sound;
		str_copy(r->id, sizeof r->id, column_text(st, 0));
		c.book = str_eqc(column_text(st, 1), book_kind_name(BOOK_TRAINING)) ? BOOK_TRAINING : BOOK_INFERENCE;
		r->scope.key = intern(column_text(st, 2));
		r->scope.team = intern(column_text(st, 3));
		r->scope.feature = intern(column_text(st, 4));
		r->scope.model = intern(column_text(st, 5));
		r->scope.env = intern(column_text(st, 6));
		sound = window_parse(column_text(st, 7), &r->window) == 0;
		str_copy(r->tz, sizeof r->tz, column_text(st, 8));
		r->hard = sqlite3_column_int64(st, 9) != 0;
		str_copy(r->currency.code, sizeof r->currency.code, column_text(st, 10));
		r->amount_pico = (int64_t)limit_of(st, 11, INT64_MAX);
		r->tokens = limit_of(st, 12, UINT64_MAX);
		r->jobs = limit_of(st, 13, UINT64_MAX);
		if (sound && cap_crc(&c) == (uint32_t)sqlite3_column_int64(st, 14)) {
			rc = fn(&c, arg);
		} else { /* a gateway does not pass it by: what it forbade would be allowed */
			err_set(e, RR_STORE, "cap %s of %s is damaged: its checksum does not match", r->id, l->path);
			rc = err_hint(e, "`runrate cap remove %s`, then set it anew", r->id);
		}
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading caps");
	sqlite3_finalize(st);
	return rc;
}

int ledger_remove_cap(struct ledger *l, const char *id, struct err *e)
{
	sqlite3_stmt *st;
	int rc = ledger_begin(l, e);
	if (rc)
		return rc;
	st = store_query(l, e, "DELETE FROM cap WHERE id=?1");
	rc = st ? 0 : -RR_STORE;
	if (st) {
		bind_text(st, 1, str_of(id));
		if (sqlite3_step(st) != SQLITE_DONE)
			rc = store_error(l, e, "removing a cap");
		sqlite3_finalize(st);
	}
	if (!rc && sqlite3_changes(l->db) == 0) {
		err_set(e, RR_NOTFOUND, "there is no cap %s", id);
		rc = err_hint(e, "`runrate cap list` shows all");
	}
	if (!rc)
		rc = store_settings_changed(l, e);
	if (rc) {
		ledger_rollback(l);
		return rc;
	}
	return ledger_commit(l, e);
}
