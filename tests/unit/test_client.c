/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against upstreams that follow a script: whole, short, long, cut and lying ones.
 */
#include "client_help.h"

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
	{"101 that nobody asked for", "GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "", KEEP, 0,
		END_BAD_SYNTAX},
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
	open_all(true);
	for (int late = 0; late < 2; late++) { /* a vendor that worked for a second may bill it: it is not asked twice */
		int fd = one_idle(), second;
		uint64_t before;
		pool_stats(pool, &st);
		before = st.retried;
		result_init(&r);
		start(&r, "POST", "/again", STR("body"));
		raw_until(fd, &g, "body");
		got_free(&g);
		clock_advance(&hand, late ? 1000000 : 900000);
		end_with(fd, CLOSE);
		if (!late) {
			second = raw_accept(listener);
			raw_until(second, &g, "body");
			got_free(&g);
			raw_say(second, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
			until_done(&r);
			close(second);
		} else {
			until_done(&r);
		}
		pool_stats(pool, &st);
		T_EQ_I(r.how, late ? END_PEER_CLOSED : END_OK);
		T_EQ_I(st.retried - before, !late);
		sb_fini(&r.body);
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

TEST(a_reset_while_paused_is_told_on_resume)
{
	struct result r;
	struct got g = {0};
	int fd;
	open_all(false);
	result_init(&r);
	r.pause_at_head = true;
	start(&r, "GET", "/", STR(""));
	fd = raw_accept(listener);
	raw_until(fd, &g, "\r\n\r\n");
	raw_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nx");
	spin(3);
	end_with(fd, RESET);
	spin(10);
	T_TRUE(r.dones == 0 && r.heads == 1 && r.body.n == 0);
	exchange_resume(r.x);
	until_done(&r);
	T_TRUE(r.how == END_PEER_RESET && r.body.n == 1);
	sb_fini(&r.body);
	got_free(&g);
	close_all();
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
