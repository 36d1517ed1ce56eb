/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS between our client and our server, and against the openssl command as a second opinion. The
 * certificates are made here by that command: good ones, and each kind that must be refused.
 * waits: for time limits, mostly
 */
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "net_help.h"

static char folder[64];
static struct pool *pool;
static struct http_limits limits;

static int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int sh(const char *fmt, ...)
{
	char command[1024], line[1200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	snprintf(line, sizeof line, "cd %s && { %s; } >>log 2>&1", folder, command);
	return system(line);
}

static char *in_folder(const char *name)
{
	static char path[4][160];
	static unsigned turn;
	char *p = path[turn++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", folder, name);
	return p;
}

/* NAME.key, NAME.pem: signed by CA for the subject names SAN, valid for DAYS. */
static void make(const char *name, const char *ca, const char *san, int days)
{
	int rc = sh("printf 'subjectAltName=%s\\n' > ext && "
		    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout %s.key -out "
		"csr -subj /CN=%s && "
		    "openssl x509 -req -in csr -CA %s.pem -CAkey %s.key -CAcreateserial -days %d -extfile ext "
		"-out %s.pem",
		    san, name, name, ca, ca, days, name);
	T_EQ_I(rc, 0);
}

static bool certificates(void)
{
	static bool made;
	if (made)
		return true;
	if (system("openssl version >/dev/null 2>&1")) {
		printf("  SKIPPED: there is no openssl command\n");
		return false;
	}
	strcpy(folder, "test-tls-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	for (int i = 0; i < 2; i++)
		T_EQ_I(sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "
			"%s.key -out %s.pem "
			  "-subj '/CN=%s' -days 30", i ? "other" : "ca", i ? "other" : "ca", i ? "Other authority"
			: "Test authority"), 0);
	make("good", "ca", "DNS:localhost,IP:127.0.0.1", 30);
	make("expired", "ca", "DNS:localhost,IP:127.0.0.1", -1);
	make("wrong", "ca", "DNS:example.com,IP:192.0.2.1", 30);
	make("partial", "ca", "DNS:local*", 30);
	make("stranger", "other", "DNS:localhost,IP:127.0.0.1", 30);
	T_EQ_I(sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout self.key "
		"-out self.pem "
		  "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -days 30"), 0);
	made = true;
	return true;
}

__attribute__((destructor)) static void clean(void)
{
	if (folder[0]) {
		char line[128];
		snprintf(line, sizeof line, "rm -rf %s", folder);
		(void)!system(line);
	}
}

/* ---- a server that echoes */

static void on_request(void *a, struct stream *s)
{
	struct buf *b = calloc(1, sizeof *b);
	(void)a;
	buf_init(b, 64 << 20);
	stream_set_user(s, b);
}

static void on_body(struct stream *s, struct str bytes)
{
	T_EQ_I(buf_add(stream_user(s), bytes.p, bytes.n), 0);
}

static void on_body_end(struct stream *s)
{
	struct str body = buf_flat(stream_user(s));
	stream_respond(s, 200, NULL, 0, str_eqc(stream_head(s)->query, "chunked") ? -1 : (int64_t)body.n);
	stream_send(s, body);
	stream_end(s);
}

static void on_closed(struct stream *s, enum http_end how)
{
	(void)how;
	buf_fini(stream_user(s));
	free(stream_user(s));
}

static const struct server_handler echo = {on_request, on_body, on_body_end, NULL, on_closed, NULL};

static struct tls_ctx *served[64];
static unsigned served_n;

static struct server *serve(const char *name)
{
	char cert[160], key[160];
	struct server_config c = {.listen = "127.0.0.1:0", .handler = &echo};
	struct err e;
	struct server *s;
	snprintf(cert, sizeof cert, "%s/%s.pem", folder, name);
	snprintf(key, sizeof key, "%s/%s.key", folder, name);
	c.tls = tls_server_ctx(cert, key, &e);
	s = c.tls ? server_open(loop, &c, &e) : NULL;
	if (!s || served_n == 64)
		abort();
	served[served_n++] = c.tls;
	return s;
}

/* ---- a client that remembers */

struct result {
	unsigned dones;
	enum http_end how;
	struct sb body;
	char fault[160];
};

static void on_answer(struct exchange *x, const struct head *h)
{
	(void)x, (void)h;
}

static void on_answer_body(struct exchange *x, struct str bytes)
{
	sb_add_str(&((struct result *)exchange_user(x))->body, bytes);
}

static void on_done(struct exchange *x, enum http_end how)
{
	struct result *r = exchange_user(x);
	r->dones++;
	r->how = how;
	snprintf(r->fault, sizeof r->fault, "%s", exchange_fault(x));
}

static const struct exchange_handler asks = {on_answer, on_answer_body, on_done};

static void ask(struct result *r, struct origin *o, const char *path, struct str body)
{
	memset(r, 0, sizeof *r);
	sb_init(&r->body, 64 << 20);
	T_TRUE(exchange_start(pool, o, STR("POST"), str_of(path), NULL, 0, body, &asks, r) != NULL);
	for (int i = 0; i < 5000 && !r->dones; i++)
		loop_once(loop, i < 5 ? 0 : 1000);
	T_EQ_I(r->dones, 1);
}

static struct origin to(const char *host, uint16_t port, struct tls_ctx *ctx)
{
	struct origin o;
	char url[64];
	snprintf(url, sizeof url, "https://%s:%u", host, port);
	T_EQ_I(origin_parse(&o, str_of(url), NULL), 0);
	o.tls = ctx;
	o.limits = &limits;
	return o;
}

static void open_all(void)
{
	limits = http_limits_default;
	loop = loop_new(&clock_system, NULL);
	pool = pool_new(loop, 16, NULL);
}

static void close_all(void)
{
	pool_free(pool);
	while (served_n)
		tls_ctx_free(served[--served_n]);
	buf_thread_free();
	loop_free(loop);
}

TEST(bodies_of_every_size_through_tls)
{
	static char big[3 << 20];
	static const size_t sizes[] = {0, 1, 1000, 16383, 16384, 16385, 100000, sizeof big};
	struct tls_ctx *ctx;
	struct server *s;
	struct pool_stats st;
	if (!certificates())
		return;
	open_all();
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 31 % 251);
	ctx = tls_client_ctx(in_folder("ca.pem"), NULL);
	s = serve("good");
	for (unsigned host = 0; host < 2; host++) {
		struct origin o = to(host ? "127.0.0.1" : "localhost", server_port(s), ctx);
		for (unsigned i = 0; i < 16; i++) {
			struct result r;
			ask(&r, &o, i & 1 ? "/?chunked" : "/", str_make(big, sizes[i / 2]));
			if (r.how)
				printf("  end %d: %s\n", r.how, r.fault);
			T_TRUE(r.how == END_OK && r.body.n == sizes[i / 2] && (!r.body.n || !memcmp(r.body.p, big,
				r.body.n)));
			sb_fini(&r.body);
		}
	}
	pool_stats(pool, &st);
	T_TRUE(st.opened == 2 && st.reused == 30); /* keep-alive on each of the two */
	server_close(s);
	close_all();
	tls_ctx_free(ctx);
}

TEST(whatever_is_not_trusted_is_refused_before_a_byte_is_sent)
{
	static const struct {
		const char *cert, *host, *why;
	} rows[] = {
		{"expired", "localhost", "expired"},   {"wrong", "localhost", "mismatch"},       {"wrong",
			"127.0.0.1", "mismatch"},
		{"self", "localhost", "self-signed"},  {"stranger", "localhost", "local issuer"}, {"partial",
			"localhost", "mismatch"},
	};
	struct tls_ctx *ctx, *system_store;
	if (!certificates())
		return;
	open_all();
	ctx = tls_client_ctx(in_folder("ca.pem"), NULL);
	system_store = tls_client_ctx(NULL, NULL);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct server *s = serve(rows[i].cert);
		struct origin o = to(rows[i].host, server_port(s), ctx);
		struct result r;
		ask(&r, &o, "/", STR("secret"));
		if (r.how != END_TLS || !strstr(r.fault, rows[i].why)) {
			printf("  %s for %s: end %d, \"%s\"\n", rows[i].cert, rows[i].host, r.how, r.fault);
			t_bad++;
		}
		sb_fini(&r.body);
		server_close(s);
	}
	{ /* a good one, but signed by nobody the system knows */
		struct server *s = serve("good");
		struct origin o = to("localhost", server_port(s), system_store);
		struct result r;
		ask(&r, &o, "/", STR("secret"));
		T_EQ_I(r.how, END_TLS);
		sb_fini(&r.body);
		server_close(s);
	}
	close_all();
	tls_ctx_free(ctx);
	tls_ctx_free(system_store);
}

/* openssl s_server in a process of its own; answers each request with a page (-www). */
static pid_t s_server(const char *flags, uint16_t *port)
{
	char line[512];
	pid_t pid;
	close(raw_listen(port, 1)); /* a port that was free a moment ago */
	snprintf(line, sizeof line,
		"cd %s && exec openssl s_server -accept 127.0.0.1:%u -cert good.pem -key good.key -quiet %s >>log 2>&1",
		 folder, *port, flags);
	pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200; i++) {
		int fd = raw_connect(*port);
		if (fd >= 0) {
			close(fd);
			break;
		}
		usleep(20000);
	}
	return pid;
}

TEST(openssl_itself_is_understood_and_its_old_versions_are_refused)
{
	static const struct {
		const char *flags;
		enum http_end how;
	} rows[] = {
		{"-www -tls1_3", END_OK},
		{"-www -tls1_2", END_OK},
		{"-www -tls1_1 -cipher DEFAULT@SECLEVEL=0", END_TLS},
		{"-www -tls1 -cipher DEFAULT@SECLEVEL=0", END_TLS},
	};
	struct tls_ctx *ctx;
	if (!certificates())
		return;
	open_all();
	ctx = tls_client_ctx(in_folder("ca.pem"), NULL);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint16_t port;
		pid_t pid = s_server(rows[i].flags, &port);
		struct origin o = to("localhost", port, ctx);
		static struct result each[4]; /* one that hangs must not write into the next one's */
		struct result *r = &each[i];
		memset(r, 0, sizeof *r);
		sb_init(&r->body, 1 << 20);
		T_TRUE(exchange_start(pool, &o, STR("GET"), STR("/"), NULL, 0, STR(""), &asks, r) != NULL);
		for (int k = 0; k < 5000 && !r->dones; k++)
			loop_once(loop, 1000);
		/* s_server ends its pages with LF alone: a strict reader refuses that, after the handshake was fine. */
		if (!r->dones || (rows[i].how == END_TLS ? r->how != END_TLS : r->how != END_OK && r->how !=
			END_BAD_SYNTAX)) {
			printf("  %s: %u done, end %d, \"%s\"\n", rows[i].flags, r->dones, r->how, r->fault);
			t_bad++;
		}
		sb_fini(&r->body);
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
	close_all();
	tls_ctx_free(ctx);
}

TEST(our_server_refuses_old_versions_and_serves_openssl)
{
	struct server *s;
	static const char *const flags[] = {"-tls1_2", "-tls1_3", "-tls1_1 -cipher DEFAULT@SECLEVEL=0",
		"-tls1_2 -alpn h2"};
	if (!certificates())
		return;
	open_all();
	s = serve("good");
	for (unsigned i = 0; i < 4; i++) {
		char line[512], text[4096] = "";
		int out[2], status = 0;
		size_t n = 0;
		pid_t pid;
		snprintf(line, sizeof line,
			 "cd %s && (printf 'POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: "
			"5\\r\\nConnection: close\\r\\n\\r\\nhello'; sleep 0.5) | "
			 "openssl s_client -connect 127.0.0.1:%u -CAfile ca.pem -verify_return_error -quiet %s 2>>log",
			 folder, server_port(s), flags[i]);
		T_EQ_I(pipe(out), 0);
		pid = fork();
		if (!pid) {
			dup2(out[1], 1);
			close(out[0]);
			close(out[1]);
			execl("/bin/sh", "sh", "-c", line, (char *)NULL);
			_exit(127);
		}
		close(out[1]);
		fcntl(out[0], F_SETFL, O_NONBLOCK);
		for (int k = 0; k < 5000; k++) {
			ssize_t got = read(out[0], text + n, sizeof text - 1 - n);
			if (got == 0)
				break;
			n += got > 0 ? (size_t)got : 0;
			loop_once(loop, 1000);
		}
		close(out[0]);
		waitpid(pid, &status, 0);
		T_EQ_I(strstr(text, "HTTP/1.1 200 OK\r\n") && strstr(text, "\r\n\r\nhello"), i < 2);
	}
	spin(20);
	server_close(s);
	close_all();
}

TEST(a_stalled_handshake_ends_in_time)
{
	struct clock hand;
	struct tls_ctx *ctx;
	struct origin o;
	struct result r = {0};
	uint16_t port;
	int listener, fd;
	struct server *s;
	struct got g = {0};
	if (!certificates())
		return;
	clock_manual(&hand, 0);
	limits = http_limits_default;
	loop = loop_new(&hand, NULL);
	pool = pool_new(loop, 16, NULL);
	ctx = tls_client_ctx(in_folder("ca.pem"), NULL);
	listener = raw_listen(&port, 5);
	o = to("localhost", port, ctx);
	sb_init(&r.body, 100);
	exchange_start(pool, &o, STR("GET"), STR("/"), NULL, 0, STR(""), &asks, &r);
	fd = raw_accept(listener);
	raw_until(fd, &g, "localhost"); /* its hello, with the name in it */
	T_TRUE(g.n > 100);
	clock_advance(&hand, limits.connect_us - 1000);
	spin(3);
	T_EQ_I(r.dones, 0);
	clock_advance(&hand, 101000);
	spin(3);
	T_TRUE(r.dones == 1 && r.how == END_TIMEOUT_CONNECT);
	close(fd);
	got_free(&g);
	/* and what is no TLS at all */
	memset(&r, 0, sizeof r);
	exchange_start(pool, &o, STR("GET"), STR("/"), NULL, 0, STR(""), &asks, &r);
	fd = raw_accept(listener);
	raw_say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
	spin(10);
	T_TRUE(r.dones == 1 && r.how == END_TLS && r.fault[0]);
	close(fd);
	close(listener);
	/* our side: a client that says nothing */
	s = serve("good");
	fd = raw_connect(server_port(s));
	spin(3);
	T_EQ_I(server_connections(s), 1);
	clock_advance(&hand, limits.head_us + 100000);
	spin(3);
	T_EQ_I(server_connections(s), 0);
	close(fd);
	server_close(s);
	close_all();
	tls_ctx_free(ctx);
}

TEST(sessions_are_resumed)
{
	struct tls_ctx *ctx;
	struct server *s;
	struct origin o;
	if (!certificates())
		return;
	open_all();
	ctx = tls_client_ctx(in_folder("ca.pem"), NULL);
	s = serve("good");
	o = to("localhost", server_port(s), ctx);
	limits.idle_us = 1; /* the pool forgets the connection at once, but not the ticket */
	for (int i = 0; i < 3; i++) {
		struct result r;
		struct pool_stats st;
		ask(&r, &o, "/", STR("x"));
		T_EQ_I(r.how, END_OK);
		sb_fini(&r.body);
		for (int k = 0; k < 200; k++)
			loop_once(loop, 1000);
		pool_stats(pool, &st);
		T_EQ_I(st.opened, i + 1);
		T_EQ_I(st.resumed, i);
	}
	server_close(s);
	close_all();
	tls_ctx_free(ctx);
}

TEST(bad_files_are_explained)
{
	struct err e = {0};
	if (!certificates())
		return;
	T_TRUE(!tls_client_ctx("/no/such/file", &e) && strstr(e.what, "/no/such/file"));
	T_TRUE(!tls_server_ctx("/no/such/file", "/no/such/key", &e) && strstr(e.what, "/no/such/file"));
	T_TRUE(!tls_server_ctx(in_folder("good.pem"), in_folder("wrong.key"), &e) && e.what[0]);
}

T_MAIN
