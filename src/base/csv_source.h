/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the bytes of the CSV reader, and of JSON in UTF-16, come from: a window of the input, decoded to UTF-8.
 *
 * The window is [p, p + n). csv_source_more() adds at its end (and may move it); csv_source_drop() takes from its
 * front. The text's encoding is told by its byte order mark: FF FE and FE FF are UTF-16, EF BB BF or none is UTF-8.
 * A lone surrogate or an odd byte at the end becomes bytes that are no UTF-8, so that its row is refused.
 */
#ifndef RR_BASE_CSV_SOURCE_H
#define RR_BASE_CSV_SOURCE_H

#include "base/fs.h"

struct csv_source {
	char *p;
	size_t n;
	/* the rest is the source's own */
	char *window;
	size_t cap;
	struct fs_stream *stream; /* or NULL: */
	struct str text;          /* what is left of a text in memory */
	uint64_t text_bytes;      /* taken from it */
	enum { CSV_UNKNOWN, CSV_UTF8, CSV_UTF16_LITTLE, CSV_UTF16_BIG } encoding;
	bool end;
	unsigned carried;         /* raw bytes of a UTF-16 character that is not whole yet */
	unsigned char carry[4];
	struct err failed;
	char name[192];
};

struct csv_source *csv_source_open(const char *path, struct err *e);
struct csv_source *csv_source_text(struct str text, struct err *e);
void csv_source_close(struct csv_source *s);
/* 1 the window grew, 0 the end of the input, <0 with `failed` filled. */
int csv_source_more(struct csv_source *s);
void csv_source_drop(struct csv_source *s, size_t n);
uint64_t csv_source_raw_bytes(const struct csv_source *s);

#endif
