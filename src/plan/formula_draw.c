/* SPDX-License-Identifier: Apache-2.0
 *
 * A formula whose inputs are ranges: draws, and quantiles of every figure. A figure that cannot be computed in a draw
 * (a payback that never comes) counts as larger than all others, so that a band may end in "never".
 */
#include <math.h>
#include <stdlib.h>

#include "plan/formula.h"

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

int formula_draw(struct formula_run *r, unsigned draws, struct err *e)
{
	unsigned outputs = formula_output_count(r->f), inputs = formula_input_count(r->f);
	double *value = calloc((size_t)draws * (outputs ? outputs : 1), sizeof *value);
	double *in = calloc((size_t)draws * (inputs ? inputs : 1), sizeof *in);
	struct formula_run *one = calloc(1, sizeof *one);
	int rc = 0;
	if (!value || !in || !one) {
		rc = err_set(e, RR_NOMEM, "out of memory for %u draws", draws);
		goto out;
	}
	*one = *r;
	for (unsigned i = 0; i < inputs; i++) {
		struct rng g;
		dist_stream(&g, r->seed, i);
		if (r->ranged[i])
			dist_fill(r->range[i], &g, in + (size_t)i * draws, draws);
	}
	for (unsigned k = 0; k < draws; k++) {
		for (unsigned i = 0; i < inputs; i++)
			if (r->ranged[i])
				one->in[i] = in[(size_t)i * draws + k];
		formula_compute(one);
		for (unsigned o = 0; o < outputs; o++)
			value[(size_t)o * draws + k] = isnan(one->out[o]) ? INFINITY : one->out[o];
	}
	for (unsigned o = 0; o < outputs; o++) {
		double *v = value + (size_t)o * draws;
		unsigned known = 0;
		for (unsigned k = 0; k < draws; k++)
			known += isfinite(v[k]);
		qsort(v, draws, sizeof *v, ascending);
		r->band[o] = (struct band){v[draws / 10], v[draws / 2], v[draws - 1 - draws / 10]};
		r->known[o] = (double)known / draws;
	}
out:
	free(value);
	free(in);
	free(one);
	return rc;
}
