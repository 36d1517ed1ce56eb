/* SPDX-License-Identifier: Apache-2.0
 *
 * The ladder, in its order: clear prompt, cache, batch, route; only then tune and self-host.
 *
 * Each step is computed on the base that the last one leaves, so nothing is saved twice, and no verdict on tuning or
 * self-hosting is given before the cheaper steps are counted. Tuning asks whether the task is narrow, stable and of
 * high volume. Money is a month's at today's volume; what a figure rests on and what it needs stands beside it.
 */
#ifndef RR_PLAN_ADVISE_H
#define RR_PLAN_ADVISE_H

#include "base/json.h"
#include "plan/lifetime.h"

enum advice_step {
	ADVISE_PROMPT,
	ADVISE_CACHE,
	ADVISE_BATCH,
	ADVISE_ROUTE,
	ADVISE_TUNE,
	ADVISE_SELFHOST,
	ADVISE_STEPS
};

struct advice_line {
	double before, saves, after; /* a month */
	const char *confidence;      /* "measured", "published discount", "assumed", "not measured" */
	char needs[240], verdict[160], why[480];
	bool taken;                  /* its saving is in `after` */
};
struct advice {
	struct advice_line step[ADVISE_STEPS];
	double tokens_million;       /* a month in production, today */
};

/* s is a scenario by hand or one that was made from the ledger. 0 or a negative code. */
int advise(const struct scenario *s, struct advice *out, struct err *e);
void advise_json(const struct scenario *s, const struct advice *a, struct sb *out);
void advise_text(const struct scenario *s, const struct advice *a, struct sb *out);
const char *advice_step_name(enum advice_step s);

#endif
