/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as JSON (contract.md: `report`) and as CSV. Money is a decimal string beside a currency; what several
 * currencies would add up to is null, never a sum.
 */
#include "base/csv.h"
#include "base/intern.h"
#include "base/json.h"
#include "report/report.h"

/* An amount of the headline; null when there is no headline. */
static void amount(const struct report *r, struct json_out *w, const char *key, money_wide pico)
{
	jw_key(w, key);
	if (r->currency.code[0] || r->currencies == 0)
		jw_money(w, pico);
	else
		jw_null(w);
}

static void lines(const struct report *r, struct json_out *w, const char *key, const struct report_part *p, bool tokens)
{
	jw_key(w, key);
	jw_array(w);
	for (unsigned i = 0; i < p->count; i++) {
		const struct report_line *x = &p->lines[i];
		jw_object(w);
		jw_kstr(w, "key", x->key);
		if (tokens) {
			jw_ku64(w, "calls", x->calls);
			jw_ku64(w, "tokens", x->input_tok + x->output_tok);
			jw_ku64(w, "input_tokens", x->input_tok);
			jw_ku64(w, "output_tokens", x->output_tok);
			if (x->unpriced_calls) /* in no cost: they are not free */
				jw_ku64(w, "unpriced_calls", x->unpriced_calls);
			if (x->refused) /* by region: calls whose data was not let go there */
				jw_ku64(w, "refused", x->refused);
		}
		jw_kmoney(w, "cost", x->cost_pico);
		jw_kcstr(w, "currency", x->currency.code);
		if (x->shared.n)
			jw_kstr(w, "shared", x->shared);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void period(const struct report *r, struct json_out *w)
{
	char t[TIME_TEXT];
	jw_key(w, "period");
	jw_object(w);
	jw_kcstr(w, "from", time_text(r->query.from_us, t));
	jw_kcstr(w, "to", time_text(r->query.to_us, t));
	jw_kdouble(w, "days", (double)(r->query.to_us - r->query.from_us) / (double)US_PER_DAY);
	jw_end_object(w);
}

static void per_mtok(const struct report *r, struct json_out *w, const char *key, money_wide pico)
{
	money_wide v;
	jw_key(w, key);
	if (report_per_mtok(r, pico, &v))
		jw_money(w, v);
	else
		jw_null(w);
}

static void unknowns(const struct report *r, struct json_out *w)
{
	jw_key(w, "unpriced");
	jw_object(w);
	jw_ku64(w, "calls", r->unpriced_calls);
	jw_key(w, "models");
	jw_array(w);
	for (unsigned i = 0; i < r->unpriced_models; i++)
		jw_str(w, r->unpriced_model[i]);
	jw_end_array(w);
	jw_end_object(w);
	jw_key(w, "estimated");
	jw_object(w);
	jw_ku64(w, "calls", r->estimated_calls);
	amount(r, w, "low", r->low_pico);
	amount(r, w, "high", r->high_pico);
	jw_end_object(w);
	jw_key(w, "not_production");
	jw_object(w);
	jw_ku64(w, "calls", r->hidden_calls);
	amount(r, w, "cost", r->hidden_pico);
	jw_end_object(w);
}

static void by_currency(const struct report *r, struct json_out *w)
{
	jw_key(w, "by_currency");
	jw_array(w);
	for (unsigned i = 0; i < r->currencies; i++) {
		const struct report_currency *c = &r->by_currency[i];
		jw_object(w);
		jw_kcstr(w, "currency", c->currency.code);
		jw_kmoney(w, "total", c->inference_pico + c->training_pico + c->other_pico + c->unclassified_pico);
		jw_kmoney(w, "inference", c->inference_pico);
		jw_kmoney(w, "training", c->training_pico);
		jw_kmoney(w, "other", c->other_pico);
		jw_kmoney(w, "unclassified", c->unclassified_pico);
		jw_kbool(w, "in_total", c->in_headline);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void caps(const struct report *r, struct json_out *w)
{
	char scope[512], t[TIME_TEXT];
	jw_key(w, "caps");
	jw_array(w);
	for (unsigned i = 0; i < r->cap_count; i++) {
		const struct cap_rule *c = &r->caps[i].rule;
		const struct cap_state *s = &r->cap_states[i];
		jw_object(w);
		jw_kcstr(w, "id", c->id);
		jw_kcstr(w, "book", book_kind_name(r->caps[i].book));
		jw_kcstr(w, "scope", cap_scope_text(&c->scope, scope, sizeof scope));
		jw_kcstr(w, "window", window_name(c->window));
		jw_kbool(w, "hard", c->hard);
		jw_kcstr(w, "currency", c->currency.code);
		jw_key(w, "limit");
		if (c->amount_pico == INT64_MAX)
			jw_null(w);
		else
			jw_money(w, c->amount_pico);
		if (c->tokens != UINT64_MAX)
			jw_ku64(w, "limit_tokens", c->tokens);
		if (c->jobs != UINT64_MAX)
			jw_ku64(w, "limit_jobs", c->jobs);
		jw_kmoney(w, "spent", s->spent_pico);
		jw_kmoney(w, "reserved", s->reserved_pico);
		jw_kcstr(w, "resets_at", c->window == WINDOW_TOTAL ? NULL : time_text(s->to_us, t));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void against(const struct report *r, struct json_out *w)
{
	jw_key(w, "against");
	if (!r->against) {
		jw_null(w);
		return;
	}
	jw_array(w);
	for (unsigned i = 0; i < r->against_count; i++) {
		const struct report_against *x = &r->against[i];
		jw_object(w);
		jw_kcstr(w, "month", x->month);
		jw_kmoney(w, "planned_p10", x->low_pico);
		jw_kmoney(w, "planned", x->planned_pico);
		jw_kmoney(w, "planned_p90", x->high_pico);
		jw_kmoney(w, "came", x->came_pico);
		jw_kmoney(w, "difference", x->came_pico - x->planned_pico);
		jw_kbool(w, "partial", x->partial);
		jw_key(w, "inside");
		if (x->partial)
			jw_null(w);
		else
			jw_bool(w, x->came_pico >= x->low_pico && x->came_pico <= x->high_pico);
		jw_kmoney(w, "training_planned", x->training_planned_pico);
		jw_kmoney(w, "training_came", x->training_came_pico);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void report_json(const struct report *r, struct sb *out)
{
	money_wide v;
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	period(r, &w);
	jw_kcstr(&w, "currency", r->currency.code[0] ? r->currency.code : NULL);
	jw_kcstr(&w, "basis", r->query.basis == BASIS_CASH ? "cash" : "amortised");
	jw_kcstr(&w, "by", report_by_name(r->query.by));
	jw_kcstr(&w, "env", r->query.env ? r->query.env : "production");
	amount(r, &w, "total", r->total_pico);
	jw_key(&w, "inference");
	jw_object(&w);
	amount(r, &w, "total", r->inference.total_pico);
	jw_kdouble(&w, "tokens_million_per_month", report_tokens_million_per_month(r));
	jw_ku64(&w, "calls", r->calls);
	jw_ku64(&w, "tokens", r->input_tok + r->output_tok);
	jw_ku64(&w, "input_tokens", r->input_tok);
	jw_ku64(&w, "output_tokens", r->output_tok);
	jw_ku64(&w, "refused", r->refused);
	jw_ku64(&w, "failed", r->failed);
	amount(r, &w, "saved", r->saved_pico);
	lines(r, &w, "lines", &r->inference, true);
	jw_end_object(&w);
	jw_key(&w, "training");
	jw_object(&w);
	amount(r, &w, "total", r->training.total_pico);
	lines(r, &w, "lines", &r->training, false);
	jw_end_object(&w);
	amount(r, &w, "other", r->other_pico);
	lines(r, &w, "other_lines", &r->other, false);
	amount(r, &w, "unclassified", r->unclassified_pico);
	unknowns(r, &w);
	jw_key(&w, "unit_cost_per_mtok");
	jw_object(&w);
	per_mtok(r, &w, "inference", r->inference.total_pico);
	per_mtok(r, &w, "training_share", r->training.total_pico);
	per_mtok(r, &w, "all", r->inference.total_pico + r->training.total_pico);
	jw_end_object(&w);
	jw_key(&w, "cost_per_accepted");
	if (r->accepted && r->currency.code[0]) {
		v = money_round(r->inference.total_pico, (money_wide)r->accepted);
		jw_money(&w, v);
	} else {
		jw_null(&w);
	}
	jw_ku64(&w, "accepted", r->accepted);
	by_currency(r, &w);
	caps(r, &w);
	amount(r, &w, "billed", r->billed_pico);
	jw_key(&w, "rates");
	jw_array(&w);
	for (unsigned i = 0; i < r->query.rate_count; i++) {
		const struct fx_rate *x = &r->query.rates[i];
		char day[TIME_TEXT];
		jw_object(&w);
		jw_kcstr(&w, "from", x->from.code);
		jw_kcstr(&w, "to", x->to.code);
		jw_kmoney(&w, "rate", x->rate_pico);
		jw_kcstr(&w, "since", x->from_us > 0 ? time_date(x->from_us, day) : NULL);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	against(r, &w);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

static void csv_part(const struct report *r, const char *book, const struct report_part *p, struct sb *out)
{
	char number[32], money[MONEY_TEXT];
	for (unsigned i = 0; i < p->count; i++) {
		const struct report_line *x = &p->lines[i];
		const uint64_t counts[] = {x->calls, x->input_tok, x->output_tok};
		csv_write_text(out, str_of(book));
		sb_addc(out, ',');
		csv_write_text(out, x->key);
		if (r->query.shares) {
			sb_addc(out, ',');
			csv_write_text(out, x->shared);
		}
		for (unsigned k = 0; k < 3; k++) {
			struct sb n;
			sb_init(&n, sizeof number);
			sb_add_u64(&n, counts[k]);
			sb_addc(out, ',');
			csv_write_number(out, sb_str(&n));
			sb_fini(&n);
		}
		sb_addc(out, ',');
		csv_write_number(out, str_of(money_text(x->cost_pico, money)));
		sb_addc(out, ',');
		csv_write_text(out, str_of(x->currency.code));
		sb_adds(out, "\r\n");
	}
}

void report_csv(const struct report *r, struct sb *out)
{
	sb_addf(out, "book,%s,%scalls,input_tokens,output_tokens,cost,currency\r\n", report_by_name(r->query.by),
		r->query.shares ? "shared," : "");
	csv_part(r, "inference", &r->inference, out);
	csv_part(r, "training", &r->training, out);
	csv_part(r, "other", &r->other, out);
	for (unsigned i = 0; i < r->currencies; i++) { /* so that the lines are the total here too */
		struct report_line x = {.currency = r->by_currency[i].currency,
					.cost_pico = r->by_currency[i].unclassified_pico};
		if (x.cost_pico)
			csv_part(r, "unclassified", &(struct report_part){.lines = &x, .count = 1}, out);
	}
}
