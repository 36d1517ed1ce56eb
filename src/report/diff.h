/* SPDX-License-Identifier: Apache-2.0
 *
 * Why two periods cost differently: a walk from the one bill to the other whose steps sum exactly.
 *
 * A cell is one (line of --by, provider, model, tier). Between the two bills stand intermediate ones, each an integer
 * count of 10^-12 rounded once a cell, half to even; an effect is the difference of two neighbours, so that the effects
 * telescope to the change of the bill, to the last 10^-12. The order is stated because it matters:
 *
 *   0  the old bill
 *   1  volume   every cell's old cost x (all new calls / all old calls)
 *   2  mix      every cell's old cost x (its new calls / its old calls); a cell without old calls enters with its
 *               new cost, one without new calls leaves
 *   3  prompts  input tokens a call as they are now, split over the input classes as before
 *   4  answers  output tokens as they are now
 *   5  cache    input tokens in the classes in which they are now
 *   6  price    the new bill: prices, discounts, and what is no token (tools, images)
 *
 * Steps 3 to 5 need what a class of tokens costs. The price book gives the ratios of the classes at the old period,
 * and the old bill gives their level, so that a discount stays where it belongs. A cell that the book does not know is
 * not split: all that is left of it after mix stands under `price`, and split_share says how much was split.
 */
#ifndef RR_REPORT_DIFF_H
#define RR_REPORT_DIFF_H

#include "model/book.h"
#include "report/amounts.h"
#include "report/report.h"

enum diff_effect { EFFECT_VOLUME, EFFECT_MIX, EFFECT_PROMPTS, EFFECT_ANSWERS, EFFECT_CACHE, EFFECT_PRICE, EFFECTS };
extern const char *const diff_effect_names[EFFECTS]; /* "volume" ... */
extern const char *const diff_effect_words[EFFECTS]; /* "more or fewer requests" ... */

struct diff_side {
	uint64_t calls, input_tok, output_tok, cached_tok;
	money_wide cost_pico;
};
struct diff_line {
	struct str key;
	struct diff_side before, after;
	money_wide effect[EFFECTS]; /* sums to after.cost - before.cost, exactly */
};
struct diff {
	int64_t from_us[2], to_us[2];
	enum report_by by;
	const struct tz *tz;
	struct currency currency;
	struct diff_line all;
	struct diff_line *lines; /* by size of the change */
	unsigned count;
	uint64_t unpriced[2];              /* calls that have no price: in no figure here */
	uint64_t other_currency[2];        /* calls in a currency for which there is no rate */
	struct left_out left_out;
	uint64_t split_calls, cells_calls; /* calls in cells whose classes had prices; in all cells */
	bool paid_once;                    /* something was, in one of the periods: it is in no figure here */
	/* the dearest change of one line by one cause, and the hour since which it holds (0: not told) */
	int main_line; /* -1: no line stands out */
	enum diff_effect main_effect; /* volume: the line's own requests; mix: the models within it */
	money_wide main_pico;
	int64_t since_us;
};

/* q: by, tz, currency, rates, environment. Period 0 is before, 1 after. Memory comes from the arena. */
int diff_make(struct diff *d, struct ledger *l, const struct book *b, const struct report_query *q,
	      const int64_t from_us[2], const int64_t to_us[2], struct arena *a, struct err *e);
void diff_json(const struct diff *d, struct sb *out);
void diff_text(const struct diff *d, struct sb *out);
void diff_csv(const struct diff *d, struct sb *out);

/* One cell's walk, apart so that it can be tested by itself. weight: a relative price a token of each class, all 0 when
 * not known. calls: all calls of all cells, before and after. */
struct diff_cell {
	uint64_t calls[2], tok[2][CLASSES];
	money_wide cost[2];
	money_wide weight[CLASSES];
};
/* Returns whether the classes were split. */
bool diff_walk(const struct diff_cell *c, const uint64_t calls[2], money_wide effect[EFFECTS]);

#endif
