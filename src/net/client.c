/* SPDX-License-Identifier: Apache-2.0
 *
 * See client.h. Exchanges: the request goes out with one writev, the answer comes in by one read an event.
 *
 * 1. Nothing calls back from within exchange_*: what is found there is told by link_work, deferred to the
 *    end of the round.
 * 2. Sending and reading are independent: an answer may come before the request is out, and a failure to
 *    send is no failure until reading says so too.
 * 3. A link is reused only when both messages are whole and not a byte is left over.
 */
#include "net/client_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { REQUEST_HEAD_MOST = 256 * 1024, TUNNEL_SPANS = 8 };

static void link_work(struct deferred *d);

void link_schedule(struct link *k)
{
	loop_defer(k->pool->loop, &k->work, link_work);
}

void link_fail_soon(struct link *k, enum http_end how, const char *why)
{
	if (k->failed)
		return;
	k->failed = how;
	k->why = why;
	link_schedule(k);
}

void exchange_finish(struct exchange *x, enum http_end how)
{
	struct pool *p = x->pool;
	x->link = NULL;
	if (x->prev)
		x->prev->next = x->next;
	else
		p->busy = x->next;
	if (x->next)
		x->next->prev = x->prev;
	p->stats.busy--;
	if (how != END_OK)
		p->stats.failed++;
	x->handler->on_done(x, how);
	buf_fini(&x->out);
	if (p->closing || p->spare_count >= EXCHANGES_KEPT || x->head.cap > HEAD_KEPT_BYTES) {
		sb_fini(&x->head);
		free(x);
		return;
	}
	x->next = p->spare;
	p->spare = x;
	p->spare_count++;
}

bool exchange_may_retry(struct exchange *x)
{
	struct pool *p = x->pool;
	if (p->retry_credit < RETRY_EVERY)
		return false;
	p->retry_credit -= RETRY_EVERY;
	x->retried = true;
	p->stats.retried++;
	return true;
}

static void link_failed(struct link *k, enum http_end how, const char *why)
{
	struct exchange *x = k->x;
	struct pool *p = k->pool;
	struct site *s = k->site;
	struct link *fresh;
	k->x = NULL;
	/* An idle connection that the peer was closing: it has not looked at this request. */
	if ((how == END_PEER_CLOSED || how == END_PEER_RESET) && x->reused && !x->got_bytes && !x->retried &&
	    !x->aborted && loop_now_us(p->loop) - x->start_us < RETRY_WITHIN_US && exchange_may_retry(x) &&
	    (fresh = link_new(p, s))) {
		link_close(k);
		x->reused = false;
		x->sent = 0;
		x->link = fresh;
		fresh->x = x;
		link_begin(fresh, x->limits->connect_us);
		return;
	}
	if (!why && k->w.tls && (how == END_TLS || how == END_PEER_RESET))
		why = tls_fault(k->w.tls);
	if (why)
		str_copy(x->fault, sizeof x->fault, str_of(why));
	link_close(k);
	exchange_finish(x, how);
}

static void link_done(struct link *k, size_t left_over)
{
	struct exchange *x = k->x;
	bool again = x->keep && !left_over && !k->mute && !k->blocked && x->sent == x->head.n + x->body.n &&
		     !wire_has_more(&k->w);
	k->x = NULL;
	if (again)
		link_rest(k, x->limits->idle_us);
	else
		link_close(k);
	exchange_finish(x, END_OK);
}

static int link_watch(struct link *k)
{
	unsigned wanted = (k->deaf ? 0u : IO_READ) | (k->blocked && !k->mute ? IO_WRITE : 0u);
	if (k->w.io.fd < 0 || !io_want(&k->w.io, wanted))
		return 0;
	link_fail_soon(k, END_CONNECT, "the kernel cannot watch another descriptor");
	return -RR_IO;
}

/* ---- out */

/* What a tunnel's owner queued; when little is left of much, it is told. */
static void tunnel_send(struct link *k)
{
	struct exchange *x = k->x;
	while (x->out.n && !k->mute && !k->blocked) {
		struct iovec iov[TUNNEL_SPANS];
		unsigned count = buf_iov(&x->out, iov, TUNNEL_SPANS);
		long sent = wire_send(&k->w, iov, count, k->pool->record);
		if (sent >= 0) {
			x->last_us = loop_now_us(k->pool->loop);
			buf_drop(&x->out, (size_t)sent);
		} else if (sent == WIRE_AGAIN) {
			k->blocked = true;
			link_watch(k);
		} else {
			k->mute = true; /* reading will tell */
			if (sent == WIRE_BROKEN)
				link_fail_soon(k, END_PEER_RESET, NULL);
		}
	}
	if (x->above_mark && x->out.n <= x->limits->out_bytes / 2) {
		x->above_mark = false;
		if (x->handler->on_drained)
			x->handler->on_drained(x);
	}
}

static void link_send(struct link *k)
{
	struct exchange *x = k->x;
	size_t all = x->head.n + x->body.n;
	while (x->sent < all && !k->mute) {
		struct iovec iov[2];
		unsigned count = 0;
		long sent;
		if (x->sent < x->head.n)
			iov[count++] = (struct iovec){x->head.p + x->sent, x->head.n - x->sent};
		if (x->body.n) {
			size_t from = x->sent > x->head.n ? x->sent - x->head.n : 0;
			iov[count++] = (struct iovec){(char *)(uintptr_t)x->body.p + from, x->body.n - from};
		}
		sent = wire_send(&k->w, iov, count, k->pool->record);
		if (sent == WIRE_BROKEN) {
			link_fail_soon(k, END_PEER_RESET, NULL);
			k->mute = true;
		} else if (sent == WIRE_RESET) {
			k->mute = true; /* reading will tell whether there was an answer first */
		} else {
			x->sent += sent > 0 ? (size_t)sent : 0;
			if (sent < 0 || (x->sent < all && !k->w.tls)) {
				k->blocked = true;
				link_watch(k);
				return;
			}
		}
	}
	if (k->blocked) {
		k->blocked = false;
		link_watch(k);
	}
	if (x->tunnel)
		tunnel_send(k);
}

uint64_t exchange_due(const struct link *k, const struct exchange *x, enum http_end *how)
{
	uint64_t due = x->total_by_us, other = DEADLINE_NEVER;
	*how = END_TIMEOUT_TOTAL;
	if (k->state < BUSY)
		other = k->connect_by_us;
	else if (x->tunnel)
		other = x->last_us + x->limits->total_us;
	else if (!x->paused)
		other = x->got_bytes ? x->last_us + x->limits->stream_idle_us : x->from_us + x->limits->first_byte_us;
	if (other < due) {
		due = other;
		*how = k->state < BUSY ? END_TIMEOUT_CONNECT : x->got_bytes ? END_TIMEOUT_IDLE : END_TIMEOUT_FIRST;
	}
	return due;
}

static void link_set_deadline(struct link *k)
{
	enum http_end how;
	uint64_t due = exchange_due(k, k->x, &how);
	if (k->state == CONNECTING && k->attempt_by_us < due)
		due = k->attempt_by_us;
	deadline_move(&k->pool->deadlines, &k->deadline, due);
}

void link_ready(struct link *k)
{
	k->state = BUSY;
	k->x->from_us = loop_now_us(k->pool->loop);
	link_set_deadline(k);
	link_send(k);
	link_watch(k);
	if (wire_has_more(&k->w)) {
		k->poke = true;
		link_schedule(k);
	}
}

/* ---- in. These answer -1 when the exchange is over: the link is at rest, or gone. */

static long link_head(struct link *k, const char *p, size_t n)
{
	struct exchange *x = k->x;
	struct head *h = &k->pool->answer;
	const char *fault = NULL;
	long used;
	if (k->looked && n <= x->limits->head_bytes && !memchr(p + k->looked, '\n', n - k->looked)) {
		k->looked = (uint32_t)n;
		return 0;
	}
	used = h1_parse_response(h, p, n, x->limits, &fault);
	if (used < 0) {
		link_failed(k, used == -RR_LIMIT ? END_TOO_LARGE : END_BAD_SYNTAX, fault);
		return -1;
	}
	k->looked = used ? 0 : (uint32_t)n;
	if (!used)
		return 0;
	if (h->status < 200 && h->status != 101) {
		if (++x->informational <= INFORMATIONAL_MOST)
			return used;
		link_failed(k, END_BAD_SYNTAX, "too many informational answers");
		return -1;
	}
	if (h->status == 101 && !x->upgrade) {
		link_failed(k, END_BAD_SYNTAX, "a 101 that was not asked for");
		return -1;
	}
	h1_body_response(&x->answer, h, x->is_head ? STR("HEAD") : STR("GET"));
	x->answered = true;
	x->keep = h->keep_alive && h->status != 101 && x->answer.kind != H1_BODY_UNTIL_CLOSE;
	if (h->status == 101) {
		x->tunnel = true;
		x->answer = (struct h1_body){.kind = H1_BODY_UNTIL_CLOSE};
		x->total_by_us = DEADLINE_NEVER;
		link_set_deadline(k);
	}
	x->handler->on_head(x, h);
	return used;
}

static long link_consume(struct link *k, const char *p, size_t n)
{
	struct exchange *x = k->x;
	size_t at = 0;
	while (!x->aborted && !x->paused) {
		const char *fault = NULL;
		struct str data;
		long used;
		if (x->answered && x->answer.done) {
			link_done(k, n - at);
			return -1;
		}
		if (at == n)
			break;
		if (!x->answered) {
			used = link_head(k, p + at, n - at);
			if (used < 0)
				return -1;
			if (!used)
				break;
			at += (size_t)used;
			continue;
		}
		used = h1_body_next(&x->answer, p + at, n - at, &data, x->limits, &fault);
		if (used < 0) {
			link_failed(k, END_BAD_SYNTAX, fault);
			return -1;
		}
		at += (size_t)used;
		if (data.n)
			x->handler->on_body(x, data);
	}
	return (long)at;
}

static int link_keep(struct link *k, const char *p, size_t n)
{
	if (k->in_n + n > k->in_cap) {
		size_t cap = k->in_n + n < 1024 ? 1024 : k->in_n + n;
		char *grown = realloc(k->in, cap);
		if (!grown)
			return -RR_NOMEM;
		k->in = grown;
		k->in_cap = (uint32_t)cap;
	}
	memcpy(k->in + k->in_n, p, n);
	k->in_n += (uint32_t)n;
	return 0;
}

static long link_consume_kept(struct link *k)
{
	long used;
	/* Held apart meanwhile: when the exchange ends, the link may be gone or serve another one. */
	char *in = k->in;
	uint32_t n = k->in_n, cap = k->in_cap;
	k->in = NULL;
	k->in_n = k->in_cap = 0;
	used = link_consume(k, in, n);
	if (used < 0 || used == (long)n) {
		free(in);
		return used;
	}
	memmove(in, in + used, n - (size_t)used);
	k->in = in;
	k->in_n = n - (uint32_t)used;
	k->in_cap = cap;
	return used;
}

static void link_input_end(struct link *k, long how)
{
	struct exchange *x = k->x;
	if (how == WIRE_END && x->answered && x->answer.kind == H1_BODY_UNTIL_CLOSE && !k->in_n)
		link_done(k, 0);
	else
		link_failed(k, how == WIRE_END ? END_PEER_CLOSED : END_PEER_RESET, NULL);
}

static long link_read(struct link *k)
{
	char *scratch = loop_scratch(k->pool->loop);
	struct exchange *x = k->x;
	long n, used;
	if (x->paused) {
		k->deaf = true;
		return 0;
	}
	n = wire_read(&k->w, scratch, http_read_bytes(x->limits, LOOP_SCRATCH_BYTES));
	if (n == WIRE_AGAIN)
		return 0;
	if (n <= 0) {
		link_input_end(k, n);
		return -1;
	}
	x->got_bytes = true;
	x->last_us = loop_now_us(k->pool->loop);
	if (!k->in_n) {
		used = link_consume(k, scratch, (size_t)n);
		if (used >= 0 && used < n && link_keep(k, scratch + used, (size_t)(n - used))) {
			link_failed(k, END_ABORTED, "out of memory");
			return -1;
		}
	} else if (link_keep(k, scratch, (size_t)n)) {
		link_failed(k, END_ABORTED, "out of memory");
		return -1;
	} else {
		used = link_consume_kept(k);
	}
	if (used >= 0 && wire_has_more(&k->w)) {
		k->poke = true;
		link_schedule(k);
	}
	return used < 0 ? -1 : 0;
}

/* ---- events */

static void link_work(struct deferred *d)
{
	struct link *k = (struct link *)(void *)((char *)d - offsetof(struct link, work));
	struct exchange *x = k->x;
	if (k->mux) {
		mux_work(k);
		return;
	}
	if (!x) {
		if (k->failed)
			link_close(k);
		return;
	}
	if (x->aborted) {
		link_failed(k, END_ABORTED, NULL);
		return;
	}
	if (k->failed) {
		link_failed(k, k->failed, k->why);
		return;
	}
	if (k->state != BUSY)
		return;
	if (!x->paused && link_consume_kept(k) < 0)
		return;
	if (x->tunnel && x->out.n && !k->blocked)
		tunnel_send(k);
	if (k->poke) {
		k->poke = false;
		if (link_read(k) < 0)
			return;
	}
	link_watch(k);
	/* What a callback asked for meanwhile runs in the next generation: it scheduled us again. */
}

static void on_idle_link(struct link *k)
{
	long n = wire_read(&k->w, loop_scratch(k->pool->loop), LOOP_SCRATCH_BYTES);
	if (n != WIRE_AGAIN) /* closed, or it speaks out of turn */
		link_close(k);
}

void on_link(struct io *io, unsigned ready)
{
	struct link *k = (struct link *)(void *)((char *)io - offsetof(struct link, w.io));
	if (k->state == IDLE) {
		on_idle_link(k);
		return;
	}
	if (k->failed || (!k->mux && (!k->x || k->x->aborted)))
		return; /* link_work is on its way */
	if (k->state == MUXED) {
		mux_event(k, ready);
		return;
	}
	if (k->state == CONNECTING) {
		link_connecting(k);
		return;
	}
	if (k->state == SECURING) {
		link_securing(k);
		return;
	}
	if (ready & IO_WRITE && k->blocked)
		link_send(k);
	if (ready & (IO_READ | IO_HANGUP)) {
		if (k->x->paused && ready & IO_HANGUP) {
			k->deaf = true;
			io_forget(io); /* what it sent before is read on resume */
			return;
		}
		if (link_read(k) < 0)
			return;
	}
	if (k->deaf || k->blocked)
		link_watch(k);
}

void link_late(struct deadlines *all, struct deadline *d)
{
	struct link *k = (struct link *)(void *)((char *)d - offsetof(struct link, deadline));
	enum http_end how;
	if (k->mux) {
		mux_late(k);
		return;
	}
	if (k->state == IDLE) {
		link_close(k);
		return;
	}
	if (k->failed || !k->x || k->x->aborted)
		return;
	if (loop_now_us(all->loop) >= exchange_due(k, k->x, &how)) {
		link_failed(k, how, NULL);
		return;
	}
	if (k->state == CONNECTING && loop_now_us(all->loop) >= k->attempt_by_us && k->addr + 1 < k->addr_count)
		link_try_next(k);
	else
		link_set_deadline(k);
}

/* ---- the pool */

struct pool *pool_new(struct loop *l, unsigned max_idle_per_origin, struct err *e)
{
	struct pool *p = calloc(1, sizeof *p);
	if (!p || !(p->resolver = resolver_new(l, e))) {
		free(p);
		err_set(e, RR_NOMEM, "no memory for a connection pool");
		return NULL;
	}
	p->loop = l;
	p->max_idle = max_idle_per_origin;
	p->retry_credit = RETRY_EVERY * RETRIES_SAVED;
	sb_init(&p->target, REQUEST_HEAD_MOST);
	deadlines_init(&p->deadlines, l, link_late);
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	p->closing = true;
	while (p->busy) {
		struct exchange *x = p->busy;
		if (x->link->mux) {
			struct link *k = x->link;
			mux_abandon(k);
			link_close(k);
			continue;
		}
		x->link->x = NULL;
		link_close(x->link);
		exchange_finish(x, END_ABORTED);
		check(p->busy != x); /* it was the first, and is out of the list before it is freed */
	}
	while (p->deadlines.list.next != &p->deadlines.list) {
		struct deadline *d = p->deadlines.list.next;
		link_close((struct link *)(void *)((char *)d - offsetof(struct link, deadline)));
	}
	while (p->sites) {
		struct site *s = p->sites;
		p->sites = s->next;
		tls_ticket_free(s->ticket);
		free(s);
	}
	while (p->spare) {
		struct exchange *x = p->spare;
		p->spare = x->next;
		sb_fini(&x->head);
		free(x);
	}
	deadlines_fini(&p->deadlines);
	resolver_free(p->resolver);
	sb_fini(&p->target);
	free(p);
}

void pool_stats(const struct pool *p, struct pool_stats *out)
{
	*out = p->stats;
}

/* ---- exchanges */

static bool is_ours(struct str name)
{
	return (name.n == 4 && str_ieq(name, STR("host"))) || (name.n == 14 && str_ieq(name, STR("content-length"))) ||
	       (name.n == 6 && str_ieq(name, STR("expect"))) || header_is_hop(name);
}

static int write_request(struct pool *p, struct sb *out, const struct origin *o, struct str method, struct str target,
			 const char *protocol, const struct header *headers, unsigned count, struct str body)
{
	int rc;
	sb_clear(&p->target);
	if (o->base_path[0]) {
		sb_adds(&p->target, o->base_path);
		sb_add_str(&p->target, target);
		target = sb_str(&p->target);
	}
	if ((rc = h1_write_request_line(out, method, target)) ||
	    (rc = h1_write_header(out, STR("host"), str_of(o->authority))))
		return rc;
	if (protocol && ((rc = h1_write_header(out, STR("connection"), STR("Upgrade"))) ||
			 (rc = h1_write_header(out, STR("upgrade"), str_of(protocol)))))
		return rc;
	for (unsigned i = 0; i < count; i++)
		if (!is_ours(headers[i].name) && (rc = h1_write_header(out, headers[i].name, headers[i].value)))
			return rc;
	if (body.n || str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) || str_eq(method, STR("PATCH"))) {
		sb_add(out, "content-length: ", 16);
		sb_add_u64(out, body.n);
		sb_add(out, "\r\n", 2);
	}
	sb_add(out, "\r\n", 2);
	return out->full || p->target.full ? -RR_LIMIT : 0;
}

static struct exchange *exchange_new(struct pool *p)
{
	struct exchange *x = p->spare;
	if (x) {
		struct sb head = x->head;
		p->spare = x->next;
		p->spare_count--;
		memset(x, 0, offsetof(struct exchange, fault));
		x->fault[0] = 0;
		x->head = head;
		sb_clear(&x->head);
		return x;
	}
	x = calloc(1, sizeof *x);
	if (x)
		sb_init(&x->head, REQUEST_HEAD_MOST);
	return x;
}

int exchange_place(struct exchange *x, struct site *s)
{
	bool may_mux = s->tls && !s->only_h1 && s->speaks != SPEAKS_H1 && !x->upgrade;
	struct link *k = may_mux ? mux_find(s) : NULL;
	if (k) {
		mux_join(k, x);
		return 0;
	}
	k = x->upgrade ? NULL : link_take_idle(s);
	x->reused = k;
	if (!k && !(k = link_new(x->pool, s)))
		return -RR_NOMEM;
	if (x->reused) {
		k->x = x;
		x->link = k;
		x->pool->stats.reused++;
		link_set_deadline(k);
		link_send(k);
		return 0;
	}
	if (may_mux && mux_begin(k)) {
		link_close(k);
		return -RR_NOMEM;
	}
	x->link = k;
	if (may_mux)
		mux_join(k, x);
	else
		k->x = x;
	link_begin(k, x->limits->connect_us);
	return 0;
}

static struct exchange *start(struct pool *p, const struct origin *o, struct str method, struct str path_and_query,
			      const char *protocol, const struct header *headers, unsigned count, struct str body,
			      const struct exchange_handler *handler, void *user)
{
	struct site *s = p->closing ? NULL : site_get(p, o);
	struct exchange *x = s ? exchange_new(p) : NULL;
	if (!x)
		return NULL;
	if (write_request(p, &x->head, o, method, path_and_query, protocol, headers, count, body))
		goto fail;
	x->pool = p;
	x->origin = o;
	x->limits = o->limits ? o->limits : &http_limits_default;
	x->handler = handler;
	x->user = user;
	x->body = body;
	x->is_head = str_eq(method, STR("HEAD"));
	x->upgrade = protocol != NULL;
	x->start_us = x->from_us = loop_now_us(p->loop);
	x->total_by_us = x->start_us + x->limits->total_us;
	if (exchange_place(x, s))
		goto fail;
	x->next = p->busy;
	if (p->busy)
		p->busy->prev = x;
	p->busy = x;
	p->stats.busy++;
	p->retry_credit += p->retry_credit < RETRY_EVERY * RETRIES_SAVED;
	return x;
fail:
	sb_fini(&x->head);
	free(x);
	return NULL;
}

struct exchange *exchange_start(struct pool *p, const struct origin *o, struct str method, struct str path_and_query,
				const struct header *headers, unsigned count, struct str body,
				const struct exchange_handler *handler, void *user)
{
	return start(p, o, method, path_and_query, NULL, headers, count, body, handler, user);
}

struct exchange *exchange_upgrade(struct pool *p, const struct origin *o, struct str path_and_query,
				  const char *protocol, const struct header *headers, unsigned count,
				  const struct exchange_handler *handler, void *user)
{
	struct exchange *x = start(p, o, STR("GET"), path_and_query, protocol, headers, count, str_make("", 0), handler,
				   user);
	if (x)
		buf_init(&x->out, TUNNEL_QUEUE_BYTES);
	return x;
}

long exchange_send(struct exchange *x, struct str bytes)
{
	int rc;
	if (!x->tunnel || !x->link || x->aborted)
		return -RR_NET;
	if ((rc = buf_add(&x->out, bytes.p, bytes.n)))
		return rc;
	if (x->out.n > x->limits->out_bytes)
		x->above_mark = true;
	link_schedule(x->link);
	return (long)x->out.n;
}

void *exchange_user(const struct exchange *x)
{
	return x->user;
}

void exchange_set_user(struct exchange *x, void *user)
{
	x->user = user;
}

void exchange_pause(struct exchange *x)
{
	x->paused = true;
}

void exchange_resume(struct exchange *x)
{
	struct link *k = x->link;
	if (!x->paused)
		return;
	x->paused = false;
	if (!k)
		return;
	x->last_us = loop_now_us(x->pool->loop); /* the silence was ours */
	if (k->mux) {
		enum http_end how;
		mux_due_by(k, exchange_due(k, x, &how));
		mux_look(k);
		return;
	}
	k->deaf = false;
	k->poke = wire_has_more(&k->w);
	link_set_deadline(k);
	link_schedule(k);
}

void exchange_abort(struct exchange *x)
{
	if (!x->link)
		return; /* it is being told already */
	x->aborted = true;
	link_schedule(x->link);
}

bool exchange_reused(const struct exchange *x)
{
	return x->reused;
}

void exchange_limit_us(struct exchange *x, uint64_t remaining_us)
{
	x->total_by_us = loop_now_us(x->pool->loop) + remaining_us;
	if (x->link && x->link->mux)
		mux_due_by(x->link, x->total_by_us);
	else if (x->link)
		link_set_deadline(x->link);
}

const char *exchange_fault(const struct exchange *x)
{
	return x->fault;
}
