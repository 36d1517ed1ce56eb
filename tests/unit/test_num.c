/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as people write them, and the ones that have two readings.
 */
#include <math.h>

#include "base/num.h"
#include "t.h"

static double num(const char *s)
{
	double v = NAN;
	return num_parse(str_of(s), &v, NULL) ? NAN : v;
}

TEST(quantities)
{
	T_NEAR(num("50k"), 50000, 0);
	T_NEAR(num("1.5M"), 1500000, 0);
	T_NEAR(num("1e9"), 1e9, 0);
	T_NEAR(num("50,000"), 50000, 0);
	T_NEAR(num("1,234,567.89"), 1234567.89, 1e-15);
	T_NEAR(num("30 %"), 0.3, 0);
	T_NEAR(num("30%"), 0.3, 0);
	T_NEAR(num("1.234"), 1.234, 0);
	T_NEAR(num("-2.5e-3"), -0.0025, 0);
	T_NEAR(num("+7"), 7, 0);
	T_NEAR(num(".5"), 0.5, 0);
	T_NEAR(num("5."), 5, 0);
	T_NEAR(num("240 M"), 240e6, 0);
	T_NEAR(num("3bn"), 3e9, 0);
	T_NEAR(num("2 billion"), 2e9, 0);
	T_NEAR(num("2.79e25"), 2.79e25, 0);
	T_NEAR(num("15.6T"), 15.6e12, 1e-16);
	T_NEAR(num("0"), 0, 0);
}

/* It is refused, and its words hold both readings. */
static void two(const char *s, const char *a, const char *b)
{
	struct err e;
	double v;
	int rc = num_parse(str_of(s), &v, &e);
	T_TRUE(rc < 0);
	if (rc < 0 && !(strstr(e.what, a) && strstr(e.what, b)))
		T_EQ_S(e.what, a);
}

TEST(two_readings_are_refused_by_name)
{
	two("1,23", "1.23", "123");
	two("1.234,56", "1234.56", "123456");
	two("1,2345", "1.2345", "12345");
	two("0,500", "0.500", "0500");
	two("12,34,567", "1234.567", "1234567");
	two("1.234.567", "1234.567", "1234567");
	two("1,234,56", "1234.56", "123456");
	two("5m", "millions", "minutes");
	two("5b", "billions", "bytes");
}

TEST(no_numbers)
{
	static const char *const bad[] = {"", " ", "abc", "-", "+", ".", "e5", "1e", "1e+", "1.2.3", "--5", "5%%", "1_000", "1 000",
		"1'000", "0x10", "nan", "inf", "1e999", "1k5", "5 x", "1e3k", "5kk", ",5", "1,", "\xEF\xBC\x95", "1\n2",
		"99999999999999999999999999999999999999999999999999999999999999999999999999"};
	struct err e;
	double v;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int rc = num_parse(str_of(bad[i]), &v, &e);
		if (!rc)
			printf("  taken: '%s'\n", bad[i]);
		T_TRUE(rc < 0 && e.what[0]);
	}
}

TEST(whole_numbers_are_exact)
{
	uint64_t v = 0;
	T_EQ_I(num_parse_u64(STR("18446744073709551615"), &v, NULL), 0);
	T_TRUE(v == UINT64_MAX);
	T_TRUE(num_parse_u64(STR("18446744073709551616"), &v, NULL) < 0);
	T_EQ_I(num_parse_u64(STR("9,007,199,254,740,993"), &v, NULL), 0);
	T_TRUE(v == UINT64_C(9007199254740993)); /* 2^53 + 1: a double would lose it */
	T_EQ_I(num_parse_u64(STR("1.5k"), &v, NULL), 0);
	T_EQ_I(v, 1500);
	T_TRUE(num_parse_u64(STR("1.5"), &v, NULL) < 0);
	T_TRUE(num_parse_u64(STR("-1"), &v, NULL) < 0);
	T_TRUE(num_parse_u64(STR("300%"), &v, NULL) < 0);
	T_TRUE(num_parse_u64(STR("1e30"), &v, NULL) < 0);
}

static void money(const char *s, int64_t pico, const char *code)
{
	int64_t got = -1;
	struct currency cur = {""};
	struct err e = {0};
	int rc = num_parse_money(str_of(s), &got, &cur, &e);
	if (rc)
		printf("  '%s': %s\n", s, e.what);
	T_EQ_I(rc, 0);
	T_EQ_I(got, pico);
	T_EQ_S(cur.code, code);
}

TEST(money_is_exact)
{
	money("500", 500 * PICO_PER_UNIT, "");
	money("GBP 500", 500 * PICO_PER_UNIT, "GBP");
	money("500 GBP", 500 * PICO_PER_UNIT, "GBP");
	money("gbp500", 500 * PICO_PER_UNIT, "GBP");
	money("500usd", 500 * PICO_PER_UNIT, "USD");
	money("$500", 500 * PICO_PER_UNIT, "USD");
	money("US$500", 500 * PICO_PER_UNIT, "USD");
	money("-$5", -5 * PICO_PER_UNIT, "USD");
	money("-5 USD", -5 * PICO_PER_UNIT, "USD");
	money("$-5", -5 * PICO_PER_UNIT, "USD");
	money("-GBP 5", -5 * PICO_PER_UNIT, "GBP");
	money("\xC2\xA3" "8,000", 8000 * PICO_PER_UNIT, "GBP");
	money("\xE2\x82\xAC" "1.5k", 1500 * PICO_PER_UNIT, "EUR");
	money("8 \xE2\x82\xAC", 8 * PICO_PER_UNIT, "EUR");
	money("1.5 million EUR", 1500000 * PICO_PER_UNIT, "EUR");
	money("8k GBP", 8000 * PICO_PER_UNIT, "GBP");
	money("2.50 USD", 2500000000000, "USD");
	money("0.2 USD", 200000000000, "USD");
	money("0.000000000001", 1, "");
	money("0.1", 100000000000, "");
	money("9223372.036854775807", INT64_MAX, "");
	money("500 CREDITS", 500 * PICO_PER_UNIT, "CREDITS");
	money("$5 CAD", 5 * PICO_PER_UNIT, "CAD");
}

TEST(bad_money_is_refused)
{
	static const char *const bad[] = {"", "$", "GBP", "GBP GBP 5", "5 GBP USD", "\xC2\xA3" "5 EUR", "30%", "GBP 1,23", "1.234,56 EUR",
		"0.0000000000001", "9223373", "\xC2\xA5" "500", "5 kr", "- -5", "-$-5", "five", "8kGBP", "GBP five", "1e", "$$5"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		int64_t v;
		struct currency cur = {""};
		int rc = num_parse_money(str_of(bad[i]), &v, &cur, &e);
		if (!rc)
			printf("  taken: '%s'\n", bad[i]);
		T_TRUE(rc < 0 && e.what[0] && !cur.code[0]);
	}
}

static int64_t duration(const char *s)
{
	int64_t us = -1;
	return num_parse_duration(str_of(s), &us, NULL) ? -1 : us;
}

TEST(durations)
{
	T_EQ_I(duration("90s"), 90000000);
	T_EQ_I(duration("90"), 90000000);
	T_EQ_I(duration("1.5"), 1500000);
	T_EQ_I(duration("15m"), 900000000);
	T_EQ_I(duration("15 min"), 900000000);
	T_EQ_I(duration("1h"), INT64_C(3600000000));
	T_EQ_I(duration("1h30m"), INT64_C(5400000000));
	T_EQ_I(duration("1h 30m"), INT64_C(5400000000));
	T_EQ_I(duration("7d"), INT64_C(604800000000));
	T_EQ_I(duration("250ms"), 250000);
	T_EQ_I(duration("0"), 0);
	static const char *const bad[] = {"", "s", "5x", "-5s", "30m1h", "5s5s", "5s 5", "1e99d", "1..5s", "5 M", "1_0s", "10000000000000d"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (duration(bad[i]) != -1)
			printf("  taken: '%s'\n", bad[i]);
		T_EQ_I(duration(bad[i]), -1);
	}
}

static int64_t bytes(const char *s)
{
	uint64_t n = 0;
	return num_parse_bytes(str_of(s), &n, NULL) ? -1 : (int64_t)n;
}

TEST(sizes)
{
	T_EQ_I(bytes("64MiB"), 64 << 20);
	T_EQ_I(bytes("64 MiB"), 64 << 20);
	T_EQ_I(bytes("16k"), 16384);
	T_EQ_I(bytes("1GB"), 1000000000);
	T_EQ_I(bytes("1.5 KiB"), 1536);
	T_EQ_I(bytes("4096"), 4096);
	T_EQ_I(bytes("4096 B"), 4096);
	T_EQ_I(bytes(""), -1);
	T_EQ_I(bytes("-1"), -1);
	T_EQ_I(bytes("0.3"), -1);
	T_EQ_I(bytes("5x"), -1);
	T_EQ_I(bytes("1k 5"), -1);
	T_EQ_I(bytes("99999999999T"), -1);
}

TEST(for_people)
{
	char out[32];
	T_EQ_S(num_group(0, out), "0");
	T_EQ_S(num_group(999, out), "999");
	T_EQ_S(num_group(1234567, out), "1,234,567");
	T_EQ_S(num_group(UINT64_MAX, out), "18,446,744,073,709,551,615");
	T_EQ_S(num_short(449500000, out), "449.5 M");
	T_EQ_S(num_short(68976000, out), "68.98 M");
	T_EQ_S(num_short(0, out), "0");
	T_EQ_S(num_short(7, out), "7");
	T_EQ_S(num_short(999, out), "999");
	T_EQ_S(num_short(1000, out), "1 k");
	T_EQ_S(num_short(100, out), "100");
	T_EQ_S(num_short(120000, out), "120 k");
	T_EQ_S(num_short(999949, out), "999.9 k");
	T_EQ_S(num_short(999960, out), "1 M");
	T_EQ_S(num_short(-1500, out), "-1.5 k");
	T_EQ_S(num_short(0.25, out), "0.25");
	T_EQ_S(num_short(2.5e12, out), "2.5 T");
	T_EQ_S(num_short(123456e12, out), "1.235e+05 T");
}

T_MAIN
