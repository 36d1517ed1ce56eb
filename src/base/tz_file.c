/* SPDX-License-Identifier: Apache-2.0
 *
 * TZif (RFC 8536), versions 1 to 4. A file of version 2 and later holds its data twice: 32-bit times for old readers,
 * then a second header, 64-bit times and the POSIX rule between two new-lines. "Fat" files list every change to 2037,
 * "slim" ones leave them to the rule: both come out the same here. Files that count leap seconds are refused: our
 * time is POSIX time.
 */
#include <stdlib.h>

#include "base/tz_i.h"

enum { HEAD_BYTES = 44, TYPE_BYTES = 6, TYPES_MOST = 256, OFFSET_MOST_S = 25 * 3600 + 3599 };

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t be32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int64_t be_time(const char *p, unsigned width)
{
	return width == 4 ? (int32_t)be32(p) : (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool read_head(struct str s, struct counts *c, char *version)
{
	if (s.n < HEAD_BYTES || memcmp(s.p, "TZif", 4) != 0)
		return false;
	*version = s.p[4];
	*c = (struct counts){be32(s.p + 20), be32(s.p + 24), be32(s.p + 28),
			     be32(s.p + 32), be32(s.p + 36), be32(s.p + 40)};
	return true;
}

static uint64_t body_bytes(const struct counts *c, unsigned width)
{
	return (uint64_t)c->time * (width + 1) + (uint64_t)c->type * TYPE_BYTES + c->chars +
	       (uint64_t)c->leap * (width + 4) + c->isstd + c->isut;
}

static int read_body(struct str s, const struct counts *c, unsigned width, struct tz *z)
{
	const char *times = s.p, *indexes = times + (size_t)c->time * width, *types = indexes + c->time;
	if (c->leap)
		return -RR_SYNTAX;
	if (c->type == 0 || c->type > TYPES_MOST)
		return -RR_SYNTAX;
	for (uint32_t i = 0; i < c->type; i++) {
		int32_t offset = (int32_t)be32(types + (size_t)i * TYPE_BYTES);
		if (offset > OFFSET_MOST_S || offset < -OFFSET_MOST_S)
			return -RR_SYNTAX;
	}
	z->before_s = (int32_t)be32(types);
	z->transitions = c->time;
	if (!c->time)
		return 0;
	z->at_s = malloc(c->time * sizeof *z->at_s);
	z->offset_s = malloc(c->time * sizeof *z->offset_s);
	if (!z->at_s || !z->offset_s)
		return -RR_NOMEM;
	for (uint32_t i = 0; i < c->time; i++) {
		unsigned type = (unsigned char)indexes[i];
		z->at_s[i] = be_time(times + (size_t)i * width, width);
		if (type >= c->type || (i && z->at_s[i] <= z->at_s[i - 1]))
			return -RR_SYNTAX;
		z->offset_s[i] = (int32_t)be32(types + (size_t)type * TYPE_BYTES);
	}
	return 0;
}

static int read_footer(struct str s, struct tz *z)
{
	size_t end;
	if (!s.n || s.p[0] != '\n')
		return -RR_SYNTAX;
	s = str_sub(s, 1, s.n);
	end = str_chr(s, '\n');
	return end == SIZE_MAX ? -RR_SYNTAX : tz_posix_parse(str_sub(s, 0, end), &z->posix);
}

int tz_read(struct str bytes, struct tz *z)
{
	struct counts c;
	char version;
	unsigned width = 4;
	int rc;
	memset(z, 0, sizeof *z);
	if (!read_head(bytes, &c, &version) || body_bytes(&c, 4) > bytes.n - HEAD_BYTES)
		return -RR_SYNTAX;
	bytes = str_sub(bytes, HEAD_BYTES, bytes.n);
	if (version) {
		bytes = str_sub(bytes, body_bytes(&c, 4), bytes.n);
		if (!read_head(bytes, &c, &version) || body_bytes(&c, 8) > bytes.n - HEAD_BYTES)
			return -RR_SYNTAX;
		bytes = str_sub(bytes, HEAD_BYTES, bytes.n);
		width = 8;
	}
	rc = read_body(bytes, &c, width, z);
	if (!rc && version)
		rc = read_footer(str_sub(bytes, body_bytes(&c, width), bytes.n), z);
	if (rc)
		tz_drop(z);
	return rc;
}

void tz_drop(struct tz *z)
{
	free(z->at_s);
	free(z->offset_s);
	memset(z, 0, sizeof *z);
}
