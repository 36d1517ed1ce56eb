/* SPDX-License-Identifier: Apache-2.0
 *
 * Where caps stand, and what crashes left: what commands and pages show beside the ledger's totals. A gateway keeps
 * its own counters; this is the same sum made from the ledger, so the two can be compared.
 */
#include <stdio.h>

#include "base/intern.h"
#include "ledger/inflight.h"
#include "ledger/jobs.h"
#include "ledger/store.h"

char *cap_scope_text(const struct cap_scope *s, char *out, size_t size)
{
	const struct {
		const char *name;
		uint32_t value;
	} part[] = {{"key", s->key}, {"team", s->team}, {"feature", s->feature}, {"model", s->model}, {"env", s->env}};
	size_t n = 0;
	out[0] = 0;
	for (unsigned i = 0; i < sizeof part / sizeof *part && n < size; i++)
		if (part[i].value) {
			int more = snprintf(out + n, size - n, "%s%s %s", n ? ", " : "", part[i].name,
					    intern_str(part[i].value).p);
			n += more > 0 ? (size_t)more : 0;
		}
	if (!out[0])
		str_copy(out, size, STR("everything"));
	return out;
}

struct summing {
	const struct cap_row *cap;
	struct cap_state *out;
	money_wide pico;
	struct fx fx;
	int64_t now_us;
};

static int64_t clamp(money_wide v)
{
	return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

/* An amount in the cap's currency at the rate of its time; without a rate it cannot count. */
static void add_amount(struct summing *s, money_wide pico, struct currency from, int64_t at_us)
{
	int64_t amount;
	if (fx_convert(s->fx, clamp(pico), from, s->cap->rule.currency, false, at_us, &amount) == 0)
		s->pico += amount;
}

static struct currency currency_of(struct str code)
{
	struct currency c = {{0}};
	str_copy(c.code, sizeof c.code, code);
	return c;
}

static int add_outlay(const struct outlay *o, void *arg)
{
	struct summing *s = arg;
	const struct cap_scope *scope = &s->cap->rule.scope;
	if (outlay_kind_book(o->kind) != BOOK_TRAINING || o->date_us < s->out->from_us || o->date_us >= s->out->to_us ||
	    scope->key || scope->team || scope->env ||
	    (scope->feature && !str_eqc(intern_str(scope->feature), o->serves)) ||
	    (scope->model && !str_eqc(intern_str(scope->model), o->model)))
		return 0;
	s->out->spent_jobs += o->kind == OUTLAY_PRETRAIN || o->kind == OUTLAY_FINETUNE;
	add_amount(s, o->amount_pico, o->currency, o->date_us);
	return 0;
}

static int add_training_call(const struct rollup_row *r, void *arg)
{
	struct summing *s = arg;
	const struct rollup_key *k = &r->key;
	if (k->book != BOOK_TRAINING ||
	    !cap_scope_matches(&s->cap->rule.scope, k->key, k->team, k->feature, k->model, k->env))
		return 0;
	add_amount(s, r->sum.cost_pico, currency_of(intern_str(k->currency)), k->hour_us);
	return 0;
}

static uint32_t intern_text(const char *p, size_t size)
{
	return intern(str_make(p, strnlen(p, size)));
}

static int add_reserved(const struct inflight_slot *i, void *arg)
{
	struct summing *s = arg;
	if (cap_scope_matches(&s->cap->rule.scope, intern_text(i->key, sizeof i->key),
			      intern_text(i->team, sizeof i->team), intern_text(i->feature, sizeof i->feature),
			      intern_text(i->model, sizeof i->model), intern_text(i->env, sizeof i->env)))
		add_amount(s, i->high_pico,
			   currency_of(str_make(i->currency, strnlen(i->currency, sizeof i->currency))), s->now_us);
	return 0;
}

/* Deferred work holds in the window in which it was asked for. */
static int add_open_job(const struct job_row *j, void *arg)
{
	struct summing *s = arg;
	enum book_kind book = j->kind == JOB_TUNING ? BOOK_TRAINING : BOOK_INFERENCE;
	const struct cap_scope *w = &j->who;
	if (book != s->cap->book || j->asked_us < s->out->from_us || j->asked_us >= s->out->to_us ||
	    !cap_scope_matches(&s->cap->rule.scope, w->key, w->team, w->feature, w->model, w->env))
		return 0;
	s->out->reserved_jobs += j->kind == JOB_TUNING;
	add_amount(s, j->most_pico, j->currency, j->asked_us);
	return 0;
}

int ledger_cap_state(struct ledger *l, const struct cap_row *c, struct fx fx, int64_t now_us, struct cap_state *out,
		     struct err *e)
{
	const struct tz *tz = tz_get(c->rule.tz[0] ? c->rule.tz : "UTC", e);
	struct summing s = {.cap = c, .out = out, .fx = fx, .now_us = now_us};
	int rc;
	memset(out, 0, sizeof *out);
	if (!tz)
		return -RR_CONFIG;
	window_bounds(c->rule.window, tz, now_us, &out->from_us, &out->to_us);
	if (c->book == BOOK_TRAINING) {
		rc = ledger_outlays(l, add_outlay, &s, e);
		if (!rc)
			rc = ledger_rollup_by(l, GRAIN_DAY, out->from_us, out->to_us, add_training_call, &s, e);
		out->spent_pico = clamp(s.pico);
		s.pico = 0;
		if (!rc)
			rc = ledger_jobs(l, add_open_job, &s, e);
		out->reserved_pico = clamp(s.pico);
		return rc;
	}
	rc = ledger_spent(l, &c->rule.scope, out->from_us, out->to_us, c->rule.currency, fx, &out->spent_pico,
			  &out->spent_tok, e);
	if (!rc)
		rc = inflight_each(l->path, add_reserved, &s, e);
	if (!rc)
		rc = ledger_jobs(l, add_open_job, &s, e);
	out->reserved_pico = clamp(s.pico);
	return rc;
}

/* ---- orphans ---- */

struct giving {
	int (*fn)(const struct orphan *o, void *arg);
	void *arg;
};

static int give_slot(const struct inflight_slot *s, void *arg)
{
	struct giving *g = arg;
	struct orphan o = {.id = s->id, .low_pico = s->low_pico, .high_pico = s->high_pico};
	memcpy(o.currency, s->currency, sizeof o.currency - 1);
	return g->fn(&o, g->arg);
}

int ledger_orphans(struct ledger *l, int (*fn)(const struct orphan *o, void *arg), void *arg, struct err *e)
{
	struct giving g = {fn, arg};
	struct sb sql;
	struct call c;
	char where[96];
	sqlite3_stmt *st;
	int rc = 0;
	snprintf(where, sizeof where, "WHERE label IN (SELECT id FROM label WHERE outcome=%d) ORDER BY row",
		 OUTCOME_CRASHED);
	sb_init(&sql, 8192);
	row_select(l, false, where, &sql);
	st = store_query(l, e, sb_whole(&sql));
	sb_fini(&sql);
	if (!st)
		return -RR_STORE;
	while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct orphan o = {.closed = true};
		rc = row_read(l, st, false, &c, NULL, NULL, NULL, e);
		o.id = c.id;
		o.low_pico = c.low_pico;
		o.high_pico = c.high_pico;
		str_copy(o.currency, sizeof o.currency, intern_str(c.currency));
		if (!rc)
			rc = fn(&o, arg);
	}
	if (rc == SQLITE_DONE)
		rc = 0;
	else if (rc > 0)
		rc = store_error(l, e, "reading orphans");
	sqlite3_finalize(st);
	return rc ? rc : inflight_leftovers(l, give_slot, &g, e);
}
