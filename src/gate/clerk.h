/* SPDX-License-Identifier: Apache-2.0
 *
 * The clerk: ledger entries that are no call of the moment, written off the workers' loops.
 *
 * Outlays of finished jobs, lines of ended batches, deferred answers and outcomes come rarely, may come twice, and
 * need a look into the ledger before they are written. The writer's rings do not look; so this is a thread of its own
 * with a ledger connection of its own: a queue of errands in, one short transaction for all that wait, then each
 * errand's `done`. It holds the ledger's lock like any other process that writes (ledger.h, rule 2).
 */
#ifndef RR_GATE_CLERK_H
#define RR_GATE_CLERK_H

#include "base/hash.h"
#include "ledger/jobs.h"

enum { ERRANDS_MOST = 16384 };

enum errand_kind {
	ERRAND_OUTLAY,  /* once for its id */
	ERRAND_CALL,    /* once for its key */
	ERRAND_MARK,    /* the key alone: what it names was billed in another way */
	ERRAND_OUTCOME, /* once for its call */
	ERRAND_ACT,     /* what `act` does with the ledger, within the transaction (gate/holds.c) */
	ERRAND_JOB,     /* a note of deferred work, as it stands */
	ERRAND_CLAIM,   /* the same with the vendor's object, whose key this is; `first`: nobody else has that object */
	ERRAND_JOB_END, /* the note is no longer needed */
};

struct errand {
	enum errand_kind kind;
	struct hash128 key; /* of a call, a mark, a claim */
	struct call_id
		ask; /* with an outlay or a call: it is the end of the work that was asked for there; hi 0 = of none */
	union {
		struct outlay outlay;
		struct call call;
		struct job_row job;
		struct {
			struct call_id id;
			bool accepted;
		} outcome;
		/* With the errand's arg. */
		int (*act)(struct ledger *l, void *arg, struct err *e);
	};
	/* On the clerk's thread, after the transaction; may be NULL. rc 0: it stands in the ledger, and `first` says
	 * whether it was new; -RR_NOTFOUND: an outcome for no call; -RR_EXISTS: an outcome that is known already;
	 * other codes: nothing was written. */
	void (*done)(const struct errand *e, int rc, bool first);
	void *arg;
};

struct clerk;
struct clerk *clerk_open(const char *ledger_path, struct err *e);
/* Any thread. Copies the errand. -RR_LIMIT when ERRANDS_MOST wait, -RR_NOMEM. */
int clerk_give(struct clerk *c, const struct errand *e);
void clerk_close(struct clerk *c); /* after what waits is written */

#endif
