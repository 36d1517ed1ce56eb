/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSocket frames: whatever conversation, cut wherever, is read as it was written, and every byte of it belongs to some
 * piece; frames that lie are refused with the code that RFC 6455 names. The frames are written here by hand, apart from
 * ws_write; the handshake's example is the RFC's.
 */
#include "net/ws.h"

#include "base/rng.h"
#include "net/h1.h"
#include "t.h"

enum { MOST = 1 << 20 };

/* A frame by hand. */
static void put(struct sb *out, unsigned first, struct str payload, const unsigned char *mask, unsigned length_bytes)
{
	unsigned bit = mask ? 128 : 0;
	sb_addc(out, (char)first);
	if (length_bytes == 8) {
		sb_addc(out, (char)(bit | 127));
		for (int i = 7; i >= 0; i--)
			sb_addc(out, (char)((uint64_t)payload.n >> (8 * i)));
	} else if (length_bytes == 2) {
		sb_addc(out, (char)(bit | 126));
		sb_addc(out, (char)(payload.n >> 8));
		sb_addc(out, (char)payload.n);
	} else {
		sb_addc(out, (char)(bit | payload.n));
	}
	for (unsigned i = 0; mask && i < 4; i++)
		sb_addc(out, (char)mask[i]);
	for (size_t i = 0; i < payload.n; i++)
		sb_addc(out, (char)(payload.p[i] ^ (mask ? mask[i % 4] : 0)));
}

static unsigned bytes_for(size_t n)
{
	return n > 65535 ? 8 : n > 125 ? 2 : 0;
}

/* Reads all of it in cuts of random length (0: as a whole); appends "opcode:payload;" a message or control frame. */
static long read_all(struct str in, bool masked, struct rng *r, uint64_t cut, struct sb *heard, struct sb *raw, unsigned *code)
{
	struct ws_reader w;
	struct sb text;
	long rc = 0;
	ws_reader_init(&w, masked, MOST);
	sb_init(&text, MOST + 16);
	while (in.n && rc >= 0) {
		size_t n = cut ? 1 + rng_below(r, cut) : in.n;
		struct str part = str_sub(in, 0, n < in.n ? n : in.n);
		in = str_sub(in, part.n, in.n);
		while (part.n) {
			struct ws_piece p;
			const char *fault = NULL;
			rc = ws_next(&w, part.p, part.n, &p, &text, &fault);
			if (rc <= 0) {
				T_TRUE(rc < 0 && fault && *fault);
				break;
			}
			T_TRUE((size_t)rc == p.raw.n && p.raw.p == part.p);
			sb_add_str(raw, p.raw);
			part = str_sub(part, (size_t)rc, part.n);
			if (p.control && p.frame_end) {
				sb_addf(heard, "%d:%.*s;", (int)p.opcode, STR_ARG(p.control_payload));
			} else if (p.message_end) {
				sb_addf(heard, "%d:", (int)p.opcode);
				sb_add_str(heard, sb_str(&text));
				sb_addc(heard, ';');
				sb_clear(&text);
			}
		}
	}
	*code = w.close_code;
	sb_fini(&text);
	return rc;
}

static void converse(uint64_t seed)
{
	struct rng r;
	struct sb wire, want, heard, raw, payload;
	bool masked;
	unsigned code;
	rng_seed(&r, seed);
	masked = rng_below(&r, 2);
	sb_init(&wire, 8 * MOST);
	sb_init(&want, 8 * MOST);
	sb_init(&heard, 8 * MOST);
	sb_init(&raw, 8 * MOST);
	sb_init(&payload, MOST);
	for (unsigned messages = 1 + (unsigned)rng_below(&r, 8); messages; messages--) {
		static const size_t sizes[] = {0, 1, 2, 124, 125, 126, 127, 300, 65535, 65536, 70000};
		size_t n = rng_below(&r, 2) ? sizes[rng_below(&r, 11)] : rng_below(&r, 500), at = 0;
		unsigned opcode = 1 + (unsigned)rng_below(&r, 2), pieces = rng_below(&r, 3) ? 1 : 1 + (unsigned)rng_below(&r, 6);
		sb_clear(&payload);
		for (size_t i = 0; i < n; i++)
			sb_addc(&payload, (char)('a' + rng_below(&r, 26)));
		for (unsigned i = 0; i < pieces; i++) {
			unsigned char mask[4] = {(unsigned char)rng_below(&r, 256), (unsigned char)rng_below(&r, 256), 7, 0};
			size_t to = i + 1 == pieces ? n : at + rng_below(&r, n - at + 1);
			if (rng_below(&r, 4) == 0) { /* a control frame between the pieces */
				put(&wire, 0x80 | 9, STR("now"), masked ? mask : NULL, 0);
				sb_adds(&want, "9:now;");
			}
			put(&wire, (i + 1 == pieces ? 0x80u : 0) | (i ? 0 : opcode), str_sub(sb_str(&payload), at, to),
			    masked ? mask : NULL, bytes_for(to - at));
			at = to;
		}
		sb_addf(&want, "%u:", opcode);
		sb_add_str(&want, sb_str(&payload));
		sb_addc(&want, ';');
	}
	for (uint64_t cut = 0; cut < 4; cut++) {
		sb_clear(&heard);
		sb_clear(&raw);
		T_TRUE(read_all(sb_str(&wire), masked, &r, cut == 3 ? 5000 : cut, &heard, &raw, &code) > 0);
		T_TRUE(str_eq(sb_str(&heard), sb_str(&want)));
		T_TRUE(str_eq(sb_str(&raw), sb_str(&wire)));
	}
	sb_fini(&wire);
	sb_fini(&want);
	sb_fini(&heard);
	sb_fini(&raw);
	sb_fini(&payload);
}

TEST(conversations_cut_anywhere_are_read_as_written)
{
	for (uint64_t seed = 0; seed < 120; seed++)
		converse(seed);
}

TEST(frames_that_lie_are_refused)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool masked;
		unsigned code;
	} cases[] = {
#define B(bytes) bytes, sizeof(bytes) - 1
		{B("\x81\x01x"), true, 1002},                  /* a client without a mask */
		{B("\x81\x81\0\0\0\0x"), false, 1002},         /* a server with one */
		{B("\xC1\x01x"), false, 1002}, {B("\xA1\x01x"), false, 1002}, {B("\x91\x01x"), false, 1002}, /* reserved bits */
		{B("\x83\x00"), false, 1002}, {B("\x87\x00"), false, 1002}, {B("\x8B\x00"), false, 1002}, {B("\x8F\x00"), false, 1002},
		{B("\x09\x00"), false, 1002},                  /* a ping in pieces */
		{B("\x89\x7E\x00\x7E"), false, 1002},          /* a long one */
		{B("\x80\x00"), false, 1002},                  /* a continuation of nothing */
		{B("\x01\x01x\x81\x01y"), false, 1002},        /* a message within a message */
		{B("\x81\x7E\x00\x7D"), false, 1002},          /* lengths that are not the shortest */
		{B("\x82\x7F\0\0\0\0\0\0\xFF\xFF"), false, 1002}, {B("\x82\x7F\x80\0\0\0\0\0\0\0"), false, 1002},
		{B("\x82\x7F\0\0\0\0\0\x10\0\x01"), false, 1009}, /* too large, alone and in sum */
		{B("\x02\x7F\0\0\0\0\0\x10\0\0"), false, 0},
		{B("\x81\x02\xC3\x28"), false, 1007}, {B("\x81\x01\xC3"), false, 1007},
		{B("\x88\x01\x03"), false, 1002}, {B("\x88\x02\x03\xED"), false, 1002}, {B("\x88\x02\x03\xE7"), false, 1002},
		{B("\x88\x02\x13\x88"), false, 1002}, {B("\x88\x03\x03\xE8\xFF"), false, 1007},
		{B("\x88\x00\x81\x00"), false, 1002},          /* a frame behind the close */
		{B("\x88\x02\x0F\xA0"), false, 0}, {B("\x88\x00"), false, 0}, {B("\x01\x01\xC3\x80\x01\xA9"), false, 0},
	};
	struct rng r;
	rng_seed(&r, 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (uint64_t cut = 0; cut < 2; cut++) {
			struct sb heard, raw;
			unsigned code;
			long rc;
			sb_init(&heard, MOST);
			sb_init(&raw, MOST);
			rc = read_all(str_make(cases[i].bytes, cases[i].n), cases[i].masked, &r, cut, &heard, &raw, &code);
			if ((rc < 0) != (cases[i].code != 0) || (rc < 0 && code != cases[i].code))
				printf("  case %zu: rc %ld, code %u\n", i, rc, code);
			T_TRUE((rc < 0) == (cases[i].code != 0));
			T_TRUE(rc >= 0 || code == cases[i].code);
			sb_fini(&heard);
			sb_fini(&raw);
		}
}

TEST(our_own_frames_are_right)
{
	static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536};
	unsigned char mask[4] = {1, 2, 3, 250};
	for (unsigned i = 0; i < 12; i++) {
		struct sb ours, byhand, payload;
		sb_init(&ours, MOST);
		sb_init(&byhand, MOST);
		sb_init(&payload, MOST);
		for (size_t k = 0; k < sizes[i / 2]; k++)
			sb_addc(&payload, (char)k);
		ws_write(&ours, WS_BINARY, sb_str(&payload), i % 2 ? mask : NULL);
		put(&byhand, 0x82, sb_str(&payload), i % 2 ? mask : NULL, bytes_for(payload.n));
		T_TRUE(str_eq(sb_str(&ours), sb_str(&byhand)));
		sb_fini(&ours);
		sb_fini(&byhand);
		sb_fini(&payload);
	}
	struct sb ours, byhand;
	char longest[200];
	sb_init(&ours, MOST);
	sb_init(&byhand, MOST);
	memset(longest, 'x', sizeof longest);
	memcpy(longest + 122, "\xC3\xA9", 2); /* would be cut in two */
	ws_write_close(&ours, 1008, str_make(longest, sizeof longest), NULL);
	sb_adds(&byhand, "\x88\x7C\x03\xF0");
	sb_add(&byhand, longest, 122);
	T_TRUE(str_eq(sb_str(&ours), sb_str(&byhand)));
	sb_fini(&ours);
	sb_fini(&byhand);
}

static unsigned check_request(const char *text)
{
	struct head h;
	const char *fault = NULL;
	T_TRUE(h1_parse_request(&h, text, strlen(text), &http_limits_default, &fault) > 0);
	return ws_wants_upgrade(&h) ? ws_check_request(&h, &fault) : 1;
}

#define ASK(more) "GET / HTTP/1.1\r\nHost: x\r\n" more "\r\n"
#define USUAL "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"

TEST(handshakes_are_checked)
{
	char accept[WS_ACCEPT_TEXT];
	T_EQ_S(ws_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455 1.3 */
	T_EQ_I(check_request(ASK(USUAL KEY V13)), 0);
	T_EQ_I(check_request(ASK("Upgrade: h2c, WebSocket\r\nConnection: keep-alive, upgrade\r\n" KEY V13)), 0);
	T_EQ_I(check_request(ASK("Upgrade: websocket\r\n" KEY V13)), 1);
	T_EQ_I(check_request(ASK("Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY V13)), 1);
	T_EQ_I(check_request(ASK(USUAL KEY)), 426);
	T_EQ_I(check_request(ASK(USUAL KEY "Sec-WebSocket-Version: 8\r\n")), 426);
	T_EQ_I(check_request(ASK(USUAL V13)), 400);
	T_EQ_I(check_request(ASK(USUAL KEY KEY V13)), 400);
	T_EQ_I(check_request(ASK(USUAL V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n")), 400);
	T_EQ_I(check_request(ASK(USUAL V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ-==\r\n")), 400);
	T_EQ_I(check_request(ASK(USUAL KEY V13 "Content-Length: 3\r\n")), 400);
}

static const char *check_answer(const char *more, const char *offered)
{
	static char text[512];
	struct head h;
	const char *fault = NULL;
	snprintf(text, sizeof text, "HTTP/1.1 101 Switching Protocols\r\n%s\r\n", more);
	T_TRUE(h1_parse_response(&h, text, strlen(text), &http_limits_default, &fault) > 0);
	return ws_check_answer(&h, STR("dGhlIHNhbXBsZSBub25jZQ=="), str_of(offered));
}

#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

TEST(answers_to_handshakes_are_checked)
{
	T_TRUE(!check_answer(USUAL ACCEPT, ""));
	T_TRUE(!check_answer(USUAL ACCEPT "Sec-WebSocket-Protocol: b\r\n", "a, b"));
	T_TRUE(check_answer(ACCEPT, "") != NULL);
	T_TRUE(check_answer(USUAL, "") != NULL);
	T_TRUE(check_answer(USUAL "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n", "") != NULL);
	T_TRUE(check_answer(USUAL ACCEPT ACCEPT, "") != NULL);
	T_TRUE(check_answer(USUAL ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n", "") != NULL);
	T_TRUE(check_answer(USUAL ACCEPT "Sec-WebSocket-Protocol: c\r\n", "a, b") != NULL);
	T_TRUE(check_answer(USUAL ACCEPT "Sec-WebSocket-Protocol: a\r\n", "") != NULL);
}

T_MAIN
