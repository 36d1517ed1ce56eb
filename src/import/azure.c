/* SPDX-License-Identifier: Apache-2.0
 *
 * Azure's cost exports, actual and amortised (CSV); its FOCUS export is the source focus.
 *
 * 1. A row counts with its cost in the billing currency. Import actual or amortised, not both: they are the same rows.
 *    In the first what reservations cover costs nothing and their purchase is a row, in the second it is the other way
 *    round: a file that shows by that which one it is is called by its name.
 *    What the portal's cost analysis downloads (days by service, meter ..., no quantities) is read as well.
 * 2. Dates are month/day/year in most exports: the order is proven by any date of the file whose day is above 12, as
 *    the billing period's end; where nothing proves it the row is refused.
 * 3. The deployment is no column; the meter's name says model and direction, in abbreviations (token_words.c), and
 *    the unit of measure how many tokens ("1K", "1M"). Hosting hours of a tuned model are inference, in a class of
 *    their own.
 */
#include "import/cloud.h"

enum { C_DATE, C_COST, C_CURRENCY, C_QUANTITY, C_UNIT, C_CATEGORY, C_SUB, C_METER, C_PRODUCT, C_CHARGE, C_SUBSCRIPTION,
	C_LOCATION, C_TAGS, C_PERIOD_END, C_MODEL, C_COUNT };
static const char *const names[C_COUNT] = {
	"Date|UsageDate|UsageDateTime|Usage Date",
	"CostInBillingCurrency|PreTaxCost|Cost",
	"BillingCurrency|BillingCurrencyCode|Currency",
	"Quantity|UsageQuantity|ConsumedQuantity",
	"UnitOfMeasure|Unit of Measure",
	"MeterCategory|ServiceName",
	"MeterSubCategory|MeterSubcategory|ServiceTier",
	"MeterName|Meter",
	"ProductName|Product",
	"ChargeType",
	"SubscriptionId|SubscriptionGuid|SubscriptionName",
	"ResourceLocation|Location",
	"Tags",
	"BillingPeriodEndDate",
	"PricingModel",
};

struct azure {
	struct cloud_columns t;
	struct slash dates;
	bool actual, amortised;
};

/* The portal's cost analysis downloads days by whatever it was grouped by. */
static bool is_analysis(const struct csv *c)
{
	static const char *const must[] = {"UsageDate", "CostUSD", "Cost", "Currency", NULL};
	return header_has(c, must) && csv_column(c, "MeterCategory") < 0;
}

static unsigned probe(const struct csv *c)
{
	bool cost = csv_column(c, "CostInBillingCurrency") >= 0 || csv_column(c, "PreTaxCost") >= 0 ||
		    csv_column(c, "Cost") >= 0;
	if (csv_column(c, "ChargeCategory") >= 0)
		return 0;
	if (is_analysis(c))
		return 90;
	return cost && csv_column(c, "MeterCategory") >= 0 && csv_column(c, "MeterName") >= 0 ? 95 : 0;
}

/* Rules that share costs are written later than the costs. */
static bool not_identity(struct str name)
{
	return cloud_tells_no_row(name) || str_icontains(name, STR("cost")) || str_icontains(name, STR("price"));
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct azure *s = x->state;
	cloud_columns_find(&s->t, c, names, C_COUNT);
	if (is_analysis(c))
		import_note(x, "a download of cost analysis is the same money as a cost export of its days: import one of the two%s",
			    s->t.at[C_METER] < 0 ? "; group it by meter to see what was trained" : "");
	s->dates = (struct slash){.column = {s->t.at[C_DATE], s->t.at[C_PERIOD_END], -1, -1}};
	return cloud_identity(&s->t, c, not_identity, e);
}

/* Rule 1. */
static void say_kind(struct import_ctx *x, struct azure *s, struct csv *c)
{
	struct str charge = cloud_field(&s->t, c, C_CHARGE), model = cloud_field(&s->t, c, C_MODEL);
	bool committed = str_ieq(model, STR("Reservation")) || str_ieq(model, STR("SavingsPlan"));
	if (!s->amortised && (str_icontains(charge, STR("Unused")) || (committed && str_ieq(charge, STR("Usage")) && x->call.billed_pico))) {
		s->amortised = true;
		import_note(x, "an amortised export: what was paid ahead is spread; the actual one of these days beside it counts it twice");
	}
	if (!s->actual && committed && str_ieq(charge, STR("Purchase")) && x->call.billed_pico) {
		s->actual = true;
		import_note(x, "an actual export, with what was paid ahead: the amortised one of these days beside it counts it twice");
	}
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct azure *s = x->state;
	struct call *k = row_begin(x, csv_row(c));
	struct str cost = cloud_field(&s->t, c, C_COST), meter = cloud_field(&s->t, c, C_METER), model;
	struct token_words w;
	bool says;
	struct currency cur;
	const char *why = read_money(cost, &k->billed_pico, NULL);
	if (why)
		return row_reject(x, csv_row(c), "the cost '%.*s' %s", STR_ARG(cost), why);
	if (currency_parse(cloud_field(&s->t, c, C_CURRENCY), &cur))
		return row_reject(x, csv_row(c), "'%.*s' is no currency code",
				  STR_ARG(cloud_field(&s->t, c, C_CURRENCY)));
	if ((why = slash_time(x, &s->dates, c, cloud_field(&s->t, c, C_DATE), &k->start_us)) != NULL)
		return row_reject(x, csv_row(c), "the date '%.*s' %s", STR_ARG(cloud_field(&s->t, c, C_DATE)), why);
	k->end_us = k->start_us + US_PER_DAY;
	say_kind(x, s, c);
	token_words_read(meter, &w);
	if (w.tokens && cloud_is_use(cloud_field(&s->t, c, C_CHARGE)))
		cloud_tokens(x, &w, cloud_field(&s->t, c, C_QUANTITY),
			     cloud_unit(cloud_field(&s->t, c, C_UNIT), &says));
	model = meter.n ? meter : cloud_field(&s->t, c, C_PRODUCT);
	k->calls = 0;
	k->currency = intern(str_of(cur.code));
	k->provider = intern(STR("azure"));
	k->model_answered = k->model_asked = cloud_name(model);
	k->project = cloud_name(cloud_field(&s->t, c, C_SUBSCRIPTION));
	k->region = cloud_name(cloud_field(&s->t, c, C_LOCATION));
	x->claimed = cost;
	fact(x, CF_CHARGE, cloud_field(&s->t, c, C_CHARGE));
	fact(x, CF_SERVICE, cloud_field(&s->t, c, C_CATEGORY));
	fact(x, CF_CATEGORY, cloud_field(&s->t, c, C_SUB));
	fact(x, CF_TYPE, meter);
	fact(x, CF_TEXT, cloud_field(&s->t, c, C_PRODUCT));
	fact(x, CF_TAG, cloud_tags(x, cloud_field(&s->t, c, C_TAGS)));
	cloud_key(x, &s->t, c);
	return row_end(x, e);
}

static void state_free(struct import_ctx *x)
{
	cloud_columns_free(&((struct azure *)x->state)->t);
}

const struct import_source source_azure = {
	.name = "azure",
	.title = "Azure cost exports, actual or amortised, and what cost analysis downloads (CSV)",
	.flags = SRC_OCCURRENCE,
	.state_bytes = sizeof(struct azure),
	.probe_csv = probe,
	.file_begin = begin,
	.csv_row = row,
	.state_free = state_free,
};
