/* SPDX-License-Identifier: Apache-2.0
 *
 * `runrate config keys`: the reference of runrate.yaml, printed from the tables that the file is checked against
 * (gate/config.def), so that it cannot say anything else than the program does.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/table.h"
#include "cmd/help.h"
#include "gate/config.h"

enum { ARENA_BYTES = 1024 * 1024, OUT_BYTES = 1024 * 1024, INDENT = 4, NAMED_MOST = 1 };

static const struct opt options[] = {{NULL}};

struct listing {
	struct str wanted; /* only settings whose path begins with it; n 0: all */
	struct table table;
	struct json_out w;
	struct sb out;
	unsigned shown, width;
};

static void add(struct listing *l, const struct conf_field *f, const char *path)
{
	char words[160];
	struct table_row *r;
	if (!str_starts(str_of(path), l->wanted))
		return;
	l->shown++;
	conf_field_words(f, words);
	if (globals.json) {
		jw_object(&l->w);
		jw_kcstr(&l->w, "name", path);
		jw_kcstr(&l->w, "value", words);
		jw_kcstr(&l->w, "default", f->fallback);
		jw_kcstr(&l->w, "help", f->help);
		jw_end_object(&l->w);
	} else if (globals.csv) {
		r = table_add(&l->table);
		table_set(&l->table, r, 0, "%s", path);
		table_set(&l->table, r, 1, "%s", words);
		table_set(&l->table, r, 2, "%s", f->fallback ? f->fallback : "");
		table_set(&l->table, r, 3, "%s", f->help);
	} else if (f->fields) { /* a section, before its settings */
		sb_addf(&l->out, "\n%s  %s\n", path, words);
		help_wrap(str_of(f->help), INDENT, l->width, &l->out);
	} else {
		sb_addf(&l->out, "%s  %s%s%s\n", path, words, f->fallback ? "; default " : "",
			f->fallback ? f->fallback : "");
		help_wrap(str_of(f->help), INDENT, l->width, &l->out);
	}
}

static void each(struct listing *l, const struct conf_field *fields, const char *prefix)
{
	char path[256], inside[sizeof path + 2];
	for (const struct conf_field *f = fields; f->name; f++) {
		snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", f->name);
		add(l, f, path);
		if (!f->fields)
			continue;
		snprintf(inside, sizeof inside, "%s%s", path, f->kind == CONF_STRUCTS ? "[]" : "");
		each(l, f->fields, inside);
	}
}

static int print(struct str wanted)
{
	struct arena arena;
	struct listing l = {.wanted = wanted, .width = term_width(STDOUT_FILENO)};
	struct err e;
	int rc;
	arena_init(&arena, ARENA_BYTES);
	sb_init(&l.out, OUT_BYTES);
	table_init(&l.table, &arena, "setting|value|default|help");
	if (globals.json) {
		jw_init(&l.w, &l.out);
		jw_object(&l.w);
		jw_key(&l.w, "settings");
		jw_array(&l.w);
	}
	each(&l, gate_config_tables(), "");
	if (globals.json) {
		jw_end_array(&l.w);
		jw_end_object(&l.w);
		sb_addc(&l.out, '\n');
	} else if (globals.csv) {
		table_csv(&l.table, &l.out);
	}
	if (l.shown) {
		rc = cmd_print(sb_str(&l.out));
	} else {
		err_set(&e, RR_USAGE, "no setting begins with '%.*s'", STR_ARG(str_sub(wanted, 0, 60)));
		err_hint(&e, "runrate config keys lists them all");
		rc = cmd_fail(&e);
	}
	sb_fini(&l.out);
	arena_fini(&arena);
	return rc;
}

static int run(int argc, char **argv)
{
	const char *named[NAMED_MOST];
	unsigned count = 0;
	int rc = cmd_parse(&cmd_config_keys, argc, argv, options, named, &count, NAMED_MOST);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	return print(count ? str_of(named[0]) : str_make("", 0));
}

const struct command cmd_config_keys = {
	.name = "config keys",
	.summary = "what runrate.yaml may say, with defaults",
	.usage = "config keys [BEGINNING]",
	.text = "The reference of the configuration file. \"[]\" behind a name: a list, of which each item has the settings "
		"that follow. docs/guide/gateway.md puts them to use.",
	.examples = "$ runrate config keys\n"
		    "$ runrate config keys upstreams\n",
	.options = options,
	.run = run,
};
