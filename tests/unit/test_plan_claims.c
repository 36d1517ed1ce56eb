/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts: each of the four, tolerance by the stated figure's own digits, ranges, needs that really make the figure,
 * and inputs that are changed: the answer follows.
 */
#include "t.h"

#include <math.h>

#include "plan/claims.h"

static struct claim c;
static char error_text[400];

static int check_text(const char *text)
{
	struct conf_doc d;
	struct arena a;
	memset(&d, 0, sizeof d);
	arena_init(&a, 1 << 20);
	int rc = conf_parse(&d, &a, str_of(text), "claim.yaml");
	if (rc == 0)
		rc = claim_read(&c, &d, 0);
	snprintf(error_text, sizeof error_text, "%u:%u %s", d.errors ? d.error[0].line : 0, d.errors ? d.error[0].column : 0,
		 d.errors ? d.error[0].what : "");
	arena_fini(&a);
	return rc;
}

static void verdict(const char *text, enum verdict want)
{
	int rc = check_text(text);
	if (rc < 0 || c.verdict != want) {
		printf("  %s -> %s %s, wanted %s\n", text, rc < 0 ? "error" : verdict_name(c.verdict), error_text, verdict_name(want));
		T_TRUE(false);
	}
}

TEST(tolerance_is_the_stated_figures_own_digits)
{
#define CALLS(price, stated) "kind: calls_cost\ninputs: {calls_per_day: 10k, input_tokens: 500, output_tokens: 300, price_in: " \
	price ", price_out: 4.50}\nstated: {per_month: " stated "}\n"
	verdict(CALLS("0.75", "518"), VERDICT_HOLDS);    /* 517.5 */
	verdict(CALLS("0.75", "510"), VERDICT_REFUTED);
	verdict(CALLS("0.80", "518"), VERDICT_REFUTED);  /* 525 */
	verdict(CALLS("0.80", "525"), VERDICT_HOLDS);
	verdict(CALLS("0.75", "0.5k"), VERDICT_HOLDS);   /* one digit */
	verdict(CALLS("0.75", "{low: 500, high: 600}"), VERDICT_HOLDS);
	verdict(CALLS("{low: 0.70, high: 0.80}", "518"), VERDICT_FEASIBLE);
	verdict(CALLS("{low: 0.80, high: 0.90}", "518"), VERDICT_REFUTED);
	verdict(CALLS("{low: 0.70, high: 0.80}", "{low: 520, high: 560}"), VERDICT_FEASIBLE);
	verdict(CALLS("{low: 0.70, high: 0.80}", "{low: 500, high: 700}"), VERDICT_HOLDS);
	verdict(CALLS("0.75", "518, goodness: 7"), VERDICT_REFERENCE);
}

TEST(changed_inputs_change_the_answer)
{
	for (unsigned i = 1; i <= 40; i++) {
		char text[400];
		double saving = 400 * i, bill = 4000;
		snprintf(text, sizeof text, "kind: payback\ninputs: {outlay: 8000, bill_per_month: %g, saving_per_month: %g, weeks_wanted: "
			 "3}\nstated: {weeks: 3}\n", bill > saving ? bill : saving, saving);
		T_EQ_I(check_text(text), 0);
		double weeks = 8000 / saving * 365.25 / 84;
		T_NEAR(c.cases[0].out[formula_output(c.formula, STR("weeks"))].low, weeks, 1e-12);
		T_EQ_I(c.verdict, fabs(weeks - 3) <= 0.5 ? VERDICT_HOLDS : VERDICT_REFUTED);
	}
}

/* A need says: with this value the figure comes out. Put it in and see. */
TEST(needs_make_the_figure)
{
	T_EQ_I(check_text("kind: cache\ninputs: {prefix: 50000, rest: 2000, calls_per_day: 1000, price_in: 0.40, hit: 0.99, read: "
			  "0.1, write: 1.25}\nstated: {after_per_day: 1.5}\nalso: [{case: free, inputs: {write: 1}}]\n"), 0);
	T_EQ_I(c.verdict, VERDICT_REFUTED);
	T_TRUE(c.needs >= 4);
	for (unsigned i = 0; i < c.needs; i++) {
		struct formula_run r = c.cases[c.need[i].which_case].run;
		r.in[c.need[i].input] = c.need[i].value.low;
		formula_compute(&r);
		T_NEAR(formula_value(&r, "after_per_day"), 1.5, 1e-6);
	}
}

TEST(reference_and_rests_on)
{
	verdict("kind: reference\nstated: {gpt4: 78M}\n", VERDICT_REFERENCE);
	verdict("kind: ratio\ninputs: {amount: 8000, base: 4000}\nstated: {ratio: 5, quality: 80 %}\n", VERDICT_REFUTED);
	verdict("kind: ratio\ninputs: {amount: 8000, base: 4000}\nstated: {ratio: 5, quality: 80 %}\nrests_on: [quality]\n",
		VERDICT_REFERENCE);
	verdict("kind: stack_set\ninputs: {before: 12000, after: 1440}\nstated: {saving_share: 88 %}\n", VERDICT_FEASIBLE);
	verdict("kind: stack_set\ninputs: {before: 12000, after: 1440, route_saving: 0.1, batch_share: 0.2, cache_share: "
		"0.3}\nstated: {saving_share: 88 %}\n", VERDICT_REFUTED);
	verdict("kind: payback\ninputs: {outlay: 8000, bill_per_month: 518, saving_share: {low: 0.5, high: 1}}\n", VERDICT_FEASIBLE);
}

TEST(bad_files)
{
	static const struct {
		const char *text, *part;
	} bad[] = {
		{"kind: paybak\n", "did you mean payback"},
		{"kind: payback\nstatet: {x: 1}\n", "did you mean stated"},
		{"kind: payback\ninputs: {outlai: 8000}\n", "did you mean outlay"},
		{"kind: batch\ninputs: {share: 1.2}\n", "share is 1.2: allowed is from 0 to 1"},
		{"kind: batch\ncurrency: GBP\ninputs: {bill: USD 5, share: 0.2}\n", "mixed currencies"},
		{"kind: selfhost\ninputs: {rate: 2, tps: 5, api_per_mtok: 3, utilisation: 0}\n", "allowed is above 0"},
		{"kind: cache\ninputs: {prefix: 0, calls_per_day: 1, price_in: 1, hit: 0.5}\n", "needs a prefix"},
		{"kind: batch\ninputs: {share: {low: 0.5, high: 0.2}}\n", "upside down"},
		{"inputs: {share: 1}\n", "kind is missing"},
		{"kind: route\ninputs: {baseline: 3, mix: {a: {share: 0.5, price: 1}}}\n", "sum to 0.5"},
		{"kind: route\ninputs: {baseline: 3, mix: {a: {share: 0.5, prise: 1}}}\n", "did you mean price"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int rc = check_text(bad[i].text);
		if (rc >= 0 || !strstr(error_text, bad[i].part)) {
			printf("  %s -> %d %s\n", bad[i].text, rc, error_text);
			T_TRUE(false);
		}
	}
}

T_MAIN
