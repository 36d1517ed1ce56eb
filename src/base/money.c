/* SPDX-License-Identifier: Apache-2.0
 *
 * See money.h. Everything rests on two functions: decimal_scaled() reads decimal text of any length to a
 * 128-bit count of 10^-scale, and money_round() divides. Both round half to even and are exact otherwise:
 * they look at every digit, so 0.5000...0001 with a thousand zeros rounds up.
 *
 * Magnitudes are handled as unsigned 128-bit numbers of at most 2^127 - 1, so that negation is always safe.
 */
#include "base/money.h"

#include "base/err.h"

typedef unsigned __int128 magnitude;

#define WIDE_MOST ((magnitude)(~(magnitude)0 >> 1))
/* Exponents beyond this are all the same: the value is zero or out of range. */
#define EXPONENT_MOST INT64_C(1000000000000)
enum { PICO_DECIMALS = 12, ATTO_DECIMALS = 18 };

int currency_parse(struct str s, struct currency *out)
{
	struct currency c = {{0}};
	if (s.n < 3 || s.n >= sizeof c.code)
		return -RR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		if (ch >= 'a' && ch <= 'z')
			ch = (char)(ch - ('a' - 'A'));
		if (!((ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9')))
			return -RR_SYNTAX;
		c.code[i] = ch;
	}
	*out = c;
	return 0;
}

/* The pieces of "-12.50e-3": the digits with their point, and the power of ten that moves it. */
struct decimal {
	bool negative;
	struct str digits;    /* digits and at most one point */
	int64_t whole_digits; /* digits before the point */
	int64_t exponent;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int exponent_parse(struct str s, int64_t *out)
{
	bool negative = s.n && s.p[0] == '-';
	int64_t v = 0;
	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_sub(s, 1, s.n);
	if (s.n == 0)
		return -RR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return -RR_SYNTAX;
		v = v * 10 + (s.p[i] - '0');
		if (v > EXPONENT_MOST)
			v = EXPONENT_MOST;
	}
	*out = negative ? -v : v;
	return 0;
}

static int decimal_split(struct str s, struct decimal *d)
{
	size_t i = 0, digits = 0;
	bool point = false;
	memset(d, 0, sizeof *d);
	if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
		d->negative = s.p[0] == '-';
		s = str_sub(s, 1, s.n);
	}
	for (; i < s.n; i++) {
		if (is_digit(s.p[i])) {
			digits++;
			d->whole_digits += !point;
		} else if (s.p[i] == '.' && !point) {
			point = true;
		} else {
			break;
		}
	}
	d->digits = str_sub(s, 0, i);
	if (digits == 0)
		return -RR_SYNTAX;
	if (i == s.n)
		return 0;
	if (s.p[i] != 'e' && s.p[i] != 'E')
		return -RR_SYNTAX;
	return exponent_parse(str_sub(s, i + 1, s.n), &d->exponent);
}

/* v * 10 + digit, or false when that leaves 127 bits. */
static bool push_digit(magnitude *v, unsigned digit)
{
	if (*v > (WIDE_MOST - digit) / 10)
		return false;
	*v = *v * 10 + digit;
	return true;
}

int decimal_scaled(struct str s, unsigned scale, money_wide *out, bool *exact)
{
	struct decimal d;
	magnitude v = 0;
	unsigned half_digit = 0; /* the first digit that is lost */
	bool beyond = false;     /* a later lost digit is not zero */
	int64_t power;           /* of ten, of the digit at hand, in units of the result */
	int rc = decimal_split(s, &d);
	if (rc)
		return rc;
	power = d.whole_digits - 1 + d.exponent + (int64_t)scale;
	for (size_t i = 0; i < d.digits.n; i++) {
		unsigned digit = (unsigned)(d.digits.p[i] - '0');
		if (d.digits.p[i] == '.')
			continue;
		if (power >= 0) {
			if (!push_digit(&v, digit))
				return -RR_RANGE;
		} else if (power == -1) {
			half_digit = digit;
		} else if (digit) {
			beyond = true;
		}
		power--;
	}
	for (; power >= 0 && v; power--)
		if (!push_digit(&v, 0))
			return -RR_RANGE;
	if (exact)
		*exact = !half_digit && !beyond;
	if (half_digit > 5 || (half_digit == 5 && (beyond || (v & 1)))) {
		if (v == WIDE_MOST)
			return -RR_RANGE;
		v++;
	}
	*out = d.negative ? -(money_wide)v : (money_wide)v;
	return 0;
}

int money_parse_wide(struct str s, money_wide *pico, bool *exact)
{
	return decimal_scaled(s, PICO_DECIMALS, pico, exact);
}

int money_parse_atto(struct str s, money_wide *atto, bool *exact)
{
	return decimal_scaled(s, ATTO_DECIMALS, atto, exact);
}

int money_parse(struct str s, int64_t *pico, bool *exact)
{
	money_wide wide;
	int rc = money_parse_wide(s, &wide, exact);
	if (rc)
		return rc;
	if (wide < INT64_MIN || wide > INT64_MAX)
		return -RR_RANGE;
	*pico = (int64_t)wide;
	return 0;
}

static magnitude magnitude_of(money_wide v)
{
	return v < 0 ? 0 - (magnitude)v : (magnitude)v;
}

/* Writes backwards from `to`: the digits of v with a point before the last `decimals`, a comma after
 * every third whole digit if grouped. Returns the first character. */
static char *digits_before(char *to, magnitude v, unsigned decimals, bool grouped)
{
	unsigned written = 0;
	while (v || written <= decimals) {
		unsigned digit;
		if (decimals && written == decimals)
			*--to = '.';
		else if (grouped && written > decimals && (written - decimals) % 3 == 0)
			*--to = ',';
		if (v <= UINT64_MAX) {
			digit = (unsigned)((uint64_t)v % 10);
			v = (uint64_t)v / 10;
		} else {
			digit = (unsigned)(v % 10);
			v /= 10;
		}
		*--to = (char)('0' + digit);
		written++;
	}
	return to;
}

static char *text_of(money_wide value, unsigned decimals, bool grouped, char out[MONEY_TEXT])
{
	char digits[MONEY_TEXT];
	char *end = digits + sizeof digits;
	char *at = digits_before(end, magnitude_of(value), decimals, grouped);
	if (value < 0)
		*--at = '-';
	memcpy(out, at, (size_t)(end - at));
	out[end - at] = 0;
	return out;
}

static char *shortest(money_wide value, unsigned decimals, char out[MONEY_TEXT])
{
	if (value >= INT64_MIN && value <= INT64_MAX) { /* every row's amount: 64-bit divisions */
		int64_t narrow = (int64_t)value;
		while (decimals && narrow % 10 == 0) {
			narrow /= 10;
			decimals--;
		}
		return text_of(narrow, decimals, false, out);
	}
	while (decimals && value % 10 == 0) {
		value /= 10;
		decimals--;
	}
	return text_of(value, decimals, false, out);
}

char *money_text(money_wide pico, char out[MONEY_TEXT])
{
	return shortest(pico, PICO_DECIMALS, out);
}

char *money_text_atto(money_wide atto, char out[MONEY_TEXT])
{
	return shortest(atto, ATTO_DECIMALS, out);
}

unsigned money_decimals(money_wide pico)
{
	money_wide size = pico < 0 ? -pico : pico;
	return size == 0 || size >= PICO_PER_UNIT ? 2 : size >= PICO_PER_UNIT / 100 ? 4 : 6;
}

char *money_human(money_wide pico, unsigned decimals, char out[MONEY_TEXT])
{
	money_wide unit = 1;
	if (decimals > PICO_DECIMALS)
		decimals = PICO_DECIMALS;
	for (unsigned i = decimals; i < PICO_DECIMALS; i++)
		unit *= 10;
	return text_of(money_round(pico, unit), decimals, true, out);
}

money_wide money_round(money_wide v, money_wide d)
{
	money_wide quotient, rest, missing;
	check(d > 0);
	quotient = v / d;
	rest = v - quotient * d; /* not v % d: a second division in 128 bits */
	if (rest < 0)
		rest = -rest;
	missing = d - rest; /* never overflows, unlike 2 * rest */
	if (rest > missing || (rest == missing && quotient % 2 != 0))
		quotient += v < 0 ? -1 : 1;
	return quotient;
}

int money_row(money_wide atto_sum, int64_t *pico)
{
	money_wide rounded = money_round(atto_sum, ATTO_PER_PICO);
	if (rounded < INT64_MIN || rounded > INT64_MAX)
		return -RR_RANGE;
	*pico = (int64_t)rounded;
	return 0;
}

int money_add(int64_t a, int64_t b, int64_t *sum)
{
	return __builtin_add_overflow(a, b, sum) ? -RR_RANGE : 0;
}

int money_mul(money_wide a, money_wide b, money_wide *product)
{
	/* Not __builtin_mul_overflow: clang makes it a call that libgcc does not have. */
	bool negative = (a < 0) != (b < 0);
	magnitude ma, mb;
	if (a == (int64_t)a && b == (int64_t)b) { /* nearly always; one instruction */
		*product = (money_wide)(int64_t)a * (int64_t)b;
		return 0;
	}
	ma = magnitude_of(a);
	mb = magnitude_of(b);
	if (((ma | mb) >> 63) != 0 && ma != 0 && mb > (WIDE_MOST + negative) / ma)
		return -RR_RANGE;
	*product = (money_wide)(negative ? 0 - ma * mb : ma * mb);
	return 0;
}
