/* SPDX-License-Identifier: Apache-2.0
 *
 * See advise.h.
 */
#include "plan/advise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/families.h"
#include "plan/months.h"
#include "plan/say.h"

static const struct {
	const char *name, *what;
} steps[ADVISE_STEPS] = {
	{"prompt", "say it shorter and clearer"}, {"cache", "let the vendor cache what repeats"},
	{"batch", "let wait what may wait"},      {"route", "send what is easy to a cheaper model"},
	{"tune", "fine-tune"},                    {"selfhost", "serve it on own GPUs"},
};

const char *advice_step_name(enum advice_step s)
{
	return steps[s].name;
}

/* Today's month. */
static double month_bill(const struct scenario *s, struct life_path *path)
{
	lifetime_path(s, path);
	return path->inference[0];
}

static void figures(const struct workload *w, double v[W_FIGURES])
{
	for (unsigned i = 0; i < W_FIGURES; i++)
		v[i] = w->v[i].mode;
}

static double money_now(const struct scenario *s, const struct workload *w)
{
	double v[W_FIGURES];
	figures(w, v);
	return task_money(v, &s->model[w->model].price, w->easy_model >= 0 ? &s->model[w->easy_model].price : NULL,
			  workload_caches(w));
}

/* What a tenth of the input is worth: a bound that says whether rewriting the prompt is worth an afternoon. */
static void prompt_step(const struct scenario *s, struct scenario *left, struct life_path *path, struct advice_line *l)
{
	char a[64];
	struct scenario *shorter = calloc(1, sizeof *shorter);
	if (!shorter)
		return;
	*shorter = *left;
	for (unsigned i = 0; i < shorter->workloads; i++) {
		shorter->workload[i].v[W_rest].mode *= 0.9;
		shorter->workload[i].v[W_prefix].mode *= 0.9;
	}
	double tenth = l->before - month_bill(shorter, path);
	free(shorter);
	l->confidence = "not measured";
	snprintf(l->verdict, sizeof l->verdict, "Do it first: it costs an afternoon.");
	snprintf(l->why, sizeof l->why,
		 "Each tenth of the input that goes is worth %s a month. It is not counted below: "
		 "nothing here shows how much can go.",
		 value_text(tenth, "money", s->currency, a));
	snprintf(l->needs, sizeof l->needs,
		 "somebody who reads the prompts; a test set to see that answers stay right");
}

static void lever_step(const struct scenario *s, unsigned lever, struct scenario *left, struct life_path *path,
		       struct advice_line *l)
{
	static const char *const needs[] = {
		"a stable prefix: fixed part first, no clock or id in it; on some vendors one mark in the request",
		"callers that say what may wait (x-runrate-deadline)",
		"a sample of the easy share, judged: quality is not in this figure"};
	static const char *const nothing[] = {
		("no workload has a prefix that is not already cached at its reachable hit rate, or its vendor has no "
		 "cache price"),
		"no workload has a share that may wait (deferrable)",
		"no workload has a share that a cheaper model could answer (easy, easy_model)"};
	char a[64];
	scenario_pull(left, lever);
	l->after = month_bill(left, path);
	l->saves = l->before - l->after;
	l->taken = l->saves > 0;
	l->confidence = lever == 0 ? "assumed hit rate" : lever == 1 ? "published discount" : "not measured";
	snprintf(l->needs, sizeof l->needs, "%s", needs[lever]);
	if (l->saves > 0) {
		snprintf(l->verdict, sizeof l->verdict, "Do it: %s of what is left.",
			 value_text(l->saves / l->before, "share", s->currency, a));
		snprintf(l->why, sizeof l->why, "Computed on the base that the steps before leave.");
	} else {
		snprintf(l->verdict, sizeof l->verdict, "Nothing to gain here.");
		snprintf(l->why, sizeof l->why, "Either %s.", nothing[lever]);
	}
}

/* The best of the tunes that the scenario offers; without one, the most that a tune could save. */
static void tune_step(const struct scenario *s, const struct scenario *left, struct advice_line *l)
{
	char a[64], b[64], c[64];
	double best = INFINITY, best_saving = 0;
	int found = -1;
	l->confidence = "computed";
	for (unsigned t = 0; t < left->tunes; t++) {
		const struct scenario_tune *tune = &left->tune[t];
		const struct workload *w = &left->workload[tune->workload];
		double v[W_FIGURES];
		figures(w, v);
		double tasks = v[W_volume];
		double saving = money_now(left, w) -
				tune_money(left, tune, v, tune->tokens_removed.mode, tune->drift.mode, tune->month);
		double retrain = tune->retrain_every ? tune->retrain.mode / tune->retrain_every : 0;
		double months =
			finetune_breakeven_months(tune->upfront.mode, saving, tasks, tune->hosting.mode, retrain);
		if (months < best || found < 0) {
			best = months;
			best_saving = tasks * saving - tune->hosting.mode - retrain;
			found = (int)t;
		}
	}
	if (found < 0) {
		double most = 0;
		const char *name = "";
		for (unsigned i = 0; i < left->workloads; i++) {
			double bill = left->workload[i].v[W_volume].mode * money_now(left, &left->workload[i]);
			if (left->workload[i].billing == BILL_TOKEN && bill > most)
				most = bill, name = left->workload[i].name;
		}
		snprintf(l->verdict, sizeof l->verdict,
			 "No: no tune was priced, and this is the most that one could save.");
		snprintf(l->why, sizeof l->why,
			 "After the cheaper steps %s costs %s a month: an outlay of 12 times that, %s, could "
			 "not come back within a year even if the bill fell to zero.",
			 name, value_text(most, "money", s->currency, a),
			 value_text(12 * most, "money", s->currency, b));
		snprintf(l->needs, sizeof l->needs,
			 "finetunes: [{serves, upfront, model, tokens_removed, hosting, retrain}]");
		l->confidence = "bound";
		return;
	}
	const struct scenario_tune *tune = &left->tune[found];
	const struct workload *w = &left->workload[tune->workload];
	double allowed =
		tune->retires_month < SCENARIO_MONTHS ? (double)tune->retires_month - tune->month : (double)INFINITY;
	bool task_right = (!w->stable_given || w->stable) && (!w->narrow_given || w->narrow);
	bool pays = isfinite(best) && best < allowed && best < s->months;
	if (pays && task_right) {
		snprintf(l->verdict, sizeof l->verdict, "Perhaps: %s is back in %s.", tune->name,
			 value_text(best, "months", s->currency, a));
		l->saves = best_saving;
	} else if (!task_right) {
		snprintf(l->verdict, sizeof l->verdict, "No: %s is not %s.", w->name,
			 w->stable_given && !w->stable ? "stable" : "narrow");
	} else if (isinf(best)) {
		snprintf(l->verdict, sizeof l->verdict, "No: on what is left %s never comes back.", tune->name);
	} else {
		snprintf(l->verdict, sizeof l->verdict, "No: %s would be back in %s, too late.", tune->name,
			 value_text(best, "months", s->currency, a));
	}
	snprintf(l->why, sizeof l->why,
		 "%s once against %s a month saved on the base that caching, batching and routing leave%s%s.",
		 value_text(tune->upfront.mode, "money", s->currency, a),
		 value_text(best_saving, "money", s->currency, b),
		 isfinite(allowed) ? "; the base model is there for " : "",
		 isfinite(allowed) ? value_text(allowed, "months", s->currency, c) : "");
	if (!w->stable_given || !w->narrow_given)
		snprintf(l->needs, sizeof l->needs,
			 "is %s narrow and stable? (stable: true, narrow: true; the ledger's prompt "
			 "families say)",
			 w->name);
}

static void selfhost_step(const struct scenario *s, const struct scenario *left, struct life_path *path,
			  struct advice_line *l)
{
	char a[64], b[64], c[64];
	int best = -1;
	lifetime_path(left, path);
	for (unsigned o = 0; o < left->options; o++)
		if (best < 0 || path->option[o][left->option[o].month] < path->option[best][left->option[best].month])
			best = (int)o;
	l->confidence = "computed";
	if (best < 0) {
		snprintf(l->verdict, sizeof l->verdict, "No option was priced.");
		snprintf(l->why, sizeof l->why,
			 "What is left is %s a month: a GPU at 2 an hour costs %s a month whatever its use.",
			 value_text(l->before, "money", s->currency, a),
			 value_text(2 * HOURS_PER_MONTH, "money", s->currency, b));
		snprintf(l->needs, sizeof l->needs, "options: [{rate, tps, serves}]");
		l->confidence = "bound";
		return;
	}
	unsigned m = left->option[best].month, last = s->months - 1, crosses = s->months;
	double own = path->option[best][m], api = path->inference[m];
	for (unsigned k = m; k < s->months && crosses == s->months; k++)
		crosses = path->option[best][k] < path->inference[k] ? k : crosses;
	if (own < api) {
		snprintf(l->verdict, sizeof l->verdict, "Perhaps: %s costs less.", left->option[best].name);
		l->saves = api - own;
	} else if (crosses < s->months) {
		snprintf(l->verdict, sizeof l->verdict, "Not yet: it crosses over in month %u.", crosses + 1);
	} else {
		snprintf(l->verdict, sizeof l->verdict, "No: it does not cross over within %u months.", s->months);
	}
	snprintf(l->why, sizeof l->why,
		 "%s a month self-hosted (%.0f replicas) against %s on the API that the levers leave; %s in "
		 "the last month.",
		 value_text(own, "money", s->currency, a), path->replicas[best][m],
		 value_text(api, "money", s->currency, b),
		 value_text(path->option[best][last], "money", s->currency, c));
	snprintf(l->needs, sizeof l->needs,
		 "a trial: bench with recorded traffic, the same precision and p95; people to run it");
}

int advise(const struct scenario *s, struct advice *out, struct err *e)
{
	struct scenario *left = calloc(1, sizeof *left);
	struct life_path *path = calloc(1, sizeof *path);
	int rc = 0;
	memset(out, 0, sizeof *out);
	if (!left || !path) {
		rc = err_set(e, RR_NOMEM, "out of memory");
		goto out;
	}
	*left = *s;
	left->tunes = 0; /* the ladder decides on them at their step */
	double bill = month_bill(left, path);
	out->tokens_million = path->tokens[0] / 1e6;
	for (unsigned i = 0; i < ADVISE_STEPS; i++) {
		struct advice_line *l = &out->step[i];
		l->before = l->after = bill;
		if (i == ADVISE_PROMPT)
			prompt_step(s, left, path, l);
		else if (i <= ADVISE_ROUTE)
			lever_step(s, i - ADVISE_CACHE, left, path, l);
		else if (i == ADVISE_TUNE) {
			left->tunes = s->tunes;
			tune_step(s, left, l);
			left->tunes = 0;
		} else {
			selfhost_step(s, left, path, l);
		}
		bill = l->after;
	}
out:
	free(left);
	free(path);
	return rc;
}

void advise_json(const struct scenario *s, const struct advice *a, struct sb *out)
{
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "plan", "advise");
	jw_key(&w, "currency");
	jw_cstr(&w, s->currency.code[0] ? s->currency.code : NULL);
	jw_kdouble(&w, "tokens_million_per_month", a->tokens_million);
	jw_key(&w, "steps");
	jw_array(&w);
	for (unsigned i = 0; i < ADVISE_STEPS; i++) {
		const struct advice_line *l = &a->step[i];
		jw_object(&w);
		jw_kcstr(&w, "step", steps[i].name);
		jw_kcstr(&w, "what", steps[i].what);
		jw_kdouble(&w, "before", l->before);
		jw_kdouble(&w, "saves", l->saves);
		jw_kdouble(&w, "after", l->after);
		jw_kbool(&w, "counted", l->taken);
		jw_kcstr(&w, "confidence", l->confidence);
		jw_kcstr(&w, "needs", l->needs);
		jw_kcstr(&w, "verdict", l->verdict);
		jw_kcstr(&w, "why", l->why);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kdouble(&w, "before", a->step[0].before);
	jw_kdouble(&w, "after", a->step[ADVISE_STEPS - 1].after);
	jw_key(&w, "explain");
	jw_array(&w);
	jw_object(&w);
	jw_kcstr(&w, "name", "after");
	jw_kdouble(&w, "value", a->step[ADVISE_STEPS - 1].after);
	jw_kcstr(&w, "formula", "before - what each step saves on the base that the last one leaves");
	jw_key(&w, "terms");
	jw_array(&w);
	for (unsigned i = 0; i < ADVISE_STEPS; i++)
		if (a->step[i].taken) {
			jw_object(&w);
			jw_kcstr(&w, "name", steps[i].name);
			jw_kdouble(&w, "value", a->step[i].saves);
			jw_kcstr(&w, "unit", "money/month");
			jw_kcstr(&w, "source", a->step[i].confidence);
			jw_key(&w, "date");
			jw_null(&w);
			jw_end_object(&w);
		}
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_array(&w);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

void advise_text(const struct scenario *s, const struct advice *a, struct sb *out)
{
	char text[64], left[64];
	struct currency none = {{0}};
	sb_addf(out, "The ladder, a month at today's volume of %s million tokens%s%s\n\n",
		value_text(a->tokens_million, "", none, text), s->currency.code[0] ? ", in " : "", s->currency.code);
	sb_addf(out, "%-10s%14s%14s   %s\n", "", "saves", "bill", "");
	sb_addf(out, "%-10s%14s%14s\n", "as it is", "-", value_text(a->step[0].before, "money", none, left));
	for (unsigned i = 0; i < ADVISE_STEPS; i++) {
		const struct advice_line *l = &a->step[i];
		if (i == ADVISE_TUNE)
			sb_adds(out, "\nonly then\n");
		sb_addf(out, "%u %-8s%14s%14s   %s\n", i + 1, steps[i].name,
			l->taken ? value_text(-l->saves, "money", none, text) : "-",
			value_text(l->after, "money", none, left), l->verdict);
		plan_say_paragraph(out, str_of(l->why), 2, 2);
		if (l->needs[0]) {
			sb_adds(out, "  needs:");
			plan_say_paragraph(out, str_of(l->needs), 1, 9);
		}
	}
	double before = a->step[0].before, after = a->step[ADVISE_STEPS - 1].after;
	if (before > after)
		sb_addf(out, "\n%s of the bill goes before anything is tuned or bought.\n",
			value_text(1 - after / before, "share", none, text));
}
