/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are none of ours, told by their first bytes, each with what to do about it.
 */
#ifndef RR_IMPORT_MAGIC_H
#define RR_IMPORT_MAGIC_H

#include "base/err.h"
#include "base/str.h"

/* Says what the file is and what to do next. Returns -RR_INPUT. */
int magic_refuse(struct err *e, const char *path, const char *what, const char *hint);
/* Does it begin as JSON does, in UTF-8 or, behind its mark, in UTF-16? */
bool magic_json(struct str head);
/* 0, or the refusal of what it is by mistake. */
int magic_check(const char *path, struct str head, struct err *e);

#endif
