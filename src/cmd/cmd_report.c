/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate report: the two checkbooks of a period.
 */
#include <stdio.h>

#include "base/fs.h"
#include "cmd/cmd.h"
#include "cmd/cmd_query.h"
#include "report/forecast.h"
#include "report/report_file.h"

enum { OUT_BYTES = 256 * 1024 * 1024, ARENA_BYTES = 512 * 1024 * 1024 };

static const struct opt report_help[] = {
	{"by", 0, OPT_STR, NULL, NULL, "K",
	 "provider, model, team, feature, key, env, region, project, surface, tier, hour, day, week, month, ..."},
	{"since", 0, OPT_STR, NULL, NULL, "T", "from that day on: 2026-08-01, 2026-08, or a time (default: all)"},
	{"until", 0, OPT_STR, NULL, NULL, "T", "up to and with that day or month, or up to a time (default: now)"},
	{"basis", 0, OPT_STR, NULL, NULL, "B", "cash (default): when paid; amortised: as it is used up"},
	{"env", 0, OPT_STR, NULL, NULL, "E", "production (default), all, or a name"},
	{"rate", 0, OPT_LIST, NULL, NULL, "R", cmd_rate_help},
	{"html", 0, OPT_STR, NULL, NULL, "FILE", "a page for people, in one file; - is standard output"},
	{"xlsx", 0, OPT_STR, NULL, NULL, "FILE", "a workbook with live formulas and the sources of prices"},
	{"svg", 0, OPT_STR, NULL, NULL, "FILE", "the chart over time; - is standard output"},
	{"against", 0, OPT_STR, NULL, NULL, "PLAN", "a kept plan (plan lifetime --json) beside what came"},
	{"shares", 0, OPT_STR, NULL, NULL, "FILE",
	 "costs that teams share, with the key (default: shares.yaml of the configuration)"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_report = {
	.name = "report",
	.summary = "what was spent, in two checkbooks: inference and training",
	.usage = "report [--by K] [--since T] [--until T] [--currency C] [--basis cash|amortised] [--env E|all] "
		 "[--html FILE] [--xlsx FILE] [--svg FILE] [--against PLAN] [--shares FILE]",
	.text = "Inference recurs, training is paid once: one block each, never mixed. The headline counts production; pilots\n"
		"and tests stand beside it. Amounts of several currencies are not added unless --currency names one and\n"
		"--rate or the configuration states rates. Calls without a known price are counted, and never taken for free.",
	.examples = "$ runrate report --since 2026-08-01 --until 2026-10-31\n"
		    "$ runrate report --by team --since 2026-11 --json\n"
		    "$ runrate report --basis amortised --by month --currency GBP\n"
		    "$ runrate report --by model --html report.html --xlsx report.xlsx\n",
	.options = report_help,
	.run = run,
};

struct files {
	const char *html, *xlsx, *svg, *against;
};

/* LATE_DAYS: exports lag; a report up to its last day looks ahead from there */
enum { PLAN_BYTES = 64 * 1024 * 1024, LATE_DAYS = 7 };

static int read_plan(const struct files *f, struct ledger *l, struct report *r, struct arena *a, struct err *e)
{
	struct report months;
	struct report_query q = r->query;
	struct sb text;
	int rc;
	if (!f->against)
		return 0;
	q.by = BY_MONTH;
	q.currency = r->currency;
	sb_init(&text, PLAN_BYTES);
	rc = fs_read(f->against, &text, e);
	if (!rc)
		rc = report_make(&months, l, &q, a, e);
	if (!rc)
		rc = report_against(r, &months, sb_str(&text), e);
	sb_fini(&text);
	return rc;
}

/* The same report over time: by day, or by month where a line a day would be too many. */
static int over_time(struct report *days, struct ledger *l, const struct report *r, struct arena *a, struct err *e)
{
	struct report_query q = r->query;
	q.by = q.to_us - q.from_us > 200 * US_PER_DAY ? BY_MONTH : BY_DAY;
	q.currency = r->currency;
	return report_make(days, l, &q, a, e);
}

/* The month under way, where the report reaches to it; a monthly cap on everything is its budget. Without
 * enough days there is none. */
static void look_ahead(struct report *r, struct ledger *l, bool until_given, struct arena *a)
{
	const int64_t late_us = (until_given ? 2 : LATE_DAYS) * US_PER_DAY;
	struct forecast *f = arena_new(a, struct forecast);
	struct report_query q = r->query;
	const int64_t *budget = NULL;
	struct err e = {0};
	if (!f || r->empty || !r->currency.code[0] || q.to_us < q.now_us - late_us || q.from_us > q.now_us)
		return;
	q.currency = r->currency;
	for (unsigned i = 0; i < r->cap_count; i++) {
		const struct cap_rule *c = &r->caps[i].rule;
		char scope[512];
		if (r->caps[i].book == BOOK_INFERENCE && c->window == WINDOW_MONTH && c->amount_pico != INT64_MAX &&
		    currency_eq(c->currency, r->currency) && strcmp(cap_scope_text(&c->scope, scope, sizeof scope),
				"everything") == 0)
			budget = &c->amount_pico;
	}
	if (forecast_make(f, l, &q, 1, budget, &e) == 0 && f->months)
		r->forecast = f;
}

static int write_text(const char *path, struct sb *text, struct err *e)
{
	if (text->full)
		return err_set(e, RR_LIMIT, "the file would be larger than %d MiB", OUT_BYTES >> 20);
	if (strcmp(path, "-") == 0)
		return cmd_print(sb_str(text)) ? err_set(e, RR_IO, "cannot write to standard output") : 0;
	return fs_write_atomic(path, sb_str(text), 0644, e);
}

static int write_files(const struct files *f, struct ledger *l, const struct report *r, struct arena *a, struct err *e)
{
	struct report days;
	struct sb text;
	struct book *b = NULL;
	int rc;
	if (!f->html && !f->xlsx && !f->svg)
		return 0;
	rc = over_time(&days, l, r, a, e);
	b = rc ? NULL : book_builtin(e);
	rc = rc ? rc : b ? 0 : -RR_FAIL;
	sb_init(&text, OUT_BYTES);
	if (!rc && f->svg) {
		report_svg(&days, &text);
		rc = write_text(f->svg, &text, e);
	}
	if (!rc && f->html) {
		sb_clear(&text);
		report_html(r, &days, b, &text);
		rc = write_text(f->html, &text, e);
	}
	if (!rc && f->xlsx)
		rc = report_xlsx(r, &days, b, f->xlsx, e);
	sb_fini(&text);
	book_free(b);
	return rc;
}

static int run(int argc, char **argv)
{
	struct query_flags g = {0};
	struct files f = {0};
	const struct opt options[] = {
		{"by", 0, OPT_STR, &g.by, NULL, "K", report_help[0].help},
		{"since", 0, OPT_STR, &g.since, NULL, "T", report_help[1].help},
		{"until", 0, OPT_STR, &g.until, NULL, "T", report_help[2].help},
		{"basis", 0, OPT_STR, &g.basis, NULL, "B", report_help[3].help},
		{"env", 0, OPT_STR, &g.env, NULL, "E", report_help[4].help},
		{"rate", 0, OPT_LIST, &g.rates, NULL, "R", cmd_rate_help},
		{"html", 0, OPT_STR, &f.html, NULL, "FILE", report_help[6].help},
		{"xlsx", 0, OPT_STR, &f.xlsx, NULL, "FILE", report_help[7].help},
		{"svg", 0, OPT_STR, &f.svg, NULL, "FILE", report_help[8].help},
		{"against", 0, OPT_STR, &f.against, NULL, "PLAN", report_help[9].help},
		{"shares", 0, OPT_STR, &g.shares, NULL, "FILE", report_help[10].help},
		{NULL},
	};
	const char *positional[1];
	char path[4096];
	unsigned count;
	struct err e = {0};
	struct report_query q;
	struct report r;
	struct ledger *l;
	struct arena a;
	struct sb out;
	int rc = cmd_parse(&cmd_report, argc, argv, options, positional, &count, 0);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	arena_init(&a, ARENA_BYTES);
	sb_init(&out, OUT_BYTES);
	rc = cmd_query(&g, &q, &a, &e);
	l = rc ? NULL : ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e);
	if (l) {
		rc = report_make(&r, l, &q, &a, &e);
		if (!rc)
			rc = read_plan(&f, l, &r, &a, &e);
		if (!rc)
			look_ahead(&r, l, g.until != NULL, &a);
		if (!rc)
			rc = write_files(&f, l, &r, &a, &e);
		ledger_close(l);
	}
	if (rc || !l) {
		rc = cmd_fail(&e);
	} else {
		if (globals.json)
			report_json(&r, &out);
		else if (globals.csv)
			report_csv(&r, &out);
		else if (!f.html && !f.xlsx && !f.svg)
			report_text(&r, term_width(1), &out);
		rc = cmd_print(sb_str(&out));
	}
	sb_fini(&out);
	arena_fini(&a);
	return rc;
}
