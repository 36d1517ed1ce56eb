/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a figure comes from: its value, the formula, and each term with source and date.
 *
 * A call is priced again from what it used, with the rules that were in force when it was made, so that an
 * explanation is a check and not a repetition: where the two differ, both stand there.
 */
#ifndef RR_REPORT_EXPLAIN_H
#define RR_REPORT_EXPLAIN_H

#include "model/book.h"
#include "report/report.h"

enum { EXPLAIN_TERMS = 128 };

struct explain_term {
	struct str name, value, unit, source, date;
};
struct explanation {
	struct str id, value, unit, formula;
	struct str body;            /* a cell, model by model, for people; empty: the terms say it */
	struct str note;            /* what a reader must know beside it; may be empty */
	struct explain_term term[EXPLAIN_TERMS];
	unsigned terms;
};

/* id: a call ("c-..."), a price rule's id, or a cell of a report: "inference", "training", "total", each also with a
 * month or a day before it ("2026-10.inference"). q gives zone, rates and environment for cells. -RR_NOTFOUND with a
 * hint when it is none of these. Text lives in the arena. */
int explain_find(struct explanation *x, struct ledger *l, const struct book *b, struct str id,
		 const struct report_query *q, struct arena *a, struct err *e);
void explain_json(const struct explanation *x, struct sb *out);
void explain_text(const struct explanation *x, struct sb *out);

#endif
