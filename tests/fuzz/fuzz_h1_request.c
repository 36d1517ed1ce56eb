/* SPDX-License-Identifier: Apache-2.0
 *
 * Request heads. What is taken must be taken by the second opinion with the same framing, must not be taken
 * from any prefix, and must come back the same when it is written out and read again.
 */
#include <stdio.h>
#include <stdint.h>

#include "../unit/h1_oracle.h"
#include "net/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_prefixes(const char *p, size_t n, long whole)
{
	size_t step = n / 16 + 1;
	for (size_t cut = 0; cut < n; cut += step) {
		struct head h;
		const char *fault = NULL;
		char *copy = malloc(cut + 1);
		long rc;
		check(copy);
		memcpy(copy, p, cut);
		rc = h1_parse_request(&h, copy, cut, &http_limits_default, &fault);
		check(rc == 0 || (rc > 0 && rc == whole) || (rc < 0 && whole < 0 && fault));
		free(copy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct head h, again;
	struct oracle_head o;
	const char *fault = NULL;
	struct sb out;
	long rc = h1_parse_request(&h, p, size, &http_limits_default, &fault);
	check_prefixes(p, size, rc);
	if (rc <= 0) {
		check(rc == 0 || fault);
		return 0;
	}
	check(oracle_request(p, size, &o));
	check(o.bytes == (size_t)rc && o.headers == h.headers && o.length == h.content_length && o.chunked ==
		h.chunked);
	sb_init(&out, 256 * 1024);
	check(!h1_write_request_line(&out, h.method, h.target));
	for (unsigned i = 0; i < h.headers; i++)
		check(!h1_write_header(&out, h.header[i].name, h.header[i].value));
	if (!h.minor && !head_count(&h, "host"))
		check(!h1_write_header(&out, STR("Host"), STR("added")));
	sb_add(&out, "\r\n", 2);
	rc = h1_parse_request(&again, out.p, out.n, &http_limits_default, &fault);
	/* One header more than was there, or a line that grew by "HTTP/1.1", may be over a limit. */
	if (rc != -RR_LIMIT) {
		check(rc == (long)out.n);
		check(str_eq(again.method, h.method) && str_eq(again.target, h.target) && str_eq(again.path, h.path));
		check(again.content_length == h.content_length && again.chunked == h.chunked);
		for (unsigned i = 0; i < h.headers; i++)
			check(str_eq(again.header[i].name, h.header[i].name) && str_eq(again.header[i].value,
				h.header[i].value));
	}
	sb_fini(&out);
	return 0;
}
