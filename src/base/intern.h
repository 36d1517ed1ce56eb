/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings as small numbers, so that a call has a fixed size. One table a process; entries live for
 * ever; 0 is the empty string. Finding is lock-free, adding takes a lock. Limits (1 M strings,
 * 512 bytes each, 64 MiB together) keep a hostile client from growing it: beyond them, intern() gives the id of
 * "(other)".
 */
#ifndef RR_BASE_INTERN_H
#define RR_BASE_INTERN_H

#include "base/str.h"

enum { INTERN_MOST = 1024 * 1024, INTERN_BYTES = 512, INTERN_ALL_BYTES = 64 * 1024 * 1024 };

uint32_t intern(struct str s);
struct str intern_str(uint32_t id); /* NUL-terminated, never moves; id must come from intern() */
uint64_t intern_hash(uint32_t id);  /* hash_xxh3 of its text; 0 for the empty string */
uint32_t intern_count(void);        /* ids given out: all are below this */

#endif
