/* SPDX-License-Identifier: Apache-2.0
 *
 * Attempts of one operation: a retry by the vendor's SDK is the same work asked for again.
 *
 * The SDKs number their attempts (x-stainless-retry-count: 0, 1, ..) and name no operation. So the first attempt is
 * remembered by who asks and by the hash of path and body, for ten minutes; a later one joins it. A client that names
 * its operation (x-runrate-operation) needs none of this. One table for all workers, a fixed number of places: what
 * is pushed out early makes a retry an operation of its own, and loses nothing else.
 */
#ifndef RR_GATE_ATTEMPTS_H
#define RR_GATE_ATTEMPTS_H

#include "model/call.h"

enum { ATTEMPT_PLACES = 16384 };
#define ATTEMPT_US (600 * US_PER_S)

struct attempts;
struct attempts *attempts_new(void); /* NULL: no memory */
void attempts_free(struct attempts *a);
/* The operation of this attempt: *operation is its own id when it is called and stays that where nothing is joined. */
void attempts_join(struct attempts *a, uint32_t key, struct str path, struct str body, unsigned attempt, int64_t now_us,
		   struct call_id *operation);

#endif
