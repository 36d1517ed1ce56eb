/* SPDX-License-Identifier: Apache-2.0
 *
 * data/prices/ as bytes in the binary; book_data.c is made from the files at build time (tools/embed.py).
 */
#ifndef RR_MODEL_BOOK_DATA_H
#define RR_MODEL_BOOK_DATA_H

#include <stddef.h>

struct book_data_file {
	const char *name;
	const char *text;
	size_t bytes;
};
extern const struct book_data_file book_data[];
extern const size_t book_data_count;

#endif
