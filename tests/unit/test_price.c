/* SPDX-License-Identifier: Apache-2.0
 *
 * price(): the conformance list's pricing rules one by one, and sums held against python's decimal.
 */
#include "model/price.h"
#include "py.h"
#include "t.h"

#define HEAD                                                                                                           \
	"provider,model,match,meter,price,per,currency,tier,region,speed,above_input_tok,valid_from,valid_to,"         \
	"window_utc,weekdays,source,source_date,derived_from,note\n"
#define ROW(model, meter, price, rest) "v," model ",," meter "," price ",1M,USD," rest ",,,s,2026-01-01,,\n"
#define ANY                            ",,,,,"

static const char book_text[] = HEAD ROW("m", "in_plain", "3", ANY) ROW("m", "in_cache_read", "0.3", ANY) ROW(
	"m", "in_cache_write_5m", "3.75", ANY) ROW("m", "in_cache_write_1h", "6", ANY) ROW("m", "out_text", "15", ANY)
	ROW("m", "in_plain", "6", ",,,200000,,") ROW("m", "in_cache_read", "0.6", ",,,200000,,")
		ROW("m", "in_cache_write_5m", "7.5", ",,,200000,,") ROW("m", "in_cache_write_1h", "12", ",,,200000,,")
			ROW("m", "out_text", "22.5", ",,,200000,,") ROW("m", "in_plain", "1.5", "batch,,,,,") ROW(
				"m", "out_text", "7.5", "batch,,,,,") ROW("m", "in_plain", "18", ",,fast,,,")
				ROW("m", "out_text", "90", ",,fast,,,") ROW("m", "in_plain", "3.3", ",us,,,,") ROW(
					"m", "out_text", "16.5",
					",us,,,,") "v,m,,tool_web_search,10,1k,USD,any,,,,,,,,s,2026-01-01,,\n"
						   "v,voice,,audio_second,0.111,3600,USD,any,,,,,,,,s,2026-01-01,,\n"
						   "v,both,,audio_second,0.0001,1,USD,any,,,,,,,,s,2026-01-01,,\nv,"
						   "both,,in_audio,6,1M,USD,,,,,,,,,s,2026-01-01,,\n"
						   "v,both,,out_text,10,1M,USD,,,,,,,,,s,2026-01-01,,\n"
						   "v,draw,,image,0.04,1,USD,,,,,,,,,s,2026-01-01,,\n"
						   "v,gift,,in_plain,free,1M,USD,,,,,,,,,s,2026-01-01,,\nv,gift,,out_"
						   "text,free,1M,USD,,,,,,,,,s,2026-01-01,,\n"
						   "v,tiny,,in_plain,0.0000005,1M,USD,,,,,,,,,s,2026-01-01,,\n"
						   "v,mixed,,in_plain,1,1M,USD,,,,,,,,,s,2026-01-01,,\nv,mixed,,out_"
						   "text,1,1M,EUR,,,,,,,,,s,2026-01-01,,\n"
						   "v,tuned,,training_token,25,1M,USD,,,,,,,,,s,2026-01-01,,\n"
						   "v,asks,,in_plain,1,1M,USD,,,,,,,,,s,2026-01-01,,\nv,asks,,out_text,"
						   "1,1M,USD,,,,,,,,,s,2026-01-01,,\n"
						   "v,asks,,request,12,1k,USD,any,,,,,,,,s,2026-01-01,,\n";

static struct book *book;

static int ask(const char *model, const struct usage *u, struct price_result *r)
{
	struct err e = {0};
	struct price_query q = {.provider = STR("v"), .model = str_of(model), .at_us = INT64_C(1790000000000000)};
	if (!book)
		book = book_parse(str_of(book_text), "test", &e);
	if (!book)
		printf("  %s:%u\n", e.what, e.line);
	check(book != NULL);
	return price(book, &q, u, r);
}

static struct usage used(uint64_t in, uint64_t out)
{
	struct usage u = {.flags = USAGE_SEEN};
	u.tok[CLASS_IN_PLAIN] = in;
	u.tok[CLASS_OUT_TEXT] = out;
	return u;
}

TEST(a_plain_call)
{
	struct usage u = used(1000, 200);
	struct price_result r;
	u.tok[CLASS_IN_CACHE_READ] = 5000;
	u.tok[CLASS_IN_CACHE_WRITE_5M] = 2000;
	u.tok[CLASS_IN_CACHE_WRITE_1H] = 100;
	u.tok[CLASS_OUT_REASONING] = 50;
	u.tools[TOOL_WEB_SEARCH] = 3;
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.status, PRICE_PRICED);
	T_EQ_I(r.input_pico, 3000000000 + 1500000000 + 7500000000 + 600000000);
	T_EQ_I(r.output_pico, 3750000000); /* reasoning at the output price */
	T_EQ_I(r.tools_pico, 30000000000);
	T_EQ_I(r.total_pico, r.input_pico + r.output_pico + r.tools_pico);
	T_EQ_I(r.lines, 7);
	T_TRUE(str_eqc(r.line[0].rule->id, "v/m/in_plain"));
	T_TRUE(str_eqc(r.model, "m"));
}

TEST(c20_c21_c22_c23_c24_the_whole_request_is_rated_by_its_whole_input)
{
	struct usage u = used(10, 1000);
	struct price_result r;
	u.tok[CLASS_IN_CACHE_READ] = 190000;
	u.tok[CLASS_IN_CACHE_WRITE_5M] = 9990;
	ask("m", &u, &r); /* 200,000: not above */
	T_EQ_I(r.input_pico, 10 * 3000000 + 190000 * INT64_C(300000) + 9990 * INT64_C(3750000));
	T_EQ_I(r.output_pico, 15000000000);
	u.tok[CLASS_IN_CACHE_WRITE_1H] = 1; /* 200,001 */
	ask("m", &u, &r);
	T_EQ_I(r.input_pico, 10 * 6000000 + 190000 * INT64_C(600000) + 9990 * INT64_C(7500000) + 12000000);
	T_EQ_I(r.output_pico, 22500000000);
}

TEST(c25_c26_c27_the_served_tier_or_nothing)
{
	struct usage u = used(1000, 100);
	struct price_result r;
	u.tier = TIER_STANDARD;
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.total_pico, 4500000000);
	u.tier = TIER_BATCH;
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.total_pico, 2250000000);
	u.tools[TOOL_WEB_SEARCH] = 1; /* not discounted in batch */
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.tools_pico, 10000000000);
	u.tok[CLASS_IN_CACHE_READ] = 1; /* no batch price for it */
	T_EQ_I(ask("m", &u, &r), -RR_UNPRICED);
	T_EQ_I(r.status, PRICE_UNPRICED);
	T_TRUE(strstr(r.why, "in_cache_read") && strstr(r.why, "batch"));
	for (int t = TIER_FLEX; t < TIERS; t++) {
		u = used(1, 1);
		u.tier = (enum tier)t;
		T_EQ_I(ask("m", &u, &r), -RR_UNPRICED);
	}
}

TEST(speed_and_place)
{
	struct usage u = used(1000, 100);
	struct price_result r;
	u.fast = true;
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.total_pico, 27000000000);
	u.tok[CLASS_IN_CACHE_READ] = 1;
	T_EQ_I(ask("m", &u, &r), -RR_UNPRICED);
	u = used(1000, 100);
	strcpy(u.geo, "US");
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.total_pico, 4950000000);
	strcpy(u.geo, "global");
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.total_pico, 4500000000);
}

TEST(c36_c37_sounds_and_pictures)
{
	struct usage u = {.flags = USAGE_SEEN};
	struct price_result r;
	u.tok[CLASS_OUT_AUDIO] = 5;
	T_EQ_I(ask("m", &u, &r), -RR_UNPRICED); /* never at the text price */
	u.tok[CLASS_OUT_AUDIO] = 0;
	u.tok[CLASS_OUT_IMAGE] = 5;
	T_EQ_I(ask("m", &u, &r), -RR_UNPRICED);
	u.tok[CLASS_OUT_IMAGE] = 0;
	u.audio_ms = 90500;
	T_EQ_I(ask("voice", &u, &r), 0);
	T_EQ_I(r.total_pico, 2790416667); /* 0.111 / 3600 x 90.5 = 0.002790416666..., rounded once */
	T_EQ_I(ask("both", &u, &r), 0);
	T_EQ_I(r.total_pico, 9050000000);
	u.tok[CLASS_IN_AUDIO] = 1000;
	u.tok[CLASS_OUT_TEXT] = 10;
	T_EQ_I(ask("both", &u, &r), 0);
	T_EQ_I(r.total_pico, 6100000000); /* by tokens, not by seconds too */
	u = (struct usage){.flags = USAGE_SEEN, .images = 3};
	T_EQ_I(ask("draw", &u, &r), 0);
	T_EQ_I(r.output_pico, 120000000000);
}

TEST(c54_unknown_is_a_state)
{
	struct usage u = used(1, 1);
	struct price_result r;
	T_EQ_I(ask("nothing-like-it", &u, &r), -RR_UNPRICED);
	T_EQ_I(r.status, PRICE_UNPRICED);
	T_EQ_I(r.lines, 0);
	T_TRUE(strstr(r.why, "nothing-like-it") != NULL);
	T_EQ_I(ask("", &u, &r), -RR_UNPRICED);
	T_EQ_I(ask("mixed", &u, &r), -RR_UNPRICED); /* two currencies are never added */
	T_EQ_I(ask("gift", &u, &r), 0);
	T_EQ_I(r.status, PRICE_FREE);
	T_EQ_I(r.total_pico, 0);
	u = (struct usage){.flags = 0};
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.status, PRICE_NO_USAGE);
	u.flags = USAGE_SEEN | USAGE_ZERO; /* C58: said zero, is zero */
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.status, PRICE_PRICED);
	T_EQ_I(r.total_pico, 0);
	u = used(1000, 1);
	u.flags |= USAGE_MISMATCH;
	u.vendor_total_tok = 5;
	T_EQ_I(ask("m", &u, &r), 0);
	T_EQ_I(r.status, PRICE_MISMATCH);
	T_EQ_I(r.total_pico, 3015000000);
}

TEST(other_meters)
{
	struct usage u = {.flags = USAGE_SEEN, .trained_tok = 2000000};
	struct price_result r;
	T_EQ_I(ask("tuned", &u, &r), 0);
	T_EQ_I(r.total_pico, INT64_C(50000000000000));
	u = used(1000, 0);
	T_EQ_I(ask("asks", &u, &r), 0);
	T_EQ_I(r.tools_pico, 12000000000); /* each request */
	u.tools[TOOL_WEB_FETCH] = 4;       /* free beside its tokens */
	T_EQ_I(ask("asks", &u, &r), 0);
	u.tools[TOOL_CODE] = 1;
	T_EQ_I(ask("asks", &u, &r), -RR_UNPRICED);
}

TEST(rounding_happens_once)
{
	struct usage u = used(1, 0);
	struct price_result r;
	T_EQ_I(ask("tiny", &u, &r), 0); /* half a pico: to even */
	T_EQ_I(r.total_pico, 0);
	u.tok[CLASS_IN_PLAIN] = 3; /* 1.5 */
	ask("tiny", &u, &r);
	T_EQ_I(r.total_pico, 2);
	u.tok[CLASS_IN_PLAIN] = 5; /* 2.5 */
	ask("tiny", &u, &r);
	T_EQ_I(r.total_pico, 2);
	u.tok[CLASS_IN_PLAIN] = UINT64_MAX;
	T_EQ_I(ask("m", &u, &r), -RR_RANGE);
	T_EQ_I(r.status, PRICE_UNPRICED);
}

/* 2,000 random calls: the same sums by python's decimal from the same rows. */
TEST(sums_agree_with_python_decimal)
{
	static const char script[] =
		"import sys\nfrom decimal import Decimal as D, ROUND_HALF_EVEN, getcontext\ngetcontext().prec=60\n"
		"base=dict(zip('prwho','3 0.3 3.75 6 15'.split()));long=dict(zip('prwho','6 0.6 7.5 12 "
		"22.5'.split()))\n"
		"q=lambda x:int((x/1000000).quantize(D(1).scaleb(-12),ROUND_HALF_EVEN)*10**12)\n"
		"for l in sys.stdin:\n"
		" p,r,w,h,o=map(int,l.split());t=long if p+r+w+h>200000 else base\n"
		" i=D(t['p'])*p+D(t['r'])*r+D(t['w'])*w+D(t['h'])*h;x=D(t['o'])*o\n"
		" print(q(i),q(x),q(i+x))\n";
	struct sb in, want, got;
	uint64_t state = 88172645463325252u;
	sb_init(&in, 1 << 20);
	sb_init(&want, 1 << 20);
	sb_init(&got, 1 << 20);
	for (int i = 0; i < 2000; i++) {
		struct usage u = {.flags = USAGE_SEEN};
		struct price_result r;
		static const unsigned char class[] = {CLASS_IN_PLAIN, CLASS_IN_CACHE_READ, CLASS_IN_CACHE_WRITE_5M,
						      CLASS_IN_CACHE_WRITE_1H, CLASS_OUT_TEXT};
		for (int k = 0; k < 5; k++) {
			state ^= state << 13, state ^= state >> 7, state ^= state << 17;
			u.tok[class[k]] =
				state % 3 == 0 ? state % 100 : state % (i % 10 == 0 ? UINT64_C(1000000000) : 100000);
			sb_addf(&in, "%llu ", (unsigned long long)u.tok[class[k]]);
		}
		sb_addc(&in, '\n');
		T_EQ_I(ask("m", &u, &r), 0);
		sb_addf(&got, "%lld %lld %lld\n", (long long)r.input_pico, (long long)r.output_pico,
			(long long)r.total_pico);
	}
	if (py_run(script, sb_str(&in), &want))
		T_TRUE(str_eq(sb_str(&got), sb_str(&want)));
	sb_fini(&in);
	sb_fini(&want);
	sb_fini(&got);
}

TEST(json_says_the_cost_and_its_rules)
{
	struct usage u = used(1000, 100);
	struct price_result r;
	struct json_out w;
	struct sb out;
	sb_init(&out, 4096);
	jw_init(&w, &out);
	ask("m", &u, &r);
	jw_object(&w);
	price_json(&r, &w);
	jw_end_object(&w);
	T_TRUE(str_contains(sb_str(&out), STR("\"cost\":{\"input\":\"0.003\",\"output\":\"0.0015\",\"tools\":\"0\","
					      "\"total\":\"0.0045\",\"currency\":\"USD\"}")));
	T_TRUE(str_contains(
		sb_str(&out),
		STR("{\"id\":\"v/m/in_plain\",\"source\":\"s\",\"source_date\":\"2026-01-01\",\"valid_from\":null")));
	T_EQ_I(json_check(sb_str(&out), NULL), 0);
	sb_clear(&out);
	ask("unknown", &u, &r);
	jw_init(&w, &out);
	jw_object(&w);
	price_json(&r, &w);
	jw_end_object(&w);
	T_TRUE(str_contains(sb_str(&out), STR("\"total\":null")));
	sb_fini(&out);
	book_free(book);
	book = NULL;
}

/* The shortcut against the long way: every model of the built-in book, every tier, small and long input. */
TEST(the_dearest_way_is_what_pricing_each_way_finds)
{
	static const enum token_class ways[] = {CLASS_IN_PLAIN, CLASS_IN_CACHE_WRITE, CLASS_IN_CACHE_WRITE_5M,
						CLASS_IN_CACHE_WRITE_30M, CLASS_IN_CACHE_WRITE_1H, CLASS_IN_CACHE_WRITE_12H};
	enum { WAYS = sizeof ways / sizeof *ways };
	struct err e = {0};
	struct book *all = book_builtin(&e);
	unsigned compared = 0, not_plain = 0;
	T_TRUE(all != NULL);
	for (size_t i = 0; all && i < book_model_count(all); i++) {
		struct price_query q = {.at_us = INT64_C(1795000000) * US_PER_S};
		q.model = book_model_name(all, i, &q.provider);
		for (unsigned c = 0; c < TIERS * 2u; c++) {
			struct usage u = {.flags = USAGE_SEEN, .tier = (enum tier)(c / 2)};
			uint64_t tok = c % 2 ? 400001 : 777;
			int64_t most = -1, got = -1;
			struct price_result r;
			unsigned at;
			u.tok[CLASS_IN_PLAIN] = tok;
			at = price_dearest(all, &q, &u, ways, WAYS);
			for (unsigned w = 0; w < WAYS; w++) {
				memset(u.tok, 0, sizeof u.tok);
				u.tok[ways[w]] = tok;
				price(all, &q, &u, &r);
				if (w == 0 && r.status == PRICE_UNPRICED)
					break;
				if (r.status == PRICE_UNPRICED)
					continue;
				most = r.total_pico > most ? r.total_pico : most;
				if (w == at)
					got = r.total_pico;
			}
			T_TRUE(got == most);
			compared += most > 0;
			not_plain += at > 0;
		}
	}
	T_TRUE(compared > 1000 && not_plain > 100);
	book_free(all);
}

T_MAIN
