/* SPDX-License-Identifier: Apache-2.0
 *
 * Response heads: as fuzz_h1_request.c.
 */
#include <stdio.h>
#include <stdint.h>

#include "../unit/h1_oracle.h"
#include "net/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct head h, again;
	struct oracle_head o;
	const char *fault = NULL;
	struct sb out;
	long rc = h1_parse_response(&h, p, size, &http_limits_default, &fault), part;
	for (size_t cut = 0, step = size / 16 + 1; cut < size; cut += step) {
		char *copy = malloc(cut + 1);
		check(copy);
		memcpy(copy, p, cut);
		part = h1_parse_response(&again, copy, cut, &http_limits_default, &fault);
		check(part == 0 || (part > 0 && part == rc) || (part < 0 && rc < 0));
		free(copy);
	}
	if (rc <= 0)
		return 0;
	check(oracle_response(p, size, &o));
	check(o.bytes == (size_t)rc && o.headers == h.headers && o.length == h.content_length && o.chunked ==
		h.chunked &&
	      o.status == h.status);
	sb_init(&out, 256 * 1024);
	check(!h1_write_status_line(&out, h.status));
	for (unsigned i = 0; i < h.headers; i++)
		check(!h1_write_header(&out, h.header[i].name, h.header[i].value));
	sb_add(&out, "\r\n", 2);
	rc = h1_parse_response(&again, out.p, out.n, &http_limits_default, &fault);
	if (rc != -RR_LIMIT) { /* our words may be longer than theirs */
		check(rc == (long)out.n && again.status == h.status && again.headers == h.headers);
		check(again.content_length == h.content_length && again.chunked == h.chunked);
	}
	sb_fini(&out);
	return 0;
}
