/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend model: how many tokens a text has, and what is answered.
 *
 * 1. A token of input is four bytes of text, rounded up for each text. A token of output is one piece of the
 *    list below. Neither rule is a vendor's: the point is that this side counts for itself.
 * 2. The answer follows from a hash of the request and the seed, so a test can ask twice.
 * 3. Some pieces hold quotes, line ends, an accent, an emoji: what comes out must survive escaping, and
 *    splitting at every byte, on its way.
 */
#include "sandbox/sandbox_int.h"

#include <stdio.h>

static const char *const pieces[] = {
	" the", " a", " of", " and", " to", " is", " in", " it", " on", " we", " as", " by", " at", " or", " be",
		" this",
	" that", " with", " from", " each", " more", " less", " then", " when", " where", " cost", " price", " token",
	" cache", " batch", " route", " model", " prompt", " answer", " month", " ledger", " budget", " meter", " call",
	" team", " share", " rate", " plan", " count", " total", " first", " last", " small", " large", " plain", ",",
	".",
	":", " \"so\"", "\n", " caf\xc3\xa9", " na\xc3\xafve", " \xe2\x82\xac", " \xe6\x95\xb0\xe5\xad\x97",
	" \xf0\x9f\x99\x82",
	" \\", "\t", " 42", " 3.14",
};
enum { PIECES = sizeof pieces / sizeof *pieces, SCHEMA_DEPTH = 12 };

uint64_t tokens_of(struct str text)
{
	return (text.n + 3) / 4;
}

uint64_t tokens_of_json_string(struct json v)
{
	struct sb b;
	uint64_t n;
	if (v.type != JSON_STRING)
		return 0;
	sb_init(&b, SANDBOX_REQUEST_BYTES);
	json_string(v, &b);
	n = tokens_of(sb_str(&b));
	sb_fini(&b);
	return n;
}

static uint64_t mix(const struct exchange *x, uint64_t salt)
{
	return hash_xxh3_seed(&x->request_hash, sizeof x->request_hash, x->sandbox->config.seed ^ salt);
}

void speech_plan(struct exchange *x, uint64_t limit, bool reasons, struct speech *out)
{
	uint64_t tokens = ask_number(x, "x-sandbox-tokens", 8 + mix(x, 1) % 40);
	/* OpenAI reports reasoning in steps of 64 */
	uint64_t reasoning = ask_number(x, "x-sandbox-reasoning", reasons ? 64 * (1 + mix(x, 2) % 3) : 0);
	uint64_t chunks = ask_number(x, "x-sandbox-chunks", x->sandbox->config.chunks);
	if (tokens > SANDBOX_TOKENS)
		tokens = SANDBOX_TOKENS;
	if (reasoning > SANDBOX_TOKENS)
		reasoning = SANDBOX_TOKENS;
	out->cut = limit && tokens + reasoning > limit;
	if (out->cut) {
		reasoning = reasoning < limit ? reasoning : limit;
		tokens = limit - reasoning;
	}
	out->tokens = (unsigned)tokens;
	out->reasoning = (unsigned)reasoning;
	out->chunk = chunks ? (unsigned)((tokens + chunks - 1) / chunks) : 1;
	if (!out->chunk)
		out->chunk = 1;
}

struct str speech_token(const struct exchange *x, unsigned variant, unsigned n, char out[32])
{
	const char *p = pieces[mix(x, ((uint64_t)variant << 32 | n) + 1000) % PIECES];
	if (n == 0 && *p == ' ')
		p++;
	snprintf(out, 32, "%s", p);
	return str_of(out);
}

void speech_text(const struct exchange *x, unsigned variant, unsigned tokens, struct sb *out)
{
	char text[32];
	if (tokens && fault_on(&x->faults, FAULT_BIG_EVENT))
		for (uint64_t i = 0; i < x->faults.arg[FAULT_BIG_EVENT]; i++)
			sb_addc(out, (char)('a' + i % 26));
	for (unsigned i = 0; i < tokens; i++)
		sb_add_str(out, speech_token(x, variant, i, text));
}

size_t speech_cut(struct str text, size_t from, size_t want)
{
	size_t at = from + want;
	if (at >= text.n)
		return text.n;
	while (at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static void value_of(struct exchange *x, struct json schema, struct json_out *w, unsigned depth);

static void value_of_object(struct exchange *x, struct json schema, struct json_out *w, unsigned depth)
{
	struct json properties = json_get(schema, "properties"), v;
	struct json_iter it;
	struct str key;
	char name[256];
	jw_object(w);
	if (properties.type == JSON_OBJECT && depth < SCHEMA_DEPTH)
		for (json_open(&it, properties); json_next(&it, &key, &v);) {
			struct json quoted = {JSON_STRING, {key.p - 1, key.n + 2}};
			jw_key(w, json_string_copy(quoted, name, sizeof name));
			value_of(x, v, w, depth + 1);
		}
	jw_end_object(w);
}

static void value_of(struct exchange *x, struct json schema, struct json_out *w, unsigned depth)
{
	struct json type = json_get(schema, "type"), e = json_get(schema, "const"), any = json_get(schema, "anyOf");
	char name[32], word[32];
	if (e.type != JSON_NONE) {
		jw_raw(w, e.text);
		return;
	}
	e = json_path(schema, "enum[0]");
	if (e.type != JSON_NONE) {
		jw_raw(w, e.text);
		return;
	}
	if (any.type == JSON_ARRAY && depth < SCHEMA_DEPTH) {
		value_of(x, json_path(schema, "anyOf[0]"), w, depth + 1);
		return;
	}
	if (type.type == JSON_ARRAY)
		type = json_path(schema, "type[0]");
	json_string_copy(type, name, sizeof name);
	/* Gemini writes the types in capitals. */
	if (str_ieq(str_of(name), STR("object")) || (!*name && json_get(schema, "properties").type == JSON_OBJECT)) {
		value_of_object(x, schema, w, depth);
	} else if (str_ieq(str_of(name), STR("array"))) {
		jw_array(w);
		if (depth < SCHEMA_DEPTH)
			value_of(x, json_get(schema, "items"), w, depth + 1);
		jw_end_array(w);
	} else if (str_ieq(str_of(name), STR("integer")) || str_ieq(str_of(name), STR("number"))) {
		jw_u64(w, rng_below(&x->rng, 100));
	} else if (str_ieq(str_of(name), STR("boolean"))) {
		jw_bool(w, rng_below(&x->rng, 2) == 1);
	} else if (str_ieq(str_of(name), STR("null"))) {
		jw_null(w);
	} else {
		jw_str(w, str_trim(speech_token(x, 9, (unsigned)rng_below(&x->rng, 1000) + 1, word)));
	}
}

void speech_json(struct exchange *x, struct json schema, struct json_out *w)
{
	value_of(x, schema, w, 0);
}
