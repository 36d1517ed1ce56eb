/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that hold documents of several kinds: a collection of API answers under any names, a list of pages, jobs beside
 * buckets. Each value that a source knows is its record; what is around it is walked: members, elements, and texts that
 * are JSON themselves. Such a file goes through each of its sources in turn, and each takes its own records.
 *
 * A text that begins an object and is no well-formed JSON is named once, by the first of the sources.
 */
#include "import/mixed.h"

enum { DEPTH_MOST = 8, SURE_ENOUGH = 60 };

const struct import_source *json_source(struct json v, const struct import_source *as, unsigned *sure)
{
	const struct import_source *best = NULL;
	*sure = 0;
	for (unsigned i = 0; import_sources[i]; i++) {
		const struct import_source *s = import_sources[i];
		unsigned n = s->probe_json && (!as || s == as) ? s->probe_json(v) : 0;
		if (n > *sure) {
			*sure = n;
			best = s;
		}
	}
	return best;
}

void mixed_add(struct mixed *m, const struct import_source *s)
{
	for (unsigned i = 0; i < m->sources; i++)
		if (m->source[i] == s)
			return;
	if (m->sources < MIXED_SOURCES)
		m->source[m->sources++] = s;
}

/* What a value is in a walk. */
enum kind { RECORD, AROUND, TEXT, BROKEN, NOTHING };
static enum kind kind_of(struct json v, struct arena *a, struct json *inner, const struct import_source **s)
{
	unsigned sure;
	struct sb b;
	struct str text;
	if (v.type == JSON_OBJECT && (*s = json_source(v, NULL, &sure)) != NULL && sure >= SURE_ENOUGH)
		return RECORD;
	if (v.type == JSON_OBJECT || v.type == JSON_ARRAY)
		return AROUND;
	if (v.type != JSON_STRING || !str_starts(str_trim(json_raw_string(v)), STR("{")))
		return NOTHING;
	sb_init(&b, v.text.n * 3 + 16);
	json_string(v, &b);
	text = arena_str(a, sb_str(&b));
	sb_fini(&b);
	return text.p && json_parse(text, inner, NULL) == 0 ? TEXT : BROKEN;
}

static void look(struct mixed *m, struct json v, struct arena *a, unsigned depth)
{
	const struct import_source *s;
	struct json inner = {JSON_NONE, {NULL, 0}}, child;
	struct json_iter it;
	struct str key;
	switch (kind_of(v, a, &inner, &s)) {
	case RECORD:
		mixed_add(m, s);
		break;
	case AROUND:
		for (json_open(&it, v); depth < DEPTH_MOST && json_next(&it, &key, &child);)
			look(m, child, a, depth + 1);
		break;
	case TEXT:
		look(m, inner, a, depth + 1);
		break;
	case BROKEN:
	case NOTHING:
		break;
	}
}

void mixed_look(struct mixed *m, struct json v, struct arena *a)
{
	look(m, v, a, 0);
}

static int each(struct import_ctx *x, struct json v, unsigned depth, struct mixed_walk *w, struct err *e)
{
	const struct import_source *s;
	struct json inner = {JSON_NONE, {NULL, 0}}, child;
	struct json_iter it;
	struct str key;
	int rc = 0;
	switch (kind_of(v, &x->arena, &inner, &s)) {
	case RECORD:
		w->number++;
		if (s == x->source)
			rc = s->text_record ? s->text_record(x, v.text, w->number, e)
					    : s->json_record(x, v, w->number, e);
		break;
	case AROUND:
		for (json_open(&it, v); !rc && depth < DEPTH_MOST && json_next(&it, &key, &child);)
			rc = each(x, child, depth + 1, w, e);
		break;
	case TEXT:
		rc = each(x, inner, depth + 1, w, e);
		break;
	case BROKEN:
		w->number++;
		if (w->first)
			rc = row_reject(x, w->number, "a text that begins like an object is no well-formed JSON");
		break;
	case NOTHING:
		break;
	}
	return rc;
}

int mixed_each(struct import_ctx *x, struct json v, struct mixed_walk *w, struct err *e)
{
	return each(x, v, 0, w, e);
}
