/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of an ended batch, each a call of the batch tier (JSON lines: OpenAI's output file, Anthropic's results,
 * Gemini's responses file).
 *
 * A line's key is (batch, custom_id), so a batch that is read twice, or by two workers at once, is billed once. Lines
 * are read one after the other as they come; memory is one line. While the clerk is busy the vendor is not read. A
 * batch is over when its last line stands in the ledger: until then its note stays open, and it is read again.
 */
#ifndef RR_GATE_RESULTS_H
#define RR_GATE_RESULTS_H

#include <stdatomic.h>

#include "gate/jobs.h"
#include "model/dialect.h"
#include "net/loop.h"

enum { RESULT_LINE_BYTES = 64 * 1024 * 1024 };

struct batch { /* what its lines have in common; on the heap, freed with its last line */
	struct worker *worker;
	struct upstream *up;
	const struct surface *surface; /* of a line's answer */
	struct call like;              /* names, provider, region, operation, time */
	struct hash128 note;
	struct job_row row;            /* its note, to be closed */
	char id[104];
	atomic_uint refs;              /* its reader, and lines with the clerk */
	atomic_bool lost;              /* a line could not be recorded */
	bool whole;                    /* the reader's word */
	struct post post;
};

/* Reads `path` at the batch's upstream; jobs_read() tells the end. The batch is the reader's from here on. */
void results_read(const struct looker *l, struct batch *b, struct str path);
/* One answer of the batch: what a direct call would have got. 0 (also where nothing is to be billed), -RR_LIMIT: the
 * clerk is busy, the same again later. */
int results_take(struct batch *b, struct str custom_id, struct json answer);
/* The reader has no more lines; `whole`: it had all of them. */
void results_end(struct batch *b, bool whole);

#endif
