/* SPDX-License-Identifier: Apache-2.0
 *
 * See cmd_query.h.
 */
#include "cmd/cmd_query.h"

#include <stdio.h>

#include "cmd/cmd.h"
#include "base/fs.h"
#include "gate/config.h"
#include "report/shares.h"

const char cmd_rate_help[] = "a dated rate, as USD/GBP=0.7692@2026-10-01; may be given several times";

int cmd_when(const char *flag, const char *text, const struct tz *tz, bool end, int64_t *us, struct err *e)
{
	struct str s = str_of(text);
	char day[16];
	int64_t local, from, to;
	bool month = s.n == 7 && s.p[4] == '-', date = s.n == 10 && s.p[4] == '-' && s.p[7] == '-';
	if (!month && !date && time_parse(s, us) == 0)
		return 0;
	snprintf(day, sizeof day, "%.10s%s", text, month ? "-01" : "");
	if ((!month && !date) || time_parse(str_of(day), &local)) {
		err_set(e, RR_USAGE, "%s cannot read the time %.60s", flag, text);
		return err_hint(e, "write 2026-08-01, 2026-08 or 2026-08-01T10:00:00Z");
	}
	*us = tz_instant_us(tz, local);
	if (end) {
		window_bounds(month ? WINDOW_MONTH : WINDOW_DAY, tz, *us, &from, &to);
		*us = to;
	}
	return 0;
}

static bool named_period(struct str s, const struct tz *tz, int64_t now_us, int64_t *from, int64_t *to)
{
	static const struct {
		const char *name;
		enum window window;
		bool last;
	} names[] = {
		{"today", WINDOW_DAY, false},
		{"yesterday", WINDOW_DAY, true},
		{"this-week", WINDOW_WEEK, false},
		{"last-week", WINDOW_WEEK, true},
		{"this-month", WINDOW_MONTH, false},
		{"last-month", WINDOW_MONTH, true},
		{"this-quarter", WINDOW_QUARTER, false},
		{"last-quarter", WINDOW_QUARTER, true},
		{"this-year", WINDOW_YEAR, false},
		{"last-year", WINDOW_YEAR, true},
	};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eqc(s, names[i].name)) {
			window_bounds(names[i].window, tz, now_us, from, to);
			if (names[i].last)
				window_bounds(names[i].window, tz, *from - 1, from, to);
			return true;
		}
	return false;
}

static bool year_or_week(struct str s, const struct tz *tz, int64_t *from, int64_t *to)
{
	uint64_t year, week;
	if (s.n == 4 && str_u64(s, &year) == 0) {
		window_bounds(WINDOW_YEAR, tz, tz_instant_us(tz, days_from_civil((int64_t)year, 1, 1) * US_PER_DAY),
			      from, to);
		return true;
	}
	if (s.n != 8 || s.p[4] != '-' || (s.p[5] != 'W' && s.p[5] != 'w') || str_u64(str_sub(s, 0, 4), &year) ||
	    str_u64(str_sub(s, 6, 8), &week) || week < 1 || week > 53)
		return false;
	/* ISO 8601: week 1 is the one with 4 January in it */
	window_bounds(WINDOW_WEEK, tz,
		      tz_instant_us(tz, (days_from_civil((int64_t)year, 1, 4) + 7 * ((int64_t)week - 1)) * US_PER_DAY),
		      from, to);
	return true;
}

int cmd_period(const char *text, const struct tz *tz, int64_t now_us, int64_t *from_us, int64_t *to_us, struct err *e)
{
	struct str s = str_of(text), last = {NULL, 0};
	char a[64], b[64];
	int64_t unused;
	int rc;
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '.' && s.p[i + 1] == '.') {
			last = str_sub(s, i + 2, s.n);
			s = str_sub(s, 0, i);
			break;
		}
	if (!last.p && (named_period(s, tz, now_us, from_us, to_us) || year_or_week(s, tz, from_us, to_us)))
		return 0;
	if (s.n >= sizeof a || last.n >= sizeof b || (last.p && !last.n))
		return err_set(e, RR_USAGE, "cannot read the period %.60s", text);
	str_copy(a, sizeof a, s);
	str_copy(b, sizeof b, last.p ? last : s);
	rc = cmd_when("a period", a, tz, false, from_us, e);
	if (!rc && !last.p && s.n != 7 && s.n != 10)
		rc = err_set(e, RR_USAGE, "%.60s is a moment, not a period", text);
	if (!rc)
		rc = cmd_when("a period", b, tz, true, to_us, e);
	if (rc)
		return err_hint(
			e, "2026-10, 2026-10-05, 2026-W41, 2026-10-01..2026-10-15, last-week, this-month, yesterday");
	unused = *to_us - *from_us;
	return unused > 0 ? 0 : err_set(e, RR_USAGE, "the period %.60s ends before it begins", text);
}

char *cmd_span(const struct tz *tz, int64_t from_us, int64_t to_us, char *out, size_t size)
{
	static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	int64_t at[2] = {from_us, to_us - 1}, year[2];
	unsigned month[2], day[2];
	for (unsigned i = 0; i < 2; i++) {
		int64_t local = at[i] + (int64_t)tz_offset_s(tz, at[i]) * US_PER_S;
		civil_from_days(local / US_PER_DAY - (local % US_PER_DAY < 0), &year[i], &month[i], &day[i]);
	}
	if (year[0] != year[1])
		snprintf(out, size, "%u %s %d - %u %s %d", day[0], names[month[0] - 1], (int)year[0], day[1],
			 names[month[1] - 1], (int)year[1]);
	else if (month[0] != month[1])
		snprintf(out, size, "%u %s - %u %s %d", day[0], names[month[0] - 1], day[1], names[month[1] - 1],
			 (int)year[1]);
	else if (day[0] != day[1])
		snprintf(out, size, "%u-%u %s %d", day[0], day[1], names[month[1] - 1], (int)year[1]);
	else
		snprintf(out, size, "%u %s %d", day[1], names[month[1] - 1], (int)year[1]);
	return out;
}

/* "USD/GBP=0.7692@2026-10-01"; without a date it holds for all time. */
static int rate_of(const char *text, struct fx_rate *r, struct err *e)
{
	struct str rest = str_of(text), pair = str_cut(&rest, '='), from = str_cut(&pair, '/'),
		   number = str_cut(&rest, '@');
	bool exact = true;
	*r = (struct fx_rate){.from_us = INT64_MIN};
	if (!pair.p || !number.p || currency_parse(from, &r->from) || currency_parse(pair, &r->to) ||
	    money_parse(number, &r->rate_pico, &exact) || !exact || r->rate_pico <= 0 ||
	    (rest.p && time_parse(rest, &r->from_us))) {
		err_set(e, RR_USAGE, "--rate cannot read %.80s", text);
		return err_hint(e, "write --rate USD/GBP=0.7692@2026-10-01: one USD is 0.7692 GBP from that day on");
	}
	return 0;
}

/* Currency and rates of the configuration, and those of the command line behind them (equal dates: the last wins). */
static int use_rates(const struct query_flags *g, struct report_query *q, struct arena *a, struct err *e)
{
	struct gate_config *c = arena_new(a, struct gate_config);
	struct fx_rate *rates;
	struct sb errors;
	sb_init(&errors, 1 << 16);
	if (!c || gate_config_look(globals.config, a, c, &errors)) {
		fputs(errors.p ? errors.p : "", stderr);
		err_set(e, RR_CONFIG, "the configuration is wrong");
		err_hint(e, "correct what is named above, or leave the file out by --config /dev/null");
		sb_fini(&errors);
		return -RR_CONFIG;
	}
	sb_fini(&errors);
	if (!q->currency.code[0])
		q->currency = c->report_currency;
	rates = arena_array(a, struct fx_rate, c->rate_count + g->rates.count + 1);
	if (!rates)
		return err_set(e, RR_NOMEM, "out of memory");
	for (unsigned i = 0; i < c->rate_count; i++)
		rates[i] = (struct fx_rate){c->rates[i].from, c->rates[i].to, c->rates[i].rate_pico,
						c->rates[i].from_us};
	for (unsigned i = 0; i < g->rates.count; i++)
		if (rate_of(g->rates.item[i], &rates[c->rate_count + i], e))
			return -RR_USAGE;
	q->rates = rates;
	q->rate_count = c->rate_count + g->rates.count;
	return 0;
}

int cmd_query(const struct query_flags *g, struct report_query *q, struct arena *a, struct err *e)
{
	*q = (struct report_query){.from_us = INT64_MIN, .to_us = INT64_MAX, .env = g->env, .now_us = cmd_now_us()};
	q->tz = tz_get(globals.tz ? globals.tz : "UTC", e);
	if (!q->tz)
		return -RR_USAGE;
	if (g->by && report_by_parse(str_of(g->by), &q->by)) {
		err_set(e, RR_USAGE, "--by %s is not known", g->by);
		return err_hint(e, "one of %s", report_by_all);
	}
	if (g->basis && strcmp(g->basis, "cash") != 0 && strcmp(g->basis, "amortised") != 0)
		return err_set(e, RR_USAGE, "--basis is cash or amortised, not %s", g->basis);
	q->basis = g->basis && strcmp(g->basis, "amortised") == 0 ? BASIS_AMORTISED : BASIS_CASH;
	if (globals.currency && currency_parse(str_of(globals.currency), &q->currency))
		return err_set(e, RR_USAGE, "%s is no currency code", globals.currency);
	if ((g->since && cmd_when("--since", g->since, q->tz, false, &q->from_us, e)) ||
	    (g->until && cmd_when("--until", g->until, q->tz, true, &q->to_us, e)))
		return -RR_USAGE;
	if (q->from_us >= q->to_us)
		return err_set(e, RR_USAGE, "--since lies behind --until");
	if (g->shares || q->by == BY_TEAM) {
		struct shares *shares = NULL;
		char path[4096];
		fs_config_path("shares.yaml", path, sizeof path);
		if ((g->shares || fs_exists(path)) && shares_load(g->shares ? g->shares : path, a, &shares, e))
			return e->code ? -e->code : -RR_CONFIG;
		q->shares = shares;
		if (g->shares && q->by != BY_TEAM)
			return err_set(e, RR_USAGE, "--shares shares costs between teams: report --by team");
	}
	return use_rates(g, q, a, e);
}
