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
 * Strings are where the bytes are. Short ones end within two blocks of 16 bytes; longer ones go through string_run():
 * 64 bytes at a time where the machine has AVX2, each block loaded once however many escapes are in it. A byte above
 * 0x7F makes the string be checked as UTF-8 once its end is known; plain ASCII never pays for that. The members of the
 * top object are noted as they pass, which is all that the gateway wants of a body.
 *
 * Where RFC 8259 leaves a choice: any number is well formed however large; a lone surrogate written as an escape is
 * well formed; duplicate keys are well formed (and reported for wanted keys); U+0000 may be written as an escape; a
 * byte order mark is refused; nesting deeper than JSON_DEPTH is -RR_LIMIT.
 */
#include "base/json.h"

#include <stdatomic.h>

#include "base/err.h"
#include "base/json_skip.h"

#if defined(__x86_64__) && !defined(RR_NO_AVX2)
#define JSON_AVX2
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
	uint64_t hints; /* bit key_hint(): a wanted key may be this one */
	bool duplicate;
	bool plain; /* the last string was short, without escapes */
	struct json *noting; /* where the member at hand goes, or NULL */
	struct json top;
};

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Bytes of the escape whose backslash is at p: 2 or 6, or 0 when it is none. */
static inline size_t escape_bytes(const char *p, const char *end)
{
	if (end - p < 2)
		return 0;
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return 2;
	case 'u':
		return end - p >= 6 && is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) && is_hex(p[5]) ? 6 : 0;
	default:
		return 0;
	}
}

/* Runs over the inside of a string and its escapes. Stops at the closing quote, or at what must not stand there (a
 * control byte, the backslash of a bad escape), or at the end. *high: bytes above 0x7F may have been passed. */
static const char *string_run_plain(const char *p, const char *end, bool *high)
{
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		size_t step = 1;
#ifdef JSON_SSE2
		if (end - p >= 16) {
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
			unsigned odd = json_odd16(v, true);
			*high |= _mm_movemask_epi8(v) != 0;
			if (!odd) {
				p += 16;
				continue;
			}
			p += __builtin_ctz(odd);
			c = (unsigned char)*p;
		}
#endif
		if (c == '"' || c < 0x20)
			return p;
		if (c == '\\') {
			step = escape_bytes(p, end);
			if (!step)
				return p;
		}
		*high |= c >= 0x80;
		p += step;
	}
	return p;
}

#ifdef JSON_AVX2
__attribute__((target("avx2"))) static inline uint32_t odd32(__m256i v)
{
	const __m256i control = _mm256_set1_epi8(0x1F);
	__m256i odd = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
				      _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
	odd = _mm256_or_si256(odd, _mm256_cmpeq_epi8(_mm256_max_epu8(v, control), control));
	return (uint32_t)_mm256_movemask_epi8(odd);
}

__attribute__((target("avx2"))) static const char *string_run_avx2(const char *p, const char *end, bool *high)
{
	while (end - p >= 64) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
		uint64_t odd = odd32(a) | (uint64_t)odd32(b) << 32;
		size_t step = 64;
		*high |= _mm256_movemask_epi8(_mm256_or_si256(a, b)) != 0;
		while (odd) {
			unsigned at = (unsigned)__builtin_ctzll(odd);
			size_t bytes = p[at] == '\\' ? escape_bytes(p + at, end) : 0;
			if (!bytes)
				return p + at;
			if (at + bytes >= 64) { /* the escape reaches into the next block */
				step = at + bytes;
				break;
			}
			odd &= ~UINT64_C(0) << (at + bytes);
		}
		p += step;
	}
	return string_run_plain(p, end, high);
}
#endif

static const char *string_run(const char *p, const char *end, bool *high)
{
#ifdef JSON_AVX2
	if (__builtin_cpu_supports("avx2"))
		return string_run_avx2(p, end, high);
#endif
	return string_run_plain(p, end, high);
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

/* Names what is wrong with the escape whose backslash is at p. */
static bool escape_fault(struct scan *s, const char *p)
{
	if (++p == s->end)
		return fault(s, p, "the text ends inside a string");
	if (*p != 'u')
		return fault(s, p, "no such escape in a string");
	do
		p++;
	while (p < s->end && is_hex(*p));
	return fault(s, p, "four hexadecimal digits belong after \\u");
}

/* The general case of skip_string. */
static bool skip_long_string(struct scan *s)
{
	bool high = false;
	const char *p;
	s->plain = false;
	p = string_run(s->p, s->end, &high);
	struct str inside = str_make(s->p, (size_t)(p - s->p));
	if (high && !str_utf8_valid(inside))
		return fault(s, s->p + str_utf8_fault(inside), "not UTF-8");
	if (p == s->end)
		return fault(s, p, "the text ends inside a string");
	if (*p == '\\')
		return escape_fault(s, p);
	if (*p != '"')
		return fault(s, p, "a control character in a string must be escaped");
	s->p = p + 1;
	return true;
}

/* s->p stands after the opening quote; leaves it after the closing one. */
static inline bool skip_string(struct scan *s)
{
#ifdef JSON_SSE2
	const char *p = s->p;
	for (unsigned blocks = 0; blocks < 2 && s->end - p >= 16; blocks++, p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		unsigned odd = json_odd16(v, true), high = (unsigned)_mm_movemask_epi8(v);
		unsigned at = (unsigned)__builtin_ctz(odd | 0x10000);
		if (high & ((1u << at) - 1))
			break;
		if (odd) {
			if (p[at] != '"')
				break;
			s->p = p + at + 1;
			s->plain = true;
			return true;
		}
	}
#endif
	return skip_long_string(s);
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

/* A bit for a key by its length and outer letters: most keys of a body are ruled out by it. */
static inline uint64_t key_hint(struct str key)
{
	unsigned outer = key.n ? (unsigned char)key.p[0] * 7u + (unsigned char)key.p[key.n - 1] : 0;
	return UINT64_C(1) << ((key.n * 5 + outer) % 64);
}

static void note_key(struct scan *s, struct str raw)
{
	bool escaped = !s->plain && memchr(raw.p, '\\', raw.n);
	s->noting = NULL;
	if (!escaped && !(s->hints & key_hint(raw)))
		return;
	for (unsigned i = 0; i < s->count; i++) {
		struct str key = s->keys[i];
		if (escaped ? json_key_eq(raw, key) : str_eq(raw, key)) {
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
			return fault(s, s->p,
				     object ? "the text ends inside an object" : "the text ends inside an array");
		if (*s->p == ',') {
			s->p = json_skip_space(s->p + 1, s->end);
			return object ? skip_key(s) : true;
		}
		if (*s->p != (object ? '}' : ']'))
			return fault(s, s->p,
				     object ? "expected a comma or the end of the object"
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
	if (!text.p)
		text = STR("");
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
		where->at = (size_t)(s->p - text.p);
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

static uint64_t hints_of(const struct str keys[], unsigned count)
{
	uint64_t hints = 0;
	for (unsigned i = 0; i < count; i++)
		hints |= key_hint(keys[i]);
	return hints;
}

static int scan_members(struct str text, const struct str keys[], uint64_t hints, struct json out[], unsigned count,
			bool *duplicate, struct json_fault *where)
{
	struct scan s = {.keys = keys, .out = out, .count = count, .hints = hints};
	int rc;
	for (unsigned i = 0; i < count; i++)
		out[i] = (struct json){JSON_NONE, {NULL, 0}};
	rc = scan_text(&s, text, where);
	if (duplicate)
		*duplicate = s.duplicate;
	if (rc == 0 && s.top.type != JSON_OBJECT) {
		if (where)
			*where = (struct json_fault){(size_t)(s.begin - text.p), "expected an object"};
		rc = -RR_INPUT;
	}
	for (unsigned i = 0; rc && i < count; i++)
		out[i] = (struct json){JSON_NONE, {NULL, 0}};
	return rc;
}

int json_scan(struct str text, const struct str keys[], struct json out[], unsigned count, bool *duplicate,
	      struct json_fault *where)
{
	return scan_members(text, keys, hints_of(keys, count), out, count, duplicate, where);
}

int json_scan_for(struct str text, struct json_wanted *w, struct json out[], bool *duplicate, struct json_fault *where)
{
	uint64_t hints = atomic_load_explicit(&w->hints, memory_order_relaxed);
	if (!hints) { /* whoever comes first, or several at once: they find the same */
		hints = hints_of(w->keys, w->count);
		atomic_store_explicit(&w->hints, hints, memory_order_relaxed);
	}
	return scan_members(text, w->keys, hints, out, w->count, duplicate, where);
}
