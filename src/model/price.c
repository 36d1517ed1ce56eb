/* SPDX-License-Identifier: Apache-2.0
 *
 * See price.h. How one line finds its rule:
 *
 *   meter -> rules of the model for it -> those in force at the time (dates, hours of the day) and for the served
 *   tier, speed, region and size of input -> the most specific: a named region over any, the larger input
 *   threshold, an override over its base, certain hours over the whole day, the later date, the later row.
 *
 * Where the source lists no price at all for a meter, meter_next() says whose price stands in for it; that is a
 * property of the source's format, written down below with its reason. A price that exists for another tier only
 * is no such case: the tier was served and has no price, so the call is unpriced (C27).
 *
 * Sums are exact: each line is a fraction (quantity x listed price / listed units / scale), the lines are added
 * over a common denominator in 128 bits, and each sum is rounded once.
 */
#include "model/price.h"

#include <stdio.h>

#include "model/book_i.h"

/* Stand-ins, tried in order; the list ends with METERS.
 *
 * Every format: reasoning is billed as output unless listed apart (all vendors; C28).
 * own: images are billed as text tokens unless listed apart (OpenAI, Anthropic, Gemini say so). A write whose life is
 *   not stated had the vendor's default life, which is 5 minutes where lives are priced apart (Anthropic, Bedrock).
 * genai: units.yml defines ancestors, and a unit without a price is charged at its nearest priced ancestor.
 * litellm: its calculator bills cache reads and writes at the input rate where no cache rate is listed, audio and
 *   image input at the input rate. A one-hour write never stands on the five-minute price (C18), and audio or image
 *   output never on the text price (C36), though older versions of it did so.
 * modelsdev: input_audio and output_audio are listed "if billed separately". Its cache_write has no TTL; by value it
 *   is the five-minute one.
 * langfuse: a usage type without a price is not charged there; here it is unpriced. */
enum meter meter_next(enum book_format f, enum meter m, unsigned step)
{
	static const unsigned char genai[CLASSES][4] = {
		[CLASS_IN_CACHE_READ] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_CACHE_WRITE] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_CACHE_WRITE_5M] = {CLASS_IN_CACHE_WRITE, CLASS_IN_PLAIN, METERS},
		[CLASS_IN_CACHE_WRITE_30M] = {CLASS_IN_CACHE_WRITE, CLASS_IN_PLAIN, METERS},
		[CLASS_IN_CACHE_WRITE_1H] = {CLASS_IN_CACHE_WRITE, CLASS_IN_PLAIN, METERS},
		[CLASS_IN_AUDIO] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_AUDIO_CACHE_READ] = {CLASS_IN_AUDIO, CLASS_IN_CACHE_READ, CLASS_IN_PLAIN, METERS},
		[CLASS_IN_IMAGE] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_IMAGE_CACHE_READ] = {CLASS_IN_IMAGE, CLASS_IN_CACHE_READ, CLASS_IN_PLAIN, METERS},
		[CLASS_OUT_REASONING] = {CLASS_OUT_TEXT, METERS},
		[CLASS_OUT_AUDIO] = {CLASS_OUT_TEXT, METERS},
		[CLASS_OUT_IMAGE] = {CLASS_OUT_TEXT, METERS},
	};
	static const unsigned char litellm[CLASSES][4] = {
		[CLASS_IN_CACHE_READ] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_CACHE_WRITE] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_CACHE_WRITE_5M] = {CLASS_IN_CACHE_WRITE, CLASS_IN_PLAIN, METERS},
		[CLASS_IN_CACHE_WRITE_30M] = {CLASS_IN_CACHE_WRITE, CLASS_IN_PLAIN, METERS},
		[CLASS_IN_AUDIO] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_AUDIO_CACHE_READ] = {CLASS_IN_CACHE_READ, CLASS_IN_AUDIO, CLASS_IN_PLAIN, METERS},
		[CLASS_IN_IMAGE] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_IMAGE_CACHE_READ] = {CLASS_IN_CACHE_READ, CLASS_IN_IMAGE, CLASS_IN_PLAIN, METERS},
		[CLASS_OUT_REASONING] = {CLASS_OUT_TEXT, METERS},
	};
	static const unsigned char modelsdev[CLASSES][4] = {
		[CLASS_IN_CACHE_WRITE_5M] = {CLASS_IN_CACHE_WRITE, METERS},
		[CLASS_IN_CACHE_WRITE_30M] = {CLASS_IN_CACHE_WRITE, METERS},
		[CLASS_IN_AUDIO] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_AUDIO_CACHE_READ] = {CLASS_IN_CACHE_READ, METERS},
		[CLASS_IN_IMAGE] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_IMAGE_CACHE_READ] = {CLASS_IN_CACHE_READ, METERS},
		[CLASS_OUT_REASONING] = {CLASS_OUT_TEXT, METERS},
		[CLASS_OUT_AUDIO] = {CLASS_OUT_TEXT, METERS},
	};
	static const unsigned char own[CLASSES][4] = {
		[CLASS_IN_CACHE_WRITE] = {CLASS_IN_CACHE_WRITE_5M, METERS},
		[CLASS_IN_CACHE_WRITE_5M] = {CLASS_IN_CACHE_WRITE, METERS},
		[CLASS_IN_CACHE_WRITE_30M] = {CLASS_IN_CACHE_WRITE, METERS},
		[CLASS_IN_IMAGE] = {CLASS_IN_PLAIN, METERS},
		[CLASS_IN_IMAGE_CACHE_READ] = {CLASS_IN_CACHE_READ, METERS},
		[CLASS_OUT_REASONING] = {CLASS_OUT_TEXT, METERS},
	};
	static const unsigned char(*const table[])[4] = {[BOOK_OWN] = own,
							 [BOOK_GENAI] = genai,
							 [BOOK_LITELLM] = litellm,
							 [BOOK_MODELSDEV] = modelsdev,
							 [BOOK_LANGFUSE] = own};
	if ((unsigned)m < CLASSES) {
		const unsigned char *row = table[f][m];
		if (step >= 4 ||
		    (row[0] == 0 && row[1] == 0)) /* CLASS_IN_PLAIN is 0 too: a row that says it ends in METERS */
			return METERS;
		for (unsigned i = 0; i < step; i++)
			if (row[i] == METERS)
				return METERS;
		return (enum meter)row[step];
	}
	/* A grounded prompt is a web search by another vendor's name; some sources list only one of the two. */
	if (m == METER_TOOL_0 + TOOL_GROUNDING && step == 0 && f != BOOK_OWN)
		return METER_TOOL_0 + TOOL_WEB_SEARCH;
	return METERS;
}

struct conditions {
	int64_t at_us;
	uint16_t minute;
	uint8_t weekday; /* bit */
	enum tier tier;  /* TIER_UNKNOWN = standard */
	bool fast;
	struct str geo, region;
	uint64_t input_tok;
};

static void conditions_of(struct conditions *c, const struct price_query *q, const struct usage *u)
{
	int64_t day = q->at_us >= 0 ? q->at_us / US_PER_DAY : (q->at_us - US_PER_DAY + 1) / US_PER_DAY;
	c->at_us = q->at_us;
	c->minute = (uint16_t)((q->at_us - day * US_PER_DAY) / (60 * US_PER_S));
	c->weekday = (uint8_t)(1u << (((day + 3) % 7 + 7) % 7)); /* the epoch was a Thursday */
	c->tier = u->tier == TIER_STANDARD ? TIER_UNKNOWN : u->tier;
	c->fast = u->fast && c->tier != TIER_PRIORITY; /* OpenAI's fast is its priority tier */
	c->geo = str_of(u->geo);
	c->region = q->region;
	c->input_tok = q->context_tok ? q->context_tok : usage_input_tok(u);
}

_Static_assert(METERS <= 64, "book_model.meters has a bit for each meter");

static bool in_force(const struct price_rule *r, const struct conditions *c)
{
	uint16_t from = r->window_from_min, to = r->window_to_min;
	if (c->at_us < r->valid_from_us && r->valid_from_us != 0)
		return false;
	if (c->at_us >= r->valid_to_us)
		return false;
	if (r->weekdays && !(r->weekdays & c->weekday))
		return false;
	if (from < to)
		return from <= c->minute && c->minute < to;
	return from == to || c->minute >= from || c->minute < to;
}

static bool applies(const struct price_rule *r, const struct conditions *c)
{
	if (!r->any_tier && (r->tier != c->tier || r->fast != c->fast))
		return false;
	if (r->region.n && !str_ieq(r->region, c->geo) && !str_ieq(r->region, c->region))
		return false;
	return r->above_input_tok == 0 || c->input_tok > r->above_input_tok;
}

/* a is at least as specific as b; equal means that the later one (a) counts. */
static bool as_specific(const struct price_rule *a, const struct price_rule *b)
{
	bool a_hours = a->window_from_min != a->window_to_min || a->weekdays;
	bool b_hours = b->window_from_min != b->window_to_min || b->weekdays;
	if ((a->region.n != 0) != (b->region.n != 0))
		return a->region.n != 0;
	if (a->any_tier != b->any_tier)
		return b->any_tier;
	if (a->above_input_tok != b->above_input_tok)
		return a->above_input_tok > b->above_input_tok;
	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (a->agreed != b->agreed)
		return a->agreed;
	if (a_hours != b_hours)
		return a_hours;
	return a->valid_from_us >= b->valid_from_us;
}

/* The rule for one meter itself, without stand-ins. *listed: there is some price for it at that time. */
static const struct price_rule *find_rule(const struct book *b, const struct book_model *m, enum meter meter,
					  const struct conditions *c, bool *listed)
{
	const struct price_rule *best = NULL;
	uint32_t lo = m->first_rule, hi = m->first_rule + m->rule_count, first;
	const uint32_t end = hi;
	*listed = false;
	if (!(m->meters >> meter & 1))
		return NULL;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (b->rule[mid].r.meter < meter)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (first = lo; lo < end && b->rule[lo].r.meter == meter; lo++) {
		const struct price_rule *r = &b->rule[lo].r;
		if (applies(r, c) && in_force(r, c) && (!best || as_specific(r, best)))
			best = r;
	}
	*listed = best != NULL;
	for (lo = first; !*listed && lo < end && b->rule[lo].r.meter == meter; lo++)
		*listed = in_force(&b->rule[lo].r, c);
	return best;
}

static const struct price_rule *find_price(const struct book *b, const struct book_model *m, enum meter meter,
					   const struct conditions *c)
{
	bool listed;
	const struct price_rule *r = find_rule(b, m, meter, c, &listed);
	for (unsigned step = 0; !r && !listed; step++) {
		enum meter other = meter_next(m->format, meter, step);
		if (other == METERS)
			return NULL;
		r = find_rule(b, m, other, c, &listed);
	}
	return r;
}

const struct price_rule *price_rule_for(const struct book *b, const struct price_query *q, enum meter m, enum tier t,
					uint64_t input_tok, bool stand_ins)
{
	const struct usage none = {.tier = t};
	struct conditions c;
	size_t found = book_find(b, q->provider, q->model);
	bool listed;
	if (found == SIZE_MAX)
		return NULL;
	conditions_of(&c, q, &none);
	c.input_tok = input_tok;
	return stand_ins ? find_price(b, &b->model[found], m, &c) : find_rule(b, &b->model[found], m, &c, &listed);
}

/* a / b > c / d with b, d > 0. */
static bool dearer(const struct price_rule *a, const struct price_rule *b)
{
	money_wide left, right;
	if (a->listed_per == b->listed_per)
		return a->listed_atto > b->listed_atto;
	if (money_mul(a->listed_atto, (money_wide)b->listed_per, &left) ||
	    money_mul(b->listed_atto, (money_wide)a->listed_per, &right))
		return a->price_atto > b->price_atto;
	return left > right;
}

unsigned price_dearest(const struct book *b, const struct price_query *q, const struct usage *u,
		       const enum token_class ways[], unsigned count)
{
	size_t found = book_find(b, q->provider, q->model);
	const struct price_rule *first, *best;
	struct conditions c;
	unsigned at = 0;
	if (found == SIZE_MAX)
		return 0;
	conditions_of(&c, q, u);
	first = best = find_price(b, &b->model[found], (enum meter)ways[0], &c);
	for (unsigned i = 1; first && i < count; i++) {
		const struct price_rule *r = find_price(b, &b->model[found], (enum meter)ways[i], &c);
		if (r && currency_eq(r->currency, first->currency) && dearer(r, best)) {
			best = r;
			at = i;
		}
	}
	return at;
}

/* An exact sum as num / den of atto. */
struct fraction {
	money_wide num;
	money_wide den;
};

static money_wide gcd(money_wide a, money_wide b)
{
	while (b) {
		money_wide t = a % b;
		a = b;
		b = t;
	}
	return a;
}

static int fraction_add(struct fraction *f, money_wide num, money_wide den)
{
	money_wide common, a, b, sum;
	if (f->num == 0 || f->den == den) { /* nearly always: prices are listed per million */
		if (den > INT64_C(1) << 62 || __builtin_add_overflow(f->num, num, &sum))
			return -RR_RANGE;
		*f = (struct fraction){sum, den};
		return 0;
	}
	common = f->den / gcd(f->den, den) * den; /* denominators are small products of 1e6, 3600 */
	if (common > INT64_C(1) << 62)
		return -RR_RANGE;
	if (money_mul(f->num, common / f->den, &a) || money_mul(num, common / den, &b) ||
	    __builtin_add_overflow(a, b, &sum))
		return -RR_RANGE;
	f->num = sum;
	f->den = common;
	return 0;
}

static int fraction_row(struct fraction f, int64_t *pico)
{
	money_wide den, v;
	*pico = 0;
	if (f.num == 0)
		return 0;
	if (money_mul(f.den, ATTO_PER_PICO, &den))
		return -RR_RANGE;
	v = money_round(f.num, den);
	if (v > INT64_MAX || v < INT64_MIN)
		return -RR_RANGE;
	*pico = (int64_t)v;
	return 0;
}

struct work {
	const struct book *b;
	const struct book_model *m;
	struct conditions c;
	struct price_result *r;
	struct fraction input, output, tools, total;
	bool all_free;
};

static void why_unpriced(struct price_result *r, enum meter meter, const struct conditions *c, struct str provider,
			 struct str model)
{
	if (r->status == PRICE_UNPRICED)
		return; /* the first gap is the one that is named */
	r->status = PRICE_UNPRICED;
	snprintf(r->why, sizeof r->why, "%.*s/%.*s has no price for %s%s%s%s", STR_ARG(provider), STR_ARG(model),
		 meter_name(meter), c->tier ? " in tier " : "", c->tier ? tier_name(c->tier) : "",
		 c->fast ? " at fast speed" : "");
}

/* Prices one quantity that is not 0. `sum` is the part of the cost that it belongs to. */
static int add_some(struct work *w, struct fraction *sum, enum meter meter, uint64_t quantity, uint32_t scale)
{
	const struct price_rule *rule;
	money_wide num, den;
	rule = find_price(w->b, w->m, meter, &w->c);
	if (!rule) {
		/* Fetching pages costs nothing beside its tokens (Anthropic; no vendor lists a price per page). */
		if (meter == METER_TOOL_0 + TOOL_WEB_FETCH)
			return 0;
		why_unpriced(w->r, meter, &w->c, w->b->provider[w->m->provider].id, w->m->id);
		return 0;
	}
	if (w->r->lines == 0)
		w->r->currency = rule->currency;
	if (!currency_eq(w->r->currency, rule->currency)) {
		w->r->status = PRICE_UNPRICED;
		snprintf(w->r->why, sizeof w->r->why, "prices in two currencies: %s and %s", w->r->currency.code,
			 rule->currency.code);
		return 0;
	}
	check(w->r->lines < PRICE_LINES);
	w->r->line[w->r->lines++] = (struct price_line){meter, quantity, scale, rule->price_atto, rule};
	w->all_free = w->all_free && rule->free;
	den = (money_wide)rule->listed_per * scale;
	if (money_mul(rule->listed_atto, (money_wide)quantity, &num) || fraction_add(sum, num, den) ||
	    fraction_add(&w->total, num, den))
		return -RR_RANGE;
	return 0;
}

static inline int add_line(struct work *w, struct fraction *sum, enum meter meter, uint64_t quantity, uint32_t scale)
{
	return quantity ? add_some(w, sum, meter, quantity, scale) : 0;
}

static bool has_rule(const struct work *w, enum meter meter)
{
	bool listed;
	return find_rule(w->b, w->m, meter, &w->c, &listed) != NULL;
}

static int price_lines(struct work *w, const struct usage *u)
{
	uint64_t tokens = usage_total_tok(u);
	int rc = 0;
	for (unsigned k = 0; k < CLASSES && !rc; k++)
		if (u->tok[k])
			rc = add_line(w, token_class_is_output((enum token_class)k) ? &w->output : &w->input,
				      (enum meter)k, u->tok[k], 1);
	for (unsigned k = 0; k < TOOLS && !rc; k++)
		rc = add_line(w, &w->tools, (enum meter)(METER_TOOL_0 + k), u->tools[k], 1);
	/* By tokens or by seconds, pieces or characters, never by both (C37): tokens are the finer measure. */
	if (!rc && (tokens == 0 || w->r->lines == 0)) {
		if (tokens)
			w->r->status = PRICE_PRICED, w->r->why[0] = 0;
		rc = add_line(w, &w->input, METER_AUDIO_SECOND, u->audio_ms, 1000);
		if (!rc)
			rc = add_line(w, &w->output, METER_IMAGE, u->images, 1);
		if (!rc)
			rc = add_line(w, &w->input, METER_CHARACTER, u->characters, 1);
		if (tokens && w->r->lines == 0 && w->r->status == PRICE_PRICED)
			why_unpriced(w->r, (enum meter)(u->tok[CLASS_IN_PLAIN] ? CLASS_IN_PLAIN : CLASS_OUT_TEXT),
				     &w->c, w->b->provider[w->m->provider].id, w->m->id);
	}
	if (!rc)
		rc = add_line(w, &w->tools, METER_STORAGE_TOKEN_HOUR, u->storage_token_hours, 1);
	if (!rc)
		rc = add_line(w, &w->tools, METER_TRAINING_TOKEN, u->trained_tok, 1);
	if (!rc && has_rule(w, METER_REQUEST))
		rc = add_line(w, &w->tools, METER_REQUEST, 1, 1);
	return rc;
}

static void no_model(const struct book *b, const struct price_query *q, struct str model, struct price_result *r)
{
	r->status = PRICE_UNPRICED;
	if (model.n == 0)
		snprintf(r->why, sizeof r->why, "no model is named");
	else if (q->provider.n && book_find_provider(b, q->provider) == UINT32_MAX)
		snprintf(r->why, sizeof r->why, "the book has no provider %.*s", STR_ARG(str_sub(q->provider, 0, 60)));
	else
		snprintf(r->why, sizeof r->why, "no price for model %.*s", STR_ARG(str_sub(model, 0, 100)));
}

int price(const struct book *b, const struct price_query *q, const struct usage *u, struct price_result *r)
{
	struct work w = {.b = b, .r = r, .all_free = true};
	struct str model = q->model.n ? q->model : u->model;
	size_t found;
	int rc;
	memset(r, 0, offsetof(struct price_result, line));
	r->lines = 0;
	r->input_pico = r->output_pico = r->tools_pico = r->total_pico = 0;
	r->model = str_make("", 0);
	r->why[0] = 0;
	r->currency = USD;
	if (!(u->flags & (USAGE_SEEN | USAGE_ESTIMATED)) && usage_total_tok(u) == 0 && !u->audio_ms && !u->images &&
	    !u->characters && !u->trained_tok) {
		r->status = PRICE_NO_USAGE;
		snprintf(r->why, sizeof r->why, "the answer says nothing about usage");
		return 0;
	}
	found = book_find(b, q->provider, model);
	if (found == SIZE_MAX) {
		no_model(b, q, model, r);
		return -RR_UNPRICED;
	}
	w.m = &b->model[found];
	w.input = w.output = w.tools = w.total = (struct fraction){0, 1};
	conditions_of(&w.c, q, u);
	r->model = w.m->id;
	r->status = PRICE_PRICED;
	rc = price_lines(&w, u);
	if (!rc)
		rc = fraction_row(w.input, &r->input_pico);
	if (!rc)
		rc = fraction_row(w.output, &r->output_pico);
	if (!rc)
		rc = fraction_row(w.tools, &r->tools_pico);
	if (!rc)
		rc = fraction_row(w.total, &r->total_pico);
	if (rc) {
		r->status = PRICE_UNPRICED;
		snprintf(r->why, sizeof r->why, "the amount is too large to be right");
		r->input_pico = r->output_pico = r->tools_pico = r->total_pico = 0;
		return rc;
	}
	if (r->status == PRICE_UNPRICED) {
		if (r->lines == 0 && w.m->note.n)
			snprintf(r->why, sizeof r->why, "%.*s: %.*s", STR_ARG(str_sub(w.m->id, 0, 60)),
				 STR_ARG(str_sub(w.m->note, 0, 90)));
		return -RR_UNPRICED;
	}
	if (u->flags & (USAGE_IN_UNSTATED | USAGE_OUT_UNSTATED)) {
		r->status = PRICE_MISMATCH;
		snprintf(r->why, sizeof r->why, "the vendor does not say how many tokens the %s had",
			 u->flags & USAGE_IN_UNSTATED ? "input" : "output");
	} else if (u->flags & USAGE_MISMATCH && usage_total_tok(u) == u->vendor_total_tok) {
		r->status = PRICE_MISMATCH;
		snprintf(r->why, sizeof r->why,
			 "the usage block states what cannot be, or tokens of a class that is not known");
	} else if (u->flags & USAGE_MISMATCH) {
		r->status = PRICE_MISMATCH;
		snprintf(r->why, sizeof r->why, "the classes sum to %llu tokens, the vendor says %llu",
			 (unsigned long long)usage_total_tok(u), (unsigned long long)u->vendor_total_tok);
	} else if (r->lines && w.all_free) {
		r->status = PRICE_FREE;
	}
	return 0;
}

static void json_amount(struct json_out *w, const char *key, int64_t pico, bool known)
{
	if (known) {
		jw_kmoney(w, key, pico);
	} else {
		jw_key(w, key);
		jw_null(w);
	}
}

void price_json(const struct price_result *r, struct json_out *w)
{
	bool known = r->status == PRICE_PRICED || r->status == PRICE_FREE || r->status == PRICE_MISMATCH;
	jw_key(w, "cost");
	jw_object(w);
	json_amount(w, "input", r->input_pico, known);
	json_amount(w, "output", r->output_pico, known);
	json_amount(w, "tools", r->tools_pico, known);
	json_amount(w, "total", r->total_pico, known);
	jw_kcstr(w, "currency", r->currency.code);
	if (!known && r->lines)
		jw_kmoney(w, "at_least", r->total_pico);
	jw_end_object(w);
	jw_key(w, "rules");
	jw_array(w);
	for (unsigned i = 0; i < r->lines; i++) {
		const struct price_rule *rule = r->line[i].rule;
		char text[TIME_TEXT], amount[MONEY_TEXT];
		bool told = false;
		for (unsigned k = 0; k < i; k++)
			told = told || r->line[k].rule == rule;
		if (told)
			continue;
		jw_object(w);
		jw_kstr(w, "id", rule->id);
		jw_kstr(w, "source", rule->source);
		jw_kstr(w, "source_date", rule->source_date);
		jw_key(w, "valid_from");
		if (rule->valid_from_us)
			jw_cstr(w, rule->valid_from_us % US_PER_DAY ? time_text(rule->valid_from_us, text)
								    : time_date(rule->valid_from_us, text));
		else
			jw_null(w);
		jw_kcstr(w, "price", money_text_atto(rule->listed_atto, amount));
		jw_ku64(w, "per", rule->listed_per);
		jw_end_object(w);
	}
	jw_end_array(w);
}
