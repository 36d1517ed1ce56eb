/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows on their way to the ledger: one thread reads and makes them, another stores them.
 *
 *   source -> row_end -> blocks of rows, handed over whole -> ledger_import_add
 *
 * The ledger's connection is the storing thread's; who wants to use it otherwise drains the feed first. When rows come
 * slowly (a slow disk, a large record), the ledger's lock is given back in between.
 */
#ifndef RR_IMPORT_FEED_H
#define RR_IMPORT_FEED_H

#include "ledger/import_store.h"

struct feed;
struct feed_counts {
	uint64_t added, duplicate, revised;
	struct feed_day {      /* what is new in a vendor's reports, by UTC day and grouping; the caller's to free */
		int64_t day;
		uint32_t group;
		uint64_t tok;           /* of usage */
		money_wide billed_pico; /* of bills */
	} *day;
	unsigned days, room;
};

/* by_day: new tokens of rows without a bill, and the amounts of those with one, are summed by day. */
struct feed *feed_open(struct import *im, bool by_day, struct err *e); /* NULL: no memory, no thread */
/* 0, or the code of whatever went wrong in storing, then and from then on. group: what its report is grouped by. */
int feed_push(struct feed *f, const struct call *c, struct hash128 natural, struct hash128 body, int64_t line,
	      struct str claimed, uint32_t group, struct err *e);
/* Returns when all that was pushed is stored. Until the next push the ledger is the caller's. */
int feed_drain(struct feed *f, struct err *e);
/* Drains, ends the thread and says what the rows were. NULL is fine. */
int feed_close(struct feed *f, struct feed_counts *out, struct err *e);

#endif
