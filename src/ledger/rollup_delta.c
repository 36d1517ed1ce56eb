/* SPDX-License-Identifier: Apache-2.0
 *
 * A large change of the roll-ups, on its way.
 *
 * An import or an undo of millions of rows changes hundreds of thousands of sums; to write them all in the transaction
 * that makes the batch count would keep a gateway waiting for seconds. So:
 *
 * 1. Sums go to delta_hour and delta_day in short transactions, unseen.
 * 2. The batch's last transaction sets meta delta_live: from then on whoever reads roll-ups reads the delta too.
 * 3. Then the sums are merged into rollup_hour and rollup_day in short transactions, each of which takes away from
 *    a delta's table what it adds. When nothing is left, delta_live is 0 again. A delta that is larger than what it
 *    is merged into changes names with it first: adding is the same either way round.
 *
 * So the change counts at once and exactly, and a kill at any point leaves either a delta that never counted, which
 * the next import drops, or one that counts, which it merges. One import or undo runs at a time: there is one delta.
 * Hours and days move each by themselves: whoever reads days reads both tables of days.
 */
#include "ledger/store.h"
#include "ledger/sums.h"

#include <stdio.h>
#include <stdlib.h>

static int no_memory(struct err *e)
{
	return err_set(e, RR_NOMEM, "out of memory for roll-ups");
}

/* Sums on their way into a table of the delta (given.h). */
struct sums_given {
	const struct sums *sums;
	uint32_t at, to; /* at: behind the one that SQLite reads */
	int64_t value[ROLLUP_COLUMNS];
};

static int next_sum(struct given *g)
{
	struct sums_given *s = g->rows;
	struct rollup_sum sum;
	while (s->at < s->to) {
		sums_get(s->sums, s->at++, &sum);
		if (rollup_sum_is_zero(&sum))
			continue;
		rollup_values(&sum, s->value);
		return 1;
	}
	return 0;
}

static void sum_value(struct given *g, unsigned column, sqlite3_context *out)
{
	const struct sums_given *s = g->rows;
	const struct sum *sum = &s->sums->sum[s->at - 1];
	sqlite3_result_int64(out, column == 0 ? sum->at : column == 1 ? sum->label : s->value[column - 2]);
}

/* In a write transaction: the sums [from, to). */
static int put_some(struct ledger *l, enum rollup_table table, struct sums_given *s, struct err *e)
{
	enum store_stmt which = table == DELTA_HOUR ? ST_DELTA_HOUR : ST_DELTA_DAY;
	struct sb sql;
	int rc;
	sb_init(&sql, 8192);
	if (!l->given_sums.name)
		l->given_sums = (struct given){.name = "given_sums", .columns = 2 + ROLLUP_COLUMNS, .next = next_sum,
					       .value = sum_value};
	if (!l->st[which]) {
		sb_addf(&sql, "INSERT INTO %s(at,label,%s) SELECT * FROM given_sums WHERE true", rollup_tables[table],
			rollup_columns);
		sb_adds(&sql, " ON CONFLICT(at,label) DO UPDATE SET ");
		rollup_some_columns(&sql, ROLLUP_ALL, "@=@+excluded.@");
	}
	rc = store_given(l, &l->given_sums, which, sb_whole(&sql), s, "writing roll-ups", e);
	sb_fini(&sql);
	return rc;
}

static int put(struct ledger *l, enum rollup_table table, const struct sums *sums, struct err *e)
{
	struct sums_given s = {.sums = sums};
	int rc = 0;
	while (s.to < sums->count && !rc) {
		s.at = s.to;
		s.to += sums->count - s.to < import_sizes.sums_at_once ? sums->count - s.to : import_sizes.sums_at_once;
		rc = ledger_begin(l, e);
		if (!rc)
			rc = put_some(l, table, &s, e);
		if (!rc)
			rc = ledger_commit(l, e);
		else
			ledger_rollback(l);
	}
	return rc;
}

int delta_put(struct ledger *l, struct sums *s, struct err *e)
{
	struct sums days = {0};
	int rc;
	if (sums_settle(s))
		return no_memory(e);
	sums_sort(s);
	rc = put(l, DELTA_HOUR, s, e);
	if (!rc && sums_by_day(s, &days))
		rc = no_memory(e);
	if (!rc)
		rc = put(l, DELTA_DAY, &days, e);
	sums_fini(&days);
	sums_drop(s);
	return rc;
}

int delta_flush(struct ledger *l, struct sums *s, struct err *e)
{
	struct rollup_sum sum;
	int rc = sums_settle(s) ? no_memory(e) : 0;
	sums_sort(s);
	for (uint32_t i = 0; i < s->count && !rc; i++) {
		sums_get(s, i, &sum);
		rc = rollup_upsert(l, ROLLUP_HOUR, s->sum[i].at, s->sum[i].label, &sum, e);
		if (!rc)
			rc = rollup_upsert(l, ROLLUP_DAY, day_of_hour(s->sum[i].at), s->sum[i].label, &sum, e);
	}
	sums_drop(s);
	return rc;
}

int delta_begins_to_count(struct ledger *l, struct err *e)
{
	return store_meta_set(l, "delta_live", 1, e);
}

int delta_fill_days(struct ledger *l, struct err *e)
{
	struct sb sql;
	int rc;
	sb_init(&sql, 8192);
	sb_addf(&sql, "INSERT INTO delta_day(at,label,%s) SELECT at/24-(at%%24<0),label,", rollup_columns);
	rollup_some_columns(&sql, ROLLUP_ALL, "sum(@)");
	sb_adds(&sql, " FROM delta_hour GROUP BY 1,2");
	rc = store_exec(l, sb_whole(&sql), e);
	sb_fini(&sql);
	return rc;
}

/* From a delta's table to the roll-ups', all of it in SQL: a sum has three dozen columns. */
struct move {
	sqlite3_stmt *last, *add, *gone; /* the last of the next sums; add them; take them away */
	bool left;
};

static int move_begin(struct ledger *l, struct move *m, enum rollup_table from, enum rollup_table to, struct err *e)
{
	struct sb sql;
	sb_init(&sql, 8192);
	sb_addf(&sql, "SELECT at,label FROM (SELECT at,label FROM %s ORDER BY at,label LIMIT %u)", rollup_tables[from],
		import_sizes.sums_at_once);
	sb_adds(&sql, " ORDER BY at DESC,label DESC LIMIT 1");
	m->last = store_query(l, e, sb_whole(&sql));
	sb_clear(&sql);
	sb_addf(&sql, "INSERT INTO %s(at,label,%s) SELECT at,label,%s FROM %s", rollup_tables[to], rollup_columns,
		rollup_columns, rollup_tables[from]);
	sb_adds(&sql, " WHERE (at,label)<=(?1,?2) ON CONFLICT(at,label) DO UPDATE SET ");
	rollup_some_columns(&sql, ROLLUP_ALL, "@=@+excluded.@");
	m->add = m->last ? store_query(l, e, sb_whole(&sql)) : NULL;
	sb_clear(&sql);
	sb_addf(&sql, "DELETE FROM %s WHERE (at,label)<=(?1,?2)", rollup_tables[from]);
	m->gone = m->add ? store_query(l, e, sb_whole(&sql)) : NULL;
	sb_fini(&sql);
	m->left = true;
	return m->gone ? 0 : -RR_STORE;
}

static void move_end(struct move *m)
{
	sqlite3_finalize(m->last);
	sqlite3_finalize(m->add);
	sqlite3_finalize(m->gone);
}

static int run_to(struct ledger *l, sqlite3_stmt *st, int64_t at, int64_t label, struct err *e)
{
	int rc;
	sqlite3_bind_int64(st, 1, at);
	sqlite3_bind_int64(st, 2, label);
	rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_error(l, e, "merging roll-ups");
	sqlite3_reset(st);
	return rc;
}

/* One transaction's worth, where anything is left. */
static int move_some(struct ledger *l, struct move *m, bool counts, struct err *e)
{
	int64_t at, label;
	int rc = sqlite3_step(m->last);
	at = sqlite3_column_int64(m->last, 0);
	label = sqlite3_column_int64(m->last, 1);
	sqlite3_reset(m->last);
	m->left = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? 0 : store_error(l, e, "merging roll-ups");
	rc = counts ? run_to(l, m->add, at, label, e) : 0;
	return rc ? rc : run_to(l, m->gone, at, label, e);
}

/* Where a delta that counts is the larger table of the two, they change their names, and what is moved is the other
 * one: the first large import of a ledger has nothing to move. */
static int change_names(struct ledger *l, enum rollup_table delta, enum rollup_table rollup, struct err *e)
{
	const char *d = rollup_tables[delta], *r = rollup_tables[rollup];
	int64_t larger;
	char sql[200];
	int rc;
	snprintf(sql, sizeof sql, "SELECT (SELECT count(*) FROM %s) > (SELECT count(*) FROM %s)", d, r);
	rc = store_number(l, sql, &larger, "merging roll-ups", e);
	if (rc || !larger)
		return rc;
	snprintf(sql, sizeof sql,
		 "ALTER TABLE %s RENAME TO aside; ALTER TABLE %s RENAME TO %s; ALTER TABLE aside RENAME TO %s", d, r, d, r);
	rc = ledger_begin(l, e);
	if (!rc)
		rc = store_exec(l, sql, e);
	if (!rc)
		return ledger_commit(l, e);
	ledger_rollback(l);
	return rc;
}

int delta_settle(struct ledger *l, struct err *e)
{
	struct move hours = {0}, days = {0};
	int64_t counts;
	int rc = store_meta_get(l, "delta_live", &counts, e);
	if (!rc && counts)
		rc = change_names(l, DELTA_HOUR, ROLLUP_HOUR, e);
	if (!rc && counts)
		rc = change_names(l, DELTA_DAY, ROLLUP_DAY, e);
	if (!rc)
		rc = move_begin(l, &hours, DELTA_HOUR, ROLLUP_HOUR, e);
	if (!rc)
		rc = move_begin(l, &days, DELTA_DAY, ROLLUP_DAY, e);
	while (!rc && (hours.left || days.left)) {
		rc = ledger_begin(l, e);
		if (!rc)
			rc = move_some(l, hours.left ? &hours : &days, counts != 0, e);
		if (!rc && !hours.left && !days.left)
			rc = store_meta_set(l, "delta_live", 0, e);
		if (rc)
			ledger_rollback(l);
		else
			rc = ledger_commit(l, e);
	}
	move_end(&hours);
	move_end(&days);
	return rc;
}
