/* SPDX-License-Identifier: Apache-2.0
 *
 * What a model costs, for plans: from the dated price book by its name, or by hand as IN/OUT[/READ[/WRITE]].
 */
#ifndef RR_PLAN_MODELS_H
#define RR_PLAN_MODELS_H

#include "plan/formula.h"

struct book;

struct plan_model {
	char name[96];
	double in, out;          /* money per million tokens */
	double read, write;      /* multiples of `in`: a cached token, a written one (1 = free writes) */
	double batch;            /* multiple of all for the batch tier; 1 = there is none */
	bool batch_stacks;       /* batch and cache prices multiply (Vertex: the better one wins) */
	struct currency currency;
	char source[128], date[12];
};

/* Reads text: prices by hand ("2.00/10.00/0.1") or a name ("gpt-5.4-mini", "openai/gpt-5.4-mini"). The book may be
 * NULL: then the built-in one is opened. */
int plan_model_read(const struct book *b, struct str text, int64_t at_us, struct plan_model *out, struct err *e);
/* Gives the inputs PREFIX_in, _out, _read, _write of a formula from such a text (those that it has). */
int plan_model_set(struct formula_run *r, const char *prefix, struct str text, struct err *e);
/* Has the formula inputs PREFIX_in ... at all? */
bool plan_model_takes(const struct formula *f, const char *prefix);

#endif
