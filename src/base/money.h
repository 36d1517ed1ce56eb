/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact money.
 *
 * 1. An amount is an int64 count of 10^-12 ("pico") of its currency: about +-9.2 million units a row.
 * 2. A total is a 128-bit count of the same.
 * 3. A price is a rational: atto (10^-18) of the currency per one unit of quantity, so that every
 *    public per-token price with up to 12 decimals per million tokens is exact.
 * 4. Rounding happens once, half to even, at the end of one row: money_round().
 * 5. There is no double here, and no conversion between currencies.
 */
#ifndef RR_BASE_MONEY_H
#define RR_BASE_MONEY_H

#include "base/str.h"

typedef __int128 money_wide; /* a 128-bit integer has no standard struct-free name */

#define PICO_PER_UNIT INT64_C(1000000000000)
#define ATTO_PER_PICO INT64_C(1000000)
#define MONEY_TEXT 64 /* bytes that hold any formatted amount */

/* An ISO 4217 code or a virtual one, upper case, NUL-padded. */
struct currency {
	char code[8];
};
#define USD ((struct currency){"USD"})
static inline bool currency_eq(struct currency a, struct currency b)
{
	return memcmp(a.code, b.code, sizeof a.code) == 0;
}
/* 3 to 7 letters or digits, any case in, upper case out. */
int currency_parse(struct str s, struct currency *out);

/* Decimal text ("-12.5", "0.0000004", "1.9e-08") to pico. Rejects what is no plain number. More than
 * 12 decimals are rounded half to even, and *exact (if given) says whether nothing was lost.
 * 0, -RR_SYNTAX, -RR_RANGE. */
int money_parse(struct str s, int64_t *pico, bool *exact);
int money_parse_wide(struct str s, money_wide *pico, bool *exact);
/* The same at 10^-18, for prices. */
int money_parse_atto(struct str s, money_wide *atto, bool *exact);
/* The same at 10^-scale: what the three above call. Decimal text of any length: sign, digits, point, exponent;
 * a result beyond +-(2^127 - 1) is -RR_RANGE. */
int decimal_scaled(struct str s, unsigned scale, money_wide *out, bool *exact);
/* Shortest exact decimal text: "0", "518.01", "-0.000000000001". Returns out (MONEY_TEXT bytes). */
char *money_text(money_wide pico, char out[MONEY_TEXT]);
/* Decimals that show an amount of that size to a reader: 2, or up to 6 for fractions of a cent. */
unsigned money_decimals(money_wide pico);
/* For people: fixed decimals, thousands separated by ',', rounded half to even: "1,002.01".
 * More than 12 decimals are 12. */
char *money_human(money_wide pico, unsigned decimals, char out[MONEY_TEXT]);
char *money_text_atto(money_wide atto, char out[MONEY_TEXT]);

/* How far two amounts are from each other. */
static inline money_wide money_apart(money_wide a, money_wide b)
{
	return a > b ? a - b : b - a;
}

/* v / d rounded half to even; d > 0. The one place of rounding. */
money_wide money_round(money_wide v, money_wide d);
/* atto-sum of one row to pico, half to even; -RR_RANGE if it does not fit an int64. */
int money_row(money_wide atto_sum, int64_t *pico);
/* 0 or -RR_RANGE: overflow is an error, never a wrap. */
int money_add(int64_t a, int64_t b, int64_t *sum);
int money_mul(money_wide a, money_wide b, money_wide *product);

#endif
