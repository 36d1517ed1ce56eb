/* SPDX-License-Identifier: Apache-2.0
 *
 * Checking a claim: is its arithmetic possible, and what is the right figure or the feasible set?
 *
 * A claim file names a formula (its kind), its inputs, and what was stated. Everything is computed from the inputs:
 *   holds       the computed figure rounds to the stated one at the stated one's own digits, or lies within 1 % of it
 *               (people chain rounded figures); a stated range holds the computed one
 *   refuted     it does not: the right figure is given, and which single input would have to be what
 *   feasible    inputs or levers were left open or given as ranges, and the stated figure lies among what they allow
 *   reference   what was stated is no output of the formula: it is printed with its source and never judged
 * One refuted figure refutes the claim, unless the file says that the claim rests on a figure that is not arithmetic.
 *
 * Ranges {low, high} of inputs are evaluated at their ends and middles in every combination.
 */
#ifndef RR_PLAN_CLAIMS_H
#define RR_PLAN_CLAIMS_H

#include "base/conf.h"
#include "plan/formula.h"

enum { CLAIM_FIGURES = 12, CLAIM_CASES = 8, CLAIM_RANGES = 6, CLAIM_NEEDS = 48 };

enum verdict { VERDICT_HOLDS, VERDICT_REFUTED, VERDICT_FEASIBLE, VERDICT_REFERENCE };
const char *verdict_name(enum verdict v);

struct claim_range {
	double low, high;
};

/* One set of inputs and what follows from it. */
struct claim_case {
	char name[96];
	struct formula_run run;             /* at the middle of the ranges */
	int ranged[CLAIM_RANGES];           /* inputs that are ranges */
	struct claim_range range[CLAIM_RANGES];
	unsigned ranges;
	struct claim_range out[FORMULA_OUTPUTS]; /* NAN: not computable */
};

struct claim_figure {
	char name[48];
	char text[48];           /* as it was written */
	char unit[24];
	struct claim_range stated;
	bool is_range;
	double tolerance;        /* half a unit of the last written digit, or 1 % */
	int output;              /* -1: not derivable */
	enum verdict verdict;
};

/* "If only this input were different, the figure would come out": from one end of a stated range to the other. */
struct claim_need {
	unsigned which_case, figure;
	int input;
	struct claim_range value;
};

struct claim {
	char text[400], source[300], note[600];
	struct currency printed;             /* the currency in which it was printed */
	char rests_on[200];
	const struct formula *formula;
	struct claim_case cases[CLAIM_CASES]; /* [0] is the claim itself */
	unsigned case_count;
	struct claim_figure figure[CLAIM_FIGURES];
	unsigned figures;
	struct claim_need need[CLAIM_NEEDS];
	unsigned needs;
	enum verdict verdict;
};

/* Reads and judges a claim. Errors of the file are in doc->error (up to 20), each with its place; -RR_CONFIG. */
int claim_read(struct claim *c, struct conf_doc *doc, int64_t now_us);
void claim_judge(struct claim *c);
void claim_why(const struct claim *c, struct sb *out);
void claim_json(const struct claim *c, struct sb *out);
void claim_text(const struct claim *c, struct sb *out);

#endif
