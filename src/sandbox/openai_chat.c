/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend OpenAI's chat completions, whole and as a stream, and the legacy completions.
 *
 *   data: {delta role} data: {delta text}* | {delta tool_calls}* data: {finish_reason}
 *   [data: {choices: [], usage}] data: [DONE]
 *
 * With stream_options.include_usage every chunk bears usage: null but the last. Obfuscation is on unless it is
 * switched off. Several choices take turns.
 */
#include <stdio.h>

#include "sandbox/openai_int.h"

enum { CHOICES = 16 };

struct chat {
	struct exchange *x;
	const char *id, *fingerprint, *tier;
	struct str model;
	struct speech speech;
	struct openai_calls calls;
	struct openai_counts counts;
	struct sb structured;   /* the answer, if it must fit a schema */
	unsigned choices;
	bool include_usage, obfuscate, speaks; /* speaks: answers with a sound, too (whole answers only) */
};

static const char *finish_reason(const struct chat *c)
{
	return c->speech.cut ? "length" : c->calls.count ? "tool_calls" : "stop";
}

static void put_calls(const struct chat *c, struct json_out *w)
{
	jw_key(w, "tool_calls");
	jw_array(w);
	for (unsigned i = 0; i < c->calls.count; i++) {
		jw_object(w);
		jw_kcstr(w, "id", c->calls.call[i].id);
		jw_kcstr(w, "type", "function");
		jw_key(w, "function");
		jw_object(w);
		jw_kcstr(w, "name", c->calls.call[i].name);
		jw_kstr(w, "arguments", sb_str(&c->calls.call[i].arguments));
		jw_end_object(w);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void text_of_choice(const struct chat *c, unsigned choice, struct sb *out)
{
	if (c->structured.n)
		sb_add_str(out, sb_str(&c->structured));
	else
		speech_text(c->x, choice, c->speech.tokens, out);
}

/* A sound so short that nobody hears it: what counts is that it is counted. */
static void put_sound(const struct chat *c, struct json_out *w, struct str transcript)
{
	jw_key(w, "audio");
	jw_object(w);
	jw_kcstr(w, "id", answer_id(c->x, "audio_", 24));
	jw_kcstr(w, "data", "UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA=");
	jw_ki64(w, "expires_at", answer_seconds(c->x) + 3600);
	jw_kstr(w, "transcript", transcript);
	jw_end_object(w);
}

static void answer_whole(struct chat *c)
{
	struct exchange *x = c->x;
	struct json_out w;
	struct sb text;
	sb_init(&text, SANDBOX_BODY_BYTES);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "id", c->id);
	jw_kcstr(&w, "object", "chat.completion");
	jw_ki64(&w, "created", answer_seconds(x));
	jw_kstr(&w, "model", c->model);
	jw_key(&w, "choices");
	jw_array(&w);
	for (unsigned i = 0; i < c->choices; i++) {
		jw_object(&w);
		jw_ku64(&w, "index", i);
		jw_key(&w, "message");
		jw_object(&w);
		jw_kcstr(&w, "role", "assistant");
		if (c->calls.count) {
			jw_kcstr(&w, "content", NULL);
			put_calls(c, &w);
		} else {
			sb_clear(&text);
			text_of_choice(c, i, &text);
			if (c->speaks) {
				jw_kcstr(&w, "content", NULL);
				put_sound(c, &w, sb_str(&text));
			} else {
				jw_kstr(&w, "content", sb_str(&text));
			}
		}
		jw_kcstr(&w, "refusal", NULL);
		jw_key(&w, "annotations");
		jw_array(&w);
		jw_end_array(&w);
		jw_end_object(&w);
		jw_kcstr(&w, "logprobs", NULL);
		jw_kcstr(&w, "finish_reason", finish_reason(c));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	answer_put_usage(x, &w, "usage");
	jw_kcstr(&w, "service_tier", c->tier);
	jw_kcstr(&w, "system_fingerprint", c->fingerprint);
	jw_end_object(&w);
	answer_indent(x);
	sb_fini(&text);
}

static void chunk_open(struct chat *c, struct json_out *w)
{
	sb_adds(&c->x->a.body, "data: ");
	jw_init(w, &c->x->a.body);
	jw_object(w);
	jw_kcstr(w, "id", c->id);
	jw_kcstr(w, "object", "chat.completion.chunk");
	jw_ki64(w, "created", answer_seconds(c->x));
	jw_kstr(w, "model", c->model);
	jw_kcstr(w, "service_tier", c->tier);
	jw_kcstr(w, "system_fingerprint", c->fingerprint);
	jw_key(w, "choices");
	jw_array(w);
}

/* Padding of random length hides how long the tokens are. */
static void chunk_close(struct chat *c, struct json_out *w, struct str usage, unsigned tokens)
{
	jw_end_array(w);
	if (usage.p) {
		jw_key(w, "usage");
		jw_raw(w, usage);
	}
	if (c->obfuscate) {
		char pad[16];
		unsigned n = 1 + (unsigned)rng_below(&c->x->rng, sizeof pad - 1);
		for (unsigned i = 0; i < n; i++)
			pad[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[rng_below(&c->x->rng,
													    62)];
		jw_kstr(w, "obfuscation", str_make(pad, n));
	}
	jw_end_object(w);
	sb_adds(&c->x->a.body, "\n\n");
	answer_cut(c->x, tokens);
}

static void choice_open(struct json_out *w, unsigned index)
{
	jw_object(w);
	jw_ku64(w, "index", index);
	jw_key(w, "delta");
	jw_object(w);
}

static void choice_close(struct chat *c, struct json_out *w, const char *finish, unsigned tokens)
{
	jw_end_object(w);
	jw_kcstr(w, "logprobs", NULL);
	jw_kcstr(w, "finish_reason", finish);
	jw_end_object(w);
	chunk_close(c, w, c->include_usage ? STR("null") : str_make(NULL, 0), tokens);
}

static void text_delta(struct chat *c, unsigned choice, struct str text, unsigned tokens)
{
	struct json_out w;
	chunk_open(c, &w);
	choice_open(&w, choice);
	jw_kstr(&w, "content", text);
	choice_close(c, &w, NULL, tokens);
}

static void call_delta(struct chat *c, unsigned choice, unsigned call, bool first, struct str arguments,
		       unsigned tokens)
{
	struct json_out w;
	chunk_open(c, &w);
	choice_open(&w, choice);
	jw_key(&w, "tool_calls");
	jw_array(&w);
	jw_object(&w);
	jw_ku64(&w, "index", call);
	if (first) {
		jw_kcstr(&w, "id", c->calls.call[call].id);
		jw_kcstr(&w, "type", "function");
	}
	jw_key(&w, "function");
	jw_object(&w);
	if (first)
		jw_kcstr(&w, "name", c->calls.call[call].name);
	jw_kstr(&w, "arguments", arguments);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_array(&w);
	choice_close(c, &w, NULL, tokens);
}

static unsigned stream_calls(struct chat *c, unsigned choice, unsigned tokens)
{
	for (unsigned k = 0; k < c->calls.count; k++) {
		struct str all = sb_str(&c->calls.call[k].arguments);
		tokens += (unsigned)(c->calls.call[k].tokens - tokens_of(all));
		call_delta(c, choice, k, true, STR(""), tokens);
		for (size_t from = 0, to; from < all.n; from = to) {
			to = speech_cut(all, from, 4);
			tokens += 1;
			call_delta(c, choice, k, false, str_sub(all, from, to), tokens);
		}
	}
	return tokens;
}

static unsigned stream_text(struct chat *c, unsigned tokens)
{
	char one[32];
	struct sb text;
	sb_init(&text, SANDBOX_BODY_BYTES);
	if (c->structured.n) {
		struct str all = sb_str(&c->structured);
		for (unsigned i = 0; i < c->choices; i++)
			for (size_t from = 0, to; from < all.n; from = to) {
				to = speech_cut(all, from, 4);
				text_delta(c, i, str_sub(all, from, to), ++tokens);
			}
	} else {
		for (unsigned from = 0; from < c->speech.tokens; from += c->speech.chunk)
			for (unsigned i = 0; i < c->choices; i++) {
				unsigned to = from + c->speech.chunk;
				sb_clear(&text);
				if (!from && fault_on(&c->x->faults, FAULT_BIG_EVENT))
					speech_text(c->x, i, 1, &text);
				else if (!from)
					sb_add_str(&text, speech_token(c->x, i, 0, one));
				for (unsigned k = from ? from : 1; k < to && k < c->speech.tokens; k++)
					sb_add_str(&text, speech_token(c->x, i, k, one));
				tokens += (to < c->speech.tokens ? to : c->speech.tokens) - from;
				text_delta(c, i, sb_str(&text), tokens);
			}
	}
	sb_fini(&text);
	return tokens;
}

static void answer_stream(struct chat *c)
{
	struct exchange *x = c->x;
	struct json_out w;
	unsigned tokens = c->speech.reasoning * c->choices;
	x->a.stream = true;
	x->a.content_type = "text/event-stream; charset=utf-8";
	for (unsigned i = 0; i < c->choices; i++) {
		chunk_open(c, &w);
		choice_open(&w, i);
		jw_kcstr(&w, "role", "assistant");
		jw_kcstr(&w, "content", c->calls.count ? NULL : "");
		jw_kcstr(&w, "refusal", NULL);
		choice_close(c, &w, NULL, tokens);
	}
	if (c->calls.count)
		for (unsigned i = 0; i < c->choices; i++)
			tokens = stream_calls(c, i, tokens);
	else
		tokens = stream_text(c, tokens);
	for (unsigned i = 0; i < c->choices; i++) {
		chunk_open(c, &w);
		choice_open(&w, i);
		choice_close(c, &w, finish_reason(c), tokens);
	}
	for (int i = 0; c->include_usage && i < (fault_on(&x->faults, FAULT_USAGE_TWICE) ? 2 : 1); i++) {
		struct str usage = answer_usage(x);
		if (!usage.p)
			break;
		chunk_open(c, &w);
		chunk_close(c, &w, usage, tokens);
	}
	sb_adds(&x->a.body, "data: [DONE]\n\n");
	answer_cut(x, tokens);
}

static void add_message(struct openai_prompt *p, struct json message)
{
	struct json calls = json_get(message, "tool_calls");
	json_string(json_get(message, "role"), &p->flat);
	sb_addc(&p->flat, '\n');
	openai_prompt_add_content(p, json_get(message, "content"));
	if (calls.type == JSON_ARRAY)
		openai_prompt_add_json(p, calls);
	sb_addc(&p->flat, '\n');
}

/* Reads the prompt and counts it; true if the last message asks for a tool. */
static bool read_prompt(struct chat *c, struct json messages)
{
	struct openai_prompt p;
	struct json_iter it;
	struct json m, tools = json_get(c->x->ask.top, "tools");
	struct str key;
	bool may_call = tools.type == JSON_ARRAY;
	openai_prompt_init(&p);
	if (tools.type == JSON_ARRAY)
		openai_prompt_add_json(&p, tools);
	for (json_open(&it, messages); json_next(&it, &key, &m);) {
		add_message(&p, m);
		may_call = tools.type == JSON_ARRAY && !json_string_eq(json_get(m, "role"), "tool");
	}
	openai_prompt_end(c->x, &p, c->model);
	c->counts.in = p.tokens;
	c->counts.cached = p.cached;
	c->counts.written = p.written;
	c->counts.in_audio = p.audio;
	c->counts.writes = openai_reports_writes(c->model);
	openai_prompt_fini(&p);
	return may_call;
}

static void plan_structured(struct chat *c)
{
	struct json format = json_get(c->x->ask.top, "response_format"),
		    schema = json_path(format, "json_schema.schema");
	struct json_out w;
	if (!json_string_eq(json_get(format, "type"), "json_schema") &&
	    !json_string_eq(json_get(format, "type"), "json_object"))
		return;
	jw_init(&w, &c->structured);
	if (schema.type == JSON_OBJECT)
		speech_json(c->x, schema, &w);
	else
		sb_adds(&c->structured, "{\"answer\":\"42\"}");
}

static void count_output(struct chat *c)
{
	uint64_t text = c->structured.n ? tokens_of(sb_str(&c->structured)) : c->speech.tokens, calls = 0;
	for (unsigned i = 0; i < c->calls.count; i++)
		calls += c->calls.call[i].tokens;
	if (c->calls.count)
		text = calls;
	if (json_get(c->x->ask.top, "prediction").type == JSON_OBJECT) { /* some of what was foreseen did not come */
		c->counts.accepted = text / 2;
		c->counts.rejected = text / 4;
	}
	if (c->speaks) {
		c->counts.out_audio = 3 * text * c->choices;
		text *= 4;
	}
	c->counts.reasoning = (uint64_t)c->speech.reasoning * c->choices;
	c->counts.out = (text + c->counts.rejected + c->speech.reasoning) * c->choices;
	c->x->a.tokens = (unsigned)c->counts.out;
}

void openai_chat(struct exchange *x)
{
	struct chat c = {.x = x};
	struct json messages = json_get(x->ask.top, "messages"), options = json_get(x->ask.top, "stream_options");
	struct json limit = json_get(x->ask.top, "max_completion_tokens"), n = json_get(x->ask.top, "n");
	struct json_out w;
	char asked[128];
	if (!str_eqc(x->ask.method, "POST") || x->ask.path.n > 20) { /* behind "/v1/chat/completions" */
		openai_stored_chats(x);
		return;
	}
	if (!openai_ready(x, asked, sizeof asked))
		return;
	if (messages.type != JSON_ARRAY || !json_count(messages)) {
		openai_error(x, 400, "invalid_request_error", "missing_required_parameter", "messages",
			     "Missing required parameter: 'messages'.");
		return;
	}
	if (limit.type != JSON_NUMBER)
		limit = json_get(x->ask.top, "max_tokens");
	openai_head(x);
	c.id = answer_id(x, "chatcmpl-", 29);
	c.fingerprint = arena_printf(x->arena, "fp_%010llx",
				     (unsigned long long)(hash_xxh3(asked, strlen(asked)) & 0xffffffffff))
				.p;
	c.tier = openai_tier(x, json_get(x->ask.top, "service_tier"));
	c.model = arena_str(x->arena, openai_snapshot(x, str_of(asked)));
	c.choices = n.type == JSON_NUMBER && json_u64_or0(n) ? (unsigned)json_u64_or0(n) : 1;
	if (c.choices > CHOICES)
		c.choices = CHOICES;
	c.include_usage = json_is_true(json_get(options, "include_usage"));
	c.obfuscate = json_get(options, "include_obfuscation").type != JSON_FALSE;
	sb_init(&c.structured, 1024 * 1024);
	answer_name(x, "openai", "chat", c.model, c.id);
	x->a.tier = c.tier;
	speech_plan(x, json_u64_or0(limit),
		    openai_reasons(c.model) && !json_string_eq(json_get(x->ask.top, "reasoning_effort"), "none") &&
			    !json_string_eq(json_get(x->ask.top, "reasoning_effort"), "minimal"),
		    &c.speech);
	if (read_prompt(&c, messages))
		openai_calls_plan(x, json_get(x->ask.top, "tools"), json_get(x->ask.top, "tool_choice"), "call_",
				  &c.calls);
	if (!c.calls.count)
		plan_structured(&c);
	c.speaks = !c.calls.count && !c.structured.n && json_get(x->ask.top, "audio").type == JSON_OBJECT &&
		   !openai_is_stream(x);
	count_output(&c);
	if (json_u64_or0(limit) && c.counts.out > json_u64_or0(limit) * c.choices) { /* it did not get that far */
		openai_calls_fini(&c.calls);
		sb_clear(&c.structured);
		c.counts.accepted = c.counts.rejected = c.counts.out_audio = 0;
		c.speaks = false;
		c.speech.tokens = (unsigned)(json_u64_or0(limit) - c.speech.reasoning);
		c.speech.cut = true;
		c.counts.out = json_u64_or0(limit) * c.choices;
		x->a.tokens = (unsigned)c.counts.out;
	} else if (c.calls.count || c.structured.n) {
		c.speech.cut = false;
	}
	jw_init(&w, &x->a.usage);
	openai_usage_chat(&w, &c.counts);
	if (openai_is_stream(x)) {
		answer_stream(&c);
	} else {
		answer_whole(&c);
		openai_keep_chat(x, c.id);
	}
	openai_calls_fini(&c.calls);
	sb_fini(&c.structured);
}

/* ---- legacy completions */

static void completions_chunk(struct chat *c, struct str text, const char *finish, unsigned tokens, struct str usage)
{
	struct exchange *x = c->x;
	struct json_out w;
	if (x->a.stream)
		sb_adds(&x->a.body, "data: ");
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "id", c->id);
	jw_kcstr(&w, "object", "text_completion");
	jw_ki64(&w, "created", answer_seconds(x));
	jw_kstr(&w, "model", c->model);
	jw_key(&w, "choices");
	jw_array(&w);
	if (text.p) {
		jw_object(&w);
		jw_kstr(&w, "text", text);
		jw_ku64(&w, "index", 0);
		jw_kcstr(&w, "logprobs", NULL);
		jw_kcstr(&w, "finish_reason", finish);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	if (usage.p) {
		jw_key(&w, "usage");
		jw_raw(&w, usage);
	}
	jw_end_object(&w);
	if (x->a.stream) {
		sb_adds(&x->a.body, "\n\n");
		answer_cut(x, tokens);
	}
}

void openai_completions(struct exchange *x)
{
	struct chat c = {.x = x};
	struct openai_prompt p;
	struct sb text;
	struct json_out w;
	struct json limit = json_get(x->ask.top, "max_tokens");
	struct str none = {NULL, 0};
	char asked[128], one[32];
	bool usage_wanted = json_is_true(json_path(x->ask.top, "stream_options.include_usage"));
	if (!openai_ready(x, asked, sizeof asked))
		return;
	openai_head(x);
	c.id = answer_id(x, "cmpl-", 29);
	c.model = arena_str(x->arena, str_of(asked));
	answer_name(x, "openai", "completions", c.model, c.id);
	speech_plan(x, limit.type == JSON_NUMBER ? json_u64_or0(limit) : 16, false,
		    &c.speech); /* 16 is the API's default */
	openai_prompt_init(&p);
	openai_prompt_add_content(&p, json_get(x->ask.top, "prompt"));
	openai_prompt_end(x, &p, c.model);
	x->a.tokens = c.speech.tokens;
	jw_init(&w, &x->a.usage);
	jw_object(&w);
	jw_ku64(&w, "prompt_tokens", p.tokens);
	jw_ku64(&w, "completion_tokens", c.speech.tokens);
	jw_ku64(&w, "total_tokens", p.tokens + c.speech.tokens);
	jw_end_object(&w);
	openai_prompt_fini(&p);
	sb_init(&text, SANDBOX_BODY_BYTES);
	if (openai_is_stream(x)) {
		x->a.stream = true;
		x->a.content_type = "text/event-stream; charset=utf-8";
		for (unsigned i = 0; i < c.speech.tokens; i++)
			completions_chunk(&c, speech_token(x, 0, i, one), NULL, i + 1,
					  usage_wanted ? STR("null") : none);
		completions_chunk(&c, STR(""), c.speech.cut ? "length" : "stop", c.speech.tokens,
				  usage_wanted ? STR("null") : none);
		if (usage_wanted)
			completions_chunk(&c, none, NULL, c.speech.tokens, answer_usage(x));
		sb_adds(&x->a.body, "data: [DONE]\n\n");
		answer_cut(x, c.speech.tokens);
	} else {
		speech_text(x, 0, c.speech.tokens, &text);
		completions_chunk(&c, sb_str(&text), c.speech.cut ? "length" : "stop", c.speech.tokens,
				  answer_usage(x));
		answer_indent(x);
	}
	sb_fini(&text);
}
