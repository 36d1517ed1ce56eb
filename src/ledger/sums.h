/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of calls per (hour or day, label) in little memory: what an import of millions of rows gathers.
 *
 * A sum has two dozen parts of which a row of a bill fills two or three. So a sum keeps the first three of its parts
 * that are not zero, and a chain of cells has the others: 56 bytes with its place for a bill's line, where the
 * gateway's table (struct rollup) takes 270.
 *
 * Adding to one of a million sums is waiting for memory, twice: for where it stands and for the sum. So the last few
 * calls wait in a ring, and each step asks for the memory that a later one will need.
 */
#ifndef RR_LEDGER_SUMS_H
#define RR_LEDGER_SUMS_H

#include "ledger/store.h"

enum { SUM_OWN = 3, SUMS_WAIT = 8 };

struct sum {
	int64_t at, label;
	int64_t value[SUM_OWN];
	uint32_t more; /* cell + 1 */
	uint8_t part[SUM_OWN], parts;
};
struct sum_cell {
	int64_t value;
	uint32_t next; /* cell + 1 */
	uint32_t part;
};
struct sum_wait {
	int64_t at, label;
	int sign;
	unsigned parts;
	struct rollup_part part[ROLLUP_PARTS];
};
struct sums {
	struct sum *sum;
	struct sum_cell *cell;
	uint32_t *slot; /* sum + 1 */
	uint32_t count, room, cells, cell_room, slots;
	unsigned came, added; /* calls; those between wait */
	struct sum_wait wait[SUMS_WAIT];
};

/* Adds `sign` times the call. 0 or -RR_NOMEM. */
int sums_fold(struct sums *s, const struct call *c, int64_t label, int sign);
/* What waits is added: before anything else is asked. 0 or -RR_NOMEM. */
int sums_settle(struct sums *s);
/* The sums by UTC day of sums by hour, added to `days`: sorted where those are. 0 or -RR_NOMEM. */
int sums_by_day(const struct sums *hours, struct sums *days);
/* Room for some more before it is needed: growing takes long where there are many. 0 or -RR_NOMEM. */
int sums_bound(struct sums *s);
size_t sums_bytes(const struct sums *s); /* in use */
/* Of what is settled, by place, then label. No fold until the next drop. */
void sums_sort(struct sums *s);
void sums_get(const struct sums *s, uint32_t at, struct rollup_sum *out);
void sums_drop(struct sums *s);
void sums_fini(struct sums *s);

#endif
