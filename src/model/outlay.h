/* SPDX-License-Identifier: Apache-2.0
 *
 * One capital item: the training checkbook's entry. Paid once, with a date, a life and what it serves.
 */
#ifndef RR_MODEL_OUTLAY_H
#define RR_MODEL_OUTLAY_H

#include "base/clock.h"
#include "base/money.h"
#include "model/call.h"

/* What uses an outlay up: its life, evenly; the usage that it pays for; or nothing, it is what it is on its day. */
enum outlay_use { OUTLAY_BY_LIFE, OUTLAY_BY_USAGE, OUTLAY_AT_ONCE };

/* NAME, cli name, checkbook, what uses it up, meaning. Prepaid credit is inference that is paid early. A commitment
 * buys a right to capacity or to a price, whoever uses it for what: it belongs to neither checkbook, as credits and
 * taxes do. */
#define OUTLAY_KINDS(X)                                                                                   \
	X(PRETRAIN, "pretrain", TRAINING, BY_LIFE, "a training run from scratch")                         \
	X(FINETUNE, "finetune", TRAINING, BY_LIFE, "a fine-tuning job or adapter")                        \
	X(LABELLING, "labelling", TRAINING, BY_LIFE, "data, labels, human review")                        \
	X(EVALUATION, "evaluation", TRAINING, BY_LIFE, "tests and graders of a training run")             \
	X(STORAGE, "storage", TRAINING, BY_LIFE, "checkpoints, datasets")                                 \
	X(HARDWARE, "hardware", TRAINING, BY_LIFE, "machines that were bought")                           \
	X(CONSULTANT, "consultant", TRAINING, BY_LIFE, "people who were paid once")                       \
	X(COMMITMENT, "commitment", OTHER, BY_LIFE, "reserved capacity, a minimum spend, a savings plan") \
	X(PREPAID, "prepaid", INFERENCE, BY_USAGE, "credit with a vendor, drawn down by its usage")       \
	X(CREDIT, "credit", OTHER, AT_ONCE, "a credit or refund")                                         \
	X(TAX, "tax", OTHER, AT_ONCE, "tax on what was billed")                                           \
	X(OTHER, "other", TRAINING, BY_LIFE, "another one-time payment")
enum outlay_kind {
#define X(NAME, ...) OUTLAY_##NAME,
	OUTLAY_KINDS(X)
#undef X
	OUTLAY_KIND_COUNT
};
enum book_kind outlay_kind_book(enum outlay_kind k);
enum outlay_use outlay_kind_use(enum outlay_kind k);
const char *outlay_kind_name(enum outlay_kind k);
int outlay_kind_parse(struct str s, enum outlay_kind *out);

struct outlay {
	char id[40];           /* "o-" and a short hash, or the vendor's job id */
	enum outlay_kind kind;
	int64_t date_us;
	int64_t retires_us;    /* 0 = not known */
	uint32_t life_months;  /* 0 = expensed at once */
	struct currency currency;
	int64_t amount_pico;
	uint64_t trained_tok;  /* 0 = not a token-billed job */
	char serves[64];       /* feature (workload) that it serves; may be empty */
	char model[96];        /* the tuned model, where there is one */
	char provider[32];
	char note[200];
};

/* The part of the amount that is used up at `at`, straight line over life_months from date (calendar
 * months by days: elapsed/total of the life's instants), never beyond retirement. Exact integers,
 * rounded half to even. life 0: the whole amount from its date on. */
int64_t outlay_amortised_pico(const struct outlay *o, int64_t at_us);
/* The part of the amount that falls into [from, to) on the amortised basis (difference of the above). */
int64_t outlay_charge_pico(const struct outlay *o, int64_t from_us, int64_t to_us);
/* The end of the life: date + life_months calendar months, or retirement if that is earlier. */
int64_t outlay_end_us(const struct outlay *o);

#endif
