/* SPDX-License-Identifier: Apache-2.0
 *
 * See feed.h. Blocks are used in turn: `made` of them were handed over, `stored` are done; block number n stands at
 * n % BLOCKS. The counters are under the lock, the blocks themselves belong to one side at a time.
 */
#include "import/feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/array.h"
#include "base/buf.h"

enum { BLOCKS = 32, ROWS = 256, TEXT_BYTES = 64 * 1024 * 1024 };

struct row {
	struct call call;
	struct hash128 natural, body;
	int64_t line;
	uint32_t group;
	size_t claimed_at, claimed_n; /* in the block's texts */
};

struct block {
	struct row row[ROWS];
	unsigned count;
	struct sb text;
};

struct feed {
	struct import *im;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, less; /* a block was handed over; one was stored */
	uint64_t made, stored;
	bool end, draining, by_day;
	bool idle; /* the storing thread has no transaction open and no block to store */
	int rc;
	struct err failed;
	struct feed_counts counts; /* the storing thread's until the end */
	struct block block[BLOCKS];
};

/* Until the transaction that is open has to end; then, or when somebody drains, it ends. Then the thread is idle and
 * touches the ledger no more until the next block. The lock is held, and given up in between. */
static void rest(struct feed *f)
{
	int64_t left_us = f->draining ? 0 : ledger_import_hold_us(f->im);
	struct timespec until;
	struct err e = {0};
	int rc;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (left_us > 0 ? left_us : 0) * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (left_us > 0 && pthread_cond_timedwait(&f->more, &f->lock, &until) == 0)
		return; /* a block, a drain, the end, or nothing: the caller looks again */
	pthread_mutex_unlock(&f->lock);
	rc = ledger_import_pause(f->im, &e);
	pthread_mutex_lock(&f->lock);
	if (rc && !f->rc) {
		f->rc = rc;
		f->failed = e;
	}
	f->idle = true;
	pthread_cond_signal(&f->less);
}

static bool wait_for_block(struct feed *f)
{
	bool there;
	pthread_mutex_lock(&f->lock);
	while (f->made == f->stored && !(f->end && f->idle))
		if (f->idle)
			pthread_cond_wait(&f->more, &f->lock);
		else
			rest(f);
	there = f->made > f->stored;
	f->idle = f->idle && !there;
	pthread_mutex_unlock(&f->lock);
	return there;
}

static int note_day(struct feed_counts *n, const struct call *c, uint32_t group, struct err *e)
{
	int64_t day = c->start_us / US_PER_DAY;
	unsigned i = n->days;
	while (i > 0 && (n->day[i - 1].day != day || n->day[i - 1].group != group)) /* rows come by days, mostly */
		i--;
	if (i == 0 && !array_room(n->day, n->days, n->room, ARRAY_MOST))
		return err_set(e, RR_NOMEM, "out of memory for the days of an import");
	if (i == 0) {
		n->day[n->days] = (struct feed_day){.day = day, .group = group};
		i = ++n->days;
	}
	if (c->billed_pico == BILLED_UNKNOWN)
		n->day[i - 1].tok += usage_total_tok(&c->usage);
	else
		n->day[i - 1].billed_pico += c->billed_pico;
	return 0;
}

static int store(struct feed *f, struct block *b, struct err *e)
{
	int rc = 0;
	for (unsigned i = 0; i < b->count && !rc; i++) {
		struct row *r = &b->row[i];
		enum import_result result;
		rc = ledger_import_add(f->im, &r->call, r->natural, r->body, r->line,
				       str_make(b->text.p ? b->text.p + r->claimed_at : "", r->claimed_n), &result, e);
		if (!rc && f->by_day && result == IMPORT_NEW)
			rc = note_day(&f->counts, &r->call, r->group, e);
		if (!rc)
			*(result == IMPORT_NEW	       ? &f->counts.added
			  : result == IMPORT_DUPLICATE ? &f->counts.duplicate
						       : &f->counts.revised) += 1;
	}
	b->count = 0;
	sb_clear(&b->text);
	return rc;
}

static void *run(void *arg)
{
	struct feed *f = arg;
	int rc = 0;
	while (wait_for_block(f)) {
		struct err e = {0};
		struct block *b = &f->block[f->stored % BLOCKS];
		if (rc == 0)
			rc = store(f, b, &e);
		b->count = 0;
		pthread_mutex_lock(&f->lock);
		if (rc && !f->rc) {
			f->rc = rc;
			f->failed = e;
		}
		f->stored++;
		pthread_cond_signal(&f->less);
		pthread_mutex_unlock(&f->lock);
	}
	return NULL;
}

struct feed *feed_open(struct import *im, bool by_day, struct err *e)
{
	struct feed *f = calloc(1, sizeof *f);
	pthread_condattr_t mono;
	if (!f) {
		err_set(e, RR_NOMEM, "out of memory for an import");
		return NULL;
	}
	f->im = im;
	f->by_day = by_day;
	for (unsigned i = 0; i < BLOCKS; i++)
		sb_init(&f->block[i].text, TEXT_BYTES);
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&f->more, &mono);
	pthread_cond_init(&f->less, NULL);
	pthread_condattr_destroy(&mono);
	if (pthread_create(&f->thread, NULL, run, f)) {
		err_set(e, RR_NOMEM, "no thread for an import");
		free(f);
		return NULL;
	}
	return f;
}

/* The block being filled goes over; then `most` handed-over blocks may remain. The lock is held. */
static int hand_over(struct feed *f, uint64_t most, struct err *e)
{
	if (f->block[f->made % BLOCKS].count) {
		f->made++;
		pthread_cond_signal(&f->more);
	}
	while (f->made - f->stored > most)
		pthread_cond_wait(&f->less, &f->lock);
	if (f->rc && e)
		*e = f->failed;
	return f->rc;
}

static int settle(struct feed *f, struct err *e)
{
	hand_over(f, 0, NULL);
	f->draining = true;
	pthread_cond_signal(&f->more);
	while (!f->idle)
		pthread_cond_wait(&f->less, &f->lock);
	f->draining = false;
	if (f->rc && e)
		*e = f->failed;
	return f->rc;
}

int feed_push(struct feed *f, const struct call *c, struct hash128 natural, struct hash128 body, int64_t line,
	      struct str claimed, uint32_t group, struct err *e)
{
	struct block *b = &f->block[f->made % BLOCKS];
	struct row *r = &b->row[b->count];
	int rc;
	r->call = *c;
	r->natural = natural;
	r->body = body;
	r->line = line;
	r->group = group;
	r->claimed_at = b->text.n;
	r->claimed_n = claimed.n;
	sb_add_str(&b->text, claimed);
	if (b->text.full)
		return err_set(e, RR_LIMIT, "an amount's text is too long");
	if (++b->count < ROWS)
		return 0;
	pthread_mutex_lock(&f->lock);
	rc = hand_over(f, BLOCKS - 1, e);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int feed_drain(struct feed *f, struct err *e)
{
	int rc;
	pthread_mutex_lock(&f->lock);
	rc = settle(f, e);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int feed_close(struct feed *f, struct feed_counts *out, struct err *e)
{
	int rc;
	if (!f)
		return 0;
	pthread_mutex_lock(&f->lock);
	rc = settle(f, e);
	f->end = true;
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	if (out)
		*out = f->counts;
	else
		free(f->counts.day);
	for (unsigned i = 0; i < BLOCKS; i++)
		sb_fini(&f->block[i].text);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->more);
	pthread_cond_destroy(&f->less);
	free(f);
	return rc;
}
