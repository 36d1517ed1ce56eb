/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams for the benchmark: a paced SSE upstream and a client that measures what arrives. Knows nothing of runrate,
 * so that it can judge any proxy.
 *
 *   sse mock PORT GAP_MS EVENTS            answers every POST with EVENTS chat chunks, GAP_MS apart
 *   sse load PORT CONNECTIONS SECONDS BODY_FILE [EVENTS]
 *
 * load prints one JSON line: streams, events, bytes, wrong (streams in which an event was lost, doubled, merged with its
 * neighbour or out of order, when EVENTS is given), ttfb_us and gap_us at p50 and p99.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16384, SAMPLES = 4 << 20 };

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

/* ---- mock ---- */

struct served {
	int fd;
	unsigned left;      /* events still to send; 0 = reading a request */
	unsigned sent;
	uint64_t next_us;
	size_t have, want;  /* request bytes */
	char head[4096];
};

static struct served served[MOST];

static void event_text(char *out, unsigned i, unsigned events)
{
	char data[320];
	int n;
	if (i + 2 < events)
		n = snprintf(data, sizeof data,
			     "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o-mini-2024-07-18\","
			     "\"system_fingerprint\":\"fp_mock\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"w%u \"},\"finish_reason\":null}],\"usage\":null}\n\n", i);
	else if (i + 2 == events)
		n = snprintf(data, sizeof data,
			     "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o-mini-2024-07-18\","
			     "\"choices\":[],\"usage\":{\"prompt_tokens\":312,\"completion_tokens\":%u,\"total_tokens\":%u}}\n\n", events, events + 312);
	else
		n = snprintf(data, sizeof data, "data: [DONE]\n\n");
	sprintf(out, "%x\r\n%s\r\n%s", (unsigned)n, data, i + 1 == events ? "0\r\n\r\n" : "");
}

static void on_request_bytes(struct served *s, unsigned events, uint64_t gap_us)
{
	static char sink[65536];
	for (;;) {
		ssize_t n;
		if (s->have < sizeof s->head - 1 && !s->want) {
			n = read(s->fd, s->head + s->have, sizeof s->head - 1 - s->have);
		} else {
			n = read(s->fd, sink, sizeof sink);
		}
		if (n <= 0) {
			if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
				close(s->fd);
				s->fd = -1;
			}
			return;
		}
		s->have += (size_t)n;
		if (!s->want) {
			char *end, *cl;
			s->head[s->have < sizeof s->head ? s->have : sizeof s->head - 1] = 0;
			end = strstr(s->head, "\r\n\r\n");
			cl = strcasestr(s->head, "content-length:");
			if (!end)
				continue;
			s->want = (size_t)(end - s->head) + 4 + (cl && cl < end ? (size_t)atol(cl + 15) : 0);
		}
		if (s->have >= s->want) {
			static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
			if (write(s->fd, head, sizeof head - 1) < 0)
				return;
			s->have = s->want = 0;
			s->left = events;
			s->sent = 0;
			s->next_us = now_us() + gap_us;
			return;
		}
	}
}

static int mock(int port, uint64_t gap_us, unsigned events)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int l = tcp(), one = 1, ep = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = UINT32_MAX}, got[512];
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(l, (struct sockaddr *)&a, sizeof a) || listen(l, 4096))
		return perror("bind"), 1;
	epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev);
	for (unsigned i = 0; i < MOST; i++)
		served[i].fd = -1;
	for (;;) {
		int n = epoll_wait(ep, got, 512, 1);
		uint64_t t = now_us();
		for (int k = 0; k < n; k++) {
			unsigned i = got[k].data.u32;
			if (i == UINT32_MAX) {
				int fd;
				while ((fd = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
					for (i = 0; i < MOST && served[i].fd >= 0; i++)
						;
					if (i == MOST) {
						close(fd);
						continue;
					}
					setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
					memset(&served[i], 0, sizeof served[i]);
					served[i].fd = fd;
					ev = (struct epoll_event){.events = EPOLLIN, .data.u32 = i};
					epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
				}
			} else if (served[i].fd >= 0) {
				on_request_bytes(&served[i], events, gap_us);
			}
		}
		for (unsigned i = 0; i < MOST; i++) {
			struct served *s = &served[i];
			while (s->fd >= 0 && s->left && s->next_us <= t) {
				char text[512];
				event_text(text, s->sent, events);
				if (write(s->fd, text, strlen(text)) < 0) {
					close(s->fd);
					s->fd = -1;
					break;
				}
				s->sent++;
				s->left--;
				s->next_us += gap_us;
				if (gap_us)
					break;
			}
		}
	}
}

/* ---- load ---- */

struct watched {
	int fd;
	uint64_t asked_us, last_us;
	unsigned events;    /* of this stream */
	unsigned match;     /* how much of the end mark was seen */
	unsigned begun;     /* how much of "data: " was seen: it may come in two reads */
	unsigned blank;     /* how much of a blank line */
	unsigned frames;    /* events that a blank line ended */
	unsigned word;      /* how much of "content":"w was seen, then its number is read */
	unsigned number;
	bool reading, disorder;
	bool first;
	size_t out;
};

static struct watched watched[MOST];
static uint32_t *ttfb, *gap;
static size_t ttfbs, gaps;

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static uint32_t at(uint32_t *v, size_t n, double q)
{
	return n ? v[(size_t)((double)(n - 1) * q)] : 0;
}

static int load(int port, unsigned conns, double seconds, const char *file, unsigned events)
{
	static char body[1 << 20], request[(1 << 20) + 512], in[65536];
	FILE *f = fopen(file, "rb");
	size_t n = f ? fread(body, 1, sizeof body, f) : 0, length;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int ep = epoll_create1(0);
	uint64_t start = now_us(), until = start + (uint64_t)(seconds * 1e6), total = 0, streams = 0, bytes = 0, wrong = 0, errors = 0;
	unsigned opened = 0;
	if (!n || conns > MOST)
		return fprintf(stderr, "sse load: no body or too many connections\n"), 1;
	fclose(f);
	length = (size_t)sprintf(request, "POST /v1/chat/completions HTTP/1.1\r\nhost: b\r\ncontent-type: application/json\r\nauthorization: Bearer sk-bench\r\ncontent-length: %zu\r\n\r\n", n);
	memcpy(request + length, body, n);
	length += n;
	ttfb = malloc(SAMPLES * sizeof *ttfb);
	gap = malloc(SAMPLES * sizeof *gap);
	while (now_us() < until) {
		struct epoll_event got[512];
		int k;
		/* ramp in over half a second, so that arrivals do not come in one clump */
		while (opened < conns && now_us() - start >= (uint64_t)opened * 500000 / conns) {
			struct watched *w = &watched[opened];
			struct epoll_event ev = {.events = EPOLLIN, .data.u32 = opened};
			w->fd = socket(AF_INET, SOCK_STREAM, 0);
			if (connect(w->fd, (struct sockaddr *)&a, sizeof a) || write(w->fd, request, length) != (ssize_t)length)
				return perror("connect"), 1;
			fcntl(w->fd, F_SETFL, O_NONBLOCK);
			w->asked_us = now_us();
			w->first = true;
			epoll_ctl(ep, EPOLL_CTL_ADD, w->fd, &ev);
			opened++;
		}
		k = epoll_wait(ep, got, 512, 1);
		for (int i = 0; i < k; i++) {
			struct watched *w = &watched[got[i].data.u32];
			ssize_t r = read(w->fd, in, sizeof in);
			uint64_t t = now_us();
			if (r <= 0) {
				if (r == 0 || errno != EAGAIN) {
					errors++;
					epoll_ctl(ep, EPOLL_CTL_DEL, w->fd, NULL);
				}
				continue;
			}
			bytes += (uint64_t)r;
			for (ssize_t j = 0; j < r; j++) {
				static const char mark[] = "\r\n0\r\n\r\n", begin[] = "data: ", content[] = "\"content\":\"w";
				w->begun = in[j] == begin[w->begun] ? w->begun + 1 : in[j] == 'd';
				if (w->begun == sizeof begin - 1) {
					w->begun = 0;
					if (w->first) {
						if (ttfbs < SAMPLES)
							ttfb[ttfbs++] = (uint32_t)(t - w->asked_us);
					} else if (gaps < SAMPLES) {
						gap[gaps++] = (uint32_t)(t - w->last_us);
					}
					w->first = false;
					w->last_us = t;
					w->events++;
					total++;
				}
				if (w->reading && in[j] >= '0' && in[j] <= '9') {
					w->number = w->number * 10 + (unsigned)(in[j] - '0');
				} else {
					w->disorder |= w->reading && w->number + 1 != w->events;
					w->reading = false;
					w->word = in[j] == content[w->word] ? w->word + 1 : in[j] == '"';
					if (w->word == sizeof content - 1) {
						w->word = w->number = 0;
						w->reading = true;
					}
				}
				w->blank = in[j] == '\n' ? w->blank + 1 : 0;
				if (w->blank == 2)
					w->frames++;
				w->match = in[j] == mark[w->match] ? w->match + 1 : in[j] == '\r';
				if (w->match == sizeof mark - 1) {
					streams++;
					if (events && (w->events != events || w->frames != events || w->disorder))
						wrong++;
					w->match = w->begun = w->events = w->frames = w->blank = w->word = 0;
					w->reading = w->disorder = false;
					w->first = true;
					w->asked_us = now_us();
					if (write(w->fd, request, length) != (ssize_t)length)
						errors++;
				}
			}
		}
	}
	qsort(ttfb, ttfbs, sizeof *ttfb, by_value);
	qsort(gap, gaps, sizeof *gap, by_value);
	printf("{\"streams\":%llu,\"events\":%llu,\"bytes\":%llu,\"wrong\":%llu,\"errors\":%llu,\"ttfb_p50\":%u,\"ttfb_p99\":%u,\"gap_p50\":%u,\"gap_p99\":%u}\n",
	       (unsigned long long)streams, (unsigned long long)total, (unsigned long long)bytes, (unsigned long long)wrong,
	       (unsigned long long)errors, at(ttfb, ttfbs, .5), at(ttfb, ttfbs, .99), at(gap, gaps, .5), at(gap, gaps, .99));
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 5 && strcmp(argv[1], "mock") == 0)
		return mock(atoi(argv[2]), (uint64_t)(atof(argv[3]) * 1000), (unsigned)atoi(argv[4]));
	if (argc >= 6 && strcmp(argv[1], "load") == 0)
		return load(atoi(argv[2]), (unsigned)atoi(argv[3]), atof(argv[4]), argv[5], argc > 6 ? (unsigned)atoi(argv[6]) : 0);
	fprintf(stderr, "usage: sse mock PORT GAP_MS EVENTS | sse load PORT CONNECTIONS SECONDS BODY_FILE [EVENTS]\n");
	return 2;
}
