/* SPDX-License-Identifier: Apache-2.0
 *
 * The server's limits against raw clients: sizes, times, slow readers, how many at once.
 */
#include "server_help.h"

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

T_MAIN
