/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON against jansson: the verdict must be the same, but for what jansson cannot hold (numbers beyond its types, half
 * surrogate pairs, U+0000 in a key or behind the text) and for depth. Then what must hold of any accepted text: a scan
 * agrees with parse and get, an edit changes nothing else, a string reads as jansson reads it, a written string comes
 * back. The walkers are let loose on refused texts too.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "jansson_oracle.h"

static bool cannot_hold(const char *why)
{
	return strstr(why, "too big") || strstr(why, "overflow") || strstr(why, "invalid Unicode") ||
	       strstr(why, "NUL byte") || strstr(why, "maximum parsing depth");
}

static void compare(struct str text, int rc)
{
	char why[200] = "";
	bool theirs;
	if (!jansson_here() || rc == -RR_LIMIT || (text.n && memchr(text.p, 0, text.n)))
		return;
	theirs = jansson_accepts(text.p, text.n, why);
	check(rc == 0 ? theirs || cannot_hold(why) : !theirs);
}

static void compare_string(struct str text, struct json top)
{
	size_t n = 0;
	char *theirs = top.type == JSON_STRING ? jansson_string(text.p, text.n, &n) : NULL;
	struct sb ours;
	if (!theirs)
		return; /* no string, or half a surrogate pair */
	sb_init(&ours, text.n * 3 + 1);
	check(json_string(top, &ours) == 0 && ours.n == n && memcmp(ours.n ? ours.p : "", theirs, n) == 0);
	sb_fini(&ours);
	free(theirs);
}

static void scan_and_edit(struct str text, struct json top)
{
	static const char *const names[] = {"model", "a", ""};
	struct str keys[3];
	struct json out[3], again;
	bool duplicate;
	int rc;
	for (unsigned i = 0; i < 3; i++)
		keys[i] = str_of(names[i]);
	rc = json_scan(text, keys, out, 3, &duplicate, NULL);
	check(rc == (top.type == JSON_OBJECT ? 0 : -RR_INPUT));
	for (unsigned i = 0; i < 3 && rc == 0; i++) {
		struct json want = json_get(top, names[i]);
		struct json_edit edit;
		struct sb scratch, body;
		size_t before;
		check(out[i].type == want.type && out[i].text.p == want.text.p && out[i].text.n == want.text.n);
		sb_init(&scratch, 1000);
		sb_init(&body, text.n + 1000);
		check(json_edit_set(top, names[i], STR("[\"new\"]"), &scratch, &edit) == 0);
		json_splice(text, &edit, 1, &body);
		before = (size_t)(edit.span.p - text.p);
		check(body.n == text.n - edit.span.n + edit.with.n && memcmp(body.p, text.p, before) == 0);
		check(memcmp(body.p + before + edit.with.n, edit.span.p + edit.span.n, text.n - before - edit.span.n) ==
		      0);
		check(json_parse(sb_str(&body), &again, NULL) == 0 &&
		      str_eq(json_get(again, names[i]).text, STR("[\"new\"]")));
		sb_fini(&scratch);
		sb_fini(&body);
	}
}

static void walk(struct json v, struct str within, unsigned depth)
{
	struct json_iter it;
	struct json value;
	struct str key;
	struct sb b;
	uint64_t u;
	char small[5];
	check(v.text.p >= within.p && v.text.p + v.text.n <= within.p + within.n);
	sb_init(&b, within.n * 3 + 1);
	json_string(v, &b);
	json_string_copy(v, small, sizeof small);
	json_u64(v, &u);
	sb_fini(&b);
	for (json_open(&it, v); depth < 20 && json_next(&it, &key, &value);) {
		json_key_eq(key, STR("model"));
		walk(value, within, depth + 1);
	}
}

static void write_and_read(struct str text)
{
	struct sb b, back;
	struct json_out w;
	struct json top;
	sb_init(&b, text.n * 6 + 100);
	sb_init(&back, text.n * 6 + 100);
	jw_init(&w, &b);
	jw_str(&w, text);
	check(!b.full && json_parse(sb_str(&b), &top, NULL) == 0 && json_string(top, &back) == 0);
	if (str_utf8_valid(text))
		check(str_eq(sb_str(&back), text));
	sb_fini(&b);
	sb_fini(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make(size ? (const char *)data : "", size);
	static const enum json_type types[] = {JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER};
	struct json top;
	struct json_fault fault = {0, NULL};
	int rc = json_parse(text, &top, &fault);
	check(rc == 0 || (fault.what && fault.at <= size));
	check(str_utf8_valid(text) == (str_utf8_fault(text) == SIZE_MAX));
	compare(text, rc);
	if (rc == 0) {
		compare_string(text, top);
		scan_and_edit(text, top);
		walk(top, text, 0);
	} else if (size < 4096) {
		for (unsigned i = 0; i < 4; i++)
			walk((struct json){types[i], text}, text, 0);
	}
	write_and_read(text);
	return 0;
}
