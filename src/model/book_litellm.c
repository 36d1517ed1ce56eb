/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads LiteLLM's model_prices_and_context_window.json as published.
 *
 * One object: model name to entry. Prices are USD per single unit. A key is a base name and modifiers:
 *   input_cost_per_token [_above_272k_tokens] [_priority | _flex | _batches]
 * A step above N tokens re-rates the whole request ("> N"; xAI: ">= N"). `tiered_pricing` gives whole price lists by
 * range of the input, (from, to]. provider_specific_entry {us: 1.1, fast: 6.0} and
 * regional_processing_uplift_multiplier_us / _eu multiply every token price.
 * Semantics read in litellm 1.106 (litellm_core_utils/llm_cost_calc/utils.py, tiered_pricing.py), with these
 * differences, each a known defect there (spec ids of the wire page in brackets):
 *   - a tier that was served and has no price is unpriced, not standard [C27];
 *   - a one-hour cache write without its own price is unpriced, not charged as a five-minute one [C18];
 *   - two zeroes are a gap, not a gift (123 entries), unless the name says "free" [C54];
 *   - audio and image output without a price is unpriced, not text [C36].
 */
#include <stdlib.h>

#include "model/book_i.h"

enum { RAW_MOST = 160 };

/* Longest first where one is the beginning of another. */
static const struct base_key {
	const char *key;
	unsigned char meter;
	uint32_t per;
} bases[] = {
	{"cache_creation_input_token_cost_above_1hr", CLASS_IN_CACHE_WRITE_1H, 1},
	{"cache_creation_input_token_cost", CLASS_IN_CACHE_WRITE, 1},
	{"cache_read_input_audio_token_cost", CLASS_IN_AUDIO_CACHE_READ, 1},
	{"cache_read_input_token_cost", CLASS_IN_CACHE_READ, 1},
	{"input_cost_per_token_cache_hit", CLASS_IN_CACHE_READ, 1},
	{"input_cost_per_audio_token", CLASS_IN_AUDIO, 1},
	{"input_cost_per_image_token", CLASS_IN_IMAGE, 1},
	{"input_cost_per_token", CLASS_IN_PLAIN, 1},
	{"output_cost_per_reasoning_token", CLASS_OUT_REASONING, 1},
	{"output_cost_per_audio_token", CLASS_OUT_AUDIO, 1},
	{"output_cost_per_image_token", CLASS_OUT_IMAGE, 1},
	{"output_cost_per_token", CLASS_OUT_TEXT, 1},
	{"output_cost_per_image", METER_IMAGE, 1},
	{"input_cost_per_character", METER_CHARACTER, 1},
	{"input_cost_per_request", METER_REQUEST, 1},
	{"code_interpreter_cost_per_session", METER_TOOL_0 + TOOL_CODE, 1},
	{"file_search_cost_per_1k_calls", METER_TOOL_0 + TOOL_FILE_SEARCH, 1000},
};

struct raw {
	unsigned meter; /* enum meter */
	enum tier tier;
	uint64_t above;
	uint32_t per;
	money_wide atto;
	bool derived;
};

struct entry {
	struct raw raw[RAW_MOST];
	unsigned count;
	bool inclusive; /* xAI: the step begins at its threshold */
};

static bool eat(struct str *s, const char *prefix)
{
	struct str p = str_of(prefix);
	if (!str_starts(*s, p))
		return false;
	*s = str_sub(*s, p.n, s->n);
	return true;
}

/* "_above_272k_tokens_priority" and its like. */
static bool modifiers(struct str rest, const struct entry *n, struct raw *r)
{
	while (rest.n) {
		if (eat(&rest, "_above_")) {
			size_t digits = 0;
			while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
				digits++;
			if (r->above || digits == 0 || digits > 12 || str_u64(str_sub(rest, 0, digits), &r->above))
				return false;
			rest = str_sub(rest, digits, rest.n);
			if (eat(&rest, "k"))
				r->above *= 1000;
			if (!eat(&rest, "_tokens") || r->above == 0)
				return false;
			r->above -= n->inclusive;
		} else if (r->tier == TIER_UNKNOWN && eat(&rest, "_batches")) {
			r->tier = TIER_BATCH;
		} else if (r->tier == TIER_UNKNOWN && eat(&rest, "_flex")) {
			r->tier = TIER_FLEX;
		} else if (r->tier == TIER_UNKNOWN && eat(&rest, "_priority")) {
			r->tier = TIER_PRIORITY;
		} else {
			return false;
		}
	}
	return true;
}

static struct raw *find(struct entry *n, unsigned meter, enum tier tier, uint64_t above)
{
	for (unsigned i = 0; i < n->count; i++)
		if (n->raw[i].meter == meter && n->raw[i].tier == tier && n->raw[i].above == above)
			return &n->raw[i];
	return NULL;
}

static void put(struct entry *n, struct raw r)
{
	if (n->count < RAW_MOST && !find(n, r.meter, r.tier, r.above))
		n->raw[n->count++] = r;
}

static bool amount(struct json v, money_wide *atto)
{
	struct str text = v.type == JSON_NUMBER ? v.text : json_raw_string(v);
	return (v.type == JSON_NUMBER || v.type == JSON_STRING) && money_parse_atto(text, atto, NULL) == 0 &&
	       *atto >= 0;
}

static void read_flat(struct entry *n, struct json v)
{
	struct json_iter it;
	struct str key;
	struct json value;
	for (json_open(&it, v); json_next(&it, &key, &value);)
		for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
			struct raw r = {.meter = bases[i].meter, .per = bases[i].per};
			struct str rest = key;
			if (!eat(&rest, bases[i].key))
				continue;
			if (modifiers(rest, n, &r) && amount(value, &r.atto))
				put(n, r);
			if (modifiers(rest, n, &(struct raw){0}))
				break; /* the longest base that explains the key */
		}
}

/* [{range: [from, to], input_cost_per_token, ...}]: replaces the flat token prices. */
static void read_ranges(struct entry *n, struct json tiers)
{
	static const unsigned char replaced[] = {CLASS_IN_PLAIN,          CLASS_IN_CACHE_READ, CLASS_IN_CACHE_WRITE,
						 CLASS_IN_CACHE_WRITE_1H, CLASS_OUT_TEXT,      CLASS_OUT_REASONING};
	struct entry flat = *n;
	struct json_iter it;
	struct str key;
	struct json t;
	bool any = false;
	for (json_open(&it, tiers); json_next(&it, &key, &t);) {
		struct entry one = {.inclusive = false};
		uint64_t from = json_u64_or0(json_path(t, "range[0]"));
		struct raw *in, *out;
		read_flat(&one, t);
		in = find(&one, CLASS_IN_PLAIN, TIER_UNKNOWN, 0);
		if (!in)
			continue;
		if (!any) {
			n->count = 0;
			for (unsigned i = 0; i < flat.count; i++)
				if (!memchr(replaced, (int)flat.raw[i].meter, sizeof replaced))
					n->raw[n->count++] = flat.raw[i];
			any = true;
		}
		out = find(&one, CLASS_OUT_TEXT, TIER_UNKNOWN, 0);
		if (!out && find(&flat, CLASS_OUT_TEXT, TIER_UNKNOWN, 0))
			put(&one, *find(&flat, CLASS_OUT_TEXT, TIER_UNKNOWN, 0));
		for (unsigned i = 0; i < one.count; i++) {
			struct raw r = one.raw[i];
			r.above = from;
			put(n, r);
		}
		for (unsigned i = 1; i <= 2;
		     i++) { /* cache reads and writes that the range does not list: its input price */
			struct raw r = *in;
			r.meter = replaced[i];
			r.above = from;
			r.derived = true;
			put(n, r);
		}
	}
}

static void drop(struct entry *n, unsigned at)
{
	memmove(&n->raw[at], &n->raw[at + 1], (n->count - at - 1) * sizeof *n->raw);
	n->count--;
}

/* A zero is a price only beside one that is none. */
static bool drop_gaps(struct entry *n, struct str key, struct str mode)
{
	struct raw *in = find(n, CLASS_IN_PLAIN, TIER_UNKNOWN, 0), *out = find(n, CLASS_OUT_TEXT, TIER_UNKNOWN, 0);
	bool both = in && in->atto == 0 && (!out || out->atto == 0);
	bool text_only_in = str_eqc(mode, "embedding") || str_eqc(mode, "rerank") || str_eqc(mode, "moderation") ||
			    str_eqc(mode, "image_generation") || str_eqc(mode, "audio_transcription");
	if (str_icontains(key, STR("free")))
		return false;
	for (unsigned i = n->count; i-- > 0;) {
		struct raw *r = &n->raw[i];
		if (r->atto == 0 && (both || (r->meter == CLASS_IN_PLAIN) ||
				     (r->meter == CLASS_OUT_TEXT && !text_only_in && r->tier == TIER_UNKNOWN)))
			drop(n, i);
	}
	return both;
}

/* Reasoning at the output price is no price of its own: it follows the output into every tier (C28). */
static void drop_same_reasoning(struct entry *n)
{
	for (unsigned i = n->count; i-- > 0;) {
		const struct raw *r = &n->raw[i];
		const struct raw *out =
			r->meter == CLASS_OUT_REASONING ? find(n, CLASS_OUT_TEXT, r->tier, r->above) : NULL;
		if (out && out->atto == r->atto)
			drop(n, i);
	}
}

/* A tier that is listed without its long-context step takes the standard step. */
static void fill_steps(struct entry *n)
{
	unsigned listed = n->count;
	for (unsigned i = 0; i < listed; i++)
		for (enum tier t = TIER_FLEX; t <= TIER_PRIORITY; t++) {
			struct raw r = n->raw[i];
			if (r.tier != TIER_UNKNOWN || r.above == 0 || !find(n, r.meter, t, 0))
				continue;
			r.tier = t;
			r.derived = true;
			put(n, r);
		}
}

static int emit(struct book *b, uint32_t model, const struct entry *n, const struct price_rule *base,
		const char *region, bool fast, money_wide factor_atto, struct str derived)
{
	for (unsigned i = 0; i < n->count; i++) {
		const struct raw *in = &n->raw[i];
		struct price_rule r = *base;
		money_wide product;
		bool multiplied = factor_atto != 0;
		if (multiplied && (in->meter >= CLASSES || (fast && in->tier != TIER_UNKNOWN)))
			continue;
		r.meter = (enum meter)in->meter;
		r.tier = in->tier;
		r.above_input_tok = in->above;
		r.listed_per = in->per;
		r.listed_atto = in->atto;
		if (multiplied) {
			/* Factors have few digits: to 10^-6, so that the product fits. */
			if (money_mul(in->atto, money_round(factor_atto, PICO_PER_UNIT), &product))
				return -RR_RANGE;
			r.listed_atto = money_round(product, ATTO_PER_PICO);
			r.derived_from = derived;
		}
		r.derived = in->derived || multiplied;
		r.any_tier = in->meter >= CLASSES && in->tier == TIER_UNKNOWN; /* tools, seconds, pieces */
		r.fast = fast;
		r.region = str_of(region);
		r.free = r.listed_atto == 0;
		r.price_atto = money_round(r.listed_atto, r.listed_per);
		if (book_add_rule(b, model, &r))
			return -RR_NOMEM;
	}
	return 0;
}

static int emit_multiplied(struct book *b, uint32_t model, const struct entry *n, const struct price_rule *base,
			   struct json v)
{
	static const char *const region[] = {"us", "eu"};
	struct json special = json_get(v, "provider_specific_entry");
	money_wide factor, fast = 0, both;
	int rc = 0;
	if (amount(json_get(special, "fast"), &fast) && fast > 0)
		rc = emit(b, model, n, base, "", true, fast, STR("the entry's fast multiplier x standard"));
	for (unsigned i = 0; i < 2 && !rc; i++) {
		struct json by = json_get(special, region[i]);
		if (by.type == JSON_NONE)
			by = json_get(v, i ? "regional_processing_uplift_multiplier_eu"
					   : "regional_processing_uplift_multiplier_us");
		if (!amount(by, &factor) || factor == 0)
			continue;
		rc = emit(b, model, n, base, region[i], false, factor,
			  STR("the entry's regional multiplier x any region"));
		both = money_round(factor, ATTO_PER_PICO) * money_round(fast, PICO_PER_UNIT); /* 10^-12 x 10^-6 */
		if (!rc && fast > 0)
			rc = emit(b, model, n, base, region[i], true, both,
				  STR("the entry's regional and fast multipliers x standard"));
	}
	return rc;
}

/* The provider's name, without the flavours that LiteLLM keeps apart for its own routing. */
static struct str provider_of(struct str p)
{
	static const struct {
		const char *starts, *is;
	} names[] = {{"vertex_ai", "vertex_ai"}, {"bedrock", "bedrock"},           {"text-completion-", ""},
		     {"cohere", "cohere"},       {"fireworks_ai", "fireworks_ai"}, {"azure_text", "azure"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_starts(p, str_of(names[i].starts)))
			return names[i].is[0] ? str_of(names[i].is) : str_sub(p, strlen(names[i].starts), p.n);
	return p;
}

static int read_entry(struct book *b, struct entry *n, struct str key, struct json v, struct price_rule base)
{
	struct str full = json_raw_string(json_get(v, "litellm_provider")), provider = provider_of(full), rest = key;
	struct str mode = json_raw_string(json_get(v, "mode"));
	struct json search = json_get(v, "search_context_cost_per_query"), source = json_get(v, "source");
	uint32_t p, m;
	int rc;
	money_wide atto;
	if (provider.n == 0 || str_eqc(key, "sample_spec") || key.n >= NAME_BYTES)
		return 0;
	p = book_add_provider(b, provider);
	m = p == UINT32_MAX ? p : book_add_model(b, p, key, BOOK_LITELLM);
	if (m == UINT32_MAX)
		return -RR_NOMEM;
	if (book_add_name(b, m, key))
		return -RR_NOMEM;
	if (str_starts(key, full) && key.n > full.n && key.p[full.n] == '/')
		rest = str_sub(key, full.n + 1, key.n);
	else if (str_starts(key, provider) && key.n > provider.n && key.p[provider.n] == '/')
		rest = str_sub(key, provider.n + 1, key.n);
	if (rest.n != key.n && book_add_name(b, m, rest))
		return -RR_NOMEM;
	b->model[m].context_tok = json_u64_or0(json_get(v, "max_input_tokens"));
	b->model[m].output_tok = json_u64_or0(json_get(v, "max_output_tokens"));
	n->count = 0;
	n->inclusive = str_eqc(provider, "xai");
	read_flat(n, v);
	if (str_eqc(mode, "audio_transcription")) {
		if (amount(json_get(v, "output_cost_per_second"), &atto) ||
		    amount(json_get(v, "input_cost_per_second"), &atto) ||
		    amount(json_get(v, "input_cost_per_audio_per_second"), &atto))
			put(n, (struct raw){.meter = METER_AUDIO_SECOND, .per = 1, .atto = atto});
	}
	if (amount(json_get(search, "search_context_size_medium"), &atto))
		put(n, (struct raw){.meter = METER_TOOL_0 + TOOL_WEB_SEARCH, .per = 1, .atto = atto});
	read_ranges(n, json_get(v, "tiered_pricing"));
	if (drop_gaps(n, key, mode))
		b->model[m].note = STR("the source lists zero for input and output, which is no price");
	drop_same_reasoning(n);
	fill_steps(n);
	if (source.type == JSON_STRING && json_raw_string(source).n < 400)
		base.note = arena_str(&b->arena, json_raw_string(source));
	rc = emit(b, m, n, &base, "", false, 0, str_make("", 0));
	return rc ? rc : emit_multiplied(b, m, n, &base, v);
}

int book_read_litellm(struct book *b, struct json top, const char *name, struct err *e)
{
	struct price_rule base = rule_blank(arena_str(&b->arena, str_of(name)), STR(""));
	struct entry *n = malloc(sizeof *n);
	struct json_iter it;
	struct str key;
	struct json v;
	int rc = n ? 0 : -RR_NOMEM;
	for (json_open(&it, top); !rc && json_next(&it, &key, &v);)
		if (v.type == JSON_OBJECT)
			rc = read_entry(b, n, key, v, base);
	free(n);
	return rc ? err_set(e, -rc, "%s: the price file does not fit the book", name) : 0;
}
