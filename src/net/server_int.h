/* SPDX-License-Identifier: Apache-2.0
 *
 * What server.c (listener, front), server_h1.c (connections) and h2_server.c (those that speak HTTP/2) share.
 *
 * A stream speaks through a table of operations, so that another protocol under the same front is another
 * table. A connection is small (below 1 KiB: no buffer while nothing waits); the stream with its parsed
 * head is borrowed from the server's free list for the time of one exchange.
 *
 *   HANDSHAKE -> HEAD <-> STREAM -> LINGER -> gone
 *            \-> H2 ------------>
 */
#ifndef RR_NET_SERVER_INT_H
#define RR_NET_SERVER_INT_H

#include <stdatomic.h>

#include "base/buf.h"
#include "net/deadline.h"
#include "net/h1.h"
#include "net/server.h"
#include "net/sock.h"

enum {
	STREAMS_KEPT = 1024,             /* on the free list */
	STREAM_ARENA_KEPT = 64 * 1024,   /* a larger arena is given back at once */
	SKIP_BYTES = 64 * 1024,          /* of an unwanted request body are read to save the connection */
	LINGER_BYTES = 64 * 1024 * 1024, /* read and dropped after the last answer, so that it is not lost to a reset */
	LINGER_US = 2 * 1000000,
	DRAIN_IDLE_US = 1000000, /* for a request that is on its way to a connection that is to close */
	DATE_BYTES = 96,
};

struct conn;
struct h2;        /* h2_server.c */
struct h2_stream;

struct stream_ops {
	int (*respond)(struct stream *s, unsigned status, const struct header *headers, unsigned count, int64_t length);
	long (*send)(struct stream *s, struct str bytes);
	int (*end)(struct stream *s);
	void (*abort)(struct stream *s);
	void (*pause)(struct stream *s, bool on);
	size_t (*queued)(const struct stream *s);
	void (*raw)(struct stream *s); /* NULL = nothing to add */
	int (*upgrade)(struct stream *s, const char *protocol, const struct header *headers,
		       unsigned count); /* NULL = no */
};

struct stream {
	const struct stream_ops *ops;
	struct server *srv;
	struct conn *c;
	struct h2_stream *h2;
	void *user;
	struct stream *next_free;
	struct arena arena;
	struct h1_body body;
	struct str peer; /* as text, when it was asked for */
	uint64_t body_bytes, body_from_us, paused_at_us;
	int64_t left; /* of the stated content length of the answer; -1 = none stated */
	bool responded, ended, chunked, bodyless, body_ended, paused, above_mark, continue_sent, close_after;
	bool upgraded; /* bytes both ways, no longer HTTP */
	struct head head;
};

enum phase { HANDSHAKE, HEAD, STREAM, LINGER, H2 };

struct conn {
	struct wire w;
	struct deadline deadline;
	struct deferred work;
	struct server *srv;
	struct stream *stream;
	struct h2 *h2; /* while the phase is H2 */
	struct buf out;
	char *in; /* bytes that could not be used yet */
	uint32_t in_n, in_cap;
	uint32_t looked; /* of in, without finding the end of a head */
	uint64_t skip;   /* request body bytes to drop before the next head */
	uint64_t out_at_us; /* when output last moved */
	uint64_t head_from_us;
	uint8_t phase;
	bool dead, close_after, input_ended;
	bool used;    /* a request was read: HTTP/2 can no longer begin */
	bool blocked; /* the kernel took less than all: IO_WRITE tells when to go on */
	bool deaf;    /* not reading: paused, or enough bytes wait */
	bool fin;     /* their FIN was seen while deaf */
	bool shut;    /* our FIN is out */
	bool poke;    /* try to read although nothing was announced */
	enum http_end how;
	socklen_t peer_n;
	struct sockaddr_in6 peer; /* or sockaddr_in; a Unix peer has no name */
};

struct server {
	struct loop *loop;
	struct server_config config;
	const struct http_limits *limits;
	const struct server_handler *handler;
	struct io listener;
	struct timer accept_again;
	struct deadlines deadlines; /* every connection is on its list */
	atomic_uint connections; /* others may ask how many */
	bool draining, accepting, closing, kept;
	struct stream *free_streams;
	unsigned free_count;
	struct sb text;   /* a head while it is written */
	int64_t date_s;   /* the second that `date` shows */
	char date[DATE_BYTES];
	uint16_t port;
	char address[SOCK_TEXT];
	char record[16 * 1024]; /* gathers one TLS record */
};

struct stream *stream_new(struct server *srv);
void stream_free(struct stream *s);
void server_write_date(struct server *srv, struct sb *out);
/* server_h1.c */
void conn_open(struct server *srv, int fd, const union sock_any *peer, socklen_t peer_n);
void conn_late(struct deadlines *all, struct deadline *d);
void conn_drain(struct conn *c); /* closes soon when idle, else after its exchange */
void conn_cut(struct conn *c);   /* at once */
void conn_kill(struct conn *c, enum http_end how); /* soon, from conn_work */
void conn_schedule(struct conn *c);                /* conn_work at the end of the round */
void conn_flush(struct conn *c);
void conn_linger(struct conn *c);                  /* its last words are queued */
void conn_ready(struct io *io, unsigned ready);
/* h2_server.c */
int h2_open(struct conn *c);                       /* the connection speaks HTTP/2 from here; c->in first */
void h2_fini(struct conn *c, enum http_end how);   /* its streams end so */
void h2_work(struct conn *c);
void h2_late(struct conn *c);
void h2_drain(struct conn *c);
/* server_h1.c */
uint64_t stream_body_due_us(const struct stream *s); /* when the request's body is too slow */
/* server_h1_stream.c */
extern const struct stream_ops stream_h1_ops;
static inline struct conn *conn_of_deadline(struct deadline *d)
{
	return (struct conn *)(void *)((char *)d - offsetof(struct conn, deadline));
}
/* server.c */
void server_conn_gone(struct server *srv);

#endif
