/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger: where calls and outlays are kept. SQLite, WAL, full sync.
 *
 * 1. Append-only: a call, once written, is never updated; a correction is a new row that supersedes.
 * 2. One writer at a time over all processes: each write transaction *and* its checkpoint run under an
 *    exclusive flock of LEDGER-lock (SQLite up to 3.51.2 can corrupt a WAL database when two connections
 *    write and checkpoint at once). Automatic checkpoints are off; so is the one at close.
 * 3. One gateway at a time: it holds LEDGER-gateway for its life. Other processes may write (keys, caps,
 *    outlays, imports) between its commits.
 * 4. No secondary index on the tables of calls (what is known of times: span.c). Roll-ups answer reports; they carry a
 * high-water row id, written in the transaction that flushes them, and can be recomputed from the rows at any time.
 * 5. Live calls stand in `call`, imported ones in `import_call` (same fields, a natural key, a batch).
 * 6. Each row has a checksum over its fields; `verify` checks it.
 * 7. Sums of money are made from high and low parts: SQL sum() overflows near 9.2 M units at 10^-12.
 */
#ifndef RR_LEDGER_LEDGER_H
#define RR_LEDGER_LEDGER_H

#include "base/err.h"
#include "base/hash.h"
#include "model/call.h"
#include "model/cap.h"
#include "model/fx.h"
#include "model/outlay.h"

struct ledger;
struct sqlite3;

enum ledger_mode { LEDGER_READ, LEDGER_WRITE };

/* --ledger PATH, else $RUNRATE_LEDGER, else the XDG data folder. Returns out. */
char *ledger_default_path(const char *flag, char *out, size_t size);
/* Creates the file and its folder for LEDGER_WRITE; migrates an older schema; refuses a newer one by name.
 * LEDGER_READ of a file that does not exist: -RR_NOTFOUND in e. NULL on error. One per thread. */
struct ledger *ledger_open(const char *path, enum ledger_mode mode, struct err *e);
void ledger_close(struct ledger *l);
const char *ledger_path(const struct ledger *l);
struct sqlite3 *ledger_db(struct ledger *l); /* for this folder and read-only SQL of report */

/* A gateway goes on where a single row of what it reads is damaged (a key, a hold, deferred work, an outlay, a call, a
 * label): the row is named in the log, once, left where it is, and passed by. Everybody else is told by an error. Caps
 * are no such rows: a limit that somebody set does not vanish. */
void ledger_pass_damage(struct ledger *l); /* NULL is fine */

/* A write transaction under the lock of rule 2. commit also checkpoints when enough pages wait. */
int ledger_begin(struct ledger *l, struct err *e);
int ledger_commit(struct ledger *l, struct err *e);
void ledger_rollback(struct ledger *l);

/* Calls. Within a transaction. */
int ledger_add_call(struct ledger *l, const struct call *c, struct err *e);
/* A vendor's raw usage block, for flagged rows only (contract.md section 3, Classes). */
int ledger_add_raw_usage(struct ledger *l, struct call_id id, struct str raw, struct err *e);
int ledger_find_call(struct ledger *l, struct call_id id, struct call *out, struct err *e);

/* A stream of calls in row order: live ones, then current imported ones. The call is overwritten by the
 * next step. from/to bound start_us. 1 a row, 0 the end, <0 error. */
struct call_cursor;
struct call_cursor *ledger_calls(struct ledger *l, int64_t from_us, int64_t to_us, struct err *e);
int call_cursor_next(struct call_cursor *c, struct call *out, struct err *e);
void call_cursor_close(struct call_cursor *c);

/* Outlays. add: -RR_EXISTS when the id is there (an outlay that came from a job stands once). */
int ledger_add_outlay(struct ledger *l, const struct outlay *o, struct err *e);
/* All outlays by date; calls fn for each. */
int ledger_outlays(struct ledger *l, int (*fn)(const struct outlay *o, void *arg), void *arg, struct err *e);

/* Keys and caps are written in transactions of their own; an outlay joins the one that is open. */
/* Virtual keys: only an HMAC of the secret is kept; `secret` is shown once. */
struct key_row {
	char id[24];            /* "k-..." */
	unsigned char mac[32];  /* HMAC-SHA-256 of the secret under the ledger's pepper */
	char team[64], feature[64], env[32];
	char models[512];       /* comma list; "" = all */
	char regions[128];      /* comma list; "" = all */
	bool clamp;             /* a lower output limit may be spliced in instead of a refusal */
	/* its own limits; 0 = those of the configuration */
	uint64_t requests_per_minute, tokens_per_minute, active;
	int64_t created_us, revoked_us; /* 0 = not revoked */
};
enum { KEY_SECRET_TEXT = 64 };
/* Makes the secret ("rr_" + 43 base62 characters + 6 of checksum), stores its MAC. */
int ledger_new_key(struct ledger *l, struct key_row *k, char secret[KEY_SECRET_TEXT], struct err *e);
int ledger_revoke_key(struct ledger *l, const char *id, int64_t now_us, struct err *e);
int ledger_keys(struct ledger *l, int (*fn)(const struct key_row *k, void *arg), void *arg, struct err *e);
/* The MAC under which a presented secret is looked up. The pepper stands in LEDGER-pepper (mode 0600). */
int ledger_key_mac(struct ledger *l, struct str secret, unsigned char mac[32], struct err *e);
/* Is the checksum of a presented "rr_..." right? (typing errors, secret scanners) */
bool key_secret_well_formed(struct str secret);

/* Caps as configured by commands (configuration files add theirs at start). */
struct cap_row {
	enum book_kind book; /* BOOK_INFERENCE or BOOK_TRAINING */
	struct cap_rule rule;
};
int ledger_set_cap(struct ledger *l, const struct cap_row *c, struct err *e); /* same book, scope, window: replaces */
int ledger_remove_cap(struct ledger *l, const char *id, struct err *e);
int ledger_caps(struct ledger *l, int (*fn)(const struct cap_row *c, void *arg), void *arg, struct err *e);
/* Grows with each change of keys, caps, levers: a gateway polls it and reloads. */
int ledger_settings_version(struct ledger *l, uint64_t *version, struct err *e);
/* What a scope has spent in [from, to), from roll-ups and the tail: to seed a cap at start. Other currencies count at
 * the day's rate; without one they are left out, as a hard cap refused such calls and a soft one counts what it can. */
int ledger_spent(struct ledger *l, const struct cap_scope *scope, int64_t from_us, int64_t to_us, struct currency cur,
		 struct fx fx, int64_t *pico, uint64_t *tok, struct err *e);

/* Where a cap stands: its window that holds now, and what was spent in it. A training cap counts outlays by their date
 * (and training calls); jobs are training runs and fine-tunes. reserved: what calls under way hold. */
struct cap_state {
	int64_t from_us, to_us;
	int64_t spent_pico, reserved_pico;
	uint64_t spent_tok, spent_jobs, reserved_jobs;
};
int ledger_cap_state(struct ledger *l, const struct cap_row *c, struct fx fx, int64_t now_us, struct cap_state *out,
		     struct err *e);
/* "team search, feature bot", or "everything". Returns out. */
char *cap_scope_text(const struct cap_scope *s, char *out, size_t size);

/* Totals by any of the roll-up dimensions, for reports: hourly rows summed, the unflushed tail added, imported
 * rows included. */
struct rollup_key {
	int64_t hour_us;   /* start of the hour, or of the group that was asked for */
	uint8_t book, env_production, provenance, price_status, tier, outcome_class;
	uint32_t key, team, feature, env, provider, model, region, currency, project, surface;
	uint32_t model_asked; /* model is the one that answered, or this where none did */
	uint16_t levers;
};
struct rollup_sum {
	uint64_t calls, tok[CLASSES], input_tok, output_tok;
	money_wide cost_pico, low_pico, high_pico, billed_pico, saved_pico;
	uint64_t accepted, refused, tools;
};
struct rollup_row {
	struct rollup_key key;
	struct rollup_sum sum;
};
/* Every roll-up row whose hour lies in [from, to); the caller folds. The bounds are exact to the microsecond:
 * parts of an hour are summed from the calls themselves. The same key may come several times. fn returns 0 to go
 * on. 0 or a negative code. */
int ledger_rollup(struct ledger *l, int64_t from_us, int64_t to_us,
		  int (*fn)(const struct rollup_row *r, void *arg), void *arg, struct err *e);

/* The same with GRAIN_DAY: whole UTC days inside the range come as one row (hour_us is the day's start), which is
 * what totals over long ranges want. */
enum rollup_grain { GRAIN_HOUR, GRAIN_DAY };
int ledger_rollup_by(struct ledger *l, enum rollup_grain grain, int64_t from_us, int64_t to_us,
		     int (*fn)(const struct rollup_row *r, void *arg), void *arg, struct err *e);

/* Whether a call's result was accepted, when that is known only later. The call itself is never touched: this
 * is a record of its own and counts once a call (-RR_EXISTS). In a write transaction. */
int ledger_add_outcome(struct ledger *l, struct call_id id, bool accepted, int64_t now_us, struct err *e);

/* What happens once and is seen many times (a batch's line, a deferred answer): *first is true for the first sight of
 * that key ever. In a write transaction; the same one records what was seen. */
int ledger_once(struct ledger *l, struct hash128 key, int64_t now_us, bool *first, struct err *e);

/* What is held now and costs by the hour (model/hold.h): caches. put adds or replaces, next is the one whose slice is
 * complete first; find and next: -RR_NOTFOUND. put and end in a write transaction, that of the slice's call. */
struct hold;
int ledger_put_hold(struct ledger *l, const struct hold *h, struct err *e);
int ledger_find_hold(struct ledger *l, struct hash128 key, struct hold *out, struct err *e);
int ledger_next_hold(struct ledger *l, struct hold *out, struct err *e);
int ledger_end_hold(struct ledger *l, struct hash128 key, struct err *e);
int ledger_holds(struct ledger *l, int (*fn)(const struct hold *h, void *arg), void *arg, struct err *e);

/* A number under a name, for what goes on where it left off; 0 where none was set. set: in a write transaction. */
int ledger_get_mark(struct ledger *l, const char *name, int64_t *value, struct err *e);
int ledger_set_mark(struct ledger *l, const char *name, int64_t value, struct err *e);

/* verify: every invariant, named. */
struct verify_result {
	bool ok;
	uint64_t calls, imported, answered, recorded;
	uint64_t orphans;      /* closed as estimated after a crash */
	money_wide sum_calls_pico, sum_rollups_pico; /* over all currencies, an arithmetic check only */
	unsigned problems;
	char problem[32][160];
};
int ledger_verify(struct ledger *l, struct verify_result *out, struct err *e);
/* Each call that a crash left with an unknown outcome: closed ones from the ledger, and those still in the in-flight
 * files when no gateway runs. */
struct orphan {
	struct call_id id;
	int64_t low_pico, high_pico;
	char currency[8];
	bool closed; /* stands in the ledger */
};
int ledger_orphans(struct ledger *l, int (*fn)(const struct orphan *o, void *arg), void *arg, struct err *e);

#endif
