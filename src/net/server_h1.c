/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 connections of the server: their life and what comes in. server_h1_stream.c: what goes out.
 *
 * 1. One read an event, one writev a round: callbacks only fill c->out; conn_work, deferred to the end of
 *    the round, sends it. Bytes are read into the loop's scratch and handed on as spans; only what cannot
 *    be used yet (half a head, a pipelined request, the body of a paused stream) is kept in c->in.
 * 2. A connection dies in conn_work or conn_cut and nowhere else: everybody else marks it (conn_kill), so
 *    no callback can pull the ground from under a caller.
 * 3. One request at a time. The next one, if it is already here, waits in c->in; when much waits, reading
 *    stops.
 * 4. After an answer that the client might still be sending against, we say FIN, read a little more and
 *    only then close: a reset would destroy the answer on its way (RFC 9112 9.6).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/h2_common.h"
#include "net/server_int.h"
#include "net/tls_io.h"

enum { FLUSH_SPANS = 8 };

static void conn_work(struct deferred *d);

void conn_schedule(struct conn *c)
{
	loop_defer(c->srv->loop, &c->work, conn_work);
}

void conn_kill(struct conn *c, enum http_end how)
{
	if (c->dead)
		return;
	c->dead = true;
	c->how = how;
	conn_schedule(c);
}

static void conn_destroy(struct conn *c)
{
	struct server *srv = c->srv;
	struct stream *s = c->stream;
	c->dead = true;
	if (c->h2)
		h2_fini(c, c->how);
	if (s) {
		if (c->how == END_ABORTED && s->responded && !s->chunked && !s->bodyless && s->left < 0) {
			/* The end of this body is the end of the connection: only a reset shows that it was cut. */
			struct linger hard = {1, 0};
			setsockopt(c->w.io.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		}
		srv->handler->on_closed(s, c->how);
		c->stream = NULL;
		stream_free(s);
	}
	loop_undefer(srv->loop, &c->work);
	deadline_leave(&srv->deadlines, &c->deadline);
	wire_close(&c->w);
	buf_fini(&c->out);
	memory_resized(c->in_cap, 0);
	free(c->in);
	free(c);
	server_conn_gone(srv);
}

void conn_cut(struct conn *c)
{
	if (!c->dead)
		c->how = END_ABORTED;
	conn_destroy(c);
}

static void conn_interest(struct conn *c)
{
	unsigned wanted = c->blocked ? IO_WRITE : 0u;
	if (c->deaf)
		wanted |= c->fin ? 0u : IO_HANGUP;
	else if (!c->input_ended)
		wanted |= IO_READ;
	if (io_want(&c->w.io, wanted))
		conn_kill(c, END_ABORTED);
}

/* ---- out */

void conn_flush(struct conn *c)
{
	while (c->out.n) {
		struct iovec iov[FLUSH_SPANS];
		unsigned count = buf_iov(&c->out, iov, FLUSH_SPANS);
		size_t offered = 0;
		long sent = wire_send(&c->w, iov, count, c->srv->record);
		if (sent < 0 && sent != WIRE_AGAIN) {
			conn_kill(c, END_PEER_RESET);
			return;
		}
		for (unsigned i = 0; i < count; i++)
			offered += iov[i].iov_len;
		if (sent > 0)
			buf_drop(&c->out, (size_t)sent);
		if (sent > 0 || !c->blocked)
			c->out_at_us = loop_now_us(c->srv->loop);
		if (sent < 0 || (size_t)sent < offered) {
			uint64_t due = c->out_at_us + c->srv->limits->stream_idle_us;
			c->blocked = true;
			if (due < c->deadline.at_us)
				deadline_move(&c->srv->deadlines, &c->deadline, due);
			return;
		}
	}
	c->blocked = false;
}

void conn_linger(struct conn *c)
{
	c->phase = LINGER;
	c->close_after = true;
	c->deaf = false;
	c->skip = 0;
	c->in_n = 0;
	deadline_move(&c->srv->deadlines, &c->deadline, loop_now_us(c->srv->loop) + LINGER_US);
}

static void conn_refuse(struct conn *c, unsigned status, const char *fault, struct str target)
{
	struct server *srv = c->srv;
	struct sb body, *out = &srv->text;
	sb_init(&body, 16 * 1024);
	if (srv->handler->on_bad_request)
		srv->handler->on_bad_request(srv->config.app, status, fault, target, &body);
	else
		sb_addf(&body, "%u %s: %s\n", status, h1_reason(status), fault);
	sb_clear(out);
	h1_write_status_line(out, status);
	server_write_date(srv, out);
	sb_addf(out, "content-type: %s\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n",
		srv->handler->on_bad_request ? "application/json" : "text/plain", body.n);
	if (body.full || out->full || buf_add(&c->out, out->p, out->n) || buf_add(&c->out, sb_str(&body).p, body.n))
		conn_kill(c, END_ABORTED);
	sb_fini(&body);
	conn_linger(c);
	conn_schedule(c);
}

/* The request that is under way cannot be read on. */
static void conn_fail_stream(struct conn *c, unsigned status, enum http_end how, const char *fault)
{
	struct stream *s = c->stream;
	if (s->responded) {
		conn_kill(c, how);
		return;
	}
	conn_refuse(c, status, fault, s->head.target);
	s->responded = s->ended = true; /* nothing more may be said by the application */
	c->srv->handler->on_closed(s, how);
	c->stream = NULL;
	stream_free(s);
}

/* Nothing is asked; for how long may that be? */
static void conn_rest(struct conn *c)
{
	const struct server *srv = c->srv;
	uint64_t most = srv->draining && srv->limits->idle_us > DRAIN_IDLE_US ? DRAIN_IDLE_US : srv->limits->idle_us;
	deadline_move(&c->srv->deadlines, &c->deadline, loop_now_us(srv->loop) + most);
}

/* The answer is out. */
static void conn_finish(struct conn *c)
{
	struct stream *s = c->stream;
	struct server *srv = c->srv;
	int waiting = 0;
	bool unread = !s->body.done;
	/* Not for draining alone: an answer that began before did not say so, the next request may be on its way. */
	bool closing = s->close_after || c->close_after || (c->input_ended && !c->in_n);
	c->phase = HEAD;
	c->deaf = c->fin = false;
	c->head_from_us = 0;
	c->looked = 0;
	if (unread && !closing)
		c->skip = s->body.left;
	c->stream = NULL;
	srv->handler->on_closed(s, END_OK);
	stream_free(s);
	if (closing && (unread || c->in_n || ioctl(c->w.io.fd, FIONREAD, &waiting) || waiting))
		conn_linger(c);
	else if (closing)
		conn_kill(c, END_OK);
	else
		conn_rest(c);
	if (c->in_n)
		conn_schedule(c);
}

static void conn_settle(struct conn *c)
{
	struct stream *s = c->stream;
	if (!c->dead && s && s->above_mark && !s->ended && c->out.n <= http_out_mark(c->srv->limits) / 2) {
		s->above_mark = false;
		if (c->srv->handler->on_drained)
			c->srv->handler->on_drained(s);
	}
	if (!c->dead && s && s->ended && !c->out.n)
		conn_finish(c);
	if (!c->dead && c->phase == LINGER && !c->out.n && !c->shut) {
		c->shut = true;
		wire_shut(&c->w);
		if (c->input_ended)
			conn_kill(c, END_OK);
	}
}

/* ---- in */

uint64_t stream_body_due_us(const struct stream *s)
{
	const struct http_limits *l = s->srv->limits;
	if (!l->body_min_rate)
		return DEADLINE_NEVER;
	return s->body_from_us + l->body_grace_us + s->body_bytes * US_PER_S / l->body_min_rate;
}

static void send_continue(struct conn *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct stream *s = c->stream;
	if (!s->head.expect_continue || s->continue_sent || s->body_bytes || s->body.done || s->responded || s->paused)
		return;
	s->continue_sent = true;
	if (buf_add(&c->out, line, sizeof line - 1))
		conn_kill(c, END_ABORTED);
	conn_schedule(c);
}

static void tell_body_end(struct conn *c)
{
	struct stream *s = c->stream;
	if (!s->body.done || s->body_ended || s->paused || s->ended)
		return;
	s->body_ended = true;
	if (c->srv->handler->on_body_end)
		c->srv->handler->on_body_end(s);
}

static struct str moved(struct str s, const char *from, const char *to)
{
	return s.p ? str_make(to + (s.p - from), s.n) : s;
}

/* The head's bytes into the stream's arena, and its spans after them. */
static int own_head(struct stream *s, const char *p, size_t n)
{
	struct head *h = &s->head;
	char *to = arena_alloc(&s->arena, n);
	if (!to)
		return -RR_NOMEM;
	memcpy(to, p, n);
	if (h->target.p >= p && h->target.p < p + n) { /* else it is the constant "/" of a bare absolute-form */
		h->target = moved(h->target, p, to);
		h->path = moved(h->path, p, to);
		h->query = moved(h->query, p, to);
	}
	h->method = moved(h->method, p, to);
	h->host = moved(h->host, p, to);
	for (unsigned i = 0; i < h->headers; i++) {
		h->header[i].name = moved(h->header[i].name, p, to);
		h->header[i].value = moved(h->header[i].value, p, to);
	}
	return 0;
}

/* HTTP/2's preface, so far, which no HTTP/1.1 request can begin with. Its bytes are kept for h2_work. */
static void conn_preface(struct conn *c, size_t n)
{
	if (n < H2_PREFACE_BYTES) {
		if (!c->head_from_us) {
			c->head_from_us = loop_now_us(c->srv->loop) | 1;
			deadline_move(&c->srv->deadlines, &c->deadline, c->head_from_us + c->srv->limits->head_us);
		}
	} else if (h2_open(c)) {
		conn_kill(c, END_ABORTED);
	}
}

/* Bytes used; 0 = more is needed, or the connection was refused or killed. */
static size_t conn_head(struct conn *c, const char *p, size_t n)
{
	struct server *srv = c->srv;
	const struct http_limits *l = srv->limits;
	const char *fault = NULL;
	struct stream *s;
	long used;
	if (c->looked && !memchr(p + c->looked, '\n', n - c->looked) && n <= l->head_bytes &&
	    (n <= l->request_line_bytes || c->looked > l->request_line_bytes)) {
		c->looked = (uint32_t)n;
		return 0;
	}
	s = stream_new(srv);
	if (!s) {
		conn_kill(c, END_ABORTED);
		return 0;
	}
	used = h1_parse_request(&s->head, p, n, l, &fault);
	if (used <= 0) {
		if (used == -RR_LIMIT)
			conn_refuse(c, fault == h1_long_line ? 414 : 431, fault, s->head.target);
		else if (used && !c->used && !srv->config.only_h1 && h2_is_preface(p, n))
			conn_preface(c, n);
		else if (used)
			conn_refuse(c, 400, fault, s->head.target);
		else if (!c->head_from_us) {
			c->head_from_us = loop_now_us(srv->loop) | 1; /* 0 = nothing came yet */
			deadline_move(&srv->deadlines, &c->deadline, c->head_from_us + l->head_us);
		}
		c->looked = c->h2 ? 0 : (uint32_t)n;
		stream_free(s);
		return 0;
	}
	c->used = true;
	if (s->head.content_length > 0 && (uint64_t)s->head.content_length > l->body_bytes) {
		conn_refuse(c, 413, "the body is too large", s->head.target);
		stream_free(s);
		return 0;
	}
	if (own_head(s, p, (size_t)used)) {
		conn_kill(c, END_ABORTED);
		stream_free(s);
		return 0;
	}
	s->ops = &stream_h1_ops;
	s->c = c;
	s->close_after = !s->head.keep_alive;
	h1_body_request(&s->body, &s->head);
	s->body_from_us = loop_now_us(srv->loop);
	c->stream = s;
	c->phase = STREAM;
	c->looked = 0;
	c->head_from_us = 0;
	deadline_move(&srv->deadlines, &c->deadline, s->body.done ? DEADLINE_NEVER : stream_body_due_us(s));
	srv->handler->on_request(srv->config.app, s);
	if (!c->dead) {
		if ((size_t)used == n)
			send_continue(c);
		tell_body_end(c);
	}
	return (size_t)used;
}

static size_t conn_body(struct conn *c, const char *p, size_t n)
{
	struct server *srv = c->srv;
	struct stream *s = c->stream;
	const char *fault = NULL;
	struct str data;
	long used = h1_body_next(&s->body, p, n, &data, srv->limits, &fault);
	if (used < 0) {
		conn_fail_stream(c, 400, END_BAD_SYNTAX, fault);
		return 0;
	}
	s->body_bytes += data.n;
	if (s->body_bytes > srv->limits->body_bytes && !s->upgraded) {
		conn_fail_stream(c, 413, END_TOO_LARGE, "the body is too large");
		return 0;
	}
	if (s->body.done && !c->blocked)
		c->deadline.at_us = DEADLINE_NEVER;
	if (data.n && !s->ended && srv->handler->on_body)
		srv->handler->on_body(s, data);
	if (!c->dead)
		tell_body_end(c);
	return (size_t)used;
}

/* Uses what it can of p[0..n) and returns how much that was. */
static size_t conn_consume(struct conn *c, const char *p, size_t n)
{
	size_t at = 0;
	while (!c->dead && at < n) {
		size_t used;
		if (c->phase == LINGER) {
			c->skip += n - at;
			if (c->skip > LINGER_BYTES)
				conn_kill(c, END_OK);
			return n;
		}
		if (c->stream) {
			if (c->stream->body.done || c->stream->paused)
				break;
			used = conn_body(c, p + at, n - at);
		} else if (c->skip) {
			used = n - at < c->skip ? n - at : (size_t)c->skip;
			c->skip -= used;
		} else {
			used = conn_head(c, p + at, n - at);
		}
		if (!used && c->phase != LINGER)
			break;
		at += used;
	}
	return at;
}

/* Keeps bytes for later. At most a head and one read more: beyond a head's limit nobody reads on. */
static int conn_keep(struct conn *c, const char *p, size_t n)
{
	if (c->in_n + n > c->in_cap) {
		size_t cap = c->in_n + n < 1024 ? 1024 : (c->in_n + n) * 2;
		char *grown;
		if (cap > c->srv->limits->head_bytes + LOOP_SCRATCH_BYTES && cap > c->in_n + n)
			cap = c->in_n + n;
		grown = cap > MEMORY_COUNTED_BYTES && !memory_may_grow(cap) ? NULL : realloc(c->in, cap);
		if (!grown)
			return -RR_NOMEM;
		memory_resized(c->in_cap, cap);
		c->in = grown;
		c->in_cap = (uint32_t)cap;
	}
	memcpy(c->in + c->in_n, p, n);
	c->in_n += (uint32_t)n;
	return 0;
}

static void conn_consume_kept(struct conn *c)
{
	size_t used = conn_consume(c, c->in, c->in_n);
	if (used < c->in_n)
		memmove(c->in, c->in + used, c->in_n - used);
	c->in_n = used < c->in_n ? c->in_n - (uint32_t)used : 0;
	if (!c->in_n) {
		memory_resized(c->in_cap, 0);
		free(c->in);
		c->in = NULL;
		c->in_cap = 0;
	}
}

static void conn_input_end(struct conn *c, long how)
{
	struct stream *s = c->stream;
	if (how != WIRE_END) {
		conn_kill(c, END_PEER_RESET);
	} else if (s && s->body.done && c->srv->config.serve_half_closed) {
		c->input_ended = true;
	} else if (c->phase == LINGER && c->out.n) {
		c->input_ended = true; /* it may still read what we say */
	} else {
		conn_kill(c, s ? END_PEER_CLOSED : END_OK);
	}
}

static void conn_read(struct conn *c)
{
	char *scratch = loop_scratch(c->srv->loop);
	const struct stream *s = c->stream;
	long n;
	if (s && (s->paused || (s->body.done && c->in_n >= c->srv->limits->head_bytes))) {
		c->deaf = true;
		return;
	}
	n = wire_read(&c->w, scratch, LOOP_SCRATCH_BYTES);
	if (n == WIRE_AGAIN)
		return;
	if (n <= 0) {
		conn_input_end(c, n);
		return;
	}
	if (!c->in_n) {
		size_t used = conn_consume(c, scratch, (size_t)n);
		if (!c->dead && used < (size_t)n && conn_keep(c, scratch + used, (size_t)n - used))
			conn_kill(c, END_ABORTED);
	} else if (conn_keep(c, scratch, (size_t)n)) {
		conn_kill(c, END_ABORTED);
	} else {
		conn_consume_kept(c);
	}
	if (wire_has_more(&c->w)) {
		c->poke = true;
		conn_schedule(c);
	}
}

/* ---- events */

static void conn_work(struct deferred *d)
{
	struct conn *c = (struct conn *)(void *)((char *)d - offsetof(struct conn, work));
	if (c->h2) {
		h2_work(c);
		if (c->dead)
			conn_destroy(c);
		return;
	}
	if (!c->dead && c->in_n)
		conn_consume_kept(c);
	if (!c->dead && c->stream) {
		send_continue(c);
		tell_body_end(c);
	}
	if (!c->dead && c->poke && !c->h2) {
		c->poke = false;
		conn_read(c);
	}
	if (!c->dead || c->how == END_ABORTED)
		conn_flush(c);
	conn_settle(c);
	if (!c->dead)
		conn_interest(c);
	if (c->dead)
		conn_destroy(c);
	else if (!c->stream && c->in_n && !c->looked)
		conn_schedule(c); /* the next request was already here */
}

static bool conn_handshake(struct conn *c)
{
	int rc = tls_handshake(c->w.tls);
	if (rc == TLS_WANT_READ || rc == TLS_WANT_WRITE) {
		if (io_want(&c->w.io, rc == TLS_WANT_READ ? IO_READ : IO_READ | IO_WRITE))
			conn_kill(c, END_ABORTED);
		return false;
	}
	if (rc != 1) {
		conn_kill(c, END_TLS);
		return false;
	}
	c->phase = HEAD;
	conn_rest(c);
	return true;
}

/* The client said FIN while its body is paused. Has it left? It has if what the kernel holds cannot complete
 * the body, or if its request was whole long ago. Else time will tell. */
static void conn_fin_while_deaf(struct conn *c)
{
	const struct stream *s = c->stream;
	int waiting = 0;
	c->fin = true;
	if (s && s->body.done) {
		if (!c->srv->config.serve_half_closed)
			conn_kill(c, END_PEER_CLOSED);
	} else if (s && !c->w.tls && s->body.kind == H1_BODY_LENGTH && !ioctl(c->w.io.fd, FIONREAD, &waiting) &&
		   c->in_n + (uint64_t)(unsigned)waiting < s->body.left) {
		conn_kill(c, END_PEER_CLOSED);
	}
}

void conn_ready(struct io *io, unsigned ready)
{
	struct conn *c = (struct conn *)(void *)((char *)io - offsetof(struct conn, w.io));
	if (c->dead)
		return;
	if (c->phase == HANDSHAKE) {
		if (!conn_handshake(c))
			return;
		if (tls_is_h2(c->w.tls)) {
			if (h2_open(c))
				conn_kill(c, END_ABORTED);
			c->poke = true;
			return;
		}
		ready |= IO_READ;
	}
	if (ready & IO_WRITE) {
		conn_flush(c);
		conn_settle(c);
	}
	if (ready & IO_DEAD && (c->deaf || c->input_ended))
		conn_kill(c, END_PEER_RESET);
	else if (ready & IO_HANGUP && c->deaf)
		conn_fin_while_deaf(c);
	else if (ready & (IO_READ | IO_HANGUP) && !c->dead)
		conn_read(c);
	if (!c->dead && (c->deaf || c->blocked || c->input_ended || c->w.io.wanted != IO_READ))
		conn_interest(c);
}

void conn_open(struct server *srv, int fd, const union sock_any *peer, socklen_t peer_n)
{
	struct conn *c = calloc(1, sizeof *c);
	uint64_t after = srv->config.tls ? srv->limits->head_us : srv->limits->idle_us;
	if (!c) {
		close(fd);
		return;
	}
	c->srv = srv;
	io_init(&c->w.io, srv->loop, fd, conn_ready);
	buf_init(&c->out, srv->limits->out_bytes + srv->limits->body_bytes + 1024 * 1024);
	c->phase = srv->config.tls ? HANDSHAKE : HEAD;
	c->peer_n = peer_n < sizeof c->peer ? peer_n : sizeof c->peer;
	if (peer->sa.sa_family == AF_UNIX)
		c->peer_n = 0;
	else
		c->peer = peer->in6;
	srv->connections++;
	deadline_join(&srv->deadlines, &c->deadline, loop_now_us(srv->loop) + after);
	if (srv->config.tls)
		c->w.tls = tls_new_server(srv->config.tls, fd, !srv->config.only_h1);
	if (io_want(&c->w.io, IO_READ) || (srv->config.tls && !c->w.tls)) {
		c->how = END_ABORTED;
		conn_destroy(c);
	}
}

void conn_late(struct deadlines *all, struct deadline *d)
{
	struct conn *c = conn_of_deadline(d);
	struct stream *s = c->stream;
	const struct http_limits *l = c->srv->limits;
	uint64_t now = loop_now_us(all->loop), due = DEADLINE_NEVER;
	if (c->dead)
		return;
	if (c->h2) {
		h2_late(c);
		return;
	}
	if (c->phase == HEAD && c->head_from_us) {
		conn_refuse(c, 408, "the head did not come in time", str_make(NULL, 0));
		return;
	}
	if (c->phase != STREAM) {
		conn_kill(c, c->phase == HANDSHAKE ? END_TIMEOUT_SLOW : END_OK);
		return;
	}
	if (!s->body.done && !s->paused && !s->upgraded) {
		due = stream_body_due_us(s);
		if (now >= due) {
			conn_fail_stream(c, 408, END_TIMEOUT_SLOW, "the body comes too slowly");
			return;
		}
	}
	if (c->blocked && c->out_at_us + l->stream_idle_us < due)
		due = c->out_at_us + l->stream_idle_us;
	if (now >= due)
		conn_kill(c, END_TIMEOUT_SLOW);
	else
		deadline_move(all, d, due);
}

void conn_drain(struct conn *c)
{
	if (c->h2)
		h2_drain(c);
	else if (c->phase == HEAD && !c->in_n)
		conn_rest(c); /* all others rest after their exchange, whose answer says so if it did not begin yet */
}
