/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast a key may ask: requests and tokens a minute, each a bucket that fills evenly and holds one minute's worth.
 *
 * Tokens are taken before the call, by its bound (what is larger than the bucket waits for a full one), and what was
 * not used is given back when the usage is known: so calls that come together cannot all pass on the same rest. One
 * table for all workers: the limit is the key's, not a thread's.
 */
#ifndef RR_GATE_RATE_H
#define RR_GATE_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum { RATE_KEYS = 16384 };

struct rate;
/* 0 = no limit of that kind. NULL: no memory. */
struct rate *rate_new(uint64_t requests_per_minute, uint64_t tokens_per_minute);
void rate_free(struct rate *r);
bool rate_any(const struct rate *r);
/* 0 and what was *taken; else seconds (at least 1) until it may be asked again. */
unsigned rate_take(struct rate *r, uint32_t key, uint64_t tokens, uint64_t now_us, uint64_t *taken);
/* The call used `used` of the `taken` tokens (more is taken, less given back). */
void rate_settle(struct rate *r, uint32_t key, uint64_t taken, uint64_t used);

#endif
