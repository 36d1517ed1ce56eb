/* SPDX-License-Identifier: Apache-2.0
 *
 * See jobs.h. Objects are told by what they say they are, not by the path that showed them: one in a list counts like
 * one that was asked for alone.
 */
#include "gate/jobs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/log.h"
#include "gate/clerk.h"
#include "gate/gate.h"
#include "gate/results.h"

enum { PROBES = 8 };

struct known_file {
	struct hash128 key;
	uint64_t bytes;
};

struct jobs {
	struct gate *gate;
	pthread_mutex_t lock;
	struct job_note *note; /* JOB_NOTES places, each key in one of PROBES */
	struct known_file *file;
};

struct jobs *jobs_new(struct gate *g, struct err *e)
{
	struct jobs *j = calloc(1, sizeof *j);
	if (j) {
		j->note = calloc(JOB_NOTES, sizeof *j->note);
		j->file = calloc(JOB_FILES, sizeof *j->file);
	}
	if (!j || !j->note || !j->file) {
		err_set(e, RR_NOMEM, "no memory for the table of jobs");
		if (j) {
			free(j->note);
			free(j->file);
		}
		free(j);
		return NULL;
	}
	j->gate = g;
	pthread_mutex_init(&j->lock, NULL);
	return j;
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	pthread_mutex_destroy(&j->lock);
	free(j->note);
	free(j->file);
	free(j);
}

struct hash128 jobs_key(const struct upstream *up, const char *kind, struct str id, struct str part)
{
	struct sb b;
	struct hash128 key;
	sb_init(&b, 64 * 1024);
	sb_add_str(&b, up->name);
	sb_addc(&b, '|');
	sb_adds(&b, kind);
	sb_addc(&b, '|');
	sb_add_str(&b, id);
	sb_addc(&b, '|');
	sb_add_str(&b, part);
	key = hash_xxh3_128(b.p, b.n);
	sb_fini(&b);
	return key;
}

/* ---- the table of what was asked for ---- */

static bool same(struct hash128 a, struct hash128 b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static struct job_note *find(struct jobs *j, struct hash128 key)
{
	for (unsigned i = 0; i < PROBES; i++) {
		struct job_note *n = &j->note[(key.lo + i) % JOB_NOTES];
		if (n->at_us && same(n->key, key))
			return n;
	}
	return NULL;
}

/* Under the lock. What gives way counts as spent in full: a hard cap stays a hard cap. */
static void give_way(struct jobs *j, struct job_note *n)
{
	int64_t most = 0;
	for (unsigned i = 0; i < n->inference.count; i++)
		most = n->inference.held[i].hold.pico > most ? n->inference.held[i].hold.pico : most;
	caps_settle(j->gate->caps, &n->inference, most, 0);
	most = 0;
	for (unsigned i = 0; i < n->training.count; i++)
		most = n->training.held[i].hold.pico > most ? n->training.held[i].hold.pico : most;
	training_settle(j->gate->training, &n->training, most, 1);
}

static void remember(struct jobs *j, const struct job_note *note)
{
	struct job_note *place;
	pthread_mutex_lock(&j->lock);
	place = find(j, note->key);
	for (unsigned i = 0; i < PROBES && !place; i++)
		if (!j->note[(note->key.lo + i) % JOB_NOTES].at_us)
			place = &j->note[(note->key.lo + i) % JOB_NOTES];
	if (!place) {
		place = &j->note[note->key.lo % JOB_NOTES];
		for (unsigned i = 1; i < PROBES; i++)
			if (j->note[(note->key.lo + i) % JOB_NOTES].at_us < place->at_us)
				place = &j->note[(note->key.lo + i) % JOB_NOTES];
	}
	if (place->at_us)
		give_way(j, place);
	*place = *note;
	pthread_mutex_unlock(&j->lock);
}

static bool look_up(struct jobs *j, struct hash128 key, bool take, struct job_note *out)
{
	struct job_note *n;
	pthread_mutex_lock(&j->lock);
	n = find(j, key);
	if (n) {
		*out = *n;
		if (take)
			n->at_us = 0;
	}
	pthread_mutex_unlock(&j->lock);
	return n != NULL;
}

static void remember_file(struct jobs *j, struct hash128 key, uint64_t bytes)
{
	pthread_mutex_lock(&j->lock);
	j->file[key.lo % JOB_FILES] = (struct known_file){key, bytes};
	pthread_mutex_unlock(&j->lock);
}

/* 0 = not known. */
static uint64_t file_bytes(struct jobs *j, struct hash128 key)
{
	uint64_t bytes = 0;
	pthread_mutex_lock(&j->lock);
	if (same(j->file[key.lo % JOB_FILES].key, key))
		bytes = j->file[key.lo % JOB_FILES].bytes;
	pthread_mutex_unlock(&j->lock);
	return bytes;
}

/* ---- asking ---- */

static struct cap_scope who_of(const struct request *r)
{
	return (struct cap_scope){r->call.key, r->call.team, r->call.feature, r->call.model_asked, r->call.env};
}

static bool is_tuning(const struct request *r)
{
	return strcmp(r->surface->name, "openai-finetune") == 0;
}

/* An explicit number of epochs; 0 where the vendor chooses. */
static uint64_t epochs_of(struct json body)
{
	static const char *const places[] = {"hyperparameters.n_epochs", "method.supervised.hyperparameters.n_epochs",
					     "method.dpo.hyperparameters.n_epochs", "method.reinforcement.hyperparameters.n_epochs"};
	uint64_t most = 0;
	for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
		struct json v = json_path(body, places[i]);
		uint64_t n = json_u64_or0(v);
		if (v.type == JSON_STRING)
			return 0; /* "auto" beside a number: the vendor may take either */
		most = n > most ? n : most;
	}
	return most;
}

static int tuning_cap(struct request *r, struct cap_refusal *no)
{
	struct gate *g = r->worker->gate;
	struct training_ask ask = {.who = who_of(r), .currency = USD};
	struct str file = json_raw_string(json_get(r->features.top, "training_file"));
	uint64_t bytes = file_bytes(g->jobs, jobs_key(r->up, "file", file, str_make("", 0)));
	uint64_t epochs = epochs_of(r->features.top);
	struct usage u = {.flags = USAGE_SEEN};
	struct price_query q = {.provider = r->up->name, .model = r->features.model, .at_us = r->call.start_us};
	struct price_result cost;
	if (!epochs) {
		ask.unbounded = "the job states no number of epochs (n_epochs), so money cannot bound it; state it, or let "
				"the cap count jobs too";
	} else if (!bytes) {
		ask.unbounded = "the size of the training file is not known here: upload it, or read it once, through this "
				"gateway; or let the cap count jobs too";
	} else if (__builtin_mul_overflow(bytes, epochs, &u.trained_tok) || price(g->book, &q, &u, &cost) ||
		   cost.status != PRICE_PRICED) {
		ask.unbounded = "training this model has no price here, so money cannot bound it; add its price, or let the "
				"cap count jobs too";
	} else {
		ask.most_pico = cost.total_pico;
		ask.currency = cost.currency;
	}
	return training_reserve(g->training, &ask, &r->training, no);
}

/* What a batch will cost is not known before its end; a hard cap that is used up refuses it all the same. */
static int batch_cap(struct request *r, struct cap_refusal *no)
{
	struct cap_ask ask = {.who = who_of(r), .currency = USD, .priced = true, .most_pico = 1, .likely_pico = 1,
			      .most_tok = 1, .likely_tok = 1};
	struct cap_ticket ticket;
	bool warn;
	int rc = caps_reserve(r->worker->gate->caps, &ask, &ticket, no, &warn);
	if (!rc)
		caps_settle(r->worker->gate->caps, &ticket, 0, 0);
	return rc;
}

int jobs_cap(struct request *r, struct cap_refusal *no)
{
	if (r->surface->bill != BILL_JOB)
		return 0;
	if (holds_reads(r))
		return holds_cap(r, no);
	return is_tuning(r) ? tuning_cap(r, no) : batch_cap(r, no);
}

bool jobs_reads(const struct request *r)
{
	static const char *const shows[] = {"openai-responses-read", "openai-finetune", "openai-finetune-read", "openai-batches",
					    "openai-batches-read", "openai-files", "openai-uploads", "anthropic-batches",
					    "anthropic-batches-read", "gemini-batch", "gemini-batches-read"};
	if (str_ends(r->path, STR("/content")) || str_ends(r->path, STR("/results")))
		return false;
	for (unsigned i = 0; i < sizeof shows / sizeof *shows; i++)
		if (strcmp(r->surface->name, shows[i]) == 0)
			return true;
	return holds_reads(r);
}

static void keep_note(struct request *r, const char *kind, struct str id)
{
	struct job_note note = {.key = jobs_key(r->up, kind, id, str_make("", 0)), .at_us = r->call.start_us,
				.inference = r->ticket, .training = r->training, .who = who_of(r), .operation = r->call.id};
	remember(r->worker->gate->jobs, &note);
	r->ticket.count = 0;
	r->training.count = 0;
}

void jobs_keep(struct request *r)
{
	if (r->meter.request_id[0])
		keep_note(r, "response", str_of(r->meter.request_id));
}

/* ---- an errand of this request ---- */

struct sight {
	struct request *request;
	struct hash128 note;
	struct cap_scope who;
	int rc;
	bool first;
	struct errand errand;
};

static void on_loop(void *arg)
{
	struct sight *s = arg;
	struct request *r = s->request;
	struct gate *g = r->worker->gate;
	struct job_note note;
	if (s->rc) {
		r->errand_failed = true;
	} else if (s->errand.kind == ERRAND_MARK) {
		;
	} else if (look_up(g->jobs, s->note, true, &note)) {
		if (s->errand.kind == ERRAND_OUTLAY)
			training_settle(g->training, &note.training, s->errand.outlay.amount_pico, 1);
		else
			caps_settle(g->caps, &note.inference, s->errand.call.cost_pico, usage_total_tok(&s->errand.call.usage));
	} else if (s->first) {
		if (s->errand.kind == ERRAND_OUTLAY)
			training_spend(g->training, &s->who, s->errand.outlay.currency, s->errand.outlay.amount_pico);
		else if (s->errand.call.price_status == PRICE_PRICED)
			caps_spend(g->caps, &s->errand.call);
	}
	free(s);
	if (--r->errands == 0)
		gate_run(r);
}

static void on_clerk(const struct errand *e, int rc, bool first)
{
	struct sight *s = e->arg;
	s->rc = rc;
	s->first = first;
	loop_post(s->request->worker->loop, on_loop, s);
}

static void give(struct request *r, struct errand *e, struct hash128 note, const struct cap_scope *who)
{
	struct sight *s = calloc(1, sizeof *s);
	if (!s) {
		r->errand_failed = true;
		return;
	}
	e->done = on_clerk;
	e->arg = s;
	*s = (struct sight){.request = r, .note = note, .who = *who, .errand = *e};
	if (clerk_give(r->worker->gate->clerk, e)) {
		r->errand_failed = true;
		free(s);
		return;
	}
	r->errands++;
}

/* Releases what was held for work that came to nothing. */
static void release(struct request *r, struct hash128 key)
{
	struct job_note note;
	if (!look_up(r->worker->gate->jobs, key, true, &note))
		return;
	caps_settle(r->worker->gate->caps, &note.inference, 0, 0);
	training_settle(r->worker->gate->training, &note.training, 0, 0);
}

/* ---- what an object says ---- */

struct call jobs_call(struct request *r, const struct cap_scope *who, const char *surface)
{
	struct call c;
	call_init(&c);
	c.start_us = r->call.start_us;
	c.end_us = loop_real_us(r->worker->loop);
	c.key = who->key;
	c.team = who->team;
	c.feature = who->feature;
	c.env = who->env;
	c.model_asked = who->model;
	c.provider = r->up->name_id;
	c.region = r->up->region_id;
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

/* A response that ran in the background: its terminal usage comes here, once. */
static void see_response(struct request *r, struct json top)
{
	static const char *const over[] = {"completed", "incomplete", "failed", "cancelled", NULL};
	struct str id = json_raw_string(json_get(top, "id"));
	struct hash128 key = jobs_key(r->up, "response", id, str_make("", 0));
	struct errand e = {.kind = ERRAND_CALL, .key = key};
	struct cap_scope who = who_of(r);
	struct job_note note = {.at_us = 0};
	struct usage u;
	char model[96];
	if (!id.n || !json_is_true(json_get(top, "background")) || !is_any(json_get(top, "status"), over))
		return;
	if (usage_read(SHAPE_OPENAI_RESPONSES, top, &u) || !(u.flags & USAGE_SEEN)) {
		release(r, key);
		return;
	}
	if (look_up(r->worker->gate->jobs, key, false, &note))
		who = note.who;
	json_string_copy(json_get(top, "model"), model, sizeof model);
	e.call = jobs_call(r, &who, "openai-responses");
	e.call.id = call_id_make(e.call.start_us, r->worker->salt, ++r->worker->ids);
	e.call.operation = note.at_us ? note.operation : e.call.id;
	e.call.status = 200;
	e.call.outcome = json_string_eq(json_get(top, "status"), "failed") ? OUTCOME_VENDOR_ERROR : OUTCOME_OK;
	e.call.model_answered = intern(str_of(model));
	if (!e.call.model_asked)
		e.call.model_asked = e.call.model_answered;
	str_copy(e.call.vendor_ref, sizeof e.call.vendor_ref, id);
	e.call.usage = u;
	e.call.usage.model = e.call.usage.request_id = str_make(NULL, 0);
	settle_cost(r->worker->gate, r->up, str_of(model), intern_str(e.call.model_asked), e.call.start_us, &e.call);
	give(r, &e, key, &who);
}

/* Seconds since 1970, or ISO 8601; the fallback where it is neither. */
static int64_t time_of(struct json v, int64_t fallback)
{
	uint64_t seconds;
	int64_t us;
	char text[64];
	if (json_u64(v, &seconds) == 0 && seconds < INT64_MAX / US_PER_S)
		return (int64_t)seconds * US_PER_S;
	json_string_copy(v, text, sizeof text);
	return *text && time_parse(str_of(text), &us) == 0 ? us : fallback;
}

static void see_tuning(struct request *r, struct json top)
{
	static const char *const over[] = {"succeeded", "failed", "cancelled", NULL};
	struct gate *g = r->worker->gate;
	struct str id = json_raw_string(json_get(top, "id"));
	struct hash128 key = jobs_key(r->up, "tuning", id, str_make("", 0));
	struct usage u = {.flags = USAGE_SEEN, .trained_tok = json_u64_or0(json_get(top, "trained_tokens"))};
	struct errand e = {.kind = ERRAND_OUTLAY};
	struct outlay *o = &e.outlay;
	struct cap_scope who = who_of(r);
	struct price_query q;
	struct price_result cost;
	struct job_note note;
	char model[96];
	if (!id.n || id.n >= sizeof o->id)
		return;
	if (!is_any(json_get(top, "status"), over)) {
		if (is_tuning(r) && !look_up(g->jobs, key, false, &note))
			keep_note(r, "tuning", id);
		return;
	}
	if (!u.trained_tok) {
		release(r, key);
		return;
	}
	json_string_copy(json_get(top, "model"), model, sizeof model);
	if (look_up(g->jobs, key, false, &note))
		who = note.who;
	q = (struct price_query){.provider = r->up->name, .model = str_of(model),
				 .at_us = time_of(json_get(top, "created_at"), r->call.start_us)};
	if (price(g->book, &q, &u, &cost) || cost.status != PRICE_PRICED) {
		/* An unknown price is no outlay of 0; a later look, with its price in the book, writes it. */
		LOG(LOG_WARN, "tuning_unpriced", LOG_S("job", id), LOG_S("model", str_of(model)), LOG_S("why", str_of(cost.why)));
		return;
	}
	str_copy(o->id, sizeof o->id, id);
	o->kind = OUTLAY_FINETUNE;
	o->date_us = time_of(json_get(top, "finished_at"), r->call.start_us);
	o->currency = cost.currency;
	o->amount_pico = upstream_discounted(r->up, cost.total_pico);
	o->trained_tok = u.trained_tok;
	str_copy(o->serves, sizeof o->serves, intern_str(who.feature));
	json_string_copy(json_get(top, "fine_tuned_model"), o->model, sizeof o->model);
	str_copy(o->provider, sizeof o->provider, r->up->name);
	snprintf(o->note, sizeof o->note, "tuning of %s, seen by the gateway", model);
	give(r, &e, key, &who);
}

/* Ids become part of a path: nothing but what ids are made of. */
static bool plain_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'z') ||
		      (id.p[i] >= 'A' && id.p[i] <= 'Z') || id.p[i] == '_' || id.p[i] == '-'))
			return false;
	return id.n && id.n < 96;
}

/* Marks the batch as being read. False when somebody does, or did. */
static bool begin_reading(struct request *r, struct hash128 key, struct batch *b, struct str id, int64_t at_us)
{
	struct jobs *j = r->worker->gate->jobs;
	struct job_note note = {.key = key, .at_us = r->call.start_us, .who = who_of(r)};
	look_up(j, key, false, &note);
	if (note.reading || !r->client)
		return false;
	note.reading = true;
	note.inference.count = note.training.count = 0;
	remember(j, &note);
	*b = (struct batch){.worker = r->worker, .up = r->up, .note = key};
	b->like = jobs_call(r, &note.who, r->surface->name);
	b->like.operation = note.operation;
	b->like.model_asked = 0;
	b->like.start_us = at_us;
	str_copy(b->id, sizeof b->id, id);
	return true;
}

void jobs_read(struct jobs *j, struct hash128 key, bool whole)
{
	struct job_note *n;
	pthread_mutex_lock(&j->lock);
	n = find(j, key);
	if (n && !whole)
		n->reading = false; /* the next sight tries again */
	pthread_mutex_unlock(&j->lock);
}

static void see_openai_batch(struct request *r, struct json top)
{
	static const char *const over[] = {"completed", "expired", "cancelled", NULL};
	struct str id = json_raw_string(json_get(top, "id")), file = json_raw_string(json_get(top, "output_file_id"));
	struct hash128 key = jobs_key(r->up, "batch", id, str_make("", 0));
	struct json at = json_get(top, "completed_at");
	struct job_note note;
	struct batch b;
	char path[160], endpoint[64];
	if (!plain_id(id))
		return;
	if (!is_any(json_get(top, "status"), over)) {
		if (r->surface->bill == BILL_JOB && !look_up(r->worker->gate->jobs, key, false, &note))
			keep_note(r, "batch", id);
		return;
	}
	if (!plain_id(file)) /* no line succeeded: nothing is billed */
		return;
	if (at.type != JSON_NUMBER)
		at = json_get(top, json_get(top, "cancelled_at").type == JSON_NUMBER ? "cancelled_at" : "expired_at");
	if (!begin_reading(r, key, &b, id, time_of(at, r->call.start_us)))
		return;
	json_string_copy(json_get(top, "endpoint"), endpoint, sizeof endpoint);
	b.surface = surface_find(API_OPENAI, STR("POST"), str_of(endpoint));
	b.like.surface = intern(str_of(b.surface->name));
	snprintf(path, sizeof path, "/v1/files/%.*s/content", STR_ARG(file));
	if (results_read(r, &b, str_of(path)))
		jobs_read(r->worker->gate->jobs, key, false);
}

static void see_anthropic_batch(struct request *r, struct json top)
{
	struct str id = json_raw_string(json_get(top, "id"));
	struct hash128 key = jobs_key(r->up, "batch", id, str_make("", 0));
	struct job_note note;
	struct batch b;
	char path[160];
	if (!plain_id(id))
		return;
	if (!json_string_eq(json_get(top, "processing_status"), "ended")) {
		if (r->surface->bill == BILL_JOB && !look_up(r->worker->gate->jobs, key, false, &note))
			keep_note(r, "batch", id);
		return;
	}
	if (json_get(top, "results_url").type != JSON_STRING ||
	    !begin_reading(r, key, &b, id, time_of(json_get(top, "ended_at"), r->call.start_us)))
		return;
	b.surface = surface_by_name("anthropic-messages");
	b.like.surface = intern(str_of(b.surface->name));
	snprintf(path, sizeof path, "/v1/messages/batches/%.*s/results", STR_ARG(id));
	if (results_read(r, &b, str_of(path)))
		jobs_read(r->worker->gate->jobs, key, false);
}

/* A long-running operation that holds its answers itself. */
static void see_gemini_batch(struct request *r, struct json top)
{
	struct str id = json_raw_string(json_get(top, "name"));
	struct hash128 key = jobs_key(r->up, "batch", id, str_make("", 0));
	struct json answers = json_path(top, "response.inlinedResponses.inlinedResponses"), one;
	struct json_iter it;
	struct job_note note;
	struct batch b;
	struct str unused;
	unsigned index = 0;
	bool whole = true;
	if (!str_starts(id, STR("batches/")))
		return;
	if (!json_is_true(json_get(top, "done"))) {
		if (r->surface->bill == BILL_JOB && !look_up(r->worker->gate->jobs, key, false, &note))
			keep_note(r, "batch", id);
		return;
	}
	if (answers.type != JSON_ARRAY || !begin_reading(r, key, &b, id, r->call.start_us))
		return;
	b.surface = surface_by_name("gemini-generate");
	b.like.surface = intern(str_of(b.surface->name));
	for (json_open(&it, answers); json_next(&it, &unused, &one); index++) {
		char number[16];
		struct json answer = json_get(one, "response");
		snprintf(number, sizeof number, "%u", index);
		if (answer.type == JSON_OBJECT && results_take(&b, str_of(number), answer))
			whole = false;
	}
	r->errand_failed |= !whole;
	jobs_read(r->worker->gate->jobs, key, whole);
}

static void see_file(struct request *r, struct json top)
{
	struct str id = json_raw_string(json_get(top, "id"));
	uint64_t bytes;
	if (id.n && json_u64(json_get(top, "bytes"), &bytes) == 0 && bytes)
		remember_file(r->worker->gate->jobs, jobs_key(r->up, "file", id, str_make("", 0)), bytes);
}

static void see(struct request *r, struct json top)
{
	struct json object = json_get(top, "object");
	if (json_string_eq(object, "response"))
		see_response(r, top);
	else if (json_string_eq(object, "fine_tuning.job"))
		see_tuning(r, top);
	else if (json_string_eq(object, "batch"))
		see_openai_batch(r, top);
	else if (json_string_eq(object, "file"))
		see_file(r, top);
	else if (json_string_eq(object, "upload"))
		see_file(r, json_get(top, "file"));
	else if (json_string_eq(json_get(top, "type"), "message_batch"))
		see_anthropic_batch(r, top);
	else if (holds_is_cache(top) && r->up->api == API_GEMINI)
		holds_see(r, top);
	else if (json_get(top, "metadata").type == JSON_OBJECT && r->up->api == API_GEMINI)
		see_gemini_batch(r, top);
}

void jobs_look(struct request *r)
{
	static const char *const lists[] = {"data", "operations", "batches", "cachedContents"};
	struct json top, one;
	struct json_iter it;
	struct str unused;
	if (r->features.background && r->meter.request_id[0] && (r->meter.usage.flags & USAGE_SEEN)) {
		/* It was streamed to its end: billed as this call, not again when it is read. */
		struct errand e = {.kind = ERRAND_MARK,
				   .key = jobs_key(r->up, "response", str_of(r->meter.request_id), str_make("", 0))};
		struct cap_scope who = who_of(r);
		give(r, &e, e.key, &who);
		return;
	}
	if (r->surface->bill == BILL_USAGE && r->surface->json_body && !r->features.background)
		return; /* an answer of its own: what is deferred was asked for as that, and this is no walk for each call */
	if (r->status < 200 || r->status > 299 || r->mode != ANSWER_WHOLE || r->upstream_end != END_OK)
		return;
	if (strcmp(r->surface->name, "gemini-caches-end") == 0)
		holds_end(r);
	if (r->encoded || json_parse(sb_str(&r->answer), &top, NULL))
		return;
	see(r, top);
	for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct json list = json_get(top, lists[i]);
		if (list.type == JSON_ARRAY)
			for (json_open(&it, list); json_next(&it, &unused, &one);)
				see(r, one);
	}
}
