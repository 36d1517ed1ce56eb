/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend OpenAI's files, batches and tuning jobs.
 *
 * A batch answers its lines at once and hides them until its time is over; its lines' truth is listed when its end
 * is first seen. Cancelled halfway, it keeps the lines that its age had reached, as the vendor does, and bills them.
 *   validating -> in_progress -> finalizing -> completed;  cancelling -> cancelled
 *   validating_files -> queued -> running -> succeeded;  cancelled
 */
#include <stdio.h>

#include "base/clock.h"
#include "sandbox/openai_int.h"

enum { LINES_MOST = 50000, VALIDATED = 150, FINALIZING = 850 };

/* ---- files */

void openai_put_file(const struct object *o, struct json_out *w)
{
	jw_object(w);
	jw_kcstr(w, "object", "file");
	jw_kcstr(w, "id", o->id);
	jw_kcstr(w, "purpose", o->purpose);
	jw_kstr(w, "filename", sb_str(&o->text));
	jw_ku64(w, "bytes", o->data.n);
	jw_ki64(w, "created_at", o->created_us / US_PER_S);
	jw_kcstr(w, "expires_at", NULL);
	jw_kcstr(w, "status", "processed");
	jw_kcstr(w, "status_details", NULL);
	jw_end_object(w);
}

struct object *openai_object(struct exchange *x, enum object_kind kind, const char *id)
{
	struct object *o = store_add(&x->sandbox->store, kind, id, x->ask.org);
	if (!o) {
		openai_fail(x, 500);
		return NULL;
	}
	o->created_us = x->now_us;
	o->born_us = loop_now_us(x->sandbox->loop);
	o->length_us = x->sandbox->config.job_us;
	return o;
}

static void upload(struct exchange *x)
{
	struct str name = STR("upload"), bytes = multipart_field(x, "file", &name),
		   purpose = multipart_field(x, "purpose", NULL);
	struct json_out w;
	struct object *o;
	if (!bytes.p || !purpose.n) {
		openai_error(x, 400, "invalid_request_error", NULL, bytes.p ? "purpose" : "file",
			     "'%s' is a required property", bytes.p ? "purpose" : "file");
		return;
	}
	o = openai_object(x, OBJECT_FILE, answer_id(x, "file-", 22));
	if (!o)
		return;
	sb_add_str(&o->data, bytes);
	sb_add_str(&o->text, name);
	str_copy(o->purpose, sizeof o->purpose, purpose);
	store_weigh(&x->sandbox->store, o);
	jw_init(&w, &x->a.body);
	openai_put_file(o, &w);
	answer_indent(x);
}

/* Newest first; `limit` at a time, from behind the object `after`. */
static void put_list(struct exchange *x, enum object_kind kind,
		     void (*put)(struct exchange *, struct object *, struct json_out *))
{
	const struct store_page page = store_page(&x->sandbox->store, kind, x->ask.org, ask_query(x, "after"),
						  ask_query(x, "limit"), 20);
	struct json_out w;
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "object", "list");
	jw_key(&w, "data");
	jw_array(&w);
	for (unsigned i = 0; i < page.count; i++)
		put(x, page.object[i], &w);
	jw_end_array(&w);
	jw_kcstr(&w, "first_id", page.count ? page.object[0]->id : NULL);
	jw_kcstr(&w, "last_id", page.count ? page.object[page.count - 1]->id : NULL);
	jw_kbool(&w, "has_more", page.more);
	jw_end_object(&w);
	answer_indent(x);
}

static void put_listed_file(struct exchange *x, struct object *o, struct json_out *w)
{
	(void)x;
	openai_put_file(o, w);
}

void openai_files(struct exchange *x)
{
	struct str rest = str_sub(x->ask.path, 10, x->ask.path.n), id = str_cut(&rest, '/'); /* behind "/v1/files/" */
	struct store *store = &x->sandbox->store;
	struct object *o = id.n ? store_get(store, OBJECT_FILE, id, x->ask.org) : NULL;
	struct json_out w;
	openai_head(x);
	answer_name(x, "openai", "files", str_make("", 0), NULL);
	if (!id.n && str_eqc(x->ask.method, "POST")) {
		upload(x);
	} else if (!id.n) {
		put_list(x, OBJECT_FILE, put_listed_file);
	} else if (!o) {
		openai_error(x, 404, "invalid_request_error", NULL, "id", "No such File object: %.*s", STR_ARG(id));
	} else if (rest.p && str_eqc(rest, "content")) {
		x->a.content_type = "application/octet-stream";
		sb_add_str(&x->a.body, sb_str(&o->data));
	} else if (str_eqc(x->ask.method, "DELETE")) {
		sb_addf(&x->a.body, "{\n  \"object\": \"file\",\n  \"deleted\": true,\n  \"id\": \"%s\"\n}\n", o->id);
		store_remove(store, OBJECT_FILE, id, x->ask.org);
	} else {
		jw_init(&w, &x->a.body);
		openai_put_file(o, &w);
		answer_indent(x);
	}
}

/* ---- batches */

static void put_batch_line(struct exchange *x, struct object *o, struct json line, struct exchange *inner)
{
	bool good = inner->a.status == 200;
	struct json custom = json_get(line, "custom_id");
	struct json_out w;
	struct sb *out = good ? &o->data : &o->errors;
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "id", answer_id(x, "batch_req_", 24));
	jw_key(&w, "custom_id");
	jw_raw(&w, custom.type == JSON_STRING ? custom.text : STR("null"));
	jw_key(&w, "response");
	jw_object(&w);
	jw_ku64(&w, "status_code", inner->a.status);
	jw_kcstr(&w, "request_id", answer_id(x, "req_", 32));
	jw_key(&w, "body");
	jw_object(&w); /* on one line: rewritten member by member, since the answer is indented */
	struct json body;
	struct json_iter it;
	struct json v;
	struct str key;
	if (json_parse(sb_str(&inner->a.body), &body, NULL) == 0)
		for (json_open(&it, body); json_next(&it, &key, &v);) {
			char name[64];
			str_copy(name, sizeof name, key);
			jw_key(&w, name);
			struct sb flat;
			sb_init(&flat, SANDBOX_BODY_BYTES);
			bool quoted = false;
			for (size_t i = 0; i < v.text.n; i++) {
				char c = v.text.p[i];
				if (c == '\\' && quoted)
					sb_addc(&flat, v.text.p[i++]), c = v.text.p[i];
				else if (c == '"')
					quoted = !quoted;
				if (quoted || (c != '\n' && c != ' '))
					sb_addc(&flat, c);
			}
			jw_raw(&w, sb_str(&flat));
			sb_fini(&flat);
		}
	jw_end_object(&w);
	jw_end_object(&w);
	jw_kcstr(&w, "error", NULL);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

static bool run_line(struct exchange *x, struct object *o, struct str text)
{
	struct json line;
	struct exchange *inner;
	char url[64];
	if (json_parse(text, &line, NULL) || json_get(line, "body").type != JSON_OBJECT)
		return false;
	json_string_copy(json_get(line, "url"), url, sizeof url);
	inner = exchange_inner(x, *url ? url : o->purpose, json_get(line, "body").text, true);
	if (!inner)
		return false;
	put_batch_line(x, o, line, inner);
	o->lines++;
	o->failed_lines += inner->a.status != 200;
	list_line(inner, true, sb_str(&inner->a.body), &o->truth);
	exchange_inner_end(inner);
	return true;
}

static struct str first_lines(const struct sb *b, uint64_t count)
{
	size_t at = 0;
	while (count && at < b->n)
		if (b->p[at++] == '\n')
			count--;
	return str_make(b->p, at);
}

/* The first sight of its end: its files appear, its truth is told. */
static void end_batch(struct exchange *x, struct object *o)
{
	struct sandbox *s = x->sandbox;
	unsigned reached = o->cancel_us ? object_progress(o, o->cancel_us) : 1000;
	uint64_t done = o->lines * reached / 1000;
	const struct sb *from[2] = {&o->data, &o->errors};
	char *ids[2] = {o->output_id, o->errors_id};
	o->ended = true;
	list_write(s, first_lines(&o->truth, done));
	for (int i = 0; i < 2; i++) {
		struct object *f;
		if (!from[i]->n || !done)
			continue;
		f = store_add(&s->store, OBJECT_FILE, answer_id(x, "file-", 22), o->org);
		if (!f)
			continue;
		f->created_us = loop_real_us(s->loop);
		str_copy(f->purpose, sizeof f->purpose, STR("batch_output"));
		sb_addf(&f->text, "%s_%s.jsonl", o->id, i ? "error" : "output");
		sb_add_str(&f->data, first_lines(from[i], done));
		str_copy(ids[i], sizeof o->output_id, str_of(f->id));
	}
	store_weigh(&s->store, o);
	o->tokens = done;
}

static void put_time(struct json_out *w, const char *key, const struct object *o, unsigned when, unsigned progress,
		     bool may)
{
	if (may && progress >= when)
		jw_ki64(w, key, (o->created_us + (int64_t)(o->length_us * when / 1000)) / US_PER_S);
	else
		jw_kcstr(w, key, NULL);
}

static void put_batch(struct exchange *x, struct object *o, struct json_out *w)
{
	unsigned progress = object_progress(o, loop_now_us(x->sandbox->loop));
	bool cancelled = o->cancel_us != 0, over = cancelled || progress == 1000;
	const char *status = cancelled               ? "cancelled"
			     : progress < VALIDATED  ? "validating"
			     : progress < FINALIZING ? "in_progress"
			     : progress < 1000       ? "finalizing"
						     : "completed";
	uint64_t shown = over ? o->tokens : progress < VALIDATED ? 0 : o->lines * progress / 1000;
	if (over && !o->ended) {
		end_batch(x, o);
		shown = o->tokens;
	}
	jw_object(w);
	jw_kcstr(w, "id", o->id);
	jw_kcstr(w, "object", "batch");
	jw_kcstr(w, "endpoint", o->purpose);
	jw_kcstr(w, "errors", NULL);
	jw_kstr(w, "input_file_id", sb_str(&o->text));
	jw_kcstr(w, "completion_window", "24h");
	jw_kcstr(w, "status", status);
	jw_kcstr(w, "output_file_id", *o->output_id ? o->output_id : NULL);
	jw_kcstr(w, "error_file_id", *o->errors_id ? o->errors_id : NULL);
	jw_ki64(w, "created_at", o->created_us / US_PER_S);
	put_time(w, "in_progress_at", o, VALIDATED, progress, true);
	jw_ki64(w, "expires_at", o->created_us / US_PER_S + 86400);
	put_time(w, "finalizing_at", o, FINALIZING, progress, !cancelled);
	put_time(w, "completed_at", o, 1000, progress, !cancelled);
	jw_kcstr(w, "failed_at", NULL);
	jw_kcstr(w, "expired_at", NULL);
	put_time(w, "cancelling_at", o, 0, progress, cancelled);
	put_time(w, "cancelled_at", o, 0, progress, cancelled);
	jw_key(w, "request_counts");
	jw_object(w);
	jw_ku64(w, "total", progress < VALIDATED && !over ? 0 : o->lines);
	jw_ku64(w, "completed", shown > o->failed_lines ? shown - o->failed_lines : 0);
	jw_ku64(w, "failed", over && !cancelled ? o->failed_lines : 0);
	jw_end_object(w);
	jw_kcstr(w, "metadata", NULL);
	jw_end_object(w);
}

static void create_batch(struct exchange *x)
{
	char file_id[80], endpoint[40];
	struct object *file, *o;
	struct str rest;
	json_string_copy(json_get(x->ask.top, "input_file_id"), file_id, sizeof file_id);
	json_string_copy(json_get(x->ask.top, "endpoint"), endpoint, sizeof endpoint);
	file = store_get(&x->sandbox->store, OBJECT_FILE, str_of(file_id), x->ask.org);
	if (!file || !*endpoint) {
		openai_error(x, 400, "invalid_request_error", NULL, file ? "endpoint" : "input_file_id",
			     file ? "Missing required parameter: 'endpoint'." : "Invalid input file.");
		return;
	}
	o = openai_object(x, OBJECT_BATCH, answer_id(x, "batch_", 32));
	if (!o)
		return;
	str_copy(o->purpose, sizeof o->purpose, str_of(endpoint));
	sb_adds(&o->text, file_id);
	rest = sb_str(&file->data);
	while (rest.p && o->lines < LINES_MOST) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (line.n)
			run_line(x, o, line);
	}
	store_weigh(&x->sandbox->store, o);
	answer_name(x, "openai", "batches", str_make("", 0), o->id);
	struct json_out w;
	jw_init(&w, &x->a.body);
	put_batch(x, o, &w);
	answer_indent(x);
}

void openai_batches(struct exchange *x)
{
	struct str rest = str_sub(x->ask.path, 12, x->ask.path.n), id = str_cut(&rest, '/'); /* behind "/v1/batches/" */
	struct object *o = id.n ? store_get(&x->sandbox->store, OBJECT_BATCH, id, x->ask.org) : NULL;
	uint64_t now = loop_now_us(x->sandbox->loop);
	struct json_out w;
	openai_head(x);
	answer_name(x, "openai", "batches", str_make("", 0), o ? o->id : NULL);
	if (!id.n && str_eqc(x->ask.method, "POST")) {
		create_batch(x);
	} else if (!id.n) {
		put_list(x, OBJECT_BATCH, put_batch);
	} else if (!o) {
		openai_error(x, 404, "invalid_request_error", NULL, NULL, "No batch found with id '%.*s'.",
			     STR_ARG(id));
	} else {
		if (rest.p && str_eqc(rest, "cancel") && str_eqc(x->ask.method, "POST") && !o->ended &&
		    object_progress(o, now) < 1000)
			o->cancel_us = now;
		jw_init(&w, &x->a.body);
		put_batch(x, o, &w);
		answer_indent(x);
	}
}

/* ---- tuning */

static uint64_t epochs_of(const struct object *o)
{
	struct json top;
	uint64_t n;
	if (json_parse(sb_str(&o->text), &top, NULL) == 0 &&
	    (json_u64(json_path(top, "method.supervised.hyperparameters.n_epochs"), &n) == 0 ||
	     json_u64(json_path(top, "hyperparameters.n_epochs"), &n) == 0) && n)
		return n;
	return 3; /* what "auto" gives for small files */
}

/* The file's tokens times the epochs: what the vendor bills. */
static uint64_t trained_tok(const struct object *o)
{
	return o->tokens * epochs_of(o);
}

static void put_tuning(struct exchange *x, struct object *o, struct json_out *w)
{
	unsigned progress = object_progress(o, loop_now_us(x->sandbox->loop));
	bool cancelled = o->cancel_us != 0, over = !cancelled && progress == 1000;
	struct json top = {0};
	char tuned[128];
	json_parse(sb_str(&o->text), &top, NULL);
	snprintf(tuned, sizeof tuned, "ft:%s:runrate-sandbox::%.8s", o->model, o->id + 6);
	jw_object(w);
	jw_kcstr(w, "object", "fine_tuning.job");
	jw_kcstr(w, "id", o->id);
	jw_kcstr(w, "model", o->model);
	jw_ki64(w, "created_at", o->created_us / US_PER_S);
	put_time(w, "finished_at", o, 1000, progress, over);
	jw_kcstr(w, "fine_tuned_model", over ? tuned : NULL);
	jw_kcstr(w, "organization_id", "org-sandbox");
	jw_key(w, "result_files");
	jw_raw(w, STR("[]"));
	jw_kcstr(w, "status",
		 cancelled         ? "cancelled"
		 : o->pause_us     ? "paused"
		 : progress < 100  ? "validating_files"
		 : progress < 200  ? "queued"
		 : progress < 1000 ? "running"
				   : "succeeded");
	jw_kcstr(w, "validation_file", NULL);
	jw_key(w, "training_file");
	jw_raw(w,
	       json_get(top, "training_file").type == JSON_STRING ? json_get(top, "training_file").text : STR("null"));
	jw_key(w, "hyperparameters");
	jw_object(w);
	jw_ku64(w, "n_epochs", epochs_of(o));
	jw_ku64(w, "batch_size", 1);
	jw_kdouble(w, "learning_rate_multiplier", 1.8);
	jw_end_object(w);
	if (over)
		jw_ku64(w, "trained_tokens", trained_tok(o));
	else
		jw_kcstr(w, "trained_tokens", NULL);
	jw_key(w, "error");
	jw_raw(w, STR("{}"));
	jw_kcstr(w, "user_provided_suffix", NULL);
	jw_ku64(w, "seed", x->sandbox->config.seed);
	jw_kcstr(w, "estimated_finish", NULL);
	jw_key(w, "integrations");
	jw_raw(w, STR("[]"));
	jw_end_object(w);
	if (over && !o->ended) {
		o->ended = true;
		list_write(x->sandbox, sb_str(&o->truth));
		org_note_training(x, o->org, o->model, trained_tok(o));
	}
}

/* What the list will say when the job is over. */
static void tell_tuning(struct exchange *x, struct object *o)
{
	struct exchange *inner = x;
	struct str model = x->a.model;
	sb_clear(&inner->a.usage);
	sb_addf(&inner->a.usage, "{\"trained_tokens\":%llu}", (unsigned long long)trained_tok(o));
	x->a.usage_as_sent = sb_str(&x->a.usage);
	x->a.usage_sent = true;
	answer_name(x, "openai", "fine_tuning", str_of(o->model), o->id);
	list_line(x, true, STR(""), &o->truth);
	sb_clear(&x->a.usage);
	x->a.usage_sent = false;
	answer_name(x, "openai", "fine_tuning_create", model, o->id);
}

static void create_tuning(struct exchange *x)
{
	char file_id[80], model[128];
	struct object *file, *o;
	struct json_out w;
	if (!openai_ready(x, model, sizeof model))
		return;
	json_string_copy(json_get(x->ask.top, "training_file"), file_id, sizeof file_id);
	file = store_get(&x->sandbox->store, OBJECT_FILE, str_of(file_id), x->ask.org);
	if (!file) {
		openai_error(x, 400, "invalid_request_error", "invalid_training_file", "training_file",
			     "invalid training_file: %s", file_id);
		return;
	}
	o = openai_object(x, OBJECT_TUNING, answer_id(x, "ftjob-", 24));
	if (!o)
		return;
	str_copy(o->model, sizeof o->model, openai_snapshot(x, str_of(model)));
	sb_add_str(&o->text, x->ask.body);
	o->tokens = tokens_of(sb_str(&file->data));
	tell_tuning(x, o);
	store_weigh(&x->sandbox->store, o);
	jw_init(&w, &x->a.body);
	put_tuning(x, o, &w);
	answer_indent(x);
}

static void put_events(struct exchange *x, const struct object *o)
{
	static const struct {
		unsigned when;
		const char *message;
	} events[] = {{1000, "The job has successfully completed"}, {200, "Fine-tuning job started"},
		      {100, "Files validated, moving job to queued state"},
		      {0, "Validating training file"}, {0, "Created fine-tuning job"}};
	unsigned progress = object_progress(o, loop_now_us(x->sandbox->loop));
	struct json_out w;
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_kcstr(&w, "object", "list");
	jw_key(&w, "data");
	jw_array(&w);
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		if (progress < events[i].when)
			continue;
		jw_object(&w);
		jw_kcstr(&w, "object", "fine_tuning.job.event");
		jw_kcstr(&w, "id", arena_printf(x->arena, "ftevent-%zu-%s", i, o->id).p);
		jw_ki64(&w, "created_at", (o->created_us + (int64_t)(o->length_us * events[i].when / 1000)) / US_PER_S);
		jw_kcstr(&w, "level", "info");
		jw_kcstr(&w, "message", events[i].message);
		jw_kcstr(&w, "type", "message");
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_kbool(&w, "has_more", false);
	jw_end_object(&w);
	answer_indent(x);
}

void openai_tuning(struct exchange *x)
{
	struct str rest = str_sub(x->ask.path, 21, x->ask.path.n),
		   id = str_cut(&rest, '/'); /* behind "/v1/fine_tuning/jobs/" */
	struct object *o = id.n ? store_get(&x->sandbox->store, OBJECT_TUNING, id, x->ask.org) : NULL;
	uint64_t now = loop_now_us(x->sandbox->loop);
	struct json_out w;
	openai_head(x);
	answer_name(x, "openai", "fine_tuning_read", str_make("", 0), o ? o->id : NULL);
	if (!id.n && str_eqc(x->ask.method, "POST")) {
		create_tuning(x);
	} else if (!id.n) {
		put_list(x, OBJECT_TUNING, put_tuning);
	} else if (!o) {
		openai_error(x, 404, "invalid_request_error", "fine_tune_not_found", "fine_tune_id",
			     "Could not find fine tune: %.*s", STR_ARG(id));
	} else if (rest.p && str_eqc(rest, "events")) {
		put_events(x, o);
	} else if (rest.p && str_eqc(rest, "checkpoints")) {
		sb_adds(&x->a.body, "{\"object\":\"list\",\"data\":[],\"has_more\":false}");
		answer_indent(x);
	} else {
		bool runs = str_eqc(x->ask.method, "POST") && rest.p && !o->ended && object_progress(o, now) < 1000;
		if (runs && str_eqc(rest, "cancel"))
			o->cancel_us = now;
		else if (runs && str_eqc(rest, "pause") && !o->pause_us)
			o->pause_us = now;
		else if (runs && str_eqc(rest, "resume") && o->pause_us) {
			o->born_us += now - o->pause_us; /* the time did not count */
			o->pause_us = 0;
		}
		jw_init(&w, &x->a.body);
		put_tuning(x, o, &w);
		answer_indent(x);
	}
}
