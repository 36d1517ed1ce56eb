/* SPDX-License-Identifier: Apache-2.0
 *
 * The condition of an alert, as text and as a checked form.
 *
 *     when  := FIGURE op limit
 *     op    := > | >= | < | <=
 *     limit := AMOUNT CURRENCY | COUNT | PERCENT% | [FACTOR x] usual | [FACTOR x] plan
 *
 * usual is the median of the earlier windows of the same kind in which something happened; plan is the amount of the
 * alert's own `plan`, else that of each monthly cap. Numbers are exact: 10^-12 of the currency, of one, of the whole.
 */
#ifndef RR_GATE_ALERT_WHEN_H
#define RR_GATE_ALERT_WHEN_H

#include "base/money.h"
#include "base/tz.h"

enum alert_unit { UNIT_MONEY, UNIT_COUNT, UNIT_SHARE };
enum alert_measure {
	MEASURE_COST, MEASURE_TOKENS, MEASURE_CALLS, MEASURE_REFUSED,
		MEASURE_UNPRICED, /* folded from the ledger's roll-ups */
	MEASURE_FORECAST, MEASURE_CAP, MEASURE_ERRORS, MEASURE_DISK
};
enum alert_scoping { SCOPE_CALLS, SCOPE_CAPS, SCOPE_UPSTREAM, SCOPE_NONE };
struct alert_figure {
	const char *name;
	enum alert_unit unit;
	enum alert_measure measure;
	enum window window; /* WINDOW_TOTAL: none */
	enum alert_scoping scoping;
	const char *text;
};
extern const struct alert_figure alert_figures[];
extern const unsigned alert_figure_count;

enum alert_op { OP_ABOVE, OP_ABOVE_OR_AT, OP_BELOW, OP_BELOW_OR_AT };
enum alert_limit { LIMIT_NUMBER, LIMIT_USUAL, LIMIT_PLAN };
struct alert_when {
	const struct alert_figure *figure;
	enum alert_op op;
	enum alert_limit limit;
	int64_t number_pico;        /* the limit, or the factor before usual and plan */
	struct currency currency;   /* of MONEY */
};
struct alert_fault {
	size_t at;                  /* byte in the text */
	char what[200], hint[240];
};
/* usual: the currency of an amount that names none; code[0] 0: such an amount is refused. 0 or -RR_SYNTAX. */
int alert_when_parse(struct str text, struct currency usual, struct alert_when *out, struct alert_fault *f);
bool alert_when_holds(enum alert_op op, money_wide value, money_wide limit);

#endif
