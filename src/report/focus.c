/* SPDX-License-Identifier: Apache-2.0
 *
 * See focus.h. Columns and their order stand once, in columns[]; a row fills them by number.
 */
#include "report/focus.h"

#include <stdio.h>

#include "base/csv.h"
#include "base/intern.h"
#include "base/json.h"
#include "model/outlay.h"
#include "report/amounts.h"
#include "report/overlap.h"
#include "report/prepaid.h"

/* clang-format off */
#define FOCUS_COLUMNS(X) \
	X(BilledCost, 0) X(BillingAccountId, 0) X(BillingAccountName, 0) X(BillingAccountType, 0) \
	X(BillingCurrency, 0) X(BillingPeriodEnd, 0) X(BillingPeriodStart, 0) X(ChargeCategory, 0) \
	X(ChargeClass, 0) X(ChargeDescription, 0) X(ChargeFrequency, 0) X(ChargePeriodEnd, 0) \
	X(ChargePeriodStart, 0) X(ConsumedQuantity, 0) X(ConsumedUnit, 0) X(ContractedCost, 0) \
	X(ContractedUnitPrice, 0) X(EffectiveCost, 0) X(HostProviderName, 14) X(InvoiceIssuerName, 0) \
	X(ListCost, 0) X(ListUnitPrice, 0) X(PricingCategory, 0) X(PricingQuantity, 0) X(PricingUnit, 0) \
	X(ProviderName, 12) X(PublisherName, 12) X(RegionId, 0) X(RegionName, 0) X(ServiceCategory, 0) \
	X(ServiceName, 0) X(ServiceProviderName, 14) X(ServiceSubcategory, 0) X(SkuId, 0) X(SkuMeter, 0) \
	X(SkuPriceDetails, 0) X(SkuPriceId, 0) X(SubAccountId, 0) X(SubAccountName, 0) X(SubAccountType, 0) \
	X(Tags, 0) X(x_Book, 0) X(x_Model, 0) X(x_ServiceTier, 0) X(x_Surface, 0) X(x_Calls, 0) \
	X(x_InputTokens, 0) X(x_CachedInputTokens, 0) X(x_OutputTokens, 0) X(x_CostPerMillionTokens, 0) \
	X(x_Provenance, 0)
/* clang-format on */

enum column {
#define X(name, version) C_##name,
	FOCUS_COLUMNS(X)
#undef X
	COLUMNS
};
static const struct {
	const char *name;
	int version; /* 0: both; 12 or 14 alone */
} columns[COLUMNS] = {
#define X(name, version) {#name, version},
	FOCUS_COLUMNS(X)
#undef X
};

enum { CELL_BYTES = 64 * 1024, ROW_BYTES = 1024 * 1024 };

struct writing {
	enum focus_version version;
	struct env_filter env;
	struct overlap *overlap;
	struct prepaid *prepaid;
	struct sb cell[COLUMNS], row;
	bool number[COLUMNS];
	int (*print)(struct str piece, void *arg);
	void *arg;
	struct focus_count *count;
	const struct report_query *q;
};

static bool wanted(const struct writing *w, enum column c)
{
	return columns[c].version == 0 || columns[c].version == (w->version == FOCUS_1_2 ? 12 : 14);
}

static void set(struct writing *w, enum column c, struct str s)
{
	sb_clear(&w->cell[c]);
	sb_add_utf8(&w->cell[c], s);
	w->number[c] = false;
}

static void set_money(struct writing *w, enum column c, money_wide v)
{
	char text[MONEY_TEXT];
	set(w, c, str_of(money_text(v, text)));
	w->number[c] = true;
}

static void set_u64(struct writing *w, enum column c, uint64_t v)
{
	sb_clear(&w->cell[c]);
	sb_add_u64(&w->cell[c], v);
	w->number[c] = true;
}

static void set_time(struct writing *w, enum column c, int64_t us)
{
	char text[TIME_TEXT];
	set(w, c, str_of(time_text(us, text)));
}

static int write_row(struct writing *w)
{
	sb_clear(&w->row);
	for (unsigned c = 0, n = 0; c < COLUMNS; c++) {
		if (!wanted(w, (enum column)c))
			continue;
		if (n++)
			sb_addc(&w->row, ',');
		if (w->number[c])
			csv_write_number(&w->row, sb_str(&w->cell[c]));
		else
			csv_write_text(&w->row, sb_str(&w->cell[c]));
		sb_clear(&w->cell[c]);
	}
	sb_adds(&w->row, "\r\n");
	w->count->rows++;
	return w->row.full ? -RR_LIMIT : w->print(sb_str(&w->row), w->arg);
}

static int write_header(struct writing *w)
{
	for (unsigned c = 0, n = 0; c < COLUMNS; c++)
		if (wanted(w, (enum column)c))
			sb_addf(&w->row, "%s%s", n++ ? "," : "", columns[c].name);
	sb_adds(&w->row, "\r\n");
	return w->print(sb_str(&w->row), w->arg);
}

/* What each row has: who, when, how much. */
static void common(struct writing *w, struct str provider, struct currency cur, int64_t from_us, int64_t to_us,
		   money_wide pico)
{
	int64_t month_from, month_to;
	window_bounds(WINDOW_MONTH, tz_get("UTC", NULL), from_us, &month_from, &month_to);
	provider = provider.n ? provider : STR("unknown");
	for (unsigned c = 0; c < COLUMNS; c++)
		if (c == C_BilledCost || c == C_EffectiveCost || c == C_ListCost || c == C_ContractedCost)
			set_money(w, (enum column)c, pico);
	set(w, C_BillingAccountId, provider);
	set(w, C_BillingAccountName, provider);
	set(w, C_BillingAccountType, STR("Organization"));
	set(w, C_BillingCurrency, str_of(cur.code));
	set_time(w, C_BillingPeriodStart, month_from);
	set_time(w, C_BillingPeriodEnd, month_to);
	set_time(w, C_ChargePeriodStart, from_us);
	set_time(w, C_ChargePeriodEnd, to_us);
	set(w, C_InvoiceIssuerName, provider);
	set(w, C_ProviderName, provider);
	set(w, C_PublisherName, provider);
	set(w, C_ServiceProviderName, provider);
	set(w, C_HostProviderName, provider);
	set(w, C_ServiceCategory, STR("AI and Machine Learning"));
	set(w, C_ServiceSubcategory, STR("Generative AI"));
	set(w, C_ServiceName, provider);
	if (pico >= 0) {
		set_money(w, C_ListUnitPrice, pico);
		set_money(w, C_ContractedUnitPrice, pico);
		set_u64(w, C_PricingQuantity, 1);
		set(w, C_PricingUnit, STR("Units"));
	}
}

/* A tax is priced by nobody: these columns are null for it. */
static void no_price(struct writing *w)
{
	static const enum column none[] = {C_ListUnitPrice, C_ContractedUnitPrice, C_PricingQuantity, C_PricingUnit,
			C_PricingCategory,
					   C_SkuId, C_SkuMeter, C_SkuPriceId, C_SkuPriceDetails};
	for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
		set(w, none[i], STR(""));
}

static void tag(struct json_out *j, const char *key, uint32_t name)
{
	if (name)
		jw_kstr(j, key, intern_str(name));
}

static void names(struct writing *w, const struct rollup_key *k)
{
	struct json_out j;
	struct sb text;
	struct str model = intern_str(k->model), provider = intern_str(k->provider);
	const char *tier = tier_name((enum tier)k->tier);
	sb_init(&text, CELL_BYTES);
	sb_addf(&text, "%.*s/%.*s", STR_ARG(provider), STR_ARG(model.n ? model : intern_str(k->surface)));
	set(w, C_SkuId, sb_str(&text));
	sb_addf(&text, "/%s", tier);
	set(w, C_SkuPriceId, sb_str(&text));
	set(w, C_SkuMeter, STR("Tokens"));
	sb_clear(&text);
	jw_init(&j, &text);
	jw_object(&j);
	jw_kstr(&j, "x_Model", model);
	jw_kcstr(&j, "x_ServiceTier", tier);
	jw_end_object(&j);
	set(w, C_SkuPriceDetails, sb_str(&text));
	sb_clear(&text);
	jw_init(&j, &text);
	jw_object(&j);
	tag(&j, "team", k->team);
	tag(&j, "feature", k->feature);
	tag(&j, "environment", k->env);
	tag(&j, "key", k->key);
	jw_end_object(&j);
	set(w, C_Tags, sb_str(&text));
	sb_fini(&text);
	if (k->project) {
		set(w, C_SubAccountId, intern_str(k->project));
		set(w, C_SubAccountName, intern_str(k->project));
		set(w, C_SubAccountType, STR("Project"));
	}
	if (k->region) {
		set(w, C_RegionId, intern_str(k->region));
		set(w, C_RegionName, intern_str(k->region));
	}
	set(w, C_PricingCategory,
	    k->tier == TIER_PROVISIONED ? STR("Committed")
	    : k->tier == TIER_BATCH     ? STR("Other")
					: STR("Standard"));
	set(w, C_x_Model, model);
	set(w, C_x_ServiceTier, str_of(tier));
	set(w, C_x_Surface, intern_str(k->surface));
	set(w, C_x_Book, str_of(book_kind_name((enum book_kind)k->book)));
	set(w, C_x_Provenance, str_of(provenance_name((enum provenance)k->provenance)));
}

static int usage(const struct rollup_row *whole, void *arg)
{
	struct writing *w = arg;
	struct rollup_row rest;
	const struct rollup_row *x = &rest;
	uint64_t tokens, cached;
	money_wide pico, drawn;
	if (!overlap_rest(w->overlap, whole, &rest) || !env_counts(w->env, &x->key))
		return 0;
	tokens = x->sum.input_tok + x->sum.output_tok;
	cached = x->sum.tok[CLASS_IN_CACHE_READ] + x->sum.tok[CLASS_IN_AUDIO_CACHE_READ] +
		 x->sum.tok[CLASS_IN_IMAGE_CACHE_READ];
	if (!row_amount(x, &pico)) {
		w->count->unpriced_calls += row_unpriced(x) ? row_calls(x) : 0;
		return 0;
	}
	if (pico == 0 && row_calls(x) == 0)
		return 0;
	common(w, intern_str(x->key.provider), x->key.currency ? currency_interned(x->key.currency) : USD,
	       x->key.hour_us, x->key.hour_us + US_PER_DAY, pico);
	names(w, &x->key);
	if (x->key.book == BOOK_INFERENCE && (drawn = prepaid_take(w->prepaid, x->key.provider, x->key.currency,
			x->key.hour_us, pico)) > 0)
		/* billed when the credit was bought (FOCUS 1.2, appendix: prepaid) */
		set_money(w, C_BilledCost, pico - drawn);
	if (x->key.book == BOOK_OTHER && str_eq(intern_str(x->key.surface), STR("bill O tax"))) {
		set(w, C_ChargeCategory, STR("Tax"));
		set(w, C_ChargeFrequency, STR("Recurring"));
		no_price(w);
	} else if (pico < 0) {
		set(w, C_ChargeCategory, STR("Credit"));
		set(w, C_ChargeFrequency, STR("One-Time"));
	} else {
		set(w, C_ChargeCategory, STR("Usage"));
		set(w, C_ChargeFrequency, STR("Usage-Based"));
		set_u64(w, C_ConsumedQuantity, tokens ? tokens : row_calls(x));
		set(w, C_ConsumedUnit, tokens ? STR("Tokens") : STR("Requests"));
	}
	sb_addf(&w->cell[C_ChargeDescription], "%.*s %s", STR_ARG(intern_str(x->key.model)),
		book_kind_name((enum book_kind)x->key.book));
	w->number[C_ChargeDescription] = false;
	set_u64(w, C_x_Calls, row_calls(x));
	set_u64(w, C_x_InputTokens, x->sum.input_tok);
	set_u64(w, C_x_CachedInputTokens, cached);
	set_u64(w, C_x_OutputTokens, x->sum.output_tok);
	if (tokens && pico > 0)
		set_money(w, C_x_CostPerMillionTokens, money_scale(pico, 1000000, (money_wide)tokens));
	return write_row(w);
}

static void outlay_names(struct writing *w, const struct outlay *o)
{
	struct sb sku;
	sb_init(&sku, CELL_BYTES);
	sb_addf(&sku, "outlay/%s", outlay_kind_name(o->kind));
	set(w, C_SkuId, sb_str(&sku));
	set(w, C_SkuPriceId, sb_str(&sku));
	set(w, C_SkuMeter, str_of(outlay_kind_name(o->kind)));
	sb_fini(&sku);
	set(w, C_ChargeDescription, o->note[0] ? str_of(o->note) : str_of(outlay_kind_name(o->kind)));
	set(w, C_x_Book, str_of(book_kind_name(outlay_kind_book(o->kind))));
	set(w, C_x_Model, str_of(o->model));
}

/* What an outlay is used up by, month by month: cost that is effective and was billed before (FOCUS 1.2, 3.1.18). */
static int used_row(struct writing *w, const struct outlay *o, int64_t begin_us, int64_t to_us, money_wide charge)
{
	common(w, o->provider[0] ? str_of(o->provider) : STR("unknown"), o->currency, begin_us - begin_us % US_PER_DAY,
			to_us, 0);
	set_money(w, C_EffectiveCost, charge);
	outlay_names(w, o);
	set(w, C_ChargeCategory, STR("Usage"));
	set(w, C_ChargeFrequency, STR("Recurring"));
	set(w, C_PricingCategory, STR("Other"));
	set_u64(w, C_ConsumedQuantity, 1);
	set(w, C_ConsumedUnit, STR("Units"));
	return write_row(w);
}

/* Usage itself is what prepaid credit is used up by; what was left at its end is a row of that day. */
static int expired(struct writing *w, const struct outlay *o)
{
	int64_t end_us;
	money_wide left = prepaid_expired(w->prepaid, o, &end_us);
	if (left == 0 || end_us < w->q->from_us || end_us >= w->q->to_us)
		return 0;
	return used_row(w, o, end_us, end_us - end_us % US_PER_DAY + US_PER_DAY, left);
}

static int used_up(struct writing *w, const struct outlay *o)
{
	int64_t end = o->life_months ? outlay_end_us(o) : o->date_us + 1, at = o->date_us, from, to;
	int rc = 0;
	end = end < w->q->to_us ? end : w->q->to_us;
	end = end < w->q->now_us ? end : w->q->now_us;
	while (at < end && !rc) {
		int64_t begin = at > w->q->from_us ? at : w->q->from_us;
		money_wide charge;
		window_bounds(WINDOW_MONTH, tz_get("UTC", NULL), at, &from, &to);
		charge = begin < to ? outlay_charge_pico(o, begin, to < w->q->to_us ? to : w->q->to_us) : 0;
		at = to;
		if (charge == 0)
			continue;
		rc = used_row(w, o, begin, to, charge);
	}
	return rc;
}

static int purchase(const struct outlay *o, void *arg)
{
	struct writing *w = arg;
	enum outlay_use use = outlay_kind_use(o->kind);
	int rc = use == OUTLAY_BY_USAGE ? expired(w, o) : use == OUTLAY_BY_LIFE ? used_up(w, o) : 0;
	if (rc || o->date_us < w->q->from_us || o->date_us >= w->q->to_us)
		return rc;
	common(w, o->provider[0] ? str_of(o->provider) : STR("unknown"), o->currency,
	       o->date_us - o->date_us % US_PER_DAY, o->date_us - o->date_us % US_PER_DAY + US_PER_DAY, o->amount_pico);
	if (use != OUTLAY_AT_ONCE)
		set_money(w, C_EffectiveCost, 0);
	outlay_names(w, o);
	set(w, C_ChargeCategory,
	    o->kind == OUTLAY_TAX ? STR("Tax")
	    : o->amount_pico < 0  ? STR("Credit")
				  : STR("Purchase"));
	set(w, C_ChargeFrequency, STR("One-Time"));
	set(w, C_PricingCategory, STR("Standard"));
	if (o->kind == OUTLAY_TAX)
		no_price(w);
	return write_row(w);
}

int focus_write(struct ledger *l, const struct report_query *q, enum focus_version v,
		int (*print)(struct str piece, void *arg), void *arg, struct focus_count *count, struct err *e)
{
	struct writing w = {
		.version = v, .env = env_filter_of(q->env), .print = print, .arg = arg, .count = count, .q = q};
	int rc;
	*count = (struct focus_count){0};
	for (unsigned c = 0; c < COLUMNS; c++)
		sb_init(&w.cell[c], CELL_BYTES);
	sb_init(&w.row, ROW_BYTES);
	w.overlap = overlap_new();
	rc = w.overlap ? overlap_read(w.overlap, l, q->from_us, q->to_us, e) : err_set(e, RR_NOMEM, "out of memory");
	if (!rc)
		rc = prepaid_read(&w.prepaid, l, q->to_us, e);
	if (!rc)
		rc = write_header(&w);
	if (!rc)
		rc = ledger_rollup_by(l, GRAIN_DAY, q->from_us, q->to_us, usage, &w, e);
	if (!rc)
		rc = ledger_outlays(l, purchase, &w, e);
	if (rc == -RR_LIMIT)
		err_set(e, RR_LIMIT, "a row is longer than %d bytes", ROW_BYTES);
	overlap_free(w.overlap);
	prepaid_free(w.prepaid);
	sb_fini(&w.row);
	for (unsigned c = 0; c < COLUMNS; c++)
		sb_fini(&w.cell[c]);
	return rc;
}
