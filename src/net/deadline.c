/* SPDX-License-Identifier: Apache-2.0
 *
 * See deadline.h.
 */
#include "net/deadline.h"

static void look(struct timer *t)
{
	struct deadlines *all = (struct deadlines *)(void *)((char *)t - offsetof(struct deadlines, timer));
	uint64_t now = loop_now_us(all->loop), nearest = DEADLINE_NEVER;
	all->look_us = DEADLINE_NEVER;
	for (struct deadline *d = all->list.next; d != &all->list; d = all->cursor) {
		all->cursor = d->next;
		if (d->at_us <= now) {
			d->at_us = DEADLINE_NEVER;
			all->on_late(all, d); /* d may be gone, or was given a later moment by deadline_move() */
		} else if (d->at_us < nearest) {
			nearest = d->at_us;
		}
	}
	all->cursor = NULL;
	deadlines_look_at(all, nearest);
}

void deadlines_look_at(struct deadlines *all, uint64_t at_us)
{
	uint64_t now = loop_now_us(all->loop), soonest = now + DEADLINE_GRAIN_US;
	if (at_us == DEADLINE_NEVER)
		return;
	if (at_us < soonest)
		at_us = soonest;
	if (at_us >= all->look_us)
		return;
	all->look_us = at_us;
	timer_set(all->loop, &all->timer, at_us - now, look);
}

void deadlines_init(struct deadlines *all, struct loop *l, void (*on_late)(struct deadlines *, struct deadline *))
{
	memset(all, 0, sizeof *all);
	all->loop = l;
	all->on_late = on_late;
	all->look_us = DEADLINE_NEVER;
	all->list.next = all->list.prev = &all->list;
}

void deadlines_fini(struct deadlines *all)
{
	timer_clear(all->loop, &all->timer);
}

void deadline_join(struct deadlines *all, struct deadline *d, uint64_t at_us)
{
	d->prev = all->list.prev;
	d->next = &all->list;
	d->prev->next = d->next->prev = d;
	deadline_move(all, d, at_us);
}

void deadline_leave(struct deadlines *all, struct deadline *d)
{
	if (!d->next)
		return;
	if (all->cursor == d)
		all->cursor = d->next;
	d->prev->next = d->next;
	d->next->prev = d->prev;
	d->next = d->prev = NULL;
}
