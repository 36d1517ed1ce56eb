/* SPDX-License-Identifier: Apache-2.0
 *
 * Fine-tune or not: when does what is paid once come back?
 *
 *   V* = (data + train + eval + migrate) / (c_now - c_tuned)              calls, hosting and retraining left out
 *   months = C / (v (c_now - c_tuned) - H - R)                            H hosting, R retraining a month
 *   valid only if months < months until the base model retires, and < months for which the task stays as it is
 *
 * The prompt side takes *cached* prices: few-shot tokens are a static prefix, which caching already sells at a
 * tenth or less. 2,000 tokens removed at 2.00 per million save 0.0040 a call uncached and 0.0002 cached (0.05x):
 * 125 thousand calls against 2.5 million to repay 500.
 *
 * Worked example: 8,000 upfront, 0.00086 saved a call, 300,000 calls a month: 9.3 M calls, 31 months.
 */
#include <math.h>

#include "plan/families.h"

enum { UPFRONT, DATA, TRAIN, EVAL, MIGRATE, SAVING, CALLS, HOSTING, RETRAIN, INPUT, OUTPUT, REMOVED, NOW_IN, NOW_OUT,
       NOW_READ, NOW_WRITE, NOW_HIT, TUNED_IN, TUNED_OUT, RETRIES_NOW, RETRIES_TUNED, RETIRES, STABLE };
static const struct formula_input inputs[] = {
	{"upfront", "money", 0, ANY, false, 0, false, "C, all that is paid once (or its parts below)", "none"},
	{"data", "money", 0, ANY, false, 0, false, "labels and data, where upfront does not hold them", "none"},
	{"train", "money", 0, ANY, false, 0, false, "the training runs", "none"},
	{"eval", "money", 0, ANY, false, 0, false, "evaluation", "none"},
	{"migrate", "money", 0, ANY, false, 0, false, "moving over to it", "none"},
	{"saving_per_call_given", "money/call", -ANY, ANY, false, NAN_, false, "saved a call, where it is known", NULL,
	 "saving_per_call"},
	{"calls_per_month", "calls", 0, ANY, true, NAN_, true, "v, calls of this task a month"},
	{"hosting", "money/month", 0, ANY, false, 0, false, "H, hosting of the tuned model", "0: served per token"},
	{"retrain", "money/month", 0, ANY, false, 0, false, "R, retraining, as an average month", "never retrained"},
	{"input_tokens", "tokens", 0, ANY, false, 0, false, "input that both models need", "none", "input"},
	{"output_tokens", "tokens", 0, ANY, false, 0, false, "output", "none", "output"},
	{"tokens_removed", "tokens", 0, ANY, false, 0, false, "instructions and examples that the tuned model drops",
	 "none"},
	{"now_in", "money/Mtok", 0, ANY, false, NAN_, false,
	 "input price of today's model (--model-now NAME or IN/OUT)"},
	{"now_out", "money/Mtok", 0, ANY, false, 0, false, "its output price", "output not counted"},
	{"now_read", "times", 0, 1, false, 0.1, false, "its cache read multiplier",
	 "0.1: Anthropic, OpenAI, Gemini, read 2026-11"},
	{"now_write", "times", 0, 10, false, 1, false, "its cache write multiplier", "1: free writes"},
	{"now_hit", "share", 0, 1, false, 0, false, "hit rate of the removed tokens today: they are a static prefix",
	 "0: nothing is cached"},
	{"tuned_in", "money/Mtok", 0, ANY, false, NAN_, false, "input price of the tuned model (--model-tuned)"},
	{"tuned_out", "money/Mtok", 0, ANY, false, 0, false, "its output price", "output not counted"},
	{"retries_now", "share", 0, 100, false, 0, false, "extra attempts per call today", "none"},
	{"retries_tuned", "share", 0, 100, false, 0, false, "extra attempts per call with the tuned model", "none"},
	{"retires", "date", 0, ANY, true, NAN_, false, "date on which the base model retires (or months from now)"},
	{"stable_months", "months", 0, ANY, true, NAN_, false, "months for which the task stays as it is"},
	{0},
};
enum { COST_NOW, COST_TUNED, TOTAL, PER_CALL, BE_CALLS, NET, BE_MONTHS, ALLOWED, VALID };
static const struct formula_output outputs[] = {
	{"cost_now_per_call", "money/call",
	 "(1 + retries_now) * (now_in * (input_tokens + tokens_removed * (now_hit * now_read + (1 - now_hit) * "
	 "now_write))"
	 " + now_out * output_tokens) / 1000000",
	 true},
	{"cost_tuned_per_call", "money/call",
	 "(1 + retries_tuned) * (tuned_in * input_tokens + tuned_out * output_tokens) / 1000000", true},
	{"upfront_total", "money", "upfront + data + train + eval + migrate", true},
	{"saving_per_call", "money/call", "given(saving_per_call_given, cost_now_per_call - cost_tuned_per_call)"},
	{"breakeven_calls", "calls", "if(0 < saving_per_call, upfront_total / saving_per_call, 1 / 0)"},
	{"net_saving_per_month", "money/month", "calls_per_month * saving_per_call - hosting - retrain"},
	{"breakeven_months", "months", "if(0 < net_saving_per_month, upfront_total / net_saving_per_month, 1 / 0)"},
	{"months_allowed", "months", "min(given(retires, stable_months), given(stable_months, retires))"},
	{"valid", "bool",
	 "if(0 < given(net_saving_per_month, 0), if(breakeven_months < given(months_allowed, 1000000), 1, 0), 0)"},
	{0},
};

double finetune_breakeven_calls(double upfront_money, double saving_money_per_call)
{
	return saving_money_per_call > 0 ? upfront_money / saving_money_per_call : INFINITY;
}

double finetune_breakeven_months(double upfront_money, double saving_money_per_call, double calls_per_month,
				 double hosting_money_per_month, double retrain_money_per_month)
{
	double net = calls_per_month * saving_money_per_call - hosting_money_per_month - retrain_money_per_month;
	return net > 0 ? upfront_money / net : INFINITY;
}

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	double phi = in[NOW_HIT] * in[NOW_READ] + (1 - in[NOW_HIT]) * in[NOW_WRITE];
	out[COST_NOW] = (1 + in[RETRIES_NOW]) *
			(in[NOW_IN] * (in[INPUT] + in[REMOVED] * phi) + in[NOW_OUT] * in[OUTPUT]) / TOK_PER_M;
	out[COST_TUNED] = (1 + in[RETRIES_TUNED]) * (in[TUNED_IN] * in[INPUT] + in[TUNED_OUT] * in[OUTPUT]) / TOK_PER_M;
	out[TOTAL] = in[UPFRONT] + in[DATA] + in[TRAIN] + in[EVAL] + in[MIGRATE];
	out[PER_CALL] = isnan(in[SAVING]) ? out[COST_NOW] - out[COST_TUNED] : in[SAVING];
	out[BE_CALLS] = finetune_breakeven_calls(out[TOTAL], out[PER_CALL]);
	out[NET] = in[CALLS] * out[PER_CALL] - in[HOSTING] - in[RETRAIN];
	out[BE_MONTHS] = finetune_breakeven_months(out[TOTAL], out[PER_CALL], in[CALLS], in[HOSTING], in[RETRAIN]);
	out[ALLOWED] = fmin(in[RETIRES], in[STABLE]); /* fmin takes the known one */
	out[VALID] = out[NET] > 0 && !(out[BE_MONTHS] >= (isnan(out[ALLOWED]) ? 1e6 : out[ALLOWED]));
}

static int verify(const struct formula_run *r, struct err *e)
{
	double total = r->in[UPFRONT] + r->in[DATA] + r->in[TRAIN] + r->in[EVAL] + r->in[MIGRATE];
	if (isnan(r->in[SAVING]) && (isnan(r->in[NOW_IN]) || isnan(r->in[TUNED_IN]))) {
		err_set(e, RR_USAGE, "finetune needs --saving-per-call, or --model-now and --model-tuned");
		return err_hint(e, "models: a name of the price book, or IN/OUT prices such as 2.00/10.00");
	}
	if (total == 0)
		return err_set(e, RR_USAGE, "finetune needs --upfront: what is paid once (or --data, --train, --eval)");
	if (r->in[NOW_HIT] > 0 && r->in[REMOVED] == 0)
		return err_set(e, RR_RANGE, "now_hit is %g but tokens_removed is 0: a hit rate needs a prefix",
			       r->in[NOW_HIT]);
	return 0;
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64], d[64];
	bool valid = r->out[VALID] != 0;
	double months = r->out[BE_MONTHS];
	if (isnan(months)) {
		sb_addf(verdict, "DO NOT TUNE: it never pays back.");
		sb_addf(why, "It saves %s a month before hosting and retraining, which cost %s; that leaves nothing. ",
			value_text(r->in[CALLS] * r->out[PER_CALL], "money", r->currency, a),
			value_text(r->in[HOSTING] + r->in[RETRAIN], "money", r->currency, b));
		if (r->out[PER_CALL] > 0)
			sb_addf(why, "From %s a month on it would begin to save.",
				value_text((r->in[HOSTING] + r->in[RETRAIN]) / r->out[PER_CALL], "calls", r->currency,
					   c));
	} else {
		sb_addf(verdict,
			valid ? "TUNE, if quality holds: back in %s." : "DO NOT TUNE: back in %s, which is too late.",
			value_text(months, "months", r->currency, a));
		sb_addf(why, "%s saved a call x %s a month, less %s of hosting and retraining, against %s once. ",
			value_text(r->out[PER_CALL], "money", r->currency, a),
			value_text(r->in[CALLS], "calls", r->currency, b),
			value_text(r->in[HOSTING] + r->in[RETRAIN], "money", r->currency, c),
			value_text(r->out[TOTAL], "money", r->currency, d));
		if (!isnan(r->out[ALLOWED]))
			sb_addf(why, "The base model's retirement or the task's drift leaves %s. ",
				value_text(r->out[ALLOWED], "months", r->currency, a));
		else
			sb_addf(why, "No retirement date and no stable months were given: a tuned model dies with its "
				     "base. ");
		if (!isnan(r->out[ALLOWED]) && !valid && r->out[PER_CALL] > 0)
			sb_addf(why, "It would pay from %s a month on.",
				value_text((r->out[TOTAL] / r->out[ALLOWED] + r->in[HOSTING] + r->in[RETRAIN]) /
						   r->out[PER_CALL], "calls", r->currency, b));
	}
	if (r->in[REMOVED] > 0 && r->in[NOW_HIT] == 0)
		sb_addf(why, " The tokens that are removed are a static prefix: cache them first (--now-hit) and see "
			     "again.");
}

const struct formula formula_finetune = {
	.name = "finetune", .summary = "fine-tune or not: calls and months to pay back, and whether they are there",
	.source = "V* = C / dc; months = C / (v dc - H - R)",
	.inputs = inputs, .outputs = outputs, .compute = compute, .verify = verify, .say = say, .command = true,
};

/* Payback of an outlay from a monthly saving: 8,000 at 2,800 a month is 2.86 months or 12.4 weeks; to be back in three
 * weeks it would have to save 11,600 a month. Against a bill of 518: 15.4 months even if the bill fell to zero. */
enum { P_OUTLAY, P_BILL, P_SHARE, P_SAVING, P_WEEKS };
static const struct formula_input payback_inputs[] = {
	{"outlay", "money", 0, ANY, false, NAN_, true, "what was paid once"},
	{"bill_per_month", "money/month", 0, ANY, false, NAN_, false, "the bill that the outlay acts on"},
	{"saving_share", "share", 0, 1, false, 1, false, "share of the bill that it saves",
	 "1: the bill falls to zero"},
	{"saving_per_month_given", "money/month", 0, ANY, false, NAN_, false, "saved a month, where it is known", NULL,
	 "saving_per_month"},
	{"weeks_wanted", "weeks", 0, ANY, true, NAN_, false, "payback in weeks that somebody promised"},
	{0},
};
static const struct formula_output payback_outputs[] = {
	{"saving_per_month", "money/month", "given(saving_per_month_given, bill_per_month * saving_share)"},
	{"months", "months", "outlay / saving_per_month"},
	{"weeks", "weeks", "months * (365.25 / 84)"},
	{"months_if_bill_fell_to_zero", "months", "outlay / bill_per_month"},
	{"saving_per_month_needed", "money/month", "outlay / weeks_wanted * (365.25 / 84)"},
	{"needed_share_of_bill", "share", "saving_per_month_needed / bill_per_month"},
	{0},
};

static void payback_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = isnan(in[P_SAVING]) ? in[P_BILL] * in[P_SHARE] : in[P_SAVING];
	out[1] = in[P_OUTLAY] / out[0];
	out[2] = out[1] * WEEKS_PER_MONTH;
	out[3] = in[P_OUTLAY] / in[P_BILL];
	out[4] = in[P_OUTLAY] / in[P_WEEKS] * WEEKS_PER_MONTH;
	out[5] = out[4] / in[P_BILL];
}

static int payback_verify(const struct formula_run *r, struct err *e)
{
	if (isnan(r->in[P_SAVING]) && isnan(r->in[P_BILL]))
		return err_set(e, RR_USAGE, "payback needs saving_per_month, or bill_per_month (and saving_share)");
	if (r->in[P_SAVING] > r->in[P_BILL])
		return err_set(e, RR_RANGE, "saving_per_month %g is more than the whole bill of %g", r->in[P_SAVING],
			       r->in[P_BILL]);
	return 0;
}

static void payback_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, "It is back in %s (%s).", value_text(r->out[1], "months", r->currency, a),
		value_text(r->out[2], "weeks", r->currency, b));
	if (!isnan(r->out[3]))
		sb_addf(why, "Even if the whole bill fell away it would take %s. ",
			value_text(r->out[3], "months", r->currency, a));
	if (!isnan(r->out[4]))
		sb_addf(why, "%s would need a saving of %s", value_text(r->in[P_WEEKS], "weeks", r->currency, a),
			value_text(r->out[4], "money/month", r->currency, b));
	if (!isnan(r->out[5]))
		sb_addf(why, "%s the whole bill of %s.", r->out[5] > 1 ? ", above" : ", within",
			value_text(r->in[P_BILL], "money/month", r->currency, a));
}

const struct formula formula_payback = {
	.name = "payback", .summary = "months until an outlay is back", .source = "outlay / saving",
	.inputs = payback_inputs, .outputs = payback_outputs, .compute = payback_compute, .verify = payback_verify,
	.say = payback_say, .command = true,
};

/* "3,000 of tuning against 500 of prompting: damage 2,500": the upfront difference only; retraining is on top. */
enum { T_TUNE, T_PROMPT, T_RETRAIN, T_HOSTING, T_MONTHS };
static const struct formula_input tune_or_prompt_inputs[] = {
	{"tune_upfront", "money", 0, ANY, false, NAN_, true, "the tune, paid once"},
	{"prompt_upfront", "money", 0, ANY, false, NAN_, true, "the work on the prompt, paid once"},
	{"retrain_per_month", "money/month", 0, ANY, false, 0, false, "retraining, as an average month", "priced at 0"},
	{"hosting_per_month", "money/month", 0, ANY, false, 0, false, "hosting of the tuned model", "priced at 0"},
	{"months", "months", 0, ANY, false, 12, false, "over how long", "a year"},
	{0},
};
static const struct formula_output tune_or_prompt_outputs[] = {
	{"upfront_difference", "money", "tune_upfront - prompt_upfront"},
	{"damage", "money", "upfront_difference + (retrain_per_month + hosting_per_month) * months"},
	{0},
};

static void tune_or_prompt_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[T_TUNE] - in[T_PROMPT];
	out[1] = out[0] + (in[T_RETRAIN] + in[T_HOSTING]) * in[T_MONTHS];
}

static void tune_or_prompt_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, "Tuning instead of prompting costs %s more.", value_text(r->out[1], "money", r->currency, a));
	if (r->in[T_RETRAIN] + r->in[T_HOSTING] > 0)
		sb_addf(why, "%s of it upfront; the rest is retraining and hosting.",
			value_text(r->out[0], "money", r->currency, b));
	else
		sb_addf(why, "This is the upfront difference only: retraining and hosting are priced at 0.");
}

const struct formula formula_tune_or_prompt = {
	.name = "tune_or_prompt", .summary = "what tuning costs over prompting", .source = "difference",
	.inputs = tune_or_prompt_inputs, .outputs = tune_or_prompt_outputs, .compute = tune_or_prompt_compute,
	.say = tune_or_prompt_say,
};

/* "Fine-tuning pays from 50,000 queries a month": at 0.00173 a query their whole bill is 86 a month, so 7,000 takes
 * 81 months even if all of it were saved; back in 12 months at half saved needs 0.0233 a query, or 674,000 queries. */
enum { V_CALLS, V_PER_CALL, V_UPFRONT, V_SHARE, V_MONTHS };
static const struct formula_input volume_inputs[] = {
	{"calls_per_month", "calls", 0, ANY, true, NAN_, true, "the volume from which it is said to pay"},
	{"per_call", "money/call", 0, ANY, true, NAN_, true, "what a call costs today"},
	{"upfront", "money", 0, ANY, true, NAN_, true, "what the tune costs once"},
	{"saving_share", "share", 0, 1, true, 0.5, false, "share of the bill that it saves", "half"},
	{"months", "months", 0, ANY, true, 12, false, "payback that is acceptable", "a year"},
	{0},
};
static const struct formula_output volume_outputs[] = {
	{"bill_per_month", "money/month", "calls_per_month * per_call"},
	{"months_if_bill_fell_to_zero", "months", "upfront / bill_per_month"},
	{"payback_months", "months", "months_if_bill_fell_to_zero / saving_share"},
	{"calls_per_month_needed", "calls", "upfront / (months * saving_share * per_call)"},
	{"per_call_needed", "money/call", "upfront / (months * saving_share * calls_per_month)"},
	{0},
};

static void volume_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[V_CALLS] * in[V_PER_CALL];
	out[1] = in[V_UPFRONT] / out[0];
	out[2] = out[1] / in[V_SHARE];
	out[3] = in[V_UPFRONT] / (in[V_MONTHS] * in[V_SHARE] * in[V_PER_CALL]);
	out[4] = in[V_UPFRONT] / (in[V_MONTHS] * in[V_SHARE] * in[V_CALLS]);
}

static void volume_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64];
	sb_addf(verdict, "It pays back in %s from %s a month on.",
		value_text(r->in[V_MONTHS], "months", r->currency, a), value_text(r->out[3], "calls", r->currency, b));
	sb_addf(why,
		"At the stated volume the whole bill is %s: %s even if it fell to zero; the stated volume would need "
		"%s.",
		value_text(r->out[0], "money/month", r->currency, a), value_text(r->out[1], "months", r->currency, b),
		value_text(r->out[4], "money/call", r->currency, c));
}

const struct formula formula_finetune_volume = {
	.name = "finetune_volume", .summary = "from which volume on a tune pays back in time",
	.source = "upfront / (months x share x cost of a call)", .inputs = volume_inputs, .outputs = volume_outputs,
	.compute = volume_compute, .say = volume_say, .command = true,
};
