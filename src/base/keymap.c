/* SPDX-License-Identifier: Apache-2.0
 *
 * See keymap.h. A key's place in its part is (its low 32 bits) x slots >> 32, so that slots need not be a power of two.
 */
#include "base/keymap.h"

#include <stdlib.h>

enum { PARTS = 256, FIRST_SLOTS = 16 };

struct part {
	uint64_t *key;
	uint32_t *number; /* 0 = free */
	uint32_t slots, used;
};

struct keymap {
	struct part part[PARTS];
	uint64_t count;
};

struct keymap *keymap_new(void)
{
	return calloc(1, sizeof(struct keymap));
}

void keymap_free(struct keymap *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < PARTS; i++) {
		free(m->part[i].key);
		free(m->part[i].number);
	}
	free(m);
}

static uint32_t first_slot(const struct part *p, uint64_t key)
{
	return (uint32_t)(((key & UINT32_MAX) * p->slots) >> 32);
}

static uint32_t slot_of(const struct part *p, uint64_t key)
{
	uint32_t i = first_slot(p, key);
	while (p->number[i] && p->key[i] != key)
		i = i + 1 == p->slots ? 0 : i + 1;
	return i;
}

static bool grow(struct part *p)
{
	struct part n = {.slots = p->slots ? p->slots + p->slots / 4 : FIRST_SLOTS, .used = p->used};
	n.key = malloc(n.slots * sizeof *n.key);
	n.number = calloc(n.slots, sizeof *n.number);
	if (!n.key || !n.number) {
		free(n.key);
		free(n.number);
		return false;
	}
	for (uint32_t i = 0; i < p->slots; i++)
		if (p->number[i]) {
			uint32_t at = slot_of(&n, p->key[i]);
			n.key[at] = p->key[i];
			n.number[at] = p->number[i];
		}
	free(p->key);
	free(p->number);
	*p = n;
	return true;
}

uint32_t keymap_get(const struct keymap *m, uint64_t key)
{
	const struct part *p = &m->part[key >> 56];
	return p->slots ? p->number[slot_of(p, key)] : 0;
}

uint32_t *keymap_at(struct keymap *m, uint64_t key)
{
	struct part *p = &m->part[key >> 56];
	uint32_t at;
	if ((uint64_t)p->used * 5 >= (uint64_t)p->slots * 4 && !grow(p))
		return NULL;
	at = slot_of(p, key);
	if (!p->number[at]) {
		p->key[at] = key;
		p->used++;
		m->count++;
	}
	return &p->number[at];
}

void keymap_soon(const struct keymap *m, uint64_t key)
{
	const struct part *p = &m->part[key >> 56];
	if (!p->slots)
		return;
	__builtin_prefetch(&p->key[first_slot(p, key)], 1);
	__builtin_prefetch(&p->number[first_slot(p, key)], 1);
}

uint64_t keymap_count(const struct keymap *m)
{
	return m->count;
}
