/* SPDX-License-Identifier: Apache-2.0
 *
 * When an alert is told: once for each window, not again before `again`, and over by a clear margin. Pure: readings and
 * times in, events out.
 */
#ifndef RR_GATE_ALERT_STATE_H
#define RR_GATE_ALERT_STATE_H

#include "gate/alert_when.h"

struct alert_reading {
	uint32_t subject;           /* which model, cap or upstream; 0: the figure has one value */
	money_wide value, limit;    /* 10^-12 of the currency, of one, of the whole */
	struct currency currency;   /* of money */
	int64_t from_us, to_us;     /* the window; both 0: none */
};

struct alert_state { /* of one subject; zeroed: never seen */
	uint32_t subject;
	bool used, firing, told;
	int64_t window_us; /* in which it was told */
	int64_t told_us;
	unsigned pass;     /* the caller's: the look that saw it last */
};

enum alert_event { ALERT_NOTHING, ALERT_FIRING, ALERT_RESOLVED };
/* A figure with a window fires at most once in it and ends silently with it; one without fires when it becomes true,
 * and is resolved when a tenth of the limit lies between. Never twice within again_us. */
enum alert_event alert_step(struct alert_state *s, enum alert_op op, const struct alert_reading *r, int64_t now_us,
			    int64_t again_us);

#endif
