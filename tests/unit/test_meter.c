/* SPDX-License-Identifier: Apache-2.0
 *
 * Meters of streams: what is known at the end, what is dropped, what a cut stream becomes, and what an event costs.
 */
#include "base/clock.h"
#include "base/err.h"
#include "model/dialect.h"
#include "t.h"

static struct stream_meter m;
static char shown[512];

static void begin(const char *surface, struct features *f)
{
	struct features none;
	memset(&none, 0, sizeof none);
	meter_init(&m, surface_by_name(surface), f ? f : &none);
}

/* An event as the client's framer gives it. 'D' when it is dropped, 'P' when it passes. */
static char event(const char *name, const char *data)
{
	return meter_event(&m, str_of(name), str_of(data), false) == EVENT_DROP ? 'D' : 'P';
}

static const char *show(void)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} flags[] = {{USAGE_MISMATCH, "MISMATCH "},	{USAGE_ESTIMATED, "ESTIMATED "}, {USAGE_PARTIAL, "PARTIAL "},
		     {USAGE_SPLIT_GUESSED, "GUESSED "}, {USAGE_ZERO, "ZERO "}};
	struct usage *u = &m.usage;
	size_t n = 0;
	for (unsigned c = 0; c < CLASSES; c++)
		if (u->tok[c])
			n += (size_t)snprintf(shown + n, sizeof shown - n, "%s=%llu ",
					      token_class_name((enum token_class)c), (unsigned long long)u->tok[c]);
	if (u->tier)
		n += (size_t)snprintf(shown + n, sizeof shown - n, "tier=%s ", tier_name(u->tier));
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (u->flags & flags[i].flag)
			n += (size_t)snprintf(shown + n, sizeof shown - n, "%s", flags[i].word);
	snprintf(shown + n, sizeof shown - n, u->flags & USAGE_SEEN ? "total=%llu" : "none",
		 (unsigned long long)u->vendor_total_tok);
	if (m.usage.flags & USAGE_SEEN && !(m.usage.flags & USAGE_MISMATCH))
		T_EQ_I(usage_total_tok(&m.usage), m.usage.vendor_total_tok);
	T_TRUE(m.usage.model.p == NULL && m.usage.request_id.p == NULL); /* no span outlives its event */
	return shown;
}

#define CHUNK(rest) "{\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1," \
	"\"model\":\"gpt-5-2025-08-07\",\"service_tier\":\"default\"," rest "}"

TEST(openai_chat_with_the_usage_chunk_that_we_asked_for)
{
	begin("openai-chat", NULL);
	T_EQ_I(event("", CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
		"\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"xx\"")), 'P');
	T_TRUE(!m.first_content);
	T_EQ_I(event("", CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},"
		"\"finish_reason\":null}],\"usage\":null")), 'P');
	T_TRUE(m.first_content);
	T_EQ_I(event("", CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
		"\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}]},\"finish_reason\":null}],"
		"\"usage\":null")), 'P');
	T_EQ_I(m.output_bytes, 5 + 9);
	T_EQ_I(event("", CHUNK("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null")), 'P');
	T_TRUE(!(m.usage.flags & USAGE_SEEN));
	T_EQ_I(event("", CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,"
		"\"total_tokens\":21,\"prompt_tokens_details\":{\"cached_tokens\":4}}")), 'D');
	T_EQ_I(event("", "[DONE]"), 'P');
	T_TRUE(m.ended && !m.failed);
	meter_finish(&m, 500);
	T_EQ_S(show(), "in_plain=5 in_cache_read=4 out_text=12 tier=standard total=21");
	T_EQ_S(m.model, "gpt-5-2025-08-07");
	T_EQ_S(m.request_id, "chatcmpl-9");
}

TEST(c60_the_clients_own_usage_chunk_passes)
{
	static const char last[] = CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,"
		"\"total_tokens\":21}");
	begin("openai-chat", NULL);
	T_EQ_I(meter_event(&m, STR(""), STR(last), true), EVENT_PASS);
	begin("openai-chat", NULL);
	T_EQ_I(meter_event(&m, STR(""), STR(last), false), EVENT_DROP);
	begin("openai-chat", NULL); /* usage beside content is the vendor's own habit: it passes */
	T_EQ_I(event("", CHUNK("\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
		"\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21}")), 'P');
	T_EQ_I(event("", CHUNK("\"choices\":[],\"prompt_filter_results\":[]")), 'P'); /* Azure's first chunk */
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=9 out_text=12 tier=standard total=21");
}

TEST(text_that_looks_like_usage_is_text)
{
	begin("openai-chat", NULL);
	event("", CHUNK("\"choices\":[{\"delta\":{\"content\":\"x\"}}]"));
	T_EQ_I(event("", CHUNK("\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":{\\\"prompt_tokens\\\":9} "
		"\\\"error\\\"\"}}],\"usage\":null")), 'P');
	T_TRUE(!(m.usage.flags & USAGE_SEEN) && !m.failed);
	event("", CHUNK("\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\" : {\"prompt_tokens\":1,"
		"\"completion_tokens\":1}"));
	T_TRUE(m.usage.flags & USAGE_SEEN);
	begin("openai-chat", NULL); /* Groq's place */
	event("", CHUNK("\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":null"));
	event("", CHUNK("\"usage\":null,\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
		"\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,"
		"\"total_tokens\":7}}"));
	event("", "[DONE]");
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=3 out_text=4 tier=standard total=7");
}

TEST(running_usage_of_compatible_servers_counts_last)
{
	begin("openai-chat", NULL);
	for (unsigned i = 1; i <= 5; i++) {
		char chunk[512];
		snprintf(chunk, sizeof chunk, CHUNK("\"choices\":[{\"delta\":{\"content\":\"word\"},"
			"\"finish_reason\":null}],\"usage\":{\"prompt_tokens\":7,"
			"\"completion_tokens\":%u,\"total_tokens\":%u}"), i, 7 + i);
		T_EQ_I(event("", chunk), 'P');
	}
	meter_finish(&m, 0); /* cut: the last count stands, and is named partial */
	T_EQ_S(show(), "in_plain=7 out_text=5 tier=standard ESTIMATED PARTIAL total=12");
}

TEST(c56_c59_a_cut_stream_is_estimated_from_what_was_seen)
{
	begin("openai-chat", NULL);
	event("", CHUNK("\"choices\":[{\"delta\":{\"content\":\"12345678\"}}],\"usage\":null"));
	event("", CHUNK("\"choices\":[{\"delta\":{\"content\":\"9\"}}],\"usage\":null"));
	meter_finish(&m, 100);
	T_EQ_S(show(), "in_plain=100 out_text=3 tier=standard ESTIMATED PARTIAL total=103");
	begin("openai-chat", NULL); /* ended, but the server knows no usage */
	event("", CHUNK("\"choices\":[{\"delta\":{\"content\":\"12345678\"}}]"));
	event("", "[DONE]");
	meter_finish(&m, 100);
	T_EQ_S(show(), "in_plain=100 out_text=2 tier=standard ESTIMATED total=102");
	begin("openai-chat", NULL);
	event("", "{\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}");
	T_TRUE(m.failed);
	begin("openai-chat", NULL); /* nothing came at all */
	meter_finish(&m, 100);
	T_EQ_S(show(), "in_plain=100 ESTIMATED PARTIAL total=100");
	begin("openai-models", NULL);
	meter_finish(&m, 100);
	T_EQ_S(show(), "none");
}

TEST(c58_an_explicit_zero_in_a_stream_stays_zero)
{
	begin("openai-chat", NULL);
	event("", CHUNK("\"choices\":[{\"delta\":{\"content\":\"text\"}}]"));
	event("", CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}"));
	event("", "[DONE]");
	meter_finish(&m, 100);
	T_EQ_S(show(), "tier=standard ZERO total=0");
}

TEST(responses_stream)
{
	begin("openai-responses", NULL);
	event("response.created", "{\"type\":\"response.created\",\"sequence_number\":0,"
		"\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-6\",\"status\":\"in_progress\","
		"\"usage\":null,\"service_tier\":\"auto\"}}");
	T_EQ_S(m.request_id, "resp_1");
	event("response.output_text.delta", "{\"type\":\"response.output_text.delta\",\"delta\":\"Hi "
		"\\\"there\\\"\",\"sequence_number\":1,\"logprobs\":[]}");
	T_EQ_I(m.output_bytes, 12);
	T_TRUE(m.first_content);
	event("", "{\"type\":\"response.function_call_arguments.delta\",\"item_id\":\"x\",\"delta\":\"{}\"}");
	T_EQ_I(m.output_bytes, 14);
	event("response.completed", "{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\","
		"\"model\":\"gpt-6-0901\",\"service_tier\":\"priority\","
		"\"output\":[{\"type\":\"web_search_call\",\"action\":{\"type\":\"search\"}}],"
		"\"usage\":{\"input_tokens\":30,\"input_tokens_details\":{\"cached_tokens\":10,"
		"\"cache_write_tokens\":5},\"output_tokens\":9,"
		"\"output_tokens_details\":{\"reasoning_tokens\":4},\"total_tokens\":39}}}");
	T_TRUE(m.ended && m.final && !m.failed);
	meter_finish(&m, 1);
	T_EQ_S(show(), "in_plain=15 in_cache_read=10 in_cache_write_30m=5 out_text=5 out_reasoning=4 tier=priority "
		"total=39");
	T_EQ_I(m.usage.tools[TOOL_WEB_SEARCH], 1);
	T_EQ_S(m.model, "gpt-6-0901");
	begin("openai-responses", NULL);
	event("response.incomplete", "{\"type\":\"response.incomplete\","
		"\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"total_tokens\":3}}}");
	meter_finish(&m, 1);
	T_EQ_S(show(), "in_plain=1 out_text=2 total=3");
	begin("openai-responses", NULL);
	event("response.failed", "{\"type\":\"response.failed\",\"response\":{\"usage\":{\"input_tokens\":8,"
		"\"output_tokens\":0,\"total_tokens\":8},\"error\":{\"code\":\"server_error\"}}}");
	T_TRUE(m.failed);
	meter_finish(&m, 1);
	T_EQ_S(show(), "in_plain=8 total=8");
	begin("openai-responses", NULL);
	event("error", "{\"type\":\"error\",\"code\":\"x\",\"message\":\"m\"}");
	T_TRUE(m.failed);
	struct features f = {.cache_ttl_12h = true};
	begin("openai-responses", &f);
	event("response.completed", "{\"response\":{\"model\":\"gpt-6.1-terra\",\"usage\":{\"input_tokens\":30,"
		"\"input_tokens_details\":{\"cached_tokens\":0,\"cache_write_tokens\":20},"
		"\"output_tokens\":1,\"total_tokens\":31}}}");
	meter_finish(&m, 1);
	T_EQ_S(show(), "in_plain=10 in_cache_write_12h=20 out_text=1 total=31");
}

#define START(usage) "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\"," \
	"\"role\":\"assistant\",\"model\":\"claude-sonnet-5\",\"content\":[],\"stop_reason\":null," \
	"\"usage\":" usage "}}"
#define DELTA(usage) "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"," \
	"\"stop_sequence\":null},\"usage\":" usage "}"

static void anthropic_text(void)
{
	event("content_block_start", "{\"type\":\"content_block_start\",\"index\":0,"
		"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
	event("ping", "{\"type\":\"ping\"}");
	event("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"0123456789\"}}");
	event("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"signature_delta\",\"signature\":\"AAAAAAAAAA\"}}");
}

TEST(c06_c12_an_anthropic_stream_counts_cache_once_and_at_its_own_rate)
{
	begin("anthropic-messages", NULL);
	event("message_start", START("{\"input_tokens\":25,\"cache_creation_input_tokens\":800,"
		"\"cache_read_input_tokens\":4000,\"cache_creation\":{\"ephemeral_5m_input_tokens\":500,"
		"\"ephemeral_1h_input_tokens\":300},\"output_tokens\":1,\"service_tier\":\"priority\","
		"\"inference_geo\":\"us\"}"));
	anthropic_text();
	T_EQ_I(m.output_bytes, 10);
	event("message_delta", DELTA("{\"input_tokens\":25,\"cache_creation_input_tokens\":800,"
		"\"cache_read_input_tokens\":4000,\"output_tokens\":15}"));
	event("message_stop", "{\"type\":\"message_stop\"}");
	T_TRUE(m.ended);
	meter_finish(&m, 9999);
	T_EQ_S(show(), "in_plain=25 in_cache_read=4000 in_cache_write_5m=500 in_cache_write_1h=300 out_text=15 "
		"tier=priority total=4840");
	T_EQ_S(m.usage.geo, "us");
	T_EQ_S(m.model, "claude-sonnet-5");
	T_EQ_S(m.request_id, "msg_1");
}

TEST(c19_the_rest_of_a_later_total_goes_to_the_requests_own_marks)
{
	struct features f = {.cache_marks = true, .cache_ttl_1h = true};
	static const char start[] = START("{\"input_tokens\":10,\"cache_creation_input_tokens\":100,"
		"\"cache_read_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,"
		"\"ephemeral_1h_input_tokens\":100},\"output_tokens\":1}");
	static const char last[] = DELTA("{\"input_tokens\":50,\"cache_creation_input_tokens\":900,"
		"\"cache_read_input_tokens\":2000,\"output_tokens\":70,"
		"\"server_tool_use\":{\"web_search_requests\":3}}");
	begin("anthropic-messages", &f);
	event("message_start", start);
	event("message_delta", last);
	event("message_stop", "{}");
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=50 in_cache_read=2000 in_cache_write_1h=900 out_text=70 GUESSED total=3020");
	T_EQ_I(m.usage.tools[TOOL_WEB_SEARCH], 3);
	f.cache_ttl_1h = false;
	begin("anthropic-messages", &f);
	event("message_start", start);
	event("message_delta", last);
	event("message_stop", "{}");
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=50 in_cache_read=2000 in_cache_write_5m=800 in_cache_write_1h=100 out_text=70 "
		"GUESSED total=3020");
}

TEST(c61_counts_that_come_only_at_the_end_and_starts_that_say_zero)
{
	begin("anthropic-messages", NULL);
	event("message_start", START("{\"input_tokens\":0,\"output_tokens\":0}"));
	event("message_delta", DELTA("{\"input_tokens\":40,\"cache_read_input_tokens\":700,\"output_tokens\":9}"));
	event("message_stop", "{}");
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=40 in_cache_read=700 out_text=9 total=749");
	begin("anthropic-messages", NULL); /* and ends that say zero of what the start had said */
	event("message_start", START("{\"input_tokens\":40,\"cache_read_input_tokens\":700,\"output_tokens\":1}"));
	event("message_delta", DELTA("{\"input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":9}"));
	event("", "{\"type\":\"message_stop\"}");
	T_TRUE(m.ended);
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=40 in_cache_read=700 out_text=9 total=749");
}

TEST(an_anthropic_stream_that_breaks_off)
{
	begin("anthropic-messages", NULL);
	event("message_start", START("{\"input_tokens\":25,\"cache_read_input_tokens\":4000,\"output_tokens\":1}"));
	anthropic_text();
	anthropic_text();
	meter_finish(&m, 9999);
	T_EQ_S(show(), "in_plain=25 in_cache_read=4000 out_text=5 ESTIMATED PARTIAL total=4030");
	begin("anthropic-messages", NULL);
	event("message_start", START("{\"input_tokens\":25,\"output_tokens\":1}"));
	event("error", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}");
	T_TRUE(m.failed && !m.ended);
	begin("anthropic-messages", NULL);
	event("message_start", START("{\"input_tokens\":-25,\"output_tokens\":1}"));
	anthropic_text();
	meter_finish(&m, 25);
	T_EQ_S(show(), "in_plain=25 out_text=3 MISMATCH ESTIMATED PARTIAL total=28");
}

TEST(an_advisors_tokens_are_a_call_of_their_own)
{
	static const char usage[] =
		"{\"input_tokens\":412,\"output_tokens\":89,\"service_tier\":\"batch\",\"iterations\":["
		"{\"type\":\"message\",\"input_tokens\":412,\"output_tokens\":89},{\"type\":\"advisor_message\","
		"\"model\":\"claude-opus-4-7\",\"input_tokens\":823,\"output_tokens\":1612}]}";
	char text[512];
	struct usage u;
	struct str model;
	begin("anthropic-messages", NULL);
	snprintf(text, sizeof text, "{\"type\":\"message_delta\",\"usage\":%s}", usage);
	event("message_start", START("{\"input_tokens\":412,\"output_tokens\":1}"));
	event("message_delta", text);
	event("message_stop", "{}");
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=412 out_text=89 tier=batch total=501");
	T_TRUE(m.usage.flags & USAGE_OTHER_MODEL);
	T_TRUE(meter_other(&m, &u, &model) && str_eqc(model, "claude-opus-4-7"));
	T_EQ_I(u.tok[CLASS_IN_PLAIN], 823);
	T_EQ_I(u.tok[CLASS_OUT_TEXT], 1612);
	T_EQ_I(u.tier, TIER_BATCH);
	begin("anthropic-messages", NULL);
	snprintf(text, sizeof text, "{\"usage\":%s}", usage);
	T_EQ_I(meter_body(&m, str_of(text)), 0);
	T_TRUE(meter_other(&m, &u, &model) && u.vendor_total_tok == 2435);
	begin("openai-chat", NULL);
	T_TRUE(!meter_other(&m, &u, &model));
}

TEST(gemini_streams_are_cumulative)
{
	begin("gemini-stream", NULL);
	event("", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hel\"}],\"role\":\"model\"}}],"
		"\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":1,"
		"\"totalTokenCount\":11},\"modelVersion\":\"gemini-3-pro\",\"responseId\":\"r1\"}");
	T_TRUE(m.first_content);
	T_EQ_I(m.output_bytes, 3);
	event("", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"lo\",\"thoughtSignature\":\"AAAA\"}]},"
		"\"groundingMetadata\":{\"webSearchQueries\":[\"q\"]}}],"
		"\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":3,"
		"\"thoughtsTokenCount\":20,\"totalTokenCount\":33}}");
	T_EQ_I(m.output_bytes, 5);
	event("", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"STOP\"}],"
		"\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":4,"
		"\"thoughtsTokenCount\":20,\"totalTokenCount\":34,\"trafficType\":\"ON_DEMAND\"}}");
	T_TRUE(m.ended && m.final);
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=10 out_text=4 out_reasoning=20 tier=standard total=34");
	T_EQ_S(m.model, "gemini-3-pro");
	begin("gemini-stream", NULL);
	event("", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"0123456789012345678901234567890123456789\""
		"}]}}],\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":1,"
		"\"totalTokenCount\":11}}");
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=10 out_text=10 ESTIMATED PARTIAL total=20");
	begin("gemini-stream", NULL);
	event("", "[{\"error\":{\"code\":500}}]");
	event("", "{\"error\":{\"code\":500,\"status\":\"INTERNAL\"}}");
	T_TRUE(m.failed);
}

TEST(gemini_streams_as_an_array)
{
	static const char whole[] = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}]}}],"
		"\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":1,"
		"\"totalTokenCount\":11}}\n,\r\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"!\""
		"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":10,"
		"\"candidatesTokenCount\":2,\"totalTokenCount\":12}}\n]";
	begin("gemini-stream", NULL);
	T_EQ_I(meter_body(&m, STR(whole)), 0);
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=10 out_text=2 total=12");
	begin("gemini-stream", NULL); /* broken off within the second element */
	T_TRUE(meter_body(&m, str_make(whole, 160)) < 0);
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_plain=10 out_text=2 ESTIMATED PARTIAL total=12");
	begin("gemini-stream", NULL);
	T_EQ_I(meter_body(&m, STR("[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}]")), 0);
	T_TRUE(m.failed);
}

TEST(whole_bodies)
{
	struct features f = {.cache_ttl_1h = true};
	begin("openai-chat", NULL);
	T_EQ_I(meter_body(&m, STR("{\"id\":\"a\",\"model\":\"gpt-5\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,"
		"\"completion_tokens\":4,\"total_tokens\":7}}")), 0);
	meter_finish(&m, 99);
	T_EQ_S(show(), "in_plain=3 out_text=4 total=7");
	T_EQ_S(m.model, "gpt-5");
	begin("openai-chat", NULL);
	T_EQ_I(meter_body(&m, STR("{\"model\":\"x\",\"choices\":[{\"message\":{\"role\":\"assistant\","
		"\"content\":\"01234567\"}}]}")), 0);
	meter_finish(&m, 99);
	T_EQ_S(show(), "in_plain=99 out_text=2 ESTIMATED total=101");
	begin("openai-chat", NULL);
	T_TRUE(meter_body(&m, STR("<html>")) < 0);
	begin("openai-chat", NULL);
	T_EQ_I(meter_body(&m, STR("{\"usage\":{\"prompt_tokens\":-3,\"completion_tokens\":4}}")), 0);
	meter_finish(&m, 99);
	T_EQ_S(show(), "in_plain=99 MISMATCH ESTIMATED total=99");
	begin("openai-chat", NULL);
	T_EQ_I(meter_body(&m, STR("{\"choices\":[{\"message\":{\"content\":\"01234567\"}}],"
		"\"usage\":{\"prompt_tokens\":\"3\",\"completion_tokens\":4}}")), 0);
	meter_finish(&m, 99);
	T_EQ_S(show(), "in_plain=99 out_text=2 MISMATCH ESTIMATED total=101");
	begin("anthropic-messages", &f);
	T_EQ_I(meter_body(&m, STR("{\"usage\":{\"input_tokens\":3,\"cache_creation_input_tokens\":50,"
		"\"output_tokens\":4}}")), 0);
	meter_finish(&m, 99);
	T_EQ_S(show(), "in_plain=3 in_cache_write_1h=50 out_text=4 GUESSED total=57");
	begin("openai-responses", NULL); /* background: the usage comes later */
	T_EQ_I(meter_body(&m, STR("{\"id\":\"resp\",\"status\":\"queued\",\"usage\":null,\"output\":[]}")), 0);
	meter_finish(&m, 99);
	T_EQ_S(show(), "none");
	begin("openai-finetune", NULL);
	T_EQ_I(meter_body(&m, STR("{\"id\":\"ftjob-1\",\"trained_tokens\":5768,\"model\":\"gpt-4.1\"}")), 0);
	T_EQ_I(m.usage.trained_tok, 5768);
	begin("openai-batches", NULL);
	T_EQ_I(meter_body(&m, STR("{\"id\":\"batch_1\",\"status\":\"completed\",\"usage\":{\"input_tokens\":3,"
		"\"output_tokens\":4,\"total_tokens\":7}}")), 0);
	T_EQ_I(m.usage.tier, TIER_BATCH);
	meter_init(&m, surface_find(API_OPENAI, STR("GET"), STR("/v1/batches/batch_1")), NULL);
	T_EQ_I(meter_body(&m, STR("{\"id\":\"batch_1\",\"status\":\"completed\",\"usage\":{\"input_tokens\":3,"
				  "\"output_tokens\":4,\"total_tokens\":7}}")),
	       0);
	T_EQ_I(m.usage.tier, TIER_BATCH);
	T_EQ_I(m.usage.vendor_total_tok, 7);
	f.characters = 42;
	begin("openai-speech", &f);
	T_EQ_I(meter_body(&m, STR("\xff\xf3 no json")), 0);
	meter_finish(&m, 99);
	T_EQ_I(m.usage.characters, 42);
	T_EQ_S(show(), "total=0");
}

TEST(other_streams_end_in_an_event_with_usage)
{
	begin("openai-transcription", NULL);
	event("transcript.text.delta", "{\"type\":\"transcript.text.delta\",\"delta\":\"hi\"}");
	event("transcript.text.done", "{\"type\":\"transcript.text.done\",\"text\":\"hi\","
		"\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,"
		"\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":14},\"output_tokens\":45,"
		"\"total_tokens\":59}}");
	T_TRUE(m.ended);
	meter_finish(&m, 0);
	T_EQ_S(show(), "in_audio=14 out_text=45 total=59");
}

TEST(events_that_are_garbage_do_no_harm)
{
	static const char *const bad[] = {"", "{", "}", "\"", "[DONE", "{\"usage\":{",
		"{\"usage\":{\"prompt_tokens\":", "null", "{\"delta\":\"\\",
					  "{\"delta\":{\"a\"", "\"usage\":", "{\"parts\":[[[[[", "{\"type\":"};
	for (unsigned s = 0; s < surface_count(); s++) {
		meter_init(&m, surface_at(s), NULL);
		for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
			event("", bad[i]);
			event("message_start", bad[i]);
			event("message_delta", bad[i]);
			event("response.completed", bad[i]);
		}
		meter_finish(&m, 1);
	}
}

TEST(bytes_of_many_events_are_counted)
{
	static const char chunk[] = "{\"id\":\"chatcmpl-C0ffee1234567890abcdefABCDEF\","
		"\"object\":\"chat.completion.chunk\",\"created\":1795219200,"
		"\"model\":\"gpt-5-mini-2025-08-07\",\"service_tier\":\"default\","
		"\"system_fingerprint\":null,\"choices\":[{\"index\":0,\"delta\":{\"content\":\" "
		"token\"},\"finish_reason\":null}],\"usage\":null}";
	static const char claude[] = "{\"type\":\"content_block_delta\",\"index\":0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\" some words here\"}}";
	enum { EVENTS = 20000 };
	begin("openai-chat", NULL);
	for (unsigned i = 0; i < EVENTS; i++)
		meter_event(&m, STR(""), STR(chunk), false);
	T_EQ_I(m.output_bytes, 6 * EVENTS);
	begin("anthropic-messages", NULL);
	for (unsigned i = 0; i < EVENTS; i++)
		meter_event(&m, STR("content_block_delta"), STR(claude), false);
	T_EQ_I(m.output_bytes, 16 * EVENTS);
}

T_MAIN
