/* SPDX-License-Identifier: Apache-2.0
 *
 * How much a key may ask: calls under way at once, and requests and tokens a minute, each a bucket that fills evenly
 * and holds one minute's worth.
 *
 * A call takes a place among its key's for as long as it lives; the rates hang on that place. Tokens are taken before
 * the call, by its bound (what is larger than the bucket waits for a full one), and what was not used is given back
 * when the usage is known: so calls that come together cannot all pass on the same rest. One table for all workers: the
 * limit is the key's, not a thread's.
 */
#ifndef RR_GATE_RATE_H
#define RR_GATE_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum { RATE_KEYS = 16384 };

struct rate_limits { /* 0 = no limit of that kind */
	uint64_t requests_per_minute, tokens_per_minute;
	uint32_t active;
};

struct rate;
struct rate *rate_new(void); /* NULL: no memory */
void rate_free(struct rate *r);
/* A place for one more call of that key, or -1: as many as `active` are under way (or other keys take all places). */
int rate_enter(struct rate *r, uint32_t key, uint32_t active);
void rate_leave(struct rate *r, int place);
/* 0 and what was *taken; else seconds (at least 1) until it may be asked again. */
unsigned rate_take(struct rate *r, int place, const struct rate_limits *l, uint64_t tokens, uint64_t now_us,
		   uint64_t *taken);
/* The call used `used` of the `taken` tokens (more is taken, less given back). */
void rate_settle(struct rate *r, int place, const struct rate_limits *l, uint64_t taken, uint64_t used);

#endif
