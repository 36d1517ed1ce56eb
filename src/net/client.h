/* SPDX-License-Identifier: Apache-2.0
 *
 * The client side of HTTP: a keep-alive pool per origin and, for each request, an exchange with callbacks.
 *
 * The origin is fixed by configuration: nothing in a request can choose it. Redirects are never followed.
 * An https origin is offered HTTP/2 (ALPN) unless it says only_h1; then exchanges share connections.
 * A pooled connection that dies before the first response byte of a request that it was reused for is
 * retried once on a fresh one (RFC 9110 9.2.2: nothing was processed for a connection that was already
 * closing); whatever else fails is told to the caller, who knows whether a retry is safe.
 *
 *   exchange_start -> on_head -> on_body* -> on_done(END_OK)
 *                 \-> on_done(why)                            always last, exactly once
 */
#ifndef RR_NET_CLIENT_H
#define RR_NET_CLIENT_H

#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

struct pool; /* per worker; holds connections of all its origins */

struct origin {
	char scheme[8];       /* "http", "https" */
	char host[256];       /* name or literal address, without brackets */
	uint16_t port;
	char authority[272];  /* for the Host header: host, and the port where it is not the default */
	char base_path[256];  /* prefix of every path, without a trailing '/'; may be empty */
	struct tls_ctx *tls;  /* for https */
	const struct http_limits *limits;
	bool only_h1;         /* https: do not offer HTTP/2 */
};
/* "https://api.openai.com", "http://127.0.0.1:8000/base". User info, query or fragment are refused. */
int origin_parse(struct origin *o, struct str url, struct err *e);

struct exchange;
struct exchange_handler {
	/* The head and the bytes live until the callback returns. 1xx are not shown, save 101. */
	void (*on_head)(struct exchange *x, const struct head *h);
	void (*on_body)(struct exchange *x, struct str bytes);
	void (*on_done)(struct exchange *x, enum http_end how);    /* the exchange is freed after it returns */
	void (*on_drained)(struct exchange *x); /* of a tunnel: what is queued fell below its mark; may be NULL */
};

struct pool *pool_new(struct loop *l, unsigned max_idle_per_origin, struct err *e);
void pool_free(struct pool *p); /* open exchanges end with END_ABORTED */
struct pool_stats {
	uint64_t opened, reused, failed, retried, resumed; /* resumed: TLS sessions */
	unsigned idle, busy;
};
void pool_stats(const struct pool *p, struct pool_stats *out);

/* Starts a request. headers: all of them but host, content-length and connection, which are the client's
 * business. body is sent as it is (not copied: it must live until on_done). The origin must outlive the
 * exchange. Never calls back before it returns. NULL when out of memory. */
struct exchange *exchange_start(struct pool *p, const struct origin *o, struct str method, struct str path_and_query,
				const struct header *headers, unsigned count, struct str body,
				const struct exchange_handler *handler, void *user);
/* Asks for another protocol, on a connection of its own (HTTP/1.1). When on_head shows a 101 the exchange is a tunnel:
 * its body is the peer's bytes until its end, and exchange_send says ours. Any other status is an ordinary answer. Of a
 * tunnel only silence both ways ends it (limits->total_us), or exchange_limit_us. */
struct exchange *exchange_upgrade(struct pool *p, const struct origin *o, struct str path_and_query,
				  const char *protocol, const struct header *headers, unsigned count,
				  const struct exchange_handler *handler, void *user);
/* Queues bytes on a tunnel (copied). Bytes that now wait, or <0 when it is over or has no room. */
long exchange_send(struct exchange *x, struct str bytes);
void *exchange_user(const struct exchange *x);
void exchange_set_user(struct exchange *x, void *user);
void exchange_pause(struct exchange *x);  /* stop reading the upstream */
void exchange_resume(struct exchange *x);
void exchange_abort(struct exchange *x);  /* closes its connection; on_done(END_ABORTED) follows, not within */
bool exchange_reused(const struct exchange *x);
/* Replaces the remaining total time (for draining after the client left). */
void exchange_limit_us(struct exchange *x, uint64_t remaining_us);
const char *exchange_fault(const struct exchange *x); /* a sentence for END_BAD_SYNTAX, END_TLS, END_CONNECT */

#endif
