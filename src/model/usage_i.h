/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of usage blocks share. Only for the files usage*.c and meter.c.
 */
#ifndef RR_MODEL_USAGE_I_H
#define RR_MODEL_USAGE_I_H

#include "model/usage.h"

/* Counts above 2^53 cannot be told apart by half of the JSON libraries in the world: no vendor means one. */
#define COUNT_MAX (UINT64_C(1) << 53)

/* An object whose members were noted in one walk, since a reader asks for thirty names of which eight are there.
 * Larger than any vendor's block, or with escaped names: asked as text each time, with the same answers. */
enum { BLOCK_MEMBERS = 16 };
struct block {
	struct json object;
	bool noted;
	unsigned count;
	uint64_t hints; /* bit block_hint(): there may be such a name */
	struct {
		struct str key;
		struct json value;
	} member[BLOCK_MEMBERS];
};
/* By length and two letters that differ among the vendors' names; folded by the compiler where it is a literal. */
static inline uint64_t block_hint(struct str key)
{
	unsigned letters = key.n ? (unsigned char)key.p[0] * 3u + (unsigned char)key.p[key.n / 2] : 0;
	return UINT64_C(1) << ((key.n * 5 + letters) % 64);
}
void block_open(struct block *b, struct json object);
struct json block_find(const struct block *b, struct str key);
/* As json_get. Inlined always, since then a name that is written out costs one bit to rule out. */
#define NAMED static inline __attribute__((always_inline))
NAMED struct json block_get(const struct block *b, const char *key)
{
	struct str name = str_of(key);
	if (b->hints & block_hint(name))
		return block_find(b, name);
	return (struct json){JSON_NONE, {NULL, 0}};
}

/* Reads counts of one block. The first wrong one (negative, fractional, text, above COUNT_MAX) is
 * remembered in `fault`; absent and null are 0. */
struct counts {
	int fault;     /* 0, -RR_SYNTAX or -RR_RANGE */
	unsigned seen; /* how many counts were there */
	bool unknown;  /* tokens stand there under a name that no reader knows: of a class that has no price here */
};
/* True when the member is there and a count. */
bool count_value(struct counts *c, struct json v, uint64_t *out);
NAMED bool count_take(struct counts *c, const struct block *b, const char *key, uint64_t *out)
{
	struct json v = block_get(b, key);
	return v.type != JSON_NONE && count_value(c, v, out);
}
NAMED uint64_t count_of(struct counts *c, const struct block *b, const char *key)
{
	uint64_t n;
	return count_take(c, b, key, &n) ? n : 0;
}
/* Looks for such names among the block's members. */
void count_watch(struct counts *c, const struct block *b);
/* A decimal number of seconds to milliseconds; of currency units to pico. False when it is none. */
bool decimal_milli(struct json v, uint64_t *out);
bool decimal_pico(struct json v, int64_t *out);

/* Nothing at all was used, as far as this says. */
bool usage_is_zero(const struct usage *u);
/* The end of every reader: the sum against the vendor's total, zero, the faults. Returns c->fault. */
int usage_close(struct usage *u, const struct counts *c);

/* The members of an answer that any reader wants, gathered in one walk: an answer may be a megabyte of text
 * or of embeddings around a hundred bytes of usage. Each is named as its key. */
#define HOLDER_KEYS(X)                                                                                                 \
	X(id)                                                                                                          \
	X(model) X(choices) X(usage) X(service_tier) X(type) X(usageMetadata) X(usage_metadata) X(response) X(result)  \
		X(message) X(metadata) X(body) X(modelVersion) X(model_version) X(responseId) X(response_id)           \
			X(serviceTier) X(candidates) X(output) X(data) X(duration) X(prompt_cache_options) X(meta)     \
				X(generation_id) X(delta) X(modelId) X(performanceConfig) X(status) X(trained_tokens)  \
					X(error) X(x_groq)
struct holder {
#define X(key) struct json key;
	HOLDER_KEYS(X)
#undef X
};
void holder_take(struct json object, struct holder *h);
/* Checks a whole text and takes its members in the same pass; a text that is no object has none. 0, -RR_SYNTAX,
 * -RR_LIMIT. */
int holder_scan(struct str text, struct holder *h);

/* One reader per family. `h` is the object that holds the block (model, id, tier stand there), `block` the
 * block itself (may be JSON_NONE). 0 or c->fault. */
int usage_openai(enum usage_shape shape, const struct holder *h, struct json block, struct usage *u);
int usage_gemini(const struct holder *h, struct json block, struct usage *u);
int usage_bedrock(const struct holder *h, struct json block, struct usage *u);
int usage_cohere(const struct holder *h, struct json block, struct usage *u);

/* Takes what the block states over what is there: a stream's later counts are cumulative, but a later 0
 * does not take back an earlier count (some rebuilt streams send it, C61). */
int anthropic_take(struct anthropic_counts *a, struct json block, struct counts *c);
/* Tier, speed, geography: they stand in message_start and in whole bodies. */
void anthropic_conditions(struct json block, struct usage *u);
/* Fills classes, tools, vendor total and flags; marks_1h: the request's own cache marks ask for 1 hour. */
void anthropic_build(const struct anthropic_counts *a, bool marks_1h, struct usage *u);
void anthropic_build_other(const struct anthropic_counts *a, struct usage *u);

/* Where the block stands in a body: the body itself, a stream event's response or message, a batch line. */
struct usage_place {
	struct holder top;    /* of the body */
	struct holder holder; /* of the object that holds the block: the body itself, as a rule */
	struct json block;
	bool batch;           /* a line of a batch's results */
};
void usage_place_find(enum usage_shape shape, struct json body, struct usage_place *at);
/* The same with at->top already taken. */
void usage_place_in(enum usage_shape shape, struct usage_place *at);
/* usage_read with the place already found. */
int usage_read_at(enum usage_shape shape, const struct usage_place *at, struct usage *u);

#endif
