/* SPDX-License-Identifier: Apache-2.0
 *
 * See csv.h. The reader keeps one window of the file, decoded to UTF-8 (csv_source.c), that begins with the row at
 * hand:
 *
 *   window:  [ row at hand ............ | bytes read ahead .... ]
 *            0        field[i].from      at                     n
 *
 * 1. Places are offsets into the window, so that it may move or grow while a row is being read.
 * 2. Nothing in the window is changed until its row is whole and well formed; then doubled quotes are undone in
 *    place. So a row that turns out to be malformed can be stepped over by reading it again as plain lines: after a
 *    quote that is never closed, only the line with the quote is lost, not the rest of the file.
 * 3. A row is right or refused with its number, never guessed at: text behind a closing quote, bytes that are no
 *    UTF-8, NUL bytes and cells beyond the header's columns are errors. What is lenient: rows shorter than the
 *    header, blank lines (skipped), blanks around header names, a quote inside an unquoted field (kept as it is).
 */
#include "base/csv.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/csv_source.h"
#include "base/err.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { FIELD_BYTES = 1 << 20, FIELDS_MOST = 100 * 1000, ROW_BYTES = 64 << 20, ABOUT_BYTES = 64 << 10 };

struct field {
	uint32_t from;
	uint32_t n;
	bool doubled; /* holds "" that stand for " */
};

struct csv {
	struct csv_source *in;
	char separator;
	bool broken;    /* the input cannot be read on, which was said once */
	size_t row_end; /* offset after the row at hand: where the next one begins */
	uint64_t rows;  /* data rows so far, malformed ones too */
	uint64_t line;  /* on which the row at hand began */
	uint64_t next_line;
	unsigned fields, field_cap;
	struct field *field;
	unsigned columns;
	struct str *header;
	char *header_text;
	bool cut;        /* the row at hand is the last one, has no line end and lacks columns */
	struct sb about; /* the lines above the header: name, NUL, value, NUL */
};

/* Why a row is refused. NULL what: it is not. */
struct refusal {
	int code;
	const char *what;
};

static bool refuse(struct refusal *r, int code, const char *what)
{
	r->code = code;
	r->what = what;
	return false;
}

static bool add_field(struct csv *c, size_t from, size_t n, bool doubled, struct refusal *r)
{
	if (n > FIELD_BYTES)
		return refuse(r, RR_LIMIT, "a field is longer than 1 MiB");
	if (c->fields == FIELDS_MOST)
		return refuse(r, RR_LIMIT, "more than 100,000 fields");
	if (!array_room(c->field, c->fields, c->field_cap, FIELDS_MOST))
		return refuse(r, RR_NOMEM, "no memory for its fields");
	c->field[c->fields++] = (struct field){(uint32_t)from, (uint32_t)n, doubled};
	return true;
}

/* More bytes behind the window's end; false at the end of the input or on an error (then r says which). */
static bool more(struct csv *c, struct refusal *r)
{
	int rc;
	if (c->in->n >= ROW_BYTES)
		return refuse(r, RR_LIMIT, "a row is longer than 64 MiB");
	rc = csv_source_more(c->in);
	if (rc < 0) {
		c->broken = true;
		return refuse(r, -rc, c->in->failed.what);
	}
	return rc > 0;
}

/* Offset of the first separator, CR or LF at or after `at`, or the window's end. */
static size_t field_end(const struct csv *c, size_t at)
{
	const char *p = c->in->p + at, *end = c->in->p + c->in->n;
#ifdef __SSE2__
	const __m128i separator = _mm_set1_epi8(c->separator), lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		unsigned hits = (unsigned)_mm_movemask_epi8(_mm_or_si128(
			_mm_cmpeq_epi8(v, separator), _mm_or_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(v, cr))));
		if (hits)
			return (size_t)(p - c->in->p) + (unsigned)__builtin_ctz(hits);
	}
#endif
	while (p < end && *p != c->separator && *p != '\n' && *p != '\r')
		p++;
	return (size_t)(p - c->in->p);
}

static bool unquoted(struct csv *c, size_t *at, struct refusal *r)
{
	size_t from = *at, end = from;
	for (;;) {
		end = field_end(c, end);
		if (end < c->in->n || end - from > FIELD_BYTES)
			break;
		if (!more(c, r)) {
			if (r->what)
				return false;
			break;
		}
	}
	*at = end;
	return add_field(c, from, end - from, false, r);
}

static uint64_t count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t lines = 0;
	for (; p < end; p++)
		lines += *p == '\n' || (*p == '\r' && !(p + 1 < end && p[1] == '\n'));
	return lines;
}

/* *at stands on the opening quote; leaves it behind the closing one. */
static bool quoted(struct csv *c, size_t *at, struct refusal *r)
{
	size_t from = *at + 1, scan = from;
	bool doubled = false;
	for (;;) {
		const char *quote = c->in->n > scan ? memchr(c->in->p + scan, '"', c->in->n - scan) : NULL;
		size_t close = quote ? (size_t)(quote - c->in->p) : c->in->n;
		if (close - from > FIELD_BYTES)
			return refuse(r, RR_LIMIT, "a quote is not closed within 1 MiB");
		if (!quote || close + 1 == c->in->n) {
			/* Not found, or the byte after it is not known yet. */
			scan = close;
			if (more(c, r))
				continue;
			if (r->what)
				return false;
			if (!quote)
				return refuse(r, RR_SYNTAX, "a quote is opened and never closed");
		} else if (c->in->p[close + 1] == '"') {
			doubled = true;
			scan = close + 2;
			continue;
		}
		*at = close + 1;
		c->next_line += count_lines(c->in->p + from, close - from);
		return add_field(c, from, close - from, doubled, r);
	}
}

/* *at stands on a CR or LF: steps over the line's end. */
static bool end_line(struct csv *c, size_t *at, struct refusal *r)
{
	c->next_line++;
	if (c->in->p[(*at)++] == '\n')
		return true;
	if (*at == c->in->n && !more(c, r) && r->what)
		return false;
	if (*at < c->in->n && c->in->p[*at] == '\n')
		++*at;
	return true;
}

static bool read_fields(struct csv *c, size_t *at, struct refusal *r)
{
	c->fields = 0;
	for (;;) {
		size_t began = *at;
		uint64_t line = c->next_line;
		char stop;
		if (*at == c->in->n && !more(c, r)) {
			if (r->what)
				return false;
			return add_field(c, *at, 0, false, r); /* a separator ended the file */
		}
		if (!(c->in->p[*at] == '"' ? quoted(c, at, r) : unquoted(c, at, r)))
			return false;
		if (*at == c->in->n && !more(c, r))
			return r->what == NULL;
		stop = c->in->p[*at];
		if (stop == '\n' || stop == '\r')
			return end_line(c, at, r);
		if (stop != c->separator) { /* was it meant to close before? The rows that it ran over are read */
			*at = began;
			c->next_line = line;
			return refuse(r, RR_SYNTAX, "text stands behind a closing quote");
		}
		++*at;
	}
}

/* Steps over what is left of a malformed row: up to the first line's end behind `at`, the place of the fault (an
 * opening quote that is never closed or has text behind its closing one, the field that is too many or too long). */
static void skip_line(struct csv *c, size_t at)
{
	struct refusal r = {0, NULL};
	for (;;) {
		for (; at < c->in->n; at++) {
			if (c->in->p[at] == '\n' || c->in->p[at] == '\r') {
				end_line(c, &at, &r);
				c->row_end = at;
				return;
			}
		}
		/* Long lines are dropped as they come: nothing before `at` is needed any more. */
		csv_source_drop(c->in, at);
		at = 0;
		if (!more(c, &r)) {
			c->row_end = c->in->n;
			return;
		}
	}
}

/* Bytes that text must not hold: NUL, or what is no UTF-8. */
static bool clean(const struct csv *c, size_t n, struct refusal *r)
{
	const char *p = c->in->p;
	size_t i = 0;
	bool high = false;
	if (memchr(p, 0, n))
		return refuse(r, RR_SYNTAX, "a NUL byte: is this UTF-16 without a byte order mark?");
#ifdef __SSE2__
	for (; !high && n - i >= 16; i += 16)
		high = _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + i)));
#endif
	for (; !high && i < n; i++)
		high = (unsigned char)p[i] >= 0x80;
	if (high && !str_utf8_valid(str_make(p, n)))
		return refuse(r, RR_SYNTAX, "bytes that are not UTF-8: export it as UTF-8");
	return true;
}

/* Undoes doubled quotes in place (rule 2). */
static void undouble(struct csv *c, struct field *f)
{
	char *p = c->in->p + f->from;
	size_t to = 0;
	for (size_t i = 0; i < f->n; i++) {
		p[to++] = p[i];
		i += p[i] == '"';
	}
	f->n = (uint32_t)to;
	f->doubled = false;
}

/* Cells beyond the last column must be empty (a separator at the line's end); else a value holds a separator. */
static bool within_columns(const struct csv *c, struct refusal *r)
{
	for (unsigned i = c->columns; c->header && i < c->fields; i++)
		if (c->field[i].n)
			return refuse(r, RR_SYNTAX,
				      "more fields than the header has columns: is a separator unquoted?");
	return true;
}

bool csv_names_columns(const struct csv *c)
{
	unsigned names = 0, filled = 0; /* of the first cells: bad rows are many where a file is bad */
	for (unsigned i = 0; i < c->fields && c->header && filled < 16 && (names || filled < 8); i++) {
		struct str s = str_trim(csv_field(c, (int)i));
		bool known = false;
		for (unsigned k = 0; k < c->columns && s.n && !known; k++)
			known = str_ieq(c->header[k], s);
		names += known;
		filled += s.n != 0;
	}
	return names >= 3 && names * 2 >= filled;
}

/* The next row that is not a blank line. 1, 0 at the end, -code with r filled. */
static int read_row(struct csv *c, struct refusal *r)
{
	size_t at;
	for (;;) {
		csv_source_drop(c->in, c->row_end);
		c->row_end = at = 0;
		c->line = c->next_line;
		c->fields = 0;
		if (c->in->n == 0 && !more(c, r))
			return r->what ? -r->code : 0;
		if (c->in->p[0] != '\n' && c->in->p[0] != '\r')
			break;
		if (!end_line(c, &at, r))
			return -r->code;
		c->row_end = at;
	}
	if (!read_fields(c, &at, r)) {
		c->fields = 0;
		if (!c->broken)
			skip_line(c, at);
		return -r->code;
	}
	c->row_end = at;
	c->cut = c->header && c->fields < c->columns && at && c->in->p[at - 1] != '\n' && c->in->p[at - 1] != '\r';
	if (!clean(c, at, r) || (!within_columns(c, r) && !csv_names_columns(c))) {
		c->fields = 0;
		return -r->code;
	}
	for (unsigned i = 0; i < c->fields; i++)
		if (c->field[i].doubled)
			undouble(c, &c->field[i]);
	return 1;
}

int csv_next(struct csv *c, struct err *e)
{
	struct refusal r = {0, NULL};
	int rc;
	if (c->broken)
		return 0;
	rc = read_row(c, &r);
	if (rc)
		c->rows++;
	if (rc < 0) {
		err_set(e, r.code, "row %lu: %s", (unsigned long)c->rows, r.what);
		err_at(e, c->in->name, (unsigned)c->line, 0);
	}
	return rc;
}

/* "sep=;" alone on the first line is a spreadsheet's own note of the separator. */
static bool separator_note(struct csv *c)
{
	struct refusal r = {0, NULL};
	size_t at = 5;
	while (c->in->n < 8 && more(c, &r))
		;
	if (c->in->n < 6 || memcmp(c->in->p, "sep=", 4) != 0 || (c->in->p[5] != '\r' && c->in->p[5] != '\n') ||
	    strchr("\"\r\n", c->in->p[4]))
		return false;
	c->separator = c->in->p[4];
	if (end_line(c, &at, &r))
		c->row_end = at;
	return true;
}

/* The separator that stands most often in the header line outside quotes; a comma in doubt. */
static void sniff_separator(struct csv *c)
{
	struct refusal r = {0, NULL};
	unsigned comma = 0, semicolon = 0, tab = 0, bar = 0;
	bool inside = false, any = false;
	for (size_t i = 0; i < c->in->n || (i < FIELD_BYTES && more(c, &r)); i++) {
		char ch = c->in->p[i];
		if (ch == '"')
			inside = !inside;
		else if (!inside && (ch == '\n' || ch == '\r')) {
			if (any)
				break;
		} else {
			any = true;
			comma += !inside && ch == ',';
			semicolon += !inside && ch == ';';
			tab += !inside && ch == '\t';
			bar += !inside && ch == '|';
		}
	}
	c->separator = semicolon > comma && semicolon >= tab ? ';'
		       : tab > comma                         ? '\t'
		       : bar > comma && bar > 1              ? '|'
							     : ',';
}

/* Copies the header row, since the window moves on. */
static int keep_header(struct csv *c, struct err *e)
{
	size_t bytes = 0;
	char *at;
	check(c->fields > 0);
	free(c->header);
	free(c->header_text);
	c->header = calloc(c->fields, sizeof *c->header);
	for (unsigned i = 0; i < c->fields; i++)
		bytes += c->field[i].n;
	c->header_text = at = malloc(bytes + 1);
	if (!c->header || !at)
		return err_set(e, RR_NOMEM, "no memory for the header row");
	c->columns = c->fields;
	for (unsigned i = 0; i < c->columns; i++) {
		memcpy(at, c->in->p + c->field[i].from, c->field[i].n);
		c->header[i] = str_trim(str_make(at, c->field[i].n));
		at += c->field[i].n;
	}
	return 0;
}

static int read_header(struct csv *c, struct err *e)
{
	struct refusal r = {0, NULL};
	int rc;
	if (!separator_note(c))
		sniff_separator(c);
	rc = read_row(c, &r);
	if (rc == 0 || (rc < 0 && !r.what))
		rc = err_set(e, RR_INPUT, "it is empty: there is no header row");
	else if (rc < 0)
		err_set(e, r.code, "the header row: %s", r.what);
	else
		return keep_header(c, e);
	err_at(e, c->in->name, (unsigned)c->line, 0);
	return rc;
}

int csv_header_next(struct csv *c, struct err *e)
{
	struct refusal r = {0, NULL};
	int rc;
	for (unsigned i = 0; i < 2; i++) {
		sb_add_str(&c->about, csv_header(c, i));
		sb_addc(&c->about, 0);
	}
	csv_source_drop(c->in, c->row_end);
	c->row_end = 0;
	c->columns = 0; /* so that no row is too long */
	free(c->header);
	c->header = NULL;
	sniff_separator(c);
	rc = c->broken ? 0 : read_row(c, &r);
	c->rows = 0;
	if (rc < 0)
		return err_set(e, r.code, "%s", r.what ? r.what : "it cannot be read");
	rc = rc ? keep_header(c, e) : 0;
	return rc ? rc : c->columns != 0;
}

int csv_header_again(struct csv *c, struct err *e)
{
	return keep_header(c, e);
}

struct str csv_about(const struct csv *c, const char *name)
{
	struct str rest = sb_str(&c->about);
	while (rest.n) {
		struct str k = str_cut(&rest, 0), v = str_cut(&rest, 0);
		if (str_ieq(k, str_of(name)))
			return str_trim(v);
	}
	return STR("");
}

static struct csv *open_source(struct csv_source *in, struct err *e)
{
	struct csv *c;
	if (!in)
		return NULL;
	c = calloc(1, sizeof *c);
	if (!c) {
		err_set(e, RR_NOMEM, "no memory to read it");
		csv_source_close(in);
		return NULL;
	}
	c->in = in;
	c->next_line = 1;
	sb_init(&c->about, ABOUT_BYTES);
	if (read_header(c, e)) {
		csv_close(c);
		return NULL;
	}
	return c;
}

struct csv *csv_open(const char *path, struct err *e)
{
	return open_source(csv_source_open(path, e), e);
}

struct csv *csv_open_text(struct str text, struct err *e)
{
	return open_source(csv_source_text(text, e), e);
}

void csv_close(struct csv *c)
{
	if (!c)
		return;
	csv_source_close(c->in);
	free(c->field);
	free(c->header);
	free(c->header_text);
	sb_fini(&c->about);
	free(c);
}

unsigned csv_columns(const struct csv *c)
{
	return c->columns;
}

struct str csv_header(const struct csv *c, unsigned column)
{
	return column < c->columns ? c->header[column] : str_make(NULL, 0);
}

int csv_column(const struct csv *c, const char *name)
{
	struct str wanted = str_of(name);
	for (unsigned i = 0; i < c->columns; i++)
		if (str_eq(c->header[i], wanted))
			return (int)i;
	for (unsigned i = 0; i < c->columns; i++)
		if (str_ieq(c->header[i], wanted))
			return (int)i;
	return -1;
}

struct str csv_field(const struct csv *c, int column)
{
	const struct field *f;
	if (column < 0 || (unsigned)column >= c->fields)
		return str_make(NULL, 0);
	f = &c->field[column];
	return str_make(c->in->p + f->from, f->n);
}

uint64_t csv_row(const struct csv *c)
{
	return c->rows;
}

bool csv_row_cut(const struct csv *c)
{
	return c->cut;
}

uint64_t csv_line(const struct csv *c)
{
	return c->line;
}

uint64_t csv_raw_bytes(const struct csv *c)
{
	return csv_source_raw_bytes(c->in);
}
