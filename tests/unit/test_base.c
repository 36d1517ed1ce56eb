/* SPDX-License-Identifier: Apache-2.0
 *
 * The small parts: spans and builders, arenas, arrays, errors.
 */
#include "base/arena.h"
#include "base/array.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"
#include "py.h"
#include "t.h"

TEST(spans_compare_and_cut)
{
	struct str rest = STR("a,b,,c");
	T_TRUE(str_eq(STR("ab"), STR("ab")) && !str_eq(STR("ab"), STR("abc")) && str_eq(STR(""), str_make(NULL, 0)));
	T_TRUE(str_eqc(STR("x"), "x") && str_of(NULL).n == 0);
	T_TRUE(str_ieq(STR("Content-TYPE"), STR("content-type")) && !str_ieq(STR("a["), STR("a{")) &&
	       !str_ieq(STR("a"), STR("ab")));
	T_TRUE(str_starts(STR("abc"), STR("ab")) && str_starts(STR("a"), STR("")) && !str_starts(STR("a"), STR("ab")));
	T_TRUE(str_ends(STR("abc"), STR("bc")) && str_ends(STR("a"), STR("")) && !str_ends(STR("c"), STR("bc")));
	T_TRUE(str_contains(STR("abc"), STR("b")) && str_contains(STR(""), STR("")) &&
	       !str_contains(STR("abc"), STR("ac")));
	T_TRUE(str_icontains(STR("keep-Alive, x"), STR("ALIVE")) && !str_icontains(STR("ali"), STR("alive")));
	T_EQ_I(str_chr(STR("abc"), 'c'), 2);
	T_TRUE(str_chr(STR("abc"), 'x') == SIZE_MAX && str_chr(str_make(NULL, 0), 'x') == SIZE_MAX);
	T_TRUE(str_eqc(str_sub(STR("abcdef"), 2, 4), "cd") && str_sub(STR("abc"), 2, 99).n == 1 &&
	       str_sub(STR("abc"), 9, 2).n == 0);
	T_TRUE(str_eqc(str_trim(STR(" \t\r\n x y \n")), "x y") && str_trim(STR("  ")).n == 0);
	T_TRUE(str_eqc(str_cut(&rest, ','), "a") && str_eqc(str_cut(&rest, ','), "b") &&
	       str_eqc(str_cut(&rest, ','), ""));
	T_TRUE(rest.p && str_eqc(str_cut(&rest, ','), "c") && rest.p == NULL);
	T_TRUE(str_cmp(STR("a"), STR("b")) < 0 && str_cmp(STR("b"), STR("a")) > 0 && str_cmp(STR("a"), STR("ab")) < 0);
	T_TRUE(str_cmp(STR("ab"), STR("a")) > 0 && str_cmp(STR("a"), STR("a")) == 0 &&
	       str_cmp(STR("\xff"), STR("a")) > 0);
}

/* The sixteen places at a time of str_contains against one place after the other, over two letters, so that nearly all
 * places nearly match; the text ends where its memory ends. */
TEST(what_a_text_contains_is_found_at_any_place)
{
	struct rng r;
	unsigned wrong = 0, found = 0;
	rng_seed(&r, 41);
	for (unsigned round = 0; round < 40000; round++) {
		size_t n = rng_below(&r, 90), k = rng_below(&r, 12);
		char *text = malloc(n ? n : 1), needle[12];
		bool want = false;
		for (size_t i = 0; i < n; i++)
			text[i] = (char)('a' + rng_below(&r, 2));
		for (size_t i = 0; i < k; i++)
			needle[i] = (char)('a' + rng_below(&r, 2));
		for (size_t i = 0; i + k <= n && !want; i++)
			want = memcmp(text + i, needle, k) == 0;
		found += want;
		wrong += str_contains(str_make(text, n), str_make(needle, k)) != want;
		free(text);
	}
	T_EQ_I(wrong, 0);
	T_TRUE(found > 10000 && found < 39000);
}

TEST(integers_are_read_whole_or_refused)
{
	uint64_t u = 7;
	int64_t i = 7;
	T_TRUE(str_u64(STR("0"), &u) == 0 && u == 0);
	T_TRUE(str_u64(STR("18446744073709551615"), &u) == 0 && u == UINT64_MAX);
	T_EQ_I(str_u64(STR("18446744073709551616"), &u), -RR_RANGE);
	T_EQ_I(str_u64(STR("99999999999999999999999"), &u), -RR_RANGE);
	T_EQ_I(str_u64(STR(""), &u), -RR_SYNTAX);
	T_EQ_I(str_u64(STR("1 "), &u), -RR_SYNTAX);
	T_EQ_I(str_u64(STR("-1"), &u), -RR_SYNTAX);
	T_EQ_I(str_u64(STR("+1"), &u), -RR_SYNTAX);
	T_TRUE(str_i64(STR("-9223372036854775808"), &i) == 0 && i == INT64_MIN);
	T_TRUE(str_i64(STR("9223372036854775807"), &i) == 0 && i == INT64_MAX);
	T_EQ_I(str_i64(STR("9223372036854775808"), &i), -RR_RANGE);
	T_EQ_I(str_i64(STR("-9223372036854775809"), &i), -RR_RANGE);
	T_EQ_I(str_i64(STR("-"), &i), -RR_SYNTAX);
	T_EQ_I(str_i64(STR("--1"), &i), -RR_SYNTAX);
}

TEST(copies_are_cut_at_characters)
{
	char out[6];
	T_EQ_S(str_copy(out, sizeof out, STR("abc")), "abc");
	T_EQ_S(str_copy(out, sizeof out, STR("abcdefgh")), "abcde");
	T_EQ_S(str_copy(out, sizeof out, STR("abcd\xc3\xa9")), "abcd");
	T_EQ_S(str_copy(out, sizeof out, STR("abc\xe2\x82\xac")), "abc");
	T_EQ_S(str_copy(out, sizeof out, STR("ab\xe2\x82\xac")), "ab\xe2\x82\xac");
	T_EQ_S(str_copy(out, 1, STR("abc")), "");
	T_EQ_S(str_copy(out, sizeof out, str_make(NULL, 0)), "");
}

TEST(columns_and_distances)
{
	T_EQ_I(str_columns(STR("abc")), 3);
	T_EQ_I(str_columns(STR("\xc3\xa9\xe2\x82\xac")), 2);
	T_EQ_I(str_columns(STR("e\xcc\x81")), 1); /* e and a combining accent */
	T_EQ_I(str_columns(STR("e\xcd\xaf")), 1);
	T_EQ_I(str_columns(STR("\xcd\xb0")), 1); /* U+0370 is a letter */
	T_EQ_I(str_distance(STR("kitten"), STR("sitting")), 3);
	T_EQ_I(str_distance(STR("Cache"), STR("cache")), 0);
	T_EQ_I(str_distance(STR(""), STR("abc")), 3);
	T_EQ_I(str_distance(STR("0123456789012345678901234567890123456789012345678901234567890123"), STR("a")), 99);
}

/* Every pair, and triples and quads around the edges, at places before, across and behind a block's end. */
TEST(the_fast_utf8_check_says_what_the_plain_one_says)
{
	static const unsigned char edge[] = {0x00, 0x22, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
					     0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
					     0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFF};
	static const unsigned places[] = {0, 28, 29, 30, 31, 32, 60};
	unsigned valid = 0, tried = 0;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			for (unsigned k = 0; k < sizeof edge * sizeof edge; k++) {
				unsigned at = places[(a + b + k) % 7];
				char text[70];
				bool fast;
				struct str s = str_make(text, sizeof text);
				if (a < 0x80 && k)
					break;
				memset(text, 'x', sizeof text);
				text[at] = (char)a;
				text[at + 1] = (char)b;
				text[at + 2] = (char)edge[k % sizeof edge];
				text[at + 3] = (char)edge[k / sizeof edge];
				fast = str_utf8_valid(s);
				T_TRUE(fast == (str_utf8_fault(s) == SIZE_MAX));
				s.n = at + 4; /* what is cut off by the end */
				T_TRUE(str_utf8_valid(s) == (str_utf8_fault(s) == SIZE_MAX));
				valid += fast;
				tried++;
			}
		}
	}
	printf("  %u texts, %u of them valid\n", tried, valid);
	T_TRUE(valid > 10000 && str_utf8_valid(str_make(NULL, 0)));
}

TEST(python_agrees_on_utf8)
{
	static const char script[] = "import sys\n"
				     "d=sys.stdin.buffer.read();o=sys.stdout.buffer\n"
				     "for i in range(0,len(d),80):\n"
				     "  t=d[i:i+80]\n"
				     "  try: t.decode('utf-8');o.write(b'y')\n"
				     "  except UnicodeDecodeError as e: o.write(b'%d,'%e.start)\n"
				     "  r=t.decode('utf-8','replace').encode();o.write(b'%d:'%len(r)+r)\n";
	struct rng r;
	struct sb in, out, ours;
	enum { TEXTS = 5000, TEXT = 80 };
	sb_init(&in, TEXTS * TEXT);
	sb_init(&out, TEXTS * TEXT * 4);
	sb_init(&ours, TEXTS * TEXT * 4);
	rng_seed(&r, 20);
	while (in.n < TEXTS * TEXT) {
		static const char *const pieces[] = {"a",
						     "plain",
						     "\xc3\xa9",
						     "\xe2\x82\xac",
						     "\xf0\x9f\x98\x80",
						     "\xed\x9f\xbf",
						     "\xef\xbf\xbf",
						     "\xf4\x8f\xbf\xbf",
						     "\xe0\xa0\x80"};
		const char *piece = pieces[rng_below(&r, 9)];
		size_t n = strlen(piece);
		char one = (char)rng_u64(&r);
		if (rng_below(&r, 40) == 0)
			sb_add(&in, &one, 1);
		else
			sb_add(&in, piece, in.n + n <= TEXTS * TEXT ? n : 1);
	}
	for (size_t i = 0; i < in.n; i += TEXT) {
		struct str s = str_make(in.p + i, TEXT);
		struct sb clean;
		sb_init(&clean, TEXT * 4);
		if (str_utf8_valid(s))
			sb_addc(&ours, 'y');
		else
			sb_addf(&ours, "%zu,", str_utf8_fault(s));
		sb_add_utf8(&clean, s);
		sb_addf(&ours, "%zu:", clean.n);
		sb_add_str(&ours, sb_str(&clean));
		sb_fini(&clean);
	}
	if (py_run(script, sb_str(&in), &out))
		T_TRUE(str_eq(sb_str(&out), sb_str(&ours)));
	sb_fini(&in);
	sb_fini(&out);
	sb_fini(&ours);
}

TEST(builders_are_full_once_and_for_good)
{
	struct sb b;
	char long_text[400];
	memset(long_text, 'y', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = 0;
	sb_init(&b, 10);
	T_EQ_S(sb_str(&b).p, "");
	sb_adds(&b, "12345");
	sb_addc(&b, '6');
	sb_add(&b, "", 0);
	T_TRUE(!b.full && b.n == 6);
	sb_adds(&b, "78901");
	T_TRUE(b.full && b.n == 6);
	sb_addc(&b, '7');
	T_EQ_S(b.p, "123456");
	sb_clear(&b);
	T_TRUE(!b.full && b.n == 0);
	sb_adds(&b, "1234567890");
	T_TRUE(!b.full);
	sb_fini(&b);
	sb_init(&b, 1000);
	sb_addf(&b, "%d-%s", 5, "x");
	sb_addf(&b, "%s", long_text);
	sb_add_u64(&b, UINT64_MAX);
	sb_add_i64(&b, INT64_MIN);
	T_EQ_I(b.n, 3 + 399 + 20 + 20);
	T_EQ_S(b.p + 402, "18446744073709551615-9223372036854775808");
	sb_fini(&b);
}

TEST(arenas_hand_out_zeroed_aligned_memory_up_to_their_limit)
{
	struct arena a;
	struct rng r;
	uint64_t *words;
	rng_seed(&r, 21);
	arena_init(&a, 1 << 20);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 300; i++) {
			size_t n = rng_below(&r, 2000);
			unsigned char *p = arena_alloc(&a, n);
			T_TRUE(p && (uintptr_t)p % 16 == 0);
			for (size_t k = 0; p && k < n; k++) {
				T_TRUE(p[k] == 0);
				p[k] = 0xAA;
			}
		}
		arena_reset(&a);
		T_TRUE(a.used_bytes == 0 && !a.full);
	}
	words = arena_array(&a, uint64_t, 10);
	T_TRUE(words && words[9] == 0);
	T_TRUE(arena_array(&a, uint64_t, SIZE_MAX / 4) == NULL && a.full);
	T_TRUE(arena_alloc(&a, 1) == NULL); /* sticky */
	arena_reset(&a);
	T_TRUE(arena_alloc(&a, 1 << 20) != NULL && arena_alloc(&a, 1) == NULL && a.full);
	arena_reset(&a);
	T_TRUE(arena_alloc(&a, SIZE_MAX) == NULL);
	arena_reset(&a);
	T_EQ_S(arena_str(&a, STR("copied")).p, "copied");
	T_EQ_S(arena_str(&a, str_make(NULL, 0)).p, "");
	T_EQ_S(arena_printf(&a, "%d items of %s", 3, "x").p, "3 items of x");
	arena_fini(&a);
	arena_init(&a, 16);
	T_TRUE(arena_printf(&a, "%s", "sixteen bytes at least").p == NULL && arena_str(&a, STR("x")).p == NULL);
	arena_fini(&a);
}

/* Asked before every element, as its users do: what is in it stays, the room at least doubles, `most` is reached. */
static void fill(unsigned most)
{
	unsigned *a = NULL, count = 0, room = 0, grown = 0, before;
	for (before = room; array_room(a, count, room, most); before = room) {
		T_TRUE(count < room && room <= most && (room == before || room == most || room >= before * 2));
		grown += room != before;
		a[count] = count;
		count++;
	}
	T_EQ_I(count, most);
	T_EQ_I(room, most);
	T_TRUE(grown <= 20);
	for (unsigned i = 0; i < count; i++)
		T_EQ_I(a[i], i);
	free(a);
}

TEST(arrays_double_to_their_most_and_no_further)
{
	for (unsigned most = 0; most < 70; most++)
		fill(most);
	fill(100003);
}

TEST(an_array_without_memory_stays_as_it_was)
{
	size_t room = 8, huge = SIZE_MAX / 2 + 1;
	char *a = malloc(8);
	T_TRUE(a && !array_grow(a, &room, SIZE_MAX, SIZE_MAX / 16 + 1)); /* 16 of them are more than a size_t counts */
	T_TRUE(!array_grow(a, &room, SIZE_MAX, SIZE_MAX / 64));          /* as many as no machine has */
	T_EQ_I(room, 8);
	T_TRUE(!array_grow(a, &huge, SIZE_MAX, 1) && huge == SIZE_MAX / 2 + 1);
	T_TRUE(!array_room(a, room, room, 8) && room == 8);
	T_TRUE(array_room(a, room - 1, room, 0) && room == 8); /* there is room: nothing is asked */
	free(a);
}

TEST(errors_say_what_where_and_what_next)
{
	struct err e;
	char text[1024];
	T_EQ_I(err_set(&e, RR_INPUT, "bad %s", "thing"), -RR_INPUT);
	T_EQ_S(err_text(&e, text, sizeof text), "bad thing");
	T_EQ_I(err_at(&e, "f.csv", 3, 7), -RR_INPUT);
	T_EQ_S(err_text(&e, text, sizeof text), "f.csv:3:7: bad thing");
	err_at(&e, "f.csv", 3, 0);
	T_EQ_I(err_hint(&e, "try %d", 2), -RR_INPUT);
	T_EQ_S(err_text(&e, text, sizeof text), "f.csv:3: bad thing\n  next: try 2");
	err_at(&e, "f.csv", 0, 0);
	T_EQ_S(err_text(&e, text, sizeof text), "f.csv: bad thing\n  next: try 2");
	T_EQ_I(err_set(NULL, -RR_BUDGET, "x"), -RR_BUDGET);
	T_EQ_I(err_hint(NULL, "x"), -RR_FAIL);
	T_EQ_I(err_at(NULL, "x", 0, 0), -RR_FAIL);
	T_EQ_S(err_name(-RR_BUDGET), "BUDGET");
	T_EQ_S(err_words(0), "no error");
	T_EQ_I(err_exit_code(-RR_BUDGET), 10);
	T_EQ_I(err_exit_code(RR_UNPRICED), 11);
	T_EQ_I(err_exit_code(RR_RECONCILE), 12);
	T_EQ_I(err_exit_code(-RR_USAGE), 2);
	T_EQ_I(err_exit_code(-RR_CONFIG), 3);
	T_EQ_S(err_name(9999), "INTERNAL");
}

T_MAIN
