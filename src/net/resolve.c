/* SPDX-License-Identifier: Apache-2.0
 *
 * See resolve.h.
 *
 * 1. A name is an entry: fresh (has addresses), or asked for (somebody waits). At most RESOLVE_NAMES.
 * 2. Threads and loop share `struct desk`, counted: a thread that hangs in getaddrinfo() when the resolver
 *    is freed finishes later, alone, and takes the desk with it.
 * 3. The doorbell is rung under the desk's lock and only while the desk is open.
 */
#include "net/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>

struct job {
	struct job *next;
	char name[256];
	struct sock_addr addrs[RESOLVE_ADDRS];
	unsigned count;
	int gai;
};

struct desk {
	pthread_mutex_t lock;
	pthread_cond_t work;
	unsigned users, threads, idle;
	bool closed;
	struct job *todo, **todo_last, *done;
	struct doorbell *bell;
};

struct entry {
	struct entry *next;
	char name[256];
	struct sock_addr addrs[RESOLVE_ADDRS];
	unsigned count;
	bool asked;
	uint64_t until_us;
	struct resolve_query *waiting;
};

struct resolver {
	struct loop *loop;
	struct desk *desk;
	struct entry *entries;
	unsigned names;
};

/* With the lock held; gives it back. */
static void desk_leave(struct desk *d)
{
	bool last = --d->users == 0;
	pthread_mutex_unlock(&d->lock);
	if (!last)
		return;
	while (d->todo) {
		struct job *j = d->todo;
		d->todo = j->next;
		free(j);
	}
	while (d->done) {
		struct job *j = d->done;
		d->done = j->next;
		free(j);
	}
	pthread_cond_destroy(&d->work);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static void look_up(struct job *j)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
	j->gai = getaddrinfo(j->name, NULL, &hints, &list);
	for (struct addrinfo *a = j->gai ? NULL : list; a && j->count < RESOLVE_ADDRS; a = a->ai_next) {
		struct sock_addr *to = &j->addrs[j->count];
		if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
			continue;
		to->n = a->ai_addrlen;
		memcpy(&to->sa, a->ai_addr, a->ai_addrlen);
		j->count++;
	}
	if (list)
		freeaddrinfo(list);
}

static void *work(void *arg)
{
	struct desk *d = arg;
	pthread_mutex_lock(&d->lock);
	while (!d->closed) {
		struct job *j = d->todo;
		if (!j) {
			d->idle++;
			pthread_cond_wait(&d->work, &d->lock);
			d->idle--;
			continue;
		}
		d->todo = j->next;
		if (!d->todo)
			d->todo_last = &d->todo;
		pthread_mutex_unlock(&d->lock);
		look_up(j);
		pthread_mutex_lock(&d->lock);
		j->next = d->done;
		d->done = j;
		if (!d->closed)
			doorbell_ring(d->bell);
	}
	d->threads--;
	desk_leave(d);
	return NULL;
}

static struct entry *find(struct resolver *r, const char *name)
{
	struct entry *e = r->entries;
	while (e && strcmp(e->name, name) != 0)
		e = e->next;
	return e;
}

static void drop_entry(struct resolver *r, struct entry *e)
{
	struct entry **at = &r->entries;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	r->names--;
	free(e);
}

static void on_answers(void *arg)
{
	struct resolver *r = arg;
	struct job *done;
	pthread_mutex_lock(&r->desk->lock);
	done = r->desk->done;
	r->desk->done = NULL;
	pthread_mutex_unlock(&r->desk->lock);
	while (done) {
		struct job *j = done;
		struct entry *e = find(r, j->name);
		const char *fault = j->gai ? gai_strerror(j->gai) : "the name has no address";
		done = j->next;
		if (e) {
			memcpy(e->addrs, j->addrs, sizeof e->addrs);
			e->count = j->count;
			e->until_us = loop_now_us(r->loop) + RESOLVE_KEEP_US;
			while (e->waiting) { /* still `asked`, so that a callback cannot push it out of the table */
				struct resolve_query *q = e->waiting;
				e->waiting = q->next;
				q->name = NULL;
				q->on_done(q, j->addrs, j->count, fault);
			}
			e->asked = false;
			if (!e->count)
				drop_entry(r, e); /* a failure is not kept */
		}
		free(j);
	}
}

struct resolver *resolver_new(struct loop *l, struct err *e)
{
	struct resolver *r = calloc(1, sizeof *r);
	struct desk *d = calloc(1, sizeof *d);
	if (!r || !d || !(d->bell = doorbell_new(l, on_answers, r, e))) {
		free(r);
		free(d);
		err_set(e, RR_NOMEM, "no memory for a resolver");
		return NULL;
	}
	r->loop = l;
	r->desk = d;
	d->users = 1;
	d->todo_last = &d->todo;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->work, NULL);
	return r;
}

void resolver_free(struct resolver *r)
{
	struct desk *d;
	if (!r)
		return;
	d = r->desk;
	while (r->entries)
		drop_entry(r, r->entries);
	pthread_mutex_lock(&d->lock);
	d->closed = true;
	pthread_cond_broadcast(&d->work);
	doorbell_free(d->bell);
	d->bell = NULL;
	desk_leave(d);
	free(r);
}

/* With the lock held. */
static int enough_threads(struct desk *d)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;
	if (d->idle || d->threads == RESOLVE_THREADS)
		return 0;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	rc = pthread_create(&thread, &attr, work, d);
	pthread_attr_destroy(&attr);
	if (rc)
		return d->threads ? 0 : -RR_NOMEM;
	d->threads++;
	d->users++;
	return 0;
}

static int ask(struct resolver *r, const char *name)
{
	struct desk *d = r->desk;
	struct job *j = calloc(1, sizeof *j);
	int rc;
	if (!j)
		return -RR_NOMEM;
	str_copy(j->name, sizeof j->name, str_of(name));
	pthread_mutex_lock(&d->lock);
	rc = enough_threads(d);
	if (!rc) {
		*d->todo_last = j;
		d->todo_last = &j->next;
		pthread_cond_signal(&d->work);
	} else {
		free(j);
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}

static struct entry *entry_for(struct resolver *r, const char *name)
{
	struct entry *e;
	if (r->names == RESOLVE_NAMES) { /* the first that nobody waits for makes room */
		for (e = r->entries; e && e->asked; e = e->next)
			;
		if (!e)
			return NULL;
		drop_entry(r, e);
	}
	e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	str_copy(e->name, sizeof e->name, str_of(name));
	e->next = r->entries;
	r->entries = e;
	r->names++;
	return e;
}

int resolve(struct resolver *r, struct resolve_query *q, const char *name, struct sock_addr addrs[RESOLVE_ADDRS])
{
	struct entry *e;
	q->name = NULL;
	if (!strcmp(name, "localhost")) { /* RFC 6761 6.3: never asked for */
		sock_addr_literal(&addrs[0], "127.0.0.1", 0);
		sock_addr_literal(&addrs[1], "::1", 0);
		return 2;
	}
	if (!sock_addr_literal(&addrs[0], name, 0))
		return 1;
	e = find(r, name);
	if (e && !e->asked && loop_now_us(r->loop) < e->until_us) {
		memcpy(addrs, e->addrs, sizeof e->addrs);
		return (int)e->count;
	}
	if (!e && !(e = entry_for(r, name)))
		return -RR_LIMIT;
	if (!e->asked) {
		int rc = ask(r, name);
		if (rc) {
			drop_entry(r, e);
			return rc;
		}
		e->asked = true;
	}
	q->name = e->name;
	q->next = e->waiting;
	e->waiting = q;
	return 0;
}

void resolve_cancel(struct resolver *r, struct resolve_query *q)
{
	struct entry *e = q->name ? find(r, q->name) : NULL;
	for (struct resolve_query **at = e ? &e->waiting : NULL; at && *at; at = &(*at)->next)
		if (*at == q) {
			*at = q->next;
			break;
		}
	q->name = NULL;
}
