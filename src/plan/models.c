/* SPDX-License-Identifier: Apache-2.0
 *
 * See models.h. A book's prices are read by pricing small usages with the function that bills: what was planned is
 * what is billed. A cache or batch price that the book does not have is "no discount", never free.
 */
#include "plan/models.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "model/price.h"

enum { PROBE_TOK = 1000 }; /* small, so that no long-context step is met */

/* Money per million tokens of one class and tier; NAN when the book has no price for it. */
static double probe(const struct book *b, const struct price_query *q, enum token_class c, enum tier tier,
		    struct price_result *r)
{
	struct usage u = {.flags = USAGE_SEEN, .tier = tier};
	u.tok[c] = PROBE_TOK;
	u.vendor_total_tok = PROBE_TOK;
	if (price(b, q, &u, r) < 0 || r->status != PRICE_PRICED)
		return NAN;
	return (double)r->total_pico / (double)PICO_PER_UNIT / PROBE_TOK * 1e6;
}

static int from_book(const struct book *b, struct str text, int64_t at_us, struct plan_model *m, struct err *e)
{
	struct price_query q = {.model = text, .at_us = at_us};
	struct price_result r;
	m->in = probe(b, &q, CLASS_IN_PLAIN, TIER_STANDARD, &r);
	if (isnan(m->in)) {
		size_t slash = str_chr(text, '/');
		if (slash != SIZE_MAX) {
			q.provider = str_sub(text, 0, slash);
			q.model = str_sub(text, slash + 1, text.n);
			m->in = probe(b, &q, CLASS_IN_PLAIN, TIER_STANDARD, &r);
		}
	}
	if (isnan(m->in)) {
		struct str near = book_suggest(b, q.provider, q.model);
		err_set(e, RR_NOTFOUND, "the price book knows no model \"%.*s\"", STR_ARG(text));
		return err_hint(e, near.n ? "nearest: %.*s; or give prices by hand: IN/OUT, such as 2.00/10.00"
					  : "give prices by hand: IN/OUT, such as 2.00/10.00%.*s", STR_ARG(near));
	}
	m->currency = r.currency;
	if (r.lines && r.line[0].rule) {
		snprintf(m->source, sizeof m->source, "price book %.*s", STR_ARG(r.line[0].rule->id));
		str_copy(m->date, sizeof m->date, r.line[0].rule->source_date);
	}
	double out = probe(b, &q, CLASS_OUT_TEXT, TIER_STANDARD, &r);
	double read = probe(b, &q, CLASS_IN_CACHE_READ, TIER_STANDARD, &r);
	static const enum token_class writes[] = {CLASS_IN_CACHE_WRITE_5M, CLASS_IN_CACHE_WRITE_30M,
						  CLASS_IN_CACHE_WRITE};
	double write = NAN;
	for (unsigned i = 0; i < 3 && isnan(write); i++)
		write = probe(b, &q, writes[i], TIER_STANDARD, &r);
	double batch = probe(b, &q, CLASS_IN_PLAIN, TIER_BATCH, &r);
	m->out = isnan(out) ? 0 : out;
	m->read = m->in > 0 && !isnan(read) ? read / m->in : 1;
	m->write = m->in > 0 && !isnan(write) ? write / m->in : 1;
	m->batch = m->in > 0 && !isnan(batch) ? batch / m->in : 1;
	double both = probe(b, &q, CLASS_IN_CACHE_READ, TIER_BATCH, &r);
	m->batch_stacks = isnan(both) || isnan(read) || fabs(both - read * m->batch) < 1e-9 * (1 + read);
	snprintf(m->name, sizeof m->name, "%.*s", STR_ARG(text));
	return 0;
}

int plan_model_read(const struct book *b, struct str text, int64_t at_us, struct plan_model *out, struct err *e)
{
	struct str rest = str_trim(text), part[4];
	unsigned n = 0;
	memset(out, 0, sizeof *out);
	out->read = 0.1;
	out->write = out->batch = 1;
	out->batch_stacks = true;
	bool digits = rest.n && (strchr("0123456789.$", rest.p[0]) || str_starts(rest, STR("\xc2\xa3")) ||
				 str_starts(rest, STR("\xe2\x82\xac")));
	if (digits && str_chr(rest, '/') != SIZE_MAX) {
		for (; rest.p && n < 4; n++)
			part[n] = str_cut(&rest, '/');
		if (rest.p)
			return err_set(e, RR_INPUT, "\"%.*s\" is no IN/OUT[/READ[/WRITE]]", STR_ARG(text));
		double *to[4] = {&out->in, &out->out, &out->read, &out->write};
		for (unsigned i = 0; i < n; i++) {
			int rc = value_read(part[i], i < 2 ? "money" : "times", at_us, to[i], &out->currency, e);
			if (rc < 0)
				return rc;
			if (*to[i] < 0)
				return err_set(e, RR_RANGE, "\"%.*s\": a price is 0 or more", STR_ARG(text));
		}
		snprintf(out->name, sizeof out->name, "%.*s", STR_ARG(text));
		snprintf(out->source, sizeof out->source, "prices given by hand");
		return 0;
	}
	struct book *own = b ? NULL : book_builtin(e);
	if (!b && !own)
		return e ? -e->code : -RR_FAIL;
	int rc = from_book(b ? b : own, str_trim(text), at_us, out, e);
	book_free(own);
	return rc;
}

bool plan_model_takes(const struct formula *f, const char *prefix)
{
	char name[40];
	snprintf(name, sizeof name, "%s_in", prefix);
	return formula_input(f, str_of(name)) >= 0;
}

int plan_model_set(struct formula_run *r, const char *prefix, struct str text, struct err *e)
{
	struct plan_model m;
	int rc = plan_model_read(NULL, text, r->now_us, &m, e);
	if (rc < 0)
		return rc;
	if (m.currency.code[0] && r->currency.code[0] && !currency_eq(m.currency, r->currency)) {
		err_set(e, RR_INPUT, "mixed currencies: %s is priced in %s, the rest is in %s", m.name, m.currency.code,
			r->currency.code);
		return err_hint(e, "give the other amounts in %s, or the model's prices by hand", m.currency.code);
	}
	if (m.currency.code[0])
		r->currency = m.currency;
	const struct {
		const char *suffix;
		double v;
	} parts[] = {{"in", m.in}, {"out", m.out}, {"read", m.read}, {"write", m.write}};
	for (unsigned i = 0; i < 4; i++) {
		char name[40];
		snprintf(name, sizeof name, "%s_%s", prefix, parts[i].suffix);
		int input = formula_input(r->f, str_of(name));
		if (input >= 0 && !r->given[input])
			rc = formula_set_number(r, input, parts[i].v, m.source, m.date, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}
