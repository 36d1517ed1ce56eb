/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands: parse argv, open things, call one module, print. No logic lives here.
 *
 * commands.def lists them once (name, function, group, one line); each cmd_*.c has its option table, usage
 * line and examples in a struct command. --help, man pages and completion are generated from these.
 */
#ifndef RR_CMD_CMD_H
#define RR_CMD_CMD_H

#include "base/opt.h"

struct command {
	const char *name;      /* "price", "plan train" */
	const char *summary;   /* one line */
	const char *usage;     /* "price --provider P --dialect D [FILE|-]" */
	const char *text;      /* what it does, a paragraph or two; may be NULL */
	const char *examples;  /* lines "$ runrate ...", shown first */
	const struct opt *options; /* for help; parsing tables are built in run() and must agree (tested) */
	int (*run)(int argc, char **argv);
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
/* Prints e on stderr ("runrate: what / next: hint") and returns its exit code. */
int cmd_fail(const struct err *e);
/* Writes to stdout and says whether that worked (0, or exit code 1 on a broken pipe). */
int cmd_print(struct str text);

extern const struct command *const commands[]; /* NULL-terminated; from commands.def */
extern const char runrate_version[];

#endif
