/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's usage: the API's pages (GET /organization/usage/...) and the CSV exports completions_usage_*.csv and kin.
 *
 * 1. input_tokens includes what was read from and written to the cache, and audio and images; the parts are taken out
 *    so that each token stands in one class. Where the stated parts do not sum to it, the row is a mismatch.
 * 2. input_audio_tokens excludes cached audio where input_cached_audio_tokens is stated beside it (the examples of
 *    openai-openapi f85dbe2 sum only so), and the same holds for text and images.
 * 3. A bucket's key is its time, width and all that it is grouped by. A later export of a bucket that has grown
 *    revises it.
 * 4. Everything here is inference; training is only in the costs and in the jobs. A model named ft:... is a tuned
 *    model that serves.
 * 5. A result of an endpoint that we do not know yet (usage/decisions came in November 2026) is read by the counts that
 *    it has, and keeps its name. So is a table, which does not say its endpoint.
 */
#include <stdio.h>

#include "import/openai.h"

#define FIELDS(X)                                                                                                     \
	X(input_tokens) X(input_cached_tokens) X(input_cache_write_tokens) X(input_uncached_tokens) X(output_tokens)  \
	X(input_text_tokens) X(output_text_tokens) X(input_cached_text_tokens) X(input_audio_tokens)                  \
	X(input_cached_audio_tokens) X(output_audio_tokens) X(input_image_tokens) X(input_cached_image_tokens)        \
	X(output_image_tokens) X(num_model_requests) X(images) X(characters) X(seconds) X(usage_bytes)                \
	X(num_sessions) X(num_requests)                                                                               \
	X(project_id) X(user_id) X(api_key_id) X(model) X(batch) X(service_tier) X(size) X(source)                    \
	X(vector_store_id) X(context_level) X(project_name)
enum field {
#define X(name) F_##name,
	FIELDS(X)
#undef X
	FIELD_COUNT,
	COUNTS = F_project_id /* the fields before it are numbers */
};
static const char *const field_name[FIELD_COUNT] = {
#define X(name) #name,
	FIELDS(X)
#undef X
};

enum endpoint { COMPLETIONS, EMBEDDINGS, MODERATIONS, IMAGES, SPEECHES, TRANSCRIPTIONS, STORES, SESSIONS, FILE_SEARCHES,
	WEB_SEARCHES, ENDPOINTS };
static const struct {
	const char *object, *surface;
} endpoints[ENDPOINTS] = {
	{"organization.usage.completions.result", "usage completions"},
	{"organization.usage.embeddings.result", "usage embeddings"},
	{"organization.usage.moderations.result", "usage moderations"},
	{"organization.usage.images.result", "usage images"},
	{"organization.usage.audio_speeches.result", "usage speeches"},
	{"organization.usage.audio_transcriptions.result", "usage transcriptions"},
	{"organization.usage.vector_stores.result", "usage vector stores"},
	{"organization.usage.code_interpreter_sessions.result", "usage code interpreter"},
	{"organization.usage.file_searches.result", "usage file search"},
	{"organization.usage.web_searches.result", "usage web search"},
};

struct usage_state {
	int col[FIELD_COUNT], start, end, start_iso, end_iso;
	enum endpoint endpoint; /* of a CSV */
};

struct bucket_row {
	enum endpoint endpoint;
	int64_t start_us, end_us;
	struct str kind;   /* what the surface is called; of an endpoint that we do not know */
	struct str text[FIELD_COUNT];
	bool given[COUNTS];
	uint64_t n[COUNTS];
};

/* ---- one row ---- */

static bool take(uint64_t *from, uint64_t part)
{
	if (part > *from)
		return false;
	*from -= part;
	return true;
}

/* Rules 1 and 2. */
static void token_classes(const struct bucket_row *b, struct usage *u)
{
	const uint64_t *n = b->n;
	uint64_t in = n[F_input_tokens], cached = n[F_input_cached_tokens], out = n[F_output_tokens];
	bool ok = true;
	u->tok[CLASS_IN_CACHE_WRITE] = n[F_input_cache_write_tokens];
	u->tok[CLASS_IN_AUDIO] = n[F_input_audio_tokens];
	u->tok[CLASS_IN_AUDIO_CACHE_READ] = n[F_input_cached_audio_tokens];
	u->tok[CLASS_IN_IMAGE] = n[F_input_image_tokens];
	u->tok[CLASS_IN_IMAGE_CACHE_READ] = n[F_input_cached_image_tokens];
	u->tok[CLASS_OUT_AUDIO] = n[F_output_audio_tokens];
	u->tok[CLASS_OUT_IMAGE] = n[F_output_image_tokens];
	ok = take(&in, cached) && take(&in, u->tok[CLASS_IN_CACHE_WRITE]) && take(&in, u->tok[CLASS_IN_AUDIO]) &&
	     take(&in, u->tok[CLASS_IN_IMAGE]) && take(&cached, u->tok[CLASS_IN_AUDIO_CACHE_READ]) &&
	     take(&cached, u->tok[CLASS_IN_IMAGE_CACHE_READ]) && take(&out, u->tok[CLASS_OUT_AUDIO]) &&
	     take(&out, u->tok[CLASS_OUT_IMAGE]);
	ok = ok && (!b->given[F_input_text_tokens] || n[F_input_text_tokens] == in) &&
	     (!b->given[F_input_cached_text_tokens] || n[F_input_cached_text_tokens] == cached) &&
	     (!b->given[F_output_text_tokens] || n[F_output_text_tokens] == out);
	u->tok[CLASS_IN_PLAIN] = in;
	u->tok[CLASS_IN_CACHE_READ] = cached;
	u->tok[CLASS_OUT_TEXT] = out;
	u->vendor_total_tok = n[F_input_tokens] + n[F_output_tokens];
	if (!ok || usage_total_tok(u) != u->vendor_total_tok)
		u->flags |= USAGE_MISMATCH;
}

static void count_usage(const struct bucket_row *b, struct usage *u)
{
	const uint64_t *n = b->n;
	u->flags |= USAGE_SEEN;
	switch (b->endpoint) {
	case COMPLETIONS:
	case EMBEDDINGS:
	case MODERATIONS:
		token_classes(b, u);
		break;
	case IMAGES:
		u->images = n[F_images];
		break;
	case SPEECHES:
		u->characters = n[F_characters];
		break;
	case TRANSCRIPTIONS:
		u->audio_ms = n[F_seconds] * 1000;
		break;
	case SESSIONS:
		u->tools[TOOL_CODE] = (uint32_t)n[F_num_sessions];
		break;
	case FILE_SEARCHES:
		u->tools[TOOL_FILE_SEARCH] = (uint32_t)n[F_num_requests];
		break;
	case WEB_SEARCHES:
		u->tools[TOOL_WEB_SEARCH] = (uint32_t)n[F_num_requests];
		break;
	case STORES:
	case ENDPOINTS:
		u->flags = 0;
		break;
	}
}

static bool is_true(struct str s)
{
	return str_ieq(s, STR("true")) || str_eqc(s, "1");
}

static int put(struct import_ctx *x, uint64_t number, struct bucket_row *b, struct err *e)
{
	struct call *k = row_begin(x, number);
	enum tier tier;
	for (unsigned i = 0; i < COUNTS; i++) {
		const char *why = b->text[i].n ? read_count(b->text[i], &b->n[i]) : NULL;
		b->given[i] = b->text[i].n != 0;
		if (why)
			return row_reject(x, number, "%s '%.*s' %s", field_name[i], STR_ARG(b->text[i]), why);
		if (b->n[i] > UINT64_C(1000000000000000))
			return row_reject(x, number, "%s is out of range", field_name[i]);
	}
	count_usage(b, &k->usage);
	if (str_ends(b->text[F_service_tier], STR("-tier"))) /* the CSV writes flex-tier, incentivized-tier */
		b->text[F_service_tier].n -= strlen("-tier");
	tier = b->text[F_service_tier].n ? tier_parse(b->text[F_service_tier]) : TIER_STANDARD;
	k->usage.tier = is_true(b->text[F_batch]) ? TIER_BATCH : tier;
	k->start_us = b->start_us;
	k->end_us = b->end_us;
	k->calls = (uint32_t)(b->n[F_num_model_requests] < UINT32_MAX ? b->n[F_num_model_requests] : UINT32_MAX);
	if (!b->given[F_num_model_requests])
		k->calls = (uint32_t)(b->n[F_num_requests] + b->n[F_num_sessions]);
	k->provider = intern(STR("openai"));
	k->surface = intern(b->kind.n ? b->kind : str_of(endpoints[b->endpoint].surface));
	k->model_answered = k->model_asked = b->text[F_model].n ? intern(b->text[F_model]) : 0;
	k->project = intern(b->text[F_project_name].n ? b->text[F_project_name] : b->text[F_project_id]);
	k->key = intern(b->text[F_api_key_id]);
	if (b->endpoint == STORES)
		row_is(x, BOOK_OTHER, "openai-storage");
	else
		row_is(x, BOOK_INFERENCE, "openai-usage");
	if (!k->model_answered && b->endpoint <= TRANSCRIPTIONS)
		import_note(x, "rows without a model cannot be priced: export OpenAI usage grouped by model");
	key_add_u64(x, b->endpoint);
	key_add_u64(x, (uint64_t)b->start_us);
	key_add_u64(x, (uint64_t)(b->end_us - b->start_us));
	for (unsigned i = COUNTS; i < F_project_name; i++)
		key_add(x, i == F_batch ? is_true(b->text[i]) ? STR("1") : STR("") : b->text[i]);
	if (b->kind.n)
		key_add(x, b->kind);
	return row_end(x, e);
}

/* ---- pages ---- */

static int endpoint_of(struct json object)
{
	for (int i = 0; i < ENDPOINTS; i++)
		if (json_string_eq(object, endpoints[i].object))
			return i;
	return -1;
}

/* Rule 5: by the first count that is there. */
static int endpoint_by(bool (*has)(const void *of, enum field), const void *of)
{
	static const struct {
		enum field has;
		enum endpoint is;
	} tells[] = {{F_characters, SPEECHES},        {F_seconds, TRANSCRIPTIONS},    {F_images, IMAGES},
		     {F_num_sessions, SESSIONS},      {F_usage_bytes, STORES},        {F_context_level, WEB_SEARCHES},
		     {F_num_requests, FILE_SEARCHES}, {F_output_tokens, COMPLETIONS}, {F_input_tokens, EMBEDDINGS}};
	for (unsigned i = 0; i < sizeof tells / sizeof *tells; i++)
		if (has(of, tells[i].has))
			return (int)tells[i].is;
	return -1;
}

static bool result_has(const void *of, enum field f)
{
	return json_get(*(const struct json *)of, field_name[f]).type != JSON_NONE;
}

static bool is_usage(struct json result)
{
	struct json object = json_get(result, "object");
	struct str name = object.type == JSON_STRING ? json_raw_string(object) : STR("");
	if (object.type == JSON_NONE)
		return json_get(result, "num_model_requests").type != JSON_NONE;
	return str_starts(name, STR("organization.usage.")) && str_ends(name, STR(".result"));
}

struct json openai_results(struct json bucket)
{
	struct json v = json_get(bucket, "results");
	return v.type == JSON_ARRAY ? v : json_get(bucket, "result"); /* the API's first form */
}

static unsigned probe_json(struct json r)
{
	struct json first = json_path(openai_results(r), "[0]");
	if (is_usage(first))
		return json_get(r, "start_time").type == JSON_NONE ? 60 : 100;
	if (is_usage(r) && json_get(r, "object").type != JSON_NONE)
		return 60; /* a result without its bucket */
	return json_string_eq(json_get(r, "object"), "bucket") && openai_results(r).type == JSON_ARRAY ? 20 : 0;
}

/* "organization.usage.decisions.result" is "usage decisions". */
static struct str kind_named(struct json object, char *out, size_t size)
{
	struct str name = object.type == JSON_STRING ? json_raw_string(object) : STR("");
	size_t head = strlen("organization.usage."), tail = strlen(".result");
	if (name.n <= head + tail)
		return STR("");
	name = str_sub(name, head, name.n - tail);
	snprintf(out, size, "usage %.*s", (int)(name.n < 40 ? name.n : 40), name.p);
	for (char *p = out; *p; p++)
		if (*p == '_')
			*p = ' ';
	return str_of(out);
}

static int record(struct import_ctx *x, struct json bucket, uint64_t number, struct err *e)
{
	int64_t start_us, end_us;
	struct json_iter it;
	struct json result;
	struct str none;
	const char *why;
	int rc = 0;
	if (openai_results(bucket).type != JSON_ARRAY)
		return row_reject(x, number, "it is no bucket: a result alone does not say its time");
	if ((why = read_unix(json_get(bucket, "start_time"), &start_us)) != NULL)
		return row_reject(x, number, "start_time %s", why);
	if ((why = read_unix(json_get(bucket, "end_time"), &end_us)) != NULL)
		return row_reject(x, number, "end_time %s", why);
	if (end_us <= start_us)
		return row_reject(x, number, "the bucket ends before it begins");
	row_statement(x);
	import_covers(x, STR("openai"), SIDE_USAGE, start_us);
	for (json_open(&it, openai_results(bucket)); !rc && json_next(&it, &none, &result);) {
		struct bucket_row b = {.start_us = start_us, .end_us = end_us};
		struct json object = json_get(result, "object");
		int endpoint = endpoint_of(object);
		char kind[64];
		if (endpoint < 0 && is_usage(result)) {
			endpoint = endpoint_by(result_has, &result);
			b.kind = kind_named(object, kind, sizeof kind);
		}
		if (endpoint < 0) {
			rc = row_reject(x, number, "it holds a result of an unknown kind");
			continue;
		}
		b.endpoint = (enum endpoint)endpoint;
		for (unsigned i = 0; i < FIELD_COUNT; i++) {
			struct json v = json_get(result, field_name[i]);
			b.text[i] = v.type == JSON_TRUE ? STR("true") : json_text(x, v);
		}
		rc = put(x, number, &b, e);
	}
	return rc;
}

/* ---- CSV ---- */

static unsigned probe_csv(const struct csv *c)
{
	static const char *const times[] = {"start_time", "end_time", NULL}, *const iso[] = {"start_time_iso",
											     "end_time_iso", NULL};
	static const enum field counts[] = {F_num_model_requests, F_num_sessions, F_num_requests, F_usage_bytes,
					    F_output_tokens};
	if (!header_has(c, times) || csv_column(c, "amount_value") >= 0)
		return 0;
	for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
		if (csv_column(c, field_name[counts[i]]) >= 0)
			return 100;
	return header_has(c, iso) && csv_columns(c) == 4 ? 100 : 0; /* an export in which nothing happened */
}

static bool column_has(const void *of, enum field f)
{
	return ((const struct usage_state *)of)->col[f] >= 0;
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct usage_state *s = x->state;
	int endpoint;
	if (!c)
		return 0;
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		s->col[i] = csv_column(c, field_name[i]);
	s->start = csv_column(c, "start_time");
	s->end = csv_column(c, "end_time");
	s->start_iso = csv_column(c, "start_time_iso");
	s->end_iso = csv_column(c, "end_time_iso");
	/* the export does not say which endpoint it is of: its columns do */
	endpoint = endpoint_by(column_has, s);
	s->endpoint = endpoint < 0 ? EMBEDDINGS : (enum endpoint)endpoint; /* an export of nothing has no column */
	return 0;
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	const struct usage_state *s = x->state;
	struct bucket_row b = {.endpoint = s->endpoint};
	const char *why = openai_csv_time(c, s->start, s->start_iso, &b.start_us);
	bool empty = true;
	if (why)
		return row_reject(x, csv_row(c), "start_time %s", why);
	if ((why = openai_csv_time(c, s->end, s->end_iso, &b.end_us)) != NULL)
		return row_reject(x, csv_row(c), "end_time %s", why);
	if (b.end_us <= b.start_us)
		return row_reject(x, csv_row(c), "the bucket ends before it begins");
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		b.text[i] = read_null(csv_field(c, s->col[i]));
		empty = empty && !b.text[i].n;
	}
	return empty ? openai_empty_bucket(x, SIDE_USAGE, b.start_us) : put(x, csv_row(c), &b, e);
}

const char *openai_csv_time(struct csv *c, int unix_column, int iso_column, int64_t *us)
{
	struct str s = str_trim(csv_field(c, unix_column));
	money_wide v;
	bool exact;
	if (s.n && decimal_scaled(s, 0, &v, &exact) == 0 && exact && v >= 0 && v < INT64_C(253402300800)) {
		*us = (int64_t)v * US_PER_S;
		return NULL;
	}
	s = str_trim(csv_field(c, iso_column));
	return s.n ? read_time(s, us) : "is missing";
}

int openai_empty_bucket(struct import_ctx *x, enum batch_side side, int64_t start_us)
{
	import_covers(x, STR("openai"), side, start_us);
	import_note(x, "buckets in which nothing happened are no rows");
	return 0;
}

const struct import_source source_openai_usage = {
	.name = "openai-usage",
	.title = "OpenAI usage: API pages of all endpoints, and the exports *_usage_*.csv",
	.flags = SRC_LINES | SRC_CELLS | SRC_SHORT_ROWS, /* empty buckets have their times alone */
	.state_bytes = sizeof(struct usage_state),
	.probe_csv = probe_csv,
	.probe_json = probe_json,
	.file_begin = begin,
	.csv_row = row,
	.json_record = record,
};
