/* SPDX-License-Identifier: Apache-2.0
 *
 * A ledger of known calls becomes the scenario that it should, and the scenario's bill is the ledger's bill.
 */
#include "t.h"

#include <math.h>
#include <unistd.h>

#include "base/intern.h"
#include "model/lever.h"
#include "plan/advise.h"
#include "report/plan_ledger.h"

static const char book_text[] =
	"provider,model,match,meter,price,per,currency,tier,region,speed,above_input_tok,valid_from,valid_to,window_utc,weekdays,"
	"source,source_date,derived_from,note\n"
	"acme,big,,in_plain,0.75,1M,USD,,,,,,,,,test,,,\n"
	"acme,big,,in_cache_read,0.075,1M,USD,,,,,,,,,test,,,\n"
	"acme,big,,in_cache_write_5m,0.9375,1M,USD,,,,,,,,,test,,,\n"
	"acme,big,,out_text,4.50,1M,USD,,,,,,,,,test,,,\n";

#define DAY INT64_C(86400000000)
static const int64_t NOW = INT64_C(1795000000000000);

static struct call a_call(unsigned i, const char *env, const char *model, bool hit)
{
	struct call c;
	struct lever_call l = {.usage = {.flags = USAGE_SEEN, .tier = TIER_STANDARD, .vendor_total_tok = 1650}};
	call_init(&c);
	c.id = call_id_make(NOW - 20 * DAY + i, 1, i);
	c.operation = c.id;
	c.start_us = NOW - 20 * DAY + i * (20 * DAY / 1000);
	c.end_us = c.start_us + 1000000;
	c.calls = 1;
	c.book = BOOK_INFERENCE;
	c.outcome = OUTCOME_OK;
	c.feature = intern(STR("support"));
	c.env = intern(str_of(env));
	c.provider = intern(STR("acme"));
	c.model_asked = c.model_answered = intern(str_of(model));
	c.currency = intern(STR("USD"));
	c.prefix_hash = i % 10 ? 77 : 1000 + i;
	l.usage.tok[CLASS_IN_PLAIN] = 1450;
	l.usage.tok[CLASS_OUT_TEXT] = 200;
	lever_cache(&l, 1100, hit, CLASS_IN_CACHE_WRITE_5M);
	c.usage = l.usage;
	return c;
}

TEST(ledger_to_scenario)
{
	char path[] = "/tmp/plan-ledger-XXXXXX";
	char file[64];
	struct err e = {0};
	T_TRUE(mkdtemp(path) != NULL);
	snprintf(file, sizeof file, "%s/l.db", path);
	struct ledger *l = ledger_open(file, LEDGER_WRITE, &e);
	struct book *b = book_parse(STR(book_text), "test.csv", &e);
	T_TRUE(l && b);
	if (!l || !b) {
		printf("  %s\n", e.what);
		return;
	}
	money_wide bill = 0;
	T_EQ_I(ledger_begin(l, &e), 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct call c = a_call(i, "production", "big", i % 5 != 0);
		struct price_query q = {.provider = STR("acme"), .model = STR("big"), .at_us = c.start_us};
		struct price_result r;
		T_EQ_I(price(b, &q, &c.usage, &r), 0);
		c.cost_pico = r.total_pico;
		c.price_status = PRICE_PRICED;
		bill += r.total_pico;
		T_EQ_I(ledger_add_call(l, &c, &e), 0);
	}
	for (unsigned i = 0; i < 50; i++) { /* a pilot, and a model without a price */
		struct call pilot = a_call(2000 + i, "pilot", "big", true), unknown = a_call(3000 + i, "production", "riddle", true);
		pilot.start_us = unknown.start_us = pilot.end_us = unknown.end_us = NOW - DAY;
		T_EQ_I(ledger_add_call(l, &pilot, &e), 0);
		T_EQ_I(ledger_add_call(l, &unknown, &e), 0);
	}
	T_EQ_I(ledger_commit(l, &e), 0);
	struct scenario *s = calloc(1, sizeof *s);
	struct plan_ledger out;
	struct plan_ledger_hints none = {NAN, NAN, NAN, NAN, NULL};
	int rc = plan_ledger_scenario(l, b, NOW - 20 * DAY, NOW, &none, s, &out, &e);
	if (rc < 0)
		printf("  %s\n", e.what);
	T_EQ_I(rc, 0);
	T_EQ_I(out.calls, 1050);
	T_EQ_I(out.left_out, 100);
	T_EQ_I(s->workloads, 1);
	const struct workload *w = &s->workload[0];
	T_EQ_S(w->name, "support");
	double months = 20 / (365.25 / 12);
	T_NEAR(w->v[W_volume].mode, 1000 / months, 0.01);
	T_NEAR(w->v[W_prefix].mode, 1100, 1e-9);
	T_NEAR(w->v[W_rest].mode, 350, 1e-9);
	T_NEAR(w->v[W_hit].mode, 0.8, 1e-9);
	T_TRUE(w->narrow_given && w->narrow && w->stable);
	/* the plan's money of a task is the ledger's mean call */
	double v[W_FIGURES];
	for (unsigned i = 0; i < W_FIGURES; i++)
		v[i] = w->v[i].mode;
	T_NEAR(task_money(v, &s->model[w->model].price, NULL, true), (double)bill / 1e12 / 1000, 1e-9);
	struct advice *a = calloc(1, sizeof *a);
	T_EQ_I(advise(s, a, &e), 0);
	T_NEAR(a->step[0].before, (double)bill / 1e12 / months, 0.01);
	/* an empty window says so */
	T_TRUE(plan_ledger_scenario(l, b, NOW, NOW + 1, &none, s, &out, &e) < 0);
	T_TRUE(strstr(e.what, "no production call") != NULL);
	free(a);
	free(s);
	ledger_close(l);
	book_free(b);
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", path);
	T_EQ_I(system(command), 0);
}

T_MAIN
