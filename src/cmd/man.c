/* SPDX-License-Identifier: Apache-2.0
 *
 * Man pages as mdoc(7), from the commands' own tables. Two kinds of escaping: text lines (a backslash, and a dot or a
 * quote at the start of a line) and arguments of macros (each word gets a zero-width mark, so that none is taken for a
 * macro's name).
 */
#include <stdio.h>

#include "cmd/help.h"

static const char page_date[] = "November 21, 2026";

/* One line of text, escaped for mdoc. */
static void escaped(struct str s, struct sb *out)
{
	if (s.n && (s.p[0] == '.' || s.p[0] == '\''))
		sb_adds(out, "\\&");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			sb_adds(out, "\\e");
		else if (s.p[i] == '-')
			sb_adds(out, "\\-");
		else
			sb_addc(out, s.p[i]);
	}
	sb_addc(out, '\n');
}

/* Text that may be folded: a new line is a blank to mdoc. */
static void text_line(struct str s, struct sb *out)
{
	while (s.n > 72) {
		size_t at = 72;
		while (at && s.p[at] != ' ')
			at--;
		if (!at)
			break;
		escaped(str_sub(s, 0, at), out);
		s = str_sub(s, at + 1, s.n);
	}
	escaped(s, out);
}

/* Arguments of a macro, on its line. */
static void macro_words(struct str s, struct sb *out)
{
	while (s.p) {
		struct str word = str_cut(&s, ' ');
		if (!word.n)
			continue;
		sb_adds(out, " \\&");
		for (size_t i = 0; i < word.n; i++) {
			if (word.p[i] == '\\')
				sb_adds(out, "\\e");
			else if (word.p[i] == '"')
				sb_adds(out, "\\(dq");
			else if (word.p[i] == '-')
				sb_adds(out, "\\-");
			else
				sb_addc(out, word.p[i]);
		}
	}
	sb_addc(out, '\n');
}

/* A new sentence begins a new line, as mdoc wants it. */
static void paragraphs(const char *text, struct sb *out)
{
	struct str rest = str_of(text);
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (!line.n) {
			sb_adds(out, ".Pp\n");
			continue;
		}
		for (size_t i = 0; i + 1 < line.n;) {
			bool ends = (line.p[i] == '.' || line.p[i] == '?' || line.p[i] == '!') && line.p[i + 1] == ' ';
			if (!ends) {
				i++;
				continue;
			}
			text_line(str_sub(line, 0, i + 1), out);
			line = str_sub(line, i + 2, line.n);
			i = 0;
		}
		text_line(line, out);
	}
}

static void options(const struct opt *table, struct sb *out)
{
	sb_adds(out, ".Bl -tag -width Ds\n");
	for (const struct opt *o = table; o->name; o++) {
		sb_adds(out, ".It Fl");
		if (o->letter)
			sb_addf(out, " %c , Fl", o->letter);
		sb_adds(out, " \\-");
		for (const char *p = o->name; *p; p++)
			sb_adds(out, *p == '-' ? "\\-" : (const char[]){*p, 0});
		if (o->arg) {
			sb_adds(out, " Ar");
			macro_words(str_of(o->arg), out);
		} else {
			sb_addc(out, '\n');
		}
		paragraphs(o->help ? o->help : "", out);
	}
	sb_adds(out, ".El\n");
}

static void examples(const char *text, struct sb *out)
{
	struct str rest = str_of(text);
	sb_adds(out, ".Bd -literal -offset indent\n");
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		if (line.n)
			escaped(line, out);
	}
	sb_adds(out, ".Ed\n");
}

static void page_name(const struct command *c, char sep, struct sb *out)
{
	sb_adds(out, "runrate");
	if (c) {
		sb_addc(out, sep);
		for (const char *p = c->name; *p; p++)
			sb_addc(out, *p == ' ' ? sep : *p);
	}
}

char *man_file_name(const struct command *c, char *out, size_t size)
{
	struct sb b;
	sb_init(&b, 256);
	page_name(c, '-', &b);
	snprintf(out, size, "%s.1", b.p ? b.p : "runrate");
	sb_fini(&b);
	return out;
}

static void head(const struct command *c, const char *summary, struct sb *out)
{
	struct sb name;
	sb_init(&name, 256);
	page_name(c, '-', &name);
	sb_addf(out, ".\\\" SPDX-License-Identifier: Apache-2.0\n"
		     ".\\\" Made by `runrate help --all-man`: edit the command's table instead.\n"
		     ".Dd %s\n.Dt ", page_date);
	for (size_t i = 0; i < name.n; i++)
		sb_addc(out, name.p[i] >= 'a' && name.p[i] <= 'z' ? (char)(name.p[i] - 32) : name.p[i]);
	sb_addf(out, " 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd", name.p);
	macro_words(str_of(summary), out);
	sb_fini(&name);
}

static void exit_status(struct sb *out)
{
	sb_adds(out, ".Sh EXIT STATUS\n"
		     "0 ok, 1 failure, 2 usage, 3 configuration, 4 bad input,\n"
		     "5 store or upstream unreachable, 10 over the budget, 11 unpriced,\n12 does not reconcile.\n");
}

static void overview(struct sb *out)
{
	head(NULL, "what AI costs, who spends it, what would cost less", out);
	sb_adds(out, ".Sh SYNOPSIS\n.Nm\n.Op Ar command\n.Op Ar flags\n.Sh DESCRIPTION\n");
	for (int g = 0; g < GROUPS; g++) {
		bool titled = false;
		for (const struct command_entry *c = commands; c->command; c++) {
			if ((int)c->group != g || !c->command->name[0])
				continue;
			if (!titled)
				sb_addf(out, ".Ss %s\n.Bl -tag -width Ds\n", help_group_title(c->group));
			titled = true;
			sb_adds(out, ".It Cm");
			macro_words(str_of(c->command->name), out);
			text_line(str_of(c->command->summary), out);
		}
		if (titled)
			sb_adds(out, ".El\n");
	}
	sb_adds(out, ".Sh OPTIONS\nEvery command takes:\n");
	options(global_options, out);
	sb_adds(out, ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev RUNRATE_LEDGER\nThe ledger file.\n"
		     ".It Ev RUNRATE_CONFIG\nThe configuration file.\n"
		     ".It Ev NO_COLOR\nNo colour.\n"
		     ".It Ev RUNRATE_NOW\nThe time to take for now, so that output can be repeated.\n.El\n");
	exit_status(out);
}

/* SEE ALSO wants its pages in the order of the alphabet; only runrate(1) is named, which lists the others. */
void man_page(const struct command *c, struct sb *out)
{
	if (!c) {
		overview(out);
		return;
	}
	head(c, c->summary, out);
	sb_adds(out, ".Sh SYNOPSIS\n.Nm runrate\n");
	text_line(str_of(c->usage), out);
	sb_adds(out, ".Sh DESCRIPTION\n");
	paragraphs(c->text ? c->text : c->summary, out);
	if (c->options && c->options->name) {
		sb_adds(out, ".Sh OPTIONS\n");
		options(c->options, out);
	}
	sb_adds(out, ".Pp\nThe flags that every command takes are in\n.Xr runrate 1 .\n");
	exit_status(out);
	sb_adds(out, ".Sh EXAMPLES\n");
	examples(c->examples, out);
	sb_adds(out, ".Sh SEE ALSO\n.Xr runrate 1\n");
}
