/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads runrate's own price lists: CSV, one rule a row, columns by name (docs/guide/prices.md lists them).
 *
 * Four kinds of file, told apart by a column that only that kind has:
 *   meter               rules: provider, model, match, meter, price, per, currency, tier, region, speed,
 *                       above_input_tok, valid_from, valid_to, window_utc, weekdays, source, source_date,
 *                       derived_from, note
 *   context_window_tok  facts of models: provider, model, context_window_tok, max_output_tok
 *   falls_back_to       providers: provider, aliases, falls_back_to (whose list prices hold there too)
 *   address             sources: source, address, date
 * Only provider, model, meter and price must be there, so that a user's override is a line of four words. Every
 * wrong field is an error with its line: a price that is half understood would be billed.
 */
#include "model/book_i.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/csv.h"

enum { CSV_MODELS = 20000 };

struct columns {
	int provider, model, match, meter, price, per, currency, tier, region, speed, above, from, to, window, weekdays,
		source, source_date, derived_from, note;
};

static int fail_at(struct err *e, const char *name, struct csv *c, const char *what, struct str value)
{
	err_set(e, RR_INPUT, "%s: \"%.*s\"", what, STR_ARG(str_sub(value, 0, 80)));
	return err_at(e, name, (unsigned)csv_line(c), 0);
}

static struct str keep(struct book *b, struct str s)
{
	return s.n ? arena_str(&b->arena, s) : str_make("", 0);
}

/* "00:30-16:30" */
static int parse_window(struct str s, struct price_rule *r)
{
	struct str from = str_cut(&s, '-'), *side[2] = {&from, &s};
	uint16_t *out[2] = {&r->window_from_min, &r->window_to_min};
	for (int i = 0; i < 2; i++) {
		uint64_t h, m;
		struct str rest = str_trim(*side[i]), hour = str_cut(&rest, ':');
		if (str_u64(hour, &h) || str_u64(rest, &m) || h > 24 || m > 59 || h * 60 + m > 1440)
			return -RR_SYNTAX;
		*out[i] = (uint16_t)((h * 60 + m) % 1440);
	}
	return 0;
}

/* "mon-fri", or days with blanks between: "sat sun". */
static int parse_weekdays(struct str s, struct price_rule *r)
{
	static const char *const day[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	if (str_eqc(s, "mon-fri")) {
		r->weekdays = 0x1f;
		return 0;
	}
	while (s.p && s.n) {
		struct str word = str_cut(&s, ' ');
		unsigned i = 0;
		while (i < 7 && !str_eqc(word, day[i]))
			i++;
		if (i == 7)
			return -RR_SYNTAX;
		r->weekdays |= (uint8_t)(1u << i);
	}
	return 0;
}

static int parse_per(struct str s, uint32_t *per)
{
	uint64_t v;
	if (s.n == 0 || str_eqc(s, "1"))
		v = 1;
	else if (str_eqc(s, "1M"))
		v = 1000000;
	else if (str_eqc(s, "1k"))
		v = 1000;
	else if (str_u64(s, &v) || v == 0 || v > 1000000000)
		return -RR_RANGE;
	*per = (uint32_t)v;
	return 0;
}

static int parse_tier(struct str s, struct price_rule *r)
{
	if (s.n == 0)
		return 0;
	if (str_eqc(s, "any")) {
		r->any_tier = true;
		return 0;
	}
	for (enum tier t = TIER_STANDARD; t <= TIER_PROVISIONED; t++)
		if (str_eqc(s, tier_name(t))) {
			r->tier = t;
			return 0;
		}
	return -RR_SYNTAX;
}

/* The source's full text where the column holds a key of a sources file. */
static void resolve_source(struct book *b, struct price_rule *r, struct str key)
{
	for (uint32_t i = 0; i < b->sources; i++)
		if (str_eq(b->source[i].key, key)) {
			r->source = b->source[i].text;
			if (r->source_date.n == 0)
				r->source_date = b->source[i].date;
			return;
		}
	if (key.n)
		r->source = keep(b, key);
}

static int read_rule(struct book *b, struct csv *c, const struct columns *k, const char *name,
		     struct str fallback_source, struct err *e)
{
	struct str provider = csv_field(c, k->provider), model = csv_field(c, k->model), price = csv_field(c, k->price),
		   s;
	struct price_rule r = rule_blank(fallback_source, keep(b, csv_field(c, k->source_date)));
	uint32_t p, m;
	int64_t day;
	if (provider.n == 0 || model.n == 0)
		return fail_at(e, name, c, "provider and model must be given", csv_field(c, k->meter));
	if (meter_parse(csv_field(c, k->meter), &r.meter))
		return fail_at(e, name, c, "no such meter", csv_field(c, k->meter));
	if (parse_per(s = csv_field(c, k->per), &r.listed_per))
		return fail_at(e, name, c, "per must be a count of units (1, 1k, 1M)", s);
	if (str_eqc(price, "free")) {
		r.free = true;
	} else if (rule_price(&r, price, r.listed_per)) {
		return fail_at(e, name, c, "no price", price);
	} else if (r.listed_atto == 0) {
		return fail_at(e, name, c, "a price of zero is written \"free\"", price);
	}
	if ((s = csv_field(c, k->currency)).n && currency_parse(s, &r.currency))
		return fail_at(e, name, c, "no currency", s);
	if (parse_tier(s = csv_field(c, k->tier), &r))
		return fail_at(e, name, c, "no such tier (batch, flex, priority, scale, provisioned, any)", s);
	if ((s = csv_field(c, k->speed)).n && !str_eqc(s, "fast"))
		return fail_at(e, name, c, "no such speed (fast)", s);
	r.fast = s.n != 0;
	if ((s = csv_field(c, k->above)).n && str_u64(s, &r.above_input_tok))
		return fail_at(e, name, c, "above_input_tok must be a count", s);
	if ((s = csv_field(c, k->from)).n && time_parse(s, &r.valid_from_us))
		return fail_at(e, name, c, "valid_from is no date", s);
	if ((s = csv_field(c, k->to)).n && time_parse(s, &r.valid_to_us))
		return fail_at(e, name, c, "valid_to is no date", s);
	if (r.valid_to_us <= r.valid_from_us)
		return fail_at(e, name, c, "valid_to is not after valid_from", s);
	if ((s = csv_field(c, k->window)).n && parse_window(s, &r))
		return fail_at(e, name, c, "window_utc must read 00:30-16:30", s);
	if ((s = csv_field(c, k->weekdays)).n && parse_weekdays(s, &r))
		return fail_at(e, name, c, "weekdays must be mon-fri or days", s);
	if (r.source_date.n && time_parse(r.source_date, &day))
		return fail_at(e, name, c, "source_date is no date", r.source_date);
	r.region = keep(b, csv_field(c, k->region));
	r.derived_from = keep(b, csv_field(c, k->derived_from));
	r.derived = r.derived_from.n != 0;
	r.note = keep(b, csv_field(c, k->note));
	resolve_source(b, &r, csv_field(c, k->source));
	p = book_add_provider(b, provider);
	m = p == UINT32_MAX ? p : book_exact_model(b, p, model);
	if (m == UINT32_MAX) {
		if (b->models >= CSV_MODELS)
			return fail_at(e, name, c, "too many models", model);
		m = book_add_model(b, p, model, BOOK_OWN);
		if (m == UINT32_MAX || book_add_name(b, m, model))
			return fail_at(e, name, c, "no room for model", model);
	}
	for (s = csv_field(c, k->match); s.p;) {
		struct str word = str_cut(&s, ' ');
		if (word.n && book_add_name(b, m, word))
			return fail_at(e, name, c, "no room for name", word);
	}
	return book_add_rule(b, m, &r) ? fail_at(e, name, c, "no room for a rule of", model) : 0;
}

static int read_rules(struct book *b, struct csv *c, const char *name, struct err *e)
{
	const struct columns k = {csv_column(c, "provider"),
				  csv_column(c, "model"),
				  csv_column(c, "match"),
				  csv_column(c, "meter"),
				  csv_column(c, "price"),
				  csv_column(c, "per"),
				  csv_column(c, "currency"),
				  csv_column(c, "tier"),
				  csv_column(c, "region"),
				  csv_column(c, "speed"),
				  csv_column(c, "above_input_tok"),
				  csv_column(c, "valid_from"),
				  csv_column(c, "valid_to"),
				  csv_column(c, "window_utc"),
				  csv_column(c, "weekdays"),
				  csv_column(c, "source"),
				  csv_column(c, "source_date"),
				  csv_column(c, "derived_from"),
				  csv_column(c, "note")};
	struct str source = arena_str(&b->arena, str_of(name));
	int rc;
	if (k.provider < 0 || k.model < 0 || k.price < 0)
		return err_set(e, RR_INPUT, "%s: a price list needs the columns provider, model, meter and price",
			       name);
	while ((rc = csv_next(c, e)) != 0) {
		if (rc < 0)
			return rc;
		if ((rc = read_rule(b, c, &k, name, source, e)))
			return rc;
	}
	return 0;
}

static int read_facts(struct book *b, struct csv *c, const char *name, struct err *e)
{
	int provider = csv_column(c, "provider"), model = csv_column(c, "model"),
	    window = csv_column(c, "context_window_tok"), output = csv_column(c, "max_output_tok"), rc;
	while ((rc = csv_next(c, e)) != 0) {
		struct str s;
		uint32_t p, m;
		if (rc < 0)
			return rc;
		p = book_add_provider(b, csv_field(c, provider));
		m = p == UINT32_MAX ? p : book_exact_model(b, p, csv_field(c, model));
		if (m == UINT32_MAX)
			return fail_at(e, name, c, "facts of a model without prices", csv_field(c, model));
		if ((s = csv_field(c, window)).n && str_u64(s, &b->model[m].context_tok))
			return fail_at(e, name, c, "context_window_tok must be a count", s);
		if ((s = csv_field(c, output)).n && str_u64(s, &b->model[m].output_tok))
			return fail_at(e, name, c, "max_output_tok must be a count", s);
	}
	return 0;
}

static int read_providers(struct book *b, struct csv *c, const char *name, struct err *e)
{
	int provider = csv_column(c, "provider"), aliases = csv_column(c, "aliases"),
	    other = csv_column(c, "falls_back_to"), rc;
	while ((rc = csv_next(c, e)) != 0) {
		struct str s;
		uint32_t p;
		if (rc < 0)
			return rc;
		p = csv_field(c, provider).n ? book_add_provider(b, csv_field(c, provider)) : UINT32_MAX;
		if (p == UINT32_MAX)
			return fail_at(e, name, c, "no provider", csv_field(c, aliases));
		b->provider[p].aliases = keep(b, csv_field(c, aliases));
		for (s = csv_field(c, other); s.p;) {
			struct str word = str_cut(&s, ' ');
			if (word.n && b->provider[p].fallbacks < FALLBACKS)
				b->provider[p].fallback[b->provider[p].fallbacks++] = keep(b, word);
		}
	}
	return 0;
}

static int read_sources(struct book *b, struct csv *c, const char *name, struct err *e)
{
	int source = csv_column(c, "source"), address = csv_column(c, "address"), date = csv_column(c, "date"), rc;
	while ((rc = csv_next(c, e)) != 0) {
		if (rc < 0)
			return rc;
		if (!array_room(b->source, b->sources, b->sources_cap, BOOK_SOURCES))
			return fail_at(e, name, c, "too many sources", csv_field(c, source));
		b->source[b->sources++] = (struct book_source){
			keep(b, csv_field(c, source)), keep(b, csv_field(c, address)), keep(b, csv_field(c, date))};
	}
	return 0;
}

int book_read_csv(struct book *b, struct str text, const char *name, struct err *e)
{
	struct csv *c = csv_open_text(text, e);
	int rc;
	if (!c)
		return -RR_INPUT;
	if (csv_column(c, "meter") >= 0)
		rc = read_rules(b, c, name, e);
	else if (csv_column(c, "context_window_tok") >= 0)
		rc = read_facts(b, c, name, e);
	else if (csv_column(c, "falls_back_to") >= 0)
		rc = read_providers(b, c, name, e);
	else if (csv_column(c, "address") >= 0)
		rc = read_sources(b, c, name, e);
	else
		rc = err_set(e, RR_INPUT, "%s: no column named meter: this is no price list", name);
	csv_close(c);
	return rc;
}
