/* SPDX-License-Identifier: Apache-2.0
 *
 * What can go wrong on the vendor's side, by name; and scripts that say when it does.
 *
 * "NAME" or "NAME:ARG", several joined by '+'. In the header x-sandbox-fault, or in a script: JSON lines or
 * a YAML list of {match: {path, model, nth, every, from, to}, fault, times}. path and model match as parts;
 * nth counts what the rule's path and model matched, from 1. The first rule that matches wins.
 *
 *   answers  400 401 403 404 408 409 413 422 429 500 502 503 504 529 (ARG: retry-after in seconds, "0.2" gives
 *            retry-after-ms too), error-mid (after ARG pieces), error200, html (ARG: status), redirect,
 *            failed (a response that ends as failed, with its usage)
 *   usage    usage-missing, usage-zero, usage-huge, usage-twice
 *   events   no-done, big-event (ARG bytes, 8 MiB), crlf, cr, bom, comments
 *   framing  split (ARG bytes to a chunk, 1), gzip, 1xx (ARG of them, 100), slow-head and slow-body (ARG ms a
 *            byte, 10), http10, truncated, bad-chunk, length-short, length-long, length-twice, bad-head
 *   the wire rst, close, stall (after ARG bytes of the body; default half), rst-early, close-early, stall-early
 */
#ifndef RR_SANDBOX_FAULT_H
#define RR_SANDBOX_FAULT_H

#include "base/arena.h"
#include "base/err.h"

enum fault {
	FAULT_STATUS, FAULT_ERROR_MID, FAULT_ERROR200, FAULT_HTML, FAULT_REDIRECT,
	FAULT_USAGE_MISSING, FAULT_USAGE_ZERO, FAULT_USAGE_HUGE, FAULT_USAGE_TWICE,
	FAULT_NO_DONE, FAULT_BIG_EVENT, FAULT_CRLF, FAULT_CR, FAULT_BOM, FAULT_COMMENTS,
	FAULT_SPLIT, FAULT_GZIP, FAULT_1XX, FAULT_SLOW_HEAD, FAULT_SLOW_BODY, FAULT_HTTP10, FAULT_TRUNCATED,
	FAULT_BAD_CHUNK, FAULT_LENGTH_SHORT, FAULT_LENGTH_LONG, FAULT_LENGTH_TWICE, FAULT_BAD_HEAD,
	FAULT_FAILED, FAULT_RST, FAULT_CLOSE, FAULT_STALL, FAULT_RST_EARLY, FAULT_CLOSE_EARLY, FAULT_STALL_EARLY,
	FAULTS
};

struct faults {
	uint64_t on;            /* a bit for each */
	unsigned status;        /* of FAULT_STATUS */
	uint64_t arg[FAULTS];   /* what its comment above says; retry-after in ms */
	bool arg_given[FAULTS];
};
static inline bool fault_on(const struct faults *f, enum fault which)
{
	return f->on >> which & 1;
}

/* Adds the faults that text names. 0 or -RR_SYNTAX (an unknown name: *bad is it). */
int faults_parse(struct faults *f, struct str text, struct str *bad);

struct script;
struct script *script_load(const char *path, struct err *e);
/* The faults of the first rule that matches; counts the request either way. */
void script_apply(struct script *s, struct str path, struct str model, struct faults *f);
void script_free(struct script *s);

#endif
