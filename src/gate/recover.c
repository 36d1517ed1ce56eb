/* SPDX-License-Identifier: Apache-2.0
 *
 * See recover.h. A round is one upstream with one credential: lists for what is in doubt, then one object after the
 * other; one exchange at a time, since nobody waits.
 */
#include "gate/recover.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/log.h"
#include "gate/clerk.h"
#include "gate/gate.h"

enum { ROWS_MOST = 4096, PAGES_MOST = 200, ANSWER_BYTES = 64 * 1024 * 1024, CREDENTIAL_BYTES = 64 * 1024, HEADERS = 8 };

/* Clocks of vendors differ from ours by less; what was asked for is made within the request's time. */
#define SKEW_US (10 * 60 * US_PER_S)
/* A vendor keeps results for a month at most (wire.md 1.5: 29 days): then nothing can be learnt any more. */
#define LOST_US (40 * US_PER_DAY)

/* How a vendor lists one kind of work, newest first. */
static const struct listing {
	enum vendor_api api;
	enum job_kind kind;
	const char *path, *first,
		*next; /* the first page's query, and what is added to it for the page behind a cursor */
	const char *object;              /* one object by its id */
} listings[] = {
	{API_OPENAI, JOB_TUNING, "/v1/fine_tuning/jobs", "limit=100", "&after=", "/v1/fine_tuning/jobs/"},
	{API_OPENAI, JOB_BATCH, "/v1/batches", "limit=100", "&after=", "/v1/batches/"},
	{API_ANTHROPIC, JOB_BATCH, "/v1/messages/batches", "limit=100", "&after_id=", "/v1/messages/batches/"},
	{API_GEMINI, JOB_BATCH, "/v1beta/batches", "pageSize=100", "&pageToken=", "/v1beta/"},
	{API_OPENAI, JOB_RESPONSE, NULL, NULL, NULL, "/v1/responses/"}, /* the vendor lists none */
	{API_OPENAI, JOB_VIDEO, NULL, NULL, NULL, "/v1/videos/"},       /* it has its name at once, or was not taken */
};
enum { LISTINGS = sizeof listings / sizeof *listings };

struct round {
	struct looker look;
	struct round *next;      /* of its worker's */
	uint32_t key;            /* with this caller's own key; 0: with the configured one */
	struct job_row *row;
	unsigned rows, at;
	unsigned listing, pages; /* listings[] that is read; LISTINGS: done with lists */
	bool complete[LISTINGS]; /* read back to before the oldest ask */
	unsigned object;         /* of the page: the next one to look at */
	int64_t began_us;
	struct sb answer;
	unsigned status;
	char cursor[512];
	bool asked;              /* an object's answer is to be taken */
	struct exchange *exchange;
	struct sb credential;    /* name NUL value NUL ... */
	struct header header[HEADERS];
};

static void go_on(struct looker *l);

static const struct listing *listing_of(enum vendor_api api, enum job_kind kind)
{
	for (unsigned i = 0; i < LISTINGS; i++)
		if (listings[i].api == api && listings[i].kind == kind)
			return &listings[i];
	return NULL;
}

/* ---- rows ---- */

static int take_row(const struct job_row *row, void *arg)
{
	struct round *r = arg;
	bool mine = str_eqc(r->look.up->name, row->provider) &&
		    (r->key ? row->own_credential && row->who.key == r->key : !row->own_credential);
	if (mine && r->rows < ROWS_MOST)
		r->row[r->rows++] = *row;
	return 0;
}

static struct hash128 object_key(const struct round *r, enum job_kind kind, struct str id)
{
	return jobs_key(r->look.up->name, job_kind_name(kind), id, STR(""));
}

static bool read_rows(struct round *r)
{
	struct err e;
	r->rows = r->at = 0;
	if (ledger_jobs(r->look.worker->ledger, take_row, r, &e) == 0)
		return true;
	LOG(LOG_ERROR, "deferred_not_read", LOG_S("why", str_of(e.what)));
	return false;
}

/* Its request died with an earlier process, or ended without an answer. */
static bool in_doubt(struct round *r, const struct job_row *row)
{
	struct job_note note;
	return !row->id[0] &&
	       !(jobs_find(r->look.worker->gate->jobs, jobs_ask_key(row->ask), false, &note) && note.live);
}

static int64_t oldest_doubt_us(struct round *r, enum job_kind kind)
{
	for (unsigned i = 0; i < r->rows; i++) /* oldest first */
		if (r->row[i].kind == kind && in_doubt(r, &r->row[i]))
			return r->row[i].asked_us;
	return INT64_MAX;
}

/* ---- asking ---- */

static void on_head(struct exchange *x, const struct head *h)
{
	struct round *r = exchange_user(x);
	struct str encoding = head_get(h, "content-encoding");
	r->status = !encoding.n || str_ieq(str_trim(encoding), STR("identity")) ? h->status : 0;
}

static void on_body(struct exchange *x, struct str bytes)
{
	struct round *r = exchange_user(x);
	sb_add_str(&r->answer, bytes);
	if (r->answer.full)
		exchange_abort(x);
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct round *r = exchange_user(x);
	r->exchange = NULL;
	if (how != END_OK)
		r->status = 0;
	if (how == END_ABORTED && atomic_load(&r->look.worker->gate->draining))
		return; /* the worker goes: recover_end frees */
	go_on(&r->look);
}

static const struct exchange_handler handler = {on_head, on_body, on_done};

static bool ask(struct round *r, const char *path)
{
	sb_clear(&r->answer);
	r->status = 0;
	r->exchange = exchange_start(r->look.worker->pool, &r->look.up->origin, STR("GET"), str_of(path),
				     r->look.header, r->look.headers, STR(""), &handler, r);
	return r->exchange != NULL;
}

/* A cursor as it stands in a query: all but unreserved characters as %XX. */
static bool add_cursor(struct sb *b, const char *cursor)
{
	for (; *cursor; cursor++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *cursor))
			sb_addc(b, *cursor);
		else
			sb_addf(b, "%%%02X", (unsigned char)*cursor);
	return !b->full;
}

static bool ask_page(struct round *r)
{
	const struct listing *l = &listings[r->listing];
	struct sb path;
	bool going;
	sb_init(&path, 4096);
	sb_addf(&path, "%s?%s", l->path, l->first);
	if (r->cursor[0]) {
		sb_adds(&path, l->next);
		add_cursor(&path, r->cursor);
	}
	going = !path.full && ask(r, path.p);
	sb_fini(&path);
	r->object = 0;
	r->pages++;
	return going;
}

static bool ask_object(struct round *r, const struct job_row *row)
{
	const struct listing *l = listing_of(r->look.up->api, row->kind);
	const char *name = str_starts(str_of(row->id), STR("batches/")) ? row->id + 8 : row->id;
	char path[256];
	if (!l || !sight_plain_id(str_of(name)))
		return false;
	snprintf(path, sizeof path, "%s%s", l->object, row->id);
	return r->asked = ask(r, path);
}

/* ---- lists ---- */

static int64_t made_us_of(struct json o)
{
	struct json at = json_get(o, "created_at");
	return sight_time(at.type == JSON_NONE ? json_path(o, "metadata.createTime") : at, 0);
}

static struct str id_of(struct json o)
{
	struct json id = json_get(o, "id");
	return json_raw_string(id.type == JSON_NONE ? json_get(o, "name") : id);
}

/* Does the object show what the row's request asked for? */
static bool shows(const struct round *r, const struct job_row *row, struct json o, int64_t made_us)
{
	struct gate *g = r->look.worker->gate;
	struct job_note note;
	char text[160];
	struct str model;
	uint64_t lines = 0;
	struct json_iter it;
	struct json count;
	struct str name;
	if (jobs_find(g->jobs, object_key(r, row->kind, id_of(o)), false, &note))
		return false; /* it is another note's */
	if (made_us < row->asked_us - SKEW_US || made_us > row->asked_us + (int64_t)g->limits.total_us + SKEW_US)
		return false;
	switch (r->look.up->api) {
	case API_OPENAI:
		if (row->kind == JOB_TUNING) {
			model = json_raw_string(json_get(o, "model"));
			return json_string_eq(json_get(o, "training_file"), row->match) &&
			       str_starts(model, intern_str(row->who.model));
		}
		return json_string_eq(json_get(o, "input_file_id"), row->match);
	case API_ANTHROPIC:
		count = json_get(o, "request_counts");
		if (count.type != JSON_OBJECT)
			return false;
		for (json_open(&it, count); json_next(&it, &name, &count);)
			lines += json_u64_or0(count);
		snprintf(text, sizeof text, "%llu", (unsigned long long)lines);
		return strcmp(text, row->match) == 0;
	case API_GEMINI:
		model = json_raw_string(json_path(o, "metadata.model"));
		if (str_starts(model, STR("models/")))
			model = str_sub(model, 7, model.n);
		snprintf(text, sizeof text, "%.*s|%.*s", STR_ARG(str_sub(model, 0, 80)),
			 STR_ARG(json_raw_string(json_path(o, "metadata.displayName"))));
		return strcmp(text, row->match) == 0;
	default:
		return false;
	}
}

/* The row got the object that the last claim named. */
static void note_claims(struct round *r)
{
	struct job_note note;
	for (unsigned i = 0; i < r->rows; i++) {
		struct job_row *row = &r->row[i];
		struct hash128 key = object_key(r, row->kind, str_of(row->id));
		if (row->id[0] && !(jobs_find(r->look.worker->gate->jobs, key, false, &note) &&
				    note.row.ask.hi == row->ask.hi && note.row.ask.lo == row->ask.lo))
			row->id[0] = 0; /* somebody else's */
	}
}

/* Goes on in the page that came. True: an errand was given, or the next page asked for; false: the list is done. */
static bool take_page(struct round *r)
{
	static const char *const lists[] = {"data", "operations"};
	const struct listing *l = &listings[r->listing];
	int64_t oldest = oldest_doubt_us(r, l->kind), made = INT64_MAX;
	struct json top, list = {JSON_NONE, {NULL, 0}}, o;
	struct json_iter it;
	struct str unused, last = {NULL, 0};
	unsigned index = 0;
	if (r->status != 200 || json_parse(sb_str(&r->answer), &top, NULL))
		return false;
	note_claims(r);
	for (unsigned i = 0; i < 2 && list.type != JSON_ARRAY; i++)
		list = json_get(top, lists[i]);
	if (list.type == JSON_ARRAY)
		for (json_open(&it, list); json_next(&it, &unused, &o); index++) {
			made = made_us_of(o);
			last = id_of(o);
			if (index < r->object || !last.n)
				continue;
			r->object = index + 1;
			for (unsigned i = 0; i < r->rows; i++) {
				struct job_row *row = &r->row[i];
				if (row->kind != l->kind || !in_doubt(r, row) || !shows(r, row, o, made))
					continue;
				sight_claim(&r->look, row, last);
				str_copy(row->id, sizeof row->id, last);
				if (r->look.errands)
					return true;
				break;
			}
		}
	str_copy(r->cursor, sizeof r->cursor, last);
	if (l->api == API_GEMINI)
		json_string_copy(json_get(top, "nextPageToken"), r->cursor, sizeof r->cursor);
	r->complete[r->listing] = made < oldest - SKEW_US || !r->cursor[0] ||
				  (l->api != API_GEMINI && !json_is_true(json_get(top, "has_more")));
	return !r->complete[r->listing] && r->pages < PAGES_MOST && ask_page(r);
}

/* ---- rounds ---- */

static void close_row(struct round *r, const struct job_row *row, const char *why)
{
	struct jobs *j = r->look.worker->gate->jobs;
	struct job_note note = {.row = *row};
	LOG(LOG_WARN, "deferred_closed", LOG_S("kind", str_of(job_kind_name(row->kind))),
	    LOG_S("upstream", r->look.up->name), LOG_S("id", str_of(row->id)), LOG_S("why", str_of(why)));
	jobs_find(j, row->id[0] ? object_key(r, row->kind, str_of(row->id)) : jobs_ask_key(row->ask), true, &note);
	jobs_drop(j, &note);
}

static void give_up(struct round *r)
{
	const struct gate_config *conf = r->look.worker->gate->conf;
	for (unsigned i = 0; i < r->rows; i++) {
		const struct job_row *row = &r->row[i];
		const struct listing *l = listing_of(r->look.up->api, row->kind);
		if (row->asked_us < r->began_us - LOST_US)
			close_row(r, row, "too old: the vendor has forgotten it; reconcile with its bill");
		else if (in_doubt(r, row) && l && r->complete[l - listings] &&
			 row->asked_us < r->began_us - conf->deferred_doubt_us)
			close_row(r, row, "the vendor lists nothing like it: it was not taken");
	}
}

static void round_free(struct round *r)
{
	struct round **at = &r->look.worker->rounds;
	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	if (r->credential.p)
		explicit_bzero(r->credential.p, r->credential.n);
	sb_fini(&r->credential);
	sb_fini(&r->answer);
	free(r->row);
	free(r);
}

static bool next_list(struct round *r)
{
	for (; r->listing < LISTINGS; r->listing++) {
		const struct listing *l = &listings[r->listing];
		if (l->path && l->api == r->look.up->api && oldest_doubt_us(r, l->kind) != INT64_MAX) {
			r->cursor[0] = 0;
			r->pages = 0;
			return ask_page(r);
		}
	}
	return false;
}

/* An object that was asked for by its id has come. */
static void take_object(struct round *r)
{
	const struct job_row *row = &r->row[r->at++];
	if (r->status == 200)
		sight_look(&r->look, sb_str(&r->answer));
	else if (r->status == 404 || r->status == 410)
		close_row(r, row, "the vendor has it no longer; reconcile with its bill");
	else
		LOG(LOG_WARN, "deferred_not_seen", LOG_S("id", str_of(row->id)), LOG_N("status", r->status));
}

/* After an exchange, or after the clerk's word on what it showed. */
static void go_on(struct looker *l)
{
	struct round *r = (struct round *)((char *)l - offsetof(struct round, look));
	if (r->listing < LISTINGS) {
		if (take_page(r))
			return;
		r->listing++;
		if (next_list(r))
			return;
		r->listing = LISTINGS;
		if (!read_rows(r)) {
			round_free(r);
			return;
		}
		give_up(r);
	} else if (r->asked) {
		r->asked = false;
		take_object(r);
		if (l->errands)
			return;
	}
	for (; r->at < r->rows; r->at++)
		if (r->row[r->at].id[0] && ask_object(r, &r->row[r->at]))
			return;
	if (!r->rows && r->key)
		jobs_forget_caller(l->worker->gate->jobs, r->key, l->up->name);
	round_free(r);
}

static bool under_way(const struct worker *w, const struct upstream *up, uint32_t key)
{
	for (const struct round *r = w->rounds; r; r = r->next)
		if (r->look.up == up && r->key == key)
			return true;
	return false;
}

static void add_header(struct round *r, struct str name, struct str value)
{
	sb_add_str(&r->credential, name);
	sb_addc(&r->credential, 0);
	sb_add_str(&r->credential, value);
	sb_addc(&r->credential, 0);
	r->look.headers++;
}

static struct round *round_new(struct worker *w, struct upstream *up, uint32_t key)
{
	struct round *r = calloc(1, sizeof *r);
	if (!r || !(r->row = calloc(ROWS_MOST, sizeof *r->row))) {
		free(r);
		return NULL;
	}
	r->key = key;
	r->began_us = loop_real_us(w->loop);
	r->look = (struct looker){.worker = w, .up = up, .at_us = r->began_us, .done = go_on};
	sb_init(&r->answer, ANSWER_BYTES);
	sb_init(&r->credential, CREDENTIAL_BYTES);
	r->next = w->rounds;
	w->rounds = r;
	return r;
}

static void round_start(struct round *r)
{
	const char *at = r->credential.p;
	if (r->credential.full) { /* no memory for the credential: another time */
		round_free(r);
		return;
	}
	for (unsigned i = 0; i < r->look.headers; i++) {
		r->header[i].name = str_of(at);
		at += r->header[i].name.n + 1;
		r->header[i].value = str_of(at);
		at += r->header[i].value.n + 1;
	}
	r->look.header = r->header;
	if (!read_rows(r)) {
		round_free(r);
	} else if (!next_list(r)) {
		r->listing = LISTINGS;
		give_up(r);
		go_on(&r->look);
	}
}

static void on_time(struct timer *t)
{
	struct worker *w = (struct worker *)((char *)t - offsetof(struct worker, recover));
	struct gate *g = w->gate;
	for (unsigned i = 0; i < g->upstreams; i++) {
		struct upstream *up = &g->upstream[i];
		struct round *r;
		if (!up->credential.n || under_way(w, up, 0) || !(r = round_new(w, up, 0)))
			continue;
		add_header(r, str_of(up->credential_header), sb_str(&up->credential));
		if (up->api == API_ANTHROPIC) /* required; the only version of this API, as its own reference has it */
			add_header(r, STR("anthropic-version"), STR("2023-06-01"));
		round_start(r);
	}
	timer_set(w->loop, t, (uint64_t)g->conf->deferred_every_us, on_time);
}

void recover_begin(struct worker *w)
{
	timer_set(w->loop, &w->recover, 0, on_time);
}

void recover_end(struct worker *w)
{
	for (struct round *r = w->rounds, *next; r; r = next) {
		next = r->next;
		round_free(r);
	}
}

void recover_with(struct request *r)
{
	static const char *const names[] = {"authorization", "x-api-key", "x-goog-api-key", "anthropic-version",
					    "anthropic-beta", "openai-organization", "openai-project"};
	struct gate *g = r->worker->gate;
	const struct head *h;
	struct round *round;
	if (r->who.virtual_key || !r->call.key || !r->client ||
	    !jobs_due(g->jobs, r->call.key, r->up->name, r->began_us, (uint64_t)g->conf->deferred_every_us) ||
	    under_way(r->worker, r->up, r->call.key) || !(round = round_new(r->worker, r->up, r->call.key)))
		return;
	h = stream_head(r->client);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (head_get(h, names[i]).n)
			add_header(round, str_of(names[i]), head_get(h, names[i]));
	if (r->up->api == API_GEMINI && !head_get(h, "x-goog-api-key").n && !head_get(h, "authorization").n)
		add_header(round, STR("x-goog-api-key"), r->credential); /* it stood in the query */
	round_start(round);
}
