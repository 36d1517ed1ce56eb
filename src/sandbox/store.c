/* SPDX-License-Identifier: Apache-2.0
 *
 * See store.h. A list is enough: tests and demos keep dozens of things, and look them up a few times a second.
 */
#include "sandbox/store.h"

#include <stdlib.h>

static void object_free(struct object *o)
{
	sb_fini(&o->data);
	sb_fini(&o->errors);
	sb_fini(&o->text);
	sb_fini(&o->truth);
	free(o);
}

struct object *store_add(struct store *s, enum object_kind kind, const char *id, uint64_t org)
{
	struct object *o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->kind = kind;
	o->org = org;
	str_copy(o->id, sizeof o->id, str_of(id));
	sb_init(&o->data, STORE_OBJECT_BYTES);
	sb_init(&o->errors, STORE_OBJECT_BYTES);
	sb_init(&o->text, STORE_OBJECT_BYTES);
	sb_init(&o->truth, STORE_OBJECT_BYTES);
	if (s->newest)
		s->newest->newer = o;
	else
		s->oldest = o;
	s->newest = o;
	s->count++;
	return o;
}

struct object *store_get(struct store *s, enum object_kind kind, struct str id, uint64_t org)
{
	for (struct object *o = s->oldest; o; o = o->newer)
		if (o->kind == kind && o->org == org && str_eqc(id, o->id))
			return o;
	return NULL;
}

static void unlink_object(struct store *s, struct object *o)
{
	struct object *before = NULL;
	if (s->oldest == o) {
		s->oldest = o->newer;
	} else {
		for (before = s->oldest; before->newer != o; before = before->newer)
			;
		before->newer = o->newer;
	}
	if (s->newest == o)
		s->newest = before;
	s->count--;
	object_free(o);
}

bool store_remove(struct store *s, enum object_kind kind, struct str id, uint64_t org)
{
	struct object *o = store_get(s, kind, id, org);
	if (o)
		unlink_object(s, o);
	return o != NULL;
}

static uint64_t weight(const struct object *o)
{
	return sizeof *o + o->data.cap + o->errors.cap + o->text.cap + o->truth.cap;
}

void store_weigh(struct store *s, const struct object *kept)
{
	s->bytes = 0;
	for (struct object *o = s->oldest; o; o = o->newer)
		s->bytes += weight(o);
	while ((s->count > STORE_OBJECTS || s->bytes > STORE_BYTES) && s->oldest && s->oldest != kept) {
		s->bytes -= weight(s->oldest);
		unlink_object(s, s->oldest);
	}
}

struct store_page store_page(struct store *s, enum object_kind kind, uint64_t org, struct str after, struct str limit,
			     unsigned usual)
{
	struct store_page p = {.count = 0};
	struct object *newest_first[STORE_OBJECTS];
	uint64_t most = usual;
	unsigned count = 0;
	if (str_u64(limit, &most) || most == 0 || most > STORE_PAGE)
		most = usual;
	for (struct object *o = s->oldest; o && count < STORE_OBJECTS; o = o->newer) {
		if (o->kind != kind || o->org != org)
			continue;
		if (after.n && str_eqc(after, o->id))
			break;
		newest_first[count++] = o;
	}
	while (count && p.count < most)
		p.object[p.count++] = newest_first[--count];
	p.more = count != 0;
	return p;
}

void store_fini(struct store *s)
{
	while (s->oldest)
		unlink_object(s, s->oldest);
}

unsigned object_progress(const struct object *o, uint64_t now_us)
{
	uint64_t until = o->cancel_us ? o->cancel_us : o->pause_us ? o->pause_us : now_us;
	uint64_t age = until > o->born_us ? until - o->born_us : 0;
	return age >= o->length_us ? 1000 : (unsigned)(age * 1000 / o->length_us);
}
