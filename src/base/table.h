/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables for a terminal: one type that reports fold into and many writers read.
 *
 * Cells are text, already formatted; a column is left- or right-aligned. The text writer fits 80
 * columns (or the terminal's width): first it leaves out columns that no row fills, then it shortens the widest left
 * column with an ellipsis.
 */
#ifndef RR_BASE_TABLE_H
#define RR_BASE_TABLE_H

#include "base/arena.h"

enum { TABLE_COLUMNS = 24 };

struct table {
	struct arena *arena;
	unsigned columns;
	const char *head[TABLE_COLUMNS];
	bool right[TABLE_COLUMNS];
	struct table_row *first, *last;
	unsigned rows;
};

struct table_row {
	struct table_row *next;
	bool rule;                       /* a line of dashes under the numbers, before a total */
	struct str cell[TABLE_COLUMNS];
};

/* spec: "name|calls>|cost>" where '>' marks a right-aligned column. */
void table_init(struct table *t, struct arena *a, const char *spec);
struct table_row *table_add(struct table *t); /* a row of empty cells; NULL when the arena is full */
void table_set(struct table *t, struct table_row *r, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void table_rule(struct table *t);
void table_text(const struct table *t, unsigned width, struct sb *out);
void table_csv(const struct table *t, struct sb *out);
/* Words wrapped at `width` columns. The line is at column `at` already; further ones begin behind `indent` blanks. */
void text_wrap(struct str text, unsigned at, unsigned indent, unsigned width, struct sb *out);

/* Colour is wanted: a terminal, no NO_COLOR, no --no-color. */
bool term_colour(int fd);
unsigned term_width(int fd); /* 80 when it is no terminal */
/* A progress line on stderr, only on a terminal, at most 10 times a second. done == total ends it. */
void term_progress(const char *what, uint64_t done, uint64_t total);

#endif
