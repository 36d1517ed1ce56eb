/* SPDX-License-Identifier: Apache-2.0
 *
 * See table.h. Numbers are never cut: what does not fit takes its room from the widest left-aligned column, down to 8
 * columns; a table of numbers that is wider still stays wider than the terminal. Control characters in a cell become
 * U+FFFD, so that a model's name cannot talk to a terminal.
 */
#include "base/table.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/err.h"

enum { GAP = 2, LEAST_LEFT = 8, WIDTH_DEFAULT = 80, CELL_BYTES = 4096 };
#define LEFT_OUT SIZE_MAX /* a width: the column is not printed */

void table_init(struct table *t, struct arena *a, const char *spec)
{
	struct str rest = str_of(spec);
	memset(t, 0, sizeof *t);
	t->arena = a;
	while (rest.p) {
		struct str part = str_cut(&rest, '|');
		check(t->columns < TABLE_COLUMNS);
		if (part.n && part.p[part.n - 1] == '>') {
			t->right[t->columns] = true;
			part.n--;
		}
		part = arena_str(a, part);
		t->head[t->columns++] = part.p ? part.p : "";
	}
}

struct table_row *table_add(struct table *t)
{
	struct table_row *r = arena_new(t->arena, struct table_row);
	if (!r)
		return NULL;
	if (t->last)
		t->last->next = r;
	else
		t->first = r;
	t->last = r;
	t->rows++;
	return r;
}

/* Without control characters: C0, DEL, C1 (U+0080..9F); ill-formed UTF-8 too becomes U+FFFD. */
static void add_clean(struct sb *b, struct str s)
{
	struct sb valid;
	sb_init(&valid, CELL_BYTES * 3);
	sb_add_utf8(&valid, s);
	s = sb_str(&valid);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == 0xC2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xA0) {
			sb_adds(b, "\xEF\xBF\xBD");
			i++;
		} else if (c == '\n' || c == '\t') {
			sb_addc(b, ' ');
		} else if (c < 0x20 || c == 0x7F) {
			sb_adds(b, "\xEF\xBF\xBD");
		} else {
			sb_addc(b, (char)c);
		}
	}
	sb_fini(&valid);
}

void table_set(struct table *t, struct table_row *r, unsigned column, const char *fmt, ...)
{
	char text[CELL_BYTES];
	struct sb clean;
	va_list ap;
	check(column < t->columns);
	if (!r)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	sb_init(&clean, CELL_BYTES * 3);
	add_clean(&clean, str_of(text));
	r->cell[column] = arena_str(t->arena, sb_str(&clean));
	sb_fini(&clean);
}

void table_rule(struct table *t)
{
	struct table_row *r = table_add(t);
	if (r)
		r->rule = true;
}

static void measure(const struct table *t, size_t width[])
{
	for (unsigned c = 0; c < t->columns; c++) {
		width[c] = str_columns(str_of(t->head[c]));
		for (const struct table_row *r = t->first; r; r = r->next) {
			size_t n = str_columns(r->cell[c]);
			if (n > width[c])
				width[c] = n;
		}
	}
}

static bool is_empty(const struct table *t, unsigned column)
{
	for (const struct table_row *r = t->first; r; r = r->next)
		if (r->cell[column].n)
			return false;
	return t->first != NULL;
}

static void squeeze(const struct table *t, size_t width[], size_t room)
{
	size_t total = t->columns ? (t->columns - 1) * GAP : 0;
	for (unsigned c = 0; c < t->columns; c++)
		total += width[c];
	for (unsigned c = t->columns; c-- > 0 && total > room;)
		if (is_empty(t, c)) {
			total -= width[c] + GAP;
			width[c] = LEFT_OUT;
		}
	while (total > room) {
		unsigned widest = TABLE_COLUMNS;
		for (unsigned c = 0; c < t->columns; c++)
			if (!t->right[c] && width[c] > LEAST_LEFT && width[c] != LEFT_OUT &&
			    (widest == TABLE_COLUMNS || width[c] > width[widest]))
				widest = c;
		if (widest == TABLE_COLUMNS)
			return;
		width[widest]--;
		total--;
	}
}

/* The first `columns` columns of s; where something is cut the last is an ellipsis. */
static void add_fitted(struct sb *out, struct str s, size_t columns)
{
	size_t at = 0, used = 0;
	if (str_columns(s) <= columns) {
		sb_add_str(out, s);
		return;
	}
	while (at < s.n) {
		size_t step = str_utf8_step(s.p + at, s.n - at);
		size_t next = used + str_columns(str_make(s.p + at, step ? step : 1));
		if (next + 1 > columns)
			break;
		used = next;
		at += step ? step : 1;
	}
	sb_add(out, s.p, at);
	sb_adds(out, "\xE2\x80\xA6");
	for (used++; used < columns; used++)
		sb_addc(out, ' ');
}

static void add_row(const struct table *t, const size_t width[], const struct str cell[], struct sb *out)
{
	struct sb line;
	sb_init(&line, 64 * 1024);
	for (unsigned c = 0; c < t->columns; c++) {
		size_t n = str_columns(cell[c]), pad = n < width[c] ? width[c] - n : 0;
		if (width[c] == LEFT_OUT)
			continue;
		if (t->right[c])
			sb_addf(&line, "%*s", (int)pad, "");
		if (t->right[c])
			sb_add_str(&line, cell[c]);
		else
			add_fitted(&line, cell[c], width[c]);
		if (!t->right[c])
			sb_addf(&line, "%*s", (int)pad, "");
		if (c + 1 < t->columns)
			sb_addf(&line, "%*s", GAP, "");
	}
	while (line.n && line.p[line.n - 1] == ' ')
		line.n--;
	sb_add_str(out, sb_str(&line));
	sb_addc(out, '\n');
	sb_fini(&line);
}

void table_text(const struct table *t, unsigned width, struct sb *out)
{
	size_t widths[TABLE_COLUMNS] = {0};
	struct str cells[TABLE_COLUMNS];
	bool headed = false;
	measure(t, widths);
	squeeze(t, widths, width ? width : WIDTH_DEFAULT);
	for (unsigned c = 0; c < t->columns; c++) {
		cells[c] = str_of(t->head[c]);
		headed |= cells[c].n > 0;
	}
	if (headed)
		add_row(t, widths, cells, out);
	for (const struct table_row *r = t->first; r; r = r->next) {
		static const char dashes[] = "--------------------------------------------------------------------------------";
		if (!r->rule) {
			add_row(t, widths, r->cell, out);
			continue;
		}
		for (unsigned c = 0; c < t->columns; c++) {
			size_t n = widths[c] < sizeof dashes - 1 ? widths[c] : sizeof dashes - 1;
			n = widths[c] == LEFT_OUT ? 0 : n;
			cells[c] = str_make(dashes, t->right[c] ? n : 0);
		}
		add_row(t, widths, cells, out);
	}
}

void table_csv(const struct table *t, struct sb *out)
{
	for (unsigned c = 0; c < t->columns; c++) {
		if (c)
			sb_addc(out, ',');
		csv_write_text(out, str_of(t->head[c]));
	}
	sb_adds(out, "\r\n");
	for (const struct table_row *r = t->first; r; r = r->next) {
		if (r->rule)
			continue;
		for (unsigned c = 0; c < t->columns; c++) {
			if (c)
				sb_addc(out, ',');
			if (t->right[c])
				csv_write_number(out, r->cell[c]);
			else
				csv_write_text(out, r->cell[c]);
		}
		sb_adds(out, "\r\n");
	}
}

bool term_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(fd) && !(no && no[0]) && !(term && strcmp(term, "dumb") == 0);
}

unsigned term_width(int fd)
{
	struct winsize w;
	if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40)
		return w.ws_col;
	return WIDTH_DEFAULT;
}

void term_progress(const char *what, uint64_t done, uint64_t total)
{
	static atomic_ullong shown_us; /* when the line was last drawn: the terminal's state, not the program's */
	uint64_t now_us = clock_mono(&clock_system);
	bool last = done == total;
	if (!isatty(STDERR_FILENO) || (!last && now_us - atomic_load(&shown_us) < 100000))
		return;
	atomic_store(&shown_us, now_us);
	if (last)
		fprintf(stderr, "\r\x1b[K");
	else if (total)
		fprintf(stderr, "\r\x1b[K%s  %llu %%", what, (unsigned long long)((double)done / (double)total * 100));
	else
		fprintf(stderr, "\r\x1b[K%s  %llu", what, (unsigned long long)done);
	fflush(stderr);
}

void text_wrap(struct str text, unsigned at, unsigned indent, unsigned width, struct sb *out)
{
	size_t column = at;
	bool first = true;
	while (text.p) {
		struct str word = str_cut(&text, ' ');
		size_t n = str_columns(word);
		if (!word.n)
			continue;
		if (!first && column + 1 + n > width) {
			sb_addf(out, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		if (!first)
			sb_addc(out, ' ');
		column += n + !first;
		first = false;
		sb_add_str(out, word);
	}
}
