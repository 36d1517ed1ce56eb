/* SPDX-License-Identifier: Apache-2.0
 *
 * See sight.h.
 */
#include "gate/sight.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/log.h"
#include "gate/clerk.h"
#include "gate/gate.h"
#include "gate/results.h"

/* ---- errands of a looker ---- */

struct sight {
	struct looker *looker;
	struct hash128 note;
	struct cap_scope who;
	int rc;
	bool first, must;
	struct post post;
	struct errand errand;
};

/* What the work cost counts once; what was held for it is free either way. */
static void settle_sight(struct sight *s)
{
	struct gate *g = s->looker->worker->gate;
	struct job_note note;
	if (s->errand.kind == ERRAND_OUTLAY) {
		const struct outlay *o = &s->errand.outlay;
		if (jobs_find(g->jobs, s->note, true, &note))
			training_settle(g->training, &note.training, s->first ? o->amount_pico : 0, s->first);
		else if (s->first)
			training_spend(g->training, &s->who, o->currency, o->amount_pico);
	} else {
		const struct call *c = &s->errand.call;
		if (jobs_find(g->jobs, s->note, true, &note))
			caps_settle(g->caps, &note.inference, s->first ? c->cost_pico : 0,
				    s->first ? usage_total_tok(&c->usage) : 0);
		else if (s->first)
			caps_spend(g->caps, c);
	}
}

/* The object is another ask's, or the ledger could not take its name: the work is in doubt as before. */
static void back_to_doubt(struct sight *s)
{
	struct jobs *j = s->looker->worker->gate->jobs;
	struct job_note note;
	if (!jobs_find(j, s->note, true, &note))
		return;
	note.key = jobs_ask_key(note.row.ask);
	note.row.id[0] = 0;
	jobs_remember(j, &note);
}

static void on_loop(void *arg)
{
	struct sight *s = arg;
	struct looker *l = s->looker;
	enum errand_kind kind = s->errand.kind;
	if (kind == ERRAND_CLAIM && (s->rc || !s->first))
		back_to_doubt(s);
	else if (s->rc)
		l->failed |= s->must;
	else if (kind == ERRAND_OUTLAY || kind == ERRAND_CALL)
		settle_sight(s);
	free(s);
	if (--l->errands == 0)
		l->done(l);
}

static void on_clerk(const struct errand *e, int rc, bool first)
{
	struct sight *s = e->arg;
	s->rc = rc;
	s->first = first;
	loop_post_at(s->looker->worker->loop, &s->post, on_loop, s);
}

static void give(struct looker *l, struct errand *e, struct hash128 note, const struct cap_scope *who, bool must)
{
	struct sight *s = calloc(1, sizeof *s);
	if (s) {
		e->done = on_clerk;
		e->arg = s;
		*s = (struct sight){.looker = l, .note = note, .who = *who, .must = must, .errand = *e};
	}
	if (!s || clerk_give(l->worker->gate->clerk, e)) {
		if (s && e->kind == ERRAND_CLAIM)
			back_to_doubt(s);
		l->failed |= must;
		free(s);
		return;
	}
	l->errands++;
}

void sight_note(struct looker *l, const struct job_row *row, bool must)
{
	struct errand e = {.kind = ERRAND_JOB, .job = *row};
	give(l, &e, jobs_ask_key(row->ask), &row->who, must);
}

void sight_mark(struct looker *l, struct str response_id)
{
	struct errand e = {.kind = ERRAND_MARK, .key = jobs_key(l->up->name, "response", response_id, STR(""))};
	give(l, &e, e.key, &l->who, true);
}

void sight_claim(struct looker *l, const struct job_row *row, struct str id)
{
	const char *kind = job_kind_name(row->kind);
	struct jobs *j = l->worker->gate->jobs;
	struct errand e = {.kind = ERRAND_CLAIM, .key = jobs_key(l->up->name, "taken", id, str_of(kind)), .job = *row};
	struct job_note note = {.row = *row};
	if (id.n >= sizeof note.row.id)
		return;
	jobs_find(j, jobs_ask_key(row->ask), true, &note); /* with what is held for it, where the table still has it */
	note.live = false;
	note.key = jobs_key(l->up->name, kind, id, STR(""));
	str_copy(note.row.id, sizeof note.row.id, id);
	e.job = note.row;
	jobs_remember(j, &note);
	give(l, &e, note.key, &note.row.who, false);
}

/* This is the answer to the ask, and it names the vendor's object. */
static void take_up(struct looker *l, enum job_kind kind, struct str id)
{
	struct job_note note;
	if (l->ask.hi && jobs_find(l->worker->gate->jobs, jobs_ask_key(l->ask), false, &note) && note.row.kind == kind)
		sight_claim(l, &note.row, id);
}

/* The work came to nothing. */
static void release(struct looker *l, struct hash128 key)
{
	struct job_note note;
	if (jobs_find(l->worker->gate->jobs, key, true, &note))
		jobs_drop(l->worker->gate->jobs, &note);
}

/* ---- what an object says ---- */

struct call sight_call(const struct looker *l, const struct cap_scope *who, const char *surface)
{
	struct call c;
	call_init(&c);
	c.start_us = l->at_us;
	c.end_us = loop_real_us(l->worker->loop);
	if (c.end_us < c.start_us) /* the vendor's clock, or ours, was set */
		c.end_us = c.start_us;
	c.key = who->key;
	c.team = who->team;
	c.feature = who->feature;
	c.env = who->env;
	c.model_asked = who->model;
	c.provider = l->up->name_id;
	c.region = l->up->region_id;
	c.surface = intern(str_of(surface));
	c.currency = intern(STR("USD"));
	return c;
}

static bool is_any(struct json v, const char *const *words)
{
	for (; *words; words++)
		if (json_string_eq(v, *words))
			return true;
	return false;
}

/* The answer to what was asked for earlier: a call of its own, once, under the operation that asked. */
static void book_answer(struct looker *l, struct json top, struct hash128 key, const char *surface,
			const struct usage *u)
{
	struct errand e = {.kind = ERRAND_CALL, .key = key};
	struct cap_scope who = l->who;
	struct job_note note = {.row.asked_us = 0};
	char model[96];
	if (jobs_find(l->worker->gate->jobs, key, false, &note))
		who = note.row.who;
	json_string_copy(json_get(top, "model"), model, sizeof model);
	e.call = sight_call(l, &who, surface);
	e.call.id = call_id_make(e.call.start_us, l->worker->salt, ++l->worker->ids);
	e.call.operation = note.row.asked_us ? note.row.ask : e.call.id;
	e.call.status = 200;
	e.call.outcome = json_string_eq(json_get(top, "status"), "failed") ? OUTCOME_VENDOR_ERROR : OUTCOME_OK;
	e.call.model_answered = intern(str_of(model));
	if (!e.call.model_asked)
		e.call.model_asked = e.call.model_answered;
	str_copy(e.call.vendor_ref, sizeof e.call.vendor_ref, json_raw_string(json_get(top, "id")));
	e.call.usage = *u;
	e.call.usage.model = e.call.usage.request_id = str_make(NULL, 0);
	settle_cost(l->worker->gate, l->up, str_of(model), intern_str(e.call.model_asked), e.call.start_us, &e.call);
	e.ask = note.row.ask;
	give(l, &e, key, &who, true);
}

/* A film: its seconds stand in its object, as a number or as text. One that failed is not billed. */
static void see_video(struct looker *l, struct json top)
{
	static const char *const over[] = {"completed", "failed", NULL};
	struct usage u = {.flags = USAGE_SEEN};
	struct json seconds = json_get(top, "seconds");
	struct str id = json_raw_string(json_get(top, "id"));
	struct hash128 key = jobs_key(l->up->name, "video", id, STR(""));
	int64_t pico;
	bool exact;
	if (!id.n || !is_any(json_get(top, "status"), over))
		return;
	if (!json_string_eq(json_get(top, "status"), "completed")) {
		release(l, key);
		return;
	}
	if (money_parse(seconds.type == JSON_STRING ? json_raw_string(seconds) : seconds.text, &pico, &exact) ||
	    pico <= 0)
		u.flags = 0; /* how long it is, is not said: a row without usage */
	else
		u.audio_ms = (uint64_t)money_round(pico, PICO_PER_UNIT / 1000);
	book_answer(l, top, key, "openai-videos", &u);
}

/* A response that ran in the background: its terminal usage comes here, once. */
static void see_response(struct looker *l, struct json top)
{
	static const char *const over[] = {"completed", "incomplete", "failed", "cancelled", NULL};
	struct str id = json_raw_string(json_get(top, "id"));
	struct hash128 key = jobs_key(l->up->name, "response", id, STR(""));
	struct usage u;
	if (!id.n || !json_is_true(json_get(top, "background")) || !is_any(json_get(top, "status"), over))
		return;
	if (usage_read(SHAPE_OPENAI_RESPONSES, top, &u) || !(u.flags & USAGE_SEEN))
		release(l, key);
	else
		book_answer(l, top, key, "openai-responses", &u);
}

int64_t sight_time(struct json v, int64_t fallback)
{
	uint64_t seconds;
	int64_t us;
	char text[64];
	if (json_u64(v, &seconds) == 0 && seconds < INT64_MAX / US_PER_S)
		return (int64_t)seconds * US_PER_S;
	json_string_copy(v, text, sizeof text);
	return *text && time_parse(str_of(text), &us) == 0 ? us : fallback;
}

static void see_tuning(struct looker *l, struct json top)
{
	static const char *const over[] = {"succeeded", "failed", "cancelled", NULL};
	struct gate *g = l->worker->gate;
	struct str id = json_raw_string(json_get(top, "id"));
	struct hash128 key = jobs_key(l->up->name, "tuning", id, STR(""));
	struct usage u = {.flags = USAGE_SEEN, .trained_tok = json_u64_or0(json_get(top, "trained_tokens"))};
	struct errand e = {.kind = ERRAND_OUTLAY};
	struct outlay *o = &e.outlay;
	struct cap_scope who = l->who;
	struct price_query q;
	struct price_result cost;
	struct job_note note;
	char model[96];
	if (!id.n || id.n >= sizeof o->id)
		return;
	take_up(l, JOB_TUNING, id);
	if (!is_any(json_get(top, "status"), over))
		return;
	if (!u.trained_tok) {
		release(l, key);
		return;
	}
	json_string_copy(json_get(top, "model"), model, sizeof model);
	if (jobs_find(g->jobs, key, false, &note)) {
		who = note.row.who;
		e.ask = note.row.ask;
	}
	q = (struct price_query){.provider = l->up->name, .model = str_of(model),
				 .at_us = sight_time(json_get(top, "created_at"), l->at_us)};
	if (price(g->book, &q, &u, &cost) || cost.status != PRICE_PRICED) {
		/* An unknown price is no outlay of 0; a later look, with its price in the book, writes it. */
		LOG(LOG_WARN, "tuning_unpriced", LOG_S("job", id), LOG_S("model", str_of(model)),
		    LOG_S("why", str_of(cost.why)));
		return;
	}
	str_copy(o->id, sizeof o->id, id);
	o->kind = OUTLAY_FINETUNE;
	o->date_us = sight_time(json_get(top, "finished_at"), l->at_us);
	o->currency = cost.currency;
	o->amount_pico = upstream_discounted(l->up, cost.total_pico);
	o->trained_tok = u.trained_tok;
	str_copy(o->serves, sizeof o->serves, intern_str(who.feature));
	json_string_copy(json_get(top, "fine_tuned_model"), o->model, sizeof o->model);
	str_copy(o->provider, sizeof o->provider, l->up->name);
	snprintf(o->note, sizeof o->note, "tuning of %s, seen by the gateway", model);
	give(l, &e, key, &who, true);
}

bool sight_plain_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'z') ||
		      (id.p[i] >= 'A' && id.p[i] <= 'Z') || id.p[i] == '_' || id.p[i] == '-'))
			return false;
	return id.n && id.n < 96;
}

/* A batch whose lines are to be read; NULL when somebody reads them, or did, or nobody can now. */
static struct batch *begin_reading(struct looker *l, struct hash128 key, struct str id, const char *surface,
				   int64_t at_us)
{
	struct jobs *j = l->worker->gate->jobs;
	struct job_note note = {.key = key, .row = {.kind = JOB_BATCH, .asked_us = l->at_us, .who = l->who}};
	struct batch *b;
	jobs_find(j, key, false, &note);
	if (note.reading || !l->headers || !(b = calloc(1, sizeof *b)))
		return NULL;
	note.reading = true;
	note.inference.count = note.training.count = 0;
	jobs_remember(j, &note);
	*b = (struct batch){.worker = l->worker, .up = l->up, .note = key, .row = note.row, .refs = 1};
	b->surface = surface_by_name(surface);
	b->like = sight_call(l, &note.row.who, surface);
	b->like.operation = note.row.ask;
	b->like.model_asked = 0;
	b->like.start_us = at_us;
	str_copy(b->id, sizeof b->id, id);
	str_copy(b->row.id, sizeof b->row.id, id);
	str_copy(b->row.provider, sizeof b->row.provider, l->up->name);
	return b;
}

static void see_openai_batch(struct looker *l, struct json top)
{
	static const char *const over[] = {"completed", "expired", "cancelled", "failed", NULL};
	struct str id = json_raw_string(json_get(top, "id")), file = json_raw_string(json_get(top, "output_file_id"));
	struct hash128 key = jobs_key(l->up->name, "batch", id, STR(""));
	struct json at = json_get(top, "completed_at");
	struct batch *b;
	char path[160], endpoint[64];
	if (!sight_plain_id(id))
		return;
	take_up(l, JOB_BATCH, id);
	if (!is_any(json_get(top, "status"), over))
		return;
	if (!sight_plain_id(file)) { /* no line succeeded: nothing is billed */
		release(l, key);
		return;
	}
	if (at.type != JSON_NUMBER)
		at = json_get(top, json_get(top, "cancelled_at").type == JSON_NUMBER ? "cancelled_at" : "expired_at");
	json_string_copy(json_get(top, "endpoint"), endpoint, sizeof endpoint);
	b = begin_reading(l, key, id, surface_find(API_OPENAI, STR("POST"), str_of(endpoint))->name,
			  sight_time(at, l->at_us));
	snprintf(path, sizeof path, "/v1/files/%.*s/content", STR_ARG(file));
	if (b)
		results_read(l, b, str_of(path));
}

static void see_anthropic_batch(struct looker *l, struct json top)
{
	struct str id = json_raw_string(json_get(top, "id"));
	struct hash128 key = jobs_key(l->up->name, "batch", id, STR(""));
	struct batch *b;
	char path[160];
	if (!sight_plain_id(id))
		return;
	take_up(l, JOB_BATCH, id);
	if (!json_string_eq(json_get(top, "processing_status"), "ended"))
		return;
	if (json_get(top, "results_url").type != JSON_STRING) { /* archived: its lines are gone */
		release(l, key);
		return;
	}
	b = begin_reading(l, key, id, "anthropic-messages", sight_time(json_get(top, "ended_at"), l->at_us));
	snprintf(path, sizeof path, "/v1/messages/batches/%.*s/results", STR_ARG(id));
	if (b)
		results_read(l, b, str_of(path));
}

/* A long-running operation that holds its answers itself, or names the file of them (Gemini API, batch mode, as
 * generally known in 2026, unverified: response.responsesFile, to be had under /download/v1beta/FILE:download). */
static void see_gemini_batch(struct looker *l, struct json top)
{
	struct str id = json_raw_string(json_get(top, "name"));
	struct hash128 key = jobs_key(l->up->name, "batch", id, STR(""));
	struct json answers = json_path(top, "response.inlinedResponses.inlinedResponses"), one;
	struct str file = json_raw_string(json_path(top, "response.responsesFile"));
	char path[192];
	struct json_iter it;
	struct batch *b;
	struct str unused;
	unsigned index = 0;
	bool whole = true;
	if (!str_starts(id, STR("batches/")))
		return;
	take_up(l, JOB_BATCH, id);
	if (!json_is_true(json_get(top, "done")))
		return;
	if (json_get(top, "response").type == JSON_NONE) { /* cancelled, expired, failed: it has no answers */
		release(l, key);
		return;
	}
	if (str_starts(file, STR("files/")) && sight_plain_id(str_sub(file, 6, file.n)) &&
	    (b = begin_reading(l, key, id, "gemini-generate", l->at_us))) {
		snprintf(path, sizeof path, "/download/v1beta/%.*s:download?alt=media", STR_ARG(file));
		results_read(l, b, str_of(path));
		return;
	}
	if (answers.type != JSON_ARRAY || !(b = begin_reading(l, key, id, "gemini-generate", l->at_us)))
		return;
	for (json_open(&it, answers); json_next(&it, &unused, &one); index++) {
		char number[16];
		struct json answer = json_get(one, "response");
		snprintf(number, sizeof number, "%u", index);
		if (answer.type == JSON_OBJECT && results_take(b, str_of(number), answer))
			whole = false;
	}
	l->failed |= !whole;
	results_end(b, whole);
}

static void see_file(struct looker *l, struct json top)
{
	struct str id = json_raw_string(json_get(top, "id"));
	uint64_t bytes;
	if (id.n && json_u64(json_get(top, "bytes"), &bytes) == 0 && bytes)
		jobs_remember_file(l->worker->gate->jobs, jobs_key(l->up->name, "file", id, STR("")), bytes);
}

static void see(struct looker *l, struct json top)
{
	struct json object = json_get(top, "object");
	if (json_string_eq(object, "response"))
		see_response(l, top);
	else if (json_string_eq(object, "video"))
		see_video(l, top);
	else if (json_string_eq(object, "fine_tuning.job"))
		see_tuning(l, top);
	else if (json_string_eq(object, "batch"))
		see_openai_batch(l, top);
	else if (json_string_eq(object, "file"))
		see_file(l, top);
	else if (json_string_eq(object, "upload"))
		see_file(l, json_get(top, "file"));
	else if (json_string_eq(json_get(top, "type"), "message_batch"))
		see_anthropic_batch(l, top);
	else if (holds_is_cache(top) && l->up->api == API_GEMINI) {
		if (l->request)
			holds_see(l->request, top);
	} else if (json_get(top, "metadata").type == JSON_OBJECT && l->up->api == API_GEMINI)
		see_gemini_batch(l, top);
}

void sight_look(struct looker *l, struct str body)
{
	static const char *const lists[] = {"data", "operations", "batches", "cachedContents"};
	struct json top, one;
	struct json_iter it;
	struct str unused;
	if (json_parse(body, &top, NULL))
		return;
	see(l, top);
	for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct json list = json_get(top, lists[i]);
		if (list.type == JSON_ARRAY)
			for (json_open(&it, list); json_next(&it, &unused, &one);)
				see(l, one);
	}
}
