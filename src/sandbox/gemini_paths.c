/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend Gemini's paths, models, cached contents and inline batches (long-running operations).
 */
#include <stdio.h>

#include "base/clock.h"
#include "sandbox/gemini_int.h"

static const char *const models[] = {"gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite", "gemini-2.0-flash",
	"gemini-embedding-001"};

static void put_model(struct json_out *w, struct str id)
{
	char name[128];
	snprintf(name, sizeof name, "models/%.*s", STR_ARG(id));
	jw_object(w);
	jw_kcstr(w, "name", name);
	jw_kcstr(w, "version", "001");
	jw_kcstr(w, "displayName", name + 7);
	jw_ku64(w, "inputTokenLimit", 1048576);
	jw_ku64(w, "outputTokenLimit", 65536);
	jw_key(w, "supportedGenerationMethods");
	jw_raw(w, STR("[\"generateContent\",\"countTokens\",\"createCachedContent\",\"batchGenerateContent\"]"));
	jw_end_object(w);
}

static void list_models(struct exchange *x, struct str id)
{
	struct json_out w;
	gemini_head(x);
	answer_name(x, "gemini", "models", id, NULL);
	if (str_starts(id, STR("no-such"))) {
		gemini_error(x, 404, "models/%.*s is not found for API version v1beta.", STR_ARG(id));
		return;
	}
	jw_init(&w, &x->a.body);
	if (id.n) {
		put_model(&w, id);
	} else {
		jw_object(&w);
		jw_key(&w, "models");
		jw_array(&w);
		for (size_t i = 0; i < sizeof models / sizeof *models; i++)
			put_model(&w, str_of(models[i]));
		jw_end_array(&w);
		jw_end_object(&w);
	}
	answer_indent(x);
}

/* ---- cached contents: what is kept bills by the hour; the list says from when to when */

static void write_cached(struct json_out *w, const struct object *o)
{
	char at[TIME_TEXT];
	jw_object(w);
	jw_kcstr(w, "name", o->id);
	jw_kcstr(w, "model", o->model);
	jw_kcstr(w, "createTime", time_text(o->created_us, at));
	jw_kcstr(w, "updateTime", at);
	jw_kcstr(w, "expireTime", time_text(o->created_us + (int64_t)o->length_us, at));
	jw_kcstr(w, "displayName", "");
	jw_key(w, "usageMetadata");
	jw_object(w);
	jw_ku64(w, "totalTokenCount", o->tokens);
	jw_end_object(w);
	jw_end_object(w);
}

static void put_cached(struct exchange *x, const struct object *o)
{
	struct json_out w;
	sb_clear(&x->a.body);
	jw_init(&w, &x->a.body);
	write_cached(&w, o);
	answer_indent(x);
}

/* The line of the list: how many tokens are kept, from when, until when. */
static void note_cached(struct exchange *x, const struct object *o, int64_t until_us)
{
	struct json_out u;
	char at[TIME_TEXT];
	answer_name(x, "gemini", "cachedContents", str_of(o->model), o->id);
	sb_clear(&x->a.usage);
	jw_init(&u, &x->a.usage);
	jw_object(&u);
	jw_ku64(&u, "totalTokenCount", o->tokens);
	jw_kcstr(&u, "from", time_text(o->created_us, at));
	jw_kcstr(&u, "until", time_text(until_us, at));
	jw_end_object(&u);
}

static bool cached_alive(const struct exchange *x, const struct object *o)
{
	return o && x->now_us < o->created_us + (int64_t)o->length_us;
}

/* "ttl" counts from now, "expireTime" is absolute. Microseconds since its creation. */
static uint64_t lifetime_of(const struct exchange *x, int64_t created_us, uint64_t otherwise_us)
{
	char text[64];
	struct str ttl = str_of(json_string_copy(json_get(x->ask.top, "ttl"), text, sizeof text));
	int64_t at_us;
	uint64_t seconds;
	if (ttl.n > 1 && str_u64(str_sub(ttl, 0, ttl.n - 1), &seconds) == 0)
		return seconds * US_PER_S + (uint64_t)(x->now_us - created_us);
	json_string_copy(json_get(x->ask.top, "expireTime"), text, sizeof text);
	if (*text && time_parse(str_of(text), &at_us) == 0 && at_us > created_us)
		return (uint64_t)(at_us - created_us);
	return otherwise_us;
}

static void create_cached(struct exchange *x)
{
	struct store *store = &x->sandbox->store;
	struct object *o = store_add(store, OBJECT_CACHED_CONTENT, answer_id(x, "cachedContents/", 24), x->ask.org);
	if (!o) {
		gemini_fail(x, 500);
		return;
	}
	json_string_copy(json_get(x->ask.top, "model"), o->model, sizeof o->model);
	o->created_us = x->now_us;
	o->length_us = lifetime_of(x, x->now_us, 3600 * US_PER_S); /* the API's default */
	o->tokens = gemini_tokens(x, x->ask.top);
	store_weigh(store, o);
	note_cached(x, o, o->created_us + (int64_t)o->length_us);
	put_cached(x, o);
}

static void list_cached(struct exchange *x)
{
	struct json_out w;
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_key(&w, "cachedContents");
	jw_array(&w);
	for (const struct object *o = x->sandbox->store.oldest; o; o = o->newer)
		if (o->kind == OBJECT_CACHED_CONTENT && o->org == x->ask.org && cached_alive(x, o))
			write_cached(&w, o);
	jw_end_array(&w);
	jw_end_object(&w);
	answer_indent(x);
}

static void cached_contents(struct exchange *x, struct str name)
{
	struct store *store = &x->sandbox->store;
	struct object *o;
	gemini_head(x);
	answer_name(x, "gemini", "cachedContents", str_make("", 0), NULL);
	if (str_eqc(name, "cachedContents")) {
		if (str_eqc(x->ask.method, "POST"))
			create_cached(x);
		else
			list_cached(x);
		return;
	}
	o = store_get(store, OBJECT_CACHED_CONTENT, name, x->ask.org);
	if (!cached_alive(x, o)) {
		gemini_error(x, 403, "CachedContent not found (or permission denied)");
	} else if (str_eqc(x->ask.method, "DELETE")) {
		note_cached(x, o, x->now_us);
		store_remove(store, OBJECT_CACHED_CONTENT, name, x->ask.org);
		sb_adds(&x->a.body, "{}\n");
	} else {
		if (str_eqc(x->ask.method, "PATCH")) {
			o->length_us = lifetime_of(x, o->created_us, o->length_us);
			note_cached(x, o, o->created_us + (int64_t)o->length_us);
		}
		put_cached(x, o);
	}
}

/* ---- batches: inline requests, an operation to ask */

static void run_batch(struct exchange *x, struct object *o, struct json requests, struct str model)
{
	struct json_iter it;
	struct json one, key_of_line;
	struct str key;
	const char *path = arena_printf(x->arena, "/v1beta/models/%.*s:generateContent", STR_ARG(model)).p;
	struct json_out w;
	jw_init(&w, &o->data);
	jw_array(&w);
	for (json_open(&it, requests); requests.type == JSON_ARRAY && json_next(&it, &key, &one);) {
		struct exchange *inner = exchange_inner(x, path, json_get(one, "request").text, true);
		if (!inner)
			break;
		key_of_line = json_path(one, "metadata.key");
		jw_object(&w);
		jw_key(&w, inner->a.status == 200 ? "response" : "error");
		jw_raw(&w, str_trim(sb_str(&inner->a.body)));
		if (key_of_line.type == JSON_STRING) {
			jw_key(&w, "metadata");
			jw_object(&w);
			jw_key(&w, "key");
			jw_raw(&w, key_of_line.text);
			jw_end_object(&w);
		}
		jw_end_object(&w);
		o->lines++;
		o->failed_lines += inner->a.status != 200;
		list_line(inner, true, sb_str(&inner->a.body), &o->truth);
		exchange_inner_end(inner);
	}
	jw_end_array(&w);
}

/* It stands twice: in the operation's answer and in the batch that its metadata show. */
static void put_output(struct json_out *w, const struct object *o, const char *type)
{
	jw_object(w);
	if (type)
		jw_kcstr(w, "@type", type);
	jw_key(w, "inlinedResponses");
	jw_object(w);
	jw_key(w, "inlinedResponses");
	jw_raw(w, sb_str(&o->data));
	jw_end_object(w);
	jw_end_object(w);
}

static void write_batch(struct exchange *x, struct object *o, struct json_out *w)
{
	unsigned progress = object_progress(o, loop_now_us(x->sandbox->loop));
	const char *state = o->cancel_us      ? "CANCELLED"
			    : progress < 200  ? "PENDING"
			    : progress < 1000 ? "RUNNING"
					      : "SUCCEEDED";
	bool done = o->cancel_us || progress == 1000, good = done && !o->cancel_us;
	char at[TIME_TEXT];
	if (done && !o->ended) {
		o->ended = true;
		list_write(x->sandbox, o->cancel_us ? STR("") : sb_str(&o->truth));
	}
	jw_object(w);
	jw_kcstr(w, "name", o->id);
	jw_key(w, "metadata");
	jw_object(w);
	jw_kcstr(w, "@type", "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch");
	jw_kcstr(w, "model", o->model);
	jw_kcstr(w, "name", o->id);
	jw_kcstr(w, "state", arena_printf(x->arena, "BATCH_STATE_%s", state).p);
	if (sb_str(&o->text).n)
		jw_kstr(w, "displayName", sb_str(&o->text));
	jw_kcstr(w, "createTime", time_text(o->created_us, at));
	jw_key(w, "batchStats");
	jw_object(w);
	jw_kcstr(w, "requestCount", arena_printf(x->arena, "%llu", (unsigned long long)o->lines).p);
	if (done)
		jw_kcstr(w, "successfulRequestCount",
			 arena_printf(x->arena, "%llu", (unsigned long long)(o->lines - o->failed_lines)).p);
	jw_end_object(w);
	if (good) {
		jw_key(w, "output");
		put_output(w, o, NULL);
	}
	jw_end_object(w);
	if (done)
		jw_kbool(w, "done", true);
	if (good) {
		jw_key(w, "response");
		put_output(w, o, "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatchOutput");
	}
	jw_end_object(w);
}

static void put_batch(struct exchange *x, struct object *o)
{
	struct json_out w;
	jw_init(&w, &x->a.body);
	write_batch(x, o, &w);
	answer_indent(x);
}

/* Newest first; the token of a page is the last operation before it, behind "batches/". */
static void list_batches(struct exchange *x)
{
	struct str token = ask_query(x, "pageToken");
	struct str after = token.n ? arena_printf(x->arena, "batches/%.*s", STR_ARG(token)) : token;
	const struct store_page page = store_page(&x->sandbox->store, OBJECT_GEMINI_BATCH, x->ask.org, after,
						  ask_query(x, "pageSize"), 50);
	struct json_out w;
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_key(&w, "operations");
	jw_array(&w);
	for (unsigned i = 0; i < page.count; i++)
		write_batch(x, page.object[i], &w);
	jw_end_array(&w);
	if (page.more)
		jw_kcstr(&w, "nextPageToken", page.object[page.count - 1]->id + 8);
	jw_end_object(&w);
	answer_indent(x);
}

static void batch_create(struct exchange *x, struct str model)
{
	struct json requests = json_path(x->ask.top, "batch.inputConfig.requests.requests");
	struct object *o;
	gemini_head(x);
	if (requests.type == JSON_NONE)
		requests = json_path(x->ask.top, "batch.input_config.requests.requests");
	if (requests.type != JSON_ARRAY) {
		gemini_error(x, 400, "batch.inputConfig.requests.requests is required");
		return;
	}
	o = store_add(&x->sandbox->store, OBJECT_GEMINI_BATCH, answer_id(x, "batches/", 28), x->ask.org);
	if (!o) {
		gemini_fail(x, 500);
		return;
	}
	answer_name(x, "gemini", "batchGenerateContent", model, o->id);
	snprintf(o->model, sizeof o->model, "models/%.*s", STR_ARG(model));
	o->created_us = x->now_us;
	o->born_us = loop_now_us(x->sandbox->loop);
	o->length_us = x->sandbox->config.job_us;
	sb_add_str(&o->text, json_raw_string(json_path(x->ask.top, "batch.displayName")));
	run_batch(x, o, requests, model);
	store_weigh(&x->sandbox->store, o);
	put_batch(x, o);
}

static void batches(struct exchange *x, struct str rest)
{
	struct str name = rest, action;
	struct object *o;
	size_t colon = str_chr(rest, ':');
	if (colon != SIZE_MAX)
		name = str_sub(rest, 0, colon);
	action = colon != SIZE_MAX ? str_sub(rest, colon + 1, rest.n) : str_make("", 0);
	gemini_head(x);
	answer_name(x, "gemini", "batches", str_make("", 0), NULL);
	if (str_eqc(rest, "batches")) {
		list_batches(x);
		return;
	}
	o = store_get(&x->sandbox->store, OBJECT_GEMINI_BATCH, name, x->ask.org);
	if (!o) {
		gemini_error(x, 404, "Operation not found: %.*s", STR_ARG(name));
	} else if (str_eqc(x->ask.method, "DELETE")) {
		store_remove(&x->sandbox->store, OBJECT_GEMINI_BATCH, name, x->ask.org);
		sb_adds(&x->a.body, "{}\n");
	} else {
		if (str_eqc(action, "cancel") && !o->ended)
			o->cancel_us = loop_now_us(x->sandbox->loop);
		put_batch(x, o);
	}
}

/* ---- paths: /v1beta/models/M:verb, /v1/projects/P/locations/L/publishers/G/models/M:verb, ... */

static void model_verb(struct exchange *x, struct str model, struct str verb)
{
	if (str_starts(model, STR("no-such")))
		gemini_error(x, 404, "models/%.*s is not found for API version v1beta, or is not supported for generateContent. Call "
				     "ListModels to see the list of available models and their supported methods.",
				     STR_ARG(model));
	else if (!str_eqc(x->ask.method, "POST"))
		gemini_error(x, 404, "The requested URL %.*s was not found on this server.", STR_ARG(x->ask.path));
	else if (x->ask.top.type != JSON_OBJECT)
		gemini_error(x, 400, "Invalid JSON payload received.");
	else if (str_eqc(verb, "generateContent") || str_eqc(verb, "streamGenerateContent")) {
		if (json_get(x->ask.top, "contents").type == JSON_NONE)
			gemini_error(x, 400, "* GenerateContentRequest.contents: contents is not specified\n");
		else
			gemini_generate(x, model, verb.p[0] == 's');
	} else if (str_eqc(verb, "countTokens"))
		gemini_count(x, model);
	else if (str_eqc(verb, "embedContent"))
		gemini_embed(x, model, false);
	else if (str_eqc(verb, "batchEmbedContents"))
		gemini_embed(x, model, true);
	else if (str_eqc(verb, "batchGenerateContent"))
		batch_create(x, model);
	else
		gemini_error(x, 404, "The requested URL was not found on this server.");
}

void gemini_answer(struct exchange *x)
{
	struct str rest = x->ask.path, model, version;
	size_t at = SIZE_MAX, colon;
	for (size_t i = 0; i + 8 <= rest.n; i++)
		if (memcmp(rest.p + i, "/models/", 8) == 0)
			at = i + 8;
	if (at != SIZE_MAX) {
		model = arena_str(x->arena, str_sub(rest, at, rest.n));
		colon = str_chr(model, ':');
		if (colon != SIZE_MAX)
			model_verb(x, arena_str(x->arena, str_sub(model, 0, colon)),
				   str_sub(model, colon + 1, model.n));
		else
			list_models(x, model);
		return;
	}
	if (str_starts(x->ask.path, STR("/upload/"))) {
		gemini_upload(x);
		return;
	}
	str_cut(&rest, '/'); /* "/v1beta/..." */
	version = str_cut(&rest, '/');
	(void)version;
	if (rest.p && str_eqc(rest, "models"))
		list_models(x, str_make("", 0));
	else if (rest.p && str_starts(rest, STR("cachedContents")))
		cached_contents(x, rest);
	else if (rest.p && str_starts(rest, STR("files")))
		gemini_files(x, rest);
	else if (rest.p && str_starts(rest, STR("batches")))
		batches(x, rest);
	else
		gemini_error(x, 404, "The requested URL %.*s was not found on this server.", STR_ARG(x->ask.path));
}
