/* SPDX-License-Identifier: Apache-2.0
 *
 * The readable walk over the months, sensitivities and levers. See lifetime.h; draws stand in lifetime_draws.c.
 *
 *   tasks(m)  = volume (1 + g)^m A(m),  A(m) = 1 + (a - 1) (L(m) - L(0)) / (L(M-1) - L(0)),  L logistic about its
 * middle price(m)  = d^(-m/12)                       d times cheaper a year; seats and resolutions keep their price
 *   inference = sum over workloads of tasks x money of a task x price + fixed, + hosting of tunes
 *   training  = outlays + tunes + retraining + what own hardware costs to set up
 *   an option serves its workloads from  max(min, ceil(output tokens x peak / (capacity x use))) + spare  replicas
 */
#include "plan/lifetime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/families.h"
#include "plan/months.h"

static void modes(const struct workload *w, double v[W_FIGURES])
{
	for (unsigned i = 0; i < W_FIGURES; i++)
		v[i] = w->v[i].mode;
}

double adoption_at(double multiple, double middle, unsigned months, unsigned month)
{
	double steep = ADOPTION_STEEP / months, last = months > 1 ? months - 1 : 1;
	double first = 1 / (1 + exp(middle * steep)), end = 1 / (1 + exp((middle - last) * steep));
	double now = 1 / (1 + exp((middle - month) * steep));
	return 1 + (multiple - 1) * (now - first) / (end - first);
}

/* What the tuned model costs a task: fewer tokens, another model, more second attempts as the months go by. */
static double tuned_money(const struct scenario *s, const struct scenario_tune *t, const double v[W_FIGURES],
			  double removed, double drift, unsigned months_since)
{
	double w[W_FIGURES];
	memcpy(w, v, sizeof w);
	/* instructions stand in the prefix; what is left of them is removed from the rest */
	double from_prefix = fmin(w[W_prefix], removed);
	w[W_prefix] -= from_prefix;
	w[W_rest] = fmax(0, w[W_rest] - (removed - from_prefix));
	const struct workload *load = &s->workload[t->workload];
	return task_money(w, &s->model[t->model].price, NULL, workload_caches(load)) * (1 + drift * months_since);
}

double tune_money(const struct scenario *s, const struct scenario_tune *t, const double v[W_FIGURES], double removed,
		  double drift, unsigned month)
{
	unsigned since = month - t->month;
	return tuned_money(s, t, v, removed, drift, t->retrain_every ? since % t->retrain_every : since);
}

bool tune_runs(const struct scenario_tune *t, unsigned month)
{
	return month >= t->month && month < t->retires_month;
}

bool tune_retrains(const struct scenario_tune *t, unsigned month)
{
	return t->retrain_every && tune_runs(t, month) && month > t->month &&
	       (month - t->month) % t->retrain_every == 0;
}

bool outlay_falls(const struct scenario_outlay *o, unsigned month)
{
	if (month == o->month)
		return true;
	return o->every_months && month > o->month && month < o->until_month &&
	       (month - o->month) % o->every_months == 0;
}

double option_gpu_month(const struct scenario_option *o, double rate, double gpus, double power_kw, double pue,
			double power_price)
{
	double paid = rate * (1 - o->reserved_share * o->reserved_discount - o->spot_share * o->spot_discount);
	return (gpus * paid + power_kw * pue * power_price) * HOURS_PER_MONTH;
}

/* One option in one month: the API bill of what it serves, and its own. */
static void option_month(const struct scenario *s, unsigned o, unsigned m, double served, double output_tok,
			 double peak_tok, struct life_path *out)
{
	const struct scenario_option *p = &s->option[o];
	double capacity = selfhost_capacity_tok_per_month(p->tps.mode, p->slo_derate.mode) * p->max_utilisation;
	if (m < p->month) {
		out->option[o][m] = out->inference[m];
		return;
	}
	double replicas = selfhost_replicas(peak_tok > 0 ? peak_tok : output_tok, capacity, p->replicas_min) + p->spare;
	double rate = p->rate.mode * pow(1 + p->rate_change.mode, m / 12.0);
	out->replicas[o][m] = replicas;
	out->option[o][m] =
		out->inference[m] - served +
		replicas * option_gpu_month(p, rate, p->gpus.mode, p->power_kw.mode, p->pue.mode, p->power_price.mode) +
		p->people.mode + p->storage.mode;
	out->option_once[o][m] = m == p->month ? p->setup.mode : 0;
}

void lifetime_path(const struct scenario *s, struct life_path *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned m = 0; m < s->months; m++) {
		double adoption = adoption_at(s->adoption.mode, s->adoption_middle.mode, s->months, m);
		double price = pow(s->price_decline.mode, -(double)m / 12);
		double served[SCENARIO_OPTIONS] = {0}, tok[SCENARIO_OPTIONS] = {0}, peak[SCENARIO_OPTIONS] = {0};
		for (unsigned i = 0; i < s->workloads; i++) {
			const struct workload *w = &s->workload[i];
			double v[W_FIGURES];
			modes(w, v);
			double tasks = v[W_volume] * pow(1 + v[W_growth], m) * adoption;
			const struct plan_model *easy = w->easy_model >= 0 ? &s->model[w->easy_model].price : NULL;
			double money = task_money(v, &s->model[w->model].price, easy, workload_caches(w));
			for (unsigned t = 0; t < s->tunes; t++)
				if (s->tune[t].workload == i && tune_runs(&s->tune[t], m))
					money = tune_money(s, &s->tune[t], v, s->tune[t].tokens_removed.mode,
							   s->tune[t].drift.mode, m);
			double bill = workload_month(w, v, tasks, money, price);
			out->by_workload[i][m] = bill;
			out->inference[m] += bill;
			out->tasks[m] += tasks;
			out->tokens[m] += tasks * task_tokens(v);
			for (unsigned o = 0; o < s->options; o++)
				if (s->option[o].serves >> i & 1) {
					double output = tasks * v[W_turns] * v[W_output];
					served[o] += bill - v[W_fixed_per_month];
					tok[o] += output;
					peak[o] += output * v[W_peak_to_mean];
				}
		}
		for (unsigned t = 0; t < s->tunes; t++) {
			if (tune_runs(&s->tune[t], m))
				out->inference[m] += s->tune[t].hosting.mode;
			if (m == s->tune[t].month)
				out->training[m] += s->tune[t].upfront.mode;
			if (tune_retrains(&s->tune[t], m))
				out->training[m] += s->tune[t].retrain.mode;
		}
		for (unsigned i = 0; i < s->outlays; i++)
			if (outlay_falls(&s->outlay[i], m))
				out->training[m] += s->outlay[i].amount.mode;
		for (unsigned o = 0; o < s->options; o++)
			option_month(s, o, m, served[o], tok[o], peak[o], out);
	}
}

double life_total(const struct life_path *p, unsigned months)
{
	double sum = 0;
	for (unsigned m = 0; m < months; m++)
		sum += p->inference[m] + p->training[m];
	return sum;
}

static double inference_total(const struct life_path *p, unsigned months)
{
	double sum = 0;
	for (unsigned m = 0; m < months; m++)
		sum += p->inference[m];
	return sum;
}

void scenario_pull(struct scenario *s, unsigned lever)
{
	for (unsigned i = 0; i < s->workloads; i++) {
		struct workload *w = &s->workload[i];
		if (w->billing != BILL_TOKEN)
			continue; /* a seat costs what it costs */
		if (lever == 0 && (w->v[W_prefix].high > 0 || w->v[W_turns].high > 1) &&
		    w->v[W_hit].mode < w->v[W_reachable_hit].mode) {
			double before[W_FIGURES], after[W_FIGURES];
			struct plan_model *m = &s->model[w->model].price;
			modes(w, before);
			modes(w, after);
			after[W_hit] = w->v[W_reachable_hit].mode;
			/* nobody turns on a cache that costs more */
			if (task_money(after, m, NULL, true) < task_money(before, m, NULL, workload_caches(w)))
				w->v[W_hit] = w->v[W_reachable_hit];
		} else if (lever == 1 && w->v[W_batched].mode < w->v[W_deferrable].mode) {
			w->v[W_batched] = w->v[W_deferrable];
		} else if (lever == 2 && w->easy_model >= 0 && w->v[W_routed].mode < w->v[W_easy].mode) {
			double v[W_FIGURES];
			modes(w, v);
			v[W_routed] = 1;
			if (task_money(v, &s->model[w->model].price, &s->model[w->easy_model].price,
				       workload_caches(w)) <
			    task_money(v, &s->model[w->model].price, NULL, workload_caches(w)))
				w->v[W_routed] = w->v[W_easy];
		}
	}
}

static double with_levers(const struct scenario *s, unsigned mask, struct scenario *scratch, struct life_path *path)
{
	*scratch = *s;
	for (unsigned i = 0; i < LIFE_LEVERS; i++)
		if (mask >> i & 1)
			scenario_pull(scratch, i);
	lifetime_path(scratch, path);
	return inference_total(path, s->months);
}

void lifetime_levers(const struct scenario *s, struct lifetime *out, struct scenario *scratch, struct life_path *path)
{
	static const double weight[LIFE_LEVERS] = {1.0 / 3, 1.0 / 6, 1.0 / 3}; /* |S|! (n-|S|-1)! / n!, by |S| */
	static const char *const names[LIFE_LEVERS] = {"cache", "batch", "route"};
	double bill[1 << LIFE_LEVERS], sum = 0;
	for (unsigned set = 0; set < 1u << LIFE_LEVERS; set++)
		bill[set] = with_levers(s, set, scratch, path);
	out->levers = LIFE_LEVERS;
	out->lever_before = bill[0];
	out->lever_after = bill[(1 << LIFE_LEVERS) - 1];
	for (unsigned i = 0; i < LIFE_LEVERS; i++) {
		unsigned all = (1 << LIFE_LEVERS) - 1, before = (1u << i) - 1;
		out->lever[i] = names[i];
		out->shapley[i] = 0;
		for (unsigned set = 0; set <= all; set++)
			if (!(set >> i & 1))
				out->shapley[i] += weight[__builtin_popcount(set)] * (bill[set] - bill[set | 1u << i]);
		out->first_in[i] = bill[0] - bill[1u << i];
		out->last_in[i] = bill[all & ~(1u << i)] - bill[all];
		out->in_order[i] = bill[before] - bill[before | 1u << i];
		sum += out->first_in[i];
	}
	double saved = out->lever_before - out->lever_after;
	out->naive_overstates = saved > 0 ? sum / saved - 1 : 0;
}

static void add_figure(struct figure_ref *out, unsigned *n, unsigned most, struct dist *d, const char *owner,
		       const char *name)
{
	if (*n == most || dist_is_point(*d))
		return;
	out[*n].d = d;
	snprintf(out[*n].name, sizeof out[*n].name, "%s%s%s", owner, owner[0] ? ": " : "", name);
	(*n)++;
}

unsigned scenario_figures(struct scenario *s, struct figure_ref *out, unsigned most)
{
	static const char *const figure[W_FIGURES] = {
#define X(name, unit, least, most, fallback, help) #name,
		WORKLOAD_FIGURES(X)
#undef X
	};
	unsigned n = 0;
	add_figure(out, &n, most, &s->price_decline, "", "price_decline");
	add_figure(out, &n, most, &s->adoption, "", "adoption");
	add_figure(out, &n, most, &s->adoption_middle, "", "adoption_middle");
	for (unsigned i = 0; i < s->workloads; i++)
		for (unsigned k = 0; k < W_FIGURES; k++)
			add_figure(out, &n, most, &s->workload[i].v[k], s->workload[i].name, figure[k]);
	for (unsigned i = 0; i < s->outlays; i++)
		add_figure(out, &n, most, &s->outlay[i].amount, s->outlay[i].name, "amount");
	for (unsigned i = 0; i < s->tunes; i++) {
		add_figure(out, &n, most, &s->tune[i].upfront, s->tune[i].name, "upfront");
		add_figure(out, &n, most, &s->tune[i].tokens_removed, s->tune[i].name, "tokens_removed");
		add_figure(out, &n, most, &s->tune[i].hosting, s->tune[i].name, "hosting");
		add_figure(out, &n, most, &s->tune[i].retrain, s->tune[i].name, "retrain");
		add_figure(out, &n, most, &s->tune[i].drift, s->tune[i].name, "drift");
	}
	return n;
}

static int widest_first(const void *a, const void *b)
{
	const struct life_swing *x = a, *y = b;
	double wx = fabs(x->total_high - x->total_low), wy = fabs(y->total_high - y->total_low);
	return wx < wy ? 1 : wx > wy ? -1 : strcmp(x->name, y->name);
}

int lifetime_tornado(const struct scenario *s, struct lifetime *out, struct scenario *scratch, struct life_path *path)
{
	enum { MOST = 2048 };
	struct figure_ref *refs = calloc(MOST, sizeof *refs);
	struct life_swing *all = calloc(MOST, sizeof *all);
	unsigned n = 0;
	int rc = refs && all ? 0 : -RR_NOMEM;
	if (rc == 0) {
		*scratch = *s;
		n = scenario_figures(scratch, refs, MOST);
	}
	for (unsigned i = 0; i < n; i++) {
		struct dist was = *refs[i].d;
		snprintf(all[i].name, sizeof all[i].name, "%s", refs[i].name);
		all[i].low = was.low;
		all[i].high = was.high;
		refs[i].d->mode = was.low;
		lifetime_path(scratch, path);
		all[i].total_low = life_total(path, s->months);
		refs[i].d->mode = was.high;
		lifetime_path(scratch, path);
		all[i].total_high = life_total(path, s->months);
		*refs[i].d = was;
	}
	if (n)
		qsort(all, n, sizeof *all, widest_first);
	out->swings = n < LIFE_TORNADO ? n : LIFE_TORNADO;
	for (unsigned i = 0; i < out->swings; i++)
		out->swing[i] = all[i];
	free(refs);
	free(all);
	return rc;
}
