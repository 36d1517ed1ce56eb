/* SPDX-License-Identifier: Apache-2.0
 *
 *   bill: GBP 518
 *   shares: {prefix: 0.4, rest: 0.12, output: 0.48}     # of the bill; they sum to 1
 *   levers:
 *     cache: {hit: 0.88, read: 0.1, write: 1.25}        # reaches the prefix's share
 *     batch: {share: 0.22, discount: 0.5}
 *     route: {share: 0.55, price_ratio: 0.27, tokenizer_ratio: 1, verbosity_ratio: 1}
 *     # or   {mix: {nano: {share: 0.55, kappa: 0.27}, same: {share: 0.45, kappa: 1}}}
 *     # any other name: {coverage: 0.3, keeps: 0.5}; any lever: {factor: 0.8}, what it leaves of the whole bill
 *   overlap: independent          # or pairs {batch+route: 0.1} or cells [{levers: [batch, route], share: 0.1}, ...]
 */
#include "plan/stack_file.h"

#include <math.h>
#include <stdio.h>

#include "plan/families.h"
#include "plan/node.h"

static int read_cache(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	static const char *const names[] = {"hit", "read", "write", "coverage", NULL};
	double hit = 1, read = 0.1, write = 1.25, coverage = p->prefix; /* as plan cache */
	struct err e = {0};
	int rc = node_keys(d, n, names);
	rc |= node_member(d, n, "hit", "share", 0, 1, &p->currency, &hit);
	rc |= node_member(d, n, "read", "times", 0, 1, &p->currency, &read);
	rc |= node_member(d, n, "write", "times", 0, 10, &p->currency, &write);
	rc |= node_member(d, n, "coverage", "share", 0, 1, &p->currency, &coverage);
	if (rc < 0)
		return -RR_CONFIG;
	if (coverage == 0 && hit > 0)
		return conf_error(d, n, "cache has hit %g but the bill has no prefix share: a hit rate needs a prefix",
				  hit);
	snprintf(p->how[p->stack.levers], sizeof p->how[0], "phi = hit * read + (1 - hit) * write = %g * %g + %g * %g",
		 hit, read, 1 - hit, write);
	if (stack_add(&p->stack, "cache", coverage, cache_phi(hit, read, write), &e) < 0)
		return conf_error(d, n, "%s", e.what);
	return 0;
}

static int read_batch(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	static const char *const names[] = {"share", "discount", NULL};
	double share = NAN, discount = 0.5;
	struct err e = {0};
	int rc = node_keys(d, n, names);
	rc |= node_member(d, n, "share", "share", 0, 1, &p->currency, &share);
	rc |= node_member(d, n, "discount", "share", 0, 1, &p->currency, &discount);
	if (rc < 0)
		return -RR_CONFIG;
	if (isnan(share))
		return conf_error(d, n, "batch needs share: which part of the bill may wait?");
	snprintf(p->how[p->stack.levers], sizeof p->how[0], "keeps = 1 - discount = 1 - %g", discount);
	return stack_add(&p->stack, "batch", share, 1 - discount, &e) < 0 ? conf_error(d, n, "%s", e.what) : 0;
}

/* kappa, or price ratio x tokenizer ratio x verbosity ratio. */
static int read_kappa(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n, double baseline,
		      double *kappa)
{
	double price = NAN, tokenizer = 1, verbosity = 1, own = NAN;
	int rc = node_member(d, n, "kappa", "times", 0, 1e6, &p->currency, kappa);
	rc |= node_member(d, n, "ratio", "times", 0, 1e6, &p->currency, kappa);
	rc |= node_member(d, n, "price_ratio", "times", 0, 1e6, &p->currency, &price);
	rc |= node_member(d, n, "price", "money/Mtok", 0, ANY, &p->currency, &own);
	rc |= node_member(d, n, "tokenizer_ratio", "times", 0, 100, &p->currency, &tokenizer);
	rc |= node_member(d, n, "verbosity_ratio", "times", 0, 100, &p->currency, &verbosity);
	if (rc < 0)
		return -RR_CONFIG;
	if (isnan(price) && !isnan(own) && !isnan(baseline))
		price = own / baseline;
	if (isnan(*kappa) && isnan(price))
		return conf_error(d, n, "route needs kappa or price_ratio (or price beside a baseline)");
	if (isnan(*kappa))
		*kappa = price * tokenizer * verbosity;
	return 0;
}

static int read_route(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	static const char *const names[] = {"share", "kappa", "ratio", "price_ratio", "price", "tokenizer_ratio",
					    "verbosity_ratio", "mix", "baseline", NULL};
	static const char *const columns[] = {"name",  "share",           "kappa",           "ratio", "price_ratio",
					      "price", "tokenizer_ratio", "verbosity_ratio", NULL};
	double covered = 0, inside = 0, sum = 0, baseline = NAN;
	const struct conf_node *mix = conf_get(n, "mix");
	struct err e = {0};
	if (node_keys(d, n, names) < 0 ||
	    node_member(d, n, "baseline", "money/Mtok", 1e-12, ANY, &p->currency, &baseline) < 0)
		return -RR_CONFIG;
	if (!mix) {
		double share = NAN, kappa = NAN;
		if (node_member(d, n, "share", "share", 0, 1, &p->currency, &share) < 0 ||
		    read_kappa(p, d, n, baseline, &kappa) < 0)
			return -RR_CONFIG;
		if (isnan(share))
			return conf_error(d, n, "route needs share: which part of the bill goes to the other model?");
		covered = share;
		inside = kappa;
	} else {
		if (mix->type == CONF_SCALAR)
			return conf_error(d, mix, "mix is a map or a list: {NAME: {share, kappa}}");
		for (const struct conf_node *m = mix->first; m; m = m->next) {
			double share = NAN, kappa = NAN;
			if (node_keys(d, m, columns) < 0 ||
			    node_member(d, m, "share", "share", 0, 1, &p->currency, &share) < 0 ||
			    read_kappa(p, d, m, baseline, &kappa) < 0)
				return -RR_CONFIG;
			if (isnan(share))
				return conf_error(d, m, "each model of a mix needs its share");
			sum += share;
			if (kappa != 1) { /* what stays on the model is not reached */
				covered += share;
				inside += share * kappa;
			}
		}
		if (fabs(sum - 1) > 1e-6)
			return conf_error(d, mix, "the shares of the mix sum to %g: they must sum to 1", sum);
		inside = covered > 0 ? inside / covered : 1;
		covered = fmin(covered, 1);
	}
	snprintf(p->how[p->stack.levers], sizeof p->how[0], "keeps = mean kappa of what is routed = %g", inside);
	return stack_add(&p->stack, "route", covered, inside, &e) < 0 ? conf_error(d, n, "%s", e.what) : 0;
}

static int read_other(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	static const char *const names[] = {"coverage", "keeps", NULL};
	double coverage = NAN, keeps = NAN;
	char name[24];
	struct err e = {0};
	int rc = node_keys(d, n, names);
	rc |= node_member(d, n, "coverage", "share", 0, 1, &p->currency, &coverage);
	rc |= node_member(d, n, "keeps", "times", 0, 1e6, &p->currency, &keeps);
	if (rc < 0)
		return -RR_CONFIG;
	if (isnan(coverage) || isnan(keeps))
		return conf_error(
			d, n,
			"%.*s needs coverage (share of the bill that it reaches) and keeps (what it leaves of "
			"that); known levers are cache, batch, route",
			STR_ARG(n->key));
	str_copy(name, sizeof name, n->key);
	snprintf(p->how[p->stack.levers], sizeof p->how[0], "keeps = %g, as given", keeps);
	return stack_add(&p->stack, name, coverage, keeps, &e) < 0 ? conf_error(d, n, "%s", e.what) : 0;
}

/* What the lever leaves of the whole bill, known as one figure. */
static int read_factor(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	static const char *const names[] = {"factor", NULL};
	double factor = 1;
	char name[24];
	struct err e = {0};
	if (node_keys(d, n, names) < 0 || node_member(d, n, "factor", "times", 0, 1e6, &p->currency, &factor) < 0)
		return -RR_CONFIG;
	str_copy(name, sizeof name, n->key);
	snprintf(p->how[p->stack.levers], sizeof p->how[0], "keeps = factor = %g of the whole bill", factor);
	return stack_add(&p->stack, name, 1, factor, &e) < 0 ? conf_error(d, n, "%s", e.what) : 0;
}

static int lever_index(const struct stack *s, struct str name)
{
	for (unsigned i = 0; i < s->levers; i++)
		if (str_eqc(name, s->name[i]))
			return (int)i;
	return -1;
}

static int read_pairs(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	double overlap[STACK_LEVERS][STACK_LEVERS];
	struct err e = {0};
	for (unsigned i = 0; i < STACK_LEVERS; i++)
		for (unsigned j = 0; j < STACK_LEVERS; j++)
			overlap[i][j] = NAN;
	for (const struct conf_node *k = n->first; k; k = k->next) {
		struct str rest = k->key, a = str_trim(str_cut(&rest, '+'));
		int i = lever_index(&p->stack, a), j = rest.p ? lever_index(&p->stack, str_trim(rest)) : -1;
		double v;
		if (i < 0 || j < 0 || i == j)
			return conf_error(d, k, "\"%.*s\" is no pair of levers such as batch+route", STR_ARG(k->key));
		if (node_number(d, k, "share", 0, 1, 0, &p->currency, &v) < 0)
			return -RR_CONFIG;
		overlap[i < j ? i : j][i < j ? j : i] = v;
	}
	snprintf(p->overlap, sizeof p->overlap, "pairs");
	return stack_overlaps(&p->stack, overlap, &e) < 0 ? conf_error(d, n, "%s", e.what) : 0;
}

static int read_cells(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	static const char *const names[] = {"levers", "share", NULL};
	double sum = 0, reach[STACK_LEVERS] = {0};
	memset(p->stack.cell, 0, sizeof p->stack.cell);
	for (const struct conf_node *k = n->first; k; k = k->next) {
		const struct conf_node *levers = k->type == CONF_MAP ? conf_get(k, "levers") : NULL;
		double share = NAN;
		unsigned mask = 0;
		if (!levers || node_keys(d, k, names) < 0 ||
		    node_member(d, k, "share", "share", 0, 1, &p->currency, &share) < 0 || isnan(share))
			return conf_error(d, k, "a cell is {levers: [cache, batch], share: 0.1}");
		for (const struct conf_node *l = levers->type == CONF_LIST ? levers->first : levers; l; l = l->next) {
			int i = lever_index(&p->stack, l->scalar);
			if (i < 0)
				return conf_error(d, l, "no lever \"%.*s\" above", STR_ARG(l->scalar));
			mask |= 1u << i;
			if (levers->type != CONF_LIST)
				break;
		}
		p->stack.cell[mask] += share;
		sum += share;
		for (unsigned i = 0; i < p->stack.levers; i++)
			reach[i] += mask >> i & 1 ? share : 0;
	}
	if (sum > 1 + 1e-6)
		return conf_error(d, n, "the cells sum to %g of the bill: at most 1", sum);
	p->stack.cell[0] += 1 - sum;
	for (unsigned i = 0; i < p->stack.levers; i++)
		if (fabs(reach[i] - p->stack.coverage[i]) > 1e-6)
			return conf_error(d, n, "the cells give %s %g of the bill, above it reaches %g",
					  p->stack.name[i], reach[i], p->stack.coverage[i]);
	snprintf(p->overlap, sizeof p->overlap, "cells");
	return 0;
}

static int read_shares(struct stack_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	static const char *const names[] = {"prefix", "rest", "output", NULL};
	int rc = node_keys(d, n, names);
	rc |= node_member(d, n, "prefix", "share", 0, 1, &p->currency, &p->prefix);
	rc |= node_member(d, n, "rest", "share", 0, 1, &p->currency, &p->rest);
	rc |= node_member(d, n, "output", "share", 0, 1, &p->currency, &p->output);
	if (rc < 0)
		return -RR_CONFIG;
	if (fabs(p->prefix + p->rest + p->output - 1) > 1e-6)
		return conf_error(d, n, "prefix %g, rest %g and output %g sum to %g: shares of a bill sum to 1",
				  p->prefix, p->rest, p->output, p->prefix + p->rest + p->output);
	return 0;
}

int stack_read(struct stack_plan *p, struct conf_doc *d)
{
	static const char *const names[] = {"bill", "shares", "levers", "overlap", "currency", NULL};
	const struct conf_node *root = d->root, *n;
	int rc = 0;
	memset(p, 0, sizeof *p);
	snprintf(p->overlap, sizeof p->overlap, "independent");
	p->stack.bill = NAN;
	if (!root || node_keys(d, root, names) < 0)
		return -RR_CONFIG;
	if ((n = conf_get(root, "currency")) && currency_parse(n->scalar, &p->currency) < 0)
		return conf_error(d, n, "no currency code such as GBP");
	if (node_member(d, root, "bill", "money", 1e-12, ANY, &p->currency, &p->stack.bill) < 0)
		return -RR_CONFIG;
	if (isnan(p->stack.bill))
		return conf_error(d, root, "bill is missing: the bill before");
	if ((n = conf_get(root, "shares")) && read_shares(p, d, n) < 0)
		return -RR_CONFIG;
	n = conf_get(root, "levers");
	if (!n || n->type != CONF_MAP || !n->first)
		return conf_error(d, n ? n : root, "levers are missing: {cache: {...}, batch: {...}, route: {...}}");
	for (const struct conf_node *l = n->first; l && rc == 0; l = l->next) {
		if (l->type != CONF_MAP)
			rc = conf_error(d, l, "a lever is a map of its figures");
		else if (conf_get(l, "factor"))
			rc = read_factor(p, d, l);
		else if (str_eqc(l->key, "cache"))
			rc = read_cache(p, d, l);
		else if (str_eqc(l->key, "batch"))
			rc = read_batch(p, d, l);
		else if (str_eqc(l->key, "route"))
			rc = read_route(p, d, l);
		else
			rc = read_other(p, d, l);
	}
	if (rc < 0)
		return -RR_CONFIG;
	stack_independent(&p->stack);
	n = conf_get(root, "overlap");
	if (n && n->type == CONF_SCALAR && !str_eqc(n->scalar, "independent"))
		return conf_error(d, n, "overlap is \"independent\", pairs {batch+route: share} or a list of cells");
	if (n && n->type == CONF_MAP)
		rc = read_pairs(p, d, n);
	else if (n && n->type == CONF_LIST)
		rc = read_cells(p, d, n);
	if (rc == 0)
		stack_attribute(&p->stack, &p->result);
	return rc;
}

static void by_lever(const struct stack *s, const double v[], const char *key, struct json_out *w)
{
	jw_key(w, key);
	jw_object(w);
	for (unsigned i = 0; i < s->levers; i++)
		jw_kdouble(w, s->name[i], v[i]);
	jw_end_object(w);
}

static void term(struct json_out *w, const char *name, double v, const char *unit, const char *source)
{
	jw_object(w);
	jw_kcstr(w, "name", name);
	jw_kdouble(w, "value", v);
	jw_kcstr(w, "unit", unit);
	jw_kcstr(w, "source", source);
	jw_key(w, "date");
	jw_null(w);
	jw_end_object(w);
}

void stack_json(const struct stack_plan *p, struct sb *out)
{
	const struct stack *s = &p->stack;
	const struct stack_result *r = &p->result;
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "plan", "stack");
	jw_key(&w, "currency");
	jw_cstr(&w, p->currency.code[0] ? p->currency.code : NULL);
	jw_kdouble(&w, "before", r->before);
	jw_kdouble(&w, "after", r->after);
	jw_kdouble(&w, "saving_share", 1 - r->after / r->before);
	by_lever(s, r->shapley, "shapley", &w);
	by_lever(s, r->first_in, "first_in", &w);
	by_lever(s, r->last_in, "last_in", &w);
	jw_kdouble(&w, "naive_sum", r->naive_sum);
	jw_kdouble(&w, "naive_sum_overstates", r->naive_overstates);
	jw_kdouble(&w, "naive_sum_overstates_by", r->naive_sum - (r->before - r->after));
	jw_kcstr(&w, "overlap", p->overlap);
	jw_kdouble(&w, "after_low", r->after_low);
	jw_kdouble(&w, "after_high", r->after_high);
	jw_key(&w, "overlap_bounds");
	jw_object(&w);
	for (unsigned i = 0; i < s->levers; i++)
		for (unsigned j = i + 1; j < s->levers; j++) {
			char name[56];
			double both = 0;
			for (unsigned c = 0; c < 1u << s->levers; c++)
				both += (c >> i & 1) && (c >> j & 1) ? s->cell[c] : 0;
			snprintf(name, sizeof name, "%s+%s", s->name[i], s->name[j]);
			jw_key(&w, name);
			jw_object(&w);
			jw_kdouble(&w, "low", fmax(0, s->coverage[i] + s->coverage[j] - 1));
			jw_kdouble(&w, "used", both);
			jw_kdouble(&w, "high", fmin(s->coverage[i], s->coverage[j]));
			jw_end_object(&w);
		}
	jw_end_object(&w);
	jw_key(&w, "explain");
	jw_array(&w);
	jw_object(&w);
	jw_kcstr(&w, "name", "after");
	jw_kdouble(&w, "value", r->after);
	jw_kcstr(&w, "formula",
		 "bill * product over the levers of (1 - coverage + coverage * keeps), summed over the cells of "
		 "the overlap");
	jw_key(&w, "terms");
	jw_array(&w);
	term(&w, "bill", s->bill, "money", "file");
	for (unsigned i = 0; i < s->levers; i++) {
		char name[48];
		snprintf(name, sizeof name, "%s.coverage", s->name[i]);
		term(&w, name, s->coverage[i], "share", "file");
		snprintf(name, sizeof name, "%s.keeps", s->name[i]);
		term(&w, name, s->inside[i], "times", p->how[i]);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_array(&w);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

void stack_text(const struct stack_plan *p, struct sb *out)
{
	const struct stack_result *r = &p->result;
	char a[64], b[64], c[64];
	sb_addf(out, "plan stack: levers one on another (coverages: %s)\n\n", p->overlap);
	sb_addf(out, "%-14s %18s %18s %18s\n", "", "saves (Shapley)", "if first", "if last");
	sb_addf(out, "%-14s %18s\n", "as it is", value_text(r->before, "money", p->currency, a));
	for (unsigned i = 0; i < p->stack.levers; i++)
		sb_addf(out, "%-14s %18s %18s %18s\n", p->stack.name[i],
			value_text(-r->shapley[i], "money", p->currency, a),
			value_text(-r->first_in[i], "money", p->currency, b),
			value_text(-r->last_in[i], "money", p->currency, c));
	sb_addf(out, "%-14s %18s   %s\n", "what is left", value_text(r->after, "money", p->currency, a),
		value_text(r->after / r->before - 1, "share", p->currency, b));
	sb_addf(out, "\nAdded one by one they would claim %s: %s too much. Savings overlap.\n",
		value_text(r->naive_sum, "money", p->currency, a),
		value_text(r->naive_overstates, "share", p->currency, b));
	if (!isnan(r->after_low))
		sb_addf(out, "Whatever the overlap, what is left lies from %s to %s.\n",
			value_text(r->after_low, "money", p->currency, a),
			value_text(r->after_high, "money", p->currency, b));
	sb_adds(out, "Shapley: the mean over every order in which the levers could have come.\n");
}
