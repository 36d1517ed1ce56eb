/* SPDX-License-Identifier: Apache-2.0
 *
 * The server side of HTTP: listeners, connections and, for each request, a stream with callbacks.
 *
 * A stream is one exchange, whatever the protocol under it. It lives from on_request to on_closed, owns an
 * arena and the parsed head, and is touched only on its worker's thread.
 *
 *   on_request -> on_body* -> on_body_end      the request comes in
 *   stream_respond -> stream_send* -> stream_end   the answer goes out (may begin before the body's end)
 *   on_drained                                  the output fell below its low-water mark
 *   on_closed                                   always, last, exactly once; then the stream is gone
 *
 * Back-pressure: stream_send never refuses, but returns the bytes now queued; once stream_is_full the
 * caller must stop feeding (pause its upstream) until on_drained. stream_pause stops reading the request.
 * Nothing below calls back before it returns: on_closed and on_drained come from the loop. When the answer
 * was ended before the request's end, the rest of the request is dropped and on_body_end does not come.
 * server_close must not be called from a stream's callback; server_drain may.
 * Protocol errors before on_request are answered by the server itself with 400/408/413/431 and a close,
 * through on_bad_request (which may give the body).
 */
#ifndef RR_NET_SERVER_H
#define RR_NET_SERVER_H

#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

struct server;
struct stream;

struct server_handler {
	void (*on_request)(void *app, struct stream *s);
	void (*on_body)(struct stream *s, struct str bytes);
	void (*on_body_end)(struct stream *s);
	void (*on_drained)(struct stream *s);
	void (*on_closed)(struct stream *s, enum http_end how);
	/* Body and content type for a protocol error that the server answers itself; may be NULL. target is
	 * what could be read of it (may be empty). */
	void (*on_bad_request)(void *app, unsigned status, const char *fault, struct str target, struct sb *body);
};

struct server_config {
	const char *listen;      /* "127.0.0.1:7300", "[::1]:0", "unix:/path" */
	struct tls_ctx *tls;     /* NULL = plain */
	const struct http_limits *limits;
	bool reuse_port;         /* several workers on one port */
	bool only_h1;            /* do not speak HTTP/2 (else: by ALPN under TLS, by its preface without) */
	bool serve_half_closed;  /* a FIN behind a whole request: false = the client has left, true = it waits */
	unsigned max_connections; /* 0 = limits->connections */
	const struct server_handler *handler;
	void *app;
};

struct server *server_open(struct loop *l, const struct server_config *c, struct err *e);
/* "127.0.0.1:7300" as bound (port 0 resolved). */
const char *server_address(const struct server *s);
uint16_t server_port(const struct server *s);
unsigned server_connections(const struct server *s); /* any thread */
/* Stops accepting. Who waits to be accepted is taken in still; each connection is told with its next answer that it
 * closes; those that ask for nothing close a second later. So no request meets a connection that is gone. */
void server_drain(struct server *s);
/* The listener stays open for the program that takes this one's place: who connects meanwhile waits for it. */
int server_keep_listener(struct server *s);
void server_close(struct server *s); /* cuts everything; on_closed is called for each stream */

struct loop *stream_loop(struct stream *s);
const struct head *stream_head(const struct stream *s);
struct arena *stream_arena(struct stream *s);
void stream_set_user(struct stream *s, void *user);
void *stream_user(const struct stream *s);
void *stream_app(const struct stream *s);
/* The peer's address as text. */
struct str stream_peer(const struct stream *s);

/* Head of the answer. content_length -1: chunked (or until close for HTTP/1.0). Connection,
 * transfer-encoding, content-length and date are the server's own business: do not pass them. */
int stream_respond(struct stream *s, unsigned status, const struct header *headers, unsigned count,
		   int64_t content_length);
/* Queues body bytes (copied). Returns bytes queued towards the client, or <0 when the stream is over. */
long stream_send(struct stream *s, struct str bytes);
int stream_end(struct stream *s);  /* the clean end */
void stream_abort(struct stream *s); /* cuts the answer so that the client sees it as broken */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);
/* Enough is queued towards the client: feed no more until on_drained. */
bool stream_is_full(const struct stream *s);
/* Bytes queued towards the client. */
size_t stream_queued(const struct stream *s);
bool stream_responded(const struct stream *s); /* the head was given */
/* Keep-alive ends after this answer. */
void stream_close_after(struct stream *s);
/* The request asked for another protocol (ws.h), and gets it: a 101 with these headers (connection and upgrade are
 * added), and from then on both ways are bytes as they are: on_body until the peer's end (which is on_closed),
 * stream_send until stream_end (FIN) or stream_abort. Limits of bodies no longer hold. -RR_NOTFOUND where the protocol
 * has no such thing (HTTP/2); -RR_INTERNAL unless the request is whole and not answered. */
int stream_upgrade(struct stream *s, const char *protocol, const struct header *headers, unsigned count);
/* For the pretend vendor only, whose faults no correct server could send: the answer's head and framing are
 * the caller's own bytes. Instead of stream_respond; then stream_send, and stream_end (FIN) or stream_abort
 * (RST behind what was queued). */
void stream_raw(struct stream *s);

#endif
