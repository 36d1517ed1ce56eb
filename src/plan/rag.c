/* SPDX-License-Identifier: Apache-2.0
 *
 * Retrieval: the tokens that are fetched into each prompt, and the store that they come from.
 *
 *   per call = (retrieved x p_in x (1 - cached + cached rho) + query tokens x p_embed) / 1e6
 *   per month = calls x per call + store;  once: the corpus through the embedding model
 *
 * Retrieved tokens are cacheable only where they are ordered stably; by default they are not.
 *
 * Worked example: 3,000 tokens at 0.75 per million are 0.00225 a call; 300,000 calls are 675 a month, plus the store.
 */
#include <math.h>

#include "plan/families.h"

enum { RETRIEVED, PRICE_IN, CALLS, CACHED, READ, QUERY, EMBED, STORE, CORPUS, REFRESH };
static const struct formula_input inputs[] = {
	{"retrieved_tokens", "tokens", 0, ANY, false, NAN_, true, "tokens fetched into one prompt", NULL, "retrieved"},
	{"price_in", "money/Mtok", 0, ANY, false, NAN_, true, "input price of the model"},
	{"calls_per_month", "calls", 0, ANY, true, NAN_, true, "calls a month"},
	{"cached_share", "share", 0, 1, false, 0, false, "share of the fetched tokens read from a cache",
	 "0: order changes from call to call"},
	{"read", "times", 0, 1, false, 0.1, false, "rho, the cache read multiplier",
	 "0.1: Anthropic, OpenAI, Gemini, read 2026-11"},
	{"query_tokens", "tokens", 0, ANY, false, 0, false, "tokens embedded per call", "none", "embedding_tokens"},
	{"embedding_price", "money/Mtok", 0, ANY, false, 0, false, "price of the embedding model", "not counted",
	 "embedding"},
	{"store", "money/month", 0, ANY, false, 0, false, "the vector store", "not counted", "store_per_month"},
	{"corpus_tokens", "tokens", 0, ANY, false, 0, false, "tokens of the documents, embedded once", "not counted"},
	{"refresh_share", "share", 0, 100, false, 0, false, "share of the corpus embedded anew each month", "never"},
	{0},
};
enum { PER_CALL, CALLS_MONTH, REFRESH_MONTH, PER_MONTH, ONCE };
static const struct formula_output outputs[] = {
	{"per_call", "money/call",
	 "(retrieved_tokens * price_in * (1 - cached_share + cached_share * read) + query_tokens * embedding_price) / "
	 "1000000"},
	{"calls_per_month_cost", "money/month", "calls_per_month * per_call", true},
	{"refresh_per_month", "money/month", "refresh_share * corpus_tokens * embedding_price / 1000000", true},
	{"per_month", "money/month", "calls_per_month_cost + store + refresh_per_month"},
	{"once", "money", "corpus_tokens * embedding_price / 1000000"},
	{0},
};

double rag_money_per_call(double retrieved_tok, double money_per_mtok, double cached_share, double read_ratio)
{
	return retrieved_tok * money_per_mtok * (1 - cached_share + cached_share * read_ratio) / TOK_PER_M;
}

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[PER_CALL] = rag_money_per_call(in[RETRIEVED], in[PRICE_IN], in[CACHED], in[READ]) +
			in[QUERY] * in[EMBED] / TOK_PER_M;
	out[CALLS_MONTH] = in[CALLS] * out[PER_CALL];
	out[REFRESH_MONTH] = in[REFRESH] * in[CORPUS] * in[EMBED] / TOK_PER_M;
	out[PER_MONTH] = out[CALLS_MONTH] + in[STORE] + out[REFRESH_MONTH];
	out[ONCE] = in[CORPUS] * in[EMBED] / TOK_PER_M;
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64];
	sb_addf(verdict, "Retrieval costs %s.", value_text(r->out[PER_MONTH], "money/month", r->currency, a));
	sb_addf(why, "%s for the fetched tokens and %s for the store; %s once.",
		value_text(r->out[PER_CALL], "money/call", r->currency, a),
		value_text(r->in[STORE], "money/month", r->currency, b),
		value_text(r->out[ONCE], "money", r->currency, c));
}

const struct formula formula_rag = {
	.name = "rag", .summary = "what retrieval adds per call and per month",
	.source = "retrieved tokens x input price + embedding + store",
	.inputs = inputs, .outputs = outputs, .compute = compute, .say = say, .command = true,
};

/* "RAG 350-2,850 a month against tuning 2,400 + 800-3,000 a month": over 12 months 4.2-34.2 thousand against 12-38.4:
 * the ranges overlap, so nothing follows without the user's own figures. */
enum { R_RAG, R_TUNE_ONCE, R_TUNE, R_MONTHS };
static const struct formula_input versus_inputs[] = {
	{"rag_per_month", "money/month", 0, ANY, false, NAN_, true, "retrieval a month"},
	{"tune_upfront", "money", 0, ANY, false, NAN_, true, "the tune, once"},
	{"tune_per_month", "money/month", 0, ANY, false, NAN_, true, "the tune's hosting and retraining a month"},
	{"months", "months", 0, ANY, true, 12, false, "over how long", "a year"},
	{0},
};
static const struct formula_output versus_outputs[] = {
	{"rag_total", "money", "rag_per_month * months"},
	{"tune_total", "money", "tune_upfront + tune_per_month * months"},
	{"tune_minus_rag", "money", "tune_total - rag_total"},
	{"tune_wins_after_months", "months",
	 "if(tune_per_month < rag_per_month, tune_upfront / (rag_per_month - tune_per_month), 1 / 0)"},
	{0},
};

static void versus_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[R_RAG] * in[R_MONTHS];
	out[1] = in[R_TUNE_ONCE] + in[R_TUNE] * in[R_MONTHS];
	out[2] = out[1] - out[0];
	out[3] = in[R_TUNE] < in[R_RAG] ? in[R_TUNE_ONCE] / (in[R_RAG] - in[R_TUNE]) : NAN;
}

static void versus_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, r->out[2] < 0 ? "The tune is cheaper." : "Retrieval is cheaper.");
	sb_addf(why, "Retrieval %s, tune %s.", value_text(r->out[0], "money", r->currency, a),
		value_text(r->out[1], "money", r->currency, b));
}

const struct formula formula_rag_or_tune = {
	.name = "rag_or_tune",
	.summary = "retrieval against a tune over some months",
	.source = "sums over the months",
	.inputs = versus_inputs,
	.outputs = versus_outputs,
	.compute = versus_compute,
	.say = versus_say,
	.command = true,
};
