/* SPDX-License-Identifier: Apache-2.0
 *
 * See amounts.h.
 */
#include "report/amounts.h"

#include "base/json.h"

#include "base/intern.h"

struct env_filter env_filter_of(const char *env)
{
	if (!env || strcmp(env, "production") == 0)
		return (struct env_filter){0};
	return (struct env_filter){strcmp(env, "all") == 0 ? UINT32_MAX : intern(str_of(env))};
}

bool env_counts(struct env_filter f, const struct rollup_key *k)
{
	return f.env == UINT32_MAX || (f.env == 0 ? k->env_production : k->env == f.env);
}

bool row_amount(const struct rollup_row *x, money_wide *pico)
{
	bool priced = x->key.price_status == PRICE_PRICED || x->key.price_status == PRICE_FREE;
	*pico = priced ? x->sum.cost_pico : x->sum.billed_pico;
	return priced || x->sum.billed_pico != 0;
}

bool row_unpriced(const struct rollup_row *x)
{
	money_wide pico;
	return !row_amount(x, &pico) &&
	       (x->key.price_status == PRICE_UNPRICED || x->key.price_status == PRICE_MISMATCH ||
		(x->key.price_status == PRICE_NO_USAGE && x->key.outcome_class == OUTCOME_OK));
}

struct currency currency_interned(uint32_t id)
{
	struct currency c = {""};
	str_copy(c.code, sizeof c.code, intern_str(id));
	return c;
}

typedef unsigned __int128 u128;

/* 128 x 128 bits to 256: schoolbook over halves of 64. */
static void multiply(u128 a, u128 b, u128 *high, u128 *low)
{
	u128 mask = UINT64_MAX, a0 = a & mask, a1 = a >> 64, b0 = b & mask, b1 = b >> 64;
	u128 p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, mid = (p00 >> 64) + (p01 & mask) + (p10 & mask);
	*low = (mid << 64) | (p00 & mask);
	*high = a1 * b1 + (p01 >> 64) + (p10 >> 64) + (mid >> 64);
}

/* a * b / by, down, where the quotient fits into 128 bits. */
static bool divide(u128 a, u128 b, u128 by, u128 *quotient, u128 *rest)
{
	u128 high, low;
	multiply(a, b, &high, &low);
	if (high >= by)
		return false;
	*rest = high;
	*quotient = 0;
	for (int i = 127; i >= 0; i--) {
		bool carry = *rest >> 127;
		*rest = (*rest << 1) | ((low >> i) & 1);
		*quotient <<= 1;
		if (carry || *rest >= by) {
			*rest -= by;
			*quotient |= 1;
		}
	}
	return true;
}

money_wide money_divide(money_wide a, money_wide b, money_wide d, money_wide *rest)
{
	u128 quotient = 0, left = 0;
	bool fits;
	check(d > 0 && a >= 0 && b >= 0);
	fits = divide((u128)a, (u128)b, (u128)d, &quotient, &left) && quotient <= ~(u128)0 >> 1;
	check(fits);
	*rest = (money_wide)left;
	return (money_wide)quotient;
}

bool money_scale_fits(money_wide a, money_wide b, money_wide d, money_wide *out)
{
	bool negative = (a < 0) != (b < 0);
	u128 rest, quotient, by = (u128)d;
	check(d > 0);
	if (!divide(a < 0 ? -(u128)a : (u128)a, b < 0 ? -(u128)b : (u128)b, by, &quotient, &rest))
		return false;
	if (rest > by - rest || (rest == by - rest && (quotient & 1)))
		quotient++;
	if (quotient > ~(u128)0 >> 1)
		return false;
	*out = negative ? -(money_wide)quotient : (money_wide)quotient;
	return true;
}

money_wide money_scale(money_wide a, money_wide b, money_wide d)
{
	money_wide v = 0;
	bool fits = money_scale_fits(a, b, d, &v);
	check(fits);
	return v;
}

uint32_t row_name(enum report_by by, const struct rollup_key *k)
{
	switch (by) {
	case BY_PROVIDER:
		return k->provider;
	case BY_MODEL:
		return k->model;
	case BY_TEAM:
		return k->team;
	case BY_KEY:
		return k->key;
	case BY_ENV:
		return k->env ? k->env : intern(STR("production"));
	case BY_REGION:
		return k->region;
	case BY_PROJECT:
		return k->project;
	case BY_SURFACE:
		return k->surface;
	case BY_TIER:
		return intern(str_of(tier_name((enum tier)k->tier)));
	case BY_PROVENANCE:
		return intern(str_of(provenance_name((enum provenance)k->provenance)));
	case BY_OUTCOME:
		return intern(str_of(outcome_name((enum outcome)k->outcome_class)));
	default:
		return k->feature;
	}
}

bool rates_convert(const struct fx_rate *rates, unsigned count, struct currency from, struct currency to,
		   int64_t at_us, money_wide *pico)
{
	const struct fx_rate *best;
	bool inverse = false;
	if (!to.code[0])
		return false;
	if (currency_eq(from, to))
		return true;
	best = fx_find((struct fx){rates, count}, from, to, at_us, &inverse);
	if (!best)
		return false;
	*pico = inverse ? money_scale(*pico, PICO_PER_UNIT, best->rate_pico)
			: money_scale(*pico, best->rate_pico, PICO_PER_UNIT);
	return true;
}

struct only {
	struct env_filter env;
	struct currency found;
	bool several;
};

static int meet(const struct rollup_row *x, void *arg)
{
	struct only *o = arg;
	money_wide pico;
	struct currency c = currency_interned(x->key.currency);
	if (!env_counts(o->env, &x->key) || !row_amount(x, &pico) || pico == 0 || !c.code[0])
		return 0;
	if (!o->found.code[0])
		o->found = c;
	else if (!currency_eq(o->found, c))
		o->several = true;
	return 0;
}

int report_only_currency(struct ledger *l, int64_t from_us, int64_t to_us, struct env_filter env, struct currency *out,
			 bool *several, struct err *e)
{
	struct only o = {.env = env};
	int rc = ledger_rollup_by(l, GRAIN_DAY, from_us, to_us, meet, &o, e);
	*out = o.several ? (struct currency){""} : o.found;
	*several = *several || o.several;
	return rc;
}

void left_out_add(struct left_out *x, struct currency c)
{
	unsigned i = 0;
	while (i < x->count && !currency_eq(x->currency[i], c))
		i++;
	if (i == x->count && i < sizeof x->currency / sizeof *x->currency)
		x->currency[x->count++] = c;
}

void left_out_text(const struct left_out *x, struct sb *out)
{
	for (unsigned i = 0; i < x->count; i++)
		sb_addf(out, "%s%s%s", i ? ", " : "Left out for want of a rate: amounts in ", x->currency[i].code,
			i + 1 < x->count ? "" : ".\n");
}

void left_out_json(const struct left_out *x, struct json_out *w)
{
	jw_key(w, "left_out");
	jw_array(w);
	for (unsigned i = 0; i < x->count; i++)
		jw_cstr(w, x->currency[i].code);
	jw_end_array(w);
}
