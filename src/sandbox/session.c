/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend vendors' websockets: OpenAI Realtime and Responses, Gemini Live.
 *
 * A session is a queue of frames that leave at the asked pace (x-sandbox-gap-ms), some with a line of the list, which
 * is written before its frame leaves. Frames are split into pieces of x-sandbox-fragment bytes. What a session has
 * heard and said so far is the input of its next response, half of it cached; speech has ten tokens a second of PCM at
 * 24 kHz.
 *   Realtime   session.update, conversation.item.create, input_audio_buffer.append/commit, response.create/cancel;
 *              x-sandbox-vad: a commit is answered unasked
 *   Responses  response.create: the events of POST /v1/responses
 *   Live       setup, clientContent
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/ws.h"
#include "base/array.h"
#include "sandbox/sandbox_int.h"

enum { MESSAGE_BYTES = 64 * 1024 * 1024, PCM_BYTES_A_TOKEN = 48000 / 10, QUEUE_MOST = 100000 };

struct frame {
	size_t end;        /* in frames */
	size_t line_end;   /* in lines; more than the one before: this frame has a line */
	size_t broken_end; /* the same line as it reads when the frame never leaves; in broken */
};

struct session {
	struct exchange *x;
	enum { REALTIME, RESPONSES, LIVE } kind;
	struct ws_reader reader;
	struct sb text, frames, lines, broken;
	struct frame *frame;
	unsigned count, room, next;
	struct timer timer;
	bool closing, transcribes;
	char model[96], transcriber[96], id[SANDBOX_ID];
	uint64_t text_tok, audio_tok, buffered_tok, cached_text, cached_audio; /* heard so far */
	unsigned answers;
};

/* ---- the queue */

static void put_frame(struct session *s, struct str payload, enum ws_opcode opcode)
{
	uint64_t step = ask_number(s->x, "x-sandbox-fragment", 0);
	for (; step && step < 126 && payload.n > step; opcode = WS_CONTINUATION) { /* by hand: no end, a piece */
		sb_addc(&s->frames, (char)opcode);
		sb_addc(&s->frames, (char)step);
		sb_add(&s->frames, payload.p, (size_t)step);
		payload = str_sub(payload, (size_t)step, payload.n);
	}
	ws_write(&s->frames, opcode, payload, NULL);
}

static void push(struct session *s, struct str payload, struct str line, struct str broken)
{
	if (!array_room(s->frame, s->count, s->room, QUEUE_MOST))
		return;
	put_frame(s, payload, s->kind == LIVE ? WS_BINARY : WS_TEXT);
	sb_add_str(&s->lines, line);
	sb_add_str(&s->broken, broken);
	s->frame[s->count++] = (struct frame){s->frames.n, s->lines.n, s->broken.n};
}

static void on_timer(struct timer *t);

static void play(struct session *s)
{
	uint64_t gap = ask_number(s->x, "x-sandbox-gap-ms", 0);
	while (s->next < s->count) {
		const struct frame *f = &s->frame[s->next], none = {0, 0, 0}, *before = s->next ? f - 1 : &none;
		list_write(s->x->sandbox, str_sub(sb_str(&s->lines), before->line_end, f->line_end));
		if (stream_send(s->x->stream, str_sub(sb_str(&s->frames), before->end, f->end)) < 0)
			return;
		s->next++;
		if (gap && s->next < s->count) {
			timer_set(s->x->sandbox->loop, &s->timer, gap * 1000, on_timer);
			return;
		}
	}
	if (s->closing)
		stream_end(s->x->stream);
}

static void on_timer(struct timer *t)
{
	play((struct session *)(void *)((char *)t - offsetof(struct session, timer)));
}

static void begin_event(struct session *s, struct json_out *w, struct sb *b, const char *type)
{
	sb_clear(b);
	jw_init(w, b);
	jw_object(w);
	jw_kcstr(w, "type", type);
	jw_kcstr(w, "event_id", answer_id(s->x, "event_", 20));
}

static void end_event(struct session *s, struct json_out *w, struct sb *b)
{
	jw_end_object(w);
	push(s, sb_str(b), STR(""), STR(""));
}

/* The last event of an answer whose truth stands in x->a. */
static void end_answer(struct session *s, struct json_out *w, struct sb *b)
{
	struct exchange *x = s->x;
	struct sb line, broken;
	jw_end_object(w);
	sb_init(&line, 1024 * 1024);
	sb_init(&broken, 1024 * 1024);
	x->a.stream = true;
	x->a.status = 200;
	x->a.usage_sent = true;
	x->a.usage_as_sent = sb_str(&x->a.usage);
	list_line(x, true, sb_str(b), &line);
	x->a.usage_sent = false;
	list_line(x, false, STR(""), &broken);
	push(s, sb_str(b), sb_str(&line), sb_str(&broken));
	sb_fini(&line);
	sb_fini(&broken);
}

/* ---- Realtime */

static void put_session(struct session *s, struct sb *b, const char *type)
{
	struct json_out w;
	begin_event(s, &w, b, type);
	jw_key(&w, "session");
	jw_object(&w);
	jw_kcstr(&w, "type", s->transcribes ? "transcription" : "realtime");
	jw_kcstr(&w, "object", "realtime.session");
	jw_kcstr(&w, "id", s->id);
	if (!s->transcribes)
		jw_kcstr(&w, "model", s->model);
	jw_kcstr(&w, "max_output_tokens", "inf");
	jw_key(&w, "audio");
	jw_object(&w);
	jw_key(&w, "input");
	jw_object(&w);
	jw_key(&w, "transcription");
	if (s->transcriber[0]) {
		jw_object(&w);
		jw_kcstr(&w, "model", s->transcriber);
		jw_end_object(&w);
	} else {
		jw_null(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	end_event(s, &w, b);
}

static void put_error(struct session *s, struct sb *b, const char *message, struct json event_id)
{
	struct json_out w;
	begin_event(s, &w, b, "error");
	jw_key(&w, "error");
	jw_object(&w);
	jw_kcstr(&w, "type", "invalid_request_error");
	jw_kcstr(&w, "code", "invalid_value");
	jw_kcstr(&w, "message", message);
	jw_kcstr(&w, "param", NULL);
	jw_key(&w, "event_id");
	jw_raw(&w, event_id.type == JSON_STRING ? event_id.text : STR("null"));
	jw_end_object(&w);
	end_event(s, &w, b);
}

static void put_modalities(struct json_out *w, const char *key, uint64_t text, uint64_t audio)
{
	jw_key(w, key);
	jw_object(w);
	jw_ku64(w, "text_tokens", text);
	jw_ku64(w, "audio_tokens", audio);
}

static void plan_usage(struct session *s, uint64_t text_out, uint64_t audio_out)
{
	struct json_out u;
	uint64_t cached = s->cached_text + s->cached_audio, in = s->text_tok + s->audio_tok;
	sb_clear(&s->x->a.usage);
	jw_init(&u, &s->x->a.usage);
	jw_object(&u);
	jw_ku64(&u, "total_tokens", in + text_out + audio_out);
	jw_ku64(&u, "input_tokens", in);
	jw_ku64(&u, "output_tokens", text_out + audio_out);
	put_modalities(&u, "input_token_details", s->text_tok, s->audio_tok);
	jw_ku64(&u, "image_tokens", 0);
	jw_ku64(&u, "cached_tokens", cached);
	put_modalities(&u, "cached_tokens_details", s->cached_text, s->cached_audio);
	jw_ku64(&u, "image_tokens", 0);
	jw_end_object(&u);
	jw_end_object(&u);
	put_modalities(&u, "output_token_details", text_out, audio_out);
	jw_end_object(&u);
	jw_end_object(&u);
}

static void put_response(struct session *s, struct json_out *w, const char *id, const char *status, bool usage)
{
	jw_key(w, "response");
	jw_object(w);
	jw_kcstr(w, "object", "realtime.response");
	jw_kcstr(w, "id", id);
	jw_kcstr(w, "status", status);
	jw_key(w, "output");
	jw_raw(w, STR("[]"));
	jw_key(w, "usage");
	jw_raw(w, usage ? sb_str(&s->x->a.usage) : STR("null"));
	jw_end_object(w);
}

/* 50 ms of sound a token, so that what is heard can be counted. */
static void put_sound(struct session *s, struct sb *b, const char *id, unsigned tokens)
{
	struct json_out w;
	struct sb sound;
	sb_init(&sound, 1024 * 1024);
	for (unsigned i = 0; i < tokens * 2400 / 3; i++)
		sb_adds(&sound, "AAAA");
	begin_event(s, &w, b, "response.output_audio.delta");
	jw_kcstr(&w, "response_id", id);
	jw_kstr(&w, "delta", sb_str(&sound));
	end_event(s, &w, b);
	sb_fini(&sound);
}

static void respond(struct session *s, struct json top)
{
	struct exchange *x = s->x;
	struct json response = json_get(top, "response"), modality = json_path(response, "output_modalities[0]"), most;
	bool speaks = json_string_eq(modality, "audio");
	unsigned tokens = (unsigned)ask_number(x, "x-sandbox-tokens", 12);
	const char *id = answer_id(x, "resp_", 20);
	struct json_out w;
	struct sb b;
	char piece[32];
	most = json_get(response, "max_output_tokens");
	if (most.type == JSON_NUMBER && json_u64_or0(most) < tokens)
		tokens = (unsigned)json_u64_or0(most);
	sb_init(&b, MESSAGE_BYTES);
	s->text_tok += tokens_of_json_string(json_get(response, "instructions"));
	answer_name(x, "openai", "realtime", str_of(s->model), id);
	x->a.tokens = tokens * (speaks ? 4 : 1);
	plan_usage(s, tokens, speaks ? tokens * 3 : 0);
	begin_event(s, &w, &b, "response.created");
	put_response(s, &w, id, "in_progress", false);
	end_event(s, &w, &b);
	x->request_hash += ++s->answers;
	for (unsigned i = 0; i < tokens; i++) {
		begin_event(s, &w, &b,
			    speaks ? "response.output_audio_transcript.delta" : "response.output_text.delta");
		jw_kcstr(&w, "response_id", id);
		jw_kstr(&w, "delta", speech_token(x, s->answers, i, piece));
		end_event(s, &w, &b);
		if (speaks)
			put_sound(s, &b, id, 3);
	}
	begin_event(s, &w, &b, "response.done");
	put_response(s, &w, id, "completed", true);
	end_answer(s, &w, &b);
	/* What was said is heard the next time, and half of all from the cache. */
	s->text_tok += tokens;
	s->audio_tok += speaks ? tokens * 3 : 0;
	s->cached_text = s->text_tok / 2 / 64 * 64;
	s->cached_audio = s->audio_tok / 2 / 64 * 64;
	sb_fini(&b);
}

static void transcribe(struct session *s, struct sb *b, const char *item, uint64_t tokens)
{
	struct exchange *x = s->x;
	struct json_out w, u;
	unsigned words = 3 + (unsigned)(tokens / 5);
	bool by_time = str_starts(str_of(s->transcriber), STR("whisper"));
	sb_clear(&x->a.usage);
	jw_init(&u, &x->a.usage);
	jw_object(&u);
	jw_kcstr(&u, "type", by_time ? "duration" : "tokens");
	if (by_time) {
		jw_kdouble(&u, "seconds", (double)tokens / 10);
	} else {
		jw_ku64(&u, "total_tokens", tokens + words);
		jw_ku64(&u, "input_tokens", tokens);
		put_modalities(&u, "input_token_details", 0, tokens);
		jw_end_object(&u);
		jw_ku64(&u, "output_tokens", words);
	}
	jw_end_object(&u);
	answer_name(x, "openai", "transcriptions", str_of(s->transcriber), item);
	x->a.tokens = words;
	begin_event(s, &w, b, "conversation.item.input_audio_transcription.completed");
	jw_kcstr(&w, "item_id", item);
	jw_ku64(&w, "content_index", 0);
	jw_kcstr(&w, "transcript", "pretend words");
	jw_key(&w, "usage");
	jw_raw(&w, sb_str(&x->a.usage));
	end_answer(s, &w, b);
}

static void commit(struct session *s, struct sb *b)
{
	const char *item = answer_id(s->x, "item_", 20);
	struct json_out w;
	begin_event(s, &w, b, "input_audio_buffer.committed");
	jw_kcstr(&w, "item_id", item);
	end_event(s, &w, b);
	if (s->transcriber[0])
		transcribe(s, b, item, s->buffered_tok);
	s->audio_tok += s->buffered_tok;
	s->buffered_tok = 0;
	if (ask_header(s->x, "x-sandbox-vad").n && !s->transcribes)
		respond(s, (struct json){0});
}

static void realtime(struct session *s, struct json top)
{
	struct json type = json_get(top, "type"), session = json_get(top, "session"), part;
	struct json_iter it;
	struct str key;
	struct json_out w;
	struct sb b;
	sb_init(&b, MESSAGE_BYTES);
	if (json_string_eq(type, "session.update")) {
		json_string_copy(json_path(session, "audio.input.transcription.model"), s->transcriber,
				 sizeof s->transcriber);
		s->text_tok += tokens_of_json_string(json_get(session, "instructions"));
		put_session(s, &b, "session.updated");
	} else if (json_string_eq(type, "conversation.item.create")) {
		struct json content = json_path(top, "item.content");
		for (json_open(&it, content); content.type == JSON_ARRAY && json_next(&it, &key, &part);)
			s->text_tok += tokens_of_json_string(json_get(part, "text"));
		begin_event(s, &w, &b, "conversation.item.added");
		jw_key(&w, "item");
		jw_raw(&w, json_get(top, "item").text);
		end_event(s, &w, &b);
	} else if (json_string_eq(type, "input_audio_buffer.append")) {
		s->buffered_tok += json_get(top, "audio").text.n / 4 * 3 / PCM_BYTES_A_TOKEN;
	} else if (json_string_eq(type, "input_audio_buffer.commit")) {
		commit(s, &b);
	} else if (json_string_eq(type, "response.create")) {
		if (json_path(top, "response.temperature").type == JSON_STRING)
			put_error(s, &b, "Invalid type for 'response.temperature'.", json_get(top, "event_id"));
		else
			respond(s, top);
	} else if (!json_string_eq(type, "response.cancel")) {
		put_error(s, &b, "Invalid value: 'type'.", json_get(top, "event_id"));
	}
	sb_fini(&b);
}

/* ---- Responses: the stream's data as messages */

static void responses(struct session *s, struct json top)
{
	struct exchange *x = s->x, *inner;
	struct sb body, line, broken;
	struct str rest;
	if (!json_string_eq(json_get(top, "type"), "response.create")) {
		push(s, STR("{\"type\":\"error\",\"status\":400,\"error\":{\"type\":\"invalid_request_error\",\"code\":null,\"message\":"
			    "\"Unknown event.\",\"param\":null}}"), STR(""), STR(""));
		return;
	}
	sb_init(&body, MESSAGE_BYTES);
	sb_adds(&body, "{\"stream\":true,");
	sb_add_str(&body, str_sub(str_trim(top.text), 1, top.text.n));
	inner = exchange_inner(x, "/v1/responses", sb_str(&body), false);
	if (!inner) {
		sb_fini(&body);
		return;
	}
	sb_init(&line, 1024 * 1024);
	sb_init(&broken, 1024 * 1024);
	list_line(inner, true, sb_str(&inner->a.body), &line);
	list_line(inner, false, STR(""), &broken);
	rest = sb_str(&inner->a.body);
	if (inner->a.status != 200) {
		struct sb error;
		sb_init(&error, 64 * 1024);
		sb_addf(&error, "{\"type\":\"error\",\"status\":%u,", inner->a.status);
		rest = str_trim(rest);
		sb_add_str(&error, str_sub(rest, 1, rest.n));
		push(s, sb_str(&error), sb_str(&line), STR(""));
		sb_fini(&error);
		rest = str_make(NULL, 0);
	}
	while (rest.p) {
		struct str one = str_cut(&rest, '\n');
		bool last = !rest.p || !str_contains(rest, STR("data: "));
		if (str_starts(one, STR("data: ")))
			push(s, str_sub(one, 6, one.n), last ? sb_str(&line) : STR(""),
			     last ? sb_str(&broken) : STR(""));
	}
	exchange_inner_end(inner);
	sb_fini(&body);
	sb_fini(&line);
	sb_fini(&broken);
}

/* ---- Live */

static void live(struct session *s, struct json top)
{
	struct exchange *x = s->x;
	struct json setup = json_get(top, "setup"), turns = json_path(top, "clientContent.turns"), turn, part;
	unsigned tokens = (unsigned)ask_number(x, "x-sandbox-tokens", 12);
	struct json_iter it, inner;
	struct json_out w;
	struct str key;
	struct sb b;
	char piece[32];
	if (setup.type == JSON_OBJECT) {
		json_string_copy(json_get(setup, "model"), s->model, sizeof s->model);
		push(s, STR("{\"setupComplete\":{}}"), STR(""), STR(""));
		return;
	}
	for (json_open(&it, turns); turns.type == JSON_ARRAY && json_next(&it, &key, &turn);)
		for (json_open(&inner, json_get(turn, "parts")); json_next(&inner, &key, &part);)
			s->text_tok += tokens_of_json_string(json_get(part, "text"));
	if (!json_is_true(json_path(top, "clientContent.turnComplete")))
		return;
	sb_init(&b, MESSAGE_BYTES);
	s->answers++;
	for (unsigned i = 0; i < tokens; i++) {
		sb_clear(&b);
		sb_adds(&b, "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"text\":");
		jw_init(&w, &b);
		jw_str(&w, speech_token(x, s->answers, i, piece));
		sb_adds(&b, "}]}}");
		if (i == tokens / 2) /* running counts on the way */
			sb_addf(&b, ",\"usageMetadata\":{\"promptTokenCount\":%llu,\"responseTokenCount\":%u,\"totalTokenCount\":%llu}",
				(unsigned long long)s->text_tok, i, (unsigned long long)s->text_tok + i);
		sb_addc(&b, '}');
		push(s, sb_str(&b), STR(""), STR(""));
	}
	answer_name(x, "gemini", "live",
		    str_sub(str_of(s->model), str_starts(str_of(s->model), STR("models/")) ? 7 : 0, 96),
		    answer_id(x, "live_", 20));
	x->a.tokens = tokens;
	sb_clear(&x->a.usage);
	sb_addf(&x->a.usage, "{\"promptTokenCount\":%llu,\"responseTokenCount\":%u,\"totalTokenCount\":%llu}",
		(unsigned long long)s->text_tok, tokens, (unsigned long long)s->text_tok + tokens);
	sb_clear(&b);
	jw_init(&w, &b);
	jw_object(&w);
	jw_key(&w, "serverContent");
	jw_raw(&w, STR("{\"turnComplete\":true}"));
	jw_key(&w, "usageMetadata");
	jw_raw(&w, sb_str(&x->a.usage));
	end_answer(s, &w, &b);
	s->text_tok += tokens;
	sb_fini(&b);
}

/* ---- the wire */

static void take_message(struct session *s)
{
	static void (*const kinds[])(struct session *, struct json) = {realtime, responses, live};
	struct json top;
	if (json_parse(sb_str(&s->text), &top, NULL) || top.type != JSON_OBJECT)
		top = (struct json){JSON_OBJECT, STR("{}")};
	kinds[s->kind](s, top);
}

static void take_control(struct session *s, const struct ws_piece *p)
{
	struct sb frame;
	if (!p->frame_end || p->opcode == WS_PONG)
		return;
	sb_init(&frame, 256);
	ws_write(&frame, p->opcode == WS_PING ? WS_PONG : WS_CLOSE, p->control_payload, NULL);
	stream_send(s->x->stream, sb_str(&frame));
	sb_fini(&frame);
	if (p->opcode == WS_CLOSE) {
		s->next = s->count;
		stream_end(s->x->stream);
	}
}

void session_bytes(struct exchange *x, struct str in)
{
	struct session *s = x->session;
	struct ws_piece piece;
	const char *fault = NULL;
	while (in.n) {
		long n = ws_next(&s->reader, in.p, in.n, &piece, &s->text, &fault);
		if (n < 0) {
			struct sb frame;
			sb_init(&frame, 256);
			ws_write_close(&frame, s->reader.close_code, str_of(fault), NULL);
			stream_send(x->stream, sb_str(&frame));
			sb_fini(&frame);
			stream_end(x->stream);
			return;
		}
		in = str_sub(in, (size_t)n, in.n);
		if (piece.control) {
			take_control(s, &piece);
		} else if (piece.message_end) {
			bool idle = s->next == s->count;
			take_message(s);
			sb_clear(&s->text);
			if (idle)
				play(s);
		}
	}
}

bool session_open(struct exchange *x)
{
	struct str path = x->ask.path, key = str_trim(ask_header(x, "sec-websocket-key"));
	struct str protocol = ask_header(x, "sec-websocket-protocol");
	struct header headers[3];
	unsigned count = 0;
	char accept[WS_ACCEPT_TEXT];
	const char *fault = NULL;
	struct session *s;
	struct sb b;
	if (!ws_wants_upgrade(x->ask.head) || ws_check_request(x->ask.head, &fault) ||
	    ask_header(x, "sec-websocket-extensions").n) /* a gateway that lets them through is found out */
		return false;
	s = calloc(1, sizeof *s);
	if (!s)
		return false;
	s->x = x;
	s->kind = str_starts(path, STR("/ws/")) ? LIVE : str_starts(path, STR("/v1/responses")) ? RESPONSES : REALTIME;
	ws_reader_init(&s->reader, true, MESSAGE_BYTES);
	sb_init(&s->text, MESSAGE_BYTES);
	sb_init(&s->frames, SANDBOX_BODY_BYTES);
	sb_init(&s->lines, SANDBOX_BODY_BYTES);
	sb_init(&s->broken, SANDBOX_BODY_BYTES);
	x->session = s;
	x->a.status = 200;
	x->now_us = loop_real_us(x->sandbox->loop);
	x->request_hash = hash_xxh3(path.p, path.n);
	str_copy(s->model, sizeof s->model, ask_query(x, "model"));
	s->transcribes = str_eqc(ask_query(x, "intent"), "transcription");
	str_copy(s->id, sizeof s->id, str_of(answer_id(x, "sess_", 20)));
	headers[count++] = (struct header){STR("sec-websocket-accept"), str_of(ws_accept(key, accept))};
	headers[count++] = (struct header){STR("x-request-id"), str_of(answer_id(x, "req_", 32))};
	if (protocol.n)
		headers[count++] = (struct header){STR("sec-websocket-protocol"), str_trim(str_cut(&protocol, ','))};
	if (stream_upgrade(x->stream, "websocket", headers, count))
		return false;
	x->sandbox->served++;
	if (s->kind == REALTIME) {
		sb_init(&b, 64 * 1024);
		put_session(s, &b, s->transcribes ? "transcription_session.created" : "session.created");
		sb_fini(&b);
		play(s);
	}
	return true;
}

void session_closed(struct exchange *x)
{
	struct session *s = x->session;
	size_t from = s->next ? s->frame[s->next - 1].broken_end : 0;
	if (s->next < s->count)
		list_write(x->sandbox, str_sub(sb_str(&s->broken), from, s->broken.n));
	timer_clear(x->sandbox->loop, &s->timer);
	sb_fini(&s->text);
	sb_fini(&s->frames);
	sb_fini(&s->lines);
	sb_fini(&s->broken);
	free(s->frame);
	free(s);
	x->session = NULL;
}
