/* SPDX-License-Identifier: Apache-2.0
 *
 * A pretend vendor for tests and demos: three dialects on one port, down to the bytes.
 *
 * By path: OpenAI under /v1/..., Anthropic under /v1/messages (and everything that bears anthropic-version),
 * Gemini under /v1beta/... It is the other side of every check, so it shares no arithmetic with the gateway:
 * it has its own token rule (a token is four bytes of input, or one piece of output), its own prompt caches,
 * and keeps its own truth: one line of JSON for each answer that it served, written before the answer's last
 * bytes are sent.
 *
 * Answers derive from the request's bytes and a seed. With `deterministic`, ids and times do too, and nothing
 * is remembered between requests: equal requests get equal bytes.
 *
 * Request headers steer single calls: x-sandbox-tokens, -reasoning, -delay-ms, -gap-ms, -chunks, -tier,
 * -tool-calls, -late-input and -late-write (what a server tool adds behind message_start), -fault (fault.h lists
 * them). A script does the same by rules.
 */
#ifndef RR_SANDBOX_SANDBOX_H
#define RR_SANDBOX_SANDBOX_H

#include "base/err.h"
#include "net/loop.h"

struct sandbox;

struct sandbox_config {
	const char *listen;   /* "127.0.0.1:7310" */
	const char *list;     /* file for the truth; NULL = none */
	const char *script;   /* file of rules; NULL = none */
	uint64_t seed;
	uint64_t ttft_us;     /* from the request's end to the first piece */
	uint64_t gap_us;      /* between pieces; a whole answer waits for all of them */
	unsigned chunks;      /* pieces of text in a stream; 0 = one a token */
	uint64_t job_us;      /* from the birth to the end of a batch, a tuning job, a background answer */
	bool deterministic;
};
extern const struct sandbox_config sandbox_config_default;

/* Everything happens on the loop's thread. */
struct sandbox *sandbox_open(struct loop *l, const struct sandbox_config *c, struct err *e);
uint16_t sandbox_port(const struct sandbox *s);
const char *sandbox_address(const struct sandbox *s);
uint64_t sandbox_served(const struct sandbox *s); /* answers begun */
void sandbox_close(struct sandbox *s);            /* also NULL */

#endif
