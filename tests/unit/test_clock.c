/* SPDX-License-Identifier: Apache-2.0
 *
 * The calendar against libc's timegm and gmtime over 800 years; ISO 8601 as written and as refused.
 */
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "t.h"

TEST(calendar_agrees_with_libc)
{
	unsigned wrong = 0;
	for (int64_t days = -200000; days < 200000; days += 1) {
		time_t t = (time_t)days * 86400;
		struct tm tm;
		int64_t year;
		unsigned month, day;
		gmtime_r(&t, &tm);
		civil_from_days(days, &year, &month, &day);
		wrong += year != tm.tm_year + 1900 || (int)month != tm.tm_mon + 1 || (int)day != tm.tm_mday;
		wrong += days_from_civil(year, month, day) != days;
	}
	T_EQ_I(wrong, 0);
}

static int64_t parsed(const char *s)
{
	int64_t us = -1;
	return time_parse(str_of(s), &us) ? INT64_MIN : us;
}

TEST(iso_times_are_read)
{
	T_EQ_I(parsed("1970-01-01"), 0);
	T_EQ_I(parsed("2026-11-21"), INT64_C(1795219200) * US_PER_S);
	T_EQ_I(parsed("2026-11-21T10:00:00Z"), INT64_C(1795255200) * US_PER_S);
	T_EQ_I(parsed("2026-11-21T10:00"), INT64_C(1795255200) * US_PER_S);
	T_EQ_I(parsed("2026-11-21 10:00:00"), INT64_C(1795255200) * US_PER_S);
	T_EQ_I(parsed("2026-11-21T11:00:00+01:00"), INT64_C(1795255200) * US_PER_S);
	T_EQ_I(parsed("2026-11-21T15:30:00+0530"), INT64_C(1795255200) * US_PER_S);
	T_EQ_I(parsed("2026-11-21T02:00:00-08"), INT64_C(1795255200) * US_PER_S);
	T_EQ_I(parsed("2026-11-21T10:00:00.25Z"), INT64_C(1795255200) * US_PER_S + 250000);
	T_EQ_I(parsed("2026-11-21T10:00:00.123456789Z"), INT64_C(1795255200) * US_PER_S + 123456);
	T_EQ_I(parsed("2024-02-29"), INT64_C(1709164800) * US_PER_S);
	T_EQ_I(parsed("1969-12-31T23:59:59.5Z"), -500000);
}

TEST(bad_times_are_refused)
{
	static const char *const bad[] = {"", "2026", "2026-13-01", "2026-00-01", "2026-02-29", "2100-02-29", "2026-04-31",
		"2026-11-21T", "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00:60Z", "2026-11-21T10:00:00.Z",
		"2026-11-21T10:00:00.1234567890Z", "2026-11-21T10:00:00+24:00", "2026-11-21T10:00:00+01:60", "2026-11-21x",
		"2026-11-21T10:00:00ZZ", "21/11/2026", "2026-1-1", "2026-11-21T10:00:00+1", " 2026-11-21", "2026-11-21 "};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (parsed(bad[i]) != INT64_MIN)
			printf("  taken: '%s'\n", bad[i]);
		T_TRUE(parsed(bad[i]) == INT64_MIN);
	}
}

TEST(times_are_written)
{
	char out[TIME_TEXT];
	T_EQ_S(time_text(0, out), "1970-01-01T00:00:00Z");
	T_EQ_S(time_text(-1, out), "1969-12-31T23:59:59.999999Z");
	T_EQ_S(time_text(INT64_C(1795255200) * US_PER_S + 250000, out), "2026-11-21T10:00:00.250000Z");
	T_EQ_S(time_date(-1, out), "1969-12-31");
	for (int64_t us = -INT64_C(4000000000) * US_PER_S; us < INT64_C(9000000000) * US_PER_S; us += INT64_C(7777777777777))
		T_TRUE(parsed(time_text(us, out)) == us);
}

TEST(a_manual_clock_is_turned_by_hand)
{
	struct clock c;
	clock_manual(&c, 1000);
	clock_advance(&c, 500);
	T_EQ_I(clock_real(&c), 1500);
	T_EQ_I(clock_mono(&c), 500);
	T_TRUE(clock_mono(&clock_system) <= clock_mono(&clock_system));
}

T_MAIN
