/* SPDX-License-Identifier: Apache-2.0
 *
 * See alert_state.h.
 */
#include "gate/alert_state.h"

/* A figure that wavers around its limit is not told again and again: it is over when a tenth lies between. */
static bool well_over(enum alert_op op, const struct alert_reading *r)
{
	money_wide tenth = r->limit / 10;
	bool above = op == OP_ABOVE || op == OP_ABOVE_OR_AT;
	return !alert_when_holds(op, above ? r->value + tenth : r->value - tenth, r->limit);
}

enum alert_event alert_step(struct alert_state *s, enum alert_op op, const struct alert_reading *r, int64_t now_us,
			    int64_t again_us)
{
	bool holds = alert_when_holds(op, r->value, r->limit);
	bool same_window = s->told && s->window_us == r->from_us;
	if (s->firing && !same_window)
		s->firing = false; /* its window is over */
	if (s->firing) {
		if (holds || r->from_us || !well_over(op, r))
			return ALERT_NOTHING;
		s->firing = false;
		return ALERT_RESOLVED;
	}
	if (!holds || (r->from_us && same_window) || (s->told && now_us - s->told_us < again_us))
		return ALERT_NOTHING;
	s->firing = s->told = true;
	s->told_us = now_us;
	s->window_us = r->from_us;
	return ALERT_FIRING;
}
