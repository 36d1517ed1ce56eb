/* SPDX-License-Identifier: Apache-2.0
 *
 * One request at a time against a peer in a thread of its own: whole, moved, too large, silent, gone, stopped.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/fetch.h"
#include "net_help.h"

/* Answers each request of each connection with the script that its path names. */
static const struct {
	const char *path, *answer;
} scripts[] = {
	{"/ok", "HTTP/1.1 200 OK\r\nX-Cursor: a b\r\nContent-Length: 5\r\n\r\nhello"},
	{"/moved", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n"},
	{"/busy", "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno"},
	{"/dated", "HTTP/1.1 503 Later\r\nRetry-After: Fri, 27 Nov 2026 10:00:30 GMT\r\nContent-Length: 0\r\n\r\n"},
	{"/odd", "HTTP/1.1 503 Later\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n"},
	{"/long", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789"},
	{"/short", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789"},
	{"/silent", ""},
};

static struct {
	int listener;
	uint16_t port;
	pthread_t thread;
	atomic_uint connections, requests;
	char last[4096];
} peer;

static void serve_one(int fd)
{
	char in[4096];
	size_t n = 0;
	for (;;) {
		ssize_t k = recv(fd, in + n, sizeof in - 1 - n, 0);
		char *end;
		if (k <= 0)
			break;
		n += (size_t)k;
		in[n] = 0;
		end = strstr(in, "\r\n\r\n");
		if (!end || (strstr(in, "content-length: 7") && !strstr(in, "{\"a\":1}")))
			continue;
		memcpy(peer.last, in, n + 1);
		atomic_fetch_add(&peer.requests, 1);
		for (unsigned i = 0; i < sizeof scripts / sizeof *scripts; i++) {
			const char *at = strchr(in, '/');
			size_t len = strlen(scripts[i].path);
			if (at && strncmp(at, scripts[i].path, len) == 0 && strchr(" ?", at[len]))
				send(fd, scripts[i].answer, strlen(scripts[i].answer), MSG_NOSIGNAL);
		}
		if (strstr(in, "/short"))
			break;
		n = 0;
	}
	close(fd);
}

static void *serve(void *arg)
{
	int fd;
	(void)arg;
	while ((fd = accept(peer.listener, NULL, NULL)) >= 0) {
		atomic_fetch_add(&peer.connections, 1);
		serve_one(fd);
	}
	return NULL;
}

static struct fetcher *begin(struct fetch_url *u, struct fetch_answer *a)
{
	char url[64];
	struct err e;
	memset(&peer, 0, sizeof peer);
	peer.listener = raw_listen(&peer.port, 8);
	fcntl(peer.listener, F_SETFL, 0);
	pthread_create(&peer.thread, NULL, serve, NULL);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/ok", peer.port);
	T_EQ_I(fetch_url_parse(u, str_of(url), &e), 0);
	fetch_answer_init(a);
	return fetcher_new(&e);
}

static void end(struct fetcher *f, struct fetch_answer *a)
{
	fetcher_free(f);
	fetch_answer_fini(a);
	shutdown(peer.listener, SHUT_RDWR);
	pthread_join(peer.thread, NULL);
	close(peer.listener);
}

static int get(struct fetcher *f, const struct fetch_url *u, const char *target, struct fetch_answer *a, struct err *e)
{
	struct fetch_ask ask = {.origin = &u->origin, .method = STR("GET"), .target = str_of(target), .timeout_us = 300000,
				.most_bytes = 30};
	return fetch(f, &ask, a, e);
}

TEST(answers_of_all_kinds)
{
	static const int64_t now = 1795773600000000; /* 2026-11-27T10:00:00Z */
	struct fetch_url u;
	struct fetch_answer a;
	struct err e = {0};
	struct fetcher *f = begin(&u, &a);
	T_EQ_I(get(f, &u, u.target, &a, &e), 0);
	T_TRUE(a.status == 200 && str_eqc(sb_str(&a.body), "hello") && str_eqc(fetch_header(&a, "x-cursor"), "a b"));
	T_TRUE(!fetch_header(&a, "x-none").p && fetch_retry_after_us(&a, now) == -1);
	T_EQ_I(get(f, &u, "/moved", &a, &e), 0);
	T_TRUE(a.status == 302 && a.body.n == 0 && str_eqc(fetch_header(&a, "Location"), "/ok"));
	T_EQ_I(get(f, &u, "/busy", &a, &e), 0);
	T_TRUE(a.status == 429 && fetch_retry_after_us(&a, now) == 7000000);
	T_EQ_I(get(f, &u, "/dated?x", &a, &e), 0);
	T_EQ_I(fetch_retry_after_us(&a, now), 30000000);
	T_EQ_I(fetch_retry_after_us(&a, now + 40000000), 0);
	T_EQ_I(get(f, &u, "/odd", &a, &e), 0);
	T_EQ_I(fetch_retry_after_us(&a, now), -1);
	T_EQ_I(peer.connections, 1); /* kept all the while */
	T_EQ_I(get(f, &u, "/long", &a, &e), -RR_LIMIT);
	T_TRUE(strstr(e.what, "over 30 bytes") != NULL);
	T_EQ_I(get(f, &u, "/short", &a, &e), -RR_NET);
	T_EQ_I(get(f, &u, "/silent", &a, &e), -RR_NET);
	T_EQ_I(a.end, END_TIMEOUT_TOTAL);
	T_EQ_I(get(f, &u, "/ok", &a, &e), 0);
	end(f, &a);
	peer.port = 1;
	f = fetcher_new(&e);
	fetch_answer_init(&a);
	fetch_url_parse(&u, STR("http://127.0.0.1:1/"), &e);
	T_EQ_I(get(f, &u, "/ok", &a, &e), -RR_NET);
	T_EQ_I(a.status, 0);
	fetcher_free(f);
	fetch_answer_fini(&a);
}

TEST(a_post_as_it_stands_on_the_wire)
{
	struct fetch_url u;
	struct fetch_answer a;
	struct err e = {0};
	struct fetcher *f = begin(&u, &a);
	struct header h[] = {{STR("content-type"), STR("application/json")}, {STR("x-sign"), STR("s")}};
	struct fetch_ask ask = {.origin = &u.origin, .method = STR("POST"), .target = STR("/ok?q=1"), .headers = h, .count = 2,
				.body = STR("{\"a\":1}")};
	char want[256];
	T_EQ_I(fetch(f, &ask, &a, &e), 0);
	snprintf(want, sizeof want,
		 "POST /ok?q=1 HTTP/1.1\r\nhost: 127.0.0.1:%u\r\ncontent-type: application/json\r\nx-sign: s\r\n"
		 "content-length: 7\r\n\r\n{\"a\":1}", peer.port);
	T_EQ_S(peer.last, want);
	end(f, &a);
}

static void *stop_soon(void *arg)
{
	while (!atomic_load(&peer.requests))
		usleep(1000);
	fetcher_stop(arg);
	return NULL;
}

TEST(a_stop_from_elsewhere_ends_the_wait)
{
	struct fetch_url u;
	struct fetch_answer a;
	struct err e = {0};
	struct fetcher *f = begin(&u, &a);
	struct fetch_ask ask = {.origin = &u.origin, .method = STR("GET"), .target = STR("/silent")};
	pthread_t t;
	pthread_create(&t, NULL, stop_soon, f);
	T_EQ_I(fetch(f, &ask, &a, &e), -RR_NET); /* its own limit is 30 s */
	T_EQ_I(a.end, END_ABORTED);
	T_EQ_I(fetch(f, &ask, &a, &e), -RR_NET);
	pthread_join(t, NULL);
	end(f, &a);
}

TEST(addresses)
{
	static const struct {
		const char *url, *authority, *target; /* authority NULL: refused */
	} cases[] = {
		{"https://example.org", "example.org", "/"},
		{"https://example.org/", "example.org", "/"},
		{"https://Example.org:8443/a/b?c=/d&e", "example.org:8443", "/a/b?c=/d&e"},
		{"http://[::1]:4318/v1/traces", "[::1]:4318", "/v1/traces"},
		{"https://example.org?x=1", "example.org", "/?x=1"},
		{"https://user@example.org/", NULL, NULL},
		{"https://example.org/a b", NULL, NULL},
		{"https://example.org/a#b", NULL, NULL},
		{"ftp://example.org/", NULL, NULL},
		{"file:///etc/passwd", NULL, NULL},
		{"https:///x", NULL, NULL},
		{"example.org/x", NULL, NULL},
		{"", NULL, NULL},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fetch_url u;
		struct err e = {0};
		int rc = fetch_url_parse(&u, str_of(cases[i].url), &e);
		T_EQ_I(rc, cases[i].authority ? 0 : -RR_CONFIG);
		if (rc) {
			T_TRUE(e.what[0] != 0);
			continue;
		}
		T_EQ_S(u.origin.authority, cases[i].authority);
		T_EQ_S(u.target, cases[i].target);
		T_EQ_S(u.origin.base_path, "");
	}
}

T_MAIN
