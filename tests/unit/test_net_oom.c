/* SPDX-License-Identifier: Apache-2.0
 *
 * The n-th allocation fails, once or for ever, for every n of a scenario with server, pool and client: no
 * crash, no hang, nothing leaked, each callback told its end.
 */
#include "base/buf.h"
#include "net_help.h"
#include "oom_help.h"

static unsigned requests, closed, started, done;
static struct pool *pool;
static struct origin origin;

struct pass {
	struct stream *s;
	struct exchange *x;
	struct buf body;
};

static void answer(struct stream *s, unsigned status, struct str body)
{
	if (stream_respond(s, status, NULL, 0, (int64_t)body.n) || stream_send(s, body) < 0 || stream_end(s))
		stream_abort(s);
}

static void on_head(struct exchange *x, const struct head *h)
{
	struct pass *t = exchange_user(x);
	if (t->s && stream_respond(t->s, h->status, h->header, h->headers, -1))
		exchange_abort(x);
}

static void on_answer(struct exchange *x, struct str bytes)
{
	struct pass *t = exchange_user(x);
	if (!t->s || stream_send(t->s, bytes) < 0)
		exchange_abort(x);
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct pass *t = exchange_user(x);
	done++;
	t->x = NULL;
	if (!t->s) {
		buf_fini(&t->body);
		free(t);
	} else if (how == END_OK) {
		stream_end(t->s);
	} else if (stream_responded(t->s)) {
		stream_abort(t->s);
	} else {
		answer(t->s, 502, STR("upstream"));
	}
}

static const struct exchange_handler passes = {on_head, on_answer, on_done};

static void on_request(void *app, struct stream *s)
{
	struct pass *t = calloc(1, sizeof *t);
	(void)app;
	requests++;
	stream_set_user(s, t);
	if (!t) {
		stream_abort(s);
		return;
	}
	t->s = s;
	buf_init(&t->body, 1 << 20);
	(void)stream_peer(s);
}

static void on_body(struct stream *s, struct str bytes)
{
	struct pass *t = stream_user(s);
	if (!t || buf_add(&t->body, bytes.p, bytes.n))
		stream_abort(s);
}

static void on_body_end(struct stream *s)
{
	struct pass *t = stream_user(s);
	const struct head *h = stream_head(s);
	struct str body;
	if (!t)
		return;
	body = buf_flat(&t->body);
	if (str_eqc(h->path, "/origin")) {
		answer(s, 200, body);
		return;
	}
	t->x = exchange_start(pool, &origin, h->method, STR("/origin"), h->header, h->headers, body, &passes, t);
	started += t->x != NULL;
	if (!t->x)
		answer(s, 503, STR("no memory"));
}

static void on_closed(struct stream *s, enum http_end how)
{
	struct pass *t = stream_user(s);
	(void)how;
	closed++;
	if (!t)
		return;
	t->s = NULL;
	if (t->x) {
		exchange_abort(t->x);
		return;
	}
	buf_fini(&t->body);
	free(t);
}

static const struct server_handler handler = {on_request, on_body, on_body_end, NULL, on_closed, NULL};

/* 200 answers seen. Everything that the kernel holds is made and closed here, by plain calls. */
static unsigned scenario(void)
{
	static const char *const pieces[] = {
		"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
		"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chun", "ked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"GET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"};
	static const unsigned due[] = {1, 1, 2, 4};
	struct server_config c = {.listen = "127.0.0.1:0", .handler = &handler};
	struct server *front = NULL, *back = NULL;
	struct err e;
	char url[64], got[8192] = "";
	size_t n = 0;
	unsigned good = 0;
	int fd, patience = until_failure < 0 ? 2000 : 15;
	pool = NULL;
	loop = loop_new(&clock_system, &e);
	if (!loop)
		return 0;
	pool = pool_new(loop, 4, &e);
	back = server_open(loop, &c, &e);
	front = server_open(loop, &c, &e);
	if (pool && back && front) {
		snprintf(url, sizeof url, "http://%s", server_address(back));
		T_EQ_I(origin_parse(&origin, str_of(url), &e), 0);
		fd = raw_connect(server_port(front));
		for (unsigned i = 0; i < 4; i++) {
			(void)!send(fd, pieces[i], strlen(pieces[i]), MSG_NOSIGNAL);
			for (int idle = 0; idle < patience && count_of(got, "HTTP/1.1 ") < due[i]; idle++) {
				ssize_t k = recv(fd, got + n, sizeof got - 1 - n, MSG_DONTWAIT);
				n += k > 0 ? (size_t)k : 0;
				got[n] = 0;
				if (k == 0)
					break;
				loop_once(loop, 2000);
			}
		}
		good = count_of(got, "HTTP/1.1 200 OK\r\n");
		close(fd);
		for (int i = 0; i < 5; i++)
			loop_once(loop, 0);
	}
	server_close(front);
	pool_free(pool);
	server_close(back);
	buf_thread_free();
	loop_free(loop);
	return good;
}

/* The same by HTTP/2: frames as in h2_raw.h, answers counted by their frames. */
static unsigned scenario_h2(void)
{
#define FIELD2(name, n, value, v) "\0" n name v value
#define FIELDS(path, v) FIELD2(":method", "\7", "POST", "\4") FIELD2(":scheme", "\7", "http", "\4") \
	FIELD2(":path", "\5", path, v) FIELD2(":authority", "\12", "a", "\1")
	static const char sent[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" "\0\0\0\4\0\0\0\0\0"
		"\0\0\64\1\4\0\0\0\1" FIELDS("/a", "\2") "\0\0\5\0\1\0\0\0\1" "hello"
		"\0\0\64\1\5\0\0\0\3" FIELDS("/b", "\2")
		"\0\0\64\1\4\0\0\0\5" FIELDS("/c", "\2") "\0\0\4\3\0\0\0\0\5" "\0\0\0\10";
	struct server_config c = {.listen = "127.0.0.1:0", .handler = &handler};
	struct server *front = NULL, *back = NULL;
	struct err e;
	char url[64], got[8192];
	size_t n = 0;
	unsigned good = 0;
	int fd, patience = until_failure < 0 ? 2000 : 15;
	pool = NULL;
	loop = loop_new(&clock_system, &e);
	if (!loop)
		return 0;
	pool = pool_new(loop, 4, &e);
	back = server_open(loop, &c, &e);
	front = server_open(loop, &c, &e);
	if (pool && back && front) {
		snprintf(url, sizeof url, "http://%s", server_address(back));
		T_EQ_I(origin_parse(&origin, str_of(url), &e), 0);
		fd = raw_connect(server_port(front));
		(void)!send(fd, sent, sizeof sent - 1, MSG_NOSIGNAL);
		for (int idle = 0; idle < patience && good < 2; idle++) {
			ssize_t k = recv(fd, got + n, sizeof got - n, MSG_DONTWAIT);
			n += k > 0 ? (size_t)k : 0;
			if (k == 0)
				break;
			good = 0;
			for (size_t at = 0; at + 9 <= n; at += 9 + (unsigned char)got[at + 2] + 256u * (unsigned char)got[at + 1])
				good += got[at + 3] == 1 && at + 9 < n && (unsigned char)got[at + 9] == 0x88;
			loop_once(loop, 2000);
		}
		close(fd);
		for (int i = 0; i < 5; i++)
			loop_once(loop, 0);
	}
	server_close(front);
	pool_free(pool);
	server_close(back);
	buf_thread_free();
	loop_free(loop);
	return good;
}

static void fail_each(unsigned (*play)(void), unsigned whole)
{
	long all;
	T_EQ_I(play(), whole); /* also warms what libc keeps for itself */
	allocations = 0;
	T_EQ_I(play(), whole);
	all = allocations;
	T_EQ_I(requests, closed);
	T_EQ_I(started, done);
	if (!FAILING) {
		printf("  not counted here: the sanitizer has its own allocator\n");
		return;
	}
	printf("  %ld allocations, each fails once and for ever\n", all);
	T_TRUE(all > 15);
	for (int ever = 0; ever < 2; ever++)
		for (long n = 0; n < all + 2; n++) {
			long before = living;
			until_failure = n;
			for_ever = ever;
			play();
			until_failure = -1;
			if (living != before || requests != closed || started != done) {
				printf("  allocation %ld%s: %ld left, %u of %u closed, %u of %u done\n", n, ever
					? " and on" : "",
				       living - before, closed, requests, done, started);
				t_bad++;
				break;
			}
		}
	T_EQ_I(play(), whole);
}

TEST(every_allocation_may_fail)
{
	fail_each(scenario, 4);
}

TEST(every_allocation_of_http_2_may_fail)
{
	fail_each(scenario_h2, 2);
}

T_MAIN
