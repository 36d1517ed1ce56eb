/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads models.dev as published: a checkout (providers/ID/models/NAME.toml and models/VENDOR/NAME.toml), one
 * provider's folder, or one TOML file.
 *
 * [cost] holds USD per million tokens: input, output, reasoning, cache_read, cache_write, input_audio, output_audio.
 * [[cost.tiers]] with tier = {size = N} re-rates the request above N input tokens ([cost.context_over_200k] is the
 * older spelling). [experimental.modes.fast] is another price list: of the priority tier where its request body says
 * service_tier, of the fast speed where it says speed. `base_model` takes what is missing from models/.
 * There is no calculator to follow: a class without a price is unpriced (stand-ins: meter_next() in price.c).
 * cost 0/0 is taken as a gap unless the name says "free".
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "model/book_i.h"
#include "model/toml.h"

enum { TIERS_MOST = 4, FIELDS = 7, FILE_BYTES = 1024 * 1024, FILES_MOST = 20000 };

static const struct field {
	const char *key;
	enum token_class class;
} fields[FIELDS] = {
	{"input", CLASS_IN_PLAIN},
	{"output", CLASS_OUT_TEXT},
	{"reasoning", CLASS_OUT_REASONING},
	{"cache_read", CLASS_IN_CACHE_READ},
	{"cache_write", CLASS_IN_CACHE_WRITE},
	{"input_audio", CLASS_IN_AUDIO},
	{"output_audio", CLASS_OUT_AUDIO},
};

struct list { /* one price list: text of each field, empty = absent */
	char price[FIELDS][40];
	uint64_t above;
};

struct card {
	struct list base, tier[TIERS_MOST], fast;
	bool fast_is_priority, fast_is_speed;
	char updated[16], base_model[NAME_BYTES];
	uint64_t context_tok, output_tok;
};

static void list_set(struct list *l, struct str key, struct str value)
{
	for (unsigned i = 0; i < FIELDS; i++)
		if (str_eqc(key, fields[i].key))
			str_copy(l->price[i], sizeof l->price[i], value);
}

static bool starts(struct str *s, const char *prefix)
{
	struct str p = str_of(prefix);
	if (!str_starts(*s, p))
		return false;
	*s = str_sub(*s, p.n, s->n);
	return true;
}

static int seen(void *to, struct str path, struct str value, bool quoted)
{
	struct card *c = to;
	(void)quoted;
	if (starts(&path, "cost.tiers[")) {
		uint64_t i;
		struct str index = str_cut(&path, ']');
		if (str_u64(index, &i) || i >= TIERS_MOST || !starts(&path, "."))
			return 0;
		if (str_eqc(path, "tier.size"))
			str_u64(value, &c->tier[i].above);
		else
			list_set(&c->tier[i], path, value);
	} else if (starts(&path, "cost.context_over_200k.")) {
		c->tier[0].above = 200000;
		list_set(&c->tier[0], path, value);
	} else if (starts(&path, "cost.")) {
		list_set(&c->base, path, value);
	} else if (starts(&path, "experimental.modes.fast.cost.")) {
		list_set(&c->fast, path, value);
	} else if (str_eqc(path, "experimental.modes.fast.provider.body.service_tier")) {
		c->fast_is_priority = str_eqc(value, "priority");
	} else if (str_eqc(path, "experimental.modes.fast.provider.body.speed")) {
		c->fast_is_speed = str_eqc(value, "fast");
	} else if (str_eqc(path, "last_updated")) {
		str_copy(c->updated, sizeof c->updated, value);
	} else if (str_eqc(path, "base_model")) {
		str_copy(c->base_model, sizeof c->base_model, value);
	} else if (str_eqc(path, "limit.context")) {
		str_u64(value, &c->context_tok);
	} else if (str_eqc(path, "limit.output")) {
		str_u64(value, &c->output_tok);
	}
	return 0;
}

static int read_card(const char *path, struct card *c, struct err *e)
{
	struct sb text;
	int rc;
	sb_init(&text, FILE_BYTES);
	rc = fs_read(path, &text, e);
	if (!rc)
		rc = toml_read(sb_str(&text), path, seen, c, e);
	sb_fini(&text);
	return rc;
}

static int add_list(struct book *b, uint32_t m, const struct price_rule *base, const struct list *l, bool both_zero)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		struct price_rule r = *base;
		if (!l->price[i][0] || rule_price(&r, str_of(l->price[i]), 1000000))
			continue;
		if (r.listed_atto == 0 && both_zero)
			continue;
		r.meter = (enum meter)fields[i].class;
		r.above_input_tok = l->above;
		r.free = r.listed_atto == 0;
		if (book_add_rule(b, m, &r))
			return -RR_NOMEM;
	}
	return 0;
}

static int add_card(struct book *b, uint32_t provider, struct str id, const struct card *c, const char *source)
{
	struct price_rule base =
		rule_blank(arena_str(&b->arena, str_of(source)), arena_str(&b->arena, str_of(c->updated)));
	uint32_t m = book_add_model(b, provider, id, BOOK_MODELSDEV);
	money_wide in = 1, out = 1;
	bool zero;
	int rc;
	if (m == UINT32_MAX || book_add_name(b, m, id))
		return -RR_NOMEM;
	b->model[m].context_tok = c->context_tok;
	b->model[m].output_tok = c->output_tok;
	money_parse_atto(str_of(c->base.price[0]), &in, NULL);
	money_parse_atto(str_of(c->base.price[1]), &out, NULL);
	zero = in == 0 && out == 0 && !str_icontains(id, STR("free"));
	if (zero)
		b->model[m].note = STR("the source lists zero for input and output, which is no price");
	rc = add_list(b, m, &base, &c->base, zero);
	for (unsigned i = 0; i < TIERS_MOST && !rc; i++)
		if (c->tier[i].above)
			rc = add_list(b, m, &base, &c->tier[i], false);
	if (c->fast_is_priority)
		base.tier = TIER_PRIORITY;
	base.fast = c->fast_is_speed;
	if (!rc && (c->fast_is_priority || c->fast_is_speed))
		rc = add_list(b, m, &base, &c->fast, false);
	return rc;
}

/* Lower-case name of the last component, without ".toml". */
static struct str stem(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str s = str_of(slash ? slash + 1 : path);
	return str_ends(s, STR(".toml")) ? str_sub(s, 0, s.n - 5) : s;
}

/* root/models/VENDOR/NAME.toml for base_model = "VENDOR/NAME"; root is what stands before "/providers/". */
static int inherit(const char *path, struct card *c, struct err *e)
{
	struct card from = {0}, own = *c;
	const char *at = strstr(path, "/providers/");
	char base[4096];
	if (!c->base_model[0] || strstr(c->base_model, "..") || !at)
		return 0;
	snprintf(base, sizeof base, "%.*s/models/%s.toml", (int)(at - path), path, c->base_model);
	if (!fs_exists(base))
		return 0;
	if (read_card(base, &from, e))
		return -RR_SYNTAX;
	*c = from;
	for (unsigned i = 0; i < FIELDS; i++)
		if (own.base.price[i][0])
			memcpy(c->base.price[i], own.base.price[i], sizeof own.base.price[i]);
	if (own.tier[0].above)
		memcpy(c->tier, own.tier, sizeof own.tier);
	if (own.fast_is_priority || own.fast_is_speed) {
		c->fast = own.fast;
		c->fast_is_priority = own.fast_is_priority;
		c->fast_is_speed = own.fast_is_speed;
	}
	if (own.updated[0])
		memcpy(c->updated, own.updated, sizeof own.updated);
	if (own.context_tok)
		c->context_tok = own.context_tok;
	if (own.output_tok)
		c->output_tok = own.output_tok;
	return 0;
}

static int read_file(struct book *b, struct str provider, struct str id, const char *path, struct err *e)
{
	struct card c = {0};
	uint32_t p;
	int rc = read_card(path, &c, e);
	if (!rc)
		rc = inherit(path, &c, e);
	if (rc)
		return rc;
	p = book_add_provider(b, provider);
	if (p == UINT32_MAX || add_card(b, p, id, &c, path))
		return err_set(e, RR_NOMEM, "%s: does not fit the book", path);
	return 0;
}

/* A JSON value as the same stream of paths as TOML gives. */
static void flatten(struct json v, char path[TOML_PATH_BYTES], size_t n, unsigned depth, struct card *c)
{
	struct json_iter it;
	struct str key;
	struct json inner;
	unsigned index = 0;
	if (v.type != JSON_OBJECT && v.type != JSON_ARRAY) {
		seen(c, str_make(path, n), v.type == JSON_STRING ? json_raw_string(v) : v.text, v.type == JSON_STRING);
		return;
	}
	for (json_open(&it, v); depth < TOML_DEPTH && json_next(&it, &key, &inner); index++) {
		int more = v.type == JSON_ARRAY
				   ? snprintf(path + n, TOML_PATH_BYTES - n, "[%u]", index)
				   : snprintf(path + n, TOML_PATH_BYTES - n, "%s%.*s", n ? "." : "", STR_ARG(key));
		if (more > 0 && (size_t)more < TOML_PATH_BYTES - n)
			flatten(inner, path, n + (size_t)more, depth + 1, c);
	}
}

int book_read_modelsdev_json(struct book *b, struct json top, const char *name, struct err *e)
{
	struct json_iter providers, models;
	struct str id, model;
	struct json p, m;
	for (json_open(&providers, top); json_next(&providers, &id, &p);) {
		uint32_t at = book_add_provider(b, id);
		if (at == UINT32_MAX)
			return err_set(e, RR_LIMIT, "%s: too many providers", name);
		for (json_open(&models, json_get(p, "models")); json_next(&models, &model, &m);) {
			char path[TOML_PATH_BYTES];
			struct card c = {0};
			flatten(m, path, 0, 0, &c);
			if (add_card(b, at, model, &c, name))
				return err_set(e, RR_NOMEM, "%s: does not fit the book", name);
		}
	}
	return 0;
}

/* Every NAME.toml below a provider's models/ (ids may hold slashes: folders). */
static int read_models(struct book *b, struct str provider, const char *folder, struct str prefix, unsigned depth,
		       unsigned *files, struct err *e)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort), rc = 0;
	if (count < 0)
		return err_set(e, RR_IO, "%s cannot be read", folder);
	for (int i = 0; i < count; i++) {
		char path[4096], id[NAME_BYTES];
		struct stat st;
		struct str s = stem(names[i]->d_name);
		if (!rc && names[i]->d_name[0] != '.' && ++*files <= FILES_MOST) {
			snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
			snprintf(id, sizeof id, "%.*s%.*s", STR_ARG(prefix), STR_ARG(s));
			if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && depth < 4) {
				strncat(id, "/", sizeof id - strlen(id) - 1);
				rc = read_models(b, provider, path, str_of(id), depth + 1, files, e);
			} else if (str_ends(str_of(names[i]->d_name), STR(".toml"))) {
				rc = read_file(b, provider, str_of(id), path, e);
			}
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

static bool is_folder(const char *path, const char *below)
{
	char z[4096];
	struct stat st;
	snprintf(z, sizeof z, "%s%s%s", path, below[0] ? "/" : "", below);
	return stat(z, &st) == 0 && S_ISDIR(st.st_mode);
}

bool modelsdev_is_folder(const char *path)
{
	return is_folder(path, "providers") || is_folder(path, "models");
}

int book_read_modelsdev(struct book *b, const char *path, struct err *e)
{
	char z[4096];
	struct dirent **names;
	unsigned files = 0;
	int count, rc = 0;
	if (!is_folder(path, "")) { /* .../providers/ID/models/NAME.toml */
		const char *at = strstr(path, "/models/");
		struct str id = stem(path), provider = STR("models.dev");
		if (at) {
			id = str_of(at + 8);
			id = str_ends(id, STR(".toml")) ? str_sub(id, 0, id.n - 5) : id;
			provider = stem(str_copy(z, sizeof z, str_make(path, (size_t)(at - path))));
		}
		return read_file(b, provider, id, path, e);
	}
	if (!is_folder(path, "providers")) {
		snprintf(z, sizeof z, "%s/models", path);
		return read_models(b, stem(path), z, STR(""), 0, &files, e);
	}
	snprintf(z, sizeof z, "%s/providers", path);
	count = scandir(z, &names, NULL, alphasort);
	if (count < 0)
		return err_set(e, RR_IO, "%s cannot be read", z);
	for (int i = 0; i < count; i++) {
		snprintf(z, sizeof z, "%s/providers/%s/models", path, names[i]->d_name);
		if (!rc && names[i]->d_name[0] != '.' && is_folder(z, ""))
			rc = read_models(b, str_of(names[i]->d_name), z, STR(""), 0, &files, e);
		free(names[i]);
	}
	free(names);
	return rc;
}
