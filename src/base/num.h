/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as people write them: "50k", "1.5M", "1e9", "50,000", "30 %", "GBP 500", "0.2 USD".
 *
 * One grammar for flags, scenarios and mapping files. What can be read in two ways is refused with
 * both readings ("1.234" is 1.234; "1.234,56" and "1,23" are refused unless a locale is given).
 */
#ifndef RR_BASE_NUM_H
#define RR_BASE_NUM_H

#include "base/err.h"
#include "base/money.h"

/* A plain quantity: optional sign, digits with optional thousands commas in groups of three, a
 * fraction, an exponent; a suffix k, M, B, bn, G, T (10^3..10^12), or %, which divides by 100.
 * Blanks may stand before the suffix. Fills e with the allowed forms on error. */
int num_parse(struct str s, double *out, struct err *e);
int num_parse_u64(struct str s, uint64_t *out, struct err *e); /* must be whole */
/* An amount with an optional currency before or after ("GBP 500", "500 GBP", "$500", "£8,000",
 * "€1.5k"); without one *cur is left as it was. Exact: never through a double. */
int num_parse_money(struct str s, int64_t *pico, struct currency *cur, struct err *e);
/* "90s", "15m", "1h", "7d", "250ms" in microseconds; a bare number is seconds. */
int num_parse_duration(struct str s, int64_t *us, struct err *e);
/* "64MiB", "16k" (= 16 KiB), "1GB" in bytes. */
int num_parse_bytes(struct str s, uint64_t *bytes, struct err *e);
/* 1234567 to "1,234,567"; for people. Returns out. */
char *num_group(uint64_t v, char out[32]);
/* 449500000 to "449.5 M" with 4 significant digits at most. Returns out. */
char *num_short(double v, char out[32]);

#endif
