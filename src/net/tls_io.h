/* SPDX-License-Identifier: Apache-2.0
 *
 * A TLS session on a non-blocking descriptor; for net's own files.
 */
#ifndef RR_NET_TLS_IO_H
#define RR_NET_TLS_IO_H

#include "net/tls.h"

struct tls_ticket; /* of an earlier session, to resume it */

enum { TLS_RECORD_BYTES = 16 * 1024 };
/* What the functions below answer besides a count or 0. */
enum { TLS_END = 0, TLS_WANT_READ = -1, TLS_WANT_WRITE = -2, TLS_RESET = -3, TLS_FAULT = -4 };

/* host is the name that the certificate must bear, or a literal address. ticket may be NULL. */
struct tls *tls_new_client(struct tls_ctx *c, int fd, const char *host, const struct tls_ticket *ticket, bool h2);
struct tls *tls_new_server(struct tls_ctx *c, int fd, bool h2); /* h2: HTTP/2 too, and rather than HTTP/1.1 */
bool tls_is_h2(const struct tls *t); /* after the handshake: ALPN chose it */
void tls_free(struct tls *t);
/* 1 done, or TLS_*. */
int tls_handshake(struct tls *t);
long tls_read(struct tls *t, char *p, size_t n); /* TLS_END only after the peer's close_notify */
long tls_write(struct tls *t, const char *p, size_t n);
bool tls_has_more(const struct tls *t);
void tls_shut(struct tls *t);
/* Why TLS_FAULT, a sentence that lives as long as the session. */
const char *tls_fault(const struct tls *t);
bool tls_resumed(const struct tls *t);
/* The newest ticket of the session that may be used again, or NULL. */
struct tls_ticket *tls_ticket_get(struct tls *t);
void tls_ticket_free(struct tls_ticket *k);

#endif
