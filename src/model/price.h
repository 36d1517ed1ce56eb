/* SPDX-License-Identifier: Apache-2.0
 *
 * price(book, what was asked, what was used) -> cost lines, with the rule cited for each.
 *
 * A pure function: the same one bounds a cost before the call (caps), bills it after, plans it and
 * replays it. The tier is the served one; a long-context step re-rates the whole request by its whole
 * input (cache tokens included, C22, C24); a tier that was served and has no price is unpriced, not
 * standard (C27). Rounding happens once a row.
 */
#ifndef RR_MODEL_PRICE_H
#define RR_MODEL_PRICE_H

#include "model/book.h"

enum { PRICE_LINES = 40 };

struct price_query {
	struct str provider;   /* "openai"; "" = any provider that knows the model */
	struct str model;
	int64_t at_us;
	struct str region;     /* vendor's inference geography where it changes the price; "" = none */
	uint64_t context_tok;  /* input of one request, where u sums several (an export's bucket); 0 = u's own input */
};

struct price_line {
	enum meter meter;
	uint64_t quantity;         /* in units of the meter (audio: milliseconds, see scale) */
	uint32_t scale;            /* quantity / scale units are billed (1; 1000 for audio_ms) */
	money_wide price_atto;     /* per unit, after factors */
	const struct price_rule *rule;
};

struct price_result {
	enum price_status status;
	struct currency currency;
	struct price_line line[PRICE_LINES];
	unsigned lines;
	/* each rounded once from its exact sum; total is rounded from the exact total, so the three may
	 * differ from it by the last digit */
	int64_t input_pico, output_pico, tools_pico, total_pico;
	struct str model;          /* the book's name of the model that matched; empty when none did */
	char why[160];             /* for UNPRICED and MISMATCH: which meter or tier has no price */
};

/* Prices u (its tier, geo and fast are dimensions). Always fills *r; 0, or -RR_UNPRICED, or -RR_RANGE. */
int price(const struct book *b, const struct price_query *q, const struct usage *u, struct price_result *r);
/* Which of the ways of billing the same tokens costs most for a call of u's conditions: its index; 0 (the first) where
 * none is dearer in the first one's currency. Ways without a price are left out. For bounds. */
unsigned price_dearest(const struct book *b, const struct price_query *q, const struct usage *u,
		       const enum token_class ways[], unsigned count);
/* The rule that would price one unit of m for a call of that tier and size, or NULL. With stand_ins, what the
 * source's format lets stand in for a price that is not listed (price.c: meter_next()). */
const struct price_rule *price_rule_for(const struct book *b, const struct price_query *q, enum meter m, enum tier t,
					uint64_t input_tok, bool stand_ins);
/* Appends the contract's `cost` and `rules` members of one priced body. */
void price_json(const struct price_result *r, struct json_out *w);

#endif
