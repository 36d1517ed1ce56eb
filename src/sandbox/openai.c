/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend OpenAI: paths, errors, models, prompts and their cache.
 *
 * Prompt cache: automatic from 1,024 tokens in steps of 128, over the exact prefix of the prompt, per
 * organisation, model and prompt_cache_key; entries live ten idle minutes (30 from GPT-5.6 on, where writes
 * are counted, too). Vendor's guide, August 2026.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sandbox/openai_int.h"

enum { CACHE_FROM_TOK = 1024, CACHE_STEP_TOK = 128, TOKEN_BYTES = 4, PROMPT_BYTES = 64 * 1024 * 1024 };
#define CACHE_KEEP_US (INT64_C(600) * US_PER_S)
#define CACHE_KEEP_LONG_US (INT64_C(1800) * US_PER_S)
#define CONTEXT_TOK 1050000 /* the largest context on the vendor's list, November 2026 */

void openai_head(struct exchange *x)
{
	x->request_id = answer_id(x, "req_", 32);
	answer_header(x, "x-request-id", "%s", x->request_id);
	answer_header(x, "openai-version", "2020-10-01");
	answer_header(x, "openai-organization", "runrate-sandbox");
	answer_header(x, "openai-processing-ms", "%u", 20 + (unsigned)(x->request_hash % 400));
	answer_header(x, "x-ratelimit-limit-requests", "10000");
	answer_header(x, "x-ratelimit-limit-tokens", "2000000");
	answer_header(x, "x-ratelimit-remaining-requests", "9999");
	answer_header(x, "x-ratelimit-remaining-tokens", "1999200");
	answer_header(x, "x-ratelimit-reset-requests", "6ms");
	answer_header(x, "x-ratelimit-reset-tokens", "24ms");
}

static void put_error(struct json_out *w, const char *message, const char *type, const char *param, const char *code)
{
	jw_key(w, "error");
	jw_object(w);
	jw_kcstr(w, "message", message);
	jw_kcstr(w, "type", type);
	jw_kcstr(w, "param", param);
	jw_kcstr(w, "code", code);
	jw_end_object(w);
}

void openai_error(struct exchange *x, unsigned status, const char *type, const char *code, const char *param,
		  const char *fmt, ...)
{
	struct json_out w;
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	x->a.status = status;
	sb_clear(&x->a.body);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	put_error(&w, text, type, param, code);
	jw_end_object(&w);
	answer_indent(x);
	if (!x->a.headers)
		openai_head(x);
}

void openai_fail(struct exchange *x, unsigned status)
{
	switch (status) {
	case 0:
		openai_error(x, 401, "invalid_request_error", NULL, NULL,
			     "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
			     "(i.e. Authorization: Bearer YOUR_KEY).");
		break;
	case 401:
		openai_error(x, 401, "invalid_request_error", "invalid_api_key", NULL, "Incorrect API key provided.");
		break;
	case 403:
		openai_error(x, 403, "invalid_request_error", "unsupported_country_region_territory", NULL,
			     "Country, region, or territory not supported");
		break;
	case 404:
		openai_error(x, 404, "invalid_request_error", "model_not_found", NULL,
			     "The model does not exist or you do not have access to it.");
		break;
	case 429:
		openai_error(x, 429, "requests", "rate_limit_exceeded", NULL,
			     "Rate limit reached for requests. Limit: 10000 / min. Please try again in 6ms.");
		break;
	case 503:
		openai_error(x, 503, "service_unavailable_error", NULL, NULL,
			     "The engine is currently overloaded, please try again later");
		break;
	default:
		if (status >= 500)
			openai_error(x, status, "server_error", NULL, NULL,
				     "The server had an error while processing your request. Sorry about that!");
		else
			openai_error(x, status, "invalid_request_error", NULL, NULL,
				     "The request could not be served.");
	}
}

void openai_event_error(struct exchange *x, struct sb *out)
{
	static const char message[] = "The server had an error while processing your request. Sorry about that!";
	struct json_out w;
	bool responses = str_eqc(str_of(x->a.surface), "responses");
	sb_adds(out, responses ? "event: error\ndata: " : "data: ");
	jw_init(&w, out);
	jw_object(&w);
	if (responses) {
		jw_kcstr(&w, "type", "error");
		jw_kcstr(&w, "code", "server_error");
		jw_kcstr(&w, "message", message);
		jw_kcstr(&w, "param", NULL);
		jw_ku64(&w, "sequence_number", x->a.pieces);
	} else {
		put_error(&w, message, "server_error", NULL, NULL);
	}
	jw_end_object(&w);
	sb_adds(out, "\n\n");
}

/* ---- models */

/* Aliases answer under the name of their snapshot. */
static const char *const snapshots[][2] = {
	{"gpt-4o", "gpt-4o-2024-08-06"},	       {"gpt-4o-mini", "gpt-4o-mini-2024-07-18"},
	{"gpt-4.1", "gpt-4.1-2025-04-14"},	       {"gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"},
	{"gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"},   {"gpt-4-turbo", "gpt-4-turbo-2024-04-09"},
	{"gpt-3.5-turbo", "gpt-3.5-turbo-0125"},       {"o1", "o1-2024-12-17"},
	{"o3", "o3-2025-04-16"},		       {"o3-mini", "o3-mini-2025-01-31"},
	{"o4-mini", "o4-mini-2025-04-16"},	       {"gpt-5", "gpt-5-2025-08-07"},
	{"gpt-5-mini", "gpt-5-mini-2025-08-07"},       {"gpt-5-nano", "gpt-5-nano-2025-08-07"},
};
static const char *const models[] = {"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5",
				     "gpt-5-mini",
	"gpt-5.6", "gpt-6-luna", "o3", "o4-mini", "text-embedding-3-small", "text-embedding-3-large",
	"gpt-4o-transcribe",
	"whisper-1", "gpt-image-1", "omni-moderation-latest"};

struct str openai_snapshot(struct exchange *x, struct str model)
{
	(void)x;
	for (size_t i = 0; i < sizeof snapshots / sizeof *snapshots; i++)
		if (str_eqc(model, snapshots[i][0]))
			return str_of(snapshots[i][1]);
	return model;
}

bool openai_reasons(struct str m)
{
	return (m.n > 1 && m.p[0] == 'o' && m.p[1] >= '1' && m.p[1] <= '9') || str_starts(m, STR("gpt-5")) ||
	       str_starts(m, STR("gpt-6"));
}

bool openai_reports_writes(struct str m)
{
	return str_starts(m, STR("gpt-6")) ||
	       (str_starts(m, STR("gpt-5.")) && m.n > 6 && m.p[6] >= '6' && m.p[6] <= '9');
}

static void put_model(struct json_out *w, const char *id)
{
	jw_object(w);
	jw_kcstr(w, "id", id);
	jw_kcstr(w, "object", "model");
	jw_ku64(w, "created", 1715367049);
	jw_kcstr(w, "owned_by", "system");
	jw_end_object(w);
}

void openai_models(struct exchange *x)
{
	struct json_out w;
	struct str id = str_sub(x->ask.path, 11, x->ask.path.n); /* behind "/v1/models/" */
	openai_head(x);
	answer_name(x, "openai", "models", id, NULL);
	jw_init(&w, &x->a.body);
	if (x->ask.path.n > 11 && str_eqc(x->ask.method, "DELETE")) {
		sb_addf(&x->a.body, "{\"id\":\"%.*s\",\"object\":\"model\",\"deleted\":true}", STR_ARG(id));
		return;
	}
	if (x->ask.path.n > 11) {
		if (str_starts(id, STR("no-such"))) {
			openai_error(x, 404, "invalid_request_error", "model_not_found", "model",
				     "The model '%.*s' does not exist", STR_ARG(id));
			return;
		}
		put_model(&w, arena_str(x->arena, id).p);
	} else {
		jw_object(&w);
		jw_kcstr(&w, "object", "list");
		jw_key(&w, "data");
		jw_array(&w);
		for (size_t i = 0; i < sizeof models / sizeof *models; i++)
			put_model(&w, models[i]);
		jw_end_array(&w);
		jw_end_object(&w);
	}
	answer_indent(x);
}

const char *openai_tier(struct exchange *x, struct json wanted)
{
	static const char *const served[][2] = {{"flex", "flex"}, {"priority", "priority"}, {"scale", "scale"},
						{"fast", "priority"}, {"ultrafast", "priority"}};
	struct str steered = ask_header(x, "x-sandbox-tier");
	if (steered.n)
		return arena_str(x->arena, steered).p;
	for (size_t i = 0; i < sizeof served / sizeof *served; i++)
		if (json_string_eq(wanted, served[i][0]))
			return served[i][1];
	return "default";
}

bool openai_is_stream(const struct exchange *x)
{
	return json_is_true(json_get(x->ask.top, "stream")) && !x->ask.batch;
}

bool openai_ready(struct exchange *x, char *model, size_t size)
{
	if (x->ask.top.type != JSON_OBJECT) {
		openai_error(x, 400, "invalid_request_error", NULL, NULL,
			     "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
			     "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)");
		return false;
	}
	json_string_copy(json_get(x->ask.top, "model"), model, size);
	if (!*model) {
		openai_error(x, 400, "invalid_request_error", NULL, NULL, "you must provide a model parameter");
		return false;
	}
	if (str_starts(str_of(model), STR("no-such"))) {
		openai_error(x, 404, "invalid_request_error", "model_not_found", NULL,
			     "The model `%s` does not exist or you do not have access to it.", model);
		return false;
	}
	return true;
}

/* ---- prompts */

void openai_prompt_init(struct openai_prompt *p)
{
	*p = (struct openai_prompt){0};
	sb_init(&p->flat, PROMPT_BYTES);
}

void openai_prompt_fini(struct openai_prompt *p)
{
	sb_fini(&p->flat);
}

void openai_prompt_add_json(struct openai_prompt *p, struct json v)
{
	sb_add_str(&p->flat, v.text);
}

/* So many tokens that no other picture or sound shares. */
static void add_opaque(struct openai_prompt *p, struct str of, uint64_t tokens)
{
	char text[2 * TOKEN_BYTES + 1];
	uint64_t h = hash_xxh3(of.p, of.n);
	for (uint64_t i = 0; i < tokens; i += 2) {
		snprintf(text, sizeof text, "%08x", (unsigned)hash_xxh3_seed(&h, sizeof h, i));
		sb_add(&p->flat, text, tokens - i >= 2 ? 8 : 4);
	}
}

void openai_prompt_add_content(struct openai_prompt *p, struct json content)
{
	struct json_iter it;
	struct json part;
	struct str key;
	if (content.type == JSON_STRING)
		json_string(content, &p->flat);
	if (content.type != JSON_ARRAY)
		return;
	for (json_open(&it, content); json_next(&it, &key, &part);) {
		struct json type = json_get(part, "type"), text = json_get(part, "text");
		if (part.type == JSON_STRING) {
			json_string(part, &p->flat);
		} else if (text.type == JSON_STRING) {
			json_string(text, &p->flat);
		} else if (json_string_eq(type, "image_url") || json_string_eq(type, "input_image")) {
			struct json detail = json_path(part, "image_url.detail");
			bool low = json_string_eq(detail, "low") || json_string_eq(json_get(part, "detail"), "low");
			uint64_t n = low ? 85 : 765; /* the vendor's figures for a 1024 x 1024 picture */
			add_opaque(p, part.text, n);
			p->image += n;
		} else if (json_string_eq(type, "input_audio")) {
			uint64_t n = 1 + json_path(part, "input_audio.data").text.n / 400;
			add_opaque(p, part.text, n);
			p->audio += n;
		} else {
			sb_add_str(&p->flat, part.text);
		}
	}
}

void openai_prompt_end(struct exchange *x, struct openai_prompt *p, struct str model)
{
	struct sandbox *s = x->sandbox;
	struct json cache_key = json_get(x->ask.top, "prompt_cache_key");
	bool counts_writes = openai_reports_writes(model);
	uint64_t now = loop_now_us(s->loop), h, steps;
	p->tokens = tokens_of(sb_str(&p->flat)) + 3;
	steps = p->flat.n / (CACHE_STEP_TOK * TOKEN_BYTES);
	if (p->tokens < CACHE_FROM_TOK || steps < CACHE_FROM_TOK / CACHE_STEP_TOK)
		return;
	x->writes.key = arena_array(x->arena, uint64_t, steps);
	x->writes.keep_us = arena_array(x->arena, uint64_t, steps);
	if (!x->writes.key || !x->writes.keep_us)
		return;
	h = hash_xxh3_seed(model.p, model.n, x->ask.org);
	h = hash_xxh3_seed(cache_key.text.p, cache_key.text.n, h);
	for (uint64_t i = 1; i <= steps; i++) {
		h = hash_xxh3_seed(p->flat.p + (i - 1) * CACHE_STEP_TOK * TOKEN_BYTES, CACHE_STEP_TOK * TOKEN_BYTES, h);
		if (i * CACHE_STEP_TOK < CACHE_FROM_TOK)
			continue;
		if (memory_has(&s->memory, h, now) &&
		    (p->cached == (i - 1) * CACHE_STEP_TOK || i * CACHE_STEP_TOK == CACHE_FROM_TOK))
			p->cached = i * CACHE_STEP_TOK;
		x->writes.key[x->writes.count] = h;
		x->writes.keep_us[x->writes.count++] = counts_writes ? CACHE_KEEP_LONG_US : CACHE_KEEP_US;
	}
	if (counts_writes)
		p->written = steps * CACHE_STEP_TOK - p->cached;
}

/* ---- tools */

static struct json schema_of(struct json tool, struct json *name)
{
	struct json f = json_get(tool, "function"); /* chat nests, responses does not */
	if (f.type != JSON_OBJECT)
		f = tool;
	*name = json_get(f, "name");
	return json_get(f, "parameters");
}

void openai_calls_plan(struct exchange *x, struct json tools, struct json choice, const char *id_prefix,
		       struct openai_calls *out)
{
	struct json forced = json_path(choice, "function.name"), tool, name;
	uint64_t want = ask_number(x, "x-sandbox-tool-calls", 1);
	struct json_iter it;
	struct str key;
	if (forced.type == JSON_NONE)
		forced = json_get(choice, "name");
	out->count = 0;
	if (json_string_eq(choice, "none"))
		return;
	while (out->count < want && out->count < OPENAI_CALLS) {
		unsigned before = out->count;
		for (json_open(&it, tools);
		     json_next(&it, &key, &tool) && out->count < want && out->count < OPENAI_CALLS;) {
			struct openai_call *c = &out->call[out->count];
			struct json schema = schema_of(tool, &name);
			struct json_out w;
			if (!json_string_eq(json_get(tool, "type"), "function") || name.type != JSON_STRING ||
			    (forced.type == JSON_STRING && !str_eq(forced.text, name.text)))
				continue;
			json_string_copy(name, c->name, sizeof c->name);
			c->id = answer_id(x, id_prefix, 24);
			sb_init(&c->arguments, 1024 * 1024);
			jw_init(&w, &c->arguments);
			speech_json(x, schema, &w);
			c->tokens = tokens_of(str_of(c->name)) + tokens_of(sb_str(&c->arguments)) + 4;
			out->count++;
		}
		if (out->count == before)
			break;
	}
}

void openai_calls_fini(struct openai_calls *c)
{
	while (c->count)
		sb_fini(&c->call[--c->count].arguments);
}

/* ---- usage */

void openai_usage_chat(struct json_out *w, const struct openai_counts *c)
{
	jw_object(w);
	jw_ku64(w, "prompt_tokens", c->in);
	jw_ku64(w, "completion_tokens", c->out);
	jw_ku64(w, "total_tokens", c->in + c->out);
	jw_key(w, "prompt_tokens_details");
	jw_object(w);
	jw_ku64(w, "cached_tokens", c->cached);
	if (c->writes)
		jw_ku64(w, "cache_write_tokens", c->written);
	jw_ku64(w, "audio_tokens", c->in_audio);
	jw_end_object(w);
	jw_key(w, "completion_tokens_details");
	jw_object(w);
	jw_ku64(w, "reasoning_tokens", c->reasoning);
	jw_ku64(w, "audio_tokens", c->out_audio);
	jw_ku64(w, "accepted_prediction_tokens", c->accepted);
	jw_ku64(w, "rejected_prediction_tokens", c->rejected);
	jw_end_object(w);
	jw_end_object(w);
}

void openai_usage_responses(struct json_out *w, const struct openai_counts *c)
{
	jw_object(w);
	jw_ku64(w, "input_tokens", c->in);
	jw_key(w, "input_tokens_details");
	jw_object(w);
	jw_ku64(w, "cached_tokens", c->cached);
	if (c->writes)
		jw_ku64(w, "cache_write_tokens", c->written);
	jw_end_object(w);
	jw_ku64(w, "output_tokens", c->out);
	jw_key(w, "output_tokens_details");
	jw_object(w);
	jw_ku64(w, "reasoning_tokens", c->reasoning);
	jw_end_object(w);
	jw_ku64(w, "total_tokens", c->in + c->out);
	jw_end_object(w);
}

/* ---- paths */

static bool under(struct str path, const char *root)
{
	size_t n = strlen(root);
	return str_starts(path, str_make(root, n)) && (path.n == n || path.p[n] == '/');
}

void openai_answer(struct exchange *x)
{
	static const struct {
		const char *root;
		const char *method; /* NULL: any */
		void (*answer)(struct exchange *);
	} paths[] = {
		{"/v1/chat/completions", NULL, openai_chat},
		{"/v1/completions", "POST", openai_completions},
		{"/v1/responses", NULL, openai_responses},
		{"/v1/embeddings", "POST", openai_embeddings},
		{"/v1/models", NULL, openai_models},
		{"/v1/images/generations", "POST", openai_images},
		{"/v1/images/edits", "POST", openai_images},
		{"/v1/images/variations", "POST", openai_images},
		{"/v1/audio", "POST", openai_audio},
		{"/v1/moderations", "POST", openai_moderations},
		{"/v1/files", NULL, openai_files},
		{"/v1/batches", NULL, openai_batches},
		{"/v1/fine_tuning/jobs", NULL, openai_tuning},
		{"/v1/uploads", NULL, openai_uploads},
		{"/v1/vector_stores", NULL, openai_things},
		{"/v1/conversations", NULL, openai_things},
		{"/v1/containers", NULL, openai_things},
		{"/v1/videos", NULL, openai_things},
		{"/v1/organization", "GET", openai_organization},
	};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if (!under(x->ask.path, paths[i].root))
			continue;
		if (!paths[i].method || str_eqc(x->ask.method, paths[i].method)) {
			paths[i].answer(x);
			return;
		}
		openai_error(x, 405, "invalid_request_error", NULL, NULL, "Not allowed to %.*s on %.*s.",
			     STR_ARG(x->ask.method), STR_ARG(x->ask.path));
		return;
	}
	openai_error(x, 404, "invalid_request_error", NULL, NULL, "Invalid URL (%.*s %.*s)", STR_ARG(x->ask.method),
		     STR_ARG(x->ask.path));
}
