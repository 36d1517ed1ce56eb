/* SPDX-License-Identifier: Apache-2.0
 *
 * See dist.h. Triangular distribution: Kotz and van Dorp, "Beyond Beta" (2004), chapter 1.
 *
 * Worked example: {0, 1, 3} has the median 3 - sqrt(3 x 2 x 0.5) = 1.268 and the mean 4/3.
 */
#include "plan/dist.h"

#include <math.h>
#include <string.h>

double dist_at(struct dist d, double u)
{
	double width = d.high - d.low;
	if (width <= 0)
		return d.mode;
	double peak = (d.mode - d.low) / width;
	if (u < peak)
		return d.low + sqrt(u * width * (d.mode - d.low));
	return d.high - sqrt((1 - u) * width * (d.high - d.mode));
}

double dist_mean(struct dist d)
{
	return (d.low + d.mode + d.high) / 3;
}

void dist_stream(struct rng *g, uint64_t seed, uint64_t stream)
{
	rng_seed(g, seed * UINT64_C(0x9E3779B97F4A7C15) + stream * UINT64_C(0xD1B54A32D192ED03) + 1);
}

void dist_fill(struct dist d, struct rng *g, double *out, size_t n)
{
	if (dist_is_point(d)) {
		for (size_t i = 0; i < n; i++)
			out[i] = d.mode;
		return;
	}
	double width = d.high - d.low, peak = (d.mode - d.low) / width;
	double left = width * (d.mode - d.low), right = width * (d.high - d.mode);
	for (size_t i = 0; i < n; i++) {
		double u = rng_unit(g);
		/* both arms, so that the loop has no branch to mispredict */
		double rise = d.low + sqrt(u * left), fall = d.high - sqrt((1 - u) * right);
		out[i] = u < peak ? rise : fall;
	}
}

enum { SHIFT = 23 - SKETCH_BITS };
static const int32_t FIRST = (127 + SKETCH_LOWEST) << SKETCH_BITS;

void sketch_add_many(struct sketch *s, const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float f = (float)v[i];
		int32_t bits;
		memcpy(&bits, &f, sizeof bits);
		int32_t at = (bits >> SHIFT) - FIRST;
		s->sum += v[i];
		if (at < 0)
			s->zero++;
		else
			s->bin[at < SKETCH_BINS ? at : SKETCH_BINS - 1]++;
	}
	s->count += n;
}

/* The lower edge of bin i. */
static double edge(int32_t i)
{
	int32_t bits = (i + FIRST) << SHIFT;
	float f;
	memcpy(&f, &bits, sizeof f);
	return (double)f;
}

double sketch_quantile(const struct sketch *s, double q)
{
	double rank = q * (double)s->count;
	if (s->count == 0)
		return NAN;
	if (rank <= (double)s->zero)
		return 0;
	double seen = (double)s->zero;
	for (int32_t i = 0; i < SKETCH_BINS; i++) {
		double here = s->bin[i];
		if (here > 0 && seen + here >= rank) {
			double low = edge(i), high = edge(i + 1);
			return low + (high - low) * (rank - seen) / here;
		}
		seen += here;
	}
	return edge(SKETCH_BINS);
}

double sketch_mean(const struct sketch *s)
{
	return s->count ? s->sum / (double)s->count : NAN;
}

struct band sketch_band(const struct sketch *s)
{
	return (struct band){sketch_quantile(s, 0.1), sketch_quantile(s, 0.5), sketch_quantile(s, 0.9)};
}
