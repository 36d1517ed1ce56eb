/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole files and names of files; streams are in fs_stream.c.
 */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, PATH_BYTES = 4096 };

static int fail(struct err *e, const char *path, const char *doing)
{
	int code = errno == ENOENT ? RR_NOTFOUND : errno == ENOMEM ? RR_NOMEM : RR_IO;
	err_set(e, code, "cannot %s: %s", doing, strerror(errno));
	err_at(e, path, 0, 0);
	return -code;
}

int fs_read(const char *path, struct sb *out, struct err *e)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char *block = NULL;
	int rc = 0;
	if (fd < 0)
		return fail(e, path, "open it");
	block = malloc(READ_BYTES);
	if (!block) {
		rc = fail(e, path, "read it");
		goto out;
	}
	for (;;) {
		ssize_t n = read(fd, block, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = fail(e, path, "read it");
			goto out;
		}
		if (n == 0)
			goto out;
		sb_add(out, block, (size_t)n);
		if (out->full) {
			rc = err_set(e, RR_LIMIT, "it is larger than the %zu bytes that may be read at once",
				     out->limit);
			err_at(e, path, 0, 0);
			goto out;
		}
	}
out:
	free(block);
	if (!standard)
		close(fd);
	return rc;
}

static int write_all(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes = str_sub(bytes, (size_t)n, bytes.n);
	}
	return 0;
}

/* The folder part of path into out: "." where there is none. False when it does not fit. */
static bool folder_of(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	struct str folder = !slash ? STR(".") : slash == path ? STR("/") : str_make(path, (size_t)(slash - path));
	if (folder.n >= size) {
		errno = ENAMETOOLONG;
		return false;
	}
	str_copy(out, size, folder);
	return true;
}

/* A rename is on disk once its folder is. */
static int sync_folder(const char *path)
{
	char folder[PATH_BYTES];
	int fd, rc;
	if (!folder_of(path, folder, sizeof folder))
		return -1;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

int fs_write_atomic(const char *path, struct str bytes, unsigned mode, struct err *e)
{
	char temporary[PATH_BYTES];
	int fd, rc = 0;
	int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof temporary) {
		errno = ENAMETOOLONG;
		return fail(e, path, "write it");
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail(e, path, "make a temporary file beside it");
	if (write_all(fd, bytes) || fchmod(fd, (mode_t)mode) || fsync(fd)) {
		rc = fail(e, path, "write it");
		close(fd);
		unlink(temporary);
		return rc;
	}
	if (close(fd) || rename(temporary, path)) {
		rc = fail(e, path, "put it in place");
		unlink(temporary);
		return rc;
	}
	if (sync_folder(path))
		return fail(e, path, "sync its folder");
	return 0;
}

int fs_make_parent(const char *path, struct err *e)
{
	char folder[PATH_BYTES];
	if (!folder_of(path, folder, sizeof folder))
		return fail(e, path, "make its folder");
	for (char *slash = strchr(folder + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = 0;
		if (mkdir(folder, 0700) && errno != EEXIST)
			return fail(e, folder, "make this folder");
		if (!slash)
			return 0;
		*slash = '/';
	}
}

bool fs_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The home folder, or "." where nobody knows one. */
static const char *home(void)
{
	const char *named = getenv("HOME");
	const struct passwd *user;
	if (named && named[0] == '/')
		return named;
	user = getpwuid(getuid());
	return user && user->pw_dir && user->pw_dir[0] ? user->pw_dir : ".";
}

/* The XDG base directory specification 0.8: a relative path in the variable is ignored. */
static char *xdg_path(const char *variable, const char *under_home, const char *name, char *out, size_t size)
{
	const char *base = getenv(variable);
	int n;
	if (base && base[0] == '/')
		n = snprintf(out, size, "%s/runrate/%s", base, name);
	else
		n = snprintf(out, size, "%s/%s/runrate/%s", home(), under_home, name);
	if (n < 0 || (size_t)n >= size)
		out[0] = 0; /* half a path is worse than none */
	return out;
}

char *fs_data_path(const char *name, char *out, size_t size)
{
	return xdg_path("XDG_DATA_HOME", ".local/share", name, out, size);
}

char *fs_config_path(const char *name, char *out, size_t size)
{
	return xdg_path("XDG_CONFIG_HOME", ".config", name, out, size);
}
