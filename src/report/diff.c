/* SPDX-License-Identifier: Apache-2.0
 *
 * See diff.h: cells gathered from the roll-ups of both periods, each walked from its old cost to its new one.
 */
#include "report/diff.h"

#include <math.h>
#include <stdlib.h>

#include "base/intern.h"
#include "model/price.h"
#include "report/amounts.h"
#include "report/overlap.h"

enum { CELLS_MOST = 200000, HOURS_MOST = 24 * 366 * 2 };
#define HOUR_US (3600 * US_PER_S)

const char *const diff_effect_names[EFFECTS] = {"volume", "mix", "prompts", "answers", "cache", "price"};
const char *const diff_effect_words[EFFECTS] = {"requests",      "mix of models",  "prompt length",
						"answer length", "cache hit rate", "prices and the rest"};

static bool is_cached(unsigned c)
{
	return c == CLASS_IN_CACHE_READ || c == CLASS_IN_AUDIO_CACHE_READ || c == CLASS_IN_IMAGE_CACHE_READ;
}

/* ---- the walk ---- */

/* Sums of weight x tokens by side of the call; false when they do not fit. */
static bool weigh(const struct diff_cell *c, unsigned period, money_wide sum[2], uint64_t tok[2])
{
	sum[0] = sum[1] = 0;
	tok[0] = tok[1] = 0;
	for (unsigned i = 0; i < CLASSES; i++) {
		unsigned side = token_class_is_output((enum token_class)i);
		money_wide part;
		if (__builtin_mul_overflow(c->weight[i], (money_wide)c->tok[period][i], &part) ||
		    __builtin_add_overflow(sum[side], part, &sum[side]))
			return false;
		tok[side] += c->tok[period][i];
	}
	return true;
}

/* What the tokens of the cell would have cost in steps 3, 4 and 5. */
static bool token_steps(const struct diff_cell *c, money_wide bill[3])
{
	money_wide old[2], new[2], input, output, all;
	uint64_t old_tok[2], new_tok[2];
	if (c->cost[0] <= 0 || !weigh(c, 0, old, old_tok) || !weigh(c, 1, new, new_tok))
		return false;
	all = old[0] + old[1];
	if (all <= 0 || old[0] < 0 || old[1] < 0)
		return false;
	input = new[0];
	if ((old_tok[0] && !money_scale_fits(old[0], (money_wide)new_tok[0], (money_wide)old_tok[0], &input)) ||
	    !money_scale_fits(old[1], (money_wide)c->calls[1], (money_wide)c->calls[0], &output))
		return false;
	return money_scale_fits(c->cost[0], input + output, all, &bill[0]) &&
	       money_scale_fits(c->cost[0], input + new[1], all, &bill[1]) &&
	       money_scale_fits(c->cost[0], new[0] + new[1], all, &bill[2]);
}

bool diff_walk(const struct diff_cell *c, const uint64_t calls[2], money_wide effect[EFFECTS])
{
	money_wide bill[EFFECTS + 1];
	bool split = false;
	bill[0] = c->cost[0];
	bill[EFFECTS] = c->cost[1];
	for (unsigned i = 1; i < EFFECTS; i++)
		bill[i] = c->cost[1];
	if (!c->calls[0] && !c->calls[1]) { /* a fee: there is nothing to count it by */
		for (unsigned i = 1; i < EFFECTS; i++)
			bill[i] = c->cost[0];
	} else if (calls[0] && calls[1]) {
		if (!c->calls[0] || !money_scale_fits(c->cost[0], (money_wide)calls[1], (money_wide)calls[0], &bill[1]))
			bill[1] = c->cost[0];
		if (c->calls[0] && c->calls[1] &&
		    money_scale_fits(c->cost[0], (money_wide)c->calls[1], (money_wide)c->calls[0], &bill[2])) {
			split = token_steps(c, bill + 3);
			for (unsigned i = 3; i < EFFECTS && !split; i++)
				bill[i] = bill[2];
		}
	}
	for (unsigned i = 0; i < EFFECTS; i++)
		effect[i] = bill[i + 1] - bill[i];
	return split;
}

/* ---- gathering ---- */

struct cell {
	uint32_t line, provider, model, tier;
	struct diff_cell c;
};

struct gather {
	struct diff *d;
	const struct report_query *q;
	struct env_filter env;
	struct overlap *overlap;
	struct cell *cells;
	uint32_t *slots;
	unsigned count, room, slot_count, period;
	bool features;
	struct currency currency;
};

static unsigned slot_of(const struct gather *g, uint32_t line, uint32_t provider, uint32_t model, uint32_t tier)
{
	uint64_t h =
		(((uint64_t)line << 32 | model) ^ ((uint64_t)provider << 20 | tier)) * UINT64_C(0x9E3779B97F4A7C15);
	unsigned at = (unsigned)(h >> 30) & (g->slot_count - 1);
	while (g->slots[at]) {
		const struct cell *c = &g->cells[g->slots[at] - 1];
		if (c->line == line && c->provider == provider && c->model == model && c->tier == tier)
			break;
		at = (at + 1) & (g->slot_count - 1);
	}
	return at;
}

static int grow(struct gather *g)
{
	unsigned n = g->room ? g->room * 2 : 256;
	struct cell *cells = realloc(g->cells, n * sizeof *cells);
	uint32_t *slots = calloc((size_t)n * 2, sizeof *slots);
	if (cells)
		g->cells = cells;
	if (!cells || !slots || n > CELLS_MOST * 2) {
		free(slots);
		return -RR_LIMIT;
	}
	free(g->slots);
	g->slots = slots;
	g->slot_count = n * 2;
	g->room = n;
	for (unsigned i = 0; i < g->count; i++) {
		const struct cell *c = &g->cells[i];
		g->slots[slot_of(g, c->line, c->provider, c->model, c->tier)] = i + 1;
	}
	return 0;
}

static int add_row(const struct rollup_row *whole, void *arg)
{
	struct rollup_row rest;
	const struct rollup_row *x = &rest;
	struct gather *g = arg;
	struct diff *d = g->d;
	struct diff_cell *c;
	uint32_t line = row_name(d->by, &whole->key);
	unsigned at;
	money_wide pico;
	if (!overlap_rest(g->overlap, whole, &rest) || !env_counts(g->env, &x->key))
		return 0;
	d->paid_once = d->paid_once || x->key.book == BOOK_TRAINING;
	if (x->key.book != BOOK_INFERENCE)
		return 0;
	if (!row_amount(x, &pico)) {
		d->unpriced[g->period] += row_unpriced(x) ? row_calls(x) : 0;
		return 0;
	}
	if (pico != 0 && !rates_convert(g->q->rates, g->q->rate_count, currency_interned(x->key.currency), d->currency,
					x->key.hour_us, &pico)) {
		d->other_currency[g->period] += row_calls(x);
		left_out_add(&d->left_out, currency_interned(x->key.currency));
		return 0;
	}
	if (g->count == g->room && grow(g))
		return -RR_LIMIT;
	at = slot_of(g, line, x->key.provider, x->key.model, x->key.tier);
	if (!g->slots[at]) {
		memset(&g->cells[g->count], 0, sizeof *g->cells);
		g->cells[g->count].line = line;
		g->cells[g->count].provider = x->key.provider;
		g->cells[g->count].model = x->key.model;
		g->cells[g->count].tier = x->key.tier;
		g->slots[at] = ++g->count;
	}
	c = &g->cells[g->slots[at] - 1].c;
	c->calls[g->period] += row_calls(x);
	c->cost[g->period] += pico;
	for (unsigned i = 0; i < CLASSES; i++)
		c->tok[g->period][i] += x->sum.tok[i];
	return 0;
}

static int look_row(const struct rollup_row *x, void *arg)
{
	struct gather *g = arg;
	if (x->key.feature && x->key.book == BOOK_INFERENCE)
		g->features = true;
	return 0;
}

/* ---- weights: what the classes cost at the old period ---- */

static void weights(struct diff_cell *c, const struct cell *x, const struct book *b, int64_t at_us)
{
	struct price_query q = {.provider = intern_str(x->provider), .model = intern_str(x->model), .at_us = at_us};
	for (unsigned i = 0; i < CLASSES && b; i++) {
		const struct price_rule *r;
		if (!c->tok[0][i] && !c->tok[1][i])
			continue;
		r = price_rule_for(b, &q, (enum meter)i, (enum tier)x->tier, 0, true);
		if (!r) {
			memset(c->weight, 0, sizeof c->weight);
			return;
		}
		c->weight[i] = r->price_atto;
	}
}

/* ---- lines ---- */

static void side_add(struct diff_side *s, const struct diff_cell *c, unsigned period)
{
	s->calls += c->calls[period];
	s->cost_pico += c->cost[period];
	for (unsigned i = 0; i < CLASSES; i++) {
		*(token_class_is_output((enum token_class)i) ? &s->output_tok : &s->input_tok) += c->tok[period][i];
		s->cached_tok += is_cached(i) ? c->tok[period][i] : 0;
	}
}

static void line_add(struct diff_line *l, const struct diff_cell *c, const money_wide effect[EFFECTS])
{
	side_add(&l->before, c, 0);
	side_add(&l->after, c, 1);
	for (unsigned i = 0; i < EFFECTS; i++)
		l->effect[i] += effect[i];
}

static int by_line(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->provider != y->provider)
		return x->provider < y->provider ? -1 : 1;
	if (x->model != y->model)
		return x->model < y->model ? -1 : 1;
	return x->tier < y->tier ? -1 : x->tier > y->tier;
}

static money_wide size_of(const struct diff_line *l)
{
	money_wide v = l->after.cost_pico - l->before.cost_pico;
	return v < 0 ? -v : v;
}

static int by_size(const void *a, const void *b)
{
	const struct diff_line *x = a, *y = b;
	money_wide p = size_of(x), q = size_of(y);
	return p != q ? (p < q ? 1 : -1) : str_cmp(x->key, y->key);
}

static int fold(struct diff *d, struct gather *g, const struct book *b, struct arena *a, struct err *e)
{
	uint64_t calls[2] = {0};
	int64_t at_us = d->from_us[0] / 2 + d->to_us[0] / 2;
	if (g->count)
		qsort(g->cells, g->count, sizeof *g->cells, by_line);
	d->lines = arena_array(a, struct diff_line, g->count + 1);
	if (!d->lines)
		return err_set(e, RR_NOMEM, "out of memory for the comparison");
	for (unsigned i = 0; i < g->count; i++)
		for (unsigned p = 0; p < 2; p++)
			calls[p] += g->cells[i].c.calls[p];
	for (unsigned i = 0; i < g->count; i++) {
		struct cell *x = &g->cells[i];
		money_wide effect[EFFECTS];
		weights(&x->c, x, b, at_us);
		d->cells_calls += x->c.calls[0] + x->c.calls[1];
		d->split_calls += diff_walk(&x->c, calls, effect) ? x->c.calls[0] + x->c.calls[1] : 0;
		if (!i || x->line != g->cells[i - 1].line)
			d->lines[d->count++].key = intern_str(x->line);
		line_add(&d->lines[d->count - 1], &x->c, effect);
		line_add(&d->all, &x->c, effect);
	}
	qsort(d->lines, d->count, sizeof *d->lines, by_size);
	return 0;
}

/* ---- what stands out, and since when ---- */

/* A line's volume and mix are measured by all requests; what is said of one line is by its own: how many there are, and
 * then which models answer them. */
static void own_effects(const struct diff_line *l, money_wide effect[EFFECTS])
{
	money_wide both = l->effect[EFFECT_VOLUME] + l->effect[EFFECT_MIX], by_calls;
	memcpy(effect, l->effect, EFFECTS * sizeof *effect);
	if (!l->before.calls || !l->after.calls ||
	    !money_scale_fits(l->before.cost_pico, (money_wide)l->after.calls, (money_wide)l->before.calls, &by_calls))
		by_calls = l->before.cost_pico + both;
	effect[EFFECT_VOLUME] = by_calls - l->before.cost_pico;
	effect[EFFECT_MIX] = both - effect[EFFECT_VOLUME];
}

static void find_main(struct diff *d)
{
	money_wide change = d->all.after.cost_pico - d->all.before.cost_pico, effect[EFFECTS], best = 0;
	d->main_line = -1;
	for (unsigned i = 0; i < d->count && change; i++) {
		own_effects(&d->lines[i], effect);
		for (unsigned k = 0; k < EFFECTS; k++) {
			money_wide v = change < 0 ? -effect[k] : effect[k];
			if (v > best) {
				best = v;
				d->main_line = (int)i;
				d->main_effect = (enum diff_effect)k;
				d->main_pico = effect[k];
			}
		}
	}
}

struct hours {
	const struct diff *d;
	struct env_filter env;
	uint32_t line;
	int64_t from_us;
	unsigned count;
	double *input, *cached;
};

static int add_hour(const struct rollup_row *x, void *arg)
{
	struct hours *h = arg;
	int64_t at = (x->key.hour_us - h->from_us) / HOUR_US;
	if (!env_counts(h->env, &x->key) || x->key.book != BOOK_INFERENCE || row_name(h->d->by, &x->key) != h->line ||
	    at < 0 || at >= h->count)
		return 0;
	h->input[at] += (double)x->sum.input_tok;
	for (unsigned i = 0; i < CLASSES; i++)
		h->cached[at] += is_cached(i) ? (double)x->sum.tok[i] : 0;
	return 0;
}

/* The hour that parts the two levels of the hit rate best (least squares, weighted by tokens), where they differ by a
 * tenth or more. */
static int find_since(struct diff *d, struct ledger *l, const struct report_query *q, struct arena *a, struct err *e)
{
	struct hours h = {.d = d, .env = env_filter_of(q->env), .from_us = d->from_us[0]};
	double all_in = 0, all_hit = 0, in = 0, hit = 0, best = 0;
	int64_t span = (d->to_us[1] - d->from_us[0]) / HOUR_US;
	int rc;
	if (d->main_line < 0 || d->main_effect != EFFECT_CACHE || span < 2 || span > HOURS_MOST ||
	    d->from_us[1] < d->to_us[0])
		return 0;
	h.line = intern(d->lines[d->main_line].key);
	h.count = (unsigned)span;
	h.input = arena_array(a, double, h.count);
	h.cached = arena_array(a, double, h.count);
	if (!h.input || !h.cached)
		return err_set(e, RR_NOMEM, "out of memory for the comparison");
	rc = ledger_rollup(l, d->from_us[0], d->to_us[1], add_hour, &h, e);
	for (unsigned i = 0; i < h.count; i++) {
		all_in += h.input[i];
		all_hit += h.cached[i];
	}
	for (unsigned i = 0; i + 1 < h.count && !rc; i++) {
		double left, right, gain;
		in += h.input[i];
		hit += h.cached[i];
		if (in <= 0 || all_in - in <= 0 || h.input[i + 1] <= 0)
			continue;
		left = hit / in;
		right = (all_hit - hit) / (all_in - in);
		gain = in * (all_in - in) * (left - right) * (left - right);
		if (gain > best && fabs(left - right) >= 0.1) {
			best = gain;
			d->since_us = d->from_us[0] + (int64_t)(i + 1) * HOUR_US;
		}
	}
	return rc;
}

static int look_outlay(const struct outlay *x, void *arg)
{
	struct diff *d = arg;
	for (unsigned p = 0; p < 2; p++)
		d->paid_once = d->paid_once || (outlay_kind_book(x->kind) == BOOK_TRAINING &&
						x->date_us >= d->from_us[p] && x->date_us < d->to_us[p]);
	return 0;
}

int diff_make(struct diff *d, struct ledger *l, const struct book *b, const struct report_query *q,
	      const int64_t from_us[2], const int64_t to_us[2], struct arena *a, struct err *e)
{
	struct gather g = {.d = d, .q = q, .env = env_filter_of(q->env)};
	bool several = false;
	int rc = 0;
	memset(d, 0, sizeof *d);
	d->tz = q->tz;
	d->by = q->by;
	d->currency = q->currency;
	d->main_line = -1;
	memcpy(d->from_us, from_us, sizeof d->from_us);
	memcpy(d->to_us, to_us, sizeof d->to_us);
	if (report_by_time(q->by)) {
		err_set(e, RR_USAGE, "--by %s: a comparison has its two periods already", report_by_name(q->by));
		return err_hint(e, "--by model, feature, team, key, provider, region, project ...");
	}
	for (unsigned p = 0; p < 2 && !rc && !d->currency.code[0]; p++) {
		struct currency c;
		rc = report_only_currency(l, from_us[p], to_us[p], g.env, &c, &several, e);
		if (!rc && c.code[0] && g.currency.code[0] && !currency_eq(c, g.currency))
			c.code[0] = 0;
		if (!rc && c.code[0])
			g.currency = c;
	}
	if (!d->currency.code[0])
		d->currency = g.currency;
	if (!rc && !d->currency.code[0] && !several) {
		err_set(e, RR_USAGE, "nothing that recurs was spent in these periods, or it has no price");
		return err_hint(e, "runrate report shows which days the ledger holds, and what has no price");
	}
	if (!rc && !d->currency.code[0]) {
		err_set(e, RR_USAGE, "the amounts in these periods are in several currencies");
		return err_hint(e,
				"choose one with --currency, and a dated rate with --rate USD/GBP=0.7692@2026-10-01");
	}
	for (unsigned p = 0; p < 2 && !rc && d->by == BY_AUTO; p++)
		rc = ledger_rollup_by(l, GRAIN_DAY, from_us[p], to_us[p], look_row, &g, e);
	if (d->by == BY_AUTO)
		d->by = g.features ? BY_FEATURE : BY_MODEL;
	for (g.period = 0; g.period < 2 && !rc; g.period++) {
		g.overlap = overlap_new();
		rc = g.overlap ? overlap_read(g.overlap, l, from_us[g.period], to_us[g.period], e)
			       : err_set(e, RR_NOMEM, "out of memory");
		if (!rc)
			rc = ledger_rollup_by(l, GRAIN_DAY, from_us[g.period], to_us[g.period], add_row, &g, e);
		overlap_free(g.overlap);
	}
	if (rc == -RR_LIMIT)
		rc = err_set(e, RR_LIMIT, "more than %d different lines, models and tiers: choose another --by",
			     CELLS_MOST);
	if (!rc)
		rc = ledger_outlays(l, look_outlay, d, e);
	if (!rc)
		rc = fold(d, &g, b, a, e);
	if (!rc) {
		find_main(d);
		rc = find_since(d, l, q, a, e);
	}
	free(g.cells);
	free(g.slots);
	return rc;
}
