/* SPDX-License-Identifier: Apache-2.0
 *
 * The reconciliation as text, JSON and CSV. Amounts are exact: a residual of a millionth is shown as one. On a page of
 * 80 columns they have as many decimals as fit.
 */
#include <stdio.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/table.h"
#include "report/first.h"
#include "report/reconcile.h"

enum { SHOWN = 40, AMOUNT_COLUMNS = 12 };

static const char *exact(money_wide v, char out[MONEY_TEXT])
{
	return money_text(v, out);
}

static const char *fitting(money_wide v, char out[MONEY_TEXT])
{
	money_wide step = 1;
	while (strlen(money_text(v, out)) > AMOUNT_COLUMNS && step < PICO_PER_UNIT) {
		step *= 10;
		v = money_round(v, step) * step;
	}
	return out;
}

static money_wide said(const struct reconcile *r)
{
	return r->any_billed ? r->billed_pico : r->claimed_pico;
}

static double share(const struct reconcile *r)
{
	money_wide of = said(r);
	return of ? (double)r->residual_pico / (double)of : r->residual_pico ? 1 : 0;
}

void reconcile_text(const struct reconcile *r, struct sb *out)
{
	char a[MONEY_TEXT], b[MONEY_TEXT], c[MONEY_TEXT], day[TIME_TEXT], day2[TIME_TEXT];
	unsigned shown = 0;
	sb_addf(out, "%s to %s   %s   %u rows\n\n", time_date(r->from_us, day), time_date(r->to_us - 1, day2),
		r->currency.code, r->count);
	sb_addf(out, "%-11s%-26s%14s%14s%13s\n", "day", "model", r->any_billed ? "billed" : "claimed", "priced",
		"residual");
	for (unsigned i = 0; i < r->count; i++) {
		const struct reconcile_row *x = &r->rows[i];
		if ((x->agrees && r->off > 0 && r->count > SHOWN) || shown == SHOWN)
			continue; /* long bills show what is off */
		shown++;
		sb_addf(out, "%-11s%-25.*s %14s%14s%13s\n", time_date(x->day * US_PER_DAY, day),
			(int)(x->model.n < 25 ? x->model.n : 25), x->model.n ? x->model.p : "(no model)",
			fitting(x->has_billed ? x->billed_pico : x->claimed_pico, a),
			x->not_usage ? "-" : fitting(x->priced_pico, b), x->not_usage ? "-" : fitting(x->residual_pico, c));
		if (!x->agrees || x->not_usage)
			sb_adds(out, "           "), text_wrap(str_of(x->reason), 11, 11, 80, out), sb_addc(out, '\n');
	}
	if (shown < r->count)
		sb_addf(out, "... %u more rows: --json or --csv has all\n", r->count - shown);
	sb_addf(out, "\n%-37s%14s%14s%13s\n", "TOTAL of what is usage", fitting(said(r), a), fitting(r->priced_pico, b),
		fitting(r->residual_pico, c));
	if (r->not_usage_pico)
		sb_addf(out, "%-37s%14s\n", "and no usage, taken as billed", fitting(r->not_usage_pico, a));
	if (r->other_currency)
		sb_addf(out, "Calls in other currencies, left out for want of a rate: %llu\n",
			(unsigned long long)r->other_currency);
	if (!r->any_usage)
		sb_adds(out, "The ledger has no usage of these days: runrate import USAGE first.\n");
	if (!r->off)
		sb_addf(out, "\nIt reconciles: every row agrees to %s.\n", exact(r->tolerance_pico, a));
	else
		sb_addf(out, "\nIt does not reconcile: %u of %u rows are off, %.4f %% in all.\n", r->off, r->count,
			share(r) * 100);
}

void reconcile_json(const struct reconcile *r, struct sb *out)
{
	struct json_out w;
	char t[TIME_TEXT];
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "currency", r->currency.code);
	jw_key(&w, "rows");
	jw_array(&w);
	for (unsigned i = 0; i < r->count; i++) {
		const struct reconcile_row *x = &r->rows[i];
		jw_object(&w);
		jw_kcstr(&w, "day", time_date(x->day * US_PER_DAY, t));
		jw_kstr(&w, "provider", x->provider);
		jw_kstr(&w, "model", x->model);
		jw_kstr(&w, "project", x->project);
		jw_key(&w, "claimed");
		if (x->has_claimed)
			jw_money(&w, x->claimed_pico);
		else
			jw_null(&w);
		jw_key(&w, "priced");
		if (x->has_usage)
			jw_money(&w, x->priced_pico);
		else
			jw_null(&w);
		jw_key(&w, "billed");
		if (x->has_billed)
			jw_money(&w, x->billed_pico);
		else
			jw_null(&w);
		jw_kmoney(&w, "residual", x->residual_pico);
		jw_kcstr(&w, "reason", x->reason);
		jw_kbool(&w, "agrees", x->agrees);
		jw_ku64(&w, "calls", x->calls);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kmoney(&w, "claimed_total", r->claimed_pico);
	jw_kmoney(&w, "billed_total", r->billed_pico);
	jw_kmoney(&w, "priced_total", r->priced_pico);
	jw_kmoney(&w, "not_usage", r->not_usage_pico);
	jw_kmoney(&w, "residual_total", r->residual_pico);
	jw_kmoney(&w, "residual_absolute", r->absolute_pico);
	jw_kdouble(&w, "residual_share", share(r));
	jw_kmoney(&w, "tolerance", r->tolerance_pico);
	jw_ku64(&w, "rows_off", r->off);
	jw_kbool(&w, "reconciles", r->off == 0);
	jw_kbool(&w, "by_project", r->by_project);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

static void cell(struct sb *out, bool there, money_wide v)
{
	char text[MONEY_TEXT];
	sb_addc(out, ',');
	if (there)
		csv_write_number(out, str_of(money_text(v, text)));
}

void reconcile_csv(const struct reconcile *r, struct sb *out)
{
	char t[TIME_TEXT];
	sb_adds(out, "day,provider,model,project,claimed,priced,billed,residual,currency,reason\r\n");
	for (unsigned i = 0; i < r->count; i++) {
		const struct reconcile_row *x = &r->rows[i];
		sb_addf(out, "%s,", time_date(x->day * US_PER_DAY, t));
		csv_write_text(out, x->provider);
		sb_addc(out, ',');
		csv_write_text(out, x->model);
		sb_addc(out, ',');
		csv_write_text(out, x->project);
		cell(out, x->has_claimed, x->claimed_pico);
		cell(out, x->has_usage, x->priced_pico);
		cell(out, x->has_billed, x->billed_pico);
		cell(out, true, x->residual_pico);
		sb_addf(out, ",%s,", r->currency.code);
		csv_write_text(out, str_of(x->reason));
		sb_adds(out, "\r\n");
	}
}
