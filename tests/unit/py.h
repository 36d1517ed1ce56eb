/* SPDX-License-Identifier: Apache-2.0
 *
 * python3 as a second opinion: its decimal, json and csv modules are not ours. A test that cannot have it says so.
 */
#ifndef RR_TEST_PY_H
#define RR_TEST_PY_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

/* Runs `python3 -c script` with `in` on its standard input; what it prints is appended to out. False, and a loud
 * line, when there is no python3; a script that fails ends the test program. */
static inline bool py_run(const char *script, struct str in, struct sb *out)
{
	FILE *from = tmpfile(), *to = tmpfile();
	char block[65536];
	size_t n;
	int status;
	pid_t child;
	if (!from || !to || (in.n && fwrite(in.p, 1, in.n, from) != in.n) || fflush(from))
		abort();
	rewind(from);
	fflush(stdout);
	child = fork();
	if (child < 0)
		abort();
	if (child == 0) {
		dup2(fileno(from), 0);
		dup2(fileno(to), 1);
		execlp("python3", "python3", "-c", script, (char *)NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child)
		abort();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		printf("  skipped: python3 is not here, so this was compared with nothing\n");
		fclose(from);
		fclose(to);
		return false;
	}
	if (status) {
		printf("  the python3 script failed\n");
		abort();
	}
	rewind(to);
	while ((n = fread(block, 1, sizeof block, to)) > 0)
		sb_add(out, block, n);
	fclose(from);
	fclose(to);
	return !out->full;
}

#endif
