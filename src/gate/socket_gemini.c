/* SPDX-License-Identifier: Apache-2.0
 *
 * Gemini Live's messages (BidiGenerateContent; types of @google/genai 2.32.0): JSON in text or binary frames.
 *
 *   client   setup {model ...} once, then clientContent, realtimeInput, toolResponse
 *   server   setupComplete; serverContent {modelTurn ... turnComplete}; toolCall; usageMetadata beside any of them
 *
 * There is no id of a turn. One is under way from the first serverContent or toolCall to turnComplete, and
 * usageMetadata within it are running counts of which the newest stands; those that come behind the end are a turn of
 * their own.
 */
#include "gate/socket_int.h"

bool live_asks(struct socket *s, struct str text)
{
	struct json top, setup;
	char model[128];
	if (s->model[0] || json_parse(text, &top, NULL))
		return false;
	setup = json_get(top, "setup");
	if (json_get(setup, "model").type == JSON_STRING) {
		struct str name = str_of(json_string_copy(json_get(setup, "model"), model, sizeof model));
		str_copy(s->model, sizeof s->model, str_starts(name, STR("models/")) ? str_sub(name, 7, name.n) : name);
		s->max_output_tok = json_u64_or0(json_path(setup, "generationConfig.maxOutputTokens"));
	}
	return false; /* the vendor begins by itself whenever it has heard enough */
}

void live_features(struct socket *s, struct request *r)
{
	r->features.model = str_of(s->model);
	r->features.hidden_context = true;
	r->features.max_output_tok = s->max_output_tok;
}

static struct json either(struct json v, const char *camel, const char *snake)
{
	struct json found = json_get(v, camel);
	return found.type == JSON_NONE ? json_get(v, snake) : found;
}

struct request *live_see(struct socket *s, struct str text)
{
	struct json top, content;
	struct request *r;
	bool over;
	if (json_parse(text, &top, NULL) || top.type != JSON_OBJECT)
		return NULL;
	content = either(top, "serverContent", "server_content");
	over = json_is_true(either(content, "turnComplete", "turn_complete"));
	if (content.type == JSON_NONE && either(top, "toolCall", "tool_call").type == JSON_NONE &&
	    either(top, "usageMetadata", "usage_metadata").type == JSON_NONE)
		return NULL;
	r = socket_turn(s, str_make("", 0));
	if (!r)
		r = socket_begin(s, false);
	if (!r)
		return NULL;
	if (!r->meter.first_content && either(content, "modelTurn", "model_turn").type == JSON_OBJECT)
		socket_first_content(r);
	meter_event(&r->meter, STR(""), text, true);
	if (!r->meter.model[0])
		str_copy(r->meter.model, sizeof r->meter.model, str_of(s->model));
	if (!over)
		return NULL;
	r->meter.ended = r->meter.final = true;
	return r;
}
