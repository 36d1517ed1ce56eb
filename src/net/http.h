/* SPDX-License-Identifier: Apache-2.0
 *
 * What HTTP/1.1 and HTTP/2 have in common here: a head, limits, and the reasons for which an exchange ends.
 * Knows nothing of AI.
 */
#ifndef RR_NET_HTTP_H
#define RR_NET_HTTP_H

#include "base/arena.h"
#include "base/err.h"

enum { HTTP_HEADERS = 100 };

struct header {
	struct str name; /* as sent; compare with str_ieq */
	struct str value;
};

/* A parsed head. Spans point into the bytes that were parsed (or into the arena of the stream). */
struct head {
	struct str method;   /* requests */
	struct str target;   /* as sent, after absolute-form was reduced to origin-form */
	struct str path;     /* target up to '?', not decoded */
	struct str query;    /* behind '?', may be empty */
	struct str host;     /* of the Host header (or :authority) */
	unsigned status;     /* responses */
	struct str reason;
	unsigned minor;      /* HTTP/1.minor; 2 stands for HTTP/2 */
	bool keep_alive;
	bool chunked;
	bool expect_continue;
	int64_t content_length; /* -1 = none stated */
	unsigned headers;
	struct header header[HTTP_HEADERS];
};

/* First header of that name; {NULL,0} when absent. */
struct str head_find(const struct head *h, struct str name);
static inline struct str head_get(const struct head *h, const char *name)
{
	return head_find(h, str_of(name));
}
/* How many stand there. */
unsigned head_count(const struct head *h, const char *name);
/* Hop-by-hop: connection, keep-alive, te, trailer, transfer-encoding, upgrade, proxy-*. */
bool header_is_hop(struct str name);
/* The same, or named by a Connection header of that head. */
bool head_is_hop(const struct head *h, struct str name);

/* spec/reliability.md section 2, "Default limits". */
struct http_limits {
	size_t request_line_bytes;   /* 8 KiB */
	size_t head_bytes;           /* 32 KiB */
	unsigned headers;            /* 100 */
	size_t body_bytes;           /* 64 MiB */
	size_t chunk_ext_bytes;      /* 256 */
	uint64_t head_us;            /* 10 s to send a head */
	uint64_t body_min_rate;      /* 1,000 B/s .. */
	uint64_t body_grace_us;      /* .. after 20 s */
	uint64_t idle_us;            /* keep-alive without a request: 75 s */
	uint64_t connect_us;         /* upstream: 5 s */
	uint64_t first_byte_us;      /* upstream: 600 s */
	uint64_t stream_idle_us;     /* upstream: 300 s */
	uint64_t total_us;           /* upstream: 3,600 s */
	size_t out_bytes;            /* queued towards one peer before we stop reading the other: 24 KiB */
	unsigned connections;        /* open at once, of one listener: 20,000; then the oldest idle one goes */
	unsigned active;             /* requests under way, of one worker: 16,384 */
	unsigned key_active;         /* requests under way, of one key: 1,000 */
};
extern const struct http_limits http_limits_default;
/* out_bytes; less while memory is low. */
size_t http_out_mark(const struct http_limits *l);
/* How much of an answer is taken at once, so that a peer that reads nothing costs about out_bytes. */
size_t http_read_bytes(const struct http_limits *l, size_t most);

enum http_end {
	END_OK,             /* whole */
	END_PEER_CLOSED,    /* the peer went away early */
	END_PEER_RESET,
	END_BAD_SYNTAX,     /* the peer broke the protocol; see also http_fault */
	END_TOO_LARGE,
	END_TIMEOUT_CONNECT, END_TIMEOUT_FIRST, END_TIMEOUT_IDLE, END_TIMEOUT_TOTAL, END_TIMEOUT_SLOW,
	END_RESOLVE, END_CONNECT, END_TLS,
	END_ABORTED,        /* by us */
	ENDS
};
const char *http_end_words(enum http_end e);

#endif
