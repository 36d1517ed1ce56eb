/* SPDX-License-Identifier: Apache-2.0
 *
 * Raw sockets around the loop under test: everything happens in one thread, the loop is turned until the
 * wanted bytes are there. Kernel sockets are real; the clock may be turned by hand.
 */
#ifndef RR_TEST_NET_HELP_H
#define RR_TEST_NET_HELP_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/client.h"
#include "net/server.h"
#include "t.h"

static struct loop *loop;

__attribute__((unused)) static void spin(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++)
		loop_once(loop, i < 3 ? 0 : 1000);
}

__attribute__((unused)) static int raw_connect(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr =
		htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

__attribute__((unused)) static int raw_listen(uint16_t *port, int backlog)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, backlog) || getsockname(fd, (struct sockaddr *)&a,
		&n))
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

__attribute__((unused)) static int raw_accept(int listener)
{
	for (int i = 0; i < 2000; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		loop_once(loop, 1000);
	}
	return -1;
}

/* Sends all, turning the loop when the peer is slow. Stops silently when the peer has closed. */
__attribute__((unused)) static size_t raw_send(int fd, const char *p, size_t n)
{
	size_t at = 0;
	for (int idle = 0; at < n && idle < 2000;) {
		ssize_t k = send(fd, p + at, n - at, MSG_NOSIGNAL);
		if (k > 0) {
			at += (size_t)k;
			idle = 0;
		} else if (errno != EAGAIN) {
			break;
		} else {
			idle++;
		}
		loop_once(loop, k > 0 ? 0 : 1000);
	}
	return at;
}

__attribute__((unused)) static void raw_say(int fd, const char *text)
{
	raw_send(fd, text, strlen(text));
}

struct got {
	char *p;
	size_t n, cap;
	bool end, reset;
};

__attribute__((unused)) static void got_free(struct got *g)
{
	free(g->p);
	memset(g, 0, sizeof *g);
}

/* One read; true when something came. */
__attribute__((unused)) static bool raw_read(int fd, struct got *g)
{
	ssize_t k;
	if (g->cap - g->n < 65537) {
		g->cap = g->cap * 2 + 131072;
		g->p = realloc(g->p, g->cap);
	}
	k = recv(fd, g->p + g->n, 65536, MSG_DONTWAIT);
	if (k > 0)
		g->n += (size_t)k;
	else if (k == 0)
		g->end = true;
	else if (errno != EAGAIN)
		g->end = g->reset = true;
	g->p[g->n] = 0;
	return k > 0;
}

/* Until the end of the stream or `wanted` stands in it. */
__attribute__((unused)) static void raw_until(int fd, struct got *g, const char *wanted)
{
	for (int idle = 0; idle < 3000 && !g->end; idle++) {
		if (raw_read(fd, g))
			idle = 0;
		if (wanted && g->p && strstr(g->p, wanted))
			return;
		loop_once(loop, idle < 3 ? 0 : 1000);
	}
}

/* Sends text on a connection of its own, returns all that comes until the end. */
__attribute__((unused)) static struct got raw_ask(uint16_t port, const char *p, size_t n)
{
	struct got g = {0};
	int fd = raw_connect(port);
	raw_send(fd, p, n);
	raw_until(fd, &g, NULL);
	close(fd);
	spin(3);
	return g;
}

__attribute__((unused)) static struct got raw_ask_text(uint16_t port, const char *text)
{
	return raw_ask(port, text, strlen(text));
}

__attribute__((unused)) static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;
	for (; text && (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

__attribute__((unused)) static bool begins(const struct got *g, const char *text)
{
	bool yes = g->n >= strlen(text) && !memcmp(g->p, text, strlen(text));
	if (!yes)
		printf("  got %zu bytes: %.300s\n", g->n, g->p ? g->p : "");
	return yes;
}

#endif
