/* SPDX-License-Identifier: Apache-2.0
 *
 * A bill that several teams cause together, given to them by a stated key: a GPU box, a seat plan, a flat fee.
 *
 *   shared:
 *     - name: gpu-box
 *       cost: {outlay: o-gpu-box}      # or provider, model, project, surface: which costs are shared
 *       by: tokens                     # tokens, calls, cost: of the calls below; or fixed
 *       used_by: {provider: local}     # whose calls carry it; left out: all of them
 *       capacity: 500M                 # a month's tokens or calls: what of it was not used is idle
 *     - {name: seats, cost: {surface: "bill O seats"}, by: fixed, capacity: 100, teams: {search: 60, ads: 30}}
 *
 * 1. The parts sum to the shared cost to the last 10^-12: each team gets its share rounded down, and what is left
 *    goes by one to those whose share lost most (Hamilton's method), ties by name. Month by month where months stand
 *    side by side.
 * 2. What nobody used stands as "(idle)", never spread over those who did. Calls without a team carry their part as
 *    "(none)".
 * 3. Only `report --by team` shares; every other report shows the cost where it arose.
 */
#ifndef RR_REPORT_SHARES_H
#define RR_REPORT_SHARES_H

#include "base/arena.h"
#include "ledger/ledger.h"

enum { SHARES_POOLS = 32, SHARES_COLUMNS = 4, SHARES_TEAMS = 4096, SHARES_FIXED = 256 };
enum share_key { SHARE_TOKENS, SHARE_CALLS, SHARE_COST, SHARE_FIXED, SHARE_KEYS };

struct share_match { /* empty members match all */
	struct str provider, model, project, surface, outlay;
};
struct share_pool {
	struct str name;
	enum share_key key;
	struct share_match cost, used_by;
	uint64_t capacity; /* of a month of 730 h; fixed: of all shares; 0: nothing is idle */
	struct {
		struct str team;
		uint64_t weight; /* millionths */
	} fixed[SHARES_FIXED];
	unsigned fixed_count;
};
struct shares {
	struct share_pool pool[SHARES_POOLS];
	unsigned count;
};
/* The file into the arena; what is wrong with it, with places, is in e. */
int shares_load(const char *path, struct arena *a, struct shares **out, struct err *e);

/* The pool whose cost that row, or that outlay, is; -1: of none. */
int shares_pool_of(const struct shares *s, const struct rollup_key *k);
int shares_pool_of_outlay(const struct shares *s, const struct outlay *o);

struct share_fold;
struct share_fold *share_fold_new(const struct shares *s);
void share_fold_free(struct share_fold *f); /* also NULL */
void share_add_cost(struct share_fold *f, int pool, enum book_kind book, unsigned column, money_wide pico);
/* A row of usage, for every pool that it carries. -RR_LIMIT: more than SHARES_TEAMS teams. */
int share_add_use(struct share_fold *f, const struct rollup_row *x, unsigned column, money_wide pico);
/* months: of each column. part is called for each pool, book, column and team; team NULL: idle. */
int share_give(struct share_fold *f, unsigned columns, const double *months,
	       int (*part)(void *arg, const struct share_pool *p, enum book_kind book, const struct str *team,
			unsigned column, money_wide pico),
	       void *arg);

/* pico over weights that sum above 0, by rule 1. For tests, too. */
void share_split(money_wide pico, const money_wide *weight, unsigned n, money_wide *out);

#endif
