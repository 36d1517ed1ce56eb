/* SPDX-License-Identifier: Apache-2.0
 *
 * Training or inference, by rule: data/classify.csv says it, this file only looks it up.
 *
 * A row of a bill brings facts (its service, its usage type, its description); the first rule, in the order of the
 * file, whose source and field fit and whose pattern matches the fact names the class. Patterns match a whole fact,
 * letters in any case; '*' is any run of characters and '|' parts alternatives. No rule: the row is unclassified,
 * and nothing here guesses.
 */
#ifndef RR_IMPORT_CLASSIFY_H
#define RR_IMPORT_CLASSIFY_H

#include "base/err.h"
#include "base/str.h"
#include "model/call.h"

/* NAME, name in the file, book, meaning */
#define SPEND_CLASSES(X)                                                                                            \
	X(T_COMPUTE, "T-compute", TRAINING, "training and fine-tuning: tokens, hours, graders")                     \
	X(T_DATA, "T-data", TRAINING, "labels and human review")                                                    \
	X(T_STORAGE, "T-storage", TRAINING, "checkpoints, training data, custom models at rest")                    \
	X(I_TOKENS, "I-tokens", INFERENCE, "tokens and what is billed like them")                                   \
	X(I_CACHE_STORAGE, "I-cache-storage", INFERENCE, "cached prompts at rest")                                  \
	X(I_HOSTING, "I-hosting", INFERENCE, "a tuned model kept ready; provisioned capacity; own machines that serve") \
	X(I_TOOLS, "I-tools", INFERENCE, "searches, code sessions and the like")                                    \
	X(O, "O", OTHER, "seats, support, tax, credits, and what is no AI")
enum spend_class {
	SPEND_NONE,
#define X(NAME, text, book, meaning) SPEND_##NAME,
	SPEND_CLASSES(X)
#undef X
	SPEND_COUNT
};
const char *spend_class_name(enum spend_class c); /* "" for SPEND_NONE */
int spend_class_parse(struct str s, enum spend_class *out);
enum book_kind spend_class_book(enum spend_class c);

/* The facts that rules may look at; sources fill what they have. */
#define CLASS_FIELDS(X)                                                                 \
	X(CHARGE, "charge", "what kind of charge: usage, tax, credit, purchase")        \
	X(SERVICE, "service", "the service's name")                                     \
	X(CATEGORY, "category", "the service's category")                               \
	X(TYPE, "type", "usage type, meter or SKU")                                     \
	X(OPERATION, "operation", "the API operation")                                  \
	X(TEXT, "text", "the line's own description")                                   \
	X(RESOURCE, "resource", "the kind of resource")                                 \
	X(MODEL, "model", "the model's name")                                           \
	X(TAG, "tag", "tags, as name=value pairs")
enum class_field {
#define X(NAME, text, meaning) CF_##NAME,
	CLASS_FIELDS(X)
#undef X
	CF_COUNT
};

struct class_facts {
	struct str fact[CF_COUNT];
};

struct classifier;
/* The built-in rules. NULL with e when they are damaged. */
struct classifier *classifier_builtin(struct err *e);
struct classifier *classifier_parse(struct str csv, struct err *e);
void classifier_free(struct classifier *c);
/* The class, and the id of the rule that said so (interned; 0 for none). */
enum spend_class classify(const struct classifier *c, const char *source, const struct class_facts *f, uint32_t *rule);
/* The whole text against a pattern: '*' any run of characters, '|' between alternatives, letters in any case. */
bool class_pattern_matches(struct str pattern, struct str text);
unsigned classifier_count(const struct classifier *c);
/* One rule, for tests and listings: its columns as text. */
struct class_rule {
	struct str id, source, pattern, example, date;
	enum class_field field;
	enum spend_class spend;
	unsigned percent; /* confidence */
};
const struct class_rule *classifier_rule(const struct classifier *c, unsigned index);

#endif
