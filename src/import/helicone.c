/* SPDX-License-Identifier: Apache-2.0
 *
 * Helicone's request rows: what POST /v1/request/query-clickhouse answers, the export tool's JSON, JSON lines and CSV,
 * and the dashboard's names for the same (read in Helicone/helicone: jawn's stores/request/request.ts, the OpenAPI of
 * that path, examples/export; 29 November 2026).
 *
 * 1. Cached and audio tokens stand beside prompt_tokens (Helicone's own sums add them up), and total_tokens is prompt
 *    plus completion by definition: it decides nothing.
 * 2. cost is Helicone's estimate in USD: claimed, never billed.
 * 3. A row whose cache_reference_id names another request was answered from Helicone's cache: no vendor was asked.
 * 4. request_id is the row's key; the export tool's CSV has response_id instead.
 */
#include "import/spans.h"

/* names in JSON and CSV, by preference */
#define FIELDS(X)                                                                                                  \
	X(ID, "request_id|requestId|response_id") X(START, "request_created_at|createdAt|created_at")              \
	X(END, "response_created_at") X(DELAY, "delay_ms|latency") X(FIRST, "time_to_first_token|timeToFirstToken") \
	X(MODEL, "response_model|model|request_model") X(ASKED, "request_model|model_override|model")              \
	X(PROVIDER, "provider") X(STATUS, "response_status|status") X(USER, "request_user_id|user_id|user")        \
	X(PROPERTIES, "properties|request_properties|customProperties") X(COST, "cost|costUSD|cost_usd")           \
	X(CACHED_BY, "cache_reference_id") X(PATH, "request_path|path")                                            \
	X(IN, "prompt_tokens|promptTokens") X(OUT, "completion_tokens|completionTokens")                           \
	X(READ, "prompt_cache_read_tokens|promptCacheReadTokens")                                                  \
	X(WRITE, "prompt_cache_write_tokens|promptCacheWriteTokens") X(WRITE_5M, "prompt_cache_write_5m")          \
	X(WRITE_1H, "prompt_cache_write_1h") X(IN_AUDIO, "prompt_audio_tokens")                                    \
	X(OUT_AUDIO, "completion_audio_tokens")
enum field {
#define X(name, names) F_##name,
	FIELDS(X)
#undef X
	FIELD_COUNT
};
static const char *const field_names[FIELD_COUNT] = {
#define X(name, names) names,
	FIELDS(X)
#undef X
};

struct helicone {
	int col[FIELD_COUNT];
};

static unsigned probe_json(struct json r)
{
	bool tokens =
		json_get(r, "prompt_tokens").type != JSON_NONE && json_get(r, "completion_tokens").type != JSON_NONE;
	return tokens && json_get(r, "request_created_at").type == JSON_STRING &&
			       (json_get(r, "request_id").type == JSON_STRING ||
				json_get(r, "response_id").type == JSON_STRING)
		       ? 100
		       : 0;
}

static int column(const struct csv *c, const char *names)
{
	struct str rest = str_of(names);
	int at = -1;
	while (rest.p && at < 0) {
		char name[64];
		at = csv_column(c, str_copy(name, sizeof name, str_cut(&rest, '|')));
	}
	return at;
}

static unsigned probe_csv(const struct csv *c)
{
	static const enum field must[] = {F_ID, F_IN, F_OUT, F_COST, F_MODEL};
	if (csv_column(c, "request_created_at") < 0 &&
	    (csv_column(c, "createdAt") < 0 || csv_column(c, "requestId") < 0))
		return 0;
	for (unsigned i = 0; i < sizeof must / sizeof *must; i++)
		if (column(c, field_names[must[i]]) < 0)
			return 0;
	return 100;
}

static const char *read_counts(const struct str f[FIELD_COUNT], struct usage *u)
{
	static const struct {
		enum field from;
		enum token_class to;
	} counts[] = {{F_IN, CLASS_IN_PLAIN},
		      {F_OUT, CLASS_OUT_TEXT},
		      {F_READ, CLASS_IN_CACHE_READ},
		      {F_WRITE, CLASS_IN_CACHE_WRITE},
		      {F_WRITE_5M, CLASS_IN_CACHE_WRITE_5M},
		      {F_WRITE_1H, CLASS_IN_CACHE_WRITE_1H},
		      {F_IN_AUDIO, CLASS_IN_AUDIO},
		      {F_OUT_AUDIO, CLASS_OUT_AUDIO}};
	uint64_t split;
	for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct str text = f[counts[i].from];
		const char *why = text.n ? read_count(text, &u->tok[counts[i].to]) : NULL;
		if (!why && u->tok[counts[i].to] > UINT32_MAX)
			why = "is out of range";
		if (why)
			return why;
		u->flags |= text.n ? USAGE_SEEN : 0;
	}
	split = u->tok[CLASS_IN_CACHE_WRITE_5M] + u->tok[CLASS_IN_CACHE_WRITE_1H];
	/* their sum */
	u->tok[CLASS_IN_CACHE_WRITE] -= split < u->tok[CLASS_IN_CACHE_WRITE] ? split : u->tok[CLASS_IN_CACHE_WRITE];
	u->vendor_total_tok = usage_total_tok(u);
	u->tier = TIER_STANDARD;
	return NULL;
}

/* Milliseconds, with or without a fraction. */
static uint64_t milliseconds(struct str s)
{
	money_wide us;
	return s.n && !decimal_scaled(s, 3, &us, NULL) && us > 0 && us < UINT32_MAX ? (uint64_t)us : 0;
}

/* Custom properties name the team, the feature and the environment by the user's own convention. */
static void properties(struct import_ctx *x, struct str text, struct call *k)
{
	struct json map, v;
	struct json_iter it;
	struct str key, env;
	if (!text.n || json_parse(text, &map, NULL))
		return;
	for (json_open(&it, map); json_next(&it, &key, &v);) {
		if (str_ieq(key, STR("team")))
			k->team = json_name(x, v);
		else if (str_ieq(key, STR("feature")) || str_ieq(key, STR("app")) || str_ieq(key, STR("appname")))
			k->feature = json_name(x, v);
		else if (str_ieq(key, STR("env")) || str_ieq(key, STR("environment"))) {
			env = json_text(x, v);
			k->env = env.n && !str_ieq(env, STR("production")) && !str_ieq(env, STR("prod")) ? intern(env)
													 : 0;
		}
	}
}

static bool answered_from_cache(struct str reference, struct str id)
{
	return reference.n && !str_starts(reference, STR("00000000-0000-0000")) && !str_eq(reference, id);
}

static int put(struct import_ctx *x, uint64_t number, const struct str f[FIELD_COUNT], struct err *e)
{
	struct call *k = row_begin(x, number);
	uint64_t status = 0, first_us = milliseconds(f[F_FIRST]);
	int64_t claimed;
	const char *why = read_time(f[F_START], &k->start_us);
	if (why)
		return row_reject(x, number, "request_created_at '%.*s' %s", STR_ARG(f[F_START]), why);
	if (!f[F_ID].n)
		return row_reject(x, number, "it has no request_id");
	if ((why = read_counts(f, &k->usage)) != NULL)
		return row_reject(x, number, "a token count of '%.*s' %s", STR_ARG(f[F_ID]), why);
	if (f[F_COST].n && (why = read_money(f[F_COST], &claimed, NULL)) != NULL)
		return row_reject(x, number, "cost '%.*s' %s", STR_ARG(f[F_COST]), why);
	if (!f[F_END].n || read_time(f[F_END], &k->end_us) || k->end_us < k->start_us)
		k->end_us = k->start_us + (int64_t)milliseconds(f[F_DELAY]);
	k->ttft_us = (uint32_t)first_us;
	k->streamed = first_us != 0;
	k->provider = provider_named(f[F_PROVIDER]);
	k->model_answered = f[F_MODEL].n ? intern(f[F_MODEL]) : 0;
	k->model_asked = f[F_ASKED].n ? intern(f[F_ASKED]) : k->model_answered;
	k->surface = intern(STR("helicone"));
	k->key = f[F_USER].n ? intern(f[F_USER]) : 0;
	k->currency = intern(STR("USD"));
	properties(x, f[F_PROPERTIES], k);
	str_copy(k->vendor_ref, sizeof k->vendor_ref, f[F_ID]);
	if (read_count(f[F_STATUS], &status) == NULL && status >= 400)
		k->outcome = OUTCOME_VENDOR_ERROR;
	if (answered_from_cache(f[F_CACHED_BY], f[F_ID])) { /* rule 3 */
		memset(&k->usage, 0, sizeof k->usage);
		k->usage.flags = USAGE_SEEN | USAGE_ZERO;
		k->usage.tier = TIER_STANDARD;
		k->outcome = OUTCOME_CACHED;
	}
	x->claimed = f[F_COST];
	x->claim_counts = f[F_COST].n != 0;
	row_is(x, BOOK_INFERENCE, "gateway-log");
	key_add(x, f[F_ID]);
	return row_end(x, e);
}

static int record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	struct str f[FIELD_COUNT];
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		struct str rest = str_of(field_names[i]);
		f[i] = STR("");
		while (rest.p && !f[i].n) {
			char name[64];
			struct json v = json_get(r, str_copy(name, sizeof name, str_cut(&rest, '|')));
			f[i] = v.type == JSON_OBJECT ? v.text : json_text(x, v);
			if (str_eqc(f[i], "{}"))
				f[i] = STR("");
		}
	}
	return put(x, number, f, e);
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct helicone *s = x->state;
	(void)e;
	for (unsigned i = 0; c && i < FIELD_COUNT; i++)
		s->col[i] = column(c, field_names[i]);
	return 0;
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	const struct helicone *s = x->state;
	struct str f[FIELD_COUNT];
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		f[i] = read_null(csv_field(c, s->col[i]));
	return put(x, csv_row(c), f, e);
}

const struct import_source source_helicone = {
	.name = "helicone",
	.title = "Helicone request rows (API answer, export tool: JSON, JSON lines, CSV)",
	.flags = SRC_LINES,
	.state_bytes = sizeof(struct helicone),
	.probe_csv = probe_csv,
	.probe_json = probe_json,
	.file_begin = begin,
	.csv_row = row,
	.json_record = record,
};
