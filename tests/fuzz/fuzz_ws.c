/* SPDX-License-Identifier: Apache-2.0
 *
 * WebSocket frames: whatever comes, cut into steps or not, gives the same pieces of the same bytes, the same messages and
 * the same refusal.
 */
#include <stdint.h>

#include "net/ws.h"

enum { MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	struct sb raw, said; /* bytes in pieces; "opcode length payload" a message or control frame */
	unsigned code;
	bool refused;
};

static void take(struct heard *h, unsigned opcode, struct str payload)
{
	sb_addf(&h->said, "%u %zu ", opcode, payload.n);
	sb_add_str(&h->said, payload);
}

static void hear(struct str in, bool masked, size_t step, struct heard *h)
{
	struct ws_reader r;
	struct sb text;
	ws_reader_init(&r, masked, MOST);
	sb_init(&text, MOST + 16);
	sb_init(&h->raw, in.n + 16);
	sb_init(&h->said, 64 * in.n + 64);
	h->refused = false;
	for (size_t at = 0; at < in.n && !h->refused; at += step) {
		struct str part = str_sub(in, at, at + step);
		while (part.n && !h->refused) {
			struct ws_piece p;
			const char *fault = NULL;
			long n = ws_next(&r, part.p, part.n, &p, &text, &fault);
			check(n != 0 && (n < 0) == (fault != NULL) && n <= (long)part.n);
			if (n < 0) {
				h->refused = true;
				break;
			}
			sb_add(&h->raw, part.p, (size_t)n);
			if (p.control && p.frame_end) {
				take(h, p.opcode, p.control_payload);
			} else if (p.message_end) {
				take(h, p.opcode, sb_str(&text));
				sb_clear(&text);
			}
			part = str_sub(part, (size_t)n, part.n);
		}
	}
	h->code = r.close_code;
	check(h->refused || str_eq(sb_str(&h->raw), in));
	check(!h->refused || h->code);
	sb_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard whole, cut;
	struct str in;
	if (size < 2)
		return 0;
	in = str_make((const char *)data + 2, size - 2);
	hear(in, data[0] & 1, in.n ? in.n : 1, &whole);
	hear(in, data[0] & 1, (size_t)data[1] + 1, &cut);
	check(whole.refused == cut.refused && whole.code == cut.code);
	check(str_eq(sb_str(&whole.said), sb_str(&cut.said)));
	sb_fini(&whole.raw);
	sb_fini(&whole.said);
	sb_fini(&cut.raw);
	sb_fini(&cut.said);
	return 0;
}
