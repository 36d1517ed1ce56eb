/* SPDX-License-Identifier: Apache-2.0
 *
 * Command-line flags from one table: parsing, --help, completion and man pages all read it.
 *
 * "--name value" and "--name=value"; "--" ends flags; one-letter forms only where the table has one. An
 * unknown flag is refused with the nearest right one. Numbers are read as people write them (num.h).
 */
#ifndef RR_BASE_OPT_H
#define RR_BASE_OPT_H

#include "base/money.h"
#include "base/num.h"

enum opt_kind {
	OPT_FLAG,     /* bool */
	OPT_STR,      /* const char * */
	OPT_LIST,     /* struct opt_list: may be given several times */
	OPT_U64,      /* uint64_t: "50k" */
	OPT_NUM,      /* double: "30 %", "1e9" */
	OPT_SHARE,    /* double in [0,1]: "0.3", "30%" */
	OPT_MONEY,    /* struct opt_money: "GBP 500" */
	OPT_TIME,     /* int64_t microseconds since the epoch: "2026-11-01" */
	OPT_DURATION, /* int64_t microseconds: "15m" */
	OPT_BYTES,    /* uint64_t: "256M" */
};

struct opt_money {
	int64_t pico;
	struct currency currency; /* code[0] == 0: none was given */
	bool given;
};

enum { OPT_LIST_MOST = 64 };
struct opt_list {
	const char *item[OPT_LIST_MOST];
	unsigned count;
};

struct opt {
	const char *name;   /* "since"; NULL ends the table */
	char letter;        /* 0 = none */
	enum opt_kind kind;
	void *to;           /* where the value goes; NULL in tables that only document */
	bool *given;        /* may be NULL */
	const char *arg;    /* "TIME", for help */
	const char *help;   /* one line */
};

/* Parses argv[1..] against the tables (each ended by a NULL name). Positional arguments are moved to
 * positional[0..*count). 0 or -RR_USAGE with e filled. */
int opt_parse(int argc, char **argv, const struct opt *const *tables, unsigned table_count,
	      const char **positional, unsigned *count, unsigned most, struct err *e);
/* The flags' part of a help page. */
void opt_help(const struct opt *table, struct sb *out);

#endif
