/* SPDX-License-Identifier: Apache-2.0
 *
 * verify finds damage. Every 512-byte block of a small ledger has one bit flipped, and again its bytes zeroed, and
 * the file is cut at every block: never a crash, and whenever a reader would see other rows or other sums than
 * before, verify says that something is wrong.
 */
#include "ledger/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "ledger/import_store.h"
#include "ledger_help.h"
#include "t.h"

static void fill(const char *path)
{
	struct err e = {0};
	struct rng r;
	struct call c;
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	struct outlay o = {.id = "o-1", .kind = OUTLAY_FINETUNE, .date_us = HELP_T0, .currency = USD, .amount_pico = 77};
	struct key_row k = {.team = "search"};
	struct import_batch b = {.source = "x"};
	struct import *im;
	enum import_result result;
	char secret[KEY_SECRET_TEXT];
	rng_seed(&r, 31);
	ledger_begin(l, &e);
	for (unsigned i = 0; i < 400; i++) {
		help_call(&c, &r, i * 50000, 12);
		if (i % 40 == 0)
			ledger_add_raw_usage(l, c.id, STR("{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":99}"), &e);
		if (ledger_add_call(l, &c, &e))
			T_TRUE(false);
	}
	ledger_commit(l, &e);
	ledger_add_outlay(l, &o, &e);
	ledger_new_key(l, &k, secret, &e);
	im = ledger_import_begin(l, &b, false, &e);
	for (unsigned i = 0; i < 100; i++) {
		help_call(&c, &r, i * 90000, 12);
		ledger_import_add(im, &c, hash_xxh3_128(&i, sizeof i), hash_xxh3_128(&c.cost_pico, 8), i, STR("1.5"), &result, &e);
	}
	T_EQ_I(ledger_import_finish(im, &b, &e), 0);
	sqlite3_wal_checkpoint_v2(ledger_db(l), NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	ledger_close(l);
}

static int add(const struct rollup_row *r, void *arg)
{
	uint64_t *h = arg;
	/* a commutative digest: order does not matter, names do */
	struct str team = intern_str(r->key.team), feature = intern_str(r->key.feature);
	uint64_t w[6] = {(uint64_t)r->key.hour_us, r->sum.calls, (uint64_t)r->sum.cost_pico, r->sum.input_tok,
			 hash_xxh3(team.p, team.n), hash_xxh3(feature.p, feature.n)};
	*h += hash_xxh3(w, sizeof w);
	return 0;
}

/* What a reader sees: a digest of all rows and roll-ups. *whole: it could read everything. */
static uint64_t digest(const char *path, bool *whole)
{
	struct err e = {0};
	struct ledger *l = ledger_open(path, LEDGER_READ, &e);
	uint64_t h = 0;
	struct call_cursor *cursor;
	struct sb text;
	struct call c;
	int rc = -1;
	*whole = false;
	if (!l)
		return 0;
	cursor = ledger_calls(l, INT64_MIN, INT64_MAX, &e);
	sb_init(&text, 1 << 16);
	while (cursor && (rc = call_cursor_next(cursor, &c, &e)) == 1) {
		struct json_out w;
		sb_clear(&text);
		jw_init(&w, &text);
		jw_object(&w);
		call_json(&c, &w);
		jw_end_object(&w);
		h = hash_xxh3_seed(text.p, text.n, h);
	}
	sb_fini(&text);
	call_cursor_close(cursor);
	*whole = rc == 0 && ledger_rollup(l, INT64_MIN, INT64_MAX, add, &h, &e) == 0;
	ledger_close(l);
	return h;
}

static bool verified(const char *path, struct verify_result *v, bool *opens)
{
	struct err e = {0};
	struct ledger *l = ledger_open(path, LEDGER_READ, &e);
	bool ok = false;
	if (opens)
		*opens = l != NULL;
	if (l && ledger_verify(l, v, &e) == 0)
		ok = v->ok;
	ledger_close(l);
	return ok;
}

static void write_damaged(const char *path, struct str whole, size_t at, int how, unsigned bit)
{
	char side[256];
	int fd;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(side, sizeof side, "%s%s", path, i ? "-wal" : "-shm");
		unlink(side);
	}
	fd = open(path, O_WRONLY | O_TRUNC);
	if (how == 2) {
		T_EQ_I(write(fd, whole.p, at), at);
	} else {
		char *copy = malloc(whole.n);
		size_t n = whole.n - at < 512 ? whole.n - at : 512;
		memcpy(copy, whole.p, whole.n);
		if (how == 0)
			copy[at + bit / 8 % n] ^= (char)(1 << bit % 8);
		else
			memset(copy + at, 0, n);
		T_EQ_I(write(fd, copy, whole.n), whole.n);
		free(copy);
	}
	close(fd);
}

/* How many rows of live calls the problems name, one by one or as a range; rows behind `rows` do not count. */
static uint64_t named_rows(const struct verify_result *v, uint64_t rows)
{
	static bool named[1024];
	uint64_t n = 0;
	memset(named, 0, sizeof named);
	for (unsigned i = 0; i < v->problems; i++) {
		long long from, to;
		if (sscanf(v->problem[i], "call rows %lld to %lld", &from, &to) != 2) {
			if (sscanf(v->problem[i], "call row %lld", &from) != 1)
				continue;
			to = from;
		}
		for (long long row = from > 0 ? from : 1; row <= to && row <= (long long)rows; row++)
			named[row] = true;
	}
	for (uint64_t row = 1; row <= rows; row++)
		n += named[row];
	return n;
}

static void damage_everywhere(int how, unsigned rounds)
{
	const char *path = help_path();
	struct err e = {0};
	struct sb file;
	struct verify_result *v = malloc(sizeof *v);
	struct rng r;
	bool whole;
	uint64_t before;
	/* with RUNRATE_TEST_ALL every block in each round; without, every third one, another one in each */
	size_t step = getenv("RUNRATE_TEST_ALL") ? 1 : 3;
	unsigned seen = 0, changed = 0, blocks = 0, unnamed = 0;
	uint64_t rows, all_lost = 0;
	fill(path);
	before = digest(path, &whole);
	T_TRUE(whole);
	T_TRUE(verified(path, v, NULL));
	for (unsigned i = 0; i < v->problems; i++)
		printf("  %s\n", v->problem[i]);
	rows = v->recorded;
	sb_init(&file, 1 << 26);
	T_EQ_I(fs_read(path, &file, &e), 0);
	rng_seed(&r, 32);
	for (unsigned round = 0; round < rounds; round++) {
		for (size_t at = round % step * 512; at < file.n; at += step * 512) {
			uint64_t after;
			bool ok, opens;
			write_damaged(path, sb_str(&file), at, how, (unsigned)rng_below(&r, 4096));
			after = digest(path, &whole);
			ok = verified(path, v, &opens);
			blocks++;
			if (opens && v->recorded < rows && v->problems < 32) { /* what is not read is named, row by row or as a range */
				uint64_t lost = rows - v->recorded, told = named_rows(v, rows);
				all_lost += lost;
				if (told < lost) {
					printf("  block %zu: %llu rows are not read, %llu are named: %s\n", at / 512, (unsigned long long)lost,
					       (unsigned long long)told, v->problem[0]);
					unnamed++;
				}
			}
			seen += !ok;
			changed += !whole || after != before;
			if (ok && (!whole || after != before)) {
				printf("  block %zu of %zu: a reader sees a change, verify does not\n", at / 512, file.n / 512);
				T_TRUE(false);
			}
		}
	}
	printf("  %u damages, %u seen by readers, %u named by verify; %llu rows were lost in all, %.1f a damage\n", blocks, changed, seen,
	       (unsigned long long)all_lost, blocks ? (double)all_lost / blocks : 0);
	T_EQ_I(unnamed, 0);
	T_TRUE(seen >= changed && seen > 0);
	sb_fini(&file);
	free(v);
	help_clean();
}

TEST(every_flipped_bit_that_changes_a_row_is_found) { damage_everywhere(0, 2); }
TEST(every_zeroed_block_that_changes_a_row_is_found) { damage_everywhere(1, 2); }
TEST(every_truncation_that_loses_a_row_is_found) { damage_everywhere(2, 1); }

/* A lie that is well formed for SQLite: only checksums and sums can tell. */
static void lie(const char *sql, const char *word)
{
	const char *path = help_path();
	struct err e = {0};
	struct verify_result *v = malloc(sizeof *v);
	sqlite3 *db;
	bool named = false;
	fill(path);
	T_EQ_I(sqlite3_open(path, &db), SQLITE_OK);
	T_EQ_I(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	T_TRUE(sqlite3_total_changes(db) > 0);
	sqlite3_close(db);
	T_TRUE(!verified(path, v, NULL));
	for (unsigned i = 0; i < v->problems; i++)
		named = named || strstr(v->problem[i], word) != NULL;
	if (!named)
		printf("  %s: not named (\"%s\"): %s\n", sql, word, v->problems ? v->problem[0] : "");
	T_TRUE(named);
	free(v);
	(void)e;
	help_clean();
}

TEST(well_formed_lies_are_found)
{
	lie("UPDATE call SET cost=cost+1 WHERE row=7", "call row 7 ");
	lie("UPDATE call SET start=start+3600000000 WHERE row=8", "call row 8 ");
	lie("UPDATE call SET label=label%3+1 WHERE row=9", "call row 9 ");
	lie("UPDATE call SET vendor_ref='x' WHERE row=10", "call row 10 ");
	lie("DELETE FROM call WHERE row=11", "call rows 11 to 11");
	lie("DELETE FROM call WHERE row=400", "claim rows up to 400");
	lie("UPDATE call SET row=1000 WHERE row=400", "call row 1000 ");
	lie("UPDATE name SET text='other' WHERE id=2", "name 2 ");
	lie("UPDATE label SET team=team+1 WHERE id=1", "label 1 ");
	lie("UPDATE rollup_hour SET cost_lo=cost_lo+1", "roll-up of hour");
	lie("UPDATE rollup_day SET calls=calls-1", "roll-up of day");
	lie("DELETE FROM rollup_hour", "roll-up of hour");
	lie("UPDATE import_call SET label=label%3+1 WHERE row=5", "import row 5 ");
	lie("UPDATE import_call SET claimed='2.5' WHERE row=6", "import row 6 ");
	lie("UPDATE batch SET state=2", "roll-up");
	lie("UPDATE outlay SET amount=amount*10", "outlay o-1");
	lie("UPDATE key SET team='others'", "key k-");
	lie("UPDATE raw_usage SET raw='{}'", "raw usage");
	lie("UPDATE meta SET value=value-1 WHERE name='rollup_row'", "roll-up");
}

int main(int argc, char **argv)
{
	log_init(LOG_OFF, false);
	return t_run(argc, argv);
}
