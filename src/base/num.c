/* SPDX-License-Identifier: Apache-2.0
 *
 * See num.h. Every form is first brought to plain decimal text ("-50000", "1.5e6"): commas checked and dropped, the
 * suffix turned into an exponent. That text is then read exactly (money, whole numbers, durations, bytes) or by
 * strtod (plain quantities). So there is one grammar, and money never meets a double.
 */
#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 60, TEXT = 96 };
#define SECOND_US INT64_C(1000000)

struct decimal {
	char text[TEXT]; /* what decimal_scaled and strtod read */
	bool percent;
};

static const struct {
	const char *name;
	int exponent;
} suffixes[] = {
	{"k", 3},  {"K", 3},  {"thousand", 3},	{"M", 6},  {"mn", 6}, {"million", 6}, {"B", 9},
	{"bn", 9}, {"G", 9},  {"billion", 9},	{"T", 12}, {"tn", 12}, {"trillion", 12},
};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct str shown(struct str s)
{
	return str_sub(s, 0, SHOWN);
}

static int not_a_number(struct str s, struct err *e)
{
	err_set(e, RR_INPUT, "'%.*s' is not a number", STR_ARG(shown(s)));
	return err_hint(e, "write it as 50000, 50,000, 50k, 1.5M, 1e9 or 30%%");
}

/* "1,23" and the like: two ways to read it, so neither is taken. */
static int two_readings(struct str s, const char *first, const char *second, struct err *e)
{
	err_set(e, RR_INPUT, "'%.*s' can be read as %s or as %s", STR_ARG(shown(s)), first, second);
	return err_hint(e, "write %s or %s: the point is for decimals, commas stand between groups of three digits",
			first, second);
}

/* A body like "1.234,56" or "12,5": as if its commas were decimal points, and as if its separators were noise. */
static int refuse_commas(struct str s, struct str body, struct err *e)
{
	char point[TEXT] = "", whole[TEXT] = "";
	size_t p = 0, w = 0, last = SIZE_MAX;
	for (size_t i = 0; i < body.n; i++)
		if (body.p[i] == ',' || body.p[i] == '.')
			last = i;
	for (size_t i = 0; i < body.n && i < SHOWN; i++) {
		if (digit(body.p[i]))
			point[p++] = whole[w++] = body.p[i];
		else if (i == last)
			point[p++] = '.';
	}
	return two_readings(s, point, whole, e);
}

/* Commas must part groups of three, the first group being 1 to 3 digits that do not begin with 0. */
static bool groups_fit(struct str body)
{
	size_t first = str_chr(body, ','), end = str_chr(body, '.');
	if (end == SIZE_MAX)
		end = body.n;
	if (first == SIZE_MAX)
		return true;
	if (first == 0 || first > 3 || first > end || body.p[0] == '0')
		return false;
	for (size_t i = first; i < body.n; i++) {
		bool comma = i < end && (i - first) % 4 == 0;
		if ((body.p[i] == ',') != comma)
			return false;
	}
	return (end - first) % 4 == 0;
}

/* Digits, commas, points at the front of s, checked; the rest stays in *rest. */
static int scan_body(struct str whole, struct str *rest, struct decimal *d, size_t *at, struct err *e)
{
	size_t n = 0, points = 0, digits = 0;
	struct str body;
	while (n < rest->n && (digit(rest->p[n]) || rest->p[n] == ',' || rest->p[n] == '.')) {
		points += rest->p[n] == '.';
		digits += digit(rest->p[n]);
		n++;
	}
	body = str_sub(*rest, 0, n);
	*rest = str_sub(*rest, n, rest->n);
	if (!digits || n > SHOWN)
		return not_a_number(whole, e);
	if (points > 1 || !groups_fit(body))
		return str_chr(body, ',') == SIZE_MAX && points > 1 && digits <= 3 ? not_a_number(whole, e)
									    : refuse_commas(whole, body, e);
	for (size_t i = 0; i < n; i++)
		if (body.p[i] != ',')
			d->text[(*at)++] = body.p[i];
	return 0;
}

/* "e9", "E-3" at the front; 0 exponent when there is none. */
static bool scan_exponent(struct str *rest, int *exponent)
{
	size_t n = 1;
	bool negative = false;
	*exponent = 0;
	if (!rest->n || (rest->p[0] != 'e' && rest->p[0] != 'E'))
		return true;
	if (n < rest->n && (rest->p[n] == '-' || rest->p[n] == '+'))
		negative = rest->p[n++] == '-';
	if (n == rest->n || !digit(rest->p[n]))
		return false;
	while (n < rest->n && digit(rest->p[n])) {
		if (*exponent < 10000)
			*exponent = *exponent * 10 + (rest->p[n] - '0');
		n++;
	}
	if (negative)
		*exponent = -*exponent;
	*rest = str_sub(*rest, n, rest->n);
	return true;
}

static int unclear_suffix(struct str s, struct str suffix, struct err *e)
{
	if (str_eqc(suffix, "m") || str_eqc(suffix, "b") || str_eqc(suffix, "g") || str_eqc(suffix, "t")) {
		err_set(e, RR_INPUT, "'%.*s' can be read as %s", STR_ARG(shown(s)),
			suffix.p[0] == 'm'   ? "millions (M) or as minutes or thousandths (m)"
			: suffix.p[0] == 'b' ? "billions (B) or as bytes or bits (b)"
			: suffix.p[0] == 'g' ? "billions (G) or as grams (g)"
					     : "trillions (T) or as tonnes (t)");
		return err_hint(e, "write the suffix as k, M, B or T");
	}
	if (suffix.n && (suffix.p[0] == '_' || suffix.p[0] == '\'' || digit(suffix.p[0]))) {
		err_set(e, RR_INPUT, "'%.*s': digits are grouped by commas only", STR_ARG(shown(s)));
		return err_hint(e, "write 1000 or 1,000");
	}
	err_set(e, RR_INPUT, "'%.*s': '%.*s' is no known suffix of a number", STR_ARG(shown(s)),
		STR_ARG(shown(suffix)));
	return err_hint(e, "suffixes are k, M, B (or bn, G), T and %%");
}

/* Suffix and percent sign behind the digits. */
static int scan_suffix(struct str whole, struct str rest, bool has_exponent, int *exponent, bool *percent,
		       struct err *e)
{
	rest = str_trim(rest);
	if (!rest.n)
		return 0;
	if (str_eqc(rest, "%")) {
		*percent = true;
		*exponent -= 2;
		return 0;
	}
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if (str_eqc(rest, suffixes[i].name)) {
			if (has_exponent) {
				err_set(e, RR_INPUT, "'%.*s' has an exponent and a suffix", STR_ARG(shown(whole)));
				return err_hint(e, "write either 1e9 or 1B");
			}
			*exponent += suffixes[i].exponent;
			return 0;
		}
	return unclear_suffix(whole, rest, e);
}

static int scan(struct str s, struct decimal *d, struct err *e)
{
	struct str whole = s = str_trim(s), rest;
	size_t at = 0;
	int exponent, rc;
	bool has_exponent;
	memset(d, 0, sizeof *d);
	if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
		if (s.p[0] == '-')
			d->text[at++] = '-';
		s = str_sub(s, 1, s.n);
	}
	rest = s;
	rc = scan_body(whole, &rest, d, &at, e);
	if (rc)
		return rc;
	has_exponent = rest.n && (rest.p[0] == 'e' || rest.p[0] == 'E');
	if (!scan_exponent(&rest, &exponent))
		return not_a_number(whole, e);
	rc = scan_suffix(whole, rest, has_exponent, &exponent, &d->percent, e);
	if (rc)
		return rc;
	if (exponent)
		snprintf(d->text + at, sizeof d->text - at, "e%d", exponent);
	return 0;
}

int num_parse(struct str s, double *out, struct err *e)
{
	struct decimal d;
	double v;
	int rc = scan(s, &d, e);
	if (rc)
		return rc;
	v = strtod(d.text, NULL);
	if (!isfinite(v))
		return err_set(e, RR_RANGE, "'%.*s' is too large", STR_ARG(shown(s)));
	*out = v;
	return 0;
}

int num_parse_u64(struct str s, uint64_t *out, struct err *e)
{
	struct decimal d;
	money_wide v;
	bool exact;
	int rc = scan(s, &d, e);
	if (rc)
		return rc;
	rc = decimal_scaled(str_of(d.text), 0, &v, &exact);
	if (!rc && (!exact || d.percent)) {
		err_set(e, RR_INPUT, "'%.*s' is not a whole number", STR_ARG(shown(s)));
		return err_hint(e, "write it as 50000, 50,000, 50k or 1e9");
	}
	if (rc || v < 0 || v > (money_wide)UINT64_MAX)
		return err_set(e, RR_RANGE, "'%.*s' is not between 0 and 18,446,744,073,709,551,615",
			       STR_ARG(shown(s)));
	*out = (uint64_t)v;
	return 0;
}

/* A currency sign at the front or the end. Signs of several currencies are refused by name. */
static const struct {
	const char *sign;
	const char *code;  /* NULL: more than one */
	const char *other;
} signs[] = {
	{"US$", "USD", NULL}, {"$", "USD", NULL}, {"\xC2\xA3", "GBP", NULL}, {"\xE2\x82\xAC", "EUR", NULL},
	{"\xC2\xA5", NULL, "JPY or CNY"}, {"\xE2\x82\xB9", "INR", NULL}, {"kr", NULL, "SEK, NOK or DKK"},
};

static int take_sign(struct str *s, struct currency *cur, bool *found, struct err *e)
{
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		struct str sign = str_of(signs[i].sign), whole = *s;
		bool front = str_starts(*s, sign) && s->n > sign.n, back = str_ends(*s, sign) && s->n > sign.n;
		if (front && letter(sign.p[0]) && letter(s->p[sign.n]))
			continue;
		if (back && letter(sign.p[0]) && letter(s->p[s->n - sign.n - 1]))
			continue;
		if (!front && !back)
			continue;
		if (!signs[i].code) {
			err_set(e, RR_INPUT, "'%.*s': the sign can be read as %s", STR_ARG(shown(whole)),
				signs[i].other);
			return err_hint(e, "write the code, as in JPY 500");
		}
		*s = str_trim(front ? str_sub(*s, sign.n, s->n) : str_sub(*s, 0, s->n - sign.n));
		*found = true;
		return currency_parse(str_of(signs[i].code), cur);
	}
	return 0;
}

static bool is_suffix(struct str word)
{
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if (str_eqc(word, suffixes[i].name))
			return true;
	return false;
}

/* A code before or behind the number: three letters, or 3 to 7 where a blank stands between. */
static void take_code(struct str *s, struct currency *cur, bool *found)
{
	size_t n = 0, m = s->n;
	while (n < s->n && letter(s->p[n]))
		n++;
	while (m > 0 && letter(s->p[m - 1]))
		m--;
	if (n >= 3 && n < s->n && (n == 3 || s->p[n] == ' ') && currency_parse(str_sub(*s, 0, n), cur) == 0) {
		*s = str_trim(str_sub(*s, n, s->n));
		*found = true;
	} else if (m > 0 && s->n - m >= 3 && (s->n - m == 3 || s->p[m - 1] == ' ') &&
		   !is_suffix(str_sub(*s, m, s->n)) && currency_parse(str_sub(*s, m, s->n), cur) == 0) {
		*s = str_trim(str_sub(*s, 0, m));
		*found = true;
	}
}

int num_parse_money(struct str s, int64_t *pico, struct currency *cur, struct err *e)
{
	struct str whole = s = str_trim(s);
	struct currency by_sign = {""}, by_code = {""};
	struct decimal d = {0};
	bool signed_ = false, coded = false, negative = false, exact;
	money_wide v;
	int rc;
	if (s.n > 1 && s.p[0] == '-' && !digit(s.p[1]) && s.p[1] != '.' && s.p[1] != '-') { /* "-$5", "-GBP 5" */
		negative = true;
		s = str_trim(str_sub(s, 1, s.n));
	}
	take_code(&s, &by_code, &coded);
	rc = take_sign(&s, &by_sign, &signed_, e);
	if (rc)
		return rc;
	if (!coded)
		take_code(&s, &by_code, &coded);
	if (signed_ && coded && !currency_eq(by_sign, by_code) && by_sign.code[0] != 'U') /* "$5 CAD" is fine */
		return err_set(e, RR_INPUT, "'%.*s' names two currencies, %s and %s", STR_ARG(shown(whole)),
			       by_sign.code, by_code.code);
	if (!s.n || letter(s.p[0]))
		rc = not_a_number(whole, e);
	else
		rc = scan(s, &d, e);
	if (rc) {
		if (e && e->code == RR_INPUT && e->hint[0] && strstr(e->what, "is not a number"))
			err_hint(e, "write an amount as 500, GBP 500, 500 GBP, $8,000 or EUR 1.5k");
		return rc;
	}
	if (d.percent || (negative && d.text[0] == '-'))
		return err_set(e, RR_INPUT, "'%.*s' is not an amount of money", STR_ARG(shown(whole)));
	rc = decimal_scaled(str_of(d.text), 12, &v, &exact);
	if (!rc && !exact)
		return err_set(e, RR_INPUT, "'%.*s' has more than 12 decimals", STR_ARG(shown(whole)));
	if (rc || v > INT64_MAX || v < -(money_wide)INT64_MAX)
		return err_set(e, RR_RANGE, "'%.*s' is too large: one amount is at most 9,223,372 units",
			       STR_ARG(shown(whole)));
	*pico = (int64_t)(negative ? -v : v);
	if (coded || signed_)
		*cur = coded ? by_code : by_sign;
	return 0;
}

/* value (decimal text) times unit, in whole units of one; half to even below. */
static int scaled(const char *text, int64_t unit, money_wide *out, bool *whole)
{
	money_wide v, product;
	bool exact;
	int rc = decimal_scaled(str_of(text), 12, &v, &exact);
	if (!rc)
		rc = money_mul(v, unit, &product);
	if (rc)
		return rc;
	*whole = exact && product % PICO_PER_UNIT == 0;
	*out = money_round(product, PICO_PER_UNIT);
	return 0;
}

static bool find_unit(struct str word, const char *const names[], const int64_t sizes[], size_t count, int64_t *size)
{
	for (size_t i = 0; i < count; i++)
		if (str_eqc(word, names[i])) {
			*size = sizes[i];
			return true;
		}
	return false;
}

/* Digits with at most one point at the front of *s, as text; the unit's letters behind them. */
static bool take_amount(struct str *s, struct decimal *d, struct str *unit)
{
	size_t n = 0, at = 0, points = 0, digits = 0;
	memset(d, 0, sizeof *d);
	while (n < s->n && (digit(s->p[n]) || s->p[n] == '.') && at < SHOWN) {
		points += s->p[n] == '.';
		digits += digit(s->p[n]);
		d->text[at++] = s->p[n++];
	}
	while (n < s->n && s->p[n] == ' ')
		n++;
	for (at = n; at < s->n && !digit(s->p[at]) && s->p[at] != '.' && s->p[at] != ' ';)
		at++;
	*unit = str_sub(*s, n, at);
	*s = str_trim(str_sub(*s, at, s->n));
	return digits && points <= 1;
}

int num_parse_duration(struct str s, int64_t *us, struct err *e)
{
	static const char *const names[] = {"us", "\xC2\xB5s", "ms", "s", "sec", "m", "min", "h", "d", "w"};
	static const int64_t sizes[] = {1, 1, 1000, SECOND_US, SECOND_US, 60 * SECOND_US, 60 * SECOND_US,
					3600 * SECOND_US, 86400 * SECOND_US, 7 * 86400 * SECOND_US};
	struct str whole = str_trim(s), rest = whole, unit;
	struct decimal d;
	money_wide total = 0, part;
	int64_t size, last = INT64_MAX;
	bool is_whole;
	do {
		if (!take_amount(&rest, &d, &unit))
			goto bad;
		size = SECOND_US;
		if (unit.n ? !find_unit(unit, names, sizes, sizeof names / sizeof *names, &size)
			   : rest.n || last != INT64_MAX)
			goto bad;
		if (size >= last || scaled(d.text, size, &part, &is_whole)) /* "30m1h": not in order */
			goto bad;
		last = size;
		total += part;
		if (total > INT64_MAX / 2)
			return err_set(e, RR_RANGE, "'%.*s' is too long a time", STR_ARG(shown(whole)));
	} while (rest.n);
	*us = (int64_t)total;
	return 0;
bad:
	err_set(e, RR_INPUT, "'%.*s' is not a length of time", STR_ARG(shown(whole)));
	return err_hint(e, "write it as 250ms, 90s, 15m, 1h30m or 7d (m is minutes); a bare number is seconds");
}

int num_parse_bytes(struct str s, uint64_t *bytes, struct err *e)
{
	static const char *const names[] = {"B",  "k",	"K",  "KiB", "m",   "M",   "MiB", "g",	"G",
					    "GiB", "t", "T",  "TiB", "kB",  "KB",  "MB",  "GB", "TB"};
	static const int64_t sizes[] = {1, 1 << 10, 1 << 10, 1 << 10, 1 << 20, 1 << 20, 1 << 20, 1 << 30, 1 << 30,
					1 << 30, INT64_C(1) << 40, INT64_C(1) << 40, INT64_C(1) << 40, 1000, 1000,
					1000000, 1000000000,
					INT64_C(1000000000000)};
	struct str whole = str_trim(s), rest = whole, unit;
	struct decimal d;
	money_wide v;
	int64_t size = 1;
	bool is_whole;
	if (!take_amount(&rest, &d, &unit) || rest.n ||
	    (unit.n && !find_unit(unit, names, sizes, sizeof names / sizeof *names, &size)) ||
	    scaled(d.text, size, &v, &is_whole) || !is_whole) {
		err_set(e, RR_INPUT, "'%.*s' is not a size in bytes", STR_ARG(shown(whole)));
		return err_hint(e, "write it as 65536, 64k, 64 KiB, 4 MiB or 1GB (k, M, G are powers of 1024; kB, MB, GB of 1000)");
	}
	if (v > INT64_MAX)
		return err_set(e, RR_RANGE, "'%.*s' is too large a size", STR_ARG(shown(whole)));
	*bytes = (uint64_t)v;
	return 0;
}

char *num_group(uint64_t v, char out[32])
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v), at = 0;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = 0;
	return out;
}

/* At most four significant digits, without zeros at the end. */
static int four_digits(double v, char out[32])
{
	double size = fabs(v);
	int decimals = size >= 999.95 ? 0 : size >= 99.995 ? 1 : size >= 9.9995 ? 2 : 3;
	int n = size >= 1e4 || (size > 0 && size < 1) ? snprintf(out, 32, "%.4g", v)
						      : snprintf(out, 32, "%.*f", decimals, v);
	if (!strchr(out, '.') || strchr(out, 'e'))
		return n;
	while (out[n - 1] == '0')
		n--;
	if (out[n - 1] == '.')
		n--;
	out[n] = 0;
	return n;
}

char *num_short(double v, char out[32])
{
	static const struct {
		double size;
		const char *suffix;
	} steps[] = {{1e12, " T"}, {1e9, " B"}, {1e6, " M"}, {1e3, " k"}, {1, ""}};
	enum { LAST = sizeof steps / sizeof *steps - 1 };
	size_t i = 0;
	int n;
	while (i < LAST && fabs(v) < steps[i].size * 0.99995) /* 999,950 is 1.000 M in four digits */
		i++;
	n = four_digits(v / steps[i].size, out);
	snprintf(out + n, 32 - (size_t)n, "%s", steps[i].suffix);
	return out;
}
