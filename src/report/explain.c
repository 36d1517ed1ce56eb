/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain.h.
 */
#include "report/explain.h"

#include <stdio.h>

#include "base/intern.h"
#include "base/json.h"
#include "base/num.h"
#include "base/table.h"
#include "model/price.h"
#include "report/explain_i.h"

struct build {
	struct explanation *x;
	struct arena *a;
};

static struct str text_of(struct build *b, money_wide pico)
{
	char t[MONEY_TEXT];
	return arena_str(b->a, str_of(money_text(pico, t)));
}

static void term(struct build *b, const char *name, struct str value, struct str unit, struct str source,
		 struct str date)
{
	if (b->x->terms < EXPLAIN_TERMS)
		b->x->term[b->x->terms++] =
			(struct explain_term){arena_str(b->a, str_of(name)), value, unit, source, date};
}

static struct str day_of(struct build *b, int64_t us)
{
	char t[TIME_TEXT];
	return arena_str(b->a, str_of(time_date(us, t)));
}

/* ---- a call ---- */

static struct str how_counted(const struct call *c)
{
	if (c->provenance == PROV_IMPORTED)
		return STR("the vendor's export");
	if (c->usage.flags & USAGE_ESTIMATED || c->provenance == PROV_ESTIMATED)
		return STR("estimated: the vendor never said");
	return STR("measured: the usage in the vendor's answer");
}

static void call_line(struct build *b, const struct call *c, const struct price_line *line, struct sb *formula)
{
	char name[96], atto[MONEY_TEXT], count[64];
	bool scaled = line->scale > 1;
	if (scaled)
		snprintf(count, sizeof count, "%llu / %u", (unsigned long long)line->quantity, line->scale);
	else
		snprintf(count, sizeof count, "%llu", (unsigned long long)line->quantity);
	money_text_atto(line->price_atto, atto);
	sb_addf(formula, "%s%s x %s", formula->n ? " + " : "", count, atto);
	term(b, meter_name(line->meter), arena_str(b->a, str_of(count)),
	     line->meter < METER_TOOL_0 ? STR("token") : STR("unit"), how_counted(c), day_of(b, c->start_us));
	snprintf(name, sizeof name, "price of %s", meter_name(line->meter));
	if (line->rule)
		term(b, name, arena_str(b->a, str_of(atto)), arena_printf(b->a, "%s each", line->rule->currency.code),
		     arena_printf(b->a, "%.*s (rule %.*s)", STR_ARG(line->rule->source), STR_ARG(line->rule->id)),
		     line->rule->source_date);
}

static void facts_of_call(struct build *b, const struct call *c)
{
	struct str none = STR("");
	char n[32];
	term(b, "model", intern_str(c->model_answered ? c->model_answered : c->model_asked), none,
	     intern_str(c->provider), day_of(b, c->start_us));
	term(b, "tier", str_of(tier_name(c->usage.tier)), none, STR("served"), none);
	term(b, "outcome", str_of(outcome_name((enum outcome)c->outcome)), none, none, none);
	if (c->calls != 1)
		term(b, "calls", arena_str(b->a, str_of(num_group(c->calls, n))), STR("call"), STR("one row of the export"), none);
	if (c->low_pico || c->high_pico) {
		term(b, "at least", text_of(b, c->low_pico), intern_str(c->currency), how_counted(c), none);
		term(b, "at most", text_of(b, c->high_pico), intern_str(c->currency), STR("what was reserved"), none);
	}
	if (c->billed_pico != BILLED_UNKNOWN)
		term(b, "billed", text_of(b, c->billed_pico), intern_str(c->currency), STR("the vendor"), none);
	if (c->saved_pico)
		term(b, "saved by levers", text_of(b, c->saved_pico), intern_str(c->currency), STR("the same price function"), none);
}

static int explain_call(struct build *b, const struct call *c, const struct book *book, struct err *e)
{
	struct explanation *x = b->x;
	struct usage u = c->usage;
	struct price_query q = {.provider = intern_str(c->provider),
				.model = intern_str(c->model_answered ? c->model_answered : c->model_asked),
				.at_us = c->start_us, .region = str_of(c->usage.geo)};
	struct price_result *r = arena_new(b->a, struct price_result);
	bool priced = c->price_status == PRICE_PRICED || c->price_status == PRICE_FREE;
	struct sb formula;
	char recomputed[MONEY_TEXT];
	int rc;
	if (!r)
		return err_set(e, RR_NOMEM, "out of memory");
	x->value = priced ? text_of(b, c->cost_pico) : STR("unpriced");
	x->unit = intern_str(c->currency);
	rc = price(book, &q, &u, r);
	/* as the gateway does: by the name that was asked */
	if (rc == -RR_UNPRICED && c->model_answered && c->model_asked) {
		q.model = intern_str(c->model_asked);
		rc = price(book, &q, &u, r);
	}
	sb_init(&formula, 8192);
	for (unsigned i = 0; i < r->lines; i++)
		call_line(b, c, &r->line[i], &formula);
	facts_of_call(b, c);
	x->formula = formula.n ? arena_str(b->a, sb_str(&formula)) : STR("nothing that is billed");
	sb_fini(&formula);
	if (rc && priced)
		x->note = arena_printf(b->a, "the price book of today has no price for it: %s", r->why);
	else if (rc || !priced)
		x->note = arena_printf(b->a, "not priced: %s",
				       r->why[0] ? r->why : price_status_name((enum price_status)c->price_status));
	else if (r->total_pico != c->cost_pico && c->provenance != PROV_ESTIMATED)
		x->note = arena_printf(b->a, "priced again today it is %s: the ledger holds %.*s by rule %s",
				       money_text(r->total_pico, recomputed), STR_ARG(x->value), intern_str(c->rule).p);
	else if (c->provenance == PROV_ESTIMATED)
		x->note = STR("an estimate: the vendor's export will say");
	return 0;
}

/* ---- a price rule ---- */

static int explain_rule(struct build *b, const struct price_rule *p)
{
	struct explanation *x = b->x;
	char atto[MONEY_TEXT], per_million[MONEY_TEXT];
	x->value = arena_str(b->a, str_of(money_text_atto(p->price_atto, atto)));
	x->unit = arena_printf(b->a, "%s per one of %s", p->currency.code, meter_name(p->meter));
	x->formula = arena_printf(b->a, "%s per million", money_text_atto(p->price_atto * 1000000, per_million));
	term(b, "provider", p->provider, STR(""), p->source, p->source_date);
	term(b, "model", p->model, STR(""), p->source, p->source_date);
	term(b, "meter", str_of(meter_name(p->meter)), STR(""), p->source, p->source_date);
	if (p->tier != TIER_UNKNOWN)
		term(b, "tier", str_of(tier_name(p->tier)), STR(""), p->source, p->source_date);
	if (p->region.n)
		term(b, "region", p->region, STR(""), p->source, p->source_date);
	if (p->above_input_tok)
		term(b, "for inputs above", arena_printf(b->a, "%llu", (unsigned long long)p->above_input_tok), STR("token"), p->source,
		     p->source_date);
	term(b, "in force from", p->valid_from_us ? day_of(b, p->valid_from_us) : STR("always"), STR(""), p->source, p->source_date);
	if (p->valid_to_us != INT64_MAX)
		term(b, "in force until", day_of(b, p->valid_to_us), STR(""), p->source, p->source_date);
	if (p->derived)
		x->note = STR("derived by a ratio that the vendor states; not listed by itself");
	return 0;
}

/* ---- a cell of a report ---- */

static money_wide cell_part(struct build *b, const struct report *r, const struct report_part *p, const char *what,
			    struct sb *formula)
{
	char name[128];
	struct str day = arena_printf(b->a, "%.*s to %.*s", STR_ARG(day_of(b, r->query.from_us)),
				      STR_ARG(day_of(b, r->query.to_us - 1)));
	for (unsigned i = 0; i < p->count; i++) {
		const struct report_line *line = &p->lines[i];
		char calls[32];
		snprintf(name, sizeof name, "%s: %.*s", what, (int)(line->key.n < 90 ? line->key.n : 90), line->key.n ? line->key.p : "-");
		sb_addf(formula, "%s%.*s", formula->n ? " + " : "", STR_ARG(text_of(b, line->cost_pico)));
		term(b, name, text_of(b, line->cost_pico), arena_str(b->a, str_of(line->currency.code)),
		     line->calls    ? arena_printf(b->a, "%s calls, %.3f M tokens in, %.3f M out",
						   num_group(line->calls, calls), (double)line->input_tok * 1e-6,
						   (double)line->output_tok * 1e-6)
		     : line->outlay ? STR("runrate outlay list")
				    : STR("the bill, or a log without calls"),
		     day);
	}
	return p->total_pico;
}

static void say_term(const struct explain_term *t, struct sb *out)
{
	struct sb from;
	size_t named = str_columns(t->name);
	sb_addf(out, "  %.*s%*s %.*s %.*s\n", STR_ARG(t->name), named < 26 ? (int)(26 - named) : 0, "", STR_ARG(t->value), STR_ARG(t->unit));
	if (!t->source.n)
		return;
	sb_init(&from, 4096);
	sb_addf(&from, "%.*s%s%.*s", STR_ARG(t->source), t->date.n ? ", " : "", STR_ARG(t->date));
	sb_addf(out, "%31s", "");
	text_wrap(sb_str(&from), 31, 31, 80, out);
	sb_addc(out, '\n');
	sb_fini(&from);
}

/* What no tokens explain: lines of the other books. */
static void cells_beside(const struct explanation *x, struct sb *out)
{
	bool first = true;
	for (unsigned i = 0; i < x->terms; i++) {
		struct str name = x->term[i].name;
		if (!str_starts(name, STR("training: ")) && !str_starts(name, STR("other: ")) &&
		    !str_starts(name, STR("not classified: ")))
			continue;
		if (first)
			sb_addc(out, '\n');
		first = false;
		say_term(&x->term[i], out);
	}
}

static int explain_cell(struct build *b, struct ledger *l, const struct book *book, struct str id,
			const struct report_query *given, bool *found, struct err *e)
{
	struct explanation *x = b->x;
	struct report_query q = *given;
	struct report *r = arena_new(b->a, struct report);
	size_t dot = str_chr(id, '.');
	struct str when = dot == SIZE_MAX ? STR("") : str_sub(id, 0, dot),
		   what = dot == SIZE_MAX ? id : str_sub(id, dot + 1, id.n);
	char day[16];
	int64_t local, from, to;
	struct sb formula, body;
	int rc;
	bool all = str_eqc(what, "total"), of[BOOKS] = {[BOOK_INFERENCE] = all || str_eqc(what, "inference"),
							[BOOK_TRAINING] = all || str_eqc(what, "training"),
							[BOOK_OTHER] = all || str_eqc(what, "other"),
							[BOOK_UNCLASSIFIED] = all || str_eqc(what, "unclassified")};
	money_wide sum = 0;
	*found = of[BOOK_INFERENCE] || of[BOOK_TRAINING] || of[BOOK_OTHER] || of[BOOK_UNCLASSIFIED];
	if (!*found)
		return 0;
	if (!r)
		return err_set(e, RR_NOMEM, "out of memory");
	if (when.n) {
		snprintf(day, sizeof day, "%.*s%s", (int)(when.n < 11 ? when.n : 11), when.p, when.n == 7 ? "-01" : "");
		if ((when.n != 7 && when.n != 10) || time_parse(str_of(day), &local))
			return err_set(e, RR_INPUT, "%.*s is no month or day", STR_ARG(when));
		window_bounds(when.n == 7 ? WINDOW_MONTH : WINDOW_DAY, q.tz, tz_instant_us(q.tz, local), &from, &to);
		q.from_us = from;
		q.to_us = to;
	}
	q.by = BY_MODEL;
	rc = report_make(r, l, &q, b->a, e);
	if (rc)
		return rc;
	sb_init(&formula, 1 << 16);
	if (of[BOOK_INFERENCE])
		sum += cell_part(b, r, &r->inference, "inference", &formula);
	if (of[BOOK_TRAINING])
		sum += cell_part(b, r, &r->training, "training", &formula);
	if (of[BOOK_OTHER])
		sum += cell_part(b, r, &r->other, "other", &formula);
	if (of[BOOK_UNCLASSIFIED] && r->unclassified_pico) {
		struct report_line rest = {.cost_pico = r->unclassified_pico, .currency = r->currency};
		struct report_part part = {.lines = &rest, .count = 1, .total_pico = rest.cost_pico};
		sum += cell_part(b, r, &part, "not classified", &formula);
	}
	x->formula = formula.n ? arena_str(b->a, sb_str(&formula)) : STR("0: nothing in this period");
	sb_fini(&formula);
	sb_init(&body, 1 << 20);
	if (of[BOOK_INFERENCE])
		rc = explain_groups(x, b->a, l, book, r, false, &body, e);
	if (!rc && body.n) /* of the other books every line is named */
		cells_beside(x, &body);
	x->body = arena_str(b->a, sb_str(&body));
	sb_fini(&body);
	if (rc)
		return rc;
	x->unit = arena_str(b->a, str_of(r->currency.code));
	x->value = text_of(b, sum);
	if (!r->currency.code[0] && r->currencies > 1) {
		x->value = STR("several currencies");
		x->note = STR("amounts of several currencies are not added: choose one with --currency");
	} else if (r->unpriced_calls && of[BOOK_INFERENCE]) {
		x->note = arena_printf(b->a, "%llu calls have no price and are not in it", (unsigned long long)r->unpriced_calls);
	}
	return 0;
}

int explain_find(struct explanation *x, struct ledger *l, const struct book *book, struct str id,
		 const struct report_query *q, struct arena *a, struct err *e)
{
	struct build b = {x, a};
	struct call_id cid;
	struct call c;
	const struct price_rule *rule;
	bool found;
	int rc;
	memset(x, 0, sizeof *x);
	x->id = id;
	x->note = STR("");
	x->body = STR("");
	if (call_id_parse(id, &cid) == 0) {
		rc = ledger_find_call(l, cid, &c, e);
		return rc ? rc : explain_call(&b, &c, book, e);
	}
	rule = book_rule_by_id(book, id);
	if (rule)
		return explain_rule(&b, rule);
	rc = explain_cell(&b, l, book, id, q, &found, e);
	if (rc || found)
		return rc;
	err_set(e, RR_NOTFOUND, "nothing is called %.*s", STR_ARG(id));
	return err_hint(e, "give a call's id (c-...), a price rule's id, or a cell: inference, 2026-10.inference, 2026-10-14.total, other");
}

void explain_json(const struct explanation *x, struct sb *out)
{
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_kstr(&w, "id", x->id);
	jw_kstr(&w, "value", x->value);
	jw_kstr(&w, "unit", x->unit);
	jw_kstr(&w, "formula", x->formula);
	jw_key(&w, "terms");
	jw_array(&w);
	for (unsigned i = 0; i < x->terms; i++) {
		jw_object(&w);
		jw_kstr(&w, "name", x->term[i].name);
		jw_kstr(&w, "value", x->term[i].value);
		jw_kstr(&w, "unit", x->term[i].unit);
		jw_kstr(&w, "source", x->term[i].source);
		jw_kstr(&w, "date", x->term[i].date);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kstr(&w, "note", x->note);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

void explain_text(const struct explanation *x, struct sb *out)
{
	sb_addf(out, "%.*s %.*s\n  = ", STR_ARG(x->value), STR_ARG(x->unit));
	text_wrap(x->formula, 4, 4, 80, out);
	sb_adds(out, "\n\n");
	if (x->body.n)
		sb_add_str(out, x->body);
	for (unsigned i = 0; i < x->terms && !x->body.n; i++)
		say_term(&x->term[i], out);
	if (x->note.n)
		sb_addf(out, "\nNote: %.*s\n", STR_ARG(x->note));
}
