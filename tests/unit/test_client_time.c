/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's clock and its addresses: each timeout by itself, names, several addresses, many origins.
 */
#include <netdb.h>

#include "client_help.h"

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

/* Asks o, answers on the connection that comes in at fd_listen. */
static void one_answer(struct origin *o, int fd_listen)
{
	struct result r;
	struct got g = {0};
	int fd;
	o->limits = &limits;
	origin = *o;
	result_init(&r);
	start(&r, "GET", "/", STR(""));
	fd = raw_accept(fd_listen);
	T_TRUE(fd >= 0);
	raw_until(fd, &g, "\r\n\r\n");
	raw_say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	until_done(&r);
	T_EQ_I(r.how, END_OK);
	close(fd);
	sb_fini(&r.body);
	got_free(&g);
}

TEST(the_next_address_is_tried)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
	struct origin o;
	char url[64];
	open_all(false);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) || bind(fd, (struct sockaddr *)&a, n) ||
	    listen(fd, 5) || getsockname(fd, (struct sockaddr *)&a, &n)) {
		printf("  SKIPPED: there is no IPv6 here\n");
	} else { /* localhost is 127.0.0.1, where nobody listens, then ::1 */
		snprintf(url, sizeof url, "http://localhost:%u", ntohs(a.sin6_port));
		T_EQ_I(origin_parse(&o, str_of(url), NULL), 0);
		one_answer(&o, fd);
	}
	close(fd);
	close_all();
}

TEST(this_machines_name_is_resolved_and_remembered)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char name[200] = "", url[256];
	struct origin o;
	struct addrinfo *list = NULL;
	open_all(false);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 5) || getsockname(fd, (struct sockaddr *)&a,
		&n) ||
	    gethostname(name, sizeof name - 1) || getaddrinfo(name, NULL, NULL, &list)) {
		printf("  SKIPPED: this machine's own name has no address\n");
	} else {
		freeaddrinfo(list);
		snprintf(url, sizeof url, "http://%s:%u", name, ntohs(a.sin6_port));
		T_EQ_I(origin_parse(&o, str_of(url), NULL), 0);
		for (int i = 0; i < 3; i++)
			one_answer(&o, fd);
	}
	close(fd);
	close_all();
}

TEST(hundreds_of_origins_are_forgotten_again)
{
	open_all(false);
	for (unsigned i = 1; i <= 600; i++) { /* ports below 1024 on a loopback address of their own: nobody is there */
		struct result r;
		char url[64];
		snprintf(url, sizeof url, "http://127.99.0.1:%u", i);
		T_EQ_I(origin_parse(&origin, str_of(url), NULL), 0);
		origin.limits = &limits;
		result_init(&r);
		start(&r, "GET", "/", STR(""));
		until_done(&r);
		T_TRUE(r.how == END_CONNECT || r.how == END_OK || r.how == END_BAD_SYNTAX);
		sb_fini(&r.body);
	}
	close_all();
}

T_MAIN
