/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/2: our client against our server under TLS, and our server against frames written by hand here (so that
 * what is tested is not tested with itself). tests/e2e/test_h2.py brings peers that we did not write.
 * waits: for time limits, mostly
 */
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "net_help.h"

static char folder[64];
static struct pool *pool;
static struct http_limits limits;
static struct clock hand;
static struct tls_ctx *client_tls, *server_tls;
static struct server *server;

static bool certificates(void)
{
	char line[512];
	if (folder[0])
		return true;
	strcpy(folder, "test-h2-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(line, sizeof line,
		 "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout k.pem "
		 "-out c.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -days 3 2>log",
		 folder);
	if (system(line)) {
		printf("  SKIPPED: there is no openssl command\n");
		return false;
	}
	return true;
}

__attribute__((destructor)) static void clean(void)
{
	char line[128];
	snprintf(line, sizeof line, "rm -rf %s", folder);
	if (folder[0])
		(void)!system(line);
}

/* ---- the application: echoes; /big/N sends N bytes as fast as it may; /hold answers never */

struct job {
	struct buf body;
	uint64_t left;
	bool big;
};
static struct {
	unsigned requests, closed, ends[ENDS], minor2;
	size_t queued_most;
	struct stream *held;
	char target[64], host[64];
} app;

static char pattern[16384];

static void feed(struct stream *s)
{
	struct job *j = stream_user(s);
	while (j->left) {
		size_t n = j->left < sizeof pattern ? (size_t)j->left : sizeof pattern;
		long queued = stream_send(s, str_make(pattern, n));
		if (queued < 0)
			return;
		j->left -= n;
		if ((size_t)queued > app.queued_most)
			app.queued_most = (size_t)queued;
		if ((size_t)queued > limits.out_bytes && j->left)
			return;
	}
	stream_end(s);
}

static void on_request(void *a, struct stream *s)
{
	struct job *j = calloc(1, sizeof *j);
	const struct head *h = stream_head(s);
	(void)a;
	app.requests++;
	app.minor2 += h->minor == 2;
	str_copy(app.target, sizeof app.target, h->target);
	str_copy(app.host, sizeof app.host, h->host);
	buf_init(&j->body, 64 << 20);
	stream_set_user(s, j);
	if (str_starts(h->path, STR("/big/"))) {
		j->big = true;
		str_u64(str_sub(h->path, 5, h->path.n), &j->left);
		stream_respond(s, 200, NULL, 0, -1);
		feed(s);
	}
	if (str_eqc(h->path, "/hold"))
		app.held = s;
	if (str_eqc(h->path, "/pause")) {
		app.held = s;
		stream_pause(s);
	}
}

static void on_body(struct stream *s, struct str bytes)
{
	struct job *j = stream_user(s);
	T_EQ_I(buf_add(&j->body, bytes.p, bytes.n), 0);
}

static void on_body_end(struct stream *s)
{
	struct job *j = stream_user(s);
	struct str body = buf_flat(&j->body);
	const struct head *h = stream_head(s);
	struct header kind = {STR("X-Kind"), STR("Echo")};
	if (j->big || str_eqc(h->path, "/hold"))
		return;
	if (str_eqc(h->path, "/fail"))
		stream_abort(s);
	stream_respond(s, 200, &kind, 1, str_eqc(h->query, "chunked") ? -1 : (int64_t)body.n);
	stream_send(s, body);
	stream_end(s);
}

static void on_closed(struct stream *s, enum http_end how)
{
	struct job *j = stream_user(s);
	app.closed++;
	app.ends[how]++;
	if (app.held == s)
		app.held = NULL;
	buf_fini(&j->body);
	free(j);
}

static const struct server_handler handler = {on_request, on_body, on_body_end, feed, on_closed, NULL};

static void open_all(bool tls, bool by_hand, bool only_h1)
{
	struct server_config c = {.listen = "127.0.0.1:0", .handler = &handler, .limits = &limits, .only_h1 = only_h1};
	char cert[96], key[96];
	struct err e;
	memset(&app, 0, sizeof app);
	limits = http_limits_default;
	clock_manual(&hand, 1000000000);
	loop = loop_new(by_hand ? &hand : &clock_system, NULL);
	pool = pool_new(loop, 16, NULL);
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (char)(i * 31 % 251);
	if (tls) {
		snprintf(cert, sizeof cert, "%s/c.pem", folder);
		snprintf(key, sizeof key, "%s/k.pem", folder);
		c.tls = server_tls = tls_server_ctx(cert, key, &e);
		client_tls = tls_client_ctx(cert, &e);
	}
	server = server_open(loop, &c, &e);
	if (!server)
		abort();
}

static void close_all(void)
{
	pool_free(pool);
	server_close(server);
	T_EQ_I(app.requests, app.closed);
	tls_ctx_free(server_tls);
	tls_ctx_free(client_tls);
	server_tls = client_tls = NULL;
	buf_thread_free();
	loop_free(loop);
}

/* ---- a client that remembers */

struct result {
	struct exchange *x;
	unsigned heads, dones, minor, status;
	enum http_end how;
	struct sb body;
	size_t got, pause_at, abort_at;
	bool count_only;
	char fault[160];
};

static void on_answer(struct exchange *x, const struct head *h)
{
	struct result *r = exchange_user(x);
	r->heads++;
	r->minor = h->minor;
	r->status = h->status;
	if (r->abort_at == 1)
		exchange_abort(x);
}

static void on_answer_body(struct exchange *x, struct str bytes)
{
	struct result *r = exchange_user(x);
	r->got += bytes.n;
	if (!r->count_only)
		sb_add_str(&r->body, bytes);
	if (r->abort_at && r->got >= r->abort_at)
		exchange_abort(x);
	if (r->pause_at && r->got >= r->pause_at)
		exchange_pause(x);
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct result *r = exchange_user(x);
	r->dones++;
	r->how = how;
	r->x = NULL;
	snprintf(r->fault, sizeof r->fault, "%s", exchange_fault(x));
}

static const struct exchange_handler asks = {on_answer, on_answer_body, on_done};

static struct origin here(void)
{
	struct origin o;
	char url[64];
	snprintf(url, sizeof url, "https://localhost:%u", server_port(server));
	T_EQ_I(origin_parse(&o, str_of(url), NULL), 0);
	o.tls = client_tls;
	o.limits = &limits;
	return o;
}

static void start(struct result *r, struct origin *o, const char *path, struct str body)
{
	struct header h[] = {{STR("X-Test"), STR("Some Value")}, {STR("cookie"), STR("a=b")}};
	sb_init(&r->body, 64 << 20);
	r->x = exchange_start(pool, o, STR("POST"), str_of(path), h, 2, body, &asks, r);
	T_TRUE(r->x != NULL);
}

static bool wait_for(struct result *r)
{
	for (int i = 0; i < 20000 && !r->dones; i++)
		loop_once(loop, i < 5 ? 0 : 1000);
	return r->dones == 1;
}

TEST(bodies_of_every_size_on_one_connection)
{
	static char big[1 << 20];
	static const size_t sizes[] = {0, 1, 1000, 16383, 16384, 16385, 65535, 65536, 131072, 131073, sizeof big};
	struct pool_stats st;
	struct origin o;
	if (!certificates())
		return;
	open_all(true, false, false);
	o = here();
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 131 % 253);
	for (unsigned i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
		struct result r = {0};
		start(&r, &o, i & 1 ? "/?chunked" : "/", str_make(big, sizes[i / 2]));
		T_TRUE(wait_for(&r));
		if (r.how)
			printf("  size %zu: end %d: %s\n", sizes[i / 2], r.how, r.fault);
		T_TRUE(r.how == END_OK && r.minor == 2 && r.status == 200 && r.heads == 1);
		T_TRUE(r.body.n == sizes[i / 2] && (!r.body.n || !memcmp(r.body.p, big, r.body.n)));
		sb_fini(&r.body);
	}
	pool_stats(pool, &st);
	T_EQ_I(st.opened, 1);
	T_EQ_I(app.minor2, app.requests);
	T_EQ_I(app.ends[END_OK], app.requests);
	close_all();
}

TEST(two_hundred_at_once_share_two_connections)
{
	enum { N = 200 };
	static struct result r[N];
	static char text[N][32];
	struct pool_stats st;
	struct origin o;
	if (!certificates())
		return;
	open_all(true, false, false);
	o = here();
	for (unsigned round = 0; round < 3; round++) {
		memset(r, 0, sizeof r);
		for (unsigned i = 0; i < N; i++) {
			snprintf(text[i], sizeof text[i], "number %u", i);
			start(&r[i], &o, "/", str_of(text[i]));
		}
		for (unsigned i = 0; i < N; i++) {
			T_TRUE(wait_for(&r[i]) && r[i].how == END_OK && str_eqc(sb_str(&r[i].body), text[i]));
			sb_fini(&r[i].body);
		}
	}
	pool_stats(pool, &st);
	T_EQ_I(st.opened, 2);
	T_EQ_I(st.busy, 0);
	T_EQ_I(st.idle, 2);
	close_all();
}

TEST(a_server_of_http_1_1_is_found_out_and_spoken_to)
{
	static struct result r[20];
	struct origin o;
	if (!certificates())
		return;
	for (unsigned how = 0; how < 2; how++) {
		open_all(true, false, how == 0);
		o = here();
		o.only_h1 = how == 1;
		memset(r, 0, sizeof r);
		for (unsigned i = 0; i < 20; i++)
			start(&r[i], &o, "/", STR("hello"));
		exchange_abort(r[0].x);
		exchange_abort(r[7].x);
		for (unsigned i = 0; i < 20; i++) {
			T_TRUE(wait_for(&r[i]));
			T_EQ_I(r[i].how, i == 0 || i == 7 ? END_ABORTED : END_OK);
			T_TRUE(i == 0 || i == 7 || (r[i].minor == 1 && r[i].body.n == 5));
			sb_fini(&r[i].body);
		}
		T_EQ_I(app.minor2, 0);
		close_all();
	}
}

static long resident_kib(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

TEST(a_paused_reader_holds_a_window_and_stops_nobody)
{
	enum { BIG = 64 << 20, SLOW = 20 };
	static struct result r[SLOW];
	struct result quick = {0};
	struct origin o;
	long before;
	if (!certificates())
		return;
	open_all(true, false, false);
	o = here();
	memset(r, 0, sizeof r);
	before = resident_kib();
	for (unsigned i = 0; i < SLOW; i++) {
		r[i].count_only = true;
		r[i].pause_at = 1;
		start(&r[i], &o, "/big/67108864", STR(""));
	}
	spin(300);
	for (unsigned i = 0; i < SLOW; i++)
		T_TRUE(r[i].got > 0 && r[i].got < 200000 && !r[i].dones);
	T_TRUE(app.queued_most <= limits.out_bytes + sizeof pattern);
	T_TRUE(resident_kib() - before < 64 * 1024); /* 20 * (a window and a queue) is 8 MiB */
	start(&quick, &o, "/", STR("quick"));
	T_TRUE(wait_for(&quick) && quick.how == END_OK);
	sb_fini(&quick.body);
	r[3].pause_at = 0;
	exchange_resume(r[3].x);
	T_TRUE(wait_for(&r[3]) && r[3].how == END_OK);
	T_EQ_I(r[3].got, BIG);
	for (unsigned i = 0; i < SLOW; i++)
		if (r[i].x)
			exchange_abort(r[i].x);
	spin(20);
	T_EQ_I(app.closed, SLOW + 1);
	T_EQ_I(app.ends[END_PEER_RESET], SLOW - 1);
	close_all();
}

TEST(a_paused_server_stops_the_sender_at_a_window)
{
	static char big[1 << 20];
	struct result r = {0};
	struct origin o;
	if (!certificates())
		return;
	open_all(true, false, false);
	o = here();
	start(&r, &o, "/pause", str_make(big, sizeof big));
	spin(100);
	T_TRUE(app.held && !r.dones);
	T_EQ_I(((struct job *)stream_user(app.held))->body.n, 0);
	stream_resume(app.held);
	T_TRUE(wait_for(&r) && r.how == END_OK);
	T_EQ_I(r.body.n, sizeof big);
	sb_fini(&r.body);
	close_all();
}

TEST(aborts_at_any_point)
{
	static char big[300000];
	static struct result r[60];
	uint64_t seed = 7;
	struct origin o;
	if (!certificates())
		return;
	open_all(true, false, false);
	o = here();
	for (unsigned round = 0; round < 25; round++) {
		memset(r, 0, sizeof r);
		for (unsigned i = 0; i < 60; i++) {
			char path[40];
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			snprintf(path, sizeof path, "/big/%u", (unsigned)(seed >> 33) % 400000);
			r[i].count_only = true;
			r[i].abort_at = seed >> 61 ? (size_t)((seed >> 40) % 300000) : 0;
			start(&r[i], &o, seed >> 60 & 1 ? path : seed >> 59 & 1 ? "/fail" : "/",
			      str_make(big, (seed >> 20) % sizeof big));
			if ((seed >> 50) % 5 == 0)
				spin((unsigned)(seed >> 55) % 4);
			if ((seed >> 45) % 7 == 0 && r[i].x)
				exchange_abort(r[i].x);
		}
		for (unsigned i = 0; i < 60; i++) {
			T_TRUE(wait_for(&r[i]));
			sb_fini(&r[i].body);
		}
	}
	spin(50);
	T_EQ_I(app.requests, app.closed);
	T_TRUE(app.requests > 800 && app.ends[END_PEER_RESET] > 50 && app.ends[END_OK] > 100);
	close_all();
}

TEST(whoever_goes_says_so_and_what_runs_ends_well)
{
	struct result r = {0}, late = {0};
	struct pool_stats st;
	struct origin o;
	if (!certificates())
		return;
	open_all(true, false, false);
	o = here();
	start(&r, &o, "/hold", STR("x"));
	for (int i = 0; i < 2000 && !app.held; i++)
		loop_once(loop, 1000);
	spin(5);
	T_TRUE(app.held != NULL);
	server_drain(server);
	spin(50);
	pool_stats(pool, &st);
	T_TRUE(!r.dones);
	stream_respond(app.held, 200, NULL, 0, 3);
	stream_send(app.held, STR("end"));
	stream_end(app.held);
	T_TRUE(wait_for(&r) && r.how == END_OK && r.body.n == 3);
	spin(50);
	T_EQ_I(server_connections(server), 0);
	start(&late, &o, "/", STR("x")); /* the link is gone, nobody listens */
	T_TRUE(wait_for(&late));
	T_EQ_I(late.how, END_CONNECT);
	sb_fini(&r.body);
	close_all();
}

TEST(the_client_gives_up_in_time)
{
	struct result r = {0}, total = {0};
	struct origin o;
	if (!certificates())
		return;
	open_all(true, true, false);
	limits.first_byte_us = 60 * 1000000ull;
	o = here();
	start(&r, &o, "/hold", STR("x"));
	start(&total, &o, "/hold", STR("x"));
	exchange_limit_us(total.x, 5 * 1000000);
	for (int i = 0; i < 200; i++)
		loop_once(loop, 1000);
	for (unsigned s = 0; s < 70 && !(r.dones && total.dones); s++) {
		clock_advance(&hand, 1000000);
		spin(12);
		T_TRUE(s < 4 || total.dones);
		T_TRUE(s >= 58 || !r.dones);
	}
	T_EQ_I(total.how, END_TIMEOUT_TOTAL);
	T_EQ_I(r.how, END_TIMEOUT_FIRST);
	sb_fini(&r.body);
	sb_fini(&total.body);
	close_all();
}

#include "h2_raw.h"

T_MAIN
