/* SPDX-License-Identifier: Apache-2.0
 *
 * An invoice against the ledger: by day, model and project, what the bill says, what our book makes of the usage, and
 * what is between them.
 *
 * 1. claimed is the source's own text, summed; billed is what a vendor says is owed; priced is by our book from the
 *    usage in the ledger. residual = (billed, or claimed where the file bills nothing) - priced. Residuals are named,
 * never plugged: each row has a reason, and a row that is off has suspects.
 * 2. Lines of the bill that are no tokens (training, tools, storage, tax) have no usage to be compared with: they are
 *    listed with their class, taken as billed, and are in `not_usage`, not in the residual.
 * 3. A row agrees when |residual| <= tolerance, which is 0.000001 of the currency unless another is given.
 * 4. From the first day on which a gateway measured a vendor's calls, what it measured is compared; what the vendor's
 *    usage pages (`runrate pull`) have more of names the bypass. Before that day, and without a gateway, those pages
 *    themselves are compared, else logs.
 * 5. Projects are told apart only where every row of usage names one: a gateway's rows know no vendor's project.
 */
#ifndef RR_REPORT_RECONCILE_H
#define RR_REPORT_RECONCILE_H

#include "report/report.h"

enum { RECONCILE_ROWS = 200000, RECONCILE_REASON = 200 };

struct reconcile_row {
	int64_t day; /* days since 1970 */
	struct str provider, model, project;
	uint64_t model_hash;
	bool has_claimed, has_billed, has_usage, not_usage, agrees;
	money_wide claimed_pico, priced_pico, billed_pico, residual_pico,
		estimated_pico; /* of what is priced */
	uint64_t calls, unpriced_calls, estimated_calls; /* of the ledger */
	bool has_reported;          /* the vendor's usage pages have it, too */
	money_wide reported_pico;
	uint64_t reported_calls, reported_unpriced;
	char reason[RECONCILE_REASON];
};
struct reconcile {
	struct currency currency;
	int64_t from_us, to_us;
	struct reconcile_row *rows; /* by day, provider, model, project */
	unsigned count;
	money_wide claimed_pico, priced_pico, billed_pico, not_usage_pico, residual_pico, absolute_pico;
	money_wide tolerance_pico;
	unsigned off; /* rows that do not agree */
	bool by_project, any_billed, any_usage;
	uint64_t other_currency; /* rows of usage in a currency for which there is no rate */
};

/* bill: a ledger that holds nothing but the file; books: the ledger. q: currency, rates, environment (NULL: all).
 * Memory comes from the arena. */
int reconcile_make(struct reconcile *r, struct ledger *books, struct ledger *bill, const struct report_query *q,
		   money_wide tolerance_pico, struct arena *a, struct err *e);
void reconcile_json(const struct reconcile *r, struct sb *out);
void reconcile_text(const struct reconcile *r, struct sb *out);
void reconcile_csv(const struct reconcile *r, struct sb *out);

#endif
