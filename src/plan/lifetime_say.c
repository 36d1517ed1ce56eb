/* SPDX-License-Identifier: Apache-2.0
 *
 * See lifetime_say.h. Keys: months [{month, date, tokens_million, inference, training, cumulative: {...}}], each band
 * {p10, p50, p90}; beside the bands the walk at the modes, so that a reader can follow one line by hand.
 */
#include "plan/lifetime_say.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "plan/say.h"

char *scenario_month(const struct scenario *s, unsigned m, char out[16])
{
	int64_t year;
	unsigned month, day;
	civil_from_days(s->start_us / US_PER_DAY, &year, &month, &day);
	unsigned at = (unsigned)(month - 1 + m);
	snprintf(out, 16, "%04d-%02u", (int)(year + at / 12), at % 12 + 1);
	return out;
}

static void band_json(struct json_out *w, const char *key, struct band b, double mode)
{
	jw_key(w, key);
	jw_object(w);
	jw_kdouble(w, "p10", b.p10);
	jw_kdouble(w, "p50", b.p50);
	jw_kdouble(w, "p90", b.p90);
	if (!isnan(mode))
		jw_kdouble(w, "at_mode", mode);
	jw_end_object(w);
}

static void crossing_json(struct json_out *w, const char *key, const struct life_crossing *c)
{
	jw_key(w, key);
	jw_object(w);
	jw_kdouble(w, "p10", c->month.p10); /* null: not within the months */
	jw_kdouble(w, "p50", c->month.p50);
	jw_kdouble(w, "p90", c->month.p90);
	jw_kdouble(w, "probability", c->share);
	jw_end_object(w);
}

static double sum(const double *v, unsigned n)
{
	double total = 0;
	for (unsigned i = 0; i < n; i++)
		total += v[i];
	return total;
}

static void months_json(const struct scenario *s, const struct lifetime *l, struct json_out *w)
{
	double inference = 0, training = 0;
	jw_key(w, "months");
	jw_array(w);
	for (unsigned m = 0; m < l->months; m++) {
		char date[16];
		inference += l->mode.inference[m];
		training += l->mode.training[m];
		jw_object(w);
		jw_ku64(w, "month", m + 1);
		jw_kcstr(w, "date", scenario_month(s, m, date));
		jw_kdouble(w, "tokens_million", l->mode.tokens[m] / 1e6);
		jw_kdouble(w, "tasks", l->mode.tasks[m]);
		band_json(w, "inference", l->month[m].inference, l->mode.inference[m]);
		band_json(w, "training", l->month[m].training, l->mode.training[m]);
		jw_key(w, "cumulative");
		jw_object(w);
		band_json(w, "inference", l->month[m].cumulative_inference, inference);
		band_json(w, "training", l->month[m].cumulative_training, training);
		jw_end_object(w);
		jw_key(w, "workloads");
		jw_object(w);
		for (unsigned i = 0; i < s->workloads; i++)
			jw_kdouble(w, s->workload[i].name, l->mode.by_workload[i][m]);
		jw_end_object(w);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void options_json(const struct scenario *s, const struct lifetime *l, struct json_out *w)
{
	jw_key(w, "options");
	jw_array(w);
	for (unsigned o = 0; o < s->options; o++) {
		jw_object(w);
		jw_kcstr(w, "name", s->option[o].name);
		crossing_json(w, "cheaper_from_month", &l->option[o].cheaper);
		crossing_json(w, "paid_back_in_month", &l->option[o].payback);
		band_json(w, "total", l->option[o].total,
			  sum(l->mode.option[o], l->months) + sum(l->mode.option_once[o], l->months));
		jw_kdouble(w, "probability_cheaper_overall", l->option[o].share_cheaper);
		jw_kdouble(w, "replicas_at_end", l->mode.replicas[o][l->months - 1]);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void levers_json(const struct lifetime *l, struct json_out *w)
{
	jw_key(w, "levers");
	jw_object(w);
	jw_kdouble(w, "before", l->lever_before);
	jw_kdouble(w, "after", l->lever_after);
	const struct {
		const char *key;
		const double *v;
	} rows[] = {{"waterfall", l->in_order},
		    {"shapley", l->shapley},
		    {"first_in", l->first_in},
		    {"last_in", l->last_in}};
	for (unsigned r = 0; r < 4; r++) {
		jw_key(w, rows[r].key);
		jw_object(w);
		for (unsigned i = 0; i < l->levers; i++)
			jw_kdouble(w, l->lever[i], rows[r].v[i]);
		jw_end_object(w);
	}
	jw_kdouble(w, "naive_sum_overstates", l->naive_overstates);
	jw_kcstr(w, "overlap", "within a workload the shares are taken as independent; workloads are summed");
	jw_end_object(w);
}

static void explain_one(struct json_out *w, const char *name, double v, const char *unit, const char *formula,
			const char *const names[], const double values[], const char *const units[], unsigned n,
			const char *source)
{
	jw_object(w);
	jw_kcstr(w, "name", name);
	jw_kdouble(w, "value", v);
	jw_kcstr(w, "unit", unit);
	jw_kcstr(w, "formula", formula);
	jw_key(w, "terms");
	jw_array(w);
	for (unsigned i = 0; i < n; i++) {
		jw_object(w);
		jw_kcstr(w, "name", names[i]);
		jw_kdouble(w, "value", values[i]);
		jw_kcstr(w, "unit", units[i]);
		jw_kcstr(w, "source", source);
		jw_key(w, "date");
		jw_null(w);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_end_object(w);
}

/* Each workload's money of a task with its prices, then the totals. */
static void explain_json(const struct scenario *s, const struct lifetime *l, struct json_out *w)
{
	double inference = sum(l->mode.inference, l->months), training = sum(l->mode.training, l->months);
	double tokens = sum(l->mode.tokens, l->months);
	jw_key(w, "explain");
	jw_array(w);
	for (unsigned i = 0; i < s->workloads; i++) {
		const struct workload *k = &s->workload[i];
		const struct plan_model *m = &s->model[k->model].price;
		const struct plan_model *easy = k->easy_model >= 0 ? &s->model[k->easy_model].price : NULL;
		double v[W_FIGURES];
		char name[80];
		if (k->billing != BILL_TOKEN)
			continue;
		for (unsigned f = 0; f < W_FIGURES; f++)
			v[f] = k->v[f].mode;
		static const char *const names[] = {"prefix",      "rest",     "output",    "hit",  "turns",
						    "turn_tokens", "price_in", "price_out", "read", "write",
						    "batch",       "batched",  "routed"};
		static const char *const units[] = {"tokens", "tokens",     "tokens",     "share", "turns",
						    "tokens", "money/Mtok", "money/Mtok", "times", "times",
						    "times",  "share",      "share"};
		const double values[] = {v[W_prefix], v[W_rest] + v[W_retrieved],
					 v[W_output], v[W_hit],
					 v[W_turns],  v[W_turn_tokens],
					 m->in,       m->out,
					 m->read,     m->write,
					 m->batch,    v[W_batched],
					 v[W_routed]};
		snprintf(name, sizeof name, "%s.money_per_task", k->name);
		explain_one(w, name, task_money(v, m, easy, workload_caches(k)), "money",
			    "(1 - batched * (1 - batch)) * (price_in * (prefix * phi + rest + later turns) + price_out "
			    "* turns * "
			    "output) / 1000000, with the routed share at the other model's price; phi = hit * read + "
			    "(1 - hit) * "
			    "write where caching is on",
			    names, values, units, sizeof values / sizeof *values, m->source);
	}
	const char *const total_names[] = {"inference", "training", "tokens"};
	const char *const total_units[] = {"money", "money", "tokens"};
	const double totals[] = {inference, training, tokens};
	explain_one(w, "inference_share", inference / (inference + training), "share",
		    "inference / (inference + training)", total_names, totals, total_units, 2,
		    "the walk over the months at the modes");
	explain_one(w, "unit_cost_per_mtok", (inference + training) / tokens * 1e6, "money/Mtok",
		    "(inference + training) / tokens * 1000000", total_names, totals, total_units, 3,
		    "the walk over the months at the modes");
	jw_end_array(w);
}

void lifetime_json(const struct scenario *s, const struct lifetime *l, struct sb *out)
{
	struct json_out w;
	struct sb verdict, why, change;
	double inference = sum(l->mode.inference, l->months), training = sum(l->mode.training, l->months);
	sb_init(&verdict, 4096);
	sb_init(&why, 4096);
	sb_init(&change, 4096);
	lifetime_verdict(s, l, &verdict, &why, &change);
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "plan", "lifetime");
	jw_kcstr(&w, "name", s->name);
	jw_key(&w, "currency");
	jw_cstr(&w, s->currency.code[0] ? s->currency.code : NULL);
	jw_ku64(&w, "draws", s->draws);
	jw_ku64(&w, "seed", s->seed);
	months_json(s, l, &w);
	jw_key(&w, "totals");
	jw_object(&w);
	band_json(&w, "inference", l->inference, inference);
	band_json(&w, "training", l->training, training);
	band_json(&w, "total", l->total, inference + training);
	band_json(&w, "inference_share", l->share, inference / (inference + training));
	band_json(&w, "unit_cost_per_mtok", l->per_mtok,
		  (inference + training) / sum(l->mode.tokens, l->months) * 1e6);
	jw_end_object(&w);
	jw_kdouble(&w, "tokens_million_per_month", sum(l->mode.tokens, l->months) / l->months / 1e6);
	jw_key(&w, "crossovers");
	jw_object(&w);
	crossing_json(&w, "inference_overtakes_training", &l->overtakes);
	for (unsigned o = 0; o < s->options; o++)
		crossing_json(&w, s->option[o].name[0] ? s->option[o].name : "option", &l->option[o].cheaper);
	jw_end_object(&w);
	options_json(s, l, &w);
	levers_json(l, &w);
	jw_key(&w, "tornado");
	jw_array(&w);
	for (unsigned i = 0; i < l->swings; i++) {
		jw_object(&w);
		jw_kcstr(&w, "name", l->swing[i].name);
		jw_kdouble(&w, "low", l->swing[i].low);
		jw_kdouble(&w, "high", l->swing[i].high);
		jw_kdouble(&w, "total_at_low", l->swing[i].total_low);
		jw_kdouble(&w, "total_at_high", l->swing[i].total_high);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kstr(&w, "verdict", sb_str(&verdict));
	jw_kstr(&w, "why", sb_str(&why));
	jw_kstr(&w, "what_would_change_it", sb_str(&change));
	explain_json(s, l, &w);
	jw_end_object(&w);
	sb_addc(out, '\n');
	sb_fini(&verdict);
	sb_fini(&why);
	sb_fini(&change);
}

static void when(const struct scenario *s, const struct life_crossing *c, struct sb *out)
{
	char date[16];
	if (isinf(c->month.p50)) {
		sb_addf(out, "not within %u months", s->months);
		if (c->share > 0)
			sb_addf(out, " (in %.0f %% of the draws)", c->share * 100);
		return;
	}
	sb_addf(out, "in month %.0f (%s; 80 %%: %.0f to ", c->month.p50,
		scenario_month(s, (unsigned)c->month.p50 - 1, date), c->month.p10);
	if (isinf(c->month.p90))
		sb_adds(out, "never)");
	else
		sb_addf(out, "%.0f)", c->month.p90);
}

void lifetime_verdict(const struct scenario *s, const struct lifetime *l, struct sb *verdict, struct sb *why,
		      struct sb *change)
{
	char a[64], b[64], c[64];
	double lever_saves = l->lever_before - l->lever_after;
	int best = -1;
	for (unsigned o = 0; o < s->options; o++)
		if (l->option[o].share_cheaper >= 0.8 &&
		    (best < 0 || l->option[o].total.p50 < l->option[best].total.p50))
			best = (int)o;
	if (best >= 0)
		sb_addf(verdict, "SELF-HOST (%s): cheaper over the %u months in %.0f %% of the draws. ",
			s->option[best].name, s->months, l->option[best].share_cheaper * 100);
	else if (s->options)
		sb_addf(verdict, "STAY ON THE API. ");
	if (lever_saves > 0.01 * l->lever_before)
		sb_addf(verdict,
			"PULL THE LEVERS FIRST: caching, batching and routing together take %s off the inference bill.",
			value_text(lever_saves / l->lever_before, "share", s->currency, a));
	else
		sb_addf(verdict, "INFERENCE IS THE BILL TO WATCH: %s of it all.",
			value_text(l->share.p50, "share", s->currency, a));
	sb_addf(why, "Over %u months inference is %s (80 %%: %s to %s)", s->months,
		value_text(l->inference.p50, "money", s->currency, a),
		value_text(l->inference.p10, "money", s->currency, b),
		value_text(l->inference.p90, "money", s->currency, c));
	sb_addf(why, " and training %s; inference is %s of it. It overtakes training for good ",
		value_text(l->training.p50, "money", s->currency, a),
		value_text(l->share.p50, "share", s->currency, b));
	when(s, &l->overtakes, why);
	sb_addf(why, ". A million tokens costs %s, all in.", value_text(l->per_mtok.p50, "money", s->currency, a));
	for (unsigned o = 0; o < s->options; o++) {
		sb_addf(why, " %s costs less a month ", s->option[o].name[0] ? s->option[o].name : "Self-hosting");
		when(s, &l->option[o].cheaper, why);
		sb_addc(why, '.');
	}
	if (l->swings) {
		const struct life_swing *t = &l->swing[0];
		sb_addf(change, "Most of the uncertainty is %s: from %g to %g it moves the total from %s to %s.",
			t->name, t->low, t->high, value_text(t->total_low, "money", s->currency, a),
			value_text(t->total_high, "money", s->currency, b));
	} else {
		sb_addf(change,
			"No figure was given as a range: give {low, mode, high} to see what the answer hangs on.");
	}
	for (unsigned o = 0; o < s->options; o++)
		if (l->option[o].share_cheaper > 0.05 && l->option[o].share_cheaper < 0.95)
			sb_addf(change, " %s is cheaper in %.0f %% of the draws: what decides is in the tornado.",
				s->option[o].name, l->option[o].share_cheaper * 100);
}

static void cell(struct sb *out, double v, const struct scenario *s, unsigned width)
{
	char text[64], padded[80];
	struct currency none = {{0}};
	(void)s;
	snprintf(padded, sizeof padded, "%*s", (int)width, value_text(v, "money", none, text));
	sb_adds(out, padded);
}

static void row(const struct scenario *s, const struct lifetime *l, unsigned m, struct sb *out)
{
	char date[16];
	const struct life_month *p = &l->month[m];
	sb_addf(out, "%-8s", scenario_month(s, m, date));
	cell(out, p->inference.p50, s, 13);
	cell(out, p->inference.p10, s, 12);
	cell(out, p->inference.p90, s, 13);
	cell(out, p->training.p50, s, 12);
	sb_addc(out, p->cumulative_inference.p50 > p->cumulative_training.p50 ? '*' : ' ');
	cell(out, p->cumulative_inference.p50 + p->cumulative_training.p50, s, 14);
	sb_addc(out, '\n');
}

void lifetime_text(const struct scenario *s, const struct lifetime *l, struct sb *out)
{
	struct sb verdict, why, change;
	char a[64], b[64];
	sb_init(&verdict, 4096);
	sb_init(&why, 4096);
	sb_init(&change, 4096);
	lifetime_verdict(s, l, &verdict, &why, &change);
	sb_addf(out, "%s%s%u months, %u draws, seed %llu%s%s\n\n", s->name, s->name[0] ? ": " : "", s->months, s->draws,
		(unsigned long long)s->seed, s->currency.code[0] ? ", in " : "", s->currency.code);
	sb_addf(out, "%-8s%13s%12s%13s%12s %14s\n", "", "INFERENCE", "p10", "p90", "TRAINING", "all so far");
	unsigned step = l->months > 24 ? (l->months + 11) / 12 : 1;
	for (unsigned m = 0; m < l->months; m += step)
		row(s, l, m, out);
	if ((l->months - 1) % step)
		row(s, l, l->months - 1, out);
	sb_addf(out, "%-8s", "TOTAL");
	cell(out, l->inference.p50, s, 13);
	cell(out, l->inference.p10, s, 12);
	cell(out, l->inference.p90, s, 13);
	cell(out, l->training.p50, s, 12);
	sb_addc(out, ' ');
	cell(out, l->total.p50, s, 14);
	sb_addf(out, "\n* inference has overtaken training\n\n%s million tokens a month on average\n\n",
		value_text(sum(l->mode.tokens, l->months) / l->months / 1e6, "", s->currency, a));
	if (l->lever_before - l->lever_after > 0) {
		sb_addf(out, "%-28s%16s%18s\n", "one lever after the other", "saves", "what is left");
		double left = l->lever_before;
		sb_addf(out, "%-28s%16s%18s\n", "as it is", "", value_text(left, "money", s->currency, a));
		for (unsigned i = 0; i < l->levers; i++) {
			left -= l->in_order[i];
			sb_addf(out, "%-28s%16s%18s\n", l->lever[i],
				value_text(-l->in_order[i], "money", s->currency, a),
				value_text(left, "money", s->currency, b));
		}
		sb_addf(out, "Added one by one they would claim %s too much. Savings overlap.\n\n",
			value_text(l->naive_overstates, "share", s->currency, a));
	}
	if (l->swings) {
		sb_adds(out, "what the total hangs on\n");
		for (unsigned i = 0; i < l->swings && i < 8; i++)
			sb_addf(out, "%-34.34s %18s to %18s\n", l->swing[i].name,
				value_text(l->swing[i].total_low, "money", s->currency, a),
				value_text(l->swing[i].total_high, "money", s->currency, b));
		sb_addc(out, '\n');
	}
	plan_say_paragraph(out, sb_str(&verdict), 0, 0);
	plan_say_paragraph(out, sb_str(&why), 0, 0);
	plan_say_paragraph(out, sb_str(&change), 0, 0);
	sb_fini(&verdict);
	sb_fini(&why);
	sb_fini(&change);
}
