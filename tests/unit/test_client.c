/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against upstreams that follow a script: whole, short, long, cut, silent and lying ones.
 */
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
static void play(struct result *r, const char *method, const char *script, size_t cut, int how)
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

/* ---- */

TEST(the_request_as_it_stands_on_the_wire)
{
	struct result r;
	struct got g = {0};
	char want[256];
	int fd;
	open_all(false);
	result_init(&r);
	start(&r, "POST", "/v1/x?a=b", STR("{\"k\":1}"));
	fd = raw_accept(listener);
	raw_until(fd, &g, "{\"k\":1}");
	snprintf(want, sizeof want,
		 "POST /base/v1/x?a=b HTTP/1.1\r\nhost: 127.0.0.1:%u\r\nauthorization: Bearer x\r\n"
		"content-length: 7\r\n\r\n{\"k\":1}", port);
	T_EQ_S(g.p, want);
	raw_say(fd, "HTTP/1.1 200 OK\r\nX-Test: yes\r\nContent-Length: 2\r\n\r\nhi");
	until_done(&r);
	T_TRUE(r.how == END_OK && r.status == 200 && str_eqc(sb_str(&r.body), "hi"));
	T_EQ_S(r.header, "yes");
	close(fd);
	sb_fini(&r.body);
	got_free(&g);
	close_all();
}

struct script {
	const char *name, *method, *bytes, *body;
	int how;
	unsigned status;
	enum http_end end;
};

static const struct script scripts[] = {
	{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", KEEP, 200, END_OK},
	{"chunked", "GET",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: u\r\n\r\n",
		"hello", KEEP, 200, END_OK},
	{"until close", "GET", "HTTP/1.1 200 OK\r\n\r\nhello", "hello", CLOSE, 200, END_OK},
	{"until close, 1.0", "GET", "HTTP/1.0 200 OK\r\n\r\nhello", "hello", CLOSE, 200, END_OK},
	{"until close, reset", "GET", "HTTP/1.1 200 OK\r\n\r\nhello", "hello", RESET, 200, END_PEER_RESET},
	{"head", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", KEEP, 200, END_OK},
	{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "", KEEP, 204, END_OK},
	{"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", KEEP, 304, END_OK},
	{"100 first", "POST",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
		"HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", "x", KEEP, 201, END_OK},
	{"101", "GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "", KEEP, 101, END_OK},
	{"302 is not followed", "GET",
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "", KEEP, 302,
		END_OK},
	{"long body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello", "he", KEEP, 200, END_OK},
	{"short body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "hello", CLOSE, 200,
		END_PEER_CLOSED},
	{"short body, reset", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "hello", RESET, 200,
		END_PEER_RESET},
	{"cut in the head", "GET", "HTTP/1.1 200 OK\r\nContent-Len", "", CLOSE, 0, END_PEER_CLOSED},
	{"nothing at all", "GET", "", "", CLOSE, 0, END_PEER_CLOSED},
	{"reset at once", "GET", "", "", RESET, 0, END_PEER_RESET},
	{"chunks cut", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "hel", CLOSE, 200,
		END_PEER_CLOSED},
	{"chunks without an end", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"hello", CLOSE, 200, END_PEER_CLOSED},
	{"chunk size wrong", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", "he", KEEP,
		200, END_BAD_SYNTAX},
	{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "", KEEP, 0,
		END_BAD_SYNTAX},
	{"length and chunks", "GET",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", KEEP, 0,
		END_BAD_SYNTAX},
	{"gzip, chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "", KEEP, 0,
		END_BAD_SYNTAX},
	{"no http", "GET", "SSH-2.0-OpenSSH\r\n", "", KEEP, 0, END_BAD_SYNTAX},
	{"bare LF", "GET", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "", KEEP, 0, END_BAD_SYNTAX},
};

TEST(answers_of_every_kind_in_one_piece_and_split_at_every_byte)
{
	open_all(false);
	for (unsigned i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		const struct script *s = &scripts[i];
		size_t n = strlen(s->bytes);
		for (size_t cut = 0; cut <= n; cut++) {
			struct result r;
			play(&r, s->method, s->bytes, n - cut, s->how);
			/* After a reset what was sent just before may be lost, as TCP has it. */
			if (r.how != s->end || (s->how != RESET && (r.status != s->status || !str_eqc(sb_str(&r.body),
				s->body))) ||
			    r.heads > 1) {
				printf("  %s cut at %zu: end %d status %u body %s fault %s\n", s->name, n - cut,
					r.how, r.status,
				       sb_str(&r.body).p, r.fault);
				t_bad++;
			}
			if (r.how == END_BAD_SYNTAX)
				T_TRUE(r.fault[0]);
			sb_fini(&r.body);
		}
	}
	close_all();
}

TEST(connections_are_reused_only_after_whole_answers)
{
	struct result r;
	struct pool_stats st;
	struct got g = {0};
	int fd;
	open_all(false);
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	fd = raw_accept(listener);
	for (int i = 0; i < 20; i++) {
		raw_until(fd, &g, "\r\n\r\n");
		got_free(&g);
		raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
		until_done(&r);
		T_TRUE(r.how == END_OK && r.reused == (i > 0));
		sb_fini(&r.body);
		result_init(&r);
		start(&r, "GET", "/", STR(""));
	}
	pool_stats(pool, &st);
	T_TRUE(st.opened == 1 && st.reused == 20 && st.busy == 1 && st.idle == 0);
	raw_until(fd, &g, "\r\n\r\n");
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiX"); /* one byte too many */
	until_done(&r);
	T_EQ_I(r.how, END_OK);
	pool_stats(pool, &st);
	T_EQ_I(st.idle, 0);
	close(fd);
	got_free(&g);
	for (int how = 0; how < 3; how++) { /* close asked for; 1.0; speaking out of turn */
		static const char *const text[] = {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
						   "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
						"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
		sb_fini(&r.body);
		result_init(&r);
		start(&r, "GET", "/", STR(""));
		fd = raw_accept(listener);
		raw_until(fd, &g, "\r\n\r\n");
		raw_say(fd, text[how]);
		until_done(&r);
		pool_stats(pool, &st);
		T_EQ_I(st.idle, how == 2);
		raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
		spin(5);
		pool_stats(pool, &st);
		T_EQ_I(st.idle, 0);
		close(fd);
		got_free(&g);
	}
	sb_fini(&r.body);
	close_all();
}

/* Leaves one idle connection behind; returns its upstream end. */
static int one_idle(void)
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

TEST(a_connection_that_died_idle_is_replaced_unseen_once)
{
	struct pool_stats st;
	struct result r;
	struct got g = {0};
	open_all(false);
	for (int how = CLOSE; how <= RESET; how++)
		for (int late = 0; late < 3; late++) {
			int fd = one_idle(), second;
			uint64_t before;
			pool_stats(pool, &st);
			before = st.retried;
			T_EQ_I(st.idle, 1);
			result_init(&r);
			if (late < 2)
				end_with(fd, how);
			if (late == 0)
				spin(3); /* noticed while idle: no retry is needed */
			start(&r, "POST", "/again", STR("body"));
			if (late == 2) { /* dies after it got the request */
				raw_until(fd, &g, "body");
				got_free(&g);
				end_with(fd, how);
			}
			second = raw_accept(listener);
			raw_until(second, &g, "body");
			T_TRUE(g.p && !strncmp(g.p, "POST /base/again ", 17));
			got_free(&g);
			raw_say(second, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
			until_done(&r);
			T_TRUE(r.how == END_OK && str_eqc(sb_str(&r.body), "ok"));
			pool_stats(pool, &st);
			T_EQ_I(st.retried - before, late != 0);
			close(second);
			sb_fini(&r.body);
		}
	{ /* a second death is told */
		int fd = one_idle(), second;
		result_init(&r);
		end_with(fd, CLOSE);
		start(&r, "POST", "/again", STR("body"));
		second = raw_accept(listener);
		raw_until(second, &g, "body");
		close(second);
		until_done(&r);
		T_EQ_I(r.how, END_PEER_CLOSED);
		sb_fini(&r.body);
		got_free(&g);
	}
	{ /* one byte of an answer: no retry */
		int fd = one_idle();
		result_init(&r);
		start(&r, "POST", "/again", STR("body"));
		raw_until(fd, &g, "body");
		raw_say(fd, "H");
		close(fd);
		until_done(&r);
		T_EQ_I(r.how, END_PEER_CLOSED);
		sb_fini(&r.body);
		got_free(&g);
	}
	close_all();
}

TEST(floods_of_informational_answers_and_long_heads_end)
{
	static char m[100000];
	struct result r;
	size_t n = 0;
	open_all(false);
	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(m + n, "HTTP/1.1 103 Early Hints\r\n\r\n");
	play(&r, "GET", m, n, KEEP);
	T_EQ_I(r.how, END_BAD_SYNTAX);
	T_EQ_S(r.fault, "too many informational answers");
	sb_fini(&r.body);
	sprintf(m, "HTTP/1.1 200 OK\r\nX: %050000d\r\n\r\n", 0);
	play(&r, "GET", m, strlen(m), KEEP);
	T_EQ_I(r.how, END_TOO_LARGE);
	sb_fini(&r.body);
	close_all();
}

TEST(an_early_answer_before_the_body_is_sent)
{
	static char big[40 << 20];
	struct result r;
	struct got g = {0};
	struct pool_stats st;
	open_all(false);
	for (int how = KEEP; how <= CLOSE; how++) {
		int fd;
		result_init(&r);
		start(&r, "POST", "/", str_make(big, sizeof big));
		fd = raw_accept(listener);
		raw_until(fd, &g, "\r\n\r\n");
		raw_say(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nstop");
		if (how == CLOSE)
			shutdown(fd, SHUT_WR);
		until_done(&r);
		T_TRUE(r.how == END_OK && r.status == 413 && str_eqc(sb_str(&r.body), "stop"));
		pool_stats(pool, &st);
		T_EQ_I(st.idle, 0);
		close(fd);
		sb_fini(&r.body);
		got_free(&g);
	}
	close_all();
}

TEST(large_bodies_both_ways)
{
	static char big[5 << 20];
	struct result r;
	struct got g = {0};
	char head[128];
	int fd;
	open_all(false);
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)('a' + i * 7 % 26);
	result_init(&r);
	start(&r, "POST", "/", str_make(big, sizeof big));
	fd = raw_accept(listener);
	for (int i = 0; i < 100000 && g.n < sizeof big + 50; i++) {
		raw_read(fd, &g);
		loop_once(loop, 0);
		if (g.p && strstr(g.p, "\r\n\r\n") && g.n == sizeof big + (size_t)(strstr(g.p, "\r\n\r\n") - g.p) + 4)
			break;
	}
	T_TRUE(g.n > sizeof big && !memcmp(g.p + g.n - sizeof big, big, sizeof big));
	sprintf(head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof big);
	raw_say(fd, head);
	raw_send(fd, big, sizeof big);
	until_done(&r);
	T_TRUE(r.how == END_OK && r.body.n == sizeof big && !memcmp(r.body.p, big, sizeof big));
	close(fd);
	sb_fini(&r.body);
	got_free(&g);
	close_all();
}

/* ---- time */

static void pass_time(uint64_t us)
{
	clock_advance(&hand, us);
	loop_once(loop, 0);
	loop_once(loop, 0);
}

static void due_at(struct result *r, uint64_t due_us, enum http_end how)
{
	pass_time(due_us - 1000);
	T_EQ_I(r->dones, 0);
	pass_time(101000);
	pass_time(0);
	T_EQ_I(r->dones, 1);
	T_EQ_I(r->how, how);
}

TEST(each_timeout_is_its_own_within_100_ms)
{
	struct result r;
	struct got g = {0};
	int fd;
	open_all(true);
	/* first byte */
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	fd = raw_accept(listener);
	raw_until(fd, &g, "\r\n\r\n");
	due_at(&r, limits.first_byte_us, END_TIMEOUT_FIRST);
	close(fd);
	sb_fini(&r.body);
	got_free(&g);
	/* silence in the stream; each byte starts it anew */
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	fd = raw_accept(listener);
	raw_until(fd, &g, "\r\n\r\n");
	pass_time(limits.first_byte_us / 2);
	raw_say(fd, "HTTP/1.1 200 OK\r\n\r\nx");
	spin(3);
	for (int i = 0; i < 3; i++) {
		pass_time(limits.stream_idle_us - 1000000);
		raw_say(fd, "x");
		spin(3);
	}
	due_at(&r, limits.stream_idle_us, END_TIMEOUT_IDLE);
	T_EQ_I(r.body.n, 4);
	close(fd);
	sb_fini(&r.body);
	got_free(&g);
	/* total, however lively; and set shorter on the way */
	for (int shorter = 0; shorter < 2; shorter++) {
		uint64_t left;
		result_init(&r);
		start(&r, "GET", "/", STR(""));
		fd = raw_accept(listener);
		raw_until(fd, &g, "\r\n\r\n");
		raw_say(fd, "HTTP/1.1 200 OK\r\n\r\nx");
		spin(3);
		for (left = limits.total_us; left > 200 * 1000000ull; left -= 100 * 1000000ull) {
			pass_time(100 * 1000000);
			raw_say(fd, "x");
			spin(2);
		}
		if (shorter) {
			exchange_limit_us(r.x, 7000000);
			left = 7000000;
		}
		due_at(&r, left, END_TIMEOUT_TOTAL);
		close(fd);
		sb_fini(&r.body);
		got_free(&g);
	}
	/* paused: our own doing */
	result_init(&r);
	r.pause_at_head = true;
	start(&r, "GET", "/", STR(""));
	fd = raw_accept(listener);
	raw_until(fd, &g, "\r\n\r\n");
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
	spin(3);
	pass_time(2 * limits.stream_idle_us);
	pass_time(1000000);
	T_EQ_I(r.dones, 0);
	exchange_resume(r.x);
	raw_say(fd, "x");
	until_done(&r);
	T_EQ_I(r.how, END_OK);
	close(fd);
	sb_fini(&r.body);
	got_free(&g);
	/* an idle connection does not live for ever */
	fd = one_idle();
	pass_time(limits.idle_us + 100000);
	pass_time(0);
	{
		struct pool_stats st;
		pool_stats(pool, &st);
		T_EQ_I(st.idle, 0);
	}
	close(fd);
	close_all();
}

TEST(connecting_takes_no_longer_than_allowed)
{
	struct result r;
	char url[64];
	int full, held[8];
	uint16_t p;
	open_all(true);
	full = raw_listen(&p, 0); /* a backlog that is full: SYNs are dropped */
	for (int i = 0; i < 8; i++) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(p), .sin_addr.s_addr =
			htonl(INADDR_LOOPBACK)};
		held[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(held[i], (struct sockaddr *)&a, sizeof a);
	}
	snprintf(url, sizeof url, "http://127.0.0.1:%u", p);
	T_EQ_I(origin_parse(&origin, str_of(url), NULL), 0);
	origin.limits = &limits;
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	spin(3);
	due_at(&r, limits.connect_us, END_TIMEOUT_CONNECT);
	sb_fini(&r.body);
	for (int i = 0; i < 8; i++)
		close(held[i]);
	close(full);
	/* refused */
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	until_done(&r);
	T_EQ_I(r.how, END_CONNECT);
	T_EQ_S(r.fault, "Connection refused");
	sb_fini(&r.body);
	close_all();
}

TEST(names)
{
	struct result r;
	struct got g = {0};
	char url[64];
	int fd;
	open_all(false);
	snprintf(url, sizeof url, "http://localhost:%u", port);
	T_EQ_I(origin_parse(&origin, str_of(url), NULL), 0);
	origin.limits = &limits;
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	fd = raw_accept(listener);
	raw_until(fd, &g, "\r\n\r\n");
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	until_done(&r);
	T_EQ_I(r.how, END_OK);
	close(fd);
	sb_fini(&r.body);
	got_free(&g);
	T_EQ_I(origin_parse(&origin, STR("http://no-such-name.invalid"), NULL), 0); /* RFC 6761: never exists */
	origin.limits = &limits;
	for (int i = 0; i < 2; i++) {
		struct result two[2];
		for (int k = 0; k < 2; k++) {
			result_init(&two[k]);
			start(&two[k], "GET", "/", STR(""));
		}
		for (int k = 0; k < 8000 && !(two[0].dones && two[1].dones); k++)
			loop_once(loop, 1000);
		for (int k = 0; k < 2; k++) {
			T_TRUE(two[k].how == END_RESOLVE || two[k].how == END_TIMEOUT_CONNECT);
			sb_fini(&two[k].body);
		}
	}
	/* Given up while it is being resolved; and the pool goes away under a running look-up. */
	result_init(&r);
	origin_parse(&origin, STR("http://another.invalid"), NULL);
	start(&r, "GET", "/", STR(""));
	exchange_abort(r.x);
	until_done(&r);
	T_EQ_I(r.how, END_ABORTED);
	sb_fini(&r.body);
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	close_all();
	T_TRUE(r.dones == 1 && r.how == END_ABORTED);
	sb_fini(&r.body);
}

TEST(aborts_at_every_stage)
{
	struct result r;
	struct got g = {0};
	open_all(false);
	for (int stage = 0; stage < 4; stage++) {
		int fd = -1;
		result_init(&r);
		r.abort_at_head = stage == 3;
		start(&r, "GET", "/", STR(""));
		if (stage >= 1)
			fd = raw_accept(listener);
		if (stage >= 2)
			raw_until(fd, &g, "\r\n\r\n");
		if (stage == 3)
			raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
		else {
			exchange_abort(r.x);
			T_EQ_I(r.dones, 0);
		}
		until_done(&r);
		T_EQ_I(r.how, END_ABORTED);
		T_EQ_I(r.body.n, 0);
		if (fd < 0)
			fd = raw_accept(listener);
		close(fd);
		sb_fini(&r.body);
		got_free(&g);
	}
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	close_all(); /* with one under way */
	T_TRUE(r.dones == 1 && r.how == END_ABORTED);
	sb_fini(&r.body);
}

TEST(requests_that_cannot_be_written_are_refused)
{
	static const struct header evil = {STR("x"), STR("a\r\nb: c")};
	struct result r;
	open_all(false);
	result_init(&r);
	T_TRUE(exchange_start(pool, &origin, STR("GET"), STR("/"), &evil, 1, STR(""), &handler, &r) == NULL);
	T_TRUE(exchange_start(pool, &origin, STR("GET"), STR("/ HTTP/1.1\r\nX: y"), NULL, 0, STR(""), &handler, &r) ==
		NULL);
	T_TRUE(exchange_start(pool, &origin, STR("GE T"), STR("/"), NULL, 0, STR(""), &handler, &r) == NULL);
	T_EQ_I(r.dones, 0);
	sb_fini(&r.body);
	close_all();
}

TEST(origins)
{
	static const char *const bad[] = {"", "example.com", "ftp://a", "http://", "https:///x", "http://u@a",
		"http://u:p@a/", "http://a?x",
					  "http://a/#f", "http://a:0", "http://a:65536", "http://a:8o", "http://a:",
					"http://[::1", "http://a b",
					  "http://a/\\b", "http://[::1]x", "http://a:1:2"};
	struct origin o;
	struct err e;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (!origin_parse(&o, str_of(bad[i]), &e))
			printf("  taken: %s\n", bad[i]);
		T_TRUE(origin_parse(&o, str_of(bad[i]), &e) < 0 && e.what[0]);
	}
	T_EQ_I(origin_parse(&o, STR("https://API.openai.com/"), &e), 0);
	T_TRUE(o.port == 443 && !strcmp(o.host, "api.openai.com") && !strcmp(o.authority, "api.openai.com") &&
		!o.base_path[0]);
	T_EQ_I(origin_parse(&o, STR("http://[::1]:8000/a/b//"), &e), 0);
	T_TRUE(o.port == 8000 && !strcmp(o.host, "::1") && !strcmp(o.authority, "[::1]:8000") && !strcmp(o.base_path,
		"/a/b"));
	T_EQ_I(origin_parse(&o, STR("http://x:80"), &e), 0);
	T_EQ_S(o.authority, "x");
	T_EQ_I(origin_parse(&o, STR("https://x:80"), &e), 0);
	T_EQ_S(o.authority, "x:80");
}

T_MAIN
