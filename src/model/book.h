/* SPDX-License-Identifier: Apache-2.0
 *
 * The dated price book: immutable once loaded, shared by all threads, swapped on reload.
 *
 * A rule says: for this provider and model (and tier, region, speed, context size, time), one unit of
 * this meter costs so much, from this day on, as read at this source on that day. Several rules of one
 * model and date make its price list. Unknown is a state (PRICE_UNPRICED), never 0.
 */
#ifndef RR_MODEL_BOOK_H
#define RR_MODEL_BOOK_H

#include "base/arena.h"
#include "base/err.h"
#include "model/call.h"
#include "model/usage.h"

/* What is measured. The token classes come first, with the same numbers as enum token_class. */
enum meter {
	METER_TOKEN_CLASS_0 = 0, /* .. CLASSES-1 */
	METER_TOOL_0 = CLASSES,  /* .. CLASSES+TOOLS-1 */
	METER_AUDIO_SECOND = CLASSES + TOOLS,
	METER_IMAGE,
	METER_CHARACTER,
	METER_STORAGE_TOKEN_HOUR,
	METER_REQUEST,
	METER_TRAINING_TOKEN,
	METER_TRAINING_HOUR,
	METER_GPU_HOUR,
	METER_HOSTING_HOUR,
	METER_STORAGE_GB_MONTH,
	METER_SEAT_MONTH,
	METERS
};
const char *meter_name(enum meter m);
int meter_parse(struct str s, enum meter *out);

/* One rule as a reader sees it (explain, prices show). Strings live as long as the book. */
struct price_rule {
	/* What is compared for each call stands together. */
	enum meter meter;
	enum tier tier;            /* TIER_UNKNOWN = the standard price list */
	bool any_tier;             /* no tier changes it (tools) */
	bool fast;                 /* the premium "fast" speed */
	bool free;                 /* a 0 that the source states, not a gap */
	bool agreed;               /* off the list, by an agreement of the user (book_agree.c) */
	bool derived;              /* by a stated ratio of the vendor, not listed by itself */
	uint8_t weekdays;          /* bit 0 Monday .. bit 6 Sunday, in UTC; 0 = every day */
	uint16_t window_from_min, window_to_min; /* UTC minutes of the day, [from, to), may wrap; equal = all day */
	uint16_t rank;             /* overlays: the higher one wins under equal conditions */
	uint32_t listed_per;
	struct str region;         /* "" = any */
	uint64_t above_input_tok;  /* the whole request is re-rated when its input exceeds this; 0 = base */
	int64_t valid_from_us, valid_to_us; /* [from, to); 0 and INT64_MAX when open */
	money_wide listed_atto;    /* exactly as listed: so much for listed_per units (price_atto is this, rounded) */
	money_wide price_atto;     /* per one unit of the meter */
	struct currency currency;
	struct str id;             /* stable text id, cited by calls: "openai/gpt-5.4-mini/in_plain@2026-03-01" */
	struct str provider, model;
	struct str source;         /* address or file of the price list */
	struct str source_date;    /* "2026-11-14": the day on which somebody read it */
	struct str derived_from;   /* that ratio: "0.5x standard"; empty when listed */
	struct str note;
};

struct book;

/* The book that is compiled in, with the user's overrides file over it if there is one. */
struct book *book_builtin(struct err *e);
/* A file: our own CSV format, or LiteLLM, genai-prices v2, models.dev, Langfuse as published; told
 * apart by content. A folder: every file in it. */
struct book *book_load(const char *path, struct err *e);
struct book *book_parse(struct str text, const char *name, struct err *e);
/* Rules of `over` win over those of `base` for the same provider, model, meter and conditions. */
int book_overlay(struct book *base, const struct book *over, struct err *e);
void book_free(struct book *b);
struct str book_date(const struct book *b);   /* newest source_date in it */
size_t book_rule_count(const struct book *b);
const struct price_rule *book_rule(const struct book *b, size_t index);
const struct price_rule *book_rule_by_id(const struct book *b, struct str id);
/* Every model that the book knows, in its own order. */
size_t book_model_count(const struct book *b);
struct str book_model_name(const struct book *b, size_t index, struct str *provider);
/* The book's model for a vendor's name of it (alias, dated snapshot, Bedrock or Vertex spelling, fine-tune);
 * SIZE_MAX when there is none. Thread-safe, remembers answers: about 100 ns from the second time on.
 * provider "" = any provider that knows the model. */
size_t book_find(const struct book *b, struct str provider, struct str model);
/* The rules of a model: indices [*first, *first + count) for book_rule(). */
size_t book_model_rules(const struct book *b, size_t model, size_t *first);
/* The nearest known model name, for "did you mean"; empty when none is near. */
struct str book_suggest(const struct book *b, struct str provider, struct str model);
/* Facts of a model that are no prices; 0 when the book does not know. */
uint64_t book_context_window_tok(const struct book *b, struct str provider, struct str model);
uint64_t book_max_output_tok(const struct book *b, struct str provider, struct str model);

#endif
