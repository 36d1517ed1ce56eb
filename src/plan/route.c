/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing: a mix of models instead of one, a cascade that tries the cheap one first, and the price of switching.
 *
 *   blended = sum of x_m p_m kappa_m;  kappa = tokenizer ratio x verbosity ratio (newer tokenizers: about +30 %)
 *   a cascade beats always-strong iff  p_escalate < 1 - c_cheap / c_strong - c_verify / c_strong
 *   switching model throws the cached prefix away: it costs P (omega p_new - rho p_old) once
 *
 * Worked examples: 75 / 17.5 / 7.5 % on 0.20 / 2.50 / 30 is 2.8375 against 30: 90.5 % saved; on 1 / 3 / 5 it is 67 %.
 * Cheap at a tenth, verification at a hundredth: escalate less than 89 %. A prefix of 100,000 tokens at 2.00 (read
 * 0.1) moved to 1.00 (write 1.25): 0.125 to write there against 0.02 to read here.
 */
#include <math.h>

#include "plan/families.h"

enum { SHARE, PRICE, KAPPA };
static const struct formula_columns columns = {
	"mix", {"share", "price", "ratio"}, {"share", "money/Mtok", "times"}, {NAN_, NAN_, 1}, {0, 0, 0},
	{1, ANY, 1000}, "NAME=SHARE:PRICE[:RATIO],... RATIO: tokens that the model needs for the same work",
};
enum { BASELINE };
static const struct formula_input inputs[] = {
	{"baseline", "money/Mtok", 0, ANY, true, NAN_, true, "price of the one model that does it all today"},
	{0},
};
enum { BLENDED, SAVING };
static const struct formula_output outputs[] = {
	{"blended", "money/Mtok", "sumproduct(share, price, ratio)"},
	{"saving_share", "share", "1 - blended / baseline"},
	{0},
};

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[BLENDED] = 0;
	for (unsigned m = 0; m < rows; m++)
		out[BLENDED] += row[m].v[SHARE] * row[m].v[PRICE] * row[m].v[KAPPA];
	out[SAVING] = 1 - out[BLENDED] / in[BASELINE];
}

static int verify(const struct formula_run *r, struct err *e)
{
	double sum = 0;
	for (unsigned m = 0; m < r->rows; m++)
		sum += r->row[m].v[SHARE];
	if (r->rows == 0)
		return err_set(e, RR_USAGE, "route needs --mix NAME=SHARE:PRICE,...");
	if (fabs(sum - 1) > 1e-6) {
		err_set(e, RR_RANGE, "the shares of the mix sum to %g: they must sum to 1", sum);
		return err_hint(e, "name the rest too, on the model that it stays on");
	}
	return 0;
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64];
	sb_addf(verdict, r->out[SAVING] > 0 ? "ROUTE: the mix saves %s." : "DO NOT ROUTE: the mix costs %s more.",
		value_text(fabs(r->out[SAVING]), "share", r->currency, a));
	sb_addf(why, "It costs %s against %s. Quality is not in this figure: measure it on your own samples.",
		value_text(r->out[BLENDED], "money/Mtok", r->currency, b),
		value_text(r->in[BASELINE], "money/Mtok", r->currency, c));
}

const struct formula formula_route = {
	.name = "route", .summary = "a mix of models against one",
	.source = "blended = sum of share x price x token ratio",
	.inputs = inputs, .outputs = outputs, .columns = &columns, .compute = compute, .verify = verify, .say = say,
	.command = true,
};

enum { CHEAP, STRONG, VERIFY, ESCALATE };
static const struct formula_input cascade_inputs[] = {
	{"cheap", "money", 0, ANY, false, NAN_, true, "one call on the cheap model"},
	{"strong", "money", 0, ANY, true, NAN_, true, "one call on the strong model"},
	{"verify", "money", 0, ANY, false, 0, false, "checking one cheap answer",
	 "free: schema, compiler, refusal checks"},
	{"escalate", "share", 0, 1, false, NAN_, true, "share of calls that go on to the strong model"},
	{0},
};
static const struct formula_output cascade_outputs[] = {
	{"cost", "money", "cheap + verify + escalate * strong"},
	{"saving_share", "share", "1 - cost / strong"},
	{"escalate_below", "share", "1 - cheap / strong - verify / strong"},
	{0},
};

double route_cascade_escalate_below(double cheap_money, double strong_money, double verify_money)
{
	return 1 - cheap_money / strong_money - verify_money / strong_money;
}

static void cascade_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[CHEAP] + in[VERIFY] + in[ESCALATE] * in[STRONG];
	out[1] = 1 - out[0] / in[STRONG];
	out[2] = route_cascade_escalate_below(in[CHEAP], in[STRONG], in[VERIFY]);
}

const struct formula formula_cascade = {
	.name = "cascade", .summary = "cheap model first, the strong one when the answer fails its check",
	.source = "FrugalGPT (arXiv 2305.05176)", .inputs = cascade_inputs, .outputs = cascade_outputs,
	.compute = cascade_compute, .command = true,
};

enum { PREFIX, OLD_PRICE, OLD_READ, NEW_PRICE, NEW_WRITE, NEW_READ };
static const struct formula_input switch_inputs[] = {
	{"prefix", "tokens", 0, ANY, false, NAN_, true, "cached tokens that the switch throws away"},
	{"price_old", "money/Mtok", 0, ANY, false, NAN_, true, "input price of the model that holds the prefix"},
	{"read_old", "times", 0, 1, false, 0.1, false, "its read multiplier", "0.1"},
	{"price_new", "money/Mtok", 0, ANY, false, NAN_, true, "input price of the other model"},
	{"write_new", "times", 0, 10, false, 1.25, false, "its write multiplier", "1.25"},
	{"read_new", "times", 0, 1, false, 0.1, false, "its read multiplier", "0.1"},
	{0},
};
static const struct formula_output switch_outputs[] = {
	{"stay", "money", "prefix * read_old * price_old / 1000000"},
	{"move", "money", "prefix * write_new * price_new / 1000000"},
	{"switch_cost", "money", "move - stay"},
	{"saving_per_turn_after", "money", "prefix * (read_old * price_old - read_new * price_new) / 1000000"},
	{"turns_to_repay", "turns", "switch_cost / saving_per_turn_after"},
	{0},
};

static void switch_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[PREFIX] * in[OLD_READ] * in[OLD_PRICE] / TOK_PER_M;
	out[1] = in[PREFIX] * in[NEW_WRITE] * in[NEW_PRICE] / TOK_PER_M;
	out[2] = out[1] - out[0];
	out[3] = in[PREFIX] * (in[OLD_READ] * in[OLD_PRICE] - in[NEW_READ] * in[NEW_PRICE]) / TOK_PER_M;
	out[4] = out[2] / out[3];
}

const struct formula formula_switch = {
	.name = "switch", .summary = "what leaving a cached prefix for another model costs",
	.source = "P (omega p_new - rho p_old)", .inputs = switch_inputs, .outputs = switch_outputs,
	.compute = switch_compute, .command = true,
};
