/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that this program has, as a table of SQLite's: INSERT INTO t SELECT * FROM given_x.
 *
 * One statement then writes thousands of rows. Nothing is bound, reset or looked for anew for each of them, the cursor
 * stays at the place where the next one goes, and a value that is NULL costs nothing.
 */
#ifndef RR_LEDGER_GIVEN_H
#define RR_LEDGER_GIVEN_H

#include <sqlite3.h>
#include <stdbool.h>

struct given {
	const char *name; /* of the table */
	unsigned columns;
	/* Goes on to the next row, the first one at first. 1, 0: there are no more, or a negative code: rc. */
	int (*next)(struct given *g);
	/* What stands in that column of the row, by sqlite3_result_...; it stays where it is until the next one. */
	void (*value)(struct given *g, unsigned column, sqlite3_context *out);
	void *rows; /* for the two, while a statement runs */
	int rc;
	bool there; /* the connection has the table */
};

/* The table is there for the connection's statements; g stays as long as it. SQLite's code. */
int given_table(sqlite3 *db, struct given *g);

#endif
