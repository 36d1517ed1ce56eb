/* SPDX-License-Identifier: Apache-2.0
 *
 * Where vendors keep their usage and cost pages. A new vendor is a row in vendors.c.
 */
#ifndef RR_PULL_VENDORS_H
#define RR_PULL_VENDORS_H

#include "net/http.h"
#include "pull/pull.h"

struct pull_endpoint {
	const char *name;             /* for files and messages: "completions" */
	const char *path;
	const char *groups[8];        /* all that a row can be keyed by; ended by NULL */
	bool costs;                   /* by day, and the reconciliation's input */
	bool optional;                /* a vendor that answers 400 or 404 here is let off, with a note */
};

struct pull_vendor {
	const char *name, *title, *variable, *base;
	const char *group_key;        /* "group_by", "group_by[]" */
	const char *from_key, *to_key;
	bool rfc3339;                 /* times as text, else in seconds */
	unsigned most[3];             /* buckets of a page by enum pull_width */
	unsigned most_costs;
	const char *auth, *auth_prefix; /* header and what stands before the key */
	struct header extra[2];       /* more headers; name.n 0: none */
	const struct pull_endpoint *endpoints; /* ended by a NULL name */
};

extern const struct pull_vendor pull_vendors[]; /* ended by a NULL name */

#endif
