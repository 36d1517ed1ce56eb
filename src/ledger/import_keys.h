/* SPDX-License-Identifier: Apache-2.0
 *
 * The natural keys of imported rows: which row has this key?
 *
 * 1. Table import_key holds (the first 64 bits of a key, its row). 64 bits find, the row's own 128 bits decide: keys
 *    that share their first half are told apart.
 * 2. A batch's keys enter the table at its end, sorted, so that a batch of ten million rows touches each page once
 *    instead of ten million pages at random. Until then they stand in runs of a nameless file beside the ledger.
 * 3. A look-up first tries the row behind the last one that was found: an export comes again in the order in which it
 *    came before. Then a filter of older keys, built when many look-ups found nothing; then the table.
 * 4. A source that never repeats a key within a batch says so; for the others the batch's own keys are in memory.
 * 5. Sources put their name into their keys: where no other batch of a source counts, nothing older is looked for.
 */
#ifndef RR_LEDGER_IMPORT_KEYS_H
#define RR_LEDGER_IMPORT_KEYS_H

#include "ledger/store.h"

struct import_keys;

struct key_place {
	int64_t batch, first_row; /* of the batch under way */
	const char *source;
	bool unique;              /* rule 4 */
};
/* dry: keys are noted and never written. */
struct import_keys *import_keys_new(struct ledger *l, const struct key_place *p, bool dry, struct err *e);
void import_keys_free(struct import_keys *k);

/* The row of that key that counts now, this batch's own included; *row is 0 when there is none. */
int import_keys_find(struct import_keys *k, struct hash128 natural, int64_t *row, struct hash128 *body, struct err *e);
/* This batch's row has that key. */
int import_keys_add(struct import_keys *k, struct hash128 natural, int64_t row, struct err *e);
/* The same of a dry run, whose rows are nowhere but here. */
int import_keys_note(struct import_keys *k, struct hash128 natural, struct hash128 body, int64_t row, struct err *e);
/* Between two transactions: what would take long within one. */
int import_keys_bound(struct import_keys *k, struct err *e);
/* Something was superseded by this batch: rows are asked for it from now on. */
void import_keys_superseded(struct import_keys *k);
/* No key is looked for or added any more. */
int import_keys_end(struct import_keys *k, struct err *e);
/* Puts the next keys into the table, at most `count`; in a write transaction. 1: there are more, 0: all are there. */
int import_keys_write(struct import_keys *k, unsigned count, struct err *e);

/* What stands in the table for that natural key. */
int64_t import_key_of(struct str nat);
/* Fills the table from import_call: for ledgers that had none. In a write transaction. */
int import_keys_fill(struct ledger *l, struct err *e);
/* Takes the keys of rows [from, to) away. In a write transaction. */
int import_keys_drop(struct ledger *l, int64_t from, int64_t to, struct err *e);
/* What the table holds of rows below `below`, as one number that does not depend on the order; the same of the rows. */
int import_keys_sum(struct ledger *l, int64_t below, uint64_t *keys, uint64_t *rows, struct err *e);

#endif
