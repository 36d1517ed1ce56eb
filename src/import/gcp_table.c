/* SPDX-License-Identifier: Apache-2.0
 *
 * Google Cloud's cost table: the CSV that the console gives for an invoice (Billing, Cost table, Download CSV).
 *
 *	Invoice number,1234567890
 *	Invoice date,2026-08-31
 *	Currency,AUD
 *	Total amount due,"$1,000.00"
 *	Billing account name,...,Service description,Service ID,SKU description,SKU ID,...,Credit type,Cost type,
 *		Usage start date,Usage end date,Usage amount,Usage unit,Unrounded Cost ($),Cost ($)
 *
 * (Columns: "View and download the cost details of your invoice", and files as public readers of them test, read 29 Nov 2026.)
 *
 * 1. A line counts with its unrounded cost. Credits are lines of their own with the SKU that they lower, and go where
 *    it goes: so an import says the same as the one of the BigQuery export, which nets them (gcp.c).
 * 2. The currency is the one that the lines above the table name; without it the sign in the column's name.
 * 3. The last lines are no charges but sums (Total, Subtotal): they are compared with what was read, and never added.
 *    A download without credits shows an invoice that nobody was asked to pay: that is said.
 * 4. A line is a SKU's whole month: it stands on its first day. A rounding error has no day: it gets the invoice's.
 * 5. Until a month is over its lines grow: amounts and the last day of use do not tell a line from another.
 */
#include "import/cloud.h"

enum { C_START, C_END, C_SERVICE, C_SKU, C_PROJECT, C_CREDIT, C_KIND, C_AMOUNT, C_UNIT, C_COUNT };
static const char *const names[C_COUNT] = {
	"Usage start date",
	"Usage end date",
	"Service description",
	"SKU description",
	"Project ID|Project name|Project number",
	"Credit type",
	"Cost type",
	"Usage amount",
	"Usage unit",
};

struct table {
	struct cloud_columns t;
	int cost;
	struct currency currency;
	bool has_currency, has_total;
	int64_t day_us;                 /* of lines without one */
	money_wide sum, rounding, total, due;
	bool has_due;
};

/* "Unrounded Cost ($)" before "Cost ($)". */
static int cost_column(const struct csv *c)
{
	static const char *const begins[] = {"Unrounded Cost (", "Cost ("};
	for (unsigned b = 0; b < sizeof begins / sizeof *begins; b++)
		for (unsigned i = 0; i < csv_columns(c); i++)
			if (str_ieq(str_sub(csv_header(c, i), 0, strlen(begins[b])), str_of(begins[b])))
				return (int)i;
	return -1;
}

static unsigned probe(const struct csv *c)
{
	static const char *const must[] = {"Service description", "Cost type", "Usage start date", NULL};
	return header_has(c, must) && cost_column(c) >= 0 ? 100 : 0;
}

static bool tells_no_row(struct str name)
{
	return cloud_tells_no_row(name) || str_icontains(name, STR("cost (")) || str_ieq(name, STR("Usage end date"));
}

/* Rule 2. */
static bool find_currency(struct import_ctx *x, struct table *s, const struct csv *c)
{
	static const struct {
		const char *sign, *code;
	} signs[] = {{"$", "USD"}, {"\xE2\x82\xAC", "EUR"}, {"\xC2\xA3", "GBP"}};
	struct str said = csv_about(c, "Currency"), sign = csv_header(c, (unsigned)s->cost);
	if (said.n)
		return currency_parse(said, &s->currency) == 0;
	sign = str_sub(sign, str_chr(sign, '(') + 1, sign.n);
	sign = str_trim(str_sub(sign, 0, str_chr(sign, ')') == SIZE_MAX ? sign.n : str_chr(sign, ')')));
	for (unsigned i = 0; i < sizeof signs / sizeof *signs; i++)
		if (str_eqc(sign, signs[i].sign)) {
			if (!i)
				import_note(x, "no line names its currency: a bare $ is taken for US dollars");
			sign = str_of(signs[i].code);
		}
	return currency_parse(sign, &s->currency) == 0;
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct table *s = x->state;
	int64_t due;
	cloud_columns_find(&s->t, c, names, C_COUNT);
	s->cost = cost_column(c);
	s->has_currency = s->cost >= 0 && find_currency(x, s, c);
	if (read_time(csv_about(c, "Invoice date"), &s->day_us))
		s->day_us = 0;
	s->has_due = read_money(read_plain(x, csv_about(c, "Total amount due"), '.'), &due, NULL) == NULL;
	s->due = s->has_due ? due : 0;
	s->sum = s->rounding = s->total = 0;
	s->has_total = false;
	return cloud_identity(&s->t, c, tells_no_row, e);
}

static const char *when(struct table *s, struct csv *c, struct call *k)
{
	struct str start = cloud_field(&s->t, c, C_START);
	const char *why = start.n ? read_time(start, &k->start_us) : s->day_us ? NULL : "is empty, and no line above the table says the invoice's";
	if (why)
		return why;
	if (!start.n)
		k->start_us = s->day_us;
	if (read_time(cloud_field(&s->t, c, C_END), &k->end_us) || k->end_us < k->start_us)
		k->end_us = k->start_us;
	if (!s->day_us || (start.n && k->end_us > s->day_us))
		s->day_us = k->end_us;
	return NULL;
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct table *s = x->state;
	struct call *k = row_begin(x, csv_row(c));
	struct str text = read_null(csv_field(c, s->cost)), kind = cloud_field(&s->t, c, C_KIND),
		   sku = cloud_field(&s->t, c, C_SKU);
	struct str credit = cloud_field(&s->t, c, C_CREDIT);
	const char *why = read_money(read_plain(x, text, '.'), &k->billed_pico, NULL);
	if (str_ieq(kind, STR("Total")) || str_ieq(kind, STR("Subtotal"))) { /* rule 3 */
		s->has_total = !why;
		s->total = why ? 0 : k->billed_pico;
		return 0;
	}
	if (why)
		return row_reject(x, csv_row(c), "the cost '%.*s' %s", STR_ARG(text), why);
	if (!s->has_currency)
		return row_reject(x, csv_row(c), "no line above the table names a currency ('%.*s')", STR_ARG(csv_about(c, "Currency")));
	if ((why = when(s, c, k)) != NULL)
		return row_reject(x, csv_row(c), "the usage start date '%.*s' %s",
				  STR_ARG(cloud_field(&s->t, c, C_START)), why);
	if (k->end_us > k->start_us)
		import_note(x, "Google's cost table has one line a month and SKU: its money stands on the first day of use");
	if (!credit.n && cloud_is_use(kind))
		gcp_pieces(x, sku, cloud_field(&s->t, c, C_UNIT), read_plain(x, cloud_field(&s->t, c, C_AMOUNT), '.'));
	s->sum += k->billed_pico;
	s->rounding += str_icontains(kind, STR("rounding")) ? k->billed_pico : 0;
	k->calls = 0;
	k->currency = intern(str_of(s->currency.code));
	k->provider = intern(STR("google"));
	k->model_answered = k->model_asked = cloud_name(sku.n ? sku : kind);
	k->project = cloud_name(cloud_field(&s->t, c, C_PROJECT));
	x->claimed = text;
	x->class_source = "gcp";
	fact(x, CF_CHARGE, credit.n && !sku.n ? STR("credit") : cloud_is_use(kind) ? STR("") : kind);
	fact(x, CF_SERVICE, cloud_field(&s->t, c, C_SERVICE));
	fact(x, CF_TYPE, sku);
	cloud_key(x, &s->t, c);
	if (!cloud_field(&s->t, c, C_START).n) { /* else each invoice's rounding error would be the same line */
		char day[TIME_TEXT];
		key_add(x, str_sub(str_of(time_date(k->start_us, day)), 0, 7));
		key_add(x, csv_about(c, "Billing account ID"));
	}
	return row_end(x, e);
}

/* Rule 3: whether a total holds the rounding error, both readings of it agree. */
static int end(struct import_ctx *x, struct err *e)
{
	const struct table *s = x->state;
	static const money_wide cent = PICO_PER_UNIT / 100;
	char a[MONEY_TEXT], b[MONEY_TEXT];
	(void)e;
	if (s->has_total && money_apart(s->total, s->sum) > cent && money_apart(s->total, s->sum - s->rounding) > cent)
		import_note(x, "its own total is %s, its lines are %s: a line is missing or was refused", money_text(s->total, a),
			    money_text(s->sum, b));
	if (s->has_due && money_apart(s->due, s->sum) > cent)
		import_note(x, "%s is due by the invoice, the lines are %s: was it downloaded without its credits?", money_text(s->due, a),
			    money_text(s->sum, b));
	return 0;
}

static void state_free(struct import_ctx *x)
{
	cloud_columns_free(&((struct table *)x->state)->t);
}

const struct import_source source_gcp_table = {
	.name = "gcp-table",
	.title = "Google Cloud's cost table of an invoice, from the console (CSV)",
	.flags = SRC_OCCURRENCE,
	.state_bytes = sizeof(struct table),
	.probe_csv = probe,
	.file_begin = begin,
	.csv_row = row,
	.file_end = end,
	.state_free = state_free,
};
