/* SPDX-License-Identifier: Apache-2.0
 *
 * Deferred work that nobody asks about any more: the gateway looks at it itself.
 *
 * 1. Worker 0 looks at the start and then every deferred_every, with the upstreams' configured keys, at what the
 *    ledger's notes say is open. What was asked for with a caller's own key is looked at when that caller comes again.
 * 2. A note with the vendor's id: the object is asked for, and what it shows counts (sight.h), however often.
 * 3. A note without: the gateway, or its connection, died between asking and the answer. The vendor's lists are read,
 *    newest first, page by page, back to before the ask; an object that shows what was asked for and that no note
 *    has or had is its. What is on no list after deferred_doubt was not taken.
 * 4. Nothing is ever asked for again: that would be to buy twice what a vendor may have taken.
 */
#ifndef RR_GATE_RECOVER_H
#define RR_GATE_RECOVER_H

struct worker;
struct request;

void recover_begin(struct worker *w);
void recover_end(struct worker *w); /* after the worker's exchanges are gone */
/* A request goes to its vendor with its caller's own key: a chance to look. */
void recover_with(struct request *r);

#endif
