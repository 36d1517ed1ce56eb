/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams of bytes, and lines of them.
 *
 * 1. What a stream is compressed with is told by its first bytes, never by its name: 1F 8B is gzip (RFC 1952),
 *    28 B5 2F FD or 50..5F 2A 4D 18 is zstd (RFC 8878), all else is plain.
 * 2. A compressed stream is a row of members (gzip) or frames (zstd), each complete; zero bytes after the last gzip
 *    member are padding (tapes, some uploaders), other bytes there are an error. A stream that ends inside a member
 *    is an error: half an export must not look like a whole one.
 * 3. Bombs (reliability.md, P4): beyond its first MiB, a member may give at most 100 bytes for each byte consumed,
 *    and 1 GiB at most; the stream as a whole keeps the first rule too. Plain bytes have no limit.
 * 4. An error is final: every later call gives it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/fs.h"

#define BOMB_FREE_BYTES   (UINT64_C(1) << 20)
#define BOMB_RATIO        100
#define BOMB_MEMBER_BYTES (UINT64_C(1) << 30)
enum { IN_BYTES = 256 * 1024, MAGIC_BYTES = 4, BLOCK_BYTES = 256 * 1024 };

enum kind { PLAIN, GZIP, ZSTD };

struct fs_stream {
	int fd;
	enum kind kind;
	bool in_member;     /* a member has begun and not ended */
	bool eof;           /* of the file */
	size_t from, to;    /* unread bytes of `in` */
	uint64_t raw_bytes; /* taken from the file and used */
	uint64_t out_bytes;
	uint64_t member_in, member_out;
	z_stream z;
	ZSTD_DStream *zstd;
	struct err failed; /* rule 4; code 0 while all is well */
	char path[192];
	char in[IN_BYTES];
};

static long fail(struct fs_stream *s, struct err *e, int code, const char *what)
{
	err_set(&s->failed, code, "%s", what);
	err_at(&s->failed, s->path, 0, 0);
	if (e)
		*e = s->failed;
	return -code;
}

static long read_fd(int fd, char *out, size_t size)
{
	ssize_t n;
	do
		n = read(fd, out, size);
	while (n < 0 && errno == EINTR);
	return n;
}

/* More bytes behind those in `in`. 0, or a code. */
static long refill(struct fs_stream *s, struct err *e)
{
	long n;
	if (s->from == s->to)
		s->from = s->to = 0;
	if (s->eof || s->to == IN_BYTES)
		return 0;
	n = read_fd(s->fd, s->in + s->to, IN_BYTES - s->to);
	if (n < 0)
		return fail(s, e, RR_IO, strerror(errno));
	s->eof = n == 0;
	s->to += (size_t)n;
	return 0;
}

static bool starts(const struct fs_stream *s, const char *magic, size_t n)
{
	return s->to - s->from >= n && memcmp(s->in + s->from, magic, n) == 0;
}

static long sniff(struct fs_stream *s, struct err *e)
{
	while (s->to < MAGIC_BYTES && !s->eof) {
		long rc = refill(s, e);
		if (rc)
			return rc;
	}
	if (starts(s, "\x1F\x8B", 2)) {
		s->kind = GZIP;
		if (inflateInit2(&s->z, 15 + 16) != Z_OK) /* the largest window, a gzip header */
			return fail(s, e, RR_NOMEM, "no memory to decompress it");
	} else if (starts(s, "\x28\xB5\x2F\xFD", 4) ||
		   (s->to >= 4 && (s->in[0] & 0xF0) == 0x50 && memcmp(s->in + 1, "\x2A\x4D\x18", 3) == 0)) {
		s->kind = ZSTD;
		s->zstd = ZSTD_createDStream();
		if (!s->zstd)
			return fail(s, e, RR_NOMEM, "no memory to decompress it");
	}
	return 0;
}

struct fs_stream *fs_open(const char *path, struct err *e)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct fs_stream *s;
	if (fd < 0) {
		err_set(e, errno == ENOENT ? RR_NOTFOUND : RR_IO, "cannot open it: %s", strerror(errno));
		err_at(e, path, 0, 0);
		return NULL;
	}
	s = calloc(1, sizeof *s);
	if (!s) {
		err_set(e, RR_NOMEM, "no memory to read it");
		if (!standard)
			close(fd);
		return NULL;
	}
	s->fd = fd;
	str_copy(s->path, sizeof s->path, str_of(standard ? "standard input" : path));
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (sniff(s, e)) {
		fs_close(s);
		return NULL;
	}
	return s;
}

void fs_close(struct fs_stream *s)
{
	if (!s)
		return;
	if (s->kind == GZIP)
		inflateEnd(&s->z);
	ZSTD_freeDStream(s->zstd);
	if (s->fd != STDIN_FILENO)
		close(s->fd);
	free(s);
}

uint64_t fs_raw_bytes(const struct fs_stream *s)
{
	return s->raw_bytes;
}

static void consume(struct fs_stream *s, size_t in, size_t out)
{
	s->from += in;
	s->raw_bytes += in;
	s->member_in += in;
	s->member_out += out;
	s->out_bytes += out;
}

static bool is_bomb(uint64_t in, uint64_t out)
{
	return out > BOMB_FREE_BYTES && (out - BOMB_FREE_BYTES) / BOMB_RATIO > in;
}

static long next_plain(struct fs_stream *s, char *out, size_t size, struct err *e)
{
	long n = (long)(s->to - s->from);
	if (n) { /* what sniff() took */
		if ((size_t)n > size)
			n = (long)size;
		memcpy(out, s->in + s->from, (size_t)n);
	} else {
		n = s->eof ? 0 : read_fd(s->fd, out, size);
		if (n < 0)
			return fail(s, e, RR_IO, strerror(errno));
		s->raw_bytes += (size_t)n;
		return n;
	}
	consume(s, (size_t)n, (size_t)n);
	return n;
}

/* Between gzip members: true when another begins here (its second byte may still be in the file). */
static bool gzip_begins(struct fs_stream *s)
{
	size_t n = s->to - s->from < 2 ? 1 : 2;
	return starts(s, "\x1F\x8B", n) && inflateReset(&s->z) == Z_OK;
}

static bool only_zeros(const struct fs_stream *s)
{
	for (size_t i = s->from; i < s->to; i++)
		if (s->in[i])
			return false;
	return true;
}

/* One step into out: sets *made, notes where members begin and end. */
static long gzip_step(struct fs_stream *s, char *out, size_t size, size_t *made, struct err *e)
{
	int rc;
	if (!s->in_member) {
		if (s->member_in && !gzip_begins(s)) {
			if (!only_zeros(s))
				return fail(s, e, RR_SYNTAX,
					    "there are bytes after the end of the gzip data that are no gzip");
			s->raw_bytes += s->to - s->from;
			s->from = s->to;
			return 0;
		}
		s->in_member = true;
		s->member_in = s->member_out = 0;
	}
	s->z.next_in = (Bytef *)(s->in + s->from);
	s->z.avail_in = (uInt)(s->to - s->from);
	s->z.next_out = (Bytef *)out;
	s->z.avail_out = size > UINT32_MAX ? UINT32_MAX : (uInt)size;
	*made = s->z.avail_out;
	rc = inflate(&s->z, Z_NO_FLUSH);
	*made -= s->z.avail_out;
	consume(s, s->to - s->from - s->z.avail_in, *made);
	if (rc == Z_STREAM_END)
		s->in_member = false;
	else if (rc != Z_OK && rc != Z_BUF_ERROR)
		return fail(s, e, rc == Z_MEM_ERROR ? RR_NOMEM : RR_SYNTAX, "the gzip data is damaged");
	return 0;
}

static long zstd_step(struct fs_stream *s, char *out, size_t size, size_t *made, struct err *e)
{
	ZSTD_inBuffer in = {s->in + s->from, s->to - s->from, 0};
	ZSTD_outBuffer to = {out, size, 0};
	size_t rc;
	if (!s->in_member) {
		s->in_member = true;
		s->member_in = s->member_out = 0;
	}
	rc = ZSTD_decompressStream(s->zstd, &to, &in);
	*made = to.pos;
	consume(s, in.pos, to.pos);
	if (ZSTD_isError(rc))
		return fail(s, e, RR_SYNTAX, "the zstd data is damaged");
	if (rc == 0)
		s->in_member = false;
	return 0;
}

static long next_packed(struct fs_stream *s, char *out, size_t size, struct err *e)
{
	size_t made = 0;
	while (!made) {
		size_t before;
		long rc;
		if (s->from == s->to) {
			rc = refill(s, e);
			if (rc)
				return rc;
		}
		if (s->from == s->to && s->eof && !s->in_member)
			return 0;
		before = s->to - s->from;
		rc = s->kind == GZIP ? gzip_step(s, out, size, &made, e) : zstd_step(s, out, size, &made, e);
		if (rc)
			return rc;
		if (!made && s->eof && s->to - s->from == before)
			return fail(s, e, RR_SYNTAX,
				    "it ends in the middle of compressed data: is the download complete?");
	}
	if (is_bomb(s->member_in, s->member_out) || is_bomb(s->raw_bytes, s->out_bytes))
		return fail(s, e, RR_LIMIT, "it unpacks to more than 100 times its size: refused");
	if (s->member_out > BOMB_MEMBER_BYTES)
		return fail(s, e, RR_LIMIT,
			    "a compressed member unpacks to more than 1 GiB: refused; unpack it and read that");
	return (long)made;
}

long fs_next(struct fs_stream *s, char *out, size_t size, struct err *e)
{
	check(size > 0);
	if (s->failed.code) {
		if (e)
			*e = s->failed;
		return -s->failed.code;
	}
	return s->kind == PLAIN ? next_plain(s, out, size, e) : next_packed(s, out, size, e);
}

/* Lines. The unread bytes stand in [from, to) of a buffer that holds a line and a block; `seen` is how far
 * they were searched for a line feed. */
struct fs_lines {
	struct fs_stream *in;
	size_t max;
	uint64_t number;
	size_t from, seen, to, cap;
	bool eof, skipping;
	bool broken; /* the stream failed, which was said once */
	char *p;
};

struct fs_lines *fs_lines_open(const char *path, size_t max_line_bytes, struct err *e)
{
	struct fs_stream *in = fs_open(path, e);
	struct fs_lines *l;
	if (!in)
		return NULL;
	l = calloc(1, sizeof *l);
	if (l) {
		l->cap = 2 * BLOCK_BYTES;
		l->p = malloc(l->cap);
	}
	if (!l || !l->p) {
		err_set(e, RR_NOMEM, "no memory to read %s", path);
		free(l);
		fs_close(in);
		return NULL;
	}
	l->in = in;
	l->max = max_line_bytes;
	return l;
}

void fs_lines_close(struct fs_lines *l)
{
	if (!l)
		return;
	fs_close(l->in);
	free(l->p);
	free(l);
}

uint64_t fs_lines_number(const struct fs_lines *l)
{
	return l->number;
}

/* Reads a block behind what is there: first moves that to the front, grows the buffer where it is full. */
static int lines_refill(struct fs_lines *l, struct err *e)
{
	long n;
	if (l->from) {
		memmove(l->p, l->p + l->from, l->to - l->from);
		l->to -= l->from;
		l->seen -= l->from;
		l->from = 0;
	}
	if (l->cap - l->to < BLOCK_BYTES) {
		char *p = realloc(l->p, l->cap * 2);
		if (!p) {
			l->broken = true;
			return err_set(e, RR_NOMEM, "no memory for a line of %zu bytes", l->to);
		}
		l->p = p;
		l->cap *= 2;
	}
	n = fs_next(l->in, l->p + l->to, l->cap - l->to, e);
	if (n < 0) {
		l->broken = true;
		return (int)n;
	}
	if (l->number == 0 && l->to == 0 && n >= 3 && memcmp(l->p, "\xEF\xBB\xBF", 3) == 0)
		l->from = l->seen = 3;
	l->eof = n == 0;
	l->to += (size_t)n;
	return 0;
}

static int too_long(struct fs_lines *l, struct err *e)
{
	err_set(e, RR_LIMIT, "line %lu is longer than %zu bytes", (unsigned long)l->number, l->max);
	err_at(e, l->in->path, (unsigned)l->number, 0);
	return -RR_LIMIT;
}

int fs_lines_next(struct fs_lines *l, struct str *line, struct err *e)
{
	while (!l->broken) {
		const char *feed = l->to > l->seen ? memchr(l->p + l->seen, '\n', l->to - l->seen) : NULL;
		size_t end = feed ? (size_t)(feed - l->p) : l->to;
		int rc;
		if (feed || (l->eof && l->to > l->from) || (l->eof && l->skipping)) {
			bool skipped = l->skipping;
			struct str s = str_make(l->p + l->from, end - l->from);
			l->from = l->seen = feed ? end + 1 : end;
			l->skipping = false;
			if (skipped)
				continue;
			l->number++;
			if (s.n && s.p[s.n - 1] == '\r')
				s.n--;
			if (s.n > l->max)
				return too_long(l, e);
			*line = s;
			return 1;
		}
		if (l->eof)
			return 0;
		l->seen = l->to;
		if (l->skipping) {
			l->from = l->seen = l->to = 0;
		} else if (l->to - l->from > l->max + 1) { /* a CR may still be cut off */
			l->skipping = true;
			l->number++;
			return too_long(l, e);
		}
		rc = lines_refill(l, e);
		if (rc)
			return rc;
	}
	return 0;
}
