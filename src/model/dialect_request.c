/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request asks for: one pass over the body (json_scan), then a look at the few members that matter.
 *
 * 1. The body is checked whole. Members that change the bill (model, stream, limits, tier ...) may stand once
 *    and must have their type: where two parsers could disagree, one of them would pay (-RR_INPUT).
 * 2. Nothing is copied. A model name that holds escapes ("a\/b") is interned, all others are spans.
 * 3. What cannot be seen is assumed: context behind an id, a URL or a vendor-run tool sets hidden_context.
 *    A search for bytes rules it out in nearly all bodies; only where one hits is the value walked.
 */
#include "model/dialect.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/intern.h"

#ifdef __x86_64__
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

/* The members that are wanted of a body, over all families; absent ones cost nothing. */
enum member {
	M_MODEL, M_STREAM, M_STREAM_OPTIONS, M_TIER, M_TOOLS, M_MESSAGES, M_INPUT, M_PROMPT,
	M_MAX_TOKENS, M_MAX_COMPLETION, M_MAX_OUTPUT, M_N, M_BEST_OF,
	M_SYSTEM, M_INSTRUCTIONS, M_PREVIOUS, M_CONVERSATION, M_BACKGROUND, M_CACHE_OPTIONS, M_CACHE_CONTROL,
	M_CONTAINER, M_MCP, M_WEB_SEARCH,
	M_CONFIG, M_CONFIG_SNAKE, M_SYSTEM_INSTRUCTION, M_SYSTEM_INSTRUCTION_SNAKE, M_CACHED, M_CACHED_SNAKE,
	M_CONTENTS, M_SPEED, M_GEO,
	MEMBERS
};

#define K(literal) {(literal), sizeof(literal) - 1}
static const struct str member_names[MEMBERS] = {
	[M_MODEL] = K("model"),
	[M_STREAM] = K("stream"),
	[M_STREAM_OPTIONS] = K("stream_options"),
	[M_TIER] = K("service_tier"),
	[M_TOOLS] = K("tools"),
	[M_MESSAGES] = K("messages"),
	[M_INPUT] = K("input"),
	[M_PROMPT] = K("prompt"),
	[M_MAX_TOKENS] = K("max_tokens"),
	[M_MAX_COMPLETION] = K("max_completion_tokens"),
	[M_MAX_OUTPUT] = K("max_output_tokens"),
	[M_N] = K("n"),
	[M_BEST_OF] = K("best_of"),
	[M_SYSTEM] = K("system"),
	[M_INSTRUCTIONS] = K("instructions"),
	[M_PREVIOUS] = K("previous_response_id"),
	[M_CONVERSATION] = K("conversation"),
	[M_BACKGROUND] = K("background"),
	[M_CACHE_OPTIONS] = K("prompt_cache_options"),
	[M_CACHE_CONTROL] = K("cache_control"),
	[M_CONTAINER] = K("container"),
	[M_MCP] = K("mcp_servers"),
	[M_WEB_SEARCH] = K("web_search_options"),
	[M_CONFIG] = K("generationConfig"),
	[M_CONFIG_SNAKE] = K("generation_config"),
	[M_SYSTEM_INSTRUCTION] = K("systemInstruction"),
	[M_SYSTEM_INSTRUCTION_SNAKE] = K("system_instruction"),
	[M_CACHED] = K("cachedContent"),
	[M_CACHED_SNAKE] = K("cached_content"),
	[M_CONTENTS] = K("contents"),
	[M_SPEED] = K("speed"),
	[M_GEO] = K("inference_geo"),
};
static struct json_wanted wanted = {member_names, MEMBERS, 0};

static bool is_there(struct json v)
{
	return v.type != JSON_NONE && v.type != JSON_NULL;
}

/* ---- walking for members that bring in context from elsewhere ---- */

struct walk {
	bool hidden;   /* a file id, a URL, a stored item, a document or film whose tokens bytes do not bound */
	uint32_t images;
	bool marks;    /* cache_control, prompt_cache_breakpoint */
	bool marks_1h;
};

static bool is_url(struct json v)
{
	struct str raw = json_raw_string(v);
	/* an escaped colon or slash still begins with the scheme; whatever is not inline data is taken as a URL */
	return v.type == JSON_STRING && !str_starts(raw, STR("data:"));
}

/* Media that stand in the body itself. Speech is longer than its tokens in every codec; a picture may be
 * shorter (a blank one packs to nothing), but has a most; pages and film have none. */
static void take_media(struct json type, struct walk *w)
{
	struct str raw = json_raw_string(type);
	if (str_starts(raw, STR("image")))
		w->images++;
	else if (!str_starts(raw, STR("audio")) && !str_starts(raw, STR("text")))
		w->hidden = true;
}

static void walk_member(struct str key, struct json v, struct walk *w)
{
	if (json_key_eq(key, STR("file_id")) || json_key_eq(key, STR("file_url")) ||
	    json_key_eq(key, STR("file_uri")) || json_key_eq(key, STR("fileUri"))) {
		w->hidden |= is_there(v);
	} else if (json_key_eq(key, STR("image_url"))) {
		w->hidden |= is_url(v) || is_url(json_get(v, "url"));
		w->images++;
	} else if (json_key_eq(key, STR("source"))) {
		struct json type = json_get(v, "type");
		w->hidden |= json_string_eq(type, "url") || json_string_eq(type, "file");
		if (json_string_eq(type, "base64"))
			take_media(json_get(v, "media_type"), w);
	} else if (json_key_eq(key, STR("inlineData")) || json_key_eq(key, STR("inline_data"))) {
		struct json type = json_get(v, "mimeType");
		take_media(type.type == JSON_STRING ? type : json_get(v, "mime_type"), w);
	} else if (json_key_eq(key, STR("file_data"))) {
		w->hidden |= is_there(v);
	} else if (json_key_eq(key, STR("type"))) {
		w->hidden |= json_string_eq(v, "item_reference");
	} else if (json_key_eq(key, STR("cache_control")) || json_key_eq(key, STR("prompt_cache_breakpoint"))) {
		w->marks |= is_there(v);
		w->marks_1h |= json_string_eq(json_get(v, "ttl"), "1h");
	}
}

/* Depth is bounded by JSON_DEPTH, which the check enforced. */
static void walk_value(struct json v, unsigned depth, struct walk *w)
{
	struct json_iter it;
	struct str key;
	struct json inner;
	json_open(&it, v);
	while (json_next(&it, &key, &inner)) {
		if (v.type == JSON_OBJECT)
			walk_member(key, inner, w);
		if ((inner.type == JSON_OBJECT || inner.type == JSON_ARRAY) && depth < JSON_DEPTH)
			walk_value(inner, depth + 1, w);
	}
}

#define BEGINS(p, end, literal)                                                                                        \
	((size_t)((end) - (p)) >= sizeof(literal) - 1 && memcmp(p, literal, sizeof(literal) - 1) == 0)

/* Can one of the walked-for names begin here, at a quote, or an escaped letter of one, at a backslash? */
static inline bool sign_at(const char *p, const char *end)
{
	if (end - p < 2)
		return false;
	switch (p[1]) {
	case 'f':
		return BEGINS(p, end, "\"file_") || BEGINS(p, end, "\"fileU");
	case 'i':
		return BEGINS(p, end, "\"image_url\"") || BEGINS(p, end, "\"item_reference\"") ||
		       BEGINS(p, end, "\"inline");
	case 's':
		return BEGINS(p, end, "\"source\"");
	case 'c':
		return BEGINS(p, end, "\"cache_control\"");
	case 'p':
		return BEGINS(p, end, "\"prompt_cache_b");
	case 'u':
		return end - p >= 5 && *p == '\\' && p[2] == '0' && p[3] == '0' && p[4] >= '4' && p[4] <= '7';
	default:
		return false;
	}
}

/* Whether any of the walked-for names can stand in these bytes: quoted names are found as they are, and a
 * name with escapes holds that of a letter or an underscore, \u0041 to \u007A (not that of an accented letter, which
 * fills the bodies of every client that writes ASCII). Text cannot match (its quotes are escaped) unless a whole
 * string reads like a name. One pass, 16 or 32 bytes at a time: a body may be a megabyte. */
#ifdef __x86_64__
/* Blocks of 32, of which sign_at looks at what may be one of its: in each name the second letter says what the first
 * one is, and the low half of that letter is enough to say it (a shuffle is a table of 16). Text full of escapes hardly
 * ever hits. *at is left at the first byte that was not looked at. */
__attribute__((target("avx2"))) static bool sign_in_blocks(const char **at, const char *end)
{
	/* second letter:                     -   a    r   -   t   -  -  -  -   i   -  -  -   m    n    o */
	const __m128i half = _mm_setr_epi8(0, 'c', 'p', 0, 'i', 0, 0, 0, 0, 'f', 0, 0, 0, 'i', 'i', 's');
	const __m256i first_of = _mm256_broadcastsi128_si256(half), quote = _mm256_set1_epi8('"'),
		      back = _mm256_set1_epi8('\\'), u = _mm256_set1_epi8('u'), four = _mm256_set1_epi8('4'),
		      upper = _mm256_set1_epi8((char)0xFC);
	const char *p = *at;
	for (; end - p >= 36; p += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i first = _mm256_loadu_si256((const __m256i *)(const void *)(p + 1));
		__m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(p + 2));
		__m256i digit = _mm256_loadu_si256((const __m256i *)(const void *)(p + 4)); /* of \\u00X.: 4 to 7 */
		__m256i name = _mm256_cmpeq_epi8(first, _mm256_shuffle_epi8(first_of, second));
		__m256i escape = _mm256_and_si256(_mm256_cmpeq_epi8(v, back), _mm256_cmpeq_epi8(first, u));
		name = _mm256_and_si256(name, _mm256_cmpeq_epi8(v, quote));
		escape = _mm256_and_si256(escape, _mm256_cmpeq_epi8(_mm256_and_si256(digit, upper), four));
		for (unsigned hits = (unsigned)_mm256_movemask_epi8(_mm256_or_si256(name, escape)); hits;
		     hits &= hits - 1)
			if (sign_at(p + __builtin_ctz(hits), end))
				return true;
	}
	*at = p;
	return false;
}
#endif

static bool worth_a_walk(struct json v)
{
	const char *p = v.text.p, *end = p + v.text.n;
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2") && sign_in_blocks(&p, end))
		return true;
#endif
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\');
	for (; end - p >= 16; p += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i odd = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, back));
		for (unsigned hits = (unsigned)_mm_movemask_epi8(odd); hits; hits &= hits - 1) {
			const char *at = p + __builtin_ctz(hits);
			if (sign_at(at, end))
				return true;
		}
	}
#endif
	for (; p < end; p++)
		if ((*p == '"' || *p == '\\') && sign_at(p, end))
			return true;
	return false;
}

static void walk(struct json v, struct walk *w)
{
	if (is_there(v) && worth_a_walk(v))
		walk_value(v, 0, w);
}

/* ---- tools that the vendor runs ---- */

static bool type_in(struct json type, const char *const names[])
{
	for (unsigned i = 0; names[i]; i++)
		if (json_string_eq(type, names[i]))
			return true;
	return false;
}

/* The client's own tools by type; all others, new ones too, may run at the vendor's and cost. */
static bool vendor_tool(enum usage_shape shape, struct json tool)
{
	static const char *const openai[] = {"function", "custom", "local_shell", "apply_patch", "computer_use_preview",
					     "computer", NULL};
	static const char *const anthropic[] = {"bash_", "text_editor_", "computer_", "memory_", NULL};
	struct json type = json_get(tool, "type");
	if (shape == SHAPE_GEMINI) {
		struct json_iter it;
		struct str key;
		struct json v;
		json_open(&it, tool);
		while (json_next(&it, &key, &v))
			if (!json_key_eq(key, STR("functionDeclarations")) &&
			    !json_key_eq(key, STR("function_declarations")) &&
			    !json_key_eq(key, STR("computerUse")) && is_there(v))
				return true;
		return false;
	}
	if (shape == SHAPE_ANTHROPIC) {
		if (type.type != JSON_STRING || json_string_eq(type, "custom"))
			return false;
		for (unsigned i = 0; anthropic[i]; i++)
			if (str_starts(json_raw_string(type), str_of(anthropic[i])))
				return false;
		return true;
	}
	return type.type == JSON_STRING && !type_in(type, openai);
}

static bool has_vendor_tool(enum usage_shape shape, struct json tools)
{
	struct json_iter it;
	struct str key;
	struct json tool;
	json_open(&it, tools);
	while (tools.type == JSON_ARRAY && json_next(&it, &key, &tool))
		if (vendor_tool(shape, tool))
			return true;
	return false;
}

/* ---- the pieces ---- */

static uint64_t hash_more(uint64_t h, struct json v)
{
	return is_there(v) ? hash_xxh3_seed(v.text.p, v.text.n, h) : h;
}

/* The first member of that name, without a look at what stands behind it (often the whole text). */
static struct json first_member(struct json object, struct str name)
{
	struct json_iter it;
	struct str key;
	struct json v;
	json_open(&it, object);
	while (object.type == JSON_OBJECT && json_next(&it, &key, &v))
		if (json_key_eq(key, name))
			return v;
	return (struct json){JSON_NONE, {NULL, 0}};
}

static bool is_prefix_role(struct json role)
{
	return json_string_eq(role, "system") || json_string_eq(role, "developer");
}

/* System prompt and tools: the workload's fingerprint, and what a prompt cache would hold. */
static uint64_t prefix_of(const struct json m[MEMBERS])
{
	uint64_t h = hash_more(0, m[M_TOOLS]);
	struct json_iter it;
	struct str key;
	struct json message, unended;
	h = hash_more(h, m[M_SYSTEM]);
	h = hash_more(h, m[M_INSTRUCTIONS]);
	h = hash_more(h, m[M_SYSTEM_INSTRUCTION]);
	h = hash_more(h, m[M_SYSTEM_INSTRUCTION_SNAKE]);
	json_open(&it, m[M_MESSAGES].type == JSON_ARRAY ? m[M_MESSAGES] : m[M_INPUT]);
	for (bool more = !it.object; more; more = json_next(&it, &key, &message)) {
		/* Looked into before its end is known: what the user wrote, often nearly all, is not stepped over. */
		unended = json_ahead(&it);
		if (!is_prefix_role(first_member(unended, STR("role"))))
			break;
		h = hash_more(h, first_member(unended, STR("content")));
	}
	return h;
}

/* -RR_INPUT unless absent, null or a count. */
static int take_limit(struct json v, uint64_t *out)
{
	uint64_t n;
	if (!is_there(v))
		return 0;
	if (json_u64(v, &n))
		return -RR_INPUT;
	if (n > *out)
		*out = n;
	return 0;
}

static int take_flag(struct json v, bool *out)
{
	if (v.type == JSON_TRUE)
		*out = true;
	else if (is_there(v) && v.type != JSON_FALSE)
		return -RR_INPUT;
	return 0;
}

static int take_model(struct json v, struct str *out)
{
	if (v.type == JSON_NONE)
		return 0;
	if (v.type != JSON_STRING)
		return -RR_INPUT;
	*out = json_raw_string(v);
	if (str_chr(*out, '\\') != SIZE_MAX) {
		char text[512];
		json_string_copy(v, text, sizeof text);
		*out = intern_str(intern(str_of(text)));
	}
	return 0;
}

/* "completions" takes several prompts in one call, each with its own answers. */
static uint64_t prompts_of(struct json prompt)
{
	struct json first = json_path(prompt, "[0]");
	if (prompt.type != JSON_ARRAY || first.type == JSON_NUMBER || first.type == JSON_NONE)
		return 1;
	return json_count(prompt);
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;
	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t code_points(struct json text)
{
	struct str raw = json_raw_string(text);
	uint64_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\') /* an escape is one; a surrogate pair counts as two, as in UTF-16 */
			i += i + 1 < raw.n && raw.p[i + 1] == 'u' ? 5 : 1;
		else if (((unsigned char)raw.p[i] & 0xC0) == 0x80)
			continue;
		n++;
	}
	return n;
}

/* Gemini: ".../models/NAME:verb" and tunedModels, or an Azure deployment's name. */
static struct str model_of_path(struct str path)
{
	size_t from = 0, to = path.n;
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '/')
			from = i + 1;
		if (path.p[i] == ':')
			to = i;
	}
	return from < to ? str_sub(path, from, to) : str_make(NULL, 0);
}

static bool query_has(struct str query, struct str pair)
{
	struct str rest = query;
	while (rest.p)
		if (str_eq(str_cut(&rest, '&'), pair))
			return true;
	return false;
}

static int take_gemini(struct str path, struct str query, const struct json m[MEMBERS], struct features *f)
{
	int rc = 0;
	f->stream = str_contains(path, STR(":streamGenerateContent"));
	f->stream_array = f->stream && !query_has(query, STR("alt=sse"));
	f->stream_usage_asked = true;
	for (unsigned i = M_CONFIG; i <= M_CONFIG_SNAKE && !rc; i++) {
		uint64_t n = 0;
		rc = take_limit(json_get(m[i], "maxOutputTokens"), &f->max_output_tok);
		if (!rc)
			rc = take_limit(json_get(m[i], "max_output_tokens"), &f->max_output_tok);
		if (!rc)
			rc = take_limit(json_get(m[i], "candidateCount"), &n);
		if (!rc)
			rc = take_limit(json_get(m[i], "candidate_count"), &n);
		if (n > f->choices)
			f->choices = n;
	}
	f->hidden_context |= is_there(m[M_CACHED]) || is_there(m[M_CACHED_SNAKE]);
	return rc;
}

static int take_members(const struct surface *s, const struct json m[MEMBERS], struct features *f)
{
	struct walk w = {false, 0, false, false};
	uint64_t n = 1, best = 1;
	bool background = false;
	int rc = take_model(m[M_MODEL], &f->model);
	if (!rc)
		rc = take_flag(m[M_STREAM], &f->stream);
	if (!rc)
		rc = take_limit(m[M_MAX_TOKENS], &f->max_output_tok);
	if (!rc)
		rc = take_limit(m[M_MAX_COMPLETION], &f->max_output_tok);
	if (!rc)
		rc = take_limit(m[M_MAX_OUTPUT], &f->max_output_tok);
	if (!rc)
		rc = take_limit(m[M_N], &n);
	if (!rc)
		rc = take_limit(m[M_BEST_OF], &best);
	if (!rc)
		rc = take_flag(m[M_BACKGROUND], &background);
	if (is_there(m[M_TIER]) && m[M_TIER].type != JSON_STRING)
		rc = -RR_INPUT;
	if (rc)
		return rc;
	f->background = background;
	if (m[M_TIER].type == JSON_STRING)
		f->tier_asked = tier_parse(json_raw_string(m[M_TIER]));
	f->fast = json_string_eq(m[M_TIER], "ultrafast") ||
		  (s->shape == SHAPE_ANTHROPIC && json_string_eq(m[M_SPEED], "fast"));
	if (f->fast && f->tier_asked == TIER_OTHER)
		f->tier_asked = TIER_PRIORITY;
	json_string_copy(m[M_GEO], f->geo, sizeof f->geo);
	f->choices = times(n > best ? n : best, prompts_of(m[M_PROMPT]));
	f->stream_usage_asked =
		s->shape != SHAPE_OPENAI_CHAT || json_is_true(json_get(m[M_STREAM_OPTIONS], "include_usage"));
	f->has_tools = has_vendor_tool(s->shape, m[M_TOOLS]) || is_there(m[M_WEB_SEARCH]) || is_there(m[M_MCP]);
	f->cache_ttl_12h = json_string_eq(json_get(m[M_CACHE_OPTIONS], "ttl"), "12h");
	f->hidden_context |= f->has_tools || is_there(m[M_PREVIOUS]) || is_there(m[M_CONVERSATION]) ||
			     is_there(m[M_CONTAINER]) || m[M_PROMPT].type == JSON_OBJECT;
	walk(m[M_MESSAGES], &w);
	walk(m[M_INPUT], &w);
	walk(m[M_SYSTEM], &w);
	walk(m[M_TOOLS], &w);
	walk(m[M_CONTENTS], &w);
	walk(m[M_SYSTEM_INSTRUCTION], &w);
	walk(m[M_SYSTEM_INSTRUCTION_SNAKE], &w);
	f->hidden_context |= w.hidden;
	f->images = w.images;
	f->cache_marks = w.marks || is_there(m[M_CACHE_CONTROL]) || is_there(m[M_CACHE_OPTIONS]);
	f->cache_ttl_1h = w.marks_1h || json_string_eq(json_get(m[M_CACHE_CONTROL], "ttl"), "1h");
	f->prefix_hash = prefix_of(m);
	if (str_eqc(str_of(s->name), "openai-speech"))
		f->characters = code_points(m[M_INPUT]);
	return 0;
}

/* ---- multipart bodies: uploads of audio and pictures, whose model stands in a form field ---- */

/* The next part's head and content; parts are cut by the body's own first line. */
static bool next_part(struct str *rest, struct str boundary, struct str *head, struct str *content)
{
	const char *end = rest->p + rest->n, *at, *next;
	if (!str_starts(*rest, boundary))
		return false;
	at = rest->p + boundary.n;
	next = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
	if (!next)
		return false;
	*head = str_make(at, (size_t)(next - at));
	at = next + 4;
	for (next = at; (next = memmem(next, (size_t)(end - next), boundary.p, boundary.n)); next++)
		if (next - at >= 2 && next[-2] == '\r' && next[-1] == '\n')
			break;
	if (!next)
		return false;
	*content = str_make(at, (size_t)(next - 2 - at));
	*rest = str_make(next, (size_t)(end - next));
	return true;
}

/* Is this the field of that name? name="model", or name=model (RFC 7578 and RFC 2183 know both). */
static bool part_is(struct str head, const char *field)
{
	size_t n = strlen(field);
	for (size_t i = 0; i + 5 + n <= head.n; i++) {
		struct str rest = str_sub(head, i, head.n);
		bool quoted = rest.n > 5 && rest.p[5] == '"';
		struct str value = str_sub(rest, quoted ? 6 : 5, rest.n);
		if ((i && (head.p[i - 1] == '*' || head.p[i - 1] == 'e')) ||
		    !str_ieq(str_sub(rest, 0, 5), STR("name=")) || !str_starts(value, str_of(field)))
			continue;
		if (value.n == n ||
		    (quoted ? value.p[n] == '"' : value.p[n] == ';' || value.p[n] == '\r' || value.p[n] == ' '))
			return true;
	}
	return false;
}

static int take_multipart(struct str body, struct features *f)
{
	size_t line = str_chr(body, '\r');
	struct str boundary = str_sub(body, 0, line), rest = body, head, content;
	unsigned parts = 0;
	f->hidden_context = true; /* seconds of speech, pixels: their tokens cannot be counted here */
	if (line == SIZE_MAX || boundary.n < 3 || boundary.n > 200 || !str_starts(boundary, STR("--")))
		return 0;
	while (parts++ < 64 && next_part(&rest, boundary, &head, &content)) {
		if (part_is(head, "model")) {
			if (f->model.n)
				return -RR_INPUT;
			f->model = str_trim(str_sub(content, 0, 256));
		} else if (part_is(head, "stream")) {
			f->stream = str_ieq(str_trim(content), STR("true"));
		}
	}
	return 0;
}

int dialect_request(const struct surface *s, struct str path, struct str query, struct str body, struct features *f,
		    struct json_fault *fault)
{
	UNSET struct json m[MEMBERS];
	bool duplicate = false;
	struct str trimmed = str_trim(body);
	int rc;
	memset(f, 0, sizeof *f);
	f->choices = 1;
	f->body_bytes = body.n;
	f->stream_usage_asked = s->shape != SHAPE_OPENAI_CHAT;
	if (fault)
		*fault = (struct json_fault){0, NULL};
	if (s->bill == BILL_NOTHING || (!s->json_body && (!trimmed.n || trimmed.p[0] != '{'))) {
		if (s->model_in_path)
			f->model = model_of_path(path);
		return s->bill == BILL_NOTHING || !trimmed.n ? 0 : take_multipart(body, f);
	}
	rc = json_scan_for(body, &wanted, m, &duplicate, fault);
	if (rc && !s->json_body && rc != -RR_LIMIT) {
		f->hidden_context = true; /* not ours to judge: an operation that is not known by name */
		return 0;
	}
	if (rc == -RR_INPUT && fault && !fault->what)
		fault->what = "a JSON object was expected";
	if (rc)
		return rc;
	f->top = (struct json){JSON_OBJECT, trimmed};
	rc = duplicate ? -RR_INPUT : take_members(s, m, f);
	if (rc && !s->json_body) {
		f->hidden_context = true;
		rc = 0;
	}
	if (!rc && s->shape == SHAPE_GEMINI)
		rc = take_gemini(path, query, m, f);
	if (s->model_in_path)
		f->model = model_of_path(path);
	if (!f->model.n && str_starts(path, STR("/openai/deployments/"))) { /* Azure: the deployment is the model */
		struct str rest = str_sub(path, 20, path.n);
		f->model = str_cut(&rest, '/');
	}
	return rc;
}
