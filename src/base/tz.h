/* SPDX-License-Identifier: Apache-2.0
 *
 * Calendar windows in a named time zone, exact across daylight saving.
 *
 * Reads TZif files (RFC 8536, versions 1 to 4, POSIX footer included) from /usr/share/zoneinfo, or
 * $TZDIR; libc's localtime is not used because its zone is one per process. "UTC" needs no file.
 */
#ifndef RR_BASE_TZ_H
#define RR_BASE_TZ_H

#include "base/clock.h"
#include "base/err.h"

struct tz;

/* name: "Europe/London", "UTC". NULL on error with e filled (unknown zone: the nearest right name). */
const struct tz *tz_get(const char *name, struct err *e); /* cached for the process, thread-safe */
/* Offset to add to UTC at that instant, in seconds. */
int32_t tz_offset_s(const struct tz *z, int64_t real_us);
/* The instant of a local civil time. A time in a gap is taken after it, an ambiguous one the first. */
int64_t tz_instant_us(const struct tz *z, int64_t local_us);

enum window { WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH, WINDOW_QUARTER, WINDOW_YEAR, WINDOW_TOTAL };
/* "hour", "day", "week" (begins Monday), "month", "quarter", "year", "total". */
int window_parse(struct str s, enum window *out);
const char *window_name(enum window w);
/* The [from, to) instants of the calendar window that holds now. WINDOW_TOTAL: INT64_MIN, INT64_MAX. */
void window_bounds(enum window w, const struct tz *z, int64_t now_us, int64_t *from_us, int64_t *to_us);

#endif
