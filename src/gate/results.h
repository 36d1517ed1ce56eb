/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of an ended batch, each a call of the batch tier (JSON lines: OpenAI's output file, Anthropic's results).
 *
 * A line's key is (batch, custom_id), so a batch that is read twice, or by two workers at once, is billed once. Lines
 * are read one after the other as they come; memory is one line. While the clerk is busy the vendor is not read.
 */
#ifndef RR_GATE_RESULTS_H
#define RR_GATE_RESULTS_H

#include "gate/jobs.h"

enum { RESULT_LINE_BYTES = 64 * 1024 * 1024 };

struct worker;

struct batch { /* what its lines have in common */
	struct worker *worker;
	struct upstream *up;
	const struct surface *surface; /* of a line's answer */
	struct call like;              /* names, provider, region, operation, time */
	struct hash128 note;
	char id[96];
};

/* Reads `path` at the batch's upstream with the request's own headers; jobs_read() tells the end. 0 or -RR_NOMEM. */
int results_read(struct request *r, const struct batch *b, struct str path);
/* One answer of the batch: what a direct call would have got. 0 (also where nothing is to be billed), -RR_LIMIT: the
 * clerk is busy, the same again later. */
int results_take(const struct batch *b, struct str custom_id, struct json answer);

#endif
