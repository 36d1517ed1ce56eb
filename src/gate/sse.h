/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events as frames over the bytes as they come (WHATWG HTML, section 9.2.5).
 *
 * A frame is everything up to and including the blank line that dispatches it, exactly as the vendor sent it:
 * CRLF, LF or CR, a byte order mark, comments, several data lines, split anywhere, even inside a code point.
 * The framer never changes a byte; it says where frames end, what their event name is and what their data is.
 * Concatenating the `raw` of all frames (and the rest, sse_rest) gives back the input.
 */
#ifndef RR_GATE_SSE_H
#define RR_GATE_SSE_H

#include "base/str.h"

enum { SSE_FRAME_BYTES = 8 * 1024 * 1024 };

struct sse {
	struct sb partial;   /* bytes of a frame that is not whole yet */
	struct sb joined;    /* data of a frame with several data lines, or after a split */
	size_t scanned;      /* bytes of partial that were already searched for its end */
	bool begun;          /* the first bytes were seen: a byte order mark can no longer come */
};

struct sse_frame {
	struct str raw;      /* blank line included */
	struct str event;    /* "" when none */
	struct str data;     /* data lines joined by LF */
	bool has_data;       /* false for comments and keep-alives */
};

void sse_init(struct sse *s);
void sse_fini(struct sse *s);
void sse_clear(struct sse *s); /* ready for another stream; keeps its memory */
/* Takes the next frame out of *in (advancing it). 1: *f is filled, its spans live until the next call. 0: *in is
 * used up, the incomplete rest is kept. -RR_LIMIT: a frame is over SSE_FRAME_BYTES. */
int sse_next(struct sse *s, struct str *in, struct sse_frame *f);
/* The stream is over: what was kept and never became a frame, read as one (a vendor may leave out the last blank line,
 * or end it with a CR). False when there is none. */
bool sse_last(struct sse *s, struct sse_frame *f);
/* The same as bytes. */
struct str sse_rest(const struct sse *s);

#endif
