/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands over the ledger's settings (key, cap, outlay) have in common: `X list` prints every row as a table,
 * as CSV or as one JSON object, and `X remove ID` does one thing to one row.
 */
#ifndef RR_CMD_LISTING_H
#define RR_CMD_LISTING_H

#include "base/json.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "ledger/ledger.h"

struct listing {
	struct ledger *l;
	struct table *t;
	struct json_out *w; /* NULL but for --json */
	struct err *e;
	int64_t now_us;
	struct fx fx;       /* rates of the configuration, where a listing takes them */
	unsigned rows;      /* counted by whoever adds them */
};

/* The ledger of --ledger, or the usual one. NULL, and *e filled, when it cannot be opened. */
struct ledger *cmd_ledger(enum ledger_mode mode, struct err *e);
/* All of `X list`; rows() adds to x->t, or to x->w. Returns the exit code. */
int cmd_list(const struct command *c, int argc, char **argv, const char *columns, const char *json_name,
	     int (*rows)(struct listing *x), const char *when_empty);
/* All of `X VERB ID`: noun "cap", done "removed". Returns the exit code. */
int cmd_on_id(const struct command *c, int argc, char **argv, const char *noun, const char *done,
	      int (*act)(struct ledger *l, const char *id, struct err *e));

#endif
