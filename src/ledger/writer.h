/* SPDX-License-Identifier: Apache-2.0
 *
 * The one writer thread: per-worker rings in, group commit out.
 *
 * Durability invariants
 * 1. writer_done(w) >= seq only after the transaction that holds row seq of worker w is on stable storage.
 * 2. A commit starts as soon as the previous one is done and a worker has asked (group mode). A worker asks when its
 *    loop has nothing else to do: a lone row never waits, and under load rows gather, for at most 0.3 ms and the
 *    round at hand. In relaxed mode it asks at once, the writer gathers, and a commit is at most 10 ms away.
 * 3. A ring is never overwritten: a full ring makes writer_push refuse (the worker stops taking requests).
 * 4. A failed commit is never retried as if it had succeeded: the writer stops, says why, and every later
 *    push is refused (RR_STORE). Disk full is the exception: the group is kept and tried again each second;
 *    so is want of memory, or another program's lock, before the commit.
 * 5. Roll-ups are kept in memory and flushed once a second with the high-water row id in the same
 *    transaction; at start the rows above the mark are folded in.
 * 6. Checkpoints run after the answers of a group are released.
 */
#ifndef RR_LEDGER_WRITER_H
#define RR_LEDGER_WRITER_H

#include "ledger/ledger.h"

struct writer;

enum durability { DURABILITY_GROUP, DURABILITY_RELAXED };

struct writer_config {
	const char *ledger_path;
	unsigned workers;
	unsigned ring_rows;             /* a power of two, 8192 */
	enum durability durability;
	/* Called on the writer's thread after each commit, once for each worker whose done-mark moved:
	 * typically rings that worker's doorbell. */
	void (*on_done)(void *arg, unsigned worker);
	void *arg;
};

struct writer *writer_open(const struct writer_config *c, struct err *e);
/* Any raw usage block for this call is copied (may be empty). Sequence number (1..) of the row within its
 * worker, or 0 when refused: writer_state() says why. Only this worker's thread may call it. */
uint64_t writer_push(struct writer *w, unsigned worker, const struct call *c, struct str raw_usage);
/* The two halves of a push, for a worker that has many rows in one round of its loop: add them all, then kick once
 * (writer.h, rule 2). A commit costs what forty rows cost, so a writer that is woken too early costs the most. */
uint64_t writer_add(struct writer *w, unsigned worker, const struct call *c, struct str raw_usage);
void writer_kick(struct writer *w);
uint64_t writer_done(const struct writer *w, unsigned worker);
enum writer_state { WRITER_OK, WRITER_FULL, WRITER_DISK_FULL, WRITER_FAILED };
enum writer_state writer_state(const struct writer *w);
struct writer_stats {
	uint64_t rows, commits, last_commit_us, longest_commit_us, queued;
};
void writer_stats(const struct writer *w, struct writer_stats *out);
/* Waits until all that was pushed is durable. */
int writer_flush(struct writer *w);
void writer_close(struct writer *w); /* flushes */

#endif
