/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads genai-prices v2 (pydantic/genai-prices, prices/new_data/v2/data.json) as published.
 *
 * An array of providers {id, provider_match, model_match, fallback_model_providers, models}; a model is {id, match,
 * prices, context_window}. `prices` is one object, or a list of {constraint?, prices} of which *the last one that is
 * active counts, or else the first*. A price is a number or {base, tiers: [{start, price}]}: above `start` input
 * tokens the whole request is billed at the tier's price. Keys are units of units.yml: "input_mtok" is USD per
 * million. A unit without a price is charged at its nearest priced ancestor (meter_next() in price.c).
 *
 * Not in the format: batch, flex, priority, fast, regions. A call that was served so is unpriced by this book. An
 * empty price list is a gap, not a gift: such a model is unpriced, unless its id says ":free".
 * Semantics read in genai-prices 0.2.3 (types.py, decompose.py, data_snapshot.py).
 */
#include "model/book_i.h"

enum { CONDITIONAL = 16 };

/* Unit of units.yml: key, our meter, quantity per price. What is not here (video, citations, pages) is no class of
 * ours. */
static const struct unit {
	const char *key;
	unsigned char meter;
	uint32_t per;
} units[] = {
	{"input_mtok", CLASS_IN_PLAIN, 1000000},
	{"output_mtok", CLASS_OUT_TEXT, 1000000},
	{"cache_read_mtok", CLASS_IN_CACHE_READ, 1000000},
	{"cache_write_mtok", CLASS_IN_CACHE_WRITE, 1000000},
	{"cache_write_5m_mtok", CLASS_IN_CACHE_WRITE_5M, 1000000},
	{"cache_write_1h_mtok", CLASS_IN_CACHE_WRITE_1H, 1000000},
	{"input_audio_mtok", CLASS_IN_AUDIO, 1000000},
	{"cache_audio_read_mtok", CLASS_IN_AUDIO_CACHE_READ, 1000000},
	{"input_image_mtok", CLASS_IN_IMAGE, 1000000},
	{"cache_image_read_mtok", CLASS_IN_IMAGE_CACHE_READ, 1000000},
	{"output_audio_mtok", CLASS_OUT_AUDIO, 1000000},
	{"output_image_mtok", CLASS_OUT_IMAGE, 1000000},
	{"output_reasoning_mtok", CLASS_OUT_REASONING, 1000000},
	{"output_text_reasoning_mtok", CLASS_OUT_REASONING, 1000000},
	{"web_searches_kcount", METER_TOOL_0 + TOOL_WEB_SEARCH, 1000},
	{"storage_searches_kcount", METER_TOOL_0 + TOOL_FILE_SEARCH, 1000},
	{"code_executions_kcount", METER_TOOL_0 + TOOL_CODE, 1000},
	{"requests_kcount", METER_REQUEST, 1000},
	{"input_mchars", METER_CHARACTER, 1000000},
	{"audio_hours", METER_AUDIO_SECOND, 3600},
	{"input_audio_hours", METER_AUDIO_SECOND, 3600},
};

static struct match *read_match(struct book *b, struct json v, unsigned depth)
{
	static const struct {
		const char *key;
		enum match_kind kind;
	} kinds[] = {{"equals", MATCH_EQUALS},  {"starts_with", MATCH_STARTS},
		     {"ends_with", MATCH_ENDS}, {"contains", MATCH_CONTAINS},
		     {"regex", MATCH_REGEX},    {"or", MATCH_OR},
		     {"and", MATCH_AND}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && depth < 16; i++) {
		struct json inner = json_get(v, kinds[i].key), child;
		struct match *m, **last;
		struct json_iter it;
		struct str key;
		if (inner.type == JSON_STRING) {
			char text[600];
			json_string_copy(inner, text, sizeof text);
			return match_leaf(b, kinds[i].kind, str_of(text));
		}
		if (inner.type != JSON_ARRAY)
			continue;
		m = arena_new(&b->arena, struct match);
		if (!m)
			return NULL;
		m->kind = kinds[i].kind;
		last = &m->first;
		for (json_open(&it, inner); json_next(&it, &key, &child);) {
			*last = read_match(b, child, depth + 1);
			if (!*last)
				return NULL;
			last = &(*last)->next;
		}
		return m;
	}
	return NULL;
}

/* "00:30:00Z" in minutes, or -1. */
static int minute_of(struct json v)
{
	struct str rest = json_raw_string(v), hour = str_cut(&rest, ':'), minute = str_cut(&rest, ':');
	uint64_t h, m;
	if (str_u64(hour, &h) || str_u64(minute, &m) || h > 23 || m > 59)
		return -1;
	return (int)(h * 60 + m);
}

struct sheet { /* one entry of a conditional list */
	struct json prices;
	int64_t from_us;            /* INT64_MIN: no date */
	int minute_from, minute_to; /* -1: no hours */
};

static int add_price(struct book *b, uint32_t model, struct price_rule *r, struct json value)
{
	struct json_iter it;
	struct str key;
	struct json tier, number = value;
	int rc;
	if (value.type == JSON_OBJECT)
		number = json_get(value, "base");
	if (number.type == JSON_STRING)
		number = (struct json){JSON_NUMBER, json_raw_string(number)};
	if (number.type != JSON_NUMBER)
		return -RR_INPUT;
	r->above_input_tok = 0;
	rc = rule_price(r, number.text, r->listed_per);
	if (rc)
		return -RR_INPUT;
	rc = book_add_rule(b, model, r);
	if (value.type != JSON_OBJECT || rc)
		return rc;
	for (json_open(&it, json_get(value, "tiers")); json_next(&it, &key, &tier);) {
		struct json price = json_get(tier, "price");
		if (json_u64(json_get(tier, "start"), &r->above_input_tok) ||
		    rule_price(r, price.type == JSON_STRING ? json_raw_string(price) : price.text, r->listed_per))
			return -RR_INPUT;
		rc = book_add_rule(b, model, r);
		if (rc)
			return rc;
	}
	return 0;
}

/* The rules of one sheet for [from, to). */
static int add_sheet(struct book *b, uint32_t model, const struct price_rule *base, const struct sheet *s, int64_t from,
		     int64_t to)
{
	struct json_iter it;
	struct str key;
	struct json value;
	for (json_open(&it, s->prices); json_next(&it, &key, &value);) {
		struct price_rule r = *base;
		if (value.type == JSON_NULL)
			continue;
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (json_key_eq(key, str_of(units[i].key))) {
				int rc;
				r.meter = (enum meter)units[i].meter;
				r.listed_per = units[i].per;
				r.any_tier = units[i].meter >= METER_TOOL_0 && units[i].meter < METER_TOOL_0 + TOOLS;
				r.valid_from_us = from;
				r.valid_to_us = to;
				if (s->minute_from >= 0) {
					r.window_from_min = (uint16_t)s->minute_from;
					r.window_to_min = (uint16_t)s->minute_to;
				}
				rc = add_price(b, model, &r, value);
				if (rc)
					return rc;
			}
	}
	return 0;
}

static int read_sheets(struct book *b, uint32_t model, const struct price_rule *base, struct json prices)
{
	struct sheet sheet[CONDITIONAL];
	unsigned count = 0;
	struct json_iter it;
	struct str key;
	struct json entry;
	int64_t first_date = INT64_MAX;
	int rc = 0;
	if (prices.type == JSON_OBJECT) {
		sheet[count++] = (struct sheet){prices, INT64_MIN, -1, -1};
	} else {
		for (json_open(&it, prices); json_next(&it, &key, &entry);) {
			struct json c = json_get(entry, "constraint"), date = json_get(c, "start_date");
			struct sheet *s = &sheet[count];
			if (count == CONDITIONAL)
				return -RR_LIMIT;
			*s = (struct sheet){json_get(entry, "prices"), INT64_MIN, -1, -1};
			if (date.type == JSON_STRING && time_parse(json_raw_string(date), &s->from_us))
				return -RR_INPUT;
			if (json_get(c, "start_time").type == JSON_STRING) {
				s->minute_from = minute_of(json_get(c, "start_time"));
				s->minute_to = minute_of(json_get(c, "end_time"));
				if (s->minute_from < 0 || s->minute_to < 0)
					return -RR_INPUT;
			}
			count++;
		}
	}
	for (unsigned i = 0; i < count; i++)
		if (sheet[i].from_us != INT64_MIN && sheet[i].from_us < first_date)
			first_date = sheet[i].from_us;
	for (unsigned i = 0; i < count && !rc; i++) {
		int64_t from = sheet[i].from_us == INT64_MIN ? 0 : sheet[i].from_us, to = INT64_MAX;
		/* A later entry of the list ends this one from its own date on; hours only ever refine. */
		for (unsigned k = i + 1; k < count; k++)
			if (sheet[k].minute_from < 0) {
				int64_t later = sheet[k].from_us == INT64_MIN ? 0 : sheet[k].from_us;
				to = later < to ? later : to;
			} else if (sheet[i].minute_from < 0 && count == 2) {
				sheet[i].minute_from =
					sheet[k].minute_to; /* the rest of the day: exact, keys may differ */
				sheet[i].minute_to = sheet[k].minute_from;
			}
		if (from < to)
			rc = add_sheet(b, model, base, &sheet[i], from, to);
		/* No entry is active before the first date: then the first entry counts. */
		if (!rc && i == 0 && sheet[0].from_us != INT64_MIN && first_date != INT64_MAX &&
		    sheet[0].from_us >= first_date)
			rc = add_sheet(b, model, base, &sheet[0], 0, first_date);
	}
	return rc;
}

static int free_of_charge(struct book *b, uint32_t model, const struct price_rule *base)
{
	static const unsigned char all[] = {CLASS_IN_PLAIN, CLASS_OUT_TEXT};
	for (size_t i = 0; i < sizeof all; i++) {
		struct price_rule r = *base;
		r.meter = (enum meter)all[i];
		r.free = true;
		if (book_add_rule(b, model, &r))
			return -RR_NOMEM;
	}
	return 0;
}

static int read_model(struct book *b, uint32_t provider, struct json v, const struct price_rule *base)
{
	char id[NAME_BYTES];
	uint32_t m;
	int rc;
	json_string_copy(json_get(v, "id"), id, sizeof id);
	m = book_add_model(b, provider, str_of(id), BOOK_GENAI);
	if (m == UINT32_MAX)
		return id[0] ? -RR_NOMEM : -RR_INPUT;
	b->model[m].match = read_match(b, json_get(v, "match"), 0);
	b->model[m].context_tok = json_u64_or0(json_get(v, "context_window"));
	if (!b->model[m].match)
		return -RR_INPUT;
	if (json_count(json_get(v, "prices")) == 0) {
		if (str_ends(str_of(id), STR(":free")))
			return free_of_charge(b, m, base);
		b->model[m].note = STR("the source lists no price");
		return 0;
	}
	rc = read_sheets(b, m, base, json_get(v, "prices"));
	return rc;
}

int book_read_genai(struct book *b, struct json top, const char *name, struct err *e)
{
	struct price_rule base = rule_blank(arena_str(&b->arena, str_of(name)), STR(""));
	struct json_iter providers;
	struct str key;
	struct json p;
	for (json_open(&providers, top); json_next(&providers, &key, &p);) {
		char id[NAME_BYTES];
		uint32_t at;
		struct json_iter it;
		struct json v;
		json_string_copy(json_get(p, "id"), id, sizeof id);
		at = book_add_provider(b, str_of(id));
		if (at == UINT32_MAX)
			return err_set(e, RR_LIMIT, "%s: too many providers", name);
		b->provider[at].by_name = read_match(b, json_get(p, "provider_match"), 0);
		b->provider[at].by_model = read_match(b, json_get(p, "model_match"), 0);
		for (json_open(&it, json_get(p, "fallback_model_providers")); json_next(&it, &key, &v);) {
			char other[NAME_BYTES];
			json_string_copy(v, other, sizeof other);
			if (b->provider[at].fallbacks < FALLBACKS)
				b->provider[at].fallback[b->provider[at].fallbacks++] =
					arena_str(&b->arena, str_of(other));
		}
		for (json_open(&it, json_get(p, "models")); json_next(&it, &key, &v);) {
			int rc = read_model(b, at, v, &base);
			if (rc) {
				char model[NAME_BYTES];
				json_string_copy(json_get(v, "id"), model, sizeof model);
				return err_set(e, -rc, "%s: model %s/%s is not as genai-prices v2 describes models",
					       name, id, model);
			}
		}
	}
	return 0;
}
