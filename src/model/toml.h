/* SPDX-License-Identifier: Apache-2.0
 *
 * As much TOML 1.0 as model price files need, read as a stream of (path, scalar).
 *
 * Tables, arrays of tables, dotted keys, inline tables and arrays become paths: "cost.tiers[1].tier.size". Strings
 * (basic, literal and their multi-line forms), numbers with underscores, booleans and dates are scalars as text.
 * Not checked: duplicate keys (the last one comes last), the inner form of dates and numbers.
 */
#ifndef RR_MODEL_TOML_H
#define RR_MODEL_TOML_H

#include "base/err.h"
#include "base/str.h"

enum { TOML_PATH_BYTES = 256, TOML_VALUE_BYTES = 8192, TOML_DEPTH = 16, TOML_ARRAYS = 64 };

/* value: without quotes; quoted says that it was a string. Returns 0 to go on. */
typedef int toml_seen(void *to, struct str path, struct str value, bool quoted);
int toml_read(struct str text, const char *name, toml_seen *seen, void *to, struct err *e);

#endif
