/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapley values against an enumeration of all orders, totals against a bill of 100,000 pieces, fitted overlaps against
 * their margins, bounds against random tables.
 */
#include "t.h"

#include <math.h>

#include "base/rng.h"
#include "plan/stack.h"
#include "plan/stack_file.h"

static struct rng g;

static void random_stack(struct stack *s, unsigned levers)
{
	memset(s, 0, sizeof *s);
	s->bill = 100 + 900 * rng_unit(&g);
	for (unsigned i = 0; i < levers; i++) {
		char name[8];
		snprintf(name, sizeof name, "l%u", i);
		T_EQ_I(stack_add(s, name, rng_unit(&g), rng_unit(&g) * 1.3, NULL), 0);
	}
	stack_independent(s);
}

/* All orders, one lever after the other. */
static void permute(const struct stack *s, unsigned *order, unsigned at, double *sum, unsigned *orders)
{
	if (at == s->levers) {
		unsigned mask = 0;
		for (unsigned i = 0; i < s->levers; i++) {
			double before = stack_after(s, mask);
			mask |= 1u << order[i];
			sum[order[i]] += before - stack_after(s, mask);
		}
		(*orders)++;
		return;
	}
	for (unsigned i = at; i < s->levers; i++) {
		unsigned t = order[at];
		order[at] = order[i], order[i] = t;
		permute(s, order, at + 1, sum, orders);
		t = order[at];
		order[at] = order[i], order[i] = t;
	}
}

TEST(shapley_is_the_mean_over_orders)
{
	rng_seed(&g, 1);
	for (unsigned n = 1; n <= 5; n++)
		for (unsigned round = 0; round < 20; round++) {
			struct stack s;
			struct stack_result r;
			unsigned order[STACK_LEVERS] = {0, 1, 2, 3, 4, 5}, orders = 0;
			double sum[STACK_LEVERS] = {0}, all = 0;
			random_stack(&s, n);
			stack_attribute(&s, &r);
			permute(&s, order, 0, sum, &orders);
			for (unsigned i = 0; i < n; i++) {
				T_TRUE(fabs(r.shapley[i] - sum[i] / orders) < 1e-9 * s.bill);
				all += r.shapley[i];
			}
			T_TRUE(fabs(all - (r.before - r.after)) < 1e-9 * s.bill);
		}
}

TEST(total_is_the_sum_over_pieces)
{
	rng_seed(&g, 2);
	for (unsigned round = 0; round < 5; round++) {
		struct stack s;
		enum { PIECES = 100000 };
		double left = 0;
		random_stack(&s, 3);
		for (unsigned k = 0; k < PIECES; k++) {
			double piece = s.bill / PIECES;
			for (unsigned i = 0; i < 3; i++)
				if (rng_unit(&g) < s.coverage[i])
					piece *= s.inside[i];
			left += piece;
		}
		T_NEAR(stack_after(&s, 7), left, 0.02);
		double product = s.bill;
		for (unsigned i = 0; i < 3; i++)
			product *= 1 - s.coverage[i] + s.coverage[i] * s.inside[i];
		T_NEAR(stack_after(&s, 7), product, 1e-12);
	}
}

TEST(worked_example)
{
	struct stack s = {.bill = 1};
	struct stack_result r;
	stack_add(&s, "cache", 0.4, 0.1, NULL);
	stack_add(&s, "batch", 0.3, 0.5, NULL);
	stack_add(&s, "route", 0.6, 0.25, NULL);
	stack_independent(&s);
	stack_attribute(&s, &r);
	T_NEAR(r.after, 0.64 * 0.85 * 0.55, 1e-12);
	T_NEAR(r.naive_sum, 0.96, 1e-12);
	T_NEAR(r.naive_overstates, 0.37, 1e-2);
}

TEST(overlaps_keep_their_margins)
{
	rng_seed(&g, 3);
	for (unsigned round = 0; round < 30; round++) {
		struct stack s;
		double overlap[STACK_LEVERS][STACK_LEVERS];
		random_stack(&s, 3);
		/* a table that exists: random cells, its margins taken as what is given */
		double sum = 0;
		for (unsigned c = 0; c < 8; c++)
			sum += s.cell[c] = rng_unit(&g) + 0.01;
		for (unsigned i = 0; i < 3; i++) {
			s.coverage[i] = 0;
			for (unsigned c = 0; c < 8; c++)
				s.coverage[i] += c >> i & 1 ? s.cell[c] / sum : 0;
			for (unsigned j = i + 1; j < 3; j++) {
				overlap[i][j] = 0;
				for (unsigned c = 0; c < 8; c++)
					overlap[i][j] += (c >> i & 1) && (c >> j & 1) ? s.cell[c] / sum : 0;
			}
		}
		struct err e = {0};
		T_EQ_I(stack_overlaps(&s, overlap, &e), 0);
		double one = 0, both = 0, all = 0;
		for (unsigned c = 0; c < 8; c++) {
			all += s.cell[c];
			one += c & 1 ? s.cell[c] : 0;
			both += (c & 1) && (c & 4) ? s.cell[c] : 0;
		}
		T_NEAR(all, 1, 1e-6);
		T_NEAR(one, s.coverage[0], 1e-6);
		T_NEAR(both, overlap[0][2], 1e-6);
		/* whatever table was the true one, what it leaves lies within the bounds */
		struct stack_result r;
		stack_attribute(&s, &r);
		T_TRUE(r.after_low <= r.after * (1 + 1e-9) && r.after <= r.after_high * (1 + 1e-9));
	}
	struct stack s = {.bill = 1};
	double wrong[STACK_LEVERS][STACK_LEVERS] = {{0, 0.9}};
	struct err e = {0};
	stack_add(&s, "a", 0.4, 0.5, NULL);
	stack_add(&s, "b", 0.6, 0.5, NULL);
	T_TRUE(stack_overlaps(&s, wrong, &e) < 0);
	T_TRUE(strstr(e.what, "allow from 0 to 0.4") != NULL);
}

static int read_text(const char *text, struct stack_plan *p, char *what, size_t size)
{
	struct conf_doc d;
	struct arena a;
	memset(&d, 0, sizeof d);
	arena_init(&a, 1 << 20);
	int rc = conf_parse(&d, &a, str_of(text), "stack.yaml");
	if (rc == 0)
		rc = stack_read(p, &d);
	snprintf(what, size, "%s", d.errors ? d.error[0].what : "");
	arena_fini(&a);
	return rc;
}

TEST(file)
{
	struct stack_plan p;
	char what[400];
	T_EQ_I(read_text("bill: GBP 1,000\nshares: {prefix: 0.5, rest: 0.2, output: 0.3}\nlevers: {cache: {hit: 0.9, read: "
			 "0.1, write: 1.25}, batch: {share: 0.4}, route: {share: 0.5, price_ratio: 0.2, tokenizer_ratio: "
			 "1.3}}\n", &p, what, sizeof what), 0);
	double phi = 0.9 * 0.1 + 0.1 * 1.25;
	T_NEAR(p.result.after, 1000 * (0.5 * phi + 0.5) * 0.8 * (1 - 0.5 + 0.5 * 0.26), 1e-12);
	T_EQ_S(p.currency.code, "GBP");
	const struct {
		const char *text, *part;
	} bad[] = {
		{"bill: 10\nlevers: {batch: {share: 1.5}}\n", "share is 1.5: allowed is from 0 to 1"},
		{"bill: 10\nlevers: {cache: {hit: 0.5}}\n", "needs a prefix"},
		{"bill: 10\nshares: {prefix: 0.5, rest: 0.6, output: 0.3}\nlevers: {batch: {share: 0.1}}\n", "sum to 1"},
		{"bill: 10\nlevers: {batch: {shar: 0.5}}\n", "did you mean share"},
		{"bill: -1\nlevers: {batch: {share: 0.5}}\n", "bill"},
		{"bill: GBP 10\nlevers: {route: {mix: {a: {share: 0.4, kappa: 0.2}}}}\n", "sum to 0.4"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int rc = read_text(bad[i].text, &p, what, sizeof what);
		if (rc >= 0 || !strstr(what, bad[i].part)) {
			printf("  %s -> %d \"%s\"\n", bad[i].text, rc, what);
			T_TRUE(false);
		}
	}
}

T_MAIN
