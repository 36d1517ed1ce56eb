/* SPDX-License-Identifier: Apache-2.0
 *
 * See agent_db.c.
 */
#ifndef RR_IMPORT_AGENT_DB_H
#define RR_IMPORT_AGENT_DB_H

#include "base/err.h"
#include "base/str.h"

/* Do these first bytes begin a database? */
bool agent_db_is(struct str head);
/* fault: the rest cannot be read, and why; else NULL. A result other than 0 ends the walk and is returned. */
typedef int agent_db_fn(struct str record, uint64_t number, const char *fault, void *arg);
int agent_db_each(const char *path, agent_db_fn *fn, void *arg, struct err *e);

#endif
