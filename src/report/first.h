/* SPDX-License-Identifier: Apache-2.0
 *
 * The first report: who bills for which model, the two checkbooks side by side, on one screen.
 *
 * The totals are the report's own (report.h); this adds the lines by provider and model in two columns. The period is
 * the last 30 days, where the data reach into the last three; else the data's own last 30, or all of them where that is
 * no more than a month or files were asked for, and the heading has the dates.
 */
#ifndef RR_REPORT_FIRST_H
#define RR_REPORT_FIRST_H

#include "report/report.h"

enum { FIRST_LINES = 4096, FIRST_SHOWN = 14, MONEY_SYMBOL = MONEY_TEXT + 16 };

struct first_line {
	struct str provider, model;
	struct currency currency;
	uint64_t calls, tokens;
	money_wide inference_pico, training_pico;
};
struct first {
	struct report report;
	bool last_30_days;
	struct first_line *lines; /* dearest first; what has no known price is not among them */
	unsigned count;
};

/* q gives zone, rates, currency, environment and now; its bounds are chosen here unless they are set. whole: the period
 * of the data. Memory comes from the arena. */
int first_make(struct first *f, struct ledger *l, const struct report_query *q, bool whole, struct arena *a,
	       struct err *e);
/* took_s < 0: not said. */
void first_text(const struct first *f, double took_s, struct sb *out);
/* "£518.01", "$0.57", "518.01 SEK". Returns out. */
char *money_symbol(struct currency c, money_wide pico, unsigned decimals, char out[MONEY_SYMBOL]);

#endif
