/* SPDX-License-Identifier: Apache-2.0
 *
 * One request, from the client's head to the released answer: the file to read first.
 *
 *     identify   which vendor's operation is this path?            gate/gate, model/dialect
 *     auth       who calls, and with which provider key?            gate/auth
 *     admit      is there room for it: here, and for this key?      base/memory, gate/rate
 *     body       (wait) the whole request body                      net/server
 *     features   model, stream, limits, from the bytes in place     model/dialect
 *     allow      may this key use this model in this region?
 *     cap        reserve the most that it can cost                  gate/settle, gate/caps
 *     levers     splice what usage and the caps need                model/dialect
 *     note       one slot of the in-flight file                     ledger/inflight, ledger/jobs
 *     forward    one write to a warm upstream connection            gate/forward, net/client
 *     answer     (wait) frames and meter, nothing changed           gate/answer
 *     look       (wait) does it show work that ended elsewhere?     gate/sight, gate/clerk
 *     settle     price, caps, one row to the writer                 gate/settle
 *     release    (wait) the row is durable: the clean end           gate/settle
 *
 * Each step is a function that says NEXT, WAIT (a callback calls gate_run again) or OVER. A refusal at any step
 * becomes the answer and goes on at `settle`, so that it is recorded like everything else.
 */
#include "gate/gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/log.h"
#include "base/memory.h"
#include "gate/clerk.h"
#include "gate/recover.h"
#include "gate/socket.h"
#include "gate/telemetry.h"

enum { CLAMP_LEAST_TOK = 16 };

static enum turn take_identify(struct request *r);
static enum turn take_auth(struct request *r);
static enum turn take_admit(struct request *r);
static enum turn take_body(struct request *r);
static enum turn take_features(struct request *r);
static enum turn take_allow(struct request *r);
static enum turn take_cap(struct request *r);
static enum turn take_levers(struct request *r);
static enum turn take_note(struct request *r);
static enum turn take_forward(struct request *r);
static enum turn take_answer(struct request *r);
static enum turn take_look(struct request *r);
static enum turn take_settle(struct request *r);
static enum turn take_release(struct request *r);

static const struct step {
	const char *name;
	enum turn (*take)(struct request *r);
} steps[] = {
	{"identify", take_identify}, {"auth", take_auth},       {"admit", take_admit},   {"body", take_body},
	{"features", take_features}, {"allow", take_allow},     {"cap", take_cap},       {"levers", take_levers},
	{"note", take_note},         {"forward", take_forward}, {"answer", take_answer}, {"look", take_look},
	{"settle", take_settle},     {"release", take_release},
};
enum { STEPS = sizeof steps / sizeof *steps, STEP_SETTLE = STEPS - 2, STEP_FEATURES = 4 };

void gate_run(struct request *r)
{
	if (r->running) /* a callback from within a step: the loop below goes on by itself */
		return;
	r->running = true;
	while (r->step < STEPS) {
		unsigned before = r->step;
		enum turn turn = steps[r->step].take(r);
		if (turn == WAIT)
			break;
		if (turn == OVER)
			r->step = STEPS;
		else if (r->step == before)
			r->step++;
	}
	r->running = false;
	request_maybe_free(r);
}

void gate_turn(struct request *r, bool whole)
{
	check(steps[STEP_FEATURES].take == take_features);
	r->step = whole ? STEP_SETTLE : STEP_FEATURES;
}

/* ---- identify: which vendor's operation is this path? ---- */

/* "." and ".." segments, also percent-encoded, have no place in a path that a policy decides on. */
static bool path_is_plain(struct str path)
{
	struct str rest = path;
	bool encoded = str_chr(path, '%') != SIZE_MAX;
	if (str_contains(path, STR("//")) ||
	    (encoded && (str_icontains(path, STR("%2e")) || str_icontains(path, STR("%2f")))) ||
	    str_chr(path, '\\') != SIZE_MAX)
		return false;
	while (rest.p) {
		struct str segment = str_cut(&rest, '/');
		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return false;
	}
	return true;
}

/* The base path chooses among configured upstreams; *path loses the base. */
static struct upstream *find_upstream(struct gate *g, const struct head *h, struct str *path)
{
	static const struct {
		const char *base;
		enum vendor_api api;
	} bases[] = {{"/openai/", API_OPENAI}, {"/anthropic/", API_ANTHROPIC}, {"/gemini/", API_GEMINI}};
	for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++) {
		struct str base = str_of(bases[i].base);
		if (str_starts(*path, base)) {
			*path = str_sub(*path, base.n - 1, path->n);
			return gate_upstream_for(g, bases[i].api);
		}
	}
	if (str_starts(*path, STR("/up/"))) {
		struct str rest = str_sub(*path, 4, path->n), name = str_cut(&rest, '/');
		char text[64];
		*path = str_sub(*path, 4 + name.n, path->n);
		return gate_upstream(g, str_copy(text, sizeof text, name));
	}
	if (str_starts(*path, STR("/v1beta/")) || str_starts(*path, STR("/upload/v1")) ||
	    str_starts(*path, STR("/ws/google.")))
		return gate_upstream_for(g, API_GEMINI);
	if (str_starts(*path, STR("/v1/")))
		return gate_upstream_for(g, head_get(h, "anthropic-version").p ? API_ANTHROPIC : API_OPENAI);
	return NULL;
}

static enum turn take_identify(struct request *r)
{
	const struct head *h = stream_head(r->client);
	struct gate *g = r->worker->gate;
	struct str path = h->path;
	if (path_is_plain(path))
		r->up = find_upstream(g, h, &path);
	if (!r->up || path.n == 0) {
		r->surface = surface_find(head_get(h, "anthropic-version").p ? API_ANTHROPIC : API_OPENAI, h->method,
					  path);
		r->pass_only = true;
		return gate_refuse(r, APIERR_NOT_FOUND,
				   "No upstream serves this path. Bases: /openai/v1, /anthropic, /gemini, /up/NAME/v1.");
	}
	r->path = arena_str(&r->arena, path);
	r->query = arena_str(&r->arena, h->query);
	r->surface = surface_find(r->up->api, h->method, r->path);
	/* Objects of deferred work bill when they end, not when they are asked about. */
	r->pass_only = r->surface->bill != BILL_USAGE;
	r->call.start_us = loop_real_us(r->worker->loop);
	r->call.id = call_id_make(r->call.start_us, r->worker->salt, ++r->worker->ids);
	r->call.operation = r->call.id;
	r->call.provider = r->up->name_id;
	r->call.region = r->up->region_id;
	r->call.surface = intern(str_of(r->surface->name));
	if (head_get(h, "upgrade").n) {
		enum turn turn = socket_identify(r);
		return turn == WAIT ? NEXT : turn;
	}
	return NEXT;
}

/* ---- auth: who calls, and with which provider key? ---- */

static struct str find_credential(const struct head *h, struct str query)
{
	struct str v = head_get(h, "authorization");
	if (v.n > 7 && str_ieq(str_sub(v, 0, 7), STR("bearer ")))
		return str_trim(str_sub(v, 7, v.n));
	if ((v = head_get(h, "x-api-key")).n || (v = head_get(h, "x-goog-api-key")).n)
		return str_trim(v);
	/* How browsers, which set no headers, give a key to a websocket (OpenAI's Realtime guide). */
	for (v = head_get(h, "sec-websocket-protocol"); v.p;) {
		struct str one = str_trim(str_cut(&v, ','));
		if (str_starts(one, STR("openai-insecure-api-key.")))
			return str_sub(one, 24, one.n);
	}
	while (query.p) {
		struct str pair = str_cut(&query, '&');
		if (str_starts(pair, STR("key=")))
			return str_sub(pair, 4, pair.n);
	}
	return str_make("", 0);
}

/* A name from a header counts only where the key itself does not say: a cap by team cannot be talked away. */
static uint32_t name_or(uint32_t of_key, struct str header)
{
	return of_key || !header.n || header.n > 63 || !str_utf8_valid(header) ? of_key : intern(str_trim(header));
}

/* x-runrate-outcome: ID accepted, or ID rejected: what became of an earlier answer. A courtesy by the way: what it says
 * wrongly is logged, and stops nothing. */
static void note_outcome(struct request *r, struct str text)
{
	struct errand e = {.kind = ERRAND_OUTCOME};
	struct str word = str_trim(text), id = str_cut(&word, ' ');
	if (!id.n)
		return;
	word = str_trim(word.p ? word : str_make("", 0));
	e.outcome.accepted = str_ieq(word, STR("accepted"));
	if (call_id_parse(id, &e.outcome.id) || (!e.outcome.accepted && !str_ieq(word, STR("rejected"))) ||
	    clerk_give(r->worker->gate->clerk, &e))
		LOG(LOG_WARN, "outcome_not_taken", LOG_S("form", STR("x-runrate-outcome: ID accepted|rejected")));
}

static enum turn take_auth(struct request *r)
{
	const struct head *h = stream_head(r->client);
	const struct gate_config *conf = r->worker->gate->conf;
	int rc;
	r->credential = find_credential(h, h->query);
	rc = auth_identify(r->worker->auth, r->credential, &r->who);
	if (rc == 0 && !r->who.virtual_key && conf->require_keys) {
		r->pass_only = true;
		return gate_refuse(r, APIERR_AUTH,
				   "This gateway takes only its own keys (rr_...). Ask for one: runrate key new.");
	}
	if (rc) {
		r->pass_only = true; /* a stranger writes no rows */
		return gate_refuse(r, rc == -RR_STORE ? APIERR_OVERLOADED : APIERR_AUTH, "%s",
				   rc == -RR_SYNTAX     ? "This runrate key is mistyped: its checksum is wrong."
				   : rc == -RR_NOTFOUND ? "This runrate key does not exist or was revoked."
				   : rc == -RR_LIMIT    ? "This key is longer than any key."
							: "Keys cannot be looked up now.");
	}
	if (r->who.virtual_key && !r->up->credential.n) {
		return gate_refuse(r, APIERR_AUTH,
				   "No provider key is configured for upstream '%.*s': set upstreams[].key.",
				   STR_ARG(r->up->name));
	}
	r->call.key = r->who.key;
	r->call.team = name_or(r->who.team, head_get(h, "x-runrate-team"));
	r->call.feature = name_or(r->who.feature, head_get(h, "x-runrate-feature"));
	r->call.env = name_or(r->who.env, head_get(h, "x-runrate-env"));
	if (!r->call.env)
		r->call.env = intern(STR("production"));
	call_id_parse(head_get(h, "x-runrate-operation"), &r->call.operation);
	if (head_get(h, "x-stainless-retry-count").n) {
		uint64_t attempt;
		if (!str_u64(head_get(h, "x-stainless-retry-count"), &attempt))
			r->call.attempt = (uint8_t)(attempt > 255 ? 255 : attempt);
	}
	note_outcome(r, head_get(h, "x-runrate-outcome"));
	if (r->worker->gate->watch && head_count(h, "traceparent") == 1)
		trace_parse(head_get(h, "traceparent"), &r->trace);
	r->cost_comment = str_ieq(head_get(h, "x-runrate-cost"), STR("comment"));
	return NEXT;
}

/* ---- admit: is there room for it? ---- */

/* What the gateway itself is too full for was not begun: no row, so that refusing costs next to nothing. */
static enum turn refuse_work(struct request *r, const char *why)
{
	r->pass_only = true;
	request_drop_body(r);
	atomic_fetch_add_explicit(&r->worker->stats.overloaded, 1, memory_order_relaxed);
	return gate_refuse(r, APIERR_OVERLOADED, "The gateway is at its limit: %s. Ask again soon.", why);
}

static enum turn take_admit(struct request *r)
{
	struct gate *g = r->worker->gate;
	const struct gate_config *conf = g->conf;
	const struct rate_limits *own = &r->who.limits;
	int64_t length = stream_head(r->client)->content_length;
	if (atomic_load_explicit(&r->worker->stats.active, memory_order_relaxed) > g->limits.active)
		return refuse_work(r, "too many calls are under way");
	if (memory_low_at(r->began_us))
		return refuse_work(r, "its memory is used up");
	if (length > MEMORY_LARGE_BYTES) {
		if (!memory_may_begin((size_t)length))
			return refuse_work(r, "its memory is used up");
		request_promise(r, (uint64_t)length);
	}
	if (!r->call.key)
		return NEXT;
	r->limits.active = own->active ? own->active : g->limits.key_active;
	r->limits.requests_per_minute =
		own->requests_per_minute ? own->requests_per_minute : conf->key_requests_per_minute;
	r->limits.tokens_per_minute = own->tokens_per_minute ? own->tokens_per_minute : conf->key_tokens_per_minute;
	r->place = rate_enter(g->rate, r->call.key, r->limits.active);
	if (r->place >= 0)
		return NEXT;
	str_copy(r->retry_after, sizeof r->retry_after, STR("1"));
	return gate_refuse(r, APIERR_RATE, "This key has %u calls under way, which is all that it may have at once.",
			   r->limits.active);
}

/* ---- body: the whole request, since the model may stand behind the messages ---- */

static enum turn take_body(struct request *r)
{
	if (!r->client)
		return OVER; /* nothing was forwarded: there is nothing to settle */
	if (r->body.full) /* the server sees to limits.body: this is about memory */
		return refuse_work(r, "there is no memory for this body");
	return r->body_done ? NEXT : WAIT;
}

/* ---- features: what is asked for ---- */

static bool call_id_is(struct call_id a, struct call_id b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static enum turn take_features(struct request *r)
{
	struct json_fault fault = {0, NULL};
	int rc = r->socket ? 0 : dialect_request(r->surface, r->path, r->query, sb_str(&r->body), &r->features, &fault);
	if (!rc && (r->socket || r->turn_of))
		socket_features(r);
	if (rc)
		return gate_refuse(r, APIERR_BAD_REQUEST, "The request body cannot be metered: %s (byte %zu).",
				   fault.what ? fault.what : "a billed field stands twice or has a wrong type",
				   fault.at);
	r->call.model_asked = intern(r->features.model);
	r->call.streamed = r->features.stream;
	if (r->client && head_get(stream_head(r->client), "x-stainless-retry-count").n &&
	    call_id_is(r->call.operation, r->call.id))
		attempts_join(r->worker->gate->attempts, r->call.key, r->path, sb_str(&r->body), r->call.attempt,
			      r->call.start_us, &r->call.operation);
	r->call.prefix_hash = r->features.prefix_hash;
	meter_init(&r->meter, r->surface, &r->features);
	return NEXT;
}

/* ---- allow: models and regions of the key ---- */

/* What cannot be recorded is not forwarded: an answered call is a recorded call. This refusal cannot be recorded
 * either, and does not wait for that. */
static enum turn refuse_store(struct request *r, const char *why)
{
	r->pass_only = true;
	return gate_refuse(r, APIERR_STORE, "The ledger cannot be written (%s): see the gateway's log.", why);
}

static enum turn disk_full(struct request *r)
{
	r->unrecorded = r->worker->gate->conf->disk_full_pass;
	return r->unrecorded ? NEXT : refuse_store(r, "its disk is full");
}

static enum turn take_allow(struct request *r)
{
	enum writer_state state = writer_state(r->worker->gate->writer);
	if (r->begun) /* it is under way already: what it costs is recorded */
		return NEXT;
	if (r->who.models && r->features.model.n && !auth_list_allows(intern_str(r->who.models), r->features.model))
		return gate_refuse(r, APIERR_FORBIDDEN, "This key may not use model '%.*s'. It may use: %.*s.",
				   STR_ARG(str_sub(r->features.model, 0, 80)), STR_ARG(intern_str(r->who.models)));
	if (r->who.regions && !auth_list_allows(intern_str(r->who.regions), r->up->region))
		return gate_refuse(r, APIERR_REGION,
				   "This key's data may go to %.*s; upstream '%.*s' is in region '%.*s'.",
				   STR_ARG(intern_str(r->who.regions)), STR_ARG(r->up->name), STR_ARG(r->up->region));
	if (state == WRITER_DISK_FULL)
		return disk_full(r);
	return state == WRITER_FAILED ? refuse_store(r, "a commit failed") : NEXT;
}

/* ---- cap: reserve the most that it can cost ---- */

/* Our own refusals are recorded, those of jobs too. */
enum turn gate_refuse_budget(struct request *r, const struct cap_refusal *no)
{
	char at[TIME_TEXT] = "never";
	if (no->resets_us != INT64_MAX) {
		int64_t seconds = (no->resets_us - r->call.start_us) / US_PER_S + 1;
		time_text(no->resets_us, at);
		snprintf(r->retry_after, sizeof r->retry_after, "%lld", (long long)(seconds > 0 ? seconds : 1));
	}
	r->no_retry = true;
	r->pass_only = false;
	return gate_refuse(r, APIERR_BUDGET, "Refused by cap %s: %s. The window resets: %s.", no->cap_id, no->why, at);
}

int gate_reserve(struct request *r, struct cap_refusal *no)
{
	struct cap_ask ask;
	bool warn;
	int rc;
	memset(&ask, 0, sizeof ask);
	ask.who = (struct cap_scope){r->call.key, r->call.team, r->call.feature, r->call.model_asked, r->call.env};
	ask.priced = r->bound.status == PRICE_PRICED || r->bound.status == PRICE_FREE;
	ask.currency = r->bound.currency;
	ask.most_pico = r->bound.total_pico;
	ask.likely_pico = r->bound.total_pico / 4; /* soft caps: bytes are about four to a token */
	if (__builtin_add_overflow(r->bound.in_tok, r->bound.out_tok, &ask.most_tok))
		ask.most_tok = UINT64_MAX / 2;
	ask.likely_tok = ask.most_tok / 4;
	rc = caps_reserve(r->worker->gate->caps, &ask, &r->ticket, no, &warn);
	if (!rc && warn)
		str_copy(r->warning, sizeof r->warning, str_of(no->cap_id));
	return rc;
}

/* Where the key allows it, a lower output limit that fits instead of a refusal: halved until it does. */
static bool clamp(struct request *r)
{
	struct json_edit unused[4];
	struct cap_refusal no;
	if (!dialect_limit_edits(r->surface, &r->features, CLAMP_LEAST_TOK, &r->arena, unused))
		return false;
	for (uint64_t most = r->bound.out_tok / (r->features.choices ? r->features.choices : 1) / 2;
	     most >= CLAMP_LEAST_TOK; most /= 2) {
		r->features.max_output_tok = most;
		settle_bound(r);
		if (gate_reserve(r, &no) == 0)
			return r->clamped = true;
	}
	return false;
}

static unsigned take_rate(struct request *r)
{
	uint64_t most;
	unsigned wait;
	if (__builtin_add_overflow(r->bound.in_tok, r->bound.out_tok, &most))
		most = UINT64_MAX;
	wait = rate_take(r->worker->gate->rate, r->place, &r->limits, most, r->began_us, &r->rate_tok);
	r->rated = !wait;
	return wait;
}

static enum turn take_cap(struct request *r)
{
	struct cap_refusal no;
	if (r->socket)
		return socket_cap(r);
	if (r->pass_only)
		return jobs_cap(r, &no) ? gate_refuse_budget(r, &no) : NEXT;
	settle_bound(r);
	if (r->begun) { /* what was reserved ahead is its own; else it is spent when it is over */
		if (!r->ticket.count)
			gate_reserve(r, &no);
		return NEXT;
	}
	if (r->bound.status == PRICE_UNPRICED && r->worker->gate->conf->unpriced_block)
		return gate_refuse(r, APIERR_FORBIDDEN,
				   "Model '%.*s' has no price here, and unpriced models are blocked.",
				   STR_ARG(str_sub(r->features.model, 0, 80)));
	if (r->place >= 0 && (r->limits.requests_per_minute || r->limits.tokens_per_minute)) {
		unsigned wait = take_rate(r);
		if (wait) {
			snprintf(r->retry_after, sizeof r->retry_after, "%u", wait);
			return gate_refuse(r, APIERR_RATE, "This key asks faster than its limit; again in %u s.", wait);
		}
	}
	if (r->ticket.count || gate_reserve(r, &no) == 0)
		return NEXT;
	return r->who.clamp && clamp(r) ? NEXT : gate_refuse_budget(r, &no);
}

/* ---- levers: splices, never a re-serialised body ---- */

static int by_place(const void *a, const void *b)
{
	const char *one = ((const struct json_edit *)a)->span.p, *two = ((const struct json_edit *)b)->span.p;
	return one < two ? -1 : one > two;
}

static enum turn take_levers(struct request *r)
{
	struct json_edit edits[8];
	unsigned count = 0;
	if (!r->pass_only) {
		count = dialect_usage_edits(r->surface, &r->features, &r->arena, edits);
		r->drop_usage_events = count > 0;
		if (r->clamped)
			count += dialect_limit_edits(r->surface, &r->features, r->features.max_output_tok, &r->arena,
						     edits + count);
		if (count > 1)
			qsort(edits, count, sizeof *edits, by_place);
	}
	if (count) {
		sb_clear(&r->edited);
		json_splice(sb_str(&r->body), edits, count, &r->edited);
		if (r->edited.full)
			return refuse_work(r, "there is no memory for this body");
	}
	return NEXT;
}

/* ---- note: what a crash would leave behind ---- */

static enum turn take_note(struct request *r)
{
	struct inflight_slot slot;
	if (r->pass_only)
		return jobs_note(r);
	memset(&slot, 0, sizeof slot);
	slot.id = r->call.id;
	slot.start_us = r->call.start_us;
	str_copy(slot.key, sizeof slot.key, intern_str(r->call.key));
	str_copy(slot.team, sizeof slot.team, intern_str(r->call.team));
	str_copy(slot.feature, sizeof slot.feature, intern_str(r->call.feature));
	str_copy(slot.env, sizeof slot.env, intern_str(r->call.env));
	str_copy(slot.provider, sizeof slot.provider, r->up->name);
	str_copy(slot.model, sizeof slot.model, r->features.model);
	slot.high_pico = r->bound.status == PRICE_UNPRICED ? 0 : r->bound.total_pico;
	memcpy(slot.currency, r->bound.currency.code, sizeof slot.currency);
	r->slot = inflight_take(r->worker->inflight, &slot);
	if (r->slot == INFLIGHT_NO_SPACE && !r->begun)
		return disk_full(r);
	if (r->slot < 0 && !r->begun)
		return gate_refuse(r, APIERR_OVERLOADED, "Too many calls are under way.");
	return NEXT;
}

/* ---- forward and answer: gate/forward.c, gate/answer.c ---- */

static enum turn take_forward(struct request *r)
{
	if (r->socket || r->turn_of)
		return socket_forward(r);
	if (!r->client)
		return OVER; /* left before anything was sent; the slot and the ticket go with the request */
	if (forward_start(r))
		return gate_refuse(r, APIERR_OVERLOADED, "No memory for another call.");
	r->forwarded = true;
	recover_with(r);
	if (r->up->conf->gpu_rate_per_hour.pico > 0 && !r->pass_only) {
		r->hosted_from = hosted_begin(&r->up->hosted, r->began_us);
		r->on_hosted = true;
	}
	return NEXT;
}

static enum turn take_answer(struct request *r)
{
	return r->settle_ready || r->answer_done ? NEXT : WAIT;
}

/* ---- look: deferred work that this answer shows: gate/jobs.c ---- */

static enum turn take_look(struct request *r)
{
	if (!r->looked) {
		r->looked = true;
		jobs_look(r);
	}
	if (r->look.errands)
		return WAIT;
	if (r->look.failed) /* what it shows could not be recorded: it is shown another time */
		return gate_refuse(r, APIERR_STORE, "The ledger cannot take what this answer shows; ask again.");
	forward_own_addresses(r);
	return NEXT;
}

/* ---- settle and release: gate/settle.c ---- */

static enum turn take_settle(struct request *r)
{
	if (!r->settled) {
		if (!r->pass_only)
			settle_price(r);
		if (r->rated)
			rate_settle(r->worker->gate->rate, r->place, &r->limits, r->rate_tok, settle_counts_tok(r));
		if (r->turn_of && !r->ticket.since)
			caps_spend(r->worker->gate->caps, &r->call);
		caps_settle(r->worker->gate->caps, &r->ticket, settle_counts_pico(r), settle_counts_tok(r));
		r->settled = true;
	}
	return r->pass_only ? NEXT : settle_push(r);
}

static enum turn take_release(struct request *r)
{
	settle_release(r);
	return r->answer_done ? OVER : WAIT;
}

enum turn gate_refuse(struct request *r, enum api_error kind, const char *fmt, ...)
{
	char why[512], id[CALL_ID_TEXT];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	if (r->socket) { /* no session: an answer like others; of somebody who is known, a recorded one */
		socket_free(r);
		r->pass_only = r->step < STEP_FEATURES;
	}
	r->mode = ANSWER_OWN;
	r->status = api_error_status(kind);
	r->answer_done = true;
	if (r->call.outcome == OUTCOME_OK)
		r->call.outcome = kind == APIERR_UPSTREAM || kind == APIERR_TIMEOUT ? OUTCOME_UPSTREAM
										     : OUTCOME_REFUSED;
	sb_clear(&r->answer);
	api_error_body(r->surface->api, kind, str_of(why), str_of(call_id_text(r->call.id, id)), &r->answer);
	str_copy(r->type, sizeof r->type, STR("application/json"));
	if (kind == APIERR_OVERLOADED && !r->retry_after[0])
		str_copy(r->retry_after, sizeof r->retry_after, STR("1"));
	if (r->call.outcome == OUTCOME_REFUSED)
		atomic_fetch_add_explicit(&r->worker->stats.refused, 1, memory_order_relaxed);
	r->step = STEP_SETTLE;
	return NEXT;
}

/* ---- the server's callbacks ---- */

static void on_request(void *app, struct stream *s)
{
	struct worker *w = app;
	struct request *r = request_get(w, s);
	if (!r) {
		stream_abort(s);
		return;
	}
	stream_set_user(s, r);
	atomic_fetch_add_explicit(&w->stats.requests, 1, memory_order_relaxed);
	gate_run(r);
}

static void on_body(struct stream *s, struct str bytes)
{
	struct request *r = stream_user(s);
	if (!r || r->mode == ANSWER_OWN)
		return;
	if (r->socket) {
		socket_bytes(r, bytes);
		return;
	}
	atomic_fetch_add_explicit(&r->worker->stats.bytes_in, bytes.n, memory_order_relaxed);
	sb_add_str(&r->body, bytes);
	if (r->promised)
		request_promise(r, r->promised - (bytes.n < r->promised ? bytes.n : r->promised));
	if (r->body.full)
		gate_run(r);
}

static void on_body_end(struct stream *s)
{
	struct request *r = stream_user(s);
	if (!r)
		return;
	r->body_done = true;
	if (steps[r->step < STEPS ? r->step : 0].take == take_body)
		gate_run(r);
}

static void on_drained(struct stream *s)
{
	struct request *r = stream_user(s);
	if (r && r->socket)
		socket_drained(r);
	else if (r)
		answer_drained(r);
}

static void on_closed(struct stream *s, enum http_end how)
{
	struct request *r = stream_user(s);
	if (!r)
		return;
	stream_set_user(s, NULL);
	r->client = NULL;
	if (r->socket) { /* it may be gone behind this */
		socket_client_left(r);
		return;
	}
	if (r->step < STEPS && !r->released)
		answer_client_left(r);
	gate_run(r);
}

static void on_bad_request(void *app, unsigned status, const char *fault, struct str target, struct sb *body)
{
	bool anthropic = str_contains(target, STR("anthropic")) || str_contains(target, STR("/v1/messages"));
	bool gemini = str_contains(target, STR("gemini")) || str_contains(target, STR("/v1beta"));
	enum vendor_api api = anthropic ? API_ANTHROPIC : gemini ? API_GEMINI : API_OPENAI;
	char text[160];
	(void)app;
	snprintf(text, sizeof text, "The request is not well-formed HTTP: %s.", fault);
	api_error_body(api, status == 413 ? APIERR_TOO_LARGE : APIERR_BAD_REQUEST, str_of(text), str_make("", 0), body);
}

const struct server_handler gate_handler = {on_request, on_body, on_body_end, on_drained, on_closed, on_bad_request};
