/* SPDX-License-Identifier: Apache-2.0
 *
 * The server against raw clients: framing, order, limits, timeouts, half-closed and vanished clients.
 */
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "h1_cases.h"
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

static void pass_time(uint64_t us)
{
	clock_advance(&hand, us);
	spin(2);
}

/* ---- */

TEST(every_smuggling_trick_gets_400_and_a_close)
{
	open_server(false, false);
	for (unsigned i = 0; i < H1_REFUSED; i++) {
		struct got g = raw_ask(port, h1_refused[i].bytes.p, h1_refused[i].bytes.n);
		if (!begins(&g, "HTTP/1.1 400 Bad Request\r\n") || !g.end || !strstr(g.p, "connection: close\r\n") ||
		    count_of(g.p, "HTTP/1.1") != 1) {
			printf("  %s: not refused\n", h1_refused[i].name);
			t_bad++;
		}
		got_free(&g);
	}
	T_EQ_I(app.requests, 0);
	T_EQ_I(app.bad, H1_REFUSED);
	for (unsigned i = 0; i < CHUNKS_REFUSED; i++) {
		char m[512];
		int n = snprintf(m, sizeof m, REQ "Transfer-Encoding: chunked\r\n\r\n");
		struct got g;
		memcpy(m + n, chunks_refused[i].bytes.p, chunks_refused[i].bytes.n);
		g = raw_ask(port, m, (size_t)n + chunks_refused[i].bytes.n);
		if (!begins(&g, "HTTP/1.1 400 ") || count_of(g.p, "HTTP/1.1") != 1 || !g.end) {
			printf("  chunk %s: not refused\n", chunks_refused[i].name);
			t_bad++;
		}
		got_free(&g);
	}
	T_EQ_I(app.requests, CHUNKS_REFUSED);
	T_EQ_I(app.body_ends, 0);
	T_EQ_I(app.last_end, END_BAD_SYNTAX);
	close_server();
}

TEST(a_request_split_at_every_byte_gets_the_same_answer)
{
	static const char m[] =
		"POST /echo?chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
				"5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nT: z\r\n\r\n";
	struct got whole;
	open_server(false, false);
	whole = raw_ask(port, m, sizeof m - 1);
	T_TRUE(begins(&whole, "HTTP/1.1 200 OK\r\n"));
	T_TRUE(strstr(whole.p, "\r\n\r\nc\r\nhello, world\r\n0\r\n\r\n") != NULL);
	T_TRUE(!strstr(whole.p, "evil"));
	for (size_t cut = 1; cut < sizeof m - 1; cut++) {
		struct got g = {0};
		int fd = raw_connect(port);
		raw_send(fd, m, cut);
		spin(2);
		raw_send(fd, m + cut, sizeof m - 1 - cut);
		raw_until(fd, &g, NULL);
		T_TRUE(g.n == whole.n && strstr(g.p, "\r\n\r\nc\r\nhello, world\r\n0\r\n\r\n"));
		close(fd);
		got_free(&g);
	}
	for (size_t step = 1; step < 4; step++) { /* trickled */
		struct got g = {0};
		int fd = raw_connect(port);
		for (size_t at = 0; at < sizeof m - 1; at += step) {
			raw_send(fd, m + at, sizeof m - 1 - at < step ? sizeof m - 1 - at : step);
			loop_once(loop, 0);
		}
		raw_until(fd, &g, NULL);
		T_TRUE(g.n == whole.n);
		close(fd);
		got_free(&g);
	}
	got_free(&whole);
	close_server();
}

TEST(pipelined_requests_are_answered_in_order)
{
	char m[20000];
	size_t n = 0;
	struct got g = {0};
	int fd;
	const char *at;
	open_server(false, false);
	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(m + n, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nbody-%05d", i);
	n += (size_t)sprintf(m + n, "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	fd = raw_connect(port);
	raw_send(fd, m, n);
	raw_until(fd, &g, NULL);
	T_EQ_I(count_of(g.p, "HTTP/1.1 200 OK"), 100);
	T_EQ_I(count_of(g.p, "HTTP/1.1 204 No Content"), 1);
	at = g.p;
	for (int i = 0; i < 100 && at; i++) {
		char want[32];
		sprintf(want, "\r\n\r\nbody-%05d", i);
		at = strstr(at, want);
		T_TRUE(at != NULL);
	}
	T_EQ_I(app.last_end, END_OK);
	close(fd);
	got_free(&g);
	close_server();
}

TEST(old_clients_head_and_no_content)
{
	struct got g;
	open_server(false, false);
	g = raw_ask_text(port, "POST /echo?chunked HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi");
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n") && !strstr(g.p, "chunked") && strstr(g.p, "\r\n\r\nhi") && g.end);
	got_free(&g);
	int fd = raw_connect(port);
	raw_say(fd, "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi");
	raw_until(fd, &g, "\r\n\r\nhi");
	T_TRUE(strstr(g.p, "connection: keep-alive\r\n") && strstr(g.p, "content-length: 2\r\n"));
	got_free(&g);
	raw_say(fd, "HEAD /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
	raw_until(fd, &g, "\r\n\r\n");
	T_TRUE(strstr(g.p, "content-length: 5\r\n") && !strstr(g.p, "hello"));
	got_free(&g);
	raw_say(fd, "HEAD /echo?chunked HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_until(fd, &g, "\r\n\r\n");
	T_TRUE(begins(&g, "HTTP/1.1 200") && !strstr(g.p, "chunked"));
	got_free(&g);
	raw_say(fd, "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	raw_until(fd, &g, NULL);
	T_TRUE(begins(&g, "HTTP/1.1 204 No Content\r\n") && !strstr(g.p, "content-length") && !strstr(g.p, "chunked"));
	T_TRUE(strstr(g.p, "date: ") && strstr(g.p, " GMT\r\n"));
	got_free(&g);
	close(fd);
	close_server();
}

TEST(the_date_is_the_c_librarys)
{
	char want[64];
	open_server(true, false);
	for (int i = 0; i < 400; i++) { /* each day of a leap year and a bit, at odd times */
		struct got g = {0};
		time_t at = 1709164800 + (time_t)i * 86399;
		struct tm tm;
		int fd = raw_connect(port);
		hand.manual_real_us = (int64_t)at * 1000000 + 999999;
		raw_say(fd, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
		raw_until(fd, &g, "\r\n\r\n");
		gmtime_r(&at, &tm);
		strftime(want, sizeof want, "\r\ndate: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
		T_TRUE(strstr(g.p, want) != NULL);
		close(fd);
		got_free(&g);
	}
	close_server();
}

TEST(expect_100_continue)
{
	struct got g = {0};
	int fd;
	open_server(false, false);
	fd = raw_connect(port);
	raw_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	raw_until(fd, &g, "\r\n\r\n");
	T_EQ_S(g.p, "HTTP/1.1 100 Continue\r\n\r\n");
	got_free(&g);
	raw_say(fd, "hello");
	raw_until(fd, &g, "hello");
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n"));
	got_free(&g);
	/* The body is already here: no need to invite it. */
	raw_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
	raw_until(fd, &g, "hello");
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n"));
	got_free(&g);
	/* Refused without an invitation: the body may or may not come, so the connection ends. */
	raw_say(fd, "POST /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	raw_until(fd, &g, NULL);
	T_TRUE(begins(&g, "HTTP/1.1 403 ") && strstr(g.p, "connection: close\r\n") && !strstr(g.p, "100 Continue") &&
		g.end);
	got_free(&g);
	close(fd);
	close_server();
}

TEST(an_early_answer_and_the_rest_of_the_body)
{
	struct got g = {0};
	static char big[300000];
	int fd;
	open_server(false, false);
	fd = raw_connect(port);
	/* short: dropped, and the connection lives */
	raw_say(fd, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	raw_until(fd, &g, "\r\n\r\nno");
	T_TRUE(begins(&g, "HTTP/1.1 403 ") && !strstr(g.p, "close"));
	got_free(&g);
	memset(big, 'x', sizeof big);
	raw_send(fd, big, 1000);
	raw_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok");
	raw_until(fd, &g, "\r\n\r\nok");
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n"));
	got_free(&g);
	/* long: the answer arrives, then the end */
	raw_say(fd, "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
	raw_send(fd, big, sizeof big);
	raw_until(fd, &g, NULL);
	T_TRUE(begins(&g, "HTTP/1.1 403 ") && strstr(g.p, "connection: close") && strstr(g.p, "\r\n\r\nno") &&
		!g.reset);
	got_free(&g);
	close(fd);
	T_EQ_I(app.last_end, END_OK);
	close_server();
}

TEST(limits_414_431_413)
{
	static char m[200000];
	struct got g;
	int n;
	open_server(false, false);
	n = sprintf(m, "GET /%09000d HTTP/1.1\r\nHost: a\r\n\r\n", 0);
	g = raw_ask(port, m, (size_t)n);
	T_TRUE(begins(&g, "HTTP/1.1 414 ") && g.end);
	got_free(&g);
	n = sprintf(m, "GET / HTTP/1.1\r\nHost: a\r\nX: %040000d\r\n\r\n", 0);
	g = raw_ask(port, m, (size_t)n);
	T_TRUE(begins(&g, "HTTP/1.1 431 ") && g.end);
	T_EQ_S(app.target, "/");
	got_free(&g);
	n = sprintf(m, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 200; i++)
		n += sprintf(m + n, "X: a\r\n");
	g = raw_ask(port, m, (size_t)n);
	T_TRUE(begins(&g, "HTTP/1.1 431 ") && g.end);
	got_free(&g);
	limits.body_bytes = 1000;
	n = sprintf(m, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n%01001d", 0);
	g = raw_ask(port, m, (size_t)n);
	T_TRUE(begins(&g, "HTTP/1.1 413 ") && g.end && !g.reset);
	T_EQ_I(app.requests, 0);
	got_free(&g);
	n = sprintf(m,
		"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n%01000d\r\n1\r\nx\r\n", 0);
	g = raw_ask(port, m, (size_t)n);
	T_TRUE(begins(&g, "HTTP/1.1 413 ") && g.end && !g.reset);
	T_EQ_I(app.last_end, END_TOO_LARGE);
	got_free(&g);
	n = sprintf(m, "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n%01000d", 0);
	g = raw_ask(port, m, (size_t)n);
	T_TRUE(begins(&g, "HTTP/1.1 200 "));
	got_free(&g);
	close_server();
}

/* What is due at `due` is not done 1 ms before it and is done 100 ms after it. */
static void due_at_(int line, int fd, uint64_t due_us, const char *wanted)
{
	struct got g = {0};
	pass_time(due_us - 1000);
	raw_read(fd, &g);
	T_TRUE(g.n == 0 && !g.end);
	pass_time(101000);
	pass_time(0);
	raw_read(fd, &g);
	if (wanted)
		T_TRUE(begins(&g, wanted) || (printf("  called from line %d\n", line), false));
	else
		T_TRUE((g.end && !g.n) || (printf("  called from line %d\n", line), false));
	got_free(&g);
}
#define due_at(...) due_at_(__LINE__, __VA_ARGS__)

TEST(timeouts_of_head_body_and_idle_within_100_ms)
{
	int fd;
	open_server(true, false);
	limits.body_grace_us = 2000000;
	fd = raw_connect(port); /* never says a word */
	spin(2);
	due_at(fd, limits.idle_us, NULL);
	close(fd);
	fd = raw_connect(port);
	raw_say(fd, "GET / HTTP/1.1\r\nHost");
	spin(2);
	due_at(fd, limits.head_us, "HTTP/1.1 408 ");
	close(fd);
	pass_time(3000000);
	T_EQ_I(server_connections(server), 0);
	fd = raw_connect(port); /* trickling does not help */
	raw_say(fd, "GET / HTTP/1.1\r\n");
	spin(2);
	for (int i = 0; i < 9; i++) {
		pass_time(1000000);
		raw_say(fd, "X: y\r\n");
	}
	due_at(fd, 1000000, "HTTP/1.1 408 ");
	close(fd);
	fd = raw_connect(port);
	raw_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
	spin(2);
	{
		char block[3000];
		memset(block, 'x', sizeof block);
		raw_send(fd, block, sizeof block); /* 3 s worth at 1,000 B/s */
		spin(2);
	}
	due_at(fd, 5000000, "HTTP/1.1 408 ");
	T_EQ_I(app.last_end, END_TIMEOUT_SLOW);
	close(fd);
	/* keep-alive */
	fd = raw_connect(port);
	raw_say(fd, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	{
		struct got g = {0};
		for (int i = 0; i < 50 && !g.n; i++) {
			spin(2);
			raw_read(fd, &g);
		}
		T_TRUE(begins(&g, "HTTP/1.1 204 "));
		got_free(&g);
	}
	due_at(fd, limits.idle_us, NULL);
	close(fd);
	/* While the application thinks, the client is not timed out. */
	fd = raw_connect(port);
	raw_say(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	spin(3);
	pass_time(1000 * 1000000ull);
	pass_time(1000000);
	T_TRUE(app.waiting != NULL);
	close(fd);
	close_server();
}

TEST(a_paused_body_waits_and_costs_the_client_no_time)
{
	struct got g = {0};
	static char block[500000];
	int fd;
	size_t sent = 0;
	open_server(true, false);
	fd = raw_connect(port);
	raw_say(fd, "POST /paused HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n");
	spin(3);
	memset(block, 'z', sizeof block);
	for (int i = 0; i < 200; i++) {
		ssize_t k = send(fd, block + sent, sizeof block - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k > 0)
			sent += (size_t)k;
		loop_once(loop, 0);
	}
	T_TRUE(app.waiting != NULL && app.body_ends == 0);
	pass_time(500 * 1000000ull);
	T_TRUE(app.waiting != NULL);
	if (app.waiting)
		stream_resume(app.waiting);
	raw_send(fd, block + sent, sizeof block - sent);
	raw_until(fd, &g, NULL);
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n"));
	T_TRUE(g.n > 500000 && count_of(g.p, "zzzzzzzzzz") == 50000);
	got_free(&g);
	close(fd);
	close_server();
}

TEST(slow_readers_hold_little_memory_and_get_all)
{
	struct got g = {0};
	size_t all = 20000000;
	char m[128];
	int fd;
	open_server(false, false);
	limits.out_bytes = 50000;
	fd = raw_connect(port);
	sprintf(m, "GET /big?%zu HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", all);
	raw_say(fd, m);
	spin(20);
	T_TRUE(app.most_queued <= limits.out_bytes + 10100);
	T_EQ_I(app.closed, 0);
	raw_until(fd, &g, NULL);
	T_TRUE(g.n > all && g.n < all + all / 100);
	T_TRUE(app.most_queued <= limits.out_bytes + 10100 && app.drained > 10);
	T_TRUE(g.n > 5 && !memcmp(g.p + g.n - 5, "0\r\n\r\n", 5));
	got_free(&g);
	close(fd);
	close_server();
}

TEST(a_reader_that_stopped_is_cut_in_the_end)
{
	int fd;
	open_server(true, false);
	fd = raw_connect(port);
	raw_say(fd, "GET /big?50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
	spin(20);
	pass_time(limits.stream_idle_us - 1000);
	T_EQ_I(app.closed, 0);
	pass_time(101000);
	pass_time(0);
	T_EQ_I(app.closed, 1);
	T_EQ_I(app.last_end, END_TIMEOUT_SLOW);
	close(fd);
	close_server();
}

TEST(answers_that_are_cut_look_cut)
{
	struct got g;
	open_server(false, false);
	g = raw_ask_text(port, "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n") && strstr(g.p, "half") && !strstr(g.p, "\r\n0\r\n") && g.end);
	T_EQ_I(app.last_end, END_ABORTED);
	got_free(&g);
	g = raw_ask_text(port, "GET /cut HTTP/1.0\r\n\r\n");
	T_TRUE(g.end && g.reset);
	got_free(&g);
	g = raw_ask_text(port, "GET /short HTTP/1.1\r\nHost: a\r\n\r\n");
	T_TRUE(g.end && (!g.p || !strstr(g.p, "HTTP/1.1 200 OK\r\n") || strstr(g.p, "content-length: 100")));
	T_EQ_I(app.last_end, END_ABORTED);
	got_free(&g);
	close_server();
}

TEST(a_client_that_leaves_is_noticed)
{
	struct linger hard = {1, 0};
	int fd;
	open_server(false, false);
	for (int how = 0; how < 3; how++) {
		fd = raw_connect(port);
		raw_say(fd, how == 2 ? "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe"
			: "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
		spin(5);
		T_TRUE(app.waiting != NULL);
		if (how == 1)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		close(fd);
		spin(10);
		T_TRUE(app.waiting == NULL);
		T_EQ_I(app.last_end, how == 1 ? END_PEER_RESET : END_PEER_CLOSED);
	}
	close_server();
}

TEST(a_client_that_leaves_while_its_body_is_paused_is_noticed)
{
	int fd;
	open_server(false, false);
	fd = raw_connect(port);
	raw_say(fd, "POST /paused HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n");
	spin(3);
	raw_say(fd, "half of it");
	spin(5);
	T_TRUE(app.waiting != NULL);
	close(fd);
	spin(5);
	T_TRUE(app.waiting == NULL);
	T_EQ_I(app.last_end, END_PEER_CLOSED);
	/* All of it is in the kernel: it may only have half-closed, so the application decides. */
	fd = raw_connect(port);
	raw_say(fd, "POST /paused HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
	spin(3);
	raw_say(fd, "body");
	shutdown(fd, SHUT_WR);
	spin(5);
	T_TRUE(app.waiting != NULL);
	if (app.waiting)
		stream_resume(app.waiting);
	spin(5);
	T_EQ_I(app.body_ends, 1);
	close(fd);
	close_server();
}

TEST(a_half_closed_client_is_served_where_configured)
{
	struct got g = {0};
	int fd;
	open_server(false, true);
	fd = raw_connect(port);
	raw_say(fd, "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
	shutdown(fd, SHUT_WR);
	spin(10);
	T_TRUE(app.waiting != NULL);
	if (app.waiting) {
		stream_respond(app.waiting, 200, NULL, 0, 4);
		stream_send(app.waiting, STR("late"));
		stream_end(app.waiting);
	}
	raw_until(fd, &g, NULL);
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n") && strstr(g.p, "\r\n\r\nlate") && g.end);
	T_EQ_I(app.last_end, END_OK);
	close(fd);
	got_free(&g);
	fd = raw_connect(port); /* half a request and FIN is the end */
	raw_say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh");
	shutdown(fd, SHUT_WR);
	raw_until(fd, &g, NULL);
	T_TRUE(g.end && g.n == 0);
	T_EQ_I(app.last_end, END_PEER_CLOSED);
	close(fd);
	got_free(&g);
	close_server();
}

TEST(a_pipelining_flood_is_not_swallowed)
{
	static char block[65536];
	size_t sent = 0;
	int fd;
	open_server(false, false);
	fd = raw_connect(port);
	raw_say(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int i = 0; i < 20000; i++) {
		ssize_t k = send(fd, block, sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += k > 0 ? (size_t)k : 0;
		if (i % 50 == 0)
			loop_once(loop, 0);
	}
	T_TRUE(app.waiting != NULL);
	T_TRUE(sent < 30u << 20); /* what the kernel's buffers took; the rest waits at the client */
	close(fd);
	close_server();
}

TEST(draining_answers_what_is_on_its_way_ends_idle_connections_and_finishes_busy_ones)
{
	struct got a = {0}, b = {0}, c = {0}, d = {0};
	int idle, busy, late, queued;
	open_server(false, false);
	idle = raw_connect(port);
	raw_say(idle, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_until(idle, &a, "\r\n\r\n");
	late = raw_connect(port);
	raw_say(late, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_until(late, &c, "\r\n\r\n");
	busy = raw_connect(port);
	raw_say(busy, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	spin(5);
	queued = raw_connect(port); /* not accepted yet */
	server_drain(server);
	raw_say(late, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_until(late, &c, NULL);
	T_TRUE(c.end && strstr(c.p + 20, "HTTP/1.1 204 ") && strstr(c.p + 20, "connection: close\r\n"));
	raw_say(queued, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_until(queued, &d, NULL);
	T_TRUE(d.end && begins(&d, "HTTP/1.1 204 ") && strstr(d.p, "connection: close\r\n"));
	raw_until(idle, &a, NULL);
	T_TRUE(a.end);
	T_TRUE(raw_connect(port) < 0);
	stream_respond(app.waiting, 200, NULL, 0, 2);
	stream_send(app.waiting, STR("ok"));
	stream_end(app.waiting);
	raw_until(busy, &b, NULL);
	T_TRUE(begins(&b, "HTTP/1.1 200 OK\r\n") && strstr(b.p, "connection: close\r\n") && strstr(b.p,
		"\r\n\r\nok") && b.end);
	spin(5);
	T_EQ_I(server_connections(server), 0);
	close(idle);
	close(busy);
	close(late);
	close(queued);
	got_free(&a);
	got_free(&b);
	got_free(&c);
	got_free(&d);
	close_server();
}

TEST(beyond_the_limit_the_oldest_idle_connection_makes_room_and_busy_ones_are_left)
{
	struct server_config c = {.listen = "127.0.0.1:0", .handler = &handler, .max_connections = 3};
	struct got g = {0};
	struct server *s;
	char byte;
	int fd[5];
	open_server(false, false);
	s = server_open(loop, &c, NULL);
	fd[0] = raw_connect(server_port(s));
	raw_say(fd[0], "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	spin(5);
	for (int i = 1; i < 5; i++)
		fd[i] = raw_connect(server_port(s));
	spin(10);
	T_EQ_I(server_connections(s), 3);
	T_TRUE(recv(fd[1], &byte, 1, MSG_DONTWAIT) == 0 && recv(fd[2], &byte, 1, MSG_DONTWAIT) == 0);
	T_TRUE(recv(fd[0], &byte, 1, MSG_DONTWAIT) < 0 && recv(fd[4], &byte, 1, MSG_DONTWAIT) < 0);
	raw_say(fd[4], "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_until(fd[4], &g, "\r\n\r\n");
	T_TRUE(begins(&g, "HTTP/1.1 204 "));
	for (int i = 0; i < 5; i++)
		close(fd[i]);
	got_free(&g);
	spin(5);
	server_close(s);
	close_server();
}

TEST(when_all_are_busy_the_next_connection_waits)
{
	struct server_config c = {.listen = "127.0.0.1:0", .handler = &handler, .max_connections = 1};
	struct got g = {0};
	struct server *s;
	int busy, next;
	open_server(false, false);
	s = server_open(loop, &c, NULL);
	busy = raw_connect(server_port(s));
	raw_say(busy, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	spin(5);
	next = raw_connect(server_port(s));
	raw_say(next, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	spin(10);
	T_EQ_I(server_connections(s), 1);
	T_TRUE(app.waiting != NULL);
	stream_respond(app.waiting, 200, NULL, 0, 0);
	stream_end(app.waiting);
	raw_until(next, &g, "\r\n\r\n");
	T_TRUE(begins(&g, "HTTP/1.1 204 "));
	close(busy);
	close(next);
	got_free(&g);
	spin(5);
	server_close(s);
	close_server();
}

TEST(unix_sockets_are_for_their_owner_and_leftovers_are_replaced)
{
	char path[64], where[80];
	struct server_config c = {.listen = where, .handler = &handler};
	struct server *s, *second;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	struct err e;
	int fd;
	open_server(false, false);
	snprintf(path, sizeof path, "test-net-%d.sock", (int)getpid());
	snprintf(where, sizeof where, "unix:%s", path);
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0); /* a leftover: bound, nobody listens */
	T_EQ_I(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	close(fd);
	s = server_open(loop, &c, &e);
	T_TRUE(s != NULL);
	T_TRUE(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	second = server_open(loop, &c, &e);
	T_TRUE(second == NULL && strstr(e.what, "cannot listen"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	T_EQ_I(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	raw_say(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
	spin(5);
	T_TRUE(app.waiting && str_eqc(stream_peer(app.waiting), "unix:"));
	close(fd);
	spin(5);
	server_close(s);
	T_TRUE(stat(path, &st) != 0);
	close_server();
}

TEST(bad_addresses_are_explained)
{
	static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "::1:80", ":80", "unix:", "256.0.0.1:0"};
	struct err e;
	open_server(false, false);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct server_config c = {.listen = bad[i], .handler = &handler};
		memset(&e, 0, sizeof e);
		T_TRUE(server_open(loop, &c, &e) == NULL && e.what[0]);
	}
	close_server();
}

T_MAIN
