/* SPDX-License-Identifier: Apache-2.0
 *
 * Sites and links: who may be connected to, and how a connection comes and rests.
 *
 * 1. A resting link is watched for reading: bytes or an end there mean that it is of no more use.
 * 2. The newest link is used first, so that what is not needed grows old and goes.
 * 3. Of several addresses each gets its share of the time that is left to connect; the order is the
 *    resolver's (RFC 6724).
 * 4. A TLS site keeps the newest ticket, so that its next link resumes the session.
 */
#include "net/client_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int origin_parse(struct origin *o, struct str url, struct err *e)
{
	struct str rest, authority, host;
	uint64_t port = 0;
	size_t at;
	bool https, v6;
	memset(o, 0, sizeof *o);
	https = str_ieq(str_sub(url, 0, 8), STR("https://"));
	if (!https && !str_ieq(str_sub(url, 0, 7), STR("http://")))
		return err_set(e, RR_CONFIG, "an upstream's URL begins with https:// or http://: \"%.*s\"",
			STR_ARG(url));
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= 0x20 || url.p[i] >= 0x7F || strchr("?#@\\\"<>", url.p[i]))
			return err_set(e, RR_CONFIG,
				"an upstream's URL has no user, query, fragment or blank: \"%.*s\"",
				       STR_ARG(url));
	rest = str_sub(url, https ? 8 : 7, url.n);
	at = str_chr(rest, '/');
	authority = at == SIZE_MAX ? rest : str_sub(rest, 0, at);
	rest = at == SIZE_MAX ? str_make("", 0) : str_sub(rest, at, rest.n);
	while (rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	v6 = authority.n && authority.p[0] == '[';
	at = v6 ? str_chr(authority, ']') : str_chr(authority, ':');
	if (v6 && at == SIZE_MAX)
		return err_set(e, RR_CONFIG, "a ']' is missing: \"%.*s\"", STR_ARG(url));
	host = v6 ? str_sub(authority, 1, at) : str_sub(authority, 0, at);
	authority = at == SIZE_MAX ? str_make(NULL, 0) : str_sub(authority, v6 ? at + 1 : at, authority.n);
	if (host.n == 0 || host.n >= sizeof o->host || rest.n >= sizeof o->base_path)
		return err_set(e, RR_CONFIG, "a host or path that is empty or too long: \"%.*s\"", STR_ARG(url));
	if (authority.n &&
	    (authority.p[0] != ':' || authority.n > 6 || str_u64(str_sub(authority, 1, authority.n), &port) ||
	     port == 0 || port > 65535))
		return err_set(e, RR_CONFIG, "a port is a number from 1 to 65535: \"%.*s\"", STR_ARG(url));
	str_copy(o->scheme, sizeof o->scheme, https ? STR("https") : STR("http"));
	for (size_t i = 0; i < host.n; i++)
		o->host[i] = (char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] | 0x20 : host.p[i]);
	str_copy(o->base_path, sizeof o->base_path, rest);
	o->port = (uint16_t)(port ? port : https ? 443 : 80);
	if (port && port != (https ? 443 : 80))
		snprintf(o->authority, sizeof o->authority, v6 ? "[%s]:%u" : "%s:%u", o->host, (unsigned)port);
	else
		snprintf(o->authority, sizeof o->authority, v6 ? "[%s]" : "%s", o->host);
	return 0;
}

/* ---- sites */

static void site_free(struct pool *p, struct site *s)
{
	struct site **at = &p->sites;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	p->site_count--;
	tls_ticket_free(s->ticket);
	free(s);
}

struct site *site_get(struct pool *p, const struct origin *o)
{
	struct site *s, *unused = NULL;
	for (s = p->sites; s; s = s->next) {
		if (s->port == o->port && s->tls == o->tls && s->only_h1 == o->only_h1 && !strcmp(s->host, o->host) &&
		    !strcmp(s->scheme, o->scheme))
			return s;
		if (!s->links)
			unused = s;
	}
	if (p->site_count == SITES_MOST) {
		if (!unused)
			return NULL;
		site_free(p, unused);
	}
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	memcpy(s->scheme, o->scheme, sizeof s->scheme);
	memcpy(s->host, o->host, sizeof s->host);
	s->port = o->port;
	s->tls = o->tls;
	s->only_h1 = o->only_h1;
	s->next = p->sites;
	p->sites = s;
	p->site_count++;
	return s;
}

/* ---- links at rest */

static void leave_idle(struct link *k)
{
	struct site *s = k->site;
	if (k->idle_prev)
		k->idle_prev->idle_next = k->idle_next;
	else
		s->idle = k->idle_next;
	if (k->idle_next)
		k->idle_next->idle_prev = k->idle_prev;
	k->idle_next = k->idle_prev = NULL;
	s->idle_count--;
	k->pool->stats.idle--;
}

struct link *link_take_idle(struct site *s)
{
	struct link *k = s->idle;
	if (k) {
		leave_idle(k);
		k->state = BUSY;
	}
	return k;
}

void link_keep_ticket(struct link *k)
{
	struct tls_ticket *fresh;
	if (!k->w.tls || k->ticket_kept)
		return;
	fresh = tls_ticket_get(k->w.tls);
	if (fresh) {
		tls_ticket_free(k->site->ticket);
		k->site->ticket = fresh;
	}
	k->ticket_kept = true;
}

void link_rest(struct link *k, uint64_t idle_us)
{
	struct site *s = k->site;
	if (s->idle_count >= k->pool->max_idle) {
		link_close(k);
		return;
	}
	link_keep_ticket(k);
	k->state = IDLE;
	k->idle_prev = NULL;
	k->idle_next = s->idle;
	if (s->idle)
		s->idle->idle_prev = k;
	s->idle = k;
	s->idle_count++;
	k->pool->stats.idle++;
	deadline_move(&k->pool->deadlines, &k->deadline, loop_now_us(k->pool->loop) + idle_us);
}

struct link *link_new(struct pool *p, struct site *s)
{
	struct link *k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	k->pool = p;
	k->site = s;
	k->w.io.fd = -1;
	k->w.io.loop = p->loop;
	s->links++;
	deadline_join(&p->deadlines, &k->deadline, DEADLINE_NEVER);
	return k;
}

void link_close(struct link *k)
{
	struct pool *p = k->pool;
	if (k->state == IDLE)
		leave_idle(k);
	if (k->mux)
		mux_free(k);
	resolve_cancel(p->resolver, &k->query);
	loop_undefer(p->loop, &k->work);
	deadline_leave(&p->deadlines, &k->deadline);
	wire_close(&k->w);
	free(k->addrs);
	free(k->in);
	if (!--k->site->links)
		k->site->speaks = SPEAKS_UNKNOWN;
	free(k);
}

/* ---- links on their way */

static void try_address(struct link *k)
{
	uint64_t now = loop_now_us(k->pool->loop);
	int why = 0;
	for (; k->addr < k->addr_count; k->addr++) {
		struct sock_addr *a = &k->addrs[k->addr];
		int fd;
		sock_addr_set_port(a, k->site->port);
		fd = sock_connect(a);
		if (fd < 0) {
			why = errno;
			continue;
		}
		io_init(&k->w.io, k->pool->loop, fd, on_link);
		k->state = CONNECTING;
		k->attempt_by_us = k->connect_by_us;
		if (k->connect_by_us > now)
			k->attempt_by_us = now + (k->connect_by_us - now) / (k->addr_count - k->addr);
		deadline_move(&k->pool->deadlines, &k->deadline, k->attempt_by_us);
		if (io_want(&k->w.io, IO_WRITE))
			link_fail_soon(k, END_CONNECT, "the kernel cannot watch another descriptor");
		return;
	}
	link_fail_soon(k, END_CONNECT, why ? strerrordesc_np(why) : "no address is left");
}

static void on_resolved(struct resolve_query *q, const struct sock_addr *addrs, unsigned count, const char *fault)
{
	struct link *k = (struct link *)(void *)((char *)q - offsetof(struct link, query));
	if (!count) {
		link_fail_soon(k, END_RESOLVE, fault);
		return;
	}
	memcpy(k->addrs, addrs, count * sizeof *addrs);
	k->addr_count = count;
	try_address(k);
}

void link_begin(struct link *k, uint64_t connect_us)
{
	int found;
	k->state = RESOLVING;
	k->connect_by_us = loop_now_us(k->pool->loop) + connect_us;
	deadline_move(&k->pool->deadlines, &k->deadline, k->connect_by_us);
	k->pool->stats.opened++;
	k->addrs = calloc(RESOLVE_ADDRS, sizeof *k->addrs);
	if (!k->addrs) {
		link_fail_soon(k, END_CONNECT, "out of memory");
		return;
	}
	k->query.on_done = on_resolved;
	found = resolve(k->pool->resolver, &k->query, k->site->host, k->addrs);
	if (found < 0)
		link_fail_soon(k, END_RESOLVE, "too many names are being resolved");
	if (found > 0) {
		k->addr_count = (unsigned)found;
		try_address(k);
	}
}

void link_try_next(struct link *k)
{
	wire_close(&k->w);
	k->addr++;
	try_address(k);
}

void link_connecting(struct link *k)
{
	int why = sock_error(k->w.io.fd);
	if (why) {
		if (k->addr + 1 < k->addr_count)
			link_try_next(k);
		else
			link_fail_soon(k, END_CONNECT, strerrordesc_np(why));
		return;
	}
	free(k->addrs);
	k->addrs = NULL;
	deadline_move(&k->pool->deadlines, &k->deadline, k->connect_by_us);
	if (!k->site->tls) {
		link_ready(k);
		return;
	}
	k->w.tls = tls_new_client(k->site->tls, k->w.io.fd, k->site->host, k->site->ticket, k->mux != NULL);
	if (!k->w.tls) {
		link_fail_soon(k, END_TLS, "no memory for a TLS session, or a host name that cannot be checked");
		return;
	}
	k->state = SECURING;
	link_securing(k);
}

void link_securing(struct link *k)
{
	int rc = tls_handshake(k->w.tls);
	if (rc == 1) {
		k->pool->stats.resumed += tls_resumed(k->w.tls);
		if (k->mux)
			mux_ready(k);
		else
			link_ready(k);
	} else if (rc == TLS_WANT_READ || rc == TLS_WANT_WRITE) {
		if (io_want(&k->w.io, rc == TLS_WANT_READ ? IO_READ : IO_WRITE))
			link_fail_soon(k, END_CONNECT, "the kernel cannot watch another descriptor");
	} else {
		/* Whatever stands in the way of a trusted connection, nothing was sent yet. */
		link_fail_soon(k, END_TLS, NULL);
	}
}
