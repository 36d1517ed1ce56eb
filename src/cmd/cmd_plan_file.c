/* SPDX-License-Identifier: Apache-2.0
 *
 * The plans that are read from files: stack, lifetime, quote, advise.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cmd/cmd_plan.h"
#include "model/book.h"
#include "plan/advise.h"
#include "plan/lifetime_say.h"
#include "plan/quote.h"
#include "plan/stack_file.h"
#include "report/plan_ledger.h"
#include "report/plan_view.h"
#include "report/plan_xlsx.h"

enum { FILE_BYTES = 4 << 20, ARENA_BYTES = 64 << 20, OUT_BYTES = 64 << 20 };

/* A parsed file with the memory that it lives in. */
struct input {
	struct sb text;
	struct arena arena;
	struct conf_doc doc;
};

static void input_init(struct input *in)
{
	memset(in, 0, sizeof *in);
	sb_init(&in->text, FILE_BYTES);
	arena_init(&in->arena, ARENA_BYTES);
}

static void input_fini(struct input *in)
{
	arena_fini(&in->arena);
	sb_fini(&in->text);
}

/* Says the file's errors on stderr, each with its line and caret; the exit code of bad configuration. */
static int say_errors(const struct conf_doc *d)
{
	struct sb out;
	sb_init(&out, FILE_BYTES);
	conf_errors_text(d, &out);
	fwrite(out.p ? out.p : "", 1, out.n, stderr);
	sb_fini(&out);
	return err_exit_code(RR_CONFIG);
}

/* 0 or an exit code. */
static int read_file(struct input *in, const char *path)
{
	struct err e = {0};
	if (fs_read(path, &in->text, &e) < 0)
		return cmd_fail(&e);
	if (conf_parse(&in->doc, &in->arena, sb_str(&in->text), path) < 0)
		return say_errors(&in->doc);
	return 0;
}

static int print_and_keep(struct sb *json, struct sb *text)
{
	cmd_plan_keep(sb_str(json));
	return cmd_print(sb_str(globals.json ? json : text));
}

static int missing_file(const char *what)
{
	struct err e = {0};
	err_set(&e, RR_USAGE, "%s needs a file", what);
	err_hint(&e, "runrate help %s", what);
	return cmd_fail(&e);
}

static int run_stack(int argc, char **argv)
{
	const char *path[1];
	unsigned count = 0;
	struct input in;
	struct sb json, text;
	struct err e = {0};
	const char *svg = NULL;
	const struct opt options[] = {{.name = "svg", .kind = OPT_STR, .to = &svg}, {0}};
	int code, rc = cmd_parse(&cmd_plan_stack, argc, argv, options, path, &count, 1);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	if (!count)
		return missing_file("plan stack");
	struct stack_plan *p = cmd_alloc(sizeof *p);
	input_init(&in);
	sb_init(&json, OUT_BYTES);
	sb_init(&text, OUT_BYTES);
	code = p ? read_file(&in, path[0]) : 1;
	if (!code && stack_read(p, &in.doc) < 0)
		code = say_errors(&in.doc);
	if (!code && svg && plan_view_stack_svg(p, svg, &e) < 0)
		code = cmd_fail(&e);
	if (!code) {
		stack_json(p, &json);
		stack_text(p, &text);
		code = print_and_keep(&json, &text);
	}
	sb_fini(&json);
	sb_fini(&text);
	input_fini(&in);
	free(p);
	return code;
}

/* Reads a scenario; the book is opened only by models that are named without prices. */
static int read_scenario(struct input *in, const char *path, struct scenario *s)
{
	int code = read_file(in, path);
	if (!code && scenario_read(s, &in->doc, NULL, cmd_now_us()) < 0)
		code = say_errors(&in->doc);
	return code;
}

struct lifetime_flags {
	uint64_t draws;
	bool draws_given;
	const char *svg, *chart, *xlsx;
};

static int run_lifetime(int argc, char **argv)
{
	struct lifetime_flags f = {0};
	const struct opt options[] = {
		{.name = "draws",
		 .kind = OPT_U64,
		 .to = &f.draws,
		 .given = &f.draws_given,
		 .arg = "N",
		 .help = "draws of the uncertain figures (100,000)"},
		{.name = "svg", .kind = OPT_STR, .to = &f.svg, .arg = "FILE", .help = "write a chart"},
		{.name = "chart",
		 .kind = OPT_STR,
		 .to = &f.chart,
		 .arg = "WHICH",
		 .help = "cumulative (default), fan, waterfall, tornado"},
		{.name = "xlsx",
		 .kind = OPT_STR,
		 .to = &f.xlsx,
		 .arg = "FILE",
		 .help = "write a workbook with live months"},
		{0},
	};
	const char *path[1];
	unsigned count = 0;
	struct input in;
	struct sb json, text;
	struct err e = {0};
	int code, rc = cmd_parse(&cmd_plan_lifetime, argc, argv, options, path, &count, 1);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	if (!count)
		return missing_file("plan lifetime");
	struct scenario *s = cmd_alloc(sizeof *s);
	struct lifetime *l = cmd_alloc(sizeof *l);
	input_init(&in);
	sb_init(&json, OUT_BYTES);
	sb_init(&text, OUT_BYTES);
	code = s && l ? read_scenario(&in, path[0], s) : 1;
	if (code)
		goto out;
	if (f.draws_given)
		s->draws = f.draws < 1 ? 1 : f.draws > SCENARIO_DRAWS ? SCENARIO_DRAWS : (unsigned)f.draws;
	if (globals.seed != 1) /* the file's own seed, unless another one was asked for */
		s->seed = globals.seed;
	if (lifetime_run(s, l, &e) < 0 || (f.svg && plan_view_lifetime_svg(s, l, f.chart, f.svg, &e) < 0) ||
	    (f.xlsx && plan_xlsx_lifetime(s, l, f.xlsx, &e) < 0)) {
		code = cmd_fail(&e);
		goto out;
	}
	lifetime_json(s, l, &json);
	lifetime_text(s, l, &text);
	code = print_and_keep(&json, &text);
out:
	sb_fini(&json);
	sb_fini(&text);
	input_fini(&in);
	free(s);
	free(l);
	return code;
}

static int run_quote(int argc, char **argv)
{
	const char *path[QUOTE_FILES];
	unsigned count = 0;
	struct sb json, text;
	int code = 0, rc = cmd_parse(&cmd_plan_quote, argc, argv, NULL, path, &count, QUOTE_FILES);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	if (!count)
		return missing_file("plan quote");
	struct quote_plan *p = cmd_alloc(sizeof *p);
	sb_init(&json, OUT_BYTES);
	sb_init(&text, OUT_BYTES);
	for (unsigned i = 0; p && i < count && !code; i++) {
		struct input in;
		input_init(&in);
		code = read_file(&in, path[i]);
		if (!code && quote_read(p, &in.doc, NULL, cmd_now_us()) < 0)
			code = say_errors(&in.doc);
		input_fini(&in);
	}
	struct err e = {0};
	if (!code && quote_compare(p, &e) < 0)
		code = cmd_fail(&e);
	if (!code) {
		quote_json(p, &json);
		quote_text(p, &text);
		code = print_and_keep(&json, &text);
	}
	sb_fini(&json);
	sb_fini(&text);
	free(p);
	return code;
}

struct advise_flags {
	double deferrable, easy, prefix, reachable_hit;
	bool has_deferrable, has_easy, has_prefix, has_reachable;
	const char *easy_model;
	int64_t since_us;
	bool has_since;
};

/* The last 30 days of the ledger, or since a day, as a scenario. 0 or an exit code. */
static int ledger_scenario(const struct advise_flags *f, struct scenario *s, struct plan_ledger *pl)
{
	const struct plan_ledger_hints hints = {.deferrable = f->has_deferrable ? f->deferrable : (double)NAN,
						.easy = f->has_easy ? f->easy : (double)NAN,
						.prefix = f->has_prefix ? f->prefix : (double)NAN,
						.reachable_hit = f->has_reachable ? f->reachable_hit : (double)NAN,
						.easy_model = f->easy_model};
	char path[4096];
	struct err e = {0};
	int64_t now = cmd_now_us();
	struct book *b = book_builtin(&e);
	struct ledger *l =
		b ? ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e) : NULL;
	int rc = l ? plan_ledger_scenario(l, b, f->has_since ? f->since_us : now - 30 * US_PER_DAY, now, &hints, s, pl,
					  &e)
		   : -RR_STORE;
	if (!l && e.code == RR_NOTFOUND)
		err_hint(&e, "or give a scenario: runrate plan advise scenario.yaml");
	ledger_close(l);
	book_free(b);
	return rc < 0 ? cmd_fail(&e) : 0;
}

static void say_notes(const struct plan_ledger *pl, struct sb *text)
{
	sb_addf(text, "\nFrom the ledger: %llu production calls over %.1f days; %llu others left out.\n",
		(unsigned long long)pl->calls, pl->days, (unsigned long long)pl->left_out);
	for (unsigned i = 0; i < pl->notes; i++)
		sb_addf(text, "* %s\n", pl->note[i]);
}

static int run_advise(int argc, char **argv)
{
	struct advise_flags f = {0};
	const struct opt options[] = {
		{.name = "since", .kind = OPT_TIME, .to = &f.since_us, .given = &f.has_since},
		{.name = "deferrable", .kind = OPT_SHARE, .to = &f.deferrable, .given = &f.has_deferrable},
		{.name = "easy", .kind = OPT_SHARE, .to = &f.easy, .given = &f.has_easy},
		{.name = "easy-model", .kind = OPT_STR, .to = &f.easy_model},
		{.name = "prefix", .kind = OPT_NUM, .to = &f.prefix, .given = &f.has_prefix},
		{.name = "reachable-hit", .kind = OPT_SHARE, .to = &f.reachable_hit, .given = &f.has_reachable},
		{0},
	};
	const char *path[1];
	unsigned count = 0;
	struct input in;
	struct plan_ledger pl = {0};
	struct sb json, text;
	struct err e = {0};
	int code, rc = cmd_parse(&cmd_plan_advise, argc, argv, options, path, &count, 1);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	struct scenario *s = cmd_alloc(sizeof *s);
	struct advice *a = cmd_alloc(sizeof *a);
	input_init(&in);
	sb_init(&json, OUT_BYTES);
	sb_init(&text, OUT_BYTES);
	if (!s || !a)
		code = 1;
	else
		code = count ? read_scenario(&in, path[0], s) : ledger_scenario(&f, s, &pl);
	if (!code && advise(s, a, &e) < 0)
		code = cmd_fail(&e);
	if (!code) {
		advise_json(s, a, &json);
		advise_text(s, a, &text);
		if (!count)
			say_notes(&pl, &text);
		code = print_and_keep(&json, &text);
	}
	sb_fini(&json);
	sb_fini(&text);
	input_fini(&in);
	free(s);
	free(a);
	return code;
}

static const struct opt advise_options[] = {
	{.name = "since", .kind = OPT_TIME, .arg = "TIME", .help = "from when on the ledger is read (30 days)"},
	{.name = "deferrable",
	 .kind = OPT_SHARE,
	 .arg = "SHARE",
	 .help = "share that may wait, which the ledger does not know"},
	{.name = "easy", .kind = OPT_SHARE, .arg = "SHARE", .help = "share that a cheaper model could answer"},
	{.name = "easy-model",
	 .kind = OPT_STR,
	 .arg = "MODEL",
	 .help = "that model: a name of the price book, or IN/OUT"},
	{.name = "prefix",
	 .kind = OPT_NUM,
	 .arg = "N",
	 .help = "cacheable prefix in tokens, where nothing is cached yet"},
	{.name = "reachable-hit",
	 .kind = OPT_SHARE,
	 .arg = "SHARE",
	 .help = "hit rate that caching would reach (90 %)"},
	{0},
};
static const struct opt stack_options[] = {
	{.name = "svg", .kind = OPT_STR, .arg = "FILE", .help = "write the waterfall"},
	{0},
};
static const struct opt no_options[] = {{NULL}};
static const struct opt lifetime_options[] = {
	{.name = "draws", .kind = OPT_U64, .arg = "N", .help = "draws of the uncertain figures (100,000)"},
	{.name = "svg", .kind = OPT_STR, .arg = "FILE", .help = "write a chart"},
	{.name = "chart", .kind = OPT_STR, .arg = "WHICH", .help = "cumulative (default), fan, waterfall, tornado"},
	{.name = "xlsx", .kind = OPT_STR, .arg = "FILE", .help = "write a workbook with live months"},
	{0},
};

const struct command cmd_plan_stack = {
	.name = "plan stack",
	.summary = "levers one on another, with what each saves",
	.usage = "plan stack FILE [--svg FILE]",
	.text = "A file with bill, shares {prefix, rest, output}, levers {cache, batch, route} and overlap. The total "
		"does not "
		"depend on the order; what each lever saves does, and is given as Shapley values from first-in to "
		"last-in.",
	.examples = "$ runrate plan stack stack.yaml\n",
	.options = stack_options,
	.run = run_stack,
};
const struct command cmd_plan_lifetime = {
	.name = "plan lifetime",
	.summary = "a scenario over months: the two checkbooks, as a band",
	.usage = "plan lifetime FILE [--draws N] [--seed N] [--svg FILE [--chart WHICH]] [--xlsx FILE]",
	.text = "A scenario file with months, workloads, models, outlays, finetunes, options, price_decline and "
		"adoption; any "
		"figure may be {low, mode, high}.",
	.examples = "$ runrate plan lifetime scenario.yaml\n$ runrate plan lifetime scenario.yaml --svg fan.svg "
		    "--chart fan\n",
	.options = lifetime_options,
	.run = run_lifetime,
};
const struct command cmd_plan_quote = {
	.name = "plan quote",
	.summary = "vendors' quotes on one workload, at 1x and 10x",
	.usage = "plan quote FILE...",
	.text = "One file with a workload and quotes, or a workload file and one file a quote. Prints them side by "
		"side, the "
		"five questions to send with your figures in them, and the two caps of a contract.",
	.examples = "$ runrate plan quote quotes.yaml\n",
	.options = no_options,
	.run = run_quote,
};
const struct command cmd_plan_advise = {
	.name = "plan advise",
	.summary = "the ladder in its order: prompt, cache, batch, route, tune, self-host",
	.usage = "plan advise [FILE] [--since TIME] [FLAGS]",
	.text = "With a scenario file, or without one from the ledger's last 30 days of production. Each step stands "
		"on the base that the last one leaves; no verdict on tuning or self-hosting before the cheaper "
		"steps are counted.",
	.examples = "$ runrate plan advise --easy 55% --easy-model gpt-5.4-nano\n$ runrate plan advise scenario.yaml\n",
	.options = advise_options,
	.run = run_advise,
};
