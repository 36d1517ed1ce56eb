/* SPDX-License-Identifier: Apache-2.0
 *
 * Caps: reserve before a call, settle after it, refuse what would go over. Pure: numbers in, numbers out.
 *
 * 1. spent + reserved <= limit at each admission of a hard cap: overspend is 0.
 * 2. Every reservation is settled exactly once (or released); when all is quiet, reserved is 0.
 * 3. An amount settles into the window in which it was reserved: a reset never leaks a reservation.
 * 4. The inference cap and the training cap are different types: nothing can mix the two checkbooks.
 */
#ifndef RR_MODEL_CAP_H
#define RR_MODEL_CAP_H

#include "base/tz.h"
#include "model/call.h"

/* What a cap watches; 0 (the empty string) = any. Interned. */
struct cap_scope {
	uint32_t key, team, feature, model, env;
};

struct cap_rule {
	char id[24];
	struct cap_scope scope;
	enum window window;
	char tz[48];
	bool hard;
	struct currency currency;
	int64_t amount_pico;   /* INT64_MAX = no money limit */
	uint64_t tokens;       /* UINT64_MAX = no token limit */
	uint64_t jobs;         /* training only; UINT64_MAX = no limit */
};

struct inference_cap {
	struct cap_rule rule;
	int64_t from_us, to_us; /* the current window */
	int64_t spent_pico, reserved_pico;
	uint64_t spent_tok, reserved_tok;
	uint64_t refused;       /* calls refused in this window */
};

struct training_cap {
	struct cap_rule rule;
	int64_t from_us, to_us;
	int64_t spent_pico, reserved_pico;
	uint64_t spent_jobs, reserved_jobs;
	uint64_t refused;
};

/* What a call holds while it is under way. window_from_us names the window it belongs to. */
struct cap_hold {
	int64_t window_from_us;
	int64_t pico;
	uint64_t tok;
};

/* Opens the window that holds now, if the current one is over: spent becomes 0, open reservations stay
 * with their own window (they settle as history and do not touch the new one). */
void inference_cap_roll(struct inference_cap *c, const struct tz *z, int64_t now_us);
/* 0 and *hold filled, or -RR_BUDGET for a hard cap that it would exceed (nothing is changed but
 * `refused`). A soft cap always admits; *warn is set when it is over. */
int inference_cap_reserve(struct inference_cap *c, int64_t pico, uint64_t tok, struct cap_hold *hold, bool *warn);
/* The same without asking: what was admitted before a restart is held again. */
void inference_cap_hold(struct inference_cap *c, int64_t pico, uint64_t tok, struct cap_hold *hold);
/* Releases the hold and books what was used. A settle for an earlier window books nothing here. */
void inference_cap_settle(struct inference_cap *c, const struct cap_hold *hold, int64_t used_pico, uint64_t used_tok);

/* Books what nothing was held for: work that the vendor did later (a batch's line). */
void inference_cap_spend(struct inference_cap *c, int64_t used_pico, uint64_t used_tok);

void training_cap_roll(struct training_cap *c, const struct tz *z, int64_t now_us);
int training_cap_reserve(struct training_cap *c, int64_t pico, uint64_t jobs, struct cap_hold *hold, bool *warn);
void training_cap_hold(struct training_cap *c, int64_t pico, uint64_t jobs, struct cap_hold *hold);
void training_cap_settle(struct training_cap *c, const struct cap_hold *hold, int64_t used_pico, uint64_t used_jobs);

void training_cap_spend(struct training_cap *c, int64_t used_pico, uint64_t used_jobs);

/* Do both count the same things in the same way? Then what one has counted is the other's. */
bool cap_counts_the_same(const struct cap_rule *a, const struct cap_rule *b);
/* scope matches the call's names. */
bool cap_scope_matches(const struct cap_scope *s, uint32_t key, uint32_t team, uint32_t feature, uint32_t model,
		       uint32_t env);

#endif
