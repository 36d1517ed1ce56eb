/* SPDX-License-Identifier: Apache-2.0
 *
 * The server at its edges: no descriptors left, an application that answers wrongly, ends while draining,
 * and two workers on one port in threads of their own.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "net_help.h"

static struct {
	unsigned requests, closed;
	enum http_end last_end;
} app;

static const struct header evil = {STR("x"), STR("a\r\nb: c")};

static void on_request(void *a, struct stream *s)
{
	struct str path = stream_head(s)->path;
	struct header many[HTTP_HEADERS];
	(void)a;
	app.requests++;
	T_TRUE(stream_loop(s) == loop && stream_app(s) == &app && stream_queued(s) == 0 && !stream_responded(s));
	T_TRUE(arena_alloc(stream_arena(s), 100000) != NULL);
	T_TRUE(stream_send(s, STR("too early")) < 0 && stream_end(s) < 0);
	T_TRUE(stream_respond(s, 99, NULL, 0, 0) < 0 && stream_respond(s, 103, NULL, 0, 0) < 0);
	T_TRUE(stream_respond(s, 200, &evil, 1, 0) == -RR_INPUT && !stream_responded(s));
	if (str_eqc(path, "/long-head")) {
		char *value = arena_alloc(stream_arena(s), 2000);
		memset(value, 'v', 2000);
		for (unsigned i = 0; i < HTTP_HEADERS; i++)
			many[i] = (struct header){STR("x-many"), str_make(value, 2000)};
		T_TRUE(stream_respond(s, 200, many, HTTP_HEADERS, 0) == -RR_LIMIT && !stream_responded(s));
	}
	if (str_eqc(path, "/close"))
		stream_close_after(s);
	T_EQ_I(stream_respond(s, 200, NULL, 0, 5), 0);
	T_TRUE(stream_respond(s, 200, NULL, 0, 5) < 0);
	if (str_eqc(path, "/more")) {
		T_TRUE(stream_send(s, STR("123456")) < 0); /* than was promised */
		T_TRUE(stream_send(s, STR("1")) < 0 && stream_end(s) < 0);
		stream_pause(s);
		return;
	}
	if (str_eqc(path, "/pause-and-end"))
		stream_pause(s);
	T_TRUE(stream_send(s, STR("")) >= 0 && stream_send(s, STR("hello")) > 0 && stream_queued(s) > 5);
	T_EQ_I(stream_end(s), 0);
}

static void on_closed(struct stream *s, enum http_end how)
{
	(void)s;
	app.closed++;
	app.last_end = how;
}

static const struct server_handler handler = {on_request, NULL, NULL, NULL, on_closed, NULL};

static struct server *open_server(void)
{
	struct server_config c = {.listen = "127.0.0.1:0", .handler = &handler, .app = &app};
	struct server *s;
	memset(&app, 0, sizeof app);
	loop = loop_new(&clock_system, NULL);
	s = server_open(loop, &c, NULL);
	if (!s)
		abort();
	return s;
}

static void close_server(struct server *s)
{
	server_close(s);
	T_EQ_I(app.requests, app.closed);
	buf_thread_free();
	loop_free(loop);
}

TEST(wrong_answers_are_refused_or_cut)
{
	struct server *s = open_server();
	struct got g;
	g = raw_ask_text(server_port(s), "GET /long-head HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n") && strstr(g.p, "\r\n\r\nhello") && !strstr(g.p, "b: c"));
	got_free(&g);
	g = raw_ask_text(server_port(s), "GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n") && strstr(g.p, "connection: close\r\n") && g.end);
	got_free(&g);
	g = raw_ask_text(server_port(s), "GET /more HTTP/1.1\r\nHost: a\r\n\r\n");
	T_TRUE(g.end && (!g.p || !strstr(g.p, "123456")));
	T_EQ_I(app.last_end, END_ABORTED);
	got_free(&g);
	g = raw_ask_text(server_port(s), "POST /pause-and-end HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
					 "GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
	T_EQ_I(count_of(g.p, "\r\n\r\nhello"), 2);
	got_free(&g);
	close_server(s);
}

TEST(no_descriptors_left_is_survived)
{
	struct server *s = open_server();
	struct rlimit old, few;
	struct got g = {0};
	int fd[6], one_more;
	getrlimit(RLIMIT_NOFILE, &old);
	for (int i = 0; i < 6; i++)
		fd[i] = raw_connect(server_port(s));
	one_more = dup(fd[0]);
	close(one_more);
	few = (struct rlimit){(rlim_t)one_more + 2, old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	spin(20); /* must not spin at full speed either, but that cannot be seen here */
	T_TRUE(server_connections(s) < 6);
	setrlimit(RLIMIT_NOFILE, &old);
	raw_say(fd[5], "GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_until(fd[5], &g, "hello");
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n"));
	T_TRUE(server_connections(s) >= 5);
	for (int i = 0; i < 6; i++)
		close(fd[i]);
	got_free(&g);
	spin(5);
	close_server(s);
}

TEST(draining_with_half_a_head_here)
{
	struct server *s = open_server();
	struct got g = {0};
	int fd = raw_connect(server_port(s));
	raw_say(fd, "GET / HTTP/1.1\r\nHo");
	spin(5);
	server_drain(s);
	spin(5);
	raw_say(fd, "st: a\r\n\r\n");
	raw_until(fd, &g, NULL);
	T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n") && strstr(g.p, "connection: close\r\n") && g.end);
	close(fd);
	got_free(&g);
	spin(5);
	T_EQ_I(server_connections(s), 0);
	close_server(s);
}

/* ---- two workers */

static void quick(void *a, struct stream *s)
{
	++*(unsigned *)a;
	stream_respond(s, 200, NULL, 0, 2);
	stream_send(s, STR("ok"));
	stream_end(s);
}

static void quick_closed(struct stream *s, enum http_end how)
{
	(void)s, (void)how;
}

static const struct server_handler quick_handler = {quick, NULL, NULL, NULL, quick_closed, NULL};

struct worker {
	struct loop *loop;
	struct server *server;
	unsigned served;
	pthread_t thread;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	loop_run(w->loop);
	server_close(w->server);
	buf_thread_free();
	return NULL;
}

TEST(two_workers_share_a_port)
{
	struct worker w[2] = {0};
	char where[64] = "127.0.0.1:0";
	unsigned good = 0;
	for (int i = 0; i < 2; i++) {
		struct server_config c = {.listen = where, .handler = &quick_handler, .app = &w[i].served,
			.reuse_port = true};
		w[i].loop = loop_new(&clock_system, NULL);
		w[i].server = server_open(w[i].loop, &c, NULL);
		if (!w[i].server)
			abort();
		snprintf(where, sizeof where, "%s", server_address(w[i].server));
	}
	for (int i = 0; i < 2; i++)
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	for (int i = 0; i < 200; i++) {
		int fd = raw_connect((uint16_t)atoi(strchr(where, ':') + 1));
		char answer[512] = "";
		fcntl(fd, F_SETFL, 0);
		for (int k = 0; k < 3; k++) {
			size_t n = 0;
			(void)!send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, MSG_NOSIGNAL);
			while (n < sizeof answer - 1 && !strstr(answer, "\r\n\r\nok")) {
				ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
				if (got <= 0)
					break;
				n += (size_t)got;
				answer[n] = 0;
			}
			good += !strncmp(answer, "HTTP/1.1 200 OK\r\n", 17);
			memset(answer, 0, sizeof answer);
		}
		close(fd);
	}
	for (int i = 0; i < 2; i++)
		loop_stop(w[i].loop);
	for (int i = 0; i < 2; i++)
		pthread_join(w[i].thread, NULL);
	for (int i = 0; i < 2; i++)
		loop_free(w[i].loop);
	T_EQ_I(good, 600);
	T_EQ_I(w[0].served + w[1].served, 600);
	T_TRUE(w[0].served && w[1].served);
}

T_MAIN
