/* SPDX-License-Identifier: Apache-2.0
 *
 * The pretend Anthropic's message batches: in_progress -> (canceling ->) ended, results as JSON lines in another
 * order than they were asked. Counts stay 0 until the end, but for `processing`. What a cancelled batch had not
 * reached is `canceled` and costs nothing.
 */
#include <stdio.h>

#include "base/clock.h"
#include "sandbox/sandbox_int.h"

enum { REQUESTS_MOST = 100000 };

static uint64_t done_lines(const struct object *o)
{
	return o->cancel_us ? o->lines * object_progress(o, o->cancel_us) / 1000 : o->lines;
}

static void put_batch(struct exchange *x, struct object *o, struct json_out *w)
{
	unsigned progress = object_progress(o, loop_now_us(x->sandbox->loop));
	bool over = o->cancel_us || progress == 1000;
	uint64_t done = done_lines(o);
	char at[TIME_TEXT];
	if (over && !o->ended) {
		size_t n = 0;
		uint64_t left = done;
		while (left && n < o->truth.n)
			left -= o->truth.p[n++] == '\n';
		list_write(x->sandbox, str_sub(sb_str(&o->truth), 0, n));
		o->ended = true;
	}
	jw_object(w);
	jw_kcstr(w, "id", o->id);
	jw_kcstr(w, "type", "message_batch");
	jw_kcstr(w, "processing_status", over ? "ended" : "in_progress");
	jw_key(w, "request_counts");
	jw_object(w);
	jw_ku64(w, "processing", over ? 0 : o->lines);
	jw_ku64(w, "succeeded", !over ? 0 : done > o->failed_lines ? done - o->failed_lines : 0);
	jw_ku64(w, "errored", over ? (o->failed_lines < done ? o->failed_lines : done) : 0);
	jw_ku64(w, "canceled", over ? o->lines - done : 0);
	jw_ku64(w, "expired", 0);
	jw_end_object(w);
	jw_kcstr(w, "ended_at", over ? time_text(o->created_us + (int64_t)o->length_us, at) : NULL);
	jw_kcstr(w, "created_at", time_text(o->created_us, at));
	jw_kcstr(w, "expires_at", time_text(o->created_us + US_PER_DAY, at));
	jw_kcstr(w, "archived_at", NULL);
	jw_kcstr(w, "cancel_initiated_at", o->cancel_us ? time_text(o->created_us, at) : NULL);
	/* the host that the caller knows, so that a gateway in between stays in between */
	jw_kcstr(w, "results_url", over ? arena_printf(x->arena, "http://%.*s/v1/messages/batches/%s/results",
						       x->ask.head ? (int)x->ask.head->host.n : 0,
						       x->ask.head ? x->ask.head->host.p : "", o->id).p
					: NULL);
	jw_end_object(w);
}

static void run_request(struct exchange *x, struct object *o, struct json request)
{
	struct exchange *inner = exchange_inner(x, "/v1/messages", json_get(request, "params").text, true);
	struct json custom = json_get(request, "custom_id");
	struct json_out w;
	if (!inner)
		return;
	jw_init(&w, &o->data);
	jw_object(&w);
	jw_key(&w, "custom_id");
	jw_raw(&w, custom.type == JSON_STRING ? custom.text : STR("null"));
	jw_key(&w, "result");
	jw_object(&w);
	jw_kcstr(&w, "type", inner->a.status == 200 ? "succeeded" : "errored");
	jw_key(&w, inner->a.status == 200 ? "message" : "error");
	jw_raw(&w, sb_str(&inner->a.body));
	jw_end_object(&w);
	jw_end_object(&w);
	sb_addc(&o->data, '\n');
	o->lines++;
	o->failed_lines += inner->a.status != 200;
	list_line(inner, true, sb_str(&inner->a.body), &o->truth);
	exchange_inner_end(inner);
}

static void create(struct exchange *x)
{
	struct json requests = json_get(x->ask.top, "requests"), one;
	struct json_iter it;
	struct json_out w;
	struct object *o;
	struct str key;
	if (requests.type != JSON_ARRAY || !json_count(requests)) {
		anthropic_error(x, 400, "invalid_request_error", "requests: Field required");
		return;
	}
	o = store_add(&x->sandbox->store, OBJECT_MESSAGE_BATCH, answer_id(x, "msgbatch_01", 22), x->ask.org);
	if (!o) {
		anthropic_fail(x, 500);
		return;
	}
	o->created_us = x->now_us;
	o->born_us = loop_now_us(x->sandbox->loop);
	o->length_us = x->sandbox->config.job_us;
	for (json_open(&it, requests); json_next(&it, &key, &one) && o->lines < REQUESTS_MOST;)
		run_request(x, o, one);
	store_weigh(&x->sandbox->store, o);
	answer_name(x, "anthropic", "batches", str_make("", 0), o->id);
	jw_init(&w, &x->a.body);
	put_batch(x, o, &w);
}

/* The last comes first; beyond what was done, cancelled. */
static void put_results(struct exchange *x, const struct object *o)
{
	uint64_t done = done_lines(o), line = o->lines;
	size_t end = o->data.n;
	x->a.content_type = "application/x-jsonl";
	while (end) {
		size_t from = end - 1;
		struct json top, custom;
		while (from && o->data.p[from - 1] != '\n')
			from--;
		line--;
		if (line < done) {
			sb_add(&x->a.body, o->data.p + from, end - from);
		} else if (json_parse(str_trim(str_make(o->data.p + from, end - from)), &top, NULL) == 0) {
			custom = json_get(top, "custom_id");
			sb_addf(&x->a.body, "{\"custom_id\":%.*s,\"result\":{\"type\":\"canceled\"}}\n",
				STR_ARG(custom.text));
		}
		end = from;
	}
}

static void put_all(struct exchange *x)
{
	const struct store_page page = store_page(&x->sandbox->store, OBJECT_MESSAGE_BATCH, x->ask.org,
						  ask_query(x, "after_id"), ask_query(x, "limit"), 20);
	struct json_out w;
	jw_init(&w, &x->a.body);
	jw_object(&w);
	jw_key(&w, "data");
	jw_array(&w);
	for (unsigned i = 0; i < page.count; i++)
		put_batch(x, page.object[i], &w);
	jw_end_array(&w);
	jw_kbool(&w, "has_more", page.more);
	jw_kcstr(&w, "first_id", page.count ? page.object[0]->id : NULL);
	jw_kcstr(&w, "last_id", page.count ? page.object[page.count - 1]->id : NULL);
	jw_end_object(&w);
}

void anthropic_batches(struct exchange *x)
{
	struct str rest = str_sub(x->ask.path, 21, x->ask.path.n),
		   id = str_cut(&rest, '/'); /* behind "/v1/messages/batches/" */
	struct object *o = id.n ? store_get(&x->sandbox->store, OBJECT_MESSAGE_BATCH, id, x->ask.org) : NULL;
	uint64_t now = loop_now_us(x->sandbox->loop);
	struct json_out w;
	answer_header(x, "request-id", "%s", answer_id(x, "req_011C", 20));
	answer_name(x, "anthropic", "batches_read", str_make("", 0), o ? o->id : NULL);
	if (!id.n && str_eqc(x->ask.method, "POST")) {
		create(x);
	} else if (!id.n) {
		put_all(x);
	} else if (!o) {
		anthropic_error(x, 404, "not_found_error", "Batch %.*s not found", STR_ARG(id));
	} else if (rest.p && str_eqc(rest, "results")) {
		if (o->cancel_us || object_progress(o, now) == 1000)
			put_results(x, o);
		else
			anthropic_error(x, 400, "invalid_request_error", "Batch %s is still in progress", o->id);
	} else if (str_eqc(x->ask.method, "DELETE")) {
		sb_addf(&x->a.body, "{\"id\":\"%s\",\"type\":\"message_batch_deleted\"}", o->id);
		store_remove(&x->sandbox->store, OBJECT_MESSAGE_BATCH, id, x->ask.org);
	} else {
		if (rest.p && str_eqc(rest, "cancel") && !o->ended && object_progress(o, now) < 1000)
			o->cancel_us = now;
		jw_init(&w, &x->a.body);
		put_batch(x, o, &w);
	}
}
