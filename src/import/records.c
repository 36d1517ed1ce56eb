/* SPDX-License-Identifier: Apache-2.0
 *
 * See records.h. A window [p + at, p + n) moves over the stream; it grows only as far as one record needs.
 *
 *   TOP      between documents            '['  -> ELEMENTS      '{' -> MEMBERS      else: a record
 *   MEMBERS  inside a top object          a member that is opened -> ELEMENTS; '}' -> the object, if nothing was opened
 *   ELEMENTS inside an opened array       each value is a record; ']' -> TOP or MEMBERS
 */
#include "import/records.h"

#include <stdlib.h>

#include "base/csv_source.h"

enum { READ_BYTES = 1024 * 1024 };
enum place { TOP, MEMBERS, ELEMENTS };

struct records {
	struct fs_stream *stream; /* or, in UTF-16: */
	struct csv_source *wide;
	enum records_mode mode;
	const char *const *open;
	char *p;
	size_t at, n, cap;
	bool end, failed, begun;
	uint64_t number;
	enum place place;
	bool in_object;    /* ELEMENTS stands inside a top object */
	bool opened;       /* that object had a member that was opened */
	size_t object_at;  /* MEMBERS: where the object began, relative to the window's start */
};

static bool begins_utf16(const char *path)
{
	struct fs_stream *s = fs_open(path, NULL);
	char mark[2];
	bool yes = s && fs_next(s, mark, 2, NULL) == 2 &&
		   (memcmp(mark, "\xFF\xFE", 2) == 0 || memcmp(mark, "\xFE\xFF", 2) == 0);
	fs_close(s);
	return yes;
}

/* The next bytes as UTF-8. */
static long next_bytes(struct records *r, char *out, size_t size, struct err *e)
{
	size_t n;
	if (r->stream)
		return fs_next(r->stream, out, size, e);
	if (!r->wide->n && csv_source_more(r->wide) < 0) {
		if (e)
			*e = r->wide->failed;
		return -r->wide->failed.code;
	}
	n = r->wide->n < size ? r->wide->n : size;
	memcpy(out, r->wide->p, n);
	csv_source_drop(r->wide, n);
	return (long)n;
}

struct records *records_open(const char *path, enum records_mode mode, const char *const *open, struct err *e)
{
	struct records *r = calloc(1, sizeof *r);
	if (!r) {
		err_set(e, RR_NOMEM, "out of memory to read it");
		return NULL;
	}
	r->mode = mode;
	r->open = open;
	r->stream = fs_open(path, e);
	if (r->stream && begins_utf16(path)) { /* what a Windows shell's '>' writes */
		fs_close(r->stream);
		r->stream = NULL;
		r->wide = csv_source_open(path, e);
	}
	if (!r->stream && !r->wide) {
		free(r);
		return NULL;
	}
	return r;
}

void records_close(struct records *r)
{
	if (!r)
		return;
	fs_close(r->stream);
	csv_source_close(r->wide);
	free(r->p);
	free(r);
}

uint64_t records_number(const struct records *r)
{
	return r->number;
}

bool records_at_top(const struct records *r)
{
	return r->place == TOP;
}

uint64_t records_raw_bytes(const struct records *r)
{
	return r->stream ? fs_raw_bytes(r->stream) : csv_source_raw_bytes(r->wide);
}

/* More bytes at the window's end. What stands before `keep` goes, so that `keep` is 0 afterwards, whatever is
 * returned: 1 it grew, 0 the end, <0 error. */
static int more(struct records *r, size_t keep, struct err *e)
{
	long got;
	if (keep) {
		memmove(r->p, r->p + keep, r->n - keep);
		r->n -= keep;
		r->at -= keep;
		r->object_at = r->object_at > keep ? r->object_at - keep : 0;
	}
	if (r->end)
		return 0;
	if (r->cap - r->n < READ_BYTES) {
		size_t cap = r->cap ? r->cap * 2 : (size_t)2 * READ_BYTES;
		char *p;
		if (r->n > RECORD_BYTES)
			return err_set(e, RR_LIMIT, "it is longer than %d MiB", RECORD_BYTES >> 20);
		p = realloc(r->p, cap);
		if (!p)
			return err_set(e, RR_NOMEM, "out of memory to read it");
		r->p = p;
		r->cap = cap;
	}
	got = next_bytes(r, r->p + r->n, r->cap - r->n, e);
	if (got < 0)
		return (int)got;
	if (got == 0) {
		r->end = true;
		return 0;
	}
	if (!r->begun && got >= 3 && memcmp(r->p, "\xEF\xBB\xBF", 3) == 0)
		r->at = 3; /* a byte order mark */
	r->begun = true;
	r->n += (size_t)got;
	return 1;
}

/* ---- lines ---- */

static int next_line(struct records *r, struct str *text, struct err *e)
{
	for (;;) {
		size_t from = r->at, seen = r->at;
		const char *lf;
		while (!(lf = r->n > seen ? memchr(r->p + seen, '\n', r->n - seen) : NULL)) {
			int rc;
			seen = r->n - from;
			rc = more(r, from, e);
			from = r->at;
			seen += from;
			if (rc == 0)
				break;
			if (rc < 0) {
				r->failed = rc != -RR_LIMIT;
				r->number++;
				r->at = r->n; /* the rest of an endless line comes as a line of its own */
				return rc;
			}
		}
		if (!lf && from == r->n)
			return 0;
		*text = str_make(r->p + from, (lf ? (size_t)(lf - r->p) : r->n) - from);
		r->at = lf ? (size_t)(lf - r->p) + 1 : r->n;
		r->number++;
		if (text->n && text->p[text->n - 1] == '\r')
			text->n--;
		if (text->n)
			return 1;
	}
}

/* ---- values ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next byte that is not blank, or 0 at the end; <0 error. keep: what must stay in the window. */
static int peek(struct records *r, bool keep_object, struct err *e)
{
	for (;;) {
		while (r->at < r->n && blank(r->p[r->at]))
			r->at++;
		if (r->at < r->n)
			return (unsigned char)r->p[r->at];
		int rc = more(r, keep_object ? r->object_at : r->at, e);
		if (rc <= 0)
			return rc;
	}
}

static int cut_off(struct err *e)
{
	return err_set(e, RR_SYNTAX, "the file ends inside a value");
}

/* From r->at over one value. What stands behind `*from` is kept, and *from follows the window. */
static int skip_value(struct records *r, size_t *from, struct err *e)
{
	unsigned depth = 0;
	bool string = false, bare = false;
	for (;;) {
		for (; r->at < r->n; r->at++) {
			char c = r->p[r->at];
			if (string) {
				if (c == '\\') {
					if (r->at + 1 >= r->n)
						break; /* the escaped byte must be seen too */
					r->at++;
				} else if (c == '"') {
					string = false;
					if (!depth) {
						r->at++;
						return 0;
					}
				}
				continue;
			}
			if (bare && (blank(c) || c == ',' || c == ']' || c == '}'))
				return 0;
			if (c == '"') {
				string = true;
			} else if (c == '{' || c == '[') {
				depth++;
			} else if (c == '}' || c == ']') {
				if (depth == 0)
					return 0;
				if (--depth == 0) {
					r->at++;
					return 0;
				}
			} else if (!depth) {
				if (c == ',' || c == ':')
					return 0;
				bare = true;
			}
		}
		int rc = more(r, *from, e);
		*from = 0;
		if (rc < 0)
			return rc;
		if (rc == 0) {
			r->at = r->n;
			return bare ? 0 : cut_off(e);
		}
	}
}

static bool opens(const struct records *r, struct str key)
{
	for (const char *const *k = r->open; k && *k; k++)
		if (str_eqc(key, *k))
			return true;
	return false;
}

/* One value at r->at as a record. */
static int take(struct records *r, struct str *text, struct err *e)
{
	size_t from = r->at;
	int rc = skip_value(r, &from, e);
	r->number++;
	if (rc) {
		r->failed = true; /* there is no knowing where the next value begins */
		return rc;
	}
	if (r->at == from) { /* a byte that begins no value: step over it, or we never end */
		r->at++;
		return err_set(e, RR_SYNTAX, "'%c' stands where a value should begin", r->p[from]);
	}
	*text = str_make(r->p + from, r->at - from);
	return 1;
}

/* Walks the members of a top object. 1: a record (the object itself); 0: a member was opened, or the object that had
 * one is over; <0 error. */
static int members(struct records *r, struct str *text, struct err *e)
{
	for (;;) {
		size_t from;
		struct str key;
		int c = peek(r, !r->opened, e), rc;
		if (c == 0)
			c = cut_off(e);
		if (c < 0)
			return c;
		if (c == '}') {
			r->at++;
			r->place = TOP;
			if (r->opened)
				return 0;
			r->number++;
			*text = str_make(r->p + r->object_at, r->at - r->object_at);
			return 1;
		}
		if (c == ',') {
			r->at++;
			continue;
		}
		if (c != '"')
			return err_set(e, RR_SYNTAX, "'%c' stands where a name should begin", c);
		from = r->opened ? r->at : r->object_at;
		size_t key_at = r->at - from;
		rc = skip_value(r, &from, e);
		if (rc)
			return rc;
		if (!r->opened)
			r->object_at = from;
		key = str_make(r->p + from + key_at + 1, r->at - (from + key_at) - 2);
		bool wanted = opens(r, key);
		c = peek(r, !r->opened, e);
		if (c != ':')
			return c < 0 ? c : c == 0 ? cut_off(e) : err_set(e, RR_SYNTAX, "a name has no ':' behind it");
		r->at++;
		c = peek(r, !r->opened, e);
		if (c <= 0)
			return c < 0 ? c : cut_off(e);
		if (wanted && c == '[') {
			r->at++;
			r->opened = r->in_object = true;
			r->place = ELEMENTS;
			return 0;
		}
		from = r->opened ? r->at : r->object_at;
		rc = skip_value(r, &from, e);
		if (rc)
			return rc;
		if (!r->opened)
			r->object_at = from;
	}
}

static int next_value(struct records *r, struct str *text, struct err *e)
{
	for (;;) {
		int c, rc;
		if (r->place == MEMBERS) {
			rc = members(r, text, e);
			if (rc < 0) {
				r->failed = true;
				r->number++;
			}
			if (rc)
				return rc;
			continue;
		}
		c = peek(r, false, e);
		if (c == 0 && r->place == ELEMENTS)
			c = cut_off(e);
		if (c <= 0) {
			if (c < 0) {
				r->failed = true;
				r->number++;
			}
			return c;
		}
		if (c == ',') {
			r->at++;
		} else if (r->place == ELEMENTS && c == ']') {
			r->at++;
			r->place = r->in_object ? MEMBERS : TOP;
		} else if (r->place == TOP && c == '[') {
			r->at++;
			r->in_object = false;
			r->place = ELEMENTS;
		} else if (r->place == TOP && c == '{') {
			r->object_at = r->at++;
			r->opened = r->in_object = false;
			r->place = MEMBERS;
		} else {
			return take(r, text, e);
		}
	}
}

int records_next(struct records *r, struct str *text, struct err *e)
{
	*text = STR("");
	if (r->failed)
		return 0;
	return r->mode == RECORDS_LINES ? next_line(r, text, e) : next_value(r, text, e);
}
