/* SPDX-License-Identifier: Apache-2.0
 *
 * A histogram of durations or sizes with a bounded relative error (1/64, log-linear buckets, the idea
 * of HdrHistogram), fixed memory, mergeable.
 */
#ifndef RR_BASE_HIST_H
#define RR_BASE_HIST_H

#include <stdint.h>

enum { HIST_SUB = 64, HIST_BUCKETS = HIST_SUB * 60 };

struct hist {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint32_t bucket[HIST_BUCKETS];
};

void hist_clear(struct hist *h);
void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *into, const struct hist *from);
uint64_t hist_quantile(const struct hist *h, double q); /* q in [0,1]; 0 when empty */

#endif
