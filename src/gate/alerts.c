/* SPDX-License-Identifier: Apache-2.0
 *
 * See alerts.h.
 */
#include "gate/alerts.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/intern.h"
#include "base/json.h"
#include "base/log.h"
#include "gate/alert_measure.h"

enum { SUBJECTS = 64, BODY_BYTES = 64 * 1024, TIMEOUT_US = 10000000, LOOK_MOST_US = 600000000 };
#define PATIENCE_US (UINT64_C(3600) * 1000000)

struct watched {
	struct alerts *alerts;
	unsigned index;
	const struct alert_config *conf;
	struct outbox *out;
	bool owns; /* alerts with one address share its outbox */
	uint64_t next_us, took_us;
	bool complained;
	unsigned pass;
	struct alert_state subject[SUBJECTS];
};

struct alerts {
	struct gate *gate;
	const struct gate_config *conf; /* of its beginning */
	struct alert_meter *meter;
	unsigned count;
	atomic_ullong fired, resolved;
	atomic_uint firing;
	struct watched watched[];
};

/* ---- what is told ---- */

static const char *unit_name(const struct alert_figure *f)
{
	static const char *const names[] = {[UNIT_MONEY] = "money", [UNIT_COUNT] = "count", [UNIT_SHARE] = "share"};
	return names[f->unit];
}

/* The command that shows more, for whoever is told. */
static void add_see(struct json_out *w, const struct alert_figure *f, const struct alert_reading *r)
{
	static const char *const commands[] = {
		[MEASURE_COST] = "runrate report --by model", [MEASURE_TOKENS] = "runrate report --by model",
		[MEASURE_CALLS] = "runrate report --by key", [MEASURE_REFUSED] = "runrate report --by outcome",
		[MEASURE_UNPRICED] = "runrate report --by model", [MEASURE_FORECAST] = "runrate forecast",
		[MEASURE_CAP] = "runrate cap list", [MEASURE_ERRORS] = "runrate report --by outcome",
		[MEASURE_DISK] = "runrate doctor",
	};
	char text[160], at[TIME_TEXT];
	bool since = r->from_us && f->measure < MEASURE_FORECAST;
	snprintf(text, sizeof text, "%s%s%s", commands[f->measure], since ? " --since " : "",
		 since ? time_text(r->from_us, at) : "");
	jw_kcstr(w, "see", text);
}

/* "21.5 USD", "5000", "85 %" */
static char *amount_text(const struct alert_figure *f, money_wide v, struct currency cur, char out[MONEY_TEXT + 16])
{
	char text[MONEY_TEXT];
	if (f->unit == UNIT_SHARE)
		snprintf(out, MONEY_TEXT + 16, "%s %%", money_human(v * 100, 1, text));
	else
		snprintf(out, MONEY_TEXT + 16, "%s%s%s", money_text(v, text), f->unit == UNIT_MONEY ? " " : "",
			 f->unit == UNIT_MONEY ? cur.code : "");
	return out;
}

static void add_scope(struct json_out *w, const struct alert_config *c)
{
	const struct {
		const char *name;
		uint32_t id;
	} parts[] = {{"team", c->scope.team},   {"feature", c->scope.feature}, {"key", c->scope.key},
		     {"model", c->scope.model}, {"env", c->scope.env},         {"upstream", c->provider}};
	jw_key(w, "scope");
	jw_object(w);
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].id)
			jw_kstr(w, parts[i].name, intern_str(parts[i].id));
	jw_end_object(w);
}

/* The same alert, subject and window have the same id, so that a receiver can tell a repetition. */
static void make_id(const struct watched *x, const struct alert_reading *r, const char *state, int64_t at_us,
		    char out[35])
{
	char from[24];
	const struct str parts[] = {x->conf->name, x->conf->when, intern_str(r->subject), str_of(state), str_of(from)};
	struct hash128 h;
	unsigned char bytes[16];
	snprintf(from, sizeof from, "%lld", (long long)(r->from_us ? r->from_us : at_us));
	h = hash_xxh3_128_parts(parts, sizeof parts / sizeof *parts, '|');
	memcpy(bytes, &h, sizeof bytes);
	out[0] = 'a';
	out[1] = '-';
	hash_hex(bytes, sizeof bytes, out + 2);
}

static void tell(struct watched *x, const struct alert_reading *r, const char *state)
{
	const struct alert_config *c = x->conf;
	const struct alert_figure *f = c->cond.figure;
	struct str subject = intern_str(r->subject);
	int64_t now_us = clock_real(x->alerts->gate->clock);
	char value[MONEY_TEXT + 16], limit[MONEY_TEXT + 16], number[MONEY_TEXT], at[TIME_TEXT], id[35], text[600];
	struct json_out w;
	struct sb body;
	amount_text(f, r->value, r->currency, value);
	amount_text(f, r->limit, r->currency, limit);
	make_id(x, r, state, now_us, id);
	snprintf(text, sizeof text, "runrate: %s %.*s%s%.*s: %s is %s, the limit is %s", state,
		 STR_ARG(str_sub(c->name, 0, 100)), subject.n ? ", " : "", STR_ARG(str_sub(subject, 0, 200)), f->name,
		 value, limit);
	sb_init(&body, BODY_BYTES);
	jw_init(&w, &body);
	jw_object(&w);
	jw_ku64(&w, "version", 1);
	jw_kcstr(&w, "id", id);
	jw_kcstr(&w, "state", state);
	jw_kstr(&w, "name", c->name);
	jw_kstr(&w, "condition", c->when);
	jw_kcstr(&w, "figure", f->name);
	jw_kcstr(&w, "unit", unit_name(f));
	jw_kstr(&w, "subject", subject);
	jw_kcstr(&w, "value", money_text(r->value, number));
	jw_kcstr(&w, "limit", money_text(r->limit, number));
	if (f->unit == UNIT_MONEY)
		jw_kcstr(&w, "currency", r->currency.code);
	add_scope(&w, c);
	jw_key(&w, "window");
	if (r->from_us) {
		jw_object(&w);
		jw_kcstr(&w, "from", time_text(r->from_us, at));
		jw_kcstr(&w, "to", r->to_us == INT64_MAX ? NULL : time_text(r->to_us, at));
		jw_end_object(&w);
	} else {
		jw_null(&w);
	}
	jw_kcstr(&w, "at", time_text(now_us, at));
	jw_kcstr(&w, "text", text);
	add_see(&w, f, r);
	jw_end_object(&w);
	LOG(LOG_WARN, "alert", LOG_S("state", str_of(state)), LOG_S("id", str_of(id)), LOG_S("name", c->name),
	    LOG_S("condition", c->when), LOG_S("subject", subject), LOG_S("value", str_of(value)),
	    LOG_S("limit", str_of(limit)));
	outbox_post(x->out, "", sb_str(&body), 1);
	sb_fini(&body);
}

/* ---- when it is told ---- */

/* Its place; of a full table that of the one that was told longest ago and is not firing. */
static struct alert_state *state_of(struct watched *x, uint32_t subject)
{
	struct alert_state *free_one = NULL;
	for (unsigned i = 0; i < SUBJECTS; i++) {
		struct alert_state *s = &x->subject[i];
		if (s->used && s->subject == subject)
			return s;
		if (!s->firing && (!free_one || (free_one->used && (!s->used || s->told_us < free_one->told_us))))
			free_one = s;
	}
	if (free_one)
		*free_one = (struct alert_state){.subject = subject, .used = true};
	return free_one;
}

static void on_reading(const struct alert_reading *r, void *arg)
{
	struct watched *x = arg;
	struct alerts *a = x->alerts;
	struct alert_state *s = state_of(x, r->subject);
	bool fired;
	enum alert_event event;
	if (!s)
		return;
	s->pass = x->pass;
	fired = s->firing;
	event = alert_step(s, x->conf->cond.op, r, clock_real(a->gate->clock), x->conf->again_us);
	if (s->firing != fired)
		atomic_fetch_add(&a->firing, s->firing ? 1 : -1u);
	if (event == ALERT_FIRING) {
		atomic_fetch_add(&a->fired, 1);
		tell(x, r, "firing");
	} else if (event == ALERT_RESOLVED) {
		atomic_fetch_add(&a->resolved, 1);
		tell(x, r, "resolved");
	}
}

/* What was not seen this time (a new day without an unpriced model, a cap that is gone) holds no more. */
static void forget_unseen(struct watched *x)
{
	for (unsigned i = 0; i < SUBJECTS; i++)
		if (x->subject[i].firing && x->subject[i].pass != x->pass) {
			x->subject[i].firing = false;
			atomic_fetch_sub(&x->alerts->firing, 1);
		}
}

/* All alerts together use a twentieth of one core at most: what takes long to look at is looked at less often. The
 * lesser of the last two times counts, since a new window's usual is worked out once. */
static uint64_t next_look_us(const struct alerts *a, struct watched *x, uint64_t took_us)
{
	uint64_t least_us = alert_look_us(x->conf->cond.figure);
	uint64_t fair_us = (took_us < x->took_us ? took_us : x->took_us) * 20 * a->count;
	x->took_us = took_us;
	return least_us > fair_us ? least_us : fair_us < LOOK_MOST_US ? fair_us : LOOK_MOST_US;
}

void alerts_tick(struct alerts *a)
{
	for (unsigned i = 0; i < a->count; i++) {
		struct watched *x = &a->watched[i];
		uint64_t from_us = clock_mono(a->gate->clock), to_us;
		struct err e = {0};
		int rc;
		if (from_us < x->next_us)
			continue;
		x->pass++;
		rc = alert_measure(a->meter, i, on_reading, x, &e);
		if (!rc)
			forget_unseen(x);
		to_us = clock_mono(a->gate->clock);
		x->next_us = to_us + next_look_us(a, x, to_us - from_us);
		if (rc && !x->complained)
			LOG(LOG_ERROR, "alert_not_measured", LOG_S("name", x->conf->name),
			    LOG_S("why", str_of(e.what)));
		x->complained = rc != 0;
	}
}

/* ---- life ---- */

static struct outbox *outbox_of(struct alerts *a, unsigned index, struct err *e)
{
	const struct alert_config *c = &a->conf->alerts[index];
	struct outbox_config o = {.what = "alert", .url = secret_reveal(&c->url), .secret = secret_reveal(&c->secret),
				  .stubborn = true, .ca = c->ca, .patience_us = PATIENCE_US, .timeout_us = TIMEOUT_US};
	for (unsigned i = 0; i < index; i++) {
		const struct alert_config *d = &a->conf->alerts[i];
		if (str_eq(o.url, secret_reveal(&d->url)) && str_eq(o.secret, secret_reveal(&d->secret)) &&
		    str_eq(str_of(o.ca), str_of(d->ca)))
			return a->watched[i].out;
	}
	a->watched[index].owns = true;
	return outbox_open(&o, e);
}

struct alerts *alerts_open(struct gate *g, struct err *e)
{
	const struct gate_config *conf = g->conf;
	struct alerts *a = calloc(1, sizeof *a + conf->alert_count * sizeof *a->watched);
	if (!a) {
		err_set(e, RR_NOMEM, "no memory for the alerts");
		return NULL;
	}
	a->gate = g;
	a->conf = conf;
	a->meter = alert_meter_new(g, e);
	for (; a->meter && a->count < a->conf->alert_count; a->count++) {
		struct watched *x = &a->watched[a->count];
		*x = (struct watched){.alerts = a, .index = a->count, .conf = &a->conf->alerts[a->count]};
		x->out = outbox_of(a, a->count, e);
		if (!x->out)
			break;
	}
	if (a->meter && a->count == a->conf->alert_count)
		return a;
	alerts_close(a);
	return NULL;
}

void alerts_hurry(struct alerts *a, uint64_t until_us)
{
	for (unsigned i = 0; i < a->count; i++)
		if (a->watched[i].owns)
			outbox_hurry(a->watched[i].out, until_us);
}

void alerts_close(struct alerts *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < a->count; i++)
		if (a->watched[i].owns)
			outbox_close(a->watched[i].out);
	alert_meter_free(a->meter);
	free(a);
}

void alerts_stats(struct alerts *a, struct alert_figures_out *out)
{
	memset(out, 0, sizeof *out);
	out->fired = atomic_load(&a->fired);
	out->resolved = atomic_load(&a->resolved);
	out->firing = atomic_load(&a->firing);
	for (unsigned i = 0; i < a->count; i++) {
		struct outbox_stats s;
		if (!a->watched[i].owns)
			continue;
		outbox_stats(a->watched[i].out, &s);
		out->sent.delivered += s.delivered;
		out->sent.failed += s.failed;
		out->sent.dropped += s.dropped;
	}
}
