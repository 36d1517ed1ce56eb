/* SPDX-License-Identifier: Apache-2.0
 *
 * What calls came to, counted by model: the one source of the series in /metrics and of the exported metrics.
 *
 * 1. One table a worker, filled by it alone as rows are settled; readers add the tables up under their locks.
 * 2. The number of series is bounded (TALLY_SERIES): names that a client makes up open none, since a model's name
 *    counts only once it has answered; what comes beyond the bound is counted under "(other)".
 * 3. Counters grow from the start of the process. The ledger is what counts; this is what it looks like from outside.
 * 4. The bounds of the histograms are those of OpenTelemetry's conventions for generative AI
 *    (semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md, read 2026-11-29).
 */
#ifndef RR_GATE_TALLY_H
#define RR_GATE_TALLY_H

#include <pthread.h>

#include "model/call.h"

enum { TALLY_SERIES = 256, TALLY_BOUNDS = 14, TALLY_CURRENCIES = 3, TALLY_SLOTS = 1024 };

struct tally_key { /* interned; 0 = not known */
	uint32_t provider, surface, asked, answered;
	uint32_t error; /* 0: it went well; else call_error_type() */
};

enum tally_tokens { TALLY_IN, TALLY_OUT, TALLY_CACHE_READ, TALLY_CACHE_WRITE, TALLY_REASONING, TALLY_TOKENS };
extern const char *const tally_token_name[TALLY_TOKENS]; /* "input": with what the vendor's cache read and wrote */

enum tally_what { TALLY_DURATION, TALLY_FIRST, TALLY_INPUT, TALLY_OUTPUT, TALLY_WHATS };
struct tally_hist {
	uint64_t bucket[TALLY_BOUNDS + 1]; /* the last: above every bound */
	uint64_t count, sum;               /* microseconds or tokens */
};
/* Upper bounds, inclusive, each the one before doubled once or twice; `first` in microseconds or tokens, the text in
 * seconds or tokens. */
struct tally_bounds {
	uint64_t first;
	unsigned doublings;
	const char *text[TALLY_BOUNDS];
	bool seconds;
};
const struct tally_bounds *tally_bounds_of(enum tally_what what);
unsigned tally_bucket(const struct tally_bounds *b, uint64_t v); /* TALLY_BOUNDS: above every bound */

struct tally_series {
	struct tally_key key;
	uint64_t calls, streamed, estimated, unpriced;
	uint64_t tok[TALLY_TOKENS];
	struct {
		uint32_t currency; /* 0: not used */
		money_wide pico;
	} cost[TALLY_CURRENCIES];
	uint64_t unsummed; /* priced calls in yet another currency */
	struct tally_hist hist[TALLY_WHATS];
};

struct tally {
	pthread_mutex_t lock;
	uint16_t slot[TALLY_SLOTS]; /* index + 1 */
	unsigned count;
	struct tally_series *series; /* TALLY_SERIES + 1: the last is "(other)" */
};

/* 0 or -RR_NOMEM. */
int tally_init(struct tally *t);
void tally_fini(struct tally *t);
void tally_add(struct tally *t, const struct call *c);
/* Adds `from` (any worker's, under its lock) to `into` (the reader's own). */
void tally_merge(struct tally *into, struct tally *from);

/* The series one after the other, "(other)" last; NULL behind the end. */
const struct tally_series *tally_at(const struct tally *t, unsigned i);

/* Which tokens a usage has, by the names above. */
void tally_tokens_of(const struct usage *u, uint64_t tok[TALLY_TOKENS]);
/* OpenTelemetry's error.type: the status as text, or how the call ended; empty when it went well. */
struct str call_error_type(const struct call *c, char out[24]);

#endif
