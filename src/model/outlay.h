/* SPDX-License-Identifier: Apache-2.0
 *
 * One capital item: the training checkbook's entry. Paid once, with a date, a life and what it serves.
 */
#ifndef RR_MODEL_OUTLAY_H
#define RR_MODEL_OUTLAY_H

#include "base/clock.h"
#include "base/money.h"

/* NAME, cli name, meaning */
#define OUTLAY_KINDS(X)                                                    \
	X(PRETRAIN, "pretrain", "a training run from scratch")             \
	X(FINETUNE, "finetune", "a fine-tuning job or adapter")            \
	X(LABELLING, "labelling", "data, labels, human review")            \
	X(EVALUATION, "evaluation", "tests and graders of a training run") \
	X(STORAGE, "storage", "checkpoints, datasets")                     \
	X(HARDWARE, "hardware", "machines that were bought")               \
	X(CONSULTANT, "consultant", "people who were paid once")           \
	X(COMMITMENT, "commitment", "prepaid credit, reserved capacity")   \
	X(PREPAID, "prepaid", "credit with a vendor, drawn down by its usage") \
	X(CREDIT, "credit", "a credit or refund")                          \
	X(TAX, "tax", "tax on what was billed")                            \
	X(OTHER, "other", "another one-time payment")
/* Which checkbook: prepaid credit is inference that is paid early, credits and taxes belong to neither (call.h: BOOK_...). */
enum outlay_kind {
#define X(NAME, cli, text) OUTLAY_##NAME,
	OUTLAY_KINDS(X)
#undef X
	OUTLAY_KIND_COUNT
};
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
