/* SPDX-License-Identifier: Apache-2.0
 *
 * See memory.h. All counters are relaxed: what one thread sees a moment late is within the margin between the marks.
 */
#include "base/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRIM_US = 500000, MMAP_BYTES = 128 * 1024, FADE = 16 };

static struct {
	uint64_t ceiling, low, none;
	int statm; /* /proc/self/statm, kept open: it must work when descriptors are out too */
	atomic_int_fast64_t counted, promised;
	atomic_int_fast64_t base; /* what nobody counts: resident - counted, when it was highest */
	atomic_uint_fast64_t look_us, trim_us; /* not before */
} memory = {.statm = -1};

static int64_t resident(void)
{
	char text[64], *at;
	ssize_t n = pread(memory.statm, text, sizeof text - 1, 0);
	if (n <= 0)
		return -1;
	text[n] = 0;
	strtoull(text, &at, 10); /* size */
	return (int64_t)strtoull(at, NULL, 10) * sysconf(_SC_PAGESIZE);
}

/* What was counted and not yet touched is not resident, and hides as much of what nobody counts. So what was seen of
 * that is forgotten slowly: a FADE-th a look. */
static void look(void)
{
	int64_t counted = atomic_load_explicit(&memory.counted, memory_order_relaxed), now = resident();
	int64_t base = atomic_load_explicit(&memory.base, memory_order_relaxed);
	if (now < 0)
		return;
	base -= base / FADE;
	atomic_store_explicit(&memory.base, now - counted > base ? now - counted : base, memory_order_relaxed);
}

void memory_set_ceiling(uint64_t bytes)
{
	if (memory.statm >= 0)
		close(memory.statm);
	memory.statm = bytes ? open("/proc/self/statm", O_RDONLY | O_CLOEXEC) : -1;
	memory.ceiling = memory.statm >= 0 ? bytes : 0;
	memory.low = bytes - bytes / 8;
	memory.none = bytes - bytes / 16;
	if (!memory.ceiling)
		return;
	/* Large buffers come from the kernel and go back to it, whatever was freed before. */
	mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	atomic_store(&memory.base, 0);
	look();
}

uint64_t memory_ceiling(void)
{
	return memory.ceiling;
}

uint64_t memory_held(void)
{
	int64_t held = atomic_load_explicit(&memory.base, memory_order_relaxed) +
		       atomic_load_explicit(&memory.counted, memory_order_relaxed) +
		       atomic_load_explicit(&memory.promised, memory_order_relaxed);
	return held > 0 ? (uint64_t)held : 0;
}

bool memory_low(void)
{
	return memory.ceiling && memory_held() > memory.low;
}

bool memory_low_at(uint64_t now_us)
{
	uint64_t due;
	if (!memory.ceiling)
		return false;
	due = atomic_load_explicit(&memory.look_us, memory_order_relaxed);
	if (now_us >= due && atomic_compare_exchange_strong(&memory.look_us, &due, now_us + MEMORY_LOOK_US)) {
		look();
		due = atomic_load_explicit(&memory.trim_us, memory_order_relaxed);
		/* What was freed and not given back must not keep us low for ever. */
		if (memory_low() && now_us >= due &&
		    atomic_compare_exchange_strong(&memory.trim_us, &due, now_us + TRIM_US)) {
			malloc_trim(0);
			look();
		}
	}
	return memory_low();
}

bool memory_may_begin(size_t bytes)
{
	return !memory.ceiling || memory_held() + bytes <= memory.low;
}

bool memory_may_grow(size_t bytes)
{
	return !memory.ceiling || memory_held() + bytes <= memory.none;
}

void memory_resized(size_t from, size_t to)
{
	int64_t more = (to >= MEMORY_COUNTED_BYTES ? (int64_t)to : 0) -
		       (from >= MEMORY_COUNTED_BYTES ? (int64_t)from : 0);
	if (memory.ceiling && more)
		atomic_fetch_add_explicit(&memory.counted, more, memory_order_relaxed);
}

void memory_promise(int64_t bytes)
{
	if (memory.ceiling && bytes)
		atomic_fetch_add_explicit(&memory.promised, bytes, memory_order_relaxed);
}
