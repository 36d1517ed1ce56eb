/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema, as the steps by which it grew. A ledger of version n is brought up to date by steps n+1.. in one
 * transaction; a ledger of a version that this program does not know is refused by name.
 *
 * 1  names, fields, labels, calls, roll-ups
 * 2  outlays, keys, caps
 * 3  imports (batches, natural keys, supersession) and outcomes that come later
 * 4  what happens once and is seen many times (ends of jobs)
 * 5  what is held and costs by the hour (caches)
 * 6  keys of imported rows as a table of 64 bits each, written in order; large changes of the roll-ups on their way
 * 7  open work that a vendor does later
 * 8  limits of keys
 * 9  which older rows a batch repeats, which periods it holds the whole truth of: undos in any order
 * 10 in which blocks of rows the calls of an hour are (span.c)
 * 11 up to when a batch tells all (cover.c)
 * 12 large changes of the roll-ups are written by day too (rollup_delta.c)
 * 13 a batch's header, the days of what it covers: parts of a report, two bills of the same days
 *
 * The columns of `label` and the integer columns of `call` and `import_call` are generated from
 * model/call_fields.def (field.h); a field that a newer list adds is added to an older ledger when it is opened
 * for writing. All tables are STRICT; no table of calls has an index beside its key.
 */
#include "ledger/import_keys.h"

#include <stdio.h>
#include <stdlib.h>

static const char step_1[] =
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	/* hash: XXH3 of the text, finder and checksum at once */
	"CREATE TABLE name(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, text TEXT NOT NULL) STRICT;"
	"CREATE INDEX name_hash ON name(hash);"
	"CREATE TABLE field(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
	/* one combination of the fields with few values; hash as in name */
	"CREATE TABLE label(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL@label) STRICT;"
	"CREATE INDEX label_hash ON label(hash);"
	/* took = end - start; operation NULL = id; rest: (field, value) varints; crc: CRC-32C of the fields */
	"CREATE TABLE call(row INTEGER PRIMARY KEY, id BLOB, operation BLOB, start INTEGER NOT NULL, took INTEGER,"
	" label INTEGER NOT NULL, vendor_ref TEXT, rest BLOB, crc INTEGER NOT NULL@hot) STRICT;"
	"CREATE TABLE raw_usage(id BLOB PRIMARY KEY, raw TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE rollup_hour(at INTEGER NOT NULL, label INTEGER NOT NULL@rollup, PRIMARY KEY(at, label))"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE rollup_day(at INTEGER NOT NULL, label INTEGER NOT NULL@rollup, PRIMARY KEY(at, label))"
	" STRICT, WITHOUT ROWID;";

static const char step_2[] =
	"CREATE TABLE outlay(row INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, date INTEGER NOT NULL,"
	" retires INTEGER NOT NULL, life_months INTEGER NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL,"
	" trained_tok INTEGER NOT NULL, serves TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,"
	" note TEXT NOT NULL, batch INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;"
	"CREATE TABLE key(id TEXT PRIMARY KEY, mac BLOB NOT NULL, team TEXT NOT NULL, feature TEXT NOT NULL,"
	" env TEXT NOT NULL, models TEXT NOT NULL, regions TEXT NOT NULL, clamp INTEGER NOT NULL,"
	" created INTEGER NOT NULL, revoked INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;"
	"CREATE TABLE cap(id TEXT PRIMARY KEY, book TEXT NOT NULL, key TEXT NOT NULL, team TEXT NOT NULL,"
	" feature TEXT NOT NULL, model TEXT NOT NULL, env TEXT NOT NULL, span TEXT NOT NULL, tz TEXT NOT NULL,"
	" hard INTEGER NOT NULL, currency TEXT NOT NULL, amount INTEGER, tokens INTEGER, jobs INTEGER,"
	" crc INTEGER NOT NULL) STRICT;";

static const char step_3[] =
	/* state: 0 being read, 1 counts, 2 undone */
	"CREATE TABLE batch(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, source TEXT NOT NULL, scope TEXT NOT NULL,"
	" file TEXT NOT NULL, file_hash BLOB NOT NULL, parser TEXT NOT NULL, started INTEGER NOT NULL,"
	" first_row INTEGER NOT NULL, last_row INTEGER NOT NULL, rows_read INTEGER NOT NULL, rows_new INTEGER NOT NULL,"
	" rows_duplicate INTEGER NOT NULL, rows_revised INTEGER NOT NULL, rows_rejected INTEGER NOT NULL) STRICT;"
	"CREATE TABLE import_call(row INTEGER PRIMARY KEY, id BLOB, operation BLOB, start INTEGER NOT NULL,"
	" took INTEGER, label INTEGER NOT NULL, vendor_ref TEXT, rest BLOB, crc INTEGER NOT NULL,"
	" batch INTEGER NOT NULL, nat BLOB NOT NULL, body BLOB NOT NULL, line INTEGER, claimed TEXT@hot) STRICT;"
	"CREATE INDEX import_nat ON import_call(nat);"
	/* row is superseded by that batch, as long as the batch counts */
	"CREATE TABLE supersede(row INTEGER NOT NULL, batch INTEGER NOT NULL, PRIMARY KEY(row, batch))"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE outcome(id BLOB PRIMARY KEY, accepted INTEGER NOT NULL, at INTEGER NOT NULL, hour INTEGER NOT NULL,"
	" label INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

static const char step_4[] =
	"CREATE TABLE once(key BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

static const char step_5[] =
	/* due: when the next slice is complete */
	"CREATE TABLE hold(key BLOB PRIMARY KEY, name TEXT NOT NULL, operation BLOB NOT NULL, provider TEXT NOT NULL,"
	" model TEXT NOT NULL, region TEXT NOT NULL, caller TEXT NOT NULL, team TEXT NOT NULL, feature TEXT NOT NULL,"
	" env TEXT NOT NULL, tokens INTEGER NOT NULL, begin INTEGER NOT NULL, until INTEGER NOT NULL,"
	" booked INTEGER NOT NULL, booked_hours INTEGER NOT NULL, due INTEGER NOT NULL, crc INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;";

static const char step_6[] =
	/* the first 64 bits of a natural key (import_keys.h); what was an index of 16 random bytes a row */
	"DROP INDEX import_nat;"
	"CREATE TABLE import_key(key INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY(key, row)) STRICT, WITHOUT ROWID;"
	/* a large change of the roll-ups on its way (rollup_delta.c) */
	"CREATE TABLE rollup_delta(at INTEGER NOT NULL, label INTEGER NOT NULL@rollup, PRIMARY KEY(at, label))"
	" STRICT, WITHOUT ROWID;";

static const char step_7[] =
	"CREATE TABLE job(ask BLOB PRIMARY KEY, kind INTEGER NOT NULL, provider TEXT NOT NULL, id TEXT NOT NULL,"
	" match TEXT NOT NULL, asked INTEGER NOT NULL, key TEXT NOT NULL, team TEXT NOT NULL, feature TEXT NOT NULL,"
	" model TEXT NOT NULL, env TEXT NOT NULL, own INTEGER NOT NULL, currency TEXT NOT NULL, most INTEGER NOT NULL,"
	" most_tok INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

static const char step_8[] =
	""; /* a key's own limits: key_columns below */

static const char step_9[] =
	/* batch has these older rows too: bit n of a block is row 64 * block + n (import_store.h, rule 2) */
	"CREATE TABLE repeat(block INTEGER NOT NULL, batch INTEGER NOT NULL, bits INTEGER NOT NULL,"
	" PRIMARY KEY(block, batch)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE period(batch INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,"
	" PRIMARY KEY(batch, since, until)) STRICT, WITHOUT ROWID;";

static const char step_10[] =
	"CREATE TABLE span(of INTEGER NOT NULL, hour INTEGER NOT NULL, block INTEGER NOT NULL,"
	" PRIMARY KEY(of, hour, block)) STRICT, WITHOUT ROWID;";

static const char step_11[] =
	/* up to when a batch tells all (cover.c) */
	"CREATE TABLE IF NOT EXISTS cover(batch INTEGER NOT NULL, provider TEXT NOT NULL, side INTEGER NOT NULL,"
	" until INTEGER NOT NULL, PRIMARY KEY(batch, provider, side)) STRICT, WITHOUT ROWID;";

static const char step_12[] =
	"ALTER TABLE rollup_delta RENAME TO delta_hour;"
	"CREATE TABLE delta_day(at INTEGER NOT NULL, label INTEGER NOT NULL@rollup, PRIMARY KEY(at, label))"
	" STRICT, WITHOUT ROWID;";

static const char step_13[] =
	""; /* a batch's shape, what a cover's rows span: below */

static const char *const steps[SCHEMA_VERSION] = {step_1, step_2, step_3,  step_4,  step_5,  step_6, step_7,
						  step_8, step_9, step_10, step_11, step_12, step_13};

static int tables_of(struct ledger *l, const char *name, bool *there, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1");
	if (!st)
		return -RR_STORE;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	int rc = sqlite3_step(st);
	*there = rc == SQLITE_ROW;
	int out = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(l, e, "reading the schema");
	sqlite3_finalize(st);
	return out;
}

int schema_version(struct ledger *l, unsigned *version, struct err *e)
{
	bool ours;
	int64_t v = 0;
	int rc = tables_of(l, "meta", &ours, e);
	*version = 0;
	if (rc)
		return rc;
	if (!ours) {
		sqlite3_stmt *st = store_query(l, e, "SELECT count(*) FROM sqlite_schema");
		if (!st)
			return -RR_STORE;
		bool foreign = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int64(st, 0) > 0;
		sqlite3_finalize(st);
		return foreign ? err_set(e, RR_STORE, "%s is an SQLite file, but no runrate ledger", l->path) : 0;
	}
	rc = store_meta_get(l, "schema_version", &v, e);
	if (rc)
		return rc;
	if (v > SCHEMA_VERSION) {
		err_set(e, RR_STORE, "%s has schema version %lld; this runrate knows versions up to %d", l->path,
			(long long)v, SCHEMA_VERSION);
		return err_hint(e, "use the newer runrate that wrote it; nothing was changed");
	}
	if (v < 0)
		return err_set(e, RR_STORE, "%s has the impossible schema version %lld", l->path, (long long)v);
	*version = (unsigned)v;
	return 0;
}

static bool has_column(struct ledger *l, const char *table, const char *column)
{
	const char *type, *collation;
	int a, b, c;
	return sqlite3_table_column_metadata(l->db, "main", table, column, &type, &collation, &a, &b, &c) == SQLITE_OK;
}

static int add_column(struct ledger *l, const char *table, const char *column, const char *how, struct err *e)
{
	char sql[160];
	if (has_column(l, table, column))
		return 0;
	snprintf(sql, sizeof sql, "ALTER TABLE %s ADD COLUMN \"%s\" INTEGER %s", table, column, how);
	return store_exec(l, sql, e);
}

/* A step with the columns of today's field lists where it names them: "@label", "@hot" or "@rollup". To add them one by
 * one to a table that is there takes SQLite half a millisecond each. */
static int run_step(struct ledger *l, const char *step, struct err *e)
{
	struct str rest = str_of(step);
	struct sb sql;
	int rc;
	sb_init(&sql, 65536);
	sb_add_str(&sql, str_cut(&rest, '@'));
	while (rest.p) {
		struct str text = str_cut(&rest, '@');
		bool label = str_starts(text, STR("label")), rollup = str_starts(text, STR("rollup"));
		for (unsigned i = 0; i < FIELDS && !rollup; i++)
			if (field_place(i) == (label ? PLACE_LABEL : PLACE_HOT))
				sb_addf(&sql, ",\"%s\" INTEGER %s", fields[i].name, label ? "NOT NULL DEFAULT 0" : "");
		if (rollup) {
			sb_adds(&sql, ",");
			rollup_some_columns(&sql, ROLLUP_ALL, "@ INTEGER NOT NULL DEFAULT 0");
		}
		sb_add_str(&sql, str_sub(text, strlen(rollup ? "rollup" : label ? "label" : "hot"), text.n));
	}
	rc = store_exec(l, sb_whole(&sql), e);
	sb_fini(&sql);
	return rc;
}

/* Columns that follow from the field lists, and the numbers of fields. */
static int generated_columns(struct ledger *l, unsigned version, struct err *e)
{
	static const struct {
		unsigned since;
		const char *table, *column;
	} later[] = {
		/* 0 = as configured */
		{8, "key", "requests"}, {8, "key", "tokens"}, {8, "key", "active"},
		/* 0 = not known; first, last: where its rows start */
		{13, "batch", "shape"}, {13, "cover", "first"}, {13, "cover", "last"},
	};
	static const unsigned rollup_since[ROLLUP_TABLES] = {1, 1, 12, 12};
	int rc = 0;
	for (unsigned i = 0; i < FIELDS && !rc; i++) {
		sqlite3_stmt *st = store_query(l, e, "INSERT OR IGNORE INTO field(name) VALUES(?1)");
		if (!st)
			return -RR_STORE;
		sqlite3_bind_text(st, 1, fields[i].name, -1, SQLITE_STATIC);
		rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_error(l, e, "numbering fields");
		sqlite3_finalize(st);
		if (!rc && field_place(i) == PLACE_LABEL)
			rc = add_column(l, "label", fields[i].name, "NOT NULL DEFAULT 0", e);
		if (!rc && field_place(i) == PLACE_HOT)
			rc = add_column(l, "call", fields[i].name, "", e);
		if (!rc && field_place(i) == PLACE_HOT && version >= 3)
			rc = add_column(l, "import_call", fields[i].name, "", e);
	}
	for (unsigned t = 0; t < ROLLUP_TABLES && !rc; t++) {
		char names[1024], *save = NULL;
		snprintf(names, sizeof names, "%s", rollup_columns);
		for (char *n = strtok_r(names, ",", &save); n && !rc && version >= rollup_since[t]; n = strtok_r(NULL, ",", &save))
			rc = add_column(l, rollup_tables[t], n, "NOT NULL DEFAULT 0", e);
	}
	for (unsigned i = 0; i < sizeof later / sizeof *later && !rc; i++)
		if (version >= later[i].since)
			rc = add_column(l, later[i].table, later[i].column, "NOT NULL DEFAULT 0", e);
	return rc;
}

int schema_migrate(struct ledger *l, unsigned to, struct err *e)
{
	unsigned from = 0;
	int rc = schema_version(l, &from, e);
	for (unsigned i = from; i < to && !rc; i++)
		rc = run_step(l, steps[i], e);
	if (!rc)
		rc = generated_columns(l, to, e);
	if (!rc && from < 6 && to >= 6)
		rc = import_keys_fill(l, e);
	for (unsigned of = 0; of < SPAN_TABLES && from < 10 && to >= 10 && !rc; of++)
		rc = span_note_rows(l, (enum span_of)of, 1, INT64_MAX, e);
	if (!rc && from < 12 && to >= 12)
		rc = delta_fill_days(l, e);
	if (!rc && from != to)
		rc = store_meta_set(l, "schema_version", to, e);
	return rc;
}

/* True when the list in the program has something that the ledger lacks. */
static bool codec_complete(struct ledger *l)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		enum field_place p = field_place(i);
		if ((p == PLACE_LABEL && !has_column(l, "label", fields[i].name)) ||
		    (p == PLACE_HOT && !has_column(l, "call", fields[i].name)))
			return false;
	}
	return true;
}

int schema_load_codec(struct ledger *l, struct err *e)
{
	uint8_t number_of[FIELDS] = {0};
	sqlite3_stmt *st;
	int rc;
	for (unsigned i = 0; i < 256; i++)
		l->field_of_number[i] = -1;
	st = store_query(l, e, "SELECT number, name FROM field");
	if (!st)
		return -RR_STORE;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t number = sqlite3_column_int64(st, 0);
		int f = field_find(column_text(st, 1));
		if (number <= 0 || number > 255 || f < 0)
			continue;
		l->field_of_number[number] = (int16_t)f;
		number_of[f] = (uint8_t)number;
	}
	rc = rc == SQLITE_DONE ? 0 : store_error(l, e, "reading the fields");
	sqlite3_finalize(st);
	/* After that query, which made SQLite notice a schema that another connection changed. */
	if (!rc && !codec_complete(l))
		return err_set(e, RR_STORE, "%s lacks columns of this version", l->path);
	l->label_count = l->hot_count = l->rest_count = 0;
	for (unsigned i = 0; i < FIELDS && !rc; i++) {
		enum field_place p = field_place(i);
		if (p != PLACE_OWN && !number_of[i])
			return err_set(e, RR_STORE, "%s does not know the field \"%s\"", l->path, fields[i].name);
		if (p == PLACE_LABEL) {
			check(l->label_count < LABEL_MOST);
			l->label_field[l->label_count++] = (uint8_t)i;
		} else if (p == PLACE_HOT) {
			check(l->hot_count < HOT_MOST);
			l->hot_number[l->hot_count] = number_of[i];
			l->hot_default[l->hot_count] = field_default(i);
			l->hot_field[l->hot_count++] = (uint8_t)i;
		} else if (p == PLACE_REST) {
			check(l->rest_count < REST_MOST);
			l->rest_number[l->rest_count] = number_of[i];
			/* the vendor's total is kept as what it says beyond the sum of the classes: row.c */
			l->rest_default[l->rest_count] = i == F_vendor_total_tok ? 0 : field_default(i);
			l->rest_field[l->rest_count++] = (uint8_t)i;
		}
	}
	return rc;
}

const char *schema_columns(struct ledger *l, bool label, struct sb *b)
{
	unsigned n = label ? l->label_count : l->hot_count;
	for (unsigned i = 0; i < n; i++)
		sb_addf(b, ",\"%s\"", fields[label ? l->label_field[i] : l->hot_field[i]].name);
	return b->p ? b->p : "";
}
