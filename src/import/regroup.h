/* SPDX-License-Identifier: Apache-2.0
 *
 * A vendor's report in two groupings (by model, and by model and key; by hour, and by day) is the same use, or the same
 * money, under keys that share nothing: both count. Equal sums, day by day, tell; which of them to keep is for people.
 */
#ifndef RR_IMPORT_REGROUP_H
#define RR_IMPORT_REGROUP_H

#include "import/feed.h"

/* Days of a batch that came in two groupings: their sums are equal on every day that both have. */
unsigned regroup_days_twice(const struct feed_counts *n);
/* Days of a batch that stood in the ledger before, with the same sums. */
unsigned regroup_days_stood(const struct feed_counts *n, struct ledger *l, uint32_t provider);

#endif
