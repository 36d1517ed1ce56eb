/* SPDX-License-Identifier: Apache-2.0
 *
 * The footer of a TZif file: "GMT0BST,M3.5.0/1,M10.5.0". Offsets in the text count west of Greenwich; ours count east.
 * Hours of a change run from -167 to 167 (RFC 8536 section 3.3.1), which is how zones say "the Thursday before".
 */
#include "base/tz_i.h"

static bool take(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

/* 1 to `digits` digits, at most `most`. */
static bool take_number(struct str *s, unsigned digits, unsigned most, unsigned *out)
{
	size_t n = 0;
	unsigned v = 0;
	while (n < s->n && n < digits && s->p[n] >= '0' && s->p[n] <= '9')
		v = v * 10 + (unsigned)(s->p[n++] - '0');
	*s = str_sub(*s, n, s->n);
	*out = v;
	return n > 0 && v <= most;
}

/* "GMT" or "<+0330>". */
static bool take_name(struct str *s)
{
	size_t n = 0;
	if (take(s, '<')) {
		n = str_chr(*s, '>');
		if (n == SIZE_MAX || n < 3)
			return false;
		*s = str_sub(*s, n + 1, s->n);
		return true;
	}
	while (n < s->n && ((s->p[n] >= 'A' && s->p[n] <= 'Z') || (s->p[n] >= 'a' && s->p[n] <= 'z')))
		n++;
	*s = str_sub(*s, n, s->n);
	return n >= 3;
}

/* "[+-]hh[:mm[:ss]]". */
static bool take_clock(struct str *s, unsigned most_hours, int32_t *seconds)
{
	bool negative = take(s, '-');
	unsigned h, m = 0, sec = 0;
	if (!negative)
		(void)take(s, '+');
	if (!take_number(s, 3, most_hours, &h))
		return false;
	if (take(s, ':') && !take_number(s, 2, 59, &m))
		return false;
	if (take(s, ':') && !take_number(s, 2, 59, &sec))
		return false;
	*seconds = (int32_t)(h * 3600 + m * 60 + sec);
	if (negative)
		*seconds = -*seconds;
	return true;
}

static bool take_change(struct str *s, struct tz_change *c)
{
	c->seconds = 2 * 3600;
	if (!take(s, ','))
		return false;
	if (take(s, 'M')) {
		c->kind = CHANGE_MONTH;
		if (!take_number(s, 2, 12, &c->month) || !c->month || !take(s, '.') ||
		    !take_number(s, 1, 5, &c->week) || !c->week || !take(s, '.') || !take_number(s, 1, 6, &c->day))
			return false;
	} else if (take(s, 'J')) {
		c->kind = CHANGE_JULIAN;
		if (!take_number(s, 3, 365, &c->day) || !c->day)
			return false;
	} else {
		c->kind = CHANGE_DAY;
		if (!take_number(s, 3, 365, &c->day))
			return false;
	}
	return !take(s, '/') || take_clock(s, 167, &c->seconds);
}

int tz_posix_parse(struct str s, struct tz_posix *out)
{
	int32_t west;
	memset(out, 0, sizeof *out);
	if (!s.n)
		return 0;
	if (!take_name(&s) || !take_clock(&s, 24, &west))
		return -RR_SYNTAX;
	out->std_s = -west;
	out->present = true;
	if (!s.n)
		return 0;
	if (!take_name(&s))
		return -RR_SYNTAX;
	out->dst_s = out->std_s + 3600;
	out->has_dst = true;
	if (s.n && s.p[0] != ',') {
		if (!take_clock(&s, 24, &west))
			return -RR_SYNTAX;
		out->dst_s = -west;
	}
	/* Without dates POSIX leaves the rule open; TZif footers always state them. */
	return take_change(&s, &out->to_dst) && take_change(&s, &out->to_std) && !s.n ? 0 : -RR_SYNTAX;
}

static bool leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The change of that year, in seconds of local time since the epoch. */
static int64_t change_local(const struct tz_change *c, int64_t year)
{
	int64_t days;
	if (c->kind == CHANGE_JULIAN) {
		days = days_from_civil(year, 1, 1) + c->day - 1 + (leap(year) && c->day >= 60);
	} else if (c->kind == CHANGE_DAY) {
		days = days_from_civil(year, 1, 1) + c->day;
	} else {
		int64_t first = days_from_civil(year, c->month, 1);
		int64_t end = c->month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, c->month + 1, 1);
		int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 0 = Sunday; 1970-01-01 was a Thursday */
		days = first + ((int64_t)c->day - weekday + 7) % 7 + 7 * ((int64_t)c->week - 1);
		while (days >= end)
			days -= 7; /* week 5 is the last one */
	}
	return days * 86400 + c->seconds;
}

static int64_t year_of(int64_t local_s)
{
	int64_t year;
	unsigned month, day;
	civil_from_days(local_s / 86400 - (local_s % 86400 < 0), &year, &month, &day);
	return year;
}

int32_t tz_posix_offset(const struct tz_posix *p, int64_t at_s)
{
	int64_t year, to_dst, to_std;
	bool dst;
	if (!p->has_dst)
		return p->std_s;
	year = year_of(at_s + p->std_s);
	to_dst = change_local(&p->to_dst, year) - p->std_s;
	to_std = change_local(&p->to_std, year) - p->dst_s;
	dst = to_dst < to_std ? at_s >= to_dst && at_s < to_std : !(at_s >= to_std && at_s < to_dst);
	return dst ? p->dst_s : p->std_s;
}

int64_t tz_posix_next(const struct tz_posix *p, int64_t at_s)
{
	int64_t best = INT64_MAX, year;
	if (!p->has_dst)
		return INT64_MAX;
	year = year_of(at_s + p->std_s);
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t to_dst = change_local(&p->to_dst, y) - p->std_s,
			to_std = change_local(&p->to_std, y) - p->dst_s;
		if (to_dst > at_s && to_dst < best)
			best = to_dst;
		if (to_std > at_s && to_std < best)
			best = to_std;
	}
	return best;
}
