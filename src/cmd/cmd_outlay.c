/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate outlay add|list: what was paid once, with a date, a life and what it serves: the training checkbook's
 * entries, and what is paid early, committed, credited or taxed.
 */
#include <stdio.h>

#include "base/hash.h"
#include "cmd/listing.h"
#include "report/payback.h"
#include "report/prepaid.h"

enum { OUT_BYTES = 64 * 1024 * 1024 };

static const struct opt no_options[] = {{NULL}};

static void date_json(struct json_out *w, const char *key, int64_t us)
{
	char t[TIME_TEXT];
	jw_kcstr(w, key, us ? time_text(us, t) : NULL);
}

/* What the ledger knows of it: what was drawn of credit, what the feature that it serves has saved. l NULL: nothing. */
struct known {
	struct prepaid *prepaid;
	struct payback payback;
};

static money_wide used_up(const struct outlay *o, const struct known *k, int64_t now_us)
{
	if (o->kind == OUTLAY_PREPAID && k && k->prepaid)
		return o->amount_pico - prepaid_left(k->prepaid, o);
	return o->kind == OUTLAY_PREPAID ? 0 : outlay_amortised_pico(o, now_us);
}

static void payback_json(struct json_out *w, const struct payback *p)
{
	jw_key(w, "payback");
	if (!p || !p->known) {
		jw_null(w);
		return;
	}
	jw_object(w);
	jw_kmoney(w, "saved_to_date", p->saved_pico);
	jw_key(w, "months_left");
	if (p->pays)
		jw_double(w, p->months_left);
	else
		jw_null(w);
	jw_ku64(w, "calls_before", p->calls_before);
	jw_ku64(w, "calls_since", p->calls_since);
	jw_end_object(w);
}

static void outlay_json(struct json_out *w, const struct outlay *o, const struct known *k, int64_t now_us)
{
	jw_object(w);
	jw_kcstr(w, "id", o->id);
	jw_kcstr(w, "kind", outlay_kind_name(o->kind));
	jw_kmoney(w, "amount", o->amount_pico);
	jw_kcstr(w, "currency", o->currency.code);
	date_json(w, "date", o->date_us);
	jw_ku64(w, "life_months", o->life_months);
	date_json(w, "retires", o->retires_us);
	date_json(w, "ends", o->life_months ? outlay_end_us(o) : 0);
	jw_kmoney(w, "amortised_to_date", used_up(o, k, now_us));
	jw_kcstr(w, "serves", o->serves);
	jw_kcstr(w, "model", o->model);
	jw_kcstr(w, "provider", o->provider);
	if (o->trained_tok)
		jw_ku64(w, "trained_tokens", o->trained_tok);
	jw_kcstr(w, "note", o->note);
	payback_json(w, k ? &k->payback : NULL);
	jw_end_object(w);
}

static const struct opt add_help[] = {
	{"kind", 0, OPT_STR, NULL, NULL, "K", "pretrain, finetune, labelling, evaluation, storage, hardware, consultant, commitment, prepaid, credit, tax, other"},
	{"amount", 0, OPT_MONEY, NULL, NULL, "M", "what was paid, as 'GBP 8000'"},
	{"date", 0, OPT_TIME, NULL, NULL, "D", "when it was paid"},
	{"life", 0, OPT_U64, NULL, NULL, "MONTHS", "months over which it is used up (default 0: at once)"},
	{"retires", 0, OPT_TIME, NULL, NULL, "D", "when it ends anyway, as a base model's retirement"},
	{"serves", 0, OPT_STR, NULL, NULL, "FEATURE", "the feature that it was paid for"},
	{"model", 0, OPT_STR, NULL, NULL, "M", "the tuned model, where there is one"},
	{"provider", 0, OPT_STR, NULL, NULL, "P", "who was paid"},
	{"tokens", 0, OPT_U64, NULL, NULL, "N", "tokens trained, where the job was billed by them"},
	{"note", 0, OPT_STR, NULL, NULL, "T", "a line about it"},
	{"id", 0, OPT_STR, NULL, NULL, "ID", "the vendor's job id (default: made from the rest)"},
	{NULL},
};

static int run_add(int argc, char **argv);
const struct command cmd_outlay_add = {
	.name = "outlay add",
	.summary = "enter what was paid once: a fine-tune, labels, a machine",
	.usage = "outlay add --kind K --amount M --date D [--life MONTHS] [--retires D] [--serves FEATURE] [--note T]",
	.text = "The training checkbook is capital: it stands apart from what inference costs every month. With --life the\n"
		"amount is used up evenly over that many calendar months (`report --basis amortised`), never beyond --retires.\n\n"
		"Credit that was prepaid (--kind prepaid --provider P) is drawn down by that vendor's usage: by cash it counts when bought\n"
		"and usage from it does not, by use it is the other way round, and what is left at its end was paid for nothing. A\n"
		"commitment (--kind commitment: reserved capacity, a minimum spend) is a right that either checkbook may use: it is a line of\n"
		"its own in neither, whole on its date by cash, evenly over its life by use. So are credits and taxes (--kind credit, tax),\n"
		"never netted and without a life.",
	.examples = "$ runrate outlay add --kind finetune --amount 'GBP 8000' --date 2026-09-14 --life 12 --serves support-bot\n"
		    "$ runrate outlay add --kind prepaid --provider openai --amount 'USD 5000' --date 2026-09-01 --life 12\n"
		    "$ runrate outlay add --kind hardware --amount '$31,000' --date 2026-02-01 --life 36 --note 'two GPUs'\n",
	.options = add_help,
	.run = run_add,
};

struct given {
	const char *kind, *serves, *model, *provider, *note, *id;
	struct opt_money amount;
	int64_t date_us, retires_us;
	bool date_given, retires_given;
	uint64_t life, tokens;
};

static int copy_text(const char *flag, const char *from, char *to, size_t size, struct err *e)
{
	if (!from)
		return 0;
	if (strlen(from) >= size)
		return err_set(e, RR_USAGE, "--%s is longer than %zu bytes", flag, size - 1);
	if (!str_utf8_valid(str_of(from)))
		return err_set(e, RR_USAGE, "--%s is not valid UTF-8", flag);
	str_copy(to, size, str_of(from));
	return 0;
}

static int outlay_of(const struct given *g, struct outlay *o, struct err *e)
{
	char text[1024];
	unsigned char sha[32];
	int n;
	if (!g->kind || outlay_kind_parse(str_of(g->kind), &o->kind)) {
		err_set(e, RR_USAGE, g->kind ? "%s is no kind of outlay" : "--kind is missing%s",
			g->kind ? g->kind : "");
		return err_hint(e, "one of %s", add_help[0].help);
	}
	if (!g->amount.given || !g->date_given) {
		err_set(e, RR_USAGE, "--%s is missing", g->amount.given ? "date" : "amount");
		return err_hint(e, "runrate outlay add --kind %s --amount 'GBP 8000' --date 2026-09-14", g->kind);
	}
	if (g->amount.pico <= 0)
		return err_set(e, RR_USAGE, "--amount must be more than 0");
	if (g->life > 1200)
		return err_set(e, RR_USAGE, "--life is in months, at most 1200");
	if (g->retires_given && g->retires_us <= g->date_us)
		return err_set(e, RR_USAGE, "--retires lies before --date");
	if (outlay_kind_use(o->kind) == OUTLAY_AT_ONCE && g->life) {
		err_set(e, RR_USAGE, "a %s is not used up over time: it has no --life", g->kind);
		return err_hint(e, "leave --life out: it counts on its date, on either basis");
	}
	if (o->kind == OUTLAY_PREPAID && !g->provider) {
		err_set(e, RR_USAGE, "whose credit is it? --provider is missing");
		return err_hint(e, "the vendor whose usage draws it down: --kind prepaid --provider openai");
	}
	o->amount_pico = o->kind == OUTLAY_CREDIT ? -g->amount.pico : g->amount.pico;
	o->currency = g->amount.currency;
	if (!o->currency.code[0] && currency_parse(str_of(globals.currency ? globals.currency : "USD"), &o->currency))
		return err_set(e, RR_USAGE, "%s is no currency code", globals.currency);
	o->date_us = g->date_us;
	o->retires_us = g->retires_given ? g->retires_us : 0;
	o->life_months = (uint32_t)g->life;
	o->trained_tok = g->tokens;
	if (copy_text("serves", g->serves, o->serves, sizeof o->serves, e) ||
	    copy_text("model", g->model, o->model, sizeof o->model, e) ||
	    copy_text("provider", g->provider, o->provider, sizeof o->provider, e) ||
	    copy_text("note", g->note, o->note, sizeof o->note, e) || copy_text("id", g->id, o->id, sizeof o->id, e))
		return -RR_USAGE;
	if (!o->id[0]) {
		n = snprintf(text, sizeof text, "%d|%lld|%lld|%s|%s|%s|%s|%s", o->kind, (long long)o->date_us,
			     (long long)o->amount_pico, o->currency.code, o->serves, o->model, o->provider, o->note);
		hash_sha256(str_make(text, n > 0 && (size_t)n < sizeof text ? (size_t)n : 0), sha);
		memcpy(o->id, "o-", 2);
		hash_hex(sha, 6, o->id + 2);
	}
	return 0;
}

static int run_add(int argc, char **argv)
{
	struct given g = {0};
	struct outlay o = {0};
	const struct opt options[] = {
		{"kind", 0, OPT_STR, &g.kind, NULL, "K", add_help[0].help},
		{"amount", 0, OPT_MONEY, &g.amount, NULL, "M", add_help[1].help},
		{"date", 0, OPT_TIME, &g.date_us, &g.date_given, "D", add_help[2].help},
		{"life", 0, OPT_U64, &g.life, NULL, "MONTHS", add_help[3].help},
		{"retires", 0, OPT_TIME, &g.retires_us, &g.retires_given, "D", add_help[4].help},
		{"serves", 0, OPT_STR, &g.serves, NULL, "FEATURE", add_help[5].help},
		{"model", 0, OPT_STR, &g.model, NULL, "M", add_help[6].help},
		{"provider", 0, OPT_STR, &g.provider, NULL, "P", add_help[7].help},
		{"tokens", 0, OPT_U64, &g.tokens, NULL, "N", add_help[8].help},
		{"note", 0, OPT_STR, &g.note, NULL, "T", add_help[9].help},
		{"id", 0, OPT_STR, &g.id, NULL, "ID", add_help[10].help},
		{NULL},
	};
	const char *positional[1];
	unsigned count;
	char money[MONEY_TEXT];
	struct err e = {0};
	struct ledger *l;
	struct json_out w;
	struct sb b;
	int rc = cmd_parse(&cmd_outlay_add, argc, argv, options, positional, &count, 0);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	if (outlay_of(&g, &o, &e))
		return cmd_fail(&e);
	if (globals.dry_run) {
		fprintf(stderr, "dry run: %s %s %s would be entered\n", outlay_kind_name(o.kind),
			money_human(o.amount_pico, 2, money), o.currency.code);
		return 0;
	}
	l = cmd_ledger(LEDGER_WRITE, &e);
	if (!l)
		return cmd_fail(&e);
	rc = ledger_add_outlay(l, &o, &e);
	ledger_close(l);
	if (rc == -RR_EXISTS)
		err_hint(&e, "the same thing twice? tell them apart by --note or --id");
	if (rc)
		return cmd_fail(&e);
	sb_init(&b, OUT_BYTES);
	if (globals.json) {
		jw_init(&w, &b);
		outlay_json(&w, &o, NULL, cmd_now_us());
		sb_addc(&b, '\n');
	} else {
		sb_addf(&b, "%s  %s %s %s\n", o.id, outlay_kind_name(o.kind), money_human(o.amount_pico, 2, money),
			o.currency.code);
	}
	rc = cmd_print(sb_str(&b));
	sb_fini(&b);
	return rc;
}

/* ---- list ---- */

static struct prepaid *credits; /* of the listing under way */

static int add_row(const struct outlay *o, void *arg)
{
	struct listing *x = arg;
	char text[TIME_TEXT], money[MONEY_TEXT];
	struct table_row *row;
	struct known known = {.prepaid = credits};
	int rc = payback_of(&known.payback, x->l, o, x->now_us, x->e);
	if (rc)
		return rc;
	x->rows++;
	if (x->w) {
		outlay_json(x->w, o, &known, x->now_us);
		return 0;
	}
	row = table_add(x->t);
	if (!row)
		return -RR_NOMEM;
	table_set(x->t, row, 0, "%s", o->id);
	table_set(x->t, row, 1, "%s", time_date(o->date_us, text));
	table_set(x->t, row, 2, "%s", outlay_kind_name(o->kind));
	table_set(x->t, row, 3, "%s", o->serves[0] ? o->serves : o->note);
	table_set(x->t, row, 4, "%s %s", money_human(o->amount_pico, 2, money), o->currency.code);
	table_set(x->t, row, 5, "%s", money_human(used_up(o, &known, x->now_us), 2, money));
	if (known.payback.known)
		table_set(x->t, row, 7,
			  known.payback.pays && known.payback.months_left < 1e5 ? "%s, %.1f mo" : "%s, never",
			  money_human(known.payback.saved_pico, 2, money), known.payback.months_left);
	if (o->life_months)
		table_set(x->t, row, 6, "%s", time_date(outlay_end_us(o), text));
	return 0;
}

static int run_list(int argc, char **argv);
const struct command cmd_outlay_list = {
	.name = "outlay list",
	.summary = "what was paid once, and how much of it is used up",
	.usage = "outlay list",
	.examples = "$ runrate outlay list\n$ runrate outlay list --json\n",
	.options = no_options,
	.run = run_list,
};

static int read_outlays(struct listing *x)
{
	int rc = prepaid_read(&credits, x->l, x->now_us, x->e);
	if (!rc)
		rc = ledger_outlays(x->l, add_row, x, x->e);
	prepaid_free(credits);
	credits = NULL;
	return rc;
}

static int run_list(int argc, char **argv)
{
	return cmd_list(&cmd_outlay_list, argc, argv, "outlay|date|kind|for|amount>|used up>|ends|pays back>",
			"outlays", read_outlays,
			"No outlays yet. Enter one: runrate outlay add --kind finetune --amount 'GBP 8000' --date 2026-09-14\n");
}
