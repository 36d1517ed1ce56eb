/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of explain: cells taken apart by model (explain_cell.c).
 */
#ifndef RR_REPORT_EXPLAIN_I_H
#define RR_REPORT_EXPLAIN_I_H

#include "report/explain.h"

/* The dearest models and tiers of a report's period as text, their counts and prices as terms. */
int explain_groups(struct explanation *x, struct arena *a, struct ledger *l, const struct book *book,
		const struct report *r,
		   bool training, struct sb *out, struct err *e);

#endif
