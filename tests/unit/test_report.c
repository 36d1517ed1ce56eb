/* SPDX-License-Identifier: Apache-2.0
 *
 * The report against sums made by hand over the same calls: by every dimension, in every zone and period; several
 * currencies are never added silently, an unknown price is never 0, pilots do not count, an outlay is spread over
 * its life to the last 10^-12.
 */
#include "report/report.h"

#include "base/json.h"
#include "base/log.h"
#include "ledger_help.h"
#include "report/explain.h"
#include "t.h"

static struct report_query any(void)
{
	return (struct report_query){.from_us = INT64_MIN, .to_us = INT64_MAX, .tz = tz_get("UTC", NULL),
				     .now_us = HELP_T0 + INT64_C(200) * US_PER_DAY};
}

static struct ledger *ledger_with(struct call *c, unsigned n)
{
	struct err e = {0};
	struct ledger *l = help_ledger();
	OK(ledger_begin(l, &e));
	for (unsigned i = 0; i < n; i++)
		OK(ledger_add_call(l, &c[i], &e));
	OK(ledger_commit(l, &e));
	return l;
}

static uint32_t field_of(const struct call *c, enum report_by by)
{
	switch (by) {
	case BY_PROVIDER: return c->provider;
	case BY_MODEL: return c->model_answered;
	case BY_TEAM: return c->team;
	case BY_FEATURE: return c->feature;
	case BY_KEY: return c->key;
	case BY_REGION: return c->region;
	case BY_PROJECT: return c->project;
	default: return c->surface;
	}
}

TEST(every_dimension_sums_to_its_calls)
{
	enum { N = 3000 };
	static const enum report_by dims[] = {BY_PROVIDER, BY_MODEL, BY_TEAM, BY_FEATURE, BY_KEY, BY_REGION, BY_PROJECT, BY_SURFACE};
	struct err e = {0};
	struct rng r;
	struct call *c = calloc(N, sizeof *c);
	struct report rep;
	struct arena a;
	struct ledger *l;
	rng_seed(&r, 41);
	for (unsigned i = 0; i < N; i++) {
		help_call(&c[i], &r, i, 30);
		c[i].start_us = HELP_T0 + (int64_t)rng_below(&r, 100ull * 86400 * 1000000);
		c[i].end_us = c[i].start_us + 5;
		c[i].region = help_name("region", rng_below(&r, 3));
	}
	l = ledger_with(c, N);
	for (unsigned d = 0; d < sizeof dims / sizeof *dims; d++) {
		for (unsigned t = 0; t < 4; t++) {
			struct report_query q = any();
			money_wide total = 0;
			uint64_t calls = 0;
			q.by = dims[d];
			if (t) {
				q.from_us = HELP_T0 + (int64_t)rng_below(&r, 50ull * 86400 * 1000000);
				q.to_us = q.from_us + (int64_t)rng_below(&r, 50ull * 86400 * 1000000) + 1;
			}
			arena_init(&a, 1 << 28);
			OK(report_make(&rep, l, &q, &a, &e));
			for (unsigned k = 0; k < rep.inference.count; k++) {
				const struct report_line *x = &rep.inference.lines[k];
				money_wide want = 0, columns = 0;
				uint64_t n = 0;
				for (unsigned i = 0; i < N; i++)
					if (c[i].start_us >= q.from_us && c[i].start_us < q.to_us &&
					    str_eq(intern_str(field_of(&c[i], q.by)), x->key)) {
						want += c[i].cost_pico;
						n++;
					}
				for (unsigned m = 0; m < REPORT_COLUMNS; m++)
					columns += x->column[m].cost_pico;
				T_TRUE(want == x->cost_pico && columns == want);
				T_EQ_I(x->calls, n);
				total += want;
				calls += n;
			}
			T_TRUE(rep.inference.total_pico == total && rep.total_pico == total);
			T_EQ_I(rep.calls, calls);
			arena_fini(&a);
		}
	}
	ledger_close(l);
	free(c);
	help_clean();
}

TEST(days_and_months_begin_in_the_zone)
{
	enum { N = 2000 };
	static const char *const zones[] = {"UTC", "Europe/London", "Asia/Kolkata", "America/New_York"};
	struct err e = {0};
	struct rng r;
	struct call *c = calloc(N, sizeof *c);
	struct report rep;
	struct arena a;
	struct ledger *l;
	rng_seed(&r, 42);
	for (unsigned i = 0; i < N; i++) {
		help_call(&c[i], &r, i, 3);
		c[i].start_us = HELP_T0 + (int64_t)rng_below(&r, 200ull * 86400 * 1000000);
		c[i].end_us = c[i].start_us + 5;
	}
	l = ledger_with(c, N);
	for (unsigned z = 0; z < 4; z++) {
		const struct tz *tz = tz_get(zones[z], &e);
		if (!tz) {
			printf("  SKIPPED: no zone %s here\n", zones[z]);
			continue;
		}
		for (enum report_by by = BY_DAY; by <= BY_MONTH; by++) {
			struct report_query q = any();
			uint64_t seen = 0;
			q.by = by;
			q.tz = tz;
			arena_init(&a, 1 << 28);
			OK(report_make(&rep, l, &q, &a, &e));
			for (unsigned k = 0; k < rep.inference.count; k++) {
				const struct report_line *x = &rep.inference.lines[k];
				uint64_t n = 0;
				for (unsigned i = 0; i < N; i++) {
					/* roll-ups are by the hour: a zone half an hour off counts such an hour with its begin */
					int64_t hour = c[i].start_us - c[i].start_us % (3600 * US_PER_S), from, to, local;
					char text[TIME_TEXT];
					window_bounds(by == BY_DAY ? WINDOW_DAY : by == BY_WEEK ? WINDOW_WEEK : WINDOW_MONTH, tz, hour, &from, &to);
					local = from + (int64_t)tz_offset_s(tz, from) * US_PER_S;
					time_date(local, text);
					if (by == BY_MONTH)
						text[7] = 0;
					n += str_eqc(x->key, text);
				}
				T_EQ_I(x->calls, n);
				seen += n;
			}
			T_EQ_I(seen, N);
			arena_fini(&a);
		}
	}
	ledger_close(l);
	free(c);
	help_clean();
}

static struct call one(unsigned n, const char *currency, int64_t units)
{
	struct rng r;
	struct call c;
	rng_seed(&r, n);
	help_call(&c, &r, n, 3);
	c.currency = intern(str_of(currency));
	c.cost_pico = units * PICO_PER_UNIT;
	return c;
}

TEST(currencies_are_not_added_silently)
{
	struct err e = {0};
	struct call c[] = {one(1, "USD", 100), one(2, "EUR", 50), one(3, "JPY", 7000)};
	struct fx_rate rates[] = {{{"USD"}, {"GBP"}, INT64_C(769200000000), HELP_T0 - 10 * US_PER_DAY},
				      {{"USD"}, {"GBP"}, INT64_C(500000000000), HELP_T0 + 10 * US_PER_DAY}, /* later: not in force */
				      {{"GBP"}, {"EUR"}, INT64_C(1250000000000), 0}};
	struct ledger *l = ledger_with(c, 3);
	struct report_query q = any();
	struct report rep;
	struct json top;
	struct sb text;
	struct arena a;
	arena_init(&a, 1 << 26);
	sb_init(&text, 1 << 20);
	OK(report_make(&rep, l, &q, &a, &e));
	T_EQ_I(rep.currency.code[0], 0);
	T_EQ_I(rep.currencies, 3);
	T_TRUE(rep.total_pico == 0);
	report_json(&rep, &text);
	OK(json_parse(sb_str(&text), &top, NULL));
	T_EQ_I(json_get(top, "total").type, JSON_NULL);
	T_EQ_I(json_count(json_get(top, "by_currency")), 3);
	q.currency = (struct currency){"GBP"};
	q.rates = rates;
	q.rate_count = 3;
	OK(report_make(&rep, l, &q, &a, &e));
	/* 100 USD at 0.7692, 50 EUR at 1 / 1.25; there is no rate for JPY */
	T_TRUE(rep.total_pico == (money_wide)76920 * (PICO_PER_UNIT / 1000) + 40 * (money_wide)PICO_PER_UNIT);
	for (unsigned i = 0; i < rep.currencies; i++)
		T_EQ_I(rep.by_currency[i].in_headline, strcmp(rep.by_currency[i].currency.code, "JPY") != 0);
	sb_clear(&text);
	report_text(&rep, 80, &text);
	T_TRUE(str_contains(sb_str(&text), STR("JPY")));
	sb_fini(&text);
	arena_fini(&a);
	help_done(l);
}

TEST(unknown_is_not_zero_and_pilots_do_not_count)
{
	struct err e = {0};
	struct call c[6];
	struct report_query q = any();
	struct report rep;
	struct arena a;
	struct ledger *l;
	for (unsigned i = 0; i < 6; i++)
		c[i] = one(i, "USD", 10);
	c[1].price_status = PRICE_UNPRICED;
	c[1].cost_pico = 0;
	c[1].currency = 0;
	c[2].env = intern(STR("pilot"));
	c[3].provenance = PROV_ESTIMATED;
	c[3].low_pico = 4;
	c[3].high_pico = 9;
	c[4].outcome = OUTCOME_REFUSED;
	c[4].price_status = PRICE_FREE;
	c[4].cost_pico = 0;
	c[5].price_status = PRICE_UNPRICED; /* our book does not know it, the vendor billed it */
	c[5].billed_pico = 3 * PICO_PER_UNIT;
	l = ledger_with(c, 6);
	arena_init(&a, 1 << 26);
	OK(report_make(&rep, l, &q, &a, &e));
	T_EQ_S(rep.currency.code, "USD");
	T_TRUE(rep.total_pico == 23 * (money_wide)PICO_PER_UNIT);
	T_EQ_I(rep.unpriced_calls, 1);
	T_EQ_I(rep.unpriced_models, 1);
	T_EQ_I(rep.hidden_calls, 1);
	T_EQ_I(rep.estimated_calls, 1);
	T_TRUE(rep.low_pico == 4 && rep.high_pico == 9);
	T_EQ_I(rep.refused, 1);
	T_EQ_I(rep.calls, 4);
	q.env = "all";
	OK(report_make(&rep, l, &q, &a, &e));
	T_TRUE(rep.total_pico == 33 * (money_wide)PICO_PER_UNIT);
	q.env = "pilot";
	OK(report_make(&rep, l, &q, &a, &e));
	T_TRUE(rep.total_pico == 10 * (money_wide)PICO_PER_UNIT);
	T_EQ_I(rep.calls, 1);
	arena_fini(&a);
	help_done(l);
}

TEST(an_outlay_is_cash_once_or_spread_exactly)
{
	struct err e = {0};
	struct call c = one(1, "GBP", 100);
	struct outlay o = {.id = "o-1", .kind = OUTLAY_FINETUNE, .life_months = 12, .currency = {"GBP"},
			   .amount_pico = 8000 * PICO_PER_UNIT + 7};
	struct report_query q = any();
	struct report rep;
	struct arena a;
	struct ledger *l = ledger_with(&c, 1);
	money_wide sum = 0;
	OK(time_parse(STR("2025-12-15"), &o.date_us));
	OK(ledger_add_outlay(l, &o, &e));
	arena_init(&a, 1 << 28);
	OK(report_make(&rep, l, &q, &a, &e));
	T_TRUE(rep.training.total_pico == o.amount_pico);
	T_TRUE(rep.total_pico == o.amount_pico + 100 * (money_wide)PICO_PER_UNIT);
	q.basis = BASIS_AMORTISED;
	q.by = BY_MONTH;
	OK(time_parse(STR("2025-12-01"), &q.from_us));
	OK(time_parse(STR("2027-02-01"), &q.to_us));
	OK(report_make(&rep, l, &q, &a, &e));
	T_EQ_I(rep.training.count, 13);
	for (unsigned i = 0; i < rep.training.count; i++)
		sum += rep.training.lines[i].cost_pico;
	T_TRUE(sum == o.amount_pico && rep.training.total_pico == o.amount_pico); /* nothing lost between the months */
	q.by = BY_MODEL;
	OK(time_parse(STR("2025-12-01"), &q.from_us));
	OK(time_parse(STR("2026-02-01"), &q.to_us)); /* two columns */
	OK(report_make(&rep, l, &q, &a, &e));
	T_EQ_I(rep.columns, 2);
	T_TRUE(rep.training.total_pico == outlay_charge_pico(&o, q.from_us, q.to_us));
	arena_fini(&a);
	help_done(l);
}

TEST(an_empty_ledger_has_an_empty_report)
{
	static const char *const keys[] = {"period", "currency", "basis", "total", "inference", "training", "other", "unclassified",
					   "unpriced", "estimated", "unit_cost_per_mtok", "cost_per_accepted", "by_currency", "caps",
					   "against"};
	struct err e = {0};
	struct report_query q = any();
	struct report rep;
	struct arena a;
	struct sb text;
	struct json top;
	struct ledger *l = ledger_with(NULL, 0);
	arena_init(&a, 1 << 26);
	sb_init(&text, 1 << 20);
	OK(report_make(&rep, l, &q, &a, &e));
	T_TRUE(rep.empty);
	report_json(&rep, &text);
	OK(json_parse(sb_str(&text), &top, NULL));
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
		T_TRUE(json_get(top, keys[i]).type != JSON_NONE);
	T_TRUE(json_string_eq(json_get(top, "total"), "0"));
	sb_clear(&text);
	report_text(&rep, 80, &text);
	T_TRUE(text.n > 0);
	sb_fini(&text);
	arena_fini(&a);
	help_done(l);
}

TEST(text_fits_eighty_columns)
{
	struct err e = {0};
	struct rng r;
	struct call c[300];
	struct report rep;
	struct arena a;
	struct sb text;
	struct ledger *l;
	struct str rest;
	rng_seed(&r, 43);
	for (unsigned i = 0; i < 300; i++) {
		help_call(&c[i], &r, i, 30);
		c[i].start_us = HELP_T0 + (int64_t)rng_below(&r, 110ull * 86400 * 1000000);
		c[i].cost_pico = (int64_t)rng_below(&r, 90000) * PICO_PER_UNIT;
		if (i % 5 == 0)
			c[i].feature = intern(STR("ein-sehr-langer-Name-f\xC3\xBCr-eine-Anwendung-die-niemand-k\xC3\xBCrzt"));
	}
	l = ledger_with(c, 300);
	for (enum report_by by = BY_AUTO; by < BYS; by++) {
		struct report_query q = any();
		q.by = by;
		arena_init(&a, 1 << 28);
		sb_init(&text, 1 << 22);
		OK(report_make(&rep, l, &q, &a, &e));
		report_text(&rep, 80, &text);
		rest = sb_str(&text);
		while (rest.p && rest.n) {
			struct str line = str_cut(&rest, '\n');
			if (str_columns(line) > 80) {
				printf("  by %s: %.*s\n", report_by_name(by), STR_ARG(line));
				T_TRUE(false);
			}
		}
		sb_fini(&text);
		arena_fini(&a);
	}
	help_done(l);
}

TEST(explain_prices_a_call_again_and_names_what_differs)
{
	struct err e = {0};
	struct call c = one(1, "USD", 0);
	struct book *b = book_parse(STR("{\"gpt-x\":{\"litellm_provider\":\"openai\",\"mode\":\"chat\","
					"\"input_cost_per_token\":0.000002,\"output_cost_per_token\":0.000008}}"), "test.json", &e);
	struct explanation x;
	struct report_query q = any();
	struct arena a;
	struct ledger *l;
	char id[CALL_ID_TEXT];
	if (!b) {
		printf("  cannot read the book: %s\n", e.what);
		T_TRUE(false);
		return;
	}
	memset(c.usage.tok, 0, sizeof c.usage.tok);
	c.model_asked = c.model_answered = intern(STR("gpt-x"));
	c.usage.tok[CLASS_IN_PLAIN] = 1000;
	c.usage.tok[CLASS_OUT_TEXT] = 10;
	c.usage.vendor_total_tok = 1010;
	c.cost_pico = INT64_C(2080000000); /* 1000 x 2e-6 + 10 x 8e-6 */
	l = ledger_with(&c, 1);
	arena_init(&a, 1 << 26);
	OK(explain_find(&x, l, b, str_of(call_id_text(c.id, id)), &q, &a, &e));
	T_TRUE(str_eqc(x.value, "0.00208"));
	T_TRUE(str_eqc(x.formula, "1000 x 0.000002 + 10 x 0.000008"));
	T_EQ_I(x.note.n, 0);
	OK(explain_find(&x, l, b, STR("inference"), &q, &a, &e));
	T_TRUE(str_eqc(x.value, "0.00208"));
	T_EQ_I(explain_find(&x, l, b, STR("2025-13.inference"), &q, &a, &e), -RR_INPUT);
	T_EQ_I(explain_find(&x, l, b, STR("nonsense"), &q, &a, &e), -RR_NOTFOUND);
	T_TRUE(e.hint[0] != 0);
	help_done(l);
	c.cost_pico++;
	l = ledger_with(&c, 1);
	OK(explain_find(&x, l, b, str_of(call_id_text(c.id, id)), &q, &a, &e));
	T_TRUE(str_contains(x.note, STR("0.00208")));
	ledger_close(l);
	arena_fini(&a);
	book_free(b);
	help_clean();
}

int main(int argc, char **argv)
{
	log_init(LOG_OFF, false);
	return t_run(argc, argv);
}
