/* SPDX-License-Identifier: Apache-2.0
 *
 * data/maps as bytes in the binary; map_data.c is made from it at build time (tools/embed.py).
 */
#ifndef RR_IMPORT_MAP_DATA_H
#define RR_IMPORT_MAP_DATA_H

#include <stddef.h>

struct map_data_file {
	const char *name;
	const char *text;
	size_t bytes;
};
extern const struct map_data_file map_data[];
extern const size_t map_data_count;

#endif
