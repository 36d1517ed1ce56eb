/* SPDX-License-Identifier: Apache-2.0
 *
 * The thinnest reverse proxy on net/: takes any request whole, sends it to one upstream, streams the answer
 * back with back-pressure. It exists to measure net/ alone against other proxies.
 *
 *   net_proxy LISTEN UPSTREAM_URL        net_proxy 127.0.0.1:8300 http://127.0.0.1:9001
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/str.h"
#include "net/client.h"
#include "net/server.h"

struct proxy {
	struct pool *pool;
	struct origin origin;
};

struct pass {
	struct stream *s;
	struct exchange *x;
	struct sb body;
};

static void on_head(struct exchange *x, const struct head *h)
{
	struct pass *t = exchange_user(x);
	if (t->s && stream_respond(t->s, h->status, h->header, h->headers, h->content_length))
		exchange_abort(x);
}

static void on_answer(struct exchange *x, struct str bytes)
{
	struct pass *t = exchange_user(x);
	long queued = t->s ? stream_send(t->s, bytes) : -1;
	if (queued < 0)
		exchange_abort(x);
	else if ((size_t)queued > http_limits_default.out_bytes)
		exchange_pause(x);
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct pass *t = exchange_user(x);
	t->x = NULL;
	if (!t->s) { /* the client left first */
		sb_fini(&t->body);
		free(t);
	} else if (how == END_OK) {
		stream_end(t->s);
	} else if (!stream_responded(t->s)) {
		stream_respond(t->s, 502, NULL, 0, 0);
		stream_end(t->s);
	} else {
		stream_abort(t->s);
	}
}

static const struct exchange_handler exchange_calls = {on_head, on_answer, on_done};

static void on_request(void *app, struct stream *s)
{
	struct pass *t = calloc(1, sizeof *t);
	(void)app;
	if (!t) {
		stream_abort(s);
		return;
	}
	t->s = s;
	sb_init(&t->body, http_limits_default.body_bytes + 1);
	stream_set_user(s, t);
}

static void on_body(struct stream *s, struct str bytes)
{
	struct pass *t = stream_user(s);
	if (!t)
		return;
	sb_add_str(&t->body, bytes);
	if (t->body.full)
		stream_abort(s);
}

static void on_body_end(struct stream *s)
{
	struct proxy *p = stream_app(s);
	struct pass *t = stream_user(s);
	const struct head *h = stream_head(s);
	if (!t)
		return;
	t->x = exchange_start(p->pool, &p->origin, h->method, h->target, h->header, h->headers, sb_str(&t->body),
			      &exchange_calls, t);
	if (!t->x) {
		stream_respond(s, 503, NULL, 0, 0);
		stream_end(s);
	}
}

static void on_drained(struct stream *s)
{
	struct pass *t = stream_user(s);
	if (t && t->x)
		exchange_resume(t->x);
}

static void on_closed(struct stream *s, enum http_end how)
{
	struct pass *t = stream_user(s);
	(void)how;
	if (!t)
		return;
	t->s = NULL;
	if (t->x) {
		exchange_abort(t->x); /* on_done frees */
	} else {
		sb_fini(&t->body);
		free(t);
	}
}

static const struct server_handler server_calls = {on_request, on_body, on_body_end, on_drained, on_closed, NULL};

static struct loop *the_loop; /* for the signal handler alone */

static void on_signal(int number)
{
	(void)number;
	loop_stop(the_loop);
}

int main(int argc, char **argv)
{
	struct err e = {0};
	char text[1024];
	struct proxy p = {0};
	struct server_config c = {.handler = &server_calls, .app = &p};
	struct server *s = NULL;
	int rc = 1;
	if (argc != 3) {
		fprintf(stderr, "usage: net_proxy LISTEN UPSTREAM_URL\n");
		return 2;
	}
	c.listen = argv[1];
	if (!(the_loop = loop_new(&clock_system, &e)) || origin_parse(&p.origin, str_of(argv[2]), &e) ||
	    !(p.pool = pool_new(the_loop, 1024, &e)) || !(s = server_open(the_loop, &c, &e))) {
		fprintf(stderr, "net_proxy: %s\n", err_text(&e, text, sizeof text));
		goto out;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	fprintf(stderr, "net_proxy: listening on %s\n", server_address(s));
	rc = loop_run(the_loop) ? 1 : 0;
out:
	server_close(s);
	pool_free(p.pool);
	buf_thread_free();
	loop_free(the_loop);
	return rc;
}
