/* SPDX-License-Identifier: Apache-2.0
 *
 * Surfaces by path, features of requests, edits that touch nothing else, refusals in the vendors' shapes.
 */
#include "base/err.h"
#include "model/dialect.h"
#include "t.h"


TEST(paths_find_their_surface)
{
	static const struct {
		enum vendor_api api;
		const char *method, *path, *name;
		enum bill bill;
	} cases[] = {
		{API_OPENAI, "POST", "/v1/chat/completions", "openai-chat", BILL_USAGE},
		{API_OPENAI, "GET", "/v1/chat/completions/chatcmpl-1", "openai-chat-read", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/chat/completions/chatcmpl-1", "openai-chat-read", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/chat/completions/", "openai-other", BILL_USAGE},
		{API_OPENAI, "POST", "/v1/responses", "openai-responses", BILL_USAGE},
		{API_OPENAI, "POST", "/v1/responses/", "openai-other", BILL_USAGE},
		{API_OPENAI, "GET", "/v1/responses/resp_1", "openai-responses-read", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/responses/resp_1/cancel", "openai-responses-read", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/responses/input_tokens", "openai-responses-count", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/responses/compact", "openai-responses-compact", BILL_USAGE},
		{API_OPENAI, "DELETE", "/v1/responses/resp_1", "openai-responses-read", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/embeddings", "openai-embeddings", BILL_USAGE},
		{API_OPENAI, "POST", "/v1/images/edits", "openai-images-edit", BILL_USAGE},
		{API_OPENAI, "POST", "/v1/audio/transcriptions", "openai-transcription", BILL_USAGE},
		{API_OPENAI, "POST", "/v1/audio/speech", "openai-speech", BILL_USAGE},
		{API_OPENAI, "POST", "/v1/moderations", "openai-moderations", BILL_NOTHING},
		{API_OPENAI, "GET", "/v1/models", "openai-models", BILL_NOTHING},
		{API_OPENAI, "GET", "/v1/models/gpt-5", "openai-models", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/files", "openai-files", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/files/", "openai-other", BILL_USAGE},
		{API_OPENAI, "GET", "/v1/files/f/content", "openai-files", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/uploads/u/parts", "openai-uploads", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/batches", "openai-batches", BILL_JOB},
		{API_OPENAI, "GET", "/v1/batches/b", "openai-batches-read", BILL_NOTHING},
		{API_OPENAI, "POST", "/v1/fine_tuning/jobs", "openai-finetune", BILL_JOB},
		{API_OPENAI, "POST", "/v1/fine_tuning/jobs/j/cancel", "openai-finetune-read", BILL_NOTHING},
		{API_OPENAI, "GET", "/v1/fine_tuning/jobs/j/events", "openai-finetune-read", BILL_NOTHING},
		{API_OPENAI, "POST", "/openai/deployments/d/chat/completions", "openai-chat", BILL_USAGE},
		{API_OPENAI, "POST", "/v2/new/thing", "openai-other", BILL_USAGE},
		{API_OPENAI, "GET", "/v2/new/thing", "openai-other-read", BILL_NOTHING},
		{API_OPENAI, "POST", "", "openai-other", BILL_USAGE},
		{API_ANTHROPIC, "POST", "/v1/messages", "anthropic-messages", BILL_USAGE},
		{API_ANTHROPIC, "POST", "/v1/messages/count_tokens", "anthropic-count-tokens", BILL_NOTHING},
		{API_ANTHROPIC, "POST", "/v1/messages/batches", "anthropic-batches", BILL_JOB},
		{API_ANTHROPIC, "GET", "/v1/messages/batches/b/results", "anthropic-batches-read", BILL_NOTHING},
		{API_ANTHROPIC, "POST", "/v1/messages/batches/b/cancel", "anthropic-batches-read", BILL_NOTHING},
		{API_ANTHROPIC, "GET", "/v1/models", "anthropic-models", BILL_NOTHING},
		{API_ANTHROPIC, "POST", "/v1/files", "anthropic-files", BILL_NOTHING},
		{API_ANTHROPIC, "POST", "/v1/complete", "anthropic-other", BILL_USAGE},
		{API_ANTHROPIC, "PUT", "/v1/messages", "anthropic-other-read", BILL_NOTHING},
		{API_GEMINI, "POST", "/v1beta/models/gemini-2.5-pro:generateContent", "gemini-generate", BILL_USAGE},
		{API_GEMINI, "POST", "/v1/models/gemini-2.5-pro:streamGenerateContent", "gemini-stream", BILL_USAGE},
		{API_GEMINI, "POST", "/v1beta/tunedModels/t:generateContent", "gemini-generate", BILL_USAGE},
		{API_GEMINI, "POST", "/v1beta/models/m:countTokens", "gemini-count-tokens", BILL_NOTHING},
		{API_GEMINI, "POST", "/v1beta/models/m:embedContent", "gemini-embed", BILL_USAGE},
		{API_GEMINI, "POST", "/v1beta/models/m:batchEmbedContents", "gemini-embed-batch", BILL_USAGE},
		{API_GEMINI, "POST", "/v1beta/models/m:batchGenerateContent", "gemini-batch", BILL_JOB},
		{API_GEMINI, "GET", "/v1beta/models", "gemini-models", BILL_NOTHING},
		{API_GEMINI, "GET", "/v1beta/models/m", "gemini-models", BILL_NOTHING},
		{API_GEMINI, "POST", "/v1beta/cachedContents", "gemini-caches", BILL_JOB},
		{API_GEMINI, "GET", "/v1beta/cachedContents", "gemini-caches-read", BILL_NOTHING},
		{API_GEMINI, "PATCH", "/v1beta/cachedContents/c", "gemini-caches-change", BILL_JOB},
		{API_GEMINI, "DELETE", "/v1/projects/p/locations/l/cachedContents/c", "gemini-caches-end", BILL_JOB},
		{API_GEMINI, "POST", "/upload/v1beta/files", "gemini-files", BILL_NOTHING},
		{API_GEMINI, "POST", "/v1beta/openai/chat/completions", "gemini-openai-chat", BILL_USAGE},
		{API_GEMINI, "POST", "/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent",
			"vertex-stream", BILL_USAGE},
		{API_GEMINI, "POST", "/v1/projects/p/locations/l/publishers/anthropic/models/claude:rawPredict",
			"vertex-anthropic", BILL_USAGE},
		{API_GEMINI, "POST", "/v1beta/models/a/b:generateContent", "gemini-other", BILL_USAGE},
		{API_GEMINI, "POST", "/v1beta/models/m%3AgenerateContent", "gemini-other", BILL_USAGE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct surface *s = surface_find(cases[i].api, str_of(cases[i].method), str_of(cases[i].path));
		if (strcmp(s->name, cases[i].name) != 0)
			printf("  %s %s\n", cases[i].method, cases[i].path);
		T_EQ_S(s->name, cases[i].name);
		T_EQ_I(s->bill, cases[i].bill);
		T_EQ_I(s->api, cases[i].api);
	}
}

TEST(c63_a_get_never_bills)
{
	static const char *const others[] = {"GET", "HEAD", "DELETE", "OPTIONS"};
	for (unsigned i = 0; i < surface_count(); i++)
		for (unsigned m = 0; m < 4; m++) {
			const struct surface *at = surface_at(i);
			const struct surface *s = surface_find(at->api, str_of(others[m]), str_of(at->path));
			T_TRUE(s->bill == BILL_NOTHING || strcmp(s->name, "openai-realtime") == 0 ||
			       strcmp(s->name, "gemini-caches-end") == 0); /* what was kept has its end */
		}
}

TEST(every_surface_is_found_by_its_name)
{
	for (unsigned i = 0; i < surface_count(); i++)
		T_EQ_S(surface_by_name(surface_at(i)->name)->name, surface_at(i)->name);
	T_TRUE(surface_by_name("nothing") == NULL);
	T_TRUE(surface_at(surface_count()) == NULL);
	for (unsigned a = 0; a < APIS; a++) {
		enum vendor_api back;
		T_EQ_I(vendor_api_parse(str_of(vendor_api_name((enum vendor_api)a)), &back), 0);
		T_EQ_I(back, a);
	}
}

static struct features f;
static struct json_fault fault;

static int ask(const char *name, const char *path, const char *query, const char *body)
{
	return dialect_request(surface_by_name(name), str_of(path), str_of(query), str_of(body), &f, &fault);
}

static int chat(const char *body)
{
	return ask("openai-chat", "/v1/chat/completions", "", body);
}

TEST(a_chat_request)
{
	T_EQ_I(chat(" {\"model\":\"gpt-5\",\"stream\":true,\"max_completion_tokens\":500,\"n\":3,"
		"\"service_tier\":\"flex\","
		    "\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},{\"role\":\"user\","
		"\"content\":\"hi\"}]}\n"),
	       0);
	T_TRUE(str_eqc(f.model, "gpt-5"));
	T_TRUE(f.stream && !f.stream_usage_asked && !f.hidden_context && !f.has_tools && !f.cache_marks);
	T_EQ_I(f.max_output_tok, 500);
	T_EQ_I(f.choices, 3);
	T_EQ_I(f.tier_asked, TIER_FLEX);
	T_TRUE(f.prefix_hash != 0);
	T_EQ_I(f.top.type, JSON_OBJECT);
	T_EQ_I(chat("{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"), 0);
	T_TRUE(f.stream_usage_asked);
	T_EQ_I(f.choices, 1);
	T_EQ_I(f.prefix_hash, 0);
	T_EQ_I(chat("{\"model\":\"m\",\"max_tokens\":100,\"max_completion_tokens\":900,\"stream\":null,\"n\":null}"),
		0);
	T_EQ_I(f.max_output_tok, 900);
	T_EQ_I(chat("{\"model\":\"m\",\"max_tokens\":800,\"max_completion_tokens\":100}"), 0);
	T_EQ_I(f.max_output_tok, 800);
	T_TRUE(!f.stream);
}

TEST(the_prefix_hash_is_that_of_system_and_tools)
{
	uint64_t one, two;
	T_EQ_I(chat("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"A\"},{\"role\":\"user\","
		"\"content\":\"1\"}]}"), 0);
	one = f.prefix_hash;
	T_EQ_I(chat("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"A\"},{\"role\":\"user\","
		"\"content\":\"2\"}]}"), 0);
	T_TRUE(f.prefix_hash == one && one);
	T_EQ_I(chat("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"B\"},{\"role\":\"user\","
		"\"content\":\"2\"}]}"), 0);
	T_TRUE(f.prefix_hash != one);
	T_EQ_I(chat("{\"model\":\"m\",\"tools\":[],\"messages\":[{\"role\":\"system\",\"content\":\"A\"}]}"), 0);
	T_TRUE(f.prefix_hash != one);
	T_EQ_I(ask("anthropic-messages", "", "", "{\"model\":\"m\",\"system\":\"A\",\"messages\":[]}"), 0);
	two = f.prefix_hash;
	T_TRUE(two != 0);
	T_EQ_I(ask("openai-responses", "", "", "{\"model\":\"m\",\"instructions\":\"A\",\"input\":\"x\"}"), 0);
	T_TRUE(f.prefix_hash == two); /* the same prompt, whatever the dialect */
}

TEST(what_is_ambiguous_is_refused)
{
	static const char *const bad[] = {
		"{\"model\":\"a\",\"model\":\"b\"}",	  "{\"model\":5}",
		"{\"model\":null}",			  "{\"model\":\"a\",\"stream\":\"true\"}",
		"{\"model\":\"a\",\"stream\":1}",	  "{\"model\":\"a\",\"max_tokens\":\"5\"}",
		"{\"model\":\"a\",\"max_tokens\":-1}",	  "{\"model\":\"a\",\"max_tokens\":1.5}",
		"{\"model\":\"a\",\"max_tokens\":1,\"max_tokens\":9}", "{\"model\":\"a\",\"n\":-3}",
		"{\"model\":\"a\",\"n\":[]}",		  "{\"mod\\u0065l\":\"a\",\"model\":\"b\"}",
		"{\"model\":\"a\",\"service_tier\":7}",	  "{\"model\":\"a\",\"messages\":[],\"messages\":[]}",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (chat(bad[i]) != -RR_INPUT)
			printf("  %s\n", bad[i]);
		T_EQ_I(chat(bad[i]), -RR_INPUT);
	}
	T_EQ_I(ask("gemini-generate", "/v1beta/models/m:generateContent", "",
		"{\"generationConfig\":{\"maxOutputTokens\":\"9\"}}"), -RR_INPUT);
}

TEST(what_is_no_json_is_refused_with_its_place)
{
	T_EQ_I(chat("{\"model\":\"a\",}"), -RR_SYNTAX);
	T_TRUE(fault.what && fault.at >= 13);
	T_EQ_I(chat(""), -RR_SYNTAX);
	T_EQ_I(chat("[]"), -RR_INPUT);
	T_TRUE(fault.what != NULL);
	T_EQ_I(chat("{\"model\":\"a\"} x"), -RR_SYNTAX);
	T_EQ_I(ask("openai-models", "/v1/models", "", ""), 0);	       /* nothing is asked of a GET */
	T_EQ_I(ask("openai-files", "/v1/files", "", "garbage"), 0);    /* nor of what never bills */
	T_EQ_I(ask("openai-other", "/v1/new", "", "--garbage"), 0);    /* unknown: passes, bounded by the worst */
	T_TRUE(f.hidden_context);
	T_EQ_I(ask("openai-other", "/v1/new", "", "{\"model\":\"x\",\"stream\":5}"), 0);
	T_TRUE(f.hidden_context && str_eqc(f.model, "x"));
	T_EQ_I(ask("openai-other", "/v1/new", "", "{\"model\":\"x\",\"stream\":true}"), 0);
	T_TRUE(f.stream);
}

TEST(a_model_name_with_escapes_is_undone)
{
	T_EQ_I(chat("{\"model\":\"anthropic\\/claude-\\u0073onnet\"}"), 0);
	T_TRUE(str_eqc(f.model, "anthropic/claude-sonnet"));
}

TEST(context_that_cannot_be_seen_is_named)
{
	static const struct {
		const char *surface, *body;
		bool hidden;
	} cases[] = {
		{"openai-chat", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"image_url\","
			"\"image_url\":{\"url\":\"https://x/y.png\"}}]}]}", true},
		{"openai-chat", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"image_url\","
			"\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}]}]}", false},
		{"openai-chat", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"file\","
			"\"file\":{\"file_id\":\"f\"}}]}]}", true},
		{"openai-chat", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"file\","
			"\"file\":{\"f\\u0069le_id\":\"f\"}}]}]}", true},
		{"openai-chat", "{\"model\":\"m\",\"messages\":[{\"content\":\"say \\\"file_id\\\": \\\"x\\\" and "
			"\\\"image_url\\\" \\u0041\"}]}", false},
		{"openai-chat", "{\"model\":\"m\",\"web_search_options\":{}}", true},
		{"openai-chat", "{\"model\":\"m\",\"tools\":[{\"type\":\"function\","
			"\"function\":{\"name\":\"file_id\"}}]}", false},
		{"openai-responses", "{\"model\":\"m\",\"previous_response_id\":\"r\",\"input\":\"x\"}", true},
		{"openai-responses", "{\"model\":\"m\",\"previous_response_id\":null,\"input\":\"x\"}", false},
		{"openai-responses", "{\"model\":\"m\",\"conversation\":\"c\",\"input\":\"x\"}", true},
		{"openai-responses", "{\"model\":\"m\",\"prompt\":{\"id\":\"p\"}}", true},
		{"openai-responses", "{\"model\":\"m\",\"input\":[{\"type\":\"item_reference\",\"id\":\"i\"}]}", true},
		{"openai-responses", "{\"model\":\"m\",\"input\":[{\"content\":[{\"type\":\"input_image\","
			"\"image_url\":\"https://x\"}]}]}", true},
		{"openai-responses", "{\"model\":\"m\",\"input\":[{\"content\":[{\"type\":\"input_file\","
			"\"file_url\":\"https://x\"}]}]}", true},
		{"openai-responses", "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":\"web_search\"}]}", true},
		{"openai-responses", "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":\"custom\"},"
			"{\"type\":\"function\"}]}", false},
		{"anthropic-messages", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"image\","
			"\"source\":{\"type\":\"url\",\"url\":\"u\"}}]}]}", true},
		{"anthropic-messages", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"document\","
			"\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}]}]}", true},
		{"anthropic-messages", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"document\","
			"\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\","
			"\"data\":\"A\"}}]}]}", true},
		{"anthropic-messages", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"image\","
			"\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
			"\"data\":\"A\"}}]}]}", false},
		{"anthropic-messages", "{\"model\":\"m\",\"messages\":[],"
			"\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]}", true},
		{"anthropic-messages", "{\"model\":\"m\",\"messages\":[],\"tools\":[{\"name\":\"mine\"},"
			"{\"type\":\"bash_20250124\"},{\"type\":\"custom\"}]}", false},
		{"anthropic-messages", "{\"model\":\"m\",\"messages\":[],\"container\":\"c\"}", true},
		{"gemini-generate", "{\"cachedContent\":\"cachedContents/1\",\"contents\":[]}", true},
		{"gemini-generate", "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"u\"}}]}]}", true},
		{"gemini-generate", "{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\","
			"\"data\":\"A\"}}]}]}", false},
		{"gemini-generate", "{\"contents\":[{\"parts\":[{\"inline_data\":{\"mime_type\":\"video/mp4\","
			"\"data\":\"A\"}}]}]}", true},
		{"gemini-generate", "{\"contents\":[],\"tools\":[{\"googleSearch\":{}}]}", true},
		{"gemini-generate", "{\"contents\":[],\"tools\":[{\"functionDeclarations\":[]}]}", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		T_EQ_I(ask(cases[i].surface, "/v1beta/models/m:generateContent", "", cases[i].body), 0);
		if (f.hidden_context != cases[i].hidden)
			printf("  %s\n", cases[i].body);
		T_EQ_I(f.hidden_context, cases[i].hidden);
	}
	T_EQ_I(ask("anthropic-messages", "", "", "{\"model\":\"m\",\"messages\":[{\"content\":[{\"source\":{\"type"
		"\":\"base64\",\"media_type\":"
						 "\"image/png\"}},{\"source\":{\"type\":\"base64\","
						"\"media_type\":\"image/webp\"}}]}]}"),
	       0);
	T_EQ_I(f.images, 2);
}

TEST(cache_marks_and_their_life)
{
	T_EQ_I(ask("anthropic-messages", "", "",
		   "{\"model\":\"m\",\"system\":[{\"type\":\"text\",\"text\":\"A\","
		"\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":[]}"),
	       0);
	T_TRUE(f.cache_marks && !f.cache_ttl_1h);
	T_EQ_I(ask("anthropic-messages", "", "",
		   "{\"model\":\"m\",\"tools\":[{\"name\":\"t\",\"cache_control\":{\"type\":\"ephemeral\","
		"\"ttl\":\"1h\"}}],\"messages\":[]}"),
	       0);
	T_TRUE(f.cache_marks && f.cache_ttl_1h);
	T_EQ_I(ask("anthropic-messages", "", "", "{\"model\":\"m\",\"cache_control\":{\"type\":\"ephemeral\","
		"\"ttl\":\"1h\"},\"messages\":[]}"), 0);
	T_TRUE(f.cache_marks && f.cache_ttl_1h);
	T_EQ_I(ask("openai-responses", "", "", "{\"model\":\"m\",\"input\":\"x\","
		"\"prompt_cache_options\":{\"ttl\":\"12h\"}}"), 0);
	T_TRUE(f.cache_ttl_12h && f.cache_marks);
	T_EQ_I(ask("anthropic-messages", "", "", "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
		"\"content\":\"\\\"cache_control\\\"\"}]}"), 0);
	T_TRUE(!f.cache_marks);
}

TEST(a_premium_speed_and_a_place_are_seen_before_the_call)
{
	T_EQ_I(ask("anthropic-messages", "", "", "{\"model\":\"m\",\"speed\":\"fast\",\"inference_geo\":\"us\"}"), 0);
	T_TRUE(f.fast);
	T_EQ_S(f.geo, "us");
	T_EQ_I(ask("openai-responses", "", "", "{\"model\":\"m\",\"service_tier\":\"ultrafast\"}"), 0);
	T_TRUE(f.fast);
	T_EQ_I(f.tier_asked, TIER_PRIORITY);
	T_EQ_I(ask("openai-speech", "", "", "{\"model\":\"m\",\"input\":\"x\",\"speed\":1.5}"), 0);
	T_TRUE(!f.fast);
}

TEST(gemini_requests_speak_through_their_path)
{
	T_EQ_I(ask("gemini-stream", "/v1beta/models/gemini-2.5-pro:streamGenerateContent", "key=k&alt=sse",
		   "{\"contents\":[],\"generation_config\":{\"max_output_tokens\":7,\"candidateCount\":2},"
		"\"system_instruction\":{\"parts\":[]}}"),
	       0);
	T_TRUE(str_eqc(f.model, "gemini-2.5-pro"));
	T_TRUE(f.stream && !f.stream_array && f.stream_usage_asked && f.prefix_hash);
	T_EQ_I(f.max_output_tok, 7);
	T_EQ_I(f.choices, 2);
	T_EQ_I(ask("gemini-stream", "/v1beta/models/m:streamGenerateContent", "", "{\"contents\":[]}"), 0);
	T_TRUE(f.stream && f.stream_array);
	T_EQ_I(ask("gemini-generate", "/v1beta/models/m:generateContent", "", "{\"contents\":[]}"), 0);
	T_TRUE(!f.stream && str_eqc(f.model, "m"));
	T_EQ_I(ask("gemini-count-tokens", "/v1beta/models/m:countTokens", "", "{\"contents\":[]}"), 0);
	T_TRUE(str_eqc(f.model, "m"));
}

TEST(other_requests)
{
	static const char vertex[] = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x@1:streamRawPredict";
	static const char form[] = "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; "
		"filename=\"a.wav\"\r\n\r\nRIFF\r\nname=\"model\"\r\n\r\n"
				   "evil\r\n--XyZ\r\nContent-Disposition: form-data; "
				"name=\"model\"\r\n\r\nwhisper-1\r\n--XyZ\r\n"
				   "Content-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--XyZ--\r\n";
	T_EQ_I(ask("openai-transcription", "", "", form), 0);
	T_TRUE(str_eqc(f.model, "whisper-1"));
	T_TRUE(f.stream);
	T_EQ_I(ask("openai-transcription", "", "",
		   "--X\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n--X\r\nContent-Disposition: "
		"form-data; name=\"model\"\r\n\r\nb\r\n--X--"),
	       -RR_INPUT);
	T_EQ_I(ask("openai-transcription", "", "", "--X\r\nbroken"), 0);
	T_EQ_I(ask("openai-speech", "", "", "{\"model\":\"tts-1\",\"input\":\"caf\\u00e9 \xc3\xa9!\","
		"\"voice\":\"v\"}"), 0);
	T_EQ_I(f.characters, 7);
	T_EQ_I(ask("openai-completions", "", "", "{\"model\":\"m\",\"prompt\":[\"a\",\"b\",\"c\"],\"n\":2,"
		"\"best_of\":4}"), 0);
	T_EQ_I(f.choices, 12);
	T_EQ_I(ask("openai-completions", "", "", "{\"model\":\"m\",\"prompt\":[1,2,3]}"), 0);
	T_EQ_I(f.choices, 1);
	T_EQ_I(ask("openai-chat", "/openai/deployments/my-gpt/chat/completions", "", "{\"messages\":[]}"), 0);
	T_TRUE(str_eqc(f.model, "my-gpt"));
	T_EQ_I(ask("openai-responses", "", "", "{\"model\":\"m\",\"input\":\"x\",\"background\":true,"
		"\"max_output_tokens\":5}"), 0);
	T_EQ_I(ask("vertex-anthropic", vertex, "", "{\"stream\":true,\"max_tokens\":5,\"messages\":[]}"), 0);
	T_TRUE(str_eqc(f.model, "claude-x@1") && f.stream && f.max_output_tok == 5);
	T_EQ_I(ask("openai-responses", "", "", "{\"model\":\"m\",\"background\":true,\"max_output_tokens\":5}"), 0);
	T_TRUE(f.background);
	T_EQ_I(f.max_output_tok, 5);
}

/* body with the edits applied; it must still be JSON, and without the edits' text be what it was */
static const char *edited(const char *surface_name, const char *body, uint64_t limit)
{
	static char out[1024];
	struct arena a;
	struct sb b;
	struct json_edit e[4];
	unsigned n;
	const struct surface *s = surface_by_name(surface_name);
	arena_init(&a, 1 << 16);
	sb_init(&b, 1 << 16);
	T_EQ_I(dialect_request(s, str_of("/v1beta/models/m:generateContent"), str_of(""), str_of(body), &f, &fault), 0);
	n = limit ? dialect_limit_edits(s, &f, limit, &a, e) : dialect_usage_edits(s, &f, &a, e);
	json_splice(str_of(body), e, n, &b);
	T_EQ_I(json_check(sb_str(&b), NULL), 0);
	snprintf(out, sizeof out, "%s", b.p);
	sb_fini(&b);
	arena_fini(&a);
	return out;
}

TEST(c60_usage_is_asked_for_by_a_splice)
{
	T_EQ_S(edited("openai-chat", " { \"model\" : \"m\",  \"stream\":true }", 0),
	       " {\"stream_options\":{\"include_usage\":true}, \"model\" : \"m\",  \"stream\":true }");
	T_EQ_S(edited("openai-chat", "{\"stream\":true,\"stream_options\":{ \"x\": 1 }}", 0),
	       "{\"stream\":true,\"stream_options\":{\"include_usage\":true, \"x\": 1 }}");
	T_EQ_S(edited("openai-chat", "{\"stream\":true,\"stream_options\":{}}", 0),
		"{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	T_EQ_S(edited("openai-chat", "{\"stream\":true,\"stream_options\":{\"include_usage\":false}}", 0),
	       "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	T_EQ_S(edited("openai-chat", "{\"stream\":true,\"stream_options\":null}", 0),
	       "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	T_EQ_S(edited("openai-chat", "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}", 0),
	       "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	T_EQ_S(edited("openai-chat", "{\"stream\":false}", 0), "{\"stream\":false}");
	T_EQ_S(edited("openai-responses", "{\"stream\":true}", 0), "{\"stream\":true}");
	T_EQ_S(edited("anthropic-messages", "{\"stream\":true}", 0), "{\"stream\":true}");
	T_EQ_S(edited("openai-other", "{\"stream\":true}", 0), "{\"stream\":true}");
}

TEST(a_limit_is_lowered_by_a_splice)
{
	T_EQ_S(edited("openai-chat", "{\"model\":\"m\",\"max_tokens\":900}", 100),
		"{\"model\":\"m\",\"max_tokens\":100}");
	T_EQ_S(edited("openai-chat", "{\"max_tokens\":900,\"max_completion_tokens\":800}", 100),
		"{\"max_tokens\":100,\"max_completion_tokens\":100}");
	T_EQ_S(edited("openai-chat", "{\"max_tokens\":50}", 100), "{\"max_tokens\":50}");
	T_EQ_S(edited("openai-chat", "{\"model\":\"m\"}", 100), "{\"max_completion_tokens\":100,\"model\":\"m\"}");
	T_EQ_S(edited("openai-completions", "{\"model\":\"m\"}", 100), "{\"max_tokens\":100,\"model\":\"m\"}");
	T_EQ_S(edited("openai-responses", "{\"max_output_tokens\":900}", 100), "{\"max_output_tokens\":100}");
	T_EQ_S(edited("anthropic-messages", "{\"max_tokens\":900}", 100), "{\"max_tokens\":100}");
	T_EQ_S(edited("gemini-generate", "{\"contents\":[]}", 9),
		"{\"generationConfig\":{\"maxOutputTokens\":9},\"contents\":[]}");
	T_EQ_S(edited("gemini-generate", "{\"generationConfig\":{\"temperature\":1}}", 9),
	       "{\"generationConfig\":{\"maxOutputTokens\":9,\"temperature\":1}}");
	T_EQ_S(edited("gemini-generate", "{\"generation_config\":{\"max_output_tokens\":10}}", 9),
		"{\"generation_config\":{\"max_output_tokens\":9}}");
	T_EQ_S(edited("openai-embeddings", "{\"model\":\"m\"}", 9), "{\"model\":\"m\"}");
}

static const char *refusal(enum vendor_api a, enum api_error k)
{
	static char out[1024];
	struct sb b;
	sb_init(&b, 4096);
	api_error_body(a, k, STR("no \"budget\""), STR("c-1"), &b);
	T_EQ_I(json_check(sb_str(&b), NULL), 0);
	snprintf(out, sizeof out, "%s", b.p);
	sb_fini(&b);
	return out;
}

TEST(refusals_speak_the_vendors_shape)
{
	static const unsigned status[APIERRS] = {400, 401, 403, 404, 413, 429, 429, 451, 502, 504, 503, 507};
	T_EQ_S(refusal(API_OPENAI, APIERR_BUDGET),
	       "{\"error\":{\"message\":\"no \\\"budget\\\"\",\"type\":\"budget_exceeded\",\"param\":null,"
	"\"code\":\"budget_exceeded\"}}");
	T_EQ_S(refusal(API_ANTHROPIC, APIERR_BUDGET),
	       "{\"type\":\"error\",\"error\":{\"type\":\"budget_exceeded\",\"message\":\"no \\\"budget\\\"\"},"
	"\"request_id\":\"c-1\"}");
	T_EQ_S(refusal(API_GEMINI, APIERR_BUDGET),
	       "{\"error\":{\"code\":429,\"message\":\"no \\\"budget\\\"\",\"status\":\"RESOURCE_EXHAUSTED\","
	"\"details\":[{\"@type\":"
	       "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"budget_exceeded\","
	"\"domain\":\"runrate\"}]}}");
	for (unsigned k = 0; k < APIERRS; k++) {
		T_EQ_I(api_error_status((enum api_error)k), status[k]);
		for (unsigned a = 0; a < APIS; a++) {
			T_TRUE(api_error_type((enum vendor_api)a, (enum api_error)k) != NULL);
			refusal((enum vendor_api)a, (enum api_error)k);
		}
	}
}

TEST(refusals_in_a_stream_are_one_event)
{
	static const struct {
		const char *surface, *begins;
	} cases[] = {
		{"openai-chat", "data: {\"error\":{\"message\":\"m\""},
		{"openai-responses", "event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_timeout\","
			"\"message\":\"m\",\"param\":null,\"sequence_number\":0}\n\n"},
		{"anthropic-messages", "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"timeout_error\""},
		{"gemini-stream", "data: {\"error\":{\"code\":504"},
		{"gemini-openai-chat", "data: {\"error\":{\"message\":\"m\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sb b;
		sb_init(&b, 4096);
		api_error_event(surface_by_name(cases[i].surface), APIERR_TIMEOUT, STR("m"), &b);
		T_TRUE(str_starts(sb_str(&b), str_of(cases[i].begins)));
		T_TRUE(str_ends(sb_str(&b), STR("}\n\n")));
		sb_fini(&b);
	}
}

T_MAIN
