/* SPDX-License-Identifier: Apache-2.0
 *
 * `runrate help`: the overview, a command, a family of commands, the global flags; and the man pages.
 */
#include <stdio.h>

#include "base/fs.h"
#include "cmd/help.h"

enum { OUT_BYTES = 1024 * 1024 };

static struct {
	bool man;
	const char *all_man;
} flags;

static const struct opt options[] = {
	{"man", 0, OPT_FLAG, &flags.man, NULL, NULL, "print the man page (mdoc) of the command instead"},
	{"all-man", 0, OPT_STR, &flags.all_man, NULL, "FOLDER", "write every man page into a folder"},
	{NULL},
};

static int write_page(const struct command *c, const char *folder, struct err *e)
{
	char path[4096], name[128];
	struct sb out;
	int rc, n = snprintf(path, sizeof path, "%s/%s", folder, man_file_name(c, name, sizeof name));
	if (n < 0 || (size_t)n >= sizeof path)
		return err_set(e, RR_INPUT, "the folder's name is too long");
	sb_init(&out, OUT_BYTES);
	man_page(c, &out);
	rc = fs_make_parent(path, e);
	if (!rc)
		rc = fs_write_atomic(path, sb_str(&out), 0644, e);
	sb_fini(&out);
	return rc;
}

static int write_all(const char *folder)
{
	struct err e = {0};
	int rc = write_page(NULL, folder, &e);
	for (const struct command_entry *c = commands; c->command && !rc; c++)
		if (c->command->name[0])
			rc = write_page(c->command, folder, &e);
	return rc ? cmd_fail(&e) : 0;
}

static int unknown(const char *name)
{
	struct err e;
	const char *near = cmd_nearest(str_of(name));
	err_set(&e, RR_USAGE, "no such command: '%.80s'", name);
	if (near[0])
		err_hint(&e, "did you mean `runrate help %s`?", near);
	else
		err_hint(&e, "runrate help lists the commands");
	return cmd_fail(&e);
}

static int run(int argc, char **argv)
{
	const char *word[2] = {NULL, NULL};
	unsigned count = 0;
	char name[128];
	const struct command *c;
	struct sb out;
	int rc = cmd_parse(&cmd_help, argc, argv, options, word, &count, 2);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	if (flags.all_man)
		return write_all(flags.all_man);
	snprintf(name, sizeof name, "%s%s%s", count ? word[0] : "", count > 1 ? " " : "", count > 1 ? word[1] : "");
	c = count ? cmd_find(str_of(name)) : NULL;
	sb_init(&out, OUT_BYTES);
	if (flags.man && (c || !count || strcmp(name, "runrate") == 0))
		man_page(c, &out);
	else if (!count)
		help_overview(&out);
	else if (c && c->name[0])
		help_command(c, &out);
	else if (strcmp(name, "flags") == 0)
		help_flags(&out);
	else if (flags.man || !help_group(str_of(name), &out))
		rc = unknown(name);
	if (!rc)
		rc = cmd_print(sb_str(&out));
	sb_fini(&out);
	return rc;
}

const struct command cmd_help = {
	.name = "help",
	.summary = "this help, or a command's",
	.usage = "help [COMMAND | flags] [--man] [--all-man FOLDER]",
	.text = "Help, man pages and shell completion are made from one table for each command, so they cannot disagree.",
	.examples = "$ runrate help plan\n$ runrate help plan train\n$ runrate help --man report | man -l -\n",
	.options = options,
	.run = run,
};
