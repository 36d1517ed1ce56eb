/* SPDX-License-Identifier: Apache-2.0
 *
 * What importing and undoing share: the change of the roll-ups that a batch makes. For this folder alone.
 */
#ifndef RR_LEDGER_IMPORT_I_H
#define RR_LEDGER_IMPORT_I_H

#include "ledger/import_store.h"
#include "ledger/store.h"
#include "ledger/sums.h"

struct import_delta {
	struct ledger *l;
	struct sums sums;
	bool stored; /* some are in the delta (rollup_delta.c) */
};

/* The stored row `row`, once more or once less. */
int import_delta_row(struct import_delta *d, int64_t row, int sign, struct err *e);
/* Every imported row that the condition names (of ?1 <= row < ?2). see (may be NULL) looks at each first, with its
 * natural key, and says whether it is folded. */
typedef int import_see(const struct call *c, int64_t row, struct str nat, bool *fold, void *arg, struct err *e);
int import_delta_rows(struct import_delta *d, const char *where, int64_t from, int64_t to, int sign,
		      import_see *see, void *arg, struct err *e);
/* Sums beyond what memory should hold go to the delta. Outside a transaction. */
int import_delta_bound(struct import_delta *d, struct err *e);
/* The same before the last transaction: what is left is little. */
int import_delta_last(struct import_delta *d, struct err *e);
/* In the last transaction: it counts. */
int import_delta_count(struct import_delta *d, struct err *e);

/* A statement with one or two numbers. */
int import_run(struct ledger *l, const char *sql, int64_t a, int64_t b, const char *doing, struct err *e);

#endif
