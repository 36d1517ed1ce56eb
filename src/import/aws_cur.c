/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Cost and Usage Reports: CUR 2.0 (line_item_unblended_cost) and the legacy ones (lineItem/UnblendedCost), CSV.
 *
 * 1. A row counts with its unblended cost, whatever its line item type: together they are the invoice.
 * 2. identity_line_item_id is not stable from refresh to refresh, so a billing period of a payer is replaced as a
 *    whole: what a later report does not repeat stops counting. A file that repeats nothing is a further part of the
 *    report.
 * 3. Bedrock's tokens stand in five grammars of usage types; those of the marketplace are per million, the others per
 *    thousand (an AWS sample measured on live price files, July 2026: sources.md 2.5). Marketplace models have an
 *    opaque product code: they are told by the product's name.
 * 4. What a row is, training or inference, is for classify.csv, by usage type and operation.
 * 5. Ten million rows are of some thousand kinds (the same texts in all columns that say what was metered): what a
 *    kind is, its model, tokens and class, is found out once.
 */
#include "import/cloud.h"

enum { C_START, C_END, C_PERIOD_START, C_PERIOD_END, C_TYPE, C_PRODUCT, C_USAGE, C_OPERATION, C_AMOUNT, C_COST,
	C_CURRENCY, C_UNIT, C_TEXT, C_NAME, C_PAYER, C_ACCOUNT, C_REGION, C_TAGS, C_PRODUCT_MAP, C_COUNT };
static const char *const names[C_COUNT] = {
	"line_item_usage_start_date|lineItem/UsageStartDate", "line_item_usage_end_date|lineItem/UsageEndDate",
	"bill_billing_period_start_date|bill/BillingPeriodStartDate", "bill_billing_period_end_date|bill/BillingPeriodEndDate",
	"line_item_line_item_type|lineItem/LineItemType", "line_item_product_code|lineItem/ProductCode",
	"line_item_usage_type|lineItem/UsageType", "line_item_operation|lineItem/Operation",
	"line_item_usage_amount|lineItem/UsageAmount", "line_item_unblended_cost|lineItem/UnblendedCost",
	"line_item_currency_code|lineItem/CurrencyCode", "pricing_unit|pricing/unit",
	"line_item_line_item_description|lineItem/LineItemDescription", "product_product_name|product/ProductName|product_name",
	"bill_payer_account_id|bill/PayerAccountId", "line_item_usage_account_id|lineItem/UsageAccountId",
	"product_region_code|product/regionCode|product/region", "resource_tags", "product",
};

enum { KINDS = 8192, PERIOD_TEXT = 40 };

/* Rule 5. */
struct kind {
	struct hash128 key;
	struct token_words w;
	uint64_t per;
	uint32_t model, surface, class_rule;
	uint8_t book;
	bool used;
};

struct cur {
	struct cloud_columns t;
	struct cloud_periods periods;
	char period_text[2][PERIOD_TEXT]; /* of the last row: nearly always the next one's too */
	struct kind kind[KINDS];
};

/* What was left out of a report's columns is not there; these two are in no other file. */
static unsigned probe(const struct csv *c)
{
	static const char *const two[] = {"line_item_unblended_cost", "line_item_usage_start_date", NULL};
	static const char *const legacy[] = {"lineItem/UnblendedCost", "lineItem/UsageStartDate", NULL};
	return header_has(c, two) || header_has(c, legacy) ? 100 : 0;
}

/* Ids of the row, amounts, rates and ratios do not say which row it is. */
static bool not_identity(struct str name)
{
	return str_icontains(name, STR("identity")) || str_icontains(name, STR("cost")) || cloud_is_amount(name) ||
	       str_icontains(name, STR("factor")) || str_icontains(name, STR("InvoiceId")) ||
	       str_icontains(name, STR("invoice_id"));
}

/* The length of what stands before a tag's name in a column's, 0 for a column of none. */
static size_t tag_prefix(struct str column)
{
	return str_starts(column, STR("resourceTags/")) ? 13 : str_starts(column, STR("resource_tags_")) ? 14 : 0;
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	static const uint8_t told_by[] = {C_TYPE, C_PRODUCT, C_USAGE,       C_OPERATION, C_UNIT,
					  C_TEXT, C_NAME,    C_PRODUCT_MAP, C_TAGS};
	struct cur *s = x->state;
	int rc;
	cloud_columns_find(&s->t, c, names, C_COUNT);
	rc = cloud_identity(&s->t, c, not_identity, e);
	if (rc)
		return rc;
	/* every text that the rules of kinds look at */
	for (unsigned i = 0; i < sizeof told_by; i++)
		if (s->t.at[told_by[i]] >= 0)
			s->t.kind[s->t.at[told_by[i]]] = true;
	for (unsigned i = 0; i < s->t.columns; i++)
		if (tag_prefix(csv_header(c, i)))
			s->t.kind[i] = true;
	return 0;
}

/* Replacement is bound to the payer's account. */
static void scope(struct csv *c, char *out, size_t size)
{
	cloud_scope(c, names, C_COUNT, C_PAYER, out, size);
}

/* Rule 2. */
static int replace_period(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct cur *s = x->state;
	struct str from = cloud_field(&s->t, c, C_PERIOD_START), to = cloud_field(&s->t, c, C_PERIOD_END);
	int64_t from_us, to_us;
	bool fits = from.n < sizeof s->period_text[0] && to.n < sizeof s->period_text[1];
	if (fits && from.n && str_eqc(from, s->period_text[0]) && str_eqc(to, s->period_text[1]))
		return 0;
	str_copy(s->period_text[0], sizeof s->period_text[0], from);
	str_copy(s->period_text[1], sizeof s->period_text[1], to);
	if (read_time(from, &from_us) || read_time(to, &to_us) || to_us <= from_us)
		return 0;
	return cloud_reports(x, &s->periods, from_us, to_us, true, e);
}

/* Rule 3: "USE1-Claude3Haiku-input-tokens" is Claude3Haiku, "USE1-Train:ml.p5.48xlarge" the machine; a marketplace
 * product's name stands without its edition. */
struct str aws_model(struct str usage, struct str product)
{
	static const char *const ends[] = {
		"-mantle",      "-input",   "-output",     "-cache",       "-Customization",         "-custom-model",
		"-CustomModel", "-speech-", "-text-input", "-text-output", "-ProvisionedThroughput", "-T2I",
		"-I2I",         "-T2V",     "-I2V"};
	struct str m = usage, machine;
	size_t dash = str_chr(usage, '-');
	if (str_icontains(product, STR("Bedrock Edition")))
		return str_trim(
			str_sub(product, 0, str_chr(product, '(') == SIZE_MAX ? product.n : str_chr(product, '(')));
	if (dash != SIZE_MAX && dash <= 5)
		m = str_sub(usage, dash + 1, usage.n);
	machine = str_sub(m, str_chr(m, ':') == SIZE_MAX ? m.n : str_chr(m, ':') + 1, m.n);
	if (str_contains(machine, STR(".")) &&
	    (str_ends(machine, STR("large")) || str_ends(machine, STR("metal")) || str_starts(machine, STR("ml."))))
		return machine;
	size_t cut = m.n;
	for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
		const char *at = memmem(m.p, m.n, ends[i], strlen(ends[i]));
		if (at && at > m.p && (size_t)(at - m.p) < cut)
			cut = (size_t)(at - m.p);
	}
	return cut < m.n ? str_sub(m, 0, cut) : STR("");
}

uint64_t aws_unit(struct str usage, struct str unit)
{
	if (str_icontains(unit, STR("1M")) || str_icontains(unit, STR("million")))
		return 1000000;
	if (str_icontains(unit, STR("1K")) || str_icontains(unit, STR("thousand")))
		return 1000;
	return str_contains(usage, STR("MP:")) ? 1000000 : 1000;
}

/* Tags as name=value: one map in CUR 2.0, a column each in the legacy report (in Athena's spelling too). */
static struct str tags(struct import_ctx *x, const struct cur *s, struct csv *c)
{
	struct sb b;
	struct str out;
	if (s->t.at[C_TAGS] >= 0)
		return cloud_tags(x, cloud_field(&s->t, c, C_TAGS));
	sb_init(&b, 16384);
	for (unsigned i = 0; i < s->t.columns; i++) {
		struct str v = read_null(csv_field(c, (int)i));
		size_t at = v.n ? tag_prefix(csv_header(c, i)) : 0;
		if (at)
			sb_addf(&b, "%.*s=%.*s;", STR_ARG(str_sub(csv_header(c, i), at, SIZE_MAX)), STR_ARG(v));
	}
	out = b.n ? arena_str(&x->arena, sb_str(&b)) : STR("");
	sb_fini(&b);
	return out;
}

static struct str product_name(struct import_ctx *x, const struct cur *s, struct csv *c)
{
	struct str name = cloud_field(&s->t, c, C_NAME), map = cloud_field(&s->t, c, C_PRODUCT_MAP);
	struct json v;
	if (!name.n && map.n && json_parse(map, &v, NULL) == 0)
		name = json_text(x, json_get(v, "product_name"));
	return name;
}

static void say(struct import_ctx *x, const struct cur *s, struct csv *c, struct str usage, struct str product)
{
	fact(x, CF_CHARGE, cloud_field(&s->t, c, C_TYPE));
	fact(x, CF_SERVICE, cloud_field(&s->t, c, C_PRODUCT));
	fact(x, CF_TYPE, usage);
	fact(x, CF_OPERATION, cloud_field(&s->t, c, C_OPERATION));
	fact(x, CF_TEXT, cloud_field(&s->t, c, C_TEXT));
	fact(x, CF_RESOURCE, product);
	fact(x, CF_TAG, tags(x, s, c));
}

static struct kind *kind_at(struct cur *s, struct hash128 key)
{
	struct kind *k = &s->kind[key.lo % KINDS];
	if (!k->used || k->key.hi != key.hi || k->key.lo != key.lo)
		*k = (struct kind){.key = key};
	return k;
}

static void find_out(struct import_ctx *x, const struct cur *s, struct csv *c, struct kind *k)
{
	struct str usage = cloud_field(&s->t, c, C_USAGE), product = product_name(x, s, c),
		   model = aws_model(usage, product);
	token_words_read(usage, &k->w);
	k->w.tokens = k->w.tokens && cloud_is_use(cloud_field(&s->t, c, C_TYPE));
	k->per = aws_unit(usage, cloud_field(&s->t, c, C_UNIT));
	k->model = cloud_name(model.n ? model : product.n ? product : cloud_field(&s->t, c, C_PRODUCT));
	say(x, s, c, usage, product);
	row_classify(x);
	k->book = x->call.book;
	k->surface = x->call.surface;
	k->class_rule = x->call.class_rule;
	k->used = true;
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct cur *s = x->state;
	struct call *k = row_begin(x, csv_row(c));
	struct str cost = cloud_field(&s->t, c, C_COST), start = cloud_field(&s->t, c, C_START);
	struct kind *kind;
	struct currency cur;
	const char *why = read_money(cost, &k->billed_pico, NULL);
	int rc;
	if (why)
		return row_reject(x, csv_row(c), "the unblended cost '%.*s' %s", STR_ARG(cost), why);
	if (currency_parse(cloud_field(&s->t, c, C_CURRENCY), &cur))
		return row_reject(x, csv_row(c), "'%.*s' is no currency code",
				  STR_ARG(cloud_field(&s->t, c, C_CURRENCY)));
	if ((why = read_time(start, &k->start_us)) != NULL)
		return row_reject(x, csv_row(c), "the usage start date '%.*s' %s", STR_ARG(start), why);
	if (read_time(cloud_field(&s->t, c, C_END), &k->end_us))
		k->end_us = k->start_us;
	rc = replace_period(x, c, e);
	if (rc)
		return rc;
	if (str_icontains(cloud_field(&s->t, c, C_TYPE), STR("RecurringFee")) || str_ieq(cloud_field(&s->t, c, C_TYPE), STR("RIFee")))
		import_note(x, "fees of Savings Plans and reservations do not say what they were used for: they are not classified");
	kind = kind_at(s, cloud_key(x, &s->t, c));
	if (!kind->used)
		find_out(x, s, c, kind);
	if (kind->w.tokens)
		cloud_tokens(x, &kind->w, cloud_field(&s->t, c, C_AMOUNT), kind->per);
	k->book = kind->book;
	k->surface = kind->surface;
	k->class_rule = kind->class_rule;
	x->classified = true;
	k->calls = 0;
	k->currency = intern(str_of(cur.code));
	k->provider = intern(STR("aws"));
	k->model_answered = k->model_asked = kind->model;
	k->project = cloud_name(cloud_field(&s->t, c, C_ACCOUNT));
	k->region = cloud_name(cloud_field(&s->t, c, C_REGION));
	x->claimed = cost;
	return row_end(x, e);
}

static void state_free(struct import_ctx *x)
{
	cloud_columns_free(&((struct cur *)x->state)->t);
}

const struct import_source source_aws = {
	.name = "aws",
	.title = "AWS Cost and Usage Reports, CUR 2.0 and legacy (CSV): Bedrock, SageMaker and all else",
	.flags = SRC_OCCURRENCE,
	.state_bytes = sizeof(struct cur),
	.probe_csv = probe,
	.scope = scope,
	.file_begin = begin,
	.csv_row = row,
	.state_free = state_free,
};
