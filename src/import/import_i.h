/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the importers: what a source is, and what it may do. For this folder alone.
 *
 * A source says whether a file is its own (probe), and turns each record into rows:
 *
 *	struct call *c = row_begin(x, number);      a fresh call; facts, key and claim are cleared
 *	key_add(x, ...); fact(x, CF_TYPE, ...);     what makes it that row; what the rules of classification look at
 *	return row_end(x, e);                       classified, priced, hashed, stored, summed
 *
 * or row_reject(x, number, "why"). A function here returns 0, or a negative code that ends the import (the store is
 * gone); what is wrong with one row is never such a code.
 */
#ifndef RR_IMPORT_IMPORT_I_H
#define RR_IMPORT_IMPORT_I_H

#include "base/arena.h"
#include "base/csv.h"
#include "base/intern.h"
#include "base/json.h"
#include "import/classify.h"
#include "import/feed.h"
#include "import/import.h"

enum source_flag {
	SRC_PER_FILE = 1 << 0,   /* one batch a file (else one batch over all files of the source) */
	SRC_OCCURRENCE = 1 << 1, /* equal keys within a batch are several rows: the first, the second ... */
	SRC_UNIQUE = 1 << 3,     /* equal keys never come twice within a batch: the source sees to that */
	SRC_LINES = 1 << 2,      /* JSON lines: a broken line is one rejected row */
	SRC_LIVING = 1 << 6,   /* read where it is written: it tells all up to the import */
	SRC_ALONE = 1 << 7,    /* whose bill it repeats cannot be told by its rows' days: an invoice has its own date */
	SRC_CELLS = 1 << 4,      /* equal keys within one statement (row_said) are several rows */
	SRC_SHORT_ROWS = 1 << 5, /* CSV rows may lack their last columns, also the last row of a file */
};

enum { IMPORT_SIDES = 32 };

struct import_ctx;
struct import_source {
	const char *name, *title;
	unsigned flags;
	size_t state_bytes; /* zeroed for each batch, x->state */
	/* 0: not mine; else how sure, to 100 */
	unsigned (*probe_csv)(const struct csv *c);
	unsigned (*probe_json)(struct json record);
	/* what whole-period replacement is bound to, read off the first row; files of one scope share a batch; may
	 * be NULL */
	void (*scope)(struct csv *c, char *out, size_t size);
	/* a line that cannot matter is passed over unread; may be NULL */
	bool (*wanted)(struct str line);
	int (*file_begin)(struct import_ctx *x, struct csv *c, struct err *e); /* c NULL for JSON; may be NULL */
	int (*csv_row)(struct import_ctx *x, struct csv *c, struct err *e);
	int (*json_record)(struct import_ctx *x, struct json record, uint64_t number, struct err *e);
	/* instead of json_record: the text, not yet checked */
	int (*text_record)(struct import_ctx *x, struct str text, uint64_t number, struct err *e);
	int (*file_end)(struct import_ctx *x, struct err *e);  /* may be NULL */
	int (*batch_end)(struct import_ctx *x, struct err *e); /* may be NULL; the last rows may come here */
	void (*state_free)(struct import_ctx *x);              /* may be NULL */
};

/* sources.c: NULL ends the table. */
extern const struct import_source *const import_sources[];

struct summed; /* what each key added to the sums (import.c) */
void summed_free(struct summed *s);
struct seen; /* occurrences of keys (seen.c) */
struct import_map;

/* Of a file's first rows: how many, and how many of them this batch has already, word for word. */
struct sample {
	uint32_t rows, known;
};

struct import_ctx {
	const struct import_options *o;
	struct import_summary *s;
	struct import *im;
	struct feed *feed;     /* rows go through it; before any other use of the ledger it is drained */
	uint64_t rejected;     /* of this batch */
	struct import_result_batch *b;
	const struct import_source *source;
	struct classifier *classes;
	const struct import_map *map;
	void *state;
	struct batch_cover side[IMPORT_SIDES]; /* what the batch has rows of, or told the absence of */
	unsigned sides;
	uint32_t side_provider, side_surface;  /* of the row before */
	int64_t covered_us;                    /* the latest bucket or row that was read begins here */
	int64_t first_us, last_us;             /* of rows that were taken */
	struct seen *seen;
	struct seen *cells;    /* SRC_CELLS: keys of the statement that is being read */
	uint64_t said;         /* of the whole row, where a table may repeat it; else 0 */
	struct summed *summed; /* of this batch, and of those before it that its files say again */
	uint64_t scope;        /* of the batch, as a hash; with its source's name */
	bool several;          /* the batch has more than one file: its rows are summed by key */
	bool again;            /* its first file says again what an earlier batch of this import said */
	struct sample *sample; /* rows are looked at and not taken; else NULL */
	struct seen *outlays;  /* ids of this import's outlays */
	struct seen *live;     /* what the gateway measured, by the vendor's reference; read when first asked for */
	const char *path;      /* of the file being read */
	struct csv *csv;       /* that is being read; NULL: none */
	unsigned lines_above;  /* its header */
	bool header_again;     /* the row at hand is a header, and no bad row */
	struct arena arena;    /* for one record; reset before each */
	/* the row that is being made */
	struct call call;
	uint64_t row;
	struct sb key;
	uint32_t key_parts, grouped; /* texts in the key; a bit for each that is not empty */
	struct str claimed;    /* the source's own text of an amount; lives in the record */
	bool claim_counts;     /* claimed is a number in call.currency: it is summed */
	struct class_facts facts;
	const char *class_source; /* whose rules; NULL: the source's own name */
	uint64_t context_tok;  /* input of one request of the row, where the source says so; else the average */
	bool classified;       /* the source set call.book itself (with a rule id) */
};

struct call *row_begin(struct import_ctx *x, uint64_t number);
void key_add(struct import_ctx *x, struct str part);
void key_add_u64(struct import_ctx *x, uint64_t v);
void fact(struct import_ctx *x, enum class_field f, struct str text);
/* SRC_CELLS: a statement begins: a bucket of an API, a table of an export. What is in it more than once with an
 * equal key differs in something that we do not know, and each counts; the same key in another statement is the same
 * cell, later. */
void row_statement(struct import_ctx *x);
int row_end(struct import_ctx *x, struct err *e);
/* What the rows that went through the feed were; before the batch counts. */
void batch_count(struct import_ctx *x, const struct feed_counts *n);
/* The part of row_end that asks the rules; for a source that keeps the answers. */
void row_classify(struct import_ctx *x);
/* The row is not taken; why is for people. Returns 0. */
int row_reject(struct import_ctx *x, uint64_t number, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A row of the source that repeats another within the same import, dropped by the source itself. */
void row_repeated(struct import_ctx *x);
/* An outlay of its own; a duplicate is counted as such. */
int row_outlay(struct import_ctx *x, uint64_t number, const struct outlay *o, struct err *e);
/* A sentence for the reader of the result, once. */
void import_note(struct import_ctx *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, of money that counts twice: who shows few notes shows this one. */
void import_twice(struct import_ctx *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The source has a bucket there, be it empty: that vendor and side are told up to it. */
void import_covers(struct import_ctx *x, struct str provider, enum batch_side side, int64_t start_us);
/* A batch begins; it counts: what it covers is kept beside it. */
void covers_begin(struct import_ctx *x);
int covers_end(struct import_ctx *x, int64_t batch, struct err *e);
/* The batch holds the whole truth for [from, to). */
/* in_parts: a batch may be one of several that make up the report (ledger_import_report); else it is the whole of
 * it. */
int import_reports(struct import_ctx *x, int64_t from_us, int64_t to_us, bool in_parts, struct err *e);
/* The rule "the source only holds such rows": books are set without asking classify.csv. */
void row_is(struct import_ctx *x, enum book_kind book, const char *rule);
/* A class that the source found by itself: a rule of its own, or classify() over other facts. */
void row_class(struct import_ctx *x, enum spend_class spend, uint32_t rule);

/* read.c: values as sources write them; each gives NULL or a reason for a rejection */
const char *read_money(struct str text, int64_t *pico, bool *exact);     /* blanks around it allowed; "" is wrong */
const char *read_count(struct str text, uint64_t *out);                  /* "59200.0" is 59200 */
const char *read_time(struct str text, int64_t *us);                     /* ISO 8601, "2024-09-01 00:00:00 UTC" */
const char *read_unix(struct json v, int64_t *us);
/* ISO 8601; seconds or milliseconds since 1970, told by their size; [seconds, nanoseconds] */
const char *read_moment(struct import_ctx *x, struct json v, int64_t *us);
/* "1.234,56" by its decimal mark to "1234.56": groups of three with any of . , ' or a no-break space. decimals: how
 * many digits stand behind the mark. false: no number so written. */
bool read_grouped(struct str s, char mark, char *out, size_t size, unsigned *decimals);
/* "1.234,56" to "1234.56" by the decimal mark; "(12.00)" and "12.00-" to "-12.00"; the currency's sign goes. What is
 * no such number stays as it is, and is then refused with its own text. */
struct str read_plain(struct import_ctx *x, struct str s, char mark);
struct str read_null(struct str text);                                   /* "NULL", "null", "\N" are nothing */
uint32_t json_name(struct import_ctx *x, struct json v);                 /* interned text of a string or number */
struct str json_text(struct import_ctx *x, struct json v);               /* unescaped, in the record's arena */
/* A row of a CSV as the JSON record that it was made of: its columns as texts. For sources whose CSV is their JSON. */
struct json csv_record(struct import_ctx *x, struct csv *c);
bool header_has(const struct csv *c, const char *const *names);          /* all of them, ended by NULL */
/* Text of a SKU, meter or usage type to what a token of it is. */
struct token_words {
	bool tokens;             /* it names tokens at all */
	enum token_class cls;
	bool known;              /* the direction could be read */
	enum tier tier;
	uint64_t per;            /* tokens in one unit of quantity where the text says so, else 0 */
};
void token_words_read(struct str text, struct token_words *out);

/* seen.c */
struct seen *seen_new(void);
void seen_free(struct seen *s);
void seen_soon(const struct seen *s, struct hash128 key); /* asks for the memory that seen_count will look at */
/* How often that key came before; -RR_LIMIT when there is no room, -RR_NOMEM. */
int seen_count(struct seen *s, struct hash128 key, uint32_t *before);
bool seen_has(const struct seen *s, struct hash128 key);

#endif
