/* SPDX-License-Identifier: Apache-2.0
 *
 * A changed configuration, taken while calls are under way (SIGHUP).
 *
 *   at once          prices, caps, alerts, telemetry (otlp, log), drains, policies, limits of keys
 *   with a restart   what is built once: listeners, upstreams, workers, limits of connections ...; named in the log
 *
 * The running configuration is a value behind one pointer: a reload makes the next value, in which the settings of the
 * first kind are the file's and the others those of the start, and swaps the pointer. Older values stay, since calls
 * under way may look at them. The watch is another value of that sort; the old one is stopped when no worker can be
 * within it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "gate/gate.h"
#include "gate/watch.h"

/* The settings that are taken at once, and all below them. */
static const char *const live[] = {"caps", "alerts", "otlp", "log.calls", "log.level", "drain", "unpriced",
				   "on_disk_full",
				   "deferred_every", "deferred_doubt", "key_requests_per_minute",
				   "key_tokens_per_minute"};

static bool is_live(struct str path)
{
	for (size_t i = 0; i < sizeof live / sizeof *live; i++) {
		struct str name = str_of(live[i]);
		if (str_starts(path, name) && (path.n == name.n || path.p[name.n] == '.' || path.p[name.n] == '['))
			return true;
	}
	return false;
}

static void take_live(struct gate_config *next, const struct gate_config *fresh)
{
	next->caps = fresh->caps;
	next->cap_count = fresh->cap_count;
	next->alerts = fresh->alerts;
	next->alert_count = fresh->alert_count;
	next->otlp = fresh->otlp;
	next->log_calls = fresh->log_calls;
	next->log_level = fresh->log_level;
	next->drain = fresh->drain;
	next->drain_seconds_at_stop = fresh->drain_seconds_at_stop;
	next->unpriced_block = fresh->unpriced_block;
	next->disk_full_pass = fresh->disk_full_pass;
	next->deferred_every_us = fresh->deferred_every_us;
	next->deferred_doubt_us = fresh->deferred_doubt_us;
	next->key_requests_per_minute = fresh->key_requests_per_minute;
	next->key_tokens_per_minute = fresh->key_tokens_per_minute;
}

/* ---- what a restart is needed for ---- */

struct setting {
	struct str path, value;
	struct setting *next;
};

struct settings {
	struct arena *arena;
	struct setting *first;
	const struct settings *others; /* the start's, when these are the file's */
	struct sb *changed;
};

static const struct setting *find_setting(const struct settings *s, struct str path)
{
	for (const struct setting *one = s->first; one; one = one->next)
		if (str_eq(one->path, path))
			return one;
	return NULL;
}

static void name_changed(struct settings *s, struct str path)
{
	sb_adds(s->changed, s->changed->n ? ", " : "");
	sb_add_str(s->changed, path);
}

static void add_setting(const char *path, struct str value, unsigned line, const char *help, void *arg)
{
	struct settings *s = arg;
	struct setting *one = arena_new(s->arena, struct setting);
	const struct setting *other;
	if (!one || is_live(str_of(path)))
		return;
	*one = (struct setting){arena_str(s->arena, str_of(path)), arena_str(s->arena, value), s->first};
	s->first = one;
	other = s->others ? find_setting(s->others, one->path) : NULL;
	if (s->others && (!other || !str_eq(other->value, one->value)))
		name_changed(s, one->path);
}

/* By name, in the order of the file; a secret's value is compared here and shown nowhere. */
static void restart_for(const struct gate_config *start, const struct gate_config *fresh, struct sb *changed)
{
	struct arena arena;
	struct settings was = {&arena, NULL, NULL, changed}, is = {&arena, NULL, &was, changed};
	arena_init(&arena, 16 * 1024 * 1024);
	gate_config_each(start, &arena, add_setting, &was);
	gate_config_each(fresh, &arena, add_setting, &is);
	for (const struct setting *one = was.first; one; one = one->next)
		if (!find_setting(&is, one->path))
			name_changed(&is, one->path);
	for (unsigned i = 0; i < start->upstream_count && i < fresh->upstream_count; i++)
		if (!str_eq(secret_reveal(&start->upstreams[i].key), secret_reveal(&fresh->upstreams[i].key)))
			name_changed(&is, arena_printf(&arena, "upstreams[%u].key", i));
	arena_fini(&arena);
}

/* ---- the watch ---- */

struct quiet { /* every worker has been at its loop since */
	pthread_mutex_t lock;
	pthread_cond_t all;
	unsigned left;
};

static void on_worker(void *arg)
{
	struct quiet *q = arg;
	pthread_mutex_lock(&q->lock);
	if (--q->left == 0)
		pthread_cond_signal(&q->all);
	pthread_mutex_unlock(&q->lock);
}

static int wait_for_workers(struct gate *g)
{
	struct quiet q = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
	int rc = 0;
	pthread_mutex_lock(&q.lock);
	for (unsigned i = 0; i < g->workers && !rc; i++) {
		rc = loop_post(g->worker[i]->loop, on_worker, &q);
		q.left += !rc;
	}
	while (q.left)
		pthread_cond_wait(&q.all, &q.lock);
	pthread_mutex_unlock(&q.lock);
	return rc;
}

static int swap_watch(struct gate *g, const struct gate_config *before, struct err *e)
{
	struct watch *next, *old;
	if (watch_same(before, g->conf))
		return 0;
	if (watch_open(g, &next, e))
		return -RR_NOMEM;
	old = atomic_exchange(&g->watch, next);
	if (!old)
		return 0;
	if (wait_for_workers(g)) /* it goes on beside the new one rather than be pulled from under somebody */
		LOG(LOG_WARN, "old_watch_goes_on", LOG_S("why", STR("no memory to wait for the workers")));
	else
		watch_stop(old);
	g->old_watch[g->old_watches++] = old; /* the admin thread may be reading its figures */
	return 0;
}

/* ---- all of it ---- */

/* On worker 0's thread, which alone loads caps. */
static void take_caps(void *arg)
{
	struct worker *w = arg;
	worker_load_caps(w);
}

int gate_reload(struct gate *g, struct arena *arena, const struct gate_config *fresh, struct sb *restart, struct err *e)
{
	const struct gate_config *before = g->conf;
	struct gate_config *next = arena_new(arena, struct gate_config);
	struct book *book = g->old_books < BOOKS_MOST ? book_builtin(e) : NULL;
	int rc;
	if (!book || !next) {
		if (book)
			book_free(book);
		return g->old_books >= BOOKS_MOST
			       ? err_set(e, RR_LIMIT, "the configuration was reloaded %d times: restart", BOOKS_MOST)
			       : next ? -RR_CONFIG : err_set(e, RR_NOMEM, "no memory for the configuration");
	}
	g->old_book[g->old_books++] = atomic_exchange(&g->book, book);
	*next = *before;
	take_live(next, fresh);
	restart_for(g->start_conf, fresh, restart);
	g->conf = next;
	if (loop_post(g->worker[0]->loop, take_caps, g->worker[0]))
		return err_set(e, RR_NOMEM, "no memory to reload the caps");
	rc = swap_watch(g, before, e);
	return rc;
}
