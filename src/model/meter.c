/* SPDX-License-Identifier: Apache-2.0
 *
 * The meter: what an answer used, known at any moment of its stream.
 *
 * 1. Most events carry text and no usage. They are recognised by a search for bytes and never parsed: a key
 *    "usage" or "error" stands in quotes, while the same word in generated text has its quotes escaped, and a letter
 *    that is written as an escape is found by that: so such a search may find too much but never too little. What it
 *    finds is read by the parser.
 * 2. The bytes of generated text are counted, so that a stream that breaks off can be estimated.
 * 3. Nothing is passed on from here but a verdict: EVENT_DROP for the one chunk that exists because *we*
 *    asked for usage (choices [] and a usage object). The "usage":null that OpenAI then puts into every
 *    other chunk is no matter of the meter: gate/answer.c cuts the member out.
 * 4. Spans of an event die with it: names are copied.
 *
 *                 usage in the stream                         its end
 *   OpenAI chat   last chunk, choices []                      data: [DONE]
 *   Responses     response.completed, .incomplete, .failed    the same event
 *   Anthropic     message_start, then cumulative message_delta message_stop
 *   Gemini        any chunk, cumulative: the last one counts  a chunk with finishReason; others may follow it
 *   images        each .completed                             each .completed; others may follow it
 */
#include "model/dialect.h"

#include "base/err.h"
#include "model/usage_i.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void meter_init(struct stream_meter *m, const struct surface *s, const struct features *f)
{
	memset(m, 0, sizeof *m);
	m->surface = s;
	if (f) {
		m->marks_1h = f->cache_ttl_1h;
		m->marks_12h = f->cache_ttl_12h;
		m->characters = f->characters;
	}
}

/* ---- looking without parsing ---- */

/* memmem for short needles in short texts: 16 places at a time are ruled out by the needle's second byte and its
 * last but one (the outer ones are quotes). An event costs a quarter of what it did by memmem. */
static const char *find(struct str data, struct str needle)
{
	const char *p = data.p, *end = data.p + data.n;
#ifdef __SSE2__
	size_t n = needle.n;
	__m128i first = _mm_set1_epi8(needle.p[1]), last = _mm_set1_epi8(needle.p[n - 2]);
	check(n >= 3);
	for (; data.n >= n && (size_t)(end - p) >= n + 15; p += 16) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + n - 2));
		__m128i both = _mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last));
		unsigned hits = (unsigned)_mm_movemask_epi8(both);
		for (; hits; hits &= hits - 1) {
			const char *at = p + __builtin_ctz(hits);
			if (memcmp(at, needle.p, n) == 0)
				return at;
		}
	}
#endif
	return memmem(p, (size_t)(end - p), needle.p, needle.n);
}

/* A letter written as an escape (\\u0041 to \\u007A): it may hide the name of a member from a search for bytes. */
static bool escaped_letter(const char *p, const char *end)
{
	return end - p >= 6 && memcmp(p, "\\u00", 4) == 0 && p[4] >= '4' && p[4] <= '7';
}

static bool has_escaped_letter(struct str data)
{
	const char *p = data.p, *end = data.p + data.n;
	for (; (p = find(str_make(p, (size_t)(end - p)), STR("\\u00"))); p++)
		if (escaped_letter(p, end))
			return true;
	return false;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* The value after the next `"key"` that is followed by a colon; NULL when there is none. */
static const char *value_of(struct str data, struct str quoted_key)
{
	const char *end = data.p + data.n, *p = data.p;
	while ((p = find(str_make(p, (size_t)(end - p)), quoted_key))) {
		p = skip_blanks(p + quoted_key.n, end);
		if (p < end && *p == ':')
			return skip_blanks(p + 1, end);
	}
	return NULL;
}

static const char *string_close(const char *p, const char *end)
{
	while (p < end && *p != '"')
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p;
}

/* Bytes of the string values below a value, without those whose key says that they are no text. */
static uint64_t text_bytes(const char *p, const char *end)
{
	static const struct str no_text[] = {{"role", 4},	 {"id", 2},	     {"type", 4},     {"signature", 9},
					     {"mimeType", 8}, {"thoughtSignature", 16}, {"data", 4},  {"call_id", 7},
					     {"object", 6},	 {"status", 6},	     {"model", 5},    {"b64_json", 8},
					     {"url", 3},	 {"encrypted_content", 17}, {"finish_reason", 13}};
	uint64_t bytes = 0;
	unsigned depth = 0;
	bool skip = false;
	p = skip_blanks(p, end);
	do {
		if (p >= end)
			break;
		if (*p == '{' || *p == '[') {
			depth++;
			skip = false;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (*p == '"') {
			const char *close = string_close(p + 1, end);
			struct str raw = str_make(p + 1, close > p + 1 ? (size_t)(close - p - 1) : 0);
			p = skip_blanks(close + 1, end);
			if (depth && p < end && *p == ':') {
				skip = false;
				for (size_t i = 0; i < sizeof no_text / sizeof no_text[0] && !skip; i++)
					skip = str_eq(raw, no_text[i]);
				p++;
			} else if (!skip) {
				bytes += raw.n;
			}
		} else {
			p++;
		}
	} while (depth);
	return bytes;
}

/* What stands in an event of OpenAI's kind, by one look at each of its quotes. */
struct sight {
	bool delta, text, usage, error; /* usage: with an object behind it. A chunk may hold several: null on top, an
					 * object inside x_groq */
	uint64_t delta_bytes;
};

static const char *value_behind(const char *p, const char *end)
{
	p = skip_blanks(p, end);
	return p < end && *p == ':' ? skip_blanks(p + 1, end) : NULL;
}

static inline void look_at(const char *p, const char *end, struct sight *s)
{
	const char *v;
	if (end - p < 7)
		return;
	if (*p == '\\') {
		s->usage |= escaped_letter(p, end);
		return;
	}
	if (memcmp(p, "\"delta\"", 7) == 0) {
		s->delta = true;
		v = value_behind(p + 7, end);
		if (v && v < end && (*v == '{' || *v == '[' || *v == '"'))
			s->delta_bytes += text_bytes(v, end);
	} else if (memcmp(p, "\"usage\"", 7) == 0) {
		v = value_behind(p + 7, end);
		s->usage |= v && v < end && *v == '{';
	} else if (memcmp(p, "\"error\"", 7) == 0) {
		s->error = true;
	} else if (memcmp(p, "\"text\"", 6) == 0) {
		s->text = true;
	}
}

static void look(struct str data, struct sight *s)
{
	const char *p = data.p, *end = data.p + data.n;
	memset(s, 0, sizeof *s);
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\'), d = _mm_set1_epi8('d'),
		      u = _mm_set1_epi8('u'), e = _mm_set1_epi8('e'), t = _mm_set1_epi8('t');
	for (; end - p > 16; p += 16) { /* a quote, and behind it the first letter of one of the names; or an escape */
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i next = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
		__m128i is_u = _mm_cmpeq_epi8(next, u);
		__m128i first = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(next, d), is_u),
					     _mm_or_si128(_mm_cmpeq_epi8(next, e), _mm_cmpeq_epi8(next, t)));
		__m128i name = _mm_and_si128(_mm_cmpeq_epi8(v, quote), first);
		__m128i escape = _mm_and_si128(_mm_cmpeq_epi8(v, back), is_u);
		unsigned hits = (unsigned)_mm_movemask_epi8(_mm_or_si128(name, escape));
		for (; hits; hits &= hits - 1)
			look_at(p + __builtin_ctz(hits), end, s);
	}
#endif
	for (; p < end; p++)
		if (*p == '"' || *p == '\\')
			look_at(p, end, s);
}

static void count_text(struct stream_meter *m, struct str data, struct str quoted_key)
{
	const char *end = data.p + data.n, *p;
	while ((p = value_of(data, quoted_key))) {
		if (p < end && (*p == '{' || *p == '[' || *p == '"'))
			m->output_bytes += text_bytes(p, end);
		data = str_make(p, (size_t)(end - p));
	}
	m->first_content |= m->output_bytes > 0;
}

/* ---- taking what was read ---- */

static void take_names(struct stream_meter *m, struct usage *u)
{
	if (u->model.n)
		str_copy(m->model, sizeof m->model, u->model);
	if (u->request_id.n && !m->request_id[0])
		str_copy(m->request_id, sizeof m->request_id, u->request_id);
	u->model = u->request_id = str_make(NULL, 0);
}

/* Counts of a stream are cumulative: a side that a later block does not state is as an earlier one stated it. */
static void keep_sides(struct usage *now, const struct usage *before)
{
	for (unsigned c = 0; c < CLASSES; c++)
		if (now->flags & (token_class_is_output((enum token_class)c) ? USAGE_OUT_UNSTATED : USAGE_IN_UNSTATED))
			now->tok[c] = before->tok[c];
	now->flags &= before->flags | ~(uint32_t)(USAGE_IN_UNSTATED | USAGE_OUT_UNSTATED);
	now->vendor_total_tok = usage_total_tok(now);
}

static void take_usage(struct stream_meter *m, struct usage *u)
{
	struct usage before = m->usage;
	take_names(m, u);
	if (u->flags & USAGE_SEEN) {
		m->usage = *u;
		if (before.flags & USAGE_SEEN && u->flags & (USAGE_IN_UNSTATED | USAGE_OUT_UNSTATED))
			keep_sides(&m->usage, &before);
	}
	else if (u->tier != TIER_UNKNOWN)
		m->usage.tier = u->tier;
	if (m->usage.tier == TIER_UNKNOWN)
		m->usage.tier = before.tier;
	if (m->marks_12h) {
		m->usage.tok[CLASS_IN_CACHE_WRITE_12H] += m->usage.tok[CLASS_IN_CACHE_WRITE_30M];
		m->usage.tok[CLASS_IN_CACHE_WRITE_30M] = 0;
	}
}

static bool parsed(struct str data, struct json *top)
{
	return json_parse(data, top, NULL) == 0 && top->type == JSON_OBJECT;
}

static bool is_error(const struct holder *h)
{
	return h->error.type != JSON_NONE && h->error.type != JSON_NULL;
}

/* Apart and not inlined: its locals are large, and one event in fifty comes here. */
__attribute__((noinline)) static enum event_action openai_parsed(struct stream_meter *m, struct str data,
								 bool client_asked)
{
	enum usage_shape shape = m->surface->shape == SHAPE_NONE ? SHAPE_OPENAI_TRANSCRIPTION : m->surface->shape;
	struct holder h;
	struct json top, block;
	struct usage u;
	if (!parsed(data, &top))
		return EVENT_PASS;
	holder_take(top, &h);
	m->failed |= is_error(&h);
	block = h.usage;
	if (block.type != JSON_OBJECT)
		block = json_get(h.x_groq, "usage");
	memset(&u, 0, sizeof u);
	m->fault |= usage_openai(shape, &h, block, &u) != 0;
	if (shape == SHAPE_OPENAI_IMAGES && m->final && u.flags & USAGE_SEEN) {
		usage_add(&u, &m->usage); /* a further picture: whether it states its own tokens or all is not said */
		u.flags |= USAGE_ESTIMATED;
	}
	take_usage(m, &u);
	if (block.type != JSON_OBJECT)
		return EVENT_PASS;
	if (h.choices.type != JSON_ARRAY) { /* images, speech and transcription end in an event of their own */
		struct str type = json_raw_string(h.type);
		m->final = m->ended = str_ends(type, STR(".completed")) || str_ends(type, STR(".done"));
		return EVENT_PASS;
	}
	if (json_count(h.choices) == 0) {
		m->final = true;
		return client_asked ? EVENT_PASS : EVENT_DROP;
	}
	m->final |= json_path(h.choices, "[0].finish_reason").type == JSON_STRING;
	return EVENT_PASS;
}

static enum event_action openai_event(struct stream_meter *m, struct str data, bool client_asked)
{
	struct sight sight;
	if (str_eq(data, STR("[DONE]"))) {
		m->ended = true;
		return EVENT_PASS;
	}
	look(data, &sight);
	m->output_bytes += sight.delta_bytes;
	m->first_content |= m->output_bytes > 0;
	if (!sight.delta && sight.text)
		count_text(m, data, STR("\"text\"")); /* completions */
	if (!sight.usage && m->events > 1 && !sight.error)
		return EVENT_PASS;
	return openai_parsed(m, data, client_asked);
}

/* The event's name, which stands in the data too; an unchecked look stays in bounds. */
static struct str name_of(struct str name, struct str data, char type[64])
{
	struct json unchecked = {JSON_OBJECT, data};
	return name.n ? name : str_of(json_string_copy(json_get(unchecked, "type"), type, 64));
}

static enum event_action responses_event(struct stream_meter *m, struct str name, struct str data)
{
	struct json top;
	struct usage u;
	char type[64];
	name = name_of(name, data, type);
	if (str_ends(name, STR(".delta"))) {
		if (!str_contains(name, STR("audio.")))
			count_text(m, data, STR("\"delta\""));
		m->first_content = true;
		return EVENT_PASS;
	}
	if (str_eq(name, STR("error"))) {
		m->failed = true;
		return EVENT_PASS;
	}
	if (str_eq(name, STR("response.completed")) || str_eq(name, STR("response.incomplete")) ||
	    str_eq(name, STR("response.failed")) || str_eq(name, STR("response.cancelled"))) {
		m->ended = true;
		m->failed |= str_eq(name, STR("response.failed"));
	} else if (!str_eq(name, STR("response.created")) && !find(data, STR("\"usage\""))) {
		return EVENT_PASS; /* an end by a name that is not known here has its usage too */
	}
	if (!parsed(data, &top))
		return EVENT_PASS;
	m->fault |= usage_read(SHAPE_OPENAI_RESPONSES, top, &u) != 0;
	m->final |= (u.flags & USAGE_SEEN) != 0;
	take_usage(m, &u);
	return EVENT_PASS;
}

static void anthropic_rebuild(struct stream_meter *m)
{
	anthropic_build(&m->anthropic, m->marks_1h, &m->usage);
	m->usage.flags |= USAGE_SEEN;
}

static enum event_action anthropic_event(struct stream_meter *m, struct str name, struct str data)
{
	struct counts c = {0};
	struct json top, block;
	char type[64];
	name = name_of(name, data, type);
	if (str_eq(name, STR("content_block_delta"))) {
		count_text(m, data, STR("\"delta\""));
		return EVENT_PASS;
	}
	if (str_eq(name, STR("message_stop"))) {
		m->ended = true;
	} else if (str_eq(name, STR("error"))) {
		m->failed = true;
	} else if (str_eq(name, STR("message_start")) && parsed(data, &top)) {
		struct json message = json_get(top, "message");
		struct usage names = {.model = json_raw_string(json_get(message, "model")),
				      .request_id = json_raw_string(json_get(message, "id"))};
		take_names(m, &names);
		block = json_get(message, "usage");
		if (block.type == JSON_OBJECT) {
			m->fault |= anthropic_take(&m->anthropic, block, &c) != 0;
			anthropic_conditions(block, &m->usage);
			anthropic_rebuild(m);
		}
	} else if (str_eq(name, STR("message_delta")) && parsed(data, &top)) {
		block = json_get(top, "usage");
		if (block.type == JSON_OBJECT) {
			m->fault |= anthropic_take(&m->anthropic, block, &c) != 0;
			/* The tier stands in message_start alone; a server that states it here is believed. */
			if (json_get(block, "service_tier").type == JSON_STRING)
				anthropic_conditions(block, &m->usage);
			anthropic_rebuild(m);
			m->final = true;
		}
	}
	return EVENT_PASS;
}

static enum event_action gemini_event(struct stream_meter *m, struct str data)
{
	struct usage_place at;
	struct json top, reason;
	struct usage u;
	count_text(m, data, STR("\"parts\""));
	if (!find(data, STR("\"usageMetadata\"")) && !find(data, STR("\"usage_metadata\"")) &&
	    !find(data, STR("\"error\"")) && !find(data, STR("\"finishReason\"")) && m->events > 1 &&
	    !has_escaped_letter(data))
		return EVENT_PASS;
	if (!parsed(data, &top))
		return EVENT_PASS;
	usage_place_find(SHAPE_GEMINI, top, &at);
	m->failed |= is_error(&at.top);
	m->fault |= usage_read_at(SHAPE_GEMINI, &at, &u) != 0;
	if (u.tools[TOOL_GROUNDING] < m->usage.tools[TOOL_GROUNDING])
		u.tools[TOOL_GROUNDING] = m->usage.tools[TOOL_GROUNDING]; /* said once, in any chunk */
	if (!(u.flags & USAGE_SEEN))
		m->usage.tools[TOOL_GROUNDING] = u.tools[TOOL_GROUNDING];
	take_usage(m, &u);
	reason = json_path(at.top.candidates, "[0].finishReason");
	if (reason.type == JSON_STRING && !json_string_eq(reason, "FINISH_REASON_UNSPECIFIED")) {
		m->ended = true;
	}
	m->final = m->ended && (m->usage.flags & USAGE_SEEN);
	return EVENT_PASS;
}

enum event_action meter_event(struct stream_meter *m, struct str name, struct str data, bool client_asked_usage)
{
	data = str_trim(data);
	m->events++;
	switch (m->surface->shape) {
	case SHAPE_OPENAI_RESPONSES:
		return responses_event(m, name, data);
	case SHAPE_ANTHROPIC:
	case SHAPE_BEDROCK_ANTHROPIC:
		return anthropic_event(m, name, data);
	case SHAPE_GEMINI:
		return gemini_event(m, data);
	default:
		return openai_event(m, data, client_asked_usage);
	}
}

bool meter_end_is_last(const struct stream_meter *m)
{
	return m->surface->shape != SHAPE_GEMINI && m->surface->shape != SHAPE_OPENAI_IMAGES;
}

static void take_anthropic_body(struct stream_meter *m, const struct usage_place *at, struct usage *u)
{
	struct counts c = {0};
	bool anthropic = m->surface->shape == SHAPE_ANTHROPIC || m->surface->shape == SHAPE_BEDROCK_ANTHROPIC;
	if (!anthropic || at->block.type != JSON_OBJECT || anthropic_take(&m->anthropic, at->block, &c))
		return;
	if (m->marks_1h && u->flags & USAGE_SPLIT_GUESSED) {
		/* The request's own marks know better what life an unsplit write has. */
		anthropic_build(&m->anthropic, true, u);
		u->flags |= USAGE_SEEN;
	}
}

/* A film is made later, billed by its seconds when it is done, and looked at until then. */
bool meter_is_video(const struct surface *s)
{
	return str_eqc(str_of(s->name), "openai-videos");
}

static bool is_speech(const struct surface *s)
{
	return str_eqc(str_of(s->name), "openai-speech");
}

int meter_body(struct stream_meter *m, struct str body)
{
	UNSET struct usage_place at;
	UNSET struct usage u;
	uint64_t trained;
	int rc;
	if (is_speech(m->surface)) { /* sound: nothing to read */
		m->body_read = true;
		return 0;
	}
	if (str_starts(body, STR("\xEF\xBB\xBF"))) /* readers may pass over a byte order mark (RFC 8259, section 8.1) */
		body = str_sub(body, 3, body.n);
	rc = holder_scan(body, &at.top);
	if (m->surface->shape == SHAPE_GEMINI && str_starts(str_trim(body), STR("["))) {
		/* A stream without alt=sse: each element is an event, also where the array broke off. */
		struct json_iter it;
		struct str key;
		struct json element;
		json_open(&it, (struct json){JSON_ARRAY, str_trim(body)});
		while (json_next(&it, &key, &element))
			meter_event(m, STR(""), element.text, true);
		m->body_read = rc == 0;
		return rc;
	}
	if (rc)
		return rc;
	m->body_read = true;
	usage_place_in(m->surface->shape, &at);
	m->fault |= usage_read_at(m->surface->shape, &at, &u) != 0;
	take_anthropic_body(m, &at, &u);
	take_usage(m, &u);
	if (m->surface->shape == SHAPE_NONE) { /* nothing to count, but names */
		struct usage names = {.model = json_raw_string(at.top.model), .request_id = json_raw_string(at.top.id)};
		take_names(m, &names);
	}
	m->deferred = json_string_eq(at.top.status, "queued") || json_string_eq(at.top.status, "in_progress") ||
		      (meter_is_video(m->surface) && at.top.status.type == JSON_STRING);
	if (m->usage.flags & USAGE_SEEN && m->surface->bill != BILL_USAGE &&
	    str_contains(str_of(m->surface->name), STR("-batches")))
		m->usage.tier = TIER_BATCH;
	if (json_u64(at.top.trained_tokens, &trained) == 0 && trained <= COUNT_MAX) {
		m->usage.trained_tok = trained;
		m->usage.flags |= USAGE_SEEN;
	}
	m->final = (m->usage.flags & USAGE_SEEN) != 0;
	m->failed |= is_error(&at.top);
	if ((!m->final || m->fault || m->usage.flags & USAGE_OUT_UNSTATED) && !m->failed) {
		/* For an estimate: what was generated stands below one of these, by family. */
		count_text(m, body, STR("\"message\""));
		count_text(m, body, STR("\"output\""));
		if (!m->output_bytes)
			count_text(m, body, STR("\"content\""));
	}
	return 0;
}

bool meter_other(const struct stream_meter *m, struct usage *u, struct str *model)
{
	memset(u, 0, sizeof *u);
	*model = str_of(m->anthropic.other_model);
	if (!m->anthropic.has_other || m->fault)
		return false;
	u->tier = m->usage.tier;
	u->fast = m->usage.fast;
	memcpy(u->geo, m->usage.geo, sizeof u->geo);
	u->flags = USAGE_SEEN;
	anthropic_build_other(&m->anthropic, u);
	return true;
}

/* English text is about four bytes a token (the vendors' own rule of thumb); an estimate says so. */
static uint64_t tokens_of(uint64_t bytes)
{
	return bytes / 4 + (bytes % 4 != 0);
}

static bool can_estimate(const struct surface *s)
{
	return s->bill == BILL_USAGE && s->json_body &&
	       (s->shape == SHAPE_OPENAI_CHAT || s->shape == SHAPE_OPENAI_RESPONSES ||
		s->shape == SHAPE_OPENAI_EMBEDDINGS || s->shape == SHAPE_ANTHROPIC || s->shape == SHAPE_GEMINI);
}

void meter_finish(struct stream_meter *m, uint64_t est_in_tok)
{
	struct usage *u = &m->usage;
	uint64_t seen_out = tokens_of(m->output_bytes);
	bool cut = m->events ? !m->ended && !m->final : !m->body_read;
	if (m->fault)
		u->flags |= USAGE_SEEN | USAGE_MISMATCH;
	if (!(u->flags & USAGE_SEEN) &&
	    is_speech(m->surface)) { /* billed by the text that was sent, where no tokens are stated */
		u->characters = m->characters;
		u->flags |= USAGE_SEEN;
		return;
	}
	if (m->fault || !(u->flags & USAGE_SEEN)) {
		if (m->deferred || !can_estimate(m->surface))
			return;
		memset(u->tok, 0, sizeof u->tok);
		u->tok[CLASS_IN_PLAIN] = est_in_tok;
		u->tok[CLASS_OUT_TEXT] = seen_out;
		u->vendor_total_tok = est_in_tok + seen_out;
		u->flags |= USAGE_SEEN | USAGE_ESTIMATED | (cut ? USAGE_PARTIAL : 0);
		return;
	}
	if (m->events && !m->final) {
		/* A running count: at least what it says, at least what was seen. */
		uint64_t out = usage_output_tok(u);
		if (seen_out > out) {
			u->tok[CLASS_OUT_TEXT] += seen_out - out;
			u->vendor_total_tok += seen_out - out;
			u->flags |= USAGE_ESTIMATED;
		}
		if (cut)
			u->flags |= USAGE_PARTIAL | USAGE_ESTIMATED;
	}
	if (u->flags & (USAGE_IN_UNSTATED | USAGE_OUT_UNSTATED)) {
		uint64_t in = u->flags & USAGE_IN_UNSTATED ? est_in_tok : 0;
		uint64_t out = u->flags & USAGE_OUT_UNSTATED && seen_out > usage_output_tok(u)
				       ? seen_out - usage_output_tok(u)
				       : 0;
		u->tok[CLASS_IN_PLAIN] += in;
		u->tok[CLASS_OUT_TEXT] += out;
		u->vendor_total_tok += in + out;
		u->flags = (u->flags & ~(uint32_t)(USAGE_IN_UNSTATED | USAGE_OUT_UNSTATED)) | USAGE_ESTIMATED;
	}
	if (m->surface->shape == SHAPE_ANTHROPIC && usage_total_tok(u) != u->vendor_total_tok)
		u->flags |= USAGE_MISMATCH;
	if (usage_is_zero(u))
		u->flags |= USAGE_ZERO;
}
