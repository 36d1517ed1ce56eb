/* SPDX-License-Identifier: Apache-2.0
 *
 * See toml.h. One pass, one buffer for the path and one for the current string.
 */
#include "model/toml.h"

#include <stdio.h>

struct reader {
	const char *p, *end;
	unsigned line;
	char path[TOML_PATH_BYTES];
	size_t path_n;
	char value[TOML_VALUE_BYTES];
	size_t value_n;
	struct { /* arrays of tables seen so far */
		char path[TOML_PATH_BYTES];
		unsigned count;
	} array[TOML_ARRAYS];
	unsigned arrays;
	toml_seen *seen;
	void *to;
	const char *what; /* why it stopped */
};

static int bad(struct reader *r, const char *what)
{
	if (!r->what)
		r->what = what;
	return -RR_SYNTAX;
}

static void blanks(struct reader *r, bool newlines)
{
	for (; r->p < r->end; r->p++) {
		if (*r->p == '#') {
			while (r->p < r->end && *r->p != '\n')
				r->p++;
			if (r->p == r->end)
				return;
		}
		if (*r->p == '\n') {
			if (!newlines)
				return;
			r->line++;
		} else if (*r->p != ' ' && *r->p != '\t' && *r->p != '\r') {
			return;
		}
	}
}

static int path_add(struct reader *r, const char *p, size_t n, bool dot)
{
	dot = dot && r->path_n > 0;
	if (r->path_n + n + dot + 1 > sizeof r->path)
		return bad(r, "a key path is too long");
	if (dot)
		r->path[r->path_n++] = '.';
	memcpy(r->path + r->path_n, p, n);
	r->path_n += n;
	return 0;
}

static int value_add(struct reader *r, char c)
{
	if (r->value_n == sizeof r->value)
		return bad(r, "a string is too long");
	r->value[r->value_n++] = c;
	return 0;
}

static int escape(struct reader *r)
{
	static const char from[] = "btnfr\"\\e", to[] = "\b\t\n\f\r\"\\\033";
	const char *at;
	if (r->p == r->end)
		return bad(r, "a string does not end");
	if (*r->p == 'u' || *r->p == 'U') { /* no price depends on it: kept as a question mark */
		size_t n = *r->p == 'u' ? 5 : 9;
		if ((size_t)(r->end - r->p) < n)
			return bad(r, "a string does not end");
		r->p += n;
		return value_add(r, '?');
	}
	at = *r->p ? strchr(from, *r->p) : NULL;
	if (!at)
		return bad(r, "an unknown escape");
	r->p++;
	return value_add(r, to[at - from]);
}

/* At a quote. */
static int string(struct reader *r)
{
	char quote = *r->p;
	bool many = r->end - r->p >= 3 && r->p[1] == quote && r->p[2] == quote;
	r->value_n = 0;
	r->p += many ? 3 : 1;
	for (;;) {
		if (r->p == r->end || (*r->p == '\n' && !many))
			return bad(r, "a string does not end");
		if (*r->p == quote && (!many || (r->end - r->p >= 3 && r->p[1] == quote && r->p[2] == quote))) {
			r->p += many ? 3 : 1;
			return 0;
		}
		if (*r->p == '\n')
			r->line++;
		if (*r->p == '\\' && quote == '"') {
			r->p++;
			if (many && r->p < r->end && (*r->p == '\n' || *r->p == '\r' || *r->p == ' ')) {
				blanks(r, true);
				continue;
			}
			if (escape(r))
				return -RR_SYNTAX;
		} else if (value_add(r, *r->p++)) {
			return -RR_SYNTAX;
		}
	}
}

static bool bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* A dotted key, added to the path. */
static int key(struct reader *r)
{
	for (;;) {
		blanks(r, false);
		if (r->p < r->end && (*r->p == '"' || *r->p == '\'')) {
			if (string(r) || path_add(r, r->value, r->value_n, true))
				return -RR_SYNTAX;
		} else {
			const char *from = r->p;
			while (r->p < r->end && bare(*r->p))
				r->p++;
			if (r->p == from)
				return bad(r, "a key is expected");
			if (path_add(r, from, (size_t)(r->p - from), true))
				return -RR_SYNTAX;
		}
		blanks(r, false);
		if (r->p == r->end || *r->p != '.')
			return 0;
		r->p++;
	}
}

static int value(struct reader *r, unsigned depth);

static int inline_table(struct reader *r, unsigned depth)
{
	size_t keep = r->path_n;
	r->p++;
	for (;;) {
		blanks(r, true);
		if (r->p < r->end && *r->p == '}') {
			r->p++;
			return 0;
		}
		if (key(r))
			return -RR_SYNTAX;
		if (r->p == r->end || *r->p++ != '=')
			return bad(r, "'=' is expected after a key");
		if (value(r, depth + 1))
			return -RR_SYNTAX;
		r->path_n = keep;
		blanks(r, true);
		if (r->p < r->end && *r->p == ',')
			r->p++;
		else if (r->p == r->end || *r->p != '}')
			return bad(r, "',' or '}' is expected");
	}
}

static int list(struct reader *r, unsigned depth)
{
	size_t keep = r->path_n;
	r->p++;
	for (unsigned i = 0;; i++) {
		char index[16];
		int n;
		blanks(r, true);
		if (r->p < r->end && *r->p == ']') {
			r->p++;
			return 0;
		}
		n = snprintf(index, sizeof index, "[%u]", i);
		if (path_add(r, index, (size_t)n, false) || value(r, depth + 1))
			return -RR_SYNTAX;
		r->path_n = keep;
		blanks(r, true);
		if (r->p < r->end && *r->p == ',')
			r->p++;
		else if (r->p == r->end || *r->p != ']')
			return bad(r, "',' or ']' is expected");
	}
}

static int value(struct reader *r, unsigned depth)
{
	bool quoted = false;
	blanks(r, false);
	if (depth > TOML_DEPTH)
		return bad(r, "values are nested too deeply");
	if (r->p == r->end)
		return bad(r, "a value is expected");
	if (*r->p == '{')
		return inline_table(r, depth);
	if (*r->p == '[')
		return list(r, depth);
	if (*r->p == '"' || *r->p == '\'') {
		quoted = true;
		if (string(r))
			return -RR_SYNTAX;
	} else {
		r->value_n = 0;
		for (; r->p < r->end && (bare(*r->p) || *r->p == '.' || *r->p == '+' || *r->p == ':'); r->p++)
			if (*r->p != '_' && value_add(r, *r->p))
				return -RR_SYNTAX;
		if (r->value_n == 0)
			return bad(r, "a value is expected");
	}
	return r->seen(r->to, str_make(r->path, r->path_n), str_make(r->value, r->value_n), quoted);
}

/* [name] or [[name]]: the path that the lines below it continue. */
static int header(struct reader *r)
{
	bool many = r->end - r->p >= 2 && r->p[1] == '[';
	r->p += many ? 2 : 1;
	r->path_n = 0;
	if (key(r))
		return -RR_SYNTAX;
	for (unsigned i = 0; i < (many ? 2u : 1u); i++)
		if (r->p == r->end || *r->p++ != ']')
			return bad(r, "']' is expected");
	if (many) {
		unsigned i = 0;
		char index[16];
		while (i < r->arrays &&
		       (strlen(r->array[i].path) != r->path_n || memcmp(r->array[i].path, r->path, r->path_n) != 0))
			i++;
		if (i == r->arrays) {
			if (r->arrays == TOML_ARRAYS)
				return bad(r, "too many arrays of tables");
			memcpy(r->array[i].path, r->path, r->path_n);
			r->array[i].path[r->path_n] = 0;
			r->array[i].count = 0;
			r->arrays++;
		}
		snprintf(index, sizeof index, "[%u]", r->array[i].count++);
		return path_add(r, index, strlen(index), false);
	}
	return 0;
}

int toml_read(struct str text, const char *name, toml_seen *seen, void *to, struct err *e)
{
	struct reader r = {.p = text.p, .end = text.p + text.n, .line = 1, .seen = seen, .to = to};
	size_t table = 0;
	int rc = 0;
	while (!rc) {
		blanks(&r, true);
		if (r.p == r.end)
			return 0;
		if (*r.p == '[') {
			rc = header(&r);
			table = r.path_n;
		} else {
			r.path_n = table;
			rc = key(&r);
			if (!rc && (r.p == r.end || *r.p++ != '='))
				rc = bad(&r, "'=' is expected after a key");
			if (!rc)
				rc = value(&r, 0);
			r.path_n = table;
		}
		if (!rc) {
			blanks(&r, false);
			if (r.p < r.end && *r.p != '\n')
				rc = bad(&r, "the line goes on after its value");
		}
	}
	if (!r.what)
		return rc;
	err_set(e, RR_SYNTAX, "this is no TOML: %s", r.what);
	return err_at(e, name, r.line, 0);
}
