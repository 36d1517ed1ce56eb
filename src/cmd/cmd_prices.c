/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate prices list | show | lint | diff | update: look at the price book, check it, compare it, override it.
 *
 * The book is the one that is compiled in under the user's own file, or --book FILE. An update writes the user's file
 * ($XDG_CONFIG_HOME/runrate/prices.csv) whole, after it was read, linted and compared; the compiled-in lists stay.
 */
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "model/book_check.h"

enum { OUT_BYTES = 256 * 1024 * 1024, TABLE_BYTES = 64 * 1024 * 1024, SOURCES_MOST = 64 };

struct view {
	const char *book_path, *provider, *model;
	int64_t at_us;
	bool at_given;
	const char *positional[2];
	unsigned count;
	struct book *book;
	struct sb out;
	struct arena arena;
	struct table table;
	struct json_out w;
	unsigned errors, warnings, rows;
	const struct price_rule *source[SOURCES_MOST];
	unsigned sources;
};

static const struct opt help[] = {
	{"book", 0, OPT_STR, NULL, NULL, "FILE", "another book than the built-in one: own CSV or a public file"},
	{"provider", 0, OPT_STR, NULL, NULL, "P", "only providers whose name holds P"},
	{"model", 0, OPT_STR, NULL, NULL, "M", "only models whose name holds M"},
	{"at", 0, OPT_TIME, NULL, NULL, "TIME", "prices in force at that time (default: now)"},
	{NULL},
};

static struct str filter(const char *s)
{
	return str_of(s ? s : "");
}

/* Reads flags and the book. 0 to go on; else *exit_code is what to return. */
static bool begin(struct view *v, const struct command *c, int argc, char **argv, unsigned most, const char *columns,
		  int *exit_code)
{
	const struct opt options[] = {
		{"book", 0, OPT_STR, &v->book_path, NULL, "FILE", help[0].help},
		{"provider", 0, OPT_STR, &v->provider, NULL, "P", help[1].help},
		{"model", 0, OPT_STR, &v->model, NULL, "M", help[2].help},
		{"at", 0, OPT_TIME, &v->at_us, &v->at_given, "TIME", help[3].help},
		{NULL},
	};
	struct err e = {0};
	int rc = cmd_parse(c, argc, argv, options, v->positional, &v->count, most);
	if (rc) {
		*exit_code = rc > 0 ? 0 : err_exit_code(rc);
		return false;
	}
	if (!v->at_given)
		v->at_us = cmd_now_us();
	v->book = v->book_path ? book_load(v->book_path, &e) : book_builtin(&e);
	if (!v->book) {
		*exit_code = cmd_fail(&e);
		return false;
	}
	sb_init(&v->out, OUT_BYTES);
	arena_init(&v->arena, TABLE_BYTES);
	table_init(&v->table, &v->arena, columns);
	jw_init(&v->w, &v->out);
	return true;
}

static int end(struct view *v)
{
	int rc;
	if (globals.csv)
		table_csv(&v->table, &v->out);
	else if (!globals.json && v->table.rows)
		table_text(&v->table, term_width(1), &v->out);
	else if (globals.json)
		sb_addc(&v->out, '\n');
	for (unsigned i = 0; i < v->sources && !globals.csv; i++)
		sb_addf(&v->out, "[%u] %.*s, read %.*s\n", i + 1, STR_ARG(v->source[i]->source),
			STR_ARG(v->source[i]->source_date));
	rc = cmd_print(sb_str(&v->out));
	book_free(v->book);
	arena_fini(&v->arena);
	sb_fini(&v->out);
	return rc;
}

/* The price of a million units, or of a unit where that is how people say it. */
static const char *said(const struct price_rule *r, char out[MONEY_TEXT])
{
	money_wide atto;
	if (!r)
		return "-";
	if (r->free)
		return "free";
	if ((unsigned)r->meter >= METER_TOOL_0 || money_mul(r->listed_atto, 1000000, &atto))
		return money_text_atto(r->price_atto, out);
	return money_text_atto(money_round(atto, r->listed_per), out);
}

static bool kept(struct str f, struct str name)
{
	return f.n == 0 || str_icontains(name, f);
}

static void rule_json(struct json_out *w, const struct price_rule *r)
{
	char text[MONEY_TEXT], day[TIME_TEXT];
	jw_object(w);
	jw_kstr(w, "id", r->id);
	jw_kstr(w, "provider", r->provider);
	jw_kstr(w, "model", r->model);
	jw_kcstr(w, "meter", meter_name(r->meter));
	jw_kcstr(w, "price", money_text_atto(r->listed_atto, text));
	jw_ku64(w, "per", r->listed_per);
	jw_kcstr(w, "currency", r->currency.code);
	jw_kcstr(w, "tier", r->any_tier ? "any" : r->tier > TIER_STANDARD ? tier_name(r->tier) : "standard");
	jw_kbool(w, "fast", r->fast);
	jw_kstr(w, "region", r->region);
	jw_ku64(w, "above_input_tok", r->above_input_tok);
	jw_kcstr(w, "valid_from", r->valid_from_us ? time_text(r->valid_from_us, day) : NULL);
	jw_kcstr(w, "valid_to", r->valid_to_us != INT64_MAX ? time_text(r->valid_to_us, day) : NULL);
	if (r->window_from_min != r->window_to_min) {
		snprintf(day, sizeof day, "%02u:%02u-%02u:%02u", r->window_from_min / 60u, r->window_from_min % 60u,
			 r->window_to_min / 60u, r->window_to_min % 60u);
		jw_kcstr(w, "window_utc", day);
	}
	jw_kstr(w, "source", r->source);
	jw_kstr(w, "source_date", r->source_date);
	jw_kstr(w, "derived_from", r->derived_from);
	jw_kstr(w, "note", r->note);
	jw_end_object(w);
}

/* ---- list ---- */

static int list(int argc, char **argv);
const struct command cmd_prices_list = {
	.name = "prices list",
	.summary = "models and their standard prices per million tokens",
	.usage = "prices list [--provider P] [--model M] [--book FILE] [--at TIME]",
	.examples = "$ runrate prices list --provider anthropic\n$ runrate prices list --model gpt-5 --at 2026-03-01 "
		    "--json\n",
	.options = help,
	.run = list,
};

static int list(int argc, char **argv)
{
	static const unsigned shown[] = {CLASS_IN_PLAIN, CLASS_IN_CACHE_READ, CLASS_OUT_TEXT};
	struct view v = {0};
	int rc;
	if (!begin(&v, &cmd_prices_list, argc, argv, 0, "provider|model|input>|cached>|output>|batch in>|window>", &rc))
		return rc;
	if (globals.json) {
		jw_object(&v.w);
		jw_kstr(&v.w, "book_date", book_date(v.book));
		jw_key(&v.w, "models");
		jw_array(&v.w);
	}
	for (size_t i = 0; i < book_model_count(v.book); i++) {
		struct price_query q = {.at_us = v.at_us};
		const struct price_rule *batch;
		char text[MONEY_TEXT];
		uint64_t window;
		size_t first;
		q.model = book_model_name(v.book, i, &q.provider);
		if (!kept(filter(v.provider), q.provider) || !kept(filter(v.model), q.model) ||
		    !book_model_rules(v.book, i, &first))
			continue;
		batch = price_rule_for(v.book, &q, METER_TOKEN_CLASS_0 + CLASS_IN_PLAIN, TIER_BATCH, 0, false);
		window = book_context_window_tok(v.book, q.provider, q.model);
		if (globals.json) {
			jw_object(&v.w);
			jw_kstr(&v.w, "provider", q.provider);
			jw_kstr(&v.w, "model", q.model);
			for (unsigned k = 0; k < METERS; k++) {
				const struct price_rule *r =
					price_rule_for(v.book, &q, (enum meter)k, TIER_UNKNOWN, 0, false);
				if (r)
					jw_kcstr(&v.w, meter_name((enum meter)k), said(r, text));
			}
			if (batch)
				jw_kcstr(&v.w, "batch_in_plain", said(batch, text));
			if (window)
				jw_ku64(&v.w, "context_window_tok", window);
			jw_end_object(&v.w);
		} else {
			struct table_row *row = table_add(&v.table);
			if (!row)
				break;
			table_set(&v.table, row, 0, "%.*s", STR_ARG(q.provider));
			table_set(&v.table, row, 1, "%.*s", STR_ARG(q.model));
			for (unsigned k = 0; k < 3; k++)
				table_set(&v.table, row, 2 + k, "%s",
					  said(price_rule_for(v.book, &q, (enum meter)shown[k], TIER_UNKNOWN, 0, false),
					       text));
			table_set(&v.table, row, 5, "%s", said(batch, text));
			if (window)
				table_set(&v.table, row, 6, "%llu", (unsigned long long)window);
		}
		v.rows++;
	}
	if (globals.json) {
		jw_end_array(&v.w);
		jw_end_object(&v.w);
	} else if (v.rows == 0) {
		fprintf(stderr, "runrate: no model matches\n");
	}
	return end(&v);
}

/* ---- show ---- */

static int show(int argc, char **argv);
const struct command cmd_prices_show = {
	.name = "prices show",
	.summary = "every rule of one model, dated and with its source",
	.usage = "prices show MODEL [--provider P] [--book FILE] [--at TIME]",
	.text = "With --at, only the rules in force at that time.",
	.examples = "$ runrate prices show claude-opus-5-5\n$ runrate prices show "
		    "us.anthropic.claude-sonnet-4-5-20250929-v1:0 --provider aws\n",
	.options = help,
	.run = show,
};

/* Sources are long: each gets a number in the table and stands below it once. */
static unsigned source_number(struct view *v, const struct price_rule *r)
{
	unsigned i = 0;
	while (i < v->sources && !str_eq(v->source[i]->source, r->source))
		i++;
	if (i == v->sources && v->sources < SOURCES_MOST)
		v->source[v->sources++] = r;
	return i + 1;
}

static void show_row(struct view *v, const struct price_rule *r)
{
	struct table_row *row = table_add(&v->table);
	char text[MONEY_TEXT], day[TIME_TEXT];
	if (!row)
		return;
	table_set(&v->table, row, 0, "%s", meter_name(r->meter));
	table_set(&v->table, row, 1, "%s", said(r, text));
	table_set(&v->table, row, 2, "%s%s%s%.*s",
		  r->any_tier               ? "any"
		  : r->tier > TIER_STANDARD ? tier_name(r->tier)
					    : "",
		  r->fast ? " fast" : "", r->region.n ? " " : "", STR_ARG(r->region));
	if (r->above_input_tok)
		table_set(&v->table, row, 3, "%llu", (unsigned long long)r->above_input_tok);
	if (r->window_from_min != r->window_to_min)
		table_set(&v->table, row, 3, "%02u:%02u-%02u:%02u", r->window_from_min / 60u, r->window_from_min % 60u,
			  r->window_to_min / 60u, r->window_to_min % 60u);
	table_set(&v->table, row, 4, "%s", r->valid_from_us ? time_date(r->valid_from_us, day) : "");
	table_set(&v->table, row, 5, "%s", r->valid_to_us != INT64_MAX ? time_date(r->valid_to_us, day) : "");
	table_set(&v->table, row, 6, "%.*s", STR_ARG(r->derived_from));
	table_set(&v->table, row, 7, "[%u]", source_number(v, r));
}

static int show(int argc, char **argv)
{
	struct view v = {0};
	struct err e = {0};
	struct str provider, name;
	size_t model, first, count;
	int rc;
	if (!begin(&v, &cmd_prices_show, argc, argv, 1, "meter|price>|when|above|from|to|derived|by", &rc))
		return rc;
	name = str_of(v.count ? v.positional[0] : "");
	model = v.count ? book_find(v.book, filter(v.provider), name) : SIZE_MAX;
	if (model == SIZE_MAX) {
		struct str near = book_suggest(v.book, filter(v.provider), name);
		err_set(&e, v.count ? RR_NOTFOUND : RR_USAGE, v.count ? "no prices for %.*s" : "which model?%.*s",
			STR_ARG(name));
		if (near.n && v.count)
			err_hint(&e, "did you mean %.*s? `runrate prices list` shows all", STR_ARG(near));
		end(&v);
		return cmd_fail(&e);
	}
	name = book_model_name(v.book, model, &provider);
	count = book_model_rules(v.book, model, &first);
	if (globals.json) {
		jw_object(&v.w);
		jw_kstr(&v.w, "provider", provider);
		jw_kstr(&v.w, "model", name);
		jw_ku64(&v.w, "context_window_tok", book_context_window_tok(v.book, provider, name));
		jw_ku64(&v.w, "max_output_tok", book_max_output_tok(v.book, provider, name));
		jw_key(&v.w, "rules");
		jw_array(&v.w);
	} else {
		fprintf(stderr, "%.*s/%.*s: tokens per million, the rest per unit\n", STR_ARG(provider), STR_ARG(name));
	}
	for (size_t i = first; i < first + count; i++) {
		const struct price_rule *r = book_rule(v.book, i);
		if (v.at_given && (v.at_us >= r->valid_to_us || (r->valid_from_us && v.at_us < r->valid_from_us)))
			continue;
		if (globals.json)
			rule_json(&v.w, r);
		else
			show_row(&v, r);
	}
	if (globals.json) {
		jw_end_array(&v.w);
		jw_end_object(&v.w);
	}
	return end(&v);
}

/* ---- lint ---- */

static int lint(int argc, char **argv);
const struct command cmd_prices_lint = {
	.name = "prices lint",
	.summary = "does a price book keep what its vendors promise of their prices",
	.usage = "prices lint [FILE] [--provider P] [--model M]",
	.text = "Ratios of cache prices, batch at half, no zero that nobody calls free, no two rules at once, source "
		"and date.\n"
		"Errors make the exit code 4; warnings do not.",
	.examples = "$ runrate prices lint\n$ runrate prices lint model_prices_and_context_window.json --provider "
		    "anthropic\n",
	.options = help,
	.run = lint,
};

static void lint_line(void *to, const struct lint_finding *f)
{
	struct view *v = to;
	struct table_row *row;
	if (!kept(filter(v->provider), f->rule->provider) || !kept(filter(v->model), f->rule->model))
		return;
	f->error ? v->errors++ : v->warnings++;
	if (globals.json) {
		jw_object(&v->w);
		jw_kcstr(&v->w, "level", f->error ? "error" : "warning");
		jw_kstr(&v->w, "rule", f->rule->id);
		jw_kcstr(&v->w, "text", f->text);
		jw_end_object(&v->w);
	} else if (!globals.csv) {
		sb_addf(&v->out, "%s  %.*s: %s\n", f->error ? "error  " : "warning", STR_ARG(f->rule->id), f->text);
	} else if ((row = table_add(&v->table))) {
		table_set(&v->table, row, 0, "%s", f->error ? "error" : "warning");
		table_set(&v->table, row, 1, "%.*s", STR_ARG(f->rule->id));
		table_set(&v->table, row, 2, "%s", f->text);
	}
}

/* `prices lint FILE` and `prices diff FILE` take the book as an argument too. */
static bool positional_book(struct view *v, unsigned index, struct book **out, int *exit_code)
{
	struct err e = {0};
	if (v->count <= index)
		return true;
	*out = book_load(v->positional[index], &e);
	if (!*out)
		*exit_code = cmd_fail(&e);
	return *out != NULL;
}

static int lint(int argc, char **argv)
{
	struct view v = {0};
	struct book *other = NULL;
	int rc;
	if (!begin(&v, &cmd_prices_lint, argc, argv, 1, "level|rule|finding", &rc))
		return rc;
	if (!positional_book(&v, 0, &other, &rc)) {
		end(&v);
		return rc;
	}
	if (globals.json) {
		jw_object(&v.w);
		jw_ku64(&v.w, "rules_checked", book_rule_count(other ? other : v.book));
		jw_key(&v.w, "findings");
		jw_array(&v.w);
	}
	book_lint(other ? other : v.book, lint_line, &v);
	if (globals.json) {
		jw_end_array(&v.w);
		jw_ku64(&v.w, "errors", v.errors);
		jw_ku64(&v.w, "warnings", v.warnings);
		jw_end_object(&v.w);
	} else {
		fprintf(stderr, "%zu rules: %u errors, %u warnings\n", book_rule_count(other ? other : v.book),
			v.errors, v.warnings);
	}
	rc = end(&v);
	book_free(other);
	return rc ? rc : v.errors ? err_exit_code(RR_INPUT) : 0;
}

/* ---- diff ---- */

static int diff(int argc, char **argv);
const struct command cmd_prices_diff = {
	.name = "prices diff",
	.summary = "who disagrees with the book, by how much",
	.usage = "prices diff FILE [FILE] [--provider P] [--model M] [--at TIME]",
	.text = "Compares the standard prices of FILE with those of the built-in book (or of the second FILE), model "
		"by model.",
	.examples = "$ runrate prices diff genai-prices.json --provider openai\n$ runrate prices diff litellm.json "
		    "genai-prices.json --json\n",
	.options = help,
	.run = diff,
};

static void diff_line(void *to, const struct book_difference *d)
{
	struct view *v = to;
	char a[MONEY_TEXT], b[MONEY_TEXT];
	struct table_row *row;
	if (globals.json) {
		jw_object(&v->w);
		jw_kstr(&v->w, "provider", d->provider);
		jw_kstr(&v->w, "model", d->model);
		jw_kcstr(&v->w, "meter", meter_name(d->meter));
		jw_kcstr(&v->w, "a", said(d->a, a));
		jw_kcstr(&v->w, "b", d->b ? said(d->b, b) : NULL);
		jw_kstr(&v->w, "rule_a", d->a->id);
		jw_kcstr(&v->w, "rule_b", d->b ? d->b->id.p : NULL);
		if (d->b)
			jw_kdouble(&v->w, "relative", d->relative);
		jw_end_object(&v->w);
	} else if ((row = table_add(&v->table))) {
		table_set(&v->table, row, 0, "%.*s", STR_ARG(d->provider));
		table_set(&v->table, row, 1, "%.*s", STR_ARG(d->model));
		table_set(&v->table, row, 2, "%s", meter_name(d->meter));
		table_set(&v->table, row, 3, "%s", said(d->a, a));
		table_set(&v->table, row, 4, "%s", said(d->b, b));
		if (d->b)
			table_set(&v->table, row, 5, "%+.1f %%", d->relative * 100);
	}
}

static void diff_sum(struct view *v, const struct book_comparison *s)
{
	if (globals.json) {
		jw_end_array(&v->w);
		jw_ku64(&v->w, "models", s->models);
		jw_ku64(&v->w, "models_in_both", s->models_in_both);
		jw_ku64(&v->w, "prices_in_both", s->prices_in_both);
		jw_ku64(&v->w, "disagree", s->disagree);
		jw_ku64(&v->w, "only_a", s->only_a);
		jw_end_object(&v->w);
	} else {
		fprintf(stderr, "%u of %u models in both; %u prices in both, %u disagree; %u prices only in a\n",
			s->models_in_both, s->models, s->prices_in_both, s->disagree, s->only_a);
	}
}

static void diff_books(struct view *v, const struct book *a, const struct book *b)
{
	struct book_comparison sum;
	if (globals.json) {
		jw_object(&v->w);
		jw_key(&v->w, "differences");
		jw_array(&v->w);
	}
	book_compare(a, b, filter(v->provider), filter(v->model), v->at_us, &sum, diff_line, v);
	diff_sum(v, &sum);
}

static int diff(int argc, char **argv)
{
	struct view v = {0};
	struct book *a = NULL, *b = NULL;
	struct err e = {0};
	int rc;
	if (!begin(&v, &cmd_prices_diff, argc, argv, 2, "provider|model|meter|a>|b>|b - a>", &rc))
		return rc;
	if (v.count == 0) {
		err_set(&e, RR_USAGE, "which file shall be compared with the book?");
		end(&v);
		return cmd_fail(&e);
	}
	if (!positional_book(&v, 0, &a, &rc) || !positional_book(&v, 1, &b, &rc)) {
		end(&v);
		book_free(a);
		return rc;
	}
	diff_books(&v, a, b ? b : v.book);
	rc = end(&v);
	book_free(a);
	book_free(b);
	return rc;
}

/* ---- update ---- */

static int update(int argc, char **argv);
const struct command cmd_prices_update = {
	.name = "prices update",
	.summary = "check a price file, show what it changes, keep it as your own prices",
	.usage = "prices update FILE [--provider P] [--model M] [--dry-run]",
	.text = "FILE is our own CSV or a public price file; --provider and --model take only a part of it. What is "
		"kept lies over\n"
		"the built-in book: $XDG_CONFIG_HOME/runrate/prices.csv. A file with errors (see prices lint) is "
		"refused.",
	.examples = "$ runrate prices update contract.csv --dry-run\n$ runrate prices update litellm.json --provider "
		    "deepinfra\n",
	.options = help,
	.run = update,
};

/* What was kept before, with the new rules over it, as bytes of the user's file. */
static int merge(struct view *v, const struct book *fresh, const char *path, struct sb *out, struct err *e)
{
	struct book *kept_book = NULL, *part = NULL;
	int rc = 0;
	book_write_csv(fresh, filter(v->provider), filter(v->model), out);
	if (!fs_exists(path))
		return out->full ? err_set(e, RR_LIMIT, "the prices are over the limit of a price file") : 0;
	kept_book = book_load(path, e);
	part = kept_book ? book_parse(sb_str(out), path, e) : NULL;
	if (!part || book_overlay(kept_book, part, e))
		rc = -RR_CONFIG;
	sb_clear(out);
	if (!rc)
		book_write_csv(kept_book, str_of(""), str_of(""), out);
	book_free(kept_book);
	book_free(part);
	return rc;
}

static int update(int argc, char **argv)
{
	struct view v = {0};
	struct book *fresh = NULL;
	struct err e = {0};
	struct sb csv;
	char path[4096];
	int rc;
	if (!begin(&v, &cmd_prices_update, argc, argv, 1, "provider|model|meter|file>|book>|book - file>", &rc))
		return rc;
	sb_init(&csv, OUT_BYTES);
	fs_config_path("prices.csv", path, sizeof path);
	if (v.count == 0)
		rc = err_set(&e, RR_USAGE, "which file?");
	else if (!(fresh = book_load(v.positional[0], &e)))
		rc = -RR_INPUT;
	else
		rc = 0;
	if (!rc) {
		struct view quiet = {.provider = v.provider, .model = v.model};
		sb_init(&quiet.out, OUT_BYTES);
		arena_init(&quiet.arena, TABLE_BYTES);
		table_init(&quiet.table, &quiet.arena, "level|rule|finding");
		jw_init(&quiet.w, &quiet.out);
		book_lint(fresh, lint_line, &quiet);
		if (quiet.errors) {
			err_set(&e, RR_INPUT, "%s has %u errors", v.positional[0], quiet.errors);
			rc = err_hint(&e, "`runrate prices lint %s` lists them; nothing was changed", v.positional[0]);
		}
		arena_fini(&quiet.arena);
		sb_fini(&quiet.out);
	}
	if (!rc)
		rc = merge(&v, fresh, path, &csv, &e);
	if (!rc) {
		diff_books(&v, fresh, v.book);
		if (!globals.dry_run && (rc = fs_make_parent(path, &e)) == 0)
			rc = fs_write_atomic(path, sb_str(&csv), 0644, &e);
	}
	if (end(&v) && !rc)
		rc = err_set(&e, RR_IO, "the output cannot be written");
	if (!rc)
		fprintf(stderr, globals.dry_run ? "would write %s (--dry-run: nothing was written)\n" : "wrote %s\n",
			path);
	book_free(fresh);
	sb_fini(&csv);
	return rc ? cmd_fail(&e) : 0;
}
