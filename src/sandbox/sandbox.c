/* SPDX-License-Identifier: Apache-2.0
 *
 * See sandbox.h. Listens, gathers the request, finds the vendor, asks its file for an answer, applies the
 * faults that change the answer's content, and hands it to the player.
 */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/sandbox_int.h"

const struct sandbox_config sandbox_config_default = {
	.listen = "127.0.0.1:7310",
	.job_us = 1000 * 1000,
};

/* ---- one request */

static struct str key_of(const struct exchange *x)
{
	struct str v = ask_header(x, "authorization");
	if (v.n > 7 && str_ieq(str_sub(v, 0, 7), STR("Bearer ")))
		return str_trim(str_sub(v, 7, v.n));
	v = ask_header(x, "x-api-key");
	if (v.n)
		return v;
	v = ask_header(x, "x-goog-api-key");
	return v.n ? v : ask_query(x, "key");
}

static enum sandbox_api api_of(struct exchange *x)
{
	struct ask *q = &x->ask;
	if (str_starts(q->path, STR("/v1beta/openai/"))) {
		q->path = arena_printf(x->arena, "/v1%.*s", (int)(q->path.n - 14), q->path.p + 14);
		return ON_OPENAI;
	}
	if (str_starts(q->path, STR("/v1beta")) || str_starts(q->path, STR("/v1alpha")) ||
	    str_starts(q->path, STR("/upload/")) || str_contains(q->path, STR("enerateContent")) ||
	    ask_header(x, "x-goog-api-key").n)
		return ON_GEMINI;
	if (ask_header(x, "anthropic-version").n || str_starts(q->path, STR("/v1/messages")))
		return ON_ANTHROPIC;
	return ON_OPENAI;
}

/* White space between members and stream_options do not change an answer: a gateway may ask for usage. */
static uint64_t hash_of(const struct exchange *x)
{
	const struct ask *q = &x->ask;
	uint64_t h = hash_xxh3_seed(q->path.p, q->path.n, hash_xxh3(q->method.p, q->method.n));
	struct json_iter it;
	struct json v;
	struct str key;
	if (q->top.type != JSON_OBJECT)
		return hash_xxh3_seed(q->body.p, q->body.n, h);
	for (json_open(&it, q->top); json_next(&it, &key, &v);) {
		if (json_key_eq(key, STR("stream_options")))
			continue;
		h = hash_xxh3_seed(key.p, key.n, h);
		h = hash_xxh3_seed(v.text.p, v.text.n, h);
	}
	return h;
}

static void read_body(struct exchange *x)
{
	struct str type = ask_header(x, "content-type");
	x->ask.top = (struct json){0};
	if (x->ask.body.n && !str_icontains(type, STR("multipart/")) && !str_icontains(type, STR("octet-stream")) &&
	    json_parse(x->ask.body, &x->ask.top, NULL))
		x->ask.top = (struct json){0};
}

static void find_faults(struct exchange *x)
{
	char model[128];
	json_string_copy(json_get(x->ask.top, "model"), model, sizeof model);
	script_apply(x->sandbox->script, x->ask.path, *model ? str_of(model) : x->ask.path, &x->faults);
	faults_parse(&x->faults, ask_header(x, "x-sandbox-fault"), NULL);
}

static void start_over(struct exchange *x)
{
	struct answer *a = &x->a;
	a->pieces = 0;
	a->stream = a->usage_sent = false;
	a->usage_at = 0;
	a->tokens = 0;
	x->writes.count = 0;
	sb_clear(&a->body);
	sb_clear(&a->usage);
	x->broken = true;
}

static void fail(struct exchange *x, enum sandbox_api api, unsigned status)
{
	static void (*const fails[])(struct exchange *, unsigned) = {openai_fail, anthropic_fail, gemini_fail};
	fails[api](x, status);
}

/* Faults that need the planned answer: instead of it, or in the middle of it. */
static void change_content(struct exchange *x, enum sandbox_api api)
{
	static void (*const events[])(struct exchange *, struct sb *) = {openai_event_error, anthropic_event_error,
									 gemini_event_error};
	struct faults *f = &x->faults;
	struct answer *a = &x->a;
	if (fault_on(f, FAULT_HTML)) {
		start_over(x);
		a->status = (unsigned)f->arg[FAULT_HTML];
		a->content_type = "text/html";
		sb_addf(&a->body,
			"<html>\r\n<head><title>%u Bad Gateway</title></head>\r\n<body>\r\n<center><h1>%u Bad Gateway"
			"</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n",
			a->status, a->status);
	} else if (fault_on(f, FAULT_REDIRECT)) {
		start_over(x);
		a->status = (unsigned)f->arg[FAULT_REDIRECT];
		answer_header(x, "location", "%.*s", STR_ARG(x->ask.path));
	} else if (fault_on(f, FAULT_ERROR200)) {
		start_over(x);
		fail(x, api, 500);
		a->status = 200;
	} else if (fault_on(f, FAULT_ERROR_MID) && a->stream && a->pieces) {
		uint64_t keep = f->arg_given[FAULT_ERROR_MID] ? f->arg[FAULT_ERROR_MID] : a->pieces / 2;
		a->pieces = keep < a->pieces ? (unsigned)keep : a->pieces;
		a->body.n = a->pieces ? a->piece[a->pieces - 1].end : 0;
		a->tokens = a->pieces ? a->piece[a->pieces - 1].tokens : 0;
		events[api](x, &a->body);
		answer_cut(x, a->tokens);
		x->broken = true;
	} else if (fault_on(f, FAULT_NO_DONE) && a->stream && a->pieces > 1) {
		a->pieces--;
		a->body.n = a->piece[a->pieces - 1].end;
		x->broken = true;
	}
}

void exchange_answer(struct exchange *x)
{
	static void (*const answers[])(struct exchange *) = {openai_answer, anthropic_answer, gemini_answer};
	enum sandbox_api api = api_of(x);
	struct str key = key_of(x);
	read_body(x);
	x->request_hash = hash_of(x);
	rng_seed(&x->rng, x->request_hash ^ x->sandbox->config.seed);
	x->now_us = loop_real_us(x->sandbox->loop);
	if (x->sandbox->config.deterministic) /* some second of 2026 */
		x->now_us = (INT64_C(1767225600) + (int64_t)(x->request_hash % (365 * 86400))) * US_PER_S;
	if (!x->ask.batch) {
		x->ask.org = hash_xxh3(key.p ? key.p : "", key.n);
		find_faults(x);
	}
	x->a.status = 200;
	x->a.content_type = "application/json";
	answer_name(x, api == ON_OPENAI ? "openai" : api == ON_ANTHROPIC ? "anthropic" : "gemini", "other",
		    str_make("", 0), NULL);
	if (!x->ask.batch && (!key.n || str_contains(key, STR("invalid")))) {
		fail(x, api, key.n ? 401 : 0);
	} else if (fault_on(&x->faults, FAULT_STATUS)) {
		uint64_t ms = x->faults.arg[FAULT_STATUS];
		fail(x, api, x->faults.status);
		if (x->faults.arg_given[FAULT_STATUS]) {
			answer_header(x, "retry-after", "%llu", (unsigned long long)((ms + 999) / 1000));
			if (ms % 1000)
				answer_header(x, "retry-after-ms", "%llu", (unsigned long long)ms);
		}
	} else {
		answers[api](x);
		change_content(x, api);
		org_note(x);
	}
	answer_header(x, "content-type", "%s", x->a.content_type);
}

static struct exchange *exchange_new(struct sandbox *s)
{
	struct exchange *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->sandbox = s;
	sb_init(&x->request, SANDBOX_REQUEST_BYTES);
	sb_init(&x->a.body, SANDBOX_BODY_BYTES);
	sb_init(&x->a.usage, 64 * 1024);
	return x;
}

static void exchange_free(struct exchange *x)
{
	sb_fini(&x->request);
	sb_fini(&x->a.body);
	sb_fini(&x->a.usage);
	free(x->a.piece);
	free(x);
}

struct exchange *exchange_inner(struct exchange *outer, const char *path, struct str body, bool batch)
{
	struct exchange *x = exchange_new(outer->sandbox);
	if (!x)
		return NULL;
	arena_init(&x->own, SANDBOX_BODY_BYTES);
	x->arena = &x->own;
	x->ask.method = STR("POST");
	x->ask.path = str_of(path);
	x->ask.body = body;
	x->ask.org = outer->ask.org;
	x->ask.batch = batch;
	x->ask.head = batch ? NULL : outer->ask.head;
	outer->sandbox->served++;
	exchange_answer(x);
	return x;
}

void exchange_inner_end(struct exchange *x)
{
	struct arena a = x->own;
	exchange_free(x);
	arena_fini(&a);
}

/* ---- the server's side */

static void on_request(void *app, struct stream *st)
{
	struct sandbox *s = app;
	const struct head *h = stream_head(st);
	struct exchange *x = exchange_new(s);
	if (!x) {
		stream_abort(st);
		return;
	}
	x->stream = st;
	x->arena = stream_arena(st);
	x->ask.head = h;
	x->ask.method = h->method;
	x->ask.path = h->path;
	x->ask.query = h->query;
	stream_set_user(st, x);
	x->next = s->exchanges;
	x->prev = &s->exchanges;
	if (x->next)
		x->next->prev = &x->next;
	s->exchanges = x;
}

static void on_body(struct stream *st, struct str bytes)
{
	struct exchange *x = stream_user(st);
	if (x && x->session)
		session_bytes(x, bytes);
	else if (x)
		sb_add_str(&x->request, bytes);
}

static void on_body_end(struct stream *st)
{
	struct exchange *x = stream_user(st);
	if (!x || x->gathered)
		return;
	x->gathered = true;
	x->ask.body = sb_str(&x->request);
	if (x->request.full) {
		stream_abort(st);
		return;
	}
	if (head_get(x->ask.head, "upgrade").n && session_open(x))
		return;
	exchange_answer(x);
	play_begin(x);
}

static void on_drained(struct stream *st)
{
	struct exchange *x = stream_user(st);
	if (x && !x->session)
		play_drained(x);
}

static void on_closed(struct stream *st, enum http_end how)
{
	struct exchange *x = stream_user(st);
	(void)how;
	if (!x)
		return;
	stream_set_user(st, NULL);
	if (x->session)
		session_closed(x);
	else
		play_closed(x);
	*x->prev = x->next;
	if (x->next)
		x->next->prev = x->prev;
	exchange_free(x);
}

static const struct server_handler handler = {
	.on_request = on_request,
	.on_body = on_body,
	.on_body_end = on_body_end,
	.on_drained = on_drained,
	.on_closed = on_closed,
};

struct sandbox *sandbox_open(struct loop *l, const struct sandbox_config *c, struct err *e)
{
	struct sandbox *s = calloc(1, sizeof *s);
	struct server_config sc = {.listen = c->listen, .handler = &handler, .app = s};
	if (!s) {
		err_set(e, RR_NOMEM, "no memory for the sandbox");
		return NULL;
	}
	s->config = *c;
	s->loop = l;
	s->list_fd = -1;
	s->limits = http_limits_default;
	s->limits.body_bytes = SANDBOX_REQUEST_BYTES;
	sc.limits = &s->limits;
	hash_random(&s->birth, sizeof s->birth);
	if (!c->deterministic && memory_init(&s->memory)) {
		err_set(e, RR_NOMEM, "no memory for the sandbox's prompt caches");
		goto fail;
	}
	if (c->script && !(s->script = script_load(c->script, e)))
		goto fail;
	if (c->list && (s->list_fd = open(c->list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) {
		err_set(e, RR_IO, "cannot write the list of what is served to '%s'", c->list);
		goto fail;
	}
	s->server = server_open(l, &sc, e);
	if (s->server)
		return s;
fail:
	sandbox_close(s);
	return NULL;
}

uint16_t sandbox_port(const struct sandbox *s)
{
	return server_port(s->server);
}

const char *sandbox_address(const struct sandbox *s)
{
	return server_address(s->server);
}

uint64_t sandbox_served(const struct sandbox *s)
{
	return s->served;
}

void sandbox_close(struct sandbox *s)
{
	if (!s)
		return;
	if (s->server)
		server_close(s->server);
	memory_fini(&s->memory);
	store_fini(&s->store);
	org_fini(&s->org);
	script_free(s->script);
	if (s->list_fd >= 0)
		close(s->list_fd);
	free(s);
}
