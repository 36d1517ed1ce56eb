/* SPDX-License-Identifier: Apache-2.0
 *
 * What client.c (exchanges), pool.c (sites, links) and h2_client.c (links that carry many) share.
 *
 * A site is where links go: scheme, host, port, trust. A link is one connection; it serves one exchange at
 * a time and is idle (newest first) in between.
 *
 *   RESOLVING -> CONNECTING -> [SECURING] -> BUSY <-> IDLE -> gone
 *                                        \-> MUXED ------> gone   HTTP/2: many at a time (k->mux, not k->x)
 */
#ifndef RR_NET_CLIENT_INT_H
#define RR_NET_CLIENT_INT_H

#include "net/client.h"
#include "net/deadline.h"
#include "net/h1.h"
#include "net/resolve.h"
#include "net/tls_io.h"

enum {
	SITES_MOST = 256,        /* without links they are forgotten, oldest first */
	EXCHANGES_KEPT = 1024,   /* on the free list */
	HEAD_KEPT_BYTES = 4096,  /* a larger request head is given back at once */
	INFORMATIONAL_MOST = 32, /* 1xx answers before the real one */
	FAULT_BYTES = 160,
	TUNNEL_QUEUE_BYTES = 64 * 1024 * 1024, /* the caller stops long before */
	/* The end that a peer gave an idle connection before it saw the request is here within a round trip. An end
	 * that comes later may come from a vendor that has worked, and bills: a proxy must not ask twice (RFC
	 * 9110 9.2.2). */
	RETRY_WITHIN_US = 1000000,
	/* One retry for so many exchanges, and so many saved up: a vendor that resets all it gets is not asked twice as
	 * often for it. */
	RETRY_EVERY = 10,
	RETRIES_SAVED = 10,
};

enum link_state { RESOLVING, CONNECTING, SECURING, BUSY, IDLE, MUXED };
enum { SPEAKS_UNKNOWN, SPEAKS_H1, SPEAKS_H2 };

struct mux;

struct site {
	struct site *next;
	char scheme[8], host[256];
	uint16_t port;
	struct tls_ctx *tls;
	struct link *idle; /* newest first */
	struct link *muxes; /* links that speak HTTP/2, or may */
	unsigned idle_count, links;
	uint8_t speaks; /* found out by ALPN; forgotten with the last link */
	bool only_h1;
	struct tls_ticket *ticket;
};

struct link {
	struct wire w;
	struct deadline deadline;
	struct deferred work;
	struct pool *pool;
	struct site *site;
	struct exchange *x;
	struct mux *mux;    /* instead of x, while it may be HTTP/2 */
	struct link *mux_next, *mux_prev;
	struct link *idle_next, *idle_prev;
	struct resolve_query query;
	struct sock_addr *addrs; /* while connecting */
	unsigned addr, addr_count;
	uint64_t connect_by_us, attempt_by_us;
	char *in; /* bytes that could not be used yet */
	uint32_t in_n, in_cap, looked;
	uint8_t state;
	bool blocked; /* the kernel took less than all */
	bool deaf;    /* not reading: the exchange is paused */
	bool mute;    /* sending failed; an answer may still be there to read */
	bool poke;    /* try to read although nothing was announced */
	bool ticket_kept;
	enum http_end failed; /* not END_OK: tell it from the loop, not from where it was found */
	const char *why;      /* static, or NULL */
};

struct exchange {
	struct pool *pool;
	const struct origin *origin;
	const struct http_limits *limits;
	struct link *link;
	const struct exchange_handler *handler;
	void *user;
	struct exchange *next; /* free list, or all that are under way */
	struct exchange *prev;
	struct sb head;
	struct str body;
	size_t sent;           /* of head and body */
	struct h1_body answer;
	uint64_t start_us, last_us, total_by_us, from_us;
	unsigned informational;
	struct exchange *mux_next, *mux_prev; /* on a link with a mux */
	struct buf kept;       /* while it is paused there */
	uint64_t from_in;      /* bytes that the link had brought when it was sent */
	int32_t stream;        /* 0 = not sent yet */
	bool ended, stream_closed, moved;
	struct buf out;        /* of a tunnel: what waits to be sent */
	bool upgrade, tunnel, above_mark;
	bool is_head, paused, aborted, answered, got_bytes, reused, retried, keep;
	char fault[FAULT_BYTES];
};

struct pool {
	struct loop *loop;
	struct resolver *resolver;
	struct deadlines deadlines; /* every link is on its list */
	unsigned max_idle;
	unsigned retry_credit; /* RETRY_EVERY-ths of a retry */
	struct site *sites;
	unsigned site_count;
	struct exchange *busy;
	struct exchange *spare;
	struct sb target; /* while a request is written */
	unsigned spare_count;
	struct pool_stats stats;
	bool closing;
	struct head answer; /* while it is shown */
	char record[TLS_RECORD_BYTES];
};

/* pool.c */
struct site *site_get(struct pool *p, const struct origin *o);
struct link *link_take_idle(struct site *s);
struct link *link_new(struct pool *p, struct site *s);
void link_close(struct link *k);
void link_rest(struct link *k, uint64_t idle_us); /* its exchange is over and it may be used again */
/* Resolves and connects. Failures are told later, by link_fail_soon. */
void link_begin(struct link *k, uint64_t connect_us);
void link_connecting(struct link *k); /* its descriptor became ready */
void link_keep_ticket(struct link *k);
void link_securing(struct link *k);
void link_try_next(struct link *k);   /* this address took too long */
/* client.c */
void link_ready(struct link *k); /* connected: send */
void link_fail_soon(struct link *k, enum http_end how, const char *why);
void on_link(struct io *io, unsigned ready);
void link_schedule(struct link *k);
/* When x, on k, is late, and for what. */
uint64_t exchange_due(const struct link *k, const struct exchange *x, enum http_end *how);
int exchange_place(struct exchange *x, struct site *s); /* on a link: 0 or -RR_NOMEM */
/* h2_client.c */
struct link *mux_find(const struct site *s); /* one with room, or NULL */
int mux_begin(struct link *k);
void mux_join(struct link *k, struct exchange *x);
void mux_ready(struct link *k);
void mux_look(struct link *k);               /* there is something to do at the end of the round */
void mux_work(struct link *k);
void mux_event(struct link *k, unsigned ready);
void mux_late(struct link *k);
void mux_due_by(struct link *k, uint64_t at_us);
void mux_abandon(struct link *k);
void mux_free(struct link *k);
/* client.c */
void link_late(struct deadlines *all, struct deadline *d);
void exchange_finish(struct exchange *x, enum http_end how);
bool exchange_may_retry(struct exchange *x); /* that is: takes it from the credit */

#endif
