/* SPDX-License-Identifier: Apache-2.0
 *
 * Claude Code's local logs: ~/.claude/projects/ and kin, one JSON line an event.
 *
 * An answer is logged once for each of its content blocks, again when a session is resumed, and again by sub-agents,
 * so the lines sum to a multiple of the bill (up to 4.0x, sources.md section 0). The rules, as ccusage and the vendor
 * state them (sources.md 2.9; anthropics/claude-code#87303):
 *
 * 1. An answer is message.id with requestId; its lines count once. Among them a line of the main chain wins, then the
 *    one with more tokens, then the dearer one. Bedrock and Vertex send no requestId: their long ids are an answer's
 *    alone.
 * 2. The same message.id under another requestId on a side chain is a replay and does not count.
 * 3. The model <synthetic> is no model. A line without a time has no day and is rejected.
 * 4. Output counts of these logs are placeholders by design: totals are a lower bound, and say so.
 *
 * All answers of an import are kept in about 100 bytes each until its end; then they become rows in the order in
 * which they were first met.
 */
#include <stdlib.h>

#include "import/import_i.h"

enum { ENTRIES_MOST = 32 * 1024 * 1024, REFS_BYTES = INT32_MAX, NONE = UINT32_MAX, LAST_BYTES = 2048,
	UNIQUE_ID = 16 }; /* an id of so many bytes is not given twice: "msg_bdrk_01..." */

struct entry {
	struct hash128 key;  /* message.id and requestId, or the line itself where it has none */
	uint64_t message;    /* hash of message.id; 0 = none */
	int64_t at_us;
	int64_t claimed_pico; /* INT64_MIN: the line states no cost */
	uint32_t in, read, write, write_5m, write_1h, out;
	/* ref: message.id; next_same: another entry of that message */
	uint32_t model, project, line, ref_at, next_same;
	uint32_t searches;
	uint8_t ref_n, tier, side, fast;
};

struct claude {
	struct entry *entry;
	uint32_t count, room;
	uint32_t *slot, *message_slot; /* index + 1 */
	uint32_t slots;
	struct sb refs;
	uint64_t replays;
	/* the usage block of the line before: an answer's lines mostly repeat it to the byte */
	char last_text[LAST_BYTES];
	size_t last_n;
	struct usage last;
};

static unsigned probe(struct json r)
{
	struct json type = json_get(r, "type");
	if (json_get(r, "sessionId").type == JSON_STRING && json_get(r, "message").type == JSON_OBJECT)
		return 100;
	if (json_path(r, "message.usage.input_tokens").type == JSON_NUMBER)
		return 90;
	return json_string_eq(type, "summary") && json_get(r, "leafUuid").type == JSON_STRING ? 80 : 0;
}

static bool wanted(struct str line)
{
	return str_contains(line, STR("\"usage\""));
}

/* ---- the answers of this import ---- */

static uint32_t *find(struct claude *s, uint32_t *slot, const struct entry *e, bool by_message)
{
	uint32_t i = (uint32_t)(by_message ? e->message : e->key.lo) & (s->slots - 1);
	for (;; i = (i + 1) & (s->slots - 1)) {
		const struct entry *have = slot[i] ? &s->entry[slot[i] - 1] : NULL;
		if (!have || (by_message ? have->message == e->message
					 : have->key.lo == e->key.lo && have->key.hi == e->key.hi))
			return &slot[i];
	}
}

static int grow(struct claude *s, struct err *e)
{
	uint32_t room = s->room ? s->room * 2 : 1024, slots = room * 2;
	struct entry *p = s->room == ENTRIES_MOST ? NULL : realloc(s->entry, room * sizeof *p);
	uint32_t *a = calloc(slots, sizeof *a), *b = calloc(slots, sizeof *b);
	if (p)
		s->entry = p;
	if (!p || !a || !b) {
		free(a);
		free(b);
		return err_set(e, RR_LIMIT, "more answers than fit in memory (at most %d): import the folders one by one", ENTRIES_MOST);
	}
	free(s->slot);
	free(s->message_slot);
	s->slot = a;
	s->message_slot = b;
	s->slots = slots;
	s->room = room;
	for (uint32_t i = 0; i < s->count; i++) {
		*find(s, a, &s->entry[i], false) = i + 1;
		if (s->entry[i].message) {
			uint32_t *m = find(s, b, &s->entry[i], true);
			if (!*m) /* the chain of the first one holds the others */
				*m = i + 1;
		}
	}
	return 0;
}

static uint64_t total(const struct entry *e)
{
	return (uint64_t)e->in + e->read + e->write + e->write_5m + e->write_1h + e->out;
}

/* Rule 1. */
static bool better(const struct entry *a, const struct entry *b)
{
	if (a->side != b->side)
		return !a->side;
	if (total(a) != total(b))
		return total(a) > total(b);
	if (a->out != b->out) /* as many tokens: the dearer line, and output is what is dear */
		return a->out > b->out;
	return a->claimed_pico >= b->claimed_pico; /* all equal: the last one (ccusage#835) */
}

static int keep(struct import_ctx *x, struct entry *n, struct str ref, struct err *e)
{
	struct claude *s = x->state;
	uint32_t *at;
	if (s->count == s->room) {
		int rc = grow(s, e);
		if (rc)
			return rc;
	}
	at = find(s, s->slot, n, false);
	if (*at) {
		struct entry *old = &s->entry[*at - 1];
		row_repeated(x);
		if (better(n, old)) {
			n->next_same = old->next_same;
			n->ref_at = old->ref_at;
			n->ref_n = old->ref_n;
			*old = *n;
		}
		return 0;
	}
	if (!s->refs.limit)
		sb_init(&s->refs, REFS_BYTES);
	n->ref_at = (uint32_t)s->refs.n;
	n->ref_n = (uint8_t)(ref.n < 63 ? ref.n : 63);
	sb_add(&s->refs, ref.p, n->ref_n);
	if (s->refs.full)
		return err_set(e, RR_LIMIT, "more ids than fit in memory: import the folders one by one");
	n->next_same = NONE;
	*at = s->count + 1;
	if (n->message) {
		uint32_t *m = find(s, s->message_slot, n, true);
		if (*m) {
			n->next_same = s->entry[*m - 1].next_same;
			s->entry[*m - 1].next_same = s->count;
		} else {
			*m = s->count + 1;
		}
	}
	s->entry[s->count++] = *n;
	return 0;
}

/* ---- one line ---- */

enum { K_TIMESTAMP, K_SESSION, K_REQUEST, K_SIDE, K_CWD, K_COST, K_MESSAGE, KEYS };
static const struct str keys[KEYS] = {
	{"timestamp", 9}, {"sessionId", 9}, {"requestId", 9}, {"isSidechain", 11},
	{"cwd", 3},       {"costUSD", 7},   {"message", 7},
};

static uint32_t count32(uint64_t v)
{
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

static void take_usage(struct entry *n, const struct usage *u)
{
	n->in = count32(u->tok[CLASS_IN_PLAIN]);
	n->read = count32(u->tok[CLASS_IN_CACHE_READ]);
	n->write = count32(u->tok[CLASS_IN_CACHE_WRITE]);
	n->write_5m = count32(u->tok[CLASS_IN_CACHE_WRITE_5M]);
	n->write_1h = count32(u->tok[CLASS_IN_CACHE_WRITE_1H]);
	n->out = count32(u->tok[CLASS_OUT_TEXT] + u->tok[CLASS_OUT_REASONING]);
	n->searches = u->tools[TOOL_WEB_SEARCH];
	n->tier = (uint8_t)u->tier;
	n->fast = u->fast;
}

/* What is wanted of a message, in one walk: its content may be large. */
static void message_take(struct json message, struct json *id, struct json *model, struct json *usage)
{
	static const struct str names[] = {{"id", 2}, {"model", 5}, {"usage", 5}};
	struct json *out[] = {id, model, usage};
	struct json_iter it;
	struct str key;
	struct json v;
	id->type = model->type = usage->type = JSON_NONE;
	if (message.type != JSON_OBJECT)
		return;
	for (json_open(&it, message); json_next(&it, &key, &v);)
		for (unsigned i = 0; i < 3; i++)
			if (json_key_eq(key, names[i]))
				*out[i] = v;
}

static bool read_usage(struct claude *s, struct json usage, struct usage *u)
{
	if (usage.text.n == s->last_n && memcmp(usage.text.p, s->last_text, s->last_n) == 0) {
		*u = s->last;
		return true;
	}
	if (usage_read_block(SHAPE_ANTHROPIC, usage, u) || !(u->flags & USAGE_SEEN))
		return false;
	s->last_n = usage.text.n < sizeof s->last_text ? usage.text.n : 0;
	memcpy(s->last_text, usage.text.p, s->last_n);
	s->last = *u;
	return true;
}

static int line(struct import_ctx *x, struct str text, uint64_t number, struct err *e)
{
	struct json v[KEYS], usage, model, message_id;
	struct json_fault fault;
	struct usage u = {.flags = 0};
	struct entry n = {.claimed_pico = INT64_MIN, .line = count32(number)};
	struct str id, request;
	const char *why;
	int rc = json_scan(text, keys, v, KEYS, NULL, &fault);
	if (rc == -RR_INPUT)
		return 0; /* a line that is no object is no event */
	if (rc)
		return row_reject(x, number, "it is not well-formed JSON: byte %zu: %s", fault.at + 1, fault.what);
	message_take(v[K_MESSAGE], &message_id, &model, &usage);
	if (usage.type != JSON_OBJECT || json_string_eq(model, "<synthetic>"))
		return 0;
	if (v[K_TIMESTAMP].type != JSON_STRING)
		return row_reject(x, number, "it has usage but no timestamp: its day is not known");
	why = read_time(json_text(x, v[K_TIMESTAMP]), &n.at_us);
	if (why)
		return row_reject(x, number, "timestamp %s", why);
	if (!read_usage(x->state, usage, &u))
		return row_reject(x, number, "its usage block holds numbers that are no counts");
	take_usage(&n, &u);
	n.model = json_name(x, model);
	n.project = json_name(x, v[K_CWD]);
	n.side = json_is_true(v[K_SIDE]);
	if (v[K_COST].type == JSON_NUMBER)
		money_parse(v[K_COST].text, &n.claimed_pico, NULL);
	id = json_text(x, message_id);
	request = json_text(x, v[K_REQUEST]);
	if (id.n) {
		uint64_t part[2] = {hash_xxh3(id.p, id.n), request.n ? hash_xxh3(request.p, request.n) : 0};
		n.message = part[0] ? part[0] : 1;
		n.key = hash_xxh3_128(part, sizeof part);
	}
	if (!id.n || (!request.n && id.n < UNIQUE_ID)) { /* without both, only an equal event is the same one */
		uint64_t part[6] = {hash_xxh3(id.p, id.n), (uint64_t)n.at_us, total(&n), n.out, n.model ? 1 : 0,
				    v[K_SESSION].text.n ? hash_xxh3(v[K_SESSION].text.p, v[K_SESSION].text.n) : 0};
		n.key = hash_xxh3_128(part, sizeof part);
	}
	return keep(x, &n, id, e);
}

/* ---- rows ---- */

/* Rule 2: another entry of the same message that is not on a side chain, or came before on one. */
static bool is_replay(const struct claude *s, uint32_t index)
{
	const struct entry *n = &s->entry[index];
	uint32_t *first;
	if (!n->side || !n->message)
		return false;
	first = find((struct claude *)(uintptr_t)s, s->message_slot, n, true);
	for (uint32_t i = *first - 1; i != NONE; i = s->entry[i].next_same)
		if (i != index && (!s->entry[i].side || i < index))
			return true;
	return false;
}

static int put(struct import_ctx *x, const struct claude *s, const struct entry *n, struct err *e)
{
	struct call *k = row_begin(x, n->line);
	struct usage *u = &k->usage;
	struct str model = intern_str(n->model), ref = str_make(s->refs.p ? s->refs.p + n->ref_at : "", n->ref_n);
	char claimed[MONEY_TEXT];
	k->start_us = k->end_us = n->at_us;
	k->model_asked = k->model_answered = n->model;
	k->project = n->project;
	k->surface = intern(STR("claude-code"));
	k->provider = intern(str_starts(ref, STR("msg_bdrk_")) ? STR("aws") : str_chr(model, '@') != SIZE_MAX ? STR("google") : STR("anthropic"));
	str_copy(k->vendor_ref, sizeof k->vendor_ref, ref);
	u->tok[CLASS_IN_PLAIN] = n->in;
	u->tok[CLASS_IN_CACHE_READ] = n->read;
	u->tok[CLASS_IN_CACHE_WRITE] = n->write;
	u->tok[CLASS_IN_CACHE_WRITE_5M] = n->write_5m;
	u->tok[CLASS_IN_CACHE_WRITE_1H] = n->write_1h;
	u->tok[CLASS_OUT_TEXT] = n->out;
	u->tools[TOOL_WEB_SEARCH] = n->searches;
	u->vendor_total_tok = total(n);
	u->tier = n->tier ? (enum tier)n->tier : TIER_STANDARD;
	u->fast = n->fast;
	u->flags = USAGE_SEEN | USAGE_PARTIAL; /* rule 4 */
	if (n->claimed_pico != INT64_MIN) {
		x->claimed = str_of(money_text(n->claimed_pico, claimed));
		x->claim_counts = true;
		k->currency = intern(STR("USD"));
	}
	row_is(x, BOOK_INFERENCE, "agent-log");
	key_add_u64(x, n->key.hi);
	key_add_u64(x, n->key.lo);
	return row_end(x, e);
}

static int finish(struct import_ctx *x, struct err *e)
{
	struct claude *s = x->state;
	int rc = 0;
	if (s->count)
		import_note(x, "Claude Code logs hold placeholders for output tokens: these totals are a lower bound");
	for (uint32_t i = 0; i < s->count && !rc; i++) {
		if (is_replay(s, i)) {
			row_repeated(x);
			s->replays++;
			continue;
		}
		rc = put(x, s, &s->entry[i], e);
	}
	return rc;
}

static void state_free(struct import_ctx *x)
{
	struct claude *s = x->state;
	free(s->entry);
	free(s->slot);
	free(s->message_slot);
	sb_fini(&s->refs);
}

const struct import_source source_claude_code = {
	.name = "claude-code",
	.title = "Claude Code's local logs (~/.claude/projects)",
	.flags = SRC_LINES | SRC_UNIQUE | SRC_LIVING,
	.state_bytes = sizeof(struct claude),
	.probe_json = probe,
	.wanted = wanted,
	.text_record = line,
	.batch_end = finish,
	.state_free = state_free,
};
