/* SPDX-License-Identifier: Apache-2.0
 *
 * /metrics in the Prometheus text format 0.0.4: the process, the gateway's counters, models, caps, the ledger, and what
 * was sent elsewhere. Every family stands once, with its HELP and TYPE; label values are escaped; money is in units of
 * its currency, exact.
 */
#ifndef RR_GATE_EXPOSITION_H
#define RR_GATE_EXPOSITION_H

#include "gate/gate.h"

enum { EXPOSITION_BYTES = 8 * 1024 * 1024 };
void exposition_write(struct gate *g, struct sb *out);
/* A counter of struct gate_stats over all workers. */
unsigned long long gate_total(const struct gate *g, size_t member);
/* The ledger's disk. 0 or -RR_IO. */
int gate_disk(const struct gate *g, uint64_t *free_bytes, uint64_t *size_bytes);
/* All workers' tallies in one that the caller frees by tally_fini. 0 or -RR_NOMEM. */
int gate_tally(struct gate *g, struct tally *sum);

#endif
