/* SPDX-License-Identifier: Apache-2.0
 *
 * One metered API call: the inference checkbook's tick. Fixed size; strings are interned.
 *
 * Produced by the gateway (measured), by importers (imported; then it may stand for `calls` > 1 calls of
 * one bucket) and by the planner (assumed). Kept by the ledger, mapped by replay, folded by reports.
 * call_fields.def lists the fields once: SQL schema, CSV, JSON and docs come from it.
 */
#ifndef RR_MODEL_CALL_H
#define RR_MODEL_CALL_H

#include "base/clock.h"
#include "base/money.h"
#include "model/usage.h"

/* 128 bits, ordered by time: 48 bits of milliseconds, then a worker's random part and counter. Text form
 * "c-" and 32 hex digits. Never the vendor's id. */
struct call_id {
	uint64_t hi, lo;
};
enum { CALL_ID_TEXT = 35 };
struct call_id call_id_make(int64_t real_us, uint32_t worker_salt, uint64_t counter);
char *call_id_text(struct call_id id, char out[CALL_ID_TEXT]);
int call_id_parse(struct str s, struct call_id *out);
int64_t call_id_time_us(struct call_id id); /* to the millisecond */

/* Which checkbook. Hosting of a tuned model is inference with its own kind of line (see class.h). */
enum book_kind { BOOK_INFERENCE, BOOK_TRAINING, BOOK_OTHER, BOOK_UNCLASSIFIED, BOOKS };
const char *book_kind_name(enum book_kind b);

enum provenance { PROV_MEASURED, PROV_ESTIMATED, PROV_IMPORTED, PROV_ASSUMED, PROVS };
const char *provenance_name(enum provenance p);

/* How the call ended. */
enum outcome {
	OUTCOME_OK,         /* a whole answer was delivered */
	OUTCOME_REFUSED,    /* by us: cap, key, region, model; nothing was forwarded */
	OUTCOME_VENDOR_ERROR, /* the vendor answered with an error */
	OUTCOME_UPSTREAM,   /* no answer or a broken one: connect, timeout, reset, bad bytes */
	OUTCOME_CLIENT_LEFT,/* the client went away; drained or estimated */
	OUTCOME_CRASHED,    /* named from the in-flight file after a crash */
	OUTCOME_CACHED,     /* answered from our own response cache */
	OUTCOMES
};
const char *outcome_name(enum outcome o);

/* Status of the price: never 0 for unknown. */
enum price_status { PRICE_PRICED, PRICE_UNPRICED, PRICE_MISMATCH, PRICE_NO_USAGE, PRICE_FREE, PRICE_STATUSES };
const char *price_status_name(enum price_status s);

enum accepted { ACCEPTED_UNKNOWN, ACCEPTED_YES, ACCEPTED_NO };
const char *accepted_name(enum accepted a);

struct call {
	struct call_id id;
	struct call_id operation;      /* attempts of one operation share it; equals id of the first */
	int64_t start_us;              /* UTC */
	int64_t end_us;                /* of the bucket for imported rows, of the answer for live ones */
	uint32_t ttft_us;              /* 0 = not streamed or not known */
	uint32_t calls;                /* 1 for live calls */
	uint16_t status;               /* HTTP status that the client saw; 0 none */
	uint8_t attempt;               /* 0 is the first */
	uint8_t book;                  /* enum book_kind */
	uint8_t provenance;
	uint8_t outcome;
	uint8_t price_status;
	uint8_t streamed;
	uint8_t accepted;              /* enum accepted */
	uint16_t levers;               /* bits of enum lever that acted */
	/* interned strings */
	uint32_t key, team, feature, env, project;
	uint32_t provider;             /* who bills: "openai", "anthropic", an upstream's name */
	uint32_t surface;              /* "openai-chat" ... */
	uint32_t model_asked, model_answered;
	uint32_t region;
	uint32_t currency;
	uint32_t rule;                 /* id of the price rule that priced it */
	uint32_t class_rule;           /* id of the rule that chose the book, for imported rows */
	char vendor_ref[64];           /* NUL-padded: the vendor's response id, second key for matching; its request id
					* where an answer has no other (embeddings) */
	/* money at 10^-12 of `currency` */
	int64_t cost_pico;             /* priced by our book; meaningless unless price_status is PRICED or FREE */
	int64_t low_pico, high_pico;   /* the band of an estimate; both 0 when measured */
	int64_t billed_pico;           /* what the vendor said or billed; INT64_MIN = not known */
	int64_t saved_pico;            /* what the levers that acted saved, by the same price function */
	uint64_t prefix_hash;          /* salted hash of system prompt + tools: the workload's fingerprint */
	struct usage usage;            /* holds the served tier; its .model and .request_id spans are not kept */
};

#define BILLED_UNKNOWN INT64_MIN

void call_init(struct call *c);
/* The word of an ENUM field of call_fields.def ("tier", 2 is "batch"); "?" for what is none. */
const char *call_field_word(struct str field, unsigned value);
/* Every field of call_fields.def as members of the open JSON object, then "classes" and "tool_calls". */
struct json_out;
void call_json(const struct call *c, struct json_out *w);

#endif
