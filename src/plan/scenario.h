/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario over months: what a company runs, what it pays once, and what it could do instead.
 *
 * Every figure may be a range {low, mode, high}. Amounts are in one currency, prices per million tokens. The file is
 * read in scenario_file.c (schema there), computed in lifetime.c; workload.c has the cost of one task.
 */
#ifndef RR_PLAN_SCENARIO_H
#define RR_PLAN_SCENARIO_H

#include "base/conf.h"
#include "plan/dist.h"
#include "plan/models.h"

enum { SCENARIO_MONTHS = 240, SCENARIO_WORKLOADS = 64, SCENARIO_MODELS = 32, SCENARIO_OUTLAYS = 64,
       SCENARIO_TUNES = 16, SCENARIO_OPTIONS = 16, SCENARIO_NAME = 48, SCENARIO_DRAWS = 10000000 };

enum billing { BILL_TOKEN, BILL_CALL, BILL_SEAT, BILL_RESOLUTION, BILL_PROVISIONED, BILLINGS };
const char *billing_name(enum billing b);

struct scenario_model {
	char name[SCENARIO_NAME];
	struct plan_model price;
};

/* The uncertain figures of a workload, in one array so that draws and tornados can walk them. */
#define WORKLOAD_FIGURES(X)                                                                                     \
	X(volume, "calls", 0, ANY, 0, "tasks a month at the start (a chat bot's questions, an agent's jobs)")   \
	X(growth, "share", -0.99, 10, 0, "growth of the volume a month")                                        \
	X(prefix, "tokens", 0, ANY, 0, "cacheable prefix of a call")                                            \
	X(rest, "tokens", 0, ANY, 0, "the other input of a call")                                               \
	X(output, "tokens", 0, ANY, 0, "output of a call")                                                      \
	X(hit, "share", 0, 1, 0, "share of calls that find the prefix cached today")                            \
	X(batched, "share", 0, 1, 0, "share that goes by batch today")                                          \
	X(deferrable, "share", 0, 1, 0, "share that could wait for a batch")                                    \
	X(easy, "share", 0, 1, 0, "share that a cheaper model could answer (complexity mix)")                   \
	X(routed, "share", 0, 1, 0, "share that goes to the cheaper model today")                               \
	X(easy_ratio, "times", 0, 100, 1, "tokens that the cheaper model needs for one of the other's")         \
	X(turns, "turns", 1, 10000, 1, "calls that one task makes (agents)")                                    \
	X(turn_tokens, "tokens", 0, ANY, 0, "tokens that each turn adds to the context")                        \
	X(retrieved, "tokens", 0, ANY, 0, "tokens that retrieval puts into a call")                             \
	X(reachable_hit, "share", 0, 1, 0.9, "hit rate that caching would reach")                               \
	X(extra_per_call, "money/call", 0, ANY, 0, "tools, embedding, verification: money a call")              \
	X(fixed_per_month, "money/month", 0, ANY, 0, "vector store, licences: money a month")                   \
	X(unit_price, "money", 0, ANY, 0, "price of a call, seat, resolution or provisioned unit")              \
	X(seats, "seats", 0, ANY, 0, "seats, where a seat is billed")                                           \
	X(resolved, "share", 0, 1, 1, "share of the tasks that counts as a resolution")                         \
	X(unit_tokens, "tokens", 0, ANY, 0, "tokens a month that one provisioned unit carries at its peak")     \
	X(peak_to_mean, "times", 1, 1000, 1, "busiest hour over the mean, for units and replicas")
enum workload_figure {
#define X(name, unit, least, most, fallback, help) W_##name,
	WORKLOAD_FIGURES(X)
#undef X
	W_FIGURES
};

struct workload {
	char name[SCENARIO_NAME];
	unsigned model;          /* index in scenario.models */
	int easy_model;          /* index, -1: none */
	enum billing billing;
	bool stable, narrow;     /* said by the user: the task is the same every month; of one kind */
	bool stable_given, narrow_given;
	struct dist v[W_FIGURES];
};

struct scenario_outlay {
	char name[SCENARIO_NAME];
	unsigned month;          /* 0-based */
	unsigned every_months;   /* 0 = once */
	unsigned until_month;
	struct dist amount;
};

struct scenario_tune {
	char name[SCENARIO_NAME];
	unsigned workload, model;
	unsigned month, retires_month; /* retires: from that month on the base model is gone; SCENARIO_MONTHS = never */
	unsigned retrain_every;        /* 0 = never */
	struct dist upfront, tokens_removed, hosting, retrain, drift; /* drift: share of calls a month since the last
									 training that need a second attempt */
};

struct scenario_option {
	char name[SCENARIO_NAME];
	uint64_t serves;         /* bit per workload */
	unsigned month;
	struct dist rate, tps, gpus, slo_derate, people, storage, power_kw, power_price, pue, setup, rate_change;
	double replicas_min, spare;
	double reserved_share, reserved_discount, spot_share, spot_discount, max_utilisation;
};

struct scenario {
	char name[96];
	struct currency currency;
	unsigned months, draws;
	uint64_t seed;
	int64_t start_us;
	struct dist price_decline;   /* times cheaper a year; 1 = flat */
	struct dist adoption;        /* volume at the end over volume at the start, on an S curve; 1 = none */
	struct dist adoption_middle; /* month in which half of that is reached */
	struct scenario_model model[SCENARIO_MODELS];
	struct workload workload[SCENARIO_WORKLOADS];
	struct scenario_outlay outlay[SCENARIO_OUTLAYS];
	struct scenario_tune tune[SCENARIO_TUNES];
	struct scenario_option option[SCENARIO_OPTIONS];
	unsigned models, workloads, outlays, tunes, options;
};

/* Fills s from a parsed file. Errors in d with their places; 0 or -RR_CONFIG. book may be NULL (the built-in one is
 * opened when a model is named without prices). */
int scenario_read(struct scenario *s, struct conf_doc *d, const struct book *b, int64_t now_us);

/* -- one task (workload.c) ----------------------------------------------------------------------------------- */

/* Input tokens of one task, weighted by what caching leaves of their price; plain ones when caching is off. */
double task_input_weight(const double v[W_FIGURES], double read, double write, bool caching);
double task_tokens(const double v[W_FIGURES]); /* input and output, as they are sent */
/* Money of one task on its own model and the cheaper one, at list prices. */
double task_money(const double v[W_FIGURES], const struct plan_model *m, const struct plan_model *easy, bool caching);
/* Is caching on in this workload? (a hit rate is given) */
static inline bool workload_caches(const struct workload *w)
{
	return w->v[W_hit].high > 0;
}
/* The bill of a month for tasks a month under the workload's billing; price is the price factor of that month. */
double workload_month(const struct workload *w, const double v[W_FIGURES], double tasks, double money_per_task,
		      double price);

#endif
