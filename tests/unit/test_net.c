/* SPDX-License-Identifier: Apache-2.0
 *
 * The server against raw clients: framing, order, half-closed and vanished clients, its addresses.
 */
#include <sys/stat.h>
#include <time.h>

#include "h1_cases.h"
#include "server_help.h"

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
