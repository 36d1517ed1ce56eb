/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that the vendor does later: tuning jobs, batches, answers in the background. What was asked for.
 *
 * Their objects bill when they end, not when they are asked about, and they are asked about any number of times. So:
 * 1. Before such work is asked for, a note of it is durable (ledger/jobs.h); before the answer that names the vendor's
 *    object is released, the note has that name. A crash between the two leaves a note in doubt, which the vendor's
 *    lists resolve (recover.h). The gateway never asks for work a second time.
 * 2. What was reserved for it is kept in a bounded table under the object's id until its end is seen, and held again
 *    from the ledger after a restart; in the table the oldest entry gives way, and counts as spent in full.
 * 3. What an answer shows of such objects is read before it is released: sight.h.
 */
#ifndef RR_GATE_JOBS_H
#define RR_GATE_JOBS_H

#include "gate/sight.h"
#include "gate/training.h"
#include "ledger/jobs.h"

enum { JOB_NOTES = 4096, JOB_FILES = 8192, JOB_CALLERS = 256, LOOKED_MOST_BYTES = 16 * 1024 * 1024 };

struct request;
struct gate;

struct job_note {
	struct hash128 key;           /* jobs_key of the vendor's object, or of the ask while that is not known */
	struct job_row row;           /* as the ledger has it; row.asked_us 0 = a free place */
	struct cap_ticket inference;
	struct training_ticket training;
	bool live;                    /* its request is under way in this process */
	bool reading;                 /* a batch whose lines are being read, or were */
};

struct jobs *jobs_new(struct gate *g, struct err *e);
void jobs_free(struct jobs *j);
/* At start: what is open is held again. */
int jobs_restore(struct jobs *j, struct ledger *l, struct err *e);
/* There are other caps than before: what is open is held on them too. */
void jobs_hold(struct jobs *j);

/* Reserves what a job may cost; refuses. */
int jobs_cap(struct request *r, struct cap_refusal *no);
/* The note before deferred work is asked for. NEXT, WAIT or a refusal. */
int jobs_note(struct request *r);
/* Must the answer be read whole? Asked when its head is there. */
bool jobs_reads(const struct request *r);
/* Looks at the answer; the request waits for r->look's errands. */
void jobs_look(struct request *r);
/* The request is over: what it asked for and got no answer about was not taken, or is in doubt from here on. */
void jobs_leave(struct request *r);

/* The table. `take` removes it. */
bool jobs_find(struct jobs *j, struct hash128 key, bool take, struct job_note *out);
void jobs_remember(struct jobs *j, const struct job_note *note);
/* What was held is free again, and the note is closed. */
void jobs_drop(struct jobs *j, struct job_note *note);
void jobs_remember_file(struct jobs *j, struct hash128 key, uint64_t bytes);
/* A batch's lines were read to their end and stand in the ledger, or do not. */
void jobs_read(struct jobs *j, struct hash128 key, bool whole);
/* Is there open work that was asked for with this caller's own key, and not looked at for `every_us`? */
bool jobs_due(struct jobs *j, uint32_t key, struct str provider, uint64_t now_us, uint64_t every_us);

void jobs_forget_caller(struct jobs *j, uint32_t key, struct str provider); /* it has no open work any more */

struct hash128 jobs_key(struct str provider, const char *kind, struct str id, struct str part);
struct hash128 jobs_ask_key(struct call_id ask);

#endif
