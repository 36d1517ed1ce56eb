/* SPDX-License-Identifier: Apache-2.0
 *
 * Spans of bytes that somebody else owns, and a bounded builder for text that we own.
 *
 * struct str is a pointer and a length: no NUL is promised and nothing is ever freed through it.
 * struct sb grows up to a limit stated at its birth; the first append that does not fit makes it
 * "full" for good (sticky), so a writer checks once, at the end (curl's dynbuf rule).
 */
#ifndef RR_BASE_STR_H
#define RR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* A large local that is written before it is read: nothing need clear it first (the build clears all others). */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define UNSET __attribute__((uninitialized))
#endif
#endif
#ifndef UNSET
#define UNSET
#endif

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *c)
{
	return (struct str){c, c ? strlen(c) : 0};
}

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eqc(struct str a, const char *c)
{
	return str_eq(a, str_of(c));
}

bool str_ieq_bytes(const char *a, const char *b, size_t n);
/* ASCII case only: header names, currency codes, keywords. Never for text of people. Most are told apart by length. */
static inline bool str_ieq(struct str a, struct str b)
{
	return a.n == b.n && str_ieq_bytes(a.p, b.p, a.n);
}
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_icontains(struct str s, struct str needle);
bool str_contains(struct str s, struct str needle);
/* Index of the first c, or SIZE_MAX. */
size_t str_chr(struct str s, char c);
struct str str_sub(struct str s, size_t from, size_t to); /* [from,to), clamped */
struct str str_trim(struct str s);                        /* blanks, tabs, CR, LF at both ends */
/* Cuts *rest at the first sep; returns the part before it. At the end rest->p becomes NULL. */
struct str str_cut(struct str *rest, char sep);
/* Byte order. */
int str_cmp(struct str a, struct str b);
/* Decimal digits only, no sign, no blanks. 0, or -RR_SYNTAX, -RR_RANGE. */
int str_u64(struct str s, uint64_t *out);
int str_i64(struct str s, int64_t *out); /* one leading '-' allowed */
/* Copies with a NUL; truncates to size-1 at a UTF-8 boundary. Returns dst. */
char *str_copy(char *dst, size_t size, struct str s);
/* Strict UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool str_utf8_valid(struct str s);
/* Bytes of the well-formed sequence that begins at p (n > 0 bytes are there), or 0. */
size_t str_utf8_step(const char *p, size_t n);
/* Where the first ill-formed sequence begins, or SIZE_MAX. */
size_t str_utf8_fault(struct str s);
/* Terminal columns, one per code point (0 for combining marks U+0300..036F); for table layout. */
size_t str_columns(struct str s);
/* Levenshtein distance of two short words (at most 63 bytes each, else 99): "did you mean". */
unsigned str_distance(struct str a, struct str b);

struct sb {
	char *p;       /* NUL-terminated when not NULL */
	size_t n;      /* bytes, the NUL not counted */
	size_t cap;
	size_t limit;  /* most bytes it may ever hold */
	bool full;     /* an append did not fit, or memory ran out: content is incomplete */
};

void sb_init(struct sb *b, size_t limit_bytes);
void sb_fini(struct sb *b);
void sb_clear(struct sb *b); /* keeps the memory, clears `full` */
void sb_clear_most(struct sb *b, size_t keep); /* the same, but more memory than `keep` bytes is given back */
void sb_add(struct sb *b, const char *p, size_t n);
void sb_addc(struct sb *b, char c);
void sb_adds(struct sb *b, const char *c);
void sb_add_str(struct sb *b, struct str s);
void sb_addf(struct sb *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends s with each maximal ill-formed piece replaced by U+FFFD (the Unicode standard's section 3.9). */
void sb_add_utf8(struct sb *b, struct str s);
void sb_add_u64(struct sb *b, uint64_t v);
void sb_add_i64(struct sb *b, int64_t v);
static inline struct str sb_str(const struct sb *b)
{
	return (struct str){b->p ? b->p : "", b->n};
}
/* Its text, or NULL where that is incomplete: for what a part of would say something else, like SQL. */
static inline const char *sb_whole(const struct sb *b)
{
	return b->full ? NULL : b->p ? b->p : "";
}

#endif
