/* SPDX-License-Identifier: Apache-2.0
 *
 * API or own GPU? And what did this answer cost? Build: cc breakeven.c $(pkg-config --cflags --libs runrate)
 */
#include <math.h>
#include <runrate/runrate.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	const struct runrate_input inputs[] = {
		{"rate", "$2.50"}, {"tps", "2000"}, {"api_per_mtok", "$3.00"}, {"tokens_per_month", "240M"}};
	char error[400];
	struct runrate_plan *p = runrate_plan_new("selfhost", inputs, 4, error, sizeof error);
	if (!p) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	printf("full load %.4f %s per million tokens\n", runrate_plan_value(p, "full_load_per_mtok"), runrate_plan_currency(p));
	printf("break-even %.1f %% of use, %.0f M tokens a month\n", 100 * runrate_plan_value(p, "breakeven_utilisation"),
	       runrate_plan_value(p, "breakeven_tokens_per_month") / 1e6);
	printf("%s\n", runrate_plan_verdict(p));
	runrate_plan_free(p);

	static const char body[] = "{\"id\":\"x\",\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":1450,\"completion_tokens\":222,"
				   "\"total_tokens\":1672}}";
	struct runrate_book *book = runrate_book_open(NULL, error, sizeof error);
	struct runrate_price price;
	if (!book) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	if (runrate_price_body(book, "openai-chat", "openai", NULL, INT64_C(1795000000000000), body, strlen(body), &price) == 0 &&
	    price.priced)
		printf("%s: %llu + %llu tokens, %.6f %s\n", price.model, (unsigned long long)price.input_tokens,
		       (unsigned long long)price.output_tokens, (double)price.total_pico / RUNRATE_PICO, price.currency);
	else
		printf("unpriced: %s\n", price.why);
	runrate_book_close(book);
	return 0;
}
