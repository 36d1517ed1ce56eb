/* SPDX-License-Identifier: Apache-2.0
 *
 * What an import writes: batches of rows that can be taken back whole.
 *
 * 1. A row has a natural key (a hash of what makes it that row at its source) and a body hash. Same key and same
 *    body: nothing new. Same key, another body: a revision that supersedes. Nothing is ever updated.
 * 2. What counts is what importing the batches that were not undone, in their order, would give. A row is alive while
 *    its batch counts or one that repeats it (table repeat). Of a key's rows that are alive the newest counts, unless a
 *    later batch holds the whole truth of its time (table period) and lacks it: each other one is superseded by some
 *    batch that counts (table supersede). An undo keeps it so: what the batch superseded is passed on to whoever
 *    supersedes it now, before it is asked whether it comes back.
 * 3. Everything is written in transactions of some milliseconds, however large the batch, so that a gateway is never
 * kept waiting: rows, keys, superseded rows and large changes of the roll-ups (rollup_delta.c) before the batch counts;
 *    then one that makes all of it count. A killed import leaves nothing that counts; the next one sweeps it away.
 * 4. One import at a time (LEDGER-import). A dry run looks up and counts, and takes no lock.
 */
#ifndef RR_LEDGER_IMPORT_STORE_H
#define RR_LEDGER_IMPORT_STORE_H

#include "base/hash.h"
#include "ledger/ledger.h"

enum batch_state { BATCH_OPEN, BATCH_LIVE, BATCH_UNDONE };

struct import_batch {
	int64_t id;                 /* 1.. */
	enum batch_state state;
	char source[48];            /* "openai-usage" */
	char scope[128];            /* what whole-period replacement is bound to: an account, a project; may be empty */
	char file[256];
	unsigned char file_hash[32];
	char parser[32];            /* version of the reader */
	int64_t started_us;
	uint64_t shape;             /* a hash of its table's header, 0: it has none */
	bool unique;                /* no natural key comes twice in it: the caller sees to that */
	uint64_t rows_read, rows_new, rows_duplicate, rows_revised, rows_rejected;
	uint64_t rows_replaced;     /* of a finished one: so many older ones stopped counting with their periods */
	unsigned parts;             /* and in so many periods it is a further part (ledger_import_report) */
};

enum import_result { IMPORT_NEW, IMPORT_DUPLICATE, IMPORT_REVISED };

struct import;
/* source, scope, file, file_hash, parser, started_us, shape and unique of b are used. dry: look up and count, keep
 * nothing. */
struct import *ledger_import_begin(struct ledger *l, const struct import_batch *b, bool dry, struct err *e);
/* A call; its provenance becomes PROV_IMPORTED, its id the natural key where it has none. line: the row's number in
 * the file. claimed: the source's own amount as text, kept as it is (may be empty). */
int ledger_import_add(struct import *im, const struct call *c, struct hash128 natural, struct hash128 body,
		      int64_t line, struct str claimed, enum import_result *result, struct err *e);
/* -RR_EXISTS (e filled) when an outlay of that id counts already: a duplicate. */
int ledger_import_outlay(struct import *im, const struct outlay *o, struct err *e);
/* The batch holds the whole truth for [from, to): rows of the same source and scope that start there and that this
 * batch does not repeat stop counting when it finishes. */
int ledger_import_replace(struct import *im, int64_t from_us, int64_t to_us, struct err *e);
/* The batch is a report of [from, to), or one part of it. Where it repeats rows that stand there it is a newer one, and
 * replaces as above; where it repeats hardly any and they came under the same header, it is a further part. So the
 * parts of one report may come in batches of their own; those of a newer one, where each repeats some rows. */
int ledger_import_report(struct import *im, int64_t from_us, int64_t to_us, struct err *e);
void ledger_import_reject(struct import *im, uint64_t rows); /* counts rows that could not be read */
/* When rows come slowly: ends the transaction that is open, so that nobody waits for it. */
int ledger_import_pause(struct import *im, struct err *e);
/* Microseconds until that should be done; negative when none is open. */
int64_t ledger_import_hold_us(const struct import *im);
/* Makes the batch count; *out (may be NULL) gets its id and counters. Frees im, whatever the result. */
int ledger_import_finish(struct import *im, struct import_batch *out, struct err *e);
void ledger_import_abort(struct import *im); /* NULL is fine */

/* What a row is of: its surface says it ("usage completions", "bill I-tokens", else a call). */
enum batch_side { SIDE_LOG, SIDE_USAGE, SIDE_BILL };
enum batch_side batch_side(struct str surface);
bool is_token_bill(struct str surface); /* the part of a bill that usage tells of too */
/* A batch tells all that there is of that vendor and side before until: a day without a row is one without spending. */
struct batch_cover {
	struct str provider;
	enum batch_side side;
	int64_t until_us;
	int64_t first_us, last_us; /* its own rows start from then to then; 0: not known */
};
/* batch 0: who fetched it knows, whether or not there was a row; the last one counts. */
int ledger_add_covers(struct ledger *l, int64_t batch, const struct batch_cover *c, unsigned count, struct err *e);
/* Another batch whose rows are of the same vendor, side and days, from another source (of the same scope, where both
 * have one): 1 with its source and the days that both have, or 0, or a negative code. */
int ledger_cover_twin(struct ledger *l, int64_t batch, const struct batch_cover *c, char source[48], int64_t *from_us,
		      int64_t *to_us, struct err *e);
/* The latest of batches that count, for each vendor and side. */
int ledger_covers(struct ledger *l, int (*fn)(const struct batch_cover *c, void *arg), void *arg, struct err *e);

/* The vendor's reference of every call that the gateway measured: what an import would count a second time. */
int ledger_live_refs(struct ledger *l, int (*fn)(struct str vendor_ref, void *arg), void *arg, struct err *e);
/* Takes a batch back, in any order (rule 2). *stay (may be NULL): so many of its rows count on, since another batch has
 * them too. -RR_NOTFOUND; -RR_EXISTS when it was undone already. */
int ledger_import_undo(struct ledger *l, int64_t batch, uint64_t *stay, struct err *e);
int ledger_import_batches(struct ledger *l, int (*fn)(const struct import_batch *b, void *arg), void *arg,
			  struct err *e);
/* An outlay with its batch; in a transaction (outlays.c). */
int outlay_add(struct ledger *l, const struct outlay *o, int64_t batch, struct err *e);

#endif
