/* SPDX-License-Identifier: Apache-2.0
 *
 * See cap.h for the invariants. The two caps are different types on purpose; what they share is the sum
 * below and the window.
 *
 *      reserve                 settle
 *   ------------> reserved ----------------> spent       (same window)
 *                           '--------------> nothing     (the window is over: history)
 *
 * A call that costs nothing is never refused by a money limit, however much is spent: free local models go
 * on when the paid budget is used up.
 */
#include "model/cap.h"

#include "base/err.h"

/* Would `more` on top of what is held go over the limit? Nothing added is never over. No overflow. */
static bool over_i64(int64_t spent, int64_t reserved, int64_t more, int64_t limit)
{
	return limit != INT64_MAX && more > 0 && (__int128)spent + reserved + more > limit;
}

static bool over_u64(uint64_t spent, uint64_t reserved, uint64_t more, uint64_t limit)
{
	return limit != UINT64_MAX && more > 0 && (unsigned __int128)spent + reserved + more > limit;
}

/* Amounts that do not fit are stated as the most there is: a limit still refuses, nothing wraps. */
static int64_t plus_i64(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static uint64_t plus_u64(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* True when a new window begins. A clock that steps back does not re-open a window that is over. */
static bool roll(const struct cap_rule *r, int64_t *from_us, int64_t *to_us, const struct tz *z, int64_t now_us)
{
	int64_t from, to;
	if (*from_us < *to_us && now_us < *to_us)
		return false;
	window_bounds(r->window, z, now_us, &from, &to);
	if (*from_us < *to_us && from <= *from_us)
		return false;
	*from_us = from;
	*to_us = to;
	return true;
}

void inference_cap_roll(struct inference_cap *c, const struct tz *z, int64_t now_us)
{
	if (!roll(&c->rule, &c->from_us, &c->to_us, z, now_us))
		return;
	c->spent_pico = c->reserved_pico = 0;
	c->spent_tok = c->reserved_tok = 0;
	c->refused = 0;
}

/* The hold names what was really added, so that settling takes away the same. */
void inference_cap_hold(struct inference_cap *c, int64_t pico, uint64_t tok, struct cap_hold *hold)
{
	hold->window_from_us = c->from_us;
	hold->pico = plus_i64(c->reserved_pico, pico) - c->reserved_pico;
	hold->tok = plus_u64(c->reserved_tok, tok) - c->reserved_tok;
	c->reserved_pico += hold->pico;
	c->reserved_tok += hold->tok;
}

int inference_cap_reserve(struct inference_cap *c, int64_t pico, uint64_t tok, struct cap_hold *hold, bool *warn)
{
	bool over;
	check(pico >= 0);
	over = over_i64(c->spent_pico, c->reserved_pico, pico, c->rule.amount_pico) ||
	       over_u64(c->spent_tok, c->reserved_tok, tok, c->rule.tokens);
	if (warn)
		*warn = over && !c->rule.hard;
	if (over && c->rule.hard) {
		c->refused++;
		return -RR_BUDGET;
	}
	inference_cap_hold(c, pico, tok, hold);
	return 0;
}

void inference_cap_settle(struct inference_cap *c, const struct cap_hold *hold, int64_t used_pico, uint64_t used_tok)
{
	if (hold->window_from_us != c->from_us)
		return;
	check(c->reserved_pico >= hold->pico && c->reserved_tok >= hold->tok);
	c->reserved_pico -= hold->pico;
	c->reserved_tok -= hold->tok;
	c->spent_pico = plus_i64(c->spent_pico, used_pico > 0 ? used_pico : 0);
	c->spent_tok = plus_u64(c->spent_tok, used_tok);
}

void inference_cap_spend(struct inference_cap *c, int64_t used_pico, uint64_t used_tok)
{
	c->spent_pico = plus_i64(c->spent_pico, used_pico > 0 ? used_pico : 0);
	c->spent_tok = plus_u64(c->spent_tok, used_tok);
}

void training_cap_roll(struct training_cap *c, const struct tz *z, int64_t now_us)
{
	if (!roll(&c->rule, &c->from_us, &c->to_us, z, now_us))
		return;
	c->spent_pico = c->reserved_pico = 0;
	c->spent_jobs = c->reserved_jobs = 0;
	c->refused = 0;
}

void training_cap_hold(struct training_cap *c, int64_t pico, uint64_t jobs, struct cap_hold *hold)
{
	hold->window_from_us = c->from_us;
	hold->pico = plus_i64(c->reserved_pico, pico) - c->reserved_pico;
	hold->tok = plus_u64(c->reserved_jobs, jobs) - c->reserved_jobs;
	c->reserved_pico += hold->pico;
	c->reserved_jobs += hold->tok;
}

int training_cap_reserve(struct training_cap *c, int64_t pico, uint64_t jobs, struct cap_hold *hold, bool *warn)
{
	bool over;
	check(pico >= 0);
	over = over_i64(c->spent_pico, c->reserved_pico, pico, c->rule.amount_pico) ||
	       over_u64(c->spent_jobs, c->reserved_jobs, jobs, c->rule.jobs);
	if (warn)
		*warn = over && !c->rule.hard;
	if (over && c->rule.hard) {
		c->refused++;
		return -RR_BUDGET;
	}
	training_cap_hold(c, pico, jobs, hold);
	return 0;
}

void training_cap_settle(struct training_cap *c, const struct cap_hold *hold, int64_t used_pico, uint64_t used_jobs)
{
	if (hold->window_from_us != c->from_us)
		return;
	check(c->reserved_pico >= hold->pico && c->reserved_jobs >= hold->tok);
	c->reserved_pico -= hold->pico;
	c->reserved_jobs -= hold->tok;
	c->spent_pico = plus_i64(c->spent_pico, used_pico > 0 ? used_pico : 0);
	c->spent_jobs = plus_u64(c->spent_jobs, used_jobs);
}

void training_cap_spend(struct training_cap *c, int64_t used_pico, uint64_t used_jobs)
{
	c->spent_pico = plus_i64(c->spent_pico, used_pico > 0 ? used_pico : 0);
	c->spent_jobs = plus_u64(c->spent_jobs, used_jobs);
}

bool cap_counts_the_same(const struct cap_rule *a, const struct cap_rule *b)
{
	const struct cap_scope *s = &a->scope, *t = &b->scope;
	return a->window == b->window && strcmp(a->tz, b->tz) == 0 && currency_eq(a->currency, b->currency) &&
	       s->key == t->key && s->team == t->team && s->feature == t->feature && s->model == t->model &&
	       s->env == t->env;
}

bool cap_scope_matches(const struct cap_scope *s, uint32_t key, uint32_t team, uint32_t feature, uint32_t model,
		       uint32_t env)
{
	return (!s->key || s->key == key) && (!s->team || s->team == team) && (!s->feature || s->feature == feature) &&
	       (!s->model || s->model == model) && (!s->env || s->env == env);
}
