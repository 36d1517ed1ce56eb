/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loop of the JSON reader, private to json_scan.c and json.c: running over the inside of a string.
 *
 * A byte is "plain" when it needs no thought: not a quote, not a backslash, not a control byte, not above 0x7F.
 * json_plain() returns the first byte that is not plain, or the end. Blocks of 16 bytes (SSE2, which every x86-64
 * has) are tested at once; where the machine has AVX2, long strings go on in a loop of 64. Nothing is read beyond
 * the end: the last bytes are tested one by one.
 */
#ifndef RR_BASE_JSON_SKIP_H
#define RR_BASE_JSON_SKIP_H

#include "base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* json_scan.c: the same for long runs, by the best means of this machine. */
const char *json_plain_long(const char *p, const char *end);

static inline bool json_is_plain(char ch)
{
	unsigned char c = (unsigned char)ch;
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#ifdef __SSE2__
/* A bit for each of 16 bytes that is not plain. As signed bytes, all of 0x80..0xFF and 0x00..0x1F are < 0x20. */
static inline unsigned json_odd16(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	return (unsigned)_mm_movemask_epi8(odd);
}
#endif

static inline const char *json_plain(const char *p, const char *end)
{
#ifdef __SSE2__
	for (unsigned blocks = 0; blocks < 2 && end - p >= 16; blocks++, p += 16) {
		unsigned odd = json_odd16(p);
		if (odd)
			return p + __builtin_ctz(odd);
	}
	if (end - p >= 16)
		return json_plain_long(p, end);
#endif
	while (p < end && json_is_plain(*p))
		p++;
	return p;
}

static inline const char *json_skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

#endif
