/* SPDX-License-Identifier: Apache-2.0
 *
 * The other listener: health, metrics, caps, status. Its own thread, so that it answers under overload; never on
 * the data port. The route table is code: each route says its method and what it needs; nothing else exists.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "gate/clerk.h"
#include "gate/exposition.h"

enum { ANSWER_BYTES = EXPOSITION_BYTES, CAPS_SHOWN = 1024, BODY_BYTES = 64 * 1024 };

struct admin {
	struct gate *gate;
	struct loop *loop;
	struct server *server;
	pthread_t thread;
	bool started;
	atomic_uint waiting; /* errands whose word is still to come */
};

static unsigned healthz(struct admin *a, const struct head *h, struct sb *out, const char **type)
{
	static const char *const words[] = {"ok", "full", "disk full", "failed"};
	enum writer_state state = writer_state(a->gate->writer);
	bool well = state == WRITER_OK || state == WRITER_FULL;
	sb_addf(out, "{\"ok\":%s,\"ledger\":\"%s\",\"draining\":%s}\n", well ? "true" : "false", words[state],
		atomic_load(&a->gate->draining) ? "true" : "false");
	*type = "application/json";
	return well ? 200 : 503;
}

static unsigned metrics(struct admin *a, const struct head *h, struct sb *out, const char **type)
{
	exposition_write(a->gate, out);
	*type = "text/plain; version=0.0.4; charset=utf-8";
	return 200;
}

static unsigned status(struct admin *a, const struct head *h, struct sb *out, const char **type)
{
	struct json_out w;
	char at[TIME_TEXT];
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "started", time_text(a->gate->started_us, at));
	jw_kcstr(&w, "listen", gate_address(a->gate));
	jw_kcstr(&w, "durability", a->gate->conf->durability == DURABILITY_GROUP ? "group" : "relaxed");
	jw_ku64(&w, "workers", a->gate->workers);
	jw_kstr(&w, "price_book", book_date(a->gate->book));
#define X(member, name, kind, help) jw_ku64(&w, #member, gate_total(a->gate, offsetof(struct gate_stats, member)));
#include "gate/metrics.def"
#undef X
	jw_end_object(&w);
	sb_addc(out, '\n');
	*type = "application/json";
	return 200;
}

static unsigned caps(struct admin *a, const struct head *h, struct sb *out, const char **type)
{
	struct cap_live *state = calloc(CAPS_SHOWN, sizeof *state);
	unsigned n = state ? caps_list(a->gate->caps, state, CAPS_SHOWN) : 0;
	out->full |= !state;
	n += state ? training_list(a->gate->training, state + n, CAPS_SHOWN - n) : 0;
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_key(&w, "caps");
	jw_array(&w);
	for (unsigned i = 0; i < n; i++) {
		const struct cap_live *s = &state[i];
		char at[TIME_TEXT];
		jw_object(&w);
		jw_kcstr(&w, "id", s->rule.id);
		jw_kcstr(&w, "book", book_kind_name(s->book));
		jw_kcstr(&w, "window", window_name(s->rule.window));
		jw_kbool(&w, "hard", s->rule.hard);
		jw_kcstr(&w, "currency", s->rule.currency.code);
		if (s->rule.amount_pico != INT64_MAX)
			jw_kmoney(&w, "limit", s->rule.amount_pico);
		if (s->rule.tokens != UINT64_MAX)
			jw_ku64(&w, "limit_tokens", s->rule.tokens);
		jw_kmoney(&w, "spent", s->spent_pico);
		jw_kmoney(&w, "reserved", s->reserved_pico);
		jw_ku64(&w, "spent_tokens", s->spent_tok);
		jw_ku64(&w, "reserved_tokens", s->reserved_tok);
		if (s->book == BOOK_TRAINING) {
			if (s->rule.jobs != UINT64_MAX)
				jw_ku64(&w, "limit_jobs", s->rule.jobs);
			jw_ku64(&w, "spent_jobs", s->spent_jobs);
			jw_ku64(&w, "reserved_jobs", s->reserved_jobs);
		}
		jw_ku64(&w, "refused", s->refused);
		jw_kcstr(&w, "resets_at", s->to_us == INT64_MAX ? NULL : time_text(s->to_us, at));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	sb_addc(out, '\n');
	free(state);
	*type = "application/json";
	return 200;
}

/* ---- POST ---- */

struct asked { /* a request of this listener; lives until its stream and its errand are over */
	struct admin *admin;
	struct stream *stream; /* NULL once it is closed */
	struct sb body;
	bool waits;            /* for the clerk */
	int rc;
	struct post post;
};

static void asked_free(struct asked *q)
{
	if (q->stream || q->waits)
		return;
	sb_fini(&q->body);
	free(q);
}

static void respond(struct asked *q, unsigned code, const char *type, struct str text)
{
	struct header headers[4] = {
		{STR("content-type"), str_of(type)},
		{STR("content-security-policy"), STR("default-src 'self'; frame-ancestors 'none'")},
		{STR("x-content-type-options"), STR("nosniff")},
		{STR("cache-control"), STR("no-store")},
	};
	if (!q->stream)
		return;
	if (stream_respond(q->stream, code, headers, 4, (int64_t)text.n)) {
		stream_abort(q->stream);
		return;
	}
	stream_send(q->stream, text);
	stream_end(q->stream);
}

static void outcome_known(void *arg)
{
	struct asked *q = arg;
	q->waits = false;
	if (q->rc == 0)
		respond(q, 200, "application/json", STR("{\"ok\":true}\n"));
	else if (q->rc == -RR_NOTFOUND)
		respond(q, 404, "application/json", STR("{\"error\":\"there is no such call\"}\n"));
	else if (q->rc == -RR_EXISTS)
		respond(q, 409, "application/json", STR("{\"error\":\"the outcome of this call is known already\"}\n"));
	else
		respond(q, 503, "application/json", STR("{\"error\":\"the ledger cannot be written now\"}\n"));
	asked_free(q);
}

static void on_clerk(const struct errand *e, int rc, bool first)
{
	struct asked *q = e->arg;
	struct admin *a = q->admin;
	q->rc = rc;
	loop_post_at(a->loop, &q->post, outcome_known, q);
	atomic_fetch_sub(&a->waiting, 1);
}

/* {"id": "c-...", "accepted": true} */
static void take_outcome(struct asked *q)
{
	struct errand e = {.kind = ERRAND_OUTCOME, .done = on_clerk, .arg = q};
	struct json top, accepted;
	char id[CALL_ID_TEXT + 1];
	if (q->body.full || json_parse(sb_str(&q->body), &top, NULL)) {
		respond(q, 400, "application/json", STR("{\"error\":\"the body is no JSON\"}\n"));
		return;
	}
	accepted = json_get(top, "accepted");
	if (call_id_parse(str_of(json_string_copy(json_get(top, "id"), id, sizeof id)), &e.outcome.id) ||
	    (accepted.type != JSON_TRUE && accepted.type != JSON_FALSE)) {
		respond(q, 400, "application/json",
			STR("{\"error\":\"give id (c-...) and accepted (true or false)\"}\n"));
		return;
	}
	e.outcome.accepted = json_is_true(accepted);
	q->waits = true;
	atomic_fetch_add(&q->admin->waiting, 1);
	if (clerk_give(q->admin->gate->clerk, &e)) {
		atomic_fetch_sub(&q->admin->waiting, 1);
		q->rc = -RR_STORE;
		outcome_known(q);
	}
}

static unsigned front(struct admin *a, const struct head *h, struct sb *out, const char **type)
{
	sb_addf(out,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>runrate</title>"
		"<h1>runrate</h1><p>The gateway listens at %s.</p><ul>"
		"<li><a href=\"/api/v1/status\">status</a><li><a href=\"/api/v1/caps\">caps</a>"
		"<li><a href=\"/metrics\">metrics</a><li><a href=\"/healthz\">health</a></ul>"
		"<p>Reports: <code>runrate report</code></p></html>\n",
		gate_address(a->gate));
	*type = "text/html; charset=utf-8";
	return 200;
}

static const struct route {
	const char *path;
	unsigned (*answer)(struct admin *a, const struct head *h, struct sb *out, const char **type); /* GET */
	void (*take)(struct asked *q); /* POST: answers by itself, now or later */
} routes[] = {
	{"/healthz", healthz, NULL}, {"/metrics", metrics, NULL}, {"/api/v1/status", status, NULL},
	{"/api/v1/caps", caps, NULL}, {"/api/v1/outcomes", NULL, take_outcome}, {"/", front, NULL},
};

static void on_request(void *app, struct stream *s)
{
	struct asked *q = calloc(1, sizeof *q);
	if (!q) {
		stream_abort(s);
		return;
	}
	q->admin = app;
	q->stream = s;
	sb_init(&q->body, BODY_BYTES);
	stream_set_user(s, q);
}

static void on_body(struct stream *s, struct str bytes)
{
	struct asked *q = stream_user(s);
	if (q)
		sb_add_str(&q->body, bytes);
}

static void on_body_end(struct stream *s)
{
	struct asked *q = stream_user(s);
	const struct head *h = stream_head(s);
	const struct route *route = NULL;
	const char *type = "application/json";
	struct sb out;
	if (!q)
		return;
	for (unsigned i = 0; i < sizeof routes / sizeof *routes && !route; i++)
		if (str_eqc(h->path, routes[i].path))
			route = &routes[i];
	if (!route) {
		respond(q, 404, "application/json", STR("{\"error\":\"no such path: see /\"}\n"));
	} else if (route->answer && str_eqc(h->method, "GET")) {
		sb_init(&out, ANSWER_BYTES);
		unsigned code = route->answer(q->admin, h, &out, &type);
		if (out.full) /* half a page is none */
			respond(q, 503, "application/json", STR("{\"error\":\"no memory for this page now\"}\n"));
		else
			respond(q, code, type, sb_str(&out));
		sb_fini(&out);
	} else if (route->take && str_eqc(h->method, "POST")) {
		route->take(q);
	} else {
		respond(q, 405, "application/json", route->take ? STR("{\"error\":\"this path takes POST\"}\n")
							: STR("{\"error\":\"this path is only read: use GET\"}\n"));
	}
}

static void on_drained(struct stream *s)
{
}

static void on_closed(struct stream *s, enum http_end how)
{
	struct asked *q = stream_user(s);
	if (!q)
		return;
	stream_set_user(s, NULL);
	q->stream = NULL;
	asked_free(q);
}

static const struct server_handler admin_handler = {on_request, on_body, on_body_end, on_drained, on_closed, NULL};

static void *run(void *arg)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	loop_run(((struct admin *)arg)->loop);
	buf_thread_free();
	return NULL;
}

struct admin *admin_open(struct gate *g, struct err *e)
{
	struct admin *a = calloc(1, sizeof *a);
	struct server_config sc = {.listen = g->conf->admin, .limits = &http_limits_default, .max_connections = 256,
				   .handler = &admin_handler, .app = a};
	if (!a) {
		err_set(e, RR_NOMEM, "no memory for the admin listener");
		return NULL;
	}
	a->gate = g;
	a->loop = loop_new(g->clock, e);
	a->server = a->loop ? server_open(a->loop, &sc, e) : NULL;
	if (!a->server || pthread_create(&a->thread, NULL, run, a)) {
		admin_close(a);
		return NULL;
	}
	a->started = true;
	return a;
}

const char *admin_address(const struct admin *a)
{
	return server_address(a->server);
}

int admin_keep_listener(struct admin *a)
{
	return server_keep_listener(a->server);
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	while (atomic_load(&a->waiting)) /* the clerk must not speak to a loop that is gone */
		usleep(1000);
	if (a->started) {
		loop_stop(a->loop);
		pthread_join(a->thread, NULL);
	}
	if (a->server)
		server_close(a->server);
	if (a->loop)
		loop_free(a->loop);
	free(a);
}
