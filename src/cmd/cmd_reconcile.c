/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate reconcile: a bill against the ledger. The bill is read by the importers into a scratch ledger: it is
 * compared, not kept.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/cmd_query.h"
#include "cmd/cmd_reconcile.h"
#include "cmd/discover.h"
#include "import/import.h"

enum { OUT_BYTES = 256 * 1024 * 1024, ARENA_BYTES = 512 * 1024 * 1024, FILES_MOST = 64 };

static const struct opt reconcile_help[] = {
	{"tolerance", 0, OPT_MONEY, NULL, NULL, "M", "a row agrees up to that difference (default 0.000001)"},
	{"as", 0, OPT_STR, NULL, NULL, "SOURCE", "what the file is, where its content does not tell"},
	{"map", 0, OPT_STR, NULL, NULL, "FILE", "a mapping file for any other CSV"},
	{"env", 0, OPT_STR, NULL, NULL, "E", "only that environment's usage (default: all)"},
	{"rate", 0, OPT_LIST, NULL, NULL, "R", cmd_rate_help},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_reconcile = {
	.name = "reconcile",
	.summary = "an invoice or cost export against the ledger, day by day and model by model",
	.usage = "reconcile FILE... [--tolerance M] [--as SOURCE] [--map FILE]",
	.text = "Claimed is what the file says, billed what a vendor says is owed, priced what our book makes of the "
		"usage in the\n"
		"ledger. What is between them is a residual with a reason: bypass traffic, missing stream usage, a "
		"price change,\n"
		"a tier, a cut-off hour. Nothing is plugged, and nothing of the file is kept. Exit code 12 when a row "
		"is off.",
	.examples = "$ runrate import usage.csv && runrate reconcile costs.csv\n"
		    "$ runrate reconcile invoice.csv --map invoice.yaml --tolerance 0.01 --json\n",
	.options = reconcile_help,
	.run = run,
};

static int read_bill(struct ledger *bill, const char *const *files, unsigned count, const char *as, const char *map,
		     bool *rejected, struct err *e)
{
	struct import_summary *s = calloc(1, sizeof *s);
	struct book *book = book_builtin(e);
	struct import_options o = {
		.ledger = bill, .book = book, .as = as, .map = map, .progress = !globals.quiet, .now_us = cmd_now_us()};
	int rc = -RR_FAIL;
	if (!s) {
		book_free(book);
		return err_set(e, RR_NOMEM, "out of memory");
	}
	if (book)
		rc = import_paths(&o, files, count, s, e);
	if (!rc) {
		*rejected = s->rows_rejected > 0;
		for (unsigned i = 0; i < s->rejects && i < 20; i++)
			fprintf(stderr, "runrate: %s, row %llu: %s\n", s->reject[i].file,
				(unsigned long long)s->reject[i].row, s->reject[i].reason);
	}
	import_summary_fini(s);
	free(s);
	book_free(book);
	return rc;
}

int cmd_reconcile_files(struct reconcile *r, struct ledger *books, const char *const *files, unsigned count,
			const char *as, const char *map, const struct report_query *q, int64_t tolerance_pico,
			bool *rejected, struct arena *a, struct err *e)
{
	char scratch[256], path[300];
	struct ledger *bill;
	int rc;
	if (scratch_make(scratch, sizeof scratch))
		return err_set(e, RR_IO,
			       "cannot make a folder for scratch data: set TMPDIR to one that can be written");
	snprintf(path, sizeof path, "%s/ledger.db", scratch);
	bill = ledger_open(path, LEDGER_WRITE, e);
	rc = bill ? read_bill(bill, files, count, as, map, rejected, e) : -RR_STORE;
	if (!rc)
		rc = reconcile_make(r, books, bill, q, tolerance_pico, a, e);
	ledger_close(bill);
	scratch_remove(scratch);
	return rc;
}

static int run(int argc, char **argv)
{
	struct query_flags g = {0};
	struct opt_money tolerance = {.pico = RECONCILE_TOLERANCE_PICO};
	const char *as = NULL, *map = NULL, *files[FILES_MOST];
	const struct opt options[] = {
		{"tolerance", 0, OPT_MONEY, &tolerance, NULL, "M", reconcile_help[0].help},
		{"as", 0, OPT_STR, &as, NULL, "SOURCE", reconcile_help[1].help},
		{"map", 0, OPT_STR, &map, NULL, "FILE", reconcile_help[2].help},
		{"env", 0, OPT_STR, &g.env, NULL, "E", reconcile_help[3].help},
		{"rate", 0, OPT_LIST, &g.rates, NULL, "R", cmd_rate_help},
		{NULL},
	};
	unsigned count = 0;
	char path[4096];
	bool rejected = false;
	struct report_query q;
	struct reconcile r = {0};
	struct err e = {0};
	struct ledger *books = NULL;
	struct arena a;
	struct sb out;
	int rc = cmd_parse(&cmd_reconcile, argc, argv, options, files, &count, FILES_MOST);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	arena_init(&a, ARENA_BYTES);
	sb_init(&out, OUT_BYTES);
	rc = cmd_query(&g, &q, &a, &e);
	if (!rc && !count) {
		err_set(&e, RR_USAGE, "reconcile what? give an invoice or a cost export");
		rc = err_hint(&e, "runrate reconcile costs.csv");
	}
	if (!rc && tolerance.pico < 0)
		rc = err_set(&e, RR_USAGE, "--tolerance is not below 0");
	if (!rc) {
		books = ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e);
		rc = books ? 0 : -RR_STORE;
	}
	if (!rc)
		rc = cmd_reconcile_files(&r, books, files, count, as, map, &q, tolerance.pico, &rejected, &a, &e);
	if (rc) {
		rc = cmd_fail(&e);
	} else {
		if (globals.json)
			reconcile_json(&r, &out);
		else if (globals.csv)
			reconcile_csv(&r, &out);
		else
			reconcile_text(&r, &out);
		rc = cmd_print(sb_str(&out));
		if (!rc)
			rc = r.off ? err_exit_code(RR_RECONCILE) : rejected ? err_exit_code(RR_INPUT) : 0;
	}
	ledger_close(books);
	sb_fini(&out);
	arena_fini(&a);
	return rc;
}
