/* SPDX-License-Identifier: Apache-2.0
 *
 * Bedrock Converse and Cohere.
 *
 * Bedrock (AWS API reference TokenUsage, November 2026): inputTokens is what was neither read from nor written
 * to the cache; cacheReadInputTokens and cacheWriteInputTokens stand beside it; cacheDetails[{ttl,
 * inputTokens}] splits the writes by life (5m, 1h). totalTokens is "input and output": with cache tokens
 * both sums have been seen in answers, so both are taken as the same statement.
 *
 * Cohere: what is billed is billed_units (v1: meta.billed_units, v2: usage.billed_units), which may be less
 * than usage.tokens (its own prompt template is not billed). Counts are JSON floats ("12.0"). Reranking is
 * billed by search_units, classification by classifications.
 */
#include "model/usage_i.h"

#include "base/err.h"

int usage_bedrock(const struct holder *h, struct json object, struct usage *u)
{
	struct block block;
	struct counts c = {0};
	uint64_t in, out, read, written, total = 0, split = 0;
	bool has_total;
	struct json_iter it;
	struct str key;
	struct json entry, tier, details;
	unsigned entries = 0;

	u->model = json_raw_string(h->modelId);
	tier = json_get(h->serviceTier, "type");
	if (tier.type == JSON_STRING)
		u->tier = tier_parse(json_raw_string(tier));
	u->fast = json_string_eq(json_get(h->performanceConfig, "latency"), "optimized");
	if (object.type != JSON_OBJECT)
		return 0;
	block_open(&block, object);
	details = block_get(&block, "cacheDetails");
	count_watch(&c, &block);
	if (block_get(&block, "inputTokens").type != JSON_NUMBER)
		u->flags |= USAGE_IN_UNSTATED;
	if (block_get(&block, "outputTokens").type != JSON_NUMBER)
		u->flags |= USAGE_OUT_UNSTATED;
	in = count_of(&c, &block, "inputTokens");
	out = count_of(&c, &block, "outputTokens");
	if (!count_take(&c, &block, "cacheReadInputTokens", &read))
		read = count_of(&c, &block, "cacheReadInputTokenCount");
	if (!count_take(&c, &block, "cacheWriteInputTokens", &written))
		written = count_of(&c, &block, "cacheWriteInputTokenCount");
	has_total = count_take(&c, &block, "totalTokens", &total);
	json_open(&it, details);
	while (details.type == JSON_ARRAY && json_next(&it, &key, &entry) && ++entries <= 16) {
		struct json ttl = json_get(entry, "ttl");
		struct block inner;
		uint64_t n;
		block_open(&inner, entry);
		n = count_of(&c, &inner, "inputTokens");
		split += n;
		if (json_string_eq(ttl, "5m"))
			u->tok[CLASS_IN_CACHE_WRITE_5M] += n;
		else if (json_string_eq(ttl, "1h"))
			u->tok[CLASS_IN_CACHE_WRITE_1H] += n;
		else
			u->tok[CLASS_IN_CACHE_WRITE] += n;
	}
	if (split < written)
		u->tok[CLASS_IN_CACHE_WRITE] += written - split;
	if (split > written && written)
		u->flags |= USAGE_MISMATCH;
	u->tok[CLASS_IN_PLAIN] = in;
	u->tok[CLASS_IN_CACHE_READ] = read;
	u->tok[CLASS_OUT_TEXT] = out;
	u->vendor_total_tok = usage_total_tok(u);
	if (has_total && total != in + out && total != u->vendor_total_tok)
		u->vendor_total_tok = total;
	return usage_close(u, &c);
}

int usage_cohere(const struct holder *h, struct json block, struct usage *u)
{
	struct counts c = {0};
	struct json meta = h->meta;
	struct block whole, billed, tokens;
	uint64_t in, out, cached = 0, units;

	u->model = json_raw_string(h->model);
	u->request_id = json_raw_string(h->id);
	if (!u->request_id.n)
		u->request_id = json_raw_string(h->generation_id);
	if (block.type != JSON_OBJECT)
		block = json_get(h->delta, "usage"); /* v2's stream event message-end */
	if (block.type != JSON_OBJECT)
		block = meta;
	if (block.type != JSON_OBJECT)
		return 0;
	block_open(&whole, block);
	block_open(&billed, block_get(&whole, "billed_units"));
	block_open(&tokens, block_get(&whole, "tokens"));
	if (billed.object.type == JSON_OBJECT) {
		in = count_of(&c, &billed, "input_tokens");
		out = count_of(&c, &billed, "output_tokens");
		u->images = count_of(&c, &billed, "images");
		units = count_of(&c, &billed, "search_units") + count_of(&c, &billed, "classifications");
		u->tools[TOOL_OTHER] = units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
	} else {
		in = count_of(&c, &tokens, "input_tokens");
		out = count_of(&c, &tokens, "output_tokens");
		cached = count_of(&c, &whole, "cached_tokens");
	}
	u->vendor_total_tok = in + out;
	u->tok[CLASS_IN_PLAIN] = in > cached ? in - cached : 0;
	u->tok[CLASS_IN_CACHE_READ] = cached;
	u->tok[CLASS_OUT_TEXT] = out;
	return usage_close(u, &c);
}
