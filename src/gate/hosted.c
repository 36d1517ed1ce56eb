/* SPDX-License-Identifier: Apache-2.0
 *
 * See hosted.h.
 */
#include "gate/hosted.h"

#include "base/money.h"

enum { SHIFT = 20 };
#define HOUR_US 3600000000ll

void hosted_init(struct hosted *h)
{
	pthread_mutex_init(&h->lock, NULL);
	h->at_us = 0;
	h->ran = 0;
	h->calls = 0;
}

/* Under the lock. A worker's clock may be a round behind another's. */
static void run_to(struct hosted *h, uint64_t now_us)
{
	if (now_us <= h->at_us)
		return;
	if (h->calls)
		h->ran += ((unsigned __int128)(now_us - h->at_us) << SHIFT) / h->calls;
	h->at_us = now_us;
}

unsigned __int128 hosted_begin(struct hosted *h, uint64_t now_us)
{
	unsigned __int128 ran;
	pthread_mutex_lock(&h->lock);
	run_to(h, now_us);
	h->calls++;
	ran = h->ran;
	pthread_mutex_unlock(&h->lock);
	return ran;
}

unsigned __int128 hosted_end(struct hosted *h, uint64_t now_us, unsigned __int128 begun)
{
	unsigned __int128 ran;
	pthread_mutex_lock(&h->lock);
	run_to(h, now_us);
	if (h->calls)
		h->calls--;
	ran = h->ran;
	pthread_mutex_unlock(&h->lock);
	return ran - begun;
}

int64_t hosted_cost_pico(unsigned __int128 share, int64_t rate_pico_per_hour)
{
	money_wide product;
	if (share >> 64 || __builtin_mul_overflow((money_wide)share, (money_wide)rate_pico_per_hour, &product))
		return INT64_MAX;
	product = money_round(product, (money_wide)HOUR_US << SHIFT);
	return product > INT64_MAX ? INT64_MAX : (int64_t)product;
}
