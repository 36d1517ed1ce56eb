/* SPDX-License-Identifier: Apache-2.0
 *
 * Gemini's usageMetadata (REST, Vertex and the Live API).
 *
 *   promptTokenCount          input; cachedContentTokenCount stands inside (C02)
 *   toolUsePromptTokenCount   beside it: what tools put into the prompt
 *   candidatesTokenCount      output (Live API: responseTokenCount)
 *   thoughtsTokenCount        beside the candidates, but inside at some servers: the total decides (C35)
 *   *TokensDetails[]          {modality, tokenCount} inside each of them
 *   totalTokenCount           prompt + candidates + tool use + thoughts
 * (google-genai SDK types, August 2026.) Pictures, video and documents are one class: the vendor lists one
 * price for them.
 *
 * Grounding is billed per grounded prompt up to Gemini 2.5 and per search query from Gemini 3 on (pricing
 * page, read November 2026).
 */
#include "model/usage_i.h"

#include "base/err.h"

struct modalities {
	uint64_t audio, image;
};

static struct json either(struct json v, const char *camel, const char *snake)
{
	struct json found = json_get(v, camel);
	return found.type == JSON_NONE ? json_get(v, snake) : found;
}

static inline struct json block_either(const struct block *b, const char *camel, const char *snake)
{
	struct json found = block_get(b, camel);
	return found.type == JSON_NONE ? block_get(b, snake) : found;
}

static inline uint64_t count_either(struct counts *c, const struct block *v, const char *camel, const char *snake,
				    bool *has)
{
	uint64_t n = 0;
	bool found = count_take(c, v, camel, &n) || count_take(c, v, snake, &n);
	if (has)
		*has = found;
	return n;
}

static struct modalities take_modalities(struct counts *c, struct json list)
{
	struct modalities m = {0, 0};
	struct json_iter it;
	struct str key;
	struct json entry;
	unsigned entries = 0;
	json_open(&it, list);
	while (list.type == JSON_ARRAY && json_next(&it, &key, &entry) && ++entries <= 64) {
		struct json modality;
		struct block inner;
		uint64_t n;
		block_open(&inner, entry);
		modality = block_get(&inner, "modality");
		n = count_either(c, &inner, "tokenCount", "token_count", NULL);
		if (json_string_eq(modality, "AUDIO"))
			m.audio += n;
		else if (json_string_eq(modality, "IMAGE") || json_string_eq(modality, "VIDEO") ||
			 json_string_eq(modality, "DOCUMENT"))
			m.image += n;
		else if (n && !json_string_eq(modality, "TEXT") && !json_string_eq(modality, "MODALITY_UNSPECIFIED"))
			c->unknown = true;
	}
	return m;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint32_t count_grounding(struct json candidates, struct str model)
{
	struct json_iter it, queries;
	struct str key;
	struct json candidate, query;
	uint64_t grounded = 0, searched = 0;
	bool per_prompt = str_contains(model, STR("gemini-1")) || str_contains(model, STR("gemini-2"));
	json_open(&it, candidates);
	while (json_next(&it, &key, &candidate)) {
		struct json meta = either(candidate, "groundingMetadata", "grounding_metadata");
		struct json list = either(meta, "webSearchQueries", "web_search_queries");
		uint64_t here = 0;
		json_open(&queries, list);
		while (list.type == JSON_ARRAY && json_next(&queries, &key, &query))
			here += query.type == JSON_STRING && json_raw_string(query).n > 0;
		searched += here;
		grounded |= here > 0;
	}
	searched = per_prompt ? grounded : searched;
	return (uint32_t)less(searched, UINT32_MAX);
}

int usage_gemini(const struct holder *h, struct json object, struct usage *u)
{
	struct block block;
	struct counts c = {0};
	struct modalities prompt, cache, tool, answer;
	uint64_t in, cached, tool_in, out, thoughts, total, fresh, text, in_beside;
	bool has_in, has_out, has_total, inside = false;
	struct json tier;

	u->model = json_raw_string(h->modelVersion.type ? h->modelVersion : h->model_version);
	u->request_id = json_raw_string(h->responseId.type ? h->responseId : h->response_id);
	if (object.type != JSON_OBJECT)
		return 0;
	block_open(&block, object);
	count_watch(&c, &block);
	in = count_either(&c, &block, "promptTokenCount", "prompt_token_count", &has_in);
	cached = count_either(&c, &block, "cachedContentTokenCount", "cached_content_token_count", NULL);
	tool_in = count_either(&c, &block, "toolUsePromptTokenCount", "tool_use_prompt_token_count", NULL);
	out = count_either(&c, &block, "candidatesTokenCount", "candidates_token_count", &has_out);
	if (!has_out)
		out = count_either(&c, &block, "responseTokenCount", "response_token_count", NULL);
	thoughts = count_either(&c, &block, "thoughtsTokenCount", "thoughts_token_count", NULL);
	total = count_either(&c, &block, "totalTokenCount", "total_token_count", &has_total);
	prompt = take_modalities(&c, block_either(&block, "promptTokensDetails", "prompt_tokens_details"));
	cache = take_modalities(&c, block_either(&block, "cacheTokensDetails", "cache_tokens_details"));
	tool = take_modalities(&c,
			       block_either(&block, "toolUsePromptTokensDetails", "tool_use_prompt_tokens_details"));
	answer = take_modalities(&c, block_either(&block, "candidatesTokensDetails", "candidates_tokens_details"));
	if (!has_out && !answer.audio && !answer.image)
		answer = take_modalities(&c, block_either(&block, "responseTokensDetails", "response_tokens_details"));
	tier = block_either(&block, "trafficType", "traffic_type");
	if (tier.type != JSON_STRING)
		tier = block_either(&block, "serviceTier", "service_tier");
	if (tier.type != JSON_STRING)
		tier = h->serviceTier.type ? h->serviceTier : h->service_tier;
	if (tier.type == JSON_STRING)
		u->tier = tier_parse(json_raw_string(tier));
	if (c.fault)
		return usage_close(u, &c);

	if (!has_in) { /* a 0 is left out of this format, but no prompt has none */
		u->flags |= USAGE_IN_UNSTATED;
		if (has_total && total > out + thoughts + tool_in) {
			in = total - out - thoughts - tool_in;
			u->flags &= ~(uint32_t)USAGE_IN_UNSTATED;
		}
	}
	in_beside = in + tool_in;
	if (has_total && total != in_beside + out + thoughts && total == in_beside + out && thoughts <= out)
		inside = true;
	u->vendor_total_tok = has_total ? total : in_beside + out + thoughts;
	if (cached > in || cache.audio + cache.image > cached || prompt.audio + prompt.image > in)
		u->flags |= USAGE_MISMATCH;

	fresh = minus(in, cached);
	prompt.audio = less(minus(prompt.audio, cache.audio), fresh);
	prompt.image = less(minus(prompt.image, cache.image), fresh - prompt.audio);
	tool.audio = less(tool.audio, tool_in);
	tool.image = less(tool.image, tool_in - tool.audio);
	u->tok[CLASS_IN_AUDIO] = prompt.audio + tool.audio;
	u->tok[CLASS_IN_IMAGE] = prompt.image + tool.image;
	u->tok[CLASS_IN_PLAIN] = fresh + tool_in - u->tok[CLASS_IN_AUDIO] - u->tok[CLASS_IN_IMAGE];
	u->tok[CLASS_IN_AUDIO_CACHE_READ] = cache.audio;
	u->tok[CLASS_IN_IMAGE_CACHE_READ] = cache.image;
	u->tok[CLASS_IN_CACHE_READ] = minus(cached, cache.audio + cache.image);

	text = inside ? out - thoughts : out;
	if (answer.audio + answer.image > text)
		u->flags |= USAGE_MISMATCH;
	u->tok[CLASS_OUT_AUDIO] = less(answer.audio, text);
	u->tok[CLASS_OUT_IMAGE] = less(answer.image, text - u->tok[CLASS_OUT_AUDIO]);
	u->tok[CLASS_OUT_TEXT] = text - u->tok[CLASS_OUT_AUDIO] - u->tok[CLASS_OUT_IMAGE];
	u->tok[CLASS_OUT_REASONING] = thoughts;
	u->tools[TOOL_GROUNDING] = count_grounding(h->candidates, u->model);
	return usage_close(u, &c);
}
