/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and labels: the two dictionaries between a call in memory and its row (store.h).
 *
 * Three kinds of number stand for a name: the process's intern id (in struct call), the ledger's name id (in
 * rows of `label`), and nothing else. The maps between them are plain arrays filled as needed. The cache of
 * labels is an array with two hash indexes (by content, by id); beyond LABEL_CACHE entries it is emptied, which
 * costs a few look-ups and no correctness.
 */
#include "ledger/store.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/intern.h"

enum { LABEL_CACHE = 1 << 16, NAMES_MOST = 1 << 24 };

static int grow_u32(uint32_t **array, size_t *room, size_t need)
{
	size_t n = *room ? *room : 256;
	uint32_t *p;
	if (need < *room)
		return 0;
	if (need >= NAMES_MOST)
		return -RR_LIMIT;
	while (n <= need)
		n *= 2;
	p = realloc(*array, n * sizeof *p);
	if (!p)
		return -RR_NOMEM;
	memset(p + *room, 0, (n - *room) * sizeof *p);
	*array = p;
	*room = n;
	return 0;
}

static int remember(struct ledger *l, uint32_t interned, uint32_t id, struct err *e)
{
	if (grow_u32(&l->name_of, &l->name_room, interned) || grow_u32(&l->intern_of, &l->intern_room, id))
		return err_set(e, RR_NOMEM, "too many names in %s", l->path);
	l->name_of[interned] = id;
	l->intern_of[id] = interned;
	return 0;
}

int name_id(struct ledger *l, uint32_t interned, uint32_t *id, struct err *e)
{
	struct str text = intern_str(interned);
	int64_t hash = (int64_t)hash_xxh3(text.p, text.n), found = 0;
	sqlite3_stmt *st;
	int rc;
	*id = 0;
	if (interned == 0 || text.n == 0)
		return 0;
	if (interned < l->name_room && l->name_of[interned]) {
		*id = l->name_of[interned];
		return 0;
	}
	st = store_stmt(l, ST_NAME_FIND, "SELECT id FROM name WHERE hash=?1 AND text=?2", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, hash);
	bind_text(st, 2, text);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		found = sqlite3_column_int64(st, 0);
	else if (rc != SQLITE_DONE)
		return store_error(l, e, "looking up a name");
	sqlite3_reset(st);
	if (!found) {
		st = store_stmt(l, ST_NAME_ADD, "INSERT INTO name(hash, text) VALUES(?1, ?2)", e);
		if (!st)
			return -RR_STORE;
		sqlite3_bind_int64(st, 1, hash);
		bind_text(st, 2, text);
		if (sqlite3_step(st) != SQLITE_DONE)
			return store_error(l, e, "adding a name");
		sqlite3_reset(st);
		found = sqlite3_last_insert_rowid(l->db);
	}
	*id = (uint32_t)found;
	return remember(l, interned, *id, e);
}

int name_interned(struct ledger *l, int64_t id, uint32_t *interned, struct err *e)
{
	sqlite3_stmt *st;
	int rc;
	*interned = 0;
	if (id == 0)
		return 0;
	if (id > 0 && (size_t)id < l->intern_room && l->intern_of[id]) {
		*interned = l->intern_of[id];
		return 0;
	}
	st = store_stmt(l, ST_NAME_TEXT, "SELECT text, hash FROM name WHERE id=?1", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, id);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		struct str text = column_text(st, 0);
		bool intact = (int64_t)hash_xxh3(text.p, text.n) == sqlite3_column_int64(st, 1);
		if (intact)
			*interned = intern(text);
		sqlite3_reset(st);
		l->label_lost = !intact;
		if (!intact)
			return err_set(e, RR_STORE, "name %lld of %s is damaged", (long long)id, l->path);
		return remember(l, *interned, (uint32_t)id, e);
	}
	l->label_lost = rc == SQLITE_DONE;
	rc = rc == SQLITE_DONE ? err_set(e, RR_STORE, "name %lld is missing in %s", (long long)id, l->path)
			       : store_error(l, e, "reading a name");
	sqlite3_reset(st);
	return rc;
}

/* ---- the cache ---- */

static uint64_t key_hash(const struct ledger *l, const uint32_t *v)
{
	return hash_xxh3(v, l->label_count * sizeof *v);
}

static uint64_t id_hash(int64_t id)
{
	return (uint64_t)id * UINT64_C(0x9E3779B97F4A7C15) >> 20;
}

static void index_label(struct ledger *l, uint32_t at)
{
	uint32_t mask = l->label_slot_count - 1, i;
	for (i = (uint32_t)key_hash(l, l->labels[at].v) & mask; l->label_slots[i]; i = (i + 1) & mask)
		;
	l->label_slots[i] = at + 1;
	for (i = (uint32_t)id_hash(l->labels[at].id) & mask; l->label_id_slots[i]; i = (i + 1) & mask)
		;
	l->label_id_slots[i] = at + 1;
}

void label_cache_clear(struct ledger *l)
{
	l->label_used = 0;
	if (l->label_slot_count) {
		memset(l->label_slots, 0, l->label_slot_count * sizeof *l->label_slots);
		memset(l->label_id_slots, 0, l->label_slot_count * sizeof *l->label_id_slots);
	}
	if (l->name_of)
		memset(l->name_of, 0, l->name_room * sizeof *l->name_of);
	if (l->intern_of)
		memset(l->intern_of, 0, l->intern_room * sizeof *l->intern_of);
}

void label_cache_fini(struct ledger *l)
{
	free(l->labels);
	free(l->label_slots);
	free(l->label_id_slots);
	free(l->name_of);
	free(l->intern_of);
}

/* Room for one more; pointers to labels do not survive it. */
static int label_room(struct ledger *l, struct err *e)
{
	uint32_t n = l->label_room ? l->label_room * 2 : 256;
	struct label *labels;
	uint32_t *slots, *id_slots;
	if (l->label_used >= LABEL_CACHE)
		label_cache_clear(l);
	if (l->label_used < l->label_room)
		return 0;
	labels = realloc(l->labels, n * sizeof *labels);
	if (labels)
		l->labels = labels;
	slots = calloc(n * 2, sizeof *slots);
	id_slots = calloc(n * 2, sizeof *id_slots);
	if (!labels || !slots || !id_slots) {
		free(slots);
		free(id_slots);
		return err_set(e, RR_NOMEM, "out of memory for labels");
	}
	free(l->label_slots);
	free(l->label_id_slots);
	l->label_slots = slots;
	l->label_id_slots = id_slots;
	l->label_slot_count = n * 2;
	l->label_room = n;
	for (uint32_t i = 0; i < l->label_used; i++)
		index_label(l, i);
	return 0;
}

static int cache_add(struct ledger *l, const uint32_t *v, int64_t id, struct label **out, struct err *e)
{
	int rc = label_room(l, e);
	struct label *lb;
	if (rc)
		return rc;
	lb = &l->labels[l->label_used++];
	memset(lb, 0, sizeof *lb);
	memcpy(lb->v, v, l->label_count * sizeof *v);
	lb->id = id;
	lb->acc_hour = INT64_MIN;
	lb->price_status = (uint8_t)label_get(l, lb, F_price_status);
	lb->accepted = (uint8_t)label_get(l, lb, F_accepted);
	index_label(l, l->label_used - 1);
	*out = lb;
	return 0;
}

/* ---- labels in the ledger ---- */

static bool is_name(unsigned field)
{
	return fields[field].kind == FIELD_NAME || fields[field].kind == FIELD_TEXT;
}

uint64_t label_hash(const struct ledger *l, const int64_t v[LABEL_MOST])
{
	uint64_t sum = 0; /* a sum, so that the order of the columns does not matter */
	for (unsigned i = 0; i < l->label_count; i++)
		if (v[i]) {
			const char *name = fields[l->label_field[i]].name;
			sum += hash_xxh3_seed(&v[i], sizeof v[i], hash_xxh3(name, strlen(name)));
		}
	return sum;
}

static int find_or_add(struct ledger *l, const uint32_t *v, unsigned count, int64_t *id, struct err *e)
{
	int64_t stored[LABEL_MOST] = {0};
	struct sb sql;
	sqlite3_stmt *st;
	uint64_t hash;
	int rc;
	for (unsigned i = 0; i < count; i++) {
		uint32_t n = v[i];
		if (is_name(l->label_field[i])) {
			rc = name_id(l, v[i], &n, e);
			if (rc)
				return rc;
		}
		stored[i] = n;
	}
	hash = label_hash(l, stored);
	sb_init(&sql, 4096);
	sb_adds(&sql, "SELECT id");
	schema_columns(l, true, &sql);
	sb_adds(&sql, " FROM label WHERE hash=?1");
	st = store_stmt(l, ST_LABEL_FIND, sb_whole(&sql), e);
	sb_clear(&sql);
	*id = 0;
	rc = st ? 0 : -RR_STORE;
	if (st) {
		sqlite3_bind_int64(st, 1, (int64_t)hash);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW && !*id) {
			bool same = true;
			for (unsigned i = 0; i < count && same; i++)
				same = sqlite3_column_int64(st, (int)i + 1) == stored[i];
			if (same)
				*id = sqlite3_column_int64(st, 0);
		}
		rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(l, e, "looking up a label");
		sqlite3_reset(st);
	}
	if (!rc && !*id) {
		sb_adds(&sql, "INSERT INTO label(hash");
		schema_columns(l, true, &sql);
		sb_adds(&sql, ") VALUES(?1");
		for (unsigned i = 0; i < count; i++)
			sb_addf(&sql, ",?%u", i + 2);
		sb_adds(&sql, ")");
		st = store_stmt(l, ST_LABEL_ADD, sb_whole(&sql), e);
		rc = st ? 0 : -RR_STORE;
		if (st) {
			sqlite3_bind_int64(st, 1, (int64_t)hash);
			for (unsigned i = 0; i < count; i++)
				sqlite3_bind_int64(st, (int)i + 2, stored[i]);
			rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_error(l, e, "adding a label");
			sqlite3_reset(st);
			*id = sqlite3_last_insert_rowid(l->db);
		}
	}
	sb_fini(&sql);
	return rc;
}

int label_of_call(struct ledger *l, const struct call *c, struct label **out, struct err *e)
{
	UNSET uint32_t v[LABEL_MOST];
	const unsigned count = l->label_count;
	int64_t id;
	int rc;
	for (unsigned i = 0; i < count; i++) {
		const struct field *f = &fields[l->label_field[i]];
		if (f->kind == FIELD_TEXT) {
			const char *p = (const char *)c + f->offset;
			v[i] = *p ? intern(str_make(p, strnlen(p, f->size))) : 0;
		} else {
			v[i] = (uint32_t)field_get(c, f);
		}
	}
	if (l->label_slot_count) {
		uint32_t mask = l->label_slot_count - 1;
		for (uint32_t s = (uint32_t)key_hash(l, v) & mask; l->label_slots[s]; s = (s + 1) & mask) {
			struct label *lb = &l->labels[l->label_slots[s] - 1];
			if (memcmp(lb->v, v, count * sizeof *v) == 0) {
				*out = lb;
				return 0;
			}
		}
	}
	rc = find_or_add(l, v, count, &id, e);
	return rc ? rc : cache_add(l, v, id, out, e);
}

int label_by_id(struct ledger *l, int64_t id, struct label **out, struct err *e)
{
	uint32_t v[LABEL_MOST] = {0};
	int64_t stored[LABEL_MOST] = {0};
	struct sb sql;
	sqlite3_stmt *st;
	int rc;
	l->label_lost = false;
	if (l->label_slot_count) {
		uint32_t mask = l->label_slot_count - 1;
		for (uint32_t s = (uint32_t)id_hash(id) & mask; l->label_id_slots[s]; s = (s + 1) & mask)
			if (l->labels[l->label_id_slots[s] - 1].id == id) {
				*out = &l->labels[l->label_id_slots[s] - 1];
				return 0;
			}
	}
	sb_init(&sql, 4096);
	sb_adds(&sql, "SELECT hash");
	schema_columns(l, true, &sql);
	sb_adds(&sql, " FROM label WHERE id=?1");
	st = store_stmt(l, ST_LABEL_LOAD, sb_whole(&sql), e);
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, id);
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW) {
		l->label_lost = rc == SQLITE_DONE;
		rc = rc == SQLITE_DONE ? err_set(e, RR_STORE, "label %lld is missing in %s", (long long)id, l->path)
				       : store_error(l, e, "reading a label");
		sqlite3_reset(st);
		return rc;
	}
	for (unsigned i = 0; i < l->label_count; i++)
		stored[i] = sqlite3_column_int64(st, (int)i + 1);
	rc = label_hash(l, stored) == (uint64_t)sqlite3_column_int64(st, 0)
		     ? 0
		     : err_set(e, RR_STORE, "label %lld of %s is damaged", (long long)id, l->path);
	sqlite3_reset(st);
	l->label_lost = rc != 0;
	for (unsigned i = 0; i < l->label_count && !rc; i++) {
		v[i] = (uint32_t)stored[i];
		if (is_name(l->label_field[i]))
			rc = name_interned(l, stored[i], &v[i], e);
	}
	return rc ? rc : cache_add(l, v, id, out, e);
}

void label_to_call(const struct ledger *l, const struct label *lb, struct call *c)
{
	for (unsigned i = 0; i < l->label_count; i++) {
		const struct field *f = &fields[l->label_field[i]];
		if (f->kind == FIELD_TEXT)
			str_copy((char *)c + f->offset, f->size, intern_str(lb->v[i]));
		else
			field_set(c, f, lb->v[i]);
	}
}

uint32_t label_get(const struct ledger *l, const struct label *lb, enum field_id f)
{
	for (unsigned i = 0; i < l->label_count; i++)
		if (l->label_field[i] == f)
			return lb->v[i];
	return 0;
}
