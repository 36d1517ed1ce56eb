/* SPDX-License-Identifier: Apache-2.0
 *
 * A cell of a report taken apart: each model's tokens by class, times the price of today's book for that class, as it
 * was in force then. What these products do not come to (a price that changed within the period, a long context, a
 * discount at the upstream, tools) is a line of its own: nothing is plugged.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/num.h"
#include "base/table.h"
#include "model/price.h"
#include "report/amounts.h"
#include "report/explain_i.h"
#include "report/first.h"
#include "report/overlap.h"

enum { GROUPS_MOST = 512, GROUPS_SHOWN = 6, SOURCE_COLUMNS = 38, BODY_BYTES = 1 << 20 };

struct group {
	uint32_t provider, model, currency;
	uint8_t tier;
	bool bill, from_export, from_gateway;
	int64_t last_us;
	uint64_t calls, measured, estimated, imported, tok[CLASSES], input, output;
	money_wide pico;
};
struct groups {
	struct group g[GROUPS_MOST];
	unsigned count;
	struct env_filter env;
	struct overlap *overlap;
	bool training; /* which book */
};

static int add_row(const struct rollup_row *whole, void *arg)
{
	struct groups *s = arg;
	struct rollup_row x;
	money_wide pico;
	struct group *g;
	unsigned i = 0;
	if (!overlap_rest(s->overlap, whole, &x) || !env_counts(s->env, &x.key) || !row_amount(&x, &pico) ||
	    x.key.book != (s->training ? BOOK_TRAINING : BOOK_INFERENCE))
		return 0;
	while (i < s->count && (s->g[i].provider != x.key.provider || s->g[i].model != x.key.model ||
			s->g[i].tier != x.key.tier ||
				s->g[i].currency != x.key.currency || s->g[i].bill != row_is_bill(&x.key)))
		i++;
	if (i == GROUPS_MOST)
		return 0; /* the total names what is not shown */
	g = &s->g[i];
	if (i == s->count) {
		s->count++;
		*g = (struct group){.provider = x.key.provider,
				    .model = x.key.model,
				    .currency = x.key.currency,
				    .tier = x.key.tier,
				    .bill = row_is_bill(&x.key)};
	}
	g->calls += row_calls(&x);
	*(x.key.provenance == PROV_MEASURED    ? &g->measured
	  : x.key.provenance == PROV_ESTIMATED ? &g->estimated
					       : &g->imported) += row_calls(&x);
	*(x.key.provenance == PROV_IMPORTED ? &g->from_export : &g->from_gateway) = true;
	g->input += x.sum.input_tok;
	g->output += x.sum.output_tok;
	g->pico += pico;
	g->last_us = x.key.hour_us > g->last_us ? x.key.hour_us : g->last_us;
	for (unsigned c = 0; c < CLASSES; c++)
		g->tok[c] += x.sum.tok[c];
	return 0;
}

static int dearest(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	if (x->pico != y->pico)
		return x->pico < y->pico ? 1 : -1;
	return str_cmp(intern_str(x->model), intern_str(y->model));
}

static const char *class_words(enum meter m)
{
	static const char *const words[CLASSES] = {[CLASS_IN_PLAIN] = "input tokens",
						   [CLASS_IN_CACHE_READ] = "cached tokens",
						   [CLASS_IN_CACHE_WRITE] = "cache writes",
						   [CLASS_IN_CACHE_WRITE_5M] = "cache writes, 5 min",
						   [CLASS_IN_CACHE_WRITE_1H] = "cache writes, 1 h",
						   [CLASS_OUT_TEXT] = "output tokens",
						   [CLASS_OUT_REASONING] = "reasoning tokens",
						   [CLASS_IN_AUDIO] = "audio input",
						   [CLASS_IN_IMAGE] = "image input",
						   [CLASS_OUT_AUDIO] = "audio output",
						   [CLASS_OUT_IMAGE] = "image output"};
	return m < METER_TOKEN_CLASS_0 + CLASSES && words[m - METER_TOKEN_CLASS_0] ? words[m - METER_TOKEN_CLASS_0]
			: meter_name(m);
}

static void cut(struct sb *out, struct str s)
{
	if (s.n > SOURCE_COLUMNS) {
		sb_add_utf8(out, str_sub(s, 0, SOURCE_COLUMNS - 1));
		sb_adds(out, "\xE2\x80\xA6");
	} else {
		sb_add_utf8(out, s);
	}
}

static void rule_lines(const struct price_result *r, struct sb *out)
{
	const struct price_rule *rule = r->lines ? r->line[0].rule : NULL;
	char price[MONEY_TEXT], day[TIME_TEXT];
	if (!rule)
		return;
	sb_addf(out, "Price row   %.*s\n            %s %s a million, in force %s%s\n", STR_ARG(rule->id), rule->currency.code,
		money_text_atto(rule->price_atto * 1000000, price), rule->valid_from_us ? "from " : "always",
		rule->valid_from_us ? time_date(rule->valid_from_us, day) : "");
	if (rule->source.n) {
		sb_adds(out, "            source  ");
		cut(out, rule->source);
		if (rule->source_date.n)
			sb_addf(out, ", seen %.*s", STR_ARG(rule->source_date));
		sb_addc(out, '\n');
	}
}

/* The products, and what they leave over. */
static void price_lines(struct explanation *x, struct arena *a, const struct group *g, const struct price_result *r,
		struct sb *out)
{
	char millions[32], price[MONEY_TEXT], amount[MONEY_SYMBOL], name[192];
	struct currency cur = currency_interned(g->currency);
	money_wide sum = 0, rest;
	struct str model = intern_str(g->model);
	for (unsigned i = 0; i < r->lines; i++) {
		const struct price_line *l = &r->line[i];
		money_wide pico = money_scale((money_wide)l->quantity, l->price_atto, 1000000 * (money_wide)l->scale);
		sum += pico;
		snprintf(millions, sizeof millions, "%.3f", (double)l->quantity * 1e-6 / l->scale);
		money_text_atto(l->price_atto * 1000000, price);
		sb_addf(out, "%14s M %-20s x %8s /M = %12s\n", millions, class_words(l->meter), price,
			money_symbol(cur, pico, money_decimals(g->pico), amount));
		if (x->terms + 2 > EXPLAIN_TERMS)
			continue;
		snprintf(name, sizeof name, "%.*s: %s", (int)(model.n < 100 ? model.n : 100), model.p,
			 class_words(l->meter));
		x->term[x->terms++] = (struct explain_term){
			arena_str(a, str_of(name)), arena_printf(a, "%llu", (unsigned long long)l->quantity), STR("token"),
			g->from_export ? STR("the vendor's export or a log") : STR("measured"), STR("")};
		if (l->rule)
			x->term[x->terms++] = (struct explain_term){
				arena_printf(a, "price of %s", class_words(l->meter)), arena_str(a, str_of(price)),
				arena_printf(a, "%s per million", cur.code), l->rule->source, l->rule->source_date};
	}
	if (r->lines && !g->tok[CLASS_IN_CACHE_READ] && g->input)
		sb_addf(out, "%14s M %-20s     <- nothing was cached\n", "0.000", "cached tokens");
	rest = g->pico - sum;
	if (rest > PICO_PER_UNIT / 1000000 || rest < -PICO_PER_UNIT / 1000000)
		sb_addf(out, "%14s   %-36s %12s\n", "", "another price in between, discounts, tools",
			money_symbol(cur, rest, money_decimals(g->pico), amount));
}

static void group_text(struct explanation *x, struct arena *a, const struct group *g, const struct book *book,
		struct sb *out)
{
	struct price_result *r = arena_new(a, struct price_result);
	struct usage u = {.flags = USAGE_SEEN, .tier = (enum tier)g->tier};
	struct price_query q = {.provider = intern_str(g->provider), .model = intern_str(g->model), .at_us = g->last_us,
			.context_tok = 1};
	char amount[MONEY_SYMBOL], n[32];
	struct str model = intern_str(g->model);
	money_symbol(currency_interned(g->currency), g->pico, money_decimals(g->pico), amount);
	model = model.n ? model : STR("(no model)");
	if (g->bill) {
		uint64_t tokens = g->input + g->output;
		struct sb said;
		sb_init(&said, 4096);
		sb_addf(&said, "%s is billed by %.*s for %.*s", amount, STR_ARG(intern_str(g->provider)),
			STR_ARG(model));
		if (tokens)
			sb_addf(&said, ": %.3f M tokens by the bill, which is %s a million", (double)tokens * 1e-6,
				money_symbol(currency_interned(g->currency),
					     money_round(g->pico * 1000000, (int64_t)tokens), 4, amount));
		else
			sb_adds(&said, ", without usage here");
		text_wrap(sb_str(&said), 0, 4, 80, out);
		sb_addc(out, '\n');
		sb_fini(&said);
		return;
	}
	sb_addf(out, "%s is ", amount);
	if (g->calls)
		sb_addf(out, "%s request%s on ", num_group(g->calls, n), g->calls == 1 ? "" : "s");
	else
		sb_adds(out, "the usage of ");
	cut(out, model);
	sb_addf(out, "%s%s:\n\n", g->tier > TIER_STANDARD ? ", " : "",
		g->tier > TIER_STANDARD ? tier_name((enum tier)g->tier) : "");
	memcpy(u.tok, g->tok, sizeof u.tok);
	if (!r || (price(book, &q, &u, r) && !r->lines)) {
		sb_addf(out, "  the price book of today has no price for it%s%s\n", r && r->why[0] ? ": " : "", r ? r->why : "");
		return;
	}
	price_lines(x, a, g, r, out);
	sb_addc(out, '\n');
	rule_lines(r, out);
	sb_addf(out, "Counted by  %s%s%s", g->from_gateway ? "the gateway" : "", g->from_gateway && g->from_export
			? " and " : "",
		g->from_export ? "the vendor's export or a log" : "");
	sb_addf(out, ", estimated: %s\n", num_group(g->estimated, n));
	if (g->output)
		sb_addf(out,
			"In words    The model read %.1f tokens for each one that it wrote; %.0f %% of what\n"
			"            it read came from its cache.\n",
			(double)g->input / (double)g->output,
			g->input ? (double)g->tok[CLASS_IN_CACHE_READ] * 100 / (double)g->input : 0);
}

int explain_groups(struct explanation *x, struct arena *a, struct ledger *l, const struct book *book,
		const struct report *r, bool training,
		   struct sb *out, struct err *e)
{
	struct groups *s = arena_new(a, struct groups);
	int rc;
	if (!s)
		return err_set(e, RR_NOMEM, "out of memory");
	memset(s, 0, sizeof *s);
	s->env = env_filter_of(r->query.env);
	s->training = training;
	s->overlap = overlap_new();
	rc = s->overlap ? overlap_read(s->overlap, l, r->query.from_us, r->query.to_us, e) : err_set(e, RR_NOMEM,
			"out of memory");
	if (!rc)
		rc = ledger_rollup_by(l, GRAIN_DAY, r->query.from_us, r->query.to_us, add_row, s, e);
	overlap_free(s->overlap);
	if (rc)
		return rc;
	qsort(s->g, s->count, sizeof *s->g, dearest);
	for (unsigned i = 0; i < s->count && i < GROUPS_SHOWN; i++) {
		if (out->n)
			sb_addc(out, '\n');
		group_text(x, a, &s->g[i], book, out);
	}
	if (s->count > GROUPS_SHOWN)
		sb_addf(out, "\n... and %u more models and tiers: runrate report --by model\n", s->count - GROUPS_SHOWN);
	return 0;
}
