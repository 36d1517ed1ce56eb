/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of an import's walk over its files: walk.c finds and reads them, probe.c says what each is.
 */
#ifndef RR_IMPORT_WALK_I_H
#define RR_IMPORT_WALK_I_H

#include "import/import_i.h"

struct file {
	char *path;
	const struct import_source *source;
	bool lines;       /* JSON lines: a record a line */
	enum form { FORM_JSON, FORM_CSV, FORM_DB, FORM_PDF } form;
	bool mixed, mixed_first; /* documents of several kinds: an entry of the list for each source */
	bool done, probed, again; /* again: it says what another file of this import said */
	unsigned header_at; /* lines above a CSV's header */
	char scope[64];
	uint64_t shape; /* of a CSV's header */
	uint64_t bytes;
	int64_t written_s; /* of a folder's file */
};

struct walk {
	struct import_ctx x;
	struct file *file;
	size_t files, room;
	uint64_t bytes, bytes_before; /* of all files; of those that are done */
};

enum { PDF_TEXT_BYTES = 16 * 1024 * 1024 };

/* Members whose arrays hold the records, in whatever source. */
extern const char *const walk_opened[];

const struct import_source *import_source_named(const char *name); /* or NULL */
int walk_add_file(struct walk *w, const char *path, uint64_t bytes, struct err *e);
/* Source, form and scope of that file of the list, by its content; documents of several kinds become further
 * entries. An error says what the file is instead. */
int file_probe(struct walk *w, size_t index, struct err *e);

#endif
