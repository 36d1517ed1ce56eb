/* SPDX-License-Identifier: Apache-2.0
 *
 * Many draws of a scenario. See lifetime.h.
 *
 * The loop: draws go side by side in blocks of 256, one array a quantity, so that the month loop is a few multiply-adds
 * over arrays; growth, price decline and the S curve advance by one multiplication a month (no pow, no exp inside).
 * Each uncertain figure draws from a stream of its own, so the answer is the same for a seed whatever the block size,
 * and a figure that becomes certain does not disturb the others. Quantiles come from sketches: memory is the same for
 * a hundred draws and for ten million.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/families.h"
#include "plan/months.h"

enum { B = LIFE_BLOCK };

/* One workload's draws of a block. */
struct lane {
	double volume[B], growth[B];    /* tasks of this month before adoption; factor a month */
	double money[B];                /* of a task */
	double tokens[B], output[B], peak[B]; /* of a task */
	double fixed[B];
	double v[W_FIGURES][B];
	bool declines;                  /* its price falls with price_decline */
	bool units;                     /* provisioned: a staircase, by workload_month */
	bool tuned;                     /* some tune serves it */
};

struct option_lane {
	double gpu_month[B], capacity[B], rate_factor[B], rate_now[B], people[B], setup[B];
	double power_month[B];          /* of one replica */
	double paid[B], api[B];         /* so far, with what is paid once */
	bool back[B], cheaper[B];
};

struct crossing_count {
	uint64_t month[SCENARIO_MONTHS];
	uint64_t never;
};

struct sketches {
	struct sketch inference, training, cumulative_inference, cumulative_training;
};

struct totals {
	struct sketch inference, training, total, share, per_mtok, option[SCENARIO_OPTIONS];
	struct crossing_count overtakes, cheaper[SCENARIO_OPTIONS], payback[SCENARIO_OPTIONS];
	uint64_t option_cheaper[SCENARIO_OPTIONS];
};

struct block {
	struct lane *lane;              /* one a workload */
	struct option_lane *option;
	double adoption_multiple[B], adoption[B], curve[B], curve_first[B], curve_scale[B];
	double decline[B], price[B];
	double inference[B], training[B], tokens[B], cumulative_inference[B], cumulative_training[B], all_tokens[B];
	double served[B], peak[B];
	double tune[SCENARIO_TUNES][5][B]; /* upfront, removed, hosting, retrain, drift */
	double outlay[SCENARIO_OUTLAYS][B];
	unsigned behind[B];             /* the month after the last one in which inference was not ahead */
	struct rng *stream;             /* one an uncertain figure, in the order in which they are filled */
};

static struct rng *next_stream(struct block *b, unsigned *at)
{
	return &b->stream[(*at)++];
}

/* Everything that is drawn, in a fixed order. */
static void draw(const struct scenario *s, struct block *b, size_t n)
{
	unsigned at = 0;
	dist_fill(s->price_decline, next_stream(b, &at), b->decline, n);
	dist_fill(s->adoption, next_stream(b, &at), b->adoption_multiple, n);
	dist_fill(s->adoption_middle, next_stream(b, &at), b->curve, n);
	for (unsigned i = 0; i < s->workloads; i++)
		for (unsigned k = 0; k < W_FIGURES; k++)
			dist_fill(s->workload[i].v[k], next_stream(b, &at), b->lane[i].v[k], n);
	for (unsigned i = 0; i < s->outlays; i++)
		dist_fill(s->outlay[i].amount, next_stream(b, &at), b->outlay[i], n);
	for (unsigned i = 0; i < s->tunes; i++) {
		const struct dist d[5] = {s->tune[i].upfront, s->tune[i].tokens_removed, s->tune[i].hosting,
					  s->tune[i].retrain, s->tune[i].drift};
		for (unsigned k = 0; k < 5; k++)
			dist_fill(d[k], next_stream(b, &at), b->tune[i][k], n);
	}
	for (unsigned i = 0; i < s->options; i++) {
		const struct scenario_option *o = &s->option[i];
		const struct dist d[11] = {o->rate, o->tps, o->gpus, o->slo_derate, o->people, o->storage, o->power_kw,
					   o->power_price, o->pue, o->setup, o->rate_change};
		double v[11][B];
		for (unsigned k = 0; k < 11; k++)
			dist_fill(d[k], next_stream(b, &at), v[k], n);
		for (size_t k = 0; k < n; k++) {
			struct option_lane *l = &b->option[i];
			/* the rent moves with the market, power does not: they are split in the month loop */
			l->gpu_month[k] = option_gpu_month(o, v[0][k], v[2][k], 0, 1, 0);
			l->people[k] = v[4][k] + v[5][k];
			l->capacity[k] = selfhost_capacity_tok_per_month(v[1][k], v[3][k]) * o->max_utilisation;
			l->setup[k] = v[9][k];
			l->rate_factor[k] = pow(1 + v[10][k], 1.0 / 12);
			l->rate_now[k] = 1;
			l->power_month[k] = option_gpu_month(o, 0, 0, v[6][k], v[8][k], v[7][k]);
			l->paid[k] = l->api[k] = 0;
			l->back[k] = l->cheaper[k] = false;
		}
	}
}

static unsigned stream_count(const struct scenario *s)
{
	return 3 + s->workloads * W_FIGURES + s->outlays + s->tunes * 5 + s->options * 11;
}

/* What a task costs in each draw, and the state before the first month. */
static void prepare(const struct scenario *s, struct block *b, size_t n)
{
	double steep = ADOPTION_STEEP / s->months, last = s->months > 1 ? s->months - 1 : 1;
	for (size_t k = 0; k < n; k++) {
		double middle = b->curve[k];
		double first = 1 / (1 + exp(middle * steep)), end = 1 / (1 + exp((middle - last) * steep));
		b->curve[k] = exp(middle * steep); /* times exp(-steep) a month: L = 1 / (1 + curve) */
		b->curve_first[k] = first;
		b->curve_scale[k] = (b->adoption_multiple[k] - 1) / (end - first);
		b->decline[k] = pow(b->decline[k], -1.0 / 12);
		b->price[k] = 1;
		b->cumulative_inference[k] = b->cumulative_training[k] = b->all_tokens[k] = 0;
		b->behind[k] = 0;
	}
	for (unsigned i = 0; i < s->workloads; i++) {
		const struct workload *w = &s->workload[i];
		struct lane *l = &b->lane[i];
		const struct plan_model *easy = w->easy_model >= 0 ? &s->model[w->easy_model].price : NULL;
		bool caches = workload_caches(w);
		l->declines = w->billing == BILL_TOKEN || w->billing == BILL_CALL;
		l->units = w->billing == BILL_PROVISIONED;
		l->tuned = false;
		for (unsigned t = 0; t < s->tunes; t++)
			l->tuned |= s->tune[t].workload == i;
		for (size_t k = 0; k < n; k++) {
			double v[W_FIGURES];
			for (unsigned f = 0; f < W_FIGURES; f++)
				v[f] = l->v[f][k];
			l->volume[k] = v[W_volume];
			l->growth[k] = 1 + v[W_growth];
			l->tokens[k] = task_tokens(v);
			l->output[k] = v[W_turns] * v[W_output];
			l->peak[k] = l->output[k] * v[W_peak_to_mean];
			l->fixed[k] = workload_month(w, v, 0, 0, 1); /* seats and fixed costs: no tasks in them */
			l->money[k] = w->billing == BILL_TOKEN ? task_money(v, &s->model[w->model].price, easy, caches)
				      : w->billing == BILL_SEAT || l->units ? 0
				      : workload_month(w, v, 1, 0, 1) - l->fixed[k];
			if (l->units)
				l->fixed[k] = v[W_fixed_per_month];
		}
	}
}

static void advance(const struct scenario *s, struct block *b, unsigned m, size_t n)
{
	double q = exp(-ADOPTION_STEEP / s->months);
	for (size_t k = 0; k < n; k++) {
		if (m) {
			b->curve[k] *= q;
			b->price[k] *= b->decline[k];
		}
		b->adoption[k] = 1 + b->curve_scale[k] * (1 / (1 + b->curve[k]) - b->curve_first[k]);
		b->inference[k] = b->training[k] = b->tokens[k] = 0;
	}
}

/* The tuned money of a task in month m, where a tune runs. */
static bool tuned_month(const struct scenario *s, struct block *b, unsigned i, unsigned m, double *money, size_t n)
{
	bool runs = false;
	for (unsigned t = 0; t < s->tunes; t++) {
		const struct scenario_tune *tune = &s->tune[t];
		if (tune->workload != i || !tune_runs(tune, m))
			continue;
		runs = true;
		for (size_t k = 0; k < n; k++) {
			double v[W_FIGURES];
			for (unsigned f = 0; f < W_FIGURES; f++)
				v[f] = b->lane[i].v[f][k];
			money[k] = tune_money(s, tune, v, b->tune[t][1][k], b->tune[t][4][k], m);
		}
	}
	return runs;
}

/* One workload of one month, added to the block's sums; bill gets its own. */
static void workload_lane(const struct scenario *s, struct block *b, unsigned i, unsigned m, double *restrict bill,
			  size_t n)
{
	struct lane *l = &b->lane[i];
	double tuned[B];
	const double *restrict money = l->money;
	const double *restrict growth = l->growth, *restrict tokens = l->tokens, *restrict adoption = b->adoption;
	double *restrict volume = l->volume, *restrict inference = b->inference, *restrict sum = b->tokens;
	if (l->tuned && tuned_month(s, b, i, m, tuned, n))
		money = tuned;
	if (l->units) {
		for (size_t k = 0; k < n; k++) {
			double v[W_FIGURES];
			for (unsigned f = 0; f < W_FIGURES; f++)
				v[f] = l->v[f][k];
			bill[k] = workload_month(&s->workload[i], v, volume[k] * adoption[k], 0, b->price[k]);
			inference[k] += bill[k];
			sum[k] += volume[k] * adoption[k] * tokens[k];
			volume[k] *= growth[k];
		}
		return;
	}
	const double *restrict price = b->price, *restrict fixed = l->fixed;
	double keep = l->declines ? 0 : 1; /* a seat or a resolution keeps its price */
	for (size_t k = 0; k < n; k++) {
		double tasks = volume[k] * adoption[k];
		double now = keep + (1 - keep) * price[k];
		bill[k] = tasks * money[k] * now + fixed[k];
		inference[k] += bill[k];
		sum[k] += tasks * tokens[k];
		volume[k] *= growth[k];
	}
}

static void cross(struct crossing_count *c, bool *seen, bool now, unsigned m)
{
	if (now && !*seen) {
		c->month[m]++;
		*seen = true;
	}
}

/* An option's month: served and tokens were gathered from the workloads that it serves. */
static void option_lane(const struct scenario *s, struct block *b, struct totals *t, unsigned o, unsigned m, size_t n)
{
	const struct scenario_option *p = &s->option[o];
	struct option_lane *l = &b->option[o];
	for (size_t k = 0; k < n; k++) {
		double other = b->inference[k] - b->served[k], own = b->inference[k];
		if (m >= p->month) {
			double replicas = selfhost_replicas(b->peak[k], l->capacity[k], p->replicas_min) + p->spare;
			own = other + replicas * (l->gpu_month[k] * l->rate_now[k] + l->power_month[k]) + l->people[k];
			cross(&t->cheaper[o], &l->cheaper[k], own < b->inference[k], m);
			if (m == p->month)
				l->paid[k] += l->setup[k];
		}
		l->rate_now[k] *= l->rate_factor[k];
		l->paid[k] += own;
		l->api[k] += b->inference[k];
		cross(&t->payback[o], &l->back[k], m >= p->month && l->paid[k] < l->api[k], m);
	}
}

static void one_block(const struct scenario *s, struct block *b, struct sketches *month, struct totals *t, size_t n)
{
	double bill[SCENARIO_WORKLOADS][B];
	draw(s, b, n);
	prepare(s, b, n);
	for (unsigned m = 0; m < s->months; m++) {
		advance(s, b, m, n);
		for (unsigned i = 0; i < s->workloads; i++)
			workload_lane(s, b, i, m, bill[i], n);
		for (unsigned i = 0; i < s->tunes; i++)
			for (size_t k = 0; k < n; k++) {
				b->inference[k] += tune_runs(&s->tune[i], m) ? b->tune[i][2][k] : 0;
				b->training[k] += m == s->tune[i].month ? b->tune[i][0][k] : 0;
				b->training[k] += tune_retrains(&s->tune[i], m) ? b->tune[i][3][k] : 0;
			}
		for (unsigned i = 0; i < s->outlays; i++)
			if (outlay_falls(&s->outlay[i], m))
				for (size_t k = 0; k < n; k++)
					b->training[k] += b->outlay[i][k];
		for (unsigned o = 0; o < s->options; o++) {
			memset(b->served, 0, sizeof b->served);
			memset(b->peak, 0, sizeof b->peak);
			for (unsigned i = 0; i < s->workloads; i++)
				if (s->option[o].serves >> i & 1)
					for (size_t k = 0; k < n; k++) {
						/* volume has moved on to the next month: step it back */
						double now =
							b->lane[i].volume[k] / b->lane[i].growth[k] * b->adoption[k];
						b->served[k] += bill[i][k] - b->lane[i].v[W_fixed_per_month][k];
						b->peak[k] += now * b->lane[i].peak[k];
					}
			option_lane(s, b, t, o, m, n);
		}
		for (size_t k = 0; k < n; k++) {
			b->cumulative_inference[k] += b->inference[k];
			b->cumulative_training[k] += b->training[k];
			b->all_tokens[k] += b->tokens[k];
			b->behind[k] = b->cumulative_inference[k] > b->cumulative_training[k] ? b->behind[k] : m + 1;
		}
		sketch_add_many(&month[m].inference, b->inference, n);
		sketch_add_many(&month[m].cumulative_inference, b->cumulative_inference, n);
		sketch_add_many(&month[m].training, b->training, n);
		sketch_add_many(&month[m].cumulative_training, b->cumulative_training, n);
	}
	double total[B], share[B], unit[B];
	for (size_t k = 0; k < n; k++) {
		total[k] = b->cumulative_inference[k] + b->cumulative_training[k];
		share[k] = total[k] > 0 ? b->cumulative_inference[k] / total[k] : 0;
		unit[k] = b->all_tokens[k] > 0 ? total[k] / b->all_tokens[k] * 1e6 : 0;
		if (b->behind[k] < s->months)
			t->overtakes.month[b->behind[k]]++;
		else
			t->overtakes.never++;
		for (unsigned o = 0; o < s->options; o++) {
			t->cheaper[o].never += !b->option[o].cheaper[k];
			t->payback[o].never += !b->option[o].back[k];
			t->option_cheaper[o] += b->option[o].paid[k] < b->option[o].api[k];
		}
	}
	sketch_add_many(&t->inference, b->cumulative_inference, n);
	sketch_add_many(&t->training, b->cumulative_training, n);
	sketch_add_many(&t->total, total, n);
	sketch_add_many(&t->share, share, n);
	sketch_add_many(&t->per_mtok, unit, n);
	for (unsigned o = 0; o < s->options; o++)
		sketch_add_many(&t->option[o], b->option[o].paid, n);
}

static double month_at(const struct crossing_count *c, unsigned months, uint64_t draws, double q)
{
	double rank = q * (double)draws, seen = 0;
	for (unsigned m = 0; m < months; m++) {
		seen += (double)c->month[m];
		if (seen >= rank && seen > 0)
			return m + 1;
	}
	return INFINITY;
}

static struct life_crossing crossing(const struct crossing_count *c, unsigned months, uint64_t draws)
{
	return (struct life_crossing){.month = {month_at(c, months, draws, 0.1), month_at(c, months, draws, 0.5),
						month_at(c, months, draws, 0.9)},
				      .share = 1 - (double)c->never / (double)draws};
}

static void collect(const struct scenario *s, const struct sketches *month, const struct totals *t,
		    struct lifetime *out)
{
	out->months = s->months;
	for (unsigned m = 0; m < s->months; m++) {
		out->month[m].inference = sketch_band(&month[m].inference);
		out->month[m].training = sketch_band(&month[m].training);
		out->month[m].cumulative_inference = sketch_band(&month[m].cumulative_inference);
		out->month[m].cumulative_training = sketch_band(&month[m].cumulative_training);
	}
	out->inference = sketch_band(&t->inference);
	out->training = sketch_band(&t->training);
	out->total = sketch_band(&t->total);
	out->share = sketch_band(&t->share);
	out->per_mtok = sketch_band(&t->per_mtok);
	out->overtakes = crossing(&t->overtakes, s->months, s->draws);
	for (unsigned o = 0; o < s->options; o++) {
		out->option[o].cheaper = crossing(&t->cheaper[o], s->months, s->draws);
		out->option[o].payback = crossing(&t->payback[o], s->months, s->draws);
		out->option[o].total = sketch_band(&t->option[o]);
		out->option[o].share_cheaper = (double)t->option_cheaper[o] / s->draws;
	}
}

int lifetime_run(const struct scenario *s, struct lifetime *out, struct err *e)
{
	unsigned streams = stream_count(s);
	struct block *b = calloc(1, sizeof *b);
	struct sketches *month = calloc(s->months, sizeof *month);
	struct totals *t = calloc(1, sizeof *t);
	struct scenario *scratch = calloc(1, sizeof *scratch);
	struct life_path *path = calloc(1, sizeof *path);
	int rc = 0;
	if (b) {
		b->lane = calloc(s->workloads ? s->workloads : 1, sizeof *b->lane);
		b->option = calloc(s->options ? s->options : 1, sizeof *b->option);
		b->stream = calloc(streams, sizeof *b->stream);
	}
	if (!b || !b->lane || !b->option || !b->stream || !month || !t || !scratch || !path) {
		rc = err_set(e, RR_NOMEM, "out of memory for a scenario of %u workloads and %u months", s->workloads,
			     s->months);
		goto out;
	}
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < streams; i++)
		dist_stream(&b->stream[i], s->seed, i);
	for (unsigned done = 0; done < s->draws; done += B)
		one_block(s, b, month, t, s->draws - done < B ? s->draws - done : B);
	collect(s, month, t, out);
	lifetime_path(s, &out->mode);
	lifetime_levers(s, out, scratch, path);
	rc = lifetime_tornado(s, out, scratch, path);
out:
	if (b) {
		free(b->lane);
		free(b->option);
		free(b->stream);
	}
	free(b);
	free(month);
	free(t);
	free(scratch);
	free(path);
	return rc;
}
