/* SPDX-License-Identifier: Apache-2.0
 *
 * See discover.h. Where agents keep their logs: Claude Code ~/.claude/projects, ~/.config/claude/projects and
 * CLAUDE_CONFIG_DIR (a list, parted by commas); Codex $CODEX_HOME or ~/.codex, sessions and archived_sessions (read
 * from their documentation and from ccusage 20, November 2026).
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

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void add_folder(struct discovered *d, struct arena *a, const char *tool, struct str base, const char *below)
{
	char path[PATH_MAX];
	struct str kept;
	bool new_tool = true;
	if (!base.n || d->folders == DISCOVER_FOLDERS ||
	    snprintf(path, sizeof path, "%.*s%s", STR_ARG(base), below) >= (int)sizeof path || !is_folder(path))
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

static void agents(struct discovered *d, struct arena *a)
{
	static const char *const codex[] = {"/sessions", "/archived_sessions"};
	const char *home = getenv("HOME"), *codex_home = getenv("CODEX_HOME"), *list = getenv("CLAUDE_CONFIG_DIR");
	struct str rest = str_of(list);
	while (rest.p && rest.n) {
		struct str one = str_trim(str_cut(&rest, ','));
		add_folder(d, a, "Claude Code", one, "/projects");
	}
	if (home && home[0]) {
		add_folder(d, a, "Claude Code", str_of(home), "/.claude/projects");
		add_folder(d, a, "Claude Code", str_of(home), "/.config/claude/projects");
	}
	for (unsigned i = 0; i < 2; i++) {
		char below[64];
		if (codex_home && codex_home[0]) {
			add_folder(d, a, "Codex", str_of(codex_home), codex[i]);
		} else if (home && home[0]) {
			snprintf(below, sizeof below, "/.codex%s", codex[i]);
			add_folder(d, a, "Codex", str_of(home), below);
		}
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

static void exports(struct discovered *d, const char *here, struct arena *a)
{
	DIR *dir = opendir(here);
	struct dirent *entry;
	while (dir && d->files < DISCOVER_FILES && (entry = readdir(dir)) != NULL) {
		struct stat st;
		struct str path;
		if (is_ours(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0) || !S_ISREG(st.st_mode) ||
		    st.st_size == 0 || ((st.st_mode & 0111) && st.st_size > 65536)) /* a program */
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
	exports(d, here, a);
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
