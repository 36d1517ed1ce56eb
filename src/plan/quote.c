/* SPDX-License-Identifier: Apache-2.0
 *
 * See quote.h. A file:
 *
 *   currency: GBP
 *   workload: {name: support, calls_per_month: 300k, prefix: 1100, rest: 350, output: 222, hit: 0.9, deferrable: 0.2,
 *              seats: 40, resolved: 0.6, p95_ms: 1500}
 *   quotes:
 *     - {vendor: A, in: 0.60, out: 3.60, read: 0.1, batch: 0.5, precision: fp8, p95_ms: 900}
 *     - {vendor: B, billing: call, unit_price: 0.002}
 *     - {vendor: C, billing: seat, unit_price: 30, training: apart}
 *     - {vendor: D, billing: provisioned, unit_price: 900, unit_tokens: 400M, tiers: [{above: 1G, discount: 10 %}]}
 */
#include "plan/quote.h"

#include <math.h>
#include <stdio.h>

#include "plan/families.h"
#include "plan/node.h"
#include "plan/say.h"

static int read_workload(struct quote_plan *p, struct conf_doc *d, const struct conf_node *n)
{
	static const char *const keys[] = {"name", "calls_per_month", "p95_ms", "model", "input",
#define X(name, unit, least, most, fallback, help) #name,
					   WORKLOAD_FIGURES(X)
#undef X
					   NULL};
	static const struct {
		const char *name, *unit;
		double least, most, fallback;
	} figures[W_FIGURES] = {
#define X(name, unit, least, most, fallback, help) {#name, unit, least, most, fallback},
		WORKLOAD_FIGURES(X)
#undef X
	};
	struct workload *w = &p->workload;
	int rc = node_keys(d, n, keys);
	double v;
	if (p->has_workload)
		return conf_error(d, n, "a second workload: quotes are compared on one");
	if (rc < 0)
		return rc;
	memset(w, 0, sizeof *w);
	const struct conf_node *name = conf_get(n, "name");
	if (name && name->type == CONF_SCALAR)
		str_copy(w->name, sizeof w->name, name->scalar);
	for (unsigned i = 0; i < W_FIGURES; i++) {
		v = figures[i].fallback;
		rc |= node_member(d, n, figures[i].name, figures[i].unit, figures[i].least, figures[i].most,
				  &p->currency, &v);
		w->v[i] = dist_point(v);
	}
	v = w->v[W_volume].mode;
	rc |= node_member(d, n, "calls_per_month", "calls", 0, ANY, &p->currency, &v);
	w->v[W_volume] = dist_point(v);
	v = w->v[W_rest].mode;
	rc |= node_member(d, n, "input", "tokens", 0, ANY, &p->currency, &v);
	w->v[W_rest] = dist_point(v);
	p->p95_wanted_ms = NAN;
	rc |= node_member(d, n, "p95_ms", "ms", 0, ANY, &p->currency, &p->p95_wanted_ms);
	if (rc == 0 && w->v[W_volume].mode <= 0)
		rc = conf_error(d, n, "the workload needs its volume: calls_per_month");
	if (rc == 0 && w->v[W_hit].mode > 0 && w->v[W_prefix].mode == 0)
		rc = conf_error(d, n, "hit is %g but there is no prefix: a hit rate needs a prefix", w->v[W_hit].mode);
	p->has_workload = true;
	return rc;
}

static int read_tiers(struct quote_plan *p, struct conf_doc *d, const struct conf_node *n, struct quote *q)
{
	static const char *const keys[] = {"above", "discount", NULL};
	if (n->type != CONF_LIST)
		return conf_error(d, n, "tiers is a list: [{above: 1G, discount: 10 %%}]");
	for (const struct conf_node *t = n->first; t; t = t->next) {
		double above = NAN, discount = NAN;
		if (q->tiers == QUOTE_TIERS)
			return conf_error(d, t, "at most %d tiers", QUOTE_TIERS);
		int rc = node_keys(d, t, keys);
		rc |= node_member(d, t, "above", "tokens", 0, ANY, &p->currency, &above);
		rc |= node_member(d, t, "discount", "share", 0, 1, &p->currency, &discount);
		if (rc < 0 || isnan(above) || isnan(discount))
			return rc < 0 ? rc : conf_error(d, t, "a tier is {above: tokens a month, discount: share}");
		q->tier[q->tiers].above_tok = above;
		q->tier[q->tiers++].discount = discount;
	}
	return 0;
}

static int read_quote(struct quote_plan *p, struct conf_doc *d, const struct conf_node *n, const struct book *b,
		      int64_t now_us)
{
	static const char *const keys[] = {"vendor", "name", "billing", "model", "in", "out", "read", "write", "batch",
					   "unit_price", "price", "unit_tokens", "resolved", "seats", "minimum", "once",
					   "training", "precision", "p95_ms", "rate_limit", "tiers", NULL};
	const struct conf_node *k;
	struct err e = {0};
	if (p->quotes == QUOTES)
		return conf_error(d, n, "at most %d quotes", QUOTES);
	struct quote *q = &p->quote[p->quotes];
	memset(q, 0, sizeof *q);
	q->price = (struct plan_model){.in = NAN, .read = 1, .write = 1, .batch = 1};
	q->unit_price = q->p95_ms = q->rate_limit_tok = NAN;
	q->resolved = p->workload.v[W_resolved].mode;
	q->seats = p->workload.v[W_seats].mode;
	int rc = node_keys(d, n, keys);
	if (rc < 0)
		return rc;
	if (!(k = node_get(n, "vendor", "name")) || k->type != CONF_SCALAR)
		return conf_error(d, n, "a quote needs its vendor");
	str_copy(q->vendor, sizeof q->vendor, k->scalar);
	if ((k = conf_get(n, "precision")) && k->type == CONF_SCALAR)
		str_copy(q->precision, sizeof q->precision, k->scalar);
	if ((k = conf_get(n, "billing"))) {
		unsigned i = 0;
		while (i < BILLINGS && !(k->type == CONF_SCALAR && str_eqc(k->scalar, billing_name((enum billing)i))))
			i++;
		if (i == BILLINGS)
			return conf_error(d, k, "billing is token, call, seat, resolution or provisioned");
		q->billing = (enum billing)i;
	}
	if ((k = conf_get(n, "model"))) {
		if (k->type != CONF_SCALAR || plan_model_read(b, k->scalar, now_us, &q->price, &e) < 0)
			return conf_error(d, k, "%s", e.what);
		if (q->price.currency.code[0] && p->currency.code[0] && !currency_eq(q->price.currency, p->currency))
			return conf_error(d, k, "mixed currencies: the price book has it in %s, the quotes are in %s",
					  q->price.currency.code, p->currency.code);
		if (q->price.currency.code[0])
			p->currency = q->price.currency;
		q->cache_known = q->price.read < 1;
		q->batch_known = q->price.batch < 1;
	}
	rc |= node_member(d, n, "in", "money/Mtok", 0, ANY, &p->currency, &q->price.in);
	rc |= node_member(d, n, "out", "money/Mtok", 0, ANY, &p->currency, &q->price.out);
	rc |= node_member(d, n, "read", "times", 0, 1, &p->currency, &q->price.read);
	rc |= node_member(d, n, "write", "times", 0, 10, &p->currency, &q->price.write);
	rc |= node_member(d, n, "batch", "times", 0, 1, &p->currency, &q->price.batch);
	rc |= node_member(d, n, "price", "money", 0, ANY, &p->currency, &q->unit_price);
	rc |= node_member(d, n, "unit_price", "money", 0, ANY, &p->currency, &q->unit_price);
	rc |= node_member(d, n, "unit_tokens", "tokens", 1, ANY, &p->currency, &q->unit_tokens);
	rc |= node_member(d, n, "resolved", "share", 0, 1, &p->currency, &q->resolved);
	rc |= node_member(d, n, "seats", "seats", 0, ANY, &p->currency, &q->seats);
	rc |= node_member(d, n, "minimum", "money", 0, ANY, &p->currency, &q->minimum);
	rc |= node_member(d, n, "once", "money", 0, ANY, &p->currency, &q->once);
	rc |= node_member(d, n, "p95_ms", "ms", 0, ANY, &p->currency, &q->p95_ms);
	rc |= node_member(d, n, "rate_limit", "tokens", 0, ANY, &p->currency, &q->rate_limit_tok);
	if ((k = conf_get(n, "tiers")))
		rc |= read_tiers(p, d, k, q);
	q->cache_known |= conf_get(n, "read") != NULL;
	q->batch_known |= conf_get(n, "batch") != NULL;
	if ((k = conf_get(n, "training"))) {
		q->apart_known = true;
		q->billed_apart = k->type == CONF_SCALAR && str_eqc(k->scalar, "apart");
		if (!q->billed_apart && !(k->type == CONF_SCALAR && str_eqc(k->scalar, "included")))
			rc |= conf_error(d, k, "training is apart or included");
	}
	if (rc < 0)
		return -RR_CONFIG;
	if (q->billing == BILL_TOKEN && isnan(q->price.in))
		return conf_error(d, n, "%s needs in and out: its prices per million tokens", q->vendor);
	if (q->billing != BILL_TOKEN && isnan(q->unit_price))
		return conf_error(d, n, "%s bills by %s: it needs unit_price", q->vendor, billing_name(q->billing));
	if (q->billing == BILL_PROVISIONED && q->unit_tokens <= 0)
		return conf_error(d, n, "%s needs unit_tokens: what one unit carries a month", q->vendor);
	if (q->billing == BILL_SEAT && q->seats <= 0)
		return conf_error(d, n, "%s bills by seat: give seats in the workload", q->vendor);
	p->quotes++;
	return 0;
}

int quote_read(struct quote_plan *p, struct conf_doc *d, const struct book *b, int64_t now_us)
{
	static const char *const keys[] = {"currency",  "workload", "quotes",     "vendor", "name",
					   "billing",   "model",    "in",         "out",    "read",
					   "write",     "batch",    "unit_price", "price",  "unit_tokens",
					   "resolved",  "seats",    "minimum",    "once",   "training",
					   "precision", "p95_ms",   "rate_limit", "tiers",  NULL};
	const struct conf_node *n, *root = d->root;
	if (!root || node_keys(d, root, keys) < 0)
		return -RR_CONFIG;
	if ((n = conf_get(root, "currency"))) {
		struct currency cur;
		if (n->type != CONF_SCALAR || currency_parse(n->scalar, &cur) < 0)
			return conf_error(d, n, "no currency code such as GBP");
		if (p->currency.code[0] && !currency_eq(cur, p->currency))
			return conf_error(d, n, "mixed currencies: %s here, %s before", cur.code, p->currency.code);
		p->currency = cur;
	}
	if ((n = conf_get(root, "workload")) && read_workload(p, d, n) < 0)
		return -RR_CONFIG;
	n = conf_get(root, "quotes");
	if (n && n->type != CONF_LIST)
		return conf_error(d, n, "quotes is a list");
	for (const struct conf_node *q = n ? n->first : NULL; q; q = q->next)
		if (read_quote(p, d, q, b, now_us) < 0)
			return -RR_CONFIG;
	if (conf_get(root, "vendor")) { /* a file that is one quote: the keys above stand at its top */
		struct conf_node one = *root;
		if (conf_get(root, "workload") || n || conf_get(root, "currency"))
			return conf_error(d, root, "a file is one quote, or has workload and quotes");
		return read_quote(p, d, &one, b, now_us);
	}
	return 0;
}

static double quote_month(const struct quote *q, const struct workload *w, double times)
{
	double v[W_FIGURES];
	struct workload billed = *w;
	for (unsigned i = 0; i < W_FIGURES; i++)
		v[i] = w->v[i].mode;
	double tasks = v[W_volume] * times;
	billed.billing = q->billing;
	v[W_unit_price] = q->unit_price;
	v[W_unit_tokens] = q->unit_tokens;
	v[W_resolved] = q->resolved;
	v[W_seats] = q->seats * times;
	v[W_batched] = q->batch_known ? v[W_deferrable] : 0;
	bool caching = q->cache_known && v[W_hit] > 0;
	double bill = workload_month(&billed, v, tasks, task_money(v, &q->price, NULL, caching), 1);
	double tokens = tasks * task_tokens(v), discount = 0, reached = -1;
	for (unsigned i = 0; i < q->tiers; i++)
		if (tokens > q->tier[i].above_tok && q->tier[i].above_tok > reached) {
			reached = q->tier[i].above_tok;
			discount = q->tier[i].discount;
		}
	return fmax(q->minimum, bill * (1 - discount));
}

static void write_questions(struct quote_plan *p)
{
	char a[64], b[64], c[64];
	struct currency none = {{0}};
	double calls = p->workload.v[W_volume].mode, prefix = p->workload.v[W_prefix].mode;
	double input = p->input[0] / calls;
	snprintf(p->question[0], sizeof p->question[0],
		 "We send %s a month: %s of input and %s of output. How is it billed (per token, call, seat, "
		 "resolution or "
		 "provisioned unit), and what is the price of each for our mix, in money per million tokens?",
		 value_text(calls, "calls", none, a), value_text(p->input[0], "tokens", none, b),
		 value_text(p->output[0], "tokens", none, c));
	snprintf(p->question[1], sizeof p->question[1],
		 "%s of our %s of input per call repeat from call to call. What does a cached token cost to read and "
		 "to write, from "
		 "which length on, for how long is it kept, and is it in the usage report?",
		 value_text(prefix, "tokens", none, a), value_text(input, "tokens", none, b));
	snprintf(p->question[2], sizeof p->question[2],
		 "%s of our calls can wait 24 hours. What is the batch discount, does it multiply with the cache "
		 "discount, and what "
		 "happens to calls that expire?",
		 value_text(p->workload.v[W_deferrable].mode, "share", none, a));
	snprintf(p->question[3], sizeof p->question[3],
		 "At ten times our volume, %s a month: what is the price, what are the rate limits, and what p95 do "
		 "you commit to "
		 "(we need %s at our lengths)? Which model and precision answers, and when does it retire?",
		 value_text(p->tokens[1], "tokens", none, a),
		 isnan(p->p95_wanted_ms) ? "a figure" : value_text(p->p95_wanted_ms, "ms", none, b));
	snprintf(p->question[4], sizeof p->question[4],
		 "Are training and inference billed apart? What do fine-tuning, retraining and the hosting of a tuned "
		 "model cost, "
		 "and who owns it when the base model retires?");
	double month = p->best[0] >= 0 ? p->quote[p->best[0]].month[0] : 0,
	       once = p->best[0] >= 0 ? p->quote[p->best[0]].once : 0;
	snprintf(p->cap_inference, sizeof p->cap_inference,
		 "Inference cap. The charges for inference (tokens, calls, seats, hosting and storage of caches) shall "
		 "not exceed %s "
		 "in a calendar month, nor %s, without the customer's prior written consent. At 80 %% the supplier "
		 "gives notice; at "
		 "100 %% it refuses further calls instead of charging them.",
		 value_text(month * 1.2, "money", p->currency, a), value_text(p->tokens[0] * 1.2, "tokens", none, b));
	snprintf(p->cap_training, sizeof p->cap_training,
		 "Training cap. The charges for training (fine-tuning, retraining, evaluation, labelling, set-up) "
		 "shall be invoiced "
		 "apart from inference and shall not exceed %s and 2 jobs in a quarter without the customer's prior "
		 "written consent; "
		 "each job needs an order that names data, epochs and price.",
		 once > 0 ? value_text(once, "money", p->currency, a) : value_text(month * 3, "money", p->currency, a));
}

int quote_compare(struct quote_plan *p, struct err *e)
{
	double v[W_FIGURES];
	if (!p->has_workload) {
		err_set(e, RR_INPUT, "no workload in these files: quotes are compared on one");
		return err_hint(e, "workload: {calls_per_month: 300k, prefix: 1100, rest: 350, output: 222}");
	}
	if (!p->quotes)
		return err_set(e, RR_INPUT, "no quotes in these files");
	for (unsigned i = 0; i < W_FIGURES; i++)
		v[i] = p->workload.v[i].mode;
	for (unsigned x = 0; x < 2; x++) {
		double times = x ? 10 : 1, tasks = v[W_volume] * times;
		p->tokens[x] = tasks * task_tokens(v);
		p->output[x] = tasks * v[W_turns] * v[W_output];
		p->input[x] = p->tokens[x] - p->output[x];
		p->best[x] = -1;
		for (unsigned i = 0; i < p->quotes; i++) {
			struct quote *q = &p->quote[i];
			q->month[x] = quote_month(q, &p->workload, times);
			q->per_mtok[x] = q->month[x] / p->tokens[x] * 1e6;
			q->per_task[x] = q->month[x] / tasks;
			if (!(p->tokens[x] > q->rate_limit_tok) &&
			    (p->best[x] < 0 || q->month[x] < p->quote[p->best[x]].month[x]))
				p->best[x] = (int)i;
		}
	}
	write_questions(p);
	return 0;
}

void quote_json(const struct quote_plan *p, struct sb *out)
{
	static const char *const at[] = {"at_1x", "at_10x"};
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "plan", "quote");
	jw_key(&w, "currency");
	jw_cstr(&w, p->currency.code[0] ? p->currency.code : NULL);
	jw_kdouble(&w, "tokens_million_per_month", p->tokens[0] / 1e6);
	jw_key(&w, "quotes");
	jw_array(&w);
	for (unsigned i = 0; i < p->quotes; i++) {
		const struct quote *q = &p->quote[i];
		jw_object(&w);
		jw_kcstr(&w, "vendor", q->vendor);
		jw_kcstr(&w, "billing", billing_name(q->billing));
		for (unsigned x = 0; x < 2; x++) {
			jw_key(&w, at[x]);
			jw_object(&w);
			jw_kdouble(&w, "per_month", q->month[x]);
			jw_kdouble(&w, "per_mtok", q->per_mtok[x]);
			jw_kdouble(&w, "per_task", q->per_task[x]);
			jw_kbool(&w, "within_rate_limit", !(p->tokens[x] > q->rate_limit_tok));
			jw_end_object(&w);
		}
		jw_kdouble(&w, "once", q->once);
		jw_kdouble(&w, "p95_ms", q->p95_ms);
		jw_kcstr(&w, "precision", q->precision[0] ? q->precision : NULL);
		jw_kbool(&w, "cache_price_given", q->cache_known);
		jw_kbool(&w, "batch_price_given", q->batch_known);
		jw_key(&w, "training");
		jw_cstr(&w, !q->apart_known ? NULL : q->billed_apart ? "apart" : "included");
		jw_end_object(&w);
	}
	jw_end_array(&w);
	for (unsigned x = 0; x < 2; x++) {
		jw_key(&w, x ? "cheapest_at_10x" : "cheapest_at_1x");
		jw_cstr(&w, p->best[x] < 0 ? NULL : p->quote[p->best[x]].vendor);
	}
	jw_key(&w, "questions");
	jw_array(&w);
	for (unsigned i = 0; i < QUOTE_QUESTIONS; i++)
		jw_cstr(&w, p->question[i]);
	jw_end_array(&w);
	jw_key(&w, "caps");
	jw_object(&w);
	jw_kcstr(&w, "inference", p->cap_inference);
	jw_kcstr(&w, "training", p->cap_training);
	jw_end_object(&w);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

void quote_text(const struct quote_plan *p, struct sb *out)
{
	char a[64], b[64], c[64], d[64], e[64];
	struct currency none = {{0}};
	sb_addf(out, "Quotes on one workload: %s million tokens a month%s%s\n\n",
		value_text(p->tokens[0] / 1e6, "", none, a), p->currency.code[0] ? ", in " : "", p->currency.code);
	sb_addf(out, "%-18s%-12s%12s%10s%13s%10s  %-8s%s\n", "", "billed by", "month 1x", "per M", "month 10x", "per M",
		"p95 ms", "precision");
	for (unsigned i = 0; i < p->quotes; i++) {
		const struct quote *q = &p->quote[i];
		sb_addf(out, "%-18.17s%-12s%12s%10s%13s%10s  %-8s%s\n", q->vendor, billing_name(q->billing),
			value_text(q->month[0], "money", none, a), value_text(q->per_mtok[0], "money", none, b),
			value_text(q->month[1], "money", none, c), value_text(q->per_mtok[1], "money", none, d),
			value_text(q->p95_ms, "", none, e), q->precision[0] ? q->precision : "not said");
	}
	for (unsigned x = 0; x < 2; x++)
		if (p->best[x] >= 0)
			sb_addf(out, "%sCheapest at %s: %s\n", x ? "" : "\n", x ? "10x" : "1x",
				p->quote[p->best[x]].vendor);
	for (unsigned i = 0; i < p->quotes; i++) {
		const struct quote *q = &p->quote[i];
		if (p->tokens[1] > q->rate_limit_tok)
			sb_addf(out, "%s does not carry ten times the volume.\n", q->vendor);
		if (q->billing == BILL_TOKEN && (!q->cache_known || !q->batch_known))
			sb_addf(out, "%s named no %s price: it is compared without.\n", q->vendor,
				!q->cache_known && !q->batch_known ? "cache and no batch"
				: !q->cache_known                  ? "cache"
								   : "batch");
	}
	sb_adds(out, "\nFive questions to send\n");
	for (unsigned i = 0; i < QUOTE_QUESTIONS; i++) {
		sb_addf(out, "%u.", i + 1);
		plan_say_paragraph(out, str_of(p->question[i]), 1, 3);
	}
	sb_adds(out, "\nTwo caps for the contract\n");
	plan_say_paragraph(out, str_of(p->cap_inference), 0, 0);
	plan_say_paragraph(out, str_of(p->cap_training), 0, 0);
}
