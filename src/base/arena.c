/* SPDX-License-Identifier: Apache-2.0
 *
 * See arena.h. Chunks double from 4 KiB to 256 KiB; the newest stands at the head of the list.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/memory.h"

enum { ALIGN = 16, FIRST_BYTES = 4096, MOST_BYTES = 256 * 1024 };

struct arena_chunk {
	struct arena_chunk *older;
	size_t size;
	size_t used;
	_Alignas(ALIGN) char bytes[];
};

void arena_init(struct arena *a, size_t limit_bytes)
{
	memset(a, 0, sizeof *a);
	a->limit_bytes = limit_bytes;
}

static void free_from(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *older = c->older;
		memory_resized(c->size, 0);
		free(c);
		c = older;
	}
}

void arena_fini(struct arena *a)
{
	free_from(a->head);
	memset(a, 0, sizeof *a);
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *first = a->head;
	while (first && first->older) {
		struct arena_chunk *older = first->older;
		memory_resized(first->size, 0);
		free(first);
		first = older;
	}
	a->head = first;
	if (first) {
		memset(first->bytes, 0, first->used);
		first->used = 0;
	}
	a->used_bytes = 0;
	a->full = false;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->head;
	size_t need = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (a->full || need < size || need > a->limit_bytes || a->used_bytes > a->limit_bytes - need) {
		a->full = true;
		return NULL;
	}
	if (!c || c->size - c->used < need) {
		size_t bytes = c ? c->size * 2 : FIRST_BYTES;
		if (bytes > MOST_BYTES)
			bytes = MOST_BYTES;
		if (bytes < need)
			bytes = need;
		c = calloc(1, sizeof *c + bytes);
		if (!c) {
			mem_lost();
			a->full = true;
			return NULL;
		}
		memory_resized(0, bytes);
		c->size = bytes;
		c->older = a->head;
		a->head = c;
	}
	c->used += need;
	a->used_bytes += need;
	return c->bytes + c->used - need;
}

void *arena_alloc_array(struct arena *a, size_t size, size_t count)
{
	size_t bytes;
	if (__builtin_mul_overflow(size, count, &bytes)) {
		a->full = true;
		return NULL;
	}
	return arena_alloc(a, bytes);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (!p)
		return str_make(NULL, 0);
	if (s.n)
		memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	check(n >= 0);
	p = arena_alloc(a, (size_t)n + 1);
	if (!p)
		return str_make(NULL, 0);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return str_make(p, (size_t)n);
}
