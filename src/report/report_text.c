/* SPDX-License-Identifier: Apache-2.0
 *
 * The report for people, within 80 columns: the two checkbooks as two blocks, months side by side where there are
 * up to four of them, then what a reader asks next: tokens a month, unit cost, what is not known.
 */
#include <math.h>
#include <stdio.h>

#include "base/intern.h"
#include "base/num.h"
#include "base/table.h"
#include "report/amounts.h"
#include "report/first.h"
#include "report/forecast.h"
#include "report/report.h"

enum { LABEL_LEAST = 20, LABEL_MOST = 46, CELL = 11, LINES_SHOWN = 20 };

struct page {
	const struct report *r;
	struct sb *out;
	unsigned decimals, label, cell, columns; /* of money; columns: months side by side, 0 = the total alone */
};

/* Pads by columns of the terminal, not bytes; a text that is too long is cut with an ellipsis. */
static void left(struct sb *out, struct str s, unsigned width)
{
	size_t n = str_columns(s);
	if (n > width) {
		size_t i = 0, columns = 0;
		while (i < s.n && columns < width - 1) {
			i++;
			while (i < s.n && ((unsigned char)s.p[i] & 0xC0) == 0x80)
				i++;
			columns++;
		}
		sb_add(out, s.p, i);
		sb_adds(out, "\xE2\x80\xA6");
		return;
	}
	sb_add_str(out, s);
	for (; n < width; n++)
		sb_addc(out, ' ');
}

static void right(struct sb *out, const char *s, unsigned width)
{
	sb_addf(out, "%*s", (int)width, s);
}

/* Nothing is "-"; what is too small for the column's decimals is said to be that, for 0.00 would read as free. */
static void money_cell(const struct page *p, money_wide pico)
{
	char text[MONEY_TEXT], small[MONEY_TEXT + 2];
	money_wide least = PICO_PER_UNIT, size = pico < 0 ? -pico : pico;
	for (unsigned i = 0; i < p->decimals; i++)
		least /= 10;
	if (pico == 0) {
		right(p->out, "-", p->cell);
	} else if (2 * size < least) {
		snprintf(small, sizeof small, "%s%s", pico < 0 ? ">-" : "<", money_human(least, p->decimals, text));
		right(p->out, small, p->cell);
	} else {
		right(p->out, money_human(pico, p->decimals, text), p->cell);
	}
}

static const char *month_name(int64_t us, const struct tz *tz, char out[16])
{
	static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
			"Dec"};
	int64_t year;
	unsigned month, day;
	int64_t local = us + (int64_t)tz_offset_s(tz, us) * US_PER_S;
	civil_from_days(local / US_PER_DAY - (local % US_PER_DAY < 0), &year, &month, &day);
	snprintf(out, 16, "%s", names[month - 1]);
	return out;
}

static char *date_of(const struct report *r, int64_t us, char out[TIME_TEXT])
{
	return time_date(us + (int64_t)tz_offset_s(r->query.tz, us) * US_PER_S, out);
}

static void head(const struct page *p)
{
	const struct report *r = p->r;
	char a[TIME_TEXT], b[TIME_TEXT], name[16];
	double days = (double)(r->query.to_us - r->query.from_us) / (double)US_PER_DAY;
	sb_addf(p->out, "%s to %s    %s    %.*f days    %s    %s\n\n", date_of(r, r->query.from_us, a),
		date_of(r, r->query.to_us - 1, b), r->currency.code[0] ? r->currency.code : "several currencies",
		days < 2 ? 2 : 0, days, r->query.env ? r->query.env : "production",
		r->query.basis == BASIS_CASH ? "cash" : "amortised");
	left(p->out, STR(""), p->label);
	if (p->columns) {
		for (unsigned c = 0; c < p->columns; c++)
			right(p->out, month_name(r->column_us[c], r->query.tz, name), p->cell);
		right(p->out, "Total", p->cell);
	} else {
		right(p->out, "calls", CELL);
		right(p->out, "M tokens", CELL);
		right(p->out, "cost", p->cell);
	}
	sb_addc(p->out, '\n');
}

static void counts(const struct page *p, uint64_t calls, uint64_t tokens)
{
	char text[32];
	right(p->out, calls ? num_group(calls, text) : "-", CELL);
	snprintf(text, sizeof text, "%.3f", (double)tokens * 1e-6);
	right(p->out, tokens ? text : "-", CELL);
}

static void row(const struct page *p, const char *label, const struct report_cell *cells, uint64_t calls,
		uint64_t tokens,
		money_wide total, struct currency other)
{
	left(p->out, str_of(label), p->label);
	if (p->columns)
		for (unsigned c = 0; c < p->columns; c++)
			money_cell(p, cells ? cells[c].cost_pico : 0);
	else
		counts(p, calls, tokens);
	money_cell(p, total);
	if (other.code[0])
		sb_addf(p->out, " %s", other.code);
	sb_addc(p->out, '\n');
}

static void part(const struct page *p, const char *title, const struct report_part *x, uint64_t calls, uint64_t tokens)
{
	static const struct currency none;
	char label[128];
	row(p, title, x->column, calls, tokens, x->total_pico, none);
	for (unsigned i = 0; i < x->count && i < LINES_SHOWN; i++) {
		const struct report_line *l = &x->lines[i];
		struct str key = l->key.n ? l->key : STR("(none)");
		snprintf(label, sizeof label, l->shared.n ? "* %.*s, share of %.*s" : "  %.*s",
			 (int)(key.n < 60 ? key.n : 60), key.p, (int)(l->shared.n < 40 ? l->shared.n : 40),
			 l->shared.n ? l->shared.p : "");
		row(p, label, l->column, l->calls, l->input_tok + l->output_tok, l->cost_pico,
		    currency_eq(l->currency, p->r->currency) ? none : l->currency);
	}
	if (x->count > LINES_SHOWN)
		sb_addf(p->out, "  ... and %u more: --json or --csv has all\n", x->count - LINES_SHOWN);
}

static void rule(const struct page *p)
{
	unsigned cells = p->columns ? p->columns + 1 : 1;
	left(p->out, STR(""), p->columns ? p->label : p->label + 2 * CELL);
	for (unsigned c = 0; c < cells; c++) {
		sb_adds(p->out, "  ");
		for (unsigned i = 2; i < p->cell; i++)
			sb_addc(p->out, '-');
	}
	sb_addc(p->out, '\n');
}

/* Before all else: what no rule knows may belong to either book. */
static void not_classified(const struct page *p)
{
	const struct report *r = p->r;
	for (unsigned i = 0; i < r->currencies; i++)
		if (!r->by_currency[i].in_headline && r->by_currency[i].unclassified_pico)
			row(p, "NOT CLASSIFIED", NULL, 0, 0, r->by_currency[i].unclassified_pico,
			    r->by_currency[i].currency);
	if (r->unclassified_pico)
		row(p, "NOT CLASSIFIED", r->unclassified_column, 0, 0, r->unclassified_pico, (struct currency){{0}});
}

static void totals(const struct page *p)
{
	static const struct currency none;
	const struct report *r = p->r;
	struct report_cell sum[REPORT_COLUMNS];
	if (r->other.count || r->other_pico)
		part(p, "OTHER      neither", &r->other, 0, 0);
	if (!r->currency.code[0] && r->currencies > 1) {
		sb_addc(p->out, '\n');
		for (unsigned i = 0; i < r->currencies; i++) {
			const struct report_currency *c = &r->by_currency[i];
			char a[MONEY_TEXT], b[MONEY_TEXT];
			sb_addf(p->out, "TOTAL in %s   inference %s   training %s\n", c->currency.code,
				money_human(c->inference_pico, 2, a), money_human(c->training_pico, 2, b));
			if (c->other_pico || c->unclassified_pico)
				sb_addf(p->out, "               neither %s   not classified %s\n", money_human(c->other_pico, 2, a),
					money_human(c->unclassified_pico, 2, b));
		}
		sb_adds(p->out, "Several currencies are not added: --currency C and --rate C/D=R@DATE do.\n");
		return;
	}
	for (unsigned c = 0; c < REPORT_COLUMNS; c++)
		sum[c] =
			(struct report_cell){r->inference.column[c].cost_pico + r->training.column[c].cost_pico +
						     r->other.column[c].cost_pico + r->unclassified_column[c].cost_pico,
					     0};
	rule(p);
	row(p, "TOTAL", sum, 0, 0, r->total_pico, none);
	for (unsigned i = 0; i < r->currencies; i++)
		if (!r->by_currency[i].in_headline)
			sb_addf(p->out, "Not in the total: amounts in %s, for which there is no rate.\n",
				r->by_currency[i].currency.code);
}

/* The rates that turned amounts into the headline's currency. */
static void rates(const struct page *p)
{
	const struct report *r = p->r;
	char day[TIME_TEXT], number[MONEY_TEXT];
	for (unsigned i = 0; i < r->query.rate_count; i++) {
		const struct fx_rate *x = &r->query.rates[i];
		bool used = false;
		for (unsigned k = 0; k < r->currencies; k++)
			used = used || (r->by_currency[k].in_headline &&
					!currency_eq(r->by_currency[k].currency, r->currency) &&
					(currency_eq(x->from, r->by_currency[k].currency) ||
					 currency_eq(x->to, r->by_currency[k].currency)) &&
					(currency_eq(x->from, r->currency) || currency_eq(x->to, r->currency)) &&
					x->from_us < r->query.to_us);
		if (used)
			sb_addf(p->out, "Rate  %s/%s %s%s%s, set by you\n", x->from.code, x->to.code,
				money_text(x->rate_pico, number), x->from_us > 0 ? " from " : "",
				x->from_us > 0 ? time_date(x->from_us, day) : "");
	}
}

/* What stands on inference lines that count no requests: a cloud's bill, a vendor's costs. */
static money_wide without_requests(const struct report *r)
{
	money_wide sum = 0;
	for (unsigned i = 0; i < r->inference.count; i++)
		if (!r->inference.lines[i].calls && currency_eq(r->inference.lines[i].currency, r->currency))
			sum += r->inference.lines[i].cost_pico;
	return sum;
}

/* "Per 1,000 queries", and the requests of the last month. */
static void per_thousand(const struct page *p)
{
	const struct report *r = p->r;
	char cost[MONEY_SYMBOL], n[32], name[16], in_month[32] = "Requests";
	money_wide each, rest = without_requests(r);
	uint64_t calls = r->columns ? r->inference.column[r->columns - 1].calls : r->calls;
	if (!r->calls || !r->currency.code[0] || report_nothing_priced(r))
		return;
	each = money_scale(r->inference.total_pico, 1000, (money_wide)r->calls);
	if (r->columns)
		snprintf(in_month, sizeof in_month, "Requests in %s",
			 month_name(r->column_us[r->columns - 1], r->query.tz, name));
	sb_addf(p->out, "Per 1,000 queries       %-14s%s  %s\n",
		money_symbol(r->currency, each, money_decimals(each), cost), in_month, num_group(calls, n));
	if (rest > 0)
		sb_addf(p->out, "                        %s of inference is on lines that count no requests\n",
			money_symbol(r->currency, rest, money_decimals(rest), cost));
}

static money_wide whole_cents(double v)
{
	return v < 1e24 ? (money_wide)llround(v * 100) * (PICO_PER_UNIT / 100) : 0;
}

static void ahead(const struct report *r, struct sb *out)
{
	const struct forecast *f = r->forecast;
	char a[MONEY_SYMBOL], b[MONEY_SYMBOL], c[MONEY_SYMBOL], name[16], label[40], day[TIME_TEXT];
	const struct forecast_range *t;
	if (!f)
		return;
	t = &f->month[0].total;
	snprintf(label, sizeof label, "Forecast, all of %s", month_name(f->month[0].from_us, f->tz, name));
	sb_addf(out, "%-24s%s  (80 %%: %s - %s)", label, money_symbol(f->currency, whole_cents(t->p50), 2, a),
		money_symbol(f->currency, whole_cents(t->p10), 2, b),
		money_symbol(f->currency, whole_cents(t->p90), 2, c));
	if (f->has_budget && f->crossed_already)
		sb_addf(out, "  over %s", money_symbol(f->currency, whole_cents(f->budget), 0, a));
	else if (f->has_budget && f->crosses)
		sb_addf(out, "  crosses %s on %s", money_symbol(f->currency, whole_cents(f->budget), 0, a),
			date_of(r, f->cross_us, day));
	sb_addc(out, '\n');
	if (f->month[0].missing > 0)
		forecast_gaps(f, out);
}

/* What vendors bill in the last month, and what its usage comes to here. */
static void invoices(const struct report *r, struct sb *out)
{
	char a[MONEY_SYMBOL], b[MONEY_SYMBOL], name[16];
	const char *label = "Invoice check";
	for (unsigned i = 0; i < r->invoices && r->currency.code[0]; i++) {
		money_wide billed = r->invoice[i].billed_pico, usage = r->invoice[i].usage_pico, off = billed - usage;
		struct str provider = intern_str(r->invoice[i].provider);
		bool same = off >= -PICO_PER_UNIT / 100 && off <= PICO_PER_UNIT / 100;
		if (billed == 0 || usage == 0)
			continue;
		sb_addf(out, "%-24s%.*s %s  %s %s ledger %s   %s\n", label, STR_ARG(provider),
			month_name(r->invoice_us, r->query.tz, name),
			money_symbol(r->currency, billed, money_decimals(billed), a), same ? "=" : "and",
			money_symbol(r->currency, usage, money_decimals(usage), b),
			same ? "matches" : "differs: runrate reconcile FILE");
		label = "";
	}
}

void report_outlook(const struct report *r, struct sb *out)
{
	ahead(r, out);
	invoices(r, out);
}

/* Did the payment in that month change how inference grows? Only of whole months is growth a growth. */
static void slope(const struct page *p)
{
	const struct report *r = p->r;
	int64_t from, to;
	unsigned at = 0, months = 0;
	double before, after;
	window_bounds(WINDOW_MONTH, r->query.tz, r->query.to_us - 1, &from, &to);
	if (!p->columns || r->column_us[0] < r->query.from_us || to > r->query.to_us)
		return;
	window_bounds(WINDOW_MONTH, r->query.tz, r->query.from_us, &from, &to);
	for (unsigned c = 0; c < r->columns; c++)
		if (r->training.column[c].cost_pico > 0) {
			at = c;
			months++;
		}
	if (from != r->query.from_us || months != 1 || at == 0 || at + 1 >= r->columns ||
			r->inference.column[at - 1].cost_pico <= 0 ||
	    r->inference.column[at].cost_pico <= 0)
		return;
	before = (double)r->inference.column[at].cost_pico / (double)r->inference.column[at - 1].cost_pico - 1;
	after = (double)r->inference.column[at + 1].cost_pico / (double)r->inference.column[at].cost_pico - 1;
	sb_addf(p->out, "\nThe one-time payment %s the slope: inference grew %+.0f %%\nbefore it and %+.0f %% after it.\n",
		fabs(after - before) <= 0.25 ? "did not change" : after < before ? "stands before a flatter part of"
				: "stands before a steeper part of",
		before * 100, after * 100);
}

static void unit_cost(const struct page *p)
{
	const struct report *r = p->r;
	money_wide inference, share, all;
	char a[MONEY_TEXT], b[MONEY_TEXT], c[MONEY_TEXT], n[32];
	bool both = false; /* some vendor's bill and its usage stand here */
	if (r->calls || r->input_tok + r->output_tok)
		sb_addf(p->out, "\nMillion tokens a month  %.3f      Calls  %s\n", report_tokens_million_per_month(r),
			num_group(r->calls, n));
	if (report_per_mtok(r, r->inference.total_pico, &inference) &&
	    report_per_mtok(r, r->training.total_pico, &share) &&
	    report_per_mtok(r, r->inference.total_pico + r->training.total_pico, &all))
		sb_addf(p->out, "Per million tokens      inference %s   training %s   all %s\n",
			money_human(inference, inference < 1000 * (money_wide)PICO_PER_UNIT ? 4 : 0, a),
			money_human(share, share < 1000 * (money_wide)PICO_PER_UNIT ? 4 : 0, b),
			money_human(all, all < 1000 * (money_wide)PICO_PER_UNIT ? 4 : 0, c));
	if (r->accepted && r->currency.code[0])
		sb_addf(p->out, "Per accepted answer     %s   (%s accepted)\n",
			money_human(money_round(r->inference.total_pico, (money_wide)r->accepted), 6, a),
			num_group(r->accepted, n));
	if (r->saved_pico)
		sb_addf(p->out, "Saved by levers         %s\n", money_human(r->saved_pico, p->decimals, a));
	for (unsigned i = 0; i < r->invoices; i++)
		both = both || (r->invoice[i].billed_pico != 0 && r->invoice[i].usage_pico != 0);
	if (r->billed_pico && both)
		sb_addf(p->out, "Bills in the ledger     %s, counted once with the usage that they bill\n",
				money_human(r->billed_pico, p->decimals, a));
}

static void unknowns(const struct page *p)
{
	const struct report *r = p->r;
	char n[32], a[MONEY_TEXT], b[MONEY_TEXT];
	if (r->unpriced_calls) {
		struct sb names;
		sb_init(&names, 4096);
		sb_addf(&names, "%s calls, not in the totals:", num_group(r->unpriced_calls, n));
		for (unsigned i = 0; i < r->unpriced_models && i < 4; i++) {
			struct str name = r->unpriced_model[i].n ? r->unpriced_model[i] : STR("(no model)");
			sb_addf(&names, " %.*s%s", (int)(name.n < 54 ? name.n : 54), name.p, name.n > 54 ? "\xE2\x80\xA6" : "");
		}
		sb_adds(p->out, "Not priced              ");
		text_wrap(sb_str(&names), 24, 24, 80, p->out);
		sb_adds(p->out, "\n");
		sb_fini(&names);
	}
	if (r->estimated_calls)
		sb_addf(p->out, "\xE2\x89\x88 Estimated             %s calls, between %s and %s\n", num_group(r->estimated_calls, n),
			money_human(r->low_pico, p->decimals, a), money_human(r->high_pico, p->decimals, b));
	if (r->hidden_calls)
		sb_addf(p->out, "Pilot and test          %s calls, %s, not counted: --env all\n", num_group(r->hidden_calls, n),
			money_human(r->hidden_pico, p->decimals, a));
	if (r->refused)
		sb_addf(p->out, "Refused                 %s calls\n", num_group(r->refused, n));
	for (unsigned i = 0; i < r->cap_count && i < 8; i++) {
		const struct cap_rule *c = &r->caps[i].rule;
		char scope[512];
		if (c->amount_pico == INT64_MAX)
			continue;
		sb_addf(p->out, "Cap, %-9s          %s of %s %s a %s, %s\n", book_kind_name(r->caps[i].book),
			money_human(r->cap_states[i].spent_pico, 2, a), money_human(c->amount_pico, 2, b),
			c->currency.code, window_name(c->window), cap_scope_text(&c->scope, scope, sizeof scope));
	}
}

static void widen(struct page *p, money_wide pico)
{
	char text[MONEY_TEXT];
	unsigned n = (unsigned)strlen(money_human(pico, p->decimals, text)) + 2;
	p->cell = n > p->cell ? n : p->cell;
}

/* Columns of a width that the largest figure fits, of whatever currency; months only where a label still has room
 * beside them. */
static void lay_out(struct page *p, unsigned width)
{
	const struct report *r = p->r;
	enum { PARTS = 3 };
	const struct report_part *const parts[PARTS] = {&r->inference, &r->training, &r->other};
	money_wide size = r->total_pico < 0 ? -r->total_pico : r->total_pico;
	for (unsigned i = 0; i < r->currencies; i++) {
		const struct report_currency *c = &r->by_currency[i];
		money_wide v = c->inference_pico + c->training_pico + c->other_pico + c->unclassified_pico;
		size = v > size ? v : -v > size ? -v : size;
	}
	p->decimals = size >= 1000000 * (money_wide)PICO_PER_UNIT ? 0
		      : size >= PICO_PER_UNIT			  ? 2
		      : size >= PICO_PER_UNIT / 100		  ? 4
								  : 6;
	p->cell = CELL;
	widen(p, r->total_pico);
	for (unsigned i = 0; i < PARTS; i++) {
		widen(p, parts[i]->total_pico);
		for (unsigned k = 0; k < parts[i]->count && k < LINES_SHOWN; k++)
			widen(p, parts[i]->lines[k].cost_pico);
	}
	if (!r->currency.code[0])
		width -= width > 44 ? 4 : 0; /* each line names its currency */
	p->columns = r->columns;
	if (p->columns && width < LABEL_LEAST + p->cell * (p->columns + 1))
		p->columns = 0;
	p->label = width - (p->columns ? p->cell * (p->columns + 1) : p->cell + 2 * CELL);
	if (width < LABEL_LEAST + p->cell + 2 * CELL)
		p->label = LABEL_LEAST;
	if (p->label > LABEL_MOST)
		p->label = LABEL_MOST;
}

static void against(const struct page *p)
{
	const struct report *r = p->r;
	char a[MONEY_TEXT], b[MONEY_TEXT], c[MONEY_TEXT], d[MONEY_TEXT];
	if (!r->against)
		return;
	sb_addf(p->out, "\n%-20s%12s%12s%12s%12s\n", "Against the plan", "planned", "p10", "p90", "came");
	for (unsigned i = 0; i < r->against_count; i++) {
		const struct report_against *x = &r->against[i];
		bool in = x->came_pico >= x->low_pico && x->came_pico <= x->high_pico;
		sb_addf(p->out, "  %-18s%12s%12s%12s%12s%s\n", x->month, money_human(x->planned_pico, 2, a),
			money_human(x->low_pico, 2, b), money_human(x->high_pico, 2, c),
			money_human(x->came_pico, 2, d),
			x->partial ? "  in part"
			: in       ? ""
				   : "  outside");
	}
}

void report_text(const struct report *r, unsigned width, struct sb *out)
{
	struct page p = {.r = r, .out = out};
	if (r->empty) {
		sb_adds(out, "Nothing in the ledger for this period.\n");
		return;
	}
	lay_out(&p, width);
	head(&p);
	not_classified(&p);
	part(&p, "INFERENCE  recurs", &r->inference, r->calls, r->input_tok + r->output_tok);
	part(&p, "TRAINING   one time", &r->training, 0, 0);
	totals(&p);
	rates(&p);
	unit_cost(&p);
	per_thousand(&p);
	report_outlook(r, out);
	unknowns(&p);
	if (r->query.shares)
		sb_adds(out, "* a part of a cost that teams share (shares.yaml); (idle): nobody used it\n");
	against(&p);
	slope(&p);
}
