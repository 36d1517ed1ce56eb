/* SPDX-License-Identifier: Apache-2.0
 *
 * See clerk.h. An errand whose transaction fails is told so and forgotten: whoever gave it refuses the answer that
 * showed the thing, so that it is asked for and seen again.
 */
#include "gate/clerk.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"

enum { GROUP_MOST = 512 };

struct waiting {
	struct errand errand;
	struct waiting *next;
	int rc;
	bool first;
};

struct clerk {
	struct ledger *ledger;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct waiting *oldest, *newest;
	unsigned count;
	bool stop;
};

static int record(struct clerk *c, struct waiting *w, struct err *e)
{
	const struct errand *it = &w->errand;
	int64_t now_us = clock_real(&clock_system);
	int rc = 0;
	switch (it->kind) {
	case ERRAND_OUTLAY:
		rc = ledger_add_outlay(c->ledger, &it->outlay, e);
		w->first = rc == 0;
		if (rc && rc != -RR_EXISTS)
			return rc;
		return ledger_job_end(c->ledger, it->ask, JOB_TUNING, str_of(it->outlay.provider),
				      str_of(it->outlay.id), e);
	case ERRAND_CALL:
		rc = ledger_once(c->ledger, it->key, now_us, &w->first, e);
		if (!rc && w->first)
			rc = ledger_add_call(c->ledger, &it->call, e);
		if (!rc && it->ask.hi)
			rc = ledger_job_end(c->ledger, it->ask, JOB_RESPONSE, STR(""), STR(""), e);
		return rc;
	case ERRAND_JOB:
		return ledger_job_put(c->ledger, &it->job, e);
	case ERRAND_CLAIM:
		return ledger_job_claim(c->ledger, &it->job, it->key, now_us, &w->first, e);
	case ERRAND_JOB_END:
		return ledger_job_end(c->ledger, it->job.ask, it->job.kind, str_of(it->job.provider),
				      str_of(it->job.id), e);
	case ERRAND_MARK:
		return ledger_once(c->ledger, it->key, now_us, &w->first, e);
	case ERRAND_OUTCOME:
		w->rc = ledger_add_outcome(c->ledger, it->outcome.id, it->outcome.accepted, now_us, e);
		w->first = w->rc == 0;
		return w->rc == -RR_NOTFOUND || w->rc == -RR_EXISTS ? 0 : w->rc;
	case ERRAND_ACT:
		return it->act(c->ledger, it->arg, e);
	}
	return rc;
}

/* One transaction for the group. */
static void write_group(struct clerk *c, struct waiting *group)
{
	struct err e = {0};
	int rc = ledger_begin(c->ledger, &e);
	for (struct waiting *w = group; w && !rc; w = w->next)
		rc = record(c, w, &e);
	if (!rc)
		rc = ledger_commit(c->ledger, &e);
	else
		ledger_rollback(c->ledger);
	if (rc)
		LOG(LOG_ERROR, "errands_not_recorded", LOG_S("why", str_of(e.what)));
	for (struct waiting *w = group; w; w = w->next) {
		if (rc) {
			w->rc = rc;
			w->first = false;
		}
		if (w->errand.done)
			w->errand.done(&w->errand, w->rc, w->first);
	}
}

static struct waiting *take_group(struct clerk *c)
{
	struct waiting *group, *last;
	pthread_mutex_lock(&c->lock);
	while (!c->oldest && !c->stop)
		pthread_cond_wait(&c->more, &c->lock);
	group = last = c->oldest;
	for (unsigned n = 1; last && last->next && n < GROUP_MOST; n++)
		last = last->next;
	if (last) {
		c->oldest = last->next;
		last->next = NULL;
		for (struct waiting *w = group; w; w = w->next)
			c->count--;
		if (!c->oldest)
			c->newest = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	return group;
}

static void *run(void *arg)
{
	struct clerk *c = arg;
	struct waiting *group;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while ((group = take_group(c))) {
		write_group(c, group);
		while (group) {
			struct waiting *next = group->next;
			free(group);
			group = next;
		}
	}
	buf_thread_free();
	return NULL;
}

int clerk_give(struct clerk *c, const struct errand *e)
{
	struct waiting *w;
	int rc = 0;
	pthread_mutex_lock(&c->lock);
	w = c->count < ERRANDS_MOST && !c->stop ? calloc(1, sizeof *w) : NULL;
	if (!w) {
		rc = c->count < ERRANDS_MOST ? -RR_NOMEM : -RR_LIMIT;
	} else {
		w->errand = *e;
		if (c->newest)
			c->newest->next = w;
		else
			c->oldest = w;
		c->newest = w;
		c->count++;
		pthread_cond_signal(&c->more);
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

struct clerk *clerk_open(const char *ledger_path, struct err *e)
{
	struct clerk *c = calloc(1, sizeof *c);
	if (!c) {
		err_set(e, RR_NOMEM, "no memory for the clerk");
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	c->ledger = ledger_open(ledger_path, LEDGER_WRITE, e);
	ledger_pass_damage(c->ledger);
	if (!c->ledger || pthread_create(&c->thread, NULL, run, c)) {
		if (c->ledger) {
			err_set(e, RR_IO, "cannot start the clerk's thread");
			ledger_close(c->ledger);
		}
		free(c);
		return NULL;
	}
	return c;
}

void clerk_close(struct clerk *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	ledger_close(c->ledger);
	pthread_cond_destroy(&c->more);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
