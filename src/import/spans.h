/* SPDX-License-Identifier: Apache-2.0
 *
 * Trees of spans, of which only the leaves that used a model count.
 *
 * Agents' spans repeat the sums of the calls within them (OpenTelemetry GenAI, Langfuse), so a span with usage that has
 * a span with usage somewhere below it is no call. Spans come in any order; all are kept, in about 150 bytes each,
 * until the import ends.
 */
#ifndef RR_IMPORT_SPANS_H
#define RR_IMPORT_SPANS_H

#include "import/import_i.h"

struct span {
	uint64_t id, parent; /* hashes of trace and span; parent 0 = none */
	bool used;           /* it has usage of its own: the rest counts */
	bool agent;          /* it says that it is an agent's: never a call */
	int64_t start_us, end_us;
	uint32_t tok[CLASSES];
	uint32_t flags;      /* enum usage_flag */
	uint32_t provider, model_asked, model, surface, env, feature, team, project, key, reference;
	int64_t claimed_pico; /* INT64_MIN: none */
	uint64_t number;     /* of the record */
	int64_t version;     /* of states of one span the newest counts; 0: the last that comes */
	uint8_t tier;
	bool streamed, failed;
	bool uncounted;      /* what it used is no tokens, and we do not know its price */
	uint32_t ttft_us;
};

struct spans {
	struct span *span;
	uint32_t count, room;
	uint32_t *slot, slots; /* index + 1 by id */
	const char *rule;      /* the id of the rule that says that all of it is inference; NULL: trace-span */
};

void span_init(struct span *n);
/* -RR_LIMIT beyond 16 million spans. A span that came before is replaced by the one that has usage. */
int spans_add(struct import_ctx *x, struct spans *s, const struct span *n, struct err *e);
/* The leaves become rows. */
int spans_finish(struct import_ctx *x, struct spans *s, struct err *e);
void spans_fini(struct spans *s);

/* Token counts under whatever names, as a source gives them. */
struct named_counts {
	uint64_t n[CLASSES];
	uint64_t total, extra_in; /* extra_in: input beside the prompt (Gemini's toolUsePromptTokenCount) */
	bool has_total, unknown, any;
	bool beside; /* what details are where no total says it: beside (Anthropic, Langfuse's own keys), else inside */
};
/* Adds one count: its class is read off the name ("cache_read_input_tokens", "promptTokenCount"). Synonyms of one
 * class do not add up: the larger one counts. */
void named_count_add(struct named_counts *c, struct str name, uint64_t value);
/* To disjoint classes: whether the details stand inside input and output, or beside, is told by the total; without one
 * by `beside`. */
void named_counts_read(const struct named_counts *c, uint32_t tok[CLASSES], uint32_t *flags);

/* "vertex_ai", "gcp.gemini", "az.ai.openai", "aws.bedrock" ... to who bills, as the price book names it. */
uint32_t provider_named(struct str name);

#endif
