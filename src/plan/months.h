/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens in which month: shared by the walk at the modes (lifetime.c) and the draws (lifetime_draws.c).
 */
#ifndef RR_PLAN_MONTHS_H
#define RR_PLAN_MONTHS_H

#include "plan/lifetime.h"

#define ADOPTION_STEEP 10.0 /* an S curve that takes about half of the months from a tenth to nine tenths */

double adoption_at(double multiple, double middle, unsigned months, unsigned month);
bool tune_runs(const struct scenario_tune *t, unsigned month);
bool tune_retrains(const struct scenario_tune *t, unsigned month);
double tune_money(const struct scenario *s, const struct scenario_tune *t, const double v[W_FIGURES], double removed,
		  double drift, unsigned month);
bool outlay_falls(const struct scenario_outlay *o, unsigned month);
double option_gpu_month(const struct scenario_option *o, double rate, double gpus, double power_kw, double pue,
			double power_price);
void lifetime_levers(const struct scenario *s, struct lifetime *out, struct scenario *scratch, struct life_path *path);
int lifetime_tornado(const struct scenario *s, struct lifetime *out, struct scenario *scratch, struct life_path *path);

#endif
