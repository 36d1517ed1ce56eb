/* SPDX-License-Identifier: Apache-2.0
 *
 * See csv_source.h. UTF-8 goes from the stream into the window without a copy between; UTF-16 through a block.
 */
#include "base/csv_source.h"

#include <stdlib.h>

enum { BLOCK_BYTES = 256 * 1024, UTF16_BLOCK = 32 * 1024 };

static struct csv_source *source_new(struct err *e)
{
	struct csv_source *s = calloc(1, sizeof *s);
	if (s) {
		s->cap = 2 * BLOCK_BYTES;
		s->p = s->window = malloc(s->cap);
	}
	if (!s || !s->window) {
		err_set(e, RR_NOMEM, "no memory to read it");
		free(s);
		return NULL;
	}
	return s;
}

struct csv_source *csv_source_open(const char *path, struct err *e)
{
	struct csv_source *s = source_new(e);
	if (!s)
		return NULL;
	str_copy(s->name, sizeof s->name, str_of(path));
	s->stream = fs_open(path, e);
	if (!s->stream) {
		csv_source_close(s);
		return NULL;
	}
	return s;
}

struct csv_source *csv_source_text(struct str text, struct err *e)
{
	struct csv_source *s = source_new(e);
	if (!s)
		return NULL;
	s->text = text;
	return s;
}

void csv_source_close(struct csv_source *s)
{
	if (!s)
		return;
	fs_close(s->stream);
	free(s->window);
	free(s);
}

uint64_t csv_source_raw_bytes(const struct csv_source *s)
{
	return s->stream ? fs_raw_bytes(s->stream) : s->text_bytes;
}

void csv_source_drop(struct csv_source *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* Room for `bytes` more behind the window. */
static int make_room(struct csv_source *s, size_t bytes)
{
	size_t before = (size_t)(s->p - s->window);
	if (s->cap - before - s->n >= bytes)
		return 0;
	memmove(s->window, s->p, s->n);
	s->p = s->window;
	if (s->cap - s->n < bytes) {
		char *p = realloc(s->window, s->cap * 2);
		if (!p)
			return err_set(&s->failed, RR_NOMEM, "no memory for a row of %zu bytes", s->n);
		s->p = s->window = p;
		s->cap *= 2;
	}
	return 0;
}

static long next_raw(struct csv_source *s, char *out, size_t size)
{
	struct str part;
	if (s->stream)
		return fs_next(s->stream, out, size, &s->failed);
	part = str_sub(s->text, 0, size);
	if (part.n)
		memcpy(out, part.p, part.n);
	s->text = str_sub(s->text, part.n, s->text.n);
	s->text_bytes += part.n;
	return (long)part.n;
}

static void put(struct csv_source *s, unsigned char byte)
{
	s->p[s->n++] = (char)byte;
}

static void put_utf8(struct csv_source *s, unsigned cp)
{
	if (cp < 0x80) {
		put(s, (unsigned char)cp);
		return;
	}
	if (cp < 0x800) {
		put(s, (unsigned char)(0xC0 | cp >> 6));
	} else {
		if (cp < 0x10000) {
			put(s, (unsigned char)(0xE0 | cp >> 12));
		} else {
			put(s, (unsigned char)(0xF0 | cp >> 18));
			put(s, (unsigned char)(0x80 | (cp >> 12 & 0x3F)));
		}
		put(s, (unsigned char)(0x80 | (cp >> 6 & 0x3F)));
	}
	put(s, (unsigned char)(0x80 | (cp & 0x3F)));
}

static unsigned unit_at(const struct csv_source *s, const unsigned char *p)
{
	return s->encoding == CSV_UTF16_BIG ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

/* A lone surrogate is written as its three bytes, which are no UTF-8 and make the row refused. */
static void decode_utf16(struct csv_source *s, const unsigned char *p, size_t n)
{
	size_t i = 0;
	while (n - i >= 2) {
		unsigned unit = unit_at(s, p + i);
		if (unit >= 0xD800 && unit <= 0xDBFF) {
			unsigned low;
			if (n - i < 4 && !s->end)
				break;
			low = n - i >= 4 ? unit_at(s, p + i + 2) : 0;
			if (low >= 0xDC00 && low <= 0xDFFF) {
				unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
				i += 2;
			}
		}
		put_utf8(s, unit);
		i += 2;
	}
	s->carried = (unsigned)(n - i);
	memcpy(s->carry, p + i, s->carried);
	if (s->end && s->carried) {
		put(s, 0xFF);
		s->carried = 0;
	}
}

static int more_utf16(struct csv_source *s)
{
	unsigned char raw[UTF16_BLOCK + sizeof s->carry];
	size_t before = s->n;
	int rc = make_room(s, 2 * sizeof raw); /* two bytes of UTF-16 are three of UTF-8 at most */
	if (rc)
		return rc;
	while (s->n == before && !s->end) {
		long n;
		memcpy(raw, s->carry, s->carried);
		n = next_raw(s, (char *)raw + s->carried, UTF16_BLOCK);
		if (n < 0)
			return (int)n;
		s->end = n == 0;
		decode_utf16(s, raw, s->carried + (size_t)n);
	}
	return s->n > before;
}

static int more_utf8(struct csv_source *s)
{
	long n;
	int rc = make_room(s, BLOCK_BYTES);
	if (rc)
		return rc;
	n = next_raw(s, s->p + s->n, s->cap - (size_t)(s->p - s->window) - s->n);
	if (n < 0)
		return (int)n;
	s->n += (size_t)n;
	s->end = n == 0;
	return n > 0;
}

/* Reads until the mark, if there is one, is in the window; takes it away. */
static int find_encoding(struct csv_source *s)
{
	int rc = 1;
	s->encoding = CSV_UTF8;
	while (s->n < 3 && rc > 0)
		rc = more_utf8(s);
	if (rc < 0)
		return rc;
	if (s->n >= 3 && memcmp(s->p, "\xEF\xBB\xBF", 3) == 0) {
		csv_source_drop(s, 3);
	} else if (s->n >= 2 && (memcmp(s->p, "\xFF\xFE", 2) == 0 || memcmp(s->p, "\xFE\xFF", 2) == 0)) {
		/* What was read is UTF-16: take it out of the window and decode it in its place. */
		struct str raw = str_make(s->p + 2, s->n - 2);
		char *window = malloc(s->cap * 2);
		char *old = s->window;
		s->encoding = s->p[0] == '\xFF' ? CSV_UTF16_LITTLE : CSV_UTF16_BIG;
		if (!window)
			return err_set(&s->failed, RR_NOMEM, "no memory to read it");
		s->p = s->window = window;
		s->cap *= 2;
		s->n = 0;
		decode_utf16(s, (const unsigned char *)raw.p, raw.n);
		free(old);
		if (s->n == 0)
			return more_utf16(s);
	}
	return s->n > 0;
}

int csv_source_more(struct csv_source *s)
{
	if (s->encoding == CSV_UNKNOWN)
		return find_encoding(s);
	if (s->end)
		return 0;
	return s->encoding == CSV_UTF8 ? more_utf8(s) : more_utf16(s);
}
