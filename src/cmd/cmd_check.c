/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate check: for CI and cron. One line a finding, and the exit code says what was found: 10 over a budget or a cap,
 * 11 calls without a price under --strict, 12 a bill that does not reconcile. Of several the first in that order.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/num.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/cmd_query.h"
#include "cmd/cmd_reconcile.h"
#include "report/first.h"
#include "report/forecast.h"

enum { OUT_BYTES = 16 * 1024 * 1024, ARENA_BYTES = 512 * 1024 * 1024 };

static const struct opt check_help[] = {
	{"budget", 0, OPT_MONEY, NULL, NULL, "M", "the period's budget for what recurs, as 700 or \"GBP 700\""},
	{"forecast", 0, OPT_FLAG, NULL, NULL, NULL,
	 "the month's forecast (p50) must keep the budget, not only what is spent"},
	{"strict", 0, OPT_FLAG, NULL, NULL, NULL, "calls without a known price are an error (11)"},
	{"bill", 0, OPT_LIST, NULL, NULL, "FILE", "an invoice or cost export that must reconcile (12)"},
	{"tolerance", 0, OPT_MONEY, NULL, NULL, "M",
	 "for --bill: a row agrees up to that difference (default 0.000001)"},
	{"since", 0, OPT_STR, NULL, NULL, "T", "from that day on (default: this month)"},
	{"until", 0, OPT_STR, NULL, NULL, "T", "up to and with that day (default: now)"},
	{"env", 0, OPT_STR, NULL, NULL, "E", "production (default), all, or a name"},
	{"rate", 0, OPT_LIST, NULL, NULL, "R", cmd_rate_help},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_check = {
	.name = "check",
	.summary = "budget, prices and bill as an exit code, for CI",
	.usage = "check [--budget M [--forecast]] [--strict] [--bill FILE]...",
	.text = "Exit code 0: all is well; 10: over the budget or a cap; 11: calls without a price, under --strict; "
		"12: the bill\n"
		"does not reconcile. The budget counts what recurs in the period (this month unless --since says "
		"otherwise).",
	.examples = "$ runrate check --budget \"GBP 700\" --strict\n"
		    "$ runrate check --budget 700 --forecast --json\n"
		    "$ runrate check --since 2026-10-01 --until 2026-10-31 --bill costs.csv\n",
	.options = check_help,
	.run = run,
};

struct checking {
	struct sb text;
	struct json_out w;
	int code; /* of the gravest finding */
	const struct report_query *q;
	struct arena *a;
};

__attribute__((format(printf, 4, 5))) static void say(struct checking *c, const char *check, int code, const char *fmt,
						      ...)
{
	char found[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(found, sizeof found, fmt, ap);
	va_end(ap);
	if (code && (!c->code || code < c->code))
		c->code = code;
	if (!globals.json) {
		sb_addf(&c->text, "  %-4s  %-10s ", code ? "fail" : "ok", check);
		text_wrap(str_of(found), 19, 19, 80, &c->text);
		sb_addc(&c->text, '\n');
		return;
	}
	jw_object(&c->w);
	jw_kcstr(&c->w, "check", check);
	jw_kcstr(&c->w, "state", code ? "fail" : "ok");
	jw_ki64(&c->w, "exit_code", code);
	jw_kcstr(&c->w, "found", found);
	jw_end_object(&c->w);
}

static int check_budget(struct checking *c, const struct report *r, struct ledger *l, const struct opt_money *budget,
			bool ahead, struct err *e)
{
	char a[MONEY_SYMBOL], b[MONEY_SYMBOL], day[TIME_TEXT];
	struct currency cur = r->currency.code[0] ? r->currency : c->q->currency;
	money_wide spent = r->inference.total_pico;
	struct forecast *f;
	int rc;
	if (!r->currency.code[0] && r->currencies > 1) {
		err_set(e, RR_USAGE, "the period has amounts in several currencies: which one is the budget in?");
		return err_hint(e, "--budget \"GBP 700\", and --rate USD/GBP=0.7692@2026-10-01");
	}
	for (unsigned i = 0; i < r->currencies; i++)
		if (!r->by_currency[i].in_headline && r->by_currency[i].inference_pico) {
			err_set(e, RR_USAGE, "amounts in %s cannot be set against a budget in %s",
				r->by_currency[i].currency.code, cur.code);
			return err_hint(e, "give a dated rate: --rate %s/%s=R@DATE", r->by_currency[i].currency.code,
					cur.code);
		}
	money_symbol(cur, spent, money_decimals(spent), a);
	money_symbol(cur, budget->pico, 2, b);
	say(c, "budget", spent > budget->pico ? err_exit_code(RR_BUDGET) : 0, "%s spent of %s", a, b);
	if (!ahead || spent > budget->pico)
		return 0;
	f = calloc(1, sizeof *f);
	if (!f)
		return err_set(e, RR_NOMEM, "out of memory");
	rc = forecast_make(f, l, c->q, 1, &budget->pico, e);
	if (!rc && f->crosses)
		say(c, "forecast", err_exit_code(RR_BUDGET), "the month's forecast crosses %s on %s", b,
		    time_date((f->crossed_already ? f->now_us : f->cross_us) +
				      (int64_t)tz_offset_s(f->tz, f->cross_us) * US_PER_S,
			      day));
	else if (!rc)
		say(c, "forecast", 0, "the month's forecast is %s (80 %%: up to %s)",
		    money_symbol(f->currency, (money_wide)(f->month[0].total.p50 * 100) * (PICO_PER_UNIT / 100), 2, a),
		    money_symbol(f->currency, (money_wide)(f->month[0].total.p90 * 100) * (PICO_PER_UNIT / 100), 2, b));
	free(f);
	return rc;
}

static void check_caps(struct checking *c, const struct report *r)
{
	char a[MONEY_TEXT], b[MONEY_TEXT], scope[512];
	for (unsigned i = 0; i < r->cap_count; i++) {
		const struct cap_rule *cap = &r->caps[i].rule;
		const struct cap_state *s = &r->cap_states[i];
		bool over = (cap->amount_pico != INT64_MAX && s->spent_pico > cap->amount_pico) ||
			    (cap->tokens != UINT64_MAX && s->spent_tok > cap->tokens) ||
			    (cap->jobs != UINT64_MAX && s->spent_jobs > cap->jobs);
		cap_scope_text(&cap->scope, scope, sizeof scope);
		if (cap->amount_pico != INT64_MAX)
			say(c, "cap", over ? err_exit_code(RR_BUDGET) : 0, "%s, %s: %s of %s %s a %s", cap->id, scope,
			    money_human(s->spent_pico, 2, a), money_human(cap->amount_pico, 2, b), cap->currency.code,
			    window_name(cap->window));
		else
			say(c, "cap", over ? err_exit_code(RR_BUDGET) : 0, "%s, %s: %s a %s", cap->id, scope,
			    over ? "over" : "kept", window_name(cap->window));
	}
}

static int check_bill(struct checking *c, struct ledger *l, const struct opt_list *bills, int64_t tolerance_pico,
		      struct err *e)
{
	struct reconcile r;
	struct report_query q = *c->q;
	char a[MONEY_TEXT];
	bool rejected = false;
	int rc;
	if (!bills->count)
		return 0;
	q.env = NULL; /* a bill is for all environments */
	rc = cmd_reconcile_files(&r, l, bills->item, bills->count, NULL, NULL, &q, tolerance_pico, &rejected, c->a, e);
	if (rc)
		return rc;
	if (r.off)
		say(c, "bill", err_exit_code(RR_RECONCILE),
		    "%u of %u rows are off, %s %s in all: runrate reconcile names them", r.off, r.count,
		    money_text(r.residual_pico, a), r.currency.code);
	else
		say(c, "bill", 0, "%u rows agree", r.count);
	if (rejected)
		say(c, "bill", err_exit_code(RR_RECONCILE), "some rows could not be read");
	return 0;
}

static int run(int argc, char **argv)
{
	struct query_flags g = {0};
	struct opt_money budget = {0}, tolerance = {.pico = RECONCILE_TOLERANCE_PICO};
	struct opt_list bills = {0};
	bool strict = false, ahead = false;
	const struct opt options[] = {
		{"budget", 0, OPT_MONEY, &budget, NULL, "M", check_help[0].help},
		{"forecast", 0, OPT_FLAG, &ahead, NULL, NULL, check_help[1].help},
		{"strict", 0, OPT_FLAG, &strict, NULL, NULL, check_help[2].help},
		{"bill", 0, OPT_LIST, &bills, NULL, "FILE", check_help[3].help},
		{"tolerance", 0, OPT_MONEY, &tolerance, NULL, "M", check_help[4].help},
		{"since", 0, OPT_STR, &g.since, NULL, "T", check_help[5].help},
		{"until", 0, OPT_STR, &g.until, NULL, "T", check_help[6].help},
		{"env", 0, OPT_STR, &g.env, NULL, "E", check_help[7].help},
		{"rate", 0, OPT_LIST, &g.rates, NULL, "R", cmd_rate_help},
		{NULL},
	};
	const char *positional[1];
	unsigned count = 0;
	char path[4096], n[32];
	int64_t to;
	struct report_query q;
	struct report r;
	struct err e = {0};
	struct ledger *l = NULL;
	struct checking c = {.q = &q};
	struct arena a;
	int rc = cmd_parse(&cmd_check, argc, argv, options, positional, &count, 0);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	arena_init(&a, ARENA_BYTES);
	sb_init(&c.text, OUT_BYTES);
	c.a = &a;
	if (globals.json) {
		jw_init(&c.w, &c.text);
		jw_object(&c.w);
		jw_key(&c.w, "findings");
		jw_array(&c.w);
	}
	rc = cmd_query(&g, &q, &a, &e);
	if (!rc && budget.given && budget.currency.code[0])
		q.currency = budget.currency;
	if (!rc && !g.since && !g.until)
		window_bounds(WINDOW_MONTH, q.tz, q.now_us, &q.from_us, &to);
	if (!rc) {
		l = ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e);
		rc = l ? report_make(&r, l, &q, &a, &e) : -RR_STORE;
	}
	if (!rc && budget.given)
		rc = check_budget(&c, &r, l, &budget, ahead, &e);
	if (!rc) {
		check_caps(&c, &r);
		if (r.unpriced_calls)
			say(&c, "prices", strict ? err_exit_code(RR_UNPRICED) : 0, "%s calls have no known price%s",
			    num_group(r.unpriced_calls, n), strict ? "" : " (an error under --strict)");
		else
			say(&c, "prices", 0, "every call has one");
		rc = check_bill(&c, l, &bills, tolerance.pico, &e);
	}
	if (rc) {
		rc = cmd_fail(&e);
	} else {
		if (globals.json) {
			jw_end_array(&c.w);
			jw_kbool(&c.w, "ok", c.code == 0);
			jw_ki64(&c.w, "exit_code", c.code);
			jw_end_object(&c.w);
			sb_addc(&c.text, '\n');
		}
		rc = cmd_print(sb_str(&c.text));
		rc = rc ? rc : c.code;
	}
	ledger_close(l);
	sb_fini(&c.text);
	arena_fini(&a);
	return rc;
}
