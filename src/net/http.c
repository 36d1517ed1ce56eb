/* SPDX-License-Identifier: Apache-2.0
 *
 * See http.h. Header look-ups are linear: a head has about ten lines, and lengths differ at once.
 */
#include "net/http.h"

#include "base/memory.h"

const struct http_limits http_limits_default = {
	/* spec/reliability.md section 2, "Default limits" */
	.request_line_bytes = 8 * 1024,
	.head_bytes = 32 * 1024,
	.headers = HTTP_HEADERS,
	.body_bytes = 64u * 1024 * 1024,
	.chunk_ext_bytes = 256,
	.head_us = 10 * 1000000,
	.body_min_rate = 1000,
	.body_grace_us = 20 * 1000000,
	.idle_us = 75 * 1000000,
	.connect_us = 5 * 1000000,
	.first_byte_us = 600ull * 1000000,
	.stream_idle_us = 300ull * 1000000,
	.total_us = 3600ull * 1000000,
	.out_bytes = 24 * 1024,
	.connections = 20000,
	.active = 16384,
	.key_active = 1000,
};

size_t http_out_mark(const struct http_limits *l)
{
	return memory_low() ? l->out_bytes / 4 : l->out_bytes;
}

size_t http_read_bytes(const struct http_limits *l, size_t most)
{
	size_t half = l->out_bytes / 2 > 16 * 1024 ? l->out_bytes / 2 : 16 * 1024;
	return half < most ? half : most;
}

struct str head_find(const struct head *h, struct str name)
{
	for (unsigned i = 0; i < h->headers; i++)
		if (str_ieq(h->header[i].name, name))
			return h->header[i].value;
	return str_make(NULL, 0);
}

unsigned head_count(const struct head *h, const char *name)
{
	struct str wanted = str_of(name);
	unsigned count = 0;
	for (unsigned i = 0; i < h->headers; i++)
		count += str_ieq(h->header[i].name, wanted);
	return count;
}

bool header_is_hop(struct str name)
{
	switch (name.n) {
	case 2:
		return str_ieq(name, STR("te"));
	case 7:
		return str_ieq(name, STR("trailer")) || str_ieq(name, STR("upgrade"));
	case 10:
		return str_ieq(name, STR("connection")) || str_ieq(name, STR("keep-alive"));
	case 17:
		return str_ieq(name, STR("transfer-encoding"));
	default:
		return name.n > 6 && str_ieq(str_make(name.p, 6), STR("proxy-"));
	}
}

bool head_is_hop(const struct head *h, struct str name)
{
	if (header_is_hop(name))
		return true;
	for (unsigned i = 0; i < h->headers; i++) {
		struct str rest = h->header[i].value;
		if (h->header[i].name.n != 10 || !str_ieq(h->header[i].name, STR("connection")))
			continue;
		while (rest.p)
			if (str_ieq(str_trim(str_cut(&rest, ',')), name))
				return true;
	}
	return false;
}

const char *http_end_words(enum http_end e)
{
	static const char *const words[ENDS] = {
		[END_OK] = "whole",
		[END_PEER_CLOSED] = "the peer closed the connection early",
		[END_PEER_RESET] = "the peer reset the connection",
		[END_BAD_SYNTAX] = "the peer broke the protocol",
		[END_TOO_LARGE] = "over a size limit",
		[END_TIMEOUT_CONNECT] = "no connection in time",
		[END_TIMEOUT_FIRST] = "no first byte in time",
		[END_TIMEOUT_IDLE] = "silent for too long",
		[END_TIMEOUT_TOTAL] = "over the total time",
		[END_TIMEOUT_SLOW] = "too slow",
		[END_RESOLVE] = "the name cannot be resolved",
		[END_CONNECT] = "the peer cannot be connected to",
		[END_TLS] = "the peer's identity is not trusted",
		[END_ABORTED] = "aborted here",
	};
	return (unsigned)e < ENDS ? words[e] : "unknown";
}
