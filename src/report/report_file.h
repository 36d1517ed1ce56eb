/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as files for people: a page, a workbook, a chart.
 *
 * The page is one file that needs nothing else: no script, no font, no network; charts are SVG with title and
 * description and a data table under each; it prints, it is dark where the reader's system is, and it fits 360 pixels.
 * In the workbook totals are formulas over the lines, and a sheet names the price of each model with source and date.
 */
#ifndef RR_REPORT_REPORT_FILE_H
#define RR_REPORT_REPORT_FILE_H

#include "model/book.h"
#include "report/report.h"

/* days: the same report by day (or by month where the period is long), for charts and their tables. */
void report_svg(const struct report *days, struct sb *out);
/* The month under way, day by day: what came, what is likely, and the band of 80 %. Nothing where no forecast was
 * made. */
void report_ahead_svg(const struct report *r, struct sb *out);
void report_html(const struct report *r, const struct report *days, const struct book *b, struct sb *out);
int report_xlsx(const struct report *r, const struct report *days, const struct book *b, const char *path,
		struct err *e);

/* The price rules of the models of a report, each once: base tier, in force at the end of the period. */
enum { REPORT_PRICES = 400 };
struct report_price {
	struct str model;
	const struct price_rule *rule;
};
unsigned report_prices(const struct report *models, const struct book *b, struct report_price out[REPORT_PRICES]);

#endif
