/* SPDX-License-Identifier: Apache-2.0
 *
 * Small steps that the checker (json_scan.c) and the walkers (json.c) share; private to them.
 *
 * A block of 16 bytes is looked at at once (SSE2, which every x86-64 has). Nothing is read beyond the end: the last
 * bytes are looked at one by one.
 */
#ifndef RR_BASE_JSON_SKIP_H
#define RR_BASE_JSON_SKIP_H

#include "base/str.h"

/* RR_NO_SSE2 and RR_NO_AVX2 are for tests: what another machine would run. */
#if defined(__SSE2__) && !defined(RR_NO_SSE2)
#define JSON_SSE2
#include <emmintrin.h>
#endif

static inline const char *json_skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

#ifdef JSON_SSE2
/* A bit for each of 16 bytes that is a quote, a backslash or, if asked for, a control byte. */
static inline unsigned json_odd16(__m128i v, bool controls)
{
	__m128i odd = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	if (controls) /* at most 0x1F: the larger of it and 0x1F is 0x1F */
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(_mm_max_epu8(v, _mm_set1_epi8(0x1F)), _mm_set1_epi8(0x1F)));
	return (unsigned)_mm_movemask_epi8(odd);
}
#endif

/* The next quote or backslash, or the end: for strings that were checked already. */
static inline const char *json_quote_or_back(const char *p, const char *end)
{
#ifdef JSON_SSE2
	for (; end - p >= 16; p += 16) {
		unsigned odd = json_odd16(_mm_loadu_si128((const __m128i *)(const void *)p), false);
		if (odd)
			return p + __builtin_ctz(odd);
	}
#endif
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

#endif
