/* SPDX-License-Identifier: Apache-2.0
 *
 * Alerts: conditions of the configuration, looked at now and then, told by a hook when they become true.
 *
 * 1. An alert is told once for each subject (a cap, a model, an upstream) and window, and not again before `again`.
 *    A figure without a window is told when it becomes true, and once more ("resolved") when it is on the right side
 *    by a tenth.
 * 2. What is told: docs/guide/observability.md has the payload. Names and figures, no prompt, no key, no address.
 * 3. After a restart what still holds is told again, under the same id: at least once, never silently not. Only the
 *    watch's thread comes here.
 */
#ifndef RR_GATE_ALERTS_H
#define RR_GATE_ALERTS_H

#include "gate/gate.h"
#include "gate/outbox.h"

struct alerts;
struct alerts *alerts_open(struct gate *g, struct err *e);
void alerts_tick(struct alerts *a);
void alerts_hurry(struct alerts *a, uint64_t until_us);
void alerts_close(struct alerts *a);
struct alert_figures_out { /* any thread */
	uint64_t fired, resolved;
	unsigned firing;
	struct outbox_stats sent;
};
void alerts_stats(struct alerts *a, struct alert_figures_out *out);

#endif
