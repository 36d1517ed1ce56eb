/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client may send behind HTTP/2's preface, into a whole server on a socket pair with a clock turned by hand.
 * The application does what the request's path says: pauses, aborts, answers early, much, or late. Whatever comes:
 * each request ends exactly once, nothing but fields that HTTP/1.1 allows reaches the application, and when the
 * client is gone nothing is left.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/server_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct clock hand;
static struct loop *loop;
static struct server *server;
static unsigned open_now;
static struct stream *paused;

static void on_request(void *app, struct stream *s)
{
	const struct head *h = stream_head(s);
	struct header kind = {STR("content-type"), STR("text/plain")};
	static const char much[40000];
	(void)app;
	open_now++;
	check(h->minor == 2 && h->method.n && h->path.n && h->host.n && !h->chunked && h->headers <= HTTP_HEADERS);
	for (unsigned i = 0; i < h->headers; i++) {
		check(h1_header_ok(h->header[i].name, h->header[i].value) && !header_is_hop(h->header[i].name) ==
		      !str_eqc(h->header[i].name, "te"));
		for (size_t k = 0; k < h->header[i].name.n; k++)
			check(h->header[i].name.p[k] < 'A' || h->header[i].name.p[k] > 'Z');
	}
	switch (h->path.n > 1 ? h->path.p[1] : 0) {
	case 'p':
		stream_pause(s);
		paused = s;
		break;
	case 'a':
		stream_abort(s);
		break;
	case 'e':
		stream_respond(s, 200, &kind, 1, 2);
		stream_send(s, STR("ok"));
		stream_end(s);
		break;
	case 'm':
		stream_respond(s, 200, &kind, 1, -1);
		for (int i = 0; i < 8; i++)
			stream_send(s, str_make(much, sizeof much));
		break;
	case 'w':
		stream_respond(s, 200, &kind, 1, 5);
		stream_send(s, STR("too long"));
		break;
	default:
		break;
	}
}

static void on_body(struct stream *s, struct str bytes)
{
	check(bytes.n && open_now);
	if (bytes.p[0] == 'A')
		stream_abort(s);
	if (bytes.p[0] == 'P')
		stream_pause(s);
}

static void on_body_end(struct stream *s)
{
	if (!stream_responded(s) && !stream_respond(s, 204, NULL, 0, -1))
		stream_end(s);
}

static void on_drained(struct stream *s)
{
	stream_end(s);
}

static void on_closed(struct stream *s, enum http_end how)
{
	check(how < ENDS && open_now);
	open_now--;
	if (paused == s)
		paused = NULL;
}

static const struct server_handler handler = {on_request, on_body, on_body_end, on_drained, on_closed, NULL};

static void turn(int fd, unsigned rounds)
{
	static char dropped[65536];
	for (unsigned i = 0; i < rounds; i++) {
		loop_once(loop, 0);
		while (recv(fd, dropped, sizeof dropped, MSG_DONTWAIT) > 0)
			;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	static const union sock_any nobody = {.sa.sa_family = AF_UNIX};
	struct server_config c = {.listen = "127.0.0.1:0", .handler = &handler};
	int pair[2];
	if (!server) {
		struct err e;
		clock_manual(&hand, 1000000000);
		loop = loop_new(&hand, &e);
		check(loop);
		server = server_open(loop, &c, &e);
		check(server);
	}
	if (size > 64 * 1024)
		return 0;
	check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	conn_open(server, pair[0], &nobody, 0);
	check(send(pair[1], preface, 24, MSG_NOSIGNAL) == 24);
	for (size_t at = 0, cut = size ? (data[size / 2] + 1u) * 16 : 1; at < size; at += cut) {
		size_t n = size - at < cut ? size - at : cut;
		if (send(pair[1], data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
		turn(pair[1], 2);
	}
	turn(pair[1], 3);
	if (paused)
		stream_resume(paused);
	turn(pair[1], 3);
	for (unsigned i = 0; i < 4; i++) {
		clock_advance(&hand, 15 * 1000000);
		turn(pair[1], 2);
	}
	close(pair[1]);
	loop_once(loop, 0);
	loop_once(loop, 0);
	check(!open_now && !paused && !server_connections(server));
	return 0;
}
