/* SPDX-License-Identifier: Apache-2.0
 *
 * Each formula's expression, read as text, against its function on random inputs; the worked examples; reading of
 * quantities; refusals.
 */
#include "t.h"

#include <math.h>

#include "base/clock.h"
#include "base/rng.h"
#include "plan/families.h"

static bool same(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b);
	return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)) + 1e-300;
}

/* A value that the input allows, of a size that people use; sometimes a bound itself. */
static double draw(struct rng *g, double least, double most, bool above)
{
	double low = isinf(least) ? -100 : least;
	if (!isinf(most) && rng_below(g, 8) == 0)
		return most;
	if (!above && rng_below(g, 8) == 0)
		return low;
	if (!isinf(most))
		return low + (most - low) * (1e-6 + (1 - 1e-6) * rng_unit(g));
	return low + pow(10, rng_unit(g) * 12 - 3);
}

TEST(expressions_are_what_is_computed)
{
	struct rng g;
	rng_seed(&g, 20261121);
	for (unsigned i = 0; formulas[i]; i++) {
		const struct formula *f = formulas[i];
		unsigned compared = 0, known = 0;
		for (unsigned round = 0; round < 400; round++) {
			struct formula_run r;
			formula_start(&r, f, 0);
			for (unsigned k = 0; f->inputs[k].name; k++)
				if (f->inputs[k].required || rng_below(&g, 2)) {
					double v = draw(&g, f->inputs[k].least, f->inputs[k].most, f->inputs[k].above);
					T_EQ_I(formula_set_number(&r, (int)k, v, "drawn", NULL, NULL), 0);
				}
			for (unsigned k = 0; f->columns && k < 1 + rng_below(&g, 4); k++) {
				double v[FORMULA_COLUMNS] = {NAN, NAN, NAN};
				for (unsigned j = 0; j < FORMULA_COLUMNS && f->columns->column[j]; j++)
					v[j] = draw(&g, f->columns->least[j], f->columns->most[j], false);
				T_EQ_I(formula_row(&r, STR("row"), v, NULL), 0);
			}
			formula_compute(&r);
			for (unsigned o = 0; f->outputs[o].name; o++) {
				bool bad;
				double v = formula_evaluate(&r, f->outputs[o].expression, &bad);
				T_TRUE(!bad);
				compared++;
				known += !isnan(r.out[o]);
				if (bad || !same(v, r.out[o])) {
					printf("  %s.%s: text %.17g, function %.17g\n", f->name, f->outputs[o].name, v, r.out[o]);
					T_TRUE(false);
					break;
				}
			}
		}
		if (compared && known * 4 < compared) {
			printf("  %s: only %u of %u outputs were known\n", f->name, known, compared);
			T_TRUE(false);
		}
	}
}

static struct formula_run run;

static void begin(const char *name)
{
	formula_start(&run, formula_find(str_of(name)), 0);
}

static int set(const char *input, const char *text)
{
	struct err e = {0};
	int i = formula_input(run.f, str_of(input));
	T_TRUE(i >= 0);
	return i < 0 ? -1 : formula_set(&run, i, str_of(text), "test", &e);
}

static double get(const char *output)
{
	return formula_value(&run, output);
}

static void finish(void)
{
	struct err e = {0};
	if (formula_finish(&run, &e) < 0) {
		printf("  %s\n", e.what);
		T_TRUE(false);
	}
}

TEST(worked_examples)
{
	begin("train");
	set("params", "70e9"), set("tokens", "15e12"), set("peak-flops", "1000e12"), set("mfu", "40 %"), set("rate", "$2");
	finish();
	T_NEAR(get("flop"), 6.3e24, 1e-12);
	T_NEAR(get("gpu_seconds"), 1.575e10, 1e-12);
	T_NEAR(get("cost"), 8.75e6, 1e-12);
	T_EQ_S(run.currency.code, "USD");

	begin("selfhost");
	set("rate", "2.50"), set("tps", "2000"), set("api_per_mtok", "3"), set("tokens-per-month", "240M");
	finish();
	T_NEAR(get("full_load_per_mtok"), 0.347222222, 1e-8);
	T_NEAR(get("breakeven_utilisation"), 0.115740741, 1e-8);
	T_NEAR(get("breakeven_tokens_per_month"), 608.3333333e6, 1e-8);
	T_NEAR(get("effective_per_mtok"), 7.604166667, 1e-8);
	T_NEAR(get("your_utilisation"), 240e6 / (2000 * 3600 * 730.0), 1e-12);

	begin("cache");
	set("prefix", "50k"), set("calls-per-day", "1,000"), set("price-in", "GBP 0.40"), set("hit", "99%");
	finish();
	T_NEAR(get("before_per_day"), 20, 1e-12);
	T_NEAR(get("after_per_day"), 2.23, 1e-12);
	T_NEAR(get("pays_above_hit_rate"), 0.25 / 1.15, 1e-12);

	begin("finetune");
	set("upfront", "8000"), set("saving-per-call", "0.00086"), set("calls-per-month", "300k");
	finish();
	T_NEAR(get("breakeven_calls"), 8000 / .00086, 1e-12);
	T_NEAR(get("breakeven_months"), 8000 / (300000 * .00086), 1e-12);
	T_EQ_I(get("valid"), 1);
	set("retires", "12"), set("hosting", "100");
	finish();
	T_NEAR(get("breakeven_months"), 8000 / (300000 * .00086 - 100), 1e-12);
	T_EQ_I(get("valid"), 0);

	/* levers.md g: 2,000 tokens removed at 2.00, 500 once: 125k calls uncached, 2.5 M at a read price of 0.05 */
	begin("finetune");
	set("upfront", "500"), set("calls-per-month", "1"), set("tokens-removed", "2000"), set("now-in", "2.00");
	set("tuned-in", "2.00");
	finish();
	T_NEAR(get("breakeven_calls"), 125e3, 1e-9);
	set("now-hit", "1"), set("now-read", "0.05");
	finish();
	T_NEAR(get("breakeven_calls"), 2.5e6, 1e-9);

	begin("amortise");
	set("training", "8750000"), set("inference-per-mtok", "0.35"), set("tokens", "1e13");
	finish();
	T_NEAR(get("per_mtok"), 1.225, 1e-12);
	T_NEAR(get("training_share"), 8.75 / 12.25, 1e-12);

	begin("price_decline");
	set("factor", "280"), set("months", "23");
	finish();
	T_NEAR(get("per_year"), 18.9, 3e-3);
	T_NEAR(get("halving_months"), 2.83, 1e-3);

	T_NEAR(cache_pays_above_hit_share(0.1, 1.25), 0.217, 2e-3);
	T_NEAR(cache_pays_above_hit_share(0.1, 2.0), 0.526, 1e-3);
	T_NEAR(cache_pays_above_hit_share(0.05, 2.5), 0.612, 1e-3);
	T_NEAR(cache_keepalive_hazard(0.1, 1.25), 0.087, 5e-3);
	T_NEAR(cache_keepalive_hazard(0.05, 1.25), 0.042, 1e-2);
	T_NEAR(cache_keepalive_hazard(0.025, 1.25), 0.020, 3e-2);
	T_NEAR(route_cascade_escalate_below(0.1, 1, 0.01), 0.89, 1e-12);
}

/* Formulas against a simulation that counts. */
TEST(brute_force)
{
	/* an agent's turns, one by one */
	double read = 0, weight = 0, context = 2000;
	for (unsigned k = 0; k < 10; k++) {
		read += context;
		weight += k == 0 ? 1.25 * context : 0.1 * (context - 1000) + 1.25 * 1000;
		context += 1000;
	}
	T_NEAR(agent_input_tok(10, 2000, 1000), read, 1e-12);
	T_NEAR(agent_input_weight_tok(10, 2000, 1000, 0.1, 1.25), weight, 1e-12);
	/* a Poisson stream and a sliding TTL */
	struct rng g;
	rng_seed(&g, 7);
	unsigned hits = 0, calls = 200000;
	for (unsigned i = 0; i < calls; i++)
		hits += rng_exponential(&g, 1 / 0.3) <= 5;
	T_NEAR((double)hits / calls, cache_poisson_hit_share(0.3, 5), 0.01);
	/* caching, call by call */
	double cost = 0;
	for (unsigned i = 0; i < 10000; i++)
		cost += 300 + 1100 * (rng_unit(&g) < 0.8 ? 0.1 : 1.25);
	T_NEAR(cost / 10000, 300 + 1100 * cache_phi(0.8, 0.1, 1.25), 0.02);
	/* months until a tune is back, month by month */
	double left = 8000;
	unsigned months = 0;
	while (left > 0) {
		left -= 300000 * 0.00086 - 40 - 10;
		months++;
	}
	T_EQ_I(months, ceil(finetune_breakeven_months(8000, 0.00086, 300000, 40, 10)));
	/* a price that falls by a constant factor each month */
	double price = 1;
	for (unsigned m = 0; m < 12; m++)
		price /= pow(280, 1.0 / 23);
	T_NEAR(1 / price, decline_per_year(280, 23), 1e-9);
	/* the staircase: the API bill overtakes at the first volume that a scan finds */
	begin("selfhost");
	set("rate", "2.5"), set("tps", "2000"), set("api_per_mtok", "3"), set("replicas_min", "2");
	finish();
	double found = 0;
	for (double v = 1e6; v < 3e9; v += 1e6) {
		double bill = selfhost_replicas(v, selfhost_capacity_tok_per_month(2000, 1), 2) * 2.5 * 730;
		if (v * 3 / 1e6 >= bill) {
			found = v;
			break;
		}
	}
	T_NEAR(get("breakeven_tokens_per_month"), found, 1e-3);
}

static int bad(const char *name, const char *input, const char *text, const char *part)
{
	struct err e = {0};
	struct formula_run r;
	formula_start(&r, formula_find(str_of(name)), 0);
	int rc = formula_set(&r, formula_input(r.f, str_of(input)), str_of(text), "test", &e);
	if (rc >= 0 || !strstr(e.what, part)) {
		printf("  %s=%s: rc %d \"%s\"\n", input, text, rc, e.what);
		T_TRUE(false);
	}
	return rc;
}

TEST(refusals_name_the_place_and_the_range)
{
	bad("batch", "share", "1.2", "share is 1.2: allowed is from 0 to 1");
	bad("batch", "share", "120 %", "allowed is from 0 to 1");
	bad("selfhost", "rate", "-1", "rate is -1: allowed is above 0");
	bad("selfhost", "utilisation", "0", "allowed is above 0, at most 1");
	bad("selfhost", "rate", "2.50/day", "unknown unit");
	bad("selfhost", "tps", "fast", "tps");
	bad("train", "gpu", "h1000", "peak_flops");
	struct err e = {0};
	begin("cache");
	set("prefix", "0"), set("calls_per_day", "10"), set("price_in", "1"), set("hit", "0.5");
	T_TRUE(formula_finish(&run, &e) < 0);
	T_TRUE(strstr(e.what, "a hit rate needs a prefix") != NULL);
	begin("selfhost");
	T_EQ_I(set("rate", "GBP 2.50"), 0);
	T_TRUE(set("api_per_mtok", "USD 3") < 0);
	begin("selfhost");
	T_TRUE(formula_finish(&run, &e) < 0);
	T_TRUE(strstr(e.what, "selfhost needs rate") != NULL);
	begin("route");
	T_EQ_I(formula_row_text(&run, STR("a=0.5:1"), &e), 0);
	set("baseline", "3");
	T_TRUE(formula_finish(&run, &e) < 0);
	T_TRUE(strstr(e.what, "sum to 0.5") != NULL);
	T_TRUE(formula_row_text(&run, STR("a=1.5:1"), &e) < 0);
	T_TRUE(formula_row_text(&run, STR("a"), &e) < 0);
	T_TRUE(formula_row_text(&run, STR("a=1:2:3:4"), &e) < 0);
}

TEST(quantities_as_people_write_them)
{
	static const struct {
		const char *text, *unit, *code;
		double v;
	} good[] = {
		{"GBP 500", "money", "GBP", 500}, {"500 gbp", "money", "GBP", 500}, {"$2.50/h", "money/h", "USD", 2.5},
		{"\xc2\xa3" "8,000", "money", "GBP", 8000}, {"\xe2\x82\xac" "1.5k", "money", "EUR", 1500},
		{"0.2 USD/Mtok", "money/Mtok", "USD", 0.2}, {"30 %", "share", "", 0.3}, {"240M", "tokens", "", 240e6},
		{"1e9", "tokens", "", 1e9}, {"50,000", "tokens", "", 50000}, {"15 months", "months", "", 15},
		{"2000 tokens", "tokens", "", 2000}, {"100M", "money", "", 100e6}, {"191000000", "money", "", 191e6},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct currency cur = {{0}};
		struct err e = {0};
		double v = NAN;
		int rc = value_read(str_of(good[i].text), good[i].unit, 0, &v, &cur, &e);
		if (rc < 0 || !same(v, good[i].v) || strcmp(cur.code, good[i].code) != 0) {
			printf("  \"%s\": rc %d, %g %s %s\n", good[i].text, rc, v, cur.code, e.what);
			T_TRUE(false);
		}
	}
	static const char *const wrong[] = {"", "abc", "1,23", "5 apples", "1e400", "--3", "GBP", "$", "1/h"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct currency cur = {{0}};
		struct err e = {0};
		double v;
		if (value_read(str_of(wrong[i]), "money", 0, &v, &cur, &e) == 0) {
			printf("  \"%s\" was read as %g %s\n", wrong[i], v, cur.code);
			T_TRUE(false);
		}
	}
	struct currency cur = {{0}};
	struct err e = {0};
	double months;
	int64_t now;
	time_parse(STR("2026-11-21"), &now);
	T_EQ_I(value_read(STR("2027-11-21"), "date", now, &months, &cur, &e), 0);
	T_NEAR(months, 12, 1e-2);
	T_TRUE(value_read(STR("2020-01-01"), "date", now, &months, &cur, &e) < 0);
}

T_MAIN
