/* SPDX-License-Identifier: Apache-2.0
 *
 * Time is an argument. Code that needs it takes a struct clock; tests pass one that they turn by hand.
 *
 * mono: microseconds that never step back (durations, timeouts). real: microseconds since the Unix
 * epoch in UTC (what is written down).
 */
#ifndef RR_BASE_CLOCK_H
#define RR_BASE_CLOCK_H

#include "base/str.h"

struct clock {
	uint64_t (*mono_us)(const struct clock *c);
	int64_t (*real_us)(const struct clock *c);
	uint64_t manual_mono_us; /* for clock_manual */
	int64_t manual_real_us;
};

extern const struct clock clock_system;
void clock_manual(struct clock *c, int64_t real_us);
void clock_advance(struct clock *c, uint64_t us);
static inline uint64_t clock_mono(const struct clock *c) { return c->mono_us(c); }
static inline int64_t clock_real(const struct clock *c) { return c->real_us(c); }

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (86400 * US_PER_S)
enum { TIME_TEXT = 40 };

/* ISO 8601: "2026-11-21", "2026-11-21T10:00:00Z", fractions up to 9 digits (cut off after the sixth),
 * offsets "+01:00"; a date or a time without an offset is UTC. Out: microseconds since the epoch. 0 or -RR_SYNTAX. */
int time_parse(struct str s, int64_t *real_us);
/* "2026-11-21T10:00:00Z" (fraction only when not zero). Returns out. */
char *time_text(int64_t real_us, char out[TIME_TEXT]);
char *time_date(int64_t real_us, char out[TIME_TEXT]); /* "2026-11-21" in UTC */

/* Proleptic Gregorian calendar. month 1..12, day 1..31. */
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
