/* SPDX-License-Identifier: Apache-2.0
 *
 * See discover.h. Where agents keep their logs is a table: a tool, the variable that moves its folder (a list, parted
 * by commas), its folder below home where that is not set, and what of it holds logs. Read from the tools'
 * documentation and from ccusage 20 (docs/guide), November 2026.
 */
#include "cmd/discover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_there(const char *path) /* a folder, or a database */
{
	struct stat st;
	return stat(path, &st) == 0 && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
}

static void add_folder(struct discovered *d, struct arena *a, const char *tool, struct str base, const char *below)
{
	char path[PATH_MAX];
	struct str kept;
	bool new_tool = true;
	if (!base.n || d->folders == DISCOVER_FOLDERS ||
	    snprintf(path, sizeof path, "%.*s%s", STR_ARG(base), below) >= (int)sizeof path || !is_there(path))
		return;
	for (unsigned i = 0; i < d->folders; i++) {
		if (strcmp(d->folder[i], path) == 0)
			return;
		new_tool = new_tool && strcmp(d->tool[i], tool) != 0;
	}
	kept = arena_str(a, str_of(path));
	if (!kept.p)
		return;
	d->folder[d->folders] = kept.p;
	d->tool[d->folders++] = tool;
	d->tools += new_tool;
}

static const struct place {
	const char *tool, *variable, *home, *below;
} places[] = {
	{"Claude Code", "CLAUDE_CONFIG_DIR", "/.claude", "/projects"},
	{"Claude Code", NULL, "/.claude", "/projects"},
	{"Claude Code", NULL, "/.config/claude", "/projects"},
	{"Codex", "CODEX_HOME", "/.codex", "/sessions"},
	{"Codex", "CODEX_HOME", "/.codex", "/archived_sessions"},
	{"Gemini CLI", "GEMINI_DATA_DIR", "/.gemini/tmp", ""},
	{"Qwen Code", "QWEN_DATA_DIR", "/.qwen", "/projects"},
	{"Kimi", "KIMI_DATA_DIR", "/.kimi", "/sessions"},
	{"OpenCode", "OPENCODE_DATA_DIR", "/.local/share/opencode", "/storage/message"},
	{"OpenCode", "OPENCODE_DATA_DIR", "/.local/share/opencode", "/opencode.db"},
	{"Kilo", "KILO_DATA_DIR", "/.local/share/kilo", "/kilo.db"},
	{"Amp", "AMP_DATA_DIR", "/.local/share/amp", "/threads"},
	{"Droid", "DROID_SESSIONS_DIR", "/.factory/sessions", ""},
	{"pi", "PI_AGENT_DIR", "/.pi/agent/sessions", ""},
	{"OpenClaw", "OPENCLAW_DIR", "/.openclaw", "/agents"},
	{"Copilot CLI", NULL, "/.copilot", "/otel"},
	{"Goose", NULL, "/.local/share/goose/sessions", "/sessions.db"},
	{"Hermes", "HERMES_HOME", "/.hermes", "/state.db"},
	{"Grok", "GROK_HOME", "/.grok", "/sessions"},
	{"Cline", "CLINE_HOME", "/.cline", ""},
	{"Cline", NULL, "/.config/Code/User/globalStorage/saoudrizwan.claude-dev", "/tasks"},
	{"Cline", NULL, "/.config/Code - Insiders/User/globalStorage/saoudrizwan.claude-dev", "/tasks"},
	{"Cline", NULL, "/.config/VSCodium/User/globalStorage/saoudrizwan.claude-dev", "/tasks"},
	{"Roo Code", NULL, "/.config/Code/User/globalStorage/rooveterinaryinc.roo-cline", "/tasks"},
	{"Kilo", NULL, "/.config/Code/User/globalStorage/kilocode.kilo-code", "/tasks"},
};

/* Where the XDG folders were moved, what lies below them lies there. */
static void add_moved(struct discovered *d, struct arena *a, const struct place *p)
{
	static const struct {
		const char *variable, *home;
	} folders[] = {{"XDG_CONFIG_HOME", "/.config"}, {"XDG_DATA_HOME", "/.local/share"}};
	for (unsigned i = 0; i < 2; i++) {
		const char *moved = getenv(folders[i].variable);
		size_t n = strlen(folders[i].home);
		char base[PATH_MAX];
		if (moved && moved[0] == '/' && strncmp(p->home, folders[i].home, n) == 0 && p->home[n] == '/' &&
		    snprintf(base, sizeof base, "%s%s", moved, p->home + n) < (int)sizeof base)
			add_folder(d, a, p->tool, str_of(base), p->below);
	}
}

static void agents(struct discovered *d, struct arena *a)
{
	const char *home = getenv("HOME");
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const struct place *p = &places[i];
		struct str rest = str_of(p->variable ? getenv(p->variable) : NULL);
		char base[PATH_MAX];
		if (!rest.n)
			add_moved(d, a, p);
		if (!rest.n && home && home[0] && snprintf(base, sizeof base, "%s%s", home, p->home) < (int)sizeof base)
			add_folder(d, a, p->tool, str_of(base), p->below);
		while (rest.p && rest.n)
			add_folder(d, a, p->tool, str_trim(str_cut(&rest, ',')), p->below);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Our own files are no exports. */
static bool is_ours(const char *name)
{
	struct str s = str_of(name);
	return name[0] == '.' || str_starts(s, STR("runrate.y")) || str_contains(s, STR(".db"));
}

/* tables: only what a browser saves of a vendor's console. */
static void exports(struct discovered *d, const char *here, bool tables, struct arena *a)
{
	DIR *dir = opendir(here);
	struct dirent *entry;
	d->files = 0;
	while (dir && d->files < DISCOVER_FILES && (entry = readdir(dir)) != NULL) {
		struct stat st;
		struct str path;
		if (is_ours(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0) || !S_ISREG(st.st_mode) ||
		    st.st_size == 0 || ((st.st_mode & 0111) && st.st_size > 65536)) /* a program */
			continue;
		path = str_of(entry->d_name);
		if (tables && !str_ends(path, STR(".csv")) && !str_ends(path, STR(".csv.gz")))
			continue;
		path = arena_printf(a, "%s/%s", here, entry->d_name);
		if (path.p)
			d->file[d->files++] = path.p;
	}
	if (dir)
		closedir(dir);
	qsort(d->file, d->files, sizeof *d->file, by_name);
}

void discover(struct discovered *d, const char *here, struct arena *a)
{
	memset(d, 0, sizeof *d);
	agents(d, a);
	exports(d, here, false, a);
}

bool discover_downloads(struct discovered *d, const char *here, struct arena *a)
{
	const char *home = getenv("HOME"), *named = getenv("XDG_DOWNLOAD_DIR");
	struct stat one, other;
	struct str path = named && named[0] == '/' ? str_of(named)
			: home && home[0] == '/' ? arena_printf(a, "%s/Downloads", home) : STR("");
	d->files = 0;
	if (!path.n || !path.p || stat(path.p, &one) || !S_ISDIR(one.st_mode) ||
	    (stat(here, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino))
		return false;
	exports(d, path.p, true, a);
	return true;
}

bool discover_gateway(const char *ledger_path)
{
	char path[PATH_MAX];
	bool held;
	int fd;
	if (snprintf(path, sizeof path, "%s-gateway", ledger_path) >= (int)sizeof path)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

int scratch_make(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(path, size, "%s/runrate-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
	return n > 0 && (size_t)n < size && mkdtemp(path) ? 0 : -1;
}

void scratch_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}
