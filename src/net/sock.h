/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets: addresses as text and as bytes, listening, connecting; and the wire: one descriptor, plain or
 * under TLS, read and written with one call each.
 */
#ifndef RR_NET_SOCK_H
#define RR_NET_SOCK_H

#include <sys/socket.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/loop.h"
#include "net/tls.h"

union sock_any {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

struct sock_addr {
	socklen_t n;
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	};
};

enum { SOCK_TEXT = 128 };
/* A literal IPv4 or IPv6 address (no brackets). 0 or -RR_SYNTAX. */
int sock_addr_literal(struct sock_addr *a, const char *host, uint16_t port);
void sock_addr_set_port(struct sock_addr *a, uint16_t port);
/* "127.0.0.1:7300", "[::1]:7300", "unix:/path" (or "unix:" for an unnamed peer). */
char *sock_text(const union sock_any *a, socklen_t n, char out[SOCK_TEXT]);
/* A listening, non-blocking descriptor for "HOST:PORT", "[V6]:PORT", "unix:PATH" (mode 0600; a socket file
 * that nobody serves is replaced). text: as bound. A descriptor that was handed over and is bound there is taken. */
enum { LISTEN_QUEUE = 4096 };
int sock_listen(const char *where, bool reuse_port, char text[SOCK_TEXT], uint16_t *port, struct err *e);
/* A listening descriptor that stays open for the program that takes this one's place (or would). 0 or -RR_NET. */
int sock_keep(int fd);
/* Runs the program at `path` in this process's place; it is given what was kept, by the environment (LISTEN_FDS, as
 * systemd does for socket units), and its sock_listen finds it there. Returns only when that failed, with errno. */
void sock_exec(const char *path, char *const argv[]);
/* What was handed over and nobody took is closed. */
void sock_drop_handed(void);
/* Starts to connect. The descriptor, or -1 with errno. */
int sock_connect(const struct sock_addr *a);
/* errno of a connect that became writable; 0 = connected. */
int sock_error(int fd);

/* What wire_read and wire_send may answer besides a count. */
enum { WIRE_END = 0, WIRE_AGAIN = -1, WIRE_RESET = -2, WIRE_BROKEN = -3 /* TLS: *tls_fault() */ };

struct wire {
	struct io io;
	struct tls *tls; /* NULL = plain */
};
long wire_read(struct wire *w, char *p, size_t n);
/* Everything in one call where the kernel takes it; >= 0 bytes taken, or WIRE_*. room: 16 KiB to gather one
 * TLS record in (NULL: a record for each span). */
long wire_send(struct wire *w, const struct iovec *iov, unsigned count, char *room);
/* Bytes may be read although the descriptor is not ready. */
bool wire_has_more(const struct wire *w);
/* Our end of the stream: FIN, after close_notify under TLS. */
void wire_shut(struct wire *w);
void wire_close(struct wire *w);

#endif
