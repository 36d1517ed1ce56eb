/* SPDX-License-Identifier: Apache-2.0
 *
 * Several vendors' quotes on one workload, at its volume and at ten times it, in money per million tokens.
 *
 * A quote is by token, call, seat, resolution or provisioned unit, with or without cache and batch prices, tiers by
 * volume, a monthly minimum, an outlay at the beginning. Compared are only quotes in one currency; precision and p95
 * stand beside the price, because a cheaper answer from a smaller format is another product.
 */
#ifndef RR_PLAN_QUOTE_H
#define RR_PLAN_QUOTE_H

#include "base/json.h"
#include "plan/scenario.h"

enum { QUOTES = 24, QUOTE_TIERS = 8, QUOTE_FILES = 25, QUOTE_QUESTIONS = 5 };

struct quote {
	char vendor[64], precision[24];
	enum billing billing;
	struct plan_model price;
	bool cache_known, batch_known, apart_known, billed_apart;
	double unit_price, unit_tokens, resolved, seats;
	double minimum;              /* a month */
	double once;                 /* setup, training */
	double p95_ms;               /* NAN: not said */
	double rate_limit_tok;       /* tokens a month that the quote allows; NAN: not said */
	struct {
		double above_tok, discount;
	} tier[QUOTE_TIERS];         /* the whole bill takes the discount of the highest tier that is reached */
	unsigned tiers;
	double month[2], per_mtok[2], per_task[2]; /* at 1x and 10x */
};

struct quote_plan {
	struct currency currency;
	struct workload workload;
	bool has_workload;
	double p95_wanted_ms;
	struct quote quote[QUOTES];
	unsigned quotes;
	double tokens[2], input[2], output[2];  /* a month */
	char question[QUOTE_QUESTIONS][512];
	char cap_inference[512], cap_training[512];
	int best[2];
};

/* Adds the workload and quotes of one file. book may be NULL (the built-in one is opened when a model is named).
 * -RR_CONFIG with errors in d. */
int quote_read(struct quote_plan *p, struct conf_doc *d, const struct book *b, int64_t now_us);
/* Needs a workload and a quote. */
int quote_compare(struct quote_plan *p, struct err *e);
void quote_json(const struct quote_plan *p, struct sb *out);
void quote_text(const struct quote_plan *p, struct sb *out);

#endif
