/* SPDX-License-Identifier: Apache-2.0
 *
 * One pull and its reconciliation, for `pull` and for `serve`, which pulls by its configuration.
 */
#ifndef RR_CMD_CMD_PULL_H
#define RR_CMD_CMD_PULL_H

#include "pull/pull.h"
#include "report/reconcile.h"

struct pull_job {
	const struct pull_vendor *vendor;
	const char *base, *account, *ledger;
	int64_t since_us;
	enum pull_width width;
	bool dry_run;
	const atomic_bool *stop;
};
/* The key comes from the environment. *s: import_summary_fini() it in any case. Memory of the rows comes from
 * the arena. */
int pull_once(const struct pull_job *job, struct pull_result *r, struct import_summary *s, struct reconcile *rec,
		bool *reconciled,
	      struct arena *a, struct err *e);
/* The pulls of a configuration, each when it is due, on a thread of their own. NULL: there are none. */
struct gate_config;
struct pull_clock;
struct pull_clock *pull_clock_open(const struct gate_config *c, const char *ledger);
void pull_clock_close(struct pull_clock *p); /* also NULL */
/* "reconciled: 3 of 4 rows agree, residual ..." and what is off. */
void pull_reconcile_text(const struct reconcile *r, int64_t now_us, struct sb *out);

#endif
