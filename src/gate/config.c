/* SPDX-License-Identifier: Apache-2.0
 *
 * See config.h. A file is bound to struct file_top by the tables (config.def), then turned into struct gate_config with
 * the checks that look at more than one field. Every complaint goes to the same list of errors, with its place.
 */
#include "gate/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/fs.h"
#include "base/intern.h"
#include "gate/config_tables.h"
#include "net/fetch.h"

enum { FILE_BYTES = 1024 * 1024, CAPS_MOST = 4096, RATES_MOST = 256, UPSTREAM_MOST = 64, NAME_MOST = 32 };
enum { ALERTS_MOST = 64 };
enum { CORES_MOST = 8 /* workers without a setting */ };

/* The vendors' public addresses, as their own SDKs have them (read 2026-11-20). */
static const struct {
	const char *name, *base;
	enum vendor_api api;
} vendors[] = {
	{"openai", "https://api.openai.com", API_OPENAI},
	{"anthropic", "https://api.anthropic.com", API_ANTHROPIC},
	{"gemini", "https://generativelanguage.googleapis.com", API_GEMINI},
};

struct loading {
	struct conf_doc *d;
	struct arena *a;
	struct file_top file;
	struct gate_config *c;
};

struct str secret_reveal(const struct conf_secret *s)
{
	return s->hidden;
}

bool listen_is_loopback(const char *where)
{
	struct str s = str_of(where);
	struct str host, part;
	uint64_t n;
	if (str_starts(s, STR("unix:")) || str_starts(s, STR("[::1]:")) || str_starts(s, STR("localhost:")))
		return true;
	host = str_cut(&s, ':');
	if (!s.p)
		return false;
	for (unsigned i = 0; i < 4; i++) { /* 127.0.0.0/8; "0127" would be octal to a resolver, and another network */
		part = str_cut(&host, '.');
		if (part.n > 3 || str_u64(part, &n) || n > 255 || (i == 0 && n != 127))
			return false;
	}
	return !host.p;
}

/* HOST:PORT, [V6]:PORT, unix:/PATH. */
static bool listen_ok(struct str s)
{
	size_t colon = SIZE_MAX;
	uint64_t port;
	if (str_starts(s, STR("unix:")))
		return s.n > 5 && s.n < 5 + 107; /* sun_path holds 108 bytes */
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ':')
			colon = i;
	if (colon == SIZE_MAX || colon == 0 || str_u64(str_sub(s, colon + 1, s.n), &port) || port > 65535)
		return false;
	return s.p[0] == '[' ? s.p[colon - 1] == ']' : str_chr(str_sub(s, 0, colon), ':') == SIZE_MAX;
}

static const char *text_or_null(struct loading *l, struct str s)
{
	struct str copy = s.n ? arena_str(l->a, s) : s;
	return copy.n ? copy.p : NULL;
}

/* A path as in a shell: "~/" is the home folder. */
static const char *path_of(struct loading *l, struct str s)
{
	const char *home = getenv("HOME");
	if (str_starts(s, STR("~/")) && home && home[0])
		return arena_printf(l->a, "%s/%.*s", home, STR_ARG(str_sub(s, 2, s.n))).p;
	return text_or_null(l, s);
}

/* The node of a setting in the root (NULL when the file does not give it). */
static const struct conf_node *top_node(struct loading *l, const char *name)
{
	return conf_get(l->d->root, name);
}

static const struct conf_node *item_node(struct loading *l, const struct conf_node *list, unsigned index)
{
	const struct conf_node *n = list ? list->first : NULL;
	while (n && index--)
		n = n->next;
	return n;
}

static const struct conf_node *part(const struct conf_node *map, const char *key)
{
	const struct conf_node *n = conf_get(map, key);
	return n ? n : map;
}

int gate_config_use_listen(struct gate_config *c, const char *listen, struct err *e)
{
	if (!listen_ok(str_of(listen))) {
		err_set(e, RR_USAGE, "'%.80s' is no address to listen on", listen);
		err_hint(e, "write 127.0.0.1:7300, [::1]:7300 or unix:/PATH");
		return -RR_USAGE;
	}
	c->listen = listen;
	c->require_keys |= !listen_is_loopback(listen);
	return 0;
}

int gate_config_use_memory(struct gate_config *c, uint64_t bytes, struct err *e)
{
	if (bytes && bytes < MEMORY_LEAST_BYTES) {
		err_set(e, RR_USAGE, "max_memory: %llu bytes are too little to work with", (unsigned long long)bytes);
		err_hint(e, "write 32 MiB or more, as in 256 MiB; 0 means no ceiling");
		return -RR_USAGE;
	}
	c->max_memory_bytes = bytes;
	return 0;
}

int gate_config_use_admin(struct gate_config *c, const char *admin, struct err *e)
{
	if (!listen_ok(str_of(admin)) || !listen_is_loopback(admin)) {
		err_set(e, RR_USAGE, "'%.80s' is no address for the admin listener, which stays on this machine",
			admin);
		err_hint(e, "write 127.0.0.1:7301 or unix:/PATH");
		return -RR_USAGE;
	}
	c->admin = admin;
	return 0;
}

static void take_listeners(struct loading *l)
{
	struct gate_config *c = l->c;
	const struct file_top *f = &l->file;
	c->listen = text_or_null(l, f->listen);
	c->admin = text_or_null(l, f->admin);
	if (!listen_ok(f->listen)) {
		conf_error(l->d, top_node(l, "listen"), "listen: this is no address to listen on");
		conf_hint(l->d, "write 127.0.0.1:7300, [::1]:7300 or unix:/PATH");
	} else if (!listen_is_loopback(c->listen)) {
		if (f->require_keys_given && !f->require_keys) {
			conf_error(l->d, top_node(l, "require_keys"),
				   "require_keys: cannot be off where others can connect (listen: %s)", c->listen);
			conf_hint(l->d, "remove this key, or listen on 127.0.0.1");
		}
		c->require_keys = true;
	}
	if (f->require_keys_given && f->require_keys)
		c->require_keys = true;
	if (!listen_ok(f->admin) || !listen_is_loopback(c->admin)) {
		conf_error(l->d, top_node(l, "admin"), "admin: this listener has no keys, so it stays on this machine");
		conf_hint(l->d, "write 127.0.0.1:7301 or unix:/PATH, and reach it through ssh or a proxy that asks who it is");
	}
	c->tls.cert = path_of(l, f->tls.cert);
	c->tls.key = path_of(l, f->tls.key);
	if (!c->tls.cert != !c->tls.key) {
		conf_error(l->d, top_node(l, "tls"), "tls: cert and key stand together");
		conf_hint(l->d, "name both PEM files, or neither");
	}
}

static bool name_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
		      (i && strchr("._-", s.p[i]))))
			return false;
	return s.n > 0 && s.n <= NAME_MOST;
}

static void take_upstream(struct loading *l, const struct file_upstream *f, const struct conf_node *at, unsigned index)
{
	struct upstream_config *up = &l->c->upstreams[index];
	struct origin origin;
	struct err e;
	double ppm = f->discount * 1e6;
	*up = (struct upstream_config){.name = f->name, .api = (enum vendor_api)f->dialect, .base = f->base,
				       .key = f->key, .region = f->region, .gpu_rate_per_hour = f->gpu_rate_per_hour};
	if (f->ca_given)
		up->ca = str_of(path_of(l, f->ca));
	if (!f->name_given || !f->dialect_given || !f->base_given) {
		conf_error(l->d, at, "an upstream has a name, a dialect and a base");
		conf_hint(l->d, "{name: local, dialect: openai, base: http://127.0.0.1:8000}");
		return;
	}
	if (!name_ok(f->name)) {
		conf_error(l->d, part(at, "name"), "name: small letters, digits and . _ - (at most %d)",
			   NAME_MOST);
		conf_hint(l->d, "as in: name: local-gpu; it stands in addresses");
	}
	for (unsigned i = 0; i < index; i++)
		if (str_eq(l->c->upstreams[i].name, f->name)) {
			conf_error(l->d, part(at, "name"), "two upstreams bear the name '%.*s'", STR_ARG(f->name));
			conf_hint(l->d, "give each its own");
		}
	if (origin_parse(&origin, f->base, &e)) {
		conf_error(l->d, part(at, "base"), "base: %.300s", e.what);
		conf_hint(l->d, "%s", e.hint[0] ? e.hint : "write it as https://api.openai.com, without /v1");
	} else if (str_ends(f->base, STR("/v1")) || str_ends(f->base, STR("/v1/"))) {
		conf_error(l->d, part(at, "base"), "base: /v1 is part of each request's path");
		conf_hint(l->d, "write the base without /v1");
	}
	up->discount_ppm = (uint32_t)(ppm + 0.5);
	if (ppm - up->discount_ppm > 1e-3 || up->discount_ppm - ppm > 1e-3) {
		conf_error(l->d, part(at, "discount"), "discount: finer than one millionth");
		conf_hint(l->d, "at most six decimals");
	}
	if (f->ca_given && !l->d->no_secrets && access(up->ca.p ? up->ca.p : "", R_OK) != 0) {
		conf_error(l->d, part(at, "ca"), "ca: the file cannot be read");
		conf_hint(l->d, "name a PEM file of certificates");
	}
}

static void take_upstreams(struct loading *l)
{
	struct gate_config *c = l->c;
	const struct conf_node *list = top_node(l, "upstreams");
	unsigned count = l->file.upstreams_given ? l->file.upstreams.count : sizeof vendors / sizeof *vendors;
	if (count > UPSTREAM_MOST) {
		conf_error(l->d, list, "upstreams: more than %d", UPSTREAM_MOST);
		return;
	}
	if (!count) {
		if (!list || !conf_wrong_inside(l->d, list)) {
			conf_error(l->d, list, "upstreams: there is none");
			conf_hint(l->d, "remove the key to have the three vendors, or name one");
		}
		return;
	}
	c->upstreams = arena_array(l->a, struct upstream_config, count);
	if (!c->upstreams)
		return;
	c->upstream_count = count;
	for (unsigned i = 0; i < count; i++) {
		if (l->file.upstreams_given && conf_wrong_inside(l->d, item_node(l, list, i)))
			continue;
		if (l->file.upstreams_given)
			take_upstream(l, &((const struct file_upstream *)l->file.upstreams.items)[i],
				      item_node(l, list, i), i);
		else
			c->upstreams[i] = (struct upstream_config){.name = str_of(vendors[i].name),
								   .api = vendors[i].api,
								   .base = str_of(vendors[i].base)};
	}
}

static void take_rate(struct loading *l, const struct file_rate *f, const struct conf_node *at, unsigned index)
{
	struct fx_rate *r = &l->c->rates[index];
	struct str to = f->pair, from = str_cut(&to, '/');
	bool exact = false;
	if (!f->pair_given || !f->rate_given) {
		conf_error(l->d, at, "a rate has a pair and a rate");
		conf_hint(l->d, "{pair: USD/GBP, rate: \"0.7692\", from: 2026-10-01}");
		return;
	}
	if (!to.p || currency_parse(from, &r->from) || currency_parse(to, &r->to) || currency_eq(r->from, r->to)) {
		conf_error(l->d, part(at, "pair"), "pair: two currency codes are wanted");
		conf_hint(l->d, "write it as USD/GBP: what one USD is in GBP");
	}
	if (money_parse(f->rate, &r->rate_pico, &exact) || !exact || r->rate_pico <= 0) {
		conf_error(l->d, part(at, "rate"), "rate: a number above 0 with at most 12 decimals is wanted");
		conf_hint(l->d, "write it as \"0.7692\"");
	}
	r->from_us = f->from_given ? f->from : INT64_MIN;
	for (unsigned i = 0; i < index; i++) {
		const struct fx_rate *o = &l->c->rates[i];
		if (currency_eq(o->from, r->from) && currency_eq(o->to, r->to) && o->from_us == r->from_us) {
			conf_error(l->d, at, "two rates for the same pair and day");
			conf_hint(l->d, "keep one of them");
		}
	}
}

static void take_currency(struct loading *l)
{
	struct gate_config *c = l->c;
	const struct file_currency *f = &l->file.currency;
	const struct conf_node *map = top_node(l, "currency"), *list = conf_get(map, "rates");
	if (f->report_given && currency_parse(f->report, &c->report_currency)) {
		conf_error(l->d, part(map, "report"), "report: this is no currency code");
		conf_hint(l->d, "as in: report: GBP");
	}
	if (f->rates.count > RATES_MOST) {
		conf_error(l->d, list, "rates: more than %d", RATES_MOST);
		return;
	}
	c->rates = arena_array(l->a, struct fx_rate, f->rates.count);
	if (!c->rates)
		return;
	c->rate_count = f->rates.count;
	for (unsigned i = 0; i < f->rates.count; i++)
		if (!conf_wrong_inside(l->d, item_node(l, list, i)))
			take_rate(l, &((const struct file_rate *)f->rates.items)[i], item_node(l, list, i), i);
}

static void take_cap(struct loading *l, const struct file_cap *f, const struct conf_node *at, unsigned index)
{
	struct cap_row *row = &l->c->caps[index];
	struct cap_rule *r = &row->rule;
	bool training = f->book == 1;
	struct err e;
	row->book = training ? BOOK_TRAINING : BOOK_INFERENCE;
	snprintf(r->id, sizeof r->id, "conf-%u", index + 1);
	r->scope = (struct cap_scope){.key = intern(f->key), .team = intern(f->team), .feature = intern(f->feature),
				      .model = intern(f->model), .env = intern(f->env)};
	r->window = (enum window)f->window;
	r->hard = f->hard;
	r->amount_pico = f->amount_given ? f->amount.pico : INT64_MAX;
	r->tokens = f->tokens_given ? f->tokens : UINT64_MAX;
	r->jobs = f->jobs_given ? f->jobs : UINT64_MAX;
	r->currency = f->amount.currency.code[0] ? f->amount.currency : l->c->report_currency;
	str_copy(r->tz, sizeof r->tz, f->tz);
	if (!f->amount_given && !f->tokens_given && !f->jobs_given) {
		conf_error(l->d, at, "a cap needs an amount, tokens or jobs");
		conf_hint(l->d, "as in: {team: search, amount: \"200 GBP\", window: month}");
	}
	if (f->amount_given && !r->currency.code[0]) {
		conf_error(l->d, part(at, "amount"), "amount: which currency?");
		conf_hint(l->d, "write it as \"200 GBP\", or set currency: {report: GBP}");
	}
	if (training ? f->tokens_given : f->jobs_given) {
		conf_error(l->d, part(at, training ? "tokens" : "jobs"),
			   training ? "a training cap counts jobs, not tokens" : "jobs belong to training caps");
		conf_hint(l->d, training ? "set amount or jobs" : "set book: training, or use tokens");
	}
	if (f->tz.n >= sizeof r->tz || !tz_get(r->tz, &e)) {
		conf_error(l->d, part(at, "tz"), "tz: %.300s",
			   f->tz.n >= sizeof r->tz ? "no zone has so long a name" : e.what);
		conf_hint(l->d, "%s", f->tz.n >= sizeof r->tz ? "names are like Europe/London" : e.hint);
	}
}

static void take_caps(struct loading *l)
{
	const struct conf_array *f = &l->file.caps;
	const struct conf_node *list = top_node(l, "caps");
	if (f->count > CAPS_MOST) {
		conf_error(l->d, list, "caps: more than %d", CAPS_MOST);
		return;
	}
	l->c->caps = arena_array(l->a, struct cap_row, f->count);
	if (!l->c->caps)
		return;
	l->c->cap_count = f->count;
	for (unsigned i = 0; i < f->count; i++)
		if (!conf_wrong_inside(l->d, item_node(l, list, i)))
			take_cap(l, &((const struct file_cap *)f->items)[i], item_node(l, list, i), i);
}

static void take_pulls(struct loading *l)
{
	static const char *const names[] = {"openai", "anthropic"};
	const struct conf_array *f = &l->file.pull;
	l->c->pulls = arena_array(l->a, struct pull_config, f->count);
	if (!l->c->pulls)
		return;
	l->c->pull_count = f->count;
	for (unsigned i = 0; i < f->count; i++) {
		const struct file_pull *p = &((const struct file_pull *)f->items)[i];
		const struct conf_node *at = item_node(l, top_node(l, "pull"), i);
		l->c->pulls[i] = (struct pull_config){names[p->vendor], p->every, text_or_null(l, p->base),
						      text_or_null(l, p->account)};
		if (conf_wrong_inside(l->d, at))
			continue;
		if (p->base.n && !str_starts(p->base, STR("https://")) && !str_starts(p->base, STR("http://127."))) {
			conf_error(l->d, part(at, "base"),
				   "base: https:// is wanted, or http:// on loopback: the admin key is sent there");
			conf_hint(l->d, "leave it out for the vendor's own address");
		}
		if (p->account.n > 60)
			conf_error(l->d, part(at, "account"), "account: longer than 60 bytes");
		for (unsigned k = 0; k < i; k++)
			if (l->c->pulls[k].vendor == l->c->pulls[i].vendor &&
			    str_eq(str_of(l->c->pulls[k].account ? l->c->pulls[k].account : ""), p->account))
				conf_error(l->d, at, "pull: the same vendor and account twice");
	}
}

/* The condition's mistake in its own place, within the value. */
static void wrong_when(struct loading *l, const struct conf_node *when, const struct alert_fault *f)
{
	struct conf_node at = *when;
	at.column += (unsigned)f->at + (when->quoted ? 1 : 0);
	conf_error(l->d, &at, "when: %s", f->what);
	conf_hint(l->d, "%s", f->hint);
}

/* A scope that the figure does not have would be silently ignored: it is refused. */
static void check_scope(struct loading *l, const struct file_alert *f, const struct conf_node *at,
			const struct alert_figure *figure)
{
	bool calls = f->key_given || f->team_given || f->feature_given || f->model_given || f->env_given;
	if ((figure->scoping == SCOPE_NONE && (calls || f->upstream_given)) ||
	    (figure->scoping == SCOPE_UPSTREAM && calls) || (figure->scoping == SCOPE_CAPS && f->upstream_given)) {
		conf_error(l->d, at, "%s is not counted by that scope", figure->name);
		conf_hint(l->d, "%s", figure->scoping == SCOPE_UPSTREAM ? "it knows upstream alone"
				      : figure->scoping == SCOPE_CAPS   ? "it knows key, team, feature, model and env"
									: "it has none");
	}
}

static void take_alert(struct loading *l, const struct file_alert *f, const struct conf_node *at, unsigned index)
{
	struct alert_config *c = &l->c->alerts[index];
	struct alert_fault fault;
	struct fetch_url url;
	struct err e;
	bool known = !f->upstream_given;
	*c = (struct alert_config){.name = f->name.n ? f->name : f->when, .when = f->when, .url = f->url,
				   .secret = f->secret, .ca = path_of(l, f->ca), .provider = intern(f->upstream),
				   .plan = f->plan, .again_us = f->again};
	c->scope = (struct cap_scope){.key = intern(f->key), .team = intern(f->team), .feature = intern(f->feature),
				      .model = intern(f->model), .env = intern(f->env)};
	if (!f->when.n || !f->url_given) {
		conf_error(l->d, at, "an alert has a condition (when) and a url");
		conf_hint(l->d, "{when: \"forecast > plan\", url: https://example.org/hook}");
		return;
	}
	if (!l->d->no_secrets && fetch_url_parse(&url, secret_reveal(&f->url), &e)) {
		conf_error(l->d, part(at, "url"), "url: https:// or http:// and a host are wanted");
		conf_hint(l->d, "as in: url: https://example.org/hook");
	}
	if (alert_when_parse(f->when, l->c->report_currency, &c->cond, &fault))
		wrong_when(l, part(at, "when"), &fault);
	else
		check_scope(l, f, at, c->cond.figure);
	if (f->plan_given && !c->plan.currency.code[0])
		c->plan.currency = l->c->report_currency;
	if (f->plan_given && !c->plan.currency.code[0]) {
		conf_error(l->d, part(at, "plan"), "plan: which currency?");
		conf_hint(l->d, "write it as \"2000 GBP\", or set currency: {report: GBP}");
	}
	for (unsigned i = 0; i < l->c->upstream_count && !known; i++)
		known = str_eq(l->c->upstreams[i].name, f->upstream);
	if (!known) {
		conf_error(l->d, part(at, "upstream"), "upstream: there is none of that name");
		conf_hint(l->d, "name one of upstreams[].name");
	}
	if (f->ca_given && !l->d->no_secrets && access(c->ca ? c->ca : "", R_OK) != 0) {
		conf_error(l->d, part(at, "ca"), "ca: the file cannot be read");
		conf_hint(l->d, "name a PEM file of certificates");
	}
	c->tz = tz_get(text_or_null(l, f->tz) ? text_or_null(l, f->tz) : "UTC", &e);
	if (!c->tz) {
		conf_error(l->d, part(at, "tz"), "tz: %.300s", e.what);
		conf_hint(l->d, "%s", e.hint);
	}
}

static void take_alerts(struct loading *l)
{
	const struct conf_array *f = &l->file.alerts;
	const struct conf_node *list = top_node(l, "alerts");
	if (f->count > ALERTS_MOST) {
		conf_error(l->d, list, "alerts: more than %d", ALERTS_MOST);
		return;
	}
	l->c->alerts = arena_array(l->a, struct alert_config, f->count);
	if (!l->c->alerts)
		return;
	l->c->alert_count = f->count;
	for (unsigned i = 0; i < f->count; i++)
		if (!conf_wrong_inside(l->d, item_node(l, list, i)))
			take_alert(l, &((const struct file_alert *)f->items)[i], item_node(l, list, i), i);
}

/* A header that we write ourselves, or that is no name, is not the collector's to ask for. */
static bool header_name_ok(struct str s)
{
	static const char *const ours[] = {"host", "content-type", "content-length", "connection", "transfer-encoding"};
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", s.p[i]))
			return false;
	for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++)
		if (str_ieq(s, str_of(ours[i])))
			return false;
	return s.n > 0 && s.n < 128;
}

static void take_otlp(struct loading *l)
{
	struct gate_config *c = l->c;
	const struct file_otlp *f = &l->file.otlp;
	const struct conf_node *map = top_node(l, "otlp"), *list = conf_get(map, "headers");
	struct origin origin;
	struct err e;
	c->otlp.interval_us = (uint64_t)f->interval;
	c->otlp.traces = f->traces;
	c->otlp.metrics = f->metrics;
	c->otlp.service = f->service;
	c->otlp.ca = path_of(l, f->ca);
	if (!map)
		return;
	c->otlp.endpoint = f->endpoint;
	if (!f->endpoint_given) {
		conf_error(l->d, map, "otlp: where to? The endpoint is missing");
		conf_hint(l->d, "otlp: {endpoint: http://127.0.0.1:4318}");
	} else if (origin_parse(&origin, f->endpoint, &e)) {
		conf_error(l->d, part(map, "endpoint"), "endpoint: %.300s", e.what);
		conf_hint(l->d,
			  "as in: endpoint: http://127.0.0.1:4318 (/v1/traces and /v1/metrics follow by themselves)");
	} else if (str_ends(f->endpoint, STR("/v1/traces")) || str_ends(f->endpoint, STR("/v1/metrics"))) {
		conf_error(l->d, part(map, "endpoint"), "endpoint: /v1/traces and /v1/metrics follow by themselves");
		conf_hint(l->d, "write the address without them");
	}
	if (f->ca_given && !l->d->no_secrets && access(c->otlp.ca ? c->otlp.ca : "", R_OK) != 0) {
		conf_error(l->d, part(map, "ca"), "ca: the file cannot be read");
		conf_hint(l->d, "name a PEM file of certificates");
	}
	if (f->headers.count > OTLP_HEADERS_MOST) {
		conf_error(l->d, list, "headers: more than %d", OTLP_HEADERS_MOST);
		return;
	}
	c->otlp.headers = arena_array(l->a, struct otlp_header, f->headers.count);
	if (!c->otlp.headers)
		return;
	c->otlp.header_count = f->headers.count;
	for (unsigned i = 0; i < f->headers.count; i++) {
		const struct file_otlp_header *h = &((const struct file_otlp_header *)f->headers.items)[i];
		c->otlp.headers[i] = (struct otlp_header){h->name, h->value};
		if (conf_wrong_inside(l->d, item_node(l, list, i)))
			continue;
		if (!header_name_ok(h->name) || !h->value_given) {
			conf_error(l->d, part(item_node(l, list, i), "name"), "headers: each has a name and a value");
			conf_hint(l->d, "as in: {name: authorization, value: \"Bearer ${OTLP_TOKEN}\"}");
		}
	}
}

static void take_numbers(struct loading *l)
{
	struct gate_config *c = l->c;
	const struct file_top *f = &l->file;
	const struct file_limits *m = &f->limits;
	const char *ledger = getenv("RUNRATE_LEDGER");
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct err e;
	cores = cores < 1 ? 1 : cores > CORES_MOST ? CORES_MOST : cores;
	c->workers = f->workers ? (unsigned)f->workers : (unsigned)cores;
	c->ledger = f->ledger_given && !(ledger && ledger[0]) ? path_of(l, f->ledger) : NULL;
	c->durability = (enum durability)f->durability;
	c->unpriced_block = f->unpriced == 1;
	c->disk_full_pass = f->on_disk_full == 1;
	c->deferred_every_us = f->deferred_every;
	c->deferred_doubt_us = f->deferred_doubt;
	if (gate_config_use_memory(c, f->max_memory, &e)) {
		conf_error(l->d, top_node(l, "max_memory"), "%s", e.what);
		conf_hint(l->d, "%s", e.hint);
	}
	c->key_requests_per_minute = f->key_requests_per_minute;
	c->key_tokens_per_minute = f->key_tokens_per_minute;
	c->levers.cache = (enum lever_state)f->levers.cache;
	c->levers.respond = (enum lever_state)f->levers.respond;
	c->levers.batch = (enum lever_state)f->levers.batch;
	c->levers.route = (enum lever_state)f->levers.route;
	c->limits = (struct http_limits){
		.request_line_bytes = m->request_line, .head_bytes = m->head, .headers = (unsigned)m->headers,
			.body_bytes = m->body,
		.chunk_ext_bytes = m->chunk_ext, .head_us = (uint64_t)m->head_time, .body_min_rate = m->body_min_rate,
		.body_grace_us = (uint64_t)m->body_grace, .idle_us = (uint64_t)m->idle, .connect_us =
		(uint64_t)m->connect,
		.first_byte_us = (uint64_t)m->first_byte, .stream_idle_us = (uint64_t)m->stream_idle, .total_us =
		(uint64_t)m->total,
		.out_bytes = m->out, .connections = (unsigned)m->connections, .active = (unsigned)m->active,
		.key_active = (unsigned)m->key_active,
	};
	c->drain.time_us = (int64_t)(f->drain.seconds * 1e6);
	c->drain.bytes = f->drain.bytes;
	c->drain_seconds_at_stop = (unsigned)f->drain.at_stop_seconds;
	c->log_level = (enum log_level)f->log.level;
	c->log_json = f->log.format == 1;
	c->log_calls = f->log.calls;
}

static int parse(struct str text, const char *name, bool secrets, struct arena *a, struct gate_config *c,
		 struct sb *errors)
{
	struct loading l = {.a = a, .c = c};
	memset(c, 0, sizeof *c);
	l.d = arena_new(a, struct conf_doc);
	text = arena_str(a, text);
	if (!l.d || !text.p) {
		sb_adds(errors, "no memory for the configuration\n");
		return -RR_CONFIG;
	}
	conf_parse(l.d, a, text, name);
	l.d->no_secrets = !secrets;
	if (l.d->whole) { /* so that a duplicate key does not hide other mistakes */
		conf_bind(l.d, l.d->root, gate_config_fields, &l.file);
		take_listeners(&l);
		take_currency(&l);
		take_upstreams(&l);
		take_caps(&l);
		take_alerts(&l);
		take_otlp(&l);
		take_pulls(&l);
		take_numbers(&l);
	}
	c->doc = l.d;
	if (a->full && !l.d->errors)
		conf_error(l.d, NULL, "the configuration is too large");
	if (l.d->errors)
		conf_errors_text(l.d, errors);
	return l.d->errors ? -RR_CONFIG : 0;
}

int gate_config_parse(struct str text, const char *name, struct arena *a, struct gate_config *c, struct sb *errors)
{
	return parse(text, name, true, a, c, errors);
}

/* The first configuration file that exists, or "". */
static char *find_file(char *out, size_t size)
{
	const char *named = getenv("RUNRATE_CONFIG");
	if (named && named[0]) {
		snprintf(out, size, "%s", named);
		return out;
	}
	snprintf(out, size, "runrate.yaml");
	if (fs_exists(out))
		return out;
	if (fs_config_path("runrate.yaml", out, size)[0] && fs_exists(out))
		return out;
	snprintf(out, size, "/etc/runrate/runrate.yaml");
	if (!fs_exists(out))
		out[0] = 0;
	return out;
}

static int load(const char *path, bool secrets, struct arena *a, struct gate_config *c, struct sb *errors)
{
	char found[4096], text[1024];
	struct sb bytes;
	struct err e = {0};
	int rc;
	sb_init(&bytes, FILE_BYTES);
	if (!path)
		path = find_file(found, sizeof found);
	if (path[0] && fs_read(path, &bytes, &e)) {
		if (!e.hint[0])
			err_hint(&e, "name another file with --config or $RUNRATE_CONFIG");
		sb_addf(errors, "%s\n", err_text(&e, text, sizeof text));
		memset(c, 0, sizeof *c);
		rc = -RR_CONFIG;
	} else {
		rc = parse(sb_str(&bytes), path[0] ? path : "(defaults)", secrets, a, c, errors);
		c->file = path[0] ? arena_str(a, str_of(path)).p : NULL;
		if (!path[0])
			c->doc = NULL;
	}
	if (bytes.p)
		explicit_bzero(bytes.p, bytes.n);
	sb_fini(&bytes);
	return rc;
}

int gate_config_load(const char *path, struct arena *a, struct gate_config *c, struct sb *errors)
{
	return load(path, true, a, c, errors);
}

int gate_config_look(const char *path, struct arena *a, struct gate_config *c, struct sb *errors)
{
	return load(path, false, a, c, errors);
}

struct showing {
	const struct gate_config *c;
	struct arena *scratch;
	void (*fn)(const char *path, struct str value, unsigned line, const char *help, void *arg);
	void *arg;
};

static struct str list_text(struct arena *a, const struct conf_node *list)
{
	struct str s = str_make("", 0);
	for (const struct conf_node *n = list->first; n; n = n->next)
		s = arena_printf(a, "%.*s%s%.*s", STR_ARG(s), s.n ? ", " : "", STR_ARG(n->scalar));
	return s;
}

static void show_default_upstreams(const struct showing *s, const char *help)
{
	for (unsigned i = 0; i < s->c->upstream_count; i++) {
		struct str path = arena_printf(s->scratch, "upstreams[%u]", i);
		struct str value = arena_printf(s->scratch, "%.*s at %.*s, key not set",
						STR_ARG(s->c->upstreams[i].name), STR_ARG(s->c->upstreams[i].base));
		s->fn(path.p ? path.p : "", value, 0, help, s->arg);
	}
}

static void show(const char *path, const struct conf_field *f, const struct conf_node *node, void *arg)
{
	const struct showing *s = arg;
	struct str value = str_of(f->fallback ? f->fallback : "");
	if (f->kind == CONF_SECRET)
		value = node ? STR("set") : STR("not set");
	else if (node)
		value = node->type == CONF_LIST ? list_text(s->scratch, node) : node->scalar;
	else if (strcmp(path, "upstreams") == 0 && s->c->upstreams) {
		show_default_upstreams(s, f->help);
		return;
	} else if (strcmp(path, "require_keys") == 0)
		value = s->c->require_keys ? STR("true") : STR("false");
	else if (strcmp(path, "workers") == 0)
		value = arena_printf(s->scratch, "%u", s->c->workers);
	s->fn(path, value, node ? node->line : 0, f->help, s->arg);
}

void gate_config_each(const struct gate_config *c, struct arena *scratch,
		      void (*fn)(const char *path, struct str value, unsigned line, const char *help, void *arg),
		      void *arg)
{
	struct showing s = {c, scratch, fn, arg};
	conf_each(c->doc ? c->doc->root : NULL, gate_config_fields, show, &s);
}

const struct conf_field *gate_config_tables(void)
{
	return gate_config_fields;
}
