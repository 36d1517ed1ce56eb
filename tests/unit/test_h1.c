/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec alone: the table of refusals, the table of what is taken, every split, and random messages
 * against a second opinion (h1_oracle.h).
 */
#include "t.h"

#include <time.h>

#include "base/rng.h"
#include "h1_cases.h"
#include "h1_oracle.h"
#include "net/h1.h"

static const struct http_limits *const L = &http_limits_default;

static long parse(struct head *h, const char *p, size_t n, const char **fault)
{
	/* On the heap, exactly n bytes: the sanitizer sees a read behind the end. */
	static char *last;
	*fault = NULL;
	free(last);
	last = malloc(n ? n : 1);
	memcpy(last, p, n);
	return h1_parse_request(h, last, n, L, fault);
}

/* Prefixes of a refused head: 0, 0, ... then refused and refused ever after. */
static void check_refused(const char *name, const char *p, size_t n)
{
	struct head h;
	const char *fault;
	bool refused = false;
	for (size_t i = 0; i <= n; i++) {
		long rc = parse(&h, p, i, &fault);
		if (rc > 0 || (refused && rc == 0) || (rc < 0 && !fault)) {
			printf("  %s: prefix of %zu gives %ld\n", name, i, rc);
			t_bad++;
			return;
		}
		refused = rc < 0;
	}
	if (!refused) {
		printf("  %s: accepted\n", name);
		t_bad++;
	}
}

TEST(every_smuggling_trick_is_refused)
{
	for (unsigned i = 0; i < H1_REFUSED; i++)
		check_refused(h1_refused[i].name, h1_refused[i].bytes.p, h1_refused[i].bytes.n);
}

struct taken {
	const char *bytes;
	const char *target, *path, *query, *host;
	int64_t length;
	bool chunked, keep, expect;
	unsigned headers;
};

TEST(ordinary_requests_are_taken_and_no_prefix_is)
{
	static const struct taken taken[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", "/", "", "a", -1, false, true, false, 1},
		{"GET /v1/models?limit=2&x=%20 HTTP/1.1\r\nhost:a.example:8080\r\n\r\n", "/v1/models?limit=2&x=%20",
			"/v1/models",
		 "limit=2&x=%20", "a.example:8080", -1, false, true, false, 1},
		{"POST /x HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n", "/x", "/x", "", "[::1]:80", 0,
			false, true,
		 false, 2},
		{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length:  123  \r\nConnection: close\r\n\r\n", "/x", "/x", "",
			"a", 123,
		 false, false, false, 3},
		{"POST /x HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n", "/x",
			"/x", "", "a",
		 -1, true, true, true, 3},
		{"GET http://a.Example/p?q HTTP/1.1\r\nHost: A.example\r\n\r\n", "/p?q", "/p", "q", "A.example", -1,
			false, true,
		 false, 1},
		{"GET HTTPS://a HTTP/1.1\r\nHost: a\r\n\r\n", "/", "/", "", "a", -1, false, true, false, 1},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", "*", "", "a", -1, false, true, false, 1},
		{"GET / HTTP/1.0\r\n\r\n", "/", "/", "", "", -1, false, false, false, 0},
		{"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", "/", "/", "", "", -1, false, true, false, 1},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", "/", "/", "", "a", -1, false,
			false, false, 2},
		{"GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Tab:\ta\tb\t\r\nX-Utf8: caf\xc3\xa9\r\n\r\n", "/", "/",
			"", "a", -1,
		 false, true, false, 4},
		{"M-SEARCH /?? HTTP/1.1\r\nHost: a\r\n\r\n", "/??", "/", "?", "a", -1, false, true, false, 1},
	};
	for (unsigned i = 0; i < sizeof taken / sizeof *taken; i++) {
		const struct taken *k = &taken[i];
		size_t n = strlen(k->bytes);
		struct head h;
		const char *fault;
		char tail[512];
		for (size_t j = 0; j < n; j++)
			T_EQ_I(parse(&h, k->bytes, j, &fault), 0);
		snprintf(tail, sizeof tail, "%sGET /next", k->bytes);
		T_EQ_I(parse(&h, tail, strlen(tail), &fault), n);
		T_EQ_I(parse(&h, k->bytes, n, &fault), n);
		T_TRUE(str_eqc(h.target, k->target));
		T_TRUE(str_eqc(h.path, k->path));
		T_TRUE(str_eqc(h.query, k->query));
		T_TRUE(str_eqc(h.host, k->host));
		T_EQ_I(h.content_length, k->length);
		T_EQ_I(h.chunked, k->chunked);
		T_EQ_I(h.keep_alive, k->keep);
		T_EQ_I(h.expect_continue, k->expect);
		T_EQ_I(h.headers, k->headers);
	}
}

TEST(look_ups)
{
	struct head h;
	const char *fault;
	const char *m = "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a:2\r\nconnection: x-b, close\r\n\r\n";
	T_TRUE(parse(&h, m, strlen(m), &fault) > 0);
	T_TRUE(str_eqc(head_get(&h, "x-a"), "1"));
	T_EQ_I(head_count(&h, "X-A"), 2);
	T_TRUE(head_get(&h, "x").p == NULL);
	T_TRUE(header_is_hop(STR("Transfer-Encoding")) && header_is_hop(STR("TE")) &&
		header_is_hop(STR("Proxy-Authorization")));
	T_TRUE(header_is_hop(STR("upgrade")) && header_is_hop(STR("Trailer")) && header_is_hop(STR("Keep-Alive")));
	T_TRUE(!header_is_hop(STR("host")) && !header_is_hop(STR("authorization")) && !header_is_hop(STR("proxy")));
	T_TRUE(head_is_hop(&h, STR("X-B")) && !head_is_hop(&h, STR("X-A")) && head_is_hop(&h, STR("te")));
}

static char *repeat(char *p, char c, size_t n)
{
	memset(p, c, n);
	return p + n;
}

TEST(limits_of_lines_heads_and_counts)
{
	static char m[80000];
	struct head h;
	const char *fault;
	char *c;
	for (int over = 0; over < 2; over++) { /* "GET " + target + " HTTP/1.1" */
		c = m + sprintf(m, "GET /");
		c = repeat(c, 'a', L->request_line_bytes - 14 + over);
		c += sprintf(c, " HTTP/1.1\r\nHost: a\r\n\r\n");
		T_EQ_I(parse(&h, m, (size_t)(c - m), &fault), over ? -RR_LIMIT : c - m);
		T_TRUE(!over || fault == h1_long_line);
	}
	repeat(m, 'G', 9000); /* a method without an end */
	T_EQ_I(parse(&h, m, 9000, &fault), -RR_LIMIT);
	T_TRUE(fault == h1_long_line);
	for (int over = 0; over < 2; over++) {
		size_t rest;
		c = m + sprintf(m, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
		rest = L->head_bytes - (size_t)(c - m) - 4 + over;
		c = repeat(c, 'a', rest);
		c += sprintf(c, "\r\n\r\n");
		T_EQ_I(parse(&h, m, (size_t)(c - m), &fault), over ? -RR_LIMIT : c - m);
		T_TRUE(!over || fault != h1_long_line);
	}
	T_EQ_I(parse(&h, m, L->head_bytes - 10, &fault), 0);
	for (int over = 0; over < 2; over++) {
		c = m + sprintf(m, "GET / HTTP/1.1\r\nHost: a\r\n");
		for (int i = 1; i < HTTP_HEADERS + over; i++)
			c += sprintf(c, "X-%d: a\r\n", i);
		c += sprintf(c, "\r\n");
		T_EQ_I(parse(&h, m, (size_t)(c - m), &fault), over ? -RR_LIMIT : c - m);
	}
}

/* The rules of RFC 9110 5.6.2 and 5.5 for each byte, in names and in values. */
TEST(every_byte_in_names_values_and_targets)
{
	for (int b = 0; b < 256; b++) {
		char m[64] = "GET / HTTP/1.1\r\nHost: a\r\nXaX: bcd\r\n\r\n";
		struct head h;
		const char *fault;
		m[26] = (char)b;
		T_EQ_I(parse(&h, m, 38, &fault) > 0, oracle_tchar(b) || b == ':');
		m[26] = 'a';
		m[31] = (char)b;
		T_EQ_I(parse(&h, m, 38, &fault) > 0, b == 9 || (b >= 32 && b != 127));
		strcpy(m, "GET /aXb HTTP/1.1\r\nHost: a\r\n\r\n");
		m[6] = (char)b;
		T_EQ_I(parse(&h, m, 30, &fault) > 0, b > 32 && b < 127 && b != '#' && b != '\\');
	}
	for (int b = 0; b < 256; b++) /* in the part that is skimmed 16 bytes at a time, at each place */
		for (int at = 0; at < 40; at++) {
			char m[128];
			struct head h;
			const char *fault;
			int n = snprintf(m, sizeof m, "GET / HTTP/1.1\r\nHost: a\r\nX: %044d\r\n\r\n", 0);
			m[29 + at] = (char)b;
			T_EQ_I(parse(&h, m, (size_t)n, &fault) > 0, b == 9 || (b >= 32 && b != 127));
		}
}

/* ---- responses */

static long answer(struct head *h, const char *m, const char **fault)
{
	*fault = NULL;
	return h1_parse_response(h, m, strlen(m), L, fault);
}

TEST(responses)
{
	static const char *const good[] = {
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200\r\nA: b\r\n\r\n",
		"HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 529 Overloaded \xc3\xa9\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
	};
	static const char *const bad[] = {
		"HTTP/1.1 200 OK\n\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 099 x\r\n\r\n", "HTTP/1.1 600 x\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
		"HTTP/1.1 200 O\x01K\r\n\r\n",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n",
		"HTTP/1.1 -20 OK\r\n\r\n",
		"<html>", "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1\t200 OK\r\n\r\n",
	};
	struct head h;
	const char *fault;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		for (size_t n = 0; n < strlen(good[i]); n++)
			T_EQ_I(h1_parse_response(&h, good[i], n, L, &fault), 0);
		T_EQ_I(answer(&h, good[i], &fault), strlen(good[i]));
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (answer(&h, bad[i], &fault) >= 0)
			printf("  taken: %s\n", bad[i]);
		T_TRUE(answer(&h, bad[i], &fault) < 0 && fault);
	}
}

TEST(which_body_follows_a_response)
{
	static const struct {
		const char *head, *method;
		enum h1_body_kind kind;
		bool done;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", H1_BODY_LENGTH, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", H1_BODY_NONE, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", H1_BODY_NONE, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", H1_BODY_CHUNKED, false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD", H1_BODY_NONE, true},
		{"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "GET", H1_BODY_NONE, true},
		{"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", "GET", H1_BODY_NONE, true},
		{"HTTP/1.1 103 Hints\r\n\r\n", "GET", H1_BODY_NONE, true},
		{"HTTP/1.1 200 OK\r\n\r\n", "GET", H1_BODY_UNTIL_CLOSE, false},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct head h;
		struct h1_body b;
		const char *fault;
		T_TRUE(answer(&h, rows[i].head, &fault) > 0);
		h1_body_response(&b, &h, str_of(rows[i].method));
		T_EQ_I(b.kind, rows[i].kind);
		T_EQ_I(b.done, rows[i].done);
	}
}

/* ---- chunks */

/* Decodes in pieces of `step` bytes. 1 done, 0 more, -1 refused. */
static int decode(const char *p, size_t n, size_t step, char *out, size_t *out_n, size_t *used)
{
	struct h1_body b = {.kind = H1_BODY_CHUNKED};
	size_t at = 0, end = 0;
	*out_n = 0;
	while (!b.done && at < n) {
		struct str data;
		const char *fault = NULL;
		long rc;
		if (at == end)
			end = n - at < step ? n : at + step;
		rc = h1_body_next(&b, p + at, end - at, &data, L, &fault);
		if (rc < 0)
			return fault ? -1 : -2;
		if (!rc)
			return -3;
		memcpy(out + *out_n, data.p, data.n);
		*out_n += data.n;
		at += (size_t)rc;
	}
	*used = at;
	return b.done;
}

TEST(chunk_tricks_are_refused_whole_and_split)
{
	for (unsigned i = 0; i < CHUNKS_REFUSED; i++)
		for (size_t step = 1; step <= chunks_refused[i].bytes.n; step++) {
			char out[256];
			size_t out_n, used;
			int rc = decode(chunks_refused[i].bytes.p, chunks_refused[i].bytes.n, step, out, &out_n, &used);
			if (rc != -1)
				printf("  %s in steps of %zu: %d\n", chunks_refused[i].name, step, rc);
			T_EQ_I(rc, -1);
			T_EQ_I(oracle_chunked(chunks_refused[i].bytes.p, chunks_refused[i].bytes.n, out, &out_n,
				&used), 0);
		}
}

TEST(chunks_in_steps_of_every_size)
{
	static const char m[] =
		"5;name=\"v w\"\r\nhello\r\n1\r\n,\r\n000c\r\n wonderful w\r\n4\r\norld\r\n0;x\r\nX-T: a b\r\n"
		"Content-Length: 9\r\n\r\nrest";
	for (size_t step = 1; step <= sizeof m; step++) {
		char out[256];
		size_t out_n, used = 0;
		T_EQ_I(decode(m, sizeof m - 1, step, out, &out_n, &used), 1);
		T_TRUE(str_eq(str_make(out, out_n), STR("hello, wonderful world")));
		T_EQ_I(used, sizeof m - 1 - 4);
	}
	for (size_t n = 0; n < sizeof m - 1 - 4; n++) { /* no prefix is whole */
		char out[256];
		size_t out_n, used;
		T_EQ_I(decode(m, n, 7, out, &out_n, &used), 0);
	}
}

TEST(chunk_extensions_and_trailers_are_bounded)
{
	static char m[80000], out[80000];
	size_t out_n, used;
	char *c;
	for (int over = 0; over < 2; over++) {
		c = m + sprintf(m, "5;");
		c = repeat(c, 'e', L->chunk_ext_bytes - 1 + over);
		c += sprintf(c, "\r\nhello\r\n0\r\n\r\n");
		T_EQ_I(decode(m, (size_t)(c - m), 1000, out, &out_n, &used), over ? -1 : 1);
	}
	c = m + sprintf(m, "0\r\nX: ");
	c = repeat(c, 'e', L->head_bytes);
	T_EQ_I(decode(m, (size_t)(c - m), 1000, out, &out_n, &used), -1);
}


TEST(random_chunks_against_the_second_opinion)
{
	struct rng r;
	unsigned whole = 0;
	rng_seed(&r, 1);
	for (int round = 0; round < 200000; round++) {
		static const char *const parts[] = {"5", "0", "a", "\r\n", "\r", "\n", ";", "x=1", "hello",
			"\r\n\r\n", "X: y\r\n", " ", "0\r\n", "1\r\nz\r\n", "+", "_"};
		char m[128], a[128], b[128];
		size_t n = 0, an, bn, cn, au, bu, cu;
		int one, each, other;
		for (uint64_t k = 1 + rng_below(&r, 8); k; k--) {
			const char *part = parts[rng_below(&r, sizeof parts / sizeof *parts)];
			memcpy(m + n, part, strlen(part));
			n += strlen(part);
		}
		one = decode(m, n, n, a, &an, &au);
		each = decode(m, n, 1, b, &bn, &bu);
		T_EQ_I(one, each);
		other = oracle_chunked(m, n, b, &cn, &cu);
		if ((one == 1) != (other == 1)) {
			printf("  differs (%d, %d): %.*s\n", one, other, (int)n, m);
			t_bad++;
		}
		if (one == 1) {
			whole++;
			T_TRUE(an == cn && au == cu && !memcmp(a, b, cn));
		}
	}
	T_TRUE(whole > 100);
}

/* ---- random heads */

TEST(random_requests_against_the_second_opinion)
{
	static const char *const parts[] = {
		"GET", "POST", " ", "/", "/a?b", "http://a", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r\n", "\n", "\r",
		"Host: a", "Host: b", "\r\n\r\n",
		"Content-Length: 5", "Content-Length:", "5", "Transfer-Encoding: chunked", ":", "\t", "X: y", "\0",
		"X", ",", "GET / HTTP/1.1\r\nHost: a\r\n",
		"POST http://a/ HTTP/1.1\r\nHost: a\r\n", "Connection: close\r\n", "\x80", "*"};
	struct rng r;
	unsigned taken = 0;
	rng_seed(&r, 2);
	for (int round = 0; round < 200000; round++) {
		char m[1024];
		size_t n = 0;
		struct head h, again;
		struct oracle_head o;
		const char *fault;
		long rc;
		for (uint64_t k = 1 + rng_below(&r, 12); k; k--) {
			const char *part = parts[rng_below(&r, sizeof parts / sizeof *parts)];
			size_t len = *part ? strlen(part) : 1;
			memcpy(m + n, part, len);
			n += len;
		}
		rc = parse(&h, m, n, &fault);
		if (rc > 0) {
			size_t cut = (size_t)rng_below(&r, (uint64_t)rc);
			taken++;
			if (!oracle_request(m, n, &o) || o.bytes != (size_t)rc || o.headers != h.headers ||
				o.length != h.content_length ||
			    o.chunked != h.chunked) {
				printf("  the second opinion differs on: %.*s\n", (int)n, m);
				t_bad++;
			}
			T_EQ_I(parse(&again, m, cut, &fault), 0);
		} else if (rc < 0) {
			T_TRUE(fault != NULL);
		}
	}
	T_TRUE(taken > 1000);
}

/* ---- writing */

TEST(written_heads_are_read_back_and_tricks_are_not_written)
{
	struct sb out;
	struct head h;
	const char *fault;
	sb_init(&out, 4096);
	T_EQ_I(h1_write_request_line(&out, STR("POST"), STR("/a?b")), 0);
	T_EQ_I(h1_write_header(&out, STR("Host"), STR("a")), 0);
	T_EQ_I(h1_write_header(&out, STR("X"), STR("")), 0);
	T_EQ_I(h1_write_header(&out, STR("X"), STR("a\r\nEvil: 1")), -RR_INPUT);
	T_EQ_I(h1_write_header(&out, STR("X"), STR("a\nEvil: 1")), -RR_INPUT);
	T_EQ_I(h1_write_header(&out, STR("X"), str_make("a\0b", 3)), -RR_INPUT);
	T_EQ_I(h1_write_header(&out, STR("X:"), STR("a")), -RR_INPUT);
	T_EQ_I(h1_write_header(&out, STR(""), STR("a")), -RR_INPUT);
	T_EQ_I(h1_write_header(&out, STR("X "), STR("a")), -RR_INPUT);
	T_EQ_I(h1_write_header(&out, STR("X"), STR(" a")), -RR_INPUT);
	T_EQ_I(h1_write_request_line(&out, STR("GET"), STR("/a HTTP/1.1\r\nX: y")), -RR_INPUT);
	T_EQ_I(h1_write_request_line(&out, STR("GET /"), STR("/")), -RR_INPUT);
	T_EQ_I(h1_write_request_line(&out, STR("GET"), STR("a")), -RR_INPUT);
	T_EQ_I(h1_write_status_line(&out, 99), -RR_INPUT);
	T_EQ_I(h1_write_status_line(&out, 600), -RR_INPUT);
	sb_add(&out, "\r\n", 2);
	T_EQ_I(parse(&h, out.p, out.n, &fault), out.n);
	T_EQ_I(h.headers, 2);
	sb_clear(&out);
	T_EQ_I(h1_write_status_line(&out, 429), 0);
	T_EQ_I(h1_write_status_line(&out, 599), 0); /* without words */
	T_TRUE(str_eqc(sb_str(&out), "HTTP/1.1 429 Too Many Requests\r\nHTTP/1.1 599 \r\n"));
	sb_fini(&out);
	sb_init(&out, 20);
	T_EQ_I(h1_write_header(&out, STR("X-Long-Name"), STR("a long value")), -RR_LIMIT);
	sb_fini(&out);
}

TEST(a_head_of_300_bytes_in_time)
{
	static const char m[] =
		"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:7300\r\n"
		"Authorization: Bearer rr_0123456789abcdef0123456789abcdef\r\n"
		"Content-Type: application/json\r\nAccept: application/json\r\n"
		"User-Agent: OpenAI/Python 1.55.0\r\nAccept-Encoding: gzip, deflate\r\n"
		"Content-Length: 1536\r\nConnection: keep-alive\r\n\r\n";
	struct timespec a, b;
	struct head h;
	const char *fault;
	double best = 1e9;
	for (int round = 0; round < 5; round++) {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		for (int i = 0; i < 20000; i++)
			T_TRUE(h1_parse_request(&h, m, sizeof m - 1, L, &fault) > 0);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		double us = ((double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3) / 20000;
		best = us < best ? us : best;
	}
	printf("  a head of %zu bytes: %.3f us\n", sizeof m - 1, best);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
	T_TRUE(best < 0.7); /* spec/performance.md section 7 */
#endif
}

T_MAIN
