/* SPDX-License-Identifier: Apache-2.0
 *
 * What a key may ask: calls at once over threads that come together, rates against a plain model of a bucket, and keys
 * that crowd each other out.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/rng.h"
#include "gate/rate.h"
#include "t.h"

enum { MOST = 7, THREADS = 8, ROUNDS = 20000 };
static struct rate *shared;
static atomic_int inside, highest, refused;

static void *work(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		int place = rate_enter(shared, 42, MOST), now, seen;
		if (place < 0) {
			atomic_fetch_add(&refused, 1);
			continue;
		}
		now = atomic_fetch_add(&inside, 1) + 1;
		seen = atomic_load(&highest);
		while (now > seen && !atomic_compare_exchange_weak(&highest, &seen, now))
			;
		atomic_fetch_sub(&inside, 1);
		rate_leave(shared, place);
	}
	return arg;
}

TEST(no_more_calls_at_once_than_a_key_may_have)
{
	pthread_t t[THREADS];
	int place[MOST + 1];
	shared = rate_new();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, work, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	T_TRUE(highest <= MOST && highest >= 1);
	for (int i = 0; i < MOST; i++)
		T_TRUE((place[i] = rate_enter(shared, 42, MOST)) >= 0); /* none leaked */
	T_EQ_I(rate_enter(shared, 42, MOST), -1);
	T_TRUE((place[MOST] = rate_enter(shared, 43, MOST)) >= 0); /* another key has its own */
	rate_leave(shared, place[0]);
	T_TRUE((place[0] = rate_enter(shared, 42, MOST)) >= 0);
	T_TRUE(rate_enter(shared, 42, 0) >= 0); /* 0: no limit */
	rate_free(shared);
}

TEST(rates_are_those_of_a_plain_bucket)
{
	const struct rate_limits l = {.requests_per_minute = 60, .tokens_per_minute = 6000};
	struct rate *r = rate_new();
	struct rng rng;
	double requests = 60, tokens = 6000; /* the model */
	uint64_t now = 1000000, last = now, taken;
	int place = rate_enter(r, 9, 0), agreed = 0, passed = 0;
	rng_seed(&rng, 7);
	for (int i = 0; i < 3000; i++) {
		uint64_t want = rng_below(&rng, 300), used = rng_below(&rng, 300);
		bool may;
		now += rng_below(&rng, 2000000);
		requests += (double)(now - last) / 1e6;
		tokens += (double)(now - last) / 1e4;
		requests = requests > 60 ? 60 : requests;
		tokens = tokens > 6000 ? 6000 : tokens;
		last = now;
		if (requests > 0.999 && requests < 1.001)
			continue; /* too near to call for a model in doubles */
		may = requests >= 1 && tokens >= (double)want;
		if (!rate_take(r, place, &l, want, now, &taken) == may)
			agreed++;
		if (!may)
			continue;
		passed++;
		requests -= 1;
		tokens -= (double)used;
		tokens = tokens > 6000 ? 6000 : tokens;
		rate_settle(r, place, &l, taken, used);
	}
	T_TRUE(agreed >= 2980 && passed > 300);
	rate_leave(r, place);
	rate_free(r);
}

TEST(a_key_with_calls_under_way_is_not_crowded_out)
{
	const struct rate_limits l = {.requests_per_minute = 2};
	struct rate *r = rate_new();
	uint64_t taken;
	int place = rate_enter(r, 5, 1), refused_once = 0;
	T_EQ_I(rate_take(r, place, &l, 0, 1000, &taken), 0);
	T_EQ_I(rate_take(r, place, &l, 0, 1000, &taken), 0);
	for (uint32_t key = 1000; key < 1000 + 4 * RATE_KEYS; key++) {
		int p = rate_enter(r, key, 1);
		refused_once += p < 0;
		if (p >= 0) {
			rate_take(r, p, &l, 0, 2000 + key, &taken);
			rate_leave(r, p);
		}
	}
	T_EQ_I(refused_once, 0);
	T_EQ_I(rate_enter(r, 5, 1), -1);
	T_TRUE(rate_take(r, place, &l, 0, 1001, &taken) >= 29);
	rate_leave(r, place);
	rate_free(r);
}

T_MAIN
