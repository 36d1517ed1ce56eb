/* SPDX-License-Identifier: Apache-2.0
 *
 * See shares.h.
 */
#include "report/shares.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/conf.h"
#include "base/fs.h"
#include "base/intern.h"
#include "report/amounts.h"

enum { FILE_BYTES = 1 << 20 };

/* ---- the file ---- */

static const struct conf_field match_fields[] = {
	{.name = "provider", .kind = CONF_STR, .offset = offsetof(struct share_match, provider)},
	{.name = "model", .kind = CONF_STR, .offset = offsetof(struct share_match, model)},
	{.name = "project", .kind = CONF_STR, .offset = offsetof(struct share_match, project)},
	{.name = "surface", .kind = CONF_STR, .offset = offsetof(struct share_match, surface)},
	{.name = "outlay", .kind = CONF_STR, .offset = offsetof(struct share_match, outlay)},
	{.name = NULL},
};
struct file_pool {
	struct str name;
	unsigned by;
	struct share_match cost, used_by;
	double capacity;
	struct conf_node *teams;
};
static const struct conf_field pool_fields[] = {
	{.name = "name", .kind = CONF_STR, .offset = offsetof(struct file_pool, name), .required = true},
	{.name = "cost", .kind = CONF_STRUCT, .offset = offsetof(struct file_pool, cost), .fields = match_fields},
	{.name = "by",
	 .kind = CONF_ENUM,
	 .offset = offsetof(struct file_pool, by),
	 .choices = "tokens|calls|cost|fixed",
	 .fallback = "tokens"},
	{.name = "used_by", .kind = CONF_STRUCT, .offset = offsetof(struct file_pool, used_by), .fields = match_fields},
	{.name = "capacity",
	 .kind = CONF_NUM,
	 .offset = offsetof(struct file_pool, capacity),
	 .least = 0,
	 .most = 1e15},
	{.name = "teams", .kind = CONF_NODE, .offset = offsetof(struct file_pool, teams)},
	{.name = NULL},
};
struct file {
	struct conf_array shared;
};
static const struct conf_field file_fields[] = {
	{.name = "shared", .kind = CONF_STRUCTS, .offset = offsetof(struct file, shared), .fields = pool_fields,
			.size = sizeof(struct file_pool)},
	{.name = NULL},
};

static bool says_nothing(const struct share_match *m)
{
	return !m->provider.n && !m->model.n && !m->project.n && !m->surface.n && !m->outlay.n;
}

static void take_pool(struct conf_doc *d, const struct conf_node *at, const struct file_pool *f, struct share_pool *p)
{
	money_wide v, sum = 0;
	bool exact;
	*p = (struct share_pool){.name = f->name, .key = (enum share_key)f->by, .cost = f->cost, .used_by = f->used_by,
				 .capacity = (uint64_t)(f->by == SHARE_FIXED ? f->capacity * 1e6 : f->capacity)};
	if (says_nothing(&p->cost))
		conf_error(d, at, "cost: which costs are shared? provider, model, project, surface or outlay");
	if (p->key == SHARE_COST && p->capacity)
		conf_error(d, at, "capacity is in tokens or calls; a share by cost knows none");
	if ((p->key == SHARE_FIXED) != (f->teams != NULL))
		conf_error(d, at, p->key == SHARE_FIXED ? "by: fixed wants teams: {NAME: SHARE, ...}" : "teams belongs to by: fixed");
	for (const struct conf_node *n = f->teams ? f->teams->first : NULL; n && p->key == SHARE_FIXED; n = n->next) {
		if (n->type != CONF_SCALAR || decimal_scaled(n->scalar, 6, &v, &exact) || !exact || v <= 0 ||
		    v > INT64_MAX / 512 || p->fixed_count == SHARES_FIXED) {
			conf_error(d, n, "a team's share is a number above 0, with at most 6 decimals");
			return;
		}
		p->fixed[p->fixed_count].team = n->key;
		p->fixed[p->fixed_count++].weight = (uint64_t)v;
		sum += v;
	}
	if (p->key == SHARE_FIXED && p->capacity && (money_wide)p->capacity < sum)
		conf_error(d, at, "capacity: the teams have more than that");
}

int shares_load(const char *path, struct arena *a, struct shares **out, struct err *e)
{
	struct conf_doc *d = arena_new(a, struct conf_doc);
	struct shares *s = arena_new(a, struct shares);
	struct file f = {0};
	struct sb text;
	struct str kept;
	int rc;
	if (!d || !s)
		return err_set(e, RR_NOMEM, "out of memory for shares");
	memset(s, 0, sizeof *s);
	sb_init(&text, FILE_BYTES);
	rc = fs_read(path, &text, e);
	kept = arena_str(a, sb_str(&text));
	sb_fini(&text);
	if (rc)
		return rc;
	conf_parse(d, a, kept, path);
	if (d->whole && conf_bind(d, d->root, file_fields, &f) == 0) {
		const struct conf_node *list = conf_get(d->root, "shared"), *at = list ? list->first : NULL;
		if (f.shared.count > SHARES_POOLS)
			conf_error(d, list, "more than %d shared costs", SHARES_POOLS);
		for (unsigned i = 0; i < f.shared.count && i < SHARES_POOLS; i++, at = at ? at->next : NULL)
			take_pool(d, at, &((const struct file_pool *)f.shared.items)[i], &s->pool[s->count++]);
	}
	if (d->errors) {
		*e = d->error[0];
		return -RR_CONFIG;
	}
	*out = s;
	return 0;
}

/* ---- what belongs to which ---- */

static bool is(struct str wanted, uint32_t name)
{
	return !wanted.n || str_eq(wanted, intern_str(name));
}

static bool matches(const struct share_match *m, const struct rollup_key *k)
{
	return is(m->provider, k->provider) && is(m->model, k->model) && is(m->project, k->project) && is(m->surface,
			k->surface);
}

int shares_pool_of(const struct shares *s, const struct rollup_key *k)
{
	for (unsigned i = 0; i < s->count; i++)
		if (!s->pool[i].cost.outlay.n && matches(&s->pool[i].cost, k))
			return (int)i;
	return -1;
}

int shares_pool_of_outlay(const struct shares *s, const struct outlay *o)
{
	for (unsigned i = 0; i < s->count; i++)
		if (str_eqc(s->pool[i].cost.outlay, o->id))
			return (int)i;
	return -1;
}

/* ---- the fold ---- */

struct team {
	uint32_t name; /* interned; 0: calls that do not say */
	money_wide used[SHARES_POOLS][SHARES_COLUMNS];
};
struct share_fold {
	const struct shares *s;
	money_wide cost[SHARES_POOLS][BOOKS][SHARES_COLUMNS];
	struct team *team;
	unsigned teams, room;
};

struct share_fold *share_fold_new(const struct shares *s)
{
	struct share_fold *f = calloc(1, sizeof *f);
	if (f)
		f->s = s;
	return f;
}

void share_fold_free(struct share_fold *f)
{
	if (f)
		free(f->team);
	free(f);
}

void share_add_cost(struct share_fold *f, int pool, enum book_kind book, unsigned column, money_wide pico)
{
	f->cost[pool][book][column] += pico;
}

static struct team *team_of(struct share_fold *f, uint32_t name)
{
	for (unsigned i = 0; i < f->teams; i++)
		if (f->team[i].name == name)
			return &f->team[i];
	if (!array_room(f->team, f->teams, f->room, SHARES_TEAMS))
		return NULL;
	memset(&f->team[f->teams], 0, sizeof *f->team);
	f->team[f->teams].name = name;
	return &f->team[f->teams++];
}

int share_add_use(struct share_fold *f, const struct rollup_row *x, unsigned column, money_wide pico)
{
	for (unsigned i = 0; i < f->s->count; i++) {
		const struct share_pool *p = &f->s->pool[i];
		money_wide w = p->key == SHARE_TOKENS  ? (money_wide)(x->sum.input_tok + x->sum.output_tok)
			       : p->key == SHARE_CALLS ? (money_wide)row_calls(x)
			       : p->key == SHARE_COST  ? pico
						       : 0;
		struct team *t;
		if (w <= 0 || !matches(&p->used_by, &x->key))
			continue;
		t = team_of(f, x->key.team);
		if (!t)
			return -RR_LIMIT;
		t->used[i][column] += w;
	}
	return 0;
}

/* ---- giving ---- */

struct rest {
	money_wide rest;
	unsigned index;
};

static int most_first(const void *a, const void *b)
{
	const struct rest *x = a, *y = b;
	if (x->rest != y->rest)
		return x->rest < y->rest ? 1 : -1;
	return x->index < y->index ? -1 : 1;
}

void share_split(money_wide pico, const money_wide *weight, unsigned n, money_wide *out)
{
	bool negative = pico < 0;
	money_wide all = 0, size = negative ? -pico : pico, left = size;
	struct rest *rest = calloc(n ? n : 1, sizeof *rest);
	for (unsigned i = 0; i < n; i++)
		all += weight[i];
	for (unsigned i = 0; i < n; i++) {
		money_wide r = 0;
		out[i] = all > 0 ? money_divide(size, weight[i], all, &r) : 0;
		left -= out[i];
		if (rest)
			rest[i] = (struct rest){r, i};
	}
	if (rest && n)
		qsort(rest, n, sizeof *rest, most_first);
	for (unsigned i = 0; left > 0 && all > 0 && n; i = (i + 1) % n, left--)
		out[rest ? rest[i].index : i]++;
	for (unsigned i = 0; i < n && negative; i++)
		out[i] = -out[i];
	free(rest);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(intern_str(((const struct team *)a)->name), intern_str(((const struct team *)b)->name));
}

typedef int give_part(void *, const struct share_pool *, enum book_kind, const struct str *, unsigned, money_wide);

/* Weights of one pool and column; the last one is what is idle. */
static unsigned weights_of(const struct share_fold *f, unsigned pool, unsigned column, double months, money_wide *w,
		struct str *names)
{
	const struct share_pool *p = &f->s->pool[pool];
	money_wide used = 0, capacity = p->key == SHARE_FIXED ? (money_wide)p->capacity
			: (money_wide)((double)p->capacity * months);
	unsigned n = 0;
	if (p->key == SHARE_FIXED)
		for (; n < p->fixed_count; n++) {
			w[n] = (money_wide)p->fixed[n].weight;
			names[n] = p->fixed[n].team;
		}
	for (unsigned t = 0; t < f->teams && p->key != SHARE_FIXED; t++) {
		if (f->team[t].used[pool][column] <= 0)
			continue;
		w[n] = f->team[t].used[pool][column];
		names[n++] = intern_str(f->team[t].name);
	}
	for (unsigned i = 0; i < n; i++)
		used += w[i];
	w[n] = capacity > used ? capacity - used : used == 0 ? 1 : 0; /* used by nobody: all of it is idle */
	return n;
}

int share_give(struct share_fold *f, unsigned columns, const double *months, give_part *part, void *arg)
{
	unsigned most = (f->teams > SHARES_FIXED ? f->teams : SHARES_FIXED) + 1;
	money_wide *w = calloc(most, sizeof *w), *out = calloc(most, sizeof *out);
	struct str *names = calloc(most, sizeof *names);
	int rc = w && out && names ? 0 : -RR_NOMEM;
	if (f->teams)
		qsort(f->team, f->teams, sizeof *f->team, by_name);
	for (unsigned i = 0; i < f->s->count && !rc; i++)
		for (unsigned c = 0; c < columns && !rc; c++) {
			unsigned n = weights_of(f, i, c, months[c], w, names);
			for (unsigned b = 0; b < BOOKS && !rc; b++) {
				if (f->cost[i][b][c] == 0)
					continue;
				share_split(f->cost[i][b][c], w, n + 1, out);
				for (unsigned k = 0; k <= n && !rc; k++)
					if (out[k] != 0)
						rc = part(arg, &f->s->pool[i], (enum book_kind)b,
							  k < n ? &names[k] : NULL, c, out[k]);
			}
		}
	free(w);
	free(out);
	free(names);
	return rc;
}
