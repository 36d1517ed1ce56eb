/* SPDX-License-Identifier: Apache-2.0
 *
 * See hist.h. Values below 64 have a bucket each. Above, each power of two is cut into 64 equal buckets:
 *
 *   value 1xxxxxx......   bucket = (power - 5) * 64 + xxxxxx
 *
 * so a bucket's width is 1/64 of its lower bound at most, and its middle is within 1/128 of any value in it.
 */
#include "base/hist.h"

#include <string.h>

enum { SUB_BITS = 6 };
_Static_assert(1 << SUB_BITS == HIST_SUB, "one sub-bucket a pattern of SUB_BITS bits");
_Static_assert((64 - SUB_BITS + 1) * HIST_SUB <= HIST_BUCKETS, "every uint64_t has a bucket");

static unsigned bucket_of(uint64_t value)
{
	unsigned power;
	if (value < HIST_SUB)
		return (unsigned)value;
	power = 63 - (unsigned)__builtin_clzll(value);
	return (power - SUB_BITS + 1) * HIST_SUB + (unsigned)(value >> (power - SUB_BITS) & (HIST_SUB - 1));
}

static uint64_t middle_of(unsigned bucket)
{
	unsigned shift;
	uint64_t low;
	if (bucket < 2 * HIST_SUB)
		return bucket;
	shift = bucket / HIST_SUB - 1;
	low = (uint64_t)(HIST_SUB + bucket % HIST_SUB) << shift;
	return low + ((uint64_t)1 << shift) / 2;
}

void hist_clear(struct hist *h)
{
	memset(h, 0, sizeof *h);
}

static void add_count(uint32_t *count, uint32_t more)
{
	*count = *count > UINT32_MAX - more ? UINT32_MAX : *count + more;
}

void hist_add(struct hist *h, uint64_t value)
{
	h->count++;
	if (__builtin_add_overflow(h->sum, value, &h->sum))
		h->sum = UINT64_MAX;
	if (value > h->max)
		h->max = value;
	add_count(&h->bucket[bucket_of(value)], 1);
}

void hist_merge(struct hist *into, const struct hist *from)
{
	into->count += from->count;
	if (__builtin_add_overflow(into->sum, from->sum, &into->sum))
		into->sum = UINT64_MAX;
	if (from->max > into->max)
		into->max = from->max;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		add_count(&into->bucket[i], from->bucket[i]);
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t rank, seen = 0;
	if (h->count == 0)
		return 0;
	if (!(q < 1))
		return h->max;
	rank = q > 0 ? (uint64_t)((double)h->count * q) : 0; /* how many stand below it */
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > rank) {
			uint64_t middle = middle_of(i);
			return middle < h->max ? middle : h->max;
		}
	}
	return h->max;
}
