/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's memory: taken from its worker's spares, given back with all that it held, and what one large request
 * needed does not stay with the small ones.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "gate/gate.h"

enum { ARENA_BYTES = 256 * 1024, SPARES_MOST = 256, KEEP_BYTES = 64 * 1024 };

void request_promise(struct request *r, uint64_t bytes)
{
	memory_promise((int64_t)bytes - (int64_t)r->promised);
	r->promised = bytes;
}

void request_drop_body(struct request *r)
{
	sb_clear_most(&r->body, KEEP_BYTES);
	request_promise(r, 0);
}

struct request *request_get(struct worker *w, struct stream *s)
{
	struct request *r = w->spare;
	if (r) {
		w->spare = r->next;
		w->spares--;
	} else {
		r = calloc(1, sizeof *r);
		if (!r)
			return NULL;
		arena_init(&r->arena, ARENA_BYTES);
		sb_init(&r->body, w->gate->limits.body_bytes);
		sb_init(&r->edited, w->gate->limits.body_bytes + 4096);
		sb_init(&r->head_text, 64 * 1024);
		sb_init(&r->answer, ANSWER_MOST_BYTES);
		sb_init(&r->copy, ANSWER_MOST_BYTES);
		sse_init(&r->sse);
	}
	r->worker = w;
	r->client = s;
	r->next = NULL;
	r->slot = r->place = -1;
	r->began_us = loop_now_us(w->loop);
	call_init(&r->call);
	atomic_fetch_add_explicit(&w->stats.active, 1, memory_order_relaxed);
	return r;
}

void request_free(struct request *r)
{
	sb_fini(&r->body);
	sb_fini(&r->edited);
	sb_fini(&r->head_text);
	sb_fini(&r->answer);
	sb_fini(&r->copy);
	sse_fini(&r->sse);
	arena_fini(&r->arena);
	free(r);
}

static void request_put(struct request *r)
{
	struct worker *w = r->worker;
	jobs_leave(r);
	caps_settle(w->gate->caps, &r->ticket, 0, 0);
	training_settle(w->gate->training, &r->training, 0, 0);
	coding_free(r->undone);
	r->undone = NULL;
	if (r->on_hosted)
		hosted_end(&r->up->hosted, loop_now_us(w->loop), r->hosted_from);
	if (r->slot >= 0)
		inflight_clear(w->inflight, r->slot);
	if (r->place >= 0)
		rate_leave(w->gate->rate, r->place);
	request_promise(r, 0);
	atomic_fetch_sub_explicit(&w->stats.active, 1, memory_order_relaxed);
	if (memory_low()) { /* nothing is kept for later, and one more that was is given back */
		struct request *kept_too = w->spare;
		if (kept_too) {
			w->spare = kept_too->next;
			w->spares--;
			request_free(kept_too);
		}
		request_free(r);
		return;
	}
	sb_clear_most(&r->body, KEEP_BYTES);
	sb_clear_most(&r->edited, KEEP_BYTES);
	sb_clear_most(&r->head_text, KEEP_BYTES);
	sb_clear_most(&r->answer, KEEP_BYTES);
	sb_clear_most(&r->copy, KEEP_BYTES);
	if (r->sse.partial.cap > KEEP_BYTES || r->sse.joined.cap > KEEP_BYTES) {
		sse_fini(&r->sse);
		sse_init(&r->sse);
	} else {
		sse_clear(&r->sse);
	}
	arena_reset(&r->arena);
	if (w->spares >= SPARES_MOST) {
		request_free(r);
		return;
	}
	memset(r, 0, offsetof(struct request, arena));
	r->ticket.count = r->training.count = 0;
	r->next = w->spare;
	w->spare = r;
	w->spares++;
}

void request_maybe_free(struct request *r)
{
	bool waits_for_row = r->settled && !r->pass_only && !r->released;
	if (!r->client && !r->exchange && !r->socket && !r->turn_of && !waits_for_row && !r->look.errands &&
	    !r->running && !r->idle) {
		r->idle = true; /* once */
		request_put(r);
	}
}
