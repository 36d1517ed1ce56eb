/* SPDX-License-Identifier: Apache-2.0
 *
 * Refusals in the vendor's own words, so that its SDK raises the right exception.
 *
 *   OpenAI     {"error":{"message","type","param","code"}}, all four keys always there
 *   Anthropic  {"type":"error","error":{"type","message"},"request_id"}
 *   Gemini     {"error":{"code","message","status","details"}}, status a google.rpc.Code
 *
 * (SDK sources, August 2026.) A budget refusal is a 429 of type budget_exceeded; Gemini's status must stay a
 * google.rpc.Code, so there the reason stands in an ErrorInfo. In a stream the same travels as one event.
 */
#include "model/dialect.h"

#include "base/err.h"

static const struct {
	unsigned status;
	const char *type[APIS];
	const char *code; /* OpenAI's `code`, Gemini's reason */
} kinds[APIERRS] = {
	[APIERR_BAD_REQUEST] = {400,
				{"invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
				"bad_request"},
	[APIERR_AUTH] = {401, {"authentication_error", "authentication_error", "UNAUTHENTICATED"}, "invalid_api_key"},
	[APIERR_FORBIDDEN] = {403, {"permission_error", "permission_error", "PERMISSION_DENIED"}, "forbidden"},
	[APIERR_NOT_FOUND] = {404, {"invalid_request_error", "not_found_error", "NOT_FOUND"}, "not_found"},
	[APIERR_TOO_LARGE] = {413,
			      {"invalid_request_error", "request_too_large", "INVALID_ARGUMENT"},
			      "request_too_large"},
	[APIERR_BUDGET] = {429, {"budget_exceeded", "budget_exceeded", "RESOURCE_EXHAUSTED"}, "budget_exceeded"},
	[APIERR_RATE] = {429, {"rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"}, "rate_limit_exceeded"},
	[APIERR_REGION] = {451, {"permission_error", "permission_error", "PERMISSION_DENIED"}, "region_not_allowed"},
	[APIERR_UPSTREAM] = {502, {"api_error", "api_error", "UNAVAILABLE"}, "upstream_error"},
	[APIERR_TIMEOUT] = {504, {"api_error", "timeout_error", "DEADLINE_EXCEEDED"}, "upstream_timeout"},
	[APIERR_OVERLOADED] = {503, {"api_error", "overloaded_error", "UNAVAILABLE"}, "overloaded"},
	[APIERR_STORE] = {507, {"api_error", "api_error", "INTERNAL"}, "ledger_unavailable"},
};

unsigned api_error_status(enum api_error k)
{
	return (unsigned)k < APIERRS ? kinds[k].status : 500;
}

const char *api_error_type(enum vendor_api a, enum api_error k)
{
	return (unsigned)k < APIERRS && (unsigned)a < APIS ? kinds[k].type[a] : "api_error";
}

static void write_openai(struct json_out *w, enum api_error k, struct str message)
{
	jw_key(w, "error");
	jw_object(w);
	jw_kstr(w, "message", message);
	jw_kcstr(w, "type", kinds[k].type[API_OPENAI]);
	jw_kcstr(w, "param", NULL);
	jw_kcstr(w, "code", kinds[k].code);
	jw_end_object(w);
}

static void write_anthropic(struct json_out *w, enum api_error k, struct str message, struct str request_id)
{
	jw_kcstr(w, "type", "error");
	jw_key(w, "error");
	jw_object(w);
	jw_kcstr(w, "type", kinds[k].type[API_ANTHROPIC]);
	jw_kstr(w, "message", message);
	jw_end_object(w);
	if (request_id.n)
		jw_kstr(w, "request_id", request_id);
	else
		jw_kcstr(w, "request_id", NULL);
}

static void write_gemini(struct json_out *w, enum api_error k, struct str message)
{
	jw_key(w, "error");
	jw_object(w);
	jw_ku64(w, "code", kinds[k].status);
	jw_kstr(w, "message", message);
	jw_kcstr(w, "status", kinds[k].type[API_GEMINI]);
	jw_key(w, "details");
	jw_array(w);
	jw_object(w);
	jw_kcstr(w, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
	jw_kcstr(w, "reason", kinds[k].code);
	jw_kcstr(w, "domain", "runrate");
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
}

void api_error_body(enum vendor_api a, enum api_error k, struct str message, struct str request_id, struct sb *out)
{
	struct json_out w;
	check((unsigned)k < APIERRS);
	jw_init(&w, out);
	jw_object(&w);
	if (a == API_ANTHROPIC)
		write_anthropic(&w, k, message, request_id);
	else if (a == API_GEMINI)
		write_gemini(&w, k, message);
	else
		write_openai(&w, k, message);
	jw_end_object(&w);
}

void api_error_event(const struct surface *s, enum api_error k, struct str message, struct sb *out)
{
	check((unsigned)k < APIERRS);
	if (s->shape == SHAPE_OPENAI_RESPONSES) { /* flat: the members stand beside "type":"error" */
		struct json_out w;
		sb_adds(out, "event: error\ndata: ");
		jw_init(&w, out);
		jw_object(&w);
		jw_kcstr(&w, "type", "error");
		jw_kcstr(&w, "code", kinds[k].code);
		jw_kstr(&w, "message", message);
		jw_kcstr(&w, "param", NULL);
		jw_ku64(&w, "sequence_number", 0);
		jw_end_object(&w);
	} else {
		sb_adds(out, s->api == API_ANTHROPIC ? "event: error\ndata: " : "data: ");
		/* Gemini's OpenAI-compatible surface speaks OpenAI's shape */
		api_error_body(s->shape == SHAPE_OPENAI_CHAT ? API_OPENAI : s->api, k, message, str_make("", 0), out);
	}
	sb_adds(out, "\n\n");
}
