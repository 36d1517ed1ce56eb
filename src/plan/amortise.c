/* SPDX-License-Identifier: Apache-2.0
 *
 * Amortised unit cost: training is a flat line, inference a slope.
 *
 *   c(V) = T / V + c_inf               T paid once, V tokens served, c_inf per token
 *   share of training = T / (T + V c_inf)
 *   share <= x  from  V = T (1 - x) / (x c_inf)  on;  inference overtakes training at V = T / c_inf
 *
 * Worked example: 8.75 M over 10^13 tokens at 0.35 per million: 0.875 + 0.35 = 1.225 per million, training 71.4 %.
 */
#include <math.h>

#include "plan/families.h"

enum { TRAINING, INFERENCE, TOKENS, SHARE, PER_MONTH };
static const struct formula_input inputs[] = {
	{"training", "money", 0, ANY, false, NAN_, true, "T, what was or will be paid once"},
	{"inference_per_mtok", "money/Mtok", 0, ANY, false, NAN_, true, "c, inference per million tokens"},
	{"tokens", "tokens", 0, ANY, true, NAN_, true, "V, tokens served over the life"},
	{"share", "share", 0, 1, true, 0.05, false, "from which volume on is training less than this share?", "5 %"},
	{"tokens_per_month", "tokens", 0, ANY, true, NAN_, false, "tokens a month, to say when inference overtakes"},
	{0},
};
enum { PER_MTOK, TRAINING_SHARE, INFERENCE_SHARE, BELOW, OVERTAKES, OVERTAKES_MONTHS };
static const struct formula_output outputs[] = {
	{"per_mtok", "money/Mtok", "training / tokens * 1000000 + inference_per_mtok"},
	{"training_share", "share", "training / (training + tokens / 1000000 * inference_per_mtok)"},
	{"inference_share", "share", "1 - training_share"},
	{"volume_where_share_below", "tokens", "training * (1 - share) / (share * inference_per_mtok) * 1000000"},
	{"overtakes_at_tokens", "tokens", "training / inference_per_mtok * 1000000"},
	{"overtakes_after_months", "months", "overtakes_at_tokens / tokens_per_month"},
	{0},
};

double amortise_per_mtok(double training_money, double tokens, double inference_money_per_mtok)
{
	return training_money / tokens * TOK_PER_M + inference_money_per_mtok;
}

double amortise_training_share(double training_money, double tokens, double inference_money_per_mtok)
{
	return training_money / (training_money + tokens / TOK_PER_M * inference_money_per_mtok);
}

double amortise_tokens_where_share_below(double training_money, double inference_money_per_mtok, double share)
{
	return training_money * (1 - share) / (share * inference_money_per_mtok) * TOK_PER_M;
}

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[PER_MTOK] = amortise_per_mtok(in[TRAINING], in[TOKENS], in[INFERENCE]);
	out[TRAINING_SHARE] = amortise_training_share(in[TRAINING], in[TOKENS], in[INFERENCE]);
	out[INFERENCE_SHARE] = 1 - out[TRAINING_SHARE];
	out[BELOW] = amortise_tokens_where_share_below(in[TRAINING], in[INFERENCE], in[SHARE]);
	out[OVERTAKES] = in[TRAINING] / in[INFERENCE] * TOK_PER_M;
	out[OVERTAKES_MONTHS] = out[OVERTAKES] / in[PER_MONTH];
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64];
	bool training_leads = r->out[TRAINING_SHARE] > 0.5;
	sb_addf(verdict, "%s is the larger checkbook: %s of all that the tokens cost.",
		training_leads ? "Training" : "Inference",
		value_text(training_leads ? r->out[TRAINING_SHARE] : r->out[INFERENCE_SHARE], "share", r->currency, a));
	sb_addf(why, "Inference overtakes at %s; training is under %s of the total from %s on.",
		value_text(r->out[OVERTAKES], "tokens", r->currency, a),
		value_text(r->in[SHARE], "share", r->currency, b),
		value_text(r->out[BELOW], "tokens", r->currency, c));
}

const struct formula formula_amortise = {
	.name = "amortise", .summary = "unit cost with the training shared out over the tokens served",
	.source = "c(V) = T / V + c_inf", .inputs = inputs, .outputs = outputs, .compute = compute, .say = say,
	.command = true,
};

/* A bill over a volume: 4,000 a month for 50,000 images a day of 30 days is 0.0027 an image. */
enum { BILL, PER_DAY, DAYS };
static const struct formula_input unit_inputs[] = {
	{"bill_per_month", "money/month", 0, ANY, false, NAN_, true, "the bill of a month"},
	{"units_per_day", "units", 0, ANY, true, NAN_, true, "what was done in a day: images, calls, documents"},
	{"days", "days", 0, 31, true, 30, false, "days in the month", "30 days"},
	{0},
};
static const struct formula_output unit_outputs[] = {
	{"units_per_month", "units", "units_per_day * days"},
	{"per_unit", "money", "bill_per_month / units_per_month"},
	{0},
};

static void unit_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[PER_DAY] * in[DAYS];
	out[1] = in[BILL] / out[0];
}

const struct formula formula_unit_cost = {
	.name = "unit_cost", .summary = "a monthly bill over what was done in the month", .source = "bill / volume",
	.inputs = unit_inputs, .outputs = unit_outputs, .compute = unit_compute, .command = true,
};
