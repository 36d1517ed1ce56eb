/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario as a workbook whose months are live (plan_xlsx.h). One sheet, "Plan":
 *
 *   rows 4..7      price decline, adoption, its middle
 *   a block        one column a workload (then one a tune), one row a figure: inputs first, then what follows from them
 *                  (phi, weighted input, money of a task), by the formulas of plan/workload.c
 *   outlays        one row each
 *   months         one row each: adoption, price factor, each workload's bill, hosting, inference, training, sums
 *
 * All figures stand at their modes; the bands stand beside the sums as values, since a draw is no cell formula.
 */
#include <math.h>
#include <stdio.h>
#include <xlsxwriter.h>

#include "plan/lifetime_say.h"
#include "plan/months.h"
#include "report/plan_xlsx.h"

enum row {
	R_DECLINE = 3,
	R_ADOPTION,
	R_MIDDLE,
	R_HEAD = 8,
	/* of a workload's column, counted from R_HEAD + 1 */
	F_VOLUME = 0,
	F_GROWTH,
	F_PREFIX,
	F_REST,
	F_OUTPUT,
	F_HIT,
	F_BATCHED,
	F_ROUTED,
	F_EASY_RATIO,
	F_TURNS,
	F_TURN_TOKENS,
	F_RETRIEVED,
	F_EXTRA,
	F_FIXED,
	F_UNIT_PRICE,
	F_SEATS,
	F_RESOLVED,
	F_UNIT_TOKENS,
	F_PEAK,
	F_CACHING,
	F_IN,
	F_OUT,
	F_READ,
	F_WRITE,
	F_BATCH,
	F_EASY_IN,
	F_EASY_OUT,
	F_EASY_READ,
	F_EASY_WRITE,
	F_EASY_BATCH,
	F_DRIFT,
	F_REMOVED,
	F_INPUTS,
	F_PHI = F_INPUTS,
	F_WEIGHT,
	F_STRONG,
	F_EASY_PHI,
	F_EASY_WEIGHT,
	F_CHEAP,
	F_MONEY,
	F_TOKENS,
	F_ROWS
};
static const char *const names[F_ROWS] = {"volume",
					  "growth",
					  "prefix",
					  "rest",
					  "output",
					  "hit",
					  "batched",
					  "routed",
					  "easy_ratio",
					  "turns",
					  "turn_tokens",
					  "retrieved",
					  "extra_per_call",
					  "fixed_per_month",
					  "unit_price",
					  "seats",
					  "resolved",
					  "unit_tokens",
					  "peak_to_mean",
					  "caching",
					  "price_in",
					  "price_out",
					  "read",
					  "write",
					  "batch",
					  "easy_in",
					  "easy_out",
					  "easy_read",
					  "easy_write",
					  "easy_batch",
					  "drift",
					  "tokens_removed",
					  "phi",
					  "weighted_input",
					  "money_on_model",
					  "easy_phi",
					  "easy_weighted_input",
					  "money_on_easy",
					  "money_per_task",
					  "tokens_per_task"};

struct sheet {
	lxw_worksheet *s;
	lxw_format *bold, *given, *number;
	struct sb text;
};

/* "$AB$12" of a 0-based row and column. */
static char *cell(unsigned row, unsigned column, char out[24])
{
	char letters[8];
	unsigned n = 0;
	for (unsigned c = column + 1; c; c = (c - 1) / 26)
		letters[n++] = (char)('A' + (c - 1) % 26);
	out[0] = '$';
	for (unsigned i = 0; i < n; i++)
		out[1 + i] = letters[n - 1 - i];
	snprintf(out + 1 + n, 24 - 1 - n, "$%u", row + 1);
	return out;
}

/* Writes a formula whose {name} are the figures of one column; value is what it gives now. */
static void column_formula(struct sheet *x, unsigned row, unsigned column, const char *formula, double value)
{
	char at[24];
	sb_clear(&x->text);
	sb_addc(&x->text, '=');
	for (const char *p = formula; *p; p++) {
		if (*p != '{') {
			sb_addc(&x->text, *p);
			continue;
		}
		const char *end = strchr(p, '}');
		struct str name = str_make(p + 1, (size_t)(end - p - 1));
		unsigned f = 0;
		while (f < F_ROWS && !str_eqc(name, names[f]))
			f++;
		check(f < F_ROWS);
		sb_adds(&x->text, cell(R_HEAD + 1 + f, column, at));
		p = end;
	}
	worksheet_write_formula_num(x->s, row, (lxw_col_t)column, x->text.p, x->number, value);
}

static void follow(struct sheet *x, unsigned column)
{
	static const struct {
		unsigned f;
		const char *formula;
	} rows[] = {
		{F_PHI, "IF(0<{caching},{hit}*{read}+(1-{hit})*{write},1)"},
		{F_WEIGHT, "{prefix}*{phi}+{rest}+{retrieved}+({turns}-1)*({prefix}+{rest}+{retrieved})*{phi}"
			   "+{phi}*{turn_tokens}*({turns}-1)*({turns}-2)/2+{turn_tokens}*({turns}-1)"},
		{F_STRONG,
		 "({price_in}*{weighted_input}+{price_out}*{turns}*{output})/1000000*(1-{batched}*(1-{batch}))"},
		{F_EASY_PHI, "IF(0<{caching},{hit}*{easy_read}+(1-{hit})*{easy_write},1)"},
		{F_EASY_WEIGHT,
		 "{prefix}*{easy_phi}+{rest}+{retrieved}+({turns}-1)*({prefix}+{rest}+{retrieved})*{easy_phi}"
		 "+{easy_phi}*{turn_tokens}*({turns}-1)*({turns}-2)/2+{turn_tokens}*({turns}-1)"},
		{F_CHEAP, "({easy_in}*{easy_weighted_input}+{easy_out}*{turns}*{output})/"
			  "1000000*{easy_ratio}*(1-{batched}*(1-{easy_batch}))"},
		{F_MONEY, "(1-{routed})*{money_on_model}+{routed}*{money_on_easy}+{turns}*{extra_per_call}"},
		{F_TOKENS,
		 "{turns}*({prefix}+{rest}+{retrieved})+{turn_tokens}*{turns}*({turns}-1)/2+{turns}*{output}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		column_formula(x, R_HEAD + 1 + rows[i].f, column, rows[i].formula, 0);
}

/* One workload's figures at their modes; a tune's column takes them by reference and changes model and prompt. */
static void workload_column(struct sheet *x, const struct scenario *s, const struct workload *w, unsigned column)
{
	const struct plan_model none = {.read = 1, .write = 1, .batch = 1};
	const struct plan_model *m = &s->model[w->model].price;
	const struct plan_model *easy = w->easy_model >= 0 ? &s->model[w->easy_model].price : &none;
	static const unsigned figure[] = {
		W_volume,         W_growth,          W_prefix,     W_rest,  W_output,      W_hit,
		W_batched,        W_routed,          W_easy_ratio, W_turns, W_turn_tokens, W_retrieved,
		W_extra_per_call, W_fixed_per_month, W_unit_price, W_seats, W_resolved,    W_unit_tokens,
		W_peak_to_mean};
	double v[F_INPUTS] = {0};
	for (unsigned i = 0; i < sizeof figure / sizeof *figure; i++)
		v[i] = w->v[figure[i]].mode;
	v[F_ROUTED] = w->easy_model >= 0 ? v[F_ROUTED] : 0;
	v[F_CACHING] = workload_caches(w);
	v[F_IN] = m->in, v[F_OUT] = m->out, v[F_READ] = m->read, v[F_WRITE] = m->write, v[F_BATCH] = m->batch;
	v[F_EASY_IN] = easy->in, v[F_EASY_OUT] = easy->out, v[F_EASY_READ] = easy->read, v[F_EASY_WRITE] = easy->write;
	v[F_EASY_BATCH] = easy->batch;
	worksheet_write_string(x->s, R_HEAD, (lxw_col_t)column, w->name, x->bold);
	for (unsigned f = 0; f < F_INPUTS; f++)
		worksheet_write_number(x->s, R_HEAD + 1 + f, (lxw_col_t)column, v[f], x->given);
	follow(x, column);
}

static void tune_column(struct sheet *x, const struct scenario *s, const struct scenario_tune *t, unsigned column)
{
	const struct plan_model *m = &s->model[t->model].price;
	unsigned from = 1 + t->workload;
	char a[24], b[24], c[24];
	worksheet_write_string(x->s, R_HEAD, (lxw_col_t)column, t->name[0] ? t->name : "tune", x->bold);
	for (unsigned f = 0; f < F_INPUTS; f++) { /* as its workload, by reference */
		char formula[64];
		snprintf(formula, sizeof formula, "=%s", cell(R_HEAD + 1 + f, from, a));
		worksheet_write_formula(x->s, R_HEAD + 1 + f, (lxw_col_t)column, formula, x->number);
	}
	const struct {
		unsigned f;
		double v;
	} own[] = {{F_ROUTED, 0},
		   {F_IN, m->in},
		   {F_OUT, m->out},
		   {F_READ, m->read},
		   {F_WRITE, m->write},
		   {F_BATCH, m->batch},
		   {F_DRIFT, t->drift.mode},
		   {F_REMOVED, t->tokens_removed.mode}};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		worksheet_write_number(x->s, R_HEAD + 1 + own[i].f, (lxw_col_t)column, own[i].v, x->given);
	cell(R_HEAD + 1 + F_PREFIX, from, a);
	cell(R_HEAD + 1 + F_REST, from, b);
	cell(R_HEAD + 1 + F_REMOVED, column, c);
	sb_clear(&x->text);
	sb_addf(&x->text, "=%s-MIN(%s,%s)", a, a, c);
	worksheet_write_formula(x->s, R_HEAD + 1 + F_PREFIX, (lxw_col_t)column, x->text.p, x->number);
	sb_clear(&x->text);
	sb_addf(&x->text, "=MAX(0,%s-(%s-MIN(%s,%s)))", b, c, a, c);
	worksheet_write_formula(x->s, R_HEAD + 1 + F_REST, (lxw_col_t)column, x->text.p, x->number);
	follow(x, column);
}

static unsigned outlay_head(void)
{
	return R_HEAD + 1 + F_ROWS + 1;
}

static unsigned outlay_rows(const struct scenario *s)
{
	return s->outlays + 3 * s->tunes; /* a tune: upfront, hosting a month, retraining */
}

static void outlays(struct sheet *x, const struct scenario *s)
{
	unsigned row = outlay_head();
	worksheet_write_string(x->s, row++, 0, "Outlays and what tunes cost", x->bold);
	for (unsigned i = 0; i < s->outlays; i++, row++) {
		worksheet_write_string(x->s, row, 0, s->outlay[i].name, NULL);
		worksheet_write_number(x->s, row, 1, s->outlay[i].amount.mode, x->given);
	}
	for (unsigned i = 0; i < s->tunes; i++) {
		static const char *const what[] = {"upfront", "hosting a month", "one retraining"};
		const double v[] = {s->tune[i].upfront.mode, s->tune[i].hosting.mode, s->tune[i].retrain.mode};
		for (unsigned k = 0; k < 3; k++, row++) {
			char name[96];
			snprintf(name, sizeof name, "%s: %s", s->tune[i].name, what[k]);
			worksheet_write_string(x->s, row, 0, name, NULL);
			worksheet_write_number(x->s, row, 1, v[k], x->given);
		}
	}
}

/* The bill of one workload in month m, in the row of that month. */
static void bill(struct sheet *x, const struct scenario *s, unsigned i, unsigned m, unsigned row, double value)
{
	static const char *const by[BILLINGS] = {"", "{turns}*{unit_price}", "", "{resolved}*{unit_price}", ""};
	const struct workload *w = &s->workload[i];
	char a[24], adoption[24], price[24], tasks[96], money[160], formula[400];
	cell(row, 1, adoption);
	cell(row, 2, price);
	snprintf(tasks, sizeof tasks, "{volume}*(1+{growth})^%u*%s", m, adoption);
	snprintf(money, sizeof money, "{money_per_task}");
	for (unsigned t = 0; t < s->tunes; t++)
		if (s->tune[t].workload == i && tune_runs(&s->tune[t], m)) {
			unsigned since = m - s->tune[t].month, column = 1 + s->workloads + t;
			since = s->tune[t].retrain_every ? since % s->tune[t].retrain_every : since;
			char drift[24];
			snprintf(money, sizeof money, "%s*(1+%s*%u)", cell(R_HEAD + 1 + F_MONEY, column, a),
				 cell(R_HEAD + 1 + F_DRIFT, column, drift), since);
		}
	if (w->billing == BILL_TOKEN)
		snprintf(formula, sizeof formula, "%s*%s*%s+{fixed_per_month}", tasks, money, price);
	else if (w->billing == BILL_CALL)
		snprintf(formula, sizeof formula, "%s*%s*%s+{fixed_per_month}", tasks, by[BILL_CALL], price);
	else if (w->billing == BILL_SEAT)
		snprintf(formula, sizeof formula, "{seats}*{unit_price}+{fixed_per_month}");
	else if (w->billing == BILL_RESOLUTION)
		snprintf(formula, sizeof formula, "%s*%s+{fixed_per_month}", tasks, by[BILL_RESOLUTION]);
	else
		snprintf(formula, sizeof formula,
			 "MAX(1,ROUNDUP(%s*{tokens_per_task}*{peak_to_mean}/"
			 "{unit_tokens},0))*{unit_price}+{fixed_per_month}",
			 tasks);
	/* the formula's own column is the workload's, its place is another: write it there */
	char at[24];
	sb_clear(&x->text);
	sb_addc(&x->text, '=');
	for (const char *p = formula; *p; p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		if (!end) {
			sb_addc(&x->text, *p);
			continue;
		}
		unsigned f = 0;
		while (f < F_ROWS && !str_eqc(str_make(p + 1, (size_t)(end - p - 1)), names[f]))
			f++;
		check(f < F_ROWS);
		sb_adds(&x->text, cell(R_HEAD + 1 + f, 1 + i, at));
		p = end;
	}
	worksheet_write_formula_num(x->s, row, (lxw_col_t)(3 + i), x->text.p, x->number, value);
}

/* "=$B$50+$B$52" of what falls into month m; "=0" when nothing does. hosting: the tunes' monthly hosting instead. */
static void falls(struct sheet *x, const struct scenario *s, unsigned m, bool hosting, unsigned row, unsigned column,
		  double value)
{
	unsigned first = outlay_head() + 1;
	char a[24];
	sb_clear(&x->text);
	sb_adds(&x->text, "=0");
	for (unsigned i = 0; !hosting && i < s->outlays; i++)
		if (outlay_falls(&s->outlay[i], m))
			sb_addf(&x->text, "+%s", cell(first + i, 1, a));
	for (unsigned t = 0; t < s->tunes; t++) {
		unsigned at = first + s->outlays + 3 * t;
		if (hosting && tune_runs(&s->tune[t], m))
			sb_addf(&x->text, "+%s", cell(at + 1, 1, a));
		if (!hosting && m == s->tune[t].month)
			sb_addf(&x->text, "+%s", cell(at, 1, a));
		if (!hosting && tune_retrains(&s->tune[t], m))
			sb_addf(&x->text, "+%s", cell(at + 2, 1, a));
	}
	worksheet_write_formula_num(x->s, row, (lxw_col_t)column, x->text.p, x->number, value);
}

static void month_row(struct sheet *x, const struct scenario *s, const struct lifetime *l, unsigned m, unsigned head)
{
	unsigned row = head + 1 + m, after = 3 + s->workloads;
	double steep = ADOPTION_STEEP / s->months, last = s->months > 1 ? s->months - 1 : 1;
	char multiple[24], middle[24], decline[24], a[24], b[24];
	cell(R_ADOPTION, 1, multiple);
	cell(R_MIDDLE, 1, middle);
	cell(R_DECLINE, 1, decline);
	worksheet_write_number(x->s, row, 0, m + 1, NULL);
	sb_clear(&x->text);
	sb_addf(&x->text,
		"=1+(%s-1)*(1/(1+EXP((%s-%u)*%.17g))-1/(1+EXP(%s*%.17g)))/(1/(1+EXP((%s-%.17g)*%.17g))-1/"
		"(1+EXP(%s*%.17g)))",
		multiple, middle, m, steep, middle, steep, middle, last, steep, middle, steep);
	worksheet_write_formula_num(x->s, row, 1, x->text.p, x->number,
				    adoption_at(s->adoption.mode, s->adoption_middle.mode, s->months, m));
	sb_clear(&x->text);
	sb_addf(&x->text, "=%s^(-%u/12)", decline, m);
	worksheet_write_formula_num(x->s, row, 2, x->text.p, x->number, pow(s->price_decline.mode, -(double)m / 12));
	for (unsigned i = 0; i < s->workloads; i++)
		bill(x, s, i, m, row, l->mode.by_workload[i][m]);
	falls(x, s, m, true, row, after, 0);
	sb_clear(&x->text);
	sb_addc(&x->text, '=');
	for (unsigned i = 0; i <= s->workloads; i++)
		sb_addf(&x->text, "%s%s", i ? "+" : "", cell(row, 3 + i, a));
	worksheet_write_formula_num(x->s, row, (lxw_col_t)(after + 1), x->text.p, x->number, l->mode.inference[m]);
	falls(x, s, m, false, row, after + 2, l->mode.training[m]);
	for (unsigned k = 0; k < 2; k++) {
		double so_far = 0;
		for (unsigned j = 0; j <= m; j++)
			so_far += k ? l->mode.training[j] : l->mode.inference[j];
		sb_clear(&x->text);
		sb_addf(&x->text, "=%s", cell(row, after + 1 + k, a));
		if (m)
			sb_addf(&x->text, "+%s", cell(row - 1, after + 3 + k, b));
		worksheet_write_formula_num(x->s, row, (lxw_col_t)(after + 3 + k), x->text.p, x->number, so_far);
	}
	worksheet_write_number(x->s, row, (lxw_col_t)(after + 5), l->month[m].inference.p10, x->number);
	worksheet_write_number(x->s, row, (lxw_col_t)(after + 6), l->month[m].inference.p90, x->number);
}

int plan_xlsx_lifetime(const struct scenario *s, const struct lifetime *l, const char *path, struct err *e)
{
	static const char *const heads[] = {"hosting", "inference", "training", "inference so far", "training so far",
					    "inference p10 (drawn)", "inference p90 (drawn)"};
	lxw_workbook *book = workbook_new(path);
	struct sb verdict, why, change;
	if (!book)
		return err_set(e, RR_IO, "cannot make the workbook %s", path);
	struct sheet x = {workbook_add_worksheet(book, "Plan"), workbook_add_format(book), workbook_add_format(book),
			  workbook_add_format(book), {0}};
	lxw_worksheet *sources = workbook_add_worksheet(book, "Sources");
	unsigned head = outlay_head() + outlay_rows(s) + 3;
	sb_init(&x.text, 16384);
	sb_init(&verdict, 4096);
	sb_init(&why, 8192);
	sb_init(&change, 4096);
	format_set_bold(x.bold);
	format_set_num_format(x.given, "#,##0.########");
	format_set_bg_color(x.given, 0xFFF8DC);
	format_set_num_format(x.number, "#,##0.00####");
	worksheet_set_column(x.s, 0, 0, 28, NULL);
	worksheet_set_column(x.s, 1, (lxw_col_t)(s->workloads + s->tunes + 12), 15, NULL);
	lifetime_verdict(s, l, &verdict, &why, &change);
	worksheet_write_string(x.s, 0, 0, s->name[0] ? s->name : "Scenario", x.bold);
	sb_addc(&verdict, ' ');
	sb_add_str(&verdict, sb_str(&why));
	worksheet_write_string(x.s, 1, 0, sb_str(&verdict).p, NULL);
	static const char *const top[] = {"price_decline", "adoption", "adoption_middle"};
	const double tops[] = {s->price_decline.mode, s->adoption.mode, s->adoption_middle.mode};
	for (unsigned i = 0; i < 3; i++) {
		worksheet_write_string(x.s, R_DECLINE + i, 0, top[i], NULL);
		worksheet_write_number(x.s, R_DECLINE + i, 1, tops[i], x.given);
	}
	worksheet_write_string(x.s, R_HEAD, 0, "Figures at their modes", x.bold);
	for (unsigned f = 0; f < F_ROWS; f++)
		worksheet_write_string(x.s, R_HEAD + 1 + f, 0, names[f], NULL);
	for (unsigned i = 0; i < s->workloads; i++)
		workload_column(&x, s, &s->workload[i], 1 + i);
	for (unsigned t = 0; t < s->tunes; t++)
		tune_column(&x, s, &s->tune[t], 1 + s->workloads + t);
	outlays(&x, s);
	worksheet_write_string(x.s, head, 0, "month", x.bold);
	worksheet_write_string(x.s, head, 1, "adoption", x.bold);
	worksheet_write_string(x.s, head, 2, "price", x.bold);
	for (unsigned i = 0; i < s->workloads; i++)
		worksheet_write_string(x.s, head, (lxw_col_t)(3 + i), s->workload[i].name, x.bold);
	for (unsigned i = 0; i < 7; i++)
		worksheet_write_string(x.s, head, (lxw_col_t)(3 + s->workloads + i), heads[i], x.bold);
	for (unsigned m = 0; m < s->months; m++)
		month_row(&x, s, l, m, head);
	worksheet_write_string(sources, 0, 0, "Model", x.bold);
	worksheet_write_string(sources, 0, 1, "Source of its prices", x.bold);
	worksheet_write_string(sources, 0, 2, "Date", x.bold);
	worksheet_set_column(sources, 0, 1, 40, NULL);
	for (unsigned i = 0; i < s->models; i++) {
		worksheet_write_string(sources, i + 1, 0, s->model[i].name, NULL);
		worksheet_write_string(sources, i + 1, 1, s->model[i].price.source, NULL);
		worksheet_write_string(sources, i + 1, 2, s->model[i].price.date, NULL);
	}
	bool full = x.text.full;
	lxw_error rc = workbook_close(book);
	sb_fini(&x.text);
	sb_fini(&verdict);
	sb_fini(&why);
	sb_fini(&change);
	if (full)
		return err_set(e, RR_INTERNAL, "a cell formula is too long");
	return rc == LXW_NO_ERROR ? 0 : err_set(e, RR_IO, "cannot write %s: %s", path, lxw_strerror(rc));
}
