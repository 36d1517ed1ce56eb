/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker: one thread, one loop, its own listener (SO_REUSEPORT), upstream pool, key table and in-flight file.
 *
 * Workers share four things and nothing else: the price book (immutable), the caps (one lock), the writer's rings
 * (one each) and the configuration. Once a second a worker looks whether the ledger's settings changed (a key was
 * made or revoked); the first worker also reloads the caps.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "gate/disk.h"
#include "gate/recover.h"
#include "gate/socket.h"

enum { REFRESH_US = 1000000, INFLIGHT_SLOTS = 65536, IDLE_PER_ORIGIN = 1024 };

void worker_load_caps(struct worker *w)
{
	struct gate *g = w->gate;
	struct err e;
	const struct gate_config *conf = g->conf;
	if (caps_load(g->caps, w->ledger, conf->caps, conf->cap_count, &e) ||
	    training_load(g->training, w->ledger, conf->caps, conf->cap_count, &e))
		LOG(LOG_ERROR, "caps_not_reloaded", LOG_S("why", str_of(e.what)));
	jobs_hold(g->jobs);
	holds_hold(g->holds);
}

static void on_refresh(struct timer *t)
{
	struct worker *w = (struct worker *)((char *)t - offsetof(struct worker, refresh));
	struct err e;
	uint64_t version;
	if (ledger_settings_version(w->ledger, &version, &e) == 0 && version != w->settings_version) {
		w->settings_version = version;
		if (auth_refresh(w->auth, &e))
			LOG(LOG_ERROR, "keys_not_reloaded", LOG_S("why", str_of(e.what)));
		if (w->index == 0)
			worker_load_caps(w);
	}
	if (atomic_load_explicit(&w->gate->draining, memory_order_relaxed))
		socket_stop(w);
	settle_let_go(w);
	if (w->index == 0)
		disk_look(w->gate, loop_now_us(w->loop));
	if (w->index == 0)
		holds_tick(w->gate->holds, loop_real_us(w->loop));
	timer_set(w->loop, &w->refresh, REFRESH_US, on_refresh);
}

struct worker *worker_new(struct gate *g, unsigned index, struct err *e)
{
	struct worker *w = calloc(1, sizeof *w);
	struct server_config sc = {.listen = index ? gate_address(g) : g->conf->listen, .limits = &g->limits,
				   .tls = g->tls,
				   .reuse_port = g->workers > 1, .handler = &gate_handler, .app = w};
	if (!w) {
		err_set(e, RR_NOMEM, "no memory for a worker");
		return NULL;
	}
	w->gate = g;
	w->index = index;
	hash_random(&w->salt, sizeof w->salt);
	if (tally_init(&w->tally))
		err_set(e, RR_NOMEM, "no memory for a worker");
	w->ledger = w->tally.series ? ledger_open(g->ledger_path, LEDGER_READ, e) : NULL;
	ledger_pass_damage(w->ledger);
	w->auth = w->ledger ? auth_new(w->ledger, e) : NULL;
	w->inflight = w->auth ? inflight_open(g->ledger_path, index, INFLIGHT_SLOTS, e) : NULL;
	w->loop = w->inflight ? loop_new(g->clock, e) : NULL;
	w->pool = w->loop ? pool_new(w->loop, IDLE_PER_ORIGIN, e) : NULL;
	w->bell = w->pool ? doorbell_new(w->loop, settle_bell, w, e) : NULL;
	w->server = w->bell ? server_open(w->loop, &sc, e) : NULL;
	if (!w->server || ledger_settings_version(w->ledger, &w->settings_version, e)) {
		worker_free(w);
		return NULL;
	}
	timer_set(w->loop, &w->refresh, REFRESH_US, on_refresh);
	if (index == 0)
		recover_begin(w);
	return w;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals are the main thread's business */
	loop_run(w->loop);
	buf_thread_free();
	return NULL;
}

int worker_start(struct worker *w, struct err *e)
{
	int rc = pthread_create(&w->thread, NULL, run, w);
	return rc ? err_set(e, RR_IO, "cannot start a thread: %s", strerror(rc)) : 0;
}

static void drain(void *arg)
{
	struct worker *w = arg;
	server_drain(w->server);
	socket_stop(w);
}

void worker_drain(struct worker *w)
{
	loop_post(w->loop, drain, w);
}

void worker_stop(struct worker *w)
{
	loop_stop(w->loop);
	pthread_join(w->thread, NULL);
}

static void free_list(struct request *r)
{
	while (r) {
		struct request *next = r->next;
		request_free(r);
		r = next;
	}
}

/* Ends every exchange on both sides; what was settled stays with the writer. */
void worker_cut(struct worker *w)
{
	if (w->server)
		server_close(w->server);
	if (w->pool)
		pool_free(w->pool);
	w->server = NULL;
	w->pool = NULL;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	worker_cut(w);
	recover_end(w);
	free_list(w->spare);
	free_list(w->held_first);
	free_list(w->unpushed_first);
	if (w->bell)
		doorbell_free(w->bell);
	if (w->loop)
		loop_free(w->loop);
	if (w->inflight)
		inflight_close(w->inflight);
	auth_free(w->auth);
	if (w->ledger)
		ledger_close(w->ledger);
	tally_fini(&w->tally);
	free(w->clearing);
	free(w);
}
