/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 as str.h promises it: well formed by table 3-7 of the Unicode standard, or not.
 *
 * There are two checkers. The plain one walks sequence by sequence and can say where a fault is. The fast one (AVX2)
 * follows Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2021): every fault shows in a
 * pair of neighbouring bytes, so three table look-ups (high and low half of the first byte, high half of the second)
 * give for each fault class one bit that survives only if all three halves allow it; what is left to check is that
 * third and fourth bytes stand where a first byte asks for them.
 */
#include "base/str.h"

#if defined(__x86_64__) && !defined(RR_NO_AVX2)
#define UTF8_AVX2
#include <immintrin.h>
#endif

/* What table 3-7 says of a first byte: the length of its sequence (0: none begins so) and the range of the second
 * byte, which shuts out overlong forms, surrogates and what is beyond U+10FFFF. */
static size_t shape(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
	*high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF)
		return 2;
	if (first >= 0xE0 && first <= 0xEF)
		return 3;
	return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* How many bytes at p fit a sequence's shape; the sequence is whole when that equals *length. */
static size_t prefix(const char *p, size_t n, size_t *length)
{
	unsigned char low, high;
	size_t fit = 1;
	*length = shape((unsigned char)p[0], &low, &high);
	for (; fit < *length && fit < n; fit++) {
		unsigned char c = (unsigned char)p[fit];
		if (c < low || c > high)
			break;
		low = 0x80, high = 0xBF;
	}
	return fit;
}

size_t str_utf8_step(const char *p, size_t n)
{
	size_t length, fit = prefix(p, n, &length);
	return fit == length ? fit : 0;
}

size_t str_utf8_fault(struct str s)
{
	size_t i = 0;
	while (i < s.n) {
		size_t step = 1;
		uint64_t word;
		if (s.n - i >= 8 && (memcpy(&word, s.p + i, 8), !(word & UINT64_C(0x8080808080808080)))) {
			i += 8;
			continue;
		}
		step = str_utf8_step(s.p + i, s.n - i);
		if (!step)
			return i;
		i += step;
	}
	return SIZE_MAX;
}

#ifdef UTF8_AVX2
/* A bit for each class of faulty pairs. SHORT: a first byte of many, then no continuation. LONG: a continuation
 * after ASCII. PAIR: two continuations (a fault unless a third or fourth byte is due). The others: overlong forms of
 * 2, 3, 4 bytes, surrogates, beyond U+10FFFF (F4 90 and up, F5 80 and up). */
enum { SHORT = 1, LONG = 2, OVER3 = 4, LARGE = 8, SURROGATE = 16, OVER2 = 32, OVER4 = 64, LARGE_F5 = 64, PAIR = 128 };
enum { ANY = SHORT | LONG | PAIR, LOW_F = ANY | LARGE | LARGE_F5 };

#define LANES(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                                                          \
	_mm256_broadcastsi128_si256(_mm_setr_epi8((char)(a), (char)(b), (char)(c), (char)(d), (char)(e), (char)(f),    \
						  (char)(g), (char)(h), (char)(i), (char)(j), (char)(k), (char)(l),    \
						  (char)(m), (char)(n), (char)(o), (char)(p)))

__attribute__((target("avx2"))) static inline __m256i faults(__m256i now, __m256i before)
{
	const __m256i nibble = _mm256_set1_epi8(0x0F);
	const __m256i first_high =
		LANES(LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, PAIR, PAIR, PAIR, PAIR, SHORT | OVER2, SHORT,
		      SHORT | OVER3 | SURROGATE, SHORT | LARGE | LARGE_F5 | OVER4);
	const __m256i first_low = LANES(ANY | OVER3 | OVER2 | OVER4, ANY | OVER2, ANY, ANY, ANY | LARGE, LOW_F, LOW_F,
					LOW_F, LOW_F, LOW_F, LOW_F, LOW_F, LOW_F, LOW_F | SURROGATE, LOW_F, LOW_F);
	const __m256i second_high = LANES(SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT,
					  LONG | OVER2 | PAIR | OVER3 | LARGE_F5 | OVER4,
					  LONG | OVER2 | PAIR | OVER3 | LARGE, LONG | OVER2 | PAIR | SURROGATE | LARGE,
					  LONG | OVER2 | PAIR | SURROGATE | LARGE, SHORT, SHORT, SHORT, SHORT);
	__m256i across = _mm256_permute2x128_si256(before, now, 0x21);
	__m256i back1 = _mm256_alignr_epi8(now, across, 15);
	__m256i back2 = _mm256_alignr_epi8(now, across, 14);
	__m256i back3 = _mm256_alignr_epi8(now, across, 13);
	__m256i pair = _mm256_and_si256(
		_mm256_and_si256(_mm256_shuffle_epi8(first_high, _mm256_and_si256(_mm256_srli_epi16(back1, 4), nibble)),
				 _mm256_shuffle_epi8(first_low, _mm256_and_si256(back1, nibble))),
		_mm256_shuffle_epi8(second_high, _mm256_and_si256(_mm256_srli_epi16(now, 4), nibble)));
	/* The top bit where a third (after E0..) or fourth (after F0..) byte is due: exactly there PAIR is right. */
	__m256i due = _mm256_or_si256(_mm256_subs_epu8(back2, _mm256_set1_epi8((char)(0xE0 - 0x80))),
				      _mm256_subs_epu8(back3, _mm256_set1_epi8((char)(0xF0 - 0x80))));
	return _mm256_xor_si256(_mm256_and_si256(due, _mm256_set1_epi8((char)0x80)), pair);
}

__attribute__((target("avx2"))) static bool valid_avx2(const char *p, size_t n)
{
	__m256i before = _mm256_setzero_si256(), bad = before, now;
	char last[32] = {0}; /* the rest and at least one zero, which shows a sequence cut off by the end */
	size_t i = 0;
	for (; n - i >= 32; i += 32) {
		now = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
		if (_mm256_testz_si256(_mm256_or_si256(now, before), _mm256_set1_epi8((char)0x80)))
			continue; /* ASCII after ASCII */
		bad = _mm256_or_si256(bad, faults(now, before));
		before = now;
	}
	memcpy(last, p + i, n - i);
	now = _mm256_loadu_si256((const __m256i *)(const void *)last);
	bad = _mm256_or_si256(bad, faults(now, before));
	return _mm256_testz_si256(bad, bad);
}
#endif

bool str_utf8_valid(struct str s)
{
#ifdef UTF8_AVX2
	if (s.n >= 32 && __builtin_cpu_supports("avx2"))
		return valid_avx2(s.p, s.n);
#endif
	return str_utf8_fault(s) == SIZE_MAX;
}

void sb_add_utf8(struct sb *b, struct str s)
{
	size_t kept = 0; /* what stands before this is written */
	for (size_t i = 0; i < s.n;) {
		size_t length, fit = prefix(s.p + i, s.n - i, &length);
		if (fit != length) {
			sb_add(b, s.p + kept, i - kept);
			sb_adds(b, "\xEF\xBF\xBD");
			kept = i + fit;
		}
		i += fit;
	}
	if (s.n > kept)
		sb_add(b, s.p + kept, s.n - kept);
}
