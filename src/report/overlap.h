/* SPDX-License-Identifier: Apache-2.0
 *
 * A bill and the usage that it bills are one spending, not two.
 *
 * A ledger may hold both: usage rows that our book prices (a gateway's, a usage export's, an agent's log) and lines of
 * a vendor's cost export or invoice for the same days. Rows that only bill tokens ("bill I-tokens") are therefore
 * compared with what is priced in their cell (vendor, UTC day, model, currency), and only what the bill has *more*
 * counts: that is usage which nobody here saw. So a cell counts as the larger of the two, and never as their sum.
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
/* ... then each row is asked once: how much of its amount counts. */
money_wide overlap_counts(struct overlap *o, const struct rollup_row *x, money_wide pico);
/* A pass of its own, for reports that have none. */
int overlap_read(struct overlap *o, struct ledger *l, int64_t from_us, int64_t to_us, struct err *e);

/* A row that stands for a line of a bill. */
bool row_is_bill(const struct rollup_key *k);
/* The same for tokens, which usage rows may cover. */
bool row_is_token_bill(const struct rollup_key *k);
/* Equal for names of one model as vendors' exports spell it; 0 for no name. */
uint64_t model_key(struct str name);

#endif
