/* SPDX-License-Identifier: Apache-2.0
 *
 * Usage blocks as disjoint classes: each defect of the conformance list that touches usage is a test named after it.
 * Bodies are those of the vendors' documents and of the reports where they give one.
 */
#include "usage_show.h"

TEST(c01_openai_cached_tokens_stand_inside_the_prompt)
{
	READS(OPENAI_CHAT,
	      "{\"id\":\"chatcmpl-1\",\"model\":\"gpt-4.1-mini\",\"usage\":{\"prompt_tokens\":3000,"
	"\"prompt_tokens_details\":"
	      "{\"cached_tokens\":1024},\"completion_tokens\":200,\"total_tokens\":3200}}",
	      "in_plain=1976 in_cache_read=1024 out_text=200 total=3200");
}

TEST(c02_gemini_cache_hits_are_not_counted_twice)
{
	READS(GEMINI,
	      "{\"modelVersion\":\"gemini-2.5-pro\",\"usageMetadata\":{\"promptTokenCount\":12000,"
	"\"cachedContentTokenCount\":9000,"
	      "\"candidatesTokenCount\":500,\"totalTokenCount\":12500}}",
	      "in_plain=3000 in_cache_read=9000 out_text=500 total=12500");
}

TEST(c03_xai_text_tokens_include_the_cached_ones)
{
	/* The example of xAI's prompt caching page. */
	READS(XAI,
	      "{\"model\":\"grok-4\",\"usage\":{\"prompt_tokens\":125,\"completion_tokens\":48,\"total_tokens\":173,"
	      "\"prompt_tokens_details\":{\"text_tokens\":125,\"audio_tokens\":0,\"image_tokens\":0,"
	"\"cached_tokens\":98},"
	      "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}",
	      "in_plain=27 in_cache_read=98 out_text=48 total=173");
}

TEST(c04_a_modality_gets_at_most_what_the_cache_did_not_cover)
{
	READS(XAI,
	      "{\"model\":\"grok-4.6\",\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":10,"
	"\"total_tokens\":1010,"
	      "\"prompt_tokens_details\":{\"text_tokens\":400,\"image_tokens\":600,\"cached_tokens\":700}}}",
	      "in_cache_read=700 in_image=300 out_text=10 total=1010");
	READS(OPENAI_CHAT,
	      "{\"model\":\"gpt-audio\",\"usage\":{\"prompt_tokens\":500,\"completion_tokens\":90,\"total_tokens\":590,"
	      "\"prompt_tokens_details\":{\"audio_tokens\":300,\"cached_tokens\":0},"
	      "\"completion_tokens_details\":{\"audio_tokens\":60,\"reasoning_tokens\":0,\"text_tokens\":30}}}",
	      "in_plain=200 in_audio=300 out_text=30 out_audio=60 total=590");
}

TEST(c04_speech_too_and_a_write_that_does_not_fit)
{
	READS(OPENAI_CHAT,
	      "{\"usage\":{\"prompt_tokens\":500,\"completion_tokens\":9,\"total_tokens\":509,"
	      "\"prompt_tokens_details\":{\"audio_tokens\":300,\"cached_tokens\":400}}}",
	      "in_cache_read=400 in_audio=100 out_text=9 total=509");
	READS(OPENAI_CHAT, /* read and written together exceed the input, and no total explains it */
	      "{\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":9,"
	      "\"prompt_tokens_details\":{\"cached_tokens\":60,\"cache_write_tokens\":60}}}",
	      "in_cache_read=60 in_cache_write_30m=60 out_text=9 MISMATCH total=109");
}

TEST(c05_anthropic_cache_creation_is_charged_once)
{
	READS(ANTHROPIC,
	      "{\"id\":\"msg_1\",\"model\":\"claude-sonnet-4-5-20250929\",\"usage\":{\"input_tokens\":1000,"
	"\"cache_read_input_tokens\":"
	      "5000,\"cache_creation_input_tokens\":2000,\"cache_creation\":{\"ephemeral_5m_input_tokens\":2000,"
	      "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":300}}",
	      "in_plain=1000 in_cache_read=5000 in_cache_write_5m=2000 out_text=300 total=8300");
}

TEST(c07_gemini_implicit_cache_is_read)
{
	READS(GEMINI,
	      "{\"usageMetadata\":{\"promptTokenCount\":5000,\"cachedContentTokenCount\":4096,"
	"\"candidatesTokenCount\":1,"
	      "\"totalTokenCount\":5001,\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":5000}],"
	      "\"cacheTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":4096}]}}",
	      "in_plain=904 in_cache_read=4096 out_text=1 total=5001");
}

TEST(c08_compatible_servers_cached_tokens_are_read_wherever_they_stand)
{
	READS(OPENAI_CHAT, /* vLLM */
	      "{\"model\":\"m\",\"usage\":{\"prompt_tokens\":100,\"total_tokens\":110,\"completion_tokens\":10,"
	      "\"prompt_tokens_details\":{\"cached_tokens\":64}}}",
	      "in_plain=36 in_cache_read=64 out_text=10 total=110");
	READS(OPENAI_CHAT, /* Moonshot */
	      "{\"model\":\"kimi\",\"usage\":{\"prompt_tokens\":100,\"total_tokens\":110,\"completion_tokens\":10,"
	"\"cached_tokens\":64}}",
	      "in_plain=36 in_cache_read=64 out_text=10 total=110");
	READS(DEEPSEEK,
	      "{\"model\":\"deepseek-chat\",\"usage\":{\"prompt_tokens\":100,\"total_tokens\":140,"
	"\"completion_tokens\":40,"
	      "\"prompt_cache_hit_tokens\":64,\"prompt_cache_miss_tokens\":36,"
	"\"completion_tokens_details\":{\"reasoning_tokens\":25}}}",
	      "in_plain=36 in_cache_read=64 out_text=15 out_reasoning=25 total=140");
	READS(DEEPSEEK,
	      "{\"usage\":{\"completion_tokens\":40,\"prompt_cache_hit_tokens\":64,\"prompt_cache_miss_tokens\":36}}",
	      "in_plain=36 in_cache_read=64 out_text=40 total=140");
}

TEST(c09_openai_cache_writes_stand_inside_and_live_30_minutes)
{
	/* The vendor's example: 2,600 = 2,000 read + 400 written + 200 plain. */
	READS(OPENAI_CHAT,
	      "{\"model\":\"gpt-5.6\",\"usage\":{\"prompt_tokens\":2600,\"completion_tokens\":50,\"total_tokens\":2650,"
	      "\"prompt_tokens_details\":{\"cached_tokens\":2000,\"cache_write_tokens\":400}}}",
	      "in_plain=200 in_cache_read=2000 in_cache_write_30m=400 out_text=50 total=2650");
	READS(OPENAI_RESPONSES,
	      "{\"id\":\"resp_1\",\"model\":\"gpt-6.1-terra\",\"prompt_cache_options\":{\"ttl\":\"12h\"},"
	"\"usage\":{\"input_tokens\":2600,"
	      "\"output_tokens\":50,\"total_tokens\":2650,\"input_tokens_details\":{\"cached_tokens\":2000,"
	"\"cache_write_tokens\":400},"
	      "\"output_tokens_details\":{\"reasoning_tokens\":20}}}",
	      "in_plain=200 in_cache_read=2000 in_cache_write_12h=400 out_text=30 out_reasoning=20 total=2650");
	READS(OPENAI_CHAT, /* another vendor's model behind the same dialect: its life is not stated */
	      "{\"model\":\"anthropic/claude-sonnet-5\",\"usage\":{\"prompt_tokens\":2600,\"completion_tokens\":50,"
	"\"total_tokens\":2650,"
	      "\"prompt_tokens_details\":{\"cached_tokens\":2000,\"cache_write_tokens\":400}}}",
	      "in_plain=200 in_cache_read=2000 in_cache_write=400 out_text=50 total=2650");
}

TEST(c10_c11_c17_a_cached_call_costs_what_the_vendor_counts)
{
	int rc;
	struct usage sum = {0}, u;
	for (unsigned i = 0; i < 3; i++) {
		u = read_body(SHAPE_OPENAI_CHAT,
			      "{\"model\":\"gpt-5\",\"usage\":{\"prompt_tokens\":10000,\"completion_tokens\":100,"
			"\"total_tokens\":10100,"
			      "\"prompt_tokens_details\":{\"cached_tokens\":9600}}}",
			      &rc);
		usage_add(&sum, &u);
	}
	T_EQ_I(sum.tok[CLASS_IN_CACHE_READ], 28800);
	T_EQ_I(sum.tok[CLASS_IN_PLAIN], 1200);
	T_EQ_I(usage_total_tok(&sum), 30300);
	T_EQ_I(sum.vendor_total_tok, 30300);
}

TEST(c13_a_translator_that_leaves_the_cache_beside_the_prompt_is_told_by_the_total)
{
	READS(OPENAI_CHAT,
	      "{\"model\":\"claude-x\",\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":300,"
	"\"total_tokens\":8300,"
	      "\"cache_read_input_tokens\":5000,\"cache_creation_input_tokens\":2000}}",
	      "in_plain=1000 in_cache_read=5000 in_cache_write=2000 out_text=300 total=8300");
	READS(OPENAI_CHAT, /* and one that puts it inside, by its total */
	      "{\"model\":\"claude-x\",\"usage\":{\"prompt_tokens\":8000,\"completion_tokens\":300,"
	"\"total_tokens\":8300,"
	      "\"cache_read_input_tokens\":5000,\"cache_creation_input_tokens\":2000}}",
	      "in_plain=1000 in_cache_read=5000 in_cache_write=2000 out_text=300 total=8300");
}

TEST(c14_bedrock_cache_tokens_stand_beside)
{
	READS(BEDROCK,
	      "{\"output\":{},\"usage\":{\"inputTokens\":30,\"outputTokens\":628,\"totalTokens\":658}}",
	      "in_plain=30 out_text=628 total=658");
	READS(BEDROCK,
	      "{\"usage\":{\"inputTokens\":13,\"outputTokens\":5,\"totalTokens\":1028,\"cacheReadInputTokens\":1010,"
	      "\"cacheWriteInputTokens\":0},\"serviceTier\":{\"type\":\"flex\"}}",
	      "in_plain=13 in_cache_read=1010 out_text=5 tier=flex total=1028");
	READS(BEDROCK, /* the other reading of totalTokens */
	      "{\"usage\":{\"inputTokens\":13,\"outputTokens\":5,\"totalTokens\":18,\"cacheReadInputTokens\":1010,"
	      "\"cacheWriteInputTokens\":200}}",
	      "in_plain=13 in_cache_read=1010 in_cache_write=200 out_text=5 total=1228");
	READS(BEDROCK,
	      "{\"metadata\":{\"usage\":{\"inputTokens\":13,\"outputTokens\":5,\"totalTokens\":18,"
	"\"cacheWriteInputTokens\":300,"
	      "\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":100},{\"ttl\":\"5m\",\"inputTokens\":200}]}}}",
	      "in_plain=13 in_cache_write_5m=200 in_cache_write_1h=100 out_text=5 total=318");
	READS(BEDROCK, "{\"usage\":{\"inputTokens\":13,\"outputTokens\":5,\"totalTokens\":99}}",
		"in_plain=13 out_text=5 MISMATCH total=99");
	READS(BEDROCK_ANTHROPIC, "{\"usage\":{\"input_tokens\":7,\"output_tokens\":2,\"cache_read_input_tokens\":11}}",
	      "in_plain=7 in_cache_read=11 out_text=2 total=20");
}

TEST(c15_a_cache_dominated_session_shows_its_cache)
{
	READS(ANTHROPIC,
	      "{\"usage\":{\"input_tokens\":3,\"cache_creation_input_tokens\":1500,"
	"\"cache_read_input_tokens\":98000,\"cache_creation\":"
	      "{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":1500},\"output_tokens\":20,"
	"\"service_tier\":\"standard\","
	      "\"inference_geo\":\"us\",\"speed\":\"fast\"}}",
	      "in_plain=3 in_cache_read=98000 in_cache_write_1h=1500 out_text=20 tier=standard geo=us fast "
	"total=99523");
}

TEST(c16_a_cache_above_the_prompt_is_a_mismatch_and_never_negative)
{
	READS(OPENAI_CHAT,
	      "{\"model\":\"gpt-5\",\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10,\"total_tokens\":110,"
	      "\"prompt_tokens_details\":{\"cached_tokens\":900}}}",
	      "in_cache_read=900 out_text=10 MISMATCH total=110");
	READS(OPENAI_CHAT,
	      "{\"model\":\"gpt-5\",\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10,"
	      "\"prompt_tokens_details\":{\"cached_tokens\":900}}}",
	      "in_cache_read=900 out_text=10 MISMATCH total=110");
	READS(GEMINI, "{\"usageMetadata\":{\"promptTokenCount\":10,\"cachedContentTokenCount\":20,"
		"\"totalTokenCount\":10}}",
	      "in_cache_read=20 MISMATCH total=10");
}

TEST(c19_an_unsplit_rest_of_a_write_is_placed_and_flagged)
{
	READS(ANTHROPIC, "{\"usage\":{\"input_tokens\":1,\"cache_creation_input_tokens\":500,\"output_tokens\":2}}",
	      "in_plain=1 in_cache_write_5m=500 out_text=2 GUESSED total=503");
	READS(ANTHROPIC,
	      "{\"usage\":{\"input_tokens\":1,\"cache_creation_input_tokens\":500,"
	"\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,"
	      "\"ephemeral_1h_input_tokens\":200},\"output_tokens\":2}}",
	      "in_plain=1 in_cache_write_5m=300 in_cache_write_1h=200 out_text=2 GUESSED total=503");
	READS(ANTHROPIC, /* a split above its total cannot be right */
	      "{\"usage\":{\"input_tokens\":1,\"cache_creation_input_tokens\":100,"
	"\"cache_creation\":{\"ephemeral_5m_input_tokens\":150,"
	      "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":2}}",
	      "in_plain=1 in_cache_write_5m=150 out_text=2 MISMATCH total=103");
}

TEST(c26_c28_c29_the_served_tier_is_read_with_its_reasoning)
{
	READS(OPENAI_CHAT,
	      "{\"model\":\"gpt-5\",\"service_tier\":\"flex\",\"usage\":{\"prompt_tokens\":10,"
	"\"completion_tokens\":100,"
	      "\"total_tokens\":110,\"completion_tokens_details\":{\"reasoning_tokens\":80,"
	"\"rejected_prediction_tokens\":5}}}",
	      "in_plain=10 out_text=20 out_reasoning=80 tier=flex total=110");
	READS(OPENAI_RESPONSES, "{\"service_tier\":\"default\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1,"
		"\"total_tokens\":2}}",
	      "in_plain=1 out_text=1 tier=standard total=2");
	READS(OPENAI_CHAT, "{\"service_tier\":null,\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,"
		"\"total_tokens\":2}}",
	      "in_plain=1 out_text=1 total=2");
	READS(OPENAI_CHAT, "{\"service_tier\":\"turbo9\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,"
		"\"total_tokens\":2}}",
	      "in_plain=1 out_text=1 tier=other total=2");
	READS(GEMINI, /* C29 */
	      "{\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":1,\"totalTokenCount\":2,"
	"\"trafficType\":\"ON_DEMAND_FLEX\"}}",
	      "in_plain=1 out_text=1 tier=flex total=2");
	T_EQ_I(tier_parse(STR("PROVISIONED_THROUGHPUT")), TIER_PROVISIONED);
	T_EQ_I(tier_parse(STR("ON_DEMAND")), TIER_STANDARD);
	T_EQ_I(tier_parse(STR("ON_DEMAND_PRIORITY")), TIER_PRIORITY);
	T_EQ_I(tier_parse(STR("fast")), TIER_PRIORITY);
	T_EQ_I(tier_parse(STR("auto")), TIER_UNKNOWN);
	T_EQ_I(tier_parse(STR("scale")), TIER_SCALE);
}

TEST(c30_the_vendors_own_cost_is_kept_beside_ours)
{
	int rc;
	struct usage u = read_body(SHAPE_OPENAI_CHAT, /* DeepInfra */
				   "{\"model\":\"m\",\"usage\":{\"prompt_tokens\":15,\"completion_tokens\":5,"
				"\"total_tokens\":20,"
				   "\"estimated_cost\":2.25e-06}}",
				   &rc);
	T_TRUE(u.flags & USAGE_VENDOR_COST);
	T_EQ_I(u.vendor_cost_pico, 2250000);
	u = read_body(SHAPE_OPENAI_CHAT, /* OpenRouter */
		      "{\"usage\":{\"prompt_tokens\":15,\"completion_tokens\":5,\"total_tokens\":20,"
		"\"cost\":0.00014}}", &rc);
	T_EQ_I(u.vendor_cost_pico, 140000000);
	u = read_body(SHAPE_OPENAI_RESPONSES, /* xAI: 10^-10 dollars */
		      "{\"usage\":{\"input_tokens\":9212,\"input_tokens_details\":{\"cached_tokens\":3072},"
		"\"output_tokens\":3417,"
		      "\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":12629,"
		"\"num_server_side_tools_used\":3,"
		      "\"cost_in_usd_ticks\":318319000,\"server_side_tool_usage_details\":{\"web_search_calls\":1,"
		"\"x_search_calls\":3,"
		      "\"code_interpreter_calls\":2}}}",
		      &rc);
	T_EQ_I(u.vendor_cost_pico, 31831900000);
	T_EQ_S(show(&u), "in_plain=6140 in_cache_read=3072 out_text=3417 web_search:4 code:2 total=12629");
}

TEST(c31_batch_lines_of_both_dialects_are_read)
{
	READS(OPENAI_CHAT,
	      "{\"id\":\"batch_req_1\",\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"request_id\":\"r\","
	"\"body\":{\"model\":"
	      "\"gpt-5\",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}},"
	"\"error\":null}",
	      "in_plain=10 out_text=5 tier=batch total=15");
	READS(OPENAI_CHAT, /* a Responses line, read by the chat shape */
	      "{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"model\":\"gpt-5\","
	"\"usage\":{\"input_tokens\":10,"
	      "\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":5,\"total_tokens\":15}}}}",
	      "in_plain=6 in_cache_read=4 out_text=5 tier=batch total=15");
	READS(OPENAI_RESPONSES,
	      "{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"model\":\"gpt-5\","
	"\"usage\":{\"prompt_tokens\":10,"
	      "\"completion_tokens\":5,\"total_tokens\":15}}}}",
	      "in_plain=10 out_text=5 tier=batch total=15");
	READS(ANTHROPIC,
	      "{\"custom_id\":\"a\",\"result\":{\"type\":\"succeeded\",\"message\":{\"id\":\"msg\","
	"\"model\":\"claude\",\"usage\":"
	      "{\"input_tokens\":11,\"output_tokens\":36,\"service_tier\":\"batch\"}}}}",
	      "in_plain=11 out_text=36 tier=batch total=47");
	READS(ANTHROPIC, "{\"custom_id\":\"a\",\"result\":{\"type\":\"errored\","
		"\"error\":{\"type\":\"invalid_request\"}}}", "none");
	READS(GEMINI,
	      "{\"key\":\"a\",\"response\":{\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":1,"
	"\"totalTokenCount\":5}}}",
	      "in_plain=4 out_text=1 tier=batch total=5");
	READS(OPENAI_CHAT, "{\"custom_id\":\"a\",\"response\":null,\"error\":{\"code\":\"batch_expired\"}}", "none");
}

TEST(c35_gemini_thoughts_are_in_or_out_as_the_total_says)
{
	READS(GEMINI,
	      "{\"modelVersion\":\"gemini-2.5-flash\",\"usageMetadata\":{\"promptTokenCount\":10,"
	"\"candidatesTokenCount\":100,"
	      "\"thoughtsTokenCount\":400,\"totalTokenCount\":510}}",
	      "in_plain=10 out_text=100 out_reasoning=400 total=510");
	READS(GEMINI,
	      "{\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":500,\"thoughtsTokenCount\":400,"
	"\"totalTokenCount\":510}}",
	      "in_plain=10 out_text=100 out_reasoning=400 total=510");
	READS(GEMINI, /* no total: the documented reading */
	      "{\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":500,\"thoughtsTokenCount\":400}}",
	      "in_plain=10 out_text=500 out_reasoning=400 total=910");
	READS(GEMINI, /* neither reading */
	      "{\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":500,\"thoughtsTokenCount\":400,"
	"\"totalTokenCount\":600}}",
	      "in_plain=10 out_text=500 out_reasoning=400 MISMATCH total=600");
	READS(GEMINI, /* with tool use in the prompt */
	      "{\"usageMetadata\":{\"promptTokenCount\":10,\"toolUsePromptTokenCount\":90,\"candidatesTokenCount\":5,"
	      "\"thoughtsTokenCount\":3,\"totalTokenCount\":108}}",
	      "in_plain=100 out_text=5 out_reasoning=3 total=108");
	READS(GEMINI, /* a prompt that was blocked */
	      "{\"usageMetadata\":{\"promptTokenCount\":10,\"totalTokenCount\":10}}", "in_plain=10 total=10");
}

TEST(c35_xai_reasoning_stands_beside_and_the_total_proves_it)
{
	READS(XAI,
	      "{\"model\":\"grok-4\",\"usage\":{\"prompt_tokens\":32,\"completion_tokens\":9,\"total_tokens\":135,"
	      "\"prompt_tokens_details\":{\"text_tokens\":32,\"cached_tokens\":6},"
	"\"completion_tokens_details\":{\"reasoning_tokens\":94}}}",
	      "in_plain=26 in_cache_read=6 out_text=9 out_reasoning=94 total=135");
	READS(OPENAI_CHAT, /* the same body under OpenAI's name */
	      "{\"model\":\"grok-4\",\"usage\":{\"prompt_tokens\":32,\"completion_tokens\":9,\"total_tokens\":135,"
	      "\"prompt_tokens_details\":{\"text_tokens\":32,\"cached_tokens\":6},"
	"\"completion_tokens_details\":{\"reasoning_tokens\":94}}}",
	      "in_plain=26 in_cache_read=6 out_text=9 out_reasoning=94 total=135");
	READS(XAI, /* without a total: the vendor's usual reading */
	      "{\"usage\":{\"prompt_tokens\":32,\"completion_tokens\":9,"
	"\"completion_tokens_details\":{\"reasoning_tokens\":94}}}",
	      "in_plain=32 out_text=9 out_reasoning=94 total=135");
	READS(XAI, /* inside, by the total */
	      "{\"usage\":{\"prompt_tokens\":32,\"completion_tokens\":100,\"total_tokens\":132,"
	"\"completion_tokens_details\":"
	      "{\"reasoning_tokens\":94}}}",
	      "in_plain=32 out_text=6 out_reasoning=94 total=132");
}

TEST(c36_gemini_images_and_speech_have_classes_of_their_own)
{
	READS(GEMINI,
	      "{\"modelVersion\":\"gemini-2.5-flash-image\",\"usageMetadata\":{\"promptTokenCount\":8,"
	"\"candidatesTokenCount\":1295,"
	      "\"totalTokenCount\":1303,\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":8}],"
	"\"candidatesTokensDetails\":"
	      "[{\"modality\":\"IMAGE\",\"tokenCount\":1290}]}}",
	      "in_plain=8 out_text=5 out_image=1290 total=1303");
	READS(GEMINI,
	      "{\"usageMetadata\":{\"promptTokenCount\":300,\"responseTokenCount\":70,\"totalTokenCount\":370,"
	"\"promptTokensDetails\":"
	      "[{\"modality\":\"AUDIO\",\"tokenCount\":250},{\"modality\":\"TEXT\",\"tokenCount\":50}],"
	"\"responseTokensDetails\":"
	      "[{\"modality\":\"AUDIO\",\"tokenCount\":70}]}}",
	      "in_plain=50 in_audio=250 out_audio=70 total=370");
	READS(GEMINI, /* cached speech and pictures keep their modality */
	      "{\"usageMetadata\":{\"promptTokenCount\":1000,\"cachedContentTokenCount\":600,"
	"\"candidatesTokenCount\":1,\"totalTokenCount\":1001,"
	      "\"promptTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":500},{\"modality\":\"VIDEO\","
	"\"tokenCount\":300},"
	      "{\"modality\":\"TEXT\",\"tokenCount\":200}],\"cacheTokensDetails\":[{\"modality\":\"AUDIO\","
	"\"tokenCount\":400},"
	      "{\"modality\":\"VIDEO\",\"tokenCount\":100},{\"modality\":\"TEXT\",\"tokenCount\":100}]}}",
	      "in_plain=100 in_cache_read=100 in_audio=100 in_audio_cache_read=400 in_image=200 "
	"in_image_cache_read=100 out_text=1 total=1001");
}

TEST(c37_speech_is_billed_by_tokens_or_by_seconds_never_both)
{
	READS(OPENAI_TRANSCRIPTION, "{\"text\":\"hi\",\"usage\":{\"type\":\"duration\",\"seconds\":9}}",
		"ms=9000 total=0");
	READS(OPENAI_TRANSCRIPTION,
	      "{\"text\":\"hi\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,"
	"\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":14},"
	      "\"output_tokens\":45,\"total_tokens\":59}}",
	      "in_audio=14 out_text=45 total=59");
	READS(OPENAI_TRANSCRIPTION, "{\"task\":\"transcribe\",\"duration\":8.47,\"text\":\"hi\"}", "ms=8470 total=0");
	READS(OPENAI_TRANSCRIPTION, "{\"text\":\"hi\"}", "none");
	READS(MISTRAL, /* the vendor's transcription example */
	      "{\"model\":\"voxtral-mini-2507\",\"usage\":{\"prompt_audio_seconds\":203,\"prompt_tokens\":4,"
	"\"total_tokens\":3264,"
	      "\"completion_tokens\":635,\"prompt_tokens_details\":{\"cached_tokens\":0}}}",
	      "in_plain=4 out_text=635 ms=203000 total=639");
	READS(MISTRAL, "{\"model\":\"m\",\"usage\":{\"prompt_tokens\":16,\"total_tokens\":50,"
		"\"completion_tokens\":34,\"prompt_audio_seconds\":{}}}",
	      "in_plain=16 out_text=34 total=50");
}

TEST(c58_an_explicit_zero_stays_zero)
{
	READS(OPENAI_CHAT, "{\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}}",
		"ZERO total=0");
	READS(ANTHROPIC, "{\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}", "ZERO total=0");
	READS(GEMINI, "{\"usageMetadata\":{\"promptTokenCount\":0,\"totalTokenCount\":0}}", "ZERO total=0");
	READS(OPENAI_CHAT, "{\"usage\":{}}", "none");
	READS(OPENAI_CHAT, "{\"usage\":null}", "none");
	READS(OPENAI_CHAT, "{}", "none");
}

TEST(c62_one_request_costs_the_same_through_every_dialect)
{
	static const struct {
		enum usage_shape shape;
		const char *body;
	} same[] = {
		{SHAPE_OPENAI_CHAT, "{\"usage\":{\"prompt_tokens\":6000,\"completion_tokens\":300,\"total_tokens\":6300,"
				    "\"prompt_tokens_details\":{\"cached_tokens\":5000}}}"},
		{SHAPE_OPENAI_RESPONSES, "{\"usage\":{\"input_tokens\":6000,\"output_tokens\":300,\"total_tokens\":6300,"
					 "\"input_tokens_details\":{\"cached_tokens\":5000}}}"},
		{SHAPE_ANTHROPIC, "{\"usage\":{\"input_tokens\":1000,\"cache_read_input_tokens\":5000,"
				  "\"cache_creation_input_tokens\":0,\"output_tokens\":300}}"},
		{SHAPE_GEMINI, "{\"usageMetadata\":{\"promptTokenCount\":6000,\"cachedContentTokenCount\":5000,"
			       "\"candidatesTokenCount\":300,\"totalTokenCount\":6300}}"},
		{SHAPE_BEDROCK, "{\"usage\":{\"inputTokens\":1000,\"outputTokens\":300,\"totalTokens\":6300,"
				"\"cacheReadInputTokens\":5000}}"},
		{SHAPE_DEEPSEEK, "{\"usage\":{\"prompt_tokens\":6000,\"completion_tokens\":300,\"total_tokens\":6300,"
				 "\"prompt_cache_hit_tokens\":5000,\"prompt_cache_miss_tokens\":1000}}"},
	};
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		T_EQ_S(seen(same[i].shape, same[i].body), "in_plain=1000 in_cache_read=5000 out_text=300 total=6300");
}

T_MAIN
