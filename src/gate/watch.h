/* SPDX-License-Identifier: Apache-2.0
 *
 * The watch: a thread that tells the outside what happens, so that no worker ever waits for a log, a collector or a
 * hook.
 *
 * Workers leave a copy of each recorded call in a bounded basket; the watch empties it a few times a second and
 * gives each to whoever is configured: the log of calls (log.calls), OpenTelemetry (otlp), and it looks at the
 * alerts. A basket that is full loses calls for telemetry, never for the ledger: they are counted and said. Without
 * any of the three there is no watch.
 */
#ifndef RR_GATE_WATCH_H
#define RR_GATE_WATCH_H

#include "gate/alerts.h"
#include "gate/outbox.h"
#include "gate/telemetry.h"

/* *out NULL when nobody asked for it. 0 or a negative code. */
int watch_open(struct gate *g, struct watch **out, struct err *e);
/* Any worker's thread. */
void watch_see(struct watch *w, const struct call *c, const struct trace *t);
/* Sends what there is, for at most WATCH_END_US, after the workers ended. */
enum { WATCH_END_US = 3000000 };
void watch_close(struct watch *w);
/* The same without freeing it: its figures can still be asked for. No worker may be within watch_see. */
void watch_stop(struct watch *w);
/* Do both ask for the same watch? */
bool watch_same(const struct gate_config *a, const struct gate_config *b);

struct watch_figures {
	uint64_t lost; /* calls that found the basket full */
	bool alerts, otlp;
	struct alert_figures_out alert;
	struct outbox_stats spans, metrics;
};
void watch_figures(struct watch *w, struct watch_figures *out);

#endif
