/* SPDX-License-Identifier: Apache-2.0
 *
 * See jansson_oracle.h.
 */
#include "jansson_oracle.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_JANSSON
#include <jansson.h>

enum { FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL };

bool jansson_here(void)
{
	return true;
}

bool jansson_accepts(const char *p, size_t n, char why[200])
{
	json_error_t error;
	json_t *v = json_loadb(n ? p : "", n, FLAGS, &error);
	bool ok = v != NULL;
	if (!ok) {
		strncpy(why, error.text, 199);
		why[199] = 0;
	}
	json_decref(v);
	return ok;
}

char *jansson_member(const char *p, size_t n, const char *key)
{
	json_t *top = json_loadb(n ? p : "", n, FLAGS, NULL);
	json_t *v = json_is_object(top) ? json_object_get(top, key) : NULL;
	char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) : NULL;
	json_decref(top);
	return text;
}

char *jansson_string(const char *p, size_t n, size_t *length)
{
	json_t *top = json_loadb(n ? p : "", n, FLAGS, NULL);
	char *text = NULL;
	if (json_is_string(top)) {
		*length = json_string_length(top);
		text = malloc(*length + 1);
		if (text)
			memcpy(text, json_string_value(top), *length + 1);
	}
	json_decref(top);
	return text;
}
#else
bool jansson_here(void)
{
	return false;
}

bool jansson_accepts(const char *p, size_t n, char why[200])
{
	why[0] = 0;
	return p != NULL && n > 0;
}

char *jansson_member(const char *p, size_t n, const char *key)
{
	return NULL;
}

char *jansson_string(const char *p, size_t n, size_t *length)
{
	return NULL;
}
#endif
