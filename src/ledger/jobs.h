/* SPDX-License-Identifier: Apache-2.0
 *
 * Open work that a vendor does later: one row from the moment before it is asked for until its end is in the ledger.
 *
 *   (row: asked) --> request to the vendor --> (row: has the vendor's id) --> its end is booked, (no row)
 *
 * The row of `asked` is durable before the vendor sees the request, so whatever dies in between, it says what may have
 * been accepted, for whom, and what a cap holds for it. The vendor's lists say the rest (gate/recover.h). A row goes in
 * the transaction that books the work's end; which object is whose is kept for good, as a key of `once`.
 */
#ifndef RR_LEDGER_JOBS_H
#define RR_LEDGER_JOBS_H

#include "ledger/ledger.h"

enum job_kind { JOB_TUNING, JOB_BATCH, JOB_RESPONSE, JOB_VIDEO, JOB_KINDS };
const char *job_kind_name(enum job_kind k);

struct job_row {
	struct call_id ask;       /* of the request that asks for it */
	enum job_kind kind;
	char provider[33];        /* the upstream's name */
	char id[104];             /* the vendor's; "" = it is not known whether the vendor took it */
	char match[160];          /* what the vendor's object will show of the request: by this it is found in a list */
	int64_t asked_us;
	struct cap_scope who;
	bool own_credential;      /* asked with the caller's own key, which the gateway does not keep */
	struct currency currency; /* what caps hold for it: */
	int64_t most_pico;
	uint64_t most_tok;
};

/* The first three in a write transaction. put: as it stands, new or not. */
int ledger_job_put(struct ledger *l, const struct job_row *j, struct err *e);
/* Gives the row the vendor's object whose key this is, unless another row has it or had it (*first false). */
int ledger_job_claim(struct ledger *l, const struct job_row *j, struct hash128 key, int64_t now_us, bool *first,
		     struct err *e);
/* The work is over, or was never taken: by its request, or by the vendor's id. */
int ledger_job_end(struct ledger *l, struct call_id ask, enum job_kind kind, struct str provider, struct str id,
		   struct err *e);
/* Every open one, oldest first. */
int ledger_jobs(struct ledger *l, int (*fn)(const struct job_row *j, void *arg), void *arg, struct err *e);

#endif
