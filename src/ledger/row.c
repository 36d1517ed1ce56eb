/* SPDX-License-Identifier: Apache-2.0
 *
 * A call as a row and back (places: field.h), with its checksum; streams of rows; finding one by its id.
 *
 * The checksum is CRC-32C over the row number, ids, times, label, the integer columns that are not default
 * (with their field numbers), vendor_ref and the blob; for imported rows also over what an import adds.
 * It is computed from the values, not from SQLite's bytes, so a rebuilt file keeps its checksums.
 */
#include "ledger/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

const char row_own_columns[] = "row,id,operation,start,took,label,vendor_ref";
#define ALIVE(BUT)                                                                                 \
	"(EXISTS (SELECT 1 FROM batch b WHERE b.id=i.batch AND b.state=1" BUT ") OR EXISTS (SELECT 1" \
	" FROM repeat p JOIN batch b ON b.id=p.batch WHERE p.block=i.row>>6 AND p.bits>>(i.row&63)&1" \
	" AND b.state=1" BUT "))"
const char import_current[] =
	ALIVE("") " AND NOT EXISTS (SELECT 1 FROM supersede s JOIN batch b ON b.id=s.batch WHERE s.row=i.row AND b.state=1)";

char *import_alive(int64_t but, char out[IMPORT_ALIVE_MOST])
{
	snprintf(out, IMPORT_ALIVE_MOST, ALIVE(" AND b.id<>%lld"), (long long)but, (long long)but);
	return out;
}

/* A field's value where it is not what the row's other values imply. */
static int64_t coded_value(const struct call *c, unsigned f)
{
	uint64_t sum = 0;
	if (f != F_vendor_total_tok)
		return field_get(c, &fields[f]);
	for (unsigned i = 0; i < CLASSES; i++)
		sum += c->usage.tok[i];
	return (int64_t)(c->usage.vendor_total_tok - sum); /* 0 nearly always */
}

static size_t varint_put(unsigned char *p, uint64_t v)
{
	size_t n = 0;
	while (v >= 0x80) {
		p[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (unsigned char)v;
	return n;
}

static bool varint_get(const unsigned char **p, const unsigned char *end, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
		unsigned char byte = *(*p)++;
		*v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static size_t rest_encode(const struct ledger *l, const struct call *c, unsigned char *out)
{
	size_t n = 0;
	for (unsigned i = 0; i < l->rest_count; i++) {
		unsigned f = l->rest_field[i];
		int64_t v = coded_value(c, f);
		if (v == l->rest_default[i])
			continue;
		out[n++] = l->rest_number[i];
		n += varint_put(out + n, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
	}
	return n;
}

static bool rest_decode(const struct ledger *l, struct str blob, struct call *c)
{
	const unsigned char *p = (const unsigned char *)blob.p, *end = p + blob.n;
	int64_t total = 0;
	while (p < end) {
		int f = l->field_of_number[*p++];
		uint64_t z;
		int64_t v;
		if (!varint_get(&p, end, &z))
			return false;
		v = (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
		if (f == F_vendor_total_tok)
			total = v;
		else if (f >= 0 && field_place((unsigned)f) == PLACE_REST)
			field_set(c, &fields[f], v);
	}
	c->usage.vendor_total_tok = (uint64_t)total; /* the sum is added when all classes are known */
	return true;
}

struct crc_in {
	int64_t row, start, took, label;
	struct call_id id, operation;
	struct str vendor_ref, rest;
	int64_t hot[HOT_MOST];
};

static uint32_t row_crc(const struct ledger *l, const struct crc_in *in, const struct row_extra *x)
{
	UNSET uint64_t w[10 + 2 * HOT_MOST];
	unsigned n = 0;
	uint32_t crc;
	w[n++] = (uint64_t)in->row;
	w[n++] = in->id.hi;
	w[n++] = in->id.lo;
	w[n++] = in->operation.hi;
	w[n++] = in->operation.lo;
	w[n++] = (uint64_t)in->start;
	w[n++] = (uint64_t)in->took;
	w[n++] = (uint64_t)in->label;
	w[n++] = in->vendor_ref.n;
	for (unsigned i = 0; i < l->hot_count; i++)
		if (in->hot[i] != l->hot_default[i]) {
			w[n++] = l->hot_number[i];
			w[n++] = (uint64_t)in->hot[i];
		}
	crc = hash_crc32c(0, w, n * sizeof *w);
	crc = hash_crc32c(crc, in->vendor_ref.p, in->vendor_ref.n);
	crc = hash_crc32c(crc, in->rest.p, in->rest.n);
	if (x) {
		crc = hash_crc32c(crc, &x->batch, sizeof x->batch);
		crc = hash_crc32c(crc, &x->line, sizeof x->line);
		crc = hash_crc32c(crc, x->nat, sizeof x->nat);
		crc = hash_crc32c(crc, x->body, sizeof x->body);
		crc = hash_crc32c(crc, x->claimed.p, x->claimed.n);
	}
	return crc;
}

static void id_bytes(struct call_id id, unsigned char out[16])
{
	uint64_t hi = __builtin_bswap64(id.hi), lo = __builtin_bswap64(id.lo);
	memcpy(out, &hi, 8);
	memcpy(out + 8, &lo, 8);
}

static struct call_id id_of_blob(struct str b)
{
	struct call_id id = {0, 0};
	if (b.n == 16) {
		memcpy(&id.hi, b.p, 8);
		memcpy(&id.lo, b.p + 8, 8);
		id.hi = __builtin_bswap64(id.hi);
		id.lo = __builtin_bswap64(id.lo);
	}
	return id;
}

static bool no_id(struct call_id id)
{
	return id.hi == 0 && id.lo == 0;
}

static bool same_id(struct call_id a, struct call_id b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

/* A row as it is written. It owns what it points to, so that rows of an import can wait for each other. */
struct row_values {
	struct crc_in in;
	struct row_extra x;
	uint32_t crc;
	unsigned char id[16], operation[16], rest[REST_MOST * 11];
	char vendor_ref[sizeof((struct call *)0)->vendor_ref];
	char claimed[64];
};

struct waiting {
	unsigned count, at; /* at: the row that SQLite reads, + 1 */
	struct row_values row[ROWS_AT_ONCE];
};

static int values_of(struct ledger *l, const struct call *c, int64_t row, const struct row_extra *x,
		     const struct label *label, struct row_values *v, struct err *e)
{
	struct crc_in *in = &v->in;
	in->row = row;
	in->id = c->id;
	in->operation = c->operation;
	in->start = c->start_us;
	in->label = label->id;
	if (__builtin_sub_overflow(c->end_us, c->start_us, &in->took))
		return err_set(e, RR_RANGE, "a call's times are out of range");
	in->vendor_ref = str_make(v->vendor_ref, strnlen(c->vendor_ref, sizeof c->vendor_ref));
	memcpy(v->vendor_ref, c->vendor_ref, in->vendor_ref.n);
	in->rest = str_make((char *)v->rest, rest_encode(l, c, v->rest));
	for (unsigned i = 0; i < l->hot_count; i++)
		in->hot[i] = field_get(c, &fields[l->hot_field[i]]);
	id_bytes(c->id, v->id);
	id_bytes(c->operation, v->operation);
	if (x)
		v->x = *x;
	v->crc = row_crc(l, in, x);
	return 0;
}

static sqlite3_stmt *call_statement(struct ledger *l, struct err *e)
{
	sqlite3_stmt *st;
	struct sb sql;
	if (l->st[ST_CALL_ADD])
		return store_stmt(l, ST_CALL_ADD, "", e);
	sb_init(&sql, 8192);
	sb_addf(&sql, "INSERT INTO call(%s", row_own_columns);
	schema_columns(l, false, &sql);
	sb_adds(&sql, ",rest,crc) VALUES(?");
	for (unsigned i = 1; i < ROW_OWN + l->hot_count + 2; i++)
		sb_adds(&sql, ",?");
	sb_adds(&sql, ")");
	st = store_stmt(l, ST_CALL_ADD, sb_whole(&sql), e);
	sb_fini(&sql);
	return st;
}

/* What is the default stays unbound: NULL. */
static int put_call(struct ledger *l, const struct row_values *v, struct err *e)
{
	const struct crc_in *in = &v->in;
	sqlite3_stmt *st = call_statement(l, e);
	int at = ROW_OWN + 1;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, in->row);
	sqlite3_bind_blob(st, 2, v->id, 16, SQLITE_STATIC);
	if (!same_id(in->operation, in->id))
		sqlite3_bind_blob(st, 3, v->operation, no_id(in->operation) ? 0 : 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, in->start);
	if (in->took)
		sqlite3_bind_int64(st, 5, in->took);
	sqlite3_bind_int64(st, 6, in->label);
	if (in->vendor_ref.n)
		bind_text(st, 7, in->vendor_ref);
	for (unsigned i = 0; i < l->hot_count; i++, at++)
		if (in->hot[i] != l->hot_default[i])
			sqlite3_bind_int64(st, at, in->hot[i]);
	if (in->rest.n)
		sqlite3_bind_blob(st, at, in->rest.p, (int)in->rest.n, SQLITE_STATIC);
	sqlite3_bind_int64(st, at + 1, v->crc);
	if (sqlite3_step(st) != SQLITE_DONE)
		return store_error(l, e, "adding a call");
	sqlite3_reset(st);
	return 0;
}

/* The columns of import_call that are given. The row number is not: SQLite takes the next one by itself, which is what
 * imports.c counts too, and need not look whether it is taken. */
static const char import_columns[] = "id,operation,start,took,label,vendor_ref,rest,crc,batch,nat,body,line,claimed";
enum { IMPORT_COLUMNS = 13 };

static int next_row(struct given *g)
{
	struct waiting *w = ((struct ledger *)g->rows)->waiting;
	return w->at++ < w->count;
}

static void row_value(struct given *g, unsigned column, sqlite3_context *out)
{
	const struct ledger *l = g->rows;
	const struct row_values *v = &l->waiting->row[l->waiting->at - 1];
	const struct crc_in *in = &v->in;
	switch (column) {
	case 0: /* an imported row's id is its natural key, unless the vendor's log had one */
		if (memcmp(v->id, v->x.nat, 16) != 0)
			sqlite3_result_blob(out, v->id, 16, SQLITE_STATIC);
		break;
	case 1:
		if (!same_id(in->operation, in->id))
			sqlite3_result_blob(out, v->operation, no_id(in->operation) ? 0 : 16, SQLITE_STATIC);
		break;
	case 2:
		sqlite3_result_int64(out, in->start);
		break;
	case 3:
		if (in->took)
			sqlite3_result_int64(out, in->took);
		break;
	case 4:
		sqlite3_result_int64(out, in->label);
		break;
	case 5:
		if (in->vendor_ref.n)
			sqlite3_result_text(out, in->vendor_ref.p, (int)in->vendor_ref.n, SQLITE_STATIC);
		break;
	case 6:
		if (in->rest.n)
			sqlite3_result_blob(out, in->rest.p, (int)in->rest.n, SQLITE_STATIC);
		break;
	case 7:
		sqlite3_result_int64(out, v->crc);
		break;
	case 8:
		sqlite3_result_int64(out, v->x.batch);
		break;
	case 9:
		sqlite3_result_blob(out, v->x.nat, 16, SQLITE_STATIC);
		break;
	case 10:
		sqlite3_result_blob(out, v->x.body, 16, SQLITE_STATIC);
		break;
	case 11:
		sqlite3_result_int64(out, v->x.line);
		break;
	case 12:
		if (v->x.claimed.n)
			sqlite3_result_text(out, v->x.claimed.p, (int)v->x.claimed.n, SQLITE_STATIC);
		break;
	default:
		if (in->hot[column - IMPORT_COLUMNS] != l->hot_default[column - IMPORT_COLUMNS])
			sqlite3_result_int64(out, in->hot[column - IMPORT_COLUMNS]);
	}
}

int row_flush(struct ledger *l, struct err *e)
{
	struct sb sql;
	int rc;
	if (!l->waiting || !l->waiting->count)
		return 0;
	sb_init(&sql, 8192);
	if (!l->given_rows.name)
		l->given_rows = (struct given){.name = "given_rows", .columns = IMPORT_COLUMNS + l->hot_count,
					       .next = next_row, .value = row_value};
	if (!l->st[ST_IMPORT_ADD]) {
		sb_addf(&sql, "INSERT INTO import_call(%s", import_columns);
		schema_columns(l, false, &sql);
		sb_adds(&sql, ") SELECT * FROM given_rows");
	}
	l->waiting->at = 0;
	rc = store_given(l, &l->given_rows, ST_IMPORT_ADD, sb_whole(&sql), l, "adding a call", e);
	check(rc || sqlite3_last_insert_rowid(l->db) == l->waiting->row[l->waiting->count - 1].in.row);
	l->waiting->count = 0;
	sb_fini(&sql);
	return rc;
}

void row_forget(struct ledger *l)
{
	if (l->waiting)
		l->waiting->count = 0;
}

/* An amount's text that is longer than the room for it is put at once, while it is there. */
static int wait_row(struct ledger *l, struct row_values *v, struct err *e)
{
	bool fits = v->x.claimed.n <= sizeof v->claimed;
	if (fits && v->x.claimed.n) {
		memcpy(v->claimed, v->x.claimed.p, v->x.claimed.n);
		v->x.claimed.p = v->claimed;
	}
	return ++l->waiting->count == ROWS_AT_ONCE || !fits ? row_flush(l, e) : 0;
}

int row_add(struct ledger *l, const struct call *c, int64_t row, const struct row_extra *x, struct label **label,
	    struct err *e)
{
	UNSET struct row_values one;
	int rc = label_of_call(l, c, label, e);
	if (!rc && x && !l->waiting && !(l->waiting = calloc(1, sizeof *l->waiting)))
		rc = err_set(e, RR_NOMEM, "out of memory for rows");
	if (rc)
		return rc;
	if (!x) {
		rc = values_of(l, c, row, NULL, *label, &one, e);
		return rc ? rc : put_call(l, &one, e);
	}
	rc = values_of(l, c, row, x, *label, &l->waiting->row[l->waiting->count], e);
	return rc ? rc : wait_row(l, &l->waiting->row[l->waiting->count], e);
}

void row_select(struct ledger *l, bool import, const char *rest_of_sql, struct sb *b)
{
	sb_addf(b, "SELECT %s", row_own_columns);
	schema_columns(l, false, b);
	sb_addf(b, ",rest,crc%s FROM %s i %s", import ? ",batch,nat,body,line,claimed" : "",
		import ? "import_call" : "call", rest_of_sql);
}

int row_read(struct ledger *l, sqlite3_stmt *st, bool import, struct call *c, int64_t *row, int64_t *label,
	     bool *intact, struct err *e)
{
	struct crc_in in = {.row = sqlite3_column_int64(st, 0), .start = sqlite3_column_int64(st, 3)};
	struct row_extra x = {0};
	struct label *lb;
	bool decoded;
	uint64_t sum = 0;
	int at = ROW_OWN, rc;
	/* an imported row without one has its natural key */
	in.id = id_of_blob(column_blob(
		st, import && sqlite3_column_type(st, 1) == SQLITE_NULL ? ROW_OWN + (int)l->hot_count + 3 : 1));
	in.operation = sqlite3_column_type(st, 2) == SQLITE_NULL ? in.id : id_of_blob(column_blob(st, 2));
	in.took = sqlite3_column_int64(st, 4);
	in.label = sqlite3_column_int64(st, 5);
	in.vendor_ref = column_text(st, 6);
	call_init(c);
	for (unsigned i = 0; i < l->hot_count; i++, at++) {
		bool given = sqlite3_column_type(st, at) != SQLITE_NULL;
		in.hot[i] = given ? sqlite3_column_int64(st, at) : l->hot_default[i];
		field_set(c, &fields[l->hot_field[i]], in.hot[i]);
	}
	for (unsigned i = 0; i < l->rest_count; i++)
		field_set(c, &fields[l->rest_field[i]], l->rest_default[i]);
	in.rest = column_blob(st, at);
	decoded = rest_decode(l, in.rest, c);
	if (import) {
		struct str nat = column_blob(st, at + 3), body = column_blob(st, at + 4);
		x.batch = sqlite3_column_int64(st, at + 2);
		memcpy(x.nat, nat.p, nat.n < 16 ? nat.n : 16);
		memcpy(x.body, body.p, body.n < 16 ? body.n : 16);
		x.line = sqlite3_column_int64(st, at + 5);
		x.claimed = column_text(st, at + 6);
	}
	if (intact)
		*intact = decoded && row_crc(l, &in, import ? &x : NULL) == (uint32_t)sqlite3_column_int64(st, at + 1);
	c->id = in.id;
	c->operation = in.operation;
	c->start_us = in.start;
	c->end_us = (int64_t)((uint64_t)in.start + (uint64_t)in.took);
	memset(c->vendor_ref, 0, sizeof c->vendor_ref);
	memcpy(c->vendor_ref, in.vendor_ref.p, in.vendor_ref.n < sizeof c->vendor_ref ? in.vendor_ref.n
										     : sizeof c->vendor_ref);
	for (unsigned i = 0; i < CLASSES; i++)
		sum += c->usage.tok[i];
	c->usage.vendor_total_tok += sum;
	if (row)
		*row = in.row;
	if (label)
		*label = in.label;
	rc = label_by_id(l, in.label, &lb, e);
	if (!rc)
		label_to_call(l, lb, c);
	return rc;
}

/* ---- what is summed of a row, and no more: ten million of them are a matter of seconds ---- */

void row_select_amounts(struct ledger *l, const char *rest_of_sql, struct sb *b)
{
	sb_adds(b, "SELECT start,label");
	schema_columns(l, false, b);
	sb_addf(b, ",rest FROM call %s", rest_of_sql);
}

void row_no_amounts(const struct ledger *l, struct call *c)
{
	call_init(c);
	for (unsigned i = 0; i < l->hot_count; i++)
		field_set(c, &fields[l->hot_field[i]], l->hot_default[i]);
	for (unsigned i = 0; i < l->rest_count; i++)
		field_set(c, &fields[l->rest_field[i]], l->rest_default[i]);
}

int row_read_amounts(struct ledger *l, sqlite3_stmt *st, const struct call *none, struct call *c, struct label **label,
		     struct err *e)
{
	int at = 2;
	*c = *none;
	c->start_us = sqlite3_column_int64(st, 0);
	for (unsigned i = 0; i < l->hot_count; i++, at++) {
		sqlite3_value *v = sqlite3_column_value(st, at); /* asked once: each question takes and leaves a lock */
		if (sqlite3_value_type(v) != SQLITE_NULL)
			field_set(c, &fields[l->hot_field[i]], sqlite3_value_int64(v));
	}
	rest_decode(l, column_blob(st, at), c);
	if (label_by_id(l, sqlite3_column_int64(st, 1), label, e))
		return -RR_STORE;
	c->price_status = (*label)->price_status;
	c->accepted = (*label)->accepted;
	return 0;
}

/* ---- adding ---- */

int64_t call_max_row(struct ledger *l, struct err *e)
{
	sqlite3_stmt *st = store_stmt(l, ST_CALL_MAX, "SELECT max(row) FROM call", e);
	int64_t row = 0;
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;
	if (rc != SQLITE_ROW) {
		if (st)
			store_error(l, e, "reading the newest row");
		return -1;
	}
	row = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return row;
}

int ledger_add_call(struct ledger *l, const struct call *c, struct err *e)
{
	struct label *lb;
	int rc;
	check(l->in_tx);
	rc = row_add(l, c, l->last_row + 1, NULL, &lb, e);
	if (rc)
		return rc;
	l->last_row++;
	if (!l->first_added)
		l->first_added = l->last_row;
	rc = rollup_fold(&l->tx_rollup, c, lb, 1);
	return rc ? err_set(e, -rc, "out of memory for roll-ups") : 0;
}

int ledger_add_raw_usage(struct ledger *l, struct call_id id, struct str raw, struct err *e)
{
	sqlite3_stmt *st;
	unsigned char key[16];
	check(l->in_tx);
	st = store_stmt(l, ST_RAW_ADD, "INSERT OR REPLACE INTO raw_usage(id, raw, crc) VALUES(?1, ?2, ?3)", e);
	if (!st)
		return -RR_STORE;
	id_bytes(id, key);
	sqlite3_bind_blob(st, 1, key, 16, SQLITE_STATIC);
	bind_text(st, 2, raw);
	sqlite3_bind_int64(st, 3, hash_crc32c(hash_crc32c(0, key, 16), raw.p, raw.n));
	if (sqlite3_step(st) != SQLITE_DONE)
		return store_error(l, e, "adding raw usage");
	sqlite3_reset(st);
	return 0;
}

/* ---- streams ---- */

struct call_cursor {
	struct ledger *l;
	sqlite3_stmt *st;
	bool import, opened;
	int64_t from_us, to_us;
};

static int cursor_query(struct call_cursor *c, struct err *e)
{
	struct sb sql;
	char where[512];
	snprintf(where, sizeof where, "WHERE start>=?1 AND start<?2%s%s ORDER BY row", c->import ? " AND " : "",
		 c->import ? import_current : "");
	sb_init(&sql, 8192);
	row_select(c->l, c->import, where, &sql);
	c->st = store_query(c->l, e, sb_whole(&sql));
	sb_fini(&sql);
	if (!c->st)
		return -RR_STORE;
	sqlite3_bind_int64(c->st, 1, c->from_us);
	sqlite3_bind_int64(c->st, 2, c->to_us);
	return 0;
}

struct call_cursor *ledger_calls(struct ledger *l, int64_t from_us, int64_t to_us, struct err *e)
{
	struct call_cursor *c = calloc(1, sizeof *c);
	if (!c) {
		err_set(e, RR_NOMEM, "out of memory");
		return NULL;
	}
	c->l = l;
	c->from_us = from_us;
	c->to_us = to_us;
	if (store_read_begin(l, &c->opened, e) || cursor_query(c, e)) {
		call_cursor_close(c);
		return NULL;
	}
	return c;
}

int call_cursor_next(struct call_cursor *c, struct call *out, struct err *e)
{
	for (;;) {
		bool intact;
		int64_t row;
		int rc = sqlite3_step(c->st);
		if (rc == SQLITE_ROW) {
			rc = row_read(c->l, c->st, c->import, out, &row, NULL, &intact, e);
			if (!rc && !intact) {
				err_set(e, RR_STORE, "%s row %lld of %s is damaged", c->import ? "import" : "call",
					(long long)row, c->l->path);
				rc = err_hint(e, "run `runrate verify` to see all damage");
			}
			return rc ? rc : 1;
		}
		if (rc != SQLITE_DONE)
			return store_error(c->l, e, "reading calls");
		if (c->import)
			return 0;
		sqlite3_finalize(c->st);
		c->st = NULL;
		c->import = true;
		rc = cursor_query(c, e);
		if (rc)
			return rc;
	}
}

void call_cursor_close(struct call_cursor *c)
{
	if (!c)
		return;
	sqlite3_finalize(c->st);
	store_read_end(c->l, c->opened);
	free(c);
}

/* ---- one call by its id ---- */

/* First row whose call ended at or after t, by bisection: rows stand in the order of their commits, which is
 * the order of their ends to within a group and a step of the clock. */
static int64_t first_ending_after(struct ledger *l, int64_t t, struct err *e)
{
	int64_t low = 1, high = call_max_row(l, e) + 1;
	sqlite3_stmt *st = store_query(l, e, "SELECT row, start+ifnull(took,0) FROM call WHERE row>=?1 ORDER BY row LIMIT 1");
	if (!st)
		return 1;
	while (low < high) {
		int64_t mid = low + (high - low) / 2;
		sqlite3_reset(st);
		sqlite3_bind_int64(st, 1, mid);
		if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int64(st, 1) < t)
			low = sqlite3_column_int64(st, 0) + 1;
		else
			high = mid;
	}
	sqlite3_finalize(st);
	return low;
}

static int find_in(struct ledger *l, bool import, const char *where, int64_t first, struct call_id id, struct call *out,
		   int64_t *label, struct err *e)
{
	unsigned char key[16];
	struct sb sql;
	sqlite3_stmt *st;
	int rc;
	sb_init(&sql, 8192);
	row_select(l, import, where, &sql);
	st = store_query(l, e, sb_whole(&sql));
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	id_bytes(id, key);
	sqlite3_bind_blob(st, 1, key, 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, import ? (int64_t)id.hi : first);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		bool intact;
		rc = row_read(l, st, import, out, NULL, label, &intact, e);
		if (!rc && !intact)
			rc = err_set(e, RR_STORE, "the row of this call in %s is damaged", l->path);
	} else {
		rc = rc == SQLITE_DONE ? -RR_NOTFOUND : store_error(l, e, "looking up a call");
	}
	sqlite3_finalize(st);
	return rc;
}

int row_find(struct ledger *l, struct call_id id, struct call *out, int64_t *label, struct err *e)
{
	int64_t first = first_ending_after(l, call_id_time_us(id) - 120 * US_PER_S, e);
	char text[CALL_ID_TEXT];
	/* A window of 200,000 rows holds nearly every call; then everything. Imported ids are natural keys. */
	int rc = find_in(l, false, "WHERE row>=?2 AND row<?2+200000 AND id=?1 LIMIT 1", first, id, out, label, e);
	if (rc == -RR_NOTFOUND)
		rc = find_in(l, true, "WHERE row IN (SELECT row FROM import_key WHERE key=?2) AND nat=?1 ORDER BY row DESC LIMIT 1", 0, id, out, label, e);
	if (rc == -RR_NOTFOUND)
		rc = find_in(l, false, "WHERE row>=?2 AND id=?1 LIMIT 1", first, id, out, label, e);
	if (rc == -RR_NOTFOUND && first > 1)
		rc = find_in(l, false, "WHERE row>=?2 AND id=?1 LIMIT 1", 1, id, out, label, e);
	if (rc == -RR_NOTFOUND)
		rc = err_set(e, RR_NOTFOUND, "there is no call %s in %s", call_id_text(id, text), l->path);
	return rc;
}

int ledger_find_call(struct ledger *l, struct call_id id, struct call *out, struct err *e)
{
	bool opened;
	int rc = store_read_begin(l, &opened, e);
	if (rc)
		return rc;
	rc = row_find(l, id, out, NULL, e);
	store_read_end(l, opened);
	return rc;
}
