/* SPDX-License-Identifier: Apache-2.0
 *
 * FOCUS 1.0 to 1.4, the FinOps Foundation's bill format (any vendor; also Azure's and AWS's FOCUS exports).
 *
 * 1. A row's money is its BilledCost, in its BillingCurrency, with its sign: what the invoice says. A prepaid
 *    purchase is billed when it is bought (EffectiveCost 0), its use later is billed 0: both are kept as they stand.
 * 2. A row has no number of its own. What makes it that row are all its columns but prices, costs and quantities;
 *    rows that are equal in those are told apart by their order. So a later export of the same period with new
 *    amounts revises, and does not add.
 * 3. Columns differ from version to version (ProviderName is ServiceProviderName from 1.3 on): found by name.
 * 4. Null is empty, or the text NULL (FOCUS-Sample-Data, 1.0).
 * 5. Dates as 4/1/25 (the SaaS examples of the 1.2 specification) are read only if the row itself proves the order:
 *    its billing period begins and ends on the first of a month when read that way.
 */
#include <stdlib.h>

#include "import/cloud.h"

#define COLUMNS(X)                                                                                                     \
	X(billed, "BilledCost")                                                                                        \
	X(currency, "BillingCurrency") X(charge, "ChargeCategory") X(start, "ChargePeriodStart")                       \
		X(end, "ChargePeriodEnd") X(category, "ServiceCategory") X(service, "ServiceName") X(                  \
			provider, "ServiceProviderName") X(provider_old, "ProviderName") X(project, "SubAccountId")    \
			X(region, "RegionId") X(quantity, "ConsumedQuantity") X(unit, "ConsumedUnit") X(               \
				priced_quantity, "PricingQuantity") X(priced_unit, "PricingUnit") X(meter, "SkuMeter") \
				X(sku, "SkuId") X(details, "SkuPriceDetails") X(text, "ChargeDescription")             \
					X(resource, "ResourceType") X(tags, "Tags") X(meter_azure, "x_SkuMeterName")   \
						X(usage_type, "x_UsageType") X(operation, "x_Operation")               \
							X(model, "x_Model") X(period_start, "BillingPeriodStart")      \
								X(period_end, "BillingPeriodEnd")

struct focus {
#define X(name, text) int name;
	COLUMNS(X)
#undef X
	struct slash dates;
	unsigned columns;
	bool *identity;          /* of each column: rule 2 */
	uint64_t *column_hash;
};

static unsigned probe(const struct csv *c)
{
	static const char *const must[] = {"BilledCost", "BillingCurrency", "ChargeCategory", "ChargePeriodStart",
					   NULL};
	return header_has(c, must) ? 100 : 0;
}

static void free_columns(struct import_ctx *x)
{
	struct focus *f = x->state;
	free(f->identity);
	free(f->column_hash);
	f->identity = NULL;
	f->column_hash = NULL;
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct focus *f = x->state;
	free_columns(x);
#define X(name, text) f->name = csv_column(c, text);
	COLUMNS(X)
#undef X
	f->dates = (struct slash){.column = {f->period_start, f->period_end, f->start, f->end}};
	f->columns = csv_columns(c);
	f->identity = calloc(f->columns, sizeof *f->identity);
	f->column_hash = calloc(f->columns, sizeof *f->column_hash);
	if (!f->identity || !f->column_hash)
		return err_set(e, RR_NOMEM, "out of memory for %u columns", f->columns);
	for (unsigned i = 0; i < f->columns; i++) {
		struct str name = csv_header(c, i);
		f->identity[i] = !cloud_tells_no_row(name);
		f->column_hash[i] = cloud_name_hash(name);
	}
	return 0;
}

/* Rule 2; the sum does not depend on the order of the columns, nor on columns that are empty. */
static void identify(struct import_ctx *x, const struct focus *f, struct csv *c)
{
	struct hash128 sum = {0, 0};
	for (unsigned i = 0; i < f->columns; i++) {
		struct str v = f->identity[i] ? read_null(csv_field(c, (int)i)) : STR("");
		if (v.n) {
			uint64_t lo = hash_xxh3_seed(v.p, v.n, f->column_hash[i]);
			sum.lo += lo;
			sum.hi += hash_xxh3_seed(v.p, v.n, ~f->column_hash[i]);
		}
	}
	key_add_u64(x, sum.hi);
	key_add_u64(x, sum.lo);
}

/* Rule 5. */
static bool month_first(struct csv *c, const struct focus *f)
{
	unsigned a[3], b[3];
	return slash_date(str_trim(csv_field(c, f->period_start)), a) &&
	       slash_date(str_trim(csv_field(c, f->period_end)), b) && a[0] <= 12 && b[0] <= 12 && a[1] == 1 &&
	       b[1] == 1 && (a[0] != 1 || b[0] != 1);
}

static const char *charge_time(const struct import_ctx *x, struct csv *c, struct focus *f, int column, int64_t *us)
{
	if (f->dates.order == SLASH_UNKNOWN && month_first(c, f))
		f->dates.order = SLASH_MONTH_FIRST;
	return slash_time(x, &f->dates, c, read_null(csv_field(c, column)), us);
}

/* Whose bill it is: the rules that know its meters, and how its units count. */
enum vendor { V_OTHER, V_AWS, V_AZURE, V_GCP, V_OPENAI };
static const struct {
	const char *word;
	enum vendor vendor;
	const char *rules;
} vendors[] = {{"microsoft", V_AZURE, "azure"}, {"azure", V_AZURE, "azure"}, {"amazon", V_AWS, "aws"},
	       {"aws", V_AWS, "aws"},           {"google", V_GCP, "gcp"},    {"openai", V_OPENAI, "openai-costs"}};

static enum vendor vendor_of(struct str provider, const char **rules)
{
	for (unsigned i = 0; i < sizeof vendors / sizeof *vendors; i++)
		if (str_icontains(provider, str_of(vendors[i].word))) {
			*rules = vendors[i].rules;
			return vendors[i].vendor;
		}
	*rules = NULL;
	return V_OTHER;
}

/* The meter by any of its names. */
static struct str meter_of(struct csv *c, const struct focus *f)
{
	const int columns[] = {f->meter_azure, f->usage_type, f->meter};
	struct str s = STR("");
	for (unsigned i = 0; i < sizeof columns / sizeof *columns && !s.n; i++)
		s = read_null(csv_field(c, columns[i]));
	return s;
}

/* Tokens of a usage row: only where the texts say which, and the unit (or, at a cloud whose units do not, its meter)
 * that it counts tokens. */
static void tokens(struct import_ctx *x, const struct focus *f, struct csv *c, struct json details, enum vendor v)
{
	const int pair[2][2] = {{f->unit, f->quantity}, {f->priced_unit, f->priced_quantity}};
	struct str text = read_null(csv_field(c, f->text)), meter = meter_of(c, f);
	const struct str texts[] = {json_text(x, json_get(details, "x_TokenType")), meter, text,
				    read_null(csv_field(c, f->sku))};
	struct token_words w = {0};
	bool meter_says, says;
	for (unsigned i = 0; i < sizeof texts / sizeof *texts && !w.known; i++)
		token_words_read(texts[i], &w);
	meter_says = v == V_GCP ? gcp_sku_has_tokens(text) : v != V_OTHER && w.tokens;
	for (unsigned p = 0; p < 2 && w.known && !(x->call.usage.flags & USAGE_SEEN); p++) {
		struct str unit = read_null(csv_field(c, pair[p][0])), quantity = read_null(csv_field(c, pair[p][1]));
		uint64_t per = unit.n ? cloud_unit(unit, &says) : 0;
		if (per && !says && meter_says && v == V_AWS)
			per = aws_unit(meter, unit);
		if (per && (says || meter_says))
			cloud_tokens(x, &w, quantity, per);
	}
}

static struct json details_of(struct csv *c, const struct focus *f)
{
	struct json v = {JSON_NONE, {NULL, 0}};
	struct str s = read_null(csv_field(c, f->details));
	if (s.n && json_parse(s, &v, NULL))
		v.type = JSON_NONE;
	return v;
}

static void facts(struct import_ctx *x, const struct focus *f, struct csv *c, struct json details)
{
	struct str unit = read_null(csv_field(c, f->unit)), charge = read_null(csv_field(c, f->charge));
	if (!unit.n)
		unit = read_null(csv_field(c, f->priced_unit));
	fact(x, CF_CHARGE, charge);
	fact(x, CF_CATEGORY, read_null(csv_field(c, f->category)));
	fact(x, CF_SERVICE, read_null(csv_field(c, f->service)));
	fact(x, CF_TEXT, read_null(csv_field(c, f->text)));
	fact(x, CF_RESOURCE, read_null(csv_field(c, f->resource)));
	fact(x, CF_MODEL, json_text(x, json_get(details, "x_Model")));
	fact(x, CF_TAG, cloud_tags(x, read_null(csv_field(c, f->tags))));
	if (str_ieq(charge, STR("Usage"))) /* a purchase of "tokens" may be a virtual currency */
		fact(x, CF_TYPE, unit);
}

/* The vendor's own rules know its meters; what they do not know goes by those of FOCUS, by the line's text and then
 * by its meter. */
static void vendor_class(struct import_ctx *x, const struct focus *f, struct csv *c, const char *rules)
{
	struct class_facts own = x->facts;
	enum spend_class spend;
	uint32_t rule;
	own.fact[CF_TYPE] = meter_of(c, f);
	if (!own.fact[CF_TYPE].n)
		own.fact[CF_TYPE] = own.fact[CF_TEXT];
	own.fact[CF_OPERATION] = read_null(csv_field(c, f->operation));
	spend = rules ? classify(x->classes, rules, &own, &rule) : SPEND_NONE;
	if (spend == SPEND_NONE)
		spend = classify(x->classes, "focus", &x->facts, &rule);
	if (spend == SPEND_NONE) {
		own = x->facts;
		own.fact[CF_TEXT] = meter_of(c, f);
		spend = classify(x->classes, "focus", &own, &rule);
	}
	if (spend != SPEND_NONE)
		row_class(x, spend, rule);
}

/* As the vendor's own exports call it: where the bill says a model that is it, else what its meter names. */
static struct str model_of(struct import_ctx *x, const struct focus *f, struct csv *c, struct json details,
			   enum vendor v)
{
	struct str service = read_null(csv_field(c, f->service)), model = read_null(csv_field(c, f->model));
	if (!model.n)
		model = json_text(x, json_get(details, "x_Model"));
	if (!model.n && v == V_AWS)
		model = aws_model(meter_of(c, f), service);
	if (!model.n && v == V_AZURE)
		model = meter_of(c, f);
	if (!model.n && v == V_GCP)
		model = read_null(csv_field(c, f->text));
	return model.n ? model : service;
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct focus *f = x->state;
	struct call *k = row_begin(x, csv_row(c));
	struct str money = read_null(csv_field(c, f->billed)), currency = read_null(csv_field(c, f->currency));
	struct str provider = read_null(csv_field(c, f->provider));
	struct json details = details_of(c, f);
	struct currency cur;
	enum vendor vendor;
	const char *rules, *why = read_money(money, &k->billed_pico, NULL);
	if (why)
		return row_reject(x, csv_row(c), "BilledCost '%.*s' %s", STR_ARG(money), why);
	if (currency_parse(currency, &cur))
		return row_reject(x, csv_row(c), "BillingCurrency '%.*s' is no currency code", STR_ARG(currency));
	if ((why = charge_time(x, c, f, f->start, &k->start_us)) != NULL)
		return row_reject(x, csv_row(c), "ChargePeriodStart '%.*s' %s", STR_ARG(csv_field(c, f->start)), why);
	if (!read_null(csv_field(c, f->end)).n)
		k->end_us = k->start_us;
	else if ((why = charge_time(x, c, f, f->end, &k->end_us)) != NULL)
		return row_reject(x, csv_row(c), "ChargePeriodEnd '%.*s' %s", STR_ARG(csv_field(c, f->end)), why);
	if (k->end_us < k->start_us)
		return row_reject(x, csv_row(c), "ChargePeriodEnd lies before ChargePeriodStart");
	k->calls = 0;
	k->currency = intern(str_of(cur.code));
	k->provider = cloud_name(provider.n ? provider : read_null(csv_field(c, f->provider_old)));
	k->project = cloud_name(read_null(csv_field(c, f->project)));
	k->region = cloud_name(read_null(csv_field(c, f->region)));
	x->claimed = money;
	facts(x, f, c, details);
	vendor = vendor_of(intern_str(k->provider), &rules);
	k->model_answered = k->model_asked = cloud_name(model_of(x, f, c, details, vendor));
	vendor_class(x, f, c, rules);
	if (str_ieq(x->facts.fact[CF_CHARGE], STR("Usage")))
		tokens(x, f, c, details, vendor);
	identify(x, f, c);
	return row_end(x, e);
}

const struct import_source source_focus = {
	.name = "focus",
	.title = "FOCUS 1.0 to 1.4 (CSV), of any vendor",
	.flags = SRC_OCCURRENCE,
	.state_bytes = sizeof(struct focus),
	.probe_csv = probe,
	.file_begin = begin,
	.csv_row = row,
	.state_free = free_columns,
};
