/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams and lines: any bytes as a file. What comes out whole must not depend on how much is asked for at a time and
 * must stay within the bomb rule; the lines of it are what a plain split gives.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"

enum { OUT_BYTES = 64 << 20 };

static void file_path(int fd, char out[64])
{
	snprintf(out, 64, "/proc/self/fd/%d", fd);
}

static long drain(int fd, size_t step, struct sb *out)
{
	char path[64], *block = malloc(step);
	struct err e;
	struct fs_stream *s;
	long n = -1;
	file_path(fd, path);
	s = fs_open(path, &e);
	while (s && (n = fs_next(s, block, step, &e)) > 0) {
		check((size_t)n <= step);
		sb_add(out, block, (size_t)n);
	}
	fs_close(s);
	free(block);
	return n;
}

static void split(int fd, struct str whole, bool complete)
{
	enum { MOST = 100 };
	char path[64];
	struct err e;
	struct str line;
	struct fs_lines *l;
	int rc;
	if (whole.n >= 3 && memcmp(whole.p, "\xEF\xBB\xBF", 3) == 0)
		whole = str_sub(whole, 3, whole.n);
	file_path(fd, path);
	l = fs_lines_open(path, MOST, &e);
	while (l && (rc = fs_lines_next(l, &line, &e))) {
		struct str want = str_cut(&whole, '\n');
		if (rc < 0 && e.code != RR_LIMIT)
			break; /* the stream broke */
		if (want.n && want.p[want.n - 1] == '\r')
			want.n--;
		check(!complete || (rc > 0 ? str_eq(line, want) : want.n > MOST));
	}
	check(!complete || whole.n == 0);
	fs_lines_close(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = {65536, 4096, 61};
	struct sb out[3];
	long end[3];
	int fd = memfd_create("stream", MFD_CLOEXEC);
	check(fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size));
	for (unsigned i = 0; i < 3; i++) {
		sb_init(&out[i], OUT_BYTES);
		end[i] = drain(fd, steps[i], &out[i]);
		check(out[i].n <= (2u << 20) + size * 101);
		/* the bomb rule is looked at once a read, so small reads may hit it where a large one hits the fault */
		check(end[i] == end[0] || (end[i] && end[0]) || end[i] == -RR_LIMIT || end[0] == -RR_LIMIT);
		check(end[i] || end[0] || str_eq(sb_str(&out[i]), sb_str(&out[0])));
	}
	split(fd, sb_str(&out[0]), end[0] == 0);
	for (unsigned i = 0; i < 3; i++)
		sb_fini(&out[i]);
	close(fd);
	return 0;
}
