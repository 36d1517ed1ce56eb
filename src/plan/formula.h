/* SPDX-License-Identifier: Apache-2.0
 *
 * A formula as data: what goes in (unit, range, default), what comes out (unit, the expression in words of its own
 * inputs), and the pure function that computes it. One table drives
 *   - the flags of `plan NAME`, their help and their errors,
 *   - the kinds of `claim check`,
 *   - the terms of `explain`: the names that stand in an expression are its terms,
 *   - the live formulas of a spreadsheet: the expression with cells for names,
 *   - the documentation.
 * A test evaluates each expression as text and compares it with the function, so what is explained is what is done.
 *
 * Grammar of expressions: numbers, names of inputs and of outputs that stand before, + - * / ^, parentheses, and
 * min max ceil exp ln, if(a < b, x, y), given(x, y) (x when it is known, else y), sumproduct(column, ...) and
 * least(column), most(a / b) over the formula's rows. A division by zero or a missing term makes the value unknown.
 */
#ifndef RR_PLAN_FORMULA_H
#define RR_PLAN_FORMULA_H

#include "base/json.h"
#include "plan/dist.h"
#include "plan/value.h"

enum { FORMULA_INPUTS = 32, FORMULA_OUTPUTS = 24, FORMULA_ROWS = 32, FORMULA_COLUMNS = 3 };

/* An input may be given by a word that stands for a number: "h100", "lora". */
struct formula_word {
	const char *word; /* NULL ends the list */
	double value;
	const char *source;
};

struct formula_input {
	const char *name;     /* flag --name with '-' for '_'; NULL ends the table */
	const char *unit;
	double least, most;   /* allowed range; INFINITY for none */
	bool above;           /* least itself is not allowed */
	double fallback;      /* NAN: none */
	bool required;
	const char *help;
	const char *source;   /* of the fallback, with its date */
	const char *alias;    /* a second name */
	const struct formula_word *words;
};
#define ANY __builtin_inf()
#define NAN_ __builtin_nan("") /* no fallback */

struct formula_output {
	const char *name; /* NULL ends the table */
	const char *unit;
	const char *expression;
	bool quiet;       /* an intermediate: in JSON and explain, not in the short table */
};

/* Rows of named figures: NAME=A:B:C. */
struct formula_columns {
	const char *name;                      /* flag --mix */
	const char *column[FORMULA_COLUMNS];
	const char *unit[FORMULA_COLUMNS];
	double fallback[FORMULA_COLUMNS];      /* NAN: required */
	double least[FORMULA_COLUMNS], most[FORMULA_COLUMNS];
	const char *help;
};

struct formula_row {
	char name[48];
	double v[FORMULA_COLUMNS];
};

struct formula_run;

struct formula {
	const char *name;
	const char *summary;
	const char *source;
	const struct formula_input *inputs;
	const struct formula_output *outputs;
	const struct formula_columns *columns; /* NULL: no rows */
	void (*compute)(const double in[], const struct formula_row row[], unsigned rows, double out[]);
	/* Conditions across inputs; NULL = none. */
	int (*verify)(const struct formula_run *r, struct err *e);
	/* The verdict in a sentence with its reason, and what would change it. May be NULL. */
	void (*say)(const struct formula_run *r, struct sb *verdict, struct sb *why);
	/* The figures laid out for a terminal, where a plain list is not enough. May be NULL. */
	void (*page)(const struct formula_run *r, struct sb *out);
	bool command;  /* there is a `plan NAME` */
};

struct formula_run {
	const struct formula *f;
	double in[FORMULA_INPUTS];   /* NAN: not known */
	bool given[FORMULA_INPUTS];
	char source[FORMULA_INPUTS][96];
	char date[FORMULA_INPUTS][12];
	struct formula_row row[FORMULA_ROWS];
	unsigned rows;
	char row_source[96];
	double out[FORMULA_OUTPUTS]; /* NAN: not computable */
	struct dist range[FORMULA_INPUTS]; /* where it was given as LOW..HIGH or LOW..MODE..HIGH; in[] has the mode */
	bool ranged[FORMULA_INPUTS], uncertain;
	struct band band[FORMULA_OUTPUTS]; /* with uncertain: INFINITY = not computable, e.g. never */
	double known[FORMULA_OUTPUTS];     /* share of the draws in which it is computable */
	uint64_t seed;
	struct currency currency;
	int64_t now_us;
};

extern const struct formula *const formulas[]; /* NULL-terminated */
const struct formula *formula_find(struct str name);
/* The nearest name, for "did you mean"; NULL when none is near. */
const char *formula_nearest(struct str name);

void formula_start(struct formula_run *r, const struct formula *f, int64_t now_us);
unsigned formula_input_count(const struct formula *f);
unsigned formula_output_count(const struct formula *f);
/* Index by name or alias ('-' and '_' are the same); -1 when there is none. */
int formula_input(const struct formula *f, struct str name);
int formula_output(const struct formula *f, struct str name);
/* Gives an input as text; "2..3" and "1.99..2.50..3.50" are ranges. -RR_INPUT, -RR_RANGE with the allowed range. */
int formula_set(struct formula_run *r, int input, struct str text, const char *source, struct err *e);
/* Gives it as a number (already in its unit). */
int formula_set_number(struct formula_run *r, int input, double v, const char *source, const char *date, struct err *e);
/* Adds a row from "NAME=A:B"; or from numbers (NAN = the fallback). */
int formula_row_text(struct formula_run *r, struct str text, struct err *e);
int formula_row(struct formula_run *r, struct str name, const double v[FORMULA_COLUMNS], struct err *e);
enum { FORMULA_DRAWS = 100000 };
/* Quantiles of every figure over draws of the ranged inputs. 0 or -RR_NOMEM. */
int formula_draw(struct formula_run *r, unsigned draws, struct err *e);
/* Required inputs and conditions across inputs, then computes at the modes, and draws where an input is a range. */
int formula_finish(struct formula_run *r, struct err *e);
/* Computes only (inputs were verified). */
void formula_compute(struct formula_run *r);
double formula_value(const struct formula_run *r, const char *output);

/* Names in an expression, one after the other: *at starts at the expression. False at the end. */
bool formula_next_name(const char **at, struct str *name);
/* Evaluates an expression as text: the second opinion on compute(), used by tests and `explain`. NAN when a term
 * is unknown; *bad is set when the text itself is wrong. */
double formula_evaluate(const struct formula_run *r, const char *expression, bool *bad);

/* Outputs as members of the open JSON object: numbers (null where unknown), then currency, verdict, why, explain. */
void formula_json(const struct formula_run *r, struct json_out *w);
/* One `explain` entry: {name, value, formula, terms: [{name, value, unit, source, date}]}. */
void formula_explain_json(const struct formula_run *r, unsigned output, struct json_out *w);
void formula_explain_text(const struct formula_run *r, unsigned output, struct sb *out);

#endif
