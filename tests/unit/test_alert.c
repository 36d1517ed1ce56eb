/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions of alerts: what is read, and what is refused where.
 */
#include "base/err.h"
#include "gate/alert_when.h"
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

T_MAIN
