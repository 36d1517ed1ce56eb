/* SPDX-License-Identifier: Apache-2.0
 *
 * How often has this key come before? A key is told by 64 bits of its hash; a row whose 64 bits meet another's is then
 * its second occurrence: it still counts, and counts the same way at the next import. Ten million rows of a cloud bill
 * take about 170 MB (base/keymap.h).
 */
#include <stdlib.h>

#include "base/keymap.h"
#include "import/import_i.h"

#define KEYS_MOST (UINT64_C(1) << 28)

struct seen {
	struct keymap *times;
};

struct seen *seen_new(void)
{
	struct seen *s = calloc(1, sizeof *s);
	if (s && !(s->times = keymap_new())) {
		free(s);
		return NULL;
	}
	return s;
}

void seen_free(struct seen *s)
{
	if (s)
		keymap_free(s->times);
	free(s);
}

bool seen_has(const struct seen *s, struct hash128 key)
{
	return keymap_get(s->times, key.lo) != 0;
}

void seen_soon(const struct seen *s, struct hash128 key)
{
	keymap_soon(s->times, key.lo);
}

int seen_count(struct seen *s, struct hash128 key, uint32_t *before)
{
	uint32_t *times = keymap_count(s->times) < KEYS_MOST ? keymap_at(s->times, key.lo) : NULL;
	if (!times)
		return keymap_count(s->times) < KEYS_MOST ? -RR_NOMEM : -RR_LIMIT;
	*before = *times;
	if (*times == UINT16_MAX)
		return -RR_LIMIT;
	++*times;
	return 0;
}
