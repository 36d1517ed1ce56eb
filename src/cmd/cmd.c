/* SPDX-License-Identifier: Apache-2.0
 *
 * See cmd.h. From argv to a command: global flags may stand before, between and behind its words; the longest name
 * wins ("plan train" before "plan"); a word that only begins names ("plan") lists them; what is none is refused with
 * the nearest one.
 */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/help.h"

enum { OUT_BYTES = 4 * 1024 * 1024, ARGS_MOST = 4096, NAME_BYTES = 128 };

const char runrate_version[] = RUNRATE_VERSION;
struct globals globals = {.seed = 1};

const struct opt global_options[] = {
	{"json", 0, OPT_FLAG, &globals.json, NULL, NULL, "print JSON"},
	{"csv", 0, OPT_FLAG, &globals.csv, NULL, NULL, "print CSV"},
	{"no-color", 0, OPT_FLAG, &globals.no_color, NULL, NULL, "no colour (as NO_COLOR=1)"},
	{"quiet", 'q', OPT_FLAG, &globals.quiet, NULL, NULL, "only results and errors"},
	{"verbose", 'v', OPT_FLAG, &globals.verbose, NULL, NULL, "say more on stderr"},
	{"ledger", 0, OPT_STR, &globals.ledger, NULL, "PATH",
	 "ledger file (default $RUNRATE_LEDGER, else the XDG data folder)"},
	{"config", 0, OPT_STR, &globals.config, NULL, "FILE",
	 "configuration (default $RUNRATE_CONFIG, ./runrate.yaml, the XDG config folder)"},
	{"currency", 0, OPT_STR, &globals.currency, NULL, "C", "currency of reports, as GBP"},
	{"tz", 0, OPT_STR, &globals.tz, NULL, "ZONE", "time zone of days and months, as Europe/London (default UTC)"},
	{"no-input", 0, OPT_FLAG, &globals.no_input, NULL, NULL, "never ask"},
	{"seed", 0, OPT_U64, &globals.seed, NULL, "N", "seed of everything random (default 1)"},
	{"dry-run", 0, OPT_FLAG, &globals.dry_run, NULL, NULL, "show what would be done, change nothing"},
	{"help", 'h', OPT_FLAG, &globals.help, NULL, NULL, "this help"},
	{NULL},
};

const struct command_entry commands[] = {
#define X(group, id) {GROUP_##group, &id},
#include "cmd/commands.def"
#undef X
	{GROUPS, NULL},
};

const struct command *cmd_find(struct str name)
{
	for (const struct command_entry *c = commands; c->command; c++)
		if (str_eqc(name, c->command->name))
			return c->command;
	return NULL;
}

const char *cmd_nearest(struct str name)
{
	const char *best = "";
	unsigned distance = (unsigned)(name.n < 60 ? name.n : 60) / 3 + 2;
	for (const struct command_entry *c = commands; c->command; c++) {
		unsigned d = str_distance(name, str_of(c->command->name));
		if (d < distance && c->command->name[0])
			best = c->command->name, distance = d;
	}
	return best;
}

int64_t cmd_now_us(void)
{
	const char *fixed = getenv("RUNRATE_NOW");
	int64_t at_us;
	if (fixed && time_parse(str_of(fixed), &at_us) == 0)
		return at_us;
	return clock_real(&clock_system);
}

int cmd_print(struct str text)
{
	if (fflush(stdout))
		return 1;
	while (text.n) {
		ssize_t n = write(STDOUT_FILENO, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 1;
		text = str_sub(text, (size_t)n, text.n);
	}
	return 0;
}

static bool said; /* an error was printed */

void *cmd_alloc(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		mem_lost();
	return p;
}

/* What an error quotes comes from files and peers: no control character of it reaches the terminal. */
static void print_error(const char *text)
{
	said = true;
	fflush(stdout);
	fputs("runrate: ", stderr);
	for (const char *p = text; *p; p++)
		fputc(((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f ? '?' : *p, stderr);
	fputc('\n', stderr);
}

static const char *running = ""; /* the command's name */

/* What to do next where whoever made the error knew nothing better. */
static void default_hint(struct err *e)
{
	static const char *const next[RR_CODES] = { /* where there is none, the help is */
		[RR_NOMEM] = "try a part of it at a time, or give it more memory",
		[RR_IO] = "look whether the folder is there and may be written to, and whether the disk is full",
		[RR_CONFIG] = "correct the configuration; runrate config keys lists every key",
		[RR_LIMIT] = "try a part of it at a time",
		[RR_STORE] = "runrate doctor looks at the ledger and its place",
		[RR_NET] = "look at the address; runrate doctor tries the ports",
		[RR_TLS] = "runrate doctor looks at the certificates that are trusted",
	};
	const char *hint = e->code < RR_CODES ? next[e->code] : NULL;
	if (e->hint[0])
		return;
	if (e->line)
		hint = "correct that line and run it again";
	else if (e->code == RR_NOTFOUND && e->file[0])
		hint = "look at the name: it counts from the folder that you are in";
	if (hint)
		err_hint(e, "%s", hint);
	else
		err_hint(e, "runrate help%s%s shows what it takes", running[0] ? " " : "", running);
}

int cmd_fail(const struct err *given)
{
	struct err e = *given;
	char text[1024];
	if (!e.code) {
		print_error("failed, without a reason given");
		return 1;
	}
	default_hint(&e);
	print_error(err_text(&e, text, sizeof text));
	return err_exit_code(e.code);
}

static int print_help(const struct command *c)
{
	struct sb out;
	int rc;
	sb_init(&out, OUT_BYTES);
	help_command(c, &out);
	rc = cmd_print(sb_str(&out));
	sb_fini(&out);
	return rc;
}

int cmd_parse(const struct command *c, int argc, char **argv, const struct opt *options, const char **positional,
	      unsigned *count, unsigned most)
{
	static const struct opt none[] = {{NULL}};
	const struct opt *const tables[] = {options ? options : none, global_options};
	struct err e;
	running = c->name;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) { /* also where the rest is wrong */
			print_help(c);
			return 1;
		}
	if (opt_parse(argc, argv, tables, 2, positional, count, most, &e)) {
		if (strstr(e.hint, "--help"))
			err_hint(&e, "runrate help %s", c->name);
		cmd_fail(&e);
		return -RR_USAGE;
	}
	if (globals.json && globals.csv) {
		err_set(&e, RR_USAGE, "--json and --csv exclude each other");
		cmd_fail(&e);
		return -RR_USAGE;
	}
	if (globals.no_color)
		setenv("NO_COLOR", "1", 1);
	log_init(globals.verbose ? LOG_DEBUG : globals.quiet ? LOG_ERROR : LOG_INFO, false);
	return 0;
}

/* How many arguments a global flag at argv[i] takes up: 1, 2, or 0 when it is none. */
static int global_span(char **argv, int argc, int i)
{
	const char *a = argv[i];
	for (const struct opt *o = global_options; o->name; o++) {
		size_t n = strlen(o->name);
		bool is_long = strncmp(a, "--", 2) == 0 && strncmp(a + 2, o->name, n) == 0 &&
			       (a[2 + n] == 0 || a[2 + n] == '=');
		bool is_short = o->letter && a[0] == '-' && a[1] == o->letter && a[2] == 0;
		if (is_long && a[2 + n] == '=')
			return 1;
		if (is_long || is_short)
			return o->kind == OPT_FLAG || i + 1 >= argc ? 1 : 2;
	}
	return 0;
}

/* The command line, taken apart: at most two leading words, and where they stand. */
struct line {
	const char *word[2];
	int at[2];
	unsigned words;
	int stop;  /* a flag that is no global one, or "--" */
};

static void find_words(struct line *l, int argc, char **argv)
{
	*l = (struct line){.stop = argc};
	for (int i = 1; i < argc && l->words < 2;) {
		int span = argv[i][0] == '-' && argv[i][1] ? global_span(argv, argc, i) : 0;
		if (argv[i][0] == '-' && argv[i][1]) {
			if (!span) {
				l->stop = i;
				return;
			}
			i += span;
			continue;
		}
		l->word[l->words] = argv[i];
		l->at[l->words++] = i++;
	}
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* A result that memory ran out under is none, whatever the command thought. */
static int finish(int rc)
{
	struct err e;
	if (!mem_was_lost() || (rc && said))
		return rc;
	err_set(&e, RR_NOMEM, "memory ran out on the way: what was printed may not be whole");
	return cmd_fail(&e);
}

/* argv without the command's words, its name in front. */
static int run(const struct command *c, const struct line *l, unsigned words, int argc, char **argv)
{
	static char name[NAME_BYTES];
	static char *args[ARGS_MOST + 2];
	int n = 0;
	struct err e;
	if (argc > ARGS_MOST) {
		err_set(&e, RR_USAGE, "more than %d arguments", ARGS_MOST);
		return cmd_fail(&e);
	}
	snprintf(name, sizeof name, "%s", c->name);
	args[n++] = name;
	for (int i = 1; i < argc; i++)
		if (!(words > 0 && i == l->at[0]) && !(words > 1 && i == l->at[1]))
			args[n++] = argv[i];
	args[n] = NULL;
	return finish(c->run(n, args));
}

static int print_overview(int rc)
{
	struct sb out;
	sb_init(&out, OUT_BYTES);
	help_overview(&out);
	if (cmd_print(sb_str(&out)))
		rc = 1;
	sb_fini(&out);
	return rc;
}

static int no_such(struct str name)
{
	struct err e;
	const char *near = cmd_nearest(name);
	err_set(&e, RR_USAGE, "no such command: '%.*s'", STR_ARG(str_sub(name, 0, 80)));
	if (near[0])
		err_hint(&e, "did you mean `runrate %s`?", near);
	else
		err_hint(&e, "runrate help lists the commands");
	return cmd_fail(&e);
}

/* No command of that first word alone: a list of those that begin with it, or a refusal. */
static int group_or_refuse(const struct line *l, int argc, char **argv)
{
	char both[NAME_BYTES];
	struct sb out;
	int rc = 2;
	sb_init(&out, OUT_BYTES);
	if (!help_group(str_of(l->word[0]), &out)) {
		/* "runrate raport x": the first word may be a mistyped one-word command, or both a two-word one */
		snprintf(both, sizeof both, "%s %s", l->word[0], l->words > 1 ? l->word[1] : "");
		rc = no_such(cmd_nearest(str_of(l->word[0]))[0] || l->words < 2 ? str_of(l->word[0]) : str_of(both));
	} else if (l->words > 1) {
		snprintf(both, sizeof both, "%s %s", l->word[0], l->word[1]);
		rc = no_such(str_of(both));
	} else if (asks_help(argc, argv)) {
		rc = cmd_print(sb_str(&out));
	} else {
		fputs(out.p ? out.p : "", stderr);
	}
	sb_fini(&out);
	return rc;
}

static int without_words(const struct line *l, int argc, char **argv)
{
	const struct command *bare = cmd_find(STR(""));
	if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
		printf("runrate %s\n", runrate_version);
		return fflush(stdout) ? 1 : 0;
	}
	if (asks_help(argc, argv))
		return print_overview(0);
	if (bare)
		return run(bare, l, 0, argc, argv);
	if (l->stop < argc) {
		static const struct opt *const tables[] = {global_options};
		struct err e;
		unsigned count;
		char *rest[] = {argv[0], argv[l->stop], NULL};
		if (opt_parse(2, rest, tables, 1, NULL, &count, 0, &e))
			return cmd_fail(&e);
	}
	return print_overview(0);
}

int cmd_main(int argc, char **argv)
{
	struct line l;
	const struct command *c = NULL;
	char name[NAME_BYTES];
	find_words(&l, argc, argv);
	if (!l.words)
		return without_words(&l, argc, argv);
	if (l.words > 1) {
		int n = snprintf(name, sizeof name, "%s %s", l.word[0], l.word[1]);
		c = n > 0 && (size_t)n < sizeof name ? cmd_find(str_of(name)) : NULL;
		if (c)
			return run(c, &l, 2, argc, argv);
	}
	c = l.word[0][0] ? cmd_find(str_of(l.word[0])) : NULL;
	if (!c && cmd_find(STR("")) && access(l.word[0], F_OK) == 0 && !asks_help(argc, argv))
		return run(cmd_find(STR("")), &l, 0, argc, argv); /* `runrate usage.csv` */
	return c ? run(c, &l, 1, argc, argv) : group_or_refuse(&l, argc, argv);
}
