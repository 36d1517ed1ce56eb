/* SPDX-License-Identifier: Apache-2.0
 *
 * See clock.h. The calendar arithmetic counts from 1 March of year 0, so that the leap day ends a year, in eras of
 * 400 years (146,097 days): the usual civil-from-days algorithm (H. Hinnant, "chrono-compatible low-level date
 * algorithms", 2013), written down from its derivation and tested against another calendar.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/err.h"

enum { DAYS_PER_ERA = 146097, DAYS_TO_EPOCH = 719468 /* 0000-03-01 to 1970-01-01 */ };

static uint64_t system_mono_us(const struct clock *c)
{
	struct timespec t;
	(void)c;
	check(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static int64_t system_real_us(const struct clock *c)
{
	struct timespec t;
	(void)c;
	check(clock_gettime(CLOCK_REALTIME, &t) == 0);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

const struct clock clock_system = {system_mono_us, system_real_us, 0, 0};

static uint64_t manual_mono_us(const struct clock *c)
{
	return c->manual_mono_us;
}

static int64_t manual_real_us(const struct clock *c)
{
	return c->manual_real_us;
}

void clock_manual(struct clock *c, int64_t real_us)
{
	*c = (struct clock){manual_mono_us, manual_real_us, 0, real_us};
}

void clock_advance(struct clock *c, uint64_t us)
{
	c->manual_mono_us += us;
	c->manual_real_us += (int64_t)us;
}

int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400, month_from_march = (month + 9) % 12;
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	int64_t z = days + DAYS_TO_EPOCH, era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	int64_t day_of_era = z - era * DAYS_PER_ERA;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;
	*day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
	*month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

/* Exactly n digits at the front of *s. */
static bool take_digits(struct str *s, unsigned n, unsigned *out)
{
	unsigned v = 0;
	if (s->n < n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		unsigned digit = (unsigned)(s->p[i] - '0');
		if (digit > 9)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	*s = str_sub(*s, n, s->n);
	return true;
}

static bool take_char(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

static bool take_date(struct str *s, int64_t *days)
{
	static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year, month, day, most;
	if (!take_digits(s, 4, &year) || !take_char(s, '-') || !take_digits(s, 2, &month) || !take_char(s, '-') ||
	    !take_digits(s, 2, &day) || month < 1 || month > 12)
		return false;
	most = lengths[month - 1] + (month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0));
	if (day < 1 || day > most)
		return false;
	*days = days_from_civil(year, month, day);
	return true;
}

/* ".5", ".123456789": microseconds; what stands below them is cut off. */
static bool take_fraction(struct str *s, unsigned *us)
{
	unsigned digits = 0;
	*us = 0;
	if (!take_char(s, '.'))
		return true;
	while (s->n && s->p[0] >= '0' && s->p[0] <= '9' && digits < 9) {
		if (digits < 6)
			*us = *us * 10 + (unsigned)(s->p[0] - '0');
		digits++;
		*s = str_sub(*s, 1, s->n);
	}
	for (unsigned i = digits; i < 6; i++)
		*us *= 10;
	return digits > 0;
}

/* "", "Z", "+01:00", "+0100", "+01". */
static bool take_offset(struct str *s, int64_t *offset_s)
{
	bool west = s->n && s->p[0] == '-';
	unsigned hours, minutes = 0;
	*offset_s = 0;
	if (s->n == 0 || take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	if (!take_char(s, '+') && !take_char(s, '-'))
		return false;
	if (!take_digits(s, 2, &hours) || hours > 23)
		return false;
	if (s->n) {
		(void)take_char(s, ':');
		if (!take_digits(s, 2, &minutes) || minutes > 59)
			return false;
	}
	*offset_s = (int64_t)hours * 3600 + minutes * 60;
	if (west)
		*offset_s = -*offset_s;
	return true;
}

int time_parse(struct str s, int64_t *real_us)
{
	int64_t days, offset_s = 0;
	unsigned hour = 0, minute = 0, second = 0, us = 0;
	if (!take_date(&s, &days))
		return -RR_SYNTAX;
	if (s.n) {
		if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' '))
			return -RR_SYNTAX;
		if (!take_digits(&s, 2, &hour) || !take_char(&s, ':') || !take_digits(&s, 2, &minute))
			return -RR_SYNTAX;
		if (take_char(&s, ':') && (!take_digits(&s, 2, &second) || !take_fraction(&s, &us)))
			return -RR_SYNTAX;
		if (!take_offset(&s, &offset_s) || s.n || hour > 23 || minute > 59 || second > 59)
			return -RR_SYNTAX;
	}
	*real_us = (days * 86400 + hour * 3600 + minute * 60 + second - offset_s) * US_PER_S + us;
	return 0;
}

/* Floor division, so that instants before 1970 fall on their own day. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

char *time_text(int64_t real_us, char out[TIME_TEXT])
{
	int64_t days = floor_div(real_us, US_PER_DAY), in_day = real_us - days * US_PER_DAY, year;
	unsigned month, day, seconds = (unsigned)(in_day / US_PER_S), us = (unsigned)(in_day % US_PER_S);
	civil_from_days(days, &year, &month, &day);
	if (us)
		snprintf(out, TIME_TEXT, "%04lld-%02u-%02uT%02u:%02u:%02u.%06uZ", (long long)year, month, day,
			 seconds / 3600, seconds / 60 % 60, seconds % 60, us);
	else
		snprintf(out, TIME_TEXT, "%04lld-%02u-%02uT%02u:%02u:%02uZ", (long long)year, month, day,
			 seconds / 3600, seconds / 60 % 60, seconds % 60);
	return out;
}

char *time_date(int64_t real_us, char out[TIME_TEXT])
{
	int64_t year;
	unsigned month, day;
	civil_from_days(floor_div(real_us, US_PER_DAY), &year, &month, &day);
	snprintf(out, TIME_TEXT, "%04lld-%02u-%02u", (long long)year, month, day);
	return out;
}
