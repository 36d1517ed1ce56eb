/* SPDX-License-Identifier: Apache-2.0
 *
 * See anthropic_int.h. Cache entries stand at marks (cache_control); a mark finds an entry that some request wrote at
 * most 20 blocks before it; below the model's minimum nothing is kept, without a word. Entries live 5 minutes or 1
 * hour and are refreshed by reading (vendor's guide, October 2026). What is read or written is no part of input_tokens.
 */
#include "base/clock.h"
#include "sandbox/anthropic_int.h"

enum { LOOK_BACK = 20 };
#define KEEP_5M_US (INT64_C(300) * US_PER_S)
#define KEEP_1H_US (INT64_C(3600) * US_PER_S)

static uint64_t keep_of(struct json mark)
{
	if (mark.type != JSON_OBJECT)
		return 0;
	return json_string_eq(json_get(mark, "ttl"), "1h") ? KEEP_1H_US : KEEP_5M_US;
}

/* The mark is no part of what is cached: hashed are the other members. */
static void add_block(struct exchange *x, struct anthropic_prompt *p, const char *where, struct json v, uint64_t tokens)
{
	uint64_t keep = keep_of(json_get(v, "cache_control"));
	if (!p->block || p->count > p->most)
		return;
	p->hash = hash_xxh3_seed(where, strlen(where), p->hash);
	if (v.type == JSON_OBJECT) {
		struct json_iter it;
		struct json member;
		struct str key;
		for (json_open(&it, v); json_next(&it, &key, &member);) {
			if (json_key_eq(key, STR("cache_control")))
				continue;
			p->hash = hash_xxh3_seed(key.p, key.n, p->hash);
			p->hash = hash_xxh3_seed(member.text.p, member.text.n, p->hash);
		}
	} else {
		p->hash = hash_xxh3_seed(v.text.p, v.text.n, p->hash);
	}
	p->tokens += tokens;
	if (keep) {
		p->marks++;
		for (unsigned i = 0; i < p->count && keep == KEEP_1H_US; i++)
			p->wrong_order |= p->block[i].keep_us == KEEP_5M_US;
	}
	p->block[p->count++] = (struct anthropic_block){p->hash, p->tokens, keep};
	(void)x;
}

static uint64_t tokens_of_block(struct json b)
{
	struct json text = json_get(b, "text"), content = json_get(b, "content"), part;
	struct json_iter it;
	struct str key;
	uint64_t n = 0;
	if (text.type == JSON_STRING)
		return tokens_of_json_string(text);
	if (json_string_eq(json_get(b, "type"), "image"))
		return 1568; /* the guide's figure for a picture of about 1.15 megapixels */
	if (json_string_eq(json_get(b, "type"), "tool_result")) {
		if (content.type == JSON_ARRAY)
			for (json_open(&it, content); json_next(&it, &key, &part);)
				n += tokens_of_block(part);
		else
			n = tokens_of_json_string(content);
		return n + 12;
	}
	return tokens_of(b.text);
}

static void add_list(struct exchange *x, struct anthropic_prompt *p, const char *where, struct json list)
{
	struct json_iter it;
	struct json b;
	struct str key;
	if (list.type == JSON_STRING)
		add_block(x, p, where, list, tokens_of_json_string(list));
	if (list.type == JSON_ARRAY)
		for (json_open(&it, list); json_next(&it, &key, &b);)
			add_block(x, p, where, b, tokens_of_block(b));
}

void anthropic_prompt_read(struct exchange *x, struct json top, struct anthropic_prompt *p)
{
	struct json messages = json_get(top, "messages"), m;
	struct json model = json_get(top, "model");
	uint64_t automatic = keep_of(json_get(top, "cache_control"));
	struct json_iter it;
	struct str key;
	char role[16];
	p->hash = hash_xxh3_seed(model.text.p, model.text.n, x->ask.org);
	p->most = 1 + (unsigned)(json_count(json_get(top, "tools")) + json_count(json_get(top, "system")));
	for (json_open(&it, messages); messages.type == JSON_ARRAY && json_next(&it, &key, &m);)
		p->most += 1 + (unsigned)json_count(json_get(m, "content"));
	p->block = arena_array(x->arena, struct anthropic_block, p->most + 1);
	p->tokens = 3;
	add_list(x, p, "tools", json_get(top, "tools"));
	if (json_count(json_get(top, "tools")) && json_get(top, "tools").type == JSON_ARRAY)
		p->tokens += 300; /* the instructions that a vendor adds for tools */
	add_list(x, p, "system", json_get(top, "system"));
	for (json_open(&it, messages); messages.type == JSON_ARRAY && json_next(&it, &key, &m);) {
		p->tokens += 4;
		add_list(x, p, json_string_copy(json_get(m, "role"), role, sizeof role), json_get(m, "content"));
	}
	if (automatic && p->count && !p->block[p->count - 1].keep_us) {
		p->block[p->count - 1].keep_us = automatic;
		p->marks++;
	}
	p->too_many = p->marks > ANTHROPIC_MARKS;
}

/* Tokens below which nothing is cached, by model family. */
static uint64_t least_cached(struct str m)
{
	if (str_contains(m, STR("haiku-4-5")) || str_contains(m, STR("opus-4-5")) || str_contains(m, STR("opus-4-6")))
		return 4096;
	if (str_contains(m, STR("opus-4-7")) || str_contains(m, STR("3-5-haiku")) || str_contains(m, STR("haiku-3")))
		return 2048;
	if (str_contains(m, STR("fable")) || str_contains(m, STR("mythos")) || str_contains(m, STR("opus-5")))
		return 512;
	return 1024;
}

void anthropic_prompt_find(struct exchange *x, struct anthropic_prompt *p, struct str model)
{
	const struct memory *mem = &x->sandbox->memory;
	uint64_t now = loop_now_us(x->sandbox->loop), least = least_cached(model), covered;
	unsigned last = 0, hit = 0; /* 1-based: number of blocks */
	for (unsigned i = p->count; i-- > 0 && !hit;) {
		if (!p->block[i].keep_us || p->block[i].tokens < least)
			continue;
		if (!last)
			last = i + 1;
		for (unsigned back = 0; back <= LOOK_BACK && back <= i && !hit; back++)
			if (memory_has(mem, p->block[i - back].hash, now))
				hit = i - back + 1;
	}
	if (!last)
		return;
	p->read = hit ? p->block[hit - 1].tokens : 0;
	covered = p->read;
	x->writes.key = arena_array(x->arena, uint64_t, p->count);
	x->writes.keep_us = arena_array(x->arena, uint64_t, p->count);
	if (!x->writes.key || !x->writes.keep_us)
		return;
	if (hit) { /* reading keeps it alive */
		x->writes.key[x->writes.count] = p->block[hit - 1].hash;
		x->writes.keep_us[x->writes.count++] =
			p->block[hit - 1].keep_us ? p->block[hit - 1].keep_us : KEEP_5M_US;
	}
	for (unsigned i = hit; i < last; i++) {
		const struct anthropic_block *b = &p->block[i];
		if (!b->keep_us || b->tokens < least)
			continue;
		*(b->keep_us == KEEP_1H_US ? &p->written_1h : &p->written_5m) += b->tokens - covered;
		covered = b->tokens;
		x->writes.key[x->writes.count] = b->hash;
		x->writes.keep_us[x->writes.count++] = b->keep_us;
	}
}
