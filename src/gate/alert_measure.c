/* SPDX-License-Identifier: Apache-2.0
 *
 * See alert_measure.h.
 */
#include "gate/alert_measure.h"

#include <stdlib.h>

#include "base/intern.h"
#include "base/log.h"
#include "gate/exposition.h"
#include "gate/training.h"
#include "report/forecast.h"
#include "report/overlap.h"

enum {
	CURRENCIES = 8, MODELS = 64, CAPS_SHOWN = 1024,
	SECOND = 1000000, LOOK_US = 2 * SECOND, LOOK_LONG_US = 10 * SECOND, LOOK_FORECAST_US = 600 * SECOND,
	SAMPLE_US = 10 * SECOND, SAMPLES = 31, /* five minutes */
	CALLS_LEAST = 20, /* below, a share of failures says nothing */
};

/* How far back the usual is looked for, and how many windows with something in them it takes. */
static const struct {
	unsigned back, least;
} usual_rule[] = {[WINDOW_HOUR] = {168, 12}, [WINDOW_DAY] = {28, 5}, [WINDOW_WEEK] = {8, 2}, [WINDOW_MONTH] = {6, 2}};
enum { USUAL_MOST = 168 };

struct usual {
	int64_t from_us; /* for the window that begins here */
	bool done, known;
	money_wide value;
};

struct outage { /* what an upstream was asked, and what it failed, since the start */
	uint64_t calls, failed;
};

struct alert_meter {
	struct gate *gate;
	const struct gate_config *conf; /* of its beginning */
	struct ledger *ledger;
	struct usual *usual; /* by alert */
	struct outage sample[SAMPLES][UPSTREAMS_MOST];
	unsigned sample_next;
	int64_t sampled_us;
	bool rate_missed; /* said once */
};

struct alert_meter *alert_meter_new(struct gate *g, struct err *e)
{
	struct alert_meter *m = calloc(1, sizeof *m);
	if (m)
		m->usual = calloc(g->conf->alert_count ? g->conf->alert_count : 1, sizeof *m->usual);
	if (!m || !m->usual) {
		free(m);
		err_set(e, RR_NOMEM, "no memory for the alerts");
		return NULL;
	}
	m->gate = g;
	m->conf = g->conf;
	m->ledger = ledger_open(g->ledger_path, LEDGER_READ, e);
	ledger_pass_damage(m->ledger);
	if (!m->ledger) {
		alert_meter_free(m);
		return NULL;
	}
	return m;
}

void alert_meter_free(struct alert_meter *m)
{
	if (!m)
		return;
	if (m->ledger)
		ledger_close(m->ledger);
	free(m->usual);
	free(m);
}

uint64_t alert_look_us(const struct alert_figure *f)
{
	if (f->measure == MEASURE_FORECAST)
		return LOOK_FORECAST_US;
	return f->window == WINDOW_WEEK || f->window == WINDOW_MONTH ? LOOK_LONG_US : LOOK_US;
}

/* ---- sums over the roll-ups ---- */

struct fold {
	struct overlap *overlap;  /* what was pulled or imported beside what was metered counts once, as in reports */
	const struct cap_scope *scope;
	uint32_t provider;        /* 0: any */
	enum alert_measure measure;
	unsigned count;           /* of money, or of models */
	struct {
		uint32_t name;    /* currency or model */
		money_wide pico;
	} part[MODELS];
	uint64_t n;
	/* by day, for the forecast */
	const int64_t *day_from;
	unsigned days;
	double *day;
	const struct alert_meter *meter;
	struct currency currency;
};

static bool wanted(const struct fold *f, const struct rollup_key *k)
{
	const struct cap_scope *s = f->scope;
	return k->book == BOOK_INFERENCE && (!s->key || s->key == k->key) && (!s->team || s->team == k->team) &&
	       (!s->feature || s->feature == k->feature) && (!s->env || s->env == k->env) &&
	       (!s->model || s->model == k->model || s->model == k->model_asked) &&
	       (!f->provider || f->provider == k->provider);
}

static void add_part(struct fold *f, unsigned most, uint32_t name, money_wide pico)
{
	unsigned i = 0;
	while (i < f->count && f->part[i].name != name)
		i++;
	if (i == f->count && f->count < most)
		f->part[f->count++].name = name;
	if (i < f->count)
		f->part[i].pico += pico;
}

static int fold_row(const struct rollup_row *whole, void *arg)
{
	struct fold *f = arg;
	struct rollup_row rest;
	const struct rollup_row *r = &rest;
	if (!overlap_rest(f->overlap, whole, &rest) || !wanted(f, &r->key))
		return 0;
	switch (f->measure) {
	case MEASURE_COST:
		if (r->key.price_status == PRICE_PRICED && r->sum.cost_pico)
			add_part(f, CURRENCIES, r->key.currency, r->sum.cost_pico);
		break;
	case MEASURE_TOKENS:
		f->n += r->sum.input_tok + r->sum.output_tok;
		break;
	case MEASURE_CALLS:
		f->n += r->sum.calls;
		break;
	case MEASURE_REFUSED:
		f->n += r->sum.refused;
		break;
	case MEASURE_UNPRICED:
		if (r->key.price_status == PRICE_UNPRICED)
			add_part(f, MODELS, r->key.model, (money_wide)r->sum.calls * PICO_PER_UNIT);
		break;
	default:
		break;
	}
	return 0;
}

static int fold_all(struct alert_meter *m, struct fold *f, enum rollup_grain grain, int64_t from_us, int64_t to_us,
		    int (*row)(const struct rollup_row *r, void *arg), struct err *e)
{
	int rc;
	f->overlap = overlap_new();
	rc = f->overlap ? overlap_read(f->overlap, m->ledger, from_us, to_us, e)
			: err_set(e, RR_NOMEM, "no memory for an alert");
	if (!rc)
		rc = ledger_rollup_by(m->ledger, grain, from_us, to_us, row, f, e);
	overlap_free(f->overlap);
	return rc;
}

/* The amount in another currency; false where no rate was given. */
static bool convert(struct alert_meter *m, uint32_t from, struct currency to, money_wide pico, money_wide *out)
{
	struct currency cur;
	int64_t got;
	if (currency_parse(intern_str(from), &cur))
		return false;
	if (currency_eq(cur, to)) {
		*out = pico;
		return true;
	}
	if (pico <= INT64_MAX &&
	    fx_convert(m->gate->fx, (int64_t)pico, cur, to, false, clock_real(m->gate->clock), &got) == 0) {
		*out = got;
		return true;
	}
	if (!m->rate_missed)
		LOG(LOG_WARN, "alert_without_rate", LOG_S("from", str_of(cur.code)), LOG_S("to", str_of(to.code)),
		    LOG_S("fix", STR("currency: {rates: [...]}; until then this part is left out")));
	m->rate_missed = true;
	return false;
}

/* Where a condition names no currency: that in which most was spent. */
static struct currency main_currency(const struct fold *f)
{
	struct currency cur = USD;
	money_wide most = 0;
	for (unsigned i = 0; i < f->count; i++)
		if (f->part[i].pico > most && currency_parse(intern_str(f->part[i].name), &cur) == 0)
			most = f->part[i].pico;
	return cur;
}

/* One window's value. *cur: wanted, or code[0] 0 and then chosen. */
static int window_value(struct alert_meter *m, const struct alert_config *c, const struct cap_scope *scope,
			int64_t from_us, int64_t to_us, struct currency *cur, money_wide *value, struct err *e)
{
	struct fold f = {.scope = scope, .provider = c->provider, .measure = c->cond.figure->measure};
	enum rollup_grain grain = to_us - from_us > 2 * US_PER_DAY ? GRAIN_DAY : GRAIN_HOUR;
	int rc = fold_all(m, &f, grain, from_us, to_us, fold_row, e);
	*value = (money_wide)f.n * PICO_PER_UNIT;
	if (rc || f.measure != MEASURE_COST)
		return rc;
	if (!cur->code[0])
		*cur = main_currency(&f);
	for (unsigned i = 0; i < f.count; i++) {
		money_wide part;
		if (convert(m, f.part[i].name, *cur, f.part[i].pico, &part))
			*value += part;
	}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	money_wide x = *(const money_wide *)a, y = *(const money_wide *)b;
	return x < y ? -1 : x > y;
}

/* The median of the earlier windows that had something, once for each window. */
static int usual_of(struct alert_meter *m, unsigned index, int64_t from_us, struct currency cur, struct err *e)
{
	const struct alert_config *c = &m->conf->alerts[index];
	enum window window = c->cond.figure->window;
	struct usual *u = &m->usual[index];
	money_wide seen[USUAL_MOST];
	unsigned n = 0;
	int64_t from = from_us, to;
	if (u->done && u->from_us == from_us)
		return 0;
	*u = (struct usual){.from_us = from_us};
	for (unsigned i = 0; i < usual_rule[window].back; i++) {
		int rc;
		window_bounds(window, c->tz, from - 1, &from, &to);
		rc = window_value(m, c, &c->scope, from, to, &cur, &seen[n], e);
		if (rc)
			return rc;
		n += seen[n] > 0;
	}
	qsort(seen, n, sizeof *seen, by_value);
	u->done = true;
	u->known = n >= usual_rule[window].least;
	u->value = !n ? 0 : n % 2 ? seen[n / 2] : (seen[n / 2 - 1] + seen[n / 2]) / 2;
	return 0;
}

static money_wide times(money_wide value, int64_t factor_pico)
{
	return money_round(value * factor_pico, PICO_PER_UNIT); /* value below 2^63, factor below 2^63: it fits */
}

/* ---- forecast ---- */

static int fold_day(const struct rollup_row *whole, void *arg)
{
	struct fold *f = arg;
	struct rollup_row rest;
	const struct rollup_row *r = &rest;
	unsigned day = f->days;
	money_wide pico;
	if (!overlap_rest(f->overlap, whole, &rest) || !wanted(f, &r->key) || r->key.price_status != PRICE_PRICED ||
	    !r->sum.cost_pico)
		return 0;
	while (day && f->day_from[day - 1] > r->key.hour_us)
		day--;
	if (day &&
	    convert((struct alert_meter *)(uintptr_t)f->meter, r->key.currency, f->currency, r->sum.cost_pico, &pico))
		f->day[day - 1] += (double)pico / (double)PICO_PER_UNIT;
	return 0;
}

/* As report/forecast.h: what was spent this month, and the days that are left by the trend of the last ones. */
static int forecast_of(struct alert_meter *m, const struct alert_config *c, const struct cap_scope *scope,
		       const struct tz *tz, struct currency cur, bool *known, money_wide *value, struct err *e)
{
	enum { BACK = FORECAST_FIT + 31 };
	int64_t now_us = clock_real(m->gate->clock), from, to, month_from, month_to, day_from[BACK + 1];
	double day[BACK + 1] = {0}, spent = 0, ahead = 0, left;
	struct fold f = {.scope = scope, .provider = c->provider, .measure = MEASURE_COST, .day_from = day_from,
			 .day = day,
			 .days = BACK + 1, .meter = m, .currency = cur};
	unsigned first = 0, history, remaining = 0, weekday;
	int rc;
	window_bounds(WINDOW_MONTH, tz, now_us, &month_from, &month_to);
	window_bounds(WINDOW_DAY, tz, now_us, &from, &to);
	left = (double)(to - now_us) / (double)(to - from);
	for (int64_t at = from, ends; at < month_to; at = ends, remaining++)
		window_bounds(WINDOW_DAY, tz, at, &at, &ends);
	day_from[BACK] = from;
	for (unsigned i = BACK; i-- > 0;)
		window_bounds(WINDOW_DAY, tz, day_from[i + 1] - 1, &day_from[i], &from);
	rc = fold_all(m, &f, GRAIN_HOUR, day_from[0], to, fold_day, e);
	if (rc)
		return rc;
	for (unsigned i = 0; i <= BACK; i++)
		spent += day_from[i] >= month_from ? day[i] : 0;
	while (first < BACK && day[first] <= 0)
		first++;
	history = BACK - first;
	*known = history >= FORECAST_LEAST;
	if (!*known)
		return 0;
	from = day_from[first] + (int64_t)tz_offset_s(tz, day_from[first]) * US_PER_S;
	weekday = (unsigned)((from / US_PER_DAY + 3) % 7); /* 1970 began on a Thursday */
	ahead = forecast_sum(day + first, history, weekday, remaining) -
		(1 - left) * forecast_sum(day + first, history, weekday, 1); /* of today, what is still to come */
	*value = (money_wide)((spent + (ahead > 0 ? ahead : 0)) * (double)PICO_PER_UNIT);
	return 0;
}

/* ---- one alert ---- */

struct emitting {
	alert_emit *emit;
	void *arg;
};

static bool scope_within(const struct cap_scope *alert, const struct cap_scope *cap)
{
	return (!alert->key || alert->key == cap->key) && (!alert->team || alert->team == cap->team) &&
	       (!alert->feature || alert->feature == cap->feature) && (!alert->model || alert->model == cap->model) &&
	       (!alert->env || alert->env == cap->env);
}

/* Money against a plan, or a forecast against an amount. */
static int emit_month(struct alert_meter *m, const struct alert_config *c, const struct cap_scope *scope,
		      const struct tz *tz, uint32_t subject, money_wide limit, struct currency cur,
		      const struct emitting *to, struct err *e)
{
	struct alert_reading r = {.subject = subject, .limit = limit, .currency = cur};
	bool known = true;
	int rc;
	window_bounds(WINDOW_MONTH, tz, clock_real(m->gate->clock), &r.from_us, &r.to_us);
	if (c->cond.figure->measure == MEASURE_FORECAST)
		rc = forecast_of(m, c, scope, tz, cur, &known, &r.value, e);
	else
		rc = window_value(m, c, scope, r.from_us, r.to_us, &r.currency, &r.value, e);
	if (!rc && known)
		to->emit(&r, to->arg);
	return rc;
}

/* Each monthly cap is a plan, for its own month and scope, unless the alert has one of its own. */
static int emit_plans(struct alert_meter *m, const struct alert_config *c, const struct emitting *to, struct err *e)
{
	struct cap_live *caps;
	unsigned n;
	int rc = 0;
	if (c->plan.pico)
		return emit_month(m, c, &c->scope, c->tz, 0, times(c->plan.pico, c->cond.number_pico), c->plan.currency,
				  to, e);
	caps = calloc(CAPS_SHOWN, sizeof *caps);
	n = caps ? caps_list(m->gate->caps, caps, CAPS_SHOWN) : 0;
	for (unsigned i = 0; i < n && !rc; i++) {
		const struct cap_rule *rule = &caps[i].rule;
		const struct tz *tz = rule->window == WINDOW_MONTH && rule->amount_pico != INT64_MAX
					      ? tz_get(rule->tz[0] ? rule->tz : "UTC", NULL)
					      : NULL;
		if (tz && scope_within(&c->scope, &rule->scope))
			rc = emit_month(m, c, &rule->scope, tz, intern(str_of(rule->id)),
					times(rule->amount_pico, c->cond.number_pico), rule->currency, to, e);
	}
	free(caps);
	return caps ? rc : err_set(e, RR_NOMEM, "no memory to look at the caps");
}

static int emit_calls(struct alert_meter *m, unsigned index, const struct emitting *to, struct err *e)
{
	const struct alert_config *c = &m->conf->alerts[index];
	struct alert_reading r = {.currency = c->cond.currency, .limit = c->cond.number_pico};
	int rc;
	window_bounds(c->cond.figure->window, c->tz, clock_real(m->gate->clock), &r.from_us, &r.to_us);
	if (c->cond.figure->measure == MEASURE_UNPRICED) {
		struct fold f = {.scope = &c->scope, .provider = c->provider, .measure = MEASURE_UNPRICED};
		rc = fold_all(m, &f, GRAIN_HOUR, r.from_us, r.to_us, fold_row, e);
		for (unsigned i = 0; i < f.count && !rc; i++) {
			r.subject = f.part[i].name;
			r.value = f.part[i].pico;
			to->emit(&r, to->arg);
		}
		return rc;
	}
	rc = window_value(m, c, &c->scope, r.from_us, r.to_us, &r.currency, &r.value, e);
	if (!rc && c->cond.limit == LIMIT_USUAL) {
		rc = usual_of(m, index, r.from_us, r.currency, e);
		if (rc || !m->usual[index].known)
			return rc;
		r.limit = times(m->usual[index].value, c->cond.number_pico);
	}
	if (!rc)
		to->emit(&r, to->arg);
	return rc;
}

/* The larger of the shares that its amount, tokens or jobs have spent. */
static money_wide cap_share(const struct cap_live *l)
{
	const struct {
		bool limited;
		money_wide spent, limit;
	} parts[] = {{l->rule.amount_pico != INT64_MAX, l->spent_pico, l->rule.amount_pico},
		     {l->rule.tokens != UINT64_MAX, l->spent_tok, l->rule.tokens},
		     {l->book == BOOK_TRAINING && l->rule.jobs != UINT64_MAX, l->spent_jobs, l->rule.jobs}};
	money_wide most = 0;
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].limited && parts[i].limit > 0 && parts[i].spent * PICO_PER_UNIT / parts[i].limit > most)
			most = parts[i].spent * PICO_PER_UNIT / parts[i].limit;
	return most;
}

static int emit_caps(struct alert_meter *m, const struct alert_config *c, const struct emitting *to, struct err *e)
{
	struct cap_live *caps = calloc(CAPS_SHOWN, sizeof *caps);
	unsigned n;
	if (!caps)
		return err_set(e, RR_NOMEM, "no memory to look at the caps");
	n = caps_list(m->gate->caps, caps, CAPS_SHOWN);
	n += training_list(m->gate->training, caps + n, CAPS_SHOWN - n);
	for (unsigned i = 0; i < n; i++) {
		struct alert_reading r = {.subject = intern(str_of(caps[i].rule.id)), .value = cap_share(&caps[i]),
					  .limit = c->cond.number_pico, .from_us = caps[i].from_us, .to_us =
					  caps[i].to_us};
		if (caps[i].rule.window == WINDOW_TOTAL)
			r.from_us = r.to_us = 0; /* it never begins anew */
		if (scope_within(&c->scope, &caps[i].rule.scope))
			to->emit(&r, to->arg);
	}
	free(caps);
	return 0;
}

/* The vendor's own failures and unreachable vendors; what a client did wrong is not the upstream's. */
static bool upstream_failed(struct str error)
{
	return (error.n == 3 && error.p[0] == '5') || str_eqc(error, outcome_name(OUTCOME_UPSTREAM));
}

static int emit_errors(struct alert_meter *m, const struct alert_config *c, const struct emitting *to, struct err *e)
{
	const struct gate *g = m->gate;
	struct outage now[UPSTREAMS_MOST] = {{0}};
	const struct outage *then = m->sample[m->sample_next];
	const struct tally_series *s;
	int64_t now_us = (int64_t)clock_mono(g->clock);
	struct tally sum;
	if (gate_tally(m->gate, &sum))
		return err_set(e, RR_NOMEM, "no memory to look at the upstreams");
	for (unsigned i = 0; (s = tally_at(&sum, i)); i++) {
		if (str_eqc(intern_str(s->key.error), outcome_name(OUTCOME_REFUSED)))
			continue;
		for (unsigned u = 0; u < g->upstreams; u++)
			if (g->upstream[u].name_id == s->key.provider) {
				now[u].calls += s->calls;
				now[u].failed += upstream_failed(intern_str(s->key.error)) ? s->calls : 0;
			}
	}
	tally_fini(&sum);
	for (unsigned u = 0; u < g->upstreams; u++) {
		uint64_t calls = now[u].calls - then[u].calls;
		struct alert_reading r = {.subject = g->upstream[u].name_id, .limit = c->cond.number_pico};
		if (calls < CALLS_LEAST || (c->provider && c->provider != r.subject))
			continue;
		r.value = (money_wide)(now[u].failed - then[u].failed) * PICO_PER_UNIT / calls;
		to->emit(&r, to->arg);
	}
	if (!m->sampled_us || now_us - m->sampled_us >= SAMPLE_US) {
		memcpy(m->sample[m->sample_next], now, sizeof now);
		m->sample_next = (m->sample_next + 1) % SAMPLES;
		m->sampled_us = now_us;
	}
	return 0;
}

int alert_measure(struct alert_meter *m, unsigned index, alert_emit *emit, void *arg, struct err *e)
{
	const struct alert_config *c = &m->conf->alerts[index];
	const struct emitting to = {emit, arg};
	switch (c->cond.figure->measure) {
	case MEASURE_CAP:
		return emit_caps(m, c, &to, e);
	case MEASURE_ERRORS:
		return emit_errors(m, c, &to, e);
	case MEASURE_DISK: {
		struct alert_reading r = {.limit = c->cond.number_pico};
		uint64_t free_bytes, size_bytes;
		if (gate_disk(m->gate, &free_bytes, &size_bytes) == 0 && size_bytes) {
			r.value = (money_wide)free_bytes * PICO_PER_UNIT / size_bytes;
			emit(&r, arg);
		}
		return 0;
	}
	case MEASURE_FORECAST:
		if (c->cond.limit == LIMIT_NUMBER)
			return emit_month(m, c, &c->scope, c->tz, 0, c->cond.number_pico, c->cond.currency, &to, e);
		return emit_plans(m, c, &to, e);
	default:
		return c->cond.limit == LIMIT_PLAN ? emit_plans(m, c, &to, e) : emit_calls(m, index, &to, e);
	}
}
