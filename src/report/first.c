/* SPDX-License-Identifier: Apache-2.0
 *
 * See first.h.
 */
#include "report/first.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/num.h"
#include "report/amounts.h"
#include "report/overlap.h"

#define HOUR_US	  (3600 * US_PER_S)
#define PERIOD_US (30 * US_PER_DAY)
#define FRESH_US  (3 * US_PER_DAY) /* exports come a day or two late */

char *money_symbol(struct currency c, money_wide pico, unsigned decimals, char out[MONEY_SYMBOL])
{
	static const struct {
		const char *code, *sign;
	} signs[] = {{"GBP", "\xC2\xA3"}, {"USD", "$"}, {"EUR", "\xE2\x82\xAC"}};
	char number[MONEY_TEXT];
	money_human(pico < 0 ? -pico : pico, decimals, number);
	for (unsigned i = 0; i < sizeof signs / sizeof *signs; i++)
		if (strcmp(signs[i].code, c.code) == 0) {
			snprintf(out, MONEY_SYMBOL, "%s%s%s", pico < 0 ? "-" : "", signs[i].sign, number);
			return out;
		}
	snprintf(out, MONEY_SYMBOL, "%s%s%s%s", pico < 0 ? "-" : "", number, c.code[0] ? " " : "", c.code);
	return out;
}

struct gather {
	struct first *f;
	struct env_filter env;
	struct overlap *overlap;
};

static struct first_line *line_of(struct first *f, struct str provider, struct str model, struct currency c)
{
	for (unsigned i = 0; i < f->count; i++)
		if (str_eq(f->lines[i].provider, provider) && str_eq(f->lines[i].model, model) &&
		    currency_eq(f->lines[i].currency, c))
			return &f->lines[i];
	if (f->count == FIRST_LINES)
		return NULL;
	f->lines[f->count] = (struct first_line){.provider = provider, .model = model, .currency = c};
	return &f->lines[f->count++];
}

static int add_row(const struct rollup_row *whole, void *arg)
{
	struct gather *g = arg;
	struct first *f = g->f;
	const struct report *r = &f->report;
	struct rollup_row rest;
	const struct rollup_row *x = &rest;
	struct currency c = currency_interned(whole->key.currency);
	struct first_line *line;
	money_wide pico;
	if (!overlap_rest(g->overlap, whole, &rest) || !env_counts(g->env, &x->key) || !row_amount(x, &pico) ||
	    (x->key.book != BOOK_INFERENCE && x->key.book != BOOK_TRAINING))
		return 0;
	if (rates_convert(r->query.rates, r->query.rate_count, c, r->currency, x->key.hour_us, &pico))
		c = r->currency;
	line = line_of(f, intern_str(x->key.provider), intern_str(x->key.model), c);
	if (!line)
		return -RR_LIMIT;
	line->calls += row_calls(x);
	line->tokens += x->sum.input_tok + x->sum.output_tok;
	*(x->key.book == BOOK_TRAINING ? &line->training_pico : &line->inference_pico) += pico;
	return 0;
}

static int dearest(const void *a, const void *b)
{
	const struct first_line *x = a, *y = b;
	money_wide p = x->inference_pico + x->training_pico, q = y->inference_pico + y->training_pico;
	int c;
	if (p != q)
		return p < q ? 1 : -1;
	c = str_cmp(x->provider, y->provider);
	return c ? c : str_cmp(x->model, y->model);
}

int first_make(struct first *f, struct ledger *l, const struct report_query *q, bool whole, struct arena *a,
	       struct err *e)
{
	struct gather g = {.f = f, .env = env_filter_of(q->env)};
	struct report_query use = *q;
	int rc;
	memset(f, 0, sizeof *f);
	use.by = BY_MODEL;
	rc = report_make(&f->report, l, &use, a, e);
	if (!rc && !f->report.empty && !whole && q->from_us == INT64_MIN && q->to_us == INT64_MAX) {
		const struct report_query *all = &f->report.query;
		bool fresh = all->to_us > q->now_us - FRESH_US;
		/* whole hours come from roll-ups; a part of one would be summed call by call */
		use.to_us = ((fresh ? q->now_us : all->to_us) + HOUR_US - 1) / HOUR_US * HOUR_US;
		use.from_us = use.to_us - PERIOD_US;
		/* a month's export that lies here for a while is shown whole: it must add up to its bill */
		if (fresh || use.from_us - US_PER_DAY > all->from_us) {
			f->last_30_days = fresh;
			rc = report_make(&f->report, l, &use, a, e);
		}
	}
	if (rc)
		return rc;
	f->lines = arena_array(a, struct first_line, FIRST_LINES);
	g.overlap = overlap_new();
	if (!f->lines || !g.overlap) {
		overlap_free(g.overlap);
		return err_set(e, RR_NOMEM, "out of memory for the report");
	}
	rc = overlap_read(g.overlap, l, f->report.query.from_us, f->report.query.to_us, e);
	if (!rc)
		rc = ledger_rollup_by(l, GRAIN_DAY, f->report.query.from_us, f->report.query.to_us, add_row, &g, e);
	overlap_free(g.overlap);
	if (rc == -RR_LIMIT)
		rc = err_set(e, RR_LIMIT, "more than %d models: runrate report --by provider", FIRST_LINES);
	if (!rc)
		qsort(f->lines, f->count, sizeof *f->lines, dearest);
	return rc;
}

/* ---- text: 80 columns: a name of 40, two columns of money ---- */

enum { NAME = 42, BOOK = 13 };

static void name_cell(struct sb *out, struct str s)
{
	size_t n = str_columns(s);
	if (n > NAME - 1) {
		s = str_sub(s, 0, NAME - 2);
		sb_add_utf8(out, s);
		sb_addc(out, '.');
		n = NAME - 1;
	} else {
		sb_add_str(out, s);
	}
	sb_addf(out, "%*s", (int)(NAME - n), "");
}

static void cell(struct sb *out, const char *text)
{
	size_t n = str_columns(str_of(text));
	sb_addf(out, "%*s%s", (int)(n < BOOK ? BOOK - n : 1), "", text);
}

static void money_cell(struct sb *out, struct currency c, money_wide pico, unsigned decimals)
{
	char text[MONEY_SYMBOL];
	cell(out, pico == 0 ? "-" : money_symbol(c, pico, decimals, text));
}

static void row(struct sb *out, const char *name, struct currency c, money_wide inference, money_wide training,
		unsigned decimals)
{
	name_cell(out, str_of(name));
	money_cell(out, c, inference, decimals);
	money_cell(out, c, training, decimals);
	sb_addc(out, '\n');
}

static void heading(const struct first *f, struct sb *out)
{
	const struct report *r = &f->report;
	char a[TIME_TEXT], b[TIME_TEXT], text[2 * TIME_TEXT + 8] = "LAST 30 DAYS";
	if (!f->last_30_days) {
		time_date(r->query.from_us + (int64_t)tz_offset_s(r->query.tz, r->query.from_us) * US_PER_S, a);
		time_date(r->query.to_us - 1 + (int64_t)tz_offset_s(r->query.tz, r->query.to_us - 1) * US_PER_S, b);
		snprintf(text, sizeof text, "%s to %s", a, b);
	}
	name_cell(out, str_of(text));
	cell(out, "INFERENCE");
	cell(out, "TRAINING");
	sb_addc(out, '\n');
	name_cell(out, STR(""));
	cell(out, f->last_30_days ? "every month" : "recurs");
	cell(out, "one time");
	sb_addc(out, '\n');
}

static void lines(const struct first *f, unsigned decimals, struct sb *out)
{
	char name[256];
	for (unsigned i = 0; i < f->count && i < FIRST_SHOWN; i++) {
		const struct first_line *x = &f->lines[i];
		snprintf(name, sizeof name, "  %.*s  %.*s", (int)(x->provider.n < 40 ? x->provider.n : 40),
			 x->provider.n ? x->provider.p : "?", (int)(x->model.n < 100 ? x->model.n : 100),
			 x->model.n ? x->model.p : "");
		row(out, name, x->currency, x->inference_pico, x->training_pico, decimals);
	}
	if (f->count > FIRST_SHOWN)
		sb_addf(out, "  and %u more: runrate report --by model --json\n", f->count - FIRST_SHOWN);
	for (unsigned i = 0; i < f->report.training.count;
	     i++) { /* outlays; training that is billed by calls stands above */
		const struct report_line *x = &f->report.training.lines[i];
		if (!x->outlay)
			continue;
		snprintf(name, sizeof name, "  %.*s", (int)(x->key.n < 100 ? x->key.n : 100), x->key.p);
		row(out, name, x->currency, 0, x->cost_pico, decimals);
	}
}

static void not_priced(const struct report *r, struct sb *out)
{
	char name[128], n[32];
	if (!r->unpriced_calls)
		return;
	snprintf(name, sizeof name, "  not priced (%u model%s, %s requests)", r->unpriced_models,
		 r->unpriced_models == 1 ? "" : "s", num_group(r->unpriced_calls, n));
	name_cell(out, str_of(name));
	cell(out, "unpriced");
	cell(out, "-");
	sb_addc(out, '\n');
}

/* What is in neither book, in the headline's currency or, without one, in each. */
static void neither(const struct report *r, const char *name, money_wide all, size_t at, unsigned decimals,
		    struct sb *out)
{
	if (all)
		row(out, name, r->currency, all, 0, decimals);
	for (unsigned i = 0; i < r->currencies && !r->currency.code[0]; i++) {
		money_wide mine = *(const money_wide *)(const void *)((const char *)&r->by_currency[i] + at);
		if (mine && r->currencies > 1)
			row(out, name, r->by_currency[i].currency, mine, 0, decimals);
	}
}

void first_text(const struct first *f, double took_s, struct sb *out)
{
	const struct report *r = &f->report;
	unsigned decimals = money_decimals(r->total_pico);
	char n[32];
	if (r->empty) {
		sb_adds(out, "Nothing was spent that is known here.\n");
		return;
	}
	heading(f, out);
	neither(r, "  NOT CLASSIFIED (neither, yet)", r->unclassified_pico,
		offsetof(struct report_currency, unclassified_pico), decimals, out);
	lines(f, decimals, out);
	neither(r, "  other (seats, tax, credits)", r->other_pico, offsetof(struct report_currency, other_pico),
		decimals, out);
	not_priced(r, out);
	if (r->currency.code[0] || r->currencies < 2) {
		row(out, "  TOTAL", r->currency, r->inference.total_pico + r->unclassified_pico + r->other_pico,
		    r->training.total_pico, decimals);
	} else {
		char name[32];
		for (unsigned i = 0; i < r->currencies; i++) {
			const struct report_currency *c = &r->by_currency[i];
			snprintf(name, sizeof name, "  TOTAL in %s", c->currency.code);
			row(out, name, c->currency, c->inference_pico + c->other_pico + c->unclassified_pico,
			    c->training_pico, decimals);
		}
		sb_adds(out, "  Several currencies are not added: --currency C and --rate C/D=R@DATE do.\n");
	}
	for (unsigned i = 0; i < r->currencies && r->currency.code[0]; i++)
		if (!r->by_currency[i].in_headline)
			sb_addf(out, "  Not in the total: amounts in %s, for which there is no rate.\n",
				r->by_currency[i].currency.code);
	sb_addc(out, '\n');
	if (r->calls)
		sb_addf(out, "%s requests, ", num_group(r->calls, n));
	if (r->calls || r->input_tok + r->output_tok) {
		/* a single day, where a month's bill stands too, says nothing of a month */
		bool day = r->query.to_us - r->query.from_us <= US_PER_DAY;
		sb_addf(out, "%.3f million tokens%s%s",
			day ? (double)(r->input_tok + r->output_tok) * 1e-6 : report_tokens_million_per_month(r),
			day ? "" : " a month", r->calls ? "" : " (requests are not counted in it)");
	} else {
		sb_adds(out, "a bill alone: it counts no requests and no tokens");
	}
	if (r->hidden_calls)
		sb_addf(out, "; pilots and tests (%s requests) are not counted", num_group(r->hidden_calls, n));
	if (took_s >= 0)
		sb_addf(out, "   %.1f s", took_s);
	sb_addc(out, '\n');
}
