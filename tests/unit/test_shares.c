/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared costs and prepaid credit: parts that sum exactly whatever the weights, months that sum to the whole, what is
 * idle, and two bases of one credit that count every unit once.
 */
#include "report/shares.h"

#include "base/fs.h"
#include "ledger_help.h"
#include "report/amounts.h"
#include "report/payback.h"
#include "report/report.h"
#include "t.h"

enum { MOST = 40 };

/* Rule 1 by its definition: nobody is a whole unit away from the exact part, the sum is exact, and of two parts the one that was
 * rounded up had lost at least as much as the one that was not. */
static void judge(money_wide pico, const money_wide *w, unsigned n)
{
	money_wide out[MOST], sum = 0, all = 0, size = pico < 0 ? -pico : pico, least_up = -1, most_down = -1;
	share_split(pico, w, n, out);
	for (unsigned i = 0; i < n; i++) {
		sum += out[i];
		all += w[i];
	}
	T_TRUE(sum == pico);
	for (unsigned i = 0; i < n; i++) {
		money_wide rest, down = money_divide(size, w[i], all, &rest), got = pico < 0 ? -out[i] : out[i];
		T_TRUE(got == down || got == down + 1);
		if (got == down + 1 && (least_up < 0 || rest < least_up))
			least_up = rest;
		if (got == down && rest > most_down)
			most_down = rest;
	}
	T_TRUE(least_up < 0 || most_down <= least_up);
}

TEST(parts_sum_to_the_whole_to_the_last_unit)
{
	struct rng r;
	money_wide w[MOST], out[MOST];
	rng_seed(&r, 5);
	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = 1 + (unsigned)rng_below(&r, MOST);
		money_wide all = 0, pico = (money_wide)rng_u64(&r) * (round % 3 == 0 ? 1000003 : 1) * (round % 7 == 0 ? -1 : 1);
		for (unsigned i = 0; i < n; i++) {
			w[i] = round % 5 == 0 ? 1 : (money_wide)(rng_u64(&r) >> (rng_below(&r, 63)));
			w[i] = rng_below(&r, 10) == 0 ? 0 : w[i];
			all += w[i];
		}
		if (all > 0)
			judge(pico, w, n);
	}
	w[0] = w[1] = w[2] = 1;
	share_split(100, w, 3, out); /* a tie: the first by name gets the unit that is left */
	T_EQ_I(out[0], 34);
	T_EQ_I(out[1], 33);
	T_EQ_I(out[2], 33);
}

static int64_t tokens_day;

static void add_call(struct ledger *l, const char *team, const char *provider, uint64_t tok, int64_t cost, int64_t us)
{
	static uint64_t n;
	struct rng r;
	struct call c;
	struct err e = {0};
	rng_seed(&r, ++n);
	help_call(&c, &r, n, 1);
	c.start_us = us;
	c.end_us = us + 5;
	c.team = team ? intern(str_of(team)) : 0;
	c.provider = intern(str_of(provider));
	c.book = BOOK_INFERENCE;
	c.currency = intern(STR("USD"));
	c.cost_pico = cost;
	c.price_status = PRICE_PRICED;
	c.outcome = OUTCOME_OK;
	memset(c.usage.tok, 0, sizeof c.usage.tok);
	c.usage.tok[CLASS_IN_PLAIN] = tok;
	c.env = 0;
	T_EQ_I(ledger_add_call(l, &c, &e), 0);
	tokens_day += (int64_t)tok;
}

static money_wide line_of(const struct report_part *p, const char *key, const char *shared)
{
	for (unsigned i = 0; i < p->count; i++)
		if (str_eqc(p->lines[i].key, key) && str_eqc(p->lines[i].shared, shared))
			return p->lines[i].cost_pico;
	return -1;
}

TEST(a_box_by_tokens_with_what_was_idle_and_calls_without_a_team)
{
	static const char yaml[] = "shared:\n  - name: box\n    cost: {provider: local}\n    by: tokens\n    used_by: {provider: local}\n"
				   "    capacity: 7300\n"; /* 730 h: 10 an hour */
	struct err e = {0};
	struct ledger *l = help_ledger();
	struct report_query q = {.tz = tz_get("UTC", NULL), .from_us = HELP_T0, .to_us = HELP_T0 + 100 * 3600 * US_PER_S,
			.by = BY_TEAM,
				 .env = "all", .now_us = HELP_T0 + 40 * US_PER_DAY};
	struct shares *s = NULL;
	struct report r;
	struct arena a;
	char path[300];
	money_wide sum = 0;
	arena_init(&a, 1 << 26);
	snprintf(path, sizeof path, "%s/shares.yaml", help_dir);
	T_EQ_I(fs_write_atomic(path, str_of(yaml), 0600, &e), 0);
	T_EQ_I(shares_load(path, &a, &s, &e), 0);
	q.shares = s;
	T_EQ_I(ledger_begin(l, &e), 0);
	add_call(l, "ads", "local", 300, 70, HELP_T0 + 5);
	add_call(l, "search", "local", 100, 30, HELP_T0 + 6);
	add_call(l, NULL, "local", 100, 1, HELP_T0 + 7);
	add_call(l, "ads", "openai", 5000, 1000, HELP_T0 + 8); /* other calls carry nothing of it */
	T_EQ_I(ledger_commit(l, &e), 0);
	T_EQ_I(report_make(&r, l, &q, &a, &e), 0);
	/* 101 over 300 + 100 + 100 and, of 1,000 in these hours, 500 that nobody used */
	T_TRUE(line_of(&r.inference, "ads", "") == 1000);
	T_TRUE(line_of(&r.inference, "ads", "box") == 30);
	T_TRUE(line_of(&r.inference, "search", "box") == 10);
	T_TRUE(line_of(&r.inference, "", "box") == 10);
	T_TRUE(line_of(&r.inference, "(idle)", "box") == 51);
	for (unsigned i = 0; i < r.inference.count; i++)
		sum += r.inference.lines[i].cost_pico;
	T_TRUE(sum == 1101 && r.inference.total_pico == 1101);
	T_EQ_I(r.calls, 4);
	q.by = BY_MODEL; /* every other report shows it where it arose */
	T_EQ_I(report_make(&r, l, &q, &a, &e), 0);
	T_TRUE(r.inference.count == 1 && r.inference.lines[0].cost_pico == 1101);
	help_done(l);
	arena_fini(&a);
}

static money_wide inference_of(struct ledger *l, enum report_basis basis, int64_t from_day, int64_t to_day)
{
	struct err e = {0};
	struct report_query q = {.tz = tz_get("UTC", NULL), .from_us = HELP_T0 + from_day * US_PER_DAY,
			.to_us = HELP_T0 + to_day * US_PER_DAY,
				 .basis = basis, .env = "all", .now_us = HELP_T0 + 400 * US_PER_DAY};
	struct report r;
	struct arena a;
	money_wide total;
	arena_init(&a, 1 << 24);
	T_EQ_I(report_make(&r, l, &q, &a, &e), 0);
	total = r.inference.total_pico;
	T_TRUE(r.training.total_pico == 0);
	for (unsigned i = 0; i < r.inference.count; i++)
		total -= r.inference.lines[i].cost_pico;
	T_TRUE(total == 0); /* the lines say all of it */
	total = r.inference.total_pico;
	arena_fini(&a);
	return total;
}

TEST(prepaid_credit_counts_once_on_either_basis_and_what_is_left_is_lost_at_its_end)
{
	struct err e = {0};
	struct ledger *l = help_ledger();
	struct outlay o = {.kind = OUTLAY_PREPAID, .date_us = HELP_T0 + 2 * US_PER_DAY,
			.retires_us = HELP_T0 + 10 * US_PER_DAY,
			   .currency = {"USD"}, .amount_pico = 100};
	str_copy(o.id, sizeof o.id, STR("o-1"));
	str_copy(o.provider, sizeof o.provider, STR("openai"));
	T_EQ_I(ledger_begin(l, &e), 0);
	for (unsigned d = 0; d < 20; d++)
		add_call(l, "t", "openai", 10, 9, HELP_T0 + d * US_PER_DAY + 77);
	add_call(l, "t", "anthropic", 10, 1000, HELP_T0 + 3 * US_PER_DAY); /* another vendor's */
	T_EQ_I(ledger_commit(l, &e), 0);
	T_EQ_I(ledger_add_outlay(l, &o, &e), 0);
	/* days 2 to 9 draw 8 x 9 = 72 of 100; 28 end unused on day 10 */
	T_TRUE(inference_of(l, BASIS_CASH, 0, 20) == 1000 + 20 * 9 - 72 + 100);
	T_TRUE(inference_of(l, BASIS_AMORTISED, 0, 20) == 1000 + 20 * 9 + 28);
	T_TRUE(inference_of(l, BASIS_CASH, 4, 10) == 0);      /* six days that were paid before */
	T_TRUE(inference_of(l, BASIS_CASH, 10, 20) == 90);
	T_TRUE(inference_of(l, BASIS_AMORTISED, 4, 10) == 54); /* and were used then */
	T_TRUE(inference_of(l, BASIS_AMORTISED, 10, 20) == 90 + 28);
	/* a second one takes over where the first is used up, in the order of their dates */
	o.amount_pico = 5;
	o.date_us = HELP_T0;
	str_copy(o.id, sizeof o.id, STR("o-2"));
	T_EQ_I(ledger_add_outlay(l, &o, &e), 0);
	T_TRUE(inference_of(l, BASIS_CASH, 0, 1) == 9 - 5 + 5);
	T_TRUE(inference_of(l, BASIS_CASH, 0, 20) == inference_of(l, BASIS_AMORTISED, 0, 20) + 0);
	help_done(l);
}

TEST(a_tune_pays_back_by_what_its_features_calls_cost_before_and_since)
{
	struct err e = {0};
	struct ledger *l = help_ledger();
	const int64_t month_us = 730 * 3600 * US_PER_S;
	struct outlay o = {.kind = OUTLAY_FINETUNE, .date_us = HELP_T0 + 10 * US_PER_DAY, .currency = {"USD"},
			.amount_pico = 600};
	struct payback p;
	str_copy(o.serves, sizeof o.serves, STR("bot"));
	T_EQ_I(payback_of(&p, l, &o, o.date_us + month_us, &e), 0);
	T_TRUE(!p.known);
	T_EQ_I(ledger_begin(l, &e), 0);
	for (unsigned i = 0; i < 30; i++) /* ten at 10, then twenty at 4; another feature's beside them */
		for (unsigned other = 0; other < 2; other++) {
			struct call c;
			struct rng r;
			rng_seed(&r, i * 2 + other);
			help_call(&c, &r, 1000 + i * 2 + other, 1);
			c.start_us = i < 10 ? HELP_T0 + 3600 * US_PER_S * (int64_t)i : o.date_us + 3600 * US_PER_S * (int64_t)i;
			c.feature = intern(other ? STR("else") : STR("bot"));
			c.book = BOOK_INFERENCE;
			c.currency = intern(STR("USD"));
			c.price_status = PRICE_PRICED;
			c.outcome = OUTCOME_OK;
			c.cost_pico = other ? 999 : i < 10 ? 10 : 4;
			T_EQ_I(ledger_add_call(l, &c, &e), 0);
		}
	T_EQ_I(ledger_commit(l, &e), 0);
	T_EQ_I(payback_of(&p, l, &o, o.date_us + month_us, &e), 0);
	T_TRUE(p.known && p.pays && p.saved_pico == 10 * 20 - 4 * 20);
	T_EQ_I(p.calls_before, 10);
	T_EQ_I(p.calls_since, 20);
	T_NEAR(p.months_left, 4, 1e-9); /* 480 at 120 a month */
	o.amount_pico = 100;
	T_EQ_I(payback_of(&p, l, &o, o.date_us + month_us, &e), 0);
	T_TRUE(p.pays && p.months_left == 0);
	o.date_us = HELP_T0 + 5 * 3600 * US_PER_S; /* 10 before,
			130 / 25 since: still a saving; the other way round it is none */
	T_EQ_I(payback_of(&p, l, &o, o.date_us + month_us, &e), 0);
	T_TRUE(p.saved_pico == 10 * 25 - (5 * 10 + 20 * 4));
	help_done(l);
}

int main(int argc, char **argv)
{
	return t_run(argc, argv);
}
