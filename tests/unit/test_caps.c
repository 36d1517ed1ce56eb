/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's table of caps against a plain list of calls: caps come, go and come back while calls are under way, and
 * each counts what touches it once, whether the call was there first or the cap.
 */
#include "gate/gate.h"
#include "ledger_help.h"
#include "t.h"

enum { RULES = 6, CALLS = 64, STEPS = 4000, NAMES = 3 };

struct under_way {
	struct cap_ticket ticket;
	struct cap_scope who;
	int64_t most_pico;
	uint64_t most_tok, on[RULES]; /* the life of each rule in which it was reserved there; 0 = not */
	bool open;
};

static struct {
	struct cap_row row;
	bool there;
	uint64_t life; /* counts how often it came */
	int64_t pico, reserved_pico;
	uint64_t tok, reserved_tok;
} rule[RULES];
static struct under_way calls[CALLS];

static uint32_t team(uint64_t n)
{
	return help_name("team", n);
}

static bool on(unsigned i, const struct cap_scope *who)
{
	const struct cap_scope *s = &rule[i].row.rule.scope;
	return rule[i].there && (!s->team || s->team == who->team) && (!s->model || s->model == who->model);
}

static void make_rules(void)
{
	memset(rule, 0, sizeof rule);
	for (unsigned i = 0; i < RULES; i++) {
		struct cap_rule *r = &rule[i].row.rule;
		rule[i].row.book = BOOK_INFERENCE;
		snprintf(r->id, sizeof r->id, "cap-%u", i);
		r->scope.team = i % 3 ? team(i % NAMES) : 0;
		r->scope.model = i % 2 ? help_name("model", i % NAMES) : 0;
		r->window = WINDOW_TOTAL;
		r->currency = USD;
		r->amount_pico = 1000;
		r->tokens = r->jobs = UINT64_MAX;
	}
}

/* Some of the rules, as a reload finds them. One that was there goes on; one that comes back begins anew. */
static void reload(struct caps *c, struct ledger *l, struct rng *r)
{
	struct cap_row rows[RULES];
	struct err e = {0};
	unsigned n = 0;
	for (unsigned i = 0; i < RULES; i++) {
		bool there = rng_below(r, 3) > 0;
		if (there && !rule[i].there) {
			rule[i].life++;
			rule[i].pico = rule[i].reserved_pico = 0;
			rule[i].tok = rule[i].reserved_tok = 0;
		}
		rule[i].there = there;
		if (there)
			rows[n++] = rule[i].row;
	}
	OK(caps_load(c, l, rows, n, &e));
}

static void begin(struct caps *c, struct rng *r, struct under_way *u)
{
	struct cap_refusal no;
	bool warn;
	struct cap_ask ask = {.currency = USD, .priced = true, .most_pico = (int64_t)rng_below(r, 500)};
	ask.most_tok = rng_below(r, 500);
	ask.likely_pico = ask.most_pico;
	ask.likely_tok = ask.most_tok;
	ask.who = (struct cap_scope){.team = team(rng_below(r, NAMES)), .model = help_name("model", rng_below(r, NAMES))};
	*u = (struct under_way){.who = ask.who, .most_pico = ask.most_pico, .most_tok = ask.most_tok, .open = true};
	T_EQ_I(caps_reserve(c, &ask, &u->ticket, &no, &warn), 0);
	for (unsigned i = 0; i < RULES; i++)
		if (on(i, &u->who)) {
			u->on[i] = rule[i].life;
			rule[i].reserved_pico += u->most_pico;
			rule[i].reserved_tok += u->most_tok;
		}
}

static void end(struct caps *c, struct rng *r, struct under_way *u)
{
	int64_t pico = (int64_t)rng_below(r, 500);
	uint64_t tok = rng_below(r, 500);
	caps_settle(c, &u->ticket, pico, tok);
	caps_settle(c, &u->ticket, 7, 7); /* a second time is nobody's */
	u->open = false;
	for (unsigned i = 0; i < RULES; i++) {
		if (!on(i, &u->who))
			continue;
		rule[i].pico += pico;
		rule[i].tok += tok;
		if (u->on[i] == rule[i].life) {
			rule[i].reserved_pico -= u->most_pico;
			rule[i].reserved_tok -= u->most_tok;
		}
	}
}

static void compare(struct caps *c)
{
	struct cap_live live[RULES];
	unsigned n = caps_list(c, live, RULES), there = 0;
	for (unsigned i = 0; i < RULES; i++)
		there += rule[i].there;
	T_EQ_I(n, there);
	for (unsigned k = 0; k < n; k++) {
		unsigned i = (unsigned)(live[k].rule.id[4] - '0');
		T_EQ_I(live[k].spent_pico, rule[i].pico);
		T_EQ_I(live[k].spent_tok, rule[i].tok);
		T_EQ_I(live[k].reserved_pico, rule[i].reserved_pico);
		T_EQ_I(live[k].reserved_tok, rule[i].reserved_tok);
	}
}

TEST(a_call_counts_once_on_each_cap_that_is_there_when_it_ends)
{
	struct err e = {0};
	struct ledger *l = help_ledger();
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct rng r;
		struct caps *c = caps_new(&clock_system, (struct fx){NULL, 0}, &e);
		rng_seed(&r, seed);
		make_rules();
		memset(calls, 0, sizeof calls);
		for (unsigned step = 0; step < STEPS; step++) {
			struct under_way *u = &calls[rng_below(&r, CALLS)];
			if (step && !rng_below(&r, 40)) /* the first calls meet no cap at all */
				reload(c, l, &r);
			else if (u->open)
				end(c, &r, u);
			else
				begin(c, &r, u);
			compare(c);
		}
		for (unsigned i = 0; i < CALLS; i++)
			if (calls[i].open)
				end(c, &r, &calls[i]);
		compare(c);
		for (unsigned i = 0; i < RULES; i++)
			T_TRUE(!rule[i].there || (rule[i].reserved_pico == 0 && rule[i].reserved_tok == 0));
		caps_free(c);
	}
	help_done(l);
}

/* The caps of a file are named by their order: one that stands in another's place has counted nothing of it. */
TEST(a_cap_in_the_place_of_another_begins_anew)
{
	struct err e = {0};
	struct ledger *l = help_ledger();
	struct caps *c = caps_new(&clock_system, (struct fx){NULL, 0}, &e);
	struct cap_ask ask = {.currency = USD, .priced = true, .likely_pico = 90, .likely_tok = 9, .who.team = team(0)};
	struct cap_ticket spent, open;
	struct cap_refusal no;
	struct cap_live live;
	bool warn;
	make_rules();
	rule[0].row.rule.scope.team = team(0);
	OK(caps_load(c, l, &rule[0].row, 1, &e));
	OK(caps_reserve(c, &ask, &spent, &no, &warn));
	OK(caps_reserve(c, &ask, &open, &no, &warn));
	caps_settle(c, &spent, 70, 7);
	rule[0].row.rule.amount_pico = 50; /* another limit: it goes on */
	OK(caps_load(c, l, &rule[0].row, 1, &e));
	T_EQ_I(caps_list(c, &live, 1), 1);
	T_TRUE(live.spent_pico == 70 && live.reserved_pico == 90 && live.spent_tok == 7 && live.reserved_tok == 9);
	rule[0].row.rule.scope.team = team(1);
	OK(caps_load(c, l, &rule[0].row, 1, &e));
	caps_settle(c, &open, 80, 8);
	T_EQ_I(caps_list(c, &live, 1), 1);
	T_TRUE(live.spent_pico == 0 && live.reserved_pico == 0 && live.spent_tok == 0 && live.reserved_tok == 0);
	caps_free(c);
	help_done(l);
}

/* More open work than the table of it holds: the oldest gives way, and what it held counts in full, in any currency. */
TEST(work_that_gives_way_counts_as_what_was_reserved_for_it)
{
	enum { WORK = JOB_NOTES * 2 };
	const struct fx_rate half = {{"USD"}, {"GBP"}, PICO_PER_UNIT / 2, 0};
	const struct fx fx = {&half, 1};
	struct err e = {0};
	struct gate *g = calloc(1, sizeof *g);
	struct ledger *l = help_ledger();
	struct cap_row row = {.book = BOOK_INFERENCE};
	struct cap_live live;
	struct jobs *jobs;
	g->caps = caps_new(&clock_system, fx, &e);
	g->training = training_new(&clock_system, fx, &e);
	jobs = jobs_new(g, &e);
	row.rule = (struct cap_rule){.id = "cap-0", .window = WINDOW_TOTAL, .currency = {"GBP"}, .amount_pico = INT64_MAX - 1,
				     .tokens = UINT64_MAX, .jobs = UINT64_MAX};
	OK(caps_load(g->caps, l, &row, 1, &e));
	for (unsigned i = 0; i < WORK; i++) {
		struct cap_ask ask = {.currency = USD, .priced = true, .most_pico = 60, .likely_pico = 60, .most_tok = 7, .likely_tok = 7};
		struct job_note note = {.row = {.kind = JOB_RESPONSE, .asked_us = i + 1}};
		struct cap_refusal no;
		bool warn;
		note.key = jobs_ask_key((struct call_id){i, 1});
		OK(caps_reserve(g->caps, &ask, &note.inference, &no, &warn));
		jobs_remember(jobs, &note);
	}
	T_EQ_I(caps_list(g->caps, &live, 1), 1);
	T_TRUE(live.spent_pico >= INT64_C(30) * (WORK - JOB_NOTES) && live.spent_tok >= 7 * (WORK - JOB_NOTES));
	T_EQ_I(live.spent_pico + live.reserved_pico, INT64_C(30) * WORK);
	T_EQ_I(live.spent_tok + live.reserved_tok, 7 * WORK);
	jobs_free(jobs);
	training_free(g->training);
	caps_free(g->caps);
	free(g);
	help_done(l);
}

T_MAIN
