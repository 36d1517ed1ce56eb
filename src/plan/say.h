/* SPDX-License-Identifier: Apache-2.0
 *
 * A formula's answer for people and for machines; what every `plan NAME` prints.
 */
#ifndef RR_PLAN_SAY_H
#define RR_PLAN_SAY_H

#include "plan/formula.h"

/* Title, figures, verdict with its reason; with `explain` every figure's formula and terms too. */
void plan_say_text(const struct formula_run *r, bool explain, struct sb *out);
/* A paragraph at most 80 columns wide: the first line indented by `first` blanks, the others by `indent`. */
void plan_say_paragraph(struct sb *out, struct str text, unsigned first, unsigned indent);
/* One JSON object. */
void plan_say_json(const struct formula_run *r, struct sb *out);

#endif
