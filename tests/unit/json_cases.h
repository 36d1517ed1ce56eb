/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts and verdicts after the families of JSONTestSuite (Nicolas Seriot, "Parsing JSON is a minefield", 2016-):
 * 'y' must be accepted, 'n' must be refused, and for what RFC 8259 leaves open our choice: 'A' accepted, 'R' refused.
 *
 * Our choices in a sentence each: a number is text, so it is accepted however large or small it is; a surrogate that
 * stands alone as an escape is accepted and read as U+FFFD; bytes that are no UTF-8, UTF-16 and a byte order mark are
 * refused; nesting deeper than 128 is refused.
 */
#ifndef RR_TEST_JSON_CASES_H
#define RR_TEST_JSON_CASES_H

#include "base/str.h"

struct json_case {
	char verdict;
	struct str text;
};

#define Y(s) {'y', {s, sizeof(s) - 1}},
#define N(s) {'n', {s, sizeof(s) - 1}},
#define A(s) {'A', {s, sizeof(s) - 1}},
#define R(s) {'R', {s, sizeof(s) - 1}},

/* clang-format off: a table is read across */
static const struct json_case json_cases[] = {
	/* arrays */
	Y("[[]   ]") Y("[\"\"]") Y("[]") Y("[\"a\"]") Y("[false]") Y("[null, 1, \"1\", {}]") Y("[null]") Y("[1\n]")
	Y(" [1]") Y("[1,null,null,null,2]") Y("[2] ") Y("[[],[[]],[[],[[]]]]")
	Y("\t\n\r [ \t\n\r 1 \t\n\r , \t\n\r 2 \t\n\r ] \t\n\r ") N("[1 true]") N("[a\xe5]") N("[\"\": 1]")
	N("[\"\"],") N("[,1]") N("[1,,2]") N("[\"x\",,]") N("[\"x\"]]") N("[\"\",]") N("[\"x\"") N("[x") N("[3[4]]")
	N("[\xff]") N("[1:2]") N("[,]") N("[-]") N("[   , \"\"]") N("[\"a\",\n4\n,1,") N("[1,]") N("[1,,]")
	N("[\"\va\"\\f]") N("[*]") N("[\"\"") N("[1,") N("[1,\n1\n,1") N("[{}") N("[1;2]") N("[") N("[[") N("[]]")
	/* words */
	Y("[true]") Y("true") Y("false") Y("null") N("[fals]") N("[nul]") N("[tru]") N("[True]") N("[TRUE]")
	N("[nulll]") N("[truefalse]") N("nul") N("t") N("undefined") N("[falsee]")
	/* numbers */
	Y("[123e65]") Y("[0e+1]") Y("[0e1]") Y("[ 4]") Y("[20e1]") Y("[-0]") Y("[-123]") Y("[-1]") Y("[1E22]")
	Y("[1E-2]") Y("[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]\n")
	Y("[1E+2]") Y("[123e45]") Y("[123.456e78]") Y("[1e-2]") Y("[1e+2]") Y("[123]") Y("[123.456789]") Y("42")
	Y("-0.1") Y("0") Y("-0") Y("0.0e-00") A("[123.456e-789]") A("[-1e+9999]") A("[1.5e+9999]")
	A("[-123123e100000]") A("[123123e100000]") A("[123e-10000000]")
	A("[0.4e00669999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999969999999006]")
	A("[-123123123123123123123123123123]") A("[100000000000000000000]")
	A("[-237462374673276894279832749832423479823246327846]") N("[++1234]") N("[+1]") N("[+Inf]") N("[-01]")
	N("[-1.0.]") N("[-2.]") N("[-NaN]") N("[.-1]") N("[.2e-3]") N("[0.1.2]") N("[0.3e+]") N("[0.3e]") N("[0.e1]")
	N("[0E+]") N("[0E]") N("[0e+]") N("[0e]") N("[1.0e+]") N("[1.0e-]") N("[1.0e]") N("[1 000.0]") N("[1eE2]")
	N("[2.e+3]") N("[2.e-3]") N("[2.e3]") N("[9.e+]") N("[Inf]") N("[NaN]") N("[\xef\xbc\x91]") N("[1+2]")
	N("[0x1]") N("[0x42]") N("[Infinity]") N("[0e+-1]") N("[-123.123foo]") N("[123\xe5]") N("[1e1\xe5]")
	N("[0\xe5]\n") N("[-Infinity]") N("[-foo]") N("[- 1]") N("[-012]") N("[-.123]") N("[-1x]") N("[1ea]")
	N("[1e\xe5]") N("[1.]") N("[.123]") N("[1.2a-3]") N("[1.8011670033376514H-308]") N("[012]") N("123\0") N("-")
	N("1.") N("1e") N("00") N("[1_000]") N("1 2") N("[0b1]") N("[1,000]x") N("[1f]") N("[--1]") N("[1e1.5]")
	N("[1..2]") N("01")
	/* objects */
	Y("{\"asd\":\"sdf\", \"dfg\":\"fgh\"}") Y("{\"asd\":\"sdf\"}") Y("{\"a\":\"b\",\"a\":\"c\"}")
	Y("{\"a\":\"b\",\"a\":\"b\"}") Y("{}") Y("{\"\":0}") Y("{\"foo\\u0000bar\": 42}")
	Y("{ \"min\": -1.0e+28, \"max\": 1.0e+28 }") Y("{\"a\":[]}") Y("{\n\"a\": \"b\"\n}")
	Y("{\"x\":[{\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}], \"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}")
	Y("{\"title\":\"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430 \\u0417\\u0435\\u043c\\u043b\\u0435\\u043a\\u043e\\u043f\\u0430\" }")
	N("[\"x\", truth]") N("{[: \"x\"}\n") N("{\"x\", null}") N("{\"x\"::\"b\"}")
	N("{\xf0\x9f\x87\xa8\xf0\x9f\x87\xad}") N("{\"a\":\"a\" 123}") N("{key: 'value'}") N("{\"\xb9\":\"0\",}")
	N("{\"a\" b}") N("{:\"b\"}") N("{\"a\" \"b\"}") N("{\"a\":") N("{\"a\"") N("{1:1}") N("{9999E9999:1}")
	N("{null:null,null:null}") N("{\"id\":0,,,,,}") N("{'a':0}") N("{\"id\":0,}") N("{\"a\":\"b\"}/**/")
	N("{\"a\":\"b\"}/**//") N("{\"a\":\"b\"}//") N("{\"a\":\"b\"}/") N("{\"a\":\"b\",,\"c\":\"d\"}")
	N("{a: \"b\"}") N("{\"a\":\"a") N("{ \"foo\" : \"bar\", \"a\" }") N("{\"a\":\"b\"}#") N("{\"a\":1 \"b\":2}")
	N("{,\"a\":1}") N("{\"a\":}") N("{\"a\":,\"b\":1}") N("{{}}") N("{\"a\":1]") N("[1}") N("{\"a\":[}") N("{}:1")
	/* strings */
	Y("[\"\\u0060\\u012a\\u12AB\"]") Y("[\"\\uD801\\udc37\"]") Y("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]")
	Y("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]") Y("[\"\\\\u0000\"]") Y("[\"\\\"\"]") Y("[\"a/*b*/c/*d//e\"]")
	Y("[\"\\\\a\"]") Y("[\"\\\\n\"]") Y("[\"\\u0012\"]") Y("[\"\\uFFFF\"]") Y("[\"asd\"]") Y("[ \"asd\"]")
	Y("[\"\\uDBFF\\uDFFF\"]") Y("[\"new\\u00A0line\"]") Y("[\"\xf4\x8f\xbf\xbf\"]") Y("[\"\xef\xbf\xbf\"]")
	Y("[\"\\u0000\"]") Y("[\"\\u002c\"]") Y("[\"\xcf\x80\"]") Y("[\"\xf0\x9b\xbf\xbf\"]") Y("[\"asd \"]")
	Y("\" \"") Y("[\"\\uD834\\uDd1e\"]") Y("[\"\\u0821\"]") Y("[\"\\u0123\"]") Y("[\"\xe2\x80\xa8\"]")
	Y("[\"\xe2\x80\xa9\"]") Y("[\"\\u0061\\u30af\\u30EA\\u30b9\"]") Y("[\"new\\u000Aline\"]") Y("[\"\x7f\"]")
	Y("[\"\\uA66D\"]") Y("[\"\\u005C\"]") Y("[\"\xe2\x8d\x82\xe3\x88\xb4\xe2\x8d\x82\"]") Y("[\"\\uDBFF\\uDFFE\"]")
	Y("[\"\\uD83F\\uDFFE\"]") Y("[\"\\u200B\"]") Y("[\"\\u2064\"]") Y("[\"\\uFDD0\"]") Y("[\"\\uFFFE\"]")
	Y("[\"\\u0022\"]") Y("[\"\xe2\x82\xac\xf0\x9d\x84\x9e\"]") Y("[\"a\x7f" "a\"]") Y("\"asd\"") Y("\"\"")
	Y("[\"a\"]\n") Y(" [] ") A("{\"\\uDFAA\":0}") A("[\"\\uDADA\"]") A("[\"\\uD888\\u1234\"]")
	A("[\"\\uD800\\n\"]") A("[\"\\uDd1ea\"]") A("[\"\\uD800\\uD800\\n\"]") A("[\"\\ud800\"]") A("[\"\\ud800abc\"]")
	A("[\"\\uDd1e\\uD834\"]") A("[\"\\uDFAA\"]") R("[\"\xe6\x97\xa5\xd1\x88\xfa\"]") R("[\"\xed\xa0\x80\"]")
	R("[\"\xff\"]") R("[\"\xe9\"]") R("[\"\x81\"]") R("[\"\xf4\xbf\xbf\xbf\"]") R("[\"\xc0\xaf\"]")
	R("[\"\xfc\x83\xbf\xbf\xbf\xbf\"]") R("[\"\xfc\x80\x80\x80\x80\x80\"]") R("[\"\xe0\xff\"]")
	R("\xff\xfe[\0\"\0\xe9\0\"\0]\0") R("\0[\0\"\0\xe9\0\"\0]") R("[\0\"\0\xe9\0\"\0]\0") R("\xef\xbb\xbf{}")
	R("[\"\xf5\x80\x80\x80\"]") R("[\"\xe0\x9f\xbf\"]") R("[\"\xf0\x8f\xbf\xbf\"]") N("[\"\\uD800\\\"]")
	N("[\"\\uD800\\u\"]") N("[\"\\uD800\\u1\"]") N("[\"\\uD800\\u1x\"]") N("[\xc3\xa9]") N("[\"\\\0\"]")
	N("[\"\\x00\"]") N("[\"\\\\\\\"]") N("[\"\\\t\"]") N("[\"\\\xf0\x9f\x8c\x80\"]") N("[\"\\\"]")
	N("[\"\\u00A\"]") N("[\"\\uD834\\uDd\"]") N("[\"\\uD800\\uD800\\x\"]") N("[\"\\u\xe5\"]") N("[\"\\a\"]")
	N("[\"\\uqqqq\"]") N("[\"\\\xe5\"]") N("[\\u0020\"asd\"]") N("[\\n]") N("\"") N("['single quote']") N("abc")
	N("[\"\\") N("[\"a\0a\"]") N("[\"new\nline\"]") N("[\"\t\"]") N("\"\\UA66D\"") N("\"\"x") N("[\"\\u12\"]")
	N("[\"\\u 123\"]") N("[\"\\u+123\"]") N("[\"\\'\"]") N("[\"\\0\"]") N("[\"\x1f\"]") N("\"abc")
	N("[\"\\u00g0\"]") N("[\"\\u0x12\"]") N("[\"\\v\"]")
	/* structure */
	N("[\xe2\x81\xa0]") N("\xef\xbb\xbf") N("<.>") N("[<null>]") N("[1]x") N("[1]]") N("[\"asd]") N("a\xc3\xa5")
	N("1]") N("{\"x\": true,") N("[][]") N("]") N("\xef\xbb{}") N("\xe5") N("") N("[\0]") N("2@") N("{}}")
	N("{\"\":") N("{\"a\":/*comment*/\"b\"}") N("{\"a\": true} \"x\"") N("['") N("[,") N("[{") N("[\"a")
	N("[\"a\"") N("{") N("{]") N("{,") N("{[") N("{\"a") N("{'a'") N("[\"\\{[\"\\{[\"\\{[\"\\{") N("\xe9") N("*")
	N("{\"a\":\"b\"}#{}") N("[\\u000A\"\"]") N("[1") N("[ false, nul") N("[ true, fals") N("[ false, tru")
	N("{\"asd\":\"asd\"") N("\xc3\xa5") N("\xe2\x81\xa0") N("[\f]") N(" ") N("[\xc2\xa0]") N("[\v]") N("// c\n[]")
	N("[] // c") N("/**/[]") N("[\xe2\x80\xa8]") N("}") N(",") N(":") N("\0") N("[]\0") N("[1]\xef\xbb\xbf")
};
/* clang-format on */

#undef Y
#undef N
#undef A
#undef R

#endif
