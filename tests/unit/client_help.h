/* SPDX-License-Identifier: Apache-2.0
 *
 * A pool, an upstream that is a raw socket, and a record of what an exchange was told.
 */
#ifndef RR_TEST_CLIENT_HELP_H
#define RR_TEST_CLIENT_HELP_H

#include "base/buf.h"
#include "net_help.h"

static struct clock hand;
static struct http_limits limits;
static struct pool *pool;
static struct origin origin;
static int listener;
static uint16_t port;

struct result {
	unsigned heads, status, dones;
	enum http_end how;
	struct sb body;
	char fault[160], header[64];
	bool pause_at_head, abort_at_head, reused;
	struct exchange *x;
};

static void on_head(struct exchange *x, const struct head *h)
{
	struct result *r = exchange_user(x);
	r->heads++;
	r->status = h->status;
	str_copy(r->header, sizeof r->header, head_get(h, "x-test"));
	if (r->pause_at_head)
		exchange_pause(x);
	if (r->abort_at_head)
		exchange_abort(x);
}

static void on_body(struct exchange *x, struct str bytes)
{
	struct result *r = exchange_user(x);
	sb_add_str(&r->body, bytes);
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct result *r = exchange_user(x);
	r->dones++;
	r->how = how;
	r->reused = exchange_reused(x);
	r->x = NULL;
	snprintf(r->fault, sizeof r->fault, "%s", exchange_fault(x));
}

static const struct exchange_handler handler = {on_head, on_body, on_done};

static void result_init(struct result *r)
{
	memset(r, 0, sizeof *r);
	sb_init(&r->body, 100 << 20);
	sb_add(&r->body, "", 0);
}

static void start(struct result *r, const char *method, const char *path, struct str body)
{
	static const struct header h[] = {{STR("authorization"), STR("Bearer x")}, {STR("Host"), STR("evil")},
		{STR("transfer-encoding"), STR("chunked")}};
	r->x = exchange_start(pool, &origin, str_of(method), str_of(path), h, 3, body, &handler, r);
	T_TRUE(r->x != NULL);
	T_EQ_I(r->dones, 0);
}

static void until_done(struct result *r)
{
	for (int i = 0; i < 3000 && !r->dones; i++)
		loop_once(loop, i < 5 ? 0 : 1000);
	T_EQ_I(r->dones, 1);
}

static void open_all(bool by_hand)
{
	char url[64];
	struct err e;
	limits = http_limits_default;
	clock_manual(&hand, 1000000000);
	loop = loop_new(by_hand ? &hand : &clock_system, &e);
	pool = pool_new(loop, 16, &e);
	listener = raw_listen(&port, 64);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/base/", port);
	if (!pool || origin_parse(&origin, str_of(url), &e))
		abort();
	origin.limits = &limits;
}

static void close_all(void)
{
	pool_free(pool);
	close(listener);
	buf_thread_free();
	loop_free(loop);
}

enum { KEEP, CLOSE, RESET };

static void end_with(int fd, int how)
{
	struct linger hard = {1, 0};
	if (how == KEEP)
		return;
	if (how == RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

/* One request on a fresh upstream connection that answers with `script` (cut in two at `cut`). */
__attribute__((unused)) static void play(struct result *r, const char *method, const char *script, size_t cut, int how)
{
	struct got g = {0};
	int fd;
	result_init(r);
	start(r, method, "/p?q", STR(""));
	fd = raw_accept(listener);
	raw_until(fd, &g, "\r\n\r\n");
	raw_send(fd, script, cut);
	if (cut < strlen(script)) {
		loop_once(loop, 0);
		raw_send(fd, script + cut, strlen(script) - cut);
	}
	end_with(fd, how);
	until_done(r);
	if (how == KEEP)
		close(fd);
	spin(3);
	got_free(&g);
}

/* Leaves one idle connection behind; returns its upstream end. */
__attribute__((unused)) static int one_idle(void)
{
	struct result r;
	struct got g = {0};
	int fd;
	result_init(&r);
	start(&r, "GET", "/first", STR(""));
	fd = raw_accept(listener);
	raw_until(fd, &g, "\r\n\r\n");
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	until_done(&r);
	sb_fini(&r.body);
	got_free(&g);
	return fd;
}

#endif
