/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway as a process: open the ledger, close what a crash left, start writer and workers; and the way back.
 *
 * Order of start: writer (it takes the gateway's role), recovery, caps (seeded from the ledger), workers, admin. Order
 * of end: stop accepting, wait for the requests under way, flush the writer, free. A second signal ends without
 * waiting: what is under way then stands in the in-flight file, which is what it is for.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/intern.h"
#include "base/log.h"
#include "gate/clerk.h"
#include "gate/gate.h"
#include "gate/watch.h"

enum { RING_ROWS = 8192, LOOK_US = 10000 };

static void on_commit(void *arg, unsigned worker)
{
	struct gate *g = arg;
	if (g->worker[worker])
		doorbell_ring(g->worker[worker]->bell);
}

static int open_upstream(struct gate *g, const struct upstream_config *conf, struct err *e)
{
	struct upstream *up = &g->upstream[g->upstreams];
	struct str key = secret_reveal(&conf->key);
	int rc;
	up->conf = conf;
	up->api = conf->api;
	up->name = conf->name;
	up->region = conf->region;
	up->name_id = intern(conf->name);
	up->region_id = intern(conf->region);
	sb_init(&up->credential, 4096);
	hosted_init(&up->hosted);
	rc = origin_parse(&up->origin, conf->base, e);
	if (rc)
		return rc;
	up->origin.limits = &g->limits;
	if (strcmp(up->origin.scheme, "https") == 0) {
		char ca[1024];
		up->origin.tls = tls_client_ctx(conf->ca.n ? str_copy(ca, sizeof ca, conf->ca) : NULL, e);
		if (!up->origin.tls)
			return -RR_TLS;
	}
	if (key.n) {
		up->credential_header = up->api == API_OPENAI      ? "authorization"
					: up->api == API_ANTHROPIC ? "x-api-key"
								   : "x-goog-api-key";
		if (up->api == API_OPENAI)
			sb_adds(&up->credential, "Bearer ");
		sb_add_str(&up->credential, key);
	}
	g->upstreams++;
	return 0;
}

struct upstream *gate_upstream(struct gate *g, const char *name)
{
	for (unsigned i = 0; i < g->upstreams; i++)
		if (str_eqc(g->upstream[i].name, name))
			return &g->upstream[i];
	return NULL;
}

/* The upstream that bears the vendor's own name, else the first that speaks its dialect. */
struct upstream *gate_upstream_for(struct gate *g, enum vendor_api api)
{
	struct upstream *named = gate_upstream(g, vendor_api_name(api));
	if (named && named->api == api)
		return named;
	for (unsigned i = 0; i < g->upstreams; i++)
		if (g->upstream[i].api == api)
			return &g->upstream[i];
	return NULL;
}

const char *gate_address(const struct gate *g)
{
	return server_address(g->worker[0]->server);
}

static int recover(struct gate *g, struct err *e)
{
	struct ledger *l = ledger_open(g->ledger_path, LEDGER_WRITE, e);
	uint64_t closed = 0;
	int rc;
	if (!l)
		return -RR_STORE;
	ledger_pass_damage(l);
	rc = inflight_recover_held(l, g->writer, &closed, e);
	if (!rc && closed)
		LOG(LOG_WARN, "calls_closed_after_crash", LOG_N("calls", closed),
		    LOG_S("see", STR("runrate verify")));
	if (!rc)
		rc = caps_load(g->caps, l, g->conf->caps, g->conf->cap_count, e);
	if (!rc)
		rc = training_load(g->training, l, g->conf->caps, g->conf->cap_count, e);
	if (!rc)
		rc = jobs_restore(g->jobs, l, e);
	if (!rc)
		rc = holds_restore(g->holds, l, e);
	ledger_close(l);
	return rc;
}

static void gate_free(struct gate *g)
{
	/* The writer rings the workers' bells, the workers' ends push to the writer: cut, then join, then free. */
	for (unsigned i = 0; i < g->workers && g->worker; i++)
		if (g->worker[i])
			worker_cut(g->worker[i]);
	watch_close(g->watch); /* it reads the workers' tallies */
	for (unsigned i = 0; i < g->old_watches; i++)
		watch_close(g->old_watch[i]);
	clerk_close(g->clerk); /* its last words go to loops that no longer run */
	if (g->writer)
		writer_close(g->writer);
	for (unsigned i = 0; i < g->workers && g->worker; i++)
		worker_free(g->worker[i]);
	for (unsigned i = 0; i < g->upstreams; i++) {
		if (g->upstream[i].credential.p)
			explicit_bzero(g->upstream[i].credential.p, g->upstream[i].credential.n);
		sb_fini(&g->upstream[i].credential);
		if (g->upstream[i].origin.tls)
			tls_ctx_free(g->upstream[i].origin.tls);
	}
	if (g->tls)
		tls_ctx_free(g->tls);
	jobs_free(g->jobs);
	holds_free(g->holds);
	rate_free(g->rate);
	attempts_free(g->attempts);
	training_free(g->training);
	caps_free(g->caps);
	book_free(g->book);
	for (unsigned i = 0; i < g->old_books; i++)
		book_free(g->old_book[i]);
	free(g->worker);
	free(g);
	buf_thread_free();
}

struct gate *gate_open(const struct gate_config *conf, const char *ledger_path, struct err *e)
{
	struct gate *g = calloc(1, sizeof *g);
	struct writer_config wc;
	struct watch *watch;
	if (!g) {
		err_set(e, RR_NOMEM, "no memory for the gateway");
		return NULL;
	}
	g->conf = g->start_conf = conf;
	g->clock = &clock_system;
	g->fx = (struct fx){conf->rates, conf->rate_count};
	g->ledger_path = ledger_path;
	g->limits = conf->limits;
	g->started_us = clock_real(g->clock);
	g->workers = conf->workers ? conf->workers : 1;
	g->worker = calloc(g->workers, sizeof(struct worker *));
	g->caps = caps_new(g->clock, g->fx, e);
	g->attempts = attempts_new();
	g->rate = rate_new();
	g->training = g->caps && g->attempts && g->rate ? training_new(g->clock, g->fx, e) : NULL;
	g->book = g->training ? book_builtin(e) : NULL;
	if (!g->worker || !g->book) {
		if (g->book || !g->attempts || !g->rate)
			err_set(e, RR_NOMEM, "no memory for %u workers", g->workers);
		goto fail;
	}
	if (conf->upstream_count > UPSTREAMS_MOST) {
		err_set(e, RR_LIMIT, "%u upstreams are configured; at most %d can be", conf->upstream_count,
			UPSTREAMS_MOST);
		goto fail;
	}
	if (conf->tls.cert && !(g->tls = tls_server_ctx(conf->tls.cert, conf->tls.key, e)))
		goto fail;
	for (unsigned i = 0; i < conf->upstream_count; i++)
		if (open_upstream(g, &conf->upstreams[i], e))
			goto fail;
	wc = (struct writer_config){.ledger_path = ledger_path, .workers = g->workers, .ring_rows = RING_ROWS,
				    .durability = conf->durability, .on_done = on_commit, .arg = g};
	/* The writer holds the ledger's gateway role: only then may what an earlier process left be closed. */
	g->writer = writer_open(&wc, e);
	g->jobs = g->writer ? jobs_new(g, e) : NULL;
	g->holds = g->jobs ? holds_new(g, e) : NULL;
	if (!g->holds || recover(g, e))
		goto fail;
	g->clerk = clerk_open(ledger_path, e);
	if (!g->clerk)
		goto fail;
	for (unsigned i = 0; i < g->workers; i++) {
		g->worker[i] = worker_new(g, i, e);
		if (!g->worker[i])
			goto fail;
	}
	if (watch_open(g, &watch, e))
		goto fail;
	g->watch = watch;
	return g;
fail:
	gate_free(g);
	return NULL;
}

int gate_start(struct gate *g, struct err *e)
{
	for (unsigned i = 0; i < g->workers; i++) {
		int rc = worker_start(g->worker[i], e);
		if (rc)
			return rc;
	}
	return 0;
}

/* Calls under way, and connections that do not know yet that they end. */
static unsigned long long active(const struct gate *g)
{
	unsigned long long n = 0;
	for (unsigned i = 0; i < g->workers; i++)
		n += atomic_load_explicit(&g->worker[i]->stats.active, memory_order_relaxed) +
		     server_connections(g->worker[i]->server);
	return n;
}

int gate_keep_listeners(struct gate *g)
{
	int rc = 0;
	for (unsigned i = 0; i < g->workers && !rc; i++)
		rc = server_keep_listener(g->worker[i]->server);
	return rc;
}

void gate_close(struct gate *g, unsigned seconds)
{
	uint64_t until_us = clock_mono(g->clock) + (uint64_t)seconds * 1000000;
	atomic_store(&g->draining, true);
	for (unsigned i = 0; i < g->workers; i++)
		worker_drain(g->worker[i]);
	while (active(g) && clock_mono(g->clock) < until_us)
		usleep(LOOK_US);
	for (unsigned i = 0; i < g->workers; i++)
		worker_stop(g->worker[i]);
	writer_flush(g->writer);
	gate_free(g);
}
