/* SPDX-License-Identifier: Apache-2.0
 *
 * See import_keys.h.
 */
#include "ledger/import_keys.h"

#include <limits.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/keymap.h"
#include "ledger/key_sort.h"

enum { WINDOW = 256, MISSES = 20000, FILTER_WORDS = 8, FILTER_BYTES_MOST = 64 << 20, BITS_A_KEY = 12 };

struct old_row {
	int64_t row, batch;
	struct hash128 nat, body;
};

struct import_keys {
	struct ledger *l;
	struct key_place place;
	struct key_sort *sort;
	struct keymap *own; /* rule 4: key to row - first_row + 1 */
	bool older;         /* rule 5 */
	bool dry;
	struct old_row *noted; /* of a dry run whose keys may repeat: its rows in order */
	size_t noted_room;
	bool superseded, repeated; /* some row is, perhaps */
	int64_t *live;      /* batches that count, ascending */
	unsigned lives;
	/* rows behind the last one that was found */
	struct old_row window[WINDOW];
	unsigned at, count;
	int64_t last_row;   /* that was found by its key */
	/* older keys: blocks of 64 bytes, six bits a key */
	uint64_t *filter;
	uint64_t blocks, misses;
};

struct import_sizes import_sizes = {
	.run_keys = 1 << 19, .sum_bytes = 64 << 20, .sums_at_once = 1000, .rows_at_once = 4000};

static int64_t key_of(struct hash128 nat)
{
	return (int64_t)nat.hi;
}

static struct hash128 hash_of_blob(struct str b)
{
	struct hash128 h = {0, 0};
	if (b.n == 16) {
		memcpy(&h.hi, b.p, 8);
		memcpy(&h.lo, b.p + 8, 8);
		h.hi = __builtin_bswap64(h.hi);
		h.lo = __builtin_bswap64(h.lo);
	}
	return h;
}

int64_t import_key_of(struct str nat)
{
	return key_of(hash_of_blob(nat));
}

static bool same(struct hash128 a, struct hash128 b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

void import_keys_free(struct import_keys *k)
{
	if (!k)
		return;
	key_sort_free(k->sort);
	keymap_free(k->own);
	free(k->live);
	free(k->noted);
	free(k->filter);
	free(k);
}

static int read_batches(struct import_keys *k, struct err *e)
{
	sqlite3_stmt *st = store_query(k->l, e, "SELECT id, source=?1 FROM batch WHERE state=1 ORDER BY id");
	unsigned room = 0;
	int rc;
	if (!st)
		return -RR_STORE;
	bind_text(st, 1, str_of(k->place.source));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (!array_room(k->live, k->lives, room, ARRAY_MOST))
			break;
		k->live[k->lives++] = sqlite3_column_int64(st, 0);
		k->older = k->older || sqlite3_column_int(st, 1);
	}
	rc = rc == SQLITE_DONE  ? 0
	     : rc == SQLITE_ROW ? err_set(e, RR_NOMEM, "out of memory")
				: store_error(k->l, e, "reading batches");
	sqlite3_finalize(st);
	return rc;
}

struct import_keys *import_keys_new(struct ledger *l, const struct key_place *p, bool dry, struct err *e)
{
	struct import_keys *k = calloc(1, sizeof *k);
	sqlite3_stmt *st;
	if (k) {
		k->l = l;
		k->place = *p;
		k->sort = key_sort_new(l->path, import_sizes.run_keys);
		k->own = p->unique ? NULL : keymap_new();
	}
	if (!k || !k->sort || (!p->unique && !k->own)) {
		err_set(e, RR_NOMEM, "out of memory for the keys of an import");
		import_keys_free(k);
		return NULL;
	}
	st = read_batches(k, e) ? NULL : store_query(l, e, "SELECT EXISTS (SELECT 1 FROM supersede), EXISTS (SELECT 1 FROM repeat)");
	if (!st) {
		import_keys_free(k);
		return NULL;
	}
	k->dry = dry;
	k->superseded = sqlite3_step(st) != SQLITE_ROW || sqlite3_column_int(st, 0);
	k->repeated = sqlite3_data_count(st) < 2 || sqlite3_column_int(st, 1);
	sqlite3_finalize(st);
	return k;
}

void import_keys_superseded(struct import_keys *k)
{
	k->superseded = true;
}

/* ---- what counts ---- */

static bool is_live(const struct import_keys *k, int64_t batch)
{
	unsigned low = 0, high = k->lives;
	if (batch == k->place.batch)
		return true;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		if (k->live[mid] < batch)
			low = mid + 1;
		else
			high = mid;
	}
	return low < k->lives && k->live[low] == batch;
}

/* Is one of the batches that st names one that counts? */
static int any_live(struct import_keys *k, sqlite3_stmt *st, bool *yes, struct err *e)
{
	int rc = SQLITE_DONE;
	*yes = false;
	while (!*yes && (rc = sqlite3_step(st)) == SQLITE_ROW)
		*yes = is_live(k, sqlite3_column_int64(st, 0));
	rc = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : store_error(k->l, e, "looking up a row");
	sqlite3_reset(st);
	return rc;
}

/* As import_current says it (row.c). */
static int counts(struct import_keys *k, int64_t row, int64_t batch, bool *yes, struct err *e)
{
	sqlite3_stmt *st;
	bool superseded;
	int rc = 0;
	*yes = is_live(k, batch);
	if (!*yes && k->repeated) {
		st = store_stmt(k->l, ST_REPEATED, "SELECT batch FROM repeat WHERE block=?1 AND bits>>?2&1", e);
		if (!st)
			return -RR_STORE;
		sqlite3_bind_int64(st, 1, row >> 6);
		sqlite3_bind_int64(st, 2, row & 63);
		rc = any_live(k, st, yes, e);
	}
	if (rc || !*yes || !k->superseded)
		return rc;
	st = store_stmt(k->l, ST_SUPERSEDED, "SELECT batch FROM supersede WHERE row=?1", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, row);
	rc = any_live(k, st, &superseded, e);
	*yes = !superseded;
	return rc;
}

/* ---- older rows ---- */

static void old_row_read(sqlite3_stmt *st, struct old_row *o)
{
	o->row = sqlite3_column_int64(st, 0);
	o->batch = sqlite3_column_int64(st, 1);
	o->nat = hash_of_blob(column_blob(st, 2));
	o->body = hash_of_blob(column_blob(st, 3));
}

static int window_read(struct import_keys *k, int64_t from, struct err *e)
{
	sqlite3_stmt *st = store_stmt(k->l, ST_IMPORT_WINDOW,
				      "SELECT row,batch,nat,body FROM import_call WHERE row>=?1 AND row<?2 ORDER BY row LIMIT ?3", e);
	int rc;
	k->at = k->count = 0;
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, k->place.first_row);
	sqlite3_bind_int64(st, 3, WINDOW);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		old_row_read(st, &k->window[k->count++]);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : store_error(k->l, e, "looking up a row");
}

static uint64_t *filter_block(const struct import_keys *k, uint64_t key)
{
	return k->filter + (uint64_t)((unsigned __int128)key * k->blocks >> 64) * FILTER_WORDS;
}

/* Six bits of a block from six times nine bits of a second hash. */
static bool filter_use(const struct import_keys *k, uint64_t key, bool set)
{
	uint64_t *b = filter_block(k, key), h = (key ^ key >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
	h ^= h >> 32;
	for (unsigned i = 0; i < 6; i++, h >>= 9) {
		uint64_t bit = UINT64_C(1) << (h & 63), *word = &b[h >> 6 & 7];
		if (set)
			*word |= bit;
		else if (!(*word & bit))
			return false;
	}
	return true;
}

static int filter_build(struct import_keys *k, struct err *e)
{
	uint64_t bytes = (uint64_t)k->place.first_row * BITS_A_KEY / 8;
	sqlite3_stmt *st;
	int rc;
	bytes = bytes < FILTER_BYTES_MOST ? bytes : FILTER_BYTES_MOST;
	k->blocks = bytes / (FILTER_WORDS * 8) + 1;
	k->filter = calloc(k->blocks, FILTER_WORDS * 8);
	if (!k->filter)
		return err_set(e, RR_NOMEM, "out of memory for the keys of an import");
	st = store_query(k->l, e, "SELECT key FROM import_key");
	if (!st)
		return -RR_STORE;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		filter_use(k, (uint64_t)sqlite3_column_int64(st, 0), true);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : store_error(k->l, e, "reading keys");
}

static int find_by_key(struct import_keys *k, struct hash128 nat, int64_t *row, struct hash128 *body, struct err *e)
{
	struct old_row o;
	sqlite3_stmt *st;
	bool yes = false;
	int rc;
	if (!k->filter && k->misses > MISSES && (rc = filter_build(k, e)) != 0)
		return rc;
	if (k->filter && !filter_use(k, nat.hi, false))
		return 0;
	st = store_stmt(k->l, ST_IMPORT_FIND,
			"SELECT i.row,i.batch,i.nat,i.body FROM import_key k JOIN import_call i ON i.row=k.row WHERE k.key=?1"
			" ORDER BY k.row DESC", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, key_of(nat));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !yes) {
		old_row_read(st, &o);
		if (!same(o.nat, nat))
			continue;
		rc = counts(k, o.row, o.batch, &yes, e);
		if (rc)
			break;
	}
	if (rc == SQLITE_DONE || rc == SQLITE_ROW)
		rc = 0;
	else if (rc > 0)
		rc = store_error(k->l, e, "looking up a row");
	sqlite3_reset(st);
	if (rc || !yes) {
		k->misses += !yes;
		return rc;
	}
	*row = o.row;
	*body = o.body;
	if (o.row == k->last_row + 1) /* two in a row: the file comes in the old order again */
		rc = window_read(k, o.row + 1, e);
	k->last_row = o.row;
	return rc;
}

/* ---- this batch's own rows ---- */

/* Keys that share their first half stand under other hashes of the whole: the n-th place of a key. */
static uint64_t own_place(struct hash128 nat, unsigned n)
{
	return n ? hash_xxh3_seed(&nat, sizeof nat, n) : nat.hi;
}

static int own_row(struct import_keys *k, int64_t row, struct old_row *o, struct err *e)
{
	sqlite3_stmt *st;
	int rc;
	if (k->dry) {
		*o = k->noted[row - k->place.first_row];
		return 0;
	}
	rc = row_flush(k->l, e);
	if (rc)
		return rc;
	st = store_stmt(k->l, ST_IMPORT_OWN, "SELECT row,batch,nat,body FROM import_call WHERE row=?1", e);
	if (!st)
		return -RR_STORE;
	sqlite3_bind_int64(st, 1, row);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		old_row_read(st, o);
	else
		rc = store_error(k->l, e, "looking up a row");
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 0 : rc;
}

static int find_own(struct import_keys *k, struct hash128 nat, int64_t *row, struct hash128 *body, struct err *e)
{
	struct old_row o = {0};
	for (unsigned n = 0;; n++) {
		uint32_t at = keymap_get(k->own, own_place(nat, n));
		int rc = at ? own_row(k, k->place.first_row + at - 1, &o, e) : 0;
		if (!at || rc)
			return rc;
		if (same(o.nat, nat)) {
			*row = o.row;
			*body = o.body;
			return 0;
		}
	}
}

int import_keys_find(struct import_keys *k, struct hash128 nat, int64_t *row, struct hash128 *body, struct err *e)
{
	int rc = 0;
	*row = 0;
	if (k->own)
		rc = find_own(k, nat, row, body, e);
	if (rc || *row || !k->older)
		return rc;
	if (k->at < k->count && same(k->window[k->at].nat, nat)) {
		const struct old_row *o = &k->window[k->at++];
		bool yes;
		rc = counts(k, o->row, o->batch, &yes, e);
		if (!rc && yes) {
			*row = o->row;
			*body = o->body;
			k->last_row = o->row;
			return k->at == k->count && k->count == WINDOW ? window_read(k, o->row + 1, e) : 0;
		}
	}
	return rc ? rc : find_by_key(k, nat, row, body, e);
}

static int own_add(struct import_keys *k, struct hash128 nat, int64_t row, struct err *e)
{
	struct old_row o = {0};
	for (unsigned n = 0; k->own; n++) {
		uint32_t *at = keymap_at(k->own, own_place(nat, n));
		int rc;
		if (!at)
			return err_set(e, RR_NOMEM, "out of memory for the keys of an import");
		if (row - k->place.first_row >= UINT32_MAX)
			return err_set(e, RR_LIMIT, "too many rows to tell apart in one import: split the file");
		rc = *at ? own_row(k, k->place.first_row + *at - 1, &o, e) : 0;
		if (rc)
			return rc;
		if (!*at || same(o.nat, nat)) {
			*at = (uint32_t)(row - k->place.first_row) + 1;
			break;
		}
	}
	return 0;
}

int import_keys_add(struct import_keys *k, struct hash128 nat, int64_t row, struct err *e)
{
	int rc = own_add(k, nat, row, e);
	return rc ? rc : key_sort_add(k->sort, (struct key_pair){key_of(nat), row}, e);
}

int import_keys_bound(struct import_keys *k, struct err *e)
{
	return key_sort_bound(k->sort, e);
}

int import_keys_note(struct import_keys *k, struct hash128 nat, struct hash128 body, int64_t row, struct err *e)
{
	size_t at = (size_t)(row - k->place.first_row);
	if (!k->own)
		return 0;
	if (at >= k->noted_room) {
		size_t room = k->noted_room ? k->noted_room * 2 : 1024;
		struct old_row *p = realloc(k->noted, room * sizeof *p);
		if (!p)
			return err_set(e, RR_NOMEM, "out of memory for the keys of an import");
		k->noted = p;
		k->noted_room = room;
	}
	k->noted[at] = (struct old_row){.row = row, .nat = nat, .body = body};
	return own_add(k, nat, row, e);
}

/* ---- the table ---- */

struct keys_given {
	struct key_sort *sort;
	struct key_pair now;
	unsigned left;
	int more; /* of key_sort_next */
	struct err *e;
};

static int next_key(struct given *g)
{
	struct keys_given *k = g->rows;
	if (!k->left)
		return 0;
	k->left--;
	return k->more = key_sort_next(k->sort, &k->now, k->e);
}

static void key_value(struct given *g, unsigned column, sqlite3_context *out)
{
	const struct keys_given *k = g->rows;
	sqlite3_result_int64(out, column ? k->now.row : k->now.key);
}

/* The next keys, at most `count`: in the order of the table, so that each goes where the cursor is. 1: there are
 * more. */
static int put_sorted(struct ledger *l, struct key_sort *s, unsigned count, struct err *e)
{
	struct keys_given k = {.sort = s, .left = count, .more = 1, .e = e};
	int rc;
	if (!l->given_keys.name)
		l->given_keys =
			(struct given){.name = "given_keys", .columns = 2, .next = next_key, .value = key_value};
	rc = store_given(l, &l->given_keys, ST_KEYS_ADD,
			 "INSERT OR IGNORE INTO import_key(key,row) SELECT * FROM given_keys", &k, "writing keys", e);
	return rc ? rc : k.more;
}

int import_keys_end(struct import_keys *k, struct err *e)
{
	keymap_free(k->own);
	k->own = NULL;
	return key_sort_begin(k->sort, e);
}

int import_keys_write(struct import_keys *k, unsigned count, struct err *e)
{
	return put_sorted(k->l, k->sort, count, e);
}

int import_keys_fill(struct ledger *l, struct err *e)
{
	struct key_sort *s = key_sort_new(l->path, import_sizes.run_keys);
	sqlite3_stmt *st = s ? store_query(l, e, "SELECT row,nat FROM import_call ORDER BY row") : NULL;
	int rc = s ? st ? 0 : -RR_STORE : err_set(e, RR_NOMEM, "out of memory for the keys of imports");
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW)
		rc = key_sort_add(s, (struct key_pair){import_key_of(column_blob(st, 1)), sqlite3_column_int64(st, 0)},
				  e);
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading imported rows");
	sqlite3_finalize(st);
	if (!rc)
		rc = put_sorted(l, s, UINT_MAX, e);
	key_sort_free(s);
	return rc < 0 ? rc : 0;
}

int import_keys_drop(struct ledger *l, int64_t from, int64_t to, struct err *e)
{
	sqlite3_stmt *st = store_query(l, e, "SELECT row,nat FROM import_call WHERE row>=?1 AND row<?2");
	sqlite3_stmt *gone = store_query(l, e, "DELETE FROM import_key WHERE key=?1 AND row=?2");
	int rc = st && gone ? 0 : -RR_STORE;
	if (st) {
		sqlite3_bind_int64(st, 1, from);
		sqlite3_bind_int64(st, 2, to);
	}
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		sqlite3_bind_int64(gone, 1, import_key_of(column_blob(st, 1)));
		sqlite3_bind_int64(gone, 2, sqlite3_column_int64(st, 0));
		rc = sqlite3_step(gone) == SQLITE_DONE ? 0 : store_error(l, e, "dropping keys");
		sqlite3_reset(gone);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "dropping keys");
	sqlite3_finalize(st);
	sqlite3_finalize(gone);
	return rc;
}

static uint64_t pair_hash(int64_t key, int64_t row)
{
	const int64_t pair[2] = {key, row};
	return hash_xxh3(pair, sizeof pair);
}

int import_keys_sum(struct ledger *l, int64_t below, uint64_t *keys, uint64_t *rows, struct err *e)
{
	static const char *const sql[2] = {"SELECT row,key FROM import_key WHERE row<?1",
					   "SELECT row,nat FROM import_call WHERE row<?1"};
	int rc = 0;
	*keys = *rows = 0;
	for (unsigned i = 0; i < 2 && !rc; i++) {
		sqlite3_stmt *st = store_query(l, e, sql[i]);
		if (!st)
			return -RR_STORE;
		sqlite3_bind_int64(st, 1, below);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			*(i ? rows : keys) +=
				pair_hash(i ? import_key_of(column_blob(st, 1)) : sqlite3_column_int64(st, 1),
					  sqlite3_column_int64(st, 0));
		rc = rc == SQLITE_DONE ? 0 : store_error(l, e, "reading keys");
		sqlite3_finalize(st);
	}
	return rc;
}
