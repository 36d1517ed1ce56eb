/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV: any bytes are read to the end; every field of an accepted row is clean UTF-8 within the limits; the rows that
 * were read, written again by our writer, read back the same. Line and row numbers only grow.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/csv.h"

static void write_row(const struct csv *c, bool mark, struct sb *out)
{
	for (unsigned i = 0; i < csv_columns(c); i++) {
		struct str f = csv_field(c, (int)i);
		struct sb field;
		check(f.n <= 1 << 20 && str_utf8_valid(f) && (f.n == 0 || !memchr(f.p, 0, f.n)));
		if (i)
			sb_addc(out, ',');
		sb_init(&field, f.n + 1);
		if (mark) /* keeps a formula as it is, and a row of empty fields from being a blank line */
			sb_addc(&field, 'x');
		sb_add_str(&field, f);
		csv_write_text(out, sb_str(&field));
		sb_fini(&field);
	}
	sb_addc(out, '\n');
}

/* Rows of c as a CSV text of ours, each field after an x if asked for; returns how many were read. */
static uint64_t copy_rows(struct csv *c, bool mark, struct sb *out)
{
	uint64_t good = 0, line = 0, row = 0;
	int rc;
	for (unsigned i = 0; i < csv_columns(c); i++)
		sb_addf(out, "%sc%u", i ? "," : "", i);
	sb_addc(out, '\n');
	while ((rc = csv_next(c, NULL))) {
		check(csv_row(c) == row + 1 && csv_line(c) > line);
		row++;
		line = csv_line(c);
		if (rc < 0)
			continue;
		good++;
		write_row(c, mark, out);
	}
	check(csv_next(c, NULL) == 0);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e;
	struct csv *first = csv_open_text(str_make(size ? (const char *)data : "", size), &e), *second;
	struct sb once, twice;
	uint64_t rows;
	if (!first)
		return 0;
	if (csv_columns(first) > 500) {
		csv_close(first);
		return 0;
	}
	sb_init(&once, (size_t)64 << 20);
	sb_init(&twice, (size_t)64 << 20);
	rows = copy_rows(first, true, &once);
	if (!once.full) {
		second = csv_open_text(sb_str(&once), &e);
		check(second && csv_columns(second) == csv_columns(first));
		check(copy_rows(second, false, &twice) == rows && str_eq(sb_str(&once), sb_str(&twice)));
		csv_close(second);
	}
	csv_close(first);
	sb_fini(&once);
	sb_fini(&twice);
	return 0;
}
