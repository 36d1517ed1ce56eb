/* SPDX-License-Identifier: Apache-2.0
 *
 * Local logs of other coding agents than Claude Code and Codex: one table of shapes, one reader.
 *
 * 1. A family says by which members its records are known, where its events stand, and where an event has its counts,
 *    model, time and id. Paths are written a/b; a|b are alternatives, the first one that is there counts.
 * 2. No token counts in the log, no row: nothing is estimated from the length of texts (ccusage's rule).
 * 3. Whether cached and reasoning tokens stand inside or beside is the family's convention; where an event states its
 *    own total, that decides (named_counts_read). What fits neither is a mismatch and has no price.
 * 4. An event that comes again (a stream's later state, a resumed or forked session) counts once, in its last state.
 *    It is told by its id; where the log has none, by time, model and counts.
 * 5. Model, provider and session may stand on an earlier line of the file, or around the event in its document.
 *
 * The shapes were read in the agents' own sources and documentation and in ccusage's adapters (commit of 13 June 2026,
 * docs/guide), 29 November 2026; each family names its file.
 */
#include "import/spans.h"

enum count { N_IN, N_READ, N_WRITE, N_OUT, N_THINK, N_EXTRA, N_TOTAL, NUMBERS };
enum inside { BY_TOTAL, BESIDE };

struct family {
	const char *name;
	/* conditions, any of which tells a record of the family: "type=gemini,model tokens" */
	const char *marks[3];
	/* the array or map (model: event) that holds the events; absent: the record is one */
	const char *each;
	const char *event;           /* condition of an event that counts */
	const char *text;            /* a member whose text is JSON that holds the counts */
	const char *counts[NUMBERS]; /* N_EXTRA: input that stands beside N_IN whatever the convention */
	enum inside inside;
	bool in_file; /* its id is one of its file; without an id the file is one event: a sum that grows */
	const char *time, *model, *provider, *id, *session, *project, *cost;
	const char *vendor;          /* where no provider is named */
};

static const struct family families[] = {
	{
		/* ~/.gemini/tmp/HASH/chats/session-*.json and .jsonl */
		.name = "gemini-cli",
		.vendor = "google",
		.marks = {"sessionId projectHash startTime", "type=gemini tokens model"},
		.each = "messages",
		.event = "type=gemini tokens",
		.counts = {"tokens/input", "tokens/cached", NULL, "tokens/output", "tokens/thoughts", "tokens/tool",
			   "tokens/total"},
		.time = "timestamp",
		.model = "model",
		.id = "id",
		.session = "sessionId",
	},
	{
		/* Gemini CLI's and Qwen Code's telemetry to a file (telemetry.outfile) */
		.name = "gemini-telemetry",
		.vendor = "google",
		.marks = {"attributes/event.name=gemini_cli.api_response,qwen-code.api_response",
			  "attributes/event.name=gemini_cli.config"},
		.event = "attributes/event.name=gemini_cli.api_response,qwen-code.api_response",
		.counts = {"attributes/input_token_count", "attributes/cached_content_token_count", NULL,
			   "attributes/output_token_count", "attributes/thoughts_token_count",
			   "attributes/tool_token_count", "attributes/total_token_count"},
		.time = "attributes/event.timestamp|timestamp|hrTime",
		.model = "attributes/model",
		.session = "attributes/session.id",
	},
	{
		/* ~/.qwen/projects/PROJECT/chats/SESSION.jsonl */
		.name = "qwen-code",
		.marks = {"sessionId message/parts", "type=assistant usageMetadata"},
		.event = "type=assistant usageMetadata",
		.counts = {"usageMetadata/promptTokenCount", "usageMetadata/cachedContentTokenCount", NULL,
			   "usageMetadata/candidatesTokenCount", "usageMetadata/thoughtsTokenCount",
			   "usageMetadata/toolUsePromptTokenCount", "usageMetadata/totalTokenCount"},
		.time = "timestamp",
		.model = "model",
		.id = "uuid",
		.session = "sessionId",
		.project = "cwd",
	},
	{
		/* ~/.kimi/sessions/GROUP/SESSION/wire.jsonl */
		.name = "kimi",
		.vendor = "moonshot",
		.inside = BESIDE,
		.marks = {"type=metadata protocol_version", "message/type=StatusUpdate message/payload",
			  "message/type=TurnBegin message/payload"},
		.event = "message/type=StatusUpdate message/payload/token_usage",
		.counts = {"message/payload/token_usage/input_other", "message/payload/token_usage/input_cache_read",
			   "message/payload/token_usage/input_cache_creation", "message/payload/token_usage/output",
			   NULL, NULL, "message/payload/token_usage/total"},
		.time = "timestamp",
		.model = "message/payload/model|model",
		.id = "message/payload/message_id",
		.in_file = true,
	},
	{
		/* ~/.local/share/opencode/storage/message/SESSION/ID.json, Kilo's the same */
		.name = "opencode",
		.inside = BESIDE,
		/* opencode.db and kilo.db too */
		.marks = {"sessionID modelID providerID", "sessionID role=user time/created"},
		.event = "role=assistant tokens",
		.counts = {"tokens/input", "tokens/cache/read", "tokens/cache/write", "tokens/output",
			   "tokens/reasoning", NULL, "tokens/total"},
		.time = "time/created",
		.model = "modelID",
		.provider = "providerID",
		.id = "id",
		.session = "sessionID",
		.project = "path/cwd",
		.cost = "cost",
	},
	{
		/* ~/.local/share/amp/threads/T-*.json: with a ledger of its use */
		.name = "amp",
		.inside = BESIDE,
		.marks = {"usageLedger/events messages"},
		.each = "usageLedger/events",
		.event = "tokens model",
		.counts = {"tokens/input", "tokens/cacheReadInput", "tokens/cacheCreationInput", "tokens/output", NULL,
			   NULL, "tokens/total"},
		.time = "timestamp",
		.model = "model",
		.id = "id",
	},
	{
		/* the same, older: each answer has its own */
		.name = "amp",
		.inside = BESIDE,
		.marks = {"messages created id v"},
		.each = "messages",
		.event = "role=assistant usage",
		.counts = {"usage/inputTokens", "usage/cacheReadInputTokens", "usage/cacheCreationInputTokens",
			   "usage/outputTokens", NULL, NULL, "usage/totalTokens"},
		.time = "usage/timestamp|timestamp|meta/sentAt",
		.model = "usage/model|model",
		.id = "messageId",
		.session = "id",
	},
	{
		/* ~/.factory/sessions/SESSION.settings.json: the sum of a session */
		.name = "droid",
		.inside = BESIDE,
		.marks = {"tokenUsage/inputTokens"},
		.event = "tokenUsage/inputTokens",
		.counts = {"tokenUsage/inputTokens", "tokenUsage/cacheReadTokens", "tokenUsage/cacheCreationTokens",
			   "tokenUsage/outputTokens", "tokenUsage/thinkingTokens", NULL, "tokenUsage/totalTokens"},
		.time = "providerLockTimestamp",
		.model = "model",
		.provider = "providerLock",
		.in_file = true,
	},
	{
		/* ~/.pi/agent/sessions/PROJECT/TIME_ID.jsonl; OpenClaw's ~/.openclaw/agents/NAME/sessions/ID.jsonl */
		.name = "pi",
		.inside = BESIDE,
		.marks = {"type=session version cwd", "type=message message/usage/cacheRead",
			  "type=model_change provider"},
		.event = "type=message message/role=assistant message/usage",
		.counts = {"message/usage/input", "message/usage/cacheRead", "message/usage/cacheWrite",
			   "message/usage/output", NULL, NULL, "message/usage/totalTokens"},
		.time = "timestamp|message/timestamp",
		.model = "message/modelId|message/model|modelId|data/modelId",
		.provider = "message/provider|provider|data/provider",
		.project = "cwd",
		.cost = "message/usage/cost/total",
	},
	{
		/* Cline 4's ~/.cline/data/sessions/ID.messages.json */
		.name = "cline",
		.inside = BESIDE,
		.marks = {"sessionId messages"},
		.each = "messages",
		.event = "role=assistant metrics",
		.counts = {"metrics/inputTokens", "metrics/cacheReadTokens", "metrics/cacheWriteTokens",
			   "metrics/outputTokens"},
		.time = "ts",
		.model = "modelInfo/id",
		.provider = "modelInfo/provider",
		.id = "id|ts",
		.session = "sessionId",
		.cost = "metrics/cost",
	},
	{
		/* ~/.grok/sessions/PROJECT/SESSION/updates.jsonl: the sum of a turn, model by model */
		.name = "grok",
		.vendor = "xai",
		.marks = {"params/update/sessionUpdate params/sessionId"},
		.each = "params/update/usage/modelUsage",
		.event = "inputTokens",
		.counts = {"inputTokens", "cachedReadTokens", "cacheCreationTokens", "outputTokens", "reasoningTokens",
			   NULL, "totalTokens"},
		.time = "params/_meta/agentTimestampMs|timestamp",
		.id = "params/_meta/eventId",
		.session = "params/sessionId",
	},
	{
		/* a session of Goose's or Hermes' database (agent_db.c) */
		.name = "goose",
		.marks = {"agent=goose"},
		.event = "agent=goose",
		.counts = {"in", NULL, NULL, "out", NULL, NULL, "total"},
		.time = "at",
		.model = "model",
		.provider = "provider",
		.id = "id",
	},
	{
		.name = "hermes",
		.inside = BESIDE,
		.marks = {"agent=hermes"},
		.event = "agent=hermes",
		.counts = {"in", "read", "write", "out", "think"},
		.time = "at",
		.model = "model",
		.provider = "provider",
		.id = "id",
		.cost = "cost",
	},
	{
		/* tasks/ID/ui_messages.json of Cline, Roo Code and Kilo Code: counts stand in an event's text */
		.name = "cline",
		.inside = BESIDE,
		.marks = {"ts type=say say", "ts type=ask ask"},
		.event = "say=api_req_started",
		.text = "text",
		.counts = {"tokensIn", "cacheReads", "cacheWrites", "tokensOut"},
		.time = "ts",
		.model = "modelInfo/modelId|model",
		.provider = "modelInfo/providerId",
		.cost = "cost",
		.id = "ts",
		.in_file = true,
	},
};
enum { FAMILIES = sizeof families / sizeof *families };

struct agents {
	struct spans spans; /* first: spans_finish */
	const struct family *family; /* of the file; told by its first record that is of one */
	uint64_t file;               /* hash of its name with its folder's: tasks/ID/ui_messages.json */
	uint32_t model, provider, session, project;
};

/* ---- paths and conditions ---- */

static struct json at(struct json v, struct str path)
{
	while (path.p && path.n) {
		char key[64];
		v = json_get(v, str_copy(key, sizeof key, str_cut(&path, '/')));
	}
	return v;
}

/* The first of the alternatives that is there and not null. */
static struct json first(struct json v, const char *paths)
{
	struct str rest = str_of(paths);
	struct json found = {JSON_NONE, {NULL, 0}};
	while (paths && rest.p && (found.type == JSON_NONE || found.type == JSON_NULL))
		found = at(v, str_cut(&rest, '|'));
	return found.type == JSON_NULL ? (struct json){JSON_NONE, {NULL, 0}} : found;
}

static bool holds(struct json v, const char *condition)
{
	struct str rest = str_of(condition);
	while (rest.p && rest.n) {
		struct str want = str_cut(&rest, ' '), path = str_cut(&want, '=');
		struct json have = at(v, path);
		bool same = have.type != JSON_NONE && have.type != JSON_NULL && !want.p;
		while (want.p && !same)
			same = str_eq(json_raw_string(have), str_cut(&want, ','));
		if (!same)
			return false;
	}
	return true;
}

static const struct family *family_of(struct json record)
{
	for (unsigned i = 0; i < FAMILIES; i++)
		for (unsigned k = 0; k < 3 && families[i].marks[k]; k++)
			if (holds(record, families[i].marks[k]))
				return &families[i];
	return NULL;
}

static unsigned probe(struct json record)
{
	return record.type == JSON_OBJECT && family_of(record) ? 100 : 0;
}

/* ---- values ---- */

/* NULL, or the path of the count that is none. */
static const char *event_counts(const struct family *f, struct json event, uint64_t n[NUMBERS])
{
	for (unsigned i = 0; i < NUMBERS; i++) {
		struct json v = f->counts[i] ? first(event, f->counts[i]) : (struct json){JSON_NONE, {NULL, 0}};
		n[i] = 0;
		if (v.type != JSON_NONE && (json_u64(v, &n[i]) || n[i] > UINT32_MAX))
			return f->counts[i];
	}
	return NULL;
}

/* Rule 3. */
static void to_classes(const struct family *f, const uint64_t n[NUMBERS], bool inside, struct span *out)
{
	struct named_counts c = {.total = n[N_TOTAL], .has_total = n[N_TOTAL] != 0};
	uint64_t beside = n[N_READ] + n[N_WRITE];
	c.n[CLASS_IN_PLAIN] = n[N_IN] + n[N_EXTRA];
	c.n[CLASS_IN_CACHE_READ] = n[N_READ];
	c.n[CLASS_IN_CACHE_WRITE] = n[N_WRITE];
	c.n[CLASS_OUT_TEXT] = n[N_OUT];
	c.n[CLASS_OUT_REASONING] = n[N_THINK];
	if (f->inside == BESIDE && !c.has_total && !inside) {
		c.has_total = true;
		c.total = n[N_IN] + n[N_EXTRA] + beside + n[N_OUT] + n[N_THINK];
	}
	named_counts_read(&c, out->tok, &out->flags);
}

/* A member of the event, else of what is around it. */
static struct json around(struct json event, struct json record, const char *paths)
{
	struct json v = first(event, paths);
	return v.type == JSON_NONE ? first(record, paths) : v;
}

/* A name on the event, around it, or on an earlier line (rule 5). */
static uint32_t name_of(struct import_ctx *x, const char *paths, struct json event, struct json record,
		uint32_t carried)
{
	uint32_t id = paths ? json_name(x, first(event, paths)) : 0;
	if (!id && paths && record.text.p != event.text.p)
		id = json_name(x, first(record, paths));
	return id ? id : carried;
}

/* ---- one event ---- */

/* Amp's ledger leaves the cache to the message that an event ended with. */
static void amp_cache(const struct family *f, struct json record, struct json event, uint64_t n[NUMBERS])
{
	struct json to = json_get(event, "toMessageId"), message;
	struct json_iter it;
	struct str none;
	if (!f->each || strcmp(f->each, "usageLedger/events") != 0 || to.type == JSON_NONE || n[N_READ] || n[N_WRITE])
		return;
	for (json_open(&it, json_get(record, "messages")); json_next(&it, &none, &message);)
		if (str_eq(json_get(message, "messageId").text, to.text)) {
			n[N_READ] = json_u64_or0(json_path(message, "usage.cacheReadInputTokens"));
			n[N_WRITE] = json_u64_or0(json_path(message, "usage.cacheCreationInputTokens"));
		}
}

/* Rule 4. */
static uint64_t event_id(struct import_ctx *x, const struct family *f, struct json event, struct json record,
		const struct span *n, uint32_t session)
{
	const struct agents *s = x->state;
	struct str id = json_text(x, around(event, record, f->id)), name = str_of(f->name), of = intern_str(session);
	uint64_t part[6] = {hash_xxh3(name.p, name.n), session ? hash_xxh3(of.p, of.n) : 0};
	if (f->in_file)
		part[1] = s->file;
	if (id.n) {
		struct str model = intern_str(n->model);
		part[2] = hash_xxh3(id.p, id.n);
		part[5] = f->each && !f->model ? hash_xxh3(model.p, model.n) : 0; /* several models under one id */
	} else if (f->id || !f->in_file) {
		struct str model = intern_str(n->model);
		part[3] = hash_xxh3(n->tok, sizeof n->tok);
		part[4] = (uint64_t)n->start_us;
		part[5] = hash_xxh3(model.p, model.n);
	}
	return hash_xxh3(part, sizeof part) | 1;
}

static int put(struct import_ctx *x, const struct family *f, struct str model, struct json event, struct json record,
		uint64_t number, struct err *e)
{
	struct agents *s = x->state;
	struct json counted = event, cost;
	struct str provider;
	struct span n;
	uint64_t c[NUMBERS];
	uint32_t session;
	const char *why;
	if (f->text && json_parse(json_text(x, json_get(event, f->text)), &counted, NULL))
		return row_reject(x, number, "its %s is no JSON: the counts in it cannot be read", f->text);
	if ((why = event_counts(f, counted, c)) != NULL)
		return row_reject(x, number, "%s is no count", why);
	amp_cache(f, record, event, c);
	if (c[N_IN] + c[N_READ] + c[N_WRITE] + c[N_OUT] + c[N_THINK] + c[N_EXTRA] + c[N_TOTAL] == 0)
		return 0; /* begun and not ended, or failed: nothing was used */
	span_init(&n);
	if ((why = read_moment(x, around(event, record, f->time), &n.start_us)) != NULL)
		return row_reject(x, number, "%s of the event %s", f->time, why);
	/* Roo Code says whether it counted as OpenAI does */
	to_classes(f, c, json_string_eq(json_get(counted, "apiProtocol"), "openai"), &n);
	n.end_us = n.start_us;
	n.number = number;
	n.used = true;
	n.model = n.model_asked = model.n ? intern(model) : name_of(x, f->model, event, record, s->model);
	provider = intern_str(name_of(x, f->provider, event, record, s->provider));
	n.provider = provider_named(provider.n ? provider : str_of(f->vendor));
	n.project = name_of(x, f->project, event, record, s->project);
	n.surface = intern(str_of(f->name));
	session = name_of(x, f->session, event, record, s->session);
	n.id = event_id(x, f, event, record, &n, session);
	cost = first(counted, f->cost);
	if (cost.type == JSON_NUMBER && money_parse(cost.text, &n.claimed_pico, NULL))
		n.claimed_pico = INT64_MIN;
	if (!n.model)
		import_note(x, "%s: events without a model cannot be priced", f->name);
	return spans_add(x, &s->spans, &n, e);
}

static void carry(struct import_ctx *x, const struct family *f, struct json record)
{
	struct agents *s = x->state;
	s->model = name_of(x, f->model, record, record, s->model);
	s->provider = name_of(x, f->provider, record, record, s->provider);
	s->project = name_of(x, f->project, record, record, s->project);
	if (f->session && !f->each)
		s->session = name_of(x, f->session, record, record, s->session);
}

static int record(struct import_ctx *x, struct json r, uint64_t number, struct err *e)
{
	struct agents *s = x->state;
	const struct family *f;
	struct json_iter it;
	struct json list, event;
	struct str model;
	int rc = 0;
	if (r.type != JSON_OBJECT)
		return 0; /* a line that is no object is no event */
	f = family_of(r);
	if (f)
		s->family = f;
	f = s->family;
	if (!f)
		return 0;
	list = f->each ? at(r, str_of(f->each)) : (struct json){JSON_NONE, {NULL, 0}};
	if (list.type == JSON_ARRAY || list.type == JSON_OBJECT) {
		for (json_open(&it, list); !rc && json_next(&it, &model, &event);)
			if (holds(event, f->event))
				rc = put(x, f, model, event, r, number, e);
		return rc;
	}
	carry(x, f, r);
	return holds(r, f->event) ? put(x, f, STR(""), r, r, number, e) : 0;
}

static int file_begin(struct import_ctx *x, struct csv *c, struct err *e)
{
	struct agents *s = x->state;
	struct str path = str_of(x->path), name = path;
	(void)c;
	(void)e;
	for (unsigned up = 0; up < 2; up++) { /* tasks/ID/ui_messages.json: the folder's name is the task's */
		size_t cut = path.n;
		while (cut && path.p[cut - 1] != '/')
			cut--;
		name = str_make(x->path + cut, strlen(x->path) - cut);
		path = str_sub(path, 0, cut ? cut - 1 : 0);
	}
	s->family = NULL;
	s->file = hash_xxh3(name.p, name.n);
	s->model = s->provider = s->session = s->project = 0;
	return 0;
}

static int finish(struct import_ctx *x, struct err *e)
{
	struct agents *s = x->state;
	s->spans.rule = "agent-log";
	return spans_finish(x, &s->spans, e);
}

static void state_free(struct import_ctx *x)
{
	spans_fini(&((struct agents *)x->state)->spans);
}

const struct import_source source_agents = {
	.name = "agents",
	.title = "Logs of Gemini CLI, Qwen Code, Kimi, OpenCode, Amp, Droid, pi, OpenClaw, Cline, Roo Code, Kilo, Goose, Hermes, Grok",
	.flags = SRC_LINES | SRC_LIVING,
	.state_bytes = sizeof(struct agents),
	.probe_json = probe,
	.file_begin = file_begin,
	.json_record = record,
	.batch_end = finish,
	.state_free = state_free,
};
