/* SPDX-License-Identifier: Apache-2.0
 *
 * A price book from bytes: which format is this, the folder of own lists, the lists that are compiled in.
 *
 * The format is told by content, never by name: JSON by its shape, models.dev by its folders or TOML, the rest is
 * our own CSV. The compiled-in lists are data/prices/ as of the build, so that a copied binary prices by itself; the
 * user's own file ($XDG_CONFIG_HOME/runrate/prices.csv) lies over them.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "model/book_data.h"
#include "model/book_i.h"

enum { FOLDER_FILES = 256 };

/* Sources and providers before the rules that name them, facts after the models they are about. */
static unsigned kind_order(struct str text)
{
	size_t end = str_chr(text, '\n');
	struct str head = str_sub(text, 0, end == SIZE_MAX ? text.n : end);
	if (str_contains(head, STR("meter")))
		return 2;
	if (str_contains(head, STR("context_window_tok")))
		return 3;
	return str_contains(head, STR("falls_back_to")) ? 1 : 0;
}

static int read_json(struct book *b, struct str text, const char *name, struct err *e)
{
	struct json top, first = {JSON_NONE, {"", 0}};
	struct json_fault fault;
	struct json_iter it;
	struct str key;
	int rc = json_parse(text, &top, &fault);
	if (rc) {
		unsigned line = 1;
		for (size_t i = 0; i < fault.at && i < text.n; i++)
			line += text.p[i] == '\n';
		err_set(e, -rc, "the price file is no JSON: %s", fault.what);
		return err_at(e, name, line, 0);
	}
	json_open(&it, top);
	while (json_next(&it, &key, &first))
		if (first.type == JSON_OBJECT && !json_key_eq(key, STR("sample_spec")))
			break;
	if (top.type == JSON_ARRAY && json_get(first, "models").type == JSON_ARRAY)
		return book_read_genai(b, top, name, e);
	if (top.type == JSON_ARRAY && json_get(first, "pricingTiers").type == JSON_ARRAY)
		return book_read_langfuse(b, top, name, e);
	if (top.type == JSON_OBJECT && json_get(top, "data").type == JSON_ARRAY)
		return book_read_openrouter(b, top, name, e);
	if (top.type == JSON_OBJECT && json_get(first, "litellm_provider").type == JSON_STRING)
		return book_read_litellm(b, top, name, e);
	if (top.type == JSON_OBJECT && json_get(first, "models").type == JSON_OBJECT)
		return book_read_modelsdev_json(b, top, name, e);
	err_set(e, RR_INPUT, "%s is no price file that is known here", name);
	return err_hint(e, "own CSV, or LiteLLM, genai-prices v2, models.dev, Langfuse, OpenRouter files as published");
}

static int read_text(struct book *b, struct str text, const char *name, struct err *e)
{
	struct str s = str_trim(text);
	if (str_starts(s, STR("\xEF\xBB\xBF")))
		s = str_sub(s, 3, s.n);
	if (s.n && (s.p[0] == '{' || s.p[0] == '['))
		return read_json(b, s, name, e);
	return book_read_csv(b, text, name, e);
}

struct book *book_parse(struct str text, const char *name, struct err *e)
{
	struct book *b = book_new(e);
	if (b && (read_text(b, text, name, e) || book_finish(b, e))) {
		book_free(b);
		return NULL;
	}
	return b;
}

struct file {
	struct sb text;
	char name[512];
	unsigned order;
};

static int by_order(const void *x, const void *y)
{
	const struct file *a = x, *b = y;
	return a->order != b->order ? (a->order < b->order ? -1 : 1) : strcmp(a->name, b->name);
}

static int read_folder(struct book *b, const char *path, struct err *e)
{
	struct file *file = calloc(FOLDER_FILES, sizeof *file);
	unsigned count = 0;
	struct dirent *entry;
	DIR *d = opendir(path);
	int rc = 0;
	if (!file || !d) {
		rc = err_set(e, RR_IO, "the folder %s cannot be read", path);
		goto out;
	}
	while (!rc && (entry = readdir(d))) {
		struct str n = str_of(entry->d_name);
		if (n.p[0] == '.' || !(str_ends(n, STR(".csv")) || str_ends(n, STR(".json"))))
			continue;
		if (count == FOLDER_FILES) {
			rc = err_set(e, RR_LIMIT, "%s holds more than %d price files", path, FOLDER_FILES);
			break;
		}
		if (snprintf(file[count].name, sizeof file[count].name, "%s/%s", path, entry->d_name) >=
		    (int)sizeof file->name)
			continue;
		sb_init(&file[count].text, BOOK_TEXT_BYTES);
		rc = fs_read(file[count].name, &file[count].text, e);
		file[count].order = str_ends(n, STR(".json")) ? 2 : kind_order(sb_str(&file[count].text));
		count++;
	}
	if (!rc && count == 0)
		rc = err_set(e, RR_INPUT, "no price list (CSV or JSON) in %s", path);
	if (!rc)
		qsort(file, count, sizeof *file, by_order);
	for (unsigned i = 0; i < count; i++) {
		if (!rc)
			rc = read_text(b, sb_str(&file[i].text), file[i].name, e);
		sb_fini(&file[i].text);
	}
out:
	if (d)
		closedir(d);
	free(file);
	return rc;
}

static int read_file(struct book *b, const char *path, struct err *e)
{
	struct sb text;
	int rc;
	sb_init(&text, BOOK_TEXT_BYTES);
	rc = fs_read(path, &text, e);
	if (!rc)
		rc = read_text(b, sb_str(&text), path, e);
	sb_fini(&text);
	return rc;
}

struct book *book_load(const char *path, struct err *e)
{
	struct book *b = book_new(e);
	struct stat st;
	int rc;
	if (!b)
		return NULL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		rc = modelsdev_is_folder(path) ? book_read_modelsdev(b, path, e) : read_folder(b, path, e);
	else
		rc = str_ends(str_of(path), STR(".toml")) ? book_read_modelsdev(b, path, e) : read_file(b, path, e);
	if (rc || book_finish(b, e)) {
		book_free(b);
		return NULL;
	}
	return b;
}

struct book *book_builtin(struct err *e)
{
	struct book *b = book_new(e), *own;
	char path[4096];
	int rc = b ? 0 : -RR_NOMEM;
	for (unsigned order = 0; order < 4; order++)
		for (size_t i = 0; !rc && i < book_data_count; i++) {
			struct str text = str_make(book_data[i].text, book_data[i].bytes);
			if (kind_order(text) == order)
				rc = book_read_csv(b, text, book_data[i].name, e);
		}
	if (!rc)
		rc = book_finish(b, e);
	fs_config_path("prices.csv", path, sizeof path);
	if (!rc && fs_exists(path)) {
		own = book_load(path, e);
		rc = own ? book_overlay(b, own, e) : -RR_CONFIG;
		book_free(own);
	}
	fs_config_path("contracts.csv", path, sizeof path);
	if (!rc && fs_exists(path)) {
		struct sb text;
		sb_init(&text, BOOK_TEXT_BYTES);
		rc = fs_read(path, &text, e);
		if (!rc)
			rc = book_agree(b, sb_str(&text), path, e);
		sb_fini(&text);
	}
	if (rc) {
		book_free(b);
		return NULL;
	}
	return b;
}
