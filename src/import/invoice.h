/* SPDX-License-Identifier: Apache-2.0
 *
 * What an invoice says, read off its text with how sure that is. invoice_read.c reads; invoice.c makes rows of it.
 */
#ifndef RR_IMPORT_INVOICE_H
#define RR_IMPORT_INVOICE_H

#include "base/money.h"
#include "base/str.h"

enum { INVOICE_LINES = 2000, INVOICE_SURE = 60 };

struct invoice_line {
	struct str text; /* description; in the invoice's text */
	int64_t pico;
	unsigned number; /* line of the text, 1-based */
	bool tax, credit;
};

struct invoice {
	struct str vendor;             /* its name as the table or the first line has it */
	struct str rules;              /* whose rules of classification; may be empty */
	struct str number;             /* of the invoice; may be empty */
	struct currency currency;
	int64_t from_us, to_us, total_pico, due_pico; /* due: what is left to pay, after credits and payments */
	struct invoice_line line[INVOICE_LINES];
	unsigned lines, confidence;    /* percent */
	char doubt[200];               /* what lowered it, or what is wrong */
	bool wrong;                    /* it cannot be taken: doubt says why */
};

/* vendors: data/vendors.csv. */
void invoice_read(struct str text, struct str vendors, struct invoice *out);

/* Does the text call itself an invoice, in any of the words that do? */
bool invoice_is(struct str text);

/* "1.234,56 €", "(12.00)", "USD 5.00-": false when it is no amount. mark: '.' or ','. Exact or false. */
bool invoice_amount(struct str s, char mark, int64_t *pico);
/* The first date in s: "2026-10-01", "Oct 1, 2026", "1. Oktober 2026", "31.10.2026", "10/31/2026" (only where one
 * reading is possible). *end is the index behind it. */
bool invoice_date(struct str s, int64_t *us, size_t *end);

#endif
