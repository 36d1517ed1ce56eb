/* SPDX-License-Identifier: Apache-2.0
 *
 * A formula's answer for people and for machines; what every `plan NAME` prints.
 */
#ifndef RR_PLAN_SAY_H
#define RR_PLAN_SAY_H

#include "plan/formula.h"

/* Title, figures, verdict with its reason; with `explain` every figure's formula and terms too. */
void plan_say_text(const struct formula_run *r, bool explain, struct sb *out);
/* One JSON object. */
void plan_say_json(const struct formula_run *r, struct sb *out);

#endif
