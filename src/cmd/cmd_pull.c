/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate pull: a vendor's usage and cost pages since the last time, and whether they agree with the ledger.
 */
#include "cmd/cmd_pull.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/num.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/cmd_import.h"
#include "cmd/cmd_query.h"
#include "cmd/cmd_reconcile.h"
#include "cmd/discover.h"
#include "pull/pull.h"

enum { OUT_BYTES = 64 * 1024 * 1024, ARENA_BYTES = 512 * 1024 * 1024, ROWS_SHOWN = 8 };

static const struct opt pull_help[] = {
	{"since", 0, OPT_STR, NULL, NULL, "T",
	 "from that day on (default: since the last pull; the first one: 31 days)"},
	{"width", 0, OPT_STR, NULL, NULL, "W", "buckets of usage: 1d (default), 1h, 1m"},
	{"every", 0, OPT_STR, NULL, NULL, "T",
	 "stay, and pull again every 1d, 6h ... (serve does the same: pull in runrate.yaml)"},
	{"account", 0, OPT_STR, NULL, NULL, "NAME", "which of several accounts at that vendor this key is of"},
	{"base", 0, OPT_STR, NULL, NULL, "URL", "another address than the vendor's own: a proxy, a test"},
	{"strict", 0, OPT_FLAG, NULL, NULL, NULL, "exit code 12 when the bill and the ledger differ"},
	{NULL},
};

static int run(int argc, char **argv);
const struct command cmd_pull = {
	.name = "pull",
	.summary = "fetch a vendor's usage and cost pages since the last time, and reconcile them",
	.usage = "pull openai|anthropic [--since T] [--width W] [--every T] [--account NAME] [--base URL] [--strict]",
	.text = "The admin key comes from the environment: OPENAI_ADMIN_KEY, ANTHROPIC_ADMIN_KEY. It is sent to the vendor's own host\n"
		"alone, unless --base names another. The last three days are fetched anew, since recent buckets grow; what came\n"
		"through the gateway or by import counts once. A pull that is ended or refused goes on where it was.\n\n"
		"Then the costs are set against the ledger's usage day by day and model by model: a line says how many rows agree,\n"
		"and each residual has a reason, as in `reconcile`.",
	.examples = "$ OPENAI_ADMIN_KEY=... runrate pull openai\n"
		    "$ runrate pull anthropic --since 2026-08-01 --json\n"
		    "$ runrate pull openai --dry-run\n"
		    "$ runrate pull openai --every 1d\n",
	.options = pull_help,
	.run = run,
};

/* What is said of a pull beside its import. */
struct pulled {
	struct pull_result result;
	struct reconcile reconcile;
	bool reconciled;
};

int pull_once(const struct pull_job *job, struct pull_result *r, struct import_summary *s, struct reconcile *rec,
		bool *reconciled,
	      struct arena *a, struct err *e)
{
	struct pull_options o = {.vendor = job->vendor, .base = job->base, .account = job->account,
				 .since_us = job->since_us,
				 .width = job->width, .dry_run = job->dry_run, .stop = job->stop, .now_us =
				 cmd_now_us()};
	const char *cost[PULL_COSTS];
	char folder[256] = "";
	struct ledger *l = NULL;
	struct book *book = NULL;
	struct report_query q = {.from_us = INT64_MIN, .to_us = INT64_MAX, .env = "all", .now_us = o.now_us};
	bool rejected;
	int rc = 0;
	*reconciled = false;
	memset(s, 0, sizeof *s);
	memset(r, 0, sizeof *r);
	o.key = getenv(pull_vendor_variable(job->vendor));
	if (!o.key || !o.key[0]) {
		err_set(e, RR_CONFIG, "%s is not set", pull_vendor_variable(job->vendor));
		return err_hint(e, "put the vendor's admin key into the environment; it is never taken from the command line");
	}
	q.tz = tz_get("UTC", e);
	if (scratch_make(folder, sizeof folder))
		return err_set(e, RR_IO,
			       "cannot make a folder for what is fetched: set TMPDIR to one that can be written");
	o.folder = folder;
	o.book = book = book_builtin(e);
	o.ledger = l = book ? ledger_open(job->ledger, LEDGER_WRITE, e) : NULL;
	rc = l ? pull_run(&o, r, s, e) : -RR_STORE;
	if (!rc && r->costs && !o.dry_run) {
		for (unsigned i = 0; i < r->costs; i++)
			cost[i] = r->cost[i];
		rc = cmd_reconcile_files(rec, l, cost, r->costs, NULL, NULL, &q, RECONCILE_TOLERANCE_PICO, &rejected, a,
					 e);
		*reconciled = rc == 0;
	}
	ledger_close(l);
	book_free(book);
	scratch_remove(folder);
	return rc;
}

/* ---- printing ---- */

static void add_keys(struct json_out *w, void *arg)
{
	const struct pulled *p = arg;
	char t[TIME_TEXT];
	jw_key(w, "pulled");
	jw_object(w);
	jw_kcstr(w, "from", time_text(p->result.from_us, t));
	jw_kcstr(w, "to", time_text(p->result.to_us, t));
	jw_ku64(w, "requests", p->result.requests);
	jw_ku64(w, "retries", p->result.retries);
	jw_end_object(w);
	jw_key(w, "reconcile");
	if (p->reconciled) {
		struct sb text;
		sb_init(&text, OUT_BYTES);
		reconcile_json(&p->reconcile, &text);
		jw_raw(w, str_trim(sb_str(&text)));
		sb_fini(&text);
	} else {
		jw_null(w);
	}
}

void pull_reconcile_text(const struct reconcile *r, int64_t now_us, struct sb *out)
{
	char a[MONEY_TEXT], day[TIME_TEXT];
	unsigned shown = 0;
	if (!r->off) {
		sb_addf(out, "reconciled: the ledger agrees with the bill in all %u rows\n", r->count);
		return;
	}
	sb_addf(out, "reconciled: %u of %u rows agree, residual %s %s\n", r->count - r->off, r->count,
			money_text(r->residual_pico, a),
		r->currency.code);
	for (unsigned i = 0; i < r->count && shown < ROWS_SHOWN; i++) {
		const struct reconcile_row *x = &r->rows[i];
		if (x->agrees)
			continue;
		shown++;
		sb_addf(out, "  %s  %.*s  %s %s  %s%s\n", time_date(x->day * US_PER_DAY, day), STR_ARG(x->model),
			money_text(x->residual_pico, a), r->currency.code, x->reason,
			x->day == now_us / US_PER_DAY ? " (the day is not over)" : "");
	}
	if (r->off > shown)
		sb_addf(out, "  ... and %u more: --json has all\n", r->off - shown);
}

static int print(const struct pulled *p, const struct import_summary *s)
{
	struct sb out;
	char a[TIME_TEXT], b[TIME_TEXT];
	int rc;
	sb_init(&out, OUT_BYTES);
	if (globals.json) {
		import_print_json(s, add_keys, (void *)p, &out);
	} else {
		sb_addf(&out, "%s to %s, %u pages fetched\n", time_date(p->result.from_us, a),
			time_date(p->result.to_us - 1, b), p->result.requests - p->result.retries);
		if (s->batches)
			import_print_text(s, &out);
		else
			sb_adds(&out, "nothing was used or billed in it\n");
		if (p->reconciled) {
			sb_addc(&out, '\n');
			pull_reconcile_text(&p->reconcile, cmd_now_us(), &out);
		}
	}
	rc = cmd_print(sb_str(&out));
	sb_fini(&out);
	return rc;
}

/* ---- once, or every so often ---- */

static atomic_bool stop;

static void on_signal(int sig)
{
	(void)sig;
	atomic_store(&stop, true);
}

static int once(const struct pull_job *job, bool strict)
{
	struct import_summary *s = calloc(1, sizeof *s);
	struct pulled p = {0};
	struct err e = {0};
	struct arena a;
	int rc;
	if (!s) {
		err_set(&e, RR_NOMEM, "no memory for what is pulled");
		return cmd_fail(&e);
	}
	arena_init(&a, ARENA_BYTES);
	rc = pull_once(job, &p.result, s, &p.reconcile, &p.reconciled, &a, &e);
	if (!rc || s->batches) { /* what was pulled before it ended is kept */
		int printed = print(&p, s);
		rc = rc ? rc : printed;
	}
	if (e.code)
		rc = cmd_fail(&e);
	else if (!rc)
		rc = s->rows_rejected ? err_exit_code(RR_INPUT) : strict && p.reconciled && p.reconcile.off
				? err_exit_code(RR_RECONCILE) : 0;
	import_summary_fini(s);
	free(s);
	arena_fini(&a);
	return rc;
}

static int every(struct pull_job *job, int64_t us, bool strict)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	job->stop = &stop;
	while (!atomic_load(&stop)) {
		int64_t next = cmd_now_us() + us;
		once(job, strict); /* what went wrong was said; the next one goes on where it was */
		job->since_us = INT64_MIN;
		while (!atomic_load(&stop) && cmd_now_us() < next) {
			struct timespec tick = {.tv_nsec = 200000000};
			nanosleep(&tick, NULL);
		}
	}
	return 0;
}

static int width_of(const char *text, enum pull_width *out, struct err *e)
{
	static const char *const names[] = {"1d", "1h", "1m"};
	for (unsigned i = 0; text && i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum pull_width)i;
			return 0;
		}
	return text ? err_set(e, RR_USAGE, "--width is 1d, 1h or 1m, not %s", text) : 0;
}

static int run(int argc, char **argv)
{
	const char *since = NULL, *width = NULL, *often = NULL;
	struct pull_job job = {.since_us = INT64_MIN};
	bool strict = false;
	const struct opt options[] = {
		{"since", 0, OPT_STR, &since, NULL, "T", pull_help[0].help},
		{"width", 0, OPT_STR, &width, NULL, "W", pull_help[1].help},
		{"every", 0, OPT_STR, &often, NULL, "T", pull_help[2].help},
		{"account", 0, OPT_STR, &job.account, NULL, "NAME", pull_help[3].help},
		{"base", 0, OPT_STR, &job.base, NULL, "URL", pull_help[4].help},
		{"strict", 0, OPT_FLAG, &strict, NULL, NULL, pull_help[5].help},
		{NULL},
	};
	const char *positional[1];
	char path[4096];
	unsigned count = 0;
	struct err e = {0};
	int64_t often_us = 0;
	int rc = cmd_parse(&cmd_pull, argc, argv, options, positional, &count, 1);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	job.vendor = count ? pull_vendor_named(positional[0]) : NULL;
	if (!job.vendor) {
		err_set(&e, RR_USAGE, count ? "there are no pages to pull from %s" : "pull from whom?%s",
			count ? positional[0] : "");
		err_hint(&e, "runrate pull openai, or runrate pull anthropic; for other vendors: runrate import FILE");
		return cmd_fail(&e);
	}
	if (width_of(width, &job.width, &e) || (job.account && strlen(job.account) > 60 && err_set(&e, RR_USAGE,
			"--account is longer than 60 bytes")))
		return cmd_fail(&e);
	if (since && cmd_when("--since", since, tz_get("UTC", &e), false, &job.since_us, &e))
		return cmd_fail(&e);
	if (often && (num_parse_duration(str_of(often), &often_us, &e) || often_us < 60 * US_PER_S)) {
		err_set(&e, RR_USAGE, "--every %s is no time of a minute or more", often);
		err_hint(&e, "write 1d, 12h or 30m");
		return cmd_fail(&e);
	}
	job.dry_run = globals.dry_run;
	job.ledger = ledger_default_path(globals.ledger, path, sizeof path);
	return often ? every(&job, often_us, strict) : once(&job, strict);
}
