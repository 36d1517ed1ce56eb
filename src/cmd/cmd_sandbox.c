/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate sandbox: a pretend vendor of three dialects, for tests and for trying things without keys.
 */
#include <signal.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "sandbox/sandbox.h"

static const struct opt sandbox_help[] = {
	{"port", 'p', OPT_U64, NULL, NULL, "N", "port on loopback (default 7310; 0 picks a free one)"},
	{"listen", 0, OPT_STR, NULL, NULL, "HOST:PORT", "another address than loopback"},
	{"script", 0, OPT_STR, NULL, NULL, "FILE", "rules that say when which fault happens: JSON lines or YAML"},
	{"list", 0, OPT_STR, NULL, NULL, "FILE", "append what was served, one JSON line an answer"},
	{"ttft-ms", 0, OPT_U64, NULL, NULL, "MS", "time to the first token (default 0)"},
	{"gap-ms", 0, OPT_U64, NULL, NULL, "MS", "time between tokens (default 0)"},
	{"chunks", 0, OPT_U64, NULL, NULL, "N", "pieces of text in a stream (default: one a token)"},
	{"job-ms", 0, OPT_U64, NULL, NULL, "MS", "how long a batch or a tuning job takes (default 1000)"},
	{"deterministic", 0, OPT_FLAG, NULL, NULL, NULL,
	 "equal requests get equal bytes: ids and times too, no prompt cache"},
	{NULL},
};

/* Only the flag of loop_stop is touched, from any thread, also a signal's. */
static struct loop *stop_on_signal;

static void on_signal(int sig)
{
	(void)sig;
	loop_stop(stop_on_signal);
}

static void print_bases(const struct sandbox *s)
{
	const char *at = sandbox_address(s);
	fprintf(stderr,
		"runrate sandbox is ready on %s: a pretend vendor, any key will do.\n"
		"  OpenAI     OPENAI_BASE_URL=http://%s/v1\n"
		"  Anthropic  ANTHROPIC_BASE_URL=http://%s\n"
		"  Gemini     GOOGLE_GEMINI_BASE_URL=http://%s\n",
		at, at, at, at);
}

static int run_loop(const struct sandbox_config *c)
{
	struct err e = {0};
	struct loop *l = loop_new(&clock_system, &e);
	struct sandbox *s = l ? sandbox_open(l, c, &e) : NULL;
	struct sigaction action = {.sa_handler = on_signal};
	int rc = 0;
	if (!s) {
		rc = cmd_fail(&e);
		goto out;
	}
	stop_on_signal = l;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	print_bases(s);
	loop_run(l);
	fprintf(stderr, "runrate sandbox: %llu answers served\n", (unsigned long long)sandbox_served(s));
out:
	sandbox_close(s);
	if (l)
		loop_free(l);
	return rc;
}

static int sandbox_run(int argc, char **argv)
{
	struct sandbox_config c = sandbox_config_default;
	const char *listen = NULL, *script = NULL, *list = NULL;
	uint64_t port = 7310, ttft_ms = 0, gap_ms = 0, chunks = 0, job_ms = 1000;
	bool deterministic = false;
	const struct opt options[] = {
		{"port", 'p', OPT_U64, &port, NULL, "N", ""},
		{"listen", 0, OPT_STR, &listen, NULL, "HOST:PORT", ""},
		{"script", 0, OPT_STR, &script, NULL, "FILE", ""},
		{"list", 0, OPT_STR, &list, NULL, "FILE", ""},
		{"ttft-ms", 0, OPT_U64, &ttft_ms, NULL, "MS", ""},
		{"gap-ms", 0, OPT_U64, &gap_ms, NULL, "MS", ""},
		{"chunks", 0, OPT_U64, &chunks, NULL, "N", ""},
		{"job-ms", 0, OPT_U64, &job_ms, NULL, "MS", ""},
		{"deterministic", 0, OPT_FLAG, &deterministic, NULL, NULL, ""},
		{NULL},
	};
	char address[32];
	struct err e;
	int rc = cmd_parse(&cmd_sandbox, argc, argv, options, NULL, NULL, 0);
	if (rc)
		return rc < 0 ? err_exit_code(rc) : 0;
	if (port > 65535 || ttft_ms > 3600000 || gap_ms > 3600000 || chunks > 1000000 || !job_ms || job_ms > 86400000) {
		err_set(&e, RR_USAGE, "a number is out of its range");
		err_hint(&e, "a port is at most 65535, times are at most an hour, a job takes 1 ms to a day");
		return cmd_fail(&e);
	}
	snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
	c.listen = listen ? listen : address;
	c.script = script;
	c.list = list;
	c.seed = globals.seed;
	c.ttft_us = ttft_ms * 1000;
	c.gap_us = gap_ms * 1000;
	c.chunks = (unsigned)chunks;
	c.job_us = job_ms * 1000;
	c.deterministic = deterministic;
	return run_loop(&c);
}

const struct command cmd_sandbox = {
	.name = "sandbox",
	.summary = "a pretend vendor of three dialects, with faults by script",
	.usage = "sandbox [--port N] [--script FILE] [--list FILE] [--ttft-ms MS] [--gap-ms MS] [--deterministic]",
	.text = "Speaks OpenAI (/v1), Anthropic (/v1/messages) and Gemini (/v1beta) on one port and bills nobody. Texts and token "
		"counts follow from the request and --seed. Single calls are steered by headers: x-sandbox-tokens, -reasoning, "
		"-delay-ms, -gap-ms, -chunks, -tier, -tool-calls and -fault (for example 429:2, rst:100, usage-missing, no-done, "
		"split, gzip, stall, html).",
	.examples = "$ runrate sandbox\n"
		    "$ runrate sandbox --port 0 --list served.jsonl --ttft-ms 200 --gap-ms 20\n"
		    "$ curl -s localhost:7310/v1/chat/completions -H 'authorization: Bearer any' -H 'content-type: application/json' \\\n"
		    "    -d '{\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}'\n",
	.options = sandbox_help,
	.run = sandbox_run,
};
