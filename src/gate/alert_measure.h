/* SPDX-License-Identifier: Apache-2.0
 *
 * What a watched figure is now, and what it is held against: the ledger's roll-ups, the caps, the tallies, the disk.
 *
 * Only the watch's thread comes here, with a connection of its own to the ledger. Unknown is not zero: where there
 * is too little to say (no usual yet, no forecast, too few calls for a share, no exchange rate) nothing is emitted.
 */
#ifndef RR_GATE_ALERT_MEASURE_H
#define RR_GATE_ALERT_MEASURE_H

#include "gate/alert_state.h"
#include "gate/gate.h"

struct alert_meter;
struct alert_meter *alert_meter_new(struct gate *g, struct err *e);
void alert_meter_free(struct alert_meter *m);

/* Emits each value of the alert's figure. 0 or a negative code with e filled (nothing more is emitted). */
typedef void alert_emit(const struct alert_reading *r, void *arg);
int alert_measure(struct alert_meter *m, unsigned index, alert_emit *emit, void *arg, struct err *e);
/* How long a look at this figure is good for. */
uint64_t alert_look_us(const struct alert_figure *f);

#endif
