/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams of the server's HTTP/2 connections: their life, and what an application can do with one: the answer's
 * head, its body, its end. h2_server.c: what comes in.
 *
 * 1. Bytes only go into the stream's queue; nghttp2 pulls them from there when h2_work sends.
 * 2. The framing is ours alone, as in server_h1_stream.c: of lengths and dates nothing is taken from the application.
 * 3. An answer that cannot be kept to (too long, too short, out of memory) is reset, so that the client sees it.
 */
#include <stdio.h>

#include "net/h2_server_int.h"

static const struct stream_ops stream_h2_ops;

/* ---- streams */

struct stream *h2_stream_open(struct h2 *h, int32_t id)
{
	struct server *srv = h->c->srv;
	struct stream *s = stream_new(srv);
	struct h2_stream *x = s ? arena_new(&s->arena, struct h2_stream) : NULL;
	if (!x) {
		if (s)
			stream_free(s);
		return NULL;
	}
	x->s = s;
	x->id = id;
	buf_init(&x->out, srv->limits->out_bytes + srv->limits->body_bytes + 1024 * 1024);
	buf_init(&x->in, 2 * H2_STREAM_WINDOW);
	s->ops = &stream_h2_ops;
	s->c = h->c;
	s->h2 = x;
	x->next = h->first;
	if (h->first)
		h->first->h2->prev = s;
	h->first = s;
	h->count++;
	x->own = true; /* until the application has seen it */
	return s;
}

void h2_stream_gone(struct h2 *h, struct stream *s, enum http_end how)
{
	struct h2_stream *x = s->h2;
	if (x->prev)
		x->prev->h2->next = x->next;
	else
		h->first = x->next;
	if (x->next)
		x->next->h2->prev = x->prev;
	h->count--;
	if (!h->count)
		h->idle_from_us = now_of(h);
	if (h->head_of == s)
		h->head_of = NULL;
	if (!x->own)
		h->c->srv->handler->on_closed(s, how);
	buf_fini(&x->out);
	buf_fini(&x->in);
	stream_free(s);
	if (!h->count)
		due_by(h->c, h->idle_from_us + h->c->srv->limits->idle_us);
}

void h2_reset(struct h2 *h, struct stream *s, uint32_t code, enum http_end how)
{
	struct h2_stream *x = s->h2;
	if (x->reset || x->closed)
		return;
	x->reset = true;
	x->how = how;
	nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, x->id, code);
	conn_schedule(h->c);
}

/* ---- what an application can do with one */

static bool is_ours(struct str name)
{
	return str_ieq(name, STR("content-length")) || str_ieq(name, STR("date")) || header_is_hop(name);
}

/* nghttp2 asks for bytes of an answer. */
static ssize_t on_pull(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
		       nghttp2_data_source *source, void *user)
{
	struct stream *s = source->ptr;
	struct h2_stream *x = s->h2;
	size_t n = 0;
	(void)session, (void)id, (void)user;
	while (n < room && x->out.n) {
		struct str front = buf_front(&x->out);
		size_t take = front.n < room - n ? front.n : room - n;
		memcpy(to + n, front.p, take);
		buf_drop(&x->out, take);
		n += take;
	}
	if (n)
		x->out_at_us = loop_now_us(s->srv->loop);
	if (s->ended && !x->out.n) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	} else if (!n) {
		x->asleep = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)n;
}

static void h2_wake(struct stream *s)
{
	struct h2_stream *x = s->h2;
	if (x->asleep) {
		x->asleep = false;
		nghttp2_session_resume_data(s->c->h2->session, x->id);
	}
	conn_schedule(s->c);
}

bool h2_is_over(const struct stream *s)
{
	return s->c->dead || s->h2->reset || s->h2->closed;
}

static int h2_respond(struct stream *s, unsigned status, const struct header *headers, unsigned count, int64_t length)
{
	struct h2 *h = s->c->h2;
	nghttp2_nv nv[HTTP_HEADERS + 4];
	nghttp2_data_provider body = {.source.ptr = s, .read_callback = on_pull};
	struct sb *date = &s->srv->text;
	char digits[12], bytes[24];
	unsigned n = 0;
	if (h2_is_over(s))
		return -RR_NET;
	if (s->responded || status < 200 || status > 599 || count > HTTP_HEADERS)
		return -RR_INTERNAL;
	nv[n++] = h2_nv(STR(":status"), str_make(digits, (size_t)snprintf(digits, sizeof digits, "%u", status)));
	for (unsigned i = 0; i < count; i++) {
		if (is_ours(headers[i].name))
			continue;
		if (!h1_header_ok(headers[i].name, headers[i].value))
			return -RR_INPUT;
		nv[n++] = h2_nv(headers[i].name, headers[i].value);
	}
	s->bodyless = status == 204 || status == 304 || str_eq(s->head.method, STR("HEAD"));
	if (length >= 0 && status != 204)
		nv[n++] = h2_nv(STR("content-length"),
				str_make(bytes, (size_t)snprintf(bytes, sizeof bytes, "%lld", (long long)length)));
	sb_clear(date);
	server_write_date(s->srv, date); /* "date: ...\r\n" */
	if (date->full)
		return -RR_NOMEM;
	nv[n++] = h2_nv(STR("date"), str_sub(sb_str(date), 6, date->n - 2));
	if (nghttp2_submit_response(h->session, s->h2->id, nv, n, &body))
		return -RR_NOMEM;
	s->left = s->bodyless ? -1 : length;
	s->responded = true;
	conn_schedule(s->c);
	return 0;
}

static long h2_send(struct stream *s, struct str bytes)
{
	struct h2_stream *x = s->h2;
	const struct http_limits *l = s->srv->limits;
	if (h2_is_over(s))
		return -RR_NET;
	if (!s->responded || s->ended)
		return -RR_INTERNAL;
	if (s->bodyless || !bytes.n || x->raw)
		return (long)x->out.n;
	if (s->left >= 0 && bytes.n > (size_t)s->left) {
		h2_reset(s->c->h2, s, NGHTTP2_INTERNAL_ERROR, END_ABORTED);
		return -RR_INPUT;
	}
	if (s->left >= 0)
		s->left -= (int64_t)bytes.n;
	if (!x->out.n) {
		x->out_at_us = loop_now_us(s->srv->loop);
		due_by(s->c, x->out_at_us + l->stream_idle_us);
	}
	if (buf_add(&x->out, bytes.p, bytes.n)) {
		h2_reset(s->c->h2, s, NGHTTP2_INTERNAL_ERROR, END_ABORTED);
		return -RR_LIMIT;
	}
	if (x->out.n > http_out_mark(l))
		s->above_mark = true;
	h2_wake(s);
	return (long)x->out.n;
}

static int h2_end(struct stream *s)
{
	if (h2_is_over(s))
		return -RR_NET;
	if (s->h2->raw) { /* bytes that no HTTP/2 server could send: all that is left of them is that they broke off */
		h2_reset(s->c->h2, s, NGHTTP2_INTERNAL_ERROR, END_OK);
		return 0;
	}
	if (!s->responded || s->ended)
		return -RR_INTERNAL;
	if (s->left > 0) {
		h2_reset(s->c->h2, s, NGHTTP2_INTERNAL_ERROR, END_ABORTED);
		return -RR_INPUT;
	}
	s->ended = true;
	s->paused = false;
	h2_wake(s);
	return 0;
}

static void h2_abort(struct stream *s)
{
	if (!h2_is_over(s))
		h2_reset(s->c->h2, s, NGHTTP2_INTERNAL_ERROR, END_ABORTED);
}

static void h2_pause(struct stream *s, bool on)
{
	uint64_t now = loop_now_us(s->srv->loop);
	if (h2_is_over(s) || on == s->paused || s->ended)
		return;
	s->paused = on;
	if (on) {
		s->paused_at_us = now;
		return;
	}
	s->body_from_us += now - s->paused_at_us; /* the wait was ours */
	if (!s->body.done)
		due_by(s->c, stream_body_due_us(s));
	conn_schedule(s->c);
}

static size_t h2_queued(const struct stream *s)
{
	return s->h2->out.n;
}

static void h2_raw(struct stream *s)
{
	s->h2->raw = true;
}

static const struct stream_ops stream_h2_ops = {
	.respond = h2_respond,
	.send = h2_send,
	.end = h2_end,
	.abort = h2_abort,
	.pause = h2_pause,
	.queued = h2_queued,
	.raw = h2_raw,
};
