/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads Langfuse's default-model-prices.json and OpenRouter's model listing (models.json of models.dev) as published.
 *
 * Langfuse: an array of {modelName, matchPattern, pricingTiers: [{isDefault, conditions, prices}]}; USD per single
 * unit, keyed by the usage type that its SDKs report (the same thing has several names). A tier's conditions are a
 * service tier, a speed, or an input size ("> N" over the sum of the input types: the whole request). It knows no
 * providers: any provider's model is looked up by its name alone. A type without a price is not charged there; here
 * it is unpriced, for 0 is no price.
 *
 * OpenRouter: {data: [{id, pricing: {prompt, completion, input_cache_read, ...}}]}; decimal strings in USD per token.
 * "-1" means that the price depends on where the request is sent; "0" is free only where the id ends in ":free".
 */
#include "model/book_i.h"

static const struct {
	const char *key;
	unsigned char meter;
} types[] = {
	/* the first one of a meter that is listed counts */
	{"input", CLASS_IN_PLAIN},
	{"input_tokens", CLASS_IN_PLAIN},
	{"input_text", CLASS_IN_PLAIN},
	{"total", CLASS_IN_PLAIN},
	{"output", CLASS_OUT_TEXT},
	{"output_tokens", CLASS_OUT_TEXT},
	{"output_text", CLASS_OUT_TEXT},
	{"total", CLASS_OUT_TEXT},
	{"cache_read_input_tokens", CLASS_IN_CACHE_READ},
	{"input_cached_tokens", CLASS_IN_CACHE_READ},
	{"input_cache_read", CLASS_IN_CACHE_READ},
	{"cached_content_token_count", CLASS_IN_CACHE_READ},
	{"input_cache_creation_5m", CLASS_IN_CACHE_WRITE_5M},
	{"input_cache_creation_1h", CLASS_IN_CACHE_WRITE_1H},
	{"cache_creation_input_tokens", CLASS_IN_CACHE_WRITE},
	{"input_cache_creation", CLASS_IN_CACHE_WRITE},
	{"cache_write_tokens", CLASS_IN_CACHE_WRITE},
	{"output_reasoning_tokens", CLASS_OUT_REASONING},
	{"output_reasoning", CLASS_OUT_REASONING},
	{"reasoning_tokens", CLASS_OUT_REASONING},
	{"thoughtsTokenCount", CLASS_OUT_REASONING},
	{"input_audio_tokens", CLASS_IN_AUDIO},
	{"input_audio", CLASS_IN_AUDIO},
	{"input_cached_audio_tokens", CLASS_IN_AUDIO_CACHE_READ},
	{"output_audio_tokens", CLASS_OUT_AUDIO},
	{"output_audio", CLASS_OUT_AUDIO},
	{"input_image", CLASS_IN_IMAGE},
	{"grounding_queries", METER_TOOL_0 + TOOL_GROUNDING},
	{"groundingQueries", METER_TOOL_0 + TOOL_GROUNDING},
	{"web_search_queries", METER_TOOL_0 + TOOL_WEB_SEARCH},
	{"webSearchQueries", METER_TOOL_0 + TOOL_WEB_SEARCH},
};

static bool holds(struct json list, const char *word)
{
	struct json_iter it;
	struct str key;
	struct json v;
	for (json_open(&it, list); json_next(&it, &key, &v);)
		if (json_string_eq(v, word))
			return true;
	return false;
}

/* The conditions of a tier as dimensions of a rule. -RR_INPUT: one that we do not know; the tier is left out. */
static int conditions(struct json list, struct price_rule *r)
{
	struct json_iter it;
	struct str key;
	struct json c;
	for (json_open(&it, list); json_next(&it, &key, &c);) {
		struct json values = json_get(c, "values");
		if (json_string_eq(json_get(c, "key"), "service_tier")) {
			if (holds(values, "priority"))
				r->tier = TIER_PRIORITY;
			else if (holds(values, "flex"))
				r->tier = TIER_FLEX;
			else if (holds(values, "batch"))
				r->tier = TIER_BATCH;
			else
				return -RR_INPUT;
		} else if (json_string_eq(json_get(c, "key"), "speed") && holds(values, "fast")) {
			r->fast = true;
		} else if (json_get(c, "usageDetailPattern").type == JSON_STRING) {
			if (!json_string_eq(json_get(c, "operator"), "gt") ||
			    json_u64(json_get(c, "value"), &r->above_input_tok))
				return -RR_INPUT;
		} else {
			return -RR_INPUT;
		}
	}
	return 0;
}

static int read_tier(struct book *b, uint32_t m, struct json tier, struct price_rule base)
{
	uint64_t done = 0;
	if (conditions(json_get(tier, "conditions"), &base))
		return 0;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct json v = json_get(json_get(tier, "prices"), types[i].key);
		struct price_rule r = base;
		if (v.type != JSON_NUMBER || (done & (UINT64_C(1) << types[i].meter)) || rule_price(&r, v.text, 1))
			continue;
		done |= UINT64_C(1) << types[i].meter;
		r.meter = (enum meter)types[i].meter;
		r.free = r.listed_atto == 0;
		if (book_add_rule(b, m, &r))
			return -RR_NOMEM;
	}
	return 0;
}

/* The one provider of a source that knows none: it answers to every name. */
static uint32_t any_provider(struct book *b, const char *id)
{
	uint32_t p = book_add_provider(b, str_of(id));
	if (p == UINT32_MAX)
		return p;
	b->provider[p].by_name = b->provider[p].by_model = match_leaf(b, MATCH_CONTAINS, STR(""));
	return b->provider[p].by_name ? p : UINT32_MAX;
}

int book_read_langfuse(struct book *b, struct json top, const char *name, struct err *e)
{
	struct price_rule base = rule_blank(arena_str(&b->arena, str_of(name)), STR(""));
	uint32_t p = any_provider(b, "langfuse");
	struct json_iter it, tiers;
	struct str key;
	struct json v, tier;
	if (p == UINT32_MAX)
		return err_set(e, RR_NOMEM, "%s: no memory", name);
	for (json_open(&it, top); json_next(&it, &key, &v);) {
		char id[NAME_BYTES], pattern[600], updated[32];
		uint32_t m;
		json_string_copy(json_get(v, "modelName"), id, sizeof id);
		json_string_copy(json_get(v, "matchPattern"), pattern, sizeof pattern);
		json_string_copy(json_get(v, "updatedAt"), updated, sizeof updated);
		m = book_add_model(b, p, str_of(id), BOOK_LANGFUSE);
		if (m == UINT32_MAX)
			return err_set(e, RR_INPUT, "%s: a model without a name, or too many", name);
		b->model[m].match = match_leaf(b, MATCH_REGEX, str_of(pattern));
		if (!b->model[m].match)
			return err_set(e, RR_INPUT, "%s: the matchPattern of %s is not understood", name, id);
		base.source_date = arena_str(&b->arena, str_sub(str_of(updated), 0, 10));
		for (json_open(&tiers, json_get(v, "pricingTiers")); json_next(&tiers, &key, &tier);)
			if (read_tier(b, m, tier, base))
				return err_set(e, RR_NOMEM, "%s: does not fit the book", name);
	}
	return 0;
}

int book_read_openrouter(struct book *b, struct json top, const char *name, struct err *e)
{
	static const struct {
		const char *key;
		unsigned char meter;
	} prices[] = {{"prompt", CLASS_IN_PLAIN},
		      {"completion", CLASS_OUT_TEXT},
		      {"input_cache_read", CLASS_IN_CACHE_READ},
		      {"input_cache_write", CLASS_IN_CACHE_WRITE},
		      {"internal_reasoning", CLASS_OUT_REASONING},
		      {"audio", CLASS_IN_AUDIO},
		      {"web_search", METER_TOOL_0 + TOOL_WEB_SEARCH},
		      {"request", METER_REQUEST}};
	uint32_t p = any_provider(b, "openrouter");
	struct json_iter it;
	struct str key;
	struct json v;
	for (json_open(&it, json_get(top, "data")); json_next(&it, &key, &v);) {
		struct price_rule base = rule_blank(arena_str(&b->arena, str_of(name)), STR(""));
		struct json list = json_get(v, "pricing");
		char id[NAME_BYTES];
		struct str last;
		uint32_t m;
		bool free;
		json_string_copy(json_get(v, "id"), id, sizeof id);
		m = book_add_model(b, p, str_of(id), BOOK_OWN);
		if (m == UINT32_MAX || book_add_name(b, m, str_of(id)))
			return err_set(e, RR_INPUT, "%s: a model without an id, or too many", name);
		last = str_of(id);
		while (str_chr(last, '/') != SIZE_MAX)
			str_cut(&last, '/');
		if (book_add_name(b, m, last))
			return err_set(e, RR_NOMEM, "%s: no memory", name);
		b->model[m].context_tok = json_u64_or0(json_get(v, "context_length"));
		b->model[m].output_tok = json_u64_or0(json_path(v, "top_provider.max_completion_tokens"));
		free = str_ends(str_of(id), STR(":free"));
		for (size_t i = 0; i < sizeof prices / sizeof *prices; i++) {
			struct price_rule r = base;
			if (rule_price(&r, json_raw_string(json_get(list, prices[i].key)), 1) ||
			    (r.listed_atto == 0 && !free))
				continue;
			r.meter = (enum meter)prices[i].meter;
			r.any_tier = prices[i].meter >= CLASSES;
			r.free = r.listed_atto == 0;
			if (book_add_rule(b, m, &r))
				return err_set(e, RR_NOMEM, "%s: does not fit the book", name);
		}
	}
	return 0;
}
