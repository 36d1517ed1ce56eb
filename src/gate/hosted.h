/* SPDX-License-Identifier: Apache-2.0
 *
 * What a call on own hardware costs: its share of the machine's busy time (upstreams[].gpu_rate_per_hour).
 *
 * A clock runs at 1/n while n calls are under way; a call costs what that clock ran between its start and its end. So
 * the shares of all calls sum to the time in which the machine was busy, whatever overlaps, and no call is free, nor
 * unpriced (C55). Idle hours belong to no call; `plan selfhost` counts them. Integers: microseconds x 2^20.
 */
#ifndef RR_GATE_HOSTED_H
#define RR_GATE_HOSTED_H

#include <pthread.h>
#include <stdint.h>

struct hosted { /* one an upstream, shared by the workers */
	pthread_mutex_t lock;
	uint64_t at_us;        /* when the clock was last read */
	unsigned __int128 ran; /* microseconds x 2^20 a call */
	unsigned calls;
};

void hosted_init(struct hosted *h);
unsigned __int128 hosted_begin(struct hosted *h, uint64_t now_us);
/* The call's share in microseconds x 2^20. */
unsigned __int128 hosted_end(struct hosted *h, uint64_t now_us, unsigned __int128 begun);
/* What a share costs at a rate for an hour, rounded half to even; INT64_MAX where it does not fit. */
int64_t hosted_cost_pico(unsigned __int128 share, int64_t rate_pico_per_hour);

#endif
