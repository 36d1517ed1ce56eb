/* SPDX-License-Identifier: Apache-2.0
 *
 * Names to addresses off the loop's thread. getaddrinfo() blocks, so up to RESOLVE_THREADS threads of its
 * own call it; answers come back by a doorbell and are kept for RESOLVE_KEEP_US.
 *
 * A connection is made to the very address that was resolved here: nothing is looked up twice.
 */
#ifndef RR_NET_RESOLVE_H
#define RR_NET_RESOLVE_H

#include "net/sock.h"

enum { RESOLVE_ADDRS = 8, RESOLVE_THREADS = 4, RESOLVE_KEEP_US = 30 * 1000000, RESOLVE_NAMES = 64 };

struct resolver;
struct resolve_query { /* embed it; must be cancelled before it goes away */
	struct resolve_query *next;
	const char *name; /* while it waits */
	void (*on_done)(struct resolve_query *q, const struct sock_addr *addrs, unsigned count, const char *fault);
};

struct resolver *resolver_new(struct loop *l, struct err *e);
void resolver_free(struct resolver *r); /* queries that wait are forgotten */
/* Literal addresses, "localhost" and fresh answers: fills addrs, returns how many. 0: on_done will tell (count 0:
 * fault is a sentence). <0: -RR_NOMEM, or -RR_LIMIT when RESOLVE_NAMES names are being asked for. */
int resolve(struct resolver *r, struct resolve_query *q, const char *name, struct sock_addr addrs[RESOLVE_ADDRS]);
void resolve_cancel(struct resolver *r, struct resolve_query *q);

#endif
