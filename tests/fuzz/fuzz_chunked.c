/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunk reader, in one piece and in single bytes, against the second opinion.
 */
#include <stdio.h>
#include <stdint.h>

#include "../unit/h1_oracle.h"
#include "net/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1 done, 0 more, -1 refused. */
static int decode(const char *p, size_t n, size_t step, char *out, size_t *out_n, size_t *used)
{
	struct h1_body b = {.kind = H1_BODY_CHUNKED};
	size_t at = 0;
	*out_n = 0;
	while (!b.done && at < n) {
		struct str data;
		const char *fault = NULL;
		long rc = h1_body_next(&b, p + at, n - at < step ? n - at : step, &data, &http_limits_default, &fault);
		if (rc < 0) {
			check(fault);
			return -1;
		}
		check(rc > 0 && data.n <= (size_t)rc);
		memcpy(out + *out_n, data.p, data.n);
		*out_n += data.n;
		at += (size_t)rc;
	}
	*used = at;
	return b.done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	char *a = malloc(size + 1), *b = malloc(size + 1), *c = malloc(size + 1);
	size_t an, bn, cn, au = 0, bu = 0, cu = 0;
	int one, each, other;
	check(a && b && c);
	one = decode(p, size, size, a, &an, &au);
	each = decode(p, size, 1, b, &bn, &bu);
	other = oracle_chunked(p, size, c, &cn, &cu);
	check(one == each && au == bu);
	check(one != 1 || (an == bn && !memcmp(a, b, an)));
	check(one != 1 || (other == 1 && an == cn && au == cu && !memcmp(a, c, an)));
	free(a);
	free(b);
	free(c);
	return 0;
}
