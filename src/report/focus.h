/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger as a FOCUS cost and usage file (FinOps Open Cost and Usage Specification 1.2 of May 2025, 1.4 of June
 * 2026).
 *
 * A row is what one model, tier, project, team, feature, key and region used on one UTC day, with its exact cost. What
 * FOCUS has no column for (the model, token classes, the checkbook) stands in x_ columns. FOCUS wants the product of
 * unit price and quantity to be the list cost to the last bit, which a day's mix of token classes cannot give: the
 * quantity is therefore one unit, whose price is the cost; the price a million tokens is x_CostPerMillionTokens.
 * One-time payments are purchases, billed and not yet effective; what of them is used up in a month is effective and
 * not billed again. Calls without a known price are in no row: they are counted.
 */
#ifndef RR_REPORT_FOCUS_H
#define RR_REPORT_FOCUS_H

#include "report/report.h"

enum focus_version { FOCUS_1_2, FOCUS_1_4 };
struct focus_count {
	uint64_t rows, unpriced_calls;
};
/* q: from, to, environment (NULL: production). print takes a piece of the file; it returns 0 to go on. */
int focus_write(struct ledger *l, const struct report_query *q, enum focus_version v,
		int (*print)(struct str piece, void *arg), void *arg, struct focus_count *count, struct err *e);

#endif
