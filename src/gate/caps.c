/* SPDX-License-Identifier: Apache-2.0
 *
 * See caps.h. A few dozen caps are usual, so a call walks the table; it is the lock, not the walk, that costs, and
 * the lock is not taken when the table is empty.
 */
#include "gate/caps.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/intern.h"
#include "base/log.h"

enum { CAPS_MOST = 4096 };

struct entry {
	struct inference_cap cap;
	const struct tz *tz;
	int64_t warned_from_us; /* the window in which its being over was logged */
	uint64_t born; /* a cap of the same id that counts anew (another currency, gone and back) is another one */
};

struct caps {
	pthread_mutex_t lock;
	atomic_uint count; /* read without the lock to skip it */
	struct entry *entry;
	const struct clock *clock;
	struct fx fx;
	atomic_ullong births;
};

struct caps *caps_new(const struct clock *clock, struct fx fx, struct err *e)
{
	struct caps *c = calloc(1, sizeof *c);
	if (!c) {
		err_set(e, RR_NOMEM, "no memory for caps");
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	c->clock = clock;
	c->fx = fx;
	return c;
}

void caps_free(struct caps *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c->entry);
	free(c);
}

bool caps_any(const struct caps *c)
{
	return atomic_load_explicit(&c->count, memory_order_acquire) != 0;
}

struct loading {
	struct caps *caps;
	struct entry *entry;
	unsigned count, room;
	struct err *e;
};

static int add_cap(const struct cap_row *row, void *arg)
{
	struct loading *load = arg;
	struct entry *entry;
	if (row->book != BOOK_INFERENCE)
		return 0;
	if (!array_room(load->entry, load->count, load->room, CAPS_MOST))
		return err_set(load->e, RR_LIMIT, "more than %d caps", CAPS_MOST);
	entry = &load->entry[load->count];
	memset(entry, 0, sizeof *entry);
	entry->cap.rule = row->rule;
	entry->warned_from_us = INT64_MIN;
	entry->tz = tz_get(row->rule.tz[0] ? row->rule.tz : "UTC", load->e);
	if (!entry->tz)
		return -RR_CONFIG;
	load->count++;
	return 0;
}

/* The window of now, and what it has spent: from the cap's former self, else from the ledger. */
static int seed(struct caps *c, struct entry *entry, struct ledger *l, struct err *e)
{
	struct inference_cap *cap = &entry->cap;
	unsigned count = atomic_load(&c->count);
	for (unsigned i = 0; i < count; i++) {
		const struct inference_cap *old = &c->entry[i].cap;
		if (strcmp(old->rule.id, cap->rule.id) == 0 && cap_counts_the_same(&old->rule, &cap->rule)) {
			cap->from_us = old->from_us;
			cap->to_us = old->to_us;
			cap->spent_pico = old->spent_pico;
			cap->reserved_pico = old->reserved_pico;
			cap->spent_tok = old->spent_tok;
			cap->reserved_tok = old->reserved_tok;
			cap->refused = old->refused;
			entry->warned_from_us = c->entry[i].warned_from_us;
			entry->born = c->entry[i].born;
			return 0;
		}
	}
	entry->born = atomic_fetch_add(&c->births, 1) + 1;
	inference_cap_roll(cap, entry->tz, clock_real(c->clock));
	return ledger_spent(l, &cap->rule.scope, cap->from_us, cap->to_us, cap->rule.currency, c->fx,
			    &cap->spent_pico, &cap->spent_tok, e);
}

int caps_load(struct caps *c, struct ledger *l, const struct cap_row *extra, unsigned extra_count, struct err *e)
{
	struct loading load = {.caps = c, .e = e};
	struct entry *old;
	int rc = 0;
	for (unsigned i = 0; i < extra_count && !rc; i++)
		rc = add_cap(&extra[i], &load);
	if (!rc)
		rc = ledger_caps(l, add_cap, &load, e);
	pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < load.count && !rc; i++)
		rc = seed(c, &load.entry[i], l, e);
	if (!rc) {
		old = c->entry;
		c->entry = load.entry;
		atomic_store_explicit(&c->count, load.count, memory_order_release);
		load.entry = old;
	}
	pthread_mutex_unlock(&c->lock);
	free(load.entry);
	return rc;
}

static struct entry *entry_by_id(struct caps *c, const char *id)
{
	unsigned count = atomic_load_explicit(&c->count, memory_order_relaxed);
	for (unsigned i = 0; i < count; i++)
		if (strcmp(c->entry[i].cap.rule.id, id) == 0)
			return &c->entry[i];
	return NULL;
}

static void spend(struct caps *c, struct entry *entry, int64_t pico, struct currency currency, uint64_t tok)
{
	int64_t now_us = clock_real(c->clock), spent;
	if (fx_convert(c->fx, pico, currency, entry->cap.rule.currency, false, now_us, &spent))
		spent = 0; /* a hard cap refused such calls beforehand; a soft one counts what it can */
	inference_cap_roll(&entry->cap, entry->tz, now_us);
	inference_cap_spend(&entry->cap, spent, tok);
}

static bool touches(const struct cap_rule *r, const struct cap_scope *w)
{
	return cap_scope_matches(&r->scope, w->key, w->team, w->feature, w->model, w->env);
}

static void ticket_open(struct caps *c, const struct cap_ask *ask, struct cap_ticket *t)
{
	t->count = 0;
	t->since = atomic_load(&c->births) + 1;
	t->who = ask->who;
	t->currency = ask->currency;
}

/* Under the lock. An entry that was removed while calls held it is gone with its reservations. */
static void settle_locked(struct caps *c, struct cap_ticket *t, int64_t used_pico, uint64_t used_tok)
{
	int64_t now_us = clock_real(c->clock);
	bool full = used_pico == CAPS_IN_FULL;
	for (unsigned i = 0; i < t->count; i++) {
		struct entry *entry = entry_by_id(c, t->held[i].id);
		int64_t used;
		if (!entry || entry->born != t->held[i].born)
			continue;
		if (full || fx_convert(c->fx, used_pico, t->currency, entry->cap.rule.currency, false, now_us, &used))
			used = t->held[i].hold.pico; /* no rate: what was reserved stands */
		inference_cap_roll(&entry->cap, entry->tz, now_us);
		inference_cap_settle(&entry->cap, &t->held[i].hold, used, full ? t->held[i].hold.tok : used_tok);
	}
	for (unsigned i = 0; t->since && !full && i < atomic_load_explicit(&c->count, memory_order_relaxed); i++)
		if (c->entry[i].born >= t->since && touches(&c->entry[i].cap.rule, &t->who))
			spend(c, &c->entry[i], used_pico, t->currency, used_tok);
	t->count = 0;
	t->since = 0;
}

void caps_settle(struct caps *c, struct cap_ticket *t, int64_t used_pico, uint64_t used_tok)
{
	if (!t->count && t->since > atomic_load(&c->births))
		t->since = 0;
	if (!t->count && !t->since)
		return;
	pthread_mutex_lock(&c->lock);
	settle_locked(c, t, used_pico, used_tok);
	pthread_mutex_unlock(&c->lock);
}

struct cap_ticket caps_ticket_take(struct cap_ticket *t)
{
	struct cap_ticket was = *t;
	t->count = 0;
	t->since = 0;
	return was;
}

void caps_spend(struct caps *c, const struct call *call)
{
	/* as the ledger sums it */
	int64_t most_pico = call->high_pico > call->cost_pico ? call->high_pico : call->cost_pico;
	struct cap_scope who = {call->key, call->team, call->feature, call->model_asked, call->env};
	struct currency currency = {{0}};
	if (!caps_any(c))
		return;
	str_copy(currency.code, sizeof currency.code, intern_str(call->currency));
	pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < atomic_load_explicit(&c->count, memory_order_relaxed); i++)
		if (touches(&c->entry[i].cap.rule, &who))
			spend(c, &c->entry[i], most_pico, currency, usage_total_tok(&call->usage));
	pthread_mutex_unlock(&c->lock);
}

void caps_say_money(struct cap_refusal *no, const char *book, const struct cap_rule *rule, money_wide used_pico,
		    int64_t most_pico)
{
	char limit[MONEY_TEXT], used[MONEY_TEXT], most[MONEY_TEXT];
	snprintf(no->why, sizeof no->why,
		 "of the %s cap of %s %s a %s, %s is spent or under way, and this may cost up to %s", book,
		 money_human(rule->amount_pico, money_decimals(rule->amount_pico), limit), rule->currency.code,
		 window_name(rule->window), money_human(used_pico, money_decimals(used_pico), used),
		 money_human(most_pico, money_decimals(most_pico), most));
}

/* why NULL: what the call may use does not fit beside what is spent and reserved. */
static int refuse(struct cap_refusal *no, const struct inference_cap *cap, const char *why, int64_t most_pico,
		  uint64_t most_tok)
{
	str_copy(no->cap_id, sizeof no->cap_id, str_of(cap->rule.id));
	no->resets_us = cap->to_us;
	if (why)
		snprintf(no->why, sizeof no->why, "%s", why);
	else if (cap->rule.amount_pico != INT64_MAX &&
		 (money_wide)cap->spent_pico + cap->reserved_pico + most_pico > cap->rule.amount_pico)
		caps_say_money(no, "inference", &cap->rule, (money_wide)cap->spent_pico + cap->reserved_pico,
			       most_pico);
	else
		snprintf(no->why, sizeof no->why,
			 "of the inference cap of %llu tokens a %s, %llu are used or under way, and this may use up to %llu",
			 (unsigned long long)cap->rule.tokens, window_name(cap->rule.window),
			 (unsigned long long)(cap->spent_tok + cap->reserved_tok), (unsigned long long)most_tok);
	return -RR_BUDGET;
}

/* Under the lock. Said in the log once a window. */
static void warn_of(struct entry *entry, struct cap_refusal *no)
{
	const struct cap_rule *rule = &entry->cap.rule;
	str_copy(no->cap_id, sizeof no->cap_id, str_of(rule->id));
	if (entry->warned_from_us == entry->cap.from_us)
		return;
	entry->warned_from_us = entry->cap.from_us;
	LOG(LOG_WARN, "soft_cap_over", LOG_S("cap", str_of(rule->id)),
	    LOG_S("window", str_of(window_name(rule->window))));
}

/* What accrues evenly falls into a window by the time that it has in it; rounded up. */
static int64_t share_of(const struct cap_ask *ask, const struct inference_cap *cap, int64_t pico)
{
	int64_t to = ask->until_us < cap->to_us ? ask->until_us : cap->to_us, whole = ask->until_us - ask->from_us;
	if (ask->until_us <= ask->from_us || to == ask->until_us)
		return pico;
	return to <= ask->from_us ? 0 : (int64_t)(((money_wide)pico * (to - ask->from_us) + whole - 1) / whole);
}

/* Under the lock. What a soft cap cannot say in its money, it does not count as money. */
static int reserve_one(struct caps *c, struct entry *entry, const struct cap_ask *ask, int64_t now_us,
		       struct cap_ticket *t, struct cap_refusal *no, bool *warn)
{
	struct inference_cap *cap = &entry->cap;
	bool hard = cap->rule.hard, over;
	uint64_t tok = hard ? ask->most_tok : ask->likely_tok;
	int64_t pico = 0;
	const char *why = NULL;
	inference_cap_roll(cap, entry->tz, now_us);
	if (cap->rule.amount_pico != INT64_MAX) {
		if (!ask->priced)
			why = "the model has no price, so a hard cap in money cannot hold it; add its price "
			      "(runrate prices update FILE) or use a cap in tokens";
		else if (fx_convert(c->fx, hard ? ask->most_pico : ask->likely_pico, ask->currency, cap->rule.currency,
				    true, now_us, &pico))
			why = "no currency rate from the model's currency to the cap's; add one under currency.rates";
	}
	if (why && hard) {
		cap->refused++;
		return refuse(no, cap, why, 0, 0);
	}
	if (t->count == TICKET_CAPS)
		return refuse(no, cap, "more caps apply to this call than can be held at once", 0, 0);
	pico = share_of(ask, cap, pico);
	if (inference_cap_reserve(cap, pico, tok, &t->held[t->count].hold, &over))
		return refuse(no, cap, NULL, pico, tok);
	memcpy(t->held[t->count].id, cap->rule.id, sizeof cap->rule.id);
	t->held[t->count++].born = entry->born;
	if (over && !*warn)
		warn_of(entry, no);
	*warn |= over;
	return 0;
}

int caps_reserve(struct caps *c, const struct cap_ask *ask, struct cap_ticket *t, struct cap_refusal *no, bool *warn)
{
	int64_t now_us;
	int rc = 0;
	ticket_open(c, ask, t);
	*warn = false;
	if (!caps_any(c))
		return 0;
	pthread_mutex_lock(&c->lock);
	ticket_open(c, ask, t); /* caps may have come meanwhile */
	now_us = clock_real(c->clock);
	for (unsigned i = 0; i < atomic_load_explicit(&c->count, memory_order_relaxed) && !rc; i++)
		if (touches(&c->entry[i].cap.rule, &ask->who))
			rc = reserve_one(c, &c->entry[i], ask, now_us, t, no, warn);
	if (rc)
		settle_locked(c, t, 0, 0);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void caps_hold(struct caps *c, const struct cap_ask *ask, int64_t at_us, struct cap_ticket *t)
{
	int64_t now_us;
	if (!caps_any(c)) {
		ticket_open(c, ask, t);
		return;
	}
	pthread_mutex_lock(&c->lock);
	settle_locked(c, t, 0, 0);
	ticket_open(c, ask, t);
	now_us = clock_real(c->clock);
	for (unsigned i = 0; i < atomic_load_explicit(&c->count, memory_order_relaxed) && t->count < TICKET_CAPS; i++) {
		struct inference_cap *cap = &c->entry[i].cap;
		bool hard = cap->rule.hard;
		int64_t pico;
		inference_cap_roll(cap, c->entry[i].tz, now_us);
		if (at_us < cap->from_us || !touches(&cap->rule, &ask->who))
			continue;
		if (fx_convert(c->fx, hard ? ask->most_pico : ask->likely_pico, ask->currency, cap->rule.currency, true,
			       now_us, &pico))
			pico = 0; /* without a rate this cap cannot say what it is */
		inference_cap_hold(cap, share_of(ask, cap, pico), hard ? ask->most_tok : ask->likely_tok,
				   &t->held[t->count].hold);
		memcpy(t->held[t->count].id, cap->rule.id, sizeof cap->rule.id);
		t->held[t->count++].born = c->entry[i].born;
	}
	pthread_mutex_unlock(&c->lock);
}

unsigned caps_list(struct caps *c, struct cap_live *out, unsigned most)
{
	unsigned n = 0, count;
	pthread_mutex_lock(&c->lock);
	count = atomic_load_explicit(&c->count, memory_order_relaxed);
	for (; n < count && n < most; n++) {
		const struct inference_cap *cap = &c->entry[n].cap;
		inference_cap_roll(&c->entry[n].cap, c->entry[n].tz, clock_real(c->clock));
		out[n] = (struct cap_live){.rule = cap->rule, .book = BOOK_INFERENCE, .from_us = cap->from_us,
					   .to_us = cap->to_us,
					    .spent_pico = cap->spent_pico, .reserved_pico = cap->reserved_pico,
					    .spent_tok = cap->spent_tok, .reserved_tok = cap->reserved_tok, .refused =
					    cap->refused};
	}
	pthread_mutex_unlock(&c->lock);
	return n;
}
