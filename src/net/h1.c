/* SPDX-License-Identifier: Apache-2.0
 *
 * See h1.h. Heads.
 *
 * 1. One pass from left to right; no byte is looked at twice save in the few headers that mean something
 *    to the framing. Values are skimmed 16 bytes at a time.
 * 2. A partial head is refused as soon as a byte of it is wrong, not when it is complete.
 * 3. Nothing is normalised but absolute-form: what was accepted is what was sent.
 *
 * Grammar: RFC 9112 (June 2022) sections 3-7, RFC 9110 5.5 and 5.6; where they say "MAY" towards leniency
 * we do not.
 */
#include "net/h1.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

const char h1_long_line[] = "the request line is too long";
static const char long_head[] = "the head is too long";
static const char many_headers[] = "too many headers";

enum {
	TOKEN = 1,  /* RFC 9110 5.6.2 */
	TARGET = 2, /* visible ASCII but '#' (never sent) and '\\' (read as '/' by some) */
	VALUE = 4,  /* RFC 9110 5.5: HTAB, SP, visible, obs-text */
	HOST = 8,   /* unreserved; a name or an IPv4 literal has no other */
};

static const unsigned char class_of[256] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  4,  0,  0,  0,  0,  0,  0, /* 0_ */
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0, /* 1_ */
	 4,  7,  6,  5,  7,  7,  7,  7,  6,  6,  7,  7,  6, 15, 15,  6, /* 2_ */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  6,  6,  6,  6,  6, /* 3_ */
	 6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 4_ */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  4,  6,  7, 15, /* 5_ */
	 7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 6_ */
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0, /* 7_ */
	 4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4, /* 8_ */
	 4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4, /* 9_ */
	 4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4, /* A_ */
	 4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4, /* B_ */
	 4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4, /* C_ */
	 4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4, /* D_ */
	 4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4, /* E_ */
	 4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4, /* F_ */
};

static bool is(char c, unsigned classes)
{
	return class_of[(unsigned char)c] & classes;
}

static long syntax(const char **fault, const char *why)
{
	*fault = why;
	return -RR_SYNTAX;
}

static long limit(const char **fault, const char *why)
{
	*fault = why;
	return -RR_LIMIT;
}

#ifdef __SSE2__
/* A bit for each of 16 bytes that may not stand in a value. */
static inline unsigned bad16(const char *p)
{
	const __m128i low = _mm_set1_epi8(0x1F), tab = _mm_set1_epi8(0x09), del = _mm_set1_epi8(0x7F);
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, low), x);
	__m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(x, tab), control), _mm_cmpeq_epi8(x, del));
	return (unsigned)_mm_movemask_epi8(bad);
}
#endif

/* First byte that may not stand in a value, or end. */
static const char *skim_value(const char *p, const char *end)
{
#ifdef __SSE2__
	const char *begin = p;
	for (; end - p >= 16; p += 16) {
		unsigned bad = bad16(p);
		if (bad)
			return p + __builtin_ctz(bad);
	}
	if (end - begin >= 16) { /* the last 16, of which those before p are known to be good */
		unsigned bad = p < end ? bad16(end - 16) : 0;
		return bad ? end - 16 + __builtin_ctz(bad) : end;
	}
#endif
	while (p < end && is(*p, VALUE))
		p++;
	return p;
}

/* name is lower-case letters and '-'; bytes of `got` are token bytes, for which |0x20 is exact there. */
static bool same_name(struct str got, const char *name)
{
	for (size_t i = 0; i < got.n; i++)
		if ((got.p[i] | 0x20) != name[i])
			return false;
	return true;
}

static int parse_length(struct str v, int64_t *out)
{
	int64_t n = 0;
	if (v.n == 0 || v.n > 18 || (v.n > 1 && v.p[0] == '0'))
		return -RR_SYNTAX;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return -RR_SYNTAX;
		n = n * 10 + (v.p[i] - '0');
	}
	*out = n;
	return 0;
}

/* uri-host [":" port], no user info, not empty. */
static bool authority_ok(struct str a)
{
	size_t i = 0, digits = 0;
	unsigned port = 0;
	if (a.n && a.p[0] == '[') {
		for (i = 1; i < a.n && a.p[i] != ']'; i++)
			if (!((a.p[i] >= '0' && a.p[i] <= ':') || (a.p[i] == '.') ||
			      ((a.p[i] | 0x20) >= 'a' && (a.p[i] | 0x20) <= 'f')))
				return false;
		if (i < 3 || i == a.n)
			return false;
		i++;
	} else {
		while (i < a.n && is(a.p[i], HOST))
			i++;
		if (i == 0)
			return false;
	}
	if (i == a.n)
		return true;
	if (a.p[i++] != ':')
		return false;
	for (; i < a.n; i++, digits++) {
		if (a.p[i] < '0' || a.p[i] > '9' || digits == 5)
			return false;
		port = port * 10 + (unsigned)(a.p[i] - '0');
	}
	return digits && port <= 65535;
}

struct seen {
	bool request, length, coding, host, close, keep_alive;
};

static const char *note_connection(struct seen *s, struct str v)
{
	while (v.p) {
		struct str token = str_trim(str_cut(&v, ','));
		if (str_ieq(token, STR("close")))
			s->close = true;
		else if (str_ieq(token, STR("keep-alive")))
			s->keep_alive = true;
	}
	return NULL;
}

/* The headers that mean something to the framing. NULL or why not. */
static const char *note_header(struct head *h, struct seen *s, struct str name, struct str v)
{
	switch (name.n) {
	case 4:
		if (!s->request || !same_name(name, "host"))
			break;
		if (s->host)
			return "two Host headers";
		if (!authority_ok(v))
			return "a Host header that is no host";
		s->host = true;
		h->host = v;
		break;
	case 6:
		if (!s->request || !same_name(name, "expect"))
			break;
		if (!str_ieq(v, STR("100-continue")))
			return "an expectation that is not 100-continue";
		h->expect_continue = true;
		break;
	case 10:
		if (same_name(name, "connection"))
			return note_connection(s, v);
		break;
	case 14:
		if (!same_name(name, "content-length"))
			break;
		if (s->length)
			return "two Content-Length headers";
		if (parse_length(v, &h->content_length))
			return "a Content-Length that is no plain number";
		s->length = true;
		break;
	case 17:
		if (!same_name(name, "transfer-encoding"))
			break;
		if (s->coding)
			return "two Transfer-Encoding headers";
		if (!str_ieq(v, STR("chunked")))
			return "a transfer coding that is not just chunked";
		s->coding = h->chunked = true;
		break;
	default:
		break;
	}
	return NULL;
}

/* Lines from *at up to the blank line. 1 whole, 0 more, <0. */
static long parse_fields(struct head *h, struct seen *s, const char **at, const char *end,
			 const struct http_limits *l, const char **fault)
{
	const char *c = *at, *why;
	unsigned most = l->headers < HTTP_HEADERS ? l->headers : HTTP_HEADERS;
	for (;;) {
		const char *name = c, *value, *last;
		size_t name_n;
		if (c == end)
			return 0;
		if (*c == '\r') {
			if (c + 1 == end)
				return 0;
			if (c[1] != '\n')
				return syntax(fault, "a CR without LF");
			*at = c + 2;
			return 1;
		}
		while (c < end && is(*c, TOKEN))
			c++;
		if (c == end)
			return 0;
		if (*c != ':') {
			if (*c == '\n')
				return syntax(fault, "a line that ends in LF alone");
			if (*c == ' ' || *c == '\t')
				return syntax(fault, c == name ? "a folded header line" : "a space before the colon");
			return syntax(fault, "a byte that may not stand in a header name");
		}
		name_n = (size_t)(c - name);
		if (!name_n)
			return syntax(fault, "a header without a name");
		for (c++; c < end && (*c == ' ' || *c == '\t'); c++)
			;
		value = c;
		c = skim_value(c, end);
		if (c == end)
			return 0;
		if (*c != '\r')
			return syntax(fault, *c == '\n' ? "a line that ends in LF alone"
							: "a control byte in a header value");
		if (c + 1 == end)
			return 0;
		if (c[1] != '\n')
			return syntax(fault, "a CR without LF");
		for (last = c; last > value && (last[-1] == ' ' || last[-1] == '\t'); last--)
			;
		if (h->headers == most)
			return limit(fault, many_headers);
		h->header[h->headers].name = str_make(name, name_n);
		h->header[h->headers].value = str_make(value, (size_t)(last - value));
		why = note_header(h, s, h->header[h->headers].name, h->header[h->headers].value);
		if (why)
			return syntax(fault, why);
		h->headers++;
		c += 2;
	}
}

static void head_clear(struct head *h)
{
	memset(h, 0, offsetof(struct head, header));
	h->content_length = -1;
}

/* "HTTP/1." and a digit. 1 whole, 0 more, <0. */
static long parse_version(struct head *h, const char *c, const char *end, const char **fault)
{
	static const char prefix[] = "HTTP/1.";
	for (size_t i = 0; i < 7; i++) {
		if (c + i == end)
			return 0;
		if (c[i] != prefix[i])
			return syntax(fault, "not HTTP/1.0 or HTTP/1.1");
	}
	if (c + 7 == end)
		return 0;
	if (c[7] != '0' && c[7] != '1')
		return syntax(fault, "not HTTP/1.0 or HTTP/1.1");
	h->minor = (unsigned)(c[7] - '0');
	return 1;
}

/* CR LF at c. */
static long parse_crlf(const char *c, const char *end, const char **fault)
{
	if (c == end)
		return 0;
	if (*c != '\r')
		return syntax(fault, *c == '\n' ? "a line that ends in LF alone" : "bytes behind the first line's end");
	if (c + 1 == end)
		return 0;
	return c[1] == '\n' ? 1 : syntax(fault, "a CR without LF");
}

/* After the headers: origin-form is what everybody behind us sees. */
static const char *settle_target(struct head *h, struct str *absolute)
{
	struct str t = h->target;
	size_t at;
	if (t.p[0] == '/') {
	} else if (str_eq(t, STR("*"))) {
		if (!str_eq(h->method, STR("OPTIONS")))
			return "the target * is for OPTIONS only";
	} else {
		size_t scheme = str_ieq(str_sub(t, 0, 7), STR("http://"))    ? 7
				: str_ieq(str_sub(t, 0, 8), STR("https://")) ? 8
									     : 0;
		if (!scheme)
			return "a target that is neither a path nor an absolute http URI";
		*absolute = t = str_sub(t, scheme, t.n);
		for (at = 0; at < t.n && t.p[at] != '/' && t.p[at] != '?'; at++)
			;
		if (at < t.n && t.p[at] == '?')
			return "an absolute URI without a path";
		absolute->n = at;
		h->target = at < t.n ? str_sub(t, at, t.n) : STR("/");
		if (!authority_ok(*absolute))
			return "an absolute URI without a valid host";
	}
	at = str_chr(h->target, '?');
	h->path = at == SIZE_MAX ? h->target : str_sub(h->target, 0, at);
	h->query = at == SIZE_MAX ? str_make(NULL, 0) : str_sub(h->target, at + 1, h->target.n);
	return NULL;
}

static const char *settle_request(struct head *h, const struct seen *s)
{
	struct str absolute = {NULL, 0};
	const char *why = settle_target(h, &absolute);
	if (why)
		return why;
	if (!s->host && h->minor)
		return "no Host header";
	if (absolute.p && s->host && !str_ieq(absolute, h->host))
		return "an absolute URI that is not for the Host that is named";
	if (absolute.p && !s->host)
		h->host = absolute;
	if (s->coding && s->length)
		return "Content-Length beside Transfer-Encoding";
	if (s->coding && !h->minor)
		return "Transfer-Encoding in HTTP/1.0";
	if (str_eq(h->method, STR("CONNECT")))
		return "CONNECT is not served";
	h->keep_alive = h->minor ? !s->close : s->keep_alive && !s->close;
	if (!h->minor)
		h->expect_continue = false;
	return NULL;
}

long h1_parse_request(struct head *h, const char *p, size_t n, const struct http_limits *l, const char **fault)
{
	const char *c = p, *end = p + n, *why;
	struct seen s = {.request = true};
	long rc;
	head_clear(h);
	while (c < end && is(*c, TOKEN))
		c++;
	h->method = str_make(p, (size_t)(c - p));
	if (c < end) {
		const char *target = c + 1;
		if (*c != ' ' || c == p)
			return syntax(fault, "a request line without a method");
		for (c++; c < end && is(*c, TARGET); c++)
			;
		h->target = str_make(target, (size_t)(c - target));
		if (c < end && (*c != ' ' || c == target))
			return syntax(fault, "a request target with a byte that may not stand there");
	}
	if ((size_t)(c - p) > l->request_line_bytes)
		return limit(fault, h1_long_line);
	if (c == end)
		return 0;
	if ((rc = parse_version(h, ++c, end, fault)) <= 0)
		return rc;
	c += 8;
	if ((rc = parse_crlf(c, end, fault)) <= 0)
		return rc;
	if ((size_t)(c - p) > l->request_line_bytes)
		return limit(fault, h1_long_line);
	c += 2;
	rc = parse_fields(h, &s, &c, end, l, fault);
	if (rc < 0)
		return rc;
	if ((rc ? (size_t)(c - p) : n) > l->head_bytes)
		return limit(fault, long_head);
	if (rc == 0)
		return 0;
	why = settle_request(h, &s);
	return why ? syntax(fault, why) : c - p;
}

long h1_parse_response(struct head *h, const char *p, size_t n, const struct http_limits *l, const char **fault)
{
	const char *c = p, *end = p + n, *reason;
	struct seen s = {.request = false};
	long rc;
	head_clear(h);
	if ((rc = parse_version(h, c, end, fault)) <= 0)
		return rc;
	if ((c += 8) == end)
		return 0;
	if (*c++ != ' ')
		return syntax(fault, "a status line without a status");
	for (unsigned i = 0; i < 3; i++, c++) {
		if (c == end)
			return 0;
		if (*c < '0' || *c > '9')
			return syntax(fault, "a status that is no number of three digits");
		h->status = h->status * 10 + (unsigned)(*c - '0');
	}
	if (h->status < 100 || h->status > 599)
		return syntax(fault, "a status outside 100 to 599");
	if (c == end)
		return 0;
	reason = c;
	if (*c == ' ') {
		reason = ++c;
		c = skim_value(c, end);
	}
	h->reason = str_make(reason, (size_t)(c - reason));
	if ((size_t)(c - p) > l->head_bytes)
		return limit(fault, long_head);
	if ((rc = parse_crlf(c, end, fault)) <= 0)
		return rc;
	c += 2;
	rc = parse_fields(h, &s, &c, end, l, fault);
	if (rc < 0)
		return rc;
	if ((rc ? (size_t)(c - p) : n) > l->head_bytes)
		return limit(fault, long_head);
	if (rc == 0)
		return 0;
	if (s.coding && s.length)
		return syntax(fault, "Content-Length beside Transfer-Encoding");
	if (s.coding && !h->minor)
		return syntax(fault, "Transfer-Encoding in HTTP/1.0");
	h->keep_alive = h->minor ? !s.close : s.keep_alive && !s.close;
	return c - p;
}

bool h1_header_ok(struct str name, struct str value)
{
	if (name.n == 0)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is(name.p[i], TOKEN))
			return false;
	if (value.n == 0)
		return true;
	if (value.p[0] == ' ' || value.p[0] == '\t' || value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t')
		return false;
	return skim_value(value.p, value.p + value.n) == value.p + value.n;
}
