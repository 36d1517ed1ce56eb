/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions of alerts: what is read, and what is refused where. When an alert is told, step by step and at random.
 */
#include "base/err.h"
#include "base/rng.h"
#include "gate/alert_state.h"
#include "t.h"

static struct alert_when w;
static struct alert_fault fault;

static int parse(const char *text)
{
	return alert_when_parse(str_of(text), (struct currency){""}, &w, &fault);
}

TEST(conditions_that_are_read)
{
	static const struct {
		const char *text, *figure;
		enum alert_op op;
		enum alert_limit limit;
		int64_t pico;
		const char *currency;
	} cases[] = {
		{"spend_hour > 20 USD", "spend_hour", OP_ABOVE, LIMIT_NUMBER, 20 * PICO_PER_UNIT, "USD"},
		{"spend_hour>20.5usd", "spend_hour", OP_ABOVE, LIMIT_NUMBER, 20500000000000, "USD"},
		{"  spend_day  >=  0.000000000001 GBP  ", "spend_day", OP_ABOVE_OR_AT, LIMIT_NUMBER, 1, "GBP"},
		{"spend_hour > 3 x usual", "spend_hour", OP_ABOVE, LIMIT_USUAL, 3 * PICO_PER_UNIT, ""},
		{"spend_hour > 2.5x usual", "spend_hour", OP_ABOVE, LIMIT_USUAL, 2500000000000, ""},
		{"calls_day < 0.1 x usual", "calls_day", OP_BELOW, LIMIT_USUAL, 100000000000, ""},
		{"spend_hour > usual", "spend_hour", OP_ABOVE, LIMIT_USUAL, PICO_PER_UNIT, ""},
		{"forecast > plan", "forecast", OP_ABOVE, LIMIT_PLAN, PICO_PER_UNIT, ""},
		{"forecast > 1.1 x plan", "forecast", OP_ABOVE, LIMIT_PLAN, 1100000000000, ""},
		{"spend_month > 0.8 x plan", "spend_month", OP_ABOVE, LIMIT_PLAN, 800000000000, ""},
		{"forecast > 2000 EUR", "forecast", OP_ABOVE, LIMIT_NUMBER, 2000 * PICO_PER_UNIT, "EUR"},
		{"cap_share >= 80%", "cap_share", OP_ABOVE_OR_AT, LIMIT_NUMBER, 800000000000, ""},
		{"cap_share >= 80 %", "cap_share", OP_ABOVE_OR_AT, LIMIT_NUMBER, 800000000000, ""},
		{"cap_share > 120%", "cap_share", OP_ABOVE, LIMIT_NUMBER, 1200000000000, ""},
		{"disk_free <= 0.1", "disk_free", OP_BELOW_OR_AT, LIMIT_NUMBER, 100000000000, ""},
		{"error_share > 5%", "error_share", OP_ABOVE, LIMIT_NUMBER, 50000000000, ""},
		{"unpriced_day > 0", "unpriced_day", OP_ABOVE, LIMIT_NUMBER, 0, ""},
		{"tokens_month > 9000000", "tokens_month", OP_ABOVE, LIMIT_NUMBER, 9000000 * PICO_PER_UNIT, ""},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		T_EQ_I(parse(cases[i].text), 0);
		if (!w.figure) {
			printf("  %s: %s\n", cases[i].text, fault.what);
			continue;
		}
		T_EQ_S(w.figure->name, cases[i].figure);
		T_TRUE(w.op == cases[i].op && w.limit == cases[i].limit);
		T_EQ_I(w.number_pico, cases[i].pico);
		T_EQ_S(w.currency.code, cases[i].currency);
	}
	T_EQ_I(alert_when_parse(STR("spend_hour > 20"), USD, &w, &fault), 0);
	T_EQ_S(w.currency.code, "USD");
}

TEST(conditions_that_are_refused_in_their_place)
{
	static const struct {
		const char *text;
		unsigned at;
		const char *words;
	} cases[] = {
		{"", 0, "a figure is wanted"},
		{"  > 3", 2, "a figure is wanted"},
		{"spend_huor > 20 USD", 0, "no figure 'spend_huor'"},
		{"spend_hour", 10, "a comparison"},
		{"spend_hour = 20 USD", 11, "a comparison"},
		{"spend_hour > ", 13, "a limit"},
		{"spend_hour > 20", 13, "in which currency"},
		{"spend_hour > 20 DOLLARS_AND_CENTS", 16, "no currency"},
		{"spend_hour > 1.2.3 USD", 13, "no number"},
		{"spend_hour > 0.0000000000001 USD", 13, "no number"},
		{"spend_hour > 99999999999 USD", 13, "no number"},
		{"spend_hour > -5 USD", 13, "a limit"},
		{"spend_hour > 3 x", 16, "times what"},
		{"spend_hour > 3 x plan", 17, "cannot be compared with 'plan'"},
		{"spend_hour > 0 x usual", 13, "0 times"},
		{"forecast > 3 x usual", 15, "cannot be compared with 'usual'"},
		{"unpriced_day > usual", 15, "cannot be compared with 'usual'"},
		{"cap_share > 80", 12, "a percentage is wanted"},
		{"cap_share > usual", 12, "cannot be compared"},
		{"disk_free < plan", 12, "cannot be compared"},
		{"calls_hour > spend_hour", 13, "cannot be compared with 'spend_hour'"},
		{"calls_hour > 20 USD", 16, "was over before this"},
		{"spend_hour > 20 USD and more", 20, "was over before this"},
		{"spend_hour > 20 USD; rm -rf /", 19, "was over before this"},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(&fault, 0, sizeof fault);
		T_EQ_I(parse(cases[i].text), -RR_SYNTAX);
		if (!strstr(fault.what, cases[i].words) || fault.at != cases[i].at || !fault.hint[0]) {
			t_bad++;
			printf("  '%s': at %zu: %s (%s)\n", cases[i].text, fault.at, fault.what, fault.hint);
		}
	}
	parse("spend_huor > 20 USD");
	T_EQ_S(fault.hint, "did you mean spend_hour?");
	parse("cost > 20 USD");
	T_TRUE(strstr(fault.hint, "spend_hour") && strstr(fault.hint, "disk_free"));
}

/* Any bytes: refused or read, never beyond the text. */
TEST(no_text_is_read_beyond_its_end)
{
	static const char all[] = "spend_hour > 1.5 x usual 20 USD 80% plan <= >= forecast \t\xff\x01";
	char copy[sizeof all];
	for (size_t from = 0; from < sizeof all - 1; from++)
		for (size_t n = 0; n <= sizeof all - 1 - from; n++) {
			char *p = malloc(n ? n : 1); /* of its own, so that a sanitizer sees a step beyond */
			memcpy(p, all + from, n);
			memcpy(copy, all + from, n);
			copy[n] = 0;
			int rc = alert_when_parse(str_make(p, n), USD, &w, &fault);
			T_TRUE(rc == 0 || (rc == -RR_SYNTAX && fault.what[0] && fault.at <= n));
			T_EQ_I(alert_when_parse(str_of(copy), USD, &w, &fault), rc);
			free(p);
		}
}

TEST(comparisons)
{
	T_TRUE(alert_when_holds(OP_ABOVE, 2, 1) && !alert_when_holds(OP_ABOVE, 1, 1));
	T_TRUE(alert_when_holds(OP_ABOVE_OR_AT, 1, 1) && !alert_when_holds(OP_ABOVE_OR_AT, 0, 1));
	T_TRUE(alert_when_holds(OP_BELOW, 0, 1) && !alert_when_holds(OP_BELOW, 1, 1));
	T_TRUE(alert_when_holds(OP_BELOW_OR_AT, 1, 1) && !alert_when_holds(OP_BELOW_OR_AT, 2, 1));
}

enum { H = 3600 };
#define US INT64_C(1000000)

TEST(when_it_is_told)
{
	static const struct {
		int64_t at_s, window_s, value;
		enum alert_event want;
	} steps[] = { /* limit 100, above, again after an hour */
		{0, H, 99, ALERT_NOTHING}, {10, H, 100, ALERT_NOTHING}, {20, H, 101, ALERT_FIRING}, {30, H, 500, ALERT_NOTHING},
		{40, H, 50, ALERT_NOTHING}, {50, H, 600, ALERT_NOTHING}, /* the same window */
		{60, 2 * H, 50, ALERT_NOTHING}, {70, 2 * H, 101, ALERT_NOTHING}, /* a new one, but within the hour */
		{H + 20, 2 * H, 102, ALERT_FIRING}, {H + 30, 2 * H, 103, ALERT_NOTHING},
	}, without[] = {
		{0, 0, 101, ALERT_FIRING}, {10, 0, 99, ALERT_NOTHING}, {20, 0, 91, ALERT_NOTHING}, {30, 0, 90, ALERT_RESOLVED},
		{40, 0, 500, ALERT_NOTHING}, {H - 1, 0, 500, ALERT_NOTHING}, {H, 0, 500, ALERT_FIRING}, {H + 1, 0, 0, ALERT_RESOLVED},
	};
	struct alert_state s = {0};
	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct alert_reading r = {.value = steps[i].value, .limit = 100, .from_us = steps[i].window_s * US, .to_us = 1};
		T_EQ_I(alert_step(&s, OP_ABOVE, &r, steps[i].at_s * US, H * US), steps[i].want);
	}
	memset(&s, 0, sizeof s);
	for (unsigned i = 0; i < sizeof without / sizeof *without; i++) {
		struct alert_reading r = {.value = without[i].value, .limit = 100};
		T_EQ_I(alert_step(&s, OP_ABOVE, &r, without[i].at_s * US, H * US), without[i].want);
	}
	memset(&s, 0, sizeof s); /* the other way round: free space below a tenth */
	for (unsigned i = 0; i < 4; i++) {
		static const int64_t value[] = {9, 10, 11, 12};
		static const enum alert_event want[] = {ALERT_FIRING, ALERT_NOTHING, ALERT_RESOLVED, ALERT_NOTHING};
		struct alert_reading r = {.value = value[i], .limit = 10};
		T_EQ_I(alert_step(&s, OP_BELOW, &r, i * US, H * US), want[i]);
	}
}

/* Whatever comes: never twice within `again`, never twice in a window, firing and resolved in turn. */
TEST(it_never_spams)
{
	struct rng rng;
	unsigned told = 0, resolved = 0;
	rng_seed(&rng, 3);
	for (unsigned run = 0; run < 400; run++) {
		struct alert_state s = {0};
		bool windows = run % 2;
		int64_t last = INT64_MIN, last_window = -1, at = 0;
		bool firing = false;
		for (unsigned i = 0; i < 500; i++) {
			struct alert_reading r = {.value = (int64_t)rng_below(&rng, 200), .limit = 100};
			enum alert_event event;
			at += (int64_t)rng_below(&rng, 900) * US;
			r.from_us = windows ? 1 + at / (H * US) : 0;
			event = alert_step(&s, OP_ABOVE, &r, at, H / 2 * US);
			if (event == ALERT_FIRING) {
				T_TRUE(r.value > 100 && (last == INT64_MIN || at - last >= H / 2 * US));
				T_TRUE(!windows || r.from_us != last_window);
				T_TRUE(windows || !firing);
				last = at;
				last_window = r.from_us;
				firing = true;
				told++;
			} else if (event == ALERT_RESOLVED) {
				T_TRUE(!windows && firing && r.value <= 90);
				firing = false;
				resolved++;
			} else if (!windows && !firing && r.value > 100) {
				T_TRUE(last != INT64_MIN && at - last < H / 2 * US); /* nothing is held back but by `again` */
			}
		}
	}
	T_TRUE(told > 10000 && resolved > 5000);
}

T_MAIN
