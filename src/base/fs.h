/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: whole reads with a limit, streams that undo gzip and zstd by content, atomic writes.
 */
#ifndef RR_BASE_FS_H
#define RR_BASE_FS_H

#include "base/err.h"
#include "base/str.h"

/* Reads a whole file ("-" is standard input) into out, which keeps its own limit. */
int fs_read(const char *path, struct sb *out, struct err *e);
/* Writes to a temporary neighbour, fsyncs, renames. mode as for open(2). */
int fs_write_atomic(const char *path, struct str bytes, unsigned mode, struct err *e);
/* mkdir -p of the folder that will hold path, mode 0700. */
int fs_make_parent(const char *path, struct err *e);
bool fs_exists(const char *path);
/* $XDG_DATA_HOME/runrate/NAME, else ~/.local/share/runrate/NAME. Returns out; "" when it does not fit. */
char *fs_data_path(const char *name, char *out, size_t size);
char *fs_config_path(const char *name, char *out, size_t size); /* the same for $XDG_CONFIG_HOME, ~/.config */

/* A stream of bytes, decompressed by content (gzip, zstd, plain); at most 100:1 and 1 GiB per member
 * beyond its first MiB, else -RR_LIMIT (bombs). */
struct fs_stream;
struct fs_stream *fs_open(const char *path, struct err *e); /* "-" is standard input */
/* Bytes read (0 at the end) or a negative code with e filled. */
long fs_next(struct fs_stream *s, char *out, size_t size, struct err *e);
uint64_t fs_raw_bytes(const struct fs_stream *s); /* compressed bytes consumed, for progress */
void fs_close(struct fs_stream *s);

/* Lines of a stream without their LF or CRLF (and without a byte order mark before the first); the span lives
 * until the next call. A line longer than max_line_bytes is -RR_LIMIT and is skipped by the next call. A stream
 * that cannot be read on says so once; the call after that is the end. 1 line, 0 end, <0 error. */
struct fs_lines;
struct fs_lines *fs_lines_open(const char *path, size_t max_line_bytes, struct err *e);
int fs_lines_next(struct fs_lines *l, struct str *line, struct err *e);
uint64_t fs_lines_number(const struct fs_lines *l); /* 1-based number of the line just returned */
void fs_lines_close(struct fs_lines *l);

#endif
