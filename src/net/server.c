/* SPDX-License-Identifier: Apache-2.0
 *
 * See server.h. The listener, the free list of streams, and the front functions, which only look up the
 * protocol's table.
 */
#include "net/server_int.h"

#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ACCEPTS_A_ROUND = 64, ACCEPT_PAUSE_US = 100 * 1000, OLDEST_LOOKED_AT = 64 };

static void want_accept(struct server *srv)
{
	bool may = !srv->draining && !srv->accept_again.index;
	if (may != srv->accepting && srv->listener.fd >= 0) {
		io_want(&srv->listener, may ? IO_READ : 0);
		srv->accepting = may;
	}
}

static void on_accept_again(struct timer *t)
{
	want_accept((struct server *)(void *)((char *)t - offsetof(struct server, accept_again)));
}

/* Where all connections are taken, one of the oldest that asks for nothing makes room for the next: nobody can keep the
 * others out by keeping connections open. NULL: all that were looked at are busy. */
static struct conn *oldest_idle(const struct server *srv)
{
	struct deadline *d = srv->deadlines.list.next;
	for (unsigned i = 0; i < OLDEST_LOOKED_AT && d != &srv->deadlines.list; i++, d = d->next) {
		struct conn *c = conn_of_deadline(d);
		if (c->phase == HEAD && !c->in_n)
			return c;
	}
	return NULL;
}

/* Takes in at most so many; false when nobody waits any more. */
static bool accept_some(struct server *srv, unsigned most)
{
	bool low = memory_low_at(loop_now_us(srv->loop));
	for (unsigned i = 0; i < most; i++) {
		union sock_any peer;
		socklen_t n = sizeof peer;
		bool full = srv->connections >= srv->config.max_connections;
		struct conn *idle = full ? oldest_idle(srv) : NULL;
		if (full && !idle) {
			timer_set(srv->loop, &srv->accept_again, ACCEPT_PAUSE_US, on_accept_again);
			return false;
		}
		int fd = accept4(srv->listener.fd, &peer.sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			/* Out of descriptors or memory: a level-triggered listener would spin. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				timer_set(srv->loop, &srv->accept_again, ACCEPT_PAUSE_US, on_accept_again);
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			return false;
		}
		if (idle)
			conn_cut(idle);
		/* A TLS session costs tens of KiB before it has asked for anything that could be refused in words. */
		if (srv->config.tls && low)
			close(fd);
		else
			conn_open(srv, fd, &peer, n);
	}
	return true;
}

static void on_listener(struct io *io, unsigned ready)
{
	struct server *srv = (struct server *)(void *)((char *)io - offsetof(struct server, listener));
	accept_some(srv, ACCEPTS_A_ROUND);
	want_accept(srv);
}

struct server *server_open(struct loop *l, const struct server_config *c, struct err *e)
{
	struct server *srv = calloc(1, sizeof *srv);
	int fd;
	if (!srv) {
		err_set(e, RR_NOMEM, "no memory for a listener");
		return NULL;
	}
	srv->loop = l;
	srv->config = *c;
	srv->limits = c->limits ? c->limits : &http_limits_default;
	srv->handler = c->handler;
	srv->date_s = -1;
	if (!srv->config.max_connections)
		srv->config.max_connections = srv->limits->connections;
	sb_init(&srv->text, 64 * 1024);
	deadlines_init(&srv->deadlines, l, conn_late);
	fd = sock_listen(c->listen, c->reuse_port, srv->address, &srv->port, e);
	if (fd < 0) {
		free(srv);
		return NULL;
	}
	io_init(&srv->listener, l, fd, on_listener);
	if (io_want(&srv->listener, IO_READ)) {
		err_set(e, RR_IO, "cannot watch the listener on %s", srv->address);
		server_close(srv);
		return NULL;
	}
	srv->accepting = true;
	return srv;
}

static void close_listener(struct server *srv)
{
	if (srv->listener.fd < 0)
		return;
	io_close(&srv->listener);
	timer_clear(srv->loop, &srv->accept_again);
	if (!srv->kept && str_starts(str_of(srv->address), STR("unix:")))
		unlink(srv->address + 5);
}

const char *server_address(const struct server *s)
{
	return s->address;
}

uint16_t server_port(const struct server *s)
{
	return s->port;
}

unsigned server_connections(const struct server *s)
{
	return s->connections;
}

void server_conn_gone(struct server *srv)
{
	srv->connections--;
	if (!srv->accepting && !srv->closing) {
		timer_clear(srv->loop, &srv->accept_again);
		want_accept(srv);
	}
}

int server_keep_listener(struct server *srv)
{
	srv->kept = true;
	return sock_keep(srv->listener.fd);
}

void server_drain(struct server *srv)
{
	struct deadline *d, *next;
	if (srv->listener.fd >= 0 && !srv->kept)
		accept_some(srv, LISTEN_QUEUE);
	srv->draining = true;
	close_listener(srv);
	for (d = srv->deadlines.list.next; d != &srv->deadlines.list; d = next) {
		next = d->next;
		conn_drain(conn_of_deadline(d));
	}
}

void server_close(struct server *srv)
{
	if (!srv)
		return;
	srv->closing = true;
	close_listener(srv);
	while (srv->deadlines.list.next != &srv->deadlines.list)
		conn_cut(conn_of_deadline(srv->deadlines.list.next));
	deadlines_fini(&srv->deadlines);
	while (srv->free_streams) {
		struct stream *s = srv->free_streams;
		srv->free_streams = s->next_free;
		arena_fini(&s->arena);
		free(s);
	}
	sb_fini(&srv->text);
	free(srv);
}

/* ---- streams */

struct stream *stream_new(struct server *srv)
{
	struct stream *s = srv->free_streams;
	if (s) {
		struct arena kept = s->arena;
		srv->free_streams = s->next_free;
		srv->free_count--;
		memset(s, 0, offsetof(struct stream, head));
		s->arena = kept;
	} else {
		s = calloc(1, sizeof *s);
		if (!s)
			return NULL;
		/* The application may keep a whole body there, and what it builds from it. */
		arena_init(&s->arena, 4 * srv->limits->body_bytes + 4 * srv->limits->head_bytes + 1024 * 1024);
	}
	s->srv = srv;
	s->left = -1;
	return s;
}

void stream_free(struct stream *s)
{
	struct server *srv = s->srv;
	if (srv->closing || srv->free_count >= STREAMS_KEPT || s->arena.used_bytes > STREAM_ARENA_KEPT ||
	    memory_low()) {
		arena_fini(&s->arena);
		free(s);
		return;
	}
	arena_reset(&s->arena);
	s->next_free = srv->free_streams;
	srv->free_streams = s;
	srv->free_count++;
}

/* RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
void server_write_date(struct server *srv, struct sb *out)
{
	static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t now = loop_real_us(srv->loop) / US_PER_S;
	if (now != srv->date_s) {
		int64_t day = now / 86400, year;
		unsigned month, mday, second = (unsigned)(now - day * 86400);
		civil_from_days(day, &year, &month, &mday);
		snprintf(srv->date, sizeof srv->date, "date: %.3s, %02u %.3s %04d %02u:%02u:%02u GMT\r\n",
			days + day % 7 * 3,
			 mday, months + (month - 1) * 3, (int)year, second / 3600, second / 60 % 60, second % 60);
		srv->date_s = now;
	}
	sb_adds(out, srv->date);
}

struct loop *stream_loop(struct stream *s)
{
	return s->srv->loop;
}

const struct head *stream_head(const struct stream *s)
{
	return &s->head;
}

struct arena *stream_arena(struct stream *s)
{
	return &s->arena;
}

void stream_set_user(struct stream *s, void *user)
{
	s->user = user;
}

void *stream_user(const struct stream *s)
{
	return s->user;
}

void *stream_app(const struct stream *s)
{
	return s->srv->config.app;
}

struct str stream_peer(const struct stream *s)
{
	struct stream *w = (struct stream *)(uintptr_t)s; /* a cache: const to the caller only */
	if (!s->peer.p) {
		char text[SOCK_TEXT];
		union sock_any peer = {.in6 = s->c->peer};
		w->peer = arena_str(&w->arena, str_of(sock_text(&peer, s->c->peer_n, text)));
	}
	return s->peer;
}

int stream_respond(struct stream *s, unsigned status, const struct header *headers, unsigned count,
		   int64_t content_length)
{
	return s->ops->respond(s, status, headers, count, content_length);
}

long stream_send(struct stream *s, struct str bytes)
{
	return s->ops->send(s, bytes);
}

int stream_end(struct stream *s)
{
	return s->ops->end(s);
}

void stream_abort(struct stream *s)
{
	s->ops->abort(s);
}

void stream_pause(struct stream *s)
{
	s->ops->pause(s, true);
}

void stream_resume(struct stream *s)
{
	s->ops->pause(s, false);
}

bool stream_is_full(const struct stream *s)
{
	return s->above_mark;
}

size_t stream_queued(const struct stream *s)
{
	return s->ops->queued(s);
}

bool stream_responded(const struct stream *s)
{
	return s->responded;
}

void stream_close_after(struct stream *s)
{
	s->close_after = true;
}

int stream_upgrade(struct stream *s, const char *protocol, const struct header *headers, unsigned count)
{
	return s->ops->upgrade ? s->ops->upgrade(s, protocol, headers, count) : -RR_NOTFOUND;
}

void stream_raw(struct stream *s)
{
	if (s->ops->raw)
		s->ops->raw(s);
	s->responded = s->close_after = true;
	s->chunked = s->bodyless = false;
	s->left = -1;
}
