/* SPDX-License-Identifier: Apache-2.0
 *
 * See intern.h.
 *
 * 1. An id is a place in `entries` (blocks of 1,024 that are never moved or freed).
 * 2. A table is an open-addressing array of ids. Readers probe the current table without a lock: a slot goes from 0
 *    to an id once, with release order, after its entry is complete.
 * 3. Writers hold the lock, probe again, and add. At half full they publish a table of twice the size; the old one
 *    stays for readers that still walk it (all old ones together are smaller than the current one).
 * 4. So a reader may miss a string that is being added, never see half of one; on a miss it takes the lock.
 */
#include "base/intern.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"

enum {
	BLOCK = 1024,
	BLOCKS = INTERN_MOST / BLOCK,
	FIRST_SLOTS = 1024,
	TEXT_BYTES = 64 * 1024,
	OTHER = 1, /* the id of "(other)" */
};

struct entry {
	const char *p;
	uint64_t hash;
	uint32_t n;
};

struct table {
	struct table *older; /* kept for readers that are still in it */
	size_t mask;
	_Atomic uint32_t slot[];
};

/* "(other)" is there before any memory is; its hash is XXH3's (a test holds it to intern_hash's rule). */
static struct entry first_block[BLOCK] = {[OTHER] = {"(other)", UINT64_C(0xE427D354D7E05D27), 7}};

static struct {
	struct table *_Atomic table;
	struct entry *_Atomic block[BLOCKS];
	_Atomic uint32_t count; /* ids given out, 0 and OTHER included */
	/* for the writer, under the lock */
	pthread_mutex_t lock;
	size_t bytes;
	char *text; /* where the next string's bytes go */
	size_t text_left;
} all = {.block = {first_block}, .count = OTHER + 1, .lock = PTHREAD_MUTEX_INITIALIZER};

static struct entry *entry_of(uint32_t id)
{
	return &atomic_load_explicit(&all.block[id / BLOCK], memory_order_acquire)[id % BLOCK];
}

static uint32_t find(const struct table *t, struct str s, uint64_t hash)
{
	if (!t)
		return 0;
	for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
		uint32_t id = atomic_load_explicit(&t->slot[i], memory_order_acquire);
		const struct entry *e;
		if (id == 0)
			return 0;
		e = entry_of(id);
		if (e->hash == hash && str_eq(str_make(e->p, e->n), s))
			return id;
	}
}

static void place(struct table *t, uint32_t id, uint64_t hash)
{
	size_t i = hash & t->mask;
	while (atomic_load_explicit(&t->slot[i], memory_order_relaxed))
		i = (i + 1) & t->mask;
	atomic_store_explicit(&t->slot[i], id, memory_order_release);
}

/* A table with room for one more, or NULL. */
static struct table *table_with_room(uint32_t count)
{
	struct table *old = atomic_load_explicit(&all.table, memory_order_relaxed), *t;
	size_t slots = old ? (old->mask + 1) * 2 : FIRST_SLOTS;
	if (old && (size_t)count * 2 <= old->mask)
		return old;
	t = calloc(1, sizeof *t + slots * sizeof t->slot[0]);
	if (!t)
		return NULL;
	t->older = old;
	t->mask = slots - 1;
	for (uint32_t id = 1; id < count; id++)
		place(t, id, entry_of(id)->hash);
	atomic_store_explicit(&all.table, t, memory_order_release);
	return t;
}

static const char *keep_text(struct str s)
{
	char *p;
	if (all.text_left < s.n + 1) {
		p = malloc(TEXT_BYTES);
		if (!p)
			return NULL;
		all.text = p;
		all.text_left = TEXT_BYTES;
	}
	p = all.text;
	memcpy(p, s.p, s.n);
	p[s.n] = 0;
	all.text += s.n + 1;
	all.text_left -= s.n + 1;
	all.bytes += s.n + 1;
	return p;
}

/* The new id, or OTHER where a limit is reached. The lock is held. */
static uint32_t add(struct str s, uint64_t hash)
{
	uint32_t id = atomic_load_explicit(&all.count, memory_order_relaxed);
	struct entry *block;
	struct table *t;
	const char *p;
	if (id >= INTERN_MOST || s.n > INTERN_BYTES || all.bytes + s.n + 1 > INTERN_ALL_BYTES)
		return OTHER;
	block = atomic_load_explicit(&all.block[id / BLOCK], memory_order_relaxed);
	if (!block) {
		block = calloc(BLOCK, sizeof *block);
		if (!block) {
			mem_lost();
			return OTHER;
		}
		atomic_store_explicit(&all.block[id / BLOCK], block, memory_order_release);
	}
	t = table_with_room(id);
	p = t ? keep_text(s) : NULL;
	if (!p) {
		mem_lost();
		return OTHER;
	}
	block[id % BLOCK] = (struct entry){p, hash, (uint32_t)s.n};
	atomic_store_explicit(&all.count, id + 1, memory_order_release);
	place(t, id, hash);
	return id;
}

uint32_t intern(struct str s)
{
	uint64_t hash;
	uint32_t id;
	if (s.n == 0)
		return 0;
	hash = hash_xxh3(s.p, s.n);
	id = find(atomic_load_explicit(&all.table, memory_order_acquire), s, hash);
	if (id)
		return id;
	pthread_mutex_lock(&all.lock);
	if (!atomic_load_explicit(&all.table, memory_order_relaxed))
		table_with_room(OTHER + 1); /* where "(other)" is found; without memory the rest is that too */
	id = find(atomic_load_explicit(&all.table, memory_order_relaxed), s, hash);
	if (!id)
		id = add(s, hash);
	pthread_mutex_unlock(&all.lock);
	return id;
}

struct str intern_str(uint32_t id)
{
	const struct entry *e;
	if (id == 0)
		return STR("");
	check(id < atomic_load_explicit(&all.count, memory_order_acquire));
	e = entry_of(id);
	return str_make(e->p, e->n);
}

uint64_t intern_hash(uint32_t id)
{
	check(id < atomic_load_explicit(&all.count, memory_order_acquire) || id == 0);
	return id ? entry_of(id)->hash : 0;
}

uint32_t intern_count(void)
{
	return atomic_load_explicit(&all.count, memory_order_acquire);
}
