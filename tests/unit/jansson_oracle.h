/* SPDX-License-Identifier: Apache-2.0
 *
 * A second opinion on JSON from libjansson, kept apart because its names and ours collide.
 */
#ifndef RR_TEST_JANSSON_ORACLE_H
#define RR_TEST_JANSSON_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

/* Built without libjansson: no opinion, and callers must say that they skip. */
bool jansson_here(void);
/* Whether jansson accepts the text as one JSON value of any type; *why gets its words when it does not. */
bool jansson_accepts(const char *p, size_t n, char why[200]);
/* Its compact rendering with escaped non-ASCII of the member `key` of the top object; free() it. NULL: absent. */
char *jansson_member(const char *p, size_t n, const char *key);
/* The text of the string at the top, with its length, NUL bytes and all; free() it. NULL: no string. */
char *jansson_string(const char *p, size_t n, size_t *length);

#endif
