/* SPDX-License-Identifier: Apache-2.0
 *
 * Flags: every kind, both spellings, and what a mistyped one says.
 */
#include "base/opt.h"
#include "t.h"

static struct {
	bool json, verbose, tokens_given;
	const char *name;
	struct opt_list list;
	uint64_t tokens;
	double mfu, share;
	struct opt_money amount;
	int64_t since, wait;
} f;

static const struct opt table[] = {
	{"name", 'n', OPT_STR, &f.name, NULL, "TEXT", "a name"},
	{"label", 0, OPT_LIST, &f.list, NULL, "L", "labels; may be given several times"},
	{"tokens", 0, OPT_U64, &f.tokens, &f.tokens_given, "N", "tokens"},
	{"mfu", 0, OPT_NUM, &f.mfu, NULL, "U", "utilisation"},
	{"share", 0, OPT_SHARE, &f.share, NULL, "S", "a share"},
	{"amount", 0, OPT_MONEY, &f.amount, NULL, "M", "an amount"},
	{"since", 0, OPT_TIME, &f.since, NULL, "TIME", "from then on"},
	{"wait", 0, OPT_DURATION, &f.wait, NULL, "D", "how long to wait for something that may or may not come at all"},
	{NULL},
};
static const struct opt common[] = {
	{"json", 0, OPT_FLAG, &f.json, NULL, NULL, "JSON"},
	{"verbose", 'v', OPT_FLAG, &f.verbose, NULL, NULL, "more"},
	{NULL},
};

static const char *positional[4];
static unsigned count;
static struct err error;

#define PARSE(...) parse((const char *[]){"x", __VA_ARGS__, NULL})
static int parse(const char **argv)
{
	const struct opt *tables[] = {table, common};
	int argc = 0;
	while (argv[argc])
		argc++;
	memset(&f, 0, sizeof f);
	memset(&error, 0, sizeof error);
	count = 0;
	return opt_parse(argc, (char **)argv, tables, 2, positional, &count, 2, &error);
}

TEST(every_kind_is_read)
{
	T_EQ_I(PARSE("--name", "a b", "--label=x", "--label", "y", "--tokens", "50k", "--mfu", "1e-1", "--share", "30 %",
		     "--amount", "GBP 500", "--since", "2026-11-21", "--wait", "15m", "--json", "-v"), 0);
	T_EQ_S(f.name, "a b");
	T_EQ_I(f.list.count, 2);
	T_EQ_S(f.list.item[1], "y");
	T_EQ_I(f.tokens, 50000);
	T_TRUE(f.tokens_given && f.json && f.verbose);
	T_NEAR(f.mfu, 0.1, 0);
	T_NEAR(f.share, 0.3, 0);
	T_TRUE(f.amount.given && f.amount.pico == 500 * PICO_PER_UNIT);
	T_EQ_S(f.amount.currency.code, "GBP");
	T_EQ_I(f.since, INT64_C(1795219200000000));
	T_EQ_I(f.wait, INT64_C(900000000));
}

TEST(flags_stand_anywhere)
{
	T_EQ_I(PARSE("one", "--json", "two"), 0);
	T_EQ_I(count, 2);
	T_EQ_S(positional[1], "two");
	T_TRUE(f.json);
	T_EQ_I(PARSE("-n", "-", "-"), 0);
	T_EQ_S(f.name, "-");
	T_EQ_S(positional[0], "-");
}

TEST(negative_numbers_are_values)
{
	T_EQ_I(PARSE("--mfu", "-5", "--amount", "-$3"), 0);
	T_NEAR(f.mfu, -5, 0);
	T_TRUE(f.amount.pico == -3 * PICO_PER_UNIT);
	T_EQ_I(PARSE("--mfu=-.5"), 0);
	T_NEAR(f.mfu, -0.5, 0);
	T_EQ_I(PARSE("-5"), 0);
	T_EQ_S(positional[0], "-5");
}

TEST(two_dashes_end_the_flags)
{
	T_EQ_I(PARSE("--", "--json", "-v"), 0);
	T_EQ_I(count, 2);
	T_EQ_S(positional[0], "--json");
	T_TRUE(!f.json);
}

static void fails(int rc, const char *what, const char *hint)
{
	T_EQ_I(rc, -RR_USAGE);
	T_EQ_S(error.what, what);
	T_EQ_S(error.hint, hint);
	T_EQ_I(err_exit_code(error.code), 2);
}

TEST(mistakes_are_named)
{
	fails(PARSE("--tokns", "5"), "unknown flag '--tokns'", "did you mean --tokens?");
	fails(PARSE("--amo=5"), "unknown flag '--amo=5'", "did you mean --amount?");
	fails(PARSE("--zzzzzz"), "unknown flag '--zzzzzz'", "--help lists the flags");
	fails(PARSE("-z"), "unknown flag '-z'", "--help lists the flags");
	fails(PARSE("-vv"), "unknown flag '-vv'", "--help lists the flags");
	fails(PARSE("--name"), "--name needs a value", "--name TEXT: a name");
	fails(PARSE("--name", "--json"), "--name needs a value", "--name TEXT: a name");
	fails(PARSE("--json=yes"), "--json takes no value", "write --json alone");
	fails(PARSE("--tokens", "1.5"), "--tokens: '1.5' is not a whole number", "write it as 50000, 50,000, 50k or 1e9");
	fails(PARSE("--share", "30"), "--share: '30' is not between 0 and 1", "a share is written as 0.3 or as 30%");
	fails(PARSE("--since", "soon"), "--since: 'soon' is not a date or time",
	      "write it as 2026-11-21, 2026-11-21T10:00:00Z or 2026-11-21T10:00:00+01:00");
	fails(PARSE("a", "b", "c"), "unexpected argument 'c'", "at most 2 arguments are taken here; see --help");
}

TEST(a_list_has_a_limit)
{
	const char *argv[2 * OPT_LIST_MOST + 4] = {"x"};
	for (int i = 0; i < OPT_LIST_MOST + 1; i++) {
		argv[1 + 2 * i] = "--label";
		argv[2 + 2 * i] = "v";
	}
	fails(parse(argv), "--label: given more than 64 times", "");
}

TEST(help_stands_in_columns)
{
	struct sb out;
	sb_init(&out, 10000);
	opt_help(table, &out);
	T_TRUE(strstr(out.p, "  -n, --name TEXT          a name\n") != NULL);
	for (char *line = strtok(out.p, "\n"); line; line = strtok(NULL, "\n"))
		T_TRUE(strlen(line) <= 80);
	sb_fini(&out);
}

T_MAIN
