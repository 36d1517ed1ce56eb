/* SPDX-License-Identifier: Apache-2.0
 *
 * See tz.h. Zones are read once and kept for the life of the process in a list behind a lock.
 *
 * A local time is turned into an instant by walking the changes near it: a change at T from offset a to offset b is
 * past for a local time from T + max(a, b) on. In a gap that leaves the offset before it (the instant lies after the
 * gap); of an ambiguous time it takes the first occurrence.
 *
 * A calendar window begins at the first instant whose local time is not before the window's: in a gap that is the
 * change itself. So windows part the time line without gap or overlap, whatever the clocks do (also where they go back
 * over midnight, or forth over it at 00:01).
 */
#include "base/tz.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/tz_i.h"

enum { FILE_BYTES = 1024 * 1024, REACH_S = 26 * 3600 /* no offset is larger (RFC 8536: 25 h) */ };

static const char default_folder[] = "/usr/share/zoneinfo";

static const struct tz utc = {.name = "UTC"};
static struct tz *cache; /* zones read so far; grows to at most one entry a zone name that exists */
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *folder(void)
{
	const char *named = getenv("TZDIR");
	return named && named[0] ? named : default_folder;
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n >= TZ_NAME || name[0] == '/' || strstr(name, ".."))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/_+-", c)))
			return false;
	}
	return true;
}

/* The nearest name of zone.tab, by the whole name or its last part ("london"). */
static void suggest(const char *name, char out[TZ_NAME])
{
	char path[512];
	struct sb text;
	struct str rest, want = str_of(name);
	unsigned best = (unsigned)(want.n < 48 ? want.n : 48) / 3 + 1;
	out[0] = 0;
	sb_init(&text, FILE_BYTES);
	snprintf(path, sizeof path, "%s/zone.tab", folder());
	if (fs_read(path, &text, NULL)) {
		sb_fini(&text);
		return;
	}
	rest = sb_str(&text);
	while (rest.p) {
		struct str line = str_cut(&rest, '\n'), zone, last;
		if (!line.n || line.p[0] == '#')
			continue;
		str_cut(&line, '\t');
		str_cut(&line, '\t');
		zone = last = str_cut(&line, '\t');
		while (str_chr(last, '/') != SIZE_MAX)
			str_cut(&last, '/');
		unsigned d = str_distance(want, zone), d_last = str_distance(want, last);
		if (d_last < d)
			d = d_last;
		if (zone.n && d < best) {
			best = d;
			str_copy(out, TZ_NAME, zone);
		}
	}
	sb_fini(&text);
}

static int unknown(const char *name, struct err *e)
{
	char near[TZ_NAME];
	if (!fs_exists(folder())) {
		err_set(e, RR_NOTFOUND, "there is no time zone data in %s", folder());
		return err_hint(e, "install tzdata, or use UTC");
	}
	suggest(name, near);
	err_set(e, RR_INPUT, "'%.60s' is no known time zone", name);
	return near[0] ? err_hint(e, "did you mean %s?", near) : err_hint(e, "names are like Europe/London, or UTC");
}

static struct tz *load(const char *name, struct err *e)
{
	char path[512];
	struct sb bytes;
	struct tz *z = NULL;
	int n = snprintf(path, sizeof path, "%s/%s", folder(), name), rc;
	sb_init(&bytes, FILE_BYTES);
	if (n < 0 || (size_t)n >= sizeof path || fs_read(path, &bytes, NULL)) {
		unknown(name, e);
		goto out;
	}
	z = calloc(1, sizeof *z);
	rc = z ? tz_read(sb_str(&bytes), z) : -RR_NOMEM;
	if (rc) {
		free(z);
		z = NULL;
		err_set(e, -rc, "%s is not a time zone file that can be used", path);
		err_hint(e, "install tzdata, or name another zone");
		goto out;
	}
	snprintf(z->name, sizeof z->name, "%s", name);
out:
	sb_fini(&bytes);
	return z;
}

const struct tz *tz_get(const char *name, struct err *e)
{
	struct tz *z;
	if (strcmp(name, "UTC") == 0)
		return &utc;
	if (!name_ok(name)) {
		unknown(name, e);
		return NULL;
	}
	pthread_mutex_lock(&cache_lock);
	for (z = cache; z && strcmp(z->name, name) != 0;)
		z = z->next;
	if (!z) {
		z = load(name, e);
		if (z) {
			z->next = cache;
			cache = z;
		}
	}
	pthread_mutex_unlock(&cache_lock);
	return z;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* How many transitions are at or before at_s. */
static unsigned passed(const struct tz *z, int64_t at_s)
{
	unsigned low = 0, high = z->transitions;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (z->at_s[middle] <= at_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int32_t offset_at(const struct tz *z, int64_t at_s)
{
	unsigned n = passed(z, at_s);
	if (n == z->transitions && z->posix.present)
		return tz_posix_offset(&z->posix, at_s);
	return n ? z->offset_s[n - 1] : z->before_s;
}

static int64_t next_change(const struct tz *z, int64_t at_s)
{
	unsigned n = passed(z, at_s);
	return n < z->transitions ? z->at_s[n] : tz_posix_next(&z->posix, at_s);
}

int32_t tz_offset_s(const struct tz *z, int64_t real_us)
{
	return offset_at(z, floor_div(real_us, US_PER_S));
}

int64_t tz_instant_us(const struct tz *z, int64_t local_us)
{
	int64_t local_s = floor_div(local_us, US_PER_S), at_s = local_s - REACH_S;
	int32_t offset = offset_at(z, at_s);
	for (;;) {
		int32_t after;
		at_s = next_change(z, at_s);
		if (at_s > local_s + REACH_S)
			break;
		after = offset_at(z, at_s);
		if (local_s < at_s + (offset > after ? offset : after))
			break;
		offset = after;
	}
	return local_us - offset * US_PER_S;
}

/* The first instant whose local time is at or after local_us: exact for any zone, segment by segment. */
static int64_t boundary_us(const struct tz *z, int64_t local_us)
{
	int64_t local_s = floor_div(local_us, US_PER_S), begin_s = local_s - REACH_S;
	for (;;) {
		int64_t at_s = local_s - offset_at(z, begin_s), end_s = next_change(z, begin_s);
		if (at_s < begin_s)
			at_s = begin_s;
		if (at_s < end_s)
			return at_s * US_PER_S;
		begin_s = end_s;
	}
}

static const char *const window_names[] = {"hour", "day", "week", "month", "quarter", "year", "total"};

int window_parse(struct str s, enum window *out)
{
	for (unsigned i = 0; i < sizeof window_names / sizeof *window_names; i++)
		if (str_ieq(s, str_of(window_names[i]))) {
			*out = (enum window)i;
			return 0;
		}
	return -RR_SYNTAX;
}

const char *window_name(enum window w)
{
	return window_names[w];
}

/* The local times at which the window of a local time begins and, moved by `step` windows, others do. */
static int64_t local_begin(enum window w, int64_t local_us, int step)
{
	int64_t days = floor_div(local_us, US_PER_DAY), year, months;
	unsigned month, day;
	switch (w) {
	case WINDOW_HOUR:
		return (floor_div(local_us, 3600 * US_PER_S) + step) * 3600 * US_PER_S;
	case WINDOW_DAY:
		return (days + step) * US_PER_DAY;
	case WINDOW_WEEK: /* Monday; 1970-01-01 was a Thursday */
		return (floor_div(days + 3, 7) * 7 - 3 + 7 * (int64_t)step) * US_PER_DAY;
	default:
		break;
	}
	civil_from_days(days, &year, &month, &day);
	months = w == WINDOW_MONTH ? 1 : w == WINDOW_QUARTER ? 3 : 12;
	months = (floor_div(year * 12 + (int64_t)month - 1, months) + step) * months;
	return days_from_civil(floor_div(months, 12), (unsigned)(months - floor_div(months, 12) * 12) + 1, 1) *
	       US_PER_DAY;
}

void window_bounds(enum window w, const struct tz *z, int64_t now_us, int64_t *from_us, int64_t *to_us)
{
	int64_t local_us;
	if (w == WINDOW_TOTAL) {
		*from_us = INT64_MIN;
		*to_us = INT64_MAX;
		return;
	}
	local_us = now_us + tz_offset_s(z, now_us) * US_PER_S;
	/* Where clocks go back over a boundary, a later instant can bear an earlier local time: then a later window
	 * holds it. Local time and UTC are never 26 h apart, so 54 windows of an hour are the most to look at. */
	*to_us = boundary_us(z, local_begin(w, local_us, 0));
	for (int step = 1; step <= 54; step++) {
		*from_us = *to_us;
		*to_us = boundary_us(z, local_begin(w, local_us, step));
		if (now_us < *to_us)
			return;
	}
	check(now_us < *to_us);
}
