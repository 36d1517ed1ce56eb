/* SPDX-License-Identifier: Apache-2.0
 *
 * See mixed.c.
 */
#ifndef RR_IMPORT_MIXED_H
#define RR_IMPORT_MIXED_H

#include "import/import_i.h"

enum { MIXED_SOURCES = 16 };
struct mixed {
	const struct import_source *source[MIXED_SOURCES];
	unsigned sources;
};
struct mixed_walk {
	uint64_t number; /* of the last value that was a record of any source; runs through the file */
	bool first;      /* of the file's sources: it names what is broken */
};

/* The source that knows a value best, and how sure it is. */
const struct import_source *json_source(struct json v, const struct import_source *as, unsigned *sure);
void mixed_add(struct mixed *m, const struct import_source *s);
/* Adds the sources of what is in v, at any depth. */
void mixed_look(struct mixed *m, struct json v, struct arena *a);
/* Hands x->source its records out of v. */
int mixed_each(struct import_ctx *x, struct json v, struct mixed_walk *w, struct err *e);

#endif
