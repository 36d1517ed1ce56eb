/* SPDX-License-Identifier: Apache-2.0
 *
 * Prices fall, usage grows, agents talk to themselves.
 *
 *   a fall by a factor f in m months is f^(12/m) a year, and halves every m ln 2 / ln f months
 *   adoption by a multiple a over m months is a^(1/m) a month; the bill moves by growth x price decline
 *   an agent of n turns that begins with S tokens and adds t a turn reads  n S + t n (n-1) / 2  tokens:
 *   it grows with the square of the turns; with a cache, turn k reads S + t (k-2) again at rho and writes t at omega
 *
 * Worked examples: 280x in 23 months is 18.9x a year, halving every 2.83 months; over 24 months it would be 16.7x.
 * 200 a month to 10,000 is 50x. 10 turns from 2,000 tokens adding 1,000: 65,000 tokens, 6.5 times ten bare calls of
 * 1,000.
 */
#include <math.h>

#include "plan/families.h"

enum { D_FACTOR, D_MONTHS };
static const struct formula_input decline_inputs[] = {
	{"factor", "times", 1, ANY, true, NAN_, true, "by how much the price fell"},
	{"months", "months", 0, ANY, true, NAN_, true, "in how many months"},
	{0},
};
static const struct formula_output decline_outputs[] = {
	{"per_year", "times", "factor ^ (12 / months)"},
	{"halving_months", "months", "months * ln(2) / ln(factor)"},
	{"years", "years", "months / 12"},
	{0},
};

double decline_per_year(double factor, double months)
{
	return pow(factor, 12 / months);
}

static void decline_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = decline_per_year(in[D_FACTOR], in[D_MONTHS]);
	out[1] = in[D_MONTHS] * log(2) / log(in[D_FACTOR]);
	out[2] = in[D_MONTHS] / 12;
}

static void decline_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, "%s a year, half every %s.", value_text(r->out[0], "times", r->currency, a),
		value_text(r->out[1], "months", r->currency, b));
	sb_addf(why, "This is the price of constant quality. The list price of one given model stays about flat.");
}

const struct formula formula_decline = {
	.name = "price_decline",
	.summary = "a fall of prices as a yearly rate",
	.source = "factor^(12 / months)",
	.inputs = decline_inputs,
	.outputs = decline_outputs,
	.compute = decline_compute,
	.say = decline_say,
	.command = true,
};

enum { A_START, A_MULTIPLE, A_MONTHS, A_DECLINE };
static const struct formula_input adoption_inputs[] = {
	{"start_per_month", "money/month", 0, ANY, true, NAN_, true, "the bill at the beginning"},
	{"adoption", "times", 0, ANY, true, NAN_, true, "by how much usage grows over the months"},
	{"months", "months", 0, ANY, true, NAN_, true, "over how many months"},
	{"price_decline_per_year", "times", 0, ANY, true, 1, false, "times cheaper a year",
	 "1: the list price of one model stays about flat"},
	{0},
};
static const struct formula_output adoption_outputs[] = {
	{"growth_per_month", "share", "adoption ^ (1 / months) - 1"},
	{"price_factor", "times", "(1 / price_decline_per_year) ^ (months / 12)"},
	{"end_per_month", "money/month", "start_per_month * adoption * price_factor"},
	{0},
};

static void adoption_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = pow(in[A_MULTIPLE], 1 / in[A_MONTHS]) - 1;
	out[1] = pow(1 / in[A_DECLINE], in[A_MONTHS] / 12);
	out[2] = in[A_START] * in[A_MULTIPLE] * out[1];
}

static void adoption_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, "The bill goes from %s to %s.", value_text(r->in[A_START], "money/month", r->currency, a),
		value_text(r->out[2], "money/month", r->currency, b));
	sb_addf(why, "Usage grows %s a month; prices multiply it by %s.",
		value_text(r->out[0], "share", r->currency, a), value_text(r->out[1], "", r->currency, b));
}

const struct formula formula_adoption = {
	.name = "adoption",
	.summary = "growing usage against falling prices",
	.source = "start x adoption x price factor",
	.inputs = adoption_inputs,
	.outputs = adoption_outputs,
	.compute = adoption_compute,
	.say = adoption_say,
	.command = true,
};

enum { G_TURNS, G_START, G_TURN, G_READ, G_WRITE, G_PRICE };
static const struct formula_input agent_inputs[] = {
	{"turns", "turns", 1, 1e6, false, NAN_, true, "calls that one task makes"},
	{"start_tokens", "tokens", 0, ANY, false, NAN_, true, "S, context at the first turn"},
	{"tokens_per_turn", "tokens", 0, ANY, false, NAN_, true, "t, what each turn adds"},
	{"read", "times", 0, 1, false, 0.1, false, "rho", "0.1: Anthropic, OpenAI, Gemini, read 2026-11"},
	{"write", "times", 0, 10, false, 1.25, false, "omega", "1.25: Anthropic 5 min, read 2026-11"},
	{"price_in", "money/Mtok", 0, ANY, false, NAN_, false, "input price"},
	{0},
};
static const struct formula_output agent_outputs[] = {
	{"input_tokens", "tokens", "turns * start_tokens + tokens_per_turn * turns * (turns - 1) / 2"},
	{"times_one_call", "times", "input_tokens / start_tokens"},
	{"cached_weight_tokens", "tokens",
	 "write * start_tokens + (turns - 1) * (read * start_tokens + write * tokens_per_turn)"
	 " + read * tokens_per_turn * (turns - 1) * (turns - 2) / 2"},
	{"cache_saves_share", "share", "1 - cached_weight_tokens / input_tokens"},
	{"input_per_task", "money", "input_tokens * price_in / 1000000"},
	{"input_per_task_cached", "money", "cached_weight_tokens * price_in / 1000000"},
	{0},
};

double agent_input_tok(double turns, double start_tok, double tok_per_turn)
{
	return turns * start_tok + tok_per_turn * turns * (turns - 1) / 2;
}

double agent_input_weight_tok(double turns, double start_tok, double tok_per_turn, double read_ratio,
			      double write_ratio)
{
	return write_ratio * start_tok + (turns - 1) * (read_ratio * start_tok + write_ratio * tok_per_turn) +
	       read_ratio * tok_per_turn * (turns - 1) * (turns - 2) / 2;
}

static void agent_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = agent_input_tok(in[G_TURNS], in[G_START], in[G_TURN]);
	out[1] = out[0] / in[G_START];
	out[2] = agent_input_weight_tok(in[G_TURNS], in[G_START], in[G_TURN], in[G_READ], in[G_WRITE]);
	out[3] = 1 - out[2] / out[0];
	out[4] = out[0] * in[G_PRICE] / TOK_PER_M;
	out[5] = out[2] * in[G_PRICE] / TOK_PER_M;
}

static void agent_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64];
	sb_addf(verdict, "%s read %s: %s the input of one call.", value_text(r->in[G_TURNS], "turns", r->currency, a),
		value_text(r->out[0], "tokens", r->currency, b), value_text(r->out[1], "times", r->currency, c));
	sb_addf(why, "The number of turns is a property of the workload, no constant; input grows with its square. "
		     "Caching leaves the weight of %s.", value_text(r->out[2], "tokens", r->currency, a));
}

const struct formula formula_agent = {
	.name = "agent", .summary = "what the turns of an agent do to the input", .source = "n S + t n (n-1) / 2",
	.inputs = agent_inputs, .outputs = agent_outputs, .compute = agent_compute, .say = agent_say, .command = true,
};

/* Three bills in a row: 200 -> 10,000 -> 7,000 is 50 times and then 30 % less. */
enum { W_START, W_PEAK, W_END };
static const struct formula_input growth_inputs[] = {
	{"start", "money", 0, ANY, true, NAN_, true, "the first figure"},
	{"peak", "money", 0, ANY, true, NAN_, true, "the second"},
	{"end", "money", 0, ANY, false, NAN_, false, "the third"},
	{0},
};
static const struct formula_output growth_outputs[] = {
	{"ratio", "times", "peak / start"},
	{"drop", "share", "1 - end / peak"},
	{0},
};

static void growth_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[W_PEAK] / in[W_START];
	out[1] = 1 - in[W_END] / in[W_PEAK];
}

const struct formula formula_growth = {
	.name = "growth", .summary = "how a bill rose and fell", .source = "ratios",
	.inputs = growth_inputs, .outputs = growth_outputs, .compute = growth_compute,
};
