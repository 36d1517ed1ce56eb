/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer as it comes: gathered, passed or framed; metered in passing; its clean end held back.
 *
 *            on_head                on_body                          on_done
 *   WHOLE    keep the head          gather                           settle, then head + body + end together
 *   PASS     (over 1 MiB)           send, copy for the meter         settle, then the last piece + end
 *   EVENTS   head at once           frame by frame; the vendor's     settle (at its end event already), then
 *                                   own end event is held            the held frames + end
 *
 * A client that leaves does not stop the meter: the vendor bills what it generates, so the upstream is drained
 * (bounded in time and bytes) until the usage is known. A slow client stops the upstream: bytes queued towards it
 * are bounded.
 */
#include <stdio.h>

#include "gate/gate.h"

static void stop_feeding_if_full(struct request *r)
{
	if (r->client && r->exchange && stream_is_full(r->client))
		exchange_pause(r->exchange);
}

void answer_drained(struct request *r)
{
	if (r->exchange)
		exchange_resume(r->exchange);
}

static void send_bytes(struct request *r, struct str bytes)
{
	if (!bytes.n || r->torn)
		return;
	atomic_fetch_add_explicit(&r->worker->stats.bytes_out, bytes.n, memory_order_relaxed);
	if (r->client)
		stream_send(r->client, bytes);
}

/* Keeps bytes back: until the row is durable, or until more come. */
static void hold(struct request *r, struct str bytes)
{
	sb_add_str(&r->answer, bytes);
	r->torn |= r->answer.full;
}

static void mark_first_token(struct request *r)
{
	if (r->meter.first_content && !r->call.ttft_us) {
		uint64_t us = loop_now_us(r->worker->loop) - r->began_us;
		r->call.ttft_us = us > UINT32_MAX ? UINT32_MAX : us ? (uint32_t)us : 1;
	}
}

/* By its type; and what was asked for as a stream is one where its type does not say what it is. */
static bool is_stream(const struct request *r, unsigned status, struct str type)
{
	if (str_ieq(str_sub(type, 0, 17), STR("text/event-stream")))
		return true;
	return r->features.stream && !r->features.stream_array && status == 200 &&
	       (!type.n || str_ieq(str_sub(type, 0, 10), STR("text/plain")));
}

static void on_head(struct exchange *x, const struct head *h)
{
	struct request *r = exchange_user(x);
	struct str type = head_get(h, "content-type");
	if (forward_keep_head(r, h)) { /* no memory: on_done will tell */
		exchange_abort(x);
		return;
	}
	if (h->status >= 500)
		atomic_fetch_add_explicit(&r->worker->stats.upstream_errors, 1, memory_order_relaxed);
	if (r->pass_only) {
		bool events = type.n >= 17 && str_ieq(str_sub(type, 0, 17), STR("text/event-stream"));
		r->mode = !events && jobs_reads(r) ? ANSWER_WHOLE : ANSWER_PASS;
	} else if (is_stream(r, h->status, type)) {
		r->mode = ANSWER_EVENTS;
		r->call.streamed = 1;
		atomic_fetch_add_explicit(&r->worker->stats.streams, 1, memory_order_relaxed);
	} else {
		bool array = r->features.stream_array && h->status == 200;
		r->mode = array ? ANSWER_PASS : ANSWER_WHOLE;
		r->call.streamed = array;
	}
	if (r->mode != ANSWER_WHOLE && r->client)
		forward_respond(r, h->content_length >= 0 && r->mode == ANSWER_PASS ? h->content_length : -1);
}

/* Our asking for usage also makes OpenAI write `"usage":null` into every chunk, which a client that did not ask would
 * not have seen: the member is cut out, with one comma, and nothing else changes. False: there is nothing to cut. */
static bool cut_usage_null(struct request *r, struct sse_frame *f)
{
	struct json top, value;
	struct json_iter it;
	struct str key;
	const char *from = NULL, *to = NULL;
	if (!str_contains(f->data, STR("\"usage\"")) || f->data.p < f->raw.p || f->data.p >= f->raw.p + f->raw.n ||
	    json_parse(f->data, &top, NULL))
		return false;
	json_open(&it, top);
	while (!from && json_next(&it, &key, &value))
		if (value.type == JSON_NULL && str_eq(key, STR("usage"))) {
			from = key.p - 1;
			to = value.text.p + value.text.n;
		}
	if (!from)
		return false;
	while (from > top.text.p && (from[-1] == ' ' || from[-1] == '\n' || from[-1] == '\t' || from[-1] == '\r'))
		from--;
	if (from[-1] == ',')
		from--;
	else /* it came first: the comma behind it goes */
		while (to < top.text.p + top.text.n - 1 && to[-1] != ',')
			to++;
	sb_clear(&r->copy);
	sb_add(&r->copy, f->raw.p, (size_t)(from - f->raw.p));
	sb_add(&r->copy, to, (size_t)(f->raw.p + f->raw.n - to));
	if (r->copy.full) /* it passes as it is */
		return false;
	f->raw = sb_str(&r->copy);
	return true;
}

/* One frame: metered, then passed, dropped or held. */
static void take_frame(struct request *r, struct sse_frame *f, struct str *pending)
{
	enum event_action action = EVENT_PASS;
	bool own_memory = r->sse.scanned == SIZE_MAX; /* the frame does not lie in the bytes just read */
	if (f->has_data) {
		action = meter_event(&r->meter, f->event, f->data, !r->drop_usage_events);
		mark_first_token(r);
		atomic_fetch_add_explicit(&r->worker->stats.events, 1, memory_order_relaxed);
	}
	if (r->may_be_last) { /* it was not */
		send_bytes(r, sb_str(&r->answer));
		sb_clear(&r->answer);
	}
	r->settle_ready |= r->meter.ended && meter_end_is_last(&r->meter);
	r->may_be_last = r->meter.ended && !r->settle_ready;
	if (action == EVENT_PASS && r->drop_usage_events && f->has_data && cut_usage_null(r, f))
		own_memory = true;
	if (action == EVENT_DROP || r->settle_ready || r->may_be_last || own_memory || !pending->n ||
	    pending->p + pending->n != f->raw.p) {
		send_bytes(r, *pending); /* frames that follow one another in the bytes leave in one piece */
		*pending = str_make(NULL, 0);
	}
	if (action == EVENT_DROP)
		return;
	if ((r->settle_ready || r->may_be_last) && !r->released) {
		hold(r, f->raw);
	} else if (pending->n) {
		pending->n += f->raw.n;
	} else if (own_memory) {
		send_bytes(r, f->raw);
	} else {
		*pending = f->raw;
	}
}

/* Undone bytes of a stream that comes compressed against our wish. */
static void meter_undone(void *arg, struct str in)
{
	struct request *r = arg;
	struct sse_frame f;
	while (sse_next(&r->sse, &in, &f) == 1)
		if (f.has_data) {
			meter_event(&r->meter, f.event, f.data, true);
			mark_first_token(r);
		}
}

static void meter_encoded(struct request *r, struct str bytes)
{
	if (!r->undone)
		r->undone = coding_new(r->coding);
	if (r->undone && coding_feed(r->undone, bytes, meter_undone, r)) {
		coding_free(r->undone);
		r->undone = NULL;
		r->coding = CODING_OTHER; /* damaged: it passes, and is not read any more */
	}
}

static void on_events(struct request *r, struct str bytes)
{
	struct str in = bytes, pending = str_make(NULL, 0);
	struct sse_frame f;
	int rc;
	if (r->coding) {
		meter_encoded(r, bytes);
		r->settle_ready |= r->meter.ended && meter_end_is_last(&r->meter);
		if (r->settle_ready && !r->released)
			hold(r, bytes);
		else
			send_bytes(r, bytes);
		return;
	}
	while ((rc = sse_next(&r->sse, &in, &f)) == 1)
		take_frame(r, &f, &pending);
	send_bytes(r, pending);
	if (rc < 0)
		exchange_abort(r->exchange); /* no end event was seen: the meter will say that it is partial */
}

/* The gathered answer has grown over what is worth gathering: it passes from here on. */
static void whole_to_pass(struct request *r)
{
	r->mode = ANSWER_PASS;
	if (r->client)
		forward_respond(r, -1);
	send_bytes(r, sb_str(&r->answer));
	if (!r->pass_only)
		sb_add_str(&r->copy, sb_str(&r->answer));
	sb_clear(&r->answer);
}

/* The last byte that is no blank, and what follows it, is held until the next piece comes: the answer's own last one, a
 * closing brace or bracket as a rule, waits for the ledger. */
static void pass_on(struct request *r, struct str bytes)
{
	size_t n = bytes.n;
	sb_add_str(&r->copy, bytes);
	while (n &&
	       (bytes.p[n - 1] == ' ' || bytes.p[n - 1] == '\n' || bytes.p[n - 1] == '\r' || bytes.p[n - 1] == '\t'))
		n--;
	if (n) {
		send_bytes(r, sb_str(&r->answer));
		sb_clear(&r->answer);
		send_bytes(r, str_sub(bytes, 0, n - 1));
		bytes = str_sub(bytes, n - 1, bytes.n);
	}
	hold(r, bytes);
	if (!r->call.ttft_us) {
		r->meter.first_content = true;
		mark_first_token(r);
	}
}

static void on_body(struct exchange *x, struct str bytes)
{
	struct request *r = exchange_user(x);
	if (!r->client && !r->pass_only) {
		r->drain_left_bytes -= (int64_t)bytes.n;
		if (r->drain_left_bytes < 0) {
			exchange_abort(x);
			return;
		}
	}
	switch (r->mode) {
	case ANSWER_EVENTS:
		on_events(r, bytes);
		break;
	case ANSWER_WHOLE:
		if (r->answer.n + bytes.n <= (r->pass_only ? LOOKED_MOST_BYTES : BUFFERED_ANSWER_BYTES)) {
			sb_add_str(&r->answer, bytes);
			if (r->answer.full) /* no memory: on_done will tell */
				exchange_abort(x);
			break;
		}
		whole_to_pass(r);
		__attribute__((fallthrough));
	case ANSWER_PASS:
		if (r->pass_only)
			send_bytes(r, bytes);
		else
			pass_on(r, bytes);
		break;
	case ANSWER_NONE:
	case ANSWER_OWN:
		break;
	}
	stop_feeding_if_full(r);
	if (r->settle_ready && !r->settled)
		gate_run(r);
}

static void add_undone(void *arg, struct str bytes)
{
	sb_add_str(arg, bytes);
}

/* Undoes a whole body for the meter only; the client's bytes stay as they are. */
static bool undo_copy(enum coding_kind kind, struct str in, struct sb *out)
{
	struct coding *c = coding_new(kind);
	bool done = c && !coding_feed(c, in, add_undone, out) && !out->full;
	coding_free(c);
	return done;
}

static void meter_whole(struct request *r)
{
	struct str body = r->mode == ANSWER_PASS ? sb_str(&r->copy) : sb_str(&r->answer);
	struct sb plain;
	sb_init(&plain, ANSWER_MOST_BYTES);
	if (r->coding && undo_copy(r->coding, body, &plain))
		body = sb_str(&plain);
	if (meter_body(&r->meter, body) && !r->meter.final)
		r->meter.usage.flags |= USAGE_PARTIAL;
	sb_fini(&plain);
}

const char *answer_vendor_words(enum http_end how)
{
	switch (how) {
	case END_TIMEOUT_CONNECT:
	case END_CONNECT:
	case END_RESOLVE:
		return "The vendor cannot be reached";
	case END_TLS:
		return "The vendor's certificate is not trusted";
	case END_TIMEOUT_FIRST:
	case END_TIMEOUT_IDLE:
	case END_TIMEOUT_TOTAL:
	case END_TIMEOUT_SLOW:
		return "The vendor did not answer in time";
	default:
		return "The vendor's answer broke off";
	}
}

static enum api_error vendor_error(enum http_end how)
{
	return how == END_TIMEOUT_FIRST || how == END_TIMEOUT_IDLE || how == END_TIMEOUT_TOTAL ||
			       how == END_TIMEOUT_SLOW
		       ? APIERR_TIMEOUT
		       : APIERR_UPSTREAM;
}

/* The vendor's side is over and was not whole. */
static void broke_off(struct request *r, enum http_end how, const char *fault)
{
	char text[256];
	snprintf(text, sizeof text, "%s: %s.", answer_vendor_words(how), fault && *fault ? fault : http_end_words(how));
	if (r->call.outcome == OUTCOME_OK)
		r->call.outcome = r->client ? OUTCOME_UPSTREAM : OUTCOME_CLIENT_LEFT;
	if (r->mode == ANSWER_EVENTS) {
		if (!r->settled)
			api_error_event(r->surface, vendor_error(how), str_of(text), &r->answer);
	} else if (r->mode == ANSWER_NONE || r->mode == ANSWER_WHOLE) {
		bool had_head = r->mode == ANSWER_WHOLE, no_memory = r->answer.full || r->head_text.full;
		if (had_head && !r->pass_only)
			meter_whole(r);
		if (no_memory)
			gate_refuse(r, APIERR_OVERLOADED, "The gateway has no memory for the vendor's answer.");
		else
			gate_refuse(r, vendor_error(how), "%s", text);
	}
}

/* A last frame without its blank line counts like others, and passes where the stream ended as it should. */
static void take_last_frame(struct request *r, bool whole)
{
	struct sse_frame f;
	enum event_action action = EVENT_PASS;
	if (!sse_last(&r->sse, &f))
		return;
	if (f.has_data && !r->settled)
		action = meter_event(&r->meter, f.event, f.data, !r->drop_usage_events);
	if (!whole || r->coding || action == EVENT_DROP)
		return;
	if (r->released)
		send_bytes(r, f.raw);
	else
		hold(r, f.raw);
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct request *r = exchange_user(x);
	r->upstream_end = how;
	if (r->mode == ANSWER_EVENTS)
		take_last_frame(r, how == END_OK);
	if (how != END_OK)
		broke_off(r, how, exchange_fault(x));
	else if (!r->pass_only && (r->mode == ANSWER_WHOLE || r->mode == ANSWER_PASS))
		meter_whole(r);
	r->exchange = NULL;
	r->answer_done = true;
	gate_run(r);
}

void answer_client_left(struct request *r)
{
	const struct gate_config *conf = r->worker->gate->conf;
	if (!r->exchange)
		return;
	if (r->pass_only && r->surface->bill != BILL_JOB) {
		exchange_abort(r->exchange);
		return;
	}
	atomic_fetch_add_explicit(&r->worker->stats.client_left, 1, memory_order_relaxed);
	r->call.outcome = OUTCOME_CLIENT_LEFT;
	r->drain_left_bytes = (int64_t)conf->drain.bytes;
	exchange_limit_us(r->exchange, (uint64_t)conf->drain.time_us);
	exchange_resume(r->exchange);
}

const struct exchange_handler answer_handler = {on_head, on_body, on_done};
