/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the price book: what the readers (book_*.c) fill and what price.c reads. Private to src/model.
 *
 * A reader adds providers, models and rules in the file's order; book_finish() sorts and indexes them. From then
 * on a book is immutable but for its memo of names already looked up, which only ever grows (lock-free).
 *
 *   provider --1:n--> model --1:n--> rule (sorted by meter)
 *      |                |
 *      by_name          exact names (hash) or a match expression (genai-prices, Langfuse)
 *
 * Each model keeps the format that it came from, because the formats differ in what a missing price means
 * (meter_next() in price.c).
 */
#ifndef RR_MODEL_BOOK_I_H
#define RR_MODEL_BOOK_I_H

#include <regex.h>

#include "model/book.h"

enum book_format { BOOK_OWN, BOOK_GENAI, BOOK_LITELLM, BOOK_MODELSDEV, BOOK_LANGFUSE };

enum {
	BOOK_TEXT_BYTES = 64 * 1024 * 1024, /* largest price file */
	BOOK_ARENA_BYTES = 256 * 1024 * 1024,
	BOOK_RULES = 1000000,
	BOOK_SOURCES = 4096,
	BOOK_MODELS = 200000,
	BOOK_PROVIDERS = 4096,
	BOOK_REGEXES = 4096,
	MEMO_SLOTS = 16384, /* of which at most half are used */
	NAME_BYTES = 256,   /* longest model or provider name that is looked up */
	FALLBACKS = 4
};

enum match_kind { MATCH_EQUALS, MATCH_STARTS, MATCH_ENDS, MATCH_CONTAINS, MATCH_REGEX, MATCH_OR, MATCH_AND };
struct match {
	enum match_kind kind;
	struct str text; /* lower case */
	regex_t *regex;
	struct match *next_regex; /* of the book: they are freed with it */
	struct match *first; /* OR, AND */
	struct match *next;
};

struct book_provider {
	struct str id;                  /* lower case */
	struct str aliases;             /* blank-separated, lower case */
	const struct match *by_name;    /* genai-prices: provider_match */
	const struct match *by_model;   /* genai-prices: model_match */
	struct str fallback[FALLBACKS]; /* providers whose list prices hold here too */
	unsigned fallbacks;
	bool patterns;    /* some model has a match expression: scan them after the exact names */
	uint32_t *models; /* indices in the file's order; built by book_finish */
	uint32_t model_count;
};

struct book_model {
	uint32_t provider;
	enum book_format format;
	struct str id;             /* as the source spells it */
	const struct match *match; /* NULL: exact names only */
	uint32_t first_rule, rule_count;
	uint64_t meters; /* a bit for each meter that has a rule */
	uint64_t context_tok, output_tok;
	struct str note; /* why it has no price, where the source says so */
};

struct book_name { /* exact name of a model, lower case */
	struct str name;
	uint32_t provider, model;
};

struct book_rule_in { /* while reading */
	struct price_rule r;
	uint32_t model;
	uint32_t order;
};

struct memo;

struct book {
	struct arena arena;
	struct book_provider *provider;
	uint32_t providers, providers_cap;
	struct book_model *model;
	uint32_t models, models_cap;
	struct book_name *name;
	uint32_t names, names_cap;
	struct book_rule_in *rule;
	uint32_t rules, rules_cap;
	uint32_t *name_slot; /* open addressing: index + 1 into name */
	uint32_t name_slots;
	uint32_t *id_slot; /* rule ids */
	uint32_t id_slots;
	struct match *regexes;
	uint32_t regex_count;
	struct memo *memo;
	struct str date;
	struct book_source *source; /* own format: short key to full text */
	uint32_t sources, sources_cap;
};

struct book_source {
	struct str key, text, date;
};

struct book *book_new(struct err *e);
struct str book_lower(struct book *b, struct str s); /* a copy of the book's own; p NULL: no memory */
/* Finds or adds; UINT32_MAX on no memory or over a limit. */
uint32_t book_add_provider(struct book *b, struct str id);
uint32_t book_add_model(struct book *b, uint32_t provider, struct str id, enum book_format f);
/* The model of exactly this id at the provider, or UINT32_MAX; only for readers (linear within names). */
uint32_t book_exact_model(const struct book *b, uint32_t provider, struct str id);
int book_add_name(struct book *b, uint32_t model, struct str name);
/* Adds a rule of a model. r->listed_atto, listed_per and the conditions are set; the id is made here. */
int book_add_rule(struct book *b, uint32_t model, const struct price_rule *r);
/* Sorts, indexes, drops rules that an overlay replaced. */
int book_finish(struct book *b, struct err *e);
uint32_t book_find_provider(const struct book *b, struct str provider);

/* A rule that only lacks its price: all day, for ever, standard tier, USD. */
struct price_rule rule_blank(struct str source, struct str source_date);
/* A JSON number or decimal text as the price of `per` units. -RR_SYNTAX when it is no price. */
int rule_price(struct price_rule *r, struct str decimal, uint32_t per);

/* book_match.c */
struct match *match_leaf(struct book *b, enum match_kind kind, struct str text);
bool match_is(const struct match *m, struct str text);
/* Other spellings of a vendor's model name, most literal first, into names[] (lower case, in buf). */
enum { MODEL_NAMES = 12 };
struct name_list {
	struct str name[MODEL_NAMES];
	unsigned count;
	char buf[MODEL_NAMES * NAME_BYTES];
	size_t used;
};
void model_names(struct name_list *l, struct str provider, struct str model);

/* Readers: 0, or a negative code with *e. `name` is for messages and for the source column. */
int book_read_csv(struct book *b, struct str text, const char *name, struct err *e);
/* Agreements off the list, over what the book has; finishes it. */
int book_agree(struct book *b, struct str text, const char *name, struct err *e);
int book_read_genai(struct book *b, struct json top, const char *name, struct err *e);
int book_read_litellm(struct book *b, struct json top, const char *name, struct err *e);
int book_read_langfuse(struct book *b, struct json top, const char *name, struct err *e);
int book_read_openrouter(struct book *b, struct json top, const char *name, struct err *e);
/* A models.dev checkout, or a provider's folder of it, or one model's TOML file. */
int book_read_modelsdev(struct book *b, const char *path, struct err *e);
/* The same as one JSON object (models.dev/api.json). */
int book_read_modelsdev_json(struct book *b, struct json top, const char *name, struct err *e);
bool modelsdev_is_folder(const char *path);

/* price.c: which meter's price stands in for m when the source lists none; METERS = none. step 0, 1, ... */
enum meter meter_next(enum book_format f, enum meter m, unsigned step);

#endif
