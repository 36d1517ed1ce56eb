/* SPDX-License-Identifier: Apache-2.0
 *
 * See cloud.h.
 */
#include "import/cloud.h"

#include <stdlib.h>

void cloud_columns_find(struct cloud_columns *t, const struct csv *c, const char *const *names, unsigned count)
{
	check(count <= CLOUD_COLUMNS);
	for (unsigned i = 0; i < count; i++) {
		struct str rest = str_of(names[i]);
		t->at[i] = -1;
		while (rest.p && t->at[i] < 0) {
			struct str one = str_cut(&rest, '|');
			char name[96];
			t->at[i] = csv_column(c, str_copy(name, sizeof name, one));
		}
	}
}

uint64_t cloud_name_hash(struct str name)
{
	char plain[128];
	size_t n = 0;
	for (size_t i = 0; i < name.n && n < sizeof plain; i++) {
		char c = name.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (c != '_' && c != '/' && c != ' ')
			plain[n++] = c;
	}
	return hash_xxh3(plain, n);
}

int cloud_identity(struct cloud_columns *t, const struct csv *c, bool (*not_identity)(struct str name), struct err *e)
{
	cloud_columns_free(t);
	t->columns = csv_columns(c);
	t->identity = calloc(t->columns, sizeof *t->identity);
	t->kind = calloc(t->columns, sizeof *t->kind);
	t->name_hash = calloc(t->columns, sizeof *t->name_hash);
	if (!t->identity || !t->kind || !t->name_hash)
		return err_set(e, RR_NOMEM, "out of memory for %u columns", t->columns);
	for (unsigned i = 0; i < t->columns; i++) {
		struct str name = csv_header(c, i);
		t->identity[i] = !not_identity(name);
		t->name_hash[i] = cloud_name_hash(name);
	}
	return 0;
}

void cloud_columns_free(struct cloud_columns *t)
{
	free(t->identity);
	free(t->kind);
	free(t->name_hash);
	t->identity = t->kind = NULL;
	t->name_hash = NULL;
}

struct str cloud_field(const struct cloud_columns *t, struct csv *c, unsigned which)
{
	return read_null(csv_field(c, t->at[which]));
}

void cloud_scope(struct csv *c, const char *const *names, unsigned count, unsigned which, char *out, size_t size)
{
	struct cloud_columns t = {.columns = 0};
	cloud_columns_find(&t, c, names, count);
	str_copy(out, size, csv_next(c, NULL) > 0 ? cloud_field(&t, c, which) : STR(""));
}

int cloud_reports(struct import_ctx *x, struct cloud_periods *p, int64_t from_us, int64_t to_us, bool in_parts,
		  struct err *e)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->from_us[i] == from_us)
			return 0;
	if (p->count == CLOUD_PERIODS)
		return err_set(e, RR_LIMIT, "more than %d billing periods in one report", CLOUD_PERIODS);
	p->from_us[p->count++] = from_us;
	return import_reports(x, from_us, to_us, in_parts, e);
}

struct hash128 cloud_key(struct import_ctx *x, const struct cloud_columns *t, struct csv *c)
{
	struct hash128 row = {0, 0}, kind = {0, 0};
	for (unsigned i = 0; i < t->columns; i++) {
		struct str v = t->identity[i] || t->kind[i] ? read_null(csv_field(c, (int)i)) : STR("");
		uint64_t hi, lo;
		if (!v.n)
			continue;
		lo = hash_xxh3_seed(v.p, v.n, t->name_hash[i]);
		hi = hash_xxh3_seed(v.p, v.n, ~t->name_hash[i]);
		if (t->identity[i]) {
			row.lo += lo;
			row.hi += hi;
		}
		if (t->kind[i]) {
			kind.lo += lo;
			kind.hi += hi;
		}
	}
	key_add_u64(x, row.hi);
	key_add_u64(x, row.lo);
	return kind;
}

bool cloud_is_amount(struct str name)
{
	/* x_BilledCostInUsd, x_Credits and x_Discounts (lists with amounts), ContractApplied and
	 * AllocatedMethodDetails (FOCUS 1.3) */
	static const char amounts[] = "*cost|*price|*quantity|*rate|*amount|*costin*|*pricein*|*exchangerate*|*exchange_rate*|"
				      "*discounts|*credits|*creditstotal|contractapplied|allocatedmethoddetails|*ratio";
	return class_pattern_matches(STR(amounts), name);
}

bool cloud_tells_no_row(struct str name)
{
	/* An open month's lines have no invoice yet; when an export was made says nothing of its lines. */
	static const char later[] = "invoiceid|invoice_id|*previousinvoiceid|x_invoiceid|invoicedetailid|*exporttime|*export_time|*ingestiontime|"
				    "x_source*";
	return cloud_is_amount(name) || class_pattern_matches(STR(later), name);
}

bool slash_date(struct str s, unsigned part[3])
{
	struct str rest = s;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t v;
		struct str t = str_cut(&rest, '/');
		if (str_u64(t, &v) || v > 9999 || (i < 2) != (rest.p != NULL))
			return false;
		part[i] = (unsigned)v;
	}
	part[2] += part[2] < 100 ? 2000 : 0;
	return part[0] >= 1 && part[1] >= 1;
}

static void prove(struct slash *s, struct csv *c)
{
	for (unsigned i = 0; i < sizeof s->column / sizeof *s->column && s->order == SLASH_UNKNOWN; i++) {
		unsigned d[3];
		if (s->column[i] >= 0 && slash_date(str_trim(csv_field(c, s->column[i])), d) &&
		    (d[0] > 12) != (d[1] > 12))
			s->order = d[0] > 12 ? SLASH_DAY_FIRST : SLASH_MONTH_FIRST;
	}
}

const char *slash_time(const struct import_ctx *x, struct slash *s, struct csv *c, struct str text, int64_t *us)
{
	unsigned d[3], month, day;
	struct csv *all;
	int rc = 1;
	if (!slash_date(text, d))
		return read_time(text, us);
	prove(s, c);
	all = s->order == SLASH_UNKNOWN && !s->searched && strcmp(x->path, "-") != 0 ? csv_open(x->path, NULL) : NULL;
	for (unsigned i = 0; all && i < x->lines_above; i++)
		csv_header_next(all, NULL);
	while (all && s->order == SLASH_UNKNOWN && (rc = csv_next(all, NULL)) != 0)
		if (rc > 0)
			prove(s, all);
	if (all)
		csv_close(all);
	s->searched = true;
	if (s->order == SLASH_UNKNOWN && d[0] != d[1])
		return "is a date with slashes: day and month cannot be told apart anywhere in the file (export it with the "
		       "billing period's end)";
	month = s->order == SLASH_DAY_FIRST ? d[1] : d[0];
	day = s->order == SLASH_DAY_FIRST ? d[0] : d[1];
	if (month > 12 || day > 31)
		return s->order == SLASH_DAY_FIRST ? "is no date, day first as the others of the file"
						   : "is no date, month first as the others of the file";
	*us = days_from_civil(d[2], month, day) * US_PER_DAY;
	return NULL;
}

void cloud_tokens(struct import_ctx *x, const struct token_words *w, struct str quantity, uint64_t per)
{
	money_wide n; /* at 10^-12, so that it is rounded once */
	struct usage *u = &x->call.usage;
	if (!w->known || !per || !quantity.n)
		return;
	if (decimal_scaled(quantity, 12, &n, NULL) || n > (money_wide)INT64_MAX * PICO_PER_UNIT) {
		import_note(x, "there are quantities like '%.*s', which is no number: no tokens are counted there",
			    (int)(quantity.n < 24 ? quantity.n : 24), quantity.p);
		return;
	}
	if (n < 0) {
		import_note(x, "there are negative quantities (corrections): their money counts, their tokens are not taken off");
		return;
	}
	n = money_round(n * (money_wide)per, PICO_PER_UNIT);
	if (n > (money_wide)INT64_MAX / 16)
		return;
	u->tok[w->cls] = (uint64_t)n;
	u->vendor_total_tok = (uint64_t)n;
	u->tier = w->tier;
	u->flags |= USAGE_SEEN;
}

bool cloud_is_use(struct str charge)
{
	return !charge.n || str_icontains(charge, STR("usage")); /* Usage, DiscountedUsage, SavingsPlanCoveredUsage */
}

/* One word off the front of *rest, if it is there. */
static bool cut_word(struct str *rest, const char *word)
{
	size_t n = strlen(word);
	if (rest->n < n || !str_ieq(str_sub(*rest, 0, n), str_of(word)))
		return false;
	*rest = str_trim(str_sub(*rest, n, rest->n));
	return true;
}

uint64_t cloud_unit(struct str unit, bool *tokens)
{
	static const struct {
		const char *word;
		uint64_t factor;
	} factors[] = {{"million", 1000000}, {"thousand", 1000}, {"kilo", 1000},
		       {"mega", 1000000},    {"K", 1000},        {"M", 1000000}};
	static const char *const said[] = {"input", "output", "prompt", "completion", "cached", "cache",
					   "read",  "write",  "text",   "-",          "_"};
	struct str t = str_trim(unit);
	uint64_t n = 0, factor = 1;
	size_t i = 0;
	for (; i < t.n && ((t.p[i] >= '0' && t.p[i] <= '9') || (i && t.p[i] == ',')) && n < 1000000000; i++)
		n = t.p[i] == ',' ? n : n * 10 + (uint64_t)(t.p[i] - '0');
	t = str_trim(str_sub(t, i, t.n));
	for (size_t f = 0; f < sizeof factors / sizeof *factors && factor == 1; f++)
		factor = cut_word(&t, factors[f].word) ? factors[f].factor : 1;
	for (size_t f = 0; f < sizeof said / sizeof *said;) /* which tokens, the meter says; these stand in any order */
		f = cut_word(&t, said[f]) ? 0 : f + 1;
	*tokens = cut_word(&t, "tokens") || cut_word(&t, "token");
	if (!*tokens)
		(void)(cut_word(&t, "units") || cut_word(&t, "unit") || cut_word(&t, "count") ||
		       cut_word(&t, "requests"));
	return t.n ? 0 : (n ? n : 1) * factor;
}

struct str cloud_tags(struct import_ctx *x, struct str text)
{
	struct sb b;
	struct json v, value;
	struct json_iter it;
	struct str key, out;
	if (text.n && text.p[0] == '"') /* Azure leaves the braces out */
		text = arena_printf(&x->arena, "{%.*s}", STR_ARG(text));
	if (!text.n || json_parse(text, &v, NULL) || v.type != JSON_OBJECT)
		return text;
	sb_init(&b, 16384);
	for (json_open(&it, v); json_next(&it, &key, &value);)
		sb_addf(&b, "%.*s=%.*s;", STR_ARG(key), STR_ARG(json_text(x, value)));
	out = arena_str(&x->arena, sb_str(&b));
	sb_fini(&b);
	return out;
}

uint32_t cloud_name(struct str s)
{
	return s.n ? intern(s) : 0;
}
