/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of the ledger: one in a folder of the test's own, and calls that differ in every field.
 */
#ifndef RR_TEST_LEDGER_HELP_H
#define RR_TEST_LEDGER_HELP_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/intern.h"
#include "base/rng.h"
#include "ledger/field.h"
#include "ledger/ledger.h"
#include "t.h"

/* A call that returns 0, else the words in the test's `e`. */
#define OK(call)                                             \
	do {                                                 \
		int ok_rc = (call);                          \
		T_EQ_I(ok_rc, 0);                            \
		if (ok_rc)                                   \
			printf("  %s: %s\n", #call, e.what); \
	} while (0)

static char help_dir[128];

static inline const char *help_path(void)
{
	static char path[200];
	const char *tmp = getenv("TMPDIR");
	snprintf(help_dir, sizeof help_dir, "%s/rr-ledger-XXXXXX", tmp && strlen(tmp) < 90 ? tmp : "/tmp");
	if (!mkdtemp(help_dir))
		abort();
	snprintf(path, sizeof path, "%s/ledger.db", help_dir);
	return path;
}

static inline int help_unlink(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	return remove(path);
}

static inline void help_clean(void)
{
	nftw(help_dir, help_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct ledger *help_open(const char *path, enum ledger_mode mode)
{
	struct err e = {0};
	struct ledger *l = ledger_open(path, mode, &e);
	if (!l) {
		printf("  cannot open: %s\n", e.what);
		abort();
	}
	return l;
}

/* A ledger of the test's own in such a folder; help_done closes it and takes all away. */
static inline struct ledger *help_ledger(void)
{
	return help_open(help_path(), LEDGER_WRITE);
}

static inline void help_done(struct ledger *l)
{
	ledger_close(l);
	help_clean();
}

static inline uint32_t help_name(const char *kind, uint64_t n)
{
	char text[64];
	snprintf(text, sizeof text, "%s-%llu", kind, (unsigned long long)n);
	return intern(str_of(text));
}

#define HELP_T0 INT64_C(1764547200000000) /* 2025-12-01 */

/* A call as a gateway makes them: one of `labels` combinations. */
static inline void help_call(struct call *c, struct rng *r, uint64_t n, unsigned labels)
{
	uint64_t pick = rng_below(r, labels);
	call_init(c);
	c->start_us = HELP_T0 + (int64_t)n * 1000;
	c->id = call_id_make(c->start_us, 7, n);
	c->operation = c->id;
	c->end_us = c->start_us + 800000 + (int64_t)rng_below(r, 3000000);
	c->ttft_us = (uint32_t)(200000 + rng_below(r, 400000));
	c->calls = 1;
	c->status = 200;
	c->streamed = 1;
	c->price_status = PRICE_PRICED;
	c->key = help_name("k", pick % 10);
	c->team = help_name("team", pick % 5);
	c->feature = help_name("feature", pick);
	c->env = intern(STR("production"));
	c->provider = intern(STR("openai"));
	c->surface = intern(STR("openai-chat"));
	c->model_asked = help_name("gpt", pick % 4);
	c->model_answered = help_name("gpt-2026", pick % 4);
	c->currency = intern(STR("USD"));
	c->rule = help_name("rule", pick % 4);
	snprintf(c->vendor_ref, sizeof c->vendor_ref, "chatcmpl-%016llx%012llx", (unsigned long long)rng_u64(r),
		 (unsigned long long)(rng_u64(r) & 0xffffffffffff));
	c->cost_pico = (int64_t)rng_below(r, 20000000000);
	c->prefix_hash = UINT64_C(0xABCDEF0123456789) * (pick + 1);
	c->usage.flags = USAGE_SEEN;
	c->usage.tier = TIER_STANDARD;
	c->usage.tok[CLASS_IN_PLAIN] = rng_below(r, 4000);
	c->usage.tok[CLASS_IN_CACHE_READ] = rng_below(r, 2) ? 1024 : 0;
	c->usage.tok[CLASS_OUT_TEXT] = rng_below(r, 900);
	c->usage.vendor_total_tok = usage_total_tok(&c->usage);
}

/* Every field random, small or huge. */
static inline void help_wild(struct call *c, struct rng *r)
{
	call_init(c);
	for (unsigned i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		char *p = (char *)c + f->offset;
		uint64_t v = rng_below(r, 3) ? 0 : rng_below(r, 2) ? rng_u64(r) : rng_below(r, 300);
		switch (f->kind) {
		case FIELD_NAME:
			field_set(c, f, v ? help_name(f->name, v % 50) : 0);
			break;
		case FIELD_TEXT:
			memset(p, 0, f->size);
			snprintf(p, f->size, "%.*s", (int)rng_below(r, f->size), "abcdefghijklmnopqrstuvwxyz0123456789-_.ABC");
			break;
		case FIELD_ID:
			memcpy(p, &(struct call_id){rng_u64(r), rng_u64(r)}, 16);
			break;
		case FIELD_TIME:
			field_set(c, f, HELP_T0 + (int64_t)rng_below(r, UINT64_C(40) * 86400 * 1000000));
			break;
		case FIELD_FLAG:
			field_set(c, f, v & 1);
			break;
		case FIELD_ENUM:
			field_set(c, f, v % 4);
			break;
		case FIELD_MONEY:
		case FIELD_MONEY_OPT:
			field_set(c, f, rng_below(r, 4) ? (int64_t)(v >> 12) * (rng_below(r, 2) ? 1 : -1) : INT64_MIN + 1);
			break;
		default:
			field_set(c, f, (int64_t)v);
		}
	}
	if (rng_below(r, 2))
		c->operation = c->id;
	if (rng_below(r, 3) == 0)
		c->billed_pico = BILLED_UNKNOWN;
	if (c->calls > 1000000)
		c->calls = 1;
}

/* Fields that differ, named; 0 when none does. */
static inline unsigned help_differ(const struct call *a, const struct call *b)
{
	unsigned bad = 0;
	for (unsigned i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		const char *p = (const char *)a + f->offset, *q = (const char *)b + f->offset;
		bool same = f->kind == FIELD_TEXT ? strncmp(p, q, f->size) == 0 : memcmp(p, q, f->size) == 0;
		if (!same) {
			printf("  field %s differs\n", f->name);
			bad++;
		}
	}
	return bad;
}

#endif
