/* SPDX-License-Identifier: Apache-2.0
 *
 * See writer.h for the invariants.
 *
 *   worker 0 --ring--\                          +--> done marks, on_done (answers are released)
 *   worker 1 --ring---> one thread: a transaction of all that waits --commit--+
 *   worker n --ring--/                          +--> then roll-ups in memory, then a checkpoint
 *
 * A ring is single-producer, single-consumer: `head` is written by its worker alone, `done` by the writer alone,
 * and a slot is free again once its row is durable. The rows of a group are read where they lie; nothing is dropped
 * before its commit, so a group that met a full disk is simply tried again.
 *
 * Roll-ups: a group is folded into memory after its commit. A flush adds what was folded so far to the tables in
 * the next transaction, together with the mark "up to the last row of the group before".
 */
#include "ledger/writer.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/store.h"

enum {
	GROUP_MOST = 4096,           /* rows in one transaction: bounds the time that one takes */
	RELAXED_WAIT_US = 4000,      /* gathers this long; with the commit below the promised 10 ms. Longer, and the
				      * burst of its rows shows in the tail of calls that share the core */
	FLUSH_EVERY_US = 1000000,
	FLUSH_ITEMS = 1 << 15,       /* pending roll-ups that force a flush before its second is over */
	DISK_FULL_RETRY_US = 1000000,
	NO_MEMORY_RETRY_US = 50000,
	STOP_TRIES = 20,
	RING_ROWS = 8192
};

enum turn {
	BUSY,   /* the writer works, or is about to look */
	ASKED,  /* somebody wants a commit */
	ASLEEP  /* the writer sleeps until somebody does */
};

struct slot {
	struct call call;
	char *raw;
	size_t raw_n;
};

struct ring {
	_Alignas(64) _Atomic uint64_t head; /* rows pushed */
	_Alignas(64) _Atomic uint64_t done; /* rows durable */
	_Alignas(64) uint64_t taken;        /* rows in the transaction under way (writer's own) */
	uint32_t *slot_of;                  /* by row: where it lies among the slots */
	struct slot *slots;
	/* The worker's own: the free slots, and the row up to which it has taken them back. The one that was freed last
	 * is used next: rows are written where the cache is warm, and not all round a ring of megabytes. */
	_Alignas(64) uint64_t freed;
	uint32_t *spare;
	uint64_t spares;
};

struct pending { /* a row of the group, for folding after its commit */
	const struct call *call;
	int64_t label;
};

struct writer {
	struct writer_config config;
	struct ring *rings;
	uint64_t mask;
	struct ledger *ledger; /* the thread's own */
	int role_fd;
	pthread_t thread;
	_Atomic uint32_t turn;     /* futex: enum turn */
	_Atomic uint32_t commits;  /* futex: flushers wait for commits */
	_Atomic uint32_t flushers; /* how many do */
	_Atomic int state;
	_Atomic bool stop;
	_Atomic uint64_t rows, last_us, longest_us;
	/* the thread's */
	struct pending *group;
	unsigned group_rows;
	bool more;               /* the last group was as large as one may be: another one follows unasked */
	struct rollup rollup;
	int64_t known_row, mark; /* newest row that was seen; newest row in the stored roll-ups */
	uint64_t flushed_us;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_us)
{
	struct timespec t = {timeout_us / US_PER_S, timeout_us % US_PER_S * 1000};
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout_us < 0 ? NULL : &t, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static struct slot *slot_of(const struct writer *w, const struct ring *r, uint64_t row)
{
	return &r->slots[r->slot_of[row & w->mask]];
}

/* ---- the workers' side ---- */

void writer_kick(struct writer *w)
{
	if (atomic_exchange(&w->turn, ASKED) == ASLEEP)
		futex_wake(&w->turn);
}

uint64_t writer_push(struct writer *w, unsigned worker, const struct call *c, struct str raw_usage)
{
	uint64_t seq = writer_add(w, worker, c, raw_usage);
	if (seq)
		writer_kick(w);
	return seq;
}

uint64_t writer_add(struct writer *w, unsigned worker, const struct call *c, struct str raw_usage)
{
	struct ring *r = &w->rings[worker];
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint64_t done = atomic_load_explicit(&r->done, memory_order_acquire);
	struct slot *s;
	char *raw = NULL;
	if (atomic_load(&w->state) == WRITER_FAILED || atomic_load(&w->stop))
		return 0;
	while (r->freed < done)
		r->spare[r->spares++] = r->slot_of[r->freed++ & w->mask];
	if (!r->spares)
		return 0;
	if (raw_usage.n) {
		raw = malloc(raw_usage.n);
		if (!raw)
			return 0;
		memcpy(raw, raw_usage.p, raw_usage.n);
	}
	r->slot_of[head & w->mask] = r->spare[--r->spares];
	s = slot_of(w, r, head);
	s->call = *c;
	s->raw = raw;
	s->raw_n = raw_usage.n;
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return head + 1;
}

uint64_t writer_done(const struct writer *w, unsigned worker)
{
	return atomic_load_explicit(&w->rings[worker].done, memory_order_acquire);
}

enum writer_state writer_state(const struct writer *w)
{
	int state = atomic_load(&w->state);
	for (unsigned i = 0; i < w->config.workers && state == WRITER_OK; i++)
		if (atomic_load(&w->rings[i].head) - atomic_load(&w->rings[i].done) > w->mask)
			state = WRITER_FULL;
	return (enum writer_state)state;
}

void writer_stats(const struct writer *w, struct writer_stats *out)
{
	out->rows = atomic_load(&w->rows);
	out->commits = atomic_load(&w->commits);
	out->last_commit_us = atomic_load(&w->last_us);
	out->longest_commit_us = atomic_load(&w->longest_us);
	out->queued = 0;
	for (unsigned i = 0; i < w->config.workers; i++) {
		uint64_t done = atomic_load(&w->rings[i].done);
		out->queued += atomic_load(&w->rings[i].head) - done;
	}
}

int writer_flush(struct writer *w)
{
	int rc = 0;
	atomic_fetch_add(&w->flushers, 1);
	writer_kick(w);
	for (unsigned i = 0; i < w->config.workers && !rc; i++) {
		uint64_t target = atomic_load(&w->rings[i].head);
		for (;;) {
			uint32_t commits = atomic_load(&w->commits);
			if (atomic_load(&w->rings[i].done) >= target)
				break;
			if (atomic_load(&w->state) == WRITER_FAILED) {
				rc = -RR_STORE;
				break;
			}
			futex_wait(&w->commits, commits, US_PER_S / 10);
		}
	}
	atomic_fetch_sub(&w->flushers, 1);
	return rc;
}

/* ---- the writer's thread ---- */

static uint64_t waiting(struct writer *w)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < w->config.workers; i++)
		n += atomic_load(&w->rings[i].head) - atomic_load_explicit(&w->rings[i].done, memory_order_relaxed);
	return n;
}

/* Sleeps until somebody asks or the timeout (<0: none). True when somebody did. */
static bool rest(struct writer *w, int64_t timeout_us)
{
	uint32_t busy = BUSY;
	if (atomic_compare_exchange_strong(&w->turn, &busy, ASLEEP))
		futex_wait(&w->turn, ASLEEP, timeout_us);
	/* Who asked had put its row into a ring before: after this exchange it is seen there. */
	return atomic_exchange(&w->turn, BUSY) == ASKED;
}

static void tell_flushers(struct writer *w)
{
	atomic_fetch_add(&w->commits, 1);
	if (atomic_load(&w->flushers))
		futex_wake(&w->commits);
}

/* Rows that another process added since our last look: they belong to nobody's pending roll-ups. */
static int adopt_foreign_rows(struct writer *w, struct err *e)
{
	struct ledger *l = w->ledger;
	int64_t mark;
	int rc;
	if (l->last_row == w->known_row)
		return 0;
	rc = rollup_mark(l, &mark, e);
	if (rc)
		return rc;
	if (mark > w->mark) { /* that process flushed its own, which it does only when nothing of ours was pending */
		w->mark = mark;
		if (w->known_row < mark)
			w->known_row = mark;
	}
	rc = rollup_fold_rows(l, &w->rollup, w->known_row, l->last_row, e);
	if (!rc)
		w->known_row = l->last_row;
	return rc;
}

static int add_group(struct writer *w, struct err *e)
{
	struct ledger *l = w->ledger;
	unsigned fair = GROUP_MOST / w->config.workers;
	int rc = 0;
	w->group_rows = 0;
	w->more = false;
	for (unsigned i = 0; i < w->config.workers && !rc; i++) {
		struct ring *r = &w->rings[i];
		uint64_t at = atomic_load_explicit(&r->done, memory_order_relaxed);
		uint64_t end = atomic_load_explicit(&r->head, memory_order_acquire);
		if (end - at > fair) {
			end = at + fair;
			w->more = true;
		}
		for (; at < end && !rc; at++) {
			const struct slot *s = slot_of(w, r, at);
			struct label *lb;
			rc = row_add(l, &s->call, l->last_row + 1, NULL, &lb, e);
			if (!rc && s->raw)
				rc = ledger_add_raw_usage(l, s->call.id, str_make(s->raw, s->raw_n), e);
			if (rc)
				break;
			l->last_row++;
			w->group[w->group_rows++] = (struct pending){&s->call, lb->id};
		}
		r->taken = at;
	}
	return rc;
}

/* One transaction: all that waits, and the roll-ups if they are due. */
static int commit_group(struct writer *w, bool flush, struct err *e)
{
	struct ledger *l = w->ledger;
	uint64_t before = clock_mono(&clock_system);
	int rc;
	l->disk_full = l->again = false;
	rc = ledger_begin(l, e);
	if (!rc)
		rc = adopt_foreign_rows(w, e);
	if (!rc && flush)
		rc = rollup_flush(l, &w->rollup, w->known_row, e);
	if (!rc)
		rc = add_group(w, e);
	if (!rc)
		rc = store_commit_only(l, e);
	if (rc) {
		ledger_rollback(l);
		return rc;
	}
	if (flush) {
		w->mark = w->known_row;
		rollup_drop(&w->rollup);
		w->flushed_us = before;
	}
	w->known_row = l->last_row;
	atomic_store(&w->last_us, clock_mono(&clock_system) - before);
	if (atomic_load(&w->last_us) > atomic_load(&w->longest_us))
		atomic_store(&w->longest_us, atomic_load(&w->last_us));
	return 0;
}

/* Folds the group, then frees its slots and tells the workers. */
static int release_group(struct writer *w, struct err *e)
{
	int rc = 0;
	for (unsigned i = 0; i < w->group_rows && !rc; i++) {
		struct label *lb;
		rc = label_by_id(w->ledger, w->group[i].label, &lb, e);
		if (!rc)
			rc = rollup_fold(&w->rollup, w->group[i].call, lb, 1);
	}
	/* The rows are durable whatever became of the fold: their answers may go. */
	for (unsigned i = 0; i < w->config.workers; i++) {
		struct ring *r = &w->rings[i];
		uint64_t done = atomic_load_explicit(&r->done, memory_order_relaxed);
		if (r->taken == done)
			continue;
		for (uint64_t at = done; at < r->taken; at++)
			free(slot_of(w, r, at)->raw);
		atomic_store(&r->done, r->taken);
		if (w->config.on_done)
			w->config.on_done(w->config.arg, i);
	}
	atomic_fetch_add(&w->rows, w->group_rows);
	tell_flushers(w);
	w->group_rows = 0;
	return rc;
}

static void fail(struct writer *w, const struct err *e)
{
	atomic_store(&w->state, WRITER_FAILED);
	LOG(LOG_ERROR, "ledger_failed", LOG_S("why", str_of(e->what)));
	for (unsigned i = 0; i < w->config.workers && w->config.on_done; i++)
		w->config.on_done(w->config.arg, i); /* so that each worker looks at the state */
	tell_flushers(w);
}

static bool flush_due(const struct writer *w)
{
	return w->rollup.count && (w->rollup.count >= FLUSH_ITEMS || atomic_load(&w->stop) ||
				   clock_mono(&clock_system) - w->flushed_us >= FLUSH_EVERY_US);
}

/* What was folded halfway is worth nothing: the rows above the stored mark are folded anew, from the ledger. */
static void fold_again(struct writer *w)
{
	w->group_rows = 0;
	rollup_drop(&w->rollup);
	w->known_row = w->mark;
}

static void *run(void *arg)
{
	struct writer *w = arg;
	unsigned waited = 0;
	bool asked = false;
	for (;;) {
		bool stop = atomic_load(&w->stop), flush = flush_due(w);
		struct err e = {0};
		uint64_t n;
		int rc;
		asked |= atomic_exchange(&w->turn, BUSY) == ASKED;
		n = asked || stop ? waiting(w) : 0;
		if (n == 0 && !flush) {
			if (stop)
				break;
			asked = rest(w, w->rollup.count ? FLUSH_EVERY_US : -1);
			continue;
		}
		if (n && n < GROUP_MOST && !stop && w->config.durability == DURABILITY_RELAXED) {
			struct timespec t = {0, RELAXED_WAIT_US * 1000};
			nanosleep(&t, NULL);
		}
		rc = commit_group(w, flush, &e);
		if (rc && (rc == -RR_NOMEM || e.code == RR_NOMEM ||
			   w->ledger->again)) { /* rolled back and kept: nothing was acknowledged */
			LOG(LOG_ERROR, "ledger_waits", LOG_S("why", str_of(e.what)));
			if (stop && ++waited > STOP_TRIES)
				break;
			fold_again(w);
			rest(w, NO_MEMORY_RETRY_US);
			asked = true;
			continue;
		}
		if (rc && w->ledger->disk_full) {
			if (atomic_exchange(&w->state, WRITER_DISK_FULL) != WRITER_DISK_FULL)
				LOG(LOG_ERROR, "disk_full", LOG_S("ledger", str_of(w->config.ledger_path)),
				    LOG_N("queued", n));
			if (stop)
				break; /* nothing that waits was acknowledged */
			rest(w, DISK_FULL_RETRY_US); /* a kick wakes us early, no harm */
			asked = true;
			continue;
		}
		asked = w->more;
		if (!rc) {
			atomic_store(&w->state, WRITER_OK);
			rc = release_group(w, &e);
			if (rc && (rc == -RR_NOMEM || e.code == RR_NOMEM))
				fold_again(w);
			else if (!rc)
				rc = store_checkpoint(w->ledger, &e);
			/* A checkpoint copies what the log holds already; on a full disk, or without memory, it waits
			 * for better days. */
			if (rc && (rc == -RR_NOMEM || e.code == RR_NOMEM || w->ledger->again || w->ledger->disk_full))
				rc = 0;
		}
		if (rc) {
			fail(w, &e);
			break;
		}
	}
	return NULL;
}

/* ---- opening and closing ---- */

static void writer_free(struct writer *w)
{
	for (unsigned i = 0; w->rings && i < w->config.workers; i++) {
		struct ring *r = &w->rings[i];
		for (uint64_t at = r->done; at < r->head; at++)
			free(slot_of(w, r, at)->raw);
		free(r->slots);
		free(r->slot_of);
		free(r->spare);
	}
	free(w->rings);
	free(w->group);
	rollup_fini(&w->rollup);
	ledger_close(w->ledger);
	if (w->role_fd >= 0)
		close(w->role_fd);
	free((char *)w->config.ledger_path);
	free(w);
}

static int fold_tail(struct writer *w, struct err *e)
{
	struct ledger *l = w->ledger;
	bool opened;
	int rc = store_read_begin(l, &opened, e);
	if (rc)
		return rc;
	w->known_row = call_max_row(l, e);
	rc = w->known_row < 0 ? -RR_STORE : rollup_mark(l, &w->mark, e);
	if (!rc)
		rc = rollup_fold_rows(l, &w->rollup, w->mark, w->known_row, e);
	store_read_end(l, opened);
	return rc;
}

static bool ring_init(struct ring *r, uint64_t rows)
{
	r->slots = calloc(rows, sizeof *r->slots);
	r->slot_of = calloc(rows, sizeof *r->slot_of);
	r->spare = calloc(rows, sizeof *r->spare);
	if (!r->slots || !r->slot_of || !r->spare)
		return false;
	for (; r->spares < rows; r->spares++)
		r->spare[r->spares] = (uint32_t)(rows - 1 - r->spares);
	return true;
}

struct writer *writer_open(const struct writer_config *c, struct err *e)
{
	struct writer *w = calloc(1, sizeof *w);
	uint64_t rows = c->ring_rows ? c->ring_rows : RING_ROWS;
	int rc = -RR_NOMEM;
	check((rows & (rows - 1)) == 0 && c->workers > 0 && c->workers <= GROUP_MOST);
	if (!w) {
		err_set(e, RR_NOMEM, "out of memory for the ledger's writer");
		return NULL;
	}
	w->config = *c;
	w->config.ledger_path = strdup(c->ledger_path);
	w->mask = rows - 1;
	w->role_fd = -1;
	w->rings = aligned_alloc(64, c->workers * sizeof *w->rings);
	w->group = calloc(GROUP_MOST, sizeof *w->group);
	if (w->rings)
		memset(w->rings, 0, c->workers * sizeof *w->rings);
	for (unsigned i = 0; w->rings && i < c->workers; i++)
		if (!ring_init(&w->rings[i], rows))
			goto nomem;
	if (!w->config.ledger_path || !w->rings || !w->group)
		goto nomem;
	w->ledger = ledger_open(c->ledger_path, LEDGER_WRITE, e);
	if (!w->ledger)
		goto out;
	ledger_pass_damage(w->ledger);
	w->role_fd = store_role_lock(c->ledger_path, "-gateway", "gateway", e);
	if (w->role_fd < 0)
		goto out;
	rc = fold_tail(w, e);
	if (rc)
		goto out;
	w->flushed_us = clock_mono(&clock_system);
	rc = pthread_create(&w->thread, NULL, run, w);
	if (rc) {
		err_set(e, RR_FAIL, "cannot start the ledger's writer: %s", strerror(rc));
		goto out;
	}
	return w;
nomem:
	err_set(e, RR_NOMEM, "out of memory for the ledger's rings");
out:
	writer_free(w);
	return NULL;
}

void writer_close(struct writer *w)
{
	if (!w)
		return;
	atomic_store(&w->stop, true);
	writer_kick(w);
	pthread_join(w->thread, NULL);
	writer_free(w);
}
