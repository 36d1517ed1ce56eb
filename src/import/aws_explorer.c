/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Cost Explorer's download: a day or a month in each line, what it is grouped by in each column.
 *
 *	"Usage type","USE1-Claude3Haiku-input-tokens($)",...,"Total costs($)"
 *	"Usage type total","12.5",...,"100.25"
 *	"2026-10-01","1.25",...,"10.5"
 *
 * (As public readers of such files test them, read 29 November 2026.)
 *
 * 1. Every cell with money in it is a row. What it is is told by the column: best by usage type; by service SageMaker
 *    and Bedrock may be either.
 * 2. The line of totals is no row; a line's own total is compared with its cells.
 * 3. A month stands on its first day. It is the same money as the cost report (aws_cur.c) and the bill (aws_bill.c).
 */
#include "import/cloud.h"

struct table {
	int total; /* its column */
	int64_t last_us;
};

static bool is_total(struct str name)
{
	return str_ieq(name, STR("Total costs($)")) || str_ieq(name, STR("Total costs ($)"));
}

/* "S3($)" is S3; empty where it is no column of money. */
static struct str group_of(struct str name)
{
	return str_ends(name, STR("($)")) ? str_trim(str_sub(name, 0, name.n - 3)) : STR("");
}

static unsigned probe(const struct csv *c)
{
	unsigned money = 0, totals = 0;
	for (unsigned i = 1; i < csv_columns(c); i++) {
		money += group_of(csv_header(c, i)).n != 0;
		totals += is_total(csv_header(c, i));
	}
	return totals == 1 && money == csv_columns(c) - 1 ? 100 : 0;
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct table *s = x->state;
	(void)e;
	s->total = -1;
	s->last_us = 0;
	for (unsigned i = 1; i < csv_columns(c); i++)
		if (is_total(csv_header(c, i)))
			s->total = (int)i;
	if (str_ieq(csv_header(c, 0), STR("Service")))
		import_note(x, "grouped by service, SageMaker and Bedrock may be training or inference: group by usage type");
	return 0;
}

/* Rule 1. */
static int cell(struct import_ctx *x, struct csv *c, unsigned i, int64_t start_us, int64_t pico, struct err *e)
{
	struct str by = csv_header(c, 0), group = group_of(csv_header(c, i)), model;
	bool usage = str_ieq(by, STR("Usage type")), service = str_ieq(by, STR("Service"));
	struct call *k = row_begin(x, csv_row(c));
	model = aws_model(usage ? group : STR(""), usage ? STR("") : group);
	k->billed_pico = pico;
	k->start_us = k->end_us = start_us;
	k->calls = 0;
	k->currency = intern(STR("USD"));
	k->provider = intern(STR("aws"));
	k->model_answered = k->model_asked = cloud_name(model.n ? model : group);
	if (str_icontains(by, STR("account")))
		k->project = cloud_name(group);
	x->claimed = csv_field(c, (int)i);
	x->class_source = "aws";
	fact(x, CF_CHARGE, str_ieq(group, STR("Tax")) ? STR("Tax") : STR(""));
	fact(x, CF_SERVICE, service ? group : STR(""));
	fact(x, CF_RESOURCE, service ? group : STR(""));
	fact(x, CF_TYPE, usage ? group : STR(""));
	fact(x, CF_OPERATION, str_icontains(by, STR("operation")) ? group : STR(""));
	fact(x, CF_TEXT, usage || service ? STR("") : group);
	key_add_u64(x, (uint64_t)start_us);
	key_add(x, by);
	key_add(x, group);
	return row_end(x, e);
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct table *s = x->state;
	struct str day = str_trim(csv_field(c, 0)), text = STR("");
	money_wide sum = 0;
	const char *why;
	char a[MONEY_TEXT], b[MONEY_TEXT];
	int64_t start_us, pico, total;
	int rc = 0;
	if (str_ends(day, STR(" total"))) /* rule 2 */
		return 0;
	why = read_time(day, &start_us);
	if (why)
		return row_reject(x, csv_row(c), "the date '%.*s' %s", STR_ARG(day), why);
	for (unsigned i = 1; i < csv_columns(c) && !why; i++) { /* all of a line, or nothing */
		text = str_trim(csv_field(c, (int)i));
		why = text.n ? read_money(text, &pico, NULL) : NULL;
	}
	if (why)
		return row_reject(x, csv_row(c), "the cost '%.*s' %s", STR_ARG(text), why);
	for (unsigned i = 1; i < csv_columns(c) && !rc; i++) {
		text = str_trim(csv_field(c, (int)i));
		if ((int)i == s->total || !text.n || read_money(text, &pico, NULL) || !pico)
			continue;
		sum += pico;
		rc = cell(x, c, i, start_us, pico, e);
	}
	text = str_trim(csv_field(c, s->total));
	if (text.n && !read_money(text, &total, NULL) && money_apart(sum, total) > PICO_PER_UNIT / 100)
		import_note(x, "the total of %.*s is %s, its cells are %s: the download has left groups out", STR_ARG(day),
			    money_text(total, a), money_text(sum, b));
	if (s->last_us && start_us - s->last_us > 27 * US_PER_DAY)
		import_note(x, "a line of it is a month: its money stands on the month's first day (download it by day)");
	s->last_us = start_us;
	return rc;
}

const struct import_source source_aws_explorer = {
	.name = "aws-explorer",
	.title = "AWS Cost Explorer's download, by day or month (CSV)",
	.flags = SRC_CELLS,
	.state_bytes = sizeof(struct table),
	.probe_csv = probe,
	.file_begin = begin,
	.csv_row = row,
};
