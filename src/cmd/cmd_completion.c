/* SPDX-License-Identifier: Apache-2.0
 *
 * `runrate completion SHELL`: scripts that know every command and flag, made from the tables. They contain no call of
 * runrate itself: completing is instant and runs nothing.
 */
#include <stdio.h>

#include "cmd/help.h"

enum { OUT_BYTES = 1024 * 1024 };

static struct str first_word(const char *name)
{
	struct str rest = str_of(name);
	return str_cut(&rest, ' ');
}

/* Every first word once, parted by blanks. */
static void first_words(struct sb *out)
{
	for (const struct command_entry *c = commands; c->command; c++) {
		struct str word = first_word(c->command->name);
		bool seen = false;
		for (const struct command_entry *d = commands; d != c; d++)
			seen |= str_eq(first_word(d->command->name), word);
		if (!seen && word.n)
			sb_addf(out, " %.*s", STR_ARG(word));
	}
}

static void second_words(struct str word, struct sb *out)
{
	for (const struct command_entry *c = commands; c->command; c++) {
		const char *name = c->command->name;
		if (str_eq(first_word(name), word) && name[word.n] == ' ')
			sb_addf(out, " %s", name + word.n + 1);
	}
}

/* Of the commands of two words, the first with its first word. */
static bool is_first_of_two(const struct command_entry *c)
{
	struct str word = first_word(c->command->name);
	for (const struct command_entry *d = commands; d != c; d++)
		if (str_eq(first_word(d->command->name), word) && strchr(d->command->name, ' '))
			return false;
	return strchr(c->command->name, ' ') != NULL;
}

static void flags_of(const struct opt *table, struct sb *out)
{
	for (const struct opt *o = table; o && o->name; o++)
		sb_addf(out, " --%s", o->name);
}

/* Inside '...' of bash, zsh and fish: the quote itself is the only special byte (in fish a backslash too). */
static void quoted(const char *s, struct sb *out)
{
	sb_addc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			sb_adds(out, "'\"'\"'");
		else if (*s == '\\')
			sb_adds(out, "/");
		else
			sb_addc(out, *s);
	}
	sb_addc(out, '\'');
}

static void bash(struct sb *out)
{
	sb_adds(out, "# bash completion for runrate: source <(runrate completion bash)\n"
		     "_runrate() {\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} one= two= flags= i word\n"
		     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		     "\t\tword=${COMP_WORDS[i]}\n"
		     "\t\tcase $word in\n"
		     "\t\t-*) ;;\n"
		     "\t\t*) if [ -z \"$one\" ]; then one=$word; elif [ -z \"$two\" ]; then two=$word; fi ;;\n"
		     "\t\tesac\n"
		     "\tdone\n"
		     "\tif [ -z \"$one\" ] && [[ $cur != -* ]]; then\n"
		     "\t\tCOMPREPLY=($(compgen -W '");
	first_words(out);
	sb_adds(out, "' -- \"$cur\"))\n\t\treturn\n\tfi\n\tif [ -z \"$two\" ] && [[ $cur != -* ]]; then\n\t\tcase $one in\n");
	for (const struct command_entry *c = commands; c->command; c++) {
		struct str word = first_word(c->command->name);
		if (!is_first_of_two(c))
			continue;
		sb_addf(out, "\t\t%.*s) COMPREPLY=($(compgen -W '", STR_ARG(word));
		second_words(word, out);
		sb_adds(out, "' -- \"$cur\")); return ;;\n");
	}
	sb_adds(out, "\t\thelp) COMPREPLY=($(compgen -W '");
	first_words(out);
	sb_adds(out, " flags' -- \"$cur\")); return ;;\n"
		     "\t\tcompletion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return ;;\n"
		     "\t\tesac\n\tfi\n\tif [[ $cur == -* ]]; then\n\t\tcase \"$one $two\" in\n");
	for (int words = 2; words >= 1; words--) /* two-word names first: "plan train" before "plan *" */
		for (const struct command_entry *c = commands; c->command; c++) {
			bool two = strchr(c->command->name, ' ') != NULL;
			if (two != (words == 2) || !c->command->name[0])
				continue;
			sb_addf(out, two ? "\t\t\"%s\") flags='" : "\t\t\"%s \"*) flags='", c->command->name);
			flags_of(c->command->options, out);
			sb_adds(out, "' ;;\n");
		}
	sb_adds(out, "\t\tesac\n\t\tCOMPREPLY=($(compgen -W \"$flags");
	flags_of(global_options, out);
	sb_adds(out, "\" -- \"$cur\"))\n\t\treturn\n\tfi\n\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
		     "complete -o filenames -F _runrate runrate\n");
}

/* A description inside [...] of _arguments: brackets and colons mean something there. */
static void zsh_text(const char *s, struct sb *out)
{
	for (; *s; s++) {
		if (*s == '[' || *s == ']' || *s == ':')
			sb_addf(out, "\\%c", *s);
		else if (*s == '\'')
			sb_adds(out, "'\"'\"'");
		else
			sb_addc(out, *s == '\\' ? '/' : *s);
	}
}

static void zsh_flags(const struct opt *table, struct sb *out)
{
	for (const struct opt *o = table; o && o->name; o++) {
		sb_addf(out, " \\\n\t\t\t'--%s[", o->name);
		zsh_text(o->help ? o->help : "", out);
		sb_adds(out, "]");
		if (o->kind != OPT_FLAG) {
			sb_adds(out, ":");
			zsh_text(o->arg ? o->arg : "VALUE", out);
			sb_adds(out, ":_files");
		}
		sb_addc(out, '\'');
	}
}

static void zsh(struct sb *out)
{
	sb_adds(out,
		"#compdef runrate\n# zsh completion for runrate: runrate completion zsh > \"${fpath[1]}/_runrate\"\n"
		"_runrate() {\n\tlocal -a words_first words_second\n\tlocal one=${words[2]} two=${words[3]}\n"
		"\tif (( CURRENT == 2 )); then\n\t\twords_first=(");
	first_words(out);
	sb_adds(out,
		" )\n\t\tcompadd -a words_first\n\t\treturn\n\tfi\n\tif (( CURRENT == 3 )); then\n\t\tcase $one in\n");
	for (const struct command_entry *c = commands; c->command; c++) {
		struct str word = first_word(c->command->name);
		if (!is_first_of_two(c))
			continue;
		sb_addf(out, "\t\t%.*s) words_second=(", STR_ARG(word));
		second_words(word, out);
		sb_adds(out, " ); compadd -a words_second; return ;;\n");
	}
	sb_adds(out, "\t\tesac\n\tfi\n\tcase \"$one $two\" in\n");
	for (int words = 2; words >= 1; words--)
		for (const struct command_entry *c = commands; c->command; c++) {
			bool two = strchr(c->command->name, ' ') != NULL;
			if (two != (words == 2) || !c->command->name[0])
				continue;
			sb_addf(out, two ? "\t\"%s\")\n\t\t_arguments" : "\t\"%s \"*)\n\t\t_arguments",
				c->command->name);
			zsh_flags(c->command->options, out);
			zsh_flags(global_options, out);
			sb_adds(out, " \\\n\t\t\t'*:file:_files' ;;\n");
		}
	sb_adds(out, "\tesac\n}\n_runrate \"$@\"\n");
}

static void fish_flags(const struct opt *table, const char *condition, struct sb *out)
{
	for (const struct opt *o = table; o && o->name; o++) {
		sb_adds(out, "complete -c runrate");
		if (condition)
			sb_addf(out, " -n '%s'", condition);
		if (o->letter)
			sb_addf(out, " -s %c", o->letter);
		sb_addf(out, " -l %s%s -d ", o->name, o->kind == OPT_FLAG ? "" : " -r");
		quoted(o->help ? o->help : "", out);
		sb_addc(out, '\n');
	}
}

static void fish(struct sb *out)
{
	sb_adds(out,
		"# fish completion for runrate: runrate completion fish > ~/.config/fish/completions/runrate.fish\n");
	for (const struct command_entry *c = commands; c->command; c++) {
		struct str word = first_word(c->command->name);
		char condition[256];
		const char *name = c->command->name;
		if (!name[0])
			continue;
		if (name[word.n] == ' ') {
			sb_addf(out, "complete -c runrate -n __fish_use_subcommand -a %.*s\n", STR_ARG(word));
			sb_addf(out, "complete -c runrate -n '__fish_seen_subcommand_from %.*s' -a %s -d ",
				STR_ARG(word), name + word.n + 1);
			snprintf(condition, sizeof condition,
				 "__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s", STR_ARG(word),
				 name + word.n + 1);
		} else {
			sb_addf(out, "complete -c runrate -n __fish_use_subcommand -a %s -d ", name);
			snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", name);
		}
		quoted(c->command->summary, out);
		sb_addc(out, '\n');
		fish_flags(c->command->options, condition, out);
	}
	fish_flags(global_options, NULL, out);
}

int completion_script(struct str shell, struct sb *out)
{
	if (str_eqc(shell, "bash"))
		bash(out);
	else if (str_eqc(shell, "zsh"))
		zsh(out);
	else if (str_eqc(shell, "fish"))
		fish(out);
	else
		return -RR_USAGE;
	return 0;
}

static const struct opt options[] = {{NULL}};

static int run(int argc, char **argv)
{
	const char *shell = NULL;
	unsigned count = 0;
	struct sb out;
	int rc = cmd_parse(&cmd_completion, argc, argv, options, &shell, &count, 1);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	sb_init(&out, OUT_BYTES);
	rc = completion_script(str_of(shell), &out);
	if (rc) {
		struct err e;
		err_set(&e, RR_USAGE, count ? "no completion for '%.40s'" : "which shell?%s", count ? shell : "");
		err_hint(&e, "runrate completion bash, zsh or fish");
		rc = cmd_fail(&e);
	} else {
		rc = cmd_print(sb_str(&out));
	}
	sb_fini(&out);
	return rc;
}

const struct command cmd_completion = {
	.name = "completion",
	.summary = "print a completion script for bash, zsh or fish",
	.usage = "completion bash|zsh|fish",
	.text = "The script knows every command and flag of this version and never runs runrate itself.",
	.examples = "$ source <(runrate completion bash)\n"
		    "$ runrate completion fish > ~/.config/fish/completions/runrate.fish\n",
	.options = options,
	.run = run,
};
