/* SPDX-License-Identifier: Apache-2.0
 *
 * plan NAME for every plan that is one formula. The flags are the formula's inputs; no figure is known here.
 */
#include "cmd/cmd_plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "plan/models.h"
#include "plan/say.h"
#include "report/plan_view.h"
#include "report/plan_xlsx.h"

enum { FLAGS = FORMULA_INPUTS * 2 + 10 };

struct flags {
	struct opt opt[FLAGS];
	char name[FLAGS][40];
	const char *text[FORMULA_INPUTS];
	struct opt_list rows;
	const char *model_now, *model_tuned;
	bool explain;
	const char *svg, *xlsx;
};

void cmd_plan_keep(struct str json)
{
	char path[512];
	fs_data_path("last-plan.json", path, sizeof path);
	if (fs_make_parent(path, NULL) == 0)
		fs_write_atomic(path, json, 0600, NULL);
}

static struct opt *flag(struct flags *f, unsigned *n, const char *name, enum opt_kind kind, void *to, const char *arg,
			const char *help)
{
	snprintf(f->name[*n], sizeof f->name[*n], "%s", name);
	for (char *p = f->name[*n]; *p; p++)
		*p = *p == '_' ? '-' : *p;
	f->opt[*n] = (struct opt){.name = f->name[*n], .kind = kind, .to = to, .arg = arg, .help = help};
	return &f->opt[(*n)++];
}

static const char *placeholder(const char *unit)
{
	return unit_is_money(unit) ? "MONEY" : strcmp(unit, "share") == 0 ? "SHARE" : "N";
}

/* The formula's inputs as flags. An alias is a second flag for the same input. */
static void flags_of(const struct formula *formula, struct flags *f)
{
	unsigned n = 0;
	memset(f, 0, sizeof *f);
	for (unsigned i = 0; formula->inputs[i].name; i++) {
		const struct formula_input *in = &formula->inputs[i];
		flag(f, &n, in->name, OPT_STR, &f->text[i], placeholder(in->unit), in->help);
		if (in->alias)
			flag(f, &n, in->alias, OPT_STR, &f->text[i], in->words ? "NAME" : placeholder(in->unit),
			     in->help);
	}
	if (formula->columns)
		flag(f, &n, formula->columns->name, OPT_LIST, &f->rows, "LIST", formula->columns->help);
	if (formula_input(formula, STR("now_in")) >= 0) {
		flag(f, &n, "model-now", OPT_STR, &f->model_now, "MODEL",
		     "today's model: a name of the price book, or IN/OUT[/READ]");
		flag(f, &n, "model-tuned", OPT_STR, &f->model_tuned, "MODEL", "the tuned model: the same");
	}
	flag(f, &n, "explain", OPT_FLAG, &f->explain, NULL, "print each figure's formula and terms");
	flag(f, &n, "svg", OPT_STR, &f->svg, "FILE", "write the chart of this plan");
	flag(f, &n, "xlsx", OPT_STR, &f->xlsx, "FILE", "write a workbook with live formulas");
	f->opt[n].name = NULL;
}

/* "a=1:2,b=3:4" in one or several flags. */
static int read_rows(struct formula_run *r, const struct opt_list *list, struct err *e)
{
	for (unsigned i = 0; i < list->count; i++) {
		struct str rest = str_of(list->item[i]);
		while (rest.p) {
			struct str one = str_trim(str_cut(&rest, ','));
			int rc = one.n ? formula_row_text(r, one, e) : 0;
			if (rc < 0)
				return rc;
		}
	}
	snprintf(r->row_source, sizeof r->row_source, "flag --%s", r->f->columns ? r->f->columns->name : "");
	return 0;
}

static int read_flags(struct formula_run *r, const struct flags *f, struct err *e)
{
	struct currency cur;
	if (globals.currency && currency_parse(str_of(globals.currency), &cur) == 0)
		r->currency = cur;
	for (unsigned i = 0; r->f->inputs[i].name; i++) {
		char source[64];
		if (!f->text[i])
			continue;
		snprintf(source, sizeof source, "flag --%s", r->f->inputs[i].name);
		for (char *p = source; *p; p++)
			*p = *p == '_' ? '-' : *p;
		int rc = formula_set(r, (int)i, str_of(f->text[i]), source, e);
		if (rc < 0)
			return rc;
		char day[TIME_TEXT];
		snprintf(r->date[i], sizeof r->date[i], "%.10s", time_date(r->now_us, day));
	}
	int rc = read_rows(r, &f->rows, e);
	if (rc == 0 && f->model_now)
		rc = plan_model_set(r, "now", str_of(f->model_now), e);
	if (rc == 0 && f->model_tuned)
		rc = plan_model_set(r, "tuned", str_of(f->model_tuned), e);
	return rc;
}

static int run(const struct command *c, const struct formula *formula, int argc, char **argv)
{
	static struct flags f; /* large; a command runs once a process */
	struct formula_run *r = calloc(1, sizeof *r);
	struct err e = {0};
	struct sb out;
	const char *extra[1];
	unsigned count = 0;
	int code = 0;
	flags_of(formula, &f);
	sb_init(&out, 1 << 20);
	int rc = cmd_parse(c, argc, argv, f.opt, extra, &count, 0);
	if (rc) {
		code = rc < 0 ? err_exit_code(rc) : 0;
		goto out;
	}
	if (!r) {
		err_set(&e, RR_NOMEM, "out of memory");
		goto fail;
	}
	formula_start(r, formula, cmd_now_us());
	r->seed = globals.seed;
	if (read_flags(r, &f, &e) < 0 || formula_finish(r, &e) < 0)
		goto fail;
	if (f.svg && plan_view_formula_svg(r, f.svg, &e) < 0)
		goto fail;
	if (f.xlsx && plan_xlsx_formula(r, f.xlsx, &e) < 0)
		goto fail;
	plan_say_json(r, &out);
	cmd_plan_keep(sb_str(&out));
	if (!globals.json) {
		sb_clear(&out);
		plan_say_text(r, f.explain, &out);
	}
	code = cmd_print(sb_str(&out));
	goto out;
fail:
	code = cmd_fail(&e);
out:
	sb_fini(&out);
	free(r);
	return code;
}

/* The option tables that help, man pages and completion read: made once from the formulas' own tables. */
#define X(name, command_name, summary_text, example) OPTIONS_##name,
enum { PLAN_FORMULAS(X) OPTIONS_COUNT };
#undef X
static struct flags option_table[OPTIONS_COUNT];

__attribute__((constructor)) static void fill_option_tables(void)
{
#define X(name, command_name, summary_text, example) flags_of(formula_find(STR(#name)), &option_table[OPTIONS_##name]);
	PLAN_FORMULAS(X)
#undef X
}

#define X(formula_name, command_name, summary_text, example)                                                           \
	static int run_##formula_name(int argc, char **argv)                                                           \
	{                                                                                                              \
		return run(&cmd_plan_##formula_name, formula_find(STR(#formula_name)), argc, argv);                    \
	}                                                                                                              \
	const struct command cmd_plan_##formula_name = {                                                               \
		.name = command_name,                                                                                  \
		.summary = summary_text,                                                                               \
		.usage = command_name " [FLAGS]",                                                                      \
		.examples = "$ runrate " example "\n",                                                                 \
		.options = option_table[OPTIONS_##formula_name].opt,                                                   \
		.run = run_##formula_name,                                                                             \
	};
PLAN_FORMULAS(X)
#undef X
