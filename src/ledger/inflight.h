/* SPDX-License-Identifier: Apache-2.0
 *
 * The in-flight file: what was under way when a process died.
 *
 * One shared-mapped file a worker (LEDGER-inflight-N), fixed slots of 256 bytes. A slot is filled before
 * the request is forwarded, updated in place while tokens come, cleared when the call's row is durable. No
 * sync: the page cache survives kill -9. After a power cut lost slots are calls that were never answered.
 * Each slot ends in a checksum over its fixed part, so that a torn slot is named as such and not believed.
 */
#ifndef RR_LEDGER_INFLIGHT_H
#define RR_LEDGER_INFLIGHT_H

#include "ledger/ledger.h"

struct inflight;
struct inflight_slot {
	struct call_id id;
	int64_t start_us;
	char key[24], team[32], feature[32], env[16], provider[24], model[64];
	int64_t high_pico;        /* what was reserved: the upper bound */
	int64_t low_pico;         /* what is known to be spent so far */
	uint64_t output_tok_seen; /* updated while streaming */
	char currency[8];
};

/* slots: most calls under way at once per worker; grows the file as needed up to that. */
struct inflight *inflight_open(const char *ledger_path, unsigned worker, unsigned slots, struct err *e);
/* Index of a filled slot, or a negative: all are taken, or the disk has no room for more. */
enum { INFLIGHT_TAKEN = -1, INFLIGHT_NO_SPACE = -2 };
int inflight_take(struct inflight *f, const struct inflight_slot *s);
void inflight_progress(struct inflight *f, int slot, uint64_t output_tok_seen, int64_t low_pico);
void inflight_clear(struct inflight *f, int slot);
unsigned inflight_count(const struct inflight *f);
void inflight_close(struct inflight *f);

/* At start, before any inflight_open: every slot left in any of the ledger's in-flight files whose call is
 * not in the ledger becomes a call with OUTCOME_CRASHED, PROV_ESTIMATED and its band, in one transaction;
 * then the files are removed. Safe to be killed and run again. *closed = how many. Holds the gateway's role while
 * it works: -RR_STORE while a gateway runs. */
int inflight_recover(struct ledger *l, uint64_t *closed, struct err *e);
/* The same for a process whose writer holds the gateway's role already (w is the proof): open the writer, recover,
 * then open the in-flight files. So no other gateway can slip in between. */
struct writer;
int inflight_recover_held(struct ledger *l, const struct writer *w, uint64_t *closed, struct err *e);
/* Every filled slot in the ledger's in-flight files, whoever filled it: what is under way while a gateway runs. */
int inflight_each(const char *ledger_path, int (*fn)(const struct inflight_slot *s, void *arg), void *arg,
		  struct err *e);
/* The slots that inflight_recover would close now; none while a gateway runs. For verify. */
int inflight_leftovers(struct ledger *l, int (*fn)(const struct inflight_slot *s, void *arg), void *arg, struct err *e);

#endif
