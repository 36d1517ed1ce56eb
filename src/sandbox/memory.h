/* SPDX-License-Identifier: Apache-2.0
 *
 * Which prompt prefixes a pretend vendor's cache still holds.
 *
 * A prefix is a hash over organisation, model and every byte before its end. The table has a fixed number of
 * slots; a full neighbourhood forgets the entry that would expire first, as a busy cache does.
 */
#ifndef RR_SANDBOX_MEMORY_H
#define RR_SANDBOX_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

enum { MEMORY_SLOTS = 65536, MEMORY_NEAR = 8 };

struct memory {
	struct memory_slot {
		uint64_t key, until_us;
	} *slot; /* NULL: remembers nothing */
};

/* Prefixes that an answer will write once it begins: before that nobody can read them. */
struct memory_writes {
	uint64_t *key;
	uint64_t *keep_us;
	unsigned count, most;
};

int memory_init(struct memory *m); /* 0 or -RR_NOMEM */
void memory_fini(struct memory *m);
bool memory_has(const struct memory *m, uint64_t key, uint64_t now_us);
void memory_put(struct memory *m, uint64_t key, uint64_t until_us, uint64_t now_us);

#endif
