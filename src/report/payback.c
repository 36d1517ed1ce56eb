/* SPDX-License-Identifier: Apache-2.0
 *
 * See payback.h.
 */
#include "report/payback.h"

#include "base/intern.h"
#include "report/amounts.h"
#include "report/overlap.h"

#define MONTH_US (730 * 3600 * US_PER_S)

struct sides {
	uint32_t feature, currency;
	int64_t date_us;
	struct overlap *overlap;
	money_wide before_pico, since_pico;
	uint64_t before, since;
};

static int add_row(const struct rollup_row *whole, void *arg)
{
	struct sides *s = arg;
	struct rollup_row x;
	money_wide pico;
	bool since = whole->key.hour_us >= s->date_us;
	if (whole->key.feature != s->feature || whole->key.currency != s->currency ||
	    whole->key.book != BOOK_INFERENCE || !overlap_rest(s->overlap, whole, &x) || !row_amount(&x, &pico))
		return 0;
	*(since ? &s->since_pico : &s->before_pico) += pico;
	*(since ? &s->since : &s->before) += row_calls(&x);
	return 0;
}

int payback_of(struct payback *p, struct ledger *l, const struct outlay *o, int64_t now_us, struct err *e)
{
	struct sides s = {.feature = intern(str_of(o->serves)), .currency = intern(str_of(o->currency.code)),
			.date_us = o->date_us};
	money_wide missing;
	double months;
	int rc;
	memset(p, 0, sizeof *p);
	if (!o->serves[0] || now_us <= o->date_us)
		return 0;
	s.overlap = overlap_new();
	rc = s.overlap ? overlap_read(s.overlap, l, INT64_MIN, now_us, e) : err_set(e, RR_NOMEM, "out of memory");
	if (!rc)
		rc = ledger_rollup(l, INT64_MIN, now_us, add_row, &s, e);
	overlap_free(s.overlap);
	if (rc || !s.before || !s.since)
		return rc;
	p->known = true;
	p->calls_before = s.before;
	p->calls_since = s.since;
	p->saved_pico = money_scale(s.before_pico, (money_wide)s.since, (money_wide)s.before) - s.since_pico;
	missing = o->amount_pico - p->saved_pico;
	months = (double)(now_us - o->date_us) / (double)MONTH_US;
	p->pays = missing <= 0 || p->saved_pico > 0;
	if (missing > 0 && p->saved_pico > 0)
		p->months_left = (double)missing / ((double)p->saved_pico / months);
	return 0;
}
