/* SPDX-License-Identifier: Apache-2.0
 *
 * Values as exports write them. What can be read in two ways is refused: "1,23" is a decimal comma to one reader and
 * a thousands comma to the next, and a bill must not depend on which.
 */
#include "import/import_i.h"

struct str read_null(struct str text)
{
	struct str t = str_trim(text);
	return str_ieq(t, STR("null")) || str_eqc(t, "\\N") ? STR("") : t;
}

const char *read_money(struct str text, int64_t *pico, bool *exact)
{
	struct str t = str_trim(text);
	int rc;
	if (!t.n)
		return "is empty";
	rc = money_parse(t, pico, exact);
	if (rc == -RR_RANGE)
		return "is out of range (at most 9.2 million a row)";
	if (rc && str_chr(t, ',') != SIZE_MAX)
		return "has a comma: a decimal comma or thousands, which cannot be told apart; export it with a decimal point";
	return rc ? "is no number" : NULL;
}

bool read_grouped(struct str s, char mark, char *out, size_t size, unsigned *decimals)
{
	size_t n = 0, group = 0;
	bool grouped = false, behind = false;
	*decimals = 0;
	for (size_t i = 0; i < s.n; i++) {
		bool wide = i + 1 < s.n && (unsigned char)s.p[i] == 0xC2 && (unsigned char)s.p[i + 1] == 0xA0;
		char c = wide ? ' ' : s.p[i];
		if (n + 2 >= size)
			return false;
		if ((c >= '0' && c <= '9')) {
			out[n++] = c;
			*decimals += behind;
			group += !behind;
		} else if (c == mark && !behind && i) {
			if (grouped && group != 3)
				return false;
			out[n++] = '.';
			behind = true;
		} else if ((c == '.' || c == ',' || c == '\'' || wide) && c != mark && !behind && i && group <= 3 &&
			   (!grouped || group == 3)) {
			grouped = true;
			group = 0;
		} else {
			return false;
		}
		i += wide;
	}
	if (!behind && grouped && group != 3)
		return false;
	out[n] = 0;
	return n && (!behind || *decimals);
}

struct str read_plain(struct import_ctx *x, struct str s, char mark)
{
	static const char *const signs[] = {"$", "\xE2\x82\xAC", "\xC2\xA3"};
	char out[128] = "-";
	unsigned decimals;
	bool negative = false;
	struct str t = str_trim(s);
	if (!t.n)
		return t;
	if (str_starts(t, STR("(")) && str_ends(t, STR(")"))) {
		negative = true;
		t = str_trim(str_sub(t, 1, t.n - 1));
	} else if (str_ends(t, STR("-"))) {
		negative = true;
		t = str_trim(str_sub(t, 0, t.n - 1));
	}
	if (str_starts(t, STR("-"))) {
		negative = !negative;
		t = str_trim(str_sub(t, 1, t.n));
	}
	for (unsigned i = 0; i < sizeof signs / sizeof *signs; i++) {
		struct str sign = str_of(signs[i]);
		if (str_starts(t, sign))
			t = str_trim(str_sub(t, sign.n, t.n));
		else if (str_ends(t, sign))
			t = str_trim(str_sub(t, 0, t.n - sign.n));
	}
	if (!read_grouped(t, mark, out + 1, sizeof out - 1, &decimals))
		return mark == '.' ? str_trim(s) : STR("?"); /* 1.5e3 is a number where points are decimal */
	return arena_str(&x->arena, str_of(negative ? out : out + 1));
}

const char *read_count(struct str text, uint64_t *out)
{
	money_wide v;
	bool exact;
	struct str t = str_trim(text);
	if (!t.n)
		return "is empty";
	if (decimal_scaled(t, 0, &v, &exact))
		return str_chr(t, ',') != SIZE_MAX ? "has a comma: export it without thousands separators" : "is no number";
	if (!exact)
		return "is not a whole number";
	if (v < 0)
		return "is negative";
	if (v > INT64_MAX)
		return "is out of range";
	*out = (uint64_t)v;
	return NULL;
}

const char *read_time(struct str text, int64_t *us)
{
	struct str t = str_trim(text);
	char z[48];
	if (!t.n)
		return "is empty";
	if (t.n < sizeof z && str_ends(t, STR(" UTC"))) { /* BigQuery */
		str_copy(z, sizeof z, str_sub(t, 0, t.n - 4));
		t = str_of(z);
	}
	return time_parse(t, us) ? "is no ISO 8601 time" : NULL;
}

const char *read_unix(struct json v, int64_t *us)
{
	/* a database that holds pages may make texts of numbers */
	struct str text = v.type == JSON_STRING ? json_raw_string(v) : v.text;
	money_wide s;
	bool exact;
	if (v.type == JSON_NONE || v.type == JSON_NULL)
		return "is missing";
	if ((v.type != JSON_STRING && v.type != JSON_NUMBER) || decimal_scaled(str_trim(text), 0, &s, &exact) ||
	    !exact || s < 0 || s > INT64_C(253402300799)) /* the year 9999 */
		return "is no Unix time in seconds";
	*us = (int64_t)s * US_PER_S;
	return NULL;
}

const char *read_moment(struct import_ctx *x, struct json v, int64_t *us)
{
	static const money_wide ms_from = (money_wide)100000000000 * 1000000, most = (money_wide)253402300800 * 1000000;
	struct str text = json_text(x, v);
	money_wide t;
	uint64_t s, ns;
	if (v.type == JSON_NONE)
		return "is missing: its day is not known";
	if (v.type == JSON_ARRAY) {
		if (json_u64(json_path(v, "[0]"), &s) || json_u64(json_path(v, "[1]"), &ns) || s > 253402300799 ||
		    ns > 999999999)
			return "is no time";
		*us = (int64_t)s * US_PER_S + (int64_t)(ns / 1000);
		return NULL;
	}
	if (v.type == JSON_STRING)
		return read_time(text, us);
	if (decimal_scaled(text, 6, &t, NULL) || t < 0)
		return "is no time";
	if (t >= ms_from)
		t /= 1000;
	if (t >= most)
		return "is no time";
	*us = (int64_t)t;
	return NULL;
}

struct str json_text(struct import_ctx *x, struct json v)
{
	struct sb b;
	struct str out;
	if (v.type == JSON_NUMBER)
		return v.text;
	if (v.type != JSON_STRING)
		return STR("");
	out = json_raw_string(v);
	if (!memchr(out.p, '\\', out.n))
		return out;
	sb_init(&b, v.text.n * 3 + 16);
	json_string(v, &b);
	out = arena_str(&x->arena, sb_str(&b));
	sb_fini(&b);
	return out.p ? out : STR("");
}

uint32_t json_name(struct import_ctx *x, struct json v)
{
	struct str s = json_text(x, v);
	return s.n ? intern(s) : 0;
}

struct json csv_record(struct import_ctx *x, struct csv *c)
{
	struct json v = {JSON_NONE, {NULL, 0}};
	struct json_out w;
	struct sb b;
	struct str text;
	sb_init(&b, 8 * 1024 * 1024);
	jw_init(&w, &b);
	jw_object(&w);
	for (unsigned i = 0; i < csv_columns(c); i++) {
		struct str value = read_null(csv_field(c, (int)i));
		char name[128];
		if (value.n)
			jw_kstr(&w, str_copy(name, sizeof name, csv_header(c, i)), value);
	}
	jw_end_object(&w);
	text = arena_str(&x->arena, sb_str(&b));
	sb_fini(&b);
	if (!text.p || json_parse(text, &v, NULL))
		v.type = JSON_NONE;
	return v;
}

bool header_has(const struct csv *c, const char *const *names)
{
	for (; *names; names++)
		if (csv_column(c, *names) < 0)
			return false;
	return true;
}
