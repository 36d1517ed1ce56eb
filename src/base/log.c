/* SPDX-License-Identifier: Apache-2.0
 *
 * See log.h. A line is built whole and leaves in one write(2), so that lines of several threads do not mix. The
 * level and the form are the process's, set once at start; a line is at most 8 KiB, the rest is cut off.
 */
#include "base/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

enum { LINE_BYTES = 8 * 1024 };

static atomic_int log_least = LOG_INFO;
static atomic_bool log_as_json;

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

void log_init(enum log_level least, bool as_json)
{
	atomic_store(&log_least, least);
	atomic_store(&log_as_json, as_json);
}

bool log_enabled(enum log_level level)
{
	return level < LOG_OFF && (int)level >= atomic_load_explicit(&log_least, memory_order_relaxed);
}

static bool plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
			return false;
	}
	return s.n > 0;
}

static void write_pairs(struct sb *b, const char *time, const char *level, const char *event,
			const struct log_field *fields, unsigned count)
{
	sb_addf(b, "time=%s level=%s event=%s", time, level, event);
	for (unsigned i = 0; i < count; i++) {
		sb_addf(b, " %s=", fields[i].key);
		if (!fields[i].value.p) {
			sb_add_i64(b, fields[i].number);
		} else if (plain(fields[i].value)) {
			sb_add_str(b, fields[i].value);
		} else {
			struct json_out w; /* quoted and escaped as in JSON */
			jw_init(&w, b);
			jw_str(&w, fields[i].value);
		}
	}
}

static void write_json(struct sb *b, const char *time, const char *level, const char *event,
		       const struct log_field *fields, unsigned count)
{
	struct json_out w;
	jw_init(&w, b);
	jw_object(&w);
	jw_kcstr(&w, "time", time);
	jw_kcstr(&w, "level", level);
	jw_kcstr(&w, "event", event);
	for (unsigned i = 0; i < count; i++) {
		if (fields[i].raw) {
			jw_key(&w, fields[i].key);
			jw_raw(&w, fields[i].value);
		} else if (fields[i].value.p)
			jw_kstr(&w, fields[i].key, fields[i].value);
		else
			jw_ki64(&w, fields[i].key, fields[i].number);
	}
	jw_end_object(&w);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, unsigned count)
{
	char time[TIME_TEXT];
	struct sb b;
	if (!log_enabled(level))
		return;
	sb_init(&b, LINE_BYTES);
	time_text(clock_real(&clock_system), time);
	if (atomic_load_explicit(&log_as_json, memory_order_relaxed))
		write_json(&b, time, level_names[level], event, fields, count);
	else
		write_pairs(&b, time, level_names[level], event, fields, count);
	if (b.full && atomic_load_explicit(&log_as_json, memory_order_relaxed)) {
		sb_clear(&b); /* half an object would be no JSON */
		write_json(&b, time, level_names[level], event, NULL, 0);
	}
	if (b.full) {
		b.full = false;
		b.limit++;
	}
	b.limit++;
	sb_addc(&b, '\n');
	for (size_t at = 0; at < b.n;) {
		ssize_t n = write(STDERR_FILENO, b.p + at, b.n - at);
		if (n <= 0)
			break; /* nowhere left to say so */
		at += (size_t)n;
	}
	sb_fini(&b);
}
