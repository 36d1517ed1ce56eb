/* SPDX-License-Identifier: Apache-2.0
 *
 * The price book: every format's reader on small texts of that format, names, overlays, errors, threads.
 */
#include <pthread.h>
#include <unistd.h>

#include "model/book_check.h"
#include "model/price.h"
#include "t.h"

#define HEAD                                                                                                           \
	"provider,model,match,meter,price,per,currency,tier,region,speed,above_input_tok,valid_from,valid_to,"         \
	"window_utc,weekdays,source,source_date,derived_from,note\n"

static struct book *parse(const char *text)
{
	struct err e = {0};
	struct book *b = book_parse(str_of(text), "test", &e);
	char out[1024];
	if (!b)
		printf("  %s\n", err_text(&e, out, sizeof out));
	T_TRUE(b != NULL);
	return b;
}

static const char *found(const struct book *b, const char *provider, const char *model)
{
	static char out[256];
	size_t m = book_find(b, str_of(provider), str_of(model));
	if (m == SIZE_MAX)
		return "";
	return str_copy(out, sizeof out, book_model_name(b, m, NULL));
}

/* The listed price of one unit as text, "" when there is none. */
static const char *priced(const struct book *b, const char *provider, const char *model, const char *meter, enum tier t,
			  uint64_t input, const char *at)
{
	static char out[MONEY_TEXT];
	struct price_query q = {.provider = str_of(provider), .model = str_of(model)};
	const struct price_rule *r;
	enum meter m;
	T_EQ_I(meter_parse(str_of(meter), &m), 0);
	T_EQ_I(time_parse(str_of(at), &q.at_us), 0);
	r = price_rule_for(b, &q, m, t, input, true);
	return r ? money_text_atto(r->price_atto, out) : "";
}

TEST(own_format_reads_every_column)
{
	struct book *b = parse(HEAD "v,m,alias other,in_plain,3,1M,USD,,,,,2026-01-01,2026-06-01,,,src,2026-01-02,,\n"
				    "v,m,,in_plain,4,1M,USD,,,,,2026-06-01,,,,src,2026-06-02,,\n"
				    "v,m,,in_plain,8,1M,USD,,,,200000,2026-06-01,,,,src,2026-06-02,2x base,\n"
				    "v,m,,in_plain,2,1M,USD,batch,,,,2026-06-01,,,,src,2026-06-02,0.5x standard,\n"
				    "v,m,,tool_web_search,10,1k,USD,any,,,,,,,,src,2026-06-02,,\n");
	const struct price_rule *r;
	T_EQ_I(book_rule_count(b), 5);
	T_EQ_S(priced(b, "v", "m", "in_plain", 0, 1, "2026-03-01"), "0.000003");
	T_EQ_S(priced(b, "v", "alias", "in_plain", 0, 1, "2026-06-01"), "0.000004");
	T_EQ_S(priced(b, "v", "other", "in_plain", 0, 200000, "2026-07-01"), "0.000004");
	T_EQ_S(priced(b, "v", "m", "in_plain", 0, 200001, "2026-07-01"), "0.000008");
	T_EQ_S(priced(b, "v", "m", "in_plain", TIER_BATCH, 1, "2026-07-01"), "0.000002");
	T_EQ_S(priced(b, "v", "m", "in_plain", TIER_FLEX, 1, "2026-07-01"), "");
	T_EQ_S(priced(b, "v", "m", "in_plain", 0, 1, "2025-12-31T23:59:59Z"), "");
	T_EQ_S(priced(b, "v", "m", "tool_web_search", TIER_BATCH, 1, "2026-07-01"), "0.01");
	r = book_rule_by_id(b, STR("v/m/in_plain+batch@2026-06-01"));
	T_TRUE(r && r->derived && str_eqc(r->derived_from, "0.5x standard"));
	T_TRUE(book_rule_by_id(b, STR("v/m/in_plain+above200000@2026-06-01")) != NULL);
	T_TRUE(book_rule_by_id(b, STR("v/m/nothing")) == NULL);
	T_TRUE(str_eqc(book_date(b), "2026-06-02"));
	book_free(b);
}

TEST(own_format_names_each_wrong_line)
{
	static const char *const bad[] = {
		"v,,,in_plain,3,1M,USD,,,,,,,,,s,2026-01-01,,\n",  /* no model */
		"v,m,,in_plane,3,1M,USD,,,,,,,,,s,2026-01-01,,\n", /* no such meter */
		"v,m,,in_plain,,1M,USD,,,,,,,,,s,2026-01-01,,\n",  /* a missing price is no 0 */
		"v,m,,in_plain,0,1M,USD,,,,,,,,,s,2026-01-01,,\n", /* nor is a 0 */
		"v,m,,in_plain,-3,1M,USD,,,,,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3x,1M,USD,,,,,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,NaN,1M,USD,,,,,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,0,USD,,,,,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,many,USD,,,,,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,dollars and cents,,,,,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,USD,cheap,,,,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,USD,,,slow,,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,USD,,,,many,,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,USD,,,,,someday,,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,USD,,,,,2026-02-01,2026-01-01,,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,USD,,,,,,,25:00-26:00,,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,USD,,,,,,,,noday,s,2026-01-01,,\n",
		"v,m,,in_plain,3,1M,USD,,,,,,,,,s,yesterday,,\n",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[1024];
		struct err e = {0};
		struct book *b;
		snprintf(text, sizeof text, HEAD "v,ok,,in_plain,3,1M,USD,,,,,,,,,s,2026-01-01,,\n%s", bad[i]);
		b = book_parse(str_of(text), "list.csv", &e);
		if (b)
			printf("  accepted: %s", bad[i]);
		T_TRUE(b == NULL);
		T_EQ_I(e.line, 3);
		T_EQ_S(e.file, "list.csv");
		book_free(b);
	}
}

TEST(a_user_writes_four_columns)
{
	struct book *b =
		parse("provider,model,meter,price\nlocal,llama,in_plain,0.0000001\nlocal,llama,out_text,free\n");
	T_EQ_S(priced(b, "local", "llama", "in_plain", 0, 1, "2026-01-01"), "0.0000001");
	T_EQ_S(priced(b, "local", "llama", "out_text", 0, 1, "2026-01-01"), "0");
	book_free(b);
}

TEST(garbage_is_refused_and_named)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"[1,2]",
		"{\"a\":1}",
		"a,b\n1,2\n",
		"\x00\x01\x02",
		"[{\"models\":[{}]}]",
		"[{\"id\":\"p\",\"models\":[{\"id\":\"m\",\"match\":{\"x\":1},\"prices\":{\"input_mtok\":1}}]}]",
		"[{\"id\":\"p\",\"models\":[{\"id\":\"m\",\"match\":{\"equals\":\"m\"},\"prices\":{\"input_mtok\":"
		"\"x\"}}]}]",
		"[{\"pricingTiers\":[],\"modelName\":\"m\",\"matchPattern\":\"((\"}]"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		struct book *b = book_parse(str_of(bad[i]), "bad", &e);
		if (b)
			printf("  accepted: %s\n", bad[i]);
		T_TRUE(b == NULL && e.what[0]);
		book_free(b);
	}
}

TEST(names_of_one_model)
{
	static const char *const same[][3] = {
		{"anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"},
		{"anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"},
		{"anthropic", "Claude-Sonnet-4-5-20250929", "claude-sonnet-4-5"},
		{"anthropic", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"},
		{"anthropic", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"},
		{"anthropic", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"},
		{"anthropic", "anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"},
		{"anthropic",
		 "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
		 "claude-sonnet-4-5"},
		{"anthropic", "projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5@20250929",
		 "claude-sonnet-4-5"},
		{"openai", "gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"},
		{"openai", "gpt-4.1-mini-20250414", "gpt-4.1-mini"},
		{"openai", "openai/gpt-4.1-mini", "gpt-4.1-mini"},
		{"openai", "gpt-4.1-mini-latest", "gpt-4.1-mini"},
		{"openai", "gpt-4.1-mini-nano", ""},
		{"openai", "gpt-4.1-min", ""},
		{"openai", "ft:gpt-4.1-mini-2025-04-14:org:name:id", "ft:gpt-4.1-mini-2025-04-14"},
		{"openai", "ft:gpt-5-2025-08-07:org::id", ""}, /* never the untuned price */
		{"google", "models/gemini-2.5-pro", "gemini-2.5-pro"},
		{"google", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"},
		{"google", "gemini-2.5-pro-001", "gemini-2.5-pro"},
		{"gemini", "gemini-2.5-pro", "gemini-2.5-pro"},
		{"vertex_ai", "gemini-2.5-pro", "gemini-2.5-pro"},
		{"azure", "gpt-4.1-mini", "gpt-4.1-mini"}, /* falls back to openai's list */
		{"OpenAI", "gpt-4.1-mini", "gpt-4.1-mini"},
		{"", "gpt-4.1-mini", "gpt-4.1-mini"},
		{"", "claude-sonnet-4-5", "claude-sonnet-4-5"},
		{"nobody", "gpt-4.1-mini", ""},
		{"openai", "", ""},
		{"openai", "/", ""},
		{"openai", "....////::::", ""},
	};
	struct err e = {0};
	struct book *b = book_builtin(&e);
	T_TRUE(b != NULL);
	for (int twice = 0; b && twice < 2; twice++) /* the second time from memory */
		for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
			if (strcmp(found(b, same[i][0], same[i][1]), same[i][2]))
				printf("  %s %s\n", same[i][0], same[i][1]);
			T_EQ_S(found(b, same[i][0], same[i][1]), same[i][2]);
		}
	T_TRUE(str_eqc(book_suggest(b, STR("openai"), STR("gpt-4.1-mimi")), "gpt-4.1-mini"));
	T_EQ_I(book_suggest(b, STR("openai"), STR("something else entirely")).n, 0);
	T_EQ_I(book_context_window_tok(b, STR("anthropic"), STR("claude-opus-5-5")), 1000000);
	T_EQ_I(book_max_output_tok(b, STR("anthropic"), STR("claude-opus-5-5")), 128000);
	T_EQ_I(book_context_window_tok(b, STR("anthropic"), STR("nothing")), 0);
	book_free(b);
}

static void count_finding(void *to, const struct lint_finding *f)
{
	(void)f;
	++*(unsigned *)to;
}

TEST(the_built_in_book_keeps_the_vendors_rules)
{
	struct err e = {0};
	struct book *b = book_builtin(&e);
	unsigned findings = 0;
	T_TRUE(b && book_rule_count(b) > 2000);
	T_EQ_I(book_lint(b, count_finding, &findings), 0);
	/* Prices that the specification states for November 2026. */
	T_EQ_S(priced(b, "openai", "gpt-6-astra", "in_plain", 0, 1, "2026-11-21"), "0.00001");
	T_EQ_S(priced(b, "openai", "gpt-6.1-terra", "in_cache_read", 0, 1, "2026-11-21"), "0.00000005");
	T_EQ_S(priced(b, "openai", "gpt-6.1-terra", "in_cache_write_12h", 0, 1, "2026-11-21"), "0.0000025");
	T_EQ_S(priced(b, "openai", "gpt-6.1-terra", "in_cache_write_30m", 0, 1, "2026-11-21"), "0.00000125");
	T_EQ_S(priced(b, "openai", "gpt-6.1-sol", "out_text", 0, 272001, "2026-11-21"), "0.000015");
	T_EQ_S(priced(b, "anthropic", "claude-opus-5-5", "in_cache_read", 0, 1, "2026-11-21"), "0.0000002");
	T_EQ_S(priced(b, "anthropic", "claude-fable-5-1", "in_cache_read", 0, 1, "2026-11-21"), "0.00000025");
	T_EQ_S(priced(b, "anthropic", "claude-sonnet-5", "out_text", 0, 1, "2026-11-21"), "0.00001");
	T_EQ_S(priced(b, "openai", "gpt-5.4-mini", "out_text", 0, 1, "2026-11-21"), "0.0000045");
	T_EQ_S(priced(b, "deepseek", "deepseek-flash", "in_plain", 0, 1, "2026-11-20T02:00:00Z"),
	       "0.0000003"); /* Friday */
	T_EQ_S(priced(b, "deepseek", "deepseek-flash", "in_plain", 0, 1, "2026-11-21T02:00:00Z"), "0.00000015");
	T_EQ_S(priced(b, "deepseek", "deepseek-flash", "in_plain", 0, 1, "2026-11-20T04:00:00Z"), "0.00000015");
	T_EQ_S(priced(b, "google", "gemini-2.5-pro", "in_cache_read", TIER_BATCH, 1, "2026-11-21"), "0.000000125");
	T_EQ_S(priced(b, "openai", "gpt-4.1", "in_cache_read", TIER_BATCH, 1, "2026-11-21"), "0.000001");
	T_EQ_S(priced(b, "openai", "gpt-5", "in_cache_read", TIER_BATCH, 1, "2026-11-21"), "0.0000000625");
	book_free(b);
}

TEST(c18_the_linter_finds_what_public_tables_got_wrong)
{
	static const char *const wrong[] = {
		"anthropic,claude-x,,in_cache_write_1h,36,1M,USD,,,,,,,,,s,2026-01-01,,\n", /* C18: 12 x too dear */
		"anthropic,claude-x,,in_cache_write_1h,3.75,1M,USD,,,,,,,,,s,2026-01-01,,\n",
		"anthropic,claude-x,,in_cache_write_5m,3,1M,USD,,,,,,,,,s,2026-01-01,,\n",
		"anthropic,claude-x,,in_cache_read,0.03,1M,USD,,,,,,,,,s,2026-01-01,,\n",
		"anthropic,claude-x,,in_plain,1,1M,USD,batch,,,,,,,,s,2026-01-01,,\n",
		"anthropic,claude-x,,in_plain,3,1M,USD,,,,,,,,,s,2026-01-01,,\n", /* twice at once */
		"anthropic,claude-x,,out_text,15,1M,USD,,,,,,,,,,,,\n",           /* no source, no date */
		"anthropic,claude-x,,in_plain,3.2,1M,USD,,us,,,,,,,s,2026-01-01,1.1x any region,\n",
		"openai,gpt-6-x,,in_plain,2,1M,USD,,,,,,,,,s,2026-01-01,,\nopenai,gpt-6-x,,in_cache_write,2,1M,USD,,,,,"
		",,,,s,2026-01-01,,\n",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char text[1024];
		unsigned findings = 0;
		struct book *b;
		snprintf(text, sizeof text, HEAD "anthropic,claude-x,,in_plain,3,1M,USD,,,,,,,,,s,2026-01-01,,\n%s",
			 wrong[i]);
		b = parse(text);
		if (book_lint(b, count_finding, &findings) != 1)
			printf("  %u findings: %s", findings, wrong[i]);
		T_TRUE(book_lint(b, count_finding, &findings) == 1);
		book_free(b);
	}
}

#define GENAI(prices)                                                                                                  \
	"[{\"id\":\"p\",\"name\":\"P\",\"provider_match\":{\"contains\":\"pee\"},\"models\":[{\"id\":\"m\",\"match\":" \
	"{\"or\":[{\"equals\":\"m\"},{\"starts_with\":\"m-\"},{\"regex\":\"^n-\\\\d{4}$\"}]},\"prices\":" prices       \
	"}]}]"

TEST(genai_prices_dates_hours_steps_and_ancestors)
{
	struct book *b = parse(GENAI(
		"[{\"prices\":{\"input_mtok\":1,\"output_mtok\":2}},{\"constraint\":{\"start_date\":\"2026-03-01\"},"
		"\"prices\":{\"input_mtok\":{\"base\":3,\"tiers\":[{\"start\":200000,\"price\":6}]},\"cache_write_"
		"mtok\":4}}]"));
	T_EQ_S(priced(b, "p", "m", "in_plain", 0, 1, "2026-02-28T23:59:59Z"), "0.000001");
	T_EQ_S(priced(b, "p", "m", "in_plain", 0, 1, "2026-03-01"), "0.000003");
	T_EQ_S(priced(b, "p", "m", "in_plain", 0, 200000, "2026-03-01"), "0.000003");
	T_EQ_S(priced(b, "p", "m", "in_plain", 0, 200001, "2026-03-01"), "0.000006");
	T_EQ_S(priced(b, "p", "m", "out_text", 0, 1, "2026-03-01"), ""); /* the later list has no output price */
	T_EQ_S(priced(b, "p", "m", "in_cache_write_1h", 0, 1, "2026-03-01"), "0.000004"); /* its ancestor */
	T_EQ_S(priced(b, "p", "m", "in_cache_read", 0, 1, "2026-03-01"), "0.000003");
	T_EQ_S(priced(b, "p", "m", "in_plain", TIER_BATCH, 1, "2026-03-01"), ""); /* the format has no batch */
	T_EQ_S(found(b, "p", "M-anything"), "m");
	T_EQ_S(found(b, "xpeex", "n-2026"), "m");
	T_EQ_S(found(b, "p", "n-26"), "");
	book_free(b);
	b = parse(GENAI("[{\"prices\":{\"input_mtok\":1,\"output_mtok\":7}},{\"constraint\":{\"start_time\":\"22:30:"
			"00Z\",\"end_time\":\"06:00:00Z\"},"
			"\"prices\":{\"input_mtok\":2}}]"));
	T_EQ_S(priced(b, "p", "m", "in_plain", 0, 1, "2026-03-01T22:29:59Z"), "0.000001");
	T_EQ_S(priced(b, "p", "m", "in_plain", 0, 1, "2026-03-01T22:30:00Z"), "0.000002");
	T_EQ_S(priced(b, "p", "m", "in_plain", 0, 1, "2026-03-01T05:59:59Z"), "0.000002");
	T_EQ_S(priced(b, "p", "m", "in_plain", 0, 1, "2026-03-01T06:00:00Z"), "0.000001");
	T_EQ_S(priced(b, "p", "m", "out_text", 0, 1, "2026-03-01T23:00:00Z"), "");
	T_EQ_S(priced(b, "p", "m", "out_text", 0, 1, "2026-03-01T12:00:00Z"), "0.000007");
	book_free(b);
}

TEST(litellm_keys_tiers_and_gaps)
{
	struct book *b = parse(
		"{\"sample_spec\":{\"litellm_provider\":\"one of\"},"
		"\"gpt-x\":{\"litellm_provider\":\"openai\",\"mode\":\"chat\",\"input_cost_per_token\":2e-06,\"output_"
		"cost_per_token\":1e-05,"
		"\"cache_read_input_token_cost\":5e-07,\"input_cost_per_token_priority\":4e-06,\"output_cost_per_token_"
		"priority\":2e-05,"
		"\"input_cost_per_token_above_272k_tokens\":4e-06,\"input_cost_per_token_batches\":1e-06,\"output_cost_"
		"per_reasoning_token\":1e-05,"
		"\"regional_processing_uplift_multiplier_us\":1.1,\"cache_creation_input_token_cost\":2.5e-06},"
		"\"gemini/"
		"g\":{\"litellm_provider\":\"gemini\",\"input_cost_per_token\":1e-06,\"output_cost_per_token\":2e-06},"
		"\"zero\":{\"litellm_provider\":\"openai\",\"input_cost_per_token\":0.0,\"output_cost_per_token\":0},"
		"\"claude-f\":{\"litellm_provider\":\"anthropic\",\"input_cost_per_token\":5e-06,\"output_cost_per_"
		"token\":2.5e-05,"
		"\"provider_specific_entry\":{\"us\":1.1,\"fast\":6.0}},"
		"\"dashscope/"
		"q\":{\"litellm_provider\":\"dashscope\",\"tiered_pricing\":[{\"range\":[0,256000],\"input_cost_per_"
		"token\":5e-08,"
		"\"output_cost_per_token\":4e-07},{\"range\":[256000,1000000],\"input_cost_per_token\":2.5e-07,"
		"\"output_cost_per_token\":2e-06}]},"
		"\"xai/"
		"grok\":{\"litellm_provider\":\"xai\",\"input_cost_per_token\":1e-06,\"input_cost_per_token_above_200k_"
		"tokens\":2e-06,"
		"\"output_cost_per_token\":1e-06}}");
	const char *at = "2026-01-01";
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", 0, 272000, at), "0.000002");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", 0, 272001, at), "0.000004");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", TIER_PRIORITY, 1, at), "0.000004");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", TIER_BATCH, 1, at), "0.000001");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", TIER_FLEX, 1, at), "");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_cache_read", TIER_PRIORITY, 1, at), "");        /* C27 */
	T_EQ_S(priced(b, "openai", "gpt-x", "out_reasoning", TIER_PRIORITY, 1, at), "0.00002"); /* C28 */
	T_EQ_S(priced(b, "openai", "gpt-x", "in_cache_write_5m", 0, 1, at), "0.0000025");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_cache_write_1h", 0, 1, at), ""); /* C18 */
	T_EQ_S(priced(b, "openai", "gpt-x", "in_audio", 0, 1, at), "0.000002");
	T_EQ_S(priced(b, "openai", "gpt-x", "out_audio", 0, 1, at), ""); /* C36 */
	T_EQ_S(priced(b, "openai", "zero", "in_plain", 0, 1, at), "");   /* C54 */
	T_EQ_S(priced(b, "google", "g", "in_plain", 0, 1, at), "0.000001");
	T_EQ_S(priced(b, "dashscope", "q", "in_plain", 0, 256000, at), "0.00000005");
	T_EQ_S(priced(b, "dashscope", "q", "out_text", 0, 256001, at), "0.000002");
	T_EQ_S(priced(b, "dashscope", "q", "in_cache_read", 0, 256001, at), "0.00000025");
	T_EQ_S(priced(b, "xai", "grok", "in_plain", 0, 199999, at), "0.000001");
	T_EQ_S(priced(b, "xai", "grok", "in_plain", 0, 200000, at), "0.000002");
	T_TRUE(book_rule_by_id(b, STR("anthropic/claude-f/out_text+fast+us")) != NULL);
	book_free(b);
}

TEST(langfuse_openrouter_and_models_dev)
{
	struct book *b = parse(
		"[{\"modelName\":\"gpt-x\",\"matchPattern\":\"(?i)^(openai/"
		")?(gpt-x)$\",\"updatedAt\":\"2026-08-20T00:00:00Z\","
		"\"pricingTiers\":[{\"isDefault\":true,\"conditions\":[],\"prices\":{\"input\":1e-06,\"output\":2e-06}}"
		","
		"{\"conditions\":[{\"key\":\"service_tier\",\"operator\":\"in\",\"values\":[\"fast\",\"priority\"]},"
		"{\"usageDetailPattern\":\"(input)\",\"operator\":\"gt\",\"value\":272000}],\"prices\":{\"input\":8e-"
		"06}}]}]");
	T_EQ_S(priced(b, "openai", "OpenAI/GPT-X", "in_plain", 0, 1, "2026-01-01"), "0.000001");
	T_EQ_S(priced(b, "whoever", "gpt-x", "in_plain", TIER_PRIORITY, 272001, "2026-01-01"), "0.000008");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", TIER_PRIORITY, 272000, "2026-01-01"), "");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_cache_read", 0, 1, "2026-01-01"), "");
	T_EQ_S(found(b, "openai", "gpt-xy"), "");
	book_free(b);
	b = parse(
		"{\"data\":[{\"id\":\"a/"
		"m-1.5\",\"pricing\":{\"prompt\":\"0.000001\",\"completion\":\"0.000002\",\"input_cache_read\":\"0\"}},"
		"{\"id\":\"a/auto\",\"pricing\":{\"prompt\":\"-1\",\"completion\":\"-1\"}},"
		"{\"id\":\"a/f:free\",\"pricing\":{\"prompt\":\"0\",\"completion\":\"0\"}}]}");
	T_EQ_S(priced(b, "openrouter", "a/m-1.5", "in_plain", 0, 1, "2026-01-01"), "0.000001");
	T_EQ_S(priced(b, "a", "m-1.5", "in_cache_read", 0, 1, "2026-01-01"), "");
	T_EQ_S(priced(b, "openrouter", "a/auto", "in_plain", 0, 1, "2026-01-01"), "");
	T_EQ_S(priced(b, "openrouter", "a/f:free", "in_plain", 0, 1, "2026-01-01"), "0");
	book_free(b);
	b = parse("{\"openai\":{\"id\":\"openai\",\"models\":{\"gpt-x\":{\"id\":\"gpt-x\",\"cost\":{\"input\":5,"
		  "\"output\":30,\"cache_read\":0.5,"
		  "\"tiers\":[{\"tier\":{\"size\":272000},\"input\":10,\"output\":45}]},\"limit\":{\"context\":1050000,"
		  "\"output\":128000}}}}}");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", 0, 272001, "2026-01-01"), "0.00001");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_cache_read", 0, 1, "2026-01-01"), "0.0000005");
	T_EQ_I(book_context_window_tok(b, STR("openai"), STR("gpt-x")), 1050000);
	book_free(b);
}

TEST(an_override_wins_only_where_it_speaks)
{
	struct err e = {0};
	struct book *b = parse(HEAD "openai,gpt-x,gpt-x-2026-01-01,in_plain,2,1M,USD,,,,,2026-01-01,,,,s,2026-01-01,,\n"
				    "openai,gpt-x,,in_plain,4,1M,USD,,,,272000,2026-01-01,,,,s,2026-01-01,,\n"
				    "openai,gpt-x,,out_text,8,1M,USD,,,,,2026-01-01,,,,s,2026-01-01,,\n");
	struct book *over =
		parse("provider,model,meter,price,per\nopenai,gpt-x,in_plain,1.5,1M\nlocal,llama,in_plain,0.1,1M\n");
	struct book *snapshot = parse("provider,model,meter,price,per\nopenai,gpt-x-2026-01-01,out_text,7,1M\n");
	T_EQ_I(book_overlay(b, over, &e), 0);
	book_free(over); /* its strings are not needed any more */
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", 0, 1, "2026-02-01"), "0.0000015");
	T_EQ_S(priced(b, "openai", "gpt-x-2026-01-01", "in_plain", 0, 1, "2026-02-01"), "0.0000015");
	T_EQ_S(priced(b, "openai", "gpt-x", "in_plain", 0, 272001, "2026-02-01"), "0.000004");
	T_EQ_S(priced(b, "openai", "gpt-x", "out_text", 0, 1, "2026-02-01"), "0.000008");
	T_EQ_S(priced(b, "local", "llama", "in_plain", 0, 1, "2026-02-01"), "0.0000001");
	T_EQ_I(book_overlay(b, snapshot, &e), 0);
	book_free(snapshot);
	T_EQ_S(priced(b, "openai", "gpt-x-2026-01-01", "out_text", 0, 1, "2026-02-01"), "0.000007");
	T_EQ_S(priced(b, "openai", "gpt-x-2026-01-01", "in_plain", 0, 1, "2026-02-01"), "0.0000015");
	T_EQ_S(priced(b, "openai", "gpt-x", "out_text", 0, 1, "2026-02-01"), "0.000008");
	book_free(b);
}

TEST(what_is_written_reads_back_the_same)
{
	struct err e = {0};
	struct book *b = book_builtin(&e), *again;
	struct sb text;
	sb_init(&text, 64 << 20);
	book_write_csv(b, str_of(""), str_of(""), &text);
	again = book_parse(sb_str(&text), "again", &e);
	T_TRUE(again && book_rule_count(again) == book_rule_count(b));
	for (size_t i = 0; again && i < book_rule_count(b); i++) {
		const struct price_rule *x = book_rule(b, i), *y = book_rule_by_id(again, x->id);
		if (!y || x->listed_atto != y->listed_atto || x->listed_per != y->listed_per ||
		    x->valid_to_us != y->valid_to_us || x->weekdays != y->weekdays || x->any_tier != y->any_tier ||
		    !str_eq(x->source, y->source))
			printf("  %.*s\n", STR_ARG(x->id));
		T_TRUE(y && x->listed_atto == y->listed_atto && x->listed_per == y->listed_per &&
		       x->valid_to_us == y->valid_to_us);
	}
	sb_fini(&text);
	book_free(again);
	book_free(b);
}

static void *look_up(void *to)
{
	const struct book *b = to;
	long wrong = 0;
	for (int i = 0; i < 20000; i++) {
		char name[64];
		snprintf(name, sizeof name, "gpt-4.1-mini-2025-%02d-%02d", 1 + i % 12, 1 + i % 28);
		if (strcmp(i % 2 ? "gpt-4.1-mini" : "", "x") == 0)
			wrong++;
		if (book_find(b, STR("openai"), str_of(name)) != book_find(b, STR("openai"), STR("gpt-4.1-mini")))
			wrong++;
		snprintf(name, sizeof name, "unknown-%d", i);
		if (book_find(b, STR("openai"), str_of(name)) != SIZE_MAX)
			wrong++;
	}
	return (void *)wrong;
}

TEST(many_threads_ask_one_book)
{
	struct err e = {0};
	struct book *b = book_builtin(&e);
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		T_EQ_I(pthread_create(&t[i], NULL, look_up, b), 0);
	for (int i = 0; i < 4; i++) {
		void *wrong;
		T_EQ_I(pthread_join(t[i], &wrong), 0);
		T_TRUE(wrong == NULL);
	}
	book_free(b);
}

TEST(public_files_as_published)
{
	static const char *const file[] = {"genai-prices/data.json",
					   "litellm/model_prices_and_context_window.json",
					   "langfuse/default-model-prices.json",
					   "models.dev",
					   "models.dev/models.json",
					   "models.dev/providers/openai",
					   "models.dev/providers/openai/models/gpt-5.5.toml"};
	static const unsigned least[] = {3500, 8000, 850, 400, 1000, 140, 9};
	for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
		char path[256];
		struct err e = {0};
		struct book *b;
		snprintf(path, sizeof path, "../shared/data/prices/%s", file[i]);
		if (access(path, R_OK) != 0) {
			printf("  skipped: %s is not here\n", path);
			continue;
		}
		b = book_load(path, &e);
		if (!b)
			printf("  %s: %s\n", path, e.what);
		T_TRUE(b && book_rule_count(b) >= least[i]);
		book_free(b);
	}
	T_TRUE(book_load("/nowhere/at/all", NULL) == NULL);
}

T_MAIN
