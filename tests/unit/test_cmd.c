/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands' tables and what is made from them: every command is documented, its examples name commands and flags
 * that exist, its help table and its parser agree, man pages pass mandoc's lint, completion works in a real bash.
 * Commands run in a child process, so that each begins fresh.
 */
#include <fcntl.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/help.h"
#include "t.h"

enum { ARGS = 256, OUT = 1 << 20 };

static char out_text[OUT], err_text_[OUT];

static void drain(FILE *f, char *to)
{
	size_t n;
	rewind(f);
	n = fread(to, 1, OUT - 1, f);
	to[n] = 0;
	fclose(f);
}

/* Runs a command line in a child; its exit code, its stdout and stderr in the two buffers. */
static int run(int argc, const char *const *argv)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int status = -1;
	pid_t pid;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		char *args[ARGS + 1];
		int i;
		for (i = 0; i < argc && i < ARGS; i++)
			args[i] = strdup(argv[i]);
		args[i] = NULL;
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		close(STDIN_FILENO);
		open("/dev/null", O_RDONLY);
		i = cmd_main(argc, args);
		fflush(NULL);
		_exit(i);
	}
	waitpid(pid, &status, 0);
	drain(out, out_text);
	drain(err, err_text_);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define RUN(...) run((int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

static const struct opt *find_opt(const struct opt *table, struct str name)
{
	for (; table && table->name; table++)
		if (str_eqc(name, table->name))
			return table;
	return NULL;
}

/* Every --flag in a line of words is one of the command's or a global one. */
static void flags_exist(const struct command *k, struct str line)
{
	for (size_t i = 0; i + 3 < line.n; i++) {
		struct str flag = str_make(line.p + i + 2, 0);
		if (memcmp(line.p + i, "--", 2) != 0 || (i && !strchr(" [(|", line.p[i - 1])))
			continue;
		while (i + 2 + flag.n < line.n && ((flag.p[flag.n] >= 'a' && flag.p[flag.n] <= 'z') || strchr("-0123456789", flag.p[flag.n])))
			flag.n++;
		bool known = !flag.n || find_opt(k->options, flag) || find_opt(global_options, flag);
		if (!known)
			printf("  %s: there is no --%.*s: %.*s\n", k->name, STR_ARG(flag), STR_ARG(line));
		T_TRUE(known);
	}
}

TEST(every_command_is_documented)
{
	for (const struct command_entry *c = commands; c->command; c++) {
		const struct command *k = c->command;
		size_t n = strlen(k->name);
		bool fine = k->summary && k->summary[0] && k->usage && k->examples && k->run && (!n || strncmp(k->usage, k->name, n) == 0) &&
			    str_contains(str_of(k->examples), STR("$ "));
		if (!fine)
			printf("  %s: needs a summary, a usage that begins with the name, examples\n", k->name);
		T_TRUE(fine);
		flags_exist(k, str_of(k->usage)); /* so a command without an option table names no flags of its own */
		for (const struct opt *o = k->options; o && o->name; o++) {
			bool told = o->help && o->help[0] && (o->kind == OPT_FLAG || o->arg);
			if (!told || find_opt(global_options, str_of(o->name)))
				printf("  %s --%s: needs help and a name for its value, and may not hide a global flag\n", k->name, o->name);
			T_TRUE(told && !find_opt(global_options, str_of(o->name)));
		}
		for (const struct command_entry *d = commands; d != c; d++)
			T_TRUE(strcmp(d->command->name, k->name) != 0);
	}
}

/* The command that an example line runs: the longest name that its words behind "runrate" begin with. */
static const struct command *example_command(struct str line)
{
	const struct command *best = NULL;
	size_t at = 0;
	while (at + 8 <= line.n && memcmp(line.p + at, "runrate ", 8) != 0)
		at++;
	if (at + 8 > line.n)
		return NULL;
	line = str_sub(line, at + 8, line.n);
	for (const struct command_entry *c = commands; c->command; c++) {
		struct str name = str_of(c->command->name);
		bool fits = name.n && str_starts(line, name) && (line.n == name.n || line.p[name.n] == ' ');
		if (fits && (!best || name.n > strlen(best->name)))
			best = c->command;
	}
	return best;
}

TEST(examples_name_what_exists)
{
	for (const struct command_entry *c = commands; c->command; c++) {
		struct str rest = str_of(c->command->examples);
		while (rest.p) {
			struct str line = str_cut(&rest, '\n'), words = line;
			const struct command *k = example_command(line);
			if (!line.n || !k)
				continue; /* a line of another program, or a bare `runrate` */
			for (size_t i = 1; i + 1 < words.n; i++) /* what follows is another program's */
				if (words.p[i - 1] == ' ' && strchr("|>;&", words.p[i]) && words.p[i + 1] == ' ')
					words.n = i;
			flags_exist(k, words);
		}
	}
}

/* All flags of the help table with fitting values, then one that no command has: that one must be the complaint. */
TEST(help_tables_and_parsers_agree)
{
	static const char *const values[] = {[OPT_STR] = "x", [OPT_LIST] = "x", [OPT_U64] = "1", [OPT_NUM] = "1", [OPT_SHARE] = "0.5",
					     [OPT_MONEY] = "1 USD", [OPT_TIME] = "2026-01-01", [OPT_DURATION] = "1s",
					     [OPT_BYTES] = "64M"};
	for (const struct command_entry *c = commands; c->command; c++) {
		const char *argv[ARGS] = {"runrate"};
		char names[ARGS][64];
		int n = 1, flags = 0;
		struct str words = str_of(c->command->name);
		while (words.p && words.n) {
			struct str word = str_cut(&words, ' ');
			argv[n++] = str_copy(names[flags++], 64, word);
		}
		for (const struct opt *o = c->command->options; o && o->name && n < ARGS - 4; o++) {
			snprintf(names[flags], 64, "--%s", o->name);
			argv[n++] = names[flags++];
			if (o->kind != OPT_FLAG)
				argv[n++] = values[o->kind];
		}
		argv[n++] = "--zz-no-such-flag";
		int rc = run(n, argv);
		if (rc != 2 || !strstr(err_text_, "unknown flag '--zz-no-such-flag'"))
			printf("  %s: exit %d, %s", c->command->name, rc, err_text_);
		T_EQ_I(rc, 2);
		T_TRUE(strstr(err_text_, "unknown flag '--zz-no-such-flag'") && !out_text[0]);
	}
}

static unsigned widest(const char *text)
{
	unsigned most = 0;
	for (struct str rest = str_of(text); rest.p;) {
		unsigned n = (unsigned)str_columns(str_cut(&rest, '\n'));
		most = n > most ? n : most;
	}
	return most;
}

TEST(help_fits_80_columns_and_is_plain)
{
	T_EQ_I(RUN("runrate", "help"), 0);
	T_TRUE(widest(out_text) <= 80 && !strchr(out_text, 0x1b) && !err_text_[0]);
	T_EQ_I(RUN("runrate", "--help"), 0);
	T_TRUE(strstr(out_text, "$ runrate ") != NULL);
	T_EQ_I(RUN("runrate", "help", "flags"), 0);
	T_TRUE(widest(out_text) <= 80 && strstr(out_text, "--ledger PATH"));
	for (const struct command_entry *c = commands; c->command; c++) {
		struct sb help;
		sb_init(&help, OUT);
		help_command(c->command, &help);
		if (widest(help.p) > 90)
			printf("  %s: help is %u columns wide\n", c->command->name, widest(help.p));
		T_TRUE(!help.full && widest(help.p) <= 90 && !strchr(help.p, 0x1b)); /* a quoted text of an example cannot be parted */
		sb_fini(&help);
	}
}

TEST(words_find_their_command)
{
	T_EQ_I(RUN("runrate", "--version"), 0);
	T_TRUE(strncmp(out_text, "runrate 0.", 10) == 0);
	T_EQ_I(RUN("runrate", "config", "show", "--help"), 0);
	T_TRUE(strstr(out_text, "runrate config show: ") == out_text);
	T_EQ_I(RUN("runrate", "--json", "config", "--no-color", "show", "-h"), 0);
	T_TRUE(strstr(out_text, "runrate config show: ") == out_text);
	T_EQ_I(RUN("runrate", "help", "config", "show"), 0);
	T_TRUE(strstr(out_text, "runrate config show: ") == out_text);
	T_EQ_I(RUN("runrate", "config"), 2);
	T_TRUE(strstr(err_text_, "config show") && !out_text[0]);
	T_EQ_I(RUN("runrate", "config", "--help"), 0);
	T_TRUE(strstr(out_text, "config show") != NULL);
	T_EQ_I(RUN("runrate", "help", "config"), 0);
	T_EQ_I(RUN("runrate", "config", "shwo"), 2);
	T_EQ_S(err_text_, "runrate: no such command: 'config shwo'\n  next: did you mean `runrate config show`?\n");
	T_EQ_I(RUN("runrate", "docter"), 2);
	T_EQ_S(err_text_, "runrate: no such command: 'docter'\n  next: did you mean `runrate doctor`?\n");
	T_EQ_I(RUN("runrate", "qqqqqqqq"), 2);
	T_EQ_S(err_text_, "runrate: no such command: 'qqqqqqqq'\n  next: runrate help lists the commands\n");
	T_EQ_I(RUN("runrate", "help", "qqqqqqqq"), 2);
	T_EQ_I(RUN("runrate", "--jsno", "doctor"), 2);
	T_TRUE(strstr(err_text_, "did you mean --json?") != NULL);
	T_EQ_I(RUN("runrate", "doctor", "--json", "--csv"), 2);
	T_EQ_I(RUN("runrate", "doctor", "x"), 2);
	T_TRUE(strstr(err_text_, "unexpected argument 'x'") && strstr(err_text_, "runrate help doctor"));
	T_EQ_I(RUN("runrate", "do\x1b[31mctor"), 2);
	T_TRUE(!strchr(err_text_, 0x1b));
	T_EQ_I(RUN("runrate", ""), 2);
}

TEST(settings_and_health)
{
	char path[] = "/tmp/test_cmd_XXXXXX";
	static const char yaml[] = "listen: 127.0.0.1:0\nadmin: unix:/tmp/x\nupstreams: [{name: a, dialect: openai, base: http://h, key: sk-hunter2}]\n";
	int fd = mkstemp(path);
	T_TRUE(fd >= 0 && write(fd, yaml, sizeof yaml - 1) == (ssize_t)sizeof yaml - 1);
	T_EQ_I(RUN("runrate", "config", "show", "--origin", "--config", path), 0);
	T_TRUE(strstr(out_text, "upstreams[0].key") && strstr(out_text, " set ") && !strstr(out_text, "hunter2") && !strchr(out_text, 0x1b));
	T_EQ_I(RUN("runrate", "config", "show", "--json", "--ledger", "/x/y.db", "--config", path), 0);
	T_TRUE(strstr(out_text, "{\"name\":\"ledger\",\"value\":\"/x/y.db\",\"from\":\"flag\"") && strstr(out_text, "\"line\":3") &&
	       !strstr(out_text, "hunter2") && !err_text_[0]);
	T_EQ_I(RUN("runrate", "doctor", "--config", path, "--ledger", "/nonexistent/l.db"), 0);
	T_TRUE(strstr(out_text, "  warn  provider keys") && !strstr(out_text, "hunter2"));
	static const char hook[] = "listen: 127.0.0.1:0\nadmin: unix:/tmp/x\nalerts: [{when: \"forecast > 5 USD\", url: https://h/hunter2}]\n";
	T_EQ_I(ftruncate(fd, 0), 0);
	T_TRUE(pwrite(fd, hook, sizeof hook - 1, 0) == (ssize_t)sizeof hook - 1 && fchmod(fd, 0644) == 0);
	T_EQ_I(RUN("runrate", "doctor", "--config", path, "--ledger", "/nonexistent/l.db"), 0);
	T_TRUE(strstr(out_text, "  warn  alerts          others on this machine may read it") && !strstr(out_text, "provider keys") &&
	       !strstr(out_text, "hunter2"));
	T_EQ_I(RUN("runrate", "doctor", "--json", "--config", "/nonexistent.yaml"), 1);
	T_TRUE(strstr(out_text, "\"ok\":false") && strstr(out_text, "\"state\":\"fail\""));
	T_EQ_I(RUN("runrate", "config", "show", "--config", "/nonexistent.yaml"), 3);
	T_EQ_I(ftruncate(fd, 0), 0);
	T_EQ_I(pwrite(fd, "lisen: 5\n", 9, 0), 9);
	T_EQ_I(RUN("runrate", "config", "show", "--config", path), 3);
	T_TRUE(strstr(err_text_, ":1:1: unknown key 'lisen'") && strstr(err_text_, "did you mean listen?") && !out_text[0]);
	close(fd);
	unlink(path);
}

TEST(man_pages_pass_lint)
{
	char folder[] = "/tmp/test_man_XXXXXX", command[256];
	if (system("mandoc -Tlint -Wwarning /dev/null >/dev/null 2>&1; test $? -ne 127") != 0) {
		printf("  SKIPPED: mandoc is not here\n");
		return;
	}
	T_TRUE(mkdtemp(folder) != NULL);
	T_EQ_I(RUN("runrate", "help", "--all-man", folder), 0);
	snprintf(command, sizeof command, "cd %s && mandoc -Tlint -Wwarning *.1 && test -s runrate.1 && test -s runrate-config-show.1", folder);
	T_EQ_I(system(command), 0);
	snprintf(command, sizeof command, "mandoc -Tutf8 %s/runrate.1 | col -b | grep -q 'RUNRATE(1)'", folder);
	T_EQ_I(system(command), 0);
	snprintf(command, sizeof command, "rm -r %s", folder);
	T_EQ_I(system(command), 0);
	T_EQ_I(RUN("runrate", "help", "--man", "config", "show"), 0);
	T_TRUE(strstr(out_text, ".Dt RUNRATE-CONFIG-SHOW 1\n") != NULL);
}

/* What bash offers for a line; the last word is the one being written. */
static void offers(const char *script, const char *line, const char *want)
{
	char command[1024], got[4096] = "";
	FILE *f;
	unsigned words = 0;
	for (struct str rest = str_of(line); rest.p; words++)
		str_cut(&rest, ' ');
	snprintf(command, sizeof command,
		 "bash -c 'source %s; COMP_WORDS=(%s%s); COMP_CWORD=%u; _runrate; echo \" ${COMPREPLY[*]} \"'", script, line,
		 line[strlen(line) - 1] == ' ' ? "\"\"" : "", words - 1);
	f = popen(command, "r");
	T_TRUE(f && fgets(got, sizeof got, f));
	if (f)
		pclose(f);
	if (!strstr(got, want))
		printf("  '%s' offers: %s  wanted:%s\n", line, got, want);
	T_TRUE(strstr(got, want) != NULL);
}

TEST(completion_works_in_bash)
{
	char path[] = "/tmp/test_bash_XXXXXX", command[128];
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	T_EQ_I(RUN("runrate", "completion", "bash"), 0);
	fputs(out_text, f);
	fclose(f);
	offers(path, "runrate docto", " doctor ");
	offers(path, "runrate config ", " show ");
	offers(path, "runrate config show --o", " --origin ");
	offers(path, "runrate config show --js", " --json ");
	offers(path, "runrate --json conf", " config ");
	offers(path, "runrate completion z", " zsh ");
	offers(path, "runrate help doc", " doctor ");
	offers(path, "runrate doctor --dr", " --dry-run ");
	offers(path, "runrate completion --orig", "  "); /* another command's flag is not offered */
	unlink(path);
	T_EQ_I(RUN("runrate", "completion"), 2);
	T_EQ_I(RUN("runrate", "completion", "csh"), 2);
	for (int i = 0; i < 2; i++) { /* where these shells are installed they check the syntax */
		const char *shell = i ? "fish" : "zsh";
		T_EQ_I(RUN("runrate", "completion", shell), 0);
		T_TRUE(strstr(out_text, "origin") && strstr(out_text, "config"));
		snprintf(command, sizeof command, "command -v %s >/dev/null", shell);
		if (system(command) != 0) {
			printf("  SKIPPED: %s is not here, its script is only looked at\n", shell);
			continue;
		}
		snprintf(command, sizeof command, "%s -n /dev/stdin", shell);
		f = popen(command, "w");
		fputs(out_text, f);
		T_EQ_I(pclose(f), 0);
	}
}

T_MAIN
