/* SPDX-License-Identifier: Apache-2.0
 *
 * plan stack FILE: a bill, its shares, the levers on it, how their coverages overlap.
 */
#ifndef RR_PLAN_STACK_FILE_H
#define RR_PLAN_STACK_FILE_H

#include "base/conf.h"
#include "base/json.h"
#include "plan/stack.h"

struct stack_plan {
	struct stack stack;
	struct stack_result result;
	struct currency currency;
	double prefix, rest, output; /* shares of the bill */
	char how[STACK_LEVERS][160]; /* each lever's factor as an expression with its figures */
	char overlap[24];            /* "independent", "pairs", "cells" */
};

/* 0 or -RR_CONFIG with the errors in d. */
int stack_read(struct stack_plan *p, struct conf_doc *d);
void stack_json(const struct stack_plan *p, struct sb *out);
void stack_text(const struct stack_plan *p, struct sb *out);

#endif
