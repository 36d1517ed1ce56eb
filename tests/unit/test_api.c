/* SPDX-License-Identifier: Apache-2.0
 *
 * The public library as a stranger uses it: only its own header, linked to librunrate.
 */
#include "t.h"

#include <math.h>
#include <runrate/runrate.h>

TEST(plans)
{
	char error[400] = "";
	const struct runrate_input in[] = {{"rate", "$2.50"}, {"tps", "2000"}, {"api-per-mtok", "3"}, {"utilisation", "20 %"}};
	struct runrate_plan *p = runrate_plan_new("selfhost", in, 4, error, sizeof error);
	T_TRUE(p != NULL);
	if (!p) {
		printf("  %s\n", error);
		return;
	}
	T_NEAR(runrate_plan_value(p, "full_load_per_mtok"), 2.5 / 7.2, 1e-12);
	T_NEAR(runrate_plan_value(p, "effective_per_mtok"), 2.5 / 7.2 / 0.2, 1e-12);
	T_TRUE(isnan(runrate_plan_value(p, "no_such_figure")));
	T_EQ_S(runrate_plan_currency(p), "USD");
	T_TRUE(strstr(runrate_plan_verdict(p), "SELF-HOST") != NULL);
	T_TRUE(strlen(runrate_plan_why(p)) > 10);
	size_t n = runrate_plan_figures(p), named = 0;
	for (size_t i = 0; i < n; i++) {
		struct runrate_figure f = runrate_plan_figure(p, i);
		named += f.name && f.unit && f.formula && (isnan(f.value) || f.value == runrate_plan_value(p, f.name));
	}
	T_EQ_I(named, n);
	T_TRUE(runrate_plan_figure(p, n).name == NULL);
	runrate_plan_free(p);

	const struct runrate_input mix[] = {{"mix", "a=0.75:0.20"}, {"mix", "b=0.25:3"}, {"baseline", "3"}};
	p = runrate_plan_new("route", mix, 3, error, sizeof error);
	T_TRUE(p != NULL);
	if (p)
		T_NEAR(runrate_plan_value(p, "blended"), 0.9, 1e-12);
	runrate_plan_free(p);
}

TEST(refusals_are_sentences)
{
	char error[400];
	const struct runrate_input bad[] = {{"share", "1.5"}};
	T_TRUE(runrate_plan_new("batch", bad, 1, error, sizeof error) == NULL);
	T_TRUE(strstr(error, "share is 1.5: allowed is from 0 to 1") != NULL);
	T_TRUE(runrate_plan_new("bacth", NULL, 0, error, sizeof error) == NULL);
	T_TRUE(strstr(error, "did you mean batch") != NULL);
	T_TRUE(runrate_plan_new("batch", NULL, 0, NULL, 0) == NULL);
	T_TRUE(runrate_book_open("/nonexistent/book.csv", error, sizeof error) == NULL);
	runrate_plan_free(NULL);
	runrate_book_close(NULL);
}

TEST(prices)
{
	char error[400] = "";
	struct runrate_book *b = runrate_book_open(NULL, error, sizeof error);
	T_TRUE(b != NULL);
	if (!b)
		return;
	struct runrate_price p;
	static const char body[] = "{\"model\":\"no-such-model-9\",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
				   "\"total_tokens\":15}}";
	T_EQ_I(runrate_price_body(b, "openai-chat", "openai", NULL, INT64_C(1795000000000000), body, strlen(body), &p), 0);
	T_EQ_I(p.priced, 0);
	T_TRUE(p.why[0] != 0);
	T_EQ_I(p.input_tokens, 10);
	T_TRUE(runrate_price_body(b, "openai-chat", NULL, NULL, 0, "{", 1, &p) < 0);
	T_TRUE(runrate_price_body(b, "no-dialect", NULL, NULL, 0, "{}", 2, &p) < 0);
	T_TRUE(runrate_version()[0] != 0);
	runrate_book_close(b);
}

T_MAIN
