/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend OpenAI's embeddings, images, audio and moderations.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/openai_int.h"

enum { SMALL_DIMENSIONS = 1536, LARGE_DIMENSIONS = 3072, IMAGES_MOST = 10 };

static const char base64_set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(struct sb *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0u);
		sb_addc(out, base64_set[v >> 18]);
		sb_addc(out, base64_set[v >> 12 & 63]);
		sb_addc(out, i + 1 < n ? base64_set[v >> 6 & 63] : '=');
		sb_addc(out, i + 2 < n ? base64_set[v & 63] : '=');
	}
}

/* ---- embeddings */

/* Values with six decimals that a float32 nearly holds; of no length in particular. */
static void put_vector(struct exchange *x, struct json_out *w, struct str of, unsigned dimensions, bool base64)
{
	struct rng r;
	rng_seed(&r, hash_xxh3_seed(of.p, of.n, x->sandbox->config.seed));
	if (!base64)
		jw_array(w);
	struct sb raw;
	sb_init(&raw, LARGE_DIMENSIONS * sizeof(float));
	for (unsigned i = 0; i < dimensions; i++) {
		int64_t millionth = (int64_t)rng_below(&r, 100001) - 50000;
		float f = (float)((double)millionth / 1e6);
		if (base64)
			sb_add(&raw, (const char *)&f, sizeof f); /* little-endian, as the vendor's */
		else
			jw_double(w, (double)millionth / 1e6);
	}
	if (base64) {
		struct sb text;
		sb_init(&text, 2 * LARGE_DIMENSIONS * sizeof(float));
		add_base64(&text, (const unsigned char *)raw.p, raw.n);
		jw_str(w, sb_str(&text));
		sb_fini(&text);
	} else {
		jw_end_array(w);
	}
	sb_fini(&raw);
}

static void put_embedding(struct exchange *x, struct json_out *w, unsigned index, struct str of, unsigned dimensions,
			  bool base64)
{
	jw_object(w);
	jw_kcstr(w, "object", "embedding");
	jw_ku64(w, "index", index);
	jw_key(w, "embedding");
	put_vector(x, w, of, dimensions, base64);
	jw_end_object(w);
}

void openai_embeddings(struct exchange *x)
{
	struct json input = json_get(x->ask.top, "input"), one;
	bool base64 = json_string_eq(json_get(x->ask.top, "encoding_format"), "base64");
	uint64_t wanted = json_u64_or0(json_get(x->ask.top, "dimensions")), tokens = 0;
	struct json_iter it;
	struct json_out w;
	struct str key;
	unsigned index = 0, dimensions;
	char model[128];
	if (!openai_ready(x, model, sizeof model))
		return;
	if (input.type != JSON_STRING && (input.type != JSON_ARRAY || !json_count(input))) {
		openai_error(x, 400, "invalid_request_error", NULL, NULL,
			     "'$.input' is invalid. Please check the API reference.");
		return;
	}
	dimensions = str_contains(str_of(model), STR("large")) ? LARGE_DIMENSIONS : SMALL_DIMENSIONS;
	if (wanted && wanted < dimensions)
		dimensions = (unsigned)wanted;
	openai_head(x);
	answer_name(x, "openai", "embeddings", str_of(model), x->request_id);
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "object", "list");
	jw_key(&w, "data");
	jw_array(&w);
	if (input.type == JSON_ARRAY && json_path(input, "[0]").type != JSON_NUMBER) {
		for (json_open(&it, input); json_next(&it, &key, &one);) {
			put_embedding(x, &w, index++, one.text, dimensions, base64);
			tokens += one.type == JSON_STRING ? tokens_of_json_string(one) : json_count(one);
		}
	} else { /* one text, or one list of token numbers */
		put_embedding(x, &w, 0, input.text, dimensions, base64);
		tokens = input.type == JSON_STRING ? tokens_of_json_string(input) : json_count(input);
	}
	jw_end_array(&w);
	jw_kcstr(&w, "model", model);
	sb_addf(&x->a.usage, "{\"prompt_tokens\":%llu,\"total_tokens\":%llu}", (unsigned long long)tokens,
		(unsigned long long)tokens);
	answer_put_usage(x, &w, "usage");
	jw_end_object(&w);
	answer_indent(x);
}

/* ---- moderations: free */

void openai_moderations(struct exchange *x)
{
	static const char *const categories[] = {"harassment", "hate", "illicit", "self-harm", "sexual", "violence"};
	struct json input = json_get(x->ask.top, "input");
	size_t n = input.type == JSON_ARRAY ? json_count(input) : 1;
	struct json_out w;
	char model[128];
	json_string_copy(json_get(x->ask.top, "model"), model, sizeof model);
	openai_head(x);
	answer_name(x, "openai", "moderations", *model ? str_of(model) : STR("omni-moderation-latest"),
		    answer_id(x, "modr-", 24));
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "id", x->a.id);
	jw_kstr(&w, "model", x->a.model);
	jw_key(&w, "results");
	jw_array(&w);
	for (size_t i = 0; i < n; i++) {
		jw_object(&w);
		jw_kbool(&w, "flagged", false);
		jw_key(&w, "categories");
		jw_object(&w);
		for (size_t k = 0; k < sizeof categories / sizeof *categories; k++)
			jw_kbool(&w, categories[k], false);
		jw_end_object(&w);
		jw_key(&w, "category_scores");
		jw_object(&w);
		for (size_t k = 0; k < sizeof categories / sizeof *categories; k++)
			jw_kdouble(&w, categories[k],
				   (double)(hash_xxh3_seed(input.text.p, input.text.n, k) % 1000) / 1e6);
		jw_end_object(&w);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	answer_indent(x);
}

/* ---- events of streams that are no chat */

static bool wants_stream(const struct exchange *x)
{
	return x->ask.top.type == JSON_OBJECT ? openai_is_stream(x)
					      : str_eqc(multipart_field(x, "stream", NULL), "true");
}

/* Opens the data of one event; event_end closes it. */
static void event_begin(struct exchange *x, struct json_out *w, const char *type)
{
	x->a.stream = true;
	x->a.content_type = "text/event-stream; charset=utf-8";
	sb_addf(&x->a.body, "event: %s\ndata: ", type);
	jw_init(w, &x->a.body);
	jw_object(w);
	jw_kcstr(w, "type", type);
}

static void event_end(struct exchange *x, struct json_out *w, unsigned tokens)
{
	jw_end_object(w);
	sb_adds(&x->a.body, "\n\n");
	answer_cut(x, tokens);
}

/* ---- images: one transparent pixel each */

static const char *quoted(struct exchange *x, struct str text)
{
	return arena_printf(x->arena, "\"%.*s\"", STR_ARG(text)).p;
}

static void image_stream(struct exchange *x, const char *what, const char *png, uint64_t each)
{
	uint64_t partial = json_u64_or0(json_get(x->ask.top, "partial_images"));
	struct json_out w;
	for (uint64_t i = 0; i < partial && i < 3; i++) {
		event_begin(x, &w, arena_printf(x->arena, "%s.partial_image", what).p);
		jw_kcstr(&w, "b64_json", png);
		jw_ku64(&w, "partial_image_index", i);
		event_end(x, &w, 0);
	}
	event_begin(x, &w, arena_printf(x->arena, "%s.completed", what).p);
	jw_kcstr(&w, "b64_json", png);
	jw_ki64(&w, "created_at", answer_seconds(x));
	answer_put_usage(x, &w, "usage");
	event_end(x, &w, (unsigned)each);
}

static void image_usage(struct exchange *x, uint64_t text, uint64_t image, uint64_t out)
{
	struct json_out u;
	jw_init(&u, &x->a.usage);
	jw_object(&u);
	jw_ku64(&u, "input_tokens", text + image);
	jw_key(&u, "input_tokens_details");
	jw_object(&u);
	jw_ku64(&u, "image_tokens", image);
	jw_ku64(&u, "text_tokens", text);
	jw_end_object(&u);
	jw_ku64(&u, "output_tokens", out);
	jw_ku64(&u, "total_tokens", text + image + out);
	jw_end_object(&u);
}

void openai_images(struct exchange *x)
{
	static const char png[] = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
	struct json quality = json_get(x->ask.top, "quality"), prompt = json_get(x->ask.top, "prompt");
	uint64_t n = json_u64_or0(json_get(x->ask.top, "n")), text = tokens_of_json_string(prompt);
	/* the guide's figures for 1024 x 1024 */
	uint64_t each = 4160;
	uint64_t in_image = x->ask.top.type == JSON_OBJECT ? 0 : 323;
	bool edit = !str_eqc(x->ask.path, "/v1/images/generations");
	struct json_out w;
	char model[128];
	json_string_copy(json_get(x->ask.top, "model"), model, sizeof model);
	if (x->ask.top.type != JSON_OBJECT) {
		str_copy(model, sizeof model, multipart_field(x, "model", NULL));
		quality = (struct json){JSON_STRING, str_of(quoted(x, multipart_field(x, "quality", NULL)))};
		text = tokens_of(multipart_field(x, "prompt", NULL));
	}
	if (json_string_eq(quality, "low"))
		each = 272;
	else if (json_string_eq(quality, "medium"))
		each = 1056;
	n = n < 1 ? 1 : n > IMAGES_MOST ? IMAGES_MOST : n;
	openai_head(x);
	answer_name(x, "openai", "images", *model ? str_of(model) : STR("gpt-image-1"), x->request_id);
	x->a.tokens = (unsigned)(each * n);
	if (!str_starts(str_of(model), STR("dall-e"))) /* those are billed by the piece and tell nothing */
		image_usage(x, text, in_image, each * n);
	if (wants_stream(x)) {
		image_stream(x, edit ? "image_edit" : "image_generation", png, each);
		return;
	}
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_ki64(&w, "created", answer_seconds(x));
	jw_kcstr(&w, "background", "opaque");
	jw_key(&w, "data");
	jw_array(&w);
	for (uint64_t i = 0; i < n; i++) {
		jw_object(&w);
		jw_kcstr(&w, "b64_json", png);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kcstr(&w, "output_format", "png");
	jw_kcstr(&w, "quality", each == 272 ? "low" : each == 1056 ? "medium" : "high");
	jw_kcstr(&w, "size", "1024x1024");
	if (x->a.usage.n)
		answer_put_usage(x, &w, "usage");
	jw_end_object(&w);
	answer_indent(x);
}

/* ---- audio */

static void transcription_stream(struct exchange *x, struct str text)
{
	struct json_out w;
	for (size_t at = 0; at < text.n;) {
		size_t n = speech_cut(text, at, 16);
		event_begin(x, &w, "transcript.text.delta");
		jw_kstr(&w, "delta", str_sub(text, at, at + (n ? n : text.n - at)));
		event_end(x, &w, (unsigned)(x->a.tokens * at / text.n));
		at += n ? n : text.n;
	}
	event_begin(x, &w, "transcript.text.done");
	jw_kstr(&w, "text", text);
	answer_put_usage(x, &w, "usage");
	event_end(x, &w, x->a.tokens);
}

/* 16 bit, 16 kHz, mono: 32,000 bytes a second, whatever the file says of itself. */
static void transcription(struct exchange *x)
{
	struct str file_name = {NULL, 0}, file = multipart_field(x, "file", &file_name),
		   model = multipart_field(x, "model", NULL);
	struct str format = multipart_field(x, "response_format", NULL);
	bool by_duration = str_starts(model, STR("whisper"));
	uint64_t seconds = (file.n + 31999) / 32000, audio = seconds * 10; /* ten tokens a second, as the vendor's */
	struct speech s;
	struct sb text;
	struct json_out w, u;
	if (!file.p || !model.n) {
		openai_error(x, 400, "invalid_request_error", NULL, file.p ? "model" : "file",
			     "you must provide a %s parameter", file.p ? "model" : "file");
		return;
	}
	openai_head(x);
	answer_name(x, "openai", "transcriptions", model, x->request_id);
	speech_plan(x, 0, false, &s);
	x->a.tokens = s.tokens;
	sb_init(&text, SANDBOX_BODY_BYTES);
	speech_text(x, 0, s.tokens, &text);
	jw_init(&u, &x->a.usage);
	jw_object(&u);
	jw_kcstr(&u, "type", by_duration ? "duration" : "tokens");
	if (by_duration) {
		jw_ku64(&u, "seconds", seconds);
	} else {
		jw_ku64(&u, "total_tokens", audio + s.tokens);
		jw_ku64(&u, "input_tokens", audio);
		jw_key(&u, "input_token_details");
		jw_object(&u);
		jw_ku64(&u, "text_tokens", 0);
		jw_ku64(&u, "audio_tokens", audio);
		jw_end_object(&u);
		jw_ku64(&u, "output_tokens", s.tokens);
	}
	jw_end_object(&u);
	if (str_eqc(format, "text") || str_eqc(format, "srt") ||
	    str_eqc(format, "vtt")) { /* a text has no room for usage */
		x->a.content_type = "text/plain; charset=utf-8";
		sb_add_str(&x->a.body, sb_str(&text));
		sb_addc(&x->a.body, '\n');
	} else if (wants_stream(x) && !by_duration) {
		transcription_stream(x, sb_str(&text));
	} else {
		jw_init(&w, &x->a.body);
		jw_object(&w);
		if (str_eqc(format, "verbose_json")) {
			jw_kcstr(&w, "task", "transcribe");
			jw_kcstr(&w, "language", "english");
			jw_ku64(&w, "duration", seconds);
		}
		jw_kstr(&w, "text", sb_str(&text));
		answer_put_usage(x, &w, "usage");
		jw_end_object(&w);
	}
	sb_fini(&text);
}

/* Sound as events; only they have room for usage. */
static void speech_stream(struct exchange *x, uint64_t text)
{
	uint64_t sound = text * 4; /* about twenty tokens a second */
	struct json_out w, u;
	jw_init(&u, &x->a.usage);
	jw_object(&u);
	jw_ku64(&u, "input_tokens", text);
	jw_ku64(&u, "output_tokens", sound);
	jw_ku64(&u, "total_tokens", text + sound);
	jw_end_object(&u);
	x->a.tokens = (unsigned)sound;
	for (uint64_t i = 0; i < text && i < 64; i++) {
		event_begin(x, &w, "speech.audio.delta");
		jw_kcstr(&w, "audio", "AAAAAAAA");
		event_end(x, &w, (unsigned)(4 * i));
	}
	event_begin(x, &w, "speech.audio.done");
	answer_put_usage(x, &w, "usage");
	event_end(x, &w, x->a.tokens);
}

static void speech(struct exchange *x)
{
	struct json input = json_get(x->ask.top, "input");
	char model[128];
	if (!openai_ready(x, model, sizeof model))
		return;
	openai_head(x);
	answer_name(x, "openai", "speech", str_of(model), x->request_id);
	if (json_string_eq(json_get(x->ask.top, "stream_format"), "sse")) {
		speech_stream(x, tokens_of_json_string(input));
		return;
	}
	x->a.content_type = "audio/mpeg";
	for (uint64_t i = 0; i < 64 + tokens_of_json_string(input) * 100; i++)
		sb_addc(&x->a.body, (char)hash_xxh3_seed(&x->request_hash, 8, i));
	sb_addf(&x->a.usage, "{\"input_tokens\":%llu}", (unsigned long long)tokens_of_json_string(input));
}

void openai_audio(struct exchange *x)
{
	if (str_eqc(x->ask.path, "/v1/audio/transcriptions") || str_eqc(x->ask.path, "/v1/audio/translations"))
		transcription(x);
	else if (str_eqc(x->ask.path, "/v1/audio/speech"))
		speech(x);
	else
		openai_error(x, 404, "invalid_request_error", NULL, NULL, "Invalid URL (POST %.*s)",
			     STR_ARG(x->ask.path));
}

/* The value of a form's part; an empty span with p NULL when there is none. */
struct str multipart_field(const struct exchange *x, const char *name, struct str *file_name)
{
	struct str type = ask_header(x, "content-type"), body = x->ask.body, boundary = {NULL, 0};
	char mark[256], wanted[64];
	size_t at = 0, mark_n;
	for (size_t i = 0; i + 9 <= type.n; i++)
		if (str_ieq(str_sub(type, i, i + 9), STR("boundary="))) {
			boundary = str_sub(type, i + 9, type.n);
			break;
		}
	if (boundary.n > 1 && boundary.p[0] == '"')
		boundary = str_sub(boundary, 1, 1 + str_chr(str_sub(boundary, 1, boundary.n), '"'));
	if (!boundary.n || boundary.n > 200)
		return str_make(NULL, 0);
	mark_n = (size_t)snprintf(mark, sizeof mark, "--%.*s", STR_ARG(boundary));
	snprintf(wanted, sizeof wanted, "name=\"%s\"", name);
	while (at + mark_n < body.n) {
		const char *from = memmem(body.p + at, body.n - at, mark, mark_n), *head_end, *next;
		struct str head;
		if (!from)
			break;
		from += mark_n;
		head_end = memmem(from, (size_t)(body.p + body.n - from), "\r\n\r\n", 4);
		if (!head_end)
			break;
		next = memmem(head_end, (size_t)(body.p + body.n - head_end), mark, mark_n);
		if (!next)
			break;
		head = str_make(from, (size_t)(head_end - from));
		if (str_contains(head, str_of(wanted))) {
			if (file_name) {
				const char *f = memmem(head.p, head.n, "filename=\"", 10);
				*file_name = f ? str_make(f + 10, (size_t)(head.p + head.n - f) - 10)
					       : str_make(NULL, 0);
				if (f && str_chr(*file_name, '"') != SIZE_MAX)
					*file_name = str_sub(*file_name, 0, str_chr(*file_name, '"'));
			}
			return str_make(head_end + 4,
					(size_t)(next - head_end) >= 6 ? (size_t)(next - head_end) - 6 : 0);
		}
		at = (size_t)(next - body.p);
	}
	return str_make(NULL, 0);
}
