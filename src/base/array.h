/* SPDX-License-Identifier: Apache-2.0
 *
 * An array that doubles: a pointer, a count and a room of its owner's own, freed by free().
 *
 *     if (!array_room(w->booked, w->count, w->room, ARRAY_MOST))
 *             return err_set(e, RR_NOMEM, "...");
 *     w->booked[w->count++] = c;
 */
#ifndef RR_BASE_ARRAY_H
#define RR_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_MOST UINT32_MAX /* `most`, where nothing but memory sets a limit: fits every type a room has */

/* Is there room for one more behind `count` elements? Grows a full array, to `most` elements at most; false, with
 * nothing changed, where there are so many already or no memory. `array` and `room` are lvalues. */
#define array_room(array, count, room, most)                                                       \
	((count) < (room) || ({                                                                    \
		size_t array_room_ = (room);                                                       \
		void *array_grown_ = array_grow((array), &array_room_, (most), sizeof *(array));   \
		if (array_grown_) {                                                                \
			(array) = array_grown_;                                                    \
			(room) = (__typeof__(room))array_room_;                                    \
		}                                                                                  \
		array_grown_ != NULL;                                                              \
	}))

/* The same array with about twice the room, or NULL. */
void *array_grow(void *array, size_t *room, size_t most, size_t size);

#endif
