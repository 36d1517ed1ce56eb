/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one planned quantity as people write it: "GBP 500", "£2.50/h", "30 %", "240M", "2k", "2027-06-01".
 *
 * A unit is a short text: "share", "tokens", "months", "money/h", "money/Mtok" ... ; one that begins with "money"
 * carries a currency, and two currencies in one plan are refused. A plan is an estimate: its money is a double
 * (what is billed never passes through here: see base/money.h).
 */
#ifndef RR_PLAN_VALUE_H
#define RR_PLAN_VALUE_H

#include "base/err.h"
#include "base/money.h"

static inline bool unit_is_money(const char *unit)
{
	return strncmp(unit, "money", 5) == 0;
}

/* Reads text as a quantity of `unit` into *out. *cur: empty = not known yet, then filled by the first amount that
 * names one; another one later is refused. now_us is for units "date" (months from now). 0 or a negative code. */
int value_read(struct str text, const char *unit, int64_t now_us, double *out, struct currency *cur, struct err *e);
/* The unit with its currency: "money/Mtok" and USD give "USD/Mtok" ("money/Mtok" when none is known). */
char *value_unit(const char *unit, struct currency cur, char out[32]);
/* For people: "$2.50", "11.6 %", "608.3 M tokens", "2 months". Returns out. */
char *value_text(double v, const char *unit, struct currency cur, char out[64]);

#endif
