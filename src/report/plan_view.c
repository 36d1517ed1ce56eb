/* SPDX-License-Identifier: Apache-2.0
 *
 * See plan_view.h. A curve is the formula itself, run again with one input moved: no second arithmetic lives here.
 */
#include "report/plan_view.h"

#include <math.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/num.h"
#include "report/svg.h"

enum { POINTS = 240 };

/* Runs r's formula with one input replaced and gives one output; NAN when it is refused. */
static double moved(const struct formula_run *r, const char *input, double v, const char *output)
{
	struct formula_run copy = *r;
	int i = formula_input(r->f, str_of(input));
	if (i < 0)
		return NAN;
	copy.in[i] = v;
	formula_compute(&copy);
	return formula_value(&copy, output);
}

static double input(const struct formula_run *r, const char *name)
{
	int i = formula_input(r->f, str_of(name));
	return i < 0 ? NAN : r->in[i];
}

static void spread(double low, double high, bool log, double x[POINTS])
{
	for (unsigned i = 0; i < POINTS; i++) {
		double t = (double)i / (POINTS - 1);
		x[i] = log ? low * pow(high / low, t) : low + (high - low) * t;
	}
}

static void selfhost(const struct formula_run *r, struct sb *out)
{
	double x[POINTS], y[POINTS], api[POINTS];
	double even = formula_value(r, "breakeven_tokens_per_month"), you = input(r, "tokens_per_month");
	double capacity = formula_value(r, "capacity_tokens_per_month");
	char title[96], unit[32], text[64];
	struct svg_chart c = {.x_name = "tokens a month (logarithmic)", .y_name = unit, .log_x = true, .log_y = true};
	double high = fmax(fmax(even * 4, isnan(you) ? 0 : you * 2), capacity * 1.2);
	spread(fmin(even, isnan(you) ? even : you) / 6, high, true, x);
	for (unsigned i = 0; i < POINTS; i++) {
		struct formula_run copy = *r;
		copy.in[formula_input(r->f, STR("utilisation"))] = NAN;
		y[i] = moved(&copy, "tokens_per_month", x[i], "self_hosted_per_mtok");
		api[i] = input(r, "api_per_mtok");
	}
	value_unit("money/Mtok", r->currency, unit);
	snprintf(title, sizeof title, "Own GPUs against the API: what a million tokens costs");
	c.title = title;
	c.desc = "Self-hosted cost per million tokens falls with the volume and steps up with each further replica; "
		 "the API "
		 "price is a level line. They cross at the break-even volume.";
	svg_add(&c, SVG_LINE, "self-hosted", x, y, NULL, POINTS);
	svg_add(&c, SVG_LINE, "API", x, api, NULL, POINTS);
	snprintf(text, sizeof text, "break-even");
	svg_mark(&c, even, input(r, "api_per_mtok"), text);
	if (!isnan(you))
		svg_mark(&c, you, formula_value(r, "self_hosted_per_mtok"), "you");
	svg_write(&c, out);
}

static void amortise(const struct formula_run *r, struct sb *out)
{
	double x[POINTS], y[POINTS], flat[POINTS];
	double below = formula_value(r, "volume_where_share_below"), v = input(r, "tokens");
	double even = formula_value(r, "overtakes_at_tokens");
	char unit[32];
	struct svg_chart c = {.title = "Unit cost with the training shared out",
			      .x_name = "tokens served (logarithmic)",
			      .y_name = value_unit("money/Mtok", r->currency, unit),
			      .log_x = true,
			      .log_y = true,
			      .desc = "Training per token falls with the tokens served until inference alone is left."};
	spread(fmin(v, even) / 20, fmax(v, isnan(below) ? v : below) * 3, true, x);
	for (unsigned i = 0; i < POINTS; i++) {
		y[i] = moved(r, "tokens", x[i], "per_mtok");
		flat[i] = input(r, "inference_per_mtok");
	}
	svg_add(&c, SVG_LINE, "training and inference", x, y, NULL, POINTS);
	svg_add(&c, SVG_LINE, "inference alone", x, flat, NULL, POINTS);
	svg_mark(&c, v, formula_value(r, "per_mtok"), "your volume");
	if (!isnan(even))
		svg_mark(&c, even, moved(r, "tokens", even, "per_mtok"), "inference overtakes");
	svg_write(&c, out);
}

/* Two cumulative lines: what stays as it is, and what is paid once and then saves. */
static void cumulative(const struct formula_run *r, double once, double net_per_month, double months, struct sb *out)
{
	double x[POINTS], save[POINTS], paid[POINTS];
	char unit[32];
	double until = isnan(months) ? 36 : fmax(12, months * 1.6);
	struct svg_chart c = {.title = "Paid once against saved every month",
			      .x_name = "months",
			      .y_name = value_unit("money", r->currency, unit),
			      .desc = "The outlay is a level line; what it saves grows with the months. It is back "
				      "where they cross."};
	spread(0, until, false, x);
	for (unsigned i = 0; i < POINTS; i++) {
		save[i] = net_per_month * x[i];
		paid[i] = once;
	}
	svg_add(&c, SVG_LINE, "saved so far", x, save, NULL, POINTS);
	svg_add(&c, SVG_LINE, "paid once", x, paid, NULL, POINTS);
	if (!isnan(months))
		svg_mark(&c, months, once, "back");
	double allowed = formula_value(r, "months_allowed");
	if (!isnan(allowed) && allowed < until)
		svg_mark(&c, allowed, NAN, "retires or drifts");
	svg_write(&c, out);
}

static void cache(const struct formula_run *r, struct sb *out)
{
	double x[POINTS], y[POINTS], flat[POINTS];
	char unit[32];
	struct svg_chart c = {
		.title = "The bill of a day against the hit rate",
		.x_name = "hit rate",
		.y_name = value_unit("money/day", r->currency, unit),
		.desc = "The bill falls in a line with the hit rate, from above the uncached bill to the floor."};
	spread(0, 1, false, x);
	for (unsigned i = 0; i < POINTS; i++) {
		y[i] = moved(r, "hit", x[i], "after_per_day");
		flat[i] = formula_value(r, "before_per_day");
	}
	svg_add(&c, SVG_LINE, "cached", x, y, NULL, POINTS);
	svg_add(&c, SVG_LINE, "not cached", x, flat, NULL, POINTS);
	svg_mark(&c, formula_value(r, "pays_above_hit_rate"), formula_value(r, "before_per_day"), "pays from here on");
	svg_mark(&c, input(r, "hit"), formula_value(r, "after_per_day"), "you");
	svg_write(&c, out);
}

static void before_after(const struct formula_run *r, const char *name, double before, double after, struct sb *out)
{
	struct svg_bar bar = {.low = after - before};
	char unit[32];
	snprintf(bar.name, sizeof bar.name, "%s", name);
	snprintf(bar.text, sizeof bar.text, "%+.1f %%", (after / before - 1) * 100);
	svg_waterfall(r->f->summary, "The bill before, what the lever takes off, the bill after.", before, &bar, 1,
		      value_unit("money", r->currency, unit), out);
}

int plan_view_formula(const struct formula_run *r, struct sb *out, struct err *e)
{
	const char *name = r->f->name;
	if (strcmp(name, "selfhost") == 0)
		selfhost(r, out);
	else if (strcmp(name, "amortise") == 0)
		amortise(r, out);
	else if (strcmp(name, "finetune") == 0)
		cumulative(r, formula_value(r, "upfront_total"), formula_value(r, "net_saving_per_month"),
			   formula_value(r, "breakeven_months"), out);
	else if (strcmp(name, "payback") == 0)
		cumulative(r, input(r, "outlay"), formula_value(r, "saving_per_month"), formula_value(r, "months"),
			   out);
	else if (strcmp(name, "cache") == 0)
		cache(r, out);
	else if (strcmp(name, "batch") == 0)
		before_after(r, "batching", formula_value(r, "before"), formula_value(r, "after"), out);
	else if (strcmp(name, "route") == 0)
		before_after(r, "routing", input(r, "baseline"), formula_value(r, "blended"), out);
	else
		return err_set(e, RR_INPUT, "plan %s has no chart", name);
	return out->full ? err_set(e, RR_NOMEM, "the chart is too large") : 0;
}

int plan_view_formula_svg(const struct formula_run *r, const char *path, struct err *e)
{
	struct sb out;
	sb_init(&out, 1 << 20);
	int rc = plan_view_formula(r, &out, e);
	if (rc == 0)
		rc = fs_write_atomic(path, sb_str(&out), 0644, e);
	sb_fini(&out);
	return rc;
}

static void series(const struct lifetime *l, unsigned offset, double p10[], double p50[], double p90[], double x[])
{
	for (unsigned m = 0; m < l->months; m++) {
		const struct band *b = (const struct band *)(const void *)((const char *)&l->month[m] + offset);
		x[m] = m + 1;
		p10[m] = b->p10;
		p50[m] = b->p50;
		p90[m] = b->p90;
	}
}

static void two_lines(const struct scenario *s, const struct lifetime *l, bool fan, struct sb *out)
{
	double x[SCENARIO_MONTHS], low[SCENARIO_MONTHS], mid[SCENARIO_MONTHS], high[SCENARIO_MONTHS];
	double low2[SCENARIO_MONTHS], mid2[SCENARIO_MONTHS], high2[SCENARIO_MONTHS];
	char unit[32];
	struct svg_chart c = {.x_name = "months", .y_name = value_unit("money", s->currency, unit)};
	check(l->months > 0 && l->months <= SCENARIO_MONTHS);
	if (fan) {
		c.title = "The bill of a month, as a band";
		c.desc = "Monthly inference: the median with the range that holds 80 % of the draws, and the training "
			 "that falls "
			 "in each month.";
		series(l, offsetof(struct life_month, inference), low, mid, high, x);
		series(l, offsetof(struct life_month, training), low2, mid2, high2, x);
		svg_add(&c, SVG_BAND, "80 %", x, low, high, l->months);
		svg_add(&c, SVG_LINE, "inference a month (80 % band)", x, mid, NULL, l->months);
		svg_add(&c, SVG_STEP, "training", x, mid2, NULL, l->months);
	} else {
		c.title = "Two checkbooks, added up";
		c.desc = "Cumulative inference rises with use, cumulative training stands in steps; the mark shows "
			 "where inference "
			 "overtakes. Bands hold 80 % of the draws.";
		series(l, offsetof(struct life_month, cumulative_inference), low, mid, high, x);
		series(l, offsetof(struct life_month, cumulative_training), low2, mid2, high2, x);
		svg_add(&c, SVG_BAND, "80 %", x, low, high, l->months);
		svg_add(&c, SVG_LINE, "inference (recurs)", x, mid, NULL, l->months);
		svg_add(&c, SVG_BAND, "80 %", x, low2, high2, l->months);
		svg_add(&c, SVG_STEP, "training (once)", x, mid2, NULL, l->months);
		unsigned at = isfinite(l->overtakes.month.p50) ? (unsigned)l->overtakes.month.p50 : 0;
		if (at > 0 && mid2[l->months - 1] > 0)
			svg_mark(&c, at, mid[at - 1], "inference overtakes");
	}
	svg_write(&c, out);
}

static void lever_waterfall(const struct scenario *s, const struct lifetime *l, struct sb *out)
{
	struct svg_bar bar[LIFE_LEVERS];
	char unit[32];
	for (unsigned i = 0; i < l->levers; i++) {
		snprintf(bar[i].name, sizeof bar[i].name, "%s", l->lever[i]);
		bar[i].low = -l->shapley[i];
		bar[i].high = 0;
		snprintf(bar[i].text, sizeof bar[i].text, "%+.1f %%", -l->shapley[i] / l->lever_before * 100);
	}
	svg_waterfall("What each lever takes off the inference bill (Shapley values)",
		      "The bill over the scenario, what each lever saves on the mean of all orders, and what is left.",
		      l->lever_before, bar, l->levers, value_unit("money", s->currency, unit), out);
}

/* "200 k", "1.5": a figure's end beside its bar. */
static char *figure_text(double v, char out[32])
{
	if (fabs(v) >= 1000)
		return num_short(v, out);
	snprintf(out, 32, "%.3g", v);
	return out;
}

static void swings(const struct scenario *s, const struct lifetime *l, struct sb *out)
{
	struct svg_bar bar[LIFE_TORNADO];
	char unit[32];
	for (unsigned i = 0; i < l->swings; i++) {
		snprintf(bar[i].name, sizeof bar[i].name, "%.40s", l->swing[i].name);
		bar[i].low = l->swing[i].total_low;
		bar[i].high = l->swing[i].total_high;
		char low[32], high[32];
		snprintf(bar[i].text, sizeof bar[i].text, "%.13s to %.13s", figure_text(l->swing[i].low, low),
			 figure_text(l->swing[i].high, high));
	}
	svg_tornado("What the total hangs on", "Each figure at its low and its high end, the others at their modes.",
		    life_total(&l->mode, l->months), bar, l->swings < 12 ? l->swings : 12,
		    value_unit("money", s->currency, unit), out);
}

int plan_view_lifetime(const struct scenario *s, const struct lifetime *l, const char *which, struct sb *out,
		       struct err *e)
{
	if (!which || strcmp(which, "cumulative") == 0)
		two_lines(s, l, false, out);
	else if (strcmp(which, "fan") == 0)
		two_lines(s, l, true, out);
	else if (strcmp(which, "waterfall") == 0)
		lever_waterfall(s, l, out);
	else if (strcmp(which, "tornado") == 0)
		swings(s, l, out);
	else
		return err_set(e, RR_USAGE, "no chart \"%s\": cumulative, fan, waterfall or tornado", which);
	return out->full ? err_set(e, RR_NOMEM, "the chart is too large") : 0;
}

int plan_view_lifetime_svg(const struct scenario *s, const struct lifetime *l, const char *which, const char *path,
			   struct err *e)
{
	struct sb out;
	sb_init(&out, 1 << 20);
	int rc = plan_view_lifetime(s, l, which, &out, e);
	if (rc == 0)
		rc = fs_write_atomic(path, sb_str(&out), 0644, e);
	sb_fini(&out);
	return rc;
}

int plan_view_stack_svg(const struct stack_plan *p, const char *path, struct err *e)
{
	struct svg_bar bar[STACK_LEVERS];
	struct sb out;
	char unit[32];
	sb_init(&out, 1 << 20);
	for (unsigned i = 0; i < p->stack.levers; i++) {
		snprintf(bar[i].name, sizeof bar[i].name, "%s", p->stack.name[i]);
		bar[i].low = -p->result.shapley[i];
		bar[i].high = 0;
		snprintf(bar[i].text, sizeof bar[i].text, "%+.1f %%", -p->result.shapley[i] / p->result.before * 100);
	}
	svg_waterfall("What each lever takes off the bill (Shapley values)",
		      "The bill, what each lever saves on the mean of all orders, and what is left.", p->result.before,
		      bar, p->stack.levers, value_unit("money", p->currency, unit), &out);
	int rc = out.full ? err_set(e, RR_NOMEM, "the chart is too large")
			  : fs_write_atomic(path, sb_str(&out), 0644, e);
	sb_fini(&out);
	return rc;
}
