/* SPDX-License-Identifier: Apache-2.0
 *
 * One spending may stand in a ledger three times, and counts once.
 *
 *   seen      call by call: a gateway's rows, an agent's log, a proxy's
 *   reported  by the vendor's usage pages ("usage ..."): sums of a bucket
 *   billed    by a cost export or an invoice, for tokens ("bill I-tokens")
 *
 * In a cell (vendor, UTC day, model, currency) each of these counts for what it has *more* than those above it: usage
 * that nobody here saw. So a cell counts as the largest of the three, and never as their sum; calls and tokens, too.
 * Model names are compared by their letters and digits in any order, without dates: a bill says "Claude Opus 4.6"
 * where usage says "claude-opus-4-6". A bill that names no model is compared with the whole day of its vendor.
 */
#ifndef RR_REPORT_OVERLAP_H
#define RR_REPORT_OVERLAP_H

#include "ledger/ledger.h"

struct overlap;
struct overlap *overlap_new(void); /* NULL: no memory */
void overlap_free(struct overlap *o);
/* First every row of the period is noted, ... -RR_NOMEM */
int overlap_note(struct overlap *o, const struct rollup_row *x);
/* ... then each row is asked once: *rest is what of it counts. false: nothing. */
bool overlap_rest(struct overlap *o, const struct rollup_row *x, struct rollup_row *rest);
/* A job that the gateway saw or an import named (an outlay with its trained tokens): the bill of that vendor and
 * month for training counts for what it has more. */
int overlap_note_outlay(struct overlap *o, const struct outlay *x);
/* A pass of its own, for reports that have none. */
int overlap_read(struct overlap *o, struct ledger *l, int64_t from_us, int64_t to_us, struct err *e);

/* A row of a vendor's usage pages or usage export. */
bool row_is_reported(const struct rollup_key *k);
/* A row that stands for a line of a bill. */
bool row_is_bill(const struct rollup_key *k);
/* The same for tokens, which usage rows may cover. */
bool row_is_token_bill(const struct rollup_key *k);
/* Equal for names of one model as vendors' exports spell it; 0 for no name. */
uint64_t model_key(struct str name);

#endif
