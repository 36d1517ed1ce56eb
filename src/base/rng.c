/* SPDX-License-Identifier: Apache-2.0
 *
 * See rng.h. Generator and seeding after Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators"
 * (ACM TOMS 47, 2021); bounded numbers after Lemire, "Fast Random Integer Generation in an Interval" (2019).
 */
#include "base/rng.h"

#include <math.h>

#include "base/err.h"

static uint64_t rotate(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

void rng_seed(struct rng *r, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t z = seed += UINT64_C(0x9E3779B97F4A7C15);
		z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
		z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
		r->s[i] = z ^ z >> 31;
	}
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	unsigned __int128 product;
	uint64_t reject;
	check(n > 0);
	reject = (0 - n) % n; /* 2^64 mod n: that many low results would be favoured */
	do
		product = (unsigned __int128)rng_u64(r) * n;
	while ((uint64_t)product < reject);
	return (uint64_t)(product >> 64);
}

double rng_unit(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

/* Marsaglia's polar method. The second of each pair is dropped: a generator's state is four words, no more. */
double rng_normal(struct rng *r)
{
	double x, y, square;
	do {
		x = 2 * rng_unit(r) - 1;
		y = 2 * rng_unit(r) - 1;
		square = x * x + y * y;
	} while (square >= 1 || square == 0);
	return x * sqrt(-2 * log(square) / square);
}

double rng_exponential(struct rng *r, double mean)
{
	return -mean * log1p(-rng_unit(r));
}
