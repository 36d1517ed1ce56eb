/* SPDX-License-Identifier: Apache-2.0
 *
 * A bare `runrate`: looks at what lies on this machine and prints the first report. Nothing leaves the machine, and
 * nothing is kept: what is found is read into a scratch ledger that is removed at the end. Where a ledger is kept
 * already, the report is the ledger's, and what else was found is named. `runrate FILE...` reads just these files.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/num.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/cmd_query.h"
#include "cmd/discover.h"
#include "import/import.h"
#include "report/first.h"

enum { OUT_BYTES = 64 * 1024 * 1024, ARENA_BYTES = 512 * 1024 * 1024, ARGUMENTS = 256 };

static const struct opt first_help[] = {
	{"rate", 0, OPT_LIST, NULL, NULL, "R", cmd_rate_help},
	{"env", 0, OPT_STR, NULL, NULL, "E", "production (default), all, or a name"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_first = {
	.name = "",
	.summary = "what lies on this machine, and the first report",
	.usage = "[FILE...] [--rate R] [--currency C]",
	.text = "Looks for agents' logs, vendors' exports in the current folder (else the CSV files\n"
		"among the downloads), a ledger and a gateway, and reports what they say: inference,\n"
		"which recurs, beside training, which is paid once. Nothing leaves this machine and\n"
		"nothing is kept. With files it reads just these, whatever their names: content tells\n"
		"what they are.",
	.examples = "$ runrate\n"
		    "$ runrate openai.csv\n"
		    "$ runrate usage.csv costs.csv --currency GBP --rate USD/GBP=0.7692@2026-10-01 --json\n",
	.options = first_help,
	.run = run,
};

struct found {
	struct sb text;
	struct json_out w;
	struct sb json;
};

struct first_run {
	struct arena arena;
	struct found found;
	struct book *book;
	struct ledger *ledger;
	char scratch[256], scratch_ledger[300];
	bool in_scratch;
	char keep[200]; /* what of the folder would be imported to keep it */
	struct first report;
};

static void say_json(struct found *f, const char *state, const char *what, const char *detail, const char *next)
{
	jw_object(&f->w);
	jw_kcstr(&f->w, "what", what);
	jw_kcstr(&f->w, "state", strcmp(state, "ok") == 0 ? "ok" : strcmp(state, "--") == 0 ? "none" : "bad");
	jw_kcstr(&f->w, "detail", detail);
	jw_kcstr(&f->w, "next", next && next[0] ? next : NULL);
	jw_end_object(&f->w);
}

static void say(struct found *f, const char *state, const char *what, const char *detail, const char *next)
{
	sb_addf(&f->text, "  %-4s %-20s  %s", state, what, detail);
	if (next && next[0])
		sb_addf(&f->text, "   %s", next);
	sb_addc(&f->text, '\n');
	say_json(f, state, what, detail, next);
}

/* What is wrong with the one before it. */
static void say_wrong(struct found *f, const char *sentence)
{
	sb_addf(&f->text, "  %-4s %-20s  ", "bad", "");
	text_wrap(str_of(sentence), 29, 29, 80, &f->text);
	sb_addc(&f->text, '\n');
	say_json(f, "bad", "", sentence, NULL);
}

/* ---- reading what was found ---- */

/* Into a scratch ledger; of one that is kept it only asks what would be new to it. */
static int read_paths(struct first_run *f, const char *const *paths, unsigned count, struct import_summary *s,
		      struct err *e)
{
	struct import_options o = {.ledger = f->ledger, .book = f->book, .dry_run = !f->in_scratch,
				   .progress = !globals.quiet, .now_us = cmd_now_us()};
	int rc = import_paths(&o, paths, count, s, e);
	if (rc == -RR_NOMEM) /* what was passed by may be an export all the same */
		mem_lost();
	return rc;
}

static void say_rejects(const struct import_summary *s)
{
	for (unsigned i = 0; i < s->rejects && i < 5; i++) {
		fprintf(stderr, "runrate: %s", s->reject[i].file);
		if (s->reject[i].row)
			fprintf(stderr, ", row %llu", (unsigned long long)s->reject[i].row);
		fprintf(stderr, ": %s\n", s->reject[i].reason);
	}
}

static void say_summary(struct first_run *f, const char *what, const char *name, const struct import_summary *s)
{
	char text[400], rows[32], bad[64] = "";
	const char *source = s->batches ? s->batch[0].source : "";
	if (s->rows_rejected)
		snprintf(bad, sizeof bad, ", %s rejected", num_group(s->rows_rejected, rows));
	snprintf(text, sizeof text, "%s (%s%s%s rows%s)", name, source, source[0] ? ", " : "",
		 num_group(s->rows_new + s->rows_revised, rows), bad);
	say(&f->found, s->rows_rejected ? "bad" : "ok", what, text, NULL);
	if (s->twice[0]) { /* without what to take back: nothing is kept here */
		str_copy(text, sizeof text, str_sub(str_of(s->twice), 0, str_chr(str_of(s->twice), ';')));
		say_wrong(&f->found, text);
	}
	say_rejects(s);
}

static int open_scratch(struct first_run *f, struct err *e)
{
	if (scratch_make(f->scratch, sizeof f->scratch))
		return err_set(e, RR_IO,
			       "cannot make a folder for scratch data: set TMPDIR to one that can be written");
	f->in_scratch = true;
	snprintf(f->scratch_ledger, sizeof f->scratch_ledger, "%s/ledger.db", f->scratch);
	f->ledger = ledger_open(f->scratch_ledger, LEDGER_WRITE, e);
	return f->ledger ? 0 : -RR_STORE;
}

static int read_agents(struct first_run *f, const struct discovered *d, struct err *e)
{
	struct import_summary *s = calloc(1, sizeof *s);
	char text[200], n[32];
	int rc;
	if (!s)
		return err_set(e, RR_NOMEM, "out of memory");
	rc = read_paths(f, d->folder, d->folders, s, e);
	if (!rc) {
		int at = snprintf(text, sizeof text, "%u tool%s, %s requests", d->tools, d->tools == 1 ? "" : "s",
				  num_group(s->calls, n));
		if (s->rows_rejected)
			snprintf(text + at, sizeof text - (size_t)at, ", %s rejected", num_group(s->rows_rejected, n));
		say(&f->found, s->rows_rejected ? "bad" : "ok", "local agent logs", text, NULL);
		say_rejects(s);
	} else {
		bool none = rc == -RR_NOTFOUND;
		say(&f->found, none ? "--" : "bad", "local agent logs", none ? "none" : e->what, NULL);
		rc = 0;
	}
	import_summary_fini(s);
	free(s);
	return rc;
}

/* "./usage.csv", "./usage.csv ./costs.csv", or the folder when there are more. A name that a shell would take apart
 * is quoted. */
static void note_file(struct first_run *f, const char *path, unsigned known)
{
	size_t n = strlen(f->keep);
	bool plain = !strpbrk(path, " \t'\"$`\\;&|<>(){}*?!#~");
	if (known > 2 || (!plain && strchr(path, '\'')) || n + strlen(path) + 4 > sizeof f->keep)
		str_copy(f->keep, sizeof f->keep, STR("."));
	else if (strcmp(f->keep, ".") != 0)
		snprintf(f->keep + n, sizeof f->keep - n, plain ? "%s%s" : "%s'%s'", n ? " " : "", path);
}

/* Every file of the folder that turns out to be an export; what is none is passed over in silence, and so is what a
 * kept ledger has already. */
static unsigned read_exports(struct first_run *f, const struct discovered *d)
{
	unsigned known = 0;
	struct import_summary *s = calloc(1, sizeof *s);
	if (!s)
		mem_lost();
	for (unsigned i = 0; s && i < d->files; i++) {
		struct err e = {0};
		uint64_t news;
		int rc;
		memset(s, 0, sizeof *s);
		rc = read_paths(f, &d->file[i], 1, s, &e);
		if (rc && err_exit_code(rc) != err_exit_code(RR_INPUT)) /* not for being no export */
			fprintf(stderr, "runrate: %s: %s\n", d->file[i], e.what);
		news = rc == 0 && s->batches ? s->rows_new + s->rows_revised : 0;
		if (f->in_scratch && s->batches && news + s->rows_rejected) {
			say_summary(f, known++ ? "" : "vendor exports", d->file[i], s);
			note_file(f, d->file[i], known);
		} else if (!f->in_scratch && news) {
			char text[400], rows[32];
			snprintf(text, sizeof text, "%s, %s rows not in it", d->file[i], num_group(news, rows));
			note_file(f, d->file[i], ++known);
			say(&f->found, "--", known > 1 ? "" : "vendor exports", text, "runrate import FILE");
		}
		import_summary_fini(s);
	}
	free(s);
	return known;
}

static int any_outlay(const struct outlay *o, void *arg)
{
	(void)o;
	*(bool *)arg = true;
	return 0;
}

/* Does the ledger hold anything to report? Keys and caps alone are nothing. */
static int holds_records(struct ledger *l, bool *any, struct err *e)
{
	struct call_cursor *calls = ledger_calls(l, INT64_MIN, INT64_MAX, e);
	struct call *c = calls ? malloc(sizeof *c) : NULL;
	int rc = c ? call_cursor_next(calls, c, e) : -RR_STORE;
	*any = rc == 1;
	free(c);
	call_cursor_close(calls);
	if (rc == 0)
		rc = ledger_outlays(l, any_outlay, any, e);
	return rc < 0 ? rc : 0;
}

static int read_arguments(struct first_run *f, const char *const *paths, unsigned count, bool *rejected, struct err *e)
{
	int rc = 0;
	for (unsigned i = 0; i < count && !rc; i++) {
		struct import_summary *s = calloc(1, sizeof *s);
		if (!s)
			return err_set(e, RR_NOMEM, "out of memory");
		rc = read_paths(f, &paths[i], 1, s, e);
		if (!rc) {
			say_summary(f, "export", paths[i], s);
			note_file(f, paths[i], i + 1);
			*rejected = *rejected || s->rows_rejected;
		}
		import_summary_fini(s);
		free(s);
	}
	return rc;
}

static void say_book(struct first_run *f)
{
	char text[120], n[32];
	snprintf(text, sizeof text, "%.*s, %s prices, built in", STR_ARG(book_date(f->book)),
		 num_group(book_rule_count(f->book), n));
	say(&f->found, "ok", "price book", text, NULL);
}

/* In the current folder; where that has none, among the downloads. */
static bool find_exports(struct first_run *f, struct discovered *d, const char **where)
{
	unsigned known = read_exports(f, d);
	*where = "none in this folder";
	if (known || !discover_downloads(d, ".", &f->arena))
		return known;
	*where = "none in this folder or the downloads";
	return read_exports(f, d);
}

/* The ledger, if one is kept, else what lies around. */
static int look_around(struct first_run *f, struct err *e)
{
	char path[4096], text[200];
	struct discovered *d = arena_new(&f->arena, struct discovered);
	bool gateway, keeps;
	int rc = 0;
	const char *where;
	if (!d)
		return err_set(e, RR_NOMEM, "out of memory");
	ledger_default_path(globals.ledger, path, sizeof path);
	keeps = fs_exists(path);
	gateway = keeps && discover_gateway(path);
	discover(d, ".", &f->arena);
	if (keeps) {
		f->ledger = ledger_open(path, LEDGER_READ, e);
		rc = f->ledger ? holds_records(f->ledger, &keeps, e) : -RR_STORE;
	}
	if (!rc && !keeps) {
		ledger_close(f->ledger);
		rc = open_scratch(f, e);
	}
	if (rc)
		return rc;
	if (keeps) {
		say(&f->found, "ok", "ledger", path, NULL);
		if (d->folders) {
			snprintf(text, sizeof text, "%u tool%s, not in this report", d->tools,
				 d->tools == 1 ? "" : "s");
			say(&f->found, "--", "local agent logs", text,
			    arena_printf(&f->arena, "read: runrate import %s", d->folder[0]).p);
		}
		find_exports(f, d, &where);
	} else {
		if (d->folders)
			rc = read_agents(f, d, e);
		else
			say(&f->found, "--", "local agent logs", "none", NULL);
		if (!rc && !find_exports(f, d, &where))
			say(&f->found, "--", "vendor exports", where, "read one: runrate FILE");
	}
	say(&f->found, gateway ? "ok" : "--", "gateway", gateway ? "running" : "not running",
	    gateway ? NULL : "start: runrate serve");
	say_book(f);
	return rc;
}

static void print_json(struct first_run *f, double took_s, struct sb *out)
{
	struct json_out w;
	struct sb report;
	sb_init(&report, OUT_BYTES);
	report_json(&f->report.report, &report);
	jw_init(&w, out);
	jw_object(&w);
	jw_key(&w, "found");
	jw_raw(&w, sb_str(&f->found.json));
	jw_key(&w, "report");
	jw_raw(&w, str_trim(sb_str(&report)));
	jw_key(&w, "lines");
	jw_array(&w);
	for (unsigned i = 0; i < f->report.count; i++) {
		const struct first_line *x = &f->report.lines[i];
		jw_object(&w);
		jw_kstr(&w, "provider", x->provider);
		jw_kstr(&w, "model", x->model);
		jw_ku64(&w, "calls", x->calls);
		jw_ku64(&w, "tokens", x->tokens);
		jw_kmoney(&w, "inference", x->inference_pico);
		jw_kmoney(&w, "training", x->training_pico);
		jw_kcstr(&w, "currency", x->currency.code);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kdouble(&w, "took_s", took_s);
	jw_end_object(&w);
	sb_addc(out, '\n');
	sb_fini(&report);
}

static void print_text(struct first_run *f, bool files, double took_s, struct sb *out)
{
	if (!files)
		sb_adds(out, "Looking for usage on this machine (nothing leaves it).\n\n");
	sb_add_str(out, sb_str(&f->found.text));
	sb_addc(out, '\n');
	first_text(&f->report, took_s, out);
	if (f->report.report.empty) {
		sb_adds(out, "\nSee it work     runrate serve --demo\nRead an export  runrate FILE\n");
		return;
	}
	if (f->in_scratch)
		sb_addf(out, "\nKeep it            runrate import %s\n                   then: runrate explain inference\n",
			f->keep[0] ? f->keep : "FILE");
	else
		sb_adds(out, "\nWhy this number?   runrate explain inference\n");
	sb_adds(out, "Pay less?          runrate plan advise\n");
	if (f->report.report.training.total_pico == 0)
		sb_adds(out, "Paid once?         runrate outlay add --kind consultant --amount 'GBP 8000' \\\n"
			     "                     --date 2026-09-14    it then stands under TRAINING\n");
	if (!f->report.report.billed_pico && f->report.report.calls)
		sb_adds(out, "Invoice right?     runrate reconcile INVOICE     or: runrate pull openai\n");
}

static int run(int argc, char **argv)
{
	struct query_flags g = {0};
	const struct opt options[] = {
		{"rate", 0, OPT_LIST, &g.rates, NULL, "R", cmd_rate_help},
		{"env", 0, OPT_STR, &g.env, NULL, "E", first_help[1].help},
		{NULL},
	};
	const char *positional[ARGUMENTS];
	unsigned count = 0;
	uint64_t begun_us = clock_mono(&clock_system);
	bool rejected = false, fixed = getenv("RUNRATE_NOW") != NULL;
	struct report_query q;
	struct first_run f = {0};
	struct err e = {0};
	struct sb out;
	double took_s;
	int rc = cmd_parse(&cmd_first, argc, argv, options, positional, &count, ARGUMENTS);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	arena_init(&f.arena, ARENA_BYTES);
	sb_init(&out, OUT_BYTES);
	sb_init(&f.found.text, 1 << 20);
	sb_init(&f.found.json, 1 << 20);
	jw_init(&f.found.w, &f.found.json);
	jw_array(&f.found.w);
	rc = cmd_query(&g, &q, &f.arena, &e);
	f.book = rc ? NULL : book_builtin(&e);
	if (!rc && !f.book)
		rc = -RR_FAIL;
	if (!rc && count) {
		rc = open_scratch(&f, &e);
		if (!rc)
			rc = read_arguments(&f, positional, count, &rejected, &e);
	} else if (!rc) {
		rc = look_around(&f, &e);
	}
	jw_end_array(&f.found.w);
	if (!rc)
		rc = first_make(&f.report, f.ledger, &q, count > 0, &f.arena, &e);
	if (rc) {
		rc = cmd_fail(&e);
	} else {
		/* a fixed time is for output that can be repeated to the byte */
		took_s = fixed ? -1 : (double)(clock_mono(&clock_system) - begun_us) * 1e-6;
		if (globals.json)
			print_json(&f, took_s < 0 ? 0 : took_s, &out);
		else
			print_text(&f, count > 0, took_s, &out);
		rc = cmd_print(sb_str(&out));
		if (!rc && rejected)
			rc = err_exit_code(RR_INPUT);
	}
	ledger_close(f.ledger);
	if (f.in_scratch)
		scratch_remove(f.scratch);
	book_free(f.book);
	sb_fini(&f.found.text);
	sb_fini(&f.found.json);
	sb_fini(&out);
	arena_fini(&f.arena);
	return rc;
}
