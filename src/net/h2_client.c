/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/2 towards upstreams: a link with a mux carries many exchanges at a time.
 *
 * 1. A TLS link offers h2 and http/1.1 (ALPN) unless its origin says otherwise. Until the answer is known, exchanges
 *    wait on the link that is being made; when it is http/1.1, the first keeps the link and the others go their way.
 * 2. One request is sent at once; the others wait for the peer's SETTINGS, so that its MAX_CONCURRENT_STREAMS is kept
 *    from the start. What it or H2_STREAMS does not admit goes to another link.
 * 3. Exchanges end in callbacks of nghttp2; the link only in mux_work, mux_late and link_close.
 * 4. Sent again, once and unseen, is only what was certainly not processed: a stream that was refused or lies behind
 *    GOAWAY's last, one that was never sent, and one that met a connection that was closing already (client.h).
 * 5. The window of a stream opens when the exchange has taken its bytes; that of the link at once. So a paused
 *    exchange holds at most H2_STREAM_WINDOW and stops nobody else. The head is told even to a paused one.
 * 6. A link on which all are silent is asked (PING): a dead path must not swallow every new exchange.
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/client_int.h"
#include "net/h2_common.h"

enum {
	PING_AFTER_US = 20 * 1000000,
	PING_WAIT_US = 10 * 1000000,
	OWN_HEADERS = HTTP_HEADERS + 32,
	FEED_BYTES = 16 * 1024,
};

struct mux {
	struct link *k;
	nghttp2_session *session; /* NULL until the link is ready */
	struct exchange *first, *last;
	unsigned count, open;     /* exchanges; of them sent */
	uint32_t most;
	struct h2_lines lines;
	struct exchange *head_of;
	struct sb text;           /* a head while it is told */
	struct buf out;
	struct h2_budget budget;
	uint64_t in_bytes, heard_us, ping_us, idle_us;
	int32_t reset_id;         /* the stream that the peer reset last */
	bool settled, going, resting, used;
};

static uint64_t now_of(const struct mux *m)
{
	return loop_now_us(m->k->pool->loop);
}

void mux_due_by(struct link *k, uint64_t at_us)
{
	if (at_us < k->deadline.at_us)
		deadline_move(&k->pool->deadlines, &k->deadline, at_us);
}

/* ---- who is on it */

struct link *mux_find(const struct site *s)
{
	for (struct link *k = s->muxes; k; k = k->mux_next)
		if (!k->failed && !k->mux->going && !k->mux->ping_us && k->mux->count < k->mux->most)
			return k;
	return NULL;
}

int mux_begin(struct link *k)
{
	struct mux *m = calloc(1, sizeof *m);
	if (!m)
		return -RR_NOMEM;
	m->k = k;
	m->most = H2_STREAMS;
	sb_init(&m->text, 256 * 1024);
	buf_init(&m->out, H2_PACK_BYTES + 64 * 1024);
	k->mux = m;
	k->mux_next = k->site->muxes;
	if (k->mux_next)
		k->mux_next->mux_prev = k;
	k->site->muxes = k;
	return 0;
}

void mux_free(struct link *k)
{
	struct mux *m = k->mux;
	if (k->mux_prev)
		k->mux_prev->mux_next = k->mux_next;
	else
		k->site->muxes = k->mux_next;
	if (k->mux_next)
		k->mux_next->mux_prev = k->mux_prev;
	k->mux_next = k->mux_prev = NULL;
	k->pool->stats.idle -= m->resting;
	nghttp2_session_del(m->session);
	h2_lines_fini(&m->lines);
	sb_fini(&m->text);
	buf_fini(&m->out);
	free(m);
	k->mux = NULL;
}

void mux_join(struct link *k, struct exchange *x)
{
	struct mux *m = k->mux;
	enum http_end how;
	x->link = k;
	x->stream = 0;
	x->sent = 0;
	x->ended = x->stream_closed = false;
	x->reused = m->used;
	buf_init(&x->kept, 2 * H2_STREAM_WINDOW);
	x->mux_next = NULL;
	x->mux_prev = m->last;
	if (m->last)
		m->last->mux_next = x;
	else
		m->first = x;
	m->last = x;
	m->count++;
	if (m->resting)
		k->pool->stats.idle--;
	m->resting = false;
	if (x->reused)
		k->pool->stats.reused++;
	x->from_us = loop_now_us(k->pool->loop);
	mux_due_by(k, exchange_due(k, x, &how));
	if (m->session)
		mux_look(k);
}

static void mux_leave(struct exchange *x, bool cancel)
{
	struct mux *m = x->link->mux;
	if (x->mux_prev)
		x->mux_prev->mux_next = x->mux_next;
	else
		m->first = x->mux_next;
	if (x->mux_next)
		x->mux_next->mux_prev = x->mux_prev;
	else
		m->last = x->mux_prev;
	m->count--;
	if (x->stream) {
		m->open--;
		if (!x->stream_closed) {
			nghttp2_session_set_stream_user_data(m->session, x->stream, NULL);
			if (cancel || x->sent < x->body.n)
				nghttp2_submit_rst_stream(m->session, NGHTTP2_FLAG_NONE, x->stream, NGHTTP2_CANCEL);
		}
	}
	if (m->head_of == x)
		m->head_of = NULL;
	m->idle_us = x->limits->idle_us;
	buf_fini(&x->kept);
	mux_look(x->link);
}

static void mux_finish(struct exchange *x, enum http_end how, const char *why)
{
	if (why)
		str_copy(x->fault, sizeof x->fault, str_of(why));
	mux_leave(x, how != END_OK);
	exchange_finish(x, how);
}

/* On another link, or END_ABORTED. */
static void mux_move(struct exchange *x)
{
	struct site *s = x->link->site;
	mux_leave(x, true);
	x->link = NULL;
	if (exchange_place(x, s)) {
		str_copy(x->fault, sizeof x->fault, STR("out of memory"));
		exchange_finish(x, END_ABORTED);
	}
}

static void mux_retry(struct exchange *x)
{
	x->retried = true;
	x->pool->stats.retried++;
	mux_move(x);
}

/* ---- out */

static ssize_t on_pull(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
		       nghttp2_data_source *source, void *user)
{
	struct exchange *x = nghttp2_session_get_stream_user_data(session, id);
	size_t n;
	(void)source, (void)user;
	if (!x)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* it has left, and its body with it */
	n = x->body.n - x->sent < room ? x->body.n - x->sent : room;
	memcpy(to, x->body.p + x->sent, n);
	x->sent += n;
	if (x->sent == x->body.n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/* The head was written by write_request (client.c) from checked parts: cut into lines again. */
static unsigned cut_head(struct str head, nghttp2_nv *nv)
{
	struct str line = str_cut(&head, '\n'), method = str_cut(&line, ' '), target = str_cut(&line, ' ');
	unsigned n = 4; /* the host is the first line, always */
	nv[0] = h2_nv(STR(":method"), method);
	nv[1] = h2_nv(STR(":scheme"), STR("https"));
	nv[3] = h2_nv(STR(":path"), target);
	for (line = str_cut(&head, '\n'); line.n > 1; line = str_cut(&head, '\n')) {
		struct str rest = str_sub(line, 0, line.n - 1), name = str_cut(&rest, ':'), value = str_trim(rest);
		if (str_eq(name, STR("host")))
			nv[2] = h2_nv(STR(":authority"), value);
		else if (n == OWN_HEADERS)
			return 0;
		else
			nv[n++] = h2_nv(name, value);
	}
	return n;
}

static void mux_submit(struct mux *m, struct exchange *x)
{
	nghttp2_nv nv[OWN_HEADERS];
	nghttp2_data_provider body = {.read_callback = on_pull};
	unsigned n = cut_head(sb_str(&x->head), nv);
	int32_t id = n ? nghttp2_submit_request(m->session, NULL, nv, n, x->body.n ? &body : NULL, x) : 0;
	if (!n) {
		mux_finish(x, END_ABORTED, "too many headers");
	} else if (id < 0) { /* no stream numbers are left, or the peer is going */
		m->going = true;
		mux_move(x);
	} else {
		x->stream = id;
		x->from_in = m->in_bytes;
		m->open++;
		m->used = true;
	}
}

/* Those that wait. */
static void mux_submit_all(struct mux *m)
{
	struct exchange *x, *next;
	for (x = m->first; x; x = next) {
		next = x->mux_next;
		if (x->stream || x->aborted)
			continue;
		if (m->going || (m->settled && m->open >= m->most && !x->moved)) {
			x->moved = true;
			mux_move(x);
		} else if (m->settled || !m->open) {
			mux_submit(m, x);
		}
	}
}

static int mux_pump(struct link *k)
{
	struct mux *m = k->mux;
	for (;;) {
		bool dry = false;
		while (m->out.n < H2_PACK_BYTES) {
			const uint8_t *p;
			ssize_t n = nghttp2_session_mem_send(m->session, &p);
			if (n < 0 || (n > 0 && buf_add(&m->out, (const char *)p, (size_t)n)))
				return -RR_NOMEM;
			if (n == 0) {
				dry = true;
				break;
			}
		}
		k->blocked = false;
		while (m->out.n) {
			struct iovec iov[8];
			long sent = wire_send(&k->w, iov, buf_iov(&m->out, iov, 8), k->pool->record);
			if (sent == WIRE_AGAIN) {
				k->blocked = true;
				return 0;
			}
			if (sent < 0) /* what was answered before is still to be read */
				return sent == WIRE_BROKEN ? -RR_NET : 0;
			buf_drop(&m->out, (size_t)sent);
		}
		if (dry)
			return 0;
	}
}

/* ---- in: nghttp2's callbacks */

static void heard(struct mux *m, struct exchange *x)
{
	x->got_bytes = true;
	x->last_us = now_of(m);
}

static void mux_end_if_whole(struct exchange *x)
{
	if (x->ended && x->answered && !x->paused && !x->kept.n && !x->aborted)
		mux_finish(x, END_OK, NULL);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
	struct mux *m = user;
	struct exchange *x = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
	m->head_of = x && !x->answered && !x->aborted ? x : NULL;
	if (m->head_of)
		h2_lines_begin(&m->lines, x->limits);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t name_n,
		     const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct mux *m = user;
	(void)session, (void)f, (void)flags;
	if (!m->head_of)
		return 0; /* a trailer */
	return h2_lines_add(&m->lines, str_make((const char *)name, name_n), str_make((const char *)value, value_n),
			    m->head_of->limits);
}

static int on_bad_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t name_n,
			 const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	(void)name, (void)name_n, (void)value, (void)value_n, (void)flags, (void)user;
	nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, f->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void mux_head(struct mux *m, struct exchange *x)
{
	struct head *h = &x->pool->answer;
	const char *fault = NULL;
	int rc = h2_lines_response(&m->lines, &m->text, h, x->limits, &fault);
	h2_lines_fini(&m->lines);
	m->head_of = NULL;
	heard(m, x);
	if (rc)
		mux_finish(x, rc == -RR_LIMIT ? END_TOO_LARGE : END_BAD_SYNTAX, fault);
	else if (h->status == 101)
		mux_finish(x, END_BAD_SYNTAX, "HTTP/2 has no 101");
	else if (h->status >= 200) {
		x->answered = true;
		x->handler->on_head(x, h);
	} else if (++x->informational > INFORMATIONAL_MOST) {
		mux_finish(x, END_BAD_SYNTAX, "too many informational answers");
	}
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct mux *m = user;
	if (!h2_budget_frame(&m->budget, now_of(m), hd)) {
		nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
		link_fail_soon(m->k, END_BAD_SYNTAX, "a flood of frames that say nothing");
	}
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *user)
{
	struct mux *m = user;
	struct exchange *x;
	uint32_t most;
	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		x = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
		if (x && f->hd.type == NGHTTP2_HEADERS && m->head_of == x)
			mux_head(m, x);
		x = nghttp2_session_get_stream_user_data(session, f->hd.stream_id); /* it may have left */
		if (x && f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
			x->ended = true;
			mux_end_if_whole(x);
		}
		return 0;
	case NGHTTP2_SETTINGS:
		if (f->hd.flags & NGHTTP2_FLAG_ACK)
			return 0;
		most = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
		m->most = most < H2_STREAMS ? most : H2_STREAMS;
		m->settled = true;
		mux_look(m->k);
		return 0;
	case NGHTTP2_GOAWAY:
		m->going = true;
		mux_look(m->k);
		return 0;
	case NGHTTP2_RST_STREAM:
		m->reset_id = f->hd.stream_id;
		return 0;
	default:
		return 0;
	}
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *user)
{
	struct mux *m = user;
	struct exchange *x = nghttp2_session_get_stream_user_data(session, id);
	(void)flags;
	nghttp2_session_consume_connection(session, n);
	if (x && !x->aborted) {
		heard(m, x);
		if (x->paused || x->kept.n) {
			if (buf_add(&x->kept, (const char *)p, n))
				mux_finish(x, END_ABORTED, "out of memory");
			return 0;
		}
		x->handler->on_body(x, str_make((const char *)p, n));
	}
	nghttp2_session_consume_stream(session, id, n);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct mux *m = user;
	struct exchange *x = nghttp2_session_get_stream_user_data(session, id);
	char why[FAULT_BYTES];
	mux_look(m->k); /* there is room for another one */
	if (!x)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	x->stream_closed = true;
	if (x->ended || x->aborted)
		return 0; /* whole, but paused; or to be told by mux_work */
	snprintf(why, sizeof why, "the stream was %s: %s", m->reset_id == id ? "reset by the peer" : "reset here",
		 nghttp2_http2_strerror(code));
	if (code == NGHTTP2_REFUSED_STREAM && !x->got_bytes && !x->retried)
		mux_retry(x);
	else
		mux_finish(x, m->reset_id == id || code == NGHTTP2_REFUSED_STREAM ? END_PEER_RESET : END_BAD_SYNTAX,
			   why);
	return 0;
}

static nghttp2_session *session_new(struct mux *m)
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
		nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
		if (nghttp2_session_client_new2(&session, cb, m, o))
			session = NULL;
	}
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(o);
	return session;
}

/* ---- the link */

/* Certainly not processed (RFC 9113 8.7, RFC 9110 9.2.2). */
static bool may_retry(const struct mux *m, const struct exchange *x, enum http_end how)
{
	if ((how != END_PEER_CLOSED && how != END_PEER_RESET) || !m->session)
		return false;
	if (x->retried || x->got_bytes || x->aborted)
		return false;
	return !x->stream || (x->reused && m->in_bytes == x->from_in &&
			      loop_now_us(x->pool->loop) - x->start_us < RETRY_WITHIN_US);
}

static void mux_failed(struct link *k, enum http_end how, const char *why)
{
	struct mux *m = k->mux;
	struct exchange *x;
	char text[FAULT_BYTES] = "";
	m->going = true;
	if (!why && k->w.tls && (how == END_TLS || how == END_PEER_RESET))
		why = tls_fault(k->w.tls);
	if (why)
		str_copy(text, sizeof text, str_of(why));
	while ((x = m->first)) {
		if (may_retry(m, x, how))
			mux_retry(x);
		else
			mux_finish(x, x->aborted ? END_ABORTED : how, text[0] ? text : NULL);
	}
	link_close(k);
}

/* ALPN chose http/1.1: the first exchange keeps the link. */
static void mux_dissolve(struct link *k)
{
	struct mux *m = k->mux;
	struct exchange *x;
	k->site->speaks = SPEAKS_H1;
	m->going = true;
	while ((x = m->first) && x->aborted)
		mux_finish(x, END_ABORTED, NULL);
	if (!x) {
		link_fail_soon(k, END_ABORTED, NULL);
		return;
	}
	mux_leave(x, false);
	while (m->first)
		if (m->first->aborted)
			mux_finish(m->first, END_ABORTED, NULL);
		else
			mux_move(m->first);
	mux_free(k);
	k->x = x;
	x->link = k;
	x->reused = false;
	link_ready(k);
}

void mux_ready(struct link *k)
{
	nghttp2_settings_entry entries[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)http_limits_default.head_bytes},
	};
	struct mux *m = k->mux;
	if (!tls_is_h2(k->w.tls)) {
		mux_dissolve(k);
		return;
	}
	k->site->speaks = SPEAKS_H2;
	k->state = MUXED;
	m->session = session_new(m);
	if (!m->session ||
	    nghttp2_submit_settings(m->session, NGHTTP2_FLAG_NONE, entries, sizeof entries / sizeof *entries) ||
	    nghttp2_session_set_local_window_size(m->session, NGHTTP2_FLAG_NONE, 0, H2_LINK_WINDOW)) {
		link_fail_soon(k, END_ABORTED, "out of memory");
		return;
	}
	m->heard_us = now_of(m);
	h2_budget_init(&m->budget, m->heard_us);
	k->poke = wire_has_more(&k->w);
	mux_look(k);
	mux_due_by(k, m->heard_us + PING_AFTER_US);
}

/* What was kept while it was paused. */
static void mux_deliver(struct mux *m, struct exchange *x)
{
	char piece[FEED_BYTES];
	while (x->kept.n && !x->paused && !x->aborted) {
		struct str front = buf_front(&x->kept);
		size_t n = front.n < FEED_BYTES ? front.n : FEED_BYTES;
		memcpy(piece, front.p, n);
		buf_drop(&x->kept, n);
		if (!x->stream_closed)
			nghttp2_session_consume_stream(m->session, x->stream, n);
		x->handler->on_body(x, str_make(piece, n));
	}
}

/* Exchanges that were aborted or resumed, and those that may be sent now. */
static void mux_see_to(struct mux *m)
{
	struct exchange *x, *next;
	for (x = m->first; x; x = next) {
		if (x->aborted) {
			mux_finish(x, END_ABORTED, NULL);
			next = m->first; /* its callback may have done anything but end the link */
			continue;
		}
		mux_deliver(m, x);
		next = x->mux_next;
		mux_end_if_whole(x);
	}
	if (m->session)
		mux_submit_all(m);
}

static long mux_read(struct link *k)
{
	struct mux *m = k->mux;
	char *scratch = loop_scratch(k->pool->loop);
	long n = wire_read(&k->w, scratch, LOOP_SCRATCH_BYTES);
	if (n == WIRE_AGAIN)
		return 0;
	if (n <= 0) {
		link_fail_soon(k, n == WIRE_END ? END_PEER_CLOSED : END_PEER_RESET, NULL);
		return -1;
	}
	m->in_bytes += (uint64_t)n;
	m->heard_us = now_of(m);
	m->ping_us = 0;
	if (nghttp2_session_mem_recv(m->session, (const uint8_t *)scratch, (size_t)n) < 0)
		link_fail_soon(k, END_BAD_SYNTAX, "the peer broke HTTP/2");
	if (wire_has_more(&k->w))
		k->poke = true;
	mux_look(k);
	return 0;
}

static void mux_rest(struct link *k)
{
	struct mux *m = k->mux;
	if (m->resting)
		return;
	link_keep_ticket(k);
	m->resting = true;
	k->pool->stats.idle++;
	deadline_move(&k->pool->deadlines, &k->deadline, now_of(m) + m->idle_us);
}

static bool session_over(const struct mux *m)
{
	return !nghttp2_session_want_read(m->session) && !nghttp2_session_want_write(m->session) && !m->out.n;
}

void mux_work(struct link *k)
{
	struct mux *m = k->mux;
	if (k->failed) {
		if (m->session)
			mux_pump(k); /* GOAWAY with its reason */
		mux_failed(k, k->failed, k->why);
		return;
	}
	if (k->poke && m->session) {
		k->poke = false;
		mux_read(k);
	}
	mux_see_to(m);
	if (!m->session) {
		if (!m->count)
			link_close(k); /* nobody waits for it any more */
		return;
	}
	if (mux_pump(k))
		link_fail_soon(k, END_PEER_RESET, NULL);
	else if (session_over(m))
		link_fail_soon(k, m->going ? END_PEER_CLOSED : END_BAD_SYNTAX,
			       m->going ? NULL : "the peer broke HTTP/2");
	else if (!m->count && (m->going || !k->pool->max_idle)) {
		nghttp2_session_terminate_session(m->session, NGHTTP2_NO_ERROR);
		mux_pump(k);
		link_close(k);
		return;
	} else if (!m->count) {
		mux_rest(k);
	}
	if (!k->failed && io_want(&k->w.io, IO_READ | (k->blocked ? IO_WRITE : 0u)))
		link_fail_soon(k, END_CONNECT, "the kernel cannot watch another descriptor");
}

void mux_event(struct link *k, unsigned ready)
{
	if (ready & (IO_READ | IO_HANGUP | IO_DEAD))
		mux_read(k);
	if (ready & IO_WRITE)
		mux_look(k);
}

void mux_late(struct link *k)
{
	struct mux *m = k->mux;
	uint64_t now = now_of(m), due = DEADLINE_NEVER;
	struct exchange *x, *next;
	enum http_end how = END_TIMEOUT_TOTAL;
	if (k->failed)
		return;
	if (m->resting) {
		nghttp2_session_terminate_session(m->session, NGHTTP2_NO_ERROR);
		mux_pump(k);
		link_close(k);
		return;
	}
	if (k->state < BUSY && now >= k->connect_by_us) {
		mux_failed(k, END_TIMEOUT_CONNECT, NULL);
		return;
	}
	if (m->session && now >= m->heard_us + PING_AFTER_US && !m->ping_us) {
		nghttp2_submit_ping(m->session, NGHTTP2_FLAG_NONE, NULL);
		m->ping_us = now;
		mux_look(k);
	}
	if (m->ping_us && now >= m->ping_us + PING_WAIT_US) {
		mux_failed(k, END_TIMEOUT_IDLE, "the connection is dead: no answer to PING");
		return;
	}
	if (m->session)
		due = m->ping_us ? m->ping_us + PING_WAIT_US : m->heard_us + PING_AFTER_US;
	for (x = m->first; x; x = next) {
		uint64_t at = x->aborted ? DEADLINE_NEVER : exchange_due(k, x, &how);
		next = x->mux_next;
		if (now >= at) {
			mux_finish(x, how, NULL);
			next = m->first;
		} else if (at < due) {
			due = at;
		}
	}
	if (k->state == CONNECTING && now >= k->attempt_by_us && k->addr + 1 < k->addr_count) {
		link_try_next(k);
		return;
	}
	if (k->state == CONNECTING && k->attempt_by_us < due && k->attempt_by_us > now)
		due = k->attempt_by_us;
	if (k->state < BUSY && k->connect_by_us < due)
		due = k->connect_by_us;
	deadline_move(&k->pool->deadlines, &k->deadline, due);
}

void mux_look(struct link *k)
{
	link_schedule(k);
}

/* For pool_free: all of them end, the link is the caller's. */
void mux_abandon(struct link *k)
{
	while (k->mux->first)
		mux_finish(k->mux->first, END_ABORTED, NULL);
}
