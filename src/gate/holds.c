/* SPDX-License-Identifier: Apache-2.0
 *
 * See holds.h. Everything that touches a hold is an errand: it runs on the clerk's thread, in the clerk's transaction,
 * and its word comes back when that is durable.
 */
#include "gate/holds.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/intern.h"
#include "base/log.h"
#include "gate/clerk.h"
#include "gate/gate.h"
#include "model/hold.h"

enum { SLICES_MOST = 1024, TOKENS_MOST_BITS = 53 };
#define TTL_DEFAULT_US HOLD_SLICE_US /* the API's own, where a request states none */

struct holds {
	struct gate *gate;
	atomic_llong due_us; /* when the next slice is complete, as the clerk saw it last */
	atomic_bool busy;
	uint32_t salt;
	uint64_t ids;        /* the clerk's thread alone */
	pthread_mutex_t lock;
	struct kept *kept;   /* what is held now, and what caps hold for it */
	unsigned count, room;
};

struct kept {
	struct hold hold;
	struct cap_ticket ticket;
};

struct holds *holds_new(struct gate *g, struct err *e)
{
	struct holds *h = calloc(1, sizeof *h);
	if (!h) {
		err_set(e, RR_NOMEM, "no memory for what is held");
		return NULL;
	}
	h->gate = g;
	pthread_mutex_init(&h->lock, NULL);
	hash_random(&h->salt, sizeof h->salt);
	return h; /* due at once: the first tick looks */
}

void holds_free(struct holds *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h->kept);
	free(h);
}

/* ---- what caps hold for it */

/* What keeping so many tokens costs, asked of the caps. */
static struct cap_ask ask_of(struct gate *g, const struct cap_scope *who, struct str provider, struct str model,
			     uint64_t tokens, int64_t from_us, int64_t until_us)
{
	struct cap_ask ask = {.who = *who, .currency = USD, .from_us = from_us, .until_us = until_us};
	struct price_query q = {.provider = provider, .model = model, .at_us = clock_real(g->clock)};
	struct usage u = {.flags = USAGE_SEEN, .storage_token_hours = hold_token_hours(tokens, from_us, until_us) + 1};
	struct price_result cost;
	int rc = price(g->book, &q, &u, &cost);
	ask.priced = rc == -RR_RANGE || (rc == 0 && cost.status == PRICE_PRICED);
	ask.most_pico = ask.likely_pico = rc == -RR_RANGE ? INT64_MAX : ask.priced ? cost.total_pico : 0;
	if (!rc)
		ask.currency = cost.currency;
	return ask;
}

/* Under the lock. What has no end is asked about an hour ahead, as the API's own default has it. */
static void hold_kept(struct holds *hs, struct kept *k)
{
	const struct hold *h = &k->hold;
	struct cap_scope who = {h->caller, h->team, h->feature, h->model, h->env};
	int64_t until = h->until_us == HOLD_FOREVER ? h->booked_us + TTL_DEFAULT_US : h->until_us;
	struct cap_ask ask = ask_of(hs->gate, &who, intern_str(h->provider), intern_str(h->model), h->tokens,
				    h->booked_us, until);
	if (until <= h->booked_us || !ask.priced)
		ask.most_pico = ask.likely_pico = 0;
	caps_hold(hs->gate->caps, &ask, INT64_MAX, &k->ticket);
}

static struct kept *find_kept(struct holds *hs, struct hash128 key)
{
	for (unsigned i = 0; i < hs->count; i++)
		if (hs->kept[i].hold.key.hi == key.hi && hs->kept[i].hold.key.lo == key.lo)
			return &hs->kept[i];
	return NULL;
}

/* As it stands now. -RR_NOMEM: nothing is held ahead for it, it is booked all the same. */
static int keep(struct holds *hs, const struct hold *h)
{
	struct kept *k;
	int rc = 0;
	pthread_mutex_lock(&hs->lock);
	k = find_kept(hs, h->key);
	if (!k && !array_room(hs->kept, hs->count, hs->room, ARRAY_MOST))
		rc = -RR_NOMEM;
	if (!k && !rc) {
		k = &hs->kept[hs->count++];
		k->ticket.count = 0;
		k->ticket.since = 0;
	}
	if (k) {
		k->hold = *h;
		hold_kept(hs, k);
	}
	pthread_mutex_unlock(&hs->lock);
	return rc;
}

static void let_go(struct holds *hs, struct hash128 key)
{
	struct kept *k;
	pthread_mutex_lock(&hs->lock);
	k = find_kept(hs, key);
	if (k) {
		caps_settle(hs->gate->caps, &k->ticket, 0, 0);
		*k = hs->kept[--hs->count];
	}
	pthread_mutex_unlock(&hs->lock);
}

void holds_hold(struct holds *hs)
{
	pthread_mutex_lock(&hs->lock);
	for (unsigned i = 0; i < hs->count; i++)
		hold_kept(hs, &hs->kept[i]);
	pthread_mutex_unlock(&hs->lock);
}

static int restore(const struct hold *h, void *arg)
{
	return keep(arg, h);
}

int holds_restore(struct holds *hs, struct ledger *l, struct err *e)
{
	int rc = ledger_holds(l, restore, hs, e);
	return rc == -RR_NOMEM ? err_set(e, RR_NOMEM, "no memory for what is held") : rc;
}

/* ---- on the clerk's thread ---- */

struct work {
	struct holds *holds;
	struct request *request; /* waits for it; NULL for a tick */
	struct hold hold;        /* as the answer shows it */
	bool create;
	int64_t at_us;
	struct call *booked;     /* in this transaction */
	unsigned count, room;
	struct touched {
		struct hold hold;
		bool over;
	} *touched;              /* how what it looked at stands then */
	unsigned touches, touch_room;
	int rc;
	struct post post;
};

static struct call slice_call(struct holds *hs, const struct hold *h, const struct hold_slice *s)
{
	static const struct upstream_config no_terms;
	struct upstream gone = {.conf = &no_terms, .name = intern_str(h->provider)};
	char name[64];
	struct upstream *up = gate_upstream(hs->gate, str_copy(name, sizeof name, gone.name));
	struct call c;
	call_init(&c);
	c.id = call_id_make(s->from_us, hs->salt, ++hs->ids);
	c.operation = h->operation;
	c.start_us = s->from_us;
	c.end_us = s->to_us;
	c.calls = 0;
	c.status = 200;
	c.key = h->caller;
	c.team = h->team;
	c.feature = h->feature;
	c.env = h->env;
	c.provider = h->provider;
	c.region = h->region;
	c.model_asked = c.model_answered = h->model;
	c.surface = intern(STR("gemini-cache-storage"));
	c.class_rule = intern(STR("I-cache-storage"));
	c.currency = intern(STR("USD"));
	str_copy(c.vendor_ref, sizeof c.vendor_ref, str_of(h->name));
	c.usage.flags = USAGE_SEEN;
	c.usage.storage_token_hours = s->token_hours;
	settle_cost(hs->gate, up ? up : &gone, intern_str(h->model), intern_str(h->model), s->from_us, &c);
	return c;
}

static int book(struct work *w, struct ledger *l, const struct hold *h, const struct hold_slice *s, struct err *e)
{
	struct call c = slice_call(w->holds, h, s);
	if (!array_room(w->booked, w->count, w->room, ARRAY_MOST))
		return err_set(e, RR_NOMEM, "no memory for a slice of storage");
	w->booked[w->count++] = c;
	return ledger_add_call(l, &c, e);
}

static int touch(struct work *w, const struct hold *h, bool over, struct err *e)
{
	if (!array_room(w->touched, w->touches, w->touch_room, ARRAY_MOST))
		return err_set(e, RR_NOMEM, "no memory for what is held");
	w->touched[w->touches++] = (struct touched){*h, over};
	return 0;
}

/* Books what is complete; at its end it is held no longer. */
static int advance(struct work *w, struct ledger *l, struct hold *h, struct err *e)
{
	struct hold_slice s;
	bool ended;
	int rc = 0;
	while (!rc && w->count < SLICES_MOST && hold_next(h, w->at_us, &s))
		if (s.token_hours)
			rc = book(w, l, h, &s, e);
	ended = h->booked_us >= h->until_us;
	if (!rc)
		rc = touch(w, h, ended, e);
	if (!rc)
		rc = ended ? ledger_end_hold(l, h->key, e) : ledger_put_hold(l, h, e);
	return rc;
}

static int note_due(struct work *w, struct ledger *l, struct err *e)
{
	struct hold next;
	int rc = ledger_next_hold(l, &next, e);
	if (rc && rc != -RR_NOTFOUND)
		return rc;
	atomic_store(&w->holds->due_us, rc ? HOLD_FOREVER : hold_due_us(&next));
	return 0;
}

/* Created, or shown with another end than we know. */
static int take_sight(struct ledger *l, void *arg, struct err *e)
{
	struct work *w = arg;
	struct hold known;
	int rc = ledger_find_hold(l, w->hold.key, &known, e);
	w->count = w->touches = 0;
	if (rc == -RR_NOTFOUND)
		rc = w->create ? ledger_put_hold(l, &w->hold, e) : 0;
	else if (!rc && known.until_us != w->hold.until_us) {
		known.until_us = w->hold.until_us;
		rc = ledger_put_hold(l, &known, e);
		if (!rc)
			rc = touch(w, &known, false, e);
	}
	return rc ? rc : note_due(w, l, e);
}

static int take_end(struct ledger *l, void *arg, struct err *e)
{
	struct work *w = arg;
	struct hold known;
	int rc = ledger_find_hold(l, w->hold.key, &known, e);
	w->count = w->touches = 0;
	if (rc == -RR_NOTFOUND)
		return 0; /* it was made past us, or was over */
	if (!rc && known.until_us > w->at_us) /* of what does not fit here, ticks book the rest */
		known.until_us = w->at_us;
	if (!rc)
		rc = advance(w, l, &known, e);
	return rc ? rc : note_due(w, l, e);
}

static int take_due(struct ledger *l, void *arg, struct err *e)
{
	struct work *w = arg;
	struct hold h;
	w->count = w->touches = 0;
	while (w->count < SLICES_MOST && ledger_next_hold(l, &h, e) == 0 && hold_due_us(&h) <= w->at_us) {
		int rc = advance(w, l, &h, e);
		if (rc)
			return rc;
	}
	return note_due(w, l, e);
}

static void work_free(struct work *w)
{
	free(w->booked);
	free(w->touched);
	free(w);
}

static void on_loop(void *arg)
{
	struct work *w = arg;
	struct request *r = w->request;
	if (w->rc) {
		r->look.failed = true;
		if (w->create)
			let_go(w->holds, w->hold.key);
	}
	work_free(w);
	if (--r->look.errands == 0)
		gate_run(r);
}

static void on_done(const struct errand *e, int rc, bool first)
{
	struct work *w = e->arg;
	(void)first;
	w->rc = rc;
	for (unsigned i = 0; i < w->count && !rc; i++)
		caps_spend(w->holds->gate->caps, &w->booked[i]);
	for (unsigned i = 0; i < w->touches && !rc; i++) {
		if (w->touched[i].over)
			let_go(w->holds, w->touched[i].hold.key);
		else
			keep(w->holds, &w->touched[i].hold);
	}
	if (rc) /* what was noted as due is not so; not for ever at once: the disk may be full */
		atomic_store(&w->holds->due_us, w->at_us + 10 * US_PER_S);
	if (w->request) {
		loop_post_at(w->request->worker->loop, &w->post, on_loop, w);
		return;
	}
	atomic_store(&w->holds->busy, false);
	work_free(w);
}

static int give(struct work *w, int (*act)(struct ledger *, void *, struct err *))
{
	struct errand e = {.kind = ERRAND_ACT, .act = act, .done = on_done, .arg = w};
	return clerk_give(w->holds->gate->clerk, &e);
}

/* ---- on a worker's ---- */

void holds_tick(struct holds *h, int64_t now_us)
{
	struct work *w;
	holds_hold(h); /* a cap's new window has its part of it too */
	if (now_us < atomic_load_explicit(&h->due_us, memory_order_relaxed) || atomic_exchange(&h->busy, true))
		return;
	w = calloc(1, sizeof *w);
	if (w)
		*w = (struct work){.holds = h, .at_us = now_us};
	if (!w || give(w, take_due)) {
		free(w);
		atomic_store(&h->busy, false);
	}
}

static void give_for(struct request *r, const struct hold *h, bool create,
		     int (*act)(struct ledger *, void *, struct err *))
{
	struct work *w = calloc(1, sizeof *w);
	if (w)
		*w = (struct work){.holds = r->worker->gate->holds, .request = r, .hold = *h, .create = create,
				   .at_us = loop_real_us(r->worker->loop)};
	if (!w || give(w, act)) {
		free(w);
		r->look.failed = true;
		if (create)
			let_go(r->worker->gate->holds, h->key);
		return;
	}
	r->look.errands++;
}

static bool is_surface(const struct request *r, const char *name)
{
	return strcmp(r->surface->name, name) == 0;
}

bool holds_reads(const struct request *r)
{
	return str_starts(str_of(r->surface->name), STR("gemini-caches"));
}

bool holds_is_cache(struct json object)
{
	struct str name = json_raw_string(json_get(object, "name"));
	return str_starts(name, STR("cachedContents/")) || str_contains(name, STR("/cachedContents/"));
}

static struct hash128 key_of(const struct request *r, struct str name)
{
	return jobs_key(r->up->name, "hold", name, str_make("", 0));
}

/* "models/gemini-2.5-pro", "projects/P/locations/L/publishers/google/models/M" */
static struct str short_name(struct str s)
{
	size_t from = 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/')
			from = i + 1;
	return str_sub(s, from, s.n);
}

static int64_t time_or(struct json v, int64_t fallback)
{
	char text[64];
	int64_t us;
	json_string_copy(v, text, sizeof text);
	return *text && time_parse(str_of(text), &us) == 0 ? us : fallback;
}

void holds_see(struct request *r, struct json object)
{
	struct str name = json_raw_string(json_get(object, "name"));
	bool create = is_surface(r, "gemini-caches"), counted;
	struct hold h = {.key = key_of(r, name), .operation = r->call.id, .provider = r->up->name_id,
			 .region = r->up->region_id, .caller = r->call.key, .team = r->call.team,
			 .feature = r->call.feature, .env = r->call.env};
	char model[192];
	json_string_copy(json_get(object, "model"), model, sizeof model);
	h.model = intern(short_name(str_of(model)));
	str_copy(h.name, sizeof h.name,
		 name.n < sizeof h.name ? name : str_sub(name, name.n - sizeof h.name + 1, name.n));
	counted = json_u64(json_path(object, "usageMetadata.totalTokenCount"), &h.tokens) == 0 &&
		  !(h.tokens >> TOKENS_MOST_BITS);
	h.from_us = h.booked_us = time_or(json_get(object, "createTime"), r->call.start_us);
	h.until_us = time_or(json_get(object, "expireTime"), HOLD_FOREVER);
	if (create && !counted) {
		LOG(LOG_WARN, "cache_not_metered", LOG_S("cache", name),
		    LOG_S("why", STR("its count of tokens is none")));
		return;
	}
	if (!create && h.until_us == HOLD_FOREVER) /* an answer in part ("fields=name"): what it does not state stays */
		return;
	if (create)
		keep(r->worker->gate->holds, &h); /* before the request's own ticket goes */
	give_for(r, &h, create, take_sight);
}

/* "/v1beta/cachedContents/ID": without the version. */
static struct hash128 key_of_path(const struct request *r)
{
	struct str name = r->path;
	str_cut(&name, '/');
	str_cut(&name, '/');
	return key_of(r, name);
}

void holds_end(struct request *r)
{
	struct hold h = {.key = key_of_path(r)};
	give_for(r, &h, false, take_end);
}

/* "3600s", "1.5s"; in microseconds, rounded up. */
static int64_t ttl_of(const struct request *r)
{
	char text[40];
	int64_t until = time_or(json_get(r->features.top, "expireTime"), 0);
	struct str s = str_of(json_string_copy(json_get(r->features.top, "ttl"), text, sizeof text));
	money_wide us;
	bool exact;
	if (until > r->call.start_us)
		return until - r->call.start_us;
	if (s.n < 2 || s.p[s.n - 1] != 's' || decimal_scaled(str_sub(s, 0, s.n - 1), 6, &us, &exact) || us < 0)
		return TTL_DEFAULT_US;
	return us > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)us + !exact;
}

/* What it costs more when its end is moved on. False: it is not known here. */
static bool ask_longer(struct request *r, struct cap_ask *ask)
{
	struct holds *hs = r->worker->gate->holds;
	struct hash128 key = key_of_path(r);
	struct hold h;
	struct cap_scope who;
	struct kept *k;
	int64_t until = r->call.start_us + ttl_of(r);
	bool known;
	pthread_mutex_lock(&hs->lock);
	k = find_kept(hs, key);
	known = k != NULL;
	if (known)
		h = k->hold;
	pthread_mutex_unlock(&hs->lock);
	if (!known)
		return false;
	who = (struct cap_scope){h.caller, h.team, h.feature, h.model, h.env};
	*ask = ask_of(hs->gate, &who, intern_str(h.provider), intern_str(h.model), h.tokens, h.until_us, until);
	if (until <= h.until_us)
		*ask = (struct cap_ask){.who = who, .currency = USD, .priced = true};
	return true;
}

int holds_cap(struct request *r, struct cap_refusal *no)
{
	struct gate *g = r->worker->gate;
	struct cap_scope who = {r->call.key, r->call.team, r->call.feature, 0, r->call.env};
	struct cap_ask ask;
	char model[192];
	bool warn;
	if (is_surface(r, "gemini-caches-end")) /* it only ends what costs */
		return 0;
	if (is_surface(r, "gemini-caches")) {
		struct str name = short_name(str_of(json_string_copy(json_get(r->features.top, "model"), model,
								     sizeof model)));
		uint64_t window = book_context_window_tok(g->book, r->up->name, name);
		who.model = intern(name);
		ask = ask_of(g, &who, r->up->name, name,
			     r->features.hidden_context && window ? window : r->features.body_bytes, r->call.start_us,
			     r->call.start_us + ttl_of(r));
	} else if (!ask_longer(r, &ask)) { /* of a cap that is used up all the same nothing is asked */
		ask = (struct cap_ask){.who = who, .currency = USD, .priced = true, .most_pico = 1, .likely_pico = 1};
	}
	return caps_reserve(g->caps, &ask, &r->ticket, no, &warn);
}
