/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate forecast: what the month will cost, with a band, and when a budget is crossed.
 */
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/cmd_query.h"
#include "report/forecast.h"

enum { OUT_BYTES = 16 * 1024 * 1024, ARENA_BYTES = 64 * 1024 * 1024 };

static const struct opt forecast_help[] = {
	{"budget", 0, OPT_MONEY, NULL, NULL, "M",
	 "a month's budget, as 700 or \"GBP 700\": on which day it is crossed"},
	{"months", 0, OPT_U64, NULL, NULL, "N", "how many months, the one under way included (default 2, at most 13)"},
	{"env", 0, OPT_STR, NULL, NULL, "E", "production (default), all, or a name"},
	{"rate", 0, OPT_LIST, NULL, NULL, "R", cmd_rate_help},
	{"backtest", 0, OPT_FLAG, NULL, NULL, NULL,
	 "how often earlier forecasts of this ledger held, for 1, 7, 14 and 28 days"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_forecast = {
	.name = "forecast",
	.summary = "what the month will cost, with a band of 80 %, and when a budget is crossed",
	.usage = "forecast [--budget M] [--months N] [--env E|all] [--backtest]",
	.text = "Carries on the daily totals of inference: weekdays, and a trend that is damped. The band comes from "
		"the errors\n"
		"that the same forecast made at earlier days; how often it held is printed. What is paid once is not "
		"forecast.",
	.examples = "$ runrate forecast --budget \"GBP 700\"\n"
		    "$ runrate forecast --months 6 --json\n"
		    "$ runrate forecast --backtest\n",
	.options = forecast_help,
	.run = run,
};

static int run(int argc, char **argv)
{
	struct query_flags g = {0};
	struct opt_money budget = {0};
	struct forecast_backtest test;
	bool backtest = false;
	uint64_t months = 2;
	const struct opt options[] = {
		{"budget", 0, OPT_MONEY, &budget, NULL, "M", forecast_help[0].help},
		{"months", 0, OPT_U64, &months, NULL, "N", forecast_help[1].help},
		{"env", 0, OPT_STR, &g.env, NULL, "E", forecast_help[2].help},
		{"rate", 0, OPT_LIST, &g.rates, NULL, "R", cmd_rate_help},
		{"backtest", 0, OPT_FLAG, &backtest, NULL, NULL, forecast_help[4].help},
		{NULL},
	};
	const char *positional[1];
	unsigned count = 0;
	char path[4096];
	struct report_query q = {0};
	struct forecast *f = calloc(1, sizeof *f);
	struct err e = {0};
	struct ledger *l = NULL;
	struct arena a;
	struct sb out;
	int rc = cmd_parse(&cmd_forecast, argc, argv, options, positional, &count, 0);
	if (rc) {
		free(f);
		return rc > 0 ? 0 : err_exit_code(rc);
	}
	arena_init(&a, ARENA_BYTES);
	sb_init(&out, OUT_BYTES);
	rc = f ? cmd_query(&g, &q, &a, &e) : err_set(&e, RR_NOMEM, "out of memory");
	if (!rc && (months < 1 || months > FORECAST_MONTHS))
		rc = err_set(&e, RR_USAGE, "--months is 1 to %d", FORECAST_MONTHS);
	if (!rc && budget.given && budget.currency.code[0]) {
		if (q.currency.code[0] && globals.currency && !currency_eq(q.currency, budget.currency))
			rc = err_set(&e, RR_USAGE, "--budget is in %s and --currency is %s", budget.currency.code,
				     q.currency.code);
		q.currency = budget.currency;
	}
	if (!rc) {
		l = ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e);
		rc = l ? forecast_make(f, l, &q, (unsigned)months, budget.given ? &budget.pico : NULL, &e) : -RR_STORE;
	}
	if (rc || !f) {
		rc = cmd_fail(&e);
	} else {
		if (backtest)
			forecast_backtest(f->day, f->history, f->weekday, 3, &test);
		if (backtest)
			(globals.json ? forecast_backtest_json : forecast_backtest_text)(f, &test, &out);
		else if (globals.json)
			forecast_json(f, &out);
		else
			forecast_text(f, &out);
		rc = cmd_print(sb_str(&out));
	}
	ledger_close(l);
	sb_fini(&out);
	arena_fini(&a);
	free(f);
	return rc;
}
