/* SPDX-License-Identifier: Apache-2.0
 *
 * What one task of a workload costs: n calls whose context grows, a cacheable prefix, a batched and a routed share.
 *
 *   S = P + U + retrieved      context at the first turn
 *   first turn      P phi + (U + retrieved)
 *   turn k >= 2     (S + t (k-2)) phi + t        what was said before is a prefix too; t is new each turn
 *   sum             P phi + U + r + (n-1) S phi + phi t (n-1)(n-2)/2 + t (n-1)
 *   phi = h rho + (1 - h) omega with caching, 1 without: then the sum is n S + t n (n-1) / 2
 *
 *   money = (1 - b (1 - beta)) [ (1 - x) c(m) + x kappa c(easy) ] + n s
 *
 * Worked example: 1,100 prefix, 350 rest, 222 out at 0.75 / 4.50: 0.0010875 + 0.000999 = 0.0020865 a call; 88 % hits
 * at 0.1 and free writes leave 0.0002574 + ... of the prefix's 0.000825, that is 0.0014331.
 */
#include <math.h>

#include "plan/scenario.h"

const char *billing_name(enum billing b)
{
	static const char *const names[BILLINGS] = {"token", "call", "seat", "resolution", "provisioned"};
	return names[b];
}

double task_input_weight(const double v[W_FIGURES], double read, double write, bool caching)
{
	double n = v[W_turns], t = v[W_turn_tokens], fresh = v[W_rest] + v[W_retrieved], context = v[W_prefix] + fresh;
	double phi = caching ? v[W_hit] * read + (1 - v[W_hit]) * write : 1;
	return v[W_prefix] * phi + fresh + (n - 1) * context * phi + phi * t * (n - 1) * (n - 2) / 2 + t * (n - 1);
}

double task_tokens(const double v[W_FIGURES])
{
	double n = v[W_turns];
	return n * (v[W_prefix] + v[W_rest] + v[W_retrieved]) + v[W_turn_tokens] * n * (n - 1) / 2 + n * v[W_output];
}

static double on_model(const double v[W_FIGURES], const struct plan_model *m, bool caching)
{
	double input = task_input_weight(v, m->read, m->write, caching);
	return (m->in * input + m->out * v[W_turns] * v[W_output]) / 1e6;
}

double task_money(const double v[W_FIGURES], const struct plan_model *m, const struct plan_model *easy, bool caching)
{
	double batch = 1 - v[W_batched] * (1 - m->batch);
	double strong = on_model(v, m, caching) * batch;
	double extra = v[W_turns] * v[W_extra_per_call], routed = v[W_routed];
	if (!easy || routed == 0)
		return strong + extra;
	double cheap = on_model(v, easy, caching) * v[W_easy_ratio] * (1 - v[W_batched] * (1 - easy->batch));
	return (1 - routed) * strong + routed * cheap + extra;
}

double workload_month(const struct workload *w, const double v[W_FIGURES], double tasks, double money_per_task,
		      double price)
{
	switch (w->billing) {
	case BILL_CALL:
		return tasks * v[W_turns] * v[W_unit_price] * price + v[W_fixed_per_month];
	case BILL_SEAT:
		return v[W_seats] * v[W_unit_price] + v[W_fixed_per_month];
	case BILL_RESOLUTION:
		return tasks * v[W_resolved] * v[W_unit_price] + v[W_fixed_per_month];
	case BILL_PROVISIONED: {
		double units = ceil(tasks * task_tokens(v) * v[W_peak_to_mean] / v[W_unit_tokens]);
		return (units > 1 ? units : 1) * v[W_unit_price] + v[W_fixed_per_month];
	}
	default:
		return tasks * money_per_task * price + v[W_fixed_per_month];
	}
}
