/* SPDX-License-Identifier: Apache-2.0
 *
 * See fetch.h. The loop is turned by whoever waits.
 */
#include "net/fetch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"

enum { IDLE_LINKS = 2, ROUND_US = 1000000, HEAD_BYTES = 256 * 1024 };

struct fetcher {
	struct loop *loop;
	struct pool *pool;
	atomic_bool stop;
	struct exchange *exchange; /* under way */
	struct fetch_answer *answer;
	bool done, too_large;
	char fault[256];
};

int fetch_url_parse(struct fetch_url *u, struct str url, struct err *e)
{
	size_t scheme = str_icontains(url, STR("://")) ? str_chr(url, ':') + 3 : 0, at = scheme;
	struct str target;
	int rc;
	while (at < url.n && url.p[at] != '/' && url.p[at] != '?')
		at++;
	target = str_sub(url, at, url.n);
	rc = origin_parse(&u->origin, str_sub(url, 0, at), e);
	if (rc)
		return rc;
	for (size_t i = 0; i < target.n; i++)
		if (target.p[i] <= 0x20 || target.p[i] >= 0x7F || target.p[i] == '#')
			return err_set(e, RR_CONFIG, "an address has no blank and no fragment behind its host");
	if (target.n + 2 > sizeof u->target)
		return err_set(e, RR_CONFIG, "an address is longer than %d bytes", FETCH_TARGET_BYTES);
	u->target[0] = '/';
	str_copy(u->target + (target.n && target.p[0] == '/' ? 0 : 1), sizeof u->target - 1, target);
	return 0;
}

static void on_head(struct exchange *x, const struct head *h)
{
	struct fetcher *f = exchange_user(x);
	f->answer->status = h->status;
	for (unsigned i = 0; i < h->headers; i++) {
		sb_add_str(&f->answer->head, h->header[i].name);
		sb_addc(&f->answer->head, 0);
		sb_add_str(&f->answer->head, h->header[i].value);
		sb_addc(&f->answer->head, 0);
	}
}

static void on_body(struct exchange *x, struct str bytes)
{
	struct fetcher *f = exchange_user(x);
	sb_add_str(&f->answer->body, bytes);
	if (f->answer->body.full && !f->too_large) {
		f->too_large = true;
		exchange_abort(x);
	}
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct fetcher *f = exchange_user(x);
	const char *fault = exchange_fault(x);
	f->answer->end = how;
	f->exchange = NULL;
	f->done = true;
	str_copy(f->fault, sizeof f->fault, str_of(fault && *fault ? fault : http_end_words(how)));
}

static const struct exchange_handler handler = {on_head, on_body, on_done};

struct fetcher *fetcher_new(struct err *e)
{
	struct fetcher *f = calloc(1, sizeof *f);
	if (!f) {
		err_set(e, RR_NOMEM, "no memory to fetch with");
		return NULL;
	}
	f->loop = loop_new(&clock_system, e);
	f->pool = f->loop ? pool_new(f->loop, IDLE_LINKS, e) : NULL;
	if (!f->pool) {
		fetcher_free(f);
		return NULL;
	}
	return f;
}

void fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	if (f->pool)
		pool_free(f->pool);
	if (f->loop)
		loop_free(f->loop);
	free(f);
	buf_thread_free();
}

static void cut(void *arg)
{
	struct fetcher *f = arg;
	if (f->exchange)
		exchange_abort(f->exchange);
}

void fetcher_stop(struct fetcher *f)
{
	atomic_store(&f->stop, true);
	loop_post(f->loop, cut, f); /* without memory for it the fetch ends at its own time */
}

void fetch_answer_init(struct fetch_answer *a)
{
	memset(a, 0, sizeof *a);
	sb_init(&a->head, HEAD_BYTES);
	sb_init(&a->body, FETCH_ANSWER_BYTES);
}

void fetch_answer_fini(struct fetch_answer *a)
{
	sb_fini(&a->head);
	sb_fini(&a->body);
}

static int fault(const struct fetcher *f, const struct fetch_ask *ask, struct err *e)
{
	if (f->too_large)
		return err_set(e, RR_LIMIT, "the answer of %s is over %zu bytes", ask->origin->authority,
			       f->answer->body.limit);
	return err_set(e, f->answer->end == END_TLS ? RR_TLS : RR_NET, "%s: %s", ask->origin->authority, f->fault);
}

int fetch(struct fetcher *f, const struct fetch_ask *ask, struct fetch_answer *a, struct err *e)
{
	uint64_t us = ask->timeout_us ? ask->timeout_us : (uint64_t)FETCH_SECONDS * 1000000;
	struct http_limits limits = http_limits_default;
	struct origin origin = *ask->origin;
	limits.connect_us = us < limits.connect_us ? us : limits.connect_us;
	limits.first_byte_us = limits.stream_idle_us = limits.total_us = us;
	origin.limits = &limits;
	sb_clear(&a->head);
	sb_clear(&a->body);
	a->body.limit = ask->most_bytes ? ask->most_bytes : FETCH_ANSWER_BYTES;
	a->status = 0;
	a->end = END_ABORTED;
	f->answer = a;
	f->done = f->too_large = false;
	str_copy(f->fault, sizeof f->fault, str_of(http_end_words(END_ABORTED)));
	if (atomic_load(&f->stop))
		return fault(f, ask, e);
	loop_once(f->loop, 0); /* the loop's time is that of its last round; idle links that ended go */
	f->exchange = exchange_start(f->pool, &origin, ask->method, ask->target, ask->headers, ask->count, ask->body,
				     &handler, f);
	if (!f->exchange)
		return err_set(e, RR_NOMEM, "no memory to ask %s", origin.authority);
	while (!f->done) {
		if (atomic_load(&f->stop))
			cut(f);
		loop_once(f->loop, ROUND_US);
	}
	return a->end == END_OK && !f->too_large ? 0 : fault(f, ask, e);
}

struct str fetch_header(const struct fetch_answer *a, const char *name)
{
	struct str rest = sb_str(&a->head); /* name NUL value NUL ... */
	while (rest.n) {
		struct str n = str_cut(&rest, 0), v = str_cut(&rest, 0);
		if (str_ieq(n, str_of(name)))
			return v;
	}
	return str_make(NULL, 0);
}

int64_t fetch_retry_after_us(const struct fetch_answer *a, int64_t now_us)
{
	enum { DAY_S = 86400 };
	struct str v = str_trim(fetch_header(a, "retry-after"));
	char text[64];
	struct tm tm = {0};
	uint64_t s;
	int64_t at;
	if (!v.n)
		return -1;
	if (!str_u64(v, &s))
		return (int64_t)(s < DAY_S ? s : DAY_S) * US_PER_S;
	if (!strptime(str_copy(text, sizeof text, v), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		return -1;
	at = (int64_t)timegm(&tm) * US_PER_S - now_us;
	return at < 0 ? 0 : at < DAY_S * US_PER_S ? at : DAY_S * US_PER_S;
}
