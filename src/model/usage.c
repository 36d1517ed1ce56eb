/* SPDX-License-Identifier: Apache-2.0
 *
 * See usage.h. This file holds what all shapes share: names, tiers, sums, where a block stands in a body,
 * what a count is. The readers: usage_openai.c, usage_anthropic.c, usage_gemini.c, usage_other.c.
 *
 * 1. A count is a whole number from 0 to 2^53. Anything else makes the block a mismatch without classes.
 * 2. vendor_total_tok is the total that the vendor states, or that its own parts imply where it states none.
 * 3. The classes are never bent to fit that total: where they do not sum to it, USAGE_MISMATCH says so.
 */
#include "model/usage_i.h"

#include "base/err.h"

static const struct {
	const char *name;
	char side;
} classes[CLASSES] = {
#define X(NAME, name, side, text) {#name, side},
#include "model/token_classes.def"
#undef X
};

static const char *const tools[TOOLS] = {
#define X(NAME, name, text) #name,
#include "model/tool_kinds.def"
#undef X
};

const char *token_class_name(enum token_class c)
{
	return (unsigned)c < CLASSES ? classes[c].name : "?";
}

bool token_class_is_output(enum token_class c)
{
	return (unsigned)c < CLASSES && classes[c].side == 'o';
}

const char *tool_kind_name(enum tool_kind k)
{
	return (unsigned)k < TOOLS ? tools[k] : "?";
}

const char *tier_name(enum tier t)
{
	static const char *const names[TIERS] = {"unknown",  "standard", "batch",	"flex",
						 "priority", "scale",	 "provisioned", "other"};
	return (unsigned)t < TIERS ? names[t] : "?";
}

/* OpenAI: auto default flex scale priority fast ultrafast; Anthropic: standard priority batch; Gemini API:
 * standard flex priority; Vertex trafficType; Bedrock: default flex priority reserved; Groq: on_demand,
 * performance (the vendors' SDK types of August 2026). "auto" is a wish, it names no tier. */
enum tier tier_parse(struct str s)
{
	static const struct {
		const char *word;
		enum tier tier;
	} words[] = {
		{"auto", TIER_UNKNOWN},
		{"", TIER_UNKNOWN},
		{"unknown", TIER_UNKNOWN},
		{"unspecified", TIER_UNKNOWN},
		{"SERVICE_TIER_UNSPECIFIED", TIER_UNKNOWN},
		{"TRAFFIC_TYPE_UNSPECIFIED", TIER_UNKNOWN},
		{"default", TIER_STANDARD},
		{"standard", TIER_STANDARD},
		{"standard_only", TIER_STANDARD},
		{"on_demand", TIER_STANDARD},
		{"SERVICE_TIER_STANDARD", TIER_STANDARD},
		{"batch", TIER_BATCH},
		{"flex", TIER_FLEX},
		{"on_demand_flex", TIER_FLEX},
		{"SERVICE_TIER_FLEX", TIER_FLEX},
		{"priority", TIER_PRIORITY},
		{"fast", TIER_PRIORITY},
		{"performance", TIER_PRIORITY},
		{"on_demand_priority", TIER_PRIORITY},
		{"SERVICE_TIER_PRIORITY", TIER_PRIORITY},
		{"scale", TIER_SCALE},
		{"provisioned", TIER_PROVISIONED},
		{"provisioned_throughput", TIER_PROVISIONED},
		{"reserved", TIER_PROVISIONED},
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_ieq(s, str_of(words[i].word)))
			return words[i].tier;
	return TIER_OTHER;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

uint64_t usage_input_tok(const struct usage *u)
{
	uint64_t sum = 0;
	for (unsigned c = 0; c < CLASSES; c++)
		if (classes[c].side == 'i')
			sum = plus(sum, u->tok[c]);
	return sum;
}

uint64_t usage_output_tok(const struct usage *u)
{
	uint64_t sum = 0;
	for (unsigned c = 0; c < CLASSES; c++)
		if (classes[c].side == 'o')
			sum = plus(sum, u->tok[c]);
	return sum;
}

uint64_t usage_total_tok(const struct usage *u)
{
	return plus(usage_input_tok(u), usage_output_tok(u));
}

void usage_add(struct usage *into, const struct usage *from)
{
	if (!into->flags) {
		into->tier = from->tier;
		into->fast = from->fast;
		memcpy(into->geo, from->geo, sizeof into->geo);
		into->model = from->model;
		into->request_id = from->request_id;
	} else if (from->flags && into->tier != from->tier) {
		into->tier = TIER_OTHER; /* a sum over tiers has no price of its own */
	}
	for (unsigned c = 0; c < CLASSES; c++)
		into->tok[c] = plus(into->tok[c], from->tok[c]);
	for (unsigned t = 0; t < TOOLS; t++)
		if (__builtin_add_overflow(into->tools[t], from->tools[t], &into->tools[t]))
			into->tools[t] = UINT32_MAX;
	into->vendor_total_tok = plus(into->vendor_total_tok, from->vendor_total_tok);
	into->audio_ms = plus(into->audio_ms, from->audio_ms);
	into->images = plus(into->images, from->images);
	into->characters = plus(into->characters, from->characters);
	into->storage_token_hours = plus(into->storage_token_hours, from->storage_token_hours);
	into->trained_tok = plus(into->trained_tok, from->trained_tok);
	if (__builtin_add_overflow(into->vendor_cost_pico, from->vendor_cost_pico, &into->vendor_cost_pico))
		into->vendor_cost_pico = INT64_MAX;
	/* The vendor's cost of the sum is known only if it is known of every part; zero only if all are. */
	if (into->flags && (into->flags ^ from->flags) & USAGE_VENDOR_COST) {
		into->flags &= ~(uint32_t)USAGE_VENDOR_COST;
		into->flags |= from->flags & ~(uint32_t)USAGE_VENDOR_COST;
	} else {
		into->flags |= from->flags;
	}
	if (usage_total_tok(into))
		into->flags &= ~(uint32_t)USAGE_ZERO;
}

static const char *const shapes[SHAPES] = {
	[SHAPE_OPENAI_CHAT] = "openai-chat",
	[SHAPE_OPENAI_RESPONSES] = "openai-responses",
	[SHAPE_OPENAI_EMBEDDINGS] = "openai-embeddings",
	[SHAPE_OPENAI_IMAGES] = "openai-images",
	[SHAPE_OPENAI_TRANSCRIPTION] = "openai-transcription",
	[SHAPE_OPENAI_REALTIME] = "openai-realtime",
	[SHAPE_ANTHROPIC] = "anthropic",
	[SHAPE_GEMINI] = "gemini",
	[SHAPE_BEDROCK] = "bedrock",
	[SHAPE_BEDROCK_ANTHROPIC] = "bedrock-anthropic",
	[SHAPE_MISTRAL] = "mistral",
	[SHAPE_COHERE] = "cohere",
	[SHAPE_XAI] = "xai",
	[SHAPE_DEEPSEEK] = "deepseek",
	[SHAPE_NONE] = "none",
};

const char *usage_shape_name(enum usage_shape s)
{
	return (unsigned)s < SHAPES ? shapes[s] : "?";
}

/* Names under which people look for a shape; the list above is what is printed. */
static const struct {
	const char *name;
	enum usage_shape shape;
} aliases[] = {
	{"openai", SHAPE_OPENAI_CHAT},	       {"openai-completions", SHAPE_OPENAI_CHAT},
	{"openai-compatible", SHAPE_OPENAI_CHAT}, {"azure", SHAPE_OPENAI_CHAT},
	{"groq", SHAPE_OPENAI_CHAT},	       {"openrouter", SHAPE_OPENAI_CHAT},
	{"together", SHAPE_OPENAI_CHAT},	       {"fireworks", SHAPE_OPENAI_CHAT},
	{"vllm", SHAPE_OPENAI_CHAT},	       {"perplexity", SHAPE_OPENAI_CHAT},
	{"anthropic-messages", SHAPE_ANTHROPIC},  {"claude", SHAPE_ANTHROPIC},
	{"google", SHAPE_GEMINI},		       {"vertex", SHAPE_GEMINI},
	{"bedrock-converse", SHAPE_BEDROCK},      {"x-ai", SHAPE_XAI},
	{"grok", SHAPE_XAI},		       {"openai-audio", SHAPE_OPENAI_TRANSCRIPTION},
};

int usage_shape_parse(struct str s, enum usage_shape *out)
{
	for (unsigned i = 0; i < SHAPES; i++)
		if (str_ieq(s, str_of(shapes[i]))) {
			*out = (enum usage_shape)i;
			return 0;
		}
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (str_ieq(s, str_of(aliases[i].name))) {
			*out = aliases[i].shape;
			return 0;
		}
	return -RR_NOTFOUND;
}

void block_open(struct block *b, struct json object)
{
	struct json_iter it;
	struct str key;
	struct json v;
	b->object = object;
	b->noted = true;
	b->count = 0;
	b->hints = 0;
	if (object.type != JSON_OBJECT)
		return;
	json_open(&it, object);
	while (json_next(&it, &key, &v)) {
		if (b->count == BLOCK_MEMBERS || (key.n && memchr(key.p, '\\', key.n))) {
			b->noted = false;
			b->hints = UINT64_MAX;
			return;
		}
		b->hints |= block_hint(key);
		b->member[b->count].key = key;
		b->member[b->count++].value = v;
	}
}

struct json block_find(const struct block *b, struct str key)
{
	for (unsigned i = b->count; b->noted && i-- > 0;) /* the last of duplicates counts */
		if (str_eq(b->member[i].key, key))
			return b->member[i].value;
	return b->noted ? (struct json){JSON_NONE, {NULL, 0}} : json_get(b->object, key.p);
}

bool count_value(struct counts *c, struct json v, uint64_t *out)
{
	uint64_t n;
	int rc;
	if (v.type == JSON_NONE || v.type == JSON_NULL)
		return false;
	rc = json_u64(v, &n);
	if (!rc && n > COUNT_MAX)
		rc = -RR_RANGE;
	if (rc) {
		if (!c->fault)
			c->fault = rc == -RR_NOTFOUND ? -RR_SYNTAX : rc;
		return false;
	}
	c->seen++;
	*out = n;
	return true;
}

/* Every name of a count of tokens that some vendor uses in its usage and that is read, or stands inside what is read
 * (SDK types and guides of the vendors, 2026). A new one is a new class until somebody has looked at it. */
static bool token_name_known(struct str name)
{
	static const char *const known[] = {
		"prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "cached_tokens",
		"reasoning_tokens", "audio_tokens", "text_tokens", "image_tokens", "video_tokens", "cache_write_tokens",
		"accepted_prediction_tokens", "rejected_prediction_tokens", "cache_creation_tokens", "thinking_tokens",
		"cache_read_input_tokens", "cache_creation_input_tokens", "ephemeral_5m_input_tokens",
		"ephemeral_1h_input_tokens", "prompt_cache_hit_tokens", "prompt_cache_miss_tokens",
		"cached_prompt_text_tokens",
		"prompt_text_tokens", "prompt_image_tokens", "promptTokenCount", "candidatesTokenCount",
		"totalTokenCount",
		"cachedContentTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount", "responseTokenCount",
		"prompt_token_count", "candidates_token_count", "total_token_count", "cached_content_token_count",
		"thoughts_token_count", "tool_use_prompt_token_count", "response_token_count", "inputTokens",
		"outputTokens",
		"totalTokens", "cacheReadInputTokens", "cacheWriteInputTokens", "cacheReadInputTokenCount",
		"cacheWriteInputTokenCount", "audio_cached_tokens", "image_cached_tokens", "text_cached_tokens",
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (str_eqc(name, known[i]))
			return true;
	return false;
}

void count_watch(struct counts *c, const struct block *b)
{
	uint64_t n;
	for (unsigned i = 0; b->noted && i < b->count; i++) {
		struct str name = b->member[i].key;
		char last = name.n > 6 ? name.p[name.n - 1] : 0;
		if (b->member[i].value.type != JSON_NUMBER || (last != 's' && last != 't') ||
		    !(str_ends(name, STR("okens")) || str_ends(name, STR("TokenCount")) ||
		      str_ends(name, STR("_token_count"))))
			continue;
		c->unknown |= !token_name_known(name) && !(json_u64(b->member[i].value, &n) == 0 && n == 0);
	}
}

bool decimal_pico(struct json v, int64_t *out)
{
	struct str text = v.type == JSON_STRING ? json_raw_string(v) : v.text;
	bool exact;
	if (v.type != JSON_NUMBER && v.type != JSON_STRING)
		return false;
	return money_parse(text, out, &exact) == 0 && *out >= 0;
}

bool decimal_milli(struct json v, uint64_t *out)
{
	int64_t pico;
	if (!decimal_pico(v, &pico))
		return false;
	*out = (uint64_t)money_round(pico, PICO_PER_UNIT / 1000);
	return true;
}

bool usage_is_zero(const struct usage *u)
{
	for (unsigned t = 0; t < TOOLS; t++)
		if (u->tools[t])
			return false;
	return !usage_total_tok(u) && !u->vendor_total_tok && !u->audio_ms && !u->images && !u->characters &&
	       !u->trained_tok;
}

int usage_close(struct usage *u, const struct counts *c)
{
	if (c->fault) {
		struct str model = u->model, id = u->request_id;
		memset(u, 0, sizeof *u);
		u->model = model;
		u->request_id = id;
		u->flags = USAGE_SEEN | USAGE_MISMATCH;
		return c->fault;
	}
	if (!c->seen)
		return 0;
	u->flags |= USAGE_SEEN;
	if (c->unknown || usage_total_tok(u) != u->vendor_total_tok)
		u->flags |= USAGE_MISMATCH;
	if (usage_is_zero(u))
		u->flags |= USAGE_ZERO;
	return 0;
}

static const struct str holder_keys[] = {
#define X(key) {#key, sizeof #key - 1},
	HOLDER_KEYS(X)
#undef X
};
enum { HOLDER_MEMBERS = sizeof holder_keys / sizeof holder_keys[0] };
static struct json_wanted holder_wanted = {holder_keys, HOLDER_MEMBERS, 0};
_Static_assert(sizeof(struct holder) == HOLDER_MEMBERS * sizeof(struct json),
	       "a holder is its values in order of keys");

int holder_scan(struct str text, struct holder *h)
{
	int rc = json_scan_for(text, &holder_wanted, (struct json *)h, NULL, NULL);
	return rc == -RR_INPUT ? 0 : rc;
}

void holder_take(struct json object, struct holder *h)
{
	struct json *value = (struct json *)h;
	struct json_iter it;
	struct str key;
	struct json v;
	memset(h, 0, sizeof *h);
	json_open(&it, object);
	while (object.type == JSON_OBJECT && json_next(&it, &key, &v)) {
		bool escaped = key.n && memchr(key.p, '\\', key.n);
		for (unsigned i = 0; i < HOLDER_MEMBERS; i++)
			if (escaped ? json_key_eq(key, holder_keys[i]) : str_eq(key, holder_keys[i])) {
				value[i] = v;
				break;
			}
	}
}

static struct json block_of(enum usage_shape shape, const struct holder *h)
{
	/* usage_metadata: the same in proto spelling, as some Google client libraries dump it */
	if (shape == SHAPE_GEMINI)
		return h->usageMetadata.type == JSON_OBJECT ? h->usageMetadata : h->usage_metadata;
	return h->usage;
}

/* Goes into one object of the body, whether or not it holds a block. */
static void enter(enum usage_shape shape, struct json inner, struct usage_place *at)
{
	holder_take(inner, &at->holder);
	at->block = block_of(shape, &at->holder);
}

void usage_place_find(enum usage_shape shape, struct json body, struct usage_place *at)
{
	holder_take(body, &at->top);
	usage_place_in(shape, at);
}

void usage_place_in(enum usage_shape shape, struct usage_place *at)
{
	struct json inner;
	at->holder = at->top;
	at->block = block_of(shape, &at->top);
	at->batch = false;
	if (at->block.type == JSON_OBJECT)
		return;
	if (at->top.response.type == JSON_OBJECT) {
		inner = json_get(at->top.response, "body");
		/* an OpenAI batch line {custom_id, response: {status_code, body}}, or a Gemini batch line, or a
		 * Responses event, realtime's response.done */
		at->batch = inner.type == JSON_OBJECT || (shape == SHAPE_GEMINI && at->top.type.type == JSON_NONE);
		enter(shape, inner.type == JSON_OBJECT ? inner : at->top.response, at);
		return;
	}
	inner = json_get(at->top.result, "message"); /* Anthropic batch line: {custom_id, result: {type, message}} */
	if (inner.type == JSON_OBJECT) {
		at->batch = true;
		enter(shape, inner, at);
	} else if (at->top.message.type == JSON_OBJECT && json_get(at->top.message, "usage").type == JSON_OBJECT) {
		enter(shape, at->top.message, at); /* message_start */
	} else if (shape == SHAPE_BEDROCK && at->top.metadata.type == JSON_OBJECT) {
		enter(shape, at->top.metadata, at); /* its last stream event */
	}
}

static int read_at(enum usage_shape shape, const struct usage_place *at, struct usage *u)
{
	switch (shape) {
	case SHAPE_ANTHROPIC:
	case SHAPE_BEDROCK_ANTHROPIC: {
		struct anthropic_counts a = {0};
		struct counts c = {0};
		u->model = json_raw_string(at->holder.model);
		u->request_id = json_raw_string(at->holder.id);
		if (at->block.type != JSON_OBJECT)
			return 0;
		anthropic_take(&a, at->block, &c);
		anthropic_conditions(at->block, u);
		anthropic_build(&a, false, u);
		return usage_close(u, &c);
	}
	case SHAPE_GEMINI:
		return usage_gemini(&at->holder, at->block, u);
	case SHAPE_BEDROCK:
		return usage_bedrock(&at->holder, at->block, u);
	case SHAPE_COHERE:
		return usage_cohere(&at->holder, at->block, u);
	case SHAPE_NONE:
	case SHAPES:
		return 0;
	default:
		return usage_openai(shape, &at->holder, at->block, u);
	}
}

int usage_read_at(enum usage_shape shape, const struct usage_place *at, struct usage *u)
{
	int rc;
	memset(u, 0, sizeof *u);
	rc = read_at(shape, at, u);
	if (at->batch)
		u->tier = TIER_BATCH;
	return rc;
}

int usage_read_block(enum usage_shape shape, struct json block, struct usage *u)
{
	struct usage_place at = {.block = block};
	return usage_read_at(shape, &at, u);
}

int usage_read(enum usage_shape shape, struct json body, struct usage *u)
{
	struct usage_place at;
	memset(u, 0, sizeof *u);
	if (body.type == JSON_ARRAY) {
		/* Gemini without alt=sse: an array of answers whose usage is cumulative, so the last one counts. */
		struct json_iter it;
		struct str key;
		struct json element, last = {JSON_NONE, {NULL, 0}};
		json_open(&it, body);
		while (json_next(&it, &key, &element)) {
			usage_place_find(shape, element, &at);
			if (last.type == JSON_NONE || at.block.type == JSON_OBJECT)
				last = element;
		}
		body = last;
	}
	if (body.type != JSON_OBJECT)
		return 0;
	usage_place_find(shape, body, &at);
	return usage_read_at(shape, &at, u);
}

int usage_read_other(enum usage_shape shape, struct json body, struct usage *u)
{
	struct anthropic_counts a = {0};
	struct counts c = {0};
	struct usage_place at;
	struct json_iter it;
	struct str key;
	struct json step;
	memset(u, 0, sizeof *u);
	usage_place_find(shape, body, &at);
	if ((shape != SHAPE_ANTHROPIC && shape != SHAPE_BEDROCK_ANTHROPIC) || at.block.type != JSON_OBJECT)
		return -RR_NOTFOUND;
	anthropic_take(&a, at.block, &c);
	if (!a.has_other)
		return -RR_NOTFOUND;
	anthropic_conditions(at.block, u);
	anthropic_build_other(&a, u);
	json_open(&it, json_get(at.block, "iterations"));
	while (json_next(&it, &key, &step))
		if (json_string_eq(json_get(step, "type"), "advisor_message"))
			u->model = json_raw_string(json_get(step, "model"));
	u->request_id = json_raw_string(at.holder.id);
	if (at.batch)
		u->tier = TIER_BATCH;
	return usage_close(u, &c);
}

void usage_classes_json(const struct usage *u, struct json_out *w)
{
	jw_object(w);
	for (unsigned c = 0; c < CLASSES; c++)
		if (u->tok[c])
			jw_ku64(w, classes[c].name, u->tok[c]);
	jw_end_object(w);
}

void usage_tools_json(const struct usage *u, struct json_out *w)
{
	jw_object(w);
	for (unsigned t = 0; t < TOOLS; t++)
		if (u->tools[t])
			jw_ku64(w, tools[t], u->tools[t]);
	jw_end_object(w);
}
