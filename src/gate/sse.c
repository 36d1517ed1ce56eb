/* SPDX-License-Identifier: Apache-2.0
 *
 * See sse.h. The fast path is a frame that lies whole in the bytes just read: nothing is copied. Only a frame
 * that was split is gathered in `partial`.
 */
#include "gate/sse.h"

#include "base/err.h"

void sse_init(struct sse *s)
{
	memset(s, 0, sizeof *s);
	sb_init(&s->partial, SSE_FRAME_BYTES + 1);
	sb_init(&s->joined, SSE_FRAME_BYTES + 1);
}

void sse_fini(struct sse *s)
{
	sb_fini(&s->partial);
	sb_fini(&s->joined);
}

void sse_clear(struct sse *s)
{
	sb_clear(&s->partial);
	sb_clear(&s->joined);
	s->scanned = 0;
	s->begun = false;
}

/* Bytes of the line end at p[at] (which is CR or LF): 1, or 2 for CRLF; 0 when a CR is the last byte known and
 * may yet be followed by LF. */
static size_t eol_bytes(struct str t, size_t at)
{
	if (t.p[at] == '\n')
		return 1;
	if (at + 1 == t.n)
		return 0;
	return t.p[at + 1] == '\n' ? 2 : 1;
}

/* Index just behind the blank line that ends the first frame of t, or 0. *resume: where to look again when more
 * bytes come. */
static size_t frame_end(struct str t, size_t from, size_t *resume)
{
	size_t line = from; /* start of the line that is being looked at */
	while (line < t.n) {
		size_t at, eol;
		const char *lf = memchr(t.p + line, '\n', t.n - line);
		const char *cr;
		size_t lf_at = lf ? (size_t)(lf - t.p) : t.n;
		cr = memchr(t.p + line, '\r', lf_at - line);
		at = cr ? (size_t)(cr - t.p) : lf_at;
		if (at == t.n)
			break;
		eol = eol_bytes(t, at);
		if (eol == 0) {
			/* A lone CR at the very end: if the line is blank the frame has ended either way, but whether a
			 * LF still belongs to it is not known. Vendors that send bare CR are rare; wait for one more
			 * byte. */
			break;
		}
		if (at == line)
			return at + eol;
		line = at + eol;
	}
	*resume = line;
	return 0;
}

static void take_field(struct sse *s, struct sse_frame *f, struct str line)
{
	size_t colon = str_chr(line, ':');
	struct str name = colon == SIZE_MAX ? line : str_sub(line, 0, colon);
	struct str value = colon == SIZE_MAX ? str_make("", 0) : str_sub(line, colon + 1, line.n);
	if (value.n && value.p[0] == ' ')
		value = str_sub(value, 1, value.n);
	if (str_eq(name, STR("event"))) {
		f->event = value;
	} else if (str_eq(name, STR("data"))) {
		if (!f->has_data) {
			f->data = value;
		} else {
			if (f->data.p != s->joined.p || !s->joined.n) {
				sb_clear(&s->joined);
				sb_add_str(&s->joined, f->data);
			}
			sb_addc(&s->joined, '\n');
			sb_add_str(&s->joined, value);
			f->data = sb_str(&s->joined);
		}
		f->has_data = true;
	}
}

static void read_frame(struct sse *s, struct str raw, struct sse_frame *f)
{
	struct str t = raw;
	memset(f, 0, sizeof *f);
	f->raw = raw;
	f->event = f->data = str_make("", 0);
	sb_clear(&s->joined);
	if (!s->begun && str_starts(t, STR("\xEF\xBB\xBF")))
		t = str_sub(t, 3, t.n);
	s->begun = true;
	while (t.n && t.p) {
		const char *lf = memchr(t.p, '\n', t.n);
		size_t lf_at = lf ? (size_t)(lf - t.p) : t.n;
		const char *cr = memchr(t.p, '\r', lf_at);
		size_t at = cr ? (size_t)(cr - t.p) : lf_at, step;
		if (at == t.n) {
			take_field(s, f, t);
			break;
		}
		step = at + 1 < t.n && t.p[at] == '\r' && t.p[at + 1] == '\n' ? 2 : 1;
		if (at && t.p[0] != ':')
			take_field(s, f, str_sub(t, 0, at));
		t = str_sub(t, at + step, t.n);
	}
}

/* The frame that nearly all are, one line of data and the blank one, at the cost of finding its end. */
static bool take_plain(struct sse *s, struct str *in, struct sse_frame *f)
{
	const char *lf;
	size_t line, skip;
	if (!str_starts(*in, STR("data:")))
		return false;
	lf = memchr(in->p, '\n', in->n);
	line = lf ? (size_t)(lf - in->p) : 0;
	if (!lf || line + 1 >= in->n || lf[1] != '\n' || memchr(in->p, '\r', line))
		return false;
	skip = in->p[5] == ' ' ? 6 : 5;
	f->raw = str_make(in->p, line + 2);
	f->event = str_make("", 0);
	f->data = str_make(in->p + skip, line - skip);
	f->has_data = s->begun = true;
	*in = str_make(in->p + line + 2, in->n - line - 2);
	return true;
}

int sse_next(struct sse *s, struct str *in, struct sse_frame *f)
{
	size_t end, resume = 0;
	if (s->partial.n == 0) {
		if (take_plain(s, in, f))
			return 1;
		end = frame_end(*in, 0, &resume);
		if (end) {
			read_frame(s, str_sub(*in, 0, end), f);
			*in = str_sub(*in, end, in->n);
			return 1;
		}
		sb_add_str(&s->partial, *in);
		s->scanned = resume;
		*in = str_sub(*in, in->n, in->n);
		return s->partial.full ? -RR_LIMIT : 0;
	}
	if (s->partial.n && s->scanned == SIZE_MAX) { /* the frame returned last time stood in partial */
		sb_clear(&s->partial);
		s->scanned = 0;
		return sse_next(s, in, f);
	}
	{
		size_t kept = s->partial.n;
		sb_add_str(&s->partial, *in);
		if (s->partial.full)
			return -RR_LIMIT;
		end = frame_end(sb_str(&s->partial), s->scanned, &resume);
		if (!end) {
			s->scanned = resume;
			*in = str_sub(*in, in->n, in->n);
			return 0;
		}
		check(end >= kept);
		*in = str_sub(*in, end - kept, in->n);
		read_frame(s, str_make(s->partial.p, end), f);
		s->scanned = SIZE_MAX;
		return 1;
	}
}

bool sse_last(struct sse *s, struct sse_frame *f)
{
	struct str rest = sse_rest(s);
	if (!rest.n)
		return false;
	read_frame(s, rest, f);
	return true;
}

struct str sse_rest(const struct sse *s)
{
	return s->scanned == SIZE_MAX ? str_make("", 0) : sb_str(&s->partial);
}
