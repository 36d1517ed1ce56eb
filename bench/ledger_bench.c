/* SPDX-License-Identifier: Apache-2.0
 *
 * How many rows a second the ledger takes at groups of 1, 10, 100 and 1,000, with full sync, on one thread.
 *
 *   ninja -C build bench/ledger_bench && build/bench/ledger_bench [FOLDER] [SECONDS] [GROUP]
 *   ledger_bench fill FILE ROWS      a ledger of that many calls, spread over December 2025
 *   ledger_bench fold FILE           all its rows folded by hour and label, as one JSON line
 *
 * Prints rows/s, microseconds of CPU a row and bytes a row for each group size (or the one); roll-ups are flushed once
 * a second in the same transactions, and checkpoints count. Method as in the measurement that the design rests on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/intern.h"
#include "base/rng.h"
#include "ledger/store.h"

enum { LABELS = 200, SAMPLE = 4096, FILL_GROUP = 10000 };
#define DECEMBER_US INT64_C(1764547200000000) /* 2025-12-01 */
#define DAYS_30_US INT64_C(2592000000000)

static void make_call(struct call *c, struct rng *r, unsigned label)
{
	char text[40];
	call_init(c);
	c->calls = 1;
	c->status = 200;
	c->price_status = PRICE_PRICED;
	snprintf(text, sizeof text, "feature-%u", label);
	c->feature = intern(str_of(text));
	snprintf(text, sizeof text, "team-%u", label % 20);
	c->team = intern(str_of(text));
	c->key = intern(STR("k-0123456789ab"));
	c->env = intern(STR("production"));
	c->provider = intern(STR("openai"));
	c->surface = intern(STR("openai-chat"));
	c->model_asked = c->model_answered = intern(STR("gpt-5.4-mini"));
	c->currency = intern(STR("USD"));
	c->rule = intern(STR("openai/gpt-5.4-mini/in_plain@2026-03-01"));
	snprintf(c->vendor_ref, sizeof c->vendor_ref, "chatcmpl-%016llx%012llx", (unsigned long long)rng_u64(r),
		 (unsigned long long)(rng_u64(r) >> 16));
	c->ttft_us = (uint32_t)(200000 + rng_below(r, 400000));
	c->cost_pico = (int64_t)rng_below(r, 20000000000);
	c->prefix_hash = rng_u64(r) % 50 * UINT64_C(0x9E3779B97F4A7C15);
	c->usage.flags = USAGE_SEEN;
	c->usage.tok[CLASS_IN_PLAIN] = rng_below(r, 4000);
	c->usage.tok[CLASS_IN_CACHE_READ] = rng_below(r, 2) ? 1024 : 0;
	c->usage.tok[CLASS_OUT_TEXT] = rng_below(r, 900);
	c->usage.vendor_total_tok = usage_total_tok(&c->usage);
}

static double cpu_s(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static int measure(const char *folder, unsigned group, double seconds, struct call *sample)
{
	char path[512], side[600];
	struct err e = {0};
	struct ledger *l;
	struct rollup rollup = {0};
	struct stat st;
	struct rng r;
	uint64_t rows = 0, start, now, flushed, longest = 0;
	double cpu;
	int rc = 0;
	snprintf(path, sizeof path, "%s/ledger-bench-%d.db", folder, (int)getpid());
	l = ledger_open(path, LEDGER_WRITE, &e);
	if (!l) {
		fprintf(stderr, "%s\n", e.what);
		return 1;
	}
	rng_seed(&r, 1);
	cpu = cpu_s();
	start = flushed = now = clock_mono(&clock_system);
	while (!rc && (double)(now - start) < seconds * 1e6) {
		uint64_t before = now;
		rc = ledger_begin(l, &e);
		if (!rc && now - flushed > 1000000) {
			rc = rollup_flush(l, &rollup, l->last_row, &e);
			rollup_drop(&rollup);
			flushed = now;
		}
		for (unsigned i = 0; i < group && !rc; i++, rows++) {
			struct call *c = &sample[rng_u64(&r) % SAMPLE];
			struct label *lb;
			c->start_us = DECEMBER_US + (int64_t)rows * 20;
			c->end_us = c->start_us + 900000;
			c->id = c->operation = call_id_make(c->start_us, 1, rows);
			rc = row_add(l, c, ++l->last_row, NULL, &lb, &e);
			if (!rc)
				rc = rollup_fold(&rollup, c, lb, 1);
		}
		if (!rc)
			rc = store_commit_only(l, &e);
		if (!rc)
			rc = store_checkpoint(l, &e);
		now = clock_mono(&clock_system);
		if (now - before > longest)
			longest = now - before;
	}
	cpu = cpu_s() - cpu;
	if (rc)
		fprintf(stderr, "%s\n", e.what);
	sqlite3_wal_checkpoint_v2(ledger_db(l), NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	stat(path, &st);
	printf("%6u  %10.0f  %8.2f  %9.0f  %8.1f\n", group, (double)rows / ((double)(now - start) * 1e-6),
	       cpu * 1e6 / (double)rows, (double)st.st_size / (double)rows, (double)longest * 1e-3);
	rollup_fini(&rollup);
	ledger_close(l);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
		snprintf(side, sizeof side, "%s%s", path, ends[i]);
		unlink(side);
	}
	return rc != 0;
}

static int fill(const char *path, uint64_t rows, struct call *sample)
{
	struct err e = {0};
	struct rollup rollup = {0};
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	struct rng r;
	int rc = l ? 0 : -1;
	rng_seed(&r, 2);
	for (uint64_t at = 0; at < rows && !rc;) {
		rc = ledger_begin(l, &e);
		for (unsigned i = 0; i < FILL_GROUP && at < rows && !rc; i++, at++) {
			struct call *c = &sample[rng_u64(&r) % SAMPLE];
			struct label *lb;
			c->start_us = DECEMBER_US + (int64_t)((__uint128_t)at * DAYS_30_US / rows);
			c->end_us = c->start_us + 900000;
			c->id = c->operation = call_id_make(c->start_us, 1, at);
			rc = row_add(l, c, ++l->last_row, NULL, &lb, &e);
			if (!rc)
				rc = rollup_fold(&rollup, c, lb, 1);
		}
		if (!rc && (rollup.count > 1 << 15 || at == rows)) {
			rc = rollup_flush(l, &rollup, l->last_row, &e);
			rollup_drop(&rollup);
		}
		if (!rc)
			rc = store_commit_only(l, &e);
		if (!rc)
			rc = store_checkpoint(l, &e);
	}
	if (rc)
		fprintf(stderr, "%s\n", e.what);
	else
		sqlite3_wal_checkpoint_v2(ledger_db(l), NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	rollup_fini(&rollup);
	ledger_close(l);
	return rc != 0;
}

static int fold(const char *path)
{
	struct err e = {0};
	struct rollup rollup = {0};
	struct ledger *l = ledger_open(path, LEDGER_READ, &e);
	uint64_t before = clock_mono(&clock_system), calls = 0;
	int rc = l ? rollup_fold_rows(l, &rollup, 0, call_max_row(l, &e), &e) : -1;
	for (uint32_t i = 0; i < rollup.count; i++)
		calls += rollup.items[i].sum.calls;
	if (rc)
		fprintf(stderr, "%s\n", e.what);
	else
		printf("{\"ms\":%.1f,\"calls\":%llu,\"cells\":%u}\n", (double)(clock_mono(&clock_system) - before) * 1e-3,
		       (unsigned long long)calls, rollup.count);
	rollup_fini(&rollup);
	ledger_close(l);
	return rc != 0;
}

int main(int argc, char **argv)
{
	bool filling = argc > 3 && strcmp(argv[1], "fill") == 0;
	const char *folder = argc > 1 ? argv[1] : ".";
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 1;
	unsigned only = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	static const unsigned groups[] = {1, 10, 100, 1000};
	struct call *sample = calloc(SAMPLE, sizeof *sample);
	struct rng r;
	int failed = sample == NULL;
	rng_seed(&r, 7);
	for (unsigned i = 0; i < SAMPLE && sample; i++)
		make_call(&sample[i], &r, (unsigned)rng_below(&r, LABELS));
	if (argc > 2 && strcmp(argv[1], "fold") == 0)
		return fold(argv[2]);
	if (filling)
		return failed || fill(argv[2], strtoull(argv[3], NULL, 10), sample);
	printf(" group      rows/s  us CPU/row  bytes/row  longest ms\n");
	for (unsigned i = 0; i < 4 && !failed; i++)
		if (!only || only == groups[i])
			failed = measure(folder, groups[i], seconds, sample);
	free(sample);
	return failed;
}
