/* SPDX-License-Identifier: Apache-2.0
 *
 * See watch.h.
 */
#include "gate/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "gate/otlp.h"

enum { BASKET_CALLS = 8192, LOOK_US = 200000, LOST_SAID_US = 60000000 };

struct watch {
	struct gate *gate;
	const struct gate_config *conf; /* of its beginning */
	struct otlp *otlp;     /* NULL: not asked for */
	struct alerts *alerts; /* NULL: there are none */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool stop, stopped, calls_wanted;
	struct sight *basket, *emptied; /* swapped */
	unsigned count;
	uint64_t lost, lost_said, lost_said_us;
};

void watch_see(struct watch *w, const struct call *c, const struct trace *t)
{
	if (!w->calls_wanted)
		return;
	pthread_mutex_lock(&w->lock);
	if (w->count < BASKET_CALLS) {
		w->basket[w->count].call = *c;
		w->basket[w->count++].trace = *t;
		if (w->count == BASKET_CALLS / 2)
			pthread_cond_signal(&w->more);
	} else {
		w->lost++;
	}
	pthread_mutex_unlock(&w->lock);
}

static struct str seconds_text(int64_t us, char out[32])
{
	snprintf(out, 32, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
	return str_of(out);
}

static void log_call(const struct gate *g, const struct sight *s)
{
	struct log_field fields[ATTRIBUTES_MOST + 1];
	struct attributes a;
	char seconds[32]; /* one attribute is a time in seconds */
	unsigned count = 0;
	int64_t took_us = s->call.end_us > s->call.start_us ? s->call.end_us - s->call.start_us : 0;
	telemetry_attributes(g, s, &a);
	fields[count++] = LOG_N("runrate.duration_us", took_us);
	for (unsigned i = 0; i < a.count; i++) {
		const struct attribute *it = &a.item[i];
		if (it->kind == ATTR_STR)
			fields[count++] = LOG_S(it->name, it->text);
		else if (it->kind == ATTR_INT)
			fields[count++] = LOG_N(it->name, it->number);
		else if (it->kind == ATTR_BOOL)
			fields[count++] = LOG_RAW(it->name, it->number ? STR("true") : STR("false"));
		else
			fields[count++] = LOG_RAW(it->name, seconds_text(it->number, seconds));
	}
	log_event(LOG_INFO, "call", fields, count);
}

/* What was lost since the last time, once a minute. */
static void say_lost(struct watch *w, uint64_t lost)
{
	uint64_t now_us = clock_mono(w->gate->clock);
	if (lost == w->lost_said || (w->lost_said && now_us - w->lost_said_us < LOST_SAID_US))
		return;
	LOG(LOG_WARN, "telemetry_lost", LOG_N("calls", lost - w->lost_said),
	    LOG_S("why", STR("more calls than can be told; the ledger has them")));
	w->lost_said = lost;
	w->lost_said_us = now_us;
}

static void look(struct watch *w, bool last)
{
	struct sight *full;
	unsigned count;
	uint64_t lost;
	pthread_mutex_lock(&w->lock);
	full = w->basket;
	count = w->count;
	lost = w->lost;
	w->basket = w->emptied;
	w->emptied = full;
	w->count = 0;
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < count; i++) {
		if (w->conf->log_calls)
			log_call(w->gate, &full[i]);
		if (w->otlp)
			otlp_span(w->otlp, &full[i]);
	}
	say_lost(w, lost);
	if (w->otlp)
		otlp_tick(w->otlp, last);
	if (w->alerts)
		alerts_tick(w->alerts);
}

static void *run(void *arg)
{
	struct watch *w = arg;
	bool stop = false;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (!stop) {
		uint64_t until_us = clock_mono(w->gate->clock) + LOOK_US;
		struct timespec until = {(time_t)(until_us / 1000000), (long)(until_us % 1000000) * 1000};
		pthread_mutex_lock(&w->lock);
		if (!w->stop && w->count < BASKET_CALLS / 2)
			pthread_cond_timedwait(&w->more, &w->lock, &until);
		stop = w->stop;
		pthread_mutex_unlock(&w->lock);
		look(w, stop);
	}
	buf_thread_free();
	return NULL;
}

static void watch_free(struct watch *w)
{
	alerts_close(w->alerts);
	otlp_close(w->otlp);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w->basket);
	free(w->emptied);
	free(w);
}

int watch_open(struct gate *g, struct watch **out, struct err *e)
{
	const struct gate_config *conf = g->conf;
	bool otlp = conf->otlp.endpoint.n > 0;
	pthread_condattr_t attr;
	struct watch *w;
	*out = NULL;
	if (!otlp && !conf->log_calls && !conf->alert_count)
		return 0;
	w = calloc(1, sizeof *w);
	if (!w)
		return err_set(e, RR_NOMEM, "no memory for the watch");
	w->gate = g;
	w->conf = conf;
	w->calls_wanted = conf->log_calls || (otlp && conf->otlp.traces);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->more, &attr);
	pthread_condattr_destroy(&attr);
	if (w->calls_wanted) {
		w->basket = calloc(BASKET_CALLS, sizeof *w->basket);
		w->emptied = calloc(BASKET_CALLS, sizeof *w->emptied);
	}
	if (w->calls_wanted && (!w->basket || !w->emptied)) {
		err_set(e, RR_NOMEM, "no memory for the watch");
		goto fail;
	}
	if (otlp && !(w->otlp = otlp_open(g, e)))
		goto fail;
	if (conf->alert_count && !(w->alerts = alerts_open(g, e)))
		goto fail;
	if (pthread_create(&w->thread, NULL, run, w)) {
		err_set(e, RR_IO, "cannot start the watch's thread");
		goto fail;
	}
	*out = w;
	return 0;
fail:
	watch_free(w);
	return -RR_NOMEM;
}

void watch_stop(struct watch *w)
{
	uint64_t until_us = clock_mono(w->gate->clock) + WATCH_END_US;
	if (w->stopped)
		return;
	w->stopped = true;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	if (w->otlp)
		otlp_hurry(w->otlp, until_us);
	if (w->alerts)
		alerts_hurry(w->alerts, until_us);
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	watch_stop(w);
	watch_free(w);
}

static bool same_secret(const struct conf_secret *a, const struct conf_secret *b)
{
	return str_eq(secret_reveal(a), secret_reveal(b));
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_alert(const struct alert_config *a, const struct alert_config *b)
{
	return str_eq(a->name, b->name) && str_eq(a->when, b->when) && same_secret(&a->url, &b->url) &&
	       same_secret(&a->secret, &b->secret) && same_text(a->ca, b->ca) && a->provider == b->provider &&
	       memcmp(&a->scope, &b->scope, sizeof a->scope) == 0 && a->plan.pico == b->plan.pico &&
	       currency_eq(a->plan.currency, b->plan.currency) && a->tz == b->tz && a->again_us == b->again_us;
}

bool watch_same(const struct gate_config *a, const struct gate_config *b)
{
	if (a->log_calls != b->log_calls || a->alert_count != b->alert_count ||
	    !str_eq(a->otlp.endpoint, b->otlp.endpoint) || a->otlp.interval_us != b->otlp.interval_us ||
	    a->otlp.traces != b->otlp.traces || a->otlp.metrics != b->otlp.metrics ||
	    !str_eq(a->otlp.service, b->otlp.service) || !same_text(a->otlp.ca, b->otlp.ca) ||
	    a->otlp.header_count != b->otlp.header_count)
		return false;
	for (unsigned i = 0; i < a->otlp.header_count; i++)
		if (!str_eq(a->otlp.headers[i].name, b->otlp.headers[i].name) ||
		    !same_secret(&a->otlp.headers[i].value, &b->otlp.headers[i].value))
			return false;
	for (unsigned i = 0; i < a->alert_count;
	     i++) /* those that compare with a cap ask the caps, not the configuration */
		if (!same_alert(&a->alerts[i], &b->alerts[i]))
			return false;
	return true;
}

void watch_figures(struct watch *w, struct watch_figures *out)
{
	memset(out, 0, sizeof *out);
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	out->lost = w->lost;
	pthread_mutex_unlock(&w->lock);
	out->alerts = w->alerts != NULL;
	if (w->alerts)
		alerts_stats(w->alerts, &out->alert);
	out->otlp = w->otlp != NULL;
	if (w->otlp)
		otlp_stats(w->otlp, &out->spans, &out->metrics);
}
