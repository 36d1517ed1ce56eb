/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate report: the two checkbooks of a period.
 */
#include <stdio.h>

#include "cmd/cmd.h"
#include "gate/config.h"
#include "report/report.h"

enum { OUT_BYTES = 256 * 1024 * 1024, ARENA_BYTES = 512 * 1024 * 1024 };

static const struct opt report_help[] = {
	{"by", 0, OPT_STR, NULL, NULL, "K", "provider, model, team, feature, key, env, region, project, surface, tier, hour, day, week, month, ..."},
	{"since", 0, OPT_STR, NULL, NULL, "T", "from that day on: 2026-08-01, 2026-08, or a time (default: all)"},
	{"until", 0, OPT_STR, NULL, NULL, "T", "up to and with that day or month, or up to a time (default: now)"},
	{"basis", 0, OPT_STR, NULL, NULL, "B", "cash (default): when paid; amortised: as it is used up"},
	{"env", 0, OPT_STR, NULL, NULL, "E", "production (default), all, or a name"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_report = {
	.name = "report",
	.summary = "what was spent, in two checkbooks: inference and training",
	.usage = "report [--by K] [--since T] [--until T] [--currency C] [--basis cash|amortised] [--env E|all]",
	.text = "Inference recurs, training is paid once: one block each, never mixed. The headline counts production; pilots\n"
		"and tests stand beside it. Amounts of several currencies are not added unless --currency names one and the\n"
		"configuration states rates. Calls without a known price are counted, and never taken for free.",
	.examples = "$ runrate report --since 2026-08-01 --until 2026-10-31\n"
		    "$ runrate report --by team --since 2026-11 --json\n"
		    "$ runrate report --basis amortised --by month --currency GBP\n",
	.options = report_help,
	.run = run,
};

/* "2026-08", "2026-08-01" or a time. A day or month means its begin, or its end for --until. */
static int parse_when(const char *flag, const char *text, const struct tz *tz, bool end, int64_t *us, struct err *e)
{
	struct str s = str_of(text);
	char day[16];
	int64_t local, from, to;
	bool month = s.n == 7 && s.p[4] == '-', date = s.n == 10 && s.p[4] == '-' && s.p[7] == '-';
	if (!month && !date && time_parse(s, us) == 0)
		return 0;
	snprintf(day, sizeof day, "%.10s%s", text, month ? "-01" : "");
	if ((!month && !date) || time_parse(str_of(day), &local)) {
		err_set(e, RR_USAGE, "--%s cannot read the time %s", flag, text);
		return err_hint(e, "write 2026-08-01, 2026-08 or 2026-08-01T10:00:00Z");
	}
	*us = tz_instant_us(tz, local);
	if (end) {
		window_bounds(month ? WINDOW_MONTH : WINDOW_DAY, tz, *us, &from, &to);
		*us = to;
	}
	return 0;
}

struct given {
	const char *by, *since, *until, *basis, *env;
};

static int query_of(const struct given *g, struct report_query *q, struct err *e)
{
	*q = (struct report_query){.from_us = INT64_MIN, .to_us = INT64_MAX, .env = g->env, .now_us = cmd_now_us()};
	q->tz = tz_get(globals.tz ? globals.tz : "UTC", e);
	if (!q->tz)
		return -RR_USAGE;
	if (g->by && report_by_parse(str_of(g->by), &q->by)) {
		err_set(e, RR_USAGE, "--by %s is not known", g->by);
		return err_hint(e, "one of %s", report_by_all);
	}
	if (g->basis && strcmp(g->basis, "cash") != 0 && strcmp(g->basis, "amortised") != 0)
		return err_set(e, RR_USAGE, "--basis is cash or amortised, not %s", g->basis);
	q->basis = g->basis && strcmp(g->basis, "amortised") == 0 ? BASIS_AMORTISED : BASIS_CASH;
	if (globals.currency && currency_parse(str_of(globals.currency), &q->currency))
		return err_set(e, RR_USAGE, "%s is no currency code", globals.currency);
	if ((g->since && parse_when("since", g->since, q->tz, false, &q->from_us, e)) ||
	    (g->until && parse_when("until", g->until, q->tz, true, &q->to_us, e)))
		return -RR_USAGE;
	if (q->from_us >= q->to_us)
		return err_set(e, RR_USAGE, "--since lies behind --until");
	return 0;
}

/* Currency and rates of the configuration, where there is one. */
static int use_config(struct report_query *q, struct arena *a, struct err *e)
{
	struct gate_config *c = arena_new(a, struct gate_config);
	struct report_rate *rates;
	struct sb errors;
	sb_init(&errors, 1 << 16);
	if (!c || gate_config_load(globals.config, a, c, &errors)) {
		err_set(e, RR_CONFIG, "the configuration is wrong: %.*s", (int)(errors.n < 300 ? errors.n : 300), errors.p ? errors.p : "");
		sb_fini(&errors);
		return -RR_CONFIG;
	}
	sb_fini(&errors);
	if (!q->currency.code[0])
		q->currency = c->report_currency;
	rates = arena_array(a, struct report_rate, c->rate_count ? c->rate_count : 1);
	if (!rates)
		return err_set(e, RR_NOMEM, "out of memory");
	for (unsigned i = 0; i < c->rate_count; i++)
		rates[i] = (struct report_rate){c->rates[i].from, c->rates[i].to, c->rates[i].rate_pico, c->rates[i].from_us};
	q->rates = rates;
	q->rate_count = c->rate_count;
	return 0;
}

static int run(int argc, char **argv)
{
	struct given g = {0};
	const struct opt options[] = {
		{"by", 0, OPT_STR, &g.by, NULL, "K", report_help[0].help},
		{"since", 0, OPT_STR, &g.since, NULL, "T", report_help[1].help},
		{"until", 0, OPT_STR, &g.until, NULL, "T", report_help[2].help},
		{"basis", 0, OPT_STR, &g.basis, NULL, "B", report_help[3].help},
		{"env", 0, OPT_STR, &g.env, NULL, "E", report_help[4].help},
		{NULL},
	};
	const char *positional[1];
	char path[4096];
	unsigned count;
	struct err e = {0};
	struct report_query q;
	struct report r;
	struct ledger *l;
	struct arena a;
	struct sb out;
	int rc = cmd_parse(&cmd_report, argc, argv, options, positional, &count, 0);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	arena_init(&a, ARENA_BYTES);
	sb_init(&out, OUT_BYTES);
	rc = query_of(&g, &q, &e);
	if (!rc)
		rc = use_config(&q, &a, &e);
	l = rc ? NULL : ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e);
	if (l) {
		rc = report_make(&r, l, &q, &a, &e);
		ledger_close(l);
	}
	if (rc || !l) {
		rc = cmd_fail(&e);
	} else {
		if (globals.json)
			report_json(&r, &out);
		else if (globals.csv)
			report_csv(&r, &out);
		else
			report_text(&r, term_width(1), &out);
		rc = cmd_print(sb_str(&out));
	}
	sb_fini(&out);
	arena_fini(&a);
	return rc;
}
