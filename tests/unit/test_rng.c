/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers: the reference generator's own outputs, and moments within what chance allows (the seeds are fixed,
 * so a failure is a change). Histograms against sorted values.
 */
#include <math.h>

#include "base/hist.h"
#include "base/rng.h"
#include "py.h"
#include "t.h"

/* splitmix64 of seed 0 begins E220A8397B1DCDAF (Vigna's reference); xoshiro256** of state 1, 2, 3, 4 gives
 * 11520, 0, 1509978240, 1215971899390074240 (the test of rust's rand_xoshiro, after the reference code). */
TEST(the_reference_outputs)
{
	struct rng r;
	rng_seed(&r, 0);
	T_TRUE(r.s[0] == UINT64_C(0xE220A8397B1DCDAF) && r.s[1] == UINT64_C(0x6E789E6AA1B965F4));
	r = (struct rng){{1, 2, 3, 4}};
	T_TRUE(rng_u64(&r) == 11520);
	T_TRUE(rng_u64(&r) == 0);
	T_TRUE(rng_u64(&r) == 1509978240);
	T_TRUE(rng_u64(&r) == UINT64_C(1215971899390074240));
}

TEST(python_computes_the_same_stream)
{
	static const char script[] =
		"M=2**64-1\n"
		"def rot(v,k): return (v<<k|v>>(64-k))&M\n"
		"z=12345;s=[]\n"
		"for i in range(4):\n"
		"  z=(z+0x9E3779B97F4A7C15)&M;x=z\n"
		"  x=((x^x>>30)*0xBF58476D1CE4E5B9)&M;x=((x^x>>27)*0x94D049BB133111EB)&M;s.append(x^x>>31)\n"
		"for i in range(200):\n"
		"  print(rot(s[1]*5&M,7)*9&M)\n"
		"  t=s[1]<<17&M;s[2]^=s[0];s[3]^=s[1];s[1]^=s[2];s[0]^=s[3];s[2]^=t;s[3]=rot(s[3],45)\n";
	struct rng r;
	struct sb ours, out;
	sb_init(&ours, 10000);
	sb_init(&out, 10000);
	rng_seed(&r, 12345);
	for (unsigned i = 0; i < 200; i++) {
		sb_add_u64(&ours, rng_u64(&r));
		sb_addc(&ours, '\n');
	}
	if (py_run(script, str_make(NULL, 0), &out))
		T_TRUE(str_eq(sb_str(&ours), sb_str(&out)));
	sb_fini(&ours);
	sb_fini(&out);
}

enum { DRAWS = 200000 };

TEST(bounded_numbers_are_even)
{
	struct rng r;
	unsigned seen[10] = {0};
	rng_seed(&r, 50);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t v = rng_below(&r, 10);
		T_TRUE(v < 10);
		seen[v]++;
	}
	for (unsigned i = 0; i < 10; i++) /* 5 standard deviations of a binomial */
		T_TRUE(fabs(seen[i] - DRAWS / 10.0) < 5 * sqrt(DRAWS * 0.09));
	T_EQ_I(rng_below(&r, 1), 0);
	/* a bound of 3/4 of 2^64: taking a remainder would make the lower third twice as likely */
	seen[0] = 0;
	for (unsigned i = 0; i < DRAWS; i++)
		seen[0] += rng_below(&r, UINT64_C(3) << 62) < UINT64_C(3) << 61;
	T_TRUE(fabs(seen[0] - DRAWS / 2.0) < 5 * sqrt(DRAWS * 0.25));
}

TEST(moments_of_the_distributions)
{
	struct rng r;
	double unit = 0, normal = 0, square = 0, cube = 0, fourth = 0, waiting = 0;
	rng_seed(&r, 51);
	for (unsigned i = 0; i < DRAWS; i++) {
		double u = rng_unit(&r), n = rng_normal(&r), e = rng_exponential(&r, 3);
		T_TRUE(u >= 0 && u < 1 && e >= 0);
		unit += u / DRAWS;
		normal += n / DRAWS;
		square += n * n / DRAWS;
		cube += n * n * n / DRAWS;
		fourth += n * n * n * n / DRAWS;
		waiting += e / DRAWS;
	}
	T_TRUE(fabs(unit - 0.5) < 5 * sqrt(1.0 / 12 / DRAWS));
	T_TRUE(fabs(normal) < 5 * sqrt(1.0 / DRAWS) && fabs(square - 1) < 5 * sqrt(2.0 / DRAWS));
	T_TRUE(fabs(cube) < 5 * sqrt(15.0 / DRAWS) && fabs(fourth - 3) < 5 * sqrt(96.0 / DRAWS));
	T_TRUE(fabs(waiting - 3) < 5 * 3 * sqrt(1.0 / DRAWS));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

TEST(quantiles_are_within_a_128th)
{
	static struct hist h, half;
	static uint64_t values[20000];
	struct rng r;
	enum { N = sizeof values / sizeof values[0] };
	rng_seed(&r, 52);
	hist_clear(&h);
	hist_clear(&half);
	T_EQ_I(hist_quantile(&h, 0.5), 0);
	for (unsigned i = 0; i < N; i++) {
		values[i] = rng_u64(&r) >> rng_below(&r, 64);
		hist_add(i % 2 ? &h : &half, values[i]);
	}
	hist_merge(&h, &half);
	T_EQ_I(h.count, N);
	qsort(values, N, sizeof values[0], by_value);
	T_TRUE(h.max == values[N - 1] && hist_quantile(&h, 1) == h.max && hist_quantile(&h, 2) == h.max);
	for (unsigned i = 0; i < N; i += 7) {
		double q = ((double)i + 0.5) / N;
		double got = (double)hist_quantile(&h, q), want = (double)values[i];
		T_TRUE(fabs(got - want) <= want / 128 + 0.5);
	}
	T_TRUE(hist_quantile(&h, 0) <= values[0] + values[0] / 64 && hist_quantile(&h, -1) == hist_quantile(&h, 0));
}

TEST(small_values_are_exact_and_sums_saturate)
{
	static struct hist h;
	hist_clear(&h);
	for (uint64_t v = 0; v < 128; v++)
		hist_add(&h, v);
	for (unsigned v = 0; v < 128; v++)
		T_EQ_I(hist_quantile(&h, (v + 0.5) / 128), v);
	T_EQ_I(h.sum, 127 * 64);
	hist_add(&h, UINT64_MAX);
	hist_add(&h, UINT64_MAX);
	T_TRUE(h.sum == UINT64_MAX && hist_quantile(&h, 1) == UINT64_MAX);
	hist_merge(&h, &h);
	T_TRUE(h.sum == UINT64_MAX && h.count == 260);
}

T_MAIN
