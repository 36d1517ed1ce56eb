/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands: parse argv, open things, call one module, print. No logic lives here.
 *
 * commands.def lists them once (group, the struct command); each cmd_*.c has its option table, usage line and
 * examples in a struct command. --help, man pages and completion are generated from these. A new command is a file
 * cmd_NAME.c, a line in commands.def and a line in meson.build.
 */
#ifndef RR_CMD_CMD_H
#define RR_CMD_CMD_H

#include "base/opt.h"

struct command {
	const char *name;      /* "price", "plan train"; "" = what a bare `runrate` does */
	const char *summary;   /* one line */
	const char *usage;     /* "price --provider P --dialect D [FILE|-]" */
	const char *text;      /* what it does, a paragraph or two (parted by an empty line); may be NULL */
	const char *examples;  /* lines "$ runrate ...", shown first */
	const struct opt *options; /* for help; parsing tables are built in run() and must agree (tested) */
	int (*run)(int argc, char **argv); /* argv[0] is the name, the rest its arguments; returns the exit code */
};

/* Flags that every command takes: --json --csv --no-color --quiet --verbose --ledger --config --currency --tz
 * --no-input --seed --dry-run --help. */
struct globals {
	bool json, csv, no_color, quiet, verbose, no_input, dry_run, help;
	const char *ledger, *config, *currency, *tz;
	uint64_t seed;
};
extern struct globals globals;
extern const struct opt global_options[];

/* Parses argv with the command's table and the globals. Positional arguments as in opt_parse. Prints help and
 * returns 1 when --help was given; 0 to go on; -RR_USAGE after printing the error. */
int cmd_parse(const struct command *c, int argc, char **argv, const struct opt *options,
	      const char **positional, unsigned *count, unsigned most);
/* Zeroed memory; without any, NULL, and the command ends with an error whatever it returns. */
void *cmd_alloc(size_t size);
/* Prints e on stderr ("runrate: what / next: hint", with a general hint where e has none) and returns its exit code. */
int cmd_fail(const struct err *e);
/* Writes to stdout and says whether that worked (0, or exit code 1 on a broken pipe). */
int cmd_print(struct str text);
/* Microseconds since the epoch: now, or $RUNRATE_NOW (ISO 8601) so that examples can be repeated to the byte. */
int64_t cmd_now_us(void);

enum command_group { GROUP_RUN, GROUP_SEE, GROUP_PAY_LESS, GROUP_PLAN, GROUP_DATA, GROUP_HELP, GROUPS };
struct command_entry {
	enum command_group group;
	const struct command *command;
};
extern const struct command_entry commands[]; /* ends with a NULL command; from commands.def */
extern const char runrate_version[];
#define X(group, id) extern const struct command id;
#include "cmd/commands.def"
#undef X

const struct command *cmd_find(struct str name); /* the exact name, or NULL */
/* The nearest name for a mistyped one ("" when none is near). */
const char *cmd_nearest(struct str name);
/* The whole program but for main(): finds the command and runs it. */
int cmd_main(int argc, char **argv);

#endif
