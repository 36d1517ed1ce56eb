/* SPDX-License-Identifier: Apache-2.0
 *
 * What an import did, as text and as the keys of contract.md: for `import` and for `pull`, which imports what it
 * fetched.
 */
#ifndef RR_CMD_CMD_IMPORT_H
#define RR_CMD_CMD_IMPORT_H

#include "base/json.h"
#include "import/import.h"

/* more (may be NULL) adds members to the end of the object. */
void import_print_json(const struct import_summary *s, void (*more)(struct json_out *w, void *arg), void *arg,
		       struct sb *out);
void import_print_text(const struct import_summary *s, struct sb *out);

#endif
