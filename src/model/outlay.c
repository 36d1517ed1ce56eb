/* SPDX-License-Identifier: Apache-2.0
 *
 * See outlay.h. Straight line, in exact integers.
 *
 * 1. The life is the instants [date, end): end is date + life_months calendar months (a day that the month
 *    does not have becomes its last day), or the retirement if that is earlier.
 * 2. What is used up at an instant is amount x elapsed / life, rounded half to even once; it never falls and
 *    ends at exactly the amount, so that the charges of any partition of time sum to the amount.
 * 3. An outlay without a life, or one that was retired before it began, is charged whole on its date.
 */
#include "model/outlay.h"

#include "base/err.h"

static const char *const kind_names[OUTLAY_KIND_COUNT] = {
#define X(NAME, cli, ...) cli,
	OUTLAY_KINDS(X)
#undef X
};

static const struct {
	enum book_kind book;
	enum outlay_use use;
} kinds[OUTLAY_KIND_COUNT] = {
#define X(NAME, cli, BOOK, USE, text) {BOOK_##BOOK, OUTLAY_##USE},
	OUTLAY_KINDS(X)
#undef X
};

enum book_kind outlay_kind_book(enum outlay_kind k)
{
	return kinds[k].book;
}

enum outlay_use outlay_kind_use(enum outlay_kind k)
{
	return kinds[k].use;
}

const char *outlay_kind_name(enum outlay_kind k)
{
	return (unsigned)k < OUTLAY_KIND_COUNT ? kind_names[k] : "?";
}

int outlay_kind_parse(struct str s, enum outlay_kind *out)
{
	for (unsigned k = 0; k < OUTLAY_KIND_COUNT; k++)
		if (str_ieq(s, str_of(kind_names[k]))) {
			*out = (enum outlay_kind)k;
			return 0;
		}
	return -RR_NOTFOUND;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
	int64_t next_year = month == 12 ? year + 1 : year;
	unsigned next = month == 12 ? 1 : month + 1;
	return (unsigned)(days_from_civil(next_year, next, 1) - days_from_civil(year, month, 1));
}

/* The same time of day `months` calendar months later. */
static int64_t add_months(int64_t at_us, uint32_t months)
{
	int64_t days = at_us / US_PER_DAY, rest = at_us % US_PER_DAY, year, index;
	unsigned month, day, last;
	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	civil_from_days(days, &year, &month, &day);
	index = year * 12 + (month - 1) + months;
	year = index / 12;
	month = (unsigned)(index % 12) + 1;
	last = days_in_month(year, month);
	return days_from_civil(year, month, day < last ? day : last) * US_PER_DAY + rest;
}

/* More months than this is no life of anything that was bought: the end saturates, nothing wraps. */
enum { LIFE_MONTHS_MAX = 12 * 1000 };

int64_t outlay_end_us(const struct outlay *o)
{
	uint32_t months = o->life_months < LIFE_MONTHS_MAX ? o->life_months : LIFE_MONTHS_MAX;
	int64_t end = months ? add_months(o->date_us, months) : o->date_us;
	if (o->retires_us && o->retires_us < end)
		end = o->retires_us;
	return end;
}

int64_t outlay_amortised_pico(const struct outlay *o, int64_t at_us)
{
	int64_t end = outlay_end_us(o);
	if (at_us < o->date_us)
		return 0;
	if (at_us >= end)
		return o->amount_pico;
	return (int64_t)money_round((money_wide)o->amount_pico * (at_us - o->date_us), (money_wide)end - o->date_us);
}

int64_t outlay_charge_pico(const struct outlay *o, int64_t from_us, int64_t to_us)
{
	/* The charge of an outlay's own instant belongs to the span that holds it: [from, to), hence the
	 * amount of a life of 0 is charged where from <= date < to. */
	if (to_us <= from_us)
		return 0;
	if (outlay_end_us(o) <= o->date_us)
		return from_us <= o->date_us && o->date_us < to_us ? o->amount_pico : 0;
	return outlay_amortised_pico(o, to_us) - outlay_amortised_pico(o, from_us);
}
