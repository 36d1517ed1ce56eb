/* SPDX-License-Identifier: Apache-2.0
 *
 * A second opinion on HTTP/1 messages, written line by line from RFC 9112 without a look at src/net: slow,
 * naive, strict. Whatever src/net accepts must be accepted here, with the same framing.
 */
#ifndef RR_TEST_H1_ORACLE_H
#define RR_TEST_H1_ORACLE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct oracle_head {
	size_t bytes;
	unsigned headers;
	long long length; /* -1 none */
	bool chunked;
	unsigned status;
	char host[512];
};

static inline bool oracle_tchar(int c)
{
	return c && strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", c);
}

/* Lines of [p,end), each ended by CR LF, no other CR or LF anywhere. */
static inline bool oracle_fields(const char *p, const char *end, struct oracle_head *o, unsigned *hosts)
{
	unsigned lengths = 0, codings = 0;
	*hosts = 0;
	while (p < end) {
		const char *eol = p ? memmem(p, (size_t)(end - p), "\r\n", 2) : NULL, *colon, *v, *ve;
		char value[512];
		if (!eol)
			return false;
		colon = memchr(p, ':', (size_t)(eol - p));
		if (!colon || colon == p)
			return false;
		for (const char *c = p; c < colon; c++)
			if (!oracle_tchar((unsigned char)*c))
				return false;
		for (v = colon + 1; v < eol && (*v == ' ' || *v == '\t'); v++)
			;
		for (ve = eol; ve > v && (ve[-1] == ' ' || ve[-1] == '\t'); ve--)
			;
		for (const char *c = v; c < ve; c++)
			if (((unsigned char)*c < 32 && *c != '\t') || *c == 127)
				return false;
		snprintf(value, sizeof value, "%.*s", (int)(ve - v), v);
		o->headers++;
		if (colon - p == 14 && !strncasecmp(p, "content-length", 14)) {
			lengths++;
			if (!value[0] || strspn(value, "0123456789") != strlen(value) || strlen(value) > 18)
				return false;
			o->length = atoll(value);
		}
		if (colon - p == 17 && !strncasecmp(p, "transfer-encoding", 17)) {
			codings++;
			if (strcasecmp(value, "chunked"))
				return false;
			o->chunked = true;
		}
		if (colon - p == 4 && !strncasecmp(p, "host", 4)) {
			++*hosts;
			memcpy(o->host, value, sizeof value);
		}
		p = eol + 2;
	}
	return lengths <= 1 && codings <= 1 && !(lengths && codings);
}

/* The end of the head and whether its CRs and LFs come in pairs only. NULL: not so. */
static inline const char *oracle_end(const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	if (!end)
		return NULL;
	for (const char *c = p; c < end + 4; c++)
		if ((*c == '\n' && (c == p || c[-1] != '\r')) || (*c == '\r' && c[1] != '\n'))
			return NULL;
	return end + 4;
}

static inline bool oracle_request(const char *p, size_t n, struct oracle_head *o)
{
	const char *end, *eol, *sp1, *sp2;
	unsigned hosts;
	memset(o, 0, sizeof *o);
	o->length = -1;
	if (!(end = oracle_end(p, n)))
		return false;
	o->bytes = (size_t)(end - p);
	eol = memmem(p, n, "\r\n", 2);
	sp1 = eol ? memchr(p, ' ', (size_t)(eol - p)) : NULL;
	sp2 = sp1 ? memchr(sp1 + 1, ' ', (size_t)(eol - sp1 - 1)) : NULL;
	if (!sp2 || sp1 == p || sp2 == sp1 + 1 || memchr(sp2 + 1, ' ', (size_t)(eol - sp2 - 1)))
		return false;
	for (const char *c = p; c < sp1; c++)
		if (!oracle_tchar((unsigned char)*c))
			return false;
	for (const char *c = sp1 + 1; c < sp2; c++)
		if ((unsigned char)*c <= 32 || (unsigned char)*c >= 127)
			return false;
	if (eol - sp2 != 9 || memcmp(sp2 + 1, "HTTP/1.", 7) || (sp2[8] != '0' && sp2[8] != '1'))
		return false;
	if (!oracle_fields(eol + 2, end - 2, o, &hosts))
		return false;
	if (hosts > 1 || (sp2[8] == '1' && hosts != 1) || (sp2[8] == '0' && o->chunked))
		return false;
	if (hosts && (!o->host[0] || strpbrk(o->host, " ,/@?#\\\t\"")))
		return false;
	if (sp1[1] == '/')
		return true;
	if (sp2 - sp1 == 2 && sp1[1] == '*')
		return true;
	for (int i = 0; i < 2; i++) { /* absolute-form: the same authority as Host says */
		const char *scheme = i ? "https://" : "http://";
		size_t k = strlen(scheme), a = strlen(o->host);
		if ((size_t)(sp2 - sp1 - 1) >= k && !strncasecmp(sp1 + 1, scheme, k)) {
			const char *from = sp1 + 1 + k;
			if (!hosts) /* HTTP/1.0 */
				return true;
			return (size_t)(sp2 - from) >= a && !strncasecmp(from, o->host, a) && (from[a] == '/' ||
				from + a == sp2);
		}
	}
	return false;
}

static inline bool oracle_response(const char *p, size_t n, struct oracle_head *o)
{
	const char *end, *eol;
	unsigned hosts;
	memset(o, 0, sizeof *o);
	o->length = -1;
	if (!(end = oracle_end(p, n)))
		return false;
	o->bytes = (size_t)(end - p);
	eol = memmem(p, n, "\r\n", 2);
	if (!eol || eol - p < 12 || memcmp(p, "HTTP/1.", 7) || (p[7] != '0' && p[7] != '1') || p[8] != ' ' ||
		(eol - p > 12 && p[12] != ' '))
		return false;
	for (int i = 9; i < 12; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	o->status = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	if (!oracle_fields(eol + 2, end - 2, o, &hosts))
		return false;
	return !(p[7] == '0' && o->chunked);
}

/* 1: whole, *used bytes, body in out (as large as n); 0: not whole or not well formed. */
static inline int oracle_chunked(const char *p, size_t n, char *out, size_t *out_n, size_t *used)
{
	size_t at = 0;
	*out_n = 0;
	for (;;) {
		const char *eol = memmem(p + at, n - at, "\r\n", 2);
		char digits[18] = "";
		size_t d = 0, size;
		if (!eol)
			return 0;
		for (const char *c = p + at; c < eol; c++)
			if (*c == '\n' || *c == '\r' || !*c)
				return 0;
		while (p + at + d < eol && strchr("0123456789abcdefABCDEF", p[at + d])) {
			if (d == 16)
				return 0;
			digits[d] = p[at + d];
			d++;
		}
		if (!d || (p + at + d < eol && p[at + d] != ';'))
			return 0;
		for (const char *c = p + at + d; c < eol; c++)
			if (((unsigned char)*c < 32 && *c != '\t') || *c == 127)
				return 0;
		size = strtoull(digits, NULL, 16);
		at = (size_t)(eol - p) + 2;
		if (!size)
			break;
		if (n - at < 2 || size > n - at - 2 || memcmp(p + at + size, "\r\n", 2))
			return 0;
		memcpy(out + *out_n, p + at, size);
		*out_n += size;
		at += size + 2;
	}
	for (;;) { /* trailers */
		const char *eol = memmem(p + at, n - at, "\r\n", 2);
		struct oracle_head o = {.length = -1};
		unsigned hosts;
		if (!eol)
			return 0;
		if (eol == p + at) {
			*used = at + 2;
			return 1;
		}
		for (const char *c = p + at; c < eol; c++)
			if (*c == '\n' || *c == '\r')
				return 0;
		/* A trailer means nothing here, so its name is not looked at: mask it. */
		(void)oracle_fields(p + at, eol + 2, &o, &hosts);
		if (!o.headers)
			return 0;
		at = (size_t)(eol - p) + 2;
	}
}

#endif
