/* SPDX-License-Identifier: Apache-2.0
 *
 * Google Cloud's billing export out of BigQuery: JSON lines (bq extract), or CSV with dotted or underscored names.
 *
 * 1. A row counts net: its cost plus the sum of its credits, which are negative.
 * 2. The SKU's text is the taxonomy; usage.unit says "requests" or "count" where tokens are meant, so tokens are taken
 *    only where the SKU names a direction of predictions or caching. Cache *storage* is time, not tokens; what a unit
 *    calls characters (models before Gemini 2) is counted as such.
 * 3. cost_type says tax, adjustment, rounding error; late corrections come as rows of their own.
 */
#include "import/cloud.h"

enum { C_START, C_END, C_SERVICE, C_SKU, C_SKU_ID, C_PROJECT, C_REGION, C_COST, C_CURRENCY, C_AMOUNT, C_COST_TYPE,
	C_CREDITS, C_LABELS, C_UNIT, C_PRICING_UNIT, C_COUNT };
static const char *const names[C_COUNT] = {
	"usage_start_time",
	"usage_end_time",
	"service.description|service_description",
	"sku.description|sku_description",
	"sku.id|sku_id",
	"project.id|project_id",
	"location.region|location_region",
	"cost",
	"currency",
	"usage.amount|usage_amount",
	"cost_type",
	"credits",
	"labels",
	"usage.unit|usage_unit",
	"usage.pricing_unit|usage_pricing_unit",
};
static const char *const paths[C_COUNT] = {
	"usage_start_time", "usage_end_time", "service.description", "sku.description",
	"sku.id",           "project.id",     "location.region",     "cost",
	"currency",         "usage.amount",   "cost_type",           "credits",
	"labels",           "usage.unit",     "usage.pricing_unit",
};

struct gcp {
	struct cloud_columns t;
};

static unsigned probe_csv(const struct csv *c)
{
	struct cloud_columns t = {.columns = 0};
	cloud_columns_find(&t, c, names, C_COUNT);
	return t.at[C_START] >= 0 && t.at[C_SKU] >= 0 && t.at[C_COST] >= 0 && t.at[C_CURRENCY] >= 0 ? 100 : 0;
}

static unsigned probe_json(struct json r)
{
	return json_path(r, "sku.description").type == JSON_STRING && json_get(r, "cost").type != JSON_NONE &&
			       json_get(r, "usage_start_time").type == JSON_STRING
		       ? 100
		       : 0;
}

static bool tells_no_row(struct str name)
{
	return cloud_tells_no_row(name) || str_icontains(name, STR("credits")) || str_icontains(name, STR("amount")) ||
	       str_icontains(name, STR("price")) ||
	       (str_icontains(name, STR("cost")) && !str_icontains(name, STR("cost_type")));
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct gcp *s = x->state;
	if (!c)
		return 0;
	cloud_columns_find(&s->t, c, names, C_COUNT);
	return cloud_identity(&s->t, c, tells_no_row, e);
}

/* An amount as a number or text, or as Google's money: units and nanos, of one sign, either of which may be missing. */
static struct str amount_text(struct import_ctx *x, struct json v)
{
	struct json units = json_get(v, "units"), nanos = json_get(v, "nanos");
	int64_t u = 0, n = 0;
	money_wide pico;
	char text[MONEY_TEXT];
	if (v.type != JSON_OBJECT)
		return json_text(x, v);
	if (units.type == JSON_STRING ? str_i64(json_text(x, units), &u)
				      : units.type == JSON_NUMBER && json_i64(units, &u))
		return STR("units are no number");
	if (nanos.type == JSON_NUMBER && (json_i64(nanos, &n) || n > 999999999 || n < -999999999))
		return STR("nanos are no number");
	pico = (money_wide)u * PICO_PER_UNIT + (money_wide)n * 1000;
	return arena_str(&x->arena, str_of(money_text(pico, text)));
}

/* Rule 1. NULL or a reason. */
static const char *add_credits(struct import_ctx *x, struct str text, int64_t *pico)
{
	struct json list, one;
	struct json_iter it;
	struct str none;
	if (!text.n)
		return NULL;
	if (json_parse(text, &list, NULL) == 0 && list.type == JSON_NUMBER) { /* a query's sum over them */
		int64_t sum;
		return money_parse(text, &sum, NULL) || money_add(*pico, sum, pico)
			       ? "cost and credits are out of range"
			       : NULL;
	}
	if (json_parse(text, &list, NULL) || list.type != JSON_ARRAY)
		return "credits are neither a JSON list nor a sum";
	for (json_open(&it, list); json_next(&it, &none, &one);) {
		int64_t credit;
		if (money_parse(amount_text(x, json_get(one, "amount")), &credit, NULL))
			return "a credit's amount is no number";
		if (money_add(*pico, credit, pico))
			return "cost and credits are out of range";
	}
	return NULL;
}

/* [{"key": "purpose", "value": "train"}] */
static struct str labels(struct import_ctx *x, struct str text)
{
	struct json list, one;
	struct json_iter it;
	struct str none, out;
	struct sb b;
	if (!text.n || json_parse(text, &list, NULL) || list.type != JSON_ARRAY)
		return text;
	sb_init(&b, 16384);
	for (json_open(&it, list); json_next(&it, &none, &one);)
		sb_addf(&b, "%.*s=%.*s;", STR_ARG(json_text(x, json_get(one, "key"))), STR_ARG(json_text(x, json_get(one, "value"))));
	out = b.n ? arena_str(&x->arena, sb_str(&b)) : STR("");
	sb_fini(&b);
	return out;
}

/* Rule 2. */
bool gcp_sku_has_tokens(struct str sku)
{
	if (str_icontains(sku, STR("storage")))
		return false;
	return str_icontains(sku, STR("predictions")) || str_icontains(sku, STR("token")) ||
	       str_icontains(sku, STR("caching"));
}

void gcp_pieces(struct import_ctx *x, struct str sku, struct str unit, struct str amount)
{
	struct usage *u = &x->call.usage;
	struct token_words w;
	money_wide n;
	if (str_icontains(unit, STR("character"))) {
		if (decimal_scaled(amount, 0, &n, NULL) == 0 && n > 0 && n <= INT64_MAX) {
			u->characters = (uint64_t)n;
			u->flags |= USAGE_SEEN;
		}
		return;
	}
	token_words_read(sku, &w);
	if (gcp_sku_has_tokens(sku))
		cloud_tokens(x, &w, amount, 1);
}

/* What both forms share; the key has been added. */
static int put(struct import_ctx *x, const struct str f[C_COUNT], uint64_t number, struct err *e)
{
	struct call *k = &x->call;
	struct currency cur;
	const char *why = read_money(f[C_COST], &k->billed_pico, NULL);
	if (why)
		return row_reject(x, number, "the cost '%.*s' %s", STR_ARG(f[C_COST]), why);
	if ((why = add_credits(x, f[C_CREDITS], &k->billed_pico)) != NULL)
		return row_reject(x, number, "%s", why);
	if (currency_parse(f[C_CURRENCY], &cur))
		return row_reject(x, number, "'%.*s' is no currency code", STR_ARG(f[C_CURRENCY]));
	if ((why = read_time(f[C_START], &k->start_us)) != NULL)
		return row_reject(x, number, "usage_start_time '%.*s' %s", STR_ARG(f[C_START]), why);
	if (read_time(f[C_END], &k->end_us))
		k->end_us = k->start_us;
	if (!f[C_COST_TYPE].n || str_ieq(f[C_COST_TYPE], STR("regular")))
		gcp_pieces(x, f[C_SKU],
			   str_icontains(f[C_PRICING_UNIT], STR("character")) ? f[C_PRICING_UNIT] : f[C_UNIT],
			   f[C_AMOUNT]);
	k->calls = 0;
	k->currency = intern(str_of(cur.code));
	k->provider = intern(STR("google"));
	k->model_answered = k->model_asked = cloud_name(f[C_SKU]);
	k->project = cloud_name(f[C_PROJECT]);
	k->region = cloud_name(f[C_REGION]);
	x->claimed = f[C_COST];
	fact(x, CF_CHARGE, f[C_COST_TYPE]);
	fact(x, CF_SERVICE, f[C_SERVICE]);
	fact(x, CF_TYPE, f[C_SKU]);
	fact(x, CF_TAG, labels(x, f[C_LABELS]));
	return row_end(x, e);
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct gcp *s = x->state;
	struct str f[C_COUNT];
	row_begin(x, csv_row(c));
	for (unsigned i = 0; i < C_COUNT; i++)
		f[i] = cloud_field(&s->t, c, i);
	cloud_key(x, &s->t, c);
	return put(x, f, csv_row(c), e);
}

static int record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	static const char *const identity[] = {
		"billing_account_id", "service.id",           "sku.id",          "sku.description", "usage_start_time",
		"usage_end_time",     "project.id",           "location.region", "location.zone",   "labels",
		"resource.name",      "resource.global_name", "cost_type",       "currency",        "invoice.month"};
	struct str f[C_COUNT];
	row_begin(x, number);
	for (unsigned i = 0; i < C_COUNT; i++) {
		struct json v = json_path(r, paths[i]);
		f[i] = v.type == JSON_ARRAY ? v.text : i == C_COST ? amount_text(x, v) : json_text(x, v);
	}
	for (unsigned i = 0; i < sizeof identity / sizeof *identity; i++) {
		struct json v = json_path(r, identity[i]);
		key_add(x, v.type == JSON_ARRAY ? v.text : json_text(x, v));
	}
	return put(x, f, number, e);
}

static void state_free(struct import_ctx *x)
{
	cloud_columns_free(&((struct gcp *)x->state)->t);
}

const struct import_source source_gcp = {
	.name = "gcp",
	.title = "Google Cloud billing export (BigQuery: JSON lines, CSV), net of credits",
	.flags = SRC_OCCURRENCE | SRC_LINES,
	.state_bytes = sizeof(struct gcp),
	.probe_csv = probe_csv,
	.probe_json = probe_json,
	.file_begin = begin,
	.csv_row = row,
	.json_record = record,
	.state_free = state_free,
};
