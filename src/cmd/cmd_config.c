/* SPDX-License-Identifier: Apache-2.0
 *
 * `runrate config show`: every setting, its value, and with --origin where that came from. Secrets are "set" or
 * "not set". Precedence: flag, environment, file (the first of $RUNRATE_CONFIG, ./runrate.yaml, the user's, the
 * system's), default.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "gate/config.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, OUT_BYTES = 16 * 1024 * 1024, FILE_COLUMNS = 20 };

static bool with_origin;

static const struct opt options[] = {
	{"origin", 0, OPT_FLAG, &with_origin, NULL, NULL, "say for each setting where it came from"},
	{NULL},
};

struct show {
	const struct gate_config *conf;
	struct arena *arena;
	struct table table;
	struct json_out w;
};

static void add(struct show *s, const char *path, struct str value, const char *kind, const char *file, unsigned line,
		const char *help)
{
	struct table_row *r;
	if (globals.json) {
		jw_object(&s->w);
		jw_kcstr(&s->w, "name", path);
		jw_kstr(&s->w, "value", value);
		jw_kcstr(&s->w, "from", kind);
		if (file)
			jw_kcstr(&s->w, "file", file);
		if (line)
			jw_ku64(&s->w, "line", line);
		jw_kcstr(&s->w, "help", help);
		jw_end_object(&s->w);
		return;
	}
	r = table_add(&s->table);
	table_set(&s->table, r, 0, "%s", path);
	table_set(&s->table, r, 1, "%.*s", STR_ARG(value));
	if (!with_origin)
		return;
	if (!line) {
		table_set(&s->table, r, 2, "%s", kind);
	} else {
		size_t n = strlen(file); /* the end of a long name says more than its beginning */
		bool cut = n > FILE_COLUMNS;
		table_set(&s->table, r, 2, "%s%s:%u", cut ? "\xE2\x80\xA6" : "", cut ? file + n - FILE_COLUMNS : file,
			  line);
	}
}

static void one(const char *path, struct str value, unsigned line, const char *help, void *arg)
{
	struct show *s = arg;
	const char *env = getenv("RUNRATE_LEDGER");
	if (strcmp(path, "ledger") == 0 && globals.ledger)
		add(s, path, str_of(globals.ledger), "flag", NULL, 0, help);
	else if (strcmp(path, "ledger") == 0 && env && env[0])
		add(s, path, str_of(env), "env", NULL, 0, help);
	else if (strcmp(path, "currency.report") == 0 && globals.currency)
		add(s, path, str_of(globals.currency), "flag", NULL, 0, help);
	else
		add(s, path, value, line ? "file" : "default", line ? s->conf->file : NULL, line, help);
}

static int print(const struct gate_config *conf, struct arena *arena)
{
	struct show s = {.conf = conf, .arena = arena};
	struct sb out;
	int rc;
	sb_init(&out, OUT_BYTES);
	table_init(&s.table, arena, with_origin ? "setting|value|from" : "setting|value");
	if (globals.json) {
		jw_init(&s.w, &out);
		jw_object(&s.w);
		jw_kcstr(&s.w, "file", conf->file);
		jw_key(&s.w, "settings");
		jw_array(&s.w);
	}
	gate_config_each(conf, arena, one, &s);
	if (globals.json) {
		jw_end_array(&s.w);
		jw_end_object(&s.w);
		sb_addc(&out, '\n');
	} else if (globals.csv) {
		table_csv(&s.table, &out);
	} else {
		if (!globals.quiet)
			fprintf(stderr, "%s%s\n", conf->file ? "file: " : "no configuration file: all defaults",
				conf->file ? conf->file : "");
		table_text(&s.table, term_width(STDOUT_FILENO), &out);
	}
	rc = cmd_print(sb_str(&out));
	sb_fini(&out);
	return rc;
}

static int run(int argc, char **argv)
{
	struct arena arena;
	struct gate_config conf;
	struct sb errors;
	int rc = cmd_parse(&cmd_config_show, argc, argv, options, NULL, NULL, 0);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	arena_init(&arena, ARENA_BYTES);
	sb_init(&errors, 256 * 1024);
	rc = gate_config_load(globals.config, &arena, &conf, &errors);
	if (rc) {
		fputs(errors.p ? errors.p : "runrate: wrong configuration\n", stderr);
		rc = err_exit_code(rc);
	} else {
		rc = print(&conf, &arena);
	}
	sb_fini(&errors);
	arena_fini(&arena);
	return rc;
}

const struct command cmd_config_show = {
	.name = "config show",
	.summary = "every setting, its value and where it came from",
	.usage = "config show [--origin] [--config FILE]",
	.text = "A flag wins over the environment, that over the file, that over the default. The file is --config, else "
		"$RUNRATE_CONFIG, else the first that exists of ./runrate.yaml, ~/.config/runrate/runrate.yaml and "
		"/etc/runrate/runrate.yaml. A wrong file is refused with all its mistakes, each with its place. "
		"Secrets are never printed.",
	.examples = "$ runrate config show --origin\n"
		    "$ runrate config show --config runrate.yaml --json\n",
	.options = options,
	.run = run,
};
