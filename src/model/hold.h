/* SPDX-License-Identifier: Apache-2.0
 *
 * What costs as long as it is held: explicit prompt caches, billed by tokens x hours. Pure.
 *
 * A hold is booked in slices of an hour from its own begin, and with what is left when it ends, so that a report of
 * the day shows a cache that lives for weeks. A slice gets the whole token-hours up to its end less those of the slices
 * before it: rounded once over the whole life (half to even), whatever the slices are.
 */
#ifndef RR_MODEL_HOLD_H
#define RR_MODEL_HOLD_H

#include "base/hash.h"
#include "model/call.h"

#define HOLD_SLICE_US (INT64_C(3600) * US_PER_S)
#define HOLD_FOREVER INT64_MAX

struct hold {
	struct hash128 key;        /* of the vendor's account and the thing's name */
	char name[64];             /* as the vendor calls it */
	struct call_id operation;  /* of the request that created it */
	uint32_t provider, model, region, caller, team, feature, env; /* interned */
	uint64_t tokens;
	int64_t from_us, until_us; /* until: as the vendor stated it last; HOLD_FOREVER = it ends when it is deleted */
	int64_t booked_us;         /* booked up to here */
	uint64_t booked_token_hours;
};

struct hold_slice {
	int64_t from_us, to_us;
	uint64_t token_hours;
};

/* tokens x time, rounded half to even. */
uint64_t hold_token_hours(uint64_t tokens, int64_t from_us, int64_t to_us);
/* The next slice that is complete at now_us, and *h booked so far. False when there is none. */
bool hold_next(struct hold *h, int64_t now_us, struct hold_slice *out);
/* When the next slice is complete. */
int64_t hold_due_us(const struct hold *h);

#endif
