/* SPDX-License-Identifier: Apache-2.0
 *
 * A recorded call as telemetry sees it: OpenTelemetry's names for generative AI, once, for the log and for spans.
 *
 * Names and meanings: semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md (read 2026-11-29; status Development).
 * gen_ai.usage.input_tokens includes what the vendor's cache read and wrote, output_tokens includes reasoning. What
 * the conventions do not name stands under "runrate.": money as decimal text beside its currency. No text of prompts
 * or answers and no key is ever among them: a sight holds none.
 */
#ifndef RR_GATE_TELEMETRY_H
#define RR_GATE_TELEMETRY_H

#include "gate/gate.h"

/* What is told of a call; small enough to be copied on the data path. */
struct sight {
	struct call call;
	struct trace trace;
};

enum attribute_kind { ATTR_STR, ATTR_INT, ATTR_SECONDS, ATTR_BOOL }; /* seconds: `number` counts microseconds */
struct attribute {
	const char *name;
	enum attribute_kind kind;
	struct str text;
	int64_t number;
};
enum { ATTRIBUTES_MOST = 48 };
struct attributes {
	struct attribute item[ATTRIBUTES_MOST];
	unsigned count;
	char id[CALL_ID_TEXT], operation[CALL_ID_TEXT], cost[MONEY_TEXT], low[MONEY_TEXT], high[MONEY_TEXT], error[24];
};

void telemetry_attributes(const struct gate *g, const struct sight *s, struct attributes *out);
/* The same names for a series of the metrics: provider, operation, surface, models, error, server. */
void telemetry_series(const struct gate *g, const struct tally_key *k, struct attributes *out);
struct str telemetry_operation(struct str surface);

/* W3C trace context, level 1: "00-TRACE-PARENT-FLAGS". False, and *t zeroed, for what is none. */
bool trace_parse(struct str traceparent, struct trace *t);

#endif
