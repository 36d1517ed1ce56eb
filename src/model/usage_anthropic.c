/* SPDX-License-Identifier: Apache-2.0
 *
 * Anthropic Messages: every count stands beside the others (SDK types, August 2026).
 *
 *   input_tokens                   what was neither read from nor written to the cache
 *   cache_read_input_tokens        beside it
 *   cache_creation_input_tokens    beside it; cache_creation {ephemeral_5m, ephemeral_1h} is its split
 *   output_tokens                  with output_tokens_details.thinking_tokens inside (re-tokenised, approximate)
 *   server_tool_use                counts, extra money
 *   iterations[]                   per sampling step
 *
 * Iterations (docs "Compaction" and "Advisor tool", read November 2026): the top level is the sum of the
 * `message` steps; `compaction` steps are left out of it and billed at the same model's rates; what is
 * billed is the sum of all steps. `advisor_message` steps are another model's, at its rates, never in the top
 * level. With a `fallback_message` the top level already is the served answer. An older text says that the
 * top-level input is that of the first step only: so the steps are summed here, and only an output that
 * differs from the top level's is a mismatch.
 *
 * The life of a write that no split covers: 5 minutes, the vendor's default, or 1 hour where the request's
 * marks ask for it; flagged USAGE_SPLIT_GUESSED (C19).
 */
#include "model/usage_i.h"

#include "base/err.h"

static void take_vector(struct counts *c, const struct block *block, struct anthropic_vector *v, bool *has_split)
{
	struct json split = block_get(block, "cache_creation");
	bool split_here = false;
	uint64_t n;
	count_watch(c, block);
	if (count_take(c, block, "input_tokens", &n) && n)
		v->input = n;
	if (count_take(c, block, "cache_read_input_tokens", &n) && n)
		v->read = n;
	if (count_take(c, block, "output_tokens", &n) && n)
		v->output = n;
	if (split.type == JSON_OBJECT) {
		struct block lives;
		uint64_t five, hour;
		block_open(&lives, split);
		count_watch(c, &lives);
		five = count_of(c, &lives, "ephemeral_5m_input_tokens");
		hour = count_of(c, &lives, "ephemeral_1h_input_tokens");
		if (five || hour) {
			v->split_5m = five;
			v->split_1h = hour;
			*has_split = split_here = true;
		}
	}
	if (count_take(c, block, "cache_creation_input_tokens", &n)) {
		if (n)
			v->creation = n;
	} else if (split_here) {
		v->creation = v->split_5m + v->split_1h;
	}
}

static void add_vector(struct anthropic_vector *into, const struct anthropic_vector *v)
{
	into->input += v->input;
	into->read += v->read;
	into->creation += v->creation;
	into->split_5m += v->split_5m;
	into->split_1h += v->split_1h;
	into->output += v->output;
}

/* More steps than this are no answer of any model: the rest would be a way to overflow sums of 2^53. */
enum { ITERATIONS_MAX = 256 };

static void take_iterations(struct anthropic_counts *a, struct json list, struct counts *c)
{
	struct json_iter it;
	struct str key;
	struct json step;
	unsigned steps = 0;
	a->has_executor = a->has_fallback = a->has_other = a->several_others = false;
	memset(&a->executor, 0, sizeof a->executor);
	memset(&a->compaction, 0, sizeof a->compaction);
	memset(&a->other, 0, sizeof a->other);
	json_open(&it, list);
	while (json_next(&it, &key, &step)) {
		struct anthropic_vector v = {0};
		struct json type;
		struct block inner;
		bool split = false;
		if (++steps > ITERATIONS_MAX) {
			c->fault = -RR_RANGE;
			return;
		}
		block_open(&inner, step);
		type = block_get(&inner, "type");
		take_vector(c, &inner, &v, &split);
		if (json_string_eq(type, "advisor_message")) {
			char model[sizeof a->other_model];
			json_string_copy(block_get(&inner, "model"), model, sizeof model);
			if (a->has_other && strcmp(model, a->other_model) != 0)
				a->several_others = true;
			memcpy(a->other_model, model, sizeof model);
			a->has_other = true;
			add_vector(&a->other, &v);
		} else if (json_string_eq(type, "compaction")) {
			add_vector(&a->compaction, &v);
		} else if (json_string_eq(type, "fallback_message")) {
			a->has_fallback = true;
		} else {
			a->has_executor = true;
			add_vector(&a->executor, &v);
		}
	}
	a->has_iterations = steps > 0;
}

/* Requests to tools of the vendor's that are not known here. Searching among tools is not billed apart (the vendor's
 * guide to the tool search tool, as generally known in 2026, unverified). */
static void take_other_tools(struct anthropic_counts *a, struct json tools)
{
	static const char *const known[] = {"web_search_requests", "web_fetch_requests", "tool_search_requests", NULL};
	struct json_iter it;
	struct str key;
	struct json v;
	uint64_t n, sum = 0;
	json_open(&it, tools);
	while (tools.type == JSON_OBJECT && json_next(&it, &key, &v)) {
		unsigned i = 0;
		while (known[i] && !json_key_eq(key, str_of(known[i])))
			i++;
		if (!known[i] && json_u64(v, &n) == 0 && sum < UINT32_MAX)
			sum += n < UINT32_MAX ? n : UINT32_MAX;
	}
	if (sum)
		a->other_tools = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

int anthropic_take(struct anthropic_counts *a, struct json object, struct counts *c)
{
	struct block block, tools, details;
	struct json list;
	uint64_t n;
	block_open(&block, object);
	block_open(&tools, block_get(&block, "server_tool_use"));
	block_open(&details, block_get(&block, "output_tokens_details"));
	list = block_get(&block, "iterations");
	take_vector(c, &block, &a->top, &a->has_split);
	a->has_input |= block_get(&block, "input_tokens").type == JSON_NUMBER;
	a->has_output |= block_get(&block, "output_tokens").type == JSON_NUMBER;
	a->unknown |= c->unknown;
	if (count_take(c, &details, "thinking_tokens", &n) && n)
		a->thinking = n;
	if (count_take(c, &tools, "web_search_requests", &n) && n)
		a->web_search = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
	if (count_take(c, &tools, "web_fetch_requests", &n) && n)
		a->web_fetch = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
	take_other_tools(a, block_get(&block, "server_tool_use"));
	if (list.type == JSON_ARRAY)
		take_iterations(a, list, c);
	return c->fault;
}

void anthropic_conditions(struct json block, struct usage *u)
{
	struct json tier, geo;
	struct block b;
	block_open(&b, block);
	tier = block_get(&b, "service_tier");
	geo = block_get(&b, "inference_geo");
	if (tier.type == JSON_STRING)
		u->tier = tier_parse(json_raw_string(tier));
	u->fast = json_string_eq(block_get(&b, "speed"), "fast");
	if (!json_string_eq(geo, "not_available"))
		json_string_copy(geo, u->geo, sizeof u->geo);
}

static void put_vector(const struct anthropic_vector *v, bool marks_1h, struct usage *u)
{
	uint64_t split = v->split_5m + v->split_1h;
	u->tok[CLASS_IN_PLAIN] = v->input;
	u->tok[CLASS_IN_CACHE_READ] = v->read;
	u->tok[CLASS_IN_CACHE_WRITE_5M] = v->split_5m;
	u->tok[CLASS_IN_CACHE_WRITE_1H] = v->split_1h;
	u->tok[CLASS_OUT_TEXT] = v->output;
	if (v->creation > split) {
		u->tok[marks_1h ? CLASS_IN_CACHE_WRITE_1H : CLASS_IN_CACHE_WRITE_5M] += v->creation - split;
		u->flags |= USAGE_SPLIT_GUESSED;
	}
	/* A split above the total stays as it is: the sum differs from vendor_total_tok, and that is flagged. */
	u->vendor_total_tok = v->input + v->read + v->creation + v->output;
}

void anthropic_build(const struct anthropic_counts *a, bool marks_1h, struct usage *u)
{
	struct anthropic_vector v = a->top;
	uint64_t thinking;
	memset(u->tok, 0, sizeof u->tok);
	u->flags &= ~(uint32_t)(USAGE_SPLIT_GUESSED | USAGE_MISMATCH | USAGE_OTHER_MODEL | USAGE_IN_UNSTATED |
				USAGE_OUT_UNSTATED);
	u->flags |= (a->has_input || a->has_iterations ? 0 : USAGE_IN_UNSTATED) |
		    (a->has_output || a->has_iterations ? 0 : USAGE_OUT_UNSTATED);
	if (a->unknown)
		u->flags |= USAGE_MISMATCH;
	if (a->has_iterations && a->has_executor && !a->has_fallback) {
		if (a->executor.output != a->top.output)
			u->flags |= USAGE_MISMATCH;
		v = a->executor;
	}
	if (a->has_iterations)
		add_vector(&v, &a->compaction);
	put_vector(&v, marks_1h, u);
	thinking = a->thinking < v.output ? a->thinking : v.output;
	u->tok[CLASS_OUT_TEXT] = v.output - thinking;
	u->tok[CLASS_OUT_REASONING] = thinking;
	u->tools[TOOL_WEB_SEARCH] = a->web_search;
	u->tools[TOOL_WEB_FETCH] = a->web_fetch;
	u->tools[TOOL_OTHER] = a->other_tools;
	if (a->has_other)
		u->flags |= USAGE_OTHER_MODEL;
}

void anthropic_build_other(const struct anthropic_counts *a, struct usage *u)
{
	put_vector(&a->other, false, u);
	if (a->several_others)
		u->flags |= USAGE_MISMATCH;
}
