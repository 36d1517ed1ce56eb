/* SPDX-License-Identifier: Apache-2.0
 *
 * One lever, three drivers. A lever maps one call to what it would have been: cached, batched, routed, tuned,
 * self-hosted, answered from our own store. Pure functions over a query and a usage; the money comes from price().
 *
 * The planner drives them over an assumed workload, replay over recorded calls, the gateway over live ones, so the
 * price that was planned is the price that is billed. Tokens stay whole: a ratio is in millionths, rounded half to
 * even; classes stay disjoint, and what a lever does not know it leaves as it was.
 *
 * Per request on model m:  c = beta [ p_in (U + P phi) + p_out O ] + s     (spec: levers, f)
 */
#ifndef RR_MODEL_LEVER_H
#define RR_MODEL_LEVER_H

#include "model/price.h"

/* In the order in which they should be tried. */
#define LEVERS_X(X)                                                                   \
	X(RESPOND, "respond", "answer exact repeats from our own store")              \
	X(CACHE, "cache", "let the vendor cache the stable prefix")                   \
	X(BATCH, "batch", "send what may wait at the batch or flex price")            \
	X(ROUTE, "route", "send what is easy to a cheaper model")                     \
	X(TUNE, "tune", "a fine-tuned model with a shorter prompt")                   \
	X(SELFHOST, "selfhost", "serve it on own GPUs: the bill is fixed, not a call's")
enum lever {
#define X(NAME, name, text) LEVER_##NAME,
	LEVERS_X(X)
#undef X
	LEVERS
};
const char *lever_name(enum lever l);
const char *lever_text(enum lever l);
int lever_parse(struct str s, enum lever *out);
#define LEVER_BIT(l) (1u << (l)) /* in call.levers */

/* What a lever works on. The usage's tier is a dimension of its price. */
struct lever_call {
	struct price_query query;
	struct usage usage;
	int64_t extra_pico;    /* s: escalation, verification; added to the price */
	bool own;              /* answered by ourselves (store, own GPUs): the call itself costs nothing more */
	uint16_t levers;       /* LEVER_BIT of those that acted */
};

#define RATIO_ONE 1000000u /* ratios are in millionths */

/* Another model for the same work. */
struct lever_target {
	struct str provider, model;
	uint32_t input_ratio;  /* tokens of its tokenizer for one of ours; RATIO_ONE = the same */
	uint32_t output_ratio; /* tokenizer x verbosity, reasoning included */
	bool keeps_cache;      /* the same vendor prefix cache goes on (never true across models) */
};

/* The first prefix_tok of the text input are a stable prefix; hit: they were found in the vendor's cache, else they
 * are written (write: the class that the vendor bills; CLASS_IN_PLAIN where writes are free). The prefix is at most
 * the text input. */
void lever_cache(struct lever_call *c, uint64_t prefix_tok, bool hit, enum token_class write);
/* Served at another tier: TIER_BATCH or TIER_FLEX. */
void lever_batch(struct lever_call *c, enum tier tier);
/* Tokens re-counted, query pointed at the target; cached reads become plain input where the cache is lost. */
void lever_route(struct lever_call *c, const struct lever_target *t);
/* As route, and removed_tok of the input (instructions, examples) are no longer sent. */
void lever_tune(struct lever_call *c, const struct lever_target *t, uint64_t removed_tok);
/* Answered by ourselves. */
void lever_respond(struct lever_call *c);
void lever_selfhost(struct lever_call *c);

/* The money of the call as it now is. 0, -RR_UNPRICED, -RR_RANGE; *r is filled except where `own`. */
int lever_price(const struct book *b, const struct lever_call *c, struct price_result *r, int64_t *pico);
/* What changing model in mid-conversation throws away: P (omega p_new - rho p_old). *pico may be negative. */
int lever_switch_cost(const struct book *b, const struct price_query *from, const struct price_query *to,
		      uint64_t prefix_tok, enum token_class write, int64_t *pico);

#endif
