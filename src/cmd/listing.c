/* SPDX-License-Identifier: Apache-2.0
 *
 * See listing.h.
 */
#include "cmd/listing.h"

#include <stdio.h>

#include "base/arena.h"

enum { OUT_BYTES = 64 * 1024 * 1024 };

struct ledger *cmd_ledger(enum ledger_mode mode, struct err *e)
{
	char path[4096];
	return ledger_open(ledger_default_path(globals.ledger, path, sizeof path), mode, e);
}

int cmd_list(const struct command *c, int argc, char **argv, const char *columns, const char *json_name,
	     int (*rows)(struct listing *x), const char *when_empty)
{
	const char *positional[1];
	unsigned count;
	struct err e = {0};
	struct arena a;
	struct table t;
	struct json_out w;
	struct sb b;
	struct listing x = {.t = &t, .e = &e, .now_us = cmd_now_us()};
	int rc = cmd_parse(c, argc, argv, NULL, positional, &count, 0);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	x.l = cmd_ledger(LEDGER_READ, &e);
	if (!x.l)
		return cmd_fail(&e);
	sb_init(&b, OUT_BYTES);
	arena_init(&a, OUT_BYTES);
	table_init(&t, &a, columns);
	jw_init(&w, &b);
	if (globals.json) {
		x.w = &w;
		jw_object(&w);
		jw_key(&w, json_name);
		jw_array(&w);
	}
	rc = rows(&x);
	ledger_close(x.l);
	if (globals.json) {
		jw_end_array(&w);
		jw_end_object(&w);
		sb_addc(&b, '\n');
	} else if (globals.csv) {
		table_csv(&t, &b);
	} else if (x.rows) {
		table_text(&t, term_width(1), &b);
	} else if (!rc) {
		fputs(when_empty, stderr);
	}
	rc = rc ? cmd_fail(&e) : cmd_print(sb_str(&b));
	arena_fini(&a);
	sb_fini(&b);
	return rc;
}

int cmd_on_id(const struct command *c, int argc, char **argv, const char *noun, const char *done,
	      int (*act)(struct ledger *l, const char *id, struct err *e))
{
	const char *positional[1];
	unsigned count;
	struct err e = {0};
	struct ledger *l;
	char line[128];
	int rc = cmd_parse(c, argc, argv, NULL, positional, &count, 1);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	if (!count) {
		err_set(&e, RR_USAGE, "which %s? give its id", noun);
		err_hint(&e, "`runrate %s list` shows the ids", noun);
		return cmd_fail(&e);
	}
	if (globals.dry_run) {
		fprintf(stderr, "dry run: %s %s would be %s\n", noun, positional[0], done);
		return 0;
	}
	l = cmd_ledger(LEDGER_WRITE, &e);
	if (!l)
		return cmd_fail(&e);
	rc = act(l, positional[0], &e);
	ledger_close(l);
	if (rc)
		return cmd_fail(&e);
	if (globals.json)
		snprintf(line, sizeof line, "{\"id\":\"%s\",\"%s\":true}\n", positional[0], done);
	else
		snprintf(line, sizeof line, "%s %s is %s\n", noun, positional[0], done);
	return cmd_print(str_of(line));
}
