/* SPDX-License-Identifier: Apache-2.0
 *
 * See plan_ledger.h. One pass over the calls; at most SCENARIO_WORKLOADS groups, the rest is folded into the last.
 */
#include "report/plan_ledger.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"

enum { FAMILIES = 8 };

/* The commonest prompt prefixes of a group (Misra and Gries 1982: what is commoner than 1 in 9 is never lost). */
struct families {
	uint64_t hash[FAMILIES], count[FAMILIES];
};

struct group {
	uint32_t feature, provider, model;
	uint64_t calls, input_tok, output_tok, read_tok, write_tok, batched, with_hash;
	struct families half[2];
	int64_t first_us, last_us;
};

static void family_add(struct families *f, uint64_t hash, uint64_t calls)
{
	unsigned free_slot = FAMILIES;
	for (unsigned i = 0; i < FAMILIES; i++) {
		if (f->count[i] && f->hash[i] == hash) {
			f->count[i] += calls;
			return;
		}
		if (!f->count[i])
			free_slot = i;
	}
	if (free_slot < FAMILIES) {
		f->hash[free_slot] = hash;
		f->count[free_slot] = calls;
		return;
	}
	for (unsigned i = 0; i < FAMILIES; i++)
		f->count[i] -= f->count[i] < calls ? f->count[i] : calls;
}

static unsigned commonest(const struct families *f)
{
	unsigned best = 0;
	for (unsigned i = 1; i < FAMILIES; i++)
		best = f->count[i] > f->count[best] ? i : best;
	return best;
}

static bool production(const struct call *c)
{
	struct str env = intern_str(c->env);
	return !env.n || str_eqc(env, "production");
}

static struct group *group_of(struct group *groups, unsigned *n, const struct call *c)
{
	for (unsigned i = 0; i < *n; i++)
		if (groups[i].feature == c->feature && groups[i].model == c->model_answered &&
		    groups[i].provider == c->provider)
			return &groups[i];
	if (*n == SCENARIO_WORKLOADS)
		return &groups[*n - 1];
	groups[*n] = (struct group){.feature = c->feature, .provider = c->provider, .model = c->model_answered,
				    .first_us = c->start_us, .last_us = c->start_us};
	return &groups[(*n)++];
}

static void add_call(struct group *g, const struct call *c, int64_t middle_us)
{
	const struct usage *u = &c->usage;
	g->calls += c->calls;
	g->input_tok += usage_input_tok(u);
	g->output_tok += usage_output_tok(u);
	g->read_tok += u->tok[CLASS_IN_CACHE_READ];
	for (unsigned k = CLASS_IN_CACHE_WRITE; k <= CLASS_IN_CACHE_WRITE_12H; k++)
		g->write_tok += u->tok[k];
	g->batched += u->tier == TIER_BATCH || u->tier == TIER_FLEX ? c->calls : 0;
	g->first_us = c->start_us < g->first_us ? c->start_us : g->first_us;
	g->last_us = c->start_us > g->last_us ? c->start_us : g->last_us;
	if (c->prefix_hash) {
		g->with_hash += c->calls;
		family_add(&g->half[c->start_us >= middle_us], c->prefix_hash, c->calls);
	}
}

static void note(struct plan_ledger *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct plan_ledger *out, const char *fmt, ...)
{
	va_list ap;
	if (out->notes == sizeof out->note / sizeof *out->note)
		return;
	va_start(ap, fmt);
	vsnprintf(out->note[out->notes++], sizeof out->note[0], fmt, ap);
	va_end(ap);
}

/* Narrow: most calls begin alike. Stable: the same beginning leads in both halves of the window. */
static void shape(const struct group *g, struct workload *w)
{
	unsigned a = commonest(&g->half[0]), b = commonest(&g->half[1]);
	if (g->with_hash * 2 < g->calls)
		return; /* imported calls carry no prompt */
	w->narrow_given = w->stable_given = true;
	w->narrow = (g->half[0].count[a] + g->half[1].count[b]) * 10 >= g->with_hash * 7;
	w->stable = g->half[0].count[a] && g->half[1].count[b] && g->half[0].hash[a] == g->half[1].hash[b];
}

static int add_workload(const struct group *g, const struct book *b, double months, int64_t at_us,
			const struct plan_ledger_hints *hints, struct scenario *s, struct plan_ledger *out)
{
	struct workload *w = &s->workload[s->workloads];
	struct sb name;
	struct err e = {0};
	struct plan_model price;
	double calls = (double)g->calls;
	sb_init(&name, 512);
	sb_addf(&name, "%.*s%s%.*s", STR_ARG(intern_str(g->provider)), intern_str(g->provider).n ? "/" : "",
		STR_ARG(intern_str(g->model)));
	int rc = plan_model_read(b, sb_str(&name), at_us, &price, &e);
	if (rc < 0)
		rc = plan_model_read(b, intern_str(g->model), at_us, &price, &e);
	sb_fini(&name);
	if (rc < 0 || s->models == SCENARIO_MODELS ||
	    (s->currency.code[0] && price.currency.code[0] && !currency_eq(s->currency, price.currency))) {
		out->left_out += g->calls;
		note(out, "%.60s: left out, %s", intern_str(g->model).p,
		     rc < 0 ? "its price is not known" : "another currency");
		return 0;
	}
	s->currency = price.currency;
	unsigned m = 0;
	while (m < s->models && !str_eqc(intern_str(g->model), s->model[m].name))
		m++;
	if (m == s->models) {
		str_copy(s->model[m].name, sizeof s->model[m].name, intern_str(g->model));
		s->model[m].price = price;
		s->models++;
	}
	memset(w, 0, sizeof *w);
	for (unsigned i = 0; i < W_FIGURES; i++)
		w->v[i] = dist_point(0);
	struct str feature = intern_str(g->feature);
	snprintf(w->name, sizeof w->name, "%.*s", STR_ARG(feature.n ? feature : intern_str(g->model)));
	w->model = m;
	w->easy_model = -1;
	double input = (double)g->input_tok / calls, cached = (double)(g->read_tok + g->write_tok) / calls;
	double prefix = cached > 0 ? cached : isnan(hints->prefix) ? 0 : fmin(hints->prefix, input);
	w->v[W_volume] = dist_point(calls / months);
	w->v[W_prefix] = dist_point(prefix);
	w->v[W_rest] = dist_point(input - prefix);
	w->v[W_output] = dist_point((double)g->output_tok / calls);
	w->v[W_hit] = dist_point(cached > 0 ? (double)g->read_tok / (double)(g->read_tok + g->write_tok) : 0);
	w->v[W_batched] = dist_point((double)g->batched / calls);
	w->v[W_deferrable] = dist_point(isnan(hints->deferrable) ? 0 : hints->deferrable);
	w->v[W_easy] = dist_point(isnan(hints->easy) ? 0 : hints->easy);
	w->v[W_easy_ratio] = w->v[W_turns] = w->v[W_resolved] = w->v[W_peak_to_mean] = dist_point(1);
	w->v[W_reachable_hit] = dist_point(isnan(hints->reachable_hit) ? 0.9 : hints->reachable_hit);
	shape(g, w);
	s->workloads++;
	return 0;
}

static int easy_model(const struct book *b, int64_t at_us, const struct plan_ledger_hints *hints, struct scenario *s,
		      struct err *e)
{
	if (!hints->easy_model || s->models == SCENARIO_MODELS)
		return 0;
	struct scenario_model *m = &s->model[s->models];
	int rc = plan_model_read(b, str_of(hints->easy_model), at_us, &m->price, e);
	if (rc < 0)
		return rc;
	snprintf(m->name, sizeof m->name, "%s", hints->easy_model);
	for (unsigned i = 0; i < s->workloads; i++)
		s->workload[i].easy_model = (int)s->models;
	s->models++;
	return 0;
}

int plan_ledger_scenario(struct ledger *l, const struct book *b, int64_t from_us, int64_t to_us,
			 const struct plan_ledger_hints *hints, struct scenario *s, struct plan_ledger *out,
			 struct err *e)
{
	struct group *groups = calloc(SCENARIO_WORKLOADS, sizeof *groups);
	struct call *c = calloc(1, sizeof *c);
	struct call_cursor *cursor = NULL;
	unsigned n = 0;
	int64_t first = INT64_MAX, last = INT64_MIN;
	int rc = -RR_NOMEM;
	memset(s, 0, sizeof *s);
	memset(out, 0, sizeof *out);
	if (!groups || !c) {
		err_set(e, RR_NOMEM, "out of memory");
		goto out;
	}
	cursor = ledger_calls(l, from_us, to_us, e);
	if (!cursor) {
		rc = -RR_STORE;
		goto out;
	}
	while ((rc = call_cursor_next(cursor, c, e)) > 0) {
		if (c->book != BOOK_INFERENCE || !production(c) || c->outcome == OUTCOME_REFUSED ||
		    !(c->usage.flags & USAGE_SEEN)) {
			out->left_out += c->calls;
			continue;
		}
		out->calls += c->calls;
		first = c->start_us < first ? c->start_us : first;
		last = c->end_us > last ? c->end_us : last;
		add_call(group_of(groups, &n, c), c, from_us + (to_us - from_us) / 2);
	}
	if (rc < 0)
		goto out;
	if (!n) {
		err_set(e, RR_NOTFOUND, "the ledger holds no production call of this window to plan with");
		rc = err_hint(e, "give a scenario file: runrate plan advise scenario.yaml");
		goto out;
	}
	out->days = (double)(last - first) / (double)US_PER_DAY;
	/* less than a day is taken as a day: an hour's trial is not scaled up by 720 */
	double months = fmax(out->days, 1) / (365.25 / 12);
	s->months = 36;
	s->draws = 100000;
	s->seed = 1;
	s->start_us = to_us;
	s->price_decline = s->adoption = dist_point(1);
	s->adoption_middle = dist_point(18);
	for (unsigned i = 0; i < n; i++)
		add_workload(&groups[i], b, months, to_us, hints, s, out);
	rc = easy_model(b, to_us, hints, s, e);
	if (rc == 0 && !s->workloads)
		rc = err_set(e, RR_UNPRICED, "no model of these calls has a known price");
	if (isnan(hints->deferrable))
		note(out, "What may wait is not in the ledger: --deferrable SHARE");
	if (isnan(hints->easy) || !hints->easy_model)
		note(out, "What is easy is not in the ledger: --easy SHARE --easy-model NAME");
	if (isnan(hints->prefix))
		note(out, "Where nothing is cached the length of the prefix is not known: --prefix TOKENS, or runrate "
			  "prefix doctor");
	snprintf(s->name, sizeof s->name, "from the ledger");
out:
	if (cursor)
		call_cursor_close(cursor);
	free(groups);
	free(c);
	return rc;
}
