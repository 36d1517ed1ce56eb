/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a PDF, by pdftotext (poppler-utils) as a process of its own: a parser of files from anywhere stays
 * outside
 * of this process, has little time and memory, and is not needed for anything else.
 */
#include "import/pdf_text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CPU_S = 30, WALL_S = 60, NOT_FOUND = 127 };
#define MEMORY_BYTES (UINT64_C(2) << 30)

/* In the child, between fork and exec. */
static void become_pdftotext(const char *path, int out)
{
	char plain[4096]; /* a path that looks like an option */
	const struct rlimit cpu = {CPU_S, CPU_S}, memory = {MEMORY_BYTES, MEMORY_BYTES};
	int null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_AS, &memory);
	if (path[0] == '-' && snprintf(plain, sizeof plain, "./%s", path) < (int)sizeof plain)
		path = plain;
	execlp("pdftotext", "pdftotext", "-layout", "-nopgbrk", "-enc", "UTF-8", path, "-", (char *)NULL);
	_exit(NOT_FOUND);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the end, the limit of *out or the deadline. false: it had to be ended. */
static bool drain(int fd, struct sb *out)
{
	int64_t deadline = now_ms() + WALL_S * 1000;
	char buf[65536];
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - now_ms();
		ssize_t n;
		if (left <= 0 || out->full)
			return false;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return false;
		if (!(p.revents & (POLLIN | POLLHUP)))
			continue;
		n = read(fd, buf, sizeof buf);
		if (n < 0 && errno != EINTR)
			return false;
		if (n == 0)
			return true;
		if (n > 0)
			sb_add(out, buf, (size_t)n);
	}
}

int pdf_text(const char *path, struct sb *out, struct err *e)
{
	int fds[2], status = 0;
	pid_t child;
	bool whole;
	if (pipe2(fds, O_CLOEXEC))
		return err_set(e, RR_IO, "no pipe for pdftotext: %s", strerror(errno));
	child = fork();
	if (child == 0)
		become_pdftotext(path, fds[1]);
	close(fds[1]);
	whole = child > 0 && drain(fds[0], out);
	close(fds[0]);
	if (child < 0)
		return err_set(e, RR_IO, "cannot start pdftotext: %s", strerror(errno));
	if (!whole)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND) {
		err_set(e, RR_INPUT, "it is a PDF, and pdftotext is not here to read it");
		return err_hint(e, "apt-get install poppler-utils, or export the data as CSV");
	}
	if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		err_set(e, RR_INPUT, "it is a PDF that pdftotext cannot read: %s",
			whole ? "damaged, or locked by a password" : "too large, or too slow");
		return err_hint(e, "save it again without a password, or export the data as CSV");
	}
	return 0;
}
