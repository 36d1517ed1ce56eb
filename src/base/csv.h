/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV as people and vendors write it (RFC 4180 and its relatives), row by row in constant memory.
 *
 * Reads UTF-8 with or without a byte order mark, UTF-16 with one; comma, semicolon, tab or bar (sniffed from the header
 * row, or named by a first line "sep=;"); CRLF, LF or CR; quotes with embedded separators and newlines. A field is
 * at most 1 MiB, a row at most 100,000 fields and 64 MiB. Columns are matched by header name, never by position.
 * Blank lines are skipped. A row is right or refused with its number: after an error the next call goes on behind
 * it; input that cannot be read on says so once, and the call after that is the end.
 * Writing neutralises cells that a spreadsheet would run as a formula (=, +, -, @, tab, CR, LF at the start
 * of text; numbers stay numbers).
 */
#ifndef RR_BASE_CSV_H
#define RR_BASE_CSV_H

#include "base/fs.h"

struct csv;

struct csv *csv_open(const char *path, struct err *e);          /* reads through fs_stream */
struct csv *csv_open_text(struct str text, struct err *e);      /* the text must outlive it */
/* The header row is read at opening. */
unsigned csv_columns(const struct csv *c);
struct str csv_header(const struct csv *c, unsigned column);
/* Column of that header name (exact, then ASCII case-insensitive), or -1. */
int csv_column(const struct csv *c, const char *name);
/* 1 a row, 0 the end, <0 this row is malformed (e says why; the next call goes on after it). */
int csv_next(struct csv *c, struct err *e);
/* Tables that begin below lines about them ("Currency,EUR"): the next row becomes the header, the one so far such a
 * line. 1, 0 when there is no row, <0 it is malformed. Rows count from there. */
int csv_header_next(struct csv *c, struct err *e);
/* The second cell of a line above the header whose first cell is that name; empty when there is none. */
struct str csv_about(const struct csv *c, const char *name);
/* Does the row at hand name columns of the header, as where files were put behind one another? Then it may become the
 * header of what follows. */
bool csv_names_columns(const struct csv *c);
int csv_header_again(struct csv *c, struct err *e);
/* The row at hand ends with the file, in the middle of its columns and of its line. */
bool csv_row_cut(const struct csv *c);
/* Field of the current row, unquoted; empty for a column that the row lacks or for -1. Lives until
 * the next csv_next. */
struct str csv_field(const struct csv *c, int column);
uint64_t csv_row(const struct csv *c);  /* 1-based data row number */
uint64_t csv_line(const struct csv *c); /* 1-based line on which the row began */
uint64_t csv_raw_bytes(const struct csv *c);
void csv_close(struct csv *c);

/* Appends one field, quoted where needed; text is neutralised, a number is not. */
void csv_write_text(struct sb *b, struct str s);
void csv_write_number(struct sb *b, struct str s);

#endif
