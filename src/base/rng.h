/* SPDX-License-Identifier: Apache-2.0
 *
 * Deterministic random numbers for plans, simulations and tests (xoshiro256**, seeded by splitmix64;
 * Blackman and Vigna, public domain description). Not for secrets: those come from hash_random().
 */
#ifndef RR_BASE_RNG_H
#define RR_BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* uniform in [0, n), unbiased; n > 0 */
double rng_unit(struct rng *r);                /* [0, 1), 53 bits */
double rng_normal(struct rng *r);
double rng_exponential(struct rng *r, double mean);

#endif
