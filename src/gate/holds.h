/* SPDX-License-Identifier: Apache-2.0
 *
 * Explicit prompt caches (Gemini's cachedContents): what is held, and what holding it costs.
 *
 * 1. A cache bills for as long as it is kept: tokens x hours, priced by the book's `storage_token_hour`, as inference
 *    (class I-cache-storage). Nothing of that stands in any answer's usage, so the gateway keeps the time itself.
 * 2. An answer that created a cache is released when the hold stands in the ledger; one that changed its end, or
 * deleted it, when that does (clerk.h).
 * 3. The clerk books each complete hour, and the rest at the end: the vendor's expireTime as it was stated last (in any
 *    answer that shows the cache), or the deletion. After a restart it goes on where it was. Each slice is a row of its
 *    own with calls = 0 under the operation of the request that created the cache.
 * 4. What is not booked yet, up to its end, is reserved on the caps that it touches, each by the part that falls into
 * its window: from the request on, through restarts, new caps and new windows, until it is booked, shortened or
 * deleted.
 * 5. A cache that somebody made past this gateway is not metered here: a GET bills nothing.
 */
#ifndef RR_GATE_HOLDS_H
#define RR_GATE_HOLDS_H

#include "base/json.h"
#include "gate/caps.h"

struct gate;
struct request;
struct holds;

struct holds *holds_new(struct gate *g, struct err *e);
void holds_free(struct holds *h);
/* Once a second: has a slice become complete? */
void holds_tick(struct holds *h, int64_t now_us);
/* Does this answer show caches, and must be read whole? */
bool holds_reads(const struct request *r);
/* At start: what is kept is held again. */
int holds_restore(struct holds *h, struct ledger *l, struct err *e);
/* On the caps of now: there may be others, or another window. */
void holds_hold(struct holds *h);
/* Reserves the storage that is asked for, in the request's own ticket until its answer shows the cache. */
int holds_cap(struct request *r, struct cap_refusal *no);
/* A cache that an answer shows. */
bool holds_is_cache(struct json object);
void holds_see(struct request *r, struct json object);
/* The answer says that the cache of this path is deleted. */
void holds_end(struct request *r);

#endif
