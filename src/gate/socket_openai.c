/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's events: Realtime, and Responses over a websocket (SDK types of openai 6.49.0; reference pages, November
 * 2026).
 *
 *   Realtime    response.create asks, or the vendor begins by itself (turn detection); response.created names it;
 *               response.done ends it and holds its usage: text, audio, pictures, cached ones per modality.
 *               conversation.item.input_audio_transcription.completed is a bill of its own, by the transcriber's price.
 *               session.created and session.updated say which models serve, whatever was asked for.
 *   Responses   response.create holds the members of POST /v1/responses; the events are those of its stream.
 *
 * An event's type stands among its first members; it is looked for without a parse, and only what matters is parsed.
 */
#include "gate/socket_int.h"

/* Realtime speech (guide, November 2026): PCM of 16 bit at 24 kHz; a token of output is 50 ms. */
enum { PCM_BYTES_A_TOKEN = 24000 * 2 / 20 };

static struct str type_of(struct str text)
{
	struct json unchecked = {JSON_OBJECT, str_trim(text)}; /* a look stays in bounds */
	return unchecked.text.n > 1 && unchecked.text.p[0] == '{' ? json_raw_string(json_get(unchecked, "type"))
								  : str_make("", 0);
}

/* Is any of the members called "type" this? Two parsers may take different ones of two, and escapes hide nothing. */
static bool says(struct str text, const char *type)
{
	struct json top, v;
	struct json_iter it;
	struct str key;
	if (json_parse(text, &top, NULL) || top.type != JSON_OBJECT)
		return false;
	for (json_open(&it, top); json_next(&it, &key, &v);)
		if (json_key_eq(key, STR("type")) && json_string_eq(v, type))
			return true;
	return false;
}

static bool parsed(struct str text, struct json *top)
{
	return json_parse(text, top, NULL) == 0 && top->type == JSON_OBJECT;
}

/* What the vendor says of an error, as a status: an error of ours if it does not say. */
static unsigned status_of(struct json top)
{
	uint64_t status = json_u64_or0(json_get(top, "status"));
	return status >= 400 && status < 600 ? (unsigned)status : 400;
}

/* ---- Realtime */

bool realtime_asks(struct socket *s, struct str text)
{
	return says(text, "response.create");
}

static struct str query_value(struct str query, const char *name)
{
	while (query.p) {
		struct str pair = str_cut(&query, '&'), key = str_cut(&pair, '=');
		if (str_eqc(key, name))
			return pair.p ? pair : str_make("", 0);
	}
	return str_make("", 0);
}

void realtime_features(struct socket *s, struct request *r)
{
	struct json top, response;
	uint64_t most = 0;
	if (!s->model[0])
		str_copy(s->model, sizeof s->model, query_value(r->query, "model"));
	r->features.model = str_of(s->model);
	r->features.hidden_context = true; /* the conversation so far */
	r->features.max_output_tok = s->max_output_tok;
	if (!r->turn_of || r->begun || !parsed(sb_str(&s->ask_text), &top))
		return;
	sb_clear(&r->body); /* the client's own name of its event, by which an error would answer it */
	sb_add_str(&r->body, json_raw_string(json_get(top, "event_id")));
	response = json_get(top, "response");
	if (json_u64(json_get(response, "max_output_tokens"), &most) == 0 ||
	    json_u64(json_get(response, "max_response_output_tokens"), &most) == 0)
		r->features.max_output_tok = most;
}

static void take_session(struct socket *s, struct json session)
{
	struct json model = json_get(session, "model"),
		    transcriber = json_path(session, "audio.input.transcription.model");
	uint64_t most;
	if (transcriber.type != JSON_STRING)
		transcriber = json_path(session, "input_audio_transcription.model");
	if (model.type == JSON_STRING)
		json_string_copy(model, s->model, sizeof s->model);
	if (transcriber.type == JSON_STRING)
		json_string_copy(transcriber, s->transcriber, sizeof s->transcriber);
	s->max_output_tok = 0;
	if (json_u64(json_get(session, "max_output_tokens"), &most) == 0 ||
	    json_u64(json_get(session, "max_response_output_tokens"), &most) == 0)
		s->max_output_tok = most;
}

static struct request *take_created(struct socket *s, struct str text)
{
	struct json top;
	struct request *r = socket_turn(s, str_make("", 0));
	if (!parsed(text, &top))
		return NULL;
	if (!r)
		r = socket_begin(s, false);
	if (r)
		str_copy(r->meter.request_id, sizeof r->meter.request_id,
			 json_raw_string(json_path(top, "response.id")));
	return NULL;
}

static struct request *take_done(struct socket *s, struct str text)
{
	struct json top, response, status;
	struct request *r;
	if (!parsed(text, &top))
		return NULL;
	response = json_get(top, "response");
	status = json_get(response, "status");
	r = socket_turn(s, json_raw_string(json_get(response, "id")));
	if (!r)
		r = socket_turn(s, str_make("", 0));
	if (!r)
		r = socket_begin(s, false);
	if (!r)
		return NULL;
	meter_body(&r->meter, text);
	if (!r->meter.model[0])
		str_copy(r->meter.model, sizeof r->meter.model, str_of(s->model));
	if (r->meter.usage.flags & USAGE_SEEN) {
		s->last_in_tok = usage_input_tok(&r->meter.usage);
	} else if (json_string_eq(status, "failed")) {
		r->status = 500;
		r->call.outcome = OUTCOME_VENDOR_ERROR;
	} else {
		realtime_estimate(s, r);
	}
	return r;
}

static struct request *take_transcription(struct socket *s, struct str text)
{
	struct request *r = socket_whole(s, "openai-realtime-transcription", str_of(s->transcriber));
	struct json top;
	if (!r || !parsed(text, &top))
		return r;
	meter_body(&r->meter, text);
	str_copy(r->meter.request_id, sizeof r->meter.request_id, json_raw_string(json_get(top, "item_id")));
	return r;
}

static void take_delta(struct socket *s, struct str type, struct str text)
{
	struct json unchecked = {JSON_OBJECT, str_trim(text)};
	struct request *r = socket_turn(s, json_raw_string(json_get(unchecked, "response_id")));
	struct str delta = json_raw_string(json_get(unchecked, "delta"));
	if (!r)
		return;
	socket_first_content(r);
	if (str_contains(type, STR("audio.")))
		r->audio_bytes += delta.n / 4 * 3; /* base64 */
	else
		r->meter.output_bytes += delta.n;
}

/* An error that answers a response.create, which then gets no response. */
static struct request *take_error(struct socket *s, struct str text)
{
	struct request *r = socket_turn(s, str_make("", 0));
	struct json top, about;
	if (!r || r->begun || !parsed(text, &top))
		return NULL;
	about = json_path(top, "error.event_id");
	if (about.type == JSON_STRING && !str_eq(json_raw_string(about), sb_str(&r->body)))
		return NULL; /* of another event */
	r->status = status_of(top);
	r->call.outcome = OUTCOME_VENDOR_ERROR;
	return r;
}

struct request *realtime_see(struct socket *s, struct str text)
{
	struct str type = type_of(text);
	struct json top;
	if (str_starts(type, STR("response."))) {
		if (str_eq(type, STR("response.created")))
			return take_created(s, text);
		if (str_eq(type, STR("response.done")))
			return take_done(s, text);
		if (str_ends(type, STR(".delta")))
			take_delta(s, type, text);
	} else if (str_eq(type, STR("conversation.item.input_audio_transcription.completed"))) {
		return take_transcription(s, text);
	} else if (str_eq(type, STR("error"))) {
		return take_error(s, text);
	} else if ((str_starts(type, STR("session.")) || str_starts(type, STR("transcription_session."))) &&
		   parsed(text, &top)) {
		take_session(s, json_get(top, "session"));
	}
	return NULL;
}

void realtime_estimate(struct socket *s, struct request *r)
{
	struct usage *u = &r->meter.usage;
	if (u->flags & USAGE_SEEN)
		return;
	u->tok[CLASS_IN_PLAIN] = s->last_in_tok ? s->last_in_tok : r->bound.in_tok / 4;
	u->tok[CLASS_OUT_TEXT] = (r->meter.output_bytes + 3) / 4;
	u->tok[CLASS_OUT_AUDIO] = r->audio_bytes / PCM_BYTES_A_TOKEN;
	u->vendor_total_tok = usage_total_tok(u);
	u->flags |= USAGE_SEEN | USAGE_ESTIMATED | USAGE_PARTIAL;
	r->meter.final = r->meter.body_read = true;
	if (!r->meter.model[0])
		str_copy(r->meter.model, sizeof r->meter.model, str_of(s->model));
}

/* ---- Responses over a websocket */

bool responses_asks(struct socket *s, struct str text)
{
	return says(text, "response.create");
}

void responses_features(struct socket *s, struct request *r)
{
}

struct request *responses_see(struct socket *s, struct str text)
{
	struct str type = type_of(text);
	struct request *r = NULL;
	struct json top;
	for (unsigned i = 0; i < s->turns && !r; i++)
		if (!s->turn[i]->answer_done)
			r = s->turn[i];
	if (!r && str_starts(type, STR("response.")))
		r = socket_begin(s, false);
	if (!r)
		return NULL;
	meter_event(&r->meter, type, text, true);
	if (r->meter.first_content)
		socket_first_content(r);
	if (str_eq(type, STR("error"))) {
		r->status = parsed(text, &top) ? status_of(top) : 400;
		r->call.outcome = OUTCOME_VENDOR_ERROR;
		return r;
	}
	return r->meter.ended ? r : NULL;
}
