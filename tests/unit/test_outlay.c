/* SPDX-License-Identifier: Apache-2.0
 *
 * Capital items: amortisation against values that Python's fractions and datetime gave, and against its own rules
 * (charges of any partition sum to the amount; never falling; nothing after the end).
 */
#include "base/err.h"
#include "base/rng.h"
#include "model/outlay.h"
#include "t.h"

static int64_t at(const char *text)
{
	int64_t us = 0;
	T_EQ_I(time_parse(str_of(text), &us), 0);
	return us;
}

static struct outlay item(const char *date, uint32_t months, int64_t amount)
{
	struct outlay o;
	memset(&o, 0, sizeof o);
	o.date_us = at(date);
	o.life_months = months;
	o.amount_pico = amount;
	o.currency = USD;
	return o;
}

TEST(the_end_is_calendar_months_away)
{
	static const struct {
		const char *date;
		uint32_t months;
		const char *end;
	} cases[] = {
		{"2026-01-31", 1, "2026-02-28T00:00:00Z"},  {"2024-01-31", 1, "2024-02-29T00:00:00Z"},
		{"2026-11-21", 36, "2029-11-21T00:00:00Z"}, {"2026-12-15T10:00:00Z", 1, "2027-01-15T10:00:00Z"},
		{"2024-02-29", 12, "2025-02-28T00:00:00Z"}, {"1969-12-31T23:00:00Z", 2, "1970-02-28T23:00:00Z"},
		{"2026-08-31", 6, "2027-02-28T00:00:00Z"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct outlay o = item(cases[i].date, cases[i].months, 1);
		char text[TIME_TEXT];
		T_EQ_S(time_text(outlay_end_us(&o), text), cases[i].end);
	}
}

TEST(amortised_as_python_fractions_say)
{
	/* tests/unit/outlay_oracle.py made this table: Fraction(amount) * elapsed / life, round() (half to even). */
	static const struct {
		const char *date, *when;
		uint32_t months;
		int64_t amount, used;
	} cases[] = {
#include "outlay_oracle.inc"
	};
	T_TRUE(sizeof cases / sizeof cases[0] >= 40);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct outlay o = item(cases[i].date, cases[i].months, cases[i].amount);
		T_EQ_I(outlay_amortised_pico(&o, at(cases[i].when)), cases[i].used);
	}
}

TEST(an_outlay_without_a_life_is_expensed_on_its_date)
{
	struct outlay o = item("2026-05-01", 0, 500 * PICO_PER_UNIT);
	T_EQ_I(outlay_amortised_pico(&o, at("2026-04-30")), 0);
	T_EQ_I(outlay_amortised_pico(&o, at("2026-05-01")), 500 * PICO_PER_UNIT);
	T_EQ_I(outlay_charge_pico(&o, at("2026-05-01"), at("2026-06-01")), 500 * PICO_PER_UNIT);
	T_EQ_I(outlay_charge_pico(&o, at("2026-04-01"), at("2026-05-01")), 0);
	T_EQ_I(outlay_charge_pico(&o, at("2026-05-02"), at("2026-06-01")), 0);
}

TEST(retirement_ends_the_life_early_and_charges_all)
{
	struct outlay o = item("2026-01-01", 12, 1200 * PICO_PER_UNIT);
	o.retires_us = at("2026-07-02"); /* 182 of 365 days */
	T_EQ_I(outlay_end_us(&o), at("2026-07-02"));
	T_EQ_I(outlay_amortised_pico(&o, at("2026-04-02")), 600 * PICO_PER_UNIT);
	T_EQ_I(outlay_amortised_pico(&o, at("2026-07-02")), 1200 * PICO_PER_UNIT);
	T_EQ_I(outlay_charge_pico(&o, at("2026-07-02"), at("2030-01-01")), 0);
	o.retires_us = at("2025-01-01"); /* before it began */
	T_EQ_I(outlay_charge_pico(&o, at("2026-01-01"), at("2026-01-02")), 1200 * PICO_PER_UNIT);
	o.retires_us = at("2030-01-01"); /* after the life: the life counts */
	T_EQ_I(outlay_end_us(&o), at("2027-01-01"));
}

TEST(any_partition_of_time_sums_to_the_amount)
{
	struct rng r;
	rng_seed(&r, 7);
	for (unsigned round = 0; round < 300; round++) {
		struct outlay o = item("2026-02-28T12:34:56Z", (uint32_t)rng_below(&r, 60), 0);
		int64_t from = at("2025-01-01"), last = at("2033-01-01"), sum = 0, before = 0;
		o.amount_pico = (int64_t)(rng_u64(&r) >> 2) * (rng_below(&r, 4) ? 1 : -1);
		while (from < last) {
			int64_t days = (int64_t)rng_below(&r, 200) * US_PER_DAY;
			int64_t to = from + 1 + days + (int64_t)rng_below(&r, 1000000);
			int64_t used = outlay_amortised_pico(&o, to);
			sum += outlay_charge_pico(&o, from, to);
			T_TRUE(o.amount_pico >= 0 ? used >= before : used <= before);
			before = used;
			from = to;
		}
		T_TRUE(sum == o.amount_pico);
	}
}

TEST(the_largest_amount_and_life_do_not_overflow)
{
	struct outlay o = item("2026-01-01", UINT32_MAX, INT64_MAX);
	int64_t half = o.date_us + (outlay_end_us(&o) - o.date_us) / 2;
	T_NEAR(outlay_amortised_pico(&o, half), (double)INT64_MAX / 2, 1e-9);
	T_EQ_I(outlay_amortised_pico(&o, INT64_MAX), INT64_MAX);
}

TEST(kinds_have_names)
{
	for (unsigned k = 0; k < OUTLAY_KIND_COUNT; k++) {
		enum outlay_kind back;
		T_EQ_I(outlay_kind_parse(str_of(outlay_kind_name((enum outlay_kind)k)), &back), 0);
		T_EQ_I(back, k);
	}
	enum outlay_kind none;
	T_EQ_I(outlay_kind_parse(STR("yacht"), &none), -RR_NOTFOUND);
}

T_MAIN
