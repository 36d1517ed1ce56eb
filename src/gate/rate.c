/* SPDX-License-Identifier: Apache-2.0
 *
 * See rate.h. Levels are kept in millionths of a request or token, signed: a call that used more than its bound leaves a
 * debt. A key that finds all its places taken by others pushes out the one that was quiet longest.
 */
#include "gate/rate.h"

#include <pthread.h>
#include <stdlib.h>

enum { PROBES = 8, MILLION = 1000000, MINUTE_US = 60 * MILLION };

struct bucket {
	uint32_t key;
	bool used;
	uint64_t at_us;
	__int128 requests, tokens; /* millionths that are left */
};

struct rate {
	pthread_mutex_t lock;
	uint64_t requests, tokens; /* a minute; 0 = no limit */
	struct bucket bucket[RATE_KEYS];
};

struct rate *rate_new(uint64_t requests_per_minute, uint64_t tokens_per_minute)
{
	struct rate *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->requests = requests_per_minute;
	r->tokens = tokens_per_minute;
	return r;
}

void rate_free(struct rate *r)
{
	if (r)
		pthread_mutex_destroy(&r->lock);
	free(r);
}

bool rate_any(const struct rate *r)
{
	return r->requests || r->tokens;
}

static struct bucket *bucket_of(struct rate *r, uint32_t key, bool make)
{
	uint32_t start = key * 2654435761u;
	struct bucket *oldest = NULL;
	for (unsigned i = 0; i < PROBES; i++) {
		struct bucket *b = &r->bucket[(start + i) % RATE_KEYS];
		if (b->used && b->key == key)
			return b;
		if (!oldest || !b->used || (oldest->used && b->at_us < oldest->at_us))
			oldest = b;
	}
	if (!make)
		return NULL;
	*oldest = (struct bucket){.key = key, .used = true, .requests = (__int128)r->requests * MILLION,
				  .tokens = (__int128)r->tokens * MILLION};
	return oldest;
}

static __int128 filled(__int128 level, uint64_t per_minute, uint64_t us)
{
	__int128 full = (__int128)per_minute * MILLION;
	level += (__int128)per_minute * us / 60; /* per minute x us / 60 s = millionths */
	return level > full ? full : level;
}

/* Seconds until `missing` millionths have come. */
static unsigned wait_s(__int128 missing, uint64_t per_minute)
{
	__int128 us = missing * 60 / per_minute;
	return us >= MINUTE_US * (__int128)60 ? 3600 : (unsigned)(us / MILLION) + 1;
}

unsigned rate_take(struct rate *r, uint32_t key, uint64_t tokens, uint64_t now_us, uint64_t *taken)
{
	__int128 want = (__int128)(tokens < r->tokens ? tokens : r->tokens) * MILLION;
	unsigned wait = 0;
	struct bucket *b;
	*taken = 0;
	pthread_mutex_lock(&r->lock);
	b = bucket_of(r, key, true);
	if (now_us > b->at_us) {
		uint64_t us = b->at_us ? now_us - b->at_us : 0;
		us = us > MINUTE_US ? MINUTE_US : us;
		b->requests = filled(b->requests, r->requests, us);
		b->tokens = filled(b->tokens, r->tokens, us);
		b->at_us = now_us;
	}
	if (r->requests && b->requests < MILLION)
		wait = wait_s(MILLION - b->requests, r->requests);
	else if (r->tokens && b->tokens < want)
		wait = wait_s(want - b->tokens, r->tokens);
	if (!wait) {
		b->requests -= MILLION;
		b->tokens -= want;
		*taken = (uint64_t)(want / MILLION);
	}
	pthread_mutex_unlock(&r->lock);
	return wait;
}

void rate_settle(struct rate *r, uint32_t key, uint64_t taken, uint64_t used)
{
	struct bucket *b;
	__int128 full = (__int128)r->tokens * MILLION;
	if (!r->tokens || taken == used)
		return;
	pthread_mutex_lock(&r->lock);
	b = bucket_of(r, key, false);
	if (b) {
		b->tokens += ((__int128)taken - (__int128)used) * MILLION;
		if (b->tokens > full)
			b->tokens = full;
	}
	pthread_mutex_unlock(&r->lock);
}
