/* SPDX-License-Identifier: Apache-2.0
 *
 * Bump memory for one request or one command, freed at once.
 *
 * Nothing in an arena is freed alone. Running over the limit (or out of memory) returns NULL and is
 * sticky: `arena->full` stays set, so that a parser may check once at its end. Chunks are zeroed.
 */
#ifndef RR_BASE_ARENA_H
#define RR_BASE_ARENA_H

#include "base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *head;
	size_t used_bytes;  /* handed out so far, alignment included */
	size_t limit_bytes;
	bool full;
};

void arena_init(struct arena *a, size_t limit_bytes);
void arena_fini(struct arena *a);
/* Frees all but the first chunk and forgets everything. */
void arena_reset(struct arena *a);
/* size zeroed bytes, aligned to 16; NULL when full. */
void *arena_alloc(struct arena *a, size_t size);
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, count) ((type *)arena_alloc_array((a), sizeof(type), (count)))
void *arena_alloc_array(struct arena *a, size_t size, size_t count); /* checks the product */
/* A NUL-terminated copy; an empty str (p NULL) when full. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
