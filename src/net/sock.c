/* SPDX-License-Identifier: Apache-2.0
 *
 * See sock.h. TCP_NODELAY is set on the listener (Linux hands it on to what it accepts) and on each
 * outgoing socket: a token that waits for an ACK is a token that is late. TCP_NOTSENT_LOWAT likewise: of what a client
 * does not read, the kernel takes little more than the client's window, not the megabytes that it would for a fast one.
 */
#include "net/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/tls_io.h"

enum { UNSENT_BYTES = 64 * 1024 };

int sock_addr_literal(struct sock_addr *a, const char *host, uint16_t port)
{
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET, host, &a->in4.sin_addr) == 1) {
		a->in4.sin_family = AF_INET;
		a->n = sizeof a->in4;
	} else if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->n = sizeof a->in6;
	} else {
		return -RR_SYNTAX;
	}
	sock_addr_set_port(a, port);
	return 0;
}

void sock_addr_set_port(struct sock_addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in4.sin_port = htons(port);
	else
		a->in6.sin6_port = htons(port);
}

char *sock_text(const union sock_any *a, socklen_t n, char out[SOCK_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";
	if (n >= sizeof a->in4 && a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in4.sin_addr, host, sizeof host);
		snprintf(out, SOCK_TEXT, "%s:%u", host, ntohs(a->in4.sin_port));
	} else if (n >= sizeof a->in6 && a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof host);
		snprintf(out, SOCK_TEXT, "[%s]:%u", host, ntohs(a->in6.sin6_port));
	} else {
		bool named = n > offsetof(struct sockaddr_un, sun_path) && a->un.sun_path[0];
		snprintf(out, SOCK_TEXT, "unix:%.*s", named ? (int)sizeof a->un.sun_path : 0, a->un.sun_path);
	}
	return out;
}

static int listen_failed(int fd, const char *where, struct err *e)
{
	int why = errno;
	if (fd >= 0)
		close(fd);
	err_set(e, RR_NET, "cannot listen on %s: %s", where, strerror(why));
	if (why == EADDRINUSE)
		err_hint(e, "another process holds this address: stop it or choose another one");
	return -RR_NET;
}

/* A socket file that nobody answers on is a leftover of a process that was killed. */
static void remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;
	if (lstat(un->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof *un) && errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

/* ---- listeners that outlive the program */

enum { HANDED_FROM = 3, HANDED_MOST = 512 };
static struct {
	int fd[HANDED_MOST];
	unsigned count;
} kept;

int sock_keep(int fd)
{
	int copy = kept.count < HANDED_MOST ? fcntl(fd, F_DUPFD_CLOEXEC, HANDED_FROM + HANDED_MOST) : -1;
	if (copy < 0)
		return -RR_NET;
	kept.fd[kept.count++] = copy;
	return 0;
}

void sock_exec(const char *path, char *const argv[])
{
	char number[16];
	for (unsigned i = 0; i < kept.count; i++)
		if (dup2(kept.fd[i], HANDED_FROM + (int)i) < 0)
			return;
	snprintf(number, sizeof number, "%u", kept.count);
	setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof number, "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	execv(path, argv);
}

/* The next listener at or behind *fd that was handed to this process and not taken yet (CLOEXEC marks those). */
static bool next_handed(int *fd)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t owner, count;
	if (!pid || !fds || str_u64(str_of(pid), &owner) || owner != (uint64_t)getpid() || str_u64(str_of(fds), &count))
		return false;
	for (; *fd < HANDED_FROM + (int)(count < HANDED_MOST ? count : HANDED_MOST); ++*fd) {
		int flags = fcntl(*fd, F_GETFD), listens = 0;
		socklen_t n = sizeof listens;
		if (flags >= 0 && !(flags & FD_CLOEXEC) && !getsockopt(*fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) &&
		    listens)
			return true;
	}
	return false;
}

void sock_drop_handed(void)
{
	for (int fd = HANDED_FROM; next_handed(&fd); fd++)
		close(fd);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
}

/* The one that is bound to that address, or -1. */
static int take_handed(const struct sockaddr *wanted, socklen_t n)
{
	for (int fd = HANDED_FROM; next_handed(&fd); fd++) {
		union sock_any at = {0};
		socklen_t at_n = sizeof at;
		if (getsockname(fd, &at.sa, &at_n) || at.sa.sa_family != wanted->sa_family)
			continue;
		if (at.sa.sa_family == AF_UNIX
			    ? strcmp(at.un.sun_path, ((const struct sockaddr_un *)(const void *)wanted)->sun_path) != 0
			    : at_n != n || memcmp(&at, wanted, n) != 0)
			continue;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		return fd;
	}
	return -1;
}

static int listen_unix(const char *where, char text[SOCK_TEXT], struct err *e)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct str path = str_of(where + 5);
	int fd;
	if (path.n == 0 || path.n >= sizeof un.sun_path)
		return err_set(e, RR_CONFIG, "a Unix socket's path has 1 to %zu bytes: %s", sizeof un.sun_path - 1,
			where);
	str_copy(un.sun_path, sizeof un.sun_path, path);
	snprintf(text, SOCK_TEXT, "%s", where);
	if ((fd = take_handed((struct sockaddr *)&un, sizeof un)) >= 0)
		return fd;
	remove_stale(&un);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode of the descriptor is that of the file that bind makes: no moment when others may enter. */
	if (fd < 0 || fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&un, sizeof un) || chmod(un.sun_path, 0600) ||
	    listen(fd, LISTEN_QUEUE))
		return listen_failed(fd, where, e);
	return fd;
}

/* "HOST:PORT" or "[V6]:PORT". */
static int split_where(const char *where, char *host, size_t host_size, uint16_t *port)
{
	struct str w = str_of(where), name;
	const char *colon = strrchr(where, ':');
	uint64_t number;
	if (!colon || str_u64(str_of(colon + 1), &number) || number > 65535)
		return -RR_SYNTAX;
	name = str_make(w.p, (size_t)(colon - where));
	if (name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		name = str_sub(name, 1, name.n - 1);
	else if (str_chr(name, ':') != SIZE_MAX)
		return -RR_SYNTAX;
	if (name.n == 0 || name.n >= host_size)
		return -RR_SYNTAX;
	str_copy(host, host_size, name);
	*port = (uint16_t)number;
	return 0;
}

int sock_listen(const char *where, bool reuse_port, char text[SOCK_TEXT], uint16_t *port, struct err *e)
{
	char host[256];
	struct sock_addr a;
	union sock_any bound = {0};
	socklen_t bound_n = sizeof bound;
	int fd, on = 1, unsent = UNSENT_BYTES;
	bool handed;
	*port = 0;
	if (str_starts(str_of(where), STR("unix:")))
		return listen_unix(where, text, e);
	if (split_where(where, host, sizeof host, port))
		return err_set(e, RR_CONFIG,
			"not an address to listen on: %s (want HOST:PORT, [V6]:PORT or unix:PATH)", where);
	if (sock_addr_literal(&a, strcmp(host, "localhost") ? host : "127.0.0.1", *port)) {
		struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
		int rc = getaddrinfo(host, NULL, &hints, &list);
		if (rc || !list || list->ai_addrlen > sizeof a - offsetof(struct sock_addr, sa)) {
			if (list)
				freeaddrinfo(list);
			return err_set(e, RR_NET, "cannot resolve %s: %s", host, gai_strerror(rc));
		}
		a.n = list->ai_addrlen;
		memcpy(&a.sa, list->ai_addr, list->ai_addrlen);
		freeaddrinfo(list);
		sock_addr_set_port(&a, *port);
	}
	fd = take_handed(&a.sa, a.n);
	handed = fd >= 0;
	if (!handed)
		fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
	    (reuse_port && !handed && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent) ||
	    (!handed && (bind(fd, &a.sa, a.n) || listen(fd, LISTEN_QUEUE))) ||
	    getsockname(fd, &bound.sa, &bound_n))
		return listen_failed(fd, where, e);
	sock_text(&bound, bound_n, text);
	*port = ntohs(bound.sa.sa_family == AF_INET ? bound.in4.sin_port : bound.in6.sin6_port);
	return fd;
}

int sock_connect(const struct sock_addr *a)
{
	int on = 1, why;
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, &a->sa, a->n) == 0 || errno == EINPROGRESS)
		return fd;
	why = errno;
	close(fd);
	errno = why;
	return -1;
}

int sock_error(int fd)
{
	int why = 0;
	socklen_t n = sizeof why;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) ? errno : why;
}

static long of_tls(long rc)
{
	if (rc > 0)
		return rc;
	switch (rc) {
	case TLS_END:
		return WIRE_END;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE:
		return WIRE_AGAIN;
	case TLS_RESET:
		return WIRE_RESET;
	default:
		return WIRE_BROKEN;
	}
}

long wire_read(struct wire *w, char *p, size_t n)
{
	ssize_t got;
	if (w->tls)
		return of_tls(tls_read(w->tls, p, n));
	do
		got = recv(w->io.fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN ? WIRE_AGAIN : WIRE_RESET;
}

static long send_tls(struct wire *w, const struct iovec *iov, unsigned count, char *room)
{
	long sent = 0, rc;
	unsigned i = 0;
	size_t from = 0;
	while (i < count) {
		const char *p = (const char *)iov[i].iov_base + from;
		size_t n = iov[i].iov_len - from;
		if (room && n < TLS_RECORD_BYTES && i + 1 < count) {
			size_t used = 0, part = from;
			for (unsigned k = i; k < count && used < TLS_RECORD_BYTES; k++, part = 0) {
				size_t take = iov[k].iov_len - part;
				if (take > TLS_RECORD_BYTES - used)
					take = TLS_RECORD_BYTES - used;
				memcpy(room + used, (const char *)iov[k].iov_base + part, take);
				used += take;
			}
			p = room;
			n = used;
		}
		if (n) {
			rc = tls_write(w->tls, p, n);
			if (rc <= 0)
				return sent ? sent : rc == TLS_END ? WIRE_RESET : of_tls(rc);
			sent += rc;
			from += (size_t)rc;
		}
		while (i < count && from >= iov[i].iov_len)
			from -= iov[i++].iov_len;
	}
	return sent;
}

long wire_send(struct wire *w, const struct iovec *iov, unsigned count, char *room)
{
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count};
	ssize_t sent;
	if (w->tls)
		return send_tls(w, iov, count, room);
	do
		sent = count == 1 ? send(w->io.fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
				  : sendmsg(w->io.fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	return errno == EAGAIN ? WIRE_AGAIN : WIRE_RESET;
}

bool wire_has_more(const struct wire *w)
{
	return w->tls && tls_has_more(w->tls);
}

void wire_shut(struct wire *w)
{
	if (w->tls)
		tls_shut(w->tls);
	shutdown(w->io.fd, SHUT_WR);
}

void wire_close(struct wire *w)
{
	if (w->tls) {
		tls_shut(w->tls);
		tls_free(w->tls);
		w->tls = NULL;
	}
	io_close(&w->io);
}
