/* SPDX-License-Identifier: Apache-2.0
 *
 * An outbox: letters to one address of the configuration, posted by a thread of its own.
 *
 * 1. Nobody waits for it: a letter is copied into a bounded queue or refused. What is refused, and what could not be
 *    delivered, is counted and said in the log (never with the address: it may be a secret itself).
 * 2. TLS is verified, redirects are not followed, the address comes from the configuration alone.
 * 3. What failed for now (no connection, 429, 502, 503, 504) is tried again after a pause that doubles up to a
 *    minute, or after what Retry-After says; what was refused for good is not.
 * 4. Order is kept. At the end each letter that waits has its turn until a stated time, then it is given up.
 */
#ifndef RR_GATE_OUTBOX_H
#define RR_GATE_OUTBOX_H

#include "net/fetch.h"

enum { OUTBOX_LETTERS = 64, OUTBOX_BYTES = 32 * 1024 * 1024, OUTBOX_HEADERS = 20 };

struct outbox_config {
	const char *what;            /* for the log: "alert", "otlp"; static */
	struct str url;              /* the origin, and the path that each letter's own follows */
	const char *ca;              /* file of a private authority; NULL = the system's store */
	const struct header *headers; /* must live as long as the outbox */
	unsigned header_count;
	struct str secret; /* signs: x-runrate-signature: sha256=HEX of the HMAC-SHA-256 of the body; n 0: none */
	bool stubborn;               /* any 5xx, and 408, are tried again too */
	uint64_t patience_us;        /* a letter is given up after this */
	uint64_t timeout_us;         /* of one try */
	void (*on_answer)(void *arg, struct str body); /* on the outbox's thread, for each 2xx; may be NULL */
	void *arg;
};

struct outbox;
struct outbox *outbox_open(const struct outbox_config *c, struct err *e);
/* Any thread. path follows the address's own and must be static. items: what the letter holds, for the counts.
 * 0, -RR_LIMIT (the queue is full: counted as dropped) or -RR_NOMEM. */
int outbox_post(struct outbox *o, const char *path, struct str body, unsigned items);
/* No more pauses: what waits is tried once until that time (monotonic). */
void outbox_hurry(struct outbox *o, uint64_t until_us);
void outbox_close(struct outbox *o); /* joins; what is left is counted as failed */

struct outbox_stats { /* in items */
	uint64_t posted, delivered, failed, dropped;
	uint64_t tries; /* requests */
};
void outbox_stats(struct outbox *o, struct outbox_stats *out);

#endif
