/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate diff: why two periods cost differently.
 */
#include "cmd/cmd.h"
#include "cmd/cmd_query.h"
#include "report/diff.h"

enum { OUT_BYTES = 64 * 1024 * 1024, ARENA_BYTES = 512 * 1024 * 1024 };

static const struct opt diff_help[] = {
	{"by", 0, OPT_STR, NULL, NULL, "K",
	 "feature, model, team, key, provider, region, project, surface, tier (default: feature or model)"},
	{"env", 0, OPT_STR, NULL, NULL, "E", "production (default), all, or a name"},
	{"rate", 0, OPT_LIST, NULL, NULL, "R", cmd_rate_help},
	{"book", 0, OPT_STR, NULL, NULL, "FILE", "prices that tell classes of tokens apart (default: built in)"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_diff = {
	.name = "diff",
	.summary = "why two periods cost differently: price, volume, mix, cache",
	.usage = "diff A B [--by K] [--currency C]",
	.text = "A and B are periods: 2026-10, 2026-10-05, 2026-W41, 2026-10-01..2026-10-15, last-week, this-week,\n"
		"last-month, yesterday. The change is told apart in this order: volume, mix, prompt length, answer "
		"length,\n"
		"cache, prices and the rest. The parts sum exactly to the change of the bill.\n\n"
		"Inference only: what is paid once has no volume. What has no price is counted beside the figures.",
	.examples = "$ runrate diff last-week this-week --by feature\n"
		    "$ runrate diff 2026-09 2026-10 --by model --json\n",
	.options = diff_help,
	.run = run,
};

static int run(int argc, char **argv)
{
	struct query_flags g = {0};
	const char *book_path = NULL, *positional[2];
	const struct opt options[] = {
		{"by", 0, OPT_STR, &g.by, NULL, "K", diff_help[0].help},
		{"env", 0, OPT_STR, &g.env, NULL, "E", diff_help[1].help},
		{"rate", 0, OPT_LIST, &g.rates, NULL, "R", cmd_rate_help},
		{"book", 0, OPT_STR, &book_path, NULL, "FILE", diff_help[3].help},
		{NULL},
	};
	unsigned count = 0;
	char path[4096];
	int64_t from_us[2], to_us[2];
	struct report_query q;
	struct diff d;
	struct err e = {0};
	struct book *book = NULL;
	struct ledger *l = NULL;
	struct arena a;
	struct sb out;
	int rc = cmd_parse(&cmd_diff, argc, argv, options, positional, &count, 2);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	arena_init(&a, ARENA_BYTES);
	sb_init(&out, OUT_BYTES);
	rc = cmd_query(&g, &q, &a, &e);
	if (!rc && count != 2) {
		err_set(&e, RR_USAGE, "two periods are compared, and %u %s given", count, count == 1 ? "was" : "were");
		rc = err_hint(&e, "runrate diff last-week this-week");
	}
	for (unsigned i = 0; i < 2 && !rc; i++)
		rc = cmd_period(positional[i], q.tz, q.now_us, &from_us[i], &to_us[i], &e);
	if (!rc) {
		book = book_path ? book_load(book_path, &e) : book_builtin(&e);
		l = book ? ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e) : NULL;
		rc = l ? diff_make(&d, l, book, &q, from_us, to_us, &a, &e) : -RR_FAIL;
	}
	if (rc) {
		rc = cmd_fail(&e);
	} else {
		if (globals.json)
			diff_json(&d, &out);
		else if (globals.csv)
			diff_csv(&d, &out);
		else
			diff_text(&d, &out);
		rc = cmd_print(sb_str(&out));
	}
	ledger_close(l);
	book_free(book);
	sb_fini(&out);
	arena_fini(&a);
	return rc;
}
