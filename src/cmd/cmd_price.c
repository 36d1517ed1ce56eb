/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate price: what one vendor's answer, or a file of them, cost; with the rule that says so.
 *
 * Input is one JSON body, or JSON lines of bodies. A line of a vendor's batch result is unwrapped: the body inside
 * is priced, at the batch tier. A body that is malformed is named with its line and the others are still priced.
 */
#include <stdio.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "model/price.h"

enum { BODY_BYTES = 64 * 1024 * 1024, TABLE_BYTES = 64 * 1024 * 1024 };

struct job {
	const char *provider, *dialect, *model, *book_path, *region, *tier;
	bool strict, list;
	int64_t at_us;
	bool at_given;
	enum usage_shape shape;
	struct book *book;
	struct sb out;
	struct arena arena;
	struct table table;
	const char *file;
	unsigned bodies, unpriced, bad;
	money_wide total_pico;
	bool mixed;
	struct currency currency;
};

static const struct opt price_help[] = {
	{"provider", 0, OPT_STR, NULL, NULL, "P",
	 "who bills: openai, anthropic, google, aws, ... (default: any that knows the model)"},
	{"dialect", 0, OPT_STR, NULL, NULL, "D", "the shape of the answers: openai-chat, anthropic, gemini, ..."},
	{"model", 0, OPT_STR, NULL, NULL, "M", "the model, where the answer does not name it (else this one counts)"},
	{"book", 0, OPT_STR, NULL, NULL, "FILE",
	 "prices: own CSV, LiteLLM, genai-prices v2, models.dev, Langfuse (default: built in)"},
	{"at", 0, OPT_TIME, NULL, NULL, "TIME", "prices in force at that time (default: now)"},
	{"region", 0, OPT_STR, NULL, NULL, "R", "where it was served, if that changes the price: us, eu, ..."},
	{"tier", 0, OPT_STR, NULL, NULL, "T",
	 "the tier that was served, where the answer does not say: batch, flex, priority"},
	{"strict", 0, OPT_FLAG, NULL, NULL, NULL, "exit 11 if something has no price"},
	{"list-dialects", 0, OPT_FLAG, NULL, NULL, NULL, "names of the dialects"},
	{NULL},
};

static void json_classes(const struct usage *u, struct json_out *w)
{
	jw_key(w, "classes");
	jw_object(w);
	for (unsigned k = 0; k < CLASSES; k++)
		jw_ku64(w, token_class_name((enum token_class)k), u->tok[k]);
	jw_end_object(w);
	jw_key(w, "tool_calls");
	jw_object(w);
	for (unsigned k = 0; k < TOOLS; k++)
		if (u->tools[k])
			jw_ku64(w, tool_kind_name((enum tool_kind)k), u->tools[k]);
	jw_end_object(w);
	if (u->audio_ms) {
		char seconds[MONEY_TEXT];
		jw_key(w, "seconds");
		jw_raw(w, str_of(money_text((money_wide)u->audio_ms * (PICO_PER_UNIT / 1000), seconds)));
	}
	if (u->images)
		jw_ku64(w, "images", u->images);
	if (u->characters)
		jw_ku64(w, "characters", u->characters);
	if (u->storage_token_hours)
		jw_ku64(w, "storage_token_hours", u->storage_token_hours);
}

static const char *status_word(enum price_status s)
{
	return s == PRICE_FREE ? price_status_name(PRICE_PRICED) : price_status_name(s);
}

static void print_json(struct job *j, uint64_t line, struct str model, const struct usage *u,
		       const struct price_result *r)
{
	struct json_out w;
	jw_init(&w, &j->out);
	jw_object(&w);
	jw_ku64(&w, "line", line);
	jw_kstr(&w, "model", model);
	jw_kstr(&w, "priced_as", r->model);
	jw_kcstr(&w, "provider", j->provider ? j->provider : "");
	jw_kcstr(&w, "status", status_word(r->status));
	if (r->status == PRICE_FREE)
		jw_kbool(&w, "free", true);
	if (r->why[0])
		jw_kcstr(&w, "why", r->why);
	if (r->status == PRICE_UNPRICED && r->model.n == 0) {
		struct str near = book_suggest(j->book, str_of(j->provider ? j->provider : ""), model);
		if (near.n)
			jw_kstr(&w, "did_you_mean", near);
	}
	json_classes(u, &w);
	jw_key(&w, "vendor_total_tokens");
	if (r->status == PRICE_NO_USAGE)
		jw_null(&w);
	else
		jw_u64(&w, u->vendor_total_tok);
	jw_kcstr(&w, "tier", tier_name(u->tier));
	if (u->geo[0])
		jw_kcstr(&w, "geo", u->geo);
	if (u->fast)
		jw_kbool(&w, "fast", true);
	if (u->flags & USAGE_VENDOR_COST)
		jw_kmoney(&w, "claimed", u->vendor_cost_pico);
	price_json(r, &w);
	jw_end_object(&w);
	sb_addc(&j->out, '\n');
}

static void print_row(struct job *j, uint64_t line, struct str model, const struct usage *u,
		      const struct price_result *r)
{
	struct table_row *row = table_add(&j->table);
	char in[MONEY_TEXT], out[MONEY_TEXT], total[MONEY_TEXT];
	bool known = r->status == PRICE_PRICED || r->status == PRICE_FREE || r->status == PRICE_MISMATCH;
	if (!row)
		return;
	table_set(&j->table, row, 0, "%llu", (unsigned long long)line);
	table_set(&j->table, row, 1, "%.*s", STR_ARG(model));
	table_set(&j->table, row, 2, "%s", status_word(r->status));
	table_set(&j->table, row, 3, "%llu", (unsigned long long)usage_total_tok(u));
	if (!known) {
		struct str near = r->model.n ? str_make("", 0)
					     : book_suggest(j->book, str_of(j->provider ? j->provider : ""), model);
		table_set(&j->table, row, 6, "-");
		fprintf(stderr, "runrate: %s:%llu: %s: %s%s%.*s%s\n", j->file, (unsigned long long)line,
			status_word(r->status), r->why, near.n ? " (did you mean " : "", STR_ARG(near),
			near.n ? "?)" : "");
		return;
	}
	table_set(&j->table, row, 4, "%s", money_text(r->input_pico, in));
	table_set(&j->table, row, 5, "%s", money_text(r->output_pico, out));
	table_set(&j->table, row, 6, "%s %s", money_text(r->total_pico, total), r->currency.code);
}

/* The answer inside a line of a batch result; batch is set when it was one. */
static struct json unwrap(struct json body, bool *batch)
{
	struct json inner = json_path(body, "response.body");
	*batch = true;
	if (json_get(body, "custom_id").type == JSON_STRING && inner.type == JSON_OBJECT)
		return inner; /* OpenAI: {custom_id, response: {status_code, body}} */
	inner = json_path(body, "result.message");
	if (json_get(body, "custom_id").type == JSON_STRING && inner.type == JSON_OBJECT)
		return inner; /* Anthropic: {custom_id, result: {type, message}} */
	inner = json_get(body, "response");
	if (json_get(body, "key").type == JSON_STRING && inner.type == JSON_OBJECT)
		return inner; /* Gemini: {key, response} */
	*batch = false;
	return body;
}

static void name_bad(struct job *j, uint64_t line, const char *what, size_t column)
{
	j->bad++;
	fprintf(stderr, "runrate: %s:%llu%s", j->file, (unsigned long long)line, column ? ":" : "");
	if (column)
		fprintf(stderr, "%zu", column);
	fprintf(stderr, ": %s\n", what);
}

/* Where a body names its model although its dialect has no such field (Bedrock's converse, wrapped answers). */
static struct str named_model(struct json body)
{
	static const char *const path[] = {"model", "modelId", "modelVersion", "response.model", "message.model"};
	struct str s = {"", 0};
	for (size_t i = 0; i < sizeof path / sizeof *path && s.n == 0; i++)
		s = json_raw_string(json_path(body, path[i]));
	return s;
}

static void price_body(struct job *j, uint64_t line, struct json body)
{
	struct price_query q = {.provider = str_of(j->provider ? j->provider : ""),
				.at_us = j->at_us,
				.region = str_of(j->region ? j->region : "")};
	struct price_result r;
	struct usage u = {0};
	struct str model;
	char name[256];
	bool batch;
	int rc;
	body = unwrap(body, &batch);
	rc = usage_read(j->shape, body, &u);
	if (rc) {
		name_bad(j, line,
			 rc == -RR_RANGE ? "a count is out of range"
					 : "the usage block holds something that is no count",
			 0);
		return;
	}
	if (j->tier && (u.tier == TIER_UNKNOWN || u.tier == TIER_STANDARD))
		u.tier = tier_parse(str_of(j->tier));
	if (batch && u.tier == TIER_UNKNOWN)
		u.tier = TIER_BATCH;
	model = u.model.n ? u.model : named_model(body);
	if (j->model)
		model = str_of(j->model);
	str_copy(name, sizeof name, model);
	q.model = model = str_of(name);
	rc = price(j->book, &q, &u, &r);
	j->bodies++;
	if (r.status == PRICE_UNPRICED || (rc && r.status != PRICE_NO_USAGE))
		j->unpriced++;
	if (!rc) {
		j->mixed = j->mixed || (j->total_pico && !currency_eq(j->currency, r.currency));
		j->currency = r.currency;
		j->total_pico += r.total_pico;
	}
	if (globals.json)
		print_json(j, line, model, &u, &r);
	else
		print_row(j, line, model, &u, &r);
}

static void price_text(struct job *j, uint64_t line, struct str text)
{
	struct json body;
	struct json_fault fault;
	if (str_trim(text).n == 0)
		return;
	if (json_parse(text, &body, &fault))
		name_bad(j, line, fault.what, fault.at + 1);
	else if (body.type != JSON_OBJECT && body.type != JSON_ARRAY)
		name_bad(j, line, "an answer's body is a JSON object", 1);
	else
		price_body(j, line, body);
}

/* The first line is no JSON by itself: one body over several lines, or lines of which the first is malformed. */
static int price_rest(struct job *j, struct fs_lines *l, struct str first, struct err *e)
{
	struct sb all;
	struct str line, rest;
	uint64_t number = fs_lines_number(l);
	int rc;
	sb_init(&all, BODY_BYTES);
	sb_add_str(&all, first);
	while ((rc = fs_lines_next(l, &line, e)) > 0) {
		sb_addc(&all, '\n');
		sb_add_str(&all, line);
	}
	if (!rc && all.full)
		rc = err_set(e, RR_LIMIT, "%s: the body is over %d MiB", j->file, BODY_BYTES >> 20);
	if (!rc && json_check(sb_str(&all), NULL) == 0) {
		price_text(j, number, sb_str(&all));
	} else if (!rc) {
		for (rest = sb_str(&all); rest.p;)
			price_text(j, number++, str_cut(&rest, '\n'));
	}
	sb_fini(&all);
	return rc;
}

static int flush(struct job *j, bool last)
{
	int rc = 0;
	if (j->out.n > 64 * 1024 || last) {
		if (j->out.n)
			rc = cmd_print(sb_str(&j->out));
		sb_clear(&j->out);
	}
	return rc;
}

static int price_file(struct job *j, struct err *e)
{
	struct fs_lines *l = fs_lines_open(j->file, BODY_BYTES, e);
	struct str line;
	bool begun = false;
	int rc;
	if (!l)
		return -RR_IO;
	while ((rc = fs_lines_next(l, &line, e)) != 0) {
		if (rc < 0) {
			name_bad(j, fs_lines_number(l), e->what, 0);
			break;
		}
		if (str_trim(line).n == 0)
			continue;
		if (!begun && json_check(line, NULL)) {
			rc = price_rest(j, l, line, e);
			break;
		}
		begun = true;
		price_text(j, fs_lines_number(l), line);
		if (flush(j, false)) {
			rc = -RR_IO;
			break;
		}
	}
	fs_lines_close(l);
	return rc < 0 ? rc : 0;
}

static int list_dialects(void)
{
	struct sb out;
	struct json_out w;
	int rc;
	sb_init(&out, 64 * 1024);
	jw_init(&w, &out);
	if (globals.json) {
		jw_object(&w);
		jw_key(&w, "dialects");
		jw_array(&w);
	}
	for (unsigned s = 0; s < SHAPES; s++) {
		if (s == SHAPE_NONE)
			continue;
		if (globals.json)
			jw_cstr(&w, usage_shape_name((enum usage_shape)s));
		else
			sb_addf(&out, "%s\n", usage_shape_name((enum usage_shape)s));
	}
	if (globals.json) {
		jw_end_array(&w);
		jw_end_object(&w);
		sb_addc(&out, '\n');
	}
	rc = cmd_print(sb_str(&out));
	sb_fini(&out);
	return rc;
}

static int finish(struct job *j)
{
	char total[MONEY_TEXT];
	if (!globals.json && j->bodies) {
		if (j->bodies > 1 && !j->mixed) {
			struct table_row *row;
			table_rule(&j->table);
			row = table_add(&j->table);
			table_set(&j->table, row, 1, "%u priced", j->bodies - j->unpriced);
			table_set(&j->table, row, 6, "%s %s", money_text(j->total_pico, total), j->currency.code);
		}
		if (globals.csv)
			table_csv(&j->table, &j->out);
		else
			table_text(&j->table, term_width(1), &j->out);
	}
	return flush(j, true);
}

static int check_flags(struct job *j, struct err *e)
{
	if (!j->dialect) {
		err_set(e, RR_USAGE, "--dialect is missing: the shape of the answers");
		return err_hint(e,
				"one of those that `runrate price --list-dialects` prints, e.g. --dialect openai-chat");
	}
	if (usage_shape_parse(str_of(j->dialect), &j->shape)) {
		err_set(e, RR_USAGE, "unknown dialect '%.60s'", j->dialect);
		return err_hint(e, "`runrate price --list-dialects` prints them");
	}
	if (j->tier && (tier_parse(str_of(j->tier)) == TIER_UNKNOWN || tier_parse(str_of(j->tier)) > TIER_PROVISIONED))
		return err_set(e, RR_USAGE, "unknown tier '%.60s': batch, flex, priority, standard", j->tier);
	return 0;
}

static int run(int argc, char **argv);

const struct command cmd_price = {
	.name = "price",
	.summary = "what one answer of a vendor cost, exactly, with the rule that says so",
	.usage = "price --provider P --dialect D [--model M] [--book FILE] [--at TIME] [FILE|-]",
	.text = "Reads one response body, or JSON lines of bodies, and prints its token classes and its cost. A "
		"model,\n"
		"a tier or a class without a price is unpriced and says so; it is never 0.",
	.examples = "$ runrate price --provider openai --dialect openai-chat answer.json\n"
		    "$ runrate price --provider anthropic --dialect anthropic --at 2026-03-01 --json answers.jsonl\n"
		    "$ runrate price --provider google --dialect gemini --book genai-prices.json -\n",
	.options = price_help,
	.run = run,
};

static int run(int argc, char **argv)
{
	struct job j = {.file = "-"};
	const struct opt options[] = {
		{"provider", 0, OPT_STR, &j.provider, NULL, "P", price_help[0].help},
		{"dialect", 0, OPT_STR, &j.dialect, NULL, "D", price_help[1].help},
		{"model", 0, OPT_STR, &j.model, NULL, "M", price_help[2].help},
		{"book", 0, OPT_STR, &j.book_path, NULL, "FILE", price_help[3].help},
		{"at", 0, OPT_TIME, &j.at_us, &j.at_given, "TIME", price_help[4].help},
		{"region", 0, OPT_STR, &j.region, NULL, "R", price_help[5].help},
		{"tier", 0, OPT_STR, &j.tier, NULL, "T", price_help[6].help},
		{"strict", 0, OPT_FLAG, &j.strict, NULL, NULL, price_help[7].help},
		{"list-dialects", 0, OPT_FLAG, &j.list, NULL, NULL, price_help[8].help},
		{NULL},
	};
	const char *positional[1];
	unsigned count;
	struct err e = {0};
	int rc = cmd_parse(&cmd_price, argc, argv, options, positional, &count, 1);
	if (rc)
		return rc > 0 ? 0 : err_exit_code(rc);
	if (j.list)
		return list_dialects();
	if (check_flags(&j, &e))
		return cmd_fail(&e);
	if (count)
		j.file = positional[0];
	if (!j.at_given)
		j.at_us = cmd_now_us();
	j.book = j.book_path ? book_load(j.book_path, &e) : book_builtin(&e);
	if (!j.book)
		return cmd_fail(&e);
	sb_init(&j.out, BODY_BYTES * 2);
	arena_init(&j.arena, TABLE_BYTES);
	table_init(&j.table, &j.arena, "line>|model|status|tokens>|input>|output>|total>");
	rc = price_file(&j, &e);
	if (finish(&j))
		rc = -RR_FAIL;
	else if (rc)
		rc = cmd_fail(&e);
	else if (j.bad)
		rc = err_exit_code(RR_INPUT);
	else if (j.strict && j.unpriced)
		rc = err_exit_code(RR_UNPRICED);
	book_free(j.book);
	arena_fini(&j.arena);
	sb_fini(&j.out);
	return rc < 0 ? err_exit_code(rc) : rc;
}
