/* SPDX-License-Identifier: Apache-2.0
 *
 * See book_check.h. The linter knows what vendors promise about their own prices, because a price table is wrong more
 * often than the arithmetic (C18: a public table had one-hour writes 12 times too dear and 5 times too cheap):
 *
 *   Anthropic   write 5 m = 1.25 x input, 1 h = 2.00 x, read = 0.10 x, but for the models in `reads`
 *   OpenAI      from GPT-5.6 on: write = 1.25 x, kept for 12 h = 2.50 x
 *   everybody   batch = 0.5 x the standard price of plain input and of output; output not below input; a zero is
 *               written "free"; no two rules hold at the same time under the same conditions; source and date; a rule
 *               that says from which ratio it was derived is that multiple, to the last digit; a long-context step
 *               for the input has one for every other token price (C20, C23)
 */
#include "model/book_check.h"

#include <stdio.h>

#include "base/csv.h"
#include "model/book_i.h"

struct lint {
	const struct book *b;
	const struct book_model *m;
	lint_found *found;
	void *to;
	unsigned errors;
};

static void tell(struct lint *l, const struct lint_finding *f)
{
	l->errors += f->error;
	l->found(l->to, f);
}

#define say(l, r, is_error, ...)                                                                                       \
	do {                                                                                                           \
		struct lint_finding f_ = {.error = (is_error), .rule = (r)};                                           \
		snprintf(f_.text, sizeof f_.text, __VA_ARGS__);                                                        \
		tell((l), &f_);                                                                                        \
	} while (0)

static bool same_but(const struct price_rule *a, const struct price_rule *b, bool tier, bool region, bool above)
{
	return (tier || (a->tier == b->tier && a->fast == b->fast)) && (region || str_eq(a->region, b->region)) &&
	       (above || a->above_input_tok == b->above_input_tok) && a->window_from_min == b->window_from_min &&
	       a->window_to_min == b->window_to_min && a->weekdays == b->weekdays &&
	       a->valid_from_us < b->valid_to_us && b->valid_from_us < a->valid_to_us;
}

/* The rule of another meter, tier or region that r is to be compared with. */
static const struct price_rule *peer(const struct lint *l, const struct price_rule *r, enum meter meter, bool standard,
				     bool no_region, bool no_step)
{
	for (uint32_t i = 0; i < l->m->rule_count; i++) {
		const struct price_rule *o = &l->b->rule[l->m->first_rule + i].r;
		if (o == r || o->meter != meter || !same_but(r, o, standard, no_region, no_step))
			continue;
		if ((standard && (o->tier != TIER_UNKNOWN || o->fast)) || (no_region && o->region.n) ||
		    (no_step && o->above_input_tok))
			continue;
		return o;
	}
	return NULL;
}

/* a is x / 10000 of b; equal to the last digit, both per the same number of units. */
static bool is_ratio(const struct price_rule *a, const struct price_rule *b, unsigned x)
{
	money_wide left, right;
	if (money_mul(a->listed_atto, (money_wide)10000 * b->listed_per, &left) ||
	    money_mul(b->listed_atto, (money_wide)x * a->listed_per, &right))
		return false;
	return left == right;
}

static void want_ratio(struct lint *l, const struct price_rule *r, const struct price_rule *base, unsigned x,
		       const char *of)
{
	char have[MONEY_TEXT], is[MONEY_TEXT];
	if (!base || is_ratio(r, base, x))
		return;
	say(l, r, true, "%s per %u is not %u.%02u x the %s price %s", money_text_atto(r->listed_atto, have),
	    r->listed_per, x / 10000, x % 10000 / 100, of, money_text_atto(base->listed_atto, is));
}

/* Cache reads that are not 0.10 x the input (vendor's page, October 2026); ends before these names' own versions. */
static const struct {
	const char *model;
	unsigned read; /* of 10000 */
} reads[] = {
	{"claude-opus-5-5", 500},   {"claude-fable-5-1", 250}, {"claude-mythos-5-1", 250},
	{"claude-sonnet-5-5", 500}, {"claude-3-haiku", 1200},
};

static bool claude(struct str model, const char *name)
{
	return str_contains(model, str_of(name));
}

static void lint_anthropic(struct lint *l, const struct price_rule *r)
{
	const struct price_rule *in = peer(l, r, METER_TOKEN_CLASS_0 + CLASS_IN_PLAIN, false, false, false);
	bool haiku3 = claude(r->model, "claude-3-haiku"); /* 0.25 / 0.30 / 0.03: rounded by the vendor */
	if (!in)
		return;
	if (r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_WRITE_1H)
		want_ratio(l, r, in, 20000, "input");
	if (r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_WRITE_5M ||
	    r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_WRITE)
		want_ratio(l, r, in, haiku3 ? 12000 : 12500, "input");
	if (r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_READ && !is_ratio(r, in, 1000)) {
		for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
			if (claude(r->model, reads[i].model) && is_ratio(r, in, reads[i].read))
				return;
		want_ratio(l, r, in, 1000, "input");
	}
}

static void lint_openai(struct lint *l, const struct price_rule *r)
{
	const struct price_rule *in = peer(l, r, METER_TOKEN_CLASS_0 + CLASS_IN_PLAIN, false, false, false);
	bool charged = str_starts(r->model, STR("gpt-5.6")) || str_starts(r->model, STR("gpt-6"));
	if (in && charged &&
	    (r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_WRITE ||
	     r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_WRITE_30M))
		want_ratio(l, r, in, 12500, "input");
	if (in && r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_WRITE_12H)
		want_ratio(l, r, in, 25000, "input");
}

/* "0.5x standard", "1.1x any region", "2x base above 272000 input tokens": the stated multiple of the stated rule. */
static void lint_derived(struct lint *l, const struct price_rule *r)
{
	struct str rest = r->derived_from, factor = str_cut(&rest, 'x');
	const struct price_rule *from = NULL;
	money_wide x;
	rest = str_trim(rest);
	if (!r->derived_from.n || money_parse_atto(factor, &x, NULL))
		return;
	if (str_eqc(rest, "standard"))
		from = peer(l, r, r->meter, true, false, false);
	else if (str_eqc(rest, "any region"))
		from = peer(l, r, r->meter, false, true, false);
	else if (str_starts(rest, STR("base above")))
		from = peer(l, r, r->meter, false, false, true);
	if (from)
		want_ratio(l, r, from, (unsigned)money_round(x, PICO_PER_UNIT * 100), "rule it is derived from");
}

static void lint_rule(struct lint *l, const struct price_rule *r)
{
	const struct price_rule *o;
	bool own = l->m->format == BOOK_OWN;
	if (r->agreed) /* its list price is looked at */
		return;
	if (r->listed_atto == 0 && !r->free)
		say(l, r, true, "a price of zero that nobody calls free");
	if (own && (r->source.n == 0 || r->source_date.n == 0))
		say(l, r, true, "no %s", r->source.n ? "source date" : "source");
	for (uint32_t i = 0; i < l->m->rule_count; i++) {
		o = &l->b->rule[l->m->first_rule + i].r;
		if (o > r && o->meter == r->meter && o->rank == r->rank && o->any_tier == r->any_tier &&
		    o->agreed == r->agreed && same_but(r, o, false, false, false))
			say(l, r, true, "holds at the same time as %.*s", STR_ARG(o->id));
	}
	if (str_contains(r->model, STR("claude")))
		lint_anthropic(l, r);
	if (str_eqc(r->provider, "openai"))
		lint_openai(l, r);
	lint_derived(l, r);
	if (r->tier == TIER_BATCH &&
	    (r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_PLAIN || r->meter == METER_TOKEN_CLASS_0 + CLASS_OUT_TEXT))
		want_ratio(l, r, peer(l, r, r->meter, true, false, false), 5000, "standard");
	o = r->meter == METER_TOKEN_CLASS_0 + CLASS_OUT_TEXT
		    ? peer(l, r, METER_TOKEN_CLASS_0 + CLASS_IN_PLAIN, false, false, false)
		    : NULL;
	if (o && !r->free && r->price_atto < o->price_atto)
		say(l, r, false, "output is cheaper than input");
	if (r->meter == METER_TOKEN_CLASS_0 + CLASS_IN_PLAIN && r->above_input_tok)
		for (unsigned k = 1; k < CLASSES; k++) {
			struct price_rule like = *r;
			like.above_input_tok = 0;
			o = peer(l, &like, (enum meter)k, false, false, false);
			if (o && !peer(l, r, (enum meter)k, false, false, false))
				say(l, o, false, "has no price above %llu input tokens, though the input has",
				    (unsigned long long)r->above_input_tok);
		}
}

unsigned book_lint(const struct book *b, lint_found *found, void *to)
{
	struct lint l = {.b = b, .found = found, .to = to};
	for (uint32_t m = 0; m < b->models; m++) {
		l.m = &b->model[m];
		for (uint32_t i = 0; i < l.m->rule_count; i++)
			lint_rule(&l, &b->rule[l.m->first_rule + i].r);
	}
	return l.errors;
}

/* ---- two books ---- */

static bool kept(struct str filter, struct str name)
{
	return filter.n == 0 || str_icontains(name, filter);
}

void book_compare(const struct book *a, const struct book *b, struct str provider, struct str model, int64_t at_us,
		  struct book_comparison *sum, difference_found *found, void *to)
{
	memset(sum, 0, sizeof *sum);
	for (uint32_t i = 0; i < a->models; i++) {
		struct price_query q = {
			.provider = a->provider[a->model[i].provider].id, .model = a->model[i].id, .at_us = at_us};
		size_t mine = book_find(a, q.provider, q.model), other;
		if (!kept(provider, q.provider) || !kept(model, q.model) || a->model[i].rule_count == 0 || mine != i)
			continue;
		sum->models++;
		other = book_find(b, q.provider, q.model);
		if (other == SIZE_MAX || b->model[other].rule_count == 0)
			continue;
		sum->models_in_both++;
		for (unsigned k = 0; k < METERS; k++) {
			struct book_difference d = {q.provider, q.model, (enum meter)k, NULL, NULL, 0};
			d.a = price_rule_for(a, &q, d.meter, TIER_UNKNOWN, 0, false);
			d.b = price_rule_for(b, &q, d.meter, TIER_UNKNOWN, 0, false);
			if (!d.b &&
			    d.meter == METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_WRITE_5M) /* one source has a life for it,
											 the other has not */
				d.b = price_rule_for(b, &q, METER_TOKEN_CLASS_0 + CLASS_IN_CACHE_WRITE, TIER_UNKNOWN, 0,
						     false);
			if (!d.a)
				continue;
			if (!d.b) {
				sum->only_a++;
				found(to, &d);
				continue;
			}
			sum->prices_in_both++;
			if (d.a->price_atto == d.b->price_atto && currency_eq(d.a->currency, d.b->currency))
				continue;
			sum->disagree++;
			if (d.a->price_atto)
				d.relative =
					((double)d.b->price_atto - (double)d.a->price_atto) / (double)d.a->price_atto;
			found(to, &d);
		}
	}
}

/* ---- as CSV ---- */

static void write_names(const struct book *b, uint32_t model, struct sb *out)
{
	bool first = true;
	for (uint32_t i = 0; i < b->names; i++)
		if (b->name[i].model == model && !str_ieq(b->name[i].name, b->model[model].id)) {
			if (!first)
				sb_addc(out, ' ');
			sb_add_str(out, b->name[i].name);
			first = false;
		}
}

static void write_time(int64_t us, struct sb *out)
{
	char text[TIME_TEXT];
	if (us != 0 && us != INT64_MAX)
		sb_adds(out, us % US_PER_DAY ? time_text(us, text) : time_date(us, text));
}

static void write_rule(const struct price_rule *r, struct sb *out)
{
	static const char *const day[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	char amount[MONEY_TEXT];
	bool first = true;
	sb_addf(out, ",%s,%s,%u,%s,%s,", meter_name(r->meter),
		r->free ? "free" : money_text_atto(r->listed_atto, amount), r->listed_per, r->currency.code,
		r->any_tier               ? "any"
		: r->tier > TIER_STANDARD ? tier_name(r->tier)
					  : "");
	csv_write_text(out, r->region);
	sb_addf(out, ",%s,", r->fast ? "fast" : "");
	if (r->above_input_tok)
		sb_add_u64(out, r->above_input_tok);
	sb_addc(out, ',');
	write_time(r->valid_from_us, out);
	sb_addc(out, ',');
	write_time(r->valid_to_us, out);
	sb_addc(out, ',');
	if (r->window_from_min != r->window_to_min)
		sb_addf(out, "%02u:%02u-%02u:%02u", r->window_from_min / 60u, r->window_from_min % 60u,
			r->window_to_min / 60u, r->window_to_min % 60u);
	sb_addc(out, ',');
	for (unsigned i = 0; i < 7; i++)
		if (r->weekdays & (1u << i)) {
			sb_addf(out, "%s%s", first ? "" : " ", day[i]);
			first = false;
		}
	sb_addc(out, ',');
	csv_write_text(out, r->source);
	sb_addc(out, ',');
	sb_add_str(out, r->source_date);
	sb_addc(out, ',');
	csv_write_text(out, r->derived_from);
	sb_addc(out, ',');
	csv_write_text(out, r->note);
	sb_addc(out, '\n');
}

void book_write_csv(const struct book *b, struct str provider, struct str model, struct sb *out)
{
	sb_adds(out,
		"provider,model,match,meter,price,per,currency,tier,region,speed,above_input_tok,valid_from,valid_to,"
		"window_utc,weekdays,source,source_date,derived_from,note\n");
	for (uint32_t m = 0; m < b->models; m++) {
		const struct book_model *from = &b->model[m];
		struct str p = b->provider[from->provider].id;
		if (!kept(provider, p) || !kept(model, from->id))
			continue;
		for (uint32_t i = 0; i < from->rule_count; i++) {
			csv_write_text(out, p);
			sb_addc(out, ',');
			csv_write_text(out, from->id);
			sb_addc(out, ',');
			if (i == 0)
				write_names(b, m, out);
			write_rule(&b->rule[from->first_rule + i].r, out);
		}
	}
}
