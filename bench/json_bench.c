/* SPDX-License-Identifier: Apache-2.0
 *
 * How long the gateway's look at a request takes: all that it wants of it (dialect_request), the scan within that, and
 * beside them jansson, which builds a tree.
 *
 *   bench_json FILE...          bodies to scan; each line gives the best of many short runs, in ns a body
 *
 * The best and not the mean, because other work on the machine can only make a run slower.
 */
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/json.h"
#include "jansson_oracle.h"
#include "model/dialect.h"

enum { BATCHES = 60, BATCH_NS = 4 * 1000 * 1000, KEYS = 6 };

#define KEY(literal) {(literal), sizeof(literal) - 1}
static const struct str keys[KEYS] = {KEY("model"), KEY("stream"), KEY("messages"), KEY("max_tokens"), KEY("tools"),
				      KEY("stream_options")};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void by_request(struct str body)
{
	static const struct surface *chat;
	struct features f;
	if (!chat)
		chat = surface_by_name("openai-chat");
	check(dialect_request(chat, STR("/v1/chat/completions"), STR(""), body, &f, NULL) == 0);
}

static void by_scan(struct str body)
{
	struct json out[KEYS];
	bool duplicate;
	check(json_scan(body, keys, out, KEYS, &duplicate, NULL) == 0);
}

static void by_check(struct str body)
{
	check(json_check(body, NULL) == 0);
}

static void by_utf8(struct str body)
{
	check(str_utf8_valid(body));
}

static void by_jansson(struct str body)
{
	char why[200];
	check(!jansson_here() || jansson_accepts(body.p, body.n, why));
}

static double best_ns(void (*work)(struct str), struct str body)
{
	double best = 1e30;
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		uint64_t start = now_ns(), spent;
		unsigned runs = 0;
		double each;
		do {
			work(body);
			runs++;
			spent = now_ns() - start;
		} while (spent < BATCH_NS / 40 || runs < 4);
		each = (double)spent / runs;
		if (each < best)
			best = each;
	}
	return best;
}

int main(int argc, char **argv)
{
	printf("%-24s %8s %10s %10s %10s %10s %10s\n", "body", "bytes", "request ns", "scan ns", "check ns", "utf8 ns", "jansson ns");
	for (int i = 1; i < argc; i++) {
		struct err e = {0};
		struct sb body;
		const char *name = strrchr(argv[i], '/');
		sb_init(&body, (size_t)64 << 20);
		if (fs_read(argv[i], &body, &e)) {
			char text[1024];
			fprintf(stderr, "%s\n", err_text(&e, text, sizeof text));
			return 1;
		}
		printf("%-24s %8zu %10.0f %10.0f %10.0f %10.0f %10.0f\n", name ? name + 1 : argv[i], body.n,
		       best_ns(by_request, sb_str(&body)), best_ns(by_scan, sb_str(&body)), best_ns(by_check, sb_str(&body)), best_ns(by_utf8, sb_str(&body)),
		       best_ns(by_jansson, sb_str(&body)));
		sb_fini(&body);
	}
	return 0;
}
