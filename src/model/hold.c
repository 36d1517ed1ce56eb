/* SPDX-License-Identifier: Apache-2.0
 *
 * See hold.h.
 */
#include "model/hold.h"

uint64_t hold_token_hours(uint64_t tokens, int64_t from_us, int64_t to_us)
{
	money_wide product = to_us > from_us ? (money_wide)tokens * (to_us - from_us) : 0;
	money_wide hours = money_round(product, HOLD_SLICE_US);
	return hours > INT64_MAX ? INT64_MAX : (uint64_t)hours;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t hold_due_us(const struct hold *h)
{
	int64_t next = h->booked_us < HOLD_FOREVER - HOLD_SLICE_US ? h->booked_us + HOLD_SLICE_US : HOLD_FOREVER;
	return earlier(next, h->until_us);
}

bool hold_next(struct hold *h, int64_t now_us, struct hold_slice *out)
{
	int64_t to = hold_due_us(h);
	uint64_t total;
	if (to <= h->booked_us || to > now_us)
		return false;
	total = hold_token_hours(h->tokens, h->from_us, to);
	out->from_us = h->booked_us;
	out->to_us = to;
	out->token_hours = total - h->booked_token_hours;
	h->booked_us = to;
	h->booked_token_hours = total;
	return true;
}
