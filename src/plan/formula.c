/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a formula: reading its inputs against their ranges, computing, and telling the terms. See formula.h.
 * The formulas themselves stand one family a file; this file knows none of their meanings, only the table below.
 */
#include "plan/formula.h"

#include <math.h>
#include <stdio.h>

#include "plan/families.h"

const struct formula *const formulas[] = {
	&formula_train, &formula_amortise, &formula_finetune, &formula_rag, &formula_cache, &formula_batch,
	&formula_route, &formula_cascade, &formula_selfhost, &formula_agent, &formula_switch, &formula_keepalive,
	&formula_decline, &formula_adoption, &formula_stack_set, &formula_calls_cost, &formula_payback,
	&formula_price_ratios, &formula_price_span, &formula_unit_cost, &formula_ratio, &formula_growth, &formula_mfu,
	&formula_tune_or_prompt, &formula_finetune_volume, &formula_selfhost_requests, &formula_rag_or_tune,
	&formula_price_share, &formula_reference, NULL};

static bool name_eq(struct str a, const char *b)
{
	if (!b || a.n != strlen(b))
		return false;
	for (size_t i = 0; i < a.n; i++) {
		char x = a.p[i] == '-' ? '_' : a.p[i], y = b[i] == '-' ? '_' : b[i];
		if (x != y)
			return false;
	}
	return true;
}

const struct formula *formula_find(struct str name)
{
	for (size_t i = 0; formulas[i]; i++)
		if (name_eq(name, formulas[i]->name))
			return formulas[i];
	return NULL;
}

const char *formula_nearest(struct str name)
{
	unsigned best = 4;
	const char *found = NULL;
	for (size_t i = 0; formulas[i]; i++) {
		unsigned d = str_distance(name, str_of(formulas[i]->name));
		if (d < best) {
			best = d;
			found = formulas[i]->name;
		}
	}
	return found;
}

unsigned formula_input_count(const struct formula *f)
{
	unsigned n = 0;
	while (f->inputs[n].name)
		n++;
	return n;
}

unsigned formula_output_count(const struct formula *f)
{
	unsigned n = 0;
	while (f->outputs[n].name)
		n++;
	return n;
}

int formula_input(const struct formula *f, struct str name)
{
	for (int i = 0; f->inputs[i].name; i++)
		if (name_eq(name, f->inputs[i].name) || name_eq(name, f->inputs[i].alias))
			return i;
	return -1;
}

int formula_output(const struct formula *f, struct str name)
{
	for (int i = 0; f->outputs[i].name; i++)
		if (name_eq(name, f->outputs[i].name))
			return i;
	return -1;
}

void formula_start(struct formula_run *r, const struct formula *f, int64_t now_us)
{
	memset(r, 0, sizeof *r);
	r->f = f;
	r->now_us = now_us;
	check(formula_input_count(f) <= FORMULA_INPUTS && formula_output_count(f) <= FORMULA_OUTPUTS);
	for (unsigned i = 0; i < FORMULA_INPUTS; i++)
		r->in[i] = NAN;
	for (unsigned i = 0; i < FORMULA_OUTPUTS; i++)
		r->out[i] = NAN;
	for (unsigned i = 0; f->inputs[i].name; i++) {
		r->in[i] = f->inputs[i].fallback;
		snprintf(r->source[i], sizeof r->source[i], "default%s%s", f->inputs[i].source ? ": " : "",
			 f->inputs[i].source ? f->inputs[i].source : "");
	}
}

/* "from 0 to 1", "above 0", "0 or more". */
static char *range_words(double least, double most, bool above, char out[64])
{
	if (isinf(least))
		snprintf(out, 64, isinf(most) ? "any number" : "at most %g", most);
	else if (isinf(most))
		snprintf(out, 64, above ? "above %g" : "%g or more", least);
	else
		snprintf(out, 64, above ? "above %g, at most %g" : "from %g to %g", least, most);
	return out;
}

static int out_of_range(const char *name, double v, double least, double most, bool above, struct err *e)
{
	char words[64];
	if (isfinite(v) && (above ? v > least : v >= least) && v <= most)
		return 0;
	return err_set(e, RR_RANGE, "%s is %g: allowed is %s", name, v, range_words(least, most, above, words));
}

int formula_set_number(struct formula_run *r, int input, double v, const char *source, const char *date, struct err *e)
{
	const struct formula_input *in = &r->f->inputs[input];
	int rc = out_of_range(in->name, v, isinf(in->least) ? -INFINITY : in->least, in->most, in->above, e);
	if (rc < 0)
		return rc;
	r->in[input] = v;
	r->given[input] = true;
	snprintf(r->source[input], sizeof r->source[input], "%s", source);
	snprintf(r->date[input], sizeof r->date[input], "%s", date ? date : "");
	return 0;
}

/* The word that the text is, or begins with before a '-': "H100-SXM5-80GB" is h100, "H100-PCIe" is h100-pcie. */
static const struct formula_word *word_of(const struct formula_input *in, struct str text)
{
	const struct formula_word *best = NULL;
	for (const struct formula_word *w = in->words; w && w->word; w++) {
		size_t n = strlen(w->word);
		if (text.n >= n && str_ieq(str_sub(text, 0, n), str_of(w->word)) && (text.n == n || text.p[n] == '-') &&
		    (!best || n > strlen(best->word)))
			best = w;
	}
	return best;
}

static const char *strstr_in(struct str text, const char *part)
{
	size_t n = strlen(part);
	for (size_t i = 0; i + n <= text.n; i++)
		if (memcmp(text.p + i, part, n) == 0)
			return text.p + i;
	return NULL;
}

/* LOW..HIGH or LOW..MODE..HIGH. */
static int set_range(struct formula_run *r, int input, struct str text, const char *source, struct err *e)
{
	const struct formula_input *in = &r->f->inputs[input];
	double v[3] = {0};
	unsigned n = 0;
	for (struct str rest = text; rest.p && n < 4; n++) {
		const char *dots = strstr_in(rest, "..");
		struct str part = dots ? str_make(rest.p, (size_t)(dots - rest.p)) : rest;
		struct err inner = {0};
		if (n == 3)
			return err_set(e, RR_INPUT, "%s: \"%.*s\" is no LOW..HIGH or LOW..MODE..HIGH", in->name,
				       STR_ARG(text));
		if (value_read(part, in->unit, r->now_us, &v[n], &r->currency, &inner) < 0)
			return err_set(e, inner.code, "%s: %s", in->name, inner.what);
		int rc = formula_set_number(r, input, v[n], source, NULL, e);
		if (rc < 0)
			return rc;
		rest = dots ? str_make(dots + 2, rest.n - part.n - 2) : (struct str){NULL, 0};
	}
	struct dist d = n == 3 ? (struct dist){v[0], v[1], v[2]} : (struct dist){v[0], (v[0] + v[1]) / 2, v[1]};
	if (!(d.low <= d.mode && d.mode <= d.high))
		return err_set(e, RR_INPUT, "%s: %g, %g, %g: low, mode and high must stand in this order", in->name,
			       d.low, d.mode, d.high);
	r->range[input] = d;
	r->ranged[input] = d.low < d.high;
	r->uncertain |= r->ranged[input];
	r->in[input] = d.mode;
	return 0;
}

int formula_set(struct formula_run *r, int input, struct str text, const char *source, struct err *e)
{
	const struct formula_input *in = &r->f->inputs[input];
	double v;
	const struct formula_word *word = word_of(in, text);
	if (word) {
		char from[96];
		snprintf(from, sizeof from, "%s (%s)", word->word, word->source);
		return formula_set_number(r, input, word->value, from, NULL, e);
	}
	if (strstr_in(text, ".."))
		return set_range(r, input, text, source, e);
	struct err inner = {0};
	int rc = value_read(text, in->unit, r->now_us, &v, &r->currency, &inner);
	if (rc < 0) {
		char range[64];
		range_words(in->least, in->most, in->above, range);
		err_set(e, inner.code, "%s: %s (allowed: %s, in %s)", in->name, inner.what, range,
			in->unit[0] ? in->unit : "plain numbers");
		if (in->words) {
			char list[200] = "";
			for (const struct formula_word *w = in->words; w->word; w++)
				snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", list[0] ? ", " : "",
					 w->word);
			err_hint(e, "a number, or one of: %s", list);
		} else if (inner.hint[0]) {
			err_hint(e, "%s", inner.hint);
		}
		return -inner.code;
	}
	return formula_set_number(r, input, v, source, NULL, e);
}

int formula_row(struct formula_run *r, struct str name, const double v[FORMULA_COLUMNS], struct err *e)
{
	const struct formula_columns *c = r->f->columns;
	if (!c)
		return err_set(e, RR_INPUT, "%s takes no rows", r->f->name);
	if (r->rows == FORMULA_ROWS)
		return err_set(e, RR_LIMIT, "%s: at most %d rows", c->name, FORMULA_ROWS);
	struct formula_row *row = &r->row[r->rows];
	str_copy(row->name, sizeof row->name, name);
	for (unsigned k = 0; k < FORMULA_COLUMNS && c->column[k]; k++) {
		char what[96];
		row->v[k] = isnan(v[k]) ? c->fallback[k] : v[k];
		snprintf(what, sizeof what, "%s %s: %s", c->name, row->name, c->column[k]);
		if (isnan(row->v[k]))
			return err_set(e, RR_INPUT, "%s is missing", what);
		int rc = out_of_range(what, row->v[k], c->least[k], c->most[k], false, e);
		if (rc < 0)
			return rc;
	}
	r->rows++;
	return 0;
}

int formula_row_text(struct formula_run *r, struct str text, struct err *e)
{
	const struct formula_columns *c = r->f->columns;
	struct str rest = text, name = str_trim(str_cut(&rest, '='));
	double v[FORMULA_COLUMNS] = {NAN, NAN, NAN};
	if (!rest.p || !name.n) {
		err_set(e, RR_INPUT, "%s: \"%.*s\" is no NAME=%s:%s", c->name, STR_ARG(text), c->column[0],
			c->column[1] ? c->column[1] : "");
		return -RR_INPUT;
	}
	for (unsigned k = 0; rest.p; k++) {
		struct str part = str_trim(str_cut(&rest, ':'));
		if (k == FORMULA_COLUMNS || !c->column[k])
			return err_set(e, RR_INPUT, "%s %.*s: too many figures", c->name, STR_ARG(name));
		struct err inner = {0};
		if (value_read(part, c->unit[k], r->now_us, &v[k], &r->currency, &inner) < 0)
			return err_set(e, inner.code, "%s %.*s: %s: %s", c->name, STR_ARG(name), c->column[k],
				       inner.what);
	}
	return formula_row(r, name, v, e);
}

void formula_compute(struct formula_run *r)
{
	for (unsigned i = 0; i < FORMULA_OUTPUTS; i++)
		r->out[i] = NAN;
	r->f->compute(r->in, r->row, r->rows, r->out);
	for (unsigned i = 0; i < FORMULA_OUTPUTS; i++)
		if (!isfinite(r->out[i]))
			r->out[i] = NAN;
}

int formula_finish(struct formula_run *r, struct err *e)
{
	for (unsigned i = 0; r->f->inputs[i].name; i++)
		if (r->f->inputs[i].required && isnan(r->in[i])) {
			char flag[48], range[64];
			snprintf(flag, sizeof flag, "%s", r->f->inputs[i].name);
			for (char *p = flag; *p; p++)
				*p = *p == '_' ? '-' : *p;
			err_set(e, RR_USAGE, "%s needs %s (--%s): %s", r->f->name, r->f->inputs[i].name, flag,
				r->f->inputs[i].help);
			err_hint(e, "allowed: %s, in %s",
				 range_words(r->f->inputs[i].least, r->f->inputs[i].most, r->f->inputs[i].above, range),
				 r->f->inputs[i].unit[0] ? r->f->inputs[i].unit : "plain numbers");
			return -RR_USAGE;
		}
	if (r->f->verify) {
		int rc = r->f->verify(r, e);
		if (rc < 0)
			return rc;
	}
	formula_compute(r);
	return r->uncertain ? formula_draw(r, FORMULA_DRAWS, e) : 0;
}

double formula_value(const struct formula_run *r, const char *output)
{
	int i = formula_output(r->f, str_of(output));
	return i < 0 ? NAN : r->out[i];
}

static void json_value(struct json_out *w, double v, const char *unit)
{
	if (strcmp(unit, "bool") == 0 && isfinite(v))
		jw_bool(w, v != 0);
	else
		jw_double(w, v);
}

/* Does the expression speak of the rows? (their first column always stands in it) */
static bool uses_rows(const struct formula *f, const char *expression)
{
	const char *column = f->columns ? f->columns->column[0] : NULL;
	return column && strstr(expression, column);
}

static void term_json(struct json_out *w, const char *name, double v, const char *unit, struct currency cur,
		      const char *source, const char *date)
{
	char text[32];
	jw_object(w);
	jw_kcstr(w, "name", name);
	jw_key(w, "value");
	json_value(w, v, unit);
	jw_kcstr(w, "unit", value_unit(unit, cur, text));
	jw_kcstr(w, "source", source);
	jw_key(w, "date");
	jw_cstr(w, date && date[0] ? date : NULL);
	jw_end_object(w);
}

/* Walks the names of an expression once each; fn is called with the input or output that it stands for. */
static void each_term(const struct formula_run *r, unsigned output,
		      void (*fn)(const struct formula_run *r, int input, int earlier, void *arg), void *arg)
{
	bool seen_in[FORMULA_INPUTS] = {false}, seen_out[FORMULA_OUTPUTS] = {false};
	const char *at = r->f->outputs[output].expression;
	struct str name;
	while (formula_next_name(&at, &name)) {
		int i = formula_input(r->f, name), o = formula_output(r->f, name);
		if (i >= 0 && name_eq(name, r->f->inputs[i].name) && !seen_in[i]) {
			seen_in[i] = true;
			if (!isnan(r->in[i]))
				fn(r, i, -1, arg);
		} else if (o >= 0 && (unsigned)o < output && !seen_out[o]) {
			seen_out[o] = true;
			fn(r, -1, o, arg);
		}
	}
}

static void one_term_json(const struct formula_run *r, int i, int o, void *arg)
{
	struct json_out *w = arg;
	if (i >= 0)
		term_json(w, r->f->inputs[i].name, r->in[i], r->f->inputs[i].unit, r->currency, r->source[i],
			  r->date[i]);
	else
		term_json(w, r->f->outputs[o].name, r->out[o], r->f->outputs[o].unit, r->currency,
			  r->f->outputs[o].expression, "");
}

void formula_explain_json(const struct formula_run *r, unsigned output, struct json_out *w)
{
	const struct formula_output *o = &r->f->outputs[output];
	char unit[32];
	jw_object(w);
	jw_kcstr(w, "name", o->name);
	jw_key(w, "value");
	json_value(w, r->out[output], o->unit);
	jw_kcstr(w, "unit", value_unit(o->unit, r->currency, unit));
	jw_kcstr(w, "formula", o->expression);
	jw_kcstr(w, "source", r->f->source);
	jw_key(w, "terms");
	jw_array(w);
	each_term(r, output, one_term_json, w);
	for (unsigned k = 0; uses_rows(r->f, o->expression) && k < r->rows; k++)
		for (unsigned j = 0; j < FORMULA_COLUMNS && r->f->columns->column[j]; j++) {
			char name[96];
			snprintf(name, sizeof name, "%s.%s", r->row[k].name, r->f->columns->column[j]);
			term_json(w, name, r->row[k].v[j], r->f->columns->unit[j], r->currency,
				  r->row_source[0] ? r->row_source : r->f->columns->name, "");
		}
	jw_end_array(w);
	jw_end_object(w);
}

static void one_term_text(const struct formula_run *r, int i, int o, void *arg)
{
	struct sb *out = arg;
	char text[64];
	if (i >= 0)
		sb_addf(out, "  %-28s %-24s %s%s%s\n", r->f->inputs[i].name,
			value_text(r->in[i], r->f->inputs[i].unit, r->currency, text), r->source[i],
			r->date[i][0] ? ", " : "", r->date[i]);
	else
		sb_addf(out, "  %-28s %-24s = %s\n", r->f->outputs[o].name,
			value_text(r->out[o], r->f->outputs[o].unit, r->currency, text), r->f->outputs[o].expression);
}

void formula_explain_text(const struct formula_run *r, unsigned output, struct sb *out)
{
	const struct formula_output *o = &r->f->outputs[output];
	char text[64];
	sb_addf(out, "%s = %s\n  = %s\n", o->name, value_text(r->out[output], o->unit, r->currency, text),
		o->expression);
	each_term(r, output, one_term_text, out);
	for (unsigned k = 0; uses_rows(r->f, o->expression) && k < r->rows; k++) {
		sb_addf(out, "  %-28s", r->row[k].name);
		for (unsigned j = 0; j < FORMULA_COLUMNS && r->f->columns->column[j]; j++)
			sb_addf(out, " %s %s", r->f->columns->column[j],
				value_text(r->row[k].v[j], r->f->columns->unit[j], r->currency, text));
		sb_addc(out, '\n');
	}
	sb_addc(out, '\n');
}

void formula_json(const struct formula_run *r, struct json_out *w)
{
	struct sb verdict, why;
	sb_init(&verdict, 4096);
	sb_init(&why, 8192);
	for (unsigned i = 0; r->f->outputs[i].name; i++) {
		jw_key(w, r->f->outputs[i].name);
		json_value(w, r->out[i], r->f->outputs[i].unit);
	}
	jw_key(w, "currency");
	jw_cstr(w, r->currency.code[0] ? r->currency.code : NULL);
	if (r->uncertain) {
		jw_key(w, "bands");
		jw_object(w);
		for (unsigned i = 0; r->f->outputs[i].name; i++) {
			jw_key(w, r->f->outputs[i].name);
			jw_object(w);
			jw_kdouble(w, "p10", r->band[i].p10); /* null: not computable, as "never" */
			jw_kdouble(w, "p50", r->band[i].p50);
			jw_kdouble(w, "p90", r->band[i].p90);
			jw_kdouble(w, "share_known", r->known[i]);
			jw_end_object(w);
		}
		jw_end_object(w);
	}
	if (r->f->say) {
		r->f->say(r, &verdict, &why);
		jw_kstr(w, "verdict", sb_str(&verdict));
		jw_kstr(w, "why", sb_str(&why));
	}
	jw_key(w, "explain");
	jw_array(w);
	for (unsigned i = 0; r->f->outputs[i].name; i++)
		formula_explain_json(r, i, w);
	jw_end_array(w);
	sb_fini(&verdict);
	sb_fini(&why);
}
