/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as a workbook: lines as numbers, totals and unit costs as formulas over them, the days, the prices.
 *
 * A spreadsheet calculates with doubles, so each exact amount stands as text beside its number ("exact"), and nothing
 * here is read back. Text is written as text: no cell of somebody's key becomes a formula.
 */
#include <stdio.h>
#include <xlsxwriter.h>

#include "report/report_file.h"

struct sheets {
	lxw_workbook *book;
	lxw_format *bold, *money, *count, *million;
};

static const char *chars(struct arena *a, struct str s)
{
	struct sb clean;
	struct str kept;
	sb_init(&clean, 1 << 20);
	sb_add_utf8(&clean, str_sub(s, 0, 30000)); /* a cell holds 32,767 characters */
	kept = arena_str(a, sb_str(&clean));
	sb_fini(&clean);
	return kept.p ? kept.p : "";
}

static double units(money_wide pico)
{
	return (double)pico / (double)PICO_PER_UNIT;
}

static unsigned lines(const struct sheets *s, lxw_worksheet *w, const struct report *r, const struct report_part *p,
		      unsigned row)
{
	char exact[MONEY_TEXT];
	for (unsigned i = 0; i < p->count; i++, row++) {
		const struct report_line *l = &p->lines[i];
		struct str key = l->key.n ? l->key : STR("(none)");
		if (l->shared.n)
			key = arena_printf(r->arena, "%.*s, share of %.*s", STR_ARG(key), STR_ARG(l->shared));
		worksheet_write_string(w, row, 0, chars(r->arena, key), NULL);
		worksheet_write_number(w, row, 1, (double)l->calls, s->count);
		worksheet_write_number(w, row, 2, (double)l->input_tok, s->count);
		worksheet_write_number(w, row, 3, (double)l->output_tok, s->count);
		worksheet_write_string(w, row, 5, l->currency.code, NULL);
		if (!l->cost_pico && l->unpriced_calls) { /* unknown, and not 0 */
			worksheet_write_string(w, row, 6, "not priced", NULL);
			continue;
		}
		worksheet_write_number(w, row, 4, units(l->cost_pico), s->money);
		worksheet_write_string(w, row, 6, money_text(l->cost_pico, exact), NULL);
	}
	return row;
}

/* Currencies are not added: each has totals of its own, the headline's first. */
struct totals {
	struct currency of[REPORT_CURRENCIES + 1];
	unsigned count;
};

static struct totals totals_of(const struct report *r)
{
	struct totals t = {.of = {r->currency}, .count = r->currency.code[0] != 0};
	for (unsigned i = 0; i < r->currencies; i++)
		if (!r->by_currency[i].in_headline)
			t.of[t.count++] = r->by_currency[i].currency;
	t.count += t.count == 0; /* nothing there: one total, of no currency */
	return t;
}

static money_wide in_currency(const struct report_part *p, struct currency c)
{
	money_wide pico = 0;
	for (unsigned i = 0; i < p->count; i++)
		pico += currency_eq(p->lines[i].currency, c) ? p->lines[i].cost_pico : 0;
	return pico;
}

/* The rows [first, last) in one currency; and what a viewer shows that does not calculate. */
static void total_cost(const struct sheets *s, lxw_worksheet *w, const struct report_part *p, struct currency c,
		       unsigned first, unsigned last, unsigned row)
{
	char formula[200];
	snprintf(formula, sizeof formula, "=SUMIF(F%u:F%u,\"%s\",E%u:E%u)", first + 1, last, c.code, first + 1, last);
	if (p->count)
		worksheet_write_formula_num(w, row, 4, formula, s->money, units(in_currency(p, c)));
	else
		worksheet_write_number(w, row, 4, 0, s->money);
	worksheet_write_string(w, row, 5, c.code, NULL);
}

/* A block: its head, its lines, a total for each currency; *total_row is the first of those. The next block's row. */
static unsigned block(const struct sheets *s, lxw_worksheet *w, const struct report *r, const struct report_part *p,
		      const char *title, unsigned row, unsigned *total_row)
{
	static const char *const heads[] = {"calls", "input tokens", "output tokens", "cost", "currency", "exact"};
	const struct totals t = totals_of(r);
	unsigned first = row + 1, last;
	double sum[3] = {0};
	char formula[200];
	worksheet_write_string(w, row, 0, title, s->bold);
	for (unsigned i = 0; i < 6; i++)
		worksheet_write_string(w, row, (lxw_col_t)(i + 1), heads[i], s->bold);
	last = lines(s, w, r, p, first);
	*total_row = last;
	for (unsigned i = 0; i < p->count; i++) {
		sum[0] += (double)p->lines[i].calls;
		sum[1] += (double)p->lines[i].input_tok;
		sum[2] += (double)p->lines[i].output_tok;
	}
	for (char c = 'B'; c <= 'D' && p->count; c++) {
		snprintf(formula, sizeof formula, "=SUM(%c%u:%c%u)", c, first + 1, c, last);
		worksheet_write_formula_num(w, last, (lxw_col_t)(c - 'A'), formula, s->count, sum[c - 'B']);
	}
	for (unsigned k = 0; k < t.count; k++) {
		worksheet_write_string(w, last + k, 0, "Total", s->bold);
		total_cost(s, w, p, t.of[k], first, last, last + k);
	}
	return last + t.count + 1;
}

static money_wide not_classified(const struct report *r, struct currency c)
{
	for (unsigned i = 0; i < r->currencies && !currency_eq(c, r->currency); i++)
		if (currency_eq(r->by_currency[i].currency, c))
			return r->by_currency[i].unclassified_pico;
	return currency_eq(c, r->currency) ? r->unclassified_pico : 0;
}

static void summary(const struct sheets *s, lxw_worksheet *w, const struct report *r)
{
	const struct totals t = totals_of(r);
	unsigned row = 3, inference, training, other = 0, unclassified[REPORT_CURRENCIES + 1] = {0};
	bool more = r->other.count != 0;
	int n;
	char formula[200], from[TIME_TEXT], to[TIME_TEXT], text[200];
	double tokens = (double)r->input_tok + (double)r->output_tok;
	snprintf(text, sizeof text, "%s to %s, %s basis, %s", time_date(r->query.from_us, from),
		 time_date(r->query.to_us - 1, to), r->query.basis == BASIS_CASH ? "cash" : "amortised",
		 r->query.env ? r->query.env : "production");
	worksheet_write_string(w, 0, 0, "What AI cost", s->bold);
	worksheet_write_string(w, 1, 0, text, NULL);
	row = block(s, w, r, &r->inference, "INFERENCE, recurs", row, &inference);
	row = block(s, w, r, &r->training, "TRAINING, paid once", row, &training);
	if (r->other.count)
		row = block(s, w, r, &r->other, "NEITHER: tax, credits, seats, support", row, &other);
	for (unsigned k = 0; k < t.count; k++) {
		money_wide pico = not_classified(r, t.of[k]);
		if (!pico)
			continue;
		more = true;
		unclassified[k] = row;
		worksheet_write_string(w, row, 0, "NOT CLASSIFIED: see runrate report", s->bold);
		worksheet_write_number(w, row, 4, units(pico), s->money);
		worksheet_write_string(w, row, 5, t.of[k].code, NULL);
		row += 2;
	}
	for (unsigned k = 0; k < t.count; k++, row++) {
		worksheet_write_string(w, row, 0, more ? "TOTAL" : "TOTAL of both", s->bold);
		n = snprintf(formula, sizeof formula, "=E%u+E%u", inference + k + 1, training + k + 1);
		if (r->other.count)
			n += snprintf(formula + n, sizeof formula - (size_t)n, "+E%u", other + k + 1);
		if (unclassified[k])
			snprintf(formula + n, sizeof formula - (size_t)n, "+E%u", unclassified[k] + 1);
		worksheet_write_formula_num(w, row, 4, formula, s->money,
					    units(in_currency(&r->inference, t.of[k]) +
						  in_currency(&r->training, t.of[k]) + in_currency(&r->other, t.of[k]) +
						  not_classified(r, t.of[k])));
		worksheet_write_string(w, row, 5, t.of[k].code, NULL);
	}
	/* of several currencies there is no one figure, of no price neither */
	if (t.count == 1 && r->inference.total_pico) {
		worksheet_write_string(w, row, 0, "Inference per million tokens", NULL);
		snprintf(formula, sizeof formula, "=IF(C%u+D%u>0,E%u*1000000/(C%u+D%u),\"\")", inference + 1,
			 inference + 1, inference + 1, inference + 1, inference + 1);
		worksheet_write_formula_num(w, row++, 4, formula, s->million,
					    tokens > 0 ? units(r->inference.total_pico) * 1e6 / tokens : 0);
	}
	worksheet_write_string(w, row, 0, "Calls without a known price (in no figure)", NULL);
	worksheet_write_number(w, row, 4, (double)r->unpriced_calls, s->count);
}

static void sources(const struct sheets *s, lxw_worksheet *w, const struct report *r, const struct book *b)
{
	static const char *const heads[] = {
		"model", "meter", "price per million", "currency", "rule", "in force from", "source", "read on"};
	struct report_price *p = arena_array(r->arena, struct report_price, REPORT_PRICES);
	unsigned n = p ? report_prices(r, b, p) : 0;
	char date[TIME_TEXT];
	for (unsigned i = 0; i < 8; i++)
		worksheet_write_string(w, 0, (lxw_col_t)i, heads[i], s->bold);
	for (unsigned i = 0; i < n; i++) {
		const struct price_rule *x = p[i].rule;
		worksheet_write_string(w, i + 1, 0, chars(r->arena, p[i].model), NULL);
		worksheet_write_string(w, i + 1, 1, meter_name(x->meter), NULL);
		worksheet_write_number(w, i + 1, 2, (double)x->price_atto / 1e12, s->million);
		worksheet_write_string(w, i + 1, 3, x->currency.code, NULL);
		worksheet_write_string(w, i + 1, 4, chars(r->arena, x->id), NULL);
		worksheet_write_string(w, i + 1, 5, x->valid_from_us ? time_date(x->valid_from_us, date) : "", NULL);
		worksheet_write_string(w, i + 1, 6, chars(r->arena, x->source), NULL);
		worksheet_write_string(w, i + 1, 7, chars(r->arena, x->source_date), NULL);
	}
	if (!n)
		worksheet_write_string(
			w, 1, 0, "Prices are listed for --by model; or what stands here was billed, not priced.", NULL);
	for (unsigned i = 0; i < r->query.rate_count; i++) {
		const struct fx_rate *x = &r->query.rates[i];
		char rate[64], number[MONEY_TEXT];
		snprintf(rate, sizeof rate, "rate %s/%s", x->from.code, x->to.code);
		worksheet_write_string(w, n + 3 + i, 0, rate, NULL);
		worksheet_write_string(w, n + 3 + i, 2, money_text(x->rate_pico, number), NULL);
		worksheet_write_string(w, n + 3 + i, 5, x->from_us > 0 ? time_date(x->from_us, date) : "", NULL);
		worksheet_write_string(w, n + 3 + i, 6, "set by you", NULL);
	}
}

int report_xlsx(const struct report *r, const struct report *days, const struct book *b, const char *path,
		struct err *e)
{
	lxw_workbook_options options = {.constant_memory = LXW_FALSE};
	struct sheets s = {.book = workbook_new_opt(path, &options)};
	lxw_worksheet *w, *over, *prices;
	unsigned total;
	lxw_error rc;
	if (!s.book)
		return err_set(e, RR_IO, "cannot write %s", path);
	s.bold = workbook_add_format(s.book);
	s.money = workbook_add_format(s.book);
	s.count = workbook_add_format(s.book);
	s.million = workbook_add_format(s.book);
	format_set_bold(s.bold);
	format_set_num_format(s.money, "#,##0.00####");
	format_set_num_format(s.count, "#,##0");
	format_set_num_format(s.million, "0.0000####");
	w = workbook_add_worksheet(s.book, "Report");
	over = workbook_add_worksheet(s.book, "Over time");
	prices = workbook_add_worksheet(s.book, "Sources");
	worksheet_set_column(w, 0, 0, 40, NULL);
	worksheet_set_column(w, 1, 6, 16, NULL);
	worksheet_set_column(over, 0, 6, 16, NULL);
	worksheet_set_column(prices, 0, 7, 24, NULL);
	summary(&s, w, r);
	if (days)
		block(&s, over, days, &days->inference, report_by_name(days->query.by), 0, &total);
	sources(&s, prices, r, b);
	rc = workbook_close(s.book);
	return rc == LXW_NO_ERROR ? 0 : err_set(e, RR_IO, "cannot write %s: %s", path, lxw_strerror(rc));
}
