/* SPDX-License-Identifier: Apache-2.0
 *
 * See classify.h. Rules stand in file order; each is tried until one matches, which is quick enough because a source
 * asks only its own rules and what is asked repeats: the last answers are kept by the hash of the facts.
 */
#include "import/classify.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/csv.h"
#include "base/hash.h"
#include "base/intern.h"
#include "import/class_data.h"

enum { RULES_MOST = 2000, MEMORY_SLOTS = 4096, RULE_BYTES = 8 * 1024 * 1024 };

struct memory {
	struct hash128 key;
	uint32_t rule; /* index + 1; 0 = no rule */
	bool used;
};

struct classifier {
	struct arena arena;
	struct class_rule rule[RULES_MOST];
	uint32_t id[RULES_MOST];
	unsigned count;
	struct memory memory[MEMORY_SLOTS];
};

static const char *const class_names[SPEND_COUNT] = {
	"",
#define X(NAME, text, book, meaning) text,
	SPEND_CLASSES(X)
#undef X
};

static const char *const field_names[CF_COUNT] = {
#define X(NAME, text, meaning) text,
	CLASS_FIELDS(X)
#undef X
};

const char *spend_class_name(enum spend_class c)
{
	return c < SPEND_COUNT ? class_names[c] : "";
}

int spend_class_parse(struct str s, enum spend_class *out)
{
	for (unsigned i = 1; i < SPEND_COUNT; i++)
		if (str_eqc(s, class_names[i])) {
			*out = (enum spend_class)i;
			return 0;
		}
	return -RR_NOTFOUND;
}

enum book_kind spend_class_book(enum spend_class c)
{
	static const enum book_kind book[SPEND_COUNT] = {
		BOOK_UNCLASSIFIED,
#define X(NAME, text, kind, meaning) BOOK_##kind,
		SPEND_CLASSES(X)
#undef X
	};
	return c < SPEND_COUNT ? book[c] : BOOK_UNCLASSIFIED;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* One alternative against the whole text; the usual walk with one way back to the last star. */
static bool glob(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.n && lower(pattern.p[p]) == lower(text.p[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

bool class_pattern_matches(struct str pattern, struct str text)
{
	struct str rest = pattern;
	while (rest.p)
		if (glob(str_cut(&rest, '|'), text))
			return true;
	return false;
}

static int add_rule(struct classifier *c, struct csv *csv, const int col[8], struct err *e)
{
	struct class_rule *r = &c->rule[c->count];
	struct str f[8];
	uint64_t percent;
	unsigned field;
	if (c->count == RULES_MOST)
		return err_set(e, RR_LIMIT, "there are more than %d rules", RULES_MOST);
	for (unsigned i = 0; i < 8; i++)
		f[i] = arena_str(&c->arena, str_trim(csv_field(csv, col[i])));
	for (field = 0; field < CF_COUNT && !str_eqc(f[2], field_names[field]);)
		field++;
	if (field == CF_COUNT)
		return err_set(e, RR_INPUT, "rule %.*s: there is no field '%.*s'", STR_ARG(f[0]), STR_ARG(f[2]));
	if (spend_class_parse(f[4], &r->spend))
		return err_set(e, RR_INPUT, "rule %.*s: there is no class '%.*s'", STR_ARG(f[0]), STR_ARG(f[4]));
	if (str_u64(f[5], &percent) || percent > 100)
		return err_set(e, RR_INPUT, "rule %.*s: the confidence is no percentage", STR_ARG(f[0]));
	if (!f[0].n || !f[1].n || !f[3].n)
		return err_set(e, RR_INPUT, "a rule lacks its id, source or pattern");
	r->id = f[0];
	r->source = f[1];
	r->field = (enum class_field)field;
	r->pattern = f[3];
	r->percent = (unsigned)percent;
	r->example = f[6];
	r->date = f[7];
	c->id[c->count++] = intern(r->id);
	return 0;
}

struct classifier *classifier_parse(struct str text, struct err *e)
{
	static const char *const names[8] = {"id",    "source",     "field",   "pattern",
					     "class", "confidence", "example", "date"};
	struct classifier *c = calloc(1, sizeof *c);
	struct csv *csv = NULL;
	int col[8], rc = 0;
	if (!c) {
		err_set(e, RR_NOMEM, "out of memory for the rules of classification");
		return NULL;
	}
	arena_init(&c->arena, RULE_BYTES);
	csv = csv_open_text(text, e);
	if (!csv)
		goto fail;
	for (unsigned i = 0; i < 8; i++) {
		col[i] = csv_column(csv, names[i]);
		if (col[i] < 0) {
			err_set(e, RR_INPUT, "classify.csv has no column '%s'", names[i]);
			goto fail;
		}
	}
	while ((rc = csv_next(csv, e)) > 0)
		if ((rc = add_rule(c, csv, col, e)) != 0)
			break;
	if (rc) {
		err_at(e, "classify.csv", (unsigned)csv_line(csv), 0);
		goto fail;
	}
	csv_close(csv);
	return c;
fail:
	csv_close(csv);
	classifier_free(c);
	return NULL;
}

struct classifier *classifier_builtin(struct err *e)
{
	for (size_t i = 0; i < class_data_count; i++)
		if (strcmp(class_data[i].name, "classify.csv") == 0)
			return classifier_parse(str_make(class_data[i].text, class_data[i].bytes), e);
	err_set(e, RR_INTERNAL, "the rules of classification are not built in");
	return NULL;
}

void classifier_free(struct classifier *c)
{
	if (!c)
		return;
	arena_fini(&c->arena);
	free(c);
}

static struct hash128 facts_hash(const char *source, const struct class_facts *f)
{
	uint64_t part[CF_COUNT + 1] = {hash_xxh3(source, strlen(source))};
	for (unsigned i = 0; i < CF_COUNT; i++)
		part[i + 1] = f->fact[i].n ? hash_xxh3(f->fact[i].p, f->fact[i].n) : 0;
	return hash_xxh3_128(part, sizeof part);
}

enum spend_class classify(const struct classifier *c, const char *source, const struct class_facts *f, uint32_t *rule)
{
	struct hash128 key = facts_hash(source, f);
	struct memory *m = &((struct classifier *)(uintptr_t)c)->memory[key.lo % MEMORY_SLOTS];
	if (!m->used || m->key.hi != key.hi || m->key.lo != key.lo) {
		*m = (struct memory){key, 0, true};
		for (unsigned i = 0; i < c->count && !m->rule; i++) {
			const struct class_rule *r = &c->rule[i];
			struct str fact = f->fact[r->field];
			if (fact.n && class_pattern_matches(r->source, str_of(source)) &&
			    class_pattern_matches(r->pattern, fact))
				m->rule = i + 1;
		}
	}
	*rule = m->rule ? c->id[m->rule - 1] : 0;
	return m->rule ? c->rule[m->rule - 1].spend : SPEND_NONE;
}

unsigned classifier_count(const struct classifier *c)
{
	return c->count;
}

const struct class_rule *classifier_rule(const struct classifier *c, unsigned index)
{
	return &c->rule[index];
}
