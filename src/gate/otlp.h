/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenTelemetry out: one client span a recorded call, and the gateway's metrics, to a configured collector, by
 * OTLP/HTTP in its JSON form (opentelemetry-proto, docs/specification.md: ids in hex, 64-bit integers as text, enums
 * as numbers).
 *
 * The client's traceparent is honoured: its span is our span's parent, and what it did not sample is not exported
 * (the metrics count it all the same). Without one the trace's id is the operation's, so that attempts of one
 * operation are one trace, and a span's id follows from the call's: the ledger can be searched by either. Metrics
 * are cumulative since the start of the process. Only the watch's thread comes here.
 */
#ifndef RR_GATE_OTLP_H
#define RR_GATE_OTLP_H

#include "gate/outbox.h"
#include "gate/telemetry.h"

struct otlp;
struct otlp *otlp_open(struct gate *g, struct err *e);
void otlp_span(struct otlp *o, const struct sight *s);
/* Sends what is due; last: all there is. */
void otlp_tick(struct otlp *o, bool last);
void otlp_hurry(struct otlp *o, uint64_t until_us);
void otlp_close(struct otlp *o);
/* Spans dropped or refused by the collector count as failed. Any thread. */
void otlp_stats(struct otlp *o, struct outbox_stats *spans, struct outbox_stats *metrics);

#endif
