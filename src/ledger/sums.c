/* SPDX-License-Identifier: Apache-2.0
 *
 * See sums.h. Amounts are added in 64 bits; where that would overflow, the part gets another cell.
 */
#include "ledger/sums.h"

#include <stdlib.h>

#include "base/array.h"

static uint32_t first_slot(const struct sums *s, int64_t at, int64_t label)
{
	uint64_t h = ((uint64_t)at * UINT64_C(0x9E3779B97F4A7C15)) ^ ((uint64_t)label * UINT64_C(0xC2B2AE3D27D4EB4F));
	return (uint32_t)(h >> 24) & (s->slots - 1);
}

static uint32_t slot_of(const struct sums *s, int64_t at, int64_t label)
{
	uint32_t mask = s->slots - 1, slot = first_slot(s, at, label);
	while (s->slot[slot] && (s->sum[s->slot[slot] - 1].at != at || s->sum[s->slot[slot] - 1].label != label))
		slot = (slot + 1) & mask;
	return slot;
}

static int grow(struct sums *s)
{
	uint32_t room = s->room ? s->room * 2 : 64, slots = room * 2;
	struct sum *sum = realloc(s->sum, room * sizeof *sum);
	uint32_t *slot = sum ? calloc(slots, sizeof *slot) : NULL;
	if (sum)
		s->sum = sum;
	if (!slot)
		return -RR_NOMEM;
	free(s->slot);
	s->slot = slot;
	s->slots = slots;
	s->room = room;
	for (uint32_t i = 0; i < s->count; i++)
		s->slot[slot_of(s, s->sum[i].at, s->sum[i].label)] = i + 1;
	return 0;
}

static int add(struct sums *s, struct sum *sum, unsigned part, int64_t value)
{
	int64_t both;
	for (unsigned i = 0; i < sum->parts; i++)
		if (sum->part[i] == part && !__builtin_add_overflow(sum->value[i], value, &both)) {
			sum->value[i] = both;
			return 0;
		}
	for (uint32_t at = sum->more; at; at = s->cell[at - 1].next) {
		struct sum_cell *c = &s->cell[at - 1];
		if (c->part == part && !__builtin_add_overflow(c->value, value, &both)) {
			c->value = both;
			return 0;
		}
	}
	if (sum->parts < SUM_OWN) {
		sum->part[sum->parts] = (uint8_t)part;
		sum->value[sum->parts++] = value;
		return 0;
	}
	if (!array_room(s->cell, s->cells, s->cell_room, ARRAY_MOST))
		return -RR_NOMEM;
	s->cell[s->cells] = (struct sum_cell){value, sum->more, part};
	sum->more = ++s->cells;
	return 0;
}

static int sum_at(struct sums *s, int64_t at, int64_t label, struct sum **out)
{
	uint32_t slot;
	int rc = s->count == s->room ? grow(s) : 0;
	if (rc)
		return rc;
	slot = slot_of(s, at, label);
	if (!s->slot[slot]) {
		s->sum[s->count] = (struct sum){.at = at, .label = label};
		s->slot[slot] = ++s->count;
	}
	*out = &s->sum[s->slot[slot] - 1];
	return 0;
}

static int add_wait(struct sums *s, const struct sum_wait *w)
{
	struct sum *sum;
	int rc = sum_at(s, w->at, w->label, &sum);
	for (unsigned i = 0; i < w->parts && !rc; i++)
		rc = add(s, sum, w->part[i].part, w->sign < 0 ? -w->part[i].value : w->part[i].value);
	return rc;
}

int sums_settle(struct sums *s)
{
	int rc = 0;
	for (; s->added != s->came && !rc; s->added++)
		rc = add_wait(s, &s->wait[s->added % SUMS_WAIT]);
	return rc;
}

/* Its slot is asked for when it comes, and halfway the sum that the slot names. */
int sums_fold(struct sums *s, const struct call *c, int64_t label, int sign)
{
	struct sum_wait *w = &s->wait[s->came % SUMS_WAIT];
	int rc = 0;
	if (s->came - s->added == SUMS_WAIT) {
		rc = add_wait(s, w);
		s->added++;
	}
	w->at = hour_of(c->start_us);
	w->label = label;
	w->sign = sign;
	w->parts = rollup_parts(c, w->part);
	s->came++;
	if (s->slots) {
		__builtin_prefetch(&s->slot[first_slot(s, w->at, label)], 1);
		w = &s->wait[(s->came + SUMS_WAIT / 2) % SUMS_WAIT];
		if (s->came - s->added == SUMS_WAIT && s->slot[first_slot(s, w->at, w->label)])
			__builtin_prefetch(&s->sum[s->slot[first_slot(s, w->at, w->label)] - 1], 1);
	}
	return rc;
}

int sums_bound(struct sums *s)
{
	return s->count > s->room - s->room / 8 ? grow(s) : 0;
}

int sums_by_day(const struct sums *hours, struct sums *days)
{
	int rc = 0;
	for (uint32_t i = 0; i < hours->count && !rc; i++) {
		const struct sum *h = &hours->sum[i];
		struct sum *day;
		rc = sum_at(days, day_of_hour(h->at), h->label, &day);
		for (unsigned n = 0; n < h->parts && !rc; n++)
			rc = add(days, day, h->part[n], h->value[n]);
		for (uint32_t at = h->more; at && !rc; at = hours->cell[at - 1].next)
			rc = add(days, day, hours->cell[at - 1].part, hours->cell[at - 1].value);
	}
	return rc;
}

size_t sums_bytes(const struct sums *s)
{
	return s->count * (sizeof *s->sum + 2 * sizeof *s->slot) + s->cells * sizeof *s->cell;
}

static int by_place(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->label > y->label) - (x->label < y->label);
}

void sums_sort(struct sums *s)
{
	if (s->count)
		qsort(s->sum, s->count, sizeof *s->sum, by_place);
}

void sums_get(const struct sums *s, uint32_t at, struct rollup_sum *out)
{
	const struct sum *sum = &s->sum[at];
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < sum->parts; i++)
		rollup_part_add(out, sum->part[i], sum->value[i]);
	for (uint32_t i = sum->more; i; i = s->cell[i - 1].next)
		rollup_part_add(out, s->cell[i - 1].part, s->cell[i - 1].value);
}

void sums_drop(struct sums *s)
{
	if (s->slots)
		memset(s->slot, 0, s->slots * sizeof *s->slot);
	s->count = s->cells = 0;
	s->added = s->came;
}

void sums_fini(struct sums *s)
{
	free(s->sum);
	free(s->cell);
	free(s->slot);
	memset(s, 0, sizeof *s);
}
