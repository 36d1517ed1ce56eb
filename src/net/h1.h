/* SPDX-License-Identifier: Apache-2.0
 *
 * The strict HTTP/1.1 codec: bytes in, heads and bodies out. Pure: no descriptors, no clock.
 *
 * Stricter than the RFCs' "may": what two parsers could read in two ways is refused (bare LF, obs-fold,
 * space before a colon, two Content-Length, Content-Length beside Transfer-Encoding, any coding but one
 * final chunked, signs or prefixes in sizes, control bytes, two Host, absolute-form that differs from Host).
 * Used on both sides. Checked by the table of refusals (tests/unit/h1_cases.h) and, in tests and fuzzing, by a
 * second reader that was written apart from it (tests/unit/h1_oracle.h).
 */
#ifndef RR_NET_H1_H
#define RR_NET_H1_H

#include "base/buf.h"
#include "net/http.h"

/* >0: bytes of the whole head, blank line included; 0: more is needed; <0: -RR_SYNTAX or -RR_LIMIT, and
 * *fault is a static sentence (h1_long_line when it was the request line, else the head was too long).
 * Only h->header[0..headers) is written, so that a head costs what it holds. A caller that got 0 need not
 * ask again before another LF has come or n is over a limit. */
extern const char h1_long_line[];
long h1_parse_request(struct head *h, const char *p, size_t n, const struct http_limits *l, const char **fault);
long h1_parse_response(struct head *h, const char *p, size_t n, const struct http_limits *l, const char **fault);

enum h1_body_kind { H1_BODY_NONE, H1_BODY_LENGTH, H1_BODY_CHUNKED, H1_BODY_UNTIL_CLOSE };

struct h1_body {
	enum h1_body_kind kind;
	uint64_t left;       /* of the length, or of the current chunk */
	unsigned state;
	size_t line_bytes;   /* of the chunk line or the trailer that is being read */
	bool done;
};
void h1_body_request(struct h1_body *b, const struct head *h);
/* method is that of the request: HEAD has no body; 1xx, 204, 304 neither. */
void h1_body_response(struct h1_body *b, const struct head *h, struct str method);
/* Decodes from p[0..n): *data is a span of body bytes inside p (may be empty). Returns bytes consumed
 * (framing included), or <0. Call again until it consumes 0 or b->done. */
long h1_body_next(struct h1_body *b, const char *p, size_t n, struct str *data, const struct http_limits *l,
		  const char **fault);

/* Serialising: only from checked parts. A header whose name or value holds a control byte is refused
 * with -RR_INPUT. */
int h1_write_request_line(struct sb *out, struct str method, struct str target);
int h1_write_status_line(struct sb *out, unsigned status);
int h1_write_header(struct sb *out, struct str name, struct str value);
const char *h1_reason(unsigned status);
/* A name and a value that may stand in a head. */
bool h1_header_ok(struct str name, struct str value);

#endif
