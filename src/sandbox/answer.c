/* SPDX-License-Identifier: Apache-2.0
 *
 * Helpers with which the vendors' files ask the request and plan the answer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "sandbox/sandbox_int.h"

/* A number that no counter in use holds exactly as a double (2^53 + 1). */
#define HUGE_COUNT "9007199254740993"

struct str ask_header(const struct exchange *x, const char *name)
{
	return x->ask.head ? head_get(x->ask.head, name) : str_make(NULL, 0);
}

uint64_t ask_number(const struct exchange *x, const char *name, uint64_t fallback)
{
	struct str v = ask_header(x, name);
	uint64_t n;
	return v.p && str_u64(v, &n) == 0 && n <= UINT32_MAX ? n : fallback;
}

struct str ask_query(const struct exchange *x, const char *name)
{
	struct str rest = x->ask.query;
	while (rest.p) {
		struct str value = str_cut(&rest, '&'), key = str_cut(&value, '=');
		if (str_eqc(key, name))
			return value.p ? value : str_make("", 0);
	}
	return str_make(NULL, 0);
}

void answer_header(struct exchange *x, const char *name, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (x->a.headers == SANDBOX_HEADERS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	x->a.header[x->a.headers++] = (struct header){str_of(name), arena_str(x->arena, str_of(text))};
}

void answer_cut(struct exchange *x, unsigned tokens)
{
	struct answer *a = &x->a;
	if (!array_room(a->piece, a->pieces, a->piece_cap, ARRAY_MOST)) {
		a->body.full = true;
		return;
	}
	a->piece[a->pieces++] = (struct piece){a->body.n, tokens};
	if (a->usage_sent && !a->usage_at)
		a->usage_at = a->body.n;
}

static uint64_t next_number(struct exchange *x, const char *salt)
{
	const struct sandbox *s = x->sandbox;
	uint64_t of[3] = {x->request_hash, x->ids++, 0};
	if (!s->config.deterministic) {
		of[0] ^= s->birth;
		of[2] = s->served + 1;
	}
	return hash_xxh3_seed(of, sizeof of, s->config.seed ^ hash_xxh3(salt, strlen(salt)));
}

const char *answer_id(struct exchange *x, const char *prefix, unsigned length)
{
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char text[SANDBOX_ID];
	struct rng r;
	size_t n = strlen(prefix);
	rng_seed(&r, next_number(x, prefix));
	check(n + length < sizeof text);
	snprintf(text, sizeof text, "%s", prefix);
	for (unsigned i = 0; i < length; i++)
		text[n + i] = set[rng_below(&r, sizeof set - 1)];
	return arena_str(x->arena, str_make(text, n + length)).p;
}

const char *answer_uuid(struct exchange *x)
{
	uint64_t a = next_number(x, "uuid"), b = next_number(x, "uuid");
	return arena_printf(x->arena, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(a >> 32),
			    (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(b >> 48 & 0xfff),
			    (unsigned long long)(b & 0xffffffffffff))
		.p;
}

int64_t answer_seconds(const struct exchange *x)
{
	return x->now_us / US_PER_S;
}

void answer_name(struct exchange *x, const char *api, const char *surface, struct str model, const char *id)
{
	x->a.api = api;
	x->a.surface = surface;
	x->a.model = arena_str(x->arena, model);
	if (id)
		str_copy(x->a.id, sizeof x->a.id, str_of(id));
}

/* Every count of the block becomes `count`. */
static struct str with_counts(struct exchange *x, struct str block, const char *count)
{
	struct sb b;
	struct str out;
	bool quoted = false;
	sb_init(&b, 64 * 1024);
	for (size_t i = 0; i < block.n; i++) {
		char c = block.p[i];
		if (c == '"')
			quoted = !quoted;
		if (quoted || c < '0' || c > '9') {
			sb_addc(&b, c);
			continue;
		}
		sb_adds(&b, count);
		while (i + 1 < block.n && ((block.p[i + 1] >= '0' && block.p[i + 1] <= '9') || block.p[i + 1] == '.'))
			i++;
	}
	out = arena_str(x->arena, sb_str(&b));
	sb_fini(&b);
	return out;
}

struct str answer_usage(struct exchange *x)
{
	struct answer *a = &x->a;
	if (fault_on(&x->faults, FAULT_USAGE_MISSING) || !a->usage.n)
		return str_make(NULL, 0);
	a->usage_as_sent = sb_str(&a->usage);
	if (fault_on(&x->faults, FAULT_USAGE_ZERO))
		a->usage_as_sent = with_counts(x, a->usage_as_sent, "0");
	else if (fault_on(&x->faults, FAULT_USAGE_HUGE))
		a->usage_as_sent = with_counts(x, a->usage_as_sent, HUGE_COUNT);
	a->usage_sent = true;
	return a->usage_as_sent;
}

void answer_put_usage(struct exchange *x, struct json_out *w, const char *key)
{
	struct str block = answer_usage(x);
	for (int i = 0; block.p && i < (fault_on(&x->faults, FAULT_USAGE_TWICE) ? 2 : 1); i++) {
		jw_key(w, key);
		jw_raw(w, block);
	}
}

static void new_line(struct sb *out, unsigned depth)
{
	sb_addc(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		sb_adds(out, "  ");
}

void answer_indent(struct exchange *x)
{
	struct sb out;
	unsigned depth = 0;
	const char *p = x->a.body.p, *end = p + x->a.body.n;
	sb_init(&out, SANDBOX_BODY_BYTES);
	for (; p && p < end; p++) {
		if (*p == '"') {
			const char *from = p++;
			while (p < end && *p != '"')
				p += *p == '\\' ? 2 : 1;
			sb_add(&out, from, (size_t)(p - from) + 1);
		} else if ((*p == '{' || *p == '[') && p + 1 < end && p[1] != '}' && p[1] != ']') {
			sb_addc(&out, *p);
			new_line(&out, ++depth);
		} else if (*p == '{' || *p == '[') {
			sb_addc(&out, *p);
			sb_addc(&out, *++p);
		} else if (*p == '}' || *p == ']') {
			new_line(&out, --depth);
			sb_addc(&out, *p);
		} else if (*p == ',') {
			sb_addc(&out, ',');
			new_line(&out, depth);
		} else {
			sb_addc(&out, *p);
			if (*p == ':')
				sb_addc(&out, ' ');
		}
	}
	sb_addc(&out, '\n');
	sb_fini(&x->a.body);
	x->a.body = out;
}
