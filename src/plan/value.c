/* SPDX-License-Identifier: Apache-2.0
 *
 * See value.h. The grammar of numbers is base/num's; here stand only the currency around it and the unit after it.
 */
#include "plan/value.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"

/* Months are a year's twelfth: 365.25 / 12 days. */
static const double US_PER_MONTH = 86400e6 * 365.25 / 12;

/* Denominators that mean the same. */
static const char *const same_units[][6] = {
	{"h", "hour", "hr", "gpu-hour", "gpu-h", NULL},
	{"Mtok", "M", "Mtokens", "1M", "million", NULL},
	{"month", "mo", "m", NULL},
	{"day", "d", NULL},
	{"call", "query", "request", "calls", NULL},
	{"kWh", NULL},
	{"seat", "user", NULL},
};

static bool same_unit(struct str got, const char *want)
{
	if (str_ieq(got, str_of(want)))
		return true;
	for (size_t i = 0; i < sizeof same_units / sizeof *same_units; i++) {
		bool has_got = false, has_want = false;
		for (size_t j = 0; j < 6 && same_units[i][j]; j++) {
			has_got |= str_ieq(got, str_of(same_units[i][j]));
			has_want |= strcmp(want, same_units[i][j]) == 0;
		}
		if (has_got && has_want)
			return true;
	}
	return false;
}

static const struct {
	const char *symbol;
	const char *code;
} symbols[] = {{"$", "USD"}, {"\xc2\xa3", "GBP"}, {"\xe2\x82\xac", "EUR"}};

/* Cuts a currency before or after the number. found stays empty when there is none. */
static struct str cut_currency(struct str s, struct currency *found)
{
	memset(found, 0, sizeof *found);
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
		if (str_starts(s, str_of(symbols[i].symbol))) {
			currency_parse(str_of(symbols[i].code), found);
			return str_trim(str_sub(s, strlen(symbols[i].symbol), s.n));
		}
	size_t head = 0, tail = 0;
	while (head < s.n && isalpha((unsigned char)s.p[head]))
		head++;
	while (tail < s.n && isalpha((unsigned char)s.p[s.n - 1 - tail]))
		tail++;
	if (head >= 3 && head <= 5 && head < s.n && currency_parse(str_sub(s, 0, head), found) == 0)
		return str_trim(str_sub(s, head, s.n));
	if (tail >= 3 && tail <= 5 && tail < s.n && currency_parse(str_sub(s, s.n - tail, s.n), found) == 0)
		return str_trim(str_sub(s, 0, s.n - tail));
	return s;
}

static int read_date(struct str text, int64_t now_us, double *months, struct err *e)
{
	int64_t at;
	if (time_parse(text, &at) < 0)
		return err_set(e, RR_INPUT, "\"%.*s\" is no date like 2027-06-01 and no number of months",
			       STR_ARG(text));
	*months = (double)(at - now_us) / US_PER_MONTH;
	return *months > 0 ? 0 : err_set(e, RR_RANGE, "%.*s lies in the past", STR_ARG(text));
}

int value_read(struct str text, const char *unit, int64_t now_us, double *out, struct currency *cur, struct err *e)
{
	struct str s = str_trim(text);
	const char *slash = strchr(unit, '/');
	if (s.n == 0)
		return err_set(e, RR_INPUT, "a number is missing");
	if (strcmp(unit, "date") == 0 && str_chr(s, '-') == 4)
		return read_date(s, now_us, out, e);
	size_t at = str_chr(s, '/');
	if (at != SIZE_MAX) {
		struct str per = str_trim(str_sub(s, at + 1, s.n));
		if (!slash || !same_unit(per, slash + 1))
			return err_set(e, RR_INPUT, "unknown unit \"/%.*s\": this one is in %s", STR_ARG(per), unit);
		s = str_trim(str_sub(s, 0, at));
	}
	if (unit_is_money(unit)) {
		struct currency found;
		s = cut_currency(s, &found);
		if (found.code[0] && cur->code[0] && !currency_eq(found, *cur))
			return err_set(e, RR_INPUT, "mixed currencies: \"%.*s\" beside %s: give one currency",
				       STR_ARG(text), cur->code);
		if (found.code[0])
			*cur = found;
	} else if (s.n > 1) {
		/* "15 months", "2000 tokens": the unit's own name may follow the number */
		size_t tail = 0;
		while (tail < s.n && isalpha((unsigned char)s.p[s.n - 1 - tail]))
			tail++;
		struct str word = str_sub(s, s.n - tail, s.n);
		struct str base = slash ? str_make(unit, (size_t)(slash - unit)) : str_of(unit);
		if (str_ieq(word, str_of("gpus")) && str_eqc(base, "count"))
			s = str_trim(str_sub(s, 0, s.n - tail));
		else if (tail > 2 &&
			 (str_ieq(word, base) || (base.n > 1 && str_ieq(word, str_sub(base, 0, base.n - 1)))))
			s = str_trim(str_sub(s, 0, s.n - tail));
	}
	int rc = num_parse(s, out, e);
	if (rc < 0)
		return rc;
	return isfinite(*out) ? 0 : err_set(e, RR_RANGE, "\"%.*s\" is too large", STR_ARG(text));
}

char *value_unit(const char *unit, struct currency cur, char out[32])
{
	if (unit_is_money(unit) && cur.code[0])
		snprintf(out, 32, "%s%s", cur.code, unit + 5);
	else
		snprintf(out, 32, "%s", unit);
	return out;
}

/* Thousands commas into a plain decimal text, in place (room for it in out). */
static void group(char *text, size_t size)
{
	char copy[64];
	snprintf(copy, sizeof copy, "%s", text);
	const char *p = copy;
	size_t n = 0;
	if (*p == '-')
		text[n++] = *p++;
	size_t whole = strspn(p, "0123456789");
	for (size_t i = 0; i < whole && n + 2 < size; i++) {
		text[n++] = p[i];
		if ((whole - 1 - i) % 3 == 0 && i + 1 < whole)
			text[n++] = ',';
	}
	snprintf(text + n, size - n, "%s", p + whole);
}

/* Enough decimals for four significant digits, two at least for money. */
static unsigned decimals_for(double v, unsigned least)
{
	double a = fabs(v);
	unsigned d = least;
	if (a == 0 || !isfinite(a))
		return least;
	while (d < 9 && a * pow(10, d) < 999.5)
		d++;
	return d;
}

char *value_text(double v, const char *unit, struct currency cur, char out[64])
{
	char number[48], full[32];
	if (isnan(v)) {
		snprintf(out, 64, "-");
		return out;
	}
	if (isinf(v)) {
		snprintf(out, 64, "never");
		return out;
	}
	if (strcmp(unit, "share") == 0) {
		snprintf(out, 64, "%.*f %%", fabs(v) >= 0.9995 || v == 0 ? 0 : 1, v * 100);
		return out;
	}
	if (strcmp(unit, "bool") == 0) {
		snprintf(out, 64, "%s", v != 0 ? "yes" : "no");
		return out;
	}
	if (unit_is_money(unit)) {
		unsigned d = fabs(v) >= 10 ? 2 : decimals_for(v, 2);
		snprintf(number, sizeof number, "%.*f", (int)(d > 4 && fabs(v) >= 0.01 ? 4 : d), v);
		group(number, sizeof number);
		value_unit(unit, cur, full);
		if (cur.code[0])
			snprintf(out, 64, "%.24s %.30s", number, full);
		else
			snprintf(out, 64, "%.24s%.30s", number, unit + 5);
		return out;
	}
	if (fabs(v) >= 1e15)
		snprintf(number, sizeof number, "%.4g", v);
	else if (fabs(v) >= 1e6)
		num_short(v, number);
	else {
		unsigned d = v == floor(v) ? 0 : fabs(v) >= 100 ? 1 : decimals_for(v, 1);
		snprintf(number, sizeof number, "%.*f", (int)(d > 4 && fabs(v) >= 0.01 ? 4 : d), v);
		group(number, sizeof number);
	}
	snprintf(out, 64, "%.40s%s%.20s", number, unit[0] ? " " : "", unit);
	return out;
}
