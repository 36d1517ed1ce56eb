/* SPDX-License-Identifier: Apache-2.0
 *
 * Langfuse: observations, as the API, the JSON, CSV and blob exports give them (camel or snake case), alone or beside
 * their trace.
 *
 * 1. Keys of usageDetails are not normalised (input, input_tokens, promptTokenCount, input_cache_read ... over 40
 *    spellings, sources.md 2.9): they are read by their words.
 * 2. Only leaves count: an AGENT, or a generateText around its doGenerate, repeats what is below it.
 * 3. Langfuse's cost is its own estimate: claimed, never billed.
 */
#include <stdio.h>

#include "import/spans.h"

static struct json either(struct json r, const char *camel, const char *snake)
{
	struct json v = json_get(r, camel);
	return v.type != JSON_NONE ? v : json_get(r, snake);
}

static unsigned probe(struct json r)
{
	bool trace = either(r, "traceId", "trace_id").type == JSON_STRING;
	bool usage = either(r, "usageDetails", "usage_details").type != JSON_NONE ||
		     json_get(r, "usage").type == JSON_OBJECT;
	return trace && usage && json_get(r, "type").type == JSON_STRING ? 100 : 0;
}

/* A map that may come as text. */
static struct json map_of(struct import_ctx *x, struct json v)
{
	struct json m = v;
	if (v.type == JSON_STRING && json_parse(json_text(x, v), &m, NULL))
		m.type = JSON_NONE;
	return m;
}

static unsigned probe_csv(const struct csv *c)
{
	bool trace = csv_column(c, "trace_id") >= 0 || csv_column(c, "traceId") >= 0;
	bool usage = csv_column(c, "usage_details") >= 0 || csv_column(c, "usageDetails") >= 0 ||
		     csv_column(c, "inputUsage") >= 0;
	return trace && usage && csv_column(c, "id") >= 0 && csv_column(c, "type") >= 0 ? 100 : 0;
}

/* Counts of exports without usageDetails: `usage` of the first API, columns of the first CSV. */
static void older_usage(struct import_ctx *x, struct json r, struct named_counts *c)
{
	static const char *const names[][2] = {{"usage.input", "input"},  {"usage.output", "output"},
					       {"usage.total", "total"},  {"inputUsage", "input"},
					       {"outputUsage", "output"}, {"totalUsage", "total"}};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		struct json v = json_path(r, names[i][0]);
		uint64_t n;
		if (v.type == JSON_STRING ? read_count(json_text(x, v), &n) == NULL : json_u64(v, &n) == 0)
			named_count_add(c, str_of(names[i][1]), n);
	}
}

static uint64_t id_of(struct import_ctx *x, struct json r, struct json id)
{
	struct str t = json_text(x, either(r, "traceId", "trace_id")), s = json_text(x, id);
	uint64_t part[2] = {hash_xxh3(t.p, t.n), hash_xxh3(s.p, s.n)};
	return s.n ? hash_xxh3(part, sizeof part) | 1 : 0;
}

/* One member of usageDetails, "prompt_tokens_details" as its members. Blob exports may write counts as texts. NULL or a
 * reason. */
static const char *read_detail(struct import_ctx *x, struct str key, struct json value, struct named_counts *c)
{
	struct json_iter it;
	struct json inner;
	struct str name;
	char path[160];
	uint64_t v;
	const char *why = NULL;
	if (value.type == JSON_OBJECT) {
		for (json_open(&it, value);
		     !why && key.n < 80 && json_next(&it, &name, &inner) && inner.type != JSON_OBJECT;) {
			snprintf(path, sizeof path, "%.*s.%.*s", STR_ARG(key), (int)(name.n < 64 ? name.n : 64),
				 name.p);
			why = read_detail(x, str_of(path), inner, c);
		}
		return why;
	}
	if (value.type != JSON_NUMBER && value.type != JSON_STRING)
		return NULL;
	why = read_count(json_text(x, value), &v);
	if (!why)
		named_count_add(c, key, v);
	return why;
}

static const char *read_usage(struct import_ctx *x, struct json r, struct span *n)
{
	struct named_counts c = {0};
	struct json_iter it;
	struct json value, unit;
	struct str key;
	const char *why = NULL;
	bool bare = false, anthropic = false, prompt = false;
	for (json_open(&it, map_of(x, either(r, "usageDetails", "usage_details")));
	     !why && json_next(&it, &key, &value);) {
		why = read_detail(x, key, value, &c);
		bare = bare || str_eqc(key, "input");
		anthropic = anthropic || str_eqc(key, "cache_read_input_tokens") ||
			    str_eqc(key, "cache_creation_input_tokens");
		prompt = prompt || str_icontains(key, STR("prompt"));
	}
	if (!c.any && !c.has_total)
		older_usage(x, r, &c);
	unit = json_path(r, "usage.unit"); /* CHARACTERS, SECONDS, IMAGES ... */
	if (c.any && unit.type == JSON_STRING && !str_ieq(json_raw_string(unit), STR("TOKENS"))) {
		n->used = n->uncounted = true;
		return why;
	}
	/* Langfuse prices each key by itself, so its own keys exclude each other; raw ones mean what their vendor
	 * means */
	c.beside = bare || (anthropic && !prompt);
	n->used = c.any;
	named_counts_read(&c, n->tok, &n->flags);
	return why;
}

/* "openai" for gpt-..., told by the span's own attributes where it has them. */
static uint32_t provider_of(struct import_ctx *x, struct json r)
{
	static const char *const names[] = {"gen_ai.provider.name", "gen_ai.system", "llm.system"};
	struct json attributes = map_of(x, json_get(map_of(x, json_get(r, "metadata")), "attributes"));
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		struct json v = json_get(attributes, names[i]);
		if (v.type == JSON_STRING)
			return provider_named(json_text(x, v));
	}
	return 0;
}

/* The blob export gives each state of an observation; the newest counts. */
static int64_t version_of(struct import_ctx *x, struct json r)
{
	static const char *const names[] = {"event_ts", "updatedAt", "updated_at"};
	int64_t us = 0;
	for (unsigned i = 0; i < sizeof names / sizeof *names && !us; i++) {
		struct json v = json_get(r, names[i]);
		if (v.type == JSON_NONE || v.type == JSON_NULL || read_moment(x, v, &us))
			us = 0;
	}
	return us;
}

/* Langfuse's own figure: the total of observations, or of their cost map. */
static struct json cost_of(struct import_ctx *x, struct json r)
{
	static const char *const names[] = {"totalCost", "total_cost", "calculatedTotalCost", "calculated_total_cost"};
	struct json v = {JSON_NONE, {NULL, 0}};
	for (unsigned i = 0; i < sizeof names / sizeof *names && v.type != JSON_NUMBER && v.type != JSON_STRING; i++)
		v = json_get(r, names[i]);
	return v.type == JSON_NUMBER || v.type == JSON_STRING
		       ? v
		       : json_get(map_of(x, either(r, "costDetails", "cost_details")), "total");
}

static int record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	struct span n;
	struct json model = json_get(r, "model"), cost = cost_of(x, r);
	struct str environment = json_text(x, json_get(r, "environment"));
	struct json begun = either(r, "completionStartTime", "completion_start_time");
	const char *why;
	span_init(&n);
	n.number = number;
	n.id = id_of(x, r, json_get(r, "id"));
	n.parent = id_of(x, r, either(r, "parentObservationId", "parent_observation_id"));
	if (!n.id)
		return row_reject(x, number, "the observation has no id");
	if ((why = read_usage(x, r, &n)) != NULL)
		return row_reject(x, number, "a count of usageDetails %s", why);
	n.version = version_of(x, r);
	if (json_u64_or0(json_get(r, "is_deleted")) || json_string_eq(json_get(r, "is_deleted"), "1"))
		n.used = false;
	if (!n.used)
		return spans_add(x, x->state, &n, e);
	if ((why = read_time(json_text(x, either(r, "startTime", "start_time")), &n.start_us)) != NULL)
		return row_reject(x, number, "startTime %s", why);
	if (read_time(json_text(x, either(r, "endTime", "end_time")), &n.end_us))
		n.end_us = n.start_us;
	if (begun.type == JSON_STRING) {
		int64_t us;
		n.streamed = true;
		if (!read_time(json_text(x, begun), &us) && us > n.start_us && us - n.start_us < UINT32_MAX)
			n.ttft_us = (uint32_t)(us - n.start_us);
	}
	if (model.type != JSON_STRING)
		model = either(r, "providedModelName", "provided_model_name");
	n.model = n.model_asked = json_name(x, model);
	n.provider = provider_of(x, r);
	n.surface = intern(STR("langfuse"));
	n.project = json_name(x, either(r, "projectId", "project_id"));
	if (environment.n && !str_eqc(environment, "default") && !str_eqc(environment, "production"))
		n.env = intern(environment);
	n.agent = json_string_eq(json_get(r, "type"), "AGENT");
	n.failed = json_string_eq(json_get(r, "level"), "ERROR");
	if (cost.type == JSON_NUMBER || cost.type == JSON_STRING)
		if (money_parse(json_text(x, cost), &n.claimed_pico, NULL))
			n.claimed_pico = INT64_MIN;
	return spans_add(x, x->state, &n, e);
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	return record(x, csv_record(x, c), csv_row(c), e);
}

static int finish(struct import_ctx *x, struct err *e)
{
	return spans_finish(x, x->state, e);
}

static void state_free(struct import_ctx *x)
{
	spans_fini(x->state);
}

const struct import_source source_langfuse = {
	.name = "langfuse",
	.title = "Langfuse observations (API, JSON, CSV and blob exports)",
	.flags = SRC_LINES,
	.state_bytes = sizeof(struct spans),
	.probe_csv = probe_csv,
	.probe_json = probe,
	.csv_row = row,
	.json_record = record,
	.batch_end = finish,
	.state_free = state_free,
};
