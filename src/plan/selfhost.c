/* SPDX-License-Identifier: Apache-2.0
 *
 * API or own GPUs: crossover by utilisation, by tokens a month, by requests a month.
 *
 *   full load = 1e6 n rate / (3600 tok_s x SLO derate)         money per million tokens, the GPUs never idle
 *   u* = full load / API price                                 for the same input:output ratio and cache mix
 *   replicas = max(minimum, ceil(tokens / capacity)) + spare   a staircase, not a line
 *   fixed bill = replicas n rate 730 + people + power + storage: a rented GPU costs 24 hours whatever its use
 *
 * (Several web calculators multiply the rent by the utilisation: that is wrong for a rental.)
 *
 * Worked example: $2.50 an hour at 2,000 tok/s is 0.3472 per million at full load, 1.736 at 20 %, 6.944 at 5 %;
 * against 3.00 it breaks even at 11.6 % or 608 M tokens a month (1,825 / 3.00); at 240 M it costs 7.60.
 */
#include <math.h>

#include "plan/families.h"

enum { RATE, TPS, API, UTILISATION, TOKENS, REPLICAS_MIN, SPARE, GPUS, DERATE, PEOPLE, STORAGE, POWER_KW, POWER_PRICE,
       PUE, GROWTH };
static const struct formula_input inputs[] = {
	{"rate", "money/h", 0, ANY, true, NAN_, true,
	 "rent of one GPU for an hour (own hardware: its cost over its hours)"},
	{"tps", "tokens/s", 0, ANY, true, NAN_, true, "output tokens a second of one replica at full load"},
	{"api_per_mtok", "money/Mtok", 0, ANY, true, NAN_, true, "API price for the same tokens and cache mix"},
	{"utilisation", "share", 0, 1, true, NAN_, false, "share of the capacity that is used"},
	{"tokens_per_month", "tokens", 0, ANY, true, NAN_, false, "tokens a month in production"},
	{"replicas_min", "count", 1, 1e6, false, 1, false, "replicas that must run at least", "one"},
	{"spare", "count", 0, 1e6, false, 0, false, "replicas kept for failures (n+1: 1)", "no redundancy",
	 "redundancy"},
	{"gpus", "count", 1, 1e5, false, 1, false, "GPUs in one replica", "one"},
	{"slo_derate", "share", 0, 1, true, 1, false, "part of the full rate that the latency target leaves", "none"},
	{"people_per_month", "money/month", 0, ANY, false, 0, false, "people who run it", "not counted", "ops"},
	{"storage_per_month", "money/month", 0, ANY, false, 0, false, "storage, egress, support", "not counted"},
	{"power_kw", "kW", 0, ANY, false, 0, false, "power of one replica, where it is not in the rent", "in the rent"},
	{"power_price", "money/kWh", 0, ANY, false, 0, false, "price of power", "in the rent"},
	{"pue", "times", 1, 4, false, 1.2, false, "power usage effectiveness of the site",
	 "review of inference energy: 1.05 to 1.40"},
	{"growth", "share", -0.99, 10, false, NAN_, false, "growth of the tokens a month, to say when it crosses over"},
	{0},
};
enum { FULL, CAPACITY, REPLICAS, FIXED, FIXED_MIN, EFFECTIVE, BE_UTIL, BE_TOKENS, REACHABLE, YOUR_UTIL, API_BILL,
       YOUR_PER_MTOK, CROSS_MONTHS, CHEAPER_AT_FULL };
static const struct formula_output outputs[] = {
	{"full_load_per_mtok", "money/Mtok", "1000000 * gpus * rate / (3600 * tps * slo_derate)"},
	{"capacity_tokens_per_month", "tokens", "tps * slo_derate * 3600 * 730", true},
	{"replicas", "count",
	 "max(replicas_min, ceil(given(tokens_per_month, 1) / capacity_tokens_per_month)) + spare"},
	{"fixed_per_month", "money/month",
	 "replicas * (gpus * rate * 730 + power_kw * pue * power_price * 730) + people_per_month + storage_per_month"},
	{"fixed_at_minimum", "money/month",
	 "(replicas_min + spare) * (gpus * rate * 730 + power_kw * pue * power_price * 730) + people_per_month"
	 " + storage_per_month",
	 true},
	{"effective_per_mtok", "money/Mtok",
	 "given(fixed_per_month / (utilisation * (replicas - spare) * capacity_tokens_per_month),"
	 " fixed_per_month / tokens_per_month) * 1000000"},
	{"breakeven_utilisation", "share",
	 "fixed_at_minimum / (replicas_min * capacity_tokens_per_month * api_per_mtok) * 1000000"},
	{"breakeven_tokens_per_month", "tokens", "fixed_at_minimum / api_per_mtok * 1000000"},
	{"breakeven_reachable", "bool", "if(1 < breakeven_utilisation, 0, 1)"},
	{"your_utilisation", "share",
	 "given(tokens_per_month / ((replicas - spare) * capacity_tokens_per_month), utilisation)"},
	{"api_bill_per_month", "money/month",
	 "given(tokens_per_month, utilisation * (replicas - spare) * capacity_tokens_per_month) * api_per_mtok / "
	 "1000000"},
	{"self_hosted_per_mtok", "money/Mtok",
	 "given(fixed_per_month / tokens_per_month * 1000000, effective_per_mtok)", true},
	{"crossover_months", "months", "ln(breakeven_tokens_per_month / tokens_per_month) / ln(1 + growth)", true},
	{"cheaper_at_full_load", "times", "api_per_mtok / full_load_per_mtok", true},
	{0},
};

double selfhost_full_load_money_per_mtok(double money_per_gpu_hour, double gpus, double tok_per_s, double slo_derate)
{
	return TOK_PER_M * gpus * money_per_gpu_hour / (3600 * tok_per_s * slo_derate);
}

double selfhost_capacity_tok_per_month(double tok_per_s, double slo_derate)
{
	return tok_per_s * slo_derate * 3600 * HOURS_PER_MONTH;
}

double selfhost_replicas(double tokens_per_month, double capacity_tok_per_month, double replicas_min)
{
	return fmax(replicas_min, ceil(tokens_per_month / capacity_tok_per_month));
}

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	bool tokens_known = !isnan(in[TOKENS]);
	double capacity = selfhost_capacity_tok_per_month(in[TPS], in[DERATE]);
	double busy = selfhost_replicas(tokens_known ? in[TOKENS] : 1, capacity, in[REPLICAS_MIN]);
	double replica_month = in[GPUS] * in[RATE] * HOURS_PER_MONTH +
			       in[POWER_KW] * in[PUE] * in[POWER_PRICE] * HOURS_PER_MONTH;
	double people = in[PEOPLE] + in[STORAGE];
	out[FULL] = selfhost_full_load_money_per_mtok(in[RATE], in[GPUS], in[TPS], in[DERATE]);
	out[CAPACITY] = capacity;
	out[REPLICAS] = busy + in[SPARE];
	out[FIXED] = out[REPLICAS] * replica_month + people;
	out[FIXED_MIN] = (in[REPLICAS_MIN] + in[SPARE]) * replica_month + people;
	out[EFFECTIVE] = (!isnan(in[UTILISATION]) ? out[FIXED] / (in[UTILISATION] * busy * capacity)
						  : out[FIXED] / in[TOKENS]) * TOK_PER_M;
	out[BE_UTIL] = out[FIXED_MIN] / (in[REPLICAS_MIN] * capacity * in[API]) * TOK_PER_M;
	out[BE_TOKENS] = out[FIXED_MIN] / in[API] * TOK_PER_M;
	out[REACHABLE] = out[BE_UTIL] <= 1;
	out[YOUR_UTIL] = tokens_known ? in[TOKENS] / (busy * capacity) : in[UTILISATION];
	out[API_BILL] = (tokens_known ? in[TOKENS] : in[UTILISATION] * busy * capacity) * in[API] / TOK_PER_M;
	out[YOUR_PER_MTOK] = tokens_known ? out[FIXED] / in[TOKENS] * TOK_PER_M : out[EFFECTIVE];
	out[CROSS_MONTHS] = log(out[BE_TOKENS] / in[TOKENS]) / log(1 + in[GROWTH]);
	out[CHEAPER_AT_FULL] = in[API] / out[FULL];
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64];
	const double *out = r->out;
	if (out[REACHABLE] == 0)
		sb_addf(verdict, "STAY ON THE API: it costs less than these GPUs at full load. ");
	else if (isnan(out[YOUR_UTIL]))
		sb_addf(verdict, "It depends on your traffic: self-hosting pays above %s a month. ",
			value_text(out[BE_TOKENS], "tokens", r->currency, a));
	else if (out[API_BILL] <= out[FIXED])
		sb_addf(verdict, "STAY ON THE API: %s there, %s self-hosted. ",
			value_text(out[API_BILL], "money/month", r->currency, a),
			value_text(out[FIXED], "money/month", r->currency, b));
	else
		sb_addf(verdict, "SELF-HOST: %s against %s on the API. ",
			value_text(out[FIXED], "money/month", r->currency, a),
			value_text(out[API_BILL], "money/month", r->currency, b));
	sb_addf(why, "Break-even is %s of use, %s a month", value_text(out[BE_UTIL], "share", r->currency, a),
		value_text(out[BE_TOKENS], "tokens", r->currency, b));
	if (!isnan(out[YOUR_UTIL]))
		sb_addf(why, "; you are at %s", value_text(out[YOUR_UTIL], "share", r->currency, c));
	sb_addf(why, ". ");
	if (out[CROSS_MONTHS] > 0 && out[REACHABLE] != 0 && r->in[GROWTH] > 0)
	{
		sb_addf(why, "At %s a month more you cross over in about %.0f months",
			value_text(r->in[GROWTH], "share", r->currency, a), out[CROSS_MONTHS]);
		if (r->uncertain && isfinite(r->band[CROSS_MONTHS].p90))
			sb_addf(why, " (80 %%: %.0f to %.0f)", r->band[CROSS_MONTHS].p10, r->band[CROSS_MONTHS].p90);
		sb_addf(why, ". ");
	}
	if (r->in[PEOPLE] == 0)
		sb_addf(why, "Not counted: people (--people-per-month). ");
	if (r->in[SPARE] == 0)
		sb_addf(why, "No spare replica (--spare 1). ");
	sb_addf(why, "It compares one price per token: give the API price for the same input:output and cache mix.");
}

/* Cost per million tokens against the volume: '*' own GPUs, '-' the API. Rows from the dearest down. */
static void chart(const struct formula_run *r, struct sb *out)
{
	enum { ROWS = 8, COLUMNS = 48 };
	char grid[ROWS][COLUMNS + 1], text[64];
	double you = r->in[TOKENS], even = r->out[BE_TOKENS];
	double right = fmax(even * 2, isnan(you) ? 0 : you * 1.15);
	double top = fmax(isnan(you) ? 0 : r->out[YOUR_PER_MTOK] * 1.1, r->in[API] * 2.2);
	memset(grid, ' ', sizeof grid);
	unsigned api_row = (unsigned)fmin(ROWS - 1, floor((1 - r->in[API] / top) * ROWS));
	for (unsigned x = 0; x < COLUMNS; x++) {
		struct formula_run moved = *r;
		moved.in[TOKENS] = right * (x + 0.5) / COLUMNS;
		moved.in[UTILISATION] = NAN;
		formula_compute(&moved);
		double y = (1 - moved.out[YOUR_PER_MTOK] / top) * ROWS;
		grid[api_row][x] = '-';
		if (y >= 0)
			grid[(unsigned)fmin(ROWS - 1, y)][x] = '*';
	}
	for (unsigned y = 0; y < ROWS; y++) {
		grid[y][COLUMNS] = 0;
		double edge = top * (1 - (y + 0.5) / ROWS);
		size_t width = COLUMNS;
		while (width && grid[y][width - 1] == ' ')
			width--;
		sb_addf(out, "%6.3g |%.*s%s\n", y == api_row ? r->in[API] : edge, (int)width, grid[y],
			y == api_row ? " API" : "");
	}
	sb_addf(out, "       +");
	for (unsigned x = 0; x < COLUMNS; x++) {
		bool mine = !isnan(you) && x == (unsigned)(you / right * COLUMNS),
		     crosses = x == (unsigned)(even / right * COLUMNS);
		sb_addc(out, mine ? 'Y' : crosses ? 'X' : '-');
	}
	sb_addf(out, " %s\n        * own GPUs, a million tokens; X break-even%s\n",
		value_text(right, "tokens", r->currency, text), isnan(you) ? "" : "; Y you");
}

static void right_column(struct sb *out, bool known, const char *name, const char *value)
{
	if (known)
		sb_addf(out, "%-13s %s", name, value);
	sb_addc(out, '\n');
}

/* Two columns: the GPUs' side and yours. */
static void page(const struct formula_run *r, struct sb *out)
{
	char a[64], b[64];
	const double *v = r->out;
	bool known = !isnan(r->in[TOKENS]) || !isnan(r->in[UTILISATION]);
	sb_addf(out, "%.0f replica%s of %.0f GPU%s, 730 h a month", v[REPLICAS], v[REPLICAS] == 1 ? "" : "s",
		r->in[GPUS], r->in[GPUS] == 1 ? "" : "s");
	if (!isnan(r->in[TOKENS]))
		sb_addf(out, "; YOUR TRAFFIC %s", value_text(r->in[TOKENS], "tokens", r->currency, a));
	sb_addf(out, known ? "\n\n%-15s %-25s" : "\n\n%-15s %s", "fixed bill",
		value_text(v[FIXED], "money/month", r->currency, a));
	right_column(out, known, "API bill", value_text(v[API_BILL], "money/month", r->currency, a));
	sb_addf(out, known ? "%-15s %-25s" : "%-15s %s", "full-load cost",
		value_text(v[FULL], "money/Mtok", r->currency, a));
	right_column(out, known, "self-hosted", value_text(v[YOUR_PER_MTOK], "money/Mtok", r->currency, a));
	sb_addf(out, known ? "%-15s %s = %-17s" : "%-15s %s = %s", "break-even",
		value_text(v[BE_UTIL], "share", r->currency, a), value_text(v[BE_TOKENS], "tokens", r->currency, b));
	right_column(out, known, "you are at", value_text(v[YOUR_UTIL], "share", r->currency, a));
	if (r->uncertain && r->band[BE_UTIL].p10 < r->band[BE_UTIL].p90) {
		sb_addf(out, "%-15s %s to ", "80 %", value_text(r->band[BE_UTIL].p10, "share", r->currency, a));
		sb_addf(out, "%s = ", value_text(r->band[BE_UTIL].p90, "share", r->currency, a));
		sb_addf(out, "%s to %s\n", value_text(r->band[BE_TOKENS].p10, "tokens", r->currency, a),
			value_text(r->band[BE_TOKENS].p90, "tokens", r->currency, b));
	}
	sb_addc(out, '\n');
	if (v[REACHABLE] != 0)
		chart(r, out);
}

const struct formula formula_selfhost = {
	.name = "selfhost", .summary = "API or own GPUs: where they cross over, and where you stand",
	.source = "rent / tokens; capacity is a staircase of whole replicas",
	.inputs = inputs, .outputs = outputs, .compute = compute, .say = say, .page = page, .command = true,
};

/* "Self-host from 0.5-2 M requests a month at 2-5 thousand a month per server": that is 0.001 to 0.01 a request; at
 * 0.00173 a request it is 1.16 M (2,000) to 2.9 M (5,000), beyond the 1-2 M that one server carries. */
enum { S_SERVER, S_REQUEST, S_CAPACITY };
static const struct formula_input requests_inputs[] = {
	{"server_per_month", "money/month", 0, ANY, true, NAN_, true, "one server, all in"},
	{"per_request", "money/call", 0, ANY, true, NAN_, true, "one request on the API"},
	{"server_requests_per_month", "requests", 0, ANY, true, NAN_, false, "what one server carries"},
	{0},
};
static const struct formula_output requests_outputs[] = {
	{"requests_per_month", "requests", "server_per_month / per_request"},
	{"servers", "count", "ceil(requests_per_month / server_requests_per_month)"},
	{0},
};

static void requests_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[S_SERVER] / in[S_REQUEST];
	out[1] = ceil(out[0] / in[S_CAPACITY]);
}

static void requests_say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64];
	sb_addf(verdict, "A server pays from %s a month on.", value_text(r->out[0], "requests", r->currency, a));
	if (r->out[1] > 1)
		sb_addf(why, "That is more than one server carries (%s): the second one doubles the fixed bill.",
			value_text(r->in[S_CAPACITY], "requests", r->currency, b));
}

const struct formula formula_selfhost_requests = {
	.name = "selfhost_requests", .summary = "from how many requests a month a server pays",
	.source = "server / cost of a request", .inputs = requests_inputs, .outputs = requests_outputs,
	.compute = requests_compute, .say = requests_say, .command = true,
};
