/* SPDX-License-Identifier: Apache-2.0
 *
 * How often has this key come before? 10 bytes a key, so that ten million rows of a cloud bill take about 170 MB.
 * A key is told by 64 bits of its hash; a row whose 64 bits meet another's is then its second occurrence: it still
 * counts, and counts the same way at the next import.
 */
#include <stdlib.h>

#include "import/import_i.h"

enum { FIRST_SLOTS = 4096 };
#define SLOTS_MOST (UINT64_C(1) << 28)

struct seen {
	uint64_t *key;
	uint16_t *times; /* 0 = free */
	uint64_t slots, used;
};

struct seen *seen_new(void)
{
	return calloc(1, sizeof(struct seen));
}

void seen_free(struct seen *s)
{
	if (!s)
		return;
	free(s->key);
	free(s->times);
	free(s);
}

static uint64_t slot_of(const struct seen *s, uint64_t key)
{
	uint64_t i = key & (s->slots - 1);
	while (s->times[i] && s->key[i] != key)
		i = (i + 1) & (s->slots - 1);
	return i;
}

static int grow(struct seen *s)
{
	struct seen n = {.slots = s->slots ? s->slots * 2 : FIRST_SLOTS, .used = s->used};
	if (n.slots > SLOTS_MOST)
		return -RR_LIMIT;
	n.key = malloc(n.slots * sizeof *n.key);
	n.times = calloc(n.slots, sizeof *n.times);
	if (!n.key || !n.times) {
		free(n.key);
		free(n.times);
		return -RR_LIMIT;
	}
	for (uint64_t i = 0; i < s->slots; i++)
		if (s->times[i]) {
			uint64_t at = slot_of(&n, s->key[i]);
			n.key[at] = s->key[i];
			n.times[at] = s->times[i];
		}
	free(s->key);
	free(s->times);
	s->key = n.key;
	s->times = n.times;
	s->slots = n.slots;
	return 0;
}

bool seen_has(const struct seen *s, struct hash128 key)
{
	return s->slots && s->times[slot_of(s, key.lo)] != 0;
}

int seen_count(struct seen *s, struct hash128 key, uint32_t *before)
{
	uint64_t i;
	if (s->used * 10 >= s->slots * 7) {
		int rc = grow(s);
		if (rc)
			return rc;
	}
	i = slot_of(s, key.lo);
	s->used += s->times[i] == 0;
	s->key[i] = key.lo;
	*before = s->times[i];
	if (s->times[i] == UINT16_MAX)
		return -RR_LIMIT;
	s->times[i]++;
	return 0;
}
