/* SPDX-License-Identifier: Apache-2.0
 *
 * In-flight slots, and the promise that they and the writer keep together: kill -9 at any moment, and after the
 * restart every acknowledged call is in the ledger exactly once, every call that was under way is there exactly
 * once as a crash with its band, roll-ups equal rows, and nothing else is there.
 *
 * The crash test kills 24 child processes at random moments, some of them again during recovery. A child tells
 * its truth through a pipe, one 17-byte record at a time (atomic below PIPE_BUF): what it began, what was
 * acknowledged.
 */
#include "ledger/inflight.h"
#include "ledger/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/log.h"
#include "ledger_help.h"
#include "t.h"

static struct inflight_slot slot_of(const struct call *c, int64_t high)
{
	struct inflight_slot s = {.id = c->id, .start_us = c->start_us, .key = "k-1", .team = "search", .feature = "bot",
				  .env = "production", .provider = "openai", .model = "gpt-5.4-mini", .high_pico = high,
				  .currency = "USD"};
	return s;
}

static int count_slot(const struct inflight_slot *s, void *arg)
{
	(*(unsigned *)arg)++;
	return 0;
}

TEST(slots_are_taken_up_to_the_limit_and_come_back)
{
	struct err e = {0};
	struct rng r;
	struct call c;
	const char *path = help_path();
	struct inflight *f = inflight_open(path, 0, 300, &e);
	struct inflight_slot s;
	int at[300];
	rng_seed(&r, 1);
	help_call(&c, &r, 1, 3);
	s = slot_of(&c, 5);
	for (unsigned i = 0; i < 300; i++) {
		s.id.lo = i;
		at[i] = inflight_take(f, &s);
		T_TRUE(at[i] >= 0);
	}
	T_EQ_I(inflight_take(f, &s), -1);
	T_EQ_I(inflight_count(f), 300);
	for (unsigned i = 0; i < 300; i += 2)
		inflight_clear(f, at[i]);
	T_EQ_I(inflight_count(f), 150);
	T_TRUE(inflight_take(f, &s) >= 0);
	inflight_close(f);
	help_clean();
}

TEST(leftovers_become_crashed_calls_with_their_band)
{
	struct err e = {0};
	struct rng r;
	struct call c, recorded, out;
	uint64_t closed;
	unsigned left = 0;
	char name[256];
	const char *path = help_path();
	struct ledger *l = help_open(path, LEDGER_WRITE);
	struct inflight *f = inflight_open(path, 3, 100, &e);
	struct inflight_slot s;
	struct verify_result v;
	int at, fd;
	rng_seed(&r, 2);
	help_call(&recorded, &r, 1, 3);
	T_EQ_I(ledger_begin(l, &e), 0);
	T_EQ_I(ledger_add_call(l, &recorded, &e), 0);
	T_EQ_I(ledger_commit(l, &e), 0);
	s = slot_of(&recorded, 7); /* durable, but its slot was not cleared yet */
	inflight_take(f, &s);
	help_call(&c, &r, 2, 3);
	s = slot_of(&c, 900);
	at = inflight_take(f, &s);
	inflight_progress(f, at, 321, 250);
	s.id.lo++;
	at = inflight_take(f, &s);
	inflight_close(f);
	snprintf(name, sizeof name, "%s-inflight-3", path); /* the last one is torn */
	fd = open(name, O_RDWR);
	T_EQ_I(pwrite(fd, "X", 1, at * 256 + 30), 1);
	close(fd);
	T_EQ_I(inflight_leftovers(l, count_slot, &left, &e), 0);
	T_EQ_I(left, 1);
	T_EQ_I(inflight_recover(l, &closed, &e), 0);
	T_EQ_I(closed, 1);
	T_TRUE(access(name, F_OK) != 0);
	T_EQ_I(inflight_recover(l, &closed, &e), 0);
	T_EQ_I(closed, 0);
	T_EQ_I(ledger_find_call(l, c.id, &out, &e), 0);
	T_EQ_I(out.outcome, OUTCOME_CRASHED);
	T_EQ_I(out.provenance, PROV_ESTIMATED);
	T_EQ_I(out.low_pico, 250);
	T_EQ_I(out.high_pico, 900);
	T_EQ_I(out.usage.tok[CLASS_OUT_TEXT], 321);
	T_EQ_S(intern_str(out.team).p, "search");
	T_EQ_S(intern_str(out.model_asked).p, "gpt-5.4-mini");
	T_EQ_I(ledger_verify(l, &v, &e), 0);
	T_TRUE(v.ok);
	T_EQ_I(v.orphans, 1);
	T_EQ_I(v.recorded, 2);
	help_done(l);
}

TEST(recovery_waits_for_no_running_gateway)
{
	struct err e = {0};
	uint64_t closed;
	const char *path = help_path();
	struct writer_config config = {.ledger_path = path, .workers = 1, .ring_rows = 64};
	struct writer *w = writer_open(&config, &e);
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	T_EQ_I(inflight_recover(l, &closed, &e), -RR_STORE); /* it would close calls that are under way */
	writer_close(w);
	T_EQ_I(inflight_recover(l, &closed, &e), 0);
	help_done(l);
}

/* ---- kill -9 ---- */

enum { RUNS = 24, WINDOW = 64, STREAMS = 5, IDS_MOST = 1 << 20 };

static void tell(int pipe, char what, struct call_id id)
{
	char record[17];
	record[0] = what;
	memcpy(record + 1, &id, 16);
	if (write(pipe, record, sizeof record) != sizeof record)
		_exit(3);
}

/* A gateway in small: slots, rows, acknowledgements; some calls stay under way for good. */
static void child(const char *path, unsigned run, int pipe)
{
	struct err e = {0};
	struct rng r;
	struct call c;
	struct call_id id[WINDOW];
	int slot[WINDOW];
	uint64_t closed, pushed = 0, acked = 0;
	struct writer_config config = {.ledger_path = path, .workers = 1, .ring_rows = 1024};
	struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
	struct writer *w;
	struct inflight *f;
	if (!l || inflight_recover(l, &closed, &e))
		_exit(4);
	ledger_close(l);
	f = inflight_open(path, 0, 256, &e);
	w = writer_open(&config, &e);
	if (!f || !w)
		_exit(5);
	rng_seed(&r, run);
	for (unsigned i = 0; i < STREAMS; i++) {
		struct inflight_slot s;
		help_call(&c, &r, run * 1000000u + i, 20);
		s = slot_of(&c, 1000 + i);
		tell(pipe, 'b', c.id);
		inflight_progress(f, inflight_take(f, &s), i, 10);
	}
	for (uint64_t n = STREAMS;; n++) {
		struct inflight_slot s;
		help_call(&c, &r, run * 1000000u + n, 20);
		s = slot_of(&c, c.cost_pico);
		tell(pipe, 'b', c.id);
		slot[pushed % WINDOW] = inflight_take(f, &s);
		id[pushed % WINDOW] = c.id;
		if (!writer_push(w, 0, &c, STR("")))
			_exit(6);
		pushed++;
		do {
			uint64_t done = writer_done(w, 0);
			for (; acked < done; acked++) {
				tell(pipe, 'a', id[acked % WINDOW]); /* the answer's end is released */
				inflight_clear(f, slot[acked % WINDOW]);
			}
		} while (pushed - acked >= WINDOW);
	}
}

struct truth {
	struct call_id *begun, *acked;
	size_t begun_n, acked_n;
};

static int id_order(const void *a, const void *b)
{
	const struct call_id *x = a, *y = b;
	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static void read_truth(int fd, struct truth *t)
{
	char record[17];
	while (read(fd, record, sizeof record) == sizeof record) {
		struct call_id id;
		memcpy(&id, record + 1, 16);
		if (record[0] == 'b' && t->begun_n < IDS_MOST)
			t->begun[t->begun_n++] = id;
		if (record[0] == 'a' && t->acked_n < IDS_MOST)
			t->acked[t->acked_n++] = id;
	}
}

/* Starts a process, lets it run for so long while its pipe is read, and kills it. */
static void run_and_kill(const char *path, unsigned run, int64_t us, bool recovery_only, struct truth *t)
{
	int fd[2], status;
	pid_t pid;
	uint64_t end = clock_mono(&clock_system) + (uint64_t)us;
	if (pipe(fd))
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		if (recovery_only) {
			struct err e;
			uint64_t closed;
			struct ledger *l = ledger_open(path, LEDGER_WRITE, &e);
			if (l)
				inflight_recover(l, &closed, &e);
			_exit(0);
		}
		child(path, run, fd[1]);
		_exit(0);
	}
	close(fd[1]);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	while (clock_mono(&clock_system) < end) {
		struct pollfd p = {fd[0], POLLIN, 0};
		poll(&p, 1, 1);
		read_truth(fd[0], t);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!recovery_only)
		T_TRUE(WIFSIGNALED(status)); /* it was killed, it did not stop by itself */
	read_truth(fd[0], t);
	close(fd[0]);
}

TEST(kill_9_at_random_moments_loses_and_doubles_nothing)
{
	struct truth t = {calloc(IDS_MOST, 16), calloc(IDS_MOST, 16), 0, 0};
	const char *path = help_path();
	struct rng r;
	uint64_t crashed_total = 0;
	rng_seed(&r, 99);
	for (unsigned run = 1; run <= RUNS; run++) {
		struct err e = {0};
		struct verify_result v;
		struct ledger *l;
		struct call_cursor *cursor;
		struct call c;
		struct call_id *ok = calloc(IDS_MOST, 16), *crashed = calloc(IDS_MOST, 16);
		size_t ok_n = 0, crashed_n = 0;
		uint64_t closed;
		int rc;
		run_and_kill(path, run, (int64_t)rng_below(&r, 200000) + 5000, false, &t);
		if (run % 3 == 0) /* killed again while it recovers */
			run_and_kill(path, run, (int64_t)rng_below(&r, 6000) + 200, true, &t);
		l = ledger_open(path, LEDGER_WRITE, &e);
		T_EQ_I(inflight_recover(l, &closed, &e), 0);
		T_EQ_I(ledger_verify(l, &v, &e), 0);
		T_TRUE(v.ok);
		for (unsigned i = 0; i < v.problems; i++)
			printf("  run %u: %s\n", run, v.problem[i]);
		cursor = ledger_calls(l, INT64_MIN, INT64_MAX, &e);
		while ((rc = call_cursor_next(cursor, &c, &e)) == 1 && ok_n + crashed_n < IDS_MOST) {
			if (c.outcome == OUTCOME_CRASHED)
				crashed[crashed_n++] = c.id;
			else
				ok[ok_n++] = c.id;
		}
		T_EQ_I(rc, 0);
		call_cursor_close(cursor);
		ledger_close(l);
		qsort(ok, ok_n, 16, id_order);
		qsort(crashed, crashed_n, 16, id_order);
		qsort(t.begun, t.begun_n, 16, id_order);
		for (size_t i = 1; i < ok_n; i++)
			T_TRUE(id_order(&ok[i - 1], &ok[i]) != 0);
		for (size_t i = 1; i < crashed_n; i++)
			T_TRUE(id_order(&crashed[i - 1], &crashed[i]) != 0);
		for (size_t i = 0; i < t.acked_n; i++) { /* acknowledged: there, once, and not as a crash */
			T_TRUE(bsearch(&t.acked[i], ok, ok_n, 16, id_order) != NULL);
			T_TRUE(bsearch(&t.acked[i], crashed, crashed_n, 16, id_order) == NULL);
		}
		for (size_t i = 0; i < crashed_n; i++) {
			T_TRUE(bsearch(&crashed[i], ok, ok_n, 16, id_order) == NULL);
			T_TRUE(bsearch(&crashed[i], t.begun, t.begun_n, 16, id_order) != NULL);
		}
		/* Every call that began is recorded, but for the one whose slot was not filled yet at each kill. */
		T_TRUE(ok_n + crashed_n + run >= t.begun_n && ok_n + crashed_n <= t.begun_n);
		crashed_total = crashed_n;
		free(ok);
		free(crashed);
	}
	printf("  %zu begun, %zu acknowledged, %llu closed after crashes\n", t.begun_n, t.acked_n,
	       (unsigned long long)crashed_total);
	T_TRUE(t.acked_n > 1000 && crashed_total >= STREAMS * RUNS / 2);
	free(t.begun);
	free(t.acked);
	help_clean();
}

int main(int argc, char **argv)
{
	log_init(LOG_OFF, false);
	return t_run(argc, argv);
}
