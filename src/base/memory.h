/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory the process holds, against a ceiling that its operator set.
 *
 *     held = what the growing things of base (sb, buf, arena) have, counted as they grow
 *          + what nobody counts (SQLite, TLS, the allocator's own waste): what the kernel says is resident, looked at
 *            now and then, less what was counted then
 *          + what was promised to bodies that are still on their way
 *
 * So what grows fast is seen at once, and all else within a look. Two marks: above `low` no new work is begun and
 * nothing is kept for later; above `none` a single thing that is large already may not grow: it fails as it would
 * without memory, which everybody here survives. Without a ceiling nothing is counted.
 */
#ifndef RR_BASE_MEMORY_H
#define RR_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MEMORY_LOOK_US = 20000,
	MEMORY_COUNTED_BYTES = 4096,    /* smaller things are left to the looks */
	MEMORY_LARGE_BYTES = 64 * 1024, /* what has not grown above this may always grow */
};
#define MEMORY_LEAST_BYTES (UINT64_C(32) * 1024 * 1024) /* a lower ceiling would leave nothing to work with */

/* Once, before there are threads; 0 = none. */
void memory_set_ceiling(uint64_t bytes);
uint64_t memory_ceiling(void);
uint64_t memory_held(void);
/* Is there little left? Looks anew where the last look is older than MEMORY_LOOK_US. */
bool memory_low_at(uint64_t now_us);
bool memory_low(void); /* by the last look and the counts */
/* May work that needs so many bytes be begun? */
bool memory_may_begin(size_t bytes);
/* May something large take so many bytes more? */
bool memory_may_grow(size_t bytes);
/* A thing of `from` bytes has now `to`. */
void memory_resized(size_t from, size_t to);
void memory_promise(int64_t bytes); /* negative: kept, or no longer needed */

#endif
