/* SPDX-License-Identifier: Apache-2.0
 *
 * See h2_common.h.
 */
#include "net/h2_common.h"

void h2_budget_init(struct h2_budget *b, uint64_t now_us)
{
	b->at_us = now_us;
	b->resets = H2_RESETS_MOST;
	b->control = H2_CONTROL_MOST;
}

static int32_t refilled(int32_t have, uint64_t seconds, int32_t rate, int32_t most)
{
	if (have >= most)
		return have;
	return seconds * (uint64_t)rate >= (uint64_t)(most - have) ? most : have + (int32_t)seconds * rate;
}

static void refill(struct h2_budget *b, uint64_t now_us)
{
	uint64_t seconds = (now_us - b->at_us) / 1000000;
	if (!seconds)
		return;
	b->at_us += seconds * 1000000;
	b->resets = refilled(b->resets, seconds, H2_RESETS_A_SECOND, H2_RESETS_MOST);
	b->control = refilled(b->control, seconds, H2_CONTROL_A_SECOND, H2_CONTROL_MOST);
}

bool h2_budget_reset(struct h2_budget *b, uint64_t now_us)
{
	refill(b, now_us);
	return --b->resets >= 0;
}

bool h2_budget_frame(struct h2_budget *b, uint64_t now_us, const nghttp2_frame_hd *hd)
{
	switch (hd->type) {
	case NGHTTP2_DATA:
		if (hd->length || hd->flags & NGHTTP2_FLAG_END_STREAM) {
			h2_budget_earn(b);
			return true;
		}
		break; /* nothing, and not the end either */
	case NGHTTP2_HEADERS: /* what they open is limited, and each refusal of one is counted as a reset */
	case NGHTTP2_RST_STREAM: /* counted as such */
		return true;
	default:
		break;
	}
	refill(b, now_us);
	return --b->control >= 0;
}

void h2_lines_begin(struct h2_lines *h, const struct http_limits *l)
{
	h2_lines_fini(h);
	memset(h, 0, sizeof *h);
	/* The strict parser has the last word on lengths; this is what is kept for it to see that. */
	sb_init(&h->text, 2 * l->head_bytes);
	sb_init(&h->pseudo, 2 * l->head_bytes);
	sb_init(&h->cookie, l->head_bytes);
}

void h2_lines_fini(struct h2_lines *h)
{
	sb_fini(&h->text);
	sb_fini(&h->pseudo);
	sb_fini(&h->cookie);
}

static void keep_part(struct h2_lines *h, enum h2_part which, struct str value)
{
	if (h->part[which].n)
		h->bad = true;
	h->part[which].at = (uint32_t)h->pseudo.n;
	h->part[which].n = (uint32_t)value.n;
	sb_add_str(&h->pseudo, value);
}

static struct str part(const struct h2_lines *h, enum h2_part which)
{
	return h->part[which].n ? str_make(h->pseudo.p + h->part[which].at, h->part[which].n) : str_make(NULL, 0);
}

int h2_lines_add(struct h2_lines *h, struct str name, struct str value, const struct http_limits *l)
{
	(void)l;
	if (h->over)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* no more work for it */
	if (name.n && name.p[0] == ':') {
		if (str_eq(name, STR(":method")))
			keep_part(h, H2_METHOD, value);
		else if (str_eq(name, STR(":path")))
			keep_part(h, H2_PATH, value);
		else if (str_eq(name, STR(":authority")))
			keep_part(h, H2_AUTHORITY, value);
		else if (str_eq(name, STR(":status")))
			keep_part(h, H2_STATUS, value);
		else if (!str_eq(name, STR(":scheme")) || (!str_eq(value, STR("http")) && !str_eq(value, STR("https"))))
			h->bad = true;
	} else if (str_eq(name, STR("host")) && h->part[H2_AUTHORITY].n && str_ieq(value, part(h, H2_AUTHORITY))) {
		/* says the same again (RFC 9113 8.3.1) */
	} else if (str_eq(name, STR("cookie"))) {
		if (h->cookie.n)
			sb_add(&h->cookie, "; ", 2);
		sb_add_str(&h->cookie, value);
		h->bad |= !h1_header_ok(name, value);
	} else {
		h->bad |= h1_write_header(&h->text, name, value) != 0;
	}
	h->over = h->text.full || h->pseudo.full || h->cookie.full;
	return 0;
}

static int read_back(long used, size_t n)
{
	if (used < 0)
		return (int)used;
	return (size_t)used == n ? 0 : -RR_SYNTAX;
}

int h2_lines_request(struct h2_lines *h, struct arena *a, struct head *head, const struct http_limits *l,
		     const char **fault)
{
	struct str method = part(h, H2_METHOD), path = part(h, H2_PATH), host = part(h, H2_AUTHORITY);
	size_t n = method.n + path.n + host.n + h->text.n + h->cookie.n + 64;
	struct sb out = {0};
	char *to;
	int rc;
	*fault = "the head is too long";
	if (h->over)
		return -RR_LIMIT;
	*fault = "a head that HTTP does not allow";
	if (h->bad || !method.n || !path.n || (path.p[0] != '/' && !str_eq(path, STR("*"))))
		return -RR_SYNTAX;
	sb_init(&out, n);
	sb_add_str(&out, method);
	sb_addc(&out, ' ');
	sb_add_str(&out, path);
	sb_adds(&out, " HTTP/1.1\r\n");
	if (host.n && h1_write_header(&out, STR("host"), host)) {
		sb_fini(&out);
		return -RR_SYNTAX;
	}
	sb_add_str(&out, sb_str(&h->text));
	if (h->cookie.n)
		h1_write_header(&out, STR("cookie"), sb_str(&h->cookie));
	sb_add(&out, "\r\n", 2);
	to = out.full ? NULL : arena_alloc(a, out.n);
	if (!to) {
		sb_fini(&out);
		return -RR_NOMEM;
	}
	memcpy(to, out.p, out.n);
	n = out.n;
	sb_fini(&out);
	rc = read_back(h1_parse_request(head, to, n, l, fault), n);
	head->minor = 2;
	head->keep_alive = true;
	return rc;
}

int h2_lines_response(struct h2_lines *h, struct sb *out, struct head *head, const struct http_limits *l,
		      const char **fault)
{
	struct str status = part(h, H2_STATUS);
	int rc;
	*fault = "the head is too long";
	if (h->over)
		return -RR_LIMIT;
	*fault = "a head that HTTP does not allow";
	if (h->bad || status.n != 3)
		return -RR_SYNTAX;
	sb_clear(out);
	sb_adds(out, "HTTP/1.1 ");
	sb_add_str(out, status);
	sb_adds(out, " \r\n");
	sb_add_str(out, sb_str(&h->text));
	if (h->cookie.n)
		h1_write_header(out, STR("cookie"), sb_str(&h->cookie));
	sb_add(out, "\r\n", 2);
	if (out->full)
		return -RR_LIMIT;
	rc = read_back(h1_parse_response(head, out->p, out->n, l, fault), out->n);
	head->minor = 2;
	head->keep_alive = true;
	return rc;
}

nghttp2_option *h2_options(void)
{
	nghttp2_option *o;
	if (nghttp2_option_new(&o))
		return NULL;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_max_settings(o, H2_SETTINGS_ENTRIES);
	nghttp2_option_set_max_outbound_ack(o, H2_ACKS_WAITING);
	nghttp2_option_set_peer_max_concurrent_streams(o, H2_STREAMS);
	return o;
}

bool h2_is_preface(const char *p, size_t n)
{
	return n && !memcmp(p, NGHTTP2_CLIENT_MAGIC, n < H2_PREFACE_BYTES ? n : H2_PREFACE_BYTES);
}
