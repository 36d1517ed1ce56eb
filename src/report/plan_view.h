/* SPDX-License-Identifier: Apache-2.0
 *
 * Charts of plans, composed from report/svg: which curve belongs to which question.
 */
#ifndef RR_REPORT_PLAN_VIEW_H
#define RR_REPORT_PLAN_VIEW_H

#include "base/err.h"
#include "plan/formula.h"
#include "plan/lifetime.h"
#include "plan/stack_file.h"

/* The chart of a plan that is one formula: selfhost (cost per token against volume, the staircase, the API's line),
 * amortise (unit cost against volume), finetune and payback (two cumulative lines), cache (bill against hit rate),
 * route, batch (before and after). -RR_INPUT when the plan has no chart. */
int plan_view_formula(const struct formula_run *r, struct sb *out, struct err *e);
int plan_view_formula_svg(const struct formula_run *r, const char *path, struct err *e);

/* A scenario's charts: "cumulative" (two lines, with where inference overtakes; NULL), "fan" (the bill's band month by
 * month), "waterfall" (levers, Shapley values), "tornado" (what the total hangs on). */
int plan_view_lifetime(const struct scenario *s, const struct lifetime *l, const char *which, struct sb *out,
		       struct err *e);
int plan_view_lifetime_svg(const struct scenario *s, const struct lifetime *l, const char *which, const char *path,
			   struct err *e);
/* The bill, what each lever takes off it (Shapley values), what is left. */
int plan_view_stack_svg(const struct stack_plan *p, const char *path, struct err *e);

#endif
