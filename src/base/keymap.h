/* SPDX-License-Identifier: Apache-2.0
 *
 * From a 64-bit hash to a 32-bit number, for tens of millions of keys in constant extra memory.
 *
 * 256 parts by the hash's top byte, each an open-addressing table of its own that grows by a quarter when it is four
 * fifths full. So a table of ten million keys takes about 170 MB at any time: growing never holds two copies of the
 * whole, as one table that doubles would.
 */
#ifndef RR_BASE_KEYMAP_H
#define RR_BASE_KEYMAP_H

#include "base/str.h"

struct keymap;

struct keymap *keymap_new(void); /* NULL: no memory */
void keymap_free(struct keymap *m);
/* The number of that key, 0 where there is none. */
uint32_t keymap_get(const struct keymap *m, uint64_t key);
/* Where the number of that key stands: 0 for a new key, which counts as there once the caller has set it to something
 * else. Holds until the next call. NULL: no memory. */
uint32_t *keymap_at(struct keymap *m, uint64_t key);
/* Asks the processor for the memory in which keymap_at will look, some work ahead of it. */
void keymap_soon(const struct keymap *m, uint64_t key);
uint64_t keymap_count(const struct keymap *m); /* keys that were asked for by keymap_at */

#endif
