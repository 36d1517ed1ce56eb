/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings as small numbers, so that a call has a fixed size. One table a process; entries live for
 * ever; 0 is the empty string. Finding is lock-free, adding takes a lock. A limit (1 M strings,
 * 512 bytes each) keeps a hostile client from growing it: beyond it, intern() gives the id of "(other)".
 */
#ifndef RR_BASE_INTERN_H
#define RR_BASE_INTERN_H

#include "base/str.h"

uint32_t intern(struct str s);
struct str intern_str(uint32_t id); /* NUL-terminated, never moves */
uint32_t intern_count(void);

#endif
