/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws against the readable walk, sketches against sorting, quantiles against a plain simulation, determinism.
 */
#include "t.h"

#include <math.h>

#include "plan/lifetime.h"
#include "plan/lifetime_say.h"

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

TEST(sketch_against_sorting)
{
	enum { N = 50000 };
	double *v = calloc(N, sizeof *v);
	struct sketch *s = calloc(1, sizeof *s);
	struct rng g;
	rng_seed(&g, 3);
	for (unsigned shape = 0; shape < 4; shape++) {
		memset(s, 0, sizeof *s);
		for (unsigned i = 0; i < N; i++)
			v[i] = shape == 0   ? rng_exponential(&g, 500)
			       : shape == 1 ? 1e6 + 1e5 * rng_unit(&g)
			       : shape == 2 ? exp(5 + 2 * rng_normal(&g))
					    : (rng_unit(&g) < 0.3 ? 0 : 12.5);
		sketch_add_many(s, v, N);
		qsort(v, N, sizeof *v, ascending);
		double qs[] = {0.01, 0.1, 0.5, 0.9, 0.99};
		for (unsigned i = 0; i < 5; i++) {
			double exact = v[(unsigned)(qs[i] * N)], got = sketch_quantile(s, qs[i]);
			if (exact == 0)
				T_TRUE(got == 0);
			else
				T_NEAR(got, exact, 0.008);
		}
	}
	free(v);
	free(s);
}

TEST(triangular_draws)
{
	struct dist d = {0, 1, 3};
	enum { N = 200000 };
	double *v = calloc(N, sizeof *v), sum = 0;
	struct rng g;
	dist_stream(&g, 5, 1);
	dist_fill(d, &g, v, N);
	for (unsigned i = 0; i < N; i++)
		sum += v[i];
	T_NEAR(sum / N, dist_mean(d), 0.01);
	qsort(v, N, sizeof *v, ascending);
	T_NEAR(v[N / 2], 3 - sqrt(3), 0.01);
	T_NEAR(dist_at(d, 0.5), 3 - sqrt(3), 1e-12);
	T_TRUE(v[0] >= 0 && v[N - 1] <= 3);
	free(v);
}

static const char text[] =
	"months: 24\ncurrency: GBP\nstart: 2026-12\nprice_decline: %s\nadoption: {multiple: %s, middle: 8}\n"
	"models:\n"
	"  - {name: mini, in: 0.75, out: 4.50, read: 0.1, write: 1.25, batch: 0.5}\n"
	"  - {name: nano, in: 0.20, out: 1.25, read: 0.1, batch: 0.5}\n"
	"workloads:\n"
	"  - {name: a, model: mini, easy_model: nano, volume: %s, growth: 0.03, prefix: 1000, rest: 300, output: 200, hit: "
	"0.7, batched: 0.1, deferrable: 0.3, easy: 0.5, routed: 0.2, retrieved: 100}\n"
	"  - {name: agent, model: mini, volume: 4000, turns: 8, rest: 1500, turn_tokens: 700, output: 300, peak_to_mean: 2}\n"
	"  - {name: desk, billing: seat, unit_price: 25, seats: 40}\n"
	"  - {name: bot, billing: resolution, unit_price: 0.4, volume: 3000, resolved: 0.5}\n"
	"  - {name: fleet, billing: provisioned, unit_price: 900, unit_tokens: 50M, volume: 90000, rest: 800, output: 100}\n"
	"outlays:\n  - {name: consultant, amount: %s, month: 3}\n  - {name: labels, amount: 700, month: 1, every_months: 6}\n"
	"finetunes:\n  - {name: t, serves: a, model: nano, month: 5, upfront: 4000, tokens_removed: 800, hosting: 50, retrain: "
	"300, retrain_every: 4, retires_month: 20, drift: 0.01}\n"
	"options:\n  - {name: gpu, serves: [a, agent], rate: 2.5, tps: 1500, spare: 1, people: 500, setup: 2000, month: 2, "
	"rate_change: 0.1, reserved_share: 0.5, reserved_discount: 0.3, power_kw: 0.7, power_price: 0.2}\n";

static struct scenario s;
static struct lifetime life;

static void read_scenario(const char *decline, const char *adoption, const char *volume, const char *amount)
{
	static char full[8192];
	struct conf_doc d;
	struct arena a;
	memset(&d, 0, sizeof d);
	arena_init(&a, 4 << 20);
	snprintf(full, sizeof full, text, decline, adoption, volume, amount);
	int rc = conf_parse(&d, &a, str_of(full), "life.yaml");
	if (rc == 0)
		rc = scenario_read(&s, &d, NULL, 0);
	if (rc < 0)
		printf("  %s\n", d.error[0].what);
	T_EQ_I(rc, 0);
	arena_fini(&a);
}

TEST(without_ranges_draws_are_the_walk)
{
	read_scenario("2", "3", "100k", "5000");
	s.draws = 300; /* a whole block and a part */
	T_EQ_I(lifetime_run(&s, &life, NULL), 0);
	double inference = 0, training = 0, option = 0;
	for (unsigned m = 0; m < s.months; m++) {
		inference += life.mode.inference[m];
		training += life.mode.training[m];
		option += life.mode.option[0][m] + life.mode.option_once[0][m];
		T_NEAR(life.month[m].inference.p50, life.mode.inference[m], 0.008);
		T_NEAR(life.month[m].cumulative_inference.p10, inference, 0.008);
		if (life.mode.training[m] > 0)
			T_NEAR(life.month[m].training.p90, life.mode.training[m], 0.008);
		else
			T_EQ_I(life.month[m].training.p90, 0);
	}
	T_NEAR(life.option[0].total.p50, option, 0.008);
	T_NEAR(life.share.p50, inference / (inference + training), 0.008);
	T_NEAR(training, 5000 + 700 * 4 + 4000 + 300 * 3, 1e-12);
	T_EQ_I(life.swings, 0);
}

/* The months counted by hand, for one plain workload. */
TEST(walk_against_a_loop_over_calls)
{
	read_scenario("1", "1", "1000", "5000");
	struct life_path p;
	lifetime_path(&s, &p);
	double bill = 0;
	struct rng g;
	rng_seed(&g, 9);
	enum { N = 400000 };
	for (unsigned k = 0; k < N; k++) { /* month 0, workload a, call by call */
		bool hit = rng_unit(&g) < 0.7, batch = rng_unit(&g) < 0.1, routed = rng_unit(&g) < 0.2;
		double in = routed ? 0.20 : 0.75, out = routed ? 1.25 : 4.50, write = routed ? 1 : 1.25;
		double c = in * (400 + 1000 * (hit ? 0.1 : write)) + out * 200;
		bill += c * (batch ? 0.5 : 1) / 1e6;
	}
	T_NEAR(p.by_workload[0][0], bill / N * 1000, 0.005);
	/* the agent: turn by turn */
	double context = 1500, agent = 0;
	for (unsigned k = 0; k < 8; k++) {
		agent += (0.75 * context + 4.50 * 300) / 1e6;
		context += 700;
	}
	T_NEAR(p.by_workload[1][0], agent * 4000, 1e-9);
	T_NEAR(p.by_workload[2][5], 25 * 40, 1e-12);
	T_NEAR(p.by_workload[3][5], 3000 * 0.5 * 0.4, 1e-12);
	T_NEAR(p.by_workload[4][0], 2 * 900, 1e-12); /* 81 M tokens in units of 50 M */
	/* growth: month 4 of the first workload is 1.03^4 of month 0 (the tune comes in month 5) */
	T_NEAR(p.by_workload[0][4], p.by_workload[0][0] * pow(1.03, 4), 1e-9);
}

TEST(quantiles_against_a_plain_simulation)
{
	read_scenario("{low: 1, mode: 1.5, high: 4}", "{low: 1, mode: 2, high: 6}", "{low: 50k, mode: 100k, high: 300k}",
		      "{low: 3000, mode: 5000, high: 9000}");
	s.draws = 40000;
	T_EQ_I(lifetime_run(&s, &life, NULL), 0);
	enum { N = 8000 };
	double *total = calloc(N, sizeof *total);
	struct scenario *one = calloc(1, sizeof *one);
	struct life_path *p = calloc(1, sizeof *p);
	struct rng g;
	unsigned overtaken = 0;
	rng_seed(&g, 77);
	for (unsigned i = 0; i < N; i++) {
		struct figure_ref refs[32];
		*one = s;
		unsigned n = scenario_figures(one, refs, 32);
		T_EQ_I(n, 4);
		for (unsigned k = 0; k < n; k++)
			refs[k].d->mode = dist_at(*refs[k].d, rng_unit(&g));
		lifetime_path(one, p);
		double inference = 0, training = 0;
		bool ahead = false;
		for (unsigned m = 0; m < s.months; m++) {
			inference += p->inference[m];
			training += p->training[m];
			ahead = inference > training;
		}
		overtaken += ahead;
		total[i] = inference + training;
	}
	qsort(total, N, sizeof *total, ascending);
	T_NEAR(life.total.p10, total[N / 10], 0.03);
	T_NEAR(life.total.p50, total[N / 2], 0.03);
	T_NEAR(life.total.p90, total[N * 9 / 10], 0.03);
	T_TRUE(fabs(life.overtakes.share - (double)overtaken / N) < 0.02);
	free(total);
	free(one);
	free(p);
}

TEST(same_seed_same_answer)
{
	struct sb a, b;
	sb_init(&a, 1 << 22);
	sb_init(&b, 1 << 22);
	read_scenario("{low: 1, mode: 1.5, high: 4}", "2", "{low: 50k, mode: 100k, high: 300k}", "5000");
	s.draws = 5000;
	lifetime_run(&s, &life, NULL);
	lifetime_json(&s, &life, &a);
	double p50 = life.total.p50;
	lifetime_run(&s, &life, NULL);
	lifetime_json(&s, &life, &b);
	T_TRUE(str_eq(sb_str(&a), sb_str(&b)));
	s.seed = 2;
	lifetime_run(&s, &life, NULL);
	T_TRUE(life.total.p50 != p50);
	T_NEAR(life.total.p50, p50, 0.03);
	sb_fini(&a);
	sb_fini(&b);
}

/* Adoption set to 50x from 200 a month: the band holds the 10,000 that was seen (worked example 31). */
TEST(adoption_band_contains_what_came)
{
	static const char yaml[] =
		"months: 12\ndraws: 20000\nadoption: {multiple: {low: 20, mode: 50, high: 90}, middle: {low: 4, mode: 6, high: 8}}\n"
		"models: [{name: m, in: 1, out: 0}]\nworkloads: [{name: w, model: m, volume: {low: 150k, mode: 200k, high: 220k}, "
		"rest: 1000}]\n";
	struct conf_doc d;
	struct arena a;
	memset(&d, 0, sizeof d);
	arena_init(&a, 1 << 20);
	T_EQ_I(conf_parse(&d, &a, STR(yaml), "a.yaml"), 0);
	T_EQ_I(scenario_read(&s, &d, NULL, 0), 0);
	T_EQ_I(lifetime_run(&s, &life, NULL), 0);
	T_NEAR(life.mode.inference[0], 200, 1e-9);
	T_NEAR(life.mode.inference[11], 10000, 1e-9);
	T_TRUE(life.month[11].inference.p10 < 10000 && life.month[11].inference.p90 > 10000);
	arena_fini(&a);
}

TEST(levers_shapley_sums)
{
	read_scenario("1", "1", "100k", "5000");
	s.draws = 10;
	lifetime_run(&s, &life, NULL);
	double sum = 0, order = 0;
	for (unsigned i = 0; i < life.levers; i++) {
		sum += life.shapley[i];
		order += life.in_order[i];
		double least = fmin(life.first_in[i], life.last_in[i]), most = fmax(life.first_in[i], life.last_in[i]);
		T_TRUE(life.shapley[i] >= least - 1e-9 && life.shapley[i] <= most + 1e-9);
	}
	T_NEAR(sum, life.lever_before - life.lever_after, 1e-9);
	T_NEAR(order, sum, 1e-9);
}

TEST(refusals)
{
	static const struct {
		const char *yaml, *part;
	} bad[] = {
		{"months: 0\nworkloads: []\n", "months is 0: allowed is from 1 to 240"},
		{"monhts: 3\n", "did you mean months"},
		{"months: 3\nmodels: [{name: m, in: -1}]\nworkloads: [{name: w, model: m, volume: 1}]\n", "in is -1"},
		{"months: 3\nmodels: [{name: m, in: 1}]\nworkloads: [{name: w, model: m, volume: 1, easy: 1.4}]\n", "easy is 1.4"},
		{"months: 3\nmodels: [{name: m, in: 1}]\nworkloads: [{name: w, model: m, volume: 1, hit: 0.4}]\n", "needs a prefix"},
		{"months: 3\nmodels: [{name: m, in: GBP 1}]\nworkloads: [{name: w, model: m, volume: 1, prefix: 1}]\noutlays: "
		 "[{name: o, amount: USD 5}]\n", "mixed currencies"},
		{"months: 3\nmodels: [{name: m, in: 1}]\nworkloads: [{name: w, model: m, volume: {low: 5, mode: 2, high: 9}}]\n",
		 "in this order"},
		{"months: 3\nmodels: [{name: m, in: 1}]\nworkloads: [{name: w, model: m, volume: 1}]\noptions: [{name: g, rate: 1, "
		 "tps: 5, serves: x}]\n", "no workload \"x\""},
		{"months: 3\nmodels: [{name: m, in: 1}]\nworkloads: [{name: w, model: m, volume: 1, billing: hour}]\n",
		 "billing is token, call"},
		{"months: 3\nmodels: [{name: m, in: 1}]\nworkloads: [{name: w, model: m, volume: 5 apples}]\n", "volume"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct conf_doc d;
		struct arena a;
		memset(&d, 0, sizeof d);
		arena_init(&a, 1 << 20);
		int rc = conf_parse(&d, &a, str_of(bad[i].yaml), "bad.yaml");
		if (rc == 0)
			rc = scenario_read(&s, &d, NULL, 0);
		bool said = false;
		for (unsigned k = 0; k < d.errors; k++)
			said |= strstr(d.error[k].what, bad[i].part) && d.error[k].line > 0;
		if (rc >= 0 || !said) {
			printf("  %s -> %d \"%s\"\n", bad[i].yaml, rc, d.errors ? d.error[0].what : "");
			T_TRUE(false);
		}
		arena_fini(&a);
	}
}

T_MAIN
