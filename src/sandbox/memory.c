/* SPDX-License-Identifier: Apache-2.0
 *
 * See memory.h.
 */
#include "sandbox/memory.h"

#include <stdlib.h>

#include "base/err.h"

int memory_init(struct memory *m)
{
	m->slot = calloc(MEMORY_SLOTS, sizeof *m->slot);
	return m->slot ? 0 : -RR_NOMEM;
}

void memory_fini(struct memory *m)
{
	free(m->slot);
	m->slot = NULL;
}

static struct memory_slot *near_slot(const struct memory *m, uint64_t key, unsigned i)
{
	return &m->slot[(key + i) % MEMORY_SLOTS];
}

bool memory_has(const struct memory *m, uint64_t key, uint64_t now_us)
{
	for (unsigned i = 0; m->slot && i < MEMORY_NEAR; i++) {
		const struct memory_slot *s = near_slot(m, key, i);
		if (s->key == key && s->until_us > now_us)
			return true;
	}
	return false;
}

void memory_put(struct memory *m, uint64_t key, uint64_t until_us, uint64_t now_us)
{
	struct memory_slot *best = NULL;
	for (unsigned i = 0; m->slot && i < MEMORY_NEAR; i++) {
		struct memory_slot *s = near_slot(m, key, i);
		if (s->key == key) {
			best = s;
			break;
		}
		if (!best || s->until_us < best->until_us)
			best = s;
	}
	if (!best)
		return;
	if (best->key == key && best->until_us > until_us && best->until_us > now_us)
		return; /* a longer life was promised before */
	best->key = key;
	best->until_us = until_us;
}
