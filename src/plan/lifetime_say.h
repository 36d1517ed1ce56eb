/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario's answer: the two checkbooks month by month, crossings, levers, sensitivities, the verdict.
 */
#ifndef RR_PLAN_LIFETIME_SAY_H
#define RR_PLAN_LIFETIME_SAY_H

#include "base/json.h"
#include "plan/lifetime.h"

void lifetime_json(const struct scenario *s, const struct lifetime *l, struct sb *out);
void lifetime_text(const struct scenario *s, const struct lifetime *l, struct sb *out);
/* The verdict in a sentence, its reason, what would change it. */
void lifetime_verdict(const struct scenario *s, const struct lifetime *l, struct sb *verdict, struct sb *why,
		      struct sb *change);
/* "2027-03" of a 0-based month. */
char *scenario_month(const struct scenario *s, unsigned month, char out[16]);

#endif
