/* SPDX-License-Identifier: Apache-2.0
 *
 * Lazy deadlines: thousands of connections, each with one, and no heap touched by an event.
 *
 * A connection stores its moment and goes on; moving it later is one store. A timer sleeps until the
 * nearest moment that was known when it last looked, then looks at all. The owner, told of a moment that
 * has passed, computes what is really due: it ends something or gives a later moment. A deadline fires
 * within its value and DEADLINE_GRAIN_US more.
 */
#ifndef RR_NET_DEADLINE_H
#define RR_NET_DEADLINE_H

#include "net/loop.h"

enum { DEADLINE_GRAIN_US = 50 * 1000 };
#define DEADLINE_NEVER UINT64_MAX

struct deadline {
	struct deadline *next, *prev;
	uint64_t at_us;
};

struct deadlines {
	struct loop *loop;
	struct timer timer;
	uint64_t look_us; /* when the timer will look */
	struct deadline list;
	struct deadline *cursor; /* where a look stands, so that members may leave meanwhile */
	void (*on_late)(struct deadlines *all, struct deadline *d);
};

void deadlines_init(struct deadlines *all, struct loop *l, void (*on_late)(struct deadlines *, struct deadline *));
void deadlines_fini(struct deadlines *all);
void deadline_join(struct deadlines *all, struct deadline *d, uint64_t at_us);
void deadline_leave(struct deadlines *all, struct deadline *d);
void deadlines_look_at(struct deadlines *all, uint64_t at_us);
static inline void deadline_move(struct deadlines *all, struct deadline *d, uint64_t at_us)
{
	d->at_us = at_us;
	if (at_us < all->look_us)
		deadlines_look_at(all, at_us);
}

#endif
