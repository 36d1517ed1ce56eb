/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML that is checked against a table: configuration, scenarios, mapping files, claims.
 *
 * libyaml gives events; a table (name, type, unit, range, default, alternatives) gives the meaning. Up to 20
 * errors a run, each with line, column, the offending line with a caret, and the nearest right name. Refused:
 * unknown and duplicate keys, aliases and anchors, second documents, depth over 32, tags, NUL bytes, values
 * of the wrong kind. ${ENV} is expanded only in fields of kind CONF_SECRET. Nothing is executable. JSON is
 * YAML, so JSON files work too.
 *
 * Two uses of one parse: conf_load() binds fields of a struct by a schema; struct conf_node is the checked tree
 * for formats whose keys are data (shares: {prefix: 0.5, ...}).
 */
#ifndef RR_BASE_CONF_H
#define RR_BASE_CONF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/money.h"

enum conf_type { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
	enum conf_type type;
	struct str key;          /* in a map */
	struct str scalar;
	bool quoted;             /* the scalar stood in quotes: it is text */
	unsigned line, column;         /* of the value; of a map or list in a map: of its key */
	unsigned key_line, key_column; /* of the key */
	struct conf_node *first; /* children */
	struct conf_node *next;
};

struct conf_doc {
	struct str text;
	char name[192];
	struct conf_node *root;
	struct arena *arena;
	bool no_secrets; /* set after parsing: secrets stay empty; no variable and no file beside it is missed */
	bool whole;              /* the tree is complete, whatever else is wrong: binding finds more errors */
	unsigned errors;         /* found so far */
	struct err error[20];
};

/* Parses into the arena. Errors go to doc->error; 0 or -RR_CONFIG. text must outlive the doc. */
int conf_parse(struct conf_doc *d, struct arena *a, struct str text, const char *name);
/* Adds an error at a node (ignored beyond 20). Returns -RR_CONFIG. */
int conf_error(struct conf_doc *d, const struct conf_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds the next step to the error that was added last. Returns -RR_CONFIG. */
int conf_hint(struct conf_doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* All errors as text, each with the line and a caret. What looks like a secret in a line is masked. */
void conf_errors_text(const struct conf_doc *d, struct sb *out);
struct conf_node *conf_get(const struct conf_node *map, const char *key);

enum conf_kind {
	CONF_BOOL, CONF_STR, CONF_SECRET, CONF_U64, CONF_NUM, CONF_SHARE, CONF_MONEY, CONF_TIME, CONF_DURATION,
	CONF_BYTES, CONF_ENUM, /* one of `choices`, "a|b|c", stored as unsigned */
	CONF_RANGE,            /* a number, or {low, mode, high} : struct conf_range */
	CONF_STRUCT,           /* a map: `fields` at offset */
	CONF_STRUCTS,          /* a list of maps: struct conf_array of elements of `size` bytes */
	CONF_STRS,             /* a list of strings: struct conf_array of struct str */
	CONF_NODE,             /* kept as a tree: struct conf_node * */
};

struct conf_range {
	double low, mode, high; /* all equal for a plain number */
};
struct conf_money {
	int64_t pico;
	struct currency currency; /* code[0] == 0: none given */
};
struct conf_array {
	void *items;
	unsigned count;
};
struct conf_secret { /* cannot be printed: no formatter knows it; see secret_reveal() in its module */
	struct str hidden;
};

struct conf_field {
	const char *name;      /* NULL ends the table */
	enum conf_kind kind;
	size_t offset;         /* in the struct */
	const char *unit;      /* for help and errors; may be NULL */
	double least, most;    /* range for numbers (in the unit); both 0 = any */
	const char *fallback;  /* default as text, parsed the same way; NULL = leave the struct as it was */
	const char *choices;   /* CONF_ENUM */
	const struct conf_field *fields; /* CONF_STRUCT(S) */
	size_t size;           /* CONF_STRUCTS: of one element */
	bool required;
	const char *help;      /* one line: docs and `config show` come from it */
	size_t given_offset;   /* a bool in the struct that is set when the key stood there; 0 = none */
};

/* Binds a map to a struct. All errors are collected in d. 0 or -RR_CONFIG. */
int conf_bind(struct conf_doc *d, const struct conf_node *map, const struct conf_field *fields, void *to);

/* Has an error been found at the node or within it? Then what it means as a whole is not worth a second complaint. */
bool conf_wrong_inside(const struct conf_doc *d, const struct conf_node *n);
/* The name of the table that is nearest to a mistyped one, or NULL. */
const char *conf_nearest(const struct conf_field *fields, struct str name);
/* What may stand in the field, for help and errors: "a share, 0 to 1 (0.3 or 30%)". Returns out. */
char *conf_field_words(const struct conf_field *f, char out[160]);
/* Every scalar setting of a table: its path ("limits.head", "upstreams[0].key"), its field, and the node that gives
 * it (NULL: absent, the fallback counts). Lists of structs are walked for what stands in the file. map may be NULL. */
typedef void conf_visit(const char *path, const struct conf_field *f, const struct conf_node *node, void *arg);
void conf_each(const struct conf_node *map, const struct conf_field *fields, conf_visit *fn, void *arg);

#endif
