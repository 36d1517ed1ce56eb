/* SPDX-License-Identifier: Apache-2.0
 *
 * What one vendor's log, usage and bill tell of the same day is one thing seen from several sides: the sums of an
 * import count the largest of them, as reports do (which look at each model, too: report/overlap.h).
 */
#ifndef RR_IMPORT_SIDES_H
#define RR_IMPORT_SIDES_H

#include "ledger/import_store.h"

enum { SIDES = SIDE_BILL + 1 };

struct sides_cell {
	int64_t day;
	uint32_t provider, currency; /* interned; the caller's number */
	money_wide pico[SIDES];
};
struct sides {
	struct sides_cell *cell;
	uint32_t count, room;
	uint32_t last; /* the cell that was found last: rows come by days and vendors */
	struct keymap *at;
};

/* Zeroed: empty. 0 or -RR_NOMEM. */
int sides_add(struct sides *s, const struct sides_cell *key, enum batch_side side, money_wide pico);
/* What the smaller sides hold: to be taken off the sum of all. */
money_wide sides_twice(const struct sides *s, uint32_t currency);
void sides_fini(struct sides *s);

#endif
