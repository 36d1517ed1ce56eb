/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenTelemetry GenAI spans: OTLP JSON, as the collector's file exporter writes it (a document, or one a line), and
 * spans alone with attributes as a map, as SDKs' file and console exporters write them (Copilot CLI's ~/.copilot/otel).
 *
 * 1. gen_ai.usage.input_tokens includes what was cached, output_tokens includes reasoning (semantic conventions for
 *    generative AI); the older names prompt_tokens and completion_tokens are read too. Details that are larger than
 *    the whole make a mismatch.
 * 2. Only leaves that used a model count; a span whose operation is an agent's never does.
 * 3. No cost is in a span: it is priced by our book.
 * 4. What our own gateway exported (gate/telemetry.c) comes back as it went out: "runrate.usage.CLASS", team, feature.
 */
#include "import/spans.h"

enum attribute {
	A_PROVIDER, A_SYSTEM, A_OPERATION, A_ASKED, A_ANSWERED, A_ID, A_TIER, A_TIER_OLD, A_SERVICE, A_ENV, A_ENV_OLD,
	A_TEAM, A_OUR_TEAM, A_OUR_FEATURE, A_MODEL_INFERENCE, A_MODEL_SDK, ATTRIBUTES
};
static const char *const attribute_name[ATTRIBUTES] = {
	"gen_ai.provider.name",
	"gen_ai.system",
	"gen_ai.operation.name",
	"gen_ai.request.model",
	"gen_ai.response.model",
	"gen_ai.response.id",
	"openai.response.service_tier",
	"gen_ai.openai.response.service_tier",
	"service.name",
	"deployment.environment.name",
	"deployment.environment",
	"team",
	"runrate.team",
	"runrate.feature",
	"llm.model_name",
	"ai.model.id",
};

struct attributes {
	struct json v[ATTRIBUTES];
	struct named_counts counts;
	uint64_t own[CLASSES]; /* spans that our own gateway exported say the very classes */
	bool has_own;
};

/* The first of the paths that is there. */
static struct json one_of(struct json v, const char *const *paths)
{
	struct json found = {JSON_NONE, {NULL, 0}};
	for (; *paths && (found.type == JSON_NONE || found.type == JSON_NULL); paths++)
		found = json_path(v, *paths);
	return found;
}

static const char *const trace_paths[] = {"traceId", "trace_id", "spanContext.traceId", "context.trace_id", NULL};
static const char *const span_paths[] = {"spanId", "span_id", "spanContext.spanId", "context.span_id", NULL};
static const char *const parent_paths[] = {"parentSpanId", "parent_span_id", "parentSpanContext.spanId", "parent_id",
					   NULL};
static const char *const start_nanos[] = {"startTimeUnixNano", "start_time_unix_nano", NULL},
			 *const end_nanos[] = {"endTimeUnixNano", "end_time_unix_nano", NULL};
static const char *const start_paths[] = {"startTime", "start_time", NULL}, *const end_paths[] = {"endTime", "end_time",
												  NULL};

static bool is_span(struct json r)
{
	return json_get(r, "attributes").type == JSON_OBJECT && json_get(r, "name").type == JSON_STRING &&
	       one_of(r, span_paths).type == JSON_STRING && one_of(r, start_paths).type != JSON_NONE;
}

static unsigned probe(struct json r)
{
	bool scopes = json_get(r, "scopeSpans").type == JSON_ARRAY || json_get(r, "scope_spans").type == JSON_ARRAY ||
		      json_get(r, "instrumentationLibrarySpans").type == JSON_ARRAY;
	return scopes || is_span(r) ? 100 : 0;
}

/* {"stringValue": "x"}, {"intValue": "12"} or {"intValue": 12}. */
static struct json value_of(struct json any)
{
	struct json_iter it;
	struct json v = {JSON_NONE, {NULL, 0}};
	struct str key;
	json_open(&it, any);
	json_next(&it, &key, &v);
	return v;
}

static bool count_of(struct import_ctx *x, struct json v, uint64_t *out)
{
	return v.type == JSON_STRING ? str_u64(json_text(x, v), out) == 0 : json_u64(v, out) == 0;
}

static void read_attributes(struct import_ctx *x, struct json list, struct attributes *a)
{
	/* the semantic conventions; before them Traceloop's, OpenInference's and Vercel AI SDK's names */
	static const char *const usage[] = {"gen_ai.usage.", "llm.usage.", "llm.token_count.", "ai.usage."};
	static const struct str own = {"runrate.usage.", 14};
	struct json_iter it;
	struct json one;
	struct str key;
	for (json_open(&it, list); json_next(&it, &key, &one);) {
		bool map = list.type == JSON_OBJECT;
		struct str name = map ? key : json_text(x, json_get(one, "key"));
		struct json v = map ? one : value_of(json_get(one, "value"));
		uint64_t n;
		for (unsigned i = 0; i < ATTRIBUTES; i++)
			if (str_eqc(name, attribute_name[i]))
				a->v[i] = v;
		for (unsigned i = 0; i < sizeof usage / sizeof *usage; i++)
			if (str_starts(name, str_of(usage[i])) && !str_contains(name, STR(".details.")) &&
			    count_of(x, v, &n))
				named_count_add(&a->counts, str_sub(name, strlen(usage[i]), name.n), n);
		for (unsigned i = 0; i < CLASSES && str_starts(name, own); i++)
			if (str_eqc(str_sub(name, own.n, name.n), token_class_name((enum token_class)i)) &&
			    count_of(x, v, &n)) {
				a->own[i] = n;
				a->has_own = true;
			}
	}
}

static uint64_t hash_id(struct json trace, struct json span)
{
	struct str t = json_raw_string(trace), s = json_raw_string(span);
	uint64_t part[2] = {hash_xxh3(t.p, t.n), hash_xxh3(s.p, s.n)};
	return s.n ? hash_xxh3(part, sizeof part) | 1 : 0;
}

static bool nano_time(struct import_ctx *x, struct json v, int64_t *us)
{
	uint64_t ns;
	if (!count_of(x, v, &ns) || ns == 0 || ns > INT64_MAX)
		return false;
	*us = (int64_t)(ns / 1000);
	return true;
}

static uint32_t first_name(struct import_ctx *x, const struct attributes *a, enum attribute one, enum attribute two)
{
	uint32_t id = json_name(x, a->v[one]);
	return id ? id : json_name(x, a->v[two]);
}

static int one_span(struct import_ctx *x, struct json s, const struct attributes *resource, uint64_t number,
		    struct err *e)
{
	struct attributes a = *resource;
	struct span n;
	struct str operation, tier, env;
	struct json trace = one_of(s, trace_paths);
	const char *why;
	span_init(&n);
	memset(&a.counts, 0, sizeof a.counts);
	memset(a.own, 0, sizeof a.own);
	a.has_own = false;
	read_attributes(x, json_get(s, "attributes"), &a);
	n.number = number;
	n.id = hash_id(trace, one_of(s, span_paths));
	n.parent = hash_id(trace, one_of(s, parent_paths));
	if (!n.id)
		return row_reject(x, number, "a span has no spanId");
	n.used = a.counts.any;
	if (!n.used)
		return spans_add(x, x->state, &n, e);
	if (!nano_time(x, one_of(s, start_nanos), &n.start_us) &&
	    (why = read_moment(x, one_of(s, start_paths), &n.start_us)) != NULL)
		return row_reject(x, number, "a span's start time %s", why);
	if (!nano_time(x, one_of(s, end_nanos), &n.end_us) && read_moment(x, one_of(s, end_paths), &n.end_us))
		n.end_us = n.start_us;
	named_counts_read(&a.counts, n.tok, &n.flags);
	for (unsigned i = 0; i < CLASSES && a.has_own; i++)
		n.tok[i] = a.own[i] < UINT32_MAX ? (uint32_t)a.own[i] : UINT32_MAX;
	operation = json_text(x, a.v[A_OPERATION]);
	n.agent = str_contains(operation, STR("agent")) || str_contains(operation, STR("workflow"));
	n.provider = provider_named(intern_str(first_name(x, &a, A_PROVIDER, A_SYSTEM)));
	n.model = first_name(x, &a, A_ANSWERED, A_ASKED);
	n.model_asked = first_name(x, &a, A_ASKED, A_ANSWERED);
	if (!n.model)
		n.model = n.model_asked = first_name(x, &a, A_MODEL_INFERENCE, A_MODEL_SDK);
	n.reference = json_name(x, a.v[A_ID]);
	n.surface = intern(operation.n ? operation : STR("otel"));
	n.feature = first_name(x, &a, A_OUR_FEATURE, A_SERVICE);
	n.team = first_name(x, &a, A_OUR_TEAM, A_TEAM);
	env = intern_str(first_name(x, &a, A_ENV, A_ENV_OLD));
	n.env = env.n && !str_ieq(env, STR("production")) && !str_ieq(env, STR("prod")) ? intern(env) : 0;
	tier = intern_str(first_name(x, &a, A_TIER, A_TIER_OLD));
	n.tier = (uint8_t)(tier.n ? tier_parse(tier) : TIER_STANDARD);
	n.failed = json_u64_or0(json_path(s, "status.code")) == 2;
	return spans_add(x, x->state, &n, e);
}

static int record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	static const char *const scopes[] = {"scopeSpans", "scope_spans", "instrumentationLibrarySpans"};
	struct attributes resource = {0};
	struct json_iter it, inner;
	struct json scope, span, list = {JSON_NONE, {NULL, 0}};
	struct str none;
	int rc = 0;
	read_attributes(x, json_path(r, "resource.attributes"), &resource);
	if (is_span(r))
		return one_span(x, r, &resource, number, e);
	for (unsigned i = 0; i < sizeof scopes / sizeof *scopes && list.type != JSON_ARRAY; i++)
		list = json_get(r, scopes[i]);
	for (json_open(&it, list); !rc && json_next(&it, &none, &scope);)
		for (json_open(&inner, json_get(scope, "spans")); !rc && json_next(&inner, &none, &span);)
			rc = one_span(x, span, &resource, number, e);
	return rc;
}

static int finish(struct import_ctx *x, struct err *e)
{
	return spans_finish(x, x->state, e);
}

static void state_free(struct import_ctx *x)
{
	spans_fini(x->state);
}

const struct import_source source_otel = {
	.name = "otel",
	.title = "OpenTelemetry GenAI spans (OTLP JSON; spans of file exporters, Copilot CLI)",
	.flags = SRC_LINES,
	.state_bytes = sizeof(struct spans),
	.probe_json = probe,
	.json_record = record,
	.batch_end = finish,
	.state_free = state_free,
};
