/* SPDX-License-Identifier: Apache-2.0
 *
 * `runrate export`: the ledger's records as they are, one JSON object a line: the way out, without a lock-in. With
 * --focus a cost and usage file for the tools of finance.
 */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/cmd_query.h"
#include "ledger/ledger.h"
#include "report/focus.h"

static struct {
	bool calls, outlays;
	const char *since, *until;
	int64_t from_us, to_us;
	const char *focus, *env;
} flags;

static const struct opt options[] = {
	{"calls", 0, OPT_FLAG, &flags.calls, NULL, NULL, "every call, one JSON object a line (default)"},
	{"outlays", 0, OPT_FLAG, &flags.outlays, NULL, NULL, "every outlay, one JSON object a line"},
	{"since", 0, OPT_STR, &flags.since, NULL, "T", "from that day, month or time on"},
	{"until", 0, OPT_STR, &flags.until, NULL, "T", "up to and with that day or month, or up to a time"},
	{"focus", 0, OPT_STR, &flags.focus, NULL, "VERSION", "a FOCUS cost and usage file (CSV): 1.2 or 1.4"},
	{"env", 0, OPT_STR, &flags.env, NULL, "E", "with --focus: production (default), all, or a name"},
	{NULL},
};

static int print_line(struct sb *line)
{
	int rc;
	sb_addc(line, '\n');
	rc = line->full ? err_exit_code(RR_LIMIT) : cmd_print(sb_str(line));
	sb_clear(line);
	return rc;
}

static int print_calls(struct ledger *l, struct sb *line, struct err *e)
{
	struct call_cursor *cursor = ledger_calls(l, flags.from_us, flags.to_us, e);
	struct call c;
	int rc = cursor ? 1 : -RR_STORE, stop = 0;
	while (!stop && (rc = rc == 1 ? call_cursor_next(cursor, &c, e) : rc) == 1) {
		struct json_out w;
		jw_init(&w, line);
		jw_object(&w);
		call_json(&c, &w);
		jw_end_object(&w);
		stop = print_line(line);
	}
	if (cursor)
		call_cursor_close(cursor);
	return rc < 0 ? cmd_fail(e) : stop;
}

static int print_outlay(const struct outlay *o, void *arg)
{
	struct sb *line = arg;
	struct json_out w;
	char at[TIME_TEXT];
	jw_init(&w, line);
	jw_object(&w);
	jw_kcstr(&w, "id", o->id);
	jw_kcstr(&w, "kind", outlay_kind_name(o->kind));
	jw_kcstr(&w, "date", time_text(o->date_us, at));
	jw_kcstr(&w, "currency", o->currency.code);
	jw_kmoney(&w, "amount", o->amount_pico);
	jw_ku64(&w, "life_months", o->life_months);
	jw_kcstr(&w, "retires", o->retires_us ? time_text(o->retires_us, at) : NULL);
	jw_ku64(&w, "trained_tokens", o->trained_tok);
	jw_kcstr(&w, "serves", o->serves);
	jw_kcstr(&w, "model", o->model);
	jw_kcstr(&w, "provider", o->provider);
	jw_kcstr(&w, "note", o->note);
	jw_end_object(&w);
	return print_line(line);
}

static int print_piece(struct str piece, void *arg)
{
	*(int *)arg = cmd_print(piece);
	return *(int *)arg;
}

static int print_focus(struct ledger *l, struct err *e)
{
	struct report_query q = {
		.from_us = flags.from_us, .to_us = flags.to_us, .env = flags.env, .now_us = cmd_now_us()};
	struct focus_count count;
	bool v12 = strcmp(flags.focus, "1.2") == 0;
	int stop = 0, rc;
	if (!v12 && strcmp(flags.focus, "1.4") != 0) {
		err_set(e, RR_USAGE, "--focus %s is not known", flags.focus);
		err_hint(e, "1.2 or 1.4");
		return cmd_fail(e);
	}
	rc = focus_write(l, &q, v12 ? FOCUS_1_2 : FOCUS_1_4, print_piece, &stop, &count, e);
	if (rc < 0)
		return cmd_fail(e);
	if (count.unpriced_calls)
		fprintf(stderr, "runrate: %llu calls have no known price and are in no row\n",
			(unsigned long long)count.unpriced_calls);
	return stop;
}

/* As every report has them: a day or a month belongs to it whole. */
static int bounds(struct err *e)
{
	const struct tz *tz = tz_get(globals.tz ? globals.tz : "UTC", e);
	flags.from_us = INT64_MIN;
	flags.to_us = INT64_MAX;
	if (!tz || (flags.since && cmd_when("--since", flags.since, tz, false, &flags.from_us, e)) ||
	    (flags.until && cmd_when("--until", flags.until, tz, true, &flags.to_us, e)))
		return -RR_USAGE;
	return 0;
}

static int run(int argc, char **argv)
{
	struct ledger *l;
	struct sb line;
	struct err e;
	char path[4096];
	int rc = cmd_parse(&cmd_export, argc, argv, options, NULL, NULL, 0);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	rc = bounds(&e);
	if (rc)
		return cmd_fail(&e);
	l = ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e);
	if (!l)
		return cmd_fail(&e);
	if (flags.focus) {
		rc = print_focus(l, &e);
		ledger_close(l);
		return rc;
	}
	sb_init(&line, 1 << 20);
	if (flags.calls || !flags.outlays)
		rc = print_calls(l, &line, &e);
	if (!rc && flags.outlays && (rc = ledger_outlays(l, print_outlay, &line, &e)) < 0)
		rc = cmd_fail(&e);
	sb_fini(&line);
	ledger_close(l);
	return rc;
}

const struct command cmd_export = {
	.name = "export",
	.summary = "the ledger's records as JSON lines, or as a FOCUS file",
	.usage = "export [--calls] [--outlays] [--focus 1.2|1.4] [--since T] [--until T]",
	.text = "Writes what the ledger holds to standard output. Money is a decimal string beside its currency, times are "
		"ISO 8601 in UTC. No prompt text is there, because none is kept.\n\n"
		"--focus writes cost and usage as the FinOps specification FOCUS wants it: a row a day and model, with what it "
		"has no column for in x_ columns. A bill and the usage that it bills count once.",
	.examples = "$ runrate export --since 2026-11-01 > november.jsonl\n"
		    "$ runrate export --outlays\n"
		    "$ runrate export --focus 1.2 --since 2026-11-01 > focus.csv\n",
	.options = options,
	.run = run,
};
