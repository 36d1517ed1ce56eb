/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetching what a vendor has counted and billed since the last time, into the ledger.
 *
 * 1. A period of at most WINDOW_DAYS days at a time: every page of every endpoint, then one import of them, then the
 *    mark "pulled up to here". A pull that is killed goes on at the mark; what it had fetched of a period is fetched
 *    again.
 * 2. The last OVERLAP_DAYS days before the mark are fetched anew, since recent buckets grow. Within a period the pull
 *    is the whole truth of that account: buckets that changed are revised, those that vanished or stand in other widths
 *    stop counting, exports of the same period that were imported before, too. Several accounts: `account` parts them.
 * 3. The admin key is bound to the vendor's own host unless another base is named; http is for loopback alone.
 * 4. 429, 5xx and broken connections are asked again, after Retry-After or 1, 2, 4 ... 60 s; an endpoint whose next
 *    page is no longer known is asked from its first page on, once; what is refused otherwise ends the pull with the
 *    vendor's words.
 *
 * What runs when, and what a row means, is not known here: the table of endpoints is vendors.c, rows are the
 * importers'.
 */
#ifndef RR_PULL_PULL_H
#define RR_PULL_PULL_H

#include <stdatomic.h>

#include "import/import.h"

enum { PULL_WINDOW_DAYS = 31, PULL_OVERLAP_DAYS = 3, PULL_FIRST_DAYS = 31, PULL_COSTS = 64 };

struct pull_vendor;
const struct pull_vendor *pull_vendor_named(const char *name); /* NULL: not known */
const char *pull_vendor_name(unsigned index);                  /* NULL behind the last */
const char *pull_vendor_variable(const struct pull_vendor *v); /* "OPENAI_ADMIN_KEY" */
const char *pull_vendor_base(const struct pull_vendor *v);     /* "https://api.openai.com" */

enum pull_width { PULL_DAY, PULL_HOUR, PULL_MINUTE };

struct pull_options {
	struct ledger *ledger;
	const struct book *book;
	const struct pull_vendor *vendor;
	const char *key;          /* the admin key; never logged */
	const char *base;         /* NULL: the vendor's own */
	const char *account;      /* NULL: the only one */
	const char *folder;       /* scratch; fetched pages lie in it until the caller removes it */
	int64_t since_us;         /* INT64_MIN: since the last pull */
	int64_t now_us;
	enum pull_width width;    /* of usage buckets; costs come by day */
	bool dry_run;
	const atomic_bool *stop;  /* NULL, or: end soon when it is set */
};

struct pull_result {
	int64_t from_us, to_us;   /* what was fetched */
	unsigned windows, requests, retries;
	char cost[PULL_COSTS][300]; /* files of cost pages that hold any amount, in the folder */
	unsigned costs;
};

/* When that vendor's account was last pulled; 0: never. */
int pull_last_us(struct ledger *l, const struct pull_vendor *v, const char *account, int64_t *us, struct err *e);

/* *s as of import_paths, over all periods; import_summary_fini() it in any case. */
int pull_run(const struct pull_options *o, struct pull_result *r, struct import_summary *s, struct err *e);

#endif
