/* SPDX-License-Identifier: Apache-2.0
 *
 * See conf.h. A checked tree to the fields of a struct, by a table. All errors are collected; a field that is wrong
 * keeps its default, so that one mistake does not bring forth others.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/num.h"

enum { ITEMS_MOST = 100000, SHOWN = 60, PATH_BYTES = 256 };

struct binding {
	struct conf_doc *d;
	const struct conf_field *f;
	const struct conf_node *n;
	void *to;
};

const char *conf_nearest(const struct conf_field *fields, struct str name)
{
	const char *best = NULL;
	unsigned distance = (unsigned)(name.n < 48 ? name.n : 48) / 3 + 2;
	for (const struct conf_field *f = fields; f->name; f++) {
		unsigned d = str_distance(name, str_of(f->name));
		if (d < distance)
			best = f->name, distance = d;
	}
	return best;
}

char *conf_field_words(const struct conf_field *f, char out[160])
{
	static const char *const words[] = {
		[CONF_BOOL] = "true or false", [CONF_STR] = "text", [CONF_SECRET] = "a secret, as \"${VARIABLE}\"",
		[CONF_U64] = "a whole number", [CONF_NUM] = "a number", [CONF_SHARE] = "a share, as 0.3 or 30%",
		[CONF_MONEY] = "an amount, as \"GBP 500\"", [CONF_TIME] = "a date, as 2026-11-21",
		[CONF_DURATION] = "a length of time, as 90s or 15m", [CONF_BYTES] = "a size, as 64 KiB",
		[CONF_ENUM] = "one of", [CONF_RANGE] = "a number, or {low: .., mode: .., high: ..}",
		[CONF_STRUCT] = "a map", [CONF_STRUCTS] = "a list of maps", [CONF_STRS] = "a list of texts",
		[CONF_NODE] = "a map or a list",
	};
	char range[64] = "", choices[96] = "";
	if (f->least != 0 || f->most != 0)
		snprintf(range, sizeof range, ", %.15g to %.15g", f->least, f->most);
	if (f->kind == CONF_ENUM && f->choices) {
		size_t n = 0;
		choices[n++] = ' ';
		for (const char *p = f->choices; *p && n + 3 < sizeof choices; p++) {
			if (*p == '|')
				choices[n++] = ',', choices[n++] = ' ';
			else
				choices[n++] = *p;
		}
		choices[n] = 0;
	}
	if (snprintf(out, 160, "%s%s%s%s%s", words[f->kind], choices, f->unit ? " of " : "", f->unit ? f->unit : "",
		     range) >= 160)
		memcpy(out + 156, "...", 4); /* a list that long is cut, and shows it */
	return out;
}

static int wrong(const struct binding *b, const char *what)
{
	char words[160];
	conf_error(b->d, b->n, "%s: %s", b->f->name, what);
	return conf_hint(b->d, "%s is %s", b->f->name, conf_field_words(b->f, words));
}

static int wrong_err(const struct binding *b, const struct err *e)
{
	conf_error(b->d, b->n, "%s: %.340s", b->f->name, e->what);
	if (e->hint[0])
		return conf_hint(b->d, "%s", e->hint);
	return -RR_CONFIG;
}

static bool in_range(const struct binding *b, double v)
{
	const struct conf_field *f = b->f;
	if ((f->least == 0 && f->most == 0) || (v >= f->least && v <= f->most))
		return true;
	conf_error(b->d, b->n, "%s: '%.*s' is not between %.15g and %.15g", f->name,
		   STR_ARG(str_sub(b->n->scalar, 0, SHOWN)), f->least, f->most);
	return false;
}

/* A number must stand there plainly: "12" in quotes is text, 010 is 8 to some readers of YAML. */
static int plain_number(const struct binding *b)
{
	struct str s = b->n->scalar;
	size_t sign = s.n && (s.p[0] == '-' || s.p[0] == '+');
	if (b->n->quoted)
		return wrong(b, "the quotes make this text");
	if (s.n > sign + 1 && s.p[sign] == '0' && s.p[sign + 1] >= '0' && s.p[sign + 1] <= '9') {
		conf_error(b->d, b->n, "%s: '%.*s' can be read as decimal or as octal", b->f->name,
			   STR_ARG(str_sub(s, 0, SHOWN)));
		return conf_hint(b->d, "write it without leading zeros");
	}
	return 0;
}

static int bind_bool(const struct binding *b)
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
	if (b->n->quoted)
		return wrong(b, "the quotes make this text");
	for (int i = 0; i < 3; i++) {
		if (str_ieq(b->n->scalar, str_of(yes[i])) || str_ieq(b->n->scalar, str_of(no[i]))) {
			*(bool *)b->to = str_ieq(b->n->scalar, str_of(yes[i]));
			return 0;
		}
	}
	return wrong(b, "this is neither true nor false");
}

static int bind_str(const struct binding *b)
{
	if (str_contains(b->n->scalar, STR("${"))) {
		conf_error(b->d, b->n, "%s: ${...} is read from the environment only in secrets", b->f->name);
		return conf_hint(b->d, "write the value itself");
	}
	*(struct str *)b->to = b->n->scalar;
	return 0;
}

static bool name_byte(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* "${NAME}" at the front of s: its name, or n 0. */
static struct str variable(struct str s)
{
	size_t n = 2;
	if (s.n < 4 || s.p[0] != '$' || s.p[1] != '{')
		return str_make(s.p, 0);
	while (n < s.n && name_byte(s.p[n], n == 2))
		n++;
	return n < s.n && s.p[n] == '}' ? str_sub(s, 2, n) : str_make(s.p, 0);
}

static int expand(const struct binding *b, struct sb *out)
{
	struct str s = b->n->scalar;
	while (s.n) {
		struct str name = variable(s);
		char text[128];
		const char *value;
		if (!name.n && s.p[0] == '$' && s.n > 1 && (s.p[1] == '{' || name_byte(s.p[1], true))) {
			conf_error(b->d, b->n, "%s: a variable of the environment is written ${NAME}", b->f->name);
			return conf_hint(b->d, "letters, digits and _ between the braces");
		}
		if (!name.n) {
			sb_addc(out, s.p[0]);
			s = str_sub(s, 1, s.n);
			continue;
		}
		if (name.n >= sizeof text)
			return wrong(b, "the variable's name is too long");
		value = getenv(str_copy(text, sizeof text, name));
		if (!value || !value[0]) {
			conf_error(b->d, b->n, "%s: the environment variable %s is %s", b->f->name, text,
				   value ? "empty" : "not set");
			return conf_hint(b->d, "export %s=..., or remove this key", text);
		}
		sb_adds(out, value);
		s = str_sub(s, name.n + 3, s.n);
	}
	return 0;
}

static int bind_secret(const struct binding *b)
{
	struct sb text;
	int rc;
	if (b->d->no_secrets)
		return 0;
	sb_init(&text, 16 * 1024);
	rc = expand(b, &text);
	if (!rc && (text.full || !text.n))
		rc = wrong(b, text.full ? "longer than 16 KiB" : "a secret cannot be empty");
	for (size_t i = 0; i < text.n && !rc; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F)
			rc = wrong(b, "a control character stands in it (a new line at the end of the variable?)");
	if (!rc)
		((struct conf_secret *)b->to)->hidden = arena_str(b->d->arena, sb_str(&text));
	if (text.p)
		explicit_bzero(text.p, text.cap);
	sb_fini(&text);
	return rc;
}

static int bind_u64(const struct binding *b)
{
	struct err e;
	uint64_t v;
	if (plain_number(b))
		return -RR_CONFIG;
	if (num_parse_u64(b->n->scalar, &v, &e))
		return wrong_err(b, &e);
	if (!in_range(b, (double)v))
		return -RR_CONFIG;
	*(uint64_t *)b->to = v;
	return 0;
}

static int read_num(const struct binding *b, double *v)
{
	struct err e;
	if (plain_number(b))
		return -RR_CONFIG;
	if (num_parse(b->n->scalar, v, &e))
		return wrong_err(b, &e);
	return in_range(b, *v) ? 0 : -RR_CONFIG;
}

static int bind_num(const struct binding *b)
{
	double v;
	if (read_num(b, &v))
		return -RR_CONFIG;
	if (b->f->kind == CONF_SHARE && !(v >= 0 && v <= 1))
		return wrong(b, "a share lies between 0 and 1");
	*(double *)b->to = v;
	return 0;
}

static int bind_money(const struct binding *b)
{
	struct conf_money m = {0};
	struct err e;
	if (num_parse_money(b->n->scalar, &m.pico, &m.currency, &e))
		return wrong_err(b, &e);
	if (!in_range(b, (double)m.pico / (double)PICO_PER_UNIT))
		return -RR_CONFIG;
	*(struct conf_money *)b->to = m;
	return 0;
}

static int bind_time(const struct binding *b)
{
	if (time_parse(b->n->scalar, b->to))
		return wrong(b, "this is not a date or time");
	return 0;
}

static int bind_duration(const struct binding *b)
{
	struct err e;
	int64_t us;
	if (num_parse_duration(b->n->scalar, &us, &e))
		return wrong_err(b, &e);
	if (!in_range(b, (double)us / (double)US_PER_S))
		return -RR_CONFIG;
	*(int64_t *)b->to = us;
	return 0;
}

static int bind_bytes(const struct binding *b)
{
	struct err e;
	uint64_t bytes;
	if (num_parse_bytes(b->n->scalar, &bytes, &e))
		return wrong_err(b, &e);
	if (!in_range(b, (double)bytes))
		return -RR_CONFIG;
	*(uint64_t *)b->to = bytes;
	return 0;
}

static int bind_enum(const struct binding *b)
{
	struct str rest = str_of(b->f->choices), best = {NULL, 0};
	unsigned index = 0, distance = b->n->scalar.n < 2 ? 1 : b->n->scalar.n < 6 ? 2 : 3;
	while (rest.p) {
		struct str choice = str_cut(&rest, '|');
		unsigned d = str_distance(choice, b->n->scalar);
		if (str_ieq(choice, b->n->scalar)) {
			*(unsigned *)b->to = index;
			return 0;
		}
		if (d < distance)
			best = choice, distance = d;
		index++;
	}
	conf_error(b->d, b->n, "%s: '%.*s' is not known here", b->f->name, STR_ARG(str_sub(b->n->scalar, 0, SHOWN)));
	if (best.n)
		return conf_hint(b->d, "did you mean %.*s?", STR_ARG(best));
	char words[160];
	return conf_hint(b->d, "%s is %s", b->f->name, conf_field_words(b->f, words));
}

static void unknown_key(struct conf_doc *d, const struct conf_node *n)
{
	const struct conf_node at = {.line = n->key_line, .column = n->key_column};
	conf_error(d, &at, "unknown key '%.*s'", STR_ARG(str_sub(n->key, 0, SHOWN)));
}

static int bind_range(const struct binding *b)
{
	static const char *const names[] = {"low", "mode", "high"};
	struct conf_range r;
	double *const to[] = {&r.low, &r.mode, &r.high};
	if (b->n->type == CONF_SCALAR) {
		if (read_num(b, &r.mode))
			return -RR_CONFIG;
		r.low = r.high = r.mode;
		*(struct conf_range *)b->to = r;
		return 0;
	}
	for (const struct conf_node *n = b->n->first; n; n = n->next)
		if (!str_eqc(n->key, "low") && !str_eqc(n->key, "mode") && !str_eqc(n->key, "high")) {
			unknown_key(b->d, n);
			return conf_hint(b->d, "a range is {low: .., mode: .., high: ..}");
		}
	for (int i = 0; i < 3; i++) {
		struct binding part = *b;
		part.n = conf_get(b->n, names[i]);
		if (!part.n)
			return wrong(b, "a range has low, mode and high");
		if (part.n->type != CONF_SCALAR)
			return wrong(&part, "this is not a number");
		if (read_num(&part, to[i]))
			return -RR_CONFIG;
	}
	if (!(r.low <= r.mode && r.mode <= r.high))
		return wrong(b, "low, mode and high must be in that order");
	*(struct conf_range *)b->to = r;
	return 0;
}

static unsigned children(const struct conf_node *n)
{
	unsigned count = 0;
	for (const struct conf_node *c = n->first; c; c = c->next)
		count++;
	return count;
}

static int bind_list(const struct binding *b)
{
	struct conf_array *array = b->to;
	unsigned count = children(b->n), i = 0;
	size_t size = b->f->kind == CONF_STRS ? sizeof(struct str) : b->f->size;
	char *items;
	int rc = 0;
	if (count > ITEMS_MOST)
		return wrong(b, "more than 100,000 items");
	items = arena_alloc_array(b->d->arena, size, count);
	if (!items && count)
		return wrong(b, "the file is too large for the memory set aside for it");
	for (const struct conf_node *n = b->n->first; items && n; n = n->next, i++) {
		struct binding item = {b->d, b->f, n, items + size * i};
		int one;
		if (b->f->kind == CONF_STRS)
			one = n->type == CONF_SCALAR ? bind_str(&item) : wrong(&item, "this item is not text");
		else
			one = n->type == CONF_MAP ? conf_bind(b->d, n, b->f->fields, item.to)
						  : wrong(&item, "this item is not a map");
		rc = one ? one : rc;
	}
	*array = (struct conf_array){items, count};
	return rc;
}

static const char *type_words(enum conf_type t)
{
	return t == CONF_SCALAR ? "a single value" : t == CONF_LIST ? "a list" : "a map";
}

static int bind_one(const struct binding *b)
{
	enum conf_kind kind = b->f->kind;
	bool composite = kind == CONF_STRUCT || kind == CONF_STRUCTS || kind == CONF_STRS;
	enum conf_type want = kind == CONF_STRUCT ? CONF_MAP : composite ? CONF_LIST : CONF_SCALAR;
	if (kind == CONF_NODE) {
		*(const struct conf_node **)b->to = b->n;
		return 0;
	}
	if (b->n->type != want && !(kind == CONF_RANGE && b->n->type == CONF_MAP)) {
		char what[64];
		snprintf(what, sizeof what, "this is %s", type_words(b->n->type));
		if (b->n->type == CONF_SCALAR && !b->n->scalar.n && !b->n->quoted)
			snprintf(what, sizeof what, "there is no value");
		return wrong(b, what);
	}
	if (want == CONF_SCALAR && b->n->type == CONF_SCALAR && !b->n->quoted &&
	    (!b->n->scalar.n || str_eqc(b->n->scalar, "~") || str_ieq(b->n->scalar, STR("null"))))
		return wrong(b, "there is no value");
	switch (kind) {
	case CONF_BOOL: return bind_bool(b);
	case CONF_STR: return bind_str(b);
	case CONF_SECRET: return bind_secret(b);
	case CONF_U64: return bind_u64(b);
	case CONF_NUM:
	case CONF_SHARE: return bind_num(b);
	case CONF_MONEY: return bind_money(b);
	case CONF_TIME: return bind_time(b);
	case CONF_DURATION: return bind_duration(b);
	case CONF_BYTES: return bind_bytes(b);
	case CONF_ENUM: return bind_enum(b);
	case CONF_RANGE: return bind_range(b);
	case CONF_STRUCT: return conf_bind(b->d, b->n, b->f->fields, b->to);
	case CONF_STRUCTS:
	case CONF_STRS: return bind_list(b);
	case CONF_NODE: break;
	}
	return 0;
}

/* Defaults of a table, also of the structs inside it. A default that does not fit its own field is our mistake. */
static void set_default(struct conf_doc *d, const struct conf_field *f, char *to)
{
	struct conf_node n = {.type = CONF_SCALAR, .scalar = str_of(f->fallback)};
	struct binding b = {d, f, &n, to + f->offset};
	if (f->kind == CONF_STRUCT) {
		for (const struct conf_field *inner = f->fields; inner->name; inner++)
			set_default(d, inner, b.to);
		return;
	}
	if (!f->fallback)
		return;
	if (f->kind == CONF_STR)
		*(struct str *)b.to = n.scalar;
	else
		check(bind_one(&b) == 0);
}

int conf_bind(struct conf_doc *d, const struct conf_node *map, const struct conf_field *fields, void *to)
{
	unsigned before = d->errors;
	bool full = false;
	if (map && map->type != CONF_MAP) {
		conf_error(d, map, "this is %s where a map is wanted", type_words(map->type));
		return conf_hint(d, "write NAME: VALUE lines");
	}
	for (const struct conf_node *n = map ? map->first : NULL; n; n = n->next) {
		const struct conf_field *f = fields;
		const char *near;
		while (f->name && !str_eqc(n->key, f->name))
			f++;
		if (f->name)
			continue;
		near = conf_nearest(fields, n->key);
		unknown_key(d, n);
		if (near)
			conf_hint(d, "did you mean %s?", near);
		full = true;
	}
	for (const struct conf_field *f = fields; f->name; f++) {
		struct conf_node *n = conf_get(map, f->name);
		struct binding b = {d, f, n, (char *)to + f->offset};
		set_default(d, f, to);
		if (f->given_offset)
			*(bool *)((char *)to + f->given_offset) = n != NULL;
		if (n && bind_one(&b))
			full = true;
		if (!n && f->required && map) {
			conf_error(d, map, "'%s' is missing here", f->name);
			char words[160];
			conf_hint(d, "%s is %s", f->name, conf_field_words(f, words));
			full = true;
		}
	}
	return full || d->errors > before ? -RR_CONFIG : 0;
}

static void each(const struct conf_node *map, const struct conf_field *fields, const char *prefix, conf_visit *fn,
		 void *arg)
{
	for (const struct conf_field *f = fields; f->name; f++) {
		const struct conf_node *n = conf_get(map, f->name);
		char path[PATH_BYTES];
		unsigned i = 0;
		snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", f->name);
		if (f->kind == CONF_STRUCT) {
			each(n, f->fields, path, fn, arg);
		} else if (f->kind == CONF_STRUCTS && n) {
			for (const struct conf_node *item = n->first; item; item = item->next) {
				char inner[PATH_BYTES];
				snprintf(inner, sizeof inner, "%.230s[%u]", path, i++);
				each(item, f->fields, inner, fn, arg);
			}
		} else {
			fn(path, f, n, arg);
		}
	}
}

void conf_each(const struct conf_node *map, const struct conf_field *fields, conf_visit *fn, void *arg)
{
	each(map, fields, "", fn, arg);
}
