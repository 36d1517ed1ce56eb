/* SPDX-License-Identifier: Apache-2.0
 *
 * The checker: one pass over the bytes, no recursion, no allocation.
 *
 * Containers are a stack of bits (1 object, 0 array), at most JSON_DEPTH deep. Each turn of the loop in run() stands
 * before a value:
 *
 *        +-----------------------------------------------+
 *        v                                               | ','
 *     value --scalar or empty container--> after value --+
 *        |                                   |   ^
 *        +--'{' "key" ':' or '['--> value    +---+ '}' or ']' closes one level; at depth 0 only white space follows
 *
 * Strings are where the bytes are (json_skip.h). A byte above 0x7F starts the check of UTF-8; plain ASCII never pays
 * for it. The members of the top object are noted as they pass, which is all that the gateway wants of a body.
 *
 * Where RFC 8259 leaves a choice: any number is well formed however large; a lone surrogate written as an escape is
 * well formed; duplicate keys are well formed (and reported for wanted keys); U+0000 may be written as an escape; a
 * byte order mark is refused; nesting deeper than JSON_DEPTH is -RR_LIMIT.
 */
#include "base/json.h"

#include "base/err.h"
#include "base/json_skip.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

struct scan {
	const char *p;
	const char *begin;
	const char *end;
	uint64_t is_object[JSON_DEPTH / 64];
	unsigned depth;
	const char *what; /* the fault, once there is one; it lies at p */
	int code;
	/* what json_scan wants of the top object; count 0 for a mere check */
	const struct str *keys;
	struct json *out;
	unsigned count;
	bool duplicate;
	struct json *noting; /* where the member at hand goes, or NULL */
	struct json top;
};

#ifdef __x86_64__
__attribute__((target("avx2"))) static const char *plain_avx2(const char *p, const char *end)
{
	const __m256i space = _mm256_set1_epi8(0x20), quote = _mm256_set1_epi8('"'), back = _mm256_set1_epi8('\\');
	for (; end - p >= 64; p += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
		__m256i odd_a = _mm256_or_si256(_mm256_cmpgt_epi8(space, a),
						_mm256_or_si256(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(a, back)));
		__m256i odd_b = _mm256_or_si256(_mm256_cmpgt_epi8(space, b),
						_mm256_or_si256(_mm256_cmpeq_epi8(b, quote), _mm256_cmpeq_epi8(b, back)));
		__m256i odd = _mm256_or_si256(odd_a, odd_b);
		if (!_mm256_testz_si256(odd, odd)) {
			uint64_t low = (uint32_t)_mm256_movemask_epi8(odd_a);
			uint64_t high = (uint32_t)_mm256_movemask_epi8(odd_b);
			return p + __builtin_ctzll(low | high << 32);
		}
	}
	for (; end - p >= 16; p += 16) {
		unsigned odd = json_odd16(p);
		if (odd)
			return p + __builtin_ctz(odd);
	}
	while (p < end && json_is_plain(*p))
		p++;
	return p;
}
#endif

const char *json_plain_long(const char *p, const char *end)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		return plain_avx2(p, end);
#endif
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		unsigned odd = json_odd16(p);
		if (odd)
			return p + __builtin_ctz(odd);
	}
#endif
	while (p < end && json_is_plain(*p))
		p++;
	return p;
}

static bool fault(struct scan *s, const char *at, const char *what)
{
	s->p = at;
	s->what = what;
	s->code = -RR_SYNTAX;
	return false;
}

static bool is_digit(const struct scan *s, const char *p)
{
	return p < s->end && *p >= '0' && *p <= '9';
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* p stands on a backslash. */
static const char *skip_escape(struct scan *s, const char *p)
{
	if (++p == s->end) {
		fault(s, p, "the text ends inside a string");
		return NULL;
	}
	switch (*p) {
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
		return p + 1;
	case 'u':
		for (unsigned i = 0; i < 4; i++) {
			if (++p == s->end || !is_hex(*p)) {
				fault(s, p, "four hexadecimal digits belong after \\u");
				return NULL;
			}
		}
		return p + 1;
	default:
		fault(s, p, "no such escape in a string");
		return NULL;
	}
}

/* s->p stands after the opening quote; leaves it after the closing one. */
static inline bool skip_string(struct scan *s)
{
	const char *p = s->p;
	for (;;) {
		p = json_plain(p, s->end);
		if (p == s->end)
			return fault(s, p, "the text ends inside a string");
		if (*p == '"') {
			s->p = p + 1;
			return true;
		}
		if (*p == '\\') {
			p = skip_escape(s, p);
			if (!p)
				return false;
		} else if ((unsigned char)*p < 0x20) {
			return fault(s, p, "a control character in a string must be escaped");
		} else {
			do {
				size_t step = str_utf8_step(p, (size_t)(s->end - p));
				if (!step)
					return fault(s, p, "not UTF-8");
				p += step;
			} while (p < s->end && (unsigned char)*p >= 0x80);
		}
	}
}

static bool skip_number(struct scan *s)
{
	const char *p = s->p;
	if (*p == '-')
		p++;
	if (!is_digit(s, p))
		return fault(s, p, "a digit belongs after the minus sign");
	if (*p == '0') {
		p++;
		if (is_digit(s, p))
			return fault(s, p, "a number must not begin with 0");
	} else {
		while (is_digit(s, p))
			p++;
	}
	if (p < s->end && *p == '.') {
		p++;
		if (!is_digit(s, p))
			return fault(s, p, "a digit belongs after the decimal point");
		while (is_digit(s, p))
			p++;
	}
	if (p < s->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < s->end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(s, p))
			return fault(s, p, "a digit belongs into the exponent");
		while (is_digit(s, p))
			p++;
	}
	s->p = p;
	return true;
}

static bool skip_word(struct scan *s, const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++, s->p++)
		if (s->p == s->end || *s->p != word[i])
			return fault(s, s->p, "expected a value");
	return true;
}

static bool skip_scalar(struct scan *s, enum json_type *type)
{
	switch (*s->p) {
	case '"':
		*type = JSON_STRING;
		s->p++;
		return skip_string(s);
	case 't':
		*type = JSON_TRUE;
		return skip_word(s, "true", 4);
	case 'f':
		*type = JSON_FALSE;
		return skip_word(s, "false", 5);
	case 'n':
		*type = JSON_NULL;
		return skip_word(s, "null", 4);
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		*type = JSON_NUMBER;
		return skip_number(s);
	default:
		return fault(s, s->p, "expected a value");
	}
}

static inline bool in_object(const struct scan *s)
{
	unsigned level = s->depth - 1;
	return s->is_object[level / 64] >> (level % 64) & 1;
}

static inline bool push(struct scan *s, bool object)
{
	uint64_t bit;
	if (s->depth == JSON_DEPTH) {
		fault(s, s->p, "nested too deeply");
		s->code = -RR_LIMIT;
		return false;
	}
	bit = (uint64_t)1 << (s->depth % 64);
	if (object)
		s->is_object[s->depth / 64] |= bit;
	else
		s->is_object[s->depth / 64] &= ~bit;
	s->depth++;
	return true;
}

static void note_key(struct scan *s, struct str raw)
{
	s->noting = NULL;
	for (unsigned i = 0; i < s->count; i++) {
		/* An escaped key is never shorter than its name. */
		if (raw.n >= s->keys[i].n && json_key_eq(raw, s->keys[i])) {
			s->noting = &s->out[i];
			s->duplicate |= s->out[i].type != JSON_NONE;
			return;
		}
	}
}

/* From before a key to before its value. */
static inline bool skip_key(struct scan *s)
{
	const char *key;
	if (s->p == s->end)
		return fault(s, s->p, "the text ends inside an object");
	if (*s->p != '"')
		return fault(s, s->p, "expected a key in quotes");
	key = ++s->p;
	if (!skip_string(s))
		return false;
	if (s->depth == 1 && s->count)
		note_key(s, str_make(key, (size_t)(s->p - 1 - key)));
	s->p = json_skip_space(s->p, s->end);
	if (s->p == s->end || *s->p != ':')
		return fault(s, s->p, "expected a colon after the key");
	s->p = json_skip_space(s->p + 1, s->end);
	return true;
}

/* A value ended: white space, then commas and closing brackets up to the next value. *done at depth 0. */
static inline bool after_value(struct scan *s, bool *done)
{
	for (;;) {
		bool object;
		if (s->depth == 0) {
			*done = true;
			return true;
		}
		object = in_object(s);
		s->p = json_skip_space(s->p, s->end);
		if (s->p == s->end)
			return fault(s, s->p, object ? "the text ends inside an object" : "the text ends inside an array");
		if (*s->p == ',') {
			s->p = json_skip_space(s->p + 1, s->end);
			return object ? skip_key(s) : true;
		}
		if (*s->p != (object ? '}' : ']'))
			return fault(s, s->p, object ? "expected a comma or the end of the object"
						     : "expected a comma or the end of the array");
		s->p++;
		s->depth--;
		if (s->depth == 1 && s->noting)
			s->noting->text.n = (size_t)(s->p - s->noting->text.p), s->noting = NULL;
	}
}

/* Notes where a wanted member begins; a container's end is filled in when it closes. */
static inline void note_value(struct scan *s, enum json_type type, const char *begin, bool container)
{
	if (s->depth == 1 && s->noting) {
		s->noting->type = type;
		s->noting->text = str_make(begin, (size_t)(s->p - begin));
		if (!container)
			s->noting = NULL;
	}
}

static bool run(struct scan *s)
{
	bool done = false;
	while (!done) {
		const char *begin = s->p;
		enum json_type type;
		char open;
		if (s->p == s->end)
			return fault(s, s->p, "the text ends where a value belongs");
		open = *s->p;
		if (open == '{' || open == '[') {
			type = open == '{' ? JSON_OBJECT : JSON_ARRAY;
			if (s->depth == 0)
				s->top.type = type;
			note_value(s, type, begin, true);
			if (!push(s, open == '{'))
				return false;
			s->p = json_skip_space(s->p + 1, s->end);
			if (s->p < s->end && *s->p == open + 2) { /* in ASCII, '}' is '{' + 2 and ']' is '[' + 2 */
				if (!after_value(s, &done))
					return false;
			} else if (open == '{' && !skip_key(s)) {
				return false;
			}
			continue;
		}
		if (!skip_scalar(s, &type))
			return false;
		if (s->depth == 0)
			s->top.type = type;
		note_value(s, type, begin, false);
		if (!after_value(s, &done))
			return false;
	}
	s->top.text = str_make(s->begin, (size_t)(s->p - s->begin));
	return true;
}

static int scan_text(struct scan *s, struct str text, struct json_fault *where)
{
	bool ok;
	s->end = text.p + text.n;
	s->p = s->begin = json_skip_space(text.p, s->end);
	if (text.n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0)
		ok = fault(s, text.p, "a byte order mark is not JSON");
	else
		ok = run(s);
	if (ok) {
		s->p = json_skip_space(s->p, s->end);
		if (s->p != s->end)
			ok = fault(s, s->p, "more text after the value");
	}
	if (!ok && where) {
		where->at = text.p ? (size_t)(s->p - text.p) : 0;
		where->what = s->what;
	}
	return s->code;
}

int json_parse(struct str text, struct json *top, struct json_fault *where)
{
	struct scan s = {.code = 0};
	int rc = scan_text(&s, text, where);
	*top = rc ? (struct json){JSON_NONE, {NULL, 0}} : s.top;
	return rc;
}

int json_check(struct str text, struct json_fault *where)
{
	struct json top;
	return json_parse(text, &top, where);
}

int json_scan(struct str text, const struct str keys[], struct json out[], unsigned count, bool *duplicate,
	      struct json_fault *where)
{
	struct scan s = {.keys = keys, .out = out, .count = count};
	int rc;
	memset(out, 0, count * sizeof *out);
	rc = scan_text(&s, text, where);
	if (duplicate)
		*duplicate = s.duplicate;
	if (rc == 0 && s.top.type != JSON_OBJECT) {
		if (where)
			*where = (struct json_fault){(size_t)(s.begin - text.p), "expected an object"};
		rc = -RR_INPUT;
	}
	if (rc)
		memset(out, 0, count * sizeof *out);
	return rc;
}
