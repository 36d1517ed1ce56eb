/* SPDX-License-Identifier: Apache-2.0
 *
 * What a vendor's answer shows of deferred work: objects that began, that ended, that were sent.
 *
 * Objects are told by what they say they are, not by the path that showed them: one in a list counts like one that was
 * asked for alone. Who looks may be a client's request or the gateway itself (recover.h). An object that has ended is
 * handed to the clerk under a key that is its own; whoever looked goes on when the entry stands in the ledger. So
 * nothing is booked twice (C32, C33, C63), and nothing that was shown is lost.
 */
#ifndef RR_GATE_SIGHT_H
#define RR_GATE_SIGHT_H

#include "base/json.h"
#include "model/call.h"
#include "model/cap.h"
#include "net/http.h"

struct request;
struct worker;
struct upstream;
struct jobs;
struct job_row;

struct looker {
	struct request *request;       /* NULL: the gateway itself */
	struct worker *worker;
	struct upstream *up;
	struct cap_scope who;          /* for whom things count that nobody is known to have asked for here */
	int64_t at_us;
	struct call_id ask;            /* this is the answer to that ask; hi 0 = to none */
	const struct header *header;   /* with what the lines of a batch are asked for; 0 of them: not now */
	unsigned headers;
	unsigned errands;              /* given to the clerk, not done yet */
	bool failed;                   /* something that it saw could not be recorded */
	void (*done)(struct looker *l); /* the last errand is done; on the worker's loop */
};

/* An answer's body, whole. */
void sight_look(struct looker *l, struct str body);
/* The vendor's object with that id is what the row's ask led to (see ERRAND_CLAIM). */
void sight_claim(struct looker *l, const struct job_row *row, struct str id);
/* Writes a note as it stands. `must`: the looker fails where it cannot be written. */
void sight_note(struct looker *l, const struct job_row *row, bool must);
/* A streamed answer was billed by itself: not again when it is read. */
void sight_mark(struct looker *l, struct str response_id);

/* A call of deferred work: names of `who`, provider, region; usage and price are filled by the caller. */
struct call sight_call(const struct looker *l, const struct cap_scope *who, const char *surface);
/* Ids become part of a path: nothing but what ids are made of. */
bool sight_plain_id(struct str id);
/* Seconds since 1970, or ISO 8601; the fallback where it is neither. */
int64_t sight_time(struct json v, int64_t fallback);

#endif
