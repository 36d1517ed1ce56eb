/* SPDX-License-Identifier: Apache-2.0
 *
 * LiteLLM's spend logs: rows of LiteLLM_SpendLogs as JSON, JSON lines (/spend/logs?summarize=false) or CSV.
 *
 * 1. spend is LiteLLM's own figure, a float: claimed. The price is made anew from metadata.usage_object.
 * 2. LiteLLM puts cached tokens inside prompt_tokens for every vendor, Anthropic too; where they are larger than it,
 *    the row is a mismatch.
 * 3. cache_hit says that LiteLLM's own cache answered; it is not about the vendor's. Such a row used no vendor tokens.
 * 4. A row that spent and counts no tokens is unpriced: it is not free.
 * 5. request_id is the row's key and often the vendor's response id.
 */
#include "import/spans.h"

#define FIELDS(X)                                                                                               \
	X(request_id) X(call_type) X(api_key) X(spend) X(total_tokens) X(prompt_tokens) X(completion_tokens)    \
	X(startTime) X(endTime) X(completionStartTime) X(model) X(custom_llm_provider) X(team_id) X(end_user)   \
	X(user) X(metadata) X(cache_hit) X(status) X(model_group)
enum field {
#define X(name) F_##name,
	FIELDS(X)
#undef X
	FIELD_COUNT
};
static const char *const field_name[FIELD_COUNT] = {
#define X(name) #name,
	FIELDS(X)
#undef X
};

struct litellm {
	int col[FIELD_COUNT];
};

static unsigned probe_json(struct json r)
{
	return json_get(r, "request_id").type == JSON_STRING && json_get(r, "startTime").type != JSON_NONE &&
			       json_get(r, "spend").type != JSON_NONE
		       ? 100
		       : 0;
}

static unsigned probe_csv(const struct csv *c)
{
	static const char *const must[] = {"request_id", "call_type", "spend", "startTime", NULL};
	return header_has(c, must) ? 100 : 0;
}

/* The first of the paths that holds a count. */
static uint64_t first_count(struct json o, const char *const *paths)
{
	uint64_t v = 0;
	for (; *paths && !v; paths++)
		v = json_u64_or0(json_path(o, *paths));
	return v;
}
#define FIRST(o, ...) first_count(o, (const char *const[]){__VA_ARGS__, NULL})

static bool part(uint64_t *whole, uint64_t n)
{
	if (n > *whole)
		return false;
	*whole -= n;
	return true;
}

/* usage_object is the vendor's block in the shape of chat completions; of /responses it is that block as it came. */
static void read_usage(struct json o, const uint64_t given[3], struct usage *u)
{
	const uint64_t n[3] = {given[0] ? given[0] : FIRST(o, "prompt_tokens", "input_tokens"),
			       given[1] ? given[1] : FIRST(o, "completion_tokens", "output_tokens"),
			       given[2] ? given[2] : FIRST(o, "total_tokens")};
	uint64_t in = n[0], out = n[1], write, w5, w1;
	bool ok;
	u->tok[CLASS_IN_CACHE_READ] = FIRST(o, "cache_read_input_tokens", "prompt_tokens_details.cached_tokens",
					    "input_tokens_details.cached_tokens");
	write = FIRST(o, "cache_creation_input_tokens", "prompt_tokens_details.cache_creation_tokens", "prompt_tokens_details.cache_write_tokens",
		      "input_tokens_details.cache_write_tokens");
	w5 = FIRST(o, "prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens", "cache_creation.ephemeral_5m_input_tokens");
	w1 = FIRST(o, "prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens", "cache_creation.ephemeral_1h_input_tokens");
	u->tok[CLASS_IN_AUDIO] = FIRST(o, "prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens");
	u->tok[CLASS_OUT_REASONING] = FIRST(o, "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens");
	u->tok[CLASS_OUT_AUDIO] =
		FIRST(o, "completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens");
	if (!write)
		write = w5 + w1;
	ok = part(&in, u->tok[CLASS_IN_CACHE_READ]) && part(&in, write) && part(&in, u->tok[CLASS_IN_AUDIO]) &&
	     part(&out, u->tok[CLASS_OUT_REASONING]) && part(&out, u->tok[CLASS_OUT_AUDIO]) && w5 + w1 <= write;
	u->tok[CLASS_IN_PLAIN] = in;
	u->tok[CLASS_IN_CACHE_WRITE_5M] = w5;
	u->tok[CLASS_IN_CACHE_WRITE_1H] = w1;
	u->tok[CLASS_IN_CACHE_WRITE] = w5 + w1 <= write ? write - w5 - w1 : write;
	u->tok[CLASS_OUT_TEXT] = out;
	u->tools[TOOL_WEB_SEARCH] = (uint32_t)json_u64_or0(json_path(o, "server_tool_use.web_search_requests"));
	u->vendor_total_tok = n[2] ? n[2] : n[0] + n[1];
	u->flags = USAGE_SEEN | (ok && usage_total_tok(u) == u->vendor_total_tok ? 0u : (uint32_t)USAGE_MISMATCH);
	u->tier = TIER_STANDARD;
	if (json_path(o, "service_tier").type == JSON_STRING)
		u->tier = tier_parse(json_raw_string(json_path(o, "service_tier")));
}

static struct json usage_object(struct import_ctx *x, struct str metadata)
{
	struct json m = {JSON_NONE, {NULL, 0}};
	if (!metadata.n || json_parse(metadata, &m, NULL) == 0)
		return json_get(m, "usage_object");
	import_note(x, "metadata that is no JSON is not read: cached tokens of these rows are priced as plain input");
	return (struct json){JSON_NONE, {NULL, 0}};
}

/* Rule 4: speech by its characters, pictures, searches: LiteLLM writes no count of them, and a spend. */
static bool is_uncounted(const struct str f[FIELD_COUNT], const struct usage *u, int64_t spend_pico)
{
	static const char *const media[] = {"speech", "image", "transcription", "video", "rerank", "search", "ocr"};
	if (usage_total_tok(u) || str_ieq(f[F_status], STR("failure")))
		return false;
	for (unsigned i = 0; i < sizeof media / sizeof *media; i++)
		if (str_icontains(f[F_call_type], str_of(media[i])) && f[F_model].n)
			return true;
	return spend_pico > 0;
}

/* The model without LiteLLM's "provider/" in front. */
static struct str bare_model(struct str model, struct str provider)
{
	if (provider.n && model.n > provider.n + 1 && str_starts(model, provider) && model.p[provider.n] == '/')
		return str_sub(model, provider.n + 1, model.n);
	return model;
}

static int put(struct import_ctx *x, uint64_t number, const struct str f[FIELD_COUNT], struct err *e)
{
	static const enum field counts[3] = {F_prompt_tokens, F_completion_tokens, F_total_tokens};
	struct call *k = row_begin(x, number);
	struct str model = bare_model(f[F_model], f[F_custom_llm_provider]);
	uint64_t n[3] = {0};
	int64_t first_us, claimed = 0;
	const char *why = read_time(f[F_startTime], &k->start_us);
	if (why)
		return row_reject(x, number, "startTime '%.*s' %s", STR_ARG(f[F_startTime]), why);
	if (!f[F_request_id].n)
		return row_reject(x, number, "it has no request_id");
	for (unsigned i = 0; i < 3; i++)
		if (f[counts[i]].n && (why = read_count(f[counts[i]], &n[i])) != NULL)
			return row_reject(x, number, "%s '%.*s' %s", field_name[counts[i]], STR_ARG(f[counts[i]]), why);
	if (f[F_spend].n && (why = read_money(f[F_spend], &claimed, NULL)) != NULL)
		return row_reject(x, number, "spend '%.*s' %s", STR_ARG(f[F_spend]), why);
	if (read_time(f[F_endTime], &k->end_us))
		k->end_us = k->start_us;
	if (f[F_completionStartTime].n && !read_time(f[F_completionStartTime], &first_us) && first_us > k->start_us &&
	    first_us < k->end_us && first_us - k->start_us < UINT32_MAX) {
		k->ttft_us = (uint32_t)(first_us - k->start_us);
		k->streamed = true;
	}
	read_usage(usage_object(x, f[F_metadata]), n, &k->usage);
	if (is_uncounted(f, &k->usage, claimed))
		k->usage.flags = 0;
	else if (!usage_total_tok(&k->usage)) /* nothing was used: a failure, a file, a job that was asked for */
		k->usage.flags |= USAGE_ZERO;
	k->provider = provider_named(f[F_custom_llm_provider]);
	k->model_asked = intern(f[F_model_group].n ? f[F_model_group] : model);
	k->model_answered = intern(model);
	k->team = intern(f[F_team_id]);
	k->key = intern(f[F_api_key]);
	k->feature = intern(f[F_end_user]);
	k->currency = intern(STR("USD"));
	str_copy(k->vendor_ref, sizeof k->vendor_ref, f[F_request_id]);
	if (str_ieq(f[F_status], STR("failure")))
		k->outcome = OUTCOME_VENDOR_ERROR;
	if (str_ieq(f[F_cache_hit], STR("true"))) { /* rule 3 */
		memset(&k->usage, 0, sizeof k->usage);
		k->usage.flags = USAGE_SEEN | USAGE_ZERO;
		k->usage.tier = TIER_STANDARD;
		k->outcome = OUTCOME_CACHED;
	}
	x->claimed = f[F_spend];
	x->claim_counts = f[F_spend].n != 0;
	fact(x, CF_OPERATION, f[F_call_type].n ? f[F_call_type] : STR("completion"));
	fact(x, CF_MODEL, model);
	k->surface = intern(f[F_call_type].n ? f[F_call_type] : STR("litellm"));
	key_add(x, f[F_request_id]);
	return row_end(x, e);
}

static int record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	struct str f[FIELD_COUNT];
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		struct json v = json_get(r, field_name[i]);
		f[i] = v.type == JSON_OBJECT ? v.text : v.type == JSON_TRUE ? STR("true") : json_text(x, v);
	}
	return put(x, number, f, e);
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct litellm *s = x->state;
	for (unsigned i = 0; c && i < FIELD_COUNT; i++)
		s->col[i] = csv_column(c, field_name[i]);
	return 0;
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	const struct litellm *s = x->state;
	struct str f[FIELD_COUNT];
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		f[i] = read_null(csv_field(c, s->col[i]));
	return put(x, csv_row(c), f, e);
}

const struct import_source source_litellm = {
	.name = "litellm",
	.title = "LiteLLM spend logs (JSON, JSON lines, CSV)",
	.flags = SRC_LINES,
	.state_bytes = sizeof(struct litellm),
	.probe_csv = probe_csv,
	.probe_json = probe_json,
	.file_begin = begin,
	.csv_row = row,
	.json_record = record,
};
