/* SPDX-License-Identifier: Apache-2.0
 *
 * What an application can do with an HTTP/1.1 stream: the answer's head, its body, its end.
 *
 * 1. Bytes only go into the connection's queue; conn_work sends them at the end of the round.
 * 2. The framing is ours alone. Whether the connection outlives the answer is decided here, with the head:
 *    it does when the rest of the request is read already, or is known to be short.
 * 3. An answer that cannot be kept to (too long, too short, out of memory) is cut so that the client sees it.
 */
#include "net/server_int.h"

/* Framing is ours: nothing of it is taken from the application, so nothing of it can be doubled. */
static bool is_ours(struct str name)
{
	return (name.n == 14 && str_ieq(name, STR("content-length"))) || (name.n == 4 && str_ieq(name, STR("date"))) ||
	       header_is_hop(name);
}

static int h1_respond(struct stream *s, unsigned status, const struct header *headers, unsigned count, int64_t length)
{
	struct conn *c = s->c;
	struct sb *out = &s->srv->text;
	bool keep;
	int rc;
	if (c->dead)
		return -RR_NET;
	if (s->responded || status < 200)
		return -RR_INTERNAL;
	sb_clear(out);
	if ((rc = h1_write_status_line(out, status)))
		return rc;
	for (unsigned i = 0; i < count; i++)
		if (!is_ours(headers[i].name) && (rc = h1_write_header(out, headers[i].name, headers[i].value)))
			return rc;
	s->bodyless = status == 204 || status == 304 || str_eq(s->head.method, STR("HEAD"));
	if (length >= 0 && status != 204) {
		sb_add(out, "content-length: ", 16);
		sb_add_u64(out, (uint64_t)length);
		sb_add(out, "\r\n", 2);
	} else if (!s->bodyless && s->head.minor) {
		s->chunked = true;
		sb_adds(out, "transfer-encoding: chunked\r\n");
	} else if (!s->bodyless) {
		s->close_after = true;
	}
	/* The rest of an unwanted body is dropped if it is known to be short, else the connection ends. */
	keep = !s->close_after && !c->close_after && !s->srv->draining &&
	       (s->body.done || (s->body.kind == H1_BODY_LENGTH && s->body.left <= SKIP_BYTES &&
				 (!s->head.expect_continue || s->continue_sent || s->body_bytes)));
	if (!keep) {
		s->close_after = true;
		sb_adds(out, "connection: close\r\n");
	} else if (!s->head.minor) {
		sb_adds(out, "connection: keep-alive\r\n");
	}
	server_write_date(s->srv, out);
	sb_add(out, "\r\n", 2);
	if (out->full)
		return -RR_LIMIT;
	if ((rc = buf_add(&c->out, out->p, out->n)))
		return rc;
	s->left = s->bodyless ? -1 : length;
	s->responded = true;
	conn_schedule(c);
	return 0;
}

static int h1_upgrade(struct stream *s, const char *protocol, const struct header *headers, unsigned count)
{
	struct conn *c = s->c;
	struct sb *out = &s->srv->text;
	int rc;
	if (c->dead)
		return -RR_NET;
	if (s->responded || !s->body.done)
		return -RR_INTERNAL;
	sb_clear(out);
	if ((rc = h1_write_status_line(out, 101)) || (rc = h1_write_header(out, STR("connection"), STR("Upgrade"))) ||
	    (rc = h1_write_header(out, STR("upgrade"), str_of(protocol))))
		return rc;
	for (unsigned i = 0; i < count; i++)
		if (!is_ours(headers[i].name) && (rc = h1_write_header(out, headers[i].name, headers[i].value)))
			return rc;
	sb_add(out, "\r\n", 2);
	if (out->full)
		return -RR_LIMIT;
	if ((rc = buf_add(&c->out, out->p, out->n)))
		return rc;
	s->responded = s->upgraded = s->close_after = true;
	s->left = -1;
	s->body.kind = H1_BODY_UNTIL_CLOSE;
	s->body.done = false;
	s->body_ended = true; /* no on_body_end: the end is on_closed */
	conn_schedule(c);
	return 0;
}

static long h1_send(struct stream *s, struct str bytes)
{
	struct conn *c = s->c;
	int rc = 0;
	if (c->dead)
		return -RR_NET;
	if (!s->responded || s->ended)
		return -RR_INTERNAL;
	if (s->bodyless || !bytes.n)
		return (long)c->out.n;
	if (s->left >= 0) {
		if (bytes.n > (size_t)s->left) {
			conn_kill(c, END_ABORTED);
			return -RR_INPUT;
		}
		s->left -= (int64_t)bytes.n;
	}
	if (s->chunked) {
		char line[20];
		unsigned at = sizeof line;
		line[--at] = '\n';
		line[--at] = '\r';
		for (size_t n = bytes.n; n; n >>= 4)
			line[--at] = "0123456789abcdef"[n & 15];
		rc = buf_add(&c->out, line + at, sizeof line - at);
	}
	if (!rc)
		rc = buf_add(&c->out, bytes.p, bytes.n);
	if (!rc && s->chunked)
		rc = buf_add(&c->out, "\r\n", 2);
	if (rc) {
		conn_kill(c, END_ABORTED);
		return rc;
	}
	if (c->out.n > http_out_mark(s->srv->limits))
		s->above_mark = true;
	conn_schedule(c);
	return (long)c->out.n;
}

static int h1_end(struct stream *s)
{
	struct conn *c = s->c;
	if (c->dead)
		return -RR_NET;
	if (!s->responded || s->ended)
		return -RR_INTERNAL;
	if (s->left > 0 || (s->chunked && buf_add(&c->out, "0\r\n\r\n", 5))) {
		conn_kill(c, END_ABORTED);
		return -RR_INPUT;
	}
	s->ended = true;
	if (s->paused) { /* whatever still comes of the request is dropped */
		s->paused = false;
		c->deaf = c->fin = false;
	}
	conn_schedule(c);
	return 0;
}

static void h1_abort(struct stream *s)
{
	conn_kill(s->c, END_ABORTED);
}

static void h1_pause(struct stream *s, bool on)
{
	struct conn *c = s->c;
	uint64_t now = loop_now_us(s->srv->loop);
	if (c->dead || on == s->paused || s->ended)
		return;
	s->paused = on;
	if (on) {
		s->paused_at_us = now;
		return;
	}
	s->body_from_us += now - s->paused_at_us; /* the wait was ours */
	c->deaf = c->fin = false;
	c->poke = wire_has_more(&c->w);
	if (!s->body.done && !s->upgraded)
		deadline_move(&s->srv->deadlines, &c->deadline, stream_body_due_us(s));
	conn_schedule(c);
}

static size_t h1_queued(const struct stream *s)
{
	return s->c->out.n;
}

const struct stream_ops stream_h1_ops = {
	.respond = h1_respond,
	.send = h1_send,
	.end = h1_end,
	.abort = h1_abort,
	.pause = h1_pause,
	.queued = h1_queued,
	.upgrade = h1_upgrade,
};
