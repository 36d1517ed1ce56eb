/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapping files: how the columns of any CSV become rows. See docs/guide/import.md for the keys.
 */
#ifndef RR_IMPORT_MAPPING_H
#define RR_IMPORT_MAPPING_H

#include "base/err.h"

struct import_map;
/* 0 and *out, or -RR_CONFIG with every mistake in e's sentence. */
int import_map_load(const char *path, struct import_map **out, struct err *e);
void import_map_free(struct import_map *m); /* NULL is fine */

/* How many lines stand above the header that has the map's columns; 0 where no line has them all. */
unsigned import_map_header(const struct import_map *m, const char *path);

#endif
