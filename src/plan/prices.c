/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic on price lists: what calls cost, how far prices lie apart. Most of it serves `claim check`.
 *
 * Worked examples: 300,000 calls of 500 in and 300 out at 0.75 / 4.50 are 517.50; 50,000 tokens x 1,000 a day are 20 a
 * day only at 0.40 per million, 150 at 3.00; 0.20 to 30 is 150 times; output is 6.25, 6, 6 and 5 times input on four
 * models of one list.
 */
#include <math.h>

#include "plan/families.h"

enum { C_CALLS, C_DAYS, C_INPUT, C_OUTPUT, C_IN, C_OUT };
static const struct formula_input calls_inputs[] = {
	{"calls_per_day", "calls", 0, ANY, true, NAN_, true, "calls a day"},
	{"days", "days", 0, 366, true, 30, false, "days in the month", "30 days"},
	{"input_tokens", "tokens", 0, ANY, false, NAN_, true, "input of one call"},
	{"output_tokens", "tokens", 0, ANY, false, 0, false, "output of one call", "output ignored"},
	{"price_in", "money/Mtok", 0, ANY, false, NAN_, true, "input price"},
	{"price_out", "money/Mtok", 0, ANY, false, 0, false, "output price", "output ignored"},
	{0},
};
static const struct formula_output calls_outputs[] = {
	{"per_call", "money/call", "(input_tokens * price_in + output_tokens * price_out) / 1000000"},
	{"per_day", "money/day", "calls_per_day * per_call"},
	{"calls_per_month", "calls", "calls_per_day * days"},
	{"per_month", "money/month", "calls_per_month * per_call"},
	{0},
};

static void calls_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = (in[C_INPUT] * in[C_IN] + in[C_OUTPUT] * in[C_OUT]) / TOK_PER_M;
	out[1] = in[C_CALLS] * out[0];
	out[2] = in[C_CALLS] * in[C_DAYS];
	out[3] = out[2] * out[0];
}

static void calls_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, "%s, %s.", value_text(r->out[1], "money/day", r->currency, a),
		value_text(r->out[3], "money/month", r->currency, b));
	if (r->in[C_OUTPUT] == 0 || r->in[C_OUT] == 0)
		sb_addf(why, "Output is ignored in this figure.");
}

const struct formula formula_calls_cost = {
	.name = "calls_cost", .summary = "what a number of equal calls costs", .source = "tokens x prices",
	.inputs = calls_inputs, .outputs = calls_outputs, .compute = calls_compute, .say = calls_say, .command = true,
};

static const struct formula_columns ratio_columns = {
	"models", {"in", "out"}, {"money/Mtok", "money/Mtok"}, {NAN_, NAN_, NAN_}, {1e-9, 0, 0}, {ANY, ANY, ANY},
	"NAME=IN:OUT,...",
};
static const struct formula_input no_inputs[] = {{0}};
static const struct formula_output ratio_outputs[] = {
	{"least_ratio", "times", "least(out / in)"},
	{"most_ratio", "times", "most(out / in)"},
	{0},
};

static void price_ratios_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = out[1] = NAN;
	for (unsigned m = 0; m < rows; m++) {
		double ratio = row[m].v[1] / row[m].v[0];
		out[0] = isnan(out[0]) || ratio < out[0] ? ratio : out[0];
		out[1] = isnan(out[1]) || ratio > out[1] ? ratio : out[1];
	}
}

static void price_ratios_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	sb_addf(verdict, "Output costs %.4g to %.4g times input.", r->out[0], r->out[1]);
	for (unsigned m = 0; m < r->rows; m++)
		sb_addf(why, "%s%s %.4g", m ? ", " : "", r->row[m].name, r->row[m].v[1] / r->row[m].v[0]);
	sb_addc(why, '.');
}

const struct formula formula_price_ratios = {
	.name = "price_ratios", .summary = "output price over input price, model by model", .source = "price list",
	.inputs = no_inputs, .outputs = ratio_outputs, .columns = &ratio_columns, .compute = price_ratios_compute,
	.say = price_ratios_say,
};

static const struct formula_columns span_columns = {
	"prices", {"price"}, {"money/Mtok"}, {NAN_, NAN_, NAN_}, {1e-12, 0, 0}, {ANY, ANY, ANY}, "NAME=PRICE,...",
};
static const struct formula_output span_outputs[] = {
	{"lowest", "money/Mtok", "least(price)"},
	{"highest", "money/Mtok", "most(price)"},
	{"span", "times", "highest / lowest"},
	{0},
};

static void span_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = out[1] = NAN;
	for (unsigned m = 0; m < rows; m++) {
		out[0] = isnan(out[0]) || row[m].v[0] < out[0] ? row[m].v[0] : out[0];
		out[1] = isnan(out[1]) || row[m].v[0] > out[1] ? row[m].v[0] : out[1];
	}
	out[2] = out[1] / out[0];
}

const struct formula formula_price_span = {
	.name = "price_span", .summary = "dearest over cheapest", .source = "price list", .inputs = no_inputs,
	.outputs = span_outputs, .columns = &span_columns, .compute = span_compute,
};

enum { R_NUMBER, R_BASE };
static const struct formula_input ratio_inputs[] = {
	{"amount", "money", 0, ANY, false, NAN_, true, "the amount"},
	{"base", "money", 0, ANY, true, NAN_, true, "what it is compared with"},
	{0},
};
static const struct formula_output ratio2_outputs[] = {
	{"ratio", "times", "amount / base"},
	{"change", "share", "amount / base - 1"},
	{0},
};

static void ratio_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[R_NUMBER] / in[R_BASE];
	out[1] = out[0] - 1;
}

static void ratio_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, "%s is %.4g times %s.", value_text(r->in[R_NUMBER], "money", r->currency, a), r->out[0],
		value_text(r->in[R_BASE], "money", r->currency, b));
}

const struct formula formula_ratio = {
	.name = "ratio", .summary = "one amount over another", .source = "division", .inputs = ratio_inputs,
	.outputs = ratio2_outputs, .compute = ratio_compute, .say = ratio_say,
};

/* Premium work routed to a cheaper model: which part of the premium price does each cost? */
enum { S_PREMIUM };
static const struct formula_input share_inputs[] = {
	{"premium", "money/Mtok", 0, ANY, true, NAN_, true, "price of the premium model"},
	{0},
};
static const struct formula_output share_outputs[] = {
	{"least_price_share", "share", "least(price) / premium"},
	{"most_price_share", "share", "most(price) / premium"},
	{0},
};

static void share_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	double span[3];
	span_compute(in, row, rows, span);
	out[0] = span[0] / in[S_PREMIUM];
	out[1] = span[1] / in[S_PREMIUM];
}

static void share_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64];
	sb_addf(verdict, "By price the others are ");
	for (unsigned m = 0; m < r->rows; m++)
		sb_addf(verdict, "%s%s %s", m ? ", " : "", r->row[m].name,
			value_text(r->row[m].v[0] / r->in[S_PREMIUM], "share", r->currency, a));
	sb_addf(verdict, " of the premium model.");
	sb_addf(why, "Quality is not arithmetic: it is measured, on your own samples.");
}

const struct formula formula_price_share = {
	.name = "price_share", .summary = "cheaper models' prices as a part of the premium one", .source = "price list",
	.inputs = share_inputs, .outputs = share_outputs, .columns = &span_columns, .compute = share_compute,
	.say = share_say,
};

/* A figure that arithmetic cannot reach: printed, with its source, and never called right or wrong. */
static const struct formula_output no_outputs[] = {{0}};
static void nothing_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
}

const struct formula formula_reference = {
	.name = "reference",
	.summary = "a figure that is carried with its source, not derivable",
	.source = "as stated",
	.inputs = no_inputs,
	.outputs = no_outputs,
	.compute = nothing_compute,
};
