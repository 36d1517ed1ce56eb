/* SPDX-License-Identifier: Apache-2.0
 *
 * The training book's caps, live: what running jobs hold, and what finished ones cost.
 *
 * A job is reserved when it is asked for (file bytes x epochs x the training price: a token is at least a byte) and
 * settled when its end is seen. Where bytes, epochs or price are not known, money cannot be bounded: then only a cap
 * that also counts jobs can admit it. Shared by all workers under one lock, not taken where no such cap is.
 */
#ifndef RR_GATE_TRAINING_H
#define RR_GATE_TRAINING_H

#include "gate/caps.h"

struct training;

struct training_ticket { /* zeroed = none */
	unsigned count;
	struct currency currency;
	struct {
		char id[24];
		uint64_t born;
		struct cap_hold hold;
	} held[TICKET_CAPS];
};

struct training_ask {
	struct cap_scope who;
	const char *unbounded;  /* why its cost cannot be bounded; NULL = most_pico bounds it */
	struct currency currency;
	int64_t most_pico;
};

struct training *training_new(const struct clock *clock, struct fx fx, struct err *e);
void training_free(struct training *t);
/* As caps_load. */
int training_load(struct training *t, struct ledger *l, const struct cap_row *extra, unsigned extra_count,
		  struct err *e);
int training_reserve(struct training *t, const struct training_ask *ask, struct training_ticket *ticket,
		     struct cap_refusal *no);
/* As caps_hold; one job. */
void training_hold(struct training *t, const struct training_ask *ask, int64_t at_us, struct training_ticket *ticket);
/* Exactly once for each ticket. jobs 0: it came to nothing. Harmless for an empty ticket. */
void training_settle(struct training *t, struct training_ticket *ticket, int64_t used_pico, unsigned jobs);
/* An outlay for which nothing is held any more (a restart lies between). */
void training_spend(struct training *t, const struct cap_scope *who, struct currency currency, int64_t pico);
unsigned training_list(struct training *t, struct cap_live *out, unsigned most);

#endif
