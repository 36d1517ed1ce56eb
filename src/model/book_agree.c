/* SPDX-License-Identifier: Apache-2.0
 *
 * What was agreed with a vendor off its list: a CSV of its own (contracts.csv beside prices.csv), dated like every
 * price.
 *
 *   provider,model,tier,discount,valid_from,valid_to,source,source_date,note
 *   openai,,,15%,2026-03-01,2027-03-01,framework agreement 4711,2026-02-20,
 *
 * An empty model or tier means all. Each row becomes rules of the book: every list price that it touches once more,
 * for the time that both hold, less the discount, with the agreement as its source. So imports, gateway, caps,
 * explain and price see one thing. A price that you state yourself in prices.csv is what you pay: no discount is
 * taken off it.
 */
#include "model/book_i.h"

#include <stdio.h>

#include "base/csv.h"

enum { PPM = 1000000 };

struct agreement {
	struct str provider, model, source, source_date, note;
	enum tier tier; /* TIER_UNKNOWN: all of them, or (standard) the list's own */
	bool all_tiers;
	uint32_t discount_ppm;
	int64_t from_us, to_us;
};

static int wrong(struct err *e, const char *name, struct csv *c, const char *what, struct str value)
{
	err_set(e, RR_INPUT, "%s: \"%.*s\"", what, STR_ARG(str_sub(value, 0, 80)));
	return err_at(e, name, (unsigned)csv_line(c), 0);
}

/* "15%" or "0.15", above 0 and at most all of it, no finer than a millionth. */
static int parse_discount(struct str s, uint32_t *ppm)
{
	bool percent = s.n && s.p[s.n - 1] == '%', exact = true;
	money_wide v;
	if (percent)
		s.n--;
	if (!s.n || decimal_scaled(s, percent ? 4 : 6, &v, &exact) || !exact || v <= 0 || v > PPM)
		return -RR_RANGE;
	*ppm = (uint32_t)v;
	return 0;
}

static int read_row(struct csv *c, const char *name, struct str file, struct agreement *a, struct err *e)
{
	struct str s;
	*a = (struct agreement){.provider = str_trim(csv_field(c, csv_column(c, "provider"))),
				.model = str_trim(csv_field(c, csv_column(c, "model"))),
				.source = csv_field(c, csv_column(c, "source")),
				.source_date = csv_field(c, csv_column(c, "source_date")),
				.note = csv_field(c, csv_column(c, "note")), .to_us = INT64_MAX, .all_tiers = true};
	if (!a->provider.n)
		return wrong(e, name, c, "provider must be given", a->model);
	if (str_eqc(a->model, "*"))
		a->model = STR("");
	if (!a->source.n)
		a->source = file;
	if (parse_discount(str_trim(s = csv_field(c, csv_column(c, "discount"))), &a->discount_ppm))
		return wrong(e, name, c, "discount must be above 0 and at most 100%", s);
	if ((s = csv_field(c, csv_column(c, "tier"))).n && !str_eqc(s, "any")) {
		enum tier t = TIER_STANDARD;
		while (t <= TIER_PROVISIONED && !str_eqc(s, tier_name(t)))
			t++;
		if (t > TIER_PROVISIONED)
			return wrong(e, name, c, "no such tier (standard, batch, flex, priority, scale, provisioned)",
				     s);
		a->all_tiers = false;
		a->tier = t == TIER_STANDARD ? TIER_UNKNOWN : t;
	}
	if ((s = csv_field(c, csv_column(c, "valid_from"))).n && time_parse(s, &a->from_us))
		return wrong(e, name, c, "valid_from is no date", s);
	if ((s = csv_field(c, csv_column(c, "valid_to"))).n && time_parse(s, &a->to_us))
		return wrong(e, name, c, "valid_to is no date", s);
	return a->to_us > a->from_us ? 0 : wrong(e, name, c, "valid_to is not after valid_from", s);
}

static bool touches(const struct agreement *a, const struct price_rule *r)
{
	return !r->agreed && r->rank == 0 && !r->free && str_ieq(r->provider, a->provider) &&
	       (a->all_tiers || (!r->any_tier && r->tier == a->tier)) && r->valid_from_us < a->to_us &&
			a->from_us < r->valid_to_us;
}

static int apply(struct book *b, const struct agreement *a, bool *any, struct err *e)
{
	uint32_t rules = b->rules;
	size_t only = a->model.n ? book_find(b, a->provider, a->model) : SIZE_MAX;
	char text[64];
	*any = false;
	if (a->model.n && only == SIZE_MAX)
		return 0;
	for (uint32_t i = 0; i < rules; i++) {
		struct price_rule r = b->rule[i].r;
		if ((a->model.n && b->rule[i].model != only) || !touches(a, &r))
			continue;
		snprintf(text, sizeof text, "list less %g%%", a->discount_ppm / 1e4);
		r.listed_atto = money_round(r.listed_atto * (PPM - a->discount_ppm), PPM);
		r.price_atto = money_round(r.price_atto * (PPM - a->discount_ppm), PPM);
		r.free = r.listed_atto == 0; /* 100 % off is a stated zero */
		r.valid_from_us = r.valid_from_us > a->from_us ? r.valid_from_us : a->from_us;
		r.valid_to_us = r.valid_to_us < a->to_us ? r.valid_to_us : a->to_us;
		r.agreed = true;
		r.derived_from = arena_str(&b->arena, str_of(text));
		r.source = arena_str(&b->arena, a->source);
		r.source_date = arena_str(&b->arena, a->source_date);
		r.note = arena_str(&b->arena, a->note);
		if (book_add_rule(b, b->rule[i].model, &r))
			return err_set(e, RR_NOMEM, "no room for the agreed prices");
		*any = true;
	}
	return 0;
}

int book_agree(struct book *b, struct str text, const char *name, struct err *e)
{
	struct csv *c = csv_open_text(text, e);
	struct str file = arena_str(&b->arena, str_of(name));
	struct agreement a;
	int rc = 0, got;
	if (!c)
		return -RR_INPUT;
	if (csv_column(c, "provider") < 0 || csv_column(c, "discount") < 0)
		rc = err_set(e, RR_INPUT, "%s: agreements need the columns provider and discount", name);
	while (!rc && (got = csv_next(c, e)) != 0) {
		bool any;
		rc = got < 0 ? got : read_row(c, name, file, &a, e);
		if (!rc)
			rc = apply(b, &a, &any, e);
		if (!rc && !any)
			rc = wrong(e, name, c, "no list price of that provider, model and tier",
				   a.model.n ? a.model : a.provider);
	}
	csv_close(c);
	return rc ? rc : book_finish(b, e);
}
