/* SPDX-License-Identifier: Apache-2.0
 *
 * verify: everything that the ledger promises, recomputed.
 *
 * 1. The file: SQLite's own integrity check.
 * 2. Names, labels, calls, imported calls, outlays, keys, caps, outcomes, holds, deferred work: each row's checksum.
 * 3. Calls stand without gaps (rows are never deleted), and each refers to a label that is there.
 * 4. A measured price has a rule that it came from.
 * 5. Imported rows are found by their keys.
 * 6. The blocks of rows in which an hour has calls are named (span.c).
 * 7. Roll-ups by hour and by day equal the sums of the rows that they claim to hold, to the last unit.
 *
 * Damage stops nothing: what can be read is read, and a range of rows that cannot is named.
 */
#include "ledger/import_keys.h"
#include "ledger/jobs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/intern.h"

enum { PROBLEMS = 32, HOLES = 64 /* unreadable ranges that are passed by before the rest is given up */ };

struct check_run {
	struct ledger *l;
	struct verify_result *v;
	struct rollup hours, days; /* recomputed */
	int64_t mark;
	bool rows_whole; /* no row was unreadable: sums may be compared */
};

static void __attribute__((format(printf, 2, 3))) problem(struct check_run *r, const char *fmt, ...)
{
	va_list ap;
	unsigned at = r->v->problems++;
	if (at >= PROBLEMS)
		return; /* counted, not told */
	va_start(ap, fmt);
	vsnprintf(r->v->problem[at], sizeof r->v->problem[at], fmt, ap);
	va_end(ap);
}

static void check_file(struct check_run *r)
{
	sqlite3_stmt *st = store_query(r->l, NULL, "PRAGMA integrity_check(8)");
	int rc = SQLITE_ERROR;
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct str s = column_text(st, 0);
		if (!str_eqc(s, "ok"))
			problem(r, "file: %.*s", (int)(s.n < 120 ? s.n : 120), s.p);
	}
	if (rc != SQLITE_DONE)
		problem(r, "file: the integrity check stopped: %s", sqlite3_errmsg(r->l->db));
	sqlite3_finalize(st);
}

static void check_names(struct check_run *r)
{
	sqlite3_stmt *st = store_query(r->l, NULL, "SELECT id, hash, text FROM name");
	int rc = SQLITE_ERROR;
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct str text = column_text(st, 2);
		if ((int64_t)hash_xxh3(text.p, text.n) != sqlite3_column_int64(st, 1))
			problem(r, "name %lld is damaged", (long long)sqlite3_column_int64(st, 0));
	}
	if (rc != SQLITE_DONE)
		problem(r, "names cannot be read: %s", sqlite3_errmsg(r->l->db));
	sqlite3_finalize(st);
}

static void check_labels(struct check_run *r)
{
	struct ledger *l = r->l;
	struct sb sql;
	sqlite3_stmt *st;
	int rc = SQLITE_ERROR;
	sb_init(&sql, 4096);
	sb_adds(&sql, "SELECT id, hash");
	schema_columns(l, true, &sql);
	sb_adds(&sql, " FROM label");
	st = store_query(l, NULL, sb_whole(&sql));
	sb_fini(&sql);
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t v[LABEL_MOST];
		for (unsigned i = 0; i < l->label_count; i++)
			v[i] = sqlite3_column_int64(st, (int)i + 2);
		if (label_hash(l, v) != (uint64_t)sqlite3_column_int64(st, 1))
			problem(r, "label %lld is damaged", (long long)sqlite3_column_int64(st, 0));
	}
	if (rc != SQLITE_DONE)
		problem(r, "labels cannot be read: %s", sqlite3_errmsg(l->db));
	sqlite3_finalize(st);
}

/* ---- rows of calls ---- */

static void recompute(struct check_run *r, const struct call *c, int64_t label)
{
	struct rollup_sum sum;
	int64_t hour = hour_of(c->start_us), day = hour / 24 - (hour % 24 < 0);
	rollup_sum_of(c, &sum);
	if (rollup_fold_sum(&r->hours, hour, label, &sum, 1) || rollup_fold_sum(&r->days, day, label, &sum, 1))
		r->rows_whole = false;
}

static void one_call(struct check_run *r, const struct call *c, int64_t row, int64_t label, bool import)
{
	struct verify_result *v = r->v;
	bool priced = c->price_status == PRICE_PRICED || c->price_status == PRICE_FREE;
	if (priced)
		v->sum_calls_pico += c->cost_pico;
	if (import) {
		v->imported += c->calls;
		recompute(r, c, label);
		return;
	}
	v->calls += c->calls;
	v->recorded++;
	if (c->outcome == OUTCOME_CRASHED)
		v->orphans++;
	else if (c->outcome != OUTCOME_CLIENT_LEFT)
		v->answered++;
	if (c->provenance == PROV_MEASURED && c->price_status == PRICE_PRICED && c->cost_pico != 0 && c->rule == 0)
		problem(r, "call row %lld is priced without a price rule", (long long)row);
	if (row <= r->mark)
		recompute(r, c, label);
	else if (priced)
		v->sum_rollups_pico += c->cost_pico; /* the tail, which readers add */
}

static sqlite3_stmt *rows_from(struct check_run *r, bool import, int64_t after)
{
	struct sb sql;
	char where[1024];
	sqlite3_stmt *st;
	snprintf(where, sizeof where, "WHERE i.row>?1%s%s ORDER BY i.row", import ? " AND " : "",
		 import ? import_current : "");
	sb_init(&sql, 8192);
	row_select(r->l, import, where, &sql);
	st = store_query(r->l, NULL, sb_whole(&sql));
	sb_fini(&sql);
	if (st)
		sqlite3_bind_int64(st, 1, after);
	return st;
}

/* After damage behind row `after`: the next row that can be read, found in growing steps. */
static int64_t next_readable(struct check_run *r, bool import, int64_t after, int64_t most)
{
	for (int64_t step = 1; after + step <= most; step += step / 2 + 1) {
		sqlite3_stmt *st = rows_from(r, import, after + step - 1);
		int rc = st ? sqlite3_step(st) : SQLITE_ERROR;
		int64_t row = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
		sqlite3_finalize(st);
		if (rc == SQLITE_ROW && row >= after + step)
			return row;
		if (rc == SQLITE_DONE)
			return 0;
	}
	return 0;
}

static void check_calls(struct check_run *r, bool import)
{
	const char *kind = import ? "import" : "call";
	sqlite3_stmt *st = rows_from(r, import, 0);
	int64_t expect = 1, row = 0, most = 0, label;
	unsigned holes = 0;
	bool circles;
	struct call c;
	struct err e;
	int rc = SQLITE_ERROR;
	if (!import) {
		most = call_max_row(r->l, NULL);
		if (most >= 0 && most < r->mark) /* the newest row's own number may be what is damaged */
			most = r->mark;
	} else {
		sqlite3_stmt *max = store_query(r->l, NULL, "SELECT max(row) FROM import_call");
		most = max && sqlite3_step(max) == SQLITE_ROW ? sqlite3_column_int64(max, 0) : -1;
		sqlite3_finalize(max);
	}
	if (most < 0) { /* the rightmost page cannot be read: gallop up to the end of all numbers */
		problem(r, "the newest %s row cannot be found: %s", kind, sqlite3_errmsg(r->l->db));
		r->rows_whole = false;
		most = INT64_C(1) << 40;
	}
	for (;;) {
		rc = st ? sqlite3_step(st) : SQLITE_ERROR;
		circles = rc == SQLITE_ROW && sqlite3_column_int64(st, 0) < expect;
		if (circles)
			rc = SQLITE_CORRUPT; /* a damaged tree may lead in circles */
		if (rc == SQLITE_ROW) {
			bool intact;
			int bad = row_read(r->l, st, import, &c, &row, &label, &intact, &e);
			if (!import && row != expect)
				problem(r, "call rows %lld to %lld are missing", (long long)expect, (long long)row - 1);
			expect = row + 1;
			if (!intact)
				problem(r, "%s row %lld is damaged: its checksum does not match", kind, (long long)row);
			else if (bad)
				problem(r, "%s row %lld: %s", kind, (long long)row, e.what);
			if (intact && !bad)
				one_call(r, &c, row, label, import);
			else
				r->rows_whole = false;
			continue;
		}
		sqlite3_finalize(st);
		st = NULL;
		if (rc == SQLITE_DONE)
			break;
		r->rows_whole = false;
		row = ++holes <= HOLES ? next_readable(r, import, expect - 1, most) : 0;
		if (!row && most < expect)
			most = expect;
		problem(r, "%s rows %lld to %lld cannot be read: %s", kind, (long long)expect,
			(long long)(row ? row - 1 : most),
			circles ? "their numbers are out of order" : sqlite3_errmsg(r->l->db));
		if (!row)
			break;
		expect = row;
		st = rows_from(r, import, row - 1);
	}
	if (!import && rc == SQLITE_DONE && r->mark > expect - 1)
		problem(r, "roll-ups claim rows up to %lld, but calls end at %lld", (long long)r->mark,
			(long long)expect - 1);
}

/* Imported rows that do not count at present have checksums too. */
static void check_other_imports(struct check_run *r)
{
	struct sb sql;
	struct call c;
	struct err e;
	sqlite3_stmt *st;
	int rc = SQLITE_ERROR;
	sb_init(&sql, 8192);
	row_select(r->l, true, "ORDER BY i.row", &sql);
	st = store_query(r->l, NULL, sb_whole(&sql));
	sb_fini(&sql);
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		bool intact;
		int64_t row;
		row_read(r->l, st, true, &c, &row, NULL, &intact, &e);
		if (!intact)
			problem(r, "import row %lld is damaged: its checksum does not match", (long long)row);
	}
	if (rc != SQLITE_DONE)
		problem(r, "imports cannot be read: %s", sqlite3_errmsg(r->l->db));
	sqlite3_finalize(st);
}

/* Each row of a batch that was finished is found by its key. */
static void check_import_keys(struct check_run *r)
{
	uint64_t keys, rows;
	struct err e;
	sqlite3_stmt *st = store_query(r->l, NULL, "SELECT ifnull(min(first_row),1<<62) FROM batch WHERE state=0");
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;
	int64_t below = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	if (import_keys_sum(r->l, below, &keys, &rows, &e))
		problem(r, "keys of imported rows cannot be read: %s", sqlite3_errmsg(r->l->db));
	else if (keys != rows)
		problem(r, "the keys of imported rows are not those of the rows");
}

static void check_spans(struct check_run *r)
{
	int64_t missing;
	for (unsigned of = 0; of < SPAN_TABLES; of++)
		if (span_missing(r->l, (enum span_of)of, of == SPAN_CALLS ? r->mark : INT64_MAX, &missing, NULL))
			problem(r, "where calls are cannot be read: %s", sqlite3_errmsg(r->l->db));
		else if (missing)
			problem(r, "%lld hours have %s in blocks that are not named", (long long)missing,
				of ? "imported rows" : "calls");
}

/* ---- roll-ups ---- */

static void check_outcomes(struct check_run *r)
{
	sqlite3_stmt *st = store_query(r->l, NULL, "SELECT id,accepted,at,hour,label,crc FROM outcome");
	struct call c;
	int rc = SQLITE_ERROR;
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		_Alignas(8) unsigned char key[16] = {0};
		struct str id = column_blob(st, 0);
		int64_t accepted = sqlite3_column_int64(st, 1), hour = sqlite3_column_int64(st, 3);
		int64_t label = sqlite3_column_int64(st, 4);
		struct rollup_sum sum = {0};
		struct call_id cid;
		memcpy(key, id.p, id.n < 16 ? id.n : 16);
		memcpy(&cid.hi, key, 8);
		memcpy(&cid.lo, key + 8, 8);
		cid.hi = __builtin_bswap64(cid.hi);
		cid.lo = __builtin_bswap64(cid.lo);
		if (outcome_crc(key, accepted, sqlite3_column_int64(st, 2), hour, label) !=
		    (uint32_t)sqlite3_column_int64(st, 5)) {
			problem(r, "an outcome row is damaged");
			continue;
		}
		if (!accepted || row_find(r->l, cid, &c, NULL, NULL))
			continue;
		sum.accepted = c.calls;
		rollup_fold_sum(&r->hours, hour, label, &sum, 1);
		rollup_fold_sum(&r->days, hour / 24 - (hour % 24 < 0), label, &sum, 1);
	}
	if (rc != SQLITE_DONE)
		problem(r, "outcomes cannot be read: %s", sqlite3_errmsg(r->l->db));
	sqlite3_finalize(st);
}

/* Stored roll-ups minus recomputed ones must leave nothing. */
static void check_rollups(struct check_run *r, bool day)
{
	struct rollup *want = day ? &r->days : &r->hours;
	const char *kind = day ? "day" : "hour";
	struct rollup_sum sum;
	struct sb sql;
	sqlite3_stmt *st;
	unsigned wrong = 0;
	int rc = SQLITE_ERROR;
	sb_init(&sql, 4096);
	sb_addf(&sql, "SELECT at,label,%s FROM rollup_%s", rollup_columns, kind);
	/* and what is on its way into them and counts already (rollup_delta.c) */
	sb_addf(&sql, " UNION ALL SELECT at,label,%s FROM delta_%s WHERE (SELECT value FROM meta WHERE name='delta_live')=1",
		rollup_columns, kind);
	st = store_query(r->l, NULL, sb_whole(&sql));
	sb_fini(&sql);
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		rollup_read_sum(st, 2, &sum);
		if (!day)
			r->v->sum_rollups_pico += sum.cost_pico;
		if (rollup_fold_sum(want, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), &sum, -1))
			r->rows_whole = false;
	}
	if (rc != SQLITE_DONE)
		problem(r, "roll-ups by %s cannot be read: %s", kind, sqlite3_errmsg(r->l->db));
	sqlite3_finalize(st);
	for (uint32_t i = 0; i < want->count; i++)
		if (!rollup_sum_is_zero(&want->items[i].sum) && wrong++ < 3)
			problem(r, "the roll-up of %s %lld, label %lld does not equal its rows", kind,
				(long long)want->items[i].hour, (long long)want->items[i].label);
	if (wrong > 3)
		problem(r, "%u more roll-ups by %s do not equal their rows", wrong - 3, kind);
}

/* ---- small tables: their readers check each row ---- */

static int ignore_outlay(const struct outlay *o, void *arg)
{
	return 0;
}
static int ignore_key(const struct key_row *k, void *arg)
{
	return 0;
}
static int ignore_cap(const struct cap_row *c, void *arg)
{
	return 0;
}
static int ignore_hold(const struct hold *h, void *arg)
{
	return 0;
}
static int ignore_job(const struct job_row *j, void *arg)
{
	return 0;
}

static void check_raw(struct check_run *r)
{
	sqlite3_stmt *st = store_query(r->l, NULL, "SELECT id, raw, crc FROM raw_usage");
	int rc = SQLITE_ERROR;
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct str id = column_blob(st, 0), raw = column_text(st, 1);
		if (hash_crc32c(hash_crc32c(0, id.p, id.n), raw.p, raw.n) != (uint32_t)sqlite3_column_int64(st, 2))
			problem(r, "a raw usage block is damaged");
	}
	if (rc != SQLITE_DONE)
		problem(r, "raw usage blocks cannot be read: %s", sqlite3_errmsg(r->l->db));
	sqlite3_finalize(st);
}

int ledger_verify(struct ledger *l, struct verify_result *out, struct err *e)
{
	struct check_run r = {.l = l, .v = out, .rows_whole = true};
	struct err small;
	bool opened;
	int rc;
	memset(out, 0, sizeof *out);
	rc = store_read_begin(l, &opened, e);
	if (rc)
		return rc;
	label_cache_clear(l); /* from the file, not from memory */
	if (rollup_mark(l, &r.mark, &small))
		problem(&r, "%s", small.what);
	check_file(&r);
	check_names(&r);
	check_labels(&r);
	check_calls(&r, false);
	check_calls(&r, true);
	check_other_imports(&r);
	check_import_keys(&r);
	check_spans(&r);
	check_raw(&r);
	check_outcomes(&r);
	check_rollups(&r, false);
	check_rollups(&r, true);
	if (ledger_outlays(l, ignore_outlay, NULL, &small))
		problem(&r, "%s", small.what);
	if (ledger_keys(l, ignore_key, NULL, &small))
		problem(&r, "%s", small.what);
	if (ledger_caps(l, ignore_cap, NULL, &small))
		problem(&r, "%s", small.what);
	if (ledger_holds(l, ignore_hold, NULL, &small))
		problem(&r, "%s", small.what);
	if (ledger_jobs(l, ignore_job, NULL, &small))
		problem(&r, "%s", small.what);
	if (r.rows_whole && out->sum_calls_pico != out->sum_rollups_pico)
		problem(&r, "the sum of the calls differs from the sum of the roll-ups");
	store_read_end(l, opened);
	rollup_fini(&r.hours);
	rollup_fini(&r.days);
	out->ok = out->problems == 0;
	if (out->problems > PROBLEMS)
		out->problems = PROBLEMS; /* as many as are told */
	return 0;
}
