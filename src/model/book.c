/* SPDX-License-Identifier: Apache-2.0
 *
 * The price book's memory: providers, models and rules as the readers add them, the index over them, and the
 * search for a model by any vendor's spelling of its name.
 *
 * A name is searched in this order, and the first hit counts:
 *   1. at the provider itself, each spelling of model_names() from the most literal on: exact, then (where the
 *      source uses match expressions) the first model in the file's order whose expression holds;
 *   2. at other names of the same vendor ("google", "gemini", "vertex_ai");
 *   3. at the providers whose list prices the source says hold here too (Azure sells OpenAI's models).
 * Answers, "no such model" included, are remembered in a table that only grows: a slot is written once, by
 * compare-and-swap, so readers need no lock. When half full it stops learning and the search stays correct.
 */
#include "model/book_i.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/hash.h"

struct memo_entry {
	uint64_t hash;
	size_t model;
	uint16_t provider_bytes, model_bytes;
	char text[];
};

struct memo {
	_Atomic uint32_t used;
	struct memo_entry *_Atomic slot[MEMO_SLOTS];
};

const char *meter_name(enum meter m)
{
	static const char *const other[] = {
		"audio_second",  "image",    "character",    "storage_token_hour", "request",   "training_token",
		"training_hour", "gpu_hour", "hosting_hour", "storage_gb_month",   "seat_month"};
	static const char *const tool[] = {
#define X(NAME, name, text) "tool_" #name,
#include "model/tool_kinds.def"
#undef X
	};
	static const char *const class[] = {
#define X(NAME, name, side, text) #name,
#include "model/token_classes.def"
#undef X
	};
	if ((unsigned)m < CLASSES)
		return class[m];
	if ((unsigned)m < CLASSES + TOOLS)
		return tool[m - METER_TOOL_0];
	return (unsigned)m < METERS ? other[m - METER_AUDIO_SECOND] : "?";
}

int meter_parse(struct str s, enum meter *out)
{
	for (unsigned m = 0; m < METERS; m++)
		if (str_eqc(s, meter_name((enum meter)m))) {
			*out = (enum meter)m;
			return 0;
		}
	return -RR_NOTFOUND;
}

struct book *book_new(struct err *e)
{
	struct book *b = calloc(1, sizeof *b);
	if (b)
		b->memo = calloc(1, sizeof *b->memo);
	if (!b || !b->memo) {
		free(b);
		err_set(e, RR_NOMEM, "no memory for a price book");
		return NULL;
	}
	arena_init(&b->arena, BOOK_ARENA_BYTES);
	return b;
}

static void memo_clear(struct book *b)
{
	for (unsigned i = 0; i < MEMO_SLOTS; i++)
		free(atomic_exchange(&b->memo->slot[i], NULL));
	atomic_store(&b->memo->used, 0);
}

void book_free(struct book *b)
{
	if (!b)
		return;
	memo_clear(b);
	free(b->memo);
	for (struct match *m = b->regexes; m; m = m->next_regex) {
		regfree(m->regex);
		free(m->regex);
	}
	free(b->provider);
	free(b->model);
	free(b->name);
	free(b->rule);
	free(b->name_slot);
	free(b->id_slot);
	free(b->source);
	arena_fini(&b->arena);
	free(b);
}

struct str book_lower(struct book *b, struct str s)
{
	struct str out = arena_str(&b->arena, s);
	char *p = (char *)out.p;
	for (size_t i = 0; p && i < out.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
	return out;
}

uint32_t book_add_provider(struct book *b, struct str id)
{
	for (uint32_t i = 0; i < b->providers; i++)
		if (str_ieq(b->provider[i].id, id))
			return i;
	if (!array_room(b->provider, b->providers, b->providers_cap, BOOK_PROVIDERS))
		return UINT32_MAX;
	b->provider[b->providers] = (struct book_provider){.id = book_lower(b, id)};
	return b->provider[b->providers].id.p ? b->providers++ : UINT32_MAX;
}

uint32_t book_add_model(struct book *b, uint32_t provider, struct str id, enum book_format f)
{
	struct book_model *m;
	if (provider == UINT32_MAX || id.n == 0 || id.n >= NAME_BYTES ||
	    !array_room(b->model, b->models, b->models_cap, BOOK_MODELS))
		return UINT32_MAX;
	m = &b->model[b->models];
	*m = (struct book_model){.provider = provider, .format = f, .id = arena_str(&b->arena, id)};
	return m->id.p ? b->models++ : UINT32_MAX;
}

uint32_t book_exact_model(const struct book *b, uint32_t provider, struct str id)
{
	/* Files list a model's rows together: look from the end. */
	for (uint32_t i = b->models; i-- > 0;)
		if (b->model[i].provider == provider && str_ieq(b->model[i].id, id))
			return i;
	return UINT32_MAX;
}

int book_add_name(struct book *b, uint32_t model, struct str name)
{
	struct book_name *n;
	if (name.n == 0 || name.n >= NAME_BYTES)
		return 0;
	if (!array_room(b->name, b->names, b->names_cap, BOOK_MODELS * 4))
		return -RR_NOMEM;
	n = &b->name[b->names];
	*n = (struct book_name){book_lower(b, name), b->model[model].provider, model};
	if (!n->name.p)
		return -RR_NOMEM;
	b->names++;
	return 0;
}

struct price_rule rule_blank(struct str source, struct str source_date)
{
	return (struct price_rule){.currency = USD,
				   .valid_to_us = INT64_MAX,
				   .source = source,
				   .source_date = source_date,
				   .listed_per = 1};
}

int rule_price(struct price_rule *r, struct str decimal, uint32_t per)
{
	int rc = money_parse_atto(decimal, &r->listed_atto, NULL);
	if (rc)
		return rc;
	if (r->listed_atto < 0 || per == 0)
		return -RR_RANGE;
	r->listed_per = per;
	r->price_atto = money_round(r->listed_atto, per);
	return 0;
}

static struct str rule_id(struct book *b, const struct price_rule *r)
{
	char day[TIME_TEXT], window[24] = "", above[32] = "";
	bool dated = r->valid_from_us > 0;
	if (dated && r->valid_from_us % US_PER_DAY == 0)
		time_date(r->valid_from_us, day);
	else
		time_text(r->valid_from_us, day);
	if (r->window_from_min != r->window_to_min)
		snprintf(window, sizeof window, "+%02u:%02u-%02u:%02u", r->window_from_min / 60u,
			 r->window_from_min % 60u, r->window_to_min / 60u, r->window_to_min % 60u);
	if (r->above_input_tok)
		snprintf(above, sizeof above, "+above%llu", (unsigned long long)r->above_input_tok);
	return arena_printf(&b->arena, "%.*s/%.*s/%s%s%s%s%s%.*s%s%s%s%s%s%s", STR_ARG(r->provider), STR_ARG(r->model),
			    meter_name(r->meter), r->tier > TIER_STANDARD ? "+" : "",
			    r->tier > TIER_STANDARD ? tier_name(r->tier) : "", r->fast ? "+fast" : "",
			    r->region.n ? "+" : "", STR_ARG(r->region), above, window, r->weekdays ? "+weekdays" : "",
			    dated ? "@" : "", dated ? day : "", r->agreed ? "~agreed" : "");
}

int book_add_rule(struct book *b, uint32_t model, const struct price_rule *in)
{
	struct price_rule *r;
	if (!array_room(b->rule, b->rules, b->rules_cap, BOOK_RULES))
		return -RR_NOMEM;
	b->rule[b->rules] = (struct book_rule_in){*in, model, b->rules};
	r = &b->rule[b->rules].r;
	r->provider = b->provider[b->model[model].provider].id;
	r->model = b->model[model].id;
	if (r->tier == TIER_STANDARD)
		r->tier = TIER_UNKNOWN;
	r->id = rule_id(b, r);
	if (!r->id.p)
		return -RR_NOMEM;
	b->rules++;
	return 0;
}

static int by_model_meter(const void *x, const void *y)
{
	const struct book_rule_in *a = x, *b = y;
	if (a->model != b->model)
		return a->model < b->model ? -1 : 1;
	if (a->r.meter != b->r.meter)
		return a->r.meter < b->r.meter ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool same_conditions(const struct price_rule *a, const struct price_rule *b)
{
	return a->tier == b->tier && a->fast == b->fast && a->any_tier == b->any_tier && str_eq(a->region, b->region) &&
	       a->above_input_tok == b->above_input_tok && a->valid_from_us == b->valid_from_us &&
	       a->window_from_min == b->window_from_min && a->window_to_min == b->window_to_min &&
	       a->weekdays == b->weekdays;
}

/* Drops what a higher rank replaces under the same conditions; keeps the order. */
static void drop_replaced(struct book *b)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < b->rules; i++) {
		struct book_rule_in *x = &b->rule[i];
		bool replaced = false;
		for (uint32_t j = i + 1;
		     j < b->rules && b->rule[j].model == x->model && b->rule[j].r.meter == x->r.meter; j++)
			if (b->rule[j].r.rank > x->r.rank && same_conditions(&x->r, &b->rule[j].r))
				replaced = true;
		if (!replaced)
			b->rule[kept++] = *x;
	}
	b->rules = kept;
}

static uint32_t table_size(uint32_t count)
{
	uint32_t n = 64;
	while (n < count * 2)
		n *= 2;
	return n;
}

static uint64_t name_hash(uint32_t provider, struct str name)
{
	return hash_xxh3_seed(name.p, name.n, provider + 1);
}

static int index_names(struct book *b)
{
	uint32_t mask;
	free(b->name_slot);
	b->name_slots = table_size(b->names);
	b->name_slot = calloc(b->name_slots, sizeof *b->name_slot);
	if (!b->name_slot)
		return -RR_NOMEM;
	mask = b->name_slots - 1;
	for (uint32_t i = 0; i < b->names; i++) { /* the first model that claims a name keeps it */
		uint32_t at = (uint32_t)name_hash(b->name[i].provider, b->name[i].name) & mask;
		bool taken = false;
		for (; b->name_slot[at]; at = (at + 1) & mask) {
			const struct book_name *other = &b->name[b->name_slot[at] - 1];
			taken = taken ||
				(other->provider == b->name[i].provider && str_eq(other->name, b->name[i].name));
		}
		if (!taken)
			b->name_slot[at] = i + 1;
	}
	return 0;
}

static int index_ids(struct book *b)
{
	uint32_t mask;
	free(b->id_slot);
	b->id_slots = table_size(b->rules);
	b->id_slot = calloc(b->id_slots, sizeof *b->id_slot);
	if (!b->id_slot)
		return -RR_NOMEM;
	mask = b->id_slots - 1;
	for (uint32_t i = 0; i < b->rules; i++) {
		uint32_t at = (uint32_t)hash_xxh3(b->rule[i].r.id.p, b->rule[i].r.id.n) & mask;
		while (b->id_slot[at])
			at = (at + 1) & mask;
		b->id_slot[at] = i + 1;
	}
	return 0;
}

int book_finish(struct book *b, struct err *e)
{
	for (uint32_t i = 0; i < b->rules; i++)
		b->rule[i].order = i;
	if (b->rules)
		qsort(b->rule, b->rules, sizeof *b->rule, by_model_meter);
	drop_replaced(b);
	for (uint32_t i = 0; i < b->models; i++)
		b->model[i].first_rule = b->model[i].rule_count = 0, b->model[i].meters = 0;
	for (uint32_t i = 0; i < b->rules; i++) {
		struct book_model *m = &b->model[b->rule[i].model];
		if (m->rule_count++ == 0)
			m->first_rule = i;
		m->meters |= UINT64_C(1) << b->rule[i].r.meter;
		if (str_cmp(b->rule[i].r.source_date, b->date) > 0)
			b->date = b->rule[i].r.source_date;
	}
	for (uint32_t p = 0; p < b->providers; p++)
		b->provider[p].model_count = 0;
	for (uint32_t i = 0; i < b->models; i++)
		b->provider[b->model[i].provider].model_count++;
	for (uint32_t p = 0; p < b->providers; p++) {
		b->provider[p].models = arena_array(&b->arena, uint32_t, b->provider[p].model_count + 1);
		if (!b->provider[p].models)
			goto nomem;
		b->provider[p].model_count = 0;
		b->provider[p].patterns = false;
	}
	for (uint32_t i = 0; i < b->models; i++) {
		struct book_provider *p = &b->provider[b->model[i].provider];
		p->models[p->model_count++] = i;
		p->patterns = p->patterns || b->model[i].match;
	}
	if (index_names(b) || index_ids(b) || b->arena.full)
		goto nomem;
	memo_clear(b);
	return 0;
nomem:
	return err_set(e, RR_NOMEM, "the price book is larger than memory or its limit allows");
}

/* ---- search ---- */

/* Names of one vendor, of which a source uses one. First column: the name that people type. */
static const char *const same_vendor[][6] = {
	{"google", "gemini", "vertex_ai", "vertex", "google-vertex", "googleai"},
	{"aws", "bedrock", "amazon-bedrock", "amazon_bedrock", "bedrock_converse", "amazon"},
	{"azure", "azure_ai", "azure-openai", "azure_openai", "azureopenai", "microsoft"},
	{"xai", "x-ai", "x.ai", "grok"},
	{"together", "together_ai", "together-ai", "togetherai"},
	{"fireworks", "fireworks_ai", "fireworks-ai"},
	{"mistral", "mistralai", "mistral-ai"},
	{"cohere", "cohere_chat"},
	{"moonshot", "moonshotai"},
	{"zhipuai", "zhipu", "bigmodel"},
	{"voyage", "voyageai"},
};

static bool has_word(struct str words, struct str word)
{
	while (words.p) {
		struct str w = str_cut(&words, ' ');
		if (w.n && str_eq(w, word))
			return true;
	}
	return false;
}

static uint32_t provider_named(const struct book *b, struct str lower)
{
	for (uint32_t i = 0; i < b->providers; i++)
		if (str_eq(b->provider[i].id, lower))
			return i;
	for (uint32_t i = 0; i < b->providers; i++)
		if (has_word(b->provider[i].aliases, lower))
			return i;
	return UINT32_MAX;
}

/* The providers to search for this name, in order. */
static unsigned provider_list(const struct book *b, struct str name, uint32_t out[8])
{
	char z[NAME_BYTES];
	struct str lower = str_trim(name);
	unsigned count = 0;
	uint32_t p;
	if (lower.n == 0 || lower.n >= sizeof z)
		return 0;
	for (size_t i = 0; i < lower.n; i++)
		z[i] = (char)(lower.p[i] >= 'A' && lower.p[i] <= 'Z' ? lower.p[i] + ('a' - 'A') : lower.p[i]);
	lower = str_make(z, lower.n);
	p = provider_named(b, lower);
	for (uint32_t i = 0; i < b->providers && p == UINT32_MAX; i++)
		if (b->provider[i].by_name && match_is(b->provider[i].by_name, lower))
			p = i;
	if (p != UINT32_MAX)
		out[count++] = p;
	for (size_t g = 0; g < sizeof same_vendor / sizeof *same_vendor; g++) {
		bool in = false;
		for (unsigned k = 0; k < 6 && same_vendor[g][k]; k++)
			in = in || str_eqc(lower, same_vendor[g][k]);
		for (unsigned k = 0; in && k < 6 && same_vendor[g][k]; k++) {
			p = provider_named(b, str_of(same_vendor[g][k]));
			for (unsigned i = 0; i < count; i++)
				if (out[i] == p)
					p = UINT32_MAX;
			if (p != UINT32_MAX && count < 8)
				out[count++] = p;
		}
	}
	return count;
}

uint32_t book_find_provider(const struct book *b, struct str provider)
{
	uint32_t list[8];
	return provider_list(b, provider, list) ? list[0] : UINT32_MAX;
}

static size_t find_exact(const struct book *b, uint32_t provider, struct str name)
{
	uint32_t mask = b->name_slots - 1;
	if (!b->name_slots)
		return SIZE_MAX;
	for (uint32_t at = (uint32_t)name_hash(provider, name) & mask; b->name_slot[at]; at = (at + 1) & mask) {
		const struct book_name *n = &b->name[b->name_slot[at] - 1];
		if (n->provider == provider && str_eq(n->name, name))
			return n->model;
	}
	return SIZE_MAX;
}

static size_t find_pattern(const struct book *b, uint32_t provider, struct str name)
{
	const struct book_provider *p = &b->provider[provider];
	for (uint32_t i = 0; p->patterns && i < p->model_count; i++) {
		const struct book_model *m = &b->model[p->models[i]];
		if (m->match && match_is(m->match, name))
			return p->models[i];
	}
	return SIZE_MAX;
}

static size_t find_at(const struct book *b, uint32_t provider, const struct name_list *l, unsigned names)
{
	for (unsigned i = 0; i < names && i < l->count; i++) {
		size_t m = find_exact(b, provider, l->name[i]);
		if (m == SIZE_MAX)
			m = find_pattern(b, provider, l->name[i]);
		if (m != SIZE_MAX)
			return m;
	}
	return SIZE_MAX;
}

static size_t find_slowly(const struct book *b, struct str provider, struct str model)
{
	struct name_list l;
	uint32_t list[8];
	bool routed = provider.n == 0 || str_ieq(provider, STR("litellm")); /* "openai/gpt-4o": the name says who */
	struct str rest = model, first = str_cut(&rest, '/');
	unsigned count = provider_list(b, provider, list);
	size_t m = SIZE_MAX;
	if (routed && count == 0 && rest.p && rest.n) {
		m = provider_list(b, first, list) ? find_slowly(b, first, rest) : SIZE_MAX;
		if (m != SIZE_MAX)
			return m;
	}
	model_names(&l, provider, model);
	for (unsigned i = 0; i < count && m == SIZE_MAX; i++)
		m = find_at(b, list[i], &l, MODEL_NAMES);
	for (unsigned i = 0; i < count && m == SIZE_MAX; i++) {
		const struct book_provider *p = &b->provider[list[i]];
		for (unsigned k = 0; k < p->fallbacks && m == SIZE_MAX; k++) {
			uint32_t other = provider_named(b, p->fallback[k]);
			if (other != UINT32_MAX)
				m = find_at(b, other, &l, MODEL_NAMES);
		}
	}
	if (!routed || count || m != SIZE_MAX)
		return m;
	for (uint32_t p = 0; p < b->providers && l.count && m == SIZE_MAX; p++)
		if (b->provider[p].by_model && match_is(b->provider[p].by_model, l.name[0]))
			m = find_at(b, p, &l, MODEL_NAMES);
	for (unsigned names = 1; names <= MODEL_NAMES && m == SIZE_MAX; names += MODEL_NAMES - 1)
		for (uint32_t p = 0; p < b->providers && m == SIZE_MAX; p++)
			m = find_at(b, p, &l, names);
	return m;
}

size_t book_find(const struct book *b, struct str provider, struct str model)
{
	uint64_t hash = hash_xxh3_seed(model.p, model.n, hash_xxh3(provider.p, provider.n));
	struct memo *memo = b->memo;
	size_t found;
	unsigned at = (unsigned)hash % MEMO_SLOTS;
	struct memo_entry *e;
	if (!model.p || model.n == 0 || model.n >= NAME_BYTES || provider.n >= NAME_BYTES)
		return SIZE_MAX;
	while ((e = atomic_load_explicit(&memo->slot[at], memory_order_acquire))) {
		if (e->hash == hash && e->provider_bytes == provider.n && e->model_bytes == model.n &&
		    memcmp(e->text, provider.p ? provider.p : "", provider.n) == 0 &&
		    memcmp(e->text + provider.n, model.p, model.n) == 0)
			return e->model;
		at = (at + 1) % MEMO_SLOTS;
	}
	found = find_slowly(b, provider, model);
	if (atomic_fetch_add(&memo->used, 1) >= MEMO_SLOTS / 2) {
		atomic_fetch_sub(&memo->used, 1);
		return found;
	}
	e = malloc(sizeof *e + provider.n + model.n);
	if (!e)
		return found;
	*e = (struct memo_entry){hash, found, (uint16_t)provider.n, (uint16_t)model.n};
	if (provider.p && provider.n)
		memcpy(e->text, provider.p, provider.n);
	memcpy(e->text + provider.n, model.p, model.n);
	for (struct memo_entry *none = NULL; !atomic_compare_exchange_strong(&memo->slot[at], &none, e); none = NULL)
		at = (at + 1) % MEMO_SLOTS; /* at most half of the slots are ever used: this ends */
	return found;
}

/* ---- reading it ---- */

struct str book_date(const struct book *b)
{
	return b->date;
}

size_t book_rule_count(const struct book *b)
{
	return b->rules;
}

const struct price_rule *book_rule(const struct book *b, size_t index)
{
	return index < b->rules ? &b->rule[index].r : NULL;
}

const struct price_rule *book_rule_by_id(const struct book *b, struct str id)
{
	uint32_t mask = b->id_slots - 1;
	if (!b->id_slots)
		return NULL;
	for (uint32_t at = (uint32_t)hash_xxh3(id.p, id.n) & mask; b->id_slot[at]; at = (at + 1) & mask)
		if (str_eq(b->rule[b->id_slot[at] - 1].r.id, id))
			return &b->rule[b->id_slot[at] - 1].r;
	return NULL;
}

size_t book_model_count(const struct book *b)
{
	return b->models;
}

struct str book_model_name(const struct book *b, size_t index, struct str *provider)
{
	if (index >= b->models)
		return str_make("", 0);
	if (provider)
		*provider = b->provider[b->model[index].provider].id;
	return b->model[index].id;
}

size_t book_model_rules(const struct book *b, size_t model, size_t *first)
{
	if (model >= b->models)
		return 0;
	*first = b->model[model].first_rule;
	return b->model[model].rule_count;
}

struct str book_suggest(const struct book *b, struct str provider, struct str model)
{
	uint32_t list[8];
	unsigned count = provider_list(b, provider, list), best = 99;
	struct str near = {"", 0};
	for (uint32_t i = 0; i < b->models; i++) {
		unsigned d;
		bool in = count == 0;
		for (unsigned k = 0; k < count; k++)
			in = in || list[k] == b->model[i].provider;
		if (!in)
			continue;
		d = str_distance(model, b->model[i].id);
		if (d < best) {
			best = d;
			near = b->model[i].id;
		}
	}
	return best <= 2 + model.n / 5 ? near : str_make("", 0);
}

uint64_t book_context_window_tok(const struct book *b, struct str provider, struct str model)
{
	size_t m = book_find(b, provider, model);
	return m == SIZE_MAX ? 0 : b->model[m].context_tok;
}

uint64_t book_max_output_tok(const struct book *b, struct str provider, struct str model)
{
	size_t m = book_find(b, provider, model);
	return m == SIZE_MAX ? 0 : b->model[m].output_tok;
}

/* ---- overlay ---- */

/* The name now means this model, whatever it meant before. */
static int claim_name(struct book *b, uint32_t model, struct str name)
{
	bool known = false;
	for (uint32_t i = 0; i < b->names; i++)
		if (b->name[i].provider == b->model[model].provider && str_ieq(b->name[i].name, name)) {
			b->name[i].model = model;
			known = true;
		}
	return known ? 0 : book_add_name(b, model, name);
}

/* The model of base that `over`'s model speaks of; a dated snapshot that base knows only by its family becomes a
 * model of its own with the family's rules. */
static uint32_t overlay_model(struct book *base, const struct book *over, uint32_t index, uint16_t *rank)
{
	const struct book_model *from = &over->model[index];
	struct str provider = over->provider[from->provider].id;
	size_t known = book_find(base, provider, from->id);
	uint32_t p, m, rules = base->rules;
	*rank = 1;
	if (known != SIZE_MAX && str_ieq(base->model[known].id, from->id) &&
	    str_eq(base->provider[base->model[known].provider].id, provider)) {
		m = (uint32_t)known;
	} else {
		p = known == SIZE_MAX ? book_find_provider(base, provider) : base->model[known].provider;
		if (p == UINT32_MAX || !str_eq(base->provider[p].id, provider))
			p = book_add_provider(base, provider);
		m = book_add_model(base, p, from->id, known == SIZE_MAX ? from->format : base->model[known].format);
		if (m == UINT32_MAX)
			return m;
		if (known != SIZE_MAX) {
			base->model[m].context_tok = base->model[known].context_tok;
			base->model[m].output_tok = base->model[known].output_tok;
		}
		for (uint32_t i = 0; known != SIZE_MAX && i < rules; i++)
			if (base->rule[i].model == known) {
				struct price_rule copy = base->rule[i].r;
				if (book_add_rule(base, m, &copy))
					return UINT32_MAX;
			}
		if (claim_name(base, m, from->id))
			return UINT32_MAX;
	}
	for (uint32_t i = 0; i < base->rules; i++)
		if (base->rule[i].model == m && base->rule[i].r.rank >= *rank)
			*rank = (uint16_t)(base->rule[i].r.rank + 1);
	if (from->context_tok)
		base->model[m].context_tok = from->context_tok;
	if (from->output_tok)
		base->model[m].output_tok = from->output_tok;
	return m;
}

int book_overlay(struct book *base, const struct book *over, struct err *e)
{
	struct arena *a = &base->arena;
	for (uint32_t i = 0; i < over->models; i++) {
		uint16_t rank;
		uint32_t m = overlay_model(base, over, i, &rank);
		if (m == UINT32_MAX)
			return err_set(e, RR_NOMEM, "no room for the overriding prices");
		for (uint32_t k = 0; k < over->model[i].rule_count; k++) {
			struct price_rule r = over->rule[over->model[i].first_rule + k].r;
			r.rank = rank;
			r.region = arena_str(a, r.region);
			r.source = arena_str(a, r.source);
			r.source_date = arena_str(a, r.source_date);
			r.derived_from = arena_str(a, r.derived_from);
			r.note = arena_str(a, r.note);
			if (book_add_rule(base, m, &r))
				return err_set(e, RR_NOMEM, "no room for the overriding prices");
		}
	}
	for (uint32_t i = 0; i < over->names; i++) { /* aliases of models that base now has */
		const struct book_model *from = &over->model[over->name[i].model];
		uint32_t p = provider_named(base, over->provider[from->provider].id);
		uint32_t m = p == UINT32_MAX ? p : book_exact_model(base, p, from->id);
		if (m != UINT32_MAX && claim_name(base, m, over->name[i].name))
			return err_set(e, RR_NOMEM, "no room for the overriding names");
	}
	return book_finish(base, e);
}
