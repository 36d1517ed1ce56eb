/* SPDX-License-Identifier: Apache-2.0
 *
 * See key_sort.h.
 */
#include "ledger/key_sort.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_KEYS = 256, READ_KEYS = 2048, DIGITS = 8 };

struct run {
	uint64_t at, end;   /* keys of the file that were not read yet */
	struct key_pair *p;  /* those that were, [from, to) */
	uint32_t from, to;
};

struct key_sort {
	char *beside;
	struct key_pair *p;
	unsigned count, room, most;
	int fd;
	struct run *run;
	unsigned runs;
	uint64_t written;
	unsigned *heap; /* runs, the one with the smallest key first */
	unsigned heap_count;
	bool reading;
	unsigned next; /* while all keys fit into one run */
};

struct key_sort *key_sort_new(const char *beside, unsigned run_keys)
{
	struct key_sort *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->fd = -1;
	s->most = run_keys;
	s->beside = strdup(beside);
	if (!s->beside) {
		free(s);
		return NULL;
	}
	return s;
}

void key_sort_free(struct key_sort *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->runs; i++)
		free(s->run[i].p);
	if (s->fd >= 0)
		close(s->fd);
	free(s->run);
	free(s->heap);
	free(s->p);
	free(s->beside);
	free(s);
}

static bool before(const struct key_pair *a, const struct key_pair *b)
{
	return a->key != b->key ? a->key < b->key : a->row < b->row;
}

/* By the bytes of the key from the last one up; rows of equal keys keep their order, which is ascending. */
static int sort(struct key_pair *p, unsigned n, struct err *e)
{
	struct key_pair *other = malloc((n ? n : 1) * sizeof *other), *from = p, *to = other;
	if (!other)
		return err_set(e, RR_NOMEM, "out of memory for the keys of an import");
	for (unsigned digit = 0; digit < DIGITS; digit++) {
		unsigned count[257] = {0}, shift = digit * 8;
		uint64_t flip = digit == DIGITS - 1 ? 0x80 : 0; /* keys are signed */
		for (unsigned i = 0; i < n; i++)
			count[(((uint64_t)from[i].key >> shift & 0xFF) ^ flip) + 1]++;
		for (unsigned i = 0; i < 256; i++)
			count[i + 1] += count[i];
		for (unsigned i = 0; i < n; i++)
			to[count[((uint64_t)from[i].key >> shift & 0xFF) ^ flip]++] = from[i];
		struct key_pair *swap = from;
		from = to;
		to = swap;
	}
	free(other); /* an even number of passes: all is in p again */
	return 0;
}

static int open_file(struct key_sort *s, struct err *e)
{
	char name[PATH_MAX], folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", s->beside);
	s->fd = open(dirname(folder), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd >= 0)
		return 0;
	snprintf(name, sizeof name, "%s-keys-XXXXXX", s->beside);
	s->fd = mkostemp(name, O_CLOEXEC);
	if (s->fd < 0)
		return err_set(e, RR_IO, "cannot make a temporary file beside %s: %s", s->beside, strerror(errno));
	unlink(name);
	return 0;
}

static int put_run(struct key_sort *s, struct err *e)
{
	struct run *more = realloc(s->run, (s->runs + 1) * sizeof *more);
	size_t bytes = s->count * sizeof *s->p, done = 0;
	int rc;
	if (!more)
		return err_set(e, RR_NOMEM, "out of memory for the keys of an import");
	s->run = more;
	rc = s->fd < 0 ? open_file(s, e) : 0;
	if (!rc)
		rc = sort(s->p, s->count, e);
	while (!rc && done < bytes) {
		ssize_t n = write(s->fd, (const char *)s->p + done, bytes - done);
		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			rc = err_set(e, RR_IO, "cannot keep the keys of an import beside %s: %s", s->beside, strerror(errno));
	}
	if (rc)
		return rc;
	/* on its way to the disk at once: by itself the system would write all runs in one go after half a minute,
	 * and whoever waits for the disk then waits for that */
	sync_file_range(s->fd, (off_t)(s->written * sizeof *s->p), (off_t)bytes, SYNC_FILE_RANGE_WRITE);
	s->run[s->runs++] = (struct run){.at = s->written, .end = s->written + s->count};
	s->written += s->count;
	s->count = 0;
	return 0;
}

int key_sort_bound(struct key_sort *s, struct err *e)
{
	return s->count > s->most - s->most / 8 && !s->reading ? put_run(s, e) : 0;
}

int key_sort_add(struct key_sort *s, struct key_pair r, struct err *e)
{
	check(!s->reading);
	if (s->count == s->most) {
		int rc = put_run(s, e);
		if (rc)
			return rc;
	}
	if (s->count == s->room) {
		unsigned room = s->room ? s->room * 2 : FIRST_KEYS;
		struct key_pair *p = realloc(s->p, (room < s->most ? room : s->most) * sizeof *p);
		if (!p)
			return err_set(e, RR_NOMEM, "out of memory for the keys of an import");
		s->p = p;
		s->room = room < s->most ? room : s->most;
	}
	s->p[s->count++] = r;
	return 0;
}

/* ---- reading ---- */

static const struct key_pair *head(const struct key_sort *s, unsigned at)
{
	const struct run *r = &s->run[s->heap[at]];
	return &r->p[r->from];
}

static void sink(struct key_sort *s, unsigned at)
{
	for (;;) {
		unsigned least = at, child = 2 * at + 1;
		for (unsigned i = child; i < child + 2 && i < s->heap_count; i++)
			if (before(head(s, i), head(s, least)))
				least = i;
		if (least == at)
			return;
		unsigned swap = s->heap[at];
		s->heap[at] = s->heap[least];
		s->heap[least] = swap;
		at = least;
	}
}

static int read_run(struct key_sort *s, struct run *r, struct err *e)
{
	uint64_t n = r->end - r->at < READ_KEYS ? r->end - r->at : READ_KEYS;
	size_t bytes = (size_t)n * sizeof *r->p, done = 0;
	while (done < bytes) {
		ssize_t got = pread(s->fd, (char *)r->p + done, bytes - done, (off_t)(r->at * sizeof *r->p + done));
		if (got > 0)
			done += (size_t)got;
		else if (got == 0 || errno != EINTR)
			return err_set(e, RR_IO, "cannot read back the keys of an import: %s", got ? strerror(errno) : "they are gone");
	}
	r->at += n;
	r->from = 0;
	r->to = (uint32_t)n;
	return 0;
}

int key_sort_begin(struct key_sort *s, struct err *e)
{
	int rc;
	if (s->reading)
		return 0;
	s->reading = true;
	if (!s->runs)
		return sort(s->p, s->count, e);
	rc = s->count ? put_run(s, e) : 0;
	free(s->p);
	s->p = NULL;
	s->heap = rc ? NULL : calloc(s->runs, sizeof *s->heap);
	for (unsigned i = 0; i < s->runs && !rc; i++) {
		s->run[i].p = malloc(READ_KEYS * sizeof *s->run[i].p);
		if (!s->heap || !s->run[i].p)
			return err_set(e, RR_NOMEM, "out of memory for the keys of an import");
		rc = read_run(s, &s->run[i], e);
		s->heap[s->heap_count++] = i;
	}
	for (unsigned i = s->heap_count; i-- > 0 && !rc;)
		sink(s, i);
	return rc;
}

int key_sort_next(struct key_sort *s, struct key_pair *out, struct err *e)
{
	int rc = key_sort_begin(s, e);
	struct run *r;
	if (rc)
		return rc;
	if (!s->runs) {
		if (s->next == s->count)
			return 0;
		*out = s->p[s->next++];
		return 1;
	}
	if (!s->heap_count)
		return 0;
	r = &s->run[s->heap[0]];
	*out = r->p[r->from++];
	if (r->from == r->to) {
		if (r->at == r->end)
			s->heap[0] = s->heap[--s->heap_count];
		else if ((rc = read_run(s, r, e)) != 0)
			return rc;
	}
	sink(s, 0);
	return 1;
}
