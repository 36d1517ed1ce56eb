/* SPDX-License-Identifier: Apache-2.0
 *
 * The formulas by family, one file each: the pure functions with their units in their names (what other code calls),
 * and the tables that formula.h describes (what flags, claims, explanations and spreadsheets are made from).
 */
#ifndef RR_PLAN_FAMILIES_H
#define RR_PLAN_FAMILIES_H

#include "plan/formula.h"

#define TOK_PER_M 1e6
#define HOURS_PER_MONTH 730.0 /* contract.md section 3: a month is 730 h */
#define WEEKS_PER_MONTH (365.25 / 12 / 7)

/* train.c */
extern const struct formula formula_train, formula_mfu;
double train_flop(double params, double tokens, double flop_per_param_token, double attention_flop_per_token);
double train_gpu_seconds(double flop, double peak_flop_per_s, double mfu);

/* amortise.c */
extern const struct formula formula_amortise, formula_unit_cost;
double amortise_per_mtok(double training_money, double tokens, double inference_money_per_mtok);
double amortise_training_share(double training_money, double tokens, double inference_money_per_mtok);
double amortise_tokens_where_share_below(double training_money, double inference_money_per_mtok, double share);

/* cache.c */
extern const struct formula formula_cache, formula_keepalive;
double cache_phi(double hit_share, double read_ratio, double write_ratio);
double cache_pays_above_hit_share(double read_ratio, double write_ratio);
double cache_keepalive_hazard(double read_ratio, double write_ratio);
double cache_poisson_hit_share(double calls_per_minute, double ttl_minutes);

/* batch.c */
extern const struct formula formula_batch;
double batch_factor(double batched_share, double discount_share);

/* route.c */
extern const struct formula formula_route, formula_cascade, formula_switch;
double route_cascade_escalate_below(double cheap_money, double strong_money, double verify_money);

/* finetune.c */
extern const struct formula formula_finetune, formula_payback, formula_tune_or_prompt, formula_finetune_volume;
double finetune_breakeven_calls(double upfront_money, double saving_money_per_call);
double finetune_breakeven_months(double upfront_money, double saving_money_per_call, double calls_per_month,
				 double hosting_money_per_month, double retrain_money_per_month);

/* rag.c */
extern const struct formula formula_rag, formula_rag_or_tune;
double rag_money_per_call(double retrieved_tok, double money_per_mtok, double cached_share, double read_ratio);

/* selfhost.c */
extern const struct formula formula_selfhost, formula_selfhost_requests;
double selfhost_full_load_money_per_mtok(double money_per_gpu_hour, double gpus, double tok_per_s, double slo_derate);
double selfhost_capacity_tok_per_month(double tok_per_s, double slo_derate);
double selfhost_replicas(double tokens_per_month, double capacity_tok_per_month, double replicas_min);

/* growth.c */
extern const struct formula formula_decline, formula_adoption, formula_agent, formula_growth;
double decline_per_year(double factor, double months);
double agent_input_tok(double turns, double start_tok, double tok_per_turn);
double agent_input_weight_tok(double turns, double start_tok, double tok_per_turn, double read_ratio,
			      double write_ratio);

/* stack.c */
extern const struct formula formula_stack_set;

/* prices.c */
extern const struct formula formula_calls_cost, formula_price_ratios, formula_price_span, formula_ratio,
	formula_price_share, formula_reference;

#endif
