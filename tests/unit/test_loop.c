/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop with a clock turned by hand: timers against a sorted list, deferred work, calls from threads,
 * and callbacks that close what the round still has events for.
 */
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rng.h"
#include "net/deadline.h"
#include "net/loop.h"

enum { TIMERS = 500 };
struct marked {
	struct timer timer;
	uint64_t due_us;
	unsigned number;
};
static struct {
	struct loop *loop;
	uint64_t last_due_us;
	unsigned fired, wrong, last_number;
} seen;

static void on_marked(struct timer *t)
{
	struct marked *m = (struct marked *)(void *)t;
	seen.fired++;
	seen.wrong += m->due_us > loop_now_us(seen.loop) || m->due_us < seen.last_due_us;
	seen.wrong += m->due_us == seen.last_due_us && m->number < seen.last_number;
	seen.last_due_us = m->due_us;
	seen.last_number = m->number;
}

TEST(timers_fire_in_order_and_never_early)
{
	struct clock c;
	struct rng r;
	static struct marked m[TIMERS];
	unsigned expected = 0, number = 0;
	clock_manual(&c, 0);
	rng_seed(&r, 7);
	memset(&seen, 0, sizeof seen);
	memset(m, 0, sizeof m);
	seen.loop = loop_new(&c, NULL);
	for (int round = 0; round < 200; round++) {
		for (int k = 0; k < 40; k++) {
			struct marked *one = &m[rng_below(&r, TIMERS)];
			uint64_t after = rng_below(&r, 4) ? rng_below(&r, 50) * 1000 : 0;
			expected -= one->timer.index != 0;
			if (rng_below(&r, 5) == 0) {
				timer_clear(seen.loop, &one->timer);
				continue;
			}
			one->due_us = loop_now_us(seen.loop) + after;
			one->number = ++number;
			timer_set(seen.loop, &one->timer, after, on_marked);
			expected++;
		}
		clock_advance(&c, rng_below(&r, 20) * 1000);
		seen.last_due_us = 0;
		loop_once(seen.loop, 0);
		for (int k = 0; k < TIMERS; k++)
			seen.wrong += m[k].timer.index && m[k].due_us <= loop_now_us(seen.loop);
	}
	clock_advance(&c, 1000000);
	seen.last_due_us = 0;
	loop_once(seen.loop, 0);
	T_EQ_I(seen.fired, expected);
	T_EQ_I(seen.wrong, 0);
	loop_free(seen.loop);
}

static struct deferred d1, d2;
static unsigned d_runs;
static char d_order[16];

static void on_d2(struct deferred *d)
{
	(void)d;
	strcat(d_order, "2");
	d_runs++;
}

static void on_d1(struct deferred *d)
{
	strcat(d_order, "1");
	if (d_runs++ < 3)
		loop_defer(seen.loop, d, on_d1);
	loop_defer(seen.loop, &d2, on_d2);
}

TEST(deferred_work_runs_once_in_order_and_may_ask_for_more)
{
	struct deferred gone = {0};
	seen.loop = loop_new(&clock_system, NULL);
	d_order[0] = 0;
	d_runs = 0;
	loop_defer(seen.loop, &gone, on_d2);
	loop_defer(seen.loop, &d1, on_d1);
	loop_defer(seen.loop, &d1, on_d1);
	loop_defer(seen.loop, &d2, on_d2);
	loop_undefer(seen.loop, &gone);
	loop_once(seen.loop, 0);
	T_EQ_S(d_order, "12112");
	loop_undefer(seen.loop, &d1);
	loop_free(seen.loop);
}

/* ---- threads */

enum { THREADS = 4, CALLS = 20000 };
static unsigned posted, rings;
static struct doorbell *bell;

static void on_post(void *arg)
{
	posted += *(unsigned *)arg;
}

static void on_ring(void *arg)
{
	(void)arg;
	rings++;
}

static void *caller(void *arg)
{
	static unsigned one = 1;
	(void)arg;
	for (int i = 0; i < CALLS; i++) {
		loop_post(seen.loop, on_post, &one);
		doorbell_ring(bell);
	}
	return NULL;
}

static struct idle_work idle_a, idle_b;
static unsigned idle_runs, busy_events;

static void on_idle_work(struct idle_work *w)
{
	idle_runs++;
	if (w == &idle_b && idle_runs < 10)
		loop_when_idle(seen.loop, &idle_b, 300, on_idle_work);
}

static void on_busy(struct io *io, unsigned ready)
{
	busy_events++;
}

/* Ready work goes first, but not for ever; an idle loop does not wait. */
TEST(idle_work_waits_for_a_quiet_moment_and_no_longer_than_it_said)
{
	struct clock c;
	struct io busy;
	int pipe_fd[2];
	clock_manual(&c, 0);
	seen.loop = loop_new(&c, NULL);
	loop_when_idle(seen.loop, &idle_a, 300, on_idle_work);
	loop_when_idle(seen.loop, &idle_a, 300, on_idle_work); /* asked twice, run once */
	T_EQ_I(idle_runs, 0);
	loop_once(seen.loop, 0);
	T_EQ_I(idle_runs, 1);
	loop_once(seen.loop, 0);
	T_EQ_I(idle_runs, 1);

	T_EQ_I(pipe(pipe_fd), 0);
	io_init(&busy, seen.loop, pipe_fd[0], on_busy);
	T_EQ_I(io_want(&busy, IO_READ), 0);
	T_EQ_I(write(pipe_fd[1], "x", 1), 1); /* never read: each round has an event */
	loop_when_idle(seen.loop, &idle_a, 300, on_idle_work);
	for (int i = 1; i <= 3; i++) {
		clock_advance(&c, 99);
		loop_once(seen.loop, 0);
		T_EQ_I(idle_runs, 1);
		T_EQ_I(busy_events, i);
	}
	clock_advance(&c, 3);
	loop_once(seen.loop, 0);
	T_EQ_I(idle_runs, 2);
	T_EQ_I(busy_events, 4); /* and the round had its events too */
	io_close(&busy);

	loop_when_idle(seen.loop, &idle_b, 300, on_idle_work); /* asks for itself again: once a round */
	loop_once(seen.loop, 0);
	T_EQ_I(idle_runs, 3);
	loop_once(seen.loop, 0);
	T_EQ_I(idle_runs, 4);
	close(pipe_fd[1]);
	loop_free(seen.loop);
}

TEST(posts_from_threads_are_never_lost)
{
	pthread_t t[THREADS];
	posted = rings = 0;
	seen.loop = loop_new(&clock_system, NULL);
	bell = doorbell_new(seen.loop, on_ring, NULL, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, caller, NULL);
	for (int spins = 0; posted < THREADS * CALLS && spins < 1000000; spins++)
		loop_once(seen.loop, 100000);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	T_EQ_I(posted, THREADS * CALLS);
	T_TRUE(rings >= 1 && rings <= THREADS * CALLS);
	rings = 0;
	doorbell_ring(bell);
	doorbell_ring(bell);
	loop_once(seen.loop, 0);
	T_EQ_I(rings, 1); /* coalesced */
	doorbell_ring(bell);
	doorbell_free(bell); /* a ring that nobody hears any more */
	loop_once(seen.loop, 0);
	T_EQ_I(rings, 1);
	loop_free(seen.loop);
}

static void on_self_ring(void *arg)
{
	(void)arg;
	rings++;
	doorbell_ring(bell);
}

TEST(a_bell_that_rings_itself_starves_nobody)
{
	seen.loop = loop_new(&clock_system, NULL);
	bell = doorbell_new(seen.loop, on_self_ring, NULL, NULL);
	rings = 0;
	doorbell_ring(bell);
	for (int i = 0; i < 5; i++)
		loop_once(seen.loop, 1000000);
	T_TRUE(rings >= 5 && rings < 5000);
	doorbell_free(bell);
	loop_free(seen.loop);
}

static void *stopper(void *arg)
{
	usleep(20000);
	loop_stop(arg);
	return NULL;
}

TEST(stop_from_a_thread)
{
	pthread_t t;
	struct loop *l = loop_new(&clock_system, NULL);
	pthread_create(&t, NULL, stopper, l);
	T_EQ_I(loop_run(l), 0);
	pthread_join(t, NULL);
	loop_free(l);
}

/* ---- descriptors */

enum { PAIRS = 50 };
static struct io *ios[PAIRS];
static unsigned readied;

static void on_ready_close_all(struct io *io, unsigned ready)
{
	T_TRUE(ready & IO_READ);
	readied++;
	(void)io;
	for (int i = 0; i < PAIRS; i++)
		if (ios[i]) {
			io_close(ios[i]);
			free(ios[i]); /* a late event would be read after free */
			ios[i] = NULL;
		}
}

TEST(events_of_a_closed_io_are_not_delivered)
{
	int pair[PAIRS][2];
	struct loop *l = loop_new(&clock_system, NULL);
	readied = 0;
	for (int i = 0; i < PAIRS; i++) {
		T_EQ_I(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair[i]), 0);
		ios[i] = calloc(1, sizeof *ios[i]);
		io_init(ios[i], l, pair[i][0], on_ready_close_all);
		T_EQ_I(io_want(ios[i], IO_READ), 0);
		T_EQ_I(write(pair[i][1], "x", 1), 1);
	}
	loop_once(l, 1000000);
	loop_once(l, 0);
	T_EQ_I(readied, 1);
	for (int i = 0; i < PAIRS; i++)
		close(pair[i][1]);
	loop_free(l);
}

static unsigned last_ready;

static void on_note(struct io *io, unsigned ready)
{
	(void)io;
	last_ready = ready;
}

TEST(interest_hangup_and_deafness)
{
	int pair[2];
	struct io io;
	struct loop *l = loop_new(&clock_system, NULL);
	T_EQ_I(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	io_init(&io, l, pair[0], on_note);
	io_want(&io, IO_READ | IO_WRITE);
	last_ready = 0;
	loop_once(l, 0);
	T_EQ_I(last_ready, IO_WRITE);
	io_want(&io, IO_HANGUP);
	last_ready = 0;
	loop_once(l, 0);
	T_EQ_I(last_ready, 0);
	shutdown(pair[1], SHUT_WR);
	loop_once(l, 100000);
	T_EQ_I(last_ready, IO_HANGUP);
	io_want(&io, 0);
	last_ready = 0;
	loop_once(l, 0);
	T_EQ_I(last_ready, 0); /* half closed, and nobody asked */
	close(pair[1]);
	loop_once(l, 100000);
	T_TRUE(last_ready & IO_HANGUP && last_ready & IO_DEAD);
	io_forget(&io);
	last_ready = 0;
	loop_once(l, 0);
	T_EQ_I(last_ready, 0);
	io_want(&io, IO_READ);
	loop_once(l, 0);
	T_TRUE(last_ready & IO_READ);
	io_close(&io);
	io_close(&io); /* twice is harmless */
	loop_free(l);
}

/* ---- lazy deadlines */

struct item {
	struct deadline d;
	uint64_t due_us, fired_us;
};
static struct item items[300];
static bool leave_in_callback;

static void on_late(struct deadlines *all, struct deadline *d)
{
	struct item *i = (struct item *)(void *)d;
	i->fired_us = loop_now_us(all->loop);
	deadline_leave(all, d);
	if (leave_in_callback) /* the neighbour goes too, as when a server ends two connections at once */
		deadline_leave(all, &items[(size_t)(i - items + 1) % 300].d);
}

TEST(deadlines_fire_within_their_grain)
{
	struct clock c;
	struct rng r;
	struct deadlines all;
	struct loop *l;
	clock_manual(&c, 0);
	rng_seed(&r, 3);
	l = loop_new(&c, NULL);
	memset(items, 0, sizeof items);
	leave_in_callback = false;
	deadlines_init(&all, l, on_late);
	for (int i = 0; i < 300; i++)
		deadline_join(&all, &items[i].d, items[i].due_us = loop_now_us(l) + 1000 + rng_below(&r, 3000000));
	for (int step = 0; step < 3500; step++) {
		int i = (int)rng_below(&r, 300);
		if (items[i].d.next) /* moved about all the time, as requests do */
			deadline_move(&all, &items[i].d, items[i].due_us = loop_now_us(l) + 1000 + rng_below(&r,
				1000000));
		clock_advance(&c, 1000);
		loop_once(l, 0);
	}
	clock_advance(&c, 2000000);
	loop_once(l, 0);
	for (int i = 0; i < 300; i++) {
		T_TRUE(items[i].fired_us >= items[i].due_us);
		T_TRUE(items[i].fired_us <= items[i].due_us + DEADLINE_GRAIN_US + 1000 || items[i].fired_us >=
			loop_now_us(l));
	}
	leave_in_callback = true;
	for (int i = 0; i < 300; i++)
		deadline_join(&all, &items[i].d, loop_now_us(l) + 1000);
	clock_advance(&c, 1000000);
	loop_once(l, 0);
	T_TRUE(all.list.next == &all.list);
	deadlines_fini(&all);
	loop_free(l);
}

T_MAIN
