/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan commands. Those that are one formula are made from the formula's own table (plan/formula.h): flags, help
 * and errors. Another one is a line in the list below and one in commands.def.
 */
#ifndef RR_CMD_CMD_PLAN_H
#define RR_CMD_CMD_PLAN_H

#include "cmd/cmd.h"
#include "plan/formula.h"

/* X(formula, name, summary, example) */
#define PLAN_FORMULAS(X)                                                                                               \
	X(train, "plan train", "what a training run costs: FLOP, GPU-hours, money",                                    \
	  "plan train --params 70e9 --tokens 15e12 --gpu h100 --mfu 40% --rate '$2'")                                  \
	X(amortise, "plan amortise", "unit cost with the training shared out over the tokens",                         \
	  "plan amortise --training 8750000 --inference-per-mtok 0.35 --tokens 1e13")                                  \
	X(selfhost, "plan selfhost", "API or own GPUs: where they cross over",                                         \
	  "plan selfhost --rate 2.50 --tps 2000 --api-per-mtok 3.00 --tokens-per-month 240M")                          \
	X(finetune, "plan finetune", "fine-tune or not: calls and months to pay back",                                 \
	  "plan finetune --upfront 'GBP 8000' --saving-per-call 0.00086 --calls-per-month 300k")                       \
	X(rag, "plan rag", "what retrieval adds per call and month",                                                   \
	  "plan rag --retrieved-tokens 3000 --price-in 0.75 --calls-per-month 300k --store 70")                        \
	X(cache, "plan cache", "what prompt caching leaves of a bill",                                                 \
	  "plan cache --prefix 50k --calls-per-day 1000 --price-in 0.40 --hit 99%")                                    \
	X(batch, "plan batch", "what batching the patient share leaves", "plan batch --bill 'GBP 518' --share 22%")    \
	X(route, "plan route", "a mix of models against one",                                                          \
	  "plan route --mix nano=75%:0.20,base=17.5%:2.50,pro=7.5%:30 --baseline 30")                                  \
	X(cascade, "plan cascade", "cheap model first, the strong one on failure",                                     \
	  "plan cascade --cheap 0.001 --strong 0.01 --verify 0.0001 --escalate 30%")                                   \
	X(switch, "plan switch", "what leaving a cached prefix costs",                                                 \
	  "plan switch --prefix 100k --price-old 2 --price-new 1 --read-new 0.05")                                     \
	X(keepalive, "plan keepalive", "how long to keep a cached prefix alive",                                       \
	  "plan keepalive --calls-per-minute 0.1 --ttl-minutes 5")                                                     \
	X(agent, "plan agent", "what an agent's turns do to its input",                                                \
	  "plan agent --turns 10 --start-tokens 2000 --tokens-per-turn 1000 --price-in 3")                             \
	X(price_decline, "plan price-decline", "a fall of prices as a yearly rate",                                    \
	  "plan price-decline --factor 280 --months 23")                                                               \
	X(adoption, "plan adoption", "growing usage against falling prices",                                           \
	  "plan adoption --start-per-month 200 --adoption 50 --months 12")                                             \
	X(stack_set, "plan stack-set", "which levers together make a claimed saving",                                  \
	  "plan stack-set --before 4000 --after 1200 --batch-share 1 --cache-share 25%")                               \
	X(payback, "plan payback", "months until an outlay is back",                                                   \
	  "plan payback --outlay 8000 --bill-per-month 4000 --saving-per-month 2800")                                  \
	X(calls_cost, "plan calls-cost", "what a number of equal calls costs",                                         \
	  "plan calls-cost --calls-per-day 10k --input-tokens 500 --price-in 0.75")                                    \
	X(unit_cost, "plan unit-cost", "a monthly bill over what was done",                                            \
	  "plan unit-cost --bill-per-month 4000 --units-per-day 50k")                                                  \
	X(finetune_volume, "plan finetune-volume", "from which volume on a tune pays",                                 \
	  "plan finetune-volume --calls-per-month 50k --per-call 0.00173 --upfront 7000")                              \
	X(selfhost_requests, "plan selfhost-requests", "from how many requests a server pays",                         \
	  "plan selfhost-requests --server-per-month 2000 --per-request 0.00173")                                      \
	X(rag_or_tune, "plan rag-or-tune", "retrieval against a tune",                                                 \
	  "plan rag-or-tune --rag-per-month 350 --tune-upfront 2400 --tune-per-month 800")

/* Keeps what `runrate explain plan` shows; a folder that cannot be written is no error. */
void cmd_plan_keep(struct str json);
/* explain plan: every figure of the last plan, or the one of that name. Returns the exit code. */
int cmd_plan_explain(const char *name);

#endif
