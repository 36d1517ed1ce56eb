/* SPDX-License-Identifier: Apache-2.0
 *
 * A server under test on its loop: it echoes what it gets, and answers a few paths in ways of their own. What happens
 * to it is counted in `app`.
 */
#ifndef RR_TEST_SERVER_HELP_H
#define RR_TEST_SERVER_HELP_H

#include "base/buf.h"
#include "net_help.h"

static struct clock hand; /* turned by the tests of timeouts */
static struct http_limits limits;
static struct server *server;
static uint16_t port;

static struct {
	unsigned requests, closed, bad, drained, body_ends;
	enum http_end last_end;
	size_t most_queued;
	struct stream *waiting; /* of /wait */
	char fault[128], target[128];
} app;

struct echo {
	struct buf body;
	size_t to_send;
	bool sending;
};

static bool path_is(const struct stream *s, const char *path)
{
	return str_eqc(stream_head(s)->path, path);
}

static void on_request(void *a, struct stream *s)
{
	struct echo *t = calloc(1, sizeof *t);
	(void)a;
	app.requests++;
	buf_init(&t->body, 64 << 20);
	stream_set_user(s, t);
	if (path_is(s, "/early")) { /* answers before the body */
		stream_respond(s, 403, NULL, 0, 2);
		stream_send(s, STR("no"));
		stream_end(s);
	}
	if (path_is(s, "/paused"))
		stream_pause(s);
	if (path_is(s, "/wait") || path_is(s, "/paused"))
		app.waiting = s;
}

static void on_body(struct stream *s, struct str bytes)
{
	struct echo *t = stream_user(s);
	T_EQ_I(buf_add(&t->body, bytes.p, bytes.n), 0);
}

static void feed(struct stream *s, struct echo *t)
{
	static char block[10000];
	while (t->to_send) {
		size_t n = t->to_send < sizeof block ? t->to_send : sizeof block;
		long queued = stream_send(s, str_make(block, n));
		if (queued < 0)
			return;
		t->to_send -= n;
		app.most_queued = (size_t)queued > app.most_queued ? (size_t)queued : app.most_queued;
		if ((size_t)queued > limits.out_bytes)
			return;
	}
	stream_end(s);
}

static void on_body_end(struct stream *s)
{
	static const struct header type[] = {{STR("content-type"), STR("application/octet-stream")},
		{STR("connection"), STR("evil")}};
	struct echo *t = stream_user(s);
	struct str body = buf_flat(&t->body);
	struct str query = stream_head(s)->query;
	app.body_ends++;
	if (path_is(s, "/wait"))
		return;
	if (path_is(s, "/none")) {
		T_EQ_I(stream_respond(s, 204, NULL, 0, -1), 0);
		stream_end(s);
		return;
	}
	if (path_is(s, "/big")) {
		T_EQ_I(str_u64(query, &(uint64_t){0}), 0);
		t->to_send = (size_t)strtoull(query.p, NULL, 10);
		stream_respond(s, 200, NULL, 0, -1);
		feed(s, t);
		return;
	}
	if (path_is(s, "/short")) { /* promises more than it gives */
		stream_respond(s, 200, NULL, 0, 100);
		stream_send(s, STR("only this"));
		T_TRUE(stream_end(s) < 0);
		return;
	}
	if (path_is(s, "/cut")) {
		stream_respond(s, 200, NULL, 0, -1);
		stream_send(s, STR("half"));
		stream_abort(s);
		return;
	}
	T_EQ_I(stream_respond(s, 200, type, 2, str_eqc(query, "chunked") ? -1 : (int64_t)body.n), 0);
	for (size_t at = 0; at < body.n; at += 30000)
		T_TRUE(stream_send(s, str_sub(body, at, at + 30000)) >= 0);
	T_EQ_I(stream_end(s), 0);
	T_TRUE(stream_end(s) < 0);
	T_TRUE(stream_send(s, STR("x")) < 0);
}

static void on_drained(struct stream *s)
{
	app.drained++;
	feed(s, stream_user(s));
}

static void on_closed(struct stream *s, enum http_end how)
{
	struct echo *t = stream_user(s);
	app.closed++;
	app.last_end = how;
	if (app.waiting == s)
		app.waiting = NULL;
	buf_fini(&t->body);
	free(t);
}

static void on_bad(void *a, unsigned status, const char *fault, struct str target, struct sb *body)
{
	(void)a;
	app.bad++;
	str_copy(app.fault, sizeof app.fault, str_of(fault));
	str_copy(app.target, sizeof app.target, target);
	sb_addf(body, "{\"status\":%u}", status);
}

static const struct server_handler handler = {on_request, on_body, on_body_end, on_drained, on_closed, on_bad};

static void open_server(bool by_hand, bool half_closed)
{
	struct server_config c = {
		.listen = "127.0.0.1:0", .limits = &limits, .handler = &handler, .serve_half_closed = half_closed,
		.only_h1 = true}; /* here HTTP/2's preface is one more smuggling trick */
	struct err e;
	memset(&app, 0, sizeof app);
	limits = http_limits_default;
	clock_manual(&hand, 1000000000);
	loop = loop_new(by_hand ? &hand : &clock_system, &e);
	server = server_open(loop, &c, &e);
	if (!server)
		abort();
	port = server_port(server);
}

static void close_server(void)
{
	spin(5);
	server_close(server);
	T_EQ_I(app.requests, app.closed);
	buf_thread_free();
	loop_free(loop);
}

__attribute__((unused)) static void pass_time(uint64_t us)
{
	clock_advance(&hand, us);
	spin(2);
}

#endif
