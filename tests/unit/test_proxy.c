/* SPDX-License-Identifier: Apache-2.0
 *
 * Client, server, pool and server in a row, as a gateway has them: many at once, slow readers, and ten
 * thousand random ends from all sides, after which nothing may be left over.
 */
#include <dirent.h>

#include "base/buf.h"
#include "base/rng.h"
#include "net_help.h"

static struct http_limits limits;
static struct server *front, *back;
static struct pool *pool;
static struct origin origin;
static struct rng chance;
static bool wild; /* ends of every kind, at random */

static struct {
	unsigned front_requests, front_closed, back_requests, back_closed, back_paused, started, done, ends[ENDS];
	size_t front_queued, back_sent, largest_body;
} tally;

/* ---- the upstream: answers with the request's body, ?n bytes more, and a wild temper */

struct answer {
	struct buf body;
	size_t more;
	bool paused;
};

static void back_request(void *app, struct stream *s)
{
	struct answer *a = calloc(1, sizeof *a);
	(void)app;
	tally.back_requests++;
	buf_init(&a->body, 64 << 20);
	a->more = (size_t)strtoull(stream_head(s)->query.n ? stream_head(s)->query.p : "0", NULL, 10);
	stream_set_user(s, a);
	if (wild && rng_below(&chance, 20) == 0)
		stream_abort(s);
	else if (wild && rng_below(&chance, 20) == 0) {
		stream_respond(s, 429, NULL, 0, 4);
		stream_send(s, STR("busy"));
		stream_end(s);
	} else if (wild && rng_below(&chance, 20) == 0) {
		stream_pause(s);
		a->paused = true;
		tally.back_paused++; /* such a one may not notice that its client has left */
	}
}

static void back_body(struct stream *s, struct str bytes)
{
	struct answer *a = stream_user(s);
	T_EQ_I(buf_add(&a->body, bytes.p, bytes.n), 0);
	if (wild && rng_below(&chance, 50) == 0)
		stream_abort(s);
}

static void back_feed(struct stream *s)
{
	static char block[8192];
	struct answer *a = stream_user(s);
	while (a->more) {
		size_t n = a->more < sizeof block ? a->more : sizeof block;
		long queued = stream_send(s, str_make(block, n));
		if (queued < 0)
			return;
		a->more -= n;
		tally.back_sent += n;
		if (wild && rng_below(&chance, 30) == 0) {
			stream_abort(s);
			return;
		}
		if ((size_t)queued > limits.out_bytes)
			return;
	}
	stream_end(s);
}

static void back_body_end(struct stream *s)
{
	struct answer *a = stream_user(s);
	struct str body = buf_flat(&a->body);
	bool chunked = body.n % 2;
	if (wild && rng_below(&chance, 25) == 0)
		return; /* never answers */
	stream_respond(s, 200, NULL, 0, chunked ? -1 : (int64_t)(body.n + a->more));
	stream_send(s, body);
	back_feed(s);
}

static void back_closed(struct stream *s, enum http_end how)
{
	struct answer *a = stream_user(s);
	(void)how;
	tally.back_closed++;
	tally.back_paused -= a->paused;
	buf_fini(&a->body);
	free(a);
}

static const struct server_handler back_calls = {back_request, back_body, back_body_end, back_feed, back_closed, NULL};

/* ---- the proxy */

struct pass {
	struct stream *s;
	struct exchange *x;
	struct buf body;
};

static void pass_free(struct pass *t)
{
	buf_fini(&t->body);
	free(t);
}

static void on_head(struct exchange *x, const struct head *h)
{
	struct pass *t = exchange_user(x);
	if (!t->s)
		return;
	T_EQ_I(stream_respond(t->s, h->status, h->header, h->headers, h->content_length) < 0, 0);
	if (wild && rng_below(&chance, 100) == 0)
		exchange_abort(x);
}

static void on_answer(struct exchange *x, struct str bytes)
{
	struct pass *t = exchange_user(x);
	long queued;
	if (!t->s)
		return; /* drained, as for metering */
	queued = stream_send(t->s, bytes);
	if (queued < 0) {
		exchange_abort(x);
		return;
	}
	tally.front_queued = (size_t)queued > tally.front_queued ? (size_t)queued : tally.front_queued;
	if ((size_t)queued > limits.out_bytes)
		exchange_pause(x);
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct pass *t = exchange_user(x);
	tally.done++;
	tally.ends[how]++;
	t->x = NULL;
	if (!t->s) {
		pass_free(t);
	} else if (how == END_OK) {
		stream_end(t->s);
	} else if (!stream_responded(t->s)) {
		stream_respond(t->s, 502, NULL, 0, 0);
		stream_end(t->s);
	} else {
		stream_abort(t->s);
	}
}

static const struct exchange_handler passes = {on_head, on_answer, on_done};

static void front_request(void *app, struct stream *s)
{
	struct pass *t = calloc(1, sizeof *t);
	(void)app;
	tally.front_requests++;
	t->s = s;
	buf_init(&t->body, 64 << 20);
	stream_set_user(s, t);
	if (wild && rng_below(&chance, 40) == 0)
		stream_abort(s);
}

static void front_body(struct stream *s, struct str bytes)
{
	T_EQ_I(buf_add(&((struct pass *)stream_user(s))->body, bytes.p, bytes.n), 0);
}

static void front_body_end(struct stream *s)
{
	struct pass *t = stream_user(s);
	const struct head *h = stream_head(s);
	struct str body = buf_flat(&t->body);
	tally.largest_body = body.n > tally.largest_body ? body.n : tally.largest_body;
	t->x = exchange_start(pool, &origin, h->method, h->target, h->header, h->headers, body, &passes, t);
	tally.started += t->x != NULL;
	T_TRUE(t->x != NULL);
	if (wild && t->x && rng_below(&chance, 50) == 0)
		exchange_abort(t->x);
}

static void front_drained(struct stream *s)
{
	struct pass *t = stream_user(s);
	if (t->x)
		exchange_resume(t->x);
}

static void front_closed(struct stream *s, enum http_end how)
{
	struct pass *t = stream_user(s);
	(void)how;
	tally.front_closed++;
	t->s = NULL;
	if (!t->x) {
		pass_free(t);
		return;
	}
	exchange_resume(t->x);
	if (wild && rng_below(&chance, 2)) /* else it is drained to its end, for a while */
		exchange_limit_us(t->x, 20000);
	else
		exchange_abort(t->x);
}

static const struct server_handler front_calls = {front_request, front_body, front_body_end, front_drained,
	front_closed, NULL};

static void open_all(void)
{
	struct server_config c = {.listen = "127.0.0.1:0", .limits = &limits, .handler = &back_calls};
	char url[64];
	struct err e;
	memset(&tally, 0, sizeof tally);
	limits = http_limits_default;
	rng_seed(&chance, 11);
	loop = loop_new(&clock_system, &e);
	pool = pool_new(loop, 64, &e);
	back = server_open(loop, &c, &e);
	c.handler = &front_calls;
	front = server_open(loop, &c, &e);
	if (!front || !back || !pool)
		abort();
	snprintf(url, sizeof url, "http://%s", server_address(back));
	T_EQ_I(origin_parse(&origin, str_of(url), &e), 0);
	origin.limits = &limits;
}

static void close_all(void)
{
	server_close(front);
	pool_free(pool);
	server_close(back);
	buf_thread_free();
	loop_free(loop);
	T_EQ_I(tally.front_requests, tally.front_closed);
	T_EQ_I(tally.back_requests, tally.back_closed);
	T_EQ_I(tally.started, tally.done);
}

static unsigned descriptors(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* ---- */

static void fill(char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)('A' + (i * 7 + seed * 13 + i / 251) % 26);
}

/* The body of an answer in g, chunked or by length. The number of bytes, or -1 when it is not whole. */
static long unframe(struct got *g, char *out)
{
	char *p = strstr(g->p, "\r\n\r\n"), *length = strstr(g->p, "content-length: ");
	size_t n = 0;
	if (!p)
		return -1;
	p += 4;
	if (length && length < p) {
		n = (size_t)strtoull(length + 16, NULL, 10);
		if (g->n - (size_t)(p - g->p) != n)
			return -1;
		memcpy(out, p, n);
		return (long)n;
	}
	for (;;) {
		char *end;
		size_t k = strtoull(p, &end, 16);
		if (end == p || memcmp(end, "\r\n", 2))
			return -1;
		p = end + 2;
		if (!k)
			return p + 2 == g->p + g->n ? (long)n : -1;
		if ((size_t)(g->p + g->n - p) < k + 2)
			return -1;
		memcpy(out + n, p, k);
		n += k;
		p += k + 2;
	}
}

TEST(bodies_from_nothing_to_a_megabyte_by_length_and_in_chunks)
{
	static const size_t sizes[] = {0, 1, 2, 255, 4095, 4096, 16383, 16384, 16385, 65535, 65536, 65537, 200001,
		1 << 20};
	static char body[(1 << 20) + 8], m[(1 << 20) + 200000], back_again[2 << 20];
	unsigned asked = 0;
	int fd;
	struct pool_stats st;
	open_all();
	fd = raw_connect(server_port(front));
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int chunked = 0; chunked < 2; chunked++) {
			struct got g = {0};
			size_t n = sizes[i], at = 0;
			long got = -1;
			fill(body, n, i);
			if (chunked) {
				at = (size_t)sprintf(m,
					"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
				for (size_t from = 0; from < n;) {
					size_t k = 1 + rng_below(&chance, 30000);
					k = n - from < k ? n - from : k;
					at += (size_t)sprintf(m + at, "%zx\r\n", k);
					memcpy(m + at, body + from, k);
					memcpy(m + at + k, "\r\n", 2);
					at += k + 2;
					from += k;
				}
				at += (size_t)sprintf(m + at, "0\r\n\r\n");
			} else {
				at = (size_t)sprintf(m, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", n);
				memcpy(m + at, body, n);
				at += n;
			}
			raw_send(fd, m, at);
			asked++;
			for (int idle = 0; idle < 2000 && got < 0; idle++) {
				if (raw_read(fd, &g))
					idle = 0;
				loop_once(loop, idle < 3 ? 0 : 1000);
				got = g.n ? unframe(&g, back_again) : -1;
			}
			T_EQ_I(got, n);
			T_TRUE(got == (long)n && !memcmp(back_again, body, n));
			got_free(&g);
		}
	pool_stats(pool, &st);
	T_EQ_I(st.opened, 1);
	T_EQ_I(st.reused, asked - 1);
	T_EQ_I(tally.ends[END_OK], asked);
	close(fd);
	spin(5);
	close_all();
}

TEST(two_hundred_at_once)
{
	enum { CLIENTS = 200, ROUNDS = 20 };
	static struct {
		int fd;
		unsigned rounds;
		struct got g;
		char body[3000];
	} c[CLIENTS];
	static char out[65536];
	struct pool_stats st;
	unsigned finished = 0;
	open_all();
	memset(c, 0, sizeof c);
	for (unsigned i = 0; i < CLIENTS; i++) {
		c[i].fd = raw_connect(server_port(front));
		c[i].rounds = ROUNDS;
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		c[i].g.end = true; /* ready to ask */
	for (int turn = 0; turn < 200000 && finished < CLIENTS; turn++) {
		for (unsigned i = 0; i < CLIENTS; i++) {
			size_t n = 100 + i * 13 % 2900;
			char m[4096];
			if (c[i].fd < 0)
				continue;
			if (c[i].g.end) {
				int k;
				if (!c[i].rounds--) {
					close(c[i].fd);
					c[i].fd = -1;
					finished++;
					got_free(&c[i].g);
					continue;
				}
				got_free(&c[i].g);
				fill(c[i].body, n, i + c[i].rounds);
				k = sprintf(m, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", n);
				memcpy(m + k, c[i].body, n);
				T_EQ_I(send(c[i].fd, m, (size_t)k + n, MSG_NOSIGNAL), (size_t)k + n);
			} else if (raw_read(c[i].fd, &c[i].g) && unframe(&c[i].g, out) == (long)n) {
				T_TRUE(!memcmp(out, c[i].body, n)); /* its own, nobody else's */
				c[i].g.end = true;
			} else {
				T_TRUE(!c[i].g.end);
			}
		}
		loop_once(loop, 0);
	}
	T_EQ_I(finished, CLIENTS);
	T_EQ_I(tally.ends[END_OK], CLIENTS * ROUNDS);
	pool_stats(pool, &st);
	T_TRUE(st.opened <= CLIENTS * ROUNDS && st.idle <= 64 && st.reused > 0);
	spin(10);
	T_EQ_I(server_connections(front), 0);
	close_all();
}

TEST(a_slow_reader_holds_the_upstream_back)
{
	struct got g = {0};
	size_t all = 60u << 20, at_rest;
	char m[128];
	int fd;
	open_all();
	limits.out_bytes = 64 * 1024;
	fd = raw_connect(server_port(front));
	sprintf(m, "GET /?%zu HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", all);
	raw_say(fd, m);
	/* the kernel moves bytes from buffer to buffer at its own pace, and makes them larger meanwhile */
	at_rest = tally.back_sent;
	for (int i = 0, still = 0; i < 60000 && still < 4000; i++) {
		loop_once(loop, 100);
		still = tally.back_sent == at_rest ? still + 1 : 0;
		at_rest = tally.back_sent;
	}
	for (int i = 0; i < 300; i++)
		loop_once(loop, 100);
	T_EQ_I(tally.back_sent, at_rest); /* it stands still */
	T_TRUE(at_rest < 30u << 20);      /* what two pairs of socket buffers and two queues hold */
	T_TRUE(tally.front_queued <= limits.out_bytes + LOOP_SCRATCH_BYTES);
	for (int idle = 0; idle < 3000 && !g.end; idle++) {
		size_t before = g.n;
		raw_read(fd, &g);
		if (g.n > before)
			idle = 0;
		loop_once(loop, 0);
	}
	T_TRUE(g.n >= all);
	T_TRUE(tally.front_queued <= limits.out_bytes + LOOP_SCRATCH_BYTES);
	T_EQ_I(tally.ends[END_OK], 1);
	close(fd);
	got_free(&g);
	spin(5);
	close_all();
}

/* A request, whole, broken or cut; how it was cut is up to chance. */
static size_t wild_request(char *m)
{
	size_t n = rng_below(&chance, 3) ? rng_below(&chance, 2000) : rng_below(&chance, 150000);
	size_t more = rng_below(&chance, 3) ? 0 : rng_below(&chance, 400000);
	size_t at = (size_t)sprintf(m, "POST /?%zu HTTP/1.1\r\nHost: a\r\n%s", more, rng_below(&chance, 8) ? ""
		: "Connection: close\r\n");
	if (rng_below(&chance, 40) == 0)
		at += (size_t)sprintf(m + at, "Bad Header: x\r\n");
	if (rng_below(&chance, 10) == 0)
		at += (size_t)sprintf(m + at, "Expect: 100-continue\r\n");
	if (rng_below(&chance, 2)) {
		at += (size_t)sprintf(m + at, "Content-Length: %zu\r\n\r\n", n);
		memset(m + at, 'b', n);
		at += n;
	} else {
		at += (size_t)sprintf(m + at, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", n + 1);
		memset(m + at, 'c', n + 1);
		at += n + 1;
		at += (size_t)sprintf(m + at, rng_below(&chance, 30) ? "\r\n0\r\n\r\n" : "\r\nx\r\n\r\n");
	}
	return at;
}

TEST(ten_thousand_random_ends_leave_nothing_behind)
{
	enum { CLIENTS = 24, ENDS_WANTED = 10000 };
	static struct {
		int fd;
		char m[160000];
		size_t n, sent, read, read_most, send_most;
	} c[CLIENTS];
	static char sink[65536];
	unsigned ended = 0, before;
	struct pool_stats st;
	open_all();
	limits.out_bytes = 32 * 1024;
	wild = true;
	before = descriptors();
	for (unsigned i = 0; i < CLIENTS; i++)
		c[i].fd = -1;
	while (ended < ENDS_WANTED) {
		for (unsigned i = 0; i < CLIENTS; i++) {
			ssize_t k;
			bool over = rng_below(&chance, 40) == 0;
			if (c[i].fd < 0) {
				c[i].fd = raw_connect(server_port(front));
				c[i].n = wild_request(c[i].m);
				c[i].sent = c[i].read = 0;
				c[i].send_most = rng_below(&chance, 2) ? c[i].n : rng_below(&chance, c[i].n + 1);
				c[i].read_most = rng_below(&chance, 2) ? SIZE_MAX : rng_below(&chance, 200000);
			}
			if (c[i].sent < c[i].send_most) {
				size_t piece = 1 + rng_below(&chance, 60000);
				size_t left = c[i].send_most - c[i].sent;
				k = send(c[i].fd, c[i].m + c[i].sent, left < piece ? left : piece,
					MSG_NOSIGNAL | MSG_DONTWAIT);
				if (k > 0)
					c[i].sent += (size_t)k;
				over = over || (k < 0 && errno != EAGAIN);
			}
			if (rng_below(&chance, 2)) {
				k = recv(c[i].fd, sink, 1 + rng_below(&chance, sizeof sink), MSG_DONTWAIT);
				c[i].read += k > 0 ? (size_t)k : 0;
				over = over || k == 0 || (k < 0 && errno != EAGAIN) || c[i].read > c[i].read_most;
			}
			if (over) {
				struct linger hard = {1, 0};
				if (rng_below(&chance, 3) == 0)
					setsockopt(c[i].fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
				close(c[i].fd);
				c[i].fd = -1;
				ended++;
			}
		}
		loop_once(loop, 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		if (c[i].fd >= 0)
			close(c[i].fd);
	for (int i = 0; i < 3000; i++) { /* what is drained to its end needs its 20 ms, lingering 2 s at most */
		loop_once(loop, 1000);
		pool_stats(pool, &st);
		if (!st.busy && !server_connections(front) && tally.started == tally.done)
			break;
	}
	T_EQ_I(st.busy, 0);
	T_EQ_I(server_connections(front), 0);
	for (int i = 0; i < 3000 && server_connections(back) > st.idle + tally.back_paused; i++)
		loop_once(loop, 1000);
	T_TRUE(server_connections(back) <= st.idle + tally.back_paused);
	T_TRUE(tally.ends[END_OK] > 500 && tally.ends[END_ABORTED] > 100 && tally.ends[END_PEER_CLOSED] > 50);
	printf("  %u requests, %u upstream; whole %u, aborted %u, peer closed %u, reset %u, total %u; retried %u\n",
	       tally.front_requests, tally.back_requests, tally.ends[END_OK], tally.ends[END_ABORTED],
		tally.ends[END_PEER_CLOSED],
	       tally.ends[END_PEER_RESET], tally.ends[END_TIMEOUT_TOTAL], (unsigned)st.retried);
	wild = false;
	{ /* and it still serves */
		struct got g = raw_ask_text(server_port(front),
			"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
		T_TRUE(begins(&g, "HTTP/1.1 200 OK\r\n") && strstr(g.p, "\r\n\r\nhi"));
		got_free(&g);
	}
	pool_stats(pool, &st);
	T_TRUE(descriptors() <= before + st.idle + server_connections(back) + 2);
	close_all();
}

TEST(closing_everything_in_the_middle)
{
	static char m[160000];
	open_all();
	for (int round = 0; round < 20; round++) {
		int fd[10];
		wild = true;
		for (int i = 0; i < 10; i++) {
			size_t n = wild_request(m);
			fd[i] = raw_connect(server_port(front));
			(void)!send(fd[i], m, n, MSG_NOSIGNAL);
		}
		spin((unsigned)rng_below(&chance, 6));
		close_all();
		for (int i = 0; i < 10; i++)
			close(fd[i]);
		wild = false;
		open_all();
		rng_seed(&chance, (uint64_t)round + 100);
	}
	close_all();
}

T_MAIN
