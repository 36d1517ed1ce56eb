/* SPDX-License-Identifier: Apache-2.0
 *
 * Call ids, names, and the JSON of a call by call_fields.def.
 */
#include "base/err.h"
#include "base/intern.h"
#include "model/call.h"
#include "t.h"

TEST(ids_are_their_own_clock)
{
	struct call_id id = call_id_make(INT64_C(1795219200123456), 0xABCD1234, 7), back;
	char text[CALL_ID_TEXT];
	T_EQ_I(call_id_time_us(id), INT64_C(1795219200123000));
	T_EQ_S(call_id_text(id, text), "c-01a1fb67187b1234abcd000000000007");
	T_EQ_I(strlen(text), CALL_ID_TEXT - 1);
	T_EQ_I(call_id_parse(str_of(text), &back), 0);
	T_TRUE(back.hi == id.hi && back.lo == id.lo);
}

TEST(ids_of_one_worker_ascend)
{
	char last[CALL_ID_TEXT] = "", now[CALL_ID_TEXT];
	for (uint64_t i = 0; i < 2000; i++) {
		call_id_text(call_id_make((int64_t)(i / 3) * 1000, 42, i), now);
		T_TRUE(strcmp(last, now) < 0);
		memcpy(last, now, sizeof now);
	}
}

TEST(ids_that_are_none_are_refused)
{
	static const char *const bad[] = {"", "c-", "c-01a1fb67187b1234abcd00000000000",
		"c-01a1fb67187b1234abcd0000000000071",
					  "d-01a1fb67187b1234abcd000000000007", "c-01A1fb68307b1234abcd000000000007",
					  "c-01a1fb67187b1234abcd00000000000g"};
	struct call_id id = {1, 2};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		T_EQ_I(call_id_parse(str_of(bad[i]), &id), -RR_SYNTAX);
	T_TRUE(id.hi == 1 && id.lo == 2);
	T_EQ_I(call_id_time_us(call_id_make(-5, 0, 0)), 0);
}

static const char *json_of(const struct call *c, struct sb *b)
{
	struct json_out w;
	struct json top;
	sb_init(b, 1 << 16);
	jw_init(&w, b);
	jw_object(&w);
	call_json(c, &w);
	jw_end_object(&w);
	T_EQ_I(json_parse(sb_str(b), &top, NULL), 0);
	return b->p;
}

static const char *text_of(struct sb *b, const char *path, char out[128])
{
	struct json top;
	T_EQ_I(json_parse(sb_str(b), &top, NULL), 0);
	return str_copy(out, 128, json_path(top, path).text);
}

TEST(a_call_as_json)
{
	struct call c;
	struct sb b;
	char out[128];
	call_init(&c);
	c.id = c.operation = call_id_make(INT64_C(1795219200000000), 1, 1);
	c.start_us = INT64_C(1795219200000000);
	c.team = intern(STR("search \"x\""));
	c.model_answered = intern(STR("gpt-5"));
	c.usage.tok[CLASS_IN_PLAIN] = 12;
	c.usage.tools[TOOL_CODE] = 2;
	c.usage.tier = TIER_BATCH;
	c.status = 200;
	c.outcome = OUTCOME_CLIENT_LEFT;
	str_copy(c.usage.geo, sizeof c.usage.geo, STR("us"));
	json_of(&c, &b);
	T_EQ_S(text_of(&b, "start", out), "\"2026-11-21T00:00:00Z\"");
	T_EQ_S(text_of(&b, "end", out), "null");
	T_EQ_S(text_of(&b, "calls", out), "1");
	T_EQ_S(text_of(&b, "tier", out), "\"batch\"");
	T_EQ_S(text_of(&b, "team", out), "\"search \\\"x\\\"\"");
	T_EQ_S(text_of(&b, "price_status", out), "\"no_usage\"");
	T_EQ_S(text_of(&b, "outcome", out), "\"client_left\"");
	T_EQ_S(text_of(&b, "cost", out), "null"); /* not known is not 0 */
	T_EQ_S(text_of(&b, "billed", out), "null");
	T_EQ_S(text_of(&b, "vendor_cost", out), "null");
	T_EQ_S(text_of(&b, "streamed", out), "false");
	T_EQ_S(text_of(&b, "geo", out), "\"us\"");
	T_EQ_S(text_of(&b, "classes.in_plain", out), "12");
	T_EQ_S(text_of(&b, "tool_calls.code", out), "2");
	sb_fini(&b);
	c.price_status = PRICE_PRICED;
	c.cost_pico = 1500000000;
	c.billed_pico = -1;
	json_of(&c, &b);
	T_EQ_S(text_of(&b, "cost", out), "\"0.0015\"");
	T_EQ_S(text_of(&b, "billed", out), "\"-0.000000000001\"");
	sb_fini(&b);
}

TEST(every_field_stands_in_the_json_once)
{
	struct call c;
	struct sb b;
	struct json top;
	unsigned fields = 0;
	call_init(&c);
	json_of(&c, &b);
	T_EQ_I(json_parse(sb_str(&b), &top, NULL), 0);
#define X(name, kind, member, text)                        \
	fields++;                                          \
	T_TRUE(json_get(top, #name).type != JSON_NONE);    \
	T_TRUE(sizeof(text) > 8);
#include "model/call_fields.def"
#undef X
	T_EQ_I(json_count(top), fields + 2);
	sb_fini(&b);
}

TEST(words_of_fields)
{
	T_EQ_S(call_field_word(STR("tier"), TIER_FLEX), "flex");
	T_EQ_S(call_field_word(STR("book"), BOOK_TRAINING), "training");
	T_EQ_S(call_field_word(STR("accepted"), ACCEPTED_NO), "no");
	T_EQ_S(call_field_word(STR("accepted"), 9), "?");
	T_EQ_S(call_field_word(STR("calls"), 0), "?");
	T_EQ_S(provenance_name(PROV_ASSUMED), "assumed");
	T_EQ_S(outcome_name((enum outcome)99), "?");
}

T_MAIN
