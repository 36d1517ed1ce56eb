/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSocket (RFC 6455): the handshake's checks, an incremental reader of frames, and the few frames that one says by
 * oneself. Pure: bytes in, pieces out; no descriptors.
 *
 * Strict where a lax reader could be led to see other messages than the peer does: reserved bits, unknown opcodes,
 * masks on the wrong side, lengths that are not the shortest, long or fragmented control frames, a new message within
 * another, text that is not UTF-8, and close frames that say what may not be said end the reading. Extensions are not
 * spoken: whoever uses this must not let one be negotiated.
 */
#ifndef RR_NET_WS_H
#define RR_NET_WS_H

#include "net/http.h"

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

enum { WS_HEADER_MOST = 14, WS_CONTROL_MOST = 125, WS_ACCEPT_TEXT = 29 };
/* Codes of close frames (RFC 6455 7.4.1). */
enum { WS_CLOSE_NORMAL = 1000, WS_CLOSE_AWAY = 1001, WS_CLOSE_PROTOCOL = 1002, WS_CLOSE_DATA = 1007,
      WS_CLOSE_POLICY = 1008,
       WS_CLOSE_TOO_LARGE = 1009, WS_CLOSE_ERROR = 1011 };

/* Does a request ask for a websocket, at all? */
bool ws_wants_upgrade(const struct head *h);
/* May it have one? 0; else the status of the refusal (400, 426) and a sentence. */
unsigned ws_check_request(const struct head *h, const char **fault);
/* Is this a right answer to a request with that key? The protocol that it chose must be among those `offered` (a list
 * as in the header; empty = none). NULL, or what is wrong. */
const char *ws_check_answer(const struct head *h, struct str key, struct str offered);
/* Sec-WebSocket-Accept of a key. Returns out. */
char *ws_accept(struct str key, char out[WS_ACCEPT_TEXT]);

struct ws_reader {
	bool masked;            /* frames must be masked (a client's), or must not be (a server's) */
	uint64_t message_most;  /* bytes of one message's payload */
	/* own from here */
	unsigned char header[WS_HEADER_MOST];
	unsigned have, need;
	bool in_payload, fin;
	enum ws_opcode opcode;  /* of the frame */
	enum ws_opcode message; /* of the message under way; WS_CONTINUATION = none */
	unsigned char mask[4];
	unsigned mask_at;
	uint64_t left;          /* of the frame's payload */
	uint64_t message_bytes;
	char control[WS_CONTROL_MOST];
	unsigned control_n;
	bool closed;            /* a close frame was read: nothing may follow */
	unsigned close_code;    /* with an error: the code to close with */
};
void ws_reader_init(struct ws_reader *r, bool masked, uint64_t message_most);

struct ws_piece {
	struct str raw;      /* bytes of the input that make this piece */
	bool control;        /* belongs to a control frame, which may stand between the frames of a message */
	bool frame_end;      /* the frame is whole with it */
	bool message_end;    /* so is the message */
	enum ws_opcode opcode; /* of the message, or of the control frame */
	struct str control_payload; /* with frame_end of a control frame, unmasked; lives until the next call */
};
/* One piece of in[0..n): its length, > 0; 0 when n is 0. The payload of data frames is appended to *text, unmasked; the
 * caller empties it between messages. <0: -RR_SYNTAX or -RR_NOMEM with *fault and r->close_code. */
long ws_next(struct ws_reader *r, const char *in, size_t n, struct ws_piece *out, struct sb *text, const char **fault);

/* A whole frame that we say ourselves, or without memory (out->full) nothing of it. mask: the 4 bytes of a client's
 * mask, NULL for a server's frame. */
void ws_write(struct sb *out, enum ws_opcode opcode, struct str payload, const unsigned char *mask);
void ws_write_close(struct sb *out, unsigned code, struct str reason, const unsigned char *mask);

#endif
