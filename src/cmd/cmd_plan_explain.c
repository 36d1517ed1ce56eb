/* SPDX-License-Identifier: Apache-2.0
 *
 * explain plan [FIGURE]: the terms of the last plan that ran, as it was kept (cmd_plan_keep).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/table.h"
#include "cmd/cmd_plan.h"

enum { KEPT_BYTES = 64 << 20, ARENA_BYTES = 64 << 20 };

/* "11.6 %", "0.3472 USD/Mtok": a kept figure for people. */
static char *shown(struct json value, const char *unit, char text[64])
{
	struct currency none = {{0}};
	char number[48];
	if (value.type != JSON_NUMBER) {
		snprintf(text, 64, "%.*s", value.text.n < 60 ? (int)value.text.n : 60, value.text.p);
		return text;
	}
	str_copy(number, sizeof number, value.text);
	return value_text(strtod(number, NULL), unit, none, text);
}

static void term_rows(struct json terms, struct table *t)
{
	struct json_iter it;
	struct str key;
	struct json term;
	for (json_open(&it, terms); json_next(&it, &key, &term);) {
		char name[80], unit[40], source[160], date[24], text[64];
		struct table_row *row = table_add(t);
		struct json value = json_get(term, "value");
		json_string_copy(json_get(term, "name"), name, sizeof name);
		json_string_copy(json_get(term, "unit"), unit, sizeof unit);
		json_string_copy(json_get(term, "source"), source, sizeof source);
		json_string_copy(json_get(term, "date"), date, sizeof date);
		if (!row)
			return;
		table_set(t, row, 0, "  %s", name);
		table_set(t, row, 1, "%s", shown(value, unit, text));
		table_set(t, row, 2, "%s%s%s", source, date[0] ? ", " : "", date);
	}
}

static void figure_text(struct json figure, struct arena *a, struct sb *out)
{
	char name[80], unit[40], formula[1200], text[64];
	struct table t;
	json_string_copy(json_get(figure, "name"), name, sizeof name);
	json_string_copy(json_get(figure, "unit"), unit, sizeof unit);
	json_string_copy(json_get(figure, "formula"), formula, sizeof formula);
	sb_addf(out, "%s = %s\n  = %s\n", name, shown(json_get(figure, "value"), unit, text), formula);
	table_init(&t, a, "term|value>|source");
	term_rows(json_get(figure, "terms"), &t);
	table_text(&t, term_width(1), out);
	sb_addc(out, '\n');
}

/* The figure by its name, or the first of all when name is NULL. JSON_NONE: there is none. */
static struct json find(struct json list, const char *name)
{
	struct json_iter it;
	struct str key;
	struct json figure;
	for (json_open(&it, list); json_next(&it, &key, &figure);)
		if (!name || json_string_eq(json_get(figure, "name"), name))
			return figure;
	return (struct json){JSON_NONE, {NULL, 0}};
}

static void print_json(struct json top, struct json figure, struct sb *out)
{
	struct json_out w;
	struct json_iter it;
	struct str key;
	struct json member;
	jw_init(&w, out);
	jw_object(&w);
	for (json_open(&it, figure); json_next(&it, &key, &member);) {
		char name[80];
		snprintf(name, sizeof name, "%.*s", STR_ARG(key));
		jw_key(&w, name);
		jw_raw(&w, member.text);
	}
	jw_key(&w, "figures");
	jw_raw(&w, json_get(top, "explain").text);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

int cmd_plan_explain(const char *name)
{
	struct sb kept, out;
	struct arena a;
	struct err e = {0};
	struct json top, figure;
	char path[512];
	int code;
	sb_init(&kept, KEPT_BYTES);
	sb_init(&out, KEPT_BYTES);
	arena_init(&a, ARENA_BYTES);
	fs_data_path("last-plan.json", path, sizeof path);
	if (!fs_exists(path) || fs_read(path, &kept, &e) < 0 || json_parse(sb_str(&kept), &top, NULL) < 0) {
		err_set(&e, RR_NOTFOUND, "no plan was kept here yet");
		err_hint(&e, "run a plan first: runrate plan selfhost --rate 2.50 --tps 2000 --api-per-mtok 3.00");
		code = cmd_fail(&e);
		goto out;
	}
	struct json list = json_get(top, "explain");
	figure = find(list, name);
	if (figure.type == JSON_NONE) {
		err_set(&e, RR_NOTFOUND, "the last plan has no figure \"%s\"", name ? name : "");
		err_hint(&e, "runrate explain plan lists them all");
		code = cmd_fail(&e);
		goto out;
	}
	if (globals.json) {
		print_json(top, figure, &out);
	} else if (name) {
		figure_text(figure, &a, &out);
	} else {
		struct json_iter it;
		struct str key;
		for (json_open(&it, list); json_next(&it, &key, &figure);)
			if (json_get(figure, "value").type != JSON_NULL)
				figure_text(figure, &a, &out);
	}
	code = cmd_print(sb_str(&out));
out:
	arena_fini(&a);
	sb_fini(&kept);
	sb_fini(&out);
	return code;
}
