/* SPDX-License-Identifier: Apache-2.0
 *
 * The n-th allocation fails, once or for ever, while the ledger is written, read, imported into and undone: what is
 * said to have happened has happened, an error says that it was memory, and with memory the same goes on as if nothing
 * had been. A writer above all never gives up for it.
 */
#include "base/log.h"
#include "ledger/import_store.h"
#include "ledger/store.h"
#include "ledger/writer.h"
#include "ledger_help.h"
#include "oom_help.h"
#include "t.h"

enum { ROWS = 30 };

/* One allocation in so many is taken; with RUNRATE_TEST_ALL each. */
static long step_of(long sampled)
{
	return getenv("RUNRATE_TEST_ALL") ? 1 : sampled;
}

static void fail_from(long n, bool ever)
{
	atomic_store(&for_ever, ever);
	atomic_store(&failures, 0);
	atomic_store(&until_failure, n);
}

static long enough_again(void)
{
	atomic_store(&until_failure, -1);
	return atomic_exchange(&failures, 0);
}

static int add_sum(const struct rollup_row *r, void *arg)
{
	rollup_sum_add(arg, &r->sum, 1);
	return 0;
}

static void call_of(struct call *c, unsigned n)
{
	struct rng r;
	rng_seed(&r, n);
	help_call(c, &r, n * 1000, 6);
	c->start_us += (int64_t)n * 7 * 60 * US_PER_S;
	c->end_us = c->start_us + 1;
}

/* What stands in the ledger, with enough memory; and whether it is sound. */
static struct rollup_sum stands(const char *path)
{
	struct err e = {0};
	struct rollup_sum s = {0};
	struct verify_result *v = malloc(sizeof *v);
	struct ledger *l = help_open(path, LEDGER_READ);
	OK(ledger_rollup(l, INT64_MIN, INT64_MAX, add_sum, &s, &e));
	OK(ledger_verify(l, v, &e));
	T_TRUE(v->ok);
	for (unsigned i = 0; i < v->problems; i++)
		printf("  %s\n", v->problem[i]);
	ledger_close(l);
	free(v);
	return s;
}

static bool said_memory(int rc, const struct err *e)
{
	if (rc && e->code != RR_NOMEM && rc != -RR_NOMEM)
		printf("  %d, %d: %s\n", rc, e->code, e->what);
	return !rc || e->code == RR_NOMEM || rc == -RR_NOMEM;
}

/* Each allocation of `act`; it returns whether all is well. */
static void each(const char *what, long step, bool (*act)(long n, bool ever, long *hit))
{
	long hit = 1, all = 0, bad = 0;
	if (!FAILING) {
		printf("  not counted here: the sanitizer has its own allocator\n");
		return;
	}
	for (long n = 0; hit; n += step) {
		hit = 0;
		if (!act(n, false, &hit) || (hit && n % 3 == 0 && !act(n, true, &hit))) {
			printf("  %s: allocation %ld\n", what, n);
			bad++;
		}
		all = n;
	}
	printf("  %s: %ld allocations, one in %ld\n", what, all, step);
	T_TRUE(all > 300);
	T_EQ_I(bad, 0);
}

/* ---- the writer, from its first commit and roll-ups on ---- */

TEST(a_writer_waits_for_memory)
{
	unsigned gave_up = 0, lost = 0, tries = 0;
	long hit = 1;
	log_init(LOG_OFF, false);
	for (long n = 0; hit && FAILING; n += step_of(40), tries++) {
		struct err e = {0};
		const char *path = help_path();
		struct writer_config c = {.ledger_path = path, .workers = 1, .ring_rows = 64};
		struct writer *w = writer_open(&c, &e);
		unsigned pushed = 0;
		T_TRUE(w != NULL);
		fail_from(n, false);
		for (unsigned i = 0; i < 3; i++) {
			struct call one;
			call_of(&one, i);
			pushed += writer_push(w, 0, &one, STR("{}")) != 0;
			if (i == 0)
				usleep(3000); /* a commit of its own */
		}
		writer_flush(w);
		hit = enough_again();
		gave_up += writer_state(w) != WRITER_OK;
		writer_close(w);
		lost += stands(path).calls != pushed;
		help_clean();
	}
	log_init(LOG_INFO, false);
	printf("  %u tries\n", tries);
	T_TRUE(tries > 8 || !FAILING);
	T_EQ_I(gave_up, 0);
	T_EQ_I(lost, 0);
}

/* ---- a transaction of calls on a ledger that is there ---- */

static const char *calls_path;
static uint64_t calls_there;

static bool add_calls(long n, bool ever, long *hit)
{
	struct err e = {0};
	struct ledger *l = help_open(calls_path, LEDGER_WRITE);
	struct rollup_sum s = {0};
	bool well;
	int rc;
	fail_from(n, ever);
	rc = ledger_begin(l, &e);
	for (unsigned i = 0; i < 3 && !rc; i++) {
		struct call c;
		call_of(&c, i);
		rc = ledger_add_call(l, &c, &e);
	}
	if (!rc)
		rc = ledger_commit(l, &e);
	else
		ledger_rollback(l);
	*hit += enough_again();
	well = said_memory(rc, &e);
	calls_there += rc ? 0 : 3;
	OK(ledger_rollup(l, INT64_MIN, INT64_MAX, add_sum, &s, &e));
	well &= s.calls == calls_there;
	ledger_close(l);
	return well;
}

TEST(a_transaction_is_whole_or_not_at_all)
{
	calls_path = help_path();
	ledger_close(help_open(calls_path, LEDGER_WRITE));
	each("a transaction", step_of(3), add_calls);
	T_EQ_I(stands(calls_path).calls, calls_there);
	help_clean();
}

/* ---- reading ---- */

static const char *read_path;
static struct rollup_sum read_want;

static int fill(struct ledger *l, const char *scope, unsigned from, unsigned to, struct err *e)
{
	struct import_batch b = {.source = "test-usage", .started_us = HELP_T0};
	struct import *im;
	int rc = 0;
	snprintf(b.scope, sizeof b.scope, "%s", scope);
	im = ledger_import_begin(l, &b, false, e);
	if (!im)
		return e->code ? -e->code : -RR_FAIL;
	for (unsigned i = from; i < to && !rc; i++) {
		struct hash128 nat = {i + 1, (uint64_t)scope[0] << 32 | i};
		enum import_result result;
		struct call c;
		call_of(&c, i);
		memset(&c.id, 0, sizeof c.id);
		memset(&c.operation, 0, sizeof c.operation);
		rc = ledger_import_add(im, &c, nat, nat, i, STR("1"), &result, e);
	}
	if (rc) {
		ledger_import_abort(im);
		return rc;
	}
	return ledger_import_finish(im, &b, e);
}

static bool read_all(long n, bool ever, long *hit)
{
	struct err e = {0};
	struct rollup_sum s = {0};
	struct ledger *l;
	int rc = 0;
	fail_from(n, ever);
	l = ledger_open(read_path, LEDGER_READ, &e);
	if (l) /* from within an hour: rows and roll-ups */
		rc = ledger_rollup(l, HELP_T0 + 5, INT64_MAX, add_sum, &s, &e);
	*hit += enough_again();
	if (!l)
		return said_memory(-RR_FAIL, &e);
	ledger_close(l);
	return rc ? said_memory(rc, &e) : s.calls == read_want.calls && s.cost_pico == read_want.cost_pico;
}

TEST(a_report_is_right_or_says_memory)
{
	struct err e = {0};
	struct ledger *l = help_ledger();
	struct call c;
	OK(fill(l, "a", 0, ROWS, &e));
	OK(ledger_begin(l, &e));
	for (unsigned i = 1; i < 9; i++) {
		call_of(&c, i);
		OK(ledger_add_call(l, &c, &e));
	}
	OK(ledger_commit(l, &e));
	read_path = l->path;
	OK(ledger_rollup(l, HELP_T0 + 5, INT64_MAX, add_sum, &read_want, &e));
	T_EQ_I(read_want.calls, ROWS - 1 + 8);
	each("a report", step_of(17), read_all);
	help_done(l);
}

/* ---- importing, and taking it back ---- */

static bool import_one(long n, bool ever, long *hit)
{
	struct err e = {0};
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	bool well;
	int rc;
	fail_from(n, ever);
	rc = fill(l, "a", 0, ROWS, &e);
	*hit += enough_again();
	well = said_memory(rc, &e);
	if (rc) { /* again, as if nothing had been */
		memset(&e, 0, sizeof e);
		well &= fill(l, "a", 0, ROWS, &e) == 0;
		if (e.code)
			printf("  again: %s\n", e.what);
	}
	ledger_close(l);
	well &= stands(path).calls == ROWS;
	help_clean();
	return well;
}

TEST(an_import_is_whole_or_not_at_all)
{
	each("an import", step_of(307), import_one);
}

static bool undo_one(long n, bool ever, long *hit)
{
	struct err e = {0};
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	bool well;
	int rc;
	OK(fill(l, "a", 0, 20, &e));
	OK(fill(l, "a", 10, ROWS, &e));
	fail_from(n, ever);
	rc = ledger_import_undo(l, 2, NULL, &e);
	*hit += enough_again();
	well = said_memory(rc, &e);
	if (rc) {
		memset(&e, 0, sizeof e);
		rc = ledger_import_undo(l, 2, NULL, &e);
		well &= rc == 0 || rc == -RR_EXISTS;
		if (rc)
			printf("  again: %s\n", e.what);
	}
	ledger_close(l);
	well &= stands(path).calls == 20;
	help_clean();
	return well;
}

TEST(an_undo_is_whole_or_not_at_all)
{
	each("an undo", step_of(257), undo_one);
}

T_MAIN
