/* SPDX-License-Identifier: Apache-2.0
 *
 * See rate.h. Levels are kept in millionths of a request or token, signed: a call that used more than its bound leaves
 * a debt. Keys share the places of a group, chosen by hash: a key that finds all of them taken pushes out the one that
 * was quiet longest, never one with a call under way.
 */
#include "gate/rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PLACES = 8, GROUPS = RATE_KEYS / PLACES, MILLION = 1000000, MINUTE_US = 60 * MILLION };

struct bucket {
	__int128 requests, tokens; /* millionths that are left */
	uint64_t at_us;            /* 0 = full, whatever the limit is */
	uint32_t key;
	atomic_uint active;
};

struct group {
	pthread_mutex_t lock;
	struct bucket bucket[PLACES];
};

struct rate {
	struct group group[GROUPS];
};

struct rate *rate_new(void)
{
	struct rate *r = calloc(1, sizeof *r);
	for (unsigned i = 0; r && i < GROUPS; i++)
		pthread_mutex_init(&r->group[i].lock, NULL);
	return r;
}

void rate_free(struct rate *r)
{
	for (unsigned i = 0; r && i < GROUPS; i++)
		pthread_mutex_destroy(&r->group[i].lock);
	free(r);
}

static struct bucket *place_of(struct rate *r, int place)
{
	return &r->group[place / PLACES].bucket[place % PLACES];
}

int rate_enter(struct rate *r, uint32_t key, uint32_t active)
{
	unsigned g = (key * 2654435761u) >> 8 & (GROUPS - 1);
	struct bucket *all = r->group[g].bucket, *b = NULL;
	int place = -1;
	pthread_mutex_lock(&r->group[g].lock);
	for (unsigned i = 0; i < PLACES; i++) {
		if (all[i].key == key) {
			b = &all[i];
			break;
		}
		if (!atomic_load(&all[i].active) && (!b || all[i].at_us < b->at_us))
			b = &all[i];
	}
	if (b && b->key != key) {
		b->key = key;
		b->at_us = 0;
	}
	if (b && (!active || atomic_load(&b->active) < active)) {
		atomic_fetch_add(&b->active, 1);
		place = (int)(g * PLACES + (unsigned)(b - all));
	}
	pthread_mutex_unlock(&r->group[g].lock);
	return place;
}

void rate_leave(struct rate *r, int place)
{
	atomic_fetch_sub(&place_of(r, place)->active, 1);
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

unsigned rate_take(struct rate *r, int place, const struct rate_limits *l, uint64_t tokens, uint64_t now_us,
		   uint64_t *taken)
{
	__int128 want = (__int128)(tokens < l->tokens_per_minute ? tokens : l->tokens_per_minute) * MILLION;
	pthread_mutex_t *lock = &r->group[place / PLACES].lock;
	struct bucket *b = place_of(r, place);
	unsigned wait = 0;
	*taken = 0;
	pthread_mutex_lock(lock);
	if (!b->at_us) {
		b->requests = (__int128)l->requests_per_minute * MILLION;
		b->tokens = (__int128)l->tokens_per_minute * MILLION;
		b->at_us = now_us | 1;
	} else if (now_us > b->at_us) {
		uint64_t us = now_us - b->at_us < MINUTE_US ? now_us - b->at_us : MINUTE_US;
		b->requests = filled(b->requests, l->requests_per_minute, us);
		b->tokens = filled(b->tokens, l->tokens_per_minute, us);
		b->at_us = now_us | 1;
	}
	if (l->requests_per_minute && b->requests < MILLION)
		wait = wait_s(MILLION - b->requests, l->requests_per_minute);
	else if (l->tokens_per_minute && b->tokens < want)
		wait = wait_s(want - b->tokens, l->tokens_per_minute);
	if (!wait) {
		b->requests -= MILLION;
		b->tokens -= want;
		*taken = (uint64_t)(want / MILLION);
	}
	pthread_mutex_unlock(lock);
	return wait;
}

void rate_settle(struct rate *r, int place, const struct rate_limits *l, uint64_t taken, uint64_t used)
{
	pthread_mutex_t *lock = &r->group[place / PLACES].lock;
	struct bucket *b = place_of(r, place);
	__int128 full = (__int128)l->tokens_per_minute * MILLION;
	if (!l->tokens_per_minute || taken == used)
		return;
	pthread_mutex_lock(lock);
	b->tokens += ((__int128)taken - (__int128)used) * MILLION;
	if (b->tokens > full)
		b->tokens = full;
	pthread_mutex_unlock(lock);
}
