/* SPDX-License-Identifier: Apache-2.0
 *
 * Levers one on another: what all of them leave of a bill, and which of them saved what.
 *
 * The bill is cut into cells by which levers reach it (2^n cells for n levers). A lever i multiplies the cells that it
 * reaches by inside[i]. So the total commutes, whatever the order; the attribution does not, and is given as Shapley
 * values (the mean over all orders) with the range from first-in to last-in.
 *
 *   independent coverages: cell shares are products, and the total is the product of the levers' own factors
 *   otherwise: the cells are given as a table, or fitted to pairwise overlaps (the least committed table that has
 *   them, by iterative proportional fitting), and bounds are printed: max(0, g+h-1) <= overlap <= min(g, h)
 */
#ifndef RR_PLAN_STACK_H
#define RR_PLAN_STACK_H

#include "base/err.h"

enum { STACK_LEVERS = 6, STACK_CELLS = 1 << STACK_LEVERS };

struct stack {
	double bill;
	unsigned levers;
	char name[STACK_LEVERS][24];
	double coverage[STACK_LEVERS]; /* share of the bill that the lever reaches */
	double inside[STACK_LEVERS];   /* what it leaves of that: 0.5 for a batch tier */
	double cell[STACK_CELLS];      /* share of the bill by the set of levers (bits) that reach it */
};

struct stack_result {
	double before, after;
	double shapley[STACK_LEVERS], first_in[STACK_LEVERS], last_in[STACK_LEVERS];
	double naive_sum;         /* of what each would save alone */
	double naive_overstates;  /* naive_sum / the real saving - 1 */
	double after_low, after_high; /* over every overlap that the coverages allow; NAN beyond 4 levers */
};

/* Adds a lever; -RR_LIMIT, -RR_RANGE (coverage outside 0..1, inside below 0). */
int stack_add(struct stack *s, const char *name, double coverage, double inside, struct err *e);
/* Cells as products of the coverages. */
void stack_independent(struct stack *s);
/* Fits the cells to pairwise overlaps: overlap[i][j] (i < j) is the share of the bill that both reach, NAN =
 * independent. -RR_RANGE when a pair lies outside its bounds or no table has them all. */
int stack_overlaps(struct stack *s, double overlap[STACK_LEVERS][STACK_LEVERS], struct err *e);
/* The bill that the levers in `mask` leave. */
double stack_after(const struct stack *s, unsigned mask);
void stack_attribute(const struct stack *s, struct stack_result *out);

#endif
