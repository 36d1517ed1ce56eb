/* SPDX-License-Identifier: Apache-2.0
 *
 * What h2_server.c (connections, what comes in) and h2_server_stream.c (streams, what goes out) share.
 */
#ifndef RR_NET_H2_SERVER_INT_H
#define RR_NET_H2_SERVER_INT_H

#include "net/h2_common.h"
#include "net/server_int.h"

enum { DRAIN_WAIT_US = 1000000 };

struct h2_stream {
	struct stream *s, *next, *prev;
	struct buf out, in;  /* in: while paused */
	uint64_t out_at_us;  /* when the output last moved, or began to wait */
	uint64_t told_at;    /* packed bytes after which its end is out */
	int32_t id;
	enum http_end how;
	bool asleep;         /* nghttp2 waits for bytes */
	bool end_packed, reset, peer_reset, closed, own, raw;
};

struct h2 {
	struct conn *c;
	nghttp2_session *session;
	struct stream *first;   /* all that are open, or whose end is not out yet */
	unsigned count;
	struct h2_lines lines;  /* of the head that is coming */
	struct stream *head_of; /* NULL: none that is kept */
	int32_t head_id, last_id, gap_from, gap_to; /* the newest gap: ids that were passed over */
	uint64_t head_from_us, idle_from_us, drain_by_us;
	uint64_t packed;        /* bytes that were ever put into c->out */
	struct h2_budget budget;
	bool over;              /* the session's last words are queued */
	bool final_goaway;
};

static inline uint64_t now_of(const struct h2 *h)
{
	return loop_now_us(h->c->srv->loop);
}

static inline void due_by(struct conn *c, uint64_t at_us)
{
	if (at_us < c->deadline.at_us)
		deadline_move(&c->srv->deadlines, &c->deadline, at_us);
}

/* h2_server.c */
void h2_end_session(struct h2 *h, uint32_t code); /* says why and ends */
/* h2_server_stream.c */
struct stream *h2_stream_open(struct h2 *h, int32_t id);
void h2_stream_gone(struct h2 *h, struct stream *s, enum http_end how); /* tells its end, frees it */
void h2_reset(struct h2 *h, struct stream *s, uint32_t code, enum http_end how);
bool h2_is_over(const struct stream *s); /* nothing can be said on it any more */

#endif
