/* SPDX-License-Identifier: Apache-2.0
 *
 * A comparison of two periods against sums made by hand over the same calls: the effects of every line sum to its
 * change, over random ledgers and over cells drawn at the edges; each effect is what its definition says when only one
 * thing changed.
 */
#include "report/diff.h"

#include "base/json.h"
#include "ledger_help.h"
#include "report/amounts.h"
#include "t.h"

static money_wide total(const money_wide effect[EFFECTS])
{
	money_wide sum = 0;
	for (unsigned i = 0; i < EFFECTS; i++)
		sum += effect[i];
	return sum;
}

TEST(scaling_is_exact_and_rounds_half_to_even)
{
	struct rng r;
	money_wide v;
	rng_seed(&r, 5);
	T_TRUE(money_scale(5, 1, 2) == 2 && money_scale(7, 1, 2) == 4 && money_scale(-5, 1, 2) == -2 &&
	       money_scale(-7, 1, 2) == -4);
	for (unsigned i = 0; i < 20000; i++) {
		money_wide a = (money_wide)(rng_u64(&r) >> (1 + rng_below(&r, 60))),
			   b = (money_wide)(rng_u64(&r) >> (2 + rng_below(&r, 60)));
		money_wide d = (money_wide)(rng_u64(&r) >> rng_below(&r, 60)) + 1;
		T_TRUE(money_scale(a, b, d) == money_round(a * b, d));
		T_TRUE(money_scale(-a, b, d) == -money_round(a * b, d));
		T_TRUE(money_scale(a, d, d) == a);
	}
	/* beyond 128 bits: (2^100 * 2^100) / 2^100 */
	v = (money_wide)1 << 100;
	T_TRUE(money_scale(v, v, v) == v);
	T_TRUE(money_scale(v + 1, v, v) == v + 1);
	T_TRUE(!money_scale_fits(v, v, 1, &v));
}

TEST(any_cell_sums_exactly)
{
	struct rng r;
	unsigned split = 0;
	rng_seed(&r, 6);
	for (unsigned i = 0; i < 200000; i++) {
		struct diff_cell c = {0};
		uint64_t calls[2];
		money_wide effect[EFFECTS];
		for (unsigned p = 0; p < 2; p++) {
			c.calls[p] = rng_below(&r, 4) ? rng_u64(&r) >> (1 + rng_below(&r, 62)) : 0;
			calls[p] = c.calls[p] + (rng_below(&r, 2) ? rng_u64(&r) >> (2 + rng_below(&r, 61)) : 0);
			c.cost[p] = rng_below(&r, 5)
					    ? (money_wide)(rng_u64(&r) >> rng_below(&r, 63)) << rng_below(&r, 20)
					    : 0;
			if (rng_below(&r, 20) == 0)
				c.cost[p] = -c.cost[p];
			for (unsigned k = 0; k < CLASSES; k++)
				c.tok[p][k] = rng_below(&r, 2) ? rng_u64(&r) >> (1 + rng_below(&r, 62)) : 0;
		}
		for (unsigned k = 0; k < CLASSES; k++)
			c.weight[k] = rng_below(&r, 8) ? (money_wide)(rng_u64(&r) >> (10 + rng_below(&r, 50))) : 0;
		split += diff_walk(&c, calls, effect);
		T_TRUE(total(effect) == c.cost[1] - c.cost[0]);
	}
	T_TRUE(split > 20000);
}

/* 100 calls of 1,000 plain input and 100 output tokens at 3 and 15 a million. */
static struct diff_cell plain_cell(void)
{
	struct diff_cell c = {.calls = {100, 100}};
	c.weight[CLASS_IN_PLAIN] = 3000000000000;
	c.weight[CLASS_IN_CACHE_READ] = 300000000000;
	c.weight[CLASS_OUT_TEXT] = 15000000000000;
	for (unsigned p = 0; p < 2; p++) {
		c.tok[p][CLASS_IN_PLAIN] = 100000;
		c.tok[p][CLASS_OUT_TEXT] = 10000;
		c.cost[p] = 450000000000; /* 0.45 */
	}
	return c;
}

static void only(const struct diff_cell *c, uint64_t all_before, uint64_t all_after, enum diff_effect which,
		 money_wide want)
{
	uint64_t calls[2] = {all_before, all_after};
	money_wide effect[EFFECTS];
	diff_walk(c, calls, effect);
	for (unsigned i = 0; i < EFFECTS; i++)
		T_TRUE(effect[i] == (i == (unsigned)which ? want : 0));
}

TEST(one_cause_is_one_effect)
{
	struct diff_cell c = plain_cell();
	only(&c, 100, 100, EFFECT_PRICE, 0);
	c.calls[1] = 200; /* twice the requests, all the same */
	c.tok[1][CLASS_IN_PLAIN] = 200000;
	c.tok[1][CLASS_OUT_TEXT] = 20000;
	c.cost[1] = 900000000000;
	only(&c, 100, 200, EFFECT_VOLUME, 450000000000);
	only(&c, 1000, 1000, EFFECT_MIX, 450000000000); /* others went down as much */
	c = plain_cell();
	c.tok[1][CLASS_IN_PLAIN] = 150000;
	c.cost[1] = 600000000000;
	only(&c, 100, 100, EFFECT_PROMPTS, 150000000000);
	c = plain_cell();
	c.tok[1][CLASS_OUT_TEXT] = 5000;
	c.cost[1] = 375000000000;
	only(&c, 100, 100, EFFECT_ANSWERS, -75000000000);
	c = plain_cell();
	c.tok[1][CLASS_IN_PLAIN] = 20000; /* 80 % now come from the cache */
	c.tok[1][CLASS_IN_CACHE_READ] = 80000;
	c.cost[1] = 234000000000;
	only(&c, 100, 100, EFFECT_CACHE, -216000000000);
	c = plain_cell();
	c.cost[1] = 225000000000; /* half the price */
	only(&c, 100, 100, EFFECT_PRICE, -225000000000);
	c = plain_cell(); /* a discount of a tenth before and after, and longer prompts: the discount stays */
	c.cost[0] = 405000000000;
	c.tok[1][CLASS_IN_PLAIN] = 150000;
	c.cost[1] = 540000000000;
	only(&c, 100, 100, EFFECT_PROMPTS, 135000000000);
	c = plain_cell(); /* a fee without calls */
	c.calls[0] = c.calls[1] = 0;
	c.cost[1] = 500000000000;
	only(&c, 10, 20, EFFECT_PRICE, 50000000000);
	c = plain_cell(); /* nothing at all before */
	c.calls[0] = 0;
	c.cost[0] = 0;
	only(&c, 0, 100, EFFECT_VOLUME, 450000000000);
	only(&c, 50, 50, EFFECT_MIX, 450000000000); /* new, where others were */
}

TEST(a_ledger_sums_exactly_by_every_dimension)
{
	enum { N = 4000 };
	static const enum report_by dims[] = {BY_AUTO, BY_MODEL, BY_TEAM, BY_KEY, BY_PROVIDER};
	const int64_t mid = HELP_T0 + 30 * US_PER_DAY, end = HELP_T0 + 60 * US_PER_DAY;
	struct err e = {0};
	struct rng r;
	struct call *c = calloc(N, sizeof *c);
	struct book *b = book_builtin(&e);
	struct ledger *l = help_ledger();
	T_TRUE(b != NULL && l != NULL);
	rng_seed(&r, 77);
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < N; i++) {
		help_call(&c[i], &r, i, 30);
		c[i].start_us = HELP_T0 + (int64_t)rng_below(&r, 60ull * 86400 * 1000000);
		c[i].end_us = c[i].start_us + 5;
		if (i % 3 == 0)
			c[i].model_answered = intern(STR("gpt-5.4-mini"));
		if (i % 50 == 0)
			c[i].price_status = PRICE_UNPRICED;
		OK(ledger_add_call(l, &c[i], &e));
	}
	OK(ledger_commit(l, &e));
	for (unsigned k = 0; k < sizeof dims / sizeof *dims; k++) {
		struct report_query q = {.by = dims[k], .tz = tz_get("UTC", NULL), .now_us = end};
		int64_t from[2] = {HELP_T0, mid}, to[2] = {mid, end};
		money_wide cost[2] = {0}, sum[EFFECTS] = {0};
		uint64_t calls[2] = {0}, unpriced[2] = {0};
		struct diff d;
		struct arena a;
		struct sb text;
		struct json top;
		for (unsigned i = 0; i < N; i++) {
			unsigned p = c[i].start_us >= mid;
			if (c[i].price_status == PRICE_PRICED) {
				cost[p] += c[i].cost_pico;
				calls[p]++;
			} else {
				unpriced[p]++;
			}
		}
		arena_init(&a, 1 << 28);
		OK(diff_make(&d, l, b, &q, from, to, &a, &e));
		T_TRUE(d.all.before.cost_pico == cost[0] && d.all.after.cost_pico == cost[1]);
		T_TRUE(d.all.before.calls == calls[0] && d.all.after.calls == calls[1]);
		T_TRUE(d.unpriced[0] == unpriced[0] && d.unpriced[1] == unpriced[1]);
		T_TRUE(total(d.all.effect) == cost[1] - cost[0]);
		T_TRUE(d.split_calls > 0 && d.split_calls < d.cells_calls);
		for (unsigned i = 0; i < d.count; i++) {
			T_TRUE(total(d.lines[i].effect) == d.lines[i].after.cost_pico - d.lines[i].before.cost_pico);
			for (unsigned x = 0; x < EFFECTS; x++)
				sum[x] += d.lines[i].effect[x];
		}
		for (unsigned x = 0; x < EFFECTS; x++)
			T_TRUE(sum[x] == d.all.effect[x]);
		sb_init(&text, 1 << 22);
		diff_json(&d, &text);
		T_EQ_I(json_parse(sb_str(&text), &top, NULL), 0);
		T_EQ_I(json_count(json_get(top, "lines")), d.count);
		sb_clear(&text);
		diff_text(&d, &text);
		T_TRUE(str_contains(sb_str(&text), STR("sum ")));
		sb_fini(&text);
		arena_fini(&a);
	}
	ledger_close(l);
	book_free(b);
	free(c);
	help_clean();
}

TEST(the_hour_of_a_broken_cache_is_named)
{
	struct err e = {0};
	struct rng r;
	struct call c;
	struct diff d;
	struct arena a;
	struct book *b = book_builtin(&e);
	struct ledger *l = help_ledger();
	int64_t from[2] = {HELP_T0, HELP_T0 + 7 * US_PER_DAY},
		to[2] = {HELP_T0 + 7 * US_PER_DAY, HELP_T0 + 14 * US_PER_DAY};
	int64_t breaks = HELP_T0 + 8 * US_PER_DAY + 14 * 3600 * US_PER_S;
	struct report_query q = {.by = BY_FEATURE, .tz = tz_get("UTC", NULL), .now_us = to[1]};
	rng_seed(&r, 78);
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < 14 * 24 * 6; i++) {
		help_call(&c, &r, i, 1);
		c.start_us = HELP_T0 + (int64_t)i * 600 * US_PER_S;
		c.end_us = c.start_us + 5;
		c.feature = intern(i % 2 ? STR("agent-review") : STR("support-bot"));
		c.model_answered = intern(STR("gpt-5.4-mini"));
		memset(c.usage.tok, 0, sizeof c.usage.tok);
		c.usage.tok[i % 2 && c.start_us >= breaks ? CLASS_IN_PLAIN : CLASS_IN_CACHE_READ] = 9000;
		c.usage.tok[CLASS_OUT_TEXT] = 100;
		c.cost_pico = i % 2 && c.start_us >= breaks ? 7200000000 : 1125000000;
		OK(ledger_add_call(l, &c, &e));
	}
	OK(ledger_commit(l, &e));
	arena_init(&a, 1 << 28);
	OK(diff_make(&d, l, b, &q, from, to, &a, &e));
	T_EQ_I(d.main_line, 0);
	T_EQ_I(d.main_effect, EFFECT_CACHE);
	T_TRUE(str_eqc(d.lines[0].key, "agent-review"));
	T_EQ_I(d.since_us, breaks);
	arena_fini(&a);
	ledger_close(l);
	book_free(b);
	help_clean();
}

int main(int argc, char **argv)
{
	return t_run(argc, argv);
}
