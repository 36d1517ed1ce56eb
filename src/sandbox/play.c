/* SPDX-License-Identifier: Apache-2.0
 *
 * From a planned answer to bytes on the wire, at a pace, with faults; and the list of what was served.
 *
 * 1. What the faults change is prepared before the first byte: first the body (line ends, byte order mark,
 *    comments, gzip), then where it is cut (split, slow-body), then, for faults of the framing, everything
 *    with its head into one raw run of bytes. After that the player knows only pieces and an ending.
 * 2. The line of the list is written before the last piece is given to the server: whoever has an answer's
 *    end can find it in the list. Answers that break off are listed when they do, with completed false.
 *
 *   plan -> prepare -> (wait) piece (gap) piece ... -> line -> last piece -> ending
 */
#include "sandbox/sandbox_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"

enum { SPLIT_MOST = 1024 * 1024, RAW_HEAD_BYTES = 1024 * 1024 };

/* ---- the list */

void list_write(struct sandbox *s, struct str lines)
{
	if (s->list_fd < 0 || s->list_broken || !lines.n || write(s->list_fd, lines.p, lines.n) == (ssize_t)lines.n)
		return;
	LOG(LOG_ERROR, "list_write_failed", LOG_S("file", str_of(s->config.list)),
	    LOG_S("why", str_of(strerror(errno))));
	s->list_broken = true; /* a list with holes proves nothing: nothing more is served */
}

static void put_sha256(struct json_out *w, const char *key, struct str bytes)
{
	unsigned char raw[32];
	char hex[65];
	hash_sha256(bytes, raw);
	jw_kcstr(w, key, hash_hex(raw, sizeof raw, hex));
}

static unsigned tokens_in(const struct exchange *x, size_t body_bytes)
{
	unsigned tokens = 0;
	for (unsigned i = 0; i < x->a.pieces && x->a.piece[i].end <= body_bytes; i++)
		tokens = x->a.piece[i].tokens;
	return tokens;
}

void list_line(const struct exchange *x, bool completed, struct str sent, struct sb *out)
{
	const struct answer *a = &x->a;
	bool whole = completed || sent.n >= a->usage_at;
	char at[TIME_TEXT];
	struct json_out w;
	jw_init(&w, out);
	jw_object(&w);
	jw_kcstr(&w, "id", a->id);
	jw_kcstr(&w, "api", a->api);
	jw_kcstr(&w, "surface", a->surface);
	jw_kstr(&w, "model", a->model);
	jw_kcstr(&w, "at", time_text(x->now_us, at));
	jw_ku64(&w, "status", a->status);
	jw_kbool(&w, "stream", a->stream);
	jw_kbool(&w, "batch", x->ask.batch);
	jw_kbool(&w, "completed", completed);
	jw_key(&w, "usage");
	jw_raw(&w, a->usage_sent && whole && a->usage_as_sent.n ? a->usage_as_sent : STR("null"));
	jw_key(&w, "usage_due");
	jw_raw(&w, a->usage.n ? sb_str(&a->usage) : STR("null"));
	jw_ku64(&w, "tokens_sent", completed ? a->tokens : tokens_in(x, sent.n));
	jw_kcstr(&w, "service_tier", a->tier);
	jw_kcstr(&w, "inference_geo", a->geo);
	put_sha256(&w, "request_sha256", x->ask.body);
	put_sha256(&w, "response_sha256", sent);
	jw_ku64(&w, "response_bytes", sent.n);
	jw_end_object(&w);
	sb_addc(out, '\n');
}

static void list(struct exchange *x, bool completed, size_t body_bytes)
{
	struct sb line;
	if (x->listed || x->sandbox->list_fd < 0)
		return;
	x->listed = true;
	sb_init(&line, 1024 * 1024);
	list_line(x, completed, str_sub(sb_str(x->body), 0, body_bytes), &line);
	if (!line.full)
		list_write(x->sandbox, sb_str(&line));
	sb_fini(&line);
}

/* ---- the body under faults */

static void cut(struct pieces *p, size_t end, size_t body_end, bool pause)
{
	if (!array_room(p->piece, p->count, p->cap, ARRAY_MOST)) {
		p->full = true;
		return;
	}
	p->piece[p->count++] = (struct wire_piece){end, body_end, pause};
}

static void add_lines(struct sb *out, struct str bytes, const char *line_end)
{
	for (size_t i = 0; i < bytes.n; i++)
		if (bytes.p[i] == '\n')
			sb_adds(out, line_end);
		else if (bytes.p[i] != '\r') /* none stands inside JSON */
			sb_addc(out, bytes.p[i]);
}

static void change_events(struct exchange *x)
{
	const struct faults *f = &x->faults;
	const char *line_end = fault_on(f, FAULT_CRLF) ? "\r\n" : fault_on(f, FAULT_CR) ? "\r" : "\n";
	size_t from = 0;
	if (fault_on(f, FAULT_BOM))
		sb_adds(&x->changed, "\xef\xbb\xbf");
	for (unsigned i = 0; i < x->a.pieces; i++) {
		if (fault_on(f, FAULT_COMMENTS) && x->a.stream)
			sb_addf(&x->changed, ": keep-alive %u%s%s", i, line_end, line_end);
		add_lines(&x->changed, str_sub(sb_str(&x->a.body), from, x->a.piece[i].end), line_end);
		from = x->a.piece[i].end;
		cut(&x->pieces, x->changed.n, x->changed.n, true);
	}
	x->body = &x->changed;
}

/* Each piece is flushed, so that the pace stays visible through the compression. */
static int compress_pieces(struct exchange *x)
{
	struct sb plain = *x->body, out;
	unsigned char room[16384];
	z_stream z = {0};
	size_t from = 0;
	int rc = 0;
	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -RR_NOMEM;
	sb_init(&out, SANDBOX_BODY_BYTES);
	for (unsigned i = 0; i < x->pieces.count; i++) {
		struct wire_piece *p = &x->pieces.piece[i];
		int flush = i + 1 == x->pieces.count ? Z_FINISH : Z_SYNC_FLUSH;
		z.next_in = (unsigned char *)plain.p + from;
		z.avail_in = (unsigned)(p->end - from);
		from = p->end;
		do {
			z.next_out = room;
			z.avail_out = sizeof room;
			if (deflate(&z, flush) == Z_STREAM_ERROR)
				rc = -RR_INTERNAL;
			sb_add(&out, (char *)room, sizeof room - z.avail_out);
		} while (!rc && z.avail_out == 0);
		p->end = p->body_end = out.n;
	}
	deflateEnd(&z);
	sb_fini(&x->changed);
	x->changed = out;
	x->body = &x->changed;
	return rc;
}

static void split_pieces(struct exchange *x, size_t step, bool pause)
{
	struct pieces coarse = x->pieces;
	size_t at = 0;
	x->pieces = (struct pieces){0};
	for (unsigned i = 0; i < coarse.count; i++) {
		for (at += step; at < coarse.piece[i].end && at < SPLIT_MOST; at += step)
			cut(&x->pieces, at, at, pause);
		at = coarse.piece[i].end;
		cut(&x->pieces, at, at, true);
	}
	free(coarse.piece);
}

/* ---- the framing under faults */

static bool is_raw(const struct faults *f)
{
	const uint64_t raw = (UINT64_C(1) << FAULT_1XX) | (UINT64_C(1) << FAULT_SLOW_HEAD) |
			     (UINT64_C(1) << FAULT_HTTP10) |
			     (UINT64_C(1) << FAULT_TRUNCATED) | (UINT64_C(1) << FAULT_BAD_CHUNK) |
			     (UINT64_C(1) << FAULT_LENGTH_SHORT) | (UINT64_C(1) << FAULT_LENGTH_LONG) |
			     (UINT64_C(1) << FAULT_LENGTH_TWICE) | (UINT64_C(1) << FAULT_BAD_HEAD) |
			     (UINT64_C(1) << FAULT_RST) | (UINT64_C(1) << FAULT_CLOSE) | (UINT64_C(1) << FAULT_STALL) |
			     (UINT64_C(1) << FAULT_RST_EARLY) | (UINT64_C(1) << FAULT_CLOSE_EARLY) |
			     (UINT64_C(1) << FAULT_STALL_EARLY);
	return f->on & raw;
}

static void raw_status(struct exchange *x, struct sb *out)
{
	static const char *const reasons[] = {[2] = "OK", [3] = "Redirect", [4] = "Refused", [5] = "Server Error"};
	const struct answer *a = &x->a;
	const struct faults *f = &x->faults;
	for (uint64_t i = 0; fault_on(f, FAULT_1XX) && i < f->arg[FAULT_1XX] && out->n < RAW_HEAD_BYTES; i++)
		sb_adds(out, "HTTP/1.1 103 Early Hints\r\nlink: </v1>; rel=preconnect\r\n\r\n");
	if (fault_on(f, FAULT_BAD_HEAD))
		sb_adds(out, "HTTQ/one 2OO fine\r\n");
	else
		sb_addf(out, "HTTP/1.%u %u %s\r\n", fault_on(f, FAULT_HTTP10) ? 0u : 1u, a->status,
			a->status / 100 < 6 && reasons[a->status / 100] ? reasons[a->status / 100] : "OK");
	for (unsigned i = 0; i < a->headers; i++)
		sb_addf(out, "%.*s: %.*s\r\n", STR_ARG(a->header[i].name), STR_ARG(a->header[i].value));
}

/* Head and framed body as one run of bytes. */
static void prepare_raw(struct exchange *x)
{
	const struct faults *f = &x->faults;
	struct pieces body = x->pieces;
	struct sb *out = &x->raw_bytes;
	size_t n = x->body->n, stop = SIZE_MAX, from = 0, head_end;
	bool chunked = x->a.stream || fault_on(f, FAULT_TRUNCATED) || fault_on(f, FAULT_BAD_CHUNK), stopped = false;
	x->raw = true;
	x->ending = PLAY_FIN;
	x->pieces = (struct pieces){0};
	if (fault_on(f, FAULT_RST) || fault_on(f, FAULT_CLOSE) || fault_on(f, FAULT_STALL)) {
		enum fault which = fault_on(f, FAULT_RST)     ? FAULT_RST
				   : fault_on(f, FAULT_CLOSE) ? FAULT_CLOSE
							      : FAULT_STALL;
		stop = f->arg_given[which] ? f->arg[which] : n / 2;
		x->ending = which == FAULT_RST ? PLAY_RST : which == FAULT_CLOSE ? PLAY_FIN : PLAY_STALL;
		x->broken = true;
	}
	if (fault_on(f, FAULT_RST_EARLY) || fault_on(f, FAULT_CLOSE_EARLY) || fault_on(f, FAULT_STALL_EARLY)) {
		x->ending = fault_on(f, FAULT_RST_EARLY)     ? PLAY_RST
			    : fault_on(f, FAULT_CLOSE_EARLY) ? PLAY_FIN
							     : PLAY_STALL;
		x->broken = true;
		free(body.piece);
		return;
	}
	raw_status(x, out);
	if (fault_on(f, FAULT_LENGTH_SHORT) || fault_on(f, FAULT_LENGTH_LONG) || fault_on(f, FAULT_LENGTH_TWICE)) {
		size_t stated = fault_on(f, FAULT_LENGTH_SHORT) ? n / 2 : fault_on(f, FAULT_LENGTH_LONG) ? n + 100 : n;
		sb_addf(out, "content-length: %zu\r\n", stated);
		if (fault_on(f, FAULT_LENGTH_TWICE))
			sb_addf(out, "content-length: %zu\r\n", n + 1);
		chunked = false;
		x->broken = true;
	} else if (fault_on(f, FAULT_HTTP10)) {
		chunked = false;
	} else if (chunked) {
		sb_adds(out, "transfer-encoding: chunked\r\n");
	} else {
		sb_addf(out, "content-length: %zu\r\n", n);
	}
	sb_adds(out, "connection: close\r\n\r\n");
	head_end = out->n;
	for (size_t i = 1; fault_on(f, FAULT_SLOW_HEAD) && i < head_end; i++)
		cut(&x->pieces, i, 0, true);
	cut(&x->pieces, head_end, 0, fault_on(f, FAULT_SLOW_HEAD));
	for (unsigned i = 0; i < body.count && !stopped; i++) {
		size_t end = body.piece[i].end, to = end < stop ? end : stop;
		bool wrong = fault_on(f, FAULT_BAD_CHUNK) && (i == 1 || body.count == 1);
		if (chunked)
			sb_addf(out, wrong ? "zz%zx\r\n" : "%zx\r\n", end - from);
		sb_add(out, x->body->p + from, to - from);
		stopped = stop <= end;
		if (chunked && !stopped)
			sb_adds(out, "\r\n");
		from = end;
		cut(&x->pieces, out->n, to, body.piece[i].pause);
	}
	if (fault_on(f, FAULT_TRUNCATED) || fault_on(f, FAULT_BAD_CHUNK))
		x->broken = true;
	else if (chunked && !stopped)
		sb_adds(out, "0\r\n\r\n");
	if (x->pieces.count)
		x->pieces.piece[x->pieces.count - 1].end = out->n;
	free(body.piece);
}

static int prepare(struct exchange *x)
{
	const struct faults *f = &x->faults;
	x->body = &x->a.body;
	x->ending = PLAY_CLEAN;
	sb_init(&x->changed, SANDBOX_BODY_BYTES);
	sb_init(&x->raw_bytes, SANDBOX_BODY_BYTES);
	if (!x->a.pieces || x->a.piece[x->a.pieces - 1].end < x->a.body.n)
		answer_cut(x, x->a.tokens);
	if ((fault_on(f, FAULT_CRLF) || fault_on(f, FAULT_CR) || fault_on(f, FAULT_COMMENTS) ||
	     fault_on(f, FAULT_BOM)) &&
	    x->a.stream)
		change_events(x);
	else
		for (unsigned i = 0; i < x->a.pieces; i++)
			cut(&x->pieces, x->a.piece[i].end, x->a.piece[i].end, true);
	if (fault_on(f, FAULT_GZIP)) {
		int rc = compress_pieces(x);
		if (rc)
			return rc;
		answer_header(x, "content-encoding", "gzip");
	}
	if (fault_on(f, FAULT_SLOW_BODY)) {
		x->gap_us = f->arg[FAULT_SLOW_BODY] * 1000;
		split_pieces(x, 1, true);
	} else if (fault_on(f, FAULT_SPLIT) && f->arg[FAULT_SPLIT]) {
		split_pieces(x, f->arg[FAULT_SPLIT], false);
	}
	if (fault_on(f, FAULT_SLOW_HEAD))
		x->gap_us = f->arg[FAULT_SLOW_HEAD] * 1000;
	if (is_raw(f))
		prepare_raw(x);
	return x->a.body.full || x->changed.full || x->raw_bytes.full || x->pieces.full ? -RR_LIMIT : 0;
}

/* ---- playing */

static void play(struct exchange *x);

static void on_play(struct timer *t)
{
	play((struct exchange *)(void *)((char *)t - offsetof(struct exchange, timer)));
}

static int begin_answer(struct exchange *x)
{
	struct sandbox *s = x->sandbox;
	uint64_t now = loop_now_us(s->loop);
	for (unsigned i = 0; i < x->writes.count; i++)
		memory_put(&s->memory, x->writes.key[i], now + x->writes.keep_us[i], now);
	if (x->raw) {
		stream_raw(x->stream);
		return 0;
	}
	return stream_respond(x->stream, x->a.status, x->a.header, x->a.headers,
			      x->a.stream || x->faults.on >> FAULT_SPLIT & 1 ? -1 : (int64_t)x->body->n);
}

static void end_answer(struct exchange *x)
{
	x->over = true;
	if (x->ending == PLAY_RST)
		stream_abort(x->stream);
	else if (x->ending != PLAY_STALL)
		stream_end(x->stream);
}

static void play(struct exchange *x)
{
	const struct sb *bytes = x->raw ? &x->raw_bytes : x->body;
	while (x->next_piece < x->pieces.count) {
		const struct wire_piece *p = &x->pieces.piece[x->next_piece];
		bool last = x->next_piece + 1 == x->pieces.count;
		long queued;
		if (last)
			list(x, !x->broken, p->body_end);
		if (last && x->sandbox->list_broken) {
			stream_abort(x->stream);
			return;
		}
		queued = stream_send(x->stream, str_sub(sb_str(bytes), x->sent, p->end));
		if (queued < 0)
			return; /* on_closed comes */
		x->sent = p->end;
		x->body_sent = p->body_end;
		x->next_piece++;
		if (last)
			break;
		if (p->pause && x->gap_us && (x->a.stream || x->pieces.count > 1)) {
			timer_set(x->sandbox->loop, &x->timer, x->gap_us, on_play);
			return;
		}
		if ((size_t)queued > http_limits_default.out_bytes) {
			x->waiting = true;
			return;
		}
	}
	if (!x->pieces.count)
		list(x, false, 0);
	end_answer(x);
}

static void on_first(struct timer *t)
{
	struct exchange *x = (struct exchange *)(void *)((char *)t - offsetof(struct exchange, timer));
	if (begin_answer(x))
		stream_abort(x->stream);
	else
		play(x);
}

void play_begin(struct exchange *x)
{
	const struct sandbox_config *c = &x->sandbox->config;
	uint64_t wait;
	x->ttft_us = ask_number(x, "x-sandbox-delay-ms", c->ttft_us / 1000) * 1000;
	x->gap_us = ask_number(x, "x-sandbox-gap-ms", c->gap_us / 1000) * 1000;
	wait = x->a.stream || x->a.status >= 300 ? x->ttft_us : x->ttft_us + x->gap_us * x->a.tokens;
	if (!x->a.stream)
		x->gap_us = 0;
	if (prepare(x) || x->sandbox->list_broken) {
		stream_abort(x->stream);
		return;
	}
	x->sandbox->served++;
	if (wait)
		timer_set(x->sandbox->loop, &x->timer, wait, on_first);
	else
		on_first(&x->timer);
}

void play_drained(struct exchange *x)
{
	if (!x->waiting || x->over)
		return;
	x->waiting = false;
	play(x);
}

void play_closed(struct exchange *x)
{
	timer_clear(x->sandbox->loop, &x->timer);
	if (x->body)
		list(x, false, x->body_sent);
	sb_fini(&x->changed);
	sb_fini(&x->raw_bytes);
	free(x->pieces.piece);
}
