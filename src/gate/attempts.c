/* SPDX-License-Identifier: Apache-2.0
 *
 * See attempts.h. A place is chosen by the hash; two first attempts of one hash (the same question asked twice at
 * once) leave the newer one standing.
 */
#include "gate/attempts.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"

struct attempts {
	pthread_mutex_t lock;
	uint64_t seed; /* a stranger cannot aim at a place */
	struct {
		uint64_t hash;
		uint32_t key;
		int64_t at_us;
		struct call_id operation;
	} place[ATTEMPT_PLACES];
};

struct attempts *attempts_new(void)
{
	struct attempts *a = calloc(1, sizeof *a);
	if (a) {
		pthread_mutex_init(&a->lock, NULL);
		hash_random(&a->seed, sizeof a->seed);
	}
	return a;
}

void attempts_free(struct attempts *a)
{
	if (a)
		pthread_mutex_destroy(&a->lock);
	free(a);
}

void attempts_join(struct attempts *a, uint32_t key, struct str path, struct str body, unsigned attempt, int64_t now_us,
		   struct call_id *operation)
{
	uint64_t hash = hash_xxh3_seed(body.p, body.n, hash_xxh3_seed(path.p, path.n, a->seed + key));
	unsigned at = (unsigned)(hash % ATTEMPT_PLACES);
	pthread_mutex_lock(&a->lock);
	if (attempt && a->place[at].hash == hash && a->place[at].key == key &&
	    now_us - a->place[at].at_us < ATTEMPT_US) {
		*operation = a->place[at].operation;
	} else {
		a->place[at].hash = hash;
		a->place[at].key = key;
		a->place[at].at_us = now_us;
		a->place[at].operation = *operation;
	}
	pthread_mutex_unlock(&a->lock);
}
