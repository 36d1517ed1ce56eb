/* SPDX-License-Identifier: Apache-2.0
 *
 * See array.h.
 */
#include "base/array.h"

#include <stdlib.h>

enum { FIRST = 16 };

void *array_grow(void *array, size_t *room, size_t most, size_t size)
{
	size_t want = *room ? *room : FIRST / 2, bytes;
	void *grown;
	if (*room >= most)
		return NULL;
	want = want > most / 2 ? most : want * 2;
	grown = __builtin_mul_overflow(want, size, &bytes) ? NULL : realloc(array, bytes);
	if (grown)
		*room = want;
	return grown;
}
