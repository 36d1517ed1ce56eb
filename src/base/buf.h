/* SPDX-License-Identifier: Apache-2.0
 *
 * A queue of bytes in chunks, with a mandatory maximum: full means "stop reading the peer".
 *
 * Chunks (16 KiB) come from a per-thread free list, so a busy worker allocates nothing. Bytes go in
 * at the tail and out at the head. Back-pressure is a property of the type (curl's bufq): an append
 * beyond the maximum is refused whole with -RR_LIMIT, nothing is ever dropped.
 */
#ifndef RR_BASE_BUF_H
#define RR_BASE_BUF_H

#include <sys/uio.h>

#include "base/str.h"

enum { BUF_CHUNK_BYTES = 16 * 1024 };

struct buf_chunk;

struct buf {
	struct buf_chunk *head;
	struct buf_chunk *tail;
	size_t n;    /* bytes queued */
	size_t max;  /* most bytes that may be queued */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b); /* chunks go back to this thread's free list */
int buf_add(struct buf *b, const char *p, size_t n); /* 0, -RR_LIMIT, -RR_NOMEM: all or nothing */
static inline size_t buf_room(const struct buf *b)
{
	return b->n < b->max ? b->max - b->n : 0;
}
/* The contiguous bytes at the head (empty when none). */
struct str buf_front(const struct buf *b);
/* All queued bytes as one contiguous span: merges chunks if there are several. p NULL on no memory. */
struct str buf_flat(struct buf *b);
void buf_drop(struct buf *b, size_t n); /* n <= b->n */
/* Up to count spans from the head, for writev; returns how many. */
unsigned buf_iov(const struct buf *b, struct iovec *iov, unsigned count);
/* A writable tail span of at least 1 byte (at most the room under max), for read(); commit after.
 * Returns an empty span when full or out of memory. */
struct str buf_tail(struct buf *b, char **writable);
void buf_commit(struct buf *b, size_t n);
/* Moves all of src to the end of dst (chunks are handed over, not copied). 0 or -RR_LIMIT. */
int buf_move(struct buf *dst, struct buf *src);
void buf_thread_free(void); /* frees this thread's free list */

#endif
