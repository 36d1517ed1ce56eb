/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend Anthropic: messages (whole and as events), count_tokens, models, errors.
 *
 *   message_start  content_block_start ping content_block_delta* content_block_stop ...  message_delta message_stop
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sandbox/anthropic_int.h"

enum { CALLS = 16 };

void anthropic_error(struct exchange *x, unsigned status, const char *type, const char *fmt, ...)
{
	struct json_out w;
	char text[1024];
	const char *id = answer_id(x, "req_011C", 20);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	x->a.status = status;
	sb_clear(&x->a.body);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "type", "error");
	jw_key(&w, "error");
	jw_object(&w);
	jw_kcstr(&w, "type", type);
	jw_kcstr(&w, "message", text);
	jw_end_object(&w);
	jw_kcstr(&w, "request_id", id);
	jw_end_object(&w);
	if (!x->a.headers)
		answer_header(x, "request-id", "%s", id);
}

void anthropic_fail(struct exchange *x, unsigned status)
{
	static const struct {
		unsigned status;
		const char *type, *message;
	} known[] = {
		{400, "invalid_request_error", "The request was malformed."},
		{401, "authentication_error", "invalid x-api-key"},
		{402, "billing_error", "There is an issue with billing or payment."},
		{403, "permission_error", "Your API key does not have permission to use the specified resource."},
		{404, "not_found_error", "The requested resource could not be found."},
		{413, "request_too_large", "Request exceeds the maximum size"},
		{429, "rate_limit_error",
		 "This request would exceed your organization's rate limit. Please try again later."},
		{500, "api_error", "Internal server error"},
		{504, "timeout_error", "The request timed out while processing."},
		{529, "overloaded_error", "Overloaded"},
	};
	if (!status) {
		anthropic_error(x, 401, "authentication_error", "x-api-key header is required");
		return;
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].status == status) {
			anthropic_error(x, status, known[i].type, "%s", known[i].message);
			return;
		}
	anthropic_error(x, status, status < 500 ? "invalid_request_error" : "api_error", "Internal server error");
}

void anthropic_event_error(struct exchange *x, struct sb *out)
{
	(void)x;
	sb_adds(out, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n");
}

static void put_head(struct exchange *x)
{
	answer_header(x, "request-id", "%s", answer_id(x, "req_011C", 20));
	answer_header(x, "anthropic-organization-id", "00000000-0000-4000-a000-000000000000");
	answer_header(x, "anthropic-ratelimit-requests-limit", "4000");
	answer_header(x, "anthropic-ratelimit-requests-remaining", "3999");
	answer_header(x, "anthropic-ratelimit-input-tokens-limit", "2000000");
	answer_header(x, "anthropic-ratelimit-input-tokens-remaining", "2000000");
	answer_header(x, "anthropic-ratelimit-output-tokens-limit", "400000");
	answer_header(x, "anthropic-ratelimit-output-tokens-remaining", "400000");
}

/* ---- the answer */

struct message {
	struct exchange *x;
	const char *id, *geo, *tier, *speed;
	struct str model;
	struct anthropic_prompt prompt;
	struct speech speech;
	struct {
		const char *id;
		char name[80];
		struct sb input;
		uint64_t tokens;
	} call[CALLS];
	unsigned calls;
	unsigned searches;
	bool thinks;
	uint64_t out;
	uint64_t late_in, late_written; /* by server tools, while it answered: only the last counts show them */
};

/* whole: with the split and the tier. end: what is known only then, too. */
static void put_usage(const struct message *m, struct json_out *w, bool whole, bool end)
{
	struct anthropic_prompt late = m->prompt;
	const struct anthropic_prompt *p = &late;
	uint64_t out = end ? m->out : m->out ? 1 : 0; /* the first count is of one token */
	if (end) {
		late.tokens += m->late_in + m->late_written;
		*(late.written_1h && !late.written_5m ? &late.written_1h : &late.written_5m) += m->late_written;
	}
	jw_object(w);
	jw_ku64(w, "input_tokens", p->tokens - p->read - p->written_5m - p->written_1h);
	jw_ku64(w, "cache_creation_input_tokens", p->written_5m + p->written_1h);
	jw_ku64(w, "cache_read_input_tokens", p->read);
	if (whole) {
		jw_key(w, "cache_creation");
		jw_object(w);
		jw_ku64(w, "ephemeral_5m_input_tokens", p->written_5m);
		jw_ku64(w, "ephemeral_1h_input_tokens", p->written_1h);
		jw_end_object(w);
	}
	jw_ku64(w, "output_tokens", out);
	if (m->thinks && end) {
		jw_key(w, "output_tokens_details");
		jw_object(w);
		jw_ku64(w, "thinking_tokens", m->speech.reasoning);
		jw_end_object(w);
	}
	if (m->searches && end) {
		jw_key(w, "server_tool_use");
		jw_object(w);
		jw_ku64(w, "web_search_requests", m->searches);
		jw_ku64(w, "web_fetch_requests", 0);
		jw_end_object(w);
	}
	if (whole) {
		jw_kcstr(w, "service_tier", m->tier);
		jw_kcstr(w, "inference_geo", m->geo);
		if (m->speed)
			jw_kcstr(w, "speed", m->speed);
	}
	jw_end_object(w);
}

static const char *stop_reason(const struct message *m)
{
	return m->speech.cut ? "max_tokens" : m->calls ? "tool_use" : "end_turn";
}

static void put_message(const struct message *m, struct json_out *w, bool start)
{
	jw_kcstr(w, "model", m->model.p);
	jw_kcstr(w, "id", m->id);
	jw_kcstr(w, "type", "message");
	jw_kcstr(w, "role", "assistant");
	if (start) {
		jw_key(w, "content");
		jw_array(w);
		jw_end_array(w);
		jw_kcstr(w, "stop_reason", NULL);
		jw_kcstr(w, "stop_sequence", NULL);
	}
}

static void thought(const struct message *m, struct sb *out)
{
	speech_text(m->x, 77, m->speech.reasoning < 40 ? m->speech.reasoning : 40, out); /* a summary of the thinking */
}

static void put_signature(const struct message *m, struct json_out *w)
{
	char text[120];
	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
			[hash_xxh3_seed(&m->x->request_hash, 8, i) % 64];
	jw_kstr(w, "signature", str_make(text, sizeof text));
}

static void answer_whole(struct message *m)
{
	struct exchange *x = m->x;
	struct json_out w;
	struct sb text;
	sb_init(&text, SANDBOX_BODY_BYTES);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	put_message(m, &w, false);
	jw_key(&w, "content");
	jw_array(&w);
	if (m->thinks) {
		thought(m, &text);
		jw_object(&w);
		jw_kcstr(&w, "type", "thinking");
		jw_kstr(&w, "thinking", sb_str(&text));
		put_signature(m, &w);
		jw_end_object(&w);
		sb_clear(&text);
	}
	speech_text(x, 0, m->speech.tokens, &text);
	if (text.n) {
		jw_object(&w);
		jw_kcstr(&w, "type", "text");
		jw_kstr(&w, "text", sb_str(&text));
		jw_end_object(&w);
	}
	for (unsigned i = 0; i < m->calls; i++) {
		jw_object(&w);
		jw_kcstr(&w, "type", "tool_use");
		jw_kcstr(&w, "id", m->call[i].id);
		jw_kcstr(&w, "name", m->call[i].name);
		jw_key(&w, "input");
		jw_raw(&w, sb_str(&m->call[i].input));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kcstr(&w, "stop_reason", stop_reason(m));
	jw_kcstr(&w, "stop_sequence", NULL);
	answer_put_usage(x, &w, "usage");
	jw_end_object(&w);
	sb_fini(&text);
}

static void event_open(struct message *m, struct json_out *w, const char *type)
{
	sb_addf(&m->x->a.body, "event: %s\ndata: ", type);
	jw_init(w, &m->x->a.body);
	jw_object(w);
	jw_kcstr(w, "type", type);
}

static void event_close(struct message *m, struct json_out *w, unsigned tokens)
{
	jw_end_object(w);
	sb_adds(&m->x->a.body, "\n\n");
	answer_cut(m->x, tokens);
}

static void delta(struct message *m, unsigned index, const char *type, const char *key, struct str text,
		  unsigned tokens)
{
	struct json_out w;
	event_open(m, &w, "content_block_delta");
	jw_ku64(&w, "index", index);
	jw_key(&w, "delta");
	jw_object(&w);
	jw_kcstr(&w, "type", type);
	jw_kstr(&w, key, text);
	jw_end_object(&w);
	event_close(m, &w, tokens);
}

/* index, and a block that is still empty */
static void block_start(struct message *m, unsigned index, const char *block, unsigned tokens)
{
	struct json_out w;
	event_open(m, &w, "content_block_start");
	jw_ku64(&w, "index", index);
	jw_key(&w, "content_block");
	jw_raw(&w, str_of(block));
	event_close(m, &w, tokens);
}

static void block_stop(struct message *m, unsigned index, unsigned tokens)
{
	struct json_out w;
	event_open(m, &w, "content_block_stop");
	jw_ku64(&w, "index", index);
	event_close(m, &w, tokens);
}

static void ping(struct message *m, unsigned tokens)
{
	struct json_out w;
	event_open(m, &w, "ping");
	event_close(m, &w, tokens);
}

static unsigned stream_thinking(struct message *m, unsigned tokens)
{
	struct json_out w;
	struct sb text;
	sb_init(&text, 64 * 1024);
	thought(m, &text);
	block_start(m, 0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}", tokens);
	ping(m, tokens);
	tokens += m->speech.reasoning;
	for (size_t from = 0, to; from < text.n; from = to) {
		to = speech_cut(sb_str(&text), from, 16);
		delta(m, 0, "thinking_delta", "thinking", str_sub(sb_str(&text), from, to), tokens);
	}
	event_open(m, &w, "content_block_delta");
	jw_ku64(&w, "index", 0);
	jw_key(&w, "delta");
	jw_object(&w);
	jw_kcstr(&w, "type", "signature_delta");
	put_signature(m, &w);
	jw_end_object(&w);
	event_close(m, &w, tokens);
	block_stop(m, 0, tokens);
	sb_fini(&text);
	return tokens;
}

static unsigned stream_text(struct message *m, unsigned index, unsigned tokens, bool pings)
{
	struct sb text;
	char one[32];
	sb_init(&text, SANDBOX_BODY_BYTES);
	block_start(m, index, "{\"type\":\"text\",\"text\":\"\"}", tokens);
	if (pings)
		ping(m, tokens);
	for (unsigned from = 0; from < m->speech.tokens; from += m->speech.chunk) {
		unsigned to = from + m->speech.chunk < m->speech.tokens ? from + m->speech.chunk : m->speech.tokens;
		sb_clear(&text);
		if (!from && fault_on(&m->x->faults, FAULT_BIG_EVENT))
			speech_text(m->x, 0, 1, &text);
		for (unsigned k = text.n ? 1 : from; k < to; k++)
			sb_add_str(&text, speech_token(m->x, 0, k, one));
		tokens += to - from;
		delta(m, index, "text_delta", "text", sb_str(&text), tokens);
	}
	block_stop(m, index, tokens);
	sb_fini(&text);
	return tokens;
}

static unsigned stream_call(struct message *m, unsigned call, unsigned index, unsigned tokens)
{
	struct str all = sb_str(&m->call[call].input);
	block_start(m, index, arena_printf(m->x->arena,
					   "{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":{}}",
					   m->call[call].id, m->call[call].name).p, tokens);
	delta(m, index, "input_json_delta", "partial_json", STR(""), tokens);
	tokens += (unsigned)(m->call[call].tokens - tokens_of(all));
	for (size_t from = 0, to; from < all.n; from = to) {
		to = speech_cut(all, from, 4);
		delta(m, index, "input_json_delta", "partial_json", str_sub(all, from, to), ++tokens);
	}
	block_stop(m, index, tokens);
	return tokens;
}

static void final_delta(struct message *m, unsigned tokens)
{
	struct exchange *x = m->x;
	struct json_out w;
	struct str sent = answer_usage(x), full = sb_str(&x->a.usage);
	struct sb last;
	event_open(m, &w, "message_delta");
	jw_key(&w, "delta");
	jw_object(&w);
	jw_kcstr(&w, "stop_reason", stop_reason(m));
	jw_kcstr(&w, "stop_sequence", NULL);
	jw_end_object(&w);
	sb_init(&last, 4096);
	if (sent.p) {
		jw_key(&w, "usage");
		if (sent.p == full.p) { /* untouched: cumulative, without the split and the tier */
			struct json_out u;
			jw_init(&u, &last);
			put_usage(m, &u, false, true);
			jw_raw(&w, sb_str(&last));
		} else {
			jw_raw(&w, sent);
		}
	}
	event_close(m, &w, tokens);
	sb_fini(&last);
}

static void answer_stream(struct message *m)
{
	struct exchange *x = m->x;
	struct json_out w;
	unsigned tokens = 1, index = 0; /* the first count is one token already */
	bool thinking = m->thinks;
	x->a.stream = true;
	x->a.content_type = "text/event-stream; charset=utf-8";
	event_open(m, &w, "message_start");
	jw_key(&w, "message");
	jw_object(&w);
	put_message(m, &w, true);
	if (!fault_on(&x->faults, FAULT_USAGE_MISSING)) {
		jw_key(&w, "usage");
		if (fault_on(&x->faults, FAULT_USAGE_ZERO) || fault_on(&x->faults, FAULT_USAGE_HUGE)) {
			jw_raw(&w, answer_usage(x));
			x->a.usage_sent = false;
		} else {
			put_usage(m, &w, true, false);
		}
	}
	jw_end_object(&w);
	event_close(m, &w, tokens);
	tokens = 0;
	if (thinking)
		tokens = stream_thinking(m, tokens), index++;
	if (m->speech.tokens || (!m->calls && !thinking))
		tokens = stream_text(m, index++, tokens, !thinking);
	for (unsigned i = 0; i < m->calls; i++)
		tokens = stream_call(m, i, index++, tokens);
	for (int i = 0; i < (fault_on(&x->faults, FAULT_USAGE_TWICE) ? 2 : 1); i++)
		final_delta(m, (unsigned)m->out);
	event_open(m, &w, "message_stop");
	event_close(m, &w, (unsigned)m->out);
}

/* ---- asking */

static void plan_calls(struct message *m, struct json top)
{
	struct json tools = json_get(top, "tools"), choice = json_get(top, "tool_choice"), tool, last;
	uint64_t want = ask_number(m->x, "x-sandbox-tool-calls", 1);
	struct json messages = json_get(top, "messages");
	struct json_iter it;
	struct str key;
	last = json_path(messages, arena_printf(m->x->arena, "[%zu].content[0].type",
						json_count(messages) ? json_count(messages) - 1 : 0).p);
	if (tools.type != JSON_ARRAY || json_string_eq(json_get(choice, "type"), "none") ||
	    json_string_eq(last, "tool_result"))
		return;
	for (json_open(&it, tools); json_next(&it, &key, &tool);) {
		char type[40];
		struct json_out w;
		json_string_copy(json_get(tool, "type"), type, sizeof type);
		if (str_starts(str_of(type), STR("web_search")))
			m->searches++;
		if ((*type && strcmp(type, "custom") != 0) || m->calls == want || m->calls == CALLS ||
		    (json_get(choice, "name").type == JSON_STRING &&
		     !str_eq(json_get(choice, "name").text, json_get(tool, "name").text)))
			continue;
		json_string_copy(json_get(tool, "name"), m->call[m->calls].name, sizeof m->call->name);
		m->call[m->calls].id = answer_id(m->x, "toolu_01", 22);
		sb_init(&m->call[m->calls].input, 1024 * 1024);
		jw_init(&w, &m->call[m->calls].input);
		speech_json(m->x, json_get(tool, "input_schema"), &w);
		m->call[m->calls].tokens = tokens_of(str_of(m->call[m->calls].name)) +
					   tokens_of(sb_str(&m->call[m->calls].input)) + 8;
		m->calls++;
	}
}

static void free_calls(struct message *m)
{
	while (m->calls)
		sb_fini(&m->call[--m->calls].input);
}

static struct str snapshot_of(struct str model)
{
	static const char *const names[][2] = {
		{"claude-sonnet-4-5", "claude-sonnet-4-5-20250929"}, {"claude-haiku-4-5", "claude-haiku-4-5-20251001"},
		{"claude-opus-4-5", "claude-opus-4-5-20251101"},     {"claude-opus-4-1", "claude-opus-4-1-20250805"},
		{"claude-sonnet-4-0", "claude-sonnet-4-20250514"},
		{"claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"},
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eqc(model, names[i][0]))
			return str_of(names[i][1]);
	return model;
}

/* false: an error is planned */
static bool check_request(struct exchange *x, struct json top, bool counts_only)
{
	struct json max = json_get(top, "max_tokens"), messages = json_get(top, "messages"),
		    model = json_get(top, "model");
	uint64_t n;
	if (top.type != JSON_OBJECT)
		anthropic_error(x, 400, "invalid_request_error", "The request body is not valid JSON.");
	else if (model.type != JSON_STRING)
		anthropic_error(x, 400, "invalid_request_error", "model: Field required");
	else if (str_starts(json_raw_string(model), STR("no-such")))
		anthropic_error(x, 404, "not_found_error", "model: %.*s", STR_ARG(json_raw_string(model)));
	else if (!counts_only && json_u64(max, &n))
		anthropic_error(x, 400, "invalid_request_error", "max_tokens: Field required");
	else if (messages.type != JSON_ARRAY)
		anthropic_error(x, 400, "invalid_request_error", "messages: Field required");
	else if (!json_count(messages))
		anthropic_error(x, 400, "invalid_request_error", "messages: at least one message is required");
	else
		return true;
	return false;
}

static void plan_output(struct message *m, struct json top)
{
	struct json thinking = json_get(top, "thinking"), max = json_get(top, "max_tokens");
	uint64_t budget = json_u64_or0(json_get(thinking, "budget_tokens")), limit = json_u64_or0(max), calls = 0;
	bool wants = json_string_eq(json_get(thinking, "type"), "enabled") ||
		     json_string_eq(json_get(thinking, "type"), "adaptive");
	speech_plan(m->x, limit, wants, &m->speech);
	if (budget && m->speech.reasoning > budget)
		m->speech.reasoning = (unsigned)budget;
	m->thinks = wants && m->speech.reasoning;
	if (!m->thinks)
		m->speech.reasoning = 0;
	if (!limit) { /* only warms the cache */
		m->speech = (struct speech){.chunk = 1, .cut = true};
		m->thinks = false;
		return;
	}
	plan_calls(m, top);
	for (unsigned i = 0; i < m->calls; i++)
		calls += m->call[i].tokens;
	m->out = m->speech.tokens + m->speech.reasoning + calls;
	if (m->calls && m->out > limit) {
		free_calls(m);
		calls = 0;
		m->speech.cut = true;
		m->speech.tokens = (unsigned)(limit - m->speech.reasoning);
	}
	m->out = m->speech.tokens + m->speech.reasoning + calls;
}

static void messages(struct exchange *x)
{
	struct json top = x->ask.top;
	struct message m = {.x = x};
	struct json_out w;
	char model[128], tier[24], geo[24], speed[16];
	if (!check_request(x, top, false))
		return;
	anthropic_prompt_read(x, top, &m.prompt);
	if (m.prompt.too_many) {
		anthropic_error(x, 400, "invalid_request_error",
				"A maximum of 4 blocks with cache_control may be provided. Found %u.", m.prompt.marks);
		return;
	}
	if (m.prompt.wrong_order) {
		anthropic_error(x, 400, "invalid_request_error",
				"a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.");
		return;
	}
	put_head(x);
	json_string_copy(json_get(top, "model"), model, sizeof model);
	json_string_copy(json_get(top, "service_tier"), tier, sizeof tier);
	json_string_copy(json_get(top, "inference_geo"), geo, sizeof geo);
	json_string_copy(json_get(top, "speed"), speed, sizeof speed);
	m.model = arena_str(x->arena, snapshot_of(str_of(model)));
	m.id = answer_id(x, "msg_01", 22);
	m.tier = x->ask.batch                        ? "batch"
		 : ask_header(x, "x-sandbox-tier").n ? arena_str(x->arena, ask_header(x, "x-sandbox-tier")).p
						     : "standard";
	m.geo = arena_str(x->arena, *geo ? str_of(geo) : STR("global")).p;
	m.speed = *speed ? arena_str(x->arena, str_of(speed)).p : NULL;
	answer_name(x, "anthropic", "messages", m.model, m.id);
	x->a.tier = m.tier;
	x->a.geo = m.geo;
	x->a.speed = m.speed;
	anthropic_prompt_find(x, &m.prompt, m.model);
	plan_output(&m, top);
	x->a.tokens = (unsigned)m.out;
	if (m.searches) {
		m.late_in = ask_number(x, "x-sandbox-late-input", 400 * (uint64_t)m.searches);
		m.late_written = ask_number(x, "x-sandbox-late-write", 0);
	}
	jw_init(&w, &x->a.usage);
	put_usage(&m, &w, true, true);
	if (json_is_true(json_get(top, "stream")) && !x->ask.batch)
		answer_stream(&m);
	else
		answer_whole(&m);
	free_calls(&m);
}

static void count_tokens(struct exchange *x)
{
	struct anthropic_prompt p = {0};
	if (!check_request(x, x->ask.top, true))
		return;
	put_head(x);
	answer_name(x, "anthropic", "count_tokens", json_raw_string(json_get(x->ask.top, "model")), NULL);
	anthropic_prompt_read(x, x->ask.top, &p);
	sb_addf(&x->a.body, "{\"input_tokens\":%llu}", (unsigned long long)p.tokens);
}

static void models(struct exchange *x)
{
	static const char *const ids[][2] = {
		{"claude-opus-4-5-20251101", "Claude Opus 4.5"},   {"claude-haiku-4-5-20251001", "Claude Haiku 4.5"},
		{"claude-sonnet-4-5-20250929", "Claude Sonnet 4.5"}, {"claude-opus-4-1-20250805", "Claude Opus 4.1"},
	};
	enum { IDS = sizeof ids / sizeof *ids };
	struct str id = str_sub(x->ask.path, 11, x->ask.path.n);
	struct json_out w;
	unsigned found = IDS;
	put_head(x);
	answer_name(x, "anthropic", "models", id, NULL);
	for (unsigned i = 0; i < IDS; i++)
		if (str_eqc(id, ids[i][0]) || str_eq(snapshot_of(id), str_of(ids[i][0])))
			found = i;
	if (id.n && found == IDS) {
		anthropic_error(x, 404, "not_found_error", "model: %.*s", STR_ARG(id));
		return;
	}
	jw_init(&w, &x->a.body);
	if (!id.n) {
		jw_object(&w);
		jw_key(&w, "data");
		jw_array(&w);
	}
	for (unsigned i = id.n ? found : 0; i < (id.n ? found + 1 : IDS); i++) {
		jw_object(&w);
		jw_kcstr(&w, "type", "model");
		jw_kcstr(&w, "id", ids[i][0]);
		jw_kcstr(&w, "display_name", ids[i][1]);
		jw_kcstr(&w, "created_at", "2025-11-24T00:00:00Z");
		jw_end_object(&w);
	}
	if (!id.n) {
		jw_end_array(&w);
		jw_kbool(&w, "has_more", false);
		jw_kcstr(&w, "first_id", ids[0][0]);
		jw_kcstr(&w, "last_id", ids[IDS - 1][0]);
		jw_end_object(&w);
	}
}

/* ---- files (beta) */

static void put_file(const struct object *o, struct json_out *w)
{
	char at[TIME_TEXT];
	jw_object(w);
	jw_kcstr(w, "type", "file");
	jw_kcstr(w, "id", o->id);
	jw_kstr(w, "filename", sb_str(&o->text));
	jw_kcstr(w, "mime_type", "text/plain");
	jw_ku64(w, "size_bytes", o->data.n);
	jw_kcstr(w, "created_at", time_text(o->created_us, at));
	jw_kbool(w, "downloadable", true);
	jw_end_object(w);
}

static void list_files(struct exchange *x)
{
	struct json_out w;
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_key(&w, "data");
	jw_array(&w);
	for (const struct object *o = x->sandbox->store.oldest; o; o = o->newer)
		if (o->kind == OBJECT_FILE && o->org == x->ask.org)
			put_file(o, &w);
	jw_end_array(&w);
	jw_kbool(&w, "has_more", false);
	jw_kcstr(&w, "first_id", NULL);
	jw_kcstr(&w, "last_id", NULL);
	jw_end_object(&w);
}

static void upload(struct exchange *x)
{
	struct str name = STR("upload"), bytes = multipart_field(x, "file", &name);
	struct object *o = bytes.p ? store_add(&x->sandbox->store, OBJECT_FILE, answer_id(x, "file_011C", 20),
					       x->ask.org) : NULL;
	struct json_out w;
	if (!o) {
		anthropic_error(x, 400, "invalid_request_error", "file: Field required");
		return;
	}
	o->created_us = x->now_us;
	sb_add_str(&o->data, bytes);
	sb_add_str(&o->text, name);
	store_weigh(&x->sandbox->store, o);
	jw_init(&w, &x->a.body);
	put_file(o, &w);
}

static void files(struct exchange *x)
{
	struct str rest = str_sub(x->ask.path, 10, x->ask.path.n), id = str_cut(&rest, '/'); /* behind "/v1/files/" */
	struct object *o = id.n ? store_get(&x->sandbox->store, OBJECT_FILE, id, x->ask.org) : NULL;
	struct json_out w;
	answer_header(x, "request-id", "%s", answer_id(x, "req_011C", 20));
	answer_name(x, "anthropic", "files", str_make("", 0), NULL);
	if (!id.n && str_eqc(x->ask.method, "POST")) {
		upload(x);
	} else if (!id.n) {
		list_files(x);
	} else if (!o) {
		anthropic_error(x, 404, "not_found_error", "File not found: %.*s", STR_ARG(id));
	} else if (rest.p) {
		x->a.content_type = "application/octet-stream";
		sb_add_str(&x->a.body, sb_str(&o->data));
	} else if (str_eqc(x->ask.method, "DELETE")) {
		sb_addf(&x->a.body, "{\"id\":\"%s\",\"type\":\"file_deleted\"}", o->id);
		store_remove(&x->sandbox->store, OBJECT_FILE, id, x->ask.org);
	} else {
		jw_init(&w, &x->a.body);
		put_file(o, &w);
	}
}

void anthropic_answer(struct exchange *x)
{
	struct str path = x->ask.path;
	bool post = str_eqc(x->ask.method, "POST");
	if (!x->ask.batch && !ask_header(x, "anthropic-version").n)
		anthropic_error(x, 400, "invalid_request_error", "anthropic-version: header is required");
	else if (post && str_eqc(path, "/v1/messages"))
		messages(x);
	else if (post && str_eqc(path, "/v1/messages/count_tokens"))
		count_tokens(x);
	else if (str_starts(path, STR("/v1/messages/batches")))
		anthropic_batches(x);
	else if (str_starts(path, STR("/v1/files")))
		files(x);
	else if (!post && str_starts(path, STR("/v1/models")))
		models(x);
	else if (!post && str_starts(path, STR("/v1/organizations/")))
		anthropic_organization(x);
	else
		anthropic_error(x, 404, "not_found_error", "Not found");
}
