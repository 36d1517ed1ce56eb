/* SPDX-License-Identifier: Apache-2.0
 *
 * What was spent: roll-ups and outlays folded into one type that many writers print.
 *
 * 1. Two checkbooks, one row of figures each, never mixed: inference recurs, training is paid once.
 * 2. An amount belongs to a currency. Amounts of several currencies are not added: each stands in by_currency, and
 *    the headline is in the one that was asked for. With a stated rate an amount is converted, exactly, and the
 *    rate is listed; without one it is left out of the headline and said to be.
 * 3. Unknown is not zero: calls without a price are counted beside the totals.
 * 4. By cash an outlay counts on its day, by use (amortised) over its life; prepaid credit: prepaid.h. Taxes and
 *    credits are lines of `other` on either basis.
 * 5. The headline counts production; what pilots and tests cost is shown, not added.
 */
#ifndef RR_REPORT_REPORT_H
#define RR_REPORT_REPORT_H

#include "base/arena.h"
#include "base/table.h"
#include "ledger/ledger.h"

enum report_by {
	BY_AUTO, /* feature where calls name one, else model */
	BY_PROVIDER, BY_MODEL, BY_TEAM, BY_FEATURE, BY_KEY, BY_ENV, BY_REGION, BY_PROJECT, BY_SURFACE, BY_TIER,
	BY_PROVENANCE, BY_OUTCOME, BY_HOUR, BY_DAY, BY_WEEK, BY_MONTH, BYS
};
int report_by_parse(struct str s, enum report_by *out);
const char *report_by_name(enum report_by b);
extern const char report_by_all[]; /* "provider, model, ..." for help */

enum report_basis { BASIS_CASH, BASIS_AMORTISED };

struct shares;
struct forecast;
struct report_query {
	int64_t from_us, to_us;    /* INT64_MIN, INT64_MAX: as far as the ledger goes */
	enum report_by by;
	enum report_basis basis;
	struct currency currency;  /* code[0] == 0: the only one there is, else none */
	const char *env;           /* NULL: production; "all"; or a name */
	const struct tz *tz;
	const struct fx_rate *rates;
	unsigned rate_count;
	int64_t now_us;
	const struct shares *shares; /* costs that teams share, for by team; NULL: none */
};

enum { REPORT_COLUMNS = 4, REPORT_MODELS = 32, REPORT_CURRENCIES = 32, REPORT_INVOICES = 16 };

struct report_cell {
	money_wide cost_pico;
	uint64_t calls;
};
struct report_line {
	struct str key;                 /* "" = calls that do not say */
	struct currency currency;
	bool outlay;                    /* entered as an outlay, not billed line by line */
	struct str shared;              /* a part of that shared cost (shares.h); "" = the line's own */
	uint64_t calls, input_tok, output_tok, accepted, refused, unpriced_calls;
	money_wide cost_pico;
	struct report_cell column[REPORT_COLUMNS];
};
struct report_part {
	money_wide total_pico;          /* in the headline's currency */
	struct report_line *lines;      /* dearest first; by time: in its order */
	unsigned count;
	struct report_cell column[REPORT_COLUMNS];
};
struct report_currency {
	struct currency currency;
	money_wide inference_pico, training_pico, other_pico, unclassified_pico;
	bool in_headline;               /* it is the headline's, or was converted at a stated rate */
};
struct report_against { /* a month of a kept plan beside what came */
	char month[16];                 /* "2026-10" */
	money_wide low_pico, planned_pico, high_pico, came_pico; /* inference: p10, p50, p90 of the plan */
	money_wide training_planned_pico, training_came_pico;
	bool partial;                   /* the report has a part of that month: what came is no whole either */
};
struct report {
	struct arena *arena;
	struct report_query query;      /* bounds and by as used */
	bool empty;
	struct currency currency;       /* of the headline; code[0] == 0: there are several and none was asked for */
	struct report_part inference, training;
	struct report_part other;       /* taxes, credits, seats, support: each its own line, nothing netted */
	struct report_cell unclassified_column[REPORT_COLUMNS];
	money_wide other_pico, unclassified_pico, total_pico;
	uint64_t calls, input_tok, output_tok, refused, accepted, failed;
	uint64_t unpriced_calls;
	struct str unpriced_model[REPORT_MODELS];
	unsigned unpriced_models;
	uint64_t estimated_calls;
	money_wide low_pico, high_pico, saved_pico;
	/* lines of bills in the ledger; those of usage that is priced here count once */
	money_wide billed_pico;
	uint64_t hidden_calls;          /* pilot and test calls that the headline leaves out */
	money_wide hidden_pico;
	struct report_currency by_currency[REPORT_CURRENCIES];
	unsigned currencies;
	unsigned columns;               /* months side by side; 0 = the total alone */
	int64_t column_us[REPORT_COLUMNS];
	double months;                  /* of 730 h: the period's length */
	struct cap_row *caps;
	struct cap_state *cap_states;
	unsigned cap_count;
	struct report_against *against; /* NULL: no plan was given */
	unsigned against_count;
	const struct forecast *forecast; /* of the month under way; NULL: none was made */
	/* of the last month: what a vendor bills for tokens, and the usage that stands here */
	struct {
		uint32_t provider;
		money_wide billed_pico, usage_pico;
	} invoice[REPORT_INVOICES];
	unsigned invoices;
	int64_t invoice_us;             /* where that month begins within the report */
};

/* Folds the ledger. Memory comes from the arena. */
int report_make(struct report *r, struct ledger *l, const struct report_query *q, struct arena *a, struct err *e);
/* Millions of tokens a month of 730 h. */
double report_tokens_million_per_month(const struct report *r);
/* There are calls, and no price is known for any of them: what they cost each is unknown, not 0. */
bool report_nothing_priced(const struct report *r);
/* Money per million tokens, rounded once; false when there are no tokens, no headline currency or no price. */
bool report_per_mtok(const struct report *r, money_wide pico, money_wide *out);

/* Sets a kept plan beside the months that came (the same report by month). -RR_INPUT when it is none. */
int report_against(struct report *r, const struct report *months, struct str plan, struct err *e);

void report_json(const struct report *r, struct sb *out);
void report_text(const struct report *r, unsigned width, struct sb *out);
/* Its lines of what the month will come to, and of what vendors billed beside what is here; for every page that
 * people read. */
void report_outlook(const struct report *r, struct sb *out);
void report_csv(const struct report *r, struct sb *out);

#endif
