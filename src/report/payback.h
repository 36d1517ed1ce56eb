/* SPDX-License-Identifier: Apache-2.0
 *
 * Has what was paid once paid itself back? Measured on the feature that it serves, never assumed: what its calls cost
 * each before the payment, against what they cost each since then.
 *
 *   saved = cost before / calls before x calls since - cost since          (months left = what is missing / saved a
 * month)
 *
 * Only where calls of that feature stand on both sides; a cost per call that rose is a saving below zero, and then it
 * never pays back.
 */
#ifndef RR_REPORT_PAYBACK_H
#define RR_REPORT_PAYBACK_H

#include "ledger/ledger.h"

struct payback {
	bool known;        /* the feature has priced calls before and since, in the outlay's currency */
	money_wide saved_pico;
	bool pays;         /* at this pace it pays back, or has */
	double months_left;
	uint64_t calls_before, calls_since;
};
int payback_of(struct payback *p, struct ledger *l, const struct outlay *o, int64_t now_us, struct err *e);

#endif
