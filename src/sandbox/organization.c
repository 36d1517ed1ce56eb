/* SPDX-License-Identifier: Apache-2.0
 *
 * See organization.h: entering answers, and the pages with their buckets, groups and limits.
 *
 * OpenAI: /v1/organization/usage/..., /costs; unix seconds; group_by repeated; at most 31, 168 or 1,440 buckets a page
 * (openai-openapi f85dbe2). Anthropic: /v1/organizations/usage_report/messages and /cost_report; RFC 3339; group_by[]
 * repeated; amounts in cents; speed as a group under its beta header (vendor's documentation, August 2026). Empty
 * buckets are sent, as both do.
 */
#include "sandbox/organization.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/money.h"
#include "sandbox/openai_int.h"

enum { CELLS_MOST = 65536, GROUPS_MOST = 4096, MINUTE_S = 60 };

/* List prices as data/prices has them on 2026-11-21, in 10^-12 USD a token: plain, cache read, out. Written again, so
 * that this side shares no arithmetic with ours. Batches and flex are half of it; before GPT-5 a batch discounts no
 * cache.
 * */
struct org_rate {
	const char *model, *title;
	uint64_t plain, read, write, write_1h, out, train;
};
static const struct org_rate rates[] = {
	{"gpt-5-2025-08-07", NULL, 1250000, 125000, 0, 0, 10000000, 0},
	{"gpt-5-mini-2025-08-07", NULL, 250000, 25000, 0, 0, 2000000, 0},
	{"gpt-5-nano-2025-08-07", NULL, 50000, 5000, 0, 0, 400000, 0},
	{"gpt-4.1-2025-04-14", NULL, 2000000, 500000, 0, 0, 8000000, 25000000},
	{"gpt-4.1-mini-2025-04-14", NULL, 400000, 100000, 0, 0, 1600000, 5000000},
	{"gpt-4.1-nano-2025-04-14", NULL, 100000, 25000, 0, 0, 400000, 1500000},
	{"gpt-4o-2024-08-06", NULL, 2500000, 1250000, 0, 0, 10000000, 25000000},
	{"gpt-4o-mini-2024-07-18", NULL, 150000, 75000, 0, 0, 600000, 3000000},
	{"text-embedding-3-small", NULL, 20000, 0, 0, 0, 0, 0},
	{"text-embedding-3-large", NULL, 130000, 0, 0, 0, 0, 0},
	{"claude-opus-4-5-20251101", "Claude Opus 4.5", 5000000, 500000, 6250000, 10000000, 25000000, 0},
	{"claude-opus-4-6", "Claude Opus 4.6", 5000000, 500000, 6250000, 10000000, 25000000, 0},
	{"claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", 3000000, 300000, 3750000, 6000000, 15000000, 0},
	{"claude-haiku-4-5-20251001", "Claude Haiku 4.5", 1000000, 100000, 1250000, 2000000, 5000000, 0},
};

/* ---- entering ---- */

static bool same_cell(const struct org_cell *a, const struct org_cell *b)
{
	return a->minute == b->minute && a->endpoint == b->endpoint && a->org == b->org && a->batch == b->batch &&
	       strcmp(a->model, b->model) == 0 && strcmp(a->tier, b->tier) == 0 && strcmp(a->geo, b->geo) == 0 &&
	       strcmp(a->speed, b->speed) == 0;
}

/* The newest cells are the likeliest, and a minute has few: no table is needed to find one. */
static struct org_cell *cell_of(struct org *o, const struct org_cell *key)
{
	for (unsigned i = o->count; i-- > 0 && o->cells[i].minute >= key->minute - 1;)
		if (same_cell(&o->cells[i], key))
			return &o->cells[i];
	if (!array_room(o->cells, o->count, o->room, CELLS_MOST)) {
		o->left_out++;
		return NULL;
	}
	o->cells[o->count] = *key;
	return &o->cells[o->count++];
}

void org_fini(struct org *o)
{
	free(o->cells);
}

static uint64_t number(struct json usage, const char *path)
{
	return json_u64_or0(json_path(usage, path));
}

static void count_openai(struct org_cell *c, struct json u)
{
	bool responses = json_get(u, "input_tokens").type == JSON_NUMBER;
	c->n[ORG_IN] = number(u, responses ? "input_tokens" : "prompt_tokens");
	c->n[ORG_OUT] = number(u, responses ? "output_tokens" : "completion_tokens");
	c->n[ORG_READ] = number(u, responses ? "input_tokens_details.cached_tokens"
					     : "prompt_tokens_details.cached_tokens");
	c->n[ORG_WRITE] = number(u, responses ? "input_tokens_details.cache_write_tokens"
			: "prompt_tokens_details.cache_write_tokens");
}

static void count_anthropic(struct org_cell *c, struct json u)
{
	c->n[ORG_READ] = number(u, "cache_read_input_tokens");
	c->n[ORG_WRITE] = number(u, "cache_creation.ephemeral_5m_input_tokens");
	c->n[ORG_WRITE_1H] = number(u, "cache_creation.ephemeral_1h_input_tokens");
	c->n[ORG_IN] = number(u, "input_tokens") + c->n[ORG_READ] + c->n[ORG_WRITE] + c->n[ORG_WRITE_1H];
	c->n[ORG_OUT] = number(u, "output_tokens");
	c->n[ORG_SEARCHES] = number(u, "server_tool_use.web_search_requests");
}

static bool endpoint_of(const struct exchange *x, enum org_endpoint *out)
{
	static const struct {
		const char *surface;
		enum org_endpoint endpoint;
	} all[] = {{"chat", ORG_COMPLETIONS},	  {"completions", ORG_COMPLETIONS}, {"responses", ORG_COMPLETIONS},
		   {"embeddings", ORG_EMBEDDINGS}, {"moderations", ORG_MODERATIONS}, {"images", ORG_IMAGES},
		   {"speech", ORG_SPEECHES},	  {"transcriptions", ORG_TRANSCRIPTIONS}, {"messages", ORG_MESSAGES}};
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(x->a.surface, all[i].surface) == 0) {
			*out = all[i].endpoint;
			return true;
		}
	return false;
}

void org_note(struct exchange *x)
{
	struct org *o = &x->sandbox->org;
	struct org_cell c = {.minute = x->now_us / (MINUTE_S * US_PER_S), .org = x->ask.org, .batch = x->ask.batch},
			*found;
	struct json u;
	if (!x->a.usage.n || x->a.status >= 300 || !str_eqc(x->ask.method, "POST") || !endpoint_of(x, &c.endpoint) ||
	    json_parse(sb_str(&x->a.usage), &u, NULL))
		return;
	str_copy(c.model, sizeof c.model, x->a.model);
	str_copy(c.tier, sizeof c.tier, str_of(x->a.tier ? x->a.tier : ""));
	str_copy(c.geo, sizeof c.geo, str_of(x->a.geo ? x->a.geo : ""));
	str_copy(c.speed, sizeof c.speed, str_of(x->a.speed ? x->a.speed : ""));
	found = cell_of(o, &c);
	if (!found)
		return;
	(c.endpoint == ORG_MESSAGES ? count_anthropic : count_openai)(&c, u);
	c.n[ORG_CALLS] = 1;
	if (c.endpoint == ORG_IMAGES)
		c.n[ORG_OTHER] = json_u64_or0(json_get(x->ask.top, "n")) ? json_u64_or0(json_get(x->ask.top, "n")) : 1;
	if (c.endpoint == ORG_TRANSCRIPTIONS)
		c.n[ORG_OTHER] = number(u, "seconds");
	for (unsigned i = 0; i < ORG_COUNTS; i++)
		found->n[i] += c.n[i];
}

/* As the list has it, whole, so that taking back finds what was added. */
static struct org_cell *same_again(struct org *o, const struct org_cell *key)
{
	for (unsigned i = o->count; i-- > 0;)
		if (same_cell(&o->cells[i], key))
			return &o->cells[i];
	return NULL;
}

void org_note_response(struct exchange *x, uint64_t org, struct str answer, int64_t at_us, bool back)
{
	struct org_cell c = {.minute = at_us / (MINUTE_S * US_PER_S), .org = org, .endpoint = ORG_COMPLETIONS}, *found;
	struct json top;
	if (json_parse(answer, &top, NULL) || json_get(top, "usage").type != JSON_OBJECT)
		return;
	json_string_copy(json_get(top, "model"), c.model, sizeof c.model);
	json_string_copy(json_get(top, "service_tier"), c.tier, sizeof c.tier);
	found = same_again(&x->sandbox->org, &c);
	if (!found && !back)
		found = cell_of(&x->sandbox->org, &c);
	if (!found)
		return;
	count_openai(&c, json_get(top, "usage"));
	c.n[ORG_CALLS] = 1;
	for (unsigned i = 0; i < ORG_COUNTS; i++)
		found->n[i] += back ? -c.n[i] : c.n[i];
}

void org_note_training(struct exchange *x, uint64_t org, const char *model, uint64_t tokens)
{
	struct org_cell c = {.minute = x->now_us / (MINUTE_S * US_PER_S), .org = org, .endpoint = ORG_TRAINING}, *found;
	str_copy(c.model, sizeof c.model, str_of(model));
	found = cell_of(&x->sandbox->org, &c);
	if (found)
		found->n[ORG_IN] += tokens;
}

/* ---- pages ---- */

enum { BY_PROJECT = 1, BY_KEY = 2, BY_MODEL = 4, BY_BATCH = 8, BY_TIER = 16, BY_GEO = 32, BY_ITEM = 64,
		BY_WINDOW = 128, BY_SPEED = 256 };

struct asked {
	int64_t from_s, to_s, width_s;
	unsigned limit, by;
	int64_t first; /* of this page, in buckets from from_s */
};

static bool has_group(const struct exchange *x, const char *name)
{
	struct str rest = x->ask.query;
	while (rest.p && rest.n) {
		struct str value = str_cut(&rest, '&'), key = str_cut(&value, '=');
		if ((str_eqc(key, "group_by") || str_eqc(key, "group_by[]") || str_eqc(key, "group_by%5B%5D")) &&
		    value.p && str_eqc(value, name))
			return true;
	}
	return false;
}

static unsigned groups_of(const struct exchange *x)
{
	static const struct {
		const char *name;
		unsigned by;
	} all[] = {{"project_id", BY_PROJECT},    {"workspace_id", BY_PROJECT}, {"api_key_id", BY_KEY},
		   {"model", BY_MODEL},           {"batch", BY_BATCH},          {"service_tier", BY_TIER},
		   {"inference_geo", BY_GEO},     {"line_item", BY_ITEM},       {"description", BY_ITEM},
		   {"context_window", BY_WINDOW}, {"speed", BY_SPEED}};
	unsigned by = 0;
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		by |= has_group(x, all[i].name) ? all[i].by : 0;
	return by;
}

/* "page_" and the index of its first bucket. */
static bool page_of(const struct exchange *x, int64_t *first)
{
	struct str page = ask_query(x, "page");
	uint64_t n;
	*first = 0;
	if (!page.n)
		return true;
	if (!str_starts(page, STR("page_")) || str_u64(str_sub(page, 5, page.n), &n) || n > 1000000)
		return false;
	*first = (int64_t)n;
	return true;
}

/* Widths with the buckets of a page: given when none are asked for, and at most. */
struct width {
	const char *name;
	int64_t seconds;
	unsigned usual, most;
};
static const struct width widths[] = {{"1d", 86400, 7, 31}, {"1h", 3600, 24, 168}, {"1m", 60, 60, 1440}};
static const struct width cost_width = {"1d", 86400, 7, 180};

static const char *width_of(const struct exchange *x, struct asked *a, bool costs)
{
	struct str name = ask_query(x, "bucket_width"), limit = ask_query(x, "limit");
	const struct width *w = costs ? &cost_width : widths;
	uint64_t n;
	if (name.n && costs && !str_eqc(name, "1d"))
		return "bucket_width must be 1d";
	while (!costs && name.n && w < widths + 3 && !str_eqc(name, w->name))
		w++;
	if (w == widths + 3)
		return "bucket_width must be one of 1m, 1h, 1d";
	a->width_s = w->seconds;
	a->limit = w->usual;
	if (limit.n) {
		if (str_u64(limit, &n) || n < 1 || n > w->most)
			return "limit is out of its range for this bucket_width";
		a->limit = (unsigned)n;
	}
	return NULL;
}

static int64_t floor_to(int64_t v, int64_t step)
{
	return v - ((v % step) + step) % step;
}

struct group {
	const struct org_cell *cell; /* one of it, for its names */
	uint64_t n[ORG_COUNTS];
};

static bool same_group(const struct org_cell *a, const struct org_cell *b, unsigned by)
{
	return (a->endpoint == ORG_TRAINING) == (b->endpoint == ORG_TRAINING) && (!(by & BY_KEY) || a->org == b->org) &&
			(!(by & BY_MODEL) || strcmp(a->model, b->model) == 0) &&
	       (!(by & BY_BATCH) || a->batch == b->batch) && (!(by & BY_TIER) || strcmp(a->tier, b->tier) == 0) &&
	       (!(by & BY_GEO) || strcmp(a->geo, b->geo) == 0) && (!(by & BY_SPEED) || strcmp(a->speed, b->speed) == 0);
}

static unsigned bucket_groups(const struct org *o, int64_t from_s, int64_t to_s, uint64_t endpoints, unsigned by,
		struct group *g)
{
	unsigned n = 0;
	for (unsigned i = 0; i < o->count; i++) {
		const struct org_cell *c = &o->cells[i];
		unsigned k = 0;
		if (c->minute * MINUTE_S < from_s || c->minute * MINUTE_S >= to_s || !(endpoints >> c->endpoint & 1))
			continue;
		while (k < n && !same_group(g[k].cell, c, by))
			k++;
		if (k == GROUPS_MOST)
			continue;
		if (k == n)
			g[n++] = (struct group){.cell = c};
		for (unsigned m = 0; m < ORG_COUNTS; m++)
			g[k].n[m] += c->n[m];
	}
	return n;
}

static void put_id(struct json_out *w, const char *key, bool given, const char *prefix, uint64_t id)
{
	char text[48];
	snprintf(text, sizeof text, "%s%016llx", prefix, (unsigned long long)id);
	jw_kcstr(w, key, given ? text : NULL);
}

static const struct org_rate *rate_of(const char *model)
{
	for (unsigned i = 0; i < sizeof rates / sizeof *rates; i++)
		if (strcmp(rates[i].model, model) == 0)
			return &rates[i];
	return NULL;
}

/* Parts of a group's bill: the vendor's words for each, its tokens and their rate. */
struct part {
	const char *openai, *title, *type;
	uint64_t tokens, rate;
};
static unsigned parts_of(const struct group *g, const struct org_rate *r, struct part p[5])
{
	bool training = g->cell->endpoint == ORG_TRAINING;
	bool half = g->cell->batch || strcmp(g->cell->tier, "flex") == 0 || strcmp(g->cell->tier, "batch") == 0;
	bool full_cache = half && g->cell->batch && strncmp(g->cell->model, "gpt-4", 5) == 0;
	uint64_t plain = g->n[ORG_IN] - g->n[ORG_READ] - g->n[ORG_WRITE] - g->n[ORG_WRITE_1H];
	const struct part all[] = {
		{training ? "fine-tuning training" : "input", "Input Tokens", "uncached_input_tokens", plain,
		 training ? r->train
				: r->plain},
		{"cached input", "Input Tokens, Cache Hit", "cache_read_input_tokens", g->n[ORG_READ],
		 full_cache ? r->plain
				: r->read},
		{"cache write", "Input Tokens, Cache Write, 5 Min Cache", "cache_creation.ephemeral_5m_input_tokens",
				g->n[ORG_WRITE], r->write},
		{"cache write", "Input Tokens, Cache Write, 1 Hr Cache", "cache_creation.ephemeral_1h_input_tokens",
				g->n[ORG_WRITE_1H],
		 r->write_1h},
		{"output", "Output Tokens", "output_tokens", g->n[ORG_OUT], r->out},
	};
	bool fast = strcmp(g->cell->speed,
			   "fast") == 0; /* six times, on the models that have it; none beside a batch */
	for (unsigned i = 0; i < 5; i++) {
		p[i] = all[i];
		p[i].rate = half ? p[i].rate / 2 : fast ? p[i].rate * 6 : p[i].rate;
	}
	return 5;
}

/* ---- OpenAI ---- */

static const struct {
	const char *path, *object;
	uint64_t endpoints;
} usage_paths[] = {
	{"completions", "completions", 1u << ORG_COMPLETIONS},
	{"embeddings", "embeddings", 1u << ORG_EMBEDDINGS},
	{"moderations", "moderations", 1u << ORG_MODERATIONS},
	{"images", "images", 1u << ORG_IMAGES},
	{"audio_speeches", "audio_speeches", 1u << ORG_SPEECHES},
	{"audio_transcriptions", "audio_transcriptions", 1u << ORG_TRANSCRIPTIONS},
	{"vector_stores", "vector_stores", 0},
	{"code_interpreter_sessions", "code_interpreter_sessions", 0},
	{"file_search_calls", "file_searches", 0},
	{"web_search_calls", "web_searches", 0},
};

static void openai_usage_result(struct json_out *w, const struct group *g, unsigned by, const char *object)
{
	const struct org_cell *c = g->cell;
	char kind[80];
	jw_object(w);
	snprintf(kind, sizeof kind, "organization.usage.%s.result", object);
	jw_kcstr(w, "object", kind);
	jw_kcstr(w, "project_id", by & BY_PROJECT ? "proj_sandbox" : NULL);
	jw_kcstr(w, "user_id", NULL);
	put_id(w, "api_key_id", by & BY_KEY, "key_", c->org);
	jw_kcstr(w, "model", by & BY_MODEL ? c->model : NULL);
	jw_ku64(w, "num_model_requests", g->n[ORG_CALLS]);
	switch (c->endpoint) {
	case ORG_COMPLETIONS:
		jw_key(w, "batch");
		if (by & BY_BATCH)
			jw_bool(w, c->batch);
		else
			jw_null(w);
		jw_kcstr(w, "service_tier", by & BY_TIER ? (c->tier[0] ? c->tier : "default") : NULL);
		jw_ku64(w, "input_tokens", g->n[ORG_IN]);
		jw_ku64(w, "input_cached_tokens", g->n[ORG_READ]);
		jw_ku64(w, "input_cache_write_tokens", g->n[ORG_WRITE]);
		jw_ku64(w, "input_uncached_tokens", g->n[ORG_IN] - g->n[ORG_READ] - g->n[ORG_WRITE]);
		jw_ku64(w, "output_tokens", g->n[ORG_OUT]);
		jw_ku64(w, "input_audio_tokens", 0);
		jw_ku64(w, "output_audio_tokens", 0);
		break;
	case ORG_IMAGES:
		jw_ku64(w, "images", g->n[ORG_OTHER]);
		break;
	case ORG_SPEECHES:
		jw_ku64(w, "characters", g->n[ORG_IN]);
		break;
	case ORG_TRANSCRIPTIONS:
		jw_ku64(w, "seconds", g->n[ORG_OTHER]);
		break;
	default:
		jw_ku64(w, "input_tokens", g->n[ORG_IN]);
	}
	jw_end_object(w);
}

static void openai_cost_results(struct json_out *w, const struct group *g, unsigned by)
{
	const struct org_rate *r = rate_of(g->cell->model);
	struct part p[5];
	char item[160], text[MONEY_TEXT];
	unsigned n = r ? parts_of(g, r, p) : 0;
	for (unsigned i = 0; i < n; i++) {
		if (!p[i].tokens)
			continue;
		snprintf(item, sizeof item, "%s, %s", g->cell->model, p[i].openai);
		jw_object(w);
		jw_kcstr(w, "object", "organization.costs.result");
		jw_key(w, "amount");
		jw_object(w);
		jw_key(w, "value");
		jw_raw(w, str_of(money_text((money_wide)p[i].tokens * p[i].rate, text)));
		jw_kcstr(w, "currency", "usd");
		jw_end_object(w);
		jw_kcstr(w, "line_item", by & BY_ITEM ? item : NULL);
		jw_kcstr(w, "project_id", by & BY_PROJECT ? "proj_sandbox" : NULL);
		put_id(w, "api_key_id", by & BY_KEY, "key_", g->cell->org);
		jw_ku64(w, "quantity", p[i].tokens);
		jw_kcstr(w, "quantity_unit", "tokens");
		jw_end_object(w);
	}
}

static void openai_page(struct exchange *x, const struct asked *a, uint64_t endpoints, const char *object)
{
	struct group *g = arena_array(x->arena, struct group, GROUPS_MOST);
	struct json_out w;
	char page[40];
	int64_t at = a->from_s + a->first * a->width_s;
	unsigned buckets = 0;
	openai_head(x);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "object", "page");
	jw_key(&w, "data");
	jw_array(&w);
	for (; g && at < a->to_s && buckets < a->limit; at += a->width_s, buckets++) {
		unsigned n = bucket_groups(&x->sandbox->org, at, at + a->width_s, endpoints,
					   object ? a->by : a->by | BY_MODEL | BY_BATCH | BY_TIER, g);
		jw_object(&w);
		jw_kcstr(&w, "object", "bucket");
		jw_ki64(&w, "start_time", at);
		jw_ki64(&w, "end_time", at + a->width_s);
		jw_key(&w, "results");
		jw_array(&w);
		for (unsigned i = 0; i < n; i++) {
			if (object)
				openai_usage_result(&w, &g[i], a->by, object);
			else
				openai_cost_results(&w, &g[i], a->by);
		}
		jw_end_array(&w);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	snprintf(page, sizeof page, "page_%lld", (long long)(a->first + buckets));
	jw_kbool(&w, "has_more", at < a->to_s);
	jw_kcstr(&w, "next_page", at < a->to_s ? page : NULL);
	jw_end_object(&w);
	answer_indent(x);
}

void openai_organization(struct exchange *x)
{
	static const char usage[] = "/v1/organization/usage/";
	struct asked a = {.by = groups_of(x)};
	struct str path = x->ask.path, from = ask_query(x, "start_time"), to = ask_query(x, "end_time");
	bool costs = str_eqc(path, "/v1/organization/costs");
	const char *wrong;
	uint64_t n = 0;
	unsigned i = 0;
	answer_name(x, "openai", "organization", str_make("", 0), NULL);
	if (!str_icontains(ask_header(x, "authorization"), STR("admin"))) {
		openai_error(x, 403, "invalid_request_error", NULL, NULL,
			     "You have insufficient permissions for this operation. Missing scopes: api.usage.read.");
		return;
	}
	while (!costs && i < sizeof usage_paths / sizeof *usage_paths &&
	       !(str_starts(path, STR(usage)) && str_eqc(str_sub(path, sizeof usage - 1, path.n), usage_paths[i].path)))
		i++;
	if (i == sizeof usage_paths / sizeof *usage_paths) {
		openai_error(x, 404, "invalid_request_error", NULL, NULL, "Invalid URL (GET %.*s)", STR_ARG(path));
		return;
	}
	wrong = width_of(x, &a, costs);
	if (!wrong && (str_u64(from, &n) || n > 4000000000))
		wrong = "Missing required parameter: 'start_time'.";
	else
		a.from_s = (int64_t)n;
	a.to_s = x->now_us / US_PER_S + 1;
	if (!wrong && to.n) {
		if (str_u64(to, &n) || n > 4000000000 || (int64_t)n <= a.from_s)
			wrong = "end_time must be after start_time.";
		else
			a.to_s = (int64_t)n;
	}
	if (!wrong && !page_of(x, &a.first))
		wrong = "page is not a valid cursor.";
	if (wrong) {
		openai_error(x, 400, "invalid_request_error", NULL, NULL, "%s", wrong);
		return;
	}
	a.from_s = floor_to(a.from_s, a.width_s);
	if (costs)
		openai_page(x, &a,
			    1u << ORG_COMPLETIONS | 1u << ORG_EMBEDDINGS | 1u << ORG_MODERATIONS | 1u << ORG_TRAINING,
			    NULL);
	else
		openai_page(x, &a, usage_paths[i].endpoints, usage_paths[i].object);
}

/* ---- Anthropic ---- */

static void anthropic_usage_result(struct json_out *w, const struct group *g, unsigned by)
{
	const struct org_cell *c = g->cell;
	jw_object(w);
	jw_ku64(w, "uncached_input_tokens", g->n[ORG_IN] - g->n[ORG_READ] - g->n[ORG_WRITE] - g->n[ORG_WRITE_1H]);
	jw_key(w, "cache_creation");
	jw_object(w);
	jw_ku64(w, "ephemeral_1h_input_tokens", g->n[ORG_WRITE_1H]);
	jw_ku64(w, "ephemeral_5m_input_tokens", g->n[ORG_WRITE]);
	jw_end_object(w);
	jw_ku64(w, "cache_read_input_tokens", g->n[ORG_READ]);
	jw_ku64(w, "output_tokens", g->n[ORG_OUT]);
	jw_key(w, "server_tool_use");
	jw_object(w);
	jw_ku64(w, "web_search_requests", g->n[ORG_SEARCHES]);
	jw_end_object(w);
	put_id(w, "api_key_id", by & BY_KEY, "apikey_", c->org);
	jw_kcstr(w, "workspace_id", by & BY_PROJECT ? "wrkspc_sandbox" : NULL);
	jw_kcstr(w, "model", by & BY_MODEL ? c->model : NULL);
	jw_kcstr(w, "service_tier", by & BY_TIER ? (c->batch ? "batch" : c->tier[0] ? c->tier : "standard") : NULL);
	jw_kcstr(w, "context_window", by & BY_WINDOW ? "0-200k" : NULL);
	jw_kcstr(w, "inference_geo", by & BY_GEO && c->geo[0] ? c->geo : by & BY_GEO ? "not_available" : NULL);
	if (by & BY_SPEED)
		jw_kcstr(w, "speed", c->speed[0] ? c->speed : "standard");
	jw_end_object(w);
}

/* Cents with twelve decimals: 10^-14 of a dollar would be needed for half a unit, and no rate has it. */
static void anthropic_cost_results(struct json_out *w, const struct group *g, unsigned by)
{
	const struct org_rate *r = rate_of(g->cell->model);
	struct part p[5];
	char text[MONEY_TEXT], words[192];
	unsigned n = r && r->title ? parts_of(g, r, p) : 0;
	for (unsigned i = 0; i < n; i++) {
		if (!p[i].tokens)
			continue;
		snprintf(words, sizeof words, "%s Usage%s%s - %s", r->title, g->cell->batch ? " - Batch" : "",
			 strcmp(g->cell->speed, "fast") == 0 ? " - Fast" : "", p[i].title);
		jw_object(w);
		jw_kcstr(w, "currency", "USD");
		jw_kcstr(w, "amount", money_text((money_wide)p[i].tokens * p[i].rate * 100, text));
		jw_kcstr(w, "workspace_id", by & BY_PROJECT ? "wrkspc_sandbox" : NULL);
		jw_kcstr(w, "description", by & BY_ITEM ? words : NULL);
		jw_kcstr(w, "cost_type", by & BY_ITEM ? "tokens" : NULL);
		jw_kcstr(w, "context_window", by & BY_ITEM ? "0-200k" : NULL);
		jw_kcstr(w, "model", by & BY_ITEM ? g->cell->model : NULL);
		jw_kcstr(w, "service_tier", by & BY_ITEM ? (g->cell->batch ? "batch" : "standard") : NULL);
		jw_kcstr(w, "token_type", by & BY_ITEM ? p[i].type : NULL);
		jw_kcstr(w, "inference_geo", by & BY_ITEM ? "not_available" : NULL);
		jw_end_object(w);
	}
}

static void put_time(struct json_out *w, const char *key, int64_t seconds)
{
	char text[TIME_TEXT];
	jw_kcstr(w, key, time_text(seconds * US_PER_S, text));
}

static void anthropic_page(struct exchange *x, const struct asked *a, bool costs)
{
	struct group *g = arena_array(x->arena, struct group, GROUPS_MOST);
	struct json_out w;
	char page[40];
	int64_t at = a->from_s + a->first * a->width_s;
	unsigned buckets = 0;
	answer_header(x, "request-id", "%s", answer_id(x, "req_", 24));
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_key(&w, "data");
	jw_array(&w);
	for (; g && at < a->to_s && buckets < a->limit; at += a->width_s, buckets++) {
		unsigned by = costs             ? BY_MODEL | BY_BATCH | BY_TIER | BY_SPEED
			      : a->by & BY_TIER ? a->by | BY_BATCH
						: a->by;
		unsigned n = bucket_groups(&x->sandbox->org, at, at + a->width_s, 1u << ORG_MESSAGES, by, g);
		jw_object(&w);
		put_time(&w, "starting_at", at);
		put_time(&w, "ending_at", at + a->width_s);
		jw_key(&w, "results");
		jw_array(&w);
		for (unsigned i = 0; i < n; i++)
			(costs ? anthropic_cost_results : anthropic_usage_result)(&w, &g[i], a->by);
		jw_end_array(&w);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	snprintf(page, sizeof page, "page_%lld", (long long)(a->first + buckets));
	jw_kbool(&w, "has_more", at < a->to_s);
	jw_kcstr(&w, "next_page", at < a->to_s ? page : NULL);
	jw_end_object(&w);
	answer_indent(x);
}

/* A query's "%3A" is ':' again. */
static bool query_time(const struct exchange *x, const char *name, int64_t *seconds)
{
	struct str s = ask_query(x, name);
	char text[64];
	size_t n = 0;
	int64_t us;
	for (size_t i = 0; i < s.n && n + 1 < sizeof text; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && s.p[i + 1] == '3' && (s.p[i + 2] | 32) == 'a') {
			text[n++] = ':';
			i += 2;
		} else {
			text[n++] = s.p[i];
		}
	}
	if (!n || time_parse(str_make(text, n), &us))
		return false;
	*seconds = us / US_PER_S;
	return true;
}

void anthropic_organization(struct exchange *x)
{
	struct asked a = {.by = groups_of(x)};
	bool costs = str_eqc(x->ask.path, "/v1/organizations/cost_report");
	const char *wrong;
	answer_name(x, "anthropic", "organization", str_make("", 0), NULL);
	if (!str_icontains(ask_header(x, "x-api-key"), STR("admin"))) {
		anthropic_error(x, 401, "authentication_error", "invalid x-api-key");
		return;
	}
	if (!costs && !str_eqc(x->ask.path, "/v1/organizations/usage_report/messages")) {
		anthropic_error(x, 404, "not_found_error", "Not found");
		return;
	}
	wrong = width_of(x, &a, costs);
	if (!wrong && a.by & BY_SPEED && !str_contains(ask_header(x, "anthropic-beta"), STR("fast-mode-2026-02-01")))
		wrong = "group_by: speed needs the beta header fast-mode-2026-02-01";
	if (!wrong && !query_time(x, "starting_at", &a.from_s))
		wrong = "starting_at: Field required";
	a.to_s = x->now_us / US_PER_S + 1;
	if (!wrong && ask_query(x, "ending_at").n && (!query_time(x, "ending_at", &a.to_s) || a.to_s <= a.from_s))
		wrong = "ending_at: must be after starting_at";
	if (!wrong && !page_of(x, &a.first))
		wrong = "page: invalid cursor";
	if (!wrong && a.limit > 31 && costs)
		wrong = "limit: Input should be less than or equal to 31";
	if (wrong) {
		anthropic_error(x, 400, "invalid_request_error", "%s", wrong);
		return;
	}
	a.from_s = floor_to(a.from_s, a.width_s);
	anthropic_page(x, &a, costs);
}
