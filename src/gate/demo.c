/* SPDX-License-Identifier: Apache-2.0
 *
 * See demo.h. The traffic is that of a small firm: a support bot that sends the same long manual each time (cheap to
 * cache), a classifier that could wait (cheap to batch), and a writer on a dear model (cheap to route): the three
 * levers that the reports will point at. Calls go over a plain blocking socket: the demo is a client like any other.
 */
#include "gate/demo.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/table.h"
#include "sandbox/sandbox.h"

enum { MANUAL_BYTES = 6000, CALLS = 36 };

struct demo {
	struct loop *loop;
	struct sandbox *sandbox;
	pthread_t thread;
	bool started;
};

static void *run(void *arg)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	loop_run(((struct demo *)arg)->loop);
	buf_thread_free();
	return NULL;
}

struct demo *demo_open(struct gate_config *conf, struct arena *a, struct err *e)
{
	static const struct {
		const char *name;
		enum vendor_api api;
	} vendors[] = {{"openai", API_OPENAI}, {"anthropic", API_ANTHROPIC}, {"gemini", API_GEMINI}};
	struct sandbox_config sc = sandbox_config_default;
	struct demo *d = calloc(1, sizeof *d);
	if (!d) {
		err_set(e, RR_NOMEM, "no memory for the demo");
		return NULL;
	}
	sc.listen = "127.0.0.1:0";
	d->loop = loop_new(&clock_system, e);
	d->sandbox = d->loop ? sandbox_open(d->loop, &sc, e) : NULL;
	conf->upstreams = arena_array(a, struct upstream_config, 3);
	if (!d->sandbox || !conf->upstreams || pthread_create(&d->thread, NULL, run, d)) {
		demo_close(d);
		return NULL;
	}
	d->started = true;
	conf->upstream_count = 3;
	for (unsigned i = 0; i < 3; i++) {
		struct upstream_config *up = &conf->upstreams[i];
		up->name = str_of(vendors[i].name);
		up->api = vendors[i].api;
		up->base = arena_printf(a, "http://127.0.0.1:%u", sandbox_port(d->sandbox));
		up->key.hidden = STR("sk-demo");
		up->region = STR("sandbox");
	}
	return d;
}

/* One blocking POST; reads the answer to its end. */
static int post(const char *address, const char *path, const char *feature, struct str body, struct err *e)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	char host[64], sink[4096];
	struct str rest = str_of(address), name = str_cut(&rest, ':');
	uint64_t port;
	struct sb request;
	int fd, rc = 0;
	str_copy(host, sizeof host, name);
	if (str_u64(rest, &port) || inet_pton(AF_INET, host, &to.sin_addr) != 1)
		return err_set(e, RR_INPUT, "the demo needs the gateway on an IPv4 address, not '%s'", address);
	to.sin_port = htons((uint16_t)port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sb_init(&request, 1 << 20);
	sb_addf(&request,
		"POST %s HTTP/1.1\r\nhost: %s\r\nconnection: close\r\ncontent-type: application/json\r\n"
		"authorization: Bearer sk-demo\r\nx-runrate-team: demo\r\nx-runrate-feature: %s\r\n%scontent-length: %zu\r\n\r\n",
		path, address, feature, strstr(path, "anthropic") ? "anthropic-version: 2023-06-01\r\n" : "", body.n);
	sb_add_str(&request, body);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) ||
	    write(fd, request.p, request.n) != (ssize_t)request.n)
		rc = err_set(e, RR_NET, "the demo cannot reach the gateway at %s", address);
	while (!rc && read(fd, sink, sizeof sink) > 0)
		;
	if (fd >= 0)
		close(fd);
	sb_fini(&request);
	return rc;
}

static int one_call(const char *address, unsigned i, struct str manual, struct err *e)
{
	struct sb body;
	int rc;
	sb_init(&body, 1 << 20);
	switch (i % 3) {
	case 0:
		sb_addf(&body, "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":300,\"stream\":true,\"system\":[{\"type\":\"text\",\"text\":\"%.*s\"}],"
			       "\"messages\":[{\"role\":\"user\",\"content\":\"Where is my parcel, order %u?\"}]}",
			STR_ARG(manual), i);
		rc = post(address, "/anthropic/v1/messages", "support-bot", sb_str(&body), e);
		break;
	case 1:
		sb_addf(&body, "{\"model\":\"gpt-4.1-mini\",\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\"Label ticket %u: late, lost or other\"}]}", i);
		rc = post(address, "/openai/v1/chat/completions", "ticket-labels", sb_str(&body), e);
		break;
	default:
		sb_addf(&body, "{\"model\":\"gpt-4.1\",\"max_tokens\":600,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Write the weekly note, part %u\"}]}", i);
		rc = post(address, "/openai/v1/chat/completions", "weekly-note", sb_str(&body), e);
	}
	sb_fini(&body);
	return rc;
}

int demo_traffic(struct demo *d, const char *address, struct err *e)
{
	struct sb manual;
	int rc = 0;
	(void)d;
	sb_init(&manual, MANUAL_BYTES + 64);
	while (manual.n < MANUAL_BYTES)
		sb_adds(&manual, "Answer kindly and name the next step. ");
	for (unsigned i = 0; i < CALLS && !rc; i++) {
		rc = one_call(address, i, sb_str(&manual), e);
		term_progress("demo traffic", i + 1, CALLS);
	}
	sb_fini(&manual);
	return rc;
}

void demo_close(struct demo *d)
{
	if (!d)
		return;
	if (d->started) {
		loop_stop(d->loop);
		pthread_join(d->thread, NULL);
	}
	if (d->sandbox)
		sandbox_close(d->sandbox);
	if (d->loop)
		loop_free(d->loop);
	free(d);
}
