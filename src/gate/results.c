/* SPDX-License-Identifier: Apache-2.0
 *
 * See results.h. A reading is an exchange without a client: its own memory, the worker's loop and pool.
 */
#include "gate/results.h"

#include <stdlib.h>

#include "base/intern.h"
#include "base/log.h"
#include "gate/clerk.h"
#include "gate/gate.h"

enum { BUSY_AGAIN_US = 5000 };

struct reading {
	struct batch *batch;
	struct exchange *exchange;
	struct sb rest;     /* bytes whose line is not whole, or that the clerk has no room for */
	size_t searched;    /* bytes of rest without a line's end */
	struct timer again;
	bool good, ended, whole;
	uint64_t lines;
};

/* On the loop, after the last line: closed when all of it stands in the ledger. */
static void close_batch(void *arg)
{
	struct batch *b = arg;
	bool whole = b->whole && !atomic_load(&b->lost);
	struct errand e = {.kind = ERRAND_JOB_END, .job = b->row};
	if (whole)
		clerk_give(b->worker->gate->clerk, &e); /* where it fails the note stays, and the lines are known */
	else
		LOG(LOG_WARN, "batch_not_read", LOG_S("batch", str_of(b->id)));
	jobs_read(b->worker->gate->jobs, b->note, whole);
	free(b);
}

static void drop(struct batch *b)
{
	if (atomic_fetch_sub(&b->refs, 1) == 1)
		loop_post_at(b->worker->loop, &b->post, close_batch, b);
}

void results_end(struct batch *b, bool whole)
{
	b->whole = whole;
	drop(b);
}

/* What the line cost counts on the caps from the moment at which it stands in the ledger. */
static void on_line(const struct errand *e, int rc, bool first)
{
	struct batch *b = e->arg;
	if (rc)
		atomic_store(&b->lost, true);
	else if (first)
		caps_spend(b->worker->gate->caps, &e->call);
	drop(b);
}

int results_take(struct batch *b, struct str custom_id, struct json answer)
{
	struct gate *g = b->worker->gate;
	struct errand e = {.kind = ERRAND_CALL, .done = on_line, .arg = b};
	struct stream_meter m;
	struct call *c = &e.call;
	int rc;
	meter_init(&m, b->surface, NULL);
	if (meter_body(&m, answer.text) || !(m.usage.flags & USAGE_SEEN))
		return 0; /* an error is free */
	meter_finish(&m, 0);
	*c = b->like;
	c->id = call_id_make(c->start_us, b->worker->salt, ++b->worker->ids);
	if (!c->operation.hi)
		c->operation = c->id;
	c->status = 200;
	c->usage = m.usage;
	c->usage.tier = TIER_BATCH; /* whatever the line says: that is how it was bought (C34) */
	c->usage.model = c->usage.request_id = str_make(NULL, 0);
	c->model_answered = intern(str_of(m.model));
	if (!c->model_asked)
		c->model_asked = c->model_answered;
	str_copy(c->vendor_ref, sizeof c->vendor_ref, str_of(m.request_id));
	settle_cost(g, b->up, str_of(m.model), intern_str(c->model_asked), c->start_us, c);
	settle_mark(c, 0);
	e.key = jobs_key(b->up->name, "batch-line", str_of(b->id), custom_id);
	atomic_fetch_add(&b->refs, 1);
	rc = clerk_give(g->clerk, &e);
	if (rc)
		atomic_fetch_sub(&b->refs, 1); /* never the last: the reader's stands */
	return rc;
}

/* OpenAI: {custom_id, response: {status_code, body}}; Anthropic: {custom_id, result: {type, message}}; Gemini: {key,
 * response}. */
static int take_line(struct reading *r, struct str line)
{
	struct json top, answer;
	struct str custom;
	line = str_trim(line);
	if (!line.n)
		return 0;
	if (json_parse(line, &top, NULL)) {
		r->good = false;
		return 0;
	}
	custom = json_raw_string(json_get(top, r->batch->up->api == API_GEMINI ? "key" : "custom_id"));
	answer = json_path(top, r->batch->up->api == API_GEMINI ? "response" : "response.body");
	if (answer.type == JSON_NONE)
		answer = json_path(top, "result.message");
	if (answer.type != JSON_OBJECT)
		return 0;
	return results_take(r->batch, custom, answer);
}

static void finish(struct reading *r)
{
	timer_clear(r->batch->worker->loop, &r->again);
	LOG(LOG_INFO, "batch_read", LOG_S("batch", str_of(r->batch->id)), LOG_N("lines", r->lines));
	results_end(r->batch, r->good && r->whole);
	sb_fini(&r->rest);
	free(r);
}

static void on_again(struct timer *t);

/* Takes whole lines until there are none or the clerk is busy. True: go on reading. */
static bool take_lines(struct reading *r)
{
	size_t from = 0;
	bool busy = false;
	while (!busy) {
		const char *end = memchr(r->rest.p + from + r->searched, '\n', r->rest.n - from - r->searched);
		size_t n = end ? (size_t)(end - r->rest.p) - from : r->rest.n - from;
		if (!end && !r->ended) {
			r->searched = n;
			break;
		}
		if (!n && !end)
			break;
		if (take_line(r, str_make(r->rest.p + from, n))) {
			busy = true;
			break;
		}
		r->lines += n > 0;
		from += n + (end != NULL);
		r->searched = 0;
	}
	if (from) {
		memmove(r->rest.p, r->rest.p + from, r->rest.n - from);
		r->rest.n -= from;
	}
	if (busy)
		timer_set(r->batch->worker->loop, &r->again, BUSY_AGAIN_US, on_again);
	return !busy;
}

static void on_again(struct timer *t)
{
	struct reading *r = (struct reading *)((char *)t - offsetof(struct reading, again));
	if (!take_lines(r))
		return;
	if (r->ended)
		finish(r);
	else
		exchange_resume(r->exchange);
}

static void on_head(struct exchange *x, const struct head *h)
{
	struct reading *r = exchange_user(x);
	struct str encoding = head_get(h, "content-encoding");
	r->good = h->status == 200 && (!encoding.n || str_ieq(str_trim(encoding), STR("identity")));
}

static void on_body(struct exchange *x, struct str bytes)
{
	struct reading *r = exchange_user(x);
	if (!r->good)
		return;
	sb_add_str(&r->rest, bytes);
	if (r->rest.full) {
		r->good = false;
		exchange_abort(x);
	} else if (!take_lines(r)) {
		exchange_pause(x);
	}
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct reading *r = exchange_user(x);
	r->exchange = NULL;
	r->ended = true;
	r->whole = how == END_OK;
	if (!r->good || take_lines(r))
		finish(r);
}

static const struct exchange_handler handler = {on_head, on_body, on_done};

void results_read(const struct looker *l, struct batch *b, struct str path)
{
	struct reading *r = calloc(1, sizeof *r);
	if (r) {
		r->batch = b;
		sb_init(&r->rest, RESULT_LINE_BYTES);
		r->exchange = exchange_start(l->worker->pool, &l->up->origin, STR("GET"), path, l->header, l->headers,
					     str_make("", 0), &handler, r);
	}
	if (r && r->exchange)
		return;
	if (r)
		sb_fini(&r->rest);
	free(r);
	results_end(b, false);
}
