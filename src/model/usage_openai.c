/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's usage blocks and those of the many that speak its dialect.
 *
 *   prompt_tokens / input_tokens            all input
 *     .cached_tokens                        inside; may overlap audio and image tokens (C03, C04)
 *     .cache_write_tokens                   inside, disjoint from cached_tokens (from GPT-5.6, 1.25x)
 *     .audio_tokens .image_tokens           inside
 *   completion_tokens / output_tokens       all output
 *     .reasoning_tokens .audio_tokens       inside; rejected_prediction_tokens inside and billed
 *   total_tokens                            input + output
 * (OpenAI SDK types, August 2026.)
 *
 * Compatible servers differ in two places, and the stated total decides between the readings:
 *   reasoning beside the output  (xAI chat: total = prompt + completion + reasoning; genai-prices v2 x-ai)
 *   cache beside the input       (translators of Anthropic's usage, C13)
 * The vendor's usual reading is tried first; where no reading gives the total, the usual one stands and the
 * block is a mismatch. A cached count above the input without a total that explains it is one too (C16).
 */
#include "model/usage_i.h"

#include "base/err.h"

struct parts {
	uint64_t in, out, total;
	bool has_in, has_out, has_total, conflict;
	uint64_t cached, written, audio, image;
	uint64_t cached_audio, cached_image;
	bool has_cached_split;
	uint64_t reasoning, audio_out, image_out;
	uint64_t image_text_out; /* images: text written beside pictures */
	bool has_output_details;
};

enum { REASONING_BESIDE = 1, CACHE_BESIDE = 2, READINGS = 4 };

static uint64_t implied(const struct parts *p, unsigned reading)
{
	return p->in + p->out + (reading & REASONING_BESIDE ? p->reasoning : 0) +
	       (reading & CACHE_BESIDE ? p->cached + p->written : 0);
}

/* Can the parts stand inside their wholes? */
static bool possible(const struct parts *p, unsigned reading)
{
	if (!(reading & CACHE_BESIDE) && p->cached + p->written > p->in)
		return false;
	return p->audio_out + p->image_out + (reading & REASONING_BESIDE ? 0 : p->reasoning) <= p->out;
}

static unsigned choose(const struct parts *p, unsigned usual, struct usage *u)
{
	for (unsigned i = 0; p->has_total && i < READINGS; i++) {
		unsigned reading = usual ^ i;
		if (possible(p, reading) && implied(p, reading) == p->total)
			return reading;
	}
	if (p->has_total || !possible(p, usual))
		u->flags |= USAGE_MISMATCH;
	return usual;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* The parts as disjoint classes. */
static void spread(const struct parts *p, unsigned usual, enum token_class write_class, struct usage *u)
{
	unsigned reading = choose(p, usual, u);
	uint64_t fresh = reading & CACHE_BESIDE ? p->in : minus(p->in, p->cached + p->written);
	uint64_t audio = p->audio, image = p->image, cached_other;
	uint64_t text_out = minus(p->out, p->audio_out + p->image_out);
	u->vendor_total_tok = p->has_total ? p->total : implied(p, reading);
	if (p->conflict || p->audio > p->in || p->image > p->in || p->cached_audio + p->cached_image > p->cached)
		u->flags |= USAGE_MISMATCH;
	if (p->has_cached_split) {
		audio = minus(audio, p->cached_audio);
		image = minus(image, p->cached_image);
	}
	/* Cached and modal tokens may overlap: a modality gets at most what the cache did not cover. */
	audio = less(audio, fresh);
	image = less(image, fresh - audio);
	cached_other = minus(p->cached, p->cached_audio + p->cached_image);
	u->tok[CLASS_IN_PLAIN] = fresh - audio - image;
	u->tok[CLASS_IN_AUDIO] = audio;
	u->tok[CLASS_IN_IMAGE] = image;
	u->tok[CLASS_IN_CACHE_READ] = cached_other;
	u->tok[CLASS_IN_AUDIO_CACHE_READ] = p->cached_audio;
	u->tok[CLASS_IN_IMAGE_CACHE_READ] = p->cached_image;
	u->tok[write_class] = p->written;
	u->tok[CLASS_OUT_REASONING] = p->reasoning;
	u->tok[CLASS_OUT_TEXT] = reading & REASONING_BESIDE ? text_out : minus(text_out, p->reasoning);
	u->tok[CLASS_OUT_AUDIO] = p->audio_out;
	u->tok[CLASS_OUT_IMAGE] = p->image_out;
}

/* The first of the names that holds a count. */
static bool take_first(struct counts *c, const struct block *object, const char *const names[], uint64_t *out)
{
	for (unsigned i = 0; names[i]; i++)
		if (count_take(c, object, names[i], out))
			return true;
	return false;
}

/* The first of the names that holds an object. */
static inline void open_first(const struct block *block, const char *a, const char *b, const char *d, struct block *out)
{
	struct json v = block_get(block, a);
	if (v.type != JSON_OBJECT)
		v = block_get(block, b);
	if (v.type != JSON_OBJECT)
		v = block_get(block, d);
	block_open(out, v);
}

static void take_whole(struct counts *c, const struct block *block, bool input_first, struct parts *p)
{
	uint64_t chat = 0, other = 0;
	bool has_chat = count_take(c, block, "prompt_tokens", &chat);
	bool has_other = count_take(c, block, "input_tokens", &other);
	p->has_in = has_chat || has_other;
	p->in = input_first ? (has_other ? other : chat) : has_chat ? chat : other;
	p->conflict = has_chat && has_other && chat != other; /* both spellings, and they disagree */
	has_chat = count_take(c, block, "completion_tokens", &chat);
	has_other = count_take(c, block, "output_tokens", &other);
	p->has_out = has_chat || has_other;
	if (p->has_out)
		p->out = input_first ? (has_other ? other : chat) : has_chat ? chat : other;
	p->conflict |= has_chat && has_other && chat != other;
	p->has_total = count_take(c, block, "total_tokens", &p->total);
	if (!p->has_in && !p->has_out && p->has_total) {
		p->in = p->total; /* embedding servers that state nothing else */
		p->has_in = true;
	} else if (p->has_total && p->has_in != p->has_out &&
		   p->total >= p->in + p->out) { /* the total says the other side */
		*(p->has_in ? &p->out : &p->in) = p->total - p->in - p->out;
		p->has_in = p->has_out = true;
	}
}

static void take_details(struct counts *c, const struct block *block, struct parts *p)
{
	/* Where each vendor puts them: OpenAI in the details; Moonshot cached_tokens, DeepSeek the hit count and
	 * xAI's old block cached_prompt_text_tokens on top; translators keep Anthropic's names beside OpenAI's. */
	static const char *const cached_inner[] = {"cached_tokens", NULL};
	static const char *const cached_outer[] = {"cached_tokens", "prompt_cache_hit_tokens",
						   "cached_prompt_text_tokens", "cache_read_input_tokens", NULL};
	static const char *const written_inner[] = {"cache_write_tokens", "cache_creation_tokens", NULL};
	static const char *const written_outer[] = {"cache_creation_input_tokens", NULL};
	UNSET struct block in, out;
	struct json split;
	open_first(block, "prompt_tokens_details", "input_tokens_details", "input_token_details", &in);
	open_first(block, "completion_tokens_details", "output_tokens_details", "output_token_details", &out);
	count_watch(c, block);
	count_watch(c, &in);
	count_watch(c, &out);
	split = block_get(&in, "cached_tokens_details");
	if (!take_first(c, &in, cached_inner, &p->cached))
		take_first(c, block, cached_outer, &p->cached);
	if (!take_first(c, &in, written_inner, &p->written))
		take_first(c, block, written_outer, &p->written);
	p->audio = count_of(c, &in, "audio_tokens");
	p->image = count_of(c, &in, "image_tokens") + count_of(c, &in, "video_tokens");
	if (split.type == JSON_OBJECT) {
		struct block parts;
		block_open(&parts, split);
		p->has_cached_split = true;
		p->cached_audio = count_of(c, &parts, "audio_tokens");
		p->cached_image = count_of(c, &parts, "image_tokens");
	}
	if (!count_take(c, &out, "reasoning_tokens", &p->reasoning))
		count_take(c, block, "reasoning_tokens", &p->reasoning);
	p->audio_out = count_of(c, &out, "audio_tokens");
	p->image_out = count_of(c, &out, "image_tokens");
	p->image_text_out = count_of(c, &out, "text_tokens");
	p->has_output_details = out.object.type == JSON_OBJECT;
}

/* The life of a write. From GPT-5.6 OpenAI's entries live at least 30 minutes, 12 hours on GPT-6.1 Terra
 * where prompt_cache_options.ttl says so (vendor's guide, read November 2026); Responses answers echo that
 * option. Another vendor's model behind this dialect ("anthropic/claude-...") has a life that is not stated. */
static enum token_class write_class(enum usage_shape shape, const struct holder *h, struct str model)
{
	struct json ttl = json_get(h->prompt_cache_options, "ttl");
	if (json_string_eq(ttl, "12h"))
		return CLASS_IN_CACHE_WRITE_12H;
	if (json_string_eq(ttl, "30m"))
		return CLASS_IN_CACHE_WRITE_30M;
	if (json_string_eq(ttl, "5m"))
		return CLASS_IN_CACHE_WRITE_5M;
	if (json_string_eq(ttl, "1h"))
		return CLASS_IN_CACHE_WRITE_1H;
	if (shape == SHAPE_XAI || shape == SHAPE_DEEPSEEK || shape == SHAPE_MISTRAL)
		return CLASS_IN_CACHE_WRITE;
	if (!model.n || str_icontains(model, STR("gpt")) || str_starts(model, STR("openai/")) ||
	    (model.n > 1 && model.p[0] == 'o' && model.p[1] >= '0' && model.p[1] <= '9'))
		return CLASS_IN_CACHE_WRITE_30M;
	return CLASS_IN_CACHE_WRITE;
}

static void add_tool(struct usage *u, enum tool_kind kind, uint64_t more)
{
	uint64_t sum = u->tools[kind] + more;
	u->tools[kind] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* Vendor-run tools stand among a Responses answer's output items. A web search is billed by its search
 * actions, not by opening or reading a page found; a code interpreter by its container (OpenAI pricing
 * page, November 2026). Function, custom, shell and computer calls run at the client's. */
static void take_output_tools(struct json output, struct usage *u)
{
	struct json_iter it;
	struct str key, last_container = {NULL, 0};
	struct json item;
	json_open(&it, output);
	while (json_next(&it, &key, &item)) {
		struct json type = json_get(item, "type");
		if (json_string_eq(type, "web_search_call")) {
			struct json action = json_path(item, "action.type");
			if (action.type != JSON_STRING || json_string_eq(action, "search"))
				add_tool(u, TOOL_WEB_SEARCH, 1);
		} else if (json_string_eq(type, "file_search_call")) {
			add_tool(u, TOOL_FILE_SEARCH, 1);
		} else if (json_string_eq(type, "image_generation_call")) {
			add_tool(u, TOOL_OTHER, 1); /* another model's tokens, which this answer does not state */
		} else if (json_string_eq(type, "code_interpreter_call")) {
			struct str container = json_raw_string(json_get(item, "container_id"));
			if (!container.n || !str_eq(container, last_container))
				add_tool(u, TOOL_CODE, 1);
			last_container = container;
		}
	}
}

/* xAI counts its server-side tools itself (web and X searches cost the same). */
static void take_tool_details(struct counts *c, struct json object, struct usage *u)
{
	struct block details;
	block_open(&details, object);
	u->tools[TOOL_WEB_SEARCH] = u->tools[TOOL_FILE_SEARCH] = u->tools[TOOL_CODE] = 0;
	add_tool(u, TOOL_WEB_SEARCH, count_of(c, &details, "web_search_calls"));
	add_tool(u, TOOL_WEB_SEARCH, count_of(c, &details, "x_search_calls"));
	add_tool(u, TOOL_FILE_SEARCH, count_of(c, &details, "file_search_calls"));
	add_tool(u, TOOL_FILE_SEARCH, count_of(c, &details, "document_search_calls"));
	add_tool(u, TOOL_CODE, count_of(c, &details, "code_interpreter_calls"));
}

/* Costs that the vendor states: OpenRouter `cost`, Perplexity `cost.total_cost`, DeepInfra
 * `estimated_cost`, all in dollars; xAI in ticks of 10^-10 dollars. */
static void take_cost(const struct block *block, struct usage *u)
{
	struct json cost = block_get(block, "cost"), ticks = block_get(block, "cost_in_usd_ticks");
	uint64_t n;
	if (cost.type == JSON_OBJECT)
		cost = json_get(cost, "total_cost");
	if (cost.type == JSON_NONE)
		cost = block_get(block, "estimated_cost");
	if (decimal_pico(cost, &u->vendor_cost_pico)) {
		u->flags |= USAGE_VENDOR_COST;
	} else if (json_u64(ticks, &n) == 0 && n <= INT64_MAX / 100) {
		u->vendor_cost_pico = (int64_t)n * 100;
		u->flags |= USAGE_VENDOR_COST;
	}
}

/* Transcription: by tokens or by the second, never both (C37). */
static bool take_duration(struct counts *c, const struct holder *h, const struct block *block, struct usage *u)
{
	struct json type = block_get(block, "type");
	struct json seconds = block_get(block, "seconds");
	if (json_string_eq(type, "tokens"))
		return false;
	if (seconds.type == JSON_NONE && block->object.type != JSON_OBJECT)
		seconds = h->duration; /* verbose_json of whisper-1, before it had usage */
	if (seconds.type == JSON_NONE || seconds.type == JSON_NULL)
		return false;
	if (!decimal_milli(seconds, &u->audio_ms))
		c->fault = -RR_SYNTAX;
	c->seen++;
	return true;
}

int usage_openai(enum usage_shape shape, const struct holder *h, struct json object, struct usage *u)
{
	UNSET struct block block;
	struct counts c = {0};
	struct parts p = {0};
	struct json tier = h->service_tier, details;
	unsigned usual = 0;
	bool input_first = shape == SHAPE_OPENAI_RESPONSES || shape == SHAPE_OPENAI_IMAGES ||
			   shape == SHAPE_OPENAI_REALTIME || shape == SHAPE_OPENAI_TRANSCRIPTION;
	block_open(&block, object);
	u->model = json_raw_string(h->model);
	u->request_id = json_raw_string(h->id);
	if (tier.type != JSON_STRING)
		tier = block_get(&block, "service_tier");
	if (tier.type == JSON_STRING) {
		u->tier = tier_parse(json_raw_string(tier));
		if (json_string_eq(tier, "ultrafast")) { /* Responses only: a premium above priority */
			u->tier = TIER_PRIORITY;
			u->fast = true;
		}
	}
	if (shape == SHAPE_OPENAI_TRANSCRIPTION || shape == SHAPE_OPENAI_REALTIME)
		if (take_duration(&c, h, &block, u))
			return usage_close(u, &c);
	if (object.type == JSON_OBJECT) {
		uint64_t searches = 0;
		take_whole(&c, &block, input_first, &p);
		take_cost(&block, u);
		if (u->flags & USAGE_VENDOR_COST)
			c.seen++;
		if (count_take(&c, &block, "num_search_queries", &searches)) /* Perplexity */
			add_tool(u, TOOL_WEB_SEARCH, searches);
	}
	if (shape == SHAPE_OPENAI_IMAGES && !p.has_in && !p.has_out) {
		u->images = json_count(h->data); /* billed by piece where no tokens are stated */
		c.seen += u->images > 0;
		return usage_close(u, &c);
	}
	if (object.type != JSON_OBJECT)
		return 0;
	take_details(&c, &block, &p);
	if (shape == SHAPE_OPENAI_IMAGES && !p.has_output_details)
		p.image_out = p.out; /* before gpt-image-1.5 all output was pictures, without details */
	else if (shape == SHAPE_OPENAI_IMAGES && !p.image_out)
		p.image_out = minus(p.out, p.image_text_out);
	if (shape == SHAPE_DEEPSEEK && !p.has_in && (p.cached || block_get(&block, "prompt_cache_miss_tokens").type)) {
		p.in = p.cached + count_of(&c, &block, "prompt_cache_miss_tokens");
		p.has_in = true;
	}
	details = block_get(&block, "prompt_audio_seconds"); /* Mistral; an empty object when unset */
	if (details.type == JSON_NUMBER && decimal_milli(details, &u->audio_ms) && u->audio_ms) {
		/* The audio is billed by the second; its tokens stand in total_tokens alone (their transcription
		 * guide: 4 + 635 of 3264). They are billed once, so they are no class and not in the total. */
		p.total = p.in + p.out;
	}
	if (shape == SHAPE_XAI && block_get(&block, "completion_tokens").type == JSON_NUMBER)
		usual = REASONING_BESIDE; /* its chat block; its Responses block keeps to OpenAI's reading */
	if (p.has_in != p.has_out && shape != SHAPE_OPENAI_EMBEDDINGS)
		u->flags |= p.has_in ? USAGE_OUT_UNSTATED : USAGE_IN_UNSTATED;
	if (!c.fault)
		spread(&p, usual, write_class(shape, h, u->model), u);
	take_output_tools(h->output, u);
	details = block_get(&block, "server_side_tool_usage_details");
	if (details.type == JSON_OBJECT)
		take_tool_details(&c, details, u);
	return usage_close(u, &c);
}
