/* SPDX-License-Identifier: Apache-2.0
 *
 * See jobs.h. One lock over the table: deferred work is rare beside calls.
 */
#include "gate/jobs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/log.h"
#include "gate/clerk.h"
#include "gate/gate.h"

enum { PROBES = 8 };

struct known_file {
	struct hash128 key;
	uint64_t bytes;
};

struct caller { /* whose own key is needed to look at what it asked for */
	uint32_t key;  /* 0 = a free place */
	uint32_t provider;
	uint64_t next_us;
};

struct jobs {
	struct gate *gate;
	pthread_mutex_t lock;
	struct job_note *note; /* JOB_NOTES places, each key in one of PROBES */
	struct known_file *file;
	struct caller caller[JOB_CALLERS];
	atomic_uint callers;   /* read without the lock to skip it */
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

struct hash128 jobs_key(struct str provider, const char *kind, struct str id, struct str part)
{
	const struct str parts[] = {provider, str_of(kind), id, part};
	return hash_xxh3_128_parts(parts, 4, '|');
}

struct hash128 jobs_ask_key(struct call_id ask)
{
	return hash_xxh3_128(&ask, sizeof ask);
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
		if (n->row.asked_us && same(n->key, key))
			return n;
	}
	return NULL;
}

static void settle_note(struct jobs *j, struct job_note *n, int64_t used_pico, unsigned job_count)
{
	caps_settle(j->gate->caps, &n->inference, used_pico, 0);
	training_settle(j->gate->training, &n->training, used_pico, job_count);
}

/* Under the lock. Work that only its caller's key can be asked about is asked about when that caller comes again. */
static void remember_caller(struct jobs *j, const struct job_row *row, uint64_t next_us)
{
	uint32_t provider = intern(str_of(row->provider));
	struct caller *place = NULL;
	if (!row->own_credential || !row->who.key)
		return;
	for (unsigned i = 0; i < JOB_CALLERS; i++) {
		if (j->caller[i].key == row->who.key && j->caller[i].provider == provider)
			return;
		if (!j->caller[i].key && !place)
			place = &j->caller[i];
	}
	if (!place) /* too many to keep: somebody waits for the next start */
		return;
	*place = (struct caller){row->who.key, provider, next_us};
	atomic_fetch_add(&j->callers, 1);
}

void jobs_forget_caller(struct jobs *j, uint32_t key, struct str provider)
{
	uint32_t name = intern(provider);
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < JOB_CALLERS; i++)
		if (j->caller[i].key == key && j->caller[i].provider == name) {
			j->caller[i].key = 0;
			atomic_fetch_sub(&j->callers, 1);
		}
	pthread_mutex_unlock(&j->lock);
}

static void remember(struct jobs *j, const struct job_note *note)
{
	struct job_note *place;
	pthread_mutex_lock(&j->lock);
	place = find(j, note->key);
	for (unsigned i = 0; i < PROBES && !place; i++)
		if (!j->note[(note->key.lo + i) % JOB_NOTES].row.asked_us)
			place = &j->note[(note->key.lo + i) % JOB_NOTES];
	if (!place) {
		place = &j->note[note->key.lo % JOB_NOTES];
		for (unsigned i = 1; i < PROBES; i++)
			if (j->note[(note->key.lo + i) % JOB_NOTES].row.asked_us < place->row.asked_us)
				place = &j->note[(note->key.lo + i) % JOB_NOTES];
	}
	if (place->row.asked_us)
		settle_note(j, place, CAPS_IN_FULL, 1); /* it gives way: a hard cap stays a hard cap */
	*place = *note;
	pthread_mutex_unlock(&j->lock);
}

void jobs_remember(struct jobs *j, const struct job_note *note)
{
	remember(j, note);
	pthread_mutex_lock(&j->lock);
	remember_caller(j, &note->row, 0);
	pthread_mutex_unlock(&j->lock);
}

bool jobs_find(struct jobs *j, struct hash128 key, bool take, struct job_note *out)
{
	struct job_note *n;
	pthread_mutex_lock(&j->lock);
	n = find(j, key);
	if (n) {
		*out = *n;
		if (take)
			n->row.asked_us = 0;
	}
	pthread_mutex_unlock(&j->lock);
	return n != NULL;
}

void jobs_drop(struct jobs *j, struct job_note *note)
{
	struct errand e = {.kind = ERRAND_JOB_END, .job = note->row};
	settle_note(j, note, 0, 0);
	clerk_give(j->gate->clerk, &e); /* where it fails the note stays, and is looked at again */
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

bool jobs_due(struct jobs *j, uint32_t key, struct str provider, uint64_t now_us, uint64_t every_us)
{
	uint32_t name;
	bool due = false;
	if (!atomic_load_explicit(&j->callers, memory_order_relaxed))
		return false;
	name = intern(provider);
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < JOB_CALLERS && !due; i++)
		if (j->caller[i].key == key && j->caller[i].provider == name && j->caller[i].next_us <= now_us) {
			j->caller[i].next_us = now_us + every_us;
			due = true;
		}
	pthread_mutex_unlock(&j->lock);
	return due;
}

void jobs_remember_file(struct jobs *j, struct hash128 key, uint64_t bytes)
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

/* ---- after a start ---- */

/* On every cap that it touches, as much as was reserved for it when it was asked for. */
static void hold(struct jobs *j, struct job_note *n)
{
	const struct job_row *row = &n->row;
	if (row->kind == JOB_TUNING) {
		struct training_ask ask = {.who = row->who, .currency = row->currency, .most_pico = row->most_pico};
		training_hold(j->gate->training, &ask, row->asked_us, &n->training);
	} else if (row->kind == JOB_RESPONSE || row->kind == JOB_VIDEO) {
		struct cap_ask ask = {.who = row->who, .currency = row->currency, .priced = true,
				      .most_pico = row->most_pico,
				      .likely_pico = row->most_pico / 4, .most_tok = row->most_tok, .likely_tok =
				      row->most_tok / 4};
		caps_hold(j->gate->caps, &ask, row->asked_us, &n->inference);
	}
}

void jobs_hold(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < JOB_NOTES; i++)
		if (j->note[i].row.asked_us)
			hold(j, &j->note[i]);
	pthread_mutex_unlock(&j->lock);
}

static int restore(const struct job_row *row, void *arg)
{
	struct jobs *j = arg;
	struct job_note note = {.row = *row};
	hold(j, &note);
	note.key = row->id[0] ? jobs_key(str_of(row->provider), job_kind_name(row->kind), str_of(row->id), STR(""))
			      : jobs_ask_key(row->ask);
	jobs_remember(j, &note);
	return 0;
}

int jobs_restore(struct jobs *j, struct ledger *l, struct err *e)
{
	return ledger_jobs(l, restore, j, e);
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
					     "method.dpo.hyperparameters.n_epochs",
					     "method.reinforcement.hyperparameters.n_epochs"};
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
	uint64_t bytes = file_bytes(g->jobs, jobs_key(r->up->name, "file", file, STR("")));
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
	r->bound.total_pico = ask.most_pico;
	r->bound.currency = ask.currency;
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

/* What the vendor's object will show of this request. */
static void match_of(const struct request *r, char *out, size_t size)
{
	struct json top = r->features.top, v;
	switch (r->up->api) {
	case API_OPENAI:
		str_copy(out, size, json_raw_string(json_get(top, is_tuning(r) ? "training_file" : "input_file_id")));
		break;
	case API_ANTHROPIC:
		v = json_get(top, "requests");
		snprintf(out, size, "%zu", v.type == JSON_ARRAY ? json_count(v) : (size_t)0);
		break;
	case API_GEMINI:
		v = json_path(top, "batch.displayName");
		if (v.type == JSON_NONE)
			v = json_path(top, "batch.display_name");
		snprintf(out, size, "%.*s|%.*s", STR_ARG(str_sub(r->features.model, 0, 80)),
			 STR_ARG(json_raw_string(v)));
		break;
	default:
		out[0] = 0;
	}
}

static struct job_row row_of(const struct request *r, enum job_kind kind)
{
	struct job_row row = {.ask = r->call.id, .kind = kind, .asked_us = r->call.start_us, .who = who_of(r),
			      .own_credential = !r->who.virtual_key, .currency = r->bound.currency,
			      .most_pico = r->bound.total_pico};
	str_copy(row.provider, sizeof row.provider, r->up->name);
	return row;
}

static void go_on(struct looker *l)
{
	gate_run((struct request *)((char *)l - offsetof(struct request, look)));
}

static struct looker *looker_of(struct request *r)
{
	struct looker *l = &r->look;
	l->request = r;
	l->worker = r->worker;
	l->up = r->up;
	l->who = who_of(r);
	l->at_us = r->call.start_us;
	l->done = go_on;
	return l;
}

int jobs_note(struct request *r)
{
	struct looker *l = looker_of(r);
	if (r->surface->bill != BILL_JOB || holds_reads(r))
		return NEXT;
	if (!l->ask.hi) {
		struct job_note note = {.row = row_of(r, is_tuning(r) ? JOB_TUNING : JOB_BATCH), .live = true};
		match_of(r, note.row.match, sizeof note.row.match);
		note.key = jobs_ask_key(r->call.id);
		note.training = r->training;
		l->ask = r->call.id;
		r->training.count = 0;
		remember(r->worker->gate->jobs, &note);
		sight_note(l, &note.row, true);
	}
	if (l->errands)
		return WAIT;
	if (l->failed)
		return (int)gate_refuse(r, APIERR_STORE,
					"The ledger cannot note this work, so it was not asked for; ask again.");
	return NEXT;
}

/* The vendor never saw it, or said no. Anything else may have been taken. */
static bool surely_not_taken(const struct request *r)
{
	if (!r->forwarded || r->upstream_end == END_CONNECT || r->upstream_end == END_RESOLVE ||
	    r->upstream_end == END_TLS || r->upstream_end == END_TIMEOUT_CONNECT)
		return true;
	return r->mode != ANSWER_OWN && r->status >= 400 && r->status < 500 && r->status != 408;
}

void jobs_leave(struct request *r)
{
	struct jobs *j = r->worker->gate->jobs;
	struct job_note note;
	if (!r->look.ask.hi || !jobs_find(j, jobs_ask_key(r->look.ask), true, &note))
		return; /* it has the vendor's name already */
	if (surely_not_taken(r)) {
		jobs_drop(j, &note);
		return;
	}
	LOG(LOG_WARN, "job_in_doubt", LOG_S("kind", str_of(job_kind_name(note.row.kind))),
	    LOG_S("upstream", r->up->name));
	note.live = false;
	jobs_remember(j, &note);
}

/* ---- the answer ---- */

bool jobs_reads(const struct request *r)
{
	static const char *const shows[] = {"openai-responses-read",  "openai-videos-read", "openai-finetune",
					    "openai-finetune-read",   "openai-batches",     "openai-batches-read",
					    "openai-files",           "openai-uploads",     "anthropic-batches",
					    "anthropic-batches-read", "gemini-batch",       "gemini-batches-read"};
	if (str_ends(r->path, STR("/content")) || str_ends(r->path, STR("/results")))
		return false;
	for (unsigned i = 0; i < sizeof shows / sizeof *shows; i++)
		if (strcmp(r->surface->name, shows[i]) == 0)
			return true;
	return holds_reads(r);
}

/* The answer comes later: what is reserved stays reserved, and the note says under which name it will come. */
static void keep_response(struct request *r)
{
	enum job_kind kind = meter_is_video(r->surface) ? JOB_VIDEO : JOB_RESPONSE;
	struct job_note note = {.row = row_of(r, kind), .inference = caps_ticket_take(&r->ticket)};
	if (__builtin_add_overflow(r->bound.in_tok, r->bound.out_tok, &note.row.most_tok) ||
	    note.row.most_tok > INT64_MAX)
		note.row.most_tok = INT64_MAX;
	if (r->bound.status != PRICE_PRICED)
		note.row.most_pico = 0;
	str_copy(note.row.id, sizeof note.row.id, str_of(r->meter.request_id));
	note.key = jobs_key(r->up->name, job_kind_name(kind), str_of(r->meter.request_id), STR(""));
	jobs_remember(r->worker->gate->jobs, &note);
	sight_note(&r->look, &note.row, false);
}

void jobs_look(struct request *r)
{
	struct header headers[HTTP_HEADERS + 2];
	struct looker *l = looker_of(r);
	bool seen = r->meter.usage.flags & USAGE_SEEN;
	if (r->features.background && r->meter.request_id[0] && seen) {
		sight_mark(l, str_of(r->meter.request_id));
		return;
	}
	if (r->meter.deferred && r->meter.request_id[0] && !seen)
		keep_response(r);
	if (r->surface->bill == BILL_USAGE && r->surface->json_body && !r->features.background)
		return; /* an answer of its own: what is deferred was asked for as that, and this is no walk for each
			   call */
	if (r->status < 200 || r->status > 299 || r->mode != ANSWER_WHOLE || r->upstream_end != END_OK)
		return;
	if (strcmp(r->surface->name, "gemini-caches-end") == 0)
		holds_end(r);
	if (r->coding)
		return;
	l->headers = r->client ? forward_headers(r, headers) : 0;
	l->header = headers;
	sight_look(l, sb_str(&r->answer));
	l->headers = 0;
	l->header = NULL;
}
