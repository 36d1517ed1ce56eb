/* SPDX-License-Identifier: Apache-2.0
 *
 * The second half of test_h2.c: frames written by hand on a plain connection (RFC 9113 4.1, RFC 7541 6.2.2: every
 * field a literal without indexing and without Huffman), and what the server says to them.
 */
#ifndef RR_TEST_H2_RAW_H
#define RR_TEST_H2_RAW_H

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONT };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void add_frame(struct sb *out, unsigned type, unsigned flags, uint32_t id, const char *p, size_t n)
{
	char head[9] = {(char)(n >> 16), (char)(n >> 8), (char)n, (char)type, (char)flags,
			(char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};
	sb_add(out, head, 9);
	if (n)
		sb_add(out, p, n);
}

static void add_field(struct sb *b, struct str name, struct str value)
{
	sb_addc(b, 0);
	sb_addc(b, (char)name.n); /* shorter than 127 */
	sb_add_str(b, name);
	sb_addc(b, (char)value.n);
	sb_add_str(b, value);
}

/* "name=value|name=value", where ":method" and so on are ordinary names. */
static void add_head(struct sb *out, uint32_t id, unsigned flags, const char *fields)
{
	struct str rest = str_of(fields);
	struct sb b;
	sb_init(&b, 1 << 20);
	while (rest.p) {
		struct str value = str_cut(&rest, '|'), name = str_cut(&value, '=');
		add_field(&b, name, value.p ? value : STR(""));
	}
	add_frame(out, HEADERS, flags, id, b.p, b.n);
	sb_fini(&b);
}

#define GOOD ":method=POST|:scheme=http|:path=/|:authority=localhost"

static int begin(struct sb *out)
{
	sb_init(out, 8 << 20);
	sb_add(out, preface, 24);
	add_frame(out, SETTINGS, 0, 0, NULL, 0);
	return raw_connect(server_port(server));
}

/* What was said: the first frame of that type (and stream, unless 0). NULL: none. n: its payload's. */
static const unsigned char *find(const struct got *g, unsigned type, uint32_t id, size_t *n)
{
	for (size_t at = 0; g->p && at + 9 <= g->n;) {
		const unsigned char *f = (const unsigned char *)g->p + at;
		size_t length = (size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2];
		uint32_t stream = (uint32_t)f[5] << 24 | (uint32_t)f[6] << 16 | (uint32_t)f[7] << 8 | f[8];
		if (at + 9 + length > g->n)
			break;
		if (f[3] == type && (!id || id == stream) && !(type == SETTINGS && f[4] & ACK)) {
			*n = length;
			return f + 9;
		}
		at += 9 + length;
	}
	return NULL;
}

static long code_of(const struct got *g, unsigned type, uint32_t id)
{
	size_t n = 0;
	const unsigned char *p = find(g, type, id, &n);
	if (!p)
		return -1;
	p += type == GOAWAY ? 4 : 0;
	return (long)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* :status by HPACK's static table (8 = 200 .. 14 = 500), or as a literal with the name's index. */
static unsigned status_of(const struct got *g, uint32_t id)
{
	size_t n = 0;
	const unsigned char *p = find(g, HEADERS, id, &n);
	static const unsigned known[] = {200, 204, 206, 304, 400, 404, 500};
	if (!p || !n)
		return 0;
	if (p[0] >= 0x88 && p[0] <= 0x8e)
		return known[p[0] - 0x88];
	if ((p[0] & 0x0f) == 8 && n > 4 && p[1] == 3)
		return (unsigned)(p[2] - '0') * 100 + (unsigned)(p[3] - '0') * 10 + (unsigned)(p[4] - '0');
	return 1; /* another one, by Huffman */
}

static struct got answer(int fd, struct sb *out, unsigned rounds)
{
	struct got g = {0};
	raw_send(fd, out->p, out->n);
	for (unsigned i = 0; i < rounds && !g.end; i++) {
		raw_read(fd, &g);
		loop_once(loop, i < 3 ? 0 : 500);
	}
	sb_fini(out);
	return g;
}

TEST(a_request_by_hand)
{
	struct sb out;
	struct got g;
	size_t n = 0;
	const unsigned char *p;
	int fd;
	open_all(false, false, false);
	fd = begin(&out);
	add_head(&out, 1, END_HEADERS, GOOD "|content-length=5|cookie=a=1|cookie=b=2|te=trailers");
	add_frame(&out, DATA, END_STREAM, 1, "hello", 5);
	g = answer(fd, &out, 30);
	T_EQ_I(status_of(&g, 1), 200);
	p = find(&g, DATA, 1, &n);
	T_TRUE(p && n == 5 && !memcmp(p, "hello", 5));
	T_TRUE(find(&g, SETTINGS, 0, &n) && !find(&g, GOAWAY, 0, &n) && !g.end);
	T_EQ_S(app.host, "localhost");
	T_EQ_S(app.target, "/");
	T_EQ_I(app.ends[END_OK], 1);
	got_free(&g);
	close(fd);
	spin(3);
	close_all();
}

TEST(the_preface_in_every_two_pieces)
{
	open_all(false, false, false);
	for (size_t cut = 1; cut < 40; cut++) {
		struct sb out;
		struct got g;
		int fd = begin(&out);
		add_head(&out, 1, END_HEADERS | END_STREAM, GOOD);
		raw_send(fd, out.p, cut);
		spin(2);
		memmove(out.p, out.p + cut, out.n - cut);
		out.n -= cut;
		g = answer(fd, &out, 12);
		T_EQ_I(status_of(&g, 1), 200);
		got_free(&g);
		close(fd);
	}
	{ /* after a request of HTTP/1.1 it is nonsense */
		struct got g = raw_ask_text(server_port(server),
			"GET / HTTP/1.1\r\nHost: a\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
		T_TRUE(g.end && count_of(g.p, "HTTP/1.1 200") == 1 && count_of(g.p, "HTTP/1.1 400") == 1);
		got_free(&g);
	}
	close_all();
}

/* What a strict server refuses: with an answer, or a reset of the stream, or an end of the connection. */
TEST(what_may_not_be_said_is_refused)
{
	static const struct {
		const char *fields;
		unsigned status; /* 0: RST_STREAM or GOAWAY */
	} rows[] = {
		{GOOD "|X-Upper=1", 0},
		{GOOD "|x bad=1", 0},
		{GOOD "|x-nul=a\1b", 0},
		{GOOD "|x-cr=a\rb", 0},
		{GOOD "|x-lf=a\nb: c", 0},
		{GOOD "|connection=close", 0},
		{GOOD "|keep-alive=1", 0},
		{GOOD "|proxy-connection=x", 0},
		{GOOD "|upgrade=h2c", 0},
		{GOOD "|transfer-encoding=chunked", 0},
		{GOOD "|te=gzip", 0},
		{GOOD "|:late=1", 0},
		{GOOD "|x=1|:path=/b", 0},
		{GOOD "|:status=200", 0},
		{GOOD "|content-length=5", 0},
		{GOOD "|content-length=-1", 0},
		{GOOD "|content-length=0|content-length=0", 0},
		{GOOD "|host=other", 400},
		{GOOD "|host=localhost|host=localhost", 0},
		{GOOD "|expect=something", 400},
		{":method=POST|:scheme=http|:path=/", 0},
		{":method=POST|:scheme=http|:authority=localhost", 0},
		{":method=POST|:path=/|:authority=localhost", 0},
		{":scheme=http|:path=/|:authority=localhost", 0},
		{":method=POST|:scheme=http|:path=|:authority=localhost", 0},
		{":method=POST|:scheme=http|:path=x|:authority=localhost", 0},
		{":method=POST|:scheme=ftp|:path=/|:authority=localhost", 400},
		{":method=POST|:scheme=ftp|:path=http://a/|:authority=localhost", 400},
		{":method=POST|:scheme=http|:path=/a b|:authority=localhost", 400},
		{":method=POST|:scheme=http|:path=/|:authority=user@localhost", 400},
		{":method=POST|:scheme=http|:path=/|:authority=a/b", 400},
		{":method=PO ST|:scheme=http|:path=/|:authority=localhost", 400},
		{":method=CONNECT|:authority=localhost:80", 400},
		{":method=POST|:method=GET|:scheme=http|:path=/|:authority=localhost", 0},
	};
	open_all(false, false, false);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sb out;
		struct got g;
		int fd = begin(&out);
		bool refused;
		add_head(&out, 1, END_HEADERS | END_STREAM, rows[i].fields);
		g = answer(fd, &out, 20);
		refused = code_of(&g, RST, 1) > 0 || code_of(&g, GOAWAY, 0) > 0 || status_of(&g, 1) == 400;
		if (!refused || app.requests) {
			printf("  not refused: %s (status %u)\n", rows[i].fields, status_of(&g, 1));
			t_bad++;
			app.requests = app.closed = 0;
		}
		got_free(&g);
		close(fd);
		spin(2);
	}
	close_all();
}

TEST(limits_are_kept)
{
	struct sb out, big;
	struct got g;
	char letters[120];
	int fd;
	memset(letters, 'a', sizeof letters);
	open_all(false, false, false);
	limits.body_bytes = 1000;
	fd = begin(&out); /* by its length, and by what comes */
	add_head(&out, 1, END_HEADERS, GOOD "|content-length=1001");
	add_head(&out, 3, END_HEADERS, GOOD);
	add_frame(&out, DATA, 0, 3, pattern, 600);
	add_frame(&out, DATA, 0, 3, pattern, 600);
	add_head(&out, 5, END_HEADERS | END_STREAM, GOOD);
	g = answer(fd, &out, 30);
	T_TRUE(status_of(&g, 1) && status_of(&g, 1) != 200);
	T_TRUE(status_of(&g, 3) && status_of(&g, 3) != 200);
	T_EQ_I(code_of(&g, RST, 3), 0); /* the rest of it is not wanted */
	T_EQ_I(status_of(&g, 5), 200);  /* the connection lives */
	T_EQ_I(app.ends[END_TOO_LARGE], 1);
	T_EQ_I(app.requests, 2);
	got_free(&g);
	close(fd);
	fd = begin(&out); /* 101 fields; and 300 of 120 bytes, in CONTINUATION */
	sb_init(&big, 1 << 20);
	sb_adds(&big, GOOD);
	for (unsigned i = 0; i < 101; i++)
		sb_adds(&big, "|x=y");
	add_head(&out, 1, END_HEADERS | END_STREAM, big.p);
	sb_clear(&big);
	sb_adds(&big, GOOD);
	add_head(&out, 3, END_STREAM, big.p);
	for (unsigned i = 0; i < 5; i++) {
		struct sb part;
		sb_init(&part, 1 << 20);
		for (unsigned k = 0; k < 80; k++)
			add_field(&part, STR("x-long"), str_make(letters, sizeof letters));
		add_frame(&out, CONT, i == 4 ? END_HEADERS : 0, 3, part.p, part.n);
		sb_fini(&part);
	}
	sb_fini(&big);
	g = answer(fd, &out, 30);
	T_TRUE(status_of(&g, 1) && status_of(&g, 1) != 200);
	T_TRUE((status_of(&g, 3) && status_of(&g, 3) != 200) || code_of(&g, RST, 3) > 0 || code_of(&g, GOAWAY, 0) > 0);
	T_EQ_I(app.requests, 2);
	got_free(&g);
	close(fd);
	spin(3);
	close_all();
}

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Each is sent until the server hangs up, and it must. */
TEST(floods_are_cut_off)
{
	static const char hold[] = ":method=GET|:scheme=http|:path=/hold|:authority=a";
	static const char *const names[] = {"rapid reset", "CONTINUATION", "PING", "SETTINGS", "empty DATA", "PRIORITY",
					    "bad heads", "WINDOW_UPDATE", "resets that we send", "empty CONTINUATION"};
	for (unsigned kind = 0; kind < sizeof names / sizeof *names; kind++) {
		struct got g = {0};
		struct sb out;
		double from;
		uint32_t id = 1;
		size_t sent = 0, n;
		int fd;
		open_all(false, false, false);
		from = cpu_s();
		fd = begin(&out);
		if (kind == 1 || kind == 9)
			add_head(&out, 1, 0, GOOD);
		if (kind == 4)
			add_head(&out, 1, END_HEADERS, GOOD);
		for (unsigned i = 0; i < 4000 && !g.end; i++) {
			for (unsigned k = 0; k < 50; k++, id += 2) {
				if (kind == 0) {
					add_head(&out, id, END_HEADERS | END_STREAM, hold);
					add_frame(&out, RST, 0, id, "\0\0\0\10", 4);
				} else if (kind == 1 && k == 0) {
					add_frame(&out, CONT, 0, 1, pattern, 0);
					add_frame(&out, CONT, 0, 1, "\0\1x\1y", 5);
				} else if (kind == 2) {
					add_frame(&out, PING, 0, 0, "12345678", 8);
				} else if (kind == 3) {
					add_frame(&out, SETTINGS, 0, 0, "\0\3\0\0\0\1", 6);
				} else if (kind == 4) {
					add_frame(&out, DATA, 0, 1, "", 0);
				} else if (kind == 5) {
					add_frame(&out, PRIORITY, 0, id, "\0\0\0\0\1", 5);
				} else if (kind == 6) {
					add_head(&out, id, END_HEADERS | END_STREAM, GOOD "|Upper=1");
				} else if (kind == 7) {
					add_frame(&out, WINDOW, 0, 0, "\0\0\0\1", 4);
				} else if (kind == 8) { /* a window of nothing: a fault that makes the server reset */
					add_head(&out, id, END_HEADERS, hold);
					add_frame(&out, WINDOW, 0, id, "\0\0\0\0", 4);
				} else if (kind == 9) {
					add_frame(&out, CONT, 0, 1, "", 0);
				}
			}
			sent += out.n;
			raw_send(fd, out.p, out.n);
			sb_clear(&out);
			raw_read(fd, &g);
			loop_once(loop, 0);
		}
		for (unsigned i = 0; i < 50 && !g.end; i++) {
			raw_read(fd, &g);
			loop_once(loop, 500);
		}
		printf("  %s: cut off after %zu KiB, %.3f s, code %ld\n", names[kind], sent / 1024, cpu_s() - from,
		       code_of(&g, GOAWAY, 0));
		T_TRUE(g.end && sent < 3 << 20);
		T_TRUE(g.reset || find(&g, GOAWAY, 0, &n));
		T_TRUE(cpu_s() - from < 2);
		T_TRUE(app.requests <= 1200);
		sb_fini(&out);
		got_free(&g);
		close(fd);
		spin(5);
		T_EQ_I(server_connections(server), 0);
		close_all();
	}
}

static struct got after(int fd, uint64_t us, struct got g)
{
	for (uint64_t passed = 0; passed < us && !g.end; passed += 500000) {
		clock_advance(&hand, 500000);
		spin(3);
		raw_read(fd, &g);
	}
	spin(3);
	raw_read(fd, &g);
	return g;
}

TEST(the_slow_are_not_waited_for)
{
	struct sb out;
	struct got g;
	int fd;
	open_all(false, true, false);
	limits.stream_idle_us = 30 * 1000000ull;
	fd = begin(&out); /* a head that does not end */
	add_head(&out, 1, 0, GOOD);
	g = answer(fd, &out, 8);
	g = after(fd, limits.head_us - 1000000, g);
	T_TRUE(!g.end);
	g = after(fd, 4000000, g);
	T_TRUE(g.end);
	got_free(&g);
	close(fd);
	fd = begin(&out); /* a body that does not come */
	add_head(&out, 1, END_HEADERS, GOOD);
	g = answer(fd, &out, 8);
	g = after(fd, limits.body_grace_us - 1000000, g);
	T_EQ_I(status_of(&g, 1), 0);
	g = after(fd, 2000000, g);
	T_TRUE(status_of(&g, 1) && status_of(&g, 1) != 200 && !g.end);
	T_EQ_I(app.ends[END_TIMEOUT_SLOW], 1);
	g = after(fd, limits.idle_us + 2000000, g); /* and then silence */
	T_TRUE(g.end && code_of(&g, GOAWAY, 0) == 0);
	got_free(&g);
	close(fd);
	fd = begin(&out); /* an answer that is not taken: the window is never opened */
	add_head(&out, 1, END_HEADERS | END_STREAM, ":method=GET|:scheme=http|:path=/big/1000000|:authority=a");
	g = answer(fd, &out, 20);
	T_TRUE(g.n >= 65535 && g.n < 70000);
	g = after(fd, limits.stream_idle_us + 2000000, g);
	T_TRUE(code_of(&g, RST, 1) > 0);
	T_EQ_I(app.ends[END_TIMEOUT_SLOW], 2);
	got_free(&g);
	close(fd);
	fd = begin(&out); /* PING does not keep a connection that does nothing */
	g = answer(fd, &out, 8);
	for (unsigned i = 0; i < 90 && !g.end; i++) {
		raw_send(fd, "\0\0\10\6\0\0\0\0\0" "12345678", 17);
		g = after(fd, 1000000, g);
	}
	T_TRUE(g.end);
	got_free(&g);
	close(fd);
	spin(3);
	close_all();
}

#endif
