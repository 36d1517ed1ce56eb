/* SPDX-License-Identifier: Apache-2.0
 *
 * TZif bytes: refused, or a zone whose windows hold the instant that they are asked for and whose offsets are in bounds.
 * The last eight bytes of the input choose the instant.
 */
#include <stdint.h>
#include <string.h>

#include "base/tz_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tz z;
	uint64_t seed = 0;
	int64_t now_us, from, to;
	if (size < 8)
		return 0;
	memcpy(&seed, data + size - 8, 8);
	now_us = (int64_t)(seed % UINT64_C(8000000000000000)) - INT64_C(2000000000000000);
	if (tz_read(str_make((const char *)data, size - 8), &z))
		return 0;
	check(tz_offset_s(&z, now_us) >= -26 * 3600 && tz_offset_s(&z, now_us) <= 26 * 3600);
	for (int w = WINDOW_HOUR; w <= WINDOW_YEAR; w++) {
		window_bounds((enum window)w, &z, now_us, &from, &to);
		check(from <= now_us && now_us < to);
	}
	(void)tz_instant_us(&z, now_us);
	tz_drop(&z);
	return 0;
}
