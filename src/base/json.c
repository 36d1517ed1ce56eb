/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking a checked text: members, paths, numbers, strings.
 *
 * Nothing here allocates or recurses. A container is stepped over by counting brackets outside strings, so a walk
 * costs one look at each byte of what it steps over. On a text that was never checked the walkers stay inside its
 * span and end early; what they say then means nothing (json.h, rule 1).
 */
#include "base/json.h"

#include "base/err.h"
#include "base/json_skip.h"
#include "base/money.h"

/* The end of a string's inside: p stands after the opening quote; returns the closing quote, or end. */
static const char *string_end(const char *p, const char *end)
{
	for (;;) {
		p = json_quote_or_back(p, end);
		if (p == end || *p == '"')
			return p;
		if (*p == '\\' && ++p == end)
			return end;
		p++;
	}
}

static const char *container_end(const char *p, const char *end)
{
	size_t depth = 0;
	while (p < end) {
		char c = *p++;
		if (c == '"') {
			p = string_end(p, end);
			if (p < end)
				p++;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			break;
		}
	}
	return p;
}

static const char *scalar_end(const char *p, const char *end)
{
	while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != ' ' && *p != '\n' && *p != '\r' && *p != '\t')
		p++;
	return p;
}

static struct json value_at(const char *p, const char *end)
{
	struct json v = {JSON_NONE, {p, 0}};
	const char *to;
	if (p >= end)
		return v;
	switch (*p) {
	case '"':
		v.type = JSON_STRING;
		to = string_end(p + 1, end);
		if (to < end)
			to++;
		break;
	case '{':
	case '[':
		v.type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
		to = container_end(p, end);
		break;
	case 'n':
	case 't':
	case 'f':
		v.type = *p == 'n' ? JSON_NULL : *p == 't' ? JSON_TRUE : JSON_FALSE;
		to = scalar_end(p, end);
		break;
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		v.type = JSON_NUMBER;
		to = scalar_end(p, end);
		break;
	default:
		return v;
	}
	v.text.n = (size_t)(to - p);
	return v;
}

void json_open(struct json_iter *it, struct json v)
{
	bool container = (v.type == JSON_OBJECT || v.type == JSON_ARRAY) && v.text.n;
	it->object = v.type == JSON_OBJECT;
	it->p = container ? v.text.p + 1 : NULL;
	it->end = container ? v.text.p + v.text.n : NULL;
}

bool json_next(struct json_iter *it, struct str *key, struct json *value)
{
	const char *p;
	*key = str_make(NULL, 0);
	if (!it->p)
		goto none;
	p = json_skip_space(it->p, it->end);
	if (p < it->end && *p == ',')
		p = json_skip_space(p + 1, it->end);
	if (it->object) {
		const char *close;
		if (p >= it->end || *p != '"')
			goto none;
		close = string_end(p + 1, it->end);
		*key = str_make(p + 1, (size_t)(close - p - 1));
		if (close == it->end)
			goto none;
		p = json_skip_space(close + 1, it->end);
		if (p >= it->end || *p != ':')
			goto none;
		p = json_skip_space(p + 1, it->end);
	}
	*value = value_at(p, it->end);
	if (value->type == JSON_NONE)
		goto none;
	it->p = value->text.p + value->text.n;
	return true;
none:
	it->p = it->end;
	*value = (struct json){JSON_NONE, {NULL, 0}};
	return false;
}

struct json json_ahead(const struct json_iter *it)
{
	struct json v = {JSON_NONE, {NULL, 0}};
	const char *p = it->p;
	if (!p)
		return v;
	p = json_skip_space(p, it->end);
	if (p < it->end && *p == ',')
		p = json_skip_space(p + 1, it->end);
	if (p < it->end && (*p == '{' || *p == '['))
		v = (struct json){*p == '{' ? JSON_OBJECT : JSON_ARRAY, {p, (size_t)(it->end - p)}};
	return v;
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;
	for (unsigned i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)p[i];
		v = v << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v & 0xFFFF;
}

static unsigned utf8_write(unsigned cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xC0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xE0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
		out[2] = (char)(0x80 | (cp & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
	out[3] = (char)(0x80 | (cp & 0x3F));
	return 4;
}

/* One escape: *p stands on the backslash and is left after it. Returns the bytes written to out. */
static unsigned unescape(const char **p, const char *end, char out[4])
{
	const char *at = *p + 1;
	unsigned cp;
	char c;
	if (at >= end) {
		*p = end;
		return 0;
	}
	c = *at++;
	*p = at;
	switch (c) {
	case 'b':
		out[0] = '\b';
		return 1;
	case 'f':
		out[0] = '\f';
		return 1;
	case 'n':
		out[0] = '\n';
		return 1;
	case 'r':
		out[0] = '\r';
		return 1;
	case 't':
		out[0] = '\t';
		return 1;
	case 'u':
		break;
	default:
		out[0] = c;
		return 1;
	}
	if (end - at < 4) {
		*p = end;
		return 0;
	}
	cp = hex4(at);
	at += 4;
	if (cp >= 0xD800 && cp <= 0xDBFF && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
		unsigned low = hex4(at + 2);
		if (low >= 0xDC00 && low <= 0xDFFF) {
			cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
			at += 6;
		}
	}
	if (cp >= 0xD800 && cp <= 0xDFFF)
		cp = 0xFFFD; /* half of a pair stands alone: no character */
	*p = at;
	return utf8_write(cp, out);
}

/* The next piece of a raw string as it reads: a run without escapes, or one escape undone into `one`. */
static struct str next_piece(const char **p, const char *end, char one[4])
{
	const char *begin = *p;
	const char *back;
	if (begin == end)
		return str_make(NULL, 0);
	if (*begin == '\\') {
		unsigned n = unescape(p, end, one);
		return str_make(one, n);
	}
	back = memchr(begin, '\\', (size_t)(end - begin));
	*p = back ? back : end;
	return str_make(begin, (size_t)(*p - begin));
}

static bool raw_eq(struct str raw, struct str name)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	while (p < end) {
		char one[4];
		struct str piece = next_piece(&p, end, one);
		if (!str_starts(name, piece))
			return false;
		name = str_sub(name, piece.n, name.n);
	}
	return name.n == 0;
}

bool json_key_eq(struct str raw, struct str name)
{
	/* An escape is longer than what it stands for, so equal lengths mean that there is none. */
	if (raw.n <= name.n)
		return str_eq(raw, name);
	return memchr(raw.p, '\\', raw.n) && raw_eq(raw, name);
}

struct json json_member(struct json object, struct str name)
{
	struct json found = {JSON_NONE, {NULL, 0}}, value;
	struct json_iter it;
	struct str key;
	if (object.type != JSON_OBJECT)
		return found;
	for (json_open(&it, object); json_next(&it, &key, &value);)
		if (json_key_eq(key, name))
			found = value;
	return found;
}

static struct json element(struct json array, uint64_t index)
{
	struct json value = {JSON_NONE, {NULL, 0}};
	struct json_iter it;
	struct str key;
	if (array.type != JSON_ARRAY)
		return value;
	for (json_open(&it, array); json_next(&it, &key, &value);)
		if (index-- == 0)
			return value;
	return value; /* json_next left it absent */
}

struct json json_path(struct json v, const char *path)
{
	const struct json none = {JSON_NONE, {NULL, 0}};
	while (*path && v.type != JSON_NONE) {
		if (*path == '[') {
			const char *close = strchr(path, ']');
			uint64_t index;
			if (!close || str_u64(str_make(path + 1, (size_t)(close - path - 1)), &index))
				return none;
			v = element(v, index);
			path = close + 1;
		} else {
			size_t n = strcspn(path, ".[");
			v = json_member(v, str_make(path, n));
			path += n;
		}
		if (*path == '.')
			path++;
	}
	return v;
}

size_t json_count(struct json v)
{
	struct json_iter it;
	struct json value;
	struct str key;
	size_t n = 0;
	for (json_open(&it, v); json_next(&it, &key, &value);)
		n++;
	return n;
}

static int whole_number(struct json v, money_wide *out)
{
	bool exact;
	int rc;
	if (v.type == JSON_NONE || v.type == JSON_NULL)
		return -RR_NOTFOUND;
	if (v.type != JSON_NUMBER)
		return -RR_SYNTAX;
	rc = decimal_scaled(v.text, 0, out, &exact);
	if (rc)
		return rc;
	return exact ? 0 : -RR_SYNTAX;
}

int json_u64(struct json v, uint64_t *out)
{
	money_wide whole;
	int rc;
	if (v.type == JSON_NUMBER && str_u64(v.text, out) == 0)
		return 0;
	rc = whole_number(v, &whole);
	if (rc)
		return rc;
	if (whole < 0 || whole > UINT64_MAX)
		return -RR_RANGE;
	*out = (uint64_t)whole;
	return 0;
}

int json_i64(struct json v, int64_t *out)
{
	money_wide whole;
	int rc = whole_number(v, &whole);
	if (rc)
		return rc;
	if (whole < INT64_MIN || whole > INT64_MAX)
		return -RR_RANGE;
	*out = (int64_t)whole;
	return 0;
}

uint64_t json_u64_or0(struct json v)
{
	uint64_t n;
	return json_u64(v, &n) ? 0 : n;
}

bool json_is_true(struct json v)
{
	return v.type == JSON_TRUE;
}

struct str json_raw_string(struct json v)
{
	if (v.type != JSON_STRING || v.text.n < 2)
		return STR("");
	return str_sub(v.text, 1, v.text.n - 1);
}

int json_string(struct json v, struct sb *out)
{
	struct str raw = json_raw_string(v);
	const char *p = raw.p, *end = raw.p + raw.n;
	if (v.type != JSON_STRING)
		return -RR_SYNTAX;
	while (p < end) {
		char one[4];
		sb_add_str(out, next_piece(&p, end, one));
	}
	return out->full ? -RR_NOMEM : 0;
}

char *json_string_copy(struct json v, char *out, size_t size)
{
	struct str raw = json_raw_string(v);
	const char *p = raw.p, *end = raw.p + raw.n;
	size_t n = 0;
	check(size > 0);
	while (p < end) {
		char one[4];
		struct str piece = next_piece(&p, end, one);
		size_t kept = strlen(str_copy(out + n, size - n, piece));
		n += kept;
		if (kept < piece.n)
			break;
	}
	out[n] = 0;
	return out;
}
