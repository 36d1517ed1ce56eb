/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting (key, row) pairs by the million in a few megabytes: sorted runs in a nameless file, merged as they are read.
 */
#ifndef RR_LEDGER_KEY_SORT_H
#define RR_LEDGER_KEY_SORT_H

#include "base/err.h"
#include "base/str.h"

struct key_pair {
	int64_t key, row;
};
struct key_sort;

/* The file, if one is needed, lies in the folder of `beside`. NULL: no memory. */
struct key_sort *key_sort_new(const char *beside, unsigned run_keys);
void key_sort_free(struct key_sort *s);
int key_sort_add(struct key_sort *s, struct key_pair r, struct err *e);
/* Sorts and writes a run that is nearly full: where nobody waits for a lock meanwhile. */
int key_sort_bound(struct key_sort *s, struct err *e);
/* The end of adding; key_sort_next does it too. */
int key_sort_begin(struct key_sort *s, struct err *e);
/* In ascending order of key, then row, as SQLite orders them. 1, 0 at the end, or a code. No add after the first. */
int key_sort_next(struct key_sort *s, struct key_pair *out, struct err *e);

#endif
