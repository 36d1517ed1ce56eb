/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up exports in the vendors' shapes, with their true totals: for demos and for tests of the importers.
 *
 * 1. Behind the shapes of one vendor is one made-up world: the usage and the costs of a seed tell of the same calls, so
 *    that they reconcile to the last decimal.
 * 2. A day follows from the seed and its date alone: a longer export holds the shorter one.
 * 3. The truth is counted here, by rates that are written here; no importer and no price book has a part in it.
 * 4. Everything is marked: "synthetic" stands in each page, and in the names of projects, sessions and answers.
 */
#ifndef RR_SANDBOX_SYNTH_H
#define RR_SANDBOX_SYNTH_H

#include "base/money.h"
#include "base/str.h"

enum synth_shape {
	SYNTH_OPENAI_USAGE,
	SYNTH_OPENAI_COSTS,
	SYNTH_ANTHROPIC_USAGE,
	SYNTH_ANTHROPIC_COSTS,
	SYNTH_CLAUDE_CODE,
	SYNTH_AWS,
	SYNTH_FOCUS,
	SYNTH_SHAPES,
};

enum { SYNTH_DAYS = 3660, SYNTH_PAGE_DAYS = 31, SYNTH_DAY_BYTES = 16 * 1024 * 1024 };

struct synth {
	enum synth_shape shape;
	uint64_t seed;
	int64_t first_day; /* since 1970-01-01 */
	uint32_t days;     /* 1 to SYNTH_DAYS */
};

/* What a right reader finds. Costs state money but neither calls nor tokens; usage is worth its list price. */
struct synth_truth {
	uint64_t rows, calls, tokens;
	uint64_t lines; /* as written, where an answer takes several */
	money_wide inference, training, other; /* 10^-12 USD */
};

const char *synth_name(unsigned shape);  /* "openai-usage"; NULL behind the last */
const char *synth_title(unsigned shape);
/* Appends the export's day (0 to days - 1, in order) to out and its totals to *t. */
void synth_day(const struct synth *s, uint32_t day, struct sb *out, struct synth_truth *t);

#endif
