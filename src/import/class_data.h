/* SPDX-License-Identifier: Apache-2.0
 *
 * data/classify.csv and data/vendors.csv as bytes in the binary; class_data.c is made from it at build time
 * (tools/embed.py).
 */
#ifndef RR_IMPORT_CLASS_DATA_H
#define RR_IMPORT_CLASS_DATA_H

#include <stddef.h>

struct class_data_file {
	const char *name;
	const char *text;
	size_t bytes;
};
extern const struct class_data_file class_data[];
extern const size_t class_data_count;

#endif
