/* SPDX-License-Identifier: Apache-2.0
 *
 * See h1.h. Bodies: by length, in chunks, until close; and the writing of heads.
 *
 * The chunk reader is a machine of one byte a step for the framing and of spans for the data:
 *
 *   SIZE -> [EXT] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE ...
 *                       \ (size 0) -> FIELD -> NAME -> VALUE -> VALUE_LF -> FIELD ... -> LAST_LF
 *
 * A size is 1 to 16 hex digits and nothing else: no sign, prefix, space or underscore. Extensions are
 * bounded and dropped; trailers are bounded as a head is, checked as headers are, and dropped.
 */
#include "net/h1.h"

enum { SIZE, EXT, SIZE_LF, DATA, DATA_CR, DATA_LF, FIELD, NAME, VALUE, VALUE_LF, LAST_LF };

void h1_body_request(struct h1_body *b, const struct head *h)
{
	memset(b, 0, sizeof *b);
	if (h->chunked) {
		b->kind = H1_BODY_CHUNKED;
	} else if (h->content_length > 0) {
		b->kind = H1_BODY_LENGTH;
		b->left = (uint64_t)h->content_length;
	} else {
		b->kind = H1_BODY_NONE;
		b->done = true;
	}
}

void h1_body_response(struct h1_body *b, const struct head *h, struct str method)
{
	memset(b, 0, sizeof *b);
	if (str_eq(method, STR("HEAD")) || h->status < 200 || h->status == 204 || h->status == 304) {
		b->kind = H1_BODY_NONE;
		b->done = true;
		return;
	}
	if (h->chunked || h->content_length >= 0)
		h1_body_request(b, h);
	else
		b->kind = H1_BODY_UNTIL_CLOSE;
}

static long syntax(const char **fault, const char *why)
{
	*fault = why;
	return -RR_SYNTAX;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_token(char c)
{
	return h1_header_ok(str_make(&c, 1), str_make(NULL, 0));
}

static bool is_value(char c)
{
	return c == '\t' || (unsigned char)c >= 0x80 || (c >= 0x20 && c < 0x7F);
}

/* A byte of the framing. NULL or why not. */
static const char *chunk_step(struct h1_body *b, char c, const struct http_limits *l)
{
	int digit;
	switch (b->state) {
	case SIZE:
		digit = hex_digit(c);
		if (digit >= 0) {
			if (++b->line_bytes > 16 || b->left >> 59)
				return "a chunk size that is too large";
			b->left = b->left << 4 | (unsigned)digit;
			break;
		}
		if (!b->line_bytes || (c != ';' && c != '\r'))
			return "a chunk size that is not hexadecimal digits";
		b->line_bytes = 0;
		b->state = c == ';' ? EXT : SIZE_LF;
		break;
	case EXT:
		if (c == '\r')
			b->state = SIZE_LF;
		else if (!is_value(c))
			return "a control byte in a chunk extension";
		else if (++b->line_bytes >= l->chunk_ext_bytes)
			return "a chunk extension that is too long";
		break;
	case SIZE_LF:
		if (c != '\n')
			return "a CR without LF behind a chunk size";
		b->line_bytes = 0;
		b->state = b->left ? DATA : FIELD;
		break;
	case DATA_CR:
		if (c != '\r')
			return "a chunk that is longer than its size";
		b->state = DATA_LF;
		break;
	case DATA_LF:
		if (c != '\n')
			return "a CR without LF behind a chunk";
		b->line_bytes = 0;
		b->state = SIZE;
		break;
	case FIELD:
		if (c == '\r')
			b->state = LAST_LF;
		else if (is_token(c))
			b->state = NAME;
		else
			return "a trailer that is no header line";
		break;
	case NAME:
		if (c == ':')
			b->state = VALUE;
		else if (!is_token(c))
			return "a trailer that is no header line";
		break;
	case VALUE:
		if (c == '\r')
			b->state = VALUE_LF;
		else if (!is_value(c))
			return "a control byte in a trailer";
		break;
	case VALUE_LF:
		if (c != '\n')
			return "a CR without LF in a trailer";
		b->state = FIELD;
		break;
	default: /* LAST_LF */
		if (c != '\n')
			return "a CR without LF at the end of the chunks";
		b->done = true;
		break;
	}
	if (b->state >= FIELD && ++b->line_bytes > l->head_bytes)
		return "trailers that are too long";
	return NULL;
}

long h1_body_next(struct h1_body *b, const char *p, size_t n, struct str *data, const struct http_limits *l,
		  const char **fault)
{
	size_t i = 0;
	*data = str_make(p, 0);
	if (b->done || n == 0)
		return 0;
	switch (b->kind) {
	case H1_BODY_LENGTH:
		data->n = n < b->left ? n : (size_t)b->left;
		b->left -= data->n;
		b->done = b->left == 0;
		return (long)data->n;
	case H1_BODY_UNTIL_CLOSE:
		data->n = n;
		return (long)n;
	case H1_BODY_CHUNKED:
		break;
	default:
		b->done = true;
		return 0;
	}
	while (i < n && !b->done && b->state != DATA) {
		const char *why = chunk_step(b, p[i++], l);
		if (why)
			return syntax(fault, why);
	}
	if (b->state == DATA && i < n) {
		*data = str_make(p + i, n - i < b->left ? n - i : (size_t)b->left);
		b->left -= data->n;
		i += data->n;
		if (!b->left)
			b->state = DATA_CR;
	}
	return (long)i;
}

/* Room for n more bytes at once: one check instead of four calls. NULL: the slow way. */
static char *reserve(struct sb *out, size_t n)
{
	char *at;
	if (out->full || out->cap <= out->n || out->cap - out->n <= n || out->limit < out->n + n)
		return NULL;
	at = out->p + out->n;
	out->n += n;
	out->p[out->n] = 0;
	return at;
}

static char *put(char *at, struct str s)
{
	if (s.n)
		memcpy(at, s.p, s.n);
	return at + s.n;
}

int h1_write_header(struct sb *out, struct str name, struct str value)
{
	char *at;
	if (!h1_header_ok(name, value))
		return -RR_INPUT;
	at = reserve(out, name.n + value.n + 4);
	if (at) {
		at = put(put(put(at, name), STR(": ")), value);
		at[0] = '\r';
		at[1] = '\n';
	} else {
		sb_add_str(out, name);
		sb_add(out, ": ", 2);
		sb_add_str(out, value);
		sb_add(out, "\r\n", 2);
	}
	return out->full ? -RR_LIMIT : 0;
}

int h1_write_request_line(struct sb *out, struct str method, struct str target)
{
	if (!h1_header_ok(method, str_make(NULL, 0)) || target.n == 0 ||
	    (target.p[0] != '/' && !str_eq(target, STR("*"))))
		return -RR_INPUT;
	for (size_t i = 0; i < target.n; i++)
		if (target.p[i] <= 0x20 || target.p[i] >= 0x7F || target.p[i] == '#' || target.p[i] == '\\')
			return -RR_INPUT;
	sb_add_str(out, method);
	sb_addc(out, ' ');
	sb_add_str(out, target);
	sb_add(out, " HTTP/1.1\r\n", 11);
	return out->full ? -RR_LIMIT : 0;
}

int h1_write_status_line(struct sb *out, unsigned status)
{
	char line[16] = "HTTP/1.1 000 ";
	if (status < 100 || status > 599)
		return -RR_INPUT;
	line[9] = (char)('0' + status / 100);
	line[10] = (char)('0' + status / 10 % 10);
	line[11] = (char)('0' + status % 10);
	sb_add(out, line, 13);
	sb_adds(out, h1_reason(status));
	sb_add(out, "\r\n", 2);
	return out->full ? -RR_LIMIT : 0;
}

/* RFC 9110 section 15, RFC 6585, RFC 7725, RFC 8297; 529 is Anthropic's "overloaded" and has no name. */
const char *h1_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *words;
	} reasons[] = {
		{200, "OK"},
		{100, "Continue"},
		{101, "Switching Protocols"},
		{103, "Early Hints"},
		{201, "Created"},
		{202, "Accepted"},
		{203, "Non-Authoritative Information"},
		{204, "No Content"},
		{205, "Reset Content"},
		{206, "Partial Content"},
		{300, "Multiple Choices"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{303, "See Other"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{402, "Payment Required"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{407, "Proxy Authentication Required"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{424, "Failed Dependency"},
		{426, "Upgrade Required"},
		{428, "Precondition Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{451, "Unavailable For Legal Reasons"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].words;
	return "";
}
