/* SPDX-License-Identifier: Apache-2.0
 *
 * See plan_xlsx.h. Layout of sheet "Plan" (rows from 0): 0 title, 1 verdict, 3 heading, 4.. inputs in B, then a gap,
 * figures in B, then the rows of a mix in columns A to D. Cells are addressed absolutely.
 */
#include "report/plan_xlsx.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <xlsxwriter.h>

enum { FIRST_INPUT = 4 };

static unsigned first_output(const struct formula *f)
{
	return FIRST_INPUT + formula_input_count(f) + 3;
}

static unsigned first_row(const struct formula *f)
{
	return first_output(f) + formula_output_count(f) + 3;
}

static int column_of(const struct formula *f, struct str name)
{
	for (int k = 0; f->columns && k < FORMULA_COLUMNS && f->columns->column[k]; k++)
		if (str_eqc(name, f->columns->column[k]))
			return k;
	return -1;
}

static void column_range(const struct formula_run *r, struct sb *out, int column)
{
	unsigned first = first_row(r->f) + 1;
	sb_addf(out, "$%c$%u:$%c$%u", 'B' + column, first + 1, 'B' + column, first + (r->rows ? r->rows : 1));
}

/* Names to cells, functions to the spreadsheet's; the rest of the grammar is the same. given(a, b) repeats its first
 * argument, so it is expanded by hand. */
static const char *translate(const struct formula_run *r, const char *p, const char *end, struct sb *out);

/* The end of one argument that begins at p: a ',' or ')' at depth 0. */
static const char *argument_end(const char *p, const char *end)
{
	int depth = 0;
	for (; p < end; p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && depth-- == 0)
			return p;
		else if (*p == ',' && depth == 0)
			return p;
	}
	return end;
}

static const char *given(const struct formula_run *r, const char *p, const char *end, struct sb *out)
{
	const char *a_end = argument_end(p, end), *b_end = argument_end(a_end + 1, end);
	sb_adds(out, "IF(ISNUMBER(");
	translate(r, p, a_end, out);
	sb_adds(out, "),");
	translate(r, p, a_end, out);
	sb_addc(out, ',');
	translate(r, a_end + 1, b_end, out);
	sb_addc(out, ')');
	return b_end + 1;
}

static const char *translate(const struct formula_run *r, const char *p, const char *end, struct sb *out)
{
	static const char *const functions[][2] = {{"min", "MIN("},
						   {"max", "MAX("},
						   {"exp", "EXP("},
						   {"ln", "LN("},
						   {"if", "IF("},
						   {"sumproduct", "SUMPRODUCT("},
						   {"least", "SUMPRODUCT(MIN("},
						   {"most", "SUMPRODUCT(MAX("}};
	while (p < end) {
		if (end - p >= 5 && strncmp(p, "1 / 0", 5) == 0 && (p + 5 == end || strchr(",) ", p[5]))) {
			sb_adds(out, "NA()");
			p += 5;
			continue;
		}
		if (isdigit((unsigned char)*p)) {
			while (p < end && (isdigit((unsigned char)*p) || *p == '.'))
				sb_addc(out, *p++);
			continue;
		}
		if (!isalpha((unsigned char)*p)) {
			if (*p != ' ')
				sb_addc(out, *p);
			p++;
			continue;
		}
		const char *from = p;
		while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
			p++;
		struct str name = str_make(from, (size_t)(p - from));
		if (p < end && *p == '(') {
			p++;
			if (str_eqc(name, "given")) {
				p = given(r, p, end, out);
				continue;
			}
			if (str_eqc(name, "ceil")) {
				const char *stop = argument_end(p, end);
				sb_adds(out, "ROUNDUP(");
				translate(r, p, stop, out);
				sb_adds(out, ",0)");
				p = stop + 1;
				continue;
			}
			for (unsigned i = 0; i < sizeof functions / sizeof *functions; i++)
				if (str_eqc(name, functions[i][0]))
					sb_adds(out, functions[i][1]);
			if (str_eqc(name, "least") || str_eqc(name, "most")) {
				const char *stop = argument_end(p, end);
				translate(r, p, stop, out);
				sb_adds(out, "))");
				p = stop + 1;
			}
			continue;
		}
		int i = formula_input(r->f, name), o = formula_output(r->f, name), k = column_of(r->f, name);
		if (i >= 0 && str_eqc(name, r->f->inputs[i].name))
			sb_addf(out, "$B$%u", FIRST_INPUT + (unsigned)i + 1);
		else if (o >= 0)
			sb_addf(out, "$B$%u", first_output(r->f) + (unsigned)o + 1);
		else if (k >= 0)
			column_range(r, out, k);
	}
	return p;
}

void plan_xlsx_expression(const struct formula_run *r, unsigned output, struct sb *out)
{
	const char *e = r->f->outputs[output].expression;
	sb_addc(out, '=');
	translate(r, e, e + strlen(e), out);
}

struct book_formats {
	lxw_format *bold, *wrap, *number, *share, *given;
};

static void number_cell(lxw_worksheet *sheet, unsigned row, unsigned short column, double v, lxw_format *format)
{
	if (isnan(v))
		worksheet_write_formula_str(sheet, row, column, "=NA()", format, "#N/A");
	else
		worksheet_write_number(sheet, row, column, v, format);
}

static void write_inputs(const struct formula_run *r, lxw_worksheet *plan, lxw_worksheet *sources,
			 const struct book_formats *b)
{
	char unit[32];
	worksheet_write_string(plan, FIRST_INPUT - 1, 0, "Inputs (change these)", b->bold);
	worksheet_write_string(sources, 0, 0, "Input", b->bold);
	worksheet_write_string(sources, 0, 1, "Source", b->bold);
	worksheet_write_string(sources, 0, 2, "Date", b->bold);
	worksheet_write_string(sources, 0, 3, "Meaning", b->bold);
	for (unsigned i = 0; r->f->inputs[i].name; i++) {
		const struct formula_input *in = &r->f->inputs[i];
		worksheet_write_string(plan, FIRST_INPUT + i, 0, in->name, NULL);
		number_cell(plan, FIRST_INPUT + i, 1, r->in[i], strcmp(in->unit, "share") == 0 ? b->share : b->given);
		worksheet_write_string(plan, FIRST_INPUT + i, 2, value_unit(in->unit, r->currency, unit), NULL);
		worksheet_write_string(plan, FIRST_INPUT + i, 3, in->help, NULL);
		worksheet_write_string(sources, i + 1, 0, in->name, NULL);
		worksheet_write_string(sources, i + 1, 1, r->source[i], NULL);
		worksheet_write_string(sources, i + 1, 2, r->date[i], NULL);
		worksheet_write_string(sources, i + 1, 3, in->help, NULL);
	}
	worksheet_write_string(sources, formula_input_count(r->f) + 2, 0, "Formula", b->bold);
	worksheet_write_string(sources, formula_input_count(r->f) + 2, 1, r->f->source, NULL);
}

static int write_outputs(const struct formula_run *r, lxw_worksheet *plan, const struct book_formats *b)
{
	char unit[32];
	struct sb text;
	unsigned top = first_output(r->f);
	sb_init(&text, 16384);
	worksheet_write_string(plan, top - 1, 0, "Figures (live)", b->bold);
	for (unsigned i = 0; r->f->outputs[i].name; i++) {
		const struct formula_output *o = &r->f->outputs[i];
		sb_clear(&text);
		plan_xlsx_expression(r, i, &text);
		worksheet_write_string(plan, top + i, 0, o->name, NULL);
		if (isnan(r->out[i]))
			worksheet_write_formula_str(plan, top + i, 1, text.p, b->number, "#N/A");
		else
			worksheet_write_formula_num(plan, top + i, 1, text.p,
						    strcmp(o->unit, "share") == 0 ? b->share : b->number, r->out[i]);
		worksheet_write_string(plan, top + i, 2, value_unit(o->unit, r->currency, unit), NULL);
		worksheet_write_string(plan, top + i, 3, o->expression, NULL);
	}
	int full = text.full;
	sb_fini(&text);
	return full;
}

static void write_rows(const struct formula_run *r, lxw_worksheet *plan, const struct book_formats *b)
{
	unsigned top = first_row(r->f);
	if (!r->f->columns)
		return;
	worksheet_write_string(plan, top, 0, r->f->columns->name, b->bold);
	for (unsigned k = 0; k < FORMULA_COLUMNS && r->f->columns->column[k]; k++) {
		worksheet_write_string(plan, top, (lxw_col_t)(1 + k), r->f->columns->column[k], b->bold);
		for (unsigned i = 0; i < r->rows; i++)
			number_cell(plan, top + 1 + i, (lxw_col_t)(1 + k), r->row[i].v[k], b->given);
	}
	for (unsigned i = 0; i < r->rows; i++)
		worksheet_write_string(plan, top + 1 + i, 0, r->row[i].name, NULL);
}

int plan_xlsx_formula(const struct formula_run *r, const char *path, struct err *e)
{
	struct sb verdict, why;
	sb_init(&verdict, 4096);
	sb_init(&why, 8192);
	lxw_workbook *book = workbook_new(path);
	if (!book)
		return err_set(e, RR_IO, "cannot make the workbook %s", path);
	lxw_worksheet *plan = workbook_add_worksheet(book, "Plan"), *sources = workbook_add_worksheet(book, "Sources");
	struct book_formats b = {workbook_add_format(book), workbook_add_format(book), workbook_add_format(book),
				 workbook_add_format(book), workbook_add_format(book)};
	format_set_bold(b.bold);
	format_set_text_wrap(b.wrap);
	format_set_num_format(b.number, "#,##0.00####");
	format_set_num_format(b.share, "0.0###%");
	format_set_num_format(b.given, "#,##0.######");
	format_set_bg_color(b.given, 0xFFF8DC);
	worksheet_set_column(plan, 0, 0, 30, NULL);
	worksheet_set_column(plan, 1, 2, 18, NULL);
	worksheet_set_column(plan, 3, 3, 70, NULL);
	worksheet_set_column(sources, 0, 0, 26, NULL);
	worksheet_set_column(sources, 1, 1, 60, NULL);
	worksheet_set_column(sources, 3, 3, 60, NULL);
	worksheet_write_string(plan, 0, 0, r->f->summary, b.bold);
	if (r->f->say) {
		r->f->say(r, &verdict, &why);
		sb_addc(&verdict, ' ');
		sb_add_str(&verdict, sb_str(&why));
		worksheet_write_string(plan, 1, 0, sb_str(&verdict).p, NULL);
	}
	write_inputs(r, plan, sources, &b);
	int full = write_outputs(r, plan, &b);
	write_rows(r, plan, &b);
	lxw_error rc = workbook_close(book);
	sb_fini(&verdict);
	sb_fini(&why);
	if (full)
		return err_set(e, RR_INTERNAL, "a cell formula is too long");
	return rc == LXW_NO_ERROR ? 0 : err_set(e, RR_IO, "cannot write %s: %s", path, lxw_strerror(rc));
}
