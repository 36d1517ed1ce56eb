/* SPDX-License-Identifier: Apache-2.0
 *
 * The pulls of `serve`: each vendor when its last pull is `every` ago, one after the other. What goes wrong is logged
 * and tried again later; calls that are served meanwhile know nothing of it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/cmd_pull.h"
#include "gate/config.h"

enum { ARENA_BYTES = 512 * 1024 * 1024 };
#define AGAIN_US (15 * 60 * US_PER_S)

struct pull_clock {
	pthread_t thread;
	const struct gate_config *conf;
	const char *ledger;
	atomic_bool stop;
	int64_t *due_us;
};

static void say(const struct pull_config *c, const struct import_summary *s, const struct reconcile *r, bool reconciled)
{
	LOG(LOG_INFO, "pulled", LOG_S("vendor", str_of(c->vendor)), LOG_N("rows_new", s->rows_new),
	    LOG_N("rows_revised", s->rows_revised), LOG_N("rows_rejected", s->rows_rejected));
	if (reconciled) {
		struct sb text;
		sb_init(&text, 1 << 20);
		pull_reconcile_text(r, cmd_now_us(), &text);
		LOG(r->off ? LOG_WARN : LOG_INFO, r->off ? "does_not_reconcile" : "reconciles",
		    LOG_S("vendor", str_of(c->vendor)), LOG_S("result", str_trim(sb_str(&text))));
		sb_fini(&text);
	}
}

static int64_t last_us(const struct pull_clock *p, const struct pull_config *c)
{
	struct err e = {0};
	struct ledger *l = ledger_open(p->ledger, LEDGER_READ, &e);
	int64_t us = 0;
	if (l && pull_last_us(l, pull_vendor_named(c->vendor), c->account, &us, &e))
		us = 0;
	ledger_close(l);
	return us;
}

/* Returns when the next one is due. */
static int64_t pull(struct pull_clock *p, const struct pull_config *c)
{
	struct pull_job job = {.vendor = pull_vendor_named(c->vendor), .base = c->base, .account = c->account,
			.ledger = p->ledger,
			       .since_us = INT64_MIN, .stop = &p->stop};
	struct import_summary *s = calloc(1, sizeof *s);
	struct reconcile rec = {0};
	struct pull_result result;
	struct err e = {0};
	struct arena a;
	bool reconciled = false;
	int64_t next = cmd_now_us() + c->every_us;
	int rc;
	if (!s)
		return cmd_now_us() + AGAIN_US;
	arena_init(&a, ARENA_BYTES);
	rc = pull_once(&job, &result, s, &rec, &reconciled, &a, &e);
	if (rc) {
		LOG(LOG_ERROR, "not_pulled", LOG_S("vendor", str_of(c->vendor)), LOG_S("why", str_of(e.what)));
		next = cmd_now_us() + (c->every_us < AGAIN_US ? c->every_us : AGAIN_US);
	} else {
		say(c, s, &rec, reconciled);
	}
	import_summary_fini(s);
	free(s);
	arena_fini(&a);
	return next;
}

static void *run(void *arg)
{
	struct pull_clock *p = arg;
	for (unsigned i = 0; i < p->conf->pull_count; i++)
		p->due_us[i] = last_us(p, &p->conf->pulls[i]) + p->conf->pulls[i].every_us;
	while (!atomic_load(&p->stop)) {
		struct timespec tick = {.tv_nsec = 100000000};
		for (unsigned i = 0; i < p->conf->pull_count && !atomic_load(&p->stop); i++)
			if (cmd_now_us() >= p->due_us[i])
				p->due_us[i] = pull(p, &p->conf->pulls[i]);
		nanosleep(&tick, NULL);
	}
	return NULL;
}

struct pull_clock *pull_clock_open(const struct gate_config *c, const char *ledger)
{
	struct pull_clock *p = c->pull_count ? calloc(1, sizeof *p) : NULL;
	if (!p)
		return NULL;
	p->conf = c;
	p->ledger = ledger;
	p->due_us = calloc(c->pull_count, sizeof *p->due_us);
	if (p->due_us && pthread_create(&p->thread, NULL, run, p) == 0)
		return p;
	LOG(LOG_ERROR, "not_pulled", LOG_S("why", STR("no thread for it")));
	free(p->due_us);
	free(p);
	return NULL;
}

void pull_clock_close(struct pull_clock *p)
{
	if (!p)
		return;
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	free(p->due_us);
	free(p);
}
