/* SPDX-License-Identifier: Apache-2.0
 *
 * See prepaid.h: daily usage of the vendors that have credit, then one walk through the days.
 */
#include "report/prepaid.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/intern.h"
#include "report/amounts.h"
#include "report/overlap.h"

enum { CREDITS_MOST = 1024, DAYS_MOST = 1 << 18 };

struct credit {
	char id[40];
	uint32_t provider, currency;
	int64_t from_day, end_us; /* INT64_MAX: it does not end */
	money_wide left, expired;
};

struct day {
	int64_t day;
	uint32_t provider, currency;
	money_wide used, drawn; /* drawn: not yet given out */
};

struct prepaid {
	struct credit credit[CREDITS_MOST];
	unsigned credits;
	struct day *days;
	unsigned count, room;
	int64_t from_us;
	struct overlap *overlap;
};

static int64_t day_of(int64_t us)
{
	return us / US_PER_DAY - (us % US_PER_DAY < 0);
}

static int add_credit(const struct outlay *o, void *arg)
{
	struct prepaid *p = arg;
	if (o->kind != OUTLAY_PREPAID || p->credits == CREDITS_MOST)
		return 0;
	struct credit *c = &p->credit[p->credits++];
	str_copy(c->id, sizeof c->id, str_of(o->id));
	c->provider = intern(str_of(o->provider));
	c->currency = intern(str_of(o->currency.code));
	c->from_day = day_of(o->date_us);
	c->end_us = o->life_months ? outlay_end_us(o) : o->retires_us ? o->retires_us : INT64_MAX;
	c->left = o->amount_pico;
	if (c->from_day * US_PER_DAY < p->from_us)
		p->from_us = c->from_day * US_PER_DAY;
	return 0;
}

static int add_usage(const struct rollup_row *whole, void *arg)
{
	struct prepaid *p = arg;
	struct rollup_row x;
	money_wide pico;
	unsigned i = 0;
	if (!overlap_rest(p->overlap, whole, &x) || x.key.book != BOOK_INFERENCE || !row_amount(&x, &pico) || pico <= 0)
		return 0;
	while (i < p->credits && (p->credit[i].provider != x.key.provider || p->credit[i].currency != x.key.currency))
		i++;
	if (i == p->credits)
		return 0;
	if (!array_room(p->days, p->count, p->room, DAYS_MOST))
		return -RR_LIMIT;
	p->days[p->count++] = (struct day){day_of(x.key.hour_us), x.key.provider, x.key.currency, pico, 0};
	return 0;
}

static int by_day(const void *a, const void *b)
{
	const struct day *x = a, *y = b;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->provider != y->provider)
		return x->provider < y->provider ? -1 : 1;
	return x->currency < y->currency ? -1 : x->currency > y->currency;
}

static void expire(struct prepaid *p, int64_t at_us)
{
	for (unsigned i = 0; i < p->credits; i++)
		if (p->credit[i].end_us <= at_us) {
			p->credit[i].expired += p->credit[i].left;
			p->credit[i].left = 0;
		}
}

/* Credits come by date, days in order. */
static void walk(struct prepaid *p, int64_t to_us)
{
	unsigned n = 0;
	if (p->count)
		qsort(p->days, p->count, sizeof *p->days, by_day);
	for (unsigned i = 0; i < p->count; i++) { /* rows of a day become one */
		if (n && by_day(&p->days[n - 1], &p->days[i]) == 0)
			p->days[n - 1].used += p->days[i].used;
		else
			p->days[n++] = p->days[i];
	}
	p->count = n;
	for (unsigned i = 0; i < n; i++) {
		struct day *d = &p->days[i];
		money_wide open = d->used;
		expire(p, d->day * US_PER_DAY);
		for (unsigned k = 0; k < p->credits && open > 0; k++) {
			struct credit *c = &p->credit[k];
			money_wide v = c->left < open ? c->left : open;
			if (c->provider != d->provider || c->currency != d->currency || c->from_day > d->day)
				continue;
			c->left -= v;
			open -= v;
			d->drawn += v;
		}
	}
	expire(p, to_us);
}

int prepaid_read(struct prepaid **out, struct ledger *l, int64_t to_us, struct err *e)
{
	struct prepaid *p = calloc(1, sizeof *p);
	int rc;
	*out = NULL;
	if (!p)
		return err_set(e, RR_NOMEM, "out of memory for prepaid credit");
	p->from_us = INT64_MAX;
	rc = ledger_outlays(l, add_credit, p, e);
	if (rc || !p->credits || p->from_us >= to_us) {
		prepaid_free(p);
		return rc;
	}
	p->overlap = overlap_new();
	rc = p->overlap ? overlap_read(p->overlap, l, p->from_us, to_us, e) : err_set(e, RR_NOMEM, "out of memory");
	if (!rc)
		rc = ledger_rollup_by(l, GRAIN_DAY, p->from_us, to_us, add_usage, p, e);
	if (rc == -RR_LIMIT)
		rc = err_set(e, RR_LIMIT, "too many days of prepaid usage");
	overlap_free(p->overlap);
	p->overlap = NULL;
	if (rc) {
		prepaid_free(p);
		return rc;
	}
	walk(p, to_us);
	*out = p;
	return 0;
}

void prepaid_free(struct prepaid *p)
{
	if (!p)
		return;
	overlap_free(p->overlap);
	free(p->days);
	free(p);
}

money_wide prepaid_take(struct prepaid *p, uint32_t provider, uint32_t currency, int64_t at_us, money_wide pico)
{
	struct day key = {day_of(at_us), provider, currency, 0, 0}, *d;
	money_wide v;
	if (!p || pico <= 0 || !p->count)
		return 0;
	d = bsearch(&key, p->days, p->count, sizeof *d, by_day);
	if (!d)
		return 0;
	v = d->drawn < pico ? d->drawn : pico;
	d->drawn -= v;
	return v;
}

static const struct credit *find(const struct prepaid *p, const struct outlay *o)
{
	for (unsigned i = 0; p && i < p->credits; i++)
		if (strcmp(p->credit[i].id, o->id) == 0)
			return &p->credit[i];
	return NULL;
}

money_wide prepaid_expired(const struct prepaid *p, const struct outlay *o, int64_t *end_us)
{
	const struct credit *c = find(p, o);
	*end_us = c ? c->end_us : INT64_MAX;
	return c ? c->expired : 0;
}

money_wide prepaid_left(const struct prepaid *p, const struct outlay *o)
{
	const struct credit *c = find(p, o);
	return c ? c->left : 0;
}
