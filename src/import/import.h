/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the bill: exports of vendors, clouds, gateways and agents into the ledger.
 *
 * One mechanism and a table of sources. What a file is, is told by its content (header names, JSON members), never by
 * its name. Every row either becomes a call or an outlay, or is rejected with its number and the reason; the rest is
 * kept. What was imported can be taken back batch by batch.
 *
 * Three amounts stand side by side and are never mixed: *claimed* is the source's own text (a gateway's estimate),
 * *priced* is by our book, *billed* is what a vendor says is owed. Amounts of several currencies are never added.
 */
#ifndef RR_IMPORT_IMPORT_H
#define RR_IMPORT_IMPORT_H

#include "import/sides.h"
#include "model/book.h"

enum {
	IMPORT_REJECTS = 1000,  /* rejected rows that are named; further ones are counted */
	IMPORT_CURRENCIES = 16, /* currencies of one import */
	IMPORT_BATCHES = 256,   /* batches of one import */
	IMPORT_NOTES = 16,
	IMPORT_FILES = 1000000, /* files of one folder */
};

/* A vendor's buckets still fill for so long; what is younger may be missing (pull.h fetches it anew, too). */
#define IMPORT_LAG_US (3 * US_PER_DAY)

struct import_options {
	struct ledger *ledger;
	const struct book *book;
	const char *as;   /* a source's name, or NULL: told by content */
	const char *map;  /* a mapping file, or NULL */
	bool dry_run;     /* read and count, keep nothing */
	bool progress;    /* a line on stderr, if that is a terminal */
	int64_t now_us;
	/* for who fetches instead of reading what lies there */
	const char *called; /* the batches' name in the list; NULL: their file's */
	const char *scope;  /* whose rows a replacement concerns; NULL: as the source says */
	int64_t replace_from_us, replace_to_us; /* the files are the whole truth of that period; both 0: they are not */
};

struct import_money {
	struct currency currency;
	money_wide book[BOOKS];            /* billed where the source bills, else priced */
	money_wide claimed, priced, billed; /* each over the rows that have it */
};

struct import_reject {
	uint64_t row;
	char file[128];
	char reason[200];
};

struct import_result_batch {
	int64_t id; /* 0 after a dry run */
	char source[48], file[256];
	uint64_t rows_read, rows_new, rows_duplicate, rows_revised, rows_rejected;
};

struct import_summary {
	struct import_result_batch batch[IMPORT_BATCHES];
	unsigned batches;
	uint64_t files, skipped_files; /* skipped: of a folder, and no known source */
	char skipped[128];             /* the first of these */
	uint64_t rows_read, rows_new, rows_duplicate, rows_revised, rows_rejected;
	struct import_reject *reject;  /* at most IMPORT_REJECTS of rows_rejected */
	unsigned rejects;
	struct import_money money[IMPORT_CURRENCIES];
	unsigned currencies;
	struct sides sides; /* of inference: what the sums above hold twice */
	uint64_t tokens, calls, unpriced_rows;
	char note[IMPORT_NOTES][200];
	unsigned notes;
	char twice[200]; /* the first of them that says what counts twice */
};

/* Reads every path (files, folders, "-"). 0, or a negative code when nothing at all could be done; rejected rows are
 * no error here: look at rows_rejected. *s is filled in any case; free it with import_summary_fini(). */
int import_paths(const struct import_options *o, const char *const paths[], unsigned count, struct import_summary *s,
		 struct err *e);
void import_summary_fini(struct import_summary *s);
/* Inference of money[i], what several sides of one vendor tell counted once; *twice: what that took off the sum. */
money_wide import_inference(const struct import_summary *s, unsigned i, money_wide *twice);
/* Adds one result to another, which began zeroed. */
void import_summary_add(struct import_summary *into, const struct import_summary *s);

/* The sources, for help: name and one line each. NULL behind the last. */
const char *import_source_name(unsigned index);
const char *import_source_title(unsigned index);
/* The shipped mapping files: "runpod.yaml", and its text. NULL behind the last. */
const char *import_map_name(unsigned index);
const char *import_map_shipped(unsigned index);

#endif
