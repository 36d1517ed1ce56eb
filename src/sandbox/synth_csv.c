/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up bills of a cloud as CSV: an AWS Cost and Usage Report 2.0, and the same bill in FOCUS columns.
 *
 * Both tell of one world of charges: tokens of two models, hours of training, hours of hosting, and storage that has
 * nothing to do with AI. So one seed's two exports state the same money. Names of usage types are those of AWS.
 */
#include <stdio.h>

#include "base/clock.h"
#include "sandbox/synth_int.h"

enum unit { TOKENS, HOURS, GB_MONTHS };
enum part { INFERENCE, TRAINING, OTHER };

/* price_pico: of a token, an hour, a thousandth of a GB-month. Round numbers: this bill is of no real vendor's list. */
static const struct charge {
	const char *product, *usage, *operation, *text, *category;
	enum unit unit;
	enum part part;
	uint64_t price_pico, most; /* most: of the unit in a day */
} charges[] = {
	{"AmazonBedrock", "USE1-Claude3Haiku-input-tokens", "InvokeModelInference", "Claude 3 Haiku input tokens",
	 "AI and Machine Learning", TOKENS, INFERENCE, 250000, 20000000},
	{"AmazonBedrock", "USE1-Claude3Haiku-output-tokens", "InvokeModelInference", "Claude 3 Haiku output tokens",
	 "AI and Machine Learning", TOKENS, INFERENCE, 1250000, 4000000},
	{"AmazonSageMaker", "USE1-Train:ml.p4d.24xlarge", "CreateTrainingJob", "Model training on ml.p4d.24xlarge",
	 "AI and Machine Learning", HOURS, TRAINING, 37 * PICO_PER_UNIT, 8},
	{"AmazonSageMaker", "USE1-Host:ml.g5.xlarge", "RunInstance", "Provisioned throughput on ml.g5.xlarge",
	 "AI and Machine Learning", HOURS, INFERENCE, PICO_PER_UNIT * 7 / 5, 24},
	{"AmazonS3", "USE1-TimedStorage-ByteHrs", "StandardStorage", "Object storage", "Storage", GB_MONTHS, OTHER,
	 23000000, 900000},
};
enum { CHARGES = sizeof charges / sizeof *charges };
static const char *const unit_name[] = {"1K tokens", "Hrs", "GB-Mo"};
static const char *const focus_unit[] = {"Tokens", "Hours", "GB-Months"};

static const char aws_header[] =
	"bill_billing_period_start_date,bill_billing_period_end_date,bill_payer_account_id,line_item_usage_account_id,"
	"line_item_line_item_type,line_item_usage_start_date,line_item_usage_end_date,line_item_product_code,"
	"line_item_usage_type,line_item_operation,line_item_usage_amount,line_item_unblended_cost,"
	"line_item_currency_code,pricing_unit,line_item_line_item_description,product_region_code\n";
static const char focus_header[] =
	"BilledCost,EffectiveCost,BillingCurrency,BillingAccountId,SubAccountId,ChargeCategory,ChargePeriodStart,"
	"ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ProviderName,ServiceName,ServiceCategory,"
	"ChargeDescription,ConsumedQuantity,ConsumedUnit,RegionId\n";

struct times {
	char from[TIME_TEXT], until[TIME_TEXT], period_from[TIME_TEXT], period_until[TIME_TEXT];
};

static void times_of(int64_t day, struct times *t)
{
	int64_t year;
	unsigned month, dom;
	civil_from_days(day, &year, &month, &dom);
	time_text(day * US_PER_DAY, t->from);
	time_text((day + 1) * US_PER_DAY, t->until);
	time_text(days_from_civil(year, month, 1) * US_PER_DAY, t->period_from);
	if (month == 12)
		year++;
	time_text(days_from_civil(year, month % 12 + 1, 1) * US_PER_DAY, t->period_until);
}

/* In the unit that the export names: thousands of tokens, thousandths of a GB-month; exact. */
static void quantity_text(enum unit unit, uint64_t n, bool focus, char out[MONEY_TEXT])
{
	bool thousandth = unit == GB_MONTHS || (unit == TOKENS && !focus);
	money_text((money_wide)n * (PICO_PER_UNIT / (thousandth ? 1000 : 1)), out);
}

static void aws_row(struct sb *out, const struct charge *c, const struct times *t, const char *account,
		    const char *amount, const char *cost)
{
	sb_addf(out, "%s,%s,synthetic-payer,%s,Usage,%s,%s,%s,%s,%s,%s,%s,USD,%s,%s,us-east-1\n", t->period_from,
		t->period_until, account, t->from, t->until, c->product, c->usage, c->operation, amount, cost,
		unit_name[c->unit], c->text);
}

static void focus_row(struct sb *out, const struct charge *c, const struct times *t, const char *account,
		      const char *amount, const char *cost)
{
	sb_addf(out, "%s,%s,USD,synthetic-payer,%s,Usage,%s,%s,%s,%s,AWS,%s,%s,%s,%s,%s,us-east-1\n", cost, cost,
		account, t->from, t->until, t->period_from, t->period_until, c->product, c->category, c->text, amount,
		focus_unit[c->unit]);
}

void synth_csv_day(const struct synth *s, uint32_t day, struct sb *out, struct synth_truth *t)
{
	static const char *const account[] = {"synthetic-shop", "synthetic-research"};
	bool focus = s->shape == SYNTH_FOCUS;
	char amount[MONEY_TEXT], cost[MONEY_TEXT];
	struct times times;
	struct rng r;
	if (day == 0)
		sb_adds(out, focus ? focus_header : aws_header);
	times_of(s->first_day + day, &times);
	synth_rng(s, 4, day, &r);
	for (unsigned i = 0; i < 2 * CHARGES; i++) {
		const struct charge *c = &charges[i % CHARGES];
		uint64_t n = 1 + rng_below(&r, c->most);
		money_wide worth = (money_wide)n * c->price_pico;
		quantity_text(c->unit, n, focus, amount);
		money_text(worth, cost);
		(focus ? focus_row : aws_row)(out, c, &times, account[i / CHARGES], amount, cost);
		t->rows++;
		t->tokens += c->unit == TOKENS ? n : 0;
		*(c->part == TRAINING ? &t->training : c->part == INFERENCE ? &t->inference : &t->other) += worth;
	}
}
