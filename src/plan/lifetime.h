/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario over its months: two checkbooks, never mixed.
 *
 * lifetime_path() walks the months once, at the modes of all figures: the readable version. lifetime_run() draws every
 * uncertain figure and walks the months for blocks of draws side by side, with the same arithmetic per month; quantiles
 * come from sketches, so memory does not grow with the draws. A test holds one against the other, and both against a
 * call-by-call sum through model/lever.
 *
 * Training: outlays, tunes, retraining, setting up own hardware. Inference: everything that recurs.
 */
#ifndef RR_PLAN_LIFETIME_H
#define RR_PLAN_LIFETIME_H

#include "plan/scenario.h"

enum { LIFE_LEVERS = 3, LIFE_TORNADO = 24, LIFE_BLOCK = 256 };

struct life_path {
	double inference[SCENARIO_MONTHS], training[SCENARIO_MONTHS];
	double tokens[SCENARIO_MONTHS], tasks[SCENARIO_MONTHS];
	double option[SCENARIO_OPTIONS][SCENARIO_MONTHS];     /* inference under the option, all workloads */
	double option_once[SCENARIO_OPTIONS][SCENARIO_MONTHS];
	double by_workload[SCENARIO_WORKLOADS][SCENARIO_MONTHS];
	double replicas[SCENARIO_OPTIONS][SCENARIO_MONTHS];
};

/* At the modes. */
void lifetime_path(const struct scenario *s, struct life_path *out);

/* When something happens: quantiles over the draws of the month (1-based); INFINITY: not within the scenario. */
struct life_crossing {
	struct band month;
	double share; /* of the draws in which it happens at all */
};
struct life_month {
	struct band inference, training, cumulative_inference, cumulative_training;
};
struct life_option {
	struct life_crossing cheaper;  /* its month costs less than the API's */
	struct life_crossing payback;  /* all that it cost so far is less than the API would have been */
	struct band total;             /* inference and what is paid once, over the months */
	double share_cheaper;          /* of the draws in which it is cheaper over the whole scenario */
};
struct life_swing {
	char name[96];
	double low, high;              /* the figure's ends */
	double total_low, total_high;  /* inference and training over the months at them */
};
struct lifetime {
	unsigned months;
	struct life_month month[SCENARIO_MONTHS];
	struct band inference, training, total, share, per_mtok;
	struct life_crossing overtakes; /* from when on cumulative inference stays above cumulative training */
	struct life_option option[SCENARIO_OPTIONS];
	struct life_path mode;
	/* levers at the modes: which of them saves what of the whole inference bill */
	unsigned levers;
	const char *lever[LIFE_LEVERS];
	double lever_before, lever_after, shapley[LIFE_LEVERS], first_in[LIFE_LEVERS], last_in[LIFE_LEVERS];
	double in_order[LIFE_LEVERS];   /* saved when they come one after the other */
	double naive_overstates;
	struct life_swing swing[LIFE_TORNADO];
	unsigned swings;
};

/* 0 or -RR_NOMEM. */
int lifetime_run(const struct scenario *s, struct lifetime *out, struct err *e);

/* The uncertain figures of a scenario, by place; fn returns false to stop. */
struct figure_ref {
	struct dist *d;
	char name[96];
};
unsigned scenario_figures(struct scenario *s, struct figure_ref *out, unsigned most);
/* A copy with one lever pulled everywhere: 0 cache, 1 batch, 2 route. */
void scenario_pull(struct scenario *s, unsigned lever);
double life_total(const struct life_path *p, unsigned months);

#endif
