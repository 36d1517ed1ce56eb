/* SPDX-License-Identifier: Apache-2.0
 *
 * See loop.h. A round: wait, read the clock once, events, posts and doorbells, timers, deferred work.
 *
 * 1. An io that is closed in a round is struck from the events of that round that are still to come.
 * 2. Timers of one moment run in the order in which they were set; a timer that is set by a timer runs in
 *    a later round.
 * 3. Deferred work that asks for deferred work is served in the same round, a few generations deep; what
 *    remains waits for the next round, which then does not sleep.
 * 4. Idle work costs one look at the descriptors without waiting; a loop that has none pays nothing for it.
 * 5. wake_pending is cleared before the lists are looked at: a wake-up may be in vain, never lost.
 */
#include "net/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ROUND_EVENTS = 256, ROUND_GENERATIONS = 8, ROUND_RINGS = 256, IN_EPOLL = 0x80 };

struct doorbell {
	struct loop *loop;
	void (*on_ring)(void *);
	void *arg;
	atomic_bool rung;
	struct doorbell *next;
};

struct loop {
	int epoll, wake;
	const struct clock *clock;
	uint64_t now_us;
	int64_t real_us;
	bool real_known;
	bool coarse; /* no epoll_pwait2 here */
	struct timer *timers; /* root of the heap */
	uint64_t timer_order;
	struct deferred *defer_first, **defer_last;
	struct idle_work *idle_first, **idle_last;
	struct epoll_event events[ROUND_EVENTS];
	int events_n, event_at;
	atomic_bool stop, wake_pending;
	_Atomic(struct doorbell *) rung;
	pthread_mutex_t posts_lock;
	struct post *posts, **posts_last;
	char *scratch;
};

struct loop *loop_new(const struct clock *clock, struct err *e)
{
	struct loop *l = calloc(1, sizeof *l);
	/* By edges: each write tells, so that nobody needs to read what was written. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = l};
	if (!l || !(l->scratch = malloc(LOOP_SCRATCH_BYTES))) {
		free(l);
		err_set(e, RR_NOMEM, "no memory for an event loop");
		return NULL;
	}
	l->clock = clock;
	l->defer_last = &l->defer_first;
	l->idle_last = &l->idle_first;
	l->posts_last = &l->posts;
	pthread_mutex_init(&l->posts_lock, NULL);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->epoll < 0 || l->wake < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &event)) {
		err_set(e, RR_IO, "cannot make an event loop: %s", strerror(errno));
		loop_free(l);
		return NULL;
	}
	l->now_us = clock_mono(clock);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->posts) {
		struct post *p = l->posts;
		l->posts = p->next;
		if (p->own)
			free(p);
	}
	pthread_mutex_destroy(&l->posts_lock);
	if (l->epoll >= 0)
		close(l->epoll);
	if (l->wake >= 0)
		close(l->wake);
	free(l->scratch);
	free(l);
}

char *loop_scratch(struct loop *l)
{
	return l->scratch;
}

uint64_t loop_now_us(const struct loop *l)
{
	return l->now_us;
}

int64_t loop_real_us(const struct loop *l)
{
	struct loop *w = (struct loop *)(uintptr_t)l; /* a cache: asked for less than once a round */
	if (!w->real_known) {
		w->real_us = clock_real(l->clock);
		w->real_known = true;
	}
	return w->real_us;
}

/* ---- descriptors */

void io_init(struct io *io, struct loop *l, int fd, void (*on_ready)(struct io *, unsigned))
{
	memset(io, 0, sizeof *io);
	io->fd = fd;
	io->loop = l;
	io->on_ready = on_ready;
}

int io_want(struct io *io, unsigned wanted)
{
	struct epoll_event event = {.data.ptr = io};
	int op = io->registered & IN_EPOLL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	io->wanted = wanted;
	if (io->registered == (wanted | IN_EPOLL))
		return 0;
	event.events = (wanted & IO_READ ? EPOLLIN : 0u) | (wanted & IO_WRITE ? EPOLLOUT : 0u) |
		       (wanted & IO_HANGUP ? EPOLLRDHUP : 0u);
	if (epoll_ctl(io->loop->epoll, op, io->fd, &event))
		return -RR_IO;
	io->registered = wanted | IN_EPOLL;
	return 0;
}

static void strike_events(struct io *io)
{
	struct loop *l = io->loop;
	for (int i = l->event_at; i < l->events_n; i++)
		if (l->events[i].data.ptr == io)
			l->events[i].data.ptr = NULL;
}

void io_forget(struct io *io)
{
	if (io->registered & IN_EPOLL)
		epoll_ctl(io->loop->epoll, EPOLL_CTL_DEL, io->fd, NULL);
	strike_events(io);
	io->registered = io->wanted = 0;
}

void io_close(struct io *io)
{
	if (io->fd < 0)
		return;
	strike_events(io);
	close(io->fd); /* nobody dups it, so epoll forgets it too */
	io->fd = -1;
	io->registered = io->wanted = 0;
}

/* ---- timers */

static bool before(const struct timer *a, const struct timer *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static struct timer *meld(struct timer *a, struct timer *b)
{
	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
		struct timer *t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	a->next = a->prev = NULL;
	return a;
}

/* Two passes over the children: pairs from the left, then all from the right. */
static struct timer *meld_children(struct timer *first)
{
	struct timer *pairs = NULL, *all = NULL;
	while (first) {
		struct timer *a = first, *b = first->next;
		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct timer *next = pairs->next;
		pairs->next = NULL;
		all = meld(all, pairs);
		pairs = next;
	}
	return all;
}

void timer_clear(struct loop *l, struct timer *t)
{
	struct timer *rest;
	if (!t->index)
		return;
	rest = meld_children(t->child);
	if (l->timers == t) {
		l->timers = rest;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		l->timers = meld(l->timers, rest);
	}
	t->child = t->next = t->prev = NULL;
	t->index = 0;
}

void timer_set(struct loop *l, struct timer *t, uint64_t after_us, void (*on_timer)(struct timer *))
{
	timer_clear(l, t);
	t->at_us = after_us > UINT64_MAX - l->now_us ? UINT64_MAX : l->now_us + after_us;
	t->on_timer = on_timer;
	t->order = ++l->timer_order;
	t->index = 1;
	t->child = t->next = t->prev = NULL;
	l->timers = meld(l->timers, t);
}

static void run_timers(struct loop *l)
{
	uint64_t last = l->timer_order;
	while (l->timers && l->timers->at_us <= l->now_us && l->timers->order <= last) {
		struct timer *t = l->timers;
		timer_clear(l, t);
		t->on_timer(t);
	}
}

/* ---- deferred work */

void loop_defer(struct loop *l, struct deferred *d, void (*run)(struct deferred *))
{
	if (d->queued)
		return;
	d->queued = true;
	d->run = run;
	d->next = NULL;
	*l->defer_last = d;
	l->defer_last = &d->next;
}

void loop_undefer(struct loop *l, struct deferred *d)
{
	struct deferred **at = &l->defer_first;
	if (!d->queued)
		return;
	while (*at && *at != d)
		at = &(*at)->next;
	check(*at == d);
	*at = d->next;
	if (!*at)
		l->defer_last = at;
	d->next = NULL;
	d->queued = false;
}

static void run_deferred(struct loop *l)
{
	for (int generation = 0; l->defer_first && generation < ROUND_GENERATIONS; generation++) {
		/* a mark in the list itself, so that loop_undefer sees all of it */
		struct deferred mark = {.queued = false};
		loop_defer(l, &mark, NULL);
		while (l->defer_first != &mark) {
			struct deferred *d = l->defer_first;
			l->defer_first = d->next;
			d->next = NULL;
			d->queued = false;
			d->run(d);
		}
		l->defer_first = mark.next;
		if (!l->defer_first)
			l->defer_last = &l->defer_first;
	}
}

/* ---- idle work */

void loop_when_idle(struct loop *l, struct idle_work *w, uint64_t most_us, void (*run)(struct idle_work *))
{
	if (w->queued)
		return;
	*w = (struct idle_work){.queued = true, .by_us = l->now_us + most_us, .run = run};
	*l->idle_last = w;
	l->idle_last = &w->next;
}

static void run_idle(struct loop *l)
{
	struct idle_work *w = l->idle_first;
	l->idle_first = NULL;
	l->idle_last = &l->idle_first;
	while (w) {
		struct idle_work *next = w->next;
		w->queued = false;
		w->run(w);
		w = next;
	}
}

static bool idle_is_due(const struct loop *l)
{
	for (const struct idle_work *w = l->idle_first; w; w = w->next)
		if (w->by_us <= l->now_us)
			return true;
	return false;
}

/* ---- from other threads */

static void wake(struct loop *l)
{
	uint64_t one = 1;
	ssize_t n;
	if (atomic_exchange(&l->wake_pending, true))
		return;
	do
		n = write(l->wake, &one, sizeof one);
	while (n < 0 && errno == EINTR); /* EAGAIN: it is awake enough */
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	wake(l);
}

static void post(struct loop *l, struct post *p)
{
	pthread_mutex_lock(&l->posts_lock);
	*l->posts_last = p;
	l->posts_last = &p->next;
	pthread_mutex_unlock(&l->posts_lock);
	wake(l);
}

int loop_post(struct loop *l, void (*fn)(void *), void *arg)
{
	struct post *p = malloc(sizeof *p);
	if (!p)
		return -RR_NOMEM;
	*p = (struct post){NULL, fn, arg, true};
	post(l, p);
	return 0;
}

void loop_post_at(struct loop *l, struct post *p, void (*fn)(void *), void *arg)
{
	*p = (struct post){NULL, fn, arg, false};
	post(l, p);
}

struct doorbell *doorbell_new(struct loop *l, void (*on_ring)(void *), void *arg, struct err *e)
{
	struct doorbell *b = calloc(1, sizeof *b);
	if (!b) {
		err_set(e, RR_NOMEM, "no memory for a doorbell");
		return NULL;
	}
	b->loop = l;
	b->on_ring = on_ring;
	b->arg = arg;
	return b;
}

static void push_rung(struct loop *l, struct doorbell *b)
{
	struct doorbell *old = atomic_load(&l->rung);
	do
		b->next = old;
	while (!atomic_compare_exchange_weak(&l->rung, &old, b));
}

void doorbell_ring(struct doorbell *b)
{
	if (atomic_exchange(&b->rung, true))
		return;
	push_rung(b->loop, b);
	wake(b->loop);
}

/* On the loop's thread, when nobody can ring it any more. */
void doorbell_free(struct doorbell *b)
{
	if (!b)
		return;
	if (atomic_load(&b->rung)) {
		struct doorbell *list = atomic_exchange(&b->loop->rung, NULL);
		while (list) {
			struct doorbell *next = list->next;
			if (list != b)
				push_rung(b->loop, list);
			list = next;
		}
	}
	free(b);
}

static void run_calls(struct loop *l)
{
	struct post *posts;
	struct doorbell *b, *in_order = NULL;
	atomic_store(&l->wake_pending, false);
	for (int rings = 0; (b = atomic_exchange(&l->rung, NULL)); rings++) {
		if (rings == ROUND_RINGS) { /* one that rings itself must not starve the rest */
			struct doorbell *last = b;
			while (last->next)
				last = last->next;
			in_order = atomic_load(&l->rung);
			do
				last->next = in_order;
			while (!atomic_compare_exchange_weak(&l->rung, &in_order, b));
			wake(l);
			break;
		}
		/* The first that rang is served first. One at a time: a callback may free another bell. */
		while (b) {
			struct doorbell *next = b->next;
			b->next = in_order;
			in_order = b;
			b = next;
		}
		b = in_order;
		for (in_order = NULL; b->next;) {
			struct doorbell *next = b->next;
			b->next = next->next;
			push_rung(l, next);
		}
		atomic_store(&b->rung, false);
		b->on_ring(b->arg);
	}
	pthread_mutex_lock(&l->posts_lock);
	posts = l->posts;
	l->posts = NULL;
	l->posts_last = &l->posts;
	pthread_mutex_unlock(&l->posts_lock);
	while (posts) {
		struct post one = *posts, *p = posts;
		posts = one.next;
		if (one.own)
			free(p);
		one.fn(one.arg);
	}
}

/* ---- rounds */

static uint64_t wait_us(const struct loop *l, uint64_t most_us)
{
	uint64_t us = most_us;
	if (l->defer_first)
		return 0;
	if (l->timers) {
		uint64_t left = l->timers->at_us > l->now_us ? l->timers->at_us - l->now_us : 0;
		if (left < us)
			us = left;
	}
	return us < 3600ull * 1000000 ? us : 3600ull * 1000000;
}

/* To the microsecond where the kernel can (5.11), else to the millisecond: paced streams are timed by this. */
static int wait_events(struct loop *l, uint64_t us)
{
	if (us && us % 1000 && !l->coarse) {
		struct timespec t = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000 * 1000)};
		int n = epoll_pwait2(l->epoll, l->events, ROUND_EVENTS, &t, NULL);
		if (n >= 0 || errno != ENOSYS)
			return n;
		l->coarse = true;
	}
	return epoll_wait(l->epoll, l->events, ROUND_EVENTS, (int)((us + 999) / 1000));
}

int loop_once(struct loop *l, uint64_t max_wait_us)
{
	bool called = false;
	int n = 0;
	if (l->idle_first || (max_wait_us && (l->timers || l->defer_first)))
		l->now_us = clock_mono(l->clock); /* the last round's work may have taken long */
	if (l->idle_first && (idle_is_due(l) || (n = wait_events(l, 0)) == 0))
		run_idle(l);
	if (n == 0)
		n = wait_events(l, wait_us(l, max_wait_us));
	if (n < 0 && errno != EINTR)
		return -RR_IO;
	l->now_us = clock_mono(l->clock);
	l->real_known = false;
	l->events_n = n < 0 ? 0 : n;
	for (l->event_at = 0; l->event_at < l->events_n;) {
		const struct epoll_event *event = &l->events[l->event_at++];
		struct io *io = event->data.ptr;
		unsigned ready;
		if (event->data.ptr == l)
			called = true;
		if (!io || event->data.ptr == l)
			continue;
		ready = (event->events & EPOLLIN ? IO_READ : 0u) | (event->events & EPOLLOUT ? IO_WRITE : 0u) |
			(event->events & EPOLLRDHUP ? IO_HANGUP : 0u) |
			(event->events & (EPOLLHUP | EPOLLERR) ? IO_HANGUP | IO_DEAD : 0u);
		io->on_ready(io, ready);
	}
	l->events_n = 0;
	if (called)
		run_calls(l);
	run_timers(l);
	run_deferred(l);
	return 0;
}

int loop_run(struct loop *l)
{
	while (!atomic_load(&l->stop)) {
		int rc = loop_once(l, UINT64_MAX);
		if (rc)
			return rc;
	}
	atomic_store(&l->stop, false);
	return 0;
}
