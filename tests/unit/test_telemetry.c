/* SPDX-License-Identifier: Apache-2.0
 *
 * Trace context as the W3C's recommendation has it, the tally's buckets and its bound, by brute force.
 */
#include <stdio.h>

#include "base/intern.h"
#include "base/rng.h"
#include "gate/telemetry.h"
#include "t.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

TEST(trace_context)
{
	static const struct {
		const char *text;
		bool given, sampled;
	} cases[] = { /* w3.org/TR/trace-context, 3.2; and its test suite's kinds of mistakes */
		{"00-" ID "-" PARENT "-01", true, true},
		{"00-" ID "-" PARENT "-00", true, false},
		{"00-" ID "-" PARENT "-ff", true, true},
		{"00-" ID "-" PARENT "-02", true, false},
		{" 00-" ID "-" PARENT "-01\t", true, true},
		{"01-" ID "-" PARENT "-01", true, true},
		{"cc-" ID "-" PARENT "-01-what-the-future-brings", true, true},
		{"cc-" ID "-" PARENT "-01what", false, false},
		{"00-" ID "-" PARENT "-01-more", false, false},
		{"ff-" ID "-" PARENT "-01", false, false},
		{"00-00000000000000000000000000000000-" PARENT "-01", false, false},
		{"00-" ID "-0000000000000000-01", false, false},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false, false},
		{"0x-" ID "-" PARENT "-01", false, false},
		{"00_" ID "_" PARENT "_01", false, false},
		{"00-" ID "-" PARENT "-1", false, false},
		{"00-" ID "-" PARENT "-0g", false, false},
		{"00-" ID "-" PARENT, false, false},
		{"00-4bf92f3577b34da6-" PARENT "-01", false, false},
		{"", false, false},
		{"-", false, false},
	};
	static const unsigned char id[16] = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
					     0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct trace t;
		bool got = trace_parse(str_of(cases[i].text), &t);
		if (got != cases[i].given || t.given != got || t.sampled != cases[i].sampled ||
		    (got && (memcmp(t.id, id, sizeof id) || t.parent[1] != 0xf0 || t.parent[7] != 0xb7))) {
			t_bad++;
			printf("  '%s': %d\n", cases[i].text, got);
		}
	}
	for (size_t n = 0; n < 55; n++) { /* every beginning, in memory of its own */
		char *p = malloc(n ? n : 1);
		struct trace t;
		memcpy(p, cases[0].text, n);
		T_TRUE(!trace_parse(str_make(p, n), &t) && !t.given);
		free(p);
	}
}

/* The bucket is the first whose bound, as its text says, is not below the value. */
TEST(buckets_are_those_of_their_texts)
{
	struct rng rng;
	rng_seed(&rng, 5);
	for (unsigned what = 0; what < TALLY_WHATS; what++) {
		const struct tally_bounds *b = tally_bounds_of((enum tally_what)what);
		uint64_t at[TALLY_BOUNDS];
		for (unsigned i = 0; i < TALLY_BOUNDS; i++) {
			money_wide v;
			T_EQ_I(decimal_scaled(str_of(b->text[i]), b->seconds ? 6 : 0, &v, NULL), 0);
			at[i] = (uint64_t)v;
		}
		for (unsigned k = 0; k < 20000; k++) {
			uint64_t v = k < 42 ? at[k % 14] + k / 14 - 1 : k < 50 ? UINT64_MAX - k + 42 : rng_u64(&rng) >> rng_below(&rng, 64);
			unsigned want = 0;
			while (want < TALLY_BOUNDS && v > at[want])
				want++;
			if (tally_bucket(b, v) != want) {
				t_bad++;
				printf("  %u: %llu is in %u, not %u\n", what, (unsigned long long)v, tally_bucket(b, v), want);
			}
		}
	}
}

static struct call a_call(const char *asked, const char *answered, const char *currency)
{
	struct call c;
	call_init(&c);
	c.provider = intern(STR("p"));
	c.model_asked = intern(str_of(asked));
	c.model_answered = intern(str_of(answered));
	c.outcome = answered[0] ? OUTCOME_OK : OUTCOME_VENDOR_ERROR;
	c.status = answered[0] ? 200 : 404;
	c.usage.flags = USAGE_SEEN;
	c.usage.tok[CLASS_IN_PLAIN] = 3;
	c.usage.tok[CLASS_IN_CACHE_WRITE_1H] = 2;
	c.usage.tok[CLASS_OUT_REASONING] = 1;
	c.price_status = PRICE_PRICED;
	c.currency = intern(str_of(currency));
	c.cost_pico = 7;
	return c;
}

TEST(a_bounded_number_of_series_loses_no_call)
{
	struct tally t, sum;
	uint64_t calls = 0, tok = 0, unsummed = 0;
	money_wide cost = 0;
	const struct tally_series *s;
	unsigned n = 0;
	T_EQ_I(tally_init(&t), 0);
	T_EQ_I(tally_init(&sum), 0);
	for (unsigned i = 0; i < 1000; i++) {
		char name[32];
		struct call c;
		snprintf(name, sizeof name, "made-up-%u", i);
		c = a_call(name, "", "USD");
		tally_add(&t, &c);
	}
	T_EQ_I(t.count, 1); /* names that never answered share one */
	for (unsigned i = 0; i < 600; i++) {
		static const char *const currencies[] = {"USD", "GBP", "EUR", "CHF"};
		char name[32];
		struct call c;
		snprintf(name, sizeof name, "m%u", i);
		c = a_call(name, name, currencies[i % 4]);
		tally_add(&t, &c);
	}
	tally_merge(&sum, &t);
	tally_merge(&sum, &t);
	for (unsigned i = 0; (s = tally_at(&sum, i)); i++, n++) {
		calls += s->calls;
		tok += s->tok[TALLY_IN];
		unsummed += s->unsummed;
		for (unsigned k = 0; k < TALLY_CURRENCIES; k++)
			cost += s->cost[k].pico;
	}
	T_EQ_I(n, TALLY_SERIES + 1);
	T_EQ_I(calls, 2 * 1600);
	T_EQ_I(tok, 2 * 1600 * 5);
	/* "(other)" saw a fourth currency: counted, not added */
	T_EQ_I((long long)cost + 7 * (long long)unsummed, 2 * 1600 * 7);
	T_TRUE(unsummed > 0);
	tally_fini(&t);
	tally_fini(&sum);
}

TEST(tokens_by_their_names)
{
	struct rng rng;
	rng_seed(&rng, 9);
	for (unsigned k = 0; k < 200; k++) {
		struct usage u = {0};
		uint64_t tok[TALLY_TOKENS];
		for (unsigned i = 0; i < CLASSES; i++)
			u.tok[i] = rng_below(&rng, 1000);
		tally_tokens_of(&u, tok);
		T_EQ_I(tok[TALLY_IN], usage_input_tok(&u));
		T_EQ_I(tok[TALLY_OUT], usage_output_tok(&u));
		T_TRUE(tok[TALLY_CACHE_READ] + tok[TALLY_CACHE_WRITE] <= tok[TALLY_IN] && tok[TALLY_REASONING] <= tok[TALLY_OUT]);
	}
}

T_MAIN
