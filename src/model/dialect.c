/* SPDX-License-Identifier: Apache-2.0
 *
 * The surfaces (surfaces.def) and the edits of a request body. Reading a request: dialect_request.c; reading
 * answers: meter.c; refusals in a vendor's own words: api_error.c.
 *
 * An edit never re-serialises: it names a span of the body and what stands there instead, because vendors'
 * prompt caches key on what the client wrote.
 */
#include "model/dialect.h"

#include "base/err.h"

#include <stdio.h>

enum { G = 1, P = 2, J = 4 };

static const struct surface surfaces[] = {
#define S(n, a, m, p, sh, b, f)                                                                                     \
	{.name = n,                                                                                                 \
	 .api = API_##a,                                                                                            \
	 .method = m,                                                                                               \
	 .path = p,                                                                                                 \
	 .shape = SHAPE_##sh,                                                                                       \
	 .bill = BILL_##b,                                                                                          \
	 .model_in_path = ((f) & P) != 0,                                                                           \
	 .generates = ((f) & G) != 0,                                                                               \
	 .json_body = ((f) & J) != 0},
#include "model/surfaces.def"
#undef S
};

static const char *const api_names[APIS] = {"openai", "anthropic", "gemini"};

const char *vendor_api_name(enum vendor_api a)
{
	return (unsigned)a < APIS ? api_names[a] : "?";
}

int vendor_api_parse(struct str s, enum vendor_api *out)
{
	for (unsigned i = 0; i < APIS; i++)
		if (str_ieq(s, str_of(api_names[i]))) {
			*out = (enum vendor_api)i;
			return 0;
		}
	return -RR_NOTFOUND;
}

/* '*' is any run of bytes but '/', '?' one of them, two final stars the rest. One star may be given back:
 * with the last star that was seen this is linear in practice, and a path is bounded by the head that carried it. */
static bool path_matches(const char *pattern, struct str path)
{
	const char *p = path.p, *end = path.p + path.n, *star = NULL, *star_at = NULL;
	while (p < end || *pattern) {
		if (pattern[0] == '*' && pattern[1] == '*' && !pattern[2])
			return p < end || p == path.p;
		if (*pattern == '*') {
			star = pattern++;
			star_at = p;
		} else if (p < end && (*pattern == *p || (*pattern == '?' && *p != '/'))) {
			pattern++;
			p++;
		} else if (star && star_at < end && *star_at != '/') {
			p = ++star_at;
			pattern = star + 1;
		} else {
			return false;
		}
	}
	return true;
}

static bool method_matches(const char *pattern, struct str method)
{
	if (*pattern == '*')
		return true;
	if (*pattern == '-')
		return !str_eqc(method, "POST");
	return str_eqc(method, pattern);
}

const struct surface *surface_find(enum vendor_api api, struct str method, struct str path)
{
	const struct surface *s = surfaces, *last = surfaces + sizeof surfaces / sizeof surfaces[0];
	for (; s < last; s++)
		if (s->api == api && method_matches(s->method, method) && path_matches(s->path, path))
			return s;
	return last - 1; /* not reached: each API's list ends in a row that takes all */
}

const struct surface *surface_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof surfaces / sizeof surfaces[0]; i++)
		if (strcmp(surfaces[i].name, name) == 0)
			return &surfaces[i];
	return NULL;
}

unsigned surface_count(void)
{
	return sizeof surfaces / sizeof surfaces[0];
}

const struct surface *surface_at(unsigned index)
{
	return index < surface_count() ? &surfaces[index] : NULL;
}

/* Sets a member of an object to a JSON text: replaces the value (of the last duplicate), else inserts it
 * as the first member. False when the arena is full. */
static bool edit_member(struct json object, const char *key, struct str value, struct arena *a, struct json_edit *out)
{
	struct json_iter it;
	struct str name;
	struct json v, found = {JSON_NONE, {NULL, 0}};
	unsigned members = 0;
	json_open(&it, object);
	while (json_next(&it, &name, &v)) {
		members++;
		if (json_key_eq(name, str_of(key)))
			found = v;
	}
	if (found.type != JSON_NONE) {
		out->span = found.text;
		out->with = arena_str(a, value);
	} else {
		out->span = str_make(object.text.p + 1, 0);
		out->with = arena_printf(a, "\"%s\":%.*s%s", key, STR_ARG(value), members ? "," : "");
	}
	return out->with.p != NULL;
}

/* Ascending order, as json_splice wants it. */
static void sort_edits(struct json_edit *e, unsigned count)
{
	for (unsigned i = 1; i < count; i++)
		for (unsigned j = i; j && e[j].span.p < e[j - 1].span.p; j--) {
			struct json_edit swap = e[j];
			e[j] = e[j - 1];
			e[j - 1] = swap;
		}
}

unsigned dialect_usage_edits(const struct surface *s, const struct features *f, struct arena *a,
			     struct json_edit *edits)
{
	struct json options;
	if (!f->stream || f->stream_usage_asked || !s->json_body || f->top.type != JSON_OBJECT ||
	    s->shape != SHAPE_OPENAI_CHAT)
		return 0;
	options = json_get(f->top, "stream_options");
	if (options.type == JSON_OBJECT)
		return edit_member(options, "include_usage", STR("true"), a, edits);
	return edit_member(f->top, "stream_options", STR("{\"include_usage\":true}"), a, edits);
}

/* Lowers a member that stands there with a higher number; *present says whether it stood there. */
static unsigned lower_member(struct json object, const char *key, uint64_t max_tok, struct arena *a,
			     struct json_edit *edit, bool *present)
{
	struct json v = json_get(object, key);
	uint64_t now;
	char text[24];
	if (v.type == JSON_NONE || v.type == JSON_NULL)
		return 0;
	*present = true;
	if (json_u64(v, &now) == 0 && now <= max_tok)
		return 0;
	snprintf(text, sizeof text, "%llu", (unsigned long long)max_tok);
	return edit_member(object, key, str_of(text), a, edit);
}

static unsigned limit_gemini(const struct features *f, uint64_t max_tok, struct arena *a, struct json_edit *edits)
{
	static const char *const outer[] = {"generationConfig", "generation_config"};
	static const char *const inner[] = {"maxOutputTokens", "max_output_tokens"};
	struct json first = {JSON_NONE, {NULL, 0}};
	unsigned count = 0;
	bool present = false;
	char text[64];
	for (unsigned i = 0; i < 2; i++) {
		struct json config = json_get(f->top, outer[i]);
		if (config.type != JSON_OBJECT)
			continue;
		if (first.type == JSON_NONE)
			first = config;
		for (unsigned j = 0; j < 2 && count < 4; j++)
			count += lower_member(config, inner[j], max_tok, a, &edits[count], &present);
	}
	if (present)
		return count;
	if (first.type == JSON_OBJECT) {
		snprintf(text, sizeof text, "%llu", (unsigned long long)max_tok);
		return edit_member(first, inner[0], str_of(text), a, edits);
	}
	snprintf(text, sizeof text, "{\"maxOutputTokens\":%llu}", (unsigned long long)max_tok);
	return edit_member(f->top, outer[0], str_of(text), a, edits);
}

unsigned dialect_limit_edits(const struct surface *s, const struct features *f, uint64_t max_tok, struct arena *a,
			     struct json_edit *edits)
{
	/* What to set when the client set none; OpenAI's reasoning models refuse max_tokens (SDK, August 2026). */
	static const char *const chat[] = {"max_completion_tokens", "max_tokens", NULL};
	static const char *const plain[] = {"max_tokens", NULL};
	static const char *const responses[] = {"max_output_tokens", NULL};
	const char *const *keys = plain;
	unsigned count = 0;
	bool present = false;
	char text[24];
	if (!s->generates || !s->json_body || f->top.type != JSON_OBJECT)
		return 0;
	if (s->shape == SHAPE_GEMINI) {
		count = limit_gemini(f, max_tok, a, edits);
	} else {
		if (s->shape == SHAPE_OPENAI_RESPONSES)
			keys = responses;
		else if (s->shape == SHAPE_OPENAI_CHAT && !str_ends(str_of(s->name), STR("-completions")))
			keys = chat;
		for (unsigned i = 0; keys[i]; i++)
			count += lower_member(f->top, keys[i], max_tok, a, &edits[count], &present);
		snprintf(text, sizeof text, "%llu", (unsigned long long)max_tok);
		if (!present)
			count += edit_member(f->top, keys[0], str_of(text), a, edits);
	}
	sort_edits(edits, count);
	return count;
}
