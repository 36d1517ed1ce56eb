/* SPDX-License-Identifier: Apache-2.0
 *
 * See err.h. The table errors.def is expanded three times here: names, words, exit codes.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *words;
	int exit_code;
} codes[RR_CODES] = {
	{"OK", "no error", 0},
#define X(name, exit_code, text) {#name, text, exit_code},
#include "base/errors.def"
#undef X
};

static int index_of(int code)
{
	int positive = code < 0 ? -code : code;
	return positive < RR_CODES ? positive : RR_INTERNAL;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	if (code == RR_NOMEM || code == -RR_NOMEM)
		mem_lost(); /* also where nobody passes the error on */
	if (e) {
		va_list ap;
		memset(e, 0, sizeof *e);
		e->code = index_of(code);
		va_start(ap, fmt);
		vsnprintf(e->what, sizeof e->what, fmt, ap);
		va_end(ap);
	}
	return -index_of(code);
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;
	if (!e)
		return -RR_FAIL;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof e->hint, fmt, ap);
	va_end(ap);
	return -e->code;
}

int err_at(struct err *e, const char *file, unsigned line, unsigned column)
{
	if (!e)
		return -RR_FAIL;
	snprintf(e->file, sizeof e->file, "%s", file ? file : "");
	e->line = line;
	e->column = column;
	return -e->code;
}

char *err_text(const struct err *e, char *out, size_t size)
{
	char place[256] = "";
	if (e->file[0] && e->line && e->column)
		snprintf(place, sizeof place, "%s:%u:%u: ", e->file, e->line, e->column);
	else if (e->file[0] && e->line)
		snprintf(place, sizeof place, "%s:%u: ", e->file, e->line);
	else if (e->file[0])
		snprintf(place, sizeof place, "%s: ", e->file);
	snprintf(out, size, "%s%s%s%s", place, e->what, e->hint[0] ? "\n  next: " : "", e->hint);
	return out;
}

const char *err_name(int code)
{
	return codes[index_of(code)].name;
}

const char *err_words(int code)
{
	return codes[index_of(code)].words;
}

int err_exit_code(int code)
{
	return codes[index_of(code)].exit_code;
}

static _Thread_local bool lost;

void mem_lost(void)
{
	lost = true;
}

bool mem_was_lost(void)
{
	return lost;
}

_Noreturn void check_failed(const char *file, int line, const char *rule)
{
	fprintf(stderr, "runrate: broken rule at %s:%d: %s\n", file, line, rule);
	abort();
}
