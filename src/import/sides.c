/* SPDX-License-Identifier: Apache-2.0
 *
 * See sides.h.
 */
#include "import/sides.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/keymap.h"

static bool same(const struct sides_cell *a, const struct sides_cell *b)
{
	return a->day == b->day && a->provider == b->provider && a->currency == b->currency;
}

static struct sides_cell *find(struct sides *s, const struct sides_cell *key)
{
	const uint64_t words[] = {(uint64_t)key->day, (uint64_t)key->provider << 32 | key->currency};
	uint32_t *at;
	if (s->last && same(&s->cell[s->last - 1], key))
		return &s->cell[s->last - 1];
	if (!s->at && !(s->at = keymap_new()))
		return NULL;
	for (uint64_t seed = 0;; seed++) { /* cells of one hash stand under other seeds */
		at = keymap_at(s->at, hash_xxh3_seed(words, sizeof words, seed));
		if (!at || (!*at && !array_room(s->cell, s->count, s->room, ARRAY_MOST)))
			return NULL;
		if (!*at) {
			s->cell[s->count] = (struct sides_cell){key->day, key->provider, key->currency, {0}};
			*at = ++s->count;
		}
		if (same(&s->cell[*at - 1], key))
			break;
	}
	s->last = *at;
	return &s->cell[*at - 1];
}

int sides_add(struct sides *s, const struct sides_cell *key, enum batch_side side, money_wide pico)
{
	struct sides_cell *c = find(s, key);
	if (!c)
		return -RR_NOMEM;
	c->pico[side] += pico;
	return 0;
}

money_wide sides_twice(const struct sides *s, uint32_t currency)
{
	money_wide twice = 0;
	for (uint32_t i = 0; i < s->count; i++) {
		const struct sides_cell *c = &s->cell[i];
		money_wide sum = 0, most = 0;
		for (unsigned side = 0; side < SIDES; side++) {
			money_wide pico = c->pico[side] > 0 ? c->pico[side] : 0; /* a credit repeats nothing */
			sum += pico;
			most = pico > most ? pico : most;
		}
		twice += c->currency == currency ? sum - most : 0;
	}
	return twice;
}

void sides_fini(struct sides *s)
{
	keymap_free(s->at);
	free(s->cell);
	memset(s, 0, sizeof *s);
}
