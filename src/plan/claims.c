/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging and telling a claim. See claims.h; the file is read in claims_file.c. No figure of any claim stands here:
 * whatever input is changed, the answer follows.
 */
#include "plan/claims.h"

#include <math.h>
#include <stdio.h>

#include "plan/say.h"

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {"holds", "refuted", "feasible", "reference"};
	return names[v];
}

/* Calls fn with every combination of low, middle and high of the ranged inputs. */
static void each_corner(const struct claim_case *k, bool middles, void (*fn)(const struct formula_run *r, void *arg),
			void *arg)
{
	struct formula_run r = k->run;
	unsigned base = middles ? 3 : 2, combinations = 1;
	for (unsigned i = 0; i < k->ranges; i++)
		combinations *= base;
	for (unsigned n = 0; n < combinations; n++) {
		unsigned rest = n;
		for (unsigned i = 0; i < k->ranges; i++, rest /= base) {
			double t = base == 2 ? rest % 2 : (rest % 3) * 0.5;
			r.in[k->ranged[i]] = k->range[i].low + t * (k->range[i].high - k->range[i].low);
		}
		formula_compute(&r);
		fn(&r, arg);
	}
}

static void widen(struct claim_range *to, double v)
{
	if (isnan(v))
		return;
	to->low = isnan(to->low) || v < to->low ? v : to->low;
	to->high = isnan(to->high) || v > to->high ? v : to->high;
}

static void widen_outputs(const struct formula_run *r, void *arg)
{
	struct claim_case *k = arg;
	for (unsigned o = 0; r->f->outputs[o].name; o++)
		widen(&k->out[o], r->out[o]);
}

static void compute_case(struct claim_case *k)
{
	for (unsigned o = 0; o < FORMULA_OUTPUTS; o++)
		k->out[o] = (struct claim_range){NAN, NAN};
	each_corner(k, true, widen_outputs, k);
	formula_compute(&k->run);
}

static enum verdict judge_figure(const struct claim_figure *f, const struct claim_range *got)
{
	double slack = f->tolerance;
	bool point = got->low == got->high;
	if (f->output < 0)
		return VERDICT_REFERENCE;
	if (isnan(got->low) || got->high < f->stated.low - slack || got->low > f->stated.high + slack)
		return VERDICT_REFUTED;
	if (f->is_range)
		return got->low >= f->stated.low - slack && got->high <= f->stated.high + slack ? VERDICT_HOLDS
											     : VERDICT_FEASIBLE;
	return point ? VERDICT_HOLDS : VERDICT_FEASIBLE;
}

/* -- What would have to be different ------------------------------------------------------------------------- */

struct solving {
	int input, output;
	double target;
	const struct formula_input *in;
	struct claim_range found;
};

static double at(struct formula_run *r, const struct solving *s, double x)
{
	r->in[s->input] = x;
	formula_compute(r);
	return r->out[s->output] - s->target;
}

/* The value of one input at which the output meets the target: a scan for a change of sign, then bisection. */
static void solve(const struct formula_run *from, void *arg)
{
	enum { STEPS = 160 };
	struct solving *s = arg;
	struct formula_run r = *from;
	double now = from->in[s->input], size = fabs(now) > 0 ? fabs(now) : 1;
	double low = isinf(s->in->least) ? -size * 1e6 : s->in->least,
	       high = isinf(s->in->most) ? size * 1e6 : s->in->most;
	bool log_scale = low >= 0 && (isinf(s->in->most) || high > 100);
	double from_x = log_scale && low < size * 1e-6 ? size * 1e-6 : low + (s->in->above ? (high - low) * 1e-9 : 0);
	double x0 = from_x, y0 = at(&r, s, x0);
	for (unsigned i = 1; i <= STEPS; i++) {
		double t = (double)i / STEPS;
		double x1 = log_scale ? from_x * pow(high / from_x, t) : from_x + (high - from_x) * t;
		double y1 = at(&r, s, x1);
		if (isfinite(y0) && isfinite(y1) && (y0 <= 0) != (y1 <= 0)) {
			double a = x0, b = x1;
			for (unsigned k = 0; k < 90; k++) {
				double middle = (a + b) / 2, y = at(&r, s, middle);
				if ((y <= 0) == (y0 <= 0))
					a = middle;
				else
					b = middle;
			}
			widen(&s->found, (a + b) / 2);
			return;
		}
		x0 = x1;
		y0 = y1;
	}
}

/* Whole-number inputs such as words (a GPU's name) or bools are no lever of an argument. */
static bool may_solve(const struct formula_input *in)
{
	return !in->words && strcmp(in->unit, "bool") != 0;
}

static void find_needs(struct claim *c, unsigned which_case, unsigned figure)
{
	const struct claim_case *k = &c->cases[which_case];
	const struct claim_figure *f = &c->figure[figure];
	for (int i = 0; c->formula->inputs[i].name && c->needs < CLAIM_NEEDS; i++) {
		if (!k->run.given[i] || !may_solve(&c->formula->inputs[i]))
			continue;
		bool ranged = false;
		for (unsigned j = 0; j < k->ranges; j++)
			ranged |= k->ranged[j] == i;
		struct solving s = {i, f->output, f->stated.low, &c->formula->inputs[i], {NAN, NAN}};
		each_corner(k, false, solve, &s);
		s.target = f->stated.high;
		if (f->stated.high != f->stated.low)
			each_corner(k, false, solve, &s);
		if (!isnan(s.found.low) && !ranged)
			c->need[c->needs++] = (struct claim_need){which_case, figure, i, s.found};
	}
}

void claim_judge(struct claim *c)
{
	bool refuted = false, feasible = false, judged = false, reference = false;
	c->needs = 0;
	for (unsigned i = 0; i < c->case_count; i++)
		compute_case(&c->cases[i]);
	for (unsigned i = 0; i < c->figures; i++) {
		struct claim_figure *f = &c->figure[i];
		struct claim_range none = {NAN, NAN};
		f->verdict = judge_figure(f, f->output < 0 ? &none : &c->cases[0].out[f->output]);
		refuted |= f->verdict == VERDICT_REFUTED;
		feasible |= f->verdict == VERDICT_FEASIBLE;
		reference |= f->verdict == VERDICT_REFERENCE;
		judged |= f->verdict != VERDICT_REFERENCE;
		if (f->verdict == VERDICT_REFUTED || f->verdict == VERDICT_FEASIBLE)
			for (unsigned k = 0; k < c->case_count; k++)
				find_needs(c, k, i);
	}
	/* A formula that says itself whether a set of levers can do it (stack_set). */
	int possible = formula_output(c->formula, STR("feasible"));
	if (possible >= 0 && c->cases[0].out[possible].high == 0)
		refuted = true;
	else if (possible >= 0)
		feasible = true;
	if (c->rests_on[0])
		c->verdict = VERDICT_REFERENCE;
	else if (refuted)
		c->verdict = VERDICT_REFUTED;
	else if (feasible || (c->figures == 0 && c->cases[0].ranges > 0))
		c->verdict = VERDICT_FEASIBLE;
	else if (reference || !judged)
		c->verdict = VERDICT_REFERENCE;
	else
		c->verdict = VERDICT_HOLDS;
}

/* -- Telling ------------------------------------------------------------------------------------------------- */

static void span_text(const struct claim_range *v, const char *unit, struct currency cur, struct sb *out)
{
	char a[64], b[64];
	value_text(v->low, unit, cur, a);
	value_text(v->high, unit, cur, b);
	if (isnan(v->low))
		sb_adds(out, "not computable");
	else if (strcmp(a, b) == 0)
		sb_adds(out, a);
	else
		sb_addf(out, "%s to %s", a, b);
}

static void name_words(const char *name, struct sb *out)
{
	for (; *name; name++)
		sb_addc(out, *name == '_' ? ' ' : *name);
}

/* Two stated figures that cannot stand side by side, whatever the inputs: the smaller name can never exceed the
 * larger one. */
static const struct {
	const char *formula, *smaller, *larger;
} orders[] = {{"cache", "saving_share", "saving_share_up_to"},
	      {"cache", "saving_share_free_writes", "saving_share_up_to"},
	      {"payback", "months_if_bill_fell_to_zero", "months"}};

static void contradictions(const struct claim *c, struct sb *out)
{
	for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
		const struct claim_figure *small = NULL, *large = NULL;
		if (strcmp(c->formula->name, orders[o].formula) != 0)
			continue;
		for (unsigned i = 0; i < c->figures; i++) {
			small = strcmp(c->figure[i].name, orders[o].smaller) == 0 ? &c->figure[i] : small;
			large = strcmp(c->figure[i].name, orders[o].larger) == 0 ? &c->figure[i] : large;
		}
		if (small && large && small->stated.low > large->stated.high * (1 + 1e-9))
			sb_addf(out, "It contradicts itself: %s stands beside at most %s. ", small->text, large->text);
	}
}

void claim_why(const struct claim *c, struct sb *out)
{
	const struct claim_case *k = &c->cases[0];
	struct currency cur = k->run.currency;
	for (unsigned i = 0; i < c->figures; i++) {
		const struct claim_figure *f = &c->figure[i];
		if (f->output < 0) {
			name_words(f->name, out);
			sb_adds(out, " is not derivable from these inputs. ");
			continue;
		}
		name_words(f->name, out);
		sb_adds(out, ": stated ");
		span_text(&f->stated, f->unit,
			  f->verdict == VERDICT_REFERENCE ? cur
			  : c->printed.code[0]            ? c->printed
							  : cur,
			  out);
		sb_adds(out, ", computed ");
		span_text(&k->out[f->output], f->unit, cur, out);
		if (f->verdict == VERDICT_FEASIBLE && f->is_range) {
			struct claim_range both = {fmax(f->stated.low, k->out[f->output].low),
						   fmin(f->stated.high, k->out[f->output].high)};
			sb_adds(out, "; both say ");
			span_text(&both, f->unit, cur, out);
		}
		sb_adds(out, f->verdict == VERDICT_HOLDS      ? ": holds. "
			     : f->verdict == VERDICT_FEASIBLE ? ": possible. "
							      : ": does not hold. ");
	}
	if (c->printed.code[0] && cur.code[0] && !currency_eq(c->printed, cur))
		sb_addf(out, "The inputs are prices in %s, the claim is printed in %s: its figures are %s. ", cur.code,
			c->printed.code, cur.code);
	contradictions(c, out);
	for (unsigned o = 0; c->formula->outputs[o].name; o++)
		if (strstr(c->formula->outputs[o].name, "_minus_") && k->out[o].low < 0 && k->out[o].high > 0)
			sb_adds(out, "The ranges overlap: nothing follows without your own figures. ");
	if (c->formula->say && k->ranges == 0) {
		struct sb why;
		sb_init(&why, 4096);
		c->formula->say(&k->run, out, &why);
		sb_addc(out, ' ');
		sb_add_str(out, sb_str(&why));
		sb_addc(out, ' ');
		sb_fini(&why);
	}
	if (c->rests_on[0])
		sb_addf(out, "It rests on %s, which is not arithmetic. ", c->rests_on);
	if (c->figures == 0 && k->ranges == 0)
		sb_adds(out, "Nothing is stated to compare with. ");
	if (c->note[0])
		sb_adds(out, c->note);
}

static void range_json(struct json_out *w, const struct claim_range *v, const char *unit)
{
	if (v->low == v->high || isnan(v->low)) {
		if (strcmp(unit, "bool") == 0 && !isnan(v->low))
			jw_bool(w, v->low != 0);
		else
			jw_double(w, v->low);
		return;
	}
	jw_object(w);
	jw_kdouble(w, "low", v->low);
	jw_kdouble(w, "high", v->high);
	jw_end_object(w);
}

static void computed_json(const struct claim_case *k, struct json_out *w)
{
	jw_object(w);
	for (unsigned o = 0; k->run.f->outputs[o].name; o++) {
		jw_key(w, k->run.f->outputs[o].name);
		range_json(w, &k->out[o], k->run.f->outputs[o].unit);
	}
	jw_end_object(w);
}

/* Levers that a formula itself ranges: outputs NAME_from and NAME_to. */
static void ranges_json(const struct claim_case *k, struct json_out *w)
{
	const struct formula *f = k->run.f;
	for (unsigned o = 0; f->outputs[o].name; o++) {
		const char *end = strstr(f->outputs[o].name, "_from");
		char name[64];
		if (!end || end[5])
			continue;
		snprintf(name, sizeof name, "%.*s_to", (int)(end - f->outputs[o].name), f->outputs[o].name);
		int to = formula_output(f, str_of(name));
		name[strlen(name) - 3] = 0;
		jw_object(w);
		jw_kcstr(w, "input", name);
		jw_kdouble(w, "low", k->out[o].low);
		jw_kdouble(w, "high", to < 0 ? NAN : k->out[to].high);
		jw_kcstr(w, "unit", f->outputs[o].unit);
		jw_end_object(w);
	}
}

static void feasible_json(const struct claim *c, struct json_out *w)
{
	char unit[32];
	jw_array(w);
	ranges_json(&c->cases[0], w);
	for (unsigned i = 0; i < c->needs; i++) {
		const struct claim_need *n = &c->need[i];
		const struct formula_input *in = &c->formula->inputs[n->input];
		jw_object(w);
		jw_kcstr(w, "input", in->name);
		jw_kdouble(w, "low", n->value.low);
		jw_kdouble(w, "high", n->value.high);
		jw_kcstr(w, "unit", value_unit(in->unit, c->cases[0].run.currency, unit));
		jw_kcstr(w, "makes", c->figure[n->figure].name);
		if (n->which_case)
			jw_kcstr(w, "case", c->cases[n->which_case].name);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void claim_json(const struct claim *c, struct sb *out)
{
	struct json_out w;
	struct sb why;
	sb_init(&why, 16384);
	claim_why(c, &why);
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "claim", c->text);
	jw_kcstr(&w, "source", c->source);
	jw_kcstr(&w, "kind", c->formula->name);
	jw_key(&w, "currency");
	jw_cstr(&w, c->printed.code[0] ? c->printed.code : NULL);
	jw_kcstr(&w, "verdict", verdict_name(c->verdict));
	jw_kstr(&w, "why", str_trim(sb_str(&why)));
	jw_key(&w, "computed");
	computed_json(&c->cases[0], &w);
	jw_key(&w, "stated");
	jw_object(&w);
	for (unsigned i = 0; i < c->figures; i++) {
		jw_key(&w, c->figure[i].name);
		if (isnan(c->figure[i].stated.low))
			jw_cstr(&w, c->figure[i].text);
		else
			range_json(&w, &c->figure[i].stated, c->figure[i].unit);
	}
	jw_end_object(&w);
	jw_key(&w, "figures");
	jw_array(&w);
	for (unsigned i = 0; i < c->figures; i++) {
		jw_object(&w);
		jw_kcstr(&w, "name", c->figure[i].name);
		jw_kcstr(&w, "verdict", verdict_name(c->figure[i].verdict));
		jw_kdouble(&w, "tolerance", c->figure[i].tolerance);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_key(&w, "feasible");
	feasible_json(c, &w);
	jw_key(&w, "cases");
	jw_array(&w);
	for (unsigned i = 1; i < c->case_count; i++) {
		jw_object(&w);
		jw_kcstr(&w, "case", c->cases[i].name);
		jw_key(&w, "computed");
		computed_json(&c->cases[i], &w);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_key(&w, "explain");
	jw_array(&w);
	for (unsigned o = 0; c->formula->outputs[o].name; o++)
		formula_explain_json(&c->cases[0].run, o, &w);
	jw_end_array(&w);
	jw_end_object(&w);
	sb_addc(out, '\n');
	sb_fini(&why);
}

void claim_text(const struct claim *c, struct sb *out)
{
	static const char *const words[] = {"HOLDS", "REFUTED", "FEASIBLE", "REFERENCE"};
	const struct claim_case *k = &c->cases[0];
	struct sb why;
	sb_init(&why, 16384);
	claim_why(c, &why);
	sb_addf(out, "%-9s %s\n", words[c->verdict], c->text);
	plan_say_paragraph(out, sb_str(&why), 10, 10);
	for (unsigned o = 0; k->run.f->outputs[o].name; o++) {
		if (isnan(k->out[o].low) || k->run.f->outputs[o].quiet)
			continue;
		sb_addf(out, "          %-30s ", k->run.f->outputs[o].name);
		span_text(&k->out[o], k->run.f->outputs[o].unit, k->run.currency, out);
		sb_addc(out, '\n');
	}
	for (unsigned i = 0; i < c->needs; i++) {
		const struct claim_need *n = &c->need[i];
		const struct formula_input *in = &c->formula->inputs[n->input];
		/* of the other cases only rates and multipliers are told here; JSON has all */
		if (n->which_case && strcmp(in->unit, "times") != 0 && strcmp(in->unit, "share") != 0)
			continue;
		sb_addf(out, "          it would come out with %s ", in->name);
		span_text(&n->value, in->unit, k->run.currency, out);
		sb_addf(out, "%s%s\n", n->which_case ? ", " : "", n->which_case ? c->cases[n->which_case].name : "");
	}
	for (unsigned i = 1; i < c->case_count; i++) {
		sb_addf(out, "          %s:", c->cases[i].name);
		for (unsigned f = 0; f < c->figures; f++)
			if (c->figure[f].output >= 0) {
				sb_addf(out, " %s ", c->figure[f].name);
				span_text(&c->cases[i].out[c->figure[f].output], c->figure[f].unit, k->run.currency,
					  out);
			}
		for (unsigned o = 0; c->figures == 0 && k->run.f->outputs[o].name; o++)
			if (!k->run.f->outputs[o].quiet && !isnan(c->cases[i].out[o].low)) {
				sb_addf(out, " %s ", k->run.f->outputs[o].name);
				span_text(&c->cases[i].out[o], k->run.f->outputs[o].unit, k->run.currency, out);
			}
		sb_addc(out, '\n');
	}
	if (c->source[0])
		sb_addf(out, "          source: %s\n", c->source);
	sb_fini(&why);
}
