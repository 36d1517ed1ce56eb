/* SPDX-License-Identifier: Apache-2.0
 *
 * See report_file.h: the chart, the page, and which prices stand behind a report.
 */
#include "report/report_file.h"

#include <math.h>
#include <stdio.h>

#include "base/num.h"
#include "report/first.h"
#include "report/forecast.h"
#include "report/svg.h"

enum { POINTS_MOST = 4000 };

static double units(money_wide pico)
{
	return (double)pico / (double)PICO_PER_UNIT;
}

/* Bars as steps: each day from its begin to its end. The training book stands apart: it is paid once. */
void report_svg(const struct report *days, struct sb *out)
{
	unsigned n = days->inference.count < POINTS_MOST ? days->inference.count : POINTS_MOST;
	double *x = arena_array(days->arena, double, n + 2), *y = arena_array(days->arena, double, n + 2);
	char title[128], desc[256], most_text[MONEY_SYMBOL], unit[16];
	struct svg_chart c = {.x_name = days->query.by == BY_MONTH ? "month of the period" : "day of the period",
			      .y_name = unit};
	money_wide most = 0;
	struct str most_key = STR("-");
	if (!x || !y || !n)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct report_line *l = &days->inference.lines[i];
		x[i] = i + 1;
		y[i] = units(l->cost_pico);
		if (l->cost_pico > most) {
			most = l->cost_pico;
			most_key = l->key;
		}
	}
	x[n] = n + 1;
	y[n] = y[n - 1];
	snprintf(unit, sizeof unit, "%s", days->currency.code);
	snprintf(title, sizeof title, "Inference by %s, %.*s to %.*s", report_by_name(days->query.by),
		 STR_ARG(days->inference.lines[0].key), STR_ARG(days->inference.lines[n - 1].key));
	snprintf(desc, sizeof desc,
		 "Cost of inference over %u %ss. The dearest is %.*s with %s. The table under the chart has every "
		 "figure.",
		 n, report_by_name(days->query.by), STR_ARG(most_key),
		 money_symbol(days->currency, most, money_decimals(most), most_text));
	c.title = title;
	c.desc = desc;
	svg_add(&c, SVG_STEP, "inference", x, y, NULL, n + 1);
	svg_write(&c, out);
}

/* ---- the month under way ---- */

struct month_days {
	unsigned gone, days; /* whole days behind us, and all up to the month's end */
	double x[FORECAST_DAYS + 1], came[FORECAST_DAYS + 1], likely[FORECAST_DAYS + 1], low[FORECAST_DAYS + 1],
		high[FORECAST_DAYS + 1];
};

/* Sums since the month began, at the end of day i; 0 is its begin. What is ahead begins where what came ends. */
static struct month_days *month_days(const struct report *r)
{
	const struct forecast *f = r->forecast;
	struct month_days *m = f && f->days ? arena_new(r->arena, struct month_days) : NULL;
	unsigned past;
	if (!m)
		return NULL;
	m->gone = (unsigned)llround((double)(f->day_us[0] - f->month[0].from_us) / (double)US_PER_DAY);
	if (m->gone >= FORECAST_DAYS)
		return NULL;
	past = f->history + f->gap;
	for (unsigned i = 0; i < m->gone; i++)
		m->came[i + 1] = m->came[i] + (past + i >= m->gone ? f->known[past + i - m->gone] : 0);
	m->likely[m->gone] = m->low[m->gone] = m->high[m->gone] = m->came[m->gone];
	m->days = m->gone;
	for (unsigned h = 0; h < f->days && f->day_us[h] < f->month[0].to_us && m->days < FORECAST_DAYS; h++) {
		m->days++;
		m->likely[m->days] = f->month[0].so_far + f->sum[h].p50;
		m->low[m->days] = f->month[0].so_far + f->sum[h].p10;
		m->high[m->days] = f->month[0].so_far + f->sum[h].p90;
	}
	for (unsigned i = 0; i <= m->days; i++)
		m->x[i] = i;
	return m;
}

void report_ahead_svg(const struct report *r, struct sb *out)
{
	const struct forecast *f = r->forecast;
	struct month_days *m = month_days(r);
	char title[96], desc[400], from[TIME_TEXT];
	struct svg_chart c = {
		.x_name = "day of the month", .y_name = f ? f->currency.code : "", .title = title, .desc = desc};
	struct sb words;
	if (!m || !f)
		return;
	sb_init(&words, 4096);
	report_outlook(r, &words);
	time_date(f->month[0].from_us + (int64_t)tz_offset_s(f->tz, f->month[0].from_us) * US_PER_S, from);
	snprintf(title, sizeof title, "Inference in the month under way, from %s", from);
	snprintf(desc, sizeof desc, "What came in %u whole days, and what is likely to the end of the month, with a band of 80 %%. %.*s. "
		 "The table under the chart has every figure.", m->gone, STR_ARG(str_sub(sb_str(&words), 0, strcspn(words.p, "\n"))));
	sb_fini(&words);
	svg_add(&c, SVG_BAND, "80 %", m->x + m->gone, m->low + m->gone, m->high + m->gone, m->days - m->gone + 1);
	svg_add(&c, SVG_LINE, "came", m->x, m->came, NULL, m->gone + 1);
	svg_add(&c, SVG_LINE, "likely", m->x + m->gone, m->likely + m->gone, NULL, m->days - m->gone + 1);
	if (f->has_budget)
		svg_mark(&c, NAN, f->budget, "budget");
	svg_write(&c, out);
}

unsigned report_prices(const struct report *models, const struct book *b, struct report_price out[REPORT_PRICES])
{
	unsigned n = 0;
	for (unsigned i = 0; i < models->inference.count && b; i++) {
		struct str name = models->inference.lines[i].key;
		size_t model = book_find(b, STR(""), name), first, count;
		if (model == SIZE_MAX)
			continue;
		count = book_model_rules(b, model, &first);
		for (size_t k = first; k < first + count && n < REPORT_PRICES; k++) {
			const struct price_rule *r = book_rule(b, k);
			if ((r->tier == TIER_UNKNOWN || r->any_tier) && !r->above_input_tok && !r->fast &&
			    !r->region.n && r->valid_from_us <= models->query.to_us &&
			    models->query.to_us <= r->valid_to_us && r->meter < METER_TOOL_0)
				out[n++] = (struct report_price){name, r};
		}
	}
	return n;
}

/* ---- the page ---- */

static void text(struct sb *out, struct str s)
{
	struct sb clean;
	sb_init(&clean, s.n * 3 + 16);
	sb_add_utf8(&clean, s);
	for (size_t i = 0; i < clean.n; i++) {
		char c = clean.p[i];
		if (c == '<')
			sb_adds(out, "&lt;");
		else if (c == '>')
			sb_adds(out, "&gt;");
		else if (c == '&')
			sb_adds(out, "&amp;");
		else if (c == '"')
			sb_adds(out, "&quot;");
		else if ((unsigned char)c >= 0x20)
			sb_addc(out, c);
	}
	sb_fini(&clean);
}

static void money_td(struct sb *out, struct currency c, money_wide pico, unsigned decimals)
{
	char t[MONEY_SYMBOL];
	sb_addf(out, "<td class=n>%s</td>", pico ? money_symbol(c, pico, decimals, t) : "&ndash;");
}

static void page_head(struct sb *out)
{
	sb_adds(out,
		"<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport "
		"content=\"width=device-width,initial-scale=1\">"
		"<title>What AI cost</title>\n<style>\n"
		":root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--line:#ccc;--soft:#f4f4f4}\n"
		"@media(prefers-color-scheme:dark){:root{--ink:#ececec;--paper:#161616;--line:#555;--soft:#242424}}\n"
		"body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 "
		"auto;max-width:60rem;padding:1rem}\n"
		".books{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:1rem}\n"
		".book{border:1px solid var(--line);border-radius:.5rem;padding:1rem}.book "
		"p{margin:0}.sum{font-size:1.8rem}\n"
		".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{padding:.25rem "
		".5rem;border-bottom:1px solid var(--line);"
		"text-align:left}.n{text-align:right;font-variant-numeric:tabular-nums}caption{text-align:left;font-"
		"weight:600;padding:.5rem 0}\n"
		"svg{max-width:100%;height:auto;background:#fff;border-radius:.5rem}summary{cursor:pointer}\n"
		"@media "
		"print{body{max-width:none;color:#000;background:#fff}details{display:block}.book{break-inside:avoid}}"
		"\n"
		"</style></head><body>\n");
}

static void book_box(const struct report *r, const char *title, const char *how, money_wide total, struct sb *out)
{
	char t[MONEY_SYMBOL];
	sb_addf(out, "<section class=book><h2>%s</h2><p>%s</p><p class=sum>", title, how);
	if (r->currency.code[0] || r->currencies == 0)
		text(out, str_of(money_symbol(r->currency, total, money_decimals(total), t)));
	else
		sb_adds(out, "several currencies");
	sb_adds(out, "</p></section>\n");
}

static void lines_table(const struct report *r, const struct report_part *p, const char *caption, bool tokens,
			struct sb *out)
{
	char n[32];
	if (!p->count)
		return;
	sb_addf(out,
		"<div class=scroll tabindex=0 role=region aria-label=\"%s\"><table><caption>%s</caption><thead><tr><th "
		"scope=col>%s</th>",
		caption, caption, report_by_name(r->query.by));
	sb_adds(out, tokens ? "<th scope=col class=n>calls</th><th scope=col class=n>M tokens</th>" : "");
	sb_adds(out, "<th scope=col class=n>cost</th></tr></thead><tbody>\n");
	for (unsigned i = 0; i < p->count && i < POINTS_MOST; i++) {
		const struct report_line *l = &p->lines[i];
		sb_adds(out, "<tr><th scope=row>");
		text(out, l->key.n ? l->key : STR("(none)"));
		if (l->shared.n) {
			sb_adds(out, ", share of ");
			text(out, l->shared);
		}
		sb_adds(out, "</th>");
		if (tokens)
			sb_addf(out, "<td class=n>%s</td><td class=n>%.3f</td>", num_group(l->calls, n),
				(double)(l->input_tok + l->output_tok) * 1e-6);
		money_td(out, l->currency, l->cost_pico, money_decimals(l->cost_pico));
		sb_adds(out, "</tr>\n");
	}
	sb_adds(out, "</tbody></table></div>\n");
}

static void prices_table(const struct report *r, const struct book *b, struct sb *out)
{
	struct report_price *p = arena_array(r->arena, struct report_price, REPORT_PRICES);
	unsigned n = p && r->query.by == BY_MODEL ? report_prices(r, b, p) : 0;
	char t[MONEY_TEXT];
	if (!n)
		return;
	sb_adds(out, "<details><summary>Prices behind it</summary><div class=scroll tabindex=0 role=region "
		     "aria-label=Prices><table><thead><tr>"
		     "<th scope=col>model</th><th scope=col>meter</th><th scope=col class=n>per million</th><th "
		     "scope=col>source</th>"
		     "<th scope=col>read on</th></tr></thead><tbody>\n");
	for (unsigned i = 0; i < n; i++) {
		sb_adds(out, "<tr><th scope=row>");
		text(out, p[i].model);
		sb_addf(out, "</th><td>%s</td><td class=n>%s %s</td><td>", meter_name(p[i].rule->meter),
			money_text_atto(p[i].rule->price_atto * 1000000, t), p[i].rule->currency.code);
		text(out, p[i].rule->source);
		sb_adds(out, "</td><td>");
		text(out, p[i].rule->source_date);
		sb_adds(out, "</td></tr>\n");
	}
	sb_adds(out, "</tbody></table></div></details>\n");
}

static void notes(const struct report *r, struct sb *out)
{
	char n[MONEY_TEXT], a[MONEY_TEXT];
	if (r->calls || r->input_tok + r->output_tok)
		sb_addf(out, "<p>%s calls, %.3f million tokens a month.</p>\n", num_group(r->calls, n),
			report_tokens_million_per_month(r));
	for (unsigned i = 0; i < r->currencies; i++)
		if (r->by_currency[i].unclassified_pico)
			sb_addf(out,
				"<p><strong>Not classified: %s %s</strong>: neither inference nor training, yet.</p>\n",
				money_human(r->by_currency[i].unclassified_pico, 2, a),
				r->by_currency[i].currency.code);
	if (r->unpriced_calls)
		sb_addf(out, "<p>%s calls have no known price: they are not in the totals, and not free.</p>\n",
			num_group(r->unpriced_calls, n));
	if (r->estimated_calls)
		sb_addf(out, "<p>%s calls are estimated.</p>\n", num_group(r->estimated_calls, n));
	for (unsigned i = 0; i < r->currencies; i++)
		if (!r->by_currency[i].in_headline)
			sb_addf(out,
				"<p>Beside the total: %s %s of inference and %s %s of training, for which no rate was "
				"given.</p>\n",
				money_human(r->by_currency[i].inference_pico, 2, a), r->by_currency[i].currency.code,
				money_human(r->by_currency[i].training_pico, 2, n), r->by_currency[i].currency.code);
}

static void ahead_table(const struct report *r, struct sb *out)
{
	const struct month_days *m = month_days(r);
	if (!m)
		return;
	sb_addf(out, "<details><summary>The figures of the chart</summary><div class=scroll tabindex=0 role=region "
		     "aria-label=\"Month under way\"><table><caption>Month under way, sums from its first day, %s</caption><thead><tr>"
		     "<th scope=col>to the end of day</th><th scope=col class=n>low (10 %%)</th><th scope=col class=n>came, or likely</th>"
		     "<th scope=col class=n>high (90 %%)</th></tr></thead><tbody>\n", r->forecast->currency.code);
	for (unsigned i = 1; i <= m->gone; i++)
		sb_addf(out, "<tr><th scope=row>%u</th><td></td><td class=n>%.2f</td><td></td></tr>\n", i, m->came[i]);
	for (unsigned i = m->gone + 1; i <= m->days; i++)
		sb_addf(out, "<tr><th scope=row>%u, ahead</th><td class=n>%.2f</td><td class=n>%.2f</td><td class=n>%.2f</td></tr>\n", i,
			m->low[i], m->likely[i], m->high[i]);
	sb_adds(out, "</tbody></table></div></details>\n");
}

/* What the terminal says of the month and of the bills, and the chart of it. */
static void outlook(const struct report *r, struct sb *out)
{
	struct sb words;
	struct str rest;
	sb_init(&words, 64 * 1024);
	report_outlook(r, &words);
	rest = sb_str(&words);
	if (rest.n)
		sb_adds(out, "<h2>The month, and the bills</h2>\n");
	while (rest.n) {
		sb_adds(out, "<p>");
		text(out, str_trim(str_cut(&rest, '\n')));
		sb_adds(out, "</p>\n");
	}
	sb_fini(&words);
	report_ahead_svg(r, out);
	ahead_table(r, out);
}

void report_html(const struct report *r, const struct report *days, const struct book *b, struct sb *out)
{
	char from[TIME_TEXT], to[TIME_TEXT];
	page_head(out);
	time_date(r->query.from_us + (int64_t)tz_offset_s(r->query.tz, r->query.from_us) * US_PER_S, from);
	time_date(r->query.to_us - 1 + (int64_t)tz_offset_s(r->query.tz, r->query.to_us - 1) * US_PER_S, to);
	sb_addf(out, "<main><h1>What AI cost</h1><p>%s to %s, ", from, to);
	text(out, r->query.env ? str_of(r->query.env) : STR("production"));
	sb_addf(out, ", %s basis</p>\n", r->query.basis == BASIS_CASH ? "cash" : "amortised");
	if (r->empty)
		sb_adds(out, "<p>Nothing in the ledger for this period.</p>\n");
	sb_adds(out, "<div class=books>\n");
	book_box(r, "Inference", "recurs", r->inference.total_pico, out);
	book_box(r, "Training", "paid once", r->training.total_pico, out);
	sb_adds(out, "</div>\n");
	notes(r, out);
	outlook(r, out);
	lines_table(r, &r->inference, "Inference", true, out);
	lines_table(r, &r->training, "Training", false, out);
	lines_table(r, &r->other, "Neither: tax, credits, seats, support", false, out);
	if (days && days->inference.count) {
		sb_adds(out, "<h2>Over time</h2>\n");
		report_svg(days, out);
		sb_adds(out, "<details><summary>The figures of the chart</summary>\n");
		lines_table(days, &days->inference, "Inference over time", true, out);
		sb_adds(out, "</details>\n");
	}
	prices_table(r, b, out);
	sb_adds(out, "</main></body></html>\n");
}
