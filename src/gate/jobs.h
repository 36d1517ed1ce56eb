/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that the vendor does later: tuning jobs, batches, answers in the background.
 *
 * Their objects bill when they end, not when they are asked about, and they are asked about any number of times. So:
 * 1. An answer that may show such an object is read whole before it is released (jobs_reads, jobs_look).
 * 2. An object that has ended is handed to the clerk under a key that is its own; the answer that showed it is
 *    released when the entry stands in the ledger, and refused when it cannot. Nothing is booked twice (C32, C33,
 *    C63), nothing that was shown is lost.
 * 3. What was reserved when the work was asked for is kept in a bounded table under the object's id until its end is
 *    seen; the oldest entry gives way, and counts as spent in full.
 * 4. The lines of an ended batch are read by the gateway itself, with the credentials of the request that saw its end
 *    (results.h): they are billed whether or not anybody fetches them.
 */
#ifndef RR_GATE_JOBS_H
#define RR_GATE_JOBS_H

#include "base/hash.h"
#include "gate/training.h"

enum { JOB_NOTES = 4096, JOB_FILES = 8192, LOOKED_MOST_BYTES = 16 * 1024 * 1024 };

struct request;
struct upstream;
struct gate;

struct job_note { /* what was known when the work was asked for */
	struct hash128 key;
	int64_t at_us;                /* 0 = a free place */
	struct cap_ticket inference;
	struct training_ticket training;
	struct cap_scope who;
	struct call_id operation;
	bool reading;                 /* a batch whose lines are being read, or were */
};

struct jobs;
struct jobs *jobs_new(struct gate *g, struct err *e);
void jobs_free(struct jobs *j);

/* Must the answer be read whole? Asked when its head is there. */
bool jobs_reads(const struct request *r);
/* Reserves what a job may cost; refuses. */
int jobs_cap(struct request *r, struct cap_refusal *no);
/* Looks at the answer. How many errands were given; the request waits for them. */
void jobs_look(struct request *r);
/* The answer comes later: what is reserved stays reserved. */
void jobs_keep(struct request *r);
/* A batch's lines were read to their end, or could not be. */
void jobs_read(struct jobs *j, struct hash128 key, bool whole);

/* A call of deferred work: names of `who`, id, provider, region; usage and price are filled by jobs_bill. */
struct call jobs_call(struct request *r, const struct cap_scope *who, const char *surface);
struct hash128 jobs_key(const struct upstream *up, const char *kind, struct str id, struct str part);

#endif
