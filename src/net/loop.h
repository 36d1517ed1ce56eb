/* SPDX-License-Identifier: Apache-2.0
 *
 * An event loop over epoll: descriptors, timers, a way in from other threads. One loop a worker thread.
 *
 * 1. Time is read once a round from the injected clock; callbacks ask loop_now_us().
 * 2. A callback may close and free anything of its own, its own struct io too, but must io_close() it
 *    first; events of this round for a closed io are not delivered.
 * 3. Deferred work runs at the end of the round, once, in the order in which it was asked for: this is
 *    how many small sends of one round become one writev.
 * 4. epoll registration is edge-free (level) and changed only when the wanted events change: no
 *    epoll_ctl a request.
 */
#ifndef RR_NET_LOOP_H
#define RR_NET_LOOP_H

#include "base/clock.h"
#include "base/err.h"

struct loop;

/* IO_HANGUP: the peer will send no more; IO_DEAD (with it): nothing goes either way. IO_DEAD is told unasked. */
enum { IO_READ = 1, IO_WRITE = 2, IO_HANGUP = 4, IO_DEAD = 8 };

struct io {
	int fd;
	unsigned wanted;     /* IO_READ | IO_WRITE | IO_HANGUP */
	unsigned registered; /* loop's own */
	void (*on_ready)(struct io *io, unsigned ready);
	struct loop *loop;
};

struct timer { /* embed it; zeroed = not set */
	uint64_t at_us;
	unsigned index;      /* loop's own: not 0 while it is set */
	void (*on_timer)(struct timer *t);
	uint64_t order;      /* loop's own from here: a pairing heap, so that setting a timer needs no memory */
	struct timer *child, *next, *prev;
};

struct deferred { /* embed it */
	struct deferred *next;
	bool queued;
	void (*run)(struct deferred *d);
};

struct idle_work { /* embed it */
	struct idle_work *next;
	bool queued;
	uint64_t by_us;
	void (*run)(struct idle_work *w);
};

struct loop *loop_new(const struct clock *clock, struct err *e);
/* When no other thread can still be within loop_stop, loop_post or doorbell_ring: after joining them. */
void loop_free(struct loop *l);
/* Runs until loop_stop(). */
int loop_run(struct loop *l);
/* One round; waits at most max_wait_us. For tests with a manual clock. */
int loop_once(struct loop *l, uint64_t max_wait_us);
void loop_stop(struct loop *l); /* any thread */
uint64_t loop_now_us(const struct loop *l);      /* monotonic */
int64_t loop_real_us(const struct loop *l);      /* UTC */

void io_init(struct io *io, struct loop *l, int fd, void (*on_ready)(struct io *, unsigned));
/* 0 or -RR_IO (the kernel has no room for another watched descriptor). Wanting nothing still tells of a
 * hangup; io_forget is deaf to that too, until the next io_want. */
int io_want(struct io *io, unsigned wanted);
void io_forget(struct io *io);
void io_close(struct io *io); /* forgets and closes the descriptor */

void timer_set(struct loop *l, struct timer *t, uint64_t after_us, void (*on_timer)(struct timer *));
void timer_clear(struct loop *l, struct timer *t);

void loop_defer(struct loop *l, struct deferred *d, void (*run)(struct deferred *));
void loop_undefer(struct loop *l, struct deferred *d); /* slow; for tearing down */
/* Runs once the loop finds nothing to do, or at the end of the first round that ends most_us from now: what is worth
 * gathering for, while there is something to gather, and not worth waiting for. */
void loop_when_idle(struct loop *l, struct idle_work *w, uint64_t most_us, void (*run)(struct idle_work *));
/* Bytes for one read at a time (64 KiB), so that idle connections own none. Spans of it die with the
 * callback that they were given to. */
enum { LOOP_SCRATCH_BYTES = 64 * 1024 };
char *loop_scratch(struct loop *l);
/* Wakes the loop from another thread and calls fn(arg) on its thread, soon, once for each post.
 * 0 or -RR_NOMEM. Posts that never ran are dropped by loop_free. */
int loop_post(struct loop *l, void (*fn)(void *), void *arg);
/* The same with the caller's memory for it, which must live until fn is called: it cannot fail. */
struct post {
	struct post *next;
	void (*fn)(void *);
	void *arg;
	bool own; /* the loop's to free */
};
void loop_post_at(struct loop *l, struct post *p, void (*fn)(void *), void *arg);
/* A cheaper way in for a hot signal: rings are coalesced; on_ring runs on the loop's thread. */
struct doorbell;
struct doorbell *doorbell_new(struct loop *l, void (*on_ring)(void *), void *arg, struct err *e);
void doorbell_ring(struct doorbell *b); /* any thread, async-signal-safe */
void doorbell_free(struct doorbell *b);

#endif
