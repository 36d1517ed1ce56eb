/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON: the verdicts of the minefield table, of python's json module and of jansson on mutated texts; walking,
 * numbers and strings against python and against properties that must hold. (Writing is in test_json_write.c.)
 *
 * Each text is checked in a block of exactly its size, so that a sanitizer build sees one byte too far.
 */
#include "base/err.h"
#include "base/json.h"
#include "jansson_oracle.h"
#include "json_cases.h"
#include "json_mutants.h"
#include "py.h"
#include "t.h"

enum { CASES = sizeof json_cases / sizeof json_cases[0] };

static int verdict(struct str s, struct json_fault *fault)
{
	struct str copy = exact(s);
	int rc = json_check(copy, fault);
	free((void *)copy.p);
	return rc;
}

TEST(the_minefield_table)
{
	for (unsigned i = 0; i < CASES; i++) {
		bool want = json_cases[i].verdict == 'y' || json_cases[i].verdict == 'A';
		struct json_fault fault = {0, NULL};
		int rc = verdict(json_cases[i].text, &fault);
		if ((rc == 0) != want)
			printf("  case %u: %.*s\n", i, STR_ARG(json_cases[i].text));
		T_TRUE((rc == 0) == want);
		T_TRUE(rc == 0 || rc == -RR_SYNTAX);
		T_TRUE(rc == 0 || (fault.what && fault.at <= json_cases[i].text.n));
	}
}

TEST(depth_is_128_and_no_more)
{
	static const char opens[] = "[{", *const inside[] = {"[", "{\"a\":"}, *const closes[] = {"]", "}"};
	for (unsigned kind = 0; kind < 2; kind++) {
		for (unsigned depth = 1; depth <= 200; depth++) {
			struct sb b;
			struct json_fault fault;
			int rc;
			sb_init(&b, 10000);
			for (unsigned i = 0; i < depth; i++)
				sb_adds(&b, inside[kind]);
			sb_adds(&b, "1");
			for (unsigned i = 0; i < depth; i++)
				sb_adds(&b, closes[kind]);
			rc = verdict(sb_str(&b), &fault);
			T_EQ_I(rc, depth <= JSON_DEPTH ? 0 : -RR_LIMIT);
			if (rc)
				T_TRUE(b.p[fault.at] == opens[kind]);
			sb_fini(&b);
		}
	}
}

TEST(a_million_brackets_and_a_long_string)
{
	size_t n = 1000 * 1000, mib = 100u << 20;
	char *p = malloc(mib);
	if (!p)
		abort();
	memset(p, '[', n);
	T_EQ_I(json_check(str_make(p, n), NULL), -RR_LIMIT);
	for (size_t i = 0; i + 6 <= n; i += 6)
		memcpy(p + i, "[{\"\":\n", 6);
	T_EQ_I(json_check(str_make(p, n), NULL), -RR_LIMIT);
	memset(p, 'x', mib);
	p[0] = p[mib - 1] = '"';
	T_EQ_I(json_check(str_make(p, mib), NULL), 0);
	T_EQ_I(json_check(str_make(p, mib - 1), NULL), -RR_SYNTAX);
	free(p);
}

/* A piece at every place of strings of every length up to three blocks: what it is decides, not where it stands. */
TEST(each_kind_of_byte_at_each_place_of_a_string)
{
	static const struct {
		const char *piece;
		size_t n;
		size_t wrong; /* offset of the fault in the piece, or SIZE_MAX */
	} kinds[] = {
		{"\\n", 2, SIZE_MAX},
		{"\\\"", 2, SIZE_MAX},
		{"\\\\", 2, SIZE_MAX},
		{"\\u00e9", 6, SIZE_MAX},
		{"\\uD800", 6, SIZE_MAX},
		{"\xc3\xa9", 2, SIZE_MAX},
		{"\xe2\x82\xac", 3, SIZE_MAX},
		{"\xf0\x9f\x98\x80", 4, SIZE_MAX},
		{"\x7f", 1, SIZE_MAX},
		{"\x01", 1, 0},
		{"\0", 1, 0},
		{"\x1f", 1, 0},
		{"\\x", 2, 1},
		{"\\u00g9", 6, 4},
		{"\\u", 2, 2},
		{"\xff", 1, 0},
		{"\xc3", 1, 0},
		{"\xe2\x82", 2, 0},
		{"\xf0\x9f\x98", 3, 0},
		{"\xed\xa0\x80", 3, 0},
		{"\xc0\x80", 2, 0},
		{"\x80", 1, 0},
		{"\xf4\x90\x80\x80", 4, 0},
		{"\xc3\xa9\x01", 3, 2},
		{"\xff\x01", 2, 0},
		{"\xff\\x", 3, 0},
	};
	for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		for (size_t before = 0; before < 150; before++) {
			for (size_t after = 0; after < 80; after += after < 3 ? 1 : 19) {
				char text[320];
				size_t n = 0;
				struct json_fault fault;
				int rc;
				text[n++] = '"';
				memset(text + n, 'z', before);
				n += before;
				memcpy(text + n, kinds[k].piece, kinds[k].n);
				n += kinds[k].n;
				memset(text + n, 'z', after);
				n += after;
				text[n++] = '"';
				rc = verdict(str_make(text, n), &fault);
				T_EQ_I(rc, kinds[k].wrong == SIZE_MAX ? 0 : -RR_SYNTAX);
				if (rc && kinds[k].wrong != SIZE_MAX)
					T_EQ_I(fault.at, 1 + before + kinds[k].wrong);
				T_EQ_I(verdict(str_make(text, n - 1), NULL), -RR_SYNTAX);
			}
		}
	}
}

static void add_framed(struct sb *b, struct str s)
{
	uint32_t n = (uint32_t)s.n;
	sb_add(b, (const char *)&n, sizeof n);
	sb_add_str(b, s);
}

TEST(python_agrees_on_mutants)
{
	static const char script[] =
		"import sys,json\n"
		"d=sys.stdin.buffer.read();i=0;o=[]\n"
		"def no(x): raise ValueError(x)\n"
		"while i<len(d):\n"
		"  n=int.from_bytes(d[i:i+4],'little');t=d[i+4:i+4+n];i+=4+n\n"
		"  try:\n"
		"    json.loads(t.decode('utf-8'),parse_constant=no,parse_int=str,parse_float=str);o.append('y')\n"
		"  except ValueError: o.append('n')\n"
		"sys.stdout.write(''.join(o))\n";
	struct rng r;
	struct sb in, out;
	char text[MUTANT_BYTES];
	unsigned accepted = 0, differ = 0;
	sb_init(&in, (size_t)16 << 20);
	sb_init(&out, MUTANTS + CASES);
	rng_seed(&r, 1);
	for (unsigned i = 0; i < MUTANTS; i++)
		add_framed(&in, mutant(&r, text));
	for (unsigned i = 0; i < CASES; i++)
		add_framed(&in, json_cases[i].text);
	if (py_run(script, sb_str(&in), &out)) {
		rng_seed(&r, 1);
		T_EQ_I(out.n, MUTANTS + CASES);
		for (unsigned i = 0; i < out.n; i++) {
			struct str s = i < MUTANTS ? mutant(&r, text) : json_cases[i - MUTANTS].text;
			bool ok = verdict(s, NULL) == 0;
			accepted += ok;
			if (ok != (out.p[i] == 'y') && differ++ < 10)
				printf("  we %s, python not: %.*s\n", ok ? "accept" : "refuse", STR_ARG(s));
		}
		printf("  %u texts, %u of them accepted\n", (unsigned)out.n, accepted);
		T_EQ_I(differ, 0);
		T_TRUE(accepted > MUTANTS / 10 && accepted < MUTANTS * 9 / 10);
	}
	sb_fini(&in);
	sb_fini(&out);
}

/* jansson refuses what it cannot hold: numbers beyond its types, half surrogate pairs, U+0000 in keys. */
static bool jansson_cannot_hold(const char *why)
{
	return strstr(why, "too big") || strstr(why, "overflow") || strstr(why, "invalid Unicode") ||
	       strstr(why, "NUL byte");
}

TEST(jansson_agrees_on_mutants)
{
	struct rng r;
	unsigned differ = 0, cannot = 0;
	rng_seed(&r, 2);
	if (!jansson_here()) {
		printf("  skipped: built without libjansson, so this was compared with nothing\n");
		return;
	}
	for (unsigned i = 0; i < MUTANTS * 2 + CASES; i++) {
		char text[MUTANT_BYTES], why[200] = "";
		bool ok, theirs;
		struct str s = i < CASES ? json_cases[i].text : mutant(&r, text);
		if (s.n && memchr(s.p, 0, s.n))
			continue; /* to jansson a NUL byte is the end of the text */
		ok = verdict(s, NULL) == 0;
		theirs = jansson_accepts(s.p, s.n, why);
		if (ok && !theirs && jansson_cannot_hold(why))
			cannot++;
		else if (ok != theirs && differ++ < 10)
			printf("  we %s, jansson not (%s): %.*s\n", ok ? "accept" : "refuse", why, STR_ARG(s));
	}
	T_EQ_I(differ, 0);
	T_TRUE(cannot > 0);
}

static bool same(struct json a, struct json b)
{
	return a.type == b.type && a.text.n == b.text.n && (a.type == JSON_NONE || a.text.p == b.text.p);
}

TEST(scan_gives_what_parse_and_get_give)
{
	static const char *const names[] = {"model", "messages", "stream", "a", "", "usage", "text", "n"};
	struct str keys[8];
	struct rng r;
	unsigned compared = 0;
	rng_seed(&r, 3);
	for (unsigned i = 0; i < 8; i++)
		keys[i] = str_of(names[i]);
	for (unsigned i = 0; i < MUTANTS; i++) {
		char text[MUTANT_BYTES];
		struct str s = exact(mutant(&r, text));
		struct json out[8], top;
		struct json_fault fault = {0, NULL}, other = {0, NULL};
		bool duplicate;
		int rc = json_scan(s, keys, out, 8, &duplicate, &fault);
		int parsed = json_parse(s, &top, &other);
		if (parsed == 0 && top.type != JSON_OBJECT)
			T_EQ_I(rc, -RR_INPUT);
		else
			T_EQ_I(rc, parsed);
		if (parsed)
			T_TRUE(fault.at == other.at && fault.what == other.what && top.type == JSON_NONE);
		for (unsigned k = 0; k < 8; k++) {
			if (rc) {
				T_EQ_I(out[k].type, JSON_NONE);
			} else {
				T_TRUE(same(out[k], json_get(top, names[k])));
				compared += out[k].type != JSON_NONE;
			}
		}
		free((void *)s.p);
	}
	T_TRUE(compared > 1000);
}

TEST(scan_reports_duplicates_of_wanted_keys_only)
{
	struct str keys[2] = {STR("model"), STR("stream")};
	struct json out[2];
	bool duplicate;
	T_EQ_I(json_scan(STR("{\"x\":1,\"x\":2,\"model\":\"a\"}"), keys, out, 2, &duplicate, NULL), 0);
	T_TRUE(!duplicate);
	T_EQ_I(json_scan(STR("{\"model\":\"a\",\"messages\":[{\"model\":1}],\"mod\\u0065l\":\"b\"}"), keys, out, 2,
			 &duplicate, NULL),
	       0);
	T_TRUE(duplicate);
	T_TRUE(json_string_eq(out[0], "b"));
	T_EQ_I(out[1].type, JSON_NONE);
	T_EQ_I(json_scan(STR("{\"model\":null,\"model\":[1,{\"stream\":2}]}"), keys, out, 2, &duplicate, NULL), 0);
	T_TRUE(duplicate && out[0].type == JSON_ARRAY && out[0].text.n == 16);
	T_EQ_I(json_scan(STR("[1]"), keys, out, 2, NULL, NULL), -RR_INPUT);
	T_EQ_I(json_scan(str_make(NULL, 0), keys, out, 2, NULL, NULL), -RR_SYNTAX);
	T_EQ_I(json_scan(STR("{\"a\":1}"), NULL, NULL, 0, NULL, NULL), 0);
}

/* Depth first over all values by the walkers; any text, checked or not. */
static size_t walk(struct json v, struct str within, unsigned depth)
{
	struct json_iter it;
	struct json value;
	struct str key;
	struct sb b;
	size_t n = 1;
	uint64_t whole;
	char small[7];
	sb_init(&b, 10000);
	json_string(v, &b);
	json_u64(v, &whole);
	T_TRUE(strlen(json_string_copy(v, small, sizeof small)) < sizeof small);
	sb_fini(&b);
	if (v.type != JSON_NONE)
		T_TRUE(v.text.p >= within.p && v.text.p + v.text.n <= within.p + within.n);
	for (json_open(&it, v); depth < 50 && json_next(&it, &key, &value);) {
		json_key_eq(key, STR("model"));
		n += walk(value, within, depth + 1);
	}
	return n;
}

TEST(walkers_stay_inside_unchecked_texts)
{
	struct rng r;
	size_t values = 0;
	rng_seed(&r, 4);
	for (unsigned i = 0; i < MUTANTS; i++) {
		char text[MUTANT_BYTES];
		struct str s = exact(mutant(&r, text));
		static const enum json_type types[] = {JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER};
		for (unsigned t = 0; t < 4; t++)
			values += walk((struct json){types[t], s}, s, 0);
		free((void *)s.p);
	}
	T_TRUE(values > MUTANTS * 4);
}

TEST(paths_and_counts)
{
	struct json top;
	uint64_t n = 0;
	T_EQ_I(json_parse(STR(" {\"usage\":{\"details\":{\"cached_tokens\":7}},\"data\":[{\"id\":\"x\"},[1,[2,3]]],\"a."
			      "b\":1,\"u\":1,\"u\":2} "),
			  &top, NULL),
	       0);
	T_EQ_I(json_u64(json_path(top, "usage.details.cached_tokens"), &n), 0);
	T_EQ_I(n, 7);
	T_TRUE(json_string_eq(json_path(top, "data[0].id"), "x"));
	T_EQ_I(json_u64_or0(json_path(top, "data[1][1][0]")), 2);
	T_EQ_I(json_u64_or0(json_get(top, "u")), 2);
	T_EQ_I(json_path(top, "data[2]").type, JSON_NONE);
	T_EQ_I(json_path(top, "data[x]").type, JSON_NONE);
	T_EQ_I(json_path(top, "data[0").type, JSON_NONE);
	T_EQ_I(json_path(top, "data.id").type, JSON_NONE);
	T_EQ_I(json_path(top, "usage[0]").type, JSON_NONE);
	T_EQ_I(json_path(top, "missing.too").type, JSON_NONE);
	T_EQ_I(json_path(top, "").type, JSON_OBJECT);
	T_EQ_I(json_get(top, "a.b").type, JSON_NUMBER);
	T_EQ_I(json_count(top), 5);
	T_EQ_I(json_count(json_get(top, "data")), 2);
	T_EQ_I(json_count(json_path(top, "data[0].id")), 0);
	T_EQ_I(json_count((struct json){JSON_NONE, {NULL, 0}}), 0);
}

TEST(whole_numbers_are_exact_or_refused)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"-0", 0, 0},
		{"12", 0, 12},
		{"12.0", 0, 12},
		{"1.2e1", 0, 12},
		{"120e-1", 0, 12},
		{"1e3", 0, 1000},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -RR_RANGE, 0},
		{"1844674407370955161.5e1", 0, UINT64_MAX},
		{"-1", -RR_RANGE, 0},
		{"1e400", -RR_RANGE, 0},
		{"0e400", 0, 0},
		{"0.5", -RR_SYNTAX, 0},
		{"1e-400", -RR_SYNTAX, 0},
		{"12.5", -RR_SYNTAX, 0},
		{"\"12\"", -RR_SYNTAX, 0},
		{"true", -RR_SYNTAX, 0},
		{"null", -RR_NOTFOUND, 0},
		{"[1]", -RR_SYNTAX, 0},
		{"9007199254740993", 0, UINT64_C(9007199254740993)},
		{"9007199254740993.0", 0, UINT64_C(9007199254740993)},
	};
	struct json v;
	uint64_t u;
	int64_t i;
	for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		T_EQ_I(json_parse(str_of(cases[k].text), &v, NULL), 0);
		u = 0;
		T_EQ_I(json_u64(v, &u), cases[k].rc);
		T_EQ_I(u, cases[k].value);
		T_EQ_I(json_u64_or0(v), cases[k].value);
	}
	T_EQ_I(json_u64((struct json){JSON_NONE, {NULL, 0}}, &u), -RR_NOTFOUND);
	T_EQ_I(json_i64((struct json){JSON_NUMBER, STR("-9223372036854775808")}, &i), 0);
	T_TRUE(i == INT64_MIN);
	T_EQ_I(json_i64((struct json){JSON_NUMBER, STR("9223372036854775807")}, &i), 0);
	T_TRUE(i == INT64_MAX);
	T_EQ_I(json_i64((struct json){JSON_NUMBER, STR("9223372036854775808")}, &i), -RR_RANGE);
	T_EQ_I(json_i64((struct json){JSON_NULL, STR("null")}, &i), -RR_NOTFOUND);
	T_TRUE(json_is_true((struct json){JSON_TRUE, STR("true")}) &&
	       !json_is_true((struct json){JSON_FALSE, STR("false")}));
}

/* A random string token: runs, escapes of all kinds, characters of all lengths. */
static void random_token(struct rng *r, struct sb *b)
{
	static const char *const pieces[] = {"plain",
					     "\\n",
					     "\\\"",
					     "\\\\",
					     "\\/",
					     "\\b\\f\\r\\t",
					     "\\u0041",
					     "\\u00e9",
					     "\\u20AC",
					     "\\uD83D\\uDE00",
					     "\\ud800",
					     "\\udc00",
					     "\\ud800\\ud83d\\ude00",
					     "\\ud800x",
					     "\xc3\xa9",
					     "\xe2\x82\xac",
					     "\xf0\x9f\x98\x80",
					     "\\u0000",
					     "\\ud83d\\u0041",
					     ""};
	sb_clear(b);
	sb_addc(b, '"');
	for (uint64_t n = rng_below(r, 12); n; n--)
		sb_adds(b, pieces[rng_below(r, sizeof pieces / sizeof pieces[0])]);
	sb_addc(b, '"');
}

TEST(strings_read_as_python_reads_them)
{
	/* Python keeps lone surrogates; we replace each by U+FFFD. */
	static const char script[] = "import sys,json,re\n"
				     "for l in sys.stdin.buffer.read().split(b'\\n')[:-1]:\n"
				     "  s=re.sub('[\\ud800-\\udfff]','\\ufffd',json.loads(l.decode()))\n"
				     "  sys.stdout.buffer.write(s.encode().hex().encode()+b'\\n')\n";
	struct rng r;
	struct sb in, out, token, text;
	enum { TOKENS = 3000 };
	sb_init(&in, 1 << 20);
	sb_init(&out, 1 << 20);
	sb_init(&token, 1000);
	sb_init(&text, 1000);
	rng_seed(&r, 5);
	for (unsigned i = 0; i < TOKENS; i++) {
		random_token(&r, &token);
		sb_add_str(&in, sb_str(&token));
		sb_addc(&in, '\n');
	}
	if (py_run(script, sb_str(&in), &out)) {
		struct str rest = sb_str(&out);
		rng_seed(&r, 5);
		for (unsigned i = 0; i < TOKENS; i++) {
			struct str want = str_cut(&rest, '\n');
			struct json v;
			struct sb hex;
			random_token(&r, &token);
			T_EQ_I(json_parse(sb_str(&token), &v, NULL), 0);
			sb_clear(&text);
			T_EQ_I(json_string(v, &text), 0);
			sb_init(&hex, 4000);
			for (size_t k = 0; k < text.n; k++)
				sb_addf(&hex, "%02x", (unsigned char)text.p[k]);
			T_TRUE(str_eq(sb_str(&hex), want));
			if (text.n && !memchr(text.p, 0, text.n)) {
				char small[16];
				size_t n;
				T_TRUE(json_string_eq(v, text.p));
				T_TRUE(json_key_eq(json_raw_string(v), sb_str(&text)));
				n = strlen(json_string_copy(v, small, sizeof small));
				T_TRUE(memcmp(small, text.p, n) == 0 && str_utf8_valid(str_make(small, n)));
				T_TRUE(n == text.n || n + 4 >= sizeof small);
				text.p[text.n - 1] ^= 1;
				T_TRUE(!json_key_eq(json_raw_string(v), sb_str(&text)));
			}
			sb_fini(&hex);
		}
	}
	sb_fini(&in);
	sb_fini(&out);
	sb_fini(&token);
	sb_fini(&text);
}

TEST(strings_of_other_types_are_refused)
{
	struct sb b;
	char small[4];
	sb_init(&b, 4);
	T_EQ_I(json_string((struct json){JSON_NUMBER, STR("1")}, &b), -RR_SYNTAX);
	T_EQ_I(json_string((struct json){JSON_STRING, STR("\"longer\"")}, &b), -RR_NOMEM);
	T_EQ_S(json_string_copy((struct json){JSON_NULL, STR("null")}, small, sizeof small), "");
	T_EQ_S(json_string_copy((struct json){JSON_STRING, STR("\"ab\xe2\x82\xac\"")}, small, sizeof small), "ab");
	T_EQ_S(json_string_copy((struct json){JSON_STRING, STR("\"abcdef\"")}, small, sizeof small), "abc");
	T_EQ_S(json_string_copy((struct json){JSON_STRING, STR("\"a\\u0000b\"")}, small, sizeof small), "a");
	T_TRUE(!json_string_eq((struct json){JSON_NUMBER, STR("1")}, "1"));
	T_EQ_I(json_raw_string((struct json){JSON_STRING, STR("\"")}).n, 0);
	sb_fini(&b);
}

T_MAIN
