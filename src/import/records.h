/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of a JSON file, one at a time: lines of JSON lines, or values of documents of any size.
 *
 * In values mode an array at the top is opened and its elements are the records; so is a member of a top object
 * that the caller names ("data", "observations"): an export of many gigabytes passes in the memory of its largest
 * element. A top object without such a member is itself the record. Several documents may follow each other.
 * A record is at most 64 MiB. The text of a record is balanced but not checked: json_parse() does that.
 */
#ifndef RR_IMPORT_RECORDS_H
#define RR_IMPORT_RECORDS_H

#include "base/err.h"
#include "base/str.h"

enum records_mode { RECORDS_LINES, RECORDS_VALUES };
enum { RECORD_BYTES = 64 * 1024 * 1024 };

struct records;

/* open: names of the members whose arrays are opened, ended by NULL; may be NULL. path as for fs_open. */
struct records *records_open(const char *path, enum records_mode mode, const char *const *open, struct err *e);
/* 1 a record (lives until the next call), 0 the end, <0 one that cannot be read (the next call goes on behind it,
 * where that is possible). Blank lines are no records. */
int records_next(struct records *r, struct str *text, struct err *e);
/* Lines: the line's number; values: the record's number. 1-based. */
uint64_t records_number(const struct records *r);
/* The record just returned stood by itself, not in an array or member. */
bool records_at_top(const struct records *r);
uint64_t records_raw_bytes(const struct records *r);
void records_close(struct records *r);

#endif
