/* SPDX-License-Identifier: Apache-2.0
 *
 * Ledger first: a scenario made from what was metered, so that plans ask only for what the ledger does not know.
 *
 * Production inference of a window is folded by feature and model: tasks a month, mean input and output, the hit rate
 * where the vendor reported cached tokens, the batched share, and how narrow and stable the task is (the share of calls
 * whose prompt begins like the commonest one, in each half of the window). Pilots and tests are counted apart and left
 * out. Not known here, and said so: how long the cacheable prefix is where nothing is cached, what could wait, what is
 * easy.
 */
#ifndef RR_REPORT_PLAN_LEDGER_H
#define RR_REPORT_PLAN_LEDGER_H

#include "ledger/ledger.h"
#include "plan/scenario.h"

struct plan_ledger {
	uint64_t calls, left_out;      /* left out: pilots, tests, refused, unpriced models */
	double days;                   /* that the window really holds */
	char note[8][200];             /* what is assumed or missing */
	unsigned notes;
};

/* What the ledger cannot know, given by hand for every workload; NAN: not given. */
struct plan_ledger_hints {
	double deferrable, easy, prefix, reachable_hit;
	const char *easy_model;
};

/* Calls of [from, to) into s. -RR_NOTFOUND when there is none that can be planned with. */
int plan_ledger_scenario(struct ledger *l, const struct book *b, int64_t from_us, int64_t to_us,
			 const struct plan_ledger_hints *hints, struct scenario *s, struct plan_ledger *out,
			 struct err *e);

#endif
