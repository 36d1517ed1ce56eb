/* SPDX-License-Identifier: Apache-2.0
 *
 * What one call used: a vendor's raw usage block as disjoint token classes and counts that are no tokens.
 *
 * The classic bug of this field is to count a token twice (cached inside prompt tokens at one vendor,
 * beside them at the other; spec of each in usage.c with its source). Here every token stands in one
 * class, the classes sum to the vendor's own total, and a block for which they cannot is flagged
 * USAGE_MISMATCH and never silently mended.
 */
#ifndef RR_MODEL_USAGE_H
#define RR_MODEL_USAGE_H

#include "base/json.h"
#include "base/money.h"

enum token_class {
#define X(NAME, name, side, text) CLASS_##NAME,
#include "model/token_classes.def"
#undef X
	CLASSES
};

enum tool_kind {
#define X(NAME, name, text) TOOL_##NAME,
#include "model/tool_kinds.def"
#undef X
	TOOLS
};

const char *token_class_name(enum token_class c);
bool token_class_is_output(enum token_class c);
const char *tool_kind_name(enum tool_kind k);

/* The tier that was *served* (never the one that was asked), where the vendor says so. */
enum tier { TIER_UNKNOWN, TIER_STANDARD, TIER_BATCH, TIER_FLEX, TIER_PRIORITY, TIER_SCALE, TIER_PROVISIONED,
	TIER_OTHER, /* the vendor named a tier that we do not know: it has no price, it is not the standard one */
	TIERS
};
const char *tier_name(enum tier t);
/* Vendors' spellings: "default", "on_demand", "ON_DEMAND_FLEX", "fast", "auto" (unknown) ... */
enum tier tier_parse(struct str s);

enum usage_flag {
	USAGE_SEEN = 1 << 0,          /* the body held a usage block; without it the rest means nothing */
	USAGE_MISMATCH = 1 << 1,      /* the classes do not sum to the vendor's total */
	USAGE_ESTIMATED = 1 << 2,     /* counted or bounded by us, not said by the vendor */
	USAGE_PARTIAL = 1 << 3,       /* the stream ended before its last usage */
	USAGE_SPLIT_GUESSED = 1 << 4, /* a cache write's TTL was not stated and came from the request's marks (C19) */
	USAGE_VENDOR_COST = 1 << 5,   /* the vendor reported its own cost (C30) */
	USAGE_ZERO = 1 << 6,          /* the vendor said zero explicitly: zero stays zero (C58) */
	USAGE_OTHER_MODEL = 1 << 7,   /* a second model worked too and bills apart: see usage_read_other() */
	USAGE_IN_UNSTATED = 1 << 8, /* the block says nothing of the input, not even that it is 0; so of the output: */
	USAGE_OUT_UNSTATED = 1 << 9,
};

struct usage {
	uint64_t tok[CLASSES];
	uint64_t vendor_total_tok;       /* as the vendor states it or implies it by its own parts */
	uint32_t tools[TOOLS];
	uint32_t flags;                  /* enum usage_flag */
	uint64_t audio_ms;               /* speech seconds billed by duration, in milliseconds */
	uint64_t images;                 /* images billed by piece */
	uint64_t characters;
	uint64_t storage_token_hours;
	enum tier tier;
	bool fast;                       /* Anthropic speed: fast, OpenAI fast: a premium price */
	char geo[16];                    /* "us", "global", "" = not stated */
	int64_t vendor_cost_pico;        /* with USAGE_VENDOR_COST */
	struct str model;                /* span in the body: the model that answered; may be empty */
	struct str request_id;           /* span: the vendor's response id; may be empty */
	uint64_t trained_tok;            /* fine-tuning jobs only */
};

uint64_t usage_input_tok(const struct usage *u);  /* sum of the input classes */
uint64_t usage_output_tok(const struct usage *u);
uint64_t usage_total_tok(const struct usage *u);
/* Adds from into *into class by class (batch lines, iterations); flags are united. */
void usage_add(struct usage *into, const struct usage *from);

/* The shapes of usage blocks (contract.md `price --dialect`). Each reader takes a whole response body
 * (checked JSON, its top value) and fills *u. */
enum usage_shape {
	SHAPE_OPENAI_CHAT, SHAPE_OPENAI_RESPONSES, SHAPE_OPENAI_EMBEDDINGS, SHAPE_OPENAI_IMAGES,
	SHAPE_OPENAI_TRANSCRIPTION, SHAPE_OPENAI_REALTIME, SHAPE_ANTHROPIC, SHAPE_GEMINI, SHAPE_BEDROCK,
	SHAPE_BEDROCK_ANTHROPIC, SHAPE_MISTRAL, SHAPE_COHERE, SHAPE_XAI, SHAPE_DEEPSEEK, SHAPE_NONE, SHAPES
};
/* "openai-chat", "openai-responses", ... ; -RR_NOTFOUND. */
int usage_shape_parse(struct str s, enum usage_shape *out);
const char *usage_shape_name(enum usage_shape s);
/* Reads a response body. 0 (look at u->flags: USAGE_SEEN absent = no usage in it) or a negative code
 * when the numbers are no counts. */
int usage_read(enum usage_shape shape, struct json body, struct usage *u);
/* The same of a usage block by itself, where it is known to stand: nothing is looked for around it. */
int usage_read_block(enum usage_shape shape, struct json block, struct usage *u);
/* Tokens of the same body that another model served and bills at its own rates (Anthropic's advisor):
 * with USAGE_OTHER_MODEL they stand here and not in usage_read's classes. Its .model says which; flagged
 * USAGE_MISMATCH when it was more than one. 0, or -RR_NOTFOUND when there are none. */
int usage_read_other(enum usage_shape shape, struct json body, struct usage *u);

/* Anthropic's counts come in two parts in a stream; so the reading and the building are apart.
 * creation is the total of cache writes, split the part of it whose life is known. */
struct anthropic_vector {
	uint64_t input, read, creation, split_5m, split_1h, output;
};
struct anthropic_counts {
	struct anthropic_vector top;
	struct anthropic_vector executor;   /* iterations of the model that was asked */
	struct anthropic_vector compaction; /* its extra steps that `top` leaves out */
	struct anthropic_vector other;      /* another model's (advisor): its own rates */
	uint64_t thinking;
	uint32_t web_search, web_fetch, other_tools;
	bool has_iterations, has_executor, has_fallback, has_other, several_others, has_split, has_input, has_output,
		unknown;
	char other_model[64];
};

/* Values for the contract's keys `classes` (those that are not 0, by name) and `tool_calls`. */
void usage_classes_json(const struct usage *u, struct json_out *w);
void usage_tools_json(const struct usage *u, struct json_out *w);

#endif
