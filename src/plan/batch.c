/* SPDX-License-Identifier: Apache-2.0
 *
 * Batching: a share b of the bill waits for a tier with discount d (0.5 at OpenAI, Anthropic, Gemini, Bedrock, Azure,
 * Groq; read 2026-11).
 *
 *   S_batch = 1 - b d;  where batch and cache do not multiply (Vertex: the better one wins) the cached share of the
 *   batched bill gets nothing:  S_batch = 1 - b d (1 - cached_share)
 *
 * Worked example: all of it batched at 50 % halves the bill.
 */
#include <math.h>

#include "plan/families.h"

enum { BILL, SHARE, DISCOUNT, CACHED, STACKS };
static const struct formula_word yes_no[] = {
	{"yes", 1, "they multiply"}, {"no", 0, "the better one wins"}, {NULL, 0, NULL}};
static const struct formula_input inputs[] = {
	{"bill", "money", 0, ANY, true, 1, false, "the bill before", "1: read the answers as shares"},
	{"share", "share", 0, 1, false, NAN_, true, "b, the share of the bill that may wait"},
	{"discount", "share", 0, 1, false, 0.5, false, "d, the batch discount",
	 "50 %: OpenAI, Anthropic, Gemini, Bedrock, read 2026-11"},
	{"cached_share", "share", 0, 1, false, 0, false, "share of the batched bill that is read from a cache", "none"},
	{"stacks", "bool", 0, 1, false, 1, false, "do batch and cache prices multiply? yes, or no as on Vertex",
	 "Anthropic and OpenAI multiply", NULL, yes_no},
	{0},
};
enum { BEFORE, AFTER, SAVING };
static const struct formula_output outputs[] = {
	{"before", "money", "bill"},
	{"after", "money", "bill * (1 - share * discount * (1 - cached_share * (1 - stacks)))"},
	{"saving_share", "share", "1 - after / before"},
	{0},
};

double batch_factor(double batched_share, double discount_share)
{
	return 1 - batched_share * discount_share;
}

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	double reached = in[SHARE] * (1 - in[CACHED] * (1 - in[STACKS]));
	out[BEFORE] = in[BILL];
	out[AFTER] = in[BILL] * batch_factor(reached, in[DISCOUNT]);
	out[SAVING] = 1 - out[AFTER] / out[BEFORE];
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, "%s saves %s of the bill.", r->out[SAVING] > 0 ? "BATCH IT:" : "Batching",
		value_text(r->out[SAVING], "share", r->currency, a));
	sb_addf(why, "%s of it may wait, at a discount of %s.", value_text(r->in[SHARE], "share", r->currency, a),
		value_text(r->in[DISCOUNT], "share", r->currency, b));
}

const struct formula formula_batch = {
	.name = "batch", .summary = "what is left when the share that can wait is batched",
	.source = "vendors' batch price pages, read 2026-11",
	.inputs = inputs, .outputs = outputs, .compute = compute, .say = say, .command = true,
};
