/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a price book sound, and where do two of them disagree? Rules, no I/O.
 */
#ifndef RR_MODEL_BOOK_CHECK_H
#define RR_MODEL_BOOK_CHECK_H

#include "model/price.h"

struct lint_finding {
	bool error; /* a wrong bill is certain; else something to look at */
	const struct price_rule *rule;
	char text[200];
};
typedef void lint_found(void *to, const struct lint_finding *f);
/* Every finding in the book's order. Returns the number of errors. */
unsigned book_lint(const struct book *b, lint_found *found, void *to);

struct book_difference {
	struct str provider, model; /* as `a` names them */
	enum meter meter;
	const struct price_rule *a, *b; /* b NULL: the model is known there, this price is not */
	double relative;                /* (b - a) / a; 0 without b */
};
struct book_comparison {
	unsigned models, models_in_both, prices_in_both, disagree, only_a;
};
typedef void difference_found(void *to, const struct book_difference *d);
/* Standard prices at that time, below any long-context step; models of `a` that provider and model filters keep
 * (either empty = all), looked up in `b`. */
void book_compare(const struct book *a, const struct book *b, struct str provider, struct str model, int64_t at_us,
		  struct book_comparison *sum, difference_found *found, void *to);

/* The book, or what the filters keep of it, as our own CSV. */
void book_write_csv(const struct book *b, struct str provider, struct str model, struct sb *out);

#endif
