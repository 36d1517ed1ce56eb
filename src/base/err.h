/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors: what went wrong, why, and what to do next.
 *
 * Hot paths return 0 or a negative code from errors.def and nothing else. Cold paths (commands,
 * configuration, import) also fill a caller-owned struct err: one human sentence, one hint, and the
 * place in the input. A function that takes an err accepts NULL. check() is for programming errors
 * and stays on in release builds: a ledger must rather stop than guess.
 */
#ifndef RR_BASE_ERR_H
#define RR_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum rr_code {
	RR_OK = 0,
#define X(name, exit_code, text) RR_##name,
#include "base/errors.def"
#undef X
	RR_CODES
};

struct err {
	int code;          /* positive enum rr_code, 0 = no error */
	unsigned line;     /* 1-based place in the input, 0 = none */
	unsigned column;   /* 1-based, in bytes */
	char file[192];    /* the input's name as the user gave it */
	char what[384];    /* one sentence: what and why */
	char hint[256];    /* what to do next; may be empty */
};

/* Fills *e (if not NULL) with a formatted sentence and returns -code, so that callers write
 * `return err_set(e, RR_INPUT, "...")`. Clears place and hint. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Adds the next step for the reader. Returns -e->code (or -RR_FAIL without an e). */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds the place in the input. Returns -e->code. */
int err_at(struct err *e, const char *file, unsigned line, unsigned column);
/* "file:line:column: what" and, on a second line, "  next: hint" into out; returns out. */
char *err_text(const struct err *e, char *out, size_t size);
/* The short name ("BUDGET"), the words of errors.def, the process exit code, for -code or code. */
const char *err_name(int code);
const char *err_words(int code);
int err_exit_code(int code);

/* Stops the process with the place and the broken rule. */
/* Memory ran out where nobody is told at once (a buffer that stays full, a name that stays "(other)"): whoever ends
 * with a result asks before it says that this is one. Each thread for itself. */
void mem_lost(void);
bool mem_was_lost(void);

_Noreturn void check_failed(const char *file, int line, const char *rule);
#define check(rule) ((rule) ? (void)0 : check_failed(__FILE__, __LINE__, #rule))

#endif
