/* SPDX-License-Identifier: Apache-2.0
 *
 * A bill read and compared, for `reconcile` and for `check --bill`.
 */
#ifndef RR_CMD_CMD_RECONCILE_H
#define RR_CMD_CMD_RECONCILE_H

#include "report/reconcile.h"

/* Reads the files into a scratch ledger that is gone afterwards, and compares. *rejected: a row could not be read (they
 * are named on stderr). Memory comes from the arena. */
int cmd_reconcile_files(struct reconcile *r, struct ledger *books, const char *const *files, unsigned count,
			const char *as, const char *map, const struct report_query *q, int64_t tolerance_pico,
			bool *rejected, struct arena *a, struct err *e);
#define RECONCILE_TOLERANCE_PICO (PICO_PER_UNIT / 1000000)

#endif
