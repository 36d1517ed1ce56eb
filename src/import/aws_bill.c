/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS's bill as the console gives it: Bills, "Download all to CSV", and the monthly and cost allocation reports of the
 * same columns (RecordType, CostBeforeTax, Credits, TaxAmount, TotalCost: "Monthly cost allocation report", AWS Billing
 * user guide, and files as public readers of them test, read 29 November 2026).
 *
 * 1. A line's cost before tax counts as what its usage type is; its credits and its tax are rows beside it.
 * 2. Where accounts pay together, lines stand for the payer, for each linked account, or for both, and the payer's may
 *    be the sum of the others. What counts is what adds up to the bill's own total; where neither does, that is said.
 * 3. Totals are never lines. A line is a month's use of one usage type and stands on its first day.
 * 4. A later bill of the month replaces the earlier one. It is the same money as the month's cost report (aws_cur.c).
 */
#include "import/cloud.h"

enum { C_RECORD, C_TOTAL, C_COST, C_CREDITS, C_TAX, C_CURRENCY, C_START, C_END, C_PERIOD_START, C_PERIOD_END,
	C_PRODUCT, C_NAME, C_USAGE, C_OPERATION, C_TEXT, C_AMOUNT, C_PAYER, C_LINKED, C_COUNT };
static const char *const names[C_COUNT] = {
	"RecordType", "TotalCost", "CostBeforeTax", "Credits", "TaxAmount", "CurrencyCode", "UsageStartDate",
	"UsageEndDate", "BillingPeriodStartDate", "BillingPeriodEndDate", "ProductCode", "ProductName", "UsageType",
	"Operation", "ItemDescription", "UsageQuantity", "PayerAccountId", "LinkedAccountId",
};

enum line { LINE_PAYER, LINE_LINKED, LINE_OTHER, LINE_NONE };

struct bill {
	struct cloud_columns t;
	bool counts[LINE_NONE + 1]; /* rule 2 */
	bool has_total;
	money_wide total, sum;
	struct cloud_periods periods;
};

static unsigned probe(const struct csv *c)
{
	static const char *const must[] = {"RecordType", "CostBeforeTax", "TotalCost", "UsageType", NULL};
	return header_has(c, must) ? 100 : 0;
}

static bool not_identity(struct str name)
{
	static const char other[] = "recordid|invoicedate|usageenddate|billingperiodenddate|taxationaddress|payerponumber|"
				    "*accountname|sellerofrecord|credits|taxtype";
	return cloud_tells_no_row(name) || class_pattern_matches(STR(other), name);
}

static enum line line_of(struct str record)
{
	return str_ieq(record, STR("PayerLineItem"))    ? LINE_PAYER
	       : str_ieq(record, STR("LinkedLineItem")) ? LINE_LINKED
	       : str_icontains(record, STR("Rounding")) ? LINE_OTHER
							: LINE_NONE;
}

/* Replacement is bound to the payer's account. */
static void scope(struct csv *c, char *out, size_t size)
{
	cloud_scope(c, names, C_COUNT, C_PAYER, out, size);
}

/* Rule 2: once through the file for its own total and for what stands in each kind of line. */
static void choose(const struct import_ctx *x, struct bill *s)
{
	money_wide of[LINE_NONE + 1] = {0}, statement = 0, invoices = 0, least = 0;
	bool has_statement = false, has_invoice = false;
	uint64_t lines[LINE_NONE + 1] = {0};
	struct csv *all = csv_open(x->path, NULL);
	int rc = 1;
	for (unsigned i = 0; all && i < x->lines_above; i++)
		csv_header_next(all, NULL);
	while (all && (rc = csv_next(all, NULL)) != 0) {
		struct str record = rc > 0 ? cloud_field(&s->t, all, C_RECORD) : STR("");
		enum line line = line_of(record);
		int64_t pico;
		if (rc < 0 || read_money(cloud_field(&s->t, all, C_TOTAL), &pico, NULL))
			continue;
		of[line] += pico;
		lines[line]++;
		statement += str_ieq(record, STR("StatementTotal")) ? pico : 0;
		invoices += str_ieq(record, STR("InvoiceTotal")) ? pico : 0;
		has_statement |= str_ieq(record, STR("StatementTotal"));
		has_invoice |= str_ieq(record, STR("InvoiceTotal"));
	}
	if (all)
		csv_close(all);
	s->has_total = has_statement || has_invoice;
	s->total = has_statement ? statement : invoices;
	s->counts[LINE_PAYER] = s->counts[LINE_LINKED] = s->counts[LINE_OTHER] = true;
	if (!lines[LINE_PAYER] || !lines[LINE_LINKED])
		return;
	if (!s->has_total) { /* equal sums are one sum said twice */
		s->counts[LINE_PAYER] = of[LINE_PAYER] != of[LINE_LINKED];
		return;
	}
	for (unsigned set = 0; set < 3; set++) { /* the accounts first: they say more than their sum */
		bool linked = set != 1, payer = set != 0;
		money_wide sum = (linked ? of[LINE_LINKED] : 0) + (payer ? of[LINE_PAYER] : 0) + of[LINE_OTHER];
		money_wide off = money_apart(sum, s->total);
		if (set && off >= least)
			continue;
		least = off;
		s->counts[LINE_LINKED] = linked;
		s->counts[LINE_PAYER] = payer;
	}
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct bill *s = x->state;
	cloud_columns_find(&s->t, c, names, C_COUNT);
	s->sum = 0;
	choose(x, s);
	return cloud_identity(&s->t, c, not_identity, e);
}

/* "2026/10/01 00:00:00", which stands in UTC. */
static const char *read_day(struct import_ctx *x, struct str text, int64_t *us)
{
	struct str iso = arena_str(&x->arena, text);
	for (size_t i = 0; i < iso.n; i++)
		if (iso.p[i] == '/')
			((char *)(uintptr_t)iso.p)[i] = '-';
	return read_time(iso, us);
}

/* Rule 4. */
static int period(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct bill *s = x->state;
	int64_t from_us, to_us;
	if (read_day(x, cloud_field(&s->t, c, C_PERIOD_START), &from_us) ||
	    read_day(x, cloud_field(&s->t, c, C_PERIOD_END), &to_us) || to_us <= from_us)
		return 0;
	return cloud_reports(x, &s->periods, from_us, to_us + 1, false, e);
}

/* A line's amounts, and the charge that each is, "" for the cost itself. */
enum { AMOUNTS = 3 };
static const struct {
	uint8_t column;
	const char *charge, *words;
} amounts[AMOUNTS] = {{C_COST, "", "cost before tax"}, {C_CREDITS, "Credit", "credit"}, {C_TAX, "Tax", "tax"}};

struct read {
	int64_t pico[AMOUNTS];
	struct currency currency;
	int64_t start_us, end_us;
};

/* All of a line, or nothing: false where it was rejected. */
static bool read_line(struct import_ctx *x, struct csv *c, struct read *v)
{
	struct bill *s = x->state;
	struct str text = cloud_field(&s->t, c, C_CURRENCY);
	char from[TIME_TEXT], to[TIME_TEXT];
	const char *what = "currency", *why = currency_parse(text, &v->currency) ? "is no currency code" : NULL;
	for (unsigned i = 0; i < AMOUNTS && !why; i++) {
		text = cloud_field(&s->t, c, amounts[i].column);
		what = amounts[i].words;
		v->pico[i] = 0;
		why = i && !text.n ? NULL : read_money(text, &v->pico[i], NULL);
	}
	if (!why) {
		text = cloud_field(&s->t, c, cloud_field(&s->t, c, C_START).n ? C_START : C_PERIOD_START);
		what = "usage start date";
		why = read_day(x, text, &v->start_us);
	}
	if (why) {
		row_reject(x, csv_row(c), "the %s '%.*s' %s", what, STR_ARG(text), why);
		return false;
	}
	if (read_day(x, cloud_field(&s->t, c, C_END), &v->end_us) || v->end_us < v->start_us)
		v->end_us = v->start_us;
	if (v->end_us - v->start_us > US_PER_DAY)
		import_note(x, "AWS's bill has one line a month and usage type: its money stands on the first day (figures a month: "
			       "report --since %s --until %s)", time_date(v->start_us, from), time_date(v->end_us, to));
	return true;
}

/* One of a line's amounts as a row of its own. */
static int put(struct import_ctx *x, struct csv *c, const struct read *v, unsigned which, struct err *e)
{
	struct bill *s = x->state;
	struct str usage = cloud_field(&s->t, c, C_USAGE), product = cloud_field(&s->t, c, C_NAME);
	struct str model = aws_model(usage, product), linked = cloud_field(&s->t, c, C_LINKED);
	struct str charge = str_of(amounts[which].charge);
	struct call *k = row_begin(x, csv_row(c));
	struct token_words w;
	if (!which) {
		token_words_read(usage, &w);
		if (w.tokens)
			cloud_tokens(x, &w, cloud_field(&s->t, c, C_AMOUNT), aws_unit(usage, STR("")));
		if (line_of(cloud_field(&s->t, c, C_RECORD)) == LINE_OTHER)
			charge = STR("rounding_error");
	}
	k->billed_pico = v->pico[which];
	k->start_us = v->start_us;
	k->end_us = v->end_us;
	k->calls = 0;
	k->currency = intern(str_of(v->currency.code));
	k->provider = intern(STR("aws"));
	model = model.n ? model : product.n ? product : cloud_field(&s->t, c, C_PRODUCT);
	k->model_answered = k->model_asked = cloud_name(model);
	k->project = cloud_name(linked.n ? linked : cloud_field(&s->t, c, C_PAYER));
	x->claimed = cloud_field(&s->t, c, amounts[which].column);
	x->class_source = "aws";
	fact(x, CF_CHARGE, charge);
	fact(x, CF_SERVICE, cloud_field(&s->t, c, C_PRODUCT));
	fact(x, CF_TYPE, usage);
	fact(x, CF_OPERATION, cloud_field(&s->t, c, C_OPERATION));
	fact(x, CF_TEXT, cloud_field(&s->t, c, C_TEXT));
	fact(x, CF_RESOURCE, product);
	cloud_key(x, &s->t, c);
	key_add(x, charge);
	s->sum += k->billed_pico;
	return row_end(x, e);
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct bill *s = x->state;
	struct read v;
	int rc;
	if (!s->counts[line_of(cloud_field(&s->t, c, C_RECORD))] || !read_line(x, c, &v))
		return 0;
	rc = period(x, c, e);
	for (unsigned i = 0; i < AMOUNTS && !rc; i++)
		if (!i || v.pico[i])
			rc = put(x, c, &v, i, e);
	return rc;
}

static int end(struct import_ctx *x, struct err *e)
{
	const struct bill *s = x->state;
	char a[MONEY_TEXT], b[MONEY_TEXT];
	(void)e;
	if (s->has_total && money_apart(s->total, s->sum) > PICO_PER_UNIT / 100)
		import_note(x, "its own total is %s, its lines are %s: a line is missing or was refused", money_text(s->total, a),
			    money_text(s->sum, b));
	return 0;
}

static void state_free(struct import_ctx *x)
{
	cloud_columns_free(&((struct bill *)x->state)->t);
}

const struct import_source source_aws_bill = {
	.name = "aws-bill",
	.title = "AWS's bill from the console, and its monthly and cost allocation reports (CSV)",
	.flags = SRC_OCCURRENCE,
	.state_bytes = sizeof(struct bill),
	.probe_csv = probe,
	.scope = scope,
	.file_begin = begin,
	.csv_row = row,
	.file_end = end,
	.state_free = state_free,
};
