/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: stderr, one line an event, `time=... level=... event=... key=value`, or JSON by a flag.
 * No bodies, no secrets. The ledger is data, not log.
 */
#ifndef RR_BASE_LOG_H
#define RR_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

void log_init(enum log_level least, bool as_json);
bool log_enabled(enum log_level level);
/* log_event(LOG_WARN, "upstream_closed", "id", "%s", id, "status", "%d", 502, NULL)
 * is spelled with fields: */
struct log_field {
	const char *key;
	struct str value;
	int64_t number;   /* used when value.p is NULL */
	bool raw;         /* value is a JSON number, true or false: written as it is */
};
void log_event(enum log_level level, const char *event, const struct log_field *fields, unsigned count);
#define LOG_S(k, v) ((struct log_field){(k), (v), 0, false})
#define LOG_N(k, v) ((struct log_field){(k), {NULL, 0}, (int64_t)(v), false})
#define LOG_RAW(k, v) ((struct log_field){(k), (v), 0, true})
#define LOG(level, event, ...)                                                                      \
	do {                                                                                        \
		if (log_enabled(level)) {                                                           \
			const struct log_field log_fields_[] = {__VA_ARGS__};                       \
			log_event(level, event, log_fields_, sizeof log_fields_ / sizeof *log_fields_); \
		}                                                                                   \
	} while (0)

#endif
