/* SPDX-License-Identifier: Apache-2.0
 *
 * See buf.h. A chunk holds its bytes in [from, to):
 *
 *   head                       tail
 *   [....ABCDEFGH]->[IJKLMNOP]->[QRS.........]
 *        from                        to
 *
 * 1. Every chunk on the list holds at least one byte, save the tail between buf_tail() and buf_commit().
 * 2. An empty queue holds no chunk, so a waiting connection costs no buffer memory.
 * 3. Two neighbours hold more than one chunk's bytes together: buf_move() copies what fits into the tail. So memory
 *    is at most about twice the bytes queued.
 * 4. Only chunks of the standard size go to the free list, at most POOL_CHUNKS a thread (4 MiB).
 */
#include "base/buf.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/memory.h"

enum { POOL_CHUNKS = 256 };

struct buf_chunk {
	struct buf_chunk *next;
	size_t size;
	size_t from;
	size_t to;
	char bytes[];
};

static _Thread_local struct {
	struct buf_chunk *first;
	unsigned count;
} pool;

static struct buf_chunk *chunk_new(size_t size)
{
	struct buf_chunk *c = pool.first;
	if (size == BUF_CHUNK_BYTES && c) {
		pool.first = c->next;
		pool.count--;
	} else {
		c = malloc(sizeof *c + size);
		if (!c)
			return NULL;
		memory_resized(0, size);
		c->size = size;
	}
	c->next = NULL;
	c->from = c->to = 0;
	return c;
}

static void chunk_free(struct buf_chunk *c)
{
	if (c->size == BUF_CHUNK_BYTES && pool.count < POOL_CHUNKS && !memory_low()) {
		c->next = pool.first;
		pool.first = c;
		pool.count++;
	} else {
		memory_resized(c->size, 0);
		free(c);
	}
}

void buf_thread_free(void)
{
	while (pool.first) {
		struct buf_chunk *next = pool.first->next;
		memory_resized(pool.first->size, 0);
		free(pool.first);
		pool.first = next;
	}
	pool.count = 0;
}

void buf_init(struct buf *b, size_t max_bytes)
{
	memset(b, 0, sizeof *b);
	b->max = max_bytes;
}

static void free_list(struct buf_chunk *c)
{
	while (c) {
		struct buf_chunk *next = c->next;
		chunk_free(c);
		c = next;
	}
}

void buf_fini(struct buf *b)
{
	free_list(b->head);
	memset(b, 0, sizeof *b);
}

static void append_chunk(struct buf *b, struct buf_chunk *c)
{
	if (b->tail)
		b->tail->next = c;
	else
		b->head = c;
	b->tail = c;
}

static size_t tail_room(const struct buf *b)
{
	return b->tail ? b->tail->size - b->tail->to : 0;
}

int buf_add(struct buf *b, const char *p, size_t n)
{
	struct buf_chunk *fresh = NULL;
	size_t have = tail_room(b);
	if (n > buf_room(b))
		return -RR_LIMIT;
	for (; have < n; have += BUF_CHUNK_BYTES) {
		struct buf_chunk *c = chunk_new(BUF_CHUNK_BYTES);
		if (!c) {
			free_list(fresh);
			return -RR_NOMEM;
		}
		c->next = fresh;
		fresh = c;
	}
	b->n += n;
	while (n) {
		size_t room = tail_room(b);
		if (room == 0) {
			struct buf_chunk *c = fresh;
			check(c); /* as many were made as are needed */
			fresh = c->next;
			c->next = NULL;
			append_chunk(b, c);
			continue;
		}
		if (room > n)
			room = n;
		memcpy(b->tail->bytes + b->tail->to, p, room);
		b->tail->to += room;
		p += room;
		n -= room;
	}
	check(!fresh);
	return 0;
}

struct str buf_front(const struct buf *b)
{
	const struct buf_chunk *c = b->head;
	return c ? str_make(c->bytes + c->from, c->to - c->from) : str_make(NULL, 0);
}

struct str buf_flat(struct buf *b)
{
	if (b->head != b->tail) {
		size_t size = BUF_CHUNK_BYTES;
		struct buf_chunk *one;
		while (size < b->n)
			size *= 2;
		one = chunk_new(size);
		if (!one)
			return str_make(NULL, 0);
		for (struct buf_chunk *c = b->head; c; c = c->next) {
			memcpy(one->bytes + one->to, c->bytes + c->from, c->to - c->from);
			one->to += c->to - c->from;
		}
		free_list(b->head);
		b->head = b->tail = one;
	}
	return buf_front(b);
}

void buf_drop(struct buf *b, size_t n)
{
	check(n <= b->n);
	b->n -= n;
	while (n) {
		struct buf_chunk *c = b->head;
		size_t here;
		check(c);
		here = c->to - c->from;
		if (n < here) {
			c->from += n;
			return;
		}
		n -= here;
		b->head = c->next;
		if (!b->head)
			b->tail = NULL;
		chunk_free(c);
	}
}

unsigned buf_iov(const struct buf *b, struct iovec *iov, unsigned count)
{
	unsigned n = 0;
	for (struct buf_chunk *c = b->head; c && n < count; c = c->next) {
		if (c->to == c->from)
			continue;
		iov[n].iov_base = c->bytes + c->from;
		iov[n].iov_len = c->to - c->from;
		n++;
	}
	return n;
}

struct str buf_tail(struct buf *b, char **writable)
{
	size_t room = buf_room(b);
	*writable = NULL;
	if (room == 0)
		return str_make(NULL, 0);
	if (tail_room(b) == 0) {
		struct buf_chunk *c = chunk_new(BUF_CHUNK_BYTES);
		if (!c)
			return str_make(NULL, 0);
		append_chunk(b, c);
	}
	if (room > tail_room(b))
		room = tail_room(b);
	*writable = b->tail->bytes + b->tail->to;
	return str_make(*writable, room);
}

/* Takes an empty tail off again (rule 1). */
static void trim_tail(struct buf *b)
{
	struct buf_chunk *c = b->head, *before = NULL;
	if (!b->tail || b->tail->to > b->tail->from)
		return;
	while (c != b->tail) {
		before = c;
		c = c->next;
	}
	chunk_free(c);
	b->tail = before;
	if (before)
		before->next = NULL;
	else
		b->head = NULL;
}

void buf_commit(struct buf *b, size_t n)
{
	check(n <= tail_room(b) && n <= buf_room(b));
	if (b->tail)
		b->tail->to += n;
	b->n += n;
	if (n == 0)
		trim_tail(b);
}

int buf_move(struct buf *dst, struct buf *src)
{
	check(dst != src);
	if (src->n > buf_room(dst))
		return -RR_LIMIT;
	trim_tail(src);
	if (src->n == 0)
		return 0;
	trim_tail(dst);
	if (src->n <= tail_room(dst)) {
		for (struct buf_chunk *c = src->head; c; c = c->next) {
			memcpy(dst->tail->bytes + dst->tail->to, c->bytes + c->from, c->to - c->from);
			dst->tail->to += c->to - c->from;
		}
		free_list(src->head);
	} else {
		append_chunk(dst, src->head);
		dst->tail = src->tail;
	}
	dst->n += src->n;
	src->head = src->tail = NULL;
	src->n = 0;
	return 0;
}
