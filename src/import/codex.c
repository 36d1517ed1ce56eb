/* SPDX-License-Identifier: Apache-2.0
 *
 * Codex's local logs: $CODEX_HOME/sessions and archived_sessions, one JSON line an event.
 *
 * 1. What was used stands in token_count events: last_token_usage is the step, total_token_usage the sum so far. Where
 *    only the sum stands, the step is its difference to the sum before. Input includes what was cached; reasoning is
 *    inside output (as in OpenAI's API), whatever total_tokens adds up to.
 * 2. 47 % of the lines are exact repetitions (sources.md 2.9): an event is its session, time and sum, and counts once;
 *    so a session that lies in both folders counts once too. The sum of the event before, told again at a later time
 *    (as when a limit changes), is no further step.
 * 3. A sub-agent's or forked session's file begins with a replay of its parent (91x, ccusage#950): its events whose sum
 *    and step the parent has too do not count.
 * 4. The model is that of the event, else of the last turn_context before it.
 */
#include <stdlib.h>

#include "import/import_i.h"

#include "base/array.h"

enum { EVENTS_MOST = 32 * 1024 * 1024 };

struct event {
	uint64_t session, parent; /* hashes of ids; parent 0 = none */
	uint64_t sums;            /* hash of sum and step: rule 3 */
	int64_t at_us;
	uint32_t in, cached, out, reasoning;
	uint32_t model, project, line;
};

struct tokens {
	uint64_t in, cached, out, reasoning;
};

struct codex {
	struct event *event;
	uint32_t count, room;
	uint32_t *slot; /* index + 1, by session and sums; for rule 3 */
	uint32_t slots;
	struct seen *seen; /* rule 2 */
	/* of the file */
	uint64_t session, parent;
	uint32_t model, project;
	struct tokens sum;
};

static unsigned probe(struct json r)
{
	struct json type = json_get(r, "type");
	if (json_get(r, "payload").type != JSON_OBJECT)
		return 0;
	return json_string_eq(type, "session_meta") || json_string_eq(type, "turn_context") ||
			       json_string_eq(type, "event_msg") || json_string_eq(type, "response_item")
		       ? 100
		       : 0;
}

static bool wanted(struct str line)
{
	return str_contains(line, STR("\"token_count\"")) || str_contains(line, STR("\"turn_context\"")) ||
	       str_contains(line, STR("\"session_meta\""));
}

static int file_begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct codex *s = x->state;
	struct str name = str_of(x->path);
	(void)c;
	while (str_chr(name, '/') != SIZE_MAX) /* until session_meta names it, the file's name is the session */
		name = str_sub(name, str_chr(name, '/') + 1, name.n);
	s->session = hash_xxh3(name.p, name.n);
	s->parent = 0;
	s->model = s->project = 0;
	s->sum = (struct tokens){0};
	if (!s->seen)
		s->seen = seen_new();
	return s->seen ? 0 : err_set(e, RR_NOMEM, "out of memory to tell events apart");
}

static uint64_t hash_of(struct json v)
{
	struct str s = json_raw_string(v);
	return s.n ? hash_xxh3(s.p, s.n) : 0;
}

static void session_meta(struct import_ctx *x, struct codex *s, struct json payload)
{
	static const char *const parents[] = {"forked_from_id", "parent_thread_id", "source.subagent.thread_spawn.parent_thread_id",
					      "parent_session_id"};
	if (s->parent) /* a replay holds its parent's meta line too: the first one is the file's own */
		return;
	if (hash_of(json_get(payload, "id")))
		s->session = hash_of(json_get(payload, "id"));
	s->project = json_name(x, json_get(payload, "cwd"));
	for (unsigned i = 0; i < sizeof parents / sizeof *parents && !s->parent; i++)
		s->parent = hash_of(json_path(payload, parents[i]));
}

static struct tokens tokens_of(struct json u)
{
	return (struct tokens){
		.in = json_u64_or0(json_get(u, "input_tokens")),
		.cached = json_u64_or0(json_get(u, "cached_input_tokens")),
		.out = json_u64_or0(json_get(u, "output_tokens")),
		.reasoning = json_u64_or0(json_get(u, "reasoning_output_tokens")),
	};
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint32_t count32(uint64_t v)
{
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

static int keep(struct import_ctx *x, struct codex *s, const struct event *n, struct err *e)
{
	uint64_t part[3] = {n->session, (uint64_t)n->at_us, n->sums};
	uint32_t before;
	if (seen_count(s->seen, hash_xxh3_128(part, sizeof part), &before) && !before)
		return err_set(e, RR_LIMIT, "too many events to tell apart: import the folders one by one");
	if (before) {
		row_repeated(x);
		return 0;
	}
	if (!array_room(s->event, s->count, s->room, EVENTS_MOST))
		return err_set(e, RR_LIMIT, "more events than fit in memory (at most %d)", EVENTS_MOST);
	s->event[s->count++] = *n;
	return 0;
}

static int token_count(struct import_ctx *x, struct codex *s, struct json payload, int64_t at_us, uint64_t number,
		       struct err *e)
{
	struct json info = json_get(payload, "info"), last = json_get(info, "last_token_usage");
	struct json sum = json_get(info, "total_token_usage"), model = json_get(info, "model");
	struct tokens now = tokens_of(sum), step = tokens_of(last);
	struct event n = {.session = s->session, .parent = s->parent, .at_us = at_us, .line = count32(number)};
	if (info.type != JSON_OBJECT || (last.type != JSON_OBJECT && sum.type != JSON_OBJECT))
		return 0; /* a rate-limit notice */
	if (last.type != JSON_OBJECT)
		step = (struct tokens){minus(now.in, s->sum.in), minus(now.cached, s->sum.cached),
				       minus(now.out, s->sum.out), minus(now.reasoning, s->sum.reasoning)};
	if (sum.type == JSON_OBJECT && now.in + now.out && memcmp(&now, &s->sum, sizeof now) == 0) {
		row_repeated(x);
		return 0;
	}
	if (sum.type == JSON_OBJECT)
		s->sum = now;
	if (step.cached > step.in || step.reasoning > step.out)
		return row_reject(x, number, "its parts are larger than the whole");
	if (step.in + step.out == 0)
		return 0;
	if (model.type != JSON_STRING)
		model = json_get(payload, "model");
	n.model = model.type == JSON_STRING ? json_name(x, model) : s->model;
	n.project = s->project;
	n.in = count32(step.in);
	n.cached = count32(step.cached);
	n.out = count32(step.out);
	n.reasoning = count32(step.reasoning);
	struct tokens both[2] = {now, step};
	n.sums = hash_xxh3(both, sizeof both);
	return keep(x, s, &n, e);
}

static int record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	struct codex *s = x->state;
	struct json type = json_get(r, "type"), payload = json_get(r, "payload"), model;
	int64_t at_us;
	const char *why;
	if (json_string_eq(type, "session_meta")) {
		session_meta(x, s, payload);
		return 0;
	}
	if (json_string_eq(type, "turn_context")) {
		model = json_get(payload, "model");
		if (model.type == JSON_STRING)
			s->model = json_name(x, model);
		return 0;
	}
	if (!json_string_eq(type, "event_msg") || !json_string_eq(json_get(payload, "type"), "token_count"))
		return 0;
	why = read_time(json_text(x, json_get(r, "timestamp")), &at_us);
	if (why)
		return row_reject(x, number, "timestamp %s", why);
	return token_count(x, s, payload, at_us, number, e);
}

/* ---- rows ---- */

static uint32_t *find(struct codex *s, uint64_t session, uint64_t sums)
{
	uint64_t part[2] = {session, sums};
	uint32_t i = (uint32_t)hash_xxh3(part, sizeof part) & (s->slots - 1);
	while (s->slot[i] && (s->event[s->slot[i] - 1].session != session || s->event[s->slot[i] - 1].sums != sums))
		i = (i + 1) & (s->slots - 1);
	return &s->slot[i];
}

static int put(struct import_ctx *x, const struct event *n, struct err *e)
{
	struct call *k = row_begin(x, n->line);
	struct usage *u = &k->usage;
	k->start_us = k->end_us = n->at_us;
	k->model_asked = k->model_answered = n->model;
	k->project = n->project;
	k->surface = intern(STR("codex"));
	k->provider = intern(STR("openai"));
	u->tok[CLASS_IN_PLAIN] = n->in - n->cached;
	u->tok[CLASS_IN_CACHE_READ] = n->cached;
	u->tok[CLASS_OUT_TEXT] = n->out - n->reasoning;
	u->tok[CLASS_OUT_REASONING] = n->reasoning;
	u->vendor_total_tok = (uint64_t)n->in + n->out;
	u->tier = TIER_STANDARD;
	u->flags = USAGE_SEEN;
	row_is(x, BOOK_INFERENCE, "agent-log");
	key_add_u64(x, n->session);
	key_add_u64(x, (uint64_t)n->at_us);
	key_add_u64(x, n->sums);
	return row_end(x, e);
}

static int finish(struct import_ctx *x, struct err *e)
{
	struct codex *s = x->state;
	int rc = 0;
	s->slots = 16;
	while (s->slots < s->count * 2)
		s->slots *= 2;
	s->slot = calloc(s->slots, sizeof *s->slot);
	if (!s->slot)
		return err_set(e, RR_NOMEM, "out of memory for an index of events");
	for (uint32_t i = 0; i < s->count; i++)
		*find(s, s->event[i].session, s->event[i].sums) = i + 1;
	for (uint32_t i = 0; i < s->count && !rc; i++) {
		const struct event *n = &s->event[i];
		if (n->parent && n->parent != n->session && *find(s, n->parent, n->sums))
			row_repeated(x); /* rule 3 */
		else
			rc = put(x, n, e);
	}
	return rc;
}

static void state_free(struct import_ctx *x)
{
	struct codex *s = x->state;
	free(s->event);
	free(s->slot);
	seen_free(s->seen);
}

const struct import_source source_codex = {
	.name = "codex",
	.title = "Codex's local logs ($CODEX_HOME/sessions)",
	.flags = SRC_LINES | SRC_LIVING,
	.state_bytes = sizeof(struct codex),
	.probe_json = probe,
	.wanted = wanted,
	.file_begin = file_begin,
	.json_record = record,
	.batch_end = finish,
	.state_free = state_free,
};
