/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that read the ledger share: times and periods as people write them, the zone, the currency and its
 * rates from flags and configuration.
 */
#ifndef RR_CMD_CMD_QUERY_H
#define RR_CMD_CMD_QUERY_H

#include "base/opt.h"
#include "report/report.h"

struct query_flags {
	const char *by, *since, *until, *basis, *env;
	const char *shares;    /* NULL: shares.yaml beside the configuration, if there is one */
	struct opt_list rates; /* "USD/GBP=0.7692@2026-10-01" */
};

/* Flags, globals and configuration as one query. What it points to lives in the arena. */
int cmd_query(const struct query_flags *g, struct report_query *q, struct arena *a, struct err *e);
/* "2026-10", "2026-10-05", "2026-W41", "2026-10-01..2026-10-15" (both days belong to it), "today", "yesterday",
 * "this-week", "last-week", "this-month", "last-month", "2026". [from, to). */
int cmd_period(const char *text, const struct tz *tz, int64_t now_us, int64_t *from_us, int64_t *to_us, struct err *e);
/* "2026-08", "2026-08-01" or a time; a day or a month means its begin, or its end. flag is for messages. */
int cmd_when(const char *flag, const char *text, const struct tz *tz, bool end, int64_t *us, struct err *e);
/* "8-14 Nov 2026", "1 Oct - 15 Nov 2026": [from, to) in the zone. Returns out. */
char *cmd_span(const struct tz *tz, int64_t from_us, int64_t to_us, char *out, size_t size);

/* The line of help for --rate. */
extern const char cmd_rate_help[];

#endif
