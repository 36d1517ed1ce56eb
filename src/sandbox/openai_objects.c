/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend OpenAI's things that are only kept and shown: vector stores, conversations, containers, videos (a table
 * says how each is named), and uploads in parts, whose parts become a file.
 */
#include <stdio.h>

#include "base/clock.h"
#include "sandbox/openai_int.h"

static const struct thing {
	const char *root, *prefix, *object;
} things[] = {
	{"/v1/vector_stores", "vs_", "vector_store"},
	{"/v1/conversations", "conv_", "conversation"},
	{"/v1/containers", "cntr_", "container"},
	{"/v1/videos", "video_", "video"},
};

/* What was asked for comes back beside what every object has. */
static void put_thing(struct exchange *x, const struct object *o, struct json_out *w)
{
	unsigned progress = object_progress(o, loop_now_us(x->sandbox->loop)); /* a video takes its time */
	static const char *const own[] = {"id", "object", "created_at", "status", "usage_bytes", NULL};
	struct json top, v;
	struct json_iter it;
	struct str key;
	jw_object(w);
	jw_kcstr(w, "id", o->id);
	jw_kcstr(w, "object", o->purpose);
	jw_ki64(w, "created_at", o->created_us / US_PER_S);
	jw_kcstr(w, "status", progress < 200 ? "queued" : progress < 1000 ? "in_progress" : "completed");
	if (json_parse(sb_str(&o->data), &top, NULL) == 0)
		for (json_open(&it, top); json_next(&it, &key, &v);) {
			bool mine = false;
			char name[64];
			for (unsigned i = 0; own[i] && !mine; i++)
				mine = json_key_eq(key, str_of(own[i]));
			if (mine || key.n >= sizeof name)
				continue;
			jw_key(w, str_copy(name, sizeof name, key));
			jw_raw(w, v.text);
		}
	jw_end_object(w);
}

/* A form's fields as a JSON object. */
static void take_form(struct exchange *x, struct sb *out)
{
	static const char *const fields[] = {"model", "prompt", "seconds", "size", "name"};
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct str v = multipart_field(x, fields[i], NULL);
		if (v.p)
			jw_kstr(&w, fields[i], v);
	}
	jw_end_object(&w);
}

static void list_things(struct exchange *x, const struct thing *t)
{
	struct json_out w;
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "object", "list");
	jw_key(&w, "data");
	jw_array(&w);
	for (const struct object *o = t ? x->sandbox->store.oldest : NULL; o; o = o->newer)
		if (o->kind == OBJECT_THING && o->org == x->ask.org && str_eqc(str_of(o->purpose), t->object))
			put_thing(x, o, &w);
	jw_end_array(&w);
	jw_kbool(&w, "has_more", false);
	jw_end_object(&w);
	answer_indent(x);
}

static void show_thing(struct exchange *x, const struct object *o)
{
	struct json_out w;
	jw_init(&w, &x->a.body);
	put_thing(x, o, &w);
	answer_indent(x);
}

static void one_thing(struct exchange *x, struct str id, struct str rest)
{
	struct object *o = store_get(&x->sandbox->store, OBJECT_THING, id, x->ask.org);
	bool post = str_eqc(x->ask.method, "POST");
	if (!o) {
		openai_error(x, 404, "invalid_request_error", NULL, NULL, "No such object: %.*s", STR_ARG(id));
	} else if (rest.p && str_eqc(rest, "content")) {
		x->a.content_type = "application/octet-stream";
		sb_adds(&x->a.body, "pretend bytes");
	} else if (rest.p && !post) {
		list_things(x, NULL);
	} else if (str_eqc(x->ask.method, "DELETE")) {
		sb_addf(&x->a.body, "{\"id\":\"%s\",\"object\":\"%s.deleted\",\"deleted\":true}\n", o->id, o->purpose);
		store_remove(&x->sandbox->store, OBJECT_THING, id, x->ask.org);
	} else {
		if (post && !rest.p && x->ask.top.type == JSON_OBJECT) {
			sb_clear(&o->data);
			sb_add_str(&o->data, x->ask.body);
		}
		show_thing(x, o);
	}
}

void openai_things(struct exchange *x)
{
	const struct thing *t = things;
	struct str rest, id;
	struct object *o;
	while (!str_starts(x->ask.path, str_of(t->root)))
		t++;
	rest = str_sub(x->ask.path, strlen(t->root) + 1, x->ask.path.n);
	id = str_cut(&rest, '/');
	openai_head(x);
	answer_name(x, "openai", t->object, str_make("", 0), NULL);
	if (id.n) {
		one_thing(x, id, rest);
		return;
	}
	if (!str_eqc(x->ask.method, "POST")) {
		list_things(x, t);
		return;
	}
	o = openai_object(x, OBJECT_THING, answer_id(x, t->prefix, 24));
	if (!o)
		return;
	str_copy(o->purpose, sizeof o->purpose, str_of(t->object));
	o->length_us = str_eqc(str_of(t->object), "video") ? x->sandbox->config.job_us : 0;
	if (x->ask.top.type == JSON_OBJECT)
		sb_add_str(&o->data, x->ask.body);
	else
		take_form(x, &o->data);
	answer_name(x, "openai", t->object, str_make("", 0), o->id);
	store_weigh(&x->sandbox->store, o);
	show_thing(x, o);
}

/* ---- chat completions that were stored */

void openai_keep_chat(struct exchange *x, const char *id)
{
	struct object *o = json_is_true(json_get(x->ask.top, "store")) ? openai_object(x, OBJECT_CHAT, id) : NULL;
	if (!o)
		return;
	sb_add_str(&o->data, sb_str(&x->a.body));
	store_weigh(&x->sandbox->store, o);
}

void openai_stored_chats(struct exchange *x)
{
	struct str rest = str_sub(x->ask.path, 21, x->ask.path.n), id = str_cut(&rest, '/');
	struct object *o = id.n ? store_get(&x->sandbox->store, OBJECT_CHAT, id, x->ask.org) : NULL;
	bool first = true;
	openai_head(x);
	answer_name(x, "openai", "chat_read", str_make("", 0), NULL);
	if (!id.n || (o && rest.p)) {
		sb_adds(&x->a.body, "{\"object\":\"list\",\"data\":[");
		for (o = rest.p ? NULL : x->sandbox->store.oldest; o; o = o->newer) {
			if (o->kind != OBJECT_CHAT || o->org != x->ask.org)
				continue;
			sb_adds(&x->a.body, first ? "" : ",");
			sb_add_str(&x->a.body, sb_str(&o->data));
			first = false;
		}
		sb_adds(&x->a.body, "],\"first_id\":null,\"last_id\":null,\"has_more\":false}");
	} else if (!o) {
		openai_error(x, 404, "invalid_request_error", NULL, NULL, "Chat completion '%.*s' not found.",
			     STR_ARG(id));
	} else if (str_eqc(x->ask.method, "DELETE")) {
		sb_addf(&x->a.body, "{\"id\":\"%s\",\"object\":\"chat.completion.deleted\",\"deleted\":true}", o->id);
		store_remove(&x->sandbox->store, OBJECT_CHAT, id, x->ask.org);
	} else {
		sb_add_str(&x->a.body, sb_str(&o->data));
	}
}

/* ---- uploads */

static void show_upload(struct exchange *x, const struct object *o, const char *status, const struct object *file)
{
	struct json_out w;
	struct json top = {0};
	jw_init(&w, &x->a.body);
	json_parse(sb_str(&o->text), &top, NULL);
	jw_object(&w);
	jw_kcstr(&w, "id", o->id);
	jw_kcstr(&w, "object", "upload");
	jw_ku64(&w, "bytes", json_u64_or0(json_get(top, "bytes")));
	jw_ki64(&w, "created_at", o->created_us / US_PER_S);
	jw_ki64(&w, "expires_at", o->created_us / US_PER_S + 3600);
	jw_key(&w, "filename");
	jw_raw(&w, json_get(top, "filename").type == JSON_STRING ? json_get(top, "filename").text : STR("\"\""));
	jw_kcstr(&w, "purpose", o->purpose);
	jw_kcstr(&w, "status", status);
	jw_key(&w, "file");
	if (file)
		openai_put_file(file, &w);
	else
		jw_null(&w);
	jw_end_object(&w);
	answer_indent(x);
}

static void add_part(struct exchange *x, const struct object *upload)
{
	struct str bytes = multipart_field(x, "data", NULL);
	struct object *part;
	if (!bytes.p) {
		openai_error(x, 400, "invalid_request_error", NULL, "data", "'data' is a required property");
		return;
	}
	part = openai_object(x, OBJECT_PART, answer_id(x, "part_", 24));
	if (!part)
		return;
	sb_add_str(&part->data, bytes);
	str_copy(part->output_id, sizeof part->output_id, str_of(upload->id));
	store_weigh(&x->sandbox->store, part);
	sb_addf(&x->a.body, "{\"id\":\"%s\",\"object\":\"upload.part\",\"created_at\":%lld,\"upload_id\":\"%s\"}\n",
		part->id, (long long)(part->created_us / US_PER_S), upload->id);
}

static void complete(struct exchange *x, struct object *upload)
{
	struct json ids = json_get(x->ask.top, "part_ids"), one, top = {0};
	struct json_iter it;
	struct str key;
	struct object *file = openai_object(x, OBJECT_FILE, answer_id(x, "file-", 22));
	char name[128];
	if (!file)
		return;
	str_copy(file->purpose, sizeof file->purpose, str_of(upload->purpose));
	json_parse(sb_str(&upload->text), &top, NULL);
	sb_adds(&file->text, json_string_copy(json_get(top, "filename"), name, sizeof name));
	for (json_open(&it, ids); ids.type == JSON_ARRAY && json_next(&it, &key, &one);) {
		const struct object *part = store_get(&x->sandbox->store, OBJECT_PART, json_raw_string(one),
						      x->ask.org);
		if (!part || !str_eqc(str_of(part->output_id), upload->id)) {
			openai_error(x, 400, "invalid_request_error", NULL, "part_ids", "No such part: %.*s",
				     STR_ARG(one.text));
			return;
		}
		sb_add_str(&file->data, sb_str(&part->data));
	}
	if (file->data.n != json_u64_or0(json_get(top, "bytes"))) {
		openai_error(x, 400, "invalid_request_error", NULL, NULL,
			     "The upload has %zu bytes, not those that were stated.", file->data.n);
		return;
	}
	upload->ended = true;
	show_upload(x, upload, "completed", file);
}

void openai_uploads(struct exchange *x)
{
	struct str rest = str_sub(x->ask.path, 12, x->ask.path.n), id = str_cut(&rest, '/'); /* behind "/v1/uploads/" */
	struct object *o = id.n ? store_get(&x->sandbox->store, OBJECT_UPLOAD, id, x->ask.org) : NULL;
	openai_head(x);
	answer_name(x, "openai", "uploads", str_make("", 0), NULL);
	if (!str_eqc(x->ask.method, "POST") || (id.n && !o)) {
		openai_error(x, 404, "invalid_request_error", NULL, NULL, "No such Upload: %.*s", STR_ARG(id));
	} else if (!id.n) {
		if ((o = openai_object(x, OBJECT_UPLOAD, answer_id(x, "upload_", 24)))) {
			sb_add_str(&o->text, x->ask.body);
			json_string_copy(json_get(x->ask.top, "purpose"), o->purpose, sizeof o->purpose);
			show_upload(x, o, "pending", NULL);
		}
	} else if (o->ended) {
		openai_error(x, 400, "invalid_request_error", NULL, NULL, "Upload %s is over.", o->id);
	} else if (str_eqc(rest, "parts")) {
		add_part(x, o);
	} else if (str_eqc(rest, "complete")) {
		complete(x, o);
	} else {
		o->ended = true;
		show_upload(x, o, "cancelled", NULL);
	}
}
