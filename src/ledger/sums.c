/* SPDX-License-Identifier: Apache-2.0
 *
 * See sums.h. Amounts are added in 64 bits; where that would overflow, the part gets another cell.
 */
#include "ledger/sums.h"

#include <stdlib.h>

#include "ledger/store.h"

/* The parts: counts, then amounts. */
enum { P_CALLS, P_ACCEPTED, P_TOOLS, P_TOK, P_MONEY = P_TOK + CLASSES, PARTS = P_MONEY + 5 };

static money_wide *money_part(struct rollup_sum *s, unsigned part)
{
	switch (part - P_MONEY) {
	case 0:
		return &s->cost_pico;
	case 1:
		return &s->low_pico;
	case 2:
		return &s->high_pico;
	case 3:
		return &s->billed_pico;
	default:
		return &s->saved_pico;
	}
}

static uint64_t *count_part(struct rollup_sum *s, unsigned part)
{
	return part == P_CALLS	    ? &s->calls
	       : part == P_ACCEPTED ? &s->accepted
	       : part == P_TOOLS    ? &s->tools
				    : &s->tok[part - P_TOK];
}

static uint32_t slot_of(const struct sums *s, int64_t hour, int64_t label)
{
	uint64_t h = ((uint64_t)hour * UINT64_C(0x9E3779B97F4A7C15)) ^ ((uint64_t)label * UINT64_C(0xC2B2AE3D27D4EB4F));
	uint32_t mask = s->slots - 1, at = (uint32_t)(h >> 24) & mask;
	while (s->slot[at] && (s->head[s->slot[at] - 1].hour != hour || s->head[s->slot[at] - 1].label != label))
		at = (at + 1) & mask;
	return at;
}

static int grow(struct sums *s)
{
	uint32_t room = s->room ? s->room * 2 : 64, slots = room * 2;
	struct sum_head *head = realloc(s->head, room * sizeof *head);
	uint32_t *slot = head ? calloc(slots, sizeof *slot) : NULL;
	if (head)
		s->head = head;
	if (!slot)
		return -RR_NOMEM;
	free(s->slot);
	s->slot = slot;
	s->slots = slots;
	s->room = room;
	for (uint32_t i = 0; i < s->count; i++)
		s->slot[slot_of(s, s->head[i].hour, s->head[i].label)] = i + 1;
	return 0;
}

static int add(struct sums *s, struct sum_head *head, uint32_t part, int64_t value)
{
	uint32_t *link = &head->first;
	for (; *link; link = &s->cell[*link - 1].next) {
		struct sum_cell *c = &s->cell[*link - 1];
		int64_t sum;
		if (c->part == part && !__builtin_add_overflow(c->value, value, &sum)) {
			c->value = sum;
			return 0;
		}
	}
	if (s->cells == s->cell_room) {
		uint32_t room = s->cell_room ? s->cell_room * 2 : 128;
		struct sum_cell *cell = realloc(s->cell, room * sizeof *cell);
		if (!cell)
			return -RR_NOMEM;
		s->cell = cell;
		s->cell_room = room;
	}
	s->cell[s->cells] = (struct sum_cell){value, head->first, part};
	head->first = ++s->cells;
	return 0;
}

int sums_fold(struct sums *s, const struct call *c, int64_t label, int sign)
{
	int64_t hour = hour_of(c->start_us);
	struct rollup_sum sum;
	struct sum_head *head;
	uint32_t at;
	int rc = s->count == s->room ? grow(s) : 0;
	if (rc)
		return rc;
	at = slot_of(s, hour, label);
	if (!s->slot[at]) {
		s->head[s->count] = (struct sum_head){hour, label, 0};
		s->slot[at] = ++s->count;
	}
	head = &s->head[s->slot[at] - 1];
	rollup_sum_of(c, &sum);
	for (unsigned part = 0; part < PARTS && !rc; part++) {
		/* of one call: every part fits into 64 bits */
		int64_t value = part < P_MONEY ? (int64_t)*count_part(&sum, part) : (int64_t)*money_part(&sum, part);
		if (value)
			rc = add(s, head, part, sign < 0 ? -value : value);
	}
	return rc;
}

size_t sums_bytes(const struct sums *s)
{
	return s->count * (sizeof *s->head + 2 * sizeof *s->slot) + s->cells * sizeof *s->cell;
}

static int by_place(const void *a, const void *b)
{
	const struct sum_head *x = a, *y = b;
	if (x->hour != y->hour)
		return x->hour < y->hour ? -1 : 1;
	return (x->label > y->label) - (x->label < y->label);
}

void sums_sort(struct sums *s)
{
	if (s->count)
		qsort(s->head, s->count, sizeof *s->head, by_place);
}

void sums_get(const struct sums *s, uint32_t at, struct rollup_sum *out)
{
	memset(out, 0, sizeof *out);
	for (uint32_t i = s->head[at].first; i; i = s->cell[i - 1].next) {
		const struct sum_cell *c = &s->cell[i - 1];
		if (c->part < P_MONEY)
			*count_part(out, c->part) += (uint64_t)c->value;
		else
			*money_part(out, c->part) += c->value;
	}
}

void sums_drop(struct sums *s)
{
	if (s->slots)
		memset(s->slot, 0, s->slots * sizeof *s->slot);
	s->count = s->cells = 0;
}

void sums_fini(struct sums *s)
{
	free(s->head);
	free(s->cell);
	free(s->slot);
	memset(s, 0, sizeof *s);
}
