/* SPDX-License-Identifier: Apache-2.0
 *
 * One request at a time, waited for: for threads and commands that have nothing else to do meanwhile.
 *
 * The same client as everywhere (net/client.h): TLS is verified, redirects are answers like any other and are never
 * followed, connections are kept between requests. A fetcher belongs to one thread; only fetcher_stop() may come from
 * another.
 */
#ifndef RR_NET_FETCH_H
#define RR_NET_FETCH_H

#include "net/client.h"

enum { FETCH_TARGET_BYTES = 4096, FETCH_SECONDS = 30, FETCH_ANSWER_BYTES = 16 * 1024 * 1024 };

/* An address as people write it, query and all: "https://example.org/hook?to=ops". */
struct fetch_url {
	struct origin origin;             /* without a base path; .tls is the caller's to set for https */
	char target[FETCH_TARGET_BYTES];  /* path and query, "/" at least */
};
int fetch_url_parse(struct fetch_url *u, struct str url, struct err *e);

struct fetcher;
struct fetcher *fetcher_new(struct err *e);
void fetcher_free(struct fetcher *f);
/* From any thread: what is under way and what comes ends with END_ABORTED. */
void fetcher_stop(struct fetcher *f);

struct fetch_ask {
	const struct origin *origin;  /* its limits are not looked at: time and size stand here */
	struct str method, target;
	const struct header *headers; /* all but host, content-length and connection */
	unsigned count;
	struct str body;
	uint64_t timeout_us;          /* for the whole; 0: FETCH_SECONDS */
	size_t most_bytes;            /* of the answer's body; 0: FETCH_ANSWER_BYTES */
};
struct fetch_answer { /* initialised by fetch_answer_init, used again and again, freed by fetch_answer_fini */
	enum http_end end;
	unsigned status;     /* 0: none came */
	struct sb head;      /* the header fields: name NUL value NUL ... */
	struct sb body;
};
void fetch_answer_init(struct fetch_answer *a);
void fetch_answer_fini(struct fetch_answer *a);
/* 0 when a whole answer came, whatever its status says; -RR_NET, -RR_TLS, -RR_LIMIT (the body is over most_bytes),
 * -RR_NOMEM with e filled. */
int fetch(struct fetcher *f, const struct fetch_ask *ask, struct fetch_answer *a, struct err *e);
/* The first field of that name (any case); p NULL when absent. */
struct str fetch_header(const struct fetch_answer *a, const char *name);
/* What a Retry-After field says, in seconds or as a date (RFC 9110 10.2.3): how long to wait from now; -1: nothing. */
int64_t fetch_retry_after_us(const struct fetch_answer *a, int64_t now_us);

#endif
