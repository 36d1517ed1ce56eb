/* SPDX-License-Identifier: Apache-2.0
 *
 * See stack.h. Shares of the bill: f_p (cacheable prefix), f_u, f_o with f_p + f_u + f_o = 1:
 *
 *   S_cache = f_p phi + f_u + f_o,   S_batch = 1 - b d,   S_route = sum of x_m kappa_m
 *
 * Worked example: prefix 40 % at phi 0.1 leaves 0.64, a 30 % share batched at half leaves 0.85, 60 % routed to a
 * quarter leaves 0.55: together 0.2992 of the bill. Alone they would claim 0.36 + 0.15 + 0.45 = 0.96 of it, together
 * they save 0.70: the sum overstates by 37 %.
 */
#include "plan/stack.h"

#include <math.h>
#include <stdio.h>

#include "plan/families.h"

int stack_add(struct stack *s, const char *name, double coverage, double inside, struct err *e)
{
	if (s->levers == STACK_LEVERS)
		return err_set(e, RR_LIMIT, "at most %d levers in a stack", STACK_LEVERS);
	if (!(coverage >= 0 && coverage <= 1))
		return err_set(e, RR_RANGE, "%s reaches %g of the bill: allowed is from 0 to 1", name, coverage);
	if (!(inside >= 0) || isinf(inside))
		return err_set(e, RR_RANGE, "%s leaves %g of what it reaches: allowed is 0 or more", name, inside);
	snprintf(s->name[s->levers], sizeof s->name[0], "%s", name);
	s->coverage[s->levers] = coverage;
	s->inside[s->levers++] = inside;
	return 0;
}

void stack_independent(struct stack *s)
{
	for (unsigned c = 0; c < 1u << s->levers; c++) {
		s->cell[c] = 1;
		for (unsigned i = 0; i < s->levers; i++)
			s->cell[c] *= c >> i & 1 ? s->coverage[i] : 1 - s->coverage[i];
	}
}

/* One step of the fit: scales the four quarters of the pair (i, j) to the wanted shares. Returns the largest miss. */
static double fit_pair(struct stack *s, unsigned i, unsigned j, double both)
{
	double want[4] = {1 - s->coverage[i] - s->coverage[j] + both, s->coverage[i] - both, s->coverage[j] - both,
			  both};
	double have[4] = {0};
	double miss = 0;
	for (unsigned c = 0; c < 1u << s->levers; c++)
		have[(c >> i & 1) | (c >> j & 1) << 1] += s->cell[c];
	for (unsigned q = 0; q < 4; q++)
		miss = fmax(miss, fabs(have[q] - want[q]));
	for (unsigned c = 0; c < 1u << s->levers; c++) {
		unsigned q = (c >> i & 1) | (c >> j & 1) << 1;
		s->cell[c] = have[q] > 0 ? s->cell[c] * want[q] / have[q] : 0;
	}
	return miss;
}

int stack_overlaps(struct stack *s, double overlap[STACK_LEVERS][STACK_LEVERS], struct err *e)
{
	for (unsigned i = 0; i < s->levers; i++)
		for (unsigned j = i + 1; j < s->levers; j++) {
			double g = s->coverage[i], h = s->coverage[j], low = fmax(0, g + h - 1), high = fmin(g, h);
			if (overlap[i][j] < low - 1e-9 || overlap[i][j] > high + 1e-9)
				return err_set(e, RR_RANGE,
					       "overlap of %s and %s is %g: their coverages allow from %g to %g",
					       s->name[i], s->name[j], overlap[i][j], low, high);
		}
	stack_independent(s);
	double miss = 1;
	for (unsigned round = 0; round < 2000 && miss > 1e-12; round++) {
		miss = 0;
		for (unsigned i = 0; i < s->levers; i++)
			for (unsigned j = i + 1; j < s->levers; j++) {
				double both = isnan(overlap[i][j]) ? s->coverage[i] * s->coverage[j] : overlap[i][j];
				miss = fmax(miss, fit_pair(s, i, j, both));
			}
	}
	if (miss > 1e-6)
		return err_set(e, RR_RANGE,
			       "no traffic has all these overlaps at once: each pair is possible, together "
			       "they are not");
	return 0;
}

double stack_after(const struct stack *s, unsigned mask)
{
	double left = 0;
	for (unsigned c = 0; c < 1u << s->levers; c++) {
		double v = s->cell[c];
		for (unsigned i = 0; i < s->levers; i++)
			if (c & mask & 1u << i)
				v *= s->inside[i];
		left += v;
	}
	return s->bill * left;
}

/* Solves a x = b for n <= 5 in place; false when singular. */
static bool solve(double a[5][6], unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		unsigned pivot = k;
		for (unsigned i = k + 1; i < n; i++)
			if (fabs(a[i][k]) > fabs(a[pivot][k]))
				pivot = i;
		if (fabs(a[pivot][k]) < 1e-12)
			return false;
		for (unsigned j = 0; j <= n; j++) {
			double t = a[k][j];
			a[k][j] = a[pivot][j];
			a[pivot][j] = t;
		}
		for (unsigned i = 0; i < n; i++) {
			double f = a[i][k] / a[k][k];
			for (unsigned j = k; i != k && j <= n; j++)
				a[i][j] -= f * a[k][j];
		}
	}
	for (unsigned k = 0; k < n; k++)
		a[k][n] /= a[k][k];
	return true;
}

/* The least and the most that the levers can leave over all tables with these coverages: a linear programme whose
 * optimum is a vertex; with at most 4 levers (16 cells, 5 equations) all vertices are tried. */
static void bounds(const struct stack *s, double *low, double *high)
{
	unsigned n = s->levers, cells = 1u << n, rows = n + 1;
	*low = *high = NAN;
	if (n > 4)
		return;
	double factor[16];
	for (unsigned c = 0; c < cells; c++) {
		factor[c] = s->bill;
		for (unsigned i = 0; i < n; i++)
			factor[c] *= c >> i & 1 ? s->inside[i] : 1;
	}
	for (unsigned set = 0; set < 1u << cells; set++) {
		if ((unsigned)__builtin_popcount(set) != rows)
			continue;
		unsigned basis[5] = {0}, k = 0;
		double a[5][6] = {{0}};
		for (unsigned c = 0; c < cells; c++)
			if (set >> c & 1)
				basis[k++] = c;
		for (unsigned i = 0; i < rows; i++) {
			for (unsigned j = 0; j < rows; j++)
				a[i][j] = i == n || basis[j] >> i & 1;
			a[i][rows] = i == n ? 1 : s->coverage[i];
		}
		if (!solve(a, rows))
			continue;
		double total = 0;
		bool possible = true;
		for (unsigned j = 0; j < rows; j++) {
			possible &= a[j][rows] > -1e-9;
			total += a[j][rows] * factor[basis[j]];
		}
		if (!possible)
			continue;
		*low = isnan(*low) || total < *low ? total : *low;
		*high = isnan(*high) || total > *high ? total : *high;
	}
}

void stack_attribute(const struct stack *s, struct stack_result *out)
{
	unsigned n = s->levers, all = (1u << n) - 1;
	double factorial[STACK_LEVERS + 1] = {1};
	for (unsigned i = 1; i <= n; i++)
		factorial[i] = factorial[i - 1] * i;
	memset(out, 0, sizeof *out);
	out->before = s->bill;
	out->after = stack_after(s, all);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned set = 0; set <= all; set++) {
			if (set >> i & 1)
				continue;
			unsigned size = (unsigned)__builtin_popcount(set);
			double weight = factorial[size] * factorial[n - size - 1] / factorial[n];
			out->shapley[i] += weight * (stack_after(s, set) - stack_after(s, set | 1u << i));
		}
		out->first_in[i] = s->bill - stack_after(s, 1u << i);
		out->last_in[i] = stack_after(s, all & ~(1u << i)) - out->after;
		out->naive_sum += out->first_in[i];
	}
	out->naive_overstates = out->naive_sum / (out->before - out->after) - 1;
	bounds(s, &out->after_low, &out->after_high);
}

/* The feasible set of a claimed saving: which routing, caching and batching together make it? Each lever that is
 * given is fixed, each that is not may take any value; for each the range is printed that the others leave.
 *
 * Worked example: 4,000 -> 1,200 with all batched (0.5) and a 25 % slice cached at 90 % off (0.775) is 0.3875, so
 * routing must take 22.6 % of the rest. 12,000 -> 1,440 is 88 % off; the three levers are not determined by it. */
enum { BEFORE, AFTER, CACHE_SHARE, CACHE_SAVING, BATCH_SHARE, BATCH_DISCOUNT, ROUTE };
static const struct formula_input inputs[] = {
	{"before", "money/month", 0, ANY, true, NAN_, true, "the bill before"},
	{"after", "money/month", 0, ANY, true, NAN_, true, "the bill after"},
	{"cache_share", "share", 0, 1, false, NAN_, false, "share of the bill that is a cached prefix; not given: any"},
	{"cache_saving", "share", 0, 1, true, 0.9, false, "what caching takes off that share",
	 "read at 0.1 of the input price, free writes, all hits"},
	{"batch_share", "share", 0, 1, false, NAN_, false, "share that is batched; not given: any"},
	{"batch_discount", "share", 0, 1, true, 0.5, false, "the batch discount", "50 %, read 2026-11"},
	{"route_saving", "share", 0, 1, false, NAN_, false, "what routing takes off the rest; not given: any"},
	{0},
};
enum { SAVING, FACTOR, CACHE_LOW, CACHE_HIGH, BATCH_LOW, BATCH_HIGH, ROUTE_LOW, ROUTE_HIGH, LEAST, MOST, FEASIBLE,
       CACHE_FROM, CACHE_TO, BATCH_FROM, BATCH_TO, ROUTE_FROM, ROUTE_TO };
static const struct formula_output outputs[] = {
	{"saving_share", "share", "1 - after / before"},
	{"factor", "times", "after / before", true},
	{"cache_factor_least", "times", "1 - given(cache_share, 1) * cache_saving", true},
	{"cache_factor_most", "times", "1 - given(cache_share, 0) * cache_saving", true},
	{"batch_factor_least", "times", "1 - given(batch_share, 1) * batch_discount", true},
	{"batch_factor_most", "times", "1 - given(batch_share, 0) * batch_discount", true},
	{"route_factor_least", "times", "1 - given(route_saving, 1)", true},
	{"route_factor_most", "times", "1 - given(route_saving, 0)", true},
	{"least_possible", "money/month", "before * cache_factor_least * batch_factor_least * route_factor_least"},
	{"most_possible", "money/month", "before * cache_factor_most * batch_factor_most * route_factor_most"},
	{"feasible", "bool", "if(after < least_possible * 0.999999, 0, if(most_possible * 1.000001 < after, 0, 1))"},
	{"cache_share_from", "share",
	 "max(0, (1 - factor / (batch_factor_least * max(0.000000001, route_factor_least))) / cache_saving)"},
	{"cache_share_to", "share",
	 "min(1, (1 - factor / (batch_factor_most * max(0.000000001, route_factor_most))) / cache_saving)"},
	{"batch_share_from", "share",
	 "max(0, (1 - factor / (max(0.000000001, cache_factor_least) * max(0.000000001, route_factor_least))) / "
	 "batch_discount)"},
	{"batch_share_to", "share",
	 "min(1, (1 - factor / (max(0.000000001, cache_factor_most) * max(0.000000001, route_factor_most))) / "
	 "batch_discount)"},
	{"route_saving_from", "share",
	 "max(0, 1 - factor / (max(0.000000001, cache_factor_least) * max(0.000000001, batch_factor_least)))"},
	{"route_saving_to", "share",
	 "1 - factor / (max(0.000000001, cache_factor_most) * max(0.000000001, batch_factor_most))"},
	{0},
};

static double or_else(double v, double otherwise)
{
	return isnan(v) ? otherwise : v;
}

static double above_zero(double v)
{
	return v > 1e-9 ? v : 1e-9;
}

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[SAVING] = 1 - in[AFTER] / in[BEFORE];
	out[FACTOR] = in[AFTER] / in[BEFORE];
	out[CACHE_LOW] = 1 - or_else(in[CACHE_SHARE], 1) * in[CACHE_SAVING];
	out[CACHE_HIGH] = 1 - or_else(in[CACHE_SHARE], 0) * in[CACHE_SAVING];
	out[BATCH_LOW] = 1 - or_else(in[BATCH_SHARE], 1) * in[BATCH_DISCOUNT];
	out[BATCH_HIGH] = 1 - or_else(in[BATCH_SHARE], 0) * in[BATCH_DISCOUNT];
	out[ROUTE_LOW] = 1 - or_else(in[ROUTE], 1);
	out[ROUTE_HIGH] = 1 - or_else(in[ROUTE], 0);
	out[LEAST] = in[BEFORE] * out[CACHE_LOW] * out[BATCH_LOW] * out[ROUTE_LOW];
	out[MOST] = in[BEFORE] * out[CACHE_HIGH] * out[BATCH_HIGH] * out[ROUTE_HIGH];
	out[FEASIBLE] = in[AFTER] >= out[LEAST] * 0.999999 && in[AFTER] <= out[MOST] * 1.000001;
	double f = out[FACTOR];
	out[CACHE_FROM] = fmax(0, (1 - f / (out[BATCH_LOW] * above_zero(out[ROUTE_LOW]))) / in[CACHE_SAVING]);
	out[CACHE_TO] = fmin(1, (1 - f / (out[BATCH_HIGH] * above_zero(out[ROUTE_HIGH]))) / in[CACHE_SAVING]);
	out[BATCH_FROM] =
		fmax(0, (1 - f / (above_zero(out[CACHE_LOW]) * above_zero(out[ROUTE_LOW]))) / in[BATCH_DISCOUNT]);
	out[BATCH_TO] =
		fmin(1, (1 - f / (above_zero(out[CACHE_HIGH]) * above_zero(out[ROUTE_HIGH]))) / in[BATCH_DISCOUNT]);
	out[ROUTE_FROM] = fmax(0, 1 - f / (above_zero(out[CACHE_LOW]) * above_zero(out[BATCH_LOW])));
	out[ROUTE_TO] = 1 - f / (above_zero(out[CACHE_HIGH]) * above_zero(out[BATCH_HIGH]));
}

static void range_words(const struct formula_run *r, struct sb *to, const char *name, int input, int from, int until)
{
	char a[64], b[64];
	value_text(r->out[from], "share", r->currency, a);
	value_text(r->out[until], "share", r->currency, b);
	if (!isnan(r->in[input]))
		sb_addf(to, "%s %s (given); ", name, value_text(r->in[input], "share", r->currency, a));
	else if (strcmp(a, b) == 0)
		sb_addf(to, "%s must be %s; ", name, a);
	else
		sb_addf(to, "%s from %s to %s; ", name, a, b);
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	if (r->out[FEASIBLE] == 0) {
		sb_addf(verdict, "Not possible: these levers leave from %s to %s.",
			value_text(r->out[LEAST], "money/month", r->currency, a),
			value_text(r->out[MOST], "money/month", r->currency, b));
		return;
	}
	unsigned unknown = isnan(r->in[CACHE_SHARE]) + isnan(r->in[BATCH_SHARE]) + isnan(r->in[ROUTE]);
	sb_addf(verdict, "Possible%s: %s off.", unknown > 1 ? ", but not determined by these figures" : "",
		value_text(r->out[SAVING], "share", r->currency, a));
	range_words(r, why, "cached share", CACHE_SHARE, CACHE_FROM, CACHE_TO);
	range_words(r, why, "batched share", BATCH_SHARE, BATCH_FROM, BATCH_TO);
	range_words(r, why, "routing saves", ROUTE, ROUTE_FROM, ROUTE_TO);
	sb_addf(why, "the three together must leave %s.", value_text(r->out[FACTOR], "share", r->currency, b));
}

const struct formula formula_stack_set = {
	.name = "stack_set",
	.summary = "which levers together make a claimed saving",
	.source = "product of the factors",
	.inputs = inputs,
	.outputs = outputs,
	.compute = compute,
	.say = say,
	.command = true,
};
