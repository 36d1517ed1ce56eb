/* SPDX-License-Identifier: Apache-2.0
 *
 * See cloud.h.
 */
#include "import/cloud.h"

#include <stdlib.h>

void cloud_columns_find(struct cloud_columns *t, const struct csv *c, const char *const *names, unsigned count)
{
	check(count <= CLOUD_COLUMNS);
	for (unsigned i = 0; i < count; i++) {
		struct str rest = str_of(names[i]);
		t->at[i] = -1;
		while (rest.p && t->at[i] < 0) {
			struct str one = str_cut(&rest, '|');
			char name[96];
			t->at[i] = csv_column(c, str_copy(name, sizeof name, one));
		}
	}
}

int cloud_identity(struct cloud_columns *t, const struct csv *c, bool (*not_identity)(struct str name), struct err *e)
{
	free(t->identity);
	free(t->name_hash);
	t->columns = csv_columns(c);
	t->identity = calloc(t->columns, sizeof *t->identity);
	t->name_hash = calloc(t->columns, sizeof *t->name_hash);
	if (!t->identity || !t->name_hash)
		return err_set(e, RR_NOMEM, "out of memory for %u columns", t->columns);
	for (unsigned i = 0; i < t->columns; i++) {
		struct str name = csv_header(c, i);
		t->identity[i] = !not_identity(name);
		t->name_hash[i] = hash_xxh3(name.p, name.n);
	}
	return 0;
}

void cloud_columns_free(struct cloud_columns *t)
{
	free(t->identity);
	free(t->name_hash);
	t->identity = NULL;
	t->name_hash = NULL;
}

struct str cloud_field(const struct cloud_columns *t, struct csv *c, unsigned which)
{
	return read_null(csv_field(c, t->at[which]));
}

void cloud_key(struct import_ctx *x, const struct cloud_columns *t, struct csv *c)
{
	struct hash128 sum = {0, 0};
	for (unsigned i = 0; i < t->columns; i++) {
		struct str v = t->identity[i] ? read_null(csv_field(c, (int)i)) : STR("");
		if (v.n) {
			sum.lo += hash_xxh3_seed(v.p, v.n, t->name_hash[i]);
			sum.hi += hash_xxh3_seed(v.p, v.n, ~t->name_hash[i]);
		}
	}
	key_add_u64(x, sum.hi);
	key_add_u64(x, sum.lo);
}

bool cloud_is_amount(struct str name)
{
	static const char *const ends[] = {"Cost", "Price", "Quantity", "Rate", "Amount"};
	for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++)
		if (name.n >= strlen(ends[i]) && str_ieq(str_sub(name, name.n - strlen(ends[i]), name.n), str_of(ends[i])))
			return true;
	return false;
}

bool slash_date(struct str s, unsigned part[3])
{
	struct str rest = s;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t v;
		struct str t = str_cut(&rest, '/');
		if (str_u64(t, &v) || v > 9999 || (i < 2) != (rest.p != NULL))
			return false;
		part[i] = (unsigned)v;
	}
	part[2] += part[2] < 100 ? 2000 : 0;
	return part[0] >= 1 && part[1] >= 1;
}

void cloud_tokens(struct import_ctx *x, const struct token_words *w, struct str quantity, uint64_t per)
{
	money_wide micro;
	struct usage *u = &x->call.usage;
	if (!w->known || !per || decimal_scaled(quantity, 6, &micro, NULL) || micro < 0 || micro > (money_wide)INT64_MAX)
		return;
	micro = money_round(micro * (money_wide)per, 1000000);
	if (micro > (money_wide)INT64_MAX / 16)
		return;
	u->tok[w->cls] = (uint64_t)micro;
	u->vendor_total_tok = (uint64_t)micro;
	u->tier = w->tier;
	u->flags |= USAGE_SEEN;
}

struct str cloud_tags(struct import_ctx *x, struct str text)
{
	struct sb b;
	struct json v, value;
	struct json_iter it;
	struct str key, out;
	if (!text.n || json_parse(text, &v, NULL) || v.type != JSON_OBJECT)
		return text;
	sb_init(&b, 16384);
	for (json_open(&it, v); json_next(&it, &key, &value);)
		sb_addf(&b, "%.*s=%.*s;", STR_ARG(key), STR_ARG(json_text(x, value)));
	out = arena_str(&x->arena, sb_str(&b));
	sb_fini(&b);
	return out;
}

uint32_t cloud_name(struct str s)
{
	return s.n ? intern(s) : 0;
}
