/* SPDX-License-Identifier: Apache-2.0
 *
 * Anthropic: usage_report/messages, cost_report, usage_report/claude_code of the Admin API, and both console exports.
 *
 * 1. Cached tokens stand beside uncached input here (at OpenAI inside): the counts are classes as they are.
 * 2. The cost report's amount is in *cents*, as a decimal string: "123.45" is 1.23 USD. The console's CSV is in
 *    dollars.
 * 3. A long context is a row of its own (context_window): its price is taken from there, not from the row's sum.
 * 4. All of it is inference; Anthropic trains nothing for API customers. Tools of the cost report are told by rule.
 * 5. Priority-tier cost is not in the cost report; its usage is in the usage report.
 */
#include "import/import_i.h"

enum { LONG_CONTEXT_TOK = 200001 }; /* "200k-1M": anything above the step of 200,000 */

static enum tier tier_of(struct str s)
{
	if (!s.n || str_ieq(s, STR("message")) || str_ieq(s, STR("messages")) || str_ieq(s, STR("api")))
		return TIER_STANDARD;
	if (str_icontains(s, STR("batch")))
		return TIER_BATCH;
	if (str_starts(s, STR("priority")))
		return TIER_PRIORITY;
	if (str_starts(s, STR("flex")))
		return TIER_FLEX;
	return tier_parse(s);
}

/* "200k-1M" and "> 200k" are long; "0-200k" and the console's "≤ 200k" are not. */
static bool is_long(struct str window)
{
	struct str t = str_trim(window);
	return str_starts(t, STR("200k")) || str_starts(t, STR(">"));
}

/* What the vendor says of the geography; not_available and global change no price. */
static void set_geo(struct usage *u, struct str geo)
{
	if (geo.n && !str_ieq(geo, STR("not_available")) && !str_ieq(geo, STR("global")))
		str_copy(u->geo, sizeof u->geo, geo);
}

static uint32_t name_of(struct str s)
{
	return s.n ? intern(s) : 0;
}

/* ---- usage report ---- */

/* N_WRITE: the sum of both, or of a time that is not said */
enum { N_IN, N_READ, N_5M, N_1H, N_OUT, N_SEARCH, N_WRITE, NUMBERS };
/* The API's place first; then as mirrors of it flatten the object (read 29 November 2026 in
 * api-evangelist/anthropic). */
static const char *const number_path[NUMBERS][3] = {
	{"uncached_input_tokens"},
	{"cache_read_input_tokens"},
	{"cache_creation.ephemeral_5m_input_tokens", "cache_creation_5m_input_tokens", "ephemeral_5m_input_tokens"},
	{"cache_creation.ephemeral_1h_input_tokens", "cache_creation_1h_input_tokens", "ephemeral_1h_input_tokens"},
	{"output_tokens"},
	{"server_tool_use.web_search_requests", "web_search_requests"},
	{"cache_creation_input_tokens"},
};

struct row {
	int64_t start_us, end_us;
	struct str model, tier, window, geo, speed, workspace, key, account;
	uint64_t n[NUMBERS];
};

static int put_usage(struct import_ctx *x, uint64_t number, const struct row *r, struct err *e)
{
	struct call *k = row_begin(x, number);
	struct usage *u = &k->usage;
	u->tok[CLASS_IN_PLAIN] = r->n[N_IN];
	u->tok[CLASS_IN_CACHE_READ] = r->n[N_READ];
	u->tok[CLASS_IN_CACHE_WRITE_5M] = r->n[N_5M];
	u->tok[CLASS_IN_CACHE_WRITE_1H] = r->n[N_1H];
	u->tok[CLASS_OUT_TEXT] = r->n[N_OUT];
	if (r->n[N_WRITE] > r->n[N_5M] + r->n[N_1H])
		u->tok[CLASS_IN_CACHE_WRITE] = r->n[N_WRITE] - r->n[N_5M] - r->n[N_1H];
	u->tools[TOOL_WEB_SEARCH] = (uint32_t)r->n[N_SEARCH];
	u->vendor_total_tok = usage_total_tok(u);
	u->flags = USAGE_SEEN;
	u->tier = tier_of(r->tier);
	u->fast = str_ieq(r->speed, STR("fast"));
	set_geo(u, r->geo);
	x->context_tok = is_long(r->window) ? LONG_CONTEXT_TOK : 1;
	k->start_us = r->start_us;
	k->end_us = r->end_us;
	k->calls = 0; /* the report does not count requests */
	k->provider = intern(STR("anthropic"));
	k->surface = intern(STR("usage messages"));
	k->model_answered = k->model_asked = name_of(r->model);
	k->project = name_of(r->workspace);
	k->key = name_of(r->key);
	if (!r->model.n)
		import_note(x, "rows without a model cannot be priced: ask for Anthropic usage grouped by model");
	row_is(x, BOOK_INFERENCE, "anthropic-usage");
	key_add_u64(x, (uint64_t)r->start_us);
	key_add_u64(x, (uint64_t)(r->end_us - r->start_us));
	const struct str parts[] = {r->workspace, r->key, r->account, r->model, r->tier, r->window, r->geo, r->speed};
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		key_add(x, parts[i]);
	return row_end(x, e);
}

static int usage_result(struct import_ctx *x, struct json v, struct row *r, uint64_t number, struct err *e)
{
	if (json_get(v, "amount").type != JSON_NONE)
		return row_reject(x, number, "it is a cost, not a count of tokens: a file holds one kind of report");
	for (unsigned i = 0; i < NUMBERS; i++) {
		struct json n = {JSON_NONE, {NULL, 0}};
		const char *why = NULL;
		for (unsigned p = 0; p < 3 && number_path[i][p] && n.type == JSON_NONE; p++)
			n = json_path(v, number_path[i][p]);
		r->n[i] = 0;
		if (n.type == JSON_NONE || n.type == JSON_NULL)
			continue;
		why = n.type == JSON_NUMBER || n.type == JSON_STRING ? read_count(json_text(x, n), &r->n[i])
								     : "is no number";
		if (why || r->n[i] > INT64_MAX / 8)
			return row_reject(x, number, "%s %s", number_path[i][0], why ? why : "is out of range");
	}
	r->model = json_text(x, json_get(v, "model"));
	r->tier = json_text(x, json_get(v, "service_tier"));
	r->window = json_text(x, json_get(v, "context_window"));
	r->geo = json_text(x, json_get(v, "inference_geo"));
	r->speed = json_text(x, json_get(v, "speed"));
	r->workspace = json_text(x, json_get(v, "workspace_id"));
	r->key = json_text(x, json_get(v, "api_key_id"));
	r->account = json_text(x, json_get(v, "account_id"));
	if (!r->account.n)
		r->account = json_text(x, json_get(v, "service_account_id"));
	return put_usage(x, number, r, e);
}

/* Walks the results of a time bucket. */
static int bucket(struct import_ctx *x, struct json b, uint64_t number, struct err *e, enum batch_side side,
		  int (*one)(struct import_ctx *, struct json, struct row *, uint64_t, struct err *))
{
	struct row r = {0};
	struct json_iter it;
	struct json v;
	struct str none;
	const char *why = read_time(json_text(x, json_get(b, "starting_at")), &r.start_us);
	int rc = 0;
	if (why)
		return row_reject(x, number, "starting_at %s", why);
	if ((why = read_time(json_text(x, json_get(b, "ending_at")), &r.end_us)) != NULL)
		return row_reject(x, number, "ending_at %s", why);
	row_statement(x);
	import_covers(x, STR("anthropic"), side, r.start_us);
	for (json_open(&it, json_get(b, "results")); !rc && json_next(&it, &none, &v);)
		rc = one(x, v, &r, number, e);
	return rc;
}

static unsigned probe_usage(struct json b)
{
	if (json_get(b, "starting_at").type != JSON_STRING || json_get(b, "results").type != JSON_ARRAY)
		return 0;
	if (json_count(json_get(b, "results")) == 0)
		return 30; /* a bucket in which nothing happened */
	return json_path(b, "results[0].uncached_input_tokens").type != JSON_NONE ||
			       json_path(b, "results[0].output_tokens").type != JSON_NONE
		       ? 100
		       : 0;
}

static int usage_record(struct import_ctx *x, struct json b, uint64_t number, struct err *e)
{
	return bucket(x, b, number, e, SIDE_USAGE, usage_result);
}

static unsigned probe_usage_csv(const struct csv *c)
{
	static const char *const must[] = {"usage_date_utc", "model_version", "usage_output_tokens", NULL};
	return header_has(c, must) ? 100 : 0;
}

/* A day, or an hour where the time of day is given. */
static const char *console_time(struct str s, struct row *r)
{
	const char *why = read_time(s, &r->start_us);
	r->end_us = r->start_us + (str_trim(s).n > strlen("2026-01-01") ? 3600 * US_PER_S : US_PER_DAY);
	return why;
}

static int usage_row(struct import_ctx *x, struct csv *c, struct err *e)
{
	static const char *const columns[NUMBERS] = {
		"usage_input_tokens_no_cache",
		"usage_input_tokens_cache_read",
		"usage_input_tokens_cache_write_5m",
		"usage_input_tokens_cache_write_1h",
		"usage_output_tokens",
		"web_search_count",
		"usage_input_tokens_cache_write",
	};
	struct row r = {
		.model = csv_field(c, csv_column(c, "model_version")),
		.tier = csv_field(c, csv_column(c, "usage_type")),
		.window = csv_field(c, csv_column(c, "context_window")),
		.geo = csv_field(c, csv_column(c, "inference_geo")),
		.speed = csv_field(c, csv_column(c, "speed")),
		.workspace = csv_field(c, csv_column(c, "workspace")),
		.key = csv_field(c, csv_column(c, "api_key")),
	};
	struct str date = csv_field(c, csv_column(c, "usage_date_utc"));
	const char *why = console_time(date, &r);
	if (why)
		return row_reject(x, csv_row(c), "usage_date_utc '%.*s' %s", STR_ARG(date), why);
	for (unsigned i = 0; i < NUMBERS; i++) {
		struct str v = csv_field(c, csv_column(c, columns[i]));
		if (v.n && (why = read_count(v, &r.n[i])) != NULL)
			return row_reject(x, csv_row(c), "%s '%.*s' %s", columns[i], STR_ARG(v), why);
	}
	return put_usage(x, csv_row(c), &r, e);
}

const struct import_source source_anthropic_usage = {
	.name = "anthropic-usage",
	.title = "Anthropic usage: usage_report/messages pages, and the console's claude_api_tokens_*.csv",
	.flags = SRC_LINES | SRC_CELLS,
	.probe_csv = probe_usage_csv,
	.probe_json = probe_usage,
	.csv_row = usage_row,
	.json_record = usage_record,
};

/* ---- cost report ---- */

struct cost {
	struct str amount, currency, type, description, model, token_type, tier, window, geo, workspace, key, speed;
	bool cents;
};

/* Rule 2: cents to the currency's unit is two more decimals, exactly. */
static const char *cost_pico(const struct cost *v, int64_t *pico)
{
	money_wide wide;
	bool exact;
	const char *why = read_money(v->amount, pico, NULL);
	if (why || !v->cents)
		return why;
	if (decimal_scaled(str_trim(v->amount), 10, &wide, &exact)) /* a cent is 10^10 pico */
		return "is no number";
	*pico = (int64_t)wide;
	return NULL;
}

static int put_cost(struct import_ctx *x, uint64_t number, const struct row *r, const struct cost *v, struct err *e)
{
	struct call *k = row_begin(x, number);
	struct currency cur;
	const char *why = cost_pico(v, &k->billed_pico);
	char text[MONEY_TEXT];
	if (why)
		return row_reject(x, number, "the amount '%.*s' %s", STR_ARG(v->amount), why);
	if (currency_parse(v->currency, &cur))
		return row_reject(x, number, "'%.*s' is no currency code", STR_ARG(v->currency));
	k->start_us = r->start_us;
	k->end_us = r->end_us;
	k->calls = 0;
	k->currency = intern(str_of(cur.code));
	k->provider = intern(STR("anthropic"));
	k->model_answered = k->model_asked = name_of(v->model.n ? v->model : v->description);
	k->project = name_of(v->workspace);
	k->key = name_of(v->key);
	k->usage.tier = tier_of(v->tier);
	x->claimed = v->cents ? str_of(money_text(k->billed_pico, text)) : v->amount; /* in the row's currency */
	x->class_source = "anthropic-costs";
	fact(x, CF_TYPE, v->type.n ? v->type : STR("tokens"));
	fact(x, CF_TEXT, v->description);
	key_add_u64(x, (uint64_t)r->start_us);
	key_add_u64(x, (uint64_t)(r->end_us - r->start_us));
	const struct str parts[] = {v->workspace, v->key,    v->description, v->model, v->token_type,
				    v->tier,      v->window, v->geo,         v->type,  v->speed};
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		key_add(x, parts[i]);
	return row_end(x, e);
}

static int cost_result(struct import_ctx *x, struct json j, struct row *r, uint64_t number, struct err *e)
{
	const struct cost v = {
		.amount = json_text(x, json_get(j, "amount")),
		.currency = json_text(x, json_get(j, "currency")),
		.type = json_text(x, json_get(j, "cost_type")),
		.description = json_text(x, json_get(j, "description")),
		.model = json_text(x, json_get(j, "model")),
		.token_type = json_text(x, json_get(j, "token_type")),
		.tier = json_text(x, json_get(j, "service_tier")),
		.window = json_text(x, json_get(j, "context_window")),
		.geo = json_text(x, json_get(j, "inference_geo")),
		.workspace = json_text(x, json_get(j, "workspace_id")),
		.cents = true,
	};
	return put_cost(x, number, r, &v, e);
}

static unsigned probe_cost(struct json b)
{
	struct json first = json_path(b, "results[0]");
	return json_get(b, "starting_at").type == JSON_STRING && json_get(first, "amount").type != JSON_NONE &&
			       (json_get(first, "currency").type != JSON_NONE ||
				json_get(first, "cost_type").type != JSON_NONE)
		       ? 100
		       : 0;
}

static int cost_record(struct import_ctx *x, struct json b, uint64_t number, struct err *e)
{
	return bucket(x, b, number, e, SIDE_BILL, cost_result);
}

static unsigned probe_cost_csv(const struct csv *c)
{
	static const char *const must[] = {"usage_date_utc", "cost_usd", "token_type", NULL};
	return header_has(c, must) ? 100 : 0;
}

static int cost_row(struct import_ctx *x, struct csv *c, struct err *e)
{
	const struct cost v = {
		.amount = csv_field(c, csv_column(c, "cost_usd")),
		.currency = STR("USD"),
		.type = csv_field(c, csv_column(c, "cost_type")),
		.model = csv_field(c, csv_column(c, "model")),
		.token_type = csv_field(c, csv_column(c, "token_type")),
		.tier = csv_field(c, csv_column(c, "usage_type")),
		.window = csv_field(c, csv_column(c, "context_window")),
		.geo = csv_field(c, csv_column(c, "inference_geo")),
		.workspace = csv_field(c, csv_column(c, "workspace")),
		.key = csv_field(c, csv_column(c, "api_key")),
		.speed = csv_field(c, csv_column(c, "speed")),
	};
	struct row r = {0};
	struct str date = csv_field(c, csv_column(c, "usage_date_utc"));
	const char *why = console_time(date, &r);
	if (why)
		return row_reject(x, csv_row(c), "usage_date_utc '%.*s' %s", STR_ARG(date), why);
	return put_cost(x, csv_row(c), &r, &v, e);
}

const struct import_source source_anthropic_costs = {
	.name = "anthropic-costs",
	.title = "Anthropic costs: cost_report pages (cents), and the console's claude_api_cost_*.csv (dollars)",
	.flags = SRC_LINES | SRC_CELLS,
	.probe_csv = probe_cost_csv,
	.probe_json = probe_cost,
	.csv_row = cost_row,
	.json_record = cost_record,
};

/* ---- usage_report/claude_code: per person and model ---- */

static unsigned probe_people(struct json r)
{
	return json_get(r, "actor").type == JSON_OBJECT && json_get(r, "model_breakdown").type == JSON_ARRAY ? 100 : 0;
}

static int person_model(struct import_ctx *x, struct json r, struct json m, int64_t day_us, uint64_t number,
			struct err *e)
{
	struct call *k = row_begin(x, number);
	struct usage *u = &k->usage;
	struct json tokens = json_get(m, "tokens");
	struct cost v = {.amount = json_text(x, json_path(m, "estimated_cost.amount")), .cents = true};
	struct str who = json_text(x, json_path(r, "actor.email_address"));
	static const struct {
		const char *name;
		enum token_class cls;
	} counts[] = {{"input", CLASS_IN_PLAIN},
		      {"cache_read", CLASS_IN_CACHE_READ},
		      {"cache_creation", CLASS_IN_CACHE_WRITE},
		      {"output", CLASS_OUT_TEXT}};
	int64_t claimed;
	char text[MONEY_TEXT];
	if (!who.n)
		who = json_text(x, json_path(r, "actor.api_key_name"));
	for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct str said = json_text(x, json_get(tokens, counts[i].name));
		const char *why = said.n ? read_count(said, &u->tok[counts[i].cls]) : NULL;
		if (why)
			return row_reject(x, number, "tokens.%s %s", counts[i].name, why);
	}
	u->vendor_total_tok = usage_total_tok(u);
	u->flags = USAGE_SEEN;
	u->tier = TIER_STANDARD;
	x->context_tok = 1;
	k->start_us = day_us;
	k->end_us = day_us + US_PER_DAY;
	k->calls = 0;
	k->provider = intern(STR("anthropic"));
	k->surface = intern(STR("usage claude code"));
	k->model_answered = k->model_asked = json_name(x, json_get(m, "model"));
	k->key = name_of(who);
	if (v.amount.n && !cost_pico(&v, &claimed)) {
		x->claimed = str_of(money_text(claimed, text));
		x->claim_counts = true;
		k->currency = intern(STR("USD"));
	}
	row_is(x, BOOK_INFERENCE, "anthropic-usage");
	key_add_u64(x, (uint64_t)day_us);
	key_add(x, who);
	key_add(x, json_text(x, json_get(r, "terminal_type")));
	key_add(x, json_text(x, json_get(r, "customer_type")));
	key_add(x, json_text(x, json_get(m, "model")));
	return row_end(x, e);
}

static int people_record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	struct json_iter it;
	struct json m;
	struct str none;
	int64_t day_us;
	const char *why = read_time(json_text(x, json_get(r, "date")), &day_us);
	int rc = 0;
	if (why)
		return row_reject(x, number, "date %s", why);
	for (json_open(&it, json_get(r, "model_breakdown")); !rc && json_next(&it, &none, &m);)
		rc = person_model(x, r, m, day_us, number, e);
	return rc;
}

const struct import_source source_anthropic_people = {
	.name = "anthropic-claude-code",
	.title = "Anthropic usage_report/claude_code: per person and model, with the vendor's estimate",
	.flags = SRC_LINES | SRC_OCCURRENCE,
	.probe_json = probe_people,
	.json_record = people_record,
};
