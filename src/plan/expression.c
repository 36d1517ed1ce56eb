/* SPDX-License-Identifier: Apache-2.0
 *
 * The expressions of formulas read as text (grammar in formula.h). compute() is what a plan uses; this reader is the
 * second opinion that proves in a test that the expression which is shown is the one that is computed, and it finds
 * the names that stand in an expression. Recursive descent, depth at most 40.
 */
#include "plan/formula.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

struct reader {
	const struct formula_run *r;
	const char *p;
	unsigned depth;
	bool bad;
};

static double sum(struct reader *x);

static void blanks(struct reader *x)
{
	while (*x->p == ' ')
		x->p++;
}

static bool take(struct reader *x, char c)
{
	blanks(x);
	if (*x->p != c)
		return false;
	x->p++;
	return true;
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static struct str name_at(struct reader *x)
{
	const char *from = x->p;
	while (name_char(*x->p))
		x->p++;
	return str_make(from, (size_t)(x->p - from));
}

static int column_of(const struct formula_run *r, struct str name)
{
	for (int k = 0; r->f->columns && k < FORMULA_COLUMNS && r->f->columns->column[k]; k++)
		if (str_eqc(name, r->f->columns->column[k]))
			return k;
	return -1;
}

static double variable(struct reader *x, struct str name)
{
	int i = formula_input(x->r->f, name);
	if (i >= 0 && str_eqc(name, x->r->f->inputs[i].name))
		return x->r->in[i];
	i = formula_output(x->r->f, name);
	if (i >= 0)
		return x->r->out[i];
	x->bad = true;
	return NAN;
}

/* sumproduct(a, b, ...), least(a), most(a / b): over the columns of the rows. */
static double over_rows(struct reader *x, struct str name)
{
	int column[4];
	bool below[4] = {false};
	unsigned columns = 0;
	do {
		blanks(x);
		int k = column_of(x->r, name_at(x));
		if (k < 0 || columns == 4) {
			x->bad = true;
			return NAN;
		}
		column[columns++] = k;
	} while (take(x, ',') || (columns < 4 && (below[columns] = take(x, '/'))));
	double v = str_eqc(name, "sumproduct") ? 0 : NAN;
	for (unsigned i = 0; i < x->r->rows; i++) {
		double product = 1;
		for (unsigned k = 0; k < columns; k++)
			product = below[k] ? product / x->r->row[i].v[column[k]] : product * x->r->row[i].v[column[k]];
		if (str_eqc(name, "sumproduct"))
			v += product;
		else if (str_eqc(name, "least"))
			v = isnan(v) || product < v ? product : v;
		else
			v = isnan(v) || product > v ? product : v;
	}
	return v;
}

static double call(struct reader *x, struct str name)
{
	if (str_eqc(name, "sumproduct") || str_eqc(name, "least") || str_eqc(name, "most"))
		return over_rows(x, name);
	double a[4];
	unsigned n = 0;
	bool less = false;
	do {
		if (n == 4) {
			x->bad = true;
			return NAN;
		}
		a[n++] = sum(x);
		if (n == 1 && str_eqc(name, "if")) {
			if (!take(x, '<'))
				x->bad = true;
			double b = sum(x);
			less = a[0] < b;
			if (isnan(a[0]) || isnan(b)) {
				take(x, ',');
				sum(x);
				if (take(x, ','))
					sum(x);
				return NAN;
			}
		}
	} while (take(x, ','));
	if (str_eqc(name, "given") && n == 2)
		return isnan(a[0]) ? a[1] : a[0];
	if (str_eqc(name, "if") && n == 3)
		return less ? a[1] : a[2];
	for (unsigned i = 0; i < n; i++)
		if (isnan(a[i]))
			return NAN;
	if (str_eqc(name, "ceil") && n == 1)
		return ceil(a[0]);
	if (str_eqc(name, "exp") && n == 1)
		return exp(a[0]);
	if (str_eqc(name, "ln") && n == 1)
		return a[0] > 0 ? log(a[0]) : NAN;
	bool least = str_eqc(name, "min"), most = str_eqc(name, "max");
	if (!least && !most)
		x->bad = true;
	double v = a[0];
	for (unsigned i = 1; i < n; i++)
		v = least ? fmin(v, a[i]) : fmax(v, a[i]);
	return v;
}

static double factor(struct reader *x)
{
	double v;
	blanks(x);
	if (++x->depth > 40) {
		x->bad = true;
		return NAN;
	}
	if (take(x, '(')) {
		v = sum(x);
		x->bad |= !take(x, ')');
	} else if (take(x, '-')) {
		v = -factor(x);
	} else if (isdigit((unsigned char)*x->p)) {
		char *end;
		v = strtod(x->p, &end);
		x->p = end;
	} else {
		struct str name = name_at(x);
		if (!name.n) {
			x->bad = true;
			v = NAN;
		} else if (take(x, '(')) {
			v = call(x, name);
			x->bad |= !take(x, ')');
		} else {
			v = variable(x, name);
		}
	}
	if (take(x, '^'))
		v = pow(v, factor(x));
	x->depth--;
	return v;
}

static double product(struct reader *x)
{
	double v = factor(x);
	for (;;) {
		if (take(x, '*'))
			v *= factor(x);
		else if (take(x, '/'))
			v /= factor(x);
		else
			return v;
	}
}

static double sum(struct reader *x)
{
	double v = product(x);
	for (;;) {
		if (take(x, '+'))
			v += product(x);
		else if (take(x, '-'))
			v -= product(x);
		else
			return v;
	}
}

double formula_evaluate(const struct formula_run *r, const char *expression, bool *bad)
{
	struct reader x = {.r = r, .p = expression};
	double v = sum(&x);
	blanks(&x);
	*bad = x.bad || *x.p;
	return isfinite(v) ? v : NAN;
}

bool formula_next_name(const char **at, struct str *name)
{
	const char *p = *at;
	for (;;) {
		while (*p && !isalpha((unsigned char)*p) && !isdigit((unsigned char)*p))
			p++;
		if (!*p)
			return false;
		const char *from = p;
		if (isdigit((unsigned char)*p)) { /* a number, its exponent letter is no name */
			char *end;
			strtod(p, &end);
			p = end;
			continue;
		}
		while (name_char(*p))
			p++;
		*name = str_make(from, (size_t)(p - from));
		*at = p;
		return true;
	}
}
