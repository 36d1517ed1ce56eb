/* SPDX-License-Identifier: Apache-2.0
 *
 * See outbox.h.
 */
#include "gate/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"

enum {
	FIRST_PAUSE_US = 1000000, LONGEST_PAUSE_US = 60000000, ANSWER_BYTES = 64 * 1024,
	DROPPED_SAID_US = 60000000 /* a full queue is said once a minute */
};

struct letter {
	struct letter *next;
	const char *path;
	uint64_t born_us;
	unsigned items;
	size_t n;
	char body[];
};

struct outbox {
	struct outbox_config conf;
	struct fetch_url url;
	struct tls_ctx *tls;
	struct fetcher *fetcher;
	struct fetch_answer answer;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct letter *first, *last; /* the first may be under way */
	unsigned count;
	size_t bytes;
	bool hurry, started, ended;
	uint64_t until_us;
	uint64_t dropped_said_us;
	struct outbox_stats stats;
};

enum verdict { DELIVERED, AGAIN, NEVER };

/* The status's class; the first row that holds it decides. */
static enum verdict judge(const struct outbox *o, int rc, unsigned status)
{
	if (rc)
		return rc == -RR_LIMIT && status >= 200 && status < 300 ? DELIVERED
									: AGAIN; /* only its answer was too long */
	if (status >= 200 && status < 300)
		return DELIVERED;
	if (status == 429 || status == 502 || status == 503 || status == 504)
		return AGAIN;
	return o->conf.stubborn && (status >= 500 || status == 408) ? AGAIN : NEVER;
}

/* Base and path meet in one slash. */
static bool ends_twice(const char *base, const char *path)
{
	return path[0] == '/' && base[strlen(base) - 1] == '/';
}

static enum verdict send_letter(struct outbox *o, const struct letter *l, uint64_t most_us, char why[200])
{
	struct header headers[OUTBOX_HEADERS + 3];
	char target[FETCH_TARGET_BYTES + 64], sign[80] = "sha256=";
	unsigned char mac[32];
	struct fetch_ask ask = {.origin = &o->url.origin, .method = STR("POST"), .headers = headers,
				.most_bytes = ANSWER_BYTES, .body = str_make(l->body, l->n),
				.timeout_us = most_us < o->conf.timeout_us ? most_us : o->conf.timeout_us};
	struct err e = {0};
	enum verdict v;
	int rc;
	headers[ask.count++] = (struct header){STR("content-type"), STR("application/json")};
	headers[ask.count++] = (struct header){STR("user-agent"), STR("runrate/" RUNRATE_VERSION)};
	if (o->conf.secret.n) {
		hash_hmac_sha256(o->conf.secret, ask.body, mac);
		hash_hex(mac, sizeof mac, sign + 7);
		headers[ask.count++] = (struct header){STR("x-runrate-signature"), str_of(sign)};
	}
	for (unsigned i = 0; i < o->conf.header_count && i < OUTBOX_HEADERS; i++)
		headers[ask.count++] = o->conf.headers[i];
	snprintf(target, sizeof target, "%.*s%s", (int)(strlen(o->url.target) - ends_twice(o->url.target, l->path)),
		 o->url.target, l->path);
	ask.target = str_of(target);
	rc = fetch(o->fetcher, &ask, &o->answer, &e);
	v = judge(o, rc, o->answer.status);
	if (v == DELIVERED && o->conf.on_answer)
		o->conf.on_answer(o->conf.arg, sb_str(&o->answer.body));
	if (rc)
		snprintf(why, 200, "%.199s", e.what);
	else
		snprintf(why, 200, "%.160s answered %u", o->url.origin.authority, o->answer.status);
	return v;
}

/* Until the flag is set or the time is come. Under the lock. */
static void wait_until(struct outbox *o, const bool *flag, uint64_t until_us)
{
	struct timespec until = {(time_t)(until_us / 1000000), (long)(until_us % 1000000) * 1000};
	while (!*flag && pthread_cond_timedwait(&o->more, &o->lock, &until) != ETIMEDOUT)
		;
}

static uint64_t pause_after(const struct outbox *o, unsigned tries)
{
	int64_t told_us = fetch_retry_after_us(&o->answer, clock_real(&clock_system));
	uint64_t us = FIRST_PAUSE_US;
	uint16_t jitter;
	for (unsigned i = 1; i < tries && us < LONGEST_PAUSE_US; i++)
		us *= 2;
	if (us > LONGEST_PAUSE_US)
		us = LONGEST_PAUSE_US;
	hash_random(&jitter, sizeof jitter); /* many gateways do not come back in one moment */
	us += us / 4 * jitter / UINT16_MAX;
	return told_us >= 0 ? (uint64_t)told_us : us;
}

/* Until it is delivered or given up. */
static bool deliver(struct outbox *o, const struct letter *l)
{
	for (unsigned tries = 1;; tries++) {
		uint64_t now_us = clock_mono(&clock_system), wait_us;
		char why[200];
		bool hurry;
		enum verdict v;
		pthread_mutex_lock(&o->lock);
		hurry = o->hurry;
		o->stats.tries++;
		pthread_mutex_unlock(&o->lock);
		if (hurry && now_us >= o->until_us) {
			LOG(LOG_ERROR, "not_delivered", LOG_S("what", str_of(o->conf.what)), LOG_N("items", l->items),
			    LOG_S("why", STR("the gateway ended")));
			return false;
		}
		v = send_letter(o, l, hurry ? o->until_us - now_us : o->conf.timeout_us, why);
		if (v == DELIVERED)
			return true;
		wait_us = pause_after(o, tries);
		now_us = clock_mono(&clock_system);
		pthread_mutex_lock(&o->lock);
		if (v == AGAIN && !o->hurry && now_us + wait_us < l->born_us + o->conf.patience_us) {
			wait_until(o, &o->hurry, now_us + wait_us);
		} else {
			v = NEVER;
		}
		pthread_mutex_unlock(&o->lock);
		if (v == NEVER) {
			LOG(LOG_ERROR, "not_delivered", LOG_S("what", str_of(o->conf.what)), LOG_N("items", l->items),
			    LOG_N("tries", tries), LOG_S("why", str_of(why)));
			return false;
		}
	}
}

static void *run(void *arg)
{
	struct outbox *o = arg;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&o->lock);
	for (;;) {
		struct letter *l;
		bool good;
		while (!o->first && !o->hurry)
			pthread_cond_wait(&o->more, &o->lock);
		l = o->first;
		if (!l)
			break;
		pthread_mutex_unlock(&o->lock);
		good = deliver(o, l);
		pthread_mutex_lock(&o->lock);
		*(good ? &o->stats.delivered : &o->stats.failed) += l->items;
		o->first = l->next;
		if (!o->first)
			o->last = NULL;
		o->count--;
		o->bytes -= l->n;
		free(l);
	}
	o->ended = true;
	pthread_cond_broadcast(&o->more);
	pthread_mutex_unlock(&o->lock);
	buf_thread_free();
	return NULL;
}

int outbox_post(struct outbox *o, const char *path, struct str body, unsigned items)
{
	struct letter *l = malloc(sizeof *l + body.n);
	uint64_t now_us = clock_mono(&clock_system);
	bool say = false;
	int rc = l ? 0 : -RR_NOMEM;
	pthread_mutex_lock(&o->lock);
	o->stats.posted += items;
	if (l && (o->hurry || o->count == OUTBOX_LETTERS || o->bytes + body.n > OUTBOX_BYTES))
		rc = -RR_LIMIT;
	if (rc) {
		o->stats.dropped += items;
		say = !o->dropped_said_us || now_us - o->dropped_said_us > DROPPED_SAID_US;
		o->dropped_said_us = say ? now_us : o->dropped_said_us;
		free(l);
	} else {
		*l = (struct letter){.path = path, .born_us = now_us, .items = items, .n = body.n};
		memcpy(l->body, body.p, body.n);
		if (o->last)
			o->last->next = l;
		else
			o->first = l;
		o->last = l;
		o->count++;
		o->bytes += body.n;
		pthread_cond_signal(&o->more);
	}
	pthread_mutex_unlock(&o->lock);
	if (say)
		LOG(LOG_WARN, "dropped", LOG_S("what", str_of(o->conf.what)), LOG_N("items", items),
		    LOG_S("why", STR("too much waits to be delivered")));
	return rc;
}

struct outbox *outbox_open(const struct outbox_config *c, struct err *e)
{
	struct outbox *o = calloc(1, sizeof *o);
	pthread_condattr_t attr;
	if (!o) {
		err_set(e, RR_NOMEM, "no memory for an outbox");
		return NULL;
	}
	o->conf = *c;
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->more, &attr);
	pthread_condattr_destroy(&attr);
	fetch_answer_init(&o->answer);
	if (fetch_url_parse(&o->url, c->url, e))
		goto fail;
	if (strcmp(o->url.origin.scheme, "https") == 0 && !(o->tls = tls_client_ctx(c->ca, e)))
		goto fail;
	o->url.origin.tls = o->tls;
	o->fetcher = fetcher_new(e);
	if (!o->fetcher)
		goto fail;
	if (pthread_create(&o->thread, NULL, run, o)) {
		err_set(e, RR_IO, "cannot start a thread to deliver from");
		goto fail;
	}
	o->started = true;
	return o;
fail:
	outbox_close(o);
	return NULL;
}

void outbox_hurry(struct outbox *o, uint64_t until_us)
{
	pthread_mutex_lock(&o->lock);
	o->hurry = true;
	o->until_us = until_us;
	pthread_cond_broadcast(&o->more);
	pthread_mutex_unlock(&o->lock);
}

/* A try that is under way when the time is over is cut. */
static void wait_for_end(struct outbox *o)
{
	bool ended;
	pthread_mutex_lock(&o->lock);
	wait_until(o, &o->ended, o->until_us);
	ended = o->ended;
	pthread_mutex_unlock(&o->lock);
	if (!ended)
		fetcher_stop(o->fetcher);
}

void outbox_close(struct outbox *o)
{
	if (!o)
		return;
	if (o->started) {
		if (!o->hurry)
			outbox_hurry(o, clock_mono(&clock_system));
		wait_for_end(o);
		pthread_join(o->thread, NULL);
	}
	fetcher_free(o->fetcher);
	fetch_answer_fini(&o->answer);
	if (o->tls)
		tls_ctx_free(o->tls);
	pthread_cond_destroy(&o->more);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void outbox_stats(struct outbox *o, struct outbox_stats *out)
{
	pthread_mutex_lock(&o->lock);
	*out = o->stats;
	pthread_mutex_unlock(&o->lock);
}
