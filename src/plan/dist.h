/* SPDX-License-Identifier: Apache-2.0
 *
 * Uncertain figures: {low, mode, high} as a triangular distribution, and quantiles of many draws in little memory.
 *
 * A draw is the inverse of the distribution function at a uniform number, so one stream of uniforms gives the same
 * scenario whatever else is uncertain (each figure has its own stream, seeded by its place).
 *
 * The sketch is a histogram over the bits of a float: 128 bins an octave (0.8 % wide) from 2^-20 to 2^44, 32 KiB, with
 * interpolation inside a bin. A test holds it against sorting.
 */
#ifndef RR_PLAN_DIST_H
#define RR_PLAN_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

struct dist {
	double low, mode, high;
};

static inline struct dist dist_point(double v)
{
	return (struct dist){v, v, v};
}
static inline bool dist_is_point(struct dist d)
{
	return d.low == d.high;
}
double dist_at(struct dist d, double u); /* quantile at u in [0,1] */
double dist_mean(struct dist d);
/* n draws from a stream that belongs to (seed, stream) alone. */
void dist_fill(struct dist d, struct rng *g, double *out, size_t n);
void dist_stream(struct rng *g, uint64_t seed, uint64_t stream);

enum { SKETCH_BITS = 7, SKETCH_OCTAVES = 64, SKETCH_LOWEST = -20, SKETCH_BINS = SKETCH_OCTAVES << SKETCH_BITS };
struct sketch {
	uint64_t count, zero; /* zero: draws of nothing or below 2^-20 */
	double sum;
	uint32_t bin[SKETCH_BINS];
};
void sketch_add_many(struct sketch *s, const double *v, size_t n); /* v >= 0 */
double sketch_quantile(const struct sketch *s, double q);
double sketch_mean(const struct sketch *s);

struct band {
	double p10, p50, p90;
};
struct band sketch_band(const struct sketch *s);

#endif
