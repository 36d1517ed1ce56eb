/* SPDX-License-Identifier: Apache-2.0
 *
 * Prompt caching: a prefix of P tokens that repeats, U tokens of rest, O of output.
 *
 *   one request = p_in (U + P phi) + p_out O,   phi = h rho + (1 - h) omega
 *   it pays if  h > (omega - 1) / (omega - rho)
 *   keep-alive pays while the hazard of a return within the next TTL exceeds  rho / (omega - rho)
 *   a Poisson stream of rate lambda hits with  h = 1 - exp(-lambda TTL)
 *
 * rho and omega are the read and the write multiplier of the input price (vendors' price pages, read 2026-11:
 * 1.25 / 0.1 pays above 21.7 %, 2.0 / 0.1 above 52.6 %, 2.5 / 0.05 above 61.2 %). "Free writes" is omega = 1: a
 * miss still costs the plain input price.
 *
 * Worked example: 50,000 tokens x 1,000 a day at 0.40 per million is 20 a day; at 99 % hits, 0.1 and 1.25 it is
 * 20 (0.99 x 0.1 + 0.01 x 1.25) = 2.23.
 */
#include <math.h>

#include "plan/families.h"

enum { PREFIX, REST, OUTPUT, CALLS, PRICE_IN, PRICE_OUT, READ, WRITE, HIT, TIER };
static const struct formula_input inputs[] = {
	{"prefix", "tokens", 0, ANY, false, NAN_, true, "P, tokens at the start that repeat from call to call"},
	{"rest", "tokens", 0, ANY, false, 0, false, "U, the other input tokens", "none"},
	{"output", "tokens", 0, ANY, false, 0, false, "O, output tokens", "none"},
	{"calls_per_day", "calls", 0, ANY, true, NAN_, true, "calls a day"},
	{"price_in", "money/Mtok", 0, ANY, false, NAN_, true, "input price"},
	{"price_out", "money/Mtok", 0, ANY, false, 0, false, "output price", "output not counted"},
	{"read", "times", 0, 1, false, 0.1, false, "rho: a cached token costs this part of the input price",
	 "0.1: Anthropic, OpenAI, Gemini, read 2026-11"},
	{"write", "times", 0, 10, false, 1.25, false, "omega: a written token costs this multiple; 1 = free writes",
	 "1.25: Anthropic 5 min, OpenAI 30 min, read 2026-11"},
	{"hit", "share", 0, 1, false, NAN_, true, "h: share of calls that find the prefix cached"},
	{"tier", "times", 0, 10, true, 1, false, "beta: 0.5 for batch and flex, 2 for priority", "standard"},
	{0},
};
enum { BEFORE, PHI, AFTER, SAVING, FLOOR, PAYS_ABOVE, FREE_AFTER, FREE_SAVING, UP_TO };
static const struct formula_output outputs[] = {
	{"before_per_day", "money/day",
	 "calls_per_day * tier * (price_in * (rest + prefix) + price_out * output) / 1000000"},
	{"phi", "times", "hit * read + (1 - hit) * write", true},
	{"after_per_day", "money/day",
	 "calls_per_day * tier * (price_in * (rest + prefix * phi) + price_out * output) / 1000000"},
	{"saving_share", "share", "1 - after_per_day / before_per_day"},
	{"floor_per_day", "money/day",
	 "calls_per_day * tier * (price_in * (rest + prefix * read) + price_out * output) / 1000000"},
	{"pays_above_hit_rate", "share", "max(0, (write - 1) / (write - read))"},
	{"after_per_day_free_writes", "money/day",
	 "calls_per_day * tier * (price_in * (rest + prefix * (hit * read + 1 - hit)) + price_out * output) / 1000000",
	 true},
	{"saving_share_free_writes", "share", "1 - after_per_day_free_writes / before_per_day", true},
	{"saving_share_up_to", "share", "1 - floor_per_day / before_per_day", true},
	{0},
};

double cache_phi(double hit_share, double read_ratio, double write_ratio)
{
	return hit_share * read_ratio + (1 - hit_share) * write_ratio;
}

double cache_pays_above_hit_share(double read_ratio, double write_ratio)
{
	double h = (write_ratio - 1) / (write_ratio - read_ratio);
	return h < 0 ? 0 : h;
}

double cache_keepalive_hazard(double read_ratio, double write_ratio)
{
	return read_ratio / (write_ratio - read_ratio);
}

double cache_poisson_hit_share(double calls_per_minute, double ttl_minutes)
{
	return -expm1(-calls_per_minute * ttl_minutes);
}

static double per_day(const double in[], double phi)
{
	return in[CALLS] * in[TIER] * (in[PRICE_IN] * (in[REST] + in[PREFIX] * phi) + in[PRICE_OUT] * in[OUTPUT]) /
	       TOK_PER_M;
}

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[BEFORE] = per_day(in, 1);
	out[PHI] = cache_phi(in[HIT], in[READ], in[WRITE]);
	out[AFTER] = per_day(in, out[PHI]);
	out[SAVING] = 1 - out[AFTER] / out[BEFORE];
	out[FLOOR] = per_day(in, in[READ]);
	out[PAYS_ABOVE] = cache_pays_above_hit_share(in[READ], in[WRITE]);
	out[FREE_AFTER] = per_day(in, cache_phi(in[HIT], in[READ], 1));
	out[FREE_SAVING] = 1 - out[FREE_AFTER] / out[BEFORE];
	out[UP_TO] = 1 - out[FLOOR] / out[BEFORE];
}

static int verify(const struct formula_run *r, struct err *e)
{
	if (r->in[HIT] > 0 && r->in[PREFIX] == 0) {
		err_set(e, RR_RANGE, "hit is %g but prefix is 0: a hit rate needs a prefix that can be hit",
			r->in[HIT]);
		return err_hint(e, "give the prefix's tokens, or hit 0");
	}
	if (r->in[READ] > r->in[WRITE])
		return err_set(e, RR_RANGE, "read %g is dearer than write %g: give read at most as large as write",
			       r->in[READ], r->in[WRITE]);
	return 0;
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64];
	bool pays = r->out[SAVING] > 0;
	if (pays)
		sb_addf(verdict, "CACHE IT: %s of the bill goes, %s becomes %s.",
			value_text(r->out[SAVING], "share", r->currency, a),
			value_text(r->out[BEFORE], "money/day", r->currency, b),
			value_text(r->out[AFTER], "money/day", r->currency, c));
	else
		sb_addf(verdict, "DO NOT CACHE: it would cost %s more.",
			value_text(-r->out[SAVING], "share", r->currency, a));
	sb_addf(why, "%s hits against %s where it begins to pay; not even all hits get below %s.",
		value_text(r->in[HIT], "share", r->currency, a),
		value_text(r->out[PAYS_ABOVE], "share", r->currency, b),
		value_text(r->out[FLOOR], "money/day", r->currency, c));
}

const struct formula formula_cache = {
	.name = "cache", .summary = "what prompt caching leaves of a bill, and from which hit rate on it pays",
	.source = "vendors' caching rules, read 2026-11; phi = h rho + (1 - h) omega",
	.inputs = inputs, .outputs = outputs, .compute = compute, .verify = verify, .say = say, .command = true,
};

enum { KA_READ, KA_WRITE, KA_RATE, KA_TTL };
static const struct formula_input keepalive_inputs[] = {
	{"read", "times", 0, 1, false, 0.1, false, "rho", "0.1: Anthropic, OpenAI, Gemini, read 2026-11"},
	{"write", "times", 0, 10, false, 1.25, false, "omega", "1.25: Anthropic 5 min, read 2026-11"},
	{"calls_per_minute", "calls", 0, ANY, true, NAN_, false, "rate of calls that share the prefix (Poisson)"},
	{"ttl_minutes", "minutes", 0, ANY, true, 5, false, "life of an entry", "Anthropic: 5 minutes"},
	{0},
};
static const struct formula_output keepalive_outputs[] = {
	{"ping_while_hazard_above", "share", "read / (write - read)"},
	{"stop_after_pings", "pings", "(write - read) / read"},
	{"stop_after_minutes", "minutes", "stop_after_pings * ttl_minutes"},
	{"hit", "share", "1 - exp(-(calls_per_minute * ttl_minutes))"},
	{"pays_above_hit_rate", "share", "max(0, (write - 1) / (write - read))"},
	{0},
};

static void keepalive_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = cache_keepalive_hazard(in[KA_READ], in[KA_WRITE]);
	out[1] = (in[KA_WRITE] - in[KA_READ]) / in[KA_READ];
	out[2] = out[1] * in[KA_TTL];
	out[3] = cache_poisson_hit_share(in[KA_RATE], in[KA_TTL]);
	out[4] = cache_pays_above_hit_share(in[KA_READ], in[KA_WRITE]);
}

const struct formula formula_keepalive = {
	.name = "keepalive",
	.summary = "how long to keep a cached prefix alive by pings, and what a Poisson stream hits",
	.source = "ski rental: a ping costs rho, a lapse omega - rho",
	.inputs = keepalive_inputs,
	.outputs = keepalive_outputs,
	.compute = keepalive_compute,
	.command = true,
};
