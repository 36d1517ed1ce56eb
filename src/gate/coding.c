/* SPDX-License-Identifier: Apache-2.0
 *
 * See coding.h.
 */
#include "gate/coding.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/err.h"

enum { PIECE_BYTES = 16 * 1024, BOMB_BYTES = 64 * 1024 * 1024, BOMB_RATIO = 100, WINDOW_GZIP_OR_ZLIB = 15 + 32,
      WINDOW_RAW = -15 };

struct coding {
	enum coding_kind kind;
	z_stream z;
	ZSTD_DStream *zstd;
	bool begun, member_over;
	uint64_t in, out;
};

enum coding_kind coding_parse(struct str header)
{
	static const struct {
		const char *word;
		enum coding_kind kind;
	} words[] = {{"", CODING_NONE},	      {"identity", CODING_NONE},   {"gzip", CODING_GZIP},
		     {"x-gzip", CODING_GZIP}, {"deflate", CODING_DEFLATE}, {"zstd", CODING_ZSTD}};
	struct str word = str_trim(header);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (str_ieq(word, str_of(words[i].word)))
			return words[i].kind;
	return CODING_OTHER;
}

struct coding *coding_new(enum coding_kind kind)
{
	struct coding *c = kind == CODING_NONE || kind == CODING_OTHER ? NULL : calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->kind = kind;
	if (kind == CODING_ZSTD ? !(c->zstd = ZSTD_createDStream())
				: inflateInit2(&c->z, WINDOW_GZIP_OR_ZLIB) != Z_OK) {
		free(c);
		return NULL;
	}
	return c;
}

/* One step: some of *in becomes some of `out`. Bytes made, or -1. */
static long inflate_step(struct coding *c, struct str *in, char *out)
{
	int rc;
	if (c->member_over && inflateReset(&c->z) != Z_OK)
		return -1;
	c->z.next_in = (unsigned char *)(uintptr_t)in->p;
	c->z.avail_in = (unsigned)in->n;
	c->z.next_out = (unsigned char *)out;
	c->z.avail_out = PIECE_BYTES;
	rc = inflate(&c->z, Z_NO_FLUSH);
	if (rc == Z_DATA_ERROR && c->kind == CODING_DEFLATE && !c->out && !c->begun) { /* it has no zlib head */
		c->begun = true;
		return inflateReset2(&c->z, WINDOW_RAW) == Z_OK ? inflate_step(c, in, out) : -1;
	}
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return -1;
	c->member_over = rc == Z_STREAM_END;
	*in = str_sub(*in, in->n - c->z.avail_in, in->n);
	return PIECE_BYTES - (long)c->z.avail_out;
}

static long zstd_step(struct coding *c, struct str *in, char *out)
{
	ZSTD_inBuffer from = {in->p, in->n, 0};
	ZSTD_outBuffer to = {out, PIECE_BYTES, 0};
	if (ZSTD_isError(ZSTD_decompressStream(c->zstd, &to, &from)))
		return -1;
	*in = str_sub(*in, from.pos, in->n);
	return (long)to.pos;
}

int coding_feed(struct coding *c, struct str in, void (*sink)(void *arg, struct str bytes), void *arg)
{
	char piece[PIECE_BYTES];
	long made = PIECE_BYTES;
	while (in.n || made == PIECE_BYTES) { /* a full piece may have more behind it */
		size_t before = in.n;
		if (!in.n && c->member_over)
			break;
		made = c->kind == CODING_ZSTD ? zstd_step(c, &in, piece) : inflate_step(c, &in, piece);
		if (made < 0)
			return -RR_SYNTAX;
		c->in += before - in.n;
		c->out += (uint64_t)made;
		if (made)
			sink(arg, str_make(piece, (size_t)made));
		if (c->out > BOMB_BYTES && c->out / BOMB_RATIO > c->in)
			return -RR_SYNTAX;
		if (!made && in.n == before) /* nothing moves */
			break;
	}
	return 0;
}

void coding_free(struct coding *c)
{
	if (!c)
		return;
	if (c->kind != CODING_ZSTD)
		inflateEnd(&c->z);
	ZSTD_freeDStream(c->zstd);
	free(c);
}
