/* SPDX-License-Identifier: Apache-2.0
 *
 * See str.h; what concerns UTF-8 is in utf8.c.
 */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/memory.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_ieq_bytes(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

bool str_icontains(struct str s, struct str needle)
{
	if (needle.n == 0)
		return true;
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (str_ieq(str_make(s.p + i, needle.n), needle))
			return true;
	return false;
}

/* Sixteen places at once, by the needle's second byte and its last but one: those are letters where names are looked
 * for in quotes, and a quote stands everywhere. */
bool str_contains(struct str s, struct str needle)
{
	const char *p = s.p;
	size_t left = s.n;
#ifdef __SSE2__
	if (needle.n >= 4) {
		const __m128i a = _mm_set1_epi8(needle.p[1]), b = _mm_set1_epi8(needle.p[needle.n - 2]);
		for (; left >= needle.n + 15; p += 16, left -= 16) {
			__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
			__m128i y = _mm_loadu_si128((const __m128i *)(const void *)(p + needle.n - 2));
			unsigned hits = (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(x, a),
										  _mm_cmpeq_epi8(y, b)));
			for (; hits; hits &= hits - 1)
				if (memcmp(p + __builtin_ctz(hits), needle.p, needle.n) == 0)
					return true;
		}
	}
#endif
	return needle.n == 0 || (left >= needle.n && memmem(p, left, needle.p, needle.n) != NULL);
}

size_t str_chr(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : SIZE_MAX;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return str_make(s.p ? s.p + from : NULL, to - from);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n && blank(s.p[0]))
		s.p++, s.n--;
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_cut(struct str *rest, char sep)
{
	struct str part = *rest;
	size_t at = str_chr(*rest, sep);
	if (at == SIZE_MAX) {
		*rest = str_make(NULL, 0);
	} else {
		part.n = at;
		*rest = str_make(rest->p + at + 1, rest->n - at - 1);
	}
	return part;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

int str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;
	if (s.n == 0)
		return -RR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');
		if (digit > 9)
			return -RR_SYNTAX;
		if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, digit, &v))
			return -RR_RANGE;
	}
	*out = v;
	return 0;
}

int str_i64(struct str s, int64_t *out)
{
	uint64_t v;
	bool negative = s.n && s.p[0] == '-';
	int rc = str_u64(negative ? str_make(s.p + 1, s.n - 1) : s, &v);
	if (rc)
		return rc;
	if (v > (uint64_t)INT64_MAX + negative)
		return -RR_RANGE;
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

char *str_copy(char *dst, size_t size, struct str s)
{
	check(size > 0);
	if (s.n >= size) {
		s.n = size - 1;
		while (s.n && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
			s.n--;
	}
	if (s.n)
		memcpy(dst, s.p, s.n);
	dst[s.n] = 0;
	return dst;
}

size_t str_columns(struct str s)
{
	size_t columns = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool combining = (c == 0xCC) || (c == 0xCD && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xB0);
		if ((c & 0xC0) != 0x80 && !combining)
			columns++;
	}
	return columns;
}

unsigned str_distance(struct str a, struct str b)
{
	unsigned row[64];
	if (a.n > 63 || b.n > 63)
		return 99;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned change = diagonal + (lower(a.p[i - 1]) != lower(b.p[j - 1]));
			unsigned best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
			diagonal = row[j];
			row[j] = change < best ? change : best;
		}
	}
	return row[b.n];
}

void sb_init(struct sb *b, size_t limit_bytes)
{
	memset(b, 0, sizeof *b);
	b->limit = limit_bytes;
}

void sb_fini(struct sb *b)
{
	memory_resized(b->cap, 0);
	free(b->p);
	memset(b, 0, sizeof *b);
}

void sb_clear(struct sb *b)
{
	b->n = 0;
	b->full = false;
	if (b->p)
		b->p[0] = 0;
}

void sb_clear_most(struct sb *b, size_t keep)
{
	size_t limit = b->limit;
	if (b->cap > keep) {
		sb_fini(b);
		sb_init(b, limit);
	} else {
		sb_clear(b);
	}
}

/* Room for n more bytes and the NUL, or sticky full. */
static bool sb_room(struct sb *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 128;
	char *p;
	if (b->full || n > b->limit || b->n > b->limit - n) {
		b->full = true;
		return false;
	}
	if (b->n + n + 1 <= b->cap)
		return true;
	while (cap < b->n + n + 1)
		cap *= 2;
	p = cap > MEMORY_LARGE_BYTES && !memory_may_grow(cap - b->cap) ? NULL : realloc(b->p, cap);
	if (!p) {
		mem_lost();
		b->full = true;
		return false;
	}
	memory_resized(b->cap, cap);
	b->p = p;
	b->cap = cap;
	return true;
}

void sb_add(struct sb *b, const char *p, size_t n)
{
	if (n == 0 || !sb_room(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = 0;
}

void sb_addc(struct sb *b, char c)
{
	sb_add(b, &c, 1);
}

void sb_adds(struct sb *b, const char *c)
{
	sb_add(b, c, strlen(c));
}

void sb_add_str(struct sb *b, struct str s)
{
	sb_add(b, s.p, s.n);
}

void sb_addf(struct sb *b, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	int n;
	va_start(ap, fmt);
	n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	check(n >= 0);
	if ((size_t)n < sizeof small) {
		sb_add(b, small, (size_t)n);
	} else if (sb_room(b, (size_t)n)) {
		va_start(ap, fmt);
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
		va_end(ap);
		b->n += (size_t)n;
	}
}

void sb_add_u64(struct sb *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	sb_add(b, digits + at, sizeof digits - at);
}

void sb_add_i64(struct sb *b, int64_t v)
{
	if (v < 0)
		sb_addc(b, '-');
	sb_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}
