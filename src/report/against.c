/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan that was kept (`runrate plan lifetime FILE --json`) beside what came, month by month.
 */
#include <stdio.h>

#include "base/json.h"
#include "report/amounts.h"
#include "report/report.h"

static money_wide number(struct json v)
{
	money_wide pico = 0;
	return v.type == JSON_NUMBER && money_parse_wide(v.text, &pico, NULL) == 0 ? pico : 0;
}

static money_wide came(const struct report_part *p, const char *month)
{
	money_wide sum = 0;
	for (unsigned i = 0; i < p->count; i++)
		if (str_eqc(p->lines[i].key, month))
			sum += p->lines[i].cost_pico;
	return sum;
}

int report_against(struct report *r, const struct report *months, struct str plan, struct err *e)
{
	struct json top, list, row, said;
	struct currency cur = {{0}};
	struct json_iter it;
	struct str key;
	size_t n;
	if (json_parse(plan, &top, NULL) || (n = json_count(list = json_get(top, "months"))) == 0 ||
	    list.type != JSON_ARRAY) {
		err_set(e, RR_INPUT, "that is no kept plan: it has no months");
		return err_hint(e, "keep one with: runrate plan lifetime SCENARIO --json > plan.json");
	}
	r->against = arena_array(r->arena, struct report_against, n);
	if (!r->against)
		return err_set(e, RR_NOMEM, "out of memory for the plan");
	said = json_get(top, "currency");
	if (said.type == JSON_STRING)
		currency_parse(json_raw_string(said), &cur);
	for (json_open(&it, list); json_next(&it, &key, &row);) {
		struct report_against *x = &r->against[r->against_count];
		money_wide *const amount[] = {&x->low_pico, &x->planned_pico, &x->high_pico, &x->training_planned_pico};
		int64_t at, from, to;
		char day[24];
		json_string_copy(json_get(row, "date"), x->month, sizeof x->month);
		snprintf(day, sizeof day, "%s-01", x->month);
		if (time_parse(str_of(day), &at))
			continue;
		/* the zone's month of that name */
		window_bounds(WINDOW_MONTH, r->query.tz, at + 2 * US_PER_DAY, &from, &to);
		if (from >= r->query.to_us || to <= r->query.from_us)
			continue; /* outside the period */
		x->partial = from < r->query.from_us || to > r->query.to_us || to > r->query.now_us;
		x->low_pico = number(json_path(row, "inference.p10"));
		x->planned_pico = number(json_path(row, "inference.p50"));
		x->high_pico = number(json_path(row, "inference.p90"));
		x->training_planned_pico = number(json_path(row, "training.p50"));
		for (unsigned i = 0; i < sizeof amount / sizeof *amount; i++)
			if (cur.code[0] && r->currency.code[0] && *amount[i] &&
			    !rates_convert(r->query.rates, r->query.rate_count, cur, r->currency, from, amount[i])) {
				err_set(e, RR_USAGE, "the plan is in %s and the report in %s", cur.code,
					r->currency.code);
				return err_hint(e, "give a dated rate: --rate %s/%s=R@DATE, or --currency %s", cur.code,
						r->currency.code, cur.code);
			}
		x->came_pico = came(&months->inference, x->month);
		x->training_came_pico = came(&months->training, x->month);
		r->against_count++;
	}
	return 0;
}
