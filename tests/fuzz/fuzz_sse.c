/* SPDX-License-Identifier: Apache-2.0
 *
 * The SSE framer: whatever comes and however it is split, the frames and the rest give back the bytes.
 */
#include <stdint.h>

#include "base/err.h"
#include "gate/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sse s;
	struct sse_frame f;
	struct sb out;
	struct str all, in;
	size_t step, at;
	if (size < 1)
		return 0;
	step = (size_t)data[0] + 1;
	all = str_make((const char *)data + 1, size - 1);
	sse_init(&s);
	sb_init(&out, size + 16);
	for (at = 0; at < all.n; at += step) {
		in = str_sub(all, at, at + step);
		while (sse_next(&s, &in, &f) == 1)
			sb_add_str(&out, f.raw);
	}
	sb_add_str(&out, sse_rest(&s));
	check(str_eq(sb_str(&out), all));
	sb_fini(&out);
	sse_fini(&s);
	return 0;
}
