/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapping files: the columns of any CSV, named by the user, become rows. GPU clouds, invoices, anything else.
 *
 *	name: runpod
 *	columns: {start: Start, end: End, amount: Cost, currency: Currency, type: GPU, resource: Pod}
 *	currency: USD              # where no column says it
 *	dates: dmy                 # where dates are 05/10/2026; default: ISO 8601 only
 *	decimal: ","               # where numbers are 1.234,56; default "."
 *	amount_unit: cents         # default: unit
 *	rules: [{field: type, match: "*H100*", class: T-compute}]
 *
 * 1. Nothing is guessed: a date or number in another form than the file says is a rejected row.
 * 2. A row is billed with its amount; without an amount column, with hours x count x rate, exactly.
 * 3. `id` is the row's key; without one all columns but amounts are, and equal rows are told apart by their order.
 * 4. The file's own rules come first, those of classify.csv ("mapping", "*") after.
 */
#include "import/mapping.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/conf.h"
#include "import/cloud.h"
#include "import/map_data.h"

enum { MAP_BYTES = 1024 * 1024, MAP_ARENA_BYTES = 16 * 1024 * 1024, LINES_ABOVE = 40 };

#define COLUMNS(X)                                                                                                     \
	X(start, "time or day on which the charge begins")                                                             \
	X(end, "time at which it ends") X(amount, "what was billed") X(currency, "currency of the amount")             \
		X(hours, "hours, where no amount is given") X(count, "how many machines; default 1")                   \
			X(rate, "price of an hour") X(id, "the row's own number") X(provider, "who bills") X(          \
				model, "model or machine") X(project, "project or account") X(team, "who pays")        \
				X(feature, "what it is for") X(key, "API key or user") X(region, "where") X(           \
					service, "service") X(type, "SKU, GPU type") X(operation, "operation")         \
					X(text, "description") X(resource, "resource") X(tag, "tags, as name=value")   \
						X(input_tokens, "input tokens, cached ones included")                  \
							X(cached_tokens, "input tokens read from a cache")             \
								X(output_tokens, "output tokens") X(calls, "requests")
enum column {
#define X(name, help) M_##name,
	COLUMNS(X)
#undef X
	M_COUNT
};
static const char *const column_name[M_COUNT] = {
#define X(name, help) #name,
	COLUMNS(X)
#undef X
};

struct map_columns {
	struct str c[M_COUNT];
};
static const struct conf_field column_fields[] = {
#define X(name, text) {#name, CONF_STR, offsetof(struct map_columns, c) + sizeof(struct str) * M_##name, .help = text},
	COLUMNS(X)
#undef X
	{NULL},
};

struct map_rule {
	struct str field, match, class;
};
static const struct conf_field rule_fields[] = {
	{"field", CONF_STR, offsetof(struct map_rule, field), .required = true, .help = "a name under columns"},
	{"match", CONF_STR, offsetof(struct map_rule, match), .required = true, .help = "pattern: * any text, | or"},
	{"class", CONF_STR, offsetof(struct map_rule, class), .required = true, .help = "T-compute, I-tokens, I-hosting, O ..."},
	{NULL},
};

enum { DATES_ISO, DATES_DMY, DATES_MDY };
struct import_map {
	struct arena arena;
	struct conf_doc doc;
	struct str name, provider, decimal;
	struct str currency_code;
	unsigned dates, amount_unit, hours_unit;
	struct str count_key;
	struct map_columns columns;
	struct conf_array rules;
	struct conf_money rate;
	struct str text;
};

static const struct conf_field map_fields[] = {
	{"name", CONF_STR, offsetof(struct import_map, name), .required = true, .help = "what this source is called"},
	{"provider", CONF_STR, offsetof(struct import_map, provider), .help = "who bills"},
	{"currency", CONF_STR, offsetof(struct import_map, currency_code), .help = "where no column says it"},
	{"decimal", CONF_STR, offsetof(struct import_map, decimal), .fallback = ".", .help = "the decimal mark"},
	{"dates", CONF_ENUM, offsetof(struct import_map, dates), .choices = "iso|dmy|mdy", .fallback = "iso", .help = "the order in dates"},
	{"amount_unit", CONF_ENUM, offsetof(struct import_map, amount_unit), .choices = "unit|cents", .fallback = "unit", .help = "unit of amounts"},
	{"hours_unit", CONF_ENUM, offsetof(struct import_map, hours_unit), .choices = "hours|minutes|seconds", .fallback = "hours", .help = "unit of hours"},
	{"count_key", CONF_STR, offsetof(struct import_map, count_key), .help = "the count stands behind KEY= in its column"},
	{"rate", CONF_MONEY, offsetof(struct import_map, rate), .help = "price of an hour, where no column has it"},
	{"columns", CONF_STRUCT, offsetof(struct import_map, columns), .fields = column_fields, .required = true, .help = "which column is what"},
	{"rules", CONF_STRUCTS, offsetof(struct import_map, rules), .fields = rule_fields, .size = sizeof(struct map_rule), .help = "training or inference"},
	{NULL},
};

/* What no table can say. */
static void check_map(struct import_map *m)
{
	const struct map_rule *rules = m->rules.items;
	enum spend_class spend;
	struct currency cur;
	if (!m->columns.c[M_start].n)
		conf_error(&m->doc, conf_get(m->doc.root, "columns"), "columns needs start: a row without a day has no place");
	if (!m->columns.c[M_amount].n && !m->columns.c[M_hours].n && !m->columns.c[M_input_tokens].n &&
	    !m->columns.c[M_output_tokens].n)
		conf_error(&m->doc, conf_get(m->doc.root, "columns"), "columns needs amount, hours or token counts");
	if (m->currency_code.n && currency_parse(m->currency_code, &cur))
		conf_error(&m->doc, conf_get(m->doc.root, "currency"), "'%.*s' is no currency code",
			   STR_ARG(m->currency_code));
	if (!str_eqc(m->decimal, ".") && !str_eqc(m->decimal, ","))
		conf_error(&m->doc, conf_get(m->doc.root, "decimal"), "the decimal mark is \".\" or \",\"");
	for (unsigned i = 0; i < m->rules.count; i++) {
		bool known = false;
		for (unsigned c = 0; c < M_COUNT && !known; c++)
			known = str_eqc(rules[i].field, column_name[c]);
		if (!known)
			conf_error(&m->doc, conf_get(m->doc.root, "rules"), "there is no field '%.*s'",
				   STR_ARG(rules[i].field));
		if (spend_class_parse(rules[i].class, &spend))
			conf_error(&m->doc, conf_get(m->doc.root, "rules"), "there is no class '%.*s'",
				   STR_ARG(rules[i].class));
	}
}

/* A file; else a shipped map of that name. */
static int map_text(const char *path, struct sb *b, struct err *e)
{
	for (size_t i = 0; i < map_data_count && !fs_exists(path); i++) {
		struct str name = str_of(map_data[i].name);
		if (str_ends(name, STR(".yaml")) && str_eqc(str_sub(name, 0, name.n - 5), path)) {
			sb_add(b, map_data[i].text, map_data[i].bytes);
			return 0;
		}
	}
	if (fs_read(path, b, e) == 0)
		return 0;
	err_hint(e, "name a YAML file, or a shipped map (runrate import --list-maps)");
	return -e->code;
}

const char *import_map_name(unsigned index)
{
	return index < map_data_count ? map_data[index].name : NULL;
}

const char *import_map_shipped(unsigned index)
{
	return index < map_data_count ? map_data[index].text : NULL;
}

int import_map_load(const char *path, struct import_map **out, struct err *e)
{
	struct import_map *m = calloc(1, sizeof *m);
	struct sb b;
	int rc;
	*out = NULL;
	if (!m)
		return err_set(e, RR_NOMEM, "out of memory for the mapping file");
	sb_init(&b, MAP_BYTES);
	arena_init(&m->arena, MAP_ARENA_BYTES);
	rc = map_text(path, &b, e);
	if (!rc) {
		m->text = arena_str(&m->arena, sb_str(&b));
		rc = conf_parse(&m->doc, &m->arena, m->text, path);
		if (m->doc.whole)
			rc = conf_bind(&m->doc, m->doc.root, map_fields, m);
		if (m->doc.whole && !m->doc.errors)
			check_map(m);
		if (m->doc.errors) {
			*e = m->doc.error[0];
			rc = -RR_CONFIG;
		}
	}
	sb_fini(&b);
	if (rc) {
		import_map_free(m);
		return rc;
	}
	*out = m;
	return 0;
}

void import_map_free(struct import_map *m)
{
	if (!m)
		return;
	arena_fini(&m->arena);
	free(m);
}

static bool has_columns(const struct import_map *m, const struct csv *c)
{
	for (unsigned i = 0; i < M_COUNT; i++) {
		char name[256];
		if (m->columns.c[i].n && csv_column(c, str_copy(name, sizeof name, m->columns.c[i])) < 0)
			return false;
	}
	return true;
}

unsigned import_map_header(const struct import_map *m, const char *path)
{
	struct csv *c = csv_open(path, NULL);
	unsigned above = 0;
	while (c && above < LINES_ABOVE && !has_columns(m, c) && csv_header_next(c, NULL) > 0)
		above++;
	above = c && has_columns(m, c) ? above : 0;
	csv_close(c);
	return above;
}

/* ---- rows ---- */

struct mapped {
	struct cloud_columns t;
	int at[M_COUNT];
};

static bool tells_no_row(struct str name)
{
	return cloud_is_amount(name);
}

static int begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct mapped *s = x->state;
	const struct import_map *m = x->map;
	for (unsigned i = 0; i < M_COUNT; i++) {
		char name[256];
		s->at[i] = -1;
		if (!m->columns.c[i].n)
			continue;
		s->at[i] = csv_column(c, str_copy(name, sizeof name, m->columns.c[i]));
		if (s->at[i] < 0) {
			err_set(e, RR_INPUT, "it has no column '%s', which the mapping file names for %s", name, column_name[i]);
			return err_at(e, x->path, 1, 0);
		}
	}
	if (cloud_identity(&s->t, c, tells_no_row, e))
		return -RR_NOMEM;
	for (unsigned i = 0; i < M_COUNT; i++) /* amounts by any name do not say which row it is */
		if (s->at[i] >= 0 && (i == M_amount || i == M_hours || i == M_rate || i == M_input_tokens ||
				      i == M_cached_tokens || i == M_output_tokens || i == M_calls))
			s->t.identity[s->at[i]] = false;
	return 0;
}

static const char *date_of(const struct import_map *m, struct str s, int64_t *us)
{
	char form[48];
	unsigned d[3], n = 0;
	struct str rest = str_trim(s), day = str_cut(&rest, ' ');
	int64_t time_us = 0, midnight_us;
	if (m->dates == DATES_ISO)
		return read_time(s, us);
	for (size_t i = 0; i < day.n && n < sizeof form - 1; i++)
		form[n++] = day.p[i] == '.' || day.p[i] == '-' ? '/' : day.p[i];
	if (!slash_date(str_make(form, n), d))
		return "is no date in the order that the mapping file states";
	unsigned month = m->dates == DATES_DMY ? d[1] : d[0], of_month = m->dates == DATES_DMY ? d[0] : d[1];
	snprintf(form, sizeof form, "%04u-%02u-%02u", d[2], month, of_month);
	if (time_parse(str_of(form), &midnight_us))
		return "is no date in the order that the mapping file states";
	rest = str_trim(rest);
	if (rest.p && rest.n) {
		snprintf(form, sizeof form, "1970-01-01T%.*s", (int)(rest.n < 20 ? rest.n : 20), rest.p);
		if (rest.n == 5)
			snprintf(form, sizeof form, "1970-01-01T%.*s:00", 5, rest.p);
		if (time_parse(str_of(form), &time_us))
			return "has a time of day that is none";
	}
	*us = midnight_us + time_us;
	return NULL;
}

static struct str plain_number(struct import_ctx *x, struct str s)
{
	return read_plain(x, s, x->map->decimal.p[0]);
}

static struct str field(const struct import_ctx *x, struct csv *c, enum column m)
{
	return read_null(csv_field(c, ((const struct mapped *)x->state)->at[m]));
}

/* "billing=8,cpu=64,gres/gpu=8" with count_key gres/gpu is 8; without that key in it the row has none: 0. */
static struct str count_of(struct import_ctx *x, struct csv *c)
{
	struct str all = field(x, c, M_count), key = x->map->count_key;
	if (!key.n)
		return plain_number(x, all);
	while (all.p && all.n) {
		struct str value = str_cut(&all, ','), name = str_cut(&value, '=');
		if (str_eq(str_trim(name), key))
			return value;
	}
	return STR("0");
}

/* Rule 2. */
static const char *amount_of(struct import_ctx *x, struct csv *c, int64_t *pico)
{
	const struct import_map *m = x->map;
	struct str amount = plain_number(x, field(x, c, M_amount)), hours = plain_number(x, field(x, c, M_hours));
	money_wide h, n = PICO_PER_UNIT / 1000000, product; /* in millionths: hours, machines */
	static const int per_hour[] = {1, 60, 3600};
	int64_t rate = m->rate.pico;
	const char *why;
	if (amount.n) {
		why = read_money(amount, pico, NULL);
		if (!why && m->amount_unit)
			*pico = (int64_t)money_round(*pico, 100);
		return why;
	}
	if (!hours.n)
		return m->columns.c[M_amount].n || m->columns.c[M_hours].n ? "is empty" : NULL;
	if (field(x, c, M_rate).n && (why = read_money(plain_number(x, field(x, c, M_rate)), &rate, NULL)) != NULL)
		return why;
	if (decimal_scaled(hours, 6, &h, NULL))
		return "cannot be made: the hours are no number";
	if (field(x, c, M_count).n && decimal_scaled(count_of(x, c), 6, &n, NULL))
		return "cannot be made: the count is no number";
	if (!rate)
		return "cannot be made: neither amount nor rate is given";
	if (h > INT64_MAX || n > INT64_C(1000000000000) || h < 0 || n < 0 || money_mul(h * n, rate, &product))
		return "is out of range";
	product = money_round(product, PICO_PER_UNIT * per_hour[m->hours_unit]);
	if (product > INT64_MAX)
		return "is out of range";
	*pico = (int64_t)product;
	return NULL;
}

static const char *tokens_of(struct import_ctx *x, struct csv *c, struct usage *u)
{
	static const enum column from[3] = {M_input_tokens, M_cached_tokens, M_output_tokens};
	uint64_t n[3] = {0};
	for (unsigned i = 0; i < 3; i++) {
		struct str s = plain_number(x, field(x, c, from[i]));
		const char *why = s.n ? read_count(s, &n[i]) : NULL;
		if (why)
			return why;
		u->flags |= s.n ? USAGE_SEEN : 0;
	}
	if (n[1] > n[0])
		return "are larger cached than in all";
	u->tok[CLASS_IN_PLAIN] = n[0] - n[1];
	u->tok[CLASS_IN_CACHE_READ] = n[1];
	u->tok[CLASS_OUT_TEXT] = n[2];
	u->vendor_total_tok = n[0] + n[2];
	u->tier = TIER_STANDARD;
	return NULL;
}

/* Rule 4: the file's own rules. */
static void own_rules(struct import_ctx *x, struct csv *c)
{
	const struct import_map *m = x->map;
	const struct map_rule *rules = m->rules.items;
	for (unsigned i = 0; i < m->rules.count; i++)
		for (unsigned k = 0; k < M_COUNT; k++) {
			enum spend_class spend;
			char id[96];
			if (!str_eqc(rules[i].field, column_name[k]) || !field(x, c, k).n ||
			    !class_pattern_matches(rules[i].match, field(x, c, k)) ||
			    spend_class_parse(rules[i].class, &spend))
				continue;
			snprintf(id, sizeof id, "map %.*s %u", (int)(m->name.n < 60 ? m->name.n : 60), m->name.p,
				 i + 1);
			row_class(x, spend, intern(str_of(id)));
			return;
		}
}

static void say(struct import_ctx *x, struct csv *c)
{
	static const struct {
		enum class_field to;
		enum column from;
	} facts[] = {{CF_SERVICE, M_service}, {CF_TYPE, M_type}, {CF_OPERATION, M_operation}, {CF_TEXT, M_text},
		     {CF_RESOURCE, M_resource}, {CF_MODEL, M_model}, {CF_TAG, M_tag}};
	for (unsigned i = 0; i < sizeof facts / sizeof *facts; i++)
		fact(x, facts[i].to, field(x, c, facts[i].from));
}

static void name_call(struct import_ctx *x, struct csv *c)
{
	struct call *k = &x->call;
	struct str provider = field(x, c, M_provider), model = field(x, c, M_model);
	k->provider = cloud_name(provider.n ? provider : x->map->provider.n ? x->map->provider : x->map->name);
	k->model_answered = k->model_asked = cloud_name(model.n ? model : field(x, c, M_type));
	k->project = cloud_name(field(x, c, M_project));
	k->team = cloud_name(field(x, c, M_team));
	k->feature = cloud_name(field(x, c, M_feature));
	k->key = cloud_name(field(x, c, M_key));
	k->region = cloud_name(field(x, c, M_region));
}

static int row(struct import_ctx *x, struct csv *c, struct err *e)
{
	const struct mapped *s = x->state;
	const struct import_map *m = x->map;
	struct call *k = row_begin(x, csv_row(c));
	struct str currency = field(x, c, M_currency), calls = plain_number(x, field(x, c, M_calls));
	struct currency cur = m->rate.currency;
	uint64_t n = 0;
	const char *why = date_of(m, field(x, c, M_start), &k->start_us);
	if (why)
		return row_reject(x, csv_row(c), "start '%.*s' %s", STR_ARG(field(x, c, M_start)), why);
	k->end_us = k->start_us;
	if (field(x, c, M_end).n && (why = date_of(m, field(x, c, M_end), &k->end_us)) != NULL)
		return row_reject(x, csv_row(c), "end '%.*s' %s", STR_ARG(field(x, c, M_end)), why);
	if ((why = amount_of(x, c, &k->billed_pico)) != NULL)
		return row_reject(x, csv_row(c), "the amount '%.*s' %s", STR_ARG(field(x, c, M_amount)), why);
	if ((why = tokens_of(x, c, &k->usage)) != NULL)
		return row_reject(x, csv_row(c), "the tokens %s", why);
	if (calls.n && (why = read_count(calls, &n)) != NULL)
		return row_reject(x, csv_row(c), "calls '%.*s' %s", STR_ARG(calls), why);
	if (!currency.n)
		currency = m->currency_code;
	if (currency.n && currency_parse(currency, &cur))
		return row_reject(x, csv_row(c), "'%.*s' is no currency code", STR_ARG(currency));
	k->calls = (uint32_t)(n < UINT32_MAX ? n : UINT32_MAX);
	k->currency = cur.code[0] ? intern(str_of(cur.code)) : 0;
	x->claimed = field(x, c, M_amount);
	name_call(x, c);
	say(x, c);
	own_rules(x, c);
	key_add(x, m->name);
	if (s->at[M_id] >= 0 && field(x, c, M_id).n)
		key_add(x, field(x, c, M_id));
	else
		cloud_key(x, &s->t, c);
	return row_end(x, e);
}

static void state_free(struct import_ctx *x)
{
	cloud_columns_free(&((struct mapped *)x->state)->t);
}

const struct import_source source_mapping = {
	.name = "mapping",
	.title = "any CSV, by a mapping file (--map): GPU clouds, invoices",
	.flags = SRC_OCCURRENCE | SRC_ALONE,
	.state_bytes = sizeof(struct mapped),
	.file_begin = begin,
	.csv_row = row,
	.state_free = state_free,
};
