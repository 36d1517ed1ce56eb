/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON: an edit of a mutated body leaves every other byte and reads back; what the writer writes, python reads.
 */
#include "base/err.h"
#include "base/json.h"
#include "json_mutants.h"
#include "py.h"
#include "t.h"

TEST(an_edit_leaves_every_other_byte)
{
	static const char *const keys[] = {"model", "a", "new \"key\"", "stream", ""};
	struct rng r;
	unsigned edited = 0;
	rng_seed(&r, 6);
	for (unsigned i = 0; i < MUTANTS; i++) {
		char text[MUTANT_BYTES];
		struct str s = exact(mutant(&r, text));
		const char *key = keys[rng_below(&r, 5)];
		struct json top, again;
		struct json_edit edit;
		struct sb scratch, out;
		sb_init(&scratch, 1000);
		sb_init(&out, 2000);
		if (json_parse(s, &top, NULL) == 0 &&
		    json_edit_set(top, key, STR("{\"v\":[1]}"), &scratch, &edit) == 0) {
			size_t before = (size_t)(edit.span.p - s.p), after = s.n - before - edit.span.n;
			struct json old = json_get(top, key);
			json_splice(s, &edit, 1, &out);
			T_EQ_I(out.n, before + edit.with.n + after);
			T_TRUE(memcmp(out.p, s.p, before) == 0);
			T_TRUE(memcmp(out.p + out.n - after, s.p + s.n - after, after) == 0);
			T_EQ_I(json_parse(sb_str(&out), &again, NULL), 0);
			T_TRUE(str_eq(json_get(again, key).text, STR("{\"v\":[1]}")));
			T_EQ_I(json_count(again), json_count(top) + (old.type == JSON_NONE));
			edited++;
		} else {
			T_TRUE(json_parse(s, &top, NULL) || top.type != JSON_OBJECT);
		}
		sb_fini(&scratch);
		sb_fini(&out);
		free((void *)s.p);
	}
	T_TRUE(edited > 500);
}

TEST(several_edits_in_one_splice)
{
	struct str body = STR("{\"a\":1,\"b\":[2,3]}");
	struct json_edit edits[3] = {{str_sub(body, 1, 1), STR("\"z\":0,")},
				     {str_sub(body, 5, 6), STR("\"one\"")},
				     {str_sub(body, 12, 15), STR("")}};
	struct sb out;
	sb_init(&out, 100);
	json_splice(body, edits, 3, &out);
	T_EQ_S(out.p, "{\"z\":0,\"a\":\"one\",\"b\":[]}");
	sb_clear(&out);
	json_splice(body, edits, 0, &out);
	T_TRUE(str_eq(sb_str(&out), body));
	sb_fini(&out);
}

TEST(the_writer_writes_what_python_reads_back)
{
	static const char script[] = "import "
				     "sys,json\nsys.stdout.write(json.dumps(json.loads(sys.stdin.buffer.read().decode()"
				     "),separators=(',',':')))\n";
	struct sb b, out;
	struct json_out w;
	sb_init(&b, 10000);
	sb_init(&out, 10000);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kstr(&w, "text\n\"", STR("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9"));
	jw_kcstr(&w, "none", NULL);
	jw_kcstr(&w, "word", "x");
	jw_ku64(&w, "u", UINT64_MAX);
	jw_ki64(&w, "i", INT64_MIN);
	jw_kbool(&w, "yes", true);
	jw_kbool(&w, "no", false);
	jw_kmoney(&w, "money", (__int128)518010000000000);
	jw_kdouble(&w, "d", 0.1);
	jw_kdouble(&w, "nan", __builtin_nan(""));
	jw_kdouble(&w, "inf", __builtin_inf());
	jw_key(&w, "list");
	jw_array(&w);
	jw_array(&w);
	jw_end_array(&w);
	jw_object(&w);
	jw_end_object(&w);
	jw_raw(&w, STR("[1,2]"));
	jw_str(&w, STR("bad \xff\xe2\x82 end"));
	jw_null(&w);
	jw_end_array(&w);
	jw_key(&w, "after");
	jw_i64(&w, -1);
	jw_end_object(&w);
	T_EQ_I(json_check(sb_str(&b), NULL), 0);
	T_EQ_S(b.p,
	       "{\"text\\n\\\"\":\"a\\\"b\\\\c/"
	       "\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\",\"none\":null,\"word\":\"x\",\"u\":18446744073709551615,"
	       "\"i\":-9223372036854775808,\"yes\":true,\"no\":false,\"money\":\"518.01\",\"d\":0.1,\"nan\":null,"
	       "\"inf\":null,"
	       "\"list\":[[],{},[1,2],\"bad \xef\xbf\xbd\xef\xbf\xbd end\",null],\"after\":-1}");
	if (py_run(script, sb_str(&b), &out))
		T_EQ_S(out.p, "{\"text\\n\\\"\":\"a\\\"b\\\\c/"
			      "\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u00e9\",\"none\":null,\"word\":\"x\","
			      "\"u\":18446744073709551615,\"i\":-9223372036854775808,\"yes\":true,\"no\":false,"
			      "\"money\":\"518.01\",\"d\":0.1,"
			      "\"nan\":null,\"inf\":null,\"list\":[[],{},[1,2],\"bad \\ufffd\\ufffd "
			      "end\",null],\"after\":-1}");
	sb_clear(&b);
	jw_init(&w, &b); /* JSON lines: values at the top are not separated */
	jw_u64(&w, 1);
	sb_addc(&b, '\n');
	jw_u64(&w, 2);
	T_EQ_S(b.p, "1\n2");
	sb_fini(&b);
	sb_fini(&out);
}

TEST(doubles_are_short_and_read_back_the_same)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {{0, "0"},
		     {1, "1"},
		     {-2.5, "-2.5"},
		     {0.1, "0.1"},
		     {1e21, "1e+21"},
		     {5e-324, "5e-324"},
		     {1.0 / 3, "0.3333333333333333"},
		     {2.0 / 3, "0.6666666666666666"},
		     {1.7976931348623157e308, "1.7976931348623157e+308"},
		     {123456789, "123456789"},
		     {4.35, "4.35"}};
	struct rng r;
	struct sb b;
	struct json_out w;
	sb_init(&b, 100);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sb_clear(&b);
		jw_init(&w, &b);
		jw_double(&w, cases[i].v);
		T_EQ_S(b.p, cases[i].text);
	}
	rng_seed(&r, 7);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t bits = rng_u64(&r);
		double v;
		memcpy(&v, &bits, sizeof v);
		if (__builtin_isnan(v) || __builtin_isinf(v))
			continue;
		sb_clear(&b);
		jw_init(&w, &b);
		jw_double(&w, v);
		T_TRUE(strtod(b.p, NULL) == v && json_check(sb_str(&b), NULL) == 0);
	}
	sb_fini(&b);
}

T_MAIN
