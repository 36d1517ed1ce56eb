/* SPDX-License-Identifier: Apache-2.0
 *
 * Content codings, undone for the meter alone.
 *
 * The gateway asks for none (forward.c), so what comes compressed comes against its wish: the client gets those bytes
 * as they are, and usage is read from an undone copy. gzip (any number of members), deflate with or without its zlib
 * head (RFC 9110, section 8.4.1.2 notes that both are sent), zstd. What is not known here, or damaged, is not metered:
 * its call is estimated and says so.
 */
#ifndef RR_GATE_CODING_H
#define RR_GATE_CODING_H

#include "base/str.h"

enum coding_kind { CODING_NONE, CODING_GZIP, CODING_DEFLATE, CODING_ZSTD, CODING_OTHER };
/* Of a content-encoding header. */
enum coding_kind coding_parse(struct str header);

struct coding;
struct coding *coding_new(enum coding_kind kind); /* NULL: no memory, or not a kind that can be undone */
/* Gives what `in` becomes to `sink`, in pieces. 0, or -RR_SYNTAX: damaged, or more than 100 : 1 over 64 MiB. */
int coding_feed(struct coding *c, struct str in, void (*sink)(void *arg, struct str bytes), void *arg);
void coding_free(struct coding *c); /* NULL is no matter */

#endif
