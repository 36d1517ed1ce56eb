/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger keeps what it was given: every field of a call, names, keys, caps, outlays; it migrates older
 * ledgers, refuses newer ones by name, and two writers take turns.
 */
#include "ledger/jobs.h"
#include "ledger/store.h"

#include <pthread.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "ledger_help.h"
#include "t.h"

TEST(every_field_of_a_call_survives)
{
	struct err e = {0};
	struct rng r;
	enum { N = 500 };
	struct call *in = calloc(N, sizeof *in), out;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	struct call_cursor *cursor;
	unsigned n = 0;
	rng_seed(&r, 1);
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < N; i++) {
		help_wild(&in[i], &r);
		OK(ledger_add_call(l, &in[i], &e));
	}
	OK(ledger_commit(l, &e));
	ledger_close(l);
	l = help_open(path, LEDGER_READ);
	cursor = ledger_calls(l, INT64_MIN, INT64_MAX, &e);
	while (n < N && call_cursor_next(cursor, &out, &e) == 1) {
		T_EQ_I(help_differ(&in[n], &out), 0);
		n++;
	}
	T_EQ_I(n, N);
	T_EQ_I(call_cursor_next(cursor, &out, &e), 0);
	call_cursor_close(cursor);
	T_EQ_I(ledger_find_call(l, in[123].id, &out, &e), 0);
	T_EQ_I(help_differ(&in[123], &out), 0);
	T_EQ_I(ledger_find_call(l, (struct call_id){1, 2}, &out, &e), -RR_NOTFOUND);
	ledger_close(l);
	free(in);
	help_clean();
}

TEST(a_call_is_found_among_many)
{
	struct err e = {0};
	struct rng r;
	struct call c, out;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	rng_seed(&r, 2);
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < 20000; i++) {
		help_call(&c, &r, i, 30);
		OK(ledger_add_call(l, &c, &e));
	}
	OK(ledger_commit(l, &e));
	for (unsigned i = 0; i < 20000; i += 999) {
		T_EQ_I(ledger_find_call(l, call_id_make(HELP_T0 + (int64_t)i * 1000, 7, i), &out, &e), 0);
		T_EQ_I(out.start_us, HELP_T0 + (int64_t)i * 1000);
	}
	help_done(l);
}

TEST(c67_a_typical_row_is_small)
{
	struct err e = {0};
	struct rng r;
	struct call c;
	struct stat st;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	enum { N = 40000 };
	rng_seed(&r, 3);
	for (unsigned i = 0; i < N;) {
		OK(ledger_begin(l, &e));
		for (unsigned k = 0; k < 1000; k++, i++) {
			help_call(&c, &r, i, 50);
			if (ledger_add_call(l, &c, &e))
				T_TRUE(false);
		}
		OK(ledger_commit(l, &e));
	}
	sqlite3_wal_checkpoint_v2(ledger_db(l), NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	ledger_close(l);
	T_EQ_I(stat(path, &st), 0);
	printf("  %lld bytes a row\n", (long long)st.st_size / N);
	T_TRUE(st.st_size / N <= 150);
	help_clean();
}

TEST(rollback_leaves_nothing_and_forgets_its_names)
{
	struct err e = {0};
	struct rng r;
	struct call c, out;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	struct call_cursor *cursor;
	rng_seed(&r, 4);
	help_call(&c, &r, 1, 3);
	c.team = intern(STR("only-in-the-rolled-back-one"));
	OK(ledger_begin(l, &e));
	OK(ledger_add_call(l, &c, &e));
	ledger_rollback(l);
	OK(ledger_begin(l, &e));
	OK(ledger_add_call(l, &c, &e)); /* its name and label must be written again */
	OK(ledger_commit(l, &e));
	ledger_close(l);
	l = help_open(path, LEDGER_READ);
	cursor = ledger_calls(l, INT64_MIN, INT64_MAX, &e);
	T_EQ_I(call_cursor_next(cursor, &out, &e), 1);
	T_EQ_I(help_differ(&c, &out), 0);
	T_EQ_I(call_cursor_next(cursor, &out, &e), 0);
	call_cursor_close(cursor);
	help_done(l);
}

TEST(names_of_another_process_are_found)
{
	/* Two handles add the same and different names in turn; each caches its own numbers. */
	struct err e = {0};
	struct rng r;
	struct call c[60], out;
	const char *path = help_path();
	struct ledger *a = help_open(path, LEDGER_WRITE), *b = help_open(path, LEDGER_WRITE);
	struct call_cursor *cursor;
	rng_seed(&r, 5);
	for (unsigned i = 0; i < 60; i++) {
		struct ledger *l = i % 2 ? a : b;
		help_call(&c[i], &r, i, 12);
		OK(ledger_begin(l, &e));
		OK(ledger_add_call(l, &c[i], &e));
		OK(ledger_commit(l, &e));
	}
	cursor = ledger_calls(a, INT64_MIN, INT64_MAX, &e);
	for (unsigned i = 0; i < 60; i++) {
		T_EQ_I(call_cursor_next(cursor, &out, &e), 1);
		T_EQ_I(help_differ(&c[i], &out), 0);
	}
	call_cursor_close(cursor);
	ledger_close(a);
	help_done(b);
}

struct racer {
	const char *path;
	unsigned id;
	int failed;
};

static void *race(void *arg)
{
	struct racer *x = arg;
	struct err e = {0};
	struct rng r;
	struct call c;
	struct ledger *l = ledger_open(x->path, LEDGER_WRITE, &e);
	rng_seed(&r, x->id);
	for (unsigned i = 0; l && i < 100; i++) {
		x->failed += ledger_begin(l, &e) != 0;
		help_call(&c, &r, x->id * 1000 + i, 20);
		x->failed += ledger_add_call(l, &c, &e) != 0;
		x->failed += ledger_commit(l, &e) != 0;
	}
	x->failed += l == NULL;
	ledger_close(l);
	return NULL;
}

TEST(writers_take_turns)
{
	struct err e = {0};
	struct racer x[4];
	pthread_t t[4];
	const char *path = help_path();
	struct verify_result v;
	struct ledger *l;
	for (unsigned i = 0; i < 4; i++) { /* they race for the creation, too */
		x[i] = (struct racer){path, i + 1, 0};
		pthread_create(&t[i], NULL, race, &x[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		T_EQ_I(x[i].failed, 0);
	}
	l = help_open(path, LEDGER_READ);
	OK(ledger_verify(l, &v, &e));
	T_TRUE(v.ok);
	for (unsigned i = 0; i < v.problems; i++)
		printf("  %s\n", v.problem[i]);
	T_EQ_I(v.calls, 400);
	help_done(l);
}

static int count_key(const struct key_row *k, void *arg)
{
	struct key_row *out = arg;
	out[k->revoked_us != 0] = *k;
	return 0;
}

TEST(keys_are_shown_once_and_kept_as_macs)
{
	struct err e = {0};
	struct key_row k = {.team = "search", .feature = "", .env = "production", .models = "gpt-5.4-mini", .clamp = true};
	struct key_row seen[2] = {0};
	char secret[KEY_SECRET_TEXT], second[KEY_SECRET_TEXT], wrong[KEY_SECRET_TEXT], file[256];
	unsigned char mac[32];
	uint64_t v1, v2;
	struct stat st;
	struct sb bytes;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	OK(ledger_key_mac(l, STR("sk-of-a-vendor"), mac, &e)); /* no key depends on a pepper yet: one is made */
	OK(ledger_settings_version(l, &v1, &e));
	OK(ledger_new_key(l, &k, secret, &e));
	OK(ledger_settings_version(l, &v2, &e));
	T_TRUE(v2 > v1);
	T_EQ_I(strlen(secret), 52);
	T_TRUE(key_secret_well_formed(str_of(secret)));
	OK(ledger_key_mac(l, str_of(secret), mac, &e));
	T_TRUE(memcmp(mac, k.mac, 32) == 0);
	for (unsigned i = 0; i < strlen(secret); i++) { /* any one wrong character is noticed */
		strcpy(wrong, secret);
		wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
		T_TRUE(!key_secret_well_formed(str_of(wrong)));
	}
	T_TRUE(!key_secret_well_formed(STR("")));
	T_TRUE(!key_secret_well_formed(STR("rr_")));
	memcpy(seen, &k, 0);
	k.team[0] = 0;
	OK(ledger_new_key(l, &k, second, &e));
	T_TRUE(strcmp(secret, second) != 0);
	OK(ledger_revoke_key(l, k.id, HELP_T0, &e));
	T_EQ_I(ledger_revoke_key(l, k.id, HELP_T0, &e), -RR_EXISTS);
	T_EQ_I(ledger_revoke_key(l, "k-nonsense", HELP_T0, &e), -RR_NOTFOUND);
	T_TRUE(e.hint[0] != 0);
	OK(ledger_keys(l, count_key, seen, &e));
	T_EQ_S(seen[0].team, "search");
	T_EQ_S(seen[0].models, "gpt-5.4-mini");
	T_TRUE(seen[0].clamp);
	T_EQ_I(seen[1].revoked_us, HELP_T0);
	snprintf(file, sizeof file, "%s-pepper", path);
	T_EQ_I(stat(file, &st), 0);
	T_EQ_I(st.st_mode & 0777, 0600);
	T_EQ_I(stat(path, &st), 0);
	T_EQ_I(st.st_mode & 0777, 0600);
	snprintf(file, sizeof file, "%s-pepper", path);
	T_EQ_I(unlink(file), 0);
	T_EQ_I(ledger_key_mac(l, str_of(secret), mac, &e), -RR_STORE); /* lost: no new one is made behind the keys' back */
	ledger_close(l);
	for (unsigned i = 0; i < 2; i++) { /* the secret stands in no file */
		snprintf(file, sizeof file, "%s%s", path, i ? "-wal" : "");
		sb_init(&bytes, 1 << 26);
		OK(fs_read(file, &bytes, &e));
		T_TRUE(!str_contains(sb_str(&bytes), str_of(secret)));
		T_TRUE(!str_contains(sb_str(&bytes), str_make(secret + 3, 20)));
		sb_fini(&bytes);
	}
	help_clean();
}

struct caps_seen {
	struct cap_row row[4];
	unsigned n;
};

static int see_cap(const struct cap_row *c, void *arg)
{
	struct caps_seen *s = arg;
	if (s->n < 4)
		s->row[s->n++] = *c;
	return 0;
}

TEST(a_cap_replaces_the_one_of_its_scope)
{
	struct err e = {0};
	struct caps_seen seen = {0};
	struct cap_row c = {.book = BOOK_INFERENCE,
			    .rule = {.window = WINDOW_MONTH, .tz = "Europe/London", .hard = true, .currency = {"GBP"},
				     .amount_pico = 200 * PICO_PER_UNIT, .tokens = UINT64_MAX, .jobs = UINT64_MAX}};
	struct ledger *l = help_ledger();
	c.rule.scope.team = intern(STR("search"));
	OK(ledger_set_cap(l, &c, &e));
	c.rule.amount_pico = 300 * PICO_PER_UNIT;
	OK(ledger_set_cap(l, &c, &e));
	OK(ledger_caps(l, see_cap, &seen, &e));
	T_EQ_I(seen.n, 1);
	T_EQ_I(seen.row[0].rule.amount_pico, 300 * PICO_PER_UNIT);
	T_TRUE(seen.row[0].rule.tokens == UINT64_MAX && seen.row[0].rule.hard);
	T_EQ_S(intern_str(seen.row[0].rule.scope.team).p, "search");
	c.book = BOOK_TRAINING;
	c.rule.jobs = 2;
	OK(ledger_set_cap(l, &c, &e));
	seen.n = 0;
	OK(ledger_caps(l, see_cap, &seen, &e));
	T_EQ_I(seen.n, 2);
	OK(ledger_remove_cap(l, seen.row[0].rule.id, &e));
	T_EQ_I(ledger_remove_cap(l, seen.row[0].rule.id, &e), -RR_NOTFOUND);
	c.rule.tokens = 5;
	T_EQ_I(ledger_set_cap(l, &c, &e), -RR_INPUT); /* tokens in the training book */
	c.rule.amount_pico = -1;
	T_EQ_I(ledger_set_cap(l, &c, &e), -RR_RANGE);
	help_done(l);
}

static int see_outlay(const struct outlay *o, void *arg)
{
	struct outlay *out = arg;
	*out = *o;
	return 0;
}

TEST(an_outlay_stands_once)
{
	struct err e = {0};
	struct outlay o = {.id = "o-1", .kind = OUTLAY_FINETUNE, .date_us = HELP_T0, .life_months = 12, .currency = USD,
			   .amount_pico = 8000 * PICO_PER_UNIT, .trained_tok = 12345, .serves = "support-bot",
			   .model = "ft:x", .provider = "openai", .note = "with 'quotes' and \"more\""}, got = {0};
	struct ledger *l = help_ledger();
	OK(ledger_add_outlay(l, &o, &e));
	T_EQ_I(ledger_add_outlay(l, &o, &e), -RR_EXISTS);
	OK(ledger_outlays(l, see_outlay, &got, &e));
	T_TRUE(memcmp(&o, &got, sizeof o) == 0);
	help_done(l);
}

struct seen_jobs {
	unsigned n;
	struct job_row row[4];
};

static int see_job(const struct job_row *j, void *arg)
{
	struct seen_jobs *s = arg;
	s->row[s->n++ % 4] = *j;
	return 0;
}

TEST(open_work_is_claimed_once_and_closed_with_its_end)
{
	struct err e = {0};
	struct seen_jobs seen = {0};
	struct verify_result v;
	struct hash128 object = {1, 2}, other = {3, 4};
	struct job_row a = {.ask = {1, 1}, .kind = JOB_TUNING, .provider = "openai", .match = "file-'1'", .asked_us = HELP_T0,
			    .who = {help_name("k", 1), help_name("team", 1), 0, help_name("gpt", 1), 0}, .currency = USD,
			    .most_pico = 12345, .own_credential = true}, b = a;
	bool first;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	b.ask.lo = 2;
	b.asked_us--;
	OK(ledger_begin(l, &e));
	OK(ledger_job_put(l, &a, &e));
	OK(ledger_job_put(l, &b, &e));
	str_copy(a.id, sizeof a.id, STR("ftjob-1"));
	OK(ledger_job_claim(l, &a, object, HELP_T0, &first, &e));
	T_TRUE(first);
	str_copy(b.id, sizeof b.id, STR("ftjob-1"));
	OK(ledger_job_claim(l, &b, object, HELP_T0, &first, &e)); /* two asks, one object */
	T_TRUE(!first);
	OK(ledger_commit(l, &e));
	ledger_close(l);
	l = help_open(path, LEDGER_WRITE);
	OK(ledger_jobs(l, see_job, &seen, &e));
	T_EQ_I(seen.n, 2);
	T_TRUE(seen.row[0].id[0] == 0 && seen.row[0].ask.lo == 2); /* oldest first, still in doubt */
	T_TRUE(memcmp(&seen.row[1], &a, sizeof a) == 0);
	OK(ledger_begin(l, &e));
	OK(ledger_job_end(l, (struct call_id){0, 0}, JOB_BATCH, STR("openai"), STR("ftjob-1"), &e)); /* another kind */
	OK(ledger_job_end(l, (struct call_id){0, 0}, JOB_TUNING, STR("openai"), STR("ftjob-1"), &e)); /* by its name */
	OK(ledger_job_end(l, (struct call_id){0, 0}, JOB_TUNING, STR("openai"), STR(""), &e)); /* no name is nobody's */
	OK(ledger_commit(l, &e));
	seen.n = 0;
	OK(ledger_jobs(l, see_job, &seen, &e));
	T_EQ_I(seen.n, 1);
	OK(ledger_begin(l, &e)); /* what is over stays taken */
	OK(ledger_job_claim(l, &b, object, HELP_T0, &first, &e));
	T_TRUE(!first);
	OK(ledger_job_claim(l, &b, other, HELP_T0, &first, &e));
	T_TRUE(first);
	OK(ledger_commit(l, &e));
	OK(store_exec(l, "UPDATE job SET most=most*2", &e));
	OK(ledger_verify(l, &v, &e));
	T_TRUE(!v.ok && strstr(v.problem[0], "deferred work ftjob-1") != NULL);
	help_done(l);
}

/* Version 1 as it was: no outlays, no imports. */
TEST(an_older_ledger_is_migrated)
{
	struct err e = {0};
	struct rng r;
	struct call c, out;
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	struct verify_result v;
	rng_seed(&r, 6);
	help_call(&c, &r, 1, 3);
	OK(ledger_begin(l, &e));
	OK(ledger_add_call(l, &c, &e));
	OK(ledger_commit(l, &e));
	OK(store_exec(l, "DROP TABLE outlay; DROP TABLE key; DROP TABLE cap; DROP TABLE batch; DROP TABLE import_call;"
			 "DROP TABLE supersede; DROP TABLE outcome; DROP TABLE once; DROP TABLE hold; DROP TABLE import_key; DROP TABLE delta_hour; DROP TABLE delta_day;"
			 "DROP TABLE job; DROP TABLE repeat; DROP TABLE period; DROP TABLE span; UPDATE meta SET value=1 WHERE name='schema_version'", &e));
	/* and a field that its version did not know yet */
	OK(store_exec(l, "ALTER TABLE label DROP COLUMN class_rule; DELETE FROM field WHERE name='class_rule'", &e));
	ledger_close(l);
	l = help_open(path, LEDGER_READ); /* even a reader meets a ledger that it can read */
	OK(ledger_find_call(l, c.id, &out, &e));
	T_EQ_I(help_differ(&c, &out), 0);
	OK(ledger_verify(l, &v, &e));
	T_TRUE(v.ok);
	for (unsigned i = 0; i < v.problems; i++)
		printf("  %s\n", v.problem[i]);
	help_done(l);
}

TEST(a_newer_or_foreign_ledger_is_refused_by_name)
{
	struct err e = {0};
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	sqlite3 *db;
	OK(store_exec(l, "UPDATE meta SET value=99 WHERE name='schema_version'", &e));
	ledger_close(l);
	T_TRUE(ledger_open(path, LEDGER_WRITE, &e) == NULL);
	T_EQ_I(e.code, RR_STORE);
	T_TRUE(strstr(e.what, "99") != NULL && strstr(e.what, path) != NULL);
	T_TRUE(ledger_open(path, LEDGER_READ, &e) == NULL);
	T_TRUE(strstr(e.what, "99") != NULL);
	help_clean();
	path = help_path();
	T_TRUE(ledger_open(path, LEDGER_READ, &e) == NULL);
	T_EQ_I(e.code, RR_NOTFOUND);
	T_EQ_I(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "CREATE TABLE t(x); INSERT INTO t VALUES(1)", NULL, NULL, NULL);
	sqlite3_close(db);
	T_TRUE(ledger_open(path, LEDGER_WRITE, &e) == NULL);
	T_TRUE(strstr(e.what, "no runrate ledger") != NULL);
	help_clean();
	path = help_path();
	T_EQ_I(fs_write_atomic(path, STR("this is no database, it is a text that is long enough to have a header, really: "
					 "more than one hundred bytes"), 0600, &e), 0);
	T_TRUE(ledger_open(path, LEDGER_WRITE, &e) == NULL);
	T_EQ_I(e.code, RR_STORE);
	help_clean();
}

TEST(raw_usage_and_outcomes_stand_beside_their_call)
{
	struct err e = {0};
	struct rng r;
	struct call c, c2;
	struct verify_result v;
	struct ledger *l = help_ledger();
	rng_seed(&r, 7);
	help_call(&c, &r, 1, 3);
	help_call(&c2, &r, 2, 3);
	c2.accepted = ACCEPTED_YES;
	OK(ledger_begin(l, &e));
	OK(ledger_add_call(l, &c, &e));
	OK(ledger_add_call(l, &c2, &e));
	OK(ledger_add_raw_usage(l, c.id, STR("{\"total_tokens\":-1}"), &e));
	OK(ledger_commit(l, &e));
	OK(ledger_begin(l, &e));
	OK(ledger_add_outcome(l, c.id, true, HELP_T0, &e));
	OK(ledger_commit(l, &e));
	OK(ledger_begin(l, &e));
	T_EQ_I(ledger_add_outcome(l, c.id, false, HELP_T0, &e), -RR_EXISTS);
	T_EQ_I(ledger_add_outcome(l, (struct call_id){5, 5}, true, HELP_T0, &e), -RR_NOTFOUND);
	ledger_rollback(l);
	OK(ledger_begin(l, &e)); /* refused, and nothing of it is there: whoever writes many goes on and commits */
	T_EQ_I(ledger_add_outcome(l, c2.id, true, HELP_T0, &e), -RR_EXISTS);
	OK(ledger_commit(l, &e));
	OK(ledger_verify(l, &v, &e));
	T_TRUE(v.ok);
	for (unsigned i = 0; i < v.problems; i++)
		printf("  %s\n", v.problem[i]);
	help_done(l);
}

T_MAIN
