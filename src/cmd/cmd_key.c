/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate key new|list|revoke: virtual keys. The secret is printed once, at its birth, and kept nowhere.
 */
#include <stdio.h>

#include "base/clock.h"
#include "cmd/listing.h"

enum { OUT_BYTES = 64 * 1024 * 1024 };
#define LIMIT_MOST 4000000000u

static const struct opt no_options[] = {{NULL}};

static void list_json(struct json_out *w, const char *name, const char *commas)
{
	struct str rest = str_of(commas);
	jw_key(w, name);
	jw_array(w);
	while (rest.n) {
		struct str one = str_trim(str_cut(&rest, ','));
		if (one.n)
			jw_str(w, one);
	}
	jw_end_array(w);
}

static void key_json(struct json_out *w, const struct key_row *k, const char *secret)
{
	char t[TIME_TEXT];
	jw_object(w);
	if (secret)
		jw_kcstr(w, "key", secret);
	jw_kcstr(w, "id", k->id);
	jw_kcstr(w, "team", k->team);
	jw_kcstr(w, "feature", k->feature);
	jw_kcstr(w, "env", k->env);
	list_json(w, "models", k->models);
	list_json(w, "regions", k->regions);
	jw_kbool(w, "clamp", k->clamp);
	for (unsigned i = 0; i < 3; i++) { /* null: the configuration's */
		const uint64_t limit[] = {k->requests_per_minute, k->tokens_per_minute, k->active};
		static const char *const name[] = {"requests_per_minute", "tokens_per_minute", "at_once"};
		if (limit[i])
			jw_ku64(w, name[i], limit[i]);
		else
			jw_kcstr(w, name[i], NULL);
	}
	jw_kcstr(w, "created", time_text(k->created_us, t));
	jw_kcstr(w, "revoked", k->revoked_us ? time_text(k->revoked_us, t) : NULL);
	jw_end_object(w);
}

/* ---- new ---- */

static const struct opt new_help[] = {
	{"team", 0, OPT_STR, NULL, NULL, "T", "who pays"},
	{"feature", 0, OPT_STR, NULL, NULL, "F", "what it is for"},
	{"env", 0, OPT_STR, NULL, NULL, "E",
	 "production (default), pilot or test: the headline counts production only"},
	{"models", 0, OPT_STR, NULL, NULL, "M,...", "only these models (default: all)"},
	{"regions", 0, OPT_STR, NULL, NULL, "R,...", "only upstreams in these regions (default: all)"},
	{"clamp", 0, OPT_FLAG, NULL, NULL, NULL, "near a cap, lower the output limit instead of refusing"},
	{"requests-per-minute", 0, OPT_U64, NULL, NULL, "N", "how often it may ask (default: the configuration's)"},
	{"tokens-per-minute", 0, OPT_U64, NULL, NULL, "N", "how many tokens it may use (default: the configuration's)"},
	{"at-once", 0, OPT_U64, NULL, NULL, "N",
	 "how many calls it may have under way (default: the configuration's, 1,000)"},
	{NULL},
};

static int run_new(int argc, char **argv);
const struct command cmd_key_new = {
	.name = "key new",
	.summary = "make a virtual key; it is shown once",
	.usage = "key new --team T [--feature F] [--env E] [--models M,...] [--regions R,...] [--clamp]\n"
		 "        [--requests-per-minute N] [--tokens-per-minute N] [--at-once N]",
	.text = "Put the key where a vendor's key was: calls with it are counted for its team and feature, and bound to its\n"
		"models, regions and caps. Only a keyed hash of it is kept, under a pepper in a file beside the ledger.",
	.examples = "$ runrate key new --team search --feature support-bot\n"
		    "$ runrate key new --team lab --env test --models gpt-5.4-mini,gpt-5.4-nano\n",
	.options = new_help,
	.run = run_new,
};

static int fits(const char *name, const char *value, char *out, size_t size, struct err *e)
{
	struct str s = str_of(value);
	if (!value)
		return 0;
	if (s.n >= size)
		return err_set(e, RR_USAGE, "--%s is longer than %zu bytes", name, size - 1);
	if (!str_utf8_valid(s))
		return err_set(e, RR_USAGE, "--%s is not valid UTF-8", name);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20)
			return err_set(e, RR_USAGE, "--%s holds a control character", name);
	str_copy(out, size, s);
	return 0;
}

static int run_new(int argc, char **argv)
{
	const char *team = NULL, *feature = NULL, *env = "production", *models = NULL, *regions = NULL, *positional[1];
	struct key_row k = {0};
	const struct opt options[] = {
		{"team", 0, OPT_STR, &team, NULL, "T", new_help[0].help},
		{"feature", 0, OPT_STR, &feature, NULL, "F", new_help[1].help},
		{"env", 0, OPT_STR, &env, NULL, "E", new_help[2].help},
		{"models", 0, OPT_STR, &models, NULL, "M,...", new_help[3].help},
		{"regions", 0, OPT_STR, &regions, NULL, "R,...", new_help[4].help},
		{"clamp", 0, OPT_FLAG, &k.clamp, NULL, NULL, new_help[5].help},
		{"requests-per-minute", 0, OPT_U64, &k.requests_per_minute, NULL, "N", new_help[6].help},
		{"tokens-per-minute", 0, OPT_U64, &k.tokens_per_minute, NULL, "N", new_help[7].help},
		{"at-once", 0, OPT_U64, &k.active, NULL, "N", new_help[8].help},
		{NULL},
	};
	char secret[KEY_SECRET_TEXT] = "";
	unsigned count;
	struct err e = {0};
	struct ledger *l;
	struct json_out w;
	struct sb b;
	int rc = cmd_parse(&cmd_key_new, argc, argv, options, positional, &count, 0);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	if (!team || !*team) {
		err_set(&e, RR_USAGE, "a key needs a team: who pays?");
		err_hint(&e, "runrate key new --team NAME");
		return cmd_fail(&e);
	}
	if (fits("team", team, k.team, sizeof k.team, &e) ||
	    fits("feature", feature, k.feature, sizeof k.feature, &e) || fits("env", env, k.env, sizeof k.env, &e) ||
	    fits("models", models, k.models, sizeof k.models, &e) ||
	    fits("regions", regions, k.regions, sizeof k.regions, &e))
		return cmd_fail(&e);
	if (k.requests_per_minute > LIMIT_MOST || k.tokens_per_minute > LIMIT_MOST || k.active > LIMIT_MOST) {
		err_set(&e, RR_USAGE, "a key's limit is at most %u", LIMIT_MOST);
		err_hint(&e, "leave the flag out for the configuration's limit");
		return cmd_fail(&e);
	}
	k.created_us = cmd_now_us();
	if (globals.dry_run) {
		fprintf(stderr, "dry run: a key for team %s would be made\n", k.team);
		return 0;
	}
	l = cmd_ledger(LEDGER_WRITE, &e);
	if (!l)
		return cmd_fail(&e);
	rc = ledger_new_key(l, &k, secret, &e);
	ledger_close(l);
	if (rc)
		return cmd_fail(&e);
	sb_init(&b, OUT_BYTES);
	if (globals.json) {
		jw_init(&w, &b);
		key_json(&w, &k, secret);
		sb_addc(&b, '\n');
	} else {
		sb_addf(&b, "%s\n", secret);
		if (!globals.quiet)
			fprintf(stderr,
				"key %s for team %s. It is shown this once: put it where the vendor's key was.\n", k.id,
				k.team);
	}
	rc = cmd_print(sb_str(&b));
	if (b.p)
		explicit_bzero(b.p, b.n);
	sb_fini(&b);
	explicit_bzero(secret, sizeof secret);
	return rc;
}

/* ---- list ---- */

/* "60/min 10000 tok/min 5 at once" */
static const char *limits_text(const struct key_row *k, char out[96])
{
	int n = 0;
	out[0] = 0;
	if (k->requests_per_minute)
		n += snprintf(out, 96, "%llu/min ", (unsigned long long)k->requests_per_minute);
	if (k->tokens_per_minute)
		n += snprintf(out + n, 96 - (size_t)n, "%llu tok/min ", (unsigned long long)k->tokens_per_minute);
	if (k->active)
		n += snprintf(out + n, 96 - (size_t)n, "%llu at once ", (unsigned long long)k->active);
	if (n)
		out[n - 1] = 0;
	return out;
}

static int add_key(const struct key_row *k, void *arg)
{
	struct listing *x = arg;
	char created[TIME_TEXT], revoked[TIME_TEXT] = "", limits[96];
	struct table_row *row;
	x->rows++;
	if (x->w) {
		key_json(x->w, k, NULL);
		return 0;
	}
	row = table_add(x->t);
	if (!row)
		return -RR_NOMEM;
	table_set(x->t, row, 0, "%s", k->id);
	table_set(x->t, row, 1, "%s", k->team);
	table_set(x->t, row, 2, "%s", k->feature);
	table_set(x->t, row, 3, "%s", k->env);
	table_set(x->t, row, 4, "%s", k->models[0] ? k->models : "all");
	table_set(x->t, row, 5, "%s", limits_text(k, limits));
	table_set(x->t, row, 6, "%s", time_date(k->created_us, created));
	table_set(x->t, row, 7, "%s", k->revoked_us ? time_date(k->revoked_us, revoked) : "");
	return 0;
}

static int run_list(int argc, char **argv);
const struct command cmd_key_list = {
	.name = "key list",
	.summary = "all virtual keys, without their secrets",
	.usage = "key list",
	.examples = "$ runrate key list\n",
	.options = no_options,
	.run = run_list,
};

static int read_keys(struct listing *x)
{
	return ledger_keys(x->l, add_key, x, x->e);
}

static int run_list(int argc, char **argv)
{
	return cmd_list(&cmd_key_list, argc, argv, "key>|team|feature|env|models|limits|made>|revoked>", "keys",
			read_keys, "No keys yet. Make one: runrate key new --team NAME\n");
}

/* ---- revoke ---- */

static int run_revoke(int argc, char **argv);
const struct command cmd_key_revoke = {
	.name = "key revoke",
	.summary = "stop a key from working, at once and for good",
	.usage = "key revoke ID",
	.text = "A running gateway notices within a second. What was spent with the key stays in the ledger.",
	.examples = "$ runrate key revoke k-0123456789ab\n",
	.options = no_options,
	.run = run_revoke,
};

static int revoke_now(struct ledger *l, const char *id, struct err *e)
{
	return ledger_revoke_key(l, id, cmd_now_us(), e);
}

static int run_revoke(int argc, char **argv)
{
	return cmd_on_id(&cmd_key_revoke, argc, argv, "key", "revoked", revoke_now);
}
