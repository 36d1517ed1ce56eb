/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan on a workload equals the sum over calls drawn from that workload and passed one by one through model/lever and
 * price(): one lever, several drivers. And the levers alone.
 */
#include "t.h"

#include <math.h>

#include "model/lever.h"
#include "plan/lifetime.h"

static const char book_text[] =
	"provider,model,match,meter,price,per,currency,tier,region,speed,above_input_tok,valid_from,valid_to,window_utc,weekdays,"
	"source,source_date,derived_from,note\n"
	"acme,big,,in_plain,0.75,1M,USD,,,,,,,,,test,,,\n"
	"acme,big,,in_cache_read,0.075,1M,USD,,,,,,,,,test,,,\n"
	"acme,big,,in_cache_write_5m,0.9375,1M,USD,,,,,,,,,test,,,\n"
	"acme,big,,out_text,4.50,1M,USD,,,,,,,,,test,,,\n"
	"acme,big,,in_plain,0.375,1M,USD,batch,,,,,,,,test,,,\n"
	"acme,big,,in_cache_read,0.0375,1M,USD,batch,,,,,,,,test,,,\n"
	"acme,big,,in_cache_write_5m,0.46875,1M,USD,batch,,,,,,,,test,,,\n"
	"acme,big,,out_text,2.25,1M,USD,batch,,,,,,,,test,,,\n"
	"acme,small,,in_plain,0.20,1M,USD,,,,,,,,,test,,,\n"
	"acme,small,,in_cache_read,0.02,1M,USD,,,,,,,,,test,,,\n"
	"acme,small,,in_cache_write_5m,0.25,1M,USD,,,,,,,,,test,,,\n"
	"acme,small,,out_text,1.25,1M,USD,,,,,,,,,test,,,\n"
	"acme,small,,in_plain,0.10,1M,USD,batch,,,,,,,,test,,,\n"
	"acme,small,,in_cache_read,0.01,1M,USD,batch,,,,,,,,test,,,\n"
	"acme,small,,in_cache_write_5m,0.125,1M,USD,batch,,,,,,,,test,,,\n"
	"acme,small,,out_text,0.625,1M,USD,batch,,,,,,,,test,,,\n";

static struct book *book;

static void open_book(void)
{
	struct err e = {0};
	if (!book)
		book = book_parse(STR(book_text), "test.csv", &e);
	if (!book)
		printf("  %s\n", e.what);
}

static struct lever_call a_call(uint64_t input, uint64_t output)
{
	struct lever_call c = {.query = {.provider = STR("acme"), .model = STR("big"), .at_us = INT64_C(1795000000000000)},
			       .usage = {.flags = USAGE_SEEN, .tier = TIER_STANDARD, .vendor_total_tok = input + output}};
	c.usage.tok[CLASS_IN_PLAIN] = input;
	c.usage.tok[CLASS_OUT_TEXT] = output;
	return c;
}

static int64_t cost(const struct lever_call *c)
{
	struct price_result r;
	int64_t pico = -1;
	int rc = lever_price(book, c, &r, &pico);
	if (rc < 0)
		printf("  unpriced: %s\n", r.why);
	T_EQ_I(rc, 0);
	return pico;
}

TEST(plan_equals_the_sum_over_calls)
{
	enum { CALLS = 1000, PREFIX = 1000, REST = 400, OUTPUT = 200 };
	open_book();
	if (!book) {
		T_TRUE(false);
		return;
	}
	/* 80 % hit, 25 % batched, 40 % routed, independent: whole calls in each of the eight cells */
	money_wide sum = 0;
	unsigned counted = 0;
	const struct lever_target small = {STR("acme"), STR("small"), RATIO_ONE, RATIO_ONE, false};
	for (unsigned cell = 0; cell < 8; cell++) {
		bool hit = cell & 1, batched = cell & 2, routed = cell & 4;
		unsigned calls = (unsigned)(CALLS * (hit ? 8 : 2) / 10 * (batched ? 25 : 75) / 100 * (routed ? 4 : 6) / 10);
		counted += calls;
		for (unsigned i = 0; i < calls; i++) {
			struct lever_call c = a_call(PREFIX + REST, OUTPUT);
			if (routed)
				lever_route(&c, &small);
			lever_cache(&c, PREFIX, hit, CLASS_IN_CACHE_WRITE_5M);
			if (batched)
				lever_batch(&c, TIER_BATCH);
			T_EQ_I(usage_total_tok(&c.usage), PREFIX + REST + OUTPUT);
			sum += cost(&c);
		}
	}
	T_EQ_I(counted, CALLS);
	struct plan_model big, easy;
	struct err e = {0};
	T_EQ_I(plan_model_read(book, STR("big"), INT64_C(1795000000000000), &big, &e), 0);
	T_EQ_I(plan_model_read(book, STR("acme/small"), INT64_C(1795000000000000), &easy, &e), 0);
	T_NEAR(big.read, 0.1, 1e-12);
	T_NEAR(big.write, 1.25, 1e-12);
	T_NEAR(big.batch, 0.5, 1e-12);
	double v[W_FIGURES] = {0};
	v[W_prefix] = PREFIX, v[W_rest] = REST, v[W_output] = OUTPUT, v[W_hit] = 0.8, v[W_batched] = 0.25;
	v[W_routed] = 0.4, v[W_easy_ratio] = 1, v[W_turns] = 1;
	T_NEAR(task_money(v, &big, &easy, true) * CALLS, (double)sum / 1e12, 1e-12);
}

TEST(an_agents_turns_one_by_one)
{
	/* each turn is a call whose context so far is the prefix; all hits */
	open_book();
	money_wide sum = 0;
	uint64_t context = 2000;
	for (unsigned k = 0; k < 10; k++) {
		struct lever_call c = a_call(context, 300);
		if (k) { /* what was said before is read, what is new is written */
			lever_cache(&c, context - 500, true, CLASS_IN_CACHE_WRITE_5M);
		}
		sum += cost(&c);
		context += 500;
	}
	struct plan_model big;
	T_EQ_I(plan_model_read(book, STR("big"), INT64_C(1795000000000000), &big, NULL), 0);
	double v[W_FIGURES] = {0};
	v[W_rest] = 2000, v[W_output] = 300, v[W_hit] = 1, v[W_turns] = 10, v[W_turn_tokens] = 500, v[W_easy_ratio] = 1;
	T_NEAR(task_money(v, &big, NULL, true), (double)sum / 1e12, 1e-9);
}

TEST(levers_alone)
{
	open_book();
	struct lever_call c = a_call(1400, 200);
	int64_t plain = cost(&c);
	T_EQ_I(plain, INT64_C(1400) * 750000 + INT64_C(200) * 4500000);
	lever_cache(&c, 5000, true, CLASS_IN_CACHE_WRITE_5M); /* at most the input */
	T_EQ_I(c.usage.tok[CLASS_IN_CACHE_READ], 1400);
	T_EQ_I(c.usage.tok[CLASS_IN_PLAIN], 0);
	lever_cache(&c, 1000, false, CLASS_IN_PLAIN); /* free writes: as it was */
	T_EQ_I(cost(&c), plain);
	lever_batch(&c, TIER_BATCH);
	T_EQ_I(cost(&c), plain / 2);
	T_EQ_I(c.levers, LEVER_BIT(LEVER_CACHE) | LEVER_BIT(LEVER_BATCH));

	c = a_call(1400, 200);
	struct lever_target wordy = {STR("acme"), STR("small"), 1300000, 2000000, false};
	lever_route(&c, &wordy);
	T_EQ_I(c.usage.tok[CLASS_IN_PLAIN], 1820);
	T_EQ_I(c.usage.tok[CLASS_OUT_TEXT], 400);
	T_EQ_I(cost(&c), INT64_C(1820) * 200000 + INT64_C(400) * 1250000);

	c = a_call(1400, 200);
	struct lever_target same = {STR("acme"), STR("small"), RATIO_ONE, RATIO_ONE, false};
	lever_tune(&c, &same, 1000);
	T_EQ_I(c.usage.tok[CLASS_IN_PLAIN], 400);
	T_EQ_I(c.usage.vendor_total_tok, 600);

	c = a_call(1400, 200);
	lever_selfhost(&c);
	T_EQ_I(cost(&c), 0);
	c.extra_pico = 7;
	T_EQ_I(cost(&c), 7);

	/* a model that the book does not know is unpriced, never free */
	c = a_call(10, 10);
	c.query.model = STR("nobody");
	struct price_result r;
	int64_t pico;
	T_TRUE(lever_price(book, &c, &r, &pico) < 0);

	/* leaving a cached prefix: 100,000 tokens at 0.075 to stay, 0.25 to write elsewhere */
	struct price_query from = a_call(1, 1).query, to = from;
	to.model = STR("small");
	T_EQ_I(lever_switch_cost(book, &from, &to, 100000, CLASS_IN_CACHE_WRITE_5M, &pico), 0);
	T_EQ_I(pico, INT64_C(100000) * (250000 - 75000));

	enum lever l;
	T_EQ_I(lever_parse(STR("route"), &l), 0);
	T_EQ_I(l, LEVER_ROUTE);
	T_TRUE(lever_parse(STR("rout"), &l) < 0);
}

T_MAIN
