/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate explain: where a figure comes from.
 */
#include "base/tz.h"
#include "cmd/cmd_plan.h"
#include "report/explain.h"

enum { OUT_BYTES = 64 * 1024 * 1024, ARENA_BYTES = 256 * 1024 * 1024 };

static const struct opt explain_help[] = {
	{"book", 0, OPT_STR, NULL, NULL, "FILE", "prices to check against (default: built in)"},
	{"env", 0, OPT_STR, NULL, NULL, "E", "for a cell: production (default), all, or a name"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_explain = {
	.name = "explain",
	.summary = "where a figure comes from: formula, terms, sources, dates",
	.usage = "explain ID [--book FILE]",
	.text = "ID is a call (c-..., the answer's x-runrate-id), a price rule, or a cell of a report: inference, training or\n"
		"total, with a month or day before it; or plan: the last plan that ran (plan.FIGURE: one of its figures). A call is priced again from what it used; a difference is shown.",
	.examples = "$ runrate explain 2026-10.inference\n"
		    "$ runrate explain c-019a8f0c2d5e7b3a9c1d2e3f40516273 --json\n",
	.options = explain_help,
	.run = run,
};

static int run(int argc, char **argv)
{
	const char *book_path = NULL, *env = NULL, *positional[1];
	const struct opt options[] = {
		{"book", 0, OPT_STR, &book_path, NULL, "FILE", explain_help[0].help},
		{"env", 0, OPT_STR, &env, NULL, "E", explain_help[1].help},
		{NULL},
	};
	struct report_query q = {.from_us = INT64_MIN, .to_us = INT64_MAX, .now_us = cmd_now_us()};
	char path[4096];
	unsigned count;
	struct err e = {0};
	struct explanation *x;
	struct book *book = NULL;
	struct ledger *l = NULL;
	struct arena a;
	struct sb out;
	int rc = cmd_parse(&cmd_explain, argc, argv, options, positional, &count, 1);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	if (count && strcmp(positional[0], "plan") == 0)
		return cmd_plan_explain(NULL);
	if (count && strncmp(positional[0], "plan.", 5) == 0)
		return cmd_plan_explain(positional[0] + 5);
	arena_init(&a, ARENA_BYTES);
	sb_init(&out, OUT_BYTES);
	x = arena_new(&a, struct explanation);
	q.env = env;
	q.tz = tz_get(globals.tz ? globals.tz : "UTC", &e);
	if (!count) {
		err_set(&e, RR_USAGE, "explain what? give a call's id or a cell");
		rc = err_hint(&e, "runrate explain inference");
	} else if (!q.tz || (globals.currency && currency_parse(str_of(globals.currency), &q.currency))) {
		rc = q.tz ? err_set(&e, RR_USAGE, "%s is no currency code", globals.currency) : -RR_USAGE;
	} else {
		book = book_path ? book_load(book_path, &e) : book_builtin(&e);
		l = book ? ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e) : NULL;
		rc = l && x ? explain_find(x, l, book, str_of(positional[0]), &q, &a, &e) : -RR_FAIL;
	}
	if (rc) {
		rc = cmd_fail(&e);
	} else {
		if (globals.json)
			explain_json(x, &out);
		else
			explain_text(x, &out);
		rc = cmd_print(sb_str(&out));
	}
	ledger_close(l);
	book_free(book);
	sb_fini(&out);
	arena_fini(&a);
	return rc;
}
