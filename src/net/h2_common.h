/* SPDX-License-Identifier: Apache-2.0
 *
 * What both sides of HTTP/2 share. Frames, HPACK and the state machine are nghttp2's; ours is what it means.
 *
 * 1. A head is what it would be in HTTP/1.1, or it is refused: its fields are written out as lines and read by
 *    the strict parser of h1.h, so that one set of rules and limits decides on both protocols, and whatever
 *    came by HTTP/2 can be sent on by HTTP/1.1 without a second reading of it. What HTTP/2 forbids beyond that
 *    (capital letters, connection fields, pseudo-fields out of place, a body unlike its length) nghttp2 refuses.
 * 2. What costs a peer little and us something is counted (struct h2_budget): resets, PING, SETTINGS, PRIORITY,
 *    empty frames. Useful frames earn some of it back. Who overdraws is told ENHANCE_YOUR_CALM and cut off.
 */
#ifndef RR_NET_H2_COMMON_H
#define RR_NET_H2_COMMON_H

#include <sys/types.h>

#include <nghttp2/nghttp2.h>

#include "base/arena.h"
#include "net/h1.h"

enum {
	H2_STREAMS = 128,                /* at a time on one connection, on both sides */
	H2_STREAM_WINDOW = 128 * 1024,   /* what a paused stream may have to hold */
	H2_LINK_WINDOW = 1024 * 1024,    /* given back at once, so that no stream stops the others */
	H2_PACK_BYTES = 64 * 1024,       /* packed ahead of the kernel */
	H2_PREFACE_BYTES = 24,
	/* The numbers are nghttp2's own for resets (1.57, after CVE-2023-44487). */
	H2_RESETS_MOST = 1000, H2_RESETS_A_SECOND = 33,
	H2_CONTROL_MOST = 5000, H2_CONTROL_A_SECOND = 500,
	H2_CONTROL_EARNED = 3,           /* by each useful frame */
	H2_SETTINGS_ENTRIES = 32,
	H2_ACKS_WAITING = 1000,
};

struct h2_budget {
	uint64_t at_us;
	int32_t resets, control;
};
void h2_budget_init(struct h2_budget *b, uint64_t now_us);
/* false: overdrawn. */
bool h2_budget_reset(struct h2_budget *b, uint64_t now_us);
bool h2_budget_frame(struct h2_budget *b, uint64_t now_us, const nghttp2_frame_hd *hd);
static inline void h2_budget_earn(struct h2_budget *b)
{
	if (b->control < H2_CONTROL_MOST)
		b->control += H2_CONTROL_EARNED;
}

/* A head while it comes. Empty ones own no memory. */
struct h2_lines {
	struct sb text;    /* "name: value" lines */
	struct sb pseudo;  /* method, path, authority, status: their bytes */
	struct sb cookie;  /* crumbs, joined (RFC 9113 8.2.3) */
	struct {
		uint32_t at, n;
	} part[4];
	bool over;         /* more than the limits allow: the rest was not kept */
	bool bad;
};
enum h2_part { H2_METHOD, H2_PATH, H2_AUTHORITY, H2_STATUS };
void h2_lines_begin(struct h2_lines *h, const struct http_limits *l);
void h2_lines_fini(struct h2_lines *h);
/* 0, or NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE when it is far over the limits. */
int h2_lines_add(struct h2_lines *h, struct str name, struct str value, const struct http_limits *l);
/* The whole head as HTTP/1.1 text (in the arena, or in out), parsed. 0, -RR_SYNTAX, -RR_LIMIT, -RR_NOMEM. */
int h2_lines_request(struct h2_lines *h, struct arena *a, struct head *head, const struct http_limits *l,
		     const char **fault);
int h2_lines_response(struct h2_lines *h, struct sb *out, struct head *head, const struct http_limits *l,
		      const char **fault);

/* For nghttp2: a name and a value that are copied by it. */
static inline nghttp2_nv h2_nv(struct str name, struct str value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n, value.n,
			    NGHTTP2_NV_FLAG_NONE};
}
/* Options that both sides set. NULL: no memory. */
nghttp2_option *h2_options(void);
bool h2_is_preface(const char *p, size_t n); /* so far: n may be short of H2_PREFACE_BYTES */

#endif
