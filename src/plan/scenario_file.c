/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a scenario (scenario.h). Every figure may be a number or {low, mode, high}; amounts may name their currency,
 * all of them the same one.
 *
 *   name, currency, months, start (2026-12), draws, seed
 *   price_decline: 1              # times cheaper a year; 1 = the list price of one model, flat
 *   adoption: {multiple: 5, middle: 12}   # or a number: volume at the end over volume at the start, on an S curve
 *   models:    [{name: mini, in: 0.75, out: 4.50, read: 0.1, write: 1.25, batch: 0.5}, {name: x, book: gpt-5.4-mini}]
 *   workloads: [{name, model, volume, growth, prefix, rest, output, hit, ...}]   # workload figures: scenario.h; also
 *              calls_per_month for volume, input for rest, price_in and price_out (read, write, batch) for a model
 *   outlays:   [{name, month, amount, every_months, until_month}]
 *   finetunes: [{name, serves, model, month, upfront, tokens_removed, hosting, retrain, retrain_every, retires_month}]
 *   options:   [{name, serves: [workload], rate, tps, gpus, replicas_min, spare, people, setup, ...}]
 */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "model/book.h"
#include "plan/families.h"
#include "plan/node.h"
#include "plan/scenario.h"

struct reader {
	struct scenario *s;
	struct conf_doc *d;
	const struct book *book;
	int64_t now_us;
	int rc;
};

static void member(struct reader *r, const struct conf_node *map, const char *name, const char *unit, double least,
		   double most, double *out)
{
	r->rc |= node_member(r->d, map, name, unit, least, most, &r->s->currency, out);
}

static void member_dist(struct reader *r, const struct conf_node *map, const char *name, const char *unit, double least,
			double most, double fallback, struct dist *out)
{
	*out = dist_point(fallback);
	r->rc |= node_member_dist(r->d, map, name, unit, least, most, &r->s->currency, out);
}

static void text(struct reader *r, const struct conf_node *map, const char *name, char *out, size_t size, bool required)
{
	const struct conf_node *n = conf_get(map, name);
	if (n && n->type == CONF_SCALAR)
		str_copy(out, size, n->scalar);
	else if (n || required)
		r->rc |= conf_error(r->d, n ? n : map, "%s is missing here", name);
}

/* A month: 0-based number, or a date counted from the scenario's start. */
static unsigned month(struct reader *r, const struct conf_node *map, const char *name, unsigned fallback)
{
	const struct conf_node *n = conf_get(map, name);
	double v;
	int64_t at;
	if (!n)
		return fallback;
	if (n->type == CONF_SCALAR && str_chr(n->scalar, '-') == 4) {
		struct sb whole;
		sb_init(&whole, 64);
		sb_add_str(&whole, n->scalar);
		if (n->scalar.n == 7)
			sb_adds(&whole, "-01");
		int bad = time_parse(sb_str(&whole), &at);
		sb_fini(&whole);
		if (bad < 0) {
			r->rc |= conf_error(r->d, n, "%s is no month number and no date", name);
			return fallback;
		}
		int64_t y0, y1;
		unsigned m0, d0, m1, d1;
		civil_from_days(r->s->start_us / US_PER_DAY, &y0, &m0, &d0);
		civil_from_days(at / US_PER_DAY, &y1, &m1, &d1);
		v = (double)((y1 - y0) * 12 + (int64_t)m1 - (int64_t)m0);
	} else if (node_number(r->d, n, "months", 0, SCENARIO_MONTHS, 0, &r->s->currency, &v) < 0) {
		r->rc = -RR_CONFIG;
		return fallback;
	}
	if (v < 0 || v > SCENARIO_MONTHS || v != floor(v)) {
		r->rc |= conf_error(r->d, n, "%s is month %g of the scenario: allowed is a whole month from 0 to %d",
				    name, v, SCENARIO_MONTHS);
		return fallback;
	}
	return (unsigned)v;
}

/* The list under a key: NULL when absent; every entry must be a map; at most `most`. */
static const struct conf_node *list(struct reader *r, const char *key, unsigned most)
{
	const struct conf_node *n = conf_get(r->d->root, key);
	unsigned count = 0;
	if (!n)
		return NULL;
	if (n->type != CONF_LIST) {
		r->rc |= conf_error(r->d, n, "%s is a list: [{name: ...}, ...]", key);
		return NULL;
	}
	for (const struct conf_node *k = n->first; k; k = k->next, count++)
		if (k->type != CONF_MAP)
			r->rc |= conf_error(r->d, k, "each of %s is a map: {name: ...}", key);
	if (count > most) {
		r->rc |= conf_error(r->d, n, "at most %u %s", most, key);
		return NULL;
	}
	return r->rc < 0 ? NULL : n->first;
}

static int model_index(const struct scenario *s, struct str name)
{
	for (unsigned i = 0; i < s->models; i++)
		if (str_eqc(name, s->model[i].name))
			return (int)i;
	return -1;
}

/* A price of the book is in the scenario's currency, or gives it; nothing is converted silently. */
static int same_currency(struct reader *r, const struct conf_node *n, const struct plan_model *m)
{
	struct currency *cur = &r->s->currency;
	if (m->currency.code[0] && cur->code[0] && !currency_eq(m->currency, *cur))
		return conf_error(r->d, n,
				  "mixed currencies: the price book has %.40s in %s, the scenario is in %s; give the "
				  "scenario in %s, or this model's prices by hand",
				  m->name, m->currency.code, cur->code, m->currency.code);
	if (m->currency.code[0])
		*cur = m->currency;
	return 0;
}

/* A model by its name in the file, else from the price book (then it is added). -1 after an error. */
static int find_model(struct reader *r, const struct conf_node *n)
{
	struct err e = {0};
	struct scenario *s = r->s;
	if (n->type != CONF_SCALAR) {
		r->rc |= conf_error(r->d, n, "a model is named here");
		return -1;
	}
	int i = model_index(s, n->scalar);
	if (i >= 0)
		return i;
	if (s->models == SCENARIO_MODELS) {
		r->rc |= conf_error(r->d, n, "at most %d models", SCENARIO_MODELS);
		return -1;
	}
	struct scenario_model *m = &s->model[s->models];
	if (plan_model_read(r->book, n->scalar, r->now_us, &m->price, &e) < 0) {
		r->rc |= conf_error(r->d, n, "%s%s%s", e.what, e.hint[0] ? "; " : "", e.hint);
		return -1;
	}
	if (same_currency(r, n, &m->price) < 0) {
		r->rc = -RR_CONFIG;
		return -1;
	}
	str_copy(m->name, sizeof m->name, n->scalar);
	return (int)s->models++;
}

static void read_model(struct reader *r, const struct conf_node *n)
{
	static const char *const keys[] = {"name", "in", "out", "read", "write", "batch", "book", NULL};
	struct scenario_model *m = &r->s->model[r->s->models];
	const struct conf_node *book = conf_get(n, "book");
	struct err e = {0};
	if (node_keys(r->d, n, keys) < 0) {
		r->rc = -RR_CONFIG;
		return;
	}
	m->price = (struct plan_model){.in = NAN, .read = 1, .write = 1, .batch = 1, .batch_stacks = true};
	if (book &&
	    (book->type != CONF_SCALAR || plan_model_read(r->book, book->scalar, r->now_us, &m->price, &e) < 0)) {
		r->rc |= conf_error(r->d, book, "%s", e.what[0] ? e.what : "a name of the price book is wanted");
		return;
	}
	text(r, n, "name", m->name, sizeof m->name, true);
	r->rc |= same_currency(r, n, &m->price);
	if (!book)
		snprintf(m->price.source, sizeof m->price.source, "%.100s:%u", r->d->name, n->line);
	member(r, n, "in", "money/Mtok", 0, ANY, &m->price.in);
	member(r, n, "out", "money/Mtok", 0, ANY, &m->price.out);
	member(r, n, "read", "times", 0, 1, &m->price.read);
	member(r, n, "write", "times", 0, 10, &m->price.write);
	member(r, n, "batch", "times", 0, 1, &m->price.batch);
	if (isnan(m->price.in))
		r->rc |= conf_error(r->d, n, "model %s needs its input price: in: 0.75 (and out), or book: NAME",
				    m->name);
	if (model_index(r->s, str_of(m->name)) >= 0)
		r->rc |= conf_error(r->d, n, "a second model named %s", m->name);
	r->s->models++;
}

static bool flag(struct reader *r, const struct conf_node *map, const char *name, bool *given)
{
	const struct conf_node *n = conf_get(map, name);
	*given = n != NULL;
	if (!n)
		return false;
	if (n->type == CONF_SCALAR && (str_eqc(n->scalar, "true") || str_eqc(n->scalar, "yes")))
		return true;
	if (!(n->type == CONF_SCALAR && (str_eqc(n->scalar, "false") || str_eqc(n->scalar, "no"))))
		r->rc |= conf_error(r->d, n, "%s is true or false", name);
	return false;
}

/* Prices that stand in the workload itself. */
static void inline_model(struct reader *r, const struct conf_node *n, struct workload *w)
{
	struct scenario_model *m = &r->s->model[r->s->models];
	m->price = (struct plan_model){.read = 1, .write = 1, .batch = 1, .batch_stacks = true};
	snprintf(m->name, sizeof m->name, "%.40s's", w->name);
	snprintf(m->price.source, sizeof m->price.source, "%.100s:%u", r->d->name, n->line);
	member(r, n, "price_in", "money/Mtok", 0, ANY, &m->price.in);
	member(r, n, "price_out", "money/Mtok", 0, ANY, &m->price.out);
	member(r, n, "read", "times", 0, 1, &m->price.read);
	member(r, n, "write", "times", 0, 10, &m->price.write);
	member(r, n, "batch", "times", 0, 1, &m->price.batch);
	w->model = r->s->models++;
}

static void read_workload(struct reader *r, const struct conf_node *n)
{
	static const char *const keys[] = {"name",
					   "model",
					   "easy_model",
					   "billing",
					   "stable",
					   "narrow",
					   "calls_per_month",
					   "input",
					   "share_easy",
					   "mix",
					   "price_in",
					   "price_out",
					   "read",
					   "write",
					   "batch",
#define X(name, unit, least, most, fallback, help) #name,
					   WORKLOAD_FIGURES(X)
#undef X
						   NULL};
	static const struct {
		const char *name, *unit;
		double least, most, fallback;
	} figures[W_FIGURES] = {
#define X(name, unit, least, most, fallback, help) {#name, unit, least, most, fallback},
		WORKLOAD_FIGURES(X)
#undef X
	};
	struct workload *w = &r->s->workload[r->s->workloads];
	const struct conf_node *k;
	if (node_keys(r->d, n, keys) < 0) {
		r->rc = -RR_CONFIG;
		return;
	}
	memset(w, 0, sizeof *w);
	text(r, n, "name", w->name, sizeof w->name, true);
	for (unsigned i = 0; i < W_FIGURES; i++)
		member_dist(r, n, figures[i].name, figures[i].unit, figures[i].least, figures[i].most,
			    figures[i].fallback, &w->v[i]);
	if (!conf_get(n, "volume") && conf_get(n, "calls_per_month"))
		member_dist(r, n, "calls_per_month", "calls", 0, ANY, 0, &w->v[W_volume]);
	if (!conf_get(n, "rest") && conf_get(n, "input"))
		member_dist(r, n, "input", "tokens", 0, ANY, 0, &w->v[W_rest]);
	if ((k = node_get(n, "mix", "share_easy"))) /* the complexity mix: {easy: share} or the share itself */
		r->rc |= node_dist(r->d, k->type == CONF_MAP && conf_get(k, "easy") ? conf_get(k, "easy") : k, "share",
				   0, 1, 0, &r->s->currency, &w->v[W_easy]);
	w->easy_model = -1;
	if ((k = conf_get(n, "billing"))) {
		unsigned b = 0;
		while (b < BILLINGS && !(k->type == CONF_SCALAR && str_eqc(k->scalar, billing_name((enum billing)b))))
			b++;
		if (b == BILLINGS)
			r->rc |= conf_error(r->d, k, "billing is token, call, seat, resolution or provisioned");
		else
			w->billing = (enum billing)b;
	}
	if ((k = conf_get(n, "model"))) {
		int i = find_model(r, k);
		w->model = i < 0 ? 0 : (unsigned)i;
	} else if (conf_get(n, "price_in") && r->s->models < SCENARIO_MODELS) {
		inline_model(r, n, w);
	} else if (w->billing == BILL_TOKEN) {
		r->rc |= conf_error(r->d, n, "workload %s needs its model, or price_in and price_out", w->name);
	} else if (r->s->models == 0) {
		r->s->model[r->s->models++] =
			(struct scenario_model){.name = "(none)", .price = {.read = 1, .write = 1, .batch = 1}};
	}
	if ((k = conf_get(n, "easy_model")))
		w->easy_model = find_model(r, k);
	w->stable = flag(r, n, "stable", &w->stable_given);
	w->narrow = flag(r, n, "narrow", &w->narrow_given);
	if (!conf_get(n, "volume") && !conf_get(n, "calls_per_month") && w->billing != BILL_SEAT)
		r->rc |= conf_error(r->d, n, "workload %s needs its volume: tasks a month", w->name);
	if (w->v[W_hit].high > 0 && w->v[W_prefix].high == 0 && w->v[W_turns].high <= 1)
		r->rc |= conf_error(r->d, conf_get(n, "hit"),
				    "hit is %g but %s has no prefix: a hit rate needs a prefix", w->v[W_hit].high,
				    w->name);
	if (w->v[W_routed].high > 0 && w->easy_model < 0)
		r->rc |= conf_error(r->d, conf_get(n, "routed"), "routed needs an easy_model to go to");
	if (w->billing != BILL_TOKEN && !conf_get(n, "unit_price"))
		r->rc |= conf_error(r->d, n, "billing by %s needs unit_price", billing_name(w->billing));
	if (w->billing == BILL_PROVISIONED && w->v[W_unit_tokens].low <= 0)
		r->rc |=
			conf_error(r->d, n, "billing by provisioned units needs unit_tokens: what one carries a month");
	r->s->workloads++;
}

static int workload_index(struct reader *r, const struct conf_node *n)
{
	for (unsigned i = 0; i < r->s->workloads; i++)
		if (n->type == CONF_SCALAR && str_eqc(n->scalar, r->s->workload[i].name))
			return (int)i;
	r->rc |= conf_error(r->d, n, "no workload \"%.*s\" above", STR_ARG(n->scalar));
	return 0;
}

static void read_outlay(struct reader *r, const struct conf_node *n)
{
	static const char *const keys[] = {"name",         "kind",        "month",  "date",        "amount",
					   "every_months", "until_month", "serves", "life_months", NULL};
	struct scenario_outlay *o = &r->s->outlay[r->s->outlays];
	if (node_keys(r->d, n, keys) < 0) {
		r->rc = -RR_CONFIG;
		return;
	}
	memset(o, 0, sizeof *o);
	text(r, n, "name", o->name, sizeof o->name, false);
	if (!o->name[0])
		text(r, n, "kind", o->name, sizeof o->name, false);
	o->month = month(r, n, conf_get(n, "date") ? "date" : "month", 0);
	o->every_months = month(r, n, "every_months", 0);
	o->until_month = month(r, n, "until_month", SCENARIO_MONTHS);
	member_dist(r, n, "amount", "money", 0, ANY, NAN, &o->amount);
	if (!conf_get(n, "amount"))
		r->rc |= conf_error(r->d, n, "an outlay needs its amount");
	r->s->outlays++;
}

static void read_tune(struct reader *r, const struct conf_node *n)
{
	static const char *const keys[] = {"name",    "serves",        "model",   "month",          "retires_month",
					   "retires", "retrain_every", "upfront", "tokens_removed", "hosting",
					   "retrain", "drift",         NULL};
	struct scenario_tune *t = &r->s->tune[r->s->tunes];
	const struct conf_node *k;
	if (node_keys(r->d, n, keys) < 0) {
		r->rc = -RR_CONFIG;
		return;
	}
	memset(t, 0, sizeof *t);
	text(r, n, "name", t->name, sizeof t->name, false);
	t->month = month(r, n, "month", 0);
	t->retires_month = month(r, n, conf_get(n, "retires") ? "retires" : "retires_month", SCENARIO_MONTHS);
	t->retrain_every = month(r, n, "retrain_every", 0);
	member_dist(r, n, "upfront", "money", 0, ANY, 0, &t->upfront);
	member_dist(r, n, "tokens_removed", "tokens", 0, ANY, 0, &t->tokens_removed);
	member_dist(r, n, "hosting", "money/month", 0, ANY, 0, &t->hosting);
	member_dist(r, n, "retrain", "money", 0, ANY, 0, &t->retrain);
	member_dist(r, n, "drift", "share", 0, 1, 0, &t->drift);
	if ((k = conf_get(n, "serves")))
		t->workload = (unsigned)workload_index(r, k);
	else
		r->rc |= conf_error(r->d, n, "a fine-tune needs serves: the workload's name");
	if ((k = conf_get(n, "model"))) {
		int i = find_model(r, k);
		t->model = i < 0 ? 0 : (unsigned)i;
	} else {
		t->model = r->s->workload[t->workload].model;
	}
	if (t->retrain.high > 0 && !t->retrain_every)
		r->rc |= conf_error(r->d, n, "retrain needs retrain_every: how many months apart?");
	r->s->tunes++;
}

static void read_option(struct reader *r, const struct conf_node *n)
{
	static const char *const keys[] = {"name",
					   "serves",
					   "month",
					   "rate",
					   "tps",
					   "gpus",
					   "slo_derate",
					   "people",
					   "storage",
					   "power_kw",
					   "power_price",
					   "pue",
					   "setup",
					   "rate_change",
					   "replicas_min",
					   "spare",
					   "reserved_share",
					   "reserved_discount",
					   "spot_share",
					   "spot_discount",
					   "max_utilisation",
					   NULL};
	struct scenario_option *o = &r->s->option[r->s->options];
	const struct conf_node *k = conf_get(n, "serves");
	if (node_keys(r->d, n, keys) < 0) {
		r->rc = -RR_CONFIG;
		return;
	}
	memset(o, 0, sizeof *o);
	o->replicas_min = 1;
	o->max_utilisation = 1;
	text(r, n, "name", o->name, sizeof o->name, false);
	o->month = month(r, n, "month", 0);
	member_dist(r, n, "rate", "money/h", 0, ANY, NAN, &o->rate);
	member_dist(r, n, "tps", "tokens/s", 1e-9, ANY, NAN, &o->tps);
	member_dist(r, n, "gpus", "count", 1, 1e5, 1, &o->gpus);
	member_dist(r, n, "slo_derate", "share", 1e-6, 1, 1, &o->slo_derate);
	member_dist(r, n, "people", "money/month", 0, ANY, 0, &o->people);
	member_dist(r, n, "storage", "money/month", 0, ANY, 0, &o->storage);
	member_dist(r, n, "power_kw", "kW", 0, ANY, 0, &o->power_kw);
	member_dist(r, n, "power_price", "money/kWh", 0, ANY, 0, &o->power_price);
	member_dist(r, n, "pue", "times", 1, 4, 1.2, &o->pue);
	member_dist(r, n, "setup", "money", 0, ANY, 0, &o->setup);
	member_dist(r, n, "rate_change", "share", -0.9, 5, 0, &o->rate_change);
	member(r, n, "replicas_min", "count", 1, 1e6, &o->replicas_min);
	member(r, n, "spare", "count", 0, 1e6, &o->spare);
	member(r, n, "reserved_share", "share", 0, 1, &o->reserved_share);
	member(r, n, "reserved_discount", "share", 0, 1, &o->reserved_discount);
	member(r, n, "spot_share", "share", 0, 1, &o->spot_share);
	member(r, n, "spot_discount", "share", 0, 1, &o->spot_discount);
	member(r, n, "max_utilisation", "share", 1e-6, 1, &o->max_utilisation);
	if (!conf_get(n, "rate") || !conf_get(n, "tps"))
		r->rc |= conf_error(r->d, n,
				    "a self-host option needs rate (a GPU's hour) and tps (output tokens a second)");
	if (o->reserved_share + o->spot_share > 1)
		r->rc |= conf_error(r->d, n, "reserved_share and spot_share sum to %g: at most 1",
				    o->reserved_share + o->spot_share);
	if (!k)
		o->serves = ~UINT64_C(0);
	for (const struct conf_node *w = k && k->type == CONF_LIST ? k->first : k; w; w = w->next) {
		o->serves |= UINT64_C(1) << workload_index(r, w);
		if (k->type != CONF_LIST)
			break;
	}
	r->s->options++;
}

static void read_adoption(struct reader *r)
{
	static const char *const keys[] = {"multiple", "middle", "low", "mode", "high", NULL};
	const struct conf_node *n = conf_get(r->d->root, "adoption");
	r->s->adoption = dist_point(1);
	r->s->adoption_middle = dist_point(r->s->months / 2.0);
	if (!n)
		return;
	if (n->type == CONF_MAP && conf_get(n, "multiple")) {
		if (node_keys(r->d, n, keys) < 0)
			r->rc = -RR_CONFIG;
		member_dist(r, n, "multiple", "times", 1e-6, 1e6, 1, &r->s->adoption);
		member_dist(r, n, "middle", "months", 0, SCENARIO_MONTHS, r->s->months / 2.0, &r->s->adoption_middle);
	} else {
		r->rc |= node_dist(r->d, n, "times", 1e-6, 1e6, 0, &r->s->currency, &r->s->adoption);
	}
}

static void whole(struct reader *r, const char *name, double least, double most, unsigned *out)
{
	double v = *out;
	member(r, r->d->root, name, "", least, most, &v);
	*out = (unsigned)v;
}

int scenario_read(struct scenario *s, struct conf_doc *d, const struct book *b, int64_t now_us)
{
	static const char *const keys[] = {"name",    "currency",      "months",   "start",  "draws",
					   "seed",    "price_decline", "adoption", "models", "workloads",
					   "outlays", "finetunes",     "options",  NULL};
	struct reader r = {.s = s, .d = d, .book = b, .now_us = now_us};
	const struct conf_node *n;
	double seed = 1;
	int64_t months_from;
	memset(s, 0, sizeof *s);
	s->months = 36;
	s->draws = 100000;
	s->start_us = now_us;
	if (!d->root || node_keys(d, d->root, keys) < 0)
		return -RR_CONFIG;
	text(&r, d->root, "name", s->name, sizeof s->name, false);
	if ((n = conf_get(d->root, "currency")) &&
	    (n->type != CONF_SCALAR || currency_parse(n->scalar, &s->currency) < 0))
		r.rc |= conf_error(d, n, "no currency code such as GBP");
	if ((n = conf_get(d->root, "start"))) {
		char day[16] = "";
		if (n->type == CONF_SCALAR)
			snprintf(day, sizeof day, "%.*s%s", (int)(n->scalar.n < 10 ? n->scalar.n : 10), n->scalar.p,
				 n->scalar.n == 7 ? "-01" : "");
		if (n->type != CONF_SCALAR || time_parse(str_of(day), &months_from) < 0)
			r.rc |= conf_error(d, n, "start is a month such as 2026-12");
		else
			s->start_us = months_from;
	}
	whole(&r, "months", 1, SCENARIO_MONTHS, &s->months);
	whole(&r, "draws", 1, SCENARIO_DRAWS, &s->draws);
	member(&r, d->root, "seed", "", 0, 9007199254740992.0, &seed);
	s->seed = (uint64_t)seed;
	member_dist(&r, d->root, "price_decline", "times", 0.1, 1000, 1, &s->price_decline);
	read_adoption(&r);
	for (n = list(&r, "models", SCENARIO_MODELS); n; n = n->next)
		read_model(&r, n);
	for (n = list(&r, "workloads", SCENARIO_WORKLOADS); n; n = n->next)
		read_workload(&r, n);
	if (!conf_get(d->root, "workloads"))
		r.rc |= conf_error(d, d->root, "workloads are missing: [{name, model, volume, prefix, rest, output}]");
	for (n = list(&r, "outlays", SCENARIO_OUTLAYS); n; n = n->next)
		read_outlay(&r, n);
	for (n = list(&r, "finetunes", SCENARIO_TUNES); n; n = n->next)
		read_tune(&r, n);
	for (n = list(&r, "options", SCENARIO_OPTIONS); n; n = n->next)
		read_option(&r, n);
	return r.rc < 0 || d->errors ? -RR_CONFIG : 0;
}
