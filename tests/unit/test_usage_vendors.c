/* SPDX-License-Identifier: Apache-2.0
 *
 * Usage blocks as disjoint classes: the vendors' rarer shapes, counts that are none, and every vendor against the
 * public extractor definitions of genai-prices.
 */
#include "usage_show.h"

TEST(anthropic_compaction_steps_are_billed_beside_the_top_level)
{
	/* The example of the vendor's compaction page. */
	READS(ANTHROPIC,
	      "{\"usage\":{\"input_tokens\":23000,\"output_tokens\":1000,\"iterations\":[{\"type\":\"compaction\","
	"\"input_tokens\":180000,"
	      "\"output_tokens\":3500},{\"type\":\"message\",\"input_tokens\":23000,\"output_tokens\":1000}]}}",
	      "in_plain=203000 out_text=4500 total=207500");
}

TEST(anthropic_advisor_steps_are_another_models)
{
	/* The example of the vendor's advisor page. */
	static const char body[] =
		"{\"id\":\"msg_9\",\"model\":\"claude-sonnet-5\",\"usage\":{\"input_tokens\":412,"
		"\"cache_read_input_tokens\":0,"
		"\"cache_creation_input_tokens\":0,\"output_tokens\":531,\"iterations\":["
		"{\"type\":\"message\",\"input_tokens\":412,\"cache_read_input_tokens\":0,\"output_tokens\":89},"
		"{\"type\":\"advisor_message\",\"model\":\"claude-opus-4-7\",\"input_tokens\":823,"
		"\"output_tokens\":1612},"
		"{\"type\":\"message\",\"input_tokens\":1348,\"cache_read_input_tokens\":412,\"output_tokens\":442}]}}";
	struct json top;
	struct usage u;
	READS(ANTHROPIC, body, "in_plain=1760 in_cache_read=412 out_text=531 OTHER total=2703");
	T_EQ_I(json_parse(STR(body), &top, NULL), 0);
	T_EQ_I(usage_read_other(SHAPE_ANTHROPIC, top, &u), 0);
	T_TRUE(str_eqc(u.model, "claude-opus-4-7"));
	T_EQ_S(show(&u), "in_plain=823 out_text=1612 total=2435");
	T_EQ_I(json_parse(STR("{\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}"), &top, NULL), 0);
	T_EQ_I(usage_read_other(SHAPE_ANTHROPIC, top, &u), -RR_NOTFOUND);
	READS(ANTHROPIC, /* steps that do not make up the output */
	      "{\"usage\":{\"input_tokens\":10,\"output_tokens\":99,\"iterations\":[{\"type\":\"message\","
	"\"input_tokens\":10,\"output_tokens\":9}]}}",
	      "in_plain=10 out_text=9 MISMATCH total=19");
}

TEST(anthropic_thinking_stands_inside_and_is_approximate)
{
	READS(ANTHROPIC,
	      "{\"usage\":{\"input_tokens\":5,\"output_tokens\":100,\"output_tokens_details\":{\"thinking_tokens\":80},"
	      "\"server_tool_use\":{\"web_search_requests\":2,\"web_fetch_requests\":1}}}",
	      "in_plain=5 out_text=20 out_reasoning=80 web_search:2 web_fetch:1 total=105");
	READS(ANTHROPIC, "{\"usage\":{\"input_tokens\":5,\"output_tokens\":100,"
		"\"output_tokens_details\":{\"thinking_tokens\":103}}}",
	      "in_plain=5 out_reasoning=100 total=105");
	READS(ANTHROPIC, "{\"usage\":{\"input_tokens\":5,\"output_tokens\":1,\"server_tool_use\":null,"
		"\"cache_creation\":null,"
			 "\"inference_geo\":\"not_available\",\"cache_creation_input_tokens\":null}}",
	      "in_plain=5 out_text=1 total=6");
}

TEST(openai_images_realtime_and_embeddings)
{
	READS(OPENAI_IMAGES,
	      "{\"created\":1,\"data\":[{\"b64_json\":\"AA\"}],\"usage\":{\"total_tokens\":100,\"input_tokens\":50,"
	"\"output_tokens\":50,"
	      "\"input_tokens_details\":{\"text_tokens\":10,\"image_tokens\":40}}}",
	      "in_plain=10 in_image=40 out_image=50 total=100");
	READS(OPENAI_IMAGES,
	      "{\"data\":[{}],\"usage\":{\"total_tokens\":110,\"input_tokens\":50,\"output_tokens\":60,"
	"\"input_tokens_details\":{\"text_tokens\":"
	      "50,\"image_tokens\":0},\"output_tokens_details\":{\"image_tokens\":50,\"text_tokens\":10}}}",
	      "in_plain=50 out_text=10 out_image=50 total=110");
	READS(OPENAI_IMAGES, "{\"created\":1,\"data\":[{\"url\":\"u\"},{\"url\":\"v\"}]}", "images=2 total=0");
	READS(OPENAI_REALTIME,
	      "{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"usage\":{\"total_tokens\":253,"
	"\"input_tokens\":132,\"output_tokens\":121,"
	      "\"input_token_details\":{\"text_tokens\":119,\"audio_tokens\":13,\"image_tokens\":0,"
	"\"cached_tokens\":64,"
	      "\"cached_tokens_details\":{\"text_tokens\":60,\"audio_tokens\":4}},"
	"\"output_token_details\":{\"text_tokens\":30,\"audio_tokens\":91}}}}",
	      "in_plain=59 in_cache_read=60 in_audio=9 in_audio_cache_read=4 out_text=30 out_audio=91 total=253");
	READS(OPENAI_EMBEDDINGS, "{\"model\":\"text-embedding-3-small\",\"usage\":{\"prompt_tokens\":8,"
		"\"total_tokens\":8}}", "in_plain=8 total=8");
	READS(OPENAI_EMBEDDINGS, "{\"model\":\"voyage-3\",\"usage\":{\"total_tokens\":10}}", "in_plain=10 total=10");
}

TEST(responses_count_the_vendors_tools)
{
	READS(OPENAI_RESPONSES,
	      "{\"output\":[{\"type\":\"web_search_call\",\"action\":{\"type\":\"search\",\"query\":\"q\"}},"
	"{\"type\":\"web_search_call\","
	      "\"action\":{\"type\":\"open_page\"}},{\"type\":\"file_search_call\"},"
	"{\"type\":\"code_interpreter_call\",\"container_id\":\"c1\"},"
	      "{\"type\":\"code_interpreter_call\",\"container_id\":\"c1\"},{\"type\":\"function_call\"},"
	"{\"type\":\"message\"}],"
	      "\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"total_tokens\":3}}",
	      "in_plain=1 out_text=2 web_search:1 file_search:1 code:1 total=3");
}

TEST(gemini_grounding_is_per_prompt_or_per_query)
{
	READS(GEMINI,
	      "{\"modelVersion\":\"gemini-2.5-flash\","
	"\"candidates\":[{\"groundingMetadata\":{\"webSearchQueries\":[\"a\",\"b\"]}}],"
	      "\"usageMetadata\":{\"promptTokenCount\":1,\"totalTokenCount\":1}}",
	      "in_plain=1 grounding:1 total=1");
	READS(GEMINI,
	      "{\"modelVersion\":\"gemini-3-pro\","
	"\"candidates\":[{\"groundingMetadata\":{\"webSearchQueries\":[\"a\",\"\",\"b\"]}}],"
	      "\"usageMetadata\":{\"promptTokenCount\":1,\"totalTokenCount\":1}}",
	      "in_plain=1 grounding:2 total=1");
	READS(GEMINI, /* an array that streamed: cumulative, the last one counts */
	      "[{\"usageMetadata\":{\"promptTokenCount\":5,\"candidatesTokenCount\":1,\"totalTokenCount\":6}},"
	      "{\"usageMetadata\":{\"promptTokenCount\":5,\"candidatesTokenCount\":9,\"totalTokenCount\":14}}]",
	      "in_plain=5 out_text=9 total=14");
}

TEST(cohere_bills_its_billed_units)
{
	READS(COHERE,
	      "{\"generation_id\":\"g\",\"meta\":{\"api_version\":{\"version\":\"1\"},"
	"\"billed_units\":{\"input_tokens\":17,\"output_tokens\":12},"
	      "\"tokens\":{\"input_tokens\":215,\"output_tokens\":12}}}",
	      "in_plain=17 out_text=12 total=29");
	READS(COHERE,
	      "{\"id\":\"c\",\"usage\":{\"billed_units\":{\"input_tokens\":17.0,\"output_tokens\":12.0},"
	"\"tokens\":{\"input_tokens\":215.0,"
	      "\"output_tokens\":12.0}}}",
	      "in_plain=17 out_text=12 total=29");
	READS(COHERE, "{\"usage\":{\"tokens\":{\"input_tokens\":215,\"output_tokens\":12},\"cached_tokens\":100}}",
	      "in_plain=115 in_cache_read=100 out_text=12 total=227");
	READS(COHERE, "{\"results\":[],\"meta\":{\"billed_units\":{\"search_units\":1}}}", "other:1 total=0");
	READS(COHERE, "{\"type\":\"message-end\",\"delta\":{\"usage\":{\"billed_units\":{\"input_tokens\":3,"
		"\"output_tokens\":4}}}}",
	      "in_plain=3 out_text=4 total=7");
}

TEST(counts_that_are_no_counts_are_refused)
{
	static const char *const bad[] = {"-1", "1.5", "\"12\"", "9007199254740993", "1e30", "true", "[1]", "{}"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char body[256];
		int rc;
		struct usage u;
		snprintf(body, sizeof body, "{\"usage\":{\"prompt_tokens\":%s,\"completion_tokens\":5,"
			"\"total_tokens\":9}}", bad[i]);
		u = read_body(SHAPE_OPENAI_CHAT, body, &rc);
		T_TRUE(rc < 0);
		T_EQ_I(u.flags, USAGE_SEEN | USAGE_MISMATCH);
		T_EQ_I(usage_total_tok(&u), 0);
		snprintf(body, sizeof body, "{\"usage\":{\"input_tokens\":1,\"cache_read_input_tokens\":%s,"
			"\"output_tokens\":5}}", bad[i]);
		u = read_body(SHAPE_ANTHROPIC, body, &rc);
		T_TRUE(rc < 0);
		T_EQ_I(u.flags, USAGE_SEEN | USAGE_MISMATCH);
		snprintf(body, sizeof body, "{\"usageMetadata\":{\"promptTokenCount\":%s}}", bad[i]);
		u = read_body(SHAPE_GEMINI, body, &rc);
		T_TRUE(rc < 0);
		snprintf(body, sizeof body, "{\"usage\":{\"inputTokens\":1,\"outputTokens\":%s}}", bad[i]);
		u = read_body(SHAPE_BEDROCK, body, &rc);
		T_TRUE(rc < 0);
	}
	READS(OPENAI_CHAT, "{\"usage\":{\"prompt_tokens\":12.0,\"completion_tokens\":1e1,\"total_tokens\":22}}",
		"in_plain=12 out_text=10 total=22");
	READS(OPENAI_CHAT, "{\"usage\":{\"prompt_tokens\":9007199254740992,\"completion_tokens\":0}}",
	      "in_plain=9007199254740992 total=9007199254740992");
	READS(OPENAI_CHAT, "{\"usage\":{\"prompt_tokens\":null,\"completion_tokens\":3}}", "out_text=3 total=3");
	READS(OPENAI_CHAT, "{\"usage\":[1,2]}", "none");
	READS(OPENAI_CHAT, "{\"usage\":{\"prompt_tokens\":3,\"input_tokens\":4,\"completion_tokens\":3}}",
		"in_plain=3 out_text=3 MISMATCH total=6");
}

TEST(adding_keeps_classes_and_says_what_it_cannot)
{
	struct usage a = {.flags = USAGE_SEEN, .tier = TIER_BATCH};
	struct usage b = {.flags = USAGE_SEEN, .tier = TIER_STANDARD};
	struct usage sum = {0};
	a.tok[CLASS_IN_PLAIN] = a.vendor_total_tok = 5;
	b.tok[CLASS_OUT_TEXT] = b.vendor_total_tok = 7;
	b.tools[TOOL_CODE] = 2;
	usage_add(&sum, &a);
	T_EQ_I(sum.tier, TIER_BATCH);
	usage_add(&sum, &b);
	T_EQ_I(sum.tier, TIER_OTHER);
	T_EQ_I(sum.tok[CLASS_IN_PLAIN], 5);
	T_EQ_I(sum.tok[CLASS_OUT_TEXT], 7);
	T_EQ_I(sum.tools[TOOL_CODE], 2);
	T_EQ_I(sum.vendor_total_tok, 12);
	sum.tok[CLASS_IN_PLAIN] = UINT64_MAX;
	usage_add(&sum, &a);
	T_TRUE(sum.tok[CLASS_IN_PLAIN] == UINT64_MAX);
}

TEST(the_public_extractors_count_the_same)
{
	/* usage_oracle.py: answers of every vendor, counted by the extractor definitions of genai-prices. -1: they
	 * do not count that. */
	static const struct {
		enum usage_shape shape;
		const char *body;
		long in, out, read, write, audio_in, audio_out, reasoning, searches;
	} cases[] = {
#include "usage_oracle.inc"
	};
	T_TRUE(sizeof cases / sizeof cases[0] >= 100);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int rc;
		struct usage u = read_body(cases[i].shape, cases[i].body, &rc);
		const uint64_t *t = u.tok;
		unsigned bad_before = t_bad;
		T_EQ_I(rc, 0);
		T_TRUE(!(u.flags & USAGE_MISMATCH));
		T_EQ_I(usage_input_tok(&u), cases[i].in);
		T_EQ_I(usage_output_tok(&u), cases[i].out < 0 ? 0 : cases[i].out);
		if (cases[i].read >= 0)
			T_EQ_I(t[CLASS_IN_CACHE_READ] + t[CLASS_IN_AUDIO_CACHE_READ] + t[CLASS_IN_IMAGE_CACHE_READ],
			       cases[i].read);
		if (cases[i].write >= 0)
			T_EQ_I(t[CLASS_IN_CACHE_WRITE] + t[CLASS_IN_CACHE_WRITE_5M] + t[CLASS_IN_CACHE_WRITE_30M] +
				       t[CLASS_IN_CACHE_WRITE_1H],
			       cases[i].write);
		if (cases[i].audio_in >= 0)
			T_EQ_I(t[CLASS_IN_AUDIO] + t[CLASS_IN_AUDIO_CACHE_READ], cases[i].audio_in);
		if (cases[i].audio_out >= 0)
			T_EQ_I(t[CLASS_OUT_AUDIO], cases[i].audio_out);
		if (cases[i].reasoning >= 0)
			T_EQ_I(t[CLASS_OUT_REASONING], cases[i].reasoning);
		if (cases[i].searches >= 0)
			T_EQ_I(u.tools[TOOL_WEB_SEARCH], cases[i].searches);
		if (t_bad != bad_before)
			printf("  %s %s\n", usage_shape_name(cases[i].shape), cases[i].body);
	}
}

TEST(anthropics_rarer_blocks)
{
	READS(ANTHROPIC, /* the split alone says what was written */
	      "{\"usage\":{\"input_tokens\":1,\"cache_creation\":{\"ephemeral_5m_input_tokens\":30,"
	      "\"ephemeral_1h_input_tokens\":40},\"output_tokens\":2}}",
	      "in_plain=1 in_cache_write_5m=30 in_cache_write_1h=40 out_text=2 total=73");
	READS(ANTHROPIC, /* with a fallback the top level is the served answer */
	      "{\"usage\":{\"input_tokens\":10,\"output_tokens\":20,\"iterations\":[{\"type\":\"message\","
	      "\"input_tokens\":10,\"output_tokens\":1},{\"type\":\"fallback_message\",\"input_tokens\":10,"
	      "\"output_tokens\":20}]}}",
	      "in_plain=10 out_text=20 total=30");
	READS(ANTHROPIC, /* message_start as a body */
	      "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}",
	      "in_plain=10 out_text=1 total=11");
	READS(ANTHROPIC, "{\"usage\":{\"input_tokens\":10,\"output_tokens\":1,\"iterations\":[]}}",
	      "in_plain=10 out_text=1 total=11");
	READS(ANTHROPIC, "{\"usage\":{\"input_tokens\":10,\"output_tokens\":1,\"iterations\":[{\"type\":\"message\","
			 "\"input_tokens\":-1,\"output_tokens\":1}]}}",
	      "error RANGE MISMATCH");
}

TEST(two_advisors_cannot_share_one_rate)
{
	struct json top;
	struct usage u;
	T_EQ_I(json_parse(STR("{\"usage\":{\"input_tokens\":1,\"output_tokens\":1,\"iterations\":[{\"type\":\"message\","
			      "\"input_tokens\":1,\"output_tokens\":1},{\"type\":\"advisor_message\",\"model\":\"a\","
			      "\"input_tokens\":5,\"output_tokens\":6},{\"type\":\"advisor_message\",\"model\":\"b\","
			      "\"input_tokens\":7,\"output_tokens\":8}]}}"),
			  &top, NULL),
	       0);
	T_EQ_I(usage_read_other(SHAPE_ANTHROPIC, top, &u), 0);
	T_EQ_S(show(&u), "in_plain=12 out_text=14 MISMATCH total=26");
	T_EQ_I(usage_read_other(SHAPE_OPENAI_CHAT, top, &u), -RR_NOTFOUND);
}

TEST(rarer_blocks_of_the_others)
{
	READS(OPENAI_CHAT, /* Perplexity */
	      "{\"model\":\"sonar\",\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":29,\"total_tokens\":43,"
	      "\"num_search_queries\":3,\"cost\":{\"input_tokens_cost\":0.1,\"total_cost\":0.006}}}",
	      "in_plain=14 out_text=29 web_search:3 total=43");
	READS(OPENAI_IMAGES, /* details that name the text alone */
	      "{\"data\":[{}],\"usage\":{\"input_tokens\":5,\"output_tokens\":60,\"total_tokens\":65,"
	      "\"output_tokens_details\":{\"text_tokens\":10}}}",
	      "in_plain=5 out_text=10 out_image=50 total=65");
	READS(OPENAI_RESPONSES, "{\"service_tier\":\"ultrafast\",\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}",
	      "in_plain=5 out_text=6 tier=priority fast total=11");
	READS(OPENAI_TRANSCRIPTION, "{\"usage\":{\"type\":\"duration\",\"seconds\":\"soon\"}}", "error SYNTAX MISMATCH");
	READS(BEDROCK,
	      "{\"usage\":{\"inputTokens\":1,\"outputTokens\":2,\"cacheWriteInputTokens\":10,\"cacheDetails\":"
	      "[{\"ttl\":\"2h\",\"inputTokens\":4}]}}",
	      "in_plain=1 in_cache_write=10 out_text=2 total=13");
	READS(BEDROCK,
	      "{\"usage\":{\"inputTokens\":1,\"outputTokens\":2,\"cacheWriteInputTokens\":3,\"cacheDetails\":"
	      "[{\"ttl\":\"1h\",\"inputTokens\":4}]}}",
	      "in_plain=1 in_cache_write_1h=4 out_text=2 MISMATCH total=7");
	READS(GEMINI,
	      "{\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":2,\"totalTokenCount\":3,"
	      "\"candidatesTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":9}]}}",
	      "in_plain=1 out_audio=2 MISMATCH total=3");
	READS(COHERE, "{\"text\":\"t\"}", "none");
	READS(BEDROCK, "{\"message\":\"ThrottlingException\"}", "none");
}

TEST(a_sums_vendor_cost_is_known_only_if_all_parts_are)
{
	struct usage a = {.flags = USAGE_SEEN | USAGE_VENDOR_COST, .vendor_cost_pico = 5}, b = {.flags = USAGE_SEEN};
	struct usage sum = {0};
	usage_add(&sum, &a);
	usage_add(&sum, &a);
	T_TRUE(sum.flags & USAGE_VENDOR_COST);
	T_EQ_I(sum.vendor_cost_pico, 10);
	usage_add(&sum, &b);
	T_TRUE(!(sum.flags & USAGE_VENDOR_COST));
}

TEST(names_come_back)
{
	for (unsigned s = 0; s < SHAPES; s++) {
		enum usage_shape back;
		T_EQ_I(usage_shape_parse(str_of(usage_shape_name((enum usage_shape)s)), &back), 0);
		T_EQ_I(back, s);
	}
	enum usage_shape none;
	T_EQ_I(usage_shape_parse(STR("x-ai"), &none), 0);
	T_EQ_I(none, SHAPE_XAI);
	T_EQ_I(usage_shape_parse(STR("nobody"), &none), -RR_NOTFOUND);
	T_TRUE(token_class_is_output(CLASS_OUT_IMAGE));
	T_TRUE(!token_class_is_output(CLASS_IN_PLAIN));
	T_EQ_S(token_class_name(CLASS_IN_CACHE_WRITE_12H), "in_cache_write_12h");
}

T_MAIN
