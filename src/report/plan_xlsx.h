/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan as a workbook whose cells are live: change an input and every figure follows.
 *
 * The cell formulas are made from the same expression texts that `explain` shows (plan/formula.h), so there is one
 * source for what is computed, what is explained and what is exported. Sheet "Plan" has inputs and figures, sheet
 * "Sources" says where each input comes from. An unknown input is #N/A and spreads as such.
 */
#ifndef RR_REPORT_PLAN_XLSX_H
#define RR_REPORT_PLAN_XLSX_H

#include "base/err.h"
#include "plan/formula.h"
#include "plan/lifetime.h"

int plan_xlsx_formula(const struct formula_run *r, const char *path, struct err *e);
/* The cell formula of one output, as text ("=B4/B5"); inputs stand in column B from row first_input (0-based). */
void plan_xlsx_expression(const struct formula_run *r, unsigned output, struct sb *out);
/* A scenario at its modes, month by month, live; the drawn bands beside it as values. */
int plan_xlsx_lifetime(const struct scenario *s, const struct lifetime *l, const char *path, struct err *e);

#endif
