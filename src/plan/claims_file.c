/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a claim file (claims.h):
 *
 *   claim: "10,000 queries a day cost about 518 a month"   # as printed
 *   source: where it stands                                # optional
 *   currency: GBP                                          # in which it was printed
 *   price_currency: USD                                    # of the inputs, where that is another one
 *   kind: calls_cost                                       # a formula
 *   inputs: {calls_per_day: 10k, price_in: {low: 0.5, high: 1}, ...}
 *   stated: {per_month: 518}                               # figures by the formula's names
 *   also: [{case: name, inputs: {...}}]                    # other inputs, computed beside
 *   rests_on: [quality]                                    # a stated figure that arithmetic cannot reach
 *
 * Unknown keys and inputs are refused with their place and the nearest right name.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/claims.h"
#include "plan/models.h"

static const char *const keys[] = {"claim", "source", "note", "currency", "price_currency", "kind", "inputs", "stated",
				   "also", "rests_on", "number", NULL};

static int bad_key(struct conf_doc *d, const struct conf_node *at, const char *what, const char *const *names)
{
	const char *best = NULL;
	unsigned distance = 4;
	for (unsigned i = 0; names && names[i]; i++) {
		unsigned n = str_distance(at->key, str_of(names[i]));
		if (n < distance)
			distance = n, best = names[i];
	}
	return conf_error(d, at, "unknown %s \"%.*s\"%s%s%s", what, STR_ARG(at->key), best ? ": did you mean " : "",
			  best ? best : "", best ? "?" : "");
}

static int unknown_input(struct conf_doc *d, const struct conf_node *at, const struct formula *f)
{
	const char *names[FORMULA_INPUTS + 2];
	unsigned n = 0;
	for (; f->inputs[n].name; n++)
		names[n] = f->inputs[n].name;
	if (f->columns)
		names[n++] = f->columns->name;
	names[n] = NULL;
	return bad_key(d, at, "input", names);
}

/* A scalar, checked. */
static int scalar(struct conf_doc *d, const struct conf_node *n, const char *unit, int64_t now_us,
		  struct currency *cur, double *v)
{
	struct err e = {0};
	if (n->type != CONF_SCALAR)
		return conf_error(d, n, "a number in %s is wanted here", unit[0] ? unit : "plain figures");
	if (strcmp(unit, "bool") == 0 && (str_eqc(n->scalar, "true") || str_eqc(n->scalar, "false"))) {
		*v = str_eqc(n->scalar, "true");
		return 0;
	}
	if (value_read(n->scalar, unit, now_us, v, cur, &e) < 0)
		return conf_error(d, n, "%s", e.what);
	return 0;
}

/* {low: a, high: b}, also {low, mode, high} and [a, b]. 1 when it is a range, 0 when not, <0 on error. */
static int range(struct conf_doc *d, const struct conf_node *n, const char *unit, int64_t now_us,
		 struct currency *cur, struct claim_range *out)
{
	const struct conf_node *low = NULL, *high = NULL;
	if (n->type == CONF_SCALAR)
		return 0;
	if (n->type == CONF_LIST) {
		low = n->first;
		high = low ? low->next : NULL;
		if (!high || high->next)
			return conf_error(d, n, "a range is two figures: [low, high]");
	} else {
		low = conf_get(n, "low");
		high = conf_get(n, "high");
		if (!low || !high)
			return conf_error(d, n, "a range is {low: ..., high: ...}");
		for (const struct conf_node *k = n->first; k; k = k->next)
			if (!str_eqc(k->key, "low") && !str_eqc(k->key, "high") && !str_eqc(k->key, "mode"))
				return conf_error(d, k, "unknown key \"%.*s\" in a range", STR_ARG(k->key));
	}
	*out = (struct claim_range){NAN, NAN};
	int rc = scalar(d, low, unit, now_us, cur, &out->low);
	if (rc == 0)
		rc = scalar(d, high, unit, now_us, cur, &out->high);
	if (rc == 0 && out->low > out->high)
		rc = conf_error(d, n, "the range is upside down: low %g, high %g", out->low, out->high);
	return rc < 0 ? rc : 1;
}

/* One row of a mix: a map of columns, "share:price" as on the command line, or a bare figure. */
static int read_row(struct conf_doc *d, const struct conf_node *n, struct formula_run *r)
{
	const struct formula_columns *c = r->f->columns;
	double v[FORMULA_COLUMNS] = {NAN, NAN, NAN};
	struct str name = n->key;
	struct err e = {0};
	char number[16];
	if (n->type == CONF_SCALAR && (str_chr(n->scalar, ':') != SIZE_MAX)) {
		struct sb text;
		sb_init(&text, 512);
		sb_addf(&text, "%.*s=%.*s", STR_ARG(name), STR_ARG(n->scalar));
		int rc = formula_row_text(r, sb_str(&text), &e);
		sb_fini(&text);
		return rc < 0 ? conf_error(d, n, "%s", e.what) : 0;
	}
	if (n->type == CONF_SCALAR) {
		if (scalar(d, n, c->unit[0], r->now_us, &r->currency, &v[0]) < 0)
			return -RR_CONFIG;
	} else if (n->type == CONF_MAP) {
		for (const struct conf_node *k = n->first; k; k = k->next) {
			unsigned column = 0;
			while (column < FORMULA_COLUMNS && c->column[column] && !str_eqc(k->key, c->column[column]))
				column++;
			if (column < FORMULA_COLUMNS && c->column[column]) {
				if (scalar(d, k, c->unit[column], r->now_us, &r->currency, &v[column]) < 0)
					return -RR_CONFIG;
			} else if (str_eqc(k->key, "name") && k->type == CONF_SCALAR) {
				name = k->scalar;
			} else {
				const char *names[FORMULA_COLUMNS + 2] = {c->column[0], c->column[1], c->column[2]};
				return bad_key(d, k, "column", names);
			}
		}
	} else {
		return conf_error(d, n, "a row is {%s: ..., %s: ...}", c->column[0],
				  c->column[1] ? c->column[1] : "...");
	}
	if (!name.n) {
		snprintf(number, sizeof number, "%u", r->rows + 1);
		name = str_of(number);
	}
	return formula_row(r, name, v, &e) < 0 ? conf_error(d, n, "%s", e.what) : 0;
}

/* "a=0.5:1,b=0.5:3", as on the command line. */
static int rows_text(struct conf_doc *d, const struct conf_node *n, struct formula_run *r)
{
	struct str rest = n->scalar;
	struct err e = {0};
	while (rest.p) {
		struct str one = str_trim(str_cut(&rest, ','));
		if (one.n && formula_row_text(r, one, &e) < 0)
			return conf_error(d, n, "%s", e.what);
	}
	return 0;
}

static int read_inputs(struct conf_doc *d, const struct conf_node *inputs, struct claim_case *k)
{
	const struct formula *f = k->run.f;
	int rc = 0;
	if (inputs->type != CONF_MAP)
		return conf_error(d, inputs, "inputs are a map: {name: figure, ...}");
	for (const struct conf_node *n = inputs->first; n; n = n->next) {
		if (f->columns && str_eqc(n->key, f->columns->name)) {
			k->run.rows = 0;
			snprintf(k->run.row_source, sizeof k->run.row_source, "%.80s:%u", d->name, n->line);
			if (n->type == CONF_SCALAR)
				rc |= rows_text(d, n, &k->run);
			for (const struct conf_node *row = n->first; n->type != CONF_SCALAR && row; row = row->next)
				rc |= read_row(d, row, &k->run);
			continue;
		}
		int input = formula_input(f, n->key);
		if (input < 0 && n->type == CONF_SCALAR && str_starts(n->key, STR("model_")) && n->key.n < 24) {
			char prefix[24]; /* model_now: a name of the price book, or IN/OUT */
			struct err e = {0};
			str_copy(prefix, sizeof prefix, str_sub(n->key, 6, n->key.n));
			if (plan_model_takes(f, prefix)) {
				if (plan_model_set(&k->run, prefix, n->scalar, &e) < 0)
					rc |= conf_error(d, n, "%s", e.what);
				continue;
			}
		}
		if (input < 0) {
			rc |= unknown_input(d, n, f);
			continue;
		}
		struct claim_range span = {NAN, NAN};
		struct err e = {0};
		char source[96];
		snprintf(source, sizeof source, "%.80s:%u", d->name, n->line);
		for (unsigned i = 0; i < k->ranges; i++) /* a case may replace a range */
			if (k->ranged[i] == input)
				k->ranged[i] = k->ranged[--k->ranges], k->range[i] = k->range[k->ranges];
		int is = range(d, n, f->inputs[input].unit, k->run.now_us, &k->run.currency, &span);
		if (is < 0) {
			rc = is;
		} else if (is) {
			if (k->ranges == CLAIM_RANGES) {
				rc |= conf_error(d, n, "at most %d inputs may be ranges", CLAIM_RANGES);
				continue;
			}
			if (formula_set_number(&k->run, input, span.low, source, NULL, &e) < 0 ||
			    formula_set_number(&k->run, input, span.high, source, NULL, &e) < 0 ||
			    formula_set_number(&k->run, input, (span.low + span.high) / 2, source, NULL, &e) < 0) {
				rc |= conf_error(d, n, "%s", e.what);
				continue;
			}
			k->ranged[k->ranges] = input;
			k->range[k->ranges++] = span;
		} else if (formula_set(&k->run, input, n->scalar, source, &e) < 0) {
			rc |= conf_error(d, n, "%s%s%s", e.what, e.hint[0] ? "; " : "", e.hint);
		}
	}
	return rc < 0 ? -RR_CONFIG : 0;
}

/* Half a unit of the last digit that was written: "518" 0.5, "0.35" 0.005, "4.4M" 50,000, "1.6e10" 5e8, "12 %" 0.005.
 */
static double half_digit(struct str text, double value)
{
	double mantissa = 0, digit = 1;
	bool point = false, any = false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (isdigit((unsigned char)c)) {
			mantissa = mantissa * 10 + (c - '0');
			digit *= point ? 0.1 : 1;
			any = true;
		} else if (c == '.' && !point) {
			point = true;
		} else if (any && c != ',' && c != '_') {
			break;
		}
	}
	double written = mantissa * digit;
	return written > 0 ? fabs(value) / written * digit / 2 : digit / 2;
}

static int read_stated(struct conf_doc *d, const struct conf_node *stated, struct claim *c, int64_t now_us)
{
	int rc = 0;
	if (stated->type != CONF_MAP)
		return conf_error(d, stated, "stated is a map: {figure: value, ...}");
	for (const struct conf_node *n = stated->first; n; n = n->next) {
		if (c->figures == CLAIM_FIGURES)
			return conf_error(d, n, "at most %d figures may be stated", CLAIM_FIGURES);
		struct claim_figure *f = &c->figure[c->figures];
		struct currency cur = c->printed;
		memset(f, 0, sizeof *f);
		str_copy(f->name, sizeof f->name, n->key);
		f->output = formula_output(c->formula, n->key);
		const char *unit = f->output >= 0 ? c->formula->outputs[f->output].unit : "";
		snprintf(f->unit, sizeof f->unit, "%s", unit);
		int is = range(d, n, unit, now_us, &cur, &f->stated);
		if (is < 0) {
			rc = is;
			continue;
		}
		f->is_range = is > 0;
		if (is == 0) {
			struct err e = {0};
			if (f->output < 0 && value_read(n->scalar, unit, now_us, &f->stated.low, &cur, &e) < 0)
				f->stated.low = NAN; /* a word that is carried, not judged */
			else if (f->output >= 0 && scalar(d, n, unit, now_us, &cur, &f->stated.low) < 0) {
				rc = -RR_CONFIG;
				continue;
			}
			f->stated.high = f->stated.low;
			str_copy(f->text, sizeof f->text, n->scalar);
		}
		double one_percent = 0.01 * fmax(fabs(f->stated.low), fabs(f->stated.high));
		f->tolerance = f->is_range ? one_percent : fmax(one_percent, half_digit(n->scalar, f->stated.low));
		/* a hair for sums of binary fractions: 517.5 rounds to 518 */
		f->tolerance *= 1 + 1e-9;
		c->figures++;
	}
	return rc;
}

static void copy_text(const struct conf_node *root, const char *key, char *to, size_t size)
{
	const struct conf_node *n = conf_get(root, key);
	if (n && n->type == CONF_SCALAR)
		str_copy(to, size, n->scalar);
}

static int read_currency(struct conf_doc *d, const struct conf_node *root, const char *key, struct currency *out)
{
	const struct conf_node *n = conf_get(root, key);
	if (n && (n->type != CONF_SCALAR || currency_parse(n->scalar, out) < 0))
		return conf_error(d, n, "%s is no currency code such as GBP", key);
	return 0;
}

static int read_cases(struct conf_doc *d, const struct conf_node *also, struct claim *c)
{
	int rc = 0;
	if (also->type != CONF_LIST)
		return conf_error(d, also, "also is a list of cases: [{case: name, inputs: {...}}]");
	for (const struct conf_node *n = also->first; n; n = n->next) {
		const struct conf_node *inputs = n->type == CONF_MAP ? conf_get(n, "inputs") : NULL;
		if (!inputs)
			return conf_error(d, n, "a case is {case: name, inputs: {...}}");
		if (c->case_count == CLAIM_CASES)
			return conf_error(d, n, "at most %d cases", CLAIM_CASES - 1);
		struct claim_case *k = &c->cases[c->case_count++];
		*k = c->cases[0];
		copy_text(n, "case", k->name, sizeof k->name);
		rc |= read_inputs(d, inputs, k);
	}
	return rc < 0 ? -RR_CONFIG : 0;
}

int claim_read(struct claim *c, struct conf_doc *d, int64_t now_us)
{
	const struct conf_node *root = d->root, *kind, *inputs, *n;
	struct currency prices = {{0}};
	struct err e = {0};
	int rc = 0;
	memset(c, 0, sizeof *c);
	if (!root || root->type != CONF_MAP)
		return conf_error(d, root, "a claim is a map: {claim, currency, kind, inputs, stated}");
	for (n = root->first; n; n = n->next) {
		unsigned i = 0;
		while (keys[i] && !str_eqc(n->key, keys[i]))
			i++;
		if (!keys[i])
			rc |= bad_key(d, n, "key", keys);
	}
	copy_text(root, "claim", c->text, sizeof c->text);
	copy_text(root, "source", c->source, sizeof c->source);
	copy_text(root, "note", c->note, sizeof c->note);
	rc |= read_currency(d, root, "currency", &c->printed);
	rc |= read_currency(d, root, "price_currency", &prices);
	kind = conf_get(root, "kind");
	if (!kind || kind->type != CONF_SCALAR)
		return conf_error(d, kind ? kind : root,
				  "kind is missing: the formula to check it by, such as payback");
	c->formula = formula_find(kind->scalar);
	if (!c->formula) {
		const char *near = formula_nearest(kind->scalar);
		return conf_error(d, kind, "unknown kind \"%.*s\"%s%s%s", STR_ARG(kind->scalar),
				  near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
	}
	c->case_count = 1;
	formula_start(&c->cases[0].run, c->formula, now_us);
	c->cases[0].run.currency = prices.code[0] ? prices : c->printed;
	inputs = conf_get(root, "inputs");
	if (inputs)
		rc |= read_inputs(d, inputs, &c->cases[0]);
	if ((n = conf_get(root, "stated")))
		rc |= read_stated(d, n, c, now_us);
	if ((n = conf_get(root, "also")) && rc >= 0)
		rc |= read_cases(d, n, c);
	if ((n = conf_get(root, "rests_on")) && n->type != CONF_MAP)
		for (const struct conf_node *k = n->type == CONF_LIST ? n->first : n; k; k = k->next) {
			size_t at = strlen(c->rests_on);
			snprintf(c->rests_on + at, sizeof c->rests_on - at, "%s%.*s", at ? ", " : "",
				 STR_ARG(k->scalar));
			if (n->type == CONF_SCALAR)
				break;
		}
	for (unsigned i = 0; rc >= 0 && i < c->case_count; i++)
		if (formula_finish(&c->cases[i].run, &e) < 0)
			rc |= conf_error(d, inputs ? inputs : root, "%s", e.what);
	if (rc < 0)
		return -RR_CONFIG;
	claim_judge(c);
	return 0;
}
