/* SPDX-License-Identifier: Apache-2.0
 *
 * See training.h. model/cap says what one cap does.
 */
#include "gate/training.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

enum { CAPS_MOST = 1024 };

struct entry {
	struct training_cap cap;
	const struct tz *tz;
	uint64_t born; /* as in caps.c */
};

struct training {
	pthread_mutex_t lock;
	atomic_uint count;
	struct entry *entry;
	const struct clock *clock;
	struct fx fx;
	uint64_t births;
};

struct training *training_new(const struct clock *clock, struct fx fx, struct err *e)
{
	struct training *t = calloc(1, sizeof *t);
	if (!t) {
		err_set(e, RR_NOMEM, "no memory for training caps");
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	t->clock = clock;
	t->fx = fx;
	return t;
}

void training_free(struct training *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t->entry);
	free(t);
}

struct loading {
	struct training *training;
	struct ledger *ledger;
	struct entry *entry;
	unsigned count, room;
	struct err *e;
};

/* The cap's former self, else what the ledger's outlays say. */
static int seed(struct loading *load, struct entry *entry, const struct cap_row *row)
{
	struct training *t = load->training;
	struct cap_state state;
	int rc;
	for (unsigned i = 0; i < atomic_load(&t->count); i++) {
		const struct training_cap *old = &t->entry[i].cap;
		if (strcmp(old->rule.id, row->rule.id) == 0 && cap_counts_the_same(&old->rule, &row->rule)) {
			entry->cap = *old;
			entry->cap.rule = row->rule;
			entry->born = t->entry[i].born;
			return 0;
		}
	}
	entry->born = ++t->births;
	training_cap_roll(&entry->cap, entry->tz, clock_real(t->clock));
	rc = ledger_cap_state(load->ledger, row, t->fx, clock_real(t->clock), &state, load->e);
	if (rc)
		return rc;
	entry->cap.spent_pico = state.spent_pico;
	entry->cap.spent_jobs = state.spent_jobs;
	return 0;
}

static int add_cap(const struct cap_row *row, void *arg)
{
	struct loading *load = arg;
	struct entry *entry;
	if (row->book != BOOK_TRAINING)
		return 0;
	if (!array_room(load->entry, load->count, load->room, CAPS_MOST))
		return err_set(load->e, RR_LIMIT, "more than %d training caps", CAPS_MOST);
	entry = &load->entry[load->count];
	*entry = (struct entry){.cap.rule = row->rule};
	entry->tz = tz_get(row->rule.tz[0] ? row->rule.tz : "UTC", load->e);
	if (!entry->tz)
		return -RR_CONFIG;
	load->count++;
	return seed(load, entry, row);
}

int training_load(struct training *t, struct ledger *l, const struct cap_row *extra, unsigned extra_count,
		  struct err *e)
{
	struct loading load = {.training = t, .ledger = l, .e = e};
	int rc = 0;
	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < extra_count && !rc; i++)
		rc = add_cap(&extra[i], &load);
	if (!rc)
		rc = ledger_caps(l, add_cap, &load, e);
	if (!rc) {
		struct entry *old = t->entry;
		t->entry = load.entry;
		atomic_store(&t->count, load.count);
		load.entry = old;
	}
	pthread_mutex_unlock(&t->lock);
	free(load.entry);
	return rc;
}

static struct entry *entry_by_id(struct training *t, const char *id)
{
	for (unsigned i = 0; i < atomic_load(&t->count); i++)
		if (strcmp(t->entry[i].cap.rule.id, id) == 0)
			return &t->entry[i];
	return NULL;
}

static void settle_locked(struct training *t, struct training_ticket *ticket, int64_t used_pico, unsigned jobs)
{
	int64_t now_us = clock_real(t->clock), used;
	for (unsigned i = 0; i < ticket->count; i++) {
		struct entry *entry = entry_by_id(t, ticket->held[i].id);
		if (!entry || entry->born != ticket->held[i].born)
			continue;
		if (used_pico == CAPS_IN_FULL ||
		    fx_convert(t->fx, used_pico, ticket->currency, entry->cap.rule.currency, false, now_us, &used))
			used = ticket->held[i].hold.pico; /* no rate: what was reserved stands */
		training_cap_roll(&entry->cap, entry->tz, now_us);
		training_cap_settle(&entry->cap, &ticket->held[i].hold, used, jobs);
	}
	ticket->count = 0;
}

void training_settle(struct training *t, struct training_ticket *ticket, int64_t used_pico, unsigned jobs)
{
	if (!ticket->count)
		return;
	pthread_mutex_lock(&t->lock);
	settle_locked(t, ticket, used_pico, jobs);
	pthread_mutex_unlock(&t->lock);
}

static bool touches(const struct training_cap *c, const struct cap_scope *w)
{
	return cap_scope_matches(&c->rule.scope, w->key, w->team, w->feature, w->model, w->env);
}

void training_spend(struct training *t, const struct cap_scope *who, struct currency currency, int64_t pico)
{
	int64_t now_us = clock_real(t->clock), used;
	if (!atomic_load(&t->count))
		return;
	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < atomic_load(&t->count); i++) {
		struct training_cap *cap = &t->entry[i].cap;
		if (!touches(cap, who))
			continue;
		if (fx_convert(t->fx, pico, currency, cap->rule.currency, false, now_us, &used))
			used = 0;
		training_cap_roll(cap, t->entry[i].tz, now_us);
		training_cap_spend(cap, used, 1);
	}
	pthread_mutex_unlock(&t->lock);
}

static int refuse(struct cap_refusal *no, struct training_cap *cap, const char *why, int64_t most_pico)
{
	str_copy(no->cap_id, sizeof no->cap_id, str_of(cap->rule.id));
	no->resets_us = cap->to_us;
	if (why)
		snprintf(no->why, sizeof no->why, "%s", why);
	else if (cap->rule.jobs != UINT64_MAX && cap->spent_jobs + cap->reserved_jobs >= cap->rule.jobs)
		snprintf(no->why, sizeof no->why, "the training cap of %llu jobs a %s is reached",
			 (unsigned long long)cap->rule.jobs, window_name(cap->rule.window));
	else
		caps_say_money(no, "training", &cap->rule, (money_wide)cap->spent_pico + cap->reserved_pico, most_pico);
	return -RR_BUDGET;
}

static int reserve_one(struct training *t, struct entry *entry, const struct training_ask *ask,
		       struct training_ticket *ticket, struct cap_refusal *no)
{
	struct training_cap *cap = &entry->cap;
	int64_t now_us = clock_real(t->clock), pico = 0;
	const char *why = NULL;
	bool over;
	training_cap_roll(cap, entry->tz, now_us);
	if (cap->rule.amount_pico != INT64_MAX) {
		if (ask->unbounded)
			why = ask->unbounded;
		else if (fx_convert(t->fx, ask->most_pico, ask->currency, cap->rule.currency, true, now_us, &pico))
			why = "no currency rate from the training price's currency to the cap's; add one under currency.rates";
		if (why && cap->rule.hard && cap->rule.jobs == UINT64_MAX) {
			cap->refused++;
			return refuse(no, cap, why, 0);
		}
	}
	if (ticket->count == TICKET_CAPS)
		return refuse(no, cap, "more caps apply to this job than can be held at once", 0);
	if (training_cap_reserve(cap, pico, 1, &ticket->held[ticket->count].hold, &over))
		return refuse(no, cap, NULL, pico);
	memcpy(ticket->held[ticket->count].id, cap->rule.id, sizeof cap->rule.id);
	ticket->held[ticket->count++].born = entry->born;
	return 0;
}

int training_reserve(struct training *t, const struct training_ask *ask, struct training_ticket *ticket,
		     struct cap_refusal *no)
{
	int rc = 0;
	memset(ticket, 0, sizeof *ticket);
	ticket->currency = ask->currency;
	if (!atomic_load_explicit(&t->count, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < atomic_load(&t->count) && !rc; i++)
		if (touches(&t->entry[i].cap, &ask->who))
			rc = reserve_one(t, &t->entry[i], ask, ticket, no);
	if (rc)
		settle_locked(t, ticket, 0, 0);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

void training_hold(struct training *t, const struct training_ask *ask, int64_t at_us, struct training_ticket *ticket)
{
	int64_t now_us = clock_real(t->clock), pico;
	if (!atomic_load_explicit(&t->count, memory_order_acquire)) {
		ticket->count = 0;
		return;
	}
	pthread_mutex_lock(&t->lock);
	settle_locked(t, ticket, 0, 0);
	ticket->currency = ask->currency;
	for (unsigned i = 0; i < atomic_load(&t->count) && ticket->count < TICKET_CAPS; i++) {
		struct training_cap *cap = &t->entry[i].cap;
		training_cap_roll(cap, t->entry[i].tz, now_us);
		if (at_us < cap->from_us || !touches(cap, &ask->who))
			continue;
		if (fx_convert(t->fx, ask->most_pico, ask->currency, cap->rule.currency, true, now_us, &pico))
			pico = 0; /* without a rate it was admitted by its number alone */
		training_cap_hold(cap, pico, 1, &ticket->held[ticket->count].hold);
		memcpy(ticket->held[ticket->count].id, cap->rule.id, sizeof cap->rule.id);
		ticket->held[ticket->count++].born = t->entry[i].born;
	}
	pthread_mutex_unlock(&t->lock);
}

unsigned training_list(struct training *t, struct cap_live *out, unsigned most)
{
	unsigned n = 0;
	pthread_mutex_lock(&t->lock);
	for (; n < atomic_load(&t->count) && n < most; n++) {
		const struct training_cap *cap = &t->entry[n].cap;
		training_cap_roll(&t->entry[n].cap, t->entry[n].tz, clock_real(t->clock));
		out[n] = (struct cap_live){.rule = cap->rule, .book = BOOK_TRAINING, .from_us = cap->from_us,
					   .to_us = cap->to_us,
					    .spent_pico = cap->spent_pico, .reserved_pico = cap->reserved_pico,
					    .spent_jobs = cap->spent_jobs, .reserved_jobs = cap->reserved_jobs,
					    .refused = cap->refused};
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}
