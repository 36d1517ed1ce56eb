/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate verify: is the ledger what it promises to be?
 */
#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "ledger/ledger.h"

enum { OUT_BYTES = 256 * 1024 * 1024 };

struct listing {
	struct json_out *w;
	struct sb *text;
	uint64_t count, open;
};

static int orphan_json(const struct orphan *o, void *arg)
{
	struct listing *x = arg;
	char id[CALL_ID_TEXT];
	jw_object(x->w);
	jw_kcstr(x->w, "id", call_id_text(o->id, id));
	jw_kmoney(x->w, "low", o->low_pico);
	jw_kmoney(x->w, "high", o->high_pico);
	jw_kcstr(x->w, "currency", o->currency);
	jw_kbool(x->w, "closed", o->closed);
	jw_end_object(x->w);
	return 0;
}

static int orphan_text(const struct orphan *o, void *arg)
{
	struct listing *x = arg;
	char id[CALL_ID_TEXT], low[MONEY_TEXT], high[MONEY_TEXT];
	x->open += !o->closed;
	if (x->count++ < 10)
		sb_addf(x->text, "  %s  %s to %s %s%s\n", call_id_text(o->id, id), money_text(o->low_pico, low),
			money_text(o->high_pico, high), o->currency, o->closed ? "" : "  not closed yet");
	return 0;
}

static int print_json(struct ledger *l, const struct verify_result *v, struct err *e)
{
	struct sb b;
	struct json_out w;
	struct listing x = {.w = &w};
	int rc;
	sb_init(&b, OUT_BYTES);
	jw_init(&w, &b);
	jw_object(&w);
	jw_kbool(&w, "ok", v->ok);
	jw_ku64(&w, "calls", v->calls + v->imported);
	jw_ku64(&w, "imported", v->imported);
	jw_ku64(&w, "answered", v->answered);
	jw_ku64(&w, "recorded", v->recorded);
	jw_key(&w, "orphans");
	jw_array(&w);
	rc = ledger_orphans(l, orphan_json, &x, e);
	jw_end_array(&w);
	jw_kmoney(&w, "sum_calls", v->sum_calls_pico);
	jw_kmoney(&w, "sum_rollups", v->sum_rollups_pico);
	jw_key(&w, "problems");
	jw_array(&w);
	for (unsigned i = 0; i < v->problems; i++)
		jw_cstr(&w, v->problem[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	sb_addc(&b, '\n');
	if (!rc && cmd_print(sb_str(&b)))
		rc = err_set(e, RR_IO, "cannot write the result");
	sb_fini(&b);
	return rc;
}

static int print_text(struct ledger *l, const struct verify_result *v, struct err *e)
{
	struct sb b, orphans;
	struct listing x = {.text = &orphans};
	char n[32], sum[MONEY_TEXT];
	int rc;
	sb_init(&b, 1 << 20);
	sb_init(&orphans, 1 << 20);
	rc = ledger_orphans(l, orphan_text, &x, e);
	if (!rc) {
		sb_addf(&b, "%s %s\n", v->ok ? "ok   " : "WRONG", ledger_path(l));
		sb_addf(&b, "  calls recorded      %s\n", num_group(v->recorded, n));
		sb_addf(&b, "  of these answered   %s\n", num_group(v->answered, n));
		sb_addf(&b, "  calls imported      %s\n", num_group(v->imported, n));
		sb_addf(&b, "  sum of the calls    %s\n", money_text(v->sum_calls_pico, sum));
		sb_addf(&b, "  sum of the roll-ups %s\n", money_text(v->sum_rollups_pico, sum));
		sb_addf(&b, "  left by crashes     %s\n", num_group(x.count, n));
		sb_add_str(&b, sb_str(&orphans));
		if (x.count > 10)
			sb_addf(&b, "  ... and %llu more: runrate verify --json\n", (unsigned long long)(x.count - 10));
		for (unsigned i = 0; i < v->problems; i++)
			sb_addf(&b, "  problem: %s\n", v->problem[i]);
		if (x.open)
			sb_addf(&b, "%s not closed yet: the next `runrate serve` does it.\n", num_group(x.open, n));
		if (!v->ok)
			sb_adds(&b, "Keep a copy of the file before anything else writes to it.\n");
		if (cmd_print(sb_str(&b)))
			rc = err_set(e, RR_IO, "cannot write the result");
	}
	sb_fini(&b);
	sb_fini(&orphans);
	return rc;
}

static const struct opt no_options[] = {{NULL}};
static int run(int argc, char **argv);

const struct command cmd_verify = {
	.name = "verify",
	.summary = "check every row, sum and promise of the ledger",
	.usage = "verify",
	.text = "Reads the whole ledger: row checksums, gaps, prices without a rule, and whether the roll-ups that reports\n"
		"read equal the calls to the last digit. Names calls that a crash left with an unknown outcome, each with the\n"
		"least and the most that it can have cost. Exit code 12 when something is wrong.",
	.examples = "$ runrate verify\n"
		    "$ runrate verify --json --ledger /var/lib/runrate/ledger.db\n",
	.options = no_options,
	.run = run,
};

static int run(int argc, char **argv)
{
	static struct verify_result v;
	const char *positional[1];
	char path[4096];
	unsigned count;
	struct err e = {0};
	struct ledger *l;
	int rc = cmd_parse(&cmd_verify, argc, argv, NULL, positional, &count, 0);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	l = ledger_open(ledger_default_path(globals.ledger, path, sizeof path), LEDGER_READ, &e);
	if (!l)
		return cmd_fail(&e);
	rc = ledger_verify(l, &v, &e);
	if (!rc)
		rc = globals.json ? print_json(l, &v, &e) : print_text(l, &v, &e);
	ledger_close(l);
	if (rc)
		return cmd_fail(&e);
	return v.ok ? 0 : err_exit_code(RR_RECONCILE);
}
