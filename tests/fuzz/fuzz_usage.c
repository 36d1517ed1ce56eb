/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a vendor's answer, by every shape: a reader must stay in bounds, and what it gives must sum to the
 * vendor's total or be flagged.
 */
#include "base/err.h"
#include "model/usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json top;
	bool whole = json_parse(str_make((const char *)data, size), &top, NULL) == 0;
	if (!whole) /* unchecked text: answers mean nothing, but reading must be safe */
		top = (struct json){JSON_OBJECT, str_make((const char *)data, size)};
	for (unsigned shape = 0; shape < SHAPES; shape++) {
		struct usage u, other, sum = {0};
		int rc = usage_read((enum usage_shape)shape, top, &u);
		usage_read_other((enum usage_shape)shape, top, &other);
		if (whole && u.flags & USAGE_SEEN && !(u.flags & USAGE_MISMATCH))
			check(usage_total_tok(&u) == u.vendor_total_tok);
		if (rc)
			check(u.flags & USAGE_MISMATCH && usage_total_tok(&u) == 0);
		usage_add(&sum, &u);
		usage_add(&sum, &u);
		check(usage_total_tok(&sum) >= usage_total_tok(&u));
	}
	return 0;
}
