/* SPDX-License-Identifier: Apache-2.0
 *
 * The comparison as text, JSON and CSV.
 */
#include <stdio.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/num.h"
#include "base/table.h"
#include "report/diff.h"
#include "report/first.h"

enum { LINES_SHOWN = 20, WIDTH = 78 };

static void signed_money(struct currency c, money_wide pico, unsigned decimals, char out[MONEY_SYMBOL + 1])
{
	out[0] = '+';
	money_symbol(c, pico, decimals, out + (pico >= 0));
}

static void plain_signed(money_wide pico, unsigned decimals, char out[MONEY_TEXT + 1])
{
	out[0] = '+';
	money_human(pico, decimals, out + (pico > 0));
}

/* Share of the input that came from a cache, in whole percent; -1 without input. */
static int hits(const struct diff_side *s)
{
	return s->input_tok ? (int)((double)s->cached_tok * 100 / (double)s->input_tok + 0.5) : -1;
}

static void local_date(const struct tz *tz, int64_t us, char out[TIME_TEXT])
{
	time_date(us + (int64_t)tz_offset_s(tz, us) * US_PER_S, out);
}

static void head(const struct diff *d, unsigned decimals, struct sb *out)
{
	char day[4][TIME_TEXT], a[MONEY_SYMBOL], b[MONEY_SYMBOL], c[MONEY_SYMBOL + 1];
	money_wide old = d->all.before.cost_pico, new = d->all.after.cost_pico;
	for (unsigned i = 0; i < 2; i++) {
		local_date(d->tz, d->from_us[i], day[2 * i]);
		local_date(d->tz, d->to_us[i] - 1, day[2 * i + 1]);
	}
	signed_money(d->currency, new - old, decimals, c);
	sb_addf(out, "%s to %s  ->  %s to %s\n", day[0], day[1], day[2], day[3]);
	sb_addf(out, "%s -> %s   %s", money_symbol(d->currency, old, decimals, a),
		money_symbol(d->currency, new, decimals, b), c);
	if (old > 0)
		sb_addf(out, "   %+.1f %%", (double)(new - old) * 100 / (double)old);
	sb_adds(out, "\n\n");
}

static void pair(struct sb *out, uint64_t a, uint64_t b)
{
	char x[32], y[32], text[80];
	snprintf(text, sizeof text, "%s -> %s", num_group(a, x), num_group(b, y));
	sb_addf(out, "%20s", text);
}

static void line(const struct diff *d, const struct diff_line *l, const char *name, unsigned decimals, struct sb *out)
{
	char text[80], money[MONEY_TEXT + 1];
	int before = hits(&l->before), after = hits(&l->after);
	snprintf(text, sizeof text, "%.*s", 18, name);
	sb_addf(out, "%-19s", text);
	pair(out, l->before.calls, l->after.calls);
	sb_addf(out, "%12s", money_human(l->before.cost_pico, decimals, money));
	sb_addf(out, "%10s", money_human(l->after.cost_pico, decimals, money));
	plain_signed(l->after.cost_pico - l->before.cost_pico, decimals, money);
	sb_addf(out, "%10s", money);
	if (before >= 0 && after >= 0)
		sb_addf(out, " %d->%d %%", before, after);
	sb_addc(out, '\n');
	(void)d;
}

static void why(const struct diff *d, unsigned decimals, struct sb *out)
{
	char text[128], money[MONEY_TEXT + 1];
	size_t column = 0;
	bool used[EFFECTS] = {false};
	sb_adds(out, "\nWhy   ");
	for (unsigned n = 0; n < EFFECTS; n++) {
		int best = -1;
		money_wide most = -1;
		for (int i = 0; i < EFFECTS; i++) {
			money_wide v = d->all.effect[i] < 0 ? -d->all.effect[i] : d->all.effect[i];
			if (!used[i] && v > most) {
				most = v;
				best = i;
			}
		}
		used[best] = true;
		plain_signed(d->all.effect[best], decimals, money);
		snprintf(text, sizeof text, "%s %s", diff_effect_words[best], money);
		if (column + strlen(text) + 3 > WIDTH - 6) {
			sb_adds(out, "\n      ");
			column = 0;
		}
		sb_addf(out, "%s%s", column ? " | " : "", text);
		column += strlen(text) + 3;
	}
	plain_signed(d->all.after.cost_pico - d->all.before.cost_pico, decimals, money);
	sb_addf(out, "\n      sum %s, exactly\n", money);
}

/* What the dearest cause is, in words that hold for that line alone. */
static void cause(const struct diff *d, const struct diff_line *l, struct sb *out)
{
	char a[32], b[32];
	struct str name = l->key.n ? str_sub(l->key, 0, l->key.n < 60 ? l->key.n : 60) : STR("calls that name none");
	bool was = l->before.calls || l->before.cost_pico, is = l->after.calls || l->after.cost_pico;
	if ((!was || !is) && !d->left_out.count)
		sb_addf(out, "%.*s, which %s", STR_ARG(name), was ? "is no longer there" : "was not there before");
	else if (d->main_effect == EFFECT_VOLUME && l->before.calls && l->after.calls)
		sb_addf(out, "the requests of %.*s,\nfrom %s to %s", STR_ARG(name), num_group(l->before.calls, a),
			num_group(l->after.calls, b));
	else if (d->main_effect == EFFECT_VOLUME ||
		 (d->main_effect == EFFECT_PRICE && !l->before.calls && !l->after.calls))
		sb_addf(out, "what %.*s costs", STR_ARG(name));
	else if (d->main_effect == EFFECT_MIX && d->by == BY_MODEL)
		sb_addf(out, "the mix of tiers of %.*s", STR_ARG(name));
	else
		sb_addf(out, "the %s of %.*s", diff_effect_words[d->main_effect], STR_ARG(name));
	if (was && is && d->main_effect == EFFECT_CACHE && hits(&l->before) != hits(&l->after))
		sb_addf(out, ",\nfrom %d to %d %%", hits(&l->before), hits(&l->after));
}

static void sentence(const struct diff *d, struct sb *out)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	money_wide change = d->all.after.cost_pico - d->all.before.cost_pico, rest = change - d->main_pico;
	char a[MONEY_SYMBOL + 1], b[MONEY_SYMBOL + 1];
	struct str rest_of;
	struct sb said;
	double share;
	if (!d->all.before.calls && !d->all.after.calls && change != 0)
		sb_adds(out, "\nThese rows count no requests, so that more use stands under \"the rest\".\n");
	if (d->main_line < 0)
		return;
	sb_init(&said, 4096);
	share = (double)d->main_pico / (double)change;
	signed_money(d->currency, d->main_pico, money_decimals(d->main_pico), a);
	signed_money(d->currency, rest, money_decimals(d->main_pico), b); /* the smaller one, where it is said */
	if (share <= 1)
		sb_addf(&said, "\n%.0f %% of the %s is one thing: ", share * 100, change > 0 ? "rise" : "fall");
	else /* others went the other way */
		sb_addf(&said, "\nOne thing alone is %s: ", a);
	cause(d, &d->lines[d->main_line], &said);
	if (d->since_us) {
		int64_t local = d->since_us + (int64_t)tz_offset_s(d->tz, d->since_us) * US_PER_S;
		int64_t day = local / US_PER_DAY;
		char text[TIME_TEXT];
		time_text(local, text);
		sb_addf(&said, " since %s %.10s %.5s", days[(day + 3) % 7], text, text + 11);
	}
	sb_adds(&said, ".\n");
	if (share > 1)
		sb_addf(&said, "All else together is %s.\n", b);
	rest_of = sb_str(&said);
	while (rest_of.n) { /* names may be long */
		text_wrap(str_cut(&rest_of, '\n'), 0, 0, 80, out);
		sb_addc(out, '\n');
	}
	sb_fini(&said);
}

void diff_text(const struct diff *d, struct sb *out)
{
	money_wide most =
		d->all.after.cost_pico > d->all.before.cost_pico ? d->all.after.cost_pico : d->all.before.cost_pico;
	unsigned decimals = money_decimals(most);
	char n[32];
	head(d, decimals, out);
	sb_addf(out, "%-19s%20s%12s%10s%10s %s\n", report_by_name(d->by), "requests", "cost before", "after", "change",
		"cache");
	for (unsigned i = 0; i < d->count && i < LINES_SHOWN; i++) {
		char name[64];
		str_copy(name, sizeof name, d->lines[i].key.n ? d->lines[i].key : STR("(none)"));
		line(d, &d->lines[i], name, decimals, out);
	}
	if (d->count > LINES_SHOWN)
		sb_addf(out, "... and %u more: --json or --csv has all\n", d->count - LINES_SHOWN);
	why(d, decimals, out);
	sentence(d, out);
	if (d->paid_once)
		sb_adds(out, "\nWhat was paid once in these periods is in no figure here: runrate report.\n");
	if (d->unpriced[0] || d->unpriced[1])
		sb_addf(out, "\nNot priced, in no figure here: %s requests before", num_group(d->unpriced[0], n)),
			sb_addf(out, ", %s after.\n", num_group(d->unpriced[1], n));
	left_out_text(&d->left_out, out);
	if (d->split_calls < d->cells_calls)
		sb_addf(out,
			"Prompts, answers and cache are told apart for %.0f %% of the requests: the rest stood in one "
			"period\n"
			"only, or the price book does not know the model.\n",
			(double)d->split_calls * 100 / (double)(d->cells_calls ? d->cells_calls : 1));
}

/* ---- JSON ---- */

static void side(struct json_out *w, const char *key, const struct diff_side *s)
{
	jw_key(w, key);
	jw_object(w);
	jw_kmoney(w, "cost", s->cost_pico);
	jw_ku64(w, "calls", s->calls);
	jw_ku64(w, "input_tokens", s->input_tok);
	jw_ku64(w, "output_tokens", s->output_tok);
	jw_key(w, "cache_hit_rate");
	if (s->input_tok)
		jw_double(w, (double)s->cached_tok / (double)s->input_tok);
	else
		jw_null(w);
	jw_end_object(w);
}

static void line_json(struct json_out *w, const struct diff_line *l)
{
	side(w, "before", &l->before);
	side(w, "after", &l->after);
	jw_kmoney(w, "change", l->after.cost_pico - l->before.cost_pico);
	jw_key(w, "variance");
	jw_object(w);
	for (unsigned i = 0; i < EFFECTS; i++)
		jw_kmoney(w, diff_effect_names[i], l->effect[i]);
	jw_end_object(w);
}

void diff_json(const struct diff *d, struct sb *out)
{
	struct json_out w;
	struct sb say;
	char t[TIME_TEXT];
	jw_init(&w, out);
	jw_object(&w);
	jw_key(&w, "periods");
	jw_array(&w);
	for (unsigned i = 0; i < 2; i++) {
		jw_object(&w);
		jw_kcstr(&w, "from", time_text(d->from_us[i], t));
		jw_kcstr(&w, "to", time_text(d->to_us[i], t));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kcstr(&w, "by", report_by_name(d->by));
	jw_kcstr(&w, "currency", d->currency.code);
	line_json(&w, &d->all);
	jw_key(&w, "order");
	jw_array(&w);
	for (unsigned i = 0; i < EFFECTS; i++)
		jw_cstr(&w, diff_effect_names[i]);
	jw_end_array(&w);
	jw_kcstr(&w, "rounding",
		 "each intermediate bill of a cell (line, provider, model, tier) is rounded once to 1e-12, half to "
		 "even; effects are differences of neighbours and sum exactly");
	jw_kdouble(&w, "split_share", d->cells_calls ? (double)d->split_calls / (double)d->cells_calls : 0);
	jw_key(&w, "lines");
	jw_array(&w);
	for (unsigned i = 0; i < d->count; i++) {
		jw_object(&w);
		jw_kstr(&w, "key", d->lines[i].key);
		line_json(&w, &d->lines[i]);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	sb_init(&say, 4096);
	sentence(d, &say);
	for (size_t i = 0; i < say.n; i++)
		if (say.p[i] == '\n')
			say.p[i] = ' ';
	jw_kstr(&w, "sentence", str_trim(sb_str(&say)));
	sb_fini(&say);
	jw_kcstr(&w, "since", d->since_us ? time_text(d->since_us, t) : NULL);
	jw_key(&w, "unpriced");
	jw_object(&w);
	jw_ku64(&w, "before", d->unpriced[0]);
	jw_ku64(&w, "after", d->unpriced[1]);
	jw_end_object(&w);
	jw_kbool(&w, "paid_once", d->paid_once);
	left_out_json(&d->left_out, &w);
	jw_ku64(&w, "other_currency_calls", d->other_currency[0] + d->other_currency[1]);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

static void number(struct sb *out, uint64_t v)
{
	sb_addc(out, ',');
	sb_add_u64(out, v);
}

static void money(struct sb *out, money_wide v)
{
	char text[MONEY_TEXT];
	sb_addc(out, ',');
	csv_write_number(out, str_of(money_text(v, text)));
}

void diff_csv(const struct diff *d, struct sb *out)
{
	sb_addf(out, "%s,calls_before,calls_after,cost_before,cost_after,change", report_by_name(d->by));
	for (unsigned i = 0; i < EFFECTS; i++)
		sb_addf(out, ",%s", diff_effect_names[i]);
	sb_adds(out, ",currency\r\n");
	for (unsigned i = 0; i < d->count; i++) {
		const struct diff_line *l = &d->lines[i];
		csv_write_text(out, l->key);
		number(out, l->before.calls);
		number(out, l->after.calls);
		money(out, l->before.cost_pico);
		money(out, l->after.cost_pico);
		money(out, l->after.cost_pico - l->before.cost_pico);
		for (unsigned k = 0; k < EFFECTS; k++)
			money(out, l->effect[k]);
		sb_addc(out, ',');
		csv_write_text(out, str_of(d->currency.code));
		sb_adds(out, "\r\n");
	}
}
