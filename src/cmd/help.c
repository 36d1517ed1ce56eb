/* SPDX-License-Identifier: Apache-2.0
 *
 * See help.h. Design size: 80 columns.
 */
#include "cmd/help.h"

#include <stdio.h>

#include "base/table.h"

enum { WIDTH = 80, NAME_COLUMN = 18, FAMILY_COLUMN = 26 };

static const char *const titles[GROUPS] = {
	"Run",
	"See what was spent, and why",
	"Pay less",
	"Plan",
	"Data in, out, and prices",
	"Help and health",
};

const char *help_group_title(enum command_group g)
{
	return titles[g];
}

void help_wrap(struct str text, unsigned indent, unsigned width, struct sb *out)
{
	while (text.p) {
		struct str line = str_cut(&text, '\n');
		if (!line.n) {
			sb_addc(out, '\n');
			continue;
		}
		sb_addf(out, "%*s", (int)indent, "");
		text_wrap(line, indent, indent, width, out);
		sb_addc(out, '\n');
	}
}

static struct str first_word(const struct command *c)
{
	struct str s = str_of(c->name);
	size_t blank = str_chr(s, ' ');
	return blank == SIZE_MAX ? s : str_sub(s, 0, blank);
}

static bool two_words(const struct command *c)
{
	return first_word(c).n != strlen(c->name);
}

/* "plan  train | amortise | ...": one line for all commands of a first word, as far as 80 columns go. */
static void family_line(struct str word, struct sb *out)
{
	size_t column = NAME_COLUMN;
	unsigned left = 0;
	for (const struct command_entry *c = commands; c->command; c++)
		left += two_words(c->command) && str_eq(first_word(c->command), word);
	sb_addf(out, "  %-*.*s", NAME_COLUMN - 2, STR_ARG(word));
	for (const struct command_entry *c = commands; c->command; c++) {
		const char *second = c->command->name + word.n + 1;
		if (!two_words(c->command) || !str_eq(first_word(c->command), word))
			continue;
		if (column + strlen(second) + 3 > WIDTH - 10 && left > 1) {
			sb_addf(out, "| %u more", left);
			break;
		}
		sb_addf(out, "%s%s%s", column == NAME_COLUMN ? "" : "| ", second, left > 1 ? " " : "");
		column += strlen(second) + 3;
		left--;
	}
	sb_addc(out, '\n');
}

/* "price   what it does": a long summary goes on under itself. */
static void command_line(const struct command *c, struct sb *out)
{
	struct sb text;
	sb_init(&text, 4096);
	help_wrap(str_of(c->summary), NAME_COLUMN, WIDTH, &text);
	sb_addf(out, "  %-*s", NAME_COLUMN - 2, c->name);
	sb_add_str(out, str_sub(sb_str(&text), NAME_COLUMN, text.n));
	sb_fini(&text);
}

void help_overview(struct sb *out)
{
	sb_addf(out,
		"runrate %s: what AI costs, who spends it, what would cost less.\n\n"
		"  $ runrate serve --demo             try it: no keys, nothing leaves here\n"
		"  $ runrate import usage.csv         read a vendor's export\n"
		"  $ runrate report --by team         inference beside training, in money\n"
		"  $ runrate explain inference        where a figure comes from\n",
		runrate_version);
	for (int g = 0; g < GROUPS; g++) {
		struct str family = {NULL, 0};
		bool titled = false;
		for (const struct command_entry *c = commands; c->command; c++) {
			struct str word = first_word(c->command);
			if ((int)c->group != g || !c->command->name[0])
				continue;
			if (!titled)
				sb_addf(out, "\n%s\n", titles[g]);
			titled = true;
			if (!two_words(c->command))
				command_line(c->command, out);
			else if (!str_eq(word, family))
				family_line(word, out);
			family = two_words(c->command) ? word : str_make(NULL, 0);
		}
	}
	sb_adds(out, "\nrunrate help COMMAND tells more; runrate help flags: what every command takes.\n");
}

/* Where a long line of shell may be parted: the last blank before `most` bytes that stands in no quotes; 0: nowhere. */
static size_t shell_break(struct str line, size_t most)
{
	size_t best = 0;
	char quote = 0;
	for (size_t i = 0; i < line.n && i < most; i++) {
		char c = line.p[i];
		if (quote ? c == quote : c == '\'' || c == '"')
			quote = quote ? 0 : c;
		if (c == ' ' && !quote && i > 12)
			best = i;
	}
	return best;
}

/* Lines of shell; one that is longer than the screen goes on behind a backslash, so that it can still be copied. */
static void examples(const char *text, struct sb *out)
{
	struct str rest = str_of(text);
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		const char *indent = "  ";
		while (line.n + strlen(indent) > WIDTH) {
			size_t at = shell_break(line, WIDTH - 2 - strlen(indent));
			if (!at)
				break;
			sb_addf(out, "%s%.*s \\\n", indent, (int)at, line.p);
			line = str_sub(line, at + 1, line.n);
			indent = "      ";
		}
		if (line.n)
			sb_addf(out, "%s%.*s\n", indent, STR_ARG(line));
	}
}

void help_command(const struct command *c, struct sb *out)
{
	struct sb title;
	sb_init(&title, 4096);
	sb_addf(&title, "runrate%s%s: %s", c->name[0] ? " " : "", c->name, c->summary);
	help_wrap(sb_str(&title), 0, WIDTH, out);
	sb_fini(&title);
	sb_adds(out, "\nExamples\n");
	examples(c->examples, out);
	sb_adds(out, "\nUsage\n");
	help_wrap(str_of("runrate"), 2, WIDTH, out);
	out->n--; /* the usage goes on behind the word, wrapped under itself */
	sb_addc(out, ' ');
	{
		struct sb usage;
		sb_init(&usage, 16 * 1024);
		help_wrap(str_of(c->usage), 10, WIDTH, &usage);
		sb_add_str(out, str_sub(sb_str(&usage), 10, usage.n));
		sb_fini(&usage);
	}
	if (c->text) {
		sb_addc(out, '\n');
		help_wrap(str_of(c->text), 0, WIDTH, out);
	}
	if (c->options && c->options->name) {
		sb_adds(out, "\nFlags\n");
		opt_help(c->options, out);
	}
	sb_adds(out, "\nEvery command also takes\n");
	{
		struct sb names;
		sb_init(&names, 4096);
		for (const struct opt *o = global_options; o->name; o++)
			sb_addf(&names, "--%s ", o->name);
		sb_adds(&names, "(see runrate help flags)");
		help_wrap(sb_str(&names), 2, WIDTH, out);
		sb_fini(&names);
	}
}

unsigned help_group(struct str word, struct sb *out)
{
	unsigned count = 0;
	for (const struct command_entry *c = commands; c->command; c++) {
		if (!two_words(c->command) || !str_eq(first_word(c->command), word))
			continue;
		if (!count++)
			sb_addf(out, "runrate %.*s has these commands:\n\n", STR_ARG(word));
		{
			struct sb text;
			sb_init(&text, 4096);
			help_wrap(str_of(c->command->summary), FAMILY_COLUMN, WIDTH, &text);
			sb_addf(out, "  %-*s", FAMILY_COLUMN - 2, c->command->name);
			sb_add_str(out, str_sub(sb_str(&text), FAMILY_COLUMN, text.n));
			sb_fini(&text);
		}
	}
	if (count)
		sb_adds(out, "\nrunrate help COMMAND tells more.\n");
	return count;
}

void help_flags(struct sb *out)
{
	sb_adds(out, "Flags that every command takes\n");
	opt_help(global_options, out);
	sb_adds(out, "\nEnvironment\n"
		     "  RUNRATE_LEDGER           as --ledger\n"
		     "  RUNRATE_CONFIG           as --config\n"
		     "  NO_COLOR                 as --no-color\n"
		     "  RUNRATE_NOW              the time to take for now, to repeat an output\n"
		     "\nExit codes\n"
		     "  0 ok, 1 failure, 2 usage, 3 configuration, 4 bad input, 5 store or upstream\n"
		     "  unreachable, 10 over the budget, 11 unpriced, 12 does not reconcile\n");
}
