/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of a call: what it cost, its row, and only then its clean end.
 *
 * The bound before the call and the price after it come from the same function. A row is pushed to the writer's
 * ring; in mode group the request then waits in the worker's held list (in order of its sequence number) until the
 * writer rings the bell, in mode relaxed it is released at once and only its in-flight slot waits.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/log.h"
#include "gate/socket.h"
#include "gate/watch.h"

/* Where neither the request nor the book says: larger than any model sold in November 2026 takes or gives. */
enum { CONTEXT_UNKNOWN_TOK = 2000000, OUTPUT_UNKNOWN_TOK = 200000, CLEARING_FIRST = 1024 };

/* How long rows gather at most before the writer is asked, while the loop has other work (writer.h, rule 2). */
enum { GATHER_US = 300 };

/* A small file may hold a picture of many tokens, so bytes do not bound it. The dearest picture of the vendors' guides
 * (OpenAI high detail, Anthropic full size, Gemini ultra-high resolution; November 2026) stays well under this. */
enum { PICTURE_MOST_TOK = 16384 };

static struct price_query query_of(const struct request *r, struct str model)
{
	return (struct price_query){.provider = r->up->name, .model = model, .at_us = r->call.start_us,
				    .region = str_of(r->meter.usage.geo)};
}

/* The dearest way in which the input may be billed: plain, or written to one of the vendor's caches. */
static void bound_input(struct request *r, struct usage *u, uint64_t in_tok)
{
	enum token_class ways[7] = {CLASS_IN_PLAIN, CLASS_IN_CACHE_WRITE, CLASS_IN_CACHE_WRITE_30M,
				    CLASS_IN_CACHE_WRITE_12H};
	struct price_query q = query_of(r, r->features.model);
	UNSET struct price_result bound;
	unsigned count = 4, way;
	if (r->up->api != API_ANTHROPIC || r->features.cache_ttl_1h)
		ways[count++] = CLASS_IN_CACHE_WRITE_1H;
	if (r->up->api != API_ANTHROPIC || r->features.cache_marks)
		ways[count++] = CLASS_IN_CACHE_WRITE_5M;
	if (r->socket || r->turn_of) /* what is heard costs more than what is read */
		ways[count++] = CLASS_IN_AUDIO;
	u->tok[CLASS_IN_PLAIN] = in_tok;
	way = price_dearest(r->worker->gate->book, &q, u, ways, count);
	u->tok[CLASS_IN_PLAIN] = 0;
	u->tok[ways[way]] = in_tok;
	if (price(r->worker->gate->book, &q, u, &bound) == -RR_RANGE) { /* more than money can say: more than any cap */
		bound.status = PRICE_PRICED;
		bound.total_pico = INT64_MAX;
	}
	u->tok[ways[way]] = 0;
	r->bound.status = bound.status;
	r->bound.currency = bound.currency;
	r->bound.total_pico = bound.total_pico;
}

/* On own hardware without a price list the time is what costs: at most all that the call may take, as if alone. */
static void bound_hosted(struct request *r)
{
	const struct gate *g = r->worker->gate;
	if (r->bound.status != PRICE_UNPRICED || r->up->conf->gpu_rate_per_hour.pico <= 0)
		return;
	r->bound.status = PRICE_PRICED;
	r->bound.currency = r->up->conf->gpu_rate_per_hour.currency;
	r->bound.total_pico = hosted_cost_pico((unsigned __int128)g->limits.total_us << 20,
					       r->up->conf->gpu_rate_per_hour.pico);
}

void settle_bound(struct request *r)
{
	const struct book *book = r->worker->gate->book;
	const struct features *f = &r->features;
	struct usage u;
	bool speech = false;
	uint64_t window = book_context_window_tok(book, r->up->name, f->model);
	r->bound.in_tok = (f->body_bytes ? f->body_bytes : r->body.n) + f->images * PICTURE_MOST_TOK;
	if (f->hidden_context)
		r->bound.in_tok += window ? window : CONTEXT_UNKNOWN_TOK;
	if (window && r->bound.in_tok > window)
		r->bound.in_tok = window;
	r->bound.out_tok = 0;
	if (r->surface->generates) {
		uint64_t most = f->max_output_tok ? f->max_output_tok : book_max_output_tok(book, r->up->name,
											    f->model);
		if (__builtin_mul_overflow(most ? most : OUTPUT_UNKNOWN_TOK, f->choices ? f->choices : 1,
					   &r->bound.out_tok))
			r->bound.out_tok = UINT64_MAX / 2;
	}
	memset(&u, 0, sizeof u);
	u.flags = USAGE_SEEN;
	u.tier = f->tier_asked == TIER_BATCH ? TIER_STANDARD : f->tier_asked;
	u.fast = f->fast;
	str_copy(u.geo, sizeof u.geo, str_of(f->geo));
	if (r->socket || r->turn_of) {
		enum token_class ways[2] = {CLASS_OUT_TEXT, CLASS_OUT_AUDIO};
		struct price_query q = query_of(r, f->model);
		u.tok[CLASS_OUT_TEXT] = r->bound.out_tok;
		speech = price_dearest(book, &q, &u, ways, 2) == 1;
		u.tok[CLASS_OUT_TEXT] = 0;
	}
	u.tok[speech ? CLASS_OUT_AUDIO : CLASS_OUT_TEXT] = r->bound.out_tok;
	bound_input(r, &u, r->bound.in_tok);
	if (r->bound.status == PRICE_UNPRICED &&
	    u.tier != TIER_UNKNOWN) { /* a tier without a price: the list price bounds nothing else */
		u.tier = TIER_UNKNOWN;
		bound_input(r, &u, r->bound.in_tok);
	}
	bound_hosted(r);
}

/* Nothing reached the vendor, or it said no: there is nothing to pay. */
static bool surely_free(const struct request *r)
{
	if (r->call.outcome == OUTCOME_REFUSED)
		return true;
	if (r->upstream_end == END_CONNECT || r->upstream_end == END_RESOLVE || r->upstream_end == END_TLS ||
	    r->upstream_end == END_TIMEOUT_CONNECT)
		return true;
	return r->status >= 400 && r->mode != ANSWER_OWN && !(r->meter.usage.flags & USAGE_SEEN);
}

int64_t upstream_discounted(const struct upstream *up, int64_t pico)
{
	enum { MILLION = 1000000 };
	return (int64_t)money_round((money_wide)pico * (MILLION - up->conf->discount_ppm), MILLION);
}

void settle_cost(struct gate *g, const struct upstream *up, struct str model, struct str asked, int64_t at_us,
		 struct call *c)
{
	struct price_query q = {.provider = up->name, .model = model, .at_us = at_us, .region = str_of(c->usage.geo)};
	UNSET struct price_result cost;
	price(g->book, &q, &c->usage, &cost);
	if (cost.status == PRICE_UNPRICED && !str_eq(model, asked)) {
		/* A vendor may answer with a name that no list carries; what was asked for is what was bought. */
		UNSET struct price_result other;
		q.model = asked;
		price(g->book, &q, &c->usage, &other);
		if (other.status == PRICE_PRICED)
			cost = other;
	}
	c->price_status = (uint8_t)cost.status;
	if (cost.status == PRICE_PRICED) {
		c->cost_pico = upstream_discounted(up, cost.total_pico);
		c->currency = intern(str_of(cost.currency.code));
		c->rule = cost.lines ? intern(cost.line[0].rule->id) : 0;
	}
}

bool settle_mark(struct call *c, int64_t most_pico)
{
	if (!(c->usage.flags & (USAGE_ESTIMATED | USAGE_PARTIAL)))
		return false;
	c->provenance = PROV_ESTIMATED;
	c->low_pico = c->cost_pico / 2; /* half of the estimate to the bound: wide, and honest about it */
	c->high_pico = most_pico > c->cost_pico ? most_pico : c->cost_pico;
	return true;
}

/* No list prices what runs on own hardware: its share of the machine's time does. */
static void settle_hosted(struct request *r)
{
	struct call *c = &r->call;
	unsigned __int128 share;
	if (!r->on_hosted)
		return;
	r->on_hosted = false;
	share = hosted_end(&r->up->hosted, loop_now_us(r->worker->loop), r->hosted_from);
	if (c->price_status != PRICE_UNPRICED && c->price_status != PRICE_NO_USAGE)
		return;
	c->price_status = PRICE_PRICED;
	c->cost_pico = hosted_cost_pico(share, r->up->conf->gpu_rate_per_hour.pico);
	c->currency = intern(str_of(r->up->conf->gpu_rate_per_hour.currency.code));
	c->rule = intern(STR("own-hardware-time"));
}

/* What a second model used in the same answer, at its own rates: a row under the same operation. */
static void settle_other(struct request *r)
{
	struct usage u;
	struct str model;
	struct call *c;
	if (!(r->meter.usage.flags & USAGE_OTHER_MODEL) || !meter_other(&r->meter, &u, &model) ||
	    !(c = arena_alloc(&r->arena, sizeof *c)))
		return;
	*c = r->call;
	c->id = call_id_make(c->start_us, r->worker->salt, ++r->worker->ids);
	c->usage = u;
	c->usage.model = c->usage.request_id = str_make(NULL, 0);
	c->cost_pico = c->low_pico = c->high_pico = 0;
	c->billed_pico = BILLED_UNKNOWN;
	c->model_answered = intern(model);
	settle_cost(r->worker->gate, r->up, model, model, c->start_us, c);
	r->other = c;
}

static int64_t counts_pico(const struct call *c)
{
	int64_t cost = c->price_status == PRICE_PRICED ? c->cost_pico : 0;
	return c->high_pico > cost ? c->high_pico : cost;
}

int64_t settle_counts_pico(const struct request *r)
{
	int64_t sum = counts_pico(&r->call);
	if (r->other && r->other->currency == r->call.currency &&
	    __builtin_add_overflow(sum, counts_pico(r->other), &sum))
		sum = INT64_MAX;
	return sum;
}

uint64_t settle_counts_tok(const struct request *r)
{
	return usage_total_tok(&r->call.usage) + (r->other ? usage_total_tok(&r->other->usage) : 0);
}

void settle_price(struct request *r)
{
	struct call *c = &r->call;
	struct str model;
	bool later;
	c->end_us = c->start_us +
		    (int64_t)(loop_now_us(r->worker->loop) - r->began_us); /* a clock that is set bends no duration */
	c->status = (uint16_t)r->status;
	c->currency = intern(STR("USD"));
	if (c->outcome == OUTCOME_OK && r->status >= 400)
		c->outcome = OUTCOME_VENDOR_ERROR;
	if (!surely_free(r))
		meter_finish(&r->meter, r->bound.in_tok / 4);
	c->usage = r->meter.usage;
	c->usage.model = c->usage.request_id = str_make(NULL, 0);
	model = r->meter.model[0] ? str_of(r->meter.model) : r->features.model;
	c->model_answered = surely_free(r) && !r->meter.model[0] ? 0 : intern(model);
	str_copy(c->vendor_ref, sizeof c->vendor_ref,
		 str_of(r->meter.request_id[0] ? r->meter.request_id : r->vendor_request_id));
	if (surely_free(r)) {
		memset(&c->usage, 0, sizeof c->usage);
		c->price_status = PRICE_FREE;
		return;
	}
	later = r->meter.deferred && !(c->usage.flags & USAGE_SEEN);
	if (later)
		c->calls = 0; /* it was taken up: the call is the answer, which has a row of its own */
	settle_cost(r->worker->gate, r->up, model, r->features.model, c->start_us, c);
	settle_hosted(r);
	settle_other(r);
	if (c->price_status == PRICE_UNPRICED)
		atomic_fetch_add_explicit(&r->worker->stats.unpriced, 1, memory_order_relaxed);
	if (c->usage.flags & USAGE_VENDOR_COST)
		c->billed_pico = c->usage.vendor_cost_pico;
	if (!later && c->price_status != PRICE_PRICED && c->price_status != PRICE_FREE &&
	    r->bound.status == PRICE_PRICED && (c->status < 400 || c->usage.flags & USAGE_SEEN)) {
		/* Nobody can say what it cost: on a cap it counts as what was reserved for it, here and after a
		 * restart. */
		c->high_pico = r->bound.total_pico;
		c->currency = intern(str_of(r->bound.currency.code));
	}
	if (settle_mark(c, r->bound.status == PRICE_PRICED ? r->bound.total_pico : 0))
		atomic_fetch_add_explicit(&r->worker->stats.estimated, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->worker->stats.in_tok, usage_input_tok(&c->usage), memory_order_relaxed);
	atomic_fetch_add_explicit(&r->worker->stats.out_tok, usage_output_tok(&c->usage), memory_order_relaxed);
}

/* The vendor's own usage block, kept for rows that are flagged. */
static struct str raw_usage(const struct request *r)
{
	struct json top;
	struct json block;
	if (!(r->call.usage.flags & USAGE_MISMATCH) || r->mode != ANSWER_WHOLE ||
	    json_parse(sb_str(&r->answer), &top, NULL))
		return str_make("", 0);
	block = json_get(top, "usage");
	if (block.type == JSON_NONE)
		block = json_get(top, "usageMetadata");
	return block.type == JSON_NONE ? str_make("", 0) : block.text;
}

static void append(struct request **first, struct request **last, struct request *r)
{
	r->next = NULL;
	r->queued = true;
	if (*first)
		(*last)->next = r;
	else
		*first = r;
	*last = r;
}

static struct request *take_first(struct request **first)
{
	struct request *r = *first;
	*first = r->next;
	r->next = NULL;
	r->queued = false;
	return r;
}

/* Remembers which slot to clear when row seq is durable. Without memory the slot is cleared now: the row is in the
 * writer's hands, and relaxed mode promises no more. */
static void clear_later(struct worker *w, uint64_t seq, int slot)
{
	if (w->clearing_tail - w->clearing_head == w->clearing_cap) {
		size_t cap = w->clearing_cap ? w->clearing_cap * 2 : CLEARING_FIRST;
		struct clearing *grown = calloc(cap, sizeof *grown);
		if (!grown) {
			inflight_clear(w->inflight, slot);
			return;
		}
		for (size_t i = w->clearing_head; i != w->clearing_tail; i++)
			grown[i & (cap - 1)] = w->clearing[i & (w->clearing_cap - 1)];
		free(w->clearing);
		w->clearing = grown;
		w->clearing_cap = cap;
	}
	w->clearing[w->clearing_tail++ & (w->clearing_cap - 1)] = (struct clearing){seq, slot};
}

static void kick_writer(struct idle_work *i)
{
	struct worker *w = (struct worker *)((char *)i - offsetof(struct worker, kick));
	writer_kick(w->gate->writer);
}

/* In mode relaxed the writer gathers by itself: its sleep is what it is asked for. */
static void ask_writer(struct worker *w)
{
	if (w->gate->conf->durability == DURABILITY_RELAXED)
		writer_kick(w->gate->writer);
	else
		loop_when_idle(w->loop, &w->kick, GATHER_US, kick_writer);
}

/* A row is on its way into the ledger: whoever watches from outside is told. */
static void tell(struct request *r, const struct call *c)
{
	struct watch *watch = r->worker->gate->watch; /* read once: a reload may take it away */
	tally_add(&r->worker->tally, c);
	if (watch)
		watch_see(watch, c, &r->trace);
}

static bool let_pass(const struct worker *w)
{
	return w->gate->conf->disk_full_pass && writer_state(w->gate->writer) == WRITER_DISK_FULL;
}

/* What is not recorded is not answered: the client sees a broken answer, never a clean one. The slot stays filled, so
 * that the next start names this call. */
static void cut_off(struct request *r)
{
	atomic_fetch_add_explicit(&r->worker->stats.unrecorded, 1, memory_order_relaxed);
	r->slot = -1;
	r->released = r->ended = true;
	if (r->turn_of)
		socket_unrecorded(r);
	if (r->client)
		stream_abort(r->client);
}

enum turn settle_push(struct request *r)
{
	struct worker *w = r->worker;
	struct writer *writer = w->gate->writer;
	if (r->queued) /* another event (the client left, the vendor ended) may come before the bell: not its turn */
		return WAIT;
	if (r->seq)
		return NEXT;
	if (r->other && writer_add(writer, w->index, r->other, str_make("", 0))) {
		tell(r, r->other);
		r->other = NULL; /* once; the row below comes behind it, so its durability is both rows' */
	}
	r->seq = r->other ? 0 : writer_add(writer, w->index, &r->call, raw_usage(r));
	ask_writer(w);
	if (!r->seq &&
	    let_pass(w)) { /* no room in memory either; the slot stays, so that the next start names this call */
		atomic_fetch_add_explicit(&w->stats.unrecorded, 1, memory_order_relaxed);
		r->slot = -1;
		return NEXT;
	}
	if (!r->seq) {
		if (writer_state(writer) == WRITER_FULL) {
			append(&w->unpushed_first, &w->unpushed_last, r);
			return WAIT;
		}
		cut_off(r);
		return OVER;
	}
	tell(r, &r->call);
	if (w->gate->conf->durability == DURABILITY_RELAXED || let_pass(w)) {
		if (r->slot >= 0)
			clear_later(w, r->seq, r->slot);
		r->slot = -1;
		return NEXT;
	}
	append(&w->held_first, &w->held_last, r);
	return WAIT;
}

void settle_bell(void *worker)
{
	struct worker *w = worker;
	uint64_t done = writer_done(w->gate->writer, w->index);
	struct request *waiting;
	while (w->clearing_head != w->clearing_tail &&
	       w->clearing[w->clearing_head & (w->clearing_cap - 1)].seq <= done)
		inflight_clear(w->inflight, w->clearing[w->clearing_head++ & (w->clearing_cap - 1)].slot);
	while (w->held_first && w->held_first->seq <= done) {
		struct request *r = take_first(&w->held_first);
		if (r->slot >= 0)
			inflight_clear(w->inflight, r->slot);
		r->slot = -1;
		gate_run(r);
	}
	while (w->held_first && writer_state(w->gate->writer) == WRITER_FAILED) { /* their rows will never be durable */
		struct request *r = take_first(&w->held_first);
		cut_off(r);
		gate_run(r);
	}
	waiting = w->unpushed_first; /* one try each: those that fail queue up again behind */
	w->unpushed_first = w->unpushed_last = NULL;
	while (waiting)
		gate_run(take_first(&waiting));
}

void settle_let_go(struct worker *w)
{
	struct request *waiting;
	if (!let_pass(w))
		return;
	while (w->held_first) {
		struct request *r = take_first(&w->held_first);
		if (r->slot >= 0)
			clear_later(w, r->seq, r->slot);
		r->slot = -1;
		gate_run(r);
	}
	waiting = w->unpushed_first;
	w->unpushed_first = w->unpushed_last = NULL;
	while (waiting)
		gate_run(take_first(&waiting));
}

void settle_release(struct request *r)
{
	if (r->turn_of) {
		socket_release(r);
		return;
	}
	if (!r->released) {
		r->released = true;
		if (r->client && (r->mode == ANSWER_WHOLE || r->mode == ANSWER_OWN)) {
			r->ended = true;
			atomic_fetch_add_explicit(&r->worker->stats.bytes_out, r->answer.n, memory_order_relaxed);
			forward_respond(r, (int64_t)r->answer.n);
			stream_send(r->client, sb_str(&r->answer));
			stream_end(r->client);
			return;
		}
		if (r->client && r->cost_comment && r->mode == ANSWER_EVENTS && r->call.price_status == PRICE_PRICED) {
			char text[MONEY_TEXT + 32], cost[MONEY_TEXT];
			snprintf(text, sizeof text, ": x-runrate-cost %s\n\n", money_text(r->call.cost_pico, cost));
			stream_send(r->client, str_of(text));
		}
		if (r->client && r->answer.n && !r->torn) {
			atomic_fetch_add_explicit(&r->worker->stats.bytes_out, r->answer.n, memory_order_relaxed);
			stream_send(r->client, sb_str(&r->answer));
			sb_clear(&r->answer);
		}
	}
	if (!r->answer_done || r->ended)
		return;
	r->ended = true;
	if (!r->client)
		return;
	if (!r->torn && (r->upstream_end == END_OK || r->mode == ANSWER_EVENTS))
		stream_end(r->client); /* a stream that broke off ends in its vendor's error event */
	else
		stream_abort(r->client);
}
