/* SPDX-License-Identifier: Apache-2.0
 *
 * See ws.h. The reader is a machine of two states: gathering a header, and passing a payload by.
 */
#include "net/ws.h"

#include <openssl/evp.h>

/* ---- the handshake */

/* Is the token in a comma list (of any header of that name)? */
static bool lists(const struct head *h, const char *name, const char *token)
{
	for (unsigned i = 0; i < h->headers; i++) {
		struct str rest = h->header[i].value;
		if (!str_ieq(h->header[i].name, str_of(name)))
			continue;
		while (rest.p)
			if (str_ieq(str_trim(str_cut(&rest, ',')), str_of(token)))
				return true;
	}
	return false;
}

bool ws_wants_upgrade(const struct head *h)
{
	return lists(h, "upgrade", "websocket") && lists(h, "connection", "upgrade");
}

/* 16 bytes in base64: 22 characters of its alphabet and "==". */
static bool is_key(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
			      c == '/';
		if (i < 22 ? !letter : c != '=')
			return false;
	}
	return key.n == 24;
}

unsigned ws_check_request(const struct head *h, const char **fault)
{
	if (!str_eq(h->method, STR("GET")) || h->minor != 1) {
		*fault = "A websocket is asked for by GET and HTTP/1.1.";
		return 400;
	}
	if (h->content_length > 0 || h->chunked) {
		*fault = "A request for a websocket has no body.";
		return 400;
	}
	if (head_count(h, "sec-websocket-version") != 1 ||
	    !str_eq(str_trim(head_get(h, "sec-websocket-version")), STR("13"))) {
		*fault = "Websockets are spoken in version 13 here.";
		return 426;
	}
	if (head_count(h, "sec-websocket-key") != 1 || !is_key(str_trim(head_get(h, "sec-websocket-key")))) {
		*fault = "The Sec-WebSocket-Key is not 16 bytes in base64.";
		return 400;
	}
	return 0;
}

char *ws_accept(struct str key, char out[WS_ACCEPT_TEXT])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char sha[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	char text[128];
	size_t at = key.n < 64 ? key.n : 64;
	memcpy(text, key.p ? key.p : "", at);
	memcpy(text + at, guid, sizeof guid - 1);
	if (EVP_Digest(text, at + sizeof guid - 1, sha, &n, EVP_sha1(), NULL) != 1 || n != 20)
		memset(sha, 0, 20); /* fits no key */
	EVP_EncodeBlock((unsigned char *)out, sha, 20);
	return out;
}

const char *ws_check_answer(const struct head *h, struct str key, struct str offered)
{
	char accept[WS_ACCEPT_TEXT];
	struct str chosen = str_trim(head_get(h, "sec-websocket-protocol"));
	if (!ws_wants_upgrade(h))
		return "its 101 does not say Upgrade: websocket and Connection: Upgrade";
	if (head_count(h, "sec-websocket-accept") != 1 ||
	    !str_eqc(str_trim(head_get(h, "sec-websocket-accept")), ws_accept(key, accept)))
		return "its Sec-WebSocket-Accept does not fit the key";
	if (head_get(h, "sec-websocket-extensions").n)
		return "it uses an extension that was not offered";
	if (head_count(h, "sec-websocket-protocol") > 1)
		return "it chose two protocols";
	while (chosen.n && offered.p)
		if (str_eq(str_trim(str_cut(&offered, ',')), chosen))
			return NULL;
	return chosen.n ? "it chose a protocol that was not offered" : NULL;
}

/* ---- frames */

void ws_reader_init(struct ws_reader *r, bool masked, uint64_t message_most)
{
	memset(r, 0, sizeof *r);
	r->masked = masked;
	r->message_most = message_most;
	r->need = 2;
}

static long refuse(struct ws_reader *r, unsigned code, const char **fault, const char *why)
{
	*fault = why;
	r->close_code = code;
	return code == WS_CLOSE_ERROR ? -RR_NOMEM : -RR_SYNTAX;
}

static bool is_control(enum ws_opcode o)
{
	return o >= WS_CLOSE;
}

/* What the first two bytes say of the header's length. */
static unsigned header_bytes(const unsigned char *h)
{
	unsigned length = h[1] & 127u;
	return 2 + (length == 126 ? 2u : length == 127 ? 8u : 0u) + (h[1] & 128 ? 4u : 0u);
}

/* The first two bytes are there. 0 or <0. */
static long check_start(struct ws_reader *r, const char **fault)
{
	unsigned op = r->header[0] & 15u, length = r->header[1] & 127u;
	bool fin = r->header[0] & 128;
	if (r->closed)
		return refuse(r, WS_CLOSE_PROTOCOL, fault, "a frame behind the close frame");
	if (r->header[0] & 0x70)
		return refuse(r, WS_CLOSE_PROTOCOL, fault, "reserved bits of a frame are set");
	if ((op > WS_BINARY && op < WS_CLOSE) || op > WS_PONG)
		return refuse(r, WS_CLOSE_PROTOCOL, fault, "an opcode that is not defined");
	if (((r->header[1] & 128) != 0) != r->masked)
		return refuse(r, WS_CLOSE_PROTOCOL, fault,
			      r->masked ? "a client's frame that is not masked" : "a server's frame that is masked");
	if (is_control((enum ws_opcode)op) && (!fin || length > WS_CONTROL_MOST))
		return refuse(r, WS_CLOSE_PROTOCOL, fault, "a control frame that is long or in pieces");
	if (op == WS_CONTINUATION && !r->message)
		return refuse(r, WS_CLOSE_PROTOCOL, fault, "a continuation of no message");
	if ((op == WS_TEXT || op == WS_BINARY) && r->message)
		return refuse(r, WS_CLOSE_PROTOCOL, fault, "a message within a message");
	return 0;
}

/* The header is whole. 0 or <0. */
static long take_header(struct ws_reader *r, const char **fault)
{
	const unsigned char *h = r->header;
	unsigned at = 2;
	uint64_t length = h[1] & 127u;
	if (length == 126) {
		length = (uint64_t)h[2] << 8 | h[3];
		at = 4;
		if (length < 126)
			return refuse(r, WS_CLOSE_PROTOCOL, fault, "a length that is not in its shortest form");
	} else if (length == 127) {
		length = 0;
		for (at = 2; at < 10; at++)
			length = length << 8 | h[at];
		if (length >> 63 || length < 65536)
			return refuse(r, WS_CLOSE_PROTOCOL, fault,
				      "a length that is not in its shortest form, or has no end");
	}
	if (r->masked)
		memcpy(r->mask, h + at, 4);
	r->mask_at = 0;
	r->fin = h[0] & 128;
	r->opcode = (enum ws_opcode)(h[0] & 15);
	r->left = length;
	r->in_payload = true;
	if (is_control(r->opcode)) {
		r->control_n = 0;
		return 0;
	}
	if (r->opcode != WS_CONTINUATION) {
		r->message = r->opcode;
		r->message_bytes = 0;
	}
	if (length > r->message_most || r->message_bytes > r->message_most - length)
		return refuse(r, WS_CLOSE_TOO_LARGE, fault, "a message that is too large");
	r->message_bytes += length;
	return 0;
}

static void unmask(struct ws_reader *r, char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)((unsigned char)p[i] ^ r->mask[r->mask_at++ & 3]);
}

/* RFC 6455 7.4: a code that may stand in a frame, and a reason in UTF-8. */
static long check_close(struct ws_reader *r, const char **fault)
{
	const unsigned char *c = (const unsigned char *)r->control;
	unsigned code = r->control_n >= 2 ? (unsigned)c[0] << 8 | c[1] : 0;
	if (r->control_n == 1 || (r->control_n && (code < 1000 || code > 4999 || (code > 1003 && code < 1007) ||
						   (code > 1014 && code < 3000))))
		return refuse(r, WS_CLOSE_PROTOCOL, fault, "a close frame with a code that may not be said");
	if (r->control_n > 2 && !str_utf8_valid(str_make(r->control + 2, r->control_n - 2)))
		return refuse(r, WS_CLOSE_DATA, fault, "a close frame whose reason is not UTF-8");
	r->closed = true;
	return 0;
}

static long end_frame(struct ws_reader *r, struct ws_piece *out, struct sb *text, const char **fault)
{
	out->frame_end = true;
	r->in_payload = false;
	r->have = 0;
	r->need = 2;
	if (out->control) {
		out->control_payload = str_make(r->control, r->control_n);
		return r->opcode == WS_CLOSE ? check_close(r, fault) : 0;
	}
	if (!r->fin)
		return 0;
	out->message_end = true;
	if (r->message == WS_TEXT && !str_utf8_valid(sb_str(text)))
		return refuse(r, WS_CLOSE_DATA, fault, "a text that is not UTF-8");
	r->message = WS_CONTINUATION;
	return 0;
}

static long take_payload(struct ws_reader *r, const char *in, size_t n, struct sb *text, const char **fault)
{
	size_t take = n < r->left ? n : (size_t)r->left;
	if (is_control(r->opcode)) {
		memcpy(r->control + r->control_n, in, take);
		if (r->masked)
			unmask(r, r->control + r->control_n, take);
		r->control_n += (unsigned)take;
	} else if (take) {
		sb_add(text, in, take);
		if (text->full)
			return refuse(r, WS_CLOSE_ERROR, fault, "no memory for a message");
		if (r->masked)
			unmask(r, text->p + text->n - take, take);
	}
	r->left -= take;
	return (long)take;
}

long ws_next(struct ws_reader *r, const char *in, size_t n, struct ws_piece *out, struct sb *text, const char **fault)
{
	size_t at = 0;
	long rc = 0;
	memset(out, 0, sizeof *out);
	while (!r->in_payload && at < n) {
		r->header[r->have++] = (unsigned char)in[at++];
		if (r->have == 2 && (rc = check_start(r, fault)) < 0)
			return rc;
		if (r->have == 2)
			r->need = header_bytes(r->header);
		if (r->have >= 2 && r->have == r->need && (rc = take_header(r, fault)) < 0)
			return rc;
	}
	/* What is there of a header belongs to the frame that it will be. */
	out->control = r->have ? is_control((enum ws_opcode)(r->header[0] & 15)) : false;
	if (r->in_payload) {
		rc = take_payload(r, in + at, n - at, text, fault);
		if (rc < 0)
			return rc;
		at += (size_t)rc;
		out->opcode = out->control ? r->opcode : r->message;
		if (!r->left && (rc = end_frame(r, out, text, fault)) < 0)
			return rc;
	}
	out->raw = str_make(in, at);
	return (long)at;
}

/* ---- frames of our own */

void ws_write(struct sb *out, enum ws_opcode opcode, struct str payload, const unsigned char *mask)
{
	unsigned char h[WS_HEADER_MOST];
	unsigned n = 2, bit = mask ? 128 : 0;
	size_t before = out->n;
	h[0] = (unsigned char)(128u | opcode);
	if (payload.n < 126) {
		h[1] = (unsigned char)(bit | payload.n);
	} else if (payload.n < 65536) {
		h[1] = (unsigned char)(bit | 126);
		h[n++] = (unsigned char)(payload.n >> 8);
		h[n++] = (unsigned char)payload.n;
	} else {
		h[1] = (unsigned char)(bit | 127);
		for (int shift = 56; shift >= 0; shift -= 8)
			h[n++] = (unsigned char)(payload.n >> shift);
	}
	for (unsigned i = 0; mask && i < 4; i++)
		h[n++] = mask[i];
	sb_add(out, (const char *)h, n);
	sb_add_str(out, payload);
	for (size_t i = 0; mask && i < payload.n && !out->full; i++)
		out->p[out->n - payload.n + i] = (char)((unsigned char)payload.p[i] ^ mask[i & 3]);
	if (out->full && out->p) { /* half a frame would spoil all behind it */
		out->n = before;
		out->p[before] = 0;
	}
}

void ws_write_close(struct sb *out, unsigned code, struct str reason, const unsigned char *mask)
{
	char text[WS_CONTROL_MOST];
	size_t n = reason.n < sizeof text - 2 ? reason.n : sizeof text - 2;
	while (n < reason.n && n && ((unsigned char)reason.p[n] & 0xC0) == 0x80)
		n--; /* not within a character */
	text[0] = (char)(code >> 8);
	text[1] = (char)code;
	memcpy(text + 2, reason.p ? reason.p : "", n);
	ws_write(out, WS_CLOSE, str_make(text, n + 2), mask);
}
