/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's caps: which of them a call touches, and the reservation on all of them or on none.
 *
 * model/cap says what one cap does; this room keeps the table, shared by all workers under one lock that is not
 * taken where no cap is configured. Amounts in another currency than the call's are converted at the dated rates
 * that the user gave (rounded up when reserved, half to even when spent); without a rate a hard cap refuses.
 */
#ifndef RR_GATE_CAPS_H
#define RR_GATE_CAPS_H

#include "ledger/ledger.h"

enum { TICKET_CAPS = 16 };

struct caps;

/* A call's reservations. Zeroed = none. */
struct cap_ticket {
	unsigned count;
	uint64_t
		since; /* caps born from here on were not asked, and count the call when it is settled; 0 = none were */
	struct cap_scope who;
	struct currency currency;
	struct {
		char id[24];
		uint64_t born; /* of which load's cap of that id */
		struct cap_hold hold;
	} held[TICKET_CAPS];
};

struct cap_ask {
	struct cap_scope who;       /* the call's own names */
	struct currency currency;
	bool priced;                /* false: the model has no price, money cannot be bounded */
	int64_t most_pico;          /* upper bound, for hard caps */
	int64_t likely_pico;        /* for soft caps */
	uint64_t most_tok, likely_tok;
	/* What costs as time goes by: a cap whose window ends before takes its share. until <= from: all at once. */
	int64_t from_us, until_us;
};

struct cap_refusal {
	char cap_id[24];
	char why[200];
	int64_t resets_us;          /* INT64_MAX = never */
};

/* Why a cap in money holds a call or a job back, into no->why: what is used of it, and what this may cost. */
void caps_say_money(struct cap_refusal *no, const char *book, const struct cap_rule *rule, money_wide used_pico,
		    int64_t most_pico);

/* The rates stay its caller's, and live as long. */
struct caps *caps_new(const struct clock *clock, struct fx fx, struct err *e);
void caps_free(struct caps *c);
/* Takes over caps: `extra` (from the configuration) and those of the ledger. What a cap has spent is kept when it
 * was there before, else read from the ledger. */
int caps_load(struct caps *c, struct ledger *l, const struct cap_row *extra, unsigned extra_count, struct err *e);
bool caps_any(const struct caps *c);
/* 0 and a ticket, or -RR_BUDGET and the refusal. *warn: a soft cap is over, no->cap_id names it. */
int caps_reserve(struct caps *c, const struct cap_ask *ask, struct cap_ticket *t, struct cap_refusal *no, bool *warn);
/* Holds what was admitted at `at_us` on the caps whose present window that is, instead of what *t holds: after a
 * restart, when there are new caps, when less or more is left of it. Nothing is refused. */
void caps_hold(struct caps *c, const struct cap_ask *ask, int64_t at_us, struct cap_ticket *t);
/* Exactly once for each ticket; used 0 releases. Harmless for an empty ticket. */
void caps_settle(struct caps *c, struct cap_ticket *t, int64_t used_pico, uint64_t used_tok);
#define CAPS_IN_FULL INT64_MIN /* used_pico: as much as was reserved, of tokens too */

/* The ticket, which is then another's. */
struct cap_ticket caps_ticket_take(struct cap_ticket *t);
/* What a call cost that no ticket holds (a batch's line, a deferred answer): spent on every cap that it touches. */
void caps_spend(struct caps *c, const struct call *call);

/* For the admin page and `cap list` of a running gateway. */
struct cap_live {
	struct cap_rule rule;
	enum book_kind book;
	int64_t from_us, to_us, spent_pico, reserved_pico;
	uint64_t spent_tok, reserved_tok, refused;
	uint64_t spent_jobs, reserved_jobs; /* training */
};
unsigned caps_list(struct caps *c, struct cap_live *out, unsigned most);

#endif
