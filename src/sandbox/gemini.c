/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend Gemini: generateContent (whole, as events, as a growing array), countTokens, embeddings, models,
 * cached contents, inline batches. Vertex paths are answered the same way.
 *
 * Usage rides on every piece of a stream and grows; the thoughts stand beside the candidates, and only in the
 * last piece; the total is prompt + tool use + candidates + thoughts. Events end with CR LF CR LF, as the vendor's do.
 * Implicit cache: the prompt's prefix in steps of 256 tokens from 2,048 (2.5) or 4,096 on (guide, October 2026).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sandbox/gemini_int.h"

enum { PROMPT_BYTES = 64 * 1024 * 1024, CALLS = 16, CANDIDATES = 8, STEP_TOK = 256, TOKEN_BYTES = 4, DIMENSIONS = 768,
	PICTURE_TOK = 1290 /* the price page's figure for 1024 x 1024 */ };
#define CACHE_KEEP_US (INT64_C(600) * US_PER_S)
/* one transparent pixel */
#define PICTURE "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk" \
		"YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==\"}}"

static const char *status_name(unsigned status)
{
	switch (status) {
	case 400: return "INVALID_ARGUMENT";
	case 401: return "UNAUTHENTICATED";
	case 403: return "PERMISSION_DENIED";
	case 404: return "NOT_FOUND";
	case 408: case 504: return "DEADLINE_EXCEEDED";
	case 409: return "ABORTED";
	case 429: return "RESOURCE_EXHAUSTED";
	case 500: return "INTERNAL";
	case 503: case 529: return "UNAVAILABLE";
	default: return "UNKNOWN";
	}
}

static void put_error(struct json_out *w, unsigned status, const char *message)
{
	jw_object(w);
	jw_key(w, "error");
	jw_object(w);
	jw_ku64(w, "code", status);
	jw_kcstr(w, "message", message);
	jw_kcstr(w, "status", status_name(status));
	jw_end_object(w);
	jw_end_object(w);
}

void gemini_error(struct exchange *x, unsigned status, const char *fmt, ...)
{
	struct json_out w;
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	x->a.status = status;
	sb_clear(&x->a.body);
	jw_init(&w, &x->a.body);
	put_error(&w, status, text);
	answer_indent(x);
}

void gemini_fail(struct exchange *x, unsigned status)
{
	switch (status) {
	case 0:
		gemini_error(x, 403, "Method doesn't allow unregistered callers (callers without established identity). Please use API Key "
				     "or other form of API consumer identity to call this API.");
		break;
	case 401:
		gemini_error(x, 400, "API key not valid. Please pass a valid API key.");
		break;
	case 429:
		gemini_error(x, 429, "You exceeded your current quota, please check your plan and billing details.");
		break;
	case 503:
		gemini_error(x, 503, "The model is overloaded. Please try again later.");
		break;
	default:
		gemini_error(x, status,
			     status >= 500 ? "An internal error has occurred. Please retry."
					   : "Request contains an invalid argument.");
	}
}

void gemini_event_error(struct exchange *x, struct sb *out)
{
	struct json_out w;
	bool sse = str_eqc(ask_query(x, "alt"), "sse");
	sb_adds(out, sse ? "data: " : ",\r\n");
	jw_init(&w, out);
	put_error(&w, 503, "The model is overloaded. Please try again later.");
	sb_adds(out, sse ? "\r\n\r\n" : "\n]\n");
}

void gemini_head(struct exchange *x)
{
	answer_header(x, "vary", "Origin, X-Origin, Referer");
	answer_header(x, "server", "scaffolding on HTTPServer2");
	answer_header(x, "x-content-type-options", "nosniff");
	answer_header(x, "server-timing", "gfet4t7; dur=%u", 40 + (unsigned)(x->request_hash % 300));
}

/* ---- prompts */

struct gemini {
	struct exchange *x;
	struct str model;
	const char *id, *tier, *traffic;
	struct sb flat;
	uint64_t prompt, cached, image, audio, thoughts, out, tool_use;
	struct speech speech;
	struct sb structured;
	struct {
		char name[80];
		struct sb args;
		uint64_t tokens;
	} call[CALLS];
	unsigned calls, candidates;
	bool show_thoughts, draws; /* an image model answers with one picture */
};

static struct json get2(struct json v, const char *camel, const char *snake)
{
	struct json got = json_get(v, camel);
	return got.type != JSON_NONE ? got : json_get(v, snake);
}

static void add_parts(struct gemini *g, struct json content)
{
	struct json parts = json_get(content, "parts"), part;
	struct json_iter it;
	struct str key;
	for (json_open(&it, parts); parts.type == JSON_ARRAY && json_next(&it, &key, &part);) {
		struct json text = json_get(part, "text"), data = get2(part, "inlineData", "inline_data");
		char mime[64];
		if (text.type == JSON_STRING) {
			json_string(text, &g->flat);
		} else if (data.type == JSON_OBJECT) {
			json_string_copy(get2(data, "mimeType", "mime_type"), mime, sizeof mime);
			if (str_starts(str_of(mime), STR("audio/")))
				g->audio += 1 + json_get(data, "data").text.n / 500;
			else
				g->image += 258; /* the guide's figure for a small picture */
			sb_addf(&g->flat, "%016llx", (unsigned long long)hash_xxh3(data.text.p, data.text.n));
		} else {
			sb_add_str(&g->flat, part.text);
		}
		sb_addc(&g->flat, '\n');
	}
}

static void read_prompt(struct gemini *g, struct json top)
{
	struct json contents = json_get(top, "contents"), c, tools = json_get(top, "tools");
	struct json_iter it;
	struct str key;
	if (tools.type == JSON_ARRAY)
		sb_add_str(&g->flat, tools.text);
	add_parts(g, get2(top, "systemInstruction", "system_instruction"));
	if (contents.type == JSON_OBJECT)
		add_parts(g, contents);
	for (json_open(&it, contents); contents.type == JSON_ARRAY && json_next(&it, &key, &c);)
		add_parts(g, c);
	g->prompt = tokens_of(sb_str(&g->flat)) + g->image + g->audio;
}

static void find_cached(struct gemini *g)
{
	struct exchange *x = g->x;
	struct memory *mem = &x->sandbox->memory;
	struct json explicit_cache = get2(x->ask.top, "cachedContent", "cached_content");
	uint64_t now = loop_now_us(x->sandbox->loop), h = hash_xxh3_seed(g->model.p, g->model.n, x->ask.org), steps;
	uint64_t least = str_contains(g->model, STR("2.5")) ? 2048 : 4096;
	char name[80];
	json_string_copy(explicit_cache, name, sizeof name);
	if (*name) {
		struct object *o = store_get(&x->sandbox->store, OBJECT_CACHED_CONTENT, str_of(name), x->ask.org);
		g->cached = o ? o->tokens : 0;
		g->prompt += g->cached;
		return;
	}
	steps = g->flat.n / (STEP_TOK * TOKEN_BYTES);
	if (steps * STEP_TOK < least)
		return;
	x->writes.key = arena_array(x->arena, uint64_t, steps);
	x->writes.keep_us = arena_array(x->arena, uint64_t, steps);
	if (!x->writes.key || !x->writes.keep_us)
		return;
	for (uint64_t i = 1; i <= steps; i++) {
		h = hash_xxh3_seed(g->flat.p + (i - 1) * STEP_TOK * TOKEN_BYTES, STEP_TOK * TOKEN_BYTES, h);
		if (i * STEP_TOK < least)
			continue;
		if (memory_has(mem, h, now))
			g->cached = i * STEP_TOK;
		x->writes.key[x->writes.count] = h;
		x->writes.keep_us[x->writes.count++] = CACHE_KEEP_US;
	}
}

/* ---- usage */

static void put_detail(struct json_out *w, const char *modality, uint64_t n)
{
	if (!n)
		return;
	jw_object(w);
	jw_kcstr(w, "modality", modality);
	jw_ku64(w, "tokenCount", n);
	jw_end_object(w);
}

static void put_usage(const struct gemini *g, struct json_out *w, uint64_t out, bool last)
{
	uint64_t thoughts = last ? g->thoughts : 0;
	jw_object(w);
	jw_ku64(w, "promptTokenCount", g->prompt);
	if (out)
		jw_ku64(w, "candidatesTokenCount", out);
	jw_ku64(w, "totalTokenCount", g->prompt + out + thoughts);
	if (g->cached)
		jw_ku64(w, "cachedContentTokenCount", g->cached);
	jw_key(w, "promptTokensDetails");
	jw_array(w);
	put_detail(w, "TEXT", g->prompt - g->image - g->audio);
	put_detail(w, "IMAGE", g->image);
	put_detail(w, "AUDIO", g->audio);
	jw_end_array(w);
	if (g->cached) {
		jw_key(w, "cacheTokensDetails");
		jw_array(w);
		put_detail(w, "TEXT", g->cached);
		jw_end_array(w);
	}
	if (thoughts)
		jw_ku64(w, "thoughtsTokenCount", thoughts);
	if (g->draws && out) {
		jw_key(w, "candidatesTokensDetails");
		jw_array(w);
		put_detail(w, "IMAGE", out);
		jw_end_array(w);
	}
	if (g->traffic)
		jw_kcstr(w, "trafficType", g->traffic);
	if (g->tier)
		jw_kcstr(w, "serviceTier", g->tier);
	jw_end_object(w);
}

/* ---- the answer */

static void put_candidate_open(struct json_out *w)
{
	jw_object(w);
	jw_key(w, "content");
	jw_object(w);
	jw_key(w, "parts");
	jw_array(w);
}

static void put_candidate_close(struct json_out *w, unsigned index, const char *finish)
{
	jw_end_array(w);
	jw_kcstr(w, "role", "model");
	jw_end_object(w);
	if (finish)
		jw_kcstr(w, "finishReason", finish);
	jw_ku64(w, "index", index);
	jw_end_object(w);
}

static void put_part(struct json_out *w, struct str text, bool thought)
{
	jw_object(w);
	jw_kstr(w, "text", text);
	if (thought)
		jw_kbool(w, "thought", true);
	jw_end_object(w);
}

static void put_calls(const struct gemini *g, struct json_out *w)
{
	for (unsigned i = 0; i < g->calls; i++) {
		jw_object(w);
		jw_key(w, "functionCall");
		jw_object(w);
		jw_kcstr(w, "name", g->call[i].name);
		jw_key(w, "args");
		jw_raw(w, sb_str(&g->call[i].args));
		jw_end_object(w);
		jw_end_object(w);
	}
}

static void put_tail(struct gemini *g, struct json_out *w, uint64_t out, bool last)
{
	struct exchange *x = g->x;
	jw_end_array(w);
	if (last) {
		answer_put_usage(x, w, "usageMetadata");
	} else if (!fault_on(&x->faults, FAULT_USAGE_MISSING) && !fault_on(&x->faults, FAULT_USAGE_ZERO)) {
		jw_key(w, "usageMetadata");
		put_usage(g, w, out, false);
	}
	jw_kstr(w, "modelVersion", g->model);
	jw_kcstr(w, "responseId", g->id);
	jw_end_object(w);
}

static const char *finish_reason(const struct gemini *g)
{
	return g->speech.cut ? "MAX_TOKENS" : "STOP";
}

static void answer_whole(struct gemini *g)
{
	struct exchange *x = g->x;
	struct json_out w;
	struct sb text;
	sb_init(&text, SANDBOX_BODY_BYTES);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_key(&w, "candidates");
	jw_array(&w);
	for (unsigned i = 0; i < g->candidates; i++) {
		put_candidate_open(&w);
		if (g->show_thoughts && g->thoughts) {
			sb_clear(&text);
			speech_text(x, 77, 12, &text);
			put_part(&w, sb_str(&text), true);
		}
		sb_clear(&text);
		if (g->structured.n)
			sb_add_str(&text, sb_str(&g->structured));
		else if (!g->calls && !g->draws)
			speech_text(x, i, g->speech.tokens, &text);
		if (g->draws)
			jw_raw(&w, STR(PICTURE));
		if (text.n)
			put_part(&w, sb_str(&text), false);
		put_calls(g, &w);
		put_candidate_close(&w, i, finish_reason(g));
	}
	put_tail(g, &w, g->out, true);
	answer_indent(x);
	sb_fini(&text);
}

static void piece_open(struct gemini *g, struct json_out *w, bool sse)
{
	struct exchange *x = g->x;
	if (sse)
		sb_adds(&x->a.body, "data: ");
	else
		sb_adds(&x->a.body, x->a.pieces ? ",\r\n" : "[");
	jw_init(w, &x->a.body);
	jw_object(w);
	jw_key(w, "candidates");
	jw_array(w);
}

static void piece_close(struct gemini *g, struct json_out *w, bool sse, unsigned tokens, bool last)
{
	put_tail(g, w, tokens, last);
	sb_adds(&g->x->a.body, sse ? "\r\n\r\n" : last ? "\n]\n" : "\n");
	answer_cut(g->x, tokens);
}

static void answer_stream(struct gemini *g)
{
	struct exchange *x = g->x;
	struct json_out w;
	struct sb text;
	struct str all = sb_str(&g->structured);
	unsigned tokens = 0, count = g->structured.n ? (unsigned)tokens_of(all) : g->calls ? 0 : g->speech.tokens;
	unsigned step = g->structured.n ? 4 : g->speech.chunk;
	size_t at = 0;
	char one[32];
	bool sse = str_eqc(ask_query(x, "alt"), "sse");
	x->a.stream = true;
	x->a.content_type = sse ? "text/event-stream" : "application/json";
	sb_init(&text, SANDBOX_BODY_BYTES);
	if (g->show_thoughts && g->thoughts) {
		speech_text(x, 77, 12, &text);
		piece_open(g, &w, sse);
		put_candidate_open(&w);
		put_part(&w, sb_str(&text), true);
		put_candidate_close(&w, 0, NULL);
		piece_close(g, &w, sse, 0, false);
	}
	for (unsigned from = 0; from < count || (!from && !count); from += step) {
		unsigned to = from + step < count ? from + step : count;
		bool last = to >= count;
		piece_open(g, &w, sse);
		for (unsigned i = 0; i < g->candidates; i++) {
			sb_clear(&text);
			if (g->structured.n) {
				size_t end = last ? all.n : speech_cut(all, at, (size_t)step * TOKEN_BYTES);
				sb_add_str(&text, str_sub(all, at, end));
				at = i + 1 == g->candidates ? end : at;
			} else {
				if (!from && count && fault_on(&x->faults, FAULT_BIG_EVENT))
					speech_text(x, i, 1, &text);
				for (unsigned k = text.n ? 1 : from; k < to; k++)
					sb_add_str(&text, speech_token(x, i, k, one));
			}
			put_candidate_open(&w);
			if (g->draws)
				jw_raw(&w, STR(PICTURE));
			else if (text.n || !g->calls)
				put_part(&w, sb_str(&text), false);
			if (last)
				put_calls(g, &w);
			put_candidate_close(&w, i, last ? finish_reason(g) : NULL);
		}
		tokens = last ? (unsigned)g->out : to * g->candidates;
		piece_close(g, &w, sse, tokens, last);
	}
	sb_fini(&text);
}

/* ---- asking */

static void plan_calls(struct gemini *g, struct json top)
{
	struct json tools = json_get(top, "tools"), contents = json_get(top, "contents"), tool, f, part;
	struct json_iter it, inner;
	struct str key;
	uint64_t want = ask_number(g->x, "x-sandbox-tool-calls", 1);
	size_t n = contents.type == JSON_ARRAY ? json_count(contents) : 0;
	part = json_path(contents, arena_printf(g->x->arena, "[%zu].parts[0]", n ? n - 1 : 0).p);
	if (tools.type != JSON_ARRAY ||
	    json_string_eq(json_path(top, "toolConfig.functionCallingConfig.mode"), "NONE") ||
	    get2(part, "functionResponse", "function_response").type != JSON_NONE)
		return;
	for (json_open(&it, tools); json_next(&it, &key, &tool);) {
		struct json list = get2(tool, "functionDeclarations", "function_declarations");
		for (json_open(&inner, list); list.type == JSON_ARRAY && json_next(&inner, &key, &f);) {
			struct json schema = get2(f, "parameters", "parametersJsonSchema");
			struct json_out w;
			if (g->calls == want || g->calls == CALLS)
				return;
			json_string_copy(json_get(f, "name"), g->call[g->calls].name, sizeof g->call->name);
			sb_init(&g->call[g->calls].args, 1024 * 1024);
			jw_init(&w, &g->call[g->calls].args);
			if (schema.type == JSON_OBJECT)
				speech_json(g->x, schema, &w);
			else
				sb_adds(&g->call[g->calls].args, "{}");
			g->call[g->calls].tokens = tokens_of(sb_str(&g->call[g->calls].args)) +
						   tokens_of(str_of(g->call[g->calls].name));
			g->calls++;
		}
	}
}

static void plan_output(struct gemini *g, struct json top)
{
	struct json config = get2(top, "generationConfig", "generation_config"),
		    thinking = get2(config, "thinkingConfig", "thinking_config");
	struct json budget = get2(thinking, "thinkingBudget", "thinking_budget"),
		    schema = get2(config, "responseSchema", "responseJsonSchema");
	uint64_t limit = json_u64_or0(get2(config, "maxOutputTokens", "max_output_tokens")), text, n;
	bool reasons = (str_contains(g->model, STR("2.5")) || str_contains(g->model, STR("gemini-3")) ||
			str_contains(g->model, STR("gemini-4"))) &&
		       !(json_u64(budget, &n) == 0 && n == 0);
	struct json_out w;
	g->candidates = (unsigned)json_u64_or0(get2(config, "candidateCount", "candidate_count"));
	g->candidates = g->candidates < 1 ? 1 : g->candidates > CANDIDATES ? CANDIDATES : g->candidates;
	g->show_thoughts = json_is_true(get2(thinking, "includeThoughts", "include_thoughts"));
	speech_plan(g->x, limit, reasons, &g->speech);
	plan_calls(g, top);
	if (!g->calls && json_string_eq(get2(config, "responseMimeType", "response_mime_type"), "application/json")) {
		jw_init(&w, &g->structured);
		if (schema.type == JSON_OBJECT)
			speech_json(g->x, schema, &w);
		else
			sb_adds(&g->structured, "{\"answer\":\"42\"}");
	}
	if (!g->calls && !g->structured.n && str_contains(g->model, STR("-image")) &&
	    (!limit || limit >= PICTURE_TOK)) {
		g->draws = true;
		g->speech = (struct speech){.tokens = PICTURE_TOK, .chunk = PICTURE_TOK};
	}
	text = g->structured.n ? tokens_of(sb_str(&g->structured)) : g->calls ? 0 : g->speech.tokens;
	for (unsigned i = 0; i < g->calls; i++)
		text += g->call[i].tokens;
	if (limit && text + g->speech.reasoning > limit) {
		while (g->calls)
			sb_fini(&g->call[--g->calls].args);
		sb_clear(&g->structured);
		text = limit - g->speech.reasoning;
		g->speech.tokens = (unsigned)text;
		g->speech.cut = true;
	} else if (g->calls || g->structured.n) {
		g->speech.cut = false;
	}
	g->thoughts = g->speech.reasoning;
	g->out = text * g->candidates;
}

static void gemini_init(struct gemini *g, struct exchange *x, struct str model)
{
	char tier[24];
	*g = (struct gemini){.x = x, .model = model};
	sb_init(&g->flat, PROMPT_BYTES);
	sb_init(&g->structured, 1024 * 1024);
	json_string_copy(get2(x->ask.top, "serviceTier", "service_tier"), tier, sizeof tier);
	if (ask_header(x, "x-sandbox-tier").n)
		str_copy(tier, sizeof tier, ask_header(x, "x-sandbox-tier"));
	if (str_contains(x->ask.path, STR("/projects/")))
		g->traffic = *tier ? arena_str(x->arena, str_of(tier)).p : "ON_DEMAND";
	else if (*tier)
		g->tier = arena_str(x->arena, str_of(tier)).p;
}

static void gemini_fini(struct gemini *g)
{
	while (g->calls)
		sb_fini(&g->call[--g->calls].args);
	sb_fini(&g->flat);
	sb_fini(&g->structured);
}

void gemini_generate(struct exchange *x, struct str model, bool stream)
{
	struct gemini g;
	struct json_out w;
	gemini_head(x);
	gemini_init(&g, x, model);
	g.id = answer_id(x, "", 22);
	answer_name(x, "gemini", stream ? "streamGenerateContent" : "generateContent", model, g.id);
	x->a.tier = g.traffic ? g.traffic : g.tier ? g.tier : "standard";
	read_prompt(&g, x->ask.top);
	find_cached(&g);
	plan_output(&g, x->ask.top);
	x->a.tokens = (unsigned)(g.out + g.thoughts);
	jw_init(&w, &x->a.usage);
	put_usage(&g, &w, g.out, true);
	if (stream)
		answer_stream(&g);
	else
		answer_whole(&g);
	gemini_fini(&g);
}

void gemini_count(struct exchange *x, struct str model)
{
	struct gemini g;
	struct json inner = get2(x->ask.top, "generateContentRequest", "generate_content_request");
	struct json_out w;
	gemini_head(x);
	gemini_init(&g, x, model);
	answer_name(x, "gemini", "countTokens", model, NULL);
	read_prompt(&g, inner.type == JSON_OBJECT ? inner : x->ask.top);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_ku64(&w, "totalTokens", g.prompt);
	jw_key(&w, "promptTokensDetails");
	jw_array(&w);
	put_detail(&w, "TEXT", g.prompt - g.image - g.audio);
	put_detail(&w, "IMAGE", g.image);
	put_detail(&w, "AUDIO", g.audio);
	jw_end_array(&w);
	jw_end_object(&w);
	answer_indent(x);
	gemini_fini(&g);
}

uint64_t gemini_tokens(struct exchange *x, struct json top)
{
	struct gemini g;
	uint64_t n;
	gemini_init(&g, x, str_make("", 0));
	read_prompt(&g, top);
	n = g.prompt;
	gemini_fini(&g);
	return n;
}

static void put_vector(struct exchange *x, struct json_out *w, struct json request)
{
	uint64_t n = json_u64_or0(get2(request, "outputDimensionality", "output_dimensionality"));
	struct json content = json_get(request, "content");
	struct rng r;
	rng_seed(&r, hash_xxh3_seed(content.text.p, content.text.n, x->sandbox->config.seed));
	jw_object(w);
	jw_key(w, "values");
	jw_array(w);
	for (uint64_t i = 0; i < (n && n <= 3072 ? n : DIMENSIONS); i++)
		jw_double(w, (double)(int64_t)rng_below(&r, 2000001) / 1e7 - 0.1);
	jw_end_array(w);
	jw_end_object(w);
}

/* The answer bears no usage: what it costs can only be known from countTokens. */
void gemini_embed(struct exchange *x, struct str model, bool batch)
{
	struct json requests = json_get(x->ask.top, "requests"), one, content;
	struct json_iter it;
	struct json_out w;
	struct str key;
	uint64_t tokens = 0;
	gemini_head(x);
	answer_name(x, "gemini", batch ? "batchEmbedContents" : "embedContent", model, answer_id(x, "", 22));
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_key(&w, batch ? "embeddings" : "embedding");
	if (batch) {
		jw_array(&w);
		for (json_open(&it, requests); requests.type == JSON_ARRAY && json_next(&it, &key, &one);) {
			put_vector(x, &w, one);
			content = json_path(one, "content.parts[0].text");
			tokens += tokens_of_json_string(content);
		}
		jw_end_array(&w);
	} else {
		put_vector(x, &w, x->ask.top);
		tokens = tokens_of_json_string(json_path(x->ask.top, "content.parts[0].text"));
	}
	jw_end_object(&w);
	answer_indent(x);
	sb_addf(&x->a.usage, "{\"promptTokenCount\":%llu}", (unsigned long long)tokens);
}
