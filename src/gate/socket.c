/* SPDX-License-Identifier: Apache-2.0
 *
 * See socket.h. A session's two readers, its turns, and its end.
 *
 *   client  --frames-->  ask     --asks?--> turn: features allow cap note --forward-->  vendor
 *   client  <--frames--  answer  <-- held while the turn settles: price, row --  see  <--frames--  vendor
 *
 * The struct socket lives from the upgrade until the vendor's side is over and no turn is left. Whoever walks through
 * it counts itself in `busy`; the last one out looks whether that end has come.
 */
#include "gate/socket_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/intern.h"
#include "base/log.h"

enum { CLOSE_WAIT_US = 2000000, KEEP_BYTES = 64 * 1024 }; /* one large message's memory does not stay for the session */

const struct socket_kind socket_kinds[] = {
	{"/v1/realtime", API_OPENAI, "openai-realtime", true, true, realtime_asks, realtime_features, realtime_see},
	{"/v1/responses", API_OPENAI, "openai-responses", false, true, responses_asks, responses_features,
	 responses_see},
	{"/ws/google.ai.generativelanguage.*", API_GEMINI, "gemini-live", true, false, live_asks, live_features,
	 live_see},
};
const unsigned socket_kind_count = sizeof socket_kinds / sizeof *socket_kinds;

static const struct socket_kind *find_kind(enum vendor_api api, struct str path)
{
	for (unsigned i = 0; i < socket_kind_count; i++) {
		const struct socket_kind *k = &socket_kinds[i];
		struct str pattern = str_of(k->path);
		bool open = pattern.p[pattern.n - 1] == '*';
		if (k->api == api &&
		    (open ? str_starts(path, str_sub(pattern, 0, pattern.n - 1)) : str_eq(path, pattern)))
			return k;
	}
	return NULL;
}

static struct gate *gate_of(const struct socket *s)
{
	return s->session->worker->gate;
}

static void unlink_socket(struct socket *s)
{
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
}

void socket_free(struct request *session)
{
	struct socket *s = session->socket;
	session->socket = NULL;
	unlink_socket(s);
	sb_fini(&s->ask);
	sb_fini(&s->ask_text);
	sb_fini(&s->answer);
	sb_fini(&s->answer_text);
	sb_fini(&s->client_control);
	sb_fini(&s->vendor_control);
	sb_fini(&s->behind);
	free(s);
}

/* ---- the end */

/* Is all over? Then the session goes on to its own end, and s is gone. */
static void look_for_end(struct socket *s)
{
	struct request *r = s->session;
	if (s->busy || s->turns || s->ending || r->exchange)
		return;
	socket_free(r);
	r->upstream_end = END_OK;
	r->answer_done = true;
	gate_run(r);
}

static void enter(struct socket *s)
{
	s->busy++;
}

static void leave(struct socket *s)
{
	if (!--s->busy)
		look_for_end(s);
}

/* ---- sending */

static void to_client(struct socket *s, struct str bytes)
{
	struct request *r = s->session;
	long queued;
	if (!r->client || s->client_over || !bytes.n)
		return;
	atomic_fetch_add_explicit(&r->worker->stats.bytes_out, bytes.n, memory_order_relaxed);
	queued = stream_send(r->client, bytes);
	if (queued > (long)r->worker->gate->limits.out_bytes && r->exchange)
		exchange_pause(r->exchange);
}

static void to_vendor(struct socket *s, struct str bytes)
{
	struct request *r = s->session;
	long queued = r->exchange && !s->closing ? exchange_send(r->exchange, bytes) : 0;
	if (queued < 0 && r->exchange)
		exchange_abort(r->exchange); /* a message that cannot be sent whole must not be sent in part */
	else if (queued > (long)r->worker->gate->limits.out_bytes && r->client)
		stream_pause(r->client);
}

/* Tells the vendor that this is over, and gives it a moment to say so too. */
static void close_vendor(struct socket *s)
{
	struct request *r = s->session;
	unsigned char mask[4];
	struct sb frame;
	if (!r->exchange || s->closing)
		return;
	hash_random(mask, sizeof mask);
	sb_init(&frame, 256);
	ws_write_close(&frame, WS_CLOSE_AWAY, str_make("", 0), mask);
	to_vendor(s, sb_str(&frame));
	sb_fini(&frame);
	s->closing = true;
	exchange_limit_us(r->exchange, CLOSE_WAIT_US);
	exchange_resume(r->exchange);
}

static bool under_way(const struct socket *s)
{
	for (unsigned i = 0; i < s->turns; i++)
		if (!s->turn[i]->answer_done)
			return true;
	return false;
}

/* Nobody listens any more: what is under way is drained so that its cost is known, the rest ends. */
static void drain(struct socket *s)
{
	struct request *r = s->session;
	const struct gate_config *conf = r->worker->gate->conf;
	if (s->leaving || !r->exchange)
		return;
	s->leaving = true;
	if (!under_way(s)) {
		close_vendor(s);
		return;
	}
	for (unsigned i = 0; i < s->turns; i++)
		if (!s->turn[i]->answer_done)
			s->turn[i]->call.outcome = OUTCOME_CLIENT_LEFT;
	atomic_fetch_add_explicit(&r->worker->stats.client_left, 1, memory_order_relaxed);
	r->drain_left_bytes = (int64_t)conf->drain.bytes;
	exchange_limit_us(r->exchange, (uint64_t)conf->drain.time_us);
	if (!s->ending)
		exchange_resume(r->exchange);
}

/* Our own last word to the client. */
static void close_client(struct socket *s, unsigned code, const char *reason)
{
	struct sb frame;
	if (!s->session->client || s->client_over)
		return;
	sb_init(&frame, 256);
	ws_write_close(&frame, code, str_of(reason), NULL);
	to_client(s, sb_str(&frame));
	sb_fini(&frame);
	s->client_over = true;
	stream_end(s->session->client);
}

/* A refusal or a fault of ours as the vendor would tell it; body is {"error": ...}. */
static void tell_error(struct socket *s, unsigned status, struct call_id id, struct str body)
{
	char text[CALL_ID_TEXT];
	struct sb event, frame;
	if (!s->kind->error_event || body.n < 2)
		return;
	sb_init(&event, 8192);
	sb_init(&frame, 16384);
	sb_addf(&event, "{\"type\":\"error\",\"event_id\":\"event_%s\",\"status\":%u,", call_id_text(id, text), status);
	sb_add_str(&event, str_sub(body, 1, body.n));
	ws_write(&frame, WS_TEXT, sb_str(&event), NULL);
	if (!event.full)
		to_client(s, sb_str(&frame));
	sb_fini(&event);
	sb_fini(&frame);
}

/* ---- caps: one response ahead */

/* Is there anything left at all? For what cannot be bounded before it is asked for. */
static int probe(const struct request *r, struct cap_refusal *no)
{
	struct caps *caps = r->worker->gate->caps;
	struct cap_ask ask = {.who = {r->call.key, r->call.team, r->call.feature, r->call.model_asked, r->call.env},
			      .currency = USD, .priced = true, .most_pico = 1, .likely_pico = 1, .most_tok = 1,
			      .likely_tok = 1};
	struct cap_ticket ticket;
	bool warn;
	int rc = caps_reserve(caps, &ask, &ticket, no, &warn);
	if (!rc)
		caps_settle(caps, &ticket, 0, 0);
	return rc;
}

/* Reserves the next response, where the vendor may begin it. 0 or -RR_BUDGET. */
static int arm(struct socket *s, struct cap_refusal *no)
{
	struct request *r = s->session;
	if (!caps_any(gate_of(s)->caps) || r->ticket.count || under_way(s))
		return 0;
	if (!s->kind->ahead || !s->model[0])
		return probe(r, no);
	s->kind->features(s, r);
	r->call.model_asked = intern(r->features.model);
	settle_bound(r);
	return gate_reserve(r, no);
}

static void arm_again(struct socket *s)
{
	struct cap_refusal no;
	struct sb body;
	char why[320];
	if (s->leaving || s->client_over || !arm(s, &no))
		return;
	snprintf(why, sizeof why, "Refused by cap %s: %s.", no.cap_id, no.why);
	sb_init(&body, 8192);
	api_error_body(s->kind->api, APIERR_BUDGET, str_of(why), str_make("", 0), &body);
	tell_error(s, api_error_status(APIERR_BUDGET), s->session->call.id, sb_str(&body));
	sb_fini(&body);
	close_client(s, WS_CLOSE_POLICY, why);
	drain(s);
}

enum turn socket_cap(struct request *r)
{
	struct cap_refusal no;
	return arm(r->socket, &no) ? gate_refuse_budget(r, &no) : NEXT;
}

/* ---- turns */

static struct request *turn_new(struct socket *s, const struct surface *surface)
{
	struct request *of = s->session, *r = s->turns < SOCKET_TURNS ? request_get(of->worker, NULL) : NULL;
	struct worker *w = of->worker;
	if (!r)
		return NULL;
	r->turn_of = s;
	r->surface = surface;
	r->up = of->up;
	r->who = of->who;
	r->who.clamp = false; /* a lower limit would have to be written into the client's message */
	r->path = of->path;
	r->query = of->query;
	r->mode = ANSWER_EVENTS;
	r->status = 200;
	r->call.start_us = loop_real_us(w->loop);
	r->call.id = call_id_make(r->call.start_us, w->salt, ++w->ids);
	r->call.operation = of->call.operation;
	r->call.provider = of->call.provider;
	r->call.region = of->call.region;
	r->call.surface = intern(str_of(surface->name));
	r->call.key = of->call.key;
	r->call.team = of->call.team;
	r->call.feature = of->call.feature;
	r->call.env = of->call.env;
	r->trace = of->trace;
	r->limits = of->limits;
	if (of->place >= 0) /* the session was let in: its turns are held to the rates alone */
		r->place = rate_enter(w->gate->rate, r->call.key, 0);
	s->turn[s->turns++] = r;
	return r;
}

static bool has_turn(const struct socket *s, const struct request *r)
{
	for (unsigned i = 0; i < s->turns; i++)
		if (s->turn[i] == r)
			return true;
	return false;
}

struct request *socket_begin(struct socket *s, bool asked)
{
	struct request *r = turn_new(s, surface_by_name(s->kind->surface));
	if (!r) {
		close_client(s, WS_CLOSE_POLICY, "too many responses at once");
		drain(s);
		return NULL;
	}
	r->begun = !asked;
	if (asked && r->surface->json_body)
		sb_add_str(&r->body, sb_str(&s->ask_text));
	if (s->kind->ahead)
		r->ticket = caps_ticket_take(&s->session->ticket);
	if (s->leaving)
		r->call.outcome = OUTCOME_CLIENT_LEFT;
	gate_turn(r, false);
	gate_run(r);
	return has_turn(s, r) && !r->answer_done ? r : NULL;
}

struct request *socket_whole(struct socket *s, const char *surface, struct str model)
{
	struct request *r = turn_new(s, surface_by_name(surface));
	if (!r)
		return NULL;
	r->begun = true;
	r->features.model = arena_str(&r->arena, model);
	r->call.model_asked = intern(model);
	r->call.streamed = 1;
	meter_init(&r->meter, r->surface, &r->features);
	gate_turn(r, true);
	return r;
}

struct request *socket_turn(struct socket *s, struct str id)
{
	for (unsigned i = 0; i < s->turns; i++) {
		struct request *r = s->turn[i];
		if (!r->answer_done && (id.n ? str_eqc(id, r->meter.request_id) : !r->meter.request_id[0]))
			return r;
	}
	return NULL;
}

void socket_first_content(struct request *r)
{
	uint64_t us = loop_now_us(r->worker->loop) - r->began_us;
	r->meter.first_content = true;
	if (!r->call.ttft_us)
		r->call.ttft_us = us > UINT32_MAX ? UINT32_MAX : us ? (uint32_t)us : 1;
}

void socket_features(struct request *r)
{
	struct socket *s = r->turn_of ? r->turn_of : r->socket;
	r->features.stream = true;
	s->kind->features(s, r);
}

static void vendor_read(struct socket *s, struct str in);

/* The vendor's bytes go on behind the message that was held. */
static void go_on(struct socket *s)
{
	struct request *r = s->session;
	struct sb behind = s->behind;
	if (s->ending)
		return;
	sb_init(&s->behind, behind.limit);
	vendor_read(s, sb_str(&behind));
	sb_fini(&behind);
	if (!s->ending && r->exchange && (!r->client || stream_queued(r->client) <= r->worker->gate->limits.out_bytes))
		exchange_resume(r->exchange);
}

static void forget(struct socket *s, struct request *r)
{
	for (unsigned i = 0; i < s->turns; i++)
		if (s->turn[i] == r) {
			memmove(&s->turn[i], &s->turn[i + 1], (s->turns - i - 1) * sizeof(struct request *));
			s->turns--;
			break;
		}
	r->turn_of = NULL;
}

void socket_release(struct request *r)
{
	struct socket *s = r->turn_of;
	bool refused = r->call.outcome == OUTCOME_REFUSED;
	enter(s);
	r->released = r->ended = true;
	if (refused)
		tell_error(s, r->status, r->call.id, sb_str(&r->answer));
	if (refused && r->no_retry) { /* a cap */
		close_client(s, WS_CLOSE_POLICY, "a budget is used up");
		drain(s);
	}
	if (s->ending == r) {
		to_client(s, sb_str(&s->answer));
		sb_clear_most(&s->answer, KEEP_BYTES);
		sb_clear_most(&s->answer_text, KEEP_BYTES);
		s->ending = NULL;
	}
	forget(s, r);
	arm_again(s);
	if (s->leaving && !under_way(s))
		close_vendor(s);
	if (s->busy == 1)
		go_on(s);
	leave(s);
}

void socket_unrecorded(struct request *r)
{
	struct socket *s = r->turn_of;
	enter(s);
	if (s->ending == r)
		s->ending = NULL;
	forget(s, r);
	if (s->session->client && !s->client_over)
		stream_abort(s->session->client);
	s->client_over = true;
	if (s->session->exchange)
		exchange_abort(s->session->exchange);
	leave(s);
}

/* ---- the client's side */

static void client_message(struct socket *s)
{
	uint32_t models = s->session->who.models;
	bool named = s->model[0], asks = s->kind->asks(s, sb_str(&s->ask_text));
	if (!named && s->model[0]) { /* the session's model stands in this message */
		if (models && !auth_list_allows(intern_str(models), str_of(s->model))) {
			close_client(s, WS_CLOSE_POLICY, "this key may not use that model");
			drain(s);
			return;
		}
		arm_again(s);
	}
	if (s->client_over)
		return;
	if (asks)
		socket_begin(s, true); /* forwards it, or not */
	else
		to_vendor(s, sb_str(&s->ask));
}

static void client_control(struct socket *s, const struct ws_piece *p)
{
	sb_add_str(&s->client_control, p->raw);
	if (!p->frame_end)
		return;
	if (p->opcode == WS_CLOSE && under_way(s)) {
		/* The client has left; the vendor's responses are read to their end all the same. */
		struct sb frame;
		sb_init(&frame, 256);
		ws_write(&frame, WS_CLOSE, p->control_payload, NULL);
		to_client(s, sb_str(&frame));
		sb_fini(&frame);
		s->client_over = true;
		stream_end(s->session->client);
		drain(s);
	} else {
		to_vendor(s, sb_str(&s->client_control));
	}
	sb_clear(&s->client_control);
}

void socket_bytes(struct request *r, struct str in)
{
	struct socket *s = r->socket;
	struct ws_piece piece;
	const char *fault = NULL;
	if (!s->open || s->client_over)
		return;
	atomic_fetch_add_explicit(&r->worker->stats.bytes_in, in.n, memory_order_relaxed);
	enter(s);
	while (in.n && !s->client_over) {
		long n = ws_next(&s->client, in.p, in.n, &piece, &s->ask_text, &fault);
		if (n < 0) {
			LOG(LOG_INFO, "websocket_client_fault", LOG_S("why", str_of(fault)));
			close_client(s, s->client.close_code, fault);
			drain(s);
			break;
		}
		in = str_sub(in, (size_t)n, in.n);
		if (piece.control) {
			client_control(s, &piece);
			continue;
		}
		sb_add_str(&s->ask, piece.raw);
		if (s->ask.full) {
			close_client(s, WS_CLOSE_TOO_LARGE, "a message of too many frames");
			drain(s);
			break;
		}
		if (piece.message_end) {
			client_message(s);
			sb_clear_most(&s->ask, KEEP_BYTES);
			sb_clear_most(&s->ask_text, KEEP_BYTES);
		}
	}
	leave(s);
}

void socket_drained(struct request *r)
{
	if (r->exchange && !r->socket->ending)
		exchange_resume(r->exchange);
}

void socket_client_left(struct request *r)
{
	struct socket *s = r->socket;
	enter(s);
	s->client_over = true;
	if (r->exchange && !s->open)
		exchange_abort(r->exchange);
	else
		drain(s);
	leave(s);
}

void socket_stop(struct worker *w)
{
	for (struct socket *s = w->sockets, *next; s; s = next) {
		next = s->next;
		enter(s);
		if (s->open && !under_way(s)) {
			close_client(s, WS_CLOSE_AWAY, "the gateway stops");
			drain(s);
		}
		leave(s);
	}
}

/* ---- the vendor's side */

static void vendor_message(struct socket *s)
{
	struct request *r = s->kind->see(s, sb_str(&s->answer_text));
	atomic_fetch_add_explicit(&s->session->worker->stats.events, 1, memory_order_relaxed);
	if (!r) {
		to_client(s, sb_str(&s->answer));
		sb_clear_most(&s->answer, KEEP_BYTES);
		sb_clear_most(&s->answer_text, KEEP_BYTES);
		return;
	}
	s->ending = r;
	if (s->session->exchange)
		exchange_pause(s->session->exchange);
	r->answer_done = true;
	gate_run(r);
}

static void vendor_control(struct socket *s, const struct ws_piece *p)
{
	sb_add_str(&s->vendor_control, p->raw);
	if (!p->frame_end)
		return;
	to_client(s, sb_str(&s->vendor_control));
	sb_clear(&s->vendor_control);
	if (p->opcode == WS_CLOSE) /* it was the vendor's last word, or its answer to ours */
		exchange_limit_us(s->session->exchange, CLOSE_WAIT_US);
}

static void vendor_fault(struct socket *s, const char *fault)
{
	LOG(LOG_WARN, "websocket_vendor_fault", LOG_S("why", str_of(fault)));
	close_client(s, WS_CLOSE_ERROR, "the vendor's frames are broken");
	s->leaving = true;
	if (s->session->exchange)
		exchange_abort(s->session->exchange);
}

static void vendor_read(struct socket *s, struct str in)
{
	struct ws_piece piece;
	const char *fault = NULL;
	enter(s);
	while (in.n && !s->ending && s->session->exchange) {
		long n = ws_next(&s->vendor, in.p, in.n, &piece, &s->answer_text, &fault);
		if (n < 0) {
			vendor_fault(s, fault);
			break;
		}
		in = str_sub(in, (size_t)n, in.n);
		if (piece.control) {
			vendor_control(s, &piece);
			continue;
		}
		sb_add_str(&s->answer, piece.raw);
		if (s->answer.full) {
			vendor_fault(s, "a message of too many frames");
			break;
		}
		if (piece.message_end)
			vendor_message(s);
	}
	if (s->ending)
		sb_add_str(&s->behind, in);
	if (s->behind.full)
		vendor_fault(s, "more waits than there is room for");
	leave(s);
}

static void on_head(struct exchange *x, const struct head *h)
{
	struct request *r = exchange_user(x);
	struct socket *s = r->socket;
	const struct head *asked = r->client ? stream_head(r->client) : NULL;
	const char *wrong;
	if (h->status != 101) {
		s->plain = true;
		answer_handler.on_head(x, h);
		return;
	}
	wrong = asked ? ws_check_answer(h, str_trim(head_get(asked, "sec-websocket-key")),
					head_get(asked, "sec-websocket-protocol"))
		      : "the client has left";
	if (!wrong && forward_switch(r, h))
		wrong = "the client cannot switch";
	if (wrong) {
		LOG(LOG_WARN, "websocket_refused", LOG_S("why", str_of(wrong)));
		exchange_abort(x);
		return;
	}
	s->open = true;
	atomic_fetch_add_explicit(&r->worker->stats.streams, 1, memory_order_relaxed);
}

static void on_body(struct exchange *x, struct str bytes)
{
	struct request *r = exchange_user(x);
	struct socket *s = r->socket;
	if (s->plain) {
		answer_handler.on_body(x, bytes);
		return;
	}
	if (s->leaving) {
		r->drain_left_bytes -= (int64_t)bytes.n;
		if (r->drain_left_bytes < 0 && !s->closing) {
			exchange_abort(x);
			return;
		}
	}
	vendor_read(s, bytes);
}

/* The vendor is gone; what was under way has no end of its own. */
static void cut_turns(struct socket *s)
{
	struct request *r;
	for (unsigned i = 0; i < s->turns;) {
		r = s->turn[i];
		if (r->answer_done) {
			i++;
			continue;
		}
		if (r->call.outcome == OUTCOME_OK)
			r->call.outcome = s->session->client && !s->client_over ? OUTCOME_UPSTREAM
									: OUTCOME_CLIENT_LEFT;
		if (s->kind->ahead)
			realtime_estimate(s, r);
		r->answer_done = true;
		gate_run(r);
		i = 0; /* it may be gone */
	}
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct request *r = exchange_user(x);
	struct socket *s = r->socket;
	if (!s->open) {
		socket_free(r);
		answer_handler.on_done(x, how);
		return;
	}
	enter(s);
	r->exchange = NULL;
	s->leaving = true;
	cut_turns(s);
	leave(s);
}

static void on_drained(struct exchange *x)
{
	struct request *r = exchange_user(x);
	if (r->client)
		stream_resume(r->client);
}

static const struct exchange_handler handler = {on_head, on_body, on_done, on_drained};

/* ---- the gate's steps */

enum turn socket_identify(struct request *r)
{
	const struct head *h = stream_head(r->client);
	const struct socket_kind *kind;
	const char *fault = NULL;
	struct socket *s;
	unsigned status;
	if (!ws_wants_upgrade(h))
		return WAIT;
	r->pass_only = true; /* its turns are the calls */
	kind = find_kind(r->up->api, r->path);
	if (!kind) {
		enum turn turn = gate_refuse(r, APIERR_NOT_FOUND,
					     "No websocket is forwarded on this path: what passes in it could not be "
					     "metered or held by a cap. Ask without the upgrade, or on /v1/realtime, /v1/responses "
					     "or Gemini's live path.");
		r->status = 501;
		return turn;
	}
	status = ws_check_request(h, &fault);
	if (status) {
		enum turn turn = gate_refuse(r, APIERR_BAD_REQUEST, "%s", fault);
		r->status = status;
		return turn;
	}
	s = calloc(1, sizeof *s);
	if (!s)
		return gate_refuse(r, APIERR_OVERLOADED, "No memory for another session.");
	s->session = r;
	s->kind = kind;
	r->surface = surface_by_name(kind->surface);
	r->call.surface = intern(str_of(kind->surface));
	ws_reader_init(&s->client, true, SOCKET_MESSAGE_BYTES);
	ws_reader_init(&s->vendor, false, SOCKET_MESSAGE_BYTES);
	sb_init(&s->ask, 2 * (size_t)SOCKET_MESSAGE_BYTES);
	sb_init(&s->ask_text, SOCKET_MESSAGE_BYTES);
	sb_init(&s->answer, 2 * (size_t)SOCKET_MESSAGE_BYTES);
	sb_init(&s->answer_text, SOCKET_MESSAGE_BYTES);
	sb_init(&s->client_control, 256);
	sb_init(&s->vendor_control, 256);
	sb_init(&s->behind, 2 * (size_t)SOCKET_MESSAGE_BYTES);
	s->prev = &r->worker->sockets;
	s->next = r->worker->sockets;
	if (s->next)
		s->next->prev = &s->next;
	r->worker->sockets = s;
	r->socket = s;
	return NEXT;
}

enum turn socket_forward(struct request *r)
{
	if (!r->turn_of) {
		if (!r->client)
			return OVER;
		return forward_upgrade(r, &handler)
			       ? gate_refuse(r, APIERR_OVERLOADED, "No memory for another session.")
			       : NEXT;
	}
	if (!r->begun)
		to_vendor(r->turn_of, sb_str(&r->turn_of->ask));
	return NEXT;
}
