/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend OpenAI's responses: whole, as events, in the background; stored ones can be read, cancelled, deleted.
 *
 *   response.created .in_progress  (output_item.added  content_part.added  output_text.delta*  output_text.done
 *   content_part.done  output_item.done)*  response.completed | response.incomplete | response.failed
 *
 * Usage stands only in the last event. sequence_number counts all events from 0. A background answer is queued,
 * then in_progress, then completed, by its age; reading it is free.
 */
#include <stdio.h>

#include "base/clock.h"
#include "sandbox/openai_int.h"
#include "sandbox/organization.h"

struct responses {
	struct exchange *x;
	const char *id, *message_id, *reasoning_id, *tier, *status;
	struct str model, previous;
	struct speech speech;
	struct openai_calls calls;
	struct openai_counts counts;
	struct sb text;     /* the whole answer */
	const char *call_id[OPENAI_CALLS];
	const char *search_id; /* NULL: no web search */
	unsigned sequence;
	bool background, store, structured;
};

static void put_message_item(const struct responses *r, struct json_out *w, const char *status, bool with_text)
{
	jw_object(w);
	jw_kcstr(w, "id", r->message_id);
	jw_kcstr(w, "type", "message");
	jw_kcstr(w, "status", status);
	jw_key(w, "content");
	jw_array(w);
	if (with_text) {
		jw_object(w);
		jw_kcstr(w, "type", "output_text");
		jw_key(w, "annotations");
		jw_raw(w, STR("[]"));
		jw_key(w, "logprobs");
		jw_raw(w, STR("[]"));
		jw_kstr(w, "text", sb_str(&r->text));
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_kcstr(w, "role", "assistant");
	jw_end_object(w);
}

static void put_reasoning_item(const struct responses *r, struct json_out *w)
{
	jw_object(w);
	jw_kcstr(w, "id", r->reasoning_id);
	jw_kcstr(w, "type", "reasoning");
	jw_key(w, "summary");
	jw_raw(w, STR("[]"));
	jw_end_object(w);
}

static void put_search_item(const struct responses *r, struct json_out *w, const char *status)
{
	jw_object(w);
	jw_kcstr(w, "id", r->search_id);
	jw_kcstr(w, "type", "web_search_call");
	jw_kcstr(w, "status", status);
	jw_key(w, "action");
	jw_raw(w, STR("{\"type\":\"search\",\"query\":\"sandbox\"}"));
	jw_end_object(w);
}

static void put_call_item(const struct responses *r, struct json_out *w, unsigned call, bool done)
{
	jw_object(w);
	jw_kcstr(w, "id", r->call_id[call]);
	jw_kcstr(w, "type", "function_call");
	jw_kcstr(w, "status", done ? "completed" : "in_progress");
	jw_kstr(w, "arguments", done ? sb_str(&r->calls.call[call].arguments) : STR(""));
	jw_kcstr(w, "call_id", r->calls.call[call].id);
	jw_kcstr(w, "name", r->calls.call[call].name);
	jw_end_object(w);
}

static void put_member(struct json_out *w, struct json top, const char *key, const char *otherwise)
{
	struct json v = json_get(top, key);
	jw_key(w, key);
	jw_raw(w, v.type == JSON_NONE ? str_of(otherwise) : v.text);
}

/* status: of the response; the output only when it is over. */
static void put_response(struct responses *r, struct json_out *w, const char *status, bool over)
{
	struct exchange *x = r->x;
	struct json top = x->ask.top;
	bool incomplete = str_eqc(str_of(status), "incomplete");
	jw_object(w);
	jw_kcstr(w, "id", r->id);
	jw_kcstr(w, "object", "response");
	jw_ki64(w, "created_at", answer_seconds(x));
	jw_kcstr(w, "status", status);
	jw_kbool(w, "background", r->background);
	jw_key(w, "error");
	jw_raw(w, str_eqc(str_of(status), "failed")
			  ? STR("{\"code\":\"server_error\",\"message\":\"The model failed to generate a response.\"}")
			  : STR("null"));
	jw_key(w, "incomplete_details");
	jw_raw(w, incomplete ? STR("{\"reason\":\"max_output_tokens\"}") : STR("null"));
	put_member(w, top, "instructions", "null");
	put_member(w, top, "max_output_tokens", "null");
	jw_kstr(w, "model", r->model);
	jw_key(w, "output");
	jw_array(w);
	if (over) {
		if (r->speech.reasoning)
			put_reasoning_item(r, w);
		if (r->search_id)
			put_search_item(r, w, "completed");
		for (unsigned i = 0; i < r->calls.count; i++)
			put_call_item(r, w, i, true);
		if (!r->calls.count)
			put_message_item(r, w, incomplete ? "incomplete" : "completed", true);
	}
	jw_end_array(w);
	put_member(w, top, "parallel_tool_calls", "true");
	put_member(w, top, "previous_response_id", "null");
	put_member(w, top, "prompt_cache_key", "null");
	put_member(w, top, "reasoning", "{\"effort\":null,\"summary\":null}");
	jw_kcstr(w, "service_tier", over ? r->tier : "auto");
	jw_kbool(w, "store", r->store);
	put_member(w, top, "temperature", "1.0");
	put_member(w, top, "text", "{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"}");
	put_member(w, top, "tool_choice", "\"auto\"");
	put_member(w, top, "tools", "[]");
	put_member(w, top, "top_p", "1.0");
	put_member(w, top, "truncation", "\"disabled\"");
	if (over)
		answer_put_usage(x, w, "usage");
	else
		jw_kcstr(w, "usage", NULL);
	put_member(w, top, "user", "null");
	put_member(w, top, "metadata", "{}");
	jw_end_object(w);
}

/* ---- events */

static void event_open(struct responses *r, struct json_out *w, const char *type)
{
	sb_addf(&r->x->a.body, "event: %s\ndata: ", type);
	jw_init(w, &r->x->a.body);
	jw_object(w);
	jw_kcstr(w, "type", type);
	jw_ku64(w, "sequence_number", r->sequence++);
}

static void event_close(struct responses *r, struct json_out *w, unsigned tokens)
{
	jw_end_object(w);
	sb_adds(&r->x->a.body, "\n\n");
	answer_cut(r->x, tokens);
}

static void response_event(struct responses *r, const char *type, const char *status, bool over, unsigned tokens)
{
	struct json_out w;
	event_open(r, &w, type);
	jw_key(&w, "response");
	put_response(r, &w, status, over);
	event_close(r, &w, tokens);
}

static void item_event(struct responses *r, const char *type, unsigned index, unsigned tokens,
		       void (*put)(struct responses *, struct json_out *, unsigned, bool), unsigned call, bool done)
{
	struct json_out w;
	event_open(r, &w, type);
	jw_ku64(&w, "output_index", index);
	jw_key(&w, "item");
	put(r, &w, call, done);
	event_close(r, &w, tokens);
}

static void put_call(struct responses *r, struct json_out *w, unsigned call, bool done)
{
	put_call_item(r, w, call, done);
}

static void put_message(struct responses *r, struct json_out *w, unsigned call, bool done)
{
	(void)call;
	put_message_item(r, w, !done ? "in_progress" : r->speech.cut ? "incomplete" : "completed", done);
}

static void put_reasoning(struct responses *r, struct json_out *w, unsigned call, bool done)
{
	(void)call, (void)done;
	put_reasoning_item(r, w);
}

static void put_search(struct responses *r, struct json_out *w, unsigned call, bool done)
{
	(void)call;
	put_search_item(r, w, done ? "completed" : "in_progress");
}

static void text_event(struct responses *r, const char *type, unsigned index, const char *key, struct str text,
		       unsigned tokens)
{
	struct json_out w;
	event_open(r, &w, type);
	jw_kcstr(&w, "item_id", r->message_id);
	jw_ku64(&w, "output_index", index);
	jw_ku64(&w, "content_index", 0);
	jw_kstr(&w, key, text);
	jw_key(&w, "logprobs");
	jw_raw(&w, STR("[]"));
	if (*key == 'd')
		jw_kstr(&w, "obfuscation", str_make("x0Yz1AbC2dEf3GhI", 1 + rng_below(&r->x->rng, 16)));
	event_close(r, &w, tokens);
}

static void part_event(struct responses *r, const char *type, unsigned index, struct str text, unsigned tokens)
{
	struct json_out w;
	event_open(r, &w, type);
	jw_kcstr(&w, "item_id", r->message_id);
	jw_ku64(&w, "output_index", index);
	jw_ku64(&w, "content_index", 0);
	jw_key(&w, "part");
	jw_object(&w);
	jw_kcstr(&w, "type", "output_text");
	jw_key(&w, "annotations");
	jw_raw(&w, STR("[]"));
	jw_key(&w, "logprobs");
	jw_raw(&w, STR("[]"));
	jw_kstr(&w, "text", text);
	jw_end_object(&w);
	event_close(r, &w, tokens);
}

static unsigned stream_message(struct responses *r, unsigned index, unsigned tokens)
{
	struct sb part;
	char one[32];
	sb_init(&part, SANDBOX_BODY_BYTES);
	item_event(r, "response.output_item.added", index, tokens, put_message, 0, false);
	part_event(r, "response.content_part.added", index, STR(""), tokens);
	if (r->structured) {
		struct str all = sb_str(&r->text);
		for (size_t from = 0, to; from < all.n; from = to) {
			to = speech_cut(all, from, 4);
			text_event(r, "response.output_text.delta", index, "delta", str_sub(all, from, to), ++tokens);
		}
	}
	for (unsigned from = 0; !r->structured && from < r->speech.tokens; from += r->speech.chunk) {
		unsigned to = from + r->speech.chunk < r->speech.tokens ? from + r->speech.chunk : r->speech.tokens;
		sb_clear(&part);
		if (!from && fault_on(&r->x->faults, FAULT_BIG_EVENT))
			speech_text(r->x, 0, 1, &part);
		for (unsigned k = part.n ? 1 : from; k < to; k++)
			sb_add_str(&part, speech_token(r->x, 0, k, one));
		tokens += to - from;
		text_event(r, "response.output_text.delta", index, "delta", sb_str(&part), tokens);
	}
	text_event(r, "response.output_text.done", index, "text", sb_str(&r->text), tokens);
	part_event(r, "response.content_part.done", index, sb_str(&r->text), tokens);
	item_event(r, "response.output_item.done", index, tokens, put_message, 0, true);
	sb_fini(&part);
	return tokens;
}

static unsigned stream_call(struct responses *r, unsigned call, unsigned index, unsigned tokens)
{
	struct str all = sb_str(&r->calls.call[call].arguments);
	struct json_out w;
	item_event(r, "response.output_item.added", index, tokens, put_call, call, false);
	tokens += (unsigned)(r->calls.call[call].tokens - tokens_of(all));
	for (size_t from = 0, to; from < all.n; from = to) {
		to = speech_cut(all, from, 4);
		event_open(r, &w, "response.function_call_arguments.delta");
		jw_kcstr(&w, "item_id", r->call_id[call]);
		jw_ku64(&w, "output_index", index);
		jw_kstr(&w, "delta", str_sub(all, from, to));
		event_close(r, &w, ++tokens);
	}
	event_open(r, &w, "response.function_call_arguments.done");
	jw_kcstr(&w, "item_id", r->call_id[call]);
	jw_ku64(&w, "output_index", index);
	jw_kstr(&w, "arguments", all);
	event_close(r, &w, tokens);
	item_event(r, "response.output_item.done", index, tokens, put_call, call, true);
	return tokens;
}

static void answer_stream(struct responses *r)
{
	struct exchange *x = r->x;
	unsigned tokens = 0, index = 0;
	x->a.stream = true;
	x->a.content_type = "text/event-stream; charset=utf-8";
	response_event(r, "response.created", "in_progress", false, 0);
	response_event(r, "response.in_progress", "in_progress", false, 0);
	if (r->speech.reasoning) {
		item_event(r, "response.output_item.added", index, tokens, put_reasoning, 0, false);
		tokens += r->speech.reasoning;
		item_event(r, "response.output_item.done", index++, tokens, put_reasoning, 0, true);
	}
	if (r->search_id) {
		item_event(r, "response.output_item.added", index, tokens, put_search, 0, false);
		item_event(r, "response.output_item.done", index++, tokens, put_search, 0, true);
	}
	for (unsigned i = 0; i < r->calls.count; i++)
		tokens = stream_call(r, i, index++, tokens);
	if (!r->calls.count)
		stream_message(r, index, tokens);
	response_event(r, arena_printf(x->arena, "response.%s", r->status).p, r->status, true, x->a.tokens);
}

/* ---- asking */

static bool read_input(struct responses *r)
{
	struct exchange *x = r->x;
	struct json top = x->ask.top, input = json_get(top, "input"), tools = json_get(top, "tools"), item;
	struct openai_prompt p;
	struct json_iter it;
	struct str key;
	bool may_call = tools.type == JSON_ARRAY;
	openai_prompt_init(&p);
	if (tools.type == JSON_ARRAY)
		openai_prompt_add_json(&p, tools);
	openai_prompt_add_content(&p, json_get(top, "instructions"));
	if (r->previous.n) {
		struct object *o = store_get(&x->sandbox->store, OBJECT_RESPONSE, r->previous, x->ask.org);
		if (o)
			sb_add_str(&p.flat, sb_str(&o->text));
	}
	if (input.type == JSON_STRING)
		openai_prompt_add_content(&p, input);
	for (json_open(&it, input); input.type == JSON_ARRAY && json_next(&it, &key, &item);) {
		struct json content = json_get(item, "content");
		may_call = tools.type == JSON_ARRAY && !json_string_eq(json_get(item, "type"), "function_call_output");
		if (content.type != JSON_NONE)
			openai_prompt_add_content(&p, content);
		else
			openai_prompt_add_json(&p, item);
	}
	openai_prompt_end(x, &p, r->model);
	r->counts.in = p.tokens;
	r->counts.cached = p.cached;
	r->counts.written = p.written;
	r->counts.writes = openai_reports_writes(r->model);
	openai_prompt_fini(&p);
	return may_call;
}

static void plan(struct responses *r)
{
	struct exchange *x = r->x;
	struct json top = x->ask.top, tools = json_get(top, "tools"), tool, format = json_path(top, "text.format");
	struct json_iter it;
	struct json_out w;
	struct str key;
	uint64_t limit = json_u64_or0(json_get(top, "max_output_tokens")), out;
	char type[40];
	bool reasons = openai_reasons(r->model) && !json_string_eq(json_path(top, "reasoning.effort"), "none") &&
		       !json_string_eq(json_path(top, "reasoning.effort"), "minimal");
	speech_plan(x, limit, reasons, &r->speech);
	if (read_input(r))
		openai_calls_plan(x, tools, json_get(top, "tool_choice"), "call_", &r->calls);
	for (json_open(&it, tools); tools.type == JSON_ARRAY && json_next(&it, &key, &tool);)
		if (str_starts(str_of(json_string_copy(json_get(tool, "type"), type, sizeof type)), STR("web_search")))
			r->search_id = answer_id(x, "ws_", 48);
	if (!r->calls.count && json_string_eq(json_get(format, "type"), "json_schema")) {
		jw_init(&w, &r->text);
		speech_json(x, json_get(format, "schema"), &w);
		r->structured = true;
	}
	out = r->structured ? tokens_of(sb_str(&r->text)) : r->calls.count ? 0 : r->speech.tokens;
	for (unsigned i = 0; i < r->calls.count; i++) {
		r->call_id[i] = answer_id(x, "fc_", 48);
		out += r->calls.call[i].tokens;
	}
	if (limit && out + r->speech.reasoning > limit) {
		openai_calls_fini(&r->calls);
		sb_clear(&r->text);
		r->structured = false;
		out = limit - r->speech.reasoning;
		r->speech.tokens = (unsigned)out;
		r->speech.cut = true;
	} else if (r->calls.count || r->structured) {
		r->speech.cut = false;
	}
	if (!r->calls.count && !r->structured)
		speech_text(x, 0, r->speech.tokens, &r->text);
	r->counts.reasoning = r->speech.reasoning;
	r->counts.out = out + r->speech.reasoning;
	x->a.tokens = (unsigned)r->counts.out;
	r->status = fault_on(&x->faults, FAULT_FAILED) ? "failed" : r->speech.cut ? "incomplete" : "completed";
	jw_init(&w, &x->a.usage);
	openai_usage_responses(&w, &r->counts);
}

static void remember(struct responses *r)
{
	struct exchange *x = r->x;
	struct object *o = store_add(&x->sandbox->store, OBJECT_RESPONSE, r->id, x->ask.org);
	struct sb kept = x->a.body;
	struct json_out w;
	if (!o)
		return;
	o->created_us = x->now_us;
	o->born_us = loop_now_us(x->sandbox->loop);
	o->length_us = r->background ? x->sandbox->config.job_us : 1;
	o->ended = !r->background;
	sb_init(&x->a.body, SANDBOX_BODY_BYTES);
	jw_init(&w, &x->a.body);
	put_response(r, &w, r->status, true);
	answer_indent(x);
	sb_add_str(&o->data, sb_str(&x->a.body));
	if (r->background) {
		list_line(x, true, sb_str(&x->a.body), &o->truth);
		sb_clear(&x->a.body);
		jw_init(&w, &x->a.body);
		put_response(r, &w, "queued", false);
		answer_indent(x);
		sb_add_str(&o->errors, sb_str(&x->a.body)); /* how it reads until it is over */
		if (!openai_is_stream(x))
			org_note_response(x, o->org, sb_str(&o->data), o->created_us + (int64_t)o->length_us, false);
	}
	sb_add_str(&o->text, x->ask.body);
	sb_add_str(&o->text, sb_str(&r->text));
	sb_fini(&x->a.body);
	x->a.body = kept;
	store_weigh(&x->sandbox->store, o);
}

static void create(struct exchange *x)
{
	struct responses r = {.x = x};
	struct json_out w;
	char asked[128], previous[SANDBOX_ID];
	if (!openai_ready(x, asked, sizeof asked))
		return;
	openai_head(x);
	r.id = answer_id(x, "resp_", 50);
	r.message_id = answer_id(x, "msg_", 50);
	r.reasoning_id = answer_id(x, "rs_", 50);
	r.tier = openai_tier(x, json_get(x->ask.top, "service_tier"));
	r.model = arena_str(x->arena, openai_snapshot(x, str_of(asked)));
	r.previous = arena_str(x->arena, str_of(json_string_copy(json_get(x->ask.top, "previous_response_id"), previous,
								 sizeof previous)));
	r.background = json_is_true(json_get(x->ask.top, "background"));
	r.store = json_get(x->ask.top, "store").type != JSON_FALSE;
	sb_init(&r.text, SANDBOX_BODY_BYTES);
	answer_name(x, "openai", "responses", r.model, r.id);
	x->a.tier = r.tier;
	plan(&r);
	if (openai_is_stream(x)) {
		answer_stream(&r);
	} else if (r.background) {
		x->a.body.n = 0;
	} else {
		jw_init(&w, &x->a.body);
		put_response(&r, &w, r.status, true);
		answer_indent(x);
	}
	if ((r.store || r.background) && !x->ask.batch)
		remember(&r);
	if (r.background && !openai_is_stream(x)) {
		jw_init(&w, &x->a.body);
		put_response(&r, &w, "queued", false);
		answer_indent(x);
		x->a.usage_sent = false;
		x->a.surface = "responses_background"; /* the answer itself is listed when it is first read */
		sb_clear(&x->a.usage);
		x->a.tokens = 0;
	}
	openai_calls_fini(&r.calls);
	sb_fini(&r.text);
}

/* The conversation as one item that only the vendor can read. */
static void compact(struct exchange *x)
{
	struct responses r = {.x = x};
	struct json_out w, u;
	char asked[128];
	if (!openai_ready(x, asked, sizeof asked))
		return;
	openai_head(x);
	r.id = answer_id(x, "resp_", 50);
	r.model = arena_str(x->arena, openai_snapshot(x, str_of(asked)));
	read_input(&r);
	r.counts.out = 1 + r.counts.in / 10;
	answer_name(x, "openai", "compact", r.model, r.id);
	x->a.tokens = (unsigned)r.counts.out;
	jw_init(&u, &x->a.usage);
	openai_usage_responses(&u, &r.counts);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "id", r.id);
	jw_kcstr(&w, "object", "response.compaction");
	jw_ki64(&w, "created_at", answer_seconds(x));
	jw_key(&w, "output");
	jw_array(&w);
	jw_object(&w);
	jw_kcstr(&w, "id", answer_id(x, "cmp_", 50));
	jw_kcstr(&w, "type", "compaction");
	jw_kcstr(&w, "encrypted_content", "cHJldGVuZA==");
	jw_end_object(&w);
	jw_end_array(&w);
	answer_put_usage(x, &w, "usage");
	jw_end_object(&w);
	answer_indent(x);
}

static void put_state(struct exchange *x, struct object *o)
{
	unsigned progress = object_progress(o, loop_now_us(x->sandbox->loop));
	struct str early = sb_str(&o->errors), at = STR("\"status\": \"queued\"");
	if (progress == 1000 && !o->cancel_us) {
		if (!o->ended) {
			list_write(x->sandbox, sb_str(&o->truth));
			o->ended = true;
		}
		sb_add_str(&x->a.body, sb_str(&o->data));
		return;
	}
	for (size_t i = 0; i + at.n <= early.n; i++)
		if (memcmp(early.p + i, at.p, at.n) == 0) {
			sb_add(&x->a.body, early.p, i);
			sb_addf(&x->a.body, "\"status\": \"%s\"",
				o->cancel_us ? "cancelled" : progress < 200 ? "queued" : "in_progress");
			sb_add(&x->a.body, early.p + i + at.n, early.n - i - at.n);
			return;
		}
}

static void stored(struct exchange *x, struct str rest)
{
	struct str id = str_cut(&rest, '/');
	struct object *o = store_get(&x->sandbox->store, OBJECT_RESPONSE, id, x->ask.org);
	openai_head(x);
	answer_name(x, "openai", "responses_read", str_make("", 0), NULL);
	if (!o) {
		openai_error(x, 404, "invalid_request_error", NULL, NULL, "Response with id '%.*s' not found.",
			     STR_ARG(id));
	} else if (str_eqc(x->ask.method, "DELETE")) {
		store_remove(&x->sandbox->store, OBJECT_RESPONSE, id, x->ask.org);
		sb_addf(&x->a.body, "{\n  \"id\": \"%.*s\",\n  \"object\": \"response\",\n  \"deleted\": true\n}\n",
			STR_ARG(id));
	} else if (rest.p && str_eqc(rest, "cancel") && str_eqc(x->ask.method, "POST")) {
		if (!o->ended && !o->cancel_us && object_progress(o, loop_now_us(x->sandbox->loop)) < 1000) {
			o->cancel_us = loop_now_us(x->sandbox->loop);
			org_note_response(x, o->org, sb_str(&o->data), o->created_us + (int64_t)o->length_us, true);
		}
		put_state(x, o);
	} else if (rest.p && str_eqc(rest, "input_items")) {
		sb_adds(&x->a.body,
			"{\"object\":\"list\",\"data\":[],\"first_id\":null,\"last_id\":null,\"has_more\":false}");
		answer_indent(x);
	} else {
		put_state(x, o);
	}
}

void openai_responses(struct exchange *x)
{
	struct str rest = str_sub(x->ask.path, 14, x->ask.path.n); /* behind "/v1/responses/" */
	bool post = str_eqc(x->ask.method, "POST");
	if (post && x->ask.path.n == 13) {
		create(x);
	} else if (post && str_eqc(rest, "input_tokens")) {
		struct responses r = {.x = x};
		char asked[128];
		if (!openai_ready(x, asked, sizeof asked))
			return;
		openai_head(x);
		answer_name(x, "openai", "input_tokens", str_of(asked), NULL);
		r.model = x->a.model;
		read_input(&r);
		x->writes.count = 0;
		sb_addf(&x->a.body, "{\n  \"object\": \"response.input_tokens\",\n  \"input_tokens\": %llu\n}\n",
			(unsigned long long)r.counts.in);
	} else if (post && str_eqc(rest, "compact")) {
		compact(x);
	} else if (rest.n) {
		stored(x, rest);
	} else {
		openai_error(x, 405, "invalid_request_error", NULL, NULL, "Not allowed to %.*s on /v1/responses.",
			     STR_ARG(x->ask.method));
	}
}
