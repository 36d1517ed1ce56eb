/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend Gemini's files: the resumable upload of Google's APIs (start, then pieces, the last of which finalises),
 * and what can be asked about a file. Source: Gemini API guide "Files", and what @google/genai 2.32.0 sends.
 */
#include "base/clock.h"
#include "sandbox/gemini_int.h"

static void put_file(struct exchange *x, const struct object *o, struct json_out *w)
{
	char at[TIME_TEXT];
	jw_object(w);
	jw_kcstr(w, "name", o->id);
	jw_kstr(w, "mimeType", str_of(o->purpose));
	jw_kcstr(w, "sizeBytes", arena_printf(x->arena, "%zu", o->data.n).p);
	jw_kcstr(w, "createTime", time_text(o->created_us, at));
	jw_kcstr(w, "uri", arena_printf(x->arena, "https://generativelanguage.googleapis.com/v1beta/%s", o->id).p);
	jw_kcstr(w, "state", "ACTIVE");
	jw_end_object(w);
}

/* The address of the pieces is absolute, under the host that was asked. */
static void start(struct exchange *x)
{
	struct object *o = store_add(&x->sandbox->store, OBJECT_FILE, answer_id(x, "files/", 12), x->ask.org);
	if (!o) {
		gemini_fail(x, 500);
		return;
	}
	o->created_us = x->now_us;
	str_copy(o->purpose, sizeof o->purpose, ask_header(x, "x-goog-upload-header-content-type"));
	answer_header(x, "x-goog-upload-status", "active");
	answer_header(x, "x-goog-upload-url", "http://%.*s/upload/v1beta/files?upload_id=%s&upload_protocol=resumable",
		      STR_ARG(x->ask.head->host), o->id + 6);
}

static void piece(struct exchange *x, struct object *o)
{
	struct str command = ask_header(x, "x-goog-upload-command");
	struct json_out w;
	uint64_t offset = 0;
	str_u64(ask_header(x, "x-goog-upload-offset"), &offset);
	if (offset != o->data.n) {
		gemini_error(x, 400, "The upload stands at %zu.", o->data.n);
		return;
	}
	sb_add_str(&o->data, x->ask.body);
	store_weigh(&x->sandbox->store, o);
	if (!str_contains(command, STR("finalize"))) {
		answer_header(x, "x-goog-upload-status", "active");
		return;
	}
	answer_header(x, "x-goog-upload-status", "final");
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_key(&w, "file");
	put_file(x, o, &w);
	jw_end_object(&w);
	answer_indent(x);
}

void gemini_upload(struct exchange *x)
{
	struct str id = ask_query(x, "upload_id");
	struct object *o;
	gemini_head(x);
	answer_name(x, "gemini", "upload", str_make("", 0), NULL);
	if (!id.n && str_eqc(ask_header(x, "x-goog-upload-command"), "start")) {
		start(x);
		return;
	}
	o = store_get(&x->sandbox->store, OBJECT_FILE, arena_printf(x->arena, "files/%.*s", STR_ARG(id)), x->ask.org);
	if (o)
		piece(x, o);
	else
		gemini_error(x, 404, "There is no such upload.");
}

/* rest: "files" or "files/NAME". */
void gemini_files(struct exchange *x, struct str rest)
{
	struct object *o = store_get(&x->sandbox->store, OBJECT_FILE, rest, x->ask.org);
	struct json_out w;
	gemini_head(x);
	answer_name(x, "gemini", "files", str_make("", 0), NULL);
	jw_init(&w, &x->a.body);
	if (str_eqc(rest, "files")) {
		jw_object(&w);
		jw_key(&w, "files");
		jw_array(&w);
		for (o = x->sandbox->store.oldest; o; o = o->newer)
			if (o->kind == OBJECT_FILE && o->org == x->ask.org && str_starts(str_of(o->id), STR("files/")))
				put_file(x, o, &w);
		jw_end_array(&w);
		jw_end_object(&w);
		answer_indent(x);
	} else if (!o) {
		gemini_error(x, 403, "You do not have permission to access the File, or it may not exist.");
	} else if (str_eqc(x->ask.method, "DELETE")) {
		store_remove(&x->sandbox->store, OBJECT_FILE, rest, x->ask.org);
		sb_adds(&x->a.body, "{}\n");
	} else {
		put_file(x, o, &w);
		answer_indent(x);
	}
}
