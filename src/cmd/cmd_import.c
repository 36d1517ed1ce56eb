/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate import: read exports, logs and bills into the ledger, or take a batch back.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/cmd_import.h"
#include "cmd/help.h"
#include "import/import.h"

enum { OUT_BYTES = 64 * 1024 * 1024, PATHS_MOST = 4096, NAMED_IN_TEXT = 20, TEXT_WIDTH = 80 };

static const struct opt import_help[] = {
	{"as", 0, OPT_STR, NULL, NULL, "SOURCE", "read it as this source (default: told by the content)"},
	{"map", 0, OPT_STR, NULL, NULL, "FILE", "a YAML file that says what the columns of a CSV mean, or a shipped map's name"},
	{"undo", 0, OPT_U64, NULL, NULL, "BATCH", "take this batch back, whole"},
	{"list-sources", 0, OPT_FLAG, NULL, NULL, NULL, "the sources that are known"},
	{"list-maps", 0, OPT_FLAG, NULL, NULL, NULL, "the shipped mapping files, whole: copy one and name your columns"},
	{"book", 0, OPT_STR, NULL, NULL, "FILE", "prices for what is not billed in the file (default: built in)"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_import = {
	.name = "import",
	.summary = "read usage exports, cost exports, bills and agent logs into the ledger",
	.usage = "import PATH... [--as SOURCE] [--map FILE] [--dry-run]\n       runrate import --undo BATCH",
	.text = "What a file is, is told by its content, never by its name; gzip and zstd are undone; folders are walked; '-' is\n"
		"standard input. A row that cannot be read is named with its number and the reason, the rest is kept, and the exit\n"
		"code is 4. Reading a file twice adds nothing; a later export of a period that has grown revises it.\n\n"
		"Each row is put into a checkbook, inference or training, by the rules of data/classify.csv. What no rule knows is\n"
		"unclassified and stands first. Amounts of several currencies are never added.",
	.examples = "$ runrate import completions_usage_2026-10-01_2026-10-31.csv cost_2026-10-01_2026-10-31.csv\n"
		    "$ runrate import ~/.claude/projects ~/.codex --json\n"
		    "$ zcat bill.csv.gz | runrate import - --as focus --dry-run\n"
		    "$ runrate import --undo 3\n",
	.options = import_help,
	.run = run,
};

static void batch_json(struct json_out *w, const struct import_result_batch *b)
{
	jw_object(w);
	jw_ki64(w, "batch", b->id);
	jw_kcstr(w, "source", b->source);
	jw_kcstr(w, "file", b->file);
	jw_ku64(w, "rows_read", b->rows_read);
	jw_ku64(w, "rows_new", b->rows_new);
	jw_ku64(w, "rows_duplicate", b->rows_duplicate);
	jw_ku64(w, "rows_revised", b->rows_revised);
	jw_ku64(w, "rows_rejected", b->rows_rejected);
	jw_end_object(w);
}

static void money_json(struct json_out *w, const struct import_summary *s, unsigned i)
{
	const struct import_money *m = &s->money[i];
	money_wide twice, inference = import_inference(s, i, &twice);
	jw_kmoney(w, "unclassified", m->book[BOOK_UNCLASSIFIED]);
	jw_kmoney(w, "inference", inference);
	if (twice)
		jw_kmoney(w, "counted_once", twice);
	jw_kmoney(w, "training", m->book[BOOK_TRAINING]);
	jw_kmoney(w, "other", m->book[BOOK_OTHER]);
	jw_kmoney(w, "claimed", m->claimed);
	jw_kmoney(w, "priced", m->priced);
	jw_kmoney(w, "billed", m->billed);
}

static const char *source_of(const struct import_summary *s)
{
	for (unsigned i = 1; i < s->batches; i++)
		if (strcmp(s->batch[i].source, s->batch[0].source) != 0)
			return "several";
	return s->batches ? s->batch[0].source : "";
}

void import_print_json(const struct import_summary *s, void (*more)(struct json_out *w, void *arg), void *arg,
		       struct sb *out)
{
	static const char *const keys[] = {"unclassified", "inference", "training", "other",
					   "claimed",      "priced",    "billed"};
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_key(&w, "batch");
	if (s->batches && s->batch[0].id)
		jw_i64(&w, s->batch[0].id);
	else
		jw_null(&w);
	jw_kcstr(&w, "source", source_of(s));
	jw_ku64(&w, "files", s->files);
	jw_ku64(&w, "files_skipped", s->skipped_files);
	jw_ku64(&w, "rows_read", s->rows_read);
	jw_ku64(&w, "rows_new", s->rows_new);
	jw_ku64(&w, "rows_duplicate", s->rows_duplicate);
	jw_ku64(&w, "rows_revised", s->rows_revised);
	jw_ku64(&w, "rows_rejected_count", s->rows_rejected);
	jw_key(&w, "rows_rejected");
	jw_array(&w);
	for (unsigned i = 0; i < s->rejects; i++) {
		jw_object(&w);
		jw_ku64(&w, "row", s->reject[i].row);
		jw_kcstr(&w, "reason", s->reject[i].reason);
		jw_kcstr(&w, "file", s->reject[i].file);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kcstr(&w, "currency", s->currencies == 1 ? s->money[0].currency.code : NULL);
	if (s->currencies <= 1) {
		money_json(&w, s, 0); /* all 0 where there is none */
	} else { /* never one sum over several currencies */
		for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
			jw_key(&w, keys[i]);
			jw_null(&w);
		}
	}
	jw_key(&w, "by_currency");
	jw_array(&w);
	for (unsigned i = 0; i < s->currencies; i++) {
		jw_object(&w);
		jw_kcstr(&w, "currency", s->money[i].currency.code);
		money_json(&w, s, i);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_ku64(&w, "tokens", s->tokens);
	jw_ku64(&w, "calls", s->calls);
	jw_ku64(&w, "rows_unpriced", s->unpriced_rows);
	jw_key(&w, "batches");
	jw_array(&w);
	for (unsigned i = 0; i < s->batches; i++)
		batch_json(&w, &s->batch[i]);
	jw_end_array(&w);
	jw_key(&w, "notes");
	jw_array(&w);
	for (unsigned i = 0; i < s->notes; i++)
		jw_cstr(&w, s->note[i]);
	jw_end_array(&w);
	if (more)
		more(&w, arg);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

static void text_batches(const struct import_summary *s, struct sb *out)
{
	char a[32], b[32], c[32], d[32];
	for (unsigned i = 0; i < s->batches; i++) {
		const struct import_result_batch *t = &s->batch[i];
		if (t->id)
			sb_addf(out, "batch %lld  ", (long long)t->id);
		else
			sb_adds(out, "dry run  ");
		sb_addf(out, "%s  %s\n  %s rows new, %s known, %s revised, %s rejected\n", t->source, t->file,
			num_group(t->rows_new, a), num_group(t->rows_duplicate, b), num_group(t->rows_revised, c),
			num_group(t->rows_rejected, d));
	}
}

static void text_money(const struct import_summary *s, struct sb *out)
{
	static const struct {
		enum book_kind book;
		const char *words;
	} lines[] = {{BOOK_UNCLASSIFIED, "NOT CLASSIFIED"}, {BOOK_INFERENCE, "inference"}, {BOOK_TRAINING, "training"},
		     {BOOK_OTHER, "other"}};
	char m[MONEY_TEXT], n[32];
	for (unsigned i = 0; i < s->currencies; i++) {
		const struct import_money *x = &s->money[i];
		money_wide twice, inference = import_inference(s, i, &twice);
		sb_adds(out, "\n");
		for (unsigned k = 0; k < sizeof lines / sizeof *lines; k++) {
			bool is_inference = lines[k].book == BOOK_INFERENCE;
			if (x->book[lines[k].book] || is_inference)
				sb_addf(out, "  %-16s %16s %s\n", lines[k].words,
					money_human(is_inference ? inference : x->book[lines[k].book], 2, m),
					x->currency.code);
		}
		if (x->claimed)
			sb_addf(out, "  %-16s %16s %s  (the source's own figure, not counted)\n", "claimed",
				money_human(x->claimed, 2, m), x->currency.code);
	}
	if (s->tokens)
		sb_addf(out, "  %-16s %16s\n", "tokens", num_group(s->tokens, n));
	if (s->unpriced_rows)
		sb_addf(out, "  %-16s %16s  rows: not 0, but not known\n", "without a price", num_group(s->unpriced_rows, n));
}

static void text_line(struct sb *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void text_line(struct sb *out, const char *fmt, ...)
{
	char text[sizeof((struct import_reject *)0)->reason + sizeof((struct import_reject *)0)->file + 64];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	help_wrap(str_of(text), 2, TEXT_WIDTH, out);
}

void import_print_text(const struct import_summary *s, struct sb *out)
{
	char n[32];
	text_batches(s, out);
	text_money(s, out);
	for (unsigned i = 0; i < s->currencies; i++) {
		char m[MONEY_TEXT];
		money_wide twice;
		import_inference(s, i, &twice);
		if (twice)
			text_line(out, "note: %s %s of inference stand in use and in bills of the same days: counted once, as in reports",
				  money_human(twice, 2, m), s->money[i].currency.code);
	}
	for (unsigned i = 0; i < s->notes; i++)
		text_line(out, "note: %s", s->note[i]);
	if (s->skipped_files)
		sb_addf(out, "  %s files of no known kind were passed over, %s the first\n", num_group(s->skipped_files, n), s->skipped);
	for (unsigned i = 0; i < s->rejects && i < NAMED_IN_TEXT; i++)
		text_line(out, "rejected: %s%srow %llu: %s", s->files > 1 ? s->reject[i].file : "",
			  s->files > 1 ? ", " : "", (unsigned long long)s->reject[i].row, s->reject[i].reason);
	if (s->rows_rejected > NAMED_IN_TEXT)
		sb_addf(out, "  ... and %s more: --json names the first %d\n", num_group(s->rows_rejected - NAMED_IN_TEXT, n), IMPORT_REJECTS);
	if (s->batches && s->batch[0].id)
		sb_addf(out, "  take it back: runrate import --undo %lld\n", (long long)s->batch[0].id);
}

static int list_sources(void)
{
	struct sb b;
	int rc;
	sb_init(&b, 65536);
	for (unsigned i = 0; import_source_name(i); i++) {
		sb_addf(&b, "%-21s  ", import_source_name(i));
		text_wrap(str_of(import_source_title(i)), 23, 23, 80, &b);
		sb_addc(&b, '\n');
	}
	rc = cmd_print(sb_str(&b));
	sb_fini(&b);
	return rc;
}

static int list_maps(void)
{
	struct sb b;
	int rc;
	sb_init(&b, 1024 * 1024);
	for (unsigned i = 0; import_map_name(i); i++)
		sb_addf(&b, "%s--- %s\n%s", i ? "\n" : "", import_map_name(i), import_map_shipped(i));
	rc = cmd_print(sb_str(&b));
	sb_fini(&b);
	return rc;
}

static int undo(struct ledger *l, uint64_t batch)
{
	struct err e = {0};
	struct sb b;
	struct json_out w;
	uint64_t stay;
	int rc = ledger_import_undo(l, (int64_t)batch, &stay, &e);
	if (rc)
		return cmd_fail(&e);
	sb_init(&b, 1024);
	jw_init(&w, &b);
	if (globals.json) {
		jw_object(&w);
		jw_ku64(&w, "batch", batch);
		jw_kbool(&w, "undone", true);
		jw_ku64(&w, "rows_stay", stay);
		jw_end_object(&w);
		sb_addc(&b, '\n');
	} else {
		sb_addf(&b, "batch %llu is taken back\n", (unsigned long long)batch);
		if (stay)
			sb_addf(&b, "  %llu of its rows stay: another import has them too\n", (unsigned long long)stay);
	}
	rc = cmd_print(sb_str(&b));
	sb_fini(&b);
	return rc;
}

static int import_into(struct ledger *l, const struct import_options *o, const char *const *paths, unsigned count)
{
	static struct import_summary s;
	struct err e = {0};
	struct sb b;
	int rc = import_paths(o, paths, count, &s, &e), printed;
	(void)l;
	if (rc && !s.batches) {
		import_summary_fini(&s);
		return cmd_fail(&e);
	}
	sb_init(&b, OUT_BYTES);
	if (globals.json)
		import_print_json(&s, NULL, NULL, &b);
	else
		import_print_text(&s, &b);
	printed = cmd_print(sb_str(&b));
	sb_fini(&b);
	if (rc)
		rc = cmd_fail(&e);
	else
		rc = printed ? printed : s.rows_rejected ? err_exit_code(RR_INPUT) : 0;
	import_summary_fini(&s);
	return rc;
}

static int run(int argc, char **argv)
{
	static const char *positional[PATHS_MOST];
	struct import_options o = {.now_us = cmd_now_us()};
	const char *book_path = NULL;
	char path[4096];
	uint64_t batch = 0;
	bool undo_given = false, list = false, maps = false;
	unsigned count;
	struct book *book = NULL;
	struct err e = {0};
	struct ledger *l;
	struct opt table[] = {
		{"as", 0, OPT_STR, &o.as, NULL, NULL, NULL},	       {"map", 0, OPT_STR, &o.map, NULL, NULL, NULL},
		{"undo", 0, OPT_U64, &batch, &undo_given, NULL, NULL}, {"list-sources", 0, OPT_FLAG, &list, NULL, NULL, NULL},
		{"list-maps", 0, OPT_FLAG, &maps, NULL, NULL, NULL},   {"book", 0, OPT_STR, &book_path, NULL, NULL, NULL},
		{NULL},
	};
	int rc = cmd_parse(&cmd_import, argc, argv, table, positional, &count, PATHS_MOST);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	if (list || maps)
		return list ? list_sources() : list_maps();
	if (!undo_given && !count) {
		err_set(&e, RR_USAGE, "there is nothing to import");
		err_hint(&e, "name a file, a folder or '-': runrate import bill.csv");
		return cmd_fail(&e);
	}
	o.dry_run = globals.dry_run;
	o.progress = !globals.quiet;
	l = ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_WRITE, &e);
	if (!l)
		return cmd_fail(&e);
	if (undo_given) {
		rc = undo(l, batch);
	} else {
		book = book_path ? book_load(book_path, &e) : book_builtin(&e);
		o.ledger = l;
		o.book = book;
		rc = book ? import_into(l, &o, positional, count) : cmd_fail(&e);
	}
	ledger_close(l);
	book_free(book);
	return rc;
}
