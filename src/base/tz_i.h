/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a time zone: explicit transitions, then a rule for what comes after them. For tz.c and tz_posix.c.
 */
#ifndef RR_BASE_TZ_I_H
#define RR_BASE_TZ_I_H

#include "base/tz.h"

enum { TZ_NAME = 64 };

/* "M3.5.0/1": when in a year a change happens, in local time of the offset before it. */
struct tz_change {
	enum { CHANGE_JULIAN, CHANGE_DAY, CHANGE_MONTH } kind; /* Jn (no leap day), n (0-based), Mm.w.d */
	unsigned month, week, day;
	int32_t seconds; /* since local midnight; -167 h .. 167 h */
};

/* POSIX TZ string, as RFC 8536 extends it. */
struct tz_posix {
	bool present, has_dst;
	int32_t std_s, dst_s; /* to add to UTC */
	struct tz_change to_dst, to_std;
};

struct tz {
	char name[TZ_NAME];
	unsigned transitions;
	int64_t *at_s;            /* ascending */
	int32_t *offset_s;        /* from at_s[i] on */
	int32_t before_s;         /* before the first */
	struct tz_posix posix;    /* from the last one on */
	struct tz *next;          /* in the process's cache */
};

/* 0 or -RR_SYNTAX. An empty string is no rule. */
int tz_posix_parse(struct str s, struct tz_posix *out);
int32_t tz_posix_offset(const struct tz_posix *p, int64_t at_s);
/* The first change after at_s; INT64_MAX when there is none. */
int64_t tz_posix_next(const struct tz_posix *p, int64_t at_s);

/* The bytes of a TZif file. 0 or -RR_SYNTAX, -RR_LIMIT, -RR_NOMEM. On error nothing is left to free. */
int tz_read(struct str bytes, struct tz *out);
void tz_drop(struct tz *z);

#endif
