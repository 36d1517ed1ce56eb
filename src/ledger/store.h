/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the ledger, for this folder alone: one SQLite connection with its locks, its dictionary of
 * names, its labels and its pending roll-ups.
 *
 * A call's row refers to a *label* (one combination of names, enums and flags), a label refers to *names*.
 * Both are written once, in the transaction of the first row that needs them; both are cached here. A
 * rollback empties the caches, since it may have taken their newest entries away.
 */
#ifndef RR_LEDGER_STORE_H
#define RR_LEDGER_STORE_H

#include <sqlite3.h>

#include "ledger/field.h"
#include "ledger/given.h"
#include "ledger/ledger.h"

enum { LABEL_MOST = 40, HOT_MOST = 16, REST_MOST = 64, ROWS_AT_ONCE = 64, CHECKPOINT_PAGES = 200, UPSERTS = 32 };

/* Statements that are prepared once a connection. */
enum store_stmt {
	ST_META_GET, ST_META_SET, ST_NAME_FIND, ST_NAME_ADD, ST_NAME_TEXT, ST_LABEL_FIND, ST_LABEL_ADD, ST_LABEL_LOAD,
	ST_CALL_ADD, ST_CALL_MAX, ST_RAW_ADD, ST_OUTLAY_ADD,
	ST_IMPORT_FIND, ST_IMPORT_ADD, ST_IMPORT_ROW, ST_IMPORT_WINDOW, ST_IMPORT_OWN, ST_KEYS_ADD, ST_DELTA_HOUR,
	ST_DELTA_DAY, ST_SUPERSEDE, ST_SUPERSEDED, ST_REPEAT_ADD, ST_REPEATED, ST_SPAN_ADD,
	ST_OUTCOME_ADD, ST_OUTCOME_FIND, ST_ONCE_ADD, ST_BEGIN, ST_COMMIT, ST_ROLLBACK, ST_COUNT
};

struct label {
	uint32_t v[LABEL_MOST]; /* process intern ids for names, plain values for the rest */
	int64_t id;             /* row of table label */
	int64_t acc_hour;       /* where the pending roll-up of this label and that hour stands */
	uint32_t acc_index;
	uint8_t price_status, accepted; /* out of v: whether a row's cost and its calls are summed */
	bool key_known;         /* key below is filled (all but hour_us): what readers of roll-ups see */
	struct rollup_key key;
};

/* Pending roll-ups: (hour, label) to sums. */
struct acc {
	int64_t hour, label;
	struct rollup_sum sum;
};
struct rollup {
	struct acc *items;
	uint32_t *slots; /* index + 1 */
	uint32_t count, room, slot_count;
	uint64_t generation; /* grows when items are dropped */
};

enum span_of { SPAN_CALLS, SPAN_IMPORTS, SPAN_TABLES };
enum { SPAN_NOTED = 1024 };
struct span_noted {
	int64_t hour, block; /* + 1 */
};

enum rollup_table { ROLLUP_HOUR, ROLLUP_DAY, DELTA_HOUR, DELTA_DAY, ROLLUP_TABLES };

struct ledger {
	sqlite3 *db;
	char *path;
	enum ledger_mode mode;
	int lock_fd;
	bool in_tx;
	bool disk_full; /* the last error was a full disk */
	bool passes_damage,
		label_lost;    /* ledger_pass_damage; the last label that was looked for is damaged or missing */
	uint64_t passed[32];   /* hashes of what was named */
	unsigned passed_count;
	bool again;     /* the last error was want of memory, or another program's lock: the same may do later */
	int wal_pages, checkpoint_pages; /* in the log; how many set off a checkpoint */
	struct waiting *waiting;         /* rows of an import, put some at once (row.c), or NULL */
	struct given given_rows, given_keys, given_sums;
	struct log_sync *log_sync;       /* of an import, or NULL */
	int asked_pages;                 /* of the log, when it was asked last */
	sqlite3_stmt *st[ST_COUNT];
	struct upsert_stmt { /* of rollup_upsert, by table and columns */
		uint64_t mask;
		sqlite3_stmt *st;
	} upsert[ROLLUP_TABLES][UPSERTS];
	/* the codec's lists (field.h) */
	uint8_t label_field[LABEL_MOST], hot_field[HOT_MOST], rest_field[REST_MOST];
	uint8_t rest_number[REST_MOST], hot_number[HOT_MOST];
	int64_t rest_default[REST_MOST], hot_default[HOT_MOST];
	unsigned label_count, hot_count, rest_count;
	int16_t field_of_number[256];
	/* names: process intern id to ledger name id and back; 0 = not known yet */
	uint32_t *name_of, *intern_of;
	size_t name_room, intern_room;
	/* labels by content and by id: open addressing over `labels` */
	struct label *labels;
	uint32_t *label_slots, *label_id_slots;
	uint32_t label_used, label_room, label_slot_count;
	/* rows */
	int64_t last_row;        /* newest row of `call` as of ledger_begin */
	int64_t first_added;     /* first row added by this transaction, 0 = none */
	struct rollup tx_rollup; /* of rows added through ledger_add_call */
	uint64_t tx_generation;
	struct span_noted span_noted[SPAN_TABLES][SPAN_NOTED]; /* stands in table span */
};

/* schema.c */
enum { SCHEMA_VERSION = 13 };
int schema_migrate(struct ledger *l, unsigned to, struct err *e); /* in a write transaction */
int schema_version(struct ledger *l, unsigned *version, struct err *e); /* 0 = an empty file */
int schema_load_codec(struct ledger *l, struct err *e);
const char *schema_columns(struct ledger *l, bool label, struct sb *b); /* ",name,..." of generated columns */

/* store.c */
int store_error(struct ledger *l, struct err *e, const char *doing);
/* A row is damaged: 0 where it is passed by, else an error that names it. */
int store_damaged(struct ledger *l, const char *kind, const char *name, struct err *e);
int store_damaged_row(struct ledger *l, const char *kind, int64_t row, struct err *e);
/* A text of SQL may be NULL here and below (sb_whole): no memory for it. */
int store_exec(struct ledger *l, const char *sql, struct err *e);
/* The cached statement, reset and unbound; NULL with e on error. */
sqlite3_stmt *store_stmt(struct ledger *l, enum store_stmt which, const char *sql, struct err *e);
/* Runs the statement over rows of ours (given.h), which it names as a table. sql: used where it is not there yet. */
int store_given(struct ledger *l, struct given *g, enum store_stmt which, const char *sql, void *rows,
		const char *doing, struct err *e);
/* The one number that a query is asked for. */
int store_number(struct ledger *l, const char *sql, int64_t *out, const char *doing, struct err *e);
/* A statement, to be finalized; flags: SQLITE_PREPARE_PERSISTENT where it stays. NULL with e on error. */
sqlite3_stmt *store_prepare(struct ledger *l, const char *sql, unsigned flags, struct err *e);
/* A statement for one use; finalize it. */
sqlite3_stmt *store_query(struct ledger *l, struct err *e, const char *sql);
int store_meta_get(struct ledger *l, const char *name, int64_t *value, struct err *e); /* 0 when absent */
int store_meta_set(struct ledger *l, const char *name, int64_t value, struct err *e);
int store_settings_changed(struct ledger *l, struct err *e);
int store_checkpoint(struct ledger *l, struct err *e); /* takes the lock; does nothing below CHECKPOINT_PAGES */
int store_commit_only(struct ledger *l, struct err *e); /* commit without roll-ups and checkpoint */
/* Begins a read transaction unless one is open; *opened says whether the caller must end it. */
int store_read_begin(struct ledger *l, bool *opened, struct err *e);
void store_read_end(struct ledger *l, bool opened);
/* An exclusive lock of the file PATH+suffix, not waiting: its descriptor, or -1 with e. */
int store_role_lock(const char *path, const char *suffix, const char *who, struct err *e);
bool store_role_taken(const char *path, const char *suffix);
static inline struct str column_text(sqlite3_stmt *st, int i)
{
	const char *p = (const char *)sqlite3_column_text(st, i);
	return str_make(p ? p : "", p ? (size_t)sqlite3_column_bytes(st, i) : 0);
}
static inline struct str column_blob(sqlite3_stmt *st, int i)
{
	const char *p = sqlite3_column_blob(st, i);
	return str_make(p ? p : "", p ? (size_t)sqlite3_column_bytes(st, i) : 0);
}
static inline void bind_text(sqlite3_stmt *st, int i, struct str s)
{
	sqlite3_bind_text(st, i, s.p ? s.p : "", (int)s.n, SQLITE_STATIC);
}
/* Checksum of a row of the small tables: CRC-32C over its fields as text, one after the other. */
uint32_t store_crc(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* label.c */
int name_id(struct ledger *l, uint32_t interned, uint32_t *id, struct err *e);
int name_interned(struct ledger *l, int64_t id, uint32_t *interned, struct err *e);
int label_of_call(struct ledger *l, const struct call *c, struct label **out, struct err *e);
int label_by_id(struct ledger *l, int64_t id, struct label **out, struct err *e);
void label_to_call(const struct ledger *l, const struct label *lb, struct call *c);
uint32_t label_get(const struct ledger *l, const struct label *lb, enum field_id f);
void label_cache_clear(struct ledger *l);
void label_cache_fini(struct ledger *l);
/* Hash of a stored label's columns (ledger name ids), which is also its checksum. */
uint64_t label_hash(const struct ledger *l, const int64_t v[LABEL_MOST]);

/* row.c */
enum { IMPORT_ALIVE_MOST = 400 };
extern const char row_own_columns[]; /* "row,id,operation,start,took,label,vendor_ref" */
enum { ROW_OWN = 7 };
struct row_extra { /* of import_call */
	int64_t batch, line;
	unsigned char nat[16], body[16];
	struct str claimed;
};
/* Writes c as row `row`. x NULL: into call. */
int row_add(struct ledger *l, const struct call *c, int64_t row, const struct row_extra *x, struct label **label,
	    struct err *e);
/* Rows of import_call are written ROWS_AT_ONCE in one statement (given.h): the last few wait. They are written before a
 * commit, and by whoever reads rows that this transaction may have added; or forgotten with it. */
int row_flush(struct ledger *l, struct err *e);
void row_forget(struct ledger *l);
/* Reads the current row of st: columns row_own_columns, hot columns, rest, crc[, batch, nat, body, line, claimed].
 * *intact (may be NULL): the checksum holds. */
int row_read(struct ledger *l, sqlite3_stmt *st, bool import, struct call *c, int64_t *row, int64_t *label,
	     bool *intact, struct err *e);
/* "SELECT columns FROM table" for row_read, into b. */
void row_select(struct ledger *l, bool import, const char *rest_of_sql, struct sb *b);
/* The same for what roll-ups sum, at a fifth of the price. `none` is a call without amounts (row_no_amounts), which
 * each row starts from; damage is not looked for: that is verify's. */
void row_select_amounts(struct ledger *l, const char *rest_of_sql, struct sb *b);
void row_no_amounts(const struct ledger *l, struct call *none);
int row_read_amounts(struct ledger *l, sqlite3_stmt *st, const struct call *none, struct call *c, struct label **label,
		     struct err *e);
/* As ledger_find_call, within a transaction, and the call's label. */
int row_find(struct ledger *l, struct call_id id, struct call *out, int64_t *label, struct err *e);
/* The condition under which row `i` of import_call counts. */
extern const char import_current[];
/* The same but for what supersedes it: its own batch counts, or one that repeats it. but: leave that batch out. */
char *import_alive(int64_t but, char out[IMPORT_ALIVE_MOST]);

/* outcomes.c */
uint32_t outcome_crc(const unsigned char id[16], int64_t accepted, int64_t at, int64_t hour, int64_t label);

/* rollup.c */
enum { ROLLUP_PARTS = CLASSES + 8 };
struct rollup_part {
	int64_t value;
	uint32_t part;
};
void rollup_fini(struct rollup *r);
void rollup_drop(struct rollup *r);
/* Adds `sign` times the call. 0 or -RR_NOMEM. */
int rollup_fold(struct rollup *r, const struct call *c, struct label *lb, int sign);
int rollup_fold_sum(struct rollup *r, int64_t hour, int64_t label, const struct rollup_sum *s, int sign);
/* What a call adds to a sum: the parts that are not 0. Returns how many. */
unsigned rollup_parts(const struct call *c, struct rollup_part p[ROLLUP_PARTS]);
void rollup_part_add(struct rollup_sum *s, unsigned part, int64_t value);
void rollup_sum_of(const struct call *c, struct rollup_sum *s);
bool rollup_sum_is_zero(const struct rollup_sum *s);
void rollup_sum_add(struct rollup_sum *into, const struct rollup_sum *s, int sign);
/* Adds one sum to one row of a table. In a write transaction. */
extern const char *const rollup_tables[ROLLUP_TABLES];
int rollup_upsert(struct ledger *l, enum rollup_table table, int64_t at, int64_t label, const struct rollup_sum *s,
		  struct err *e);
/* Upserts everything into rollup_hour and rollup_day; mark < 0 leaves the mark alone. In a write transaction. */
int rollup_flush(struct ledger *l, const struct rollup *r, int64_t mark, struct err *e);
/* Folds rows (from, to] of call, which are committed, into r. From so many rows on the second half is folded at the
 * same time, on a connection of its own. */
extern int64_t rollup_apart_rows;
int rollup_fold_rows(struct ledger *l, struct rollup *r, int64_t from, int64_t to, struct err *e);
int rollup_mark(struct ledger *l, int64_t *mark, struct err *e);
int64_t hour_of(int64_t us);
int64_t day_of_hour(int64_t hour);
void rollup_read_sum(sqlite3_stmt *st, int first_column, struct rollup_sum *s);
extern const char rollup_columns[]; /* of all four tables, behind at and label */
enum { ROLLUP_COLUMNS = CLASSES + 13 };
void rollup_values(const struct rollup_sum *s, int64_t v[ROLLUP_COLUMNS]);
/* Those columns whose bit is set in the mask (1: the first), each as the text says it of "@", commas between them. */
#define ROLLUP_ALL UINT64_MAX
void rollup_some_columns(struct sb *sql, uint64_t mask, const char *text);
int64_t call_max_row(struct ledger *l, struct err *e); /* <0 on error */

/* span.c */
extern int span_bits; /* of the rows of a block; tests make it small */
/* A row of that hour is there. In a write transaction, as the next two. */
int span_note(struct ledger *l, enum span_of of, int64_t hour, int64_t row, struct err *e);
/* Rows [from, to], which are written: what they say themselves; and as a flush of them knows it. */
int span_note_rows(struct ledger *l, enum span_of of, int64_t from, int64_t to, struct err *e);
int span_note_flush(struct ledger *l, const struct rollup *r, int64_t from, int64_t to, struct err *e);
/* Ranges of rows [from, to) that hold every one that starts in that hour, past its first microsecond. */
int span_each(struct ledger *l, enum span_of of, int64_t hour,
	      int (*fn)(int64_t from, int64_t to, void *arg, struct err *e), void *arg, struct err *e);
/* Blocks and hours that rows up to `to` have and the table lacks. */
int span_missing(struct ledger *l, enum span_of of, int64_t to, int64_t *count, struct err *e);

/* rollup_delta.c */
struct sums;
/* Moves every sum into delta_hour and delta_day, in transactions of its own, and empties s. */
int delta_put(struct ledger *l, struct sums *s, struct err *e);
/* The same straight into the roll-ups, in the transaction that is open: for a few. */
int delta_flush(struct ledger *l, struct sums *s, struct err *e);
/* In the transaction that makes it count. */
int delta_begins_to_count(struct ledger *l, struct err *e);
/* For a ledger that was left with a delta by hours alone. */
int delta_fill_days(struct ledger *l, struct err *e);
/* Merges a delta that counts, drops one that does not, in transactions of its own. */
int delta_settle(struct ledger *l, struct err *e);

/* How much an import does at once; tests make it small. */
struct import_sizes {
	unsigned run_keys;     /* sorted in memory */
	size_t sum_bytes;      /* of roll-ups in memory; more go to the delta */
	unsigned sums_at_once; /* merged in one transaction; so few are written with the batch's last one */
	unsigned rows_at_once; /* rows, keys that are read or written in one step */
};
extern struct import_sizes import_sizes;

#endif
