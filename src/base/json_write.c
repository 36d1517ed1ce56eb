/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON: edits of somebody else's text, and texts of our own.
 *
 * The edits keep every byte that they were not asked to change (json.h, rule 2). The writer keeps one bit per open
 * container ("nothing written yet") and one flag ("a key stands before this value"), which is all that commas and
 * colons need; misuse (a value without a key in an object, an end without a beginning) stops the process.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/money.h"

enum { WRITER_DEPTH = 63 };

void json_splice(struct str body, const struct json_edit edits[], unsigned count, struct sb *out)
{
	const char *kept = body.p; /* what stands before this is written */
	const char *end = body.n ? body.p + body.n : body.p;
	for (unsigned i = 0; i < count; i++) {
		struct str span = edits[i].span;
		check(span.p >= kept && span.n <= (size_t)(end - span.p));
		sb_add(out, kept, (size_t)(span.p - kept));
		sb_add_str(out, edits[i].with);
		kept = span.p + span.n;
	}
	sb_add(out, kept, (size_t)(end - kept));
}

static void add_quoted(struct sb *b, struct str s);

int json_edit_set(struct json object, const char *key, struct str value, struct sb *text, struct json_edit *out)
{
	struct json old;
	if (object.type != JSON_OBJECT)
		return -RR_INPUT;
	old = json_get(object, key);
	sb_clear(text);
	if (old.type != JSON_NONE) {
		sb_add_str(text, value);
		out->span = old.text;
	} else {
		add_quoted(text, str_of(key));
		sb_addc(text, ':');
		sb_add_str(text, value);
		if (json_count(object))
			sb_addc(text, ',');
		out->span = str_make(object.text.p + 1, 0);
	}
	out->with = sb_str(text);
	return text->full ? -RR_NOMEM : 0;
}

/* What must be escaped, with runs of other bytes written at once. */
static void add_escaped(struct sb *b, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	size_t kept = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escape[6] = {'\\', 0, '0', '0', 0, 0};
		size_t n = 2;
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		switch (c) {
		case '"':
		case '\\':
			escape[1] = (char)c;
			break;
		case '\b':
			escape[1] = 'b';
			break;
		case '\f':
			escape[1] = 'f';
			break;
		case '\n':
			escape[1] = 'n';
			break;
		case '\r':
			escape[1] = 'r';
			break;
		case '\t':
			escape[1] = 't';
			break;
		default:
			escape[1] = 'u';
			escape[4] = hex[c >> 4];
			escape[5] = hex[c & 15];
			n = 6;
		}
		sb_add(b, s.p + kept, i - kept);
		sb_add(b, escape, n);
		kept = i + 1;
	}
	if (s.n > kept)
		sb_add(b, s.p + kept, s.n - kept);
}

static void add_quoted(struct sb *b, struct str s)
{
	sb_addc(b, '"');
	if (str_utf8_valid(s)) {
		add_escaped(b, s);
	} else {
		struct sb clean;
		sb_init(&clean, b->limit);
		sb_add_utf8(&clean, s);
		b->full |= clean.full;
		add_escaped(b, sb_str(&clean));
		sb_fini(&clean);
	}
	sb_addc(b, '"');
}

void jw_init(struct json_out *w, struct sb *b)
{
	memset(w, 0, sizeof *w);
	w->b = b;
}

/* The comma before a member or element, unless it is the first. */
static void separate(struct json_out *w)
{
	uint64_t bit = (uint64_t)1 << w->depth;
	if (w->depth == 0)
		return;
	if (w->first & bit)
		w->first &= ~bit;
	else
		sb_addc(w->b, ',');
}

static void before_value(struct json_out *w)
{
	if (w->after_key)
		w->after_key = false;
	else
		separate(w);
}

static void begin(struct json_out *w, char bracket)
{
	before_value(w);
	sb_addc(w->b, bracket);
	check(w->depth < WRITER_DEPTH);
	w->depth++;
	w->first |= (uint64_t)1 << w->depth;
}

static void end(struct json_out *w, char bracket)
{
	check(w->depth > 0 && !w->after_key);
	w->depth--;
	sb_addc(w->b, bracket);
}

void jw_object(struct json_out *w)
{
	begin(w, '{');
}

void jw_end_object(struct json_out *w)
{
	end(w, '}');
}

void jw_array(struct json_out *w)
{
	begin(w, '[');
}

void jw_end_array(struct json_out *w)
{
	end(w, ']');
}

void jw_key(struct json_out *w, const char *key)
{
	check(w->depth > 0 && !w->after_key);
	separate(w);
	add_quoted(w->b, str_of(key));
	sb_addc(w->b, ':');
	w->after_key = true;
}

void jw_str(struct json_out *w, struct str s)
{
	before_value(w);
	add_quoted(w->b, s);
}

void jw_cstr(struct json_out *w, const char *s)
{
	if (s)
		jw_str(w, str_of(s));
	else
		jw_null(w);
}

void jw_u64(struct json_out *w, uint64_t v)
{
	before_value(w);
	sb_add_u64(w->b, v);
}

void jw_i64(struct json_out *w, int64_t v)
{
	before_value(w);
	sb_add_i64(w->b, v);
}

void jw_bool(struct json_out *w, bool v)
{
	jw_raw(w, v ? STR("true") : STR("false"));
}

void jw_null(struct json_out *w)
{
	jw_raw(w, STR("null"));
}

void jw_raw(struct json_out *w, struct str json_text)
{
	before_value(w);
	sb_add_str(w->b, json_text);
}

void jw_double(struct json_out *w, double v)
{
	char text[40];
	/* 15 digits survive any normal double; a subnormal may need fewer. */
	int digits = v > -1e-300 && v < 1e-300 ? 1 : 15;
	if (__builtin_isnan(v) || __builtin_isinf(v)) {
		jw_null(w);
		return;
	}
	do
		snprintf(text, sizeof text, "%.*g", digits++, v);
	while (digits <= 17 && strtod(text, NULL) != v);
	jw_raw(w, str_of(text));
}

void jw_money(struct json_out *w, __int128 pico)
{
	char text[MONEY_TEXT];
	jw_str(w, str_of(money_text(pico, text)));
}

void jw_kstr(struct json_out *w, const char *key, struct str s)
{
	jw_key(w, key);
	jw_str(w, s);
}

void jw_kcstr(struct json_out *w, const char *key, const char *s)
{
	jw_key(w, key);
	jw_cstr(w, s);
}

void jw_ku64(struct json_out *w, const char *key, uint64_t v)
{
	jw_key(w, key);
	jw_u64(w, v);
}

void jw_ki64(struct json_out *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_i64(w, v);
}

void jw_kbool(struct json_out *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}

void jw_kdouble(struct json_out *w, const char *key, double v)
{
	jw_key(w, key);
	jw_double(w, v);
}

void jw_kmoney(struct json_out *w, const char *key, __int128 pico)
{
	jw_key(w, key);
	jw_money(w, pico);
}
