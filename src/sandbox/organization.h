/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pretend vendors' organisation pages know: usage by minute and by everything that it can be grouped by.
 *
 * An answer is entered once it is planned (what a vendor computes it bills, whatever becomes of the wire). Answers that
 * have no usage of their own (refusals, lists, reads of stored things) enter nothing. Bounded: CELLS_MOST cells; what
 * comes after that is counted as left out.
 */
#ifndef RR_SANDBOX_ORGANIZATION_H
#define RR_SANDBOX_ORGANIZATION_H

#include "base/str.h"

struct exchange;

enum org_endpoint { ORG_COMPLETIONS, ORG_EMBEDDINGS, ORG_MODERATIONS, ORG_IMAGES, ORG_SPEECHES, ORG_TRANSCRIPTIONS,
		ORG_MESSAGES, ORG_TRAINING,
		    ORG_ENDPOINTS };
enum org_count { ORG_CALLS, ORG_IN, ORG_READ, ORG_WRITE, ORG_WRITE_1H, ORG_OUT, ORG_OTHER, ORG_SEARCHES, ORG_COUNTS };

struct org_cell {
	int64_t minute;             /* since the epoch */
	enum org_endpoint endpoint;
	uint64_t org;               /* hash of the key */
	bool batch;
	char model[80], tier[24], geo[24], speed[16];
	uint64_t n[ORG_COUNTS];     /* ORG_IN is all input as OpenAI counts it, what was read and written inside */
};

struct org {
	struct org_cell *cells;
	unsigned count, room;
	uint64_t left_out;
};

void org_note(struct exchange *x);
/* An answer that is made in the background: counted for the time of its end, whoever reads it; taken back when it is
 * cancelled. */
void org_note_response(struct exchange *x, uint64_t org, struct str answer, int64_t at_us, bool back);
/* A tuning job that has ended: billed by tokens trained, in the costs alone. */
void org_note_training(struct exchange *x, uint64_t org, const char *model, uint64_t tokens);
void org_fini(struct org *o);

/* GET /v1/organization/... and /v1/organizations/...: pages of usage and of costs. */
void openai_organization(struct exchange *x);
void anthropic_organization(struct exchange *x);

#endif
