/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/2 connections of the server: their life and what comes in. h2_server_stream.c: what goes out. A connection
 * begins in server_h1.c, comes here when ALPN chose h2 or its first bytes are HTTP/2's preface, and goes back there
 * to linger when its session is over.
 *
 * 1. Applications see the same struct stream as over HTTP/1.1 (server.h); what is HTTP/2's about one stands in
 *    struct h2_stream, in the stream's arena.
 * 2. Bytes wait where the peer's window can see them: an answer in its stream's own queue, from where nghttp2
 *    pulls what the windows allow; at most H2_PACK_BYTES of frames are packed ahead of the kernel. A request's
 *    body is at most one window, and its window opens only when the application has taken the bytes.
 * 3. The session sends in h2_work alone, deferred to the end of the round; nothing calls back from within stream_*.
 * 4. A stream is told to be over (END_OK) when the kernel has its last byte.
 * 5. Deadlines are the connection's one (deadline.h): the nearest of its head, its bodies, its stalled answers.
 *    Frames that carry nothing do not move it.
 */
#include <stdlib.h>

#include "base/memory.h"

#include "net/h2_server_int.h"
#include "net/tls_io.h"

enum { FEED_BYTES = 16 * 1024 };

void h2_end_session(struct h2 *h, uint32_t code)
{
	if (!h->over)
		nghttp2_session_terminate_session(h->session, code);
	h->over = true;
	due_by(h->c, now_of(h) + DRAIN_WAIT_US);
	conn_schedule(h->c);
}

/* Answers it ourselves; the application knows nothing of it, or no more. */
static void h2_refuse(struct h2 *h, struct stream *s, unsigned status, const char *fault)
{
	struct server *srv = h->c->srv;
	bool json = srv->handler->on_bad_request != NULL;
	struct header type = {STR("content-type"), json ? STR("application/json") : STR("text/plain")};
	struct sb body;
	s->h2->own = true;
	s->paused = false;
	sb_init(&body, 16 * 1024);
	if (json)
		srv->handler->on_bad_request(srv->config.app, status, fault, s->head.target, &body);
	else
		sb_addf(&body, "%u %s: %s\n", status, h1_reason(status), fault);
	if (body.full || stream_respond(s, status, &type, 1, (int64_t)body.n) || stream_send(s, sb_str(&body)) < 0 ||
	    stream_end(s))
		h2_reset(h, s, NGHTTP2_INTERNAL_ERROR, END_ABORTED);
	sb_fini(&body);
	if (!h2_budget_reset(&h->budget, now_of(h)))
		h2_end_session(h, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* The request that is under way cannot be read on. */
static void h2_fail(struct h2 *h, struct stream *s, unsigned status, enum http_end how, const char *fault)
{
	if (s->responded || s->h2->own) {
		h2_reset(h, s, NGHTTP2_CANCEL, how);
		return;
	}
	h->c->srv->handler->on_closed(s, how);
	s->user = NULL;
	h2_refuse(h, s, status, fault);
}

/* ---- what comes in: nghttp2's callbacks */

static void h2_tell_body(struct stream *s)
{
	struct h2_stream *x = s->h2;
	struct h2 *h = s->c->h2;
	const struct server_handler *to = s->srv->handler;
	while (x->in.n && !s->paused && !x->own && !s->ended && !h2_is_over(s)) {
		struct str front = buf_front(&x->in);
		char piece[FEED_BYTES];
		size_t n = front.n < sizeof piece ? front.n : sizeof piece;
		memcpy(piece, front.p, n);
		buf_drop(&x->in, n);
		nghttp2_session_consume_stream(h->session, x->id, n);
		if (to->on_body)
			to->on_body(s, str_make(piece, n));
	}
	if (s->ended && x->in.n) {
		nghttp2_session_consume_stream(h->session, x->id, x->in.n);
		buf_drop(&x->in, x->in.n);
	}
	if (!s->body.done || s->body_ended || s->paused || s->ended || x->own || x->in.n || h2_is_over(s))
		return;
	s->body_ended = true;
	if (to->on_body_end)
		to->on_body_end(s);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
	struct h2 *h = user;
	struct stream *s;
	h->head_of = NULL;
	if (f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (f->hd.stream_id > h->last_id + 2) {
		h->gap_from = h->last_id + 2;
		h->gap_to = f->hd.stream_id - 2;
	}
	h->last_id = f->hd.stream_id;
	s = h2_stream_open(h, f->hd.stream_id);
	if (!s)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(session, f->hd.stream_id, s);
	h->head_of = s;
	h2_lines_begin(&h->lines, h->c->srv->limits);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t name_n,
		     const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct h2 *h = user;
	(void)session, (void)f, (void)flags;
	if (!h->head_of)
		return 0; /* a trailer */
	return h2_lines_add(&h->lines, str_make((const char *)name, name_n), str_make((const char *)value, value_n),
			    h->c->srv->limits);
}

static int on_bad_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t name_n,
			 const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	(void)name, (void)name_n, (void)value, (void)value_n, (void)flags, (void)user;
	nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, f->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void h2_request(struct h2 *h, struct stream *s, bool whole)
{
	struct server *srv = h->c->srv;
	const struct http_limits *l = srv->limits;
	const char *fault = NULL;
	int rc = h2_lines_request(&h->lines, &s->arena, &s->head, l, &fault);
	h2_lines_fini(&h->lines);
	h->head_of = NULL;
	h->head_from_us = 0;
	s->body.done = whole;
	s->body_from_us = now_of(h);
	if (rc == -RR_NOMEM) {
		h2_reset(h, s, NGHTTP2_INTERNAL_ERROR, END_ABORTED);
	} else if (rc) {
		h2_refuse(h, s, rc == -RR_SYNTAX ? 400 : fault == h1_long_line ? 414 : 431, fault);
	} else if (s->head.content_length > 0 && (uint64_t)s->head.content_length > l->body_bytes) {
		h2_refuse(h, s, 413, "the body is too large");
	} else {
		s->h2->own = false;
		if (!whole)
			due_by(h->c, stream_body_due_us(s));
		srv->handler->on_request(srv->config.app, s);
		if (s->head.expect_continue && !whole && !s->responded && !s->paused && !h2_is_over(s)) {
			nghttp2_nv nv = h2_nv(STR(":status"), STR("100"));
			nghttp2_submit_headers(h->session, NGHTTP2_FLAG_NONE, s->h2->id, NULL, &nv, 1, NULL);
		}
		if (whole)
			h2_tell_body(s);
	}
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct h2 *h = user;
	(void)session;
	if (hd->type != NGHTTP2_CONTINUATION)
		h->head_from_us = 0; /* nothing else may stand within a head */
	/* A stream that was passed over is closed (RFC 9113 5.1.1); nghttp2 would wait in silence. */
	if (hd->type == NGHTTP2_HEADERS && h->gap_from && hd->stream_id >= h->gap_from && hd->stream_id <= h->gap_to)
		h2_end_session(h, NGHTTP2_PROTOCOL_ERROR);
	if (hd->type == NGHTTP2_HEADERS) {
		h->head_id = hd->stream_id;
		h->head_from_us = now_of(h) | 1; /* 0 = none is coming */
		due_by(h->c, h->head_from_us + h->c->srv->limits->head_us);
	}
	if (!h2_budget_frame(&h->budget, now_of(h), hd))
		h2_end_session(h, NGHTTP2_ENHANCE_YOUR_CALM);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
	struct h2 *h = user;
	struct stream *s;
	bool last = f->hd.flags & NGHTTP2_FLAG_END_STREAM;
	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		if (f->hd.type == NGHTTP2_HEADERS)
			h->head_from_us = 0;
		s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
		if (!s || s->h2->closed)
			return 0;
		if (f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_REQUEST) {
			if (h->head_of == s)
				h2_request(h, s, last);
		} else if (last) {
			s->body.done = true;
			h2_tell_body(s);
		}
		return 0;
	case NGHTTP2_RST_STREAM:
		s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
		if (s)
			s->h2->peer_reset = true;
		if (!h2_budget_reset(&h->budget, now_of(h)))
			h2_end_session(h, NGHTTP2_ENHANCE_YOUR_CALM);
		return 0;
	case NGHTTP2_PING: /* the answer to ours: what the client sent before it knew of the drain is here */
		if (f->hd.flags & NGHTTP2_FLAG_ACK && h->drain_by_us)
			h->drain_by_us = 1, due_by(h->c, now_of(h));
		return 0;
	default:
		return 0;
	}
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *user)
{
	struct h2 *h = user;
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);
	(void)flags;
	nghttp2_session_consume_connection(session, n);
	if (!s || h2_is_over(s) || s->ended || s->h2->own) {
		nghttp2_session_consume_stream(session, id, n);
		return 0;
	}
	s->body_bytes += n;
	if (s->body_bytes > s->srv->limits->body_bytes) {
		h2_fail(h, s, 413, END_TOO_LARGE, "the body is too large");
		nghttp2_session_consume_stream(session, id, n);
	} else if (s->paused || s->h2->in.n) {
		if (buf_add(&s->h2->in, (const char *)p, n))
			h2_reset(h, s, NGHTTP2_INTERNAL_ERROR, END_ABORTED);
	} else {
		if (s->srv->handler->on_body)
			s->srv->handler->on_body(s, str_make((const char *)p, n));
		nghttp2_session_consume_stream(session, id, n);
	}
	return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
	struct h2 *h = user;
	struct stream *s = f->hd.stream_id ? nghttp2_session_get_stream_user_data(session, f->hd.stream_id) : NULL;
	if (f->hd.type == NGHTTP2_DATA) {
		h2_budget_earn(&h->budget);
		if (s && f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
			s->h2->end_packed = true;
			if (!s->body.done) /* nobody wants the rest (RFC 9113 8.1) */
				nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->h2->id, NGHTTP2_NO_ERROR);
		}
	}
	if (f->hd.type == NGHTTP2_RST_STREAM && f->hd.stream_id == h->head_id)
		h->head_from_us = 0;
	/* Each reset that the peer's own fault brought about costs it as one of its own would. */
	if (f->hd.type == NGHTTP2_RST_STREAM && (!s || (!s->h2->reset && !s->h2->end_packed)) &&
	    !h2_budget_reset(&h->budget, now_of(h)))
		h2_end_session(h, NGHTTP2_ENHANCE_YOUR_CALM);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2 *h = user;
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);
	struct h2_stream *x;
	(void)code;
	if (!s)
		return 0;
	x = s->h2;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	x->closed = true;
	x->told_at = h->packed;
	if (!x->end_packed && !x->reset)
		h2_stream_gone(h, s, x->peer_reset ? END_PEER_RESET : END_BAD_SYNTAX);
	else if (!x->end_packed)
		h2_stream_gone(h, s, x->how);
	else
		x->how = END_OK; /* when the kernel has it */
	return 0;
}

/* ---- the connection */

static void h2_feed(struct h2 *h, const char *p, size_t n)
{
	ssize_t used;
	if (h->over)
		return;
	used = nghttp2_session_mem_recv(h->session, (const uint8_t *)p, n);
	if (used < 0)
		h2_end_session(h, used == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM
				  : used == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR
							      : NGHTTP2_PROTOCOL_ERROR);
}

static void h2_read(struct conn *c)
{
	struct h2 *h = c->h2;
	char *scratch = loop_scratch(c->srv->loop);
	long n = wire_read(&c->w, scratch, LOOP_SCRATCH_BYTES);
	if (n == WIRE_AGAIN)
		return;
	if (n <= 0) {
		conn_kill(c, n == WIRE_END ? END_PEER_CLOSED : END_PEER_RESET);
		return;
	}
	h2_feed(h, scratch, (size_t)n);
	conn_schedule(c);
	c->poke = wire_has_more(&c->w);
}

/* Frames into c->out while there is little in it, and from there to the kernel. */
static void h2_pump(struct conn *c)
{
	struct h2 *h = c->h2;
	while (!c->dead) {
		bool dry = false;
		while (c->out.n < H2_PACK_BYTES) {
			const uint8_t *p;
			ssize_t n = nghttp2_session_mem_send(h->session, &p);
			if (n <= 0) {
				dry = true;
				if (n < 0)
					conn_kill(c, END_ABORTED);
				break;
			}
			h->packed += (uint64_t)n;
			if (buf_add(&c->out, (const char *)p, (size_t)n))
				conn_kill(c, END_ABORTED);
		}
		if (!c->dead)
			conn_flush(c);
		if (dry || c->blocked)
			return;
	}
}

static void h2_settle(struct h2 *h)
{
	struct conn *c = h->c;
	const struct server_handler *to = c->srv->handler;
	uint64_t out = h->packed - c->out.n;
	struct stream *s, *next;
	for (s = h->first; s; s = next) {
		next = s->h2->next;
		if (s->h2->closed) {
			if (s->h2->told_at <= out || s->h2->how != END_OK) {
				bool close_after = s->close_after;
				h2_stream_gone(h, s, s->h2->how);
				if (close_after)
					conn_drain(c);
			}
			continue;
		}
		if (!s->paused && (s->h2->in.n || (s->body.done && !s->body_ended)))
			h2_tell_body(s);
		if (s->above_mark && !s->ended && !s->h2->own && !s->h2->reset &&
		    s->h2->out.n <= http_out_mark(c->srv->limits) / 2) {
			s->above_mark = false;
			if (to->on_drained)
				to->on_drained(s);
		}
	}
}

/* Every stream is over, but the kernel has not taken all of them yet. */
static bool h2_only_waits(const struct h2 *h)
{
	const struct stream *s = h->first;
	while (s && s->h2->closed)
		s = s->h2->next;
	return h->first && !s;
}

/* The session is over; what it queued still goes out. */
static void h2_leave(struct conn *c, enum http_end how)
{
	h2_fini(c, how);
	c->w.io.on_ready = conn_ready;
	conn_linger(c);
	conn_schedule(c);
}

void h2_work(struct conn *c)
{
	struct h2 *h = c->h2;
	if (c->in_n) {
		char *in = c->in;
		uint32_t n = c->in_n;
		memory_resized(c->in_cap, 0);
		c->in = NULL;
		c->in_n = c->in_cap = 0;
		h2_feed(h, in, n);
		free(in);
	}
	if (!c->dead && c->poke) {
		c->poke = false;
		h2_read(c);
	}
	if (!c->dead) {
		h2_pump(c);
		h2_settle(h);
	}
	if (!c->dead && !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session) &&
	    (h->over || !h2_only_waits(h))) {
		h2_leave(c, END_BAD_SYNTAX);
		return;
	}
	if (!c->dead && io_want(&c->w.io, IO_READ | (c->blocked ? IO_WRITE : 0u)))
		conn_kill(c, END_ABORTED);
}

static void on_h2_ready(struct io *io, unsigned ready)
{
	struct conn *c = (struct conn *)(void *)((char *)io - offsetof(struct conn, w.io));
	if (c->dead)
		return;
	if (ready & IO_WRITE)
		conn_schedule(c);
	if (ready & (IO_READ | IO_HANGUP | IO_DEAD))
		h2_read(c);
}

/* The session's callbacks and options; the same for every one. */
static nghttp2_session *session_new(struct h2 *h)
{
	nghttp2_session_callbacks *cb = NULL;
	nghttp2_option *o = h2_options();
	nghttp2_session *session = NULL;
	if (o && !nghttp2_session_callbacks_new(&cb)) {
		nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_bad_header);
		nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
		nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
		nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
		if (nghttp2_session_server_new2(&session, cb, h, o))
			session = NULL;
	}
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(o);
	return session;
}

int h2_open(struct conn *c)
{
	const struct http_limits *l = c->srv->limits;
	nghttp2_settings_entry entries[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)l->head_bytes},
	};
	struct h2 *h = calloc(1, sizeof *h);
	if (!h || !(h->session = session_new(h)) ||
	    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, entries, sizeof entries / sizeof *entries) ||
	    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, H2_LINK_WINDOW)) {
		if (h)
			nghttp2_session_del(h->session);
		free(h);
		return -RR_NOMEM;
	}
	h->c = c;
	h->last_id = -1;
	h2_budget_init(&h->budget, now_of(h));
	h->idle_from_us = now_of(h);
	c->h2 = h;
	c->phase = H2;
	c->looked = 0;
	c->head_from_us = 0;
	c->w.io.on_ready = on_h2_ready;
	deadline_move(&c->srv->deadlines, &c->deadline, h->idle_from_us + l->idle_us);
	if (c->srv->draining)
		conn_drain(c);
	conn_schedule(c);
	return 0;
}

void h2_fini(struct conn *c, enum http_end how)
{
	struct h2 *h = c->h2;
	struct stream *s;
	for (s = h->first; s; s = s->h2->next)
		s->h2->reset = true; /* nothing can be said any more */
	while ((s = h->first)) {
		nghttp2_session_set_stream_user_data(h->session, s->h2->id, NULL);
		h2_stream_gone(h, s, s->h2->closed && s->h2->told_at <= h->packed - c->out.n ? s->h2->how : how);
	}
	nghttp2_session_del(h->session);
	h2_lines_fini(&h->lines);
	free(h);
	c->h2 = NULL;
}

/* New streams are refused from now on, those under way end well. The last stream id is told only after an
 * exchange of PING: what the client sends until then is served (RFC 9113 6.8). */
void h2_drain(struct conn *c)
{
	struct h2 *h = c->h2;
	if (h->drain_by_us || h->over)
		return;
	nghttp2_submit_shutdown_notice(h->session);
	nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
	h->drain_by_us = now_of(h) + DRAIN_WAIT_US;
	due_by(c, h->drain_by_us);
	conn_schedule(c);
}

void h2_late(struct conn *c)
{
	struct h2 *h = c->h2;
	const struct http_limits *l = c->srv->limits;
	uint64_t now = now_of(h), due = DEADLINE_NEVER;
	struct stream *s, *next;
	if (h->over) { /* its last words were not taken in time */
		conn_kill(c, END_TIMEOUT_SLOW);
		return;
	}
	if (h->drain_by_us && now >= h->drain_by_us && !h->final_goaway) {
		h->final_goaway = true;
		nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
				      nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL, 0);
		conn_schedule(c);
	} else if (h->drain_by_us && !h->final_goaway) {
		due = h->drain_by_us;
	}
	if (h->head_from_us && now >= h->head_from_us + l->head_us)
		h2_end_session(h, NGHTTP2_ENHANCE_YOUR_CALM);
	else if (h->head_from_us && h->head_from_us + l->head_us < due)
		due = h->head_from_us + l->head_us;
	if (!h->count && now >= h->idle_from_us + l->idle_us)
		h2_end_session(h, NGHTTP2_NO_ERROR);
	else if (!h->count && h->idle_from_us + l->idle_us < due)
		due = h->idle_from_us + l->idle_us;
	for (s = h->first; s; s = next) {
		struct h2_stream *x = s->h2;
		uint64_t at;
		next = x->next;
		if (x->closed)
			continue;
		if (!s->body.done && !s->paused && h->head_of != s && !s->ended) {
			at = stream_body_due_us(s);
			if (now >= at)
				h2_fail(h, s, 408, END_TIMEOUT_SLOW, "the body comes too slowly");
			else if (at < due)
				due = at;
		}
		if (x->out.n) {
			at = x->out_at_us + l->stream_idle_us;
			if (now >= at)
				h2_reset(h, s, NGHTTP2_CANCEL, END_TIMEOUT_SLOW);
			else if (at < due)
				due = at;
		}
	}
	if (c->blocked && now >= c->out_at_us + l->stream_idle_us)
		conn_kill(c, END_TIMEOUT_SLOW);
	else if (c->blocked && c->out_at_us + l->stream_idle_us < due)
		due = c->out_at_us + l->stream_idle_us;
	if (h->over)
		due = now + DRAIN_WAIT_US;
	if (!c->dead)
		deadline_move(&c->srv->deadlines, &c->deadline, due);
}
