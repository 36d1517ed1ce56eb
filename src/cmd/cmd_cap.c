/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate cap set|list|remove: how much may be spent, by whom, in which window; apart for each checkbook.
 */
#include <stdio.h>

#include "base/intern.h"
#include "cmd/listing.h"
#include "gate/config.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, ERROR_BYTES = 256 * 1024 };

static const struct opt no_options[] = {{NULL}};

/* ---- set ---- */

static const struct opt set_help[] = {
	{"book", 0, OPT_STR, NULL, NULL, "B", "inference or training: the two checkbooks have caps of their own"},
	{"amount", 0, OPT_MONEY, NULL, NULL, "M", "most money in a window, as '200 GBP'"},
	{"tokens", 0, OPT_U64, NULL, NULL, "N", "most tokens in a window (inference)"},
	{"jobs", 0, OPT_U64, NULL, NULL, "N", "most training runs or fine-tunes in a window (training)"},
	{"window", 0, OPT_STR, NULL, NULL, "W", "hour, day, week, month, quarter, year or total"},
	{"key", 0, OPT_STR, NULL, NULL, "K", "only this key"},
	{"team", 0, OPT_STR, NULL, NULL, "T", "only this team"},
	{"feature", 0, OPT_STR, NULL, NULL, "F", "only this feature"},
	{"model", 0, OPT_STR, NULL, NULL, "M", "only this model"},
	{"env", 0, OPT_STR, NULL, NULL, "E", "only this environment"},
	{"hard", 0, OPT_FLAG, NULL, NULL, NULL, "refuse what would go over (without it: warn)"},
	{NULL},
};

static int run_set(int argc, char **argv);
const struct command cmd_cap_set = {
	.name = "cap set",
	.summary = "limit what may be spent in a window",
	.usage = "cap set --book inference|training --amount M [--tokens N] [--jobs N] --window W [--team T ...] [--hard]",
	.text = "A hard cap is never exceeded: a call reserves the most that it can cost before it is forwarded, and is\n"
		"refused if that does not fit. A soft cap warns. Windows are calendar windows in --tz. Setting a cap of the\n"
		"same book, scope and window replaces it; a running gateway notices within a second.",
	.examples = "$ runrate cap set --book inference --team search --amount '200 GBP' --window month --tz Europe/London --hard\n"
		    "$ runrate cap set --book training --amount '2000 GBP' --jobs 2 --window quarter --hard\n",
	.options = set_help,
	.run = run_set,
};

static uint32_t name_of(const char *s)
{
	return s ? intern(str_of(s)) : 0;
}

static int fill_rule(struct cap_row *c, const char *book, const char *window, const struct opt_money *amount,
		     struct err *e)
{
	struct cap_rule *r = &c->rule;
	const char *tz = globals.tz ? globals.tz : "UTC";
	if (!book || (strcmp(book, "inference") != 0 && strcmp(book, "training") != 0)) {
		err_set(e, RR_USAGE, "--book is inference or training%s%s", book ? ", not " : "", book ? book : "");
		return err_hint(e, "the two checkbooks never share a cap");
	}
	c->book = strcmp(book, "training") == 0 ? BOOK_TRAINING : BOOK_INFERENCE;
	if (!window || window_parse(str_of(window), &r->window)) {
		err_set(e, RR_USAGE, "--window is hour, day, week, month, quarter, year or total%s%s",
			window ? ", not " : "", window ? window : "");
		return -RR_USAGE;
	}
	if (!tz_get(tz, e))
		return -RR_USAGE;
	if (strlen(tz) >= sizeof r->tz)
		return err_set(e, RR_USAGE, "the time zone's name is too long");
	str_copy(r->tz, sizeof r->tz, str_of(tz));
	if (amount->given) {
		r->amount_pico = amount->pico;
		r->currency = amount->currency;
		if (!r->currency.code[0] &&
		    currency_parse(str_of(globals.currency ? globals.currency : "USD"), &r->currency))
			return err_set(e, RR_USAGE, "%s is no currency code", globals.currency);
	}
	return 0;
}

static void describe(const struct cap_row *c, char *out, size_t size)
{
	const struct cap_rule *r = &c->rule;
	char scope[512], money[MONEY_TEXT], number[32];
	struct sb b;
	sb_init(&b, size - 1);
	sb_addf(&b, "%s %s cap for %s:", r->hard ? "hard" : "soft", book_kind_name(c->book),
		cap_scope_text(&r->scope, scope, sizeof scope));
	if (r->amount_pico != INT64_MAX)
		sb_addf(&b, " %s %s", money_human(r->amount_pico, 2, money), r->currency.code);
	if (r->tokens != UINT64_MAX)
		sb_addf(&b, " %s tokens", num_group(r->tokens, number));
	if (r->jobs != UINT64_MAX)
		sb_addf(&b, " %s jobs", num_group(r->jobs, number));
	sb_addf(&b, r->window == WINDOW_TOTAL ? " in %s" : " a %s", window_name(r->window));
	str_copy(out, size, sb_str(&b));
	sb_fini(&b);
}

static int run_set(int argc, char **argv)
{
	const char *book = NULL, *window = NULL, *key = NULL, *team = NULL, *feature = NULL, *model = NULL, *env = NULL;
	const char *positional[1];
	struct opt_money amount = {0};
	struct cap_row c = {.rule = {.amount_pico = INT64_MAX, .tokens = UINT64_MAX, .jobs = UINT64_MAX}};
	const struct opt options[] = {
		{"book", 0, OPT_STR, &book, NULL, "B", set_help[0].help},
		{"amount", 0, OPT_MONEY, &amount, NULL, "M", set_help[1].help},
		{"tokens", 0, OPT_U64, &c.rule.tokens, NULL, "N", set_help[2].help},
		{"jobs", 0, OPT_U64, &c.rule.jobs, NULL, "N", set_help[3].help},
		{"window", 0, OPT_STR, &window, NULL, "W", set_help[4].help},
		{"key", 0, OPT_STR, &key, NULL, "K", set_help[5].help},
		{"team", 0, OPT_STR, &team, NULL, "T", set_help[6].help},
		{"feature", 0, OPT_STR, &feature, NULL, "F", set_help[7].help},
		{"model", 0, OPT_STR, &model, NULL, "M", set_help[8].help},
		{"env", 0, OPT_STR, &env, NULL, "E", set_help[9].help},
		{"hard", 0, OPT_FLAG, &c.rule.hard, NULL, NULL, set_help[10].help},
		{NULL},
	};
	unsigned count;
	char text[900], line[1024];
	struct err e = {0};
	struct ledger *l;
	int rc = cmd_parse(&cmd_cap_set, argc, argv, options, positional, &count, 0);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	if (fill_rule(&c, book, window, &amount, &e))
		return cmd_fail(&e);
	c.rule.scope = (struct cap_scope){name_of(key), name_of(team), name_of(feature), name_of(model), name_of(env)};
	describe(&c, text, sizeof text);
	if (globals.dry_run) {
		fprintf(stderr, "dry run: would set a %s\n", text);
		return 0;
	}
	l = cmd_ledger(LEDGER_WRITE, &e);
	if (!l)
		return cmd_fail(&e);
	rc = ledger_set_cap(l, &c, &e);
	ledger_close(l);
	if (rc)
		return cmd_fail(&e);
	if (globals.json)
		return cmd_print(STR("{\"set\":true}\n"));
	snprintf(line, sizeof line, "%s\n", text);
	return cmd_print(str_of(line));
}

/* ---- list ---- */

static void limit_json(struct json_out *w, const struct cap_rule *r)
{
	jw_key(w, "limit");
	if (r->amount_pico == INT64_MAX)
		jw_null(w);
	else
		jw_money(w, r->amount_pico);
	if (r->tokens != UINT64_MAX)
		jw_ku64(w, "limit_tokens", r->tokens);
	if (r->jobs != UINT64_MAX)
		jw_ku64(w, "limit_jobs", r->jobs);
}

static int add_cap(const struct cap_row *c, void *arg)
{
	struct listing *x = arg;
	const struct cap_rule *r = &c->rule;
	struct cap_state s;
	char scope[512], text[TIME_TEXT], a[MONEY_TEXT], b[32];
	struct table_row *row;
	int rc = ledger_cap_state(x->l, c, x->fx, cmd_now_us(), &s, x->e);
	if (rc)
		return rc;
	x->rows++;
	cap_scope_text(&r->scope, scope, sizeof scope);
	if (x->w) {
		jw_object(x->w);
		jw_kcstr(x->w, "id", r->id);
		jw_kcstr(x->w, "book", book_kind_name(c->book));
		jw_kcstr(x->w, "scope", scope);
		jw_kcstr(x->w, "window", window_name(r->window));
		jw_kcstr(x->w, "tz", r->tz);
		jw_kbool(x->w, "hard", r->hard);
		jw_kcstr(x->w, "currency", r->currency.code);
		limit_json(x->w, r);
		jw_kmoney(x->w, "spent", s.spent_pico);
		jw_ku64(x->w, c->book == BOOK_TRAINING ? "spent_jobs" : "spent_tokens",
			c->book == BOOK_TRAINING ? s.spent_jobs : s.spent_tok);
		jw_kmoney(x->w, "reserved", s.reserved_pico);
		jw_kcstr(x->w, "resets_at", r->window == WINDOW_TOTAL ? NULL : time_text(s.to_us, text));
		jw_end_object(x->w);
		return 0;
	}
	row = table_add(x->t);
	if (!row)
		return -RR_NOMEM;
	table_set(x->t, row, 0, "%s", r->id);
	table_set(x->t, row, 1, "%s%s", book_kind_name(c->book), r->hard ? ", hard" : "");
	table_set(x->t, row, 2, "%s", scope);
	if (r->amount_pico != INT64_MAX)
		table_set(x->t, row, 3, "%s %s", money_human(r->amount_pico, r->amount_pico % PICO_PER_UNIT ? 2 : 0, a),
			  r->currency.code);
	else if (r->tokens != UINT64_MAX)
		table_set(x->t, row, 3, "%s tokens", num_group(r->tokens, b));
	else
		table_set(x->t, row, 3, "%s jobs", num_group(r->jobs, b));
	if (r->amount_pico != INT64_MAX)
		table_set(x->t, row, 4, "%s", money_human(s.spent_pico, money_decimals(s.spent_pico), a));
	else
		table_set(x->t, row, 4, "%s", num_group(c->book == BOOK_TRAINING ? s.spent_jobs : s.spent_tok, b));
	table_set(x->t, row, 5, "%s", r->window == WINDOW_TOTAL ? "never" : time_date(s.to_us, text));
	return 0;
}

static int run_list(int argc, char **argv);
const struct command cmd_cap_list = {
	.name = "cap list",
	.summary = "all caps: limit, spent, reserved, when they reset",
	.usage = "cap list",
	.text = "conf-1, conf-2 ... stand in the configuration file, in that order; the others were set by `cap set`.",
	.examples = "$ runrate cap list\n$ runrate cap list --json\n",
	.options = no_options,
	.run = run_list,
};

/* The configuration's caps, as the gateway numbers them, then those of the ledger. */
static int read_caps(struct listing *x)
{
	struct gate_config conf;
	struct arena a;
	struct sb errors;
	int rc = 0;
	arena_init(&a, ARENA_BYTES);
	sb_init(&errors, ERROR_BYTES);
	if (gate_config_look(globals.config, &a, &conf, &errors)) {
		conf.cap_count = 0;
		fputs("The caps of the configuration file are not among these: it is wrong (runrate config show).\n",
		      stderr);
	} else {
		x->fx = (struct fx){conf.rates, conf.rate_count};
	}
	for (unsigned i = 0; i < conf.cap_count && !rc; i++)
		rc = add_cap(&conf.caps[i], x);
	if (!rc)
		rc = ledger_caps(x->l, add_cap, x, x->e);
	sb_fini(&errors);
	arena_fini(&a);
	return rc;
}

static int run_list(int argc, char **argv)
{
	return cmd_list(&cmd_cap_list, argc, argv, "cap>|book|for|limit>|spent>|resets>", "caps", read_caps,
			"No caps yet. Set one: runrate cap set --book inference --amount '200 GBP' --window month --hard\n");
}

/* ---- remove ---- */

static int run_remove(int argc, char **argv);
const struct command cmd_cap_remove = {
	.name = "cap remove",
	.summary = "take a cap away",
	.usage = "cap remove ID",
	.examples = "$ runrate cap remove cap-0123456789\n",
	.options = no_options,
	.run = run_remove,
};

static int run_remove(int argc, char **argv)
{
	return cmd_on_id(&cmd_cap_remove, argc, argv, "cap", "removed", ledger_remove_cap);
}
