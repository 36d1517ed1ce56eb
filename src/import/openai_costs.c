/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's costs: the API's pages (GET /organization/costs) and the CSV export cost_*.csv.
 *
 * 1. These rows are billed money by day, line item and project; the amount is a number with up to 40 decimals. Its
 *    text is kept; the ledger counts it rounded once, at 10^-12.
 * 2. A line item is "<model>, <what>" or the name of a tool; which checkbook it belongs to is for classify.csv.
 * 3. A row's key is its day and all that it is grouped by; the newest amount counts, since recent days still grow.
 * 4. No tokens are taken from here even where a quantity is given: the usage export has them, and would be counted
 *    twice.
 */
#include "import/openai.h"

struct costs {
	int start, end, start_iso, end_iso, amount, currency, item, project, project_name, key, user, organization,
		unit;
};

struct cost {
	int64_t start_us, end_us;
	struct str amount, currency, item, project, project_name, key, user, organization, unit;
};

static int put(struct import_ctx *x, uint64_t number, const struct cost *v, struct err *e)
{
	struct call *k = row_begin(x, number);
	struct str model, rest = v->item;
	struct currency cur;
	const char *why = read_money(v->amount, &k->billed_pico, NULL);
	if (why)
		return row_reject(x, number, "the amount '%.*s' %s", STR_ARG(v->amount), why);
	if (currency_parse(str_trim(v->currency), &cur))
		return row_reject(x, number, "'%.*s' is no currency code", STR_ARG(v->currency));
	model = str_trim(str_cut(&rest, ','));
	k->start_us = v->start_us;
	k->end_us = v->end_us;
	k->calls = 0;
	k->currency = intern(str_of(cur.code));
	k->provider = intern(STR("openai"));
	if (rest.p) { /* a line item without a comma is a tool or a whole product */
		k->model_answered = k->model_asked = intern(model);
	} else if (v->item.n) {
		k->model_answered = k->model_asked = intern(v->item);
	}
	k->project = v->project_name.n ? intern(v->project_name) : v->project.n ? intern(v->project) : 0;
	k->key = v->key.n ? intern(v->key) : 0;
	if (!v->item.n)
		import_note(x, "costs without a line item may be training or inference: export OpenAI's costs grouped by line item");
	x->claimed = v->amount;
	fact(x, CF_TEXT, v->item);
	fact(x, CF_TYPE, v->unit);
	key_add_u64(x, (uint64_t)v->start_us);
	key_add(x, v->item);
	key_add(x, v->project);
	key_add(x, v->key);
	key_add(x, v->user);
	key_add(x, v->organization);
	key_add(x, v->unit);
	return row_end(x, e);
}

/* ---- pages ---- */

static bool is_cost(struct json result)
{
	struct json object = json_get(result, "object");
	if (object.type == JSON_STRING)
		return json_string_eq(object, "organization.costs.result");
	return json_get(result, "amount").type == JSON_OBJECT;
}

static unsigned probe_json(struct json r)
{
	struct json first = json_path(openai_results(r), "[0]");
	if (json_string_eq(json_get(r, "object"), "organization.costs.result"))
		return 60; /* a result without its bucket: it has no time */
	return is_cost(first) && json_get(r, "start_time").type != JSON_NONE ? 100 : 0;
}

static int record(struct import_ctx *x, struct json bucket, uint64_t number, struct err *e)
{
	struct cost v = {0};
	struct json_iter it;
	struct json result;
	struct str none;
	const char *why;
	int rc = 0;
	if (openai_results(bucket).type != JSON_ARRAY)
		return row_reject(x, number, "it is no bucket: a result alone does not say its day");
	if ((why = read_unix(json_get(bucket, "start_time"), &v.start_us)) != NULL)
		return row_reject(x, number, "start_time %s", why);
	if ((why = read_unix(json_get(bucket, "end_time"), &v.end_us)) != NULL)
		return row_reject(x, number, "end_time %s", why);
	row_statement(x);
	import_covers(x, STR("openai"), SIDE_BILL, v.start_us);
	for (json_open(&it, openai_results(bucket)); !rc && json_next(&it, &none, &result);) {
		v.amount = json_text(x, json_path(result, "amount.value"));
		v.currency = json_text(x, json_path(result, "amount.currency"));
		v.item = json_text(x, json_get(result, "line_item"));
		v.project = json_text(x, json_get(result, "project_id"));
		v.project_name = json_text(x, json_get(result, "project_name"));
		v.key = json_text(x, json_get(result, "api_key_id"));
		v.organization = json_text(x, json_get(result, "organization_id"));
		v.unit = json_text(x, json_get(result, "quantity_unit"));
		rc = put(x, number, &v, e);
	}
	return rc;
}

/* ---- CSV ---- */

static unsigned probe_csv(const struct csv *c)
{
	static const char *const must[] = {"start_time", "amount_value", "amount_currency", NULL};
	return header_has(c, must) ? 100 : 0;
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct costs *s = x->state;
	if (!c)
		return 0;
	s->start = csv_column(c, "start_time");
	s->end = csv_column(c, "end_time");
	s->start_iso = csv_column(c, "start_time_iso");
	s->end_iso = csv_column(c, "end_time_iso");
	s->amount = csv_column(c, "amount_value");
	s->currency = csv_column(c, "amount_currency");
	s->item = csv_column(c, "line_item");
	s->project = csv_column(c, "project_id");
	s->project_name = csv_column(c, "project_name");
	s->key = csv_column(c, "api_key_id");
	s->user = csv_column(c, "user_id");
	s->organization = csv_column(c, "organization_id");
	s->unit = csv_column(c, "quantity_unit");
	return 0;
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	const struct costs *s = x->state;
	struct cost v = {
		.amount = str_trim(csv_field(c, s->amount)), .currency = csv_field(c, s->currency),
		.item = str_trim(csv_field(c, s->item)), .project = csv_field(c, s->project),
		.project_name = csv_field(c, s->project_name), .key = csv_field(c, s->key),
		.user = csv_field(c, s->user), .organization = csv_field(c, s->organization),
		.unit = csv_field(c, s->unit),
	};
	const char *why = openai_csv_time(c, s->start, s->start_iso, &v.start_us);
	if (why)
		return row_reject(x, csv_row(c), "start_time %s", why);
	if ((why = openai_csv_time(c, s->end, s->end_iso, &v.end_us)) != NULL)
		return row_reject(x, csv_row(c), "end_time %s", why);
	if (!v.amount.n && !v.item.n)
		return openai_empty_bucket(x, SIDE_BILL, v.start_us);
	return put(x, csv_row(c), &v, e);
}

const struct import_source source_openai_costs = {
	.name = "openai-costs",
	.title = "OpenAI costs: API pages, and the export cost_*.csv",
	.flags = SRC_LINES | SRC_CELLS | SRC_SHORT_ROWS, /* empty buckets have their times alone */
	.state_bytes = sizeof(struct costs),
	.probe_csv = probe_csv,
	.probe_json = probe_json,
	.file_begin = begin,
	.csv_row = row,
	.json_record = record,
};
