/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of calls per (hour, label) in little memory: what an import of millions of rows gathers.
 *
 * A sum has two dozen parts of which a row of a bill fills two. So a sum is a chain of cells, one for each part that is
 * not zero: about 50 bytes for a bill's line, where the gateway's table (struct rollup) takes 270.
 */
#ifndef RR_LEDGER_SUMS_H
#define RR_LEDGER_SUMS_H

#include "ledger/ledger.h"

struct sum_head {
	int64_t hour, label;
	uint32_t first; /* cell + 1 */
};
struct sum_cell {
	int64_t value;
	uint32_t next; /* cell + 1 */
	uint32_t part;
};
struct sums {
	struct sum_head *head;
	struct sum_cell *cell;
	uint32_t *slot; /* head + 1 */
	uint32_t count, room, cells, cell_room, slots;
};

/* Adds `sign` times the call. 0 or -RR_NOMEM. */
int sums_fold(struct sums *s, const struct call *c, int64_t label, int sign);
size_t sums_bytes(const struct sums *s); /* in use */
/* By hour, then label. No fold until the next drop. */
void sums_sort(struct sums *s);
void sums_get(const struct sums *s, uint32_t at, struct rollup_sum *out);
void sums_drop(struct sums *s);
void sums_fini(struct sums *s);

#endif
