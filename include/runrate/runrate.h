/* SPDX-License-Identifier: Apache-2.0
 *
 * librunrate: price a vendor's usage block exactly, and compute plans, from C.
 *
 *   #include <runrate/runrate.h>          cc app.c $(pkg-config --cflags --libs runrate)
 *
 * 1. Money that is billed is a whole number of 10^-12 of its currency; plans are estimates and doubles.
 * 2. Unknown is a state: a call without a known price is not free, a figure that cannot be computed is NAN.
 * 3. Nothing here writes to the terminal, keeps global state of yours, or speaks to a network.
 * 4. Functions and fields may be added; none is renamed or removed within RUNRATE_API.
 */
#ifndef RUNRATE_RUNRATE_H
#define RUNRATE_RUNRATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RUNRATE_API 1
#define RUNRATE_PICO INT64_C(1000000000000) /* one unit of a currency */

const char *runrate_version(void);

/* -- prices ---------------------------------------------------------------------------------------------------- */

/* A dated price book, immutable; one may be shared by threads. */
struct runrate_book;
/* path NULL: the built-in book. NULL on error, with a sentence in error (may be NULL). */
struct runrate_book *runrate_book_open(const char *path, char *error, size_t error_size);
void runrate_book_close(struct runrate_book *book);

struct runrate_price {
	int priced;             /* 0: look at why; the amounts mean nothing */
	char currency[8];
	int64_t input_pico, output_pico, tools_pico, total_pico;
	uint64_t input_tokens, output_tokens;
	char model[96];         /* the book's name of the model that matched */
	char why[160];          /* which price is missing, or why the usage cannot be read */
};
/* Prices one response body of a vendor. dialect: "openai-chat", "anthropic", "gemini" ... (runrate price
 * --list-dialects). provider may be NULL; model overrides what the body says, may be NULL; at_us: microseconds since
 * 1970 UTC. 0, or negative when the body is no such response (why says so). */
int runrate_price_body(const struct runrate_book *book, const char *dialect, const char *provider, const char *model,
		       int64_t at_us, const char *body, size_t body_bytes, struct runrate_price *out);

/* -- plans ----------------------------------------------------------------------------------------------------- */

/* An input as people write it: {"rate", "$2.50"}, {"tokens_per_month", "240M"}, {"utilisation", "20 %"}. */
struct runrate_input {
	const char *name;
	const char *value;
};
struct runrate_figure {
	const char *name;
	double value;           /* NAN: not computable from these inputs */
	const char *unit;       /* "share", "tokens", "money/month" ... */
	const char *formula;    /* the expression, in the names of inputs and earlier figures */
};
struct runrate_plan;

/* plan: "train", "amortise", "selfhost", "finetune", "rag", "cache", "batch", "route", "payback" ... the plans of the
 * command line that are one formula. Rows of a mix are given as inputs named "mix" with "NAME=SHARE:PRICE". NULL on
 * error, with a sentence that names the input and its allowed range. */
struct runrate_plan *runrate_plan_new(const char *plan, const struct runrate_input *inputs, size_t count, char *error,
				      size_t error_size);
void runrate_plan_free(struct runrate_plan *p);
size_t runrate_plan_figures(const struct runrate_plan *p);
struct runrate_figure runrate_plan_figure(const struct runrate_plan *p, size_t index);
/* NAN when there is no such figure or it is not computable. */
double runrate_plan_value(const struct runrate_plan *p, const char *name);
const char *runrate_plan_verdict(const struct runrate_plan *p); /* a sentence; "" where a plan has none */
const char *runrate_plan_why(const struct runrate_plan *p);
const char *runrate_plan_currency(const struct runrate_plan *p); /* "" when no amount named one */

#ifdef __cplusplus
}
#endif
#endif
