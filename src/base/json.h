/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON over bytes in place: strict, without a tree, without a copy.
 *
 * 1. A text is checked once (json_check or json_scan): RFC 8259 to the letter, valid UTF-8, no byte
 *    order mark, depth at most JSON_DEPTH. After that its values are spans into it, and the walkers
 *    below may assume that they are well formed. Walking an unchecked text is safe (never out of
 *    bounds) but its answers mean nothing.
 * 2. A client's body is never re-serialised: an edit is a list of spans to replace (json_splice).
 *    Vendors' prompt caches key on the bytes.
 * 3. Duplicate keys: json_scan reports them (as `duplicate`), because two parsers may disagree on
 *    which one counts and one of them would pay; json_get takes the last, as most parsers do.
 * 4. Numbers stay text until asked for as an exact integer or decimal. There is no double in the way
 *    of money or tokens.
 */
#ifndef RR_BASE_JSON_H
#define RR_BASE_JSON_H

#include "base/str.h"

enum { JSON_DEPTH = 128 };

enum json_type { JSON_NONE, JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY };

/* A value: its type and the span of its text (quotes, braces included). JSON_NONE: absent. */
struct json {
	enum json_type type;
	struct str text;
};

struct json_fault {
	size_t at;         /* byte offset of the first wrong byte */
	const char *what;  /* static sentence: what was expected there */
};

/* The whole text is exactly one value (white space around it allowed). 0, -RR_SYNTAX or -RR_LIMIT
 * (depth). *fault may be NULL. */
int json_check(struct str text, struct json_fault *fault);
/* Checks, and gives the top value. */
int json_parse(struct str text, struct json *top, struct json_fault *fault);

/* Checks the whole text in one pass and collects the members of the top object that are wanted:
 * keys[i] to out[i] (JSON_NONE where absent). This is the gateway's hot path. A key is compared after
 * unescaping. *duplicate (if given) is set when a wanted key stands more than once (out has the last).
 * 0, -RR_SYNTAX, -RR_LIMIT; -RR_INPUT when the top is no object. */
int json_scan(struct str text, const struct str keys[], struct json out[], unsigned count,
	      bool *duplicate, struct json_fault *fault);
/* The same for keys that are known for good, which are looked through once and not with each text. */
struct json_wanted {
	const struct str *keys;
	unsigned count;
	_Atomic uint64_t hints; /* json_scan_for's own: 0 = not known yet */
};
int json_scan_for(struct str text, struct json_wanted *w, struct json out[], bool *duplicate, struct json_fault *fault);

/* Walking: for (json_open(&it, v); json_next(&it, &key, &value);). In an array, key stays empty.
 * `key` is the raw span between the quotes (may hold escapes: compare with json_key_eq). */
struct json_iter {
	const char *p;
	const char *end;
	bool object;
};
void json_open(struct json_iter *it, struct json v);
bool json_next(struct json_iter *it, struct str *key, struct json *value);
bool json_key_eq(struct str raw_key, struct str name);

/* The element that json_next would give, with a type but without an end: its text reaches to that of the container. For
 * looking at its first members, which are found all the same. */
struct json json_ahead(const struct json_iter *it);

/* Member of an object by name; JSON_NONE when absent or v is no object. */
struct json json_member(struct json v, struct str key);
static inline struct json json_get(struct json v, const char *key)
{
	return v.type == JSON_OBJECT ? json_member(v, str_of(key)) : (struct json){JSON_NONE, {NULL, 0}};
}
/* "usage.prompt_tokens_details.cached_tokens", "data[0].id": the same along a path. */
struct json json_path(struct json v, const char *path);
size_t json_count(struct json v); /* members or elements */

/* Exact integer: accepts 12, 12.0, 1.2e1 (some exports write counts as floats). -RR_SYNTAX when no
 * number or not whole, -RR_RANGE when it does not fit. Absent or null: -RR_NOTFOUND. */
int json_u64(struct json v, uint64_t *out);
int json_i64(struct json v, int64_t *out);
/* u64 or 0 when absent, null or wrong. For optional counts. */
uint64_t json_u64_or0(struct json v);
bool json_is_true(struct json v);
/* The raw inside of a string (between the quotes, escapes kept); empty for others. */
struct str json_raw_string(struct json v);
/* Unescaped into out (appended). -RR_SYNTAX when v is no string. Lone surrogates become U+FFFD. */
int json_string(struct json v, struct sb *out);
/* Unescaped into a fixed NUL-terminated buffer, cut at a UTF-8 boundary and at U+0000; "" for others. */
char *json_string_copy(struct json v, char *out, size_t size);
static inline bool json_string_eq(struct json v, const char *text)
{
	return v.type == JSON_STRING && json_key_eq(json_raw_string(v), str_of(text));
}

/* One edit of a body: the span text (which must lie in the body; empty = insert before text.p)
 * becomes `with`. Edits are given in ascending order and do not overlap. */
struct json_edit {
	struct str span;
	struct str with;
};
/* body with the edits applied, appended to out. Bytes outside the spans are untouched. */
void json_splice(struct str body, const struct json_edit edits[], unsigned count, struct sb *out);
/* The edit that sets member `key` of an object to the JSON text `value`: replaces an existing value (the last
 * duplicate), else inserts it as the first member. `text` is scratch that is cleared, holds what the edit writes and
 * must outlive the splice: one sb per edit. Two insertions into one empty object would lack a comma: do one, then
 * parse again. 0, -RR_INPUT (no object), -RR_NOMEM (text is full). */
int json_edit_set(struct json object, const char *key, struct str value, struct sb *text, struct json_edit *out);

/* Writer: appends to an sb; commas and colons are its business. Depth at most 63. */
struct json_out {
	struct sb *b;
	uint64_t first; /* bit per depth: nothing written yet in this container */
	unsigned depth;
	bool after_key;
};
void jw_init(struct json_out *w, struct sb *b);
void jw_object(struct json_out *w);
void jw_end_object(struct json_out *w);
void jw_array(struct json_out *w);
void jw_end_array(struct json_out *w);
void jw_key(struct json_out *w, const char *key);
void jw_str(struct json_out *w, struct str s); /* invalid UTF-8 becomes U+FFFD */
void jw_cstr(struct json_out *w, const char *s); /* NULL writes null */
void jw_u64(struct json_out *w, uint64_t v);
void jw_i64(struct json_out *w, int64_t v);
void jw_bool(struct json_out *w, bool v);
void jw_null(struct json_out *w);
void jw_raw(struct json_out *w, struct str json_text);
/* A number that is not money: shortest text that reads back the same double; NaN and inf are null. */
void jw_double(struct json_out *w, double v);
/* Money as a decimal string, contract.md: "518.01". */
void jw_money(struct json_out *w, __int128 pico);
/* key and value in one call */
void jw_kstr(struct json_out *w, const char *key, struct str s);
void jw_kcstr(struct json_out *w, const char *key, const char *s);
void jw_ku64(struct json_out *w, const char *key, uint64_t v);
void jw_ki64(struct json_out *w, const char *key, int64_t v);
void jw_kbool(struct json_out *w, const char *key, bool v);
void jw_kdouble(struct json_out *w, const char *key, double v);
void jw_kmoney(struct json_out *w, const char *key, __int128 pico);

#endif
