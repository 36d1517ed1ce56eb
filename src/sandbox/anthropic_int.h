/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend Anthropic's prompts: blocks in the order tools, system, messages, their marks, and what its cache
 * has of them.
 */
#ifndef RR_SANDBOX_ANTHROPIC_INT_H
#define RR_SANDBOX_ANTHROPIC_INT_H

#include "sandbox/sandbox_int.h"

enum { ANTHROPIC_MARKS = 4 };

struct anthropic_block {
	uint64_t hash;   /* of everything up to its end */
	uint64_t tokens; /* of everything up to its end */
	uint64_t keep_us; /* 0 = no mark */
};

struct anthropic_prompt {
	struct anthropic_block *block;
	unsigned count, most, marks;
	uint64_t hash, tokens;
	uint64_t read, written_5m, written_1h;
	bool too_many, wrong_order;
};

/* Counts and hashes; in the arena. p is zeroed. */
void anthropic_prompt_read(struct exchange *x, struct json top, struct anthropic_prompt *p);
/* What is read from the cache and what will be written to it, by the rules of that model. */
void anthropic_prompt_find(struct exchange *x, struct anthropic_prompt *p, struct str model);

#endif
