/* SPDX-License-Identifier: Apache-2.0
 *
 * The two heads: the client's request head as the vendor shall see it, the vendor's head as the client shall.
 *
 * Towards the vendor everything passes but hop-by-hop headers, what the HTTP client writes itself (host, length),
 * x-runrate-*, and accept-encoding (a compressed answer could not be metered without touching it). A virtual key is
 * replaced by the upstream's own credential; it leaves in no form. Towards the client everything passes but
 * hop-by-hop headers, length, date (the server's own business) and any x-runrate-* of somebody else. Two
 * answers name an address to go on at, a resumable upload and an ended batch (results_url): below the upstream's own
 * address they are shown as this gateway's, the second only to a virtual key, which is worth nothing elsewhere.
 */
#include <stdio.h>

#include "base/intern.h"
#include "gate/gate.h"

#define NAME(literal) {(literal), sizeof(literal) - 1}
#define IS_ANY(name, list) is_any(name, list, sizeof(list) / sizeof *(list))
static bool is_any(struct str name, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_ieq(name, list[i]))
			return true;
	return false;
}

static bool goes_up(struct str name, bool virtual_key)
{
	static const struct str own[] = {NAME("host"), NAME("content-length"), NAME("accept-encoding"), NAME("expect")};
	static const struct str credentials[] = {NAME("authorization"), NAME("x-api-key"), NAME("x-goog-api-key"),
						 NAME("cookie")};
	if (header_is_hop(name) || IS_ANY(name, own))
		return false;
	if (name.n > 10 && str_ieq(str_sub(name, 0, 10), STR("x-runrate-")))
		return false;
	return !(virtual_key && IS_ANY(name, credentials));
}

/* The parts of a list but those with that beginning and empty ones, which is where a virtual key stood. p NULL: no
 * memory. */
static struct str list_without(struct request *r, struct str list, char separator, struct str beginning,
			       const char *glue)
{
	struct sb out;
	struct str kept;
	sb_init(&out, 2 * list.n + 1);
	while (list.p) {
		struct str one = str_trim(str_cut(&list, separator));
		if (str_starts(one, beginning) || !one.n)
			continue;
		sb_adds(&out, out.n ? glue : "");
		sb_add_str(&out, one);
	}
	kept = out.full ? str_make(NULL, 0) : arena_str(&r->arena, sb_str(&out));
	sb_fini(&out);
	return kept;
}

/* Path and query for the vendor. p NULL: no memory. */
static struct str target_of(struct request *r)
{
	struct str query = r->query;
	if (r->who.virtual_key && query.n) {
		query = list_without(r, query, '&', STR("key="), "&");
		if (!query.p)
			return query;
	}
	return query.n ? arena_printf(&r->arena, "%.*s?%.*s", STR_ARG(r->path), STR_ARG(query)) : r->path;
}

unsigned forward_headers(struct request *r, struct header *out)
{
	const struct head *h = stream_head(r->client);
	unsigned count = 0;
	for (unsigned i = 0; i < h->headers; i++)
		if (goes_up(h->header[i].name, r->who.virtual_key))
			out[count++] = h->header[i];
	if (r->who.virtual_key && r->up->credential.n)
		out[count++] = (struct header){str_of(r->up->credential_header), sb_str(&r->up->credential)};
	return count;
}

int forward_start(struct request *r)
{
	UNSET struct header headers[HTTP_HEADERS + 2];
	struct str body = r->edited.n ? sb_str(&r->edited) : sb_str(&r->body), target = target_of(r);
	unsigned count = forward_headers(r, headers);
	if (!target.p)
		return -RR_NOMEM;
	r->exchange = exchange_start(r->worker->pool, &r->up->origin, stream_head(r->client)->method, target, headers,
				     count, body, &answer_handler, r);
	return r->exchange ? 0 : -RR_NOMEM;
}

/* "https://VENDOR/upload/..." as "SCHEME://US/BASE/upload/..."; as it is where it is not below the upstream's. */
static struct str own_address(struct request *r, struct str url)
{
	const struct head *asked = r->client ? stream_head(r->client) : NULL;
	const struct origin *o = &r->up->origin;
	struct str vendor = arena_printf(&r->arena, "%s://%s%s/", o->scheme, o->authority, o->base_path);
	size_t base;
	if (!asked || !asked->host.n || !vendor.p || !str_starts(url, vendor) || asked->path.n < r->path.n)
		return url;
	base = asked->path.n - r->path.n; /* what chose the upstream */
	return arena_printf(&r->arena, "%s://%.*s%.*s/%.*s", r->worker->gate->tls ? "https" : "http",
			    STR_ARG(asked->host), STR_ARG(str_sub(asked->path, 0, base)),
			    STR_ARG(str_sub(url, vendor.n, url.n)));
}

/* A batch's results_url, at its place in the answer: `from` is up to where the answer is copied. */
static void show_own(struct request *r, struct json batch, const char **from, struct sb *out)
{
	struct json v = json_get(batch, "results_url");
	struct str url = json_raw_string(v), own = v.type == JSON_STRING ? own_address(r, url) : url;
	if (!own.p || own.p == url.p)
		return;
	sb_add(out, *from, (size_t)(url.p - *from));
	sb_add_str(out, own);
	*from = url.p + url.n;
}

void forward_own_addresses(struct request *r)
{
	struct json top, list, one;
	struct json_iter it;
	struct str unused;
	struct sb out;
	const char *from = r->answer.p;
	if (!r->who.virtual_key || !r->client || r->mode != ANSWER_WHOLE || r->coding ||
	    !str_starts(str_of(r->surface->name), STR("anthropic-batches")) ||
	    json_parse(sb_str(&r->answer), &top, NULL))
		return;
	sb_init(&out, ANSWER_MOST_BYTES);
	show_own(r, top, &from, &out);
	list = json_get(top, "data");
	if (list.type == JSON_ARRAY)
		for (json_open(&it, list); json_next(&it, &unused, &one);)
			show_own(r, one, &from, &out);
	if (from != r->answer.p)
		sb_add(&out, from, (size_t)(r->answer.p + r->answer.n - from));
	if (out.n && !out.full) { /* without memory the vendor's own addresses stay */
		struct sb theirs = r->answer;
		r->answer = out;
		out = theirs;
	}
	sb_fini(&out);
}

int forward_upgrade(struct request *r, const struct exchange_handler *handler)
{
	struct header headers[HTTP_HEADERS + 2];
	struct str target = target_of(r);
	unsigned count = forward_headers(r, headers), kept = 0;
	for (unsigned i = 0; i < count; i++) {
		struct header one = headers[i];
		if (str_ieq(one.name, STR("sec-websocket-extensions"))) /* compressed frames could not be read */
			continue;
		if (r->who.virtual_key && str_ieq(one.name, STR("sec-websocket-protocol"))) { /* a browser's key */
			one.value = list_without(r, one.value, ',', STR("openai-insecure-api-key."), ", ");
			if (!one.value.p)
				return -RR_NOMEM;
		}
		if (one.value.n)
			headers[kept++] = one;
	}
	r->exchange = target.p ? exchange_upgrade(r->worker->pool, &r->up->origin, target, "websocket", headers, kept,
						  handler, r)
			       : NULL;
	return r->exchange ? 0 : -RR_NOMEM;
}

int forward_switch(struct request *r, const struct head *h)
{
	struct header headers[HTTP_HEADERS + 1];
	char id[CALL_ID_TEXT];
	unsigned count = 0;
	for (unsigned i = 0; i < h->headers; i++)
		if (!header_is_hop(h->header[i].name) && !str_ieq(h->header[i].name, STR("x-runrate-id")))
			headers[count++] = h->header[i];
	headers[count++] = (struct header){STR("x-runrate-id"), str_of(call_id_text(r->call.id, id))};
	atomic_fetch_add_explicit(&r->worker->stats.status_class[1], 1, memory_order_relaxed);
	return stream_upgrade(r->client, "websocket", headers, count);
}

int forward_keep_head(struct request *r, const struct head *h)
{
	static const struct str own[] = {NAME("content-length"), NAME("date"), NAME("x-runrate-id"),
					 NAME("x-runrate-model"), NAME("x-runrate-cost")};
	sb_clear(&r->head_text);
	r->head_count = 0;
	r->status = h->status;
	for (unsigned i = 0; i < h->headers; i++) {
		const struct header *one = &h->header[i];
		if (header_is_hop(one->name) || IS_ANY(one->name, own))
			continue;
		if (str_ieq(one->name, STR("content-encoding"))) /* several of them were laid upon one another */
			r->coding = r->coding ? CODING_OTHER : coding_parse(one->value);
		if (str_ieq(one->name, STR("x-request-id")) || str_ieq(one->name, STR("request-id")))
			str_copy(r->vendor_request_id, sizeof r->vendor_request_id, one->value);
		sb_add_str(&r->head_text, one->name);
		sb_addc(&r->head_text, 0);
		sb_add_str(&r->head_text,
			   str_ieq(one->name, STR("x-goog-upload-url")) ? own_address(r, one->value) : one->value);
		sb_addc(&r->head_text, 0);
		r->head_count++;
	}
	return r->head_text.full ? -RR_NOMEM : 0;
}

int forward_respond(struct request *r, int64_t content_length)
{
	UNSET struct header headers[HTTP_HEADERS + 8];
	char id[CALL_ID_TEXT], cost[MONEY_TEXT], clamped[24];
	const char *at = r->head_text.p;
	unsigned count = 0;
	int rc;
	if (r->mode == ANSWER_OWN) {
		headers[count++] = (struct header){STR("content-type"), str_of(r->type)};
		if (r->retry_after[0])
			headers[count++] = (struct header){STR("retry-after"), str_of(r->retry_after)};
		if (r->no_retry)
			headers[count++] = (struct header){STR("x-should-retry"), STR("false")};
	} else {
		for (unsigned i = 0; i < r->head_count; i++) {
			headers[count].name = str_of(at);
			at += headers[count].name.n + 1;
			headers[count].value = str_of(at);
			at += headers[count].value.n + 1;
			count++;
		}
	}
	if (r->call.id.hi)
		headers[count++] = (struct header){STR("x-runrate-id"), str_of(call_id_text(r->call.id, id))};
	if (r->settled && r->call.model_answered)
		headers[count++] = (struct header){STR("x-runrate-model"), intern_str(r->call.model_answered)};
	if (r->settled && !r->pass_only && r->call.price_status == PRICE_PRICED)
		headers[count++] = (struct header){STR("x-runrate-cost"), str_of(money_text(r->call.cost_pico, cost))};
	if (r->status == 426 && r->mode == ANSWER_OWN)
		headers[count++] = (struct header){STR("sec-websocket-version"), STR("13")};
	if (r->unrecorded)
		headers[count++] = (struct header){STR("x-runrate-unrecorded"), STR("disk-full")};
	if (r->warning[0])
		headers[count++] = (struct header){STR("x-runrate-soft-cap"), str_of(r->warning)};
	if (r->clamped) {
		snprintf(clamped, sizeof clamped, "%llu", (unsigned long long)r->features.max_output_tok);
		headers[count++] = (struct header){STR("x-runrate-clamped"), str_of(clamped)};
	}
	atomic_fetch_add_explicit(&r->worker->stats.status_class[r->status / 100 < 6 ? r->status / 100 : 0], 1,
				  memory_order_relaxed);
	rc = stream_respond(r->client, r->status, headers, count, content_length);
	if (rc) /* without its head there is no answer */
		stream_abort(r->client);
	return rc;
}
